/**
 * System calls about time, as Linux programs make them.
 */
import { EFAULT, EINVAL, EOPNOTSUPP } from "../../abi/errno.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_REALTIME,
  CLOCK_REALTIME_COARSE,
} from "../../abi/time.ts";
import type { Process } from "../../process/process.ts";
import type { Row } from "../row.ts";
import { BLOCKS, linuxRow } from "./row.ts";
import { TIMESPEC_BYTES, TIMEVAL_BYTES, timespecMs, writeTimespec, writeTimeval } from "./time-argument.ts";

const CLOCK_PROCESS_CPUTIME_ID = 2;
const CLOCK_THREAD_CPUTIME_ID = 3;
const TIMER_ABSTIME = 1;
/** clock_getres(2), nanoseconds: what the clock device resolves. */
const RESOLUTION_NS = 1000;

/** A clock in milliseconds; -EINVAL for one there is not. CPU time is the time since the process began: nobody else uses its CPU. */
export function clockMs(k: Process, clockid: number): number {
  switch (clockid) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
      return k.clock.realtimeMs();
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
      return k.clock.monotonicMs();
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
      return k.clock.monotonicMs() - k.linux.startMs;
    default:
      return -EINVAL;
  }
}

/** clock_gettime(2). */
export function sys_clock_gettime(k: Process, clockid: number, tp: number): number {
  const ms = clockMs(k, clockid);
  if (ms < 0) return ms;
  const ptr = tp >>> 0;
  if (!k.mem.has(ptr, TIMESPEC_BYTES)) return -EFAULT;
  writeTimespec(k, ptr, ms);
  return 0;
}

/** clock_getres(2). */
export function sys_clock_getres(k: Process, clockid: number, res: number): number {
  if (clockMs(k, clockid) < 0) return -EINVAL;
  const ptr = res >>> 0;
  if (ptr === 0) return 0;
  if (!k.mem.has(ptr, TIMESPEC_BYTES)) return -EFAULT;
  k.mem.setI64(ptr, 0);
  k.mem.setI64(ptr + 8, RESOLUTION_NS);
  return 0;
}

/** gettimeofday(2). */
export function sys_gettimeofday(k: Process, tv: number, tz: number): number {
  if (tv !== 0) {
    if (!k.mem.has(tv >>> 0, TIMEVAL_BYTES)) return -EFAULT;
    writeTimeval(k, tv >>> 0, k.clock.realtimeMs());
  }
  if (tz !== 0) {
    if (!k.mem.has(tz >>> 0, 8)) return -EFAULT;
    k.mem.u8.fill(0, tz >>> 0, (tz >>> 0) + 8);
  }
  return 0;
}

/** nanosleep(2). */
export function sys_nanosleep(k: Process, req: number, rem: number): number {
  return sleep(k, CLOCK_MONOTONIC, false, req >>> 0, rem >>> 0);
}

/** clock_nanosleep(2). */
export function sys_clock_nanosleep(k: Process, clockid: number, flags: number, req: number, rem: number): number {
  if (clockid === CLOCK_THREAD_CPUTIME_ID || clockMs(k, clockid) < 0) return -EINVAL;
  if (flags & ~TIMER_ABSTIME) return -EINVAL;
  if (clockid === CLOCK_MONOTONIC_RAW || clockid === CLOCK_REALTIME_COARSE) return -EOPNOTSUPP;
  return sleep(k, clockid, (flags & TIMER_ABSTIME) !== 0, req >>> 0, rem >>> 0);
}

/** A signal has ended the wait of the running thread: what is left of it goes where the call was told. */
export function writeSleepRemainder(k: Process): void {
  const { linux, deadlineMs } = k.current;
  if (!linux || linux.sleepRemainder === 0) return;
  const ptr = linux.sleepRemainder;
  linux.sleepRemainder = 0;
  if (!k.mem.has(ptr, TIMESPEC_BYTES)) return;
  const left = Math.max(0, deadlineMs - k.clock.monotonicMs());
  if (linux.remainderAsTimeval) writeTimeval(k, ptr, left);
  else writeTimespec(k, ptr, left);
}

function sleep(k: Process, clockid: number, absolute: boolean, req: number, rem: number): number {
  const wanted = timespecMs(k, req);
  if (wanted < 0) return wanted;
  const { linux } = k.current;
  if (k.timedOut()) {
    if (linux) linux.sleepRemainder = 0;
    return 0;
  }
  const ms = absolute ? Math.max(0, wanted - clockMs(k, clockid)) : wanted;
  if (ms === 0) return 0;
  if (linux && !absolute) {
    linux.sleepRemainder = rem;
    linux.remainderAsTimeval = false;
  }
  return k.block(null, ms);
}

export const TIME_ROWS: readonly Row[] = [
  linuxRow(35, "nanosleep", "req:ptr rem:ptr", sys_nanosleep, BLOCKS),
  linuxRow(96, "gettimeofday", "tv:ptr tz:ptr", sys_gettimeofday),
  linuxRow(228, "clock_gettime", "clockid:i32 tp:ptr", sys_clock_gettime),
  linuxRow(229, "clock_getres", "clockid:i32 res:ptr", sys_clock_getres),
  linuxRow(230, "clock_nanosleep", "clockid:i32 flags:i32 req:ptr rem:ptr", sys_clock_nanosleep, BLOCKS),
];
