/**
 * Socket options (socket(7), tcp(7), ipv6(7)): their values, get and set. What has no meaning in a machine without packets of
 * its own (keep-alive, priorities, buffer sizes) is kept and reported, so that programs find what they set.
 */
import { EDOM, EINVAL, ENOPROTOOPT } from "../abi/errno.ts";
import {
  AF_INET6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_DOMAIN,
  SO_DONTROUTE,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_OOBINLINE,
  SO_PRIORITY,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDTIMEO,
  SO_TIMESTAMP,
  SO_TYPE,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_CORK,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_MAXSEG,
  TCP_NODELAY,
  TCP_USER_TIMEOUT,
} from "../abi/socket.ts";
import type { GuestMemory } from "../mem/guest-memory.ts";
import type { Socket } from "./socket.ts";

/** Linux' rmem_default and wmem_default; rmem_max; the least that SO_RCVBUF sets. */
const BUFFER_DEFAULT = 212992;
const BUFFER_MAX = 425984;
const BUFFER_MIN = 2304;
const TIMEVAL_BYTES = 16;
const LINGER_BYTES = 8;

const TCP_DEFAULTS: readonly [number, number][] = [
  [TCP_NODELAY, 0],
  [TCP_MAXSEG, 536],
  [TCP_CORK, 0],
  [TCP_KEEPIDLE, 7200],
  [TCP_KEEPINTVL, 75],
  [TCP_KEEPCNT, 9],
  [TCP_USER_TIMEOUT, 0],
];

export class SocketOptions {
  reuseAddress = false;
  reusePort = false;
  v6Only = false;
  lingers = false;
  lingerSeconds = 0;
  receiveBytes = BUFFER_DEFAULT;
  sendBytes = BUFFER_DEFAULT;
  /** Milliseconds; -1: none. */
  receiveTimeoutMs = -1;
  sendTimeoutMs = -1;
  /** Options that are only kept, by level * 65536 + name. */
  readonly #kept = new Map<number, number>();

  /** A listener's options go to what it accepts. */
  copyTo(other: SocketOptions): void {
    Object.assign(other, this);
    for (const [key, value] of this.#kept) other.#kept.set(key, value);
  }

  keep(level: number, name: number, value: number): void {
    this.#kept.set(level * 65536 + name, value);
  }

  kept(level: number, name: number, fallback: number): number {
    return this.#kept.get(level * 65536 + name) ?? fallback;
  }
}

/** setsockopt(2) of `length` valid bytes at `ptr`. */
export function setOption(
  mem: GuestMemory,
  socket: Socket,
  level: number,
  name: number,
  ptr: number,
  length: number,
): number {
  const { options } = socket;
  if (level === SOL_SOCKET && (name === SO_RCVTIMEO || name === SO_SNDTIMEO)) {
    if (length < TIMEVAL_BYTES) return -EINVAL;
    const micros = mem.getI64(ptr + 8);
    if (micros < 0 || micros >= 1e6) return -EDOM;
    const ms = mem.getI64(ptr) * 1000 + micros / 1000;
    if (name === SO_RCVTIMEO) options.receiveTimeoutMs = ms > 0 ? ms : -1;
    else options.sendTimeoutMs = ms > 0 ? ms : -1;
    return 0;
  }
  if (length < 4) return -EINVAL;
  const value = mem.getI32(ptr);
  if (level === SOL_SOCKET) {
    if (name !== SO_LINGER) return setSocketLevel(options, name, value);
    if (length < LINGER_BYTES) return -EINVAL;
    options.lingers = value !== 0;
    options.lingerSeconds = mem.getI32(ptr + 4);
    return 0;
  }
  if (level === IPPROTO_TCP) {
    if (socket.type !== SOCK_STREAM || !TCP_DEFAULTS.some(([known]) => known === name)) return -ENOPROTOOPT;
    if (name >= TCP_KEEPIDLE && name <= TCP_KEEPCNT && (value < 1 || value > 32767)) return -EINVAL;
    options.keep(level, name, name === TCP_NODELAY || name === TCP_CORK ? Number(value !== 0) : value);
    return 0;
  }
  if (level === IPPROTO_IPV6) {
    if (socket.domain !== AF_INET6) return -ENOPROTOOPT;
    if (name === IPV6_V6ONLY) {
      if (socket.bound) return -EINVAL;
      options.v6Only = value !== 0;
    } else options.keep(level, name, value);
    return 0;
  }
  if (level !== IPPROTO_IP || socket.domain === 1) return -ENOPROTOOPT;
  options.keep(level, name, value);
  return 0;
}

function setSocketLevel(options: SocketOptions, name: number, value: number): number {
  switch (name) {
    case SO_REUSEADDR:
      options.reuseAddress = value !== 0;
      return 0;
    case SO_REUSEPORT:
      options.reusePort = value !== 0;
      return 0;
    case SO_RCVBUF: // socket(7): the kernel doubles the value
      options.receiveBytes = Math.min(Math.max(value * 2, BUFFER_MIN), BUFFER_MAX);
      return 0;
    case SO_SNDBUF:
      options.sendBytes = Math.min(Math.max(value * 2, BUFFER_MIN), BUFFER_MAX);
      return 0;
    case SO_KEEPALIVE:
    case SO_BROADCAST:
    case SO_DONTROUTE:
    case SO_OOBINLINE:
    case SO_TIMESTAMP:
      options.keep(SOL_SOCKET, name, Number(value !== 0));
      return 0;
    case SO_PRIORITY:
      options.keep(SOL_SOCKET, name, value);
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

/** getsockopt(2): writes the value into `out` (16 bytes) and returns its length, or a negated errno. */
export function getOption(socket: Socket, level: number, name: number, out: DataView): number {
  const { options } = socket;
  if (level === SOL_SOCKET && (name === SO_RCVTIMEO || name === SO_SNDTIMEO)) {
    const ms = Math.max(0, name === SO_RCVTIMEO ? options.receiveTimeoutMs : options.sendTimeoutMs);
    out.setBigInt64(0, BigInt(Math.floor(ms / 1000)), true);
    out.setBigInt64(8, BigInt(Math.round((ms % 1000) * 1000)), true);
    return TIMEVAL_BYTES;
  }
  if (level === SOL_SOCKET && name === SO_LINGER) {
    out.setInt32(0, Number(options.lingers), true);
    out.setInt32(4, options.lingerSeconds, true);
    return LINGER_BYTES;
  }
  const value = intOption(socket, level, name);
  if (value === null) return -ENOPROTOOPT;
  out.setInt32(0, value, true);
  return 4;
}

function intOption(socket: Socket, level: number, name: number): number | null {
  const { options } = socket;
  if (level === IPPROTO_TCP) {
    const known = TCP_DEFAULTS.find(([option]) => option === name);
    return known && socket.type === SOCK_STREAM ? options.kept(level, name, known[1]) : null;
  }
  if (level === IPPROTO_IPV6 && socket.domain === AF_INET6) {
    return name === IPV6_V6ONLY ? Number(options.v6Only) : options.kept(level, name, 0);
  }
  if (level === IPPROTO_IP && socket.domain !== 1) return options.kept(level, name, 0);
  if (level !== SOL_SOCKET) return null;
  switch (name) {
    case SO_REUSEADDR:
      return Number(options.reuseAddress);
    case SO_REUSEPORT:
      return Number(options.reusePort);
    case SO_TYPE:
      return socket.type;
    case SO_DOMAIN:
      return socket.domain;
    case SO_PROTOCOL:
      return socket.domain === 1 ? 0 : socket.type === SOCK_STREAM ? 6 : 17;
    case SO_ERROR:
      return socket.takeError();
    case SO_ACCEPTCONN:
      return Number(socket.listening);
    case SO_RCVBUF:
      return options.receiveBytes;
    case SO_SNDBUF:
      return options.sendBytes;
    case SO_KEEPALIVE:
    case SO_BROADCAST:
    case SO_DONTROUTE:
    case SO_OOBINLINE:
    case SO_TIMESTAMP:
    case SO_PRIORITY:
      return options.kept(SOL_SOCKET, name, 0);
    default:
      return null;
  }
}
