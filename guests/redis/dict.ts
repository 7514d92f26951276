/**
 * Dict: a hash table from byte strings to one word, chained, rehashed a few buckets at a time.
 *
 * An entry is one block: next u32, hash u32, key length u32 (low 30 bits; the top two are flags of the
 * owner), value u32, then the key's bytes. The dict owns tables and entries, never the values.
 * Bucket counts are powers of two and the bucket is the low bits of the hash, so a SCAN cursor that counts
 * in reversed bit order visits every entry that is present from start to end, whatever resizes happen between.
 *
 * A table that cannot be enlarged for want of memory stays as it is (longer chains, no failure).
 */
import { alloc, allocZero, free, tryAlloc, tryAllocZero } from "../lib/raw/alloc";
import { copy, equal, hash } from "../lib/raw/bytes";
import { randomU32 } from "../lib/raw/random";

export const ENTRY_HEADER: usize = 16;
/** Flag of an entry's length word: has a time to live (used by the keyspace). */
export const ENTRY_VOLATILE: u32 = 0x80000000;
export const ENTRY_MARK: u32 = 0x40000000;
const LENGTH_MASK: u32 = 0x3fffffff;

@unmanaged
export class Dict {
  table: usize; // bucket array in use
  mask: u32;
  used: u32; // entries in both tables
  old: usize; // array being emptied, or 0
  oldMask: u32;
  rehashIndex: u32; // next bucket of `old` to move
  pause: u32; // above 0: no rehash steps (iteration under way)
}

// @ts-ignore: decorator
@inline
export function entryKey(e: usize): usize {
  return e + ENTRY_HEADER;
}
// @ts-ignore: decorator
@inline
export function entryLength(e: usize): u32 {
  return load<u32>(e, 8) & LENGTH_MASK;
}
// @ts-ignore: decorator
@inline
export function entryHash(e: usize): u32 {
  return load<u32>(e, 4);
}
// @ts-ignore: decorator
@inline
export function entryValue(e: usize): usize {
  return load<usize>(e, 12);
}
// @ts-ignore: decorator
@inline
export function entrySetValue(e: usize, value: usize): void {
  store<usize>(e, value, 12);
}

export function dictInit(d: Dict, buckets: u32): void {
  d.table = allocZero(<usize>buckets << 2);
  d.mask = buckets - 1;
  d.used = 0;
  d.old = 0;
  d.oldMask = 0;
  d.rehashIndex = 0;
  d.pause = 0;
}

/** A dict of its own block (28 bytes), 4 buckets. */
export function dictNew(): Dict {
  const d = changetype<Dict>(alloc(offsetof<Dict>()));
  dictInit(d, 4);
  return d;
}

/** Room for `count` entries at once, if memory allows: spares rehashing while filling. */
export function dictReserve(d: Dict, count: u32): void {
  if (d.old || count <= d.mask + 1) return;
  resizeTo(d, count > 0x20000000 ? 0x20000000 : nextPower(count));
  if (d.old && d.used == 0) finishRehash(d);
}

function nextPower(n: u32): u32 {
  return n <= 4 ? 4 : <u32>1 << (32 - clz(n - 1));
}

function resizeTo(d: Dict, buckets: u32): void {
  const table = tryAllocZero(<usize>buckets << 2);
  if (!table) return;
  d.old = d.table;
  d.oldMask = d.mask;
  d.rehashIndex = 0;
  d.table = table;
  d.mask = buckets - 1;
}

function finishRehash(d: Dict): void {
  free(d.old);
  d.old = 0;
}

/** Moves up to `buckets` non-empty buckets; whether there is more to do. */
export function dictRehash(d: Dict, buckets: i32): bool {
  if (!d.old) return false;
  let empty = buckets * 10;
  const table = d.table;
  const mask = d.mask;
  while (buckets > 0) {
    if (d.rehashIndex > d.oldMask) {
      finishRehash(d);
      return false;
    }
    const slot = d.old + (<usize>d.rehashIndex << 2);
    let e = load<usize>(slot);
    d.rehashIndex++;
    if (!e) {
      if (--empty == 0) return true;
      continue;
    }
    store<usize>(slot, 0);
    while (e) {
      const next = load<usize>(e);
      const to = table + (<usize>(entryHash(e) & mask) << 2);
      store<usize>(e, load<usize>(to));
      store<usize>(to, e);
      e = next;
    }
    buckets--;
  }
  if (d.rehashIndex > d.oldMask) {
    finishRehash(d);
    return false;
  }
  return true;
}

// @ts-ignore: decorator
@inline
function step(d: Dict): void {
  if (d.old && !d.pause) dictRehash(d, 1);
}

/** The entry of a key, or 0. */
export function dictFind(d: Dict, key: usize, length: u32): usize {
  return dictFindHash(d, key, length, hash(key, length));
}

export function dictFindHash(d: Dict, key: usize, length: u32, h: u32): usize {
  step(d);
  let e = load<usize>(d.table + (<usize>(h & d.mask) << 2));
  while (e) {
    if (entryHash(e) == h && entryLength(e) == length && equal(entryKey(e), key, length)) return e;
    e = load<usize>(e);
  }
  if (d.old) {
    e = load<usize>(d.old + (<usize>(h & d.oldMask) << 2));
    while (e) {
      if (entryHash(e) == h && entryLength(e) == length && equal(entryKey(e), key, length)) return e;
      e = load<usize>(e);
    }
  }
  return 0;
}

/** A new entry for a key that is not there yet, value 0. Answers 0 when memory is short. */
export function dictAddHash(d: Dict, key: usize, length: u32, h: u32): usize {
  const e = tryAlloc(ENTRY_HEADER + length);
  if (!e) return 0;
  store<u32>(e, h, 4);
  store<u32>(e, length, 8);
  store<u32>(e, 0, 12);
  copy(entryKey(e), key, length);
  dictLink(d, e);
  return e;
}

/** Links an entry block made elsewhere (hash and length set, key not present). */
export function dictLink(d: Dict, e: usize): void {
  if (d.used > d.mask && !d.old && d.mask < 0x1fffffff) resizeTo(d, (d.mask + 1) << 1);
  else step(d);
  const slot = d.table + (<usize>(entryHash(e) & d.mask) << 2);
  store<usize>(e, load<usize>(slot));
  store<usize>(slot, e);
  d.used++;
}

export function dictAdd(d: Dict, key: usize, length: u32): usize {
  return dictAddHash(d, key, length, hash(key, length));
}

/** Set by dictFindOrAdd: whether the entry is new. */
export let dictAdded: bool = false;

/** The entry of a key, made if missing (see `dictAdded`); 0 when memory is short. */
export function dictFindOrAdd(d: Dict, key: usize, length: u32): usize {
  const h = hash(key, length);
  const e = dictFindHash(d, key, length, h);
  if (e) {
    dictAdded = false;
    return e;
  }
  dictAdded = true;
  return dictAddHash(d, key, length, h);
}

/** The address of the word that points to entry `e` (a bucket or the entry before it). */
function linkOf(d: Dict, e: usize): usize {
  const h = entryHash(e);
  let at = d.table + (<usize>(h & d.mask) << 2);
  for (let p = load<usize>(at); p; p = load<usize>(p)) {
    if (p == e) return at;
    at = p;
  }
  if (d.old) {
    at = d.old + (<usize>(h & d.oldMask) << 2);
    for (let p = load<usize>(at); p; p = load<usize>(p)) {
      if (p == e) return at;
      at = p;
    }
  }
  return 0;
}

/** Takes an entry out without freeing it. */
export function dictUnlink(d: Dict, e: usize): void {
  const at = linkOf(d, e);
  if (!at) return;
  store<usize>(at, load<usize>(e));
  d.used--;
  shrinkIfSparse(d);
}

/** Puts a moved block (same hash and key) in the place of `e`. */
export function dictReplaceEntry(d: Dict, e: usize, moved: usize): void {
  const at = linkOf(d, e);
  if (at) store<usize>(at, moved);
}

/** Removes a key and frees its entry; whether it was there. The value must have been dealt with. */
export function dictRemove(d: Dict, key: usize, length: u32): bool {
  const e = dictFind(d, key, length);
  if (!e) return false;
  dictUnlink(d, e);
  free(e);
  return true;
}

function shrinkIfSparse(d: Dict): void {
  if (!d.old && d.mask >= 31 && d.used < d.mask >> 4 && !d.pause) resizeTo(d, nextPower(max<u32>(d.used, 4)));
}

/** Frees every entry and both tables, calling `value(v)` (a function-table index, 0 for none) for each value; the Dict block stays. */
export function dictClear(d: Dict, value: u32): void {
  clearTable(d.table, d.mask, value);
  if (d.old) clearTable(d.old, d.oldMask, value);
  free(d.table);
  free(d.old);
  d.table = 0;
  d.old = 0;
  d.used = 0;
}

function clearTable(table: usize, mask: u32, value: u32): void {
  for (let i: usize = 0; i <= mask; i++) {
    let e = load<usize>(table + (i << 2));
    while (e) {
      const next = load<usize>(e);
      if (value) call_indirect<void>(value, entryValue(e));
      free(e);
      e = next;
    }
  }
}

/** dictClear and the Dict block. */
export function dictFree(d: Dict, value: u32): void {
  dictClear(d, value);
  free(changetype<usize>(d));
}

function reverse(v: u32): u32 {
  v = ((v >> 1) & 0x55555555) | ((v & 0x55555555) << 1);
  v = ((v >> 2) & 0x33333333) | ((v & 0x33333333) << 2);
  v = ((v >> 4) & 0x0f0f0f0f) | ((v & 0x0f0f0f0f) << 4);
  return bswap<u32>(v);
}

/**
 * One SCAN step: calls `visit(context, entry)` (function-table index) for the buckets of `cursor`, answers the next
 * cursor, 0 at the end. The callback must not change the dict.
 */
export function dictScan(d: Dict, cursor: u32, visit: u32, context: usize): u32 {
  if (d.used == 0) return 0;
  let v = cursor;
  if (!d.old) {
    scanBucket(d.table, v & d.mask, visit, context);
    v |= ~d.mask;
    return reverse(reverse(v) + 1);
  }
  let smallTable = d.old;
  let smallMask = d.oldMask;
  let bigTable = d.table;
  let bigMask = d.mask;
  if (smallMask > bigMask) {
    smallTable = d.table;
    smallMask = d.mask;
    bigTable = d.old;
    bigMask = d.oldMask;
  }
  scanBucket(smallTable, v & smallMask, visit, context);
  do {
    scanBucket(bigTable, v & bigMask, visit, context);
    v |= ~bigMask;
    v = reverse(reverse(v) + 1);
  } while (v & (smallMask ^ bigMask));
  return v;
}

function scanBucket(table: usize, bucket: u32, visit: u32, context: usize): void {
  let e = load<usize>(table + (<usize>bucket << 2));
  while (e) {
    const next = load<usize>(e);
    call_indirect<void>(visit, context, e);
    e = next;
  }
}

/** Any entry, or 0: a random bucket, then a random link of its chain (as Redis: nearly fair). */
export function dictRandom(d: Dict): usize {
  if (!d.used) return 0;
  step(d);
  let e: usize = 0;
  if (d.old) {
    const all = d.oldMask + 1 + d.mask + 1;
    do {
      const r = d.rehashIndex + (randomU32() % (all - d.rehashIndex));
      e = r > d.oldMask ? load<usize>(d.table + (<usize>(r - d.oldMask - 1) << 2)) : load<usize>(d.old + (<usize>r << 2));
    } while (!e);
  } else {
    do {
      e = load<usize>(d.table + (<usize>(randomU32() & d.mask) << 2));
    } while (!e);
  }
  let n: u32 = 0;
  for (let p = e; p; p = load<usize>(p)) n++;
  if (n > 1) {
    for (let skip = randomU32() % n; skip; skip--) e = load<usize>(e);
  }
  return e;
}

/** Fairer than dictRandom: samples 15 entries of neighbouring buckets from a random start and picks one of them. */
export function dictFairRandom(d: Dict): usize {
  if (d.used <= 1) return dictRandom(d);
  const count = dictSample(d, sampleBuffer, 15);
  if (!count) return dictRandom(d);
  return load<usize>(sampleBuffer + (<usize>(randomU32() % count) << 2));
}
const sampleBuffer = memory.data(64, 16);

/** Up to `count` entries from a random place on, into u32 words at `out`; how many. May repeat none, may miss some. */
export function dictSample(d: Dict, out: usize, count: u32): u32 {
  if (d.used < count) count = d.used;
  let steps = count * 10;
  let stored: u32 = 0;
  const wide = d.old ? max(d.mask, d.oldMask) : d.mask;
  let i = randomU32() & wide;
  while (stored < count && steps--) {
    for (let t = 0; t < 2; t++) {
      const table = t == 0 ? d.table : d.old;
      if (!table) continue;
      const mask = t == 0 ? d.mask : d.oldMask;
      if (i > mask) continue;
      let e = load<usize>(table + (<usize>i << 2));
      while (e) {
        store<usize>(out + (<usize>stored << 2), e);
        if (++stored == count) return stored;
        e = load<usize>(e);
      }
    }
    i = (i + 1) & wide;
  }
  return stored;
}

/**
 * Walks all entries. While an iteration is open (`dictPause` … `dictResume`) the dict does not rehash, so entries may be
 * removed, but only the one returned last. Start with bucket 0: `for (it = dictFirst(d); it; it = dictNext(d, it))` needs the
 * next one read before the current one is removed.
 */
export function dictPause(d: Dict): void {
  d.pause++;
}
export function dictResume(d: Dict): void {
  d.pause--;
  if (!d.pause) shrinkIfSparse(d);
}
export function dictFirst(d: Dict): usize {
  return firstFrom(d, 0);
}
function firstFrom(d: Dict, bucket: u32): usize {
  // buckets are numbered: the old table's first, then the table's
  let at = bucket;
  if (d.old) {
    for (; at <= d.oldMask; at++) {
      const e = load<usize>(d.old + (<usize>at << 2));
      if (e) return e;
    }
    at -= d.oldMask + 1;
  }
  for (; at <= d.mask; at++) {
    const e = load<usize>(d.table + (<usize>at << 2));
    if (e) return e;
  }
  return 0;
}
export function dictNext(d: Dict, e: usize): usize {
  const next = load<usize>(e);
  if (next) return next;
  const h = entryHash(e);
  // Which table the chain hangs in is told by the rehash index: moved buckets are empty in the old one.
  if (d.old && (h & d.oldMask) >= d.rehashIndex && inOld(d, e)) return firstFrom(d, (h & d.oldMask) + 1);
  return firstFrom(d, (d.old ? d.oldMask + 1 : 0) + (h & d.mask) + 1);
}
function inOld(d: Dict, e: usize): bool {
  for (let p = load<usize>(d.old + (<usize>(entryHash(e) & d.oldMask) << 2)); p; p = load<usize>(p)) {
    if (p == e) return true;
  }
  return false;
}

/** Bytes of the bucket arrays (for MEMORY USAGE). */
export function dictTableBytes(d: Dict): usize {
  return (<usize>(d.mask + 1) << 2) + (d.old ? <usize>(d.oldMask + 1) << 2 : 0);
}
