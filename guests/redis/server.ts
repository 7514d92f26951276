/**
 * Server-wide state: the clock of this turn, configuration values, statistics, the log.
 *
 * `cfg` and `stats` are structures in static memory, so that CONFIG's and INFO's tables can hold field
 * addresses (`offsetof<Config>("field")`). Whoever owns a feature writes its fields; everybody may read.
 */
import { sys_clock_ms, sys_getpid, sys_write } from "../lib/sys";
import { textCopy } from "../lib/raw/bytes";
import { formatI64 } from "../lib/raw/number";

/** Realtime of this turn in whole milliseconds since the epoch; set once per turn and while a script-like loop runs. */
export let nowMs: i64 = 0;
/** Monotonic clock of this turn, milliseconds with a fraction. */
export let monoMs: f64 = 0;
/** Low 24 bits of the LRU clock in seconds. */
export let lruClock: u32 = 0;
export let bootMs: i64 = 0;

export function clockSet(monotonic: f64, realtime: f64): void {
  monoMs = monotonic;
  nowMs = <i64>realtime;
  lruClock = <u32>(nowMs / 1000) & 0xffffff;
}
export function bootMsSet(): void {
  bootMs = nowMs;
}
/** Reads the clock devices: for work that takes long inside one turn. */
export function clockRefresh(): void {
  clockSet(sys_clock_ms(1), sys_clock_ms(0));
}
/** Monotonic microseconds right now. */
export function ustime(): i64 {
  return <i64>(sys_clock_ms(1) * 1000.0);
}

@unmanaged
export class Config {
  port: i32;
  databases: i32;
  hz: i32;
  tcpBacklog: i32;
  timeout: i32; // seconds, 0: never
  tcpKeepalive: i32;
  maxclients: i32;
  protoMaxBulkLen: i64;
  clientQueryBufferLimit: i64;
  requirepass: usize; // blob or 0
  bind: usize; // blob or 0
  logfile: usize; // blob or 0
  loglevel: i32; // 0 debug, 1 verbose, 2 notice, 3 warning
  // output limits: hard bytes, soft bytes, soft seconds; classes 0 normal, 1 replica, 2 pubsub
  obufHard0: i64;
  obufSoft0: i64;
  obufSeconds0: i64;
  obufHard1: i64;
  obufSoft1: i64;
  obufSeconds1: i64;
  obufHard2: i64;
  obufSoft2: i64;
  obufSeconds2: i64;
  maxmemory: i64;
  maxmemoryPolicy: i32; // see evict.ts
  maxmemorySamples: i32;
  lfuLogFactor: i32;
  lfuDecayTime: i32;
  activeExpireEffort: i32;
  activeExpire: i32; // DEBUG SET-ACTIVE-EXPIRE
  lazyfreeLazyUserDel: i32;
  lazyfreeLazyUserFlush: i32;
  lazyfreeLazyExpire: i32;
  lazyfreeLazyEviction: i32;
  lazyfreeLazyServerDel: i32;
  activerehashing: i32;
  // container thresholds
  hashMaxListpackEntries: i64;
  hashMaxListpackValue: i64;
  listMaxListpackSize: i32;
  listCompressDepth: i32;
  setMaxIntsetEntries: i64;
  zsetMaxListpackEntries: i64;
  zsetMaxListpackValue: i64;
  // persistence
  appendonly: i32;
  appendfsync: i32; // 0 no, 1 always, 2 everysec
  noAppendfsyncOnRewrite: i32;
  autoAofRewritePercentage: i32;
  autoAofRewriteMinSize: i64;
  aofLoadTruncated: i32;
  aofUseRdbPreamble: i32;
  dir: usize;
  appendfilename: usize;
  appenddirname: usize;
  dbfilename: usize;
  // observation
  notifyKeyspaceEvents: i32;
  slowlogLogSlowerThan: i64;
  slowlogMaxLen: i64;
  streamNodeMaxEntries: i64;
  streamNodeMaxBytes: i64;
  latencyMonitorThreshold: i64;
  latencyTracking: i32;
  maxmemoryClients: i64;
  closeOnOom: i32;
  enableDebugCommand: i32; // 0 no, 1 yes, 2 local
  shutdownTimeout: i32;
}
export const cfg: Config = changetype<Config>(memory.data(1024, 16));

@unmanaged
export class Stats {
  connections: i64;
  rejectedConnections: i64;
  forwarded: i64; // requests sent to other shards
  commands: i64;
  netInput: i64;
  netOutput: i64;
  expired: i64;
  expiredTimeCap: i64;
  evictedKeys: i64;
  evictedClients: i64;
  keyspaceHits: i64;
  keyspaceMisses: i64;
  totalErrorReplies: i64;
  unexpectedErrors: i64;
  readsProcessed: i64;
  writesProcessed: i64;
  dirty: i64; // changes since the start (rdb_changes_since_last_save)
  lazyFreed: i64;
  activeDefrag: i64;
  peakMemory: i64;
  blockedClients: i64;
  pubsubClients: i64;
  opsPerSecond: i64;
  inputPerSecond: i64;
  outputPerSecond: i64;
  turns: i64;
  aclDenied: i64;
}
export const stats: Stats = changetype<Stats>(memory.data(512, 16));

/** Incremented by every command by the number of changes it made: call() propagates when it moved. */
export let dirty: i64 = 0;
// @ts-ignore: decorator
@inline
export function dirtyAdd(n: i64): void {
  dirty += n;
}
/** Whether the append-only file is being replayed: no replies, no expiry, no propagation. */
export let loading: bool = false;
/** Set by SHUTDOWN and by signals; the loop ends after this turn. */
export let shutdownAsked: bool = false;
export function shutdownAskedSet(value: bool): void {
  shutdownAsked = value;
}
export function setLoading(value: bool): void {
  loading = value;
}
export const runId = memory.data(48, 8); // 40 hex digits

export function configDefaults(): void {
  cfg.port = 6379;
  cfg.databases = 16;
  cfg.hz = 10;
  cfg.tcpBacklog = 511;
  cfg.tcpKeepalive = 300;
  cfg.maxclients = 10000;
  cfg.protoMaxBulkLen = 512 << 20;
  cfg.clientQueryBufferLimit = 1 << 30;
  cfg.loglevel = 2;
  cfg.obufHard1 = 256 << 20;
  cfg.obufSoft1 = 64 << 20;
  cfg.obufSeconds1 = 60;
  cfg.obufHard2 = 32 << 20;
  cfg.obufSoft2 = 8 << 20;
  cfg.obufSeconds2 = 60;
  cfg.maxmemorySamples = 5;
  cfg.lfuLogFactor = 10;
  cfg.lfuDecayTime = 1;
  cfg.activeExpireEffort = 1;
  cfg.activeExpire = 1;
  cfg.activerehashing = 1;
  cfg.hashMaxListpackEntries = 512;
  cfg.hashMaxListpackValue = 64;
  cfg.listMaxListpackSize = -2;
  cfg.setMaxIntsetEntries = 512;
  cfg.zsetMaxListpackEntries = 128;
  cfg.zsetMaxListpackValue = 64;
  cfg.appendfsync = 2;
  cfg.autoAofRewritePercentage = 100;
  cfg.autoAofRewriteMinSize = 64 << 20;
  cfg.aofLoadTruncated = 1;
  cfg.slowlogLogSlowerThan = 10000;
  cfg.slowlogMaxLen = 128;
  cfg.streamNodeMaxEntries = 100;
  cfg.streamNodeMaxBytes = 4096;
  cfg.latencyTracking = 1;
  cfg.shutdownTimeout = 10;
}

// --- the log ------------------------------------------------------------------------------------------
const logBuffer = memory.data(2048, 16);
let logAt: usize = 0;
let logOn: bool = false;
export const LOG_DEBUG: i32 = 0;
export const LOG_VERBOSE: i32 = 1;
export const LOG_NOTICE: i32 = 2;
export const LOG_WARNING: i32 = 3;

/** Starts a line: `logBegin(LOG_NOTICE, "text"); logInt(n); logText("…"); logEnd();` */
export function logBegin(level: i32, text: string): void {
  logOn = level >= cfg.loglevel;
  if (!logOn) return;
  logAt = logBuffer;
  logAt += formatI64(logAt, sys_getpid());
  logAt += textCopy(logAt, ":M ");
  const ms = <i64>sys_clock_ms(0);
  logDate(ms);
  store<u8>(logAt++, level == LOG_DEBUG ? 46 : level == LOG_VERBOSE ? 45 : level == LOG_NOTICE ? 42 : 35);
  store<u8>(logAt++, 32);
  logText(text);
}
export function logText(text: string): void {
  if (!logOn || logAt - logBuffer + text.length > 2000) return;
  logAt += textCopy(logAt, text);
}
export function logBytes(p: usize, n: usize): void {
  if (!logOn) return;
  const room = logBuffer + 2000 - logAt;
  if (n > room) n = room;
  memory.copy(logAt, p, n);
  logAt += n;
}
export function logInt(n: i64): void {
  if (!logOn || logAt - logBuffer > 1950) return;
  logAt += formatI64(logAt, n);
}
export function logEnd(): void {
  if (!logOn) return;
  store<u8>(logAt++, 10);
  sys_write(1, logBuffer, <i32>(logAt - logBuffer));
}
export function log(level: i32, text: string): void {
  logBegin(level, text);
  logEnd();
}

function two(n: i64): void {
  store<u8>(logAt++, <u8>(48 + n / 10));
  store<u8>(logAt++, <u8>(48 + (n % 10)));
}

/** "21 Nov 2026 08:00:57.123 " in UTC (Howard Hinnant's civil-from-days arithmetic). */
function logDate(ms: i64): void {
  const days = ms / 86400000;
  const z = days + 719468;
  const era = z / 146097;
  const doe = z - era * 146097;
  const yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const mp = (5 * doy + 2) / 153;
  const month = mp < 10 ? mp + 3 : mp - 9;
  const year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  two(doy - (153 * mp + 2) / 5 + 1);
  store<u8>(logAt++, 32);
  const names = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const at = changetype<usize>(names) + <usize>((month - 1) * 6);
  for (let i: usize = 0; i < 3; i++) store<u8>(logAt++, <u8>load<u16>(at + i * 2));
  store<u8>(logAt++, 32);
  logAt += formatI64(logAt, year);
  store<u8>(logAt++, 32);
  const t = ms % 86400000;
  two(t / 3600000);
  store<u8>(logAt++, 58);
  two((t / 60000) % 60);
  store<u8>(logAt++, 58);
  two((t / 1000) % 60);
  store<u8>(logAt++, 46);
  store<u8>(logAt++, <u8>(48 + (t % 1000) / 100));
  two(t % 100);
  store<u8>(logAt++, 32);
}
