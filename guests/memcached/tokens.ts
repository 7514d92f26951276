/**
 * The words of a request line, where they lie, and numbers in them as strtol(3) and its relatives read them.
 *
 * Words are separated by spaces only, and a NUL ends the line, as in memcached, which has the line as a C string. There is room for as many
 * words as memcached looks at; the tokens of the line before are overwritten.
 */

/** As memcached's MAX_TOKENS: 23 words and the terminal one, which has no length. */
export const TOKENS_MAX: i32 = 24;
const tokens = memory.data(24 * 8, 16);

/** Words, and one more: the "ntokens" that memcached's limits are written in. */
export let ntokens: i32 = 0;

// @ts-ignore: decorator
@inline
export function tokenPtr(i: i32): usize {
  return load<usize>(tokens + (<usize>i << 3));
}
// @ts-ignore: decorator
@inline
export function tokenLength(i: i32): u32 {
  return load<u32>(tokens + (<usize>i << 3), 4);
}

/** Where the word at p ends: at a space, a NUL or `end`. Reads up to 15 bytes beyond. */
// @ts-ignore: decorator
@inline
export function wordEnd(p: usize, end: usize): usize {
  const space = i8x16.splat(32);
  while (p < end) {
    const v = v128.load(p);
    const bits = i8x16.bitmask(v128.or(i8x16.eq(v, space), i8x16.eq(v, i8x16.splat(0))));
    if (bits) {
      p += ctz(bits);
      break;
    }
    p += 16;
  }
  return min(p, end);
}

/** Cuts the line [p, end) into words; `ntokens`. */
export function tokenize(p: usize, end: usize): i32 {
  let n = 0;
  let at = tokens;
  while (n < TOKENS_MAX - 1) {
    while (p < end && load<u8>(p) == 32) p++;
    if (p == end || load<u8>(p) == 0) break;
    const word = p;
    p = wordEnd(p, end);
    store<usize>(at, word);
    store<u32>(at, <u32>(p - word), 4);
    at += 8;
    n++;
  }
  store<u64>(at, 0);
  ntokens = n + 1;
  return n + 1;
}

export function tokenIs(i: i32, text: string): bool {
  const n = tokenLength(i);
  if (<i32>n != text.length) return false;
  const p = tokenPtr(i);
  let w = changetype<usize>(text);
  for (let at: usize = 0; at < n; at++, w += 2) {
    if (<u32>load<u8>(p + at) != <u32>load<u16>(w)) return false;
  }
  return true;
}

/** What the number functions read. */
export let parsedU64: u64 = 0;
export let parsedI32: i32 = 0;
export let parsedU32: u32 = 0;

// @ts-ignore: decorator
@inline
function isSpace(ch: u32): bool {
  return ch == 32 || ch - 9 < 5;
}

let magnitude: u64 = 0;
let negative: bool = false;

/** Sign and digits, behind white space and up to white space or the end; false when that is not what stands there, or beyond 64 bits. */
function parse(p: usize, end: usize): bool {
  let ch: u32 = 0;
  while (p < end && isSpace(load<u8>(p))) p++;
  negative = false;
  if (p < end) {
    ch = load<u8>(p);
    if (ch == 45 || ch == 43) {
      negative = ch == 45;
      p++;
    }
  }
  let v: u64 = 0;
  const digits = p;
  while (p < end) {
    ch = load<u8>(p);
    const digit = <u64>(ch - 48);
    if (ch - 48 > 9) break;
    if (v >= 1844674407370955161 && (v > 1844674407370955161 || digit > 5)) return false;
    v = v * 10 + digit;
    p++;
  }
  if (p == digits || (p < end && !isSpace(ch))) return false;
  magnitude = v;
  return true;
}

/** safe_strtoull: a minus is refused unless what it makes is below 2^63, as strtoull would have it. */
export function parseU64(p: usize, n: u32): bool {
  const end = p + n;
  parsedU64 = 0;
  if (!parse(p, end)) return false;
  const v = negative ? 0 - magnitude : magnitude;
  if (<i64>v < 0) {
    for (let q = p; q < end; q++) {
      if (load<u8>(q) == 45) return false;
    }
  }
  parsedU64 = v;
  return true;
}
export function tokenU64(i: i32): bool {
  return parseU64(tokenPtr(i), tokenLength(i));
}

/** safe_strtoul: the low 32 bits. */
export function tokenU32(i: i32): bool {
  parsedU32 = 0;
  if (!tokenU64(i)) return false;
  parsedU32 = <u32>parsedU64;
  return true;
}

/** safe_strtol: the low 32 bits of what fits in 64. */
export function parseI32(p: usize, n: u32): bool {
  parsedI32 = 0;
  if (!parse(p, p + n)) return false;
  if (magnitude > (negative ? <u64>0x8000000000000000 : <u64>0x7fffffffffffffff)) return false;
  parsedI32 = <i32>(negative ? 0 - magnitude : magnitude);
  return true;
}
export function tokenI32(i: i32): bool {
  return parseI32(tokenPtr(i), tokenLength(i));
}
