/**
 * The x87 format in software: Redis computes INCRBYFLOAT and HINCRBYFLOAT as long double (64-bit mantissa) and prints %.17Lf, which is why
 * 3.0 + 1.1 answers 4.1 there.
 */
import { bigA, bigDivide, bigIsZero, bigMulPow10, bigSet, bigShiftLeft, bigShiftRightRound } from "./bignum";
import { binaryExponent, infinite, magnitude10, mantissa, negative, round, scan, zero } from "./decimal";

export const LD_NOT_FLOAT_A: i32 = -1;
export const LD_NOT_FLOAT_B: i32 = -2;
export const LD_NAN_OR_INF: i32 = -3;

let readMantissa: u64 = 0;
let readExponent: i32 = 0;
/** Reads a long double into readMantissa * 2^readExponent (64 bits); 0 not a number, 1 finite, 2 infinite, 3 zero. */
function readLong(p: usize, n: usize): i32 {
  if (!scan(p, n)) return 0;
  if (infinite) return 2;
  if (zero) return 3;
  if (magnitude10 > 4940 || magnitude10 < -4970) return 0;
  if (!round(64, -16445)) return 0;
  if (binaryExponent + 64 > 16384) return 0;
  const shift = <i32>clz<u64>(mantissa);
  readMantissa = mantissa << shift;
  readExponent = binaryExponent - shift;
  return 1;
}

/** a + b in 64-bit-mantissa arithmetic, printed as %.17Lf without trailing zeros. The length, or one of LD_*. dst: 5200 bytes at most. */
export function addLongDouble(a: usize, aLen: usize, b: usize, bLen: usize, dst: usize): i32 {
  const kindA = readLong(a, aLen);
  if (!kindA) return LD_NOT_FLOAT_A;
  let m = readMantissa;
  let e = readExponent;
  let minus = negative;
  const kindB = readLong(b, bLen);
  if (!kindB) return LD_NOT_FLOAT_B;
  if (kindA == 2 || kindB == 2) return LD_NAN_OR_INF;
  if (kindA == 3) {
    if (kindB == 3) {
      store<u8>(dst, 48);
      return 1;
    }
    m = readMantissa;
    e = readExponent;
    minus = negative;
  } else if (kindB == 1) {
    // The larger in (m, e), the other in (n, f): 128 bits, the lower half for what is shifted out.
    let n = readMantissa;
    let f = readExponent;
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
