/**
 * Datagram sockets: UDP inside the machine and over the socket device, AF_UNIX datagrams and their socketpair.
 *
 * Datagrams wait in a queue of at most RECEIVE_BYTES_MAX bytes. A UDP datagram that finds no room is lost (udp(7)); an AF_UNIX one
 * makes its sender wait (unix(7)).
 */
import {
  EAFNOSUPPORT,
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENOTCONN,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
} from "../abi/errno.ts";
import { O_NONBLOCK, O_RDWR } from "../abi/fcntl.ts";
import { FIONREAD, TIOCOUTQ } from "../abi/ioctl.ts";
import { POLLERR, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "../abi/poll.ts";
import {
  AF_INET,
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
import { KERNEL_RAM_BASE } from "../mem/physical.ts";
import type { Ring } from "../ring/ring.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { ADDRESS_SLOT_BYTES } from "../virtio/socket-protocol.ts";
import { type Address, anyAddress, asFamily, readGuestAddress, sameHost, UNNAMED } from "./address.ts";
import { type Ancillary, credentialsOf, holdFiles, releaseFiles } from "./ancillary.ts";
import { DatagramRingSide } from "./datagram-ring-side.ts";
import { IoVector } from "./io-vector.ts";
import { writeIntResult } from "./ioctl-result.ts";
import type { NetworkStack } from "./network-stack.ts";
import { type Received, type Socket, statSocket } from "./socket.ts";
import { SocketOptions } from "./socket-options.ts";

/** 65,535 less the headers of IPv4 and UDP. */
const UDP_BYTES_MAX = 65507;
const QUEUE_BYTES_MAX = 212992;
/** Datagrams that may wait in an AF_UNIX socket's queue (net.unix.max_dgram_qlen), so to speak. */
const QUEUE_COUNT_MAX = 1024;

export interface Datagram {
  readonly from: Address;
  readonly bytes: Uint8Array;
  readonly ancillary: Ancillary | null;
}

/** The vector of read(2) and write(2), and what they tell besides bytes: nothing. */
const single = new IoVector();
const ignored: Received = { address: null, ancillary: null, flags: 0 };

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
  readonly peerCredentials = null;
  local: Address;
  peer: Address | null = null;
  bound = false;
  /** Not null once the completion ring hears of every datagram. */
  ringSide: DatagramRingSide | null = null;
  readonly #stack: NetworkStack;
  readonly #queue: Datagram[] = [];
  #queuedBytes = 0;
  /** AF_UNIX: the socket that it is connected to. Once that is closed nobody takes its place. */
  #target: DatagramSocket | null = null;
  #isPair = false;
  #closed = false;
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
    a.#target = b;
    b.#target = a;
    a.#isPair = true;
    b.#isPair = true;
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
  connect(k: Kernel, to: Address): number {
    if (to.family === AF_UNSPEC) {
      this.peer = null;
      this.#target = null;
      return 0;
    }
    if (this.domain === AF_UNIX) {
      const target = this.#stack.datagramTarget(k, to);
      if (typeof target === "number") return target;
      if (target === null) return -ECONNREFUSED;
      if (!target.#hears(this)) return -EPERM;
      this.#target = target;
    } else {
      const error = this.#bindAny(k);
      if (error < 0) return error;
    }
    this.peer = asFamily(to, this.domain);
    return 0;
  }

  send(k: Kernel, data: IoVector, flags: number, to: Address | null, ancillary: Ancillary | null): number {
    const { total } = data;
    if (flags & MSG_OOB) return -EOPNOTSUPP;
    if (this.domain === AF_UNIX) return this.#sendUnix(k, data, flags, to, ancillary);
    const target = to ?? this.peer;
    if (target === null) return total > UDP_BYTES_MAX ? -EMSGSIZE : -EDESTADDRREQ;
    const refused = this.#refusesInet(k, total, target.port);
    if (refused < 0) return refused;
    const inside = this.#stack.datagramTarget(k, target);
    if (inside instanceof DatagramSocket) {
      inside.deliver(this.#addressFor(inside), data.gather(k.mem)); // without room it is lost
      return total;
    }
    // What the device has no room for is lost, as UDP may lose it.
    this.#stack.sendDatagram(k, this.local.port, target, data);
    return total;
  }

  /**
   * ring_sendto: sends [ptr, ptr + length) to the sockaddr in the slot before it. All of it must stay as it is until the ring's turn is over.
   * The caller has checked that it is memory.
   */
  sendSlotted(k: Kernel, ptr: number, length: number): number {
    if (this.domain === AF_UNIX) return -EOPNOTSUPP;
    const slot = ptr - ADDRESS_SLOT_BYTES;
    if (k.mem.getU16(slot) !== this.domain) return -EAFNOSUPPORT;
    const port = ((k.mem.u8[slot + 2] as number) << 8) | (k.mem.u8[slot + 3] as number);
    const refused = this.#refusesInet(k, length, port);
    if (refused < 0) return refused;
    if (this.#stack.hasDatagramPort(port)) {
      // Perhaps somebody inside the machine.
      const to = readGuestAddress(k.mem, slot, ADDRESS_SLOT_BYTES);
      return typeof to === "number" ? to : this.send(k, single.set(ptr, length), 0, to, null);
    }
    this.#stack.driver.sendSlotted(this.local.port, k.mem.base + slot, ADDRESS_SLOT_BYTES + length);
    return length;
  }

  /** Why a datagram of `length` bytes to `port` cannot be sent, as a negated errno; 0 if it can. Binds the socket. */
  #refusesInet(k: Kernel, length: number, port: number): number {
    if (length > UDP_BYTES_MAX) return -EMSGSIZE;
    if (port === 0) return -EINVAL;
    if (this.#error !== 0) return -this.takeError();
    if (this.#shut & 2) return -EPIPE;
    return this.#bindAny(k);
  }

  /** ring_datagrams: from now on the ring hears of every datagram. False if it does already. */
  attach(ring: Ring, fd: number, user: number): boolean {
    if (this.ringSide) return false;
    this.ringSide = new DatagramRingSide(ring, fd, user, this);
    if (this.#queue.length > 0) this.ringSide.list();
    return true;
  }

  /** What has waited longest. */
  get next(): Datagram | null {
    return this.#queue[0] ?? null;
  }

  /** `next` has been taken. */
  taken(): void {
    const taken = this.#queue.shift();
    if (taken) this.#queuedBytes -= taken.bytes.length;
  }

  /**
   * A packet in receive buffer `token`, `length` bytes at `address`: a slot with the sender's address, then the datagram. True if the ring has it and
   * gives the buffer back; else it is to be delivered as a copy.
   */
  receivedLent(address: number, length: number, token: number): boolean {
    const side = this.ringSide;
    if (side === null || address >= KERNEL_RAM_BASE || this.#queue.length > 0) return false;
    if (this.peer !== null || this.#shut & 1 || this.domain !== AF_INET) return false;
    side.received(address + ADDRESS_SLOT_BYTES, length - ADDRESS_SLOT_BYTES, token);
    return true;
  }

  receive(k: Kernel, into: IoVector, flags: number, received: Received): number {
    if (flags & MSG_OOB) return -EOPNOTSUPP;
    const next = this.#queue[0];
    if (!next) {
      if (this.#error !== 0) return -this.takeError();
      if (this.#shut & 1) return 0;
      if ((this.flags & O_NONBLOCK) | (flags & MSG_DONTWAIT) || k.timedOut()) return -EAGAIN;
      return k.block(this.waiters, this.options.receiveTimeoutMs);
    }
    const { bytes, ancillary } = next;
    into.scatter(k.mem, bytes);
    if (into.total < bytes.length) received.flags |= MSG_TRUNC;
    received.address = next.from;
    received.ancillary = ancillary;
    if (flags & MSG_PEEK) {
      if (ancillary) holdFiles(ancillary);
    } else {
      this.taken();
      this.waiters.wake(POLLOUT | POLLWRNORM);
    }
    return flags & MSG_TRUNC ? bytes.length : Math.min(into.total, bytes.length);
  }

  /** A datagram has come; its bytes are ours. False: no room. */
  deliver(from: Address, bytes: Uint8Array, ancillary: Ancillary | null = null): boolean {
    if (this.#shut & 1) return true;
    // A connected socket hears its peer only.
    if (this.domain !== AF_UNIX && this.peer && !(this.peer.port === from.port && sameHost(this.peer, from)))
      return true;
    if (!this.hasRoom(bytes.length)) return false;
    this.#queue.push({ from, bytes, ancillary });
    if (ancillary) holdFiles(ancillary);
    this.#queuedBytes += bytes.length;
    this.waiters.wake(POLLIN | POLLRDNORM);
    this.ringSide?.list();
    return true;
  }

  hasRoom(bytes: number): boolean {
    return this.#queue.length < QUEUE_COUNT_MAX && this.#queuedBytes + bytes <= QUEUE_BYTES_MAX;
  }

  read(k: Kernel, buf: number, count: number): number {
    ignored.ancillary = null;
    const result = this.receive(k, single.set(buf, count), 0, ignored);
    if (ignored.ancillary) releaseFiles(k, ignored.ancillary);
    return result;
  }

  write(k: Kernel, buf: number, count: number): number {
    return this.send(k, single.set(buf, count), 0, null, null);
  }

  poll(): number {
    let mask = POLLOUT | POLLWRNORM;
    if (this.#target && !this.#target.#closed && !this.#target.hasRoom(1)) mask = 0;
    if (this.#queue.length > 0 || this.#shut & 1) mask |= POLLIN | POLLRDNORM;
    if (this.#shut & 1) mask |= POLLRDHUP;
    if (this.#error !== 0) mask |= POLLERR;
    return mask;
  }

  shutdown(_k: Kernel, how: number): number {
    if (how < SHUT_RD || how > 2) return -EINVAL;
    if (this.peer === null) return -ENOTCONN;
    this.#shut |= how === SHUT_RD ? 1 : how === SHUT_WR ? 2 : 3;
    this.waiters.wake(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP);
    return 0;
  }

  close(k: Kernel): void {
    this.#stack.unbind(this);
    this.ringSide?.close();
    this.#closed = true;
    this.#queuedBytes = 0;
    for (const { ancillary } of this.#queue.splice(0)) if (ancillary) releaseFiles(k, ancillary);
    this.waiters.wake(POLLOUT | POLLWRNORM); // who waits for room here is refused
    const twin = this.#isPair ? this.#target : null;
    this.#target = null;
    if (!twin || twin.#closed) return;
    twin.#error = ECONNREFUSED;
    twin.waiters.wake(POLLOUT | POLLWRNORM | POLLERR);
  }

  stat(_k: Kernel, out: Stat): number {
    return statSocket(out);
  }

  ioctl(k: Kernel, request: number, arg: number): number {
    if (request === TIOCOUTQ) return writeIntResult(k, arg, 0);
    if (request !== FIONREAD) return -ENOTTY;
    return writeIntResult(k, arg, this.#queue[0]?.bytes.length ?? 0);
  }

  #sendUnix(k: Kernel, data: IoVector, flags: number, to: Address | null, ancillary: Ancillary | null): number {
    if (to === null && this.peer === null) return -ENOTCONN;
    if (data.total > QUEUE_BYTES_MAX - 32) return -EMSGSIZE;
    if (this.#error !== 0) return -this.takeError();
    if (this.#shut & 2) return -EPIPE;
    const target = to ? this.#stack.datagramTarget(k, to) : this.#target;
    if (typeof target === "number") return target;
    if (target === null || target.#closed) return -ECONNREFUSED;
    if (!target.#hears(this)) return -EPERM;
    if (target.#shut & 1) return -EPIPE;
    if (!target.hasRoom(data.total)) {
      if ((this.flags & O_NONBLOCK) | (flags & MSG_DONTWAIT) || k.timedOut()) return -EAGAIN;
      return k.block(target.waiters, this.options.sendTimeoutMs);
    }
    const passes = this.options.passCredentials || target.options.passCredentials;
    const carried =
      passes && !ancillary?.credentials ? { files: ancillary?.files ?? [], credentials: credentialsOf(k) } : ancillary;
    target.deliver(this.local, data.gather(k.mem), carried);
    return data.total;
  }

  /** A connected AF_UNIX socket hears its peer only. */
  #hears(sender: DatagramSocket): boolean {
    return this.#target === null || this.#target === sender || this.#target.#closed;
  }

  /** Our address as `to` sees it: a socket on 0.0.0.0 sends from the address it was spoken to at. */
  #addressFor(to: DatagramSocket): Address {
    const { port } = this.local;
    const host = this.local.host.every((byte) => byte === 0) ? Uint8Array.of(127, 0, 0, 1) : this.local.host;
    return asFamily({ family: host.length === 4 ? 2 : 10, host, port, path: "" }, to.domain);
  }

  #bindAny(k: Kernel): number {
    return this.bound ? 0 : this.#stack.bind(k, this, anyAddress(this.domain));
  }
}
