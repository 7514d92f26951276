/**
 * Bytes from one descriptor to another: sendfile(2), copy_file_range(2), splice(2), tee(2). They pass through the kernel's own buffer.
 *
 * A call that has moved something does not wait for more: short counts are what these calls have. One that has moved nothing waits on the file
 * that holds it up, and has consumed nothing by then.
 */
import { EAGAIN, EBADF, EFAULT, EINVAL, EISDIR, ESPIPE } from "../../abi/errno.ts";
import { O_APPEND, O_NONBLOCK, O_PATH, SEEK_CUR, SEEK_SET } from "../../abi/fcntl.ts";
import { POLLIN, POLLRDNORM } from "../../abi/poll.ts";
import { mayRead, mayWrite } from "../../fs/access.ts";
import type { File } from "../../fs/file.ts";
import { inodeOf } from "../../fs/open-inode.ts";
import { type Pipe, PipeEnd } from "../../fs/pipe.ts";
import type { Process } from "../../process/process.ts";
import { transferNow } from "../file.ts";
import type { Row } from "../row.ts";
import { BOUNCE_BYTES, withBounceBuffer } from "./bounce.ts";
import { raiseBrokenPipe } from "./call-signal.ts";
import { linuxRow, RESTARTS } from "./row.ts";
import { allowedBytes } from "./transfer.ts";

/** Bytes after which a call is done, so that the machine's other threads get their turn. */
const MOVED_BYTES_MAX = 8 * 1024 * 1024;

const SPLICE_F_NONBLOCK = 2;
const SPLICE_FLAGS = 15;

/** sendfile(2): from a file with an offset to anything. */
export function sys_sendfile(k: Process, outFd: number, inFd: number, offset: number, count: number): number {
  const [from, to] = endsOf(k, inFd, outFd);
  if (!from || !to) return -EBADF;
  if (!from.seekable || to.flags & O_APPEND) return -EINVAL;
  const source = offsetAt(k, from, offset);
  if (typeof source === "number") return source;
  const wanted = allowedBytes(k, outFd, count >>> 0, -1);
  if (wanted < 0) return wanted;
  const result = moveFromFile(k, source, wanted, (bounce, bytes) => writeNow(bounce, to, bytes));
  return result === -EAGAIN ? blockOn(k, to) : raiseBrokenPipe(k, result);
}

/** copy_file_range(2). */
export function sys_copy_file_range(
  k: Process,
  inFd: number,
  inOffset: number,
  outFd: number,
  outOffset: number,
  length: number,
  flags: number,
): number {
  if (flags !== 0) return -EINVAL;
  const [from, to] = endsOf(k, inFd, outFd);
  if (!from || !to || to.flags & O_APPEND) return -EBADF;
  if (from.kind === "directory" || to.kind === "directory") return -EISDIR;
  if (from.kind !== "regular" || to.kind !== "regular") return -EINVAL;
  const source = offsetAt(k, from, inOffset);
  if (typeof source === "number") return source;
  const target = offsetAt(k, to, outOffset);
  if (typeof target === "number") return target;
  const distance = Math.abs(source.value - target.value);
  if (distance < length >>> 0 && inodeOf(from) === inodeOf(to)) return -EINVAL;
  const wanted = allowedBytes(k, outFd, length >>> 0, target.value);
  if (wanted < 0) return wanted;
  return moveFromFile(k, source, wanted, (bounce, bytes) => {
    const done = target.file.seekable?.pwrite(bounce, 0, bytes, target.value) ?? -EINVAL;
    if (done > 0) target.advance(done);
    return done;
  });
}

/** splice(2): from or to a pipe. */
export function sys_splice(
  k: Process,
  inFd: number,
  inOffset: number,
  outFd: number,
  outOffset: number,
  length: number,
  flags: number,
): number {
  if (flags & ~SPLICE_FLAGS) return -EINVAL;
  if (length === 0) return 0;
  const [from, to] = endsOf(k, inFd, outFd);
  if (!from || !to) return -EBADF;
  const fromPipe = from instanceof PipeEnd ? from.pipe : null;
  const toPipe = to instanceof PipeEnd ? to.pipe : null;
  if ((!fromPipe && !toPipe) || fromPipe === toPipe) return -EINVAL;
  if ((fromPipe && inOffset !== 0) || (toPipe && outOffset !== 0)) return -ESPIPE;
  if (to.flags & O_APPEND) return -EINVAL;
  const nonBlocking = (flags & SPLICE_F_NONBLOCK) !== 0;
  const bytes = Math.min(length >>> 0, BOUNCE_BYTES);
  const result = fromPipe
    ? pipeToFile(k, from, fromPipe, to, outOffset, bytes, nonBlocking)
    : fileToPipe(k, from, inOffset, to, toPipe as Pipe, bytes, nonBlocking);
  return raiseBrokenPipe(k, result);
}

/** tee(2): from pipe to pipe, without taking anything out of the first. */
export function sys_tee(k: Process, inFd: number, outFd: number, length: number, flags: number): number {
  if (flags & ~SPLICE_FLAGS) return -EINVAL;
  const [from, to] = endsOf(k, inFd, outFd);
  if (!from || !to) return -EBADF;
  if (!(from instanceof PipeEnd) || !(to instanceof PipeEnd) || from.pipe === to.pipe) return -EINVAL;
  if (length === 0) return 0;
  const bytes = Math.min(length >>> 0, BOUNCE_BYTES);
  return raiseBrokenPipe(k, pipeToFile(k, from, from.pipe, to, 0, bytes, (flags & SPLICE_F_NONBLOCK) !== 0, true));
}

function pipeToFile(
  k: Process,
  from: File,
  pipe: Pipe,
  to: File,
  outOffset: number,
  bytes: number,
  nonBlocking: boolean,
  keeps = false,
): number {
  if (pipe.length === 0) {
    if (pipe.writers === 0) return 0;
    return nonBlocking || from.flags & O_NONBLOCK ? -EAGAIN : k.block(pipe.readWaiters);
  }
  const target = outOffset === 0 ? null : offsetAt(k, to, outOffset);
  if (typeof target === "number") return target;
  const bounce = withBounceBuffer(k);
  const size = pipe.peek(bounce.mem.u8.subarray(0, bytes));
  const done = target
    ? (to.seekable?.pwrite(bounce, 0, size, target.value) ?? -ESPIPE)
    : to instanceof PipeEnd
      ? writeNow(bounce, to, Math.min(size, to.pipe.room))
      : writeNow(bounce, to, size);
  if (done === -EAGAIN || (done === 0 && size > 0)) return nonBlocking ? -EAGAIN : blockOn(k, to);
  if (done <= 0) return done;
  target?.advance(done);
  if (!keeps) pipe.discard(done);
  return done;
}

function fileToPipe(
  k: Process,
  from: File,
  inOffset: number,
  to: File,
  pipe: Pipe,
  bytes: number,
  nonBlocking: boolean,
): number {
  const source = inOffset === 0 ? null : offsetAt(k, from, inOffset);
  if (typeof source === "number") return source;
  if (pipe.readers === 0) return writeNow(withBounceBuffer(k), to, 1);
  if (pipe.room === 0) return nonBlocking ? -EAGAIN : k.block(pipe.writeWaiters);
  const bounce = withBounceBuffer(k);
  const size = Math.min(bytes, pipe.room);
  const done = source
    ? (from.seekable?.pread(bounce, 0, size, source.value) ?? -ESPIPE)
    : nonBlocking
      ? transferNow(bounce, from, 0, size, false, -1)
      : from.read(bounce, 0, size);
  if (done <= 0) return done;
  pipe.put(bounce.mem.u8.subarray(0, done));
  pipe.readWaiters.wake(POLLIN | POLLRDNORM);
  source?.advance(done);
  return done;
}

/** From `source` to wherever `write` puts the first bytes of the buffer, until it takes less than it is given. */
function moveFromFile(
  k: Process,
  source: FileOffset,
  count: number,
  write: (bounce: Process, bytes: number) => number,
): number {
  const bounce = withBounceBuffer(k);
  const wanted = Math.min(count, MOVED_BYTES_MAX);
  let done = 0;
  while (done < wanted) {
    const size = Math.min(BOUNCE_BYTES, wanted - done);
    const read = source.file.seekable?.pread(bounce, 0, size, source.value) ?? -EINVAL;
    if (read <= 0) return done > 0 ? done : read;
    const written = write(bounce, read);
    if (written <= 0) return done > 0 ? done : written;
    source.advance(written);
    done += written;
    if (written < read) break;
  }
  return done;
}

/** Where in a file a call reads or writes: the file's own offset, or one in memory. `advance` moves it. */
class FileOffset {
  readonly file: File;
  value: number;
  readonly #k: Process;
  /** Address of the i64 that is to be moved along; 0: the file's own offset. */
  readonly #ptr: number;

  constructor(k: Process, file: File, ptr: number, value: number) {
    this.#k = k;
    this.file = file;
    this.#ptr = ptr;
    this.value = value;
  }

  advance(bytes: number): void {
    this.value += bytes;
    if (this.#ptr !== 0) this.#k.mem.setI64(this.#ptr, this.value);
    else this.file.seekable?.seek(this.#k, this.value, SEEK_SET);
  }
}

function offsetAt(k: Process, file: File, offset: number): FileOffset | number {
  if (!file.seekable) return -ESPIPE;
  const ptr = offset >>> 0;
  if (ptr !== 0 && !k.mem.has(ptr, 8)) return -EFAULT;
  const value = ptr === 0 ? file.seekable.seek(k, 0, SEEK_CUR) : k.mem.getI64(ptr);
  if (ptr === 0 && value < 0) return value;
  return value >= 0 && Number.isSafeInteger(value) ? new FileOffset(k, file, ptr, value) : -EINVAL;
}

/** What a call moves bytes between; null for a descriptor that is not open for it. */
function endsOf(k: Process, inFd: number, outFd: number): [from: File | null, to: File | null] {
  const from = k.fds.get(inFd);
  const to = k.fds.get(outFd);
  const reads = from && (from.flags & O_PATH) === 0 && mayRead(from.flags);
  const writes = to && (to.flags & O_PATH) === 0 && mayWrite(to.flags);
  return [reads ? from : null, writes ? to : null];
}

function writeNow(bounce: Process, to: File, bytes: number): number {
  return transferNow(bounce, to, 0, bytes, true, -1);
}

/** Until `file` can be written, unless it is not to be waited for. */
function blockOn(k: Process, file: File): number {
  if (file.flags & O_NONBLOCK) return -EAGAIN;
  file.poll(k); // some ask for being told of room only when they are looked at
  return k.block(file.waiters);
}

export const COPY_ROWS: readonly Row[] = [
  linuxRow(40, "sendfile", "outFd:fd inFd:fd offset:ptr count:i32", sys_sendfile, RESTARTS),
  linuxRow(275, "splice", "inFd:fd inOffset:ptr outFd:fd outOffset:ptr length:i32 flags:i32", sys_splice, RESTARTS),
  linuxRow(276, "tee", "inFd:fd outFd:fd length:i32 flags:i32", sys_tee, RESTARTS),
  linuxRow(
    326,
    "copy_file_range",
    "inFd:fd inOffset:ptr outFd:fd outOffset:ptr length:i32 flags:i32",
    sys_copy_file_range,
    RESTARTS,
  ),
];
