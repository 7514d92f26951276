/** Stream ids: two 64-bit numbers, written `ms-seq`. Parsing leaves them in `idMs`/`idSeq`; errors are replied as Redis words them. */
import { argLen, argPtr, Client } from "./client";
import { formatU64, parsedU64, parseU64 } from "../lib/raw/number";
import { propagateBytes } from "./propagate";
import { replyBulk, replyError } from "./reply";

export let idMs: u64 = 0;
export let idSeq: u64 = 0;
/** The sequence number was `*` (XADD only). */
export let idAutoSeq: bool = false;
/** The interval's bound was written with `(`. */
export let idExclusive: bool = false;
const digits = memory.data(64, 8);

function parse(p: usize, n: u32, missing: u64, strict: bool, allowStar: bool): bool {
  idAutoSeq = false;
  if (n > 127 || !n) return false;
  if (!strict && n == 1) {
    const ch = load<u8>(p);
    if (ch == 45) {
      idMs = 0;
      idSeq = 0;
      return true;
    }
    if (ch == 43) {
      idMs = u64.MAX_VALUE;
      idSeq = u64.MAX_VALUE;
      return true;
    }
  }
  let dash: u32 = 0;
  while (dash < n && load<u8>(p + dash) != 45) dash++;
  if (!parseU64(p, dash)) return false;
  idMs = parsedU64;
  idSeq = missing;
  if (dash == n) return true;
  const rest = p + dash + 1;
  const length = n - dash - 1;
  if (allowStar && length == 1 && load<u8>(rest) == 42) {
    idAutoSeq = true;
    idSeq = 0;
    return true;
  }
  if (!parseU64(rest, length)) return false;
  idSeq = parsedU64;
  return true;
}

export function replyInvalidId(c: Client): void {
  replyError(c, "ERR Invalid stream ID specified as stream command argument");
}
/** `ms[-seq]`; no special ids. */
export function argId(c: Client, i: i32, missing: u64): bool {
  if (parse(argPtr(i), argLen(i), missing, true, false)) return true;
  replyInvalidId(c);
  return false;
}
/** The same without a reply. */
export function argIdQuiet(i: i32): bool {
  return parse(argPtr(i), argLen(i), 0, true, false);
}
/** `-` and `+` too (XGROUP SETID). */
export function argIdLoose(c: Client, i: i32): bool {
  if (parse(argPtr(i), argLen(i), 0, false, false)) return true;
  replyInvalidId(c);
  return false;
}
/** XADD's: `ms-*` as well. */
export function argIdNew(c: Client, i: i32): bool {
  if (parse(argPtr(i), argLen(i), 0, true, true)) return true;
  replyInvalidId(c);
  return false;
}
/** A bound of an interval, already stepped inwards when exclusive. */
export function argIdBound(c: Client, i: i32, isEnd: bool): bool {
  let p = argPtr(i);
  let n = argLen(i);
  idExclusive = n > 1 && load<u8>(p) == 40;
  if (idExclusive) {
    p++;
    n--;
  }
  if (!parse(p, n, isEnd ? u64.MAX_VALUE : 0, idExclusive, false)) {
    replyInvalidId(c);
    return false;
  }
  if (!idExclusive) return true;
  if (isEnd) {
    if (!idMs && !idSeq) {
      replyError(c, "ERR invalid end ID for the interval");
      return false;
    }
    if (!idSeq) idMs--;
    idSeq--;
  } else {
    if (idMs == u64.MAX_VALUE && idSeq == u64.MAX_VALUE) {
      replyError(c, "ERR invalid start ID for the interval");
      return false;
    }
    idSeq++;
    if (!idSeq) idMs++;
  }
  return true;
}

/** Writes an id (at most 41 bytes). */
export function formatId(dst: usize, ms: u64, seq: u64): u32 {
  let n = formatU64(dst, ms);
  store<u8>(dst + n, 45);
  n++;
  return n + formatU64(dst + n, seq);
}
export function replyId(c: Client, ms: u64, seq: u64): void {
  replyBulk(c, digits, formatId(digits, ms, seq));
}
export function propagateId(ms: u64, seq: u64): void {
  propagateBytes(digits, formatId(digits, ms, seq));
}
