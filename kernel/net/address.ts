/**
 * Socket addresses: `struct sockaddr_in`, `sockaddr_in6` and `sockaddr_un` (ip(7), ipv6(7), unix(7)) as values.
 *
 * An Address never changes once made. `host` has 4 or 16 bytes, network order; `path` is a byte string, with a leading NUL for the
 * abstract namespace, "" for a socket without a name. What is read here comes from the guest or from a device: it is checked.
 */
import { EAFNOSUPPORT, EFAULT, EINVAL } from "../abi/errno.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_UNSPEC,
  SOCKADDR_IN_BYTES,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_UN_BYTES,
} from "../abi/socket.ts";
import { fromBytes, writeBytes } from "../fs/byte-string.ts";
import type { GuestMemory } from "../mem/guest-memory.ts";

export interface Address {
  readonly family: number;
  readonly host: Uint8Array;
  readonly port: number;
  readonly path: string;
}

/** sizeof struct sockaddr_storage: nothing longer is an address. */
const SOCKADDR_STORAGE_BYTES = 128;
const NO_HOST = new Uint8Array(0);

export const UNSPECIFIED: Address = { family: AF_UNSPEC, host: NO_HOST, port: 0, path: "" };
export const UNNAMED: Address = { family: AF_UNIX, host: NO_HOST, port: 0, path: "" };

export function inet(family: number, host: Uint8Array, port: number): Address {
  return { family, host, port, path: "" };
}

/** 0.0.0.0 or ::, with `port`. */
export function anyAddress(family: number, port = 0): Address {
  return inet(family, new Uint8Array(family === AF_INET6 ? 16 : 4), port);
}

/** 127.0.0.1 or ::1. */
export function loopbackAddress(family: number, port: number): Address {
  const { host } = anyAddress(family);
  host[host.length - 1] = 1;
  if (family === AF_INET) host[0] = 127;
  return inet(family, host, port);
}

export function isAny(address: Address): boolean {
  const { host } = address;
  for (let i = 0; i < host.length; i++) if (host[i] !== 0) return false;
  return true;
}

/** The four bytes of an IPv4 address, be it mapped into IPv6 (::ffff:a.b.c.d); null if it is none. */
export function ipv4Of(address: Address): Uint8Array | null {
  const { host } = address;
  if (host.length === 4) return host;
  for (let i = 0; i < 12; i++) if (host[i] !== (i < 10 ? 0 : 0xff)) return null;
  return host.subarray(12);
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: Address): boolean {
  const v4 = ipv4Of(address);
  if (v4) return v4[0] === 127;
  return address.host.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

export function sameHost(a: Address, b: Address): boolean {
  const x = ipv4Of(a) ?? a.host;
  const y = ipv4Of(b) ?? b.host;
  return x.length === y.length && x.every((byte, i) => byte === y[i]);
}

/** The address as a socket of `family` shows it: an IPv4 one to an IPv6 socket as a mapped one. */
export function asFamily(address: Address, family: number): Address {
  if (address.family === family || family !== AF_INET6 || address.family !== AF_INET) return address;
  const host = new Uint8Array(16);
  host[10] = 0xff;
  host[11] = 0xff;
  host.set(address.host, 12);
  return inet(AF_INET6, host, address.port);
}

/** The sockaddr of `length` bytes at `ptr` of guest memory; or a negated errno. */
export function readGuestAddress(mem: GuestMemory, addr: number, length: number): Address | number {
  const ptr = addr >>> 0;
  if (length < 0 || length > SOCKADDR_STORAGE_BYTES) return -EINVAL;
  const bytes = mem.bytes(ptr, length);
  if (!bytes || (ptr === 0 && length > 0)) return -EFAULT;
  return decodeAddress(bytes);
}

/** The sockaddr in `bytes`; or a negated errno. */
export function decodeAddress(bytes: Uint8Array): Address | number {
  if (bytes.length < 2) return -EINVAL;
  const family = (bytes[0] as number) | ((bytes[1] as number) << 8);
  const port = bytes.length >= 4 ? ((bytes[2] as number) << 8) | (bytes[3] as number) : 0;
  switch (family) {
    case AF_UNSPEC:
      return UNSPECIFIED;
    case AF_INET:
      return bytes.length < SOCKADDR_IN_BYTES ? -EINVAL : inet(AF_INET, bytes.slice(4, 8), port);
    case AF_INET6:
      return bytes.length < 24 ? -EINVAL : inet(AF_INET6, bytes.slice(8, 24), port);
    case AF_UNIX: {
      if (bytes.length > SOCKADDR_UN_BYTES) return -EINVAL;
      const path = fromBytes(bytes.subarray(2));
      const end = path.startsWith("\0") ? -1 : path.indexOf("\0");
      return { family, host: NO_HOST, port: 0, path: end < 0 ? path : path.slice(0, end) };
    }
    default:
      return -EAFNOSUPPORT;
  }
}

/** Writes the sockaddr into `target`, as much of it as fits; its full length. */
export function encodeAddress(address: Address, target: Uint8Array): number {
  return encodeAddressAt(address, target, 0, target.length);
}

/** The same into target[at, at + room). */
function encodeAddressAt(address: Address, target: Uint8Array, at: number, room: number): number {
  const { family, host, port } = address;
  if (family === AF_INET && room >= SOCKADDR_IN_BYTES) {
    // The usual case, for every datagram: without an object.
    target[at] = AF_INET;
    target[at + 1] = 0;
    target[at + 2] = port >>> 8;
    target[at + 3] = port;
    for (let i = 0; i < 4; i++) target[at + 4 + i] = host[i] as number;
    target.fill(0, at + 8, at + SOCKADDR_IN_BYTES);
    return SOCKADDR_IN_BYTES;
  }
  const bytes = new Uint8Array(SOCKADDR_STORAGE_BYTES);
  bytes[0] = family;
  let length = 2;
  if (family === AF_UNIX) {
    length += writeBytes(bytes, 2, address.path);
    if (address.path !== "" && !address.path.startsWith("\0")) length++; // the NUL counts
  } else {
    bytes[2] = port >>> 8;
    bytes[3] = port;
    bytes.set(host, family === AF_INET6 ? 8 : 4);
    length = family === AF_INET6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES;
  }
  target.set(bytes.subarray(0, Math.min(length, room)), at);
  return length;
}

/** True if `addr`/`addrlen` of getsockname(2), accept(2) and recvfrom(2) can be written to: 0, -EFAULT or -EINVAL. */
export function checkAddressRoom(mem: GuestMemory, addr: number, addrlen: number): number {
  const lengthPtr = addrlen >>> 0;
  if (!mem.has(lengthPtr, 4) || lengthPtr === 0) return -EFAULT;
  const room = mem.getI32(lengthPtr);
  if (room < 0) return -EINVAL;
  return mem.has(addr >>> 0, Math.min(room, SOCKADDR_STORAGE_BYTES)) ? 0 : -EFAULT;
}

/** Stores the address, cut to the room that *addrlen gives, and its full length in *addrlen. Call after checkAddressRoom. */
export function writeGuestAddress(mem: GuestMemory, address: Address, addr: number, addrlen: number): void {
  const ptr = addr >>> 0;
  const lengthPtr = addrlen >>> 0;
  const room = Math.min(mem.getI32(lengthPtr), SOCKADDR_STORAGE_BYTES);
  mem.setU32(lengthPtr, encodeAddressAt(address, mem.u8, ptr, room));
}
