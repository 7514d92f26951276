/**
 * The configuration parameters as data: name, alias, kind, bounds, default, and where the value lives.
 *
 * A value lives in a field of `cfg` (server.ts) when something in this server reads it, else in a slot of this file's own: such a
 * parameter is accepted and reported so that configuration files and clients written for Redis work, and has no
 * effect here (replication, cluster, RDB, threads). Integers take 4 or 8 bytes (PARAM_WIDE); texts are blobs, 0 for empty.
 *
 * `configTableInit` fills in the defaults; it must run before anything reads `cfg`.
 */
import { alloc } from "../lib/raw/alloc";
import { blobData, blobLength, blobNew, equalWord } from "../lib/raw/bytes";
import { Config, cfg } from "./server";

export const PARAM_BOOL: u32 = 0;
export const PARAM_INT: u32 = 1;
export const PARAM_TEXT: u32 = 2;
export const PARAM_ENUM: u32 = 3;
export const PARAM_FLAGS: u32 = 4; // several words of an enum, or-ed
export const PARAM_SAVE: u32 = 5;
export const PARAM_OUTPUT_LIMITS: u32 = 6;
export const PARAM_NOTIFY: u32 = 7;
export const PARAM_PERCENTILES: u32 = 8;
export const PARAM_OOM_SCORE: u32 = 9;
export const PARAM_DIR: u32 = 10;

export const PARAM_IMMUTABLE: u32 = 1;
export const PARAM_SENSITIVE: u32 = 2;
export const PARAM_HIDDEN: u32 = 4;
export const PARAM_MULTI: u32 = 8;
export const PARAM_PROTECTED: u32 = 16;
export const PARAM_DENY_LOADING: u32 = 32;
export const PARAM_WIDE: u32 = 64;
export const PARAM_MEMORY: u32 = 128;
export const PARAM_OCTAL: u32 = 256;
export const PARAM_PERCENT: u32 = 512;
export const PARAM_UNSIGNED: u32 = 1024;

/** What has to happen after a value changed (config.ts). */
export const APPLY_NONE: u32 = 0;
export const APPLY_APPENDONLY: u32 = 1;
export const APPLY_MAXMEMORY: u32 = 2;
export const APPLY_MAXCLIENTS: u32 = 3;
export const APPLY_HZ: u32 = 4;
export const APPLY_PREAMBLE: u32 = 5;
export const APPLY_PORT: u32 = 6;
export const APPLY_BIND: u32 = 7;
export const APPLY_REQUIREPASS: u32 = 8;
export const APPLY_AUTO_GC: u32 = 9;
export const APPLY_LATENCY_TRACKING: u32 = 10;
export const APPLY_POLICY: u32 = 11;
export const APPLY_DEFRAG: u32 = 12;
export const APPLY_CLUSTER: u32 = 13;
export const APPLY_APPENDFSYNC: u32 = 14;

@unmanaged
export class Param {
  name: usize; // string literals
  alias: usize;
  words: usize; // enums: "name:value name:value"
  fallbackText: usize;
  kind: u32;
  flags: u32;
  slot: usize; // address of the value
  apply: u32;
  low: i64;
  high: i64;
  fallback: i64;
}
const PARAM_SIZE: usize = 56;

const PARAMS_MAX: i32 = 200;
let table: usize = 0;
export let paramCount: i32 = 0;

// Slots of the parameters without a field in `cfg`.
const slots = memory.data(PARAMS_MAX * 8, 16);
let slotNext: usize = 0;

/** Blob: "save" points as "seconds changes seconds changes". Only the empty list is accepted at run time: there is no RDB here. */
export const aofTimestampEnabled = memory.data(8, 8);
export const aofDisableAutoGc = memory.data(8, 8);
export const evictionTenacity = memory.data(8, 8);
export const shutdownOnSigterm = memory.data(8, 8);
export const shutdownOnSigint = memory.data(8, 8);
export const percentiles = memory.data(8 * 33, 16); // count u32 at 0, then f64 at 8
export const saveText = memory.data(8, 8);

export function paramAt(i: i32): Param {
  return changetype<Param>(table + <usize>i * PARAM_SIZE);
}

function field(offset: usize): usize {
  return changetype<usize>(cfg) + offset;
}

function add(name: string, kind: u32, flags: u32, slot: usize, low: i64, high: i64, fallback: i64, words: string, apply: u32): Param {
  if (paramCount >= PARAMS_MAX) unreachable();
  const p = paramAt(paramCount++);
  p.name = changetype<usize>(name);
  p.alias = 0;
  p.words = changetype<usize>(words);
  p.fallbackText = 0;
  p.kind = kind;
  p.flags = flags;
  if (!slot) {
    slot = slots + slotNext;
    slotNext += 8;
  }
  p.slot = slot;
  p.low = low;
  p.high = high;
  p.fallback = fallback;
  p.apply = apply;
  if (flags & PARAM_WIDE) store<i64>(slot, fallback);
  else if (kind != PARAM_TEXT && kind <= PARAM_NOTIFY && kind != PARAM_OUTPUT_LIMITS && kind != PARAM_SAVE) store<i32>(slot, <i32>fallback);
  return p;
}

function flag(name: string, flags: u32, slot: usize, fallback: i64, apply: u32 = APPLY_NONE): void {
  add(name, PARAM_BOOL, flags, slot, 0, 1, fallback, "", apply);
}
function int(name: string, flags: u32, slot: usize, low: i64, high: i64, fallback: i64, apply: u32 = APPLY_NONE): Param {
  return add(name, PARAM_INT, flags, slot, low, high, fallback, "", apply);
}
function wide(name: string, flags: u32, slot: usize, low: i64, high: i64, fallback: i64, apply: u32 = APPLY_NONE): Param {
  return add(name, PARAM_INT, flags | PARAM_WIDE, slot, low, high, fallback, "", apply);
}
function text(name: string, flags: u32, slot: usize, fallback: string, apply: u32 = APPLY_NONE): Param {
  const p = add(name, PARAM_TEXT, flags, slot, 0, 0, 0, "", apply);
  p.fallbackText = changetype<usize>(fallback);
  const n = fallback.length;
  if (n) {
    const b = blobNewText(fallback);
    store<usize>(p.slot, b);
  }
  return p;
}
function words(name: string, flags: u32, slot: usize, fallback: i64, list: string, apply: u32 = APPLY_NONE): Param {
  return add(name, flags & PARAM_MULTI ? PARAM_FLAGS : PARAM_ENUM, flags, slot, 0, 0, fallback, list, apply);
}
function alias(p: Param, name: string): void {
  p.alias = changetype<usize>(name);
}

/** A literal as a blob. */
export function blobNewText(s: string): usize {
  const n = s.length;
  const b = alloc(n + 4);
  store<u32>(b, n);
  for (let i = 0; i < n; i++) store<u8>(b + 4 + i, <u8>s.charCodeAt(i));
  return b;
}

/** The parameter of this name (any letter case, aliases too), or 0. */
export function paramFind(p: usize, n: u32): usize {
  for (let i = 0; i < paramCount; i++) {
    const param = paramAt(i);
    if (equalWord(p, n, changetype<string>(param.name))) return changetype<usize>(param);
    if (param.alias && equalWord(p, n, changetype<string>(param.alias))) return changetype<usize>(param);
  }
  return 0;
}

export function paramRead(p: Param): i64 {
  return p.flags & PARAM_WIDE ? load<i64>(p.slot) : <i64>load<i32>(p.slot);
}
export function paramWrite(p: Param, value: i64): void {
  if (p.flags & PARAM_WIDE) store<i64>(p.slot, value);
  else store<i32>(p.slot, <i32>value);
}
export function paramText(p: Param): usize {
  return load<usize>(p.slot);
}

const INT_MAX: i64 = 2147483647;
const INT_MIN: i64 = -2147483648;
const LONG_MAX: i64 = 9223372036854775807;
const UINT_MAX: i64 = 4294967295;
const YES_NO_LOCAL: string = "no:0 yes:1 local:2";

export const POLICY_LRU: i32 = 1;
export const POLICY_LFU: i32 = 2;
export const POLICY_ALLKEYS: i32 = 4;
export const POLICY_VOLATILE_TTL: i32 = 512;
export const POLICY_VOLATILE_RANDOM: i32 = 768;
export const POLICY_ALLKEYS_RANDOM: i32 = 1540;
export const POLICY_NOEVICTION: i32 = 1792;

export function configTableInit(): void {
  table = alloc(<usize>PARAMS_MAX * PARAM_SIZE);
  booleans();
  texts();
  enums();
  integers();
  sizes();
  specials();
}

function booleans(): void {
  const immutable = PARAM_IMMUTABLE;
  flag("rdbchecksum", immutable, 0, 1);
  flag("daemonize", immutable, 0, 0);
  flag("io-threads-do-reads", immutable, 0, 0);
  flag("always-show-logo", immutable, 0, 0);
  flag("protected-mode", 0, 0, 1);
  flag("rdbcompression", 0, 0, 1);
  flag("rdb-del-sync-files", 0, 0, 0);
  flag("activerehashing", 0, field(offsetof<Config>("activerehashing")), 1);
  flag("stop-writes-on-bgsave-error", 0, 0, 1);
  flag("set-proc-title", immutable, 0, 1);
  flag("dynamic-hz", 0, 0, 1);
  flag("lazyfree-lazy-eviction", 0, field(offsetof<Config>("lazyfreeLazyEviction")), 0);
  flag("lazyfree-lazy-expire", 0, field(offsetof<Config>("lazyfreeLazyExpire")), 0);
  flag("lazyfree-lazy-server-del", 0, field(offsetof<Config>("lazyfreeLazyServerDel")), 0);
  flag("lazyfree-lazy-user-del", 0, field(offsetof<Config>("lazyfreeLazyUserDel")), 0);
  flag("lazyfree-lazy-user-flush", 0, field(offsetof<Config>("lazyfreeLazyUserFlush")), 0);
  flag("repl-disable-tcp-nodelay", 0, 0, 0);
  flag("repl-diskless-sync", 0, 0, 1);
  flag("aof-rewrite-incremental-fsync", 0, 0, 1);
  flag("no-appendfsync-on-rewrite", 0, field(offsetof<Config>("noAppendfsyncOnRewrite")), 0);
  flag("cluster-require-full-coverage", 0, 0, 1);
  flag("rdb-save-incremental-fsync", 0, 0, 1);
  flag("aof-load-truncated", 0, field(offsetof<Config>("aofLoadTruncated")), 1);
  flag("aof-use-rdb-preamble", 0, field(offsetof<Config>("aofUseRdbPreamble")), 0, APPLY_PREAMBLE);
  flag("aof-timestamp-enabled", 0, aofTimestampEnabled, 0);
  flag("cluster-replica-no-failover", 0, 0, 0);
  flag("replica-lazy-flush", 0, 0, 0);
  flag("replica-serve-stale-data", 0, 0, 1);
  flag("replica-read-only", 0, 0, 1);
  flag("replica-ignore-maxmemory", 0, 0, 1);
  flag("activedefrag", 0, 0, 0, APPLY_DEFRAG);
  flag("syslog-enabled", immutable, 0, 0);
  flag("cluster-enabled", immutable, 0, 0, APPLY_CLUSTER);
  flag("appendonly", PARAM_DENY_LOADING, field(offsetof<Config>("appendonly")), 0, APPLY_APPENDONLY);
  flag("cluster-allow-reads-when-down", 0, 0, 0);
  flag("cluster-allow-pubsubshard-when-down", 0, 0, 1);
  flag("crash-log-enabled", 0, 0, 1);
  flag("crash-memcheck-enabled", 0, 0, 1);
  flag("disable-thp", immutable, 0, 1);
  flag("cluster-allow-replica-migration", 0, 0, 1);
  flag("replica-announced", 0, 0, 1);
  flag("latency-tracking", 0, field(offsetof<Config>("latencyTracking")), 1, APPLY_LATENCY_TRACKING);
  flag("aof-disable-auto-gc", 0, aofDisableAutoGc, 0, APPLY_AUTO_GC);
  flag("replica-ignore-disk-write-errors", 0, 0, 0);
}

function texts(): void {
  const immutable = PARAM_IMMUTABLE;
  text("aclfile", immutable, 0, "");
  text("unixsocket", immutable, 0, "");
  text("pidfile", immutable, 0, "");
  alias(text("replica-announce-ip", 0, 0, ""), "slave-announce-ip");
  text("masteruser", PARAM_SENSITIVE, 0, "");
  text("masterauth", PARAM_SENSITIVE, 0, "");
  text("cluster-announce-ip", 0, 0, "");
  text("cluster-config-file", immutable, 0, "nodes.conf");
  text("cluster-announce-hostname", 0, 0, "");
  text("syslog-ident", immutable, 0, "redis");
  text("dbfilename", PARAM_PROTECTED, field(offsetof<Config>("dbfilename")), "dump.rdb");
  text("appendfilename", immutable, field(offsetof<Config>("appendfilename")), "appendonly.aof");
  text("appenddirname", immutable, field(offsetof<Config>("appenddirname")), "appendonlydir");
  text("server_cpulist", immutable, 0, "");
  text("bio_cpulist", immutable, 0, "");
  text("aof_rewrite_cpulist", immutable, 0, "");
  text("bgsave_cpulist", immutable, 0, "");
  text("ignore-warnings", 0, 0, "");
  text("proc-title-template", 0, 0, "{title} {listen-addr} {server-mode}");
  text("bind-source-addr", 0, 0, "");
  text("logfile", immutable, field(offsetof<Config>("logfile")), "");
  text("requirepass", PARAM_SENSITIVE, field(offsetof<Config>("requirepass")), "", APPLY_REQUIREPASS);
  text("bind", PARAM_MULTI, field(offsetof<Config>("bind")), "* -::*", APPLY_BIND);
  alias(text("replicaof", PARAM_MULTI | immutable, 0, ""), "slaveof");
}

function enums(): void {
  const immutable = PARAM_IMMUTABLE;
  words("supervised", immutable, 0, 0, "no:0 upstart:1 systemd:2 auto:3");
  words("syslog-facility", immutable, 0, 128, "user:8 local0:128 local1:136 local2:144 local3:152 local4:160 local5:168 local6:176 local7:184");
  words("repl-diskless-load", PARAM_DENY_LOADING, 0, 0, "disabled:0 on-empty-db:1 swapdb:2");
  words("loglevel", 0, field(offsetof<Config>("loglevel")), 2, "debug:0 verbose:1 notice:2 warning:3");
  words(
    "maxmemory-policy",
    0,
    field(offsetof<Config>("maxmemoryPolicy")),
    POLICY_NOEVICTION,
    "volatile-lru:1 volatile-lfu:258 volatile-random:768 volatile-ttl:512 allkeys-lru:1029 allkeys-lfu:1286 allkeys-random:1540 noeviction:1792",
    APPLY_POLICY,
  );
  words("appendfsync", 0, field(offsetof<Config>("appendfsync")), 2, "everysec:2 always:1 no:0", APPLY_APPENDFSYNC);
  words("oom-score-adj", 0, 0, 0, "no:0 yes:1 relative:1 absolute:2");
  words("acl-pubsub-default", 0, 0, 0, "allchannels:4 resetchannels:0");
  words("sanitize-dump-payload", 0, 0, 0, "no:0 yes:1 clients:2");
  words("enable-protected-configs", immutable, 0, 0, YES_NO_LOCAL);
  words("enable-debug-command", immutable, field(offsetof<Config>("enableDebugCommand")), 0, YES_NO_LOCAL);
  words("enable-module-command", immutable, 0, 0, YES_NO_LOCAL);
  words("cluster-preferred-endpoint-type", 0, 0, 0, "ip:0 hostname:1 unknown-endpoint:2");
  words("propagation-error-behavior", 0, 0, 0, "ignore:0 panic:1 panic-on-replicas:2");
  words("shutdown-on-sigint", PARAM_MULTI, shutdownOnSigint, 0, "default:0 save:1 nosave:2 now:4 force:8");
  words("shutdown-on-sigterm", PARAM_MULTI, shutdownOnSigterm, 0, "default:0 save:1 nosave:2 now:4 force:8");
}

function integers(): void {
  const immutable = PARAM_IMMUTABLE;
  int("databases", immutable, field(offsetof<Config>("databases")), 1, 16384, 16);
  int("port", 0, field(offsetof<Config>("port")), 0, 65535, 6379, APPLY_PORT);
  int("io-threads", immutable, 0, 1, 128, 1);
  int("auto-aof-rewrite-percentage", 0, field(offsetof<Config>("autoAofRewritePercentage")), 0, INT_MAX, 100);
  alias(int("cluster-replica-validity-factor", 0, 0, 0, INT_MAX, 10), "cluster-slave-validity-factor");
  alias(int("list-max-listpack-size", 0, field(offsetof<Config>("listMaxListpackSize")), INT_MIN, INT_MAX, -2), "list-max-ziplist-size");
  int("tcp-keepalive", 0, field(offsetof<Config>("tcpKeepalive")), 0, INT_MAX, 300);
  int("cluster-migration-barrier", 0, 0, 0, INT_MAX, 1);
  int("active-defrag-cycle-min", 0, 0, 1, 99, 1);
  int("active-defrag-cycle-max", 0, 0, 1, 99, 25);
  int("active-defrag-threshold-lower", 0, 0, 0, 1000, 10);
  int("active-defrag-threshold-upper", 0, 0, 0, 1000, 100);
  int("lfu-log-factor", 0, field(offsetof<Config>("lfuLogFactor")), 0, INT_MAX, 10);
  int("lfu-decay-time", 0, field(offsetof<Config>("lfuDecayTime")), 0, INT_MAX, 1);
  alias(int("replica-priority", 0, 0, 0, INT_MAX, 100), "slave-priority");
  int("repl-diskless-sync-delay", 0, 0, 0, INT_MAX, 5);
  int("maxmemory-samples", 0, field(offsetof<Config>("maxmemorySamples")), 1, 64, 5);
  int("maxmemory-eviction-tenacity", 0, evictionTenacity, 0, 100, 10);
  int("timeout", 0, field(offsetof<Config>("timeout")), 0, INT_MAX, 0);
  alias(int("replica-announce-port", 0, 0, 0, 65535, 0), "slave-announce-port");
  int("tcp-backlog", immutable, field(offsetof<Config>("tcpBacklog")), 0, INT_MAX, 511);
  int("cluster-port", immutable, 0, 0, 65535, 0);
  int("cluster-announce-bus-port", 0, 0, 0, 65535, 0);
  int("cluster-announce-port", 0, 0, 0, 65535, 0);
  int("cluster-announce-tls-port", 0, 0, 0, 65535, 0);
  int("repl-timeout", 0, 0, 1, INT_MAX, 60);
  alias(int("repl-ping-replica-period", 0, 0, 1, INT_MAX, 10), "repl-ping-slave-period");
  int("list-compress-depth", 0, field(offsetof<Config>("listCompressDepth")), 0, INT_MAX, 0);
  int("rdb-key-save-delay", PARAM_HIDDEN, 0, INT_MIN, INT_MAX, 0);
  int("key-load-delay", PARAM_HIDDEN, 0, INT_MIN, INT_MAX, 0);
  int("active-expire-effort", 0, field(offsetof<Config>("activeExpireEffort")), 1, 10, 1);
  int("hz", 0, field(offsetof<Config>("hz")), 0, INT_MAX, 10, APPLY_HZ);
  alias(int("min-replicas-to-write", 0, 0, 0, INT_MAX, 0), "min-slaves-to-write");
  alias(int("min-replicas-max-lag", 0, 0, 0, INT_MAX, 10), "min-slaves-max-lag");
  int("watchdog-period", PARAM_HIDDEN, 0, 0, INT_MAX, 0);
  int("shutdown-timeout", 0, field(offsetof<Config>("shutdownTimeout")), 0, INT_MAX, 10);
  int("repl-diskless-sync-max-replicas", 0, 0, 0, INT_MAX, 0);
  int("maxclients", PARAM_UNSIGNED, field(offsetof<Config>("maxclients")), 1, INT_MAX, 10000, APPLY_MAXCLIENTS);
  int("unixsocketperm", immutable | PARAM_OCTAL, 0, 0, 511, 0);
  wide("socket-mark-id", immutable, 0, 0, UINT_MAX, 0);
  wide("active-defrag-max-scan-fields", 0, 0, 1, LONG_MAX, 1000);
  wide("slowlog-max-len", 0, field(offsetof<Config>("slowlogMaxLen")), 0, LONG_MAX, 128);
  wide("acllog-max-len", 0, 0, 0, LONG_MAX, 128);
  alias(wide("busy-reply-threshold", 0, 0, 0, LONG_MAX, 5000), "lua-time-limit");
  wide("cluster-node-timeout", 0, 0, 0, LONG_MAX, 15000);
  wide("slowlog-log-slower-than", 0, field(offsetof<Config>("slowlogLogSlowerThan")), -1, LONG_MAX, 10000);
  wide("latency-monitor-threshold", 0, field(offsetof<Config>("latencyMonitorThreshold")), 0, LONG_MAX, 0);
  wide("stream-node-max-entries", 0, field(offsetof<Config>("streamNodeMaxEntries")), 0, LONG_MAX, 100);
  wide("repl-backlog-ttl", 0, 0, 0, LONG_MAX, 3600);
  wide("tracking-table-max-keys", PARAM_UNSIGNED, 0, 0, LONG_MAX, 1000000);
}

function sizes(): void {
  const bytes = PARAM_MEMORY;
  wide("proto-max-bulk-len", bytes, field(offsetof<Config>("protoMaxBulkLen")), 1 << 20, LONG_MAX, 512 << 20);
  wide("repl-backlog-size", bytes, 0, 1, LONG_MAX, 1 << 20);
  wide("maxmemory", bytes | PARAM_UNSIGNED, field(offsetof<Config>("maxmemory")), 0, LONG_MAX, 0, APPLY_MAXMEMORY);
  wide("cluster-link-sendbuf-limit", bytes, 0, 0, LONG_MAX, 0);
  const unsigned = PARAM_UNSIGNED;
  alias(wide("hash-max-listpack-entries", unsigned, field(offsetof<Config>("hashMaxListpackEntries")), 0, LONG_MAX, 512), "hash-max-ziplist-entries");
  wide("set-max-intset-entries", unsigned, field(offsetof<Config>("setMaxIntsetEntries")), 0, LONG_MAX, 512);
  alias(wide("zset-max-listpack-entries", unsigned, field(offsetof<Config>("zsetMaxListpackEntries")), 0, LONG_MAX, 128), "zset-max-ziplist-entries");
  wide("active-defrag-ignore-bytes", bytes | unsigned, 0, 1, LONG_MAX, 100 << 20);
  alias(wide("hash-max-listpack-value", bytes | unsigned, field(offsetof<Config>("hashMaxListpackValue")), 0, LONG_MAX, 64), "hash-max-ziplist-value");
  wide("stream-node-max-bytes", bytes | unsigned, field(offsetof<Config>("streamNodeMaxBytes")), 0, LONG_MAX, 4096);
  alias(wide("zset-max-listpack-value", bytes | unsigned, field(offsetof<Config>("zsetMaxListpackValue")), 0, LONG_MAX, 64), "zset-max-ziplist-value");
  wide("hll-sparse-max-bytes", bytes | unsigned, 0, 0, LONG_MAX, 3000);
  wide("client-query-buffer-limit", bytes | unsigned, field(offsetof<Config>("clientQueryBufferLimit")), 1 << 20, LONG_MAX, 1 << 30);
  wide("maxmemory-clients", bytes | PARAM_PERCENT, field(offsetof<Config>("maxmemoryClients")), -100, LONG_MAX, 0);
  wide("auto-aof-rewrite-min-size", bytes, field(offsetof<Config>("autoAofRewriteMinSize")), 0, LONG_MAX, 64 << 20);
  wide("loading-process-events-interval-bytes", PARAM_HIDDEN | bytes, 0, 1024, INT_MAX, 2 << 20);
}

function specials(): void {
  add("dir", PARAM_DIR, PARAM_PROTECTED | PARAM_DENY_LOADING, field(offsetof<Config>("dir")), 0, 0, 0, "", APPLY_NONE);
  store<usize>(field(offsetof<Config>("dir")), blobNewText("/data"));
  add("save", PARAM_SAVE, PARAM_MULTI, saveText, 0, 0, 0, "", APPLY_NONE);
  add("client-output-buffer-limit", PARAM_OUTPUT_LIMITS, PARAM_MULTI, field(offsetof<Config>("obufHard0")), 0, 0, 0, "", APPLY_NONE);
  cfg.obufHard1 = 256 << 20;
  cfg.obufSoft1 = 64 << 20;
  cfg.obufSeconds1 = 60;
  cfg.obufHard2 = 32 << 20;
  cfg.obufSoft2 = 8 << 20;
  cfg.obufSeconds2 = 60;
  const oom = add("oom-score-adj-values", PARAM_OOM_SCORE, PARAM_MULTI, 0, 0, 0, 0, "", APPLY_NONE);
  store<usize>(oom.slot, blobNewText("0 200 800"));
  add("notify-keyspace-events", PARAM_NOTIFY, 0, field(offsetof<Config>("notifyKeyspaceEvents")), 0, 0, 0, "", APPLY_NONE);
  add("latency-tracking-info-percentiles", PARAM_PERCENTILES, PARAM_MULTI, percentiles, 0, 0, 0, "", APPLY_NONE);
  store<u32>(percentiles, 3);
  store<f64>(percentiles, 50, 8);
  store<f64>(percentiles, 99, 16);
  store<f64>(percentiles, 99.9, 24);
}

/** Whether two blobs (0: empty) hold the same bytes. */
export function blobSame(a: usize, p: usize, n: u32): bool {
  if (!a) return n == 0;
  if (blobLength(a) != n) return false;
  return memory.compare(blobData(a), p, n) == 0;
}
export { blobNew };
