/**
 * What a process has of its own in the file system (Linux' fs_struct): root, working directory, umask. fork(2) copies it.
 *
 * What always holds: the inodes of both places are held for as long as the context exists.
 */
import type { Confinement, Place } from "../fs/path.ts";
import type { Kernel } from "../kernel.ts";

export class FsContext {
  /** Where absolute paths begin (chroot(2)). */
  root: Place;
  cwd: Place;
  /** umask(2). */
  umask: number;
  /** Whether paths stay beneath the directory that they begin in: a WASI program's do. */
  confinement: Confinement = "none";

  constructor(root: Place, cwd: Place = root, umask = 0o022) {
    this.root = root;
    this.cwd = cwd;
    this.umask = umask;
    root.inode.hold();
    cwd.inode.hold();
  }

  /** A copy, for a child. */
  clone(): FsContext {
    const copy = new FsContext(this.root, this.cwd, this.umask);
    copy.confinement = this.confinement;
    return copy;
  }

  /** chdir(2): `place` is a directory. */
  setCwd(kernel: Kernel, place: Place): void {
    place.inode.hold();
    this.cwd.inode.release(kernel);
    this.cwd = place;
  }

  /** chroot(2): `place` is a directory. */
  setRoot(kernel: Kernel, place: Place): void {
    place.inode.hold();
    this.root.inode.release(kernel);
    this.root = place;
  }

  close(kernel: Kernel): void {
    this.root.inode.release(kernel);
    this.cwd.inode.release(kernel);
  }
}
