/**
 * List commands that do not wait: pushes, pops, reads and edits of one list. The ones that move elements between
 * lists or wait for them are in list-pop-commands.ts.
 */
import { argI64, argInt, argRange } from "./arguments";
import { argPositive, replyArity, roomForArguments } from "./container-arguments";
import { Client, argLen, argPtr, argc } from "./client";
import { argIs } from "./command";
import { dbAdd, dbDelete, lookupRead, lookupWrite, signalModified, wrongType } from "./keyspace";
import { listDrop, listLength, listNew, listOf, listPeek, listPush } from "./list-type";
import { NOTIFY_GENERIC, NOTIFY_LIST, notify } from "./notify";
import { LIST, Obj, objRelease } from "./object";
import {
  itemEquals,
  itemLength,
  itemPtr,
  quicklistBackward,
  quicklistForward,
  quicklistInsertAfter,
  quicklistInsertBefore,
  quicklistRemoveBackward,
  quicklistRemoveForward,
  quicklistRemoveRange,
  quicklistReplace,
  quicklistSeek,
} from "./quicklist";
import {
  deferArray,
  deferBegin,
  replyArray,
  replyBulk,
  replyError,
  replyI64,
  replyNoKey,
  replyNull,
  replyNullArray,
  replyOk,
  replyOom,
  replySyntaxError,
} from "./reply";
import { dirtyAdd } from "./server";

function push(c: Client, head: bool, onlyExisting: bool): void {
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, LIST) || !roomForArguments(c)) return;
  let o: Obj;
  if (found) o = changetype<Obj>(found);
  else {
    if (onlyExisting) {
      replyI64(c, 0);
      return;
    }
    o = listNew();
    if (!dbAdd(c.db, argPtr(1), argLen(1), changetype<usize>(o))) {
      objRelease(o);
      replyOom(c);
      return;
    }
  }
  for (let i = 2; i < argc; i++) listPush(o, head, argPtr(i), argLen(i));
  replyI64(c, listLength(o));
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_LIST, head ? "lpush" : "rpush", argPtr(1), argLen(1), c.db);
  dirtyAdd(argc - 2);
}

export function lpush(c: Client): void {
  push(c, true, false);
}
export function rpush(c: Client): void {
  push(c, false, false);
}
export function lpushx(c: Client): void {
  push(c, true, true);
}
export function rpushx(c: Client): void {
  push(c, false, true);
}

/** After `count` elements left one end of a list: events, removal of an empty list, WATCH; whether the key is gone. */
export function listPopped(c: Client, o: Obj, key: usize, keyLength: u32, head: bool, count: i64): bool {
  notify(NOTIFY_LIST, head ? "lpop" : "rpop", key, keyLength, c.db);
  const empty = listLength(o) == 0;
  if (empty) {
    dbDelete(c.db, key, keyLength);
    notify(NOTIFY_GENERIC, "del", key, keyLength, c.db);
  }
  signalModified(c.db, key, keyLength);
  dirtyAdd(count);
  return empty;
}

/** Replies with `count` elements from one end as an array and removes them. */
export function listReplyAndDrop(c: Client, o: Obj, head: bool, count: u32): void {
  replyArray(c, count);
  for (let i: u32 = 0; i < count; i++) {
    listPeek(o, head);
    replyBulk(c, itemPtr, itemLength);
    listDrop(o, head);
  }
}

function pop(c: Client, head: bool): void {
  if (argc > 3) {
    replyArity(c, head ? "lpop" : "rpop");
    return;
  }
  const counted = argc == 3;
  if (counted && !argPositive(c, 2)) return;
  const wanted = counted ? argInt : 1;
  const found = lookupWrite(c, 1);
  if (!found) {
    if (counted) replyNullArray(c);
    else replyNull(c);
    return;
  }
  if (wrongType(c, found, LIST)) return;
  const o = changetype<Obj>(found);
  if (!counted) {
    listPeek(o, head);
    replyBulk(c, itemPtr, itemLength);
    listDrop(o, head);
    listPopped(c, o, argPtr(1), argLen(1), head, 1);
    return;
  }
  if (wanted == 0) {
    replyArray(c, 0);
    return;
  }
  const count = <u32>min<i64>(wanted, listLength(o));
  listReplyAndDrop(c, o, head, count);
  listPopped(c, o, argPtr(1), argLen(1), head, count);
}

export function lpop(c: Client): void {
  pop(c, true);
}
export function rpop(c: Client): void {
  pop(c, false);
}

export function llen(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, LIST)) return;
  replyI64(c, found ? listLength(changetype<Obj>(found)) : 0);
}

export function lindex(c: Client): void {
  const found = lookupRead(c, 1);
  if (!found) {
    replyNull(c);
    return;
  }
  if (wrongType(c, found, LIST) || !argI64(c, 2)) return;
  if (quicklistSeek(listOf(changetype<Obj>(found)), argInt)) replyBulk(c, itemPtr, itemLength);
  else replyNull(c);
}

export function lset(c: Client): void {
  const found = lookupWrite(c, 1);
  if (!found) {
    replyNoKey(c);
    return;
  }
  if (wrongType(c, found, LIST) || !argI64(c, 2)) return;
  if (!roomForArguments(c)) return;
  const list = listOf(changetype<Obj>(found));
  const index = argInt;
  if (!quicklistSeek(list, index)) {
    replyError(c, "ERR index out of range");
    return;
  }
  quicklistReplace(list, index, argPtr(3), argLen(3));
  replyOk(c);
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_LIST, "lset", argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
}

export function linsert(c: Client): void {
  const after = argIs(2, "after");
  if (!after && !argIs(2, "before")) {
    replySyntaxError(c);
    return;
  }
  const found = lookupWrite(c, 1);
  if (!found) {
    replyI64(c, 0);
    return;
  }
  if (wrongType(c, found, LIST) || !roomForArguments(c)) return;
  const list = listOf(changetype<Obj>(found));
  const pivot = argPtr(3);
  const pivotLength = argLen(3);
  let more = quicklistSeek(list, 0);
  while (more && !itemEquals(pivot, pivotLength)) more = quicklistForward();
  if (!more) {
    replyI64(c, -1);
    return;
  }
  if (after) quicklistInsertAfter(list, argPtr(4), argLen(4));
  else quicklistInsertBefore(list, argPtr(4), argLen(4));
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_LIST, "linsert", argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
  replyI64(c, list.length);
}

/** First and last index of a range given as Redis gives them, and how many elements that is (0: none). */
export let rangeStart: u32 = 0;
export function rangeCount(start: i64, end: i64, length: u32): u32 {
  if (start < 0) start += <i64>length;
  if (end < 0) end += <i64>length;
  if (start < 0) start = 0;
  rangeStart = <u32>start;
  if (start > end || start >= <i64>length) return 0;
  if (end >= <i64>length) end = <i64>length - 1;
  return <u32>(end - start + 1);
}

export function lrange(c: Client): void {
  if (!argI64(c, 2)) return;
  const start = argInt;
  if (!argI64(c, 3)) return;
  const end = argInt;
  const found = lookupRead(c, 1);
  if (!found) {
    replyArray(c, 0);
    return;
  }
  if (wrongType(c, found, LIST)) return;
  const list = listOf(changetype<Obj>(found));
  const count = rangeCount(start, end, list.length);
  replyArray(c, count);
  if (count == 0) return;
  quicklistSeek(list, rangeStart);
  for (let left = count; left > 0; left--) {
    replyBulk(c, itemPtr, itemLength);
    if (left > 1) quicklistForward();
  }
}

export function ltrim(c: Client): void {
  if (!argI64(c, 2)) return;
  const start = argInt;
  if (!argI64(c, 3)) return;
  const end = argInt;
  const found = lookupWrite(c, 1);
  if (!found) {
    replyOk(c);
    return;
  }
  if (wrongType(c, found, LIST)) return;
  const list = listOf(changetype<Obj>(found));
  const length = list.length;
  const count = rangeCount(start, end, length);
  if (count == 0) quicklistRemoveRange(list, 0, length);
  else {
    const first = rangeStart;
    const behind = length - first - count;
    quicklistRemoveRange(list, first + count, behind);
    quicklistRemoveRange(list, 0, first);
  }
  notify(NOTIFY_LIST, "ltrim", argPtr(1), argLen(1), c.db);
  if (list.length == 0) {
    dbDelete(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
  }
  signalModified(c.db, argPtr(1), argLen(1));
  dirtyAdd(length - count);
  replyOk(c);
}

export function lpos(c: Client): void {
  let rank: i64 = 1;
  let count: i64 = -1; // COUNT not given
  let most: i64 = 0;
  for (let i = 3; i < argc; i++) {
    const more = i + 1 < argc;
    if (more && argIs(i, "rank")) {
      if (!argI64(c, ++i)) return;
      rank = argInt;
      if (rank == 0) {
        replyError(
          c,
          "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
        );
        return;
      }
    } else if (more && argIs(i, "count")) {
      if (!argRange(c, ++i, 0, i64.MAX_VALUE, "ERR COUNT can't be negative")) return;
      count = argInt;
    } else if (more && argIs(i, "maxlen")) {
      if (!argRange(c, ++i, 0, i64.MAX_VALUE, "ERR MAXLEN can't be negative")) return;
      most = argInt;
    } else {
      replySyntaxError(c);
      return;
    }
  }
  const backward = rank < 0;
  const skip: u64 = backward ? 0 - <u64>rank : <u64>rank;
  const found = lookupRead(c, 1);
  if (!found) {
    if (count != -1) replyArray(c, 0);
    else replyNull(c);
    return;
  }
  if (wrongType(c, found, LIST)) return;
  const list = listOf(changetype<Obj>(found));
  const place = count != -1 ? deferBegin(c) : 0;
  const wanted = argPtr(2);
  const wantedLength = argLen(2);
  let replied: i64 = 0;
  let matches: u64 = 0;
  let index: i64 = 0;
  let answer: i64 = -1;
  let more = quicklistSeek(list, backward ? -1 : 0);
  while (more && (most == 0 || index < most)) {
    if (itemEquals(wanted, wantedLength) && ++matches >= skip) {
      answer = backward ? <i64>list.length - index - 1 : index;
      if (count == -1) break;
      replyI64(c, answer);
      replied++;
      if (count && replied >= count) break;
    }
    index++;
    more = backward ? quicklistBackward() : quicklistForward();
  }
  if (count != -1) deferArray(c, place, replied);
  else if (answer != -1) replyI64(c, answer);
  else replyNull(c);
}

export function lrem(c: Client): void {
  if (!argI64(c, 2)) return;
  const backward = argInt < 0;
  const limit: u64 = backward ? 0 - <u64>argInt : <u64>argInt;
  const found = lookupWrite(c, 1);
  if (!found) {
    replyI64(c, 0);
    return;
  }
  if (wrongType(c, found, LIST)) return;
  const list = listOf(changetype<Obj>(found));
  const wanted = argPtr(3);
  const wantedLength = argLen(3);
  let removed: u64 = 0;
  let more = quicklistSeek(list, backward ? -1 : 0);
  while (more) {
    if (itemEquals(wanted, wantedLength)) {
      more = backward ? quicklistRemoveBackward(list) : quicklistRemoveForward(list);
      removed++;
      if (limit && removed == limit) break;
    } else more = backward ? quicklistBackward() : quicklistForward();
  }
  if (removed) {
    signalModified(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_LIST, "lrem", argPtr(1), argLen(1), c.db);
    dirtyAdd(<i64>removed);
  }
  if (list.length == 0) {
    dbDelete(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
  }
  replyI64(c, <i64>removed);
}
