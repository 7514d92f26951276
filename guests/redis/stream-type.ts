/**
 * Streams: entries in an id-map, consumer groups with their lists of pending entries.
 *
 * An entry is one block: [u32 strings] then per string [u32 length][bytes]. Groups and consumers are sorted by name in arrays. A pending entry (`Nack`)
 * is in its group's map and in its consumer's map. Stream objects may be empty: an empty stream stays in the keyspace.
 */
import { alloc, free, tryAlloc, tryRealloc, usable } from "../lib/raw/alloc";
import { blobData, blobFree, blobLength, compare, tryBlobNew } from "../lib/raw/bytes";
import { argLen, argPtr } from "./client";
import {
  current,
  IdMap,
  idCompare,
  mapAdd,
  mapAppend,
  mapBytes,
  mapFind,
  mapFirst,
  mapForward,
  mapFree,
  mapLast,
  mapNew,
  mapRemove,
  mapRemoveHere,
  mapSeek,
  nodeRecords,
  recordMs,
  recordSeq,
  recordValue,
} from "./id-map";
import { ENC_STREAM, Obj, objNew, STREAM } from "./object";
import { cfg, nowMs } from "./server";

/** Objects sorted by the blob at their offset 0. */
@unmanaged
export class NameList {
  items: usize;
  count: u32;
  cap: u32;
}
@unmanaged
export class Stream {
  entries: IdMap;
  groups: NameList;
  lastMs: u64;
  lastSeq: u64;
  deletedMs: u64; // the greatest id XDEL removed
  deletedSeq: u64;
  added: u64;
}
@unmanaged
export class Group {
  name: usize;
  pel: IdMap;
  consumers: NameList;
  lastMs: u64;
  lastSeq: u64;
  entriesRead: i64; // -1: unknown
}
@unmanaged
export class Consumer {
  name: usize;
  pel: IdMap;
  seen: i64;
}
@unmanaged
export class Nack {
  consumer: usize;
  time: i64;
  count: i64;
}

// --- names -------------------------------------------------------------------------------------------------------------
function namesNew(): NameList {
  const l = changetype<NameList>(alloc(offsetof<NameList>()));
  l.items = 0;
  l.count = 0;
  l.cap = 0;
  return l;
}
export function nameAt(l: NameList, i: u32): usize {
  return load<usize>(l.items + (<usize>i << 2));
}
let namePlace: u32 = 0;
export function nameFind(l: NameList, p: usize, n: u32): usize {
  let low: u32 = 0;
  let high = l.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = nameAt(l, middle);
    const name = load<usize>(item);
    const order = compare(blobData(name), blobLength(name), p, n);
    if (!order) {
      namePlace = middle;
      return item;
    }
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  namePlace = low;
  return 0;
}
/** Adds behind a nameFind that found nothing. */
function nameAdd(l: NameList, item: usize): bool {
  if (l.count == l.cap) {
    const cap = max<u32>(4, l.cap * 2);
    const p = tryRealloc(l.items, <usize>cap << 2);
    if (!p) return false;
    l.items = p;
    l.cap = cap;
  }
  const at = l.items + (<usize>namePlace << 2);
  memory.copy(at + 4, at, <usize>(l.count - namePlace) << 2);
  store<usize>(at, item);
  l.count++;
  return true;
}
function nameDrop(l: NameList, p: usize, n: u32): void {
  if (!nameFind(l, p, n)) return;
  const at = l.items + (<usize>namePlace << 2);
  l.count--;
  memory.copy(at, at + 4, <usize>(l.count - namePlace) << 2);
}
function namesFree(l: NameList): void {
  free(l.items);
  free(changetype<usize>(l));
}

// --- streams -----------------------------------------------------------------------------------------------------------
export function streamOf(o: Obj): Stream {
  return changetype<Stream>(o.data);
}
export function streamNew(): Obj {
  const p = alloc(offsetof<Stream>());
  memory.fill(p, 0, offsetof<Stream>());
  const s = changetype<Stream>(p);
  s.entries = mapNew();
  s.groups = namesNew();
  return objNew(STREAM, ENC_STREAM, p);
}
export function streamFree(o: Obj): void {
  const s = streamOf(o);
  for (let r = mapFirst(s.entries); r; r = mapForward(s.entries)) free(recordValue(r));
  mapFree(s.entries);
  for (let i: u32 = 0; i < s.groups.count; i++) groupFree(changetype<Group>(nameAt(s.groups, i)));
  namesFree(s.groups);
  free(changetype<usize>(s));
}
function groupFree(g: Group): void {
  for (let r = mapFirst(g.pel); r; r = mapForward(g.pel)) free(recordValue(r));
  mapFree(g.pel);
  for (let i: u32 = 0; i < g.consumers.count; i++) consumerFree(changetype<Consumer>(nameAt(g.consumers, i)));
  namesFree(g.consumers);
  blobFree(g.name);
  free(changetype<usize>(g));
}
function consumerFree(k: Consumer): void {
  mapFree(k.pel);
  blobFree(k.name);
  free(changetype<usize>(k));
}
export function streamLength(o: Obj): u32 {
  return streamOf(o).entries.length;
}
/** The first entry's id, 0-0 in an empty stream. */
export let firstMs: u64 = 0;
export let firstSeq: u64 = 0;
export function streamFirst(s: Stream): void {
  const r = mapFirst(s.entries);
  firstMs = r ? recordMs(r) : 0;
  firstSeq = r ? recordSeq(r) : 0;
}

/** Appends the arguments [first, end) under an id above the last; false when memory is short. */
export function streamAppend(s: Stream, ms: u64, seq: u64, first: i32, end: i32): bool {
  let bytes: f64 = 4;
  for (let i = first; i < end; i++) bytes += 4 + <f64>argLen(i);
  if (bytes > 2.0e9) return false;
  const p = tryAlloc(<usize>bytes);
  if (!p) return false;
  store<u32>(p, end - first);
  let at = p + 4;
  for (let i = first; i < end; i++) {
    const n = argLen(i);
    store<u32>(at, n);
    memory.copy(at + 4, argPtr(i), n);
    at += 4 + n;
  }
  return append(s, ms, seq, p, <u32>bytes);
}
function append(s: Stream, ms: u64, seq: u64, p: usize, bytes: u32): bool {
  if (!mapAppend(s.entries, ms, seq, p, bytes, <u64>cfg.streamNodeMaxEntries, <u64>cfg.streamNodeMaxBytes)) {
    free(p);
    return false;
  }
  s.lastMs = ms;
  s.lastSeq = seq;
  s.added++;
  return true;
}
export function streamDelete(s: Stream, ms: u64, seq: u64): bool {
  const p = mapRemove(s.entries, ms, seq);
  free(p);
  return p != 0;
}

/** Trims to `maxlen` entries, or (byId) to ids from ms-seq on; how many went. */
export function streamTrim(s: Stream, byId: bool, maxlen: u64, ms: u64, seq: u64, approximate: bool, limit: u64): u64 {
  const m = s.entries;
  let deleted: u64 = 0;
  let nodeLeft: u32 = 0;
  let whole = false;
  for (let r = mapFirst(m); r; r = current(m)) {
    if (!nodeLeft) {
      if (!byId && <u64>m.length <= maxlen) break;
      nodeLeft = nodeRecords(m, 0);
      if (limit && deleted + nodeLeft > limit) break;
      if (byId) {
        const last = r + 24 * <usize>(nodeLeft - 1);
        whole = idCompare(recordMs(last), recordSeq(last), ms, seq) < 0;
      } else whole = <u64>(m.length - nodeLeft) >= maxlen;
      if (!whole && approximate) break;
    }
    if (!whole && (byId ? idCompare(recordMs(r), recordSeq(r), ms, seq) >= 0 : <u64>m.length <= maxlen)) break;
    free(recordValue(r));
    mapRemoveHere(m);
    mapFirst(m);
    nodeLeft--;
    deleted++;
  }
  return deleted;
}

// --- groups ------------------------------------------------------------------------------------------------------------
export function groupFind(s: Stream, i: i32): usize {
  return nameFind(s.groups, argPtr(i), argLen(i));
}
function groupMake(s: Stream, p: usize, n: u32): usize {
  if (nameFind(s.groups, p, n)) return 0;
  const name = tryBlobNew(p, n);
  if (!name) return 0;
  const g = changetype<Group>(alloc(offsetof<Group>()));
  g.name = name;
  g.pel = mapNew();
  g.consumers = namesNew();
  if (nameAdd(s.groups, changetype<usize>(g))) return changetype<usize>(g);
  groupFree(g);
  return 0;
}
/** A new group; 0 when memory is short. The name must be free. */
export function groupNew(s: Stream, i: i32, ms: u64, seq: u64, entriesRead: i64): usize {
  const p = groupMake(s, argPtr(i), argLen(i));
  if (!p) return 0;
  const g = changetype<Group>(p);
  g.lastMs = ms;
  g.lastSeq = seq;
  g.entriesRead = entriesRead;
  return p;
}
export function groupRemove(s: Stream, g: Group): void {
  nameDrop(s.groups, blobData(g.name), blobLength(g.name));
  groupFree(g);
}
export function consumerFind(g: Group, i: i32): usize {
  return nameFind(g.consumers, argPtr(i), argLen(i));
}
function consumerMake(g: Group, p: usize, n: u32): usize {
  if (nameFind(g.consumers, p, n)) return 0;
  const name = tryBlobNew(p, n);
  if (!name) return 0;
  const k = changetype<Consumer>(alloc(offsetof<Consumer>()));
  k.name = name;
  k.pel = mapNew();
  k.seen = nowMs;
  if (nameAdd(g.consumers, changetype<usize>(k))) return changetype<usize>(k);
  consumerFree(k);
  return 0;
}
export function consumerNew(g: Group, i: i32): usize {
  return consumerMake(g, argPtr(i), argLen(i));
}
/** Removes a consumer and what is pending for it. */
export function consumerRemove(g: Group, k: Consumer): void {
  for (let r = mapFirst(k.pel); r; r = mapForward(k.pel)) {
    mapRemove(g.pel, recordMs(r), recordSeq(r));
    free(recordValue(r));
  }
  nameDrop(g.consumers, blobData(k.name), blobLength(k.name));
  consumerFree(k);
}

/** Makes an entry pending for a consumer, whoever had it before; the Nack, or 0 when memory is short. */
export function nackAssign(g: Group, k: Consumer, ms: u64, seq: u64): usize {
  let p = mapFind(g.pel, ms, seq);
  if (p) {
    const old = changetype<Nack>(p).consumer;
    if (old == changetype<usize>(k)) return p;
    if (!mapAdd(k.pel, ms, seq, p)) return 0;
    mapRemove(changetype<Consumer>(old).pel, ms, seq);
  } else {
    p = tryAlloc(offsetof<Nack>());
    if (!p) return 0;
    changetype<Nack>(p).time = nowMs;
    changetype<Nack>(p).count = 0;
    if (!mapAdd(g.pel, ms, seq, p)) {
      free(p);
      return 0;
    }
    if (!mapAdd(k.pel, ms, seq, p)) {
      mapRemove(g.pel, ms, seq);
      free(p);
      return 0;
    }
  }
  changetype<Nack>(p).consumer = changetype<usize>(k);
  return p;
}
/** Forgets a pending entry; whether it was there. */
export function nackRemove(g: Group, ms: u64, seq: u64): bool {
  const p = mapRemove(g.pel, ms, seq);
  if (!p) return false;
  mapRemove(changetype<Consumer>(changetype<Nack>(p).consumer).pel, ms, seq);
  free(p);
  return true;
}

// --- the logical read counter (Redis 7.0's lag) --------------------------------------------------------------------------
export function streamTombstonesFrom(s: Stream, ms: u64, seq: u64): bool {
  if (!s.entries.length || (!s.deletedMs && !s.deletedSeq)) return false;
  const node0 = mapFirstPeek(s);
  if (idCompare(recordMs(node0), recordSeq(node0), s.deletedMs, s.deletedSeq) > 0) return false;
  return idCompare(ms, seq, s.deletedMs, s.deletedSeq) <= 0;
}
/** The first record; leaves the cursor alone. */
function mapFirstPeek(s: Stream): usize {
  return load<usize>(s.entries.nodes) + 16;
}
export function streamDistance(s: Stream, ms: u64, seq: u64): i64 {
  if (!s.added) return 0;
  const toLast = idCompare(ms, seq, s.lastMs, s.lastSeq);
  if (!s.entries.length && toLast < 1) return <i64>s.added;
  if (toLast == 0) return <i64>s.added;
  if (toLast > 0) return -1;
  const first = mapFirstPeek(s);
  const none = !s.deletedMs && !s.deletedSeq;
  if (none || idCompare(s.deletedMs, s.deletedSeq, recordMs(first), recordSeq(first)) < 0) {
    const toFirst = idCompare(ms, seq, recordMs(first), recordSeq(first));
    if (toFirst < 0) return <i64>s.added - <i64>s.entries.length;
    if (toFirst == 0) return <i64>s.added - <i64>s.entries.length + 1;
  }
  return -1;
}

// --- whole values ------------------------------------------------------------------------------------------------------
export function streamBytes(o: Obj, samples: u32): f64 {
  const s = streamOf(o);
  let bytes = <f64>usable(changetype<usize>(s)) + mapBytes(s.entries);
  let seen: u32 = 0;
  let entries: f64 = 0;
  for (let r = mapFirst(s.entries); r && (!samples || seen < samples); r = mapForward(s.entries)) {
    entries += <f64>usable(recordValue(r));
    seen++;
  }
  if (seen) bytes += (entries * <f64>s.entries.length) / <f64>seen;
  for (let i: u32 = 0; i < s.groups.count; i++) {
    const g = changetype<Group>(nameAt(s.groups, i));
    bytes += 64 + mapBytes(g.pel) + <f64>g.pel.length * 24;
    for (let j: u32 = 0; j < g.consumers.count; j++) bytes += 64 + mapBytes(changetype<Consumer>(nameAt(g.consumers, j)).pel);
  }
  return bytes;
}
/** A deep copy, or 0 when memory is short. */
export function streamDuplicate(o: Obj): usize {
  const s = streamOf(o);
  const copy = streamNew();
  const t = streamOf(copy);
  if (duplicateInto(s, t)) return changetype<usize>(copy);
  streamFree(copy);
  free(changetype<usize>(copy));
  return 0;
}
function duplicateInto(s: Stream, t: Stream): bool {
  for (let r = mapFirst(s.entries); r; r = mapForward(s.entries)) {
    const from = recordValue(r);
    let bytes: u32 = load<u32>(r, 20);
    const p = tryAlloc(bytes);
    if (!p) return false;
    memory.copy(p, from, bytes);
    if (!append(t, recordMs(r), recordSeq(r), p, bytes)) return false;
  }
  t.lastMs = s.lastMs;
  t.lastSeq = s.lastSeq;
  t.deletedMs = s.deletedMs;
  t.deletedSeq = s.deletedSeq;
  t.added = s.added;
  for (let i: u32 = 0; i < s.groups.count; i++) {
    const g = changetype<Group>(nameAt(s.groups, i));
    const made = groupMake(t, blobData(g.name), blobLength(g.name));
    if (!made) return false;
    const h = changetype<Group>(made);
    h.lastMs = g.lastMs;
    h.lastSeq = g.lastSeq;
    h.entriesRead = g.entriesRead;
    for (let j: u32 = 0; j < g.consumers.count; j++) {
      const k = changetype<Consumer>(nameAt(g.consumers, j));
      const other = consumerMake(h, blobData(k.name), blobLength(k.name));
      if (!other) return false;
      changetype<Consumer>(other).seen = k.seen;
      for (let r = mapFirst(k.pel); r; r = mapForward(k.pel)) {
        const nack = nackAssign(h, changetype<Consumer>(other), recordMs(r), recordSeq(r));
        if (!nack) return false;
        changetype<Nack>(nack).time = changetype<Nack>(recordValue(r)).time;
        changetype<Nack>(nack).count = changetype<Nack>(recordValue(r)).count;
      }
    }
  }
  return true;
}
/** The record of the greatest id, or 0. */
export function streamLastRecord(s: Stream): usize {
  return mapLast(s.entries);
}
export function streamHas(s: Stream, ms: u64, seq: u64): bool {
  return mapFind(s.entries, ms, seq) != 0;
}
export function streamSeek(s: Stream, ms: u64, seq: u64): usize {
  return mapSeek(s.entries, ms, seq);
}
