/**
 * The allocator: every byte the server keeps comes from here.
 *
 * Memory is cut into 8 KiB pages. A span is a run of pages: either a slab of equal
 * objects (60 size classes up to 32 KiB) or one large block. `pageMap` has one word per
 * page, so `free`, `usable` and coalescing are O(1). Free runs sit in size bins with a
 * bitmap, so finding one is O(1) too. Linear memory only grows.
 *
 * What always holds: `usedBytes` is the sum of `usable()` over live blocks; blocks are
 * 8-aligned; of the last pages `tryAlloc` gets none, `tryAllocIo` gets all but RESERVE_PAGES, `alloc` gets all.
 *
 * `tryAlloc` answers 0 when memory is short: for every size a client chooses.
 * `tryAllocIo` the same, a little later: for requests and replies, so that a client of a full server still gets its answer.
 * `alloc` never answers 0: for small bounded needs; it ends the guest when even the reserve is gone.
 */
import { sys_exit_group, sys_memory_limit, sys_write } from "../sys";

const PAGE_SHIFT: u32 = 13;
const PAGE_SIZE: u32 = 1 << PAGE_SHIFT;
const RESERVE_PAGES: u32 = 128;
/** Left to requests and replies when data has filled the rest: a 32nd of the machine, 2 MiB at most. */
const IO_PAGES_MAX: u32 = 256;
const CLASS_COUNT: i32 = 60;
const CLASS_FREE: u32 = 254;
const CLASS_LARGE: u32 = 255;
const SMALL_MAX: u32 = 32768;
const BIN_COUNT: i32 = 128;
/** Left to AssemblyScript's own runtime stub (nothing on a request path allocates managed objects). */
const MANAGED_BYTES: usize = 65536;

@unmanaged
class Span {
  next: usize;
  prev: usize;
  start: u32; // first page
  pages: u32;
  cls: u32;
  freeList: usize;
  fresh: usize; // first byte never handed out yet
  end: usize; // end of the last whole object
  used: u32; // live objects
  total: u32; // objects that fit
}

const classSize = memory.data(64 * 4, 16);
const classPages = memory.data(64 * 4, 16);
const current = memory.data(64 * 4, 16);
const partial = memory.data(64 * 4, 16); // heads of lists of spans with room
const smallTable = memory.data(136);
const mediumTable = memory.data(264);
const bins = memory.data(BIN_COUNT * 4, 16);
const binBits = memory.data(16, 16);

let pageMap: usize = 0;
let pageEnd: u32 = 0; // first page beyond linear memory as managed
let pageLimit: u32 = 0; // first page beyond what the machine may use
let freePages: u32 = 0;
/** Free pages that data (`tryAlloc`) must leave. */
let dataKeep: u32 = 0;
let spanFree: usize = 0;
/** Linear memory grows by an eighth, and by so many pages at most. */
let growPagesMax: u32 = 2048;

/** Sum of usable sizes of live blocks. */
export let usedBytes: usize = 0;
export let usedBytesPeak: usize = 0;
/** Bytes in spans (slabs and large blocks), live or not. */
export let spanBytes: usize = 0;
export let allocCount: u32 = 0;

export function heapInit(): void {
  let index = 0;
  let size: u32 = 8;
  let step: u32 = 8;
  while (size <= SMALL_MAX) {
    store<u32>(classSize + (index << 2), size);
    let pages: u32 = 1;
    while (true) {
      const bytes = pages << PAGE_SHIFT;
      if (bytes / size >= 4 && (bytes % size) * 12 <= bytes) break;
      pages++;
    }
    store<u32>(classPages + (index << 2), pages);
    index++;
    size += step;
    if (size > 128 && size <= 256) step = 16;
    else if (size > 256 && size <= 512) step = 32;
    else if (size > 512 && size <= 1024) step = 64;
    else if (size > 1024) step = size <= 2048 ? 256 : size <= 4096 ? 512 : size <= 8192 ? 1024 : size <= 16384 ? 2048 : 4096;
    if (size > 128 && ((size - step) & (step - 1)) != 0) size = (size + step - 1) & ~(step - 1);
  }
  let cls: u32 = 0;
  for (let i: u32 = 0; i <= 128; i++) {
    while (load<u32>(classSize + (cls << 2)) < i << 3) cls++;
    store<u8>(smallTable + i, <u8>cls);
  }
  cls = 0;
  for (let i: u32 = 0; i <= 256; i++) {
    while (load<u32>(classSize + (cls << 2)) < i << 7) cls++;
    store<u8>(mediumTable + i, <u8>cls);
  }
  const limitBytes = sys_memory_limit();
  const most: f64 = 4294901760.0; // one Wasm page short of 4 GiB: an end address must fit 32 bits
  pageLimit = <u32>((limitBytes > most ? most : limitBytes) / <f64>PAGE_SIZE);
  dataKeep = RESERVE_PAGES + min<u32>(IO_PAGES_MAX, pageLimit >> 5);
  pageMap = (__heap_base + MANAGED_BYTES + 15) & ~15;
  const first = (pageMap + <usize>pageLimit * 4 + PAGE_SIZE - 1) >> PAGE_SHIFT;
  const have = memory.size() << (16 - PAGE_SHIFT);
  pageEnd = <u32>first;
  if (<u32>have > pageEnd) {
    const pages = <u32>have - pageEnd;
    pageEnd = <u32>have;
    runFree(<u32>first, pages);
  } else {
    const missing = (<i32>first - have + 7) >> 3;
    if (missing > 0) {
      if (memory.grow(missing) < 0) panic();
    }
    const now = <u32>memory.size() << (16 - PAGE_SHIFT);
    pageEnd = now;
    if (now > <u32>first) runFree(<u32>first, now - <u32>first);
  }
}

function panic(): void {
  const text = memory.data<u8>([35, 32, 79, 117, 116, 32, 79, 102, 32, 77, 101, 109, 111, 114, 121, 10]); // "# Out Of Memory\n"
  sys_write(2, text, 16);
  sys_exit_group(1);
  unreachable();
}

function spanNew(): Span {
  if (spanFree == 0) {
    // One page of descriptors; it is never given back.
    const page = runTake(1, 0);
    if (page == 0) panic();
    const base = <usize>page << PAGE_SHIFT;
    store<u32>(pageMap + (page << 2), 0);
    for (let p = base; p + offsetof<Span>() <= base + PAGE_SIZE; p += offsetof<Span>()) {
      store<usize>(p, spanFree);
      spanFree = p;
    }
  }
  const s = spanFree;
  spanFree = load<usize>(s);
  return changetype<Span>(s);
}

function spanDrop(s: Span): void {
  s.next = spanFree;
  spanFree = changetype<usize>(s);
}

function binOf(pages: u32): i32 {
  if (pages < 64) return pages;
  const log = 31 - clz(pages);
  return min<i32>(BIN_COUNT - 1, 64 + ((log - 6) << 2) + ((pages >> (log - 2)) & 3));
}

function binPush(s: Span): void {
  const bin = binOf(s.pages);
  const head = load<usize>(bins + (<usize>bin << 2));
  s.cls = CLASS_FREE;
  s.prev = 0;
  s.next = head;
  if (head) changetype<Span>(head).prev = changetype<usize>(s);
  store<usize>(bins + (<usize>bin << 2), changetype<usize>(s));
  const word = binBits + ((bin >> 6) << 3);
  store<u64>(word, load<u64>(word) | (<u64>1 << (bin & 63)));
  store<usize>(pageMap + (s.start << 2), changetype<usize>(s));
  store<usize>(pageMap + ((s.start + s.pages - 1) << 2), changetype<usize>(s));
  freePages += s.pages;
}

function binRemove(s: Span): void {
  const bin = binOf(s.pages);
  if (s.next) changetype<Span>(s.next).prev = s.prev;
  if (s.prev) changetype<Span>(s.prev).next = s.next;
  else {
    store<usize>(bins + (<usize>bin << 2), s.next);
    if (!s.next) {
      const word = binBits + ((bin >> 6) << 3);
      store<u64>(word, load<u64>(word) & ~(<u64>1 << (bin & 63)));
    }
  }
  freePages -= s.pages;
}

/** Gives pages [start, start+pages) to the free bins, merged with free neighbours. */
function runFree(start: u32, pages: u32): void {
  const before = start > 0 ? load<usize>(pageMap + ((start - 1) << 2)) : 0;
  if (before && changetype<Span>(before).cls == CLASS_FREE) {
    const b = changetype<Span>(before);
    binRemove(b);
    start = b.start;
    pages += b.pages;
    spanDrop(b);
  }
  const after = start + pages < pageEnd ? load<usize>(pageMap + ((start + pages) << 2)) : 0;
  if (after && changetype<Span>(after).cls == CLASS_FREE) {
    const a = changetype<Span>(after);
    binRemove(a);
    pages += a.pages;
    spanDrop(a);
  }
  if (spanFree == 0) {
    // No descriptor left: this run's own first page becomes descriptors.
    const base = <usize>start << PAGE_SHIFT;
    store<u32>(pageMap + (start << 2), 0);
    for (let p = base; p + offsetof<Span>() <= base + PAGE_SIZE; p += offsetof<Span>()) {
      store<usize>(p, spanFree);
      spanFree = p;
    }
    start++;
    pages--;
    if (!pages) return;
  }
  const s = spanNew();
  s.start = start;
  s.pages = pages;
  binPush(s);
}

function binFind(pages: u32): usize {
  let bin = binOf(pages);
  if (pages >= 64) {
    // Runs of the same bin may be too short: look at a few before taking a longer one.
    let p = load<usize>(bins + (<usize>bin << 2));
    for (let tries = 0; p && tries < 16; tries++) {
      if (changetype<Span>(p).pages >= pages) return p;
      p = changetype<Span>(p).next;
    }
    bin++;
  }
  let word = bin >> 6;
  let bits = bin < BIN_COUNT ? load<u64>(binBits + (word << 3)) >> (bin & 63) << (bin & 63) : 0;
  if (!bits && word == 0) {
    word = 1;
    bits = load<u64>(binBits + 8);
  }
  if (bits) {
    const at = (word << 6) + <i32>ctz(bits);
    let p = load<usize>(bins + (<usize>at << 2));
    while (p && changetype<Span>(p).pages < pages) p = changetype<Span>(p).next;
    return p;
  }
  return 0;
}

/** Linear memory grows by `bytes` at a time at most (16 MiB unless this is called), or by what is asked for. */
export function heapGrowMax(bytes: usize): void {
  growPagesMax = <u32>(bytes >> PAGE_SHIFT);
}

function growBy(pages: u32): bool {
  if (pageEnd >= pageLimit) return false;
  let want = max<u32>(pages, min<u32>(growPagesMax, max<u32>(128, pageEnd >> 3)));
  want = (want + 7) & ~7;
  const room = (pageLimit - pageEnd) & ~7;
  if (want > room) want = room;
  if (want < pages || want == 0) return false;
  if (memory.grow(want >> 3) < 0) {
    want = (pages + 7) & ~7;
    if (want > room || memory.grow(want >> 3) < 0) {
      return false;
    }
  }
  const start = pageEnd;
  pageEnd += want;
  runFree(start, want);
  return true;
}

/** First page of a run of `pages` that leaves `keep` pages free, or 0. */
function runTake(pages: u32, keep: u32): u32 {
  if (keep && freePages + (pageLimit - pageEnd) < pages + keep) return 0;
  let p = binFind(pages);
  if (!p) {
    // A free run at the very end of memory counts towards what has to be grown.
    const last = load<usize>(pageMap + ((pageEnd - 1) << 2));
    const tail: u32 = last && changetype<Span>(last).cls == CLASS_FREE ? changetype<Span>(last).pages : 0;
    if (!growBy(pages > tail ? pages - tail : 1)) return 0;
    p = binFind(pages);
    if (!p) return 0;
  }
  const s = changetype<Span>(p);
  binRemove(s);
  const start = s.start;
  if (s.pages > pages) {
    s.start += pages;
    s.pages -= pages;
    binPush(s);
  } else spanDrop(s);
  return start;
}

function allocLarge(size: usize, keep: u32): usize {
  if (size > 0xfff00000) return 0;
  const pages = <u32>((size + PAGE_SIZE - 1) >> PAGE_SHIFT);
  const start = runTake(pages, keep);
  if (!start) return 0;
  const s = spanNew();
  s.start = start;
  s.pages = pages;
  s.cls = CLASS_LARGE;
  s.used = 1;
  store<usize>(pageMap + (start << 2), changetype<usize>(s));
  store<usize>(pageMap + ((start + pages - 1) << 2), changetype<usize>(s));
  const bytes = <usize>pages << PAGE_SHIFT;
  usedBytes += bytes;
  spanBytes += bytes;
  allocCount++;
  return <usize>start << PAGE_SHIFT;
}

function allocSlow(cls: u32, keep: u32): usize {
  const at = <usize>cls << 2;
  let p = load<usize>(partial + at);
  if (p) {
    const s = changetype<Span>(p);
    store<usize>(partial + at, s.next);
    if (s.next) changetype<Span>(s.next).prev = 0;
    s.next = 0;
    store<usize>(current + at, p);
  } else {
    const pages = load<u32>(classPages + at);
    const start = runTake(pages, keep);
    if (!start) return 0;
    const s = spanNew();
    const size = load<u32>(classSize + at);
    s.next = 0;
    s.prev = 0;
    s.start = start;
    s.pages = pages;
    s.cls = cls;
    s.freeList = 0;
    s.fresh = <usize>start << PAGE_SHIFT;
    s.total = (pages << PAGE_SHIFT) / size;
    s.end = s.fresh + <usize>(s.total * size);
    s.used = 0;
    for (let i: u32 = 0; i < pages; i++) store<usize>(pageMap + ((start + i) << 2), changetype<usize>(s));
    spanBytes += <usize>pages << PAGE_SHIFT;
    store<usize>(current + at, changetype<usize>(s));
  }
  return allocClass(cls, keep);
}

function allocClass(cls: u32, keep: u32): usize {
  const at = <usize>cls << 2;
  const span = load<usize>(current + at);
  if (span) {
    const s = changetype<Span>(span);
    let p = s.freeList;
    if (p) {
      s.freeList = load<usize>(p);
    } else {
      p = s.fresh;
      if (p == s.end) return allocSlow(cls, keep);
      s.fresh = p + load<u32>(classSize + at);
    }
    s.used++;
    usedBytes += load<u32>(classSize + at);
    allocCount++;
    return p;
  }
  return allocSlow(cls, keep);
}

// @ts-ignore: decorator
@inline
function take(size: usize, keep: u32): usize {
  if (size <= 1024) return allocClass(load<u8>(smallTable + ((size + 7) >> 3)), keep);
  if (size <= SMALL_MAX) return allocClass(load<u8>(mediumTable + ((size + 127) >> 7)), keep);
  return allocLarge(size, keep);
}

/** `size` bytes, 8-aligned, not cleared; 0 when memory is short. */
export function tryAlloc(size: usize): usize {
  return take(size, dataKeep);
}

/** As tryAlloc, also from what data must leave: for bounded pieces of requests and replies. */
export function tryAllocIo(size: usize): usize {
  return take(size, RESERVE_PAGES);
}

/** As tryAlloc, but uses the reserve and never answers 0. For small, bounded sizes only. */
export function alloc(size: usize): usize {
  const p = take(size, 0);
  if (!p) panic();
  return p;
}

/** alloc, cleared. */
export function allocZero(size: usize): usize {
  const p = alloc(size);
  memory.fill(p, 0, size);
  return p;
}

/** tryAlloc, cleared. */
export function tryAllocZero(size: usize): usize {
  const p = tryAlloc(size);
  if (p) memory.fill(p, 0, size);
  return p;
}

/** Gives a block back; 0 is allowed. */
export function free(p: usize): void {
  if (!p) return;
  const span = load<usize>(pageMap + ((p >> PAGE_SHIFT) << 2));
  const s = changetype<Span>(span);
  const cls = s.cls;
  allocCount--;
  if (cls == CLASS_LARGE) {
    const bytes = <usize>s.pages << PAGE_SHIFT;
    notePeak();
    usedBytes -= bytes;
    spanBytes -= bytes;
    const start = s.start;
    const pages = s.pages;
    spanDrop(s);
    runFree(start, pages);
    return;
  }
  const at = <usize>cls << 2;
  usedBytes -= load<u32>(classSize + at);
  const wasFull = s.used == s.total;
  store<usize>(p, s.freeList);
  s.freeList = p;
  s.used--;
  if (load<usize>(current + at) == span) return;
  if (wasFull) {
    const head = load<usize>(partial + at);
    s.prev = 0;
    s.next = head;
    if (head) changetype<Span>(head).prev = span;
    store<usize>(partial + at, span);
  }
  if (s.used == 0) {
    if (s.next) changetype<Span>(s.next).prev = s.prev;
    if (s.prev) changetype<Span>(s.prev).next = s.next;
    else store<usize>(partial + at, s.next);
    const start = s.start;
    const pages = s.pages;
    spanBytes -= <usize>pages << PAGE_SHIFT;
    for (let i: u32 = 0; i < pages; i++) store<usize>(pageMap + ((start + i) << 2), 0);
    spanDrop(s);
    runFree(start, pages);
  }
}

/** How many bytes the block really has. */
export function usable(p: usize): usize {
  const s = changetype<Span>(load<usize>(pageMap + ((p >> PAGE_SHIFT) << 2)));
  return s.cls == CLASS_LARGE ? <usize>s.pages << PAGE_SHIFT : load<u32>(classSize + (<usize>s.cls << 2));
}

/** The size a request of `size` bytes would occupy. */
export function goodSize(size: usize): usize {
  if (size <= 1024) return load<u32>(classSize + (<usize>load<u8>(smallTable + ((size + 7) >> 3)) << 2));
  if (size <= SMALL_MAX) return load<u32>(classSize + (<usize>load<u8>(mediumTable + ((size + 127) >> 7)) << 2));
  return (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

/** Resizes; the contents up to the smaller size stay. 0 when memory is short: the old block is then untouched. */
export function tryRealloc(p: usize, size: usize): usize {
  return resize(p, size, dataKeep);
}
/** tryRealloc with tryAllocIo's reach. */
export function tryReallocIo(p: usize, size: usize): usize {
  return resize(p, size, RESERVE_PAGES);
}
function resize(p: usize, size: usize, keep: u32): usize {
  if (!p) return take(size, keep);
  const s = changetype<Span>(load<usize>(pageMap + ((p >> PAGE_SHIFT) << 2)));
  let old: usize;
  if (s.cls == CLASS_LARGE) {
    old = <usize>s.pages << PAGE_SHIFT;
    const pages = <u32>((size + PAGE_SIZE - 1) >> PAGE_SHIFT);
    if (size > SMALL_MAX && size <= 0xfff00000) {
      if (pages == s.pages) return p;
      if (pages < s.pages) {
        const tail = s.pages - pages;
        notePeak();
        s.pages = pages;
        store<usize>(pageMap + ((s.start + pages - 1) << 2), changetype<usize>(s));
        usedBytes -= <usize>tail << PAGE_SHIFT;
        spanBytes -= <usize>tail << PAGE_SHIFT;
        runFree(s.start + pages, tail);
        return p;
      }
      const need = pages - s.pages;
      const after = s.start + s.pages < pageEnd ? load<usize>(pageMap + ((s.start + s.pages) << 2)) : 0;
      if (
        after &&
        changetype<Span>(after).cls == CLASS_FREE &&
        changetype<Span>(after).pages >= need &&
        freePages + (pageLimit - pageEnd) >= need + keep
      ) {
        const a = changetype<Span>(after);
        binRemove(a);
        if (a.pages > need) {
          a.start += need;
          a.pages -= need;
          binPush(a);
        } else spanDrop(a);
        s.pages = pages;
        store<usize>(pageMap + ((s.start + pages - 1) << 2), changetype<usize>(s));
        usedBytes += <usize>need << PAGE_SHIFT;
        spanBytes += <usize>need << PAGE_SHIFT;
        return p;
      }
    }
  } else {
    old = load<u32>(classSize + (<usize>s.cls << 2));
    if (size <= old && goodSize(size) == old) return p;
  }
  const fresh = take(size, keep);
  if (!fresh) return size <= old ? p : 0;
  memory.copy(fresh, p, min(size, old));
  free(p);
  return fresh;
}

/** As tryRealloc with the reserve; never 0. */
export function realloc(p: usize, size: usize): usize {
  const q = tryRealloc(p, size);
  if (q) return q;
  const fresh = alloc(size);
  if (p) {
    memory.copy(fresh, p, min(size, usable(p)));
    free(p);
  }
  return fresh;
}

/** Whether `bytes` more could be had by tryAlloc, fragmentation aside. */
export function hasRoom(bytes: usize): bool {
  return (<u64>(freePages + (pageLimit - pageEnd)) << PAGE_SHIFT) >= <u64>bytes + (<u64>(dataKeep + 32) << PAGE_SHIFT);
}
/** Whether `bytes` more could be had by tryAllocIo, fragmentation aside. */
export function hasRoomIo(bytes: usize): bool {
  return (<u64>(freePages + (pageLimit - pageEnd)) << PAGE_SHIFT) >= <u64>bytes + (<u64>RESERVE_PAGES << PAGE_SHIFT);
}

export function notePeak(): void {
  if (usedBytes > usedBytesPeak) usedBytesPeak = usedBytes;
}

/** Linear memory as the machine sees it. */
export function rssBytes(): f64 {
  return <f64>memory.size() * 65536.0;
}
export function freeRunBytes(): usize {
  return <usize>freePages << PAGE_SHIFT;
}
export function limitBytes(): f64 {
  return <f64>pageLimit * <f64>PAGE_SIZE;
}
