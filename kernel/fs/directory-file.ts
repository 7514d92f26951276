/**
 * An open directory, of any file system: getdents64(2) and its offset.
 *
 * The entries are read once, at the first getdents64 after open or a rewind (lseek to 0), so that offsets stay good while entries come and go:
 * POSIX leaves open whether those are seen, and demands that all others are seen exactly once.
 */
import { EBADF, EINVAL, EISDIR, ENOENT, ENOTTY } from "../abi/errno.ts";
import { SEEK_CUR, SEEK_SET } from "../abi/fcntl.ts";
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../abi/poll.ts";
import { DIRENT_HEADER_BYTES, DT_DIR } from "../abi/stat.ts";
import type { Kernel } from "../kernel.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { writeBytes } from "./byte-string.ts";
import type { Durable, File, OpenDirectory, Seekable, Stat } from "./file.ts";
import type { DirectoryEntry } from "./inode.ts";
import type { Place } from "./path.ts";

export class DirectoryFile implements File, Seekable, OpenDirectory, Durable {
  readonly kind = "directory";
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly place: Place;
  readonly path: string;
  /** Index of the next entry. */
  offset = 0;
  #entries: readonly DirectoryEntry[] | null = null;

  constructor(place: Place, flags: number, path: string) {
    this.place = place;
    this.flags = flags;
    this.path = path;
    place.inode.hold();
  }

  get seekable(): Seekable {
    return this;
  }

  get directory(): OpenDirectory {
    return this;
  }

  get durable(): Durable {
    return this;
  }

  read(_kernel: Kernel, _buf: number, _count: number): number {
    return -EISDIR;
  }

  write(_kernel: Kernel, _buf: number, _count: number): number {
    return -EBADF;
  }

  pread(_kernel: Kernel, _buf: number, _count: number, _offset: number): number {
    return -EISDIR;
  }

  pwrite(_kernel: Kernel, _buf: number, _count: number, _offset: number): number {
    return -EBADF;
  }

  truncate(_kernel: Kernel, _length: number): number {
    return -EINVAL;
  }

  seek(_kernel: Kernel, offset: number, whence: number): number {
    if (whence !== SEEK_SET && whence !== SEEK_CUR) return -EINVAL;
    const target = whence === SEEK_SET ? offset : this.offset + offset;
    if (!(target >= 0)) return -EINVAL;
    if (target === 0) this.#entries = null;
    this.offset = target;
    return target;
  }

  getdents(kernel: Kernel, buf: number, count: number): number {
    if (this.#entries === null) {
      if (this.#isRemoved(kernel)) return -ENOENT;
      const entries = this.place.inode.directory?.entries(kernel) ?? [];
      if (typeof entries === "number") return entries;
      this.#entries = entries;
    }
    const { mem } = kernel;
    let used = 0;
    for (; this.offset < this.#entries.length + 2; this.offset++) {
      const { name, ino, type } = this.entry(this.offset);
      const length = (DIRENT_HEADER_BYTES + name.length + 1 + 7) & ~7;
      if (used + length > count) return used > 0 ? used : -EINVAL;
      const at = buf + used;
      mem.u8.fill(0, at, at + length);
      mem.setI64(at, ino);
      mem.setI64(at + 8, this.offset + 1);
      mem.setU16(at + 16, length);
      mem.u8[at + 18] = type;
      writeBytes(mem.u8, at + DIRENT_HEADER_BYTES, name);
      used += length;
    }
    return used;
  }

  /** How many entries there are, "." and ".." among them; `anew`: as they are now, else as at the last time. */
  list(kernel: Kernel, anew: boolean): number {
    if (anew || this.#entries === null) {
      const entries = this.#isRemoved(kernel) ? [] : (this.place.inode.directory?.entries(kernel) ?? []);
      if (typeof entries === "number") return entries;
      this.#entries = entries;
    }
    return this.#entries.length + 2;
  }

  sync(kernel: Kernel, _dataOnly: boolean): number {
    return this.place.inode.directory?.sync(kernel) ?? -EINVAL;
  }

  poll(_kernel: Kernel): number {
    return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
  }

  close(kernel: Kernel): void {
    this.place.inode.release(kernel);
  }

  stat(kernel: Kernel, out: Stat): number {
    return this.place.inode.stat(kernel, out);
  }

  ioctl(_kernel: Kernel, _request: number, _arg: number): number {
    return -ENOTTY;
  }

  /** The entry at an index below what `list` has said. */
  entry(index: number): DirectoryEntry {
    const { inode } = this.place;
    if (index === 0) return { name: ".", ino: inode.ino, type: DT_DIR };
    if (index === 1) return { name: "..", ino: inode.directory?.parent.ino ?? inode.ino, type: DT_DIR };
    return (this.#entries as readonly DirectoryEntry[])[index - 2] as DirectoryEntry;
  }

  #isRemoved(kernel: Kernel): boolean {
    return this.place.inode.directory?.name(kernel) === null;
  }
}
