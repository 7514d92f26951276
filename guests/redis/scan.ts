/** What the SCAN family has in common: options, cursor, filtering. */
import { argIs } from "./command";
import { argc, argLen, argPtr, Client } from "./client";
import { globMatch } from "../lib/raw/bytes";
import { parsedI64, parsedU64, parseI64, parseU64 } from "../lib/raw/number";
import { replyError, replyNotInteger, replySyntaxError } from "./reply";
import { realloc } from "../lib/raw/alloc";
import { Dict, dictScan } from "./dict";
import { HASH, LIST, SET, STREAM, STRING, ZSET } from "./object";

export let scanCursor: u32 = 0;
export let scanCount: i64 = 10;
/** The MATCH pattern; length 0 with pointer 0: none (or "*"). */
export let scanPattern: usize = 0;
export let scanPatternLen: u32 = 0;
/** The TYPE filter: -1 none, -2 a type nothing has. */
export let scanType: i32 = -1;

/** Parses the cursor at argument `i` and the options behind it; replies the error and answers false. TYPE only with `allowType`. */
export function scanParse(c: Client, i: i32, allowType: bool): bool {
  if (!parseU64(argPtr(i), argLen(i))) {
    replyError(c, "ERR invalid cursor");
    return false;
  }
  scanCursor = <u32>parsedU64;
  scanCount = 10;
  scanPattern = 0;
  scanPatternLen = 0;
  scanType = -1;
  for (let k = i + 1; k < argc; k += 2) {
    if (k + 1 >= argc) {
      replySyntaxError(c);
      return false;
    }
    if (argIs(k, "count")) {
      if (!parseI64(argPtr(k + 1), argLen(k + 1))) {
        replyNotInteger(c);
        return false;
      }
      if (parsedI64 < 1) {
        replySyntaxError(c);
        return false;
      }
      scanCount = parsedI64;
    } else if (argIs(k, "match")) {
      scanPattern = argPtr(k + 1);
      scanPatternLen = argLen(k + 1);
      if (scanPatternLen == 1 && load<u8>(scanPattern) == 42) {
        scanPattern = 0;
        scanPatternLen = 0;
      }
    } else if (allowType && argIs(k, "type")) {
      const t = k + 1;
      scanType = argIs(t, "string") ? STRING : argIs(t, "list") ? LIST : argIs(t, "set") ? SET : argIs(t, "zset") ? ZSET : argIs(t, "hash") ? HASH : argIs(t, "stream") ? STREAM : -2;
    } else {
      replySyntaxError(c);
      return false;
    }
  }
  return true;
}
/** Whether the pattern lets these bytes through. */
export function scanMatches(p: usize, n: u32): bool {
  return !scanPattern || globMatch(scanPattern, scanPatternLen, p, n, false);
}

/** Entries found by `scanDict`: u32 words. */
export let scanFound: usize = 0;
export let scanFoundCount: u32 = 0;
let scanFoundCap: u32 = 0;

function collect(context: usize, e: usize): void {
  if (scanFoundCount == scanFoundCap) {
    const cap = max<u32>(256, scanFoundCap << 1);
    scanFound = realloc(scanFound, <usize>cap << 2);
    scanFoundCap = cap;
  }
  store<usize>(scanFound + (<usize>scanFoundCount << 2), e);
  scanFoundCount++;
}

/** Scans from `scanCursor` until about `scanCount` entries are found (at most ten times as many buckets); answers the next cursor. The entries are in `scanFound`, unfiltered. */
export function scanDict(d: Dict): u32 {
  const collector: (context: usize, e: usize) => void = collect;
  scanFoundCount = 0;
  let cursor = scanCursor;
  let steps = scanCount > 0x0ccccccc ? 0x7fffffff : <i32>scanCount * 10;
  do {
    cursor = dictScan(d, cursor, collector.index, 0);
  } while (cursor && --steps > 0 && <i64>scanFoundCount < scanCount);
  return cursor;
}
