/**
 * `wasi.thread-spawn` (WebAssembly/wasi-threads): another instance of the program on the same shared memory, as a continuation of the one
 * scheduler.
 */
import { EAGAIN, ENOSYS } from "../../abi/errno.ts";
import { fault } from "../dispatch.ts";
import { GuestTrap } from "../guest-exit.ts";
import type { WasiProcess } from "./row.ts";
import { wasiRow } from "./row.ts";

export const THREAD_SPAWN = "thread-spawn";
/** "A thread id is in [1, 0x1fffffff]". */
const TID_MAX = 0x1fffffff;

/** Runs `wasi_thread_start(tid, argument)` in an instance of its own: the tid, or a negated errno. */
export function thread_spawn(k: WasiProcess, argument: number): number {
  if (!k.scheduler.hasStacks) return -ENOSYS;
  if (k.threadCount >= k.linux.limits.threadsMax) return -EAGAIN;
  try {
    const start = k.wasi.newThread();
    if (!start) return -ENOSYS;
    const tid = k.scheduler.nextPid();
    if (tid > TID_MAX) return -EAGAIN;
    const task = k.scheduler.spawn(k, start, [tid, argument], tid);
    task.isTimed = true;
    return tid;
  } catch (error) {
    if (error instanceof GuestTrap) throw error;
    k.log(`${THREAD_SPAWN}: ${(error as Error).message}: answered EAGAIN`);
    return -EAGAIN;
  }
}

const ROW = wasiRow(THREAD_SPAWN, "argument:i32", thread_spawn, "has no threads");

/** The import itself: its answer is a tid, so it passes by the dispatch that makes errnos of answers. */
export function bindThreadSpawn(k: WasiProcess): (argument: number) => number {
  return (argument) => {
    try {
      return thread_spawn(k, argument);
    } catch (error) {
      return fault(ROW, error);
    }
  };
}
