/**
 * Numbers as strtod(3) and strtold(3) read them: `scan` takes the text apart, `round` makes a binary mantissa of any precision
 * of it, rounded correctly (halves to even) by long division.
 *
 * Both work in globals: the result of one `scan` is gone with the next. Called by double.ts and long-double.ts only.
 */
import {
  bigA,
  bigB,
  bigBits,
  bigCompare,
  bigIsZero,
  bigMulAdd,
  bigMulPow10,
  bigSet,
  bigShiftLeft,
  bigSubtract,
} from "./bignum";

// What scan() found: sign, then one of: infinite, zero, or digits with exponents (value = digits * 10^exponent10 * 2^exponent2)
export let negative: bool = false;
export let infinite: bool = false;
export let zero: bool = false;
export let digits64: u64 = 0; // the digits when they fit
export let digitsFit: bool = false;
export let exponent10: i32 = 0;
export let exponent2: i32 = 0;
/** Significant digits kept; more cannot change a correctly rounded result beyond the sticky digit appended. */
const DIGITS_MAX: i32 = 800;

function hexDigit(ch: u32): i32 {
  if (ch - 48 <= 9) return ch - 48;
  const l = ch | 32;
  return l >= 97 && l <= 102 ? <i32>(l - 87) : -1;
}
function isWord(p: usize, n: usize, word: string): bool {
  if (<i32>n != word.length) return false;
  for (let i: usize = 0; i < n; i++) if ((<u32>load<u8>(p + i) | 32) != <u32>load<u16>(changetype<usize>(word) + (i << 1))) return false;
  return true;
}

/** strtod's syntax over all n bytes; the digits go to `bigA` unless they fit 64 bits. */
export function scan(p: usize, n: usize): bool {
  const end = p + n;
  negative = false;
  infinite = false;
  zero = false;
  exponent2 = 0;
  exponent10 = 0;
  if (p == end) return false;
  let ch: u32 = load<u8>(p);
  if (ch == 43 || ch == 45) {
    negative = ch == 45;
    p++;
  }
  if (p == end) return false;
  ch = load<u8>(p);
  if ((ch | 32) == 105) {
    infinite = true;
    return isWord(p, end - p, "inf") || isWord(p, end - p, "infinity");
  }
  if (ch == 48 && end - p > 2 && (<u32>load<u8>(p + 1) | 32) == 120) return scanHex(p + 2, end);
  let small: u64 = 0;
  let kept = 0; // significant digits taken
  let seen = false;
  let big = false;
  let sticky = false;
  let point = false;
  let exponent: i32 = 0;
  for (; p < end; p++) {
    ch = load<u8>(p);
    if (ch == 46) {
      if (point) return false;
      point = true;
      continue;
    }
    ch -= 48;
    if (ch > 9) break;
    seen = true;
    if (point) exponent--;
    if (kept == 0 && ch == 0) continue;
    if (kept < 19) {
      small = small * 10 + ch;
      kept++;
    } else if (kept < DIGITS_MAX) {
      if (!big) {
        big = true;
        bigSet(bigA, small);
      }
      bigMulAdd(bigA, 10, ch);
      kept++;
    } else {
      if (ch) sticky = true;
      exponent++;
    }
  }
  if (!seen) return false;
  if (p < end) {
    if ((<u32>load<u8>(p) | 32) != 101) return false;
    p++;
    if (p == end) return false;
    let minus = false;
    ch = load<u8>(p);
    if (ch == 43 || ch == 45) {
      minus = ch == 45;
      p++;
      if (p == end) return false;
    }
    let e: i32 = 0;
    for (; p < end; p++) {
      ch = <u32>load<u8>(p) - 48;
      if (ch > 9) return false;
      if (e < 100000000) e = e * 10 + ch;
    }
    exponent += minus ? -e : e;
  }
  if (sticky) {
    bigMulAdd(bigA, 10, 1);
    exponent--;
  }
  zero = kept == 0;
  digitsFit = !big;
  digits64 = small;
  exponent10 = exponent;
  magnitude10 = kept + exponent + (sticky ? 1 : 0);
  return true;
}
/** The value is below 10^magnitude10. */
export let magnitude10: i32 = 0;

function scanHex(p: usize, end: usize): bool {
  let small: u64 = 0;
  let seen = false;
  let point = false;
  let exponent: i32 = 0;
  let lost = false;
  for (; p < end; p++) {
    const ch: u32 = load<u8>(p);
    if (ch == 46) {
      if (point) return false;
      point = true;
      continue;
    }
    const d = hexDigit(ch);
    if (d < 0) break;
    seen = true;
    if (small >> 60) {
      if (d) lost = true;
      if (!point) exponent += 4;
    } else {
      small = (small << 4) | <u64>d;
      if (point) exponent -= 4;
    }
  }
  if (!seen) return false;
  if (p < end) {
    if ((<u32>load<u8>(p) | 32) != 112) return false;
    p++;
    let minus = false;
    if (p < end && (load<u8>(p) == 43 || load<u8>(p) == 45)) {
      minus = load<u8>(p) == 45;
      p++;
    }
    if (p == end) return false;
    let e: i32 = 0;
    for (; p < end; p++) {
      const d = <u32>load<u8>(p) - 48;
      if (d > 9) return false;
      if (e < 100000000) e = e * 10 + d;
    }
    exponent += minus ? -e : e;
  }
  if (lost) small |= 1;
  zero = small == 0;
  digitsFit = true;
  digits64 = small;
  exponent2 = exponent;
  magnitude10 = <i32>(<f64>exponent * 0.30103) + 20;
  return true;
}

/** Result of `round`: mantissa * 2^binaryExponent, the mantissa normalised to `precision` bits unless subnormal. */
export let mantissa: u64 = 0;
export let binaryExponent: i32 = 0;

/** Rounds what scan() found to `precision` bits with a lowest exponent; false when it is zero after rounding. */
export function round(precision: i32, lowest: i32): bool {
  if (zero) return false;
  if (digitsFit) bigSet(bigA, digits64);
  bigSet(bigB, 1);
  if (exponent10 > 0) bigMulPow10(bigA, exponent10);
  else if (exponent10 < 0) bigMulPow10(bigB, -exponent10);
  if (exponent2 > 0) bigShiftLeft(bigA, exponent2);
  else if (exponent2 < 0) bigShiftLeft(bigB, -exponent2);
  // Scale so that B <= A < 2B: the quotient's first bit is then worth 2^e.
  let e = bigBits(bigA) - bigBits(bigB);
  if (e > 0) bigShiftLeft(bigB, e);
  else if (e < 0) bigShiftLeft(bigA, -e);
  if (bigCompare(bigA, bigB) < 0) {
    bigShiftLeft(bigA, 1);
    e--;
  }
  let bits = precision;
  if (e - precision + 1 < lowest) bits = e - lowest + 1; // subnormal: fewer bits
  if (bits < 0) return false;
  let m: u64 = 0;
  for (let i = 0; i < bits; i++) {
    m <<= 1;
    if (bigCompare(bigA, bigB) >= 0) {
      bigSubtract(bigA, bigB);
      m |= 1;
    }
    bigShiftLeft(bigA, 1);
  }
  // The rest against a half: A is twice the rest already.
  const c = bigCompare(bigA, bigB);
  let exponent = e - bits + 1;
  if (c > 0 || (c == 0 && !bigIsZero(bigA) && m & 1)) {
    m++;
    if (precision == 64 ? m == 0 : m >> precision) {
      m = precision == 64 ? (<u64>1) << 63 : m >> 1;
      exponent++;
    }
  }
  mantissa = m;
  binaryExponent = exponent;
  return m != 0;
}
