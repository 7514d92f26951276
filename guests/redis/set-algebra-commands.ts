/**
 * Intersections, unions and differences of sets, replied or stored.
 *
 * A difference is always found by looking each member of the first set up in the others: that needs no memory beyond the
 * result. An intersection starts from the smallest set.
 */
import { hasRoom, realloc } from "../lib/raw/alloc";
import { argInt, argRange } from "./arguments";
import { Client, argLen, argPtr, argc } from "./client";
import { argIs } from "./command";
import { dbDelete, dbSet, lookupRead, signalModified, wrongType } from "./keyspace";
import { NOTIFY_GENERIC, NOTIFY_SET, notify } from "./notify";
import { Obj, SET, objRelease } from "./object";
import { deferBegin, deferSet, replyBulk, replyError, replyI64, replyOom, replySet, replySyntaxError } from "./reply";
import { dirtyAdd } from "./server";
import {
  setAdd,
  setHas,
  setIterate,
  setIterateEnd,
  setLength,
  setMember,
  setMemberLength,
  setNew,
  setNext,
  setShort,
  setShortClear,
} from "./set-type";

/** The operands: object addresses, 0 for a missing key. */
let sources: usize = 0;
let sourceCap: i32 = 0;
let sourceCount: i32 = 0;
let missing: i32 = 0;

// @ts-ignore: decorator
@inline
function source(i: i32): usize {
  return load<usize>(sources + (<usize>i << 2));
}

/** Looks the operands up; false after an error reply. */
function gather(c: Client, first: i32, count: i32): bool {
  if (count > sourceCap) {
    sourceCap = max(16, count);
    sources = realloc(sources, <usize>sourceCap << 2);
  }
  sourceCount = count;
  missing = 0;
  setShortClear();
  for (let i = 0; i < count; i++) {
    const found = lookupRead(c, first + i);
    if (wrongType(c, found, SET)) return false;
    if (!found) missing++;
    store<usize>(sources + (<usize>i << 2), found);
  }
  return true;
}

/** Puts the smallest operand first, and up to 64 of them in ascending order of size. */
function sortBySize(): void {
  const sorted = min(sourceCount, 64);
  for (let i = 1; i < sorted; i++) {
    const o = source(i);
    const length = setLength(changetype<Obj>(o));
    let at = i;
    while (at > 0 && setLength(changetype<Obj>(source(at - 1))) > length) {
      store<usize>(sources + (<usize>at << 2), source(at - 1));
      at--;
    }
    store<usize>(sources + (<usize>at << 2), o);
  }
  for (let i = sorted; i < sourceCount; i++) {
    if (setLength(changetype<Obj>(source(i))) >= setLength(changetype<Obj>(source(0)))) continue;
    const o = source(i);
    store<usize>(sources + (<usize>i << 2), source(0));
    store<usize>(sources, o);
  }
}

/** Stores a result (released here) under the key at argument 1, or deletes that key if the result is empty. */
function storeResult(c: Client, result: Obj, event: string): void {
  const length = setLength(result);
  if (setShort) {
    objRelease(result);
    replyOom(c);
    return;
  }
  if (length == 0) {
    objRelease(result);
    deleteTarget(c);
    return;
  }
  if (!dbSet(c, c.db, argPtr(1), argLen(1), changetype<usize>(result), false)) {
    objRelease(result);
    replyOom(c);
    return;
  }
  replyI64(c, length);
  notify(NOTIFY_SET, event, argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
}

function deleteTarget(c: Client): void {
  if (dbDelete(c.db, argPtr(1), argLen(1))) {
    signalModified(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
    dirtyAdd(1);
  }
  replyI64(c, 0);
}

/** Whether a result of up to `members` members fits memory; replies the error if not. */
function roomFor(c: Client, members: u64): bool {
  // An entry with a short key and its share of the bucket array take about 40 bytes.
  if (members < 4096 || (members < 0x3000000 && hasRoom(<usize>members * 48))) return true;
  replyOom(c);
  return false;
}

const REPLY: i32 = 0;
const STORE: i32 = 1;
const COUNT: i32 = 2;

function intersect(c: Client, first: i32, count: i32, mode: i32, limit: i64): void {
  if (!gather(c, first, count)) return;
  if (missing) {
    if (mode == STORE) deleteTarget(c);
    else if (mode == COUNT) replyI64(c, 0);
    else replySet(c, 0);
    return;
  }
  sortBySize();
  const smallest = changetype<Obj>(source(0));
  if (mode == STORE && !roomFor(c, setLength(smallest))) return;
  const result = mode == STORE ? setNew() : changetype<Obj>(0);
  const place = mode == REPLY ? deferBegin(c) : 0;
  let cardinality: i64 = 0;
  setIterate(smallest);
  while (setNext()) {
    let everywhere = true;
    for (let i = 1; i < count; i++) {
      const other = changetype<Obj>(source(i));
      if (other == smallest) continue;
      if (!setHas(other, setMember, setMemberLength)) {
        everywhere = false;
        break;
      }
    }
    if (!everywhere) continue;
    cardinality++;
    if (mode == REPLY) replyBulk(c, setMember, setMemberLength);
    else if (mode == STORE) setAdd(result, setMember, setMemberLength);
    else if (limit && cardinality >= limit) break;
  }
  setIterateEnd();
  if (mode == REPLY) deferSet(c, place, cardinality);
  else if (mode == STORE) storeResult(c, result, "sinterstore");
  else replyI64(c, cardinality);
}

export function sinter(c: Client): void {
  intersect(c, 1, argc - 1, REPLY, 0);
}
export function sinterstore(c: Client): void {
  intersect(c, 2, argc - 2, STORE, 0);
}
export function sintercard(c: Client): void {
  if (!argRange(c, 1, 1, i64.MAX_VALUE, "ERR numkeys should be greater than 0")) return;
  if (argInt > <i64>argc - 2) {
    replyError(c, "ERR Number of keys can't be greater than number of args");
    return;
  }
  const count = <i32>argInt;
  let limit: i64 = 0;
  for (let i = 2 + count; i < argc; i++) {
    if (!argIs(i, "limit") || i + 1 >= argc) {
      replySyntaxError(c);
      return;
    }
    if (!argRange(c, ++i, 0, i64.MAX_VALUE, "ERR LIMIT can't be negative")) return;
    limit = argInt;
  }
  intersect(c, 2, count, COUNT, limit);
}

function union(c: Client, first: i32, count: i32, store_: bool): void {
  if (!gather(c, first, count)) return;
  let members: u64 = 0;
  for (let i = 0; i < count; i++) if (source(i)) members += setLength(changetype<Obj>(source(i)));
  if (!roomFor(c, members)) return;
  const result = setNew();
  for (let i = 0; i < count; i++) {
    if (!source(i)) continue;
    setIterate(changetype<Obj>(source(i)));
    while (setNext()) setAdd(result, setMember, setMemberLength);
    setIterateEnd();
  }
  if (store_) {
    storeResult(c, result, "sunionstore");
    return;
  }
  if (setShort) {
    objRelease(result);
    replyOom(c);
    return;
  }
  replySet(c, setLength(result));
  setIterate(result);
  while (setNext()) replyBulk(c, setMember, setMemberLength);
  setIterateEnd();
  objRelease(result);
}

export function sunion(c: Client): void {
  union(c, 1, argc - 1, false);
}
export function sunionstore(c: Client): void {
  union(c, 2, argc - 2, true);
}

function difference(c: Client, first: i32, count: i32, store_: bool): void {
  if (!gather(c, first, count)) return;
  if (!source(0)) {
    if (store_) deleteTarget(c);
    else replySet(c, 0);
    return;
  }
  const from = changetype<Obj>(source(0));
  if (store_ && !roomFor(c, setLength(from))) return;
  const result = store_ ? setNew() : changetype<Obj>(0);
  const place = store_ ? <usize>0 : deferBegin(c);
  let cardinality: i64 = 0;
  let subtractsItself = false;
  for (let i = 1; i < count; i++) if (source(i) == source(0)) subtractsItself = true;
  if (!subtractsItself) {
    setIterate(from);
    while (setNext()) {
      let elsewhere = false;
      for (let i = 1; i < count; i++) {
        if (source(i) && setHas(changetype<Obj>(source(i)), setMember, setMemberLength)) {
          elsewhere = true;
          break;
        }
      }
      if (elsewhere) continue;
      cardinality++;
      if (store_) setAdd(result, setMember, setMemberLength);
      else replyBulk(c, setMember, setMemberLength);
    }
    setIterateEnd();
  }
  if (store_) storeResult(c, result, "sdiffstore");
  else deferSet(c, place, cardinality);
}

export function sdiff(c: Client): void {
  difference(c, 1, argc - 1, false);
}
export function sdiffstore(c: Client): void {
  difference(c, 2, argc - 2, true);
}
