/**
 * Everything that happens in the background: the LRU lists are kept at their shares, expired items are crawled for, pages move between
 * classes, the hash table grows. One timer of the ring drives it; each tick does a bounded slice of each job, so nobody waits long.
 *
 * Ticks come every millisecond while there is work, and at longer and longer distances, up to a second, while there is none.
 */
import { sys_ring_timer, sys_ring_timer_cancel } from "../lib/sys";
import { automove, automoveInit, automoveSource, automoveTarget } from "./automove";
import { currentTime } from "./clock";
import { crawlHistogram, crawlerInit, crawlerStart, crawlerStep, crawlStats, CRAWL_AUTOEXPIRE } from "./crawler";
import { Item } from "./item";
import { COLD_LRU, HOT_LRU, LRU_PULL_CRAWL_BLOCKS, lruList, lruPullTail, TEMP_LRU, WARM_LRU } from "./lru";
import { LOG_SYSEVENTS, logCrawl, logFlags, logSlabMove } from "./log";
import { settings } from "./settings";
import { slabMoverStep, slabsReassign, MOVER_BUSY, MOVER_MORE } from "./slab-mover";
import { POWER_SMALLEST, powerLargest } from "./slabs";
import { LRU_LISTS, stats } from "./stats";
import { tableSplit } from "./table";

/** `user` of the maintainer's timer events. */
export const TIMER_MAINTAIN: u32 = 0x6d61696e;

const SLEEP_MIN_MS: f64 = 1;
const SLEEP_MAX_MS: f64 = 1000;
/** What one tick may do of each job: about a millisecond's worth each. */
const PULLS_PER_TICK: i32 = 2000;
const CRAWLS_PER_TICK: u32 = 1000;
const MOVES_PER_TICK: u32 = 500;
const SPLITS_PER_TICK: u32 = 4096;
/** Rounds of one class before the next has its turn. */
const JUGGLES_MAX: i32 = 500;
/** Every list is crawled at least once an hour. */
const CRAWL_WAIT_MAX: u32 = 3600;
/** A page with something in flight on it is looked at again after so long. */
const BUSY_WAIT_MS: f64 = 10;

const nextJuggle = memory.data(64 * 8, 16); // f64, milliseconds from now
const backoff = memory.data(64 * 8, 16); // f64, milliseconds
const nextCrawl = memory.data(256 * 4, 16);
const crawlWait = memory.data(256 * 4, 16);
const todo = memory.data(256);

let timer: i32 = -1;
let lastSleep: f64 = 1;
let classCursor: u32 = 1;
let lastCrawlCheck: u32 = 0;
let lastAutomove: u32 = 0;

export function maintainerInit(): void {
  crawlerInit();
  automoveInit();
  schedule(SLEEP_MIN_MS);
}

function schedule(ms: f64): void {
  lastSleep = ms;
  timer = sys_ring_timer(ms, TIMER_MAINTAIN);
}

/** There is something to do now (a page to move, a crawl). */
export function maintainerWake(): void {
  if (timer < 0 || lastSleep <= SLEEP_MIN_MS) return;
  sys_ring_timer_cancel(timer);
  schedule(SLEEP_MIN_MS);
}

/** The timer has fired. */
export function maintainerTick(): void {
  timer = -1;
  let sleep = SLEEP_MAX_MS;
  stats.lruMaintainerJuggles++;
  if (tableSplit(SPLITS_PER_TICK)) sleep = SLEEP_MIN_MS;
  if (settings.lruMaintainer) {
    sleep = min(sleep, juggleAll());
    if (settings.lruCrawler && lastCrawlCheck != currentTime) {
      lastCrawlCheck = currentTime;
      crawlCheck();
    }
    if (settings.slabAutomove == 1 && settings.slabReassign && lastAutomove != currentTime) {
      automove();
      if (automoveSource != -1 && automoveTarget != -1) {
        slabsReassign(automoveSource, automoveTarget);
        if (logFlags & LOG_SYSEVENTS) logSlabMove(automoveSource, automoveTarget);
      }
      // Giving back to the pool goes on at once; everything else is thought over for a second.
      if (automoveTarget != 0) lastAutomove = currentTime;
      else sleep = SLEEP_MIN_MS;
    }
  }
  if (crawlerStep(CRAWLS_PER_TICK)) sleep = SLEEP_MIN_MS;
  const moved = slabMoverStep(MOVES_PER_TICK);
  if (moved == MOVER_MORE) sleep = SLEEP_MIN_MS;
  else if (moved == MOVER_BUSY) sleep = min(sleep, BUSY_WAIT_MS);
  schedule(max(sleep, SLEEP_MIN_MS));
}

/** Keeps the lists of all classes at their shares, as far as the tick's budget goes; milliseconds until there is more to do. */
function juggleAll(): f64 {
  const passed = max(lastSleep, SLEEP_MIN_MS);
  let sleep = SLEEP_MAX_MS;
  let pulls = PULLS_PER_TICK;
  for (let id: u32 = POWER_SMALLEST; id <= powerLargest; id++) {
    const p = nextJuggle + (<usize>id << 3);
    store<f64>(p, max<f64>(load<f64>(p) - passed, 0));
  }
  for (let n: u32 = 0; n < powerLargest; n++) {
    if (++classCursor > powerLargest) classCursor = POWER_SMALLEST;
    const at = <usize>classCursor << 3;
    let wait = load<f64>(nextJuggle + at);
    if (wait <= 0) {
      if (pulls <= 0) {
        classCursor--; // next time from here
        return SLEEP_MIN_MS;
      }
      const moves = juggle(classCursor, min(JUGGLES_MAX, pulls));
      pulls -= moves;
      wait = load<f64>(backoff + at);
      if (!moves) wait = wait ? min(wait * 1.125, SLEEP_MAX_MS) : SLEEP_MIN_MS;
      else {
        wait /= 2;
        if (wait < SLEEP_MIN_MS) wait = 0;
      }
      store<f64>(backoff + at, wait);
      store<f64>(nextJuggle + at, wait);
    }
    if (wait < sleep) sleep = wait;
  }
  return sleep;
}

/** Works the tails of a class' lists up to `rounds` times; how often something moved. */
function juggle(id: u32, rounds: i32): i32 {
  let moves = 0;
  if (settings.tempLru) {
    for (let i = 0; i < rounds && lruPullTail(id, TEMP_LRU, 0, 0, 0) > 0; i++) moves++;
  }
  // A flat LRU has only COLD: with no age allowed and no share, the others drain into it.
  let total: u64 = 0;
  let hotAge: u32 = 0;
  let warmAge: u32 = 0;
  if (settings.lruSegmented) {
    const cold = lruList(id | COLD_LRU);
    const age: u32 = cold.tail ? currentTime - changetype<Item>(cold.tail).time : 0;
    hotAge = <u32>(<f64>age * settings.hotMaxFactor);
    warmAge = <u32>min<f64>(<f64>age * settings.warmMaxFactor, 4294967295);
    total = cold.bytes + lruList(id | HOT_LRU).bytes + lruList(id | WARM_LRU).bytes;
  }
  for (let i = 0; i < rounds; i++) {
    let more = lruPullTail(id, HOT_LRU, total, LRU_PULL_CRAWL_BLOCKS, hotAge) || lruPullTail(id, WARM_LRU, total, LRU_PULL_CRAWL_BLOCKS, warmAge) ? 1 : 0;
    if (settings.lruSegmented) more += lruPullTail(id, COLD_LRU, total, LRU_PULL_CRAWL_BLOCKS, 0);
    if (!more) break;
    moves++;
  }
  return moves;
}

/**
 * Once a second: which lists to crawl. What the last crawl saw tells how many items expire in each of the next minutes; a list is crawled
 * again when that is more than 1 % of what can expire, and waits a minute longer each time there was nothing, up to an hour.
 */
function crawlCheck(): void {
  let any = false;
  let longest: u32 = 0;
  for (let id: u32 = 0; id < LRU_LISTS; id++) {
    store<u8>(todo + id, 0);
    if (!(id & 63)) continue;
    const next = nextCrawl + (<usize>id << 2);
    const s = crawlStats(id);
    if (s.runComplete) {
      const waitAt = crawlWait + (<usize>id << 2);
      let wait = load<u32>(waitAt);
      const low = (s.seen - s.noexp) / 100 + 1;
      let available: u64 = 0;
      for (let minute: u32 = 0; minute < 60; minute++) {
        available += crawlHistogram(id, minute);
        if (available > low) {
          if (wait < minute * 60) wait += 60;
          else if (wait >= 60) wait -= 60;
          break;
        }
      }
      if (!available) wait += 60;
      wait = min(wait, CRAWL_WAIT_MAX);
      store<u32>(waitAt, wait);
      store<u32>(next, currentTime + wait + 5);
      if (logFlags & LOG_SYSEVENTS) logCrawl(id, low, available, s, wait + 5);
      s.runComplete = false;
    }
    if (currentTime > load<u32>(next)) {
      longest = max(longest, lruList(id).size);
      store<u8>(todo + id, 1);
      store<u32>(next, currentTime + 5);
      any = true;
    }
  }
  if (!any) return;
  if (settings.lruCrawlerTocrawl && settings.lruCrawlerTocrawl < longest) longest = settings.lruCrawlerTocrawl;
  crawlerStart(todo, longest, CRAWL_AUTOEXPIRE);
}
