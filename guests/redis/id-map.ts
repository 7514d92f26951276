/**
 * An ordered map from 128-bit stream ids to non-zero pointers: an array of nodes, each a sorted run of records.
 *
 * A record is [u64 ms][u64 seq][u32 value][u32 weight]. Stream entries and lists of pending entries are both kept in it. Node sizes are limited by
 * `limit` (records) and, for appends, by the weight a node may hold: approximate trimming drops whole nodes.
 */
import { alloc, free, tryAlloc, tryRealloc, usable } from "../lib/raw/alloc";

const HEADER: usize = 16;
const RECORD: usize = 24;

@unmanaged
class Node {
  count: u32;
  cap: u32;
  weight: u64;
}

@unmanaged
export class IdMap {
  nodes: usize;
  nodeCount: u32;
  nodeCap: u32;
  length: u32;
}

/** Where the last locate, seek or step stands. */
export let atNode: u32 = 0;
export let atIndex: u32 = 0;
export function atSet(node: u32, index: u32): void {
  atNode = node;
  atIndex = index;
}

export function idCompare(aMs: u64, aSeq: u64, bMs: u64, bSeq: u64): i32 {
  if (aMs != bMs) return aMs < bMs ? -1 : 1;
  return aSeq == bSeq ? 0 : aSeq < bSeq ? -1 : 1;
}

export function mapNew(): IdMap {
  const m = changetype<IdMap>(alloc(offsetof<IdMap>()));
  m.nodes = 0;
  m.nodeCount = 0;
  m.nodeCap = 0;
  m.length = 0;
  return m;
}
/** Frees the map; the values are the caller's. */
export function mapFree(m: IdMap): void {
  for (let i: u32 = 0; i < m.nodeCount; i++) free(nodeAt(m, i));
  free(m.nodes);
  free(changetype<usize>(m));
}
// @ts-ignore: decorator
@inline
function nodeAt(m: IdMap, i: u32): usize {
  return load<usize>(m.nodes + (<usize>i << 2));
}
/** Number of records and weight of a node. */
export function nodeRecords(m: IdMap, i: u32): u32 {
  return changetype<Node>(nodeAt(m, i)).count;
}
export function nodeWeight(m: IdMap, i: u32): u64 {
  return changetype<Node>(nodeAt(m, i)).weight;
}
// @ts-ignore: decorator
@inline
export function recordAt(m: IdMap, node: u32, index: u32): usize {
  return nodeAt(m, node) + HEADER + <usize>index * RECORD;
}
/** The record the cursor stands on, or 0 at either end. */
export function current(m: IdMap): usize {
  if (atNode >= m.nodeCount || atIndex >= changetype<Node>(nodeAt(m, atNode)).count) return 0;
  return recordAt(m, atNode, atIndex);
}
// @ts-ignore: decorator
@inline
export function recordMs(r: usize): u64 {
  return load<u64>(r);
}
// @ts-ignore: decorator
@inline
export function recordSeq(r: usize): u64 {
  return load<u64>(r, 8);
}
// @ts-ignore: decorator
@inline
export function recordValue(r: usize): usize {
  return load<u32>(r, 16);
}

/** The first record not below the id: moves the cursor, answers the record or 0. */
export function mapSeek(m: IdMap, ms: u64, seq: u64): usize {
  let low: u32 = 0;
  let high = m.nodeCount;
  // The first node whose last record is not below the id.
  while (low < high) {
    const middle = (low + high) >> 1;
    const last = recordAt(m, middle, changetype<Node>(nodeAt(m, middle)).count - 1);
    if (idCompare(recordMs(last), recordSeq(last), ms, seq) < 0) low = middle + 1;
    else high = middle;
  }
  atNode = low;
  atIndex = 0;
  if (low == m.nodeCount) return 0;
  let a: u32 = 0;
  let b = changetype<Node>(nodeAt(m, low)).count;
  while (a < b) {
    const middle = (a + b) >> 1;
    const r = recordAt(m, low, middle);
    if (idCompare(recordMs(r), recordSeq(r), ms, seq) < 0) a = middle + 1;
    else b = middle;
  }
  atIndex = a;
  return recordAt(m, low, a);
}
/** The last record not above the id. */
export function mapSeekBack(m: IdMap, ms: u64, seq: u64): usize {
  const r = mapSeek(m, ms, seq);
  if (r && recordMs(r) == ms && recordSeq(r) == seq) return r;
  return mapBackward(m);
}
export function mapForward(m: IdMap): usize {
  atIndex++;
  if (atNode < m.nodeCount && atIndex >= changetype<Node>(nodeAt(m, atNode)).count) {
    atNode++;
    atIndex = 0;
  }
  return current(m);
}
export function mapBackward(m: IdMap): usize {
  if (!atIndex) {
    if (!atNode) {
      atNode = u32.MAX_VALUE;
      return 0;
    }
    atNode--;
    atIndex = changetype<Node>(nodeAt(m, atNode)).count;
  }
  atIndex--;
  return current(m);
}
export function mapFirst(m: IdMap): usize {
  atNode = 0;
  atIndex = 0;
  return current(m);
}
export function mapLast(m: IdMap): usize {
  atNode = m.nodeCount;
  atIndex = 0;
  return mapBackward(m);
}
/** The value of an id, or 0. Leaves the cursor where it was. */
export function mapFind(m: IdMap, ms: u64, seq: u64): usize {
  const node = atNode;
  const index = atIndex;
  const r = mapSeek(m, ms, seq);
  atNode = node;
  atIndex = index;
  return r && recordMs(r) == ms && recordSeq(r) == seq ? recordValue(r) : 0;
}

function nodeInsert(m: IdMap, at: u32, cap: u32): bool {
  if (m.nodeCount == m.nodeCap) {
    const wanted = max<u32>(4, m.nodeCap * 2);
    const p = tryRealloc(m.nodes, <usize>wanted << 2);
    if (!p) return false;
    m.nodes = p;
    m.nodeCap = wanted;
  }
  const n = tryAlloc(HEADER + <usize>cap * RECORD);
  if (!n) return false;
  changetype<Node>(n).count = 0;
  changetype<Node>(n).cap = cap;
  changetype<Node>(n).weight = 0;
  const where = m.nodes + (<usize>at << 2);
  memory.copy(where + 4, where, <usize>(m.nodeCount - at) << 2);
  store<usize>(where, n);
  m.nodeCount++;
  return true;
}
function nodeRemove(m: IdMap, at: u32): void {
  free(nodeAt(m, at));
  const where = m.nodes + (<usize>at << 2);
  m.nodeCount--;
  memory.copy(where, where + 4, <usize>(m.nodeCount - at) << 2);
}

function place(m: IdMap, node: u32, index: u32, ms: u64, seq: u64, value: usize, weight: u32): bool {
  let p = nodeAt(m, node);
  let n = changetype<Node>(p);
  if (n.count == n.cap) {
    const cap = n.cap * 2;
    p = tryRealloc(p, HEADER + <usize>cap * RECORD);
    if (!p) return false;
    store<usize>(m.nodes + (<usize>node << 2), p);
    n = changetype<Node>(p);
    n.cap = cap;
  }
  const r = p + HEADER + <usize>index * RECORD;
  memory.copy(r + RECORD, r, <usize>(n.count - index) * RECORD);
  store<u64>(r, ms);
  store<u64>(r, seq, 8);
  store<u32>(r, <u32>value, 16);
  store<u32>(r, weight, 20);
  n.count++;
  n.weight += weight;
  m.length++;
  return true;
}

/** Appends an id above all others; false when memory is short. A limit of 0 is none. */
export function mapAppend(m: IdMap, ms: u64, seq: u64, value: usize, weight: u32, limit: u64, weightLimit: u64): bool {
  let fresh = m.nodeCount == 0;
  if (!fresh) {
    const last = changetype<Node>(nodeAt(m, m.nodeCount - 1));
    if (limit && <u64>last.count >= limit) fresh = true;
    else if (weightLimit && last.weight + weight >= weightLimit) fresh = true;
  }
  if (fresh && !nodeInsert(m, m.nodeCount, 4)) return false;
  const node = m.nodeCount - 1;
  if (place(m, node, changetype<Node>(nodeAt(m, node)).count, ms, seq, value, weight)) return true;
  if (fresh) nodeRemove(m, node);
  return false;
}
const SPLIT: u32 = 128;
/** Adds an id that is not there, anywhere; false when memory is short. Leaves the cursor where it was. */
export function mapAdd(m: IdMap, ms: u64, seq: u64, value: usize): bool {
  const keepNode = atNode;
  const keepIndex = atIndex;
  const done = add(m, ms, seq, value);
  atNode = keepNode;
  atIndex = keepIndex;
  return done;
}
function add(m: IdMap, ms: u64, seq: u64, value: usize): bool {
  if (!mapSeek(m, ms, seq)) return mapAppend(m, ms, seq, value, 1, SPLIT, 0);
  const p = nodeAt(m, atNode);
  const n = changetype<Node>(p);
  if (n.count >= SPLIT) {
    if (!nodeInsert(m, atNode + 1, SPLIT)) return false;
    const half = n.count >> 1;
    const other = nodeAt(m, atNode + 1);
    const o = changetype<Node>(other);
    o.count = n.count - half;
    o.weight = o.count;
    memory.copy(other + HEADER, p + HEADER + <usize>half * RECORD, <usize>o.count * RECORD);
    n.count = half;
    n.weight = half;
    if (atIndex > half) {
      atNode++;
      atIndex -= half;
    }
  }
  return place(m, atNode, atIndex, ms, seq, value, 1);
}

/** Removes the record under the cursor, which then stands on the next one (forward). */
export function mapRemoveHere(m: IdMap): void {
  const p = nodeAt(m, atNode);
  const n = changetype<Node>(p);
  const r = p + HEADER + <usize>atIndex * RECORD;
  n.weight -= load<u32>(r, 20);
  n.count--;
  memory.copy(r, r + RECORD, <usize>(n.count - atIndex) * RECORD);
  m.length--;
  if (!n.count) {
    nodeRemove(m, atNode);
    atIndex = 0;
  } else if (atIndex >= n.count) {
    atNode++;
    atIndex = 0;
  }
}
/** Removes an id and answers its value, or 0. Leaves the cursor where it was, so do not use it on a map under iteration. */
export function mapRemove(m: IdMap, ms: u64, seq: u64): usize {
  const keepNode = atNode;
  const keepIndex = atIndex;
  const r = mapSeek(m, ms, seq);
  let value: usize = 0;
  if (r && recordMs(r) == ms && recordSeq(r) == seq) {
    value = recordValue(r);
    mapRemoveHere(m);
  }
  atNode = keepNode;
  atIndex = keepIndex;
  return value;
}
/** Bytes of the map itself. */
export function mapBytes(m: IdMap): f64 {
  let bytes = <f64>usable(changetype<usize>(m));
  if (m.nodes) bytes += <f64>usable(m.nodes);
  for (let i: u32 = 0; i < m.nodeCount; i++) bytes += <f64>usable(nodeAt(m, i));
  return bytes;
}
