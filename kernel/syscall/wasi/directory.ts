/**
 * fd_readdir: entries of a directory from a cookie on. A cookie is the place of the entry that follows; 0 begins anew, and reads the directory
 * anew: what a program sees between two beginnings is one moment's list, so that nothing is seen twice or missed.
 */
import { EFAULT, ENOTDIR } from "../../abi/errno.ts";
import { DT_CHR, DT_DIR, DT_LNK, DT_REG, DT_SOCK } from "../../abi/stat.ts";
import {
  DIRENT_BYTES,
  FILETYPE_CHARACTER_DEVICE,
  FILETYPE_DIRECTORY,
  FILETYPE_REGULAR_FILE,
  FILETYPE_SOCKET_STREAM,
  FILETYPE_SYMBOLIC_LINK,
  FILETYPE_UNKNOWN,
  RIGHT_FD_READDIR,
} from "../../abi/wasi.ts";
import { DirectoryFile } from "../../fs/directory-file.ts";
import { fileWith } from "./descriptor.ts";
import type { WasiProcess } from "./row.ts";
import { wasiRow } from "./row.ts";

/** "." and ".." come first. */
const DOTS = 2;
/** The next entry's header, where it has to be cut at the end of the buffer. */
const header = new DataView(new ArrayBuffer(DIRENT_BYTES));
const headerBytes = new Uint8Array(header.buffer);

/** The last entry is cut where the buffer ends: a buffer that is full says that there is more. */
export function fd_readdir(
  k: WasiProcess,
  fd: number,
  buf: number,
  length: number,
  cookie: number,
  out: number,
): number {
  const file = fileWith(k, fd, RIGHT_FD_READDIR);
  if (typeof file === "number") return file;
  if (!(file instanceof DirectoryFile)) return -ENOTDIR;
  const { mem } = k;
  const start = buf >>> 0;
  const end = start + (length >>> 0);
  if (!mem.has(start, length >>> 0) || !mem.has(out >>> 0, 4)) return -EFAULT;
  const count = file.list(k, cookie === 0);
  if (count < 0) return count;
  const { u8 } = mem;
  let at = start;
  // No cookie of ours is negative; those above 2^63 arrive so, and are past the end like all that are too large.
  const first = cookie < 0 ? count : cookie;
  for (let index = k.wasi.dialect === "node" ? Math.max(first, DOTS) : first; index < count && at < end; index++) {
    const { name, ino, type } = file.entry(index);
    if (at + DIRENT_BYTES + name.length <= end) {
      mem.setI64(at, index + 1);
      mem.setI64(at + 8, ino);
      mem.setU32(at + 16, name.length);
      mem.setU32(at + 20, entryType(type));
      at += DIRENT_BYTES;
      for (let i = 0; i < name.length; i++) u8[at++] = name.charCodeAt(i);
      continue;
    }
    header.setUint32(0, index + 1, true);
    header.setUint32(8, ino >>> 0, true);
    header.setUint32(12, Math.floor(ino / 2 ** 32), true);
    header.setUint32(16, name.length, true);
    header.setUint32(20, entryType(type), true);
    for (let i = 0; i < DIRENT_BYTES && at < end; i++) u8[at++] = headerBytes[i] as number;
    for (let i = 0; i < name.length && at < end; i++) u8[at++] = name.charCodeAt(i);
  }
  mem.setU32(out >>> 0, at - start);
  return 0;
}

function entryType(type: number): number {
  switch (type) {
    case DT_REG:
      return FILETYPE_REGULAR_FILE;
    case DT_DIR:
      return FILETYPE_DIRECTORY;
    case DT_LNK:
      return FILETYPE_SYMBOLIC_LINK;
    case DT_CHR:
      return FILETYPE_CHARACTER_DEVICE;
    case DT_SOCK:
      return FILETYPE_SOCKET_STREAM;
    default:
      return FILETYPE_UNKNOWN;
  }
}

export const DIRECTORY_ROWS = [
  wasiRow(
    "fd_readdir",
    "fd:fd buf:ptr length:i32 cookie:f64 out:ptr",
    fd_readdir,
    "reads the whole folder anew for every call and asks the host about each entry; writes beyond the buffer; leaves out `.` and `..`",
  ),
];
