/**
 * A sorted array of distinct integers: the `intset` encoding of a set.
 *
 * One allocation: `width` (2, 4 or 8 bytes per value), `count`, then the values in
 * ascending order. The width is that of the widest value ever added and never shrinks,
 * as in Redis, so a set keeps one layout while it lives. Functions that may move the
 * block return its new address; `intsetChanged` tells whether they did anything.
 * Called by the set type only.
 */
import { alloc, free, realloc } from "../lib/raw/alloc";

const HEADER: usize = 8;

/** Set by `intsetAdd` and `intsetRemove`. */
export let intsetChanged: bool = false;

/** Where the last `search` ended: the value's index, or where it would be inserted. */
let searchIndex: u32 = 0;

// @ts-ignore: decorator
@inline
function widthOf(value: i64): u32 {
  return <i64>(<i16>value) == value ? 2 : <i64>(<i32>value) == value ? 4 : 8;
}

// @ts-ignore: decorator
@inline
function valueAt(set: usize, width: u32, index: u32): i64 {
  const at = set + HEADER + <usize>index * width;
  return width == 2 ? <i64>load<i16>(at) : width == 4 ? <i64>load<i32>(at) : load<i64>(at);
}

// @ts-ignore: decorator
@inline
function storeAt(set: usize, width: u32, index: u32, value: i64): void {
  const at = set + HEADER + <usize>index * width;
  if (width == 2) store<i16>(at, <i16>value);
  else if (width == 4) store<i32>(at, <i32>value);
  else store<i64>(at, value);
}

/** An empty set. */
export function intsetNew(): usize {
  const set = alloc(HEADER + 8);
  store<u32>(set, 2);
  store<u32>(set, 0, 4);
  return set;
}

// @ts-ignore: decorator
@inline
export function intsetLength(set: usize): u32 {
  return load<u32>(set, 4);
}

/** Bytes in use, header included. */
export function intsetBytes(set: usize): u32 {
  return <u32>HEADER + load<u32>(set) * load<u32>(set, 4);
}

export function intsetGet(set: usize, index: u32): i64 {
  return valueAt(set, load<u32>(set), index);
}

function search(set: usize, value: i64): bool {
  const width = load<u32>(set);
  let low: u32 = 0;
  let high = load<u32>(set, 4);
  // Values mostly arrive in ascending order: look at the end first.
  if (high > 0 && value > valueAt(set, width, high - 1)) {
    searchIndex = high;
    return false;
  }
  while (low < high) {
    const middle = (low + high) >>> 1;
    const here = valueAt(set, width, middle);
    if (here < value) low = middle + 1;
    else if (here > value) high = middle;
    else {
      searchIndex = middle;
      return true;
    }
  }
  searchIndex = low;
  return false;
}

export function intsetFind(set: usize, value: i64): bool {
  return widthOf(value) <= load<u32>(set) && search(set, value);
}

/** Adds a value; the block's new address. */
export function intsetAdd(set: usize, value: i64): usize {
  const count = load<u32>(set, 4);
  const width = load<u32>(set);
  const wanted = widthOf(value);
  intsetChanged = true;
  if (wanted > width) {
    const wide = alloc(HEADER + <usize>(count + 1) * wanted);
    // A value that needs a wider slot than all others is either the least or the greatest.
    const shift: u32 = value < 0 ? 1 : 0;
    for (let i: u32 = 0; i < count; i++) storeAt(wide, wanted, i + shift, valueAt(set, width, i));
    storeAt(wide, wanted, shift ? 0 : count, value);
    store<u32>(wide, wanted);
    store<u32>(wide, count + 1, 4);
    free(set);
    return wide;
  }
  if (search(set, value)) {
    intsetChanged = false;
    return set;
  }
  const grown = realloc(set, HEADER + <usize>(count + 1) * width);
  const at = grown + HEADER + <usize>searchIndex * width;
  if (searchIndex < count) memory.copy(at + width, at, <usize>(count - searchIndex) * width);
  storeAt(grown, width, searchIndex, value);
  store<u32>(grown, count + 1, 4);
  return grown;
}

/** Removes a value; the block's new address (never 0: a block only shrinks here). */
export function intsetRemove(set: usize, value: i64): usize {
  intsetChanged = false;
  if (widthOf(value) > load<u32>(set) || !search(set, value)) return set;
  intsetChanged = true;
  const width = load<u32>(set);
  const count = load<u32>(set, 4) - 1;
  const at = set + HEADER + <usize>searchIndex * width;
  if (searchIndex < count) memory.copy(at, at + width, <usize>(count - searchIndex) * width);
  store<u32>(set, count, 4);
  return realloc(set, HEADER + <usize>count * width);
}
