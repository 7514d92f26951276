/**
 * How a socket's ioctl(2) stores its int.
 */
import { EFAULT } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";

export function writeIntResult(k: Kernel, arg: number, value: number): number {
  const ptr = arg >>> 0;
  if (!k.mem.has(ptr, 4)) return -EFAULT;
  k.mem.setU32(ptr, value);
  return 0;
}
