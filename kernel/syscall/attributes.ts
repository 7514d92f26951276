/**
 * What both personalities do with a path once they have read it from memory: the attributes of what it names. `flags` are those of the *at
 * calls, checked by the caller; with AT_EMPTY_PATH and no path they mean the descriptor itself.
 */
import { EACCES, EBADF, EFAULT, EINVAL, EROFS } from "../abi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, R_OK, S_IFDIR, S_IFMT, W_OK, X_OK } from "../abi/fcntl.ts";
import { emptyStat, STAT_BYTES, STATFS_BYTES, writeStat, writeStatFs } from "../abi/stat.ts";
import { writeBytes } from "../fs/byte-string.ts";
import type { Stat } from "../fs/file.ts";
import type { AttributeChange } from "../fs/inode.ts";
import type { Place } from "../fs/path.ts";
import type { Kernel } from "../kernel.ts";

/** tv_nsec of utimensat(2). */
export const UTIME_NOW = 0x3fffffff;
export const UTIME_OMIT = 0x3ffffffe;

/** Fills `out`. A descriptor is asked itself: its file may have no name any more. */
export function statAt(k: Kernel, dirfd: number, path: string, flags: number, out: Stat): number {
  if (path === "" && (flags & AT_EMPTY_PATH) !== 0 && dirfd !== AT_FDCWD) {
    return k.fds.get(dirfd)?.stat(k, out) ?? -EBADF;
  }
  const place = k.vfs.locate(k, dirfd, path, flags);
  return typeof place === "number" ? place : place.inode.stat(k, out);
}

/** `struct stat` at `statbuf`. */
export function writeStatAt(k: Kernel, dirfd: number, path: string, flags: number, statbuf: number): number {
  const stat = emptyStat();
  const result = statAt(k, dirfd, path, flags, stat);
  if (result !== 0) return result;
  if (!k.mem.has(statbuf >>> 0, STAT_BYTES)) return -EFAULT;
  writeStat(k.mem, statbuf >>> 0, stat);
  return 0;
}

/**
 * access(2), as root: everything may be read and written, except on a read-only mount; a file may be executed if anybody may, a
 * directory always may be searched.
 */
export function accessAt(k: Kernel, dirfd: number, path: string, mode: number, flags: number): number {
  if (mode & ~(R_OK | W_OK | X_OK)) return -EINVAL;
  const place = k.vfs.locate(k, dirfd, path, flags);
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

/** Changes what `change` names; nothing of it is no change, and no error. */
export function changeAt(k: Kernel, dirfd: number, path: string, flags: number, change: AttributeChange): number {
  const place = k.vfs.locate(k, dirfd, path, flags);
  if (typeof place === "number") return place;
  return Object.keys(change).length === 0 ? 0 : k.vfs.setAttributes(k, place, change);
}

/** readlink(2): the bytes placed in `buf`, without a NUL. */
export function readlinkAt(k: Kernel, dirfd: number, path: string, buf: number, bufsiz: number): number {
  if (bufsiz <= 0) return -EINVAL;
  const target = k.vfs.readlink(k, dirfd, path);
  if (typeof target === "number") return target;
  const contents = target.slice(0, bufsiz);
  if (!k.mem.has(buf >>> 0, contents.length)) return -EFAULT;
  return writeBytes(k.mem.u8, buf >>> 0, contents);
}

/** `struct statfs` at `buf`. */
export function writeStatFsOf(k: Kernel, place: Place, buf: number): number {
  const out = { type: 0, bsize: 0, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: 0, flags: 0 };
  const result = k.vfs.statfs(k, place, out);
  if (result !== 0) return result;
  if (!k.mem.has(buf >>> 0, STATFS_BYTES)) return -EFAULT;
  writeStatFs(k.mem, buf >>> 0, out);
  return 0;
}

/** A time as utimensat(2) gives it: `nsec` may be UTIME_NOW or UTIME_OMIT. */
export interface GivenTime {
  readonly sec: number;
  readonly nsec: number;
}

/** The change that sets access and modification time; null: now. -EINVAL for nanoseconds out of range. */
export function timesChange(k: Kernel, times: { atime: GivenTime; mtime: GivenTime } | null): AttributeChange | number {
  const ms = k.clock.realtimeMs();
  const nowSec = Math.floor(ms / 1000);
  const nowNsec = Math.floor((ms - nowSec * 1000) * 1e6);
  const change: AttributeChange = {};
  for (const which of ["atime", "mtime"] as const) {
    const { sec, nsec } = times?.[which] ?? { sec: 0, nsec: UTIME_NOW };
    if (nsec === UTIME_OMIT) continue;
    if (nsec !== UTIME_NOW && !(nsec >= 0 && nsec <= 999_999_999)) return -EINVAL;
    change[`${which}Sec`] = nsec === UTIME_NOW ? nowSec : sec;
    change[`${which}Nsec`] = nsec === UTIME_NOW ? nowNsec : nsec;
  }
  return change;
}
