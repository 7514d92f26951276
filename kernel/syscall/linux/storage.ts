/**
 * The size of files and what of them is on stable storage: truncate(2), fallocate(2), fsync(2) and their like; and getdents64(2).
 */
import { EBADF, EFBIG, EINVAL, EISDIR, ENODEV, EOPNOTSUPP, ESPIPE } from "../../abi/errno.ts";
import { AT_FDCWD, O_PATH } from "../../abi/fcntl.ts";
import { emptyStat } from "../../abi/stat.ts";
import { mayRead, mayWrite } from "../../fs/access.ts";
import type { File } from "../../fs/file.ts";
import { RamFile } from "../../fs/ram-file.ts";
import type { Process } from "../../process/process.ts";
import { sys_getdents64 } from "../directory.ts";
import { sys_fdatasync, sys_fsync, sys_ftruncate as sys_native_ftruncate } from "../file.ts";
import type { Row } from "../row.ts";
import { fileTooBig } from "./call-signal.ts";
import { pathAt } from "./path-argument.ts";
import { BLOCKS, linuxRow } from "./row.ts";

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const POSIX_FADV_NOREUSE = 5;
/** SYNC_FILE_RANGE_WAIT_BEFORE, _WRITE, _WAIT_AFTER. */
const SYNC_FILE_RANGE_FLAGS = 7;

/** truncate(2). */
export function sys_truncate(k: Process, pathname: number, length: number): number {
  if (!(length >= 0)) return -EINVAL;
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  const place = k.vfs.resolve(k, AT_FDCWD, path, true);
  if (typeof place === "number") return place;
  if (place.inode.directory) return -EISDIR;
  if (place.inode.kind !== "regular") return -EINVAL;
  if (length > k.linux.limits.fileBytesMax) return fileTooBig(k);
  return k.vfs.setAttributes(k, place, { size: length });
}

/** ftruncate(2). */
export function sys_ftruncate(k: Process, fd: number, length: number): number {
  if (length > k.linux.limits.fileBytesMax && k.fds.get(fd)?.kind === "regular") return fileTooBig(k);
  return sys_native_ftruncate(k, fd, length);
}

/** fallocate(2): the size is set; room is nowhere reserved. Holes can be made in memory only. */
export function sys_fallocate(k: Process, fd: number, mode: number, offset: number, length: number): number {
  const file = k.fds.get(fd);
  if (!file || (file.flags & O_PATH) !== 0) return -EBADF;
  if (!(offset >= 0) || !(length > 0)) return -EINVAL;
  if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE) || mode === FALLOC_FL_PUNCH_HOLE) return -EOPNOTSUPP;
  if (!mayWrite(file.flags)) return -EBADF;
  if (file.kind === "fifo") return -ESPIPE;
  if (file.kind === "directory") return -EISDIR;
  if (file.kind !== "regular" || !file.seekable) return -ENODEV;
  const end = offset + length;
  if (!Number.isSafeInteger(end)) return -EFBIG;
  if (mode & FALLOC_FL_PUNCH_HOLE) {
    if (!(file instanceof RamFile)) return -EOPNOTSUPP;
    file.punch(k, offset, length);
    return 0;
  }
  if (end > k.linux.limits.fileBytesMax) return fileTooBig(k);
  return mode & FALLOC_FL_KEEP_SIZE ? 0 : growTo(k, file, end);
}

function growTo(k: Process, file: File, size: number): number {
  const stat = emptyStat();
  const result = file.stat(k, stat);
  if (result !== 0 || stat.size >= size) return result;
  return file.seekable?.truncate(k, size) ?? -ENODEV;
}

/** posix_fadvise(2): advice is taken note of. */
export function sys_fadvise(k: Process, fd: number, _offset: number, length: number, advice: number): number {
  const file = k.fds.get(fd);
  if (!file || (file.flags & O_PATH) !== 0) return -EBADF;
  if (file.kind === "fifo") return -ESPIPE;
  return length < 0 || advice < 0 || advice > POSIX_FADV_NOREUSE ? -EINVAL : 0;
}

/** readahead(2): nothing is read ahead. */
export function sys_readahead(k: Process, fd: number, _offset: number, _count: number): number {
  const file = k.fds.get(fd);
  if (!file || !mayRead(file.flags)) return -EBADF;
  return file.kind === "regular" ? 0 : -EINVAL;
}

/** sync(2): what has been written is the host's already; fsync(2) has it put on its disks. */
export function sys_sync(_k: Process): number {
  return 0;
}

/** syncfs(2). */
export function sys_syncfs(k: Process, fd: number): number {
  const file = k.fds.get(fd);
  return !file || (file.flags & O_PATH) !== 0 ? -EBADF : 0;
}

/** sync_file_range(2): a beginning may be made, which never is. */
export function sys_sync_file_range(k: Process, fd: number, offset: number, length: number, flags: number): number {
  const file = k.fds.get(fd);
  if (!file || (file.flags & O_PATH) !== 0) return -EBADF;
  if (flags & ~SYNC_FILE_RANGE_FLAGS || !(offset >= 0) || !(length >= 0)) return -EINVAL;
  return file.kind === "regular" || file.kind === "directory" ? 0 : -ESPIPE;
}

const NOT_DURABLE = "what has been written is the host's already; only fsync and fdatasync wait for its disks";
const ADVICE = { ...BLOCKS, note: "advice is not taken" };

export const STORAGE_ROWS: readonly Row[] = [
  linuxRow(74, "fsync", "fd:fd", sys_fsync, BLOCKS),
  linuxRow(75, "fdatasync", "fd:fd", sys_fdatasync, BLOCKS),
  linuxRow(76, "truncate", "pathname:path length:f64", sys_truncate, BLOCKS),
  linuxRow(77, "ftruncate", "fd:fd length:f64", sys_ftruncate, BLOCKS),
  linuxRow(78, "getdents", "fd:fd dirp:ptr count:i32", sys_getdents64, {
    ...BLOCKS,
    note: "as getdents64: the old structure is not there",
  }),
  linuxRow(162, "sync", "", sys_sync, { partial: NOT_DURABLE }),
  linuxRow(187, "readahead", "fd:fd offset:f64 count:i32", sys_readahead, ADVICE),
  linuxRow(217, "getdents64", "fd:fd dirp:ptr count:i32", sys_getdents64, BLOCKS),
  linuxRow(221, "fadvise64", "fd:fd offset:f64 length:f64 advice:i32", sys_fadvise, ADVICE),
  linuxRow(221, "fadvise", "fd:fd offset:f64 length:f64 advice:i32", sys_fadvise, {
    ...ADVICE,
    note: "fadvise64 under the name that WALI has for it; advice is not taken",
  }),
  linuxRow(277, "sync_file_range", "fd:fd offset:f64 length:f64 flags:i32", sys_sync_file_range, {
    partial: NOT_DURABLE,
  }),
  linuxRow(285, "fallocate", "fd:fd mode:i32 offset:f64 length:f64", sys_fallocate, {
    ...BLOCKS,
    partial: "no room is reserved; FALLOC_FL_KEEP_SIZE, and in memory FALLOC_FL_PUNCH_HOLE",
  }),
  linuxRow(306, "syncfs", "fd:fd", sys_syncfs, { partial: NOT_DURABLE }),
];
