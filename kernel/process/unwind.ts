/**
 * Stacks that are taken apart and put together again. A stack kept by the JavaScript engine can be neither copied nor left from the middle,
 * so a program that forks is built with binaryen's Asyncify on the callers of fork: a call unwinds the thread's stack into linear memory, and
 * the thread's function, called once more, rewinds it.
 *
 *     SYS_fork            asyncify_start_unwind(buffer); returns, and so does every caller up to the thread's function
 *     the stack is empty  asyncify_stop_unwind; whoever asked does his work with the buffer; asyncify_start_rewind(buffer)
 *     SYS_fork again      asyncify_stop_rewind; the call returns its result
 *
 * Two ask for it: fork(2) (fork.ts), and setjmp(3) of programs that expect it from the engine (engine-setjmp.ts).
 */
import { ENOMEM, ENOSYS } from "../abi/errno.ts";
import type { GuestFunction } from "../sched/continuation.ts";
import type { Task } from "../sched/task.ts";
import type { LinuxThread } from "./linux-thread.ts";
import type { Process } from "./process.ts";

/** An unwinding under way, of one thread. */
export interface Unwinding {
  /** What it is for; `jump` is the number of the jump buffer. */
  readonly purpose: "fork" | "setjmp";
  readonly jump: number;
  /** Where the stack is unwound to: BUFFER_BYTES of the process' memory. */
  readonly buffer: number;
  /** What the call returns once the stack is rewound; null while it is being unwound. */
  result: number | null;
}

/** Room for an unwound stack: some 50 bytes a frame and local. */
const BUFFER_BYTES = 1024 * 1024;
/** `struct asyncify_data` at the beginning of the buffer: u32 current, u32 end. */
const HEADER_BYTES = 8;

/** True if the program's module has the transformation. */
export function canUnwind(linux: LinuxThread): boolean {
  return linux.instance.exported("asyncify_start_unwind") !== null;
}

/** A call of the running thread begins to unwind its stack. 0 (which nobody sees), or a negated errno. */
export function startUnwind(process: Process, linux: LinuxThread, purpose: Unwinding["purpose"], jump: number): number {
  const { space } = process.linux;
  if (!space) return -ENOSYS;
  const buffer = space.mapAnonymous(BUFFER_BYTES, 0);
  if (buffer < 0) return -ENOMEM;
  process.mem.setU32(buffer, buffer + HEADER_BYTES);
  process.mem.setU32(buffer + 4, buffer + BUFFER_BYTES);
  linux.unwinding = { purpose, jump, buffer, result: null };
  process.current.signaled = true; // a call that is made before the stack is unwound shows that it cannot be (dispatch.ts)
  call(linux, "asyncify_start_unwind", buffer);
  return 0;
}

/** The stack has been unwound: its bytes lie in the buffer. */
export function stopUnwind(process: Process, task: Task, linux: LinuxThread): void {
  call(linux, "asyncify_stop_unwind");
  process.linux.signals.update(task);
}

/** The thread's function will rewind the stack from the buffer. */
export function startRewind(linux: LinuxThread, unwinding: Unwinding): void {
  linux.unwinding = unwinding;
  call(linux, "asyncify_start_rewind", unwinding.buffer);
}

/** The call that had unwound the stack is reached again: what it returns; null if it is called for the first time. */
export function finishRewind(process: Process, linux: LinuxThread): number | null {
  const { unwinding } = linux;
  if (!unwinding || unwinding.result === null) return null;
  call(linux, "asyncify_stop_rewind");
  process.linux.space?.unmap(unwinding.buffer, BUFFER_BYTES);
  linux.unwinding = null;
  return unwinding.result;
}

/** A copy of an unwound stack, which `putStack` puts into a buffer again. */
export function takeStack(process: Process, buffer: number): Uint8Array<ArrayBuffer> {
  const end = process.mem.getU32(buffer);
  return process.mem.u8.slice(buffer + HEADER_BYTES, end) as Uint8Array<ArrayBuffer>;
}

/** A new buffer with a stack that was taken: its address, or a negated errno. */
export function putStack(process: Process, stack: Uint8Array): number {
  const { space } = process.linux;
  const buffer = space?.mapAnonymous(BUFFER_BYTES, 0) ?? -ENOSYS;
  if (buffer < 0) return buffer;
  process.mem.u8.set(stack, buffer + HEADER_BYTES);
  process.mem.setU32(buffer, buffer + HEADER_BYTES + stack.length);
  process.mem.setU32(buffer + 4, buffer + BUFFER_BYTES);
  return buffer;
}

/** The function that a thread's stack begins with. */
export function entryOf(linux: LinuxThread): GuestFunction {
  const { entry, instance } = linux;
  const fn = entry.pointer === 0 ? instance.exported("_start") : instance.functionAt(entry.pointer);
  if (!fn) throw new Error("the thread's function is gone");
  return fn;
}

function call(linux: LinuxThread, name: string, ...args: number[]): void {
  const fn = linux.instance.exported(name);
  if (!fn) throw new Error(`the module has asyncify_start_unwind and no ${name}`);
  fn(...args);
}
