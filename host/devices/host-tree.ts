/**
 * One host folder as a tree of nodes that a guest may name by number and nothing else. No request gets out of the folder.
 *
 * What always holds: a node is reached from its directory's node by one component that is neither "." nor ".." and has no "/", and a symbolic
 * link is never followed. On Linux a node holds an O_PATH descriptor, and every operation goes through /proc/self/fd/N[/name]: these
 * are openat(2) and its relatives, so a folder renamed or replaced by a link in the meantime changes nothing. Elsewhere a path is
 * built from the names and every component is checked (lstat: same device and inode, no link) before each use; between the check and the
 * use a process on the host that plays against us could still slip in, and Node has no means against that.
 *
 * Names are byte strings (kernel/fs/byte-string.ts). Everything throws Node's errors or HostTreeError.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
} from "node:fs";
import { EINVAL, ELOOP, ENAMETOOLONG, ENFILE, ENOENT, ESTALE } from "../../kernel/abi/errno.ts";
import { NAME_MAX, O_PATH, S_IFMT } from "../../kernel/abi/fcntl.ts";
import type { ExactTimes } from "./exact-times.ts";
import { hostErrno } from "./host-errno.ts";

/** Nodes at once; each holds a descriptor of the host process. The driver forgets what it does not need. */
export const NODES_MAX = 16384;

/** An error with a Linux errno of its own. */
export class HostTreeError extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

export interface Node {
  readonly id: number;
  /** O_PATH descriptor; -1 where there are none. */
  readonly fd: number;
  readonly key: string;
  readonly stats: { readonly dev: bigint; readonly ino: bigint };
  readonly type: "file" | "directory" | "symlink" | "other";
  /** Of a symbolic link: its target, which cannot change. */
  readonly target: Buffer;
  /** Where it was last seen. */
  parent: Node | null;
  name: string;
  lookups: number;
  /** Times that were set through this node; null: none were. */
  exactTimes: ExactTimes | null;
}

export interface HostTreeOptions {
  /** Without /proc, even if there is one (tests). */
  readonly byPath?: boolean;
  readonly nodesMax?: number;
}

export class HostTree {
  readonly root: Node;
  readonly #nodes = new Map<number, Node>();
  readonly #byKey = new Map<string, Node>();
  readonly #useProc: boolean;
  readonly #folder: string;
  readonly #nodesMax: number;
  #nextId = 1;

  constructor(folder: string, options: HostTreeOptions = {}) {
    this.#useProc = !options.byPath && process.platform === "linux" && existsSync("/proc/self/fd");
    this.#nodesMax = options.nodesMax ?? NODES_MAX;
    this.#folder = realpathSync(folder, "buffer").toString("latin1");
    const fd = this.#useProc ? openSync(encode(this.#folder), O_PATH | constants.O_DIRECTORY) : -1;
    const stats = fd >= 0 ? fstatSync(fd, { bigint: true }) : lstatSync(encode(this.#folder), { bigint: true });
    this.root = this.#register(fd, stats, null, "", 1);
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** The node that a request names. */
  node(id: number): Node {
    const node = this.#nodes.get(id);
    if (!node) throw new HostTreeError(ESTALE);
    return node;
  }

  /** Finds an entry and counts it as looked up once more; every lookup has to be forgotten. */
  lookup(parent: Node, name: string): Node {
    const path = this.at(parent, name);
    const fd = this.#useProc ? openSync(path, O_PATH | constants.O_NOFOLLOW) : -1;
    try {
      const stats = fd >= 0 ? fstatSync(fd, { bigint: true }) : lstatSync(path, { bigint: true });
      const known = this.#byKey.get(keyOf(stats));
      // A number of the host may come to mean another file where no descriptor holds the old one.
      if (known && known.type === typeOf(stats)) {
        if (fd >= 0) closeSync(fd);
        known.lookups++;
        if (known !== this.root) {
          known.parent = parent;
          known.name = name;
        }
        return known;
      }
      if (this.#nodes.size >= this.#nodesMax) throw new HostTreeError(ENFILE);
      return this.#register(fd, stats, parent, name, 1);
    } catch (error) {
      if (fd >= 0 && !this.#holds(fd)) closeSync(fd);
      throw error;
    }
  }

  /** The guest has forgotten `count` lookups of a node. */
  forget(id: number, count: number): void {
    const node = this.#nodes.get(id);
    if (!node || node === this.root) return;
    node.lookups -= count;
    if (node.lookups > 0) return;
    this.#nodes.delete(id);
    this.#unlist(node);
    if (node.fd >= 0) closeSync(node.fd);
  }

  stat(node: Node): BigIntStats {
    const stats =
      node.fd >= 0 ? fstatSync(node.fd, { bigint: true }) : lstatSync(this.#verified(node), { bigint: true });
    return node.exactTimes?.correct(stats) ?? stats;
  }

  /** The same through a descriptor that the node's file is open with: it may have no name any more. */
  statOpen(node: Node, fd: number): BigIntStats {
    const stats = fstatSync(fd, { bigint: true });
    return node.exactTimes?.correct(stats) ?? stats;
  }

  /** A host path that names the node itself. Not for symbolic links: the host would follow them. */
  self(node: Node): string | Buffer {
    if (node.type === "symlink") throw new HostTreeError(ELOOP);
    return node.fd >= 0 ? `/proc/self/fd/${node.fd}` : this.#verified(node);
  }

  /** A host path of the entry `name` of a directory, for calls that do not follow links at the end. */
  at(parent: Node, name: string): string | Buffer {
    if (name.length > NAME_MAX) throw new HostTreeError(ENAMETOOLONG);
    if (!isComponent(name)) throw new HostTreeError(EINVAL);
    if (parent.fd >= 0) return encode(`/proc/self/fd/${parent.fd}/${name}`);
    return encode(`${this.#verified(parent).toString("latin1")}/${name}`);
  }

  /** Inode number and type (DT_*) of an entry, without making a node of it; null if it has gone. */
  peek(parent: Node, name: string): { readonly ino: bigint; readonly type: number } | null {
    try {
      const stats = lstatSync(this.at(parent, name), { bigint: true });
      return { ino: stats.ino, type: (Number(stats.mode) & S_IFMT) >>> 12 };
    } catch (error) {
      if (hostErrno(error) === ENOENT) return null;
      throw error;
    }
  }

  /** The node's own entry in its directory, checked to be the same file still: for link(2) and lutimes(3), which need a name. */
  entryOf(node: Node): string | Buffer {
    if (!node.parent) throw new HostTreeError(EINVAL);
    const path = this.at(node.parent, node.name);
    if (keyOf(lstatSync(path, { bigint: true })) !== node.key) throw new HostTreeError(ENOENT);
    return path;
  }

  /** An entry has been renamed: nodes remember where they are. */
  moved(parent: Node, name: string): void {
    const node = this.#byKey.get(keyOf(lstatSync(this.at(parent, name), { bigint: true })));
    if (!node || node === this.root) return;
    node.parent = parent;
    node.name = name;
  }

  /**
   * The node that loses its last name when the entry goes, or null. Where no descriptor holds it, the host may give its number to another
   * file at once: `gone` says that the entry has been removed.
   */
  losing(parent: Node, name: string): Node | null {
    if (this.#useProc) return null;
    try {
      const stats = lstatSync(this.at(parent, name), { bigint: true });
      return stats.isDirectory() || stats.nlink === 1n ? (this.#byKey.get(keyOf(stats)) ?? null) : null;
    } catch (error) {
      if (hostErrno(error) === ENOENT) return null;
      throw error;
    }
  }

  gone(node: Node | null): void {
    if (node && node !== this.root) this.#unlist(node);
  }

  close(): void {
    for (const node of this.#nodes.values()) if (node.fd >= 0) closeSync(node.fd);
    this.#nodes.clear();
    this.#byKey.clear();
  }

  /** Forgets everything but the root: the driver has reset the device. */
  reset(): void {
    for (const [id, node] of this.#nodes) if (node !== this.root) this.forget(id, node.lookups);
  }

  #register(fd: number, stats: BigIntStats, parent: Node | null, name: string, lookups: number): Node {
    const type = typeOf(stats);
    const target =
      type === "symlink" && parent ? readlinkSync(this.at(parent, name), { encoding: "buffer" }) : Buffer.alloc(0);
    const key = keyOf(stats);
    const { dev, ino } = stats;
    const id = this.#nextId++;
    const node: Node = { id, fd, key, stats: { dev, ino }, type, target, parent, name, lookups, exactTimes: null };
    this.#nodes.set(node.id, node);
    this.#byKey.set(key, node);
    return node;
  }

  #unlist(node: Node): void {
    if (this.#byKey.get(node.key) === node) this.#byKey.delete(node.key);
  }

  #holds(fd: number): boolean {
    for (const node of this.#nodes.values()) if (node.fd === fd) return true;
    return false;
  }

  /** Where there are no O_PATH descriptors: the node's path, every component of which is what it was. */
  #verified(node: Node): Buffer {
    const names: Node[] = [];
    for (let at = node; at.parent; at = at.parent) names.push(at);
    let path = this.#folder;
    this.#check(this.root, path);
    for (const component of names.reverse()) {
      path += `/${component.name}`;
      this.#check(component, path);
    }
    return Buffer.from(path, "latin1");
  }

  #check(node: Node, path: string): void {
    if (keyOf(lstatSync(encode(path), { bigint: true })) !== node.key) throw new HostTreeError(ESTALE);
  }
}

function typeOf(stats: BigIntStats): Node["type"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "symlink" : "other";
}

function keyOf(stats: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${stats.dev}:${stats.ino}`;
}

/** One component of a path, and not one that leads elsewhere. On Windows a backslash separates, too. */
function isComponent(name: string): boolean {
  if (name === "" || name === "." || name === "..") return false;
  return !(name.includes("/") || name.includes("\0") || (process.platform === "win32" && /[\\:]/.test(name)));
}

/** A byte string as Node takes it: names that are no UTF-8 keep their bytes. */
export function encode(path: string): string | Buffer {
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) > 0x7f) return Buffer.from(path, "latin1");
  return path;
}
