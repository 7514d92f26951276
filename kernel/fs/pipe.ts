/**
 * Pipes (pipe(7)): a ring of bytes in the kernel with a read end and a write end, which are two open file descriptions.
 *
 * What always holds: at most `capacity` bytes are in the pipe; a write of at most PIPE_BUF bytes goes in whole or not at all. A longer
 * blocking write goes in as room appears; how far it got is kept in the parked call's `inflight`.
 */
import { EAGAIN, EBADF, EBUSY, EFAULT, EINVAL, ENOTTY, EPERM, EPIPE } from "../abi/errno.ts";
import { O_NONBLOCK, O_RDONLY, O_WRONLY, S_IFIFO } from "../abi/fcntl.ts";
import { FIONREAD } from "../abi/ioctl.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../abi/poll.ts";
import type { Kernel } from "../kernel.ts";
import { WOULD_BLOCK } from "../sched/task.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { statAnonymous } from "./anonymous.ts";
import type { File, Stat } from "./file.ts";

/** Writes up to this size are atomic. */
export const PIPE_BUF = 4096;
const CAPACITY_DEFAULT = 65536;
/** /proc/sys/fs/pipe-max-size. */
export const PIPE_SIZE_MAX = 1024 * 1024;

/** What both ends share. */
export class Pipe {
  readonly reader: PipeReadEnd;
  readonly writer: PipeWriteEnd;
  /** The ring; made at the first write. */
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  #capacity = CAPACITY_DEFAULT;
  #head = 0;
  #length = 0;
  readerOpen = true;
  writerOpen = true;

  constructor(statusFlags: number) {
    this.reader = new PipeReadEnd(this, O_RDONLY | statusFlags);
    this.writer = new PipeWriteEnd(this, O_WRONLY | statusFlags);
  }

  /** Bytes that can be read. */
  get length(): number {
    return this.#length;
  }

  get room(): number {
    return this.#capacity - this.#length;
  }

  /** F_GETPIPE_SZ. */
  get capacity(): number {
    return this.#capacity;
  }

  /** F_SETPIPE_SZ: rounded up to a power of two of at least a page; the new capacity, or a negated errno (fcntl(2)). */
  setCapacity(bytes: number): number {
    if (bytes < 0) return -EINVAL;
    if (bytes > PIPE_SIZE_MAX) return -EPERM;
    let capacity = PIPE_BUF;
    while (capacity < bytes) capacity *= 2;
    if (capacity < this.#length) return -EBUSY;
    if (this.#bytes) {
      const bytesNow = new Uint8Array(capacity);
      const length = this.take(bytesNow);
      this.#bytes = bytesNow;
      this.#head = 0;
      this.#length = length;
    }
    this.#capacity = capacity;
    this.writer.waiters.wake(POLLOUT | POLLWRNORM);
    return capacity;
  }

  /** Puts in what fits of `source`; the bytes put. */
  put(source: Uint8Array): number {
    this.#bytes ??= new Uint8Array(this.#capacity);
    const size = Math.min(source.length, this.room);
    const tail = (this.#head + this.#length) % this.#capacity;
    const first = Math.min(size, this.#capacity - tail);
    this.#bytes.set(source.subarray(0, first), tail);
    if (size > first) this.#bytes.set(source.subarray(first, size), 0);
    this.#length += size;
    return size;
  }

  /** Takes out what there is, up to `target`'s size; the bytes taken. */
  take(target: Uint8Array): number {
    const size = Math.min(target.length, this.#length);
    if (size === 0 || this.#bytes === null) return 0;
    const first = Math.min(size, this.#capacity - this.#head);
    target.set(this.#bytes.subarray(this.#head, this.#head + first));
    if (size > first) target.set(this.#bytes.subarray(0, size - first), first);
    this.#head = (this.#head + size) % this.#capacity;
    this.#length -= size;
    return size;
  }
}

export class PipeReadEnd implements File {
  readonly kind = "fifo";
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly seekable = null;
  readonly directory = null;
  readonly durable = null;
  readonly pipe: Pipe;

  constructor(pipe: Pipe, flags: number) {
    this.pipe = pipe;
    this.flags = flags;
  }

  read(k: Kernel, buf: number, count: number): number {
    const { pipe } = this;
    if (count === 0) return 0;
    if (pipe.length === 0) {
      if (!pipe.writerOpen) return 0;
      return this.flags & O_NONBLOCK ? -EAGAIN : k.block(this.waiters);
    }
    // As on Linux only a pipe that was full becomes writable by this: an edge-triggered writer sees one edge, not one for each read.
    const wasFull = pipe.room < PIPE_BUF;
    const size = pipe.take(k.mem.u8.subarray(buf, buf + count));
    if (wasFull) pipe.writer.waiters.wake(POLLOUT | POLLWRNORM);
    return size;
  }

  write(): number {
    return -EBADF;
  }

  poll(): number {
    let mask = 0;
    if (this.pipe.length > 0) mask |= POLLIN | POLLRDNORM;
    if (!this.pipe.writerOpen) mask |= POLLHUP;
    return mask;
  }

  close(): void {
    this.pipe.readerOpen = false;
    this.pipe.writer.waiters.wake(POLLERR | POLLOUT | POLLWRNORM);
  }

  stat(_k: Kernel, out: Stat): number {
    return statAnonymous(out, S_IFIFO | 0o600);
  }

  ioctl(k: Kernel, request: number, arg: number): number {
    return ioctlPipe(k, this.pipe, request, arg);
  }
}

export class PipeWriteEnd implements File {
  readonly kind = "fifo";
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly seekable = null;
  readonly directory = null;
  readonly durable = null;
  readonly pipe: Pipe;

  constructor(pipe: Pipe, flags: number) {
    this.pipe = pipe;
    this.flags = flags;
  }

  read(): number {
    return -EBADF;
  }

  /** pipe(7), PIPE_BUF: the four cases of O_NONBLOCK and size. */
  write(k: Kernel, buf: number, count: number): number {
    const { pipe } = this;
    if (count === 0) return 0;
    const before = k.current.inflight?.result ?? 0;
    k.current.inflight = null; // writev(2) may write another piece in the same call
    if (!pipe.readerOpen) return before > 0 ? before : -EPIPE;
    const nonBlocking = (this.flags & O_NONBLOCK) !== 0;
    if (count <= PIPE_BUF && pipe.room < count) return nonBlocking ? -EAGAIN : k.block(this.waiters);
    const size = pipe.room > 0 ? pipe.put(k.mem.u8.subarray(buf + before, buf + count)) : 0;
    if (size > 0) pipe.reader.waiters.wake(POLLIN | POLLRDNORM);
    const done = before + size;
    if (done === count) return done;
    if (nonBlocking) return done > 0 ? done : -EAGAIN;
    const parked = k.block(this.waiters);
    if (parked !== WOULD_BLOCK) return done > 0 ? done : parked; // there is no stack to park
    k.current.inflight = { done: false, result: done };
    return parked;
  }

  poll(): number {
    let mask = 0;
    if (this.pipe.room >= PIPE_BUF) mask |= POLLOUT | POLLWRNORM;
    if (!this.pipe.readerOpen) mask |= POLLERR;
    return mask;
  }

  close(): void {
    this.pipe.writerOpen = false;
    this.pipe.reader.waiters.wake(POLLHUP | POLLIN | POLLRDNORM);
  }

  stat(_k: Kernel, out: Stat): number {
    return statAnonymous(out, S_IFIFO | 0o600);
  }

  ioctl(k: Kernel, request: number, arg: number): number {
    return ioctlPipe(k, this.pipe, request, arg);
  }
}

function ioctlPipe(k: Kernel, pipe: Pipe, request: number, arg: number): number {
  if (request !== FIONREAD) return -ENOTTY;
  if (!k.mem.has(arg >>> 0, 4)) return -EFAULT;
  k.mem.setU32(arg >>> 0, pipe.length);
  return 0;
}
