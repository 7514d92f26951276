/**
 * Has the processor fetch what the requests of a turn will need: the bucket and the item of each one's keys, before the first of them is run. One
 * after the other, each request would wait for main memory two or three times; here the waits of many overlap, because none of these loads
 * depends on another one.
 *
 * What other shards have forwarded is fetched like what connections have sent; keys of other shards are not.
 *
 * It is a guess and changes nothing: it follows text and binary requests as far as they are plain, and stops where they are not; a wrong guess costs a
 * useless load.
 */
import { Conn, STATE_COMMAND } from "./connection";
import { Item } from "./item";
import { FRAME_HEADER, framePeek, peekedLength, shardSelf, shardTotal } from "../lib/raw/shard-link";
import { FRAME_KEYS, FRAME_REQUEST } from "./shard-serve";
import { bucketOf, keyHash, shardOf } from "./table";

/** Keys that are fetched ahead: their cache lines fit into the first level. */
const KEYS_MAX: u32 = 128;
const KEY_BYTES_MAX: usize = 250;
/** Of each key its hash, and the bucket, then the item. */
const hashes = memory.data(512, 16);
const places = memory.data(512, 16);
/** An item of nobody's. */
const nothing = memory.data(64, 16);
const HASH = offsetof<Item>("hash");
const NEXT = offsetof<Item>("hnext");
let count: u32 = 0;

/** Nothing is to be fetched yet. */
export function prefetchBegin(): void {
  count = 0;
  framesFrom = 0;
}

function note(key: usize, n: usize): void {
  const hv = keyHash(key, n);
  if (shardTotal > 1 && <i32>shardOf(hv, shardTotal) != shardSelf) return;
  const at = <usize>count << 2;
  store<u32>(hashes + at, hv);
  store<usize>(places + at, bucketOf(hv));
  count++;
}

/** Notes the keys of the requests in [p, end); false if no more can be noted. */
export function prefetchNote(c: Conn, p: usize, end: usize): bool {
  if (!c.queryLen && c.state == STATE_COMMAND) requests(p, end);
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
    const kind: u32 = load<u8>(p, 4);
    const payload = p + FRAME_HEADER;
    if (kind == FRAME_KEYS) keys(payload, payload + peekedLength);
    else if (kind == FRAME_REQUEST) requests(payload, payload + peekedLength);
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

function requests(p: usize, end: usize): void {
  while (p + 8 <= end && count < KEYS_MAX) {
    const next = load<u8>(p) == 0x80 ? binary(p, end) : text(p, end);
    if (!next) break;
    p = next;
  }
}

function keys(p: usize, end: usize): void {
  while (p < end && count < KEYS_MAX) {
    const word = wordEnd(p, end);
    if (word == p || word - p > KEY_BYTES_MAX) break;
    note(p, word - p);
    p = word + 1;
  }
}

/** Where the next request begins; 0 if it cannot be told. */
function binary(p: usize, end: usize): usize {
  if (p + 24 > end) return 0;
  const n = bswap<u16>(load<u16>(p, 2));
  const key = p + 24 + load<u8>(p, 4);
  if (n - 1 < <u16>KEY_BYTES_MAX && key + n <= end) note(key, n);
  const body = bswap<u32>(load<u32>(p, 8));
  return body < <u32>(end - p) ? p + 24 + body : 0;
}

/** Where the word that begins at `p` ends: at a space or a control character. */
// @ts-ignore: decorator
@inline
function wordEnd(p: usize, end: usize): usize {
  while (p < end && load<u8>(p) > 32) p++;
  return p;
}

function text(p: usize, end: usize): usize {
  const command = load<u32>(p);
  let at = wordEnd(p, end);
  const isGet = (command & 0xffffff) == 0x746567; // get, gets
  const isMeta = (command & 0xff) == 109 && at == p + 2; // mg, ms, md, ma
  do {
    if (at >= end || load<u8>(at) != 32) break;
    const key = at + 1;
    at = wordEnd(key, end);
    if (at == end || at == key || at - key > KEY_BYTES_MAX) return 0;
    note(key, at - key);
  } while (isGet && count < KEYS_MAX);
  // A value follows set and its kin, and ms: its length is the third number, or the first.
  let skip: usize = 0;
  const stores = !isGet && !isMeta && at - p > 4 && isStore(command);
  if (stores || (isMeta && load<u8>(p, 1) == 115)) {
    for (let words = stores ? 3 : 1; words; words--) {
      if (at >= end || load<u8>(at) != 32) return 0;
      const word = at + 1;
      at = wordEnd(word, end);
      if (words > 1) continue;
      let bytes: usize = 0;
      for (let digit = word; digit < at; digit++) {
        const d = <u32>load<u8>(digit) - 48;
        if (d > 9 || bytes > 1048576) return 0;
        bytes = bytes * 10 + d;
      }
      skip = bytes + 2;
    }
  }
  while (at < end && load<u8>(at) != 10) at++;
  at += 1 + skip;
  return at < end ? at : 0;
}

/** By the first four letters: "set ", add, repl(ace), appe(nd), prep(end), "cas ". */
function isStore(command: u32): bool {
  return (
    command == 0x20746573 ||
    command == 0x20646461 ||
    command == 0x6c706572 ||
    command == 0x65707061 ||
    command == 0x70657270 ||
    command == 0x20736163
  );
}

/** Fetches what has been noted. */
export function prefetchRun(): void {
  const n = <usize>count << 2;
  if (n < 8) return;
  // Buckets; then first items, and behind those of another key the second. Where there is none stands `nothing`.
  for (let i: usize = 0; i < n; i += 4) {
    const it = load<usize>(load<usize>(places + i));
    store<usize>(places + i, it ? it : nothing);
  }
  for (let i: usize = 0; i < n; i += 4) {
    const it = load<usize>(places + i);
    const other = load<u32>(it + HASH) == load<u32>(hashes + i) ? it : load<usize>(it + NEXT);
    store<usize>(places + i, other ? other : nothing);
  }
  // The key, and a short value, lie in the next lines.
  const last: usize = (<usize>memory.size() << 16) - 4;
  for (let i: usize = 0; i < n; i += 4) {
    const it = load<usize>(places + i);
    const first = load<u32>(it) ^ load<u32>(min<usize>(it + 64, last));
    store<u32>(hashes + i, first ^ load<u32>(min<usize>(it + 128, last)));
  }
}
