/**
 * Obj: a value. One block: type u8, encoding u8, references u16, access word u32 (LRU seconds, or LFU minutes << 8 | counter),
 * then the payload at 8: for strings an i64 (ENC_INT) or length u32 and bytes at 12 (ENC_RAW, ENC_EMBSTR); for containers
 * whatever container.ts and its types keep there (container objects are CONTAINER_SIZE bytes and never move).
 *
 * References: 1 for the keyspace, one more for each send under way that reads the bytes in place. A string with more than one
 * must not be written to: `strWritable` copies it then.
 */
import { alloc, free, tryAlloc, tryRealloc, usable } from "../lib/raw/alloc";
import { copy } from "../lib/raw/bytes";
import { formatI64, parsedI64, parseI64 } from "../lib/raw/number";
import { cfg, lruClock, nowMs } from "./server";
import { containerFree } from "./container";

export const STRING: u32 = 0;
export const LIST: u32 = 1;
export const SET: u32 = 2;
export const ZSET: u32 = 3;
export const HASH: u32 = 4;
export const STREAM: u32 = 6;

export const ENC_RAW: u32 = 0;
export const ENC_INT: u32 = 1;
export const ENC_EMBSTR: u32 = 8;
export const ENC_HT: u32 = 2;
export const ENC_INTSET: u32 = 6;
export const ENC_SKIPLIST: u32 = 7;
export const ENC_QUICKLIST: u32 = 9;
export const ENC_STREAM: u32 = 10;
export const ENC_LISTPACK: u32 = 11;

export const CONTAINER_SIZE: usize = 24; // two payload words at 8 and 12, two more at 16 and 20
const EMBSTR_MAX: u32 = 44;
export const STRING_HEADER: usize = 12;

@unmanaged
export class Obj {
  type: u8;
  encoding: u8;
  refs: u16;
  lru: u32;
  data: usize; // containers: the structure. ENC_RAW: the length
  extra: usize; // containers: a second word
}

/** OBJECT ENCODING's name. */
export function encodingName(o: Obj): string {
  switch (<u32>o.encoding) {
    case ENC_RAW:
      return "raw";
    case ENC_INT:
      return "int";
    case ENC_EMBSTR:
      return "embstr";
    case ENC_HT:
      return "hashtable";
    case ENC_INTSET:
      return "intset";
    case ENC_SKIPLIST:
      return "skiplist";
    case ENC_QUICKLIST:
      return "quicklist";
    case ENC_STREAM:
      return "stream";
    default:
      return "listpack";
  }
}

export function typeName(type: u32): string {
  return type == STRING ? "string" : type == LIST ? "list" : type == SET ? "set" : type == ZSET ? "zset" : type == STREAM ? "stream" : "hash";
}

/** LFU starts at 5 so that a new key is not the first to go (Redis' LFU_INIT_VAL). */
// @ts-ignore: decorator
@inline
export function accessInit(): u32 {
  return cfg.maxmemoryPolicy & 2 ? (((<u32>(nowMs / 60000) & 0xffff) << 8) | 5) : lruClock;
}

function objInit(p: usize, type: u32, encoding: u32): void {
  store<u32>(p, type | (encoding << 8) | (1 << 16));
  store<u32>(p, accessInit(), 4);
}

/** A container object with both words given. */
export function objNew(type: u32, encoding: u32, data: usize): Obj {
  const p = alloc(CONTAINER_SIZE);
  objInit(p, type, encoding);
  store<usize>(p, data, 8);
  store<usize>(p, 0, 12);
  store<u64>(p, 0, 16);
  return changetype<Obj>(p);
}

/** A string object of these bytes, kept as an integer where Redis would; 0 when memory is short. */
export function strNew(p: usize, n: u32): usize {
  if (n <= 20 && parseI64(p, n)) return strFromI64(parsedI64);
  return strNewRaw(p, n);
}
/** A string object that keeps the bytes as they are. */
export function strNewRaw(p: usize, n: u32): usize {
  const o = tryAlloc(STRING_HEADER + n);
  if (!o) return 0;
  objInit(o, STRING, n <= EMBSTR_MAX ? ENC_EMBSTR : ENC_RAW);
  store<u32>(o, n, 8);
  copy(o + STRING_HEADER, p, n);
  return o;
}
/** A string object of `n` bytes, not filled in. */
export function strNewSize(n: u32): usize {
  const o = tryAlloc(STRING_HEADER + n);
  if (!o) return 0;
  objInit(o, STRING, ENC_RAW);
  store<u32>(o, n, 8);
  return o;
}
export function strFromI64(v: i64): usize {
  const o = alloc(16);
  objInit(o, STRING, ENC_INT);
  store<i64>(o, v, 8);
  return o;
}

/** Where strView left a string's bytes. An ENC_INT string is printed into a scratch buffer that the next strView reuses. */
export let viewPtr: usize = 0;
export let viewLen: u32 = 0;
const scratch = memory.data(64, 16);
let scratchAt: usize = 0;
export function strView(o: Obj): void {
  if (<u32>o.encoding == ENC_INT) {
    scratchAt ^= 32;
    viewPtr = scratch + scratchAt;
    viewLen = formatI64(viewPtr, load<i64>(changetype<usize>(o), 8));
  } else {
    viewPtr = changetype<usize>(o) + STRING_HEADER;
    viewLen = load<u32>(changetype<usize>(o), 8);
  }
}

/**
 * A raw string object with the same bytes, alone in its references, with room for `capacity` bytes: `o` itself grown in place,
 * or another block (then `o` has been released). 0 when memory is short (`o` untouched). The owner must store the answer.
 */
export function strWritable(o: Obj, capacity: u32): usize {
  const p = changetype<usize>(o);
  if (<u32>o.encoding != ENC_INT && o.refs == 1) {
    if (usable(p) >= STRING_HEADER + capacity) {
      o.encoding = <u8>ENC_RAW;
      return p;
    }
    // Grow ahead as Redis' sds does: double up to 1 MiB, then by 1 MiB.
    const ahead = capacity < 1 << 20 ? capacity << 1 : capacity + (1 << 20);
    let q = tryRealloc(p, STRING_HEADER + ahead);
    if (!q) q = tryRealloc(p, STRING_HEADER + capacity);
    if (q) changetype<Obj>(q).encoding = <u8>ENC_RAW;
    return q;
  }
  strView(o);
  const n = viewLen;
  const q = tryAlloc(STRING_HEADER + max(capacity, n));
  if (!q) return 0;
  objInit(q, STRING, ENC_RAW);
  store<u32>(q, o.lru, 4);
  store<u32>(q, n, 8);
  memory.copy(q + STRING_HEADER, viewPtr, n);
  objRelease(o);
  return q;
}

/** Drops one reference; the last one frees the value. */
export function objRelease(o: Obj): void {
  if (o.refs > 1) {
    o.refs--;
    return;
  }
  if (<u32>o.type == STRING) free(changetype<usize>(o));
  else containerFree(o);
}

/** A copy of a string object; 0 when memory is short. */
export function strDuplicate(o: Obj): usize {
  if (<u32>o.encoding == ENC_INT) return strFromI64(load<i64>(changetype<usize>(o), 8));
  strView(o);
  const q = strNewRaw(viewPtr, viewLen);
  if (q) changetype<Obj>(q).encoding = o.encoding;
  return q;
}

/** Seconds since the last access (LRU policies). */
export function idleSeconds(o: Obj): i64 {
  return (lruClock - o.lru) & 0xffffff;
}
/** The LFU counter after decay: one less for each lfu-decay-time minutes without access. */
export function lfuFrequency(o: Obj): i64 {
  const minutes = (<u32>(nowMs / 60000) - (o.lru >> 8)) & 0xffff;
  const counter = o.lru & 0xff;
  const periods = cfg.lfuDecayTime ? minutes / <u32>cfg.lfuDecayTime : 0;
  return periods > counter ? 0 : counter - periods;
}

// Imported last: container.ts and what it needs use the constants above, and a constant must be compiled before its users.
