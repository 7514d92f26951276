/**
 * System calls on paths, as Linux programs make them: NUL-terminated strings, and the calls without `at` beside those with it. The work is
 * Vfs'; the checks are those of the native personality.
 */
import { EBADF, EFAULT, EINVAL, EMFILE, ENOTDIR, ERANGE } from "../../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CLOEXEC } from "../../abi/fcntl.ts";
import { emptyStat, STAT_BYTES, writeStat } from "../../abi/stat.ts";
import { writeBytes } from "../../fs/byte-string.ts";
import { DirectoryFile } from "../../fs/directory-file.ts";
import { FD_MAX } from "../../fs/fd-table.ts";
import type { Process } from "../../process/process.ts";
import type { Row } from "../row.ts";
import { pathAt } from "./path-argument.ts";
import { BLOCKS, linuxRow, RESTARTS } from "./row.ts";

/** openat(2). */
export function sys_openat(k: Process, dirfd: number, pathname: number, flags: number, mode: number): number {
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  if (k.fds.count >= FD_MAX) return -EMFILE;
  const file = k.vfs.open(k, dirfd, path, flags & ~O_CLOEXEC, mode);
  return typeof file === "number" ? file : k.fds.open(file, (flags & O_CLOEXEC) !== 0);
}

/** open(2). */
export function sys_open(k: Process, pathname: number, flags: number, mode: number): number {
  return sys_openat(k, AT_FDCWD, pathname, flags, mode);
}

/** stat(2). */
export function sys_stat(k: Process, pathname: number, statbuf: number): number {
  return statPath(k, AT_FDCWD, pathname, statbuf, true);
}

/** lstat(2). */
export function sys_lstat(k: Process, pathname: number, statbuf: number): number {
  return statPath(k, AT_FDCWD, pathname, statbuf, false);
}

function statPath(k: Process, dirfd: number, pathname: number, statbuf: number, follow: boolean): number {
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  const stat = emptyStat();
  const result = k.vfs.stat(k, dirfd, path, follow, stat);
  if (result !== 0) return result;
  if (!k.mem.has(statbuf >>> 0, STAT_BYTES)) return -EFAULT;
  writeStat(k.mem, statbuf >>> 0, stat);
  return 0;
}

/** getcwd(2): the length, with the NUL. */
export function sys_getcwd(k: Process, buf: number, size: number): number {
  const path = k.vfs.getcwd(k);
  if (typeof path === "number") return path;
  if (path.length + 1 > size >>> 0) return -ERANGE;
  const ptr = buf >>> 0;
  if (!k.mem.has(ptr, path.length + 1)) return -EFAULT;
  writeBytes(k.mem.u8, ptr, path);
  k.mem.u8[ptr + path.length] = 0;
  return path.length + 1;
}

/** chdir(2). */
export function sys_chdir(k: Process, pathname: number): number {
  const path = pathAt(k, pathname);
  return typeof path === "number" ? path : k.vfs.chdir(k, path);
}

/** fchdir(2). */
export function sys_fchdir(k: Process, fd: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (!(file instanceof DirectoryFile)) return -ENOTDIR;
  k.fs.setCwd(k, file.place);
  return 0;
}

/** unlinkat(2). */
export function sys_unlinkat(k: Process, dirfd: number, pathname: number, flags: number): number {
  if (flags & ~AT_REMOVEDIR) return -EINVAL;
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  return flags & AT_REMOVEDIR ? k.vfs.rmdir(k, dirfd, path) : k.vfs.unlink(k, dirfd, path);
}

/** unlink(2). */
export function sys_unlink(k: Process, pathname: number): number {
  return sys_unlinkat(k, AT_FDCWD, pathname, 0);
}

/** rmdir(2). */
export function sys_rmdir(k: Process, pathname: number): number {
  return sys_unlinkat(k, AT_FDCWD, pathname, AT_REMOVEDIR);
}

/** mkdirat(2). */
export function sys_mkdirat(k: Process, dirfd: number, pathname: number, mode: number): number {
  const path = pathAt(k, pathname);
  return typeof path === "number" ? path : k.vfs.mkdir(k, dirfd, path, mode);
}

/** mkdir(2). */
export function sys_mkdir(k: Process, pathname: number, mode: number): number {
  return sys_mkdirat(k, AT_FDCWD, pathname, mode);
}

/** renameat(2). */
export function sys_renameat(k: Process, olddirfd: number, oldpath: number, newdirfd: number, newpath: number): number {
  const from = pathAt(k, oldpath);
  if (typeof from === "number") return from;
  const to = pathAt(k, newpath);
  return typeof to === "number" ? to : k.vfs.rename(k, olddirfd, from, newdirfd, to);
}

/** rename(2). */
export function sys_rename(k: Process, oldpath: number, newpath: number): number {
  return sys_renameat(k, AT_FDCWD, oldpath, AT_FDCWD, newpath);
}

/** umask(2). */
export function sys_umask(k: Process, mask: number): number {
  const before = k.fs.umask;
  k.fs.umask = mask & 0o777;
  return before;
}

export const PATH_ROWS: readonly Row[] = [
  linuxRow(2, "open", "pathname:path flags:i32 mode:i32", sys_open, RESTARTS),
  linuxRow(4, "stat", "pathname:path statbuf:ptr", sys_stat, BLOCKS),
  linuxRow(6, "lstat", "pathname:path statbuf:ptr", sys_lstat, BLOCKS),
  linuxRow(79, "getcwd", "buf:ptr size:i32", sys_getcwd),
  linuxRow(80, "chdir", "path:path", sys_chdir, BLOCKS),
  linuxRow(81, "fchdir", "fd:fd", sys_fchdir),
  linuxRow(82, "rename", "oldpath:path newpath:path", sys_rename, BLOCKS),
  linuxRow(83, "mkdir", "pathname:path mode:i32", sys_mkdir, BLOCKS),
  linuxRow(84, "rmdir", "pathname:path", sys_rmdir, BLOCKS),
  linuxRow(87, "unlink", "pathname:path", sys_unlink, BLOCKS),
  linuxRow(95, "umask", "mask:i32", sys_umask),
  linuxRow(257, "openat", "dirfd:fd pathname:path flags:i32 mode:i32", sys_openat, RESTARTS),
  linuxRow(258, "mkdirat", "dirfd:fd pathname:path mode:i32", sys_mkdirat, BLOCKS),
  linuxRow(263, "unlinkat", "dirfd:fd pathname:path flags:i32", sys_unlinkat, BLOCKS),
  linuxRow(264, "renameat", "olddirfd:fd oldpath:path newdirfd:fd newpath:path", sys_renameat, BLOCKS),
];
