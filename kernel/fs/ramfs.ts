/**
 * ramfs: a file system in the machine's memory. Regular files, directories, symbolic links, hard links; the root of every machine, and
 * whatever else wants a file system that ends with the machine.
 *
 * What always holds: an inode's memory goes back to the budget when its last name and its last holder are gone; a directory's link count is 2
 * plus its subdirectories. The budget bounds data and inodes together: what does not fit answers ENOSPC.
 */
import { EEXIST, EMLINK, ENOENT, ENOSPC, ENOTEMPTY } from "../abi/errno.ts";
import { O_EXCL, S_ISGID } from "../abi/fcntl.ts";
import type { StatFs } from "../abi/stat.ts";
import type { Kernel } from "../kernel.ts";
import type { Budget } from "./chunked-bytes.ts";
import { RamFifo } from "./fifo.ts";
import type { File } from "./file.ts";
import { type Directory, type DirectoryEntry, entryType, type FileSystem, type Inode, type NodeKind } from "./inode.ts";
import { INODE_BYTES, RamInode, RamRegular, RamSocketNode, RamSymlink } from "./ram-inode.ts";

/** RAMFS_MAGIC (statfs(2)). */
const RAMFS_MAGIC = 0x858458f6;
const BLOCK_BYTES = 4096;
const NLINK_MAX = 65000;
const NODES = { regular: RamRegular, fifo: RamFifo, socket: RamSocketNode } as const;

export class RamFs implements FileSystem {
  readonly type: string;
  readonly source: string;
  dev = 0;
  readonly readOnly = false;
  readonly root: RamDirectory;
  /** Shared by the data of all files and their inodes. */
  readonly budget: Budget;
  inodeCount = 0;
  nextIno = 1;

  /** At most `bytesMax` bytes of data and inodes. */
  constructor(kernel: Kernel, bytesMax: number, source = "ramfs", type = "ramfs") {
    this.type = type;
    this.source = source;
    this.budget = { used: 0, max: bytesMax };
    this.root = new RamDirectory(kernel, this, 0o755, null, "");
  }

  get isFull(): boolean {
    return this.budget.used + INODE_BYTES > this.budget.max;
  }

  statfs(_kernel: Kernel, out: StatFs): number {
    const free = this.budget.max - this.budget.used;
    out.type = RAMFS_MAGIC;
    out.bsize = BLOCK_BYTES;
    out.blocks = Math.floor(this.budget.max / BLOCK_BYTES);
    out.bfree = Math.floor(free / BLOCK_BYTES);
    out.bavail = out.bfree;
    out.ffree = Math.floor(free / INODE_BYTES);
    out.files = this.inodeCount + out.ffree;
    out.namelen = 255;
    out.flags = 0;
    return 0;
  }
}

export class RamDirectory extends RamInode implements Directory {
  readonly kind = "directory";
  readonly symlink = null;
  #above: RamDirectory;
  /** Null once it has been removed. */
  #ownName: string | null;
  readonly #entries = new Map<string, RamInode>();

  constructor(kernel: Kernel, fs: RamFs, mode: number, above: RamDirectory | null, name: string) {
    super(kernel, fs, mode);
    this.#above = above ?? this;
    this.#ownName = name;
    this.nlink = 2;
  }

  get directory(): Directory {
    return this;
  }

  get parent(): Inode {
    return this.#above;
  }

  get size(): number {
    return (this.#entries.size + 2) * 32;
  }

  get allocated(): number {
    return 0;
  }

  name(_kernel: Kernel): string | null {
    return this.#ownName;
  }

  lookup(_kernel: Kernel, name: string): Inode | number {
    return this.#entries.get(name) ?? -ENOENT;
  }

  entries(kernel: Kernel): DirectoryEntry[] {
    this.touchAccess(kernel);
    const list: DirectoryEntry[] = [];
    for (const [name, inode] of this.#entries) {
      list.push({ name, ino: inode.ino, type: entryType(inode.kind) });
    }
    return list;
  }

  create(kernel: Kernel, name: string, mode: number, flags: number, path: string): File | number {
    const refused = this.#refuses(name);
    if (refused !== 0) return refused;
    const inode = this.#adopt(new RamRegular(kernel, this.fs, mode));
    this.add(kernel, name, inode);
    return inode.open(kernel, flags, path);
  }

  createUnnamed(kernel: Kernel, mode: number, flags: number, path: string): File | number {
    if (this.#ownName === null) return -ENOENT;
    if (this.fs.isFull) return -ENOSPC;
    const inode = this.#adopt(new RamRegular(kernel, this.fs, mode));
    inode.isLinkable = (flags & O_EXCL) === 0;
    return inode.open(kernel, flags, path);
  }

  makeNode(kernel: Kernel, name: string, kind: NodeKind, mode: number): number {
    const refused = this.#refuses(name);
    if (refused !== 0) return refused;
    this.add(kernel, name, this.#adopt<RamInode>(new NODES[kind](kernel, this.fs, mode)));
    return 0;
  }

  mkdir(kernel: Kernel, name: string, mode: number): number {
    const refused = this.#refuses(name);
    if (refused !== 0) return refused;
    if (this.nlink >= NLINK_MAX) return -EMLINK;
    const inode = this.#adopt(new RamDirectory(kernel, this.fs, mode, this, name));
    this.#entries.set(name, inode);
    this.nlink++;
    this.touchChange(kernel, true);
    return 0;
  }

  sync(_kernel: Kernel): number {
    return 0;
  }

  /** `target` is a path, not looked at. */
  addSymlink(kernel: Kernel, name: string, target: string): number {
    const refused = this.#refuses(name);
    if (refused !== 0) return refused;
    this.add(kernel, name, this.#adopt(new RamSymlink(kernel, this.fs, target)));
    return 0;
  }

  link(kernel: Kernel, name: string, inode: Inode): number {
    const target = inode as RamInode;
    const isLinkable = target instanceof RamRegular && target.isLinkable;
    if (this.#ownName === null || (target.nlink === 0 && !isLinkable)) return -ENOENT;
    if (this.#entries.has(name)) return -EEXIST;
    if (target.nlink >= NLINK_MAX) return -EMLINK;
    if (isLinkable) target.isLinkable = false;
    this.add(kernel, name, target);
    target.touchChange(kernel, false);
    return 0;
  }

  unlink(kernel: Kernel, name: string): number {
    const inode = this.#entries.get(name);
    if (!inode) return -ENOENT;
    this.#entries.delete(name);
    this.touchChange(kernel, true);
    inode.touchChange(kernel, false);
    inode.dropName();
    return 0;
  }

  rmdir(kernel: Kernel, name: string): number {
    const inode = this.#entries.get(name);
    if (!(inode instanceof RamDirectory)) return -ENOENT;
    if (inode.#entries.size > 0) return -ENOTEMPTY;
    this.#entries.delete(name);
    this.nlink--;
    this.touchChange(kernel, true);
    inode.#remove();
    return 0;
  }

  rename(kernel: Kernel, name: string, target: Inode, targetName: string): number {
    const to = target as RamDirectory;
    const inode = this.#entries.get(name);
    if (!inode) return -ENOENT;
    if (to.#ownName === null) return -ENOENT;
    const replaced = to.#entries.get(targetName);
    if (replaced === inode) return 0;
    if (inode instanceof RamDirectory && this !== to && !replaced && to.nlink >= NLINK_MAX) return -EMLINK;
    if (replaced) {
      const result = replaced instanceof RamDirectory ? to.rmdir(kernel, targetName) : to.unlink(kernel, targetName);
      if (result !== 0) return result;
    }
    this.#entries.delete(name);
    to.#entries.set(targetName, inode);
    if (inode instanceof RamDirectory) {
      this.nlink--;
      to.nlink++;
      inode.#above = to;
      inode.#ownName = targetName;
    }
    this.touchChange(kernel, true);
    if (to !== this) to.touchChange(kernel, true);
    inode.touchChange(kernel, false);
    return 0;
  }

  exchange(kernel: Kernel, name: string, target: Inode, targetName: string): number {
    const to = target as RamDirectory;
    const one = this.#entries.get(name);
    const other = to.#entries.get(targetName);
    if (!one || !other) return -ENOENT;
    if (one === other) return 0;
    this.#moved(kernel, name, other, to);
    to.#moved(kernel, targetName, one, this);
    return 0;
  }

  open(_kernel: Kernel, _flags: number, _path: string): File | number {
    throw new Error("the VFS opens directories itself");
  }

  /** Why no entry `name` can be made here, or 0. */
  #refuses(name: string): number {
    if (this.#ownName === null) return -ENOENT;
    if (this.#entries.has(name)) return -EEXIST;
    return this.fs.isFull ? -ENOSPC : 0;
  }

  /** What is made in a directory with S_ISGID is its group's, and directories go on doing the same (inode(7)). */
  #adopt<T extends RamInode>(inode: T): T {
    if (this.mode & S_ISGID) {
      inode.gid = this.gid;
      if (inode instanceof RamDirectory) inode.mode |= S_ISGID;
    }
    return inode;
  }

  /** Gives `inode` the name, which is free. */
  add(kernel: Kernel, name: string, inode: RamInode): void {
    this.#entries.set(name, inode);
    inode.nlink++;
    this.touchChange(kernel, true);
  }

  /** `name`, which is taken, becomes the name of `inode`, which comes from `from`. */
  #moved(kernel: Kernel, name: string, inode: RamInode, from: RamDirectory): void {
    this.#entries.set(name, inode);
    if (inode instanceof RamDirectory) {
      from.nlink--;
      this.nlink++;
      inode.#above = this;
      inode.#ownName = name;
    }
    this.touchChange(kernel, true);
    inode.touchChange(kernel, false);
  }

  #remove(): void {
    this.#ownName = null;
    this.nlink = 1; // dropName takes the last one
    this.dropName();
  }
}
