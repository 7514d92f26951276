/**
 * The shard driver: messages to and from the other machines of a sharded boot (README.md beside this; shard-protocol.ts has the layout). Its
 * user is the completion ring, through the system calls `ring_messages` and `ring_message`.
 *
 * A chain is a header in kernel RAM and bytes in the guest's memory, which belong to the device meanwhile. Most messages the device takes
 * within the notification: those `send` reports as done at once, and no event is made for them.
 */
import { EAGAIN, EIO } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../mem/physical.ts";
import type { Ring } from "../ring/ring.ts";
import { VirtioDriver } from "./driver.ts";
import {
  SHARD_CONFIG_COUNT,
  SHARD_CONFIG_SECRET,
  SHARD_CONFIG_SELF,
  SHARD_HDR_BYTES,
  SHARD_HDR_LENGTH,
  SHARD_HDR_PEER,
  SHARD_MESSAGE_BYTES_MAX,
  SHARD_QUEUE_RX,
  SHARD_QUEUE_TX,
  SHARD_SECRET_BYTES,
  VIRTIO_ID_SHARD,
} from "./shard-protocol.ts";
import type { Transport } from "./transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

const QUEUE_SIZE = 256;
/** Headers a cache line apart. */
const SLOT_BYTES = 64;

export class ShardDriver {
  readonly self: number;
  readonly count: number;
  /** Random bytes that all shards have. */
  readonly secret: Uint8Array;
  /** True once the guest has given receive buffers. */
  hasBuffers = false;
  readonly #virtio: VirtioDriver;
  readonly #rx: Virtqueue;
  readonly #tx: Virtqueue;
  readonly #u32: Uint32Array;
  readonly #rxHeaders: number;
  readonly #txHeaders: number;
  /** Send slots: the guest's tokens and the peers; the free ones as a stack. */
  readonly #tokens = new Uint32Array(QUEUE_SIZE);
  readonly #peers = new Uint32Array(QUEUE_SIZE);
  readonly #freeSlots = Uint16Array.from({ length: QUEUE_SIZE }, (_, i) => i);
  #freeCount = QUEUE_SIZE;
  /** Guest addresses of the receive buffers. */
  #base = 0;
  #toKick = false;

  constructor(memory: PhysicalMemory, transport: Transport) {
    this.#virtio = new VirtioDriver(memory, transport, { name: "shard", deviceId: VIRTIO_ID_SHARD });
    this.self = this.#virtio.config32(SHARD_CONFIG_SELF);
    this.count = this.#virtio.config32(SHARD_CONFIG_COUNT);
    this.secret = Uint8Array.from({ length: SHARD_SECRET_BYTES }, (_, i) =>
      this.#virtio.config8(SHARD_CONFIG_SECRET + i),
    );
    this.#u32 = memory.kernelU32;
    this.#rx = this.#virtio.queue(SHARD_QUEUE_RX, QUEUE_SIZE, 2);
    this.#tx = this.#virtio.queue(SHARD_QUEUE_TX, QUEUE_SIZE, 2);
    this.#rxHeaders = memory.allocate(QUEUE_SIZE * SLOT_BYTES, SLOT_BYTES);
    this.#txHeaders = memory.allocate(QUEUE_SIZE * SLOT_BYTES, SLOT_BYTES);
    this.#tx.setInterrupts(false);
    this.#virtio.ready();
  }

  /** Receive buffers that it can take. */
  get bufferRoom(): number {
    return this.#rx.size;
  }

  /** `count` receive buffers of SHARD_MESSAGE_BYTES_MAX bytes, end to end from guest address `base`. Once. */
  lend(base: number, count: number): void {
    this.hasBuffers = true;
    this.#base = base;
    for (let i = 0; i < count; i++) this.repost(i);
    this.kick();
  }

  /** Receive buffer `index` is free again; the device hears of it with the next kick. */
  repost(index: number): void {
    const rx = this.#rx;
    rx.begin();
    rx.addWritable(this.#rxHeaders + index * SLOT_BYTES, SHARD_HDR_BYTES);
    rx.addWritable(this.#base + index * SHARD_MESSAGE_BYTES_MAX, SHARD_MESSAGE_BYTES_MAX);
    rx.submit(index);
    this.#toKick = true;
  }

  kick(): void {
    if (!this.#toKick) return;
    this.#toKick = false;
    this.#rx.kick();
  }

  /**
   * Sends [ptr, ptr + length) of the guest's memory, checked by the caller, to another shard. 1: it has left, the bytes are the guest's; 0: they
   * are lent until the ring tells of `token`; -EAGAIN: too many are under way.
   */
  send(ring: Ring, peer: number, ptr: number, length: number, token: number): number {
    if (this.#virtio.failure !== null) return -EIO;
    if (this.#freeCount === 0) return -EAGAIN;
    const slot = this.#freeSlots[--this.#freeCount] as number;
    const header = this.#txHeaders + slot * SLOT_BYTES;
    const at = (header - KERNEL_RAM_BASE) >>> 2;
    this.#u32[at + SHARD_HDR_PEER / 4] = peer;
    this.#u32[at + SHARD_HDR_LENGTH / 4] = length;
    this.#tokens[slot] = token;
    this.#peers[slot] = peer;
    const tx = this.#tx;
    tx.begin();
    tx.addReadable(header, SHARD_HDR_BYTES);
    tx.addReadable(ptr, length);
    tx.submit(slot);
    tx.kick();
    const taken = this.#drain(ring, slot);
    // Only what the device has kept is worth an interrupt.
    if (tx.outstanding > 0 && tx.setInterrupts(true)) this.#drain(ring, -1);
    return taken ? 1 : 0;
  }

  handleInterrupt(kernel: Kernel): void {
    this.#virtio.acknowledge(kernel);
    const { ring } = kernel;
    if (ring === null) return;
    this.#drain(ring, -1);
    const rx = this.#rx;
    while (rx.popUsed()) {
      const index = rx.usedToken;
      const at = (this.#rxHeaders - KERNEL_RAM_BASE + index * SLOT_BYTES) >>> 2;
      const peer = this.#u32[at + SHARD_HDR_PEER / 4] as number;
      const length = this.#u32[at + SHARD_HDR_LENGTH / 4] as number;
      if (length !== rx.usedLength - SHARD_HDR_BYTES || peer >= this.count) {
        this.#virtio.fail(`a message of ${rx.usedLength} bytes from shard ${peer} whose header says ${length}`);
        return;
      }
      ring.pushMessage(peer, this.#base + index * SHARD_MESSAGE_BYTES_MAX, length, index);
    }
  }

  /** Takes back what the device has sent and tells the ring, but for `own`. True if that was among it. */
  #drain(ring: Ring, own: number): boolean {
    const tx = this.#tx;
    let taken = false;
    while (tx.popUsed()) {
      const slot = tx.usedToken;
      this.#freeSlots[this.#freeCount++] = slot;
      if (slot === own) taken = true;
      else ring.messageSent(this.#peers[slot] as number, this.#tokens[slot] as number);
    }
    if (tx.outstanding === 0) tx.setInterrupts(false);
    return taken;
  }
}
