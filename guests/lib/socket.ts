/**
 * Sockets for threads: every call that has to wait parks the calling thread. (In callback style use connection.ts.)
 *
 * A method that yields a number answers a negated errno when it fails; one that yields an object answers a `Result`.
 */
import { AF_INET, Address, SOCKADDR_IN_SIZE, writeSockaddr } from "./address";
import * as calls from "./calls";
import { EINVAL, Result } from "./errno";
import { Descriptor } from "./file";
import { sys_getpeername, sys_getsockname, sys_setsockopt, sys_socket } from "./sys";

export { Address } from "./address";

export const SOCK_STREAM: i32 = 1;
export const SOCK_DGRAM: i32 = 2;
export const SOCK_NONBLOCK: i32 = 0o4000;
export const SOCK_CLOEXEC: i32 = 0o2000000;
export const SHUT_RD: i32 = 0;
export const SHUT_WR: i32 = 1;
export const SHUT_RDWR: i32 = 2;
const SOL_SOCKET: i32 = 1;
const SO_REUSEADDR: i32 = 2;
const SO_KEEPALIVE: i32 = 9;
const IPPROTO_TCP: i32 = 6;
const TCP_NODELAY: i32 = 1;

/** setsockopt(2) with an int. */
export function setOption(fd: i32, level: i32, name: i32, value: i32): i32 {
  const cell = new StaticArray<i32>(1);
  cell[0] = value;
  return sys_setsockopt(fd, level, name, changetype<usize>(cell), 4);
}

/** A socket bound to an address: its descriptor or a negated errno. A stream socket listens if `backlog` is not below 0. */
export function bound(type: i32, host: string, port: i32, backlog: i32): i32 {
  const address = new StaticArray<u8>(SOCKADDR_IN_SIZE);
  let error = writeSockaddr(changetype<usize>(address), host, port);
  if (error < 0) return error;
  const fd = sys_socket(AF_INET, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  error = calls.bind(fd, changetype<usize>(address), SOCKADDR_IN_SIZE);
  if (error >= 0 && backlog >= 0) error = calls.listen(fd, backlog);
  if (error < 0) {
    calls.close(fd);
    return error;
  }
  return fd;
}

/** The address of a socket's own end, or of the other one. */
export function addressOf(fd: i32, peer: bool): Result<Address> {
  const raw = new StaticArray<u8>(SOCKADDR_IN_SIZE + 4);
  const at = changetype<usize>(raw);
  store<u32>(at, SOCKADDR_IN_SIZE, SOCKADDR_IN_SIZE);
  const error = peer ? sys_getpeername(fd, at, at + SOCKADDR_IN_SIZE) : sys_getsockname(fd, at, at + SOCKADDR_IN_SIZE);
  if (error < 0) return Result.error<Address>(error);
  return Result.of<Address>(Address.read(at));
}

/** A connected stream socket. `read` answers 0 when the peer has sent all it had. */
export class Socket extends Descriptor {
  get localAddress(): Result<Address> {
    return addressOf(this.fd, false);
  }
  get peerAddress(): Result<Address> {
    return addressOf(this.fd, true);
  }

  shutdown(how: i32 = SHUT_WR): i32 {
    return calls.shutdown(this.fd, how);
  }

  setNoDelay(on: bool): i32 {
    return setOption(this.fd, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0);
  }

  setKeepAlive(on: bool): i32 {
    return setOption(this.fd, SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0);
  }
}

/** Connects to a host (dotted quad or `localhost`) and port. */
export function connect(host: string, port: i32): Result<Socket> {
  const address = new StaticArray<u8>(SOCKADDR_IN_SIZE);
  let error = writeSockaddr(changetype<usize>(address), host, port);
  if (error < 0) return Result.error<Socket>(error);
  const fd = sys_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Result.error<Socket>(fd);
  error = calls.connect(fd, changetype<usize>(address), SOCKADDR_IN_SIZE);
  if (error < 0) {
    calls.close(fd);
    return Result.error<Socket>(error);
  }
  return Result.of<Socket>(new Socket(fd));
}

/** A listening stream socket. */
export class Listener extends Descriptor {
  /** Listens on a port (0: any free one) of every address, or of one. */
  static open(port: i32, host: string = "0.0.0.0", backlog: i32 = 511): Result<Listener> {
    const fd = bound(SOCK_STREAM, host, port, backlog);
    if (fd < 0) return Result.error<Listener>(fd);
    return Result.of<Listener>(new Listener(fd));
  }

  get localAddress(): Result<Address> {
    return addressOf(this.fd, false);
  }

  /** Waits for the next connection. */
  accept(): Result<Socket> {
    const fd = calls.accept4(this.fd, 0, 0, SOCK_CLOEXEC);
    if (fd < 0) return Result.error<Socket>(fd);
    return Result.of<Socket>(new Socket(fd));
  }
}

/** A datagram socket. */
export class Udp extends Descriptor {
  /** Where the last `receive` came from. */
  sender: Address | null = null;

  /** A socket on a port; 0: any free one. */
  static open(port: i32 = 0, host: string = "0.0.0.0"): Result<Udp> {
    const fd = bound(SOCK_DGRAM, host, port, -1);
    if (fd < 0) return Result.error<Udp>(fd);
    return Result.of<Udp>(new Udp(fd));
  }

  get localAddress(): Result<Address> {
    return addressOf(this.fd, false);
  }

  /** Waits for a datagram and notes its `sender`: its length (what did not fit is lost), or a negated errno. */
  receive(buffer: Uint8Array): i32 {
    const raw = new StaticArray<u8>(SOCKADDR_IN_SIZE + 4);
    const at = changetype<usize>(raw);
    store<u32>(at, SOCKADDR_IN_SIZE, SOCKADDR_IN_SIZE);
    const n = calls.recvfrom(this.fd, buffer.dataStart, buffer.length, 0, at, at + SOCKADDR_IN_SIZE);
    if (n >= 0) this.sender = Address.read(at);
    return n;
  }

  /** Sends one datagram: its length or a negated errno. */
  sendTo(host: string, port: i32, buffer: Uint8Array, length: i32 = -1): i32 {
    if (length < 0) length = buffer.length;
    if (length > buffer.length) return -EINVAL;
    const address = new StaticArray<u8>(SOCKADDR_IN_SIZE);
    const error = writeSockaddr(changetype<usize>(address), host, port);
    if (error < 0) return error;
    return calls.sendto(this.fd, buffer.dataStart, length, 0, changetype<usize>(address), SOCKADDR_IN_SIZE);
  }
}
