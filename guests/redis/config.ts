/**
 * CONFIG GET, SET, RESETSTAT, REWRITE and HELP, and what has to happen when a value changes.
 *
 * CONFIG SET is atomic: every value is checked and set before anything is applied, and a failure puts all of them back.
 */
import { Builder, builderRelease, builderReset } from "../lib/raw/builder";
import { aofSaysEnabled, gateUpdate } from "./aof";
import { rewriteCollect, rewriteTurnOff, rewriteTurnOn } from "./aof-rewrite";
import { globMatch, equalWord } from "../lib/raw/bytes";
import { Client, argLen, argPtr, argc } from "./client";
import { CMD_ADMIN, CMD_LOADING, CMD_NOSCRIPT, CMD_STALE, Command, command, commandsHead, describe, subcommand } from "./command";
import { configRewrite } from "./config-rewrite";
import {
  APPLY_APPENDFSYNC,
  APPLY_APPENDONLY,
  APPLY_AUTO_GC,
  APPLY_BIND,
  APPLY_CLUSTER,
  APPLY_DEFRAG,
  APPLY_HZ,
  APPLY_LATENCY_TRACKING,
  APPLY_MAXMEMORY,
  APPLY_NONE,
  APPLY_PORT,
  APPLY_PREAMBLE,
  PARAM_DENY_LOADING,
  PARAM_HIDDEN,
  PARAM_IMMUTABLE,
  PARAM_PROTECTED,
  PARAM_SAVE,
  Param,
  paramAt,
  paramCount,
  paramFind,
} from "./config-table";
import { SET_REFUSED, SET_SAME, paramSet, problem, putParam } from "./config-value";
import { alloc, free, usedBytes } from "../lib/raw/alloc";
import { blobData, blobFree, blobLength, tryBlobNew } from "../lib/raw/bytes";
import { putText, putInt } from "../lib/raw/builder";
import { errorReset } from "./errors";
import { evictIfNeeded } from "./evict";
import { helpBegin, helpEnd, helpLine } from "./help";
import { latencyTrackingReset } from "./latency";
import { LOG_WARNING, cfg, loading, logBegin, logEnd, logInt, logText, stats } from "./server";
import {
  errorBegin,
  errorBytes,
  errorEnd,
  errorText,
  replyBulk,
  replyError,
  replyMap,
  replyOk,
  replySyntaxError,
} from "./reply";

const NO_RDB: string = "RDB is not supported by the 'redis' image: boot the 'redis-server' image (the real Redis)";

/** Applies a change; false with the reason in `problem`. */
function apply(code: u32): bool {
  builderReset(problem);
  switch (code) {
    case APPLY_APPENDONLY:
      if (cfg.appendonly && !aofSaysEnabled()) {
        if (!rewriteTurnOn()) {
          putText(problem, "Unable to turn on AOF. Check server logs.");
          return false;
        }
      } else if (!cfg.appendonly && aofSaysEnabled()) rewriteTurnOff();
      return true;
    case APPLY_MAXMEMORY:
      if (cfg.maxmemory) {
        if (<i64>usedBytes > cfg.maxmemory) {
          logBegin(LOG_WARNING, "WARNING: the new maxmemory value set via CONFIG SET (");
          logInt(cfg.maxmemory);
          logText(") is smaller than the current memory usage (");
          logInt(usedBytes);
          logText("). This will result in key eviction and/or the inability to accept new write commands depending on the maxmemory-policy.");
          logEnd();
        }
        evictIfNeeded();
      }
      return true;
    case APPLY_HZ:
      if (cfg.hz < 1) cfg.hz = 1;
      if (cfg.hz > 500) cfg.hz = 500;
      return true;
    case APPLY_PREAMBLE:
      if (!cfg.aofUseRdbPreamble) return true;
      putText(problem, NO_RDB);
      return false;
    case APPLY_PORT:
    case APPLY_BIND:
      putText(problem, "the address of this machine's server is fixed at boot");
      return false;
    case APPLY_DEFRAG:
      putText(problem, "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc like the one shipped by default with the Redis source distribution");
      return false;
    case APPLY_APPENDFSYNC:
      gateUpdate();
      return true;
    case APPLY_AUTO_GC:
      rewriteCollect();
      return true;
    case APPLY_LATENCY_TRACKING:
      if (!cfg.latencyTracking) latencyTrackingReset();
      return true;
    default:
      return true;
  }
}


const valueText: Builder = changetype<Builder>(memory.data(16, 16));

// --- SET ----------------------------------------------------------------------------------------------------
/** Puts the first `count` parameters back; `records` are pairs (Param, old value blob). */
function restore(records: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const p = changetype<Param>(load<usize>(records + (<usize>i << 3)));
    const old = load<usize>(records + (<usize>i << 3), 4);
    paramSet(p, blobData(old), blobLength(old));
  }
}

function refuseSet(c: Client, name: usize, n: u32, reason: bool): void {
  errorBegin("ERR CONFIG SET failed (possibly related to argument '");
  errorBytes(name, n, 128);
  errorText("')");
  if (reason && problem.length) {
    errorText(" - ");
    errorBytes(problem.data, problem.length, 600);
  }
  errorEnd(c);
}
function refuseNamed(c: Client, p: Param): void {
  const name = changetype<string>(p.name);
  errorBegin("ERR CONFIG SET failed (possibly related to argument '");
  errorText(name);
  errorText("')");
  if (problem.length) {
    errorText(" - ");
    errorBytes(problem.data, problem.length, 600);
  }
  errorEnd(c);
}

function configSet(c: Client): void {
  if (argc & 1) {
    replySyntaxError(c);
    return;
  }
  const count = (argc - 2) / 2;
  if (count > paramCount) {
    replySyntaxError(c);
    return;
  }
  const records = alloc(<usize>count << 3);
  memory.fill(records, 0, <usize>count << 3);
  if (configFind(c, records, count)) configSetAll(c, records, count);
  for (let i = 0; i < count; i++) {
    const old = load<usize>(records + (<usize>i << 3), 4);
    if (old) blobFree(old);
  }
  free(records);
}

/** Looks all names up; false after an error reply. */
function configFind(c: Client, records: usize, count: i32): bool {
  for (let i = 0; i < count; i++) {
    const at = 2 + i * 2;
    const found = paramFind(argPtr(at), argLen(at));
    if (!found) {
      errorBegin("ERR Unknown option or number of arguments for CONFIG SET - '");
      errorBytes(argPtr(at), argLen(at), 128);
      errorText("'");
      errorEnd(c);
      return false;
    }
    const p = changetype<Param>(found);
    builderReset(problem);
    if (p.flags & PARAM_IMMUTABLE) putText(problem, "can't set immutable config");
    else if (p.flags & PARAM_PROTECTED) putText(problem, "can't set protected config");
    if (problem.length) {
      refuseSet(c, argPtr(at), argLen(at), true);
      return false;
    }
    if (loading && p.flags & PARAM_DENY_LOADING) {
      replyError(c, "LOADING Redis is loading the dataset in memory");
      return false;
    }
    for (let j = 0; j < i; j++) {
      if (load<usize>(records + (<usize>j << 3)) == found) {
        putText(problem, "duplicate parameter");
        refuseSet(c, argPtr(at), argLen(at), true);
        return false;
      }
    }
    store<usize>(records + (<usize>i << 3), found);
  }
  return true;
}

function configSetAll(c: Client, records: usize, count: i32): void {
  let applied: u32 = 0; // bit per APPLY_ code that has to run
  for (let i = 0; i < count; i++) {
    const p = changetype<Param>(load<usize>(records + (<usize>i << 3)));
    builderReset(valueText);
    putParam(valueText, p);
    const old = tryBlobNew(valueText.data, valueText.length);
    builderReset(problem);
    if (!old) {
      restore(records, i);
      putText(problem, "memory is short");
      refuseNamed(c, p);
      return;
    }
    store<usize>(records + (<usize>i << 3), old, 4);
    const at = 3 + i * 2;
    const snapshots = p.kind == PARAM_SAVE && argLen(at) > 0;
    if (snapshots) putText(problem, NO_RDB);
    const result = snapshots ? SET_REFUSED : paramSet(p, argPtr(at), argLen(at));
    if (result == SET_REFUSED) {
      refuseNamed(c, p); // before restore(), which overwrites `problem`
      restore(records, i);
      return;
    }
    if (result != SET_SAME && p.apply != APPLY_NONE) applied |= 1 << p.apply;
  }
  for (let i = 0; i < count; i++) {
    const p = changetype<Param>(load<usize>(records + (<usize>i << 3)));
    if (!(applied & (1 << p.apply)) || p.apply == APPLY_NONE) continue;
    applied &= ~(1 << p.apply);
    if (!apply(p.apply)) {
      refuseNamed(c, p);
      restore(records, count);
      for (let j = 0; j < i; j++) apply(changetype<Param>(load<usize>(records + (<usize>j << 3))).apply);
      return;
    }
  }
  replyOk(c);
}

// --- GET ----------------------------------------------------------------------------------------------------
function hasGlob(p: usize, n: u32): bool {
  for (let i: u32 = 0; i < n; i++) {
    const ch = load<u8>(p + i);
    if (ch == 42 || ch == 63 || ch == 91) return true;
  }
  return false;
}
const nameText = memory.data(128, 16);
function nameBytes(name: usize): u32 {
  const n = changetype<string>(name).length;
  for (let i = 0; i < n; i++) store<u8>(nameText + i, <u8>load<u16>(name + (<usize>i << 1)));
  return n;
}
/** Whether a name of a parameter is asked for by any argument from 2 on. */
function asked(name: usize, hidden: bool): bool {
  const n = nameBytes(name);
  for (let i = 2; i < argc; i++) {
    if (hasGlob(argPtr(i), argLen(i))) {
      if (!hidden && globMatch(argPtr(i), argLen(i), nameText, n, true)) return true;
    } else if (equalWord(argPtr(i), argLen(i), changetype<string>(name))) return true;
  }
  return false;
}
function configGet(c: Client): void {
  let count: i64 = 0;
  for (let pass = 0; pass < 2; pass++) {
    if (pass) replyMap(c, count);
    for (let i = 0; i < paramCount; i++) {
      const p = paramAt(i);
      const hidden = (p.flags & PARAM_HIDDEN) != 0;
      for (let which = 0; which < 2; which++) {
        const name = which ? p.alias : p.name;
        if (!name || !asked(name, hidden)) continue;
        if (!pass) {
          count++;
          continue;
        }
        const n = nameBytes(name);
        replyBulk(c, nameText, n);
        builderReset(valueText);
        putParam(valueText, p);
        replyBulk(c, valueText.data, valueText.length);
      }
    }
  }
  if (valueText.capacity > 65536) builderRelease(valueText);
}

// --- RESETSTAT, REWRITE ---------------------------------------------------------------------------------------------------
function commandStatsReset(m: usize, siblings: bool): void {
  while (m) {
    const k = changetype<Command>(m);
    k.calls = 0;
    k.microseconds = 0;
    k.rejected = 0;
    k.failed = 0;
    if (k.histogram) {
      free(k.histogram);
      k.histogram = 0;
    }
    commandStatsReset(k.children, true);
    m = siblings ? k.sibling : k.order;
  }
}
function configResetStat(c: Client): void {
  commandStatsReset(commandsHead, false);
  errorReset();
  stats.connections = 0;
  stats.rejectedConnections = 0;
  stats.commands = 0;
  stats.netInput = 0;
  stats.netOutput = 0;
  stats.expired = 0;
  stats.expiredTimeCap = 0;
  stats.evictedKeys = 0;
  stats.evictedClients = 0;
  stats.keyspaceHits = 0;
  stats.keyspaceMisses = 0;
  stats.totalErrorReplies = 0;
  stats.unexpectedErrors = 0;
  stats.readsProcessed = 0;
  stats.writesProcessed = 0;
  stats.lazyFreed = 0;
  stats.peakMemory = usedBytes;
  stats.aclDenied = 0;
  replyOk(c);
}

function configRewriteCommand(c: Client): void {
  builderReset(problem);
  if (configRewrite()) {
    replyOk(c);
    return;
  }
  errorBegin("ERR ");
  errorBytes(problem.data, problem.length, 600);
  errorEnd(c);
}

function configHelp(c: Client): void {
  helpBegin(c, "CONFIG");
  helpLine(c, "GET <pattern>");
  helpLine(c, "    Return parameters matching the glob-like <pattern> and their values.");
  helpLine(c, "SET <directive> <value>");
  helpLine(c, "    Set the configuration <directive> to <value>.");
  helpLine(c, "RESETSTAT");
  helpLine(c, "    Reset statistics reported by the INFO command.");
  helpLine(c, "REWRITE");
  helpLine(c, "    Rewrite the configuration file.");
  helpEnd(c);
}

function configCommand(c: Client): void {}

export function registerConfigCommands(): void {
  const flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE;
  const m = command("config", configCommand, -2, 0, 0, 0, 0, 0);
  describe("server", "2.0.0", "A container for server configuration commands", "Depends on subcommand.");
  subcommand(m, "config|get", configGet, -3, flags, 0);
  describe("server", "2.0.0", "Get the values of configuration parameters", "O(N) when N is the number of configuration parameters provided");
  subcommand(m, "config|set", configSet, -4, flags, 0);
  describe("server", "2.0.0", "Set configuration parameters to the given values", "O(N) when N is the number of configuration parameters provided");
  subcommand(m, "config|resetstat", configResetStat, 2, flags, 0);
  describe("server", "2.0.0", "Reset the stats returned by INFO", "O(1)");
  subcommand(m, "config|rewrite", configRewriteCommand, 2, flags, 0);
  describe("server", "2.8.0", "Rewrite the configuration file with the in memory configuration", "O(1)");
  subcommand(m, "config|help", configHelp, 2, CMD_LOADING | CMD_STALE, 0);
  describe("server", "5.0.0", "Show helpful text about the different subcommands", "O(1)");
}
