/**
 * Which shard a key belongs to: Redis Cluster's slots (CRC16 of the key, or of what stands between its first braces, modulo 16384), divided evenly.
 */
import { shardTotal } from "../lib/raw/shard-link";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { argc, argLen, argPtr } from "./client";
import { argIs, Command, KEYS_NUMKEYS, KEYS_NUMKEYS_STORE, KEYS_SORT, KEYS_STREAMS } from "./command";

/** Answers of shardOfKeys besides a shard. */
export const NO_KEYS: i32 = -1;
export const CROSS_SHARD: i32 = -2;

/** CRC16/XMODEM by byte. */
const table = memory.data(512, 16);

export function slotInit(): void {
  for (let i: u32 = 0; i < 256; i++) {
    let crc = i << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    store<u16>(table + (<usize>i << 1), <u16>crc);
  }
}

function crc16(p: usize, end: usize): u32 {
  let crc: u32 = 0;
  for (; p < end; p++) {
    crc = ((crc << 8) & 0xffff) ^ load<u16>(table + (<usize>((crc >>> 8) ^ load<u8>(p)) << 1));
  }
  return crc;
}

export function slotOf(key: usize, n: u32): u32 {
  const end = key + n;
  for (let p = key; p < end; p++) {
    if (load<u8>(p) != 123) continue;
    // The tag is what stands between this brace and the next closing one, if that is anything.
    for (let q = p + 1; q < end; q++) {
      if (load<u8>(q) != 125) continue;
      if (q > p + 1) return crc16(p + 1, q) & 16383;
      break;
    }
    break;
  }
  return crc16(key, end) & 16383;
}

export function shardOf(key: usize, n: u32): i32 {
  return <i32>((slotOf(key, n) * <u32>shardTotal) >>> 14);
}

let seen: i32 = 0;
/** Takes a key into account; false once two shards have been seen. */
function see(i: i32): bool {
  const shard = shardOf(argPtr(i), argLen(i));
  if (seen == NO_KEYS) seen = shard;
  else if (seen != shard) seen = CROSS_SHARD;
  return seen >= 0;
}

/** The shard of all keys of the request in argc/argv, NO_KEYS or CROSS_SHARD. Requests whose keys cannot be told have none: their handler says why. */
export function shardOfKeys(m: Command): i32 {
  const first = m.firstKey;
  if (first == 1 && m.lastKey == 1 && m.keysKind == 0) return shardOf(argPtr(1), argLen(1));
  seen = NO_KEYS;
  if (first > 0) {
    const last = m.lastKey < 0 ? argc + m.lastKey : max(m.lastKey, first);
    const step = max(m.keyStep, 1);
    for (let i = first; i <= last && i < argc; i += step) if (!see(i)) return seen;
  }
  const kind = m.keysKind;
  if (kind == KEYS_NUMKEYS || kind == KEYS_NUMKEYS_STORE) {
    const at = m.keyArg;
    if (at >= argc || !parseI64(argPtr(at), argLen(at)) || parsedI64 < 1 || parsedI64 > argc - at - 1) return NO_KEYS;
    const last = at + <i32>parsedI64;
    if (kind == KEYS_NUMKEYS_STORE && first <= 0 && !see(1)) return seen;
    for (let i = at + 1; i <= last; i++) if (!see(i)) return seen;
  } else if (kind == KEYS_SORT) {
    if (first <= 0 && !see(1)) return seen;
    for (let i = 2; i + 1 < argc; i++) {
      if (argIs(i, "limit")) i += 2;
      else if (argIs(i, "get") || argIs(i, "by")) i++;
      else if (argIs(i, "store") && !see(i + 1)) return seen;
    }
  } else if (kind == KEYS_STREAMS) {
    let i = 1;
    while (i < argc && !argIs(i, "streams")) i++;
    i++;
    const keys = (argc - i) >> 1;
    for (let k = 0; k < keys; k++) if (!see(i + k)) return seen;
  }
  return seen;
}
