/**
 * The sorted set type: a small one is one packed block (zset-pack.ts), a big one a dict and a rank tree over the same members.
 *
 * A member of a big sorted set is one block: a dict entry whose score is stored in two halves, the high word in the entry's
 * value word and the low word behind the key's bytes. The dict finds it by name, the tree (rank-tree.ts) by order.
 *
 * Every range (by rank, score or name) is first turned into ranks [start, stop); what is done with it is the same for all.
 * What always holds: a sorted set in the keyspace is not empty; no score is NaN.
 *
 * Called by the zset-*-commands.ts files, container.ts, SORT and the AOF rewrite.
 */
import { alloc, free, hasRoom, usable } from "../lib/raw/alloc";
import { compare, copy, hash } from "../lib/raw/bytes";
import { roomForElement } from "./container-arguments";
import {
  Dict,
  ENTRY_HEADER,
  dictFairRandom,
  dictFind,
  dictFindHash,
  dictFirst,
  dictInit,
  dictLink,
  dictNext,
  dictReserve,
  dictTableBytes,
  dictUnlink,
  dictClear,
  entryKey,
  entryLength,
} from "./dict";
import { ENC_LISTPACK, ENC_SKIPLIST, Obj, ZSET, objNew, objRelease } from "./object";
import { randomU32 } from "../lib/raw/random";
import {
  BOUND_LEX_BELOW,
  BOUND_PAIR_BELOW,
  BOUND_SCORE_BELOW,
  BOUND_SCORE_UPTO,
  RankTree,
  cursorBackward,
  cursorForward,
  cursorIndex,
  cursorLeaf,
  cursorMember,
  cursorSet,
  treeBoundary,
  treeBytes,
  treeFree,
  treeInit,
  treeInsert,
  treeRemove,
  treeRescore,
  treeSelect,
} from "./rank-tree";
import { cfg } from "./server";
import {
  packMember,
  packMemberLength,
  packScore,
  zsetPackCopy,
  zsetPackCount,
  zsetPackEnd,
  zsetPackFind,
  zsetPackFirst,
  zsetPackIndex,
  zsetPackInsert,
  zsetPackNew,
  zsetPackRank,
  zsetPackRead,
  zsetPackRemove,
  zsetPackSeek,
} from "./zset-pack";

/** The member last read, and its score. */
export let zsetMember: usize = 0;
export let zsetMemberLength: u32 = 0;
export let zsetScore: f64 = 0;

// Options of zsetAdd, and what it answers.
export const ZADD_INCR: u32 = 1;
export const ZADD_NX: u32 = 2;
export const ZADD_XX: u32 = 4;
export const ZADD_GT: u32 = 8;
export const ZADD_LT: u32 = 16;
export const ZADDED: u32 = 1;
export const ZUPDATED: u32 = 2;
export const ZNOTHING: u32 = 4;
export const ZNAN: u32 = 8;

const TREE: usize = offsetof<Dict>();

// @ts-ignore: decorator
@inline
function packed(o: Obj): bool {
  return <u32>o.encoding == ENC_LISTPACK;
}
// @ts-ignore: decorator
@inline
function dictOf(o: Obj): Dict {
  return changetype<Dict>(o.data);
}
// @ts-ignore: decorator
@inline
function treeOf(o: Obj): RankTree {
  return changetype<RankTree>(o.data + TREE);
}

/** Score of a member of a big sorted set, given its dict entry. */
// @ts-ignore: decorator
@inline
export function zsetEntryScore(e: usize): f64 {
  return reinterpret<f64>((<u64>load<u32>(e, 12) << 32) | <u64>load<u32>(e + entryLength(e), ENTRY_HEADER));
}
// @ts-ignore: decorator
@inline
function entrySetScore(e: usize, score: f64): void {
  const bits = reinterpret<u64>(score);
  store<u32>(e, <u32>(bits >> 32), 12);
  store<u32>(e + entryLength(e), <u32>bits, ENTRY_HEADER);
}

function entryNew(member: usize, length: u32, h: u32, score: f64): usize {
  const e = alloc(ENTRY_HEADER + 4 + <usize>length);
  store<u32>(e, h, 4);
  store<u32>(e, length, 8);
  copy(e + ENTRY_HEADER, member, length);
  entrySetScore(e, score);
  return e;
}

function bigNew(): usize {
  const p = alloc(TREE + offsetof<RankTree>());
  dictInit(changetype<Dict>(p), 4);
  treeInit(changetype<RankTree>(p + TREE));
  return p;
}

/** An empty sorted set; packed if a member of that length may be kept so. */
export function zsetNew(length: u32): Obj {
  if (cfg.zsetMaxListpackEntries == 0 || <i64>length > cfg.zsetMaxListpackValue) return zsetNewBig();
  return objNew(ZSET, ENC_LISTPACK, zsetPackNew());
}
export function zsetNewBig(): Obj {
  return objNew(ZSET, ENC_SKIPLIST, bigNew());
}

// @ts-ignore: decorator
@inline
export function zsetLength(o: Obj): u32 {
  return packed(o) ? zsetPackCount(o.data) : dictOf(o).used;
}

/** Turns a packed sorted set into a dict and a tree. */
export function zsetConvert(o: Obj): void {
  if (!packed(o)) return;
  const pack = o.data;
  o.data = bigNew();
  o.encoding = <u8>ENC_SKIPLIST;
  dictReserve(dictOf(o), zsetPackCount(pack) + 1);
  const end = zsetPackEnd(pack);
  for (let at = zsetPackFirst(pack); at < end; ) {
    at = zsetPackRead(at);
    insertBig(o, packScore, packMember, packMemberLength, hash(packMember, packMemberLength));
  }
  free(pack);
}

function insertBig(o: Obj, score: f64, member: usize, length: u32, h: u32): void {
  const e = entryNew(member, length, h, score);
  dictLink(dictOf(o), e);
  treeInsert(treeOf(o), score, e);
}

/** Adds or updates a member as ZADD with these options would; ZADDED… and, unless it is ZNOTHING or ZNAN, the score in zsetScore. */
export function zsetAdd(o: Obj, score: f64, member: usize, length: u32, options: u32): u32 {
  if (isNaN(score)) return ZNAN;
  if (packed(o)) {
    const at = zsetPackFind(o.data, member, length);
    if (at) {
      const current = packScore;
      if (options) {
        if (options & ZADD_NX) return ZNOTHING;
        if (options & ZADD_INCR) {
          score += current;
          if (isNaN(score)) return ZNAN;
        }
        if ((options & ZADD_LT && score >= current) || (options & ZADD_GT && score <= current)) return ZNOTHING;
      }
      zsetScore = score;
      if (score == current) return 0;
      o.data = zsetPackRemove(o.data, at, 1);
      o.data = zsetPackInsert(o.data, score, member, length);
      return ZUPDATED;
    }
    if (options & ZADD_XX) return ZNOTHING;
    zsetScore = score;
    if (<i64>zsetPackCount(o.data) < cfg.zsetMaxListpackEntries && <i64>length <= cfg.zsetMaxListpackValue) {
      o.data = zsetPackInsert(o.data, score, member, length);
      return ZADDED;
    }
    zsetConvert(o);
  }
  const h = hash(member, length);
  const e = dictFindHash(dictOf(o), member, length, h);
  if (e) {
    const current = zsetEntryScore(e);
    if (options) {
      if (options & ZADD_NX) return ZNOTHING;
      if (options & ZADD_INCR) {
        score += current;
        if (isNaN(score)) return ZNAN;
      }
      if ((options & ZADD_LT && score >= current) || (options & ZADD_GT && score <= current)) return ZNOTHING;
    }
    zsetScore = score;
    if (score == current) return 0;
    treeRescore(treeOf(o), current, score, e);
    entrySetScore(e, score);
    return ZUPDATED;
  }
  if (options & ZADD_XX) return ZNOTHING;
  zsetScore = score;
  insertBig(o, score, member, length, h);
  return ZADDED;
}

/** Looks a member up; its score in zsetScore. */
export function zsetFind(o: Obj, member: usize, length: u32): bool {
  if (packed(o)) {
    if (!zsetPackFind(o.data, member, length)) return false;
    zsetScore = packScore;
    return true;
  }
  const e = dictFind(dictOf(o), member, length);
  if (!e) return false;
  zsetScore = zsetEntryScore(e);
  return true;
}

export function zsetRemove(o: Obj, member: usize, length: u32): bool {
  if (packed(o)) {
    const at = zsetPackFind(o.data, member, length);
    if (!at) return false;
    o.data = zsetPackRemove(o.data, at, 1);
    return true;
  }
  const e = dictFind(dictOf(o), member, length);
  if (!e) return false;
  removeBig(o, e);
  return true;
}

function removeBig(o: Obj, e: usize): void {
  treeRemove(treeOf(o), zsetEntryScore(e), e);
  dictUnlink(dictOf(o), e);
  free(e);
}

/** Rank of a member counted from the lowest score, or -1; its score in zsetScore. */
export function zsetRank(o: Obj, member: usize, length: u32): i64 {
  if (packed(o)) {
    if (!zsetPackFind(o.data, member, length)) return -1;
    zsetScore = packScore;
    return zsetPackRank;
  }
  const e = dictFind(dictOf(o), member, length);
  if (!e) return -1;
  zsetScore = zsetEntryScore(e);
  return treeBoundary(treeOf(o), BOUND_PAIR_BELOW, zsetScore, member, length);
}

/** How many members lie left of a boundary (BOUND_… of rank-tree.ts). */
export function zsetBoundary(o: Obj, bound: i32, score: f64, key: usize, length: u32): u32 {
  if (!packed(o)) return treeBoundary(treeOf(o), bound, score, key, length);
  const end = zsetPackEnd(o.data);
  let count: u32 = 0;
  for (let at = zsetPackFirst(o.data); at < end; count++) {
    at = zsetPackRead(at);
    let left: bool;
    if (bound == BOUND_SCORE_BELOW) left = packScore < score;
    else if (bound == BOUND_SCORE_UPTO) left = packScore <= score;
    else {
      const order = compare(packMember, packMemberLength, key, length);
      left = bound == BOUND_LEX_BELOW ? order < 0 : order <= 0;
    }
    if (!left) break;
  }
  return count;
}

/** Removes the members of ranks [start, stop). */
export function zsetRemoveRange(o: Obj, start: u32, stop: u32): void {
  if (start >= stop) return;
  if (packed(o)) {
    o.data = zsetPackRemove(o.data, zsetPackSeek(o.data, start), stop - start);
    return;
  }
  for (let left = stop - start; left > 0; left--) {
    treeSelect(treeOf(o), start);
    removeBig(o, cursorMember());
  }
}

// --- walking: one walk at a time; the sorted set must not change until it is over -------------------------------------------

let walked: Obj = changetype<Obj>(0);
let walkAt: usize = 0;
let walkBack: bool = false;

/** Starts a walk at a rank counted from the end that is walked from; `zsetStep` may then be called once per member left. */
export function zsetWalk(o: Obj, rank: u32, backward: bool): void {
  walked = o;
  walkBack = backward;
  const length = zsetLength(o);
  if (rank >= length) {
    walkAt = 0;
    return;
  }
  if (packed(o)) {
    if (backward) walkAt = zsetPackIndex(o.data) + (<usize>(length - 1 - rank) << 2);
    else walkAt = zsetPackSeek(o.data, rank);
  } else {
    treeSelect(treeOf(o), backward ? length - 1 - rank : rank);
  }
}

/** Reads the member the walk is at into zsetMember, zsetMemberLength and zsetScore, and moves on. */
export function zsetStep(): void {
  if (packed(walked)) {
    if (walkBack) {
      zsetPackRead(load<u32>(walkAt));
      walkAt -= 4;
    } else walkAt = zsetPackRead(walkAt);
    takePack();
    return;
  }
  takeEntry(cursorMember());
  if (walkBack) cursorBackward();
  else cursorForward();
}

function takePack(): void {
  zsetMember = packMember;
  zsetMemberLength = packMemberLength;
  zsetScore = packScore;
}

function takeEntry(e: usize): void {
  zsetMember = entryKey(e);
  zsetMemberLength = entryLength(e);
  zsetScore = zsetEntryScore(e);
}

/** Draws a member at random into zsetMember… */
export function zsetRandom(o: Obj): void {
  if (packed(o)) {
    zsetPackRead(zsetPackSeek(o.data, randomU32() % zsetPackCount(o.data)));
    takePack();
    return;
  }
  takeEntry(dictFairRandom(dictOf(o)));
}

// --- building a result: members are collected first, ordered once -----------------------------------------------------------

/** An unordered collection of members with scores: a big sorted set whose tree is still empty. */
export function collectionNew(expected: u32): Obj {
  const o = zsetNewBig();
  collectionShort = false;
  dictReserve(dictOf(o), expected);
  return o;
}

/** The member's entry in a collection, made with score 0 if missing (see collectionAdded); 0 when memory is short. */
export let collectionAdded: bool = false;
export function collectionEntry(o: Obj, member: usize, length: u32): usize {
  const h = hash(member, length);
  let e = dictFindHash(dictOf(o), member, length, h);
  collectionAdded = e == 0;
  if (!e) {
    if (!hasRoom(length) || !roomForElement(length)) {
      collectionShort = true;
      return 0;
    }
    e = entryNew(member, length, h, 0);
    dictLink(dictOf(o), e);
  }
  return e;
}
/** Set when a collection could not take a member because memory is short; cleared by collectionNew. */
export let collectionShort: bool = false;

// @ts-ignore: decorator
@inline
export function collectionSetScore(e: usize, score: f64): void {
  if (e) entrySetScore(e, score);
}

/** Orders a collection; from then on it is a sorted set, packed if it is small enough. False: memory is short, and it must be released. */
export function collectionOrder(o: Obj): bool {
  const d = dictOf(o);
  if (collectionShort || (d.used > 4096 && !hasRoom(<usize>d.used * 32))) return false;
  const tree = treeOf(o);
  let longest: u32 = 0;
  for (let e = dictFirst(d); e; e = dictNext(d, e)) longest = max(longest, entryLength(e));
  if (<i64>d.used <= cfg.zsetMaxListpackEntries && <i64>longest <= cfg.zsetMaxListpackValue) {
    let pack = zsetPackNew();
    for (let e = dictFirst(d); e; e = dictNext(d, e)) {
      pack = zsetPackInsert(pack, zsetEntryScore(e), entryKey(e), entryLength(e));
    }
    zsetFree(o);
    o.data = pack;
    o.encoding = <u8>ENC_LISTPACK;
    return true;
  }
  for (let e = dictFirst(d); e; e = dictNext(d, e)) treeInsert(tree, zsetEntryScore(e), e);
  return true;
}

// --- what the core asks of every type ---------------------------------------------------------------------------------------

/** Frees the structure, not the object. */
export function zsetFree(o: Obj): void {
  if (!packed(o)) {
    treeFree(treeOf(o));
    dictClear(dictOf(o), 0);
  }
  free(o.data);
}

/** A deep copy, or 0 when memory is short. */
export function zsetDuplicate(o: Obj): usize {
  if (packed(o)) return changetype<usize>(objNew(ZSET, ENC_LISTPACK, zsetPackCopy(o.data)));
  const twin = zsetNewBig();
  const length = zsetLength(o);
  dictReserve(dictOf(twin), length);
  zsetWalk(o, 0, false);
  for (let i: u32 = 0; i < length; i++) {
    zsetStep();
    // Inserting moves the cursor, which is the walk's too.
    const leaf = cursorLeaf;
    const index = cursorIndex;
    if (!roomForElement(zsetMemberLength)) {
      objRelease(twin);
      return 0;
    }
    insertBig(twin, zsetScore, zsetMember, zsetMemberLength, hash(zsetMember, zsetMemberLength));
    cursorSet(leaf, index);
  }
  return changetype<usize>(twin);
}

export function zsetBytes(o: Obj, samples: u32): f64 {
  if (packed(o)) return <f64>usable(o.data);
  const d = dictOf(o);
  let sum: f64 = 0;
  let seen: u32 = 0;
  for (let e = dictFirst(d); e && (samples == 0 || seen < samples); e = dictNext(d, e)) {
    sum += <f64>usable(e);
    seen++;
  }
  if (seen && seen < d.used) sum = (sum / <f64>seen) * <f64>d.used;
  return sum + <f64>dictTableBytes(d) + <f64>treeBytes(treeOf(o)) + <f64>usable(o.data);
}
