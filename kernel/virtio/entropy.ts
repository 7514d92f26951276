/**
 * The entropy driver (virtio 1.2, 5.4): one queue of deviceWritable buffers that the device fills with random bytes.
 *
 * The device serves the queue inside the kick, so `fill` is synchronous and the bytes land where they are wanted, in the guest's memory
 * too. getrandom(2) and /dev/urandom are its users.
 */
import { EIO } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { PhysicalMemory } from "../mem/physical.ts";
import { VirtioDriver } from "./driver.ts";
import { type Transport, VIRTIO_ID_RNG } from "./transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

export class EntropyDriver {
  readonly #virtio: VirtioDriver;
  readonly #queue: Virtqueue;

  constructor(memory: PhysicalMemory, transport: Transport) {
    this.#virtio = new VirtioDriver(memory, transport, { name: "entropy", deviceId: VIRTIO_ID_RNG });
    this.#queue = this.#virtio.queue(0, 16);
    this.#queue.setInterrupts(false);
    this.#virtio.ready();
  }

  /** Fills [address, address + length) of physical memory, which the caller has validated. `length`, or -EIO. */
  fill(address: number, length: number): number {
    const queue = this.#queue;
    let done = 0;
    while (done < length) {
      queue.begin();
      queue.addWritable(address + done, length - done);
      if (!queue.submit(0)) return -EIO;
      queue.kick();
      if (!queue.popUsed()) {
        // The buffer is still the device's and the caller will not wait: only a reset makes it ours again.
        this.#virtio.fail("the device did not answer");
        return -EIO;
      }
      // "The device MUST place one or more random bytes into the buffer" (5.4.6.2); none would make this a loop.
      if (queue.usedLength === 0) {
        this.#virtio.fail("the device gave no bytes");
        return -EIO;
      }
      done += queue.usedLength;
    }
    return length;
  }

  handleInterrupt(kernel: Kernel): void {
    this.#virtio.acknowledge(kernel);
  }
}
