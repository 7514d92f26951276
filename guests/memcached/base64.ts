/** Base64 as the meta commands have it: with padding; what is no character of the alphabet is passed over when it is read. */

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const values = memory.data(256);
const NONE: u32 = 0x80;
let filled = false;

function fill(): void {
  memory.fill(values, <u8>NONE, 256);
  for (let i: usize = 0; i < 64; i++) store<u8>(values + load<u16>(changetype<usize>(alphabet) + (i << 1)), <u8>i);
  store<u8>(values + 61, 0); // "="
  filled = true;
}

// @ts-ignore: decorator
@inline
function digit(v: u32): u8 {
  return load<u8>(changetype<usize>(alphabet) + (<usize>(v & 63) << 1));
}

/** Writes `n` bytes in base64 at `dst`; how many characters. */
export function base64Encode(dst: usize, p: usize, n: u32): u32 {
  const start = dst;
  for (; n >= 3; n -= 3, p += 3, dst += 4) {
    const v = (<u32>load<u8>(p) << 16) | (<u32>load<u8>(p + 1) << 8) | <u32>load<u8>(p + 2);
    store<u8>(dst, digit(v >> 18));
    store<u8>(dst + 1, digit(v >> 12));
    store<u8>(dst + 2, digit(v >> 6));
    store<u8>(dst + 3, digit(v));
  }
  if (n) {
    const v = (<u32>load<u8>(p) << 16) | (n == 2 ? <u32>load<u8>(p + 1) << 8 : 0);
    store<u8>(dst, digit(v >> 18));
    store<u8>(dst + 1, digit(v >> 12));
    store<u8>(dst + 2, n == 2 ? digit(v >> 6) : 61);
    store<u8>(dst + 3, 61);
    dst += 4;
  }
  return <u32>(dst - start);
}

/** Writes what base64 stands for at `dst`, at most three bytes for four characters; how many, 0 when it is none. */
export function base64Decode(dst: usize, p: usize, n: u32): u32 {
  if (!filled) fill();
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) if (load<u8>(values + load<u8>(p + i)) != NONE) count++;
  if (!count || count & 3) return 0;
  const start = dst;
  let v: u32 = 0;
  let padding = 0;
  count = 0;
  for (let i: u32 = 0; i < n; i++) {
    const ch: u32 = load<u8>(p + i);
    const value: u32 = load<u8>(values + ch);
    if (value == NONE) continue;
    if (ch == 61) padding++;
    v = (v << 6) | value;
    if (++count & 3) continue;
    store<u8>(dst, <u8>(v >> 16));
    store<u8>(dst + 1, <u8>(v >> 8));
    store<u8>(dst + 2, <u8>v);
    if (padding) return padding > 2 ? 0 : <u32>(dst + 3 - padding - start);
    dst += 3;
    v = 0;
  }
  return <u32>(dst - start);
}
