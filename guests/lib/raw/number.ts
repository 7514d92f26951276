/**
 * Integers as text, read and printed exactly as servers with text protocols do. Results too wide for a return value are left in
 * a global (`parsedI64`) that holds until the next call.
 */

export let parsedI64: i64 = 0;

/** Strict signed 64-bit decimal as Redis' string2ll: no spaces, no plus sign, no leading zeros. */
export function parseI64(p: usize, n: usize): bool {
  if (n == 0 || n > 20) return false;
  const end = p + n;
  let ch: u32 = load<u8>(p);
  if (n == 1) {
    ch -= 48;
    if (ch > 9) return false;
    parsedI64 = ch;
    return true;
  }
  let negative = false;
  if (ch == 45) {
    negative = true;
    ch = load<u8>(++p);
  }
  ch -= 48;
  if (ch - 1 > 8) return false; // 1-9 only: "0" alone was answered above, "-0" and "01" are refused
  let v: u64 = ch;
  p++;
  const digits = end - p;
  if (digits > 18) {
    if (digits > 19) return false;
    // 19 more digits may overflow u64: check each step
    while (p < end) {
      ch = <u32>load<u8>(p++) - 48;
      if (ch > 9) return false;
      if (v > 1844674407370955161) return false;
      v *= 10;
      if (v > ~(<u64>ch)) return false;
      v += ch;
    }
  } else {
    while (p < end) {
      ch = <u32>load<u8>(p++) - 48;
      if (ch > 9) return false;
      v = v * 10 + ch;
    }
  }
  if (negative) {
    if (v > 0x8000000000000000) return false;
    parsedI64 = <i64>(0 - v);
  } else {
    if (v > 0x7fffffffffffffff) return false;
    parsedI64 = <i64>v;
  }
  return true;
}

export let parsedU64: u64 = 0;
/** Unsigned decimal as strtoull takes it for SCAN cursors: digits only. */
export function parseU64(p: usize, n: usize): bool {
  if (n == 0 || n > 20) return false;
  let v: u64 = 0;
  for (let i: usize = 0; i < n; i++) {
    const ch: u32 = <u32>load<u8>(p + i) - 48;
    if (ch > 9) return false;
    if (v > 1844674407370955161) return false;
    v *= 10;
    if (v > ~(<u64>ch)) return false;
    v += ch;
  }
  parsedU64 = v;
  return true;
}

// "00".."99"
const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

export function digitsU64(v: u64): i32 {
  if (v < 10) return 1;
  if (v < 100) return 2;
  if (v < 1000) return 3;
  if (v < 10000) return 4;
  let n = 4;
  v /= 10000;
  while (v >= 10000) {
    v /= 10000;
    n += 4;
  }
  return v == 0 ? n : v < 10 ? n + 1 : v < 100 ? n + 2 : v < 1000 ? n + 3 : n + 4;
}

/** Writes an unsigned number at `dst`; how many bytes (at most 20). */
export function formatU64(dst: usize, v: u64): i32 {
  if (v < 10) {
    store<u8>(dst, <u8>(48 + v));
    return 1;
  }
  const n = digitsU64(v);
  let at = dst + n;
  const table = changetype<usize>(pairs);
  while (v > 0xffffffff) {
    const q = v / 100;
    const r = <usize>(v - q * 100) << 2;
    at -= 2;
    store<u8>(at, load<u8>(table + r));
    store<u8>(at + 1, load<u8>(table + r + 2));
    v = q;
  }
  let w = <u32>v;
  while (w >= 10) {
    const q = w / 100;
    if (at - dst == 1) break;
    const r = <usize>(w - q * 100) << 2;
    at -= 2;
    store<u8>(at, load<u8>(table + r));
    store<u8>(at + 1, load<u8>(table + r + 2));
    w = q;
  }
  if (at > dst) store<u8>(dst, <u8>(48 + w));
  return n;
}

/** Writes a signed number at `dst`; how many bytes (at most 20). */
export function formatI64(dst: usize, v: i64): i32 {
  if (v >= 0) return formatU64(dst, <u64>v);
  store<u8>(dst, 45);
  return 1 + formatU64(dst + 1, 0 - <u64>v);
}
