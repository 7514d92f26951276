/**
 * `stats sizes`: how many items there are of each size, in steps of 32 bytes. Off until `stats sizes_enable` or -o track_sizes; then
 * every link and unlink of an item newer than that is counted (its CAS number tells).
 */
import { free, tryAllocZero } from "../lib/raw/alloc";
import { Item, itemTotal } from "./item";
import { settings } from "./settings";

let histogram: usize = 0;
let buckets: u32 = 0;
let casMin: u64 = 0;

export function sizesEnabled(): bool {
  return histogram != 0;
}

/** False when memory is short. `cas`: the newest number given out. */
export function sizesEnable(cas: u64): bool {
  if (histogram) return true;
  buckets = <u32>settings.itemSizeMax / 32 + 1;
  histogram = tryAllocZero(<usize>buckets << 2);
  casMin = cas;
  return histogram != 0;
}

export function sizesDisable(): void {
  free(histogram);
  histogram = 0;
}

/** An item comes (1) or goes (-1). */
// @ts-ignore: decorator
@inline
export function sizesCount(it: usize, change: i32): void {
  if (histogram) countSlow(it, change);
}

function countSlow(it: usize, change: i32): void {
  if (casMin > changetype<Item>(it).cas) return;
  const bucket = (itemTotal(it) + 31) >> 5;
  if (bucket >= buckets) return;
  const p = histogram + (<usize>bucket << 2);
  store<u32>(p, load<u32>(p) + change);
}

export function sizesBuckets(): u32 {
  return buckets;
}
export function sizesOf(bucket: u32): u32 {
  return load<u32>(histogram + (<usize>bucket << 2));
}
