/**
 * System calls about time, as Linux programs make them. The real-time clock can be set: the machine's, not the host's.
 */
import { EFAULT, EINTR, EINVAL, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  CLOCK_TAI,
  CLOCK_THREAD_CPUTIME_ID,
  TIMER_ABSTIME,
} from "../../abi/time.ts";
import { clockOf, isCpuClock, isRealtime } from "../../process/clocks.ts";
import type { Process } from "../../process/process.ts";
import type { Row } from "../row.ts";
import { BLOCKS, linuxRow } from "./row.ts";
import { TIMESPEC_BYTES, TIMEVAL_BYTES, timespecMs, timevalMs, writeTimespec, writeTimeval } from "./time-argument.ts";

/** clock_getres(2), nanoseconds: what the clock device resolves. */
const RESOLUTION_NS = 1000;
/** A sleep on a clock of CPU time looks at it this often at most, milliseconds. */
const CPU_CLOCK_LOOK_MS = 1;
/** `struct timex`, and where it has status, tick, tolerance and time. */
const TIMEX_BYTES = 208;
const TIMEX_STATUS = 40;
const TIMEX_PRECISION = 56;
const TIMEX_TIME = 72;
const TIMEX_TICK = 88;
const STA_UNSYNC = 0x40;
/** The clock is not synchronised by anybody. */
const TIME_ERROR = 5;
const TICK_US = 10_000;

/** A clock in milliseconds; -EINVAL for one there is not. */
export function clockMs(k: Process, clockid: number): number {
  if (clockid === CLOCK_REALTIME) return k.clock.realtimeMs();
  if (clockid === CLOCK_MONOTONIC) return k.clock.monotonicMs();
  const clock = clockOf(k, clockid);
  return clock ? clock() : -EINVAL;
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

/** time(2): seconds since the epoch, also into `tloc` unless that is null. */
export function sys_time(k: Process, tloc: number): number {
  const seconds = Math.floor(k.clock.realtimeMs() / 1000);
  if (tloc !== 0) {
    if (!k.mem.has(tloc >>> 0, 8)) return -EFAULT;
    k.mem.setI64(tloc >>> 0, seconds);
  }
  return seconds;
}

/** clock_settime(2). */
export function sys_clock_settime(k: Process, clockid: number, tp: number): number {
  if (!clockOf(k, clockid)) return -EINVAL;
  const ms = timespecMs(k, tp >>> 0);
  if (ms < 0) return ms;
  if (clockid !== CLOCK_REALTIME) return -EINVAL;
  return setRealtime(k, ms);
}

/** settimeofday(2): the time zone is nobody's. */
export function sys_settimeofday(k: Process, tv: number, _tz: number): number {
  if (tv === 0) return k.linux.credentials.isPrivileged ? 0 : -EPERM;
  const ms = timevalMs(k, tv >>> 0);
  return ms < 0 ? ms : setRealtime(k, ms);
}

function setRealtime(k: Process, ms: number): number {
  if (!k.linux.credentials.isPrivileged) return -EPERM;
  k.clock.setRealtime(ms);
  for (const process of k.machine.processes.values()) process.linux.posixTimers.clockSet();
  k.machine.clockSet.wake(1); // who sleeps until a time of it looks again
  return 0;
}

/** adjtimex(2). */
export function sys_adjtimex(k: Process, buf: number): number {
  return sys_clock_adjtime(k, CLOCK_REALTIME, buf);
}

/** clock_adjtime(2): how the clock runs can be read and not changed. */
export function sys_clock_adjtime(k: Process, clockid: number, buf: number): number {
  if (!clockOf(k, clockid)) return -EINVAL;
  if (clockid !== CLOCK_REALTIME) return -EOPNOTSUPP;
  const { mem } = k;
  const ptr = buf >>> 0;
  if (!mem.has(ptr, TIMEX_BYTES)) return -EFAULT;
  if (mem.getU32(ptr) !== 0) return -EPERM; // modes: what to change
  mem.u8.fill(0, ptr, ptr + TIMEX_BYTES);
  mem.setU32(ptr + TIMEX_STATUS, STA_UNSYNC);
  mem.setI64(ptr + TIMEX_PRECISION, 1);
  writeTimeval(k, ptr + TIMEX_TIME, k.clock.realtimeMs());
  mem.setI64(ptr + TIMEX_TICK, TICK_US);
  return TIME_ERROR;
}

/** clock_nanosleep(2). */
export function sys_clock_nanosleep(k: Process, clockid: number, flags: number, req: number, rem: number): number {
  if (!clockOf(k, clockid) || clockid === CLOCK_THREAD_CPUTIME_ID) return -EINVAL;
  const sleeps = [CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID];
  if (clockid >= 0 && !sleeps.includes(clockid)) return -EOPNOTSUPP;
  return sleep(k, clockid, (flags & TIMER_ABSTIME) !== 0, req >>> 0, rem >>> 0);
}

/** A signal has ended the wait of the running thread: what is left of it goes where the call was told. */
export function writeSleepRemainder(k: Process): void {
  const { linux, deadlineMs } = k.current;
  if (!linux || linux.sleepRemainder === 0) return;
  const ptr = linux.sleepRemainder;
  if (!k.mem.has(ptr, TIMESPEC_BYTES)) return;
  const left = Math.max(0, deadlineMs - k.clock.monotonicMs());
  if (linux.remainderAsTimeval) writeTimeval(k, ptr, left);
  else writeTimespec(k, ptr, left);
}

function sleep(k: Process, clockid: number, absolute: boolean, req: number, rem: number): number {
  const wanted = timespecMs(k, req);
  if (wanted < 0) return wanted;
  const task = k.current;
  const { linux } = task;
  if (absolute || isCpuClock(clockid)) return sleepUntil(k, clockid, absolute ? wanted : null, wanted);
  if (k.timedOut()) {
    if (linux) linux.sleepRemainder = 0;
    return 0;
  }
  if (wanted === 0) return 0;
  if (linux) {
    linux.sleepRemainder = rem;
    linux.remainderAsTimeval = false;
  }
  const result = k.block(null, wanted);
  if (result === -EINTR) writeSleepRemainder(k);
  return result;
}

/** Sleeps until a moment of a clock that may be set, or stand still; `deadlineMs` null: for `ms` from now on. */
function sleepUntil(k: Process, clockid: number, deadlineMs: number | null, ms: number): number {
  const task = k.current;
  const { linux } = task;
  const now = clockMs(k, clockid);
  if (linux && !task.retrying) linux.sleepUntilMs = deadlineMs ?? now + ms;
  const left = (linux?.sleepUntilMs ?? now) - now;
  if (left <= 0) return 0;
  task.retrying = false; // how long it is parked is worked out anew each time
  if (isCpuClock(clockid)) return k.block(null, Math.max(left, CPU_CLOCK_LOOK_MS));
  return k.block(isRealtime(clockid) ? k.machine.clockSet : null, left);
}

export const TIME_ROWS: readonly Row[] = [
  linuxRow(35, "nanosleep", "req:ptr rem:ptr", sys_nanosleep, BLOCKS),
  linuxRow(96, "gettimeofday", "tv:ptr tz:ptr", sys_gettimeofday),
  linuxRow(159, "adjtimex", "buf:ptr", sys_adjtimex, { partial: "the clock can be read, not adjusted" }),
  linuxRow(164, "settimeofday", "tv:ptr tz:ptr", sys_settimeofday, { note: "the machine's clock, not the host's" }),
  linuxRow(201, "time", "tloc:ptr", sys_time, { result: "f64" }),
  linuxRow(227, "clock_settime", "clockid:i32 tp:ptr", sys_clock_settime, {
    note: "the machine's clock, not the host's",
  }),
  linuxRow(228, "clock_gettime", "clockid:i32 tp:ptr", sys_clock_gettime),
  linuxRow(229, "clock_getres", "clockid:i32 res:ptr", sys_clock_getres),
  linuxRow(230, "clock_nanosleep", "clockid:i32 flags:i32 req:ptr rem:ptr", sys_clock_nanosleep, BLOCKS),
  linuxRow(305, "clock_adjtime", "clockid:i32 buf:ptr", sys_clock_adjtime, {
    partial: "the clock can be read, not adjusted",
  }),
];
