/**
 * Threads (WebAssembly/wasi-threads): `wasi.thread-spawn` makes another instance of the program on the same shared memory, as a continuation of the
 * one scheduler; what its instructions for waiting and waking have become (shim/thread-edit.ts) parks and wakes those.
 */
import { EAGAIN, ENOSYS, ETIMEDOUT } from "../../abi/errno.ts";
import { WOULD_BLOCK } from "../../sched/task.ts";
import { fault } from "../dispatch.ts";
import { GuestTrap } from "../guest-exit.ts";
import { sys_futex } from "../thread.ts";
import type { WasiProcess, WasiRow } from "./row.ts";
import { wasiRow } from "./row.ts";
import { toMilliseconds } from "./time-argument.ts";

export const THREAD_SPAWN = "thread-spawn";
/** "A thread id is in [1, 0x1fffffff]". */
const TID_MAX = 0x1fffffff;

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;

/** What memory.atomic.wait answers: woken, another value was there, the time was up. */
const WOKEN = 0;
const NOT_EQUAL = 1;
const TIMED_OUT = 2;

/** Runs `wasi_thread_start(tid, argument)` in an instance of its own: the tid, or a negated errno. */
function thread_spawn(k: WasiProcess, argument: number): number {
  if (!k.scheduler.hasStacks) {
    k.log("thread-spawn: this JavaScript engine cannot suspend Wasm stacks (JSPI): Node 24.21 or later can");
    return -ENOSYS;
  }
  if (k.threadCount >= k.linux.limits.threadsMax) return -EAGAIN;
  try {
    const start = k.wasi.newThread();
    if (!start) return -ENOSYS;
    const tid = k.scheduler.nextPid();
    if (tid > TID_MAX) return -EAGAIN;
    k.scheduler.spawn(k, start, [tid, argument], tid).isTimed = true;
    return tid;
  } catch (error) {
    if (error instanceof GuestTrap) throw error;
    k.log(`thread-spawn: ${(error as Error).message}: answered EAGAIN`);
    return -EAGAIN;
  }
}

const SPAWN_ROW = wasiRow(THREAD_SPAWN, "argument:i32", thread_spawn, "");

/** The import itself: its answer is a tid, so it does not go through the dispatch that makes errnos of answers. */
export function bindThreadSpawn(k: WasiProcess): (argument: number) => number {
  return (argument) => {
    try {
      return thread_spawn(k, argument);
    } catch (error) {
      return fault(SPAWN_ROW, error);
    }
  };
}

/** memory.atomic.notify: how many were woken. */
function notify(k: WasiProcess, address: number, count: number): number {
  check(k, address, 4);
  return sys_futex(k, address, FUTEX_WAKE, count, 0);
}

/** memory.atomic.wait32; a timeout below 0 waits for ever. */
function wait32(k: WasiProcess, address: number, expected: number, timeout: number, timeoutUpper: number): number {
  check(k, address, 4);
  return wait(k, address, expected, timeout, timeoutUpper);
}

function wait64(
  k: WasiProcess,
  address: number,
  expected: number,
  expectedUpper: number,
  timeout: number,
  timeoutUpper: number,
): number {
  check(k, address, 8);
  if (!k.current.retrying && k.mem.getI32((address >>> 0) + 4) !== expectedUpper) return NOT_EQUAL;
  return wait(k, address, expected, timeout, timeoutUpper);
}

function wait(k: WasiProcess, address: number, expected: number, timeout: number, timeoutUpper: number): number {
  const timeoutMs = timeoutUpper < 0 ? -1 : toMilliseconds(timeout, timeoutUpper);
  const answer = sys_futex(k, address, FUTEX_WAIT, expected, timeoutMs);
  if (answer === WOULD_BLOCK || answer === 0) return answer === 0 ? WOKEN : answer;
  if (answer === -ETIMEDOUT) return TIMED_OUT;
  if (answer === -EAGAIN) return NOT_EQUAL;
  throw new GuestTrap("memory.atomic.wait outside of any thread");
}

/** The instructions trap where the address is not aligned, or not in memory. */
function check(k: WasiProcess, address: number, bytes: number): void {
  if ((address & (bytes - 1)) !== 0) throw new GuestTrap("an atomic access that is not aligned");
  if (!k.mem.has(address >>> 0, bytes)) throw new GuestTrap("an atomic access outside of memory");
}

/** By place in WAITS. */
export const WAIT_ROWS: readonly WasiRow[] = [
  wasiRow("memory.atomic.notify", "address:i32 count:i32", notify, ""),
  wasiRow("memory.atomic.wait32", "address:i32 expected:i32 timeout:u64", wait32, "", { blocks: true }),
  wasiRow("memory.atomic.wait64", "address:i32 expected:u64 timeout:u64", wait64, "", { blocks: true }),
];
