/**
 * INFO: every section Redis 7.0 has, with the values of this machine. Fields of features that are not here (replication, RDB, scripts)
 * keep their names and say 0 or "none", because monitoring tools look for them.
 */
import { allocCount, freeRunBytes, limitBytes, rssBytes, spanBytes, usedBytes, usedBytesPeak } from "../lib/raw/alloc";
import { aofBufferLength, aofSaysEnabled, aofSyncPending, aofWriteOk, currentSize, delayedSyncs, rewriteBaseSize } from "./aof";
import { loadDone, loadStarted, loadTotal } from "./aof-replay";
import {
  lastRewriteOk,
  lastRewriteSeconds,
  lastRewriteTime,
  rewriteCount,
  rewriteFailures,
  rewriteKeysCopied,
  rewriteRunning,
  rewriteScheduled,
  rewriteSeconds,
} from "./aof-rewrite";

import {
  Builder,
  builderRelease,
  builderReset,
  putByte,
  putBytes,
  putFixed,
  putInt,
  putText,
} from "../lib/raw/builder";
import { blobData, blobLength, equalWord } from "../lib/raw/bytes";
import { Client, argLen, argPtr, argc, clientCount, clientsHead } from "./client";
import { ACL_DANGEROUS, argIs, CMD_LOADING, CMD_STALE, Command, command, commandsHead, describe } from "./command";
import { shardSelf, shardTotal } from "../lib/raw/shard-link";
import { configFile } from "./config-file";
import { Param, paramFind } from "./config-table";
import { putParam } from "./config-value";
import { dictFirst, dictNext, entryKey, entryLength, entryValue } from "./dict";
import { putField, putFieldFixed, putFieldHuman, putFieldText } from "./info-fields";
import { errorCounts } from "./errors";
import { exceededSince, exceededTotal, notCountedBytes } from "./evict";
import { dbAt, dbSize } from "./keyspace";
import { putPercentiles } from "./latency";
import { clientsBytes, keyspaceBytes, startupBytes } from "./memory";
import { pubsubChannelCount, pubsubPatternCount, pubsubShardCount } from "./pubsub";
import { replyVerbatim } from "./reply";
import { bootMs, cfg, loading, lruClock, nowMs, runId, stats, ustime } from "./server";
import { sys_getpid, sys_uname } from "../lib/sys";

const b: Builder = changetype<Builder>(memory.data(16, 16));
const scratch = memory.data(512, 16);

function title(name: string): void {
  if (b.length) putText(b, "\r\n");
  putText(b, "# ");
  putText(b, name);
  putText(b, "\r\n");
}
function putBlob(name: string, blob: usize): void {
  putText(b, name);
  putByte(b, 58);
  if (blob) putBytes(b, blobData(blob), blobLength(blob));
  putText(b, "\r\n");
}
/** A field of struct utsname: 65 bytes each, NUL-terminated. */
function putUname(index: usize): void {
  const p = scratch + index * 65;
  let n: u32 = 0;
  while (n < 65 && load<u8>(p + n)) n++;
  putBytes(b, p, n);
}

function server(): void {
  title("Server");
  putFieldText(b, "redis_version", "7.0.15");
  putFieldText(b, "redis_git_sha1", "00000000");
  putField(b, "redis_git_dirty", 0);
  putFieldText(b, "redis_build_id", "0");
  putFieldText(b, "redis_mode", "standalone");
  putText(b, "os:");
  if (sys_uname(scratch) >= 0) {
    putUname(0);
    putByte(b, 32);
    putUname(2);
    putByte(b, 32);
    putUname(4);
  }
  putText(b, "\r\n");
  putField(b, "arch_bits", 32);
  putFieldText(b, "monotonic_clock", "machine clock device");
  putFieldText(b, "multiplexing_api", "ring");
  putFieldText(b, "atomicvar_api", "none");
  putFieldText(b, "gcc_version", "0.0.0");
  putField(b, "process_id", sys_getpid());
  putFieldText(b, "process_supervised", "no");
  putText(b, "run_id:");
  putBytes(b, runId, 40);
  putText(b, "\r\n");
  putField(b, "tcp_port", cfg.port);
  putField(b, "server_time_usec", nowMs * 1000);
  const uptime = (nowMs - bootMs) / 1000;
  putField(b, "uptime_in_seconds", uptime);
  putField(b, "uptime_in_days", uptime / 86400);
  putField(b, "hz", cfg.hz);
  putField(b, "configured_hz", cfg.hz);
  putField(b, "lru_clock", lruClock);
  putFieldText(b, "executable", "redis");
  putBlob("config_file", configFile);
  putField(b, "io_threads_active", 0);
}

function clients(): void {
  let input: u32 = 0;
  let output: u32 = 0;
  for (let p = clientsHead; p; p = changetype<Client>(p).next) {
    input = max(input, changetype<Client>(p).queryCap);
    output = max(output, changetype<Client>(p).outQueued);
  }
  title("Clients");
  putField(b, "connected_clients", clientCount);
  putField(b, "cluster_connections", 0);
  putField(b, "maxclients", cfg.maxclients);
  putField(b, "client_recent_max_input_buffer", input);
  putField(b, "client_recent_max_output_buffer", output);
  putField(b, "blocked_clients", stats.blockedClients);
  putField(b, "tracking_clients", 0);
  putField(b, "clients_in_timeout_table", 0);
}

function putPolicy(): void {
  putText(b, "maxmemory_policy:");
  const name = "maxmemory-policy";
  let n = 0;
  for (; n < name.length; n++) store<u8>(scratch + n, <u8>name.charCodeAt(n));
  const found = paramFind(scratch, n);
  if (found) putParam(b, changetype<Param>(found));
  putText(b, "\r\n");
}

function memorySection(): void {
  const used = <f64>usedBytes;
  const peak = <f64>max(usedBytes, usedBytesPeak);
  const active = <f64>spanBytes;
  const resident = rssBytes();
  const clientBytes = clientsBytes();
  const overhead = <f64>startupBytes() + <f64>clientBytes + <f64>notCountedBytes() + <f64>keyspaceBytes(-1);
  const dataset = max<f64>(0, used - overhead);
  const net = max<f64>(1, used - <f64>startupBytes());
  title("Memory");
  putField(b, "used_memory", usedBytes);
  putFieldHuman(b, "used_memory_human", used);
  putField(b, "used_memory_rss", <i64>resident);
  putFieldHuman(b, "used_memory_rss_human", resident);
  putField(b, "used_memory_peak", <i64>peak);
  putFieldHuman(b, "used_memory_peak_human", peak);
  putFieldFixed(b, "used_memory_peak_perc", (used * 100) / peak, 2, "%");
  putField(b, "used_memory_overhead", <i64>overhead);
  putField(b, "used_memory_startup", startupBytes());
  putField(b, "used_memory_dataset", <i64>dataset);
  putFieldFixed(b, "used_memory_dataset_perc", (dataset * 100) / net, 2, "%");
  putField(b, "allocator_allocated", usedBytes);
  putField(b, "allocator_active", spanBytes);
  putField(b, "allocator_resident", <i64>resident);
  putField(b, "allocator_blocks", allocCount);
  putField(b, "allocator_free_runs", freeRunBytes());
  putField(b, "total_system_memory", <i64>limitBytes());
  putFieldHuman(b, "total_system_memory_human", limitBytes());
  putField(b, "used_memory_lua", 0);
  putField(b, "used_memory_vm_eval", 0);
  putFieldText(b, "used_memory_lua_human", "0B");
  putField(b, "used_memory_scripts_eval", 0);
  putField(b, "number_of_cached_scripts", 0);
  putField(b, "number_of_functions", 0);
  putField(b, "number_of_libraries", 0);
  putField(b, "used_memory_vm_functions", 0);
  putField(b, "used_memory_vm_total", 0);
  putFieldText(b, "used_memory_vm_total_human", "0B");
  putField(b, "used_memory_functions", 0);
  putField(b, "used_memory_scripts", 0);
  putFieldText(b, "used_memory_scripts_human", "0B");
  putField(b, "maxmemory", cfg.maxmemory);
  putFieldHuman(b, "maxmemory_human", <f64>cfg.maxmemory);
  putPolicy();
  putFieldFixed(b, "allocator_frag_ratio", active / max<f64>(1, used), 2, "");
  putField(b, "allocator_frag_bytes", <i64>(active - used));
  putFieldFixed(b, "allocator_rss_ratio", resident / max<f64>(1, active), 2, "");
  putField(b, "allocator_rss_bytes", <i64>(resident - active));
  putFieldFixed(b, "rss_overhead_ratio", 1, 2, "");
  putField(b, "rss_overhead_bytes", 0);
  putFieldFixed(b, "mem_fragmentation_ratio", resident / max<f64>(1, used), 2, "");
  putField(b, "mem_fragmentation_bytes", <i64>(resident - used));
  putField(b, "mem_not_counted_for_evict", notCountedBytes());
  putField(b, "mem_replication_backlog", 0);
  putField(b, "mem_total_replication_buffers", 0);
  putField(b, "mem_clients_slaves", 0);
  putField(b, "mem_clients_normal", clientBytes);
  putField(b, "mem_cluster_links", 0);
  putField(b, "mem_aof_buffer", notCountedBytes());
  putFieldText(b, "mem_allocator", "ringzero-slab");
  putField(b, "active_defrag_running", 0);
  putField(b, "lazyfree_pending_objects", 0);
  putField(b, "lazyfreed_objects", stats.lazyFreed);
}

function persistence(): void {
  title("Persistence");
  putField(b, "loading", loading ? 1 : 0);
  putField(b, "async_loading", 0);
  putField(b, "current_cow_peak", 0);
  putField(b, "current_cow_size", 0);
  putField(b, "current_cow_size_age", 0);
  let total: i64 = 0;
  for (let i = 0; i < cfg.databases; i++) total += dbSize(i);
  const running = rewriteRunning();
  putFieldFixed(b, "current_fork_perc", running && total ? min<f64>(100, (<f64>rewriteKeysCopied() * 100) / <f64>total) : 0, 2, "");
  putField(b, "current_save_keys_processed", running ? rewriteKeysCopied() : 0);
  putField(b, "current_save_keys_total", running ? total : 0);
  putField(b, "rdb_changes_since_last_save", stats.dirty);
  putField(b, "rdb_bgsave_in_progress", 0);
  putField(b, "rdb_last_save_time", lastRewriteTime);
  putFieldText(b, "rdb_last_bgsave_status", "ok");
  putField(b, "rdb_last_bgsave_time_sec", -1);
  putField(b, "rdb_current_bgsave_time_sec", -1);
  putField(b, "rdb_saves", 0);
  putField(b, "rdb_last_cow_size", 0);
  putField(b, "rdb_last_load_keys_expired", 0);
  putField(b, "rdb_last_load_keys_loaded", 0);
  putField(b, "aof_enabled", aofSaysEnabled() ? 1 : 0);
  putField(b, "aof_rewrite_in_progress", running ? 1 : 0);
  putField(b, "aof_rewrite_scheduled", rewriteScheduled ? 1 : 0);
  putField(b, "aof_last_rewrite_time_sec", lastRewriteSeconds);
  putField(b, "aof_current_rewrite_time_sec", rewriteSeconds());
  putFieldText(b, "aof_last_bgrewrite_status", lastRewriteOk ? "ok" : "err");
  putField(b, "aof_rewrites", rewriteCount);
  putField(b, "aof_rewrites_consecutive_failures", rewriteFailures);
  putFieldText(b, "aof_last_write_status", aofWriteOk() ? "ok" : "err");
  putField(b, "aof_last_cow_size", 0);
  putField(b, "module_fork_in_progress", 0);
  putField(b, "module_fork_last_cow_size", 0);
  if (aofSaysEnabled()) {
    putField(b, "aof_current_size", currentSize);
    putField(b, "aof_base_size", rewriteBaseSize);
    putField(b, "aof_pending_rewrite", rewriteScheduled ? 1 : 0);
    putField(b, "aof_buffer_length", aofBufferLength());
    putField(b, "aof_pending_bio_fsync", aofSyncPending() ? 1 : 0);
    putField(b, "aof_delayed_fsync", delayedSyncs);
  }
  if (loading) {
    putField(b, "loading_start_time", loadStarted);
    putField(b, "loading_total_bytes", loadTotal);
    putField(b, "loading_loaded_bytes", loadDone);
    putFieldFixed(b, "loading_loaded_perc", loadTotal ? (<f64>loadDone * 100) / <f64>loadTotal : 100, 2, "");
  }
}

function statistics(): void {
  title("Stats");
  putField(b, "total_connections_received", stats.connections);
  putField(b, "total_commands_processed", stats.commands);
  putField(b, "instantaneous_ops_per_sec", stats.opsPerSecond);
  putField(b, "total_net_input_bytes", stats.netInput);
  putField(b, "total_net_output_bytes", stats.netOutput);
  putField(b, "total_net_repl_input_bytes", 0);
  putField(b, "total_net_repl_output_bytes", 0);
  putFieldFixed(b, "instantaneous_input_kbps", <f64>stats.inputPerSecond / 1024, 2, "");
  putFieldFixed(b, "instantaneous_output_kbps", <f64>stats.outputPerSecond / 1024, 2, "");
  putFieldFixed(b, "instantaneous_input_repl_kbps", 0, 2, "");
  putFieldFixed(b, "instantaneous_output_repl_kbps", 0, 2, "");
  putField(b, "rejected_connections", stats.rejectedConnections);
  putField(b, "sync_full", 0);
  putField(b, "sync_partial_ok", 0);
  putField(b, "sync_partial_err", 0);
  putField(b, "expired_keys", stats.expired);
  putFieldFixed(b, "expired_stale_perc", 0, 2, "");
  putField(b, "expired_time_cap_reached_count", stats.expiredTimeCap);
  putField(b, "expire_cycle_cpu_milliseconds", 0);
  putField(b, "evicted_keys", stats.evictedKeys);
  putField(b, "evicted_clients", stats.evictedClients);
  const above = exceededSince ? ustime() - exceededSince : 0;
  putField(b, "total_eviction_exceeded_time", (exceededTotal + above) / 1000);
  putField(b, "current_eviction_exceeded_time", above / 1000);
  putField(b, "keyspace_hits", stats.keyspaceHits);
  putField(b, "keyspace_misses", stats.keyspaceMisses);
  putField(b, "pubsub_channels", pubsubChannelCount());
  putField(b, "pubsub_patterns", pubsubPatternCount());
  putField(b, "pubsubshard_channels", pubsubShardCount());
  putField(b, "latest_fork_usec", 0);
  putField(b, "total_forks", 0);
  putField(b, "migrate_cached_sockets", 0);
  putField(b, "slave_expires_tracked_keys", 0);
  putField(b, "active_defrag_hits", 0);
  putField(b, "active_defrag_misses", 0);
  putField(b, "active_defrag_key_hits", 0);
  putField(b, "active_defrag_key_misses", 0);
  putField(b, "total_active_defrag_time", 0);
  putField(b, "current_active_defrag_time", 0);
  putField(b, "tracking_total_keys", 0);
  putField(b, "tracking_total_items", 0);
  putField(b, "tracking_total_prefixes", 0);
  putField(b, "unexpected_error_replies", stats.unexpectedErrors);
  putField(b, "total_error_replies", stats.totalErrorReplies);
  putField(b, "dump_payload_sanitizations", 0);
  putField(b, "total_reads_processed", stats.readsProcessed);
  putField(b, "total_writes_processed", stats.writesProcessed);
  putField(b, "io_threaded_reads_processed", 0);
  putField(b, "io_threaded_writes_processed", 0);
  putField(b, "reply_buffer_shrinks", 0);
  putField(b, "reply_buffer_expands", 0);
}

function replication(): void {
  title("Replication");
  putFieldText(b, "role", "master");
  putField(b, "connected_slaves", 0);
  putFieldText(b, "master_failover_state", "no-failover");
  putText(b, "master_replid:");
  putBytes(b, runId, 40);
  putText(b, "\r\n");
  putFieldText(b, "master_replid2", "0000000000000000000000000000000000000000");
  putField(b, "master_repl_offset", 0);
  putField(b, "second_repl_offset", -1);
  putField(b, "repl_backlog_active", 0);
  putField(b, "repl_backlog_size", 1048576);
  putField(b, "repl_backlog_first_byte_offset", 0);
  putField(b, "repl_backlog_histlen", 0);
}

/** A machine has no CPU clock of its own: what is known is the time that commands took (fast ones by sample). */
function cpu(): void {
  title("CPU");
  putFieldFixed(b, "used_cpu_sys", 0, 6, "");
  putFieldFixed(b, "used_cpu_user", commandSeconds(), 6, "");
  putFieldFixed(b, "used_cpu_sys_children", 0, 6, "");
  putFieldFixed(b, "used_cpu_user_children", 0, 6, "");
}
function commandSeconds(): f64 {
  return sumFrom(commandsHead, false) / 1000000;
}
function sumFrom(m: usize, siblings: bool): f64 {
  let sum: f64 = 0;
  while (m) {
    const k = changetype<Command>(m);
    sum += k.microseconds + sumFrom(k.children, true);
    m = siblings ? k.sibling : k.order;
  }
  return sum;
}

function commandStats(m: usize, siblings: bool): void {
  while (m) {
    const k = changetype<Command>(m);
    if (k.calls || k.failed || k.rejected) {
      putText(b, "cmdstat_");
      putText(b, changetype<string>(k.name));
      putText(b, ":calls=");
      putInt(b, k.calls);
      putText(b, ",usec=");
      putInt(b, <i64>k.microseconds);
      putText(b, ",usec_per_call=");
      putFixed(b, k.calls ? k.microseconds / <f64>k.calls : 0, 2);
      putText(b, ",rejected_calls=");
      putInt(b, k.rejected);
      putText(b, ",failed_calls=");
      putInt(b, k.failed);
      putText(b, "\r\n");
    }
    commandStats(k.children, true);
    m = siblings ? k.sibling : k.order;
  }
}
function latencyStats(m: usize, siblings: bool): void {
  while (m) {
    const k = changetype<Command>(m);
    if (k.histogram) {
      putText(b, "latency_percentiles_usec_");
      putText(b, changetype<string>(k.name));
      putByte(b, 58);
      putPercentiles(b, k);
      putText(b, "\r\n");
    }
    latencyStats(k.children, true);
    m = siblings ? k.sibling : k.order;
  }
}
function errorStats(): void {
  title("Errorstats");
  if (!changetype<usize>(errorCounts) || !errorCounts.used) return;
  for (let e = dictFirst(errorCounts); e; e = dictNext(errorCounts, e)) {
    putText(b, "errorstat_");
    putBytes(b, entryKey(e), entryLength(e));
    putText(b, ":count=");
    putInt(b, entryValue(e));
    putText(b, "\r\n");
  }
}
function keyspace(): void {
  title("Keyspace");
  for (let i = 0; i < cfg.databases; i++) {
    const keys = dbSize(i);
    const d = dbAt(i);
    if (!keys) continue;
    putText(b, "db");
    putInt(b, i);
    putText(b, ":keys=");
    putInt(b, keys);
    putText(b, ",expires=");
    putInt(b, d.heapCount);
    putText(b, ",avg_ttl=");
    putInt(b, meanTtl(i));
    putText(b, "\r\n");
  }
}
/** Mean time to live of up to 64 volatile keys spread over the heap. */
function meanTtl(db: u32): i64 {
  const d = dbAt(db);
  if (!d.heapCount) return 0;
  const step = d.heapCount > 64 ? d.heapCount / 64 : 1;
  let sum: i64 = 0;
  let n: i64 = 0;
  for (let i: u32 = 0; i < d.heapCount; i += step) {
    sum += max<i64>(0, load<i64>(d.heap + (<usize>i << 4)) - nowMs);
    n++;
  }
  return sum / n;
}

// --- the command -------------------------------------------------------------------------------------------------------
const SECTIONS: string = "server clients memory persistence stats replication cpu modules errorstats cluster keyspace commandstats latencystats";
/** Those of "default". */
const DEFAULT_COUNT: i32 = 11;

function section(i: i32): void {
  switch (i) {
    case 0:
      return server();
    case 1:
      return clients();
    case 2:
      return memorySection();
    case 3:
      return persistence();
    case 4:
      return statistics();
    case 5:
      return replication();
    case 6:
      return cpu();
    case 7:
      return title("Modules");
    case 8:
      return errorStats();
    case 9:
      title("Cluster");
      return putField(b, "cluster_enabled", 0);
    case 10:
      return keyspace();
    case 11:
      title("Commandstats");
      return commandStats(commandsHead, false);
    default:
      title("Latencystats");
      return latencyStats(commandsHead, false);
  }
}
/** Whether an argument names section i of SECTIONS. */
function named(arg: i32, i: i32): bool {
  let at = 0;
  for (let k = 0; k < i; k++) {
    while (SECTIONS.charCodeAt(at) != 32) at++;
    at++;
  }
  const p = argPtr(arg);
  const n = <i32>argLen(arg);
  for (let k = 0; k < n; k++) {
    if (at + k >= SECTIONS.length) return false;
    const ch = <i32>load<u8>(p + k);
    if ((ch >= 65 && ch <= 90 ? ch + 32 : ch) != SECTIONS.charCodeAt(at + k)) return false;
  }
  return n > 0 && (at + n == SECTIONS.length || SECTIONS.charCodeAt(at + n) == 32);
}

/** The order in which Redis prints them. */
const ORDER = memory.data<u8>([0, 1, 2, 3, 4, 5, 6, 7, 11, 8, 12, 9, 10]);

/** Which of the shards has answered: what the other sections count is its own. */
function shards(): void {
  title("Shards");
  putField(b, "shard", shardSelf);
  putField(b, "shards", shardTotal);
  putField(b, "shard_forwarded_commands", stats.forwarded);
}

function info(c: Client): void {
  let wanted: u32 = 0;
  const all: u32 = (1 << 13) - 1;
  if (argc == 1) wanted = (1 << DEFAULT_COUNT) - 1;
  for (let a = 1; a < argc; a++) {
    if (equalWord(argPtr(a), argLen(a), "default")) wanted |= (1 << DEFAULT_COUNT) - 1;
    else if (equalWord(argPtr(a), argLen(a), "all") || equalWord(argPtr(a), argLen(a), "everything")) wanted |= all;
    else {
      for (let i = 0; i < 13; i++) {
        if (named(a, i)) wanted |= 1 << i;
      }
      if (equalWord(argPtr(a), argLen(a), "module_list")) wanted |= 1 << 7;
    }
  }
  builderReset(b);
  for (let k = 0; k < 13; k++) {
    const i = <i32>load<u8>(ORDER + k);
    if (wanted & (1 << i)) section(i);
  }
  if (shardTotal > 1 && (wanted & 1 || (argc > 1 && argIs(1, "shards")))) shards();
  replyVerbatim(c, b.data, b.length, "txt");
  if (b.capacity > 262144) builderRelease(b);
}

export function registerInfoCommands(): void {
  command("info", info, -1, CMD_LOADING | CMD_STALE, ACL_DANGEROUS, 0, 0, 0);
  describe("server", "1.0.0", "Get information and statistics about the server", "O(1)");
}
