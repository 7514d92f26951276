/**
 * Stream sockets: TCP over the host's sockets, TCP inside the machine (loopback), AF_UNIX. One class; what differs is the link to the
 * peer: a Connection of the socket driver, a CallerLink of the embedder's, or the other StreamSocket itself.
 *
 * Its life is in stream-state.ts. Received bytes that nobody has taken wait in `received`, at most RECEIVE_BYTES_MAX of them: the peer's
 * credit. Of a socket attached to the ring (stream-ring-side.ts) they go to the guest directly, and only wait while it is paused. What
 * comes with the bytes of an AF_UNIX socket, and the boundaries of its packets (SOCK_SEQPACKET), is in received-stream.ts.
 *
 * Errors are those of tcp(7) and unix(7); a call that cannot proceed answers -EAGAIN or parks on `waiters`.
 */
import {
  EAGAIN,
  EALREADY,
  ECONNABORTED,
  ECONNRESET,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOTCONN,
  ENOTTY,
  EOPNOTSUPP,
  EPIPE,
  ETIMEDOUT,
} from "../abi/errno.ts";
import { O_NONBLOCK, O_RDWR } from "../abi/fcntl.ts";
import { FIONREAD, SIOCATMARK, TIOCOUTQ } from "../abi/ioctl.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "../abi/poll.ts";
import {
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_OOB,
  MSG_PEEK,
  MSG_WAITALL,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOMAXCONN,
} from "../abi/socket.ts";
import type { Stat } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import { KERNEL_RAM_BASE } from "../mem/physical.ts";
import type { Ring } from "../ring/ring.ts";
import { WOULD_BLOCK } from "../sched/task.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { type ConnectionOwner, RECEIVE_BYTES_MAX } from "../virtio/socket-connection.ts";
import { type Address, anyAddress, asFamily, UNNAMED } from "./address.ts";
import { type Ancillary, credentialsOf, type PeerCredentials } from "./ancillary.ts";
import type { ByteQueue } from "./byte-queue.ts";
import { IoVector } from "./io-vector.ts";
import { writeIntResult } from "./ioctl-result.ts";
import { LentSends } from "./lent-sends.ts";
import { ListenQueue } from "./listen-queue.ts";
import type { NetworkStack } from "./network-stack.ts";
import { ReceivedStream } from "./received-stream.ts";
import { type Received, type Socket, statSocket } from "./socket.ts";
import { SocketOptions } from "./socket-options.ts";
import type { StreamLink } from "./stream-link.ts";
import { StreamRingSide } from "./stream-ring-side.ts";
import { STREAM_CONNECTED, STREAM_CONNECTING, STREAM_GONE, STREAM_LISTENING, STREAM_NEW } from "./stream-state.ts";

const READABLE = POLLIN | POLLRDNORM;
const WRITABLE = POLLOUT | POLLWRNORM;
/** Largest packet of SOCK_SEQPACKET, and packets that may wait: the default send buffer, and net.unix.max_dgram_qlen, so to speak. */
const PACKET_BYTES_MAX = 212960;
const PACKETS_MAX = 1024;
/** Who connects from the host through a published name: root, and no process of the machine. */
const HOST_CREDENTIALS: PeerCredentials = { pid: 0, uid: 0, gid: 0 };
/** The vector of read(2) and write(2). */
const single = new IoVector();

export class StreamSocket implements Socket, ConnectionOwner {
  readonly kind = "socket";
  /** SOCK_STREAM or, AF_UNIX only, SOCK_SEQPACKET. */
  readonly type: number;
  readonly domain: number;
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly seekable = null;
  readonly directory = null;
  readonly durable = null;
  readonly options = new SocketOptions();
  local: Address;
  peer: Address | null = null;
  /** AF_UNIX: who is at the other end, and who we are to those who connect to us. */
  peerCredentials: PeerCredentials | null = null;
  credentials: PeerCredentials | null = null;
  bound = false;
  state = STREAM_NEW;
  /** Received bytes that nobody has taken. */
  readonly received: ByteQueue;
  /** The peer sends no more. */
  ended = false;
  /** Why the connection is gone; 0 after an orderly end. */
  goneWith = 0;
  /** Set once it is attached to the ring. */
  ringSide: StreamRingSide | null = null;
  /** False while the ring has to be told how connecting went. */
  connectTold = true;
  readonly #stack: NetworkStack;
  #connection: StreamLink | null = null;
  #other: StreamSocket | null = null;
  #sendShut = false;
  #receiveShut = false;
  /** Pending error (SO_ERROR). */
  #error = 0;
  readonly #incoming: ReceivedStream;
  readonly #listen = new ListenQueue();
  /** Lent sends to a peer inside the machine, from the first on. */
  #lent: LentSends | null = null;

  constructor(stack: NetworkStack, domain: number, flags: number, type = SOCK_STREAM) {
    this.#stack = stack;
    this.domain = domain;
    this.type = type;
    this.#incoming = new ReceivedStream(domain, type);
    this.received = this.#incoming.bytes;
    this.flags = O_RDWR | (flags & O_NONBLOCK);
    this.local = domain === AF_UNIX ? UNNAMED : anyAddress(domain);
    stack.streams.add(this);
  }

  /** Bytes that can be read, and (for a listener) connections that can be accepted. */
  get queued(): number {
    return this.received.length;
  }
  get pendingCount(): number {
    return this.#listen.length;
  }
  get listening(): boolean {
    return this.state === STREAM_LISTENING;
  }
  get hasRoom(): boolean {
    return this.#listen.hasRoom;
  }
  get backlog(): number {
    return this.#listen.backlog;
  }
  /** True if both ends are in the machine. */
  get isInternal(): boolean {
    return this.#connection === null;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  // --- connecting --------------------------------------------------------------------------------------------------------

  listen(k: Kernel, backlog: number): number {
    if (this.state !== STREAM_NEW && this.state !== STREAM_LISTENING) return -EINVAL;
    if (!this.bound) {
      if (this.domain === AF_UNIX) return -EINVAL;
      const error = this.#stack.bind(k, this, anyAddress(this.domain));
      if (error < 0) return error;
    }
    const error = this.#stack.checkListen(this);
    if (error < 0) return error;
    this.#listen.backlog = Math.min(Math.max(backlog, 1), SOMAXCONN);
    if (this.domain === AF_UNIX) this.credentials = credentialsOf(k);
    this.state = STREAM_LISTENING;
    this.#stack.listening(this);
    return 0;
  }

  accept(k: Kernel): StreamSocket | number {
    if (this.state !== STREAM_LISTENING) return -EINVAL;
    const accepted = this.takePending();
    if (accepted) return accepted;
    if (this.flags & O_NONBLOCK || k.timedOut()) return -EAGAIN;
    return k.block(this.waiters, this.options.receiveTimeoutMs);
  }

  connect(k: Kernel, to: Address): number {
    switch (this.state) {
      case STREAM_LISTENING:
      case STREAM_CONNECTED:
      case STREAM_GONE:
        // A retry after the park: the connection was made (and may have ended since).
        return k.current.inflight ? 0 : -EISCONN;
      case STREAM_CONNECTING:
        if (!k.current.inflight) return -EALREADY;
        return k.timedOut() ? -EINPROGRESS : this.#parkConnect(k);
      default:
        if (k.current.inflight) return -this.takeError() || -ETIMEDOUT;
    }
    const nonBlocking = (this.flags & O_NONBLOCK) !== 0;
    if (!nonBlocking && !k.current.canPark) return k.block(this.waiters);
    const result = this.#stack.connect(k, this, to);
    if (result !== -EINPROGRESS || nonBlocking) return result;
    return this.#parkConnect(k);
  }

  #parkConnect(k: Kernel): number {
    const parked = k.block(this.waiters, this.options.sendTimeoutMs);
    if (parked === WOULD_BLOCK) k.current.inflight = { done: false, result: 0 };
    return parked;
  }

  /** The stack has begun a connection over the driver. */
  connecting(connection: StreamLink, peer: Address): void {
    if (connection.dead) {
      this.#error = ECONNRESET;
      return;
    }
    this.state = STREAM_CONNECTING;
    this.#connection = connection;
    this.peer = peer;
    this.connectTold = false;
  }

  /** The embedder is at the other end, from here on. */
  linkCaller(link: StreamLink, local: Address, peer: Address): void {
    this.#connection = link;
    this.local = local;
    this.peer = peer;
    this.state = STREAM_CONNECTED;
  }

  /** Both ends inside the machine, from here on. */
  link(other: StreamSocket, local: Address, peer: Address): void {
    this.#other = other;
    this.local = local;
    this.peer = peer;
    this.state = STREAM_CONNECTED;
    if (this.ringSide) {
      this.connectTold = false;
      this.ringSide.list();
    }
    this.waiters.wake(WRITABLE);
  }

  /** Somebody wants to be accepted. False if the backlog is full. */
  offer(hostPort: number, guestPort: number, peer: Address, local: Address, socket: StreamSocket | null): boolean {
    if (!this.#listen.offer({ hostPort, guestPort, peer, local, socket })) return false;
    this.waiters.wake(READABLE);
    this.ringSide?.list();
    return true;
  }

  /** A request of the host's that nobody has accepted is void. */
  withdraw(hostPort: number): boolean {
    return this.#listen.withdraw(hostPort);
  }

  /** The socket of the one who has waited longest; null if nobody does. */
  takePending(): StreamSocket | null {
    const pending = this.#listen.take();
    if (!pending) return null;
    const { hostPort, guestPort, peer, local, socket } = pending;
    const accepted = socket ?? new StreamSocket(this.#stack, this.domain, 0, this.type);
    this.options.copyTo(accepted.options);
    if (socket === null) {
      accepted.local = asFamily(local, this.domain);
      accepted.peer = asFamily(peer, this.domain);
      accepted.state = STREAM_CONNECTED;
      if (this.domain === AF_UNIX) accepted.peerCredentials = HOST_CREDENTIALS;
      const connection = this.#stack.driver.accept(hostPort, guestPort, accepted);
      accepted.#connection = connection.dead ? null : connection;
    }
    this.waiters.wake(WRITABLE); // a connect inside the machine may wait for room
    return accepted;
  }

  // --- ConnectionOwner: what the driver says -----------------------------------------------------------------------------

  connected(local: Address): void {
    this.state = STREAM_CONNECTED;
    if (local.port !== 0) this.local = asFamily({ ...local, port: this.local.port }, this.domain);
    this.waiters.wake(WRITABLE);
    this.ringSide?.list();
  }

  arrived(token: number, address: number, length: number): boolean {
    const side = this.ringSide;
    const connection = this.#connection as StreamLink;
    if (side !== null && !side.paused && this.received.length === 0 && address < KERNEL_RAM_BASE) {
      connection.consumed(length); // the buffers themselves are the bound here
      side.received(address, length, token);
      return true;
    }
    if (this.#receiveShut) {
      connection.consumed(length);
      return false;
    }
    const { physical } = this.#stack;
    if (address >= KERNEL_RAM_BASE) this.received.put(physical.kernelBytes, address - KERNEL_RAM_BASE, length);
    else if (physical.guest.has(address, length)) this.received.put(physical.guest.u8, address, length);
    this.#readable();
    return false;
  }

  /** Bytes of the embedder's, of which a copy is taken, from `from` on; how many. 0: no room. */
  receiveCopy(bytes: Uint8Array, from: number): number {
    const side = this.ringSide;
    if (side !== null && !side.paused && this.received.length === 0) {
      const taken = side.receiveCopy(bytes, from);
      if (taken > 0) return taken;
    }
    if (this.#receiveShut || this.ended) return bytes.length - from;
    const size = Math.min(this.room, bytes.length - from);
    if (size <= 0) return 0;
    this.received.put(bytes, from, size);
    this.#readable();
    return size;
  }

  peerEnded(): void {
    this.ended = true;
    this.waiters.wake(READABLE | POLLRDHUP | (this.#sendShut ? POLLHUP : 0));
    this.ringSide?.list();
  }

  writable(): void {
    this.waiters.wake(WRITABLE);
  }

  reset(errno: number): void {
    this.#connection = null;
    if (this.state === STREAM_CONNECTING) {
      this.state = STREAM_NEW;
      this.peer = null;
      this.#error = errno || ECONNRESET;
    } else {
      this.state = STREAM_GONE;
      // Both sides had ended: that is how connections end. Before that it is the peer's doing.
      const orderly = errno === 0 && this.ended;
      this.goneWith = orderly ? 0 : errno || ECONNRESET;
      this.#error = this.goneWith;
      this.ended = true;
    }
    this.waiters.wake(READABLE | WRITABLE | POLLHUP | POLLERR | POLLRDHUP);
    this.ringSide?.list();
  }

  // --- bytes -------------------------------------------------------------------------------------------------------------

  read(k: Kernel, buf: number, count: number): number {
    return this.receiveBytes(k, single.set(buf, count), 0, null);
  }

  write(k: Kernel, buf: number, count: number): number {
    return this.sendBytes(k, single.set(buf, count), 0, null);
  }

  /** sendmsg(2). A connected TCP socket ignores the address, as on Linux. */
  send(k: Kernel, data: IoVector, flags: number, to: Address | null, ancillary: Ancillary | null): number {
    if (flags & MSG_OOB) return -EOPNOTSUPP;
    if (to !== null && this.domain === AF_UNIX) {
      if (this.type === SOCK_STREAM) return this.state === STREAM_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    }
    return this.sendBytes(k, data, flags, ancillary);
  }

  /** recvmsg(2). The address of a stream's peer is not reported, but for AF_UNIX. */
  receive(k: Kernel, into: IoVector, flags: number, received: Received): number {
    if (flags & MSG_OOB) return -EINVAL;
    const result = this.receiveBytes(k, into, flags, received);
    if (result >= 0 && this.domain === AF_UNIX) received.address = this.peer;
    return result;
  }

  sendBytes(k: Kernel, data: IoVector, flags: number, ancillary: Ancillary | null): number {
    const nonBlocking = ((this.flags & O_NONBLOCK) | (flags & MSG_DONTWAIT)) !== 0;
    const before = k.current.inflight?.result ?? 0;
    if (this.state === STREAM_CONNECTING) {
      if (nonBlocking || k.timedOut()) return -EAGAIN;
      return k.block(this.waiters, this.options.sendTimeoutMs);
    }
    const refused = this.#sendError();
    if (refused !== 0) return before > 0 ? before : refused;
    if (this.type === SOCK_SEQPACKET) {
      if (data.total > PACKET_BYTES_MAX) return -EMSGSIZE;
      if (!this.#canPutPacket(data.total)) {
        if (nonBlocking || k.timedOut()) return -EAGAIN;
        return k.block(this.waiters, this.options.sendTimeoutMs);
      }
    } else if (data.total === 0) return 0;
    const sent = this.#put(k, data, before, ancillary);
    if (sent < 0) return before > 0 ? before : sent;
    const done = before + sent;
    if (done === data.total) return done;
    if (nonBlocking || k.timedOut()) return done > 0 ? done : -EAGAIN;
    const parked = k.block(this.waiters, this.options.sendTimeoutMs);
    if (parked !== WOULD_BLOCK) return done > 0 ? done : parked;
    k.current.inflight = { done: false, result: done };
    return parked;
  }

  /** `out`: null where nobody asks what came with the bytes. */
  receiveBytes(k: Kernel, into: IoVector, flags: number, out: Received | null): number {
    if (this.state === STREAM_NEW || this.state === STREAM_LISTENING) {
      return -this.takeError() || (this.domain === AF_UNIX && this.state === STREAM_NEW ? -EINVAL : -ENOTCONN);
    }
    const before = k.current.inflight?.result ?? 0;
    let done = before;
    if (!this.#incoming.isEmpty) {
      if (into.total === 0 && this.type === SOCK_STREAM) return 0;
      const held = this.received.length;
      done += this.#incoming.take(k, into, before, flags, out);
      if ((flags & MSG_PEEK) === 0) this.freed(held - this.received.length);
      const waits = (flags & MSG_WAITALL) !== 0 && (flags & MSG_PEEK) === 0 && this.type === SOCK_STREAM;
      const enough = !waits || done === into.total || (out?.ancillary?.files.length ?? 0) > 0;
      if (enough || this.ended || this.#receiveShut) return done;
    } else {
      if (done > 0 && (this.ended || this.#receiveShut)) return done;
      if (this.#error !== 0) return done > 0 ? done : -this.takeError();
      if (this.ended || this.#receiveShut || (into.total === 0 && this.domain !== AF_UNIX)) return 0;
    }
    if ((this.flags & O_NONBLOCK) | (flags & MSG_DONTWAIT) || k.timedOut()) return done > 0 ? done : -EAGAIN;
    const parked = k.block(this.waiters, this.options.receiveTimeoutMs);
    if (parked !== WOULD_BLOCK) return done > 0 ? done : parked;
    if (done > 0) k.current.inflight = { done: false, result: done };
    return parked;
  }

  poll(): number {
    switch (this.state) {
      case STREAM_LISTENING:
        return this.#listen.length > 0 ? READABLE : 0;
      case STREAM_NEW:
        return POLLHUP | WRITABLE | (this.#error ? POLLERR | READABLE : 0);
      case STREAM_CONNECTING:
        return 0;
    }
    let mask = 0;
    if (!this.#incoming.isEmpty || this.ended || this.#receiveShut) mask |= READABLE;
    if (this.ended || this.#receiveShut) mask |= POLLRDHUP;
    // A unix socket whose peer has closed can send nothing either.
    const alone = this.domain === AF_UNIX && this.#other === null && this.#connection === null;
    if ((this.ended && (this.#sendShut || alone)) || this.state === STREAM_GONE) mask |= POLLHUP;
    if (this.#error !== 0) mask |= POLLERR;
    if (this.#canPut()) mask |= WRITABLE;
    return mask;
  }

  shutdown(_k: Kernel, how: number): number {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return -EINVAL;
    if (this.state === STREAM_LISTENING && how !== SHUT_WR) {
      this.#stopListening();
      this.state = STREAM_NEW;
      this.waiters.wake(READABLE | WRITABLE | POLLHUP);
      return 0;
    }
    if (this.state !== STREAM_CONNECTED) return -ENOTCONN;
    if (how !== SHUT_WR) {
      this.#receiveShut = true;
      this.waiters.wake(READABLE | POLLRDHUP);
    }
    if (how !== SHUT_RD && !this.#sendShut) {
      this.#sendShut = true;
      this.#connection?.shutdownSend();
      if (!this.#lent?.waiting) this.#other?.peerEnded();
      this.waiters.wake(WRITABLE | (this.ended ? POLLHUP : 0));
    }
    return 0;
  }

  close(k: Kernel): void {
    this.ringSide?.close();
    this.ringSide = null;
    this.#stack.streams.delete(this);
    if (this.state === STREAM_LISTENING) this.#stopListening();
    this.#stack.unbind(this);
    const unread = !this.#incoming.isEmpty;
    const rude = unread || (this.options.lingers && this.options.lingerSeconds === 0);
    const connection = this.#connection;
    this.#connection = null;
    if (connection) {
      connection.owner = null;
      if (rude && connection.established) connection.abort();
      else connection.close();
    }
    const other = this.#other;
    this.#other = null;
    if (other) {
      // What was lent still arrives, beyond the bound of the peer's queue: the guest's memory is the bound.
      this.#pumpLent(other, true);
      other.#otherClosed(unread);
    }
    this.state = STREAM_GONE;
    this.#incoming.clear(k);
  }

  stat(_k: Kernel, out: Stat): number {
    return statSocket(out);
  }

  ioctl(k: Kernel, request: number, arg: number): number {
    switch (request) {
      case FIONREAD:
        if (this.state === STREAM_LISTENING) return -EINVAL;
        return writeIntResult(k, arg, this.#incoming.readableBytes);
      case TIOCOUTQ:
        if (this.state === STREAM_LISTENING) return -EINVAL;
        return writeIntResult(k, arg, this.#other?.received.length ?? 0);
      case SIOCATMARK:
        return this.domain === AF_UNIX ? -EINVAL : writeIntResult(k, arg, 0);
      default:
        return -ENOTTY;
    }
  }

  #stopListening(): void {
    this.#stack.unlisten(this);
    for (const { hostPort, guestPort, socket } of this.#listen.takeAll()) {
      if (socket === null) this.#stack.driver.refuse(hostPort, guestPort);
      else {
        this.#stack.streams.delete(socket);
        socket.#other?.reset(ECONNRESET);
        socket.#other = null;
      }
    }
  }

  /** What a send answers in this state: 0 if it may go on. */
  #sendError(): number {
    if (this.#error !== 0) return -this.takeError();
    if (this.state === STREAM_CONNECTED && !this.#sendShut && (this.#connection !== null || this.#other !== null))
      return 0;
    return this.domain === AF_UNIX && this.state === STREAM_NEW ? -ENOTCONN : -EPIPE;
  }

  /** Sends what can be sent now of memory the caller will reuse, from position `from` on; bytes or a negated errno. */
  #put(k: Kernel, data: IoVector, from: number, ancillary: Ancillary | null): number {
    if (this.#connection) return this.#putOut(k, this.#connection, data, from);
    const other = this.#other as StreamSocket;
    const size = this.#lent?.waiting ? 0 : Math.min(data.total - from, other.room);
    if (size > 0 || this.type === SOCK_SEQPACKET) {
      if (other.#receiveShut) return Math.max(0, size);
      other.#incoming.put(k, data, from, size, from === 0 ? this.#carried(k, other, ancillary) : null);
      other.#readable();
    }
    return Math.max(0, size);
  }

  #putOut(k: Kernel, connection: StreamLink, data: IoVector, from: number): number {
    const { base } = k.mem;
    const gathers = k.scheduler.runsStack;
    if (data.count === 1)
      return connection.sendCopied(base + (data.addresses[0] as number) + from, data.total - from, gathers);
    let skip = from;
    let done = 0;
    for (let i = 0; i < data.count; i++) {
      const length = (data.lengths[i] as number) - skip;
      if (length <= 0) {
        skip -= data.lengths[i] as number;
        continue;
      }
      const sent = connection.sendCopied(base + (data.addresses[i] as number) + skip, length, gathers);
      if (sent < 0) return done > 0 ? done : sent;
      done += sent;
      if (sent < length) break;
      skip = 0;
    }
    return done;
  }

  /** What comes with a message to `other`: credentials too where one of both wants them passed (SO_PASSCRED). */
  #carried(k: Kernel, other: StreamSocket, ancillary: Ancillary | null): Ancillary | null {
    if (this.domain !== AF_UNIX) return null;
    const passes = this.options.passCredentials || other.options.passCredentials;
    if (!passes || ancillary?.credentials) return ancillary;
    return { files: ancillary?.files ?? [], credentials: credentialsOf(k) };
  }

  #canPutPacket(bytes: number): boolean {
    const other = this.#other;
    return other === null || (other.room >= bytes && other.#incoming.messageCount < PACKETS_MAX);
  }

  #canPut(): boolean {
    if (this.state !== STREAM_CONNECTED || this.#sendShut) return true; // it would fail at once
    const connection = this.#connection;
    if (connection === null) {
      return this.#other === null || (!this.#lent?.waiting && this.#other.room > 0 && this.#canPutPacket(0));
    }
    if (connection.canCopy) return true;
    connection.wantsCredit = true;
    return false;
  }

  /** What the peer inside the machine may still send. */
  get room(): number {
    return RECEIVE_BYTES_MAX - this.received.length;
  }

  /** Bytes of the peer inside the machine. */
  deliver(bytes: Uint8Array): void {
    if (this.#receiveShut) return;
    this.received.put(bytes);
    this.#readable();
  }

  #readable(): void {
    this.waiters.wake(READABLE);
    this.ringSide?.list();
  }

  /** `size` bytes have left the queue: the peer may send more. */
  freed(size: number): void {
    if (this.#connection && size > 0) {
      this.#connection.consumed(size);
      if (this.#connection.creditListed) this.#stack.driver.kick();
    }
    const other = this.#other;
    if (other) {
      if (other.#lent?.waiting) other.#pumpLent(this, false);
      other.waiters.wake(WRITABLE);
    }
  }

  /** The peer inside the machine has closed; `rudely` if it had not read everything. */
  #otherClosed(rudely: boolean): void {
    this.#other = null;
    this.#lent?.fail(EPIPE);
    if (rudely) this.reset(ECONNRESET);
    else {
      this.peerEnded();
      this.waiters.wake(WRITABLE | POLLHUP);
      if (this.#sendShut) this.reset(0);
    }
  }

  /** Moves lent bytes into the peer's queue, within its bound unless `all`. */
  #pumpLent(to: StreamSocket, all: boolean): void {
    if ((this.#lent === null || this.#lent.pump(to, all)) && this.#sendShut) to.peerEnded();
  }

  // --- the ring ----------------------------------------------------------------------------------------------------------

  /** ring_attach: from now on the ring hears of everything. False if it does already. */
  attach(ring: Ring, fd: number, user: number): boolean {
    if (this.ringSide) return false;
    this.ringSide = new StreamRingSide(ring, fd, user, this);
    if (this.#connection) this.#connection.ringFd = fd;
    this.ringSide.list();
    return true;
  }

  /** ring_send: valid memory, lent until SENT. 0 or a negated errno. */
  sendLent(ring: Ring, fd: number, address: number, length: number, token: number): number {
    if (this.state !== STREAM_CONNECTED && this.state !== STREAM_CONNECTING) return -EPIPE;
    if (this.#sendShut || (this.#connection === null && this.#other === null)) return -EPIPE;
    if (length === 0) {
      ring.sent(fd, token, 0);
      return 0;
    }
    const connection = this.#connection;
    if (connection) {
      connection.ringFd = fd;
      const result = connection.sendLent(address, length, token);
      if (result === 0) this.#stack.driver.kick();
      return result;
    }
    this.#lent ??= new LentSends(this.#stack.physical, ring);
    this.#lent.push(fd, address, length, token);
    this.#pumpLent(this.#other as StreamSocket, false);
    return 0;
  }

  /** Accepted, but nobody has a place for it: the peer sees that. */
  abort(k: Kernel): void {
    this.#connection?.abort(ECONNABORTED);
    this.#connection = null;
    this.close(k);
  }
}
