/**
 * A C program run natively or in a machine, and how it ended: the same shape for both, so that the two can be compared.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";

export interface ProgramEnd {
  /** As a shell reports it: the exit status, or 128 + the signal it died of. -1: it never ended (see `reason`) or could not start. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** One line where the program did not end by itself, else null. */
  readonly reason: string | null;
  readonly tookMs: number;
}

export interface NativeOptions {
  readonly cwd?: string;
  /** The whole environment; default: this process' own. */
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
  /** The program is to start as a shell starts one, not as the leader of a session: its children may outlive it, then. */
  readonly leadsNobody?: boolean;
}

/** What is kept of an output: a program that prints without end must not fill our memory. */
const OUTPUT_BYTES_MAX = 1024 * 1024;

/** Runs a program on this Linux, with no input, in a session of its own whose processes are gone when this settles. */
export async function runNative(command: readonly string[], options: NativeOptions): Promise<ProgramEnd> {
  const [program = "", ...args] = command;
  const startedMs = performance.now();
  const child = spawn(program, args, {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.env !== undefined && { env: options.env }),
    stdio: ["ignore", "pipe", "pipe"],
    detached: options.leadsNobody !== true,
  });
  const stdout = textOf(child.stdout);
  const stderr = textOf(child.stderr);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child);
  }, options.timeoutMs);
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    // Children that it left behind hold its output open.
    killGroup(child);
    if (child.stdout.readableEnded === false || child.stderr.readableEnded === false) await once(child, "close");
    return {
      code: timedOut ? -1 : (code ?? 128 + constants.signals[signal ?? "SIGKILL"]),
      stdout: stdout(),
      stderr: stderr(),
      reason: timedOut ? `no end after ${options.timeoutMs} ms` : null,
      tookMs: performance.now() - startedMs,
    };
  } finally {
    clearTimeout(timer);
  }
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => {
    if (bytes < OUTPUT_BYTES_MAX) chunks.push(chunk);
    bytes += chunk.length;
  });
  return () => Buffer.concat(chunks).toString();
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nobody of the group is left, or it never was one.
    child.kill("SIGKILL");
  }
}
