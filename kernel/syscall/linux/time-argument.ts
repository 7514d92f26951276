/**
 * Times as Linux programs pass them: `struct timespec` (i64 seconds, i64 nanoseconds) and `struct timeval` (i64 seconds, i64 microseconds).
 */
import { EFAULT, EINVAL } from "../../abi/errno.ts";
import type { Process } from "../../process/process.ts";

export const TIMESPEC_BYTES = 16;
export const TIMEVAL_BYTES = 16;

/** A timespec in milliseconds; -EFAULT or -EINVAL. */
export function timespecMs(k: Process, ptr: number): number {
  if (!k.mem.has(ptr, TIMESPEC_BYTES)) return -EFAULT;
  const seconds = k.mem.getI64(ptr);
  const nanoseconds = k.mem.getI64(ptr + 8);
  if (seconds < 0 || nanoseconds < 0 || nanoseconds > 999_999_999) return -EINVAL;
  return seconds * 1000 + nanoseconds / 1e6;
}

/** A timeval in milliseconds; -EFAULT or -EINVAL. */
export function timevalMs(k: Process, ptr: number): number {
  if (!k.mem.has(ptr, TIMEVAL_BYTES)) return -EFAULT;
  const seconds = k.mem.getI64(ptr);
  const microseconds = k.mem.getI64(ptr + 8);
  if (seconds < 0 || microseconds < 0 || microseconds > 999_999) return -EINVAL;
  return seconds * 1000 + microseconds / 1000;
}

/** Writes milliseconds as a timespec into validated memory. */
export function writeTimespec(k: Process, ptr: number, ms: number): void {
  const seconds = Math.floor(ms / 1000);
  k.mem.setI64(ptr, seconds);
  k.mem.setI64(ptr + 8, Math.min(999_999_999, Math.floor((ms - seconds * 1000) * 1e6)));
}

/** Writes milliseconds as a timeval into validated memory. */
export function writeTimeval(k: Process, ptr: number, ms: number): void {
  const seconds = Math.floor(ms / 1000);
  k.mem.setI64(ptr, seconds);
  k.mem.setI64(ptr + 8, Math.min(999_999, Math.floor((ms - seconds * 1000) * 1e3)));
}
