/**
 * timerfd_create(2), timerfd_settime(2), timerfd_gettime(2). `struct itimerspec`: interval, then value, each i64 sec and i64 nsec.
 */
import { EBADF, EFAULT, EINVAL } from "../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from "../abi/fcntl.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
  TFD_TIMER_ABSTIME,
} from "../abi/time.ts";
import { TimerFd } from "../fs/timerfd.ts";
import type { Kernel } from "../kernel.ts";

/** Accepted, and without effect: nothing in the machine can set its clock. */
const TFD_TIMER_CANCEL_ON_SET = 2;
const ITIMERSPEC_BYTES = 32;

export function sys_timerfd_create(k: Kernel, clockid: number, flags: number): number {
  if (clockid !== CLOCK_REALTIME && clockid !== CLOCK_MONOTONIC && clockid !== CLOCK_BOOTTIME) return -EINVAL;
  if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)) return -EINVAL;
  return k.fds.open(new TimerFd(clockid, O_RDWR | (flags & O_NONBLOCK)), (flags & O_CLOEXEC) !== 0);
}

export function sys_timerfd_settime(k: Kernel, fd: number, flags: number, newValue: number, oldValue: number): number {
  const ptr = newValue >>> 0;
  const old = oldValue >>> 0;
  if (!k.mem.has(ptr, ITIMERSPEC_BYTES)) return -EFAULT;
  if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) return -EINVAL;
  const intervalMs = readTimespec(k, ptr);
  const valueMs = readTimespec(k, ptr + 16);
  if (intervalMs < 0 || valueMs < 0) return -EINVAL;
  const file = timerOf(k, fd);
  if (typeof file === "number") return file;
  if (old !== 0) {
    if (!k.mem.has(old, ITIMERSPEC_BYTES)) return -EFAULT;
    writeItimerspec(k, old, file);
  }
  let deadlineMs: number | null = null;
  if (valueMs > 0) {
    const nowMs = k.clock.monotonicMs();
    if ((flags & TFD_TIMER_ABSTIME) === 0) deadlineMs = nowMs + valueMs;
    else if (file.clockid === CLOCK_REALTIME) deadlineMs = nowMs + (valueMs - k.clock.realtimeMs());
    else deadlineMs = valueMs;
  }
  file.set(k, deadlineMs, intervalMs);
  return 0;
}

export function sys_timerfd_gettime(k: Kernel, fd: number, currValue: number): number {
  const file = timerOf(k, fd);
  if (typeof file === "number") return file;
  if (!k.mem.has(currValue >>> 0, ITIMERSPEC_BYTES)) return -EFAULT;
  writeItimerspec(k, currValue >>> 0, file);
  return 0;
}

function timerOf(k: Kernel, fd: number): TimerFd | number {
  const file = k.fds.get(fd);
  if (file === null) return -EBADF;
  return file instanceof TimerFd ? file : -EINVAL;
}

/** Milliseconds; -1 for a timespec that is none. */
function readTimespec(k: Kernel, ptr: number): number {
  const seconds = k.mem.getI64(ptr);
  const nanoseconds = k.mem.getI64(ptr + 8);
  if (seconds < 0 || nanoseconds < 0 || nanoseconds > 999_999_999) return -1;
  return seconds * 1000 + nanoseconds / 1e6;
}

function writeItimerspec(k: Kernel, ptr: number, file: TimerFd): void {
  const remainingMs = file.remainingMs(k);
  writeTimespec(k, ptr, file.intervalMs);
  writeTimespec(k, ptr + 16, remainingMs);
}

function writeTimespec(k: Kernel, ptr: number, ms: number): void {
  // Rounded up: what is left of an armed timer is never 0.
  const nanoseconds = Math.ceil((ms % 1000) * 1e6 - 1e-3);
  const carry = nanoseconds >= 1e9 ? 1 : 0;
  k.mem.setI64(ptr, Math.floor(ms / 1000) + carry);
  k.mem.setI64(ptr + 8, Math.max(0, nanoseconds - carry * 1e9));
}
