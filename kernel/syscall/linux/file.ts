/**
 * System calls on descriptors, as Linux programs make them: mostly those of the native personality, under their Linux names.
 */
import { EBADF } from "../../abi/errno.ts";
import type { Process } from "../../process/process.ts";
import { sys_dup, sys_dup3, sys_fcntl, sys_ioctl } from "../descriptor.ts";
import { sys_getdents64 } from "../directory.ts";
import { sys_eventfd2 } from "../eventfd.ts";
import {
  sys_close,
  sys_fdatasync,
  sys_fstat,
  sys_fsync,
  sys_ftruncate,
  sys_lseek,
  sys_pread,
  sys_pwrite,
  sys_read,
  sys_readv,
  sys_write,
  sys_writev,
} from "../file.ts";
import { sys_pipe2 } from "../pipe.ts";
import type { Row } from "../row.ts";
import { sys_timerfd_create, sys_timerfd_gettime, sys_timerfd_settime } from "../timerfd.ts";
import { BLOCKS, linuxRow, RESTARTS } from "./row.ts";

/** pipe(2). */
export function sys_pipe(k: Process, pipefd: number): number {
  return sys_pipe2(k, pipefd, 0);
}

/** dup2(2). */
export function sys_dup2(k: Process, oldfd: number, newfd: number): number {
  if (oldfd === newfd) return k.fds.get(oldfd) ? newfd : -EBADF;
  return sys_dup3(k, oldfd, newfd, 0);
}

/** eventfd(2). */
export function sys_eventfd(k: Process, initval: number): number {
  return sys_eventfd2(k, initval, 0);
}

export const FILE_ROWS: readonly Row[] = [
  linuxRow(0, "read", "fd:fd buf:ptr count:i32", sys_read, RESTARTS),
  linuxRow(1, "write", "fd:fd buf:ptr count:i32", sys_write, RESTARTS),
  linuxRow(3, "close", "fd:fd", sys_close),
  linuxRow(5, "fstat", "fd:fd statbuf:ptr", sys_fstat, BLOCKS),
  linuxRow(8, "lseek", "fd:fd offset:f64 whence:i32", sys_lseek, { blocks: true, result: "f64" }),
  linuxRow(16, "ioctl", "fd:fd request:i32 argp:ptr", sys_ioctl, {
    ...RESTARTS,
    partial: "FIONREAD, FIONBIO, FIOCLEX, FIONCLEX; TCGETS and TIOCGWINSZ on the console",
  }),
  linuxRow(17, "pread64", "fd:fd buf:ptr count:i32 offset:f64", sys_pread, RESTARTS),
  linuxRow(18, "pwrite64", "fd:fd buf:ptr count:i32 offset:f64", sys_pwrite, RESTARTS),
  linuxRow(19, "readv", "fd:fd iov:ptr iovcnt:i32", sys_readv, RESTARTS),
  linuxRow(20, "writev", "fd:fd iov:ptr iovcnt:i32", sys_writev, RESTARTS),
  linuxRow(22, "pipe", "pipefd:ptr", sys_pipe),
  linuxRow(32, "dup", "oldfd:fd", sys_dup),
  linuxRow(33, "dup2", "oldfd:fd newfd:fd", sys_dup2),
  linuxRow(72, "fcntl", "fd:fd cmd:i32 arg:i32", sys_fcntl, { ...RESTARTS, partial: "no record locks, no F_SETOWN" }),
  linuxRow(74, "fsync", "fd:fd", sys_fsync, BLOCKS),
  linuxRow(75, "fdatasync", "fd:fd", sys_fdatasync, BLOCKS),
  linuxRow(77, "ftruncate", "fd:fd length:f64", sys_ftruncate, BLOCKS),
  linuxRow(217, "getdents64", "fd:fd dirp:ptr count:i32", sys_getdents64, BLOCKS),
  linuxRow(283, "timerfd_create", "clockid:i32 flags:i32", sys_timerfd_create),
  linuxRow(284, "eventfd", "initval:i32", sys_eventfd),
  linuxRow(286, "timerfd_settime", "fd:fd flags:i32 newValue:ptr oldValue:ptr", sys_timerfd_settime),
  linuxRow(287, "timerfd_gettime", "fd:fd currValue:ptr", sys_timerfd_gettime),
  linuxRow(290, "eventfd2", "initval:i32 flags:i32", sys_eventfd2),
  linuxRow(292, "dup3", "oldfd:fd newfd:fd flags:i32", sys_dup3),
  linuxRow(293, "pipe2", "pipefd:ptr flags:i32", sys_pipe2),
];
