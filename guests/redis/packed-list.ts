/**
 * Reader of Redis' two packed list formats, as they appear inside RDB payloads: ziplist (before 7.0) and listpack.
 *
 * The bytes come from a client and are believed in nothing: every step is checked against the end. An integer element is
 * printed into a buffer that the next integer overwrites.
 *
 * Use: `if (!packedBegin(p, n, listpack)) bad; while (packedNext()) use packedPtr, packedLength; if (packedBad) bad;`
 */
import { formatI64 } from "../lib/raw/number";

export let packedPtr: usize = 0;
export let packedLength: u32 = 0;
/** Whether the last packedNext stopped because the bytes make no sense. */
export let packedBad: bool = false;

const printed = memory.data(64, 8);
let printedAt: usize = 0;
let at: usize = 0;
let end: usize = 0;
let listpackFormat: bool = false;

/** Starts reading; false if the header is not one. */
export function packedBegin(p: usize, n: u32, listpack: bool): bool {
  listpackFormat = listpack;
  packedBad = false;
  const header: u32 = listpack ? 6 : 10;
  if (n < header + 1 || load<u32>(p) != n || load<u8>(p + n - 1) != 0xff) return false;
  at = p + header;
  end = p + n - 1;
  return true;
}

/** The next element; false at the end or when the bytes are bad. */
export function packedNext(): bool {
  if (at == end) return false;
  const good = listpackFormat ? listpackEntry() : ziplistEntry();
  if (!good) packedBad = true;
  return good;
}

// @ts-ignore: decorator
@inline
function have(n: usize): bool {
  return end - at >= n;
}

function integer(value: i64): void {
  // Two buffers in turn: a pair's first half survives the reading of its second.
  printedAt ^= 32;
  packedPtr = printed + printedAt;
  packedLength = formatI64(packedPtr, value);
}

function text(header: u32, length: u32): bool {
  if (!have(<usize>header) || end - at - header < <usize>length) return false;
  packedPtr = at + header;
  packedLength = length;
  at += <usize>header + length;
  return true;
}

/** A little-endian signed integer of `bytes` bytes at `p`. */
function signed(p: usize, bytes: u32): i64 {
  let value: u64 = 0;
  for (let i: u32 = 0; i < bytes; i++) value |= <u64>load<u8>(p + i) << (i << 3);
  const shift = 64 - (<u64>bytes << 3);
  return <i64>(value << shift) >> shift;
}

function listpackEntry(): bool {
  const start = at;
  const first = <u32>load<u8>(at);
  if (first < 0x80) {
    integer(first);
    at += 1;
  } else if (first < 0xc0) {
    if (!text(1, first & 0x3f)) return false;
  } else if (first < 0xe0) {
    if (!have(2)) return false;
    integer(<i64>(<i32>((((first & 0x1f) << 8) | <u32>load<u8>(at, 1)) << 19) >> 19));
    at += 2;
  } else if (first < 0xf0) {
    if (!have(2) || !text(2, ((first & 0x0f) << 8) | <u32>load<u8>(at, 1))) return false;
  } else if (first == 0xf0) {
    if (!have(5) || !text(5, load<u32>(at, 1))) return false;
  } else if (first <= 0xf4) {
    const bytes: u32 = first == 0xf4 ? 8 : first - 0xef;
    if (!have(1 + bytes)) return false;
    integer(signed(at + 1, bytes));
    at += 1 + bytes;
  } else return false;
  // The element's length again, 7 bits a byte, for walking backwards: skipped.
  const size = <u32>(at - start);
  const back: usize = size < 128 ? 1 : size < 16383 ? 2 : size < 2097151 ? 3 : size < 268435455 ? 4 : 5;
  if (!have(back)) return false;
  at += back;
  return true;
}

function ziplistEntry(): bool {
  // The previous element's length comes first.
  const previous: usize = load<u8>(at) < 254 ? 1 : 5;
  if (!have(previous + 1)) return false;
  at += previous;
  const first = <u32>load<u8>(at);
  const kind = first >> 6;
  if (kind == 0) return text(1, first & 0x3f);
  if (kind == 1) return have(2) && text(2, ((first & 0x3f) << 8) | <u32>load<u8>(at, 1));
  if (kind == 2) return have(5) && text(5, bswap<u32>(load<u32>(at, 1)));
  let bytes: u32;
  if (first == 0xc0) bytes = 2;
  else if (first == 0xd0) bytes = 4;
  else if (first == 0xe0) bytes = 8;
  else if (first == 0xf0) bytes = 3;
  else if (first == 0xfe) bytes = 1;
  else if (first >= 0xf1 && first <= 0xfd) {
    integer(<i64>(first & 0x0f) - 1);
    at += 1;
    return true;
  } else return false;
  if (!have(1 + bytes)) return false;
  integer(signed(at + 1, bytes));
  at += 1 + bytes;
  return true;
}
