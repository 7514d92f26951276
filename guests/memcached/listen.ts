/**
 * The sockets the server listens on.
 */
import { textCopy } from "../lib/raw/bytes";
import { formatI64 } from "../lib/raw/number";
import { sys_bind, sys_close, sys_listen, sys_ring_attach, sys_setsockopt, sys_socket, sys_write } from "../lib/sys";
import { settings } from "./settings";

const AF_INET: i32 = 2;
const SOCK_STREAM: i32 = 1;
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
const message = memory.data(128, 16);

/** Listens on -p; false (and a message) when the port cannot be had. */
export function listenTcp(): bool {
  const fd = sys_socket(AF_INET, SOCK_STREAM, 0);
  let r = fd;
  if (fd >= 0) {
    store<i32>(option, 1);
    sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, option, 4);
    store<u16>(address, <u16>AF_INET);
    store<u16>(address, bswap<u16>(<u16>settings.port), 2);
    store<u32>(address, 0, 4); // 0.0.0.0: which host address it is bound to is the machine's matter
    r = sys_bind(fd, address, 16);
    if (r >= 0) r = sys_listen(fd, settings.backlog);
    if (r >= 0) r = sys_ring_attach(fd, 0);
  }
  if (r >= 0) {
    tcpFd = fd;
    return true;
  }
  let n = textCopy(message, "failed to listen on TCP port ");
  n += formatI64(message + n, settings.port);
  n += textCopy(message + n, ": errno ");
  n += formatI64(message + n, -r);
  store<u8>(message + n, 10);
  sys_write(2, message, n + 1);
  if (fd >= 0) sys_close(fd);
  return false;
}
