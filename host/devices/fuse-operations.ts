/**
 * What a FUSE server does for each kind of request, but transfers: the table that fuse-server.ts dispatches by. An operation reads its arguments, acts
 * on the host, and fills the reply; it throws Node's errors and HostTreeError, and what it has begun it takes back first.
 */
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import {
  EAGAIN,
  EEXIST,
  EINVAL,
  EIO,
  ENOTDIR,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  EXDEV,
} from "../../kernel/abi/errno.ts";
import { O_ACCMODE, O_APPEND, O_DSYNC, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC } from "../../kernel/abi/fcntl.ts";
import * as fuse from "../../kernel/fs/fuse/protocol.ts";
import { ExactTimes } from "./exact-times.ts";
import type { FuseReply } from "./fuse-reply.ts";
import type { FuseRequest } from "./fuse-request.ts";
import type { FuseServer } from "./fuse-server.ts";
import { hostErrno } from "./host-errno.ts";
import { encode, type HostTree, HostTreeError, type Node } from "./host-tree.ts";

/** One kind of request. */
interface Operation {
  readonly argumentBytes: number;
  /** Room that the reply needs; checked before anything is done. */
  readonly replyBytes: number;
  readonly changes: boolean;
  readonly run: (server: FuseServer, request: FuseRequest, reply: FuseReply) => void;
}

export const OPERATIONS: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [
    fuse.FUSE_INIT,
    {
      argumentBytes: fuse.INIT_IN_BYTES,
      replyBytes: fuse.INIT_OUT_BYTES,
      changes: false,
      run: (_server, request, reply) => {
        if (request.u32(0) !== fuse.FUSE_KERNEL_VERSION || request.u32(4) < fuse.FUSE_KERNEL_MINOR_VERSION) {
          throw new HostTreeError(EINVAL);
        }
        const offered = fuse.FUSE_ASYNC_READ | fuse.FUSE_ATOMIC_O_TRUNC | fuse.FUSE_BIG_WRITES;
        const at = reply.reserve(fuse.INIT_OUT_BYTES);
        reply.setU32(at, fuse.FUSE_KERNEL_VERSION);
        reply.setU32(at + 4, fuse.FUSE_KERNEL_MINOR_VERSION);
        reply.setU32(at + 12, request.u32(12) & offered);
        reply.setU32(at + 20, fuse.FUSE_TRANSFER_MAX);
        reply.setU32(at + 24, 1); // time_gran: nanoseconds
      },
    },
  ],
  [
    fuse.FUSE_LOOKUP,
    {
      argumentBytes: 2,
      replyBytes: fuse.ENTRY_OUT_BYTES,
      changes: false,
      run: ({ tree }, request, reply) => {
        const [name] = request.names(0, 1) as [string];
        replyEntry(tree, tree.lookup(directory(tree, request.nodeId), name), reply);
      },
    },
  ],
  [
    fuse.FUSE_GETATTR,
    {
      argumentBytes: fuse.GETATTR_IN_BYTES,
      replyBytes: fuse.ATTR_OUT_BYTES,
      changes: false,
      run: ({ tree, handles }, request, reply) => {
        const node = tree.node(request.nodeId);
        const ofHandle = (request.u32(0) & fuse.FUSE_GETATTR_FH) !== 0;
        const stats = ofHandle ? tree.statOpen(node, handles.file(request.u64(8)).fd) : tree.stat(node);
        replyAttributes(stats, reply);
      },
    },
  ],
  [
    fuse.FUSE_SETATTR,
    {
      argumentBytes: fuse.SETATTR_IN_BYTES,
      replyBytes: fuse.ATTR_OUT_BYTES,
      changes: true,
      run: (server, request, reply) => {
        const node = server.tree.node(request.nodeId);
        setAttributes(server, node, request);
        replyAttributes(attributesAfter(server, node, request), reply);
      },
    },
  ],
  [
    fuse.FUSE_READLINK,
    {
      argumentBytes: 0,
      replyBytes: 0,
      changes: false,
      run: ({ tree }, request, reply) => {
        const node = tree.node(request.nodeId);
        if (node.type !== "symlink") throw new HostTreeError(EINVAL);
        reply.append(node.target);
      },
    },
  ],
  [
    fuse.FUSE_SYMLINK,
    {
      argumentBytes: 4,
      replyBytes: fuse.ENTRY_OUT_BYTES,
      changes: true,
      run: ({ tree }, request, reply) => {
        const [name, target] = request.names(0, 2) as [string, string];
        const parent = directory(tree, request.nodeId);
        symlinkSync(encode(target), tree.at(parent, name));
        replyEntry(tree, tree.lookup(parent, name), reply);
      },
    },
  ],
  [
    fuse.FUSE_MKDIR,
    {
      argumentBytes: fuse.MKDIR_IN_BYTES + 2,
      replyBytes: fuse.ENTRY_OUT_BYTES,
      changes: true,
      run: ({ tree }, request, reply) => {
        const [name] = request.names(fuse.MKDIR_IN_BYTES, 1) as [string];
        const parent = directory(tree, request.nodeId);
        const mode = creationMode(request.u32(0));
        mkdirSync(tree.at(parent, name), mode);
        const node = tree.lookup(parent, name);
        // The host's umask has been applied to it; the guest has applied its own.
        const made = Number(tree.stat(node).mode);
        if (node.type === "directory" && (made & 0o1777) !== mode) chmodSync(tree.self(node), mode | (made & 0o2000));
        replyEntry(tree, node, reply);
      },
    },
  ],
  [
    fuse.FUSE_UNLINK,
    {
      argumentBytes: 2,
      replyBytes: 0,
      changes: true,
      run: ({ tree }, request) => {
        const [name] = request.names(0, 1) as [string];
        const parent = directory(tree, request.nodeId);
        const losing = tree.losing(parent, name);
        unlinkSync(tree.at(parent, name));
        tree.gone(losing);
      },
    },
  ],
  [
    fuse.FUSE_RMDIR,
    {
      argumentBytes: 2,
      replyBytes: 0,
      changes: true,
      run: ({ tree }, request) => {
        const [name] = request.names(0, 1) as [string];
        const parent = directory(tree, request.nodeId);
        const losing = tree.losing(parent, name);
        rmdirSync(tree.at(parent, name));
        tree.gone(losing);
      },
    },
  ],
  [
    fuse.FUSE_RENAME2,
    {
      argumentBytes: fuse.RENAME2_IN_BYTES + 4,
      replyBytes: 0,
      changes: true,
      run: ({ tree }, request) => {
        if (request.u32(8) !== 0) throw new HostTreeError(EINVAL); // Node has no renameat2(2)
        const [name, newName] = request.names(fuse.RENAME2_IN_BYTES, 2) as [string, string];
        const from = directory(tree, request.nodeId);
        const to = directory(tree, request.u64(0));
        const losing = tree.losing(to, newName);
        renameSync(tree.at(from, name), tree.at(to, newName));
        tree.gone(losing);
        tree.moved(to, newName);
      },
    },
  ],
  [
    fuse.FUSE_LINK,
    {
      argumentBytes: fuse.LINK_IN_BYTES + 2,
      replyBytes: fuse.ENTRY_OUT_BYTES,
      changes: true,
      run: ({ tree }, request, reply) => {
        const [name] = request.names(fuse.LINK_IN_BYTES, 1) as [string];
        const source = tree.node(request.u64(0));
        if (source.type === "directory") throw new HostTreeError(EPERM);
        const parent = directory(tree, request.nodeId);
        const path = tree.at(parent, name);
        linkSync(tree.entryOf(source), path);
        const node = tree.lookup(parent, name);
        if (node !== source) {
          // Somebody on the host has replaced the source in between: that is not what was asked for.
          tree.forget(node.id, 1);
          unlinkSync(path);
          throw new HostTreeError(EXDEV);
        }
        replyEntry(tree, node, reply);
      },
    },
  ],
  [
    fuse.FUSE_OPEN,
    {
      argumentBytes: fuse.OPEN_IN_BYTES,
      replyBytes: fuse.OPEN_OUT_BYTES,
      changes: false,
      run: (server, request, reply) => {
        const flags = request.u32(0);
        const node = server.tree.node(request.nodeId);
        server.handles.reserve();
        replyOpen(reply, server.handles.addFile(openFile(server, node, flags), (flags & O_APPEND) !== 0));
      },
    },
  ],
  [
    fuse.FUSE_CREATE,
    {
      argumentBytes: fuse.CREATE_IN_BYTES + 2,
      replyBytes: fuse.ENTRY_OUT_BYTES + fuse.OPEN_OUT_BYTES,
      changes: true,
      run: (server, request, reply) => {
        const [name] = request.names(fuse.CREATE_IN_BYTES, 1) as [string];
        create(server, directory(server.tree, request.nodeId), name, request.u32(0), request.u32(4), reply);
      },
    },
  ],
  [
    fuse.FUSE_RELEASE,
    {
      argumentBytes: fuse.RELEASE_IN_BYTES,
      replyBytes: 0,
      changes: false,
      run: ({ handles }, request) => handles.release(request.u64(0), "file"),
    },
  ],
  [
    fuse.FUSE_FLUSH,
    {
      argumentBytes: fuse.FLUSH_IN_BYTES,
      replyBytes: 0,
      changes: false,
      run: ({ handles }, request) => void handles.file(request.u64(0)),
    },
  ],
  [
    fuse.FUSE_SETLK,
    {
      argumentBytes: fuse.LK_IN_BYTES,
      replyBytes: 0,
      changes: false,
      run: ({ tree, claims }, request) => {
        const { stats } = tree.node(request.nodeId);
        if (!claims.change(stats.dev, stats.ino, request.u32(fuse.LK_TYPE))) throw new HostTreeError(EAGAIN);
      },
    },
  ],
  [
    fuse.FUSE_STATFS,
    {
      argumentBytes: 0,
      replyBytes: fuse.STATFS_OUT_BYTES,
      changes: false,
      run: ({ tree }, request, reply) => {
        tree.node(request.nodeId);
        const stats = statfsSync(tree.self(tree.root));
        const at = reply.reserve(fuse.STATFS_OUT_BYTES);
        reply.setU64(at + fuse.STATFS_BLOCKS, stats.blocks);
        reply.setU64(at + fuse.STATFS_BFREE, stats.bfree);
        reply.setU64(at + fuse.STATFS_BAVAIL, stats.bavail);
        reply.setU64(at + fuse.STATFS_FILES, stats.files);
        reply.setU64(at + fuse.STATFS_FFREE, stats.ffree);
        reply.setU32(at + fuse.STATFS_BSIZE, stats.bsize);
        reply.setU32(at + fuse.STATFS_NAMELEN, 255);
        reply.setU32(at + fuse.STATFS_FRSIZE, stats.bsize);
      },
    },
  ],
  [
    fuse.FUSE_OPENDIR,
    {
      argumentBytes: fuse.OPEN_IN_BYTES,
      replyBytes: fuse.OPEN_OUT_BYTES,
      changes: false,
      run: ({ tree, handles }, request, reply) => {
        const node = directory(tree, request.nodeId);
        handles.reserve();
        const names = readdirSync(tree.self(node), { encoding: "buffer" }).map((name) => name.toString("latin1"));
        replyOpen(reply, handles.addDirectory(node, names));
      },
    },
  ],
  [
    fuse.FUSE_READDIR,
    {
      argumentBytes: fuse.READ_IN_BYTES,
      replyBytes: 0,
      changes: false,
      run: ({ tree, handles }, request, reply) => {
        const handle = handles.directory(request.u64(0));
        const room = Math.min(request.u32(16), reply.room);
        for (let index = request.u64(8); index < handle.names.length; index++) {
          const name = handle.names[index] as string;
          if (reply.length + fuse.direntBytes(name.length) > room) {
            if (reply.length === 0) throw new HostTreeError(EINVAL);
            return;
          }
          const entry = tree.peek(handle.node, name);
          if (entry) reply.dirent(entry.ino, index + 1, entry.type, name);
        }
      },
    },
  ],
  [
    fuse.FUSE_RELEASEDIR,
    {
      argumentBytes: fuse.RELEASE_IN_BYTES,
      replyBytes: 0,
      changes: false,
      run: ({ handles }, request) => handles.release(request.u64(0), "directory"),
    },
  ],
  [
    fuse.FUSE_FSYNCDIR,
    {
      argumentBytes: fuse.FSYNC_IN_BYTES,
      replyBytes: 0,
      changes: false,
      run: ({ tree }, request) => {
        const fd = openSync(tree.self(directory(tree, request.nodeId)), constants.O_RDONLY);
        try {
          fsyncSync(fd);
        } finally {
          closeSync(fd);
        }
      },
    },
  ],
  [
    fuse.FUSE_ACCESS,
    {
      argumentBytes: fuse.ACCESS_IN_BYTES,
      replyBytes: 0,
      changes: false,
      // One user, root, in the guest: what the host refuses is refused by the operation itself.
      run: ({ tree }, request) => void tree.node(request.nodeId),
    },
  ],
  [fuse.FUSE_DESTROY, { argumentBytes: 0, replyBytes: 0, changes: false, run: (server) => server.reset() }],
]);

function create(
  server: FuseServer,
  parent: Node,
  name: string,
  flags: number,
  guestMode: number,
  reply: FuseReply,
): void {
  const { tree, handles } = server;
  handles.reserve();
  const mode = creationMode(guestMode);
  let fd = -1;
  try {
    fd = openSync(
      tree.at(parent, name),
      hostFlags(flags) | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      mode,
    );
  } catch (error) {
    if (hostErrno(error) !== EEXIST || (flags & O_EXCL) !== 0) throw error;
  }
  let node: Node | null = null;
  try {
    node = tree.lookup(parent, name);
    if (fd < 0) fd = openFile(server, node, flags);
    else {
      const stats = fstatSync(fd, { bigint: true });
      if (stats.ino !== node.stats.ino || stats.dev !== node.stats.dev) throw new HostTreeError(EIO);
      if ((Number(stats.mode) & 0o777) !== (mode & 0o777)) fchmodSync(fd, mode); // the host's umask
    }
    replyEntry(tree, node, reply);
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    if (node) tree.forget(node.id, 1);
    throw error;
  }
  replyOpen(reply, handles.addFile(fd, (flags & O_APPEND) !== 0));
}

function setAttributes(server: FuseServer, node: Node, request: FuseRequest): void {
  const { tree } = server;
  const valid = request.u32(fuse.SETATTR_VALID);
  if (valid & (fuse.FATTR_UID | fuse.FATTR_GID)) {
    const stats = tree.stat(node);
    const uid = valid & fuse.FATTR_UID ? request.u32(fuse.SETATTR_UID) : guestUid(Number(stats.uid));
    const gid = valid & fuse.FATTR_GID ? request.u32(fuse.SETATTR_GID) : guestGid(Number(stats.gid));
    if (uid !== guestUid(Number(stats.uid)) || gid !== guestGid(Number(stats.gid))) throw new HostTreeError(EPERM);
  }
  if (valid & fuse.FATTR_MODE) {
    const mode = request.u32(fuse.SETATTR_MODE) & 0o7777;
    if (node.type === "symlink") throw new HostTreeError(EOPNOTSUPP);
    // A guest must not make programs of the host run with the rights of this process' user.
    if (mode & 0o6000 & ~Number(tree.stat(node).mode)) throw new HostTreeError(EPERM);
    chmodSync(tree.self(node), mode);
  }
  if (valid & fuse.FATTR_SIZE) {
    const size = request.u64(fuse.SETATTR_SIZE);
    if (!Number.isSafeInteger(size) || node.type !== "file") throw new HostTreeError(EINVAL);
    if (valid & fuse.FATTR_FH) ftruncateSync(server.handles.file(request.u64(fuse.SETATTR_FH)).fd, size);
    else truncateSync(tree.self(node), size);
  }
  if (valid & (fuse.FATTR_ATIME | fuse.FATTR_MTIME)) {
    const stats = tree.stat(node);
    const asked = (sec: number, nsec: number): bigint =>
      BigInt(request.i64(sec)) * NS_PER_S + BigInt(request.u32(nsec));
    const atime = valid & fuse.FATTR_ATIME ? asked(fuse.SETATTR_ATIME, fuse.SETATTR_ATIMENSEC) : stats.atimeNs;
    const mtime = valid & fuse.FATTR_MTIME ? asked(fuse.SETATTR_MTIME, fuse.SETATTR_MTIMENSEC) : stats.mtimeNs;
    const path = node.type === "symlink" ? tree.entryOf(node) : tree.self(node);
    (node.type === "symlink" ? lutimesSync : utimesSync)(path, Number(atime) / 1e9, Number(mtime) / 1e9);
    node.exactTimes = null;
    node.exactTimes = new ExactTimes(atime, mtime, tree.stat(node));
  }
}

const NS_PER_S = 1_000_000_000n;

function directory(tree: HostTree, id: number): Node {
  const node = tree.node(id);
  if (node.type !== "directory") throw new HostTreeError(ENOTDIR);
  return node;
}

/** What a new file may have: a guest does not make set-user-ID programs on the host. */
function creationMode(mode: number): number {
  return mode & 0o1777;
}

function replyEntry(tree: HostTree, node: Node, reply: FuseReply): void {
  const at = reply.reserve(fuse.ENTRY_OUT_BYTES);
  try {
    const stats = tree.stat(node);
    reply.setU64(at, node.id);
    reply.attributes(at + fuse.ENTRY_ATTR, stats, guestUid(Number(stats.uid)), guestGid(Number(stats.gid)));
  } catch (error) {
    tree.forget(node.id, 1);
    throw error;
  }
}

/** The attributes that SETATTR has left; of the open file if it named one. */
function attributesAfter(server: FuseServer, node: Node, request: FuseRequest): BigIntStats {
  if ((request.u32(fuse.SETATTR_VALID) & fuse.FATTR_FH) === 0) return server.tree.stat(node);
  return server.tree.statOpen(node, server.handles.file(request.u64(fuse.SETATTR_FH)).fd);
}

function replyAttributes(stats: BigIntStats, reply: FuseReply): void {
  const at = reply.reserve(fuse.ATTR_OUT_BYTES) + fuse.ATTR_OUT_ATTR;
  reply.attributes(at, stats, guestUid(Number(stats.uid)), guestGid(Number(stats.gid)));
}

function replyOpen(reply: FuseReply, handle: number): void {
  const at = reply.reserve(fuse.OPEN_OUT_BYTES);
  reply.setU64(at, handle);
}

/** The user who runs this process is root in the guest. */
function guestUid(uid: number): number {
  return uid === process.getuid?.() ? 0 : uid;
}

function guestGid(gid: number): number {
  return gid === process.getgid?.() ? 0 : gid;
}

/** Flags of open(2), from Linux' numbers to the host's. O_NONBLOCK: never wait for the other end of something that is no file after all. */
function hostFlags(flags: number): number {
  const access = flags & O_ACCMODE;
  let host = access === O_RDONLY ? constants.O_RDONLY : access === O_RDWR ? constants.O_RDWR : constants.O_WRONLY;
  host |= (constants.O_NOCTTY ?? 0) | (constants.O_NONBLOCK ?? 0);
  if (flags & O_APPEND) host |= constants.O_APPEND;
  if (flags & O_TRUNC) host |= constants.O_TRUNC;
  if ((flags & O_SYNC) === O_SYNC) host |= constants.O_SYNC ?? 0;
  else if (flags & O_DSYNC) host |= constants.O_DSYNC ?? 0;
  return host;
}

/** Opens a regular file of the host; `flags` are the guest's (Linux' numbers). */
function openFile({ tree, readOnly }: FuseServer, node: Node, flags: number): number {
  if (node.type === "directory") throw new HostTreeError(EINVAL);
  // A FIFO or a device of the host is not the guest's business, and opening it could hang the whole process.
  if (node.type !== "file") throw new HostTreeError(ENXIO);
  const writes = (flags & O_ACCMODE) !== O_RDONLY || (flags & O_TRUNC) !== 0;
  if (writes && readOnly) throw new HostTreeError(EROFS);
  // Without O_PATH descriptors the path could be a link by now: O_NOFOLLOW, and a look at what was opened.
  const nofollow = node.fd >= 0 ? 0 : constants.O_NOFOLLOW;
  const fd = openSync(tree.self(node), hostFlags(flags) | nofollow);
  if (node.fd < 0) {
    const stats = fstatSync(fd, { bigint: true });
    if (stats.ino !== node.stats.ino || stats.dev !== node.stats.dev) {
      closeSync(fd);
      throw new HostTreeError(EIO);
    }
  }
  return fd;
}
