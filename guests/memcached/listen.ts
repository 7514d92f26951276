/**
 * The sockets the server listens on.
 */
import { sys_bind, sys_close, sys_listen, sys_ring_attach, sys_ring_datagrams, sys_setsockopt, sys_socket } from "../lib/sys";
import { sayEnd, sayInt, sayText } from "./console";
import { settings } from "./settings";
import { stats } from "./stats";
import { udpInit } from "./udp";

const AF_INET: i32 = 2;
const SOCK_STREAM: i32 = 1;
const SOCK_DGRAM: i32 = 2;
const SOL_SOCKET: i32 = 1;
const SO_REUSEADDR: i32 = 2;

/** What a descriptor listens for. */
export const LISTENS_NOT: i32 = 0;
export const LISTENS_TCP: i32 = 1;
export const LISTENS_UDP: i32 = 2;

export let tcpFd: i32 = -1;
export let udpFd: i32 = -1;

export function listenKind(fd: i32): i32 {
  return fd == tcpFd ? LISTENS_TCP : fd == udpFd ? LISTENS_UDP : LISTENS_NOT;
}
/** One more than the largest listening descriptor. */
export function listenMax(): i32 {
  return max(tcpFd, udpFd) + 1;
}

const address = memory.data(16, 16);
const option = memory.data(4, 4);

/** A bound socket, or a negated errno. */
function bound(type: i32, port: i32): i32 {
  const fd = sys_socket(AF_INET, type, 0);
  if (fd < 0) return fd;
  store<i32>(option, 1);
  sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, option, 4);
  store<u16>(address, <u16>AF_INET);
  store<u16>(address, bswap<u16>(<u16>port), 2);
  store<u32>(address, 0, 4); // 0.0.0.0: which host address it is bound to is the machine's matter
  const r = sys_bind(fd, address, 16);
  if (r >= 0) return fd;
  sys_close(fd);
  return r;
}

function failed(protocol: string, port: i32, result: i32): bool {
  sayText("failed to listen on ");
  sayText(protocol);
  sayText(" port ");
  sayInt(port);
  sayText(": errno ");
  sayInt(-result);
  sayEnd(2);
  return false;
}

/** Listens on -p; false (and a message) when the port cannot be had. */
export function listenTcp(): bool {
  let fd = bound(SOCK_STREAM, settings.port);
  if (fd >= 0) {
    let r = sys_listen(fd, settings.backlog);
    if (r >= 0) r = sys_ring_attach(fd, 0);
    if (r < 0) fd = r;
  }
  if (fd < 0) return failed("TCP", settings.port, fd);
  tcpFd = fd;
  // A listening socket counts as a connection, as in memcached.
  stats.totalConns++;
  return true;
}

/** Takes datagrams on -U. */
export function listenUdp(): bool {
  let fd = bound(SOCK_DGRAM, settings.udpport);
  if (fd >= 0) {
    const r = sys_ring_datagrams(fd, 0);
    if (r < 0) fd = r;
  }
  if (fd < 0) return failed("UDP", settings.udpport, fd);
  udpFd = fd;
  udpInit(fd);
  return true;
}
