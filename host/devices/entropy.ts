/**
 * The entropy device (virtio 1.2, 5.4) on the host's randomness, or on a seeded generator for machines whose every run must be the
 * same. It serves the queue inside the notification.
 */
import { createCipheriv, createHash, randomFillSync } from "node:crypto";
import type { PhysicalMemory } from "../../kernel/mem/physical.ts";
import { VIRTIO_ID_RNG } from "../../kernel/virtio/transport.ts";
import type { DeviceQueue } from "../queue/device-queue.ts";
import { type Backend, MmioDevice } from "../queue/mmio-device.ts";

/** Fills the whole of `target` with random bytes. */
export type EntropySource = (target: Uint8Array) => void;

export const hostEntropy: EntropySource = (target) => {
  randomFillSync(target);
};

/** The same `seed` gives the same stream of bytes, however it is cut: AES-256 in counter mode, keyed by the seed's hash. */
export function seededEntropy(seed: string | number): EntropySource {
  const key = createHash("sha256").update(String(seed)).digest();
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  return (target) => {
    target.set(cipher.update(Buffer.alloc(target.length)));
  };
}

export interface EntropyDeviceOptions {
  readonly source?: EntropySource;
  readonly log?: (line: string) => void;
}

export class EntropyDevice implements Backend {
  readonly mmio: MmioDevice;
  readonly #source: EntropySource;

  constructor(memory: PhysicalMemory, options: EntropyDeviceOptions = {}) {
    this.#source = options.source ?? hostEntropy;
    this.mmio = new MmioDevice(memory, this, {
      name: "entropy",
      deviceId: VIRTIO_ID_RNG,
      queueSizes: [16],
      ...(options.log && { log: options.log }),
    });
  }

  notify(index: number): void {
    const queue = this.mmio.queues[index] as DeviceQueue;
    for (let chain = queue.pop(); chain !== null; chain = queue.pop()) {
      if (chain.readableCount > 0) {
        queue.fail("a deviceReadable buffer for the entropy device"); // 5.4.6.1
        return;
      }
      for (let i = 0; i < chain.count; i++) this.#source(chain.part(i));
      queue.push(chain, chain.writableBytes);
    }
    queue.signal();
  }
}
