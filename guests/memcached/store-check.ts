/**
 * Not part of the server: the store by itself, as exports for test/guests/memcached/store.test.ts, which drives it beside a model with a clock of its own.
 * Keys and values are addresses in linear memory; numbers travel as f64.
 */
import { alloc, free, heapGrowMax, heapInit, usedBytes } from "../lib/raw/alloc";
import { Builder, builderReset, putByte, putBytes, putText } from "../lib/raw/builder";
import { copy, hashInit } from "../lib/raw/bytes";
import { clockInit, clockTurn, currentTime } from "./clock";
import { commandLine } from "./command-line";
import { CRAWL_EXPIRED, CRAWL_METADUMP, crawlerCrawl, crawlerDumpTo, DUMP_READY } from "./crawler";
import { Item, ITEM_LINKED, itemClsid, itemData, itemKey, itemTotal } from "./item";
import { lruList } from "./lru";
import { maintainerInit, maintainerTick } from "./maintainer";
import { settings, settingsDefaults } from "./settings";
import { slabsReassign } from "./slab-mover";
import { GLOBAL_PAGE_POOL, memMalloced, PAGE_BYTES, powerLargest, runBytes, slabClass, slabsAdjustMemLimit } from "./slabs";
import { statSink } from "./stat-line";
import { LRU_LISTS, state } from "./stats";
import { statsItems, statsSettings, statsSizes, statsSizesEnable, statsSlabs, statsTotals } from "./stats-store";
import * as S from "./store";
import { tableFind } from "./table";

export { alloc, free };

const text = changetype<Builder>(memory.data(32, 16));

function toText(key: usize, nkey: u32, value: usize, nvalue: u32): void {
  putBytes(text, key, nkey);
  putByte(text, 32);
  putBytes(text, value, nvalue);
  putByte(text, 10);
}
function dumpReady(): i32 {
  return DUMP_READY;
}
function dumpLine(it: usize): void {
  putBytes(text, itemKey(it), changetype<Item>(it).nkey);
  putByte(text, 10);
}
function dumpEnd(): void {
  putText(text, "END\n");
}

export function init(): void {
  heapInit();
  heapGrowMax(PAGE_BYTES);
  hashInit(12345, 6789);
  clockInit();
  settingsDefaults();
  commandLine();
  S.storeInit();
  maintainerInit();
  statSink(toText);
  crawlerDumpTo(dumpReady, dumpLine, dumpEnd);
}

export function turn(monotonicMs: f64, realtimeMs: f64): void {
  clockTurn(monotonicMs, realtimeMs);
}
export function tick(): void {
  maintainerTick();
}
export function now(): u32 {
  return currentTime;
}
export function used(): f64 {
  return <f64>usedBytes;
}
export function malloced(): f64 {
  return <f64>memMalloced;
}

/** storeItem's answer; -1 too large, -2 no memory. */
export function put(op: i32, key: usize, nkey: u32, flags: u32, exptime: u32, value: usize, nvalue: u32, cas: f64): i32 {
  if (!S.itemSizeOk(nkey, flags, nvalue + 2)) return -1;
  const it = S.itemAlloc(key, nkey, flags, exptime, nvalue + 2);
  if (!it) return -2;
  copy(itemData(it), value, nvalue);
  store<u16>(itemData(it) + nvalue, 0x0a0d);
  const answer = S.storeItem(it, op, <u64>cas);
  S.itemRemove(it);
  return answer;
}
/** The item, borrowed; 0 if there is none. */
export function get(key: usize, nkey: u32, bump: bool): usize {
  const it = S.itemGet(key, nkey);
  if (!it) return 0;
  if (bump) S.itemBump(it);
  S.itemRemove(it);
  return it;
}
/** The item with a reference that `release` takes back. */
export function hold(key: usize, nkey: u32): usize {
  return S.itemGet(key, nkey);
}
export function release(it: usize): void {
  S.itemRemove(it);
}
export function touch(key: usize, nkey: u32, exptime: u32): bool {
  const it = S.itemGetTouch(key, nkey, exptime);
  if (it) S.itemRemove(it);
  return it != 0;
}
export function remove(key: usize, nkey: u32): bool {
  const it = S.itemGet(key, nkey);
  if (!it) return false;
  S.itemUnlink(it);
  S.itemRemove(it);
  return true;
}
export function delta(key: usize, nkey: u32, incr: bool, high: u32, low: u32, cas: f64): i32 {
  return S.addDelta(key, nkey, incr, ((<u64>high) << 32) | low, <u64>cas);
}
export function deltaText(): usize {
  return S.deltaText;
}
export function deltaLength(): u32 {
  return S.deltaLength;
}
export function flush(seconds: f64): void {
  S.flushAll(<i64>seconds);
}
export function storedCas(): f64 {
  return <f64>S.storedCas;
}
export function dataOf(it: usize): usize {
  return itemData(it);
}
export function bytesOf(it: usize): i32 {
  return changetype<Item>(it).nbytes;
}
export function flagsOf(it: usize): u32 {
  return changetype<Item>(it).clientFlags;
}
export function casOf(it: usize): f64 {
  return <f64>changetype<Item>(it).cas;
}
export function classOf(it: usize): u32 {
  return changetype<Item>(it).clsid;
}

export function reassign(from: i32, to: i32): i32 {
  return slabsReassign(from, to);
}
export function memoryLimit(bytes: f64): void {
  slabsAdjustMemLimit(<u64>bytes);
}
export function segmented(on: bool): void {
  settings.lruSegmented = on;
}
export function crawl(p: usize, n: usize): i32 {
  return crawlerCrawl(p, n, CRAWL_EXPIRED, settings.lruCrawlerTocrawl);
}
/** The keys come with the ticks; `textAt` has them. */
export function dump(p: usize, n: usize): i32 {
  builderReset(text);
  return crawlerCrawl(p, n, CRAWL_METADUMP, 0);
}
export function sizesEnable(): void {
  statsSizesEnable();
}
/** 0 totals, 1 items, 2 slabs, 3 sizes, 4 settings. */
export function statistics(kind: i32): void {
  builderReset(text);
  if (kind == 0) statsTotals();
  else if (kind == 1) statsItems();
  else if (kind == 2) statsSlabs();
  else if (kind == 3) statsSizes();
  else statsSettings();
}
export function textAt(): usize {
  return text.data;
}
export function textLength(): u32 {
  return text.length;
}

/**
 * Looks at everything: every list forwards and backwards, every item of a list in the table, and the sums. `held` items are in nobody's list. The number of
 * the first thing that is wrong, or 0.
 */
export function check(held: u32): i32 {
  const inClass = memory.data(64 * 4, 16);
  memory.fill(inClass, 0, 256);
  let items: u64 = 0;
  let bytes: u64 = 0;
  for (let id: u32 = 0; id < LRU_LISTS; id++) {
    const l = lruList(id);
    let size: u32 = 0;
    let sum: u64 = 0;
    let before: usize = 0;
    for (let it = l.head; it; it = changetype<Item>(it).next) {
      const i = changetype<Item>(it);
      if (i.prev != before) return 1;
      before = it;
      if (i.nkey == 0) continue; // a crawler
      if (i.clsid != id) return 2;
      if (!(i.flags & ITEM_LINKED) || i.refcount < 1) return 3;
      if (tableFind(itemKey(it), i.nkey, i.hash) != it) return 4;
      size++;
      sum += itemTotal(it);
      const p = inClass + (<usize>itemClsid(it) << 2);
      store<u32>(p, load<u32>(p) + 1);
    }
    if (l.tail != before) return 5;
    if (l.size != size || l.bytes != sum) return 6;
    items += size;
    bytes += sum;
  }
  if (items != state.currItems || bytes != state.currBytes) return 7;
  let pages: u64 = slabClass(GLOBAL_PAGE_POOL).slabs;
  let loose: i64 = 0;
  for (let cls: u32 = 1; cls <= powerLargest; cls++) {
    const p = slabClass(cls);
    pages += p.slabs;
    if (cls == powerLargest) continue;
    let listed: u32 = p.fresh ? <u32>(p.freshEnd - p.fresh) / p.bytes : 0;
    for (let it = p.slots; it; it = changetype<Item>(it).next) listed++;
    if (listed != p.free) return 8;
    loose += <i64>(p.slabs * p.perslab - p.free) - load<u32>(inClass + (<usize>cls << 2));
  }
  if (loose != held) return 9;
  if (pages << 20 != memMalloced) return 10;
  if (runBytes > <u64>slabClass(powerLargest).slabs << 20) return 11;
  return 0;
}
