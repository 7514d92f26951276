/**
 * The LRU crawler: walks lists from the tail to the head and takes out what has expired; or hands every item to somebody who dumps them
 * (`lru_crawler metadump`, also over the hash table).
 *
 * In each list it walks it stands as an item of its own (no key, no value), so the list may change as it likes between two slices. A slice is
 * `crawlerStep`; `maintainer.ts` calls it. One crawl at a time, of all the lists it was asked for.
 */
import { alloc } from "../lib/raw/alloc";
import { equalText } from "../lib/raw/bytes";
import { parsedU64, parseU64 } from "../lib/raw/number";
import { currentTime } from "./clock";
import { Item, ITEM_FETCHED, ITEM_LINKED } from "./item";
import { itemIsFlushed, itemUnlink, lruList } from "./lru";
import { maintainerWake } from "./maintainer";
import { settings } from "./settings";
import { POWER_SMALLEST } from "./slabs";
import { CLASSES_MAX, LRU_LISTS, lruStats, state, stats } from "./stats";
import { inBucket, tableBucket, tableBuckets } from "./table";

/** Kinds of crawl: the maintainer's own, with statistics; `lru_crawler crawl`; `lru_crawler metadump`. */
export const CRAWL_AUTOEXPIRE: i32 = 0;
export const CRAWL_EXPIRED: i32 = 1;
export const CRAWL_METADUMP: i32 = 2;

/** Answers to whoever asks for a crawl. */
export const CRAWLER_OK: i32 = 0;
export const CRAWLER_RUNNING: i32 = 1;
export const CRAWLER_BADCLASS: i32 = 2;
export const CRAWLER_NOTSTARTED: i32 = 3;
export const CRAWLER_ERROR: i32 = 4;

/** `remaining`: as many items as the list has now. */
export const CRAWL_CAP_REMAINING: u32 = 0xffffffff;

/** A dump's answers before each item. */
export const DUMP_READY: i32 = 0;
export const DUMP_WAIT: i32 = 1; // the output is full: again in the next slice
export const DUMP_GONE: i32 = 2; // nobody reads any more

/** After an asked-for crawl was refused, the maintainer leaves the crawler alone for so long. */
const AUTOEXPIRE_BLOCKED_SECONDS: u32 = 60;
/** Items of one list before the next gets its turn. */
const BATCH: u32 = 64;

/** What stands in a list, and its counters. */
@unmanaged
class Crawler extends Item {
  remaining: u32; // items left + 1; 0: no limit
  pad: u32;
  reclaimed: u64;
  unfetched: u64;
  checked: u64;
}

/** What an automatic crawl learns of a list: how many items expire in each of the next 60 minutes. */
@unmanaged
export class CrawlStats {
  seen: u64;
  noexp: u64;
  reclaimed: u64;
  startTime: u32;
  endTime: u32;
  runComplete: bool;
  ttlHourplus: u32;
  /** 61 words follow. */
}
const CRAWL_STATS_BYTES: usize = 48 + 61 * 4;
const HISTOGRAM: usize = 44;

const crawlers = memory.data(256 * 80, 16);
const wanted = memory.data(256);
let crawlStatsBase: usize = 0;
let active = 0; // lists being walked
let kind = CRAWL_EXPIRED;
let cursor: u32 = 0;
let hashMode = false;
let hashBucket: u32 = 0;
let autoBlockedUntil: u32 = 0;

function nobodyReady(): i32 {
  return DUMP_GONE;
}
function nobodyLine(it: usize): void {}
function nobodyEnd(): void {}
let dumpReady: () => i32 = nobodyReady;
let dumpLine: (it: usize) => void = nobodyLine;
let dumpEnd: () => void = nobodyEnd;

/** Who gets the next metadump: asked before each item, given each item that is alive, told of the end (also after DUMP_GONE). */
export function crawlerDumpTo(ready: () => i32, line: (it: usize) => void, end: () => void): void {
  dumpReady = ready;
  dumpLine = line;
  dumpEnd = end;
}

export function crawlerInit(): void {
  crawlStatsBase = alloc(<usize>LRU_LISTS * CRAWL_STATS_BYTES);
  memory.fill(crawlStatsBase, 0, <usize>LRU_LISTS * CRAWL_STATS_BYTES);
}

export function crawlStats(id: u32): CrawlStats {
  return changetype<CrawlStats>(crawlStatsBase + <usize>id * CRAWL_STATS_BYTES);
}
/** Items that expire in `minute` minutes from the crawl. */
export function crawlHistogram(id: u32, minute: u32): u32 {
  return load<u32>(crawlStatsBase + <usize>id * CRAWL_STATS_BYTES + HISTOGRAM + (minute << 2));
}

// @ts-ignore: decorator
@inline
function crawlerOf(id: u32): Crawler {
  return changetype<Crawler>(crawlers + <usize>id * 80);
}

/** "all", "hash" or class numbers with commas between them, as the commands have them. */
export function crawlerCrawl(p: usize, n: usize, type: i32, remaining: u32): i32 {
  memory.fill(wanted, 0, LRU_LISTS);
  let lists = wanted;
  if (equalText(p, n, "all")) memory.fill(wanted, 1, LRU_LISTS);
  else if (equalText(p, n, "hash")) lists = 0;
  else {
    const end = p + n;
    while (p < end) {
      let to = p;
      while (to < end && load<u8>(to) != 44) to++;
      if (to > p) {
        if (!parseU64(p, to - p) || parsedU64 < POWER_SMALLEST || parsedU64 >= CLASSES_MAX) return CRAWLER_BADCLASS;
        for (let list: u32 = 0; list < LRU_LISTS; list += CLASSES_MAX) store<u8>(wanted + <usize>(<u32>parsedU64 | list), 1);
      }
      p = to + 1;
    }
  }
  const starts = crawlerStart(lists, remaining, type);
  if (starts == -1) return CRAWLER_RUNNING;
  if (starts == -2) return CRAWLER_ERROR;
  return starts ? CRAWLER_OK : CRAWLER_NOTSTARTED;
}

/** Starts walking the lists with a 1 in `lists` (256 bytes; 0: the hash table); how many, -1 when another crawl runs, -2 when there can be none. */
export function crawlerStart(lists: usize, remaining: u32, type: i32): i32 {
  const running = state.lruCrawlerRunning != 0;
  if (!settings.lruCrawler) return -2;
  if (running && !(type == CRAWL_AUTOEXPIRE && kind == CRAWL_AUTOEXPIRE)) {
    autoBlockedUntil = currentTime + AUTOEXPIRE_BLOCKED_SECONDS;
    return -1;
  }
  if (type == CRAWL_AUTOEXPIRE && autoBlockedUntil > currentTime) return -1;
  if (type != CRAWL_METADUMP && !lists) return -2;
  if (!running) {
    kind = type;
    if (type == CRAWL_AUTOEXPIRE) {
      memory.fill(crawlStatsBase, 0, <usize>LRU_LISTS * CRAWL_STATS_BYTES);
      for (let id: u32 = 0; id < LRU_LISTS; id++) crawlStats(id).startTime = currentTime;
    }
  }
  let starts = 0;
  if (!lists) {
    hashMode = true;
    hashBucket = 0;
    starts = 1;
  } else {
    for (let id: u32 = 0; id < LRU_LISTS; id++) {
      if (id & 63 && load<u8>(lists + id) && !crawlerOf(id).flags) {
        enter(id, remaining);
        starts++;
      }
    }
  }
  if (starts) {
    state.lruCrawlerRunning = 1;
    stats.lruCrawlerStarts++;
    maintainerWake();
  }
  return starts;
}

/** Puts the crawler at the tail of a list. */
function enter(id: u32, remaining: u32): void {
  const c = crawlerOf(id);
  const l = lruList(id);
  if (remaining == CRAWL_CAP_REMAINING) remaining = l.size;
  memory.fill(changetype<usize>(c), 0, 80);
  c.flags = <u16>ITEM_LINKED;
  c.clsid = <u8>id;
  if (remaining) c.remaining = remaining + 1;
  c.prev = l.tail;
  if (l.tail) changetype<Item>(l.tail).next = changetype<usize>(c);
  else l.head = changetype<usize>(c);
  l.tail = changetype<usize>(c);
  active++;
}

/** Swaps places with the item in front; that item, or 0 at the head. */
function advance(id: u32): usize {
  const c = crawlerOf(id);
  const l = lruList(id);
  const self = changetype<usize>(c);
  const front = c.prev;
  if (!front) return 0;
  const f = changetype<Item>(front);
  const before = f.prev;
  f.next = c.next;
  if (c.next) changetype<Item>(c.next).prev = front;
  else l.tail = front;
  c.prev = before;
  if (before) changetype<Item>(before).next = self;
  else l.head = self;
  c.next = front;
  f.prev = self;
  return front;
}

function leave(id: u32): void {
  const c = crawlerOf(id);
  const l = lruList(id);
  if (c.next) changetype<Item>(c.next).prev = c.prev;
  else l.tail = c.prev;
  if (c.prev) changetype<Item>(c.prev).next = c.next;
  else l.head = c.next;
  c.flags = 0;
  active--;
  const s = lruStats(id);
  s.crawlerReclaimed += c.reclaimed;
  s.expiredUnfetched += c.unfetched;
  s.crawlerItemsChecked += c.checked;
  if (kind == CRAWL_AUTOEXPIRE) {
    crawlStats(id).endTime = currentTime;
    crawlStats(id).runComplete = true;
  }
}

function isDead(it: usize): bool {
  const i = changetype<Item>(it);
  return (i.exptime != 0 && i.exptime < currentTime) || itemIsFlushed(it);
}

function look(id: u32, it: usize): void {
  const i = changetype<Item>(it);
  if (kind == CRAWL_METADUMP) {
    if (!isDead(it)) dumpLine(it);
    return;
  }
  const s = crawlStats(id);
  if (isDead(it)) {
    const c = crawlerOf(id);
    c.reclaimed++;
    s.reclaimed++;
    if (!(i.flags & ITEM_FETCHED) && !itemIsFlushed(it)) c.unfetched++;
    itemUnlink(it);
    return;
  }
  s.seen++;
  if (i.exptime == 0) s.noexp++;
  else if (i.exptime - currentTime > 3599) s.ttlHourplus++;
  else {
    const p = changetype<usize>(s) + HISTOGRAM + (<usize>((i.exptime - currentTime) / 60) << 2);
    store<u32>(p, load<u32>(p) + 1);
  }
}

/** Looks at up to `budget` items; whether it should be called again soon. */
export function crawlerStep(budget: u32): bool {
  if (!state.lruCrawlerRunning) return false;
  if (hashMode) {
    if (walkTable(budget)) return true;
  } else {
    let looked: u32 = 0;
    while (active && looked < budget) {
      for (; cursor < LRU_LISTS && looked < budget; cursor++) {
        if (!crawlerOf(cursor).flags) continue;
        const n = walkList(cursor);
        if (n < 0) return true;
        looked += n;
      }
      if (cursor == LRU_LISTS) cursor = 0;
    }
    if (active) return true;
  }
  state.lruCrawlerRunning = 0;
  hashMode = false;
  if (kind == CRAWL_METADUMP) dumpEnd();
  return false;
}

/** A batch of one list: items looked at, or -1 when a dump has to wait. */
function walkList(id: u32): i32 {
  const c = crawlerOf(id);
  let n = 0;
  for (; n < <i32>BATCH; n++) {
    if (kind == CRAWL_METADUMP) {
      const ready = dumpReady();
      if (ready == DUMP_WAIT) return -1;
      if (ready == DUMP_GONE) {
        leave(id);
        return n + 1;
      }
    }
    const it = advance(id);
    if (!it || (c.remaining && --c.remaining < 1)) {
      leave(id);
      return n + 1;
    }
    // What somebody is sending is looked at another time.
    if (changetype<Item>(it).refcount != 1) continue;
    c.checked++;
    look(id, it);
  }
  return n;
}

/** Buckets of the hash table; whether there are more. A bucket is dumped as a whole, so that growth in between loses nothing. */
function walkTable(budget: u32): bool {
  while (hashBucket < tableBuckets()) {
    if (!budget--) return true;
    const ready = dumpReady();
    if (ready == DUMP_WAIT) return true;
    if (ready == DUMP_GONE) return false;
    let it = tableBucket(hashBucket);
    while (it) {
      const next = changetype<Item>(it).hnext;
      if (inBucket(it, hashBucket) && !isDead(it)) dumpLine(it);
      it = next;
    }
    hashBucket++;
  }
  return false;
}
