/**
 * What a protocol does with items: find, allocate, store, change. The one door to the store; behind it are `table.ts` (keys), `lru.ts` (age),
 * `slabs.ts` (memory).
 *
 * References: `itemAlloc` and `itemGet` give one to the caller, who gives it back with `itemRemove`. A value that is being sent from
 * where it lies keeps its item's reference until then; the key may be overwritten or deleted meanwhile. Nothing here keeps a pointer across turns.
 */
import { copy } from "../lib/raw/bytes";
import { formatU64 } from "../lib/raw/number";
import { currentTime, realtime } from "./clock";
import {
  Item,
  ITEM_CAS,
  ITEM_CFLAGS,
  ITEM_CHUNKED,
  ITEM_LINKED,
  ITEM_STALE,
  ITEM_TOKEN_SENT,
  itemClsid,
  itemData,
  itemKey,
  itemTotal,
  itemTotalOf,
} from "./item";
import {
  COLD_LRU,
  HOT_LRU,
  itemBump,
  itemIsFlushed,
  itemRemove,
  itemUnlink,
  itemUpdate,
  LRU_PULL_EVICT,
  lruLink,
  lruList,
  lruPullTail,
  TEMP_LRU,
  WARM_LRU,
} from "./lru";
import {
  LOG_EXPIRED,
  LOG_FETCHERS,
  LOG_FLUSHED,
  LOG_FOUND,
  LOG_MUTATIONS,
  LOG_NO_MEMORY,
  LOG_NOT_FOUND,
  LOG_TOO_LARGE,
  logFlags,
  logGet,
  logStore,
} from "./log";
import { settings } from "./settings";
import { sizesCount, sizesEnable } from "./sizes";
import { powerLargest, runAlloc, slabsAlloc, slabsClsid, slabsInit } from "./slabs";
import { lruStats, slabStats, state, stats } from "./stats";
import { keyHash, shardOf, tableFind, tableInit, tableInsert } from "./table";

export { itemBump, itemRemove, itemUnlink, itemUpdate, keyHash, shardOf };

/** storeItem's operations. */
export const NREAD_ADD: i32 = 1;
export const NREAD_SET: i32 = 2;
export const NREAD_REPLACE: i32 = 3;
export const NREAD_APPEND: i32 = 4;
export const NREAD_PREPEND: i32 = 5;
export const NREAD_CAS: i32 = 6;

/** storeItem's answers. */
export const NOT_STORED: i32 = 0;
export const STORED: i32 = 1;
export const EXISTS: i32 = 2;
export const NOT_FOUND: i32 = 3;

/** addDelta's answers. */
export const DELTA_OK: i32 = 0;
export const NON_NUMERIC: i32 = 1;
export const EOM: i32 = 2;
export const DELTA_ITEM_NOT_FOUND: i32 = 3;
export const DELTA_ITEM_CAS_MISMATCH: i32 = 4;

let casId: u64 = 0;

/** The CAS number of the item that storeItem has just stored. */
export let storedCas: u64 = 0;
/** addDelta's new number as text, the item that has it (borrowed: valid until the next call), and its CAS number. */
export const deltaText: usize = memory.data(24, 8);
export let deltaLength: u32 = 0;
export let deltaItem: usize = 0;
export let deltaCas: u64 = 0;

/** After heapInit, hashInit, clockInit and the settings. */
export function storeInit(): void {
  slabsInit();
  tableInit();
  if (settings.trackSizes) sizesEnable(settings.useCas ? casNext() : 0);
}

export function casNext(): u64 {
  return ++casId;
}

/** Whether an item of these measures may exist: -I. */
export function itemSizeOk(nkey: u32, clientFlags: u32, nbytes: u32): bool {
  if (nbytes < 2 || nbytes > <u32>settings.itemSizeMax) return false;
  return slabsClsid(itemTotalOf(nkey, clientFlags, nbytes, settings.useCas)) != 0;
}

/**
 * An item that is not linked yet, with room for `nbytes` (the "\r\n" included, hence 2 at least) at `itemData`; 0 when it would be
 * too large (ask itemSizeOk) or memory is short. The key is copied; the caller holds one reference.
 */
export function itemAlloc(key: usize, nkey: u32, clientFlags: u32, exptime: u32, nbytes: u32): usize {
  if (nbytes < 2 || nbytes > <u32>settings.itemSizeMax) return 0;
  const total = itemTotalOf(nkey, clientFlags, nbytes, settings.useCas);
  const cls = slabsClsid(total);
  if (!cls) return 0;
  let it = cls == powerLargest ? runAlloc(total) : settings.lruSegmented ? slabsAlloc(cls, true) : 0;
  if (!it) {
    it = pull(cls, total);
    if (!it) {
      lruStats(cls).outofmemory++;
      return 0;
    }
  }
  const i = changetype<Item>(it);
  i.next = 0;
  i.prev = 0;
  i.hash = keyHash(key, nkey);
  i.exptime = exptime;
  i.nbytes = nbytes;
  i.flags = <u16>((settings.useCas ? ITEM_CAS : 0) | (clientFlags ? ITEM_CFLAGS : 0) | (total > <u32>settings.slabChunkSizeMax ? ITEM_CHUNKED : 0));
  // Unsigned: no expiry (0) is far from the temporary ones.
  const list = settings.tempLru && exptime - currentTime <= settings.temporaryTtl ? TEMP_LRU : settings.lruSegmented ? HOT_LRU : COLD_LRU;
  i.clsid = <u8>(cls | list);
  i.nkey = <u8>nkey;
  i.clientFlags = clientFlags;
  i.cas = 0;
  copy(itemKey(it), key, nkey);
  return it;
}

/** itemAlloc had nothing for a value of `nbytes`: the log is told which of the two reasons it was. */
export function itemRefused(key: usize, nkey: u32, clientFlags: u32, nbytes: u32, op: i32): void {
  if (!(logFlags & LOG_MUTATIONS)) return;
  logStore(key, nkey, itemSizeOk(nkey, clientFlags, nbytes) ? LOG_NO_MEMORY : LOG_TOO_LARGE, op, 0);
}

/** Items that one allocation may move between lists in search of one to evict. */
const SPARED_MAX: i32 = 500;

/** Makes room by evicting, ten times at most (for each chunk that memcached would need). */
function pull(cls: u32, total: u32): usize {
  const large = cls == powerLargest;
  const tries = large ? 10 * <i32>((total + <u32>settings.slabChunkSizeMax - 1) / <u32>settings.slabChunkSizeMax) : 10;
  let it: usize = 0;
  let i = 0;
  for (; i < tries; i++) {
    if (!settings.lruSegmented) lruPullTail(cls, COLD_LRU, 0, 0, 0);
    it = large ? runAlloc(total) : slabsAlloc(cls, true);
    if (it) break;
    if (lruPullTail(cls, COLD_LRU, 0, LRU_PULL_EVICT, 0) <= 0 && !coldRefill(cls)) break;
  }
  if (i > 0) lruStats(cls).directReclaims += i;
  return it;
}

/**
 * COLD had nothing to give: something falls into it from HOT, or from WARM, active items being spared once. (memcached takes one step here and counts it as
 * a try, for its maintainer works beside it; ours gets its turn only after this one.) False if there is nothing.
 */
function coldRefill(cls: u32): bool {
  if (!settings.lruSegmented) return false;
  const before = lruList(cls | COLD_LRU).size;
  const used = state.currItems;
  for (let n = 0; n < SPARED_MAX; n++) {
    if (lruPullTail(cls, HOT_LRU, 0, 0, 0) <= 0 && lruPullTail(cls, WARM_LRU, 0, 0, 0) <= 0) return false;
    // One more in COLD, or an expired one gone.
    if (lruList(cls | COLD_LRU).size > before || state.currItems < used) return true;
  }
  return false;
}

/** Puts an item in place; its key must not be there. */
export function itemLink(it: usize): void {
  const i = changetype<Item>(it);
  i.flags |= <u16>ITEM_LINKED;
  i.time = currentTime;
  state.currBytes += itemTotal(it);
  state.currItems++;
  stats.totalItems++;
  i.cas = settings.useCas ? ++casId : 0;
  tableInsert(it);
  lruLink(it);
  i.refcount++;
  sizesCount(it, 1);
}

export function itemReplace(old: usize, it: usize): void {
  itemUnlink(old);
  itemLink(it);
}

/** The live item with this key and one more reference to it, or 0. Expired and flushed ones go here. Nothing is bumped. */
export function itemGet(key: usize, nkey: u32): usize {
  return get(key, nkey, keyHash(key, nkey));
}

function get(key: usize, nkey: u32, hv: u32): usize {
  const it = tableFind(key, nkey, hv);
  if (!it) {
    if (logFlags & LOG_FETCHERS) logGet(key, nkey, LOG_NOT_FOUND, 0);
    return 0;
  }
  const i = changetype<Item>(it);
  if (itemIsFlushed(it)) {
    itemUnlink(it);
    stats.getFlushed++;
    if (logFlags & LOG_FETCHERS) logGet(key, nkey, LOG_FLUSHED, 0);
    return 0;
  }
  if (i.exptime != 0 && i.exptime <= currentTime) {
    itemUnlink(it);
    stats.getExpired++;
    if (logFlags & LOG_FETCHERS) logGet(key, nkey, LOG_EXPIRED, 0);
    return 0;
  }
  i.refcount++;
  if (logFlags & LOG_FETCHERS) logGet(key, nkey, LOG_FOUND, it);
  return it;
}

/** itemGet with a bump and a new expiry time (of clock.realtime). */
export function itemGetTouch(key: usize, nkey: u32, exptime: u32): usize {
  const it = itemGet(key, nkey);
  if (it) {
    itemBump(it);
    changetype<Item>(it).exptime = exptime;
  }
  return it;
}

/**
 * Stores an item that itemAlloc made; the caller still has its reference to give back. `cas`: the number the stored one must have, or 0. `setStale`: the meta
 * command's I flag, which takes a smaller number too and marks the item stale.
 *
 * NOT_STORED is the answer of append and prepend for want of memory too, as in memcached.
 */
export function storeItem(it: usize, op: i32, cas: u64, setStale: bool = false): i32 {
  storing = it;
  const answer = put(it, op, cas, setStale);
  if (logFlags & LOG_MUTATIONS) logStore(itemKey(storing), changetype<Item>(storing).nkey, answer, op, storing);
  return answer;
}

/** The item that storeItem stores: its own, or the one that append made of two. */
let storing: usize = 0;

function put(it: usize, op: i32, cas: u64, setStale: bool): i32 {
  const i = changetype<Item>(it);
  const old = get(itemKey(it), i.nkey, i.hash);
  if (!old) {
    if (op == NREAD_ADD || op == NREAD_SET) {
      itemLink(it);
      storedCas = i.cas;
      return STORED;
    }
    if (op == NREAD_CAS) {
      stats.casMisses++;
      return NOT_FOUND;
    }
    return NOT_STORED;
  }
  let stored = NOT_STORED;
  const o = changetype<Item>(old);
  if (op == NREAD_SET || op == NREAD_REPLACE) stored = STORED;
  else if (op == NREAD_ADD) itemUpdate(old);
  else if (op == NREAD_CAS) {
    if (cas != 0 && cas == o.cas) stored = STORED;
    else if (cas != 0 && setStale && cas < o.cas) {
      i.exptime = o.exptime;
      i.flags |= <u16>(ITEM_STALE | (o.flags & ITEM_TOKEN_SENT));
      stored = STORED;
    } else stored = EXISTS;
    const s = slabStats(itemClsid(old));
    if (stored == STORED) s.casHits++;
    else s.casBadval++;
  } else if (cas != 0 && cas != o.cas) stored = EXISTS;
  else {
    const both = joined(old, it, op == NREAD_APPEND);
    if (both) {
      itemReplace(old, both);
      storing = both;
      storedCas = changetype<Item>(both).cas;
      itemRemove(both);
      itemRemove(old);
      return STORED;
    }
  }
  if (stored == STORED) {
    itemReplace(old, it);
    storedCas = i.cas;
  }
  itemRemove(old);
  return stored;
}

/** A new item with the old value and the new one, or 0. */
function joined(old: usize, it: usize, append: bool): usize {
  const o = changetype<Item>(old);
  const i = changetype<Item>(it);
  const both = itemAlloc(itemKey(it), i.nkey, o.clientFlags, o.exptime, <u32>i.nbytes + <u32>o.nbytes - 2);
  if (!both) return 0;
  const first = append ? old : it;
  const second = append ? it : old;
  const n = changetype<Item>(first).nbytes - 2;
  copy(itemData(both), itemData(first), n);
  copy(itemData(both) + n, itemData(second), changetype<Item>(second).nbytes);
  return both;
}

let parsed: u64 = 0;

/** A value as strtoull(3) reads it, up to white space or a NUL. The value ends with "\r\n", so there is an end. */
function parseValue(p: usize): bool {
  let ch: u32 = load<u8>(p);
  while (ch == 32 || ch - 9 < 5) ch = load<u8>(++p);
  const negative = ch == 45;
  if (negative || ch == 43) ch = load<u8>(++p);
  if (ch - 48 > 9) return false;
  let v: u64 = 0;
  while (ch - 48 <= 9) {
    const digit = <u64>(ch - 48);
    if (v > 1844674407370955161 || (v == 1844674407370955161 && digit > 5)) return false;
    v = v * 10 + digit;
    ch = load<u8>(++p);
  }
  if (ch != 0 && ch != 32 && ch - 9 >= 5) return false;
  if (negative) {
    v = 0 - v;
    if (<i64>v < 0) return false;
  }
  parsed = v;
  return true;
}

/** incr and decr. The number is written over the old one, padded with spaces, if it fits; otherwise the item is replaced. `cas` 0: any. */
export function addDelta(key: usize, nkey: u32, incr: bool, delta: u64, cas: u64): i32 {
  const it = itemGet(key, nkey);
  if (!it) return DELTA_ITEM_NOT_FOUND;
  const i = changetype<Item>(it);
  let answer = DELTA_OK;
  if (i.nbytes <= 2 || i.flags & ITEM_CHUNKED) answer = NON_NUMERIC;
  else if (cas != 0 && cas != i.cas) answer = DELTA_ITEM_CAS_MISMATCH;
  else if (!spacesOnly(it) && parseValue(itemData(it))) answer = applyDelta(it, incr, delta);
  else answer = NON_NUMERIC;
  itemRemove(it);
  return answer;
}

/** White space to the very end: reading on would leave the value. */
function spacesOnly(it: usize): bool {
  const p = itemData(it);
  const n = <usize>changetype<Item>(it).nbytes;
  for (let at: usize = 0; at < n; at++) {
    const ch: u32 = load<u8>(p + at);
    if (ch != 32 && ch - 9 >= 5) return false;
  }
  return true;
}

function applyDelta(it: usize, incr: bool, delta: u64): i32 {
  const i = changetype<Item>(it);
  const value = incr ? parsed + delta : delta > parsed ? 0 : parsed - delta;
  const s = slabStats(itemClsid(it));
  if (incr) s.incrHits++;
  else s.decrHits++;
  const n = formatU64(deltaText, value);
  deltaLength = <u32>n;
  if (n + 2 <= i.nbytes && i.refcount == 2) {
    // Only the table and this function hold it: it may change where it is.
    sizesCount(it, -1);
    i.cas = settings.useCas ? ++casId : 0;
    sizesCount(it, 1);
    copy(itemData(it), deltaText, n);
    memory.fill(itemData(it) + n, 32, i.nbytes - n - 2);
    itemUpdate(it);
    deltaItem = it;
  } else {
    const fresh = itemAlloc(itemKey(it), i.nkey, i.clientFlags, i.exptime, n + 2);
    if (!fresh) return EOM;
    copy(itemData(fresh), deltaText, n);
    store<u16>(itemData(fresh) + n, 0x0a0d);
    itemReplace(it, fresh);
    itemRemove(fresh);
    deltaItem = fresh;
  }
  deltaCas = changetype<Item>(deltaItem).cas;
  return DELTA_OK;
}

/** flush_all: everything that is there at that time is gone from then on. Zero or less: now. */
export function flushAll(whenSeconds: i64): void {
  const oldest = whenSeconds > 0 ? realtime(whenSeconds) : currentTime;
  if (settings.useCas) {
    settings.oldestLive = oldest - 1;
    if (settings.oldestLive <= currentTime) settings.oldestCas = casNext();
  } else settings.oldestLive = oldest;
}
