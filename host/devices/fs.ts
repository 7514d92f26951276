/**
 * The virtio-fs device (virtio 1.2, 5.11) on one host folder.
 *
 * Queue 0 and queue 1 are served inside the notification; queue 2 hands transfers and syncs to libuv's threads and gives their chains back as
 * they end, in any order. Data moves between the host's file and the guest's own memory: the device reads and writes the buffers
 * that the descriptors name. What a request means is fuse-server.ts' business.
 */

import {
  FS_CONFIG_BYTES,
  FS_CONFIG_NUM_REQUEST_QUEUES,
  FS_CONFIG_TAG_BYTES,
  FS_QUEUE_ASYNC,
  FS_REQUEST_QUEUES,
} from "../../kernel/fs/fuse/protocol.ts";
import type { PhysicalMemory } from "../../kernel/mem/physical.ts";
import { VIRTIO_ID_FS } from "../../kernel/virtio/transport.ts";
import type { Chain } from "../queue/chain.ts";
import type { DeviceQueue } from "../queue/device-queue.ts";
import { type Backend, MmioDevice } from "../queue/mmio-device.ts";
import { type FsFaults, FuseServer } from "./fuse-server.ts";

export interface FsDeviceOptions {
  /** The host folder. */
  readonly folder: string;
  /** No request changes anything on the host: EROFS. */
  readonly readOnly?: boolean;
  /** The name under which the driver sees it; at most 36 bytes. Default: the folder's path. */
  readonly tag?: string;
  readonly log?: (line: string) => void;
  /** Tests only: failures that the host does not produce at will. */
  readonly faults?: FsFaults;
  /** Tests only: without /proc/self/fd, as on hosts that have none. */
  readonly byPath?: boolean;
}

export class FsDevice implements Backend {
  readonly mmio: MmioDevice;
  readonly #server: FuseServer;

  /** Throws Node's error if the folder cannot be opened. */
  constructor(memory: PhysicalMemory, options: FsDeviceOptions) {
    const config = new Uint8Array(FS_CONFIG_BYTES);
    const tag = Buffer.from(options.tag ?? options.folder);
    config.set(tag.subarray(Math.max(0, tag.length - FS_CONFIG_TAG_BYTES)));
    new DataView(config.buffer).setUint32(FS_CONFIG_NUM_REQUEST_QUEUES, FS_REQUEST_QUEUES, true);
    this.#server = new FuseServer(options);
    this.mmio = new MmioDevice(memory, this, {
      name: "fs",
      deviceId: VIRTIO_ID_FS,
      queueSizes: [128, 128, 128],
      config,
      ...(options.log && { log: options.log }),
    });
  }

  notify(index: number): void {
    const queue = this.mmio.queues[index] as DeviceQueue;
    for (let chain = queue.pop(); chain !== null; chain = queue.pop()) {
      const taken = chain;
      const written = this.#server.serve(
        chain,
        index === FS_QUEUE_ASYNC ? (bytes) => this.#completed(queue, taken, bytes) : null,
      );
      if (written !== null) queue.push(chain, written);
    }
    queue.signal();
  }

  /** The driver has reset the device: its files are closed once what is under way has ended. */
  reset(): void {
    this.#server.reset();
  }

  /** The machine is over. */
  close(): void {
    this.#server.close();
  }

  /** Requests handed to libuv that have not ended. */
  get busy(): number {
    return this.#server.busy;
  }

  #completed(queue: DeviceQueue, chain: Chain, written: number): void {
    queue.push(chain, written);
    queue.signal();
  }
}
