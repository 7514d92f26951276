/**
 * The sockets the server listens on.
 */
import { sys_bind, sys_close, sys_getsockname, sys_listen, sys_ring_attach, sys_ring_datagrams, sys_setsockopt, sys_socket } from "../lib/sys";
import { sayBytes, sayEnd, sayInt, sayText } from "./console";
import { addressPort, addressProtocol, nextAddress } from "./listen-address";
import { portsFileLine } from "./ports-file";
import { settings } from "./settings";
import { stats } from "./stats";
import { udpInit } from "./udp";

const AF_INET: i32 = 2;
const SOCK_STREAM: i32 = 1;
const SOCK_DGRAM: i32 = 2;
const SOL_SOCKET: i32 = 1;
const SO_REUSEADDR: i32 = 2;
const ENFILE: i32 = 23;

/** What a descriptor listens for. */
export const LISTENS_NOT: i32 = 0;
export const LISTENS_TCP: i32 = 1;
export const LISTENS_UDP: i32 = 2;

/** More ports than this -l cannot name. */
const TCP_MAX: i32 = 64;
/** Descriptors and guest ports (i32 each) of the TCP sockets. */
const tcp = memory.data(512, 16);
let tcpCount: i32 = 0;
let udpFd: i32 = -1;

export function listenKind(fd: i32): i32 {
  if (fd == udpFd) return LISTENS_UDP;
  for (let i = 0; i < tcpCount; i++) if (load<i32>(tcp + (<usize>i << 3)) == fd) return LISTENS_TCP;
  return LISTENS_NOT;
}
/** One more than the largest listening descriptor. */
export function listenMax(): i32 {
  let last = udpFd;
  for (let i = 0; i < tcpCount; i++) last = max(last, load<i32>(tcp + (<usize>i << 3)));
  return last + 1;
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

/** The port that a socket has been given, when any would do. */
function portOf(fd: i32): i32 {
  store<i32>(option, 16);
  sys_getsockname(fd, address, option);
  return bswap<u16>(load<u16>(address, 2));
}

/** Listens on one port; whoever connects there speaks `protocol`. */
function listenOn(port: i32, protocol: i32): bool {
  if (port == -1) port = 0; // any
  for (let i = 0; i < tcpCount; i++) if (port && load<i32>(tcp + (<usize>i << 3), 4) == port) return true;
  if (tcpCount == TCP_MAX) return failed("TCP", port, -ENFILE);
  let fd = bound(SOCK_STREAM, port);
  if (fd >= 0) {
    let r = sys_listen(fd, settings.backlog);
    if (r >= 0) r = sys_ring_attach(fd, protocol);
    if (r < 0) fd = r;
  }
  if (fd < 0) return failed("TCP", port, fd);
  port = portOf(fd);
  store<i32>(tcp + (<usize>tcpCount << 3), fd);
  store<i32>(tcp + (<usize>tcpCount << 3), port, 4);
  tcpCount++;
  portsFileLine("TCP INET: ", port);
  // A listening socket counts as a connection, as in memcached.
  stats.totalConns++;
  return true;
}

/** Listens on -p, or on the ports that -l names; false (and a message) when one of them cannot be had. */
export function listenTcp(): bool {
  const list = settings.inter;
  if (!list) return listenOn(settings.port, settings.bindingProtocol);
  const end = list + 4 + load<u32>(list);
  for (let p = list + 4; p < end; ) {
    p = nextAddress(p, end, settings.port);
    if (!p || !listenOn(addressPort, addressProtocol)) return refused(list);
  }
  return true;
}

function refused(list: usize): bool {
  sayText("failed to listen on one of interface(s) ");
  sayBytes(list + 4, load<u32>(list));
  sayEnd(2);
  return false;
}

/** Takes datagrams on -U, or on the port of the first address after -l. */
export function listenUdp(): bool {
  const list = settings.inter;
  let port = settings.udpport;
  if (list) {
    if (!nextAddress(list + 4, list + 4 + load<u32>(list), port)) return refused(list);
    port = addressPort;
  }
  if (port == -1) port = 0; // any
  let fd = bound(SOCK_DGRAM, port);
  if (fd >= 0) {
    const r = sys_ring_datagrams(fd, 0);
    if (r < 0) fd = r;
  }
  if (fd < 0) return failed("UDP", port, fd);
  udpFd = fd;
  portsFileLine("UDP INET: ", portOf(fd));
  udpInit(fd);
  return true;
}
