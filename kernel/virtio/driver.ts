/**
 * What every virtio driver does the same way: the handshake of virtio 1.2, 3.1 over a Transport, queue set-up, interrupt
 * acknowledgement, and the end of a device that broke the rules or asked for a reset.
 *
 *     const virtio = new VirtioDriver(memory, transport, { name: "entropy", deviceId: VIRTIO_ID_RNG });
 *     const queue = virtio.queue(0, 64);
 *     virtio.ready();
 *
 * and in the driver's `handleInterrupt(kernel)`: `virtio.acknowledge(kernel)` first, then drain the queues. Failing to
 * start throws DeviceError (the machine does not boot). Later nothing throws: a device that misbehaves is reset, `failure` says
 * why, the machine's log gets one line, and `onFailure` lets the driver fail what was under way (`queue.reclaim()`).
 */
import type { Kernel } from "../kernel.ts";
import type { PhysicalMemory } from "../mem/physical.ts";
import { isPowerOfTwo, QUEUE_SIZE_MAX } from "./ring-layout.ts";
import {
  type Transport,
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FAILED,
  VIRTIO_CONFIG_S_FEATURES_OK,
  VIRTIO_CONFIG_S_NEEDS_RESET,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
  VIRTIO_MMIO_CONFIG_GENERATION,
  VIRTIO_MMIO_DEVICE_FEATURES,
  VIRTIO_MMIO_DEVICE_FEATURES_SEL,
  VIRTIO_MMIO_DEVICE_ID,
  VIRTIO_MMIO_DRIVER_FEATURES,
  VIRTIO_MMIO_DRIVER_FEATURES_SEL,
  VIRTIO_MMIO_INTERRUPT_ACK,
  VIRTIO_MMIO_INTERRUPT_STATUS,
  VIRTIO_MMIO_MAGIC_VALUE,
  VIRTIO_MMIO_QUEUE_DESC_HIGH,
  VIRTIO_MMIO_QUEUE_DESC_LOW,
  VIRTIO_MMIO_QUEUE_DEVICE_HIGH,
  VIRTIO_MMIO_QUEUE_DEVICE_LOW,
  VIRTIO_MMIO_QUEUE_DRIVER_HIGH,
  VIRTIO_MMIO_QUEUE_DRIVER_LOW,
  VIRTIO_MMIO_QUEUE_NUM,
  VIRTIO_MMIO_QUEUE_NUM_MAX,
  VIRTIO_MMIO_QUEUE_READY,
  VIRTIO_MMIO_QUEUE_SEL,
  VIRTIO_MMIO_STATUS,
  VIRTIO_MMIO_VERSION,
} from "./transport.ts";
import { Virtqueue } from "./virtqueue.ts";

const MAGIC = 0x74726976; // "virt"
const MMIO_VERSION = 2;
/** How often a configuration field is read again while the device changes it (2.5.1). */
const CONFIG_RETRIES_MAX = 16;

/** A device that could not be started. */
export class DeviceError extends Error {}

export interface DriverOptions {
  /** For messages: "console". */
  readonly name: string;
  readonly deviceId: number;
  /** Feature bits the driver can use, besides VERSION_1, EVENT_IDX and INDIRECT_DESC, which every driver can. */
  readonly features?: readonly number[];
  /** Of those, the ones it cannot do without. */
  readonly required?: readonly number[];
  /** The device has been reset for good; its queues are broken. Fail what was under way. */
  readonly onFailure?: (reason: string) => void;
}

export class VirtioDriver {
  readonly name: string;
  readonly transport: Transport;
  readonly queues: Virtqueue[] = [];
  /** Why the device is out of service, or null. */
  failure: string | null = null;
  readonly #memory: PhysicalMemory;
  readonly #features = new Set<number>();
  readonly #onFailure: ((reason: string) => void) | undefined;
  #reported = false;

  /** Steps 1 to 6 of 3.1.1: reset to FEATURES_OK. */
  constructor(memory: PhysicalMemory, transport: Transport, options: DriverOptions) {
    this.name = options.name;
    this.transport = transport;
    this.#memory = memory;
    this.#onFailure = options.onFailure;
    if (transport.read(VIRTIO_MMIO_MAGIC_VALUE) !== MAGIC || transport.read(VIRTIO_MMIO_VERSION) !== MMIO_VERSION) {
      throw new DeviceError(`${this.name}: no virtio device (magic value or version)`);
    }
    const id = transport.read(VIRTIO_MMIO_DEVICE_ID);
    if (id !== options.deviceId) throw new DeviceError(`${this.name}: device type ${id}, not ${options.deviceId}`);
    transport.write(VIRTIO_MMIO_STATUS, 0);
    if (transport.read(VIRTIO_MMIO_STATUS) !== 0) throw new DeviceError(`${this.name}: the device does not reset`);
    this.#addStatus(VIRTIO_CONFIG_S_ACKNOWLEDGE);
    this.#addStatus(VIRTIO_CONFIG_S_DRIVER);
    this.#negotiate(options);
  }

  /** True if the feature was negotiated. */
  has(bit: number): boolean {
    return this.#features.has(bit);
  }

  /**
   * Step 7: sets up queue `index` with at most `sizeMax` descriptors. `indirectParts`: chains of up to so many parts go into an
   * indirect table (16 bytes of kernel RAM a part and descriptor) where the device can read those.
   */
  queue(index: number, sizeMax: number, indirectParts = 0): Virtqueue {
    const { transport } = this;
    transport.write(VIRTIO_MMIO_QUEUE_SEL, index);
    if (transport.read(VIRTIO_MMIO_QUEUE_READY) !== 0) this.#giveUp(`queue ${index} is in use already`);
    const offered = transport.read(VIRTIO_MMIO_QUEUE_NUM_MAX);
    if (offered === 0) this.#giveUp(`the device has no queue ${index}`);
    let size = Math.min(sizeMax, offered, QUEUE_SIZE_MAX);
    while (!isPowerOfTwo(size)) size &= size - 1;
    const queue = new Virtqueue(this.#memory, transport, index, size, {
      eventIdx: this.has(VIRTIO_F_EVENT_IDX),
      indirectParts: this.has(VIRTIO_F_INDIRECT_DESC) ? Math.min(indirectParts, size) : 0,
      onBroken: (reason) => this.fail(reason),
    });
    transport.write(VIRTIO_MMIO_QUEUE_NUM, size);
    transport.write(VIRTIO_MMIO_QUEUE_DESC_LOW, queue.descAddress >>> 0);
    transport.write(VIRTIO_MMIO_QUEUE_DESC_HIGH, Math.floor(queue.descAddress / 2 ** 32));
    transport.write(VIRTIO_MMIO_QUEUE_DRIVER_LOW, queue.availAddress >>> 0);
    transport.write(VIRTIO_MMIO_QUEUE_DRIVER_HIGH, Math.floor(queue.availAddress / 2 ** 32));
    transport.write(VIRTIO_MMIO_QUEUE_DEVICE_LOW, queue.usedAddress >>> 0);
    transport.write(VIRTIO_MMIO_QUEUE_DEVICE_HIGH, Math.floor(queue.usedAddress / 2 ** 32));
    transport.write(VIRTIO_MMIO_QUEUE_READY, 1);
    if (transport.read(VIRTIO_MMIO_QUEUE_READY) !== 1) this.#giveUp(`the device does not take queue ${index}`);
    this.queues.push(queue);
    return queue;
  }

  /** Step 8: the device is live. Buffers submitted before are seen by the first kick after it. */
  ready(): void {
    this.#addStatus(VIRTIO_CONFIG_S_DRIVER_OK);
    const status = this.transport.read(VIRTIO_MMIO_STATUS);
    if (status & VIRTIO_CONFIG_S_NEEDS_RESET) this.#giveUp("the device needs a reset before it has started");
  }

  /**
   * Reads and acknowledges the interrupt status (VIRTIO_MMIO_INT_VRING, VIRTIO_MMIO_INT_CONFIG), looks after a device that
   * asks for a reset, and reports a failure to the log, once. Call it first in handleInterrupt.
   */
  acknowledge(kernel: Kernel): number {
    const status = this.transport.read(VIRTIO_MMIO_INTERRUPT_STATUS);
    if (status !== 0) this.transport.write(VIRTIO_MMIO_INTERRUPT_ACK, status);
    if (this.failure === null && this.transport.read(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET) {
      this.fail("the device asked for a reset");
    }
    if (this.failure !== null && !this.#reported) {
      this.#reported = true;
      kernel.log(`virtio ${this.name}: ${this.failure}; the device is out of service`);
    }
    return status;
  }

  /** Takes the device out of service: reset, so that no buffer is its own any more; every queue is broken from here on. */
  fail(reason: string): void {
    if (this.failure !== null) return;
    this.failure = reason;
    this.transport.write(VIRTIO_MMIO_STATUS, 0);
    for (const queue of this.queues) queue.retire(reason);
    this.#onFailure?.(reason);
    // The line is the driver's own here: it gets the kernel to look, and to report, in its next turn.
    this.transport.onInterrupt();
  }

  /** Configuration space; values wider than the field that tears are read until the generation holds still (2.5.3). */
  config8(offset: number): number {
    return this.transport.readConfig(offset, 1);
  }
  config16(offset: number): number {
    return this.transport.readConfig(offset, 2);
  }
  config32(offset: number): number {
    return this.transport.readConfig(offset, 4) >>> 0;
  }
  /** Exact up to 2^53. */
  config64(offset: number): number {
    for (let i = 0; ; i++) {
      const before = this.transport.read(VIRTIO_MMIO_CONFIG_GENERATION);
      const value = this.config32(offset) + this.config32(offset + 4) * 2 ** 32;
      if (before === this.transport.read(VIRTIO_MMIO_CONFIG_GENERATION) || i === CONFIG_RETRIES_MAX) return value;
    }
  }

  #negotiate(options: DriverOptions): void {
    const { transport } = this;
    const required = [VIRTIO_F_VERSION_1, ...(options.required ?? [])];
    const wanted = [...required, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, ...(options.features ?? [])];
    const offered: [number, number] = [0, 0];
    for (const half of [0, 1] as const) {
      transport.write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, half);
      offered[half] = transport.read(VIRTIO_MMIO_DEVICE_FEATURES);
    }
    const accepted: [number, number] = [0, 0];
    for (const bit of wanted) {
      const half = bit < 32 ? 0 : 1;
      if ((offered[half] >>> (bit & 31)) & 1) {
        this.#features.add(bit);
        accepted[half] |= 1 << (bit & 31);
      }
    }
    for (const bit of required) if (!this.has(bit)) this.#giveUp(`the device does not offer feature ${bit}`);
    for (const half of [0, 1] as const) {
      transport.write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
      transport.write(VIRTIO_MMIO_DRIVER_FEATURES, accepted[half] >>> 0);
    }
    this.#addStatus(VIRTIO_CONFIG_S_FEATURES_OK);
    if ((transport.read(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK) === 0) {
      this.#giveUp("the device refuses the features that it offered");
    }
  }

  #addStatus(bit: number): void {
    this.transport.write(VIRTIO_MMIO_STATUS, this.transport.read(VIRTIO_MMIO_STATUS) | bit);
  }

  /** The driver cannot start: FAILED (2.1.1), and the machine does not boot. */
  #giveUp(reason: string): never {
    this.#addStatus(VIRTIO_CONFIG_S_FAILED);
    throw new DeviceError(`${this.name}: ${reason}`);
  }
}
