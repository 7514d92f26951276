/**
 * System calls on paths: what is made, removed, renamed, linked, looked at; and getdents64(2). The work is Vfs'; here arguments are checked.
 */
import { EACCES, EBADF, EFAULT, EINVAL, ENOENT, ENOTDIR, ERANGE, EROFS } from "../abi/errno.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  O_PATH,
  R_OK,
  S_IFDIR,
  S_IFMT,
  W_OK,
  X_OK,
} from "../abi/fcntl.ts";
import { emptyStat, STAT_BYTES, STATFS_BYTES, writeStat, writeStatFs } from "../abi/stat.ts";
import { writeBytes } from "../fs/byte-string.ts";
import type { AttributeChange, Inode } from "../fs/inode.ts";
import type { Kernel } from "../kernel.ts";
import { pathArgument } from "./path-argument.ts";

const AT_NO_AUTOMOUNT = 0x800;
const AT_EACCESS = 0x200;
/** tv_nsec of utimensat(2). */
const UTIME_NOW = 0x3fffffff;
const UTIME_OMIT = 0x3ffffffe;
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
  if (typeof name === "number") return name;
  const stat = emptyStat();
  const file = name === "" && flags & AT_EMPTY_PATH ? k.fds.get(dirfd) : null;
  let result: number;
  if (file) result = file.stat(k, stat);
  else if (name === "" && flags & AT_EMPTY_PATH) {
    if (dirfd !== AT_FDCWD) return -EBADF;
    result = k.fs.cwd.inode.stat(k, stat);
  } else result = k.vfs.stat(k, dirfd, name, (flags & AT_SYMLINK_NOFOLLOW) === 0, stat);
  if (result !== 0) return result;
  if (!k.mem.has(statbuf >>> 0, STAT_BYTES)) return -EFAULT;
  writeStat(k.mem, statbuf >>> 0, stat);
  return 0;
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
  return k.vfs.link(k, olddirfd, from, newdirfd, to, (flags & AT_SYMLINK_FOLLOW) !== 0);
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
  if (bufsiz <= 0) return -EINVAL;
  const name = pathArgument(k, path, pathLength);
  if (typeof name === "number") return name;
  const target = k.vfs.readlink(k, dirfd, name);
  if (typeof target === "number") return target;
  const contents = target.slice(0, bufsiz);
  if (!k.mem.has(buf >>> 0, contents.length)) return -EFAULT;
  return writeBytes(k.mem.u8, buf >>> 0, contents);
}

/**
 * faccessat(2), as root: everything may be read and written, except on a read-only mount; a file may be executed if anybody may, a
 * directory always may be searched.
 */
export function sys_faccessat(
  k: Kernel,
  dirfd: number,
  path: number,
  pathLength: number,
  mode: number,
  flags: number,
): number {
  if (mode & ~(R_OK | W_OK | X_OK)) return -EINVAL;
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EACCESS | AT_EMPTY_PATH)) return -EINVAL;
  const name = pathArgument(k, path, pathLength);
  if (typeof name === "number") return name;
  const place =
    name === "" && flags & AT_EMPTY_PATH
      ? k.vfs.placeOf(k, dirfd)
      : k.vfs.resolve(k, dirfd, name, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  if (typeof place === "number") return place;
  const { kind } = place.inode;
  if (mode & W_OK && place.mount.readOnly && (kind === "regular" || kind === "directory")) return -EROFS;
  if (mode & X_OK) {
    const stat = emptyStat();
    const result = place.inode.stat(k, stat);
    if (result !== 0) return result;
    if ((stat.mode & S_IFMT) !== S_IFDIR && (stat.mode & 0o111) === 0) return -EACCES;
  }
  return 0;
}

/** fchmodat(2). */
export function sys_fchmodat(k: Kernel, dirfd: number, path: number, pathLength: number, mode: number): number {
  const name = pathArgument(k, path, pathLength);
  if (typeof name === "number") return name;
  const place = k.vfs.resolve(k, dirfd, name, true);
  return typeof place === "number" ? place : k.vfs.setAttributes(k, place, { mode: mode & 0o7777 });
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
  if (pathLength === 0 && (path === 0 || flags & AT_EMPTY_PATH)) {
    const inode = inodeOf(k, dirfd);
    if (typeof inode === "number") return inode;
    return inode.fs.readOnly ? -EROFS : isEmpty(change) ? 0 : inode.setAttributes(k, change);
  }
  const name = pathArgument(k, path, pathLength);
  if (typeof name === "number") return name;
  const place = k.vfs.resolve(k, dirfd, name, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  if (typeof place === "number") return place;
  return isEmpty(change) ? 0 : k.vfs.setAttributes(k, place, change);
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
  if (typeof place === "number") return place;
  const out = { type: 0, bsize: 0, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: 0, flags: 0 };
  const result = k.vfs.statfs(k, place, out);
  if (result !== 0) return result;
  if (!k.mem.has(buf >>> 0, STATFS_BYTES)) return -EFAULT;
  writeStatFs(k.mem, buf >>> 0, out);
  return 0;
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

/** The inode behind a descriptor, for the calls that change its attributes. */
function inodeOf(k: Kernel, fd: number): Inode | number {
  if (fd === AT_FDCWD) return k.fs.cwd.inode;
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if ("inode" in file) return file.inode as Inode;
  const place = k.vfs.placeOf(k, fd);
  return typeof place === "number" ? -ENOENT : place.inode;
}

function isEmpty(change: AttributeChange): boolean {
  return change.atimeSec === undefined && change.mtimeSec === undefined;
}

/** Two `struct timespec`, or 0 for "now, both". */
function timesArgument(k: Kernel, ptr: number): AttributeChange | number {
  const ms = k.clock.realtimeMs();
  const nowSec = Math.floor(ms / 1000);
  const nowNsec = Math.floor((ms - nowSec * 1000) * 1e6);
  if (ptr === 0) return { atimeSec: nowSec, atimeNsec: nowNsec, mtimeSec: nowSec, mtimeNsec: nowNsec };
  if (!k.mem.has(ptr, 2 * TIMESPEC_BYTES)) return -EFAULT;
  const change: AttributeChange = {};
  for (const which of ["atime", "mtime"] as const) {
    const at = which === "atime" ? ptr : ptr + TIMESPEC_BYTES;
    const nsec = k.mem.getI64(at + 8);
    if (nsec === UTIME_OMIT) continue;
    if (nsec !== UTIME_NOW && (nsec < 0 || nsec > 999_999_999)) return -EINVAL;
    change[`${which}Sec`] = nsec === UTIME_NOW ? nowSec : k.mem.getI64(at);
    change[`${which}Nsec`] = nsec === UTIME_NOW ? nowNsec : nsec;
  }
  return change;
}
