/**
 * SLOWLOG, and what call() reports of each command that it timed: the slow log, the latency monitor, the histograms.
 *
 * An entry is a block: header, then a blob pointer for each argument kept. At most 32 arguments of 128 bytes, as in Redis.
 */
import { free, tryAlloc } from "../lib/raw/alloc";
import { blobData, blobLength, copy, textCopy } from "../lib/raw/bytes";
import { Client, argLen, argPtr, argc } from "./client";
import { CMD_ADMIN, CMD_FAST, CMD_LOADING, CMD_SKIP_SLOWLOG, CMD_STALE, Command, command, describe, subcommand } from "./command";
import { PARAM_SENSITIVE, Param, paramFind } from "./config-table";
import { helpBegin, helpEnd, helpLine } from "./help";
import { latencyRecord, latencySample } from "./latency";
import { formatI64 } from "../lib/raw/number";
import { argInt, argRange } from "./arguments";
import { deferArray, deferBegin, replyArray, replyBulk, replyI64, replyOk } from "./reply";
import { cfg, nowMs } from "./server";

const ARGUMENTS_MAX: i32 = 32;
const BYTES_MAX: u32 = 128;

@unmanaged
class Entry {
  next: usize; // older
  prev: usize; // newer
  id: i64;
  time: i64; // seconds
  duration: i64; // microseconds
  peer: usize; // blob or 0
  name: usize; // blob or 0
  count: i32; // arguments, blob pointers behind the header
}
let newest: usize = 0;
let oldest: usize = 0;
let length: i64 = 0;
let nextId: i64 = 0;
const text = memory.data(192, 16);

function blobKeep(p: usize, n: u32): usize {
  const b = tryAlloc(n + 4);
  if (!b) return 0;
  store<u32>(b, n);
  copy(b + 4, p, n);
  return b;
}
function blobCopy(b: usize): usize {
  return b ? blobKeep(blobData(b), blobLength(b)) : 0;
}

/** CONFIG SET of a password must not be readable in the log. */
function secret(m: Command, i: i32): bool {
  if (i < 3 || !(i & 1)) return false;
  const name = changetype<string>(m.name);
  if (name != "config|set") return false;
  const found = paramFind(argPtr(i - 1), argLen(i - 1));
  return found != 0 && (changetype<Param>(found).flags & PARAM_SENSITIVE) != 0;
}

function argumentBlob(m: Command, i: i32, kept: i32): usize {
  if (kept != argc && i == kept - 1) {
    let n = textCopy(text, "... (");
    n += formatI64(text + n, argc - kept + 1);
    n += textCopy(text + n, " more arguments)");
    return blobKeep(text, n);
  }
  if (secret(m, i)) return blobKeep(text, textCopy(text, "(redacted)"));
  const size = argLen(i);
  if (size <= BYTES_MAX) return blobKeep(argPtr(i), size);
  copy(text, argPtr(i), BYTES_MAX);
  let n = <i32>BYTES_MAX;
  n += textCopy(text + n, "... (");
  n += formatI64(text + n, size - BYTES_MAX);
  n += textCopy(text + n, " more bytes)");
  return blobKeep(text, n);
}

function drop(p: usize): void {
  const e = changetype<Entry>(p);
  if (e.prev) changetype<Entry>(e.prev).next = e.next;
  else newest = e.next;
  if (e.next) changetype<Entry>(e.next).prev = e.prev;
  else oldest = e.prev;
  for (let i = 0; i < e.count; i++) free(load<usize>(p + offsetof<Entry>() + (<usize>i << 2)));
  free(e.peer);
  free(e.name);
  free(p);
  length--;
}
function trim(): void {
  while (length > cfg.slowlogMaxLen) drop(oldest);
}

function add(c: Client, m: Command, used: i64): void {
  const kept = min(argc, ARGUMENTS_MAX);
  const p = tryAlloc(offsetof<Entry>() + (<usize>kept << 2));
  if (!p) return;
  const e = changetype<Entry>(p);
  e.id = nextId++;
  e.time = nowMs / 1000;
  e.duration = used;
  e.peer = blobCopy(c.peer);
  e.name = blobCopy(c.name);
  e.count = kept;
  for (let i = 0; i < kept; i++) store<usize>(p + offsetof<Entry>() + (<usize>i << 2), argumentBlob(m, i, kept));
  e.prev = 0;
  e.next = newest;
  if (newest) changetype<Entry>(newest).prev = p;
  else oldest = p;
  newest = p;
  length++;
  trim();
}

/** Called by call() for each command that it timed; `used` in microseconds. */
export function slowlogCheck(c: Client, m: Command, used: i64): void {
  if (cfg.slowlogLogSlowerThan >= 0 && used >= cfg.slowlogLogSlowerThan && !(m.flags & CMD_SKIP_SLOWLOG)) add(c, m, used);
  if (cfg.latencyTracking) latencyRecord(m, used);
  if (cfg.latencyMonitorThreshold) latencySample(m.flags & CMD_FAST ? "fast-command" : "command", used / 1000);
}

function slowlogCommand(c: Client): void {}
function slowlogReset(c: Client): void {
  while (oldest) drop(oldest);
  replyOk(c);
}
function slowlogLen(c: Client): void {
  replyI64(c, length);
}
function slowlogGet(c: Client): void {
  let count: i64 = 10;
  if (argc == 3) {
    if (!argRange(c, 2, -1, i64.MAX_VALUE, "ERR count should be greater than or equal to -1")) return;
    count = argInt == -1 ? length : argInt;
  }
  const place = deferBegin(c);
  let sent: i64 = 0;
  for (let p = newest; p && sent < count; p = changetype<Entry>(p).next) {
    const e = changetype<Entry>(p);
    replyArray(c, 6);
    replyI64(c, e.id);
    replyI64(c, e.time);
    replyI64(c, e.duration);
    replyArray(c, e.count);
    for (let i = 0; i < e.count; i++) replyBlob(c, load<usize>(p + offsetof<Entry>() + (<usize>i << 2)));
    replyBlob(c, e.peer);
    replyBlob(c, e.name);
    sent++;
  }
  deferArray(c, place, sent);
}
function replyBlob(c: Client, b: usize): void {
  if (b) replyBulk(c, blobData(b), blobLength(b));
  else replyBulk(c, 0, 0);
}
function slowlogHelp(c: Client): void {
  helpBegin(c, "SLOWLOG");
  helpLine(c, "GET [<count>]");
  helpLine(c, "    Return top <count> entries from the slowlog (default: 10, -1 mean all).");
  helpLine(c, "    Entries are made of:");
  helpLine(c, "    id, timestamp, time in microseconds, arguments array, client IP and port,");
  helpLine(c, "    client name");
  helpLine(c, "LEN");
  helpLine(c, "    Return the length of the slowlog.");
  helpLine(c, "RESET");
  helpLine(c, "    Reset the slowlog.");
  helpEnd(c);
}

export function registerSlowlogCommands(): void {
  const flags = CMD_ADMIN | CMD_LOADING | CMD_STALE;
  const m = command("slowlog", slowlogCommand, -2, 0, 0, 0, 0, 0);
  describe("server", "2.2.12", "A container for slow log commands", "Depends on subcommand.");
  subcommand(m, "slowlog|get", slowlogGet, -2, flags, 0);
  describe("server", "2.2.12", "Get the slow log's entries", "O(N) where N is the number of entries returned");
  subcommand(m, "slowlog|len", slowlogLen, 2, flags, 0);
  describe("server", "2.2.12", "Get the slow log's length", "O(1)");
  subcommand(m, "slowlog|reset", slowlogReset, 2, flags, 0);
  describe("server", "2.2.12", "Clear all entries from the slow log", "O(N) where N is the number of entries in the slowlog");
  subcommand(m, "slowlog|help", slowlogHelp, 2, CMD_LOADING | CMD_STALE, 0);
  describe("server", "6.2.0", "Show helpful text about the different subcommands", "O(1)");
}
