/**
 * The guest as a process: arguments, environment, exit, clocks, random bytes, and text on the console. For every style.
 */
import "./abort";
import { getrandom, write } from "./calls";
import {
  sys_arg_copy,
  sys_arg_count,
  sys_arg_length,
  sys_clock_ms,
  sys_env_copy,
  sys_env_count,
  sys_env_length,
  sys_exit_group,
  sys_getpid,
  sys_memory_limit,
  sys_uname,
} from "./sys";

export const STDIN: i32 = 0;
export const STDOUT: i32 = 1;
export const STDERR: i32 = 2;

/** The arguments; args()[0] is the image's name. */
export function args(): string[] {
  const count = sys_arg_count();
  const list = new Array<string>();
  for (let i = 0; i < count; i++) {
    const bytes = new ArrayBuffer(sys_arg_length(i));
    sys_arg_copy(i, changetype<usize>(bytes), bytes.byteLength);
    list.push(String.UTF8.decode(bytes));
  }
  return list;
}

/** The environment as "NAME=value" strings. */
export function environment(): string[] {
  const count = sys_env_count();
  const list = new Array<string>();
  for (let i = 0; i < count; i++) {
    const bytes = new ArrayBuffer(sys_env_length(i));
    sys_env_copy(i, changetype<usize>(bytes), bytes.byteLength);
    list.push(String.UTF8.decode(bytes));
  }
  return list;
}

/** The value of an environment variable, or null if it is not set. */
export function env(name: string): string | null {
  const prefix = name + "=";
  const list = environment();
  for (let i = 0; i < list.length; i++) if (list[i].startsWith(prefix)) return list[i].substring(prefix.length);
  return null;
}

/** Ends the guest, all its threads included. Does not return. */
export function exit(code: i32): void {
  sys_exit_group(code);
  unreachable();
}

/** Milliseconds since 1970 with a fraction. */
export function now(): f64 {
  return sys_clock_ms(0);
}

/** Milliseconds since the machine booted with a fraction; never goes back. */
export function uptime(): f64 {
  return sys_clock_ms(1);
}

/** `ms` since 1970 as ISO 8601 in UTC: `2026-11-21T08:00:00.000Z`. */
export function isoTime(ms: f64): string {
  return new Date(<i64>ms).toISOString();
}

/** Fills the array from the entropy device; 0 or a negated errno. */
export function randomBytes(into: Uint8Array): i32 {
  let done = 0;
  while (done < into.length) {
    // getrandom(2) may give less than asked for when more than 256 bytes are wanted.
    const n = getrandom(into.dataStart + done, into.length - done, 0);
    if (n < 0) return n;
    done += n;
  }
  return 0;
}

export function pid(): i32 {
  return sys_getpid();
}

/** The machine's name: `nodename` of uname(2), or "" if the kernel gives none. */
export function hostname(): string {
  const field = 65; // each of the six strings of `struct utsname`
  const names = new StaticArray<u8>(6 * field);
  if (sys_uname(changetype<usize>(names)) < 0) return "";
  return String.UTF8.decodeUnsafe(changetype<usize>(names) + field, field, true);
}

/** Bytes of RAM that the machine may use, and that its linear memory has now. */
export function memoryLimit(): f64 {
  return sys_memory_limit();
}
export function memoryUsed(): f64 {
  return <f64>memory.size() * 65536;
}

/** Writes all bytes to a descriptor; 0 or a negated errno. */
export function writeFully(fd: i32, ptr: usize, length: i32): i32 {
  while (length > 0) {
    const n = write(fd, ptr, length);
    if (n < 0) return n;
    ptr += n;
    length -= n;
  }
  return 0;
}

/** Writes a text to a descriptor as UTF-8; 0 or a negated errno. */
export function writeText(fd: i32, text: string): i32 {
  const bytes = String.UTF8.encode(text);
  return writeFully(fd, changetype<usize>(bytes), bytes.byteLength);
}

/** Text to standard output, as it is or with a line end; 0 or a negated errno. */
export function print(text: string): i32 {
  return writeText(STDOUT, text);
}
export function println(text: string = ""): i32 {
  return writeText(STDOUT, text + "\n");
}

/** Text to standard error, as it is or with a line end; 0 or a negated errno. */
export function eprint(text: string): i32 {
  return writeText(STDERR, text);
}
export function eprintln(text: string = ""): i32 {
  return writeText(STDERR, text + "\n");
}
