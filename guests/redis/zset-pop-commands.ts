/**
 * Pops from sorted sets: ZPOPMIN, ZPOPMAX, ZMPOP and the variants that wait. A command that waited is run again when one of
 * its keys holds a sorted set (blocked.ts). The append-only file gets ZPOPMIN or ZPOPMAX.
 */
import { argInt, argRange, argTimeout, argTimeoutMs } from "./arguments";
import { blockOnKeys } from "./blocked";
import { Client, argLen, argPtr, argc } from "./client";
import { argIs } from "./command";
import { argPositive } from "./container-arguments";
import { dbDelete, lookupWrite, signalModified, wrongType } from "./keyspace";
import { notReady } from "./list-pop-commands";
import { NOTIFY_GENERIC, NOTIFY_ZSET, notify } from "./notify";
import { Obj, ZSET } from "./object";
import { propagateBegin, propagateBytes, propagateI64, propagateText } from "./propagate";
import { replyArray, replyBulk, replyF64, replyNullArray, replySyntaxError } from "./reply";
import { dirtyAdd } from "./server";
import {
  zsetLength,
  zsetMember,
  zsetMemberLength,
  zsetRemoveRange,
  zsetScore,
  zsetStep,
  zsetWalk,
} from "./zset-type";

/** Replies and removes `count` members from one end; the array's header has been sent. `nested`: a pair each. */
function popReply(c: Client, o: Obj, keyArg: i32, max: bool, count: u32, nested: bool): void {
  zsetWalk(o, 0, max);
  for (let i: u32 = 0; i < count; i++) {
    zsetStep();
    if (nested) replyArray(c, 2);
    replyBulk(c, zsetMember, zsetMemberLength);
    replyF64(c, zsetScore);
  }
  const length = zsetLength(o);
  const key = argPtr(keyArg);
  const keyLength = argLen(keyArg);
  notify(NOTIFY_ZSET, max ? "zpopmax" : "zpopmin", key, keyLength, c.db);
  signalModified(c.db, key, keyLength);
  if (count == length) {
    dbDelete(c.db, key, keyLength);
    notify(NOTIFY_GENERIC, "del", key, keyLength, c.db);
  } else if (max) zsetRemoveRange(o, length - count, length);
  else zsetRemoveRange(o, 0, count);
  dirtyAdd(count);
}

function pop(c: Client, max: bool): void {
  if (argc > 3) {
    replySyntaxError(c);
    return;
  }
  const counted = argc == 3;
  if (counted && !argPositive(c, 2)) return;
  const wanted = counted ? argInt : 1;
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, ZSET)) return;
  if (!found || wanted == 0) {
    replyArray(c, 0);
    return;
  }
  const o = changetype<Obj>(found);
  const count = <u32>min<i64>(wanted, zsetLength(o));
  const nested = counted && c.resp > 2;
  replyArray(c, nested ? <i64>count : <i64>count * 2);
  popReply(c, o, 1, max, count, nested);
}

export function zpopmin(c: Client): void {
  pop(c, false);
}
export function zpopmax(c: Client): void {
  pop(c, true);
}

let popFailed: bool = false;

/**
 * Pops from the first sorted set among the keys. `count` below 0: one member, replied flat behind the key (BZPOPMIN);
 * otherwise a key and an array of pairs (ZMPOP). False if all keys are missing, or after an error reply (popFailed).
 */
function popFirst(c: Client, firstKey: i32, keys: i32, max: bool, count: i64): bool {
  popFailed = false;
  for (let i = firstKey; i < firstKey + keys; i++) {
    if (notReady(c, i)) continue;
    const found = lookupWrite(c, i);
    if (!found) continue;
    if (wrongType(c, found, ZSET)) {
      popFailed = true;
      return false;
    }
    const o = changetype<Obj>(found);
    const flat = count < 0;
    const popped: u32 = flat ? 1 : <u32>min<i64>(count, zsetLength(o));
    replyArray(c, flat ? 3 : 2);
    replyBulk(c, argPtr(i), argLen(i));
    if (!flat) replyArray(c, popped);
    propagateBegin(flat ? 2 : 3);
    propagateText(max ? "ZPOPMAX" : "ZPOPMIN");
    propagateBytes(argPtr(i), argLen(i));
    if (!flat) propagateI64(popped);
    popReply(c, o, i, max, popped, !flat);
    return true;
  }
  return false;
}

function popOrWait(c: Client, firstKey: i32, keys: i32, max: bool, count: i64): void {
  if (!popFirst(c, firstKey, keys, max, count) && !popFailed) blockOnKeys(c, firstKey, keys, argTimeoutMs, ZSET);
}

export function bzpopmin(c: Client): void {
  if (argTimeout(c, argc - 1)) popOrWait(c, 1, argc - 2, false, -1);
}
export function bzpopmax(c: Client): void {
  if (argTimeout(c, argc - 1)) popOrWait(c, 1, argc - 2, true, -1);
}

/** Parses `numkeys key… MIN|MAX [COUNT n]` from argument `i` on. */
let mpopKeys: i32 = 0;
let mpopCount: i64 = 0;
let mpopMax: bool = false;
function mpopParse(c: Client, i: i32): bool {
  if (!argRange(c, i, 1, i64.MAX_VALUE, "ERR numkeys should be greater than 0")) return false;
  const where = <i64>i + 1 + min<i64>(argInt, 0x7fffffff);
  if (where >= <i64>argc) {
    replySyntaxError(c);
    return false;
  }
  mpopKeys = <i32>argInt;
  mpopMax = argIs(<i32>where, "max");
  if (!mpopMax && !argIs(<i32>where, "min")) {
    replySyntaxError(c);
    return false;
  }
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

export function zmpop(c: Client): void {
  if (!mpopParse(c, 1)) return;
  if (!popFirst(c, 2, mpopKeys, mpopMax, mpopCount) && !popFailed) replyNullArray(c);
}
export function bzmpop(c: Client): void {
  if (!mpopParse(c, 2)) return;
  if (argTimeout(c, 1)) popOrWait(c, 3, mpopKeys, mpopMax, mpopCount);
}
