/**
 * The clocks that programs know (clock_gettime(2)), in milliseconds, for one process. Negative ids name the CPU time of a process or a thread
 * (clock_getcpuclockid(3), pthread_getcpuclockid(3)): ~number << 3, then 4 for a thread, and 0 to 2 for what is measured.
 */
import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  CLOCK_REALTIME_COARSE,
  CLOCK_TAI,
  CLOCK_THREAD_CPUTIME_ID,
} from "../abi/time.ts";
import type { Process } from "./process.ts";

const CPU_CLOCK_THREAD = 4;
const CPU_CLOCK_KIND = 3;
/** That kind is a clock behind a descriptor: there are none. */
const CPU_CLOCK_FD = 3;

/** Reads a clock: milliseconds. */
export type Clock = () => number;

/** A clock by its id, as process `k`'s running thread sees it; null for one there is not. */
export function clockOf(k: Process, clockid: number): Clock | null {
  switch (clockid) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
      return () => k.clock.realtimeMs();
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
      return () => k.clock.monotonicMs();
    case CLOCK_PROCESS_CPUTIME_ID:
      return () => k.linux.cpu.processMs();
    case CLOCK_THREAD_CPUTIME_ID: {
      const { current } = k;
      return () => k.linux.cpu.threadMs(current);
    }
    default:
      return clockid < 0 ? cpuClock(k, clockid) : null;
  }
}

/** True for a clock that stands still while nobody runs. */
export function isCpuClock(clockid: number): boolean {
  return clockid < 0 || clockid === CLOCK_PROCESS_CPUTIME_ID || clockid === CLOCK_THREAD_CPUTIME_ID;
}

/** True for the clock that clock_settime(2) sets. */
export function isRealtime(clockid: number): boolean {
  return clockid === CLOCK_REALTIME || clockid === CLOCK_REALTIME_ALARM || clockid === CLOCK_TAI;
}

function cpuClock(k: Process, clockid: number): Clock | null {
  if ((clockid & CPU_CLOCK_KIND) === CPU_CLOCK_FD) return null;
  const number = ~(clockid >> 3);
  if ((clockid & CPU_CLOCK_THREAD) !== 0) {
    const task = number === 0 ? k.current : k.scheduler.tasks.get(number);
    return task?.process === k ? () => k.linux.cpu.threadMs(task) : null;
  }
  const process = number === 0 ? k : k.machine.processes.get(number);
  return process ? () => process.linux.cpu.processMs() : null;
}
