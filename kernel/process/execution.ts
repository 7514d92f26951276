/**
 * How a Linux program begins and ends in a process: its first thread, further threads, what a thread's end does, and execve(2).
 */
import { EAGAIN, EINVAL, ENOEXEC, ENOMEM } from "../abi/errno.ts";
import { installFile } from "../fs/boot.ts";
import { toByteString, toBytes } from "../fs/byte-string.ts";
import { AddressSpace } from "../mem/address-space.ts";
import { GuestMemory } from "../mem/guest-memory.ts";
import { isLinuxModule } from "../personality/wali.ts";
import type { GuestFunction, Outcome } from "../sched/continuation.ts";
import type { Task } from "../sched/task.ts";
import { editLinuxModule } from "../shim/wasm-edit.ts";
import { type ModuleShape, readModuleShape, WasmFormatError } from "../shim/wasm-reader.ts";
import { ProgramReplaced } from "../syscall/guest-exit.ts";
import { wakeFutex } from "../syscall/linux/futex.ts";
import { jump, LongJump, setjmpUnwound } from "./engine-setjmp.ts";
import { forkUnwound } from "./fork.ts";
import { LinuxThread } from "./linux-thread.ts";
import type { Process } from "./process.ts";
import { releaseRobustList } from "./robust-list.ts";
import { SignalSet } from "./signal-set.ts";
import { dieOfTrap, runTrapHandler, trapOf } from "./trap.ts";

const WASM_PAGE_BYTES = 65536;

/** Where the environment of a process lies, one NAME=VALUE a line, for `__get_init_envfile`. */
export function environmentFile(process: Process): string {
  return `/run/environment.${process.pid}`;
}

/**
 * Runs a program in a process that has memory and no threads: binds it, makes its first thread, whose signal mask is `blocked`. Throws
 * LinkError.
 */
export function runProgram(
  process: Process,
  module: WebAssembly.Module,
  shape: ModuleShape,
  blocked = new SignalSet(),
): void {
  const { linux } = process;
  const program = process.machine.bind(process, module, shape);
  linux.program = program;
  linux.space = new AddressSpace(process, Math.min(process.boot.memoryLimit, maximumBytes(shape)));
  installFile(
    process,
    environmentFile(process),
    toBytes(toByteString(process.boot.env.map((entry) => `${entry}\n`).join(""))),
    0o600,
  );
  const instance = program.instantiate();
  const start = instance.exported("_start");
  if (!start) {
    process.end({ code: 126, reason: "the module exports no _start function" });
    return;
  }
  const task = process.scheduler.spawn(process, start, [], process.pid);
  task.linux = new LinuxThread(instance, { pointer: 0, args: [] }, blocked);
  linux.signals.update(task);
}

/** A further thread: runs `pointer(tid, argument)` in an instance of its own. Its tid, or a negated errno. */
export function spawnThread(process: Process, pointer: number, argument: number): number {
  const { program } = process.linux;
  const parent = process.current.linux;
  if (!program || !parent) return -EINVAL;
  const limit = process.linux.limits.threadsMax;
  if (process.threadCount >= limit) return -EAGAIN;
  try {
    const instance = program.instantiate();
    const fn = instance.functionAt(pointer);
    if (!fn) return -EINVAL;
    const tid = process.scheduler.nextPid();
    const args = [tid, argument];
    const task = process.scheduler.spawn(process, fn as GuestFunction, args, tid);
    task.linux = new LinuxThread(instance, { pointer, args }, parent.blocked.clone());
    task.linux.name = parent.name;
    task.linux.scheduling = parent.scheduling;
    process.linux.signals.update(task);
    return tid;
  } catch (error) {
    process.log(`__wasm_thread_spawn: ${(error as Error).message}: answered EAGAIN`);
    return -EAGAIN;
  }
}

/** A thread's stack is empty: true if the thread goes on with another one, because it was unwound, left by longjmp, or has trapped. */
export function threadGoesOn(process: Process, task: Task, outcome: Outcome): boolean {
  const { linux } = task;
  if (!linux) return false;
  if (outcome.kind === "threw") {
    const { error } = outcome;
    if (error instanceof LongJump) return jump(process, task, linux, error);
    const trap = trapOf(error);
    return trap !== null && runTrapHandler(process, task, linux, trap);
  }
  const { unwinding } = linux;
  if (!unwinding || unwinding.result !== null) {
    if (linux.trapped === 0) return false;
    dieOfTrap(process, linux.trapped);
    return true;
  }
  if (unwinding.purpose === "fork") forkUnwound(process, task, linux, unwinding.buffer);
  else setjmpUnwound(process, task, linux, unwinding.jump, unwinding.buffer);
  return true;
}

/** A thread has ended, the process goes on: its robust mutexes are released, and who waits for its end is woken. */
export function endThread(process: Process, task: Task): void {
  const { linux } = task;
  if (!linux) return;
  process.linux.signals.retarget(); // what it was to take another thread takes
  if (linux.robustList) releaseRobustList(process, task.tid, linux.robustList);
  const { clearTid } = linux;
  if (clearTid === 0 || !process.mem.has(clearTid, 4)) return;
  process.mem.setU32(clearTid, 0);
  wakeFutex(process, clearTid, 1);
}

/**
 * execve(2): the process goes on with another program. A negated errno, or it does not return: the running stack is unwound. `file`: the
 * module's bytes.
 */
export function execute(
  process: Process,
  file: Uint8Array<ArrayBuffer>,
  name: string,
  args: readonly string[],
  env: readonly string[],
): number {
  let module: WebAssembly.Module;
  let shape: ModuleShape;
  let memory: WebAssembly.Memory;
  try {
    if (!isLinuxModule(readModuleShape(file))) return -ENOEXEC;
    const edited = editLinuxModule(file);
    shape = readModuleShape(edited);
    module = new WebAssembly.Module(edited);
  } catch (error) {
    if (error instanceof WasmFormatError || error instanceof WebAssembly.CompileError) return -ENOEXEC;
    throw error;
  }
  try {
    memory = newMemory(shape, process.boot.memoryLimit);
  } catch {
    return -ENOMEM;
  }
  const { linux, physical } = process;
  const blocked = process.current.linux?.blocked;
  process.dropThreads();
  process.futexes.clear();
  linux.posixTimers.close();
  linux.space?.close();
  linux.hasExecuted = true;
  linux.isDumpable = true;
  physical.detach(process.mem);
  const mem = new GuestMemory(memory);
  if (process.isInit) {
    process.mem.attach(memory);
  } else {
    process.mem = mem;
    physical.attach(mem);
  }
  process.fds.closeOnExec(process);
  linux.signals.resetHandlers();
  process.boot = { ...process.boot, name, args, env };
  runProgram(process, module, shape, blocked);
  throw new ProgramReplaced(`execve(${name})`);
}

/** The memory that a program imports, bounded by `limit` bytes. Throws RangeError if there is not as much. */
export function newMemory(shape: ModuleShape, limit: number): WebAssembly.Memory {
  const { memory } = shape;
  const pages = Math.floor(limit / WASM_PAGE_BYTES);
  if (!memory) return new WebAssembly.Memory({ initial: 0 });
  const { initial, shared } = memory;
  return new WebAssembly.Memory({ initial, maximum: Math.min(pages, memory.maximum ?? pages), shared });
}

function maximumBytes(shape: ModuleShape): number {
  return (shape.memory?.maximum ?? 65536) * WASM_PAGE_BYTES;
}
