/**
 * What poll(2), select(2) and epoll_wait(2) do around the wait in their Linux forms: a signal mask for the duration of the call, and the
 * time that is left written back.
 *
 * A call that a signal ends (EINTR) leaves the mask as it is: delivery of the signal puts the old one back (ProcessSignals), and writes
 * the time that is left (writeSleepRemainder).
 */
import { EFAULT, EINTR, EINVAL } from "../../abi/errno.ts";
import { SIGSET_BYTES } from "../../abi/signal.ts";
import type { Process } from "../../process/process.ts";
import { WOULD_BLOCK } from "../../sched/task.ts";
import { replaceMask, restoreMask } from "./signal.ts";
import { TIMESPEC_BYTES, TIMEVAL_BYTES, writeTimespec, writeTimeval } from "./time-argument.ts";

/** The longest timeout, milliseconds: some 285 years, exact to the microsecond. */
const TIMEOUT_MS_MAX = 2 ** 43;

/** The mask at `ptr` (0: none) of `size` bytes holds until `leaveMask`: 0, -EINVAL or -EFAULT. */
export function enterMask(k: Process, ptr: number, size: number): number {
  if (ptr === 0) return 0;
  if (size >>> 0 !== SIGSET_BYTES) return -EINVAL;
  if (!k.mem.has(ptr >>> 0, SIGSET_BYTES)) return -EFAULT;
  // A call that is tried again has its mask already.
  if (k.current.linux?.maskToRestore === null) replaceMask(k, k.current, ptr >>> 0);
  return 0;
}

/** The call has `result`, which is passed on. */
export function leaveMask(k: Process, ptr: number, result: number): number {
  if (ptr !== 0 && result !== WOULD_BLOCK && result !== -EINTR) restoreMask(k, k.current);
  return result;
}

/** A timeout as the wait takes it: not negative, and not beyond what timers tell apart. */
export function boundedMs(ms: number): number {
  return Math.min(ms, TIMEOUT_MS_MAX);
}

/**
 * The call has `result`, which is passed on: what is left of `timeoutMs` goes to the timespec (`asTimeval`: the timeval) at `ptr`
 * (0: nobody wants to know), now, or when a signal ends the wait. A structure that cannot be written is left alone, as by Linux.
 */
export function leaveTime(k: Process, ptr: number, asTimeval: boolean, timeoutMs: number, result: number): number {
  if (ptr === 0) return result;
  const { linux, retrying, deadlineMs } = k.current;
  if (linux) {
    linux.sleepRemainder = result === WOULD_BLOCK ? ptr : 0;
    linux.remainderAsTimeval = asTimeval;
  }
  if (result === WOULD_BLOCK || !k.mem.has(ptr, asTimeval ? TIMEVAL_BYTES : TIMESPEC_BYTES)) return result;
  const left = retrying ? Math.max(0, deadlineMs - k.clock.monotonicMs()) : timeoutMs;
  if (asTimeval) writeTimeval(k, ptr, left);
  else writeTimespec(k, ptr, left);
  return result;
}
