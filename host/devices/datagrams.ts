/**
 * The datagrams of the network device: the guest's UDP ports, what leaves through them and what comes in. A packet is a sockaddr in a slot,
 * then the payload (kernel/virtio/README.md). Made and used by NetDevice, which says where the guest may reach.
 */
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../../kernel/mem/physical.ts";
import { ADDRESS_SLOT_BYTES, VSOCK_HDR_BYTES } from "../../kernel/virtio/socket-protocol.ts";
import type { Chain } from "../queue/chain.ts";
import { DatagramPort } from "./datagram-port.ts";
import { KnownHosts, slotPort } from "./host-address.ts";
import type { NetReceiveQueue } from "./net-receive-queue.ts";
import type { PublishedPorts } from "./published-ports.ts";

export interface DatagramsOptions {
  readonly published: PublishedPorts;
  readonly outbound: "none" | "loopback" | "any";
  /** Other shards bind the published ports as well. */
  readonly shares: boolean;
  readonly log: (line: string) => void;
  mayReach(host: string): boolean;
}

export class Datagrams {
  readonly #memory: PhysicalMemory;
  readonly #rx: NetReceiveQueue;
  readonly #options: DatagramsOptions;
  readonly #ports = new Map<number, DatagramPort>();
  readonly #hosts = new KnownHosts();
  readonly #slot = new Uint8Array(ADDRESS_SLOT_BYTES);
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
    const { published, outbound, shares, log } = this.#options;
    if (this.#ports.has(guestPort) || guestPort > 0xffff) return false;
    const address = published.address(guestPort);
    if (!address && outbound === "none") return false;
    const host = address?.host ?? (outbound === "any" ? "0.0.0.0" : "127.0.0.1");
    // Published on a free port: the number that TCP got, so that machine.port() tells both.
    const hostPort = address ? (published.hostPort(guestPort) ?? address.port) : 0;
    const isShared = shares && address !== undefined;
    this.#ports.set(guestPort, new DatagramPort(guestPort, host, hostPort, this.#arrived, log, isShared));
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

  /** A packet whose payload, the slot included, has `length` bytes. */
  send(chain: Chain, guestPort: number, length: number): void {
    const port = this.#ports.get(guestPort);
    if (port === undefined || length < ADDRESS_SLOT_BYTES) return;
    const { guest, kernelBytes } = this.#memory;
    const isPair = chain.readableCount === 2;
    const address = chain.addresses[1] as number;
    let slots: Uint8Array = this.#slot;
    let at = 0;
    if (isPair && chain.lengths[0] === VSOCK_HDR_BYTES && address < KERNEL_RAM_BASE && guest.has(address, length)) {
      slots = guest.u8;
      at = address;
    } else if (chain.kernelWords(VSOCK_HDR_BYTES + ADDRESS_SLOT_BYTES) >= 0) {
      slots = kernelBytes;
      at = chain.kernelWords(VSOCK_HDR_BYTES) * 4 + VSOCK_HDR_BYTES;
    } else chain.read(VSOCK_HDR_BYTES, this.#slot);
    const host = this.#hosts.host(slots, at);
    if (host === null || !this.#mayReach(host)) return;
    const payload = Buffer.allocUnsafe(length - ADDRESS_SLOT_BYTES);
    if (slots === guest.u8) payload.set(slots.subarray(at + ADDRESS_SLOT_BYTES, at + length));
    else chain.read(VSOCK_HDR_BYTES + ADDRESS_SLOT_BYTES, payload);
    port.send(payload, host, slotPort(slots, at));
  }

  #mayReach(host: string): boolean {
    if (host !== this.#lastHost) {
      this.#lastReachable = this.#options.mayReach(host);
      this.#lastHost = host;
    }
    return this.#lastReachable;
  }

  readonly #arrived = (guestPort: number, host: string, port: number, payload: Uint8Array): void => {
    this.#rx.gatherDatagram(guestPort, this.#hosts.slot(host), port, payload);
  };
}
