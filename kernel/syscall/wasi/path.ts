/**
 * Calls on paths. Each begins in a directory that the program holds and stays beneath it; what the directory's rights do not allow is ENOTCAPABLE.
 */
import { EFAULT, EINVAL, EMFILE } from "../../abi/errno.ts";
import {
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from "../../abi/fcntl.ts";
import {
  ENOTCAPABLE,
  FDFLAGS_ALL,
  FDFLAGS_DSYNC,
  FDFLAGS_RSYNC,
  FDFLAGS_SYNC,
  LOOKUPFLAGS_SYMLINK_FOLLOW,
  OFLAGS_ALL,
  OFLAGS_CREAT,
  OFLAGS_DIRECTORY,
  OFLAGS_EXCL,
  OFLAGS_TRUNC,
  RIGHT_FD_ALLOCATE,
  RIGHT_FD_DATASYNC,
  RIGHT_FD_FILESTAT_SET_SIZE,
  RIGHT_FD_READ,
  RIGHT_FD_READDIR,
  RIGHT_FD_SYNC,
  RIGHT_FD_WRITE,
  RIGHT_PATH_CREATE_DIRECTORY,
  RIGHT_PATH_CREATE_FILE,
  RIGHT_PATH_FILESTAT_SET_SIZE,
  RIGHT_PATH_LINK_SOURCE,
  RIGHT_PATH_LINK_TARGET,
  RIGHT_PATH_OPEN,
  RIGHT_PATH_READLINK,
  RIGHT_PATH_REMOVE_DIRECTORY,
  RIGHT_PATH_RENAME_SOURCE,
  RIGHT_PATH_RENAME_TARGET,
  RIGHT_PATH_SYMLINK,
  RIGHT_PATH_UNLINK_FILE,
  RIGHTS_ALL,
  RIGHTS_DIRECTORY,
  RIGHTS_REGULAR_FILE,
  RIGHTS_STREAM,
} from "../../abi/wasi.ts";
import { writeBytes } from "../../fs/byte-string.ts";
import type { FileKind } from "../../fs/file.ts";
import { statusFlags } from "./descriptor.ts";
import { pathOfGuest, textOfGuest } from "./path-argument.ts";
import type { WasiProcess } from "./row.ts";
import { wasiRow } from "./row.ts";

const READS = RIGHT_FD_READ | RIGHT_FD_READDIR;
const WRITES = RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE;
const FILE_MODE = 0o666;
const DIRECTORY_MODE = 0o777;

/** The rights that mean something for this kind of file. */
export function rightsFor(kind: FileKind): number {
  if (kind === "regular") return RIGHTS_REGULAR_FILE;
  return kind === "directory" ? RIGHTS_DIRECTORY : RIGHTS_STREAM;
}

/**
 * Opens for what the rights ask for. They must be among what the directory's inheriting rights are; of bits that no right has nothing is said. The new
 * descriptor has those of them that apply to the type of file.
 */
export function path_open(
  k: WasiProcess,
  fd: number,
  lookup: number,
  path: number,
  length: number,
  oflags: number,
  base: number,
  _baseUpper: number,
  inheriting: number,
  _inheritingUpper: number,
  fdflags: number,
  out: number,
): number {
  const { mem, fds, wasi } = k;
  const needed =
    RIGHT_PATH_OPEN |
    (oflags & OFLAGS_CREAT ? RIGHT_PATH_CREATE_FILE : 0) |
    (oflags & OFLAGS_TRUNC ? RIGHT_PATH_FILESTAT_SET_SIZE : 0);
  const name = pathOfGuest(k, fd, needed, path, length);
  if (typeof name === "number") return name;
  if ((oflags & ~OFLAGS_ALL) | (fdflags & ~FDFLAGS_ALL)) return -EINVAL;
  const ptr = out >>> 0;
  if (!mem.has(ptr, 4)) return -EFAULT;
  const wanted =
    ((base | inheriting) & RIGHTS_ALL) |
    (fdflags & FDFLAGS_DSYNC ? RIGHT_FD_DATASYNC : 0) |
    (fdflags & (FDFLAGS_RSYNC | FDFLAGS_SYNC) ? RIGHT_FD_SYNC : 0);
  if ((wanted & ~(wasi.inheriting[fd] as number)) !== 0) return -ENOTCAPABLE;
  if (!fds.hasRoom) return -EMFILE;
  const writes = (base & WRITES) !== 0;
  const mode = !writes ? O_RDONLY : base & READS ? O_RDWR : O_WRONLY;
  const flags =
    mode |
    statusFlags(fdflags) |
    (lookup & LOOKUPFLAGS_SYMLINK_FOLLOW ? 0 : O_NOFOLLOW) |
    (oflags & OFLAGS_CREAT ? O_CREAT : 0) |
    (oflags & OFLAGS_DIRECTORY ? O_DIRECTORY : 0) |
    (oflags & OFLAGS_EXCL ? O_EXCL : 0) |
    (oflags & OFLAGS_TRUNC ? O_TRUNC : 0);
  const file = k.vfs.open(k, fd, name, flags, FILE_MODE);
  if (typeof file === "number") return file;
  const opened = fds.open(file);
  const applies = rightsFor(file.kind);
  wasi.grant(opened, base & applies, file.kind === "directory" ? inheriting & RIGHTS_ALL : 0);
  const syncs = fdflags & (FDFLAGS_DSYNC | FDFLAGS_RSYNC | FDFLAGS_SYNC);
  if (syncs !== 0) wasi.syncFlags.set(file, syncs);
  mem.setU32(ptr, opened);
  return 0;
}

export function path_create_directory(k: WasiProcess, fd: number, path: number, length: number): number {
  const name = pathOfGuest(k, fd, RIGHT_PATH_CREATE_DIRECTORY, path, length);
  return typeof name === "number" ? name : k.vfs.mkdir(k, fd, name, DIRECTORY_MODE);
}

export function path_remove_directory(k: WasiProcess, fd: number, path: number, length: number): number {
  const name = pathOfGuest(k, fd, RIGHT_PATH_REMOVE_DIRECTORY, path, length);
  return typeof name === "number" ? name : k.vfs.rmdir(k, fd, name);
}

export function path_unlink_file(k: WasiProcess, fd: number, path: number, length: number): number {
  const name = pathOfGuest(k, fd, RIGHT_PATH_UNLINK_FILE, path, length);
  return typeof name === "number" ? name : k.vfs.unlink(k, fd, name);
}

/** A link's own entry is linked: to follow it is refused, as by others. */
export function path_link(
  k: WasiProcess,
  oldFd: number,
  oldFlags: number,
  oldPath: number,
  oldLength: number,
  newFd: number,
  newPath: number,
  newLength: number,
): number {
  const from = pathOfGuest(k, oldFd, RIGHT_PATH_LINK_SOURCE, oldPath, oldLength);
  if (typeof from === "number") return from;
  const to = pathOfGuest(k, newFd, RIGHT_PATH_LINK_TARGET, newPath, newLength);
  if (typeof to === "number") return to;
  if (oldFlags !== 0) return -EINVAL;
  return k.vfs.link(k, oldFd, from, newFd, to, AT_SYMLINK_NOFOLLOW);
}

export function path_rename(
  k: WasiProcess,
  oldFd: number,
  oldPath: number,
  oldLength: number,
  newFd: number,
  newPath: number,
  newLength: number,
): number {
  const from = pathOfGuest(k, oldFd, RIGHT_PATH_RENAME_SOURCE, oldPath, oldLength);
  if (typeof from === "number") return from;
  const to = pathOfGuest(k, newFd, RIGHT_PATH_RENAME_TARGET, newPath, newLength);
  return typeof to === "number" ? to : k.vfs.rename(k, oldFd, from, newFd, to);
}

/** A link may lead anywhere but to an absolute path; whether it may be followed is seen when it is. */
export function path_symlink(
  k: WasiProcess,
  oldPath: number,
  oldLength: number,
  fd: number,
  newPath: number,
  newLength: number,
): number {
  const name = pathOfGuest(k, fd, RIGHT_PATH_SYMLINK, newPath, newLength);
  if (typeof name === "number") return name;
  const target = textOfGuest(k, oldPath, oldLength);
  if (typeof target === "number") return target;
  return target.startsWith("/") ? -ENOTCAPABLE : k.vfs.symlink(k, target, fd, name);
}

/** As much of the target as fits. */
export function path_readlink(
  k: WasiProcess,
  fd: number,
  path: number,
  length: number,
  buf: number,
  bufLength: number,
  out: number,
): number {
  const name = pathOfGuest(k, fd, RIGHT_PATH_READLINK, path, length);
  if (typeof name === "number") return name;
  const { mem } = k;
  const room = bufLength >>> 0;
  if (!mem.has(buf >>> 0, room) || !mem.has(out >>> 0, 4)) return -EFAULT;
  const target = k.vfs.readlink(k, fd, name);
  if (typeof target === "number") return target;
  const told = k.wasi.dialect === "node" ? `${target}\0` : target;
  mem.setU32(out >>> 0, writeBytes(mem.u8, buf >>> 0, told.slice(0, room)));
  return 0;
}

const ESCAPES =
  "leaves the folder by `..`, absolute paths and links; works with texts of paths, so that what is renamed meanwhile leads it astray";

export const PATH_ROWS = [
  wasiRow(
    "path_open",
    "fd:fd lookup:i32 path:ptr length:i32 oflags:i32 base:u64 inheriting:u64 fdflags:i32 out:ptr",
    path_open,
    `${ESCAPES}; four calls of the host's for one; does not look at inheriting rights; \`proc/\` and \`dev/tty\` are special to it`,
    { blocks: true },
  ),
  wasiRow("path_create_directory", "fd:fd path:ptr length:i32", path_create_directory, ESCAPES),
  wasiRow("path_remove_directory", "fd:fd path:ptr length:i32", path_remove_directory, ESCAPES),
  wasiRow("path_unlink_file", "fd:fd path:ptr length:i32", path_unlink_file, ESCAPES),
  wasiRow(
    "path_link",
    "old_fd:fd old_flags:i32 old_path:ptr old_length:i32 new_fd:fd new_path:ptr new_length:i32",
    path_link,
    ESCAPES,
  ),
  wasiRow(
    "path_rename",
    "old_fd:fd old_path:ptr old_length:i32 new_fd:fd new_path:ptr new_length:i32",
    path_rename,
    ESCAPES,
  ),
  wasiRow(
    "path_symlink",
    "old_path:ptr old_length:i32 fd:fd new_path:ptr new_length:i32",
    path_symlink,
    `${ESCAPES}; makes links to absolute paths`,
    { note: "ENOTCAPABLE for an absolute target" },
  ),
  wasiRow("path_readlink", "fd:fd path:ptr length:i32 buf:ptr buf_length:i32 out:ptr", path_readlink, ESCAPES),
];
