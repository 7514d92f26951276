/**
 * The socket driver (virtio 1.2, 5.10, with the extension of kernel/virtio/README.md): stream connections and datagrams between
 * the machine's sockets and the host's.
 *
 * Buffers. A receive chain is a 44-byte header in kernel RAM and a payload buffer: kernel RAM at first, the guest's own after
 * `lendBuffers` (then received bytes are where the guest parses them). A send chain is a header slot in kernel RAM and the payload where it
 * lies. `kick` is one notification for everything submitted; what the device serves in it comes back before `flush` returns, so
 * the interrupt for used send chains is off unless some stay with the device.
 *
 * What always holds: nothing that the device says is trusted: unknown connections, wrong lengths, bytes beyond the credit or after
 * a shutdown end in a reset of that connection, malformed chains in a reset of the device. No packet allocates.
 */
import { ECONNREFUSED, ECONNRESET, ENETDOWN } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../mem/physical.ts";
import { type Address, decodeAddress, encodeAddress } from "../net/address.ts";
import { VirtioDriver } from "./driver.ts";
import { Connection, type ConnectionOwner, RECEIVE_BYTES_MAX } from "./socket-connection.ts";
import {
  ADDRESS_SLOT_BYTES,
  GUEST_CID,
  HOST_PORT_MAX,
  HOST_PORT_MIN,
  OUTGOING_PORT_MAX,
  OUTGOING_PORT_MIN,
  RINGZERO_FLAG_COPY,
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
  VMADDR_CID_HOST,
  VSOCK_EVENT_BYTES,
  VSOCK_HDR_BYTES,
  VSOCK_QUEUE_EVENT,
  VSOCK_QUEUE_RX,
  VSOCK_QUEUE_TX,
} from "./socket-protocol.ts";
import { type Transport, VIRTIO_ID_VSOCK } from "./transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** What arrives without a connection: the network stack. */
export interface SocketEvents {
  /** Somebody wants to connect: answer with `accept` or `refuse`, now or later. */
  incoming(hostPort: number, guestPort: number, peer: Address, local: Address): void;
  /** An incoming request that has not been answered is void. */
  withdrawn(hostPort: number, guestPort: number): void;
  datagram(guestPort: number, from: Address, payload: Uint8Array): void;
}

/** Where the tokens of lent sends go: the completion ring. */
export interface SentSink {
  sent(fd: number, token: number, result: number): void;
}

export const KERNEL_BUFFERS = 64;
export const KERNEL_BUFFER_BYTES = 16 * 1024;
const RX_QUEUE_SIZE = 1024;
const TX_QUEUE_SIZE = 1024;
const EVENT_BUFFERS = 4;
/** Bytes of a header slot; the addresses of a REQUEST and of a datagram lie behind the header, in the same part. */
const RX_SLOT_BYTES = 64;
const TX_SLOT_BYTES = 128;
/** Slots that data may not take, so that control packets always find one. */
const CONTROL_SLOTS = 32;
/**
 * With fewer free slots than this the device copies what is lent: peers that read slowly cost it memory, within their credit, but
 * cannot keep the slots from the others.
 */
const COPY_SLOTS = TX_QUEUE_SIZE / 4;
/** Index of header fields in 32-bit words. */
const W_SRC_PORT = 4;
const W_DST_PORT = 5;
const W_LEN = 6;
const W_TYPE_OP = 7;
const W_FLAGS = 8;
const W_BUF_ALLOC = 9;
const W_FWD_CNT = 10;

const NO_SINK: SentSink = { sent() {} };

export class SocketDriver {
  sink: SentSink = NO_SINK;
  /** True while the completion ring's dispatch runs: kicks wait for its end. */
  corked = false;
  readonly #memory: PhysicalMemory;
  readonly #u32: Uint32Array;
  readonly #virtio: VirtioDriver;
  readonly #events: SocketEvents;
  readonly #rx: Virtqueue;
  readonly #tx: Virtqueue;
  readonly #event: Virtqueue;
  readonly #eventBuffers: number;
  readonly #connections = new Map<number, Connection>();
  #nextOutgoing = OUTGOING_PORT_MIN;

  /** Receive buffers by token: the first KERNEL_BUFFERS are the kernel's, the others the guest's. */
  readonly #rxHeaders: number;
  readonly #rxAddress = new Float64Array(RX_QUEUE_SIZE);
  readonly #rxBytes = new Uint32Array(RX_QUEUE_SIZE);
  #rxCount = 0;
  #guestBuffers = false;
  #rxToKick = false;

  /** Send slots: what comes back with a used chain. */
  readonly #txSlots: number;
  readonly #slotConnection: (Connection | null)[] = [];
  readonly #slotToken = new Uint32Array(TX_QUEUE_SIZE);
  /** Length of the lent send that ends with this packet, else 0. */
  readonly #slotTotal = new Float64Array(TX_QUEUE_SIZE);
  readonly #freeSlots = new Int32Array(TX_QUEUE_SIZE);
  #freeSlotCount = 0;
  #flushing = false;
  #txInterrupts = false;
  /** Connections that found no slot; those that have credit to return; control packets that found no slot. */
  readonly #starved = new Set<Connection>();
  readonly #credit: Connection[] = [];
  readonly #late: LatePacket[] = [];

  constructor(memory: PhysicalMemory, transport: Transport, events: SocketEvents) {
    this.#memory = memory;
    this.#u32 = memory.kernelU32;
    this.#events = events;
    this.#virtio = new VirtioDriver(memory, transport, {
      name: "net",
      deviceId: VIRTIO_ID_VSOCK,
      onFailure: () => this.#failed(),
    });
    this.#rx = this.#virtio.queue(VSOCK_QUEUE_RX, RX_QUEUE_SIZE, 2);
    this.#tx = this.#virtio.queue(VSOCK_QUEUE_TX, TX_QUEUE_SIZE, 2);
    this.#event = this.#virtio.queue(VSOCK_QUEUE_EVENT, EVENT_BUFFERS);
    this.#rxHeaders = memory.allocate(this.#rx.size * RX_SLOT_BYTES, 64);
    this.#txSlots = memory.allocate(this.#tx.size * TX_SLOT_BYTES, 64);
    this.#eventBuffers = memory.allocate(EVENT_BUFFERS * 16, 16);
    for (let slot = this.#tx.size - 1; slot >= 0; slot--) {
      const at = this.#slotWord(slot);
      this.#u32[at] = GUEST_CID;
      this.#u32[at + 2] = VMADDR_CID_HOST;
      this.#slotConnection.push(null);
      this.#freeSlots[this.#freeSlotCount++] = slot;
    }
    this.#tx.setInterrupts(false);
    const pool = memory.allocate(KERNEL_BUFFERS * KERNEL_BUFFER_BYTES, 4096);
    for (let i = 0; i < KERNEL_BUFFERS && i < this.#rx.size; i++) {
      this.#addReceiveBuffer(pool + i * KERNEL_BUFFER_BYTES, KERNEL_BUFFER_BYTES);
    }
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
    return this.#rx.size - this.#rxCount;
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
    this.#connections.set(hostPort, connection);
    this.#send({ op: VIRTIO_VSOCK_OP_REQUEST, type: STREAM, guestPort, hostPort, flags: 0, connection, address: to });
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
    this.#send({ op, type, guestPort: 0, hostPort: guestPort, flags: backlog, connection: null, address: null });
    this.kick();
  }

  /** A datagram of [address, address + length) to `to`; it has been copied when this returns. False: dropped, no room. */
  sendDatagram(guestPort: number, to: Address, address: number, length: number): boolean {
    const slot = this.#takeSlot(CONTROL_SLOTS);
    if (slot < 0) return false;
    const at = this.#slotWord(slot);
    const bytes = this.#slotBytes(slot, ADDRESS_SLOT_BYTES);
    bytes.fill(0);
    encodeAddress(to, bytes);
    const u32 = this.#u32;
    u32[at + W_SRC_PORT] = guestPort;
    u32[at + W_DST_PORT] = 0;
    u32[at + W_LEN] = ADDRESS_SLOT_BYTES + length;
    u32[at + W_TYPE_OP] = DGRAM | (VIRTIO_VSOCK_OP_RW << 16);
    u32[at + W_FLAGS] = RINGZERO_FLAG_COPY;
    u32[at + W_BUF_ALLOC] = 0;
    u32[at + W_FWD_CNT] = 0;
    this.#tx.begin();
    this.#tx.addReadable(this.#txSlots + slot * TX_SLOT_BYTES, VSOCK_HDR_BYTES + ADDRESS_SLOT_BYTES);
    this.#tx.addReadable(address, length);
    if (!this.#tx.submit(slot)) {
      this.#freeSlots[this.#freeSlotCount++] = slot;
      return false;
    }
    this.flush();
    return true;
  }

  /**
   * Submits a data packet of a connection. `total` > 0: with it ends the lent send `token`. False if there is no slot: the connection
   * is pumped once there is. For Connection.
   */
  sendData(
    connection: Connection,
    address: number,
    length: number,
    flags: number,
    token: number,
    total: number,
  ): boolean {
    if (this.#freeSlotCount <= CONTROL_SLOTS && this.#takeSlot(CONTROL_SLOTS, false) < 0) {
      this.#starved.add(connection);
      return false;
    }
    const slot = this.#freeSlots[--this.#freeSlotCount] as number;
    const copied = this.#freeSlotCount < COPY_SLOTS ? RINGZERO_FLAG_COPY : flags;
    this.#writeHeader(slot, connection, VIRTIO_VSOCK_OP_RW, copied, length);
    const tx = this.#tx;
    tx.begin();
    tx.addReadable(this.#txSlots + slot * TX_SLOT_BYTES, VSOCK_HDR_BYTES);
    tx.addReadable(address, length);
    if (!tx.submit(slot)) {
      this.#freeSlots[this.#freeSlotCount++] = slot;
      if (!this.down) this.#starved.add(connection);
      return false;
    }
    this.#slotConnection[slot] = connection;
    this.#slotToken[slot] = token;
    this.#slotTotal[slot] = total;
    connection.underWay++;
    connection.txCount = (connection.txCount + length) >>> 0;
    return true;
  }

  /** A packet without payload of a connection. For Connection. */
  control(connection: Connection, op: number, flags: number): void {
    const { guestPort, hostPort } = connection;
    this.#send({ op, type: STREAM, guestPort, hostPort, flags, connection, address: null });
  }

  /** A connection has half of its receive buffer to return. For Connection. */
  listCredit(connection: Connection): void {
    connection.creditListed = true;
    this.#credit.push(connection);
  }

  /** Takes a connection out of the table. For Connection. */
  forget(connection: Connection): void {
    this.#starved.delete(connection);
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
    this.#returnCredit();
    while (this.#tx.kick() || this.#tx.hasUsed) this.#drainTx();
    if (this.#rxToKick) {
      this.#rxToKick = false;
      this.#rx.kick();
    }
    const wanted = this.#tx.outstanding > 0;
    if (wanted !== this.#txInterrupts) {
      this.#txInterrupts = wanted;
      if (this.#tx.setInterrupts(wanted)) this.#drainTx();
    }
    this.#flushing = false;
  }

  /** Gives the device a buffer of the guest's to receive into; its token, or -1 if there are too many. */
  lendBuffer(address: number, bytes: number): number {
    this.#guestBuffers = true;
    return this.#addReceiveBuffer(address, bytes);
  }

  /** Makes a receive buffer available again; the device hears of it with the next flush. */
  repost(token: number): void {
    // The kernel's own buffers serve until the guest has given some.
    if (token < KERNEL_BUFFERS && this.#guestBuffers) return;
    this.#offer(token);
  }

  handleInterrupt(kernel: Kernel): void {
    this.#virtio.acknowledge(kernel);
    this.#drainTx();
    this.#drainRx(kernel);
    while (this.#event.popUsed()) {
      const token = this.#event.usedToken;
      this.#resetAll(ECONNRESET); // the only event there is: VIRTIO_VSOCK_EVENT_TRANSPORT_RESET
      this.#offerEventBuffer(token);
      this.#event.kick();
    }
    this.flush();
  }

  #drainTx(): void {
    const tx = this.#tx;
    while (tx.popUsed()) this.#sent(tx.usedToken, 0);
    if (this.#late.length > 0) this.#sendLate();
    if (this.#starved.size > 0) {
      for (const connection of this.#starved) {
        if (this.#freeSlotCount <= CONTROL_SLOTS) break;
        this.#starved.delete(connection);
        connection.pump();
        if (connection.wantsCredit && connection.canCopy) this.#tellWritable(connection);
      }
    }
  }

  #sent(slot: number, error: number): void {
    this.#freeSlots[this.#freeSlotCount++] = slot;
    const connection = this.#slotConnection[slot];
    if (!connection) return;
    this.#slotConnection[slot] = null;
    connection.underWay--;
    const total = this.#slotTotal[slot] as number;
    if (total > 0) this.sink.sent(connection.ringFd, this.#slotToken[slot] as number, error || total);
    if (connection.dead) connection.settle();
    else if (connection.queued > 0) connection.pump();
  }

  #drainRx(kernel: Kernel): void {
    const rx = this.#rx;
    const u32 = this.#u32;
    while (rx.popUsed()) {
      const token = rx.usedToken;
      const at = (this.#rxHeaders - KERNEL_RAM_BASE + token * RX_SLOT_BYTES) >>> 2;
      const length = u32[at + W_LEN] as number;
      if (rx.usedLength < VSOCK_HDR_BYTES || length !== rx.usedLength - VSOCK_HDR_BYTES) {
        this.#virtio.fail(`a packet of ${rx.usedLength} bytes whose header says ${length}`);
        this.#virtio.acknowledge(kernel);
        return;
      }
      if (!this.#receive(token, at, length)) this.repost(token);
      this.#rxToKick = true;
    }
  }

  /** Handles one packet; true if somebody keeps the buffer. */
  #receive(token: number, at: number, length: number): boolean {
    const u32 = this.#u32;
    const typeOp = u32[at + W_TYPE_OP] as number;
    const hostPort = u32[at + W_SRC_PORT] as number;
    const guestPort = u32[at + W_DST_PORT] as number;
    const connection = this.#connections.get(hostPort);
    if ((typeOp & 0xffff) !== STREAM || connection === undefined || connection.guestPort !== guestPort) {
      this.#receiveOther(token, typeOp, hostPort, guestPort, length);
      return false;
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
      if (owner) kept = owner.arrived(token, this.#rxAddress[token] as number, length);
      else connection.consumed(length);
    } else this.#receiveControl(connection, op, u32[at + W_FLAGS] as number, token, length);
    if (connection.queued > 0) connection.pump();
    if (connection.wantsCredit && connection.canCopy) this.#tellWritable(connection);
    return kept;
  }

  #receiveControl(connection: Connection, op: number, flags: number, token: number, length: number): void {
    switch (op) {
      case VIRTIO_VSOCK_OP_RST:
        connection.end(flags <= RST_ERRNO_MAX ? flags : ECONNRESET);
        return;
      case VIRTIO_VSOCK_OP_RESPONSE: {
        const local = this.#addressAt(token, 0, length);
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

  /** Packets that belong to no connection. */
  #receiveOther(token: number, typeOp: number, hostPort: number, guestPort: number, length: number): void {
    const type = typeOp & 0xffff;
    const op = typeOp >>> 16;
    if (type === DGRAM) {
      const from = this.#addressAt(token, 0, length);
      if (op !== VIRTIO_VSOCK_OP_RW || from === null) return;
      const payload = this.#memory.slice(
        (this.#rxAddress[token] as number) + ADDRESS_SLOT_BYTES,
        length - ADDRESS_SLOT_BYTES,
      );
      if (payload) this.#events.datagram(guestPort, from, payload);
      return;
    }
    if (op === VIRTIO_VSOCK_OP_RST) return;
    const known = this.#connections.has(hostPort);
    if (
      type === STREAM &&
      op === VIRTIO_VSOCK_OP_REQUEST &&
      !known &&
      hostPort >= HOST_PORT_MIN &&
      hostPort <= HOST_PORT_MAX
    ) {
      const peer = this.#addressAt(token, 0, length);
      const local = this.#addressAt(token, ADDRESS_SLOT_BYTES, length);
      if (peer && local && guestPort <= 0xffff) {
        const at = (this.#rxHeaders - KERNEL_RAM_BASE + token * RX_SLOT_BYTES) >>> 2;
        const connection = new Connection(this, guestPort, hostPort, null);
        connection.peerBufAlloc = this.#u32[at + W_BUF_ALLOC] as number;
        connection.peerFwdCount = this.#u32[at + W_FWD_CNT] as number;
        this.#connections.set(hostPort, connection);
        this.#events.incoming(hostPort, guestPort, peer, local);
        return;
      }
    }
    // 5.10.6.4.1: a reset is the answer to what nobody waits for.
    this.#reset(hostPort, guestPort, ECONNRESET);
  }

  #tellWritable(connection: Connection): void {
    connection.wantsCredit = false;
    connection.owner?.writable();
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
    this.#send({
      op: VIRTIO_VSOCK_OP_RST,
      type: STREAM,
      guestPort,
      hostPort,
      flags: errno,
      connection: null,
      address: null,
    });
  }

  /** Sends a control packet, later if there is no slot. */
  #send(packet: LatePacket): void {
    if (this.#late.length > 0 || !this.#trySend(packet)) if (!this.down) this.#late.push(packet);
  }

  #sendLate(): void {
    let done = 0;
    while (done < this.#late.length && this.#trySend(this.#late[done] as LatePacket)) done++;
    this.#late.splice(0, done);
  }

  #trySend({ op, type, guestPort, hostPort, flags, connection, address }: LatePacket): boolean {
    const slot = this.#takeSlot(0);
    if (slot < 0) return false;
    const length = address ? ADDRESS_SLOT_BYTES : 0;
    const at = this.#slotWord(slot);
    if (connection) this.#writeHeader(slot, connection, op, flags, length);
    else {
      const u32 = this.#u32;
      u32[at + W_SRC_PORT] = guestPort;
      u32[at + W_DST_PORT] = hostPort;
      u32[at + W_LEN] = length;
      u32[at + W_TYPE_OP] = type | (op << 16);
      u32[at + W_FLAGS] = flags;
      u32[at + W_BUF_ALLOC] = 0;
      u32[at + W_FWD_CNT] = 0;
    }
    if (address) {
      const bytes = this.#slotBytes(slot, ADDRESS_SLOT_BYTES);
      bytes.fill(0);
      encodeAddress(address, bytes);
    }
    this.#tx.begin();
    this.#tx.addReadable(this.#txSlots + slot * TX_SLOT_BYTES, VSOCK_HDR_BYTES + length);
    if (this.#tx.submit(slot)) return true;
    this.#freeSlots[this.#freeSlotCount++] = slot;
    return false;
  }

  #writeHeader(slot: number, connection: Connection, op: number, flags: number, length: number): void {
    const at = this.#slotWord(slot);
    const u32 = this.#u32;
    u32[at + W_SRC_PORT] = connection.guestPort;
    u32[at + W_DST_PORT] = connection.hostPort;
    u32[at + W_LEN] = length;
    u32[at + W_TYPE_OP] = STREAM | (op << 16);
    u32[at + W_FLAGS] = flags;
    u32[at + W_BUF_ALLOC] = RECEIVE_BYTES_MAX;
    u32[at + W_FWD_CNT] = connection.fwdCount;
    connection.fwdTold = connection.fwdCount;
  }

  /** A free slot, leaving `reserve`; -1 if there is none, not even after the device has served what it has. */
  #takeSlot(reserve: number, take = true): number {
    if (this.#freeSlotCount <= reserve && !this.#flushing) {
      this.flush();
    }
    if (this.#freeSlotCount <= reserve) return -1;
    return take ? (this.#freeSlots[--this.#freeSlotCount] as number) : 0;
  }

  #slotWord(slot: number): number {
    return (this.#txSlots - KERNEL_RAM_BASE + slot * TX_SLOT_BYTES) >>> 2;
  }

  /** The `length` bytes behind the header of a slot. */
  #slotBytes(slot: number, length: number): Uint8Array {
    const at = this.#txSlots - KERNEL_RAM_BASE + slot * TX_SLOT_BYTES + VSOCK_HDR_BYTES;
    return this.#memory.kernelBytes.subarray(at, at + length);
  }

  /** The sockaddr at `offset` of a received payload, or null if there is none. */
  #addressAt(token: number, offset: number, length: number): Address | null {
    if (offset + ADDRESS_SLOT_BYTES > length) return null;
    const bytes = this.#memory.slice((this.#rxAddress[token] as number) + offset, ADDRESS_SLOT_BYTES);
    const address = bytes ? decodeAddress(bytes) : -1;
    return typeof address === "number" || address.host.length === 0 ? null : address;
  }

  #addReceiveBuffer(address: number, bytes: number): number {
    if (this.#rxCount >= this.#rx.size) return -1;
    const token = this.#rxCount++;
    this.#rxAddress[token] = address;
    this.#rxBytes[token] = bytes;
    this.#offer(token);
    return token;
  }

  #offer(token: number): void {
    const rx = this.#rx;
    rx.begin();
    rx.addWritable(this.#rxHeaders + token * RX_SLOT_BYTES, VSOCK_HDR_BYTES);
    rx.addWritable(this.#rxAddress[token] as number, this.#rxBytes[token] as number);
    rx.submit(token);
    this.#rxToKick = true;
  }

  #offerEventBuffer(token: number): void {
    this.#event.begin();
    this.#event.addWritable(this.#eventBuffers + token * 16, VSOCK_EVENT_BYTES);
    this.#event.submit(token);
  }

  #resetAll(errno: number): void {
    for (const connection of [...this.#connections.values()]) connection.end(errno);
  }

  /** The device is out of service: what it held comes back, every connection ends. */
  #failed(): void {
    while (this.#tx.reclaim()) this.#sent(this.#tx.usedToken, -ECONNRESET);
    this.#late.length = 0;
    this.#starved.clear();
    this.#resetAll(ECONNRESET);
  }
}

const STREAM = VIRTIO_VSOCK_TYPE_STREAM;
const DGRAM = VIRTIO_VSOCK_TYPE_DGRAM;

interface LatePacket {
  readonly op: number;
  readonly type: number;
  readonly guestPort: number;
  readonly hostPort: number;
  readonly flags: number;
  readonly connection: Connection | null;
  readonly address: Address | null;
}

function nextOutgoing(hostPort: number): number {
  return hostPort >= OUTGOING_PORT_MAX ? OUTGOING_PORT_MIN : hostPort + 1;
}
