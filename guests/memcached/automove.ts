/**
 * Decides which slab class should give a page to which, from what the last `slab_automove_window` seconds were like: memcached's algorithm. A class with free
 * chunks for more than two pages gives one to the pool; otherwise, when a class evicts and its oldest items are much younger
 * (`slab_automove_ratio`) than another one's, that one gives it a page.
 */
import { alloc } from "../lib/raw/alloc";
import { currentTime } from "./clock";
import { Item } from "./item";
import { COLD_LRU, HOT_LRU, lruList } from "./lru";
import { settings } from "./settings";
import { POWER_SMALLEST, slabClass, slabsFreeChunks } from "./slabs";
import { CLASSES_MAX, lruStats } from "./stats";

const MIN_PAGES_FOR_SOURCE: u32 = 2;
const MIN_PAGES_FOR_RECLAIM: f64 = 2.5;

/** One second of one class. */
@unmanaged
class Second {
  age: u64;
  evictedRatio: f64; // of all evictions of that second
  evictedSeen: u32;
  dirty: u32; // evictions, new pages or no memory
}

/** A class' counters a second ago. */
@unmanaged
class Before {
  evicted: u64;
  outofmemory: u64;
  pages: u64;
}

let seconds: usize = 0;
const befores = memory.data(64 * 24, 16);
let windowCursor: u32 = 0;
let lastRatio: f64 = 0;

/** The decision of the last automove: classes, or -1. */
export let automoveSource: i32 = -1;
export let automoveTarget: i32 = -1;

export function automoveInit(): void {
  const bytes = <usize>settings.slabAutomoveWindow * CLASSES_MAX * offsetof<Second>();
  if (!seconds) seconds = alloc(bytes);
  memory.fill(seconds, 0, bytes);
  windowCursor = 0;
  lastRatio = settings.slabAutomoveRatio;
  for (let id: u32 = POWER_SMALLEST; id < CLASSES_MAX; id++) remember(id);
}

// @ts-ignore: decorator
@inline
function before(id: u32): Before {
  return changetype<Before>(befores + <usize>id * offsetof<Before>());
}

function remember(id: u32): void {
  const b = before(id);
  b.evicted = lruStats(id | COLD_LRU).evicted;
  b.outofmemory = lruStats(id | HOT_LRU).outofmemory;
  b.pages = slabClass(id).slabs;
}

/** How long COLD's oldest item has been idle. */
function tailAge(id: u32): u32 {
  let tail = lruList(id | COLD_LRU).tail;
  if (tail && changetype<Item>(tail).nkey == 0) tail = changetype<Item>(tail).prev; // a crawler
  return tail ? currentTime - changetype<Item>(tail).time : 0;
}

/** Once a second. */
export function automove(): void {
  automoveSource = -1;
  automoveTarget = -1;
  if (lastRatio != settings.slabAutomoveRatio) automoveInit();
  const size = settings.slabAutomoveWindow;
  let evictedTotal: u64 = 0;
  // A `stats reset` in between makes the counters smaller: then nothing was evicted that anybody knows of.
  for (let id: u32 = POWER_SMALLEST; id < CLASSES_MAX; id++) evictedTotal += since(lruStats(id | COLD_LRU).evicted, before(id).evicted);
  windowCursor++;
  let oldest = -1;
  let oldestAge: u64 = 0;
  let youngest = -1;
  let youngestAge: u64 = u64.MAX_VALUE;
  let youngestEvicting = false;
  for (let id: u32 = POWER_SMALLEST; id < CLASSES_MAX; id++) {
    const base = seconds + <usize>(id * size) * offsetof<Second>();
    const w = changetype<Second>(base + <usize>(windowCursor % size) * offsetof<Second>());
    const p = slabClass(id);
    const b = before(id);
    const evicted = since(lruStats(id | COLD_LRU).evicted, b.evicted);
    w.evictedRatio = evicted ? <f64>evicted / <f64>evictedTotal : 0;
    w.evictedSeen = evicted ? 1 : 0;
    w.dirty = evicted || since(lruStats(id | HOT_LRU).outofmemory, b.outofmemory) || since(p.slabs, b.pages) ? 1 : 0;
    w.age = tailAge(id);
    let age: u64 = 0;
    let dirty: u32 = 0;
    let ratio: f64 = 0;
    let seen: u32 = 0;
    for (let i: u32 = 0; i < size; i++) {
      const s = changetype<Second>(base + <usize>i * offsetof<Second>());
      age += s.age;
      dirty += s.dirty;
      ratio += s.evictedRatio;
      seen += s.evictedSeen;
    }
    age /= size;
    if (<f64>slabsFreeChunks(id) > <f64>p.perslab * MIN_PAGES_FOR_RECLAIM && !dirty) {
      automoveSource = id;
      automoveTarget = 0;
      youngest = -1;
      oldest = -1;
      break;
    }
    if (age > oldestAge && p.slabs > MIN_PAGES_FOR_SOURCE) {
      oldest = id;
      oldestAge = age;
    }
    if (age < youngestAge && (seen > size / 2 || ratio / <f64>size > 0.25)) {
      youngest = id;
      youngestAge = age;
      youngestEvicting = w.evictedSeen != 0;
    }
  }
  for (let id: u32 = POWER_SMALLEST; id < CLASSES_MAX; id++) remember(id);
  if (youngest == -1 || oldest == -1 || windowCursor <= size) return;
  if (<f64>youngestAge < <f64>oldestAge * settings.slabAutomoveRatio && youngestEvicting) {
    automoveSource = oldest;
    automoveTarget = youngest;
  }
}

function since(now: u64, then: u64): u64 {
  return now > then ? now - then : 0;
}
