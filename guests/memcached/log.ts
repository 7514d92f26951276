/**
 * The log of what happens: one line for each event that somebody watches (`logFlags`), in memcached 1.6.18's words (logger.c). Who notices an event
 * asks for its flag and calls; the finished line goes to `logTo`'s function, at once. While nobody watches, that question is all it costs.
 */
import { textCopy } from "../lib/raw/bytes";
import { formatI64, formatU64 } from "../lib/raw/number";
import { sys_clock_ms } from "../lib/sys";
import { currentTime } from "./clock";
import { CrawlStats } from "./crawler";
import { Item, ITEM_FETCHED, itemClsid, itemKey } from "./item";
import { COLD_LRU, HOT_LRU, WARM_LRU } from "./lru";
import { putUri } from "./uri";

/** Kinds of events, memcached's LOG_*. */
export const LOG_SYSEVENTS: u32 = 1 << 1;
export const LOG_FETCHERS: u32 = 1 << 2;
export const LOG_MUTATIONS: u32 = 1 << 3;
export const LOG_CONNEVENTS: u32 = 1 << 5;
export const LOG_EVICTIONS: u32 = 1 << 6;
/** Known, though nothing is ever logged of them: 1.6.18 does not either, but in its proxy. */
export const LOG_RAWCMDS: u32 = 1 << 9;
export const LOG_PROXY: u32 = 1 << 10;

/** What somebody watches. */
export let logFlags: u32 = 0;
export function logFlagsSet(flags: u32): void {
  logFlags = flags;
}
/** The descriptor of the connection whose request is run; -1: none. */
export let logFd: i32 = -1;
export function logFdSet(fd: i32): void {
  logFd = fd;
}

/** Lines are no longer: a key of 250 bytes, each as three characters, and the rest. */
export const LOG_LINE_MAX: u32 = 1024;
const line = memory.data(1024, 16);
let at: usize = 0;
let gid: u64 = 0;

let sink: (flag: u32, p: usize, n: u32) => void = nobody;
function nobody(flag: u32, p: usize, n: u32): void {}
/** Where lines go: bytes that are borrowed for the call. */
export function logTo(to: (flag: u32, p: usize, n: u32) => void): void {
  sink = to;
}

export function logBegin(type: string): void {
  const us = <u64>(sys_clock_ms(0) * 1000);
  at = line;
  logText("ts=");
  at += formatU64(at, us / 1000000);
  logText(".");
  at += formatU64(at, us % 1000000); // without leading zeros, as in memcached
  logText(" gid=");
  at += formatU64(at, ++gid);
  logText(" type=");
  logText(type);
}
export function logText(text: string): void {
  at += textCopy(at, text);
}
export function logInt(v: i64): void {
  at += formatI64(at, v);
}
export function logEnd(flag: u32): void {
  store<u8>(at, 10);
  sink(flag, line, <u32>(at - line) + 1);
}

function itemEvent(type: string, key: usize, nkey: u32): void {
  logBegin(type);
  logText(" key=");
  at = putUri(at, key, nkey);
}
function sizeOf(nbytes: i64): i64 {
  return nbytes > 0 ? nbytes - 2 : 0;
}

/** The end of a line about an item, or about none (0). */
function itemEnd(flag: u32, it: usize): void {
  logText(" clsid=");
  logInt(it ? itemClsid(it) : 0);
  logText(" cfd=");
  logInt(logFd);
  logText(" size=");
  logInt(it ? sizeOf(changetype<Item>(it).nbytes) : 0);
  logEnd(flag);
}

/** What a look-up found. */
export const LOG_NOT_FOUND: i32 = 0;
export const LOG_FOUND: i32 = 1;
export const LOG_FLUSHED: i32 = 2;
export const LOG_EXPIRED: i32 = 3;

/** LOG_FETCHERS: a key was looked up; `it`: the item, or 0. */
export function logGet(key: usize, nkey: u32, found: i32, it: usize): void {
  itemEvent("item_get", key, nkey);
  logText(" status=");
  logText(found == LOG_FOUND ? "found" : found == LOG_FLUSHED ? "flushed" : found == LOG_EXPIRED ? "expired" : "not_found");
  itemEnd(LOG_FETCHERS, it);
}

function commandText(op: i32): string {
  if (op == 1) return "add";
  if (op == 2) return "set";
  if (op == 3) return "replace";
  if (op == 4) return "append";
  if (op == 5) return "prepend";
  return op == 6 ? "cas" : "null";
}
function storedText(status: i32): string {
  if (status == 0) return "not_stored";
  if (status == 1) return "stored";
  if (status == 2) return "exists";
  if (status == 3) return "not_found";
  return status == LOG_TOO_LARGE ? "too_large" : "no_memory";
}

/** Beyond storeItem's answers. */
export const LOG_TOO_LARGE: i32 = 4;
export const LOG_NO_MEMORY: i32 = 5;

/** LOG_MUTATIONS: storeItem, or the failure to get an item (`it` 0), with its answer and operation. */
export function logStore(key: usize, nkey: u32, status: i32, op: i32, it: usize): void {
  itemEvent("item_store", key, nkey);
  logText(" status=");
  logText(storedText(status));
  logText(" cmd=");
  logText(commandText(op));
  logText(" ttl=");
  logInt(it && changetype<Item>(it).exptime ? <i64>(changetype<Item>(it).exptime - currentTime) : 0);
  itemEnd(LOG_MUTATIONS, it);
}

/** LOG_EVICTIONS: the item is about to go. */
export function logEviction(it: usize): void {
  const i = changetype<Item>(it);
  itemEvent("eviction", itemKey(it), i.nkey);
  logText(i.flags & ITEM_FETCHED ? " fetch=yes ttl=" : " fetch=no ttl=");
  logInt(i.exptime ? <i64>i.exptime - <i64>currentTime : -1);
  logText(" la=");
  logInt(currentTime - i.time);
  logText(" clsid=");
  logInt(itemClsid(it));
  logText(" size=");
  logInt(sizeOf(i.nbytes));
  logEnd(LOG_EVICTIONS);
}

/** LOG_SYSEVENTS: a list was crawled to its end, and will be again in `nextSeconds`. */
export function logCrawl(id: u32, low: u64, reclaims: u64, s: CrawlStats, nextSeconds: u32): void {
  logBegin("lru_crawler crawler=");
  logInt(id & 63);
  const list = id & ~63;
  logText(list == HOT_LRU ? " lru=hot" : list == WARM_LRU ? " lru=warm" : list == COLD_LRU ? " lru=cold" : " lru=temp");
  logText(" low_mark=");
  logInt(low);
  logText(" next_reclaims=");
  logInt(reclaims);
  logText(" since_run=");
  logInt(currentTime - s.endTime);
  logText(" next_run=");
  logInt(nextSeconds);
  logText(" elapsed=");
  logInt(s.endTime - s.startTime);
  logText(" examined=");
  logInt(s.seen);
  logText(" reclaimed=");
  logInt(s.reclaimed);
  logEnd(LOG_SYSEVENTS);
}

/** LOG_SYSEVENTS: a page goes from class to class. */
export function logSlabMove(from: i32, to: i32): void {
  logBegin("slab_move src=");
  logInt(from);
  logText(" dst=");
  logInt(to);
  logEnd(LOG_SYSEVENTS);
}
