/**
 * The send side of the socket driver: the transmit queue (virtio 1.2, 5.10.6), the header slots of its packets, and whoever waits for
 * a slot.
 *
 * A send chain is a header slot in kernel RAM and the payload where it lies. A slot is the chain's token: what comes back with it (the
 * connection, and the lent send that ends there) is kept by slot, so a data packet allocates nothing. Control packets always find a
 * slot, or wait in order until one is free; data leaves them CONTROL_SLOTS.
 *
 * Made by SocketDriver; used by it and by its Connections.
 */
import { ECONNRESET } from "../abi/errno.ts";
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../mem/physical.ts";
import { type Address, encodeAddress } from "../net/address.ts";
import type { VirtioDriver } from "./driver.ts";
import type { SocketDriver } from "./socket.ts";
import { type Connection, RECEIVE_BYTES_MAX } from "./socket-connection.ts";
import {
  ADDRESS_SLOT_BYTES,
  GUEST_CID,
  RINGZERO_FLAG_COPY,
  VIRTIO_VSOCK_OP_RW,
  VIRTIO_VSOCK_TYPE_DGRAM,
  VIRTIO_VSOCK_TYPE_STREAM,
  VMADDR_CID_HOST,
  VSOCK_HDR_BYTES,
  VSOCK_QUEUE_TX,
  W_BUF_ALLOC,
  W_DST_PORT,
  W_FLAGS,
  W_FWD_CNT,
  W_LEN,
  W_SRC_PORT,
  W_TYPE_OP,
} from "./socket-protocol.ts";
import type { Virtqueue } from "./virtqueue.ts";

const QUEUE_SIZE = 1024;
/** Bytes of a slot; the address of a REQUEST or of a datagram lies behind the header, in the same part. */
const SLOT_BYTES = 128;
/** Slots that data may not take, so that control packets always find one. */
const CONTROL_SLOTS = 32;
/**
 * With fewer free slots than this the device copies what is lent: peers that read slowly cost it memory, within their credit, but
 * cannot keep the slots from the others.
 */
const COPY_SLOTS = QUEUE_SIZE / 4;

const GATHERED = -1;

/** A packet without data: about a connection, about a port, or to nobody that is known. */
export interface ControlPacket {
  readonly op: number;
  readonly type: number;
  readonly guestPort: number;
  readonly hostPort: number;
  readonly flags: number;
  readonly connection: Connection | null;
  readonly address: Address | null;
}

export class SocketSendQueue {
  readonly #driver: SocketDriver;
  readonly #virtio: VirtioDriver;
  readonly #memory: PhysicalMemory;
  readonly #u32: Uint32Array;
  readonly #tx: Virtqueue;
  /** Where the slots begin. */
  readonly #slots: number;
  readonly #slotConnection: (Connection | null)[] = [];
  readonly #slotToken = new Uint32Array(QUEUE_SIZE);
  /** Length of the lent send that ends with this packet, else 0; GATHERED: the token is the slab that comes back. */
  readonly #slotTotal = new Float64Array(QUEUE_SIZE);
  readonly #freeSlots = new Int32Array(QUEUE_SIZE);
  #freeSlotCount = 0;
  #interrupts = false;
  /** Connections that found no slot; control packets that found none. */
  readonly #starved = new Set<Connection>();
  readonly #late: ControlPacket[] = [];

  constructor(memory: PhysicalMemory, virtio: VirtioDriver, driver: SocketDriver) {
    this.#driver = driver;
    this.#virtio = virtio;
    this.#memory = memory;
    this.#u32 = memory.kernelU32;
    this.#tx = virtio.queue(VSOCK_QUEUE_TX, QUEUE_SIZE, 2);
    this.#slots = memory.allocate(this.#tx.size * SLOT_BYTES, 64);
    for (let slot = this.#tx.size - 1; slot >= 0; slot--) {
      const at = this.#slotWord(slot);
      this.#u32[at] = GUEST_CID;
      this.#u32[at + 2] = VMADDR_CID_HOST;
      this.#slotConnection.push(null);
      this.#freeSlots[this.#freeSlotCount++] = slot;
    }
    this.#tx.setInterrupts(false);
  }

  // --- packets -------------------------------------------------------------------------------------------------------------

  /**
   * Submits a data packet of a connection. `total` > 0: with it ends the lent send `token`. False if there is no slot: the connection
   * is pumped once there is.
   */
  sendData(
    connection: Connection,
    address: number,
    length: number,
    flags: number,
    token: number,
    total: number,
  ): boolean {
    if (this.#freeSlotCount <= CONTROL_SLOTS && !this.#makeRoom(CONTROL_SLOTS)) {
      this.#starved.add(connection);
      return false;
    }
    const slot = this.#freeSlots[--this.#freeSlotCount] as number;
    const copied = this.#freeSlotCount < COPY_SLOTS ? RINGZERO_FLAG_COPY : flags;
    this.#writeHeader(slot, connection, VIRTIO_VSOCK_OP_RW, copied, length);
    const header = this.#slots + slot * SLOT_BYTES;
    if (!this.#tx.submitPair(slot, header, VSOCK_HDR_BYTES, address, length, false)) {
      this.#freeSlots[this.#freeSlotCount++] = slot;
      if (this.#virtio.failure === null) this.#starved.add(connection);
      return false;
    }
    this.#slotConnection[slot] = connection;
    this.#slotToken[slot] = token;
    this.#slotTotal[slot] = total;
    connection.underWay++;
    connection.txCount = (connection.txCount + length) >>> 0;
    return true;
  }

  /** Submits the bytes that a connection has gathered in a slab, which is free again once they are sent. False as above. */
  sendGathered(connection: Connection, address: number, length: number, slab: number): boolean {
    return this.sendData(connection, address, length, 0, slab, GATHERED);
  }

  /** A datagram of [address, address + length) to `to`; it has been copied when this returns. False: dropped, no room. */
  sendDatagram(guestPort: number, to: Address, address: number, length: number): boolean {
    const slot = this.#takeSlot(CONTROL_SLOTS);
    if (slot < 0) return false;
    const typeOp = VIRTIO_VSOCK_TYPE_DGRAM | (VIRTIO_VSOCK_OP_RW << 16);
    this.#writeBareHeader(slot, guestPort, 0, typeOp, RINGZERO_FLAG_COPY, ADDRESS_SLOT_BYTES + length);
    this.#writeAddress(slot, to);
    this.#tx.begin();
    this.#tx.addReadable(this.#slots + slot * SLOT_BYTES, VSOCK_HDR_BYTES + ADDRESS_SLOT_BYTES);
    this.#tx.addReadable(address, length);
    if (!this.#tx.submit(slot)) {
      this.#freeSlots[this.#freeSlotCount++] = slot;
      return false;
    }
    this.#driver.flush();
    return true;
  }

  /** Submits a datagram whose destination lies in a slot at its beginning, at `address`. False: dropped, no room. */
  sendSlotted(guestPort: number, address: number, length: number): boolean {
    const slot = this.#takeSlot(CONTROL_SLOTS);
    if (slot < 0) return false;
    const typeOp = VIRTIO_VSOCK_TYPE_DGRAM | (VIRTIO_VSOCK_OP_RW << 16);
    this.#writeBareHeader(slot, guestPort, 0, typeOp, RINGZERO_FLAG_COPY, length);
    const header = this.#slots + slot * SLOT_BYTES;
    if (this.#tx.submitPair(slot, header, VSOCK_HDR_BYTES, address, length, false)) return true;
    this.#freeSlots[this.#freeSlotCount++] = slot;
    return false;
  }

  /** Sends a control packet, later if there is no slot. */
  send(packet: ControlPacket): void {
    if (this.#late.length > 0 || !this.#trySend(packet)) if (this.#virtio.failure === null) this.#late.push(packet);
  }

  #trySend({ op, type, guestPort, hostPort, flags, connection, address }: ControlPacket): boolean {
    const slot = this.#takeSlot(0);
    if (slot < 0) return false;
    const length = address ? ADDRESS_SLOT_BYTES : 0;
    if (connection) this.#writeHeader(slot, connection, op, flags, length);
    else this.#writeBareHeader(slot, guestPort, hostPort, type | (op << 16), flags, length);
    if (address) this.#writeAddress(slot, address);
    this.#tx.begin();
    this.#tx.addReadable(this.#slots + slot * SLOT_BYTES, VSOCK_HDR_BYTES + length);
    if (this.#tx.submit(slot)) return true;
    this.#freeSlots[this.#freeSlotCount++] = slot;
    return false;
  }

  /** A connection is over: it waits for no slot any more. */
  forget(connection: Connection): void {
    this.#starved.delete(connection);
  }

  // --- the queue -------------------------------------------------------------------------------------------------------------

  /** Notifies the device of what was submitted, and takes back what it has served meanwhile. */
  kick(): void {
    while (this.#tx.kick() || this.#tx.hasUsed) this.drain();
  }

  /** What the device serves within the notification needs no interrupt: it is only asked for while some chains stay with the device. */
  settleInterrupts(): void {
    const wanted = this.#tx.outstanding > 0;
    if (wanted === this.#interrupts) return;
    this.#interrupts = wanted;
    if (this.#tx.setInterrupts(wanted)) this.drain();
  }

  /** Takes back what the device has served; then those go on who waited for a slot. */
  drain(): void {
    const tx = this.#tx;
    while (tx.popUsed()) this.#sent(tx.usedToken, 0);
    if (this.#late.length > 0) this.#sendLate();
    if (this.#starved.size > 0) {
      for (const connection of this.#starved) {
        if (this.#freeSlotCount <= CONTROL_SLOTS) break;
        this.#starved.delete(connection);
        connection.pump();
        connection.tellWritable();
      }
    }
  }

  /** The device is out of service: what it held comes back. */
  reclaim(): void {
    while (this.#tx.reclaim()) this.#sent(this.#tx.usedToken, -ECONNRESET);
    this.#late.length = 0;
    this.#starved.clear();
  }

  #sent(slot: number, error: number): void {
    this.#freeSlots[this.#freeSlotCount++] = slot;
    const connection = this.#slotConnection[slot];
    if (!connection) return;
    this.#slotConnection[slot] = null;
    connection.underWay--;
    const total = this.#slotTotal[slot] as number;
    if (total === GATHERED) this.#driver.gathered.release(this.#slotToken[slot] as number);
    else if (total > 0) this.#driver.sink.sent(connection.ringFd, this.#slotToken[slot] as number, error || total);
    if (connection.dead) connection.settle();
    else if (connection.queued > 0) connection.pump();
  }

  #sendLate(): void {
    let done = 0;
    while (done < this.#late.length && this.#trySend(this.#late[done] as ControlPacket)) done++;
    this.#late.splice(0, done);
  }

  // --- slots -----------------------------------------------------------------------------------------------------------------

  /** A free slot, leaving `reserve`; -1 if there is none, not even after the device has served what it has. */
  #takeSlot(reserve: number): number {
    if (this.#freeSlotCount <= reserve && !this.#makeRoom(reserve)) return -1;
    return this.#freeSlots[--this.#freeSlotCount] as number;
  }

  /** Lets the device serve what it has, unless that is going on; true if more than `reserve` slots are free then. */
  #makeRoom(reserve: number): boolean {
    this.#driver.flush();
    return this.#freeSlotCount > reserve;
  }

  #writeHeader(slot: number, connection: Connection, op: number, flags: number, length: number): void {
    const at = this.#slotWord(slot);
    const u32 = this.#u32;
    u32[at + W_SRC_PORT] = connection.guestPort;
    u32[at + W_DST_PORT] = connection.hostPort;
    u32[at + W_LEN] = length;
    u32[at + W_TYPE_OP] = VIRTIO_VSOCK_TYPE_STREAM | (op << 16);
    u32[at + W_FLAGS] = flags;
    u32[at + W_BUF_ALLOC] = RECEIVE_BYTES_MAX;
    u32[at + W_FWD_CNT] = connection.fwdCount;
    connection.fwdTold = connection.fwdCount;
  }

  /** The header of a packet that belongs to no connection. */
  #writeBareHeader(
    slot: number,
    guestPort: number,
    hostPort: number,
    typeOp: number,
    flags: number,
    length: number,
  ): void {
    const at = this.#slotWord(slot);
    const u32 = this.#u32;
    u32[at + W_SRC_PORT] = guestPort;
    u32[at + W_DST_PORT] = hostPort;
    u32[at + W_LEN] = length;
    u32[at + W_TYPE_OP] = typeOp;
    u32[at + W_FLAGS] = flags;
    u32[at + W_BUF_ALLOC] = 0;
    u32[at + W_FWD_CNT] = 0;
  }

  /** An address behind the header of a slot. */
  #writeAddress(slot: number, address: Address): void {
    const at = this.#slots - KERNEL_RAM_BASE + slot * SLOT_BYTES + VSOCK_HDR_BYTES;
    const bytes = this.#memory.kernelBytes.subarray(at, at + ADDRESS_SLOT_BYTES);
    bytes.fill(0);
    encodeAddress(address, bytes);
  }

  #slotWord(slot: number): number {
    return (this.#slots - KERNEL_RAM_BASE + slot * SLOT_BYTES) >>> 2;
  }
}
