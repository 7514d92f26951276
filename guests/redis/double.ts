/**
 * Doubles as text, exactly: the way Redis reads and prints scores.
 *
 * Reading has a fast path for short decimals, else it is decimal.ts. Printing is printf's %.17g (`formatScore`), or the shortest
 * text that reads back (`formatShortest`).
 */
import { bigA, bigB, bigC, bigCompare, bigMulAdd, bigMulPow10, bigSet, bigShiftLeft, bigSubtract } from "./bignum";
import { textCopy } from "../lib/raw/bytes";
import {
  binaryExponent,
  digits64,
  digitsFit,
  exponent10,
  exponent2,
  infinite,
  magnitude10,
  mantissa,
  negative,
  round,
  scan,
  zero,
} from "./decimal";
import { formatU64 } from "../lib/raw/number";

export let parsedF64: f64 = 0;

// --- reading ---------------------------------------------------------------------------------------------------------
const powers = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]);

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
