/**
 * /dev: a ramfs with character devices in it (as Linux' devtmpfs is one), so that directories such as /dev/shm can be made there. The
 * devices have Linux' numbers.
 */
import { EBADF, EINVAL, ENOSPC, ENOTTY, ENXIO } from "../abi/errno.ts";
import { S_IFCHR } from "../abi/fcntl.ts";
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../abi/poll.ts";
import type { Kernel } from "../kernel.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { mayRead, mayWrite } from "./access.ts";
import { CONSOLE_RDEV, ConsoleFile } from "./console-file.ts";
import type { File, Seekable, Stat } from "./file.ts";
import type { Inode } from "./inode.ts";
import { RamInode } from "./ram-inode.ts";
import { RamFs } from "./ramfs.ts";

/** /dev/tty: major 5, minor 0. */
const TTY_RDEV = 5 << 8;

/** What a simple device does with validated guest memory. Bytes, or a negated errno. */
interface CharacterDevice {
  readonly rdev: number;
  read(kernel: Kernel, buf: number, count: number): number;
  write(kernel: Kernel, buf: number, count: number): number;
}

const takeAll = (_kernel: Kernel, _buf: number, count: number): number => count;

const zeroes = (kernel: Kernel, buf: number, count: number): number => {
  kernel.mem.u8.fill(0, buf, buf + count);
  return count;
};

/** random(4): bytes of the entropy device; what is written is mixed in by nobody. */
const random = (kernel: Kernel, buf: number, count: number): number =>
  count === 0 ? 0 : kernel.entropy.fill(kernel.mem.base + buf, count);

const DEVICES: ReadonlyMap<string, CharacterDevice> = new Map([
  ["null", { rdev: (1 << 8) | 3, read: () => 0, write: takeAll }],
  ["zero", { rdev: (1 << 8) | 5, read: zeroes, write: takeAll }],
  ["full", { rdev: (1 << 8) | 7, read: zeroes, write: (_k, _buf, count) => (count === 0 ? 0 : -ENOSPC) }],
  ["random", { rdev: (1 << 8) | 8, read: random, write: takeAll }],
  ["urandom", { rdev: (1 << 8) | 9, read: random, write: takeAll }],
] satisfies [string, CharacterDevice][]);

/** A file system for /dev. */
export function newDevFs(kernel: Kernel, bytesMax: number): RamFs {
  const fs = new RamFs(kernel, bytesMax, "devtmpfs", "devtmpfs");
  const { root } = fs;
  for (const [name, device] of DEVICES) {
    root.add(
      kernel,
      name,
      new DeviceInode(kernel, fs, device.rdev, (inode, flags, path) => new DeviceFile(inode, device, flags, path)),
    );
  }
  const openConsole = (flags: number): File => new ConsoleFile(kernel, mayRead(flags) ? 0 : 1, flags);
  root.add(kernel, "console", new DeviceInode(kernel, fs, CONSOLE_RDEV, (_inode, flags) => openConsole(flags)));
  // tty(4): there is one only for who has a terminal.
  const openTerminal = (flags: number): File | number => (kernel.console.isTerminal ? openConsole(flags) : -ENXIO);
  root.add(kernel, "tty", new DeviceInode(kernel, fs, TTY_RDEV, (_inode, flags) => openTerminal(flags)));
  root.addSymlink(kernel, "fd", "/proc/self/fd");
  root.addSymlink(kernel, "stdin", "/proc/self/fd/0");
  root.addSymlink(kernel, "stdout", "/proc/self/fd/1");
  root.addSymlink(kernel, "stderr", "/proc/self/fd/2");
  return fs;
}

type OpenDevice = (inode: Inode, flags: number, path: string) => File | number;

class DeviceInode extends RamInode {
  readonly kind = "character";
  readonly directory = null;
  readonly symlink = null;
  readonly size = 0;
  readonly allocated = 0;
  readonly #rdev: number;
  readonly #open: OpenDevice;

  constructor(kernel: Kernel, fs: RamFs, rdev: number, open: OpenDevice) {
    super(kernel, fs, 0o666);
    this.#rdev = rdev;
    this.#open = open;
  }

  override stat(kernel: Kernel, out: Stat): number {
    super.stat(kernel, out);
    out.mode = S_IFCHR | this.mode;
    out.rdev = this.#rdev;
    return 0;
  }

  open(_kernel: Kernel, flags: number, path: string): File | number {
    return this.#open(this, flags, path);
  }
}

/** An open device. Offsets mean nothing to it, but lseek(2) and pread(2) are allowed, as on Linux. */
class DeviceFile implements File, Seekable {
  readonly kind = "character";
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly directory = null;
  readonly durable = null;
  readonly path: string;
  readonly inode: Inode;
  readonly #device: CharacterDevice;

  constructor(inode: Inode, device: CharacterDevice, flags: number, path: string) {
    this.inode = inode;
    inode.hold();
    this.#device = device;
    this.flags = flags;
    this.path = path;
  }

  get seekable(): Seekable {
    return this;
  }

  read(kernel: Kernel, buf: number, count: number): number {
    return mayRead(this.flags) ? this.#device.read(kernel, buf, count) : -EBADF;
  }

  write(kernel: Kernel, buf: number, count: number): number {
    return mayWrite(this.flags) ? this.#device.write(kernel, buf, count) : -EBADF;
  }

  pread(kernel: Kernel, buf: number, count: number, _offset: number): number {
    return this.read(kernel, buf, count);
  }

  pwrite(kernel: Kernel, buf: number, count: number, _offset: number): number {
    return this.write(kernel, buf, count);
  }

  seek(_kernel: Kernel, _offset: number, _whence: number): number {
    return 0;
  }

  truncate(_kernel: Kernel, _length: number): number {
    return -EINVAL;
  }

  poll(_kernel: Kernel): number {
    return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
  }

  close(kernel: Kernel): void {
    this.inode.release(kernel);
  }

  stat(kernel: Kernel, out: Stat): number {
    return this.inode.stat(kernel, out);
  }

  ioctl(_kernel: Kernel, _request: number, _arg: number): number {
    return -ENOTTY;
  }
}
