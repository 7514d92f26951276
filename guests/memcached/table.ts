/**
 * The hash table: chains through `Item.hnext`, a power of two of buckets, one 32-bit word each.
 *
 * It grows to twice its size when there are 1.5 items a bucket. Both tables then exist side by side: buckets below `moved` have been
 * split into the new one, the others are still in the old one. Every insert splits a few, the maintainer splits the rest in slices. A new bucket is written
 * only when its old one is split, so a new table is not cleared either: growing never takes long.
 */
import { alloc, free, tryAlloc } from "../lib/raw/alloc";
import { equal, hash } from "../lib/raw/bytes";
import { Item, ITEM_HEADER } from "./item";
import { settings } from "./settings";
import { state } from "./stats";

const POWER_DEFAULT: u32 = 16;
/** 2^28 buckets are 1 GiB: more items than 4 GiB of memory can hold. */
const POWER_MAX: u32 = 28;
/** Buckets that one insert splits: enough to be through long before the next growth. */
const SPLIT_PER_INSERT: u32 = 2;

let table: usize = 0;
let mask: u32 = 0;
let oldTable: usize = 0;
let oldMask: u32 = 0;
/** Old buckets split so far. */
let moved: u32 = 0;
let growAt: u64 = 0;
let count: u64 = 0;

/** The hash of a key. It picks the bucket by its lower bits and the shard by its upper ones. */
// @ts-ignore: decorator
@inline
export function keyHash(p: usize, n: usize): u32 {
  return hash(p, n);
}

/** Which of `shards` machines has the keys with this hash. */
export function shardOf(hv: u32, shards: u32): u32 {
  return <u32>((<u64>hv * <u64>shards) >> 32);
}

export function tableInit(): void {
  let power = <u32>settings.hashpowerInit;
  if (!power) power = POWER_DEFAULT;
  if (power > POWER_MAX) power = POWER_MAX;
  let bytes: usize = <usize>4 << power;
  table = tryAlloc(bytes);
  if (!table) {
    power = POWER_DEFAULT;
    bytes = <usize>4 << power;
    table = alloc(bytes);
  }
  memory.fill(table, 0, bytes);
  sizeSet(power);
  state.hashBytes = bytes;
}

function sizeSet(power: u32): void {
  mask = (1 << power) - 1;
  growAt = (<u64>mask + 1) * 3 / 2;
  state.hashPowerLevel = power;
}

/** The address of the bucket that a hash belongs to. */
// @ts-ignore: decorator
@inline
export function bucketOf(hv: u32): usize {
  if (oldTable && (hv & oldMask) >= moved) return oldTable + (<usize>(hv & oldMask) << 2);
  return table + (<usize>(hv & mask) << 2);
}

/** The item with this key, or 0. */
export function tableFind(key: usize, nkey: u32, hv: u32): usize {
  let it = load<usize>(bucketOf(hv));
  while (it) {
    const i = changetype<Item>(it);
    if (i.hash == hv && i.nkey == nkey && equal(key, it + ITEM_HEADER, nkey)) return it;
    it = i.hnext;
  }
  return 0;
}

/** The key must not be there. */
export function tableInsert(it: usize): void {
  const i = changetype<Item>(it);
  const bucket = bucketOf(i.hash);
  i.hnext = load<usize>(bucket);
  store<usize>(bucket, it);
  count++;
  if (oldTable) tableSplit(SPLIT_PER_INSERT);
  else if (count > growAt) grow();
}

export function tableDelete(it: usize): void {
  const i = changetype<Item>(it);
  let at = bucketOf(i.hash);
  while (load<usize>(at) != it) at = load<usize>(at) + offsetof<Item>("hnext");
  store<usize>(at, i.hnext);
  count--;
}

/** An item has moved in memory: its copy takes its place in the chain. */
export function tableReplace(it: usize, copy: usize): void {
  let at = bucketOf(changetype<Item>(it).hash);
  while (load<usize>(at) != it) at = load<usize>(at) + offsetof<Item>("hnext");
  store<usize>(at, copy);
}

function grow(): void {
  const power = state.hashPowerLevel + 1;
  if (!settings.hashExpand || power > POWER_MAX) return;
  const bytes = <usize>4 << power;
  const larger = tryAlloc(bytes);
  if (!larger) {
    // Longer chains, then; and not tried again before there are as many items more.
    growAt <<= 1;
    return;
  }
  oldTable = table;
  oldMask = mask;
  moved = 0;
  table = larger;
  sizeSet(power);
  state.hashBytes += bytes;
  state.hashIsExpanding = 1;
}

/** Splits up to `buckets` old buckets; whether some are left. */
export function tableSplit(buckets: u32): bool {
  if (!oldTable) return false;
  const half = <usize>(oldMask + 1) << 2;
  while (buckets-- && moved <= oldMask) {
    let it = load<usize>(oldTable + (<usize>moved << 2));
    let low: usize = 0;
    let high: usize = 0;
    while (it) {
      const i = changetype<Item>(it);
      const next = i.hnext;
      if (i.hash & (oldMask + 1)) {
        i.hnext = high;
        high = it;
      } else {
        i.hnext = low;
        low = it;
      }
      it = next;
    }
    const at = table + (<usize>moved << 2);
    store<usize>(at, low);
    store<usize>(at + half, high);
    moved++;
  }
  if (moved <= oldMask) return true;
  free(oldTable);
  state.hashBytes -= half;
  oldTable = 0;
  state.hashIsExpanding = 0;
  return false;
}

/** The first item of bucket `index`. The chain may hold items of another bucket that is still to be split from it: see `inBucket`. */
export function tableBucket(index: u32): usize {
  return load<usize>(bucketOf(index));
}
export function inBucket(it: usize, index: u32): bool {
  return (changetype<Item>(it).hash & mask) == index;
}
export function tableBuckets(): u32 {
  return mask + 1;
}
