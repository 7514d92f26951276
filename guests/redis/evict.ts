/**
 * maxmemory: access times (LRU, LFU) and eviction, as Redis' evict.c does it.
 *
 * The LRU policies keep the second of the last access in an object's access word; the LFU ones a logarithmic counter (low 8 bits) and
 * the minute of its last decrement (16 bits above). A pool of the 16 best candidates seen outlives single evictions; its keys are copies and may
 * be gone by now. volatile-ttl needs no pool: the expiry heaps have the earliest key on top.
 *
 * The machine's own memory is a second limit: with an eviction policy and a maxmemory above what the machine has, eviction starts
 * when the machine's memory is nearly used up.
 */
import { hasRoom, usedBytes } from "../lib/raw/alloc";
import { aofBufferBytes } from "./aof";
import { blobData, blobFree, blobLength, tryBlobNew } from "../lib/raw/bytes";
import { evictionTenacity, POLICY_ALLKEYS, POLICY_ALLKEYS_RANDOM, POLICY_LFU, POLICY_LRU, POLICY_NOEVICTION, POLICY_VOLATILE_RANDOM, POLICY_VOLATILE_TTL } from "./config-table";
import { dictRandom, dictSample, dictFind, entryKey, entryLength, entryValue } from "./dict";
import { dbAt, dbDeleteEntry, dbDict, entryVolatile, signalModified } from "./keyspace";
import { latencySample } from "./latency";
import { NOTIFY_EVICTED, notify } from "./notify";
import { Obj } from "./object";
import { pauseKind } from "./pause";
import { propagateDelete } from "./propagate";
import { randomF64, randomU32 } from "../lib/raw/random";
import { cfg, loading, lruClock, nowMs, stats, ustime } from "./server";

const POOL_SIZE: i32 = 16;
const LFU_INIT: u32 = 5;

// --- access times -----------------------------------------------------------------------------------------------
// @ts-ignore: decorator
@inline
function minutes(): u32 {
  return <u32>(nowMs / 60000) & 0xffff;
}
/** The LFU counter as it is now, decayed by the minutes since it was last touched. */
export function lfuCounter(o: Obj): u32 {
  const counter = o.lru & 255;
  if (!cfg.lfuDecayTime) return counter;
  const last = o.lru >> 8;
  const now = minutes();
  const elapsed = now >= last ? now - last : 65535 - last + now;
  const periods = elapsed / <u32>cfg.lfuDecayTime;
  return periods > counter ? 0 : counter - periods;
}
function lfuTouch(o: Obj): void {
  let counter = lfuCounter(o);
  if (counter < 255) {
    const base: f64 = counter > LFU_INIT ? <f64>(counter - LFU_INIT) : 0;
    if (randomF64() < 1.0 / (base * <f64>cfg.lfuLogFactor + 1.0)) counter++;
  }
  o.lru = (minutes() << 8) | counter;
}
/** Called on each lookup of a value. */
// @ts-ignore: decorator
@inline
export function accessTouch(o: Obj): void {
  if (cfg.maxmemoryPolicy & POLICY_LFU) lfuTouch(o);
  else o.lru = lruClock;
}
/** Seconds since a value was last used (LRU policies). */
export function idleSeconds(o: Obj): u32 {
  const then = o.lru & 0xffffff;
  return lruClock >= then ? lruClock - then : lruClock + (0xffffff - then);
}

// --- the pool ------------------------------------------------------------------------------------------------------
// Entries in rising order of score: score u64, key blob u32, database u32.
const pool = memory.data(POOL_SIZE * 16, 16);
const samples = memory.data(64 * 4, 16);

// @ts-ignore: decorator
@inline
function poolAt(i: i32): usize {
  return pool + (<usize>i << 4);
}
function poolDrop(i: i32): void {
  blobFree(load<usize>(poolAt(i), 8));
  memory.copy(poolAt(i), poolAt(i + 1), <usize>(POOL_SIZE - 1 - i) << 4);
  memory.fill(poolAt(POOL_SIZE - 1), 0, 16);
}
function poolPut(score: u64, db: u32, e: usize): void {
  let k = 0;
  while (k < POOL_SIZE && load<usize>(poolAt(k), 8) && load<u64>(poolAt(k)) < score) k++;
  const full = load<usize>(poolAt(POOL_SIZE - 1), 8) != 0;
  if (k == 0 && full) return;
  const key = tryBlobNew(entryKey(e), entryLength(e));
  if (!key) return;
  if (full) {
    // The worst candidate leaves.
    poolDrop(0);
    k--;
  }
  memory.copy(poolAt(k + 1), poolAt(k), <usize>(POOL_SIZE - 1 - k) << 4);
  store<u64>(poolAt(k), score);
  store<usize>(poolAt(k), key, 8);
  store<u32>(poolAt(k), db, 12);
}

/** Samples of a database: from all keys, or from those that expire. */
function sample(db: u32, all: bool): u32 {
  const want = <u32>min(cfg.maxmemorySamples, 64);
  if (all) return dictSample(dbDict(db), samples, want);
  const d = dbAt(db);
  const count = min(want, d.heapCount);
  const start = d.heapCount ? randomU32() % d.heapCount : 0;
  // Neighbours in the heap have unrelated access times; a stride spreads them further.
  const stride = d.heapCount > count ? d.heapCount / count : 1;
  for (let i: u32 = 0; i < count; i++) {
    const at = (start + i * stride) % d.heapCount;
    store<usize>(samples + (<usize>i << 2), load<usize>(d.heap + (<usize>at << 4), 8));
  }
  return count;
}

/** Fills the pool from every database; how many keys could be evicted at all. */
function populate(policy: i32): u64 {
  const all = (policy & POLICY_ALLKEYS) != 0;
  let total: u64 = 0;
  for (let db = 0; db < cfg.databases; db++) {
    const count: u32 = all ? dbDict(db).used : dbAt(db).heapCount;
    if (!count) continue;
    total += count;
    const n = sample(db, all);
    for (let i: u32 = 0; i < n; i++) {
      const e = load<usize>(samples + (<usize>i << 2));
      const o = changetype<Obj>(entryValue(e));
      poolPut(policy & POLICY_LRU ? <u64>idleSeconds(o) : <u64>(255 - lfuCounter(o)), db, e);
    }
  }
  return total;
}

let victimDb: u32 = 0;
/** The entry of the best candidate, or 0 when nothing can be evicted. Its database is in `victimDb`. */
function pickPooled(policy: i32): usize {
  while (true) {
    if (!populate(policy)) return 0;
    for (let k = POOL_SIZE - 1; k >= 0; k--) {
      const key = load<usize>(poolAt(k), 8);
      if (!key) continue;
      victimDb = load<u32>(poolAt(k), 12);
      const e = dictFind(dbDict(victimDb), blobData(key), blobLength(key));
      poolDrop(k);
      if (e && (policy & POLICY_ALLKEYS || entryVolatile(e))) return e;
    }
  }
}
let nextDb: u32 = 0;
function pickRandom(all: bool): usize {
  for (let i = 0; i < cfg.databases; i++) {
    nextDb = (nextDb + 1) % <u32>cfg.databases;
    const count: u32 = all ? dbDict(nextDb).used : dbAt(nextDb).heapCount;
    if (!count) continue;
    victimDb = nextDb;
    return all ? dictRandom(dbDict(nextDb)) : load<usize>(dbAt(nextDb).heap + (<usize>(randomU32() % count) << 4), 8);
  }
  return 0;
}
function pickSoonest(): usize {
  let best: usize = 0;
  let when: i64 = 0;
  for (let db = 0; db < cfg.databases; db++) {
    const d = dbAt(db);
    if (!d.heapCount) continue;
    const w = load<i64>(d.heap);
    if (best && w >= when) continue;
    when = w;
    best = load<usize>(d.heap, 8);
    victimDb = db;
  }
  return best;
}
function pick(policy: i32): usize {
  if (policy == POLICY_VOLATILE_TTL) return pickSoonest();
  if (policy == POLICY_ALLKEYS_RANDOM) return pickRandom(true);
  if (policy == POLICY_VOLATILE_RANDOM) return pickRandom(false);
  return pickPooled(policy);
}

// --- evicting ----------------------------------------------------------------------------------------------------------
/** Used memory that eviction must not count: evicting fills the AOF buffer with DELs. */
export function notCountedBytes(): usize {
  return aofBufferBytes();
}
/** Bytes over the limit; 0: none. */
function excess(): i64 {
  const used = <i64>usedBytes - <i64>notCountedBytes();
  const over = used - cfg.maxmemory;
  if (over > 0) return over;
  return hasRoom(MACHINE_ROOM) ? 0 : MACHINE_ROOM >> 3;
}
const MACHINE_ROOM: u32 = 2 << 20;

function evict(e: usize): bool {
  const n = entryLength(e);
  const key = tryBlobNew(entryKey(e), n);
  if (!key) return false;
  const p = blobData(key);
  const db = victimDb;
  dbDeleteEntry(db, e);
  stats.evictedKeys++;
  signalModified(db, p, n);
  notify(NOTIFY_EVICTED, "evicted", p, n, db);
  propagateDelete(db, p, n);
  blobFree(key);
  return true;
}

/** How long one call may evict, in microseconds (maxmemory-eviction-tenacity, Redis' curve). */
function timeLimit(): i64 {
  const tenacity = load<i32>(evictionTenacity);
  if (tenacity <= 10) return 50 * tenacity;
  if (tenacity >= 100) return i64.MAX_VALUE;
  let limit: f64 = 500;
  for (let i = 10; i < tenacity; i++) limit *= 1.15;
  return <i64>limit;
}
/** Microseconds spent above the limit: total, and since when (0: not above). */
export let exceededTotal: i64 = 0;
export let exceededSince: i64 = 0;

/** Makes room before a command; false when memory is over the limit and nothing may be evicted. */
export function evictIfNeeded(): bool {
  if (!cfg.maxmemory || loading || pauseKind) return true;
  let over = excess();
  if (over <= 0) {
    if (exceededSince) {
      exceededTotal += ustime() - exceededSince;
      exceededSince = 0;
    }
    return true;
  }
  if (!exceededSince) exceededSince = ustime();
  const policy = cfg.maxmemoryPolicy;
  if (policy == POLICY_NOEVICTION) return false;
  const start = ustime();
  const limit = timeLimit();
  let evicted = 0;
  let goal = over;
  while (goal > 0) {
    const before = usedBytes;
    const e = pick(policy);
    if (!e || !evict(e)) {
      sampleLatency(start);
      return false;
    }
    goal -= <i64>before - <i64>usedBytes;
    evicted++;
    if ((evicted & 15) == 0) {
      // The rest goes on with the next command or the clock: nobody waits longer than this.
      if (ustime() - start > limit) break;
      if (excess() <= 0) break;
    }
  }
  sampleLatency(start);
  return true;
}
function sampleLatency(start: i64): void {
  if (cfg.latencyMonitorThreshold) latencySample("eviction-cycle", (ustime() - start) / 1000);
}
