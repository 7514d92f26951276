/**
 * A path as Linux programs pass it: the address of a NUL-terminated string.
 */
import { EFAULT, ENAMETOOLONG } from "../../abi/errno.ts";
import { PATH_MAX } from "../../abi/fcntl.ts";
import { fromGuest } from "../../fs/byte-string.ts";
import type { Process } from "../../process/process.ts";

/** The string at `ptr` as a byte string; -EFAULT, or -ENAMETOOLONG if no NUL comes within PATH_MAX bytes. */
export function pathAt(k: Process, ptr: number): string | number {
  return stringAt(k, ptr, PATH_MAX, ENAMETOOLONG);
}

/** A string of less than `max` bytes; -`tooLong` beyond. */
export function stringAt(k: Process, ptr: number, max: number, tooLong: number): string | number {
  const start = ptr >>> 0;
  if (start === 0 || !k.mem.has(start, 1)) return -EFAULT;
  const { u8 } = k.mem;
  const end = u8.indexOf(0, start);
  if (end < 0) return u8.length - start < max ? -EFAULT : -tooLong;
  return end - start < max ? fromGuest(k.mem, start, end - start) : -tooLong;
}
