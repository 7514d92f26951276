/**
 * virtio-fs as a file system: nodes of the device as inodes.
 *
 * What always holds: a node has at most one FuseInode, which counts how often the device has named it; that many lookups are forgotten when the
 * inode is dropped. Inodes that nobody holds are kept while there are few of them (the cache) and dropped oldest first. Attributes and
 * names are never cached: the host's folder may change under us, and asking costs a microsecond.
 */
import { EINVAL, EIO, ENOENT, EOPNOTSUPP, EPERM, ESTALE } from "../../abi/errno.ts";
import {
  O_CREAT,
  O_EXCL,
  O_TRUNC,
  O_WRONLY,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../abi/fcntl.ts";
import { ST_RDONLY, type StatFs } from "../../abi/stat.ts";
import type { Kernel } from "../../kernel.ts";
import type { SharedObject } from "../../mem/shared-object.ts";
import { fromBytes } from "../byte-string.ts";
import type { File, FileKind, Stat } from "../file.ts";
import type { AttributeChange, Directory, DirectoryEntry, FileSystem, Inode, LockClaim, NodeKind } from "../inode.ts";
import { FuseFile } from "./fuse-file.ts";
import * as fuse from "./protocol.ts";
import type { FuseSession } from "./session.ts";

/** FUSE_SUPER_MAGIC (statfs(2)). */
const FUSE_SUPER_MAGIC = 0x65735546;
/** Inodes kept beyond those that are held. */
const CACHE_MAX = 512;
/** Inodes looked at for one that is dropped. */
const EVICTION_SCAN_MAX = 8;
/** What one reply of the synchronous queue carries. */
const REPLY_BYTES = 32768;

export class FuseFs implements FileSystem {
  readonly type = "virtiofs";
  readonly readOnly: boolean;
  readonly root: FuseInode;
  readonly session: FuseSession;
  dev = 0;
  /** By node id, least recently looked up first. */
  readonly #inodes = new Map<number, FuseInode>();
  #held = 0;

  constructor(session: FuseSession, readOnly: boolean) {
    this.session = session;
    this.readOnly = readOnly;
    this.root = new FuseInode(this, fuse.FUSE_ROOT_ID, fuse.FUSE_ROOT_ID, "directory", null, "");
  }

  get source(): string {
    return this.session.tag;
  }

  get inodeCount(): number {
    return this.#inodes.size;
  }

  statfs(_kernel: Kernel, out: StatFs): number {
    const { session } = this;
    const result = session.call(fuse.FUSE_STATFS, fuse.FUSE_ROOT_ID, 0, fuse.STATFS_OUT_BYTES);
    if (result < 0) return result;
    out.type = FUSE_SUPER_MAGIC;
    out.bsize = session.getU32(fuse.STATFS_BSIZE);
    out.blocks = session.getU64(fuse.STATFS_BLOCKS);
    out.bfree = session.getU64(fuse.STATFS_BFREE);
    out.bavail = session.getU64(fuse.STATFS_BAVAIL);
    out.files = session.getU64(fuse.STATFS_FILES);
    out.ffree = session.getU64(fuse.STATFS_FFREE);
    out.namelen = session.getU32(fuse.STATFS_NAMELEN);
    out.flags = this.readOnly ? ST_RDONLY : 0;
    return 0;
  }

  /** The inode of the fuse_entry_out that the session has just received. */
  entry(parent: FuseInode, name: string): FuseInode | number {
    const { session } = this;
    const nodeId = session.getU64(0);
    const ino = session.getU64(fuse.ENTRY_ATTR + fuse.ATTR_INO);
    const kind = kindOf(session.getU32(fuse.ENTRY_ATTR + fuse.ATTR_MODE));
    if (nodeId === 0) return -ENOENT;
    if (nodeId === fuse.FUSE_ROOT_ID) return -EIO; // no entry names the root: a loop would be the consequence
    const known = this.#inodes.get(nodeId);
    if (known) {
      known.lookups++;
      if (known.kind !== kind) return -ESTALE;
      this.#inodes.delete(nodeId);
      this.#inodes.set(nodeId, known);
      known.seenAt(parent, name);
      return known;
    }
    this.#evict();
    const inode = new FuseInode(this, nodeId, ino, kind, parent, name);
    this.#inodes.set(nodeId, inode);
    return inode;
  }

  heldChanged(by: 1 | -1): void {
    this.#held += by;
  }

  #evict(): void {
    if (this.#inodes.size - this.#held < CACHE_MAX) return;
    let scanned = 0;
    for (const [id, inode] of this.#inodes) {
      if (++scanned > EVICTION_SCAN_MAX) return;
      this.#inodes.delete(id);
      if (inode.isHeld) {
        this.#inodes.set(id, inode); // to the young end: it is looked at again in a while
        continue;
      }
      inode.dropped();
      this.session.forget(id, inode.lookups);
      return;
    }
  }
}

const CLAIM_TYPES: Readonly<Record<LockClaim, number>> = {
  none: fuse.FUSE_CLAIM_NONE,
  read: fuse.FUSE_CLAIM_READ,
  write: fuse.FUSE_CLAIM_WRITE,
};

export class FuseInode implements Inode, Directory {
  readonly fs: FuseFs;
  readonly nodeId: number;
  readonly ino: number;
  readonly kind: FileKind;
  /** How often the device has named this node. */
  lookups = 1;
  /** What its shared mappings share, while there are any. */
  shared: SharedObject | null = null;
  /** Directories: where it is. Held. */
  #above: FuseInode | null = null;
  #ownName: string | null = null;
  #holders = 0;

  constructor(fs: FuseFs, nodeId: number, ino: number, kind: FileKind, above: FuseInode | null, name: string) {
    this.fs = fs;
    this.nodeId = nodeId;
    this.ino = ino;
    this.kind = kind;
    if (above) this.seenAt(above, name);
    else this.#ownName = name;
  }

  get directory(): Directory | null {
    return this.kind === "directory" ? this : null;
  }

  get symlink(): Inode["symlink"] {
    return this.kind === "symlink" ? this : null;
  }

  get parent(): Inode {
    return this.#above ?? this;
  }

  get isHeld(): boolean {
    return this.#holders > 0;
  }

  name(_kernel: Kernel): string | null {
    return this.#ownName;
  }

  hold(): void {
    if (this.#holders++ === 0) this.fs.heldChanged(1);
  }

  release(_kernel?: Kernel): void {
    if (--this.#holders === 0) this.fs.heldChanged(-1);
  }

  /** A directory has been found here: it has one place only, and holds what is above it. */
  seenAt(above: FuseInode, name: string): void {
    if (this.kind !== "directory") return;
    if (this.#above !== above) {
      above.hold();
      this.#above?.release();
      this.#above = above;
    }
    this.#ownName = name;
  }

  /** It leaves the cache. */
  dropped(): void {
    this.#above?.release();
    this.#above = null;
  }

  target(_kernel: Kernel): string | number {
    const { session } = this.fs;
    const result = session.call(fuse.FUSE_READLINK, this.nodeId, 0, 0, 4096);
    return result < 0 ? result : fromBytes(session.bytes(0, result));
  }

  /** The size of an open file now, or a negated errno. */
  size(handle: number): number {
    const result = this.#getAttributes(handle);
    return result < 0 ? result : this.fs.session.getU64(fuse.ATTR_OUT_ATTR + fuse.ATTR_SIZE);
  }

  stat(_kernel: Kernel, out: Stat): number {
    return this.statHandle(0, out);
  }

  /** GETATTR; `handle` other than 0: of this open file, which may have no name any more. */
  statHandle(handle: number, out: Stat): number {
    const { session } = this.fs;
    const result = this.#getAttributes(handle);
    if (result < 0) return result;
    const at = fuse.ATTR_OUT_ATTR;
    out.dev = this.fs.dev;
    out.ino = session.getU64(at + fuse.ATTR_INO);
    out.mode = session.getU32(at + fuse.ATTR_MODE);
    out.nlink = session.getU32(at + fuse.ATTR_NLINK);
    out.uid = session.getU32(at + fuse.ATTR_UID);
    out.gid = session.getU32(at + fuse.ATTR_GID);
    out.rdev = session.getU32(at + fuse.ATTR_RDEV);
    out.size = session.getU64(at + fuse.ATTR_SIZE);
    out.blksize = session.getU32(at + fuse.ATTR_BLKSIZE);
    out.blocks = session.getU64(at + fuse.ATTR_BLOCKS);
    out.atimeSec = session.getI64(at + fuse.ATTR_ATIME);
    out.atimeNsec = session.getU32(at + fuse.ATTR_ATIMENSEC);
    out.mtimeSec = session.getI64(at + fuse.ATTR_MTIME);
    out.mtimeNsec = session.getU32(at + fuse.ATTR_MTIMENSEC);
    out.ctimeSec = session.getI64(at + fuse.ATTR_CTIME);
    out.ctimeNsec = session.getU32(at + fuse.ATTR_CTIMENSEC);
    return 0;
  }

  setAttributes(_kernel: Kernel, change: AttributeChange): number {
    return this.change(change, 0);
  }

  /** SETATTR; `handle` other than 0: through this open file. */
  change(change: AttributeChange, handle: number): number {
    const { session } = this.fs;
    session.begin(fuse.SETATTR_IN_BYTES);
    let valid = 0;
    if (change.mode !== undefined) {
      valid |= fuse.FATTR_MODE;
      session.setU32(fuse.SETATTR_MODE, change.mode);
    }
    if (change.uid !== undefined) {
      valid |= fuse.FATTR_UID;
      session.setU32(fuse.SETATTR_UID, change.uid);
    }
    if (change.gid !== undefined) {
      valid |= fuse.FATTR_GID;
      session.setU32(fuse.SETATTR_GID, change.gid);
    }
    if (change.size !== undefined) {
      valid |= fuse.FATTR_SIZE;
      session.setU64(fuse.SETATTR_SIZE, change.size);
    }
    if (change.atimeSec !== undefined) {
      valid |= fuse.FATTR_ATIME;
      session.setU64(fuse.SETATTR_ATIME, change.atimeSec);
      session.setU32(fuse.SETATTR_ATIMENSEC, change.atimeNsec ?? 0);
    }
    if (change.mtimeSec !== undefined) {
      valid |= fuse.FATTR_MTIME;
      session.setU64(fuse.SETATTR_MTIME, change.mtimeSec);
      session.setU32(fuse.SETATTR_MTIMENSEC, change.mtimeNsec ?? 0);
    }
    if (handle !== 0) {
      valid |= fuse.FATTR_FH;
      session.setU64(fuse.SETATTR_FH, handle);
    }
    session.setU32(fuse.SETATTR_VALID, valid);
    const result = session.call(fuse.FUSE_SETATTR, this.nodeId, fuse.SETATTR_IN_BYTES, fuse.ATTR_OUT_BYTES);
    if (result >= 0 && change.size !== undefined) this.shared?.resized(change.size);
    return Math.min(0, result);
  }

  open(_kernel: Kernel, flags: number, path: string): File | number {
    const handle = this.openHandle(flags);
    if (handle >= 0 && (flags & O_TRUNC) !== 0) this.shared?.resized(0);
    return handle < 0 ? handle : new FuseFile(this, handle, flags, path);
  }

  /** READ of what fits into a reply, copied to `target`. */
  loadHandle(handle: number, target: Uint8Array, offset: number): number {
    const { session } = this.fs;
    session.begin(fuse.READ_IN_BYTES);
    session.setU64(0, handle);
    session.setU64(8, offset);
    const size = Math.min(target.length, REPLY_BYTES);
    session.setU32(16, size);
    const length = session.call(fuse.FUSE_READ, this.nodeId, fuse.READ_IN_BYTES, 0, size);
    if (length > 0) target.set(session.bytes(0, length));
    return length;
  }

  /** SETLK. */
  claim(claim: LockClaim): number {
    const { session } = this.fs;
    session.begin(fuse.LK_IN_BYTES);
    session.setU64(24, Number.MAX_SAFE_INTEGER);
    session.setU32(fuse.LK_TYPE, CLAIM_TYPES[claim]);
    return session.call(fuse.FUSE_SETLK, this.nodeId, fuse.LK_IN_BYTES, 0);
  }

  /** OPEN: the device's handle, or a negated errno. */
  openHandle(flags: number): number {
    const { session } = this.fs;
    session.begin(fuse.OPEN_IN_BYTES);
    session.setU32(0, flags);
    const result = session.call(fuse.FUSE_OPEN, this.nodeId, fuse.OPEN_IN_BYTES, fuse.OPEN_OUT_BYTES);
    return result < 0 ? result : session.getU64(0);
  }

  releaseHandle(opcode: number, handle: number): void {
    const { session } = this.fs;
    session.begin(fuse.RELEASE_IN_BYTES);
    session.setU64(0, handle);
    session.call(opcode, this.nodeId, fuse.RELEASE_IN_BYTES, 0);
  }

  /** FSYNC on the synchronous queue, for a caller that cannot park. */
  syncHandle(handle: number, flags: number): number {
    const { session } = this.fs;
    session.begin(fuse.FSYNC_IN_BYTES);
    session.setU64(0, handle);
    session.setU32(8, flags);
    return Math.min(0, session.call(fuse.FUSE_FSYNC, this.nodeId, fuse.FSYNC_IN_BYTES, 0));
  }

  lookup(_kernel: Kernel, name: string): Inode | number {
    return this.find(name);
  }

  find(name: string): FuseInode | number {
    const { session } = this.fs;
    const result = session.call(fuse.FUSE_LOOKUP, this.nodeId, session.setName(0, name), fuse.ENTRY_OUT_BYTES);
    return result < 0 ? result : this.fs.entry(this, name);
  }

  entries(_kernel: Kernel): DirectoryEntry[] | number {
    const { session } = this.fs;
    session.begin(fuse.OPEN_IN_BYTES);
    const opened = session.call(fuse.FUSE_OPENDIR, this.nodeId, fuse.OPEN_IN_BYTES, fuse.OPEN_OUT_BYTES);
    if (opened < 0) return opened;
    const handle = session.getU64(0);
    const list: DirectoryEntry[] = [];
    let failed = 0;
    for (let offset = 0; ; ) {
      session.begin(fuse.READ_IN_BYTES);
      session.setU64(0, handle);
      session.setU64(8, offset);
      session.setU32(16, REPLY_BYTES);
      const length = session.call(fuse.FUSE_READDIR, this.nodeId, fuse.READ_IN_BYTES, 0, REPLY_BYTES);
      if (length < 0) failed = length;
      if (length <= 0) break;
      const next = this.#parseEntries(list, length);
      // An offset that does not move on would make this endless.
      if (next <= offset) {
        failed = -EIO;
        break;
      }
      offset = next;
    }
    this.releaseHandle(fuse.FUSE_RELEASEDIR, handle);
    return failed < 0 ? failed : list;
  }

  create(_kernel: Kernel, name: string, mode: number, flags: number, path: string): File | number {
    const { session } = this.fs;
    session.begin(fuse.CREATE_IN_BYTES);
    session.setU32(0, flags);
    session.setU32(4, S_IFREG | mode);
    const length = session.setName(fuse.CREATE_IN_BYTES, name);
    const result = session.call(fuse.FUSE_CREATE, this.nodeId, length, fuse.ENTRY_OUT_BYTES + fuse.OPEN_OUT_BYTES);
    if (result < 0) return result;
    const handle = session.getU64(fuse.ENTRY_OUT_BYTES);
    const inode = this.fs.entry(this, name);
    return typeof inode === "number" ? inode : new FuseFile(inode, handle, flags & ~O_EXCL, path);
  }

  createUnnamed(_kernel: Kernel, _mode: number, _flags: number, _path: string): number {
    return -EOPNOTSUPP;
  }

  /** A regular file; the host is asked for nothing else. */
  makeNode(kernel: Kernel, name: string, kind: NodeKind, mode: number): number {
    if (kind !== "regular") return -EPERM;
    const file = this.create(kernel, name, mode, O_WRONLY | O_CREAT | O_EXCL, "");
    if (typeof file === "number") return file;
    file.close(kernel);
    return 0;
  }

  mkdir(_kernel: Kernel, name: string, mode: number): number {
    const { session } = this.fs;
    session.begin(fuse.MKDIR_IN_BYTES);
    session.setU32(0, S_IFDIR | mode);
    const length = session.setName(fuse.MKDIR_IN_BYTES, name);
    return this.#made(session.call(fuse.FUSE_MKDIR, this.nodeId, length, fuse.ENTRY_OUT_BYTES), name);
  }

  addSymlink(_kernel: Kernel, name: string, target: string): number {
    const { session } = this.fs;
    const length = session.setName(session.setName(0, name), target);
    return this.#made(session.call(fuse.FUSE_SYMLINK, this.nodeId, length, fuse.ENTRY_OUT_BYTES), name);
  }

  link(_kernel: Kernel, name: string, inode: Inode): number {
    const { session } = this.fs;
    session.begin(fuse.LINK_IN_BYTES);
    session.setU64(0, (inode as FuseInode).nodeId);
    const length = session.setName(fuse.LINK_IN_BYTES, name);
    return this.#made(session.call(fuse.FUSE_LINK, this.nodeId, length, fuse.ENTRY_OUT_BYTES), name);
  }

  unlink(_kernel: Kernel, name: string): number {
    const { session } = this.fs;
    return session.call(fuse.FUSE_UNLINK, this.nodeId, session.setName(0, name), 0);
  }

  rmdir(_kernel: Kernel, name: string): number {
    const { session } = this.fs;
    const inode = this.find(name);
    if (typeof inode === "number") return inode;
    const result = session.call(fuse.FUSE_RMDIR, this.nodeId, session.setName(0, name), 0);
    if (result >= 0) inode.#ownName = null;
    return Math.min(0, result);
  }

  rename(_kernel: Kernel, name: string, target: Inode, targetName: string): number {
    const { session } = this.fs;
    const to = target as FuseInode;
    const moved = this.find(name);
    if (typeof moved === "number") return moved;
    const replaced = moved.kind === "directory" ? to.find(targetName) : -ENOENT;
    session.begin(fuse.RENAME2_IN_BYTES);
    session.setU64(0, to.nodeId);
    const length = session.setName(session.setName(fuse.RENAME2_IN_BYTES, name), targetName);
    const result = session.call(fuse.FUSE_RENAME2, this.nodeId, length, 0);
    if (result < 0) return result;
    if (typeof replaced !== "number") replaced.#ownName = null;
    moved.seenAt(to, targetName);
    return 0;
  }

  /** Node has no renameat2(2). */
  exchange(_kernel: Kernel, _name: string, _target: Inode, _targetName: string): number {
    return -EINVAL;
  }

  sync(_kernel: Kernel): number {
    const { session } = this.fs;
    session.begin(fuse.FSYNC_IN_BYTES);
    return Math.min(0, session.call(fuse.FUSE_FSYNCDIR, this.nodeId, fuse.FSYNC_IN_BYTES, 0));
  }

  #getAttributes(handle: number): number {
    const { session } = this.fs;
    session.begin(fuse.GETATTR_IN_BYTES);
    if (handle !== 0) {
      session.setU32(0, fuse.FUSE_GETATTR_FH);
      session.setU64(8, handle);
    }
    return session.call(fuse.FUSE_GETATTR, this.nodeId, fuse.GETATTR_IN_BYTES, fuse.ATTR_OUT_BYTES);
  }

  /** The reply names the new node; we keep it as if it had been looked up. */
  #made(result: number, name: string): number {
    if (result < 0) return result;
    const inode = this.fs.entry(this, name);
    return typeof inode === "number" ? inode : 0;
  }

  /** Adds the fuse_dirents of the reply; the offset at which to go on. */
  #parseEntries(list: DirectoryEntry[], length: number): number {
    const { session } = this.fs;
    let next = 0;
    for (let at = 0; at + fuse.DIRENT_BYTES <= length; ) {
      const nameBytes = session.getU32(at + fuse.DIRENT_NAMELEN);
      const bytes = fuse.direntBytes(nameBytes);
      if (nameBytes === 0 || nameBytes > 255 || at + bytes > length) return 0;
      const name = fromBytes(session.bytes(at + fuse.DIRENT_BYTES, nameBytes));
      next = session.getU64(at + fuse.DIRENT_OFF);
      if (name !== "." && name !== "..")
        list.push({ name, ino: session.getU64(at), type: session.getU32(at + fuse.DIRENT_TYPE) & 0xf });
      at += bytes;
    }
    return next;
  }
}

function kindOf(mode: number): FileKind {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symlink";
    case S_IFCHR:
      return "character";
    case S_IFIFO:
      return "fifo";
    case S_IFSOCK:
      return "socket";
    default:
      return "regular";
  }
}
