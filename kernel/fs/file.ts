/**
 * An open file description (open(2)): what descriptors point to. Every kind of kernel object that can be opened implements
 * `File`; what only some have (an offset, entries, a name on a disk) hangs on an optional facet, so nothing is inherited
 * silently and the syscall layer answers the right errno where a facet is missing.
 *
 * `buf`/`count` name guest memory that the syscall layer has validated already. Results are bytes, a negated errno, or
 * `kernel.block(...)`'s WOULD_BLOCK. A method that would block and finds O_NONBLOCK in `flags` answers -EAGAIN.
 */
import type { Kernel } from "../kernel.ts";
import type { SharedHome } from "../mem/shared-object.ts";
import type { WaitQueue } from "../sched/wait-queue.ts";

export type FileKind =
  | "regular"
  | "directory"
  | "fifo"
  | "socket"
  | "eventfd"
  | "timerfd"
  | "signalfd"
  | "epoll"
  | "character"
  | "symlink";

export interface File {
  readonly kind: FileKind;
  /** Access mode and status flags (O_ACCMODE, O_APPEND, O_NONBLOCK, ...): fcntl(F_GETFL). */
  flags: number;
  /** Descriptors that share this description; the fd table keeps it and calls `close` at zero. */
  refs: number;
  /** Woken with the poll bits that came up. */
  readonly waiters: WaitQueue;

  read(kernel: Kernel, buf: number, count: number): number;
  write(kernel: Kernel, buf: number, count: number): number;
  /** The poll(2) bits that hold now. */
  poll(kernel: Kernel): number;
  /** The last descriptor is gone. Never blocks. */
  close(kernel: Kernel): void;
  stat(kernel: Kernel, out: Stat): number;
  /** ioctl(2); -ENOTTY for what it does not know. */
  ioctl(kernel: Kernel, request: number, arg: number): number;

  /** Files with an offset; without it pread, pwrite and lseek answer -ESPIPE, ftruncate -EINVAL. */
  readonly seekable: Seekable | null;
  /** Directories; without it getdents64 answers -ENOTDIR. */
  readonly directory: OpenDirectory | null;
  /** What fsync(2) does; without it -EINVAL. */
  readonly durable: Durable | null;
  /** Files that mmap(2) takes; without it -ENODEV. */
  readonly mappable?: Mappable;
}

export interface Seekable {
  pread(kernel: Kernel, buf: number, count: number, offset: number): number;
  pwrite(kernel: Kernel, buf: number, count: number, offset: number): number;
  /** lseek(2): the new offset or a negated errno. */
  seek(kernel: Kernel, offset: number, whence: number): number;
  truncate(kernel: Kernel, length: number): number;
}

/** How the kernel reaches the contents of a file for its mappings. Nothing here parks, appends, or makes the file longer. */
export interface Mappable {
  /** Where all descriptions of the file find what its shared mappings share. */
  readonly home: SharedHome;
  /** Bytes, or a negated errno. */
  size(kernel: Kernel): number;
  /** Copies bytes from `offset` on into `target`: their number, less only at the end of the file, or a negated errno. */
  load(kernel: Kernel, target: Uint8Array, offset: number): number;
  /** Overwrites bytes of the file with memory at a physical address: their number, or a negated errno. */
  store(kernel: Kernel, address: number, length: number, offset: number): number;
  /** What fsync(2) does, for a caller that does not wait. */
  syncNow(kernel: Kernel): number;
}

export interface Durable {
  sync(kernel: Kernel, dataOnly: boolean): number;
}

export interface OpenDirectory {
  /** getdents64(2): fills `buf` with `struct linux_dirent64`, returns bytes, 0 at the end. */
  getdents(kernel: Kernel, buf: number, count: number): number;
}

/** stat(2), as plain numbers; times in nanoseconds split as sec + nsec. */
export interface Stat {
  dev: number;
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  size: number;
  blksize: number;
  blocks: number;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
  ctimeSec: number;
  ctimeNsec: number;
}
