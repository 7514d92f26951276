/**
 * System calls on open files: openat(2), read(2) and write(2) in all their forms, lseek(2), fstat(2), ftruncate(2), fsync(2), close(2).
 */
import { EBADF, EFAULT, EINVAL, EMFILE, ESPIPE } from "../abi/errno.ts";
import { IOV_MAX, O_CLOEXEC, O_NONBLOCK, O_PATH } from "../abi/fcntl.ts";
import { emptyStat, IOVEC_BYTES, STAT_BYTES, writeStat } from "../abi/stat.ts";
import type { File, Seekable } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import { releaseFiles } from "../net/ancillary.ts";
import { IoVector } from "../net/io-vector.ts";
import { isSocket, type Received, type Socket } from "../net/socket.ts";
import { WOULD_BLOCK } from "../sched/task.ts";
import { pathArgument } from "./path-argument.ts";

/** Most that one call transfers (read(2), NOTES): INT_MAX rounded down to a page. */
export const RW_COUNT_MAX = 0x7ffff000;
const SSIZE_MAX = 0x7fffffff;

/** openat(2). */
export function sys_openat(
  k: Kernel,
  dirfd: number,
  path: number,
  pathLength: number,
  flags: number,
  mode: number,
): number {
  const name = pathArgument(k, path, pathLength);
  if (typeof name === "number") return name;
  if (!k.fds.hasRoom) return -EMFILE;
  const file = k.vfs.open(k, dirfd, name, flags & ~O_CLOEXEC, mode);
  return typeof file === "number" ? file : k.fds.open(file, (flags & O_CLOEXEC) !== 0);
}

/** close(2). */
export function sys_close(k: Kernel, fd: number): number {
  return k.fds.close(k, fd);
}

/** read(2). */
export function sys_read(k: Kernel, fd: number, buf: number, count: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  const length = Math.min(count >>> 0, RW_COUNT_MAX);
  const ptr = bufferAt(buf, length);
  return k.mem.has(ptr, length) ? file.read(k, ptr, length) : -EFAULT;
}

/** write(2). */
export function sys_write(k: Kernel, fd: number, buf: number, count: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  const length = Math.min(count >>> 0, RW_COUNT_MAX);
  const ptr = bufferAt(buf, length);
  return k.mem.has(ptr, length) ? file.write(k, ptr, length) : -EFAULT;
}

/** pread(2). */
export function sys_pread(k: Kernel, fd: number, buf: number, count: number, offset: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (!(offset >= 0) || !Number.isSafeInteger(offset)) return -EINVAL;
  if (!file.seekable) return -ESPIPE;
  const length = Math.min(count >>> 0, RW_COUNT_MAX);
  const ptr = bufferAt(buf, length);
  return k.mem.has(ptr, length) ? file.seekable.pread(k, ptr, length, offset) : -EFAULT;
}

/** pwrite(2). */
export function sys_pwrite(k: Kernel, fd: number, buf: number, count: number, offset: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (!(offset >= 0) || !Number.isSafeInteger(offset)) return -EINVAL;
  if (!file.seekable) return -ESPIPE;
  const length = Math.min(count >>> 0, RW_COUNT_MAX);
  const ptr = bufferAt(buf, length);
  return k.mem.has(ptr, length) ? file.seekable.pwrite(k, ptr, length, offset) : -EFAULT;
}

/** Where a buffer lies: no bytes may be asked for anywhere. */
function bufferAt(buf: number, length: number): number {
  return length === 0 ? 0 : buf >>> 0;
}

/** readv(2). */
export function sys_readv(k: Kernel, fd: number, iov: number, iovcnt: number): number {
  const file = k.fds.get(fd);
  return file ? transferVector(k, file, iov, iovcnt, false) : -EBADF;
}

/** writev(2). */
export function sys_writev(k: Kernel, fd: number, iov: number, iovcnt: number): number {
  const file = k.fds.get(fd);
  return file ? transferVector(k, file, iov, iovcnt, true) : -EBADF;
}

/** lseek(2). */
export function sys_lseek(k: Kernel, fd: number, offset: number, whence: number): number {
  const file = k.fds.get(fd);
  if (!file || (file.flags & O_PATH) !== 0) return -EBADF;
  return file.seekable ? file.seekable.seek(k, offset, whence) : -ESPIPE;
}

/** fstat(2). */
export function sys_fstat(k: Kernel, fd: number, statbuf: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (!k.mem.has(statbuf >>> 0, STAT_BYTES)) return -EFAULT;
  const stat = emptyStat();
  const result = file.stat(k, stat);
  if (result === 0) writeStat(k.mem, statbuf >>> 0, stat);
  return result;
}

/** ftruncate(2). */
export function sys_ftruncate(k: Kernel, fd: number, length: number): number {
  if (!(length >= 0) || !Number.isSafeInteger(length)) return -EINVAL;
  const file = k.fds.get(fd);
  if (!file || (file.flags & O_PATH) !== 0) return -EBADF;
  return file.seekable ? file.seekable.truncate(k, length) : -EINVAL;
}

/** fsync(2). */
export function sys_fsync(k: Kernel, fd: number): number {
  return sync(k, fd, false);
}

/** fdatasync(2). */
export function sys_fdatasync(k: Kernel, fd: number): number {
  return sync(k, fd, true);
}

function sync(k: Kernel, fd: number, dataOnly: boolean): number {
  const file = k.fds.get(fd);
  if (!file || (file.flags & O_PATH) !== 0) return -EBADF;
  return file.durable ? file.durable.sync(k, dataOnly) : -EINVAL;
}

/**
 * The buffers of a vector one after the other, until one is not transferred in whole; at most `bytesMax` bytes. Only the first may park: what
 * has been transferred before a later one would have to wait is the result, as a short count, which read(2) and write(2) allow.
 * `offset` below 0: the file's own.
 */
export function transferVector(
  k: Kernel,
  file: File,
  iov: number,
  iovcnt: number,
  writes: boolean,
  offset = -1,
  bytesMax = RW_COUNT_MAX,
): number {
  if (offset < 0 && isSocket(file)) return transferMessage(k, file, iov, iovcnt, writes);
  const { mem } = k;
  const vector = iov >>> 0;
  const total = vectorBytes(k, iov, iovcnt);
  if (total < 0) return total;
  if (offset >= 0 && !file.seekable) return -ESPIPE;
  // Without any bytes it is still a call: a descriptor that is not open for it answers EBADF.
  if (total === 0) return transfer(k, file, 0, 0, writes, offset);
  let done = 0;
  for (let i = 0; i < iovcnt; i++) {
    const base = mem.getU32(vector + i * IOVEC_BYTES);
    const length = Math.min(mem.getU32(vector + i * IOVEC_BYTES + 4), bytesMax - done);
    if (length === 0) continue;
    const at = offset < 0 ? offset : offset + done;
    const result =
      done === 0 ? transfer(k, file, base, length, writes, at) : transferNow(k, file, base, length, writes, at);
    if (result === WOULD_BLOCK) return WOULD_BLOCK;
    if (result < 0) return done > 0 ? done : result;
    done += result;
    if (result < length) break;
  }
  return done;
}

const message = new IoVector();
const received: Received = { address: null, ancillary: null, flags: 0 };

/** The buffers of a vector as one message: a datagram is not cut where its buffers end, and a stream sends them at once. */
function transferMessage(k: Kernel, socket: Socket, iov: number, iovcnt: number, writes: boolean): number {
  if (iovcnt < 0 || iovcnt > IOV_MAX) return -EINVAL;
  const wrong = message.read(k.mem, iov >>> 0, iovcnt);
  if (wrong !== 0) return wrong;
  if (writes) return socket.send(k, message, 0, null, null);
  received.ancillary = null;
  const result = socket.receive(k, message, 0, received);
  if (received.ancillary) releaseFiles(k, received.ancillary);
  return result;
}

/** The bytes that a vector names; -EINVAL for too many of them or too many pieces, -EFAULT for what is not memory. */
export function vectorBytes(k: Kernel, iov: number, iovcnt: number): number {
  if (iovcnt < 0 || iovcnt > IOV_MAX) return -EINVAL;
  const { mem } = k;
  const vector = iov >>> 0;
  if (!mem.has(vector, iovcnt * IOVEC_BYTES)) return -EFAULT;
  let total = 0;
  for (let i = 0; i < iovcnt; i++) {
    const length = mem.getU32(vector + i * IOVEC_BYTES + 4);
    total += length;
    if (length > SSIZE_MAX || total > SSIZE_MAX) return -EINVAL;
    if (length > 0 && !mem.has(mem.getU32(vector + i * IOVEC_BYTES), length)) return -EFAULT;
  }
  return total;
}

function transfer(k: Kernel, file: File, buf: number, count: number, writes: boolean, offset: number): number {
  if (offset < 0) return writes ? file.write(k, buf, count) : file.read(k, buf, count);
  const seekable = file.seekable as Seekable;
  return writes ? seekable.pwrite(k, buf, count, offset) : seekable.pread(k, buf, count, offset);
}

/** The same without waiting: -EAGAIN where it would. */
export function transferNow(
  k: Kernel,
  file: File,
  buf: number,
  count: number,
  writes: boolean,
  offset: number,
): number {
  const { flags } = file;
  file.flags |= O_NONBLOCK;
  const result = transfer(k, file, buf, count, writes, offset);
  file.flags = flags;
  return result;
}
