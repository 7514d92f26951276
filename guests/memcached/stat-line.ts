/**
 * How a statistic gets to whoever asked: the protocol sets `statSink`, and every function here hands it one name and one value
 * as bytes. The text protocol makes "STAT name value" of them, the binary one a packet.
 */
import { copy, textCopy } from "../lib/raw/bytes";
import { formatI64, formatU64 } from "../lib/raw/number";

const name = memory.data(256, 16);
const value = memory.data(512, 16);
let nameLength: u32 = 0;

function nowhere(key: usize, nkey: u32, data: usize, ndata: u32): void {}

let sink: (key: usize, nkey: u32, data: usize, ndata: u32) => void = nowhere;

export function statSink(to: (key: usize, nkey: u32, data: usize, ndata: u32) => void): void {
  sink = to;
}

/** Begins a name; a value function ends it. */
export function statName(text: string): void {
  nameLength = <u32>textCopy(name, text);
}
/** Begins a name like "items:12:number". `prefix` may be empty: "12:chunk_size". */
export function statNameOf(prefix: string, index: u32, text: string): void {
  let n = textCopy(name, prefix);
  n += formatU64(name + n, index);
  store<u8>(name + n, 58);
  nameLength = <u32>(n + 1 + textCopy(name + n + 1, text));
}
/** Begins a name like "12:addr". */
export function statNameFd(fd: i32, text: string): void {
  statNameOf("", <u32>fd, text);
}
export function statNameInt(number: u32): void {
  nameLength = <u32>formatU64(name, number);
}

export function statBytes(p: usize, n: u32): void {
  sink(name, nameLength, p, n);
}
export function valueInt(v: i64): void {
  sink(name, nameLength, value, <u32>formatI64(value, v));
}
export function valueU64(v: u64): void {
  sink(name, nameLength, value, <u32>formatU64(value, v));
}
export function valueText(text: string): void {
  sink(name, nameLength, value, <u32>textCopy(value, text));
}

export function statInt(text: string, v: i64): void {
  statName(text);
  valueInt(v);
}
export function statU64(text: string, v: u64): void {
  statName(text);
  valueU64(v);
}
export function statText(text: string, v: string): void {
  statName(text);
  valueText(v);
}
export function statYes(text: string, v: bool): void {
  statText(text, v ? "yes" : "no");
}
/** printf's %.2f. */
export function statFixed2(text: string, v: f64): void {
  statName(text);
  const hundredths = <u64>nearest<f64>(v * 100);
  let n = formatU64(value, hundredths / 100);
  store<u8>(value + n, 46);
  store<u8>(value + n + 1, <u8>(48 + ((hundredths / 10) % 10)));
  store<u8>(value + n + 2, <u8>(48 + (hundredths % 10)));
  sink(name, nameLength, value, <u32>(n + 3));
}
export function statOctal(text: string, v: u32): void {
  statName(text);
  let n: u32 = 1;
  for (let rest = v >> 3; rest; rest >>= 3) n++;
  for (let i = n; i; v >>= 3) store<u8>(value + --i, <u8>(48 + (v & 7)));
  sink(name, nameLength, value, n);
}
/** One character. */
export function statByte(text: string, byte: u32): void {
  statName(text);
  store<u8>(value, <u8>byte);
  sink(name, nameLength, value, 1);
}
/** Bytes of a blob ([u32 length][bytes]), or what stands for none. */
export function statBlob(text: string, blob: usize, none: string): void {
  statName(text);
  if (!blob) {
    valueText(none);
    return;
  }
  const n = min<u32>(load<u32>(blob), 500);
  copy(value, blob + 4, n);
  sink(name, nameLength, value, n);
}
/** printf's %.6f of what is not negative. */
export function statFixed6(text: string, v: f64): void {
  statName(text);
  const millionths = <u64>nearest<f64>(v * 1000000);
  let n = formatU64(value, millionths / 1000000);
  store<u8>(value + n++, 46);
  for (let scale: u64 = 100000; scale; scale /= 10) store<u8>(value + n++, <u8>(48 + ((millionths / scale) % 10)));
  sink(name, nameLength, value, <u32>n);
}
