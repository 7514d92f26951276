/**
 * The console as a file: descriptors 0, 1 and 2, /dev/console and /dev/tty. It adds to ConsoleDriver what a file has: access mode, O_NONBLOCK and
 * parking. A blocking write goes out whole: what the driver has taken so far is kept in the parked call's `inflight`.
 */
import { EAGAIN, EBADF, EFAULT } from "../abi/errno.ts";
import { O_NONBLOCK, S_IFCHR } from "../abi/fcntl.ts";
import { FIONREAD } from "../abi/ioctl.ts";
import type { Kernel } from "../kernel.ts";
import type { WaitQueue } from "../sched/wait-queue.ts";
import { mayRead, mayWrite } from "./access.ts";
import type { File, Stat } from "./file.ts";
import { terminalOf } from "./terminal.ts";

/** /dev/console (Linux' list of allocated devices): major 5, minor 1. */
export const CONSOLE_RDEV = (5 << 8) | 1;

export class ConsoleFile implements File {
  readonly kind = "character";
  flags: number;
  refs = 0;
  readonly waiters: WaitQueue;
  readonly seekable = null;
  readonly directory = null;
  readonly durable = null;
  readonly path = "/dev/console";
  /** Which output it writes to: 2 is the error output. */
  readonly #stream: 0 | 1 | 2;

  constructor(kernel: Kernel, stream: 0 | 1 | 2, flags: number) {
    this.#stream = stream;
    this.flags = flags;
    this.waiters = mayRead(flags) && stream === 0 ? kernel.console.inputWaiters : kernel.console.outputWaiters(stream);
  }

  read(kernel: Kernel, buf: number, count: number): number {
    if (!mayRead(this.flags)) return -EBADF;
    const done = kernel.console.read(kernel.mem.base + buf, count);
    if (done !== -EAGAIN || (this.flags & O_NONBLOCK) !== 0) return done;
    return kernel.block(kernel.console.inputWaiters);
  }

  write(kernel: Kernel, buf: number, count: number): number {
    if (!mayWrite(this.flags)) return -EBADF;
    const { current } = kernel;
    const before = current.inflight?.result ?? 0;
    current.inflight = null; // writev(2) may write another piece in the same call
    const done = kernel.console.write(this.#stream, kernel.mem.base + buf + before, count - before);
    if (done < 0 && done !== -EAGAIN) return before > 0 ? before : done;
    const total = before + Math.max(0, done);
    if (total === count || (this.flags & O_NONBLOCK) !== 0) return total > 0 || count === 0 ? total : -EAGAIN;
    // A callback has no stack to park: it gets what fitted.
    if (!current.canPark) return total > 0 ? total : kernel.block(null);
    current.inflight = { done: false, result: total };
    return kernel.block(kernel.console.outputWaiters(this.#stream));
  }

  /** Another description of the same console (/proc/PID/fd): of the same output, if it is for writing. */
  reopen(kernel: Kernel, flags: number): ConsoleFile {
    return new ConsoleFile(kernel, mayRead(flags) ? 0 : this.#stream || 1, flags);
  }

  poll(kernel: Kernel): number {
    return kernel.console.poll(this.#stream);
  }

  close(_kernel: Kernel): void {}

  stat(kernel: Kernel, out: Stat): number {
    return statDevice(kernel, out, CONSOLE_RDEV);
  }

  ioctl(kernel: Kernel, request: number, arg: number): number {
    const { mem, console } = kernel;
    if (request === FIONREAD) {
      if (!mem.has(arg, 4)) return -EFAULT;
      mem.setU32(arg, console.inputBytes);
      return 0;
    }
    return terminalOf(console).ioctl(kernel, request, arg);
  }
}

/** fstat(2) of a character device that has no inode of its own. */
function statDevice(kernel: Kernel, out: Stat, rdev: number): number {
  const seconds = Math.floor((kernel.clock.realtimeMs() - kernel.clock.monotonicMs()) / 1000);
  out.dev = 5;
  out.ino = rdev;
  out.mode = S_IFCHR | 0o620;
  out.nlink = 1;
  out.uid = 0;
  out.gid = 0;
  out.rdev = rdev;
  out.size = 0;
  out.blksize = 1024;
  out.blocks = 0;
  out.atimeSec = out.mtimeSec = out.ctimeSec = seconds;
  out.atimeNsec = out.mtimeNsec = out.ctimeNsec = 0;
  return 0;
}
