/**
 * The path walk (path_resolution(7)): symbolic links, "." and "..", mounts crossed both ways, trailing slashes.
 *
 * `walk` resolves everything but the meaning of a missing last component: that is its caller's to decide (open with O_CREAT and mkdir want
 * it missing). Only vfs.ts calls it.
 */
import { ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from "../abi/errno.ts";
import { NAME_MAX, PATH_MAX, SYMLINKS_MAX } from "../abi/fcntl.ts";
import { ENOTCAPABLE } from "../abi/wasi.ts";
import type { Kernel } from "../kernel.ts";
import type { Inode } from "./inode.ts";
import type { Mount } from "./mount.ts";

/** Where a path has led: an inode, and the mount through which it was reached. */
export interface Place {
  readonly mount: Mount;
  readonly inode: Inode;
}

/**
 * Whether a walk may leave the directory that it begins in. As node:wasi has it, what a relative link says begins in that directory, too, not in
 * the link's own.
 */
export type Confinement = "none" | "beneath" | "beneath, as node:wasi";

/** What the last component was: an entry's name, ".", "..", or nothing but slashes. */
export type LastKind = "name" | "dot" | "dotdot" | "root";

export interface Walk {
  readonly last: LastKind;
  /** The directory that has (or would have) the entry; for other kinds of last component, where the walk ended. */
  readonly parent: Place;
  readonly name: string;
  /** What the path names, mounts crossed; null if there is no such entry. */
  readonly place: Place | null;
  readonly trailingSlash: boolean;
  /** The path of what it names, where that is another one than the walk's (a link of /proc/PID/fd). */
  readonly path?: string;
}

/**
 * `path` is not empty. `follow`: whether a symbolic link as the last component is followed; with a trailing slash it always is
 * (path_resolution(7), "final entry"), unless the entry itself is meant, to be made or removed (`asEntry`): then the caller looks at `trailingSlash`.
 *
 * `confinement`: the walk stays beneath `start` (openat2(2), RESOLVE_BENEATH), or ends with ENOTCAPABLE: no absolute path or link, no magic link
 * of procfs, and ".." leads to the directory that this walk has come from, wherever that one's place in the tree may be by now.
 */
export function walk(
  kernel: Kernel,
  root: Place,
  start: Place,
  path: string,
  follow: boolean,
  asEntry = false,
  confinement: Confinement = "none",
): Walk | number {
  if (path.length === 0) return -ENOENT;
  if (path.length >= PATH_MAX) return -ENAMETOOLONG;
  let rest = path;
  let at = 0;
  const confined = confinement !== "none";
  if (confined && rest.charCodeAt(0) === SLASH) return -ENOTCAPABLE;
  let current = rest.charCodeAt(0) === SLASH ? root : start;
  let links = 0;
  /** Of a confined walk: the directories above `current`, down from `start`. */
  const trail: Place[] = [];
  for (;;) {
    while (rest.charCodeAt(at) === SLASH) at++;
    if (at === rest.length) {
      return { last: "root", parent: current, name: "", place: current, trailingSlash: true };
    }
    let end = rest.indexOf("/", at);
    if (end < 0) end = rest.length;
    const name = rest.slice(at, end);
    at = end;
    while (rest.charCodeAt(at) === SLASH) at++;
    const isLast = at === rest.length;
    const trailingSlash = isLast && end < rest.length;

    const { directory } = current.inode;
    if (!directory) return -ENOTDIR;
    if (name === "." || name === "..") {
      if (name === "..") {
        const before = confined ? trail.pop() : above(root, current);
        if (!before) return -ENOTCAPABLE;
        current = before;
      }
      if (!isLast) continue;
      return { last: name === "." ? "dot" : "dotdot", parent: current, name, place: current, trailingSlash };
    }
    if (name.length > NAME_MAX) return -ENAMETOOLONG;
    const found = directory.lookup(kernel, name);
    if (typeof found === "number") {
      if (found !== -ENOENT || !isLast) return found;
      return { last: "name", parent: current, name, place: null, trailingSlash };
    }
    if (found.symlink && (!isLast || (trailingSlash ? !asEntry : follow))) {
      if (++links > SYMLINKS_MAX) return -ELOOP;
      const target = found.symlink.target(kernel);
      if (typeof target === "number") return target;
      const jumped = found.symlink.place?.(kernel);
      if (confined && (jumped || target.charCodeAt(0) === SLASH)) return -ENOTCAPABLE;
      if (jumped) {
        if ((!isLast || trailingSlash) && !jumped.inode.directory) return -ENOTDIR;
        if (isLast) return { last: "name", parent: current, name, place: jumped, trailingSlash, path: target };
        current = jumped;
        continue;
      }
      if (target === "") return -ENOENT;
      const after = rest.slice(end);
      if (target.length >= PATH_MAX) return -ENAMETOOLONG;
      rest = target + after;
      at = 0;
      if (target.charCodeAt(0) === SLASH) current = root;
      else if (confinement === "beneath, as node:wasi") {
        current = start;
        trail.length = 0;
      }
      continue;
    }
    const place = into(current.mount, found);
    if (isLast) {
      if (trailingSlash && !asEntry && !place.inode.directory) return -ENOTDIR;
      return { last: "name", parent: current, name, place, trailingSlash };
    }
    if (!place.inode.directory) return -ENOTDIR;
    if (confined) trail.push(current);
    current = place;
  }
}

/** The place of `inode`, reached through `mount`: the root of whatever is mounted there, if anything is. */
function into(mount: Mount, inode: Inode): Place {
  let place: Place = { mount, inode };
  for (;;) {
    const covering = place.mount.children.get(place.inode);
    if (!covering) return place;
    place = { mount: covering, inode: covering.fs.root };
  }
}

/** "..": out of mounts, and never above the root. */
function above(root: Place, place: Place): Place {
  let { mount, inode } = place;
  for (;;) {
    if (mount === root.mount && inode === root.inode) return root;
    if (inode !== mount.fs.root) break;
    if (!mount.parent || !mount.mountPoint) return root;
    inode = mount.mountPoint;
    mount = mount.parent;
  }
  // A directory mounted over is seen as what covers it.
  return into(mount, (inode.directory as NonNullable<Inode["directory"]>).parent);
}

/** The path from the root to a directory, or null if it (or one above it) has been removed. */
export function pathOf(kernel: Kernel, root: Place, place: Place): string | null {
  const names: string[] = [];
  let { mount, inode } = place;
  for (;;) {
    if (mount === root.mount && inode === root.inode) break;
    if (inode === mount.fs.root) {
      if (!mount.parent || !mount.mountPoint) break;
      inode = mount.mountPoint;
      mount = mount.parent;
      continue;
    }
    const name = inode.directory?.name(kernel) ?? null;
    if (name === null) return null;
    names.push(name);
    inode = (inode.directory as NonNullable<Inode["directory"]>).parent;
  }
  return `/${names.reverse().join("/")}`;
}

const SLASH = 0x2f;
