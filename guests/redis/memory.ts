/** MEMORY, and the sums that INFO's memory section shows. */
import { allocCount, freeRunBytes, limitBytes, rssBytes, spanBytes, usable, usedBytes, usedBytesPeak } from "../lib/raw/alloc";
import { argI64, argInt } from "./arguments";
import { Builder, builderReset, putFixed, putInt, putText } from "../lib/raw/builder";
import { Client, argLen, argPtr, argc, clientCount, clientsHead } from "./client";
import { CMD_LOADING, CMD_READONLY, CMD_STALE, argIs, command, describe, subcommand } from "./command";
import { containerBytes } from "./container";
import { dictTableBytes, entryValue } from "./dict";
import { notCountedBytes } from "./evict";
import { helpBegin, helpEnd, helpLine } from "./help";
import { putHuman } from "./info-fields";
import { dbAt, dbDict, dbPeek, dbSize } from "./keyspace";
import { Obj, STRING } from "./object";
import { deferBegin, deferMap, replyBulk, replyBulkText, replyF64, replyI64, replyMap, replyNull, replyOk, replySyntaxError, replyVerbatim } from "./reply";
import { cfg } from "./server";

let startup: usize = 0;
/** Called once when the server is set up and empty. */
export function startupNote(): void {
  startup = usedBytes;
}
export function startupBytes(): usize {
  return startup;
}

/** Bytes of all clients: structures, input, output. */
export function clientsBytes(): usize {
  let sum: usize = 0;
  for (let p = clientsHead; p; p = changetype<Client>(p).next) {
    const c = changetype<Client>(p);
    sum += usable(p) + c.queryCap + c.outQueued + c.multiBytes;
  }
  return sum;
}
function mainTable(db: u32): usize {
  return dictTableBytes(dbDict(db)) + <usize>dbSize(db) * 16;
}
function expiryTable(db: u32): usize {
  return <usize>dbAt(db).heapCap << 4;
}
/** Bytes that a database (-1: all) uses beyond keys and values: tables, entry headers, expiry heaps. */
export function keyspaceBytes(db: i32): usize {
  if (db >= 0) return mainTable(db) + expiryTable(db);
  let sum: usize = 0;
  for (let i = 0; i < cfg.databases; i++) sum += mainTable(i) + expiryTable(i);
  return sum;
}

function memoryUsage(c: Client): void {
  let samples: u32 = 5;
  for (let i = 3; i < argc; i++) {
    if (!argIs(i, "samples") || i + 1 >= argc) {
      replySyntaxError(c);
      return;
    }
    if (!argI64(c, i + 1)) return;
    if (argInt < 0) {
      replySyntaxError(c);
      return;
    }
    samples = <u32>min<i64>(argInt, 0xffffffff);
    i++;
  }
  const e = dbPeek(c.db, argPtr(2), argLen(2));
  if (!e) {
    replyNull(c);
    return;
  }
  const o = changetype<Obj>(entryValue(e));
  const value = <u32>o.type == STRING ? usable(changetype<usize>(o)) : containerBytes(o, samples);
  replyI64(c, <i64>usable(e) + 4 + <i64>value); // the entry, its bucket, the value
}

function pair(c: Client, name: string, value: i64): void {
  replyBulkText(c, name);
  replyI64(c, value);
}
function ratio(c: Client, name: string, value: f64): void {
  replyBulkText(c, name);
  replyF64(c, value);
}
const text: Builder = changetype<Builder>(memory.data(16, 16));

function memoryStats(c: Client): void {
  const used = <f64>usedBytes;
  const peak = <f64>max(usedBytes, usedBytesPeak);
  const active = <f64>spanBytes;
  const resident = rssBytes();
  const clients = clientsBytes();
  const overhead = <f64>startup + <f64>clients + <f64>notCountedBytes() + <f64>keyspaceBytes(-1);
  const dataset = max<f64>(0, used - overhead);
  const net = max<f64>(1, used - <f64>startup);
  let keys: i64 = 0;
  const place = deferBegin(c);
  let lines: i64 = 27;
  pair(c, "peak.allocated", <i64>peak);
  pair(c, "total.allocated", usedBytes);
  pair(c, "startup.allocated", startup);
  pair(c, "replication.backlog", 0);
  pair(c, "clients.slaves", 0);
  pair(c, "clients.normal", clients);
  pair(c, "cluster.links", 0);
  pair(c, "aof.buffer", notCountedBytes());
  pair(c, "lua.caches", 0);
  pair(c, "functions.caches", 0);
  for (let i = 0; i < cfg.databases; i++) {
    if (!dbSize(i)) continue;
    keys += dbSize(i);
    lines++;
    builderReset(text);
    putText(text, "db.");
    putInt(text, i);
    replyBulk(c, text.data, text.length);
    replyMap(c, 3);
    pair(c, "overhead.hashtable.main", mainTable(i));
    pair(c, "overhead.hashtable.expires", expiryTable(i));
    pair(c, "overhead.hashtable.slot-to-keys", 0);
  }
  pair(c, "overhead.total", <i64>overhead);
  pair(c, "keys.count", keys);
  pair(c, "keys.bytes-per-key", keys ? <i64>net / keys : 0);
  pair(c, "dataset.bytes", <i64>dataset);
  ratio(c, "dataset.percentage", (dataset * 100) / net);
  ratio(c, "peak.percentage", (used * 100) / peak);
  pair(c, "allocator.allocated", usedBytes);
  pair(c, "allocator.active", spanBytes);
  pair(c, "allocator.resident", <i64>resident);
  ratio(c, "allocator-fragmentation.ratio", active / max<f64>(1, used));
  pair(c, "allocator-fragmentation.bytes", <i64>(active - used));
  ratio(c, "allocator-rss.ratio", resident / max<f64>(1, active));
  pair(c, "allocator-rss.bytes", <i64>(resident - active));
  ratio(c, "rss-overhead.ratio", 1);
  pair(c, "rss-overhead.bytes", 0);
  ratio(c, "fragmentation", resident / max<f64>(1, used));
  pair(c, "fragmentation.bytes", <i64>(resident - used));
  deferMap(c, place, lines);
}

function memoryMallocStats(c: Client): void {
  builderReset(text);
  putText(text, "allocator: slabs of equal objects in 8 KiB pages, runs of pages for large blocks\nlive blocks: ");
  putInt(text, allocCount);
  putText(text, "\nlive bytes: ");
  putInt(text, usedBytes);
  putText(text, "\nbytes in slabs and large blocks: ");
  putInt(text, spanBytes);
  putText(text, "\nfree pages: ");
  putHuman(text, <f64>freeRunBytes());
  putText(text, "\nlinear memory: ");
  putHuman(text, rssBytes());
  putText(text, " of ");
  putHuman(text, limitBytes());
  putText(text, "\nfragmentation (slabs / live): ");
  putFixed(text, <f64>spanBytes / max<f64>(1, <f64>usedBytes), 3);
  putText(text, "\n");
  replyVerbatim(c, text.data, text.length, "txt");
}

function memoryDoctor(c: Client): void {
  builderReset(text);
  const used = <f64>usedBytes;
  const active = <f64>spanBytes;
  const resident = rssBytes();
  if (used < 5 * 1048576) {
    putText(text, "This server is empty or uses very little memory: there is nothing to diagnose yet.\n");
  } else {
    let found = 0;
    if (<f64>usedBytesPeak / used > 1.5) {
      found++;
      putText(text, " * Peak memory: this server once used more than 150% of what it uses now. Linear memory never shrinks; freed pages are used again.\n");
    }
    if (active / used > 1.1 && active - used > 10 * 1048576) {
      found++;
      putText(text, " * Allocator fragmentation is above 1.1: slabs are partly empty, usually after many keys of one size were deleted.\n");
    }
    if (resident / active > 1.4 && resident - active > 10 * 1048576 && <f64>usedBytesPeak / used <= 1.5) {
      found++;
      putText(text, " * Linear memory is much larger than what the allocator uses.\n");
    }
    if (clientCount && clientsBytes() / <usize>clientCount > 200 * 1024) {
      found++;
      putText(text, " * Clients use more than 200 KiB each on average: see qbuf and omem in CLIENT LIST.\n");
    }
    if (!found) putText(text, "No memory issue was found in this server.\n");
  }
  replyVerbatim(c, text.data, text.length, "txt");
}
/** Freed pages go back to the free runs at once: there is nothing to purge. */
function memoryPurge(c: Client): void {
  replyOk(c);
}
function memoryHelp(c: Client): void {
  helpBegin(c, "MEMORY");
  helpLine(c, "DOCTOR");
  helpLine(c, "    Return memory problems reports.");
  helpLine(c, "MALLOC-STATS");
  helpLine(c, "    Return internal statistics report from the memory allocator.");
  helpLine(c, "PURGE");
  helpLine(c, "    Attempt to purge dirty pages for reclamation by the allocator.");
  helpLine(c, "STATS");
  helpLine(c, "    Return information about the memory usage of the server.");
  helpLine(c, "USAGE <key> [SAMPLES <count>]");
  helpLine(c, "    Return memory in bytes used by <key> and its value. Nested values are");
  helpLine(c, "    sampled up to <count> times (default: 5, 0 means sample all).");
  helpEnd(c);
}
function memoryCommand(c: Client): void {}

export function registerMemoryCommands(): void {
  const m = command("memory", memoryCommand, -2, 0, 0, 0, 0, 0);
  describe("server", "4.0.0", "A container for memory diagnostics commands", "Depends on subcommand.");
  const usage = subcommand(m, "memory|usage", memoryUsage, -3, CMD_READONLY, 0);
  usage.firstKey = 2;
  usage.lastKey = 2;
  usage.keyStep = 1;
  describe("server", "4.0.0", "Estimate the memory usage of a key", "O(N) where N is the number of samples.");
  subcommand(m, "memory|stats", memoryStats, 2, 0, 0);
  describe("server", "4.0.0", "Show memory usage details", "O(1)");
  subcommand(m, "memory|doctor", memoryDoctor, 2, 0, 0);
  describe("server", "4.0.0", "Outputs memory problems report", "O(1)");
  subcommand(m, "memory|malloc-stats", memoryMallocStats, 2, 0, 0);
  describe("server", "4.0.0", "Show allocator internal stats", "Depends on how much memory is allocated, could be slow");
  subcommand(m, "memory|purge", memoryPurge, 2, 0, 0);
  describe("server", "4.0.0", "Ask the allocator to release memory", "Depends on how much memory is allocated, could be slow");
  subcommand(m, "memory|help", memoryHelp, 2, CMD_LOADING | CMD_STALE, 0);
  describe("server", "4.0.0", "Show helpful text about the different subcommands", "O(1)");
}
