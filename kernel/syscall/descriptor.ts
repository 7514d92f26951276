/**
 * System calls on descriptors themselves: dup(2), dup3(2), fcntl(2), ioctl(2).
 */
import { EBADF, EFAULT, EINVAL } from "../abi/errno.ts";
import {
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_GETPIPE_SZ,
  F_SETFD,
  F_SETFL,
  F_SETPIPE_SZ,
  FD_CLOEXEC,
  O_APPEND,
  O_CLOEXEC,
  O_DIRECT,
  O_NOATIME,
  O_NONBLOCK,
  O_PATH,
} from "../abi/fcntl.ts";
import { FIOCLEX, FIONBIO, FIONCLEX } from "../abi/ioctl.ts";
import { PipeEnd } from "../fs/pipe.ts";
import type { Kernel } from "../kernel.ts";

/** What F_SETFL may change (fcntl(2)). */
const SETTABLE_FLAGS = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;

/** dup(2). */
export function sys_dup(k: Kernel, oldfd: number): number {
  return k.fds.dup(oldfd);
}

/** dup3(2). */
export function sys_dup3(k: Kernel, oldfd: number, newfd: number, flags: number): number {
  if (flags & ~O_CLOEXEC) return -EINVAL;
  return k.fds.dup3(k, oldfd, newfd, (flags & O_CLOEXEC) !== 0);
}

/** fcntl(2): descriptors, status flags, pipe sizes. */
export function sys_fcntl(k: Kernel, fd: number, cmd: number, arg: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  switch (cmd) {
    case F_DUPFD:
      return k.fds.dup(fd, arg);
    case F_DUPFD_CLOEXEC:
      return k.fds.dup(fd, arg, true);
    case F_GETFD:
      return k.fds.isCloexec(fd) ? FD_CLOEXEC : 0;
    case F_SETFD:
      k.fds.setCloexec(fd, (arg & FD_CLOEXEC) !== 0);
      return 0;
    case F_GETFL:
      return file.flags;
    case F_SETFL:
      if ((file.flags & O_PATH) !== 0) return -EBADF;
      file.flags = (file.flags & ~SETTABLE_FLAGS) | (arg & SETTABLE_FLAGS);
      return 0;
    case F_GETPIPE_SZ:
      return file instanceof PipeEnd ? file.pipe.capacity : -EBADF;
    case F_SETPIPE_SZ:
      return file instanceof PipeEnd ? file.pipe.setCapacity(arg) : -EBADF;
    default:
      return -EINVAL;
  }
}

/** ioctl(2): FIONBIO, FIOCLEX and FIONCLEX for every file; the rest is the file's own. */
export function sys_ioctl(k: Kernel, fd: number, request: number, arg: number): number {
  const file = k.fds.get(fd);
  if (!file || (file.flags & O_PATH) !== 0) return -EBADF;
  const ptr = arg >>> 0;
  switch (request) {
    case FIOCLEX:
    case FIONCLEX:
      k.fds.setCloexec(fd, request === FIOCLEX);
      return 0;
    case FIONBIO:
      if (!k.mem.has(ptr, 4)) return -EFAULT;
      if (k.mem.getI32(ptr) !== 0) file.flags |= O_NONBLOCK;
      else file.flags &= ~O_NONBLOCK;
      return 0;
    default:
      return file.ioctl(k, request, ptr);
  }
}
