/**
 * Times of the standard: nanoseconds in 64 bits, too many for a number. They come as two halves and are written as such, exactly, without
 * BigInt.
 */
import type { GuestMemory } from "../../mem/guest-memory.ts";

const NS_PER_S = 1_000_000_000;
const TWO_32 = 2 ** 32;
/** The last second whose nanoseconds fit. */
const SECONDS_MAX = Math.floor(2 ** 64 / NS_PER_S) - 1;

/** Whole seconds of a time given as halves, and the nanoseconds beyond them, in `time`. */
export function splitNanoseconds(low: number, high: number, time: { sec: number; nsec: number }): void {
  const upper = high >>> 0;
  const lower = low >>> 0;
  // Long division by 10^9, sixteen bits at a time: each step stays far below 2^53.
  const first = (upper % NS_PER_S) * 65536 + (lower >>> 16);
  const second = (first % NS_PER_S) * 65536 + (lower & 0xffff);
  time.sec =
    Math.floor(upper / NS_PER_S) * TWO_32 + Math.floor(first / NS_PER_S) * 65536 + Math.floor(second / NS_PER_S);
  time.nsec = second % NS_PER_S;
}

/** Writes seconds and nanoseconds as one number of nanoseconds at `ptr`; what is before 1970 is 1970. Call after `has`. */
export function writeNanoseconds(mem: GuestMemory, ptr: number, sec: number, nsec: number): void {
  const seconds = Math.min(sec, SECONDS_MAX);
  if (!(seconds >= 0)) {
    mem.setI64(ptr, 0);
    return;
  }
  const lower = (seconds % 65536) * NS_PER_S + nsec;
  const upper = Math.floor(seconds / 65536) * NS_PER_S + Math.floor(lower / 65536); // of 48 bits
  mem.setU32(ptr, (upper % 65536) * 65536 + (lower % 65536));
  mem.setU32(ptr + 4, Math.floor(upper / 65536));
}

/** Writes milliseconds with a fraction as nanoseconds at `ptr`. Call after `has`. */
export function writeMilliseconds(mem: GuestMemory, ptr: number, ms: number): void {
  const sec = Math.floor(ms / 1000);
  writeNanoseconds(mem, ptr, sec, Math.min(NS_PER_S - 1, Math.floor((ms - sec * 1000) * 1e6)));
}

/** A duration or moment given as halves, in milliseconds with a fraction. */
export function toMilliseconds(low: number, high: number): number {
  return ((high >>> 0) * TWO_32 + (low >>> 0)) / 1e6;
}
