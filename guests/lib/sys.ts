/**
 * The `ringzero` personality as a guest imports it: one declaration per row of
 * the kernel's system-call table (kernel/syscall/table.ts), with its man-page
 * name. Nothing here is convenient; `file.ts`, `socket.ts`, `timer.ts`,
 * `thread.ts` and `ring.ts` wrap it.
 *
 * Conventions. Pointers are byte addresses in linear memory, lengths are bytes.
 * A result below zero is a negated Linux errno. File offsets and sizes travel
 * as f64 (exact up to 2^53), so that no BigInt is ever made; structures in
 * memory have the Linux x86-64 / generic layout.
 *
 * Blocking. Called from a thread (`spawn`, or `_start` on a host with JSPI) a
 * call that has to wait parks the continuation. Called from a callback
 * (`ring_dispatch`) there is no stack to park: the call answers -EDEADLK.
 */

// --- files ---------------------------------------------------------------
/** openat(2). `path` need not be NUL-terminated: it is `pathLength` bytes of UTF-8. */
@external("ringzero", "openat") export declare function sys_openat(dirfd: i32, path: usize, pathLength: i32, flags: i32, mode: i32): i32;
@external("ringzero", "close") export declare function sys_close(fd: i32): i32;
@external("ringzero", "read") export declare function sys_read(fd: i32, buf: usize, count: i32): i32;
@external("ringzero", "write") export declare function sys_write(fd: i32, buf: usize, count: i32): i32;
@external("ringzero", "readv") export declare function sys_readv(fd: i32, iov: usize, iovcnt: i32): i32;
@external("ringzero", "writev") export declare function sys_writev(fd: i32, iov: usize, iovcnt: i32): i32;
@external("ringzero", "pread") export declare function sys_pread(fd: i32, buf: usize, count: i32, offset: f64): i32;
@external("ringzero", "pwrite") export declare function sys_pwrite(fd: i32, buf: usize, count: i32, offset: f64): i32;
/** lseek(2): the new offset, or a negated errno. */
@external("ringzero", "lseek") export declare function sys_lseek(fd: i32, offset: f64, whence: i32): f64;
/** fstat(2) into `struct stat` (x86-64 layout, 144 bytes: st_mode u32 at 24, st_size i64 at 48). */
@external("ringzero", "fstat") export declare function sys_fstat(fd: i32, statbuf: usize): i32;
@external("ringzero", "fstatat") export declare function sys_fstatat(dirfd: i32, path: usize, pathLength: i32, statbuf: usize, flags: i32): i32;
@external("ringzero", "ftruncate") export declare function sys_ftruncate(fd: i32, length: f64): i32;
@external("ringzero", "fsync") export declare function sys_fsync(fd: i32): i32;
@external("ringzero", "fdatasync") export declare function sys_fdatasync(fd: i32): i32;
@external("ringzero", "unlinkat") export declare function sys_unlinkat(dirfd: i32, path: usize, pathLength: i32, flags: i32): i32;
@external("ringzero", "mkdirat") export declare function sys_mkdirat(dirfd: i32, path: usize, pathLength: i32, mode: i32): i32;
@external("ringzero", "renameat") export declare function sys_renameat(olddirfd: i32, oldPath: usize, oldLength: i32, newdirfd: i32, newPath: usize, newLength: i32): i32;
@external("ringzero", "linkat") export declare function sys_linkat(olddirfd: i32, oldPath: usize, oldLength: i32, newdirfd: i32, newPath: usize, newLength: i32, flags: i32): i32;
@external("ringzero", "symlinkat") export declare function sys_symlinkat(target: usize, targetLength: i32, newdirfd: i32, path: usize, pathLength: i32): i32;
@external("ringzero", "readlinkat") export declare function sys_readlinkat(dirfd: i32, path: usize, pathLength: i32, buf: usize, bufsiz: i32): i32;
@external("ringzero", "faccessat") export declare function sys_faccessat(dirfd: i32, path: usize, pathLength: i32, mode: i32, flags: i32): i32;
@external("ringzero", "fchmodat") export declare function sys_fchmodat(dirfd: i32, path: usize, pathLength: i32, mode: i32): i32;
/** utimensat(2); `times` points to two `struct timespec` (i64 sec, i64 nsec) or is 0. */
@external("ringzero", "utimensat") export declare function sys_utimensat(dirfd: i32, path: usize, pathLength: i32, times: usize, flags: i32): i32;
/** getdents64(2): `struct linux_dirent64` records. */
@external("ringzero", "getdents64") export declare function sys_getdents64(fd: i32, dirp: usize, count: i32): i32;
@external("ringzero", "statfs") export declare function sys_statfs(path: usize, pathLength: i32, buf: usize): i32;
@external("ringzero", "chdir") export declare function sys_chdir(path: usize, pathLength: i32): i32;
/** getcwd(2): the length written, without a NUL. */
@external("ringzero", "getcwd") export declare function sys_getcwd(buf: usize, size: i32): i32;
@external("ringzero", "dup") export declare function sys_dup(fd: i32): i32;
@external("ringzero", "dup3") export declare function sys_dup3(oldfd: i32, newfd: i32, flags: i32): i32;
@external("ringzero", "fcntl") export declare function sys_fcntl(fd: i32, cmd: i32, arg: i32): i32;
@external("ringzero", "ioctl") export declare function sys_ioctl(fd: i32, request: i32, arg: usize): i32;
@external("ringzero", "pipe2") export declare function sys_pipe2(pipefd: usize, flags: i32): i32;
@external("ringzero", "eventfd2") export declare function sys_eventfd2(initval: i32, flags: i32): i32;
@external("ringzero", "timerfd_create") export declare function sys_timerfd_create(clockid: i32, flags: i32): i32;
/** timerfd_settime(2) with `struct itimerspec` (two timespecs of i64 sec, i64 nsec). */
@external("ringzero", "timerfd_settime") export declare function sys_timerfd_settime(fd: i32, flags: i32, newValue: usize, oldValue: usize): i32;
@external("ringzero", "timerfd_gettime") export declare function sys_timerfd_gettime(fd: i32, currValue: usize): i32;

// --- sockets -------------------------------------------------------------
@external("ringzero", "socket") export declare function sys_socket(domain: i32, type: i32, protocol: i32): i32;
@external("ringzero", "socketpair") export declare function sys_socketpair(domain: i32, type: i32, protocol: i32, sv: usize): i32;
/** bind(2) with `struct sockaddr_in`/`sockaddr_in6`/`sockaddr_un`. */
@external("ringzero", "bind") export declare function sys_bind(fd: i32, addr: usize, addrlen: i32): i32;
@external("ringzero", "listen") export declare function sys_listen(fd: i32, backlog: i32): i32;
@external("ringzero", "accept4") export declare function sys_accept4(fd: i32, addr: usize, addrlen: usize, flags: i32): i32;
@external("ringzero", "connect") export declare function sys_connect(fd: i32, addr: usize, addrlen: i32): i32;
@external("ringzero", "getsockname") export declare function sys_getsockname(fd: i32, addr: usize, addrlen: usize): i32;
@external("ringzero", "getpeername") export declare function sys_getpeername(fd: i32, addr: usize, addrlen: usize): i32;
@external("ringzero", "setsockopt") export declare function sys_setsockopt(fd: i32, level: i32, optname: i32, optval: usize, optlen: i32): i32;
@external("ringzero", "getsockopt") export declare function sys_getsockopt(fd: i32, level: i32, optname: i32, optval: usize, optlen: usize): i32;
@external("ringzero", "sendto") export declare function sys_sendto(fd: i32, buf: usize, len: i32, flags: i32, addr: usize, addrlen: i32): i32;
@external("ringzero", "recvfrom") export declare function sys_recvfrom(fd: i32, buf: usize, len: i32, flags: i32, addr: usize, addrlen: usize): i32;
@external("ringzero", "shutdown") export declare function sys_shutdown(fd: i32, how: i32): i32;

// --- readiness -----------------------------------------------------------
@external("ringzero", "poll") export declare function sys_poll(fds: usize, nfds: i32, timeoutMs: i32): i32;
@external("ringzero", "epoll_create1") export declare function sys_epoll_create1(flags: i32): i32;
/** epoll_ctl(2) with the packed 12-byte `struct epoll_event` (u32 events, u64 data at 4). */
@external("ringzero", "epoll_ctl") export declare function sys_epoll_ctl(epfd: i32, op: i32, fd: i32, event: usize): i32;
@external("ringzero", "epoll_wait") export declare function sys_epoll_wait(epfd: i32, events: usize, maxevents: i32, timeoutMs: i32): i32;

// --- time, process, threads ------------------------------------------------
/** clock_gettime(2) into `struct timespec` (i64 sec, i64 nsec). */
@external("ringzero", "clock_gettime") export declare function sys_clock_gettime(clockid: i32, tp: usize): i32;
/** The clock in milliseconds with a fraction: CLOCK_REALTIME (0) since the epoch, CLOCK_MONOTONIC (1) since boot. */
@external("ringzero", "clock_ms") export declare function sys_clock_ms(clockid: i32): f64;
/** clock_nanosleep(2), relative, in milliseconds with a fraction. */
@external("ringzero", "sleep_ms") export declare function sys_sleep_ms(ms: f64): i32;
@external("ringzero", "getpid") export declare function sys_getpid(): i32;
@external("ringzero", "getppid") export declare function sys_getppid(): i32;
@external("ringzero", "gettid") export declare function sys_gettid(): i32;
@external("ringzero", "sched_yield") export declare function sys_sched_yield(): i32;
@external("ringzero", "exit") export declare function sys_exit(status: i32): void;
@external("ringzero", "exit_group") export declare function sys_exit_group(status: i32): void;
@external("ringzero", "getrandom") export declare function sys_getrandom(buf: usize, buflen: i32, flags: i32): i32;
@external("ringzero", "uname") export declare function sys_uname(buf: usize): i32;
@external("ringzero", "sysinfo") export declare function sys_sysinfo(info: usize): i32;
/** Number of arguments (argv[0] is the image's name), length of one in bytes, copy of one without a NUL (the length). */
@external("ringzero", "arg_count") export declare function sys_arg_count(): i32;
@external("ringzero", "arg_length") export declare function sys_arg_length(index: i32): i32;
@external("ringzero", "arg_copy") export declare function sys_arg_copy(index: i32, buf: usize, size: i32): i32;
/** Environment as "NAME=value" strings, addressed like arguments. */
@external("ringzero", "env_count") export declare function sys_env_count(): i32;
@external("ringzero", "env_length") export declare function sys_env_length(index: i32): i32;
@external("ringzero", "env_copy") export declare function sys_env_copy(index: i32, buf: usize, size: i32): i32;
/** Starts a blocking thread that calls the guest's export `thread_entry(fn, arg)`; the new tid. */
@external("ringzero", "thread_spawn") export declare function sys_thread_spawn(fn: i32, arg: i32): i32;
/** Waits for a thread to end; its return value is stored at `status` unless that is 0. */
@external("ringzero", "thread_join") export declare function sys_thread_join(tid: i32, status: usize): i32;
/** futex(2): FUTEX_WAIT (0), FUTEX_WAKE (1), with or without FUTEX_PRIVATE_FLAG. `timeoutMs` below 0: none. */
@external("ringzero", "futex") export declare function sys_futex(uaddr: usize, op: i32, val: i32, timeoutMs: f64): i32;
/** Bytes of RAM this machine may use in all (its --memory), and how many linear memory has now. */
@external("ringzero", "memory_limit") export declare function sys_memory_limit(): f64;

// --- the completion ring (callback style) ------------------------------------
/**
 * Where the kernel writes events (`RingEvent`, 32 bytes each, 8-aligned). From the first call on the
 * machine lives until `exit`: `_start` may return. Each turn the kernel fills the array and
 * calls the guest's export `ring_dispatch(count, monotonicMs, realtimeMs)` once (again if there are more events than room).
 */
@external("ringzero", "ring_setup") export declare function sys_ring_setup(events: usize, capacity: i32): i32;
/**
 * Hands `count` buffers of `size` bytes, laid end to end from `base`, to the network device: received bytes land
 * in them and RECV events point into them, with no copy between. A buffer is lent to the guest until
 * `ring_dispatch` returns; then it goes back to the device.
 */
@external("ringzero", "ring_buffers") export declare function sys_ring_buffers(base: usize, size: i32, count: i32): i32;
/**
 * From now on this descriptor's events go to the ring, with `user` in them. A listening socket accepts by itself
 * (ACCEPT events carry the new descriptor, attached already, `user` = the listener's). A stream socket delivers RECV, EOF,
 * SENT, HANGUP. Anything else (pipe, eventfd, timerfd, datagram socket; but see ring_datagrams) delivers READY with its poll(2) mask.
 */
@external("ringzero", "ring_attach") export declare function sys_ring_attach(fd: i32, user: u32): i32;
/** Changes `user` of an attached descriptor. */
@external("ringzero", "ring_user") export declare function sys_ring_user(fd: i32, user: u32): i32;
/**
 * Sends [ptr, ptr+len) on a stream socket without copying: the bytes belong to the device until a SENT event brings
 * `token` back (result = len, or a negated errno if the connection broke). Sends of one socket stay in order. 0, -EPIPE, -EBADF, -EFAULT…
 */
@external("ringzero", "ring_send") export declare function sys_ring_send(fd: i32, ptr: usize, len: i32, token: u32): i32;
/**
 * From now on this UDP socket delivers each datagram as one DATAGRAM event in a receive buffer (ring_buffers), with `user`, instead of READY: `result`
 * bytes at `ptr` (0 is possible), and the sender's sockaddr in the SOCKADDR_SLOT bytes before. A datagram that no buffer is long enough for is lost.
 */
@external("ringzero", "ring_datagrams") export declare function sys_ring_datagrams(fd: i32, user: u32): i32;
/**
 * Sends [ptr, ptr+len) as one datagram to the sockaddr in the SOCKADDR_SLOT bytes before it, where an answer can be written behind a copy of what a
 * DATAGRAM event has there. Nothing of it may change before `ring_dispatch` returns. The length, or a negated errno; a datagram may get lost.
 */
@external("ringzero", "ring_sendto") export declare function sys_ring_sendto(fd: i32, ptr: usize, len: i32): i32;
export const SOCKADDR_SLOT: i32 = 28;
/** Stops (1) or resumes (0) RECV events of a stream socket: back-pressure reaches the peer through its window. */
@external("ringzero", "ring_pause") export declare function sys_ring_pause(fd: i32, paused: i32): i32;
/**
 * One-shot timer: a TIMER event with `user` once `delayMs` have passed. Returns an id for `ring_timer_cancel`.
 */
@external("ringzero", "ring_timer") export declare function sys_ring_timer(delayMs: f64, user: u32): i32;
@external("ringzero", "ring_timer_cancel") export declare function sys_ring_timer_cancel(id: i32): i32;
/** Asynchronous file calls: a FILE event with `token`, result = bytes or a negated errno. offset < 0: the file's own offset. */
@external("ringzero", "ring_read") export declare function sys_ring_read(fd: i32, ptr: usize, len: i32, offset: f64, token: u32): i32;
@external("ringzero", "ring_write") export declare function sys_ring_write(fd: i32, ptr: usize, len: i32, offset: f64, token: u32): i32;
@external("ringzero", "ring_fsync") export declare function sys_ring_fsync(fd: i32, datasync: i32, token: u32): i32;

// --- shards ------------------------------------------------------------------
/** Which shard this machine is (from 0), and of how many: 0 of 1 in a machine that was booted without shards. */
@external("ringzero", "shard_self") export declare function sys_shard_self(): i32;
@external("ringzero", "shard_count") export declare function sys_shard_count(): i32;
/** 16 random bytes at `buf`, the same in all shards: for hashes that they must agree on. */
@external("ringzero", "shard_secret") export declare function sys_shard_secret(buf: usize): i32;
/** Hands `count` buffers of SHARD_MESSAGE_MAX bytes, end to end from `base`, to the shard device: MESSAGE events point into them, until `ring_dispatch` returns. */
@external("ringzero", "ring_messages") export declare function sys_ring_messages(base: usize, count: i32): i32;
/**
 * Sends [ptr, ptr+len), at most SHARD_MESSAGE_MAX bytes, to another shard, which gets it as one MESSAGE event; messages between two shards keep
 * their order. 1: it has left, the bytes are the guest's again. 0: they belong to the device until a MESSAGE_SENT event brings `token`
 * back. -EAGAIN: too many are under way (256 at least): try again after the next MESSAGE_SENT.
 */
@external("ringzero", "ring_message") export declare function sys_ring_message(shard: i32, ptr: usize, len: i32, token: u32): i32;
export const SHARD_MESSAGE_MAX: i32 = 32768;

/** RingEvent.kind */
export const RING_ACCEPT: u32 = 1; // fd = the listener, result = the new descriptor
export const RING_RECV: u32 = 2; // ptr, result = bytes (> 0)
export const RING_EOF: u32 = 3; // the peer has shut down its sending side
export const RING_SENT: u32 = 4; // user = the token of ring_send
export const RING_HANGUP: u32 = 5; // the connection is gone (result = 0 or a negated errno): close(fd) is still the guest's to do; SENT events of what was under way come first
export const RING_TIMER: u32 = 6;
export const RING_FILE: u32 = 7; // user = the token
export const RING_READY: u32 = 8; // result = the poll mask
export const RING_SIGNAL: u32 = 9; // result = the signal's number (SIGTERM 15, SIGINT 2): the host asks the guest to end
export const RING_CONNECTED: u32 = 10; // a non-blocking connect ended: result = 0 or a negated errno
export const RING_MESSAGE: u32 = 11; // fd = the shard that it comes from; ptr, result = bytes
export const RING_MESSAGE_SENT: u32 = 12; // fd = the shard, user = the token of ring_message
export const RING_DATAGRAM: u32 = 13; // ptr, result = bytes; the sender's sockaddr lies in the SOCKADDR_SLOT bytes before ptr

/** One event as the kernel writes it: 32 bytes. */
@unmanaged
export class RingEvent {
  kind: u32; // at 0
  fd: i32; // at 4
  user: u32; // at 8
  result: i32; // at 12
  ptr: usize; // at 16
  reserved0: u32; // at 20
  reserved1: u32; // at 24
  reserved2: u32; // at 28
}
export const RING_EVENT_SIZE: i32 = 32;
