/**
 * List commands over several keys: moves from list to list, pops from the first list that has elements, and the variants
 * that wait for one. A command that waited is run again when one of its keys holds a list (blocked.ts); it then looks at
 * that key only. The append-only file gets the pop or move that really happened.
 */
import { argInt, argRange, argTimeout, argTimeoutMs } from "./arguments";
import { blockOnKeys, readyKey, readyKeyLen } from "./blocked";
import { equal } from "../lib/raw/bytes";
import { roomForElement } from "./container-arguments";
import { CLIENT_DENY_BLOCKING, CLIENT_REEXECUTING, Client, argLen, argPtr, argc } from "./client";
import { argIs } from "./command";
import { dbAdd, dbDelete, lookupWrite, signalModified, wrongType } from "./keyspace";
import { listPopped, listReplyAndDrop } from "./list-commands";
import { listDrop, listKeepItem, listLength, listNew, listPeek, listPush } from "./list-type";
import { NOTIFY_GENERIC, NOTIFY_LIST, notify } from "./notify";
import { LIST, Obj, objRelease } from "./object";
import { propagateBegin, propagateBytes, propagateI64, propagateText } from "./propagate";
import { itemLength, itemPtr } from "./quicklist";
import { replyArray, replyBulk, replyNull, replyNullArray, replyOom, replySyntaxError } from "./reply";
import { dirtyAdd } from "./server";

/** The end named by the last call of argEnd: true for LEFT. */
let argHead: bool = false;
function argEnd(c: Client, i: i32): bool {
  argHead = argIs(i, "left");
  if (argHead || argIs(i, "right")) return true;
  replySyntaxError(c);
  return false;
}

/** Whether a re-executed command has to pass over the key at argument `i`. */
// @ts-ignore: decorator
@inline
export function notReady(c: Client, i: i32): bool {
  if (!(c.flags & CLIENT_REEXECUTING)) return false;
  return argLen(i) != readyKeyLen || !equal(argPtr(i), readyKey, readyKeyLen);
}

/** Moves one element; false after an error reply. */
function move(c: Client, o: Obj, fromHead: bool, toHead: bool): bool {
  const found = lookupWrite(c, 2);
  if (wrongType(c, found, LIST)) return false;
  listPeek(o, fromHead);
  // The element is copied aside and stored again before its old place is free.
  if (itemLength > 8192 && !roomForElement(itemLength * 2)) {
    replyOom(c);
    return false;
  }
  let target: Obj;
  if (found) target = changetype<Obj>(found);
  else {
    target = listNew();
    if (!dbAdd(c.db, argPtr(2), argLen(2), changetype<usize>(target))) {
      objRelease(target);
      replyOom(c);
      return false;
    }
  }
  listPeek(o, fromHead);
  const length = itemLength;
  const bytes = listKeepItem();
  listDrop(o, fromHead);
  listPush(target, toHead, bytes, length);
  signalModified(c.db, argPtr(2), argLen(2));
  notify(NOTIFY_LIST, toHead ? "lpush" : "rpush", argPtr(2), argLen(2), c.db);
  replyBulk(c, bytes, length);
  notify(NOTIFY_LIST, fromHead ? "lpop" : "rpop", argPtr(1), argLen(1), c.db);
  if (listLength(o) == 0) {
    dbDelete(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
  }
  signalModified(c.db, argPtr(1), argLen(1));
  dirtyAdd(1);
  return true;
}

function moveOnce(c: Client, fromHead: bool, toHead: bool): void {
  const found = lookupWrite(c, 1);
  if (!found) {
    replyNull(c);
    return;
  }
  if (wrongType(c, found, LIST)) return;
  move(c, changetype<Obj>(found), fromHead, toHead);
}

export function rpoplpush(c: Client): void {
  moveOnce(c, false, true);
}
export function lmove(c: Client): void {
  if (!argEnd(c, 3)) return;
  const fromHead = argHead;
  if (!argEnd(c, 4)) return;
  moveOnce(c, fromHead, argHead);
}

/** BLMOVE and BRPOPLPUSH; false if nothing was moved: the client was blocked, or got a null or an error. */
function moveOrWait(c: Client, fromHead: bool, toHead: bool): bool {
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, LIST)) return false;
  if (found) {
    return move(c, changetype<Obj>(found), fromHead, toHead);
  }
  if (c.flags & CLIENT_DENY_BLOCKING) replyNull(c);
  else blockOnKeys(c, 1, 1, argTimeoutMs, LIST);
  return false;
}

export function brpoplpush(c: Client): void {
  if (!argTimeout(c, 3)) return;
  if (!moveOrWait(c, false, true)) return;
  propagateBegin(3);
  propagateText("RPOPLPUSH");
  propagateBytes(argPtr(1), argLen(1));
  propagateBytes(argPtr(2), argLen(2));
}
export function blmove(c: Client): void {
  if (!argEnd(c, 3)) return;
  const fromHead = argHead;
  if (!argEnd(c, 4)) return;
  const toHead = argHead;
  if (!argTimeout(c, 5)) return;
  if (!moveOrWait(c, fromHead, toHead)) return;
  propagateBegin(5);
  propagateText("LMOVE");
  propagateBytes(argPtr(1), argLen(1));
  propagateBytes(argPtr(2), argLen(2));
  propagateText(fromHead ? "LEFT" : "RIGHT");
  propagateText(toHead ? "LEFT" : "RIGHT");
}

/** Pops up to `count` elements from the first list among `keys` keys and replies key and elements; false if all are missing or on error. */
let popFailed: bool = false;
function popFirst(c: Client, firstKey: i32, keys: i32, head: bool, count: i64): bool {
  popFailed = false;
  for (let i = firstKey; i < firstKey + keys; i++) {
    if (notReady(c, i)) continue;
    const found = lookupWrite(c, i);
    if (!found) continue;
    if (wrongType(c, found, LIST)) {
      popFailed = true;
      return false;
    }
    const o = changetype<Obj>(found);
    const key = argPtr(i);
    const keyLength = argLen(i);
    replyArray(c, 2);
    replyBulk(c, key, keyLength);
    if (count < 0) {
      listPeek(o, head);
      replyBulk(c, itemPtr, itemLength);
      listDrop(o, head);
      propagateBegin(2);
      propagateText(head ? "LPOP" : "RPOP");
      propagateBytes(key, keyLength);
      listPopped(c, o, key, keyLength, head, 1);
      return true;
    }
    const popped = <u32>min<i64>(count, listLength(o));
    listReplyAndDrop(c, o, head, popped);
    propagateBegin(3);
    propagateText(head ? "LPOP" : "RPOP");
    propagateBytes(key, keyLength);
    propagateI64(popped);
    listPopped(c, o, key, keyLength, head, popped);
    return true;
  }
  return false;
}

function popOrWait(c: Client, firstKey: i32, keys: i32, head: bool, count: i64): void {
  if (!popFirst(c, firstKey, keys, head, count) && !popFailed) blockOnKeys(c, firstKey, keys, argTimeoutMs, LIST);
}

export function blpop(c: Client): void {
  if (argTimeout(c, argc - 1)) popOrWait(c, 1, argc - 2, true, -1);
}
export function brpop(c: Client): void {
  if (argTimeout(c, argc - 1)) popOrWait(c, 1, argc - 2, false, -1);
}

/** Parses `numkeys key… LEFT|RIGHT [COUNT n]` from argument `i` on, into mpopKeys, argHead and mpopCount. */
let mpopKeys: i32 = 0;
let mpopCount: i64 = 0;
function mpopParse(c: Client, i: i32): bool {
  if (!argRange(c, i, 1, i64.MAX_VALUE, "ERR numkeys should be greater than 0")) return false;
  // A count above argc is as good as any other that is too big.
  const where = <i64>i + 1 + min<i64>(argInt, 0x7fffffff);
  if (where >= <i64>argc) {
    replySyntaxError(c);
    return false;
  }
  mpopKeys = <i32>argInt;
  if (!argEnd(c, <i32>where)) return false;
  mpopCount = -1;
  for (let option = <i32>where + 1; option < argc; option += 2) {
    if (mpopCount != -1 || option + 1 >= argc || !argIs(option, "count")) {
      replySyntaxError(c);
      return false;
    }
    if (!argRange(c, option + 1, 1, i64.MAX_VALUE, "ERR count should be greater than 0")) return false;
    mpopCount = argInt;
  }
  if (mpopCount == -1) mpopCount = 1;
  return true;
}

export function lmpop(c: Client): void {
  if (!mpopParse(c, 1)) return;
  if (!popFirst(c, 2, mpopKeys, argHead, mpopCount) && !popFailed) replyNullArray(c);
}
export function blmpop(c: Client): void {
  if (!mpopParse(c, 2)) return;
  if (argTimeout(c, 1)) popOrWait(c, 3, mpopKeys, argHead, mpopCount);
}
