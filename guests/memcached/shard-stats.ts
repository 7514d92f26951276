/**
 * Requests that all shards answer: the answers become one. Statistics are added up, name by name, where a sum means something.
 */
import { alloc, free } from "../lib/raw/alloc";
import { Builder, builderRelease, builderReset, putByte, putBytes, putInt, putText } from "../lib/raw/builder";
import { equal } from "../lib/raw/bytes";
import { frameBegin, frameEnd, framePut, shardSelf, shardTotal } from "../lib/raw/shard-link";
import { Conn } from "./connection";
import { Forward, forwardFill, forwardNew } from "./shard-order";
import { FRAME_REQUEST, serveHere } from "./shard-serve";

/** This shard's answer stands for all. */
export const GATHER_OWN: u32 = 1;
/** Lines of "STAT name value". */
export const GATHER_STATS: u32 = 2;
/** Any lines, and one END. */
export const GATHER_LINES: u32 = 3;

/** Of these the largest counts: they are not amounts, or each shard has the same. */
const LARGEST =
  " pid uptime time pointer_size max_connections threads hash_power_level hash_is_expanding accepting_conns slab_reassign_running lru_crawler_running chunk_size chunks_per_page age age_hot age_warm evicted_time ";

@unmanaged
class Gather {
  kind: u32;
  left: u32; // answers to come
  text: usize; // Builder: lines so far
}
const merged: Builder = changetype<Builder>(memory.data(16, 16));

/** Sends the request at p to all shards, this one too. */
export function gatherAll(c: Conn, kind: u32, p: usize, n: u32): void {
  const ph = forwardNew(c);
  if (!ph) return;
  const g = changetype<Gather>(alloc(offsetof<Gather>()));
  g.kind = kind;
  g.left = shardTotal;
  g.text = alloc(offsetof<Builder>());
  memory.fill(g.text, 0, offsetof<Builder>());
  changetype<Forward>(ph).gather = changetype<usize>(g);
  for (let i = 0; i < shardTotal; i++) {
    if (i == shardSelf) continue;
    frameBegin(i, FRAME_REQUEST, c.protocol, 0, <u32>ph, 0, 0, n);
    framePut(p, n);
    frameEnd();
  }
  serveHere(<u32>ph, p, n, c.protocol);
}

/** An answer of `shard` for placeholder `token`. */
export function forwarded(token: u32, shard: i32, p: usize, n: u32): void {
  const f = changetype<Forward>(token);
  if (!f.gather) {
    forwardFill(token, p, n);
    return;
  }
  const g = changetype<Gather>(f.gather);
  const b = changetype<Builder>(g.text);
  const own = shard == shardSelf;
  if (g.kind == GATHER_OWN) {
    if (own) putBytes(b, p, n);
  } else if (g.kind == GATHER_STATS && isStats(p, n)) addStats(b, p, p + n);
  else if (g.kind == GATHER_LINES && endsWithEnd(p, n)) putBytes(b, p, n - 5);
  else if (own) putBytes(b, p, n); // an error: each has the same
  if (--g.left) return;
  f.gather = 0;
  if (g.kind == GATHER_STATS && isStats(b.data, b.length)) putText(b, "END\r\n");
  else if (g.kind == GATHER_LINES && !startsWithError(b.data, b.length)) putText(b, "END\r\n");
  forwardFill(token, b.data, b.failed ? 0 : b.length);
  builderRelease(b);
  free(g.text);
  free(changetype<usize>(g));
}

function isStats(p: usize, n: u32): bool {
  return n >= 5 && (load<u32>(p) == 0x54415453 || endsWithEnd(p, n)); // "STAT", or nothing but END
}
function endsWithEnd(p: usize, n: u32): bool {
  return n >= 5 && load<u32>(p + n - 5) == 0x0d444e45;
}
function startsWithError(p: usize, n: u32): bool {
  return n >= 6 && (load<u32>(p) == 0x45494c43 || load<u32>(p) == 0x4f525245); // CLIE, ERRO
}

function lineEnd(p: usize, end: usize): usize {
  while (p < end && load<u8>(p) != 13) p++;
  return p;
}
function wordIn(p: usize, end: usize): usize {
  while (p < end && load<u8>(p) != 32) p++;
  return p;
}

/** Adds the lines in [p, end) to those in `b`: by name, in the order of the first answer, new names behind. */
function addStats(b: Builder, p: usize, end: usize): void {
  builderReset(merged);
  // Both name the same things in the same order, mostly: one place in the other text goes along.
  let at = b.data;
  const known = b.data + b.length;
  for (let line = b.data; line < known; ) {
    const close = lineEnd(line, known);
    const name = line + 5;
    const nameEnd = wordIn(name, close);
    const other = find(p, end, name, <u32>(nameEnd - name));
    if (other) {
      putBytes(merged, line, <u32>(nameEnd - line));
      putValue(nameEnd, close, other, lineEnd(other, end), name, <u32>(nameEnd - name));
      putText(merged, "\r\n");
    } else putBytes(merged, line, <u32>(close + 2 - line));
    line = close + 2;
  }
  for (let line = p; line < end; ) {
    const close = lineEnd(line, end);
    if (load<u32>(line) == 0x54415453) {
      const name = line + 5;
      const n = <u32>(wordIn(name, close) - name);
      if (!find(at, known, name, n)) putBytes(merged, line, <u32>(close + 2 - line));
    }
    line = close + 2;
  }
  builderReset(b);
  putBytes(b, merged.data, merged.length);
  if (merged.failed) b.failed = 1;
  if (merged.capacity > 65536) builderRelease(merged);
}

/** Where the value (or the line's end) of the line with that name is, or 0. */
function find(p: usize, end: usize, name: usize, n: u32): usize {
  while (p < end) {
    const close = lineEnd(p, end);
    const own = p + 5;
    const nameEnd = wordIn(own, close);
    if (<u32>(nameEnd - own) == n && equal(own, name, n)) return nameEnd;
    p = close + 2;
  }
  return 0;
}

let number: i64 = 0;
/** A whole number is the text behind the space at p. */
function numberAt(p: usize, end: usize): bool {
  number = 0;
  if (++p >= end) return false;
  for (; p < end; p++) {
    const digit = <u32>load<u8>(p) - 48;
    if (digit > 9) return false;
    number = number * 10 + digit;
  }
  return true;
}

/** The value of both: the sum, the larger, or what was there. */
function putValue(a: usize, aEnd: usize, b: usize, bEnd: usize, name: usize, n: u32): void {
  const first = numberAt(a, aEnd);
  const x = number;
  if (!first || !numberAt(b, bEnd)) {
    putBytes(merged, a, <u32>(aEnd - a));
    return;
  }
  putByte(merged, 32);
  putInt(merged, isLargest(name, n) ? max(x, number) : x + number);
}

/** The last part of a name ("items:1:age"). */
function isLargest(name: usize, n: u32): bool {
  const end = name + n;
  for (let p = name; p < end; p++) if (load<u8>(p) == 58) name = p + 1;
  const m = <i32>(end - name);
  for (let i = 0; i + m + 1 < LARGEST.length; i++) {
    if (LARGEST.charCodeAt(i) != 32 || LARGEST.charCodeAt(i + m + 1) != 32) continue;
    let same = true;
    for (let k = 0; k < m && same; k++) same = <i32>load<u8>(name + k) == LARGEST.charCodeAt(i + 1 + k);
    if (same) return true;
  }
  return false;
}
