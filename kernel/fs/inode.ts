/**
 * What a file system gives to the VFS: FileSystem (a superblock) and Inode. ramfs, devfs, procfs and virtio-fs implement them; the VFS,
 * the path walk and mounts are their only callers.
 *
 * What always holds: every call is synchronous and runs to its end (what takes long are transfers and syncs of open files, and those may
 * park; see file.ts). Names are byte strings (byte-string.ts) of 1 to NAME_MAX bytes without "/" and NUL, never "." or ".."; the VFS has
 * checked them, and that the mount is writable. Results below zero are negated errnos. Two lookups of the same file give the same Inode
 * object while anything holds it: mounts are found by identity.
 */
import { DT_CHR, DT_DIR, DT_FIFO, DT_LNK, DT_REG, DT_SOCK, type StatFs } from "../abi/stat.ts";
import type { Kernel } from "../kernel.ts";
import type { File, FileKind, Stat } from "./file.ts";
import type { Place } from "./path.ts";

export interface FileSystem {
  /** As /proc/mounts has it: "ramfs". */
  readonly type: string;
  /** What is mounted, as /proc/mounts has it: a tag, a host folder, or the type again. */
  readonly source: string;
  /** st_dev; the VFS numbers file systems as they are mounted. */
  dev: number;
  readonly readOnly: boolean;
  readonly root: Inode;
  statfs(kernel: Kernel, out: StatFs): number;
}

/** What a machine locks of a file: nothing, something for reading, something for writing. */
export type LockClaim = "none" | "read" | "write";

export interface Inode {
  readonly fs: FileSystem;
  readonly ino: number;
  readonly kind: FileKind;
  /** Directories only. */
  readonly directory: Directory | null;
  /** Symbolic links only. */
  readonly symlink: Symlink | null;
  stat(kernel: Kernel, out: Stat): number;
  setAttributes(kernel: Kernel, change: AttributeChange): number;
  /**
   * Opens it; never called for symbolic links. O_CREAT and O_EXCL have been dealt with, O_TRUNC has not. `path` is what it was
   * opened by, for /proc/self/fd. WOULD_BLOCK for a named pipe that waits for its other side.
   */
  open(kernel: Kernel, flags: number, path: string): File | number;
  /**
   * Files that other machines may have as well: what the locks in this machine amount to has changed. 0, or -EAGAIN if another machine's locks
   * are in the way. To claim less never fails.
   */
  claim?(claim: LockClaim): number;
  /** Somebody keeps it beyond the running call: an open file, a working directory, a mount. */
  hold(): void;
  release(kernel: Kernel): void;
}

export interface Symlink {
  /** 1 to PATH_MAX bytes. */
  target(kernel: Kernel): string | number;
  /** Where it leads, if that is not a matter of its target's text (/proc/PID/fd). */
  place?(kernel: Kernel): Place | null;
}

/** What mknod(2) can make. */
export type NodeKind = "regular" | "fifo" | "socket";

/** Which attributes shall change; what is missing stays. "Now" (UTIME_NOW) has been filled in by the caller. */
export interface AttributeChange {
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  atimeSec?: number;
  atimeNsec?: number;
  mtimeSec?: number;
  mtimeNsec?: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly ino: number;
  /** DT_REG, DT_DIR, ... */
  readonly type: number;
}

export interface Directory {
  /** The directory above, itself at the root of its file system. */
  readonly parent: Inode;
  /** Its name there ("" at the root), or null once it has been removed. */
  name(kernel: Kernel): string | null;
  lookup(kernel: Kernel, name: string): Inode | number;
  /** Every entry but "." and "..". */
  entries(kernel: Kernel): DirectoryEntry[] | number;
  /** Creates a regular file and opens it; -EEXIST if the name is taken. */
  create(kernel: Kernel, name: string, mode: number, flags: number, path: string): File | number;
  /** Creates a regular file without a name and opens it (O_TMPFILE); link(2) may give it one, unless O_EXCL. */
  createUnnamed(kernel: Kernel, mode: number, flags: number, path: string): File | number;
  mkdir(kernel: Kernel, name: string, mode: number): number;
  makeNode(kernel: Kernel, name: string, kind: NodeKind, mode: number): number;
  addSymlink(kernel: Kernel, name: string, target: string): number;
  /** `inode` is of the same file system and no directory. */
  link(kernel: Kernel, name: string, inode: Inode): number;
  /** The entry is no directory. */
  unlink(kernel: Kernel, name: string): number;
  rmdir(kernel: Kernel, name: string): number;
  /** `target` is a directory of the same file system. The VFS has checked types and that no directory moves into itself. */
  rename(kernel: Kernel, name: string, target: Inode, targetName: string): number;
  /** Two entries change places (RENAME_EXCHANGE); checked as for `rename`. */
  exchange(kernel: Kernel, name: string, target: Inode, targetName: string): number;
  /** What fsync(2) of the open directory does: its entries are on stable storage afterwards. */
  sync(kernel: Kernel): number;
}

/** d_type of a directory entry. */
export function entryType(kind: FileKind): number {
  switch (kind) {
    case "directory":
      return DT_DIR;
    case "symlink":
      return DT_LNK;
    case "character":
      return DT_CHR;
    case "fifo":
      return DT_FIFO;
    case "socket":
      return DT_SOCK;
    default:
      return DT_REG;
  }
}
