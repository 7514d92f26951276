/**
 * Attributes of files: fd_filestat_get, fd_filestat_set_times and their siblings by path.
 */
import { EFAULT, EINVAL } from "../../abi/errno.ts";
import { AT_SYMLINK_NOFOLLOW, S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "../../abi/fcntl.ts";
import { emptyStat } from "../../abi/stat.ts";
import {
  FILESTAT_BYTES,
  FILETYPE_BLOCK_DEVICE,
  FILETYPE_CHARACTER_DEVICE,
  FILETYPE_DIRECTORY,
  FILETYPE_REGULAR_FILE,
  FILETYPE_SOCKET_STREAM,
  FILETYPE_SYMBOLIC_LINK,
  FILETYPE_UNKNOWN,
  FSTFLAGS_ALL,
  FSTFLAGS_ATIM,
  FSTFLAGS_ATIM_NOW,
  FSTFLAGS_MTIM,
  FSTFLAGS_MTIM_NOW,
  LOOKUPFLAGS_SYMLINK_FOLLOW,
  RIGHT_FD_FILESTAT_GET,
  RIGHT_FD_FILESTAT_SET_TIMES,
  RIGHT_PATH_FILESTAT_GET,
  RIGHT_PATH_FILESTAT_SET_TIMES,
} from "../../abi/wasi.ts";
import type { Stat } from "../../fs/file.ts";
import type { AttributeChange } from "../../fs/inode.ts";
import { changeAt, timesChange, UTIME_NOW, UTIME_OMIT } from "../attributes.ts";
import { fileWith, openFileType } from "./descriptor.ts";
import { pathOfGuest } from "./path-argument.ts";
import type { WasiProcess } from "./row.ts";
import { wasiRow } from "./row.ts";
import { splitNanoseconds, writeNanoseconds } from "./time-argument.ts";

const stat: Stat = emptyStat();
const atime = { sec: 0, nsec: 0 };
const mtime = { sec: 0, nsec: 0 };

export function fd_filestat_get(k: WasiProcess, fd: number, out: number): number {
  const file = fileWith(k, fd, RIGHT_FD_FILESTAT_GET);
  if (typeof file === "number") return file;
  if (!k.mem.has(out >>> 0, FILESTAT_BYTES)) return -EFAULT;
  const result = file.stat(k, stat);
  return result < 0 ? result : writeFilestat(k, out >>> 0, openFileType(k, file));
}

export function path_filestat_get(
  k: WasiProcess,
  fd: number,
  flags: number,
  path: number,
  length: number,
  out: number,
): number {
  const name = pathOfGuest(k, fd, RIGHT_PATH_FILESTAT_GET, path, length);
  if (typeof name === "number") return name;
  if (!k.mem.has(out >>> 0, FILESTAT_BYTES)) return -EFAULT;
  const result = k.vfs.stat(k, fd, name, (flags & LOOKUPFLAGS_SYMLINK_FOLLOW) !== 0, stat);
  return result < 0 ? result : writeFilestat(k, out >>> 0, typeOfMode(stat.mode));
}

export function fd_filestat_set_times(
  k: WasiProcess,
  fd: number,
  atim: number,
  atimUpper: number,
  mtim: number,
  mtimUpper: number,
  flags: number,
): number {
  const file = fileWith(k, fd, RIGHT_FD_FILESTAT_SET_TIMES);
  if (typeof file === "number") return file;
  const change = timesOf(k, atim, atimUpper, mtim, mtimUpper, flags);
  return typeof change === "number" ? change : k.vfs.setAttributes(k, k.vfs.placeOfFile(file), change);
}

export function path_filestat_set_times(
  k: WasiProcess,
  fd: number,
  lookup: number,
  path: number,
  length: number,
  atim: number,
  atimUpper: number,
  mtim: number,
  mtimUpper: number,
  flags: number,
): number {
  const name = pathOfGuest(k, fd, RIGHT_PATH_FILESTAT_SET_TIMES, path, length);
  if (typeof name === "number") return name;
  const change = timesOf(k, atim, atimUpper, mtim, mtimUpper, flags);
  if (typeof change === "number") return change;
  return changeAt(k, fd, name, lookup & LOOKUPFLAGS_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW, change);
}

/** The change that `flags` ask for; -EINVAL for both a time and now, and for flags that there are not. */
function timesOf(
  k: WasiProcess,
  atim: number,
  atimUpper: number,
  mtim: number,
  mtimUpper: number,
  flags: number,
): AttributeChange | number {
  const atimeFlags = flags & (FSTFLAGS_ATIM | FSTFLAGS_ATIM_NOW);
  const mtimeFlags = flags & (FSTFLAGS_MTIM | FSTFLAGS_MTIM_NOW);
  if (flags & ~FSTFLAGS_ALL) return -EINVAL;
  if (atimeFlags === (FSTFLAGS_ATIM | FSTFLAGS_ATIM_NOW)) return -EINVAL;
  if (mtimeFlags === (FSTFLAGS_MTIM | FSTFLAGS_MTIM_NOW)) return -EINVAL;
  splitNanoseconds(atim, atimUpper, atime);
  splitNanoseconds(mtim, mtimUpper, mtime);
  if (atimeFlags !== FSTFLAGS_ATIM) atime.nsec = atimeFlags === 0 ? UTIME_OMIT : UTIME_NOW;
  if (mtimeFlags !== FSTFLAGS_MTIM) mtime.nsec = mtimeFlags === 0 ? UTIME_OMIT : UTIME_NOW;
  return timesChange(k, { atime, mtime });
}

/** `stat` as a `filestat`. */
function writeFilestat({ mem }: WasiProcess, ptr: number, type: number): number {
  mem.setI64(ptr, stat.dev);
  mem.setI64(ptr + 8, stat.ino);
  mem.setI64(ptr + 16, type);
  mem.setI64(ptr + 24, stat.nlink);
  mem.setI64(ptr + 32, stat.size);
  writeNanoseconds(mem, ptr + 40, stat.atimeSec, stat.atimeNsec);
  writeNanoseconds(mem, ptr + 48, stat.mtimeSec, stat.mtimeNsec);
  writeNanoseconds(mem, ptr + 56, stat.ctimeSec, stat.ctimeNsec);
  return 0;
}

function typeOfMode(mode: number): number {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return FILETYPE_REGULAR_FILE;
    case S_IFDIR:
      return FILETYPE_DIRECTORY;
    case S_IFLNK:
      return FILETYPE_SYMBOLIC_LINK;
    case S_IFCHR:
      return FILETYPE_CHARACTER_DEVICE;
    case S_IFBLK:
      return FILETYPE_BLOCK_DEVICE;
    case S_IFSOCK:
      return FILETYPE_SOCKET_STREAM;
    default:
      return FILETYPE_UNKNOWN;
  }
}

const TIMES = "goes through Date and loses what is below a millisecond";

export const ATTRIBUTE_ROWS = [
  wasiRow("fd_filestat_get", "fd:fd out:ptr", fd_filestat_get, "times as floating-point milliseconds; BigInt"),
  wasiRow("fd_filestat_set_times", "fd:fd atim:u64 mtim:u64 flags:i32", fd_filestat_set_times, TIMES),
  wasiRow(
    "path_filestat_get",
    "fd:fd flags:i32 path:ptr length:i32 out:ptr",
    path_filestat_get,
    "leaves the folder by `..`, absolute paths and links",
  ),
  wasiRow(
    "path_filestat_set_times",
    "fd:fd lookup:i32 path:ptr length:i32 atim:u64 mtim:u64 flags:i32",
    path_filestat_set_times,
    `leaves the folder by \`..\`, absolute paths and links; ${TIMES}; where a time is left out, takes the folder's`,
  ),
];
