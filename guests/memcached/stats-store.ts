/** What `stats items`, `stats slabs`, `stats sizes` and `stats settings` say, and the store's lines of `stats`. See stat-line.ts for where it goes. */
import { currentTime } from "./clock";
import { Item } from "./item";
import { COLD_LRU, HOT_LRU, lruList, TEMP_LRU, WARM_LRU } from "./lru";
import { HASH_JENKINS, HASH_XXH3, PROTOCOL_ASCII, PROTOCOL_BINARY, settings } from "./settings";
import { sizesBuckets, sizesDisable, sizesEnable, sizesEnabled, sizesOf } from "./sizes";
import { GLOBAL_PAGE_POOL, memMalloced, POWER_SMALLEST, powerLargest, slabClass, slabsFreeChunks } from "./slabs";
import {
  statBlob,
  statByte,
  statFixed2,
  statInt,
  statNameInt,
  statNameOf,
  statOctal,
  statText,
  statU64,
  statYes,
  valueU64,
} from "./stat-line";
import { CLASSES_MAX, lruHits, LruStats, lruStats, lruStatsSum, slabStats, state, stats } from "./stats";
import { casNext } from "./store";

/** The last lines of `stats`. */
export function statsTotals(): void {
  statU64("bytes", state.currBytes);
  statU64("curr_items", state.currItems);
  statU64("total_items", stats.totalItems);
  statU64("slab_global_page_pool", slabClass(GLOBAL_PAGE_POOL).slabs);
  statU64("expired_unfetched", lruStatsSum(offsetof<LruStats>("expiredUnfetched")));
  statU64("evicted_unfetched", lruStatsSum(offsetof<LruStats>("evictedUnfetched")));
  if (settings.lruMaintainer) statU64("evicted_active", lruStatsSum(offsetof<LruStats>("evictedActive")));
  statU64("evictions", lruStatsSum(offsetof<LruStats>("evicted")));
  statU64("reclaimed", lruStatsSum(offsetof<LruStats>("reclaimed")));
  statU64("crawler_reclaimed", lruStatsSum(offsetof<LruStats>("crawlerReclaimed")));
  statU64("crawler_items_checked", lruStatsSum(offsetof<LruStats>("crawlerItemsChecked")));
  statU64("lrutail_reflocked", lruStatsSum(offsetof<LruStats>("lrutailReflocked")));
  if (!settings.lruMaintainer) return;
  statU64("moves_to_cold", lruStatsSum(offsetof<LruStats>("movesToCold")));
  statU64("moves_to_warm", lruStatsSum(offsetof<LruStats>("movesToWarm")));
  statU64("moves_within_lru", lruStatsSum(offsetof<LruStats>("movesWithinLru")));
  statU64("direct_reclaims", lruStatsSum(offsetof<LruStats>("directReclaims")));
  statU64("lru_bumps_dropped", 0);
}

/** One field of all four lists of a class. */
function sumOf(cls: u32, field: usize): u64 {
  let sum: u64 = 0;
  for (let list: u32 = 0; list < 256; list += CLASSES_MAX) sum += load<u64>(changetype<usize>(lruStats(cls | list)) + field);
  return sum;
}

function line(cls: u32, name: string, value: u64): void {
  statNameOf("items:", cls, name);
  valueU64(value);
}
function lineSum(cls: u32, name: string, field: usize): void {
  line(cls, name, sumOf(cls, field));
}

function ageOf(id: u32): u32 {
  const tail = lruList(id).tail;
  return tail ? currentTime - changetype<Item>(tail).time : 0;
}

/** `stats items`. */
export function statsItems(): void {
  for (let cls: u32 = POWER_SMALLEST; cls < CLASSES_MAX; cls++) {
    const hot = lruList(cls | HOT_LRU);
    const warm = lruList(cls | WARM_LRU);
    const cold = lruList(cls | COLD_LRU);
    const temp = lruList(cls | TEMP_LRU);
    const number = hot.size + warm.size + cold.size + temp.size;
    if (!number) continue;
    const maintained = settings.lruMaintainer;
    line(cls, "number", number);
    if (maintained) {
      line(cls, "number_hot", hot.size);
      line(cls, "number_warm", warm.size);
      line(cls, "number_cold", cold.size);
      if (settings.tempLru) line(cls, "number_temp", temp.size);
      line(cls, "age_hot", ageOf(cls | HOT_LRU));
      line(cls, "age_warm", ageOf(cls | WARM_LRU));
    }
    line(cls, "age", ageOf(cls | COLD_LRU));
    line(cls, "mem_requested", hot.bytes + warm.bytes + cold.bytes + temp.bytes);
    lineSum(cls, "evicted", offsetof<LruStats>("evicted"));
    lineSum(cls, "evicted_nonzero", offsetof<LruStats>("evictedNonzero"));
    line(cls, "evicted_time", lruStats(cls | COLD_LRU).evictedTime);
    lineSum(cls, "outofmemory", offsetof<LruStats>("outofmemory"));
    lineSum(cls, "tailrepairs", offsetof<LruStats>("tailrepairs"));
    lineSum(cls, "reclaimed", offsetof<LruStats>("reclaimed"));
    lineSum(cls, "expired_unfetched", offsetof<LruStats>("expiredUnfetched"));
    lineSum(cls, "evicted_unfetched", offsetof<LruStats>("evictedUnfetched"));
    if (maintained) lineSum(cls, "evicted_active", offsetof<LruStats>("evictedActive"));
    lineSum(cls, "crawler_reclaimed", offsetof<LruStats>("crawlerReclaimed"));
    lineSum(cls, "crawler_items_checked", offsetof<LruStats>("crawlerItemsChecked"));
    lineSum(cls, "lrutail_reflocked", offsetof<LruStats>("lrutailReflocked"));
    if (!maintained) continue;
    lineSum(cls, "moves_to_cold", offsetof<LruStats>("movesToCold"));
    lineSum(cls, "moves_to_warm", offsetof<LruStats>("movesToWarm"));
    lineSum(cls, "moves_within_lru", offsetof<LruStats>("movesWithinLru"));
    lineSum(cls, "direct_reclaims", offsetof<LruStats>("directReclaims"));
    line(cls, "hits_to_hot", lruHits(cls | HOT_LRU));
    line(cls, "hits_to_warm", lruHits(cls | WARM_LRU));
    line(cls, "hits_to_cold", lruHits(cls | COLD_LRU));
    line(cls, "hits_to_temp", lruHits(cls | TEMP_LRU));
  }
}

function slabLine(cls: u32, name: string, value: u64): void {
  statNameOf("", cls, name);
  valueU64(value);
}

/** `stats slabs`. */
export function statsSlabs(): void {
  let total: u32 = 0;
  for (let cls: u32 = POWER_SMALLEST; cls <= powerLargest; cls++) {
    const p = slabClass(cls);
    if (!p.slabs) continue;
    const free = slabsFreeChunks(cls);
    const s = slabStats(cls);
    slabLine(cls, "chunk_size", p.size);
    slabLine(cls, "chunks_per_page", p.perslab);
    slabLine(cls, "total_pages", p.slabs);
    slabLine(cls, "total_chunks", p.slabs * p.perslab);
    slabLine(cls, "used_chunks", p.slabs * p.perslab - free);
    slabLine(cls, "free_chunks", free);
    slabLine(cls, "free_chunks_end", 0);
    slabLine(cls, "get_hits", lruHits(cls | HOT_LRU) + lruHits(cls | WARM_LRU) + lruHits(cls | COLD_LRU) + lruHits(cls | TEMP_LRU));
    slabLine(cls, "cmd_set", s.setCmds);
    slabLine(cls, "delete_hits", s.deleteHits);
    slabLine(cls, "incr_hits", s.incrHits);
    slabLine(cls, "decr_hits", s.decrHits);
    slabLine(cls, "cas_hits", s.casHits);
    slabLine(cls, "cas_badval", s.casBadval);
    slabLine(cls, "touch_hits", s.touchHits);
    total++;
  }
  statU64("active_slabs", total);
  statU64("total_malloced", memMalloced);
}

/** `stats sizes`. */
export function statsSizes(): void {
  if (!sizesEnabled()) {
    statText("sizes_status", "disabled");
    return;
  }
  for (let bucket: u32 = 0; bucket < sizesBuckets(); bucket++) {
    const n = sizesOf(bucket);
    if (!n) continue;
    statNameInt(bucket << 5);
    valueU64(n);
  }
}

/** `stats sizes_enable`. */
export function statsSizesEnable(): void {
  if (!settings.useCas) {
    statText("sizes_status", "error");
    statText("sizes_error", "cas_support_disabled");
  } else if (sizesEnabled() || sizesEnable(casNext())) statText("sizes_status", "enabled");
  else {
    statText("sizes_status", "error");
    statText("sizes_error", "no_memory");
  }
}

/** `stats sizes_disable`. */
export function statsSizesDisable(): void {
  sizesDisable();
  statText("sizes_status", "disabled");
}

function protocolName(protocol: i32): string {
  return protocol == PROTOCOL_ASCII ? "ascii" : protocol == PROTOCOL_BINARY ? "binary" : "auto-negotiate";
}
function hashName(algorithm: i32): string {
  return algorithm == HASH_JENKINS ? "jenkins" : algorithm == HASH_XXH3 ? "xxh3" : "murmur3";
}

/** `stats settings`. */
export function statsSettings(): void {
  const s = settings;
  statU64("maxbytes", s.maxbytes);
  statInt("maxconns", s.maxconns);
  statInt("tcpport", s.port);
  statInt("udpport", s.udpport);
  statBlob("inter", s.inter, "NULL");
  statInt("verbosity", s.verbose);
  statU64("oldest", s.oldestLive);
  statText("evictions", s.evictToFree ? "on" : "off");
  statText("domain_socket", "NULL");
  statOctal("umask", s.access);
  statYes("shutdown_command", s.shutdownCommand);
  statFixed2("growth_factor", s.factor);
  statInt("chunk_size", s.chunkSize);
  statInt("num_threads", s.numThreads);
  statInt("num_threads_per_udp", s.numThreadsPerUdp);
  statByte("stat_key_prefix", s.prefixDelimiter);
  statYes("detail_enabled", s.detailEnabled);
  statInt("reqs_per_event", s.reqsPerEvent);
  statYes("cas_enabled", s.useCas);
  statInt("tcp_backlog", s.backlog);
  statText("binding_protocol", protocolName(s.bindingProtocol));
  statYes("auth_enabled_sasl", false);
  statText("auth_enabled_ascii", "no");
  statInt("item_size_max", s.itemSizeMax);
  statYes("maxconns_fast", s.maxconnsFast);
  statInt("hashpower_init", s.hashpowerInit);
  statYes("slab_reassign", s.slabReassign);
  statInt("slab_automove", s.slabAutomove);
  statFixed2("slab_automove_ratio", s.slabAutomoveRatio);
  statInt("slab_automove_window", s.slabAutomoveWindow);
  statInt("slab_chunk_max", s.slabChunkSizeMax);
  statYes("lru_crawler", s.lruCrawler);
  statInt("lru_crawler_sleep", s.lruCrawlerSleep);
  statU64("lru_crawler_tocrawl", s.lruCrawlerTocrawl);
  statInt("tail_repair_time", s.tailRepairTime);
  statYes("flush_enabled", s.flushEnabled);
  statYes("dump_enabled", s.dumpEnabled);
  statText("hash_algorithm", hashName(s.hashAlgorithm));
  statYes("lru_maintainer_thread", s.lruMaintainer);
  statYes("lru_segmented", s.lruSegmented);
  statInt("hot_lru_pct", s.hotLruPct);
  statInt("warm_lru_pct", s.warmLruPct);
  statFixed2("hot_max_factor", s.hotMaxFactor);
  statFixed2("warm_max_factor", s.warmMaxFactor);
  statYes("temp_lru", s.tempLru);
  statU64("temporary_ttl", s.temporaryTtl);
  statInt("idle_timeout", s.idleTimeout);
  statU64("watcher_logbuf_size", s.loggerWatcherBufSize);
  statU64("worker_logbuf_size", s.loggerBufSize);
  statU64("read_buf_mem_limit", s.readBufMemLimit);
  statYes("track_sizes", sizesEnabled());
  statYes("inline_ascii_response", false);
  statText("num_napi_ids", "(null)");
  statText("memory_file", "(null)");
}
