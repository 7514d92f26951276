/**
 * The `ringzero` command as a process of its own, with a run folder of its own: what other tests run meanwhile is not seen.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../host/cli.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class RunProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #output = "";
  #errors = "";

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on("data", (chunk) => {
      this.#output += chunk;
    });
    child.stderr?.on("data", (chunk) => {
      this.#errors += chunk;
    });
    this.ended = once(child, "close").then(([code, signal]) => ({ code, signal, ...this.said }));
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get said(): { stdout: string; stderr: string } {
    return { stdout: this.#output, stderr: this.#errors };
  }

  /** Settles once stdout or stderr matches. */
  async says(pattern: RegExp, timeoutMs = 10_000): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (!pattern.test(this.#output) && !pattern.test(this.#errors)) {
      if (performance.now() > deadlineMs || this.child.exitCode !== null) {
        throw new Error(`it never said ${pattern}:\n${this.#output}${this.#errors}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

export class RunCommands {
  /** The temporary folder that the commands see. */
  readonly folder = mkdtempSync(join(tmpdir(), "ringzero-run-"));
  readonly #started: RunProcess[] = [];

  /** Starts `ringzero ARGS` with stdin at its end, unless `stdio` says otherwise. */
  start(args: readonly string[], stdio: "ignore" | "pipe" | number = "ignore"): RunProcess {
    // The compile cache stays where it is: a cold one for every folder would cost a second each.
    const NODE_COMPILE_CACHE = process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), "node-compile-cache");
    const env = { ...process.env, TMPDIR: this.folder, NODE_COMPILE_CACHE };
    const child = spawn(process.execPath, [cli, ...args], { stdio: [stdio, "pipe", "pipe"], env });
    const subject = new RunProcess(child);
    this.#started.push(subject);
    return subject;
  }

  run(...args: string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  /** Ends what a failed test has left. */
  async end(): Promise<void> {
    for (const { child } of this.#started) if (child.exitCode === null) child.kill("SIGKILL");
    await Promise.all(this.#started.map(({ ended }) => ended));
  }
}
