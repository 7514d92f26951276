/**
 * The segmented LRU: four lists of items for each slab class.
 *
 * New items enter HOT at its head. What reaches HOT's or WARM's tail goes to COLD when the list is larger than its share or the item has been idle too long; an
 * item that was fetched twice (ITEM_ACTIVE) goes to WARM instead. Memory is made by evicting COLD's tail. TEMP holds items that expire soon (-o temporary_ttl)
 * and is never evicted from. With -o no_lru_maintainer there is only COLD, in the order of use.
 *
 * What always holds: an item is in exactly the list that its `clsid` names, if ITEM_LINKED is set (while it is moved, in none).
 * `maintainer.ts` works the lists in the background; `lruPullTail` is the one step, as memcached's lru_pull_tail.
 */
import { currentTime, ITEM_UPDATE_INTERVAL } from "./clock";
import { Item, ITEM_ACTIVE, ITEM_FETCHED, ITEM_LINKED, itemClsid, itemTotal } from "./item";
import { LOG_EVICTIONS, logEviction, logFlags } from "./log";
import { settings } from "./settings";
import { powerLargest, runFree, slabsFree } from "./slabs";
import { slabsReassign } from "./slab-mover";
import { sizesCount } from "./sizes";
import { lruStats, state } from "./stats";
import { tableDelete } from "./table";

export const HOT_LRU: u32 = 0;
export const WARM_LRU: u32 = 64;
export const COLD_LRU: u32 = 128;
export const TEMP_LRU: u32 = 192;

/** lruPullTail's flags. */
export const LRU_PULL_EVICT: u32 = 1;
export const LRU_PULL_CRAWL_BLOCKS: u32 = 2;
/** Items looked at by one pull. */
const TRIES: i32 = 5;

@unmanaged
export class LruList {
  head: usize;
  tail: usize;
  size: u32; // items, without the crawler
  pad: u32;
  bytes: u64; // their itemTotal
}

const lists = memory.data(256 * 24, 16);

// @ts-ignore: decorator
@inline
export function lruList(id: u32): LruList {
  return changetype<LruList>(lists + <usize>id * 24);
}

/** Whether flush_all has made the item a thing of the past. */
// @ts-ignore: decorator
@inline
export function itemIsFlushed(it: usize): bool {
  const oldest = settings.oldestLive;
  return oldest != 0 && flushedSlow(it, oldest);
}
function flushedSlow(it: usize, oldest: u32): bool {
  if (oldest > currentTime) return false;
  const i = changetype<Item>(it);
  return i.time <= oldest || (settings.oldestCas != 0 && i.cas != 0 && i.cas < settings.oldestCas);
}

/** A crawler's place in a list (crawler.ts): looks like an item without key and value. */
// @ts-ignore: decorator
@inline
function isCrawler(it: usize): bool {
  const i = changetype<Item>(it);
  return i.nbytes == 0 && i.nkey == 0 && i.flags == ITEM_LINKED;
}

export function lruLink(it: usize): void {
  const i = changetype<Item>(it);
  const l = lruList(i.clsid);
  const head = l.head;
  i.prev = 0;
  i.next = head;
  if (head) changetype<Item>(head).prev = it;
  else l.tail = it;
  l.head = it;
  l.size++;
  l.bytes += itemTotal(it);
}

export function lruUnlink(it: usize): void {
  const i = changetype<Item>(it);
  const l = lruList(i.clsid);
  const next = i.next;
  const prev = i.prev;
  if (next) changetype<Item>(next).prev = prev;
  else l.tail = prev;
  if (prev) changetype<Item>(prev).next = next;
  else l.head = next;
  l.size--;
  l.bytes -= itemTotal(it);
}

/** An item has moved in memory: its copy takes its place in the list. */
export function lruReplace(it: usize, copy: usize): void {
  const i = changetype<Item>(it);
  const l = lruList(i.clsid);
  if (i.next) changetype<Item>(i.next).prev = copy;
  else l.tail = copy;
  if (i.prev) changetype<Item>(i.prev).next = copy;
  else l.head = copy;
}

/** One holder less; the last one gives the memory back. */
export function itemRemove(it: usize): void {
  const i = changetype<Item>(it);
  if (--i.refcount) return;
  const id = itemClsid(it);
  if (id == powerLargest) runFree(it);
  else slabsFree(it, id);
}

/** Out of the table and its list; the memory goes when nobody holds it any more. */
export function itemUnlink(it: usize): void {
  const i = changetype<Item>(it);
  if (!(i.flags & ITEM_LINKED)) return;
  i.flags &= ~(<u16>ITEM_LINKED);
  state.currBytes -= itemTotal(it);
  state.currItems--;
  sizesCount(it, -1);
  tableDelete(it);
  lruUnlink(it);
  itemRemove(it);
}

function moveTo(it: usize, list: u32): void {
  lruUnlink(it);
  changetype<Item>(it).clsid = <u8>(itemClsid(it) | list);
  lruLink(it);
}

/** Something has happened to the item that counts as use. */
export function itemUpdate(it: usize): void {
  const i = changetype<Item>(it);
  if (!(i.flags & ITEM_LINKED)) return;
  if (settings.lruSegmented) {
    i.time = currentTime;
    if ((i.clsid & TEMP_LRU) == COLD_LRU && i.flags & ITEM_ACTIVE) {
      i.flags &= ~(<u16>ITEM_ACTIVE);
      moveTo(it, WARM_LRU);
      lruStats(i.clsid).movesToWarm++;
    }
  } else if (i.time < currentTime - ITEM_UPDATE_INTERVAL) {
    i.time = currentTime;
    lruUnlink(it);
    lruLink(it);
  }
}

/**
 * The item was fetched. The first time marks it FETCHED, the second ACTIVE, and only that one moves anything:
 * memcached queues the move for its maintainer, here it is done at once, for no lock is in the way.
 */
// @ts-ignore: decorator
@inline
export function itemBump(it: usize): void {
  if ((changetype<Item>(it).flags & ITEM_ACTIVE) == 0 || !settings.lruSegmented) bumpSlow(it);
}
function bumpSlow(it: usize): void {
  const i = changetype<Item>(it);
  if (!settings.lruSegmented) {
    i.flags |= <u16>ITEM_FETCHED;
    itemUpdate(it);
  } else if (!(i.flags & ITEM_FETCHED)) i.flags |= <u16>ITEM_FETCHED;
  else {
    i.flags |= <u16>ITEM_ACTIVE;
    if ((i.clsid & TEMP_LRU) != COLD_LRU) i.time = currentTime;
    else itemUpdate(it);
  }
}

/**
 * Works the tail of one list of a class; how many items were removed or moved. `totalBytes`: what the class' lists hold together (0: everything is over
 * its share). `maxAge`: idle seconds after which an item of HOT or WARM falls.
 */
export function lruPullTail(cls: u32, list: u32, totalBytes: u64, flags: u32, maxAge: u32): i32 {
  if (cls == 0) return 0;
  const id = cls | list;
  const l = lruList(id);
  let removed = 0;
  let search = l.tail;
  let previous: usize = 0;
  for (let tries = TRIES; tries > 0 && search; tries--, search = previous) {
    const i = changetype<Item>(search);
    previous = i.prev;
    if (isCrawler(search)) {
      if (flags & LRU_PULL_CRAWL_BLOCKS) return 0;
      tries++;
      continue;
    }
    if (i.refcount != 1) {
      // Somebody still sends it: it can be unlinked all the same, its memory comes later.
      lruStats(id).lrutailReflocked++;
    }
    if ((i.exptime != 0 && i.exptime < currentTime) || itemIsFlushed(search)) {
      const s = lruStats(id);
      s.reclaimed++;
      if (!(i.flags & ITEM_FETCHED)) s.expiredUnfetched++;
      itemUnlink(search);
      removed++;
      continue;
    }
    if (list == COLD_LRU) {
      if (flags & LRU_PULL_EVICT) {
        if (settings.evictToFree) {
          evict(search, cls);
          removed++;
        }
      } else if (i.flags & ITEM_ACTIVE && settings.lruSegmented) {
        lruStats(id).movesToWarm++;
        i.flags &= ~(<u16>ITEM_ACTIVE);
        moveTo(search, WARM_LRU);
        removed++;
      }
      break;
    }
    if (list == TEMP_LRU) break;
    if (i.flags & ITEM_ACTIVE) {
      i.flags &= ~(<u16>ITEM_ACTIVE);
      removed++;
      if (list == WARM_LRU) {
        lruStats(id).movesWithinLru++;
        lruUnlink(search);
        lruLink(search);
        continue;
      }
      lruStats(id).movesToWarm++;
      moveTo(search, WARM_LRU);
    } else if (
      l.bytes > (totalBytes * <u64>(list == HOT_LRU ? settings.hotLruPct : settings.warmLruPct)) / 100 ||
      currentTime - i.time > maxAge
    ) {
      lruStats(id).movesToCold++;
      moveTo(search, COLD_LRU);
      removed++;
    }
    break;
  }
  return removed;
}

function evict(it: usize, cls: u32): void {
  const i = changetype<Item>(it);
  const s = lruStats(cls | COLD_LRU);
  s.evicted++;
  s.evictedTime = currentTime - i.time;
  if (i.exptime != 0) s.evictedNonzero++;
  if (!(i.flags & ITEM_FETCHED)) s.evictedUnfetched++;
  if (i.flags & ITEM_ACTIVE) s.evictedActive++;
  if (logFlags & LOG_EVICTIONS) logEviction(it);
  itemUnlink(it);
  if (settings.slabAutomove == 2) slabsReassign(-1, cls);
}
