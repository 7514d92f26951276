/**
 * The socket driver (virtio 1.2, 5.10, with the extension of kernel/virtio/README.md): stream connections and datagrams between
 * the machine's sockets and the host's.
 *
 * The queues have files of their own: socket-send-queue.ts, socket-receive-queue.ts; a connection's accounts are in socket-connection.ts.
 * What is here is who is connected, and what a received packet means. `kick` is one notification for everything submitted; what the
 * device serves in it comes back before `flush` returns.
 *
 * What always holds: nothing that the device says is trusted: unknown connections, wrong lengths, bytes beyond the credit or after
 * a shutdown end in a reset of that connection, malformed chains in a reset of the device. No data packet allocates.
 */
import { ECONNREFUSED, ECONNRESET, ENETDOWN } from "../abi/errno.ts";
import { SOCKADDR_UN_BYTES } from "../abi/socket.ts";
import { fromBytes } from "../fs/byte-string.ts";
import type { Kernel } from "../kernel.ts";
import type { PhysicalMemory } from "../mem/physical.ts";
import type { Address } from "../net/address.ts";
import { ByPort } from "./by-port.ts";
import { VirtioDriver } from "./driver.ts";
import { GatheredSends } from "./gathered-sends.ts";
import { Connection, type ConnectionOwner, RECEIVE_BYTES_MAX } from "./socket-connection.ts";
import {
  ADDRESS_SLOT_BYTES,
  CONFIG_NAMES,
  HOST_PORT_MAX,
  HOST_PORT_MIN,
  NAME_PORT_MIN,
  NAMES_MAX,
  OUTGOING_PORT_MAX,
  OUTGOING_PORT_MIN,
  RST_ERRNO_MAX,
  VIRTIO_VSOCK_OP_CREDIT_REQUEST,
  VIRTIO_VSOCK_OP_CREDIT_UPDATE,
  VIRTIO_VSOCK_OP_REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE,
  VIRTIO_VSOCK_OP_RST,
  VIRTIO_VSOCK_OP_RW,
  VIRTIO_VSOCK_OP_SHUTDOWN,
  VIRTIO_VSOCK_SHUTDOWN_SEND,
  VIRTIO_VSOCK_TYPE_DGRAM,
  VIRTIO_VSOCK_TYPE_STREAM,
  VSOCK_EVENT_BYTES,
  VSOCK_QUEUE_EVENT,
  W_BUF_ALLOC,
  W_DST_PORT,
  W_FLAGS,
  W_FWD_CNT,
  W_SRC_PORT,
  W_TYPE_OP,
} from "./socket-protocol.ts";
import { SocketReceiveQueue } from "./socket-receive-queue.ts";
import { SocketSendQueue } from "./socket-send-queue.ts";
import { type Transport, VIRTIO_ID_VSOCK } from "./transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** What arrives without a connection: the network stack. */
export interface SocketEvents {
  /** Somebody wants to connect: answer with `accept` or `refuse`, now or later. */
  incoming(hostPort: number, guestPort: number, peer: Address, local: Address): void;
  /** An incoming request that has not been answered is void. */
  withdrawn(hostPort: number, guestPort: number): void;
  /**
   * A packet in receive buffer `token`, `length` bytes at physical address `address`: a slot with the sender's address, then the datagram. True: the
   * buffer is kept, and given back by `repost`.
   */
  datagram(guestPort: number, token: number, address: number, length: number): boolean;
}

/** Where the tokens of lent sends go: the completion ring. */
export interface SentSink {
  sent(fd: number, token: number, result: number): void;
}

const EVENT_BUFFERS = 4;
const STREAM = VIRTIO_VSOCK_TYPE_STREAM;
const DGRAM = VIRTIO_VSOCK_TYPE_DGRAM;
const NO_SINK: SentSink = { sent() {} };

export class SocketDriver {
  /** Names of AF_UNIX sockets that the host publishes: name i is guest port NAME_PORT_MIN + i. */
  readonly names: readonly string[];
  sink: SentSink = NO_SINK;
  /** True while the completion ring's dispatch runs: kicks wait for its end. */
  corked = false;
  /** For Connection. */
  readonly tx: SocketSendQueue;
  readonly gathered: GatheredSends;
  readonly #u32: Uint32Array;
  readonly #virtio: VirtioDriver;
  readonly #events: SocketEvents;
  readonly #rx: SocketReceiveQueue;
  readonly #event: Virtqueue;
  readonly #eventBuffers: number;
  readonly #connections = new ByPort<Connection>();
  #nextOutgoing = OUTGOING_PORT_MIN;
  /** Connections that have credit to return. */
  readonly #credit: Connection[] = [];
  #flushing = false;

  constructor(memory: PhysicalMemory, transport: Transport, events: SocketEvents) {
    this.#u32 = memory.kernelU32;
    this.#events = events;
    this.#virtio = new VirtioDriver(memory, transport, {
      name: "net",
      deviceId: VIRTIO_ID_VSOCK,
      onFailure: () => this.#failed(),
    });
    this.#rx = new SocketReceiveQueue(memory, this.#virtio);
    this.tx = new SocketSendQueue(memory, this.#virtio, this);
    this.gathered = new GatheredSends(memory, this);
    this.#event = this.#virtio.queue(VSOCK_QUEUE_EVENT, EVENT_BUFFERS);
    this.#eventBuffers = memory.allocate(EVENT_BUFFERS * 16, 16);
    this.names = readNames(transport);
    this.#virtio.ready();
    for (let i = 0; i < EVENT_BUFFERS; i++) this.#offerEventBuffer(i);
    this.#event.kick();
    this.#rx.kick();
  }

  /** True once the device is out of service. */
  get down(): boolean {
    return this.#virtio.failure !== null;
  }

  /** Receive buffers that can still be added. */
  get bufferRoom(): number {
    return this.#rx.room;
  }

  // --- connections -------------------------------------------------------------------------------------------------------

  /** Asks the host to connect to `to`; `owner.connected` or `owner.reset` tells how it went. */
  connect(to: Address, guestPort: number, owner: ConnectionOwner): Connection {
    let hostPort = this.#nextOutgoing;
    while (this.#connections.has(hostPort)) hostPort = nextOutgoing(hostPort);
    this.#nextOutgoing = nextOutgoing(hostPort);
    const connection = new Connection(this, guestPort, hostPort, owner);
    if (this.down) {
      connection.end(ENETDOWN);
      return connection;
    }
    this.#connections.set(connection);
    this.tx.send({ op: VIRTIO_VSOCK_OP_REQUEST, type: STREAM, guestPort, hostPort, flags: 0, connection, address: to });
    this.kick();
    return connection;
  }

  /** Takes an incoming request. */
  accept(hostPort: number, guestPort: number, owner: ConnectionOwner): Connection {
    const known = this.#connections.get(hostPort);
    const connection = known ?? new Connection(this, guestPort, hostPort, null);
    connection.owner = owner;
    if (!known) {
      connection.end(ECONNRESET); // it has ended meanwhile
      return connection;
    }
    connection.established = true;
    this.control(connection, VIRTIO_VSOCK_OP_RESPONSE, 0);
    this.kick();
    return connection;
  }

  /** Answers an incoming request with a reset. */
  refuse(hostPort: number, guestPort: number): void {
    this.#connections.delete(hostPort);
    this.#reset(hostPort, guestPort, ECONNREFUSED);
    this.kick();
  }

  /** LISTEN, UNLISTEN, BIND and UNBIND of a guest port. */
  announce(op: number, guestPort: number, backlog: number): void {
    const type = op >= 0x102 ? DGRAM : STREAM;
    this.tx.send({ op, type, guestPort: 0, hostPort: guestPort, flags: backlog, connection: null, address: null });
    this.kick();
  }

  /** A datagram of [address, address + length) to `to`; it has been copied when this returns. False: dropped, no room. */
  sendDatagram(guestPort: number, to: Address, address: number, length: number): boolean {
    return this.tx.sendDatagram(guestPort, to, address, length);
  }

  /**
   * A datagram of [address, address + length), its destination in a slot at the beginning. The bytes are the device's until the next kick, which is at
   * the end of the ring's dispatch while that runs.
   */
  sendSlotted(guestPort: number, address: number, length: number): void {
    if (this.tx.sendSlotted(guestPort, address, length)) this.kick();
  }

  /** A packet without payload of a connection. For Connection. */
  control(connection: Connection, op: number, flags: number): void {
    const { guestPort, hostPort } = connection;
    this.tx.send({ op, type: STREAM, guestPort, hostPort, flags, connection, address: null });
  }

  /** A connection has half of its receive buffer to return. For Connection. */
  listCredit(connection: Connection): void {
    connection.creditListed = true;
    this.#credit.push(connection);
  }

  /** Takes a connection out of the table. For Connection. */
  forget(connection: Connection): void {
    this.tx.forget(connection);
    if (this.#connections.get(connection.hostPort) !== connection) return;
    this.#connections.delete(connection.hostPort);
    // An incoming request that nobody has accepted.
    if (!connection.established && connection.owner === null) {
      this.#events.withdrawn(connection.hostPort, connection.guestPort);
    }
  }

  // --- the queues ----------------------------------------------------------------------------------------------------------

  /** Notifies the device, unless the ring's dispatch will do so at its end. */
  kick(): void {
    if (!this.corked) this.flush();
  }

  /** Notifies the device of what was submitted and takes back what it has served meanwhile. */
  flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.gathered.submitAll();
    this.#returnCredit();
    this.tx.kick();
    this.#rx.kick();
    this.tx.settleInterrupts();
    this.#flushing = false;
  }

  /** Gives the device a buffer of the guest's to receive into; its token, or -1 if there are too many. */
  lendBuffer(address: number, bytes: number): number {
    return this.#rx.lend(address, bytes);
  }

  /** Makes a receive buffer available again; the device hears of it with the next flush. */
  repost(token: number): void {
    this.#rx.repost(token);
  }

  handleInterrupt(kernel: Kernel): void {
    this.#virtio.acknowledge(kernel);
    this.tx.drain();
    const rx = this.#rx;
    while (rx.next()) {
      const { token } = rx;
      if (!this.#receive(token, rx.headerWord, rx.length)) rx.repost(token);
    }
    if (this.down) this.#virtio.acknowledge(kernel); // a malformed packet: reported in this turn
    while (this.#event.popUsed()) {
      const token = this.#event.usedToken;
      this.#resetAll(ECONNRESET); // the only event there is: VIRTIO_VSOCK_EVENT_TRANSPORT_RESET
      this.#offerEventBuffer(token);
      this.#event.kick();
    }
    this.flush();
  }

  // --- what arrives ----------------------------------------------------------------------------------------------------------

  /** Handles one packet; true if somebody keeps the buffer. */
  #receive(token: number, at: number, length: number): boolean {
    const u32 = this.#u32;
    const typeOp = u32[at + W_TYPE_OP] as number;
    const hostPort = u32[at + W_SRC_PORT] as number;
    const guestPort = u32[at + W_DST_PORT] as number;
    const connection = this.#connections.get(hostPort);
    if ((typeOp & 0xffff) !== STREAM || connection === undefined || connection.guestPort !== guestPort) {
      return this.#receiveOther(token, at, length);
    }
    connection.peerBufAlloc = u32[at + W_BUF_ALLOC] as number;
    connection.peerFwdCount = u32[at + W_FWD_CNT] as number;
    const op = typeOp >>> 16;
    let kept = false;
    if (op === VIRTIO_VSOCK_OP_RW) {
      if (length === 0) return false;
      const held = (connection.rxCount - connection.fwdCount) >>> 0;
      if (!connection.established || connection.peerShut || held + length > RECEIVE_BYTES_MAX) {
        connection.abort();
        return false;
      }
      connection.rxCount = (connection.rxCount + length) >>> 0;
      const owner = connection.owner;
      if (owner) kept = owner.arrived(token, this.#rx.payloadAddress(token), length);
      else connection.consumed(length);
    } else this.#receiveControl(connection, op, u32[at + W_FLAGS] as number, token, length);
    if (connection.queued > 0) connection.pump();
    connection.tellWritable();
    return kept;
  }

  #receiveControl(connection: Connection, op: number, flags: number, token: number, length: number): void {
    switch (op) {
      case VIRTIO_VSOCK_OP_RST:
        connection.end(flags <= RST_ERRNO_MAX ? flags : ECONNRESET);
        return;
      case VIRTIO_VSOCK_OP_RESPONSE: {
        const local = this.#rx.address(token, 0, length);
        if (connection.established || connection.owner === null || local === null) {
          connection.abort();
          return;
        }
        connection.established = true;
        connection.owner.connected(local);
        connection.pump();
        return;
      }
      case VIRTIO_VSOCK_OP_SHUTDOWN:
        // RCV from the host means that the host's socket takes nothing any more; the RST that follows says so as well.
        if (flags & VIRTIO_VSOCK_SHUTDOWN_SEND && !connection.peerShut) {
          connection.peerShut = true;
          connection.owner?.peerEnded();
        }
        return;
      case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        this.control(connection, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
        return;
      case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
        return;
      default:
        connection.abort(); // a second REQUEST, or an operation that a device must not send
    }
  }

  /** Packets that belong to no connection; true if somebody keeps the buffer. */
  #receiveOther(token: number, at: number, length: number): boolean {
    const u32 = this.#u32;
    const hostPort = u32[at + W_SRC_PORT] as number;
    const guestPort = u32[at + W_DST_PORT] as number;
    const typeOp = u32[at + W_TYPE_OP] as number;
    const type = typeOp & 0xffff;
    const op = typeOp >>> 16;
    if (type === DGRAM) {
      if (op !== VIRTIO_VSOCK_OP_RW || length < ADDRESS_SLOT_BYTES) return false;
      return this.#events.datagram(guestPort, token, this.#rx.payloadAddress(token), length);
    }
    if (op === VIRTIO_VSOCK_OP_RST) return false;
    const known = this.#connections.has(hostPort);
    if (
      type === STREAM &&
      op === VIRTIO_VSOCK_OP_REQUEST &&
      !known &&
      hostPort >= HOST_PORT_MIN &&
      hostPort <= HOST_PORT_MAX
    ) {
      const peer = this.#rx.address(token, 0, length);
      const local = this.#rx.address(token, ADDRESS_SLOT_BYTES, length);
      if (peer && local && guestPort < NAME_PORT_MIN + this.names.length) {
        const connection = new Connection(this, guestPort, hostPort, null);
        connection.peerBufAlloc = u32[at + W_BUF_ALLOC] as number;
        connection.peerFwdCount = u32[at + W_FWD_CNT] as number;
        this.#connections.set(connection);
        this.#events.incoming(hostPort, guestPort, peer, local);
        return false;
      }
    }
    // 5.10.6.4.1: a reset is the answer to what nobody waits for.
    this.#reset(hostPort, guestPort, ECONNRESET);
    return false;
  }

  /** Credit that no data packet has carried meanwhile. */
  #returnCredit(): void {
    const list = this.#credit;
    if (list.length === 0) return;
    for (let i = 0; i < list.length; i++) {
      const connection = list[i] as Connection;
      connection.creditListed = false;
      if (connection.dead || (connection.fwdCount - connection.fwdTold) >>> 0 < RECEIVE_BYTES_MAX / 2) continue;
      this.control(connection, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
    }
    list.length = 0;
  }

  #reset(hostPort: number, guestPort: number, errno: number): void {
    this.tx.send({
      op: VIRTIO_VSOCK_OP_RST,
      type: STREAM,
      guestPort,
      hostPort,
      flags: errno,
      connection: null,
      address: null,
    });
  }

  #offerEventBuffer(token: number): void {
    this.#event.begin();
    this.#event.addWritable(this.#eventBuffers + token * 16, VSOCK_EVENT_BYTES);
    this.#event.submit(token);
  }

  #resetAll(errno: number): void {
    for (const connection of this.#connections.all()) connection.end(errno);
  }

  /** The device is out of service: what it held comes back, every connection ends. */
  #failed(): void {
    this.tx.reclaim();
    this.#resetAll(ECONNRESET);
  }
}

/** What the device publishes, from its configuration space. */
function readNames(transport: Transport): string[] {
  const names: string[] = [];
  let at = CONFIG_NAMES + 2;
  for (let count = Math.min(transport.readConfig(CONFIG_NAMES, 2), NAMES_MAX); count > 0; count--) {
    const length = transport.readConfig(at, 2);
    const bytes = new Uint8Array(Math.min(length, SOCKADDR_UN_BYTES - 2));
    for (let i = 0; i < bytes.length; i++) bytes[i] = transport.readConfig(at + 2 + i, 1);
    names.push(fromBytes(bytes));
    at += 2 + length;
  }
  return names;
}

function nextOutgoing(hostPort: number): number {
  return hostPort >= OUTGOING_PORT_MAX ? OUTGOING_PORT_MIN : hostPort + 1;
}
