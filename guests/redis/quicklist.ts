/**
 * A list as a chain of packed nodes: the `quicklist` encoding. The nodes themselves are in quicklist-node.ts.
 *
 * What always holds: no node is empty; `length` is the sum of the nodes' counts; a node is no larger than
 * `list-max-listpack-size` allows unless it holds exactly one element.
 *
 * A position is (seekNode, seekAt): a node and the offset of an element in its window.
 * Called by list-type.ts, the list commands, SORT and the AOF rewrite.
 */
import { alloc, free, tryAlloc, usable } from "../lib/raw/alloc";
import { copy, equal } from "../lib/raw/bytes";
import {
  BEGIN,
  CAPACITY,
  COUNT,
  DATA,
  END,
  NEXT,
  PREVIOUS,
  Quicklist,
  entryRead,
  entrySize,
  entrySizeBack,
  entryWrite,
  itemLength,
  itemPtr,
  nodeAllows,
  nodeAppend,
  nodeCrowded,
  nodeLink,
  nodeNew,
  nodeReserve,
  nodeTrim,
  nodeUnlink,
} from "./quicklist-node";

export { Quicklist, itemLength, itemPtr } from "./quicklist-node";

/** The position last sought or stepped to; seekNode is 0 past either end. */
export let seekNode: usize = 0;
export let seekAt: u32 = 0;

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
    if (before && nodeAppend(list, before, ptr, length, size)) return;
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
  if (!nodeAppend(list, node, ptr, length, size)) nodeLink(list, nodeNew(ptr, length, false), node);
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

/** Copies the whole chain into an empty list; false when memory is short (the copy is then to be cleared). */
export function quicklistCopy(list: Quicklist, twin: Quicklist): bool {
  for (let node = list.head; node; node = load<u32>(node, NEXT)) {
    const begin = load<u32>(node, BEGIN);
    const used = load<u32>(node, END) - begin;
    const fresh = tryAlloc(DATA + <usize>used);
    if (!fresh) return false;
    store<u32>(fresh, 0, BEGIN);
    store<u32>(fresh, used, END);
    store<u32>(fresh, <u32>(usable(fresh) - DATA), CAPACITY);
    store<u32>(fresh, load<u32>(node, COUNT), COUNT);
    copy(fresh + DATA, node + DATA + begin, used);
    nodeLink(twin, fresh, twin.tail);
  }
  twin.length = list.length;
  return true;
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
