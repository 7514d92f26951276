/**
 * What AssemblyScript's own library would import from a JavaScript host, answered by system calls instead: `abort`, `trace`
 * and `seed` (the start value of Math.random). guests/lib/asconfig.json puts them in place (`--use`), so a guest imports
 * nothing but memory and the kernel. `abort` may run when the heap is exhausted or broken: it allocates nothing.
 */
import "./console";
import { sys_exit_group, sys_getrandom, sys_write } from "./sys";

/** The exit code of an aborted guest: what a shell shows for SIGABRT (128 + 6). */
const EXIT_ABORTED: i32 = 134;

const LINE_MAX: i32 = 1024;
const line: usize = memory.data(LINE_MAX);
let used: i32 = 0;

function putByte(byte: i32): void {
  if (used < LINE_MAX - 1) store<u8>(line + used++, byte);
}

function putText(text: string): void {
  // Three bytes of UTF-8 for one UTF-16 unit is the worst case; a longer message is cut.
  const units = min(text.length, (LINE_MAX - 1 - used) / 3);
  used += <i32>String.UTF8.encodeUnsafe(changetype<usize>(text), units, line + used);
}

function putNumber(value: u32): void {
  if (value >= 10) putNumber(value / 10);
  putByte(0x30 + (value % 10));
}

function flush(): void {
  putByte(0x0a);
  // Straight to the kernel: this thread is about to end, nobody needs its shadow stack any more.
  sys_write(2, line, used);
  used = 0;
}

/** Ends the guest: `abort: message at file:line:col` on stderr, exit code 134. `throw` and failed assertions come here. */
export function abort(message: string | null, fileName: string | null, lineNumber: u32, columnNumber: u32): void {
  used = 0;
  putText("abort: ");
  putText(message ? message : "aborted");
  if (fileName) {
    putText(" at ");
    putText(fileName);
    putByte(0x3a);
    putNumber(lineNumber);
    putByte(0x3a);
    putNumber(columnNumber);
  }
  flush();
  sys_exit_group(EXIT_ABORTED);
  unreachable();
}

/** AssemblyScript's `trace(message, n, a0…a4)`: a line on stderr. */
export function trace(
  message: string,
  n: i32 = 0,
  a0: f64 = 0,
  a1: f64 = 0,
  a2: f64 = 0,
  a3: f64 = 0,
  a4: f64 = 0,
): void {
  let text = "trace: " + message;
  if (n > 0) text += " " + a0.toString();
  if (n > 1) text += ", " + a1.toString();
  if (n > 2) text += ", " + a2.toString();
  if (n > 3) text += ", " + a3.toString();
  if (n > 4) text += ", " + a4.toString();
  used = 0;
  putText(text);
  flush();
}

/** Seeds Math.random from the entropy device. */
export function seed(): f64 {
  const cell = memory.data(8);
  if (sys_getrandom(cell, 8, 0) != 8) return 0;
  return <f64>(load<u64>(cell) >>> 12);
}
