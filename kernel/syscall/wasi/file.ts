/**
 * Calls on the contents of open files: reading and writing in all their forms, seeking, syncing, size.
 */
import { EFAULT, EINVAL, ESPIPE } from "../../abi/errno.ts";
import { SEEK_CUR, SEEK_END, SEEK_SET } from "../../abi/fcntl.ts";
import {
  ADVICE_NOREUSE,
  RIGHT_FD_ADVISE,
  RIGHT_FD_ALLOCATE,
  RIGHT_FD_DATASYNC,
  RIGHT_FD_FILESTAT_SET_SIZE,
  RIGHT_FD_READ,
  RIGHT_FD_SEEK,
  RIGHT_FD_SYNC,
  RIGHT_FD_TELL,
  RIGHT_FD_WRITE,
} from "../../abi/wasi.ts";
import { transferVector } from "../file.ts";
import { sys_fallocate } from "../linux/storage.ts";
import { fileWith } from "./descriptor.ts";
import type { WasiProcess } from "./row.ts";
import { wasiRow } from "./row.ts";

export function fd_read(k: WasiProcess, fd: number, iovs: number, count: number, nread: number): number {
  return transfer(k, fd, iovs, count, nread, RIGHT_FD_READ, -1);
}

export function fd_write(k: WasiProcess, fd: number, iovs: number, count: number, nwritten: number): number {
  return transfer(k, fd, iovs, count, nwritten, RIGHT_FD_WRITE, -1);
}

export function fd_pread(
  k: WasiProcess,
  fd: number,
  iovs: number,
  count: number,
  offset: number,
  nread: number,
): number {
  return transferAt(k, fd, iovs, count, nread, RIGHT_FD_READ, offset);
}

export function fd_pwrite(
  k: WasiProcess,
  fd: number,
  iovs: number,
  count: number,
  offset: number,
  nwritten: number,
): number {
  return transferAt(k, fd, iovs, count, nwritten, RIGHT_FD_WRITE, offset);
}

function transferAt(
  k: WasiProcess,
  fd: number,
  iovs: number,
  count: number,
  done: number,
  right: number,
  offset: number,
): number {
  const file = fileWith(k, fd, right | RIGHT_FD_SEEK);
  if (typeof file === "number") return file;
  if (!(offset >= 0) || !Number.isSafeInteger(offset)) return -EINVAL;
  return transfer(k, fd, iovs, count, done, right, offset);
}

/** Where the count of bytes goes is looked at first: what has been transferred cannot be taken back. */
function transfer(
  k: WasiProcess,
  fd: number,
  iovs: number,
  count: number,
  done: number,
  right: number,
  offset: number,
): number {
  const file = fileWith(k, fd, right);
  if (typeof file === "number") return file;
  const ptr = done >>> 0;
  if (!k.mem.has(ptr, 4)) return -EFAULT;
  const bytes = transferVector(k, file, iovs, count, right === RIGHT_FD_WRITE, offset);
  if (bytes < 0) return bytes;
  k.mem.setU32(ptr, bytes);
  return 0;
}

export function fd_seek(k: WasiProcess, fd: number, offset: number, whence: number, out: number): number {
  // To ask where it is takes the right to tell, or to seek.
  const asks = offset === 0 && whence === SEEK_CUR;
  const file = fileWith(k, fd, asks && ((k.wasi.base[fd] ?? 0) & RIGHT_FD_TELL) !== 0 ? RIGHT_FD_TELL : RIGHT_FD_SEEK);
  if (typeof file === "number") return file;
  if (whence < SEEK_SET || whence > SEEK_END) return -EINVAL;
  const ptr = out >>> 0;
  if (!k.mem.has(ptr, 8)) return -EFAULT;
  if (!file.seekable) return -ESPIPE;
  const target = file.seekable.seek(k, offset, whence);
  if (target < 0) return target;
  k.mem.setI64(ptr, target);
  return 0;
}

export function fd_tell(k: WasiProcess, fd: number, out: number): number {
  const file = fileWith(k, fd, RIGHT_FD_TELL);
  if (typeof file === "number") return file;
  const ptr = out >>> 0;
  if (!k.mem.has(ptr, 8)) return -EFAULT;
  if (!file.seekable) return -ESPIPE;
  const offset = file.seekable.seek(k, 0, SEEK_CUR);
  if (offset < 0) return offset;
  k.mem.setI64(ptr, offset);
  return 0;
}

export function fd_sync(k: WasiProcess, fd: number): number {
  return sync(k, fd, RIGHT_FD_SYNC);
}

export function fd_datasync(k: WasiProcess, fd: number): number {
  return sync(k, fd, RIGHT_FD_DATASYNC);
}

function sync(k: WasiProcess, fd: number, right: number): number {
  const file = fileWith(k, fd, right);
  if (typeof file === "number") return file;
  return file.durable ? file.durable.sync(k, right === RIGHT_FD_DATASYNC) : -EINVAL;
}

/** Advice is taken note of. */
export function fd_advise(k: WasiProcess, fd: number, offset: number, length: number, advice: number): number {
  const file = fileWith(k, fd, RIGHT_FD_ADVISE);
  if (typeof file === "number") return file;
  if (advice < 0 || advice > ADVICE_NOREUSE || offset < 0 || length < 0) return -EINVAL;
  return file.seekable ? 0 : -ESPIPE;
}

/** The file is at least `offset` + `length` bytes long afterwards; no room is reserved. */
export function fd_allocate(k: WasiProcess, fd: number, offset: number, length: number): number {
  const file = fileWith(k, fd, RIGHT_FD_ALLOCATE);
  return typeof file === "number" ? file : sys_fallocate(k, fd, 0, offset, length);
}

export function fd_filestat_set_size(k: WasiProcess, fd: number, size: number): number {
  const file = fileWith(k, fd, RIGHT_FD_FILESTAT_SET_SIZE);
  if (typeof file === "number") return file;
  if (!(size >= 0) || !Number.isSafeInteger(size)) return -EINVAL;
  return file.seekable ? file.seekable.truncate(k, size) : -EINVAL;
}

const BLOCKS = { blocks: true };
const TRANSFER =
  "BigInt for what has an offset, a Buffer for each piece, no check of pointers; it cannot wait without a stop of the host";

export const FILE_ROWS = [
  wasiRow("fd_read", "fd:fd iovs:ptr count:i32 nread:ptr", fd_read, TRANSFER, BLOCKS),
  wasiRow("fd_write", "fd:fd iovs:ptr count:i32 nwritten:ptr", fd_write, TRANSFER, BLOCKS),
  wasiRow(
    "fd_pread",
    "fd:fd iovs:ptr count:i32 offset:f64 nread:ptr",
    fd_pread,
    `${TRANSFER}; counts its bytes twice`,
    BLOCKS,
  ),
  wasiRow("fd_pwrite", "fd:fd iovs:ptr count:i32 offset:f64 nwritten:ptr", fd_pwrite, TRANSFER, {
    ...BLOCKS,
    note: "with APPEND it appends, as Linux does (pwrite(2), BUGS)",
  }),
  wasiRow(
    "fd_seek",
    "fd:fd offset:f64 whence:i32 out:ptr",
    fd_seek,
    "accepts offsets before the beginning and any whence; an offset of its own beside the file's",
  ),
  wasiRow("fd_tell", "fd:fd out:ptr", fd_tell, "an offset of its own beside the file's, wrong after an append"),
  wasiRow("fd_sync", "fd:fd", fd_sync, "stops the host until the disk has it; here the thread parks", BLOCKS),
  wasiRow("fd_datasync", "fd:fd", fd_datasync, "stops the host until the disk has it; here the thread parks", BLOCKS),
  wasiRow("fd_advise", "fd:fd offset:f64 length:f64 advice:i32", fd_advise, "answers ENOSYS", {
    note: "taken note of",
  }),
  wasiRow("fd_allocate", "fd:fd offset:f64 length:f64", fd_allocate, "answers ENOSYS", { note: "no room is reserved" }),
  wasiRow("fd_filestat_set_size", "fd:fd size:f64", fd_filestat_set_size, "takes sizes that no file has for huge ones"),
];
