/**
 * The inodes of ramfs: what they have in common (attributes, names, holders), regular files and symbolic links. Directories are in ramfs.ts.
 */
import { EFBIG, EINVAL, ENXIO, EOPNOTSUPP } from "../abi/errno.ts";
import { O_TRUNC, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK, S_ISGID, S_ISUID, S_IXGRP } from "../abi/fcntl.ts";
import type { Kernel } from "../kernel.ts";
import type { SharedObject } from "../mem/shared-object.ts";
import { ChunkedBytes } from "./chunked-bytes.ts";
import type { File, FileKind, Stat } from "./file.ts";
import type { AttributeChange, Directory, Inode } from "./inode.ts";
import { RamFile } from "./ram-file.ts";
import type { RamFs } from "./ramfs.ts";

/** What an inode and its name count against the budget. */
export const INODE_BYTES = 512;
/** Largest size of a file: 8 TiB, far beyond any budget (files are sparse); more is EFBIG. */
export const RAM_FILE_BYTES_MAX = 2 ** 43;

const TYPE_BITS: Partial<Record<FileKind, number>> = {
  regular: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  fifo: S_IFIFO,
  socket: S_IFSOCK,
};

export abstract class RamInode implements Inode {
  readonly fs: RamFs;
  readonly ino: number;
  /** Permission bits. */
  mode: number;
  nlink = 0;
  uid = 0;
  gid = 0;
  atimeSec = 0;
  atimeNsec = 0;
  mtimeSec = 0;
  mtimeNsec = 0;
  ctimeSec = 0;
  ctimeNsec = 0;
  #holders = 0;

  abstract readonly kind: FileKind;
  abstract readonly directory: Directory | null;
  abstract readonly symlink: Inode["symlink"];
  abstract readonly size: number;
  /** Bytes of memory that its contents take. */
  abstract readonly allocated: number;
  abstract open(kernel: Kernel, flags: number, path: string): File | number;

  constructor(kernel: Kernel, fs: RamFs, mode: number) {
    this.fs = fs;
    this.ino = fs.nextIno++;
    this.mode = mode & 0o7777;
    this.uid = kernel.linux?.credentials.fsuid ?? 0;
    this.gid = kernel.linux?.credentials.fsgid ?? 0;
    fs.inodeCount++;
    fs.budget.used += INODE_BYTES;
    this.touchChange(kernel, true);
    this.atimeSec = this.mtimeSec;
    this.atimeNsec = this.mtimeNsec;
  }

  stat(_kernel: Kernel, out: Stat): number {
    out.dev = this.fs.dev;
    out.ino = this.ino;
    out.mode = (TYPE_BITS[this.kind] as number) | this.mode;
    out.nlink = this.nlink;
    out.uid = this.uid;
    out.gid = this.gid;
    out.rdev = 0;
    out.size = this.size;
    out.blksize = 4096;
    out.blocks = Math.ceil(this.allocated / 512);
    out.atimeSec = this.atimeSec;
    out.atimeNsec = this.atimeNsec;
    out.mtimeSec = this.mtimeSec;
    out.mtimeNsec = this.mtimeNsec;
    out.ctimeSec = this.ctimeSec;
    out.ctimeNsec = this.ctimeNsec;
    return 0;
  }

  setAttributes(kernel: Kernel, change: AttributeChange): number {
    if (change.mode !== undefined) {
      if (this.kind === "symlink") return -EOPNOTSUPP;
      this.mode = change.mode & 0o7777;
    }
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    // chown(2): a program is not to run for its new owner with the rights of the old one.
    if ((change.uid !== undefined || change.gid !== undefined) && this.kind !== "directory") {
      this.mode &= (this.mode & S_IXGRP) !== 0 ? ~(S_ISUID | S_ISGID) : ~S_ISUID;
    }
    if (change.atimeSec !== undefined) {
      this.atimeSec = change.atimeSec;
      this.atimeNsec = change.atimeNsec ?? 0;
    }
    if (change.mtimeSec !== undefined) {
      this.mtimeSec = change.mtimeSec;
      this.mtimeNsec = change.mtimeNsec ?? 0;
    }
    this.touchChange(kernel, false);
    return 0;
  }

  hold(): void {
    this.#holders++;
  }

  release(_kernel: Kernel): void {
    this.#holders--;
    this.#dropIfUnused();
  }

  /** One name less. */
  dropName(): void {
    this.nlink--;
    this.#dropIfUnused();
  }

  touchAccess(kernel: Kernel): void {
    const ms = kernel.clock.realtimeMs();
    this.atimeSec = Math.floor(ms / 1000);
    this.atimeNsec = Math.floor((ms - this.atimeSec * 1000) * 1e6);
  }

  /** Sets ctime, and mtime if the contents have changed. */
  touchChange(kernel: Kernel, contents: boolean): void {
    const ms = kernel.clock.realtimeMs();
    this.ctimeSec = Math.floor(ms / 1000);
    this.ctimeNsec = Math.floor((ms - this.ctimeSec * 1000) * 1e6);
    if (contents) {
      this.mtimeSec = this.ctimeSec;
      this.mtimeNsec = this.ctimeNsec;
    }
  }

  /** Gives back what the contents take. */
  protected free(): void {}

  #dropIfUnused(): void {
    if (this.nlink > 0 || this.#holders > 0) return;
    this.free();
    this.fs.budget.used -= INODE_BYTES;
    this.fs.inodeCount--;
  }
}

export class RamRegular extends RamInode {
  readonly kind = "regular";
  readonly directory = null;
  readonly symlink = null;
  readonly data: ChunkedBytes;
  /** True for a file made without a name that may be given one (O_TMPFILE). */
  isLinkable = false;
  /** What its shared mappings share, while there are any. */
  shared: SharedObject | null = null;

  constructor(kernel: Kernel, fs: RamFs, mode: number) {
    super(kernel, fs, mode);
    this.data = new ChunkedBytes(fs.budget);
  }

  get size(): number {
    return this.data.size;
  }

  get allocated(): number {
    return this.data.allocated;
  }

  open(kernel: Kernel, flags: number, path: string): File | number {
    if ((flags & O_TRUNC) !== 0) this.truncate(kernel, 0);
    return new RamFile(this, flags, path);
  }

  truncate(kernel: Kernel, size: number): number {
    if (!(size >= 0)) return -EINVAL;
    if (size > RAM_FILE_BYTES_MAX) return -EFBIG;
    this.data.truncate(size);
    this.touchChange(kernel, true);
    this.shared?.resized(size);
    return 0;
  }

  override setAttributes(kernel: Kernel, change: AttributeChange): number {
    if (change.size !== undefined) {
      const result = this.truncate(kernel, change.size);
      if (result !== 0) return result;
    }
    return super.setAttributes(kernel, change);
  }

  protected override free(): void {
    this.data.truncate(0);
  }
}

/** The name of a local socket (unix(7)): whoever it belongs to knows it by its inode. */
export class RamSocketNode extends RamInode {
  readonly kind = "socket";
  readonly directory = null;
  readonly symlink = null;
  readonly size = 0;
  readonly allocated = 0;

  open(_kernel: Kernel, _flags: number, _path: string): number {
    return -ENXIO;
  }
}

export class RamSymlink extends RamInode {
  readonly kind = "symlink";
  readonly directory = null;
  readonly #target: string;

  constructor(kernel: Kernel, fs: RamFs, target: string) {
    super(kernel, fs, 0o777);
    this.#target = target;
  }

  get symlink(): NonNullable<Inode["symlink"]> {
    return this;
  }

  get size(): number {
    return this.#target.length;
  }

  get allocated(): number {
    return 0;
  }

  target(_kernel: Kernel): string {
    return this.#target;
  }

  open(_kernel: Kernel, _flags: number, _path: string): File | number {
    throw new Error("the VFS never opens symbolic links");
  }
}
