/**
 * Pipes (pipe(7)) and named ones (fifo(7)): a ring of bytes in the kernel, and ends, each an open file description.
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
import { mayRead, mayWrite } from "./access.ts";
import { statAnonymous } from "./anonymous.ts";
import type { File, Stat } from "./file.ts";
import type { Inode } from "./inode.ts";

/** Writes up to this size are atomic. */
export const PIPE_BUF = 4096;
const CAPACITY_DEFAULT = 65536;
/** /proc/sys/fs/pipe-max-size. */
export const PIPE_SIZE_MAX = 1024 * 1024;

const READABLE = POLLIN | POLLRDNORM;
const WRITABLE = POLLOUT | POLLWRNORM;

/** What all ends share. */
export class Pipe {
  /** Who waits to read (also: every end that reads and writes), and who waits to write. */
  readonly readWaiters = new WaitQueue();
  readonly writeWaiters = new WaitQueue();
  /** Open ends that read, that write; one that does both counts as both. PipeEnd's own. */
  readers = 0;
  writers = 0;
  /** Ends that do both, which wait among the readers. */
  both = 0;
  /** How often an end that writes has been opened. */
  writerOpens = 0;
  /** The ring; made at the first write. */
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  #capacity = CAPACITY_DEFAULT;
  #head = 0;
  #length = 0;

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
    this.wakeWriters(WRITABLE);
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
    const size = this.peek(target);
    this.#head = (this.#head + size) % this.#capacity;
    this.#length -= size;
    return size;
  }

  /** Takes out `size` bytes, which are there, and tells writers. */
  discard(size: number): void {
    this.#head = (this.#head + size) % this.#capacity;
    this.#length -= size;
    this.wakeWriters(WRITABLE);
  }

  /** Copies what there is, up to `target`'s size; the bytes copied. */
  peek(target: Uint8Array): number {
    const size = Math.min(target.length, this.#length);
    if (size === 0 || this.#bytes === null) return 0;
    const first = Math.min(size, this.#capacity - this.#head);
    target.set(this.#bytes.subarray(this.#head, this.#head + first));
    if (size > first) target.set(this.#bytes.subarray(0, size - first), first);
    return size;
  }

  /** Nobody has it open any more: what is in it is gone. */
  clear(): void {
    this.#head = 0;
    this.#length = 0;
  }

  wakeWriters(mask: number): void {
    this.writeWaiters.wake(mask);
    if (this.both > 0) this.readWaiters.wake(mask);
  }
}

/** One end: what it may do is its access mode. */
export class PipeEnd implements File {
  readonly kind = "fifo";
  flags: number;
  refs = 0;
  readonly waiters: WaitQueue;
  readonly seekable = null;
  readonly directory = null;
  readonly durable = null;
  readonly pipe: Pipe;
  /** Of a named pipe. Held. */
  readonly inode: Inode | null;
  readonly path: string | null;
  /** The pipe's `writerOpens` when this end was opened: a reader does not hang up before there was a writer. */
  readonly #writersBefore: number;

  constructor(pipe: Pipe, flags: number, inode: Inode | null = null, path: string | null = null) {
    this.pipe = pipe;
    this.flags = flags;
    this.inode = inode;
    this.path = path;
    inode?.hold();
    this.waiters = mayRead(flags) ? pipe.readWaiters : pipe.writeWaiters;
    this.#writersBefore = pipe.writers > 0 ? -1 : pipe.writerOpens;
    this.#count(1);
    if (mayWrite(flags)) pipe.writerOpens++;
  }

  /** The read end and the write end of a new pipe. */
  static pair(statusFlags: number): [reader: PipeEnd, writer: PipeEnd] {
    const pipe = new Pipe();
    return [new PipeEnd(pipe, O_RDONLY | statusFlags), new PipeEnd(pipe, O_WRONLY | statusFlags)];
  }

  read(k: Kernel, buf: number, count: number): number {
    if (!mayRead(this.flags)) return -EBADF;
    const { pipe } = this;
    if (count === 0) return 0;
    if (pipe.length === 0) {
      if (pipe.writers === 0) return 0;
      return this.flags & O_NONBLOCK ? -EAGAIN : k.block(pipe.readWaiters);
    }
    // As on Linux only a pipe that was full becomes writable by this: an edge-triggered writer sees one edge, not one for each read.
    const wasFull = pipe.room < PIPE_BUF;
    const size = pipe.take(k.mem.u8.subarray(buf, buf + count));
    if (wasFull) pipe.wakeWriters(WRITABLE);
    return size;
  }

  /** pipe(7), PIPE_BUF: the four cases of O_NONBLOCK and size. */
  write(k: Kernel, buf: number, count: number): number {
    if (!mayWrite(this.flags)) return -EBADF;
    const { pipe } = this;
    if (count === 0) return 0;
    const before = k.current.inflight?.result ?? 0;
    k.current.inflight = null; // writev(2) may write another piece in the same call
    if (pipe.readers === 0) return before > 0 ? before : -EPIPE;
    const nonBlocking = (this.flags & O_NONBLOCK) !== 0;
    if (count <= PIPE_BUF && pipe.room < count) return nonBlocking ? -EAGAIN : k.block(pipe.writeWaiters);
    const size = pipe.room > 0 ? pipe.put(k.mem.u8.subarray(buf + before, buf + count)) : 0;
    if (size > 0) pipe.readWaiters.wake(READABLE);
    const done = before + size;
    if (done === count) return done;
    if (nonBlocking) return done > 0 ? done : -EAGAIN;
    const parked = k.block(pipe.writeWaiters);
    if (parked !== WOULD_BLOCK) return done > 0 ? done : parked; // there is no stack to park
    k.current.inflight = { done: false, result: done };
    return parked;
  }

  poll(): number {
    const { pipe } = this;
    let mask = 0;
    if (mayRead(this.flags)) {
      if (pipe.length > 0) mask |= READABLE;
      if (pipe.writers === 0 && pipe.writerOpens !== this.#writersBefore) mask |= POLLHUP;
    }
    if (mayWrite(this.flags)) {
      if (pipe.room >= PIPE_BUF) mask |= WRITABLE;
      if (pipe.readers === 0) mask |= POLLERR;
    }
    return mask;
  }

  close(k: Kernel): void {
    const { pipe } = this;
    this.#count(-1);
    if (mayRead(this.flags) && pipe.readers === 0) pipe.wakeWriters(POLLERR | WRITABLE);
    if (mayWrite(this.flags) && pipe.writers === 0) pipe.readWaiters.wake(POLLHUP | READABLE);
    if (pipe.readers === 0 && pipe.writers === 0) pipe.clear();
    this.inode?.release(k);
  }

  stat(k: Kernel, out: Stat): number {
    return this.inode ? this.inode.stat(k, out) : statAnonymous(out, S_IFIFO | 0o600);
  }

  ioctl(k: Kernel, request: number, arg: number): number {
    if (request !== FIONREAD) return -ENOTTY;
    if (!k.mem.has(arg >>> 0, 4)) return -EFAULT;
    k.mem.setU32(arg >>> 0, this.pipe.length);
    return 0;
  }

  #count(by: 1 | -1): void {
    const { pipe, flags } = this;
    if (mayRead(flags)) pipe.readers += by;
    if (mayWrite(flags)) pipe.writers += by;
    if (mayRead(flags) && mayWrite(flags)) pipe.both += by;
  }
}
