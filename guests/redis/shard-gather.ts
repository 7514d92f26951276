/**
 * Requests that all shards answer (DBSIZE, KEYS, FLUSHALL, ...) or one after the other (SCAN, RANDOMKEY): the replies become one.
 *
 * A gather hangs on the placeholder that waits for it; every shard, this one too, answers under that token.
 */
import { alloc, free } from "../lib/raw/alloc";
import { Builder, builderRelease, builderReset, putByte, putBytes, putInt, putText } from "../lib/raw/builder";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { frameBegin, frameEnd, framePut, shardSelf, shardTotal } from "../lib/raw/shard-link";
import { Client } from "./client";
import { Dict, dictAdd, dictFind, dictFree, dictNew } from "./dict";
import { Forward, forwardFill, forwardNew } from "./shard-order";
import { FRAME_REQUEST, serveHere } from "./shard-serve";

/** The numbers added up. */
export const GATHER_SUM: u32 = 1;
/** The first error, else the last reply. */
export const GATHER_ALL: u32 = 2;
/** The last reply that is no error, else an error. */
export const GATHER_ANY: u32 = 3;
/** One array of all elements, each but once. */
export const GATHER_ARRAY: u32 = 4;
/** One text. */
export const GATHER_TEXT: u32 = 5;
/** Arrays of names and numbers: the numbers added up. */
export const GATHER_PAIRS: u32 = 6;
/** SCAN: the cursor gets the shard's number. */
export const GATHER_SCAN: u32 = 7;
/** RANDOMKEY: the next shard if this one is empty. */
export const GATHER_RANDOM: u32 = 8;

@unmanaged
export class Gather {
  kind: u32;
  left: u32; // replies to come
  sum: i64;
  count: i64; // elements in `text`
  failed: u32; // `text` holds an error
  shard: i32; // who answers (SCAN, RANDOMKEY)
  db: u32;
  resp: u32;
  seen: usize; // Dict of elements (arrays)
  text: usize; // Builder
}

const result: Builder = changetype<Builder>(memory.data(16, 16));

function gatherNew(c: Client, kind: u32, left: u32): Gather {
  const g = changetype<Gather>(alloc(offsetof<Gather>()));
  memory.fill(changetype<usize>(g), 0, offsetof<Gather>());
  g.kind = kind;
  g.left = left;
  g.db = c.db;
  g.resp = c.resp;
  const b = alloc(offsetof<Builder>());
  memory.fill(b, 0, offsetof<Builder>());
  g.text = b;
  return g;
}
function gatherFree(g: Gather): void {
  builderRelease(changetype<Builder>(g.text));
  free(g.text);
  if (g.seen) dictFree(changetype<Dict>(g.seen), 0);
  free(changetype<usize>(g));
}

/** Sends the request at `p` to all shards. False: no memory. */
export function gatherAll(c: Client, kind: u32, p: usize, n: u32): bool {
  const ph = forwardNew(c, -1, n, false);
  if (!ph) return false;
  changetype<Forward>(ph).gather = changetype<usize>(gatherNew(c, kind, shardTotal));
  for (let i = 0; i < shardTotal; i++) if (i != shardSelf) ask(i, <u32>ph, c.db, c.resp, c.id, p, n);
  serveHere(<u32>ph, c, p, n);
  return true;
}

/** Sends it to one shard, whose reply needs a second look. */
export function gatherOne(c: Client, kind: u32, shard: i32, p: usize, n: u32): bool {
  const ph = forwardNew(c, -1, n, false);
  if (!ph) return false;
  const g = gatherNew(c, kind, kind == GATHER_RANDOM ? shardTotal : 1);
  g.shard = shard;
  changetype<Forward>(ph).gather = changetype<usize>(g);
  if (kind == GATHER_RANDOM) putBytes(changetype<Builder>(g.text), p, n); // to ask the next one with
  if (shard == shardSelf) serveHere(<u32>ph, c, p, n);
  else ask(shard, <u32>ph, c.db, c.resp, c.id, p, n);
  return true;
}

function ask(shard: i32, token: u32, db: u32, resp: u32, id: i64, p: usize, n: u32): void {
  frameBegin(shard, FRAME_REQUEST, resp, 0, token, db, id, n);
  framePut(p, n);
  frameEnd();
}

/** A reply of `shard` for placeholder `token`. `db`: the database that the request has left its client in. */
export function forwardReply(token: u32, shard: i32, p: usize, n: u32, db: u32): void {
  const f = changetype<Forward>(token);
  if (!f.gather) {
    if (f.transaction && f.owner) changetype<Client>(f.owner).db = db;
    forwardFill(token, p, n);
    return;
  }
  const g = changetype<Gather>(f.gather);
  if (g.kind == GATHER_RANDOM && --g.left && isNull(p, n)) {
    askNext(f, g);
    return;
  }
  if (g.kind == GATHER_SCAN) {
    finish(f, g, scanReply(g, p, n));
    return;
  }
  if (g.kind == GATHER_RANDOM) {
    builderReset(result);
    putBytes(result, p, n);
    finish(f, g, true);
    return;
  }
  add(g, p, n);
  if (--g.left) return;
  finish(f, g, total(g));
}

function finish(f: Forward, g: Gather, good: bool): void {
  f.gather = 0;
  gatherFree(g);
  if (!good || result.failed) {
    builderReset(result);
    putText(result, "-OOM command not allowed when used memory > 'maxmemory'. The machine's memory is full\r\n");
  }
  forwardFill(changetype<usize>(f), result.data, result.length);
  if (result.capacity > 65536) builderRelease(result);
}

function isNull(p: usize, n: u32): bool {
  return n < 6 && (load<u8>(p) == 95 || load<u8>(p, 1) == 45);
}

function askNext(f: Forward, g: Gather): void {
  g.shard = (g.shard + 1) % shardTotal;
  const b = changetype<Builder>(g.text);
  const owner = f.owner;
  if (g.shard != shardSelf) ask(g.shard, <u32>changetype<usize>(f), g.db, g.resp, 0, b.data, b.length);
  else if (owner) serveHere(<u32>changetype<usize>(f), changetype<Client>(owner), b.data, b.length);
  else finish(f, g, true);
}

/** Length of the line's number at p ("*12\r\n"), which `parsedI64` then is: where the next byte is. */
function header(p: usize, end: usize): usize {
  let q = p + 1;
  while (q < end && load<u8>(q) != 13) q++;
  parseI64(p + 1, q - p - 1);
  return q + 2;
}

function add(g: Gather, p: usize, n: u32): void {
  const b = changetype<Builder>(g.text);
  const end = p + n;
  const error = n > 0 && load<u8>(p) == 45;
  if (error) {
    // For ANY an error counts while there is nothing better.
    if (g.failed || (g.kind == GATHER_ANY && b.length)) return;
    g.failed = 1;
    builderReset(b);
    putBytes(b, p, n);
    return;
  }
  if (g.failed) {
    if (g.kind != GATHER_ANY) return;
    g.failed = 0;
    builderReset(b);
  }
  if (g.kind == GATHER_SUM) {
    header(p, end);
    g.sum += parsedI64;
  } else if (g.kind == GATHER_ALL || g.kind == GATHER_ANY) {
    builderReset(b);
    putBytes(b, p, n);
  } else if (g.kind == GATHER_TEXT) {
    let at = header(p, end);
    let length = <u32>parsedI64;
    if (load<u8>(p) == 61) {
      at += 4; // "txt:"
      length -= 4;
    }
    putBytes(b, at, length);
  } else if (g.kind == GATHER_ARRAY) elements(g, b, p, end);
  else pairs(g, b, p, end);
}

function elements(g: Gather, b: Builder, p: usize, end: usize): void {
  let at = header(p, end);
  if (!g.seen) g.seen = changetype<usize>(dictNew());
  const seen = changetype<Dict>(g.seen);
  for (let i = parsedI64; i > 0 && at < end; i--) {
    const data = header(at, end);
    const length = <u32>parsedI64;
    const next = data + length + 2;
    if (!dictFind(seen, data, length)) {
      if (!dictAdd(seen, data, length)) b.failed = 1;
      putBytes(b, at, <u32>(next - at));
      g.count++;
    }
    at = next;
  }
}

/** All shards name the same channels in the same order: the numbers in `text` (i64 each) grow. */
function pairs(g: Gather, b: Builder, p: usize, end: usize): void {
  let at = header(p, end);
  const count = <u32>(parsedI64 / 2);
  const names = changetype<Builder>(g.text);
  const first = !g.seen;
  if (first) {
    g.seen = changetype<usize>(dictNew());
    g.count = parsedI64;
    for (let i: u32 = 0; i < count; i++) putInt8(b, 0);
  }
  for (let i: u32 = 0; i < count && at < end; i++) {
    const data = header(at, end);
    const next = data + <u32>parsedI64 + 2;
    if (first) putBytes(names, at, <u32>(next - at));
    const after = header(next, end);
    if (!b.failed) store<i64>(b.data + (<usize>i << 3), load<i64>(b.data + (<usize>i << 3)) + parsedI64);
    at = after;
  }
}
function putInt8(b: Builder, value: i64): void {
  store<i64>(scratch, value);
  putBytes(b, scratch, 8);
}
const scratch = memory.data(8, 16);

/** All have answered: the one reply, in `result`. */
function total(g: Gather): bool {
  const b = changetype<Builder>(g.text);
  if (b.failed) return false;
  builderReset(result);
  if (g.failed || g.kind == GATHER_ALL || g.kind == GATHER_ANY) putBytes(result, b.data, b.length);
  else if (g.kind == GATHER_SUM) {
    putByte(result, 58);
    putInt(result, g.sum);
    putText(result, "\r\n");
  } else if (g.kind == GATHER_ARRAY) {
    putByte(result, 42);
    putInt(result, g.count);
    putText(result, "\r\n");
    putBytes(result, b.data, b.length);
  } else if (g.kind == GATHER_TEXT) {
    putByte(result, g.resp == 2 ? 36 : 61);
    putInt(result, b.length + (g.resp == 2 ? 0 : 4));
    putText(result, g.resp == 2 ? "\r\n" : "\r\ntxt:");
    putBytes(result, b.data, b.length);
    putText(result, "\r\n");
  } else {
    const count = <u32>(g.count / 2);
    putByte(result, 42);
    putInt(result, g.count);
    putText(result, "\r\n");
    let at = b.data + (<usize>count << 3);
    for (let i: u32 = 0; i < count; i++) {
      const data = header(at, b.data + b.length);
      const next = data + <u32>parsedI64 + 2;
      putBytes(result, at, <u32>(next - at));
      putByte(result, 58);
      putInt(result, load<i64>(b.data + (<usize>i << 3)));
      putText(result, "\r\n");
      at = next;
    }
  }
  return true;
}

/** SCAN's reply with the cursor for its client: cursor * shards + shard; where a shard is through, the next one's beginning. */
function scanReply(g: Gather, p: usize, n: u32): bool {
  builderReset(result);
  if (!n || load<u8>(p) == 45) {
    putBytes(result, p, n);
    return n != 0;
  }
  const end = p + n;
  const bulk = header(p, end);
  const text = header(bulk, end);
  const length = <u32>parsedI64;
  parseI64(text, length);
  const rest = text + length + 2;
  let cursor = parsedI64 * shardTotal + g.shard;
  if (parsedI64 == 0) cursor = g.shard + 1 < shardTotal ? g.shard + 1 : 0;
  builderReset(digits);
  putInt(digits, cursor);
  putText(result, "*2\r\n$");
  putInt(result, digits.length);
  putText(result, "\r\n");
  putBytes(result, digits.data, digits.length);
  putText(result, "\r\n");
  putBytes(result, rest, <u32>(end - rest));
  return true;
}
const digits: Builder = changetype<Builder>(memory.data(16, 16));
