/**
 * The nodes of a quicklist and the elements in them.
 *
 * A node keeps its elements end to end in a window [begin, end) of its own block. Room may be left on either side, so
 * pushing and popping at both ends of the list moves no other element: a node that grows by LPUSH leaves its free room in
 * front, one that grows by RPUSH behind.
 *
 * An element is its length, its bytes and its length again, so it can be read from both sides:
 *   length < 128      1 byte  (the length)                    mirrored behind the bytes
 *   length < 16,384   2 bytes (0x80 | high bits, low bits)    mirrored, marker last
 *   otherwise         5 bytes (0xC0, u32)                     mirrored, marker last
 *
 * Called by quicklist.ts only.
 */
import { alloc, free, usable } from "../lib/raw/alloc";
import { copy } from "../lib/raw/bytes";
import { cfg } from "./server";

/** Offsets of a node's fields: u32 each; `begin` and `end` are relative to the node's data. */
export const PREVIOUS: usize = 0;
export const NEXT: usize = 4;
export const BEGIN: usize = 8;
export const END: usize = 12;
export const CAPACITY: usize = 16;
export const COUNT: usize = 20;
export const DATA: usize = 24;

/** Redis' size limits for list-max-listpack-size -1 to -5; positive values count elements up to 8 KiB. */
const SAFETY_LIMIT: u32 = 8192;

@unmanaged
export class Quicklist {
  head: usize;
  tail: usize;
  /** Elements in all nodes. */
  length: u32;
  nodes: u32;
}

/** The element last read. */
export let itemPtr: usize = 0;
export let itemLength: u32 = 0;

// @ts-ignore: decorator
@inline
function markerSize(length: u32): u32 {
  return length < 128 ? 1 : length < 16384 ? 2 : 5;
}

// @ts-ignore: decorator
@inline
export function entrySize(length: u32): u32 {
  return length + (markerSize(length) << 1);
}

export function entryWrite(at: usize, ptr: usize, length: u32): void {
  if (length < 128) {
    store<u8>(at, <u8>length);
    copy(at + 1, ptr, length);
    store<u8>(at + 1 + length, <u8>length);
  } else if (length < 16384) {
    store<u8>(at, <u8>(0x80 | (length >> 8)));
    store<u8>(at, <u8>length, 1);
    copy(at + 2, ptr, length);
    store<u8>(at + length, <u8>length, 2);
    store<u8>(at + length, <u8>(0x80 | (length >> 8)), 3);
  } else {
    store<u8>(at, 0xc0);
    store<u32>(at, length, 1);
    copy(at + 5, ptr, length);
    store<u32>(at + length, length, 5);
    store<u8>(at + length, 0xc0, 9);
  }
}

/** Reads the element that starts at `at` into itemPtr/itemLength; its size in all. */
// @ts-ignore: decorator
@inline
export function entryRead(at: usize): u32 {
  const first = <u32>load<u8>(at);
  if (first < 128) {
    itemPtr = at + 1;
    itemLength = first;
    return first + 2;
  }
  return entryReadLong(at, first);
}

function entryReadLong(at: usize, first: u32): u32 {
  if (first < 0xc0) {
    itemPtr = at + 2;
    itemLength = ((first & 0x3f) << 8) | <u32>load<u8>(at, 1);
    return itemLength + 4;
  }
  itemPtr = at + 5;
  itemLength = load<u32>(at, 1);
  return itemLength + 10;
}

/** Size of the element that ends at `end`. */
// @ts-ignore: decorator
@inline
export function entrySizeBack(end: usize): u32 {
  const last = <u32>load<u8>(end - 1);
  if (last < 128) return last + 2;
  if (last < 0xc0) return (((last & 0x3f) << 8) | <u32>load<u8>(end - 2)) + 4;
  return load<u32>(end - 5) + 10;
}

/** Whether a node with `used` bytes and `count` elements may take `size` bytes more (Redis: _quicklistNodeAllowInsert). */
// @ts-ignore: decorator
@inline
export function nodeAllows(used: u32, count: u32, size: u32): bool {
  const fill = cfg.listMaxListpackSize;
  if (fill < 0) return used + size <= (<u32>2048 << min(-fill, 5)) - <u32>DATA;
  return used + size <= SAFETY_LIMIT - <u32>DATA && count < <u32>max(fill, 1);
}

/** Whether one more push at the end would only slide a nearly full block: a new node is cheaper then. */
// @ts-ignore: decorator
@inline
export function nodeCrowded(node: usize, used: u32, size: u32): bool {
  const capacity = load<u32>(node, CAPACITY);
  return capacity >= 4096 && used + size > capacity - (capacity >> 3);
}

function nodeCapacityMax(): u32 {
  const fill = cfg.listMaxListpackSize;
  return fill < 0 ? (<u32>2048 << min(-fill, 5)) - <u32>DATA : SAFETY_LIMIT - <u32>DATA;
}

/** A node with one element and no neighbours. `atEnd`: the free room goes in front of it. */
export function nodeNew(ptr: usize, length: u32, atEnd: bool): usize {
  const size = entrySize(length);
  const node = alloc(DATA + <usize>size);
  const capacity = <u32>(usable(node) - DATA);
  const begin = atEnd ? capacity - size : 0;
  store<u32>(node, 0, PREVIOUS);
  store<u32>(node, 0, NEXT);
  store<u32>(node, begin, BEGIN);
  store<u32>(node, begin + size, END);
  store<u32>(node, capacity, CAPACITY);
  store<u32>(node, 1, COUNT);
  entryWrite(node + DATA + begin, ptr, length);
  return node;
}

/** Links `node` behind `before` (0: at the head). */
export function nodeLink(list: Quicklist, node: usize, before: usize): void {
  const after = before ? load<u32>(before, NEXT) : <u32>list.head;
  store<u32>(node, <u32>before, PREVIOUS);
  store<u32>(node, after, NEXT);
  if (before) store<u32>(before, <u32>node, NEXT);
  else list.head = node;
  if (after) store<u32>(after, <u32>node, PREVIOUS);
  else list.tail = node;
  list.nodes++;
}

export function nodeUnlink(list: Quicklist, node: usize): void {
  const before = load<u32>(node, PREVIOUS);
  const after = load<u32>(node, NEXT);
  if (before) store<u32>(before, after, NEXT);
  else list.head = after;
  if (after) store<u32>(after, before, PREVIOUS);
  else list.tail = before;
  list.nodes--;
  free(node);
}

/** Moves a node's elements into a block with at least `bytes` of data room; the free room goes in front or behind. */
export function nodeResize(list: Quicklist, node: usize, bytes: u32, front: bool): usize {
  const begin = load<u32>(node, BEGIN);
  const used = load<u32>(node, END) - begin;
  const fresh = alloc(DATA + <usize>bytes);
  const capacity = <u32>(usable(fresh) - DATA);
  const start = front ? capacity - used : 0;
  const before = load<u32>(node, PREVIOUS);
  const after = load<u32>(node, NEXT);
  store<u32>(fresh, before, PREVIOUS);
  store<u32>(fresh, after, NEXT);
  store<u32>(fresh, start, BEGIN);
  store<u32>(fresh, start + used, END);
  store<u32>(fresh, capacity, CAPACITY);
  store<u32>(fresh, load<u32>(node, COUNT), COUNT);
  copy(fresh + DATA + start, node + DATA + begin, used);
  if (before) store<u32>(before, <u32>fresh, NEXT);
  else list.head = fresh;
  if (after) store<u32>(after, <u32>fresh, PREVIOUS);
  else list.tail = fresh;
  free(node);
  return fresh;
}

/** Shifts a node's elements within its block to leave all free room in front or behind. */
function nodeSlide(node: usize, front: bool): void {
  const begin = load<u32>(node, BEGIN);
  const used = load<u32>(node, END) - begin;
  const start = front ? load<u32>(node, CAPACITY) - used : 0;
  memory.copy(node + DATA + start, node + DATA + begin, used);
  store<u32>(node, start, BEGIN);
  store<u32>(node, start + used, END);
}

/** Makes room for `size` bytes at one end of a node that may take them; the node's (new) address. */
export function nodeReserve(list: Quicklist, node: usize, size: u32, front: bool): usize {
  const used = load<u32>(node, END) - load<u32>(node, BEGIN);
  const capacity = load<u32>(node, CAPACITY);
  // Sliding pays off only if it frees a good part of the block; at the largest size a tighter fit is accepted.
  const limit = nodeCapacityMax();
  if (used + size <= (capacity >= limit ? capacity : capacity >> 1)) {
    nodeSlide(node, front);
    return node;
  }
  const grown = used + (used >> 1);
  const wanted = max(used + size, min(grown, limit));
  return nodeResize(list, node, wanted, front);
}

/** Gives back most of a block that is mostly empty; the node's (new) address. */
export function nodeTrim(list: Quicklist, node: usize): usize {
  const used = load<u32>(node, END) - load<u32>(node, BEGIN);
  if (load<u32>(node, CAPACITY) <= 256 || used >= load<u32>(node, CAPACITY) >> 2) return node;
  return nodeResize(list, node, used, false);
}

export function nodeAppend(list: Quicklist, node: usize, ptr: usize, length: u32, size: u32): bool {
  const end = load<u32>(node, END);
  if (!nodeAllows(end - load<u32>(node, BEGIN), load<u32>(node, COUNT), size)) return false;
  if (end + size > load<u32>(node, CAPACITY)) node = nodeReserve(list, node, size, false);
  const at = load<u32>(node, END);
  entryWrite(node + DATA + at, ptr, length);
  store<u32>(node, at + size, END);
  store<u32>(node, load<u32>(node, COUNT) + 1, COUNT);
  return true;
}
