/**
 * Reading and writing, as Linux programs do it: the calls of the native personality, with what a process adds to a write (SIGPIPE, RLIMIT_FSIZE),
 * and the vectors with an offset.
 */
import { EAGAIN, EBADF, EINVAL, EOPNOTSUPP, EPIPE, ESPIPE } from "../../abi/errno.ts";
import { O_APPEND, SEEK_CUR } from "../../abi/fcntl.ts";
import { POLLIN, POLLOUT } from "../../abi/poll.ts";
import { SOCK_STREAM } from "../../abi/socket.ts";
import { emptyStat } from "../../abi/stat.ts";
import type { File } from "../../fs/file.ts";
import { isSocket } from "../../net/socket.ts";
import type { Process } from "../../process/process.ts";
import * as native from "../file.ts";
import type { Row } from "../row.ts";
import { fileTooBig, raiseBrokenPipe } from "./call-signal.ts";
import { linuxRow, RESTARTS } from "./row.ts";

/** Flags of preadv2(2). */
const RWF_HIPRI = 1;
const RWF_NOWAIT = 8;
const RWF_APPEND = 16;

/** write(2). */
export function sys_write(k: Process, fd: number, buf: number, count: number): number {
  let length = count;
  if (k.linux.limits.fileBytesMax !== Number.POSITIVE_INFINITY) {
    length = allowedBytes(k, fd, count >>> 0, -1);
    if (length < 0) return length;
  }
  return ended(k, fd, native.sys_write(k, fd, buf, length));
}

/** pwrite(2). */
export function sys_pwrite64(k: Process, fd: number, buf: number, count: number, offset: number): number {
  const length = allowedBytes(k, fd, count >>> 0, offset);
  return length < 0 ? length : native.sys_pwrite(k, fd, buf, length, offset);
}

/** writev(2). */
export function sys_writev(k: Process, fd: number, iov: number, iovcnt: number): number {
  return writeVector(k, fd, iov, iovcnt, -1, 0);
}

/** preadv(2). The offset is given as two words: see `joined`. */
export function sys_preadv(k: Process, fd: number, iov: number, iovcnt: number, low: number, high: number): number {
  return joined(low, high) < 0 ? -EINVAL : readVector(k, fd, iov, iovcnt, joined(low, high), 0);
}

/** pwritev(2). */
export function sys_pwritev(k: Process, fd: number, iov: number, iovcnt: number, low: number, high: number): number {
  return joined(low, high) < 0 ? -EINVAL : writeVector(k, fd, iov, iovcnt, joined(low, high), 0);
}

/** preadv2(2): the offset -1 is the file's own. */
export function sys_preadv2(
  k: Process,
  fd: number,
  iov: number,
  iovcnt: number,
  low: number,
  high: number,
  flags: number,
): number {
  const offset = joined(low, high);
  return offset < -1 ? -EINVAL : readVector(k, fd, iov, iovcnt, offset, flags);
}

/** pwritev2(2). */
export function sys_pwritev2(
  k: Process,
  fd: number,
  iov: number,
  iovcnt: number,
  low: number,
  high: number,
  flags: number,
): number {
  const offset = joined(low, high);
  return offset < -1 ? -EINVAL : writeVector(k, fd, iov, iovcnt, offset, flags);
}

/** An offset in two words: the low 32 bits and the rest; where a word has 64 bits the first one is all of it. */
function joined(low: number, high: number): number {
  if (low > 0xffffffff || low < -0x80000000) return low;
  return high * 2 ** 32 + (low >>> 0);
}

function readVector(k: Process, fd: number, iov: number, iovcnt: number, offset: number, flags: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (flags & ~(RWF_HIPRI | RWF_NOWAIT)) return -EOPNOTSUPP;
  if (!Number.isSafeInteger(offset)) return -EINVAL;
  if (offset >= 0 && !file.seekable) return -ESPIPE;
  if (flags & RWF_NOWAIT && (file.poll(k) & POLLIN) === 0) return -EAGAIN;
  return native.transferVector(k, file, iov, iovcnt, false, offset);
}

function writeVector(k: Process, fd: number, iov: number, iovcnt: number, offset: number, flags: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (flags & ~(RWF_HIPRI | RWF_NOWAIT | RWF_APPEND)) return -EOPNOTSUPP;
  if (!Number.isSafeInteger(offset)) return -EINVAL;
  if (offset >= 0 && !file.seekable) return -ESPIPE;
  if (flags & RWF_NOWAIT && (file.poll(k) & POLLOUT) === 0) return -EAGAIN;
  let bytesMax = native.RW_COUNT_MAX;
  if (k.linux.limits.fileBytesMax !== Number.POSITIVE_INFINITY) {
    const total = native.vectorBytes(k, iov, iovcnt);
    bytesMax = total < 0 ? total : allowedBytes(k, fd, total, offset);
    if (bytesMax < 0) return bytesMax;
  }
  const before = file.flags;
  if (flags & RWF_APPEND) file.flags |= O_APPEND;
  const result = native.transferVector(k, file, iov, iovcnt, true, offset, bytesMax);
  file.flags = before;
  return ended(k, fd, result);
}

/** A write has `result`: EPIPE comes with SIGPIPE, but not from a socket of messages. */
function ended(k: Process, fd: number, result: number): number {
  if (result !== -EPIPE) return result;
  const file = k.fds.get(fd);
  return file && isSocket(file) && file.type !== SOCK_STREAM ? result : raiseBrokenPipe(k, result);
}

/**
 * How many of `count` bytes RLIMIT_FSIZE lets a write at `offset` (below 0: where the file is) have; -EFBIG, with SIGXFSZ, if there are bytes and
 * none of them may be written.
 */
export function allowedBytes(k: Process, fd: number, count: number, offset: number): number {
  const { fileBytesMax } = k.linux.limits;
  if (fileBytesMax === Number.POSITIVE_INFINITY || count === 0) return count;
  const file = k.fds.get(fd);
  if (file?.kind !== "regular" || !file.seekable) return count;
  const room = fileBytesMax - placeOfWrite(k, file, offset);
  return room <= 0 ? fileTooBig(k) : Math.min(count, room);
}

function placeOfWrite(k: Process, file: File, offset: number): number {
  if ((file.flags & O_APPEND) === 0) return offset >= 0 ? offset : (file.seekable?.seek(k, 0, SEEK_CUR) ?? 0);
  const stat = emptyStat();
  return file.stat(k, stat) === 0 ? stat.size : 0;
}

const VECTOR = "fd:fd iov:ptr iovcnt:i32";
const VECTOR_AT = `${VECTOR} low:f64 high:f64`;
const NO_SYNC_FLAGS = "RWF_HIPRI, RWF_NOWAIT and RWF_APPEND; not RWF_SYNC and RWF_DSYNC";

export const TRANSFER_ROWS: readonly Row[] = [
  linuxRow(0, "read", "fd:fd buf:ptr count:i32", native.sys_read, RESTARTS),
  linuxRow(1, "write", "fd:fd buf:ptr count:i32", sys_write, RESTARTS),
  linuxRow(8, "lseek", "fd:fd offset:f64 whence:i32", native.sys_lseek, {
    blocks: true,
    result: "f64",
    note: "files have one hole, at their end",
  }),
  linuxRow(17, "pread64", "fd:fd buf:ptr count:i32 offset:f64", native.sys_pread, RESTARTS),
  linuxRow(18, "pwrite64", "fd:fd buf:ptr count:i32 offset:f64", sys_pwrite64, RESTARTS),
  linuxRow(19, "readv", VECTOR, native.sys_readv, RESTARTS),
  linuxRow(20, "writev", VECTOR, sys_writev, RESTARTS),
  linuxRow(295, "preadv", VECTOR_AT, sys_preadv, RESTARTS),
  linuxRow(296, "pwritev", VECTOR_AT, sys_pwritev, RESTARTS),
  linuxRow(327, "preadv2", `${VECTOR_AT} flags:i32`, sys_preadv2, { ...RESTARTS, partial: NO_SYNC_FLAGS }),
  linuxRow(328, "pwritev2", `${VECTOR_AT} flags:i32`, sys_pwritev2, { ...RESTARTS, partial: NO_SYNC_FLAGS }),
];
