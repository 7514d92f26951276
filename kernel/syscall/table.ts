/**
 * The system-call table: every call that the kernel answers, as data. Whoever adds a handler adds its row here; a row without a
 * test fails the build (test/kernel/syscall/table.test.ts).
 */

import { sys_dup, sys_dup3, sys_fcntl, sys_ioctl } from "./descriptor.ts";
import {
  sys_chdir,
  sys_faccessat,
  sys_fchmodat,
  sys_fstatat,
  sys_getcwd,
  sys_getdents64,
  sys_linkat,
  sys_mkdirat,
  sys_readlinkat,
  sys_renameat,
  sys_statfs,
  sys_symlinkat,
  sys_unlinkat,
  sys_utimensat,
} from "./directory.ts";
import { sys_epoll_create1, sys_epoll_ctl, sys_epoll_wait } from "./epoll.ts";
import { sys_eventfd2 } from "./eventfd.ts";
import {
  sys_close,
  sys_fdatasync,
  sys_fstat,
  sys_fsync,
  sys_ftruncate,
  sys_lseek,
  sys_openat,
  sys_pread,
  sys_pwrite,
  sys_read,
  sys_readv,
  sys_write,
  sys_writev,
} from "./file.ts";
import { sys_pipe2 } from "./pipe.ts";
import { sys_poll } from "./poll.ts";
import {
  sys_arg_copy,
  sys_arg_count,
  sys_arg_length,
  sys_env_copy,
  sys_env_count,
  sys_env_length,
  sys_exit,
  sys_exit_group,
  sys_getpid,
  sys_getppid,
  sys_getrandom,
  sys_memory_limit,
  sys_sysinfo,
  sys_uname,
} from "./process.ts";
import {
  sys_ring_attach,
  sys_ring_buffers,
  sys_ring_datagrams,
  sys_ring_fsync,
  sys_ring_pause,
  sys_ring_read,
  sys_ring_send,
  sys_ring_sendto,
  sys_ring_setup,
  sys_ring_timer,
  sys_ring_timer_cancel,
  sys_ring_user,
  sys_ring_write,
} from "./ring.ts";
import { type Row, row } from "./row.ts";
import { sys_ring_message, sys_ring_messages, sys_shard_count, sys_shard_secret, sys_shard_self } from "./shard.ts";
import {
  sys_accept4,
  sys_bind,
  sys_connect,
  sys_getpeername,
  sys_getsockname,
  sys_getsockopt,
  sys_listen,
  sys_recvfrom,
  sys_sendto,
  sys_setsockopt,
  sys_shutdown,
  sys_socket,
  sys_socketpair,
} from "./socket.ts";
import { sys_futex, sys_gettid, sys_sched_yield, sys_thread_join, sys_thread_spawn } from "./thread.ts";
import { sys_clock_gettime, sys_clock_ms, sys_sleep_ms } from "./time.ts";
import { sys_timerfd_create, sys_timerfd_gettime, sys_timerfd_settime } from "./timerfd.ts";

const blocks = { blocks: true } as const;
const PATHS = "paths are (address, length), not NUL-terminated";
const NO_USERS = "one user, root: permission bits are kept and reported, access is never refused for them";

export const TABLE: readonly Row[] = [
  // Files.
  row(0, "read", "fd:fd buf:ptr count:i32", sys_read, blocks),
  row(1, "write", "fd:fd buf:ptr count:i32", sys_write, blocks),
  row(3, "close", "fd:fd", sys_close),
  row(5, "fstat", "fd:fd statbuf:ptr", sys_fstat, blocks),
  row(7, "poll", "fds:ptr nfds:i32 timeoutMs:i32", sys_poll, blocks),
  row(8, "lseek", "fd:fd offset:f64 whence:i32", sys_lseek, { blocks: true, result: "f64" }),
  row(16, "ioctl", "fd:fd request:i32 arg:ptr", sys_ioctl, { partial: "FIONREAD, FIONBIO, TIOCGWINSZ on the console" }),
  row(17, "pread", "fd:fd buf:ptr count:i32 offset:f64", sys_pread, blocks),
  row(18, "pwrite", "fd:fd buf:ptr count:i32 offset:f64", sys_pwrite, blocks),
  row(19, "readv", "fd:fd iov:ptr iovcnt:i32", sys_readv, blocks),
  row(20, "writev", "fd:fd iov:ptr iovcnt:i32", sys_writev, blocks),
  row(32, "dup", "oldfd:fd", sys_dup),
  row(72, "fcntl", "fd:fd cmd:i32 arg:i32", sys_fcntl, { partial: "no record locks, no F_SETOWN" }),
  row(74, "fsync", "fd:fd", sys_fsync, blocks),
  row(75, "fdatasync", "fd:fd", sys_fdatasync, blocks),
  row(77, "ftruncate", "fd:fd length:f64", sys_ftruncate, blocks),
  row(79, "getcwd", "buf:ptr size:i32", sys_getcwd, { note: "the length, without a NUL" }),
  row(80, "chdir", "path:ptr pathLength:i32", sys_chdir, { blocks: true, note: PATHS }),
  row(137, "statfs", "path:ptr pathLength:i32 buf:ptr", sys_statfs, { blocks: true, note: PATHS }),
  row(217, "getdents64", "fd:fd dirp:ptr count:i32", sys_getdents64, blocks),
  row(257, "openat", "dirfd:fd path:ptr pathLength:i32 flags:i32 mode:i32", sys_openat, { blocks: true, note: PATHS }),
  row(258, "mkdirat", "dirfd:fd path:ptr pathLength:i32 mode:i32", sys_mkdirat, { blocks: true, note: PATHS }),
  row(262, "fstatat", "dirfd:fd path:ptr pathLength:i32 statbuf:ptr flags:i32", sys_fstatat, {
    blocks: true,
    note: PATHS,
  }),
  row(263, "unlinkat", "dirfd:fd path:ptr pathLength:i32 flags:i32", sys_unlinkat, { blocks: true, note: PATHS }),
  row(264, "renameat", "olddirfd:fd oldPath:ptr oldLength:i32 newdirfd:fd newPath:ptr newLength:i32", sys_renameat, {
    blocks: true,
    note: PATHS,
  }),
  row(
    265,
    "linkat",
    "olddirfd:fd oldPath:ptr oldLength:i32 newdirfd:fd newPath:ptr newLength:i32 flags:i32",
    sys_linkat,
    { blocks: true, note: PATHS },
  ),
  row(266, "symlinkat", "target:ptr targetLength:i32 newdirfd:fd path:ptr pathLength:i32", sys_symlinkat, {
    blocks: true,
    note: PATHS,
  }),
  row(267, "readlinkat", "dirfd:fd path:ptr pathLength:i32 buf:ptr bufsiz:i32", sys_readlinkat, {
    blocks: true,
    note: PATHS,
  }),
  row(268, "fchmodat", "dirfd:fd path:ptr pathLength:i32 mode:i32", sys_fchmodat, { blocks: true, partial: NO_USERS }),
  row(269, "faccessat", "dirfd:fd path:ptr pathLength:i32 mode:i32 flags:i32", sys_faccessat, {
    blocks: true,
    partial: NO_USERS,
  }),
  row(280, "utimensat", "dirfd:fd path:ptr pathLength:i32 times:ptr flags:i32", sys_utimensat, {
    blocks: true,
    note: PATHS,
  }),
  row(283, "timerfd_create", "clockid:i32 flags:i32", sys_timerfd_create),
  row(286, "timerfd_settime", "fd:fd flags:i32 newValue:ptr oldValue:ptr", sys_timerfd_settime),
  row(287, "timerfd_gettime", "fd:fd currValue:ptr", sys_timerfd_gettime),
  row(290, "eventfd2", "initval:i32 flags:i32", sys_eventfd2),
  row(292, "dup3", "oldfd:fd newfd:fd flags:i32", sys_dup3),
  row(293, "pipe2", "pipefd:ptr flags:i32", sys_pipe2),

  // Sockets.
  row(41, "socket", "domain:i32 type:i32 protocol:i32", sys_socket, {
    partial: "AF_INET, AF_INET6, AF_UNIX; stream and datagram",
  }),
  row(42, "connect", "fd:fd addr:ptr addrlen:i32", sys_connect, blocks),
  row(44, "sendto", "fd:fd buf:ptr len:i32 flags:i32 addr:ptr addrlen:i32", sys_sendto, blocks),
  row(45, "recvfrom", "fd:fd buf:ptr len:i32 flags:i32 addr:ptr addrlen:ptr", sys_recvfrom, blocks),
  row(48, "shutdown", "fd:fd how:i32", sys_shutdown),
  row(49, "bind", "fd:fd addr:ptr addrlen:i32", sys_bind),
  row(50, "listen", "fd:fd backlog:i32", sys_listen),
  row(51, "getsockname", "fd:fd addr:ptr addrlen:ptr", sys_getsockname),
  row(52, "getpeername", "fd:fd addr:ptr addrlen:ptr", sys_getpeername),
  row(53, "socketpair", "domain:i32 type:i32 protocol:i32 sv:ptr", sys_socketpair),
  row(54, "setsockopt", "fd:fd level:i32 optname:i32 optval:ptr optlen:i32", sys_setsockopt),
  row(55, "getsockopt", "fd:fd level:i32 optname:i32 optval:ptr optlen:ptr", sys_getsockopt),
  row(288, "accept4", "fd:fd addr:ptr addrlen:ptr flags:i32", sys_accept4, blocks),

  // Readiness.
  row(232, "epoll_wait", "epfd:fd events:ptr maxevents:i32 timeoutMs:i32", sys_epoll_wait, blocks),
  row(233, "epoll_ctl", "epfd:fd op:i32 fd:fd event:ptr", sys_epoll_ctl),
  row(291, "epoll_create1", "flags:i32", sys_epoll_create1),

  // Time, process, threads.
  row(24, "sched_yield", "", sys_sched_yield, blocks),
  row(39, "getpid", "", sys_getpid),
  row(60, "exit", "status:i32", sys_exit, { result: "void" }),
  row(63, "uname", "buf:ptr", sys_uname),
  row(99, "sysinfo", "info:ptr", sys_sysinfo),
  row(110, "getppid", "", sys_getppid),
  row(186, "gettid", "", sys_gettid),
  row(202, "futex", "uaddr:ptr op:i32 val:i32 timeoutMs:f64", sys_futex, {
    blocks: true,
    partial: "FUTEX_WAIT and FUTEX_WAKE",
  }),
  row(228, "clock_gettime", "clockid:i32 tp:ptr", sys_clock_gettime, { partial: "the real-time and monotonic clocks" }),
  row(231, "exit_group", "status:i32", sys_exit_group, { result: "void" }),
  row(318, "getrandom", "buf:ptr buflen:i32 flags:i32", sys_getrandom),

  // Ringzero's own.
  row(1000, "clock_ms", "clockid:i32", sys_clock_ms, { result: "f64" }),
  row(1001, "sleep_ms", "ms:f64", sys_sleep_ms, blocks),
  row(1002, "memory_limit", "", sys_memory_limit, { result: "f64" }),
  row(1003, "arg_count", "", sys_arg_count),
  row(1004, "arg_length", "index:i32", sys_arg_length),
  row(1005, "arg_copy", "index:i32 buf:ptr size:i32", sys_arg_copy),
  row(1006, "env_count", "", sys_env_count),
  row(1007, "env_length", "index:i32", sys_env_length),
  row(1008, "env_copy", "index:i32 buf:ptr size:i32", sys_env_copy),
  row(1009, "thread_spawn", "fn:i32 arg:i32", sys_thread_spawn),
  row(1010, "thread_join", "tid:i32 status:ptr", sys_thread_join, blocks),
  row(1020, "ring_setup", "events:ptr capacity:i32", sys_ring_setup),
  row(1021, "ring_buffers", "base:ptr size:i32 count:i32", sys_ring_buffers),
  row(1022, "ring_attach", "fd:fd user:i32", sys_ring_attach),
  row(1023, "ring_user", "fd:fd user:i32", sys_ring_user),
  row(1024, "ring_send", "fd:fd ptr:ptr len:i32 token:i32", sys_ring_send),
  row(1025, "ring_pause", "fd:fd paused:i32", sys_ring_pause),
  row(1026, "ring_timer", "delayMs:f64 user:i32", sys_ring_timer),
  row(1027, "ring_timer_cancel", "id:i32", sys_ring_timer_cancel),
  row(1028, "ring_read", "fd:fd ptr:ptr len:i32 offset:f64 token:i32", sys_ring_read),
  row(1029, "ring_write", "fd:fd ptr:ptr len:i32 offset:f64 token:i32", sys_ring_write),
  row(1030, "ring_fsync", "fd:fd datasync:i32 token:i32", sys_ring_fsync),
  row(1031, "ring_datagrams", "fd:fd user:i32", sys_ring_datagrams),
  row(1032, "ring_sendto", "fd:fd ptr:ptr len:i32", sys_ring_sendto),
  row(1040, "shard_self", "", sys_shard_self),
  row(1041, "shard_count", "", sys_shard_count),
  row(1042, "ring_messages", "base:ptr count:i32", sys_ring_messages),
  row(1043, "ring_message", "shard:i32 ptr:ptr len:i32 token:i32", sys_ring_message),
  row(1044, "shard_secret", "buf:ptr", sys_shard_secret, { note: "16 bytes, the same in all shards of a machine" }),
];

/** By name. */
export const ROWS: ReadonlyMap<string, Row> = new Map(TABLE.map((entry) => [entry.name, entry]));
