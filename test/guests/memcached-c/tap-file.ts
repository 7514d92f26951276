/** One test file of memcached's (Perl, Test::More), run to its end: what its TAP says (testanything.org). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TapResult {
  readonly name: string;
  /** Test points. */
  readonly passed: number;
  /** What failed: test points, a plan that was not kept, an end with an error. Empty: the file has passed. */
  readonly failed: readonly string[];
  /** Why the whole file was skipped; null if it was not. */
  readonly skipped: string | null;
  readonly tookMs: number;
}

const LAST_WORDS_LINES = 12;

/** Runs `name` of the folder's t; `env` is added to the environment. */
export async function runTapFile(
  folder: string,
  name: string,
  timeoutMs: number,
  env: Readonly<Record<string, string>> = {},
): Promise<TapResult> {
  const startedMs = performance.now();
  const logs = mkdtempSync(join(tmpdir(), "memcached-tap-"));
  // Files, not pipes: the servers that it starts have the same outputs, Node makes pipes non-blocking, and Perl loses what does not fit.
  const outputs = [openSync(join(logs, "out"), "w"), openSync(join(logs, "err"), "w")] as const;
  const child = spawn("perl", ["-I.", "-It/lib", `t/${name}`], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", ...outputs],
    detached: true, // its own group: the servers that it has started go with it
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, timeoutMs);
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  killGroup(child.pid);
  for (const fd of outputs) closeSync(fd);
  const { passed, failed, planned, skipped } = readTap(readFileSync(join(logs, "out"), "utf8"));
  const words = readFileSync(join(logs, "err"), "utf8").trim().split("\n").slice(-LAST_WORDS_LINES);
  rmSync(logs, { recursive: true });
  if (timedOut) failed.push(`no end after ${timeoutMs / 1000} s`);
  else if (planned < 0) failed.push(`it has no plan, and ended with ${code ?? signal}`);
  else if (passed + failed.length !== planned) {
    failed.push(`${passed + failed.length} tests of ${planned} were run, it ended with ${code ?? signal}`);
  } else if (code !== 0 && failed.length === 0) failed.push(`it ended with ${code ?? signal}`);
  if (failed.length > 0) failed.push(...words.filter((line) => line !== ""));
  return { name, passed, failed, skipped, tookMs: performance.now() - startedMs };
}

interface Tap {
  readonly passed: number;
  readonly failed: string[];
  /** -1: there is no plan. */
  readonly planned: number;
  readonly skipped: string | null;
}

function readTap(text: string): Tap {
  const failed: string[] = [];
  let passed = 0;
  let planned = -1;
  let skipped: string | null = null;
  for (const line of text.split("\n")) {
    const plan = /^1\.\.(\d+)(?:\s*#\s*skip\S*\s*(.*))?/i.exec(line);
    if (plan) {
      planned = Number(plan[1]);
      if (planned === 0) skipped = plan[2] ?? "";
    } else if (/^ok\b/.test(line) || /^not ok\b.*#\s*todo\b/i.test(line)) passed++;
    else if (/^(not ok\b|Bail out!)/.test(line)) failed.push(line);
  }
  return { passed, failed, planned, skipped };
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // nobody is left
  }
}
