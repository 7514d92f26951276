/**
 * All settings, as fields in static memory with memcached's names in camelCase, and their defaults. `command-line.ts` sets them at
 * boot; a few change while the server runs (`verbosity`, `cache_memlimit`, `lru …`, `lru_crawler …`, `slabs automove`).
 * Texts are blobs ([u32 length][bytes]) or 0.
 */

export const PROTOCOL_NEGOTIATING: i32 = 0; // -B auto
export const PROTOCOL_ASCII: i32 = 1;
export const PROTOCOL_BINARY: i32 = 2;

@unmanaged
export class Settings {
  maxbytes: u64; // -m
  factor: f64; // -f
  slabAutomoveRatio: f64;
  hotMaxFactor: f64;
  warmMaxFactor: f64;
  oldestCas: u64; // flush_all: items with a smaller CAS are gone
  maxconns: i32;
  port: i32;
  udpport: i32;
  inter: usize; // -l, blob or 0
  verbose: i32;
  oldestLive: u32; // flush_all: items not younger are gone, once this time has come; 0: no flush
  evictToFree: bool; // not -M
  access: i32; // -a
  shutdownCommand: bool; // -A
  chunkSize: i32; // -n
  numThreads: i32;
  numThreadsPerUdp: i32;
  prefixDelimiter: i32; // -D
  detailEnabled: bool;
  reqsPerEvent: i32; // -R, or what memcached would do without it
  requestsAtOnce: i32; // -R, or no limit
  useCas: bool; // not -C
  backlog: i32; // -b
  bindingProtocol: i32; // -B
  itemSizeMax: i32; // -I
  slabChunkSizeMax: i32;
  slabPageSize: i32;
  maxconnsFast: bool;
  hashpowerInit: i32;
  hashExpand: bool; // not -o no_hashexpand
  hashAlgorithm: i32; // named by `stats settings` only
  slabReassign: bool;
  slabAutomove: i32;
  slabAutomoveWindow: u32;
  lruCrawler: bool;
  lruCrawlerSleep: i32; // microseconds
  lruCrawlerTocrawl: u32; // 0: no limit
  lruMaintainer: bool;
  lruSegmented: bool;
  hotLruPct: i32;
  warmLruPct: i32;
  tempLru: bool;
  temporaryTtl: u32;
  tailRepairTime: i32;
  flushEnabled: bool; // not -F
  dumpEnabled: bool; // not -X
  watchEnabled: bool; // not -W
  idleTimeout: i32; // seconds, 0: never
  loggerWatcherBufSize: u32;
  loggerBufSize: u32;
  readBufMemLimit: u32;
  trackSizes: bool; // -o track_sizes
  slabSizes: usize; // -o slab_sizes: u32 words, ended by 0; or 0
}

export const HASH_MURMUR3: i32 = 0;
export const HASH_JENKINS: i32 = 1;
export const HASH_XXH3: i32 = 2;

export const settings: Settings = changetype<Settings>(memory.data(512, 16));

export function settingsDefaults(): void {
  const s = settings;
  memory.fill(changetype<usize>(s), 0, 512);
  s.useCas = true;
  s.access = 448; // 0700
  s.port = 11211;
  s.maxbytes = 64 << 20;
  s.maxconns = 1024;
  s.evictToFree = true;
  s.factor = 1.25;
  s.chunkSize = 48;
  s.numThreads = 4;
  s.prefixDelimiter = 58;
  s.reqsPerEvent = 20;
  s.requestsAtOnce = i32.MAX_VALUE;
  s.backlog = 1024;
  s.itemSizeMax = 1 << 20;
  s.slabPageSize = 1 << 20;
  s.slabChunkSizeMax = 1 << 19;
  s.maxconnsFast = true;
  s.hashExpand = true;
  s.lruCrawler = true;
  s.lruMaintainer = true;
  s.lruSegmented = true;
  s.lruCrawlerSleep = 100;
  s.hotLruPct = 20;
  s.warmLruPct = 40;
  s.hotMaxFactor = 0.2;
  s.warmMaxFactor = 2;
  s.temporaryTtl = 61;
  s.slabReassign = true;
  s.slabAutomove = 1;
  s.slabAutomoveRatio = 0.8;
  s.slabAutomoveWindow = 30;
  s.flushEnabled = true;
  s.dumpEnabled = true;
  s.watchEnabled = true;
  s.loggerWatcherBufSize = 256 << 10;
  s.loggerBufSize = 64 << 10;
}
