/**
 * Hash commands, HRANDFIELD excepted (random-commands.ts).
 */
import { argI64, argInt } from "./arguments";
import { Client, argLen, argPtr, argc } from "./client";
import { replyArity, roomForArguments } from "./container-arguments";
import { entryKey, entryLength, Dict } from "./dict";
import { LD_NAN_OR_INF, LD_NOT_FLOAT_A, LD_NOT_FLOAT_B, addLongDouble } from "./long-double";
import {
  hashConvert,
  hashDelete,
  hashEntryValue,
  hashEntryValueLength,
  hashField,
  hashFieldLength,
  hashGet,
  hashIterate,
  hashLength,
  hashNew,
  hashNext,
  hashSet,
  hashTooLong,
  hashValue,
  hashValueLength,
} from "./hash-type";
import { dbAdd, dbDelete, lookupRead, lookupWrite, signalModified, wrongType } from "./keyspace";
import { NOTIFY_GENERIC, NOTIFY_HASH, notify } from "./notify";
import { formatI64, parseI64, parsedI64 } from "../lib/raw/number";
import { ENC_LISTPACK, HASH, Obj, objRelease } from "./object";
import { propagateBegin, propagateBytes, propagateText } from "./propagate";
import {
  deferArray,
  deferBegin,
  replyArray,
  replyBulk,
  replyBulkI64,
  replyError,
  replyI64,
  replyMap,
  replyNotFloat,
  replyNull,
  replyOk,
  replyOom,
} from "./reply";
import { scanDict, scanFound, scanFoundCount, scanMatches, scanParse } from "./scan";
import { dirtyAdd } from "./server";

/** The hash at argument 1, made if missing; 0 after an error reply. */
function hashForWrite(c: Client): usize {
  const found = lookupWrite(c, 1);
  if (found) return wrongType(c, found, HASH) ? 0 : found;
  const o = hashNew();
  if (!dbAdd(c.db, argPtr(1), argLen(1), changetype<usize>(o))) {
    objRelease(o);
    replyOom(c);
    return 0;
  }
  return changetype<usize>(o);
}

/** Converts a packed hash when one of the arguments is too long for it. */
function convertForArguments(o: Obj, first: i32, last: i32): void {
  if (<u32>o.encoding != ENC_LISTPACK) return;
  for (let i = first; i <= last; i++) {
    if (hashTooLong(argLen(i))) {
      hashConvert(o);
      return;
    }
  }
}

function changed(c: Client, event: string, count: i64): void {
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_HASH, event, argPtr(1), argLen(1), c.db);
  dirtyAdd(count);
}

/** Sets all pairs; the number of new fields, or -1 after an error reply. */
function setPairs(c: Client, name: string): i32 {
  if (argc & 1) {
    replyArity(c, name);
    return -1;
  }
  if (!roomForArguments(c)) return -1;
  const found = hashForWrite(c);
  if (!found) return -1;
  const o = changetype<Obj>(found);
  convertForArguments(o, 2, argc - 1);
  let created = 0;
  for (let i = 2; i < argc; i += 2) {
    if (hashSet(o, argPtr(i), argLen(i), argPtr(i + 1), argLen(i + 1))) created++;
  }
  changed(c, "hset", (argc - 2) >> 1);
  return created;
}

export function hset(c: Client): void {
  const created = setPairs(c, "hset");
  if (created >= 0) replyI64(c, created);
}
export function hmset(c: Client): void {
  if (setPairs(c, "hmset") >= 0) replyOk(c);
}

export function hsetnx(c: Client): void {
  if (!roomForArguments(c)) return;
  const found = hashForWrite(c);
  if (!found) return;
  const o = changetype<Obj>(found);
  if (hashGet(o, argPtr(2), argLen(2))) {
    replyI64(c, 0);
    return;
  }
  convertForArguments(o, 2, 3);
  hashSet(o, argPtr(2), argLen(2), argPtr(3), argLen(3));
  replyI64(c, 1);
  changed(c, "hset", 1);
}

const scratch = memory.data(5248, 16);

export function hincrby(c: Client): void {
  if (!argI64(c, 3)) return;
  const step = argInt;
  const found = hashForWrite(c);
  if (!found) return;
  const o = changetype<Obj>(found);
  let value: i64 = 0;
  if (hashGet(o, argPtr(2), argLen(2))) {
    if (!parseI64(hashValue, hashValueLength)) {
      replyError(c, "ERR hash value is not an integer");
      return;
    }
    value = parsedI64;
  }
  if ((step < 0 && value < 0 && step < i64.MIN_VALUE - value) || (step > 0 && value > 0 && step > i64.MAX_VALUE - value)) {
    replyError(c, "ERR increment or decrement would overflow");
    return;
  }
  value += step;
  convertForArguments(o, 2, 2);
  hashSet(o, argPtr(2), argLen(2), scratch, formatI64(scratch, value));
  replyI64(c, value);
  changed(c, "hincrby", 1);
}

const zero = memory.data<u8>([48]);

export function hincrbyfloat(c: Client): void {
  // The increment alone is judged first: a bad one is reported whatever the key holds.
  let length = addLongDouble(zero, 1, argPtr(3), argLen(3), scratch);
  if (length == LD_NOT_FLOAT_B) {
    replyNotFloat(c);
    return;
  }
  if (length == LD_NAN_OR_INF) {
    replyError(c, "ERR value is NaN or Infinity");
    return;
  }
  const found = hashForWrite(c);
  if (!found) return;
  const o = changetype<Obj>(found);
  if (hashGet(o, argPtr(2), argLen(2))) {
    length = addLongDouble(hashValue, hashValueLength, argPtr(3), argLen(3), scratch);
    if (length == LD_NOT_FLOAT_A) {
      replyError(c, "ERR hash value is not a float");
      return;
    }
    if (length == LD_NAN_OR_INF) {
      replyError(c, "ERR increment would produce NaN or Infinity");
      return;
    }
  }
  convertForArguments(o, 2, 2);
  if (hashTooLong(length)) hashConvert(o);
  hashSet(o, argPtr(2), argLen(2), scratch, length);
  replyBulk(c, scratch, length);
  changed(c, "hincrbyfloat", 1);
  // The result, not the increment: replaying must not depend on how another machine rounds.
  propagateBegin(4);
  propagateText("HSET");
  propagateBytes(argPtr(1), argLen(1));
  propagateBytes(argPtr(2), argLen(2));
  propagateBytes(scratch, length);
}

export function hget(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, HASH)) return;
  if (found && hashGet(changetype<Obj>(found), argPtr(2), argLen(2))) replyBulk(c, hashValue, hashValueLength);
  else replyNull(c);
}

export function hmget(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, HASH)) return;
  replyArray(c, argc - 2);
  for (let i = 2; i < argc; i++) {
    if (found && hashGet(changetype<Obj>(found), argPtr(i), argLen(i))) replyBulk(c, hashValue, hashValueLength);
    else replyNull(c);
  }
}

export function hdel(c: Client): void {
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, HASH)) return;
  if (!found) {
    replyI64(c, 0);
    return;
  }
  const o = changetype<Obj>(found);
  let deleted = 0;
  let gone = false;
  for (let i = 2; i < argc; i++) {
    if (!hashDelete(o, argPtr(i), argLen(i))) continue;
    deleted++;
    if (hashLength(o) == 0) {
      dbDelete(c.db, argPtr(1), argLen(1));
      gone = true;
      break;
    }
  }
  if (deleted) {
    changed(c, "hdel", deleted);
    if (gone) notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
  }
  replyI64(c, deleted);
}

export function hlen(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, HASH)) return;
  replyI64(c, found ? hashLength(changetype<Obj>(found)) : 0);
}

export function hstrlen(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, HASH)) return;
  replyI64(c, found && hashGet(changetype<Obj>(found), argPtr(2), argLen(2)) ? hashValueLength : 0);
}

export function hexists(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, HASH)) return;
  replyI64(c, found && hashGet(changetype<Obj>(found), argPtr(2), argLen(2)) ? 1 : 0);
}

function replyAll(c: Client, fields: bool, values: bool): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, HASH)) return;
  const length: i64 = found ? hashLength(changetype<Obj>(found)) : 0;
  if (fields && values) replyMap(c, length);
  else replyArray(c, length);
  if (!found) return;
  hashIterate(changetype<Obj>(found));
  while (hashNext()) {
    if (fields) replyBulk(c, hashField, hashFieldLength);
    if (values) replyBulk(c, hashValue, hashValueLength);
  }
}

export function hkeys(c: Client): void {
  replyAll(c, true, false);
}
export function hvals(c: Client): void {
  replyAll(c, false, true);
}
export function hgetall(c: Client): void {
  replyAll(c, true, true);
}

export function hscan(c: Client): void {
  if (!scanParse(c, 2, false)) return;
  const found = lookupRead(c, 1);
  if (wrongType(c, found, HASH)) return;
  replyArray(c, 2);
  if (!found) {
    replyBulkI64(c, 0);
    replyArray(c, 0);
    return;
  }
  const o = changetype<Obj>(found);
  let matched = 0;
  if (<u32>o.encoding == ENC_LISTPACK) {
    replyBulkI64(c, 0);
    const place = deferBegin(c);
    hashIterate(o);
    while (hashNext()) {
      if (!scanMatches(hashField, hashFieldLength)) continue;
      replyBulk(c, hashField, hashFieldLength);
      replyBulk(c, hashValue, hashValueLength);
      matched += 2;
    }
    deferArray(c, place, matched);
    return;
  }
  replyBulkI64(c, scanDict(changetype<Dict>(o.data)));
  const place = deferBegin(c);
  for (let i: u32 = 0; i < scanFoundCount; i++) {
    const e = load<usize>(scanFound + (<usize>i << 2));
    if (!scanMatches(entryKey(e), entryLength(e))) continue;
    replyBulk(c, entryKey(e), entryLength(e));
    replyBulk(c, hashEntryValue(e), hashEntryValueLength(e));
    matched += 2;
  }
  deferArray(c, place, matched);
}
