/**
 * Calls on descriptors themselves: closing, renumbering, rights and flags, and what was preopened under which name.
 */
import { EBADF, EFAULT, EINVAL, ENAMETOOLONG, EOPNOTSUPP } from "../../abi/errno.ts";
import { O_APPEND, O_DSYNC, O_NONBLOCK, O_SYNC } from "../../abi/fcntl.ts";
import { SOCK_DGRAM } from "../../abi/socket.ts";
import {
  ENOTCAPABLE,
  FDFLAGS_ALL,
  FDFLAGS_APPEND,
  FDFLAGS_DSYNC,
  FDFLAGS_NONBLOCK,
  FDFLAGS_RSYNC,
  FDFLAGS_SYNC,
  FDSTAT_BYTES,
  FILETYPE_CHARACTER_DEVICE,
  FILETYPE_DIRECTORY,
  FILETYPE_REGULAR_FILE,
  FILETYPE_SOCKET_DGRAM,
  FILETYPE_SOCKET_STREAM,
  FILETYPE_SYMBOLIC_LINK,
  FILETYPE_UNKNOWN,
  PREOPENTYPE_DIR,
  PREOPENTYPE_SOCKET,
  PRESTAT_BYTES,
  RIGHT_FD_FDSTAT_SET_FLAGS,
  RIGHTS_ALL,
} from "../../abi/wasi.ts";
import { writeBytes } from "../../fs/byte-string.ts";
import { ConsoleFile } from "../../fs/console-file.ts";
import type { File, FileKind } from "../../fs/file.ts";
import { isSocket } from "../../net/socket.ts";
import type { WasiProcess } from "./row.ts";
import { wasiRow } from "./row.ts";

/** Flags that make writes durable: nothing changes them once a file is open. */
const SYNC_FLAGS = FDFLAGS_DSYNC | FDFLAGS_RSYNC | FDFLAGS_SYNC;

/** The open file behind `fd` if it has all of `rights`; -EBADF, -ENOTCAPABLE. */
export function fileWith(k: WasiProcess, fd: number, rights: number): File | number {
  const base = k.wasi.base[fd];
  if (base === undefined) return -EBADF;
  return (base & rights) === rights ? (k.fds.get(fd) as File) : -ENOTCAPABLE;
}

/** The standard's type for a kind of file; it has none for pipes and what else is only Linux'. */
export function fileType(kind: FileKind): number {
  switch (kind) {
    case "regular":
      return FILETYPE_REGULAR_FILE;
    case "directory":
      return FILETYPE_DIRECTORY;
    case "character":
      return FILETYPE_CHARACTER_DEVICE;
    case "symlink":
      return FILETYPE_SYMBOLIC_LINK;
    case "socket":
      return FILETYPE_SOCKET_STREAM;
    default:
      return FILETYPE_UNKNOWN;
  }
}

/** The same for an open file. A console is a character device where it is a terminal, for libcs take every one for a terminal. */
export function openFileType(k: WasiProcess, file: File): number {
  if (isSocket(file)) return file.type === SOCK_DGRAM ? FILETYPE_SOCKET_DGRAM : FILETYPE_SOCKET_STREAM;
  if (file instanceof ConsoleFile && !k.console.isTerminal) return FILETYPE_UNKNOWN;
  return fileType(file.kind);
}

/** Linux' status flags for the standard's. */
export function statusFlags(fdflags: number): number {
  return (
    (fdflags & FDFLAGS_APPEND ? O_APPEND : 0) |
    (fdflags & FDFLAGS_NONBLOCK ? O_NONBLOCK : 0) |
    (fdflags & FDFLAGS_DSYNC ? O_DSYNC : 0) |
    (fdflags & (FDFLAGS_RSYNC | FDFLAGS_SYNC) ? O_SYNC : 0)
  );
}

function fdflagsOf(k: WasiProcess, file: File): number {
  return (
    (file.flags & O_APPEND ? FDFLAGS_APPEND : 0) |
    (file.flags & O_NONBLOCK ? FDFLAGS_NONBLOCK : 0) |
    (k.wasi.syncFlags.get(file) ?? 0)
  );
}

export function fd_close(k: WasiProcess, fd: number): number {
  if (k.wasi.base[fd] === undefined) return -EBADF;
  k.wasi.revoke(fd);
  return k.fds.close(k, fd);
}

/** Both descriptors are open; `to` is closed and becomes what `from` was. */
export function fd_renumber(k: WasiProcess, from: number, to: number): number {
  if (k.wasi.base[from] === undefined || k.wasi.base[to] === undefined) return -EBADF;
  if (from === to) return 0;
  const moved = k.fds.dup3(k, from, to, false);
  if (moved < 0) return moved;
  k.fds.close(k, from);
  k.wasi.move(from, to);
  return 0;
}

export function fd_fdstat_get(k: WasiProcess, fd: number, out: number): number {
  const file = fileWith(k, fd, 0);
  if (typeof file === "number") return file;
  const ptr = out >>> 0;
  const { mem, wasi } = k;
  if (!mem.has(ptr, FDSTAT_BYTES)) return -EFAULT;
  mem.setI64(ptr, openFileType(k, file));
  mem.setU16(ptr + 2, fdflagsOf(k, file));
  mem.setI64(ptr + 8, wasi.base[fd] as number);
  mem.setI64(ptr + 16, wasi.inheriting[fd] as number);
  return 0;
}

export function fd_fdstat_set_flags(k: WasiProcess, fd: number, flags: number): number {
  const file = fileWith(k, fd, RIGHT_FD_FDSTAT_SET_FLAGS);
  if (typeof file === "number") return file;
  if (flags & ~FDFLAGS_ALL) return -EINVAL;
  if ((flags ^ fdflagsOf(k, file)) & SYNC_FLAGS) return -EOPNOTSUPP;
  file.flags = (file.flags & ~(O_APPEND | O_NONBLOCK)) | (statusFlags(flags) & (O_APPEND | O_NONBLOCK));
  return 0;
}

/** Rights can be given up, and never got back. Bits that are no right of the standard cannot be had. */
export function fd_fdstat_set_rights(
  k: WasiProcess,
  fd: number,
  base: number,
  baseUpper: number,
  inheriting: number,
  inheritingUpper: number,
): number {
  const { wasi } = k;
  const had = wasi.base[fd];
  if (had === undefined) return -EBADF;
  const more = (base & ~had) | (inheriting & ~(wasi.inheriting[fd] as number)) | baseUpper | inheritingUpper;
  if (more !== 0) return -ENOTCAPABLE;
  wasi.grant(fd, base & RIGHTS_ALL, inheriting & RIGHTS_ALL);
  return 0;
}

/** -EBADF for what was not preopened: libcs look from descriptor 3 on until they get it. */
export function fd_prestat_get(k: WasiProcess, fd: number, out: number): number {
  const preopen = k.wasi.preopens.get(fd);
  if (!preopen) return -EBADF;
  const ptr = out >>> 0;
  if (!k.mem.has(ptr, PRESTAT_BYTES)) return -EFAULT;
  k.mem.setU32(ptr, preopen.type === "directory" ? PREOPENTYPE_DIR : PREOPENTYPE_SOCKET);
  k.mem.setU32(ptr + 4, preopen.name.length);
  return 0;
}

export function fd_prestat_dir_name(k: WasiProcess, fd: number, path: number, length: number): number {
  const preopen = k.wasi.preopens.get(fd);
  if (preopen?.type !== "directory") return -EBADF;
  const { name } = preopen;
  if (length >>> 0 < name.length) return -ENAMETOOLONG;
  const ptr = path >>> 0;
  if (!k.mem.has(ptr, name.length)) return -EFAULT;
  writeBytes(k.mem.u8, ptr, name);
  return 0;
}

const RIGHTS = "answers EPERM, not ENOTCAPABLE, where a right is missing; descriptors are the kernel's";

export const DESCRIPTOR_ROWS = [
  wasiRow("fd_close", "fd:fd", fd_close, RIGHTS),
  wasiRow("fd_fdstat_get", "fd:fd out:ptr", fd_fdstat_get, "always says that no flag is set"),
  wasiRow("fd_fdstat_set_flags", "fd:fd flags:i32", fd_fdstat_set_flags, "answers ENOSYS", {
    note: "APPEND and NONBLOCK; ENOTSUP for a change of DSYNC, RSYNC or SYNC",
  }),
  wasiRow("fd_fdstat_set_rights", "fd:fd base:u64 inheriting:u64", fd_fdstat_set_rights, RIGHTS),
  wasiRow(
    "fd_prestat_get",
    "fd:fd out:ptr",
    fd_prestat_get,
    "takes every open descriptor for a preopened directory, so that libcs see files as such",
  ),
  wasiRow("fd_prestat_dir_name", "fd:fd path:ptr length:i32", fd_prestat_dir_name, "cuts a name that does not fit"),
  wasiRow("fd_renumber", "from:fd to:fd", fd_renumber, "closes `from` and makes it what `to` was: the wrong way round"),
];
