/** The server's lines of `stats`, in memcached's order; the store's (`statsTotals`) follow them. See stat-line.ts for where they go. */
import { sys_clock_ms, sys_getpid } from "../lib/sys";
import { currentTime, ITEM_UPDATE_INTERVAL, processStarted } from "./clock";
import { VERSION } from "./command-line";
import { connCount } from "./connection";
import { settings } from "./settings";
import { statFixed6, statInt, statText, statU64 } from "./stat-line";
import { lruHitsSum, SlabStats, slabStatsSum, state, stats } from "./stats";

const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;

export function statsGeneral(): void {
  statInt("pid", sys_getpid());
  statU64("uptime", currentTime - ITEM_UPDATE_INTERVAL);
  statInt("time", <i64>currentTime + processStarted);
  statText("version", VERSION);
  statText("libevent", "ringzero");
  statU64("pointer_size", 32);
  statFixed6("rusage_user", max<f64>(sys_clock_ms(CLOCK_PROCESS_CPUTIME_ID), 0) / 1000);
  statText("rusage_system", "0.000000");
  connections();
  commands();
  server();
}

function connections(): void {
  statInt("max_connections", settings.maxconns);
  statInt("curr_connections", connCount);
  statU64("total_connections", stats.totalConns);
  if (settings.maxconnsFast) statU64("rejected_connections", stats.rejectedConns);
  statU64("connection_structures", state.connStructs);
  statU64("response_obj_oom", stats.responseObjOom);
  statU64("response_obj_count", 0);
  statU64("response_obj_bytes", 0);
  statU64("read_buf_count", 0);
  statU64("read_buf_bytes", 0);
  statU64("read_buf_bytes_free", 0);
  statU64("read_buf_oom", stats.readBufOom);
  statU64("reserved_fds", 0);
}

function slabSum(name: string, field: usize): void {
  statU64(name, slabStatsSum(field));
}

function commands(): void {
  statU64("cmd_get", stats.getCmds);
  slabSum("cmd_set", offsetof<SlabStats>("setCmds"));
  statU64("cmd_flush", stats.flushCmds);
  statU64("cmd_touch", stats.touchCmds);
  statU64("cmd_meta", stats.metaCmds);
  statU64("get_hits", lruHitsSum());
  statU64("get_misses", stats.getMisses);
  statU64("get_expired", stats.getExpired);
  statU64("get_flushed", stats.getFlushed);
  statU64("delete_misses", stats.deleteMisses);
  slabSum("delete_hits", offsetof<SlabStats>("deleteHits"));
  statU64("incr_misses", stats.incrMisses);
  slabSum("incr_hits", offsetof<SlabStats>("incrHits"));
  statU64("decr_misses", stats.decrMisses);
  slabSum("decr_hits", offsetof<SlabStats>("decrHits"));
  statU64("cas_misses", stats.casMisses);
  slabSum("cas_hits", offsetof<SlabStats>("casHits"));
  slabSum("cas_badval", offsetof<SlabStats>("casBadval"));
  slabSum("touch_hits", offsetof<SlabStats>("touchHits"));
  statU64("touch_misses", stats.touchMisses);
  statU64("store_too_large", stats.storeTooLarge);
  statU64("store_no_memory", stats.storeNoMemory);
  statU64("auth_cmds", stats.authCmds);
  statU64("auth_errors", stats.authErrors);
  if (settings.idleTimeout) statU64("idle_kicks", stats.idleKicks);
}

function server(): void {
  statU64("bytes_read", stats.bytesRead);
  statU64("bytes_written", stats.bytesWritten);
  statU64("limit_maxbytes", settings.maxbytes);
  statU64("accepting_conns", state.acceptingConns);
  statU64("listen_disabled_num", stats.listenDisabledNum);
  statU64("time_in_listen_disabled_us", stats.timeInListenDisabledUs);
  statInt("threads", settings.numThreads);
  statU64("conn_yields", stats.connYields);
  statU64("hash_power_level", state.hashPowerLevel);
  statU64("hash_bytes", state.hashBytes);
  statU64("hash_is_expanding", state.hashIsExpanding);
  if (settings.slabReassign) {
    statU64("slab_reassign_rescues", stats.slabReassignRescues);
    statU64("slab_reassign_chunk_rescues", stats.slabReassignChunkRescues);
    statU64("slab_reassign_evictions_nomem", stats.slabReassignEvictionsNomem);
    statU64("slab_reassign_inline_reclaim", stats.slabReassignInlineReclaim);
    statU64("slab_reassign_busy_items", stats.slabReassignBusyItems);
    statU64("slab_reassign_busy_deletes", stats.slabReassignBusyDeletes);
    statU64("slab_reassign_running", state.slabReassignRunning);
    statU64("slabs_moved", stats.slabsMoved);
  }
  if (settings.lruCrawler) {
    statU64("lru_crawler_running", state.lruCrawlerRunning);
    statU64("lru_crawler_starts", stats.lruCrawlerStarts);
  }
  if (settings.lruMaintainer) statU64("lru_maintainer_juggles", stats.lruMaintainerJuggles);
  statU64("malloc_fails", stats.mallocFails);
  statU64("log_worker_dropped", 0);
  statU64("log_worker_written", stats.logWorkerWritten);
  statU64("log_watcher_skipped", stats.logWatcherSkipped);
  statU64("log_watcher_sent", stats.logWatcherSent);
  statU64("log_watchers", state.logWatchers);
  statU64("unexpected_napi_ids", 0);
  statU64("round_robin_fallback", 0);
}
