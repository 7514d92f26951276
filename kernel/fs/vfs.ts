/**
 * The virtual file system: the tree of mounts and the operations on paths. Root, working directory and umask are the caller's (FsContext). What is generic about file systems is
 * decided here, in Linux' order of errors (open(2), rename(2), ... and path_resolution(7)), so that file systems only have to do the work.
 *
 * Paths are byte strings. Results below zero are negated errnos. System-call handlers are the callers; `mount` and `mkdirs` are for boot.
 */
import {
  EBADF,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
  EXDEV,
} from "../abi/errno.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_ACCMODE,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_TRUNC,
  PATH_MAX,
} from "../abi/fcntl.ts";
import { ST_RDONLY, type StatFs } from "../abi/stat.ts";
import type { Kernel } from "../kernel.ts";
import { DirectoryFile } from "./directory-file.ts";
import { FifoOpening } from "./fifo.ts";
import type { File, Stat } from "./file.ts";
import type { AttributeChange, Directory, FileSystem, Inode, NodeKind } from "./inode.ts";
import { Mount } from "./mount.ts";
import { ANONYMOUS_MOUNT, inodeOf, OpenFileInode } from "./open-inode.ts";
import { type Place, pathOf, type Walk, walk } from "./path.ts";
import { PathFile } from "./path-file.ts";

/** O_TMPFILE without O_DIRECTORY. */
const TMPFILE_BIT = 0o20000000;
/** Flags of renameat2(2). */
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

export class Vfs {
  /** The root of the tree; a process may have another one (FsContext). */
  readonly root: Place;
  /** In the order in which they were mounted. */
  readonly mounts: Mount[] = [];
  #nextDev = 1;

  constructor(rootFs: FileSystem) {
    const mount = new Mount(rootFs, null, null, "/", rootFs.readOnly);
    rootFs.dev = this.#nextDev++;
    rootFs.root.hold();
    this.mounts.push(mount);
    this.root = { mount, inode: rootFs.root };
  }

  /** Mounts `fs` over the directory `path`, which must exist. */
  mount(kernel: Kernel, fs: FileSystem, path: string, readOnly = false): number {
    const place = this.resolve(kernel, AT_FDCWD, path, true);
    if (typeof place === "number") return place;
    if (!place.inode.directory) return -ENOTDIR;
    if (place.inode === place.mount.fs.root && place.mount.parent === null) return -EBUSY;
    const mount = new Mount(fs, place.mount, place.inode, path, readOnly || fs.readOnly);
    fs.dev = this.#nextDev++;
    fs.root.hold();
    place.inode.hold();
    place.mount.children.set(place.inode, mount);
    this.mounts.push(mount);
    return 0;
  }

  /** Makes a directory and those above it that are missing. */
  mkdirs(kernel: Kernel, path: string): number {
    for (let end = path.indexOf("/", 1); ; end = path.indexOf("/", end + 1)) {
      const result = this.mkdir(kernel, AT_FDCWD, end < 0 ? path : path.slice(0, end), 0o755);
      if (result !== 0 && result !== -EEXIST) return result;
      if (end < 0) return 0;
    }
  }

  /** What a path names; symbolic links at its end are followed if `follow`. */
  resolve(kernel: Kernel, dirfd: number, path: string, follow: boolean): Place | number {
    const found = this.#walk(kernel, dirfd, path, follow);
    if (typeof found === "number") return found;
    return found.place ?? -ENOENT;
  }

  /** What a path names, or with AT_EMPTY_PATH and no path the descriptor; AT_SYMLINK_NOFOLLOW counts as well. */
  locate(kernel: Kernel, dirfd: number, path: string, atFlags: number): Place | number {
    if (path !== "" || (atFlags & AT_EMPTY_PATH) === 0)
      return this.resolve(kernel, dirfd, path, (atFlags & AT_SYMLINK_NOFOLLOW) === 0);
    if (dirfd === AT_FDCWD) return kernel.fs.cwd;
    const file = kernel.fds.get(dirfd);
    return file ? this.placeOfFile(file) : -EBADF;
  }

  /** Where an open file lies. */
  placeOfFile(file: File): Place {
    if (file instanceof DirectoryFile || file instanceof PathFile) return file.place;
    const inode = inodeOf(file);
    const mount = inode && this.mounts.find(({ fs }) => fs === inode.fs);
    return mount ? { mount, inode } : { mount: ANONYMOUS_MOUNT, inode: inode ?? new OpenFileInode(file) };
  }

  /** The directory that paths relative to a descriptor begin in. */
  placeOf(kernel: Kernel, fd: number): Place | number {
    if (fd === AT_FDCWD) return kernel.fs.cwd;
    const file = kernel.fds.get(fd);
    if (!file) return -EBADF;
    return file instanceof DirectoryFile || file instanceof PathFile ? file.place : -ENOTDIR;
  }

  /** openat(2): a new open file description. WOULD_BLOCK for a named pipe without its other side. */
  open(kernel: Kernel, dirfd: number, path: string, flags: number, mode: number): File | number {
    const { inflight } = kernel.current;
    if (inflight instanceof FifoOpening) return inflight.resume(kernel);
    if ((flags & O_PATH) !== 0) return this.#openPath(kernel, dirfd, path, flags);
    if ((flags & O_ACCMODE) === O_ACCMODE) return -EINVAL;
    if ((flags & TMPFILE_BIT) !== 0) return this.#openUnnamed(kernel, dirfd, path, flags, mode);
    const creates = (flags & O_CREAT) !== 0;
    const exclusive = creates && (flags & O_EXCL) !== 0;
    if (creates && (flags & O_DIRECTORY) !== 0) return -EINVAL;
    const found = this.#walk(kernel, dirfd, path, !exclusive && (flags & O_NOFOLLOW) === 0, creates);
    if (typeof found === "number") return found;
    const { place } = found;
    if (creates && found.trailingSlash && found.last === "name") return -EISDIR;
    if (place === null) {
      if (!creates) return -ENOENT;
      if (found.parent.mount.readOnly) return -EROFS;
      const absolute = this.#absolute(kernel, found);
      return directoryOf(found).create(kernel, found.name, mode & 0o7777 & ~kernel.fs.umask, flags, absolute);
    }
    if (exclusive) return -EEXIST;
    const { inode } = place;
    if (inode.symlink) return (flags & O_DIRECTORY) !== 0 ? -ENOTDIR : -ELOOP;
    const writes = (flags & O_ACCMODE) !== O_RDONLY;
    if (inode.directory) {
      if (writes || creates || (flags & O_TRUNC) !== 0) return -EISDIR;
      return new DirectoryFile(place, flags, this.#absolute(kernel, found));
    }
    if ((flags & O_DIRECTORY) !== 0) return -ENOTDIR;
    if (place.mount.readOnly && inode.kind === "regular" && (writes || (flags & O_TRUNC) !== 0)) return -EROFS;
    return inode.open(kernel, flags, this.#absolute(kernel, found));
  }

  stat(kernel: Kernel, dirfd: number, path: string, follow: boolean, out: Stat): number {
    const place = this.resolve(kernel, dirfd, path, follow);
    return typeof place === "number" ? place : place.inode.stat(kernel, out);
  }

  setAttributes(kernel: Kernel, place: Place, change: AttributeChange): number {
    if (place.mount.readOnly) return -EROFS;
    return place.inode.setAttributes(kernel, change);
  }

  mkdir(kernel: Kernel, dirfd: number, path: string, mode: number): number {
    const found = this.#walk(kernel, dirfd, path, false, true);
    if (typeof found === "number") return found;
    if (found.place) return -EEXIST;
    if (found.parent.mount.readOnly) return -EROFS;
    return directoryOf(found).mkdir(kernel, found.name, mode & 0o7777 & ~kernel.fs.umask);
  }

  /** mknod(2). */
  makeNode(kernel: Kernel, dirfd: number, path: string, kind: NodeKind, mode: number): number {
    const found = this.#walk(kernel, dirfd, path, false, true);
    if (typeof found === "number") return found;
    if (found.place) return -EEXIST;
    if (found.trailingSlash) return -ENOENT;
    if (found.parent.mount.readOnly) return -EROFS;
    return directoryOf(found).makeNode(kernel, found.name, kind, mode & 0o7777 & ~kernel.fs.umask);
  }

  symlink(kernel: Kernel, target: string, dirfd: number, path: string): number {
    if (target === "") return -ENOENT;
    const found = this.#walk(kernel, dirfd, path, false, true);
    if (typeof found === "number") return found;
    if (found.place) return -EEXIST;
    if (found.trailingSlash) return -ENOENT;
    if (found.parent.mount.readOnly) return -EROFS;
    return directoryOf(found).addSymlink(kernel, found.name, target);
  }

  readlink(kernel: Kernel, dirfd: number, path: string): string | number {
    const place = path === "" ? this.placeOf(kernel, dirfd) : this.resolve(kernel, dirfd, path, false);
    if (typeof place === "number") return path === "" && place === -ENOTDIR ? -ENOENT : place;
    return place.inode.symlink ? place.inode.symlink.target(kernel) : path === "" ? -ENOENT : -EINVAL;
  }

  /** linkat(2); `atFlags`: AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH, of the old path. */
  link(kernel: Kernel, olddirfd: number, oldPath: string, newdirfd: number, newPath: string, atFlags: number): number {
    const source = this.locate(kernel, olddirfd, oldPath, atFlags);
    if (typeof source === "number") return source;
    source.inode.hold();
    const result = this.#linkTo(kernel, source, newdirfd, newPath);
    source.inode.release(kernel);
    return result;
  }

  unlink(kernel: Kernel, dirfd: number, path: string): number {
    const found = this.#walk(kernel, dirfd, path, false, true);
    if (typeof found === "number") return found;
    if (found.last !== "name") return -EISDIR;
    if (found.parent.mount.readOnly) return -EROFS;
    if (!found.place) return -ENOENT;
    if (found.trailingSlash) return found.place.inode.directory ? -EISDIR : -ENOTDIR;
    if (found.place.inode.directory) return -EISDIR;
    return directoryOf(found).unlink(kernel, found.name);
  }

  rmdir(kernel: Kernel, dirfd: number, path: string): number {
    const found = this.#walk(kernel, dirfd, path, false, true);
    if (typeof found === "number") return found;
    if (found.last === "dot") return -EINVAL;
    if (found.last === "dotdot") return -ENOTEMPTY;
    if (found.last === "root") return -EBUSY;
    if (found.parent.mount.readOnly) return -EROFS;
    if (!found.place) return -ENOENT;
    if (!found.place.inode.directory) return -ENOTDIR;
    if (found.place.mount !== found.parent.mount) return -EBUSY;
    return directoryOf(found).rmdir(kernel, found.name);
  }

  /**
   * renameat2(2), with its order of errors: EXDEV, EBUSY, EROFS, ENOENT, EEXIST, ENOTDIR, EINVAL, ENOTEMPTY, EISDIR. `flags`:
   * RENAME_NOREPLACE or RENAME_EXCHANGE.
   */
  rename(kernel: Kernel, olddirfd: number, oldPath: string, newdirfd: number, newPath: string, flags = 0): number {
    const from = this.#walk(kernel, olddirfd, oldPath, false, true);
    if (typeof from === "number") return from;
    // Both ends of the first walk are kept while the second one runs: a file system may forget what nobody holds.
    const held = [from.parent.inode, ...(from.place ? [from.place.inode] : [])];
    for (const inode of held) inode.hold();
    const to = this.#walk(kernel, newdirfd, newPath, false, true);
    const result = typeof to === "number" ? to : this.#renameTo(kernel, from, to, flags);
    for (const inode of held) inode.release(kernel);
    return result;
  }

  chdir(kernel: Kernel, path: string): number {
    const place = this.resolve(kernel, AT_FDCWD, path, true);
    if (typeof place === "number") return place;
    if (!place.inode.directory) return -ENOTDIR;
    kernel.fs.setCwd(kernel, place);
    return 0;
  }

  /** getcwd(2): the path of the working directory, or -ENOENT once it has been removed. */
  getcwd(kernel: Kernel): string | number {
    return pathOf(kernel, kernel.fs.root, kernel.fs.cwd) ?? -ENOENT;
  }

  statfs(kernel: Kernel, place: Place, out: StatFs): number {
    const result = place.mount.fs.statfs(kernel, out);
    if (result === 0 && place.mount.readOnly) out.flags |= ST_RDONLY;
    return result;
  }

  #openPath(kernel: Kernel, dirfd: number, path: string, flags: number): File | number {
    const found = this.#walk(kernel, dirfd, path, (flags & O_NOFOLLOW) === 0);
    if (typeof found === "number") return found;
    if (!found.place) return -ENOENT;
    if ((flags & O_DIRECTORY) !== 0 && !found.place.inode.directory) return -ENOTDIR;
    return new PathFile(found.place, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW), this.#absolute(kernel, found));
  }

  /** O_TMPFILE. */
  #openUnnamed(kernel: Kernel, dirfd: number, path: string, flags: number, mode: number): File | number {
    if ((flags & O_DIRECTORY) === 0 || (flags & O_CREAT) !== 0 || (flags & O_ACCMODE) === O_RDONLY) return -EINVAL;
    const place = this.resolve(kernel, dirfd, path, (flags & O_NOFOLLOW) === 0);
    if (typeof place === "number") return place;
    const { directory } = place.inode;
    if (!directory) return -ENOTDIR;
    if (place.mount.readOnly) return -EROFS;
    const above = pathOf(kernel, kernel.fs.root, place) ?? "";
    const permissions = mode & 0o7777 & ~kernel.fs.umask;
    return directory.createUnnamed(kernel, permissions, flags, `${above === "/" ? "" : above}/# (deleted)`);
  }

  #linkTo(kernel: Kernel, source: Place, newdirfd: number, newPath: string): number {
    const to = this.#walk(kernel, newdirfd, newPath, false, true);
    if (typeof to === "number") return to;
    if (to.place) return -EEXIST;
    if (to.trailingSlash) return -ENOENT;
    if (to.parent.mount !== source.mount) return -EXDEV;
    if (to.parent.mount.readOnly) return -EROFS;
    if (source.inode.directory) return -EPERM;
    return directoryOf(to).link(kernel, to.name, source.inode);
  }

  #renameTo(kernel: Kernel, from: Walk, to: Walk, flags: number): number {
    if (from.parent.mount !== to.parent.mount) return -EXDEV;
    if (from.last !== "name") return -EBUSY;
    if (to.last !== "name") return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    if (from.parent.mount.readOnly) return -EROFS;
    const { place } = from;
    if (!place) return -ENOENT;
    if (flags & RENAME_EXCHANGE) return this.#exchange(kernel, from, place, to);
    if (to.place && flags & RENAME_NOREPLACE) return -EEXIST;
    if (!place.inode.directory && (from.trailingSlash || to.trailingSlash)) return -ENOTDIR;
    if (place.inode.directory && isWithin(place.inode, to.parent.inode)) return -EINVAL;
    if (to.place) {
      if (to.place.inode.directory && isWithin(to.place.inode, from.parent.inode)) return -ENOTEMPTY;
      if (to.place.inode === place.inode) return 0;
      if (place.inode.directory && !to.place.inode.directory) return -ENOTDIR;
      if (!place.inode.directory && to.place.inode.directory) return -EISDIR;
    }
    if (place.mount !== from.parent.mount || (to.place && to.place.mount !== to.parent.mount)) return -EBUSY;
    return directoryOf(from).rename(kernel, from.name, to.parent.inode, to.name);
  }

  #exchange(kernel: Kernel, from: Walk, place: Place, to: Walk): number {
    const other = to.place;
    if (!other) return -ENOENT;
    if (!other.inode.directory && to.trailingSlash) return -ENOTDIR;
    if (!place.inode.directory && from.trailingSlash) return -ENOTDIR;
    if (place.inode.directory && isWithin(place.inode, to.parent.inode)) return -EINVAL;
    if (other.inode.directory && isWithin(other.inode, from.parent.inode)) return -EINVAL;
    if (other.inode === place.inode) return 0;
    if (place.mount !== from.parent.mount || other.mount !== to.parent.mount) return -EBUSY;
    return directoryOf(from).exchange(kernel, from.name, to.parent.inode, to.name);
  }

  /** `asEntry`: the entry itself is meant, to be made or removed: a trailing slash does not make the walk follow a link. */
  #walk(kernel: Kernel, dirfd: number, path: string, follow: boolean, asEntry = false): Walk | number {
    if (path.length === 0) return -ENOENT;
    let start = kernel.fs.root;
    if (path.charCodeAt(0) !== 0x2f) {
      const place = this.placeOf(kernel, dirfd);
      if (typeof place === "number") return place;
      start = place;
      if (!start.inode.directory) return -ENOTDIR;
    }
    const found = walk(kernel, kernel.fs.root, start, path, follow, asEntry, kernel.fs.confinement);
    if (typeof found === "number" || found.place !== null || found.last !== "name") return found;
    // Nothing can be created in a directory that has been removed, nor found there.
    return found.parent.inode.directory?.name(kernel) === null ? -ENOENT : found;
  }

  /** The absolute path of what a walk has found, for /proc/self/fd. */
  #absolute(kernel: Kernel, found: Walk): string {
    if (found.path !== undefined) return found.path;
    const above = pathOf(kernel, kernel.fs.root, found.parent) ?? "(deleted)";
    if (found.last !== "name") return above;
    return `${above === "/" ? "" : above}/${found.name}`.slice(0, PATH_MAX);
  }
}

/** The directory that a walk has ended in. */
function directoryOf(found: Walk): Directory {
  return found.parent.inode.directory as Directory;
}

/** True if `inode` is `directory` or lies in it, at any depth of the same file system. */
function isWithin(directory: Inode, inode: Inode): boolean {
  for (let at = inode; ; ) {
    if (at === directory) return true;
    const parent = at.directory?.parent;
    if (!parent || parent === at) return false;
    at = parent;
  }
}
