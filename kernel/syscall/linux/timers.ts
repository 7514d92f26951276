/**
 * System calls about timers that raise signals: interval timers (setitimer(2)), alarm(2), and those of timer_create(2).
 */
import { EAGAIN, EFAULT, EINVAL } from "../../abi/errno.ts";
import { TIMER_ABSTIME } from "../../abi/time.ts";
import { clockOf } from "../../process/clocks.ts";
import type { PosixTimer, TimerEvent } from "../../process/posix-timers.ts";
import type { Process } from "../../process/process.ts";
import { isSignal } from "../../process/signal-set.ts";
import type { Task } from "../../sched/task.ts";
import type { Row } from "../row.ts";
import { linuxRow } from "./row.ts";
import { TIMESPEC_BYTES, TIMEVAL_BYTES, timespecMs, timevalMs, writeTimespec, writeTimeval } from "./time-argument.ts";

const ITIMER_REAL = 0;
/** Interval, then value. */
const ITIMERVAL_BYTES = 2 * TIMEVAL_BYTES;
const ITIMERSPEC_BYTES = 2 * TIMESPEC_BYTES;
/** `struct sigevent` as far as the kernel reads it: u32 value, i32 signo, i32 notify, i32 tid. */
const SIGEVENT_BYTES = 16;
const SIGEV_SIGNAL = 0;
const SIGEV_NONE = 1;
const SIGEV_THREAD = 2;
const SIGEV_THREAD_ID = 4;

/** getitimer(2). */
export function sys_getitimer(k: Process, which: number, currValue: number): number {
  const timer = k.linux.timers.get(which);
  if (!timer) return -EINVAL;
  if (!k.mem.has(currValue >>> 0, ITIMERVAL_BYTES)) return -EFAULT;
  writeTimeval(k, currValue >>> 0, timer.intervalMs);
  writeTimeval(k, (currValue >>> 0) + TIMEVAL_BYTES, timer.remainingMs);
  return 0;
}

/** setitimer(2): no new value disarms the timer. */
export function sys_setitimer(k: Process, which: number, newValue: number, oldValue: number): number {
  const timer = k.linux.timers.get(which);
  let intervalMs = 0;
  let valueMs = 0;
  if (newValue !== 0) {
    intervalMs = timevalMs(k, newValue >>> 0);
    if (intervalMs < 0) return intervalMs;
    valueMs = timevalMs(k, (newValue >>> 0) + TIMEVAL_BYTES);
    if (valueMs < 0) return valueMs;
  }
  if (!timer) return -EINVAL;
  const before = { intervalMs: timer.intervalMs, remainingMs: timer.remainingMs };
  timer.set(valueMs, intervalMs);
  if (oldValue === 0) return 0;
  if (!k.mem.has(oldValue >>> 0, ITIMERVAL_BYTES)) return -EFAULT;
  writeTimeval(k, oldValue >>> 0, before.intervalMs);
  writeTimeval(k, (oldValue >>> 0) + TIMEVAL_BYTES, before.remainingMs);
  return 0;
}

/** alarm(2): seconds that were left of the alarm before, rounded, but never down to 0. */
export function sys_alarm(k: Process, seconds: number): number {
  const timer = k.linux.timers.get(ITIMER_REAL);
  if (!timer) return 0;
  const { remainingMs } = timer;
  timer.set((seconds >>> 0) * 1000, 0);
  return remainingMs === 0 ? 0 : Math.max(1, Math.round(remainingMs / 1000));
}

/** timer_create(2). */
export function sys_timer_create(k: Process, clockid: number, sevp: number, timerid: number): number {
  const clock = clockOf(k, clockid);
  if (!clock) return -EINVAL;
  const event = sevp === 0 ? null : eventAt(k, sevp >>> 0);
  if (typeof event === "number") return event;
  if (!k.mem.has(timerid >>> 0, 4)) return -EFAULT;
  const timer = k.linux.posixTimers.create(clockid, clock, event);
  if (!timer) return -EAGAIN;
  k.mem.setU32(timerid >>> 0, timer.id);
  return 0;
}

/** timer_settime(2). */
export function sys_timer_settime(k: Process, timerid: number, flags: number, newPtr: number, oldPtr: number): number {
  const ptr = newPtr >>> 0;
  if (ptr === 0) return -EINVAL;
  const intervalMs = timespecMs(k, ptr);
  if (intervalMs < 0) return intervalMs;
  const valueMs = timespecMs(k, ptr + TIMESPEC_BYTES);
  if (valueMs < 0) return valueMs;
  const timer = k.linux.posixTimers.get(timerid);
  if (!timer) return -EINVAL;
  if (oldPtr !== 0) {
    if (!k.mem.has(oldPtr >>> 0, ITIMERSPEC_BYTES)) return -EFAULT;
    writeTimer(k, oldPtr >>> 0, timer);
  }
  timer.set(valueMs, intervalMs, (flags & TIMER_ABSTIME) !== 0);
  return 0;
}

/** timer_gettime(2). */
export function sys_timer_gettime(k: Process, timerid: number, currValue: number): number {
  const timer = k.linux.posixTimers.get(timerid);
  if (!timer) return -EINVAL;
  if (!k.mem.has(currValue >>> 0, ITIMERSPEC_BYTES)) return -EFAULT;
  writeTimer(k, currValue >>> 0, timer);
  return 0;
}

/** timer_getoverrun(2). */
export function sys_timer_getoverrun(k: Process, timerid: number): number {
  return k.linux.posixTimers.get(timerid)?.overrun ?? -EINVAL;
}

/** timer_delete(2). */
export function sys_timer_delete(k: Process, timerid: number): number {
  const timer = k.linux.posixTimers.get(timerid);
  if (!timer) return -EINVAL;
  k.linux.posixTimers.delete(timer);
  return 0;
}

function writeTimer(k: Process, ptr: number, timer: PosixTimer): void {
  writeTimespec(k, ptr, timer.intervalMs);
  writeTimespec(k, ptr + TIMESPEC_BYTES, timer.remainingMs);
}

/** A `struct sigevent`; a negated errno for one that asks for what there is not. */
function eventAt(k: Process, ptr: number): TimerEvent | number {
  const { mem } = k;
  if (!mem.has(ptr, SIGEVENT_BYTES)) return -EFAULT;
  const value = mem.getI32(ptr);
  const signo = mem.getI32(ptr + 4);
  const notify = mem.getI32(ptr + 8);
  let thread: Task | null = null;
  switch (notify) {
    case SIGEV_NONE:
      return { signo: 0, thread, value };
    case SIGEV_THREAD_ID: {
      const task = k.scheduler.tasks.get(mem.getI32(ptr + 12));
      if (!task || task.process !== k) return -EINVAL;
      thread = task;
      break;
    }
    case SIGEV_SIGNAL:
    case SIGEV_THREAD:
      break;
    default:
      return -EINVAL;
  }
  return isSignal(signo) ? { signo, thread, value } : -EINVAL;
}

export const TIMERS_ROWS: readonly Row[] = [
  linuxRow(36, "getitimer", "which:i32 currValue:ptr", sys_getitimer),
  linuxRow(37, "alarm", "seconds:i32", sys_alarm),
  linuxRow(38, "setitimer", "which:i32 newValue:ptr oldValue:ptr", sys_setitimer),
  linuxRow(222, "timer_create", "clockid:i32 sevp:ptr timerid:ptr", sys_timer_create),
  linuxRow(223, "timer_settime", "timerid:i32 flags:i32 newValue:ptr oldValue:ptr", sys_timer_settime),
  linuxRow(224, "timer_gettime", "timerid:i32 currValue:ptr", sys_timer_gettime),
  linuxRow(225, "timer_getoverrun", "timerid:i32", sys_timer_getoverrun),
  linuxRow(226, "timer_delete", "timerid:i32", sys_timer_delete),
];
