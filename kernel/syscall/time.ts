/**
 * System calls about time. All of it comes from the clock device.
 */
import { EFAULT, EINVAL } from "../abi/errno.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_REALTIME,
  CLOCK_REALTIME_COARSE,
} from "../abi/time.ts";
import type { Kernel } from "../kernel.ts";

/** clock_gettime(2) into `struct timespec` (i64 sec, i64 nsec). */
export function sys_clock_gettime(k: Kernel, clockid: number, tp: number): number {
  const ms = clockMs(k, clockid);
  if (ms < 0) return ms;
  const ptr = tp >>> 0;
  if (!k.mem.has(ptr, 16)) return -EFAULT;
  const seconds = Math.floor(ms / 1000);
  k.mem.setI64(ptr, seconds);
  k.mem.setI64(ptr + 8, Math.floor((ms - seconds * 1000) * 1e6));
  return 0;
}

/** The clock in milliseconds with a fraction; a negated errno for a clock there is not. */
export function sys_clock_ms(k: Kernel, clockid: number): number {
  return clockMs(k, clockid);
}

/** Parks for `ms` milliseconds. */
export function sys_sleep_ms(k: Kernel, ms: number): number {
  if (Number.isNaN(ms) || ms < 0) return -EINVAL;
  if (k.timedOut()) return 0;
  return k.block(null, ms);
}

function clockMs(k: Kernel, clockid: number): number {
  switch (clockid) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
      return k.clock.realtimeMs();
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
      return k.clock.monotonicMs();
    default:
      return -EINVAL;
  }
}
