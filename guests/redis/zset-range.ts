/**
 * Ranges of a sorted set by score or by name: parsing their arguments, and turning them into ranks.
 *
 * A range of any kind becomes ranks [rangeFirst, rangeStop) with rangeFirst <= rangeStop.
 */
import { Client, argLen, argPtr } from "./client";
import { parseLoose } from "./container-arguments";
import { parsedF64, parsedRange } from "./double";
import { Obj } from "./object";
import { BOUND_LEX_BELOW, BOUND_LEX_UPTO, BOUND_SCORE_BELOW, BOUND_SCORE_UPTO } from "./rank-tree";
import { replyError } from "./reply";
import { zsetBoundary, zsetLength } from "./zset-type";

export let rangeFirst: u32 = 0;
export let rangeStop: u32 = 0;

let minScore: f64 = 0;
let maxScore: f64 = 0;
let minExclusive: bool = false;
let maxExclusive: bool = false;

let boundScore: f64 = 0;
let boundExclusive: bool = false;
/** A score bound: a double, with '(' in front if exclusive. Unlike a score it may lie beyond the range: 1e400 is inf (zslParseRange). */
function parseScore(p: usize, n: u32): bool {
  boundExclusive = n > 0 && load<u8>(p) == 40;
  if (boundExclusive) {
    p++;
    n--;
  }
  if (!parseLoose(p, n) && !parsedRange) return false;
  boundScore = parsedF64;
  return true;
}

/** Parses the bounds of a score range; replies the error and answers false. */
export function argScoreRange(c: Client, minArg: i32, maxArg: i32): bool {
  let good = parseScore(argPtr(minArg), argLen(minArg));
  minScore = boundScore;
  minExclusive = boundExclusive;
  good = good && parseScore(argPtr(maxArg), argLen(maxArg));
  maxScore = boundScore;
  maxExclusive = boundExclusive;
  if (!good) replyError(c, "ERR min or max is not a float");
  return good;
}

/** Ranks of the score range parsed last. */
export function zsetScoreRange(o: Obj): void {
  rangeFirst = zsetBoundary(o, minExclusive ? BOUND_SCORE_UPTO : BOUND_SCORE_BELOW, minScore, 0, 0);
  rangeStop = zsetBoundary(o, maxExclusive ? BOUND_SCORE_BELOW : BOUND_SCORE_UPTO, maxScore, 0, 0);
  if (rangeStop < rangeFirst) rangeStop = rangeFirst;
}

const LEX_LEAST: i32 = 0;
const LEX_GREATEST: i32 = 1;
const LEX_INCLUSIVE: i32 = 2;
const LEX_EXCLUSIVE: i32 = 3;
let minKind: i32 = 0;
let maxKind: i32 = 0;
let minKey: usize = 0;
let maxKey: usize = 0;
let minKeyLength: u32 = 0;
let maxKeyLength: u32 = 0;

function lexKind(p: usize, n: u32): i32 {
  const first: u32 = n ? load<u8>(p) : 0;
  if (first == 91) return LEX_INCLUSIVE;
  if (first == 40) return LEX_EXCLUSIVE;
  if (n == 1 && first == 45) return LEX_LEAST;
  if (n == 1 && first == 43) return LEX_GREATEST;
  return -1;
}

/** Parses the bounds of a range by name ('-', '+', "[x", "(x"); replies the error and answers false. */
export function argLexRange(c: Client, minArg: i32, maxArg: i32): bool {
  minKind = lexKind(argPtr(minArg), argLen(minArg));
  maxKind = lexKind(argPtr(maxArg), argLen(maxArg));
  if (minKind < 0 || maxKind < 0) {
    replyError(c, "ERR min or max not valid string range item");
    return false;
  }
  minKey = argPtr(minArg) + 1;
  minKeyLength = argLen(minArg) - 1;
  maxKey = argPtr(maxArg) + 1;
  maxKeyLength = argLen(maxArg) - 1;
  return true;
}

/** Ranks of the range by name parsed last. */
export function zsetLexRange(o: Obj): void {
  const length = zsetLength(o);
  if (minKind == LEX_LEAST) rangeFirst = 0;
  else if (minKind == LEX_GREATEST) rangeFirst = length;
  else rangeFirst = zsetBoundary(o, minKind == LEX_EXCLUSIVE ? BOUND_LEX_UPTO : BOUND_LEX_BELOW, 0, minKey, minKeyLength);
  if (maxKind == LEX_LEAST) rangeStop = 0;
  else if (maxKind == LEX_GREATEST) rangeStop = length;
  else rangeStop = zsetBoundary(o, maxKind == LEX_EXCLUSIVE ? BOUND_LEX_BELOW : BOUND_LEX_UPTO, 0, maxKey, maxKeyLength);
  if (rangeStop < rangeFirst) rangeStop = rangeFirst;
}
