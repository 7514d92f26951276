/**
 * System calls on sockets: they read and check what the guest gave, and leave the rest to the socket.
 */
import {
  EAFNOSUPPORT,
  EBADF,
  EFAULT,
  EINVAL,
  ENOTCONN,
  ENOTSOCK,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
} from "../abi/errno.ts";
import { O_NONBLOCK } from "../abi/fcntl.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_UNSPEC,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_MAX,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOCK_TYPE_MASK,
} from "../abi/socket.ts";
import type { Kernel } from "../kernel.ts";
import { type Address, checkAddressRoom, readGuestAddress, writeGuestAddress } from "../net/address.ts";
import { releaseFiles } from "../net/ancillary.ts";
import { DatagramSocket } from "../net/datagram-socket.ts";
import { IoVector } from "../net/io-vector.ts";
import type { Received, Socket } from "../net/socket.ts";
import { getOption, OPTION_BYTES_MAX, setOption } from "../net/socket-options.ts";
import { StreamSocket } from "../net/stream-socket.ts";
import { RW_COUNT_MAX } from "./file.ts";

/** The socket behind `fd`, or a negated errno. */
export function socketOf(k: Kernel, fd: number): Socket | number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  return file instanceof StreamSocket || file instanceof DatagramSocket ? file : -ENOTSOCK;
}

/** socket(2). */
export function sys_socket(k: Kernel, domain: number, type: number, protocol: number): number {
  const wrong = checkKind(domain, type, protocol);
  if (wrong !== 0) return wrong;
  const flags = type & SOCK_NONBLOCK ? O_NONBLOCK : 0;
  const kind = type & SOCK_TYPE_MASK;
  const socket =
    kind === SOCK_DGRAM ? new DatagramSocket(k.net, domain, flags) : new StreamSocket(k.net, domain, flags, kind);
  const fd = k.fds.open(socket, (type & SOCK_CLOEXEC) !== 0);
  if (fd < 0) socket.close(k);
  return fd;
}

/** socketpair(2): AF_UNIX only. */
export function sys_socketpair(k: Kernel, domain: number, type: number, protocol: number, sv: number): number {
  const wrong = checkKind(domain, type, protocol);
  if (wrong !== 0) return wrong;
  if (domain !== AF_UNIX) return -EOPNOTSUPP;
  const ptr = sv >>> 0;
  if (!k.mem.has(ptr, 8)) return -EFAULT;
  const flags = type & SOCK_NONBLOCK ? O_NONBLOCK : 0;
  const cloexec = (type & SOCK_CLOEXEC) !== 0;
  const kind = type & SOCK_TYPE_MASK;
  const [a, b]: [Socket, Socket] =
    kind === SOCK_DGRAM ? DatagramSocket.pair(k.net, flags) : k.net.streamPair(k, kind, flags);
  const first = k.fds.open(a, cloexec);
  const second = first < 0 ? first : k.fds.open(b, cloexec);
  if (second < 0) {
    if (first < 0) a.close(k);
    else k.fds.close(k, first);
    b.close(k);
    return second;
  }
  k.mem.setU32(ptr, first);
  k.mem.setU32(ptr + 4, second);
  return 0;
}

/** bind(2). */
export function sys_bind(k: Kernel, fd: number, addr: number, addrlen: number): number {
  const socket = socketOf(k, fd);
  if (typeof socket === "number") return socket;
  const address = readGuestAddress(k.mem, addr, addrlen);
  if (typeof address === "number") return address;
  if (address.family !== socket.domain) {
    // An IPv4 address with AF_UNSPEC and 0.0.0.0 is let through by Linux; nobody needs it.
    return socket.domain === AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
  }
  return k.net.bind(k, socket, address);
}

/** listen(2). */
export function sys_listen(k: Kernel, fd: number, backlog: number): number {
  const socket = socketOf(k, fd);
  return typeof socket === "number" ? socket : socket.listen(k, backlog);
}

/** accept4(2). */
export function sys_accept4(k: Kernel, fd: number, addr: number, addrlen: number, flags: number): number {
  const socket = socketOf(k, fd);
  if (typeof socket === "number") return socket;
  if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) return -EINVAL;
  if (addr !== 0) {
    const wrong = checkAddressRoom(k.mem, addr, addrlen);
    if (wrong !== 0) return wrong;
  }
  const accepted = socket.accept(k);
  if (typeof accepted === "number") return accepted;
  if (flags & SOCK_NONBLOCK) accepted.flags |= O_NONBLOCK;
  const newFd = k.fds.open(accepted, (flags & SOCK_CLOEXEC) !== 0);
  if (newFd < 0) {
    accepted.close(k);
    return newFd;
  }
  if (addr !== 0 && accepted.peer) writeGuestAddress(k.mem, accepted.peer, addr, addrlen);
  return newFd;
}

/** connect(2). */
export function sys_connect(k: Kernel, fd: number, addr: number, addrlen: number): number {
  const socket = socketOf(k, fd);
  if (typeof socket === "number") return socket;
  const address = readGuestAddress(k.mem, addr, addrlen);
  if (typeof address === "number") return address;
  if (address.family !== socket.domain && !(address.family === AF_UNSPEC && socket.type === SOCK_DGRAM)) {
    return socket.domain === AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
  }
  return socket.connect(k, address);
}

/** getsockname(2). */
export function sys_getsockname(k: Kernel, fd: number, addr: number, addrlen: number): number {
  const socket = socketOf(k, fd);
  return typeof socket === "number" ? socket : giveAddress(k, socket.local, addr, addrlen);
}

/** getpeername(2). */
export function sys_getpeername(k: Kernel, fd: number, addr: number, addrlen: number): number {
  const socket = socketOf(k, fd);
  if (typeof socket === "number") return socket;
  return socket.peer ? giveAddress(k, socket.peer, addr, addrlen) : -ENOTCONN;
}

/** setsockopt(2). */
export function sys_setsockopt(
  k: Kernel,
  fd: number,
  level: number,
  optname: number,
  optval: number,
  optlen: number,
): number {
  const socket = socketOf(k, fd);
  if (typeof socket === "number") return socket;
  if (optlen < 0) return -EINVAL;
  const ptr = optval >>> 0;
  if (!k.mem.has(ptr, optlen)) return -EFAULT;
  return setOption(k.mem, socket, level, optname, ptr, optlen);
}

const optionBytes = new DataView(new ArrayBuffer(OPTION_BYTES_MAX));

/** getsockopt(2): the value, cut to *optlen, and its length in *optlen. */
export function sys_getsockopt(
  k: Kernel,
  fd: number,
  level: number,
  optname: number,
  optval: number,
  optlen: number,
): number {
  const socket = socketOf(k, fd);
  if (typeof socket === "number") return socket;
  const lengthPtr = optlen >>> 0;
  if (!k.mem.has(lengthPtr, 4)) return -EFAULT;
  const room = k.mem.getI32(lengthPtr);
  if (room < 0) return -EINVAL;
  const ptr = optval >>> 0;
  if (!k.mem.has(ptr, Math.min(room, optionBytes.byteLength))) return -EFAULT;
  const length = getOption(socket, level, optname, optionBytes, room);
  if (length < 0) return length;
  const size = Math.min(length, room);
  k.mem.u8.set(new Uint8Array(optionBytes.buffer, 0, size), ptr);
  k.mem.setU32(lengthPtr, size);
  return 0;
}

/** sendto(2). */
export function sys_sendto(
  k: Kernel,
  fd: number,
  buf: number,
  len: number,
  flags: number,
  addr: number,
  addrlen: number,
): number {
  const socket = socketOf(k, fd);
  if (typeof socket === "number") return socket;
  if (len < 0) return -EINVAL;
  const ptr = buf >>> 0;
  if (len > 0 && !k.mem.has(ptr, len)) return -EFAULT;
  const to = addr === 0 ? null : destination(k, socket, addr, addrlen);
  if (typeof to === "number") return to;
  return socket.send(k, single.set(ptr, Math.min(len, RW_COUNT_MAX)), flags, to, null);
}

/** Where a message is to go; null where the socket does not look at addresses (a TCP socket, as on Linux). */
export function destination(k: Kernel, socket: Socket, addr: number, addrlen: number): Address | number | null {
  if (socket.type === SOCK_STREAM && socket.domain !== AF_UNIX) return null;
  const address = readGuestAddress(k.mem, addr, addrlen);
  if (typeof address === "number") return address;
  if (address.family !== socket.domain) return socket.domain === AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
  return address;
}

const single = new IoVector();
const received: Received = { address: null, ancillary: null, flags: 0 };

/** A receive that only wants bytes and the sender's address, which is in `received` afterwards. */
function receiveFrom(k: Kernel, socket: Socket, ptr: number, length: number, flags: number): number {
  received.address = null;
  received.ancillary = null;
  const result = socket.receive(k, single.set(ptr, length), flags, received);
  if (received.ancillary) releaseFiles(k, received.ancillary);
  return result;
}

/** recvfrom(2). */
export function sys_recvfrom(
  k: Kernel,
  fd: number,
  buf: number,
  len: number,
  flags: number,
  addr: number,
  addrlen: number,
): number {
  const socket = socketOf(k, fd);
  if (typeof socket === "number") return socket;
  if (len < 0) return -EINVAL;
  const ptr = buf >>> 0;
  if (len > 0 && !k.mem.has(ptr, len)) return -EFAULT;
  if (addr !== 0) {
    const wrong = checkAddressRoom(k.mem, addr, addrlen);
    if (wrong !== 0) return wrong;
  }
  const result = receiveFrom(k, socket, ptr, Math.min(len, RW_COUNT_MAX), flags);
  if (result >= 0 && addr !== 0) {
    if (received.address) writeGuestAddress(k.mem, received.address, addr, addrlen);
    else k.mem.setU32(addrlen >>> 0, 0);
  }
  return result;
}

/** shutdown(2). */
export function sys_shutdown(k: Kernel, fd: number, how: number): number {
  const socket = socketOf(k, fd);
  return typeof socket === "number" ? socket : socket.shutdown(k, how);
}

function giveAddress(k: Kernel, address: Address, addr: number, addrlen: number): number {
  const wrong = checkAddressRoom(k.mem, addr, addrlen);
  if (wrong !== 0) return wrong;
  writeGuestAddress(k.mem, address, addr, addrlen);
  return 0;
}

/** Domain, type and protocol of socket(2): 0 or a negated errno. */
function checkKind(domain: number, type: number, protocol: number): number {
  if (type & ~(SOCK_TYPE_MASK | SOCK_NONBLOCK | SOCK_CLOEXEC)) return -EINVAL;
  if (domain !== AF_UNIX && domain !== AF_INET && domain !== AF_INET6) return -EAFNOSUPPORT;
  const kind = type & SOCK_TYPE_MASK;
  if (kind >= SOCK_MAX) return -EINVAL;
  if (kind === SOCK_SEQPACKET && domain === AF_UNIX)
    return protocol === 0 || protocol === AF_UNIX ? 0 : -EPROTONOSUPPORT;
  if (kind !== SOCK_STREAM && kind !== SOCK_DGRAM) return -ESOCKTNOSUPPORT;
  const own = kind === SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
  if (domain === AF_UNIX ? protocol !== 0 && protocol !== AF_UNIX : protocol !== 0 && protocol !== own)
    return -EPROTONOSUPPORT;
  return 0;
}
