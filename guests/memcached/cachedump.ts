/**
 * Lists of what is in the cache: `stats cachedump`, at once and up to 2 MB, and `lru_crawler metadump`, which the crawler feeds as
 * the client reads.
 *
 * While a metadump runs its connection is not listened to (CONN_DUMPING); there is one at a time, as there is one crawler.
 */
import { copy } from "../lib/raw/bytes";
import { formatI64, formatU64 } from "../lib/raw/number";
import { processStarted } from "./clock";
import { Conn, CONN_CLOSING, CONN_DUMPING, CONN_FULL } from "./connection";
import { CRAWL_CAP_REMAINING, CRAWL_METADUMP, crawlerCrawl, CRAWLER_OK, crawlerDumpTo, DUMP_GONE, DUMP_READY, DUMP_WAIT } from "./crawler";
import { Item, ITEM_FETCHED, ITEM_KEY_BINARY, itemClsid, itemKey, itemTotal } from "./item";
import { COLD_LRU, lruList } from "./lru";
import { commit, OUTPUT_RESUME, outputText, reserve } from "./output";
import { putUri } from "./uri";

const CACHEDUMP_MAX: u32 = 2 << 20;
/** "key=" and a key of 250 bytes, each as three characters, and the rest. */
const LINE_MAX: u32 = 1024;

let at: usize = 0;

function put(text: string): void {
  let w = changetype<usize>(text);
  for (let n = text.length; n; n--, w += 2) store<u8>(at++, load<u8>(w));
}

export function cacheDump(c: Conn, cls: u32, limit: u32): void {
  let bytes: u32 = 0;
  let shown: u32 = 0;
  for (let it = lruList(cls | COLD_LRU).head; it && (!limit || shown < limit); it = changetype<Item>(it).next) {
    const i = changetype<Item>(it);
    if (!i.nkey || i.flags & ITEM_KEY_BINARY) continue;
    const start = reserve(c, LINE_MAX);
    at = start;
    put("ITEM ");
    copy(at, itemKey(it), i.nkey);
    at += i.nkey;
    put(" [");
    at += formatI64(at, i.nbytes - 2);
    put(" b; ");
    at += formatI64(at, i.exptime ? <i64>i.exptime + processStarted : 0);
    put(" s]\r\n");
    bytes += <u32>(at - start);
    if (bytes + 6 > CACHEDUMP_MAX) break;
    commit(c, at);
    shown++;
  }
  outputText(c, "END\r\n");
}

// --- metadump ---------------------------------------------------------------------------------------------------------------
/** Who gets the dump, or 0. */
let reader: usize = 0;
/** Connections whose dump is through go on at the end of the turn. */
let goOn: (c: Conn) => void = nobody;
function nobody(c: Conn): void {}

/** `after`: told when a dump has ended and its connection may be listened to again. */
export function dumpInit(after: (c: Conn) => void): void {
  goOn = after;
  crawlerDumpTo(ready, line, end);
}

function ready(): i32 {
  if (!reader || changetype<Conn>(reader).flags & CONN_CLOSING) return DUMP_GONE;
  return changetype<Conn>(reader).outWeight > OUTPUT_RESUME ? DUMP_WAIT : DUMP_READY;
}

function line(it: usize): void {
  if (!reader) return;
  const i = changetype<Item>(it);
  const c = changetype<Conn>(reader);
  at = reserve(c, LINE_MAX);
  put("key=");
  at = putUri(at, itemKey(it), i.nkey);
  put(" exp=");
  at += formatI64(at, i.exptime ? <i64>i.exptime + processStarted : -1);
  put(" la=");
  at += formatI64(at, <i64>i.time + processStarted);
  put(" cas=");
  at += formatU64(at, i.cas);
  put(i.flags & ITEM_FETCHED ? " fetch=yes cls=" : " fetch=no cls=");
  at += formatU64(at, itemClsid(it));
  put(" size=");
  at += formatU64(at, itemTotal(it));
  store<u8>(at++, 10);
  commit(c, at);
}

function end(): void {
  if (!reader) return;
  const c = changetype<Conn>(reader);
  reader = 0;
  outputText(c, "END\r\n");
  c.flags &= ~CONN_DUMPING;
  goOn(c);
}

/** Starts a dump of the classes named by [p, p + n); the crawler's answer. */
export function metadump(c: Conn, p: usize, n: u32): i32 {
  const answer = crawlerCrawl(p, n, CRAWL_METADUMP, CRAWL_CAP_REMAINING);
  if (answer != CRAWLER_OK) return answer;
  reader = changetype<usize>(c);
  // Not listened to until the end.
  c.flags |= CONN_DUMPING | CONN_FULL;
  return answer;
}

/** A connection is being freed. */
export function dumpForget(c: Conn): void {
  if (reader == changetype<usize>(c)) reader = 0;
}
