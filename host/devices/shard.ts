/**
 * The shard device (kernel/virtio/README.md): messages between the machines of one sharded boot, over rings in memory that their threads
 * share. One copy into the ring, one out of it into the receiver's buffer.
 *
 * The device also decides when its thread may sleep. Rings are looked at before every turn of the machine; once a turn has gone by in which
 * nothing came, the event loop goes round twice more (a peer's answer is often that near, and a loop costs a tenth of a wake-up), then the
 * shard says that it is asleep and its peers ping it (shards/doorbell.ts says when).
 *
 * What always holds: a send chain comes back used once its bytes are in the ring; while a ring is full its chains wait here, in order, and
 * receiving goes on, so that two shards which are full towards each other both get on. A ring that does not make sense ends the shard
 * (`broken`), never the host.
 */
import type { MessagePort } from "node:worker_threads";
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../../kernel/mem/physical.ts";
import {
  SHARD_CONFIG_BYTES,
  SHARD_CONFIG_COUNT,
  SHARD_CONFIG_SECRET,
  SHARD_CONFIG_SELF,
  SHARD_HDR_BYTES,
  SHARD_HDR_LENGTH,
  SHARD_HDR_PEER,
  SHARD_MESSAGE_BYTES_MAX,
  SHARD_QUEUE_RX,
  SHARD_QUEUE_TX,
  VIRTIO_ID_SHARD,
} from "../../kernel/virtio/shard-protocol.ts";
import type { Chain } from "../queue/chain.ts";
import type { DeviceQueue } from "../queue/device-queue.ts";
import { type Backend, MmioDevice } from "../queue/mmio-device.ts";
import { Doorbell } from "../shards/doorbell.ts";
import { EMPTY, RingConsumer, RingProducer } from "../shards/message-ring.ts";

/** How a shard is connected with the others. Crosses thread boundaries. */
export interface ShardLink {
  readonly self: number;
  readonly count: number;
  /** SHARD_SECRET_BYTES bytes that all shards have. */
  readonly secret: Uint8Array;
  /** Words of the doorbell. */
  readonly bell: SharedArrayBuffer;
  /** Bytes of data in each ring. */
  readonly capacity: number;
  /** By shard: the ring to it and the one from it; null in the place of this one. */
  readonly to: readonly (SharedArrayBuffer | null)[];
  readonly from: readonly (SharedArrayBuffer | null)[];
  /** By shard: where pings go to and come from. */
  readonly ports: readonly (MessagePort | null)[];
}

export interface ShardDeviceOptions {
  readonly log?: (line: string) => void;
  /** A ring makes no sense any more: messages are lost, and the shard cannot go on. */
  readonly broken: (reason: string) => void;
}

const QUEUE_SIZE = 256;
/** Times that the event loop goes round without anything to do before the shard sleeps. */
const IDLE_LOOPS = 2;

export class ShardDevice implements Backend {
  readonly mmio: MmioDevice;
  readonly #memory: PhysicalMemory;
  readonly #link: ShardLink;
  readonly #bell: Doorbell;
  readonly #rx: DeviceQueue;
  readonly #tx: DeviceQueue;
  readonly #producers: readonly (RingProducer | null)[];
  readonly #consumers: readonly (RingConsumer | null)[];
  /** By shard: chains that wait for room in its ring. */
  readonly #waiting: readonly Chain[][];
  #waitingCount = 0;
  readonly #scratch = new Uint8Array(SHARD_MESSAGE_BYTES_MAX);
  readonly #broken: (reason: string) => void;
  #turn: (() => void) | null = null;
  #scheduled = false;
  #idleLoops = 0;
  #nextSource = 0;
  #closed = false;

  constructor(memory: PhysicalMemory, link: ShardLink, options: ShardDeviceOptions) {
    this.#memory = memory;
    this.#link = link;
    this.#broken = options.broken;
    const ring = (buffer: SharedArrayBuffer | null, Side: typeof RingProducer | typeof RingConsumer) =>
      buffer && new Side(buffer, 0, link.capacity);
    this.#producers = link.to.map((buffer) => ring(buffer, RingProducer) as RingProducer | null);
    this.#consumers = link.from.map((buffer) => ring(buffer, RingConsumer) as RingConsumer | null);
    this.#waiting = link.to.map(() => []);
    this.#bell = new Doorbell(link.bell, link.self, link.ports, () => this.#schedule());
    const config = new DataView(new ArrayBuffer(SHARD_CONFIG_BYTES));
    config.setUint32(SHARD_CONFIG_SELF, link.self, true);
    config.setUint32(SHARD_CONFIG_COUNT, link.count, true);
    new Uint8Array(config.buffer).set(link.secret, SHARD_CONFIG_SECRET);
    this.mmio = new MmioDevice(memory, this, {
      name: "shard",
      deviceId: VIRTIO_ID_SHARD,
      queueSizes: [QUEUE_SIZE, QUEUE_SIZE],
      config: new Uint8Array(config.buffer),
      ...(options.log && { log: options.log }),
    });
    this.#rx = this.mmio.queues[SHARD_QUEUE_RX] as DeviceQueue;
    this.#tx = this.mmio.queues[SHARD_QUEUE_TX] as DeviceQueue;
  }

  /** Pings sent to sleeping peers so far. */
  get pings(): number {
    return this.#bell.pings;
  }

  /** KernelHost.defer of the machine: `turn` runs in the loop's next check phase, after the rings have been looked at. */
  defer(turn: () => void): void {
    this.#turn = turn;
    this.#schedule();
  }

  notify(index: number): void {
    if (index === SHARD_QUEUE_TX) this.#send();
    else this.#schedule(); // buffers, for messages that may be waiting
  }

  reset(): void {
    for (const chains of this.#waiting) chains.length = 0;
    this.#waitingCount = 0;
  }

  /** The machine is over. */
  close(): void {
    this.#closed = true;
    this.#bell.close();
  }

  // --- the loop --------------------------------------------------------------------------------------------------------------

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    this.#bell.awake();
    this.#idleLoops = 0;
    setImmediate(this.#loop);
  }

  readonly #loop = (): void => {
    const waking = this.#bell.round();
    // While this runs `defer` finds the loop scheduled: a turn that an interrupt asks for belongs to this round.
    const moved = this.#move();
    const turn = this.#turn;
    if (turn !== null) {
      this.#turn = null;
      turn();
    }
    this.#idleLoops = moved || waking || turn !== null ? 0 : this.#idleLoops + 1;
    if (this.#closed) return;
    if (this.#turn === null && this.#idleLoops >= IDLE_LOOPS) {
      this.#bell.sleep();
      // What came between the look above and the word in memory pinged nobody.
      if (!this.#move()) {
        this.#scheduled = false;
        if (this.#turn !== null) this.#schedule();
        return;
      }
      this.#bell.awake();
      this.#idleLoops = 0;
    }
    setImmediate(this.#loop);
  };

  /** Both directions as far as they go. True if anything moved. */
  #move(): boolean {
    let moved = this.#receive();
    if (this.#waitingCount > 0 && this.#sendWaiting()) moved = true;
    return moved;
  }

  // --- out -------------------------------------------------------------------------------------------------------------------

  #send(): void {
    const tx = this.#tx;
    for (let chain = tx.pop(); chain !== null; chain = tx.pop()) {
      const peer = chain.getU32(SHARD_HDR_PEER);
      const length = chain.getU32(SHARD_HDR_LENGTH);
      const producer = this.#producers[peer];
      const wellFormed =
        chain.readableBytes >= SHARD_HDR_BYTES &&
        length === chain.readableBytes - SHARD_HDR_BYTES &&
        length <= SHARD_MESSAGE_BYTES_MAX &&
        chain.writableBytes === 0;
      if (!wellFormed || !producer) {
        tx.fail(`a message of ${chain.readableBytes} bytes to shard ${peer} whose header says ${length}`);
        return;
      }
      const waiting = this.#waiting[peer] as Chain[];
      if (waiting.length === 0 && this.#push(producer, chain, length)) {
        if (producer.publish() && this.#bell.ringSoon(peer)) this.#schedule();
        tx.push(chain, 0);
      } else {
        waiting.push(chain);
        this.#waitingCount++;
      }
    }
    tx.signal();
  }

  #sendWaiting(): boolean {
    let sent = false;
    for (let peer = 0; peer < this.#waiting.length; peer++) {
      const waiting = this.#waiting[peer] as Chain[];
      if (waiting.length === 0) continue;
      const producer = this.#producers[peer] as RingProducer;
      let done = 0;
      for (; done < waiting.length; done++) {
        const chain = waiting[done] as Chain;
        if (!this.#push(producer, chain, chain.readableBytes - SHARD_HDR_BYTES)) break;
        this.#tx.push(chain, 0);
      }
      if (done === 0) continue;
      waiting.splice(0, done);
      this.#waitingCount -= done;
      sent = true;
      if (producer.publish() && this.#bell.ringSoon(peer)) this.#schedule();
    }
    if (sent) this.#tx.signal();
    return sent;
  }

  /** False if the ring is full; then its consumer tells once it is not. */
  #push(producer: RingProducer, chain: Chain, length: number): boolean {
    let source = this.#scratch;
    let at = 0;
    const address = chain.addresses[1] as number;
    const direct = chain.readableCount === 2 && chain.lengths[0] === SHARD_HDR_BYTES && address < KERNEL_RAM_BASE;
    // The memory of a chain that has waited may have grown since: `has` renews the view.
    if (direct && this.#memory.guest.has(address, length)) {
      source = this.#memory.guest.u8;
      at = address;
    } else chain.read(SHARD_HDR_BYTES, source.subarray(0, length));
    return producer.push(source, at, length) || (producer.stall() && producer.push(source, at, length));
  }

  // --- in --------------------------------------------------------------------------------------------------------------------

  /** Messages to the guest's buffers, as many as there are of either; sources take turns. True if there was one. */
  #receive(): boolean {
    if (!this.#rx.ready || this.#closed) return false;
    const count = this.#consumers.length;
    let received = false;
    let first = this.#nextSource;
    for (let i = 0; i < count; i++) {
      const peer = (first + i) % count;
      const consumer = this.#consumers[peer];
      if (!consumer || consumer.peek() === EMPTY) continue;
      const room = this.#receiveFrom(peer, consumer);
      received = true;
      if (consumer.release()) this.#bell.ring(peer);
      if (!room) {
        first = peer + 1; // whoever had to wait is first next time
        break;
      }
    }
    this.#nextSource = first % count;
    this.#rx.signal();
    return received;
  }

  /** False if the buffers have run out. */
  #receiveFrom(peer: number, consumer: RingConsumer): boolean {
    for (let length = consumer.peek(); length !== EMPTY; length = consumer.peek()) {
      if (length < 0) {
        this.#closed = true;
        this.#broken(`the ring from shard ${peer} to shard ${this.#link.self} is damaged`);
        return true;
      }
      const chain = this.#rx.pop();
      if (chain === null) return false;
      if (chain.readableBytes > 0 || chain.writableBytes < SHARD_HDR_BYTES + SHARD_MESSAGE_BYTES_MAX) {
        this.#rx.fail(`a receive buffer of ${chain.writableBytes} bytes`);
        return true;
      }
      chain.setU32(SHARD_HDR_PEER, peer);
      chain.setU32(SHARD_HDR_LENGTH, length);
      const address = chain.addresses[1] as number;
      if (chain.count === 2 && chain.lengths[0] === SHARD_HDR_BYTES && address < KERNEL_RAM_BASE) {
        consumer.take(this.#memory.guest.u8, address);
      } else {
        consumer.take(this.#scratch, 0);
        chain.write(SHARD_HDR_BYTES, this.#scratch.subarray(0, length));
      }
      this.#rx.push(chain, SHARD_HDR_BYTES + length);
    }
    return true;
  }
}
