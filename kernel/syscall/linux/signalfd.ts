/**
 * signalfd(2).
 */
import { EBADF, EFAULT, EINVAL } from "../../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from "../../abi/fcntl.ts";
import { POLLIN } from "../../abi/poll.ts";
import { SIGSET_BYTES } from "../../abi/signal.ts";
import { SignalFd } from "../../fs/signalfd.ts";
import type { Process } from "../../process/process.ts";
import { SignalSet } from "../../process/signal-set.ts";
import type { Row } from "../row.ts";
import { linuxRow } from "./row.ts";

/** signalfd4(2): a new descriptor for the signals in `mask`, or, if `fd` is not -1, others for that one. */
export function sys_signalfd4(k: Process, fd: number, mask: number, sizemask: number, flags: number): number {
  if (flags & ~(O_CLOEXEC | O_NONBLOCK)) return -EINVAL;
  if (sizemask >>> 0 !== SIGSET_BYTES) return -EINVAL;
  if (!k.mem.has(mask >>> 0, SIGSET_BYTES)) return -EFAULT;
  const wanted = new SignalSet();
  wanted.read(k.mem, mask >>> 0);
  wanted.allowUnblockable();
  if (fd === -1) {
    const file = new SignalFd(k, wanted, O_RDWR | (flags & O_NONBLOCK));
    return k.fds.open(file, (flags & O_CLOEXEC) !== 0);
  }
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (!(file instanceof SignalFd)) return -EINVAL;
  file.wanted.set(wanted);
  file.waiters.wake(POLLIN); // what is pending may be wanted now
  return fd;
}

/** signalfd(2). */
export function sys_signalfd(k: Process, fd: number, mask: number, sizemask: number): number {
  return sys_signalfd4(k, fd, mask, sizemask, 0);
}

export const SIGNALFD_ROWS: readonly Row[] = [
  linuxRow(282, "signalfd", "fd:fd mask:ptr sizemask:i32", sys_signalfd),
  linuxRow(289, "signalfd4", "fd:fd mask:ptr sizemask:i32 flags:i32", sys_signalfd4),
];
