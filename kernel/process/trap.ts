/**
 * Traps: what ends a stack without its consent. Linux would have sent a signal. If the process has a handler for that, it runs, on a new stack of
 * the thread: it may write a report, or end the process in its own way. There is nothing to return to: if it returns, the process dies of the signal.
 */
import { SIGFPE, SIGILL, SIGSEGV } from "../abi/signal.ts";
import type { Task } from "../sched/task.ts";
import type { LinuxThread } from "./linux-thread.ts";
import type { Process } from "./process.ts";

/** si_code: SEGV_MAPERR, FPE_INTDIV and ILL_ILLOPC are all 1. */
const TRAP_CODE = 1;

export interface Trap {
  readonly signo: number;
  /** What has happened, and where. */
  readonly message: string;
}

/** What was thrown through a stack, if it was a trap. */
export function trapOf(error: unknown): Trap | null {
  if (!(error instanceof WebAssembly.RuntimeError || error instanceof RangeError)) return null;
  const where = /wasm-function\[\d+\][^\n]*/.exec(error.stack ?? "")?.[0];
  return { signo: signalOf(error), message: `${error.message}${where ? ` at ${where}` : ""}` };
}

/** The stack of a thread has trapped: true if a handler runs now. */
export function runTrapHandler(process: Process, task: Task, linux: LinuxThread, { signo, message }: Trap): boolean {
  if (linux.trapped !== 0 || process.over) return false; // the handler itself
  const info = { signo, code: TRAP_CODE, pid: 0, uid: 0, value: 0 };
  const handler = process.linux.signals.takeTrap(task, info);
  if (!handler) return false;
  process.log(`the guest has trapped: ${message}; its handler of signal ${signo} runs`);
  linux.trapped = signo;
  process.scheduler.restart(task, handler.fn, handler.args);
  return true;
}

/** The handler of a trap has returned. */
export function dieOfTrap(process: Process, signo: number): void {
  process.end({ code: 128 + signo, reason: null }, signo);
}

function signalOf(error: Error): number {
  if (/divide|remainder|representable|overflow/.test(error.message) && !/stack/.test(error.message)) return SIGFPE;
  if (/out of bounds|stack|null/.test(error.message)) return SIGSEGV;
  return SIGILL;
}
