/**
 * Natural numbers of up to LIMBS_MAX 32-bit limbs, in static memory: what exact conversion between decimal and binary
 * needs (decimal.ts, double.ts, long-double.ts). A number is `count u32` at 0 and limbs, lowest first, at 8; the top limb is never zero.
 */
const LIMBS_MAX: u32 = 1500;
export const bigA = memory.data(6016, 16);
export const bigB = memory.data(6016, 16);
export const bigC = memory.data(6016, 16);

// @ts-ignore: decorator
@inline
function limbs(b: usize): u32 {
  return load<u32>(b);
}

export function bigSet(b: usize, v: u64): void {
  store<u64>(b, v, 8);
  store<u32>(b, v == 0 ? 0 : v >> 32 ? 2 : 1);
}
export function bigIsZero(b: usize): bool {
  return limbs(b) == 0;
}
/** b = b * factor + add */
export function bigMulAdd(b: usize, factor: u32, add: u32): void {
  const n = limbs(b);
  let carry: u64 = add;
  let p = b + 8;
  for (let i: u32 = 0; i < n; i++, p += 4) {
    const v = <u64>load<u32>(p) * factor + carry;
    store<u32>(p, <u32>v);
    carry = v >> 32;
  }
  if (carry && n < LIMBS_MAX) {
    store<u32>(p, <u32>carry);
    store<u32>(b, n + 1);
  }
}
/** b = b * 10^k */
export function bigMulPow10(b: usize, k: u32): void {
  for (; k >= 9; k -= 9) bigMulAdd(b, 1000000000, 0);
  let small: u32 = 1;
  for (; k; k--) small *= 10;
  if (small > 1) bigMulAdd(b, small, 0);
}
/** Bits up to the highest one that is set. */
export function bigBits(b: usize): i32 {
  const n = limbs(b);
  return n ? <i32>(n << 5) - <i32>clz<u32>(load<u32>(b + 4 + (<usize>n << 2))) : 0;
}
export function bigShiftLeft(b: usize, bits: u32): void {
  const n = limbs(b);
  if (!n || !bits) return;
  const whole = bits >> 5;
  const part = bits & 31;
  if (n + whole + 1 > LIMBS_MAX) return;
  let p = b + 8;
  let top: u32 = 0;
  if (part) {
    for (let i: i32 = n - 1; i >= 0; i--) {
      const at = p + (<usize>i << 2);
      const v = load<u32>(at);
      if (<u32>i == n - 1) top = v >> (32 - part);
      store<u32>(at + (<usize>whole << 2), (v << part) | (i ? load<u32>(at - 4) >> (32 - part) : 0));
    }
  } else memory.copy(p + (<usize>whole << 2), p, <usize>n << 2);
  memory.fill(p, 0, <usize>whole << 2);
  let count = n + whole;
  if (top) {
    store<u32>(p + (<usize>count << 2), top);
    count++;
  }
  store<u32>(b, count);
}
export function bigCompare(a: usize, b: usize): i32 {
  const n = limbs(a);
  const m = limbs(b);
  if (n != m) return n < m ? -1 : 1;
  for (let i: i32 = n - 1; i >= 0; i--) {
    const x = load<u32>(a + 8 + (<usize>i << 2));
    const y = load<u32>(b + 8 + (<usize>i << 2));
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}
/** a = a - b, a not below b */
export function bigSubtract(a: usize, b: usize): void {
  const n = limbs(a);
  const m = limbs(b);
  let borrow: u64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at = a + 8 + (<usize>i << 2);
    const v = <u64>load<u32>(at) - (i < m ? <u64>load<u32>(b + 8 + (<usize>i << 2)) : 0) - borrow;
    store<u32>(at, <u32>v);
    borrow = (v >> 32) & 1;
    if (!borrow && i >= m) break;
  }
  let count = n;
  while (count && load<u32>(a + 4 + (<usize>count << 2)) == 0) count--;
  store<u32>(a, count);
}
/** b = b / d; the remainder */
export function bigDivide(b: usize, d: u32): u32 {
  let n = limbs(b);
  let rest: u64 = 0;
  for (let i: i32 = n - 1; i >= 0; i--) {
    const at = b + 8 + (<usize>i << 2);
    const v = (rest << 32) | load<u32>(at);
    store<u32>(at, <u32>(v / d));
    rest = v % d;
  }
  while (n && load<u32>(b + 4 + (<usize>n << 2)) == 0) n--;
  store<u32>(b, n);
  return <u32>rest;
}
/** b = b / 2^bits, rounded to the nearest, halves to even. */
export function bigShiftRightRound(b: usize, bits: u32): void {
  const n = limbs(b);
  if (!n || !bits) return;
  const total = <u32>bigBits(b);
  if (bits > total) {
    store<u32>(b, 0);
    return;
  }
  const halfAt = bits - 1;
  const half = (load<u32>(b + 8 + (<usize>(halfAt >> 5) << 2)) >> (halfAt & 31)) & 1;
  let sticky = (load<u32>(b + 8 + (<usize>(halfAt >> 5) << 2)) & (((<u32>1) << (halfAt & 31)) - 1)) != 0;
  for (let i: u32 = 0; !sticky && i < halfAt >> 5; i++) sticky = load<u32>(b + 8 + (<usize>i << 2)) != 0;
  const whole = bits >> 5;
  const part = bits & 31;
  let count: u32 = 0;
  for (let i = whole; i < n; i++) {
    let v = load<u32>(b + 8 + (<usize>i << 2)) >> part;
    if (part && i + 1 < n) v |= load<u32>(b + 12 + (<usize>i << 2)) << (32 - part);
    store<u32>(b + 8 + (<usize>count << 2), v);
    count++;
  }
  while (count && load<u32>(b + 4 + (<usize>count << 2)) == 0) count--;
  store<u32>(b, count);
  const odd = count && load<u32>(b, 8) & 1;
  if (half && (sticky || odd)) {
    if (count == 0) bigSet(b, 1);
    else bigMulAdd(b, 1, 1);
  }
}
