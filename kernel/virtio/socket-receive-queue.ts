/**
 * The receive side of the socket driver: the receive queue (virtio 1.2, 5.10.6) and the buffers in it.
 *
 * A receive chain is a 44-byte header in kernel RAM and a payload buffer: kernel RAM at first, the guest's own once it has lent some
 * (then received bytes are where the guest parses them, and the kernel's buffers stay out). A buffer's token is its index; whoever
 * keeps the buffer after `next` gives it back with `repost`.
 *
 * What always holds: a packet that `next` has found is as long as its header says. Made and used by SocketDriver.
 */
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../mem/physical.ts";
import { type Address, decodeAddress } from "../net/address.ts";
import type { VirtioDriver } from "./driver.ts";
import { ADDRESS_SLOT_BYTES, VSOCK_HDR_BYTES, VSOCK_QUEUE_RX, W_LEN } from "./socket-protocol.ts";
import type { Virtqueue } from "./virtqueue.ts";

export const KERNEL_BUFFERS = 64;
export const KERNEL_BUFFER_BYTES = 16 * 1024;
const QUEUE_SIZE = 1024;
const HEADER_SLOT_BYTES = 64;

export class SocketReceiveQueue {
  /** Of the packet that `next` has found: its buffer, the index of its header in kernel words, the bytes of its payload. */
  token = 0;
  headerWord = 0;
  length = 0;
  readonly #memory: PhysicalMemory;
  readonly #virtio: VirtioDriver;
  readonly #u32: Uint32Array;
  readonly #rx: Virtqueue;
  readonly #headers: number;
  /** Buffers by token: the first KERNEL_BUFFERS are the kernel's, the others the guest's. */
  readonly #address = new Float64Array(QUEUE_SIZE);
  readonly #bytes = new Uint32Array(QUEUE_SIZE);
  #count = 0;
  #guestBuffers = false;
  #toKick = false;

  constructor(memory: PhysicalMemory, virtio: VirtioDriver) {
    this.#memory = memory;
    this.#virtio = virtio;
    this.#u32 = memory.kernelU32;
    this.#rx = virtio.queue(VSOCK_QUEUE_RX, QUEUE_SIZE, 2);
    this.#headers = memory.allocate(this.#rx.size * HEADER_SLOT_BYTES, 64);
    const pool = memory.allocate(KERNEL_BUFFERS * KERNEL_BUFFER_BYTES, 4096);
    for (let i = 0; i < KERNEL_BUFFERS && i < this.#rx.size; i++) {
      this.#add(pool + i * KERNEL_BUFFER_BYTES, KERNEL_BUFFER_BYTES);
    }
  }

  /** Buffers that can still be added. */
  get room(): number {
    return this.#rx.size - this.#count;
  }

  /** Takes a buffer of the guest's; its token, or -1 if there are too many. */
  lend(address: number, bytes: number): number {
    this.#guestBuffers = true;
    return this.#add(address, bytes);
  }

  /** Makes a buffer available again; the device hears of it with the next kick. */
  repost(token: number): void {
    // The kernel's own buffers serve until the guest has given some.
    if (token < KERNEL_BUFFERS && this.#guestBuffers) return;
    this.#offer(token);
  }

  /** Tells the device of buffers that have come, if there are any. */
  kick(): void {
    if (!this.#toKick) return;
    this.#toKick = false;
    this.#rx.kick();
  }

  /** Takes the next packet. False if there is none, or if it was malformed: then the device is out of service. */
  next(): boolean {
    const rx = this.#rx;
    if (!rx.popUsed()) return false;
    const token = rx.usedToken;
    const at = (this.#headers - KERNEL_RAM_BASE + token * HEADER_SLOT_BYTES) >>> 2;
    const length = this.#u32[at + W_LEN] as number;
    if (rx.usedLength < VSOCK_HDR_BYTES || length !== rx.usedLength - VSOCK_HDR_BYTES) {
      this.#virtio.fail(`a packet of ${rx.usedLength} bytes whose header says ${length}`);
      return false;
    }
    this.token = token;
    this.headerWord = at;
    this.length = length;
    this.#toKick = true;
    return true;
  }

  /** Where the payload of buffer `token` lies. */
  payloadAddress(token: number): number {
    return this.#address[token] as number;
  }

  /** The sockaddr at `offset` of a payload, or null if there is none. */
  address(token: number, offset: number, length: number): Address | null {
    if (offset + ADDRESS_SLOT_BYTES > length) return null;
    const bytes = this.#memory.slice(this.payloadAddress(token) + offset, ADDRESS_SLOT_BYTES);
    const address = bytes ? decodeAddress(bytes) : -1;
    return typeof address === "number" || address.host.length === 0 ? null : address;
  }

  #add(address: number, bytes: number): number {
    if (this.#count >= this.#rx.size) return -1;
    const token = this.#count++;
    this.#address[token] = address;
    this.#bytes[token] = bytes;
    this.#offer(token);
    return token;
  }

  #offer(token: number): void {
    const header = this.#headers + token * HEADER_SLOT_BYTES;
    const address = this.#address[token] as number;
    this.#rx.submitPair(token, header, VSOCK_HDR_BYTES, address, this.#bytes[token] as number, true);
    this.#toKick = true;
  }
}
