/**
 * System calls on descriptors themselves, as Linux programs make them: dup(2), fcntl(2), ioctl(2), pipe(2), close(2), locks.
 */
import { EBADF, EFAULT, EINVAL } from "../../abi/errno.ts";
import {
  F_GETOWN,
  F_GETOWN_EX,
  F_GETSIG,
  F_SETFL,
  F_SETOWN,
  F_SETOWN_EX,
  F_SETSIG,
  O_ASYNC,
  O_PATH,
} from "../../abi/fcntl.ts";
import { FIOASYNC } from "../../abi/ioctl.ts";
import { NSIG } from "../../abi/signal.ts";
import type { File } from "../../fs/file.ts";
import type { Process } from "../../process/process.ts";
import { sys_dup, sys_dup3, sys_fcntl as sys_native_fcntl, sys_ioctl as sys_native_ioctl } from "../descriptor.ts";
import { sys_close } from "../file.ts";
import { sys_pipe2 } from "../pipe.ts";
import type { Row } from "../row.ts";
import { isLockCommand, recordLock, sys_flock } from "./lock.ts";
import { linuxRow, RESTARTS } from "./row.ts";

/** `struct f_owner_ex`: i32 type, i32 pid. */
const F_OWNER_EX_BYTES = 8;
const F_OWNER_TID = 0;
const F_OWNER_PID = 1;
const F_OWNER_PGRP = 2;
const CLOSE_RANGE_UNSHARE = 2;
const CLOSE_RANGE_CLOEXEC = 4;

/** Who would get the signals of a description, and which. */
interface Ownership {
  type: number;
  pid: number;
  signal: number;
}

/** By open file description. */
const ownerships = new WeakMap<File, Ownership>();

/** pipe(2). */
export function sys_pipe(k: Process, pipefd: number): number {
  return sys_pipe2(k, pipefd, 0);
}

/** dup2(2). */
export function sys_dup2(k: Process, oldfd: number, newfd: number): number {
  if (oldfd === newfd) return k.fds.get(oldfd) ? newfd : -EBADF;
  return sys_dup3(k, oldfd, newfd, 0);
}

/** close_range(2). */
export function sys_close_range(k: Process, first: number, last: number, flags: number): number {
  if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) return -EINVAL;
  const from = first >>> 0;
  const to = last >>> 0;
  if (from > to) return -EINVAL;
  for (const [fd] of [...k.fds.entries()]) {
    if (fd < from || fd > to) continue;
    if (flags & CLOSE_RANGE_CLOEXEC) k.fds.setCloexec(fd, true);
    else k.fds.close(k, fd);
  }
  return 0;
}

/** fcntl(2). */
export function sys_fcntl(k: Process, fd: number, cmd: number, arg: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (isLockCommand(cmd)) return recordLock(k, file, cmd, arg >>> 0);
  if (cmd < F_SETOWN || cmd > F_GETOWN_EX) {
    const result = sys_native_fcntl(k, fd, cmd, arg);
    if (cmd === F_SETFL && result === 0) setAsync(file, (arg & O_ASYNC) !== 0);
    return result;
  }
  return (file.flags & O_PATH) !== 0 ? -EBADF : ownership(k, file, cmd, arg);
}

/** F_SETOWN and its like: kept, but nobody sends SIGIO. */
function ownership(k: Process, file: File, cmd: number, arg: number): number {
  const known = ownerships.get(file) ?? { type: F_OWNER_PID, pid: 0, signal: 0 };
  const ptr = arg >>> 0;
  switch (cmd) {
    case F_GETOWN:
      return known.type === F_OWNER_PGRP ? -known.pid : known.pid;
    case F_SETOWN:
      ownerships.set(file, { ...known, type: arg < 0 ? F_OWNER_PGRP : F_OWNER_PID, pid: Math.abs(arg) });
      return 0;
    case F_GETSIG:
      return known.signal;
    case F_SETSIG:
      if (arg < 0 || arg > NSIG) return -EINVAL;
      ownerships.set(file, { ...known, signal: arg });
      return 0;
    case F_GETOWN_EX:
      if (!k.mem.has(ptr, F_OWNER_EX_BYTES)) return -EFAULT;
      k.mem.setU32(ptr, known.type);
      k.mem.setU32(ptr + 4, known.pid);
      return 0;
    case F_SETOWN_EX: {
      if (!k.mem.has(ptr, F_OWNER_EX_BYTES)) return -EFAULT;
      const type = k.mem.getU32(ptr);
      if (type !== F_OWNER_TID && type !== F_OWNER_PID && type !== F_OWNER_PGRP) return -EINVAL;
      ownerships.set(file, { ...known, type, pid: k.mem.getI32(ptr + 4) });
      return 0;
    }
    default:
      return -EINVAL;
  }
}

/** ioctl(2): FIOASYNC for every file besides what every personality has. */
export function sys_ioctl(k: Process, fd: number, request: number, arg: number): number {
  if (request !== FIOASYNC) return sys_native_ioctl(k, fd, request, arg);
  const file = k.fds.get(fd);
  if (!file || (file.flags & O_PATH) !== 0) return -EBADF;
  if (!k.mem.has(arg >>> 0, 4)) return -EFAULT;
  setAsync(file, k.mem.getI32(arg >>> 0) !== 0);
  return 0;
}

function setAsync(file: File, on: boolean): void {
  if (on) file.flags |= O_ASYNC;
  else file.flags &= ~O_ASYNC;
}

export const DESCRIPTOR_ROWS: readonly Row[] = [
  linuxRow(3, "close", "fd:fd", sys_close),
  linuxRow(16, "ioctl", "fd:fd request:i32 argp:ptr", sys_ioctl, {
    ...RESTARTS,
    partial:
      "FIONREAD, FIONBIO, FIOASYNC, FIOCLEX, FIONCLEX, TIOCOUTQ, SIOCATMARK; terminal settings are kept and have no effect",
  }),
  linuxRow(22, "pipe", "pipefd:ptr", sys_pipe),
  linuxRow(32, "dup", "oldfd:fd", sys_dup),
  linuxRow(33, "dup2", "oldfd:fd newfd:fd", sys_dup2),
  linuxRow(72, "fcntl", "fd:fd cmd:i32 arg:i32", sys_fcntl, {
    ...RESTARTS,
    partial: "owners and signals are kept, but no SIGIO is sent; no leases; locks are this machine's own",
  }),
  linuxRow(73, "flock", "fd:fd operation:i32", sys_flock, {
    ...RESTARTS,
    note: "locks are this machine's own: two machines that share a volume do not see each other's",
  }),
  linuxRow(292, "dup3", "oldfd:fd newfd:fd flags:i32", sys_dup3),
  linuxRow(293, "pipe2", "pipefd:ptr flags:i32", sys_pipe2, { partial: "no O_DIRECT (packets)" }),
  linuxRow(436, "close_range", "first:fd last:fd flags:i32", sys_close_range),
];
