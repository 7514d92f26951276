/**
 * Stream sockets: TCP over the host's sockets, TCP inside the machine (loopback), AF_UNIX. One class; what differs is the link to the
 * peer: a Connection of the socket driver, or the other StreamSocket itself.
 *
 * Its life is in stream-state.ts. Received bytes that nobody has taken wait in `received`, at most RECEIVE_BYTES_MAX of them: the peer's
 * credit. Of a socket attached to the ring (stream-ring-side.ts) they go to the guest directly, and only wait while it is paused.
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
  ENOTCONN,
  ENOTTY,
  EOPNOTSUPP,
  EPIPE,
  ETIMEDOUT,
} from "../abi/errno.ts";
import { O_NONBLOCK, O_RDWR } from "../abi/fcntl.ts";
import { FIONREAD } from "../abi/ioctl.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "../abi/poll.ts";
import {
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SOCK_STREAM,
  SOMAXCONN,
} from "../abi/socket.ts";
import type { Stat } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import { KERNEL_RAM_BASE } from "../mem/physical.ts";
import type { Ring } from "../ring/ring.ts";
import { WOULD_BLOCK } from "../sched/task.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { type Connection, type ConnectionOwner, RECEIVE_BYTES_MAX } from "../virtio/socket-connection.ts";
import { type Address, anyAddress, asFamily, UNNAMED } from "./address.ts";
import { ByteQueue } from "./byte-queue.ts";
import { writeIntResult } from "./ioctl-result.ts";
import { LentSends } from "./lent-sends.ts";
import type { NetworkStack } from "./network-stack.ts";
import { type Socket, statSocket } from "./socket.ts";
import { SocketOptions } from "./socket-options.ts";
import { StreamRingSide } from "./stream-ring-side.ts";
import { STREAM_CONNECTED, STREAM_CONNECTING, STREAM_GONE, STREAM_LISTENING, STREAM_NEW } from "./stream-state.ts";

const READABLE = POLLIN | POLLRDNORM;
const WRITABLE = POLLOUT | POLLWRNORM;

/** A connection that nobody has accepted yet: a request from the host, or the far end of one inside the machine. */
interface Pending {
  readonly hostPort: number;
  readonly guestPort: number;
  readonly peer: Address;
  readonly local: Address;
  readonly socket: StreamSocket | null;
}

export class StreamSocket implements Socket, ConnectionOwner {
  readonly kind = "socket";
  readonly type = SOCK_STREAM;
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
  bound = false;
  state = STREAM_NEW;
  /** Received bytes that nobody has taken. */
  readonly received = new ByteQueue();
  /** The peer sends no more. */
  ended = false;
  /** Why the connection is gone; 0 after an orderly end. */
  goneWith = 0;
  /** Set once it is attached to the ring. */
  ringSide: StreamRingSide | null = null;
  /** False while the ring has to be told how connecting went. */
  connectTold = true;
  readonly #stack: NetworkStack;
  #connection: Connection | null = null;
  #other: StreamSocket | null = null;
  #sendShut = false;
  #receiveShut = false;
  /** Pending error (SO_ERROR). */
  #error = 0;
  #backlog = 0;
  readonly #pending: Pending[] = [];
  /** Lent sends to a peer inside the machine, from the first on. */
  #lent: LentSends | null = null;

  constructor(stack: NetworkStack, domain: number, flags: number) {
    this.#stack = stack;
    this.domain = domain;
    this.flags = O_RDWR | (flags & O_NONBLOCK);
    this.local = domain === AF_UNIX ? UNNAMED : anyAddress(domain);
    stack.streams.add(this);
  }

  /** Bytes that can be read, and (for a listener) connections that can be accepted. */
  get queued(): number {
    return this.received.length;
  }
  get pendingCount(): number {
    return this.#pending.length;
  }
  get listening(): boolean {
    return this.state === STREAM_LISTENING;
  }
  get hasRoom(): boolean {
    return this.#pending.length < this.#backlog;
  }
  get backlog(): number {
    return this.#backlog;
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

  listen(_k: Kernel, backlog: number): number {
    if (this.state !== STREAM_NEW && this.state !== STREAM_LISTENING) return -EINVAL;
    if (!this.bound) {
      if (this.domain === AF_UNIX) return -EINVAL;
      const error = this.#stack.bind(this, anyAddress(this.domain));
      if (error < 0) return error;
    }
    const error = this.#stack.checkListen(this);
    if (error < 0) return error;
    this.#backlog = Math.min(Math.max(backlog, 1), SOMAXCONN);
    this.state = STREAM_LISTENING;
    this.#stack.listening(this);
    return 0;
  }

  accept(k: Kernel): StreamSocket | number {
    if (this.state !== STREAM_LISTENING) return -EINVAL;
    if (this.#pending.length === 0) {
      if (this.flags & O_NONBLOCK || k.timedOut()) return -EAGAIN;
      return k.block(this.waiters, this.options.receiveTimeoutMs);
    }
    return this.takePending();
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
  connecting(connection: Connection, peer: Address): void {
    if (connection.dead) {
      this.#error = ECONNRESET;
      return;
    }
    this.state = STREAM_CONNECTING;
    this.#connection = connection;
    this.peer = peer;
    this.connectTold = false;
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
    if (!this.hasRoom) return false;
    this.#pending.push({ hostPort, guestPort, peer, local, socket });
    this.waiters.wake(READABLE);
    this.ringSide?.list();
    return true;
  }

  /** A request of the host's that nobody has accepted is void. */
  withdraw(hostPort: number): boolean {
    const at = this.#pending.findIndex((pending) => pending.hostPort === hostPort && pending.socket === null);
    if (at < 0) return false;
    this.#pending.splice(at, 1);
    return true;
  }

  /** The socket of the one who has waited longest; there is one. */
  takePending(): StreamSocket {
    const { hostPort, guestPort, peer, local, socket } = this.#pending.shift() as Pending;
    const accepted = socket ?? new StreamSocket(this.#stack, this.domain, 0);
    this.options.copyTo(accepted.options);
    if (socket === null) {
      accepted.local = asFamily(local, this.domain);
      accepted.peer = asFamily(peer, this.domain);
      accepted.state = STREAM_CONNECTED;
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
    const connection = this.#connection as Connection;
    if (side !== null && !side.paused && this.received.length === 0 && address < KERNEL_RAM_BASE) {
      connection.consumed(length); // the buffers themselves are the bound here
      side.received(address, length, token);
      return true;
    }
    if (this.#receiveShut) {
      connection.consumed(length);
      return false;
    }
    const bytes = this.#stack.physical.slice(address, length);
    if (bytes) this.received.put(bytes);
    this.#readable();
    return false;
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
    return this.receiveBytes(k, buf, count, 0);
  }

  write(k: Kernel, buf: number, count: number): number {
    return this.sendBytes(k, buf, count, 0);
  }

  send(k: Kernel, buf: number, count: number, flags: number, to: Address | null): number {
    if (flags & MSG_OOB) return -EOPNOTSUPP;
    if (to !== null && this.state === STREAM_CONNECTED && this.domain === AF_UNIX) return -EISCONN;
    return this.sendBytes(k, buf, count, flags);
  }

  /** recvfrom(2). The address of a stream's peer is not reported. */
  receive(k: Kernel, buf: number, count: number, flags: number): number {
    if (flags & MSG_OOB) return -EINVAL;
    return this.receiveBytes(k, buf, count, flags);
  }

  sendBytes(k: Kernel, buf: number, count: number, flags: number): number {
    const nonBlocking = ((this.flags & O_NONBLOCK) | (flags & MSG_DONTWAIT)) !== 0;
    const before = k.current.inflight?.result ?? 0;
    if (this.state === STREAM_CONNECTING) {
      if (nonBlocking || k.timedOut()) return -EAGAIN;
      return k.block(this.waiters, this.options.sendTimeoutMs);
    }
    const refused = this.#sendError();
    if (refused !== 0) return before > 0 ? before : refused;
    if (count === 0) return 0;
    const sent = this.#put(k, buf + before, count - before);
    if (sent < 0) return before > 0 ? before : sent;
    const done = before + sent;
    if (done === count) return done;
    if (nonBlocking || k.timedOut()) return done > 0 ? done : -EAGAIN;
    const parked = k.block(this.waiters, this.options.sendTimeoutMs);
    if (parked !== WOULD_BLOCK) return done > 0 ? done : parked;
    k.current.inflight = { done: false, result: done };
    return parked;
  }

  receiveBytes(k: Kernel, buf: number, count: number, flags: number): number {
    if (this.state === STREAM_NEW || this.state === STREAM_LISTENING) {
      return -this.takeError() || (this.domain === AF_UNIX && this.state === STREAM_NEW ? -EINVAL : -ENOTCONN);
    }
    if (count === 0) return 0;
    const before = k.current.inflight?.result ?? 0;
    let done = before;
    if (this.received.length > 0) {
      const target = k.mem.u8.subarray(buf + before, buf + count);
      // tcp(7): MSG_TRUNC discards instead of copying.
      if (flags & MSG_PEEK)
        done += flags & MSG_TRUNC ? Math.min(this.received.length, count) : this.received.peek(target);
      else {
        const size =
          flags & MSG_TRUNC && this.domain !== AF_UNIX
            ? this.received.drop(count - before)
            : this.received.take(target);
        done += size;
        this.freed(size);
      }
      const enough = (flags & MSG_WAITALL) === 0 || (flags & MSG_PEEK) !== 0 || done === count;
      if (enough || this.ended || this.#receiveShut) return done;
    } else {
      if (done > 0 && (this.ended || this.#receiveShut)) return done;
      if (this.#error !== 0) return done > 0 ? done : -this.takeError();
      if (this.ended || this.#receiveShut) return 0;
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
        return this.#pending.length > 0 ? READABLE : 0;
      case STREAM_NEW:
        return POLLHUP | WRITABLE | (this.#error ? POLLERR | READABLE : 0);
      case STREAM_CONNECTING:
        return 0;
    }
    let mask = 0;
    if (this.received.length > 0 || this.ended || this.#receiveShut) mask |= READABLE;
    if (this.ended || this.#receiveShut) mask |= POLLRDHUP;
    if ((this.ended && this.#sendShut) || this.state === STREAM_GONE) mask |= POLLHUP;
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

  close(_k: Kernel): void {
    this.ringSide?.close();
    this.ringSide = null;
    this.#stack.streams.delete(this);
    if (this.state === STREAM_LISTENING) this.#stopListening();
    this.#stack.unbind(this);
    const unread = this.received.length > 0;
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
    this.received.clear();
  }

  stat(_k: Kernel, out: Stat): number {
    return statSocket(out);
  }

  ioctl(k: Kernel, request: number, arg: number): number {
    if (request !== FIONREAD) return -ENOTTY;
    if (this.state === STREAM_LISTENING) return -EINVAL;
    return writeIntResult(k, arg, this.received.length);
  }

  #stopListening(): void {
    this.#stack.unlisten(this);
    for (const { hostPort, guestPort, socket } of this.#pending.splice(0)) {
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

  /** Sends what can be sent now of memory the caller will reuse; bytes or a negated errno. */
  #put(k: Kernel, buf: number, count: number): number {
    if (this.#connection) return this.#connection.sendCopied(k.mem.base + buf, count);
    const other = this.#other as StreamSocket;
    const size = this.#lent?.waiting ? 0 : Math.min(count, other.room);
    if (size > 0) other.deliver(k.mem.u8.subarray(buf, buf + size));
    return Math.max(0, size);
  }

  #canPut(): boolean {
    if (this.state !== STREAM_CONNECTED || this.#sendShut) return true; // it would fail at once
    const connection = this.#connection;
    if (connection === null) {
      return this.#other === null || (!this.#lent?.waiting && this.#other.room > 0);
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
    if (size === 0) return;
    if (this.#connection) {
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
