/**
 * Moves one page of memory from one slab class to another, or to the pool, while the server serves: so memory is never locked into a class.
 *
 * The oldest page of the source is emptied chunk by chunk, in slices (`slabMoverStep`): free chunks are taken out of the free list, items are copied to other
 * free chunks of the class (their place in table and LRU list stays, and their CAS number) or, if there are none, evicted. A chunk somebody
 * holds (a value in flight, an upload) is waited for; after BUSY_LOOPS_MAX rounds its item is at least unlinked.
 *
 * What always holds while a move is under way: a chunk of the page with the flags SLABBED|FETCHED is in no list and stays so.
 */
import { free } from "../lib/raw/alloc";
import { currentTime } from "./clock";
import { Item, ITEM_FETCHED, ITEM_HEADER, ITEM_LINKED, ITEM_SLABBED } from "./item";
import { COLD_LRU, HOT_LRU, itemIsFlushed, itemUnlink, LRU_PULL_EVICT, lruPullTail, lruReplace, WARM_LRU } from "./lru";
import { maintainerWake } from "./maintainer";
import {
  freshFlush,
  GLOBAL_PAGE_POOL,
  PAGE_BYTES,
  pageBytes,
  poolAdd,
  POWER_SMALLEST,
  powerLargest,
  runBytes,
  slabClass,
  slabPageAdd,
  slabsAlloc,
  slabsCutFree,
} from "./slabs";
import { state, stats } from "./stats";
import { tableReplace } from "./table";

/** slabsReassign's answers. */
export const REASSIGN_OK: i32 = 0;
export const REASSIGN_RUNNING: i32 = 1;
export const REASSIGN_BADCLASS: i32 = 2;
export const REASSIGN_NOSPARE: i32 = 3;
export const REASSIGN_SRC_DST_SAME: i32 = 4;

/** slabMoverStep's answers. */
export const MOVER_IDLE: i32 = 0;
export const MOVER_MORE: i32 = 1;
export const MOVER_BUSY: i32 = 2;

const CLEARED: u32 = ITEM_SLABBED | ITEM_FETCHED;
const BUSY_LOOPS_MAX: u32 = 1000;

let running = false;
let source: u32 = 0;
let target: u32 = 0;
let start: usize = 0;
let end: usize = 0;
let position: usize = 0;
let busyItems: u32 = 0;
let busyLoops: u32 = 0;
let anyCursor: u32 = 0;

export function slabMoverRunning(): bool {
  return running;
}

/** A source with pages to spare, a different one each time; -1 if there is none. */
function pickAny(dst: i32): i32 {
  for (let tries = powerLargest; tries > 0; tries--) {
    if (++anyCursor > powerLargest) anyCursor = POWER_SMALLEST;
    if (<i32>anyCursor != dst && slabClass(anyCursor).slabs > 1) return <i32>anyCursor;
  }
  return -1;
}

/** Asks for one page of `src` (-1: any class) to be moved to `dst`. */
export function slabsReassign(src: i32, dst: i32): i32 {
  if (running) return REASSIGN_RUNNING;
  if (src == dst) return REASSIGN_SRC_DST_SAME;
  if (src == -1) src = pickAny(dst);
  const last = <i32>powerLargest;
  if (src < 0 || src > last || dst < 0 || dst > last) return REASSIGN_BADCLASS;
  if (slabClass(src).slabs < 2) return REASSIGN_NOSPARE;
  source = src;
  target = dst;
  const p = slabClass(source);
  start = 0;
  end = 0;
  if (source != powerLargest && source != GLOBAL_PAGE_POOL) {
    start = load<usize>(p.slabList);
    end = start + pageBytes(source);
    if (p.fresh > start && p.fresh <= end) freshFlush(p);
  }
  position = start;
  busyItems = 0;
  busyLoops = 0;
  running = true;
  state.slabReassignRunning = 1;
  maintainerWake();
  return REASSIGN_OK;
}

/** Works on up to `budget` chunks. */
export function slabMoverStep(budget: u32): i32 {
  if (!running) return MOVER_IDLE;
  if (source == powerLargest) return shrinkRuns(budget);
  const p = slabClass(source);
  while (budget-- && position < end) {
    clearChunk(position);
    position += p.bytes;
  }
  if (position < end) return MOVER_MORE;
  if (busyItems) {
    stats.slabReassignBusyItems += busyItems;
    busyItems = 0;
    busyLoops++;
    position = start;
    return MOVER_BUSY;
  }
  p.slabs--;
  if (source != GLOBAL_PAGE_POOL) {
    free(start);
    memory.copy(p.slabList, p.slabList + 4, <usize>p.slabs << 2);
  }
  give();
  return MOVER_IDLE;
}

/** The page belongs to nobody now. If the machine has no run of memory as long as the target's pages, it goes to the pool. */
function give(): void {
  if (target == powerLargest) slabClass(target).slabs++;
  else if (target == GLOBAL_PAGE_POOL || !slabPageAdd(target)) poolAdd();
  running = false;
  state.slabReassignRunning = 0;
  stats.slabsMoved++;
}

/** The largest class gives a page of its budget once its items leave that much. */
function shrinkRuns(budget: u32): i32 {
  const p = slabClass(source);
  while (runBytes > <u64>(p.slabs - 1) * PAGE_BYTES) {
    if (!budget--) return MOVER_MORE;
    if (lruPullTail(source, COLD_LRU, 0, LRU_PULL_EVICT, 0) > 0) stats.slabReassignEvictionsNomem++;
    else if (lruPullTail(source, HOT_LRU, 0, 0, 0) <= 0 && lruPullTail(source, WARM_LRU, 0, 0, 0) <= 0) {
      busyLoops++;
      return MOVER_BUSY;
    }
  }
  p.slabs--;
  give();
  return MOVER_IDLE;
}

/** Another free chunk of the source, none of this page. */
function chunkElsewhere(): usize {
  while (true) {
    const it = slabsAlloc(source, false);
    if (!it || it < start || it >= end) return it;
    changetype<Item>(it).flags = <u16>CLEARED;
    changetype<Item>(it).refcount = 0;
    stats.slabReassignInlineReclaim++;
  }
}

function clearChunk(it: usize): void {
  const i = changetype<Item>(it);
  const p = slabClass(source);
  if (i.flags == CLEARED) return;
  if (!(i.flags & ITEM_SLABBED)) {
    if (!(i.flags & ITEM_LINKED)) {
      busyItems++;
      return;
    }
    if (i.refcount > 1) {
      busyItems++;
      if (busyLoops > BUSY_LOOPS_MAX) {
        stats.slabReassignBusyDeletes++;
        itemUnlink(it);
      }
      return;
    }
    if ((i.exptime == 0 || i.exptime >= currentTime) && !itemIsFlushed(it)) {
      const copy = chunkElsewhere();
      if (copy) {
        memory.copy(copy, it, ITEM_HEADER + i.nkey + i.nbytes);
        lruReplace(it, copy);
        tableReplace(it, copy);
        i.flags = <u16>CLEARED;
        i.refcount = 0;
        stats.slabReassignRescues++;
        return;
      }
      stats.slabReassignEvictionsNomem++;
    }
    itemUnlink(it);
  }
  slabsCutFree(p, it);
  i.flags = <u16>CLEARED;
  i.refcount = 0;
}
