/**
 * The keyspace: `cfg.databases` databases, each a dict of keys and a heap of expiry times.
 *
 * Every way in which a key appears, changes or goes passes here, because here are the hooks: expiry on access, LRU/LFU
 * touch, hit statistics, the AOF rewrite's copy-before-change (`aofBeforeChange`), WATCH, ready signals for blocked
 * clients, keyspace events.
 *
 * Commands: `lookupRead` / `lookupWrite`, then `dbAdd`, `dbSet`, `dbDelete`, `dbReplaceValue`; after a change
 * `signalModified`, `notify` and `dirty += n` (`dirtyAdd`).
 */
import { alloc, free, tryAlloc, tryRealloc, usable } from "../lib/raw/alloc";
import { aofBeforeChange, aofKeyAdded, rewriteActive } from "./aof";
import { rewriteRestart } from "./aof-rewrite";
import { copy, hash } from "../lib/raw/bytes";
import { argLen, argPtr, Client } from "./client";
import {
  Dict,
  dictAddHash,
  dictClear,
  dictFairRandom,
  dictFindHash,
  dictInit,
  dictReplaceEntry,
  dictUnlink,
  ENTRY_HEADER,
  ENTRY_VOLATILE,
  entryKey,
  entryLength,
  entrySetValue,
  entryValue,
} from "./dict";
import { accessTouch } from "./evict";
import { notify, NOTIFY_EXPIRED, NOTIFY_KEY_MISS, NOTIFY_NEW } from "./notify";
import { Obj, objRelease, STREAM } from "./object";
import { propagateDelete } from "./propagate";
import { replyWrongType } from "./reply";
import { cfg, loading, nowMs, stats } from "./server";
import { touchWatched } from "./multi";
import { signalReady, signalWaitersAll } from "./blocked";

@unmanaged
export class Db {
  index: u32;
  keys: usize; // Dict (28 bytes, block of its own)
  // min-heap by time: elements of 16 bytes (when i64, entry u32, unused u32)
  heap: usize;
  heapCount: u32;
  heapCap: u32;
  watched: usize; // Dict key -> watchers (multi.ts), or 0
  blocked: usize; // Dict key -> blocked clients (blocked.ts), or 0
  avgTtl: f64;
}
// @ts-ignore: decorator
@lazy let dbs: usize = 0;

export function dbInit(): void {
  dbs = alloc(<usize>cfg.databases * offsetof<Db>());
  memory.fill(dbs, 0, <usize>cfg.databases * offsetof<Db>());
  for (let i = 0; i < cfg.databases; i++) {
    const d = dbAt(i);
    d.index = i;
    const keys = alloc(offsetof<Dict>());
    dictInit(changetype<Dict>(keys), 16);
    d.keys = keys;
  }
}
// @ts-ignore: decorator
@inline
export function dbAt(index: u32): Db {
  return changetype<Db>(dbs + <usize>index * offsetof<Db>());
}
// @ts-ignore: decorator
@inline
export function dbDict(index: u32): Dict {
  return changetype<Dict>(changetype<Db>(dbs + <usize>index * offsetof<Db>()).keys);
}
/** Keys in a database (expired ones that were not yet removed included, as in Redis). */
export function dbSize(index: u32): u32 {
  return dbDict(index).used;
}

// --- expiry times ------------------------------------------------------------------------------------------------
/** Where a volatile entry keeps its heap index: the 4-aligned word behind its key. */
// @ts-ignore: decorator
@inline
function indexPlace(e: usize): usize {
  return (e + ENTRY_HEADER + entryLength(e) + 3) & ~3;
}
// @ts-ignore: decorator
@inline
export function entryVolatile(e: usize): bool {
  return (load<u32>(e, 8) & ENTRY_VOLATILE) != 0;
}
/** Expiry of an entry in ms since the epoch, -1: none. */
export function entryExpire(db: u32, e: usize): i64 {
  if (!entryVolatile(e)) return -1;
  return load<i64>(dbAt(db).heap + (<usize>load<u32>(indexPlace(e)) << 4));
}

// @ts-ignore: decorator
@inline
function heapPut(heap: usize, i: u32, when: i64, e: usize): void {
  const at = heap + (<usize>i << 4);
  store<i64>(at, when);
  store<usize>(at, e, 8);
  store<u32>(indexPlace(e), i);
}
function heapUp(heap: usize, i: u32, when: i64, e: usize): void {
  while (i) {
    const parent = (i - 1) >> 2;
    const at = heap + (<usize>parent << 4);
    if (load<i64>(at) <= when) break;
    heapPut(heap, i, load<i64>(at), load<usize>(at, 8));
    i = parent;
  }
  heapPut(heap, i, when, e);
}
function heapDown(heap: usize, count: u32, i: u32, when: i64, e: usize): void {
  while (true) {
    const first = (i << 2) + 1;
    if (first >= count) break;
    let best = first;
    let bestWhen = load<i64>(heap + (<usize>first << 4));
    const last = min(first + 4, count);
    for (let k = first + 1; k < last; k++) {
      const w = load<i64>(heap + (<usize>k << 4));
      if (w < bestWhen) {
        best = k;
        bestWhen = w;
      }
    }
    if (bestWhen >= when) break;
    heapPut(heap, i, bestWhen, load<usize>(heap + (<usize>best << 4), 8));
    i = best;
  }
  heapPut(heap, i, when, e);
}
/** Gives `e` an expiry time; answers the entry, which may have moved; 0 when memory is short. */
function heapSet(d: Db, e: usize, when: i64): usize {
  if (entryVolatile(e)) {
    const i = load<u32>(indexPlace(e));
    const before = load<i64>(d.heap + (<usize>i << 4));
    if (when < before) heapUp(d.heap, i, when, e);
    else heapDown(d.heap, d.heapCount, i, when, e);
    return e;
  }
  if (d.heapCount == d.heapCap) {
    const cap = d.heapCap ? d.heapCap << 1 : 16;
    const q = tryRealloc(d.heap, <usize>cap << 4);
    if (!q) return 0;
    d.heap = q;
    d.heapCap = cap;
  }
  const need = indexPlace(e) + 4 - e;
  if (usable(e) < need) {
    const q = tryAlloc(need);
    if (!q) return 0;
    memory.copy(q, e, ENTRY_HEADER + entryLength(e));
    dictReplaceEntry(changetype<Dict>(d.keys), e, q);
    free(e);
    e = q;
  }
  store<u32>(e, load<u32>(e, 8) | ENTRY_VOLATILE, 8);
  const i = d.heapCount++;
  heapUp(d.heap, i, when, e);
  return e;
}
function heapRemove(d: Db, e: usize): void {
  if (!entryVolatile(e)) return;
  const i = load<u32>(indexPlace(e));
  store<u32>(e, load<u32>(e, 8) & ~ENTRY_VOLATILE, 8);
  const n = --d.heapCount;
  if (d.heapCap > 64 && n < d.heapCap >> 2 && i == n) heapShrink(d);
  if (i == n) return;
  const lastAt = d.heap + (<usize>n << 4);
  const when = load<i64>(lastAt);
  const last = load<usize>(lastAt, 8);
  if (i && load<i64>(d.heap + (<usize>((i - 1) >> 2) << 4)) > when) heapUp(d.heap, i, when, last);
  else heapDown(d.heap, n, i, when, last);
  if (d.heapCap > 64 && n < d.heapCap >> 2) heapShrink(d);
}
function heapShrink(d: Db): void {
  const q = tryRealloc(d.heap, <usize>(d.heapCap >> 1) << 4);
  if (!q) return;
  d.heap = q;
  d.heapCap >>= 1;
}

// --- looking up ------------------------------------------------------------------------------------------------------
/** The entry found by the last lookup that answered an object. */
export let lastEntry: usize = 0;

/** Removes a key whose time has come: statistics, AOF, event. */
function expireEntry(db: u32, e: usize): void {
  stats.expired++;
  const n = entryLength(e);
  const key = tryAlloc(n + 1);
  // The key's bytes are needed after the entry is gone.
  if (key) copy(key, entryKey(e), n);
  const p = key ? key : entryKey(e);
  if (key) {
    removeEntry(db, e);
    propagateDelete(db, p, n);
    notify(NOTIFY_EXPIRED, "expired", p, n, db);
    touchWatched(db, p, n);
    free(key);
  } else {
    propagateDelete(db, p, n);
    notify(NOTIFY_EXPIRED, "expired", p, n, db);
    touchWatched(db, p, n);
    removeEntry(db, e);
  }
}
function removeEntry(db: u32, e: usize): void {
  const d = dbAt(db);
  if (rewriteActive) aofBeforeChange(db, e);
  heapRemove(d, e);
  const v = entryValue(e);
  if (<u32>changetype<Obj>(v).type == STREAM) signalReady(db, e);
  dictUnlink(changetype<Dict>(d.keys), e);
  free(e);
  objRelease(changetype<Obj>(v));
}

/** Whether the entry's time has come. Never while the AOF is being replayed: the file says itself what expired. */
// @ts-ignore: decorator
@inline
export function entryExpired(db: u32, e: usize): bool {
  return entryVolatile(e) && !loading && entryExpire(db, e) <= nowMs;
}

/** The live entry of a key without touching its access time or the statistics, or 0. Removes it when its time has come. */
export function dbFind(db: u32, key: usize, n: u32): usize {
  const e = dictFindHash(dbDict(db), key, n, hash(key, n));
  if (!e) return 0;
  if (entryVolatile(e) && entryExpired(db, e)) {
    expireEntry(db, e);
    return 0;
  }
  return e;
}
/** As dbFind, but an expired key is only hidden, not removed (for code inside an iteration). */
export function dbPeek(db: u32, key: usize, n: u32): usize {
  const e = dictFindHash(dbDict(db), key, n, hash(key, n));
  if (!e || entryExpired(db, e)) return 0;
  return e;
}

/** A key's value for reading, or 0 (as Obj pointer). Counts a hit or a miss, touches the access time. */
export function lookupRead(c: Client, i: i32): usize {
  return lookupReadKey(c.db, argPtr(i), argLen(i));
}
export function lookupReadKey(db: u32, key: usize, n: u32): usize {
  const e = dbFind(db, key, n);
  if (!e) {
    stats.keyspaceMisses++;
    notify(NOTIFY_KEY_MISS, "keymiss", key, n, db);
    lastEntry = 0;
    return 0;
  }
  stats.keyspaceHits++;
  lastEntry = e;
  const v = entryValue(e);
  accessTouch(changetype<Obj>(v));
  return v;
}
/** A key's value for changing it, or 0. */
export function lookupWrite(c: Client, i: i32): usize {
  return lookupWriteKey(c.db, argPtr(i), argLen(i));
}
export function lookupWriteKey(db: u32, key: usize, n: u32): usize {
  const e = dbFind(db, key, n);
  lastEntry = e;
  if (!e) return 0;
  if (rewriteActive) aofBeforeChange(db, e);
  const v = entryValue(e);
  accessTouch(changetype<Obj>(v));
  return v;
}

/** Replies WRONGTYPE and answers true when `o` (0 allowed) is of another type. */
export function wrongType(c: Client, o: usize, type: u32): bool {
  if (!o || <u32>changetype<Obj>(o).type == type) return false;
  replyWrongType(c);
  return true;
}

// --- changing ----------------------------------------------------------------------------------------------------------
/** Adds a key that is not there. Answers its entry; 0 when memory is short (the value stays the caller's). */
export function dbAdd(db: u32, key: usize, n: u32, value: usize): usize {
  const e = dictAddHash(dbDict(db), key, n, hash(key, n));
  if (!e) return 0;
  entrySetValue(e, value);
  if (rewriteActive) aofKeyAdded(db, e);
  signalReady(db, e);
  notify(NOTIFY_NEW, "new", key, n, db);
  return e;
}

/**
 * Sets a key whatever it was before (Redis' setKey): the old value is released, its expiry removed unless `keepTtl`. Signals the change.
 * Answers the entry, 0 when memory is short (the value stays the caller's).
 */
export function dbSet(c: Client, db: u32, key: usize, n: u32, value: usize, keepTtl: bool): usize {
  const h = hash(key, n);
  const keys = dbDict(db);
  let e = dictFindHash(keys, key, n, h);
  if (e && entryVolatile(e) && entryExpired(db, e)) {
    expireEntry(db, e);
    e = 0;
  }
  if (e) {
    if (rewriteActive) aofBeforeChange(db, e);
    const old = changetype<Obj>(entryValue(e));
    if (cfg.maxmemoryPolicy & 2) changetype<Obj>(value).lru = old.lru; // LFU: the counter survives an overwrite
    entrySetValue(e, value);
    const type = <u32>old.type;
    objRelease(old);
    if (!keepTtl && entryVolatile(e)) heapRemove(dbAt(db), e);
    if (type != <u32>changetype<Obj>(value).type) signalReady(db, e);
  } else {
    e = dictAddHash(keys, key, n, h);
    if (!e) return 0;
    entrySetValue(e, value);
    if (rewriteActive) aofKeyAdded(db, e);
    signalReady(db, e);
    notify(NOTIFY_NEW, "new", key, n, db);
  }
  touchWatched(db, key, n);
  return e;
}

/** Stores another object as an existing entry's value, without touching expiry; the old one is the caller's business. */
// @ts-ignore: decorator
@inline
export function dbReplaceValue(e: usize, value: usize): void {
  entrySetValue(e, value);
}

/** Removes a key and frees its value; whether it was there. Does not notify or signal. */
export function dbDelete(db: u32, key: usize, n: u32): bool {
  const e = dictFindHash(dbDict(db), key, n, hash(key, n));
  if (!e) return false;
  removeEntry(db, e);
  return true;
}
export function dbDeleteEntry(db: u32, e: usize): void {
  removeEntry(db, e);
}
/** Takes a key out and answers its value without freeing it (RENAME, MOVE). */
export function dbTake(db: u32, e: usize): usize {
  const d = dbAt(db);
  if (rewriteActive) aofBeforeChange(db, e);
  heapRemove(d, e);
  const v = entryValue(e);
  if (<u32>changetype<Obj>(v).type == STREAM) signalReady(db, e);
  dictUnlink(changetype<Dict>(d.keys), e);
  free(e);
  return v;
}

/** Sets an expiry (ms since the epoch) on a live entry; the entry, which may have moved, or 0 when memory is short. */
export function expireSet(db: u32, e: usize, when: i64): usize {
  if (rewriteActive) aofBeforeChange(db, e);
  return heapSet(dbAt(db), e, when);
}
/** Removes the expiry; whether there was one. */
export function expireRemove(db: u32, e: usize): bool {
  if (!entryVolatile(e)) return false;
  if (rewriteActive) aofBeforeChange(db, e);
  heapRemove(dbAt(db), e);
  return true;
}

/** To be called after every change of a key: WATCH (and, for keys that blocked clients wait on, `signalReady` is called by dbAdd itself). */
// @ts-ignore: decorator
@inline
export function signalModified(db: u32, key: usize, n: u32): void {
  touchWatched(db, key, n);
}

/** Any live key's entry, fairly; 0 if there is none. */
export function dbRandom(db: u32): usize {
  const keys = dbDict(db);
  let e = dictFairRandom(keys);
  for (let tries = 0; e && entryVolatile(e) && entryExpired(db, e) && tries < 100; tries++) {
    expireEntry(db, e);
    e = dictFairRandom(keys);
  }
  return e;
}

/** Removes keys whose time has come, earliest first, for at most `count` keys; whether more are due. */
export function expireDue(count: i32): bool {
  for (let i = 0; i < cfg.databases; i++) {
    const d = dbAt(i);
    while (d.heapCount && load<i64>(d.heap) <= nowMs) {
      if (count-- == 0) return true;
      expireEntry(i, load<usize>(d.heap, 8));
    }
  }
  return false;
}

/** Frees every key of a database and answers how many there were. */
export function dbEmpty(db: u32): u32 {
  signalWaitersAll(db);
  const d = dbAt(db);
  const keys = changetype<Dict>(d.keys);
  const n = keys.used;
  dictClear(keys, releaseIndex());
  dictInit(keys, 16);
  free(d.heap);
  d.heap = 0;
  d.heapCount = 0;
  d.heapCap = 0;
  return n;
}
function releaseValue(v: usize): void {
  objRelease(changetype<Obj>(v));
}
/** Function-table index of "release this value" for dictClear. */
export function releaseIndex(): u32 {
  const releaser: (v: usize) => void = releaseValue;
  return releaser.index;
}

/** Before FLUSHDB, FLUSHALL and SWAPDB: a running AOF rewrite begins again on what is there afterwards. */
export function dbBeforeFlush(db: u32): void {
  if (rewriteActive) rewriteRestart();
}

/** SWAPDB: the keys and their times change places; those who watch or wait stay. */
export function dbSwap(a: u32, b: u32): void {
  const x = dbAt(a);
  const y = dbAt(b);
  const keys = x.keys;
  const heap = x.heap;
  const count = x.heapCount;
  const cap = x.heapCap;
  x.keys = y.keys;
  x.heap = y.heap;
  x.heapCount = y.heapCount;
  x.heapCap = y.heapCap;
  y.keys = keys;
  y.heap = heap;
  y.heapCount = count;
  y.heapCap = cap;
  signalWaitersAll(a);
  signalWaitersAll(b);
}
/** Keys with an expiry in a database. */
export function dbVolatileCount(db: u32): u32 {
  return dbAt(db).heapCount;
}
