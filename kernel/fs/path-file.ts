/**
 * What open(2) gives with O_PATH: a place in the tree and nothing else. It serves as `dirfd`, for fstat(2) and for close(2); everything
 * that would touch the contents answers EBADF.
 */
import { EBADF } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import type { File, FileKind, Stat } from "./file.ts";
import type { Place } from "./path.ts";

export class PathFile implements File {
  readonly kind: FileKind;
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly seekable = null;
  readonly directory = null;
  readonly durable = null;
  readonly place: Place;
  readonly path: string;

  constructor(place: Place, flags: number, path: string) {
    this.kind = place.inode.kind;
    this.place = place;
    this.flags = flags;
    this.path = path;
    place.inode.hold();
  }

  read(_kernel: Kernel, _buf: number, _count: number): number {
    return -EBADF;
  }

  write(_kernel: Kernel, _buf: number, _count: number): number {
    return -EBADF;
  }

  poll(_kernel: Kernel): number {
    return 0;
  }

  close(kernel: Kernel): void {
    this.place.inode.release(kernel);
  }

  stat(kernel: Kernel, out: Stat): number {
    return this.place.inode.stat(kernel, out);
  }

  ioctl(_kernel: Kernel, _request: number, _arg: number): number {
    return -EBADF;
  }
}
