/**
 * Random numbers for sampling and jitter: xorshift128+, seeded from the entropy device at
 * boot. Not for secrets.
 */
let s0: u64 = 0x853c49e6748fea9b;
let s1: u64 = 0xda3e39cb94b95bdb;

export function randomInit(a: u64, b: u64): void {
  s0 = a | 1;
  s1 = b;
}
export function randomU64(): u64 {
  let x = s0;
  const y = s1;
  s0 = y;
  x ^= x << 23;
  s1 = x ^ y ^ (x >> 17) ^ (y >> 26);
  return s1 + y;
}
export function randomU32(): u32 {
  return <u32>(randomU64() >> 32);
}
/** Uniform in [0, 1). */
export function randomF64(): f64 {
  return <f64>(randomU64() >> 11) * (1.0 / 9007199254740992.0);
}
