/**
 * eventfd2(2).
 */
import { EINVAL } from "../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from "../abi/fcntl.ts";
import { EventFd } from "../fs/eventfd.ts";
import type { Kernel } from "../kernel.ts";

export const EFD_SEMAPHORE = 1;

/** eventfd2(2): a counter that starts at `initval` (unsigned). */
export function sys_eventfd2(k: Kernel, initval: number, flags: number): number {
  if (flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK)) return -EINVAL;
  const file = new EventFd(initval, (flags & EFD_SEMAPHORE) !== 0, O_RDWR | (flags & O_NONBLOCK));
  return k.fds.open(file, (flags & O_CLOEXEC) !== 0);
}
