/**
 * Builder: a byte buffer that grows, for texts that are made piece by piece (statistics, file contents,
 * configuration values). The owner keeps the Builder; its block comes from `alloc` and goes back with `builderRelease`.
 *
 * `builderRoom` answers false when memory is short; the append functions then write nothing and set `failed`, so a
 * caller may append freely and look at `failed` once at the end.
 */
import { free, tryRealloc } from "./alloc";
import { copy, textCopy } from "./bytes";
import { formatI64 } from "./number";

@unmanaged
export class Builder {
  data: usize;
  length: u32;
  capacity: u32;
  failed: u32;
}

/** Makes room for `n` more bytes; false (and `failed`) when memory is short. */
export function builderRoom(b: Builder, n: u32): bool {
  if (b.capacity - b.length >= n) return true;
  if (<u64>b.length + <u64>n > 0xf0000000) {
    b.failed = 1;
    return false;
  }
  const need = b.length + n;
  let want = need < 1 << 20 ? need << 1 : need + (need >> 2);
  if (want < 256) want = 256;
  let p = tryRealloc(b.data, want);
  if (!p) {
    want = need;
    p = tryRealloc(b.data, want);
    if (!p) {
      b.failed = 1;
      return false;
    }
  }
  b.data = p;
  b.capacity = want;
  return true;
}

export function builderReset(b: Builder): void {
  b.length = 0;
  b.failed = 0;
}

/** Frees the block; the builder may be used again. */
export function builderRelease(b: Builder): void {
  free(b.data);
  b.data = 0;
  b.length = 0;
  b.capacity = 0;
  b.failed = 0;
}

export function putBytes(b: Builder, p: usize, n: u32): void {
  if (!builderRoom(b, n)) return;
  copy(b.data + b.length, p, n);
  b.length += n;
}

/** Appends an ASCII literal. */
export function putText(b: Builder, text: string): void {
  const n = <u32>text.length;
  if (!builderRoom(b, n + 8)) return;
  textCopy(b.data + b.length, text);
  b.length += n;
}

export function putByte(b: Builder, byte: u32): void {
  if (!builderRoom(b, 1)) return;
  store<u8>(b.data + b.length, <u8>byte);
  b.length++;
}

export function putInt(b: Builder, value: i64): void {
  if (!builderRoom(b, 24)) return;
  b.length += formatI64(b.data + b.length, value);
}

/** printf's %.<decimals>f for values below 2^53 / 10^decimals. */
export function putFixed(b: Builder, value: f64, decimals: i32): void {
  if (value != value) {
    putText(b, "nan");
    return;
  }
  if (value < 0) {
    putByte(b, 45);
    value = -value;
  }
  let scale: f64 = 1;
  for (let i = 0; i < decimals; i++) scale *= 10;
  const whole = <i64>nearest<f64>(value * scale);
  const unit = <i64>scale;
  putInt(b, whole / unit);
  if (!decimals) return;
  putByte(b, 46);
  const rest = whole % unit;
  let divisor = unit / 10;
  while (divisor) {
    putByte(b, <u32>(48 + ((rest / divisor) % 10)));
    divisor /= 10;
  }
}
