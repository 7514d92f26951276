/**
 * Datagram sockets: UDP inside the machine and over the socket device, AF_UNIX datagrams and their socketpair.
 *
 * Datagrams wait in a queue of at most RECEIVE_BYTES_MAX bytes. A UDP datagram that finds no room is lost (udp(7)); an AF_UNIX one
 * makes its sender wait (unix(7)).
 */
import {
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENOENT,
  ENOTCONN,
  ENOTTY,
  EOPNOTSUPP,
  EPIPE,
} from "../abi/errno.ts";
import { O_NONBLOCK, O_RDWR } from "../abi/fcntl.ts";
import { FIONREAD } from "../abi/ioctl.ts";
import { POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "../abi/poll.ts";
import {
  AF_UNIX,
  AF_UNSPEC,
  MSG_DONTWAIT,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  SHUT_RD,
  SHUT_WR,
  SOCK_DGRAM,
} from "../abi/socket.ts";
import type { Stat } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { type Address, anyAddress, asFamily, sameHost, UNNAMED } from "./address.ts";
import { writeIntResult } from "./ioctl-result.ts";
import type { NetworkStack } from "./network-stack.ts";
import { type Socket, statSocket } from "./socket.ts";
import { SocketOptions } from "./socket-options.ts";

/** 65,535 less the headers of IPv4 and UDP. */
const UDP_BYTES_MAX = 65507;
const QUEUE_BYTES_MAX = 212992;
/** Datagrams that may wait in an AF_UNIX socket's queue (net.unix.max_dgram_qlen), so to speak. */
const QUEUE_COUNT_MAX = 1024;

interface Datagram {
  readonly from: Address;
  readonly bytes: Uint8Array;
}

export class DatagramSocket implements Socket {
  readonly kind = "socket";
  readonly type = SOCK_DGRAM;
  readonly domain: number;
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly seekable = null;
  readonly directory = null;
  readonly durable = null;
  readonly options = new SocketOptions();
  readonly listening = false;
  local: Address;
  peer: Address | null = null;
  bound = false;
  readonly #stack: NetworkStack;
  readonly #queue: Datagram[] = [];
  #queuedBytes = 0;
  /** The other end of a socketpair. */
  #twin: DatagramSocket | null = null;
  #shut = 0;
  #error = 0;

  constructor(stack: NetworkStack, domain: number, flags: number) {
    this.#stack = stack;
    this.domain = domain;
    this.flags = O_RDWR | (flags & O_NONBLOCK);
    this.local = domain === AF_UNIX ? UNNAMED : anyAddress(domain);
  }

  /** socketpair(2). */
  static pair(stack: NetworkStack, flags: number): [DatagramSocket, DatagramSocket] {
    const a = new DatagramSocket(stack, AF_UNIX, flags);
    const b = new DatagramSocket(stack, AF_UNIX, flags);
    a.#twin = b;
    b.#twin = a;
    a.peer = UNNAMED;
    b.peer = UNNAMED;
    return [a, b];
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  listen(): number {
    return -EOPNOTSUPP;
  }

  accept(): number {
    return -EOPNOTSUPP;
  }

  /** Sets the default destination and whom it hears; AF_UNSPEC undoes it. */
  connect(_k: Kernel, to: Address): number {
    if (to.family === AF_UNSPEC) {
      this.peer = null;
      return 0;
    }
    if (this.domain === AF_UNIX) {
      if (!this.#stack.datagramTarget(to)) return to.path.startsWith("\0") ? -ECONNREFUSED : -ENOENT;
    } else {
      const error = this.#bindAny();
      if (error < 0) return error;
    }
    this.peer = asFamily(to, this.domain);
    return 0;
  }

  send(k: Kernel, buf: number, count: number, flags: number, to: Address | null): number {
    if (flags & MSG_OOB) return -EOPNOTSUPP;
    if (this.#error !== 0) return -this.takeError();
    if (this.#shut & 2) return -EPIPE;
    const target = to ?? this.peer;
    if (count > (this.domain === AF_UNIX ? QUEUE_BYTES_MAX : UDP_BYTES_MAX)) return -EMSGSIZE;
    if (target === null) return this.domain === AF_UNIX ? -ENOTCONN : -EDESTADDRREQ;
    if (this.domain !== AF_UNIX) {
      if (target.port === 0) return -EINVAL;
      const error = this.#bindAny();
      if (error < 0) return error;
    }
    const inside = to === null && this.#twin ? this.#twin : this.#stack.datagramTarget(target);
    if (inside) return this.#sendInside(k, inside, buf, count, flags);
    if (this.domain === AF_UNIX) return target.path === "" || target.path.startsWith("\0") ? -ECONNREFUSED : -ENOENT;
    // What the device has no room for is lost, as UDP may lose it.
    this.#stack.driver.sendDatagram(this.local.port, target, k.mem.base + buf, count);
    return count;
  }

  receive(k: Kernel, buf: number, count: number, flags: number, from: { address: Address | null }): number {
    if (flags & MSG_OOB) return -EOPNOTSUPP;
    const next = this.#queue[0];
    if (!next) {
      if (this.#error !== 0) return -this.takeError();
      if (this.#shut & 1) return 0;
      if ((this.flags & O_NONBLOCK) | (flags & MSG_DONTWAIT) || k.timedOut()) return -EAGAIN;
      return k.block(this.waiters, this.options.receiveTimeoutMs);
    }
    const size = Math.min(count, next.bytes.length);
    k.mem.u8.set(size === next.bytes.length ? next.bytes : next.bytes.subarray(0, size), buf);
    from.address = next.from;
    if ((flags & MSG_PEEK) === 0) {
      this.#queue.shift();
      this.#queuedBytes -= next.bytes.length;
      this.waiters.wake(POLLOUT | POLLWRNORM);
    }
    return flags & MSG_TRUNC ? next.bytes.length : size;
  }

  /** A datagram has come. False: no room. */
  deliver(from: Address, bytes: Uint8Array): boolean {
    if (this.#shut & 1) return true;
    // A connected socket hears its peer only.
    if (this.domain !== AF_UNIX && this.peer && !(this.peer.port === from.port && sameHost(this.peer, from)))
      return true;
    if (!this.hasRoom(bytes.length)) return false;
    this.#queue.push({ from, bytes: bytes.slice() });
    this.#queuedBytes += bytes.length;
    this.waiters.wake(POLLIN | POLLRDNORM);
    return true;
  }

  hasRoom(bytes: number): boolean {
    return this.#queue.length < QUEUE_COUNT_MAX && this.#queuedBytes + bytes <= QUEUE_BYTES_MAX;
  }

  read(k: Kernel, buf: number, count: number): number {
    return this.receive(k, buf, count, 0, { address: null });
  }

  write(k: Kernel, buf: number, count: number): number {
    return this.send(k, buf, count, 0, null);
  }

  poll(): number {
    let mask = POLLOUT | POLLWRNORM;
    if (this.#twin && !this.#twin.hasRoom(1)) mask = 0;
    if (this.#queue.length > 0 || this.#shut & 1) mask |= POLLIN | POLLRDNORM;
    if (this.#shut & 1) mask |= POLLRDHUP;
    return mask;
  }

  shutdown(_k: Kernel, how: number): number {
    if (how < SHUT_RD || how > 2) return -EINVAL;
    if (this.peer === null) return -ENOTCONN;
    this.#shut |= how === SHUT_RD ? 1 : how === SHUT_WR ? 2 : 3;
    this.waiters.wake(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP);
    return 0;
  }

  close(): void {
    this.#stack.unbind(this);
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    const twin = this.#twin;
    this.#twin = null;
    if (!twin) return;
    twin.#twin = null;
    twin.#error = ECONNREFUSED;
    twin.waiters.wake(POLLOUT | POLLWRNORM);
  }

  stat(_k: Kernel, out: Stat): number {
    return statSocket(out);
  }

  ioctl(k: Kernel, request: number, arg: number): number {
    if (request !== FIONREAD) return -ENOTTY;
    return writeIntResult(k, arg, this.#queue[0]?.bytes.length ?? 0);
  }

  #sendInside(k: Kernel, to: DatagramSocket, buf: number, count: number, flags: number): number {
    const fits = to.deliver(this.#addressFor(to), k.mem.u8.subarray(buf, buf + count));
    if (fits || this.domain !== AF_UNIX) return count;
    if ((this.flags & O_NONBLOCK) | (flags & MSG_DONTWAIT) || k.timedOut()) return -EAGAIN;
    return k.block(to.waiters, this.options.sendTimeoutMs);
  }

  /** Our address as `to` sees it: a socket on 0.0.0.0 sends from the address it was spoken to at. */
  #addressFor(to: DatagramSocket): Address {
    if (this.domain === AF_UNIX) return this.local;
    const { port } = this.local;
    const host = this.local.host.every((byte) => byte === 0) ? Uint8Array.of(127, 0, 0, 1) : this.local.host;
    return asFamily({ family: host.length === 4 ? 2 : 10, host, port, path: "" }, to.domain);
  }

  #bindAny(): number {
    return this.bound ? 0 : this.#stack.bind(this, anyAddress(this.domain));
  }
}
