/**
 * The datagrams of the network device: the guest's UDP ports, what leaves through them and what comes in. A packet is a sockaddr in a slot,
 * then the payload (kernel/virtio/README.md). Made and used by NetDevice, which says where the guest may reach.
 */
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../../kernel/mem/physical.ts";
import { ADDRESS_SLOT_BYTES, VSOCK_HDR_BYTES } from "../../kernel/virtio/socket-protocol.ts";
import type { Chain } from "../queue/chain.ts";
import { type DatagramHandler, DatagramPort } from "./datagram-port.ts";
import { KnownHosts, slotPort } from "./host-address.ts";
import type { NetReceiveQueue } from "./net-receive-queue.ts";
import type { PublishedPorts } from "./published-ports.ts";
import { BATCH_MAX, type UdpBatch, type UdpBatches } from "./udp-batch.ts";

export interface DatagramsOptions {
  readonly published: PublishedPorts;
  readonly outbound: "none" | "loopback" | "any";
  /** Other shards bind the published ports as well. */
  readonly shares: boolean;
  /** Many datagrams in a system call; null: one by one, by node:dgram. */
  readonly batches: UdpBatches | null;
  readonly log: (line: string) => void;
  mayReach(host: string): boolean;
}

/** Batches of one port that are taken before others have their turn. */
const BATCHES_MAX = 4;

export class Datagrams implements DatagramHandler {
  readonly #memory: PhysicalMemory;
  readonly #rx: NetReceiveQueue;
  readonly #options: DatagramsOptions;
  readonly #ports = new Map<number, DatagramPort>();
  readonly #hosts = new KnownHosts();
  readonly #slot = new Uint8Array(ADDRESS_SLOT_BYTES);
  /** What is on the list of `#batchPort`'s batch: the bytes, and where the payload and the slot lie. */
  #batchPort: DatagramPort | null = null;
  readonly #payloads: Uint8Array[] = [];
  readonly #slots: Uint8Array[] = [];
  readonly #places: number[] = [];
  #batchCount = 0;
  /** The host that was asked about last, and what came of it. */
  #lastHost = "";
  #lastReachable = false;

  constructor(memory: PhysicalMemory, rx: NetReceiveQueue, options: DatagramsOptions) {
    this.#memory = memory;
    this.#rx = rx;
    this.#options = options;
  }

  has(guestPort: number): boolean {
    return this.#ports.has(guestPort);
  }

  /** False if nobody can get there. */
  bind(guestPort: number): boolean {
    const { published, outbound, shares, batches, log } = this.#options;
    if (this.#ports.has(guestPort) || guestPort > 0xffff) return false;
    const address = published.address(guestPort);
    if (!address && outbound === "none") return false;
    const host = address?.host ?? (outbound === "any" ? "0.0.0.0" : "127.0.0.1");
    // Published on a free port: the number that TCP got, so that machine.port() tells both.
    const port = address ? (published.hostPort(guestPort) ?? address.port) : 0;
    const reusePort = shares && address !== undefined;
    this.#ports.set(guestPort, new DatagramPort({ guestPort, host, port, reusePort, batches, log }, this));
    return true;
  }

  unbind(guestPort: number): void {
    this.#ports.get(guestPort)?.close();
    this.#ports.delete(guestPort);
  }

  close(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
  }

  /** A packet whose payload, the slot included, has `length` bytes. With a batch it may leave with `flush`, before which nothing of it may change. */
  send(chain: Chain, guestPort: number, length: number): void {
    const port = this.#ports.get(guestPort);
    if (port === undefined || length < ADDRESS_SLOT_BYTES) return;
    const { guest, kernelBytes } = this.#memory;
    const bytes = length - ADDRESS_SLOT_BYTES;
    const isPair = chain.readableCount === 2;
    const address = chain.addresses[1] as number;
    const inGuest = isPair && address < KERNEL_RAM_BASE && guest.has(address, chain.lengths[1] as number);
    let slots: Uint8Array = this.#slot;
    let at = 0;
    /** Where the payload lies in the guest's memory; -1: not there in one piece. */
    let from = -1;
    if (inGuest && chain.lengths[0] === VSOCK_HDR_BYTES) {
      slots = guest.u8;
      at = address;
      from = address + ADDRESS_SLOT_BYTES;
    } else if (chain.kernelWords(VSOCK_HDR_BYTES + ADDRESS_SLOT_BYTES) >= 0) {
      slots = kernelBytes;
      at = chain.kernelWords(VSOCK_HDR_BYTES) * 4 + VSOCK_HDR_BYTES;
      if (inGuest && chain.lengths[1] === bytes) from = address;
    } else chain.read(VSOCK_HDR_BYTES, this.#slot);
    const host = this.#hosts.host(slots, at);
    if (host === null || !this.#mayReach(host)) return;
    if (from >= 0 && port.batch?.reaches(slots, at)) {
      this.#list(port, port.batch, guest.u8, from, bytes, slots, at);
      return;
    }
    const payload = Buffer.allocUnsafe(bytes);
    if (from >= 0) payload.set(guest.u8.subarray(from, from + bytes));
    else chain.read(VSOCK_HDR_BYTES + ADDRESS_SLOT_BYTES, payload);
    port.send(payload, host, slotPort(slots, at));
  }

  /** What is listed leaves. */
  flush(): void {
    const port = this.#batchPort;
    if (port === null) return;
    this.#batchPort = null;
    port.batch?.flush((index) => this.#sendAlone(port, index));
    this.#batchCount = 0;
  }

  #list(
    port: DatagramPort,
    batch: UdpBatch,
    payload: Uint8Array,
    from: number,
    bytes: number,
    slots: Uint8Array,
    at: number,
  ): void {
    if (this.#batchPort !== port || batch.isFull) this.flush();
    this.#batchPort = port;
    const index = this.#batchCount++;
    this.#payloads[index] = payload;
    this.#slots[index] = slots;
    this.#places[index * 3] = from;
    this.#places[index * 3 + 1] = bytes;
    this.#places[index * 3 + 2] = at;
    batch.add(payload, from, bytes, slots, at);
  }

  /** The system has not taken a datagram of the batch (its buffer is full, say): Node does what it does with such a one. */
  #sendAlone(port: DatagramPort, index: number): void {
    const slots = this.#slots[index] as Uint8Array;
    const at = this.#places[index * 3 + 2] as number;
    const from = this.#places[index * 3] as number;
    const bytes = this.#places[index * 3 + 1] as number;
    const host = this.#hosts.host(slots, at);
    const payload = Buffer.from((this.#payloads[index] as Uint8Array).subarray(from, from + bytes));
    if (host !== null) port.send(payload, host, slotPort(slots, at));
  }

  #mayReach(host: string): boolean {
    if (host !== this.#lastHost) {
      this.#lastReachable = this.#options.mayReach(host);
      this.#lastHost = host;
    }
    return this.#lastReachable;
  }

  // --- DatagramHandler: host to guest ----------------------------------------------------------------------------------------------

  datagram(guestPort: number, host: string, port: number, payload: Uint8Array): void {
    this.#rx.gatherDatagram(guestPort, this.#hosts.slot(host), port, payload);
  }

  more(guestPort: number, batch: UdpBatch): void {
    for (let batches = 0; batches < BATCHES_MAX; batches++) {
      const count = batch.receive();
      if (count <= 0) return;
      this.#rx.lendDatagrams(guestPort, batch, count);
      if (count < BATCH_MAX) return;
    }
  }
}
