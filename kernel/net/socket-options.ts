/**
 * Socket options (socket(7), tcp(7), unix(7), ipv6(7)): their values, get and set. Those that are only kept are in kept-options.ts.
 */
import { EDOM, EINVAL, ENOPROTOOPT, EOPNOTSUPP } from "../abi/errno.ts";
import {
  AF_INET6,
  AF_UNIX,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV6_V6ONLY,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_ERROR,
  SO_LINGER,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RCVTIMEO,
  SO_RCVTIMEO_NEW,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SO_SNDLOWAT,
  SO_SNDTIMEO,
  SO_SNDTIMEO_NEW,
  SO_TYPE,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../abi/socket.ts";
import type { GuestMemory } from "../mem/guest-memory.ts";
import { keptOption } from "./kept-options.ts";
import type { Socket } from "./socket.ts";

/** Linux' rmem_default and wmem_default; the most, and the least, that SO_RCVBUF and SO_SNDBUF set. */
const BUFFER_DEFAULT = 212992;
const BUFFER_MAX = 425984;
const RECEIVE_BUFFER_MIN = 2304;
const SEND_BUFFER_MIN = 4608;
const LINGER_BYTES = 8;
const UCRED_BYTES = 12;
/** `struct timeval` with 64-bit time, and the one of 32 bits that old programs have. */
const TIMEVAL_BYTES = 16;
const OLD_TIMEVAL_BYTES = 8;
/** Bytes of the longest option. */
export const OPTION_BYTES_MAX = 16;

export class SocketOptions {
  reuseAddress = false;
  reusePort = false;
  v6Only = false;
  lingers = false;
  lingerSeconds = 0;
  /** SO_PASSCRED: every message comes with its sender's credentials. */
  passCredentials = false;
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
  if (level !== SOL_SOCKET && socket.domain === AF_UNIX) return -EOPNOTSUPP;
  if (level === SOL_SOCKET && isTimeout(name)) return setTimeoutOption(mem, options, name, ptr, length);
  if (length < 4) return -EINVAL;
  const value = mem.getI32(ptr);
  if (level === SOL_SOCKET && name === SO_LINGER) {
    if (length < LINGER_BYTES) return -EINVAL;
    options.lingers = value !== 0;
    if (options.lingers) options.lingerSeconds = mem.getI32(ptr + 4);
    return 0;
  }
  if (level === IPPROTO_IPV6 && name === IPV6_V6ONLY && socket.domain === AF_INET6) {
    if (socket.bound) return -EINVAL;
    options.v6Only = value !== 0;
    return 0;
  }
  const kept = keptOption(socket, level, name);
  if (kept) {
    const { range } = kept;
    if (range !== "boolean" && (value < range[0] || value > range[1])) return -EINVAL;
    options.keep(level, name, range === "boolean" ? Number(value !== 0) : value);
    return 0;
  }
  return level === SOL_SOCKET ? setSocketLevel(socket, name, value) : -ENOPROTOOPT;
}

function setSocketLevel({ options, domain }: Socket, name: number, value: number): number {
  switch (name) {
    case SO_REUSEADDR:
      options.reuseAddress = value !== 0;
      return 0;
    case SO_REUSEPORT:
      if (domain === AF_UNIX) return -EOPNOTSUPP;
      options.reusePort = value !== 0;
      return 0;
    case SO_RCVBUF: // socket(7): the kernel doubles the value
      options.receiveBytes = Math.min(Math.max(value * 2, RECEIVE_BUFFER_MIN), BUFFER_MAX);
      return 0;
    case SO_SNDBUF:
      options.sendBytes = Math.min(Math.max(value * 2, SEND_BUFFER_MIN), BUFFER_MAX);
      return 0;
    case SO_RCVBUFFORCE:
      options.receiveBytes = Math.max(value * 2, RECEIVE_BUFFER_MIN);
      return 0;
    case SO_SNDBUFFORCE:
      options.sendBytes = Math.max(value * 2, SEND_BUFFER_MIN);
      return 0;
    case SO_PASSCRED:
      options.passCredentials = value !== 0;
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

function isTimeout(name: number): boolean {
  return name === SO_RCVTIMEO || name === SO_SNDTIMEO || name === SO_RCVTIMEO_NEW || name === SO_SNDTIMEO_NEW;
}

function isReceiveTimeout(name: number): boolean {
  return name === SO_RCVTIMEO || name === SO_RCVTIMEO_NEW;
}

/** Zero means for ever; a negative time has passed already, as on Linux: the call does not wait. */
function setTimeoutOption(mem: GuestMemory, options: SocketOptions, name: number, ptr: number, length: number): number {
  const old = length < TIMEVAL_BYTES;
  if (old && (length < OLD_TIMEVAL_BYTES || (name !== SO_RCVTIMEO && name !== SO_SNDTIMEO))) return -EINVAL;
  const seconds = old ? mem.getI32(ptr) : mem.getI64(ptr);
  const micros = old ? mem.getI32(ptr + 4) : mem.getI64(ptr + 8);
  if (micros < 0 || micros >= 1e6) return -EDOM;
  const ms = seconds < 0 ? 0 : seconds === 0 && micros === 0 ? -1 : seconds * 1000 + micros / 1000;
  if (isReceiveTimeout(name)) options.receiveTimeoutMs = ms;
  else options.sendTimeoutMs = ms;
  return 0;
}

/** getsockopt(2): writes the value into `out` (OPTION_BYTES_MAX bytes) and returns its length, or a negated errno. `room`: the caller's. */
export function getOption(socket: Socket, level: number, name: number, out: DataView, room: number): number {
  const { options } = socket;
  if (level !== SOL_SOCKET && socket.domain === AF_UNIX) return -EOPNOTSUPP;
  if (level === SOL_SOCKET && isTimeout(name)) {
    const ms = Math.max(0, isReceiveTimeout(name) ? options.receiveTimeoutMs : options.sendTimeoutMs);
    const seconds = Math.floor(ms / 1000);
    const micros = Math.round((ms - seconds * 1000) * 1000);
    if (room < TIMEVAL_BYTES && (name === SO_RCVTIMEO || name === SO_SNDTIMEO)) {
      out.setInt32(0, Math.min(seconds, 0x7fffffff), true);
      out.setInt32(4, micros, true);
      return OLD_TIMEVAL_BYTES;
    }
    out.setBigInt64(0, BigInt(seconds), true);
    out.setBigInt64(8, BigInt(micros), true);
    return TIMEVAL_BYTES;
  }
  if (level === SOL_SOCKET && name === SO_LINGER) {
    out.setInt32(0, Number(options.lingers), true);
    out.setInt32(4, options.lingerSeconds, true);
    return LINGER_BYTES;
  }
  if (level === SOL_SOCKET && name === SO_PEERCRED) {
    const peer = socket.peerCredentials ?? { pid: 0, uid: -1, gid: -1 };
    out.setInt32(0, peer.pid, true);
    out.setInt32(4, peer.uid, true);
    out.setInt32(8, peer.gid, true);
    return UCRED_BYTES;
  }
  const value = intOption(socket, level, name);
  if (value === null) return knowsLevel(socket, level) ? -ENOPROTOOPT : -EOPNOTSUPP;
  out.setInt32(0, value, true);
  return 4;
}

function knowsLevel({ domain, type }: Socket, level: number): boolean {
  if (level === IPPROTO_TCP) return type === SOCK_STREAM;
  return level === SOL_SOCKET || level === IPPROTO_IP || (level === IPPROTO_IPV6 && domain === AF_INET6);
}

function intOption(socket: Socket, level: number, name: number): number | null {
  const { options } = socket;
  if (level === IPPROTO_IPV6 && name === IPV6_V6ONLY && socket.domain === AF_INET6) return Number(options.v6Only);
  const kept = keptOption(socket, level, name);
  if (kept) return options.kept(level, name, kept.fallback);
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
      return socket.domain === AF_UNIX ? 0 : socket.type === SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    case SO_ERROR:
      return socket.takeError();
    case SO_ACCEPTCONN:
      return Number(socket.listening);
    case SO_RCVBUF:
      return options.receiveBytes;
    case SO_SNDBUF:
      return options.sendBytes;
    case SO_SNDLOWAT:
      return 1;
    case SO_PASSCRED:
      return Number(options.passCredentials);
    default:
      return null;
  }
}
