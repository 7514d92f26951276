/**
 * A list as a chain of packed nodes: the `quicklist` encoding.
 *
 * A node keeps its elements end to end in a window [begin, end) of its own block. Room may be
 * left on either side, so pushing and popping at both ends of the list moves no other element:
 * a node that grows by LPUSH leaves its free room in front, one that grows by RPUSH behind.
 *
 * An element is its length, its bytes and its length again, so it can be read from both sides:
 *   length < 128      1 byte  (the length)                    mirrored behind the bytes
 *   length < 16,384   2 bytes (0x80 | high bits, low bits)    mirrored, marker last
 *   otherwise         5 bytes (0xC0, u32)                     mirrored, marker last
 *
 * What always holds: no node is empty; `length` is the sum of the nodes' counts; a node is no
 * larger than `list-max-listpack-size` allows unless it holds exactly one element.
 *
 * A position is (seekNode, seekAt): a node and the offset of an element in its window.
 * Called by list-type.ts, blocked pops and SORT.
 */
import { alloc, free, usable } from "./alloc";
import { copy, equal } from "./bytes";
import { cfg } from "./server";

/** Offsets of a node's fields: u32 each; `begin` and `end` are relative to the node's data. */
const PREVIOUS: usize = 0;
const NEXT: usize = 4;
const BEGIN: usize = 8;
const END: usize = 12;
const CAPACITY: usize = 16;
const COUNT: usize = 20;
const DATA: usize = 24;

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
/** The position last sought or stepped to; seekNode is 0 past either end. */
export let seekNode: usize = 0;
export let seekAt: u32 = 0;

// @ts-ignore: decorator
@inline
function markerSize(length: u32): u32 {
  return length < 128 ? 1 : length < 16384 ? 2 : 5;
}

// @ts-ignore: decorator
@inline
function entrySize(length: u32): u32 {
  return length + (markerSize(length) << 1);
}

function entryWrite(at: usize, ptr: usize, length: u32): void {
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
function entryRead(at: usize): u32 {
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
function entrySizeBack(end: usize): u32 {
  const last = <u32>load<u8>(end - 1);
  if (last < 128) return last + 2;
  if (last < 0xc0) return (((last & 0x3f) << 8) | <u32>load<u8>(end - 2)) + 4;
  return load<u32>(end - 5) + 10;
}

export function quicklistInit(list: Quicklist): void {
  list.head = list.tail = 0;
  list.length = list.nodes = 0;
}

/** Frees the nodes; the Quicklist itself is part of its owner's block. */
export function quicklistClear(list: Quicklist): void {
  let node = list.head;
  while (node) {
    const next = load<u32>(node, NEXT);
    free(node);
    node = next;
  }
  quicklistInit(list);
}

/** Whether a node with `used` bytes and `count` elements may take `size` bytes more (Redis: _quicklistNodeAllowInsert). */
// @ts-ignore: decorator
@inline
function nodeAllows(used: u32, count: u32, size: u32): bool {
  const fill = cfg.listMaxListpackSize;
  if (fill < 0) return used + size <= (<u32>2048 << min(-fill, 5)) - <u32>DATA;
  return used + size <= SAFETY_LIMIT - <u32>DATA && count < <u32>max(fill, 1);
}

/** Whether one more push at the end would only slide a nearly full block: a new node is cheaper then. */
// @ts-ignore: decorator
@inline
function nodeCrowded(node: usize, used: u32, size: u32): bool {
  const capacity = load<u32>(node, CAPACITY);
  return capacity >= 4096 && used + size > capacity - (capacity >> 3);
}

function nodeCapacityMax(): u32 {
  const fill = cfg.listMaxListpackSize;
  return fill < 0 ? (<u32>2048 << min(-fill, 5)) - <u32>DATA : SAFETY_LIMIT - <u32>DATA;
}

/** A node with one element and no neighbours. `atEnd`: the free room goes in front of it. */
function nodeNew(ptr: usize, length: u32, atEnd: bool): usize {
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
function nodeLink(list: Quicklist, node: usize, before: usize): void {
  const after = before ? load<u32>(before, NEXT) : <u32>list.head;
  store<u32>(node, <u32>before, PREVIOUS);
  store<u32>(node, after, NEXT);
  if (before) store<u32>(before, <u32>node, NEXT);
  else list.head = node;
  if (after) store<u32>(after, <u32>node, PREVIOUS);
  else list.tail = node;
  list.nodes++;
}

function nodeUnlink(list: Quicklist, node: usize): void {
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
function nodeResize(list: Quicklist, node: usize, bytes: u32, front: bool): usize {
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
function nodeReserve(list: Quicklist, node: usize, size: u32, front: bool): usize {
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

export function quicklistPushTail(list: Quicklist, ptr: usize, length: u32): void {
  list.length++;
  const size = entrySize(length);
  let node = list.tail;
  if (node) {
    const end = load<u32>(node, END);
    const used = end - load<u32>(node, BEGIN);
    const fits = end + size <= load<u32>(node, CAPACITY);
    if (nodeAllows(used, load<u32>(node, COUNT), size) && (fits || !nodeCrowded(node, used, size))) {
      if (!fits) node = nodeReserve(list, node, size, false);
      const at = load<u32>(node, END);
      entryWrite(node + DATA + at, ptr, length);
      store<u32>(node, at + size, END);
      store<u32>(node, load<u32>(node, COUNT) + 1, COUNT);
      return;
    }
  }
  nodeLink(list, nodeNew(ptr, length, false), node);
}

export function quicklistPushHead(list: Quicklist, ptr: usize, length: u32): void {
  list.length++;
  const size = entrySize(length);
  let node = list.head;
  if (node) {
    const begin = load<u32>(node, BEGIN);
    const used = load<u32>(node, END) - begin;
    if (nodeAllows(used, load<u32>(node, COUNT), size) && (begin >= size || !nodeCrowded(node, used, size))) {
      if (begin < size) node = nodeReserve(list, node, size, true);
      const at = load<u32>(node, BEGIN) - size;
      entryWrite(node + DATA + at, ptr, length);
      store<u32>(node, at, BEGIN);
      store<u32>(node, load<u32>(node, COUNT) + 1, COUNT);
      return;
    }
  }
  nodeLink(list, nodeNew(ptr, length, true), 0);
}

/** Reads the first element; the list must not be empty. */
export function quicklistPeekHead(list: Quicklist): void {
  const node = list.head;
  entryRead(node + DATA + load<u32>(node, BEGIN));
}

export function quicklistPeekTail(list: Quicklist): void {
  const node = list.tail;
  const end = node + DATA + load<u32>(node, END);
  entryRead(end - entrySizeBack(end));
}

/** Removes the first element; what quicklistPeekHead read must not be used any more. */
export function quicklistDropHead(list: Quicklist): void {
  const node = list.head;
  list.length--;
  const count = load<u32>(node, COUNT) - 1;
  if (count == 0) {
    nodeUnlink(list, node);
    return;
  }
  const begin = load<u32>(node, BEGIN);
  store<u32>(node, begin + entryRead(node + DATA + begin), BEGIN);
  store<u32>(node, count, COUNT);
}

export function quicklistDropTail(list: Quicklist): void {
  const node = list.tail;
  list.length--;
  const count = load<u32>(node, COUNT) - 1;
  if (count == 0) {
    nodeUnlink(list, node);
    return;
  }
  const end = load<u32>(node, END);
  store<u32>(node, end - entrySizeBack(node + DATA + end), END);
  store<u32>(node, count, COUNT);
}

/** Puts the position on element `index` (from the tail if negative) and reads it; false if there is none. */
export function quicklistSeek(list: Quicklist, index: i64): bool {
  const length = <i64>list.length;
  if (index < 0) index += length;
  if (index < 0 || index >= length) {
    seekNode = 0;
    return false;
  }
  let left = <u32>index;
  let node: usize;
  if (left <= list.length >> 1) {
    node = list.head;
    while (left >= load<u32>(node, COUNT)) {
      left -= load<u32>(node, COUNT);
      node = load<u32>(node, NEXT);
    }
  } else {
    let right = list.length - left; // elements from here to the end, at least 1
    node = list.tail;
    while (right > load<u32>(node, COUNT)) {
      right -= load<u32>(node, COUNT);
      node = load<u32>(node, PREVIOUS);
    }
    left = load<u32>(node, COUNT) - right;
  }
  seekNode = node;
  const count = load<u32>(node, COUNT);
  if (left <= count >> 1) {
    let at = load<u32>(node, BEGIN);
    let size = entryRead(node + DATA + at);
    while (left-- > 0) {
      at += size;
      size = entryRead(node + DATA + at);
    }
    seekAt = at;
  } else {
    let at = load<u32>(node, END);
    for (let right = count - left; right > 0; right--) at -= entrySizeBack(node + DATA + at);
    entryRead(node + DATA + at);
    seekAt = at;
  }
  return true;
}

/** Steps to the next element and reads it; false at the end. */
export function quicklistForward(): bool {
  const at = seekAt + entryRead(seekNode + DATA + seekAt);
  if (at < load<u32>(seekNode, END)) seekAt = at;
  else {
    seekNode = load<u32>(seekNode, NEXT);
    if (seekNode == 0) return false;
    seekAt = load<u32>(seekNode, BEGIN);
  }
  entryRead(seekNode + DATA + seekAt);
  return true;
}

/** Steps to the element before and reads it; false at the beginning. */
export function quicklistBackward(): bool {
  if (seekAt == load<u32>(seekNode, BEGIN)) {
    seekNode = load<u32>(seekNode, PREVIOUS);
    if (seekNode == 0) return false;
    seekAt = load<u32>(seekNode, END);
  }
  seekAt -= entrySizeBack(seekNode + DATA + seekAt);
  entryRead(seekNode + DATA + seekAt);
  return true;
}

// @ts-ignore: decorator
@inline
export function itemEquals(ptr: usize, length: u32): bool {
  return itemLength == length && equal(itemPtr, ptr, length);
}

/**
 * Removes the element at the position. Afterwards the position is on the element that followed, which is read,
 * and the answer is true; or the removed one was the last, and it is false.
 */
export function quicklistRemoveForward(list: Quicklist): bool {
  const node = seekNode;
  const next = load<u32>(node, NEXT);
  if (removeHere(list) && seekAt < load<u32>(seekNode, END)) {
    entryRead(seekNode + DATA + seekAt);
    return true;
  }
  seekNode = next;
  if (next == 0) return false;
  seekAt = load<u32>(next, BEGIN);
  entryRead(<usize>next + DATA + seekAt);
  return true;
}

/** As quicklistRemoveForward, but moves to the element before. */
export function quicklistRemoveBackward(list: Quicklist): bool {
  const node = seekNode;
  const previous = load<u32>(node, PREVIOUS);
  if (removeHere(list)) return quicklistBackward();
  seekNode = previous;
  if (previous == 0) return false;
  seekAt = load<u32>(previous, END);
  return quicklistBackward();
}

/** Removes the element at the position; false if its node is gone with it. seekAt is where the following element now is. */
function removeHere(list: Quicklist): bool {
  const node = seekNode;
  list.length--;
  const count = load<u32>(node, COUNT) - 1;
  if (count == 0) {
    nodeUnlink(list, node);
    return false;
  }
  store<u32>(node, count, COUNT);
  const begin = load<u32>(node, BEGIN);
  const end = load<u32>(node, END);
  const size = entryRead(node + DATA + seekAt);
  const after = end - seekAt - size;
  if (seekAt - begin < after) {
    // Fewer bytes in front: close the gap from the left.
    memory.copy(node + DATA + begin + size, node + DATA + begin, seekAt - begin);
    store<u32>(node, begin + size, BEGIN);
    seekAt += size;
  } else {
    if (after) memory.copy(node + DATA + seekAt, node + DATA + seekAt + size, after);
    store<u32>(node, end - size, END);
  }
  const offset = seekAt - load<u32>(node, BEGIN);
  seekNode = nodeTrim(list, node);
  seekAt = load<u32>(seekNode, BEGIN) + offset;
  return true;
}

/** Removes `count` elements from `start` (both within the list). */
export function quicklistRemoveRange(list: Quicklist, start: u32, count: u32): void {
  if (count == 0) return;
  if (start == 0 && count == list.length) {
    quicklistClear(list);
    return;
  }
  quicklistSeek(list, start);
  while (count > 0) {
    const node = seekNode;
    const here = load<u32>(node, COUNT);
    if (seekAt == load<u32>(node, BEGIN) && here <= count) {
      const next = load<u32>(node, NEXT);
      nodeUnlink(list, node);
      list.length -= here;
      count -= here;
      seekNode = next;
      if (next == 0) return;
      seekAt = load<u32>(next, BEGIN);
      continue;
    }
    // Part of this node goes: the bytes from here to the end of the last element to remove.
    const end = load<u32>(node, END);
    let stop = seekAt;
    let removed: u32 = 0;
    while (removed < count && stop < end) {
      stop += entryRead(node + DATA + stop);
      removed++;
    }
    const begin = load<u32>(node, BEGIN);
    if (seekAt == begin) store<u32>(node, stop, BEGIN);
    else {
      if (stop < end) memory.copy(node + DATA + seekAt, node + DATA + stop, end - stop);
      store<u32>(node, end - (stop - seekAt), END);
    }
    store<u32>(node, here - removed, COUNT);
    list.length -= removed;
    count -= removed;
    if (count == 0) {
      nodeTrim(list, node);
      return;
    }
    seekNode = load<u32>(node, NEXT);
    nodeTrim(list, node);
    if (seekNode == 0) return;
    seekAt = load<u32>(seekNode, BEGIN);
  }
}

/** Gives back most of a block that is mostly empty; the node's (new) address. */
function nodeTrim(list: Quicklist, node: usize): usize {
  const used = load<u32>(node, END) - load<u32>(node, BEGIN);
  if (load<u32>(node, CAPACITY) <= 256 || used >= load<u32>(node, CAPACITY) >> 2) return node;
  return nodeResize(list, node, used, false);
}

/** Inserts an element in front of the position; the bytes must not lie inside the list. */
export function quicklistInsertBefore(list: Quicklist, ptr: usize, length: u32): void {
  insertAt(list, seekNode, seekAt, ptr, length);
}

/** Inserts an element behind the position. */
export function quicklistInsertAfter(list: Quicklist, ptr: usize, length: u32): void {
  insertAt(list, seekNode, seekAt + entryRead(seekNode + DATA + seekAt), ptr, length);
}

function insertAt(list: Quicklist, node: usize, at: u32, ptr: usize, length: u32): void {
  const size = entrySize(length);
  const begin = load<u32>(node, BEGIN);
  const end = load<u32>(node, END);
  const used = end - begin;
  const count = load<u32>(node, COUNT);
  list.length++;
  if (nodeAllows(used, count, size)) {
    const offset = at - begin;
    if (end + size > load<u32>(node, CAPACITY)) node = nodeReserve(list, node, size, false);
    const place = node + DATA + load<u32>(node, BEGIN) + offset;
    if (offset < used) memory.copy(place + size, place, used - offset);
    entryWrite(place, ptr, length);
    store<u32>(node, load<u32>(node, END) + size, END);
    store<u32>(node, count + 1, COUNT);
    return;
  }
  if (at == begin) {
    const before = load<u32>(node, PREVIOUS);
    if (before && appendTo(list, before, ptr, length, size)) return;
    nodeLink(list, nodeNew(ptr, length, false), before);
    return;
  }
  if (at == end) {
    nodeLink(list, nodeNew(ptr, length, false), node);
    return;
  }
  // In the middle of a full node: split it and put the element between the halves.
  const tailBytes = end - at;
  let front: u32 = 0;
  for (let p = begin; p < at; p += entryRead(node + DATA + p)) front++;
  const right = alloc(DATA + <usize>tailBytes);
  store<u32>(right, 0, BEGIN);
  store<u32>(right, tailBytes, END);
  store<u32>(right, <u32>(usable(right) - DATA), CAPACITY);
  store<u32>(right, count - front, COUNT);
  copy(right + DATA, node + DATA + at, tailBytes);
  nodeLink(list, right, node);
  store<u32>(node, at, END);
  store<u32>(node, front, COUNT);
  if (!appendTo(list, node, ptr, length, size)) nodeLink(list, nodeNew(ptr, length, false), node);
}

function appendTo(list: Quicklist, node: usize, ptr: usize, length: u32, size: u32): bool {
  const end = load<u32>(node, END);
  if (!nodeAllows(end - load<u32>(node, BEGIN), load<u32>(node, COUNT), size)) return false;
  if (end + size > load<u32>(node, CAPACITY)) node = nodeReserve(list, node, size, false);
  const at = load<u32>(node, END);
  entryWrite(node + DATA + at, ptr, length);
  store<u32>(node, at + size, END);
  store<u32>(node, load<u32>(node, COUNT) + 1, COUNT);
  return true;
}

/** Replaces element `index`, which must exist; the bytes must not lie inside the list. */
export function quicklistReplace(list: Quicklist, index: i64, ptr: usize, length: u32): void {
  quicklistSeek(list, index);
  const node = seekNode;
  const at = seekAt;
  const old = entryRead(node + DATA + at);
  const size = entrySize(length);
  const end = load<u32>(node, END);
  if (old == size || (size < old && size > old >> 1)) {
    entryWrite(node + DATA + at, ptr, length);
    if (size < old) {
      memory.copy(node + DATA + at + size, node + DATA + at + old, end - at - old);
      store<u32>(node, end - (old - size), END);
    }
    return;
  }
  if (index < 0) index += <i64>list.length;
  removeHere(list);
  if (index == <i64>list.length) {
    quicklistPushTail(list, ptr, length);
    return;
  }
  quicklistSeek(list, index);
  quicklistInsertBefore(list, ptr, length);
}

/** Copies the whole chain into an empty list. */
export function quicklistCopy(list: Quicklist, twin: Quicklist): void {
  for (let node = list.head; node; node = load<u32>(node, NEXT)) {
    const begin = load<u32>(node, BEGIN);
    const used = load<u32>(node, END) - begin;
    const fresh = alloc(DATA + <usize>used);
    store<u32>(fresh, 0, BEGIN);
    store<u32>(fresh, used, END);
    store<u32>(fresh, <u32>(usable(fresh) - DATA), CAPACITY);
    store<u32>(fresh, load<u32>(node, COUNT), COUNT);
    copy(fresh + DATA, node + DATA + begin, used);
    nodeLink(twin, fresh, twin.tail);
  }
  twin.length = list.length;
}

/** Bytes of the list's blocks, for MEMORY USAGE; walks at most `samples` nodes (0: all) and scales up. */
export function quicklistBytes(list: Quicklist, samples: u32): f64 {
  let sum: f64 = 0;
  let seen: u32 = 0;
  for (let node = list.head; node && (samples == 0 || seen < samples); node = load<u32>(node, NEXT)) {
    sum += <f64>usable(node);
    seen++;
  }
  if (seen && seen < list.nodes) sum = (sum / <f64>seen) * <f64>list.nodes;
  return sum;
}
