/**
 * Unions, intersections and differences of sorted sets (and sets, whose members score 1), replied, stored or counted.
 *
 * The result is collected unordered and ordered once at the end (zset-type.ts, collection…).
 */
import { realloc } from "../lib/raw/alloc";
import { argI64, argInt, argRange } from "./arguments";
import { Client, argLen, argPtr, argc } from "./client";
import { argIs } from "./command";
import { parseF64, parsedF64 } from "./double";
import { lookupRead } from "./keyspace";
import { Obj, SET, ZSET, objRelease } from "./object";
import {
  errorBegin,
  errorEnd,
  errorText,
  replyArray,
  replyBulk,
  replyError,
  replyF64,
  replyI64,
  replyOom,
  replySyntaxError,
  replyWrongType,
} from "./reply";
import { setHas, setIterate, setIterateEnd, setLength, setMember, setMemberLength, setNext } from "./set-type";
import { zsetRoomFor, zsetStore } from "./zset-range-commands";
import {
  collectionAdded,
  collectionEntry,
  collectionNew,
  collectionOrder,
  collectionSetScore,
  zsetEntryScore,
  zsetFind,
  zsetLength,
  zsetMember,
  zsetMemberLength,
  zsetScore,
  zsetStep,
  zsetWalk,
} from "./zset-type";

const UNION: i32 = 0;
const INTERSECTION: i32 = 1;
const DIFFERENCE: i32 = 2;
const SUM: i32 = 0;
const MIN: i32 = 1;
const MAX: i32 = 2;

/** The operands, 16 bytes each: weight f64, object u32 (0: missing key), length u32. */
let sources: usize = 0;
let sourceCap: i32 = 0;
let sourceCount: i32 = 0;

// @ts-ignore: decorator
@inline
function at(i: i32): usize {
  return sources + (<usize>i << 4);
}
// @ts-ignore: decorator
@inline
function source(i: i32): usize {
  return load<usize>(at(i), 8);
}
// @ts-ignore: decorator
@inline
function lengthOf(i: i32): u32 {
  return load<u32>(at(i), 12);
}
// @ts-ignore: decorator
@inline
function weight(i: i32): f64 {
  return load<f64>(at(i));
}

function sourceSet(i: i32, value: f64, found: usize, length: u32): void {
  store<f64>(at(i), value);
  store<usize>(at(i), found, 8);
  store<u32>(at(i), length, 12);
}

/** Ascending order of size: the smallest operand leads an intersection, and sums are made in Redis' order. */
function sortBySize(): void {
  const sorted = min(sourceCount, 256);
  for (let i = 1; i < sorted; i++) {
    const w = weight(i);
    const o = source(i);
    const length = lengthOf(i);
    let k = i;
    for (; k > 0 && lengthOf(k - 1) > length; k--) sourceSet(k, weight(k - 1), source(k - 1), lengthOf(k - 1));
    sourceSet(k, w, o, length);
  }
  for (let i = sorted; i < sourceCount; i++) {
    if (lengthOf(i) >= lengthOf(0)) continue;
    const w = weight(i);
    const o = source(i);
    const length = lengthOf(i);
    sourceSet(i, weight(0), source(0), lengthOf(0));
    sourceSet(0, w, o, length);
  }
}

// The member that the walk over an operand is at.
let member: usize = 0;
let memberLength: u32 = 0;
let memberScore: f64 = 0;

function walkBegin(i: i32): void {
  const o = changetype<Obj>(source(i));
  if (<u32>o.type == SET) setIterate(o);
  else zsetWalk(o, 0, true);
}
function walkStep(i: i32): void {
  if (<u32>changetype<Obj>(source(i)).type == SET) {
    setNext();
    member = setMember;
    memberLength = setMemberLength;
    memberScore = 1;
  } else {
    zsetStep();
    member = zsetMember;
    memberLength = zsetMemberLength;
    memberScore = zsetScore;
  }
}
function walkEnd(i: i32): void {
  if (<u32>changetype<Obj>(source(i)).type == SET) setIterateEnd();
}

/** Looks the current member up in another operand; its score there in foundScore. */
let foundScore: f64 = 0;
function find(i: i32): bool {
  const o = source(i);
  if (!o) return false;
  if (<u32>changetype<Obj>(o).type == SET) {
    foundScore = 1;
    return setHas(changetype<Obj>(o), member, memberLength);
  }
  if (!zsetFind(changetype<Obj>(o), member, memberLength)) return false;
  foundScore = zsetScore;
  return true;
}

function combine(a: f64, b: f64, aggregate: i32): f64 {
  if (aggregate == SUM) {
    const sum = a + b;
    // +inf and -inf cancel out: Redis calls that 0.
    return isNaN(sum) ? 0 : sum;
  }
  if (aggregate == MIN) return b < a ? b : a;
  return b > a ? b : a;
}

let aggregate: i32 = SUM;
let withScores: bool = false;
let limit: i64 = 0;

/** Parses `numkeys key… [options]` from argument `i` on and looks the operands up; false after an error reply. */
function parse(c: Client, name: string, i: i32, operation: i32, stored: bool, counted: bool): bool {
  if (!argI64(c, i)) return false;
  if (argInt < 1) {
    errorBegin("ERR at least 1 input key is needed for '");
    errorText(name);
    errorText("' command");
    errorEnd(c);
    return false;
  }
  if (argInt > <i64>(argc - i - 1)) {
    replySyntaxError(c);
    return false;
  }
  const count = <i32>argInt;
  sourceCount = count;
  if (count > sourceCap) {
    sourceCap = max(16, count);
    sources = realloc(sources, <usize>sourceCap << 4);
  }
  for (let k = 0; k < count; k++) {
    const found = lookupRead(c, i + 1 + k);
    let length: u32 = 0;
    if (found) {
      const type = <u32>changetype<Obj>(found).type;
      if (type == ZSET) length = zsetLength(changetype<Obj>(found));
      else if (type == SET) length = setLength(changetype<Obj>(found));
      else {
        replyWrongType(c);
        return false;
      }
    }
    sourceSet(k, 1, found, length);
  }
  aggregate = SUM;
  withScores = false;
  limit = 0;
  const weighted = operation != DIFFERENCE && !counted;
  let k = i + 1 + count;
  while (k < argc) {
    const left = argc - k;
    if (weighted && left >= count + 1 && argIs(k, "weights")) {
      k++;
      for (let w = 0; w < count; w++, k++) {
        if (!parseF64(argPtr(k), argLen(k))) {
          replyError(c, "ERR weight value is not a float");
          return false;
        }
        store<f64>(at(w), parsedF64);
      }
    } else if (weighted && left >= 2 && argIs(k, "aggregate")) {
      if (argIs(k + 1, "sum")) aggregate = SUM;
      else if (argIs(k + 1, "min")) aggregate = MIN;
      else if (argIs(k + 1, "max")) aggregate = MAX;
      else {
        replySyntaxError(c);
        return false;
      }
      k += 2;
    } else if (!stored && !counted && argIs(k, "withscores")) {
      withScores = true;
      k++;
    } else if (counted && left >= 2 && argIs(k, "limit")) {
      if (!argRange(c, k + 1, 0, i64.MAX_VALUE, "ERR LIMIT can't be negative")) return false;
      limit = argInt;
      k += 2;
    } else {
      replySyntaxError(c);
      return false;
    }
  }
  return true;
}

function collectUnion(result: Obj): void {
  for (let i = 0; i < sourceCount; i++) {
    const length = lengthOf(i);
    if (length == 0) continue;
    walkBegin(i);
    for (let n: u32 = 0; n < length; n++) {
      walkStep(i);
      let score = weight(i) * memberScore;
      if (isNaN(score)) score = 0;
      const e = collectionEntry(result, member, memberLength);
      if (e) collectionSetScore(e, collectionAdded ? score : combine(zsetEntryScore(e), score, aggregate));
    }
    walkEnd(i);
  }
}

/** Collects the intersection, or only counts it if `result` is 0. */
function collectIntersection(result: usize): i64 {
  const length = lengthOf(0);
  let counted: i64 = 0;
  if (length == 0) return 0;
  walkBegin(0);
  for (let n: u32 = 0; n < length; n++) {
    walkStep(0);
    let score = weight(0) * memberScore;
    if (isNaN(score)) score = 0;
    let everywhere = true;
    for (let i = 1; i < sourceCount; i++) {
      if (source(i) == source(0)) score = combine(score, memberScore * weight(i), aggregate);
      else if (find(i)) score = combine(score, foundScore * weight(i), aggregate);
      else {
        everywhere = false;
        break;
      }
    }
    if (!everywhere) continue;
    counted++;
    if (result) collectionSetScore(collectionEntry(changetype<Obj>(result), member, memberLength), score);
    else if (limit && counted >= limit) break;
  }
  walkEnd(0);
  return counted;
}

function collectDifference(result: Obj): void {
  const length = lengthOf(0);
  if (length == 0) return;
  for (let i = 1; i < sourceCount; i++) if (source(i) == source(0)) return;
  walkBegin(0);
  for (let n: u32 = 0; n < length; n++) {
    walkStep(0);
    let elsewhere = false;
    for (let i = 1; i < sourceCount && !elsewhere; i++) elsewhere = find(i);
    if (!elsewhere) collectionSetScore(collectionEntry(result, member, memberLength), memberScore);
  }
  walkEnd(0);
}

function run(c: Client, name: string, numkeysArg: i32, operation: i32, stored: bool): void {
  if (!parse(c, name, numkeysArg, operation, stored, false)) return;
  if (operation != DIFFERENCE) sortBySize();
  let members: u64 = lengthOf(0);
  if (operation == UNION) for (let i = 1; i < sourceCount; i++) members += lengthOf(i);
  if (!zsetRoomFor(c, members)) return;
  // A union is at least as big as its biggest operand, which is the last one.
  const result = collectionNew(operation == UNION ? lengthOf(sourceCount - 1) : 0);
  if (operation == UNION) collectUnion(result);
  else if (operation == INTERSECTION) collectIntersection(changetype<usize>(result));
  else collectDifference(result);
  if (!collectionOrder(result)) {
    objRelease(result);
    replyOom(c);
    return;
  }
  if (stored) {
    zsetStore(c, result, operation == UNION ? "zunionstore" : operation == INTERSECTION ? "zinterstore" : "zdiffstore");
    return;
  }
  const length = zsetLength(result);
  replyArray(c, withScores && c.resp == 2 ? <i64>length * 2 : length);
  zsetWalk(result, 0, false);
  for (let n: u32 = 0; n < length; n++) {
    zsetStep();
    if (withScores && c.resp > 2) replyArray(c, 2);
    replyBulk(c, zsetMember, zsetMemberLength);
    if (withScores) replyF64(c, zsetScore);
  }
  objRelease(result);
}

export function zunion(c: Client): void {
  run(c, "zunion", 1, UNION, false);
}
export function zunionstore(c: Client): void {
  run(c, "zunionstore", 2, UNION, true);
}
export function zinter(c: Client): void {
  run(c, "zinter", 1, INTERSECTION, false);
}
export function zinterstore(c: Client): void {
  run(c, "zinterstore", 2, INTERSECTION, true);
}
export function zdiff(c: Client): void {
  run(c, "zdiff", 1, DIFFERENCE, false);
}
export function zdiffstore(c: Client): void {
  run(c, "zdiffstore", 2, DIFFERENCE, true);
}
export function zintercard(c: Client): void {
  if (!parse(c, "zintercard", 1, INTERSECTION, false, true)) return;
  sortBySize();
  replyI64(c, collectIntersection(0));
}
