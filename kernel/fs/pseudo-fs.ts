/**
 * File systems whose contents are computed when somebody looks: procfs is made of these. A directory is a table of entries, or a function that
 * makes it; a text is rendered when it is opened, so one open file reads one consistent state. Nothing can be created, changed or
 * removed by the guest, except that a text may take writes.
 */
import { EACCES, EBADF, EINVAL, EIO, ENOENT, ENOTTY, EOPNOTSUPP, EPERM } from "../abi/errno.ts";
import { O_ACCMODE, O_RDONLY, S_IFDIR, S_IFLNK, S_IFREG } from "../abi/fcntl.ts";
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../abi/poll.ts";
import type { StatFs } from "../abi/stat.ts";
import type { Kernel } from "../kernel.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { mayRead, mayWrite } from "./access.ts";
import { fromBytes, toByteString } from "./byte-string.ts";
import type { File, FileKind, Seekable, Stat } from "./file.ts";
import {
  type AttributeChange,
  type Directory,
  type DirectoryEntry,
  entryType,
  type FileSystem,
  type Inode,
  type NodeKind,
} from "./inode.ts";
import type { Place } from "./path.ts";
import { seekTarget } from "./seek.ts";

/** What an entry is: made with `text`, `link` and `folder`. */
export type PseudoEntry =
  | { readonly kind: "regular"; readonly render: (kernel: Kernel) => string; readonly write: PseudoWrite | null }
  | {
      readonly kind: "symlink";
      readonly target: (kernel: Kernel) => string;
      readonly place: ((kernel: Kernel) => Place | null) | null;
    }
  | { readonly kind: "directory"; readonly entries: (kernel: Kernel) => PseudoTable };

export type PseudoTable = Readonly<Record<string, PseudoEntry>>;
/** Takes what was written in one call: the bytes taken or a negated errno. */
export type PseudoWrite = (kernel: Kernel, text: string) => number;

export function text(render: (kernel: Kernel) => string, write: PseudoWrite | null = null): PseudoEntry {
  return { kind: "regular", render, write };
}

/** `place`: where it leads, whatever its text says. */
export function link(
  target: (kernel: Kernel) => string,
  place: ((kernel: Kernel) => Place | null) | null = null,
): PseudoEntry {
  return { kind: "symlink", target, place };
}

export function folder(entries: PseudoTable | ((kernel: Kernel) => PseudoTable)): PseudoEntry {
  return { kind: "directory", entries: typeof entries === "function" ? entries : () => entries };
}

export class PseudoFs implements FileSystem {
  readonly type: string;
  readonly source: string;
  readonly readOnly = false;
  readonly root: PseudoInode;
  dev = 0;
  nextIno = 1;
  readonly #magic: number;

  constructor(type: string, magic: number, table: (kernel: Kernel) => PseudoTable) {
    this.type = type;
    this.source = type;
    this.#magic = magic;
    this.root = new PseudoInode(this, null, "", folder(table));
  }

  statfs(_kernel: Kernel, out: StatFs): number {
    out.type = this.#magic;
    out.bsize = 4096;
    out.blocks = out.bfree = out.bavail = out.files = out.ffree = 0;
    out.namelen = 255;
    out.flags = 0;
    return 0;
  }
}

export class PseudoInode implements Inode, Directory {
  readonly fs: PseudoFs;
  readonly ino: number;
  readonly entry: PseudoEntry;
  readonly #above: PseudoInode | null;
  readonly #ownName: string;
  /** Inodes of entries seen before, while anybody has them: an entry may be all that is left of a process. */
  readonly #known = new Map<string, WeakRef<PseudoInode>>();

  constructor(fs: PseudoFs, above: PseudoInode | null, name: string, entry: PseudoEntry) {
    this.fs = fs;
    this.ino = fs.nextIno++;
    this.#above = above;
    this.#ownName = name;
    this.entry = entry;
  }

  get kind(): FileKind {
    return this.entry.kind;
  }

  get directory(): Directory | null {
    return this.entry.kind === "directory" ? this : null;
  }

  get symlink(): Inode["symlink"] {
    return this.entry.kind === "symlink" ? this : null;
  }

  get parent(): Inode {
    return this.#above ?? this;
  }

  name(_kernel: Kernel): string {
    return this.#ownName;
  }

  target(kernel: Kernel): string | number {
    return this.entry.kind === "symlink" ? this.entry.target(kernel) : -EINVAL;
  }

  place(kernel: Kernel): Place | null {
    return this.entry.kind === "symlink" ? (this.entry.place?.(kernel) ?? null) : null;
  }

  lookup(kernel: Kernel, name: string): Inode | number {
    const table = this.#table(kernel);
    const entry = Object.hasOwn(table, name) ? table[name] : undefined;
    const known = this.#known.get(name)?.deref();
    if (!entry) {
      this.#known.delete(name);
      return -ENOENT;
    }
    if (known?.entry === entry) return known;
    const inode = new PseudoInode(this.fs, this, name, entry);
    for (const [other, ref] of this.#known) if (!ref.deref()) this.#known.delete(other);
    this.#known.set(name, new WeakRef(inode));
    return inode;
  }

  entries(kernel: Kernel): DirectoryEntry[] {
    const list: DirectoryEntry[] = [];
    for (const name of Object.keys(this.#table(kernel))) {
      const inode = this.lookup(kernel, name);
      if (typeof inode !== "number") list.push({ name, ino: inode.ino, type: entryType(inode.kind) });
    }
    return list;
  }

  stat(kernel: Kernel, out: Stat): number {
    const seconds = Math.floor(kernel.clock.realtimeMs() / 1000);
    const { entry } = this;
    out.dev = this.fs.dev;
    out.ino = this.ino;
    if (entry.kind === "directory") out.mode = S_IFDIR | 0o555;
    else if (entry.kind === "symlink") out.mode = S_IFLNK | 0o777;
    else out.mode = S_IFREG | (entry.write ? 0o644 : 0o444);
    out.nlink = entry.kind === "directory" ? 2 : 1;
    out.uid = out.gid = out.rdev = out.size = out.blocks = 0;
    out.blksize = 1024;
    out.atimeSec = out.mtimeSec = out.ctimeSec = seconds;
    out.atimeNsec = out.mtimeNsec = out.ctimeNsec = 0;
    return 0;
  }

  setAttributes(_kernel: Kernel, change: AttributeChange): number {
    // O_TRUNC and truncate(2) of such files are harmless and allowed, as on Linux.
    return change.size !== undefined && change.mode === undefined ? 0 : -EPERM;
  }

  open(kernel: Kernel, flags: number, path: string): File | number {
    const { entry } = this;
    if (entry.kind !== "regular") return -EIO;
    if ((flags & O_ACCMODE) !== O_RDONLY && !entry.write) return -EACCES;
    return new PseudoFile(this, toByteString(entry.render(kernel)), flags, path);
  }

  hold(): void {}

  release(_kernel: Kernel): void {}

  create(_kernel: Kernel, _name: string, _mode: number, _flags: number, _path: string): number {
    return -EACCES;
  }

  createUnnamed(_kernel: Kernel, _mode: number, _flags: number, _path: string): number {
    return -EOPNOTSUPP;
  }

  makeNode(_kernel: Kernel, _name: string, _kind: NodeKind, _mode: number): number {
    return -EPERM;
  }

  mkdir(_kernel: Kernel, _name: string, _mode: number): number {
    return -EPERM;
  }

  addSymlink(_kernel: Kernel, _name: string, _target: string): number {
    return -EPERM;
  }

  link(_kernel: Kernel, _name: string, _inode: Inode): number {
    return -EPERM;
  }

  unlink(_kernel: Kernel, _name: string): number {
    return -EPERM;
  }

  rmdir(_kernel: Kernel, _name: string): number {
    return -EPERM;
  }

  rename(_kernel: Kernel, _name: string, _target: Inode, _targetName: string): number {
    return -EPERM;
  }

  exchange(_kernel: Kernel, _name: string, _target: Inode, _targetName: string): number {
    return -EPERM;
  }

  sync(_kernel: Kernel): number {
    return -EINVAL;
  }

  #table(kernel: Kernel): PseudoTable {
    return this.entry.kind === "directory" ? this.entry.entries(kernel) : {};
  }
}

class PseudoFile implements File, Seekable {
  readonly kind = "regular";
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly directory = null;
  readonly durable = null;
  readonly path: string;
  offset = 0;
  readonly inode: PseudoInode;
  readonly #contents: string;

  constructor(inode: PseudoInode, contents: string, flags: number, path: string) {
    this.inode = inode;
    this.#contents = contents;
    this.flags = flags;
    this.path = path;
  }

  get seekable(): Seekable {
    return this;
  }

  read(kernel: Kernel, buf: number, count: number): number {
    const done = this.pread(kernel, buf, count, this.offset);
    if (done > 0) this.offset += done;
    return done;
  }

  write(kernel: Kernel, buf: number, count: number): number {
    const { entry } = this.inode;
    if (!mayWrite(this.flags) || entry.kind !== "regular" || !entry.write) return -EBADF;
    return entry.write(kernel, fromBytes(kernel.mem.u8.subarray(buf, buf + count)));
  }

  pread(kernel: Kernel, buf: number, count: number, offset: number): number {
    if (!mayRead(this.flags)) return -EBADF;
    if (offset < 0) return -EINVAL;
    const slice = this.#contents.slice(offset, offset + count);
    for (let i = 0; i < slice.length; i++) kernel.mem.u8[buf + i] = slice.charCodeAt(i);
    return slice.length;
  }

  pwrite(kernel: Kernel, buf: number, count: number, _offset: number): number {
    return this.write(kernel, buf, count);
  }

  seek(_kernel: Kernel, offset: number, whence: number): number {
    const target = seekTarget(offset, whence, this.offset, this.#contents.length);
    if (target >= 0) this.offset = target;
    return target;
  }

  truncate(_kernel: Kernel, length: number): number {
    return mayWrite(this.flags) && length >= 0 ? 0 : -EINVAL;
  }

  poll(_kernel: Kernel): number {
    return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
  }

  close(_kernel: Kernel): void {}

  stat(kernel: Kernel, out: Stat): number {
    return this.inode.stat(kernel, out);
  }

  ioctl(_kernel: Kernel, _request: number, _arg: number): number {
    return -ENOTTY;
  }
}
