/**
 * The device side of the transport: the virtio-mmio register file (virtio 1.2, 4.2.2), the status state machine (2.1, 3.1), feature
 * negotiation (2.2), configuration space (2.5) and the interrupt line. A device is a `Backend` plus one of these:
 *
 *     class EntropyDevice implements Backend { readonly mmio = new MmioDevice(memory, this, { ... }); notify(queue) { ... } }
 *
 * What the driver does wrong ends in DEVICE_NEEDS_RESET and one line through `log`, never in an exception: not even if the back
 * end itself throws while it serves a notification.
 */
import type { PhysicalMemory } from "../../kernel/mem/physical.ts";
import {
  type Transport,
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
  VIRTIO_MMIO_INT_CONFIG,
  VIRTIO_MMIO_INT_VRING,
  VIRTIO_MMIO_INTERRUPT_ACK,
  VIRTIO_MMIO_INTERRUPT_STATUS,
  VIRTIO_MMIO_MAGIC_VALUE,
  VIRTIO_MMIO_QUEUE_DESC_HIGH,
  VIRTIO_MMIO_QUEUE_DESC_LOW,
  VIRTIO_MMIO_QUEUE_DEVICE_HIGH,
  VIRTIO_MMIO_QUEUE_DEVICE_LOW,
  VIRTIO_MMIO_QUEUE_DRIVER_HIGH,
  VIRTIO_MMIO_QUEUE_DRIVER_LOW,
  VIRTIO_MMIO_QUEUE_NOTIFY,
  VIRTIO_MMIO_QUEUE_NUM,
  VIRTIO_MMIO_QUEUE_NUM_MAX,
  VIRTIO_MMIO_QUEUE_READY,
  VIRTIO_MMIO_QUEUE_SEL,
  VIRTIO_MMIO_STATUS,
  VIRTIO_MMIO_VENDOR_ID,
  VIRTIO_MMIO_VERSION,
} from "../../kernel/virtio/transport.ts";
import { DeviceQueue, type QueueOwner } from "./device-queue.ts";

const MAGIC = 0x74726976; // "virt"
const MMIO_VERSION = 2;
const VENDOR_ID = 0x305a5247; // "GRZ0"
/** Bits that the driver may set; NEEDS_RESET is the device's own. */
const DRIVER_STATUS_BITS = 0xff & ~VIRTIO_CONFIG_S_NEEDS_RESET;

/** What is special about a device. */
export interface Backend {
  /** The driver notified queue `index`, which is ready: serve it now, or later. */
  notify(index: number): void;
  /** The driver reset the device: stop what is under way. Chains held are void. */
  reset?(): void;
  /** The driver looks why it was interrupted: what an interrupt has promised must be in the queues now. */
  beforeInterruptStatus?(): void;
  /** DRIVER_OK was set. */
  started?(): void;
  /** The driver wrote configuration space; `config` has the new bytes. */
  configWritten?(offset: number, value: number): void;
}

export interface DeviceOptions {
  /** For messages. */
  readonly name: string;
  readonly deviceId: number;
  /** Feature bits, besides VERSION_1, EVENT_IDX and INDIRECT_DESC, which every device has. */
  readonly features?: readonly number[];
  /** Generic features to leave out (tests, and devices that want simple rings). */
  readonly without?: readonly number[];
  /** Largest size of each queue. */
  readonly queueSizes: readonly number[];
  /** Device configuration space; the back end changes it and calls `configChanged`. */
  readonly config?: Uint8Array;
  /** Bytes of it, from 0 on, that the driver may write. */
  readonly configWritableBytes?: number;
  readonly log?: (line: string) => void;
}

export class MmioDevice implements Transport, QueueOwner {
  onInterrupt: () => void = () => {};
  readonly queues: readonly DeviceQueue[];
  readonly config: Uint8Array;
  readonly #backend: Backend;
  readonly #name: string;
  readonly #deviceId: number;
  readonly #log: (line: string) => void;
  readonly #configView: DataView;
  readonly #configWritableBytes: number;
  /** [low, high] words. */
  readonly #offered: [number, number] = [0, 0];
  readonly #accepted: [number, number] = [0, 0];
  #deviceFeaturesSel = 0;
  #driverFeaturesSel = 0;
  #queueSel = 0;
  #status = 0;
  #interruptStatus = 0;
  #generation = 0;

  constructor(memory: PhysicalMemory, backend: Backend, options: DeviceOptions) {
    this.#backend = backend;
    this.#name = options.name;
    this.#deviceId = options.deviceId;
    this.#log = options.log ?? (() => {});
    this.queues = options.queueSizes.map((size, index) => new DeviceQueue(memory, this, index, size));
    this.config = options.config ?? new Uint8Array(0);
    this.#configView = new DataView(this.config.buffer, this.config.byteOffset, this.config.byteLength);
    this.#configWritableBytes = options.configWritableBytes ?? 0;
    const generic = [VIRTIO_F_VERSION_1, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC];
    for (const bit of [...generic, ...(options.features ?? [])]) {
      if (!options.without?.includes(bit)) this.#offered[bit < 32 ? 0 : 1] |= 1 << (bit & 31);
    }
  }

  /** True if the driver accepted feature `bit`. */
  has(bit: number): boolean {
    return ((this.#accepted[bit < 32 ? 0 : 1] >>> (bit & 31)) & 1) === 1;
  }

  /** True between DRIVER_OK and a reset or NEEDS_RESET: only then may buffers be used (2.1.2). */
  get live(): boolean {
    return (this.#status & (VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET)) === VIRTIO_CONFIG_S_DRIVER_OK;
  }

  read(offset: number): number {
    const queue = this.queues[this.#queueSel];
    switch (offset) {
      case VIRTIO_MMIO_INTERRUPT_STATUS:
        this.#backend.beforeInterruptStatus?.();
        return this.#interruptStatus;
      case VIRTIO_MMIO_STATUS:
        return this.#status;
      case VIRTIO_MMIO_MAGIC_VALUE:
        return MAGIC;
      case VIRTIO_MMIO_VERSION:
        return MMIO_VERSION;
      case VIRTIO_MMIO_DEVICE_ID:
        return this.#deviceId;
      case VIRTIO_MMIO_VENDOR_ID:
        return VENDOR_ID;
      case VIRTIO_MMIO_DEVICE_FEATURES:
        return (this.#offered[this.#deviceFeaturesSel] ?? 0) >>> 0;
      case VIRTIO_MMIO_QUEUE_NUM_MAX:
        return queue?.sizeMax ?? 0;
      case VIRTIO_MMIO_QUEUE_READY:
        return queue?.ready ? 1 : 0;
      case VIRTIO_MMIO_CONFIG_GENERATION:
        return this.#generation;
      default:
        return 0; // write-only or reserved
    }
  }

  write(offset: number, value: number): void {
    if (offset === VIRTIO_MMIO_QUEUE_NOTIFY) this.#notify(value);
    else if (offset === VIRTIO_MMIO_INTERRUPT_ACK) this.#interruptStatus &= ~value;
    else if (offset === VIRTIO_MMIO_STATUS) this.#writeStatus(value);
    else if (offset >= VIRTIO_MMIO_QUEUE_NUM) this.#writeQueue(offset, value >>> 0);
    else if (offset === VIRTIO_MMIO_DEVICE_FEATURES_SEL) this.#deviceFeaturesSel = value >>> 0;
    else if (offset === VIRTIO_MMIO_DRIVER_FEATURES_SEL) this.#driverFeaturesSel = value >>> 0;
    else if (offset === VIRTIO_MMIO_QUEUE_SEL) this.#queueSel = value >>> 0;
    else if (offset === VIRTIO_MMIO_DRIVER_FEATURES) this.#writeFeatures(value);
  }

  readConfig(offset: number, bytes: 1 | 2 | 4): number {
    if (!(offset >= 0 && offset + bytes <= this.config.length)) return 0;
    if (bytes === 4) return this.#configView.getUint32(offset, true);
    return bytes === 2 ? this.#configView.getUint16(offset, true) : this.#configView.getUint8(offset);
  }

  writeConfig(offset: number, bytes: 1 | 2 | 4, value: number): void {
    if (!(offset >= 0 && offset + bytes <= this.#configWritableBytes)) return;
    if (bytes === 4) this.#configView.setUint32(offset, value, true);
    else if (bytes === 2) this.#configView.setUint16(offset, value, true);
    else this.#configView.setUint8(offset, value);
    this.#backend.configWritten?.(offset, value);
  }

  /** The back end has changed `config`: a new generation (2.5.2) and a configuration interrupt. */
  configChanged(): void {
    this.#generation = (this.#generation + 1) >>> 0;
    if (this.live) this.#raise(VIRTIO_MMIO_INT_CONFIG);
  }

  /** QueueOwner: a used-buffer interrupt. */
  interrupt(): void {
    this.#raise(VIRTIO_MMIO_INT_VRING);
  }

  /** QueueOwner: the driver broke the rules. Every queue stops until the driver resets the device (2.1.2). */
  needsReset(reason: string): void {
    if (this.#status & VIRTIO_CONFIG_S_NEEDS_RESET) return;
    const wasRunning = this.#status & VIRTIO_CONFIG_S_DRIVER_OK;
    this.#status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    for (const queue of this.queues) queue.failed = true;
    this.#log(`virtio device ${this.#name}: the driver broke the rules (${reason}); it must reset the device`);
    if (wasRunning) this.#raise(VIRTIO_MMIO_INT_CONFIG);
  }

  #notify(index: number): void {
    const queue = this.queues[index];
    if (!queue?.ready || !this.live) return;
    try {
      this.#backend.notify(index);
    } catch (error) {
      // The back end's own bug: the machine loses the device, the host process does not end.
      this.needsReset(`serving queue ${index} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #writeStatus(value: number): void {
    if (value === 0) {
      this.#reset();
      return;
    }
    const before = this.#status;
    let now = before | (value & DRIVER_STATUS_BITS); // a driver must not clear bits (2.1.1)
    if (now & ~before & VIRTIO_CONFIG_S_FEATURES_OK && !this.has(VIRTIO_F_VERSION_1))
      now &= ~VIRTIO_CONFIG_S_FEATURES_OK;
    if (now & VIRTIO_CONFIG_S_DRIVER_OK && !(now & VIRTIO_CONFIG_S_FEATURES_OK)) now &= ~VIRTIO_CONFIG_S_DRIVER_OK;
    if (now & VIRTIO_CONFIG_S_FAILED) now &= ~VIRTIO_CONFIG_S_DRIVER_OK;
    this.#status = now;
    if (now & ~before & VIRTIO_CONFIG_S_DRIVER_OK) {
      this.#backend.started?.();
      // Buffers made available before DRIVER_OK, whose notification did not count.
      for (const queue of this.queues) if (queue.hasAvailable) this.#notify(queue.index);
    }
  }

  #reset(): void {
    const wasUsed = this.#status !== 0;
    this.#status = 0;
    this.#interruptStatus = 0;
    this.#accepted[0] = 0;
    this.#accepted[1] = 0;
    this.#deviceFeaturesSel = 0;
    this.#driverFeaturesSel = 0;
    this.#queueSel = 0;
    for (const queue of this.queues) queue.reset();
    if (wasUsed) this.#backend.reset?.();
  }

  /** Only before FEATURES_OK, and only what was offered (2.2.1). */
  #writeFeatures(value: number): void {
    const half = this.#driverFeaturesSel;
    if (half > 1 || this.#status & VIRTIO_CONFIG_S_FEATURES_OK) return;
    this.#accepted[half as 0 | 1] = value & (this.#offered[half as 0 | 1] as number);
  }

  #writeQueue(offset: number, value: number): void {
    const queue = this.queues[this.#queueSel];
    if (!queue) return;
    if (offset === VIRTIO_MMIO_QUEUE_READY) {
      if (value !== 1 || queue.ready) return; // queues are disabled by a device reset only
      if (!(this.#status & VIRTIO_CONFIG_S_FEATURES_OK)) return;
      const wrong = queue.enable(this.has(VIRTIO_F_EVENT_IDX), this.has(VIRTIO_F_INDIRECT_DESC));
      if (wrong !== null) this.needsReset(`queue ${queue.index}: ${wrong}`);
      return;
    }
    if (queue.ready) return; // 4.2.2.2: the driver must not touch these while the queue is in use
    switch (offset) {
      case VIRTIO_MMIO_QUEUE_NUM:
        queue.size = value;
        break;
      case VIRTIO_MMIO_QUEUE_DESC_LOW:
        queue.descAddress = withLow(queue.descAddress, value);
        break;
      case VIRTIO_MMIO_QUEUE_DESC_HIGH:
        queue.descAddress = withHigh(queue.descAddress, value);
        break;
      case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
        queue.availAddress = withLow(queue.availAddress, value);
        break;
      case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
        queue.availAddress = withHigh(queue.availAddress, value);
        break;
      case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
        queue.usedAddress = withLow(queue.usedAddress, value);
        break;
      case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
        queue.usedAddress = withHigh(queue.usedAddress, value);
        break;
    }
  }

  #raise(bit: number): void {
    this.#interruptStatus |= bit;
    this.onInterrupt();
  }
}

function withLow(address: number, low: number): number {
  return Math.floor(address / 2 ** 32) * 2 ** 32 + low;
}

function withHigh(address: number, high: number): number {
  return (address % 2 ** 32) + high * 2 ** 32;
}
