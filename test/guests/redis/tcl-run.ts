/**
 * One run of Redis' own `runtest` against a server that runs already (its external mode), and what came of each test.
 *
 * Always holds: the run has ended when this settles, Tcl clients included; a run that dies or hangs is a failed test.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** What differed; the rest is Tcl's stack. */
const EXPLANATION_LINES = 6;

export interface TclRun {
  /** Where runtest is started: a private view of the source (tcl-source.ts). */
  readonly folder: string;
  readonly host: string;
  readonly port: number;
  /** As runtest lists it: `unit/type/list`. */
  readonly unit: string;
  /** Options of runtest: --tags, --skiptest and so on. */
  readonly args: readonly string[];
  readonly timeoutMs: number;
  /** Gets every line, without colours. */
  readonly onLine?: (line: string) => void;
}

export interface TclResult {
  readonly name: string;
  passed: number;
  /** What failed, with the lines that explain it. */
  readonly failed: string[];
  /** Names of the tests that --skiptest has left out. */
  readonly skipped: string[];
  /** Tests, and whole blocks of them, that their tags leave out. */
  ignored: number;
  tookMs: number;
}

export async function runUnit(run: TclRun): Promise<TclResult> {
  const result: TclResult = { name: run.unit, passed: 0, failed: [], skipped: [], ignored: 0, tookMs: 0 };
  const startedMs = performance.now();
  const server = ["--host", run.host, "--port", String(run.port)];
  const child = spawn("./runtest", [...server, "--single", run.unit, ...run.args], {
    cwd: run.folder,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // its own group: runtest's Tcl clients must not outlive a timeout
  });
  const timer = setTimeout(() => {
    result.failed.push(`${run.unit}: no end after ${run.timeoutMs / 1000} s`);
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, run.timeoutMs);
  // How many lines of the last error are still wanted.
  let explaining = 0;
  let passedAll = false;
  const read = (line: string): void => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: runtest colours its output
    const plain = line.replace(/\x1b\[[0-9;]*m/g, "");
    run.onLine?.(plain);
    const match = /^\[(ok|err|skip|ignore|exception|TIMEOUT)\]:? ?(.*)$/.exec(plain);
    if (match === null) {
      if (plain.includes("All tests passed without errors!")) passedAll = true;
      // The lines right after an error belong to it (the values that differed).
      if (plain.trim() === "" || plain.startsWith("[")) explaining = 0;
      else if (explaining-- > 0) result.failed[result.failed.length - 1] += `\n      ${plain.slice(0, 400)}`;
      return;
    }
    explaining = 0;
    const text = match[2] ?? "";
    if (match[1] === "ok") result.passed++;
    else if (match[1] === "skip") result.skipped.push(text);
    else if (match[1] === "ignore") result.ignored++;
    else {
      explaining = EXPLANATION_LINES;
      result.failed.push(text);
    }
  };
  createInterface(child.stdout).on("line", read);
  createInterface(child.stderr).on("line", read);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  if (result.failed.length === 0 && (code !== 0 || !passedAll)) {
    result.failed.push(`${run.unit}: runtest ended with code ${code} before its end`);
  }
  result.tookMs = performance.now() - startedMs;
  return result;
}

/** Every unit that the suite has, in its own order. */
export function allUnits(folder: string): string[] {
  const result = spawnSync("./runtest", ["--list-tests"], { cwd: folder, encoding: "utf8" });
  const units = (result.stdout ?? "").split("\n").filter((line) => /^(unit|integration)\//.test(line));
  if (units.length === 0) throw new Error(`runtest --list-tests says nothing: ${result.error ?? result.stderr}`);
  return units;
}

/** One line a unit, and its failures. */
export function printUnit(result: TclResult, width = 14): void {
  const seconds = (result.tookMs / 1000).toFixed(1).padStart(6);
  const failed = result.failed.length ? `${result.failed.length} failed` : "";
  console.log(`${result.name.padEnd(width)} ${String(result.passed).padStart(4)} ok ${seconds} s  ${failed}`.trimEnd());
  for (const failure of result.failed) console.log(`    ${failure}`);
}
