/**
 * A driver and a device on one memory, for tests: 1 MiB of guest memory, 4 MiB of kernel RAM, and a device whose back end does what
 * the test says.
 */
import { type Backend, type DeviceOptions, MmioDevice } from "../../../host/queue/mmio-device.ts";
import { GuestMemory } from "../../../kernel/mem/guest-memory.ts";
import { KERNEL_RAM_BASE, PhysicalMemory } from "../../../kernel/mem/physical.ts";
import { VIRTIO_ID_RNG } from "../../../kernel/virtio/transport.ts";

export function physicalMemory(guestPages = 16, kernelBytes = 4 * 1024 * 1024): PhysicalMemory {
  return new PhysicalMemory(new GuestMemory(new WebAssembly.Memory({ initial: guestPages })), kernelBytes);
}

/** Memory for a driver that starts over and over: `recycle` takes back everything that was allocated. */
export class RecycledMemory extends PhysicalMemory {
  #next = 64;

  constructor(guestPages: number, kernelBytes: number) {
    super(new GuestMemory(new WebAssembly.Memory({ initial: guestPages })), kernelBytes);
  }

  override allocate(size: number, align = 16): number {
    const start = Math.ceil(this.#next / align) * align;
    if (start + size > this.kernelBytes.length) throw new Error("kernel RAM exhausted");
    this.#next = start + size;
    return KERNEL_RAM_BASE + start;
  }

  recycle(): void {
    this.kernelBytes.fill(0);
    this.#next = 64;
  }
}

export class TestDevice implements Backend {
  readonly mmio: MmioDevice;
  readonly lines: string[] = [];
  notified: number[] = [];
  resets = 0;
  onNotify: (queue: number) => void = () => {};

  constructor(memory: PhysicalMemory, options: Partial<DeviceOptions> = {}) {
    this.mmio = new MmioDevice(memory, this, {
      name: "test",
      deviceId: VIRTIO_ID_RNG,
      queueSizes: [64],
      log: (line) => this.lines.push(line),
      ...options,
    });
  }

  notify(index: number): void {
    this.notified.push(index);
    this.onNotify(index);
  }

  reset(): void {
    this.resets++;
  }
}
