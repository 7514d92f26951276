/**
 * Has the processor fetch what the requests of a turn will need: the bucket, the entry and the value of each one's key, before the first of
 * them is run. One after the other, each command would wait for main memory two or three times; here the waits of many overlap, because
 * none of these loads depends on another one. With more keys than fit into the caches this halves a command's time.
 *
 * What other shards have forwarded is fetched like what connections have sent.
 *
 * It is a guess and changes nothing: whatever is not a plain request with a key as its first argument is passed over, and a wrong guess
 * costs a useless load.
 */
import { hash } from "../lib/raw/bytes";
import { FRAME_HEADER, framePeek, peekedLength } from "../lib/raw/shard-link";
import { Client } from "./client";
import { Dict, entryHash, entryValue } from "./dict";
import { dbDict } from "./keyspace";
import { cfg } from "./server";
import { FRAME_REQUEST } from "./shard-serve";

/** Keys that are fetched ahead: their three cache lines each fit into the first level. */
const KEYS_MAX: u32 = 128;
const hashes = memory.data(512, 16);
/** Of each key the bucket, then the entry, then the value. */
const places = memory.data(512, 16);
/** An entry of nobody's, its value at address 0. */
const nothing = memory.data(16, 16);
let count: u32 = 0;

/** The length in the bulk header at `p`, whose text starts at `bulkStart`; 0 if it is not an everyday one. */
let bulkStart: usize = 0;
// @ts-ignore: decorator
@inline
function bulk(p: usize): u32 {
  const head = load<u32>(p);
  const first = ((head >> 8) & 0xff) - 48;
  if (first > 9 || (head & 0xff) != 36) return 0;
  if (head >> 16 == 0x0a0d) {
    bulkStart = p + 4;
    return first;
  }
  const second = ((head >> 16) & 0xff) - 48;
  if (second > 9) return 0;
  if (head >> 24 == 13) {
    bulkStart = p + 5;
    return first * 10 + second;
  }
  const third = (head >> 24) - 48;
  if (third > 9 || load<u16>(p, 4) != 0x0a0d) return 0;
  bulkStart = p + 6;
  return first * 100 + second * 10 + third;
}

/** Nothing is to be fetched yet. */
export function prefetchBegin(): void {
  count = 0;
  framesFrom = 0;
}

/** Notes the keys of the requests in [p, end); false if no more can be noted. */
export function prefetchNote(c: Client, p: usize, end: usize): bool {
  if (!c.queryLen) requests(c.db, p, end);
  return count < KEYS_MAX;
}

/** The frame of a message at which the last look stopped because no more could be noted, and where that message ends. */
export let framesFrom: usize = 0;
let framesEnd: usize = 0;

/** The same for the frames in [p, end), a message of another shard's. */
export function prefetchFrames(p: usize, end: usize): bool {
  for (let next = framePeek(p, end); next; next = framePeek(p, end)) {
    if (count == KEYS_MAX) {
      framesFrom = p;
      framesEnd = end;
      return false;
    }
    const payload = p + FRAME_HEADER;
    const db = load<u32>(p, 12);
    if (load<u8>(p, 4) == FRAME_REQUEST && db < <u32>cfg.databases) requests(db, payload, payload + peekedLength);
    p = next;
  }
  return count < KEYS_MAX;
}

/** The frame at `framesFrom` is the next one to be served: fetches for it and those behind it. */
export function prefetchMore(): void {
  const p = framesFrom;
  prefetchBegin();
  prefetchFrames(p, framesEnd);
  prefetchRun();
}

function requests(db: u32, p: usize, end: usize): void {
  const d = dbDict(db);
  const table = d.table;
  const mask = d.mask;
  let n = count;
  while (p + 16 <= end) {
    if (n == KEYS_MAX) break;
    // *N with one digit
    const head = load<u32>(p);
    let left = ((head >> 8) & 0xff) - 48;
    if ((head & 0xffff00ff) != 0x0a0d002a || left - 2 > 7) break;
    p += 4;
    let length = bulk(p);
    if (!length) break;
    p = bulkStart + length + 2;
    if (p >= end) break;
    length = bulk(p);
    if (!length) break;
    p = bulkStart + length + 2;
    if (p > end) break;
    const h = hash(bulkStart, length);
    const at = <usize>n << 2;
    store<u32>(hashes + at, h);
    store<usize>(places + at, table + (<usize>(h & mask) << 2));
    n++;
    for (left -= 2; left; left--) {
      if (p >= end) break;
      length = bulk(p);
      if (!length) break;
      p = bulkStart + length + 2;
    }
    if (left) break;
  }
  count = n;
}

/** Fetches what has been noted. */
export function prefetchRun(): void {
  const n = <usize>count << 2;
  if (n < 8) return;
  // Buckets; then first entries, and behind those of another key the second; then values. Where there is none stands `nothing`.
  for (let i: usize = 0; i < n; i += 4) {
    const e = load<usize>(load<usize>(places + i));
    store<usize>(places + i, e ? e : nothing);
  }
  for (let i: usize = 0; i < n; i += 4) {
    const e = load<usize>(places + i);
    const other = entryHash(e) == load<u32>(hashes + i) ? e : load<usize>(e);
    store<usize>(places + i, other ? other : nothing);
  }
  for (let i: usize = 0; i < n; i += 4) store<usize>(places + i, entryValue(load<usize>(places + i)));
  // The end of a short string lies in the next line.
  const last: usize = (<usize>memory.size() << 16) - 4;
  for (let i: usize = 0; i < n; i += 4) {
    const v = load<usize>(places + i);
    store<u32>(hashes + i, load<u32>(v) ^ load<u32>(min<usize>(v + 64, last)));
  }
}
