/**
 * The network device's receive queue (virtio 1.2, 5.10.6): packets for the guest, and whoever waits for a buffer.
 *
 * Datagrams, and short messages that host sockets deliver one by one in a poll phase, are gathered (`gather`) and put into receive buffers all at
 * once, when the phase is over: between two reads of the host's the work of the queue would find its code and data gone from the processor's caches.
 * The interrupt is raised with the first of them, so that the driver's turn comes right after.
 *
 * What always holds: a receive chain is filled and used at once. What is gathered goes before anything that is said later about a
 * connection. Control packets that find no chain wait in order, then datagrams (up to DATAGRAMS_MAX, what comes
 * then is lost), then endpoints whose bytes found none. While anybody
 * waits the driver is asked to notify. Nobody but NetDevice uses it; except where a method says so, the caller signals.
 */
import { COPY_WORDS_MAX, copyBytes, copyWords } from "../../kernel/mem/copy-bytes.ts";
import { KERNEL_RAM_BASE, type PhysicalMemory, PROCESS_MEMORY_BASE } from "../../kernel/mem/physical.ts";
import {
  ADDRESS_SLOT_BYTES,
  GUEST_CID,
  VIRTIO_VSOCK_OP_RST,
  VIRTIO_VSOCK_OP_RW,
  VIRTIO_VSOCK_TYPE_DGRAM,
  VIRTIO_VSOCK_TYPE_STREAM,
  VMADDR_CID_HOST,
  VSOCK_HDR_BYTES,
} from "../../kernel/virtio/socket-protocol.ts";
import type { Chain } from "../queue/chain.ts";
import type { DeviceQueue } from "../queue/device-queue.ts";
import { slotPort } from "./host-address.ts";
import { sharedBytes, sharedWords } from "./shared-read.ts";
import { SEND_BYTES_MAX, type StreamEndpoint } from "./stream-endpoint.ts";
import type { UdpBatch } from "./udp-batch.ts";

/** Bytes that are gathered at most, and the longest message that is. */
const GATHERED_BYTES_MAX = 64 * 1024;
/** Datagrams that are gathered, or wait for a buffer, at most. */
const DATAGRAMS_MAX = 256;
export const GATHERED_MESSAGE_BYTES_MAX = 2048;

const STREAM = VIRTIO_VSOCK_TYPE_STREAM;
const DGRAM = VIRTIO_VSOCK_TYPE_DGRAM;
const NOTHING = new Uint8Array(0);

interface Packet {
  readonly hostPort: number;
  readonly guestPort: number;
  readonly op: number;
  readonly type: number;
  readonly flags: number;
  readonly endpoint: StreamEndpoint | null;
  readonly payload: Uint8Array | null;
}

export class NetReceiveQueue {
  /** The machine is over: no packet is sent any more. */
  closed = false;
  readonly #memory: PhysicalMemory;
  readonly #rx: DeviceQueue;
  /** Packets that found no receive chain, then endpoints whose bytes found none. */
  readonly #outbox: Packet[] = [];
  readonly #waiting: StreamEndpoint[] = [];
  /** Messages that are gathered, each at a multiple of 4 in `#bytes`: whose they are, and how long. */
  readonly #bytes = new Uint8Array(GATHERED_BYTES_MAX);
  readonly #words = new Uint32Array(this.#bytes.buffer);
  readonly #gathered: StreamEndpoint[] = [];
  readonly #lengths: number[] = [];
  #gatheredCount = 0;
  #gatheredBytes = 0;
  /** Datagrams that are gathered: guest ports, slots of the hosts they come from, ports there, payloads. */
  readonly #datagramPorts: number[] = [];
  readonly #datagramSlots: Uint8Array[] = [];
  readonly #datagramFrom: number[] = [];
  readonly #datagramPayloads: Uint8Array[] = [];
  #datagramCount = 0;
  /** So many of them have found no buffer yet. */
  #datagramsWaiting = 0;
  readonly #slot = new Uint8Array(ADDRESS_SLOT_BYTES);
  #flushing = false;
  readonly #interrupt: () => void;

  /** `interrupt` has the driver look, before which it lets `flushGathered` be called. */
  constructor(memory: PhysicalMemory, rx: DeviceQueue, interrupt: () => void) {
    this.#memory = memory;
    this.#rx = rx;
    this.#interrupt = interrupt;
  }

  /** The driver is live: nobody waits for its buffers yet. */
  started(): void {
    this.#rx.setNotifications(false);
  }

  /** Tells the driver of what was used. */
  signal(): void {
    this.#rx.signal();
  }

  /** All connections are gone: nobody waits. */
  clear(): void {
    this.#gatheredCount = 0;
    this.#gatheredBytes = 0;
    this.#gathered.length = 0;
    this.#datagramCount = 0;
    this.#datagramsWaiting = 0;
    this.#datagramPayloads.length = 0;
    this.#outbox.length = 0;
    this.#waiting.length = 0;
  }

  // --- bytes and packets -------------------------------------------------------------------------------------------------------

  /** Gathers a short message, the first `count` bytes of `chunk`. False: there is no room, it must be delivered. */
  gather(endpoint: StreamEndpoint, chunk: Uint8Array, count: number): boolean {
    const from = this.#gatheredBytes;
    if (from + count > GATHERED_BYTES_MAX || this.#flushing) return false;
    const index = this.#gatheredCount;
    if (index === 0) this.#interrupt();
    if (chunk === sharedBytes && count <= COPY_WORDS_MAX) {
      copyWords(sharedWords, 0, (count + 3) >>> 2, this.#words, from >>> 2);
    } else copyBytes(chunk, 0, count, this.#bytes, from);
    this.#gathered[index] = endpoint;
    this.#lengths[index] = count;
    this.#gatheredCount = index + 1;
    this.#gatheredBytes = (from + count + 3) & ~3;
    return true;
  }

  /** Gathers a datagram, which is ours from now on, for a guest port, from the host in `slot` (whose port does not count) and its port `from`. */
  gatherDatagram(guestPort: number, slot: Uint8Array, from: number, payload: Uint8Array): void {
    if (this.#datagramCount === DATAGRAMS_MAX) this.flushGathered();
    if (this.#datagramCount === DATAGRAMS_MAX) return; // the guest takes none: lost, as datagrams may be
    const index = this.#datagramCount++;
    if (index === this.#datagramsWaiting) this.#interrupt();
    this.#datagramPorts[index] = guestPort;
    this.#datagramSlots[index] = slot;
    this.#datagramFrom[index] = from;
    this.#datagramPayloads[index] = payload;
  }

  /** Puts what is gathered into receive buffers. Signals. */
  flushGathered(): void {
    if (this.#gatheredCount + this.#datagramCount === 0) return;
    this.#fillGathered();
    this.#rx.signal();
  }

  /** The same for a driver that is about to look. */
  settleGathered(): void {
    if (this.#gatheredCount + this.#datagramCount === 0) return;
    this.#fillGathered();
    this.#rx.signalled();
  }

  #fillGathered(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    const gathered = this.#gathered;
    const count = this.#gatheredCount;
    for (let i = 0, from = 0; i < count; i++) {
      const end = from + (this.#lengths[i] as number);
      (gathered[i] as StreamEndpoint).receive(this.#bytes, from, end);
      from = (end + 3) & ~3;
    }
    this.#gatheredCount = 0;
    this.#gatheredBytes = 0;
    this.#fillDatagrams();
    this.#flushing = false;
  }

  #fillDatagrams(): void {
    const count = this.#datagramCount;
    let done = 0;
    while (done < count && this.#fillDatagram(done)) done++;
    // Those that have found no buffer move to the front.
    for (let i = done; i < count && done > 0; i++) {
      this.#datagramPorts[i - done] = this.#datagramPorts[i] as number;
      this.#datagramSlots[i - done] = this.#datagramSlots[i] as Uint8Array;
      this.#datagramFrom[i - done] = this.#datagramFrom[i] as number;
      this.#datagramPayloads[i - done] = this.#datagramPayloads[i] as Uint8Array;
    }
    this.#datagramCount = count - done;
    this.#datagramsWaiting = count - done;
  }

  /** Bytes of a connection, chunk[offset, end), as far as buffers and credit reach; how far that is. Signals. */
  deliver(endpoint: StreamEndpoint, chunk: Uint8Array, offset: number, end: number): number {
    if (this.#gatheredCount > 0) this.flushGathered();
    const at = this.fill(endpoint, chunk, offset, end);
    this.#rx.signal();
    return at;
  }

  /** The same without a signal. */
  fill(endpoint: StreamEndpoint, chunk: Uint8Array, offset: number, end: number): number {
    let at = offset;
    while (at < end) {
      if (endpoint.waiting) break;
      const { credit } = endpoint;
      if (credit === 0) break;
      const chain = this.#pop();
      if (chain === null) {
        endpoint.waiting = true;
        this.#waiting.push(endpoint);
        break;
      }
      const size = Math.min(end - at, credit, chain.writableBytes - VSOCK_HDR_BYTES);
      if (size <= 0) {
        this.#rx.fail("a receive buffer with no room for a byte");
        break;
      }
      this.#fill(chain, endpoint.hostPort, endpoint.guestPort, STREAM | (VIRTIO_VSOCK_OP_RW << 16), 0, size, endpoint);
      this.#writePayload(chain, chunk, at, size);
      this.#rx.push(chain, VSOCK_HDR_BYTES + size);
      endpoint.txCount = (endpoint.txCount + size) >>> 0;
      at += size;
    }
    return at;
  }

  /** The datagrams in `batch`, lent for the call, behind what is gathered; those that find no buffer wait as copies. Signals. */
  lendDatagrams(guestPort: number, batch: UdpBatch, count: number): void {
    this.#fillGathered();
    const { bytes, words } = batch;
    for (let i = 0; i < count; i++) {
      const slotAt = batch.slotAt(i);
      const at = batch.payloadAt(i);
      const length = batch.payloadBytes(i);
      const chain = this.#datagramCount === 0 ? this.#pop() : null;
      if (chain !== null) {
        this.#writeDatagram(chain, guestPort, bytes, slotAt, -1, bytes, words, at, length);
        continue;
      }
      const slot = bytes.slice(slotAt, slotAt + ADDRESS_SLOT_BYTES);
      this.gatherDatagram(guestPort, slot, slotPort(slot, 0), bytes.slice(at, at + length));
    }
    this.#rx.signal();
  }

  /** A gathered datagram goes to the guest; false if there is no buffer. */
  #fillDatagram(index: number): boolean {
    const chain = this.#pop();
    if (chain === null) return false;
    const payload = this.#datagramPayloads[index] as Uint8Array;
    this.#datagramPayloads[index] = NOTHING;
    const slot = this.#datagramSlots[index] as Uint8Array;
    const port = this.#datagramFrom[index] as number;
    const guestPort = this.#datagramPorts[index] as number;
    this.#writeDatagram(chain, guestPort, slot, 0, port, payload, null, 0, payload.length);
    return true;
  }

  /**
   * The datagram bytes[from, from + length) (`words`: the same memory, if it is aligned) from the address in a slot at slots[slotAt, ...), whose port is
   * `port` unless that is -1. A datagram is not cut in two: one that is too long is lost.
   */
  #writeDatagram(
    chain: Chain,
    guestPort: number,
    slots: Uint8Array,
    slotAt: number,
    port: number,
    bytes: Uint8Array,
    words: Uint32Array | null,
    from: number,
    length: number,
  ): void {
    const total = ADDRESS_SLOT_BYTES + length;
    if (chain.writableBytes < VSOCK_HDR_BYTES + total) {
      // The buffer goes back with a packet that means nothing: a reset of no connection.
      this.#fill(chain, 0, 0, STREAM | (VIRTIO_VSOCK_OP_RST << 16), 0, 0, null);
      this.#rx.push(chain, VSOCK_HDR_BYTES);
      return;
    }
    this.#fill(chain, 0, guestPort, DGRAM | (VIRTIO_VSOCK_OP_RW << 16), 0, total, null);
    const slot = this.#slot;
    copyBytes(slots, slotAt, ADDRESS_SLOT_BYTES, slot, 0);
    if (port >= 0) {
      slot[2] = port >>> 8;
      slot[3] = port;
    }
    const address = chain.addresses[1] as number;
    const inOne = chain.count === 2 && chain.lengths[0] === VSOCK_HDR_BYTES && address < PROCESS_MEMORY_BASE;
    if (!inOne) {
      chain.write(VSOCK_HDR_BYTES, slot);
      chain.write(VSOCK_HDR_BYTES + ADDRESS_SLOT_BYTES, bytes.subarray(from, from + length));
    } else {
      const room = chain.lengths[1] as number;
      this.#copyIn(slot, null, 0, ADDRESS_SLOT_BYTES, address, room);
      this.#copyIn(bytes, words, from, length, address + ADDRESS_SLOT_BYTES, room - ADDRESS_SLOT_BYTES);
    }
    this.#rx.push(chain, VSOCK_HDR_BYTES + total);
  }

  /** A packet about a connection; it waits if there is no receive chain, or if others do. */
  packet(endpoint: StreamEndpoint, op: number, flags: number, payload: Uint8Array | null): void {
    const { hostPort, guestPort } = endpoint;
    this.#post({ hostPort, guestPort, op, type: STREAM, flags, endpoint, payload });
  }

  /** A packet that belongs to no connection. Signals. */
  bare(hostPort: number, guestPort: number, op: number, flags: number): void {
    this.#post({ hostPort, guestPort, op, type: STREAM, flags, endpoint: null, payload: null });
    this.#rx.signal();
  }

  // --- the queue ---------------------------------------------------------------------------------------------------------------

  /** Buffers have come: first the packets that wait, then datagrams, then bytes, in the order in which they came to wait. */
  refill(): void {
    while (this.#outbox.length > 0) {
      const chain = this.#pop();
      if (chain === null) break;
      this.#writePacket(chain, this.#outbox.shift() as Packet);
    }
    if (this.#datagramsWaiting > 0 && !this.#flushing) this.#fillDatagrams();
    for (let left = this.#waiting.length; left > 0 && this.#rx.hasAvailable; left--) {
      const endpoint = this.#waiting.shift() as StreamEndpoint;
      endpoint.waiting = false;
      if (!endpoint.gone) endpoint.drain();
    }
    // Still waiting: be notified about the next buffer, counted from here. The loop above ends without a failed pop, so the place
    // where the driver was last asked to notify lies behind it.
    this.#rx.setNotifications(this.#waiting.length > 0 || this.#outbox.length > 0 || this.#datagramsWaiting > 0);
    this.#rx.signal();
  }

  /** A receive chain; null if there is none: then the driver will notify about the next. */
  #pop(): Chain | null {
    const chain = this.#rx.pop();
    if (chain !== null) return chain;
    return this.#rx.setNotifications(true) ? this.#rx.pop() : null;
  }

  #post(packet: Packet): void {
    if (this.closed) return;
    if (this.#gatheredCount > 0) this.flushGathered();
    const chain = this.#outbox.length > 0 ? null : this.#pop();
    if (chain === null) this.#outbox.push(packet);
    else this.#writePacket(chain, packet);
  }

  #writePacket(chain: Chain, { hostPort, guestPort, op, type, flags, endpoint, payload }: Packet): void {
    const length = payload?.length ?? 0;
    if (chain.writableBytes < VSOCK_HDR_BYTES + length) {
      this.#rx.fail("a receive buffer too small for a control packet");
      return;
    }
    this.#fill(chain, hostPort, guestPort, type | (op << 16), flags, length, endpoint);
    if (payload) this.#writePayload(chain, payload, 0, length);
    this.#rx.push(chain, VSOCK_HDR_BYTES + length);
  }

  #fill(
    chain: Chain,
    hostPort: number,
    guestPort: number,
    typeOp: number,
    flags: number,
    length: number,
    endpoint: StreamEndpoint | null,
  ): void {
    const bufAlloc = endpoint ? SEND_BYTES_MAX : 0;
    const fwdCount = endpoint ? endpoint.fwdCount : 0;
    if (endpoint) endpoint.fwdTold = fwdCount;
    const address = chain.addresses[0] as number;
    if (
      address >= KERNEL_RAM_BASE &&
      address < PROCESS_MEMORY_BASE &&
      (address & 3) === 0 &&
      (chain.lengths[0] as number) >= VSOCK_HDR_BYTES &&
      chain.readableCount === 0
    ) {
      const u32 = this.#memory.kernelU32;
      const at = (address - KERNEL_RAM_BASE) >>> 2;
      u32[at] = VMADDR_CID_HOST;
      u32[at + 1] = 0;
      u32[at + 2] = GUEST_CID;
      u32[at + 3] = 0;
      u32[at + 4] = hostPort;
      u32[at + 5] = guestPort;
      u32[at + 6] = length;
      u32[at + 7] = typeOp;
      u32[at + 8] = flags;
      u32[at + 9] = bufAlloc;
      u32[at + 10] = fwdCount;
      return;
    }
    const header = Uint32Array.of(
      VMADDR_CID_HOST,
      0,
      GUEST_CID,
      0,
      hostPort,
      guestPort,
      length,
      typeOp,
      flags,
      bufAlloc,
      fwdCount,
    );
    chain.write(0, new Uint8Array(header.buffer));
  }

  /** The payload bytes[from, from + size) behind the header: straight into the buffer where the chain has the usual two parts. */
  #writePayload(chain: Chain, bytes: Uint8Array, from: number, size: number): void {
    if (chain.count !== 2 || chain.lengths[0] !== VSOCK_HDR_BYTES || size > (chain.lengths[1] as number)) {
      chain.write(VSOCK_HDR_BYTES, bytes.subarray(from, from + size));
      return;
    }
    const words = bytes === this.#bytes ? this.#words : null;
    this.#copyIn(bytes, words, from, size, chain.addresses[1] as number, chain.lengths[1] as number);
  }

  /**
   * bytes[from, from + size) into a receive buffer at `address` in which `room` bytes are left: pop has checked that it is memory. `words`: the same
   * memory as `bytes`, if it is aligned.
   */
  #copyIn(
    bytes: Uint8Array,
    words: Uint32Array | null,
    from: number,
    size: number,
    address: number,
    room: number,
  ): void {
    const { guest, kernelBytes } = this.#memory;
    const rounded = (size + 3) & ~3;
    if (words !== null && rounded <= COPY_WORDS_MAX && ((address | from) & 3) === 0) {
      // The word that the bytes end in is written as a whole: it must be the buffer's.
      if (address < KERNEL_RAM_BASE && rounded <= room && guest.has(address, rounded)) {
        copyWords(words, from >>> 2, rounded >>> 2, guest.u32, address >>> 2);
        return;
      }
    }
    if (address >= KERNEL_RAM_BASE) copyBytes(bytes, from, size, kernelBytes, address - KERNEL_RAM_BASE);
    else if (guest.has(address, size)) copyBytes(bytes, from, size, guest.u8, address);
  }
}
