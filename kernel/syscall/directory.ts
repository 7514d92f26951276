/**
 * System calls on paths: what is made, removed, renamed, linked, looked at; and getdents64(2). The work is Vfs'; here arguments are checked.
 */
import { EBADF, EFAULT, EINVAL, ENOTDIR, ERANGE } from "../abi/errno.ts";
import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  O_PATH,
} from "../abi/fcntl.ts";
import { writeBytes } from "../fs/byte-string.ts";
import type { AttributeChange } from "../fs/inode.ts";
import type { Kernel } from "../kernel.ts";
import { accessAt, changeAt, readlinkAt, timesChange, writeStatAt, writeStatFsOf } from "./attributes.ts";
import { pathArgument } from "./path-argument.ts";

const TIMESPEC_BYTES = 16;

/** newfstatat(2). */
export function sys_fstatat(
  k: Kernel,
  dirfd: number,
  path: number,
  pathLength: number,
  statbuf: number,
  flags: number,
): number {
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) return -EINVAL;
  const name = pathArgument(k, path, pathLength);
  return typeof name === "number" ? name : writeStatAt(k, dirfd, name, flags, statbuf);
}

/** unlinkat(2). */
export function sys_unlinkat(k: Kernel, dirfd: number, path: number, pathLength: number, flags: number): number {
  if (flags & ~AT_REMOVEDIR) return -EINVAL;
  const name = pathArgument(k, path, pathLength);
  if (typeof name === "number") return name;
  return flags & AT_REMOVEDIR ? k.vfs.rmdir(k, dirfd, name) : k.vfs.unlink(k, dirfd, name);
}

/** mkdirat(2). */
export function sys_mkdirat(k: Kernel, dirfd: number, path: number, pathLength: number, mode: number): number {
  const name = pathArgument(k, path, pathLength);
  return typeof name === "number" ? name : k.vfs.mkdir(k, dirfd, name, mode);
}

/** renameat(2). */
export function sys_renameat(
  k: Kernel,
  olddirfd: number,
  oldPath: number,
  oldLength: number,
  newdirfd: number,
  newPath: number,
  newLength: number,
): number {
  const from = pathArgument(k, oldPath, oldLength);
  if (typeof from === "number") return from;
  const to = pathArgument(k, newPath, newLength);
  return typeof to === "number" ? to : k.vfs.rename(k, olddirfd, from, newdirfd, to);
}

/** linkat(2). */
export function sys_linkat(
  k: Kernel,
  olddirfd: number,
  oldPath: number,
  oldLength: number,
  newdirfd: number,
  newPath: number,
  newLength: number,
  flags: number,
): number {
  if (flags & ~AT_SYMLINK_FOLLOW) return -EINVAL;
  const from = pathArgument(k, oldPath, oldLength);
  if (typeof from === "number") return from;
  const to = pathArgument(k, newPath, newLength);
  if (typeof to === "number") return to;
  return k.vfs.link(k, olddirfd, from, newdirfd, to, flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW);
}

/** symlinkat(2). */
export function sys_symlinkat(
  k: Kernel,
  target: number,
  targetLength: number,
  newdirfd: number,
  path: number,
  pathLength: number,
): number {
  const contents = pathArgument(k, target, targetLength);
  if (typeof contents === "number") return contents;
  const name = pathArgument(k, path, pathLength);
  return typeof name === "number" ? name : k.vfs.symlink(k, contents, newdirfd, name);
}

/** readlinkat(2): the bytes placed in `buf`, without a NUL. */
export function sys_readlinkat(
  k: Kernel,
  dirfd: number,
  path: number,
  pathLength: number,
  buf: number,
  bufsiz: number,
): number {
  const name = pathArgument(k, path, pathLength);
  return typeof name === "number" ? name : readlinkAt(k, dirfd, name, buf, bufsiz);
}

/** faccessat(2), as root. */
export function sys_faccessat(
  k: Kernel,
  dirfd: number,
  path: number,
  pathLength: number,
  mode: number,
  flags: number,
): number {
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EACCESS | AT_EMPTY_PATH)) return -EINVAL;
  const name = pathArgument(k, path, pathLength);
  return typeof name === "number" ? name : accessAt(k, dirfd, name, mode, flags);
}

/** fchmodat(2). */
export function sys_fchmodat(k: Kernel, dirfd: number, path: number, pathLength: number, mode: number): number {
  const name = pathArgument(k, path, pathLength);
  return typeof name === "number" ? name : changeAt(k, dirfd, name, 0, { mode: mode & 0o7777 });
}

/** utimensat(2); a null path means the descriptor itself. */
export function sys_utimensat(
  k: Kernel,
  dirfd: number,
  path: number,
  pathLength: number,
  times: number,
  flags: number,
): number {
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
  const change = timesArgument(k, times >>> 0);
  if (typeof change === "number") return change;
  if (pathLength === 0 && path === 0) return changeAt(k, dirfd, "", AT_EMPTY_PATH, change);
  const name = pathArgument(k, path, pathLength);
  return typeof name === "number" ? name : changeAt(k, dirfd, name, flags, change);
}

/** getdents64(2). */
export function sys_getdents64(k: Kernel, fd: number, dirp: number, count: number): number {
  const file = k.fds.get(fd);
  if (!file || (file.flags & O_PATH) !== 0) return -EBADF;
  if (!file.directory) return -ENOTDIR;
  const length = count >>> 0;
  return k.mem.has(dirp >>> 0, length) ? file.directory.getdents(k, dirp >>> 0, length) : -EFAULT;
}

/** statfs(2). */
export function sys_statfs(k: Kernel, path: number, pathLength: number, buf: number): number {
  const name = pathArgument(k, path, pathLength);
  if (typeof name === "number") return name;
  const place = k.vfs.resolve(k, AT_FDCWD, name, true);
  return typeof place === "number" ? place : writeStatFsOf(k, place, buf);
}

/** chdir(2). */
export function sys_chdir(k: Kernel, path: number, pathLength: number): number {
  const name = pathArgument(k, path, pathLength);
  return typeof name === "number" ? name : k.vfs.chdir(k, name);
}

/** getcwd(2), but without a NUL: the length of the path. */
export function sys_getcwd(k: Kernel, buf: number, size: number): number {
  if (size <= 0) return -EINVAL;
  const path = k.vfs.getcwd(k);
  if (typeof path === "number") return path;
  if (path.length > size) return -ERANGE;
  if (!k.mem.has(buf >>> 0, path.length)) return -EFAULT;
  return writeBytes(k.mem.u8, buf >>> 0, path);
}

/** Two `struct timespec`, or 0 for "now, both". */
export function timesArgument(k: Kernel, ptr: number): AttributeChange | number {
  if (ptr === 0) return timesChange(k, null);
  const { mem } = k;
  if (!mem.has(ptr, 2 * TIMESPEC_BYTES)) return -EFAULT;
  return timesChange(k, {
    atime: { sec: mem.getI64(ptr), nsec: mem.getI64(ptr + 8) },
    mtime: { sec: mem.getI64(ptr + TIMESPEC_BYTES), nsec: mem.getI64(ptr + TIMESPEC_BYTES + 8) },
  });
}
