/**
 * The inode behind an open file: for calls on descriptors that mean the file itself (fchmod(2), AT_EMPTY_PATH, /proc/PID/fd). Pipes, sockets and
 * other files without a name get one that is made for the call.
 */
import { EINVAL, ENXIO } from "../abi/errno.ts";
import type { StatFs } from "../abi/stat.ts";
import type { Kernel } from "../kernel.ts";
import { ConsoleFile } from "./console-file.ts";
import { DirectoryFile } from "./directory-file.ts";
import type { File, FileKind, Stat } from "./file.ts";
import type { AttributeChange, FileSystem, Inode } from "./inode.ts";
import { Mount } from "./mount.ts";
import { PathFile } from "./path-file.ts";
import { PipeEnd } from "./pipe.ts";

/** ANON_INODE_FS_MAGIC (statfs(2)). */
const ANON_INODE_FS_MAGIC = 0x09041934;

/** The inode that `file` was opened from; null for a file without a name. */
export function inodeOf(file: File): Inode | null {
  if (file instanceof DirectoryFile || file instanceof PathFile) return file.place.inode;
  return "inode" in file ? (file.inode as Inode | null) : null;
}

/** An open file without a name. Nothing of it is kept: mode and owner are accepted, times as well. */
export class OpenFileInode implements Inode {
  readonly fs: FileSystem = anonymousFs;
  readonly ino = 1;
  readonly directory = null;
  readonly symlink = null;
  readonly file: File;

  constructor(file: File) {
    this.file = file;
  }

  get kind(): FileKind {
    return this.file.kind;
  }

  stat(kernel: Kernel, out: Stat): number {
    return this.file.stat(kernel, out);
  }

  setAttributes(_kernel: Kernel, change: AttributeChange): number {
    return change.size === undefined ? 0 : -EINVAL;
  }

  open(kernel: Kernel, flags: number, path: string): File | number {
    const { file } = this;
    if (file instanceof PipeEnd) return new PipeEnd(file.pipe, flags, null, path);
    return file instanceof ConsoleFile ? file.reopen(kernel, flags) : -ENXIO;
  }

  hold(): void {}

  release(_kernel: Kernel): void {}
}

const anonymousFs: FileSystem = {
  type: "anon_inodefs",
  source: "anon_inodefs",
  dev: 13,
  readOnly: false,
  get root(): Inode {
    throw new Error("what has no name has no root");
  },
  statfs(_kernel: Kernel, out: StatFs): number {
    out.type = ANON_INODE_FS_MAGIC;
    out.bsize = 4096;
    out.blocks = out.bfree = out.bavail = out.files = out.ffree = 0;
    out.namelen = 255;
    out.flags = 0;
    return 0;
  },
};

/** Where files without a name are. */
export const ANONYMOUS_MOUNT = new Mount(anonymousFs, null, null, "", false);
