/** Lines to standard error and output, as memcached writes them at boot and with -v. Not for a request's path. */
import { textCopy } from "../lib/raw/bytes";
import { formatI64 } from "../lib/raw/number";
import { sys_write } from "../lib/sys";

const line = memory.data(2048, 16);
const LINE_MAX: u32 = 2000;
let length: u32 = 0;

export function sayText(text: string): void {
  if (length + text.length <= LINE_MAX) length += textCopy(line + length, text);
}
export function sayBytes(p: usize, n: u32): void {
  n = min(n, LINE_MAX - length);
  memory.copy(line + length, p, n);
  length += n;
}
export function sayInt(v: i64): void {
  if (length + 24 <= LINE_MAX) length += formatI64(line + length, v);
}
/** A number with spaces in front, `width` characters at least. */
export function sayPadded(v: i64, width: u32): void {
  const at = length;
  sayInt(v);
  const n = length - at;
  if (n >= width || at + width > LINE_MAX) return;
  memory.copy(line + at + (width - n), line + at, n);
  memory.fill(line + at, 32, width - n);
  length = at + width;
}
/** Ends the line and writes it to a descriptor (1 or 2). */
export function sayEnd(fd: i32): void {
  store<u8>(line + length, 10);
  sys_write(fd, line, length + 1);
  length = 0;
}
/** A whole line to standard error. */
export function say(text: string): void {
  sayText(text);
  sayEnd(2);
}
