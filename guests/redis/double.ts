/**
 * Doubles and x87 long doubles as text, exactly: the way Redis reads and prints scores and INCRBYFLOAT results.
 *
 * Reading follows strtod/strtold and rounds correctly (halves to even): a fast path for short decimals, else long division.
 * Printing is printf's: `formatScore` is %.17g, `addLongDouble` prints %.17Lf. Redis computes INCRBYFLOAT in the x87 format (64-bit
 * mantissa), which is why 3.0 + 1.1 answers 4.1 there; the same addition is done here in software.
 */
import {
  bigA,
  bigB,
  bigBits,
  bigC,
  bigCompare,
  bigDivide,
  bigIsZero,
  bigMulAdd,
  bigMulPow10,
  bigSet,
  bigShiftLeft,
  bigShiftRightRound,
  bigSubtract,
} from "./bignum";
import { formatU64 } from "./number";
import { textCopy } from "./bytes";

export let parsedF64: f64 = 0;
export const LD_NOT_FLOAT_A: i32 = -1;
export const LD_NOT_FLOAT_B: i32 = -2;
export const LD_NAN_OR_INF: i32 = -3;

// --- reading ---------------------------------------------------------------------------------------------------------
// What scan() found: sign, then one of: infinite, zero, or digits with exponents (value = digits * 10^exponent10 * 2^exponent2)
let negative: bool = false;
let infinite: bool = false;
let zero: bool = false;
let digits64: u64 = 0; // the digits when they fit
let digitsFit: bool = false;
let exponent10: i32 = 0;
let exponent2: i32 = 0;
/** Significant digits kept; more cannot change a correctly rounded result beyond the sticky digit appended. */
const DIGITS_MAX: i32 = 800;
const powers = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]);

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
function scan(p: usize, n: usize): bool {
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
let magnitude10: i32 = 0;

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
let mantissa: u64 = 0;
let binaryExponent: i32 = 0;

/** Rounds what scan() found to `precision` bits with a lowest exponent; false when it is zero after rounding. */
function round(precision: i32, lowest: i32): bool {
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

/** Set by parseF64 when it refused a number because no finite double but 0 is near (ERANGE); `parsedF64` is then what strtod answers. */
export let parsedRange: bool = false;
function outOfRange(v: f64): bool {
  parsedRange = true;
  parsedF64 = negative ? -v : v;
  return false;
}

/** strtod over the whole of the bytes (decimal or hexadecimal, inf, infinity); NaN and leading spaces are refused, as is overflow. */
export function parseF64(p: usize, n: usize): bool {
  parsedRange = false;
  if (!scan(p, n)) return false;
  let v: f64 = 0;
  if (infinite) v = Infinity;
  else if (!zero) {
    if (digitsFit && exponent2 == 0 && digits64 <= 9007199254740992 && exponent10 >= -22 && exponent10 <= 22) {
      v = <f64>digits64;
      if (exponent10 < 0) v /= load<f64>(powers + (<usize>-exponent10 << 3));
      else v *= load<f64>(powers + (<usize>exponent10 << 3));
    } else {
      if (magnitude10 > 330) return outOfRange(Infinity);
      if (magnitude10 < -345) return outOfRange(0);
      if (!round(53, -1074)) return outOfRange(0);
      if (binaryExponent + 53 > 1024) return outOfRange(Infinity);
      const normal = (mantissa >> 52) != 0;
      const biased = normal ? <u64>(binaryExponent + 1075) : 0;
      if (biased >= 2047) return outOfRange(Infinity);
      v = reinterpret<f64>((biased << 52) | (mantissa & 0xfffffffffffff));
    }
  }
  parsedF64 = negative ? -v : v;
  return true;
}

// --- printing -----------------------------------------------------------------------------------------------------------
const digitBuffer = memory.data(64, 16);
let decimalExponent: i32 = 0;

/** The first `count` significant digits of a positive finite d, correctly rounded, in digitBuffer; d = 0.D1D2… * 10^(decimalExponent + 1). */
function significant(d: f64, count: i32): void {
  const bits = reinterpret<u64>(d);
  let e = <i32>((bits >> 52) & 0x7ff);
  let m = bits & 0xfffffffffffff;
  if (e) m |= (<u64>1) << 52;
  else e = 1;
  e -= 1075;
  bigSet(bigA, m);
  bigSet(bigB, 1);
  if (e > 0) bigShiftLeft(bigA, e);
  else bigShiftLeft(bigB, -e);
  // 10^k <= d: from the binary exponent, corrected below
  let k = <i32>Math.floor(<f64>(e + 63 - <i32>clz<u64>(m)) * 0.30102999566398114);
  if (k > 0) bigMulPow10(bigB, k);
  else if (k < 0) bigMulPow10(bigA, -k);
  while (true) {
    // k may be one too low
    memory.copy(bigC, bigB, 8 + (<usize>load<u32>(bigB) << 2));
    bigMulAdd(bigC, 10, 0);
    if (bigCompare(bigA, bigC) < 0) break;
    memory.copy(bigB, bigC, 8 + (<usize>load<u32>(bigC) << 2));
    k++;
  }
  if (bigCompare(bigA, bigB) < 0) {
    bigMulAdd(bigA, 10, 0);
    k--;
  }
  for (let i = 0; i < count; i++) {
    let digit: u32 = 0;
    while (bigCompare(bigA, bigB) >= 0) {
      bigSubtract(bigA, bigB);
      digit++;
    }
    store<u8>(digitBuffer + i, <u8>(48 + digit));
    if (i + 1 < count) bigMulAdd(bigA, 10, 0);
  }
  bigShiftLeft(bigA, 1);
  const c = bigCompare(bigA, bigB);
  if (c > 0 || (c == 0 && load<u8>(digitBuffer + count - 1) & 1)) {
    let i = count - 1;
    while (i >= 0 && load<u8>(digitBuffer + i) == 57) {
      store<u8>(digitBuffer + i, 48);
      i--;
    }
    if (i >= 0) store<u8>(digitBuffer + i, load<u8>(digitBuffer + i) + 1);
    else {
      store<u8>(digitBuffer, 49);
      k++;
    }
  }
  decimalExponent = k;
}

/** printf's %.<count>g */
function formatG(dst: usize, d: f64, count: i32): i32 {
  let at = dst;
  if (isNaN(d)) return textCopy(dst, reinterpret<u64>(d) >> 63 ? "-nan" : "nan");
  if (reinterpret<u64>(d) >> 63) {
    store<u8>(at++, 45);
    d = -d;
  }
  if (d == Infinity) return <i32>(at - dst) + textCopy(at, "inf");
  if (d == 0) {
    store<u8>(at++, 48);
    return <i32>(at - dst);
  }
  if (d < 1e15 && d == Math.floor(d)) return <i32>(at - dst) + formatU64(at, <u64>d);
  significant(d, count);
  const k = decimalExponent;
  let last = count;
  while (last > 1 && load<u8>(digitBuffer + last - 1) == 48) last--;
  if (k < -4 || k >= count) {
    store<u8>(at++, load<u8>(digitBuffer));
    if (last > 1) {
      store<u8>(at++, 46);
      memory.copy(at, digitBuffer + 1, last - 1);
      at += last - 1;
    }
    store<u8>(at++, 101);
    store<u8>(at++, k < 0 ? 45 : 43);
    const e = k < 0 ? -k : k;
    if (e < 10) store<u8>(at++, 48);
    at += formatU64(at, e);
  } else if (k < 0) {
    store<u16>(at, 0x2e30);
    at += 2;
    for (let i = -1; i > k; i--) store<u8>(at++, 48);
    memory.copy(at, digitBuffer, last);
    at += last;
  } else {
    const whole = k + 1;
    if (last <= whole) {
      memory.copy(at, digitBuffer, last);
      memory.fill(at + last, 48, whole - last);
      at += whole;
    } else {
      memory.copy(at, digitBuffer, whole);
      at += whole;
      store<u8>(at++, 46);
      memory.copy(at, digitBuffer + whole, last - whole);
      at += last - whole;
    }
  }
  return <i32>(at - dst);
}

/** As printf's %.17g; inf and -inf. At most 32 bytes. */
export function formatScore(dst: usize, d: f64): i32 {
  return formatG(dst, d, 17);
}
/** The shortest decimal that reads back as d. At most 32 bytes. */
export function formatShortest(dst: usize, d: f64): i32 {
  for (let count = 15; count < 17; count++) {
    const n = formatG(dst, d, count);
    if (isNaN(d) || (parseF64(dst, n) && parsedF64 == d)) return n;
  }
  return formatG(dst, d, 17);
}

// --- x87 addition -----------------------------------------------------------------------------------------------------------
/** Reads a long double into mantissa/binaryExponent (64 bits); 0 not a number, 1 finite, 2 infinite, 3 zero. */
function readLong(p: usize, n: usize): i32 {
  if (!scan(p, n)) return 0;
  if (infinite) return 2;
  if (zero) return 3;
  if (magnitude10 > 4940 || magnitude10 < -4970) return 0;
  if (!round(64, -16445)) return 0;
  if (binaryExponent + 64 > 16384) return 0;
  const shift = <i32>clz<u64>(mantissa);
  mantissa <<= shift;
  binaryExponent -= shift;
  return 1;
}

/** a + b in 64-bit-mantissa arithmetic, printed as %.17Lf without trailing zeros. The length, or one of LD_*. dst: 5200 bytes at most. */
export function addLongDouble(a: usize, aLen: usize, b: usize, bLen: usize, dst: usize): i32 {
  const kindA = readLong(a, aLen);
  if (!kindA) return LD_NOT_FLOAT_A;
  let m = mantissa;
  let e = binaryExponent;
  let minus = negative;
  const kindB = readLong(b, bLen);
  if (!kindB) return LD_NOT_FLOAT_B;
  if (kindA == 2 || kindB == 2) return LD_NAN_OR_INF;
  if (kindA == 3) {
    if (kindB == 3) {
      store<u8>(dst, 48);
      return 1;
    }
    m = mantissa;
    e = binaryExponent;
    minus = negative;
  } else if (kindB == 1) {
    // The larger in (m, e), the other in (n, f): 128 bits, the lower half for what is shifted out.
    let n = mantissa;
    let f = binaryExponent;
    let otherMinus = negative;
    if (f > e || (f == e && n > m)) {
      const tm = m;
      m = n;
      n = tm;
      const te = e;
      e = f;
      f = te;
      const ts = minus;
      minus = otherMinus;
      otherMinus = ts;
    }
    const shift = <u32>(e - f);
    let low: u64 = 0;
    if (shift >= 128) {
      low = 1;
      n = 0;
    } else if (shift >= 64) {
      const part = shift - 64;
      low = part ? (n >> part) | (n << (64 - part) ? 1 : 0) : n;
      n = 0;
    } else if (shift) {
      low = n << (64 - shift);
      n >>= shift;
    }
    let sumLow: u64 = 0;
    if (minus == otherMinus) {
      const sum = m + n;
      sumLow = low;
      if (sum < m) {
        sumLow = (sum << 63) | (low >> 1) | (low & 1);
        m = (sum >> 1) | ((<u64>1) << 63);
        e++;
      } else m = sum;
    } else {
      sumLow = 0 - low;
      m = m - n - (low ? 1 : 0);
      if (m == 0 && sumLow == 0) {
        store<u8>(dst, 48);
        return 1;
      }
      if (m == 0) {
        m = sumLow;
        sumLow = 0;
        e -= 64;
      }
      const up = <u32>clz<u64>(m);
      if (up) {
        m = (m << up) | (sumLow >> (64 - up));
        sumLow <<= up;
        e -= up;
      }
    }
    const half = (<u64>1) << 63;
    if (sumLow > half || (sumLow == half && m & 1)) {
      m++;
      if (m == 0) {
        m = half;
        e++;
      }
    }
  }
  if (e + 64 > 16384) return LD_NAN_OR_INF;
  // value * 10^17, rounded to an integer
  bigSet(bigA, m);
  bigMulPow10(bigA, 17);
  if (e > 0) bigShiftLeft(bigA, e);
  else bigShiftRightRound(bigA, -e);
  let at = dst;
  if (bigIsZero(bigA)) {
    store<u8>(dst, 48);
    return 1;
  }
  if (minus) store<u8>(at++, 45);
  // digits, lowest first, nine at a time, then turned round
  const first = at;
  while (!bigIsZero(bigA)) {
    let part = bigDivide(bigA, 1000000000);
    const more = !bigIsZero(bigA);
    for (let i = 0; i < 9 && (more || part); i++) {
      store<u8>(at++, <u8>(48 + (part % 10)));
      part /= 10;
    }
  }
  while (at - first < 18) store<u8>(at++, 48);
  let i = first;
  let j = at - 1;
  while (i < j) {
    const t = load<u8>(i);
    store<u8>(i++, load<u8>(j));
    store<u8>(j--, t);
  }
  const pointAt = at - 17;
  memory.copy(pointAt + 1, pointAt, 17);
  store<u8>(pointAt, 46);
  at++;
  while (load<u8>(at - 1) == 48) at--;
  if (load<u8>(at - 1) == 46) at--;
  return <i32>(at - dst);
}
