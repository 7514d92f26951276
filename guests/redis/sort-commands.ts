/**
 * SORT and SORT_RO.
 *
 * The elements to sort lie in the container and are not copied: an item is a pointer into it, except that the members of
 * an intset, which exist as integers only, are printed into a block of their own. Nothing can change the container while
 * the command runs: looking keys up by pattern may remove expired keys, but the sorted key has just been looked up
 * and so is not one of them.
 *
 * An item (32 bytes): element pointer u32, length u32, score f64 or (compare pointer u32, compare length u32), index u32.
 * The sort is a merge sort over item indices: stable, n log n whatever the input.
 */
import { free, hasRoom, tryAlloc } from "../lib/raw/alloc";
import { argI64, argInt } from "./arguments";
import { compare, copy } from "../lib/raw/bytes";
import { Client, argLen, argPtr, argc } from "./client";
import { argIs } from "./command";
import { parseLoose, roomForElement } from "./container-arguments";
import { parsedF64 } from "./double";
import { hashGet, hashValue, hashValueLength } from "./hash-type";
import { dbDelete, dbSet, lookupRead, lookupReadKey, signalModified } from "./keyspace";
import { listLength, listNew, listOf, listPush } from "./list-type";
import { NOTIFY_GENERIC, NOTIFY_LIST, notify } from "./notify";
import { ENC_INTSET, HASH, LIST, Obj, SET, STRING, ZSET, objRelease, strView, viewLen, viewPtr } from "./object";
import { itemLength, itemPtr, quicklistBackward, quicklistForward, quicklistSeek } from "./quicklist";
import { replyArray, replyBulk, replyError, replyI64, replyNull, replyOom, replySyntaxError, replyWrongType } from "./reply";
import { dirtyAdd } from "./server";
import { setIterate, setIterateEnd, setLength, setMember, setMemberLength, setNext } from "./set-type";
import { zsetLength, zsetMember, zsetMemberLength, zsetStep, zsetWalk } from "./zset-type";

const ITEM: usize = 32;

let vector: usize = 0;
let vectorCount: u32 = 0;
/** Blocks that items point into; freed at the end: a list linked through their first word. */
let blocks: usize = 0;

// @ts-ignore: decorator
@inline
function item(i: u32): usize {
  return vector + <usize>i * ITEM;
}

/** `n` bytes that live until the command ends; 0 when memory is short. */
function scratch(n: u32): usize {
  const block = tryAlloc(4 + <usize>n);
  if (!block) return 0;
  store<usize>(block, blocks);
  blocks = block;
  return block + 4;
}

function release(): void {
  while (blocks) {
    const next = load<usize>(blocks);
    free(blocks);
    blocks = next;
  }
  free(vector);
  vector = 0;
}

function itemSet(i: u32, ptr: usize, length: u32): void {
  store<usize>(item(i), ptr);
  store<u32>(item(i), length, 4);
  store<u64>(item(i), 0, 8);
}

// The value found by lookupPattern.
let foundPtr: usize = 0;
let foundLength: u32 = 0;
let keyBuffer: usize = 0;
let keyBufferSize: u32 = 0;

/**
 * Puts the element in the place of the first '*' of the pattern and looks that key up: a string's value, or for
 * "…*…->field" the field of a hash. "#" is the element itself. False if there is nothing, or no '*' in the pattern.
 */
function lookupPattern(c: Client, pattern: usize, patternLength: u32, element: usize, elementLength: u32): bool {
  if (patternLength == 1 && load<u8>(pattern) == 35) {
    foundPtr = element;
    foundLength = elementLength;
    return true;
  }
  let star: u32 = 0;
  while (star < patternLength && load<u8>(pattern + star) != 42) star++;
  if (star == patternLength) return false;
  // The field begins behind the first "->" after the star, if anything follows it.
  let arrow = star + 1;
  while (arrow + 1 < patternLength && !(load<u8>(pattern + arrow) == 45 && load<u8>(pattern + arrow, 1) == 62)) arrow++;
  const withField = arrow + 2 < patternLength;
  const tail = (withField ? arrow : patternLength) - star - 1;
  const length = star + elementLength + tail;
  if (length > keyBufferSize) {
    free(keyBuffer);
    keyBufferSize = 0;
    keyBuffer = tryAlloc(<usize>length + 64);
    if (!keyBuffer) return false;
    keyBufferSize = length + 64;
  }
  copy(keyBuffer, pattern, star);
  copy(keyBuffer + star, element, elementLength);
  copy(keyBuffer + star + elementLength, pattern + star + 1, tail);
  const found = lookupReadKey(c.db, keyBuffer, length);
  if (!found) return false;
  const o = changetype<Obj>(found);
  if (withField) {
    if (<u32>o.type != HASH || !hashGet(o, pattern + arrow + 2, patternLength - arrow - 2)) return false;
    foundPtr = hashValue;
    foundLength = hashValueLength;
    return true;
  }
  if (<u32>o.type != STRING) return false;
  strView(o);
  foundPtr = viewPtr;
  foundLength = viewLen;
  return true;
}

/** Fills the vector with `count` elements from `first` on, in the container's order or, for a list or sorted set, backwards. */
function loadItems(o: Obj, first: u32, count: u32, backward: bool): bool {
  vectorCount = count;
  vector = tryAlloc(max<usize>(<usize>count * ITEM, ITEM));
  if (!vector) return false;
  if (count == 0) return true;
  const type = <u32>o.type;
  if (type == LIST) {
    quicklistSeek(listOf(o), backward ? -1 - <i64>first : first);
    for (let i: u32 = 0; i < count; i++) {
      itemSet(i, itemPtr, itemLength);
      if (i + 1 < count) {
        if (backward) quicklistBackward();
        else quicklistForward();
      }
    }
    return true;
  }
  if (type == ZSET) {
    zsetWalk(o, first, backward);
    for (let i: u32 = 0; i < count; i++) {
      zsetStep();
      itemSet(i, zsetMember, zsetMemberLength);
    }
    return true;
  }
  let text: usize = 0;
  if (<u32>o.encoding == ENC_INTSET) {
    text = scratch(count * 20);
    if (!text) return false;
  }
  setIterate(o);
  for (let i: u32 = 0; i < count; i++) {
    setNext();
    if (text) {
      copy(text, setMember, setMemberLength);
      itemSet(i, text, setMemberLength);
      text += setMemberLength;
    } else itemSet(i, setMember, setMemberLength);
  }
  setIterateEnd();
  return true;
}

let sortAlpha: bool = false;
let sortBy: bool = false;
let sortDescending: bool = false;

function order(a: usize, b: usize): i32 {
  let result: i32;
  if (!sortAlpha) {
    const x = load<f64>(a, 8);
    const y = load<f64>(b, 8);
    // Equal scores fall back on the elements, so that the result does not depend on the container's order.
    result = x < y ? -1 : x > y ? 1 : compare(load<usize>(a), load<u32>(a, 4), load<usize>(b), load<u32>(b, 4));
  } else if (sortBy) {
    const p = load<usize>(a, 8);
    const q = load<usize>(b, 8);
    if (!p || !q) result = p == q ? 0 : p ? 1 : -1;
    else result = compare(p, load<u32>(a, 12), q, load<u32>(b, 12));
  } else result = compare(load<usize>(a), load<u32>(a, 4), load<usize>(b), load<u32>(b, 4));
  return sortDescending ? -result : result;
}

/** Sorts the vector through an array of item addresses; false when memory is short. `sorted` then lists the items in order. */
let sorted: usize = 0;
function sort(): bool {
  const n = vectorCount;
  let from = scratch(n << 2);
  let to = scratch(n << 2);
  if (!from || !to) return false;
  for (let i: u32 = 0; i < n; i++) store<usize>(from + (<usize>i << 2), item(i));
  // Runs of 8 by insertion, then merges.
  for (let start: u32 = 0; start < n; start += 8) {
    const stop = min(start + 8, n);
    for (let i = start + 1; i < stop; i++) {
      const x = load<usize>(from + (<usize>i << 2));
      let k = i;
      for (; k > start && order(load<usize>(from + (<usize>(k - 1) << 2)), x) > 0; k--) {
        store<usize>(from + (<usize>k << 2), load<usize>(from + (<usize>(k - 1) << 2)));
      }
      store<usize>(from + (<usize>k << 2), x);
    }
  }
  for (let width: u32 = 8; width < n; width <<= 1) {
    for (let start: u32 = 0; start < n; start += width << 1) {
      const middle = min(start + width, n);
      const stop = min(start + (width << 1), n);
      let left = start;
      let right = middle;
      for (let k = start; k < stop; k++) {
        const takeLeft =
          left < middle &&
          (right >= stop || order(load<usize>(from + (<usize>left << 2)), load<usize>(from + (<usize>right << 2))) <= 0);
        store<usize>(to + (<usize>k << 2), load<usize>(from + (<usize>(takeLeft ? left++ : right++) << 2)));
      }
    }
    const swap = from;
    from = to;
    to = swap;
  }
  sorted = from;
  return true;
}

/** Finds what each item is compared by; false when some weight is no number (numberless), or when memory is short. */
let numberless: bool = false;
function weigh(c: Client, by: i32): bool {
  numberless = false;
  for (let i: u32 = 0; i < vectorCount; i++) {
    const at = item(i);
    let p = load<usize>(at);
    let n = load<u32>(at, 4);
    if (by) {
      if (!lookupPattern(c, argPtr(by), argLen(by), p, n)) continue;
      p = foundPtr;
      n = foundLength;
    }
    if (sortAlpha) {
      if (!by) continue;
      // The value may be printed into a buffer that the next lookup reuses.
      const kept = scratch(n);
      if (!kept) return false;
      copy(kept, p, n);
      store<usize>(at, kept, 8);
      store<u32>(at, n, 12);
    } else if (parseLoose(p, n)) store<f64>(at, parsedF64, 8);
    else numberless = true;
  }
  return true;
}

function sortGeneric(c: Client, readOnly: bool): void {
  let descending = false;
  let alpha = false;
  let offset: i64 = 0;
  let count: i64 = -1;
  let by = 0; // argument number of the BY pattern, 0: none
  let unsorted = false;
  let storeArg = 0;
  let gets: i64 = 0;
  for (let i = 2; i < argc; i++) {
    const left = argc - i - 1;
    if (argIs(i, "asc")) descending = false;
    else if (argIs(i, "desc")) descending = true;
    else if (argIs(i, "alpha")) alpha = true;
    else if (left >= 2 && argIs(i, "limit")) {
      if (!argI64(c, i + 1)) return;
      offset = argInt;
      if (!argI64(c, i + 2)) return;
      count = argInt;
      i += 2;
    } else if (!readOnly && left >= 1 && argIs(i, "store")) storeArg = ++i;
    else if (left >= 1 && argIs(i, "by")) {
      by = ++i;
      // A constant pattern means: leave the elements in the order they have.
      unsorted = true;
      for (let k: u32 = 0; k < argLen(i); k++) if (load<u8>(argPtr(i) + k) == 42) unsorted = false;
    } else if (left >= 1 && argIs(i, "get")) {
      gets++;
      i++;
    } else {
      replySyntaxError(c);
      return;
    }
  }
  const found = lookupRead(c, 1);
  const type: u32 = found ? <u32>changetype<Obj>(found).type : LIST;
  if (type != LIST && type != SET && type != ZSET) {
    replyWrongType(c);
    return;
  }
  const o = changetype<Obj>(found);
  // A set has no order of its own: what is stored must not depend on the hash table's.
  if (unsorted && type == SET && storeArg) {
    unsorted = false;
    alpha = true;
    by = 0;
  }
  const length: i64 = !found ? 0 : type == LIST ? listLength(o) : type == SET ? setLength(o) : zsetLength(o);
  let start = min(max(offset, 0), length);
  const most = min(max(count, -1), length);
  let end = most < 0 ? length - 1 : start + most - 1;
  if (start >= length) {
    start = length - 1;
    end = length - 2;
  }
  if (end >= length) end = length - 1;
  const outputs = max<i64>(end - start + 1, 0);
  const direct = unsorted && type != SET;
  const loaded = direct ? outputs : length;
  if (loaded > 65536 && !(loaded < 0x4000000 && hasRoom(<usize>loaded * (ITEM + 32)))) {
    replyOom(c);
    return;
  }
  let good = loaded == 0 || loadItems(o, direct ? <u32>start : 0, <u32>loaded, direct && descending);
  if (direct) start = 0;
  if (loaded == 0) vectorCount = 0;
  sortAlpha = alpha;
  sortBy = by != 0;
  sortDescending = descending;
  numberless = false;
  sorted = 0;
  if (good && !unsorted) good = weigh(c, by) && (numberless || sort());
  if (!good) replyOom(c);
  else if (numberless) replyError(c, "ERR One or more scores can't be converted into double");
  else if (storeArg) storeSorted(c, storeArg, <u32>max<i64>(start, 0), <u32>outputs, gets);
  else replySorted(c, <u32>max<i64>(start, 0), <u32>outputs, gets);
  release();
}

// @ts-ignore: decorator
@inline
function outputItem(i: u32): usize {
  return sorted ? load<usize>(sorted + (<usize>i << 2)) : item(i);
}

/** Argument number of the next GET pattern behind option `i`, or 0. Options have been checked. */
function nextGet(i: i32): i32 {
  for (; i < argc; i++) {
    if (argIs(i, "get")) return i + 1;
    if (argIs(i, "limit")) i += 2;
    else if (argIs(i, "by") || argIs(i, "store")) i++;
  }
  return 0;
}

function replySorted(c: Client, start: u32, count: u32, gets: i64): void {
  replyArray(c, gets ? <i64>count * gets : count);
  for (let i = start; i < start + count; i++) {
    const at = outputItem(i);
    const p = load<usize>(at);
    const n = load<u32>(at, 4);
    if (!gets) {
      replyBulk(c, p, n);
      continue;
    }
    for (let g = nextGet(2); g; g = nextGet(g + 1)) {
      if (lookupPattern(c, argPtr(g), argLen(g), p, n)) replyBulk(c, foundPtr, foundLength);
      else replyNull(c);
    }
  }
}

/** Appends to a result unless memory is short. */
function pushChecked(list: Obj, p: usize, n: u32): bool {
  if (!hasRoom(<usize>n + 16384) || !roomForElement(n)) return false;
  listPush(list, false, p, n);
  return true;
}

function storeSorted(c: Client, storeArg: i32, start: u32, count: u32, gets: i64): void {
  const key = argPtr(storeArg);
  const keyLength = argLen(storeArg);
  const outputs = gets ? <i64>count * gets : <i64>count;
  if (outputs == 0) {
    if (dbDelete(c.db, key, keyLength)) {
      signalModified(c.db, key, keyLength);
      notify(NOTIFY_GENERIC, "del", key, keyLength, c.db);
      dirtyAdd(1);
    }
    replyI64(c, 0);
    return;
  }
  const list = listNew();
  let short = false;
  for (let i = start; i < start + count && !short; i++) {
    const at = outputItem(i);
    const p = load<usize>(at);
    const n = load<u32>(at, 4);
    if (!gets) {
      short = !pushChecked(list, p, n);
      continue;
    }
    for (let g = nextGet(2); g && !short; g = nextGet(g + 1)) {
      if (lookupPattern(c, argPtr(g), argLen(g), p, n)) short = !pushChecked(list, foundPtr, foundLength);
      else listPush(list, false, p, 0);
    }
  }
  if (short || !dbSet(c, c.db, key, keyLength, changetype<usize>(list), false)) {
    objRelease(list);
    replyOom(c);
    return;
  }
  notify(NOTIFY_LIST, "sortstore", key, keyLength, c.db);
  dirtyAdd(outputs);
  replyI64(c, outputs);
}

export function sortCommand(c: Client): void {
  sortGeneric(c, false);
}
export function sortReadOnly(c: Client): void {
  sortGeneric(c, true);
}
