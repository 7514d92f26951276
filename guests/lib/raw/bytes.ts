/**
 * Byte strings: copying, comparing, hashing, and AssemblyScript literals as byte strings.
 *
 * A byte string on a request path is a (pointer, length) pair; one that is kept on its own is a
 * "blob": a block `[u32 length][bytes]` (`blobNew`, `blobData`, `blobLength`). Literals are the
 * UTF-16 data of a static AssemblyScript string, ASCII only: nothing here allocates managed memory.
 */
import { alloc, free, tryAlloc } from "./alloc";

/** memory.copy costs a call into the engine: short copies are done here. Regions must not overlap. */
// @ts-ignore: decorator
@inline
export function copy(dst: usize, src: usize, n: usize): void {
  if (n <= 16) {
    if (n >= 8) {
      const last = load<u64>(src + n - 8);
      store<u64>(dst, load<u64>(src));
      store<u64>(dst + n - 8, last);
    } else if (n >= 4) {
      const last = load<u32>(src + n - 4);
      store<u32>(dst, load<u32>(src));
      store<u32>(dst + n - 4, last);
    } else if (n) {
      store<u8>(dst, load<u8>(src));
      if (n > 1) {
        store<u8>(dst + n - 1, load<u8>(src + n - 1));
        store<u8>(dst + 1, load<u8>(src + 1));
      }
    }
  } else copyLong(dst, src, n);
}

function copyLong(dst: usize, src: usize, n: usize): void {
  if (n > 256) {
    memory.copy(dst, src, n);
    return;
  }
  const last = v128.load(src + n - 16);
  const lastAt = dst + n - 16;
  while (n > 16) {
    v128.store(dst, v128.load(src));
    dst += 16;
    src += 16;
    n -= 16;
  }
  v128.store(lastAt, last);
}

export function equal(a: usize, b: usize, n: usize): bool {
  while (n >= 8) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
    n -= 8;
  }
  if (n >= 4) {
    if (load<u32>(a) != load<u32>(b)) return false;
    a += 4;
    b += 4;
    n -= 4;
  }
  while (n) {
    if (load<u8>(a) != load<u8>(b)) return false;
    a++;
    b++;
    n--;
  }
  return true;
}

/** memcmp order, then the shorter first: below, equal to or above zero. */
export function compare(a: usize, aLength: usize, b: usize, bLength: usize): i32 {
  let n = min(aLength, bLength);
  while (n >= 8) {
    const x = load<u64>(a);
    const y = load<u64>(b);
    if (x != y) {
      const p = bswap<u64>(x);
      const q = bswap<u64>(y);
      return p < q ? -1 : 1;
    }
    a += 8;
    b += 8;
    n -= 8;
  }
  while (n) {
    const d = <i32>load<u8>(a) - <i32>load<u8>(b);
    if (d) return d;
    a++;
    b++;
    n--;
  }
  return aLength < bLength ? -1 : aLength > bLength ? 1 : 0;
}

// @ts-ignore: decorator
@inline
export function lower(ch: u32): u32 {
  return ch - 65 < 26 ? ch + 32 : ch;
}

/** Whether the bytes are `word` (given in lower case) in any letter case. */
export function equalWord(p: usize, length: usize, word: string): bool {
  if (<i32>length != word.length) return false;
  let w = changetype<usize>(word);
  for (let i: usize = 0; i < length; i++, w += 2) {
    if (lower(load<u8>(p + i)) != <u32>load<u16>(w)) return false;
  }
  return true;
}

/** Whether the bytes are exactly `text`. */
export function equalText(p: usize, length: usize, text: string): bool {
  if (<i32>length != text.length) return false;
  let w = changetype<usize>(text);
  for (let i: usize = 0; i < length; i++, w += 2) {
    if (<u32>load<u8>(p + i) != <u32>load<u16>(w)) return false;
  }
  return true;
}

/** Writes an ASCII literal's bytes at `dst`; how many. */
export function textCopy(dst: usize, text: string): i32 {
  let w = changetype<usize>(text);
  const n = text.length;
  let i = 0;
  // narrow eight UTF-16 units at a time; writes up to 8 bytes
  for (; i + 8 <= n; i += 8, w += 16) {
    const v = v128.load(w);
    v128.store64_lane(dst + i, v128.narrow<i16>(v, v), 0);
  }
  for (; i < n; i++, w += 2) store<u8>(dst + i, <u8>load<u16>(w));
  return n;
}

let hashSeed: u64 = 0x9e3779b97f4a7c15;
let hashSeed2: u64 = 0xc2b2ae3d27d4eb4f;

/** Called once at boot with random bytes, before the first table exists. */
export function hashInit(seed: u64, seed2: u64): void {
  hashSeed = seed;
  hashSeed2 = seed2 | 1;
}

/** A seeded hash: two multiplications by a secret odd number per 8 bytes, so that chosen keys cannot be made to collide. */
export function hash(p: usize, n: usize): u32 {
  let h: u64 = hashSeed ^ (<u64>n * 0x9fb21c651e98df25);
  const k = hashSeed2;
  while (n > 8) {
    h = (h ^ load<u64>(p)) * k;
    h ^= h >> 32;
    h = rotl<u64>(h, 23) * 0x9fb21c651e98df25;
    p += 8;
    n -= 8;
  }
  let w: u64 = 0;
  if (n == 8) w = load<u64>(p);
  else if (n >= 4) w = <u64>load<u32>(p) | (<u64>load<u32>(p + n - 4) << 32);
  else if (n) w = <u64>load<u8>(p) | (<u64>load<u8>(p + (n >> 1)) << 8) | (<u64>load<u8>(p + n - 1) << 16);
  h = (h ^ w) * k;
  h ^= h >> 32;
  h *= 0x9fb21c651e98df25;
  h ^= h >> 29;
  return <u32>h;
}

/** A kept copy of bytes. */
export function blobNew(p: usize, n: usize): usize {
  const b = alloc(n + 4);
  store<u32>(b, <u32>n);
  copy(b + 4, p, n);
  return b;
}
export function tryBlobNew(p: usize, n: usize): usize {
  const b = tryAlloc(n + 4);
  if (!b) return 0;
  store<u32>(b, <u32>n);
  copy(b + 4, p, n);
  return b;
}
// @ts-ignore: decorator
@inline
export function blobLength(b: usize): u32 {
  return load<u32>(b);
}
// @ts-ignore: decorator
@inline
export function blobData(b: usize): usize {
  return b + 4;
}
export function blobFree(b: usize): void {
  free(b);
}

/**
 * Glob match with the language of Redis' stringmatchlen: * ? [a-z^] and backslash.
 *
 * Only the last star seen is ever gone back to (a later star can swallow whatever an earlier one would have), so time is at
 * most pattern times text and nothing recurses.
 */
export function globMatch(p: usize, pLength: usize, s: usize, sLength: usize, noCase: bool): bool {
  const pEnd = p + pLength;
  const sEnd = s + sLength;
  let stars = 0;
  let starP: usize = 0; // behind the last star
  let starS: usize = 0; // where the text goes on after what that star has swallowed so far
  while (s < sEnd) {
    if (p < pEnd && load<u8>(p) == 42) {
      while (p < pEnd && load<u8>(p) == 42) p++;
      if (p == pEnd) return true;
      if (++stars > GLOB_STARS_MAX) return false;
      starP = p;
      starS = s;
      continue;
    }
    if (p < pEnd && globOne(p, pEnd, load<u8>(s), noCase)) {
      p = globNext;
      s++;
      continue;
    }
    if (!starP) return false;
    p = starP;
    s = ++starS;
  }
  while (p < pEnd && load<u8>(p) == 42) p++;
  return p == pEnd;
}

/** A pattern with more stars matches nothing: Redis' own limit on nesting. */
const GLOB_STARS_MAX: i32 = 1000;
/** Behind the pattern element that globOne looked at. */
let globNext: usize = 0;

/** Whether the element at p (not a star) matches one byte. */
function globOne(p: usize, pEnd: usize, byte: u32, noCase: bool): bool {
  const pc: u32 = load<u8>(p);
  const ch = noCase ? lower(byte) : byte;
  if (pc == 63) {
    globNext = p + 1;
    return true;
  }
  if (pc != 91) {
    if (pc == 92 && pEnd - p >= 2) p++;
    globNext = p + 1;
    const a: u32 = noCase ? lower(load<u8>(p)) : load<u8>(p);
    return a == ch;
  }
  p++;
  const not = p < pEnd && load<u8>(p) == 94;
  if (not) p++;
  let match = false;
  // An unclosed bracket ends with the pattern.
  while (p < pEnd && load<u8>(p) != 93) {
    if (load<u8>(p) == 92 && pEnd - p >= 2) {
      p++;
      if (<u32>load<u8>(p) == byte) match = true;
    } else if (pEnd - p >= 3 && load<u8>(p + 1) == 45) {
      let start: u32 = load<u8>(p);
      let end: u32 = load<u8>(p + 2);
      if (start > end) {
        const t = start;
        start = end;
        end = t;
      }
      if (noCase) {
        start = lower(start);
        end = lower(end);
      }
      p += 2;
      if (ch >= start && ch <= end) match = true;
    } else {
      const one: u32 = noCase ? lower(load<u8>(p)) : load<u8>(p);
      if (one == ch) match = true;
    }
    p++;
  }
  globNext = p < pEnd ? p + 1 : p;
  return match != not;
}
