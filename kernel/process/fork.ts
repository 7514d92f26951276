/**
 * fork(2). A stack kept by the JavaScript engine cannot be copied, so images that fork are built with binaryen's Asyncify on the callers
 * of fork: the call unwinds the thread's stack into linear memory, which can be copied, and both processes rewind it.
 *
 *     SYS_fork            asyncify_start_unwind(buffer); returns, and so does every caller up to the thread's function
 *     the stack is empty  asyncify_stop_unwind; the child: a copy of memory, globals, descriptors; both asyncify_start_rewind(buffer)
 *     SYS_fork again      asyncify_stop_rewind; returns the child's number, or 0 in the child
 *
 * The child has one thread, the one that forked, and runs interleaved with its parent under the same scheduler.
 */
import { EAGAIN, ENOMEM, ENOSYS } from "../abi/errno.ts";
import { GuestMemory } from "../mem/guest-memory.ts";
import type { GuestFunction } from "../sched/continuation.ts";
import type { Task } from "../sched/task.ts";
import { LinuxThread } from "./linux-thread.ts";
import type { Process } from "./process.ts";

/** A fork under way, of one thread. */
export interface ForkRequest {
  /** Where the stack is unwound to. */
  readonly buffer: number;
  /** What SYS_fork returns once the stack is rewound; null while it is being unwound. */
  result: number | null;
}

/** Room for an unwound stack: some 50 bytes a frame and local. */
const BUFFER_BYTES = 1024 * 1024;
/** `struct asyncify_data` at the beginning of the buffer: u32 current, u32 end. */
const BUFFER_HEADER_BYTES = 8;
/** RLIMIT_NPROC of sorts: a machine is no place for fork bombs. */
const PROCESSES_MAX = 512;
const WASM_PAGE_BYTES = 65536;

/** SYS_fork, both times. */
export function forkCall(process: Process): number {
  const { linux } = process.current;
  const space = process.linux.space;
  if (!linux || !space) return -ENOSYS;
  const { fork, instance } = linux;
  if (fork && fork.result !== null) {
    call(linux, "asyncify_stop_rewind");
    space.unmap(fork.buffer, BUFFER_BYTES);
    linux.fork = null;
    return fork.result;
  }
  const unwind = instance.exported("asyncify_start_unwind");
  if (!unwind) {
    process.log(
      "fork: this program was built without the unwind transformation (ringzero-cc applies it to programs that call fork): answered ENOSYS",
    );
    return -ENOSYS;
  }
  if (process.machine.processes.size >= PROCESSES_MAX) return -EAGAIN;
  const buffer = space.mapAnonymous(BUFFER_BYTES, 0, 0);
  if (buffer < 0) return -ENOMEM;
  process.mem.setU32(buffer, buffer + BUFFER_HEADER_BYTES);
  process.mem.setU32(buffer + 4, buffer + BUFFER_BYTES);
  linux.fork = { buffer, result: null };
  process.current.signaled = true; // a call that is made before the stack is unwound shows that it cannot be (dispatch.ts)
  unwind(buffer);
  return 0;
}

/** A stack of the process has returned: if fork has unwound it, both sides go on. */
export function forkUnwound(process: Process, task: Task): boolean {
  const linux = task.linux;
  if (!linux?.fork || linux.fork.result !== null) return false;
  const { fork } = linux;
  call(linux, "asyncify_stop_unwind");
  process.linux.signals.update(task);
  fork.result = makeChild(process, linux, fork.buffer);
  call(linux, "asyncify_start_rewind", fork.buffer);
  process.scheduler.restart(task, entryOf(linux), linux.entry.args);
  return true;
}

/** The child's number, or a negated errno. */
function makeChild(parent: Process, linux: LinuxThread, buffer: number): number {
  const { machine } = parent;
  const { program, space } = parent.linux;
  if (!program || !space) return -ENOSYS;
  let memory: WebAssembly.Memory;
  try {
    memory = copyMemory(parent, space.usedRanges());
  } catch {
    return -ENOMEM;
  }
  const child = machine.addProcess(parent, new GuestMemory(memory));
  try {
    child.linux.space = space.clone(child.mem);
    child.linux.program = machine.bind(child, program.module, program.shape);
    const instance = child.linux.program.instantiate();
    instance.copyGlobals(linux.instance);
    const thread = new LinuxThread(instance, linux.entry, linux.blocked.clone());
    thread.frames.push(...linux.frames);
    thread.name = linux.name;
    thread.fork = { buffer, result: 0 };
    call(thread, "asyncify_start_rewind", buffer);
    machine.scheduler.spawn(child, entryOf(thread), thread.entry.args, child.pid).linux = thread;
  } catch (error) {
    machine.log(`fork: ${(error as Error).message}`);
    child.release();
    child.linux.reap();
    return -ENOMEM;
  }
  return child.pid;
}

/** A copy of what is in use of the parent's memory; the rest of it is zero. */
function copyMemory(parent: Process, ranges: readonly (readonly [start: number, end: number])[]): WebAssembly.Memory {
  const { memory } = parent.mem;
  const shape = parent.linux.program?.shape.memory;
  const initial = memory.buffer.byteLength / WASM_PAGE_BYTES;
  const maximum = Math.max(
    initial,
    Math.min(shape?.maximum ?? 65536, Math.floor(parent.boot.memoryLimit / WASM_PAGE_BYTES)),
  );
  const copy = new WebAssembly.Memory({ initial, maximum, shared: shape?.shared ?? false });
  const from = new Uint8Array(memory.buffer);
  const to = new Uint8Array(copy.buffer);
  for (const [start, end] of ranges) to.set(from.subarray(start, end), start);
  return copy;
}

/** The function that a thread's stack begins with. */
function entryOf(linux: LinuxThread): GuestFunction {
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
