/**
 * A mount: a file system at its place in the tree. Mounts form a tree of their own; a directory that is mounted over is found by the identity
 * of its inode in the mount that it belongs to.
 */
import type { FileSystem, Inode } from "./inode.ts";

export class Mount {
  readonly fs: FileSystem;
  /** Null at the root. */
  readonly parent: Mount | null;
  /** The directory of `parent` that this mount covers. */
  readonly mountPoint: Inode | null;
  /** As it was given, for /proc/mounts. */
  readonly path: string;
  readonly readOnly: boolean;
  /** By the directory they cover. */
  readonly children = new Map<Inode, Mount>();

  constructor(fs: FileSystem, parent: Mount | null, mountPoint: Inode | null, path: string, readOnly: boolean) {
    this.fs = fs;
    this.parent = parent;
    this.mountPoint = mountPoint;
    this.path = path;
    this.readOnly = readOnly;
  }
}
