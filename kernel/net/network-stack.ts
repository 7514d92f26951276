/**
 * The network of one machine: who holds which port and which name, and which way a connection takes: to a socket inside the machine
 * where one listens, else through the socket device to the host.
 *
 * The machine has the addresses 127.0.0.0/8, ::1 and HOST_ADDRESS. A guest's listener is reached from the host through what is
 * published, whatever local address it is bound to. The driver talks to sockets directly; this file sees what belongs to no connection.
 */
import { EADDRINUSE, EADDRNOTAVAIL, EAGAIN, ECONNREFUSED, EINPROGRESS, EINVAL, EPROTOTYPE } from "../abi/errno.ts";
import { O_NONBLOCK } from "../abi/fcntl.ts";
import { AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_STREAM } from "../abi/socket.ts";
import type { Kernel } from "../kernel.ts";
import type { PhysicalMemory } from "../mem/physical.ts";
import type { Ring } from "../ring/ring.ts";
import { SocketDriver, type SocketEvents } from "../virtio/socket.ts";
import {
  ADDRESS_SLOT_BYTES,
  NAME_PORT_MIN,
  RINGZERO_OP_BIND,
  RINGZERO_OP_LISTEN,
  RINGZERO_OP_UNBIND,
  RINGZERO_OP_UNLISTEN,
} from "../virtio/socket-protocol.ts";
import type { Transport } from "../virtio/transport.ts";
import {
  type Address,
  asFamily,
  decodeAddress,
  inet,
  ipv4Of,
  isAny,
  isLoopback,
  loopbackAddress,
  sameHost,
  UNNAMED,
} from "./address.ts";
import { credentialsOf } from "./ancillary.ts";
import { CallerLink } from "./caller-link.ts";
import { DatagramSocket } from "./datagram-socket.ts";
import type { IoVector } from "./io-vector.ts";
import type { Socket } from "./socket.ts";
import { StreamSocket } from "./stream-socket.ts";
import { STREAM_NEW } from "./stream-state.ts";
import { UnixNames } from "./unix-names.ts";

/** The address of the machine's one interface besides loopback. */
export const HOST_ADDRESS: Address = inet(AF_INET, Uint8Array.of(10, 0, 2, 15), 0);
/** /proc/sys/net/ipv4/ip_local_port_range. */
const EPHEMERAL_MIN = 32768;
const EPHEMERAL_MAX = 60999;
/** Room for the longest datagram. */
const BOUNCE_BYTES = 65536;

export class NetworkStack implements SocketEvents {
  readonly physical: PhysicalMemory;
  readonly driver: SocketDriver;
  /** Every stream socket, for /proc/net/tcp. */
  readonly streams = new Set<StreamSocket>();
  readonly #kernel: Kernel;
  /** Holders of ports, and of names. */
  readonly #tcp = new Map<number, Socket[]>();
  readonly #udp = new Map<number, Socket[]>();
  readonly #names = new UnixNames();
  /** Listeners whose names the host publishes, by guest port. */
  readonly #published = new Map<number, StreamSocket>();
  #nextEphemeral = EPHEMERAL_MIN;
  /** What the next caller's port is said to be. */
  #nextCaller = EPHEMERAL_MIN;
  /** Kernel RAM in which datagrams are put together; 0: none yet. */
  #bounce = 0;
  /** Turns of those who share a listening port (SO_REUSEPORT). */
  #rotation = 0;

  /** Whoever makes it connects it to the interrupt line of `transport`. */
  constructor(kernel: Kernel, transport: Transport) {
    this.#kernel = kernel;
    this.physical = kernel.physical;
    this.driver = new SocketDriver(kernel.physical, transport, this);
  }

  /** The completion ring, if the guest has one. */
  get ring(): Ring | null {
    return this.#kernel.ring;
  }

  handleInterrupt(kernel: Kernel): void {
    const { ring } = kernel;
    if (ring === null) {
      this.driver.handleInterrupt(kernel);
      return;
    }
    ring.quiet = true; // the kernel looks after the ring in this very turn
    this.driver.handleInterrupt(kernel);
    ring.quiet = false;
  }

  /** The guest's stacks have parked: what they have written leaves. */
  sendGathered(): void {
    if (this.driver.gathered.waiting) this.driver.kick();
  }

  /** The machine is over: whatever waits for a kick leaves. */
  shutdown(_kernel: Kernel): void {
    this.driver.corked = false;
    this.driver.flush();
  }

  // --- ports and names ---------------------------------------------------------------------------------------------------

  /** bind(2); port 0: any free one. 0 or a negated errno. */
  bind(k: Kernel, socket: Socket, address: Address): number {
    if (socket.bound) return -EINVAL;
    if (socket.domain === AF_UNIX) return this.#names.bind(k, socket, address.path);
    if (!isAny(address) && !isLoopback(address) && !sameHost(address, HOST_ADDRESS)) return -EADDRNOTAVAIL;
    const ports = this.#portsOf(socket);
    let { port } = address;
    if (port === 0) {
      port = this.#ephemeral(ports);
      if (port === 0) return -EADDRINUSE;
    }
    const wanted = asFamily(inet(address.family, address.host, port), socket.domain);
    const holders = ports.get(port);
    if (holders?.some((holder) => collides(holder, socket, wanted))) return -EADDRINUSE;
    if (holders) holders.push(socket);
    else ports.set(port, [socket]);
    socket.local = wanted;
    socket.bound = true;
    if (socket.type === SOCK_DGRAM) this.driver.announce(RINGZERO_OP_BIND, port, 0);
    return 0;
  }

  /** Gives back the port or the name. */
  unbind(socket: Socket): void {
    if (!socket.bound) return;
    socket.bound = false;
    if (socket.domain === AF_UNIX) {
      this.#names.unbind(this.#kernel, socket);
      return;
    }
    const ports = this.#portsOf(socket);
    const holders = ports.get(socket.local.port);
    if (!holders) return;
    const at = holders.indexOf(socket);
    if (at >= 0) holders.splice(at, 1);
    if (holders.length > 0) return;
    ports.delete(socket.local.port);
    if (socket.type === SOCK_DGRAM) this.driver.announce(RINGZERO_OP_UNBIND, socket.local.port, 0);
  }

  /** listen(2): -EADDRINUSE if somebody else listens there already. */
  checkListen(socket: StreamSocket): number {
    if (socket.domain === AF_UNIX) return 0;
    const holders = this.#tcp.get(socket.local.port) ?? [];
    for (const holder of holders) {
      if (holder === socket || !holder.listening || !overlaps(holder, socket, socket.local)) continue;
      if (!(holder.options.reusePort && socket.options.reusePort)) return -EADDRINUSE;
    }
    return 0;
  }

  /** A socket listens, or has another backlog. */
  listening(socket: StreamSocket): void {
    const port = socket.domain === AF_UNIX ? this.#namePort(socket) : socket.local.port;
    if (port === 0) return;
    if (socket.domain === AF_UNIX) this.#published.set(port, socket);
    this.driver.announce(RINGZERO_OP_LISTEN, port, socket.backlog);
  }

  unlisten(socket: StreamSocket): void {
    if (socket.domain === AF_UNIX) {
      const port = this.#namePort(socket);
      if (this.#published.get(port) !== socket) return;
      this.#published.delete(port);
      this.driver.announce(RINGZERO_OP_UNLISTEN, port, 0);
      return;
    }
    const others = this.#tcp.get(socket.local.port)?.some((holder) => holder !== socket && holder.listening);
    if (!others) this.driver.announce(RINGZERO_OP_UNLISTEN, socket.local.port, 0);
  }

  // --- connections -------------------------------------------------------------------------------------------------------

  /** connect(2) of a stream: 0, -EINPROGRESS if the answer comes later, WOULD_BLOCK, or a negated errno. */
  connect(k: Kernel, socket: StreamSocket, to: Address): number {
    if (to.family === AF_UNIX) {
      const listener = this.#names.find(k, to.path);
      if (typeof listener === "number") return listener;
      if (listener.type !== socket.type) return -EPROTOTYPE;
      if (!(listener instanceof StreamSocket) || !listener.listening) return -ECONNREFUSED;
      return this.#connectInside(k, socket, listener, to);
    }
    if (to.port === 0) return -ECONNREFUSED;
    const target = isAny(to) ? loopbackAddress(to.family, to.port) : to;
    const listener = this.#isLocal(target) ? this.#listener(target.port, target, false) : null;
    if (!socket.bound) {
      const error = this.bind(k, socket, inet(socket.domain, new Uint8Array(socket.domain === AF_INET6 ? 16 : 4), 0));
      if (error < 0) return error === -EADDRINUSE ? -EADDRNOTAVAIL : error;
    }
    if (listener) return this.#connectInside(k, socket, listener, target);
    socket.connecting(this.driver.connect(target, socket.local.port, socket), asFamily(target, socket.domain));
    return socket.state === STREAM_NEW ? -socket.takeError() || -ECONNREFUSED : -EINPROGRESS;
  }

  #connectInside(k: Kernel, socket: StreamSocket, listener: StreamSocket, to: Address): number {
    if (!listener.hasRoom) {
      if (socket.flags & O_NONBLOCK || k.timedOut()) return to.family === AF_UNIX ? -EAGAIN : -ECONNREFUSED;
      return k.block(listener.waiters, socket.options.sendTimeoutMs);
    }
    const local =
      socket.domain === AF_UNIX
        ? socket.local
        : isAny(socket.local)
          ? inet(to.family, to.host, socket.local.port)
          : socket.local;
    const served = new StreamSocket(this, listener.domain, 0, listener.type);
    const mine = asFamily(local, socket.domain);
    socket.link(served, mine, asFamily(to, socket.domain));
    served.link(
      socket,
      listener.domain === AF_UNIX ? listener.local : asFamily(to, listener.domain),
      asFamily(local, listener.domain),
    );
    if (socket.domain === AF_UNIX) {
      socket.peerCredentials = listener.credentials;
      served.peerCredentials = credentialsOf(k);
    }
    listener.offer(0, to.port, local, to, served);
    return 0;
  }

  /** A connection of the embedder's to whoever listens on `port`, or a negated errno. */
  connectCaller(port: number): CallerLink | number {
    const to = loopbackAddress(AF_INET, port);
    const listener = this.#listener(port, to, true);
    if (!listener) return -ECONNREFUSED;
    if (!listener.hasRoom) return -EAGAIN;
    const from = loopbackAddress(AF_INET, this.#nextCaller);
    this.#nextCaller = this.#nextCaller === EPHEMERAL_MAX ? EPHEMERAL_MIN : this.#nextCaller + 1;
    const served = new StreamSocket(this, listener.domain, 0, listener.type);
    const link = new CallerLink(this.physical, this.driver.sink, served);
    served.linkCaller(link, asFamily(to, listener.domain), asFamily(from, listener.domain));
    listener.offer(0, port, from, to, served);
    return link;
  }

  /** socketpair(2) of SOCK_STREAM or SOCK_SEQPACKET. */
  streamPair(k: Kernel, type: number, flags: number): [StreamSocket, StreamSocket] {
    const a = new StreamSocket(this, AF_UNIX, flags, type);
    const b = new StreamSocket(this, AF_UNIX, flags, type);
    a.peerCredentials = credentialsOf(k);
    b.peerCredentials = a.peerCredentials;
    a.link(b, UNNAMED, UNNAMED);
    b.link(a, UNNAMED, UNNAMED);
    return [a, b];
  }

  // --- datagrams ---------------------------------------------------------------------------------------------------------

  /** Where a datagram to `to` goes inside the machine; null: nowhere inside. A negated errno for an AF_UNIX name that nobody has. */
  datagramTarget(k: Kernel, to: Address): DatagramSocket | number | null {
    if (to.family === AF_UNIX) {
      const socket = this.#names.find(k, to.path);
      if (typeof socket === "number") return socket;
      return socket instanceof DatagramSocket ? socket : -EPROTOTYPE;
    }
    if (!isAny(to) && !this.#isLocal(to)) return null;
    for (const holder of this.#udp.get(to.port) ?? []) {
      if (holder instanceof DatagramSocket && (isAny(holder.local) || isAny(to) || sameHost(holder.local, to)))
        return holder;
    }
    return null;
  }

  /** A datagram to the host; what there is no room for is lost. */
  sendDatagram(k: Kernel, fromPort: number, to: Address, data: IoVector): void {
    if (data.count === 1) {
      this.driver.sendDatagram(fromPort, to, k.mem.base + (data.addresses[0] as number), data.total);
      return;
    }
    // A datagram in pieces is put together where the device finds it in one.
    this.#bounce ||= this.physical.allocate(BOUNCE_BYTES);
    this.physical.slice(this.#bounce, data.total)?.set(data.gather(k.mem));
    this.driver.sendDatagram(fromPort, to, this.#bounce, data.total);
  }

  // --- SocketEvents: the driver --------------------------------------------------------------------------------------------

  incoming(hostPort: number, guestPort: number, peer: Address, local: Address): void {
    const named = this.#published.get(guestPort);
    const taken = named
      ? named.offer(hostPort, guestPort, UNNAMED, named.local, null)
      : this.#listener(guestPort, local, true)?.offer(hostPort, guestPort, peer, local, null);
    if (!taken) this.driver.refuse(hostPort, guestPort);
  }

  withdrawn(hostPort: number, guestPort: number): void {
    if (guestPort >= NAME_PORT_MIN) {
      this.#published.get(guestPort)?.withdraw(hostPort);
      return;
    }
    for (const holder of this.#tcp.get(guestPort) ?? []) {
      if (holder instanceof StreamSocket && holder.withdraw(hostPort)) return;
    }
  }

  datagram(guestPort: number, token: number, address: number, length: number): boolean {
    const holder = this.#udp.get(guestPort)?.[0];
    if (!(holder instanceof DatagramSocket)) return false;
    if (holder.receivedLent(address, length, token)) return true;
    const packet = this.physical.slice(address, length);
    const from = packet ? decodeAddress(packet.subarray(0, ADDRESS_SLOT_BYTES)) : -1;
    if (packet === null || typeof from === "number" || from.host.length === 0) return false;
    holder.deliver(asFamily(from, holder.domain), packet.slice(ADDRESS_SLOT_BYTES));
    return false;
  }

  /** True if somebody inside the machine has bound UDP port `port`. */
  hasDatagramPort(port: number): boolean {
    return this.#udp.has(port);
  }

  /** The guest port under which the host publishes the name of `socket`, as it was bound or by its absolute path; 0 if it does not. */
  #namePort(socket: Socket): number {
    const { names } = this.driver;
    if (names.length === 0 || !socket.bound) return 0;
    const at = Math.max(names.indexOf(socket.local.path), names.indexOf(this.#names.pathOf(socket) ?? ""));
    return at < 0 ? 0 : NAME_PORT_MIN + at;
  }

  /**
   * The listener on `port` that `to` reaches: one of its own family before one of both, and where several share the port, each in turn. `outside`:
   * published ports lead to it whatever host it is bound to.
   */
  #listener(port: number, to: Address, outside: boolean): StreamSocket | null {
    const reached = (this.#tcp.get(port) ?? []).filter(
      (holder): holder is StreamSocket =>
        holder instanceof StreamSocket && holder.listening && (outside || reaches(holder, to)),
    );
    const own = reached.filter(({ domain }) => domain === to.family);
    const sharing = own.length > 0 ? own : reached;
    return sharing.length > 1 ? (sharing[this.#rotation++ % sharing.length] as StreamSocket) : (sharing[0] ?? null);
  }

  #isLocal(address: Address): boolean {
    return isLoopback(address) || sameHost(address, HOST_ADDRESS);
  }

  #portsOf(socket: Socket): Map<number, Socket[]> {
    return socket.type === SOCK_STREAM ? this.#tcp : this.#udp;
  }

  /** A port that nobody holds, 0 if there is none. */
  #ephemeral(ports: Map<number, Socket[]>): number {
    for (let tries = EPHEMERAL_MAX - EPHEMERAL_MIN; tries >= 0; tries--) {
      const port = this.#nextEphemeral;
      this.#nextEphemeral = port === EPHEMERAL_MAX ? EPHEMERAL_MIN : port + 1;
      if (!ports.has(port)) return port;
    }
    return 0;
  }
}

/** True if both would be reached under a common address. */
function overlaps(holder: Socket, socket: Socket, wanted: Address): boolean {
  const { local } = holder;
  if (local.family === wanted.family) return isAny(local) || isAny(wanted) || sameHost(local, wanted);
  // An IPv6 socket on :: takes IPv4 as well, unless it is told not to (ipv6(7)).
  const six = local.family === AF_INET6 ? holder : socket;
  const sixAddress = local.family === AF_INET6 ? local : wanted;
  const four = local.family === AF_INET6 ? wanted : local;
  if (isAny(sixAddress)) return !six.options.v6Only;
  return ipv4Of(sixAddress) !== null && (isAny(four) || sameHost(sixAddress, four));
}

/** True if a connection to `to`, an address of this machine, finds `listener`. */
function reaches({ domain, local, options }: StreamSocket, to: Address): boolean {
  if (to.family === AF_INET6 && domain === AF_INET && ipv4Of(to) === null) return false;
  if (to.family === AF_INET && domain === AF_INET6 && options.v6Only) return false;
  return isAny(local) || sameHost(local, to);
}

/** bind(2), EADDRINUSE: socket(7) on SO_REUSEADDR and SO_REUSEPORT. */
function collides(holder: Socket, socket: Socket, wanted: Address): boolean {
  if (!overlaps(holder, socket, wanted)) return false;
  if (holder.options.reusePort && socket.options.reusePort) return false;
  return !(holder.options.reuseAddress && socket.options.reuseAddress && !holder.listening);
}
