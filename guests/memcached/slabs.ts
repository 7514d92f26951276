/**
 * Slab classes: memory for items, in pages that each belong to one class and are cut into equal chunks.
 *
 * The class sizes are memcached 1.6's for the same -f, -n and -o options, and a page counts as its 1 MiB. Really a chunk has 8 bytes less, for an item's
 * CAS number lies in its header (item.ts), and a page is as long as its chunks together. A page is cut as it is used (`fresh`), so a new one costs nothing;
 * free chunks are a doubly linked list in `Item.next/prev`, so that the page mover can take one out of the middle.
 * Class 0 is the pool of pages that belong to nobody: they count, but their memory is the machine's.
 *
 * The largest class has no pages: what is too large for the others lies in a run of its own (`runAlloc`), contiguous, so that a value can always be
 * sent from where it lies. memcached chains chunks there; sizes, limits and the LRU list are the same.
 *
 * What always holds: `memMalloced` counts all pages, those that the largest class may fill with runs included; it does not exceed -m, except
 * that every class gets one page, and the largest one item, in any case.
 */
import { free, goodSize, tryAlloc, tryRealloc, usable } from "../lib/raw/alloc";
import { Item, ITEM_SLABBED } from "./item";
import { settings } from "./settings";
import { CLASSES_MAX, stats } from "./stats";

export const POWER_SMALLEST: u32 = 1;
export const GLOBAL_PAGE_POOL: u32 = 0;
export const PAGE_BYTES: u32 = 1 << 20;
const CHUNK_ALIGN: u32 = 8;
/** Sizes up to this are looked up, larger ones searched for. */
const TABLE_MAX: u32 = 8192;

@unmanaged
export class SlabClass {
  size: u32; // what a chunk counts
  bytes: u32; // what it has
  perslab: u32; // chunks of a page
  slots: usize; // free chunks
  fresh: usize; // chunks of the newest page that were never used: up to freshEnd
  freshEnd: usize;
  free: u32; // chunks in slots and fresh
  slabs: u32; // pages
  slabList: usize; // their addresses, oldest first
  listSize: u32; // words that slabList has room for
}

const classes = memory.data(64 * 40, 16);
const classTable = memory.data(1032, 16);

/** The class of runs. */
export let powerLargest: u32 = 0;
export let memLimit: u64 = 0;
export let memMalloced: u64 = 0;
/** Bytes of runs. */
export let runBytes: u64 = 0;

// @ts-ignore: decorator
@inline
export function slabClass(id: u32): SlabClass {
  return changetype<SlabClass>(classes + <usize>id * offsetof<SlabClass>());
}

/** Cuts the sizes, from the settings. */
export function slabsInit(): void {
  memory.fill(classes, 0, <usize>CLASSES_MAX * offsetof<SlabClass>());
  memLimit = settings.maxbytes;
  memMalloced = 0;
  const chunkMax = <u32>settings.slabChunkSizeMax;
  const sizes = settings.slabSizes;
  let id = POWER_SMALLEST;
  let size = 48 + <u32>settings.chunkSize;
  const spare: u32 = settings.useCas ? 8 : 0;
  for (; id < CLASSES_MAX - 1; id++) {
    if (sizes) {
      size = load<u32>(sizes + ((id - 1) << 2));
      if (!size) break;
    } else if (<f64>size >= <f64>chunkMax / settings.factor) break;
    size = (size + CHUNK_ALIGN - 1) & ~(CHUNK_ALIGN - 1);
    const p = slabClass(id);
    p.size = size;
    p.bytes = size - spare;
    p.perslab = PAGE_BYTES / size;
    if (!sizes) size = <u32>(<f64>size * settings.factor);
  }
  powerLargest = id;
  const p = slabClass(id);
  p.size = chunkMax;
  p.perslab = PAGE_BYTES / chunkMax;
  let cls = POWER_SMALLEST;
  for (let i: u32 = 0; i <= TABLE_MAX >> 3; i++) {
    while (cls < powerLargest && slabClass(cls).size < i << 3) cls++;
    store<u8>(classTable + i, <u8>cls);
  }
}

/** The class for `size` bytes, or 0 for more than an item may have. */
export function slabsClsid(size: u32): u32 {
  if (size <= TABLE_MAX) return size > <u32>settings.itemSizeMax ? 0 : load<u8>(classTable + ((size + 7) >> 3));
  if (size > <u32>settings.itemSizeMax) return 0;
  let cls: u32 = load<u8>(classTable + (TABLE_MAX >> 3));
  while (cls < powerLargest && size > slabClass(cls).size) cls++;
  return cls;
}

/** Makes room for one more page in a class' list; false when there is no memory for it. */
function slabListRoom(p: SlabClass): bool {
  if (p.slabs < p.listSize) return true;
  const size = p.listSize ? p.listSize << 1 : 16;
  const list = tryRealloc(p.slabList, <usize>size << 2);
  if (!list) return false;
  p.slabList = list;
  p.listSize = size;
  return true;
}

/** How long a page of this class is. */
export function pageBytes(id: u32): usize {
  const p = slabClass(id);
  return <usize>p.perslab * p.bytes;
}

/** Memory for a page that counts already becomes one of this class; false when there is none (then it still counts, as the caller's). */
export function slabPageAdd(id: u32): bool {
  const p = slabClass(id);
  if (!slabListRoom(p)) return false;
  const page = tryAlloc(pageBytes(id));
  if (!page) {
    stats.mallocFails++;
    return false;
  }
  store<usize>(p.slabList + ((p.slabs++) << 2), page);
  freshFlush(p);
  p.fresh = page;
  p.freshEnd = page + pageBytes(id);
  p.free += p.perslab;
  return true;
}

/** Makes listed free chunks of those that were never used. */
export function freshFlush(p: SlabClass): void {
  let it = p.fresh;
  while (it < p.freshEnd) {
    slotPush(p, it);
    it += p.bytes;
  }
  p.fresh = 0;
  p.freshEnd = 0;
}

// @ts-ignore: decorator
@inline
function slotPush(p: SlabClass, it: usize): void {
  const i = changetype<Item>(it);
  const head = p.slots;
  i.flags = <u16>ITEM_SLABBED;
  i.prev = 0;
  i.next = head;
  if (head) changetype<Item>(head).prev = it;
  p.slots = it;
}

/** Gives pages of the pool back as long as -m is exceeded. */
export function poolRelease(): void {
  const pool = slabClass(GLOBAL_PAGE_POOL);
  while (memMalloced > memLimit && pool.slabs) {
    pool.slabs--;
    memMalloced -= PAGE_BYTES;
  }
}

/** Counts one more page for a class, of the pool's or a new one; false at -m. */
function pageCount(mayExceed: bool): bool {
  const pool = slabClass(GLOBAL_PAGE_POOL);
  if (pool.slabs) pool.slabs--;
  else if (memLimit && memMalloced + PAGE_BYTES > memLimit && !mayExceed) return false;
  else memMalloced += PAGE_BYTES;
  return true;
}

function newSlab(id: u32): bool {
  if (!pageCount(slabClass(id).slabs == 0)) return false;
  if (slabPageAdd(id)) return true;
  memMalloced -= PAGE_BYTES;
  return false;
}

/** A chunk with `refcount` 1 and no flags, or 0. `newPage` false: only of what the class has. */
export function slabsAlloc(id: u32, newPage: bool): usize {
  const p = slabClass(id);
  if (p.free == 0 && (!newPage || !newSlab(id))) return 0;
  let it = p.slots;
  if (it) {
    const next = changetype<Item>(it).next;
    p.slots = next;
    if (next) changetype<Item>(next).prev = 0;
  } else {
    it = p.fresh;
    p.fresh = it + p.bytes;
  }
  p.free--;
  const i = changetype<Item>(it);
  i.flags = 0;
  i.refcount = 1;
  return it;
}

export function slabsFree(it: usize, id: u32): void {
  const p = slabClass(id);
  slotPush(p, it);
  p.free++;
}

/** Takes a free chunk out of its class' list. */
export function slabsCutFree(p: SlabClass, it: usize): void {
  const i = changetype<Item>(it);
  if (p.slots == it) p.slots = i.next;
  if (i.next) changetype<Item>(i.next).prev = i.prev;
  if (i.prev) changetype<Item>(i.prev).next = i.next;
  p.free--;
}

/**
 * Room for one item of the largest class that counts `total` bytes, or 0. The class has a budget of whole pages (`slabs`), which only the page mover takes
 * away again, as from the others; the memory itself goes back to the machine with each item.
 */
export function runAlloc(total: u32): usize {
  const p = slabClass(powerLargest);
  const bytes = <u64>goodSize(total);
  while (runBytes + bytes > <u64>p.slabs * PAGE_BYTES) {
    if (!pageCount(runBytes == 0)) return 0;
    p.slabs++;
  }
  const it = tryAlloc(total);
  if (!it) {
    stats.mallocFails++;
    return 0;
  }
  runBytes += usable(it);
  const i = changetype<Item>(it);
  i.flags = 0;
  i.refcount = 1;
  return it;
}

export function runFree(it: usize): void {
  runBytes -= usable(it);
  free(it);
}

/** Free chunks that a class counts; for the largest those that its runs would leave. */
export function slabsFreeChunks(id: u32): u32 {
  const p = slabClass(id);
  if (id != powerLargest) return p.free;
  return p.slabs * p.perslab - <u32>((runBytes + p.size - 1) / p.size);
}

/** cache_memlimit. */
export function slabsAdjustMemLimit(bytes: u64): void {
  settings.maxbytes = bytes;
  memLimit = bytes;
  poolRelease();
}

/** A page goes to the pool. */
export function poolAdd(): void {
  slabClass(GLOBAL_PAGE_POOL).slabs++;
  poolRelease();
}
