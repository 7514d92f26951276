/**
 * What files are, as Linux programs ask and change it: stat(2) in all its forms, statx(2), access(2), chmod(2), chown(2), utime(2), statfs(2).
 */
import { EBADF, EFAULT, EINVAL } from "../../abi/errno.ts";
import { AT_EACCESS, AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW, O_PATH } from "../../abi/fcntl.ts";
import { emptyStat, STATX_BYTES, writeStatx } from "../../abi/stat.ts";
import type { AttributeChange } from "../../fs/inode.ts";
import type { Process } from "../../process/process.ts";
import { accessAt, changeAt, statAt, timesChange, writeStatAt, writeStatFsOf } from "../attributes.ts";
import { timesArgument } from "../directory.ts";
import { sys_fstat } from "../file.ts";
import type { Row } from "../row.ts";
import { pathAt } from "./path-argument.ts";
import { BLOCKS, linuxRow } from "./row.ts";
import { TIMEVAL_BYTES } from "./time-argument.ts";

/** AT_STATX_FORCE_SYNC and AT_STATX_DONT_SYNC: nothing is cached. */
const AT_STATX_SYNC_TYPE = 0x6000;
const STATX__RESERVED = 0x80000000;
const LOOKUP_FLAGS = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
/** `struct utimbuf`: two i64 of seconds. */
const UTIMBUF_BYTES = 16;

/** newfstatat(2). */
export function sys_newfstatat(k: Process, dirfd: number, pathname: number, statbuf: number, flags: number): number {
  if (flags & ~LOOKUP_FLAGS) return -EINVAL;
  const path = pathAt(k, pathname);
  return typeof path === "number" ? path : writeStatAt(k, dirfd, path, flags, statbuf);
}

/** stat(2). */
export function sys_stat(k: Process, pathname: number, statbuf: number): number {
  return sys_newfstatat(k, AT_FDCWD, pathname, statbuf, 0);
}

/** lstat(2). */
export function sys_lstat(k: Process, pathname: number, statbuf: number): number {
  return sys_newfstatat(k, AT_FDCWD, pathname, statbuf, AT_SYMLINK_NOFOLLOW);
}

/** statx(2): the basic attributes, whatever the mask asks for. */
export function sys_statx(
  k: Process,
  dirfd: number,
  pathname: number,
  flags: number,
  mask: number,
  statxbuf: number,
): number {
  if (flags & ~(LOOKUP_FLAGS | AT_STATX_SYNC_TYPE)) return -EINVAL;
  if ((flags & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE || mask & STATX__RESERVED) return -EINVAL;
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  const stat = emptyStat();
  const result = statAt(k, dirfd, path, flags, stat);
  if (result !== 0) return result;
  const ptr = statxbuf >>> 0;
  if (!k.mem.has(ptr, STATX_BYTES)) return -EFAULT;
  writeStatx(k.mem, ptr, stat);
  return 0;
}

/** faccessat2(2). */
export function sys_faccessat2(k: Process, dirfd: number, pathname: number, mode: number, flags: number): number {
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EACCESS | AT_EMPTY_PATH)) return -EINVAL;
  const path = pathAt(k, pathname);
  return typeof path === "number" ? path : accessAt(k, dirfd, path, mode, flags);
}

/** faccessat(2), as the kernel has it: without flags. */
export function sys_faccessat(k: Process, dirfd: number, pathname: number, mode: number): number {
  return sys_faccessat2(k, dirfd, pathname, mode, 0);
}

/** access(2). */
export function sys_access(k: Process, pathname: number, mode: number): number {
  return sys_faccessat2(k, AT_FDCWD, pathname, mode, 0);
}

/** fchmodat(2), as the kernel has it: without flags. */
export function sys_fchmodat(k: Process, dirfd: number, pathname: number, mode: number): number {
  return change(k, dirfd, pathname, 0, { mode: mode & 0o7777 });
}

/** fchmodat2(2). */
export function sys_fchmodat2(k: Process, dirfd: number, pathname: number, mode: number, flags: number): number {
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
  return change(k, dirfd, pathname, flags, { mode: mode & 0o7777 });
}

/** chmod(2). */
export function sys_chmod(k: Process, pathname: number, mode: number): number {
  return sys_fchmodat(k, AT_FDCWD, pathname, mode);
}

/** fchmod(2). */
export function sys_fchmod(k: Process, fd: number, mode: number): number {
  return changeOpen(k, fd, { mode: mode & 0o7777 });
}

/** fchownat(2): an id of -1 stays as it is. */
export function sys_fchownat(
  k: Process,
  dirfd: number,
  pathname: number,
  owner: number,
  group: number,
  flags: number,
): number {
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
  return change(k, dirfd, pathname, flags, ownerChange(owner, group));
}

/** chown(2). */
export function sys_chown(k: Process, pathname: number, owner: number, group: number): number {
  return sys_fchownat(k, AT_FDCWD, pathname, owner, group, 0);
}

/** lchown(2). */
export function sys_lchown(k: Process, pathname: number, owner: number, group: number): number {
  return sys_fchownat(k, AT_FDCWD, pathname, owner, group, AT_SYMLINK_NOFOLLOW);
}

/** fchown(2). */
export function sys_fchown(k: Process, fd: number, owner: number, group: number): number {
  return changeOpen(k, fd, ownerChange(owner, group));
}

/** utimensat(2); a null path means the descriptor itself. */
export function sys_utimensat(k: Process, dirfd: number, pathname: number, times: number, flags: number): number {
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
  const given = timesArgument(k, times >>> 0);
  if (typeof given === "number") return given;
  if (pathname !== 0 || dirfd === AT_FDCWD) return change(k, dirfd, pathname, flags, given);
  return flags !== 0 ? -EINVAL : changeAt(k, dirfd, "", AT_EMPTY_PATH, given);
}

/** futimesat(2): two `struct timeval`; a null path means the descriptor itself. */
export function sys_futimesat(k: Process, dirfd: number, pathname: number, times: number): number {
  const given = timevalsAt(k, times >>> 0);
  if (typeof given === "number") return given;
  if (pathname !== 0 || dirfd === AT_FDCWD) return change(k, dirfd, pathname, 0, given);
  return changeAt(k, dirfd, "", AT_EMPTY_PATH, given);
}

/** utimes(2). */
export function sys_utimes(k: Process, pathname: number, times: number): number {
  return sys_futimesat(k, AT_FDCWD, pathname, times);
}

/** utime(2): `struct utimbuf`, in seconds. */
export function sys_utime(k: Process, pathname: number, times: number): number {
  const ptr = times >>> 0;
  if (ptr !== 0 && !k.mem.has(ptr, UTIMBUF_BYTES)) return -EFAULT;
  const given = timesChange(
    k,
    ptr === 0 ? null : { atime: { sec: k.mem.getI64(ptr), nsec: 0 }, mtime: { sec: k.mem.getI64(ptr + 8), nsec: 0 } },
  );
  return typeof given === "number" ? given : change(k, AT_FDCWD, pathname, 0, given);
}

/** statfs(2). */
export function sys_statfs(k: Process, pathname: number, buf: number): number {
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  const place = k.vfs.resolve(k, AT_FDCWD, path, true);
  return typeof place === "number" ? place : writeStatFsOf(k, place, buf);
}

/** fstatfs(2). */
export function sys_fstatfs(k: Process, fd: number, buf: number): number {
  const file = k.fds.get(fd);
  return file ? writeStatFsOf(k, k.vfs.placeOfFile(file), buf) : -EBADF;
}

function change(k: Process, dirfd: number, pathname: number, flags: number, wanted: AttributeChange): number {
  const path = pathAt(k, pathname);
  return typeof path === "number" ? path : changeAt(k, dirfd, path, flags, wanted);
}

/** Of an open file; what was opened with O_PATH is not open for it. */
function changeOpen(k: Process, fd: number, wanted: AttributeChange): number {
  const file = k.fds.get(fd);
  if (!file || (file.flags & O_PATH) !== 0) return -EBADF;
  return changeAt(k, fd, "", AT_EMPTY_PATH, wanted);
}

function ownerChange(owner: number, group: number): AttributeChange {
  return { ...(owner !== -1 && { uid: owner >>> 0 }), ...(group !== -1 && { gid: group >>> 0 }) };
}

/** Two `struct timeval`, or 0 for "now, both". */
function timevalsAt(k: Process, ptr: number): AttributeChange | number {
  if (ptr === 0) return timesChange(k, null);
  const { mem } = k;
  if (!mem.has(ptr, 2 * TIMEVAL_BYTES)) return -EFAULT;
  const [atime, mtime] = [ptr, ptr + TIMEVAL_BYTES].map((at) => ({ sec: mem.getI64(at), usec: mem.getI64(at + 8) }));
  if (!atime || !mtime || !isMicroseconds(atime.usec) || !isMicroseconds(mtime.usec)) return -EINVAL;
  return timesChange(k, {
    atime: { sec: atime.sec, nsec: atime.usec * 1000 },
    mtime: { sec: mtime.sec, nsec: mtime.usec * 1000 },
  });
}

function isMicroseconds(usec: number): boolean {
  return usec >= 0 && usec <= 999_999;
}

const OWNERS = { ...BLOCKS, note: "ids are kept and decide nothing; a volume keeps those that the host allows" };
const ACCESS = { ...BLOCKS, note: "as root: everything may be read and written" };

export const ATTRIBUTE_ROWS: readonly Row[] = [
  linuxRow(4, "stat", "pathname:path statbuf:ptr", sys_stat, BLOCKS),
  linuxRow(5, "fstat", "fd:fd statbuf:ptr", sys_fstat, BLOCKS),
  linuxRow(6, "lstat", "pathname:path statbuf:ptr", sys_lstat, BLOCKS),
  linuxRow(21, "access", "pathname:path mode:i32", sys_access, ACCESS),
  linuxRow(90, "chmod", "pathname:path mode:i32", sys_chmod, BLOCKS),
  linuxRow(91, "fchmod", "fd:fd mode:i32", sys_fchmod, BLOCKS),
  linuxRow(92, "chown", "pathname:path owner:i32 group:i32", sys_chown, OWNERS),
  linuxRow(93, "fchown", "fd:fd owner:i32 group:i32", sys_fchown, OWNERS),
  linuxRow(94, "lchown", "pathname:path owner:i32 group:i32", sys_lchown, OWNERS),
  linuxRow(132, "utime", "pathname:path times:ptr", sys_utime, BLOCKS),
  linuxRow(137, "statfs", "pathname:path buf:ptr", sys_statfs, BLOCKS),
  linuxRow(138, "fstatfs", "fd:fd buf:ptr", sys_fstatfs, BLOCKS),
  linuxRow(235, "utimes", "pathname:path times:ptr", sys_utimes, BLOCKS),
  linuxRow(260, "fchownat", "dirfd:fd pathname:path owner:i32 group:i32 flags:i32", sys_fchownat, OWNERS),
  linuxRow(261, "futimesat", "dirfd:fd pathname:path times:ptr", sys_futimesat, BLOCKS),
  linuxRow(262, "newfstatat", "dirfd:fd pathname:path statbuf:ptr flags:i32", sys_newfstatat, BLOCKS),
  linuxRow(268, "fchmodat", "dirfd:fd pathname:path mode:i32", sys_fchmodat, BLOCKS),
  linuxRow(269, "faccessat", "dirfd:fd pathname:path mode:i32", sys_faccessat, ACCESS),
  linuxRow(280, "utimensat", "dirfd:fd pathname:path times:ptr flags:i32", sys_utimensat, BLOCKS),
  linuxRow(332, "statx", "dirfd:fd pathname:path flags:i32 mask:i32 statxbuf:ptr", sys_statx, {
    ...BLOCKS,
    note: "the basic attributes; no time of birth",
  }),
  linuxRow(439, "faccessat2", "dirfd:fd pathname:path mode:i32 flags:i32", sys_faccessat2, ACCESS),
  linuxRow(452, "fchmodat2", "dirfd:fd pathname:path mode:i32 flags:i32", sys_fchmodat2, BLOCKS),
];
