/**
 * The counters, as fields in static memory: who counts writes a field, `stats` reads them. Names are memcached's, in camelCase.
 *
 * `stats` (all commands), `slabStats(class)` (by slab class) and `lruHits` (by LRU list) count what clients do;
 * `lruStats(list)` counts what the LRU does. `state` is not reset by `stats reset`.
 */

@unmanaged
export class Stats {
  getCmds: u64;
  getMisses: u64;
  getExpired: u64;
  getFlushed: u64;
  touchCmds: u64;
  touchMisses: u64;
  deleteMisses: u64;
  incrMisses: u64;
  decrMisses: u64;
  casMisses: u64;
  metaCmds: u64;
  bytesRead: u64;
  bytesWritten: u64;
  flushCmds: u64;
  connYields: u64;
  authCmds: u64;
  authErrors: u64;
  idleKicks: u64;
  responseObjOom: u64;
  readBufOom: u64;
  storeTooLarge: u64;
  storeNoMemory: u64;
  totalItems: u64;
  totalConns: u64;
  rejectedConns: u64;
  mallocFails: u64;
  listenDisabledNum: u64;
  timeInListenDisabledUs: u64;
  slabsMoved: u64;
  slabReassignRescues: u64;
  slabReassignChunkRescues: u64;
  slabReassignEvictionsNomem: u64;
  slabReassignInlineReclaim: u64;
  slabReassignBusyItems: u64;
  slabReassignBusyDeletes: u64;
  lruCrawlerStarts: u64;
  lruMaintainerJuggles: u64;
  logWorkerWritten: u64;
  logWatcherSkipped: u64;
  logWatcherSent: u64;
}

/** Not counters but what is: untouched by a reset. */
@unmanaged
export class State {
  currItems: u64;
  currBytes: u64;
  currConns: u64;
  connStructs: u64;
  hashBytes: u64;
  hashPowerLevel: u32;
  hashIsExpanding: u32;
  acceptingConns: u32;
  slabReassignRunning: u32;
  lruCrawlerRunning: u32;
  logWatchers: u32;
}

@unmanaged
export class SlabStats {
  setCmds: u64;
  touchHits: u64;
  deleteHits: u64;
  casHits: u64;
  casBadval: u64;
  incrHits: u64;
  decrHits: u64;
}

@unmanaged
export class LruStats {
  evicted: u64;
  evictedNonzero: u64;
  reclaimed: u64;
  outofmemory: u64;
  tailrepairs: u64;
  expiredUnfetched: u64;
  evictedUnfetched: u64;
  evictedActive: u64;
  crawlerReclaimed: u64;
  crawlerItemsChecked: u64;
  lrutailReflocked: u64;
  movesToCold: u64;
  movesToWarm: u64;
  movesWithinLru: u64;
  directReclaims: u64;
  evictedTime: u64;
}

/** Slab classes, the global page pool (0) included; LRU lists are class | list bits. */
export const CLASSES_MAX: u32 = 64;
export const LRU_LISTS: u32 = 256;

const STATS_BYTES: usize = 512;
const SLAB_STATS_BYTES: usize = 56;
const LRU_STATS_BYTES: usize = 128;

export const stats: Stats = changetype<Stats>(memory.data(512, 16));
export const state: State = changetype<State>(memory.data(128, 16));
const slabStatsBase = memory.data(64 * 56, 16);
const lruStatsBase = memory.data(256 * 128, 16);
const lruHitsBase = memory.data(256 * 8, 16);

// @ts-ignore: decorator
@inline
export function slabStats(cls: u32): SlabStats {
  return changetype<SlabStats>(slabStatsBase + <usize>cls * SLAB_STATS_BYTES);
}

// @ts-ignore: decorator
@inline
export function lruStats(id: u32): LruStats {
  return changetype<LruStats>(lruStatsBase + <usize>id * LRU_STATS_BYTES);
}

/** A fetch found its item in this list (`Item.clsid`). */
// @ts-ignore: decorator
@inline
export function lruHit(id: u32): void {
  const p = lruHitsBase + (<usize>id << 3);
  store<u64>(p, load<u64>(p) + 1);
}

export function lruHits(id: u32): u64 {
  return load<u64>(lruHitsBase + (<usize>id << 3));
}

/** get_hits. */
export function lruHitsSum(): u64 {
  let sum: u64 = 0;
  for (let i: usize = 0; i < LRU_LISTS; i++) sum += load<u64>(lruHitsBase + (i << 3));
  return sum;
}

/** The sum of one field of all slab classes: slabStatsSum(offsetof<SlabStats>("setCmds")). */
export function slabStatsSum(field: usize): u64 {
  let sum: u64 = 0;
  for (let i: usize = 0; i < CLASSES_MAX; i++) sum += load<u64>(slabStatsBase + i * SLAB_STATS_BYTES + field);
  return sum;
}

/** The sum of one field of all LRU lists. */
export function lruStatsSum(field: usize): u64 {
  let sum: u64 = 0;
  for (let i: usize = 0; i < LRU_LISTS; i++) sum += load<u64>(lruStatsBase + i * LRU_STATS_BYTES + field);
  return sum;
}

/** `stats reset`. */
export function statsReset(): void {
  memory.fill(changetype<usize>(stats), 0, STATS_BYTES);
  memory.fill(slabStatsBase, 0, <usize>CLASSES_MAX * SLAB_STATS_BYTES);
  memory.fill(lruStatsBase, 0, <usize>LRU_LISTS * LRU_STATS_BYTES);
  memory.fill(lruHitsBase, 0, <usize>LRU_LISTS << 3);
}
