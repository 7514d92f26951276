/**
 * ZRANGE, ZRANGESTORE and the older commands that are special cases of them.
 */
import { hasRoom } from "../lib/raw/alloc";
import { argI64, argInt } from "./arguments";
import { Client, argLen, argPtr, argc } from "./client";
import { argIs } from "./command";
import { dbDelete, dbSet, lookupRead, signalModified, wrongType } from "./keyspace";
import { rangeCount, rangeStart } from "./list-commands";
import { NOTIFY_GENERIC, NOTIFY_ZSET, notify } from "./notify";
import { Obj, ZSET, objRelease } from "./object";
import { replyArray, replyBulk, replyError, replyF64, replyI64, replyOom, replySyntaxError } from "./reply";
import { dirtyAdd } from "./server";
import { argLexRange, argScoreRange, rangeFirst, rangeStop, zsetLexRange, zsetScoreRange } from "./zset-range";
import {
  collectionEntry,
  collectionNew,
  collectionOrder,
  collectionSetScore,
  zsetLength,
  zsetMember,
  zsetMemberLength,
  zsetScore,
  zsetStep,
  zsetWalk,
} from "./zset-type";

const BY_ANY: i32 = 0;
const BY_RANK: i32 = 1;
const BY_SCORE: i32 = 2;
const BY_LEX: i32 = 3;
const EITHER: i32 = 0;
const FORWARD: i32 = 1;
const REVERSE: i32 = 2;

/** Stores an ordered result (released here if it is empty) under the key at argument 1 and replies its length. */
export function zsetStore(c: Client, result: Obj, event: string): void {
  const length = zsetLength(result);
  if (length == 0) {
    objRelease(result);
    zsetDeleteTarget(c);
    return;
  }
  if (!dbSet(c, c.db, argPtr(1), argLen(1), changetype<usize>(result), false)) {
    objRelease(result);
    replyOom(c);
    return;
  }
  replyI64(c, length);
  notify(NOTIFY_ZSET, event, argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
}

/** An empty result was to be stored: the target goes. */
export function zsetDeleteTarget(c: Client): void {
  if (dbDelete(c.db, argPtr(1), argLen(1))) {
    signalModified(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
    dirtyAdd(1);
  }
  replyI64(c, 0);
}

/** Whether a result of up to `members` members fits memory; replies the error if not. */
export function zsetRoomFor(c: Client, members: u64): bool {
  // A member with a short name, its shares of the bucket array and of a tree node: about 64 bytes.
  if (members < 4096 || (members < 0x3000000 && hasRoom(<usize>members * 72))) return true;
  replyOom(c);
  return false;
}

/** `source` is the argument of the key to read, the bounds follow it; `store_`: the result goes to the key at argument 1. */
function range(c: Client, source: i32, store_: bool, by: i32, direction: i32): void {
  let withScores = false;
  let offset: i64 = 0;
  let limit: i64 = -1;
  for (let i = source + 3; i < argc; i++) {
    if (!store_ && argIs(i, "withscores")) withScores = true;
    else if (i + 2 < argc && argIs(i, "limit")) {
      if (!argI64(c, i + 1)) return;
      offset = argInt;
      if (!argI64(c, i + 2)) return;
      limit = argInt;
      i += 2;
    } else if (direction == EITHER && argIs(i, "rev")) direction = REVERSE;
    else if (by == BY_ANY && argIs(i, "bylex")) by = BY_LEX;
    else if (by == BY_ANY && argIs(i, "byscore")) by = BY_SCORE;
    else {
      replySyntaxError(c);
      return;
    }
  }
  if (by == BY_ANY) by = BY_RANK;
  const reverse = direction == REVERSE;
  if (limit != -1 && by == BY_RANK) {
    replyError(c, "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    return;
  }
  if (withScores && by == BY_LEX) {
    replyError(c, "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return;
  }
  // A reversed range by score or name is given as [max, min].
  const minArg = reverse && by != BY_RANK ? source + 2 : source + 1;
  const maxArg = reverse && by != BY_RANK ? source + 1 : source + 2;
  let start: i64 = 0;
  let end: i64 = 0;
  if (by == BY_RANK) {
    if (!argI64(c, minArg)) return;
    start = argInt;
    if (!argI64(c, maxArg)) return;
    end = argInt;
  } else if (by == BY_SCORE) {
    if (!argScoreRange(c, minArg, maxArg)) return;
  } else if (!argLexRange(c, minArg, maxArg)) return;

  const found = lookupRead(c, source);
  if (!found) {
    if (store_) zsetDeleteTarget(c);
    else replyArray(c, 0);
    return;
  }
  if (wrongType(c, found, ZSET)) return;
  const o = changetype<Obj>(found);
  const length = zsetLength(o);
  // `first` counts from the end that the walk starts at.
  let first: u32 = 0;
  let count: u32 = 0;
  if (by == BY_RANK) {
    count = rangeCount(start, end, length);
    first = rangeStart;
  } else {
    if (by == BY_SCORE) zsetScoreRange(o);
    else zsetLexRange(o);
    count = rangeStop - rangeFirst;
    first = reverse ? length - rangeStop : rangeFirst;
    if (offset < 0 || offset >= <i64>count) count = 0;
    else {
      first += <u32>offset;
      count -= <u32>offset;
      if (limit >= 0 && limit < <i64>count) count = <u32>limit;
    }
  }
  if (store_) {
    storeRange(c, o, first, count, reverse);
    return;
  }
  replyArray(c, withScores && c.resp == 2 ? <i64>count * 2 : count);
  if (count == 0) return;
  const nested = withScores && c.resp > 2;
  zsetWalk(o, first, reverse);
  for (let i: u32 = 0; i < count; i++) {
    zsetStep();
    if (nested) replyArray(c, 2);
    replyBulk(c, zsetMember, zsetMemberLength);
    if (withScores) replyF64(c, zsetScore);
  }
}

function storeRange(c: Client, o: Obj, first: u32, count: u32, reverse: bool): void {
  if (!zsetRoomFor(c, count)) return;
  if (count == 0) {
    zsetDeleteTarget(c);
    return;
  }
  const result = collectionNew(count);
  zsetWalk(o, first, reverse);
  for (let i: u32 = 0; i < count; i++) {
    zsetStep();
    collectionSetScore(collectionEntry(result, zsetMember, zsetMemberLength), zsetScore);
  }
  if (!collectionOrder(result)) {
    objRelease(result);
    replyOom(c);
    return;
  }
  zsetStore(c, result, "zrangestore");
}

export function zrange(c: Client): void {
  range(c, 1, false, BY_ANY, EITHER);
}
export function zrangestore(c: Client): void {
  range(c, 2, true, BY_ANY, EITHER);
}
export function zrevrange(c: Client): void {
  range(c, 1, false, BY_RANK, REVERSE);
}
export function zrangebyscore(c: Client): void {
  range(c, 1, false, BY_SCORE, FORWARD);
}
export function zrevrangebyscore(c: Client): void {
  range(c, 1, false, BY_SCORE, REVERSE);
}
export function zrangebylex(c: Client): void {
  range(c, 1, false, BY_LEX, FORWARD);
}
export function zrevrangebylex(c: Client): void {
  range(c, 1, false, BY_LEX, REVERSE);
}
