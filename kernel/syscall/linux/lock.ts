/**
 * Locks on files, as system calls: flock(2), and the record locks of fcntl(2). What a lock means is kernel/fs/file-locks.ts.
 */
import { EBADF, EFAULT, EINVAL, EOVERFLOW } from "../../abi/errno.ts";
import {
  F_GETLK,
  F_GETLK64,
  F_OFD_GETLK,
  F_OFD_SETLKW,
  F_RDLCK,
  F_SETLKW,
  F_SETLKW64,
  F_UNLCK,
  F_WRLCK,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_PATH,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
} from "../../abi/fcntl.ts";
import { emptyStat } from "../../abi/stat.ts";
import { mayRead, mayWrite } from "../../fs/access.ts";
import type { File } from "../../fs/file.ts";
import type { RecordLock } from "../../fs/file-locks.ts";
import type { Process } from "../../process/process.ts";

/** `struct flock`: i16 type, i16 whence, i64 start at 8, i64 length at 16, i32 pid at 24. */
const FLOCK_BYTES = 32;
/** Of mandatory locks, which are no more: accepted, without effect. */
const LOCK_MAND = 32;

/** flock(2). */
export function sys_flock(k: Process, fd: number, operation: number): number {
  const file = k.fds.get(fd);
  if (!file || (file.flags & O_PATH) !== 0) return -EBADF;
  if (operation & LOCK_MAND) return 0;
  const waits = (operation & LOCK_NB) === 0;
  switch (operation & ~LOCK_NB) {
    case LOCK_UN:
      k.machine.fileLocks.unlockWhole(file);
      return 0;
    case LOCK_SH:
    case LOCK_EX:
      return k.machine.fileLocks.lockWhole(k, file, (operation & LOCK_EX) !== 0, waits);
    default:
      return -EINVAL;
  }
}

/** True for the commands of fcntl(2) that `recordLock` carries out. */
export function isLockCommand(cmd: number): boolean {
  return (cmd >= F_GETLK && cmd <= F_SETLKW) || (cmd >= F_GETLK64 && cmd <= F_SETLKW64) || isOfd(cmd);
}

function isOfd(cmd: number): boolean {
  return cmd >= F_OFD_GETLK && cmd <= F_OFD_SETLKW;
}

/** F_GETLK, F_SETLK, F_SETLKW, and the same of open file descriptions; `ptr` is a `struct flock`. */
export function recordLock(k: Process, file: File, cmd: number, ptr: number): number {
  if ((file.flags & O_PATH) !== 0) return -EBADF;
  const { mem } = k;
  const { fileLocks } = k.machine;
  if (!mem.has(ptr, FLOCK_BYTES)) return -EFAULT;
  const type = mem.getU16(ptr);
  if (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK) return -EINVAL;
  if (isOfd(cmd) && mem.getI32(ptr + 24) !== 0) return -EINVAL;
  const request = requestAt(k, file, ptr, isOfd(cmd));
  if (typeof request === "number") return request;
  if (cmd === F_GETLK || cmd === F_GETLK64 || cmd === F_OFD_GETLK) {
    if (type === F_UNLCK) return -EINVAL;
    const other = fileLocks.conflict(file, request);
    if (other) writeLock(k, ptr, other);
    else mem.setU16(ptr, F_UNLCK);
    return 0;
  }
  if (type === F_UNLCK) {
    fileLocks.unlock(file, request);
    return 0;
  }
  if (type === F_RDLCK ? !mayRead(file.flags) : !mayWrite(file.flags)) return -EBADF;
  const waits = cmd === F_SETLKW || cmd === F_SETLKW64 || cmd === F_OFD_SETLKW;
  return fileLocks.lock(k, file, request, waits);
}

function requestAt(k: Process, file: File, ptr: number, ofDescription: boolean): RecordLock | number {
  const { mem } = k;
  const base = baseOf(k, file, mem.getU16(ptr + 2));
  if (base < 0) return base;
  const length = mem.getI64(ptr + 16);
  let start = base + mem.getI64(ptr + 8);
  let end = length === 0 ? Number.POSITIVE_INFINITY : start + length - 1;
  if (length < 0) {
    end = start - 1;
    start += length;
  }
  if (start < 0) return -EINVAL;
  if (start >= 2 ** 63 || (length !== 0 && end >= 2 ** 63)) return -EOVERFLOW;
  if (end >= 2 ** 63 - 1024) end = Number.POSITIVE_INFINITY; // the largest offset, as exact as numbers are
  return {
    owner: ofDescription ? file : k.fds,
    pid: ofDescription ? -1 : k.pid,
    start,
    end,
    writes: mem.getU16(ptr) === F_WRLCK,
  };
}

/** What l_start counts from. */
function baseOf(k: Process, file: File, whence: number): number {
  if (whence === SEEK_SET) return 0;
  if (whence === SEEK_CUR) return file.seekable?.seek(k, 0, SEEK_CUR) ?? 0;
  if (whence !== SEEK_END) return -EINVAL;
  const stat = emptyStat();
  const result = file.stat(k, stat);
  return result < 0 ? result : stat.size;
}

function writeLock(k: Process, ptr: number, { start, end, pid, writes }: RecordLock): void {
  const { mem } = k;
  mem.setU16(ptr, writes ? F_WRLCK : F_RDLCK);
  mem.setU16(ptr + 2, SEEK_SET);
  mem.setI64(ptr + 8, start);
  mem.setI64(ptr + 16, end === Number.POSITIVE_INFINITY ? 0 : end - start + 1);
  mem.setU32(ptr + 24, pid);
}
