/**
 * An open regular file of ramfs. Reads and writes copy between its chunks and guest memory and never block.
 */
import { EBADF, EFAULT, EFBIG, EINVAL, ENOSPC, ENOTTY } from "../abi/errno.ts";
import { O_APPEND, O_NOATIME } from "../abi/fcntl.ts";
import { FIONREAD } from "../abi/ioctl.ts";
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../abi/poll.ts";
import type { Kernel } from "../kernel.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { mayRead, mayWrite } from "./access.ts";
import type { Durable, File, Mappable, Seekable, Stat } from "./file.ts";
import { RAM_FILE_BYTES_MAX, type RamRegular } from "./ram-inode.ts";
import { seekTarget } from "./seek.ts";

export class RamFile implements File, Seekable, Durable, Mappable {
  readonly kind = "regular";
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly directory = null;
  readonly path: string;
  offset = 0;
  readonly inode: RamRegular;

  constructor(inode: RamRegular, flags: number, path: string) {
    this.inode = inode;
    this.flags = flags;
    this.path = path;
    inode.hold();
  }

  get seekable(): Seekable {
    return this;
  }

  get durable(): Durable {
    return this;
  }

  get mappable(): Mappable {
    return this;
  }

  get home(): RamRegular {
    return this.inode;
  }

  read(kernel: Kernel, buf: number, count: number): number {
    const done = this.pread(kernel, buf, count, this.offset);
    if (done > 0) this.offset += done;
    return done;
  }

  write(kernel: Kernel, buf: number, count: number): number {
    const at = (this.flags & O_APPEND) !== 0 ? this.inode.data.size : this.offset;
    const done = this.pwrite(kernel, buf, count, at);
    if (done > 0) this.offset = at + done;
    return done;
  }

  pread(kernel: Kernel, buf: number, count: number, offset: number): number {
    if (!mayRead(this.flags)) return -EBADF;
    if (offset < 0) return -EINVAL;
    const target = kernel.mem.bytes(buf, count);
    if (!target) return -EFAULT;
    this.inode.shared?.sync(offset, offset + count);
    const done = this.inode.data.read(target, offset);
    if (done > 0 && (this.flags & O_NOATIME) === 0) this.inode.touchAccess(kernel);
    return done;
  }

  pwrite(kernel: Kernel, buf: number, count: number, offset: number): number {
    if (!mayWrite(this.flags)) return -EBADF;
    if (offset < 0) return -EINVAL;
    const source = kernel.mem.bytes(buf, count);
    if (!source) return -EFAULT;
    if (count === 0) return 0;
    const { data } = this.inode;
    // pwrite(2), BUGS: with O_APPEND Linux appends, whatever the offset.
    const at = (this.flags & O_APPEND) !== 0 ? data.size : offset;
    if (at >= RAM_FILE_BYTES_MAX) return -EFBIG;
    const room = RAM_FILE_BYTES_MAX - at;
    const done = data.write(count > room ? source.subarray(0, room) : source, at);
    if (done === 0) return -ENOSPC;
    this.inode.touchChange(kernel, true);
    this.inode.shared?.written(at, done);
    return done;
  }

  seek(_kernel: Kernel, offset: number, whence: number): number {
    const target = seekTarget(offset, whence, this.offset, this.inode.data.size);
    if (target >= 0) this.offset = target;
    return target;
  }

  truncate(kernel: Kernel, length: number): number {
    if (!mayWrite(this.flags)) return -EINVAL;
    return this.inode.truncate(kernel, length);
  }

  /** FALLOC_FL_PUNCH_HOLE: the bytes are zero, and what they took is free where it can be. */
  punch(kernel: Kernel, offset: number, length: number): void {
    const { data, shared } = this.inode;
    if (offset >= data.size) return;
    data.punch(offset, length);
    this.inode.touchChange(kernel, true);
    shared?.written(offset, Math.min(length, data.size - offset));
  }

  /** Memory is as durable as it gets here. */
  sync(_kernel: Kernel, _dataOnly: boolean): number {
    return 0;
  }

  size(_kernel: Kernel): number {
    return this.inode.data.size;
  }

  load(_kernel: Kernel, target: Uint8Array, offset: number): number {
    return this.inode.data.read(target, offset);
  }

  store(kernel: Kernel, address: number, length: number, offset: number): number {
    const source = kernel.physical.slice(address, Math.min(length, this.inode.data.size - offset));
    if (!source) return -EFAULT;
    const done = this.inode.data.write(source, offset);
    if (done === 0) return -ENOSPC;
    this.inode.touchChange(kernel, true);
    return done;
  }

  syncNow(_kernel: Kernel): number {
    return 0;
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

  ioctl(kernel: Kernel, request: number, arg: number): number {
    if (request !== FIONREAD) return -ENOTTY;
    if (!kernel.mem.has(arg, 4)) return -EFAULT;
    kernel.mem.setU32(arg, Math.max(0, Math.min(this.inode.data.size - this.offset, 0x7fffffff)));
    return 0;
  }
}
