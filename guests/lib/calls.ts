/**
 * The system calls that may park, made safe for a thread: what its functions hold is put away for the collector while it
 * sleeps (continuation.ts says how). Same arguments and results as in sys.ts. Calls that never park are used from sys.ts
 * as they are. A guest with threads that needs a call which the SDK does not wrap takes it from here.
 */
import { park, unpark } from "./continuation";
import {
  sys_accept4,
  sys_bind,
  sys_chdir,
  sys_close,
  sys_connect,
  sys_epoll_wait,
  sys_faccessat,
  sys_fchmodat,
  sys_fdatasync,
  sys_fstat,
  sys_fstatat,
  sys_fsync,
  sys_ftruncate,
  sys_futex,
  sys_getdents64,
  sys_getrandom,
  sys_linkat,
  sys_listen,
  sys_lseek,
  sys_mkdirat,
  sys_openat,
  sys_poll,
  sys_pread,
  sys_pwrite,
  sys_read,
  sys_readlinkat,
  sys_readv,
  sys_recvfrom,
  sys_renameat,
  sys_sched_yield,
  sys_sendto,
  sys_shutdown,
  sys_sleep_ms,
  sys_statfs,
  sys_symlinkat,
  sys_thread_join,
  sys_thread_spawn,
  sys_unlinkat,
  sys_utimensat,
  sys_write,
  sys_writev,
} from "./sys";

export function openat(dirfd: i32, path: usize, pathLength: i32, flags: i32, mode: i32): i32 {
  const saved = park();
  const result = sys_openat(dirfd, path, pathLength, flags, mode);
  unpark(saved);
  return result;
}

export function close(fd: i32): i32 {
  const saved = park();
  const result = sys_close(fd);
  unpark(saved);
  return result;
}

export function read(fd: i32, buf: usize, count: i32): i32 {
  const saved = park();
  const result = sys_read(fd, buf, count);
  unpark(saved);
  return result;
}

export function write(fd: i32, buf: usize, count: i32): i32 {
  const saved = park();
  const result = sys_write(fd, buf, count);
  unpark(saved);
  return result;
}

export function readv(fd: i32, iov: usize, iovcnt: i32): i32 {
  const saved = park();
  const result = sys_readv(fd, iov, iovcnt);
  unpark(saved);
  return result;
}

export function writev(fd: i32, iov: usize, iovcnt: i32): i32 {
  const saved = park();
  const result = sys_writev(fd, iov, iovcnt);
  unpark(saved);
  return result;
}

export function pread(fd: i32, buf: usize, count: i32, offset: f64): i32 {
  const saved = park();
  const result = sys_pread(fd, buf, count, offset);
  unpark(saved);
  return result;
}

export function pwrite(fd: i32, buf: usize, count: i32, offset: f64): i32 {
  const saved = park();
  const result = sys_pwrite(fd, buf, count, offset);
  unpark(saved);
  return result;
}

export function lseek(fd: i32, offset: f64, whence: i32): f64 {
  const saved = park();
  const result = sys_lseek(fd, offset, whence);
  unpark(saved);
  return result;
}

export function fstat(fd: i32, statbuf: usize): i32 {
  const saved = park();
  const result = sys_fstat(fd, statbuf);
  unpark(saved);
  return result;
}

export function fstatat(dirfd: i32, path: usize, pathLength: i32, statbuf: usize, flags: i32): i32 {
  const saved = park();
  const result = sys_fstatat(dirfd, path, pathLength, statbuf, flags);
  unpark(saved);
  return result;
}

export function ftruncate(fd: i32, length: f64): i32 {
  const saved = park();
  const result = sys_ftruncate(fd, length);
  unpark(saved);
  return result;
}

export function fsync(fd: i32): i32 {
  const saved = park();
  const result = sys_fsync(fd);
  unpark(saved);
  return result;
}

export function fdatasync(fd: i32): i32 {
  const saved = park();
  const result = sys_fdatasync(fd);
  unpark(saved);
  return result;
}

export function unlinkat(dirfd: i32, path: usize, pathLength: i32, flags: i32): i32 {
  const saved = park();
  const result = sys_unlinkat(dirfd, path, pathLength, flags);
  unpark(saved);
  return result;
}

export function mkdirat(dirfd: i32, path: usize, pathLength: i32, mode: i32): i32 {
  const saved = park();
  const result = sys_mkdirat(dirfd, path, pathLength, mode);
  unpark(saved);
  return result;
}

export function renameat(
  olddirfd: i32,
  oldPath: usize,
  oldLength: i32,
  newdirfd: i32,
  newPath: usize,
  newLength: i32,
): i32 {
  const saved = park();
  const result = sys_renameat(olddirfd, oldPath, oldLength, newdirfd, newPath, newLength);
  unpark(saved);
  return result;
}

export function linkat(
  olddirfd: i32,
  oldPath: usize,
  oldLength: i32,
  newdirfd: i32,
  newPath: usize,
  newLength: i32,
  flags: i32,
): i32 {
  const saved = park();
  const result = sys_linkat(olddirfd, oldPath, oldLength, newdirfd, newPath, newLength, flags);
  unpark(saved);
  return result;
}

export function symlinkat(target: usize, targetLength: i32, newdirfd: i32, path: usize, pathLength: i32): i32 {
  const saved = park();
  const result = sys_symlinkat(target, targetLength, newdirfd, path, pathLength);
  unpark(saved);
  return result;
}

export function readlinkat(dirfd: i32, path: usize, pathLength: i32, buf: usize, bufsiz: i32): i32 {
  const saved = park();
  const result = sys_readlinkat(dirfd, path, pathLength, buf, bufsiz);
  unpark(saved);
  return result;
}

export function faccessat(dirfd: i32, path: usize, pathLength: i32, mode: i32, flags: i32): i32 {
  const saved = park();
  const result = sys_faccessat(dirfd, path, pathLength, mode, flags);
  unpark(saved);
  return result;
}

export function fchmodat(dirfd: i32, path: usize, pathLength: i32, mode: i32): i32 {
  const saved = park();
  const result = sys_fchmodat(dirfd, path, pathLength, mode);
  unpark(saved);
  return result;
}

export function utimensat(dirfd: i32, path: usize, pathLength: i32, times: usize, flags: i32): i32 {
  const saved = park();
  const result = sys_utimensat(dirfd, path, pathLength, times, flags);
  unpark(saved);
  return result;
}

export function getdents64(fd: i32, dirp: usize, count: i32): i32 {
  const saved = park();
  const result = sys_getdents64(fd, dirp, count);
  unpark(saved);
  return result;
}

export function statfs(path: usize, pathLength: i32, buf: usize): i32 {
  const saved = park();
  const result = sys_statfs(path, pathLength, buf);
  unpark(saved);
  return result;
}

export function chdir(path: usize, pathLength: i32): i32 {
  const saved = park();
  const result = sys_chdir(path, pathLength);
  unpark(saved);
  return result;
}

export function bind(fd: i32, addr: usize, addrlen: i32): i32 {
  const saved = park();
  const result = sys_bind(fd, addr, addrlen);
  unpark(saved);
  return result;
}

export function listen(fd: i32, backlog: i32): i32 {
  const saved = park();
  const result = sys_listen(fd, backlog);
  unpark(saved);
  return result;
}

export function accept4(fd: i32, addr: usize, addrlen: usize, flags: i32): i32 {
  const saved = park();
  const result = sys_accept4(fd, addr, addrlen, flags);
  unpark(saved);
  return result;
}

export function connect(fd: i32, addr: usize, addrlen: i32): i32 {
  const saved = park();
  const result = sys_connect(fd, addr, addrlen);
  unpark(saved);
  return result;
}

export function sendto(fd: i32, buf: usize, len: i32, flags: i32, addr: usize, addrlen: i32): i32 {
  const saved = park();
  const result = sys_sendto(fd, buf, len, flags, addr, addrlen);
  unpark(saved);
  return result;
}

export function recvfrom(fd: i32, buf: usize, len: i32, flags: i32, addr: usize, addrlen: usize): i32 {
  const saved = park();
  const result = sys_recvfrom(fd, buf, len, flags, addr, addrlen);
  unpark(saved);
  return result;
}

export function shutdown(fd: i32, how: i32): i32 {
  const saved = park();
  const result = sys_shutdown(fd, how);
  unpark(saved);
  return result;
}

export function poll(fds: usize, nfds: i32, timeoutMs: i32): i32 {
  const saved = park();
  const result = sys_poll(fds, nfds, timeoutMs);
  unpark(saved);
  return result;
}

export function epoll_wait(epfd: i32, events: usize, maxevents: i32, timeoutMs: i32): i32 {
  const saved = park();
  const result = sys_epoll_wait(epfd, events, maxevents, timeoutMs);
  unpark(saved);
  return result;
}

export function sleep_ms(ms: f64): i32 {
  const saved = park();
  const result = sys_sleep_ms(ms);
  unpark(saved);
  return result;
}

export function sched_yield(): i32 {
  const saved = park();
  const result = sys_sched_yield();
  unpark(saved);
  return result;
}

export function getrandom(buf: usize, buflen: i32, flags: i32): i32 {
  const saved = park();
  const result = sys_getrandom(buf, buflen, flags);
  unpark(saved);
  return result;
}

export function thread_spawn(fn: i32, arg: i32): i32 {
  const saved = park();
  const result = sys_thread_spawn(fn, arg);
  unpark(saved);
  return result;
}

export function thread_join(tid: i32, status: usize): i32 {
  const saved = park();
  const result = sys_thread_join(tid, status);
  unpark(saved);
  return result;
}

export function futex(uaddr: usize, op: i32, val: i32, timeoutMs: f64): i32 {
  const saved = park();
  const result = sys_futex(uaddr, op, val, timeoutMs);
  unpark(saved);
  return result;
}
