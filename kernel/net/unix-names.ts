/**
 * Who holds which AF_UNIX name (unix(7)). A name is abstract (it begins with a NUL), or a path: then bind(2) makes a socket node in the
 * file system, and the name is that node, whatever links and paths lead to it and however it is renamed. Unlinking the node ends the name; the
 * socket goes on with those it is connected to.
 *
 * A file system that has no nodes for sockets (a volume) keeps nothing: there the absolute path itself is the name.
 */
import { EADDRINUSE, ECONNREFUSED, EEXIST, EINVAL, EPERM } from "../abi/errno.ts";
import { AT_FDCWD } from "../abi/fcntl.ts";
import type { Inode } from "../fs/inode.ts";
import { type Place, pathOf } from "../fs/path.ts";
import type { Kernel } from "../kernel.ts";
import { UNNAMED } from "./address.ts";
import type { Socket } from "./socket.ts";

const SOCKET_MODE = 0o777;
/** FileSystem.type of a volume. */
const VOLUME_TYPE = "virtiofs";

export class UnixNames {
  readonly #holders = new Map<string | Inode, Socket>();
  readonly #keys = new Map<Socket, string | Inode>();
  /** Names by absolute path, as they were bound: for what the host publishes. */
  readonly #paths = new Map<Socket, string>();
  #nextAbstract = 1;

  /** bind(2): the socket, which has no name, gets this one. 0 or a negated errno. */
  bind(k: Kernel, socket: Socket, path: string): number {
    let name = path;
    // Autobind: an abstract name of five hexadecimal digits.
    while (name === "" || (path === "" && this.#holders.has(name)))
      name = `\0${(this.#nextAbstract++).toString(16).padStart(5, "0")}`;
    const key = name.startsWith("\0") ? name : this.#makeNode(k, name);
    if (typeof key === "number") return key;
    if (this.#holders.has(key)) return -EADDRINUSE;
    this.#holders.set(key, socket);
    this.#keys.set(socket, key);
    this.#paths.set(socket, absolute(k, name));
    if (typeof key !== "string") key.hold();
    socket.local = { ...UNNAMED, path: name };
    socket.bound = true;
    return 0;
  }

  unbind(k: Kernel, socket: Socket): void {
    const key = this.#keys.get(socket);
    if (key === undefined) return;
    this.#keys.delete(socket);
    this.#paths.delete(socket);
    this.#holders.delete(key);
    if (typeof key !== "string") key.release(k);
  }

  /** The socket that a name leads to, or a negated errno. */
  find(k: Kernel, path: string): Socket | number {
    if (path === "") return -EINVAL;
    if (path.startsWith("\0")) return this.#holders.get(path) ?? -ECONNREFUSED;
    const place = k.vfs.resolve(k, AT_FDCWD, path, true);
    const holder =
      (typeof place === "number" ? undefined : this.#holders.get(place.inode)) ?? this.#holders.get(absolute(k, path));
    return holder ?? (typeof place === "number" ? place : -ECONNREFUSED);
  }

  /** The absolute path that a socket was bound to; null for one without a name. */
  pathOf(socket: Socket): string | null {
    return this.#paths.get(socket) ?? null;
  }

  /** A new node's inode, or the path where the file system has none for sockets. */
  #makeNode(k: Kernel, path: string): Inode | string | number {
    const made = k.vfs.makeNode(k, AT_FDCWD, path, "socket", SOCKET_MODE);
    if (made === -EEXIST) return -EADDRINUSE;
    if (made === -EPERM) {
      const folder = folderOf(k, path);
      if (typeof folder !== "number" && folder.mount.fs.type === VOLUME_TYPE) return absolute(k, path);
    }
    if (made < 0) return made;
    const place = k.vfs.resolve(k, AT_FDCWD, path, false);
    return typeof place === "number" ? place : place.inode;
  }
}

/** Where the entry that a path names is, or would be. */
function folderOf(k: Kernel, path: string): Place | number {
  const slash = path.lastIndexOf("/");
  return k.vfs.resolve(k, AT_FDCWD, slash < 0 ? "." : path.slice(0, slash + 1), true);
}

/** The path from the root, links in its folders followed; the path itself where its folder is not there. */
function absolute(k: Kernel, path: string): string {
  const folder = path.startsWith("\0") ? -1 : folderOf(k, path);
  const above = typeof folder === "number" ? null : pathOf(k, k.fs.root, folder);
  return above === null ? path : `${above === "/" ? "" : above}/${path.slice(path.lastIndexOf("/") + 1)}`;
}
