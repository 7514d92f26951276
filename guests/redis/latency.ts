/**
 * LATENCY: the monitor's time series of slow events, and per-command histograms (LATENCY HISTOGRAM, INFO latencystats).
 *
 * A series keeps the worst value of each of the last 160 seconds in which something was slow. A histogram has eight buckets per power of
 * two of microseconds; `call` times fast commands by sample only, so its counts are scaled to the command's calls when they are shown.
 */
import { allocZero, free, tryAllocZero } from "../lib/raw/alloc";
import { Builder, builderReset, putByte, putFixed, putInt, putText } from "../lib/raw/builder";
import { Client, argLen, argPtr, argc } from "./client";
import { CMD_ADMIN, CMD_LOADING, CMD_NOSCRIPT, CMD_STALE, Command, command, commandFind, commandsHead, describe, subcommand, subcommandFind } from "./command";
import { equalWord } from "../lib/raw/bytes";
import { percentiles } from "./config-table";
import { putTrimmed } from "./config-value";
import { helpBegin, helpEnd, helpLine } from "./help";
import { deferBegin, deferArray, deferMap, errorBegin, errorBytes, errorEnd, errorText, replyArray, replyBulkText, replyI64, replyMap, replyVerbatim } from "./reply";
import { cfg, nowMs } from "./server";

// --- the monitor --------------------------------------------------------------------------------------------------
const SERIES_MAX: i32 = 16;
const SAMPLES: u32 = 160;
// A series: name (string) u32, next index u32, worst u32, unused u32, then SAMPLES pairs (second u32, milliseconds u32).
const SERIES_SIZE: usize = 16 + 160 * 8;
const series = memory.data(SERIES_MAX * 4, 4);
let seriesCount: i32 = 0;

function seriesAt(i: i32): usize {
  return load<usize>(series + (<usize>i << 2));
}
function sampleAt(s: usize, i: u32): usize {
  return s + 16 + (<usize>(i % SAMPLES) << 3);
}

/** Notes an event that took `ms` milliseconds, if the monitor's threshold asks for it. `event` is a literal. */
export function latencySample(event: string, ms: i64): void {
  if (!cfg.latencyMonitorThreshold || ms < cfg.latencyMonitorThreshold) return;
  let s: usize = 0;
  for (let i = 0; i < seriesCount && !s; i++) {
    if (changetype<string>(load<usize>(seriesAt(i))) == event) s = seriesAt(i);
  }
  if (!s) {
    if (seriesCount == SERIES_MAX) return;
    s = allocZero(SERIES_SIZE);
    store<usize>(s, changetype<usize>(event));
    store<usize>(series + (<usize>seriesCount << 2), s);
    seriesCount++;
  }
  const value = <u32>min<i64>(ms, 0xffffffff);
  if (value > load<u32>(s, 8)) store<u32>(s, value, 8);
  const now = <u32>(nowMs / 1000);
  const index = load<u32>(s, 4);
  const last = sampleAt(s, index + SAMPLES - 1);
  if (load<u32>(last) == now) {
    if (value > load<u32>(last, 4)) store<u32>(last, value, 4);
    return;
  }
  const at = sampleAt(s, index);
  store<u32>(at, now);
  store<u32>(at, value, 4);
  store<u32>(s, (index + 1) % SAMPLES, 4);
}

function findSeries(p: usize, n: u32): usize {
  for (let i = 0; i < seriesCount; i++) {
    if (equalWord(p, n, changetype<string>(load<usize>(seriesAt(i))))) return seriesAt(i);
  }
  return 0;
}
function dropSeries(i: i32): void {
  free(seriesAt(i));
  seriesCount--;
  store<usize>(series + (<usize>i << 2), seriesAt(seriesCount));
}

function latencyLatest(c: Client): void {
  replyArray(c, seriesCount);
  for (let i = 0; i < seriesCount; i++) {
    const s = seriesAt(i);
    const last = sampleAt(s, load<u32>(s, 4) + SAMPLES - 1);
    replyArray(c, 4);
    replyBulkText(c, changetype<string>(load<usize>(s)));
    replyI64(c, load<u32>(last));
    replyI64(c, load<u32>(last, 4));
    replyI64(c, load<u32>(s, 8));
  }
}
function latencyHistory(c: Client): void {
  const s = findSeries(argPtr(2), argLen(2));
  if (!s) {
    replyArray(c, 0);
    return;
  }
  const place = deferBegin(c);
  let count: i64 = 0;
  for (let i: u32 = 0; i < SAMPLES; i++) {
    const at = sampleAt(s, load<u32>(s, 4) + i);
    if (!load<u32>(at)) continue;
    replyArray(c, 2);
    replyI64(c, load<u32>(at));
    replyI64(c, load<u32>(at, 4));
    count++;
  }
  deferArray(c, place, count);
}
function latencyReset(c: Client): void {
  let count: i64 = 0;
  for (let i = seriesCount - 1; i >= 0; i--) {
    let wanted = argc == 2;
    for (let k = 2; k < argc; k++) {
      if (equalWord(argPtr(k), argLen(k), changetype<string>(load<usize>(seriesAt(i))))) wanted = true;
    }
    if (!wanted) continue;
    dropSeries(i);
    count++;
  }
  replyI64(c, count);
}

const report: Builder = changetype<Builder>(memory.data(16, 16));

/** Height of the graph in rows; each row is one of these characters from the bottom of its cell to the top. */
const GRAPH_ROWS: i32 = 4;
const GRAPH_COLUMNS: u32 = 80;
function latencyGraph(c: Client): void {
  const s = findSeries(argPtr(2), argLen(2));
  if (!s) {
    errorBegin("ERR No samples available for event '");
    errorBytes(argPtr(2), argLen(2), 128);
    errorText("'");
    errorEnd(c);
    return;
  }
  let low: u32 = 0xffffffff;
  let high: u32 = 0;
  let count: u32 = 0;
  for (let i: u32 = 0; i < SAMPLES; i++) {
    const at = sampleAt(s, load<u32>(s, 4) + i);
    if (!load<u32>(at)) continue;
    count++;
    low = min(low, load<u32>(at, 4));
    high = max(high, load<u32>(at, 4));
  }
  builderReset(report);
  putText(report, changetype<string>(load<usize>(s)));
  putText(report, " - high ");
  putInt(report, high);
  putText(report, " ms, low ");
  putInt(report, low);
  putText(report, " ms (all time high ");
  putInt(report, load<u32>(s, 8));
  putText(report, " ms)\n");
  for (let i: u32 = 0; i < GRAPH_COLUMNS; i++) putByte(report, 45);
  putByte(report, 10);
  const skip = count > GRAPH_COLUMNS ? count - GRAPH_COLUMNS : 0;
  // Rows from the top; then how long ago each sample was, written downwards.
  for (let row = GRAPH_ROWS - 1; row >= -4; row--) {
    let seen: u32 = 0;
    for (let i: u32 = 0; i < SAMPLES; i++) {
      const at = sampleAt(s, load<u32>(s, 4) + i);
      if (!load<u32>(at) || seen++ < skip) continue;
      if (row >= 0) {
        const span = high > low ? high - low : 1;
        const level = <i32>((<u64>(load<u32>(at, 4) - low) * <u64>(GRAPH_ROWS * 3 - 1)) / span) - row * 3;
        putByte(report, level < 0 ? 32 : level == 0 ? 95 : level == 1 ? 111 : 35);
      } else putByte(report, ageLetter(<u32>(nowMs / 1000) - load<u32>(at), -row - 1));
    }
    putByte(report, 10);
  }
  replyVerbatim(c, report.data, report.length, "txt");
}
/** Character `i` of an age such as "42s" or "3h"; a blank beyond its end. */
function ageLetter(seconds: u32, i: i32): u32 {
  const unit: u32 = seconds < 60 ? 115 : seconds < 3600 ? 109 : seconds < 86400 ? 104 : 100;
  const value = seconds < 60 ? seconds : seconds < 3600 ? seconds / 60 : seconds < 86400 ? seconds / 3600 : seconds / 86400;
  const digits = value < 10 ? 1 : value < 100 ? 2 : 3;
  if (i == digits) return unit;
  if (i > digits) return 32;
  let v = value;
  for (let k = digits - 1; k > i; k--) v /= 10;
  return 48 + (v % 10);
}

function latencyDoctor(c: Client): void {
  builderReset(report);
  if (!seriesCount && !cfg.latencyMonitorThreshold) {
    putText(
      report,
      "I'm sorry, I can't do that: latency monitoring is disabled in this server. Use \"CONFIG SET latency-monitor-threshold <milliseconds>\" to enable it.\n",
    );
  } else if (!seriesCount) {
    putText(report, "No latency spike was observed during the lifetime of this server.\n");
  } else {
    putText(report, "Latency spikes were observed in this server:\n\n");
    for (let i = 0; i < seriesCount; i++) doctorLine(i);
    putText(report, "\nAdvice:\n\n");
    if (known("command") || known("fast-command")) {
      putText(report, "- Look at the slow log (SLOWLOG GET) for the commands that take long, and avoid O(N) commands on large keys.\n");
      if (cfg.slowlogLogSlowerThan < 0 || cfg.slowlogLogSlowerThan / 1000 > cfg.latencyMonitorThreshold) {
        putText(report, "- The slow log does not record what the latency monitor sees: lower slowlog-log-slower-than.\n");
      }
    }
    if (known("aof-fsync-always")) putText(report, "- appendfsync is 'always': replies to writes wait for the disk. 'everysec' loses at most two seconds.\n");
    if (known("aof-write") || known("aof-write-alone") || known("aof-write-pending-fsync")) {
      putText(report, "- Writing the append only file is slow: put the volume on a local disk.\n");
    }
    if (known("aof-write-active-child")) putText(report, "- The disk is busy while the append only file is rewritten: consider no-appendfsync-on-rewrite.\n");
    if (known("eviction-cycle")) putText(report, "- Much is evicted at once: avoid lowering maxmemory in large steps and creating very large keys.\n");
    if (known("expire-cycle")) putText(report, "- Many keys expire at the same moment: spread their times to live.\n");
  }
  replyVerbatim(c, report.data, report.length, "txt");
}
function known(event: string): bool {
  for (let i = 0; i < seriesCount; i++) {
    if (changetype<string>(load<usize>(seriesAt(i))) == event) return true;
  }
  return false;
}
function doctorLine(i: i32): void {
  const s = seriesAt(i);
  let count: u64 = 0;
  let sum: u64 = 0;
  let first: u32 = 0xffffffff;
  for (let k: u32 = 0; k < SAMPLES; k++) {
    const at = sampleAt(s, k);
    if (!load<u32>(at)) continue;
    count++;
    sum += load<u32>(at, 4);
    first = min(first, load<u32>(at));
  }
  const mean = count ? sum / count : 0;
  let deviation: u64 = 0;
  for (let k: u32 = 0; k < SAMPLES; k++) {
    const at = sampleAt(s, k);
    if (!load<u32>(at)) continue;
    const value = <u64>load<u32>(at, 4);
    deviation += value > mean ? value - mean : mean - value;
  }
  putInt(report, i + 1);
  putText(report, ". ");
  putText(report, changetype<string>(load<usize>(s)));
  putText(report, ": ");
  putInt(report, count);
  putText(report, " latency spikes (average ");
  putInt(report, mean);
  putText(report, "ms, mean deviation ");
  putInt(report, count ? deviation / count : 0);
  putText(report, "ms, period ");
  const seconds = max<i64>(1, nowMs / 1000 - <i64>first);
  putFixed(report, count ? <f64>seconds / <f64>count : 0, 2);
  putText(report, " sec). Worst all time event ");
  putInt(report, load<u32>(s, 8));
  putText(report, "ms.\n");
}

// --- histograms -------------------------------------------------------------------------------------------------------
// count u64, then BUCKETS u32.
const BUCKETS: u32 = 224;
const HISTOGRAM_SIZE: usize = 8 + 224 * 4;

function bucketOf(us: i64): u32 {
  if (us < 8) return us < 0 ? 0 : <u32>us;
  const v = <u32>min<i64>(us, 0x3fffffff);
  const log = 31 - clz(v);
  return (log - 2) * 8 + ((v >> (log - 3)) & 7);
}
/** The largest value of a bucket. */
function bucketTop(b: u32): u64 {
  if (b < 8) return b;
  const log = (b >> 3) + 2;
  return (((<u64>(b & 7) + 9) << (log - 3)) - 1);
}

/** Adds one timed call of a command. */
export function latencyRecord(m: Command, us: i64): void {
  let h = m.histogram;
  if (!h) {
    h = tryAllocZero(HISTOGRAM_SIZE);
    if (!h) return;
    m.histogram = h;
  }
  store<u64>(h, load<u64>(h) + 1);
  const at = h + 8 + (<usize>bucketOf(us) << 2);
  store<u32>(at, load<u32>(at) + 1);
}
function resetFrom(m: usize, siblings: bool): void {
  while (m) {
    const k = changetype<Command>(m);
    if (k.histogram) free(k.histogram);
    k.histogram = 0;
    resetFrom(k.children, true);
    m = siblings ? k.sibling : k.order;
  }
}
/** latency-tracking was switched off. */
export function latencyTrackingReset(): void {
  resetFrom(commandsHead, false);
}

/** "p50=…,p99=…" of a command's histogram. */
export function putPercentiles(b: Builder, m: Command): void {
  const h = m.histogram;
  const total = load<u64>(h);
  const count = load<u32>(percentiles);
  for (let i: u32 = 1; i <= count; i++) {
    const p = load<f64>(percentiles + (<usize>i << 3));
    let want = <u64>ceil((p / 100.0) * <f64>total);
    if (want < 1) want = 1;
    let seen: u64 = 0;
    let bucket: u32 = 0;
    for (; bucket < BUCKETS; bucket++) {
      seen += load<u32>(h + 8 + (<usize>bucket << 2));
      if (seen >= want) break;
    }
    if (i > 1) putByte(b, 44);
    putByte(b, 112);
    putTrimmed(b, p);
    putByte(b, 61);
    putFixed(b, <f64>bucketTop(bucket) + 1.0, 3);
  }
}

/** One command's entry of LATENCY HISTOGRAM. */
function replyHistogram(c: Client, m: Command): void {
  replyBulkText(c, changetype<string>(m.name));
  replyMap(c, 2);
  replyBulkText(c, "calls");
  replyI64(c, m.calls);
  replyBulkText(c, "histogram_usec");
  const place = deferBegin(c);
  const h = m.histogram;
  const total = load<u64>(h);
  let seen: u64 = 0;
  let lastSeen: u64 = 0;
  let lines: i64 = 0;
  // One line per power of two in which something lies, counts running up.
  for (let bucket: u32 = 0; bucket < BUCKETS; bucket++) {
    seen += load<u32>(h + 8 + (<usize>bucket << 2));
    const top = bucketTop(bucket);
    if ((top & (top + 1)) != 0 || seen == lastSeen) continue;
    replyI64(c, top + 1);
    replyI64(c, <i64>((<f64>seen / <f64>total) * <f64>m.calls));
    lastSeen = seen;
    lines++;
  }
  deferMap(c, place, lines);
}
let histogramLines: i64 = 0;
function histogramsFrom(c: Client, m: usize, siblings: bool): void {
  while (m) {
    const k = changetype<Command>(m);
    if (k.histogram) {
      replyHistogram(c, k);
      histogramLines++;
    }
    histogramsFrom(c, k.children, true);
    m = siblings ? k.sibling : k.order;
  }
}
function latencyHistogram(c: Client): void {
  const place = deferBegin(c);
  histogramLines = 0;
  if (argc == 2) histogramsFrom(c, commandsHead, false);
  for (let i = 2; i < argc; i++) {
    const found = commandByFullName(argPtr(i), argLen(i));
    if (!found) continue;
    const m = changetype<Command>(found);
    if (m.histogram) {
      replyHistogram(c, m);
      histogramLines++;
    }
    if (!m.parent) histogramsFrom(c, m.children, true);
  }
  deferMap(c, place, histogramLines);
}
/** A command by "name" or "name|subcommand", or 0. */
export function commandByFullName(p: usize, n: u32): usize {
  let bar: u32 = 0;
  while (bar < n && load<u8>(p + bar) != 124) bar++;
  const found = commandFind(p, bar);
  if (!found || bar == n) return found;
  return subcommandFind(changetype<Command>(found), p + bar + 1, n - bar - 1);
}

function latencyHelp(c: Client): void {
  helpBegin(c, "LATENCY");
  helpLine(c, "DOCTOR");
  helpLine(c, "    Return a human readable latency analysis report.");
  helpLine(c, "GRAPH <event>");
  helpLine(c, "    Return an ASCII latency graph for the <event> class.");
  helpLine(c, "HISTORY <event>");
  helpLine(c, "    Return time-latency samples for the <event> class.");
  helpLine(c, "LATEST");
  helpLine(c, "    Return the latest latency samples for all events.");
  helpLine(c, "RESET [<event> ...]");
  helpLine(c, "    Reset latency data of one or more <event> classes.");
  helpLine(c, "    (default: reset all data for all event classes)");
  helpLine(c, "HISTOGRAM [COMMAND ...]");
  helpLine(c, "    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.");
  helpLine(c, "    If no commands are specified then all histograms are replied.");
  helpEnd(c);
}
function latencyCommand(c: Client): void {}

export function registerLatencyCommands(): void {
  const flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE;
  const m = command("latency", latencyCommand, -2, 0, 0, 0, 0, 0);
  describe("server", "2.8.13", "A container for latency diagnostics commands", "Depends on subcommand.");
  subcommand(m, "latency|latest", latencyLatest, 2, flags, 0);
  describe("server", "2.8.13", "Return the latest latency samples for all events.", "O(1)");
  subcommand(m, "latency|history", latencyHistory, 3, flags, 0);
  describe("server", "2.8.13", "Return timestamp-latency samples for the event.", "O(1)");
  subcommand(m, "latency|reset", latencyReset, -2, flags, 0);
  describe("server", "2.8.13", "Reset latency data for one or more events.", "O(1)");
  subcommand(m, "latency|graph", latencyGraph, 3, flags, 0);
  describe("server", "2.8.13", "Return a latency graph for the event.", "O(1)");
  subcommand(m, "latency|doctor", latencyDoctor, 2, flags, 0);
  describe("server", "2.8.13", "Return a human readable latency analysis report.", "O(1)");
  subcommand(m, "latency|histogram", latencyHistogram, -2, flags, 0);
  describe("server", "7.0.0", "Return the cumulative distribution of latencies of a subset of commands or all.", "O(N) where N is the number of commands with latency information being retrieved.");
  subcommand(m, "latency|help", latencyHelp, 2, CMD_LOADING | CMD_STALE, 0);
  describe("server", "2.8.13", "Show helpful text about the different subcommands.", "O(1)");
}
