/**
 * Sorted set commands on members of one sorted set: ZADD and its kin, removal, lookups, ranks, ZSCAN.
 * Ranges are in zset-range-commands.ts, pops in zset-pop-commands.ts, combinations in zset-algebra-commands.ts.
 */
import { realloc } from "../lib/raw/alloc";
import { argDouble, argF64, argI64, argInt } from "./arguments";
import { Client, argLen, argPtr, argc } from "./client";
import { argIs } from "./command";
import { roomForArguments } from "./container-arguments";
import { Dict, entryKey, entryLength } from "./dict";
import { formatScore } from "./double";
import { dbAdd, dbDelete, lookupRead, lookupWrite, signalModified, wrongType } from "./keyspace";
import { rangeCount, rangeStart } from "./list-commands";
import { NOTIFY_GENERIC, NOTIFY_ZSET, notify } from "./notify";
import { ENC_LISTPACK, Obj, ZSET, objRelease } from "./object";
import {
  deferArray,
  deferBegin,
  replyArray,
  replyBulk,
  replyBulkI64,
  replyError,
  replyF64,
  replyI64,
  replyNull,
  replyOom,
  replySyntaxError,
} from "./reply";
import { scanDict, scanFound, scanFoundCount, scanMatches, scanParse } from "./scan";
import { dirtyAdd } from "./server";
import { argLexRange, argScoreRange, rangeFirst, rangeStop, zsetLexRange, zsetScoreRange } from "./zset-range";
import {
  ZADDED,
  ZADD_GT,
  ZADD_INCR,
  ZADD_LT,
  ZADD_NX,
  ZADD_XX,
  ZNAN,
  ZNOTHING,
  ZUPDATED,
  zsetAdd,
  zsetEntryScore,
  zsetFind,
  zsetLength,
  zsetMember,
  zsetMemberLength,
  zsetNew,
  zsetRank,
  zsetRemove,
  zsetRemoveRange,
  zsetScore,
  zsetStep,
  zsetWalk,
} from "./zset-type";

// Scores of one ZADD, parsed before anything is changed: the command happens as a whole or not at all.
let scores: usize = 0;
let scoresCap: i32 = 0;

function add(c: Client, options: u32): void {
  let change = false;
  let first = 2;
  for (; first < argc; first++) {
    // A score starts with a digit, a sign, '.', 'i' or 'n': the common case leaves at once.
    if (argIs(first, "nx")) options |= ZADD_NX;
    else if (argIs(first, "xx")) options |= ZADD_XX;
    else if (argIs(first, "ch")) change = true;
    else if (argIs(first, "incr")) options |= ZADD_INCR;
    else if (argIs(first, "gt")) options |= ZADD_GT;
    else if (argIs(first, "lt")) options |= ZADD_LT;
    else break;
  }
  const rest = argc - first;
  if (rest == 0 || rest & 1) {
    replySyntaxError(c);
    return;
  }
  const pairs = rest >> 1;
  if (options & ZADD_NX && options & ZADD_XX) {
    replyError(c, "ERR XX and NX options at the same time are not compatible");
    return;
  }
  if (
    (options & ZADD_GT && options & (ZADD_NX | ZADD_LT)) ||
    (options & ZADD_LT && options & ZADD_NX)
  ) {
    replyError(c, "ERR GT, LT, and/or NX options at the same time are not compatible");
    return;
  }
  if (options & ZADD_INCR && pairs > 1) {
    replyError(c, "ERR INCR option supports a single increment-element pair");
    return;
  }
  if (pairs > scoresCap) {
    scoresCap = max(64, pairs);
    scores = realloc(scores, <usize>scoresCap << 3);
  }
  for (let i = 0; i < pairs; i++) {
    if (!argF64(c, first + i * 2)) return;
    store<f64>(scores + (<usize>i << 3), argDouble);
  }

  const found = lookupWrite(c, 1);
  if (wrongType(c, found, ZSET) || !roomForArguments(c)) return;
  let o: Obj;
  if (found) o = changetype<Obj>(found);
  else {
    if (options & ZADD_XX) {
      if (options & ZADD_INCR) replyNull(c);
      else replyI64(c, 0);
      return;
    }
    o = zsetNew(argLen(first + 1));
    if (!dbAdd(c.db, argPtr(1), argLen(1), changetype<usize>(o))) {
      objRelease(o);
      replyOom(c);
      return;
    }
  }
  let added = 0;
  let updated = 0;
  let failed = false;
  let nothing = false;
  for (let i = 0; i < pairs; i++) {
    const member = first + 1 + i * 2;
    const done = zsetAdd(o, load<f64>(scores + (<usize>i << 3)), argPtr(member), argLen(member), options);
    if (done == ZADDED) added++;
    else if (done == ZUPDATED) updated++;
    else if (done == ZNOTHING) nothing = true;
    else if (done == ZNAN) {
      failed = true;
      break;
    }
  }
  if (failed) replyError(c, "ERR resulting score is not a number (NaN)");
  else if (options & ZADD_INCR) {
    if (nothing) replyNull(c);
    else replyF64(c, zsetScore);
  } else replyI64(c, change ? added + updated : added);
  dirtyAdd(added + updated);
  if (added || updated) {
    signalModified(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_ZSET, options & ZADD_INCR ? "zincr" : "zadd", argPtr(1), argLen(1), c.db);
  }
}

export function zadd(c: Client): void {
  add(c, 0);
}
export function zincrby(c: Client): void {
  add(c, ZADD_INCR);
}

export function zrem(c: Client): void {
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, ZSET)) return;
  if (!found) {
    replyI64(c, 0);
    return;
  }
  const o = changetype<Obj>(found);
  let deleted = 0;
  let gone = false;
  for (let i = 2; i < argc; i++) {
    if (!zsetRemove(o, argPtr(i), argLen(i))) continue;
    deleted++;
    if (zsetLength(o) == 0) {
      dbDelete(c.db, argPtr(1), argLen(1));
      gone = true;
      break;
    }
  }
  if (deleted) {
    notify(NOTIFY_ZSET, "zrem", argPtr(1), argLen(1), c.db);
    if (gone) notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
    signalModified(c.db, argPtr(1), argLen(1));
    dirtyAdd(deleted);
  }
  replyI64(c, deleted);
}

const BY_RANK: i32 = 0;
const BY_SCORE: i32 = 1;
const BY_LEX: i32 = 2;

function removeRange(c: Client, by: i32): void {
  let start: i64 = 0;
  let end: i64 = 0;
  if (by == BY_RANK) {
    if (!argI64(c, 2)) return;
    start = argInt;
    if (!argI64(c, 3)) return;
    end = argInt;
  } else if (by == BY_SCORE ? !argScoreRange(c, 2, 3) : !argLexRange(c, 2, 3)) return;
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, ZSET)) return;
  if (!found) {
    replyI64(c, 0);
    return;
  }
  const o = changetype<Obj>(found);
  let from: u32 = 0;
  let stop: u32 = 0;
  if (by == BY_RANK) {
    const count = rangeCount(start, end, zsetLength(o));
    from = rangeStart;
    stop = from + count;
  } else {
    if (by == BY_SCORE) zsetScoreRange(o);
    else zsetLexRange(o);
    from = rangeFirst;
    stop = rangeStop;
  }
  const deleted = stop > from ? stop - from : 0;
  if (deleted) {
    const gone = deleted == zsetLength(o);
    if (gone) dbDelete(c.db, argPtr(1), argLen(1));
    else zsetRemoveRange(o, from, stop);
    signalModified(c.db, argPtr(1), argLen(1));
    const event = by == BY_RANK ? "zremrangebyrank" : by == BY_SCORE ? "zremrangebyscore" : "zremrangebylex";
    notify(NOTIFY_ZSET, event, argPtr(1), argLen(1), c.db);
    if (gone) notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
    dirtyAdd(deleted);
  }
  replyI64(c, deleted);
}

export function zremrangebyrank(c: Client): void {
  removeRange(c, BY_RANK);
}
export function zremrangebyscore(c: Client): void {
  removeRange(c, BY_SCORE);
}
export function zremrangebylex(c: Client): void {
  removeRange(c, BY_LEX);
}

export function zcard(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, ZSET)) return;
  replyI64(c, found ? zsetLength(changetype<Obj>(found)) : 0);
}

export function zscore(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, ZSET)) return;
  if (found && zsetFind(changetype<Obj>(found), argPtr(2), argLen(2))) replyF64(c, zsetScore);
  else replyNull(c);
}

export function zmscore(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, ZSET)) return;
  replyArray(c, argc - 2);
  for (let i = 2; i < argc; i++) {
    if (found && zsetFind(changetype<Obj>(found), argPtr(i), argLen(i))) replyF64(c, zsetScore);
    else replyNull(c);
  }
}

function rank(c: Client, reverse: bool): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, ZSET)) return;
  if (!found) {
    replyNull(c);
    return;
  }
  const o = changetype<Obj>(found);
  const place = zsetRank(o, argPtr(2), argLen(2));
  if (place < 0) replyNull(c);
  else replyI64(c, reverse ? <i64>zsetLength(o) - 1 - place : place);
}

export function zrank(c: Client): void {
  rank(c, false);
}
export function zrevrank(c: Client): void {
  rank(c, true);
}

export function zcount(c: Client): void {
  if (!argScoreRange(c, 2, 3)) return;
  const found = lookupRead(c, 1);
  if (wrongType(c, found, ZSET)) return;
  if (!found) {
    replyI64(c, 0);
    return;
  }
  zsetScoreRange(changetype<Obj>(found));
  replyI64(c, rangeStop - rangeFirst);
}

export function zlexcount(c: Client): void {
  if (!argLexRange(c, 2, 3)) return;
  const found = lookupRead(c, 1);
  if (wrongType(c, found, ZSET)) return;
  if (!found) {
    replyI64(c, 0);
    return;
  }
  zsetLexRange(changetype<Obj>(found));
  replyI64(c, rangeStop - rangeFirst);
}

const scoreText = memory.data(64, 16);
/** ZSCAN replies scores as strings in RESP3 too; whole ones of a packed set with all their digits, as Redis does. */
function replyScoreText(c: Client, score: f64, packed: bool): void {
  if (packed && Math.abs(score) <= 4611686018427387904.0 && Math.floor(score) == score) replyBulkI64(c, <i64>score);
  else replyBulk(c, scoreText, formatScore(scoreText, score));
}

export function zscan(c: Client): void {
  if (!scanParse(c, 2, false)) return;
  const found = lookupRead(c, 1);
  if (wrongType(c, found, ZSET)) return;
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
    zsetWalk(o, 0, false);
    for (let left = zsetLength(o); left > 0; left--) {
      zsetStep();
      if (!scanMatches(zsetMember, zsetMemberLength)) continue;
      replyBulk(c, zsetMember, zsetMemberLength);
      replyScoreText(c, zsetScore, true);
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
    replyScoreText(c, zsetEntryScore(e), false);
    matched += 2;
  }
  deferArray(c, place, matched);
}
