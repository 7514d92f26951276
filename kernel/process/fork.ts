/**
 * fork(2): the stack is unwound (unwind.ts), the child gets a copy of memory, globals and descriptors, and both rewind. The child has one
 * thread, the one that forked, and runs interleaved with its parent under the same scheduler.
 */
import { EAGAIN, ENOMEM, ENOSYS } from "../abi/errno.ts";
import { GuestMemory } from "../mem/guest-memory.ts";
import type { Task } from "../sched/task.ts";
import { LinuxThread } from "./linux-thread.ts";
import type { Process } from "./process.ts";
import { canUnwind, entryOf, finishRewind, startRewind, startUnwind, stopUnwind } from "./unwind.ts";

/** RLIMIT_NPROC of sorts: a machine is no place for fork bombs. */
const PROCESSES_MAX = 512;
const WASM_PAGE_BYTES = 65536;

/** SYS_fork, both times. */
export function forkCall(process: Process): number {
  const { linux } = process.current;
  if (!linux) return -ENOSYS;
  const result = finishRewind(process, linux);
  if (result !== null) return result;
  if (!canUnwind(linux)) {
    process.log(
      "fork: this program was built without the unwind transformation (ringzero-cc applies it to programs that call fork): answered ENOSYS",
    );
    return -ENOSYS;
  }
  linux.frames.dropLeft(linux.instance.stackPointer);
  if (!linux.frames.isEmpty) {
    process.log("fork in a signal handler: the kernel's own frame below it cannot be copied: answered ENOSYS");
    return -ENOSYS;
  }
  if (process.machine.processes.size >= PROCESSES_MAX) return -EAGAIN;
  return startUnwind(process, linux, "fork", 0);
}

/** The stack of a thread that forks has been unwound: both sides go on. */
export function forkUnwound(process: Process, task: Task, linux: LinuxThread, buffer: number): void {
  stopUnwind(process, task, linux);
  const result = makeChild(process, linux, buffer);
  startRewind(linux, { purpose: "fork", jump: 0, buffer, result });
  process.scheduler.restart(task, entryOf(linux), linux.entry.args);
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
    child.linux.space = space.clone(child);
    child.linux.program = machine.bind(child, program.module, program.shape);
    const instance = child.linux.program.instantiate();
    instance.copyGlobals(linux.instance);
    const thread = new LinuxThread(instance, linux.entry, linux.blocked.clone());
    thread.name = linux.name;
    thread.altStack = linux.altStack;
    thread.scheduling = linux.scheduling;
    // As if with CLONE_CHILD_CLEARTID: C libraries rely on it when a forked process' first thread ends before its others.
    thread.clearTid = linux.clearTid;
    thread.jumps.copy(linux.jumps);
    startRewind(thread, { purpose: "fork", jump: 0, buffer, result: 0 });
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
  const limit = Math.floor(parent.boot.memoryLimit / WASM_PAGE_BYTES);
  const maximum = Math.max(initial, Math.min(shape?.maximum ?? 65536, limit));
  const copy = new WebAssembly.Memory({ initial, maximum, shared: shape?.shared ?? false });
  const from = new Uint8Array(memory.buffer);
  const to = new Uint8Array(copy.buffer);
  for (const [start, end] of ranges) to.set(from.subarray(start, end), start);
  return copy;
}
