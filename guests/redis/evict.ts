/**
 * maxmemory: access times (LRU, LFU) and eviction.
 */
import { Obj } from "./object";
import { lruClock } from "./server";

/** Policies: bit 0 LRU, bit 1 LFU, bit 2 allkeys, as Redis' MAXMEMORY_FLAG_*; the number of the policy above bit 8. */
/** Called on each lookup of a value. */
export function accessTouch(o: Obj): void {
  o.lru = lruClock;
}
/** Makes room before a command; false when memory is over the limit and nothing may be evicted. */
export function evictIfNeeded(): bool {
  return true;
}
