/**
 * System calls on sockets, as Linux programs make them: those of the native personality, and what Linux has besides.
 */
import { EPIPE } from "../../abi/errno.ts";
import { MSG_NOSIGNAL, SOCK_STREAM } from "../../abi/socket.ts";
import { isSocket } from "../../net/socket.ts";
import type { Process } from "../../process/process.ts";
import type { Row } from "../row.ts";
import {
  sys_sendto as sendto,
  sys_accept4,
  sys_bind,
  sys_connect,
  sys_getpeername,
  sys_getsockname,
  sys_getsockopt,
  sys_listen,
  sys_recvfrom,
  sys_setsockopt,
  sys_shutdown,
  sys_socket,
  sys_socketpair,
} from "../socket.ts";
import { raiseBrokenPipe } from "./call-signal.ts";
import { sys_recvmmsg, sys_recvmsg, sys_sendmmsg, sys_sendmsg } from "./message.ts";
import { linuxRow, RESTARTS } from "./row.ts";

/** accept(2). */
export function sys_accept(k: Process, fd: number, addr: number, addrlen: number): number {
  return sys_accept4(k, fd, addr, addrlen, 0);
}

/** sendto(2): EPIPE comes with SIGPIPE, unless MSG_NOSIGNAL. */
export function sys_sendto(
  k: Process,
  fd: number,
  buf: number,
  len: number,
  flags: number,
  addr: number,
  addrlen: number,
): number {
  const result = sendto(k, fd, buf, len, flags, addr, addrlen);
  if (result !== -EPIPE || flags & MSG_NOSIGNAL) return result;
  const file = k.fds.get(fd);
  return file && isSocket(file) && file.type === SOCK_STREAM ? raiseBrokenPipe(k, result) : result;
}

export const SOCKET_ROWS: readonly Row[] = [
  linuxRow(41, "socket", "domain:i32 type:i32 protocol:i32", sys_socket, {
    partial: "AF_INET, AF_INET6, AF_UNIX; streams, datagrams, AF_UNIX sequenced packets",
  }),
  linuxRow(42, "connect", "fd:fd addr:ptr addrlen:i32", sys_connect, RESTARTS),
  linuxRow(43, "accept", "fd:fd addr:ptr addrlen:ptr", sys_accept, RESTARTS),
  linuxRow(44, "sendto", "fd:fd buf:ptr len:i32 flags:i32 addr:ptr addrlen:i32", sys_sendto, RESTARTS),
  linuxRow(45, "recvfrom", "fd:fd buf:ptr len:i32 flags:i32 addr:ptr addrlen:ptr", sys_recvfrom, RESTARTS),
  linuxRow(46, "sendmsg", "fd:fd msg:ptr flags:i32", sys_sendmsg, RESTARTS),
  linuxRow(47, "recvmsg", "fd:fd msg:ptr flags:i32", sys_recvmsg, RESTARTS),
  linuxRow(48, "shutdown", "fd:fd how:i32", sys_shutdown),
  linuxRow(49, "bind", "fd:fd addr:ptr addrlen:i32", sys_bind),
  linuxRow(50, "listen", "fd:fd backlog:i32", sys_listen),
  linuxRow(51, "getsockname", "fd:fd addr:ptr addrlen:ptr", sys_getsockname),
  linuxRow(52, "getpeername", "fd:fd addr:ptr addrlen:ptr", sys_getpeername),
  linuxRow(53, "socketpair", "domain:i32 type:i32 protocol:i32 sv:ptr", sys_socketpair),
  linuxRow(54, "setsockopt", "fd:fd level:i32 optname:i32 optval:ptr optlen:i32", sys_setsockopt),
  linuxRow(55, "getsockopt", "fd:fd level:i32 optname:i32 optval:ptr optlen:ptr", sys_getsockopt),
  linuxRow(288, "accept4", "fd:fd addr:ptr addrlen:ptr flags:i32", sys_accept4, RESTARTS),
  linuxRow(299, "recvmmsg", "fd:fd msgvec:ptr vlen:i32 flags:i32 timeout:ptr", sys_recvmmsg, {
    ...RESTARTS,
    partial: "waits for the first message only",
  }),
  linuxRow(307, "sendmmsg", "fd:fd msgvec:ptr vlen:i32 flags:i32", sys_sendmmsg, {
    ...RESTARTS,
    partial: "waits for the first message only",
  }),
];
