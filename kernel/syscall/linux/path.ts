/**
 * System calls on names, as Linux programs make them: NUL-terminated strings, and the calls without `at` beside those with it. The work is
 * Vfs'; attributes of what is named are in attributes.ts.
 */
import { EBADF, EFAULT, EINVAL, EMFILE, ENOENT, ENOTDIR, EPERM, ERANGE } from "../../abi/errno.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_LARGEFILE,
  O_NOCTTY,
  O_PATH,
  O_TRUNC,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../abi/fcntl.ts";
import { writeBytes } from "../../fs/byte-string.ts";
import type { NodeKind } from "../../fs/inode.ts";
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from "../../fs/vfs.ts";
import type { Process } from "../../process/process.ts";
import { readlinkAt } from "../attributes.ts";
import type { Row } from "../row.ts";
import { pathAt } from "./path-argument.ts";
import { BLOCKS, linuxRow, RESTARTS } from "./row.ts";

/** What open(2) knows; anything else is not looked at. */
const VALID_OPEN_FLAGS = 0o37777703;
/** Flags that say how to open, and are no property of what is open then. */
const OPENING_FLAGS = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC;
const NODE_KINDS: ReadonlyMap<number, NodeKind> = new Map([
  [0, "regular"],
  [S_IFREG, "regular"],
  [S_IFIFO, "fifo"],
  [S_IFSOCK, "socket"],
]);

/** openat(2). */
export function sys_openat(k: Process, dirfd: number, pathname: number, flags: number, mode: number): number {
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  if (!k.fds.hasRoom && !k.current.retrying) return -EMFILE;
  const file = k.vfs.open(k, dirfd, path, flags & VALID_OPEN_FLAGS & ~O_CLOEXEC, mode);
  if (typeof file === "number") return file;
  if ((flags & O_PATH) === 0) file.flags = (file.flags & ~OPENING_FLAGS) | O_LARGEFILE;
  const fd = k.fds.open(file, (flags & O_CLOEXEC) !== 0);
  if (fd < 0) file.close(k); // there was room before it waited
  return fd;
}

/** open(2). */
export function sys_open(k: Process, pathname: number, flags: number, mode: number): number {
  return sys_openat(k, AT_FDCWD, pathname, flags, mode);
}

/** creat(2). */
export function sys_creat(k: Process, pathname: number, mode: number): number {
  return sys_openat(k, AT_FDCWD, pathname, O_CREAT | O_WRONLY | O_TRUNC, mode);
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
  const place = k.vfs.placeOfFile(file);
  if (!place.inode.directory) return -ENOTDIR;
  k.fs.setCwd(k, place);
  return 0;
}

/** chroot(2): the working directory stays where it is. */
export function sys_chroot(k: Process, pathname: number): number {
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  const place = k.vfs.resolve(k, AT_FDCWD, path, true);
  if (typeof place === "number") return place;
  if (!place.inode.directory) return -ENOTDIR;
  if (!k.linux.credentials.isPrivileged) return -EPERM;
  k.fs.setRoot(k, place);
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

/** mknodat(2). */
export function sys_mknodat(k: Process, dirfd: number, pathname: number, mode: number, _dev: number): number {
  const type = mode & S_IFMT;
  const kind = NODE_KINDS.get(type);
  if (!kind && type !== S_IFCHR && type !== S_IFBLK) return type === S_IFDIR ? -EPERM : -EINVAL;
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  return kind ? k.vfs.makeNode(k, dirfd, path, kind, mode) : -EPERM;
}

/** mknod(2). */
export function sys_mknod(k: Process, pathname: number, mode: number, dev: number): number {
  return sys_mknodat(k, AT_FDCWD, pathname, mode, dev);
}

/** renameat2(2). */
export function sys_renameat2(
  k: Process,
  olddirfd: number,
  oldpath: number,
  newdirfd: number,
  newpath: number,
  flags: number,
): number {
  if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) return -EINVAL;
  if (flags === (RENAME_NOREPLACE | RENAME_EXCHANGE)) return -EINVAL;
  const from = pathAt(k, oldpath);
  if (typeof from === "number") return from;
  const to = pathAt(k, newpath);
  return typeof to === "number" ? to : k.vfs.rename(k, olddirfd, from, newdirfd, to, flags);
}

/** renameat(2). */
export function sys_renameat(k: Process, olddirfd: number, oldpath: number, newdirfd: number, newpath: number): number {
  return sys_renameat2(k, olddirfd, oldpath, newdirfd, newpath, 0);
}

/** rename(2). */
export function sys_rename(k: Process, oldpath: number, newpath: number): number {
  return sys_renameat2(k, AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

/** linkat(2). */
export function sys_linkat(
  k: Process,
  olddirfd: number,
  oldpath: number,
  newdirfd: number,
  newpath: number,
  flags: number,
): number {
  if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return -EINVAL;
  const from = pathAt(k, oldpath);
  if (typeof from === "number") return from;
  const to = pathAt(k, newpath);
  if (typeof to === "number") return to;
  const follow = flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW;
  return k.vfs.link(k, olddirfd, from, newdirfd, to, follow | (flags & AT_EMPTY_PATH));
}

/** link(2). */
export function sys_link(k: Process, oldpath: number, newpath: number): number {
  return sys_linkat(k, AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

/** symlinkat(2). */
export function sys_symlinkat(k: Process, target: number, newdirfd: number, linkpath: number): number {
  const contents = pathAt(k, target);
  if (typeof contents === "number") return contents;
  const path = pathAt(k, linkpath);
  return typeof path === "number" ? path : k.vfs.symlink(k, contents, newdirfd, path);
}

/** symlink(2). */
export function sys_symlink(k: Process, target: number, linkpath: number): number {
  return sys_symlinkat(k, target, AT_FDCWD, linkpath);
}

/** readlinkat(2). */
export function sys_readlinkat(k: Process, dirfd: number, pathname: number, buf: number, bufsiz: number): number {
  if (bufsiz <= 0) return -EINVAL;
  const path = pathAt(k, pathname);
  return typeof path === "number" ? path : readlinkAt(k, dirfd, path, buf, bufsiz);
}

/** readlink(2). */
export function sys_readlink(k: Process, pathname: number, buf: number, bufsiz: number): number {
  if (bufsiz <= 0) return -EINVAL;
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  return path === "" ? -ENOENT : readlinkAt(k, AT_FDCWD, path, buf, bufsiz);
}

/** umask(2). */
export function sys_umask(k: Process, mask: number): number {
  const before = k.fs.umask;
  k.fs.umask = mask & 0o777;
  return before;
}

const OPENING = { ...RESTARTS, note: "permission bits are kept and decide nothing: every process is root" };
const NODES = { ...BLOCKS, partial: "regular files and, in memory, named pipes and sockets; no devices" };
const RENAMING = { ...BLOCKS, partial: "RENAME_NOREPLACE; RENAME_EXCHANGE in memory only; no RENAME_WHITEOUT" };

export const PATH_ROWS: readonly Row[] = [
  linuxRow(2, "open", "pathname:path flags:i32 mode:i32", sys_open, OPENING),
  linuxRow(79, "getcwd", "buf:ptr size:i32", sys_getcwd),
  linuxRow(80, "chdir", "path:path", sys_chdir, BLOCKS),
  linuxRow(81, "fchdir", "fd:fd", sys_fchdir),
  linuxRow(82, "rename", "oldpath:path newpath:path", sys_rename, BLOCKS),
  linuxRow(83, "mkdir", "pathname:path mode:i32", sys_mkdir, BLOCKS),
  linuxRow(84, "rmdir", "pathname:path", sys_rmdir, BLOCKS),
  linuxRow(85, "creat", "pathname:path mode:i32", sys_creat, OPENING),
  linuxRow(86, "link", "oldpath:path newpath:path", sys_link, BLOCKS),
  linuxRow(87, "unlink", "pathname:path", sys_unlink, BLOCKS),
  linuxRow(88, "symlink", "target:path linkpath:path", sys_symlink, BLOCKS),
  linuxRow(89, "readlink", "pathname:path buf:ptr bufsiz:i32", sys_readlink, BLOCKS),
  linuxRow(95, "umask", "mask:i32", sys_umask),
  linuxRow(133, "mknod", "pathname:path mode:i32 dev:i32", sys_mknod, NODES),
  linuxRow(161, "chroot", "pathname:path", sys_chroot, BLOCKS),
  linuxRow(257, "openat", "dirfd:fd pathname:path flags:i32 mode:i32", sys_openat, OPENING),
  linuxRow(258, "mkdirat", "dirfd:fd pathname:path mode:i32", sys_mkdirat, BLOCKS),
  linuxRow(259, "mknodat", "dirfd:fd pathname:path mode:i32 dev:i32", sys_mknodat, NODES),
  linuxRow(263, "unlinkat", "dirfd:fd pathname:path flags:i32", sys_unlinkat, BLOCKS),
  linuxRow(264, "renameat", "olddirfd:fd oldpath:path newdirfd:fd newpath:path", sys_renameat, BLOCKS),
  linuxRow(265, "linkat", "olddirfd:fd oldpath:path newdirfd:fd newpath:path flags:i32", sys_linkat, BLOCKS),
  linuxRow(266, "symlinkat", "target:path newdirfd:fd linkpath:path", sys_symlinkat, BLOCKS),
  linuxRow(267, "readlinkat", "dirfd:fd pathname:path buf:ptr bufsiz:i32", sys_readlinkat, BLOCKS),
  linuxRow(316, "renameat2", "olddirfd:fd oldpath:path newdirfd:fd newpath:path flags:i32", sys_renameat2, RENAMING),
];
