/**
 * A program image (sqlite3, lua) run through the CLI in a process of its own: input in, output and exit code out; or left running, to be
 * talked to and killed.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { repositoryRoot } from "../server-process.ts";

const cli = join(repositoryRoot, "host/cli.ts");

export interface ProgramOptions {
  readonly args?: readonly string[];
  /** `--volume` values, HOST:GUEST. */
  readonly volumes?: readonly string[];
  /** Further options of the CLI. */
  readonly options?: readonly string[];
}

export interface ProgramEnd {
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running program. */
export class ProgramProcess {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = "";
  stderr = "";
  readonly ended: Promise<ProgramEnd>;

  constructor(command: readonly string[]) {
    const [program = "", ...args] = command;
    this.child = spawn(program, args, { stdio: "pipe" });
    this.child.stdin.on("error", () => {}); // it may end before it has read everything
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = once(this.child, "close").then(([code, signal]) => ({
      code: (code ?? signal) as number | NodeJS.Signals,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** The whole input; the program's end. */
  finish(input: string): Promise<ProgramEnd> {
    this.child.stdin.end(input);
    return this.ended;
  }

  /** kill -9. */
  async kill(): Promise<ProgramEnd> {
    this.child.kill("SIGKILL");
    return this.ended;
  }
}

export function startProgram(
  image: string,
  { args = [], volumes = [], options = [] }: ProgramOptions = {},
): ProgramProcess {
  const shared = volumes.flatMap((volume) => ["--volume", volume]);
  return new ProgramProcess([process.execPath, cli, "run", ...shared, ...options, image, "--", ...args]);
}

export function runProgram(image: string, input: string, options: ProgramOptions = {}): Promise<ProgramEnd> {
  return startProgram(image, options).finish(input);
}
