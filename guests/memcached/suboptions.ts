/** The options of -o, with memcached's checks and words. What means nothing here is collected and named in one line on standard error. */
import { alloc, tryAlloc } from "../lib/raw/alloc";
import { equalText } from "../lib/raw/bytes";
import { parsedU64, parseU64 } from "../lib/raw/number";
import { intOf, quit, refuse } from "./command-line";
import { say, sayBytes, sayEnd, sayInt, sayText } from "./console";
import { parseFloatBytes } from "./real";
import { HASH_JENKINS, HASH_MURMUR3, HASH_XXH3, settings } from "./settings";

const EX_USAGE: i32 = 64;
const CHUNK_ALIGN: u32 = 8;
const SLAB_SIZES_MAX: u32 = 62;

/** Name and value of the option at hand; the value as a blob, or 0. */
let name: usize = 0;
let nameLength: u32 = 0;
let value: usize = 0;

let slabSizesText: usize = 0;
let chunkMaxChanged = false;
const ignored = memory.data(512);
let ignoredLength: u32 = 0;

function named(text: string): bool {
  return equalText(name, nameLength, text);
}

/** The value of an option that needs one. */
function needed(what: string): void {
  if (value) return;
  sayText("Missing ");
  sayText(what);
  sayEnd(2);
  quit(1);
}

/** A value of 32 bits, unsigned. */
function u32Of(complaint: string): u32 {
  if (!parseU64(value + 4, load<u32>(value)) || parsedU64 > 0xffffffff) refuse(complaint, 1);
  return <u32>parsedU64;
}

/** -o's argument: options with commas between them. */
export function subOption(blob: usize): void {
  let p = blob + 4;
  const end = p + load<u32>(blob);
  while (p < end) {
    let to = p;
    let equals: usize = 0;
    while (to < end && load<u8>(to) != 44) {
      if (load<u8>(to) == 61 && !equals) equals = to;
      to++;
    }
    name = p;
    nameLength = <u32>((equals ? equals : to) - p);
    value = 0;
    if (equals) {
      const n = to - equals - 1;
      value = alloc(n + 5);
      store<u32>(value, <u32>n);
      memory.copy(value + 4, equals + 1, n);
      store<u8>(value + 4 + n, 0);
    }
    if (!lruOption() && !slabOption() && !otherOption()) {
      sayText('Illegal suboption "');
      sayBytes(p, <u32>(to - p));
      sayText('"');
      sayEnd(1);
      quit(1);
    }
    p = to + 1;
  }
}

function percent(what: string, range: string): i32 {
  needed(what);
  const v = intOf(value);
  if (v < 1 || v >= 80) refuse(range, 1);
  return v;
}
function factor(what: string, range: string): f64 {
  needed(what);
  const v = parseFloatBytes(value + 4, load<u32>(value));
  if (!(v > 0)) refuse(range, 1);
  return v;
}

function lruOption(): bool {
  const s = settings;
  if (named("lru_crawler")) s.lruCrawler = true;
  else if (named("no_lru_crawler")) s.lruCrawler = false;
  else if (named("lru_crawler_sleep")) {
    needed("lru_crawler_sleep value");
    s.lruCrawlerSleep = intOf(value);
    if (s.lruCrawlerSleep > 1000000 || s.lruCrawlerSleep < 0) refuse("LRU crawler sleep must be between 0 and 1 second", 1);
  } else if (named("lru_crawler_tocrawl")) {
    needed("lru_crawler_tocrawl value");
    s.lruCrawlerTocrawl = u32Of("lru_crawler_tocrawl takes a numeric 32bit value");
  } else if (named("lru_maintainer")) {
    s.lruMaintainer = true;
    s.lruSegmented = true;
  } else if (named("no_lru_maintainer")) {
    s.lruMaintainer = false;
    s.lruSegmented = false;
  } else if (named("hot_lru_pct")) s.hotLruPct = percent("hot_lru_pct argument", "hot_lru_pct must be > 1 and < 80");
  else if (named("warm_lru_pct")) s.warmLruPct = percent("warm_lru_pct argument", "warm_lru_pct must be > 1 and < 80");
  else if (named("hot_max_factor")) s.hotMaxFactor = factor("hot_max_factor argument", "hot_max_factor must be > 0");
  else if (named("warm_max_factor")) s.warmMaxFactor = factor("warm_max_factor argument", "warm_max_factor must be > 0");
  else if (named("temporary_ttl")) {
    needed("temporary_ttl argument");
    s.tempLru = true;
    s.temporaryTtl = <u32>intOf(value);
  } else if (named("tail_repair_time")) {
    needed("numeric argument for tail_repair_time");
    s.tailRepairTime = intOf(value);
    if (s.tailRepairTime < 10) refuse("Cannot set tail_repair_time to less than 10 seconds", 1);
    ignore(); // references are not lost here
  } else return false;
  return true;
}

function slabOption(): bool {
  const s = settings;
  if (named("slab_reassign")) s.slabReassign = true;
  else if (named("no_slab_reassign")) s.slabReassign = false;
  else if (named("no_slab_automove")) s.slabAutomove = 0;
  else if (named("slab_automove")) {
    s.slabAutomove = value ? intOf(value) : 1;
    if (s.slabAutomove < 0 || s.slabAutomove > 2) refuse("slab_automove must be between 0 and 2", 1);
  } else if (named("slab_automove_ratio")) {
    needed("slab_automove_ratio argument");
    s.slabAutomoveRatio = parseFloatBytes(value + 4, load<u32>(value));
    if (!(s.slabAutomoveRatio > 0) || s.slabAutomoveRatio > 1) refuse("slab_automove_ratio must be > 0 and < 1", 1);
  } else if (named("slab_automove_window")) {
    needed("slab_automove_window argument");
    const v = intOf(value);
    if (v < 3) refuse("slab_automove_window must be > 2", 1);
    s.slabAutomoveWindow = v;
  } else if (named("slab_sizes")) slabSizesText = value;
  else if (named("slab_chunk_max")) {
    needed("slab_chunk_max argument");
    s.slabChunkSizeMax = <i32>u32Of("could not parse argument to slab_chunk_max");
    chunkMaxChanged = true;
  } else if (named("no_chunked_items")) s.slabChunkSizeMax = s.slabPageSize;
  else return false;
  return true;
}

function otherOption(): bool {
  const s = settings;
  if (named("maxconns_fast")) s.maxconnsFast = true;
  else if (named("no_maxconns_fast")) s.maxconnsFast = false;
  else if (named("hashpower")) {
    needed("numeric argument for hashpower");
    s.hashpowerInit = intOf(value);
    if (s.hashpowerInit < 12 || s.hashpowerInit > 32) {
      sayText("Initial hashtable multiplier of ");
      sayInt(s.hashpowerInit);
      if (s.hashpowerInit < 12) refuse(" is too low", 1);
      say(" is too high");
      refuse('Choose a value based on "STAT hash_power_level" from a running instance', 1);
    }
  } else if (named("no_hashexpand")) s.hashExpand = false;
  else if (named("hash_algorithm")) {
    needed("hash_algorithm argument");
    const p = value + 4;
    const n = load<u32>(value);
    if (equalText(p, n, "jenkins")) s.hashAlgorithm = HASH_JENKINS;
    else if (equalText(p, n, "murmur3")) s.hashAlgorithm = HASH_MURMUR3;
    else if (equalText(p, n, "xxh3")) s.hashAlgorithm = HASH_XXH3;
    else refuse("Unknown hash_algorithm option (jenkins, murmur3, xxh3)", 1);
    ignore(); // keys are hashed with a secret of this machine
  } else if (named("idle_timeout")) {
    needed("numeric argument for idle_timeout");
    s.idleTimeout = intOf(value);
  } else if (named("watcher_logbuf_size")) {
    needed("watcher_logbuf_size argument");
    s.loggerWatcherBufSize = u32Of("could not parse argument to watcher_logbuf_size") << 10;
  } else if (named("worker_logbuf_size")) {
    needed("worker_logbuf_size argument");
    s.loggerBufSize = u32Of("could not parse argument to worker_logbuf_size") << 10;
  } else if (named("read_buf_mem_limit")) {
    needed("read_buf_mem_limit argument");
    s.readBufMemLimit = u32Of("could not parse argument to read_buf_mem_limit") << 20;
  } else if (named("track_sizes")) s.trackSizes = true;
  else if (named("no_modern")) {
    if (!chunkMaxChanged) s.slabChunkSizeMax = s.slabPageSize;
    s.slabReassign = false;
    s.slabAutomove = 0;
    s.maxconnsFast = false;
    s.lruSegmented = false;
    s.hashAlgorithm = HASH_JENKINS;
    s.lruCrawler = false;
    s.lruMaintainer = false;
  } else if (named("modern")) return true;
  else return meaningless();
  return true;
}

function meaningless(): bool {
  const known =
    named("inline_ascii_resp") ||
    named("no_inline_ascii_resp") ||
    named("drop_privileges") ||
    named("no_drop_privileges") ||
    named("relaxed_privileges") ||
    named("resp_obj_mem_limit") ||
    named("sock_cookie_id") ||
    (nameLength > 4 && (equalText(name, 4, "ext_") || equalText(name, 4, "ssl_"))) ||
    named("slab_automove_freeratio");
  if (known) ignore();
  return known;
}

function ignore(): void {
  if (ignoredLength + nameLength + 2 > 512) return;
  if (ignoredLength) {
    store<u16>(ignored + ignoredLength, 0x202c); // ", "
    ignoredLength += 2;
  }
  memory.copy(ignored + ignoredLength, name, nameLength);
  ignoredLength += nameLength;
}

/** The checks that need all options. */
export function subOptionsEnd(): void {
  const s = settings;
  if (ignoredLength) {
    sayText("without effect here: -o ");
    sayBytes(ignored, ignoredLength);
    sayEnd(2);
  }
  if (s.itemSizeMax > 1 << 20 && !chunkMaxChanged) s.slabChunkSizeMax = s.slabPageSize / 2;
  if (s.slabChunkSizeMax > s.itemSizeMax) {
    sayText("slab_chunk_max (bytes: ");
    sayInt(s.slabChunkSizeMax);
    sayText(") cannot be larger than -I (item_size_max ");
    sayInt(s.itemSizeMax);
    refuse(")", EX_USAGE);
  }
  if (s.slabChunkSizeMax <= 0 || s.itemSizeMax % s.slabChunkSizeMax != 0) {
    sayText("-I (item_size_max: ");
    sayInt(s.itemSizeMax);
    sayText(") must be evenly divisible by slab_chunk_max (bytes: ");
    sayInt(s.slabChunkSizeMax);
    refuse(")", EX_USAGE);
  }
  if (s.slabPageSize % s.slabChunkSizeMax != 0) {
    sayText("slab_chunk_max (bytes: ");
    sayInt(s.slabChunkSizeMax);
    sayText(") must divide evenly into ");
    sayInt(s.slabPageSize);
    refuse(" (slab_page_size)", EX_USAGE);
  }
  if (slabSizesText) slabSizesParse();
  if (s.hotLruPct + s.warmLruPct > 80) refuse("hot_lru_pct + warm_lru_pct cannot be more than 80% combined", EX_USAGE);
  if (s.tempLru && !s.lruMaintainer) refuse("temporary_ttl requires lru_maintainer to be enabled", EX_USAGE);
}

function sizeRefuse(size: u32, text: string): void {
  sayText("slab size ");
  sayInt(size);
  refuse(text, EX_USAGE);
}

/** "96-200-1000": the chunk sizes themselves. */
function slabSizesParse(): void {
  const sizes = tryAlloc(<usize>(SLAB_SIZES_MAX + 1) << 2);
  let count: u32 = 0;
  let last: u32 = 0;
  let p = slabSizesText + 4;
  const end = p + load<u32>(slabSizesText);
  if (p == end) quit(EX_USAGE);
  while (p < end) {
    let to = p;
    while (to < end && load<u8>(to) != 45) to++;
    const size = parseU64(p, to - p) && parsedU64 <= 0xffffffff ? <u32>parsedU64 : 0;
    if (size < <u32>settings.chunkSize || size > <u32>settings.slabChunkSizeMax) sizeRefuse(size, " is out of valid range");
    if (last >= size) sizeRefuse(size, " cannot be lower than or equal to a previous class size");
    if (size <= last + CHUNK_ALIGN) sizeRefuse(size, " must be at least 8 bytes larger than previous class");
    store<u32>(sizes + (count++ << 2), size);
    last = size;
    if (count >= SLAB_SIZES_MAX) refuse("too many slab classes specified", EX_USAGE);
    p = to + 1;
  }
  store<u32>(sizes + (count << 2), 0);
  settings.slabSizes = sizes;
}
