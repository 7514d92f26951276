/**
 * A path that a guest passes as (address, length), for every call that takes one.
 */
import { EFAULT, EINVAL, ENAMETOOLONG } from "../abi/errno.ts";
import { PATH_MAX } from "../abi/fcntl.ts";
import { fromGuest } from "../fs/byte-string.ts";
import type { Kernel } from "../kernel.ts";

/** The path as a byte string; -EFAULT, -ENAMETOOLONG, or -EINVAL for a negative length or a NUL inside (no Linux path has one). */
export function pathArgument(k: Kernel, path: number, length: number): string | number {
  if (length < 0) return -EINVAL;
  const ptr = path >>> 0;
  if (!k.mem.has(ptr, Math.min(length, PATH_MAX))) return -EFAULT;
  if (length >= PATH_MAX) return -ENAMETOOLONG;
  const text = fromGuest(k.mem, ptr, length);
  return text.includes("\0") ? -EINVAL : text;
}
