/**
 * Bytes on their way from the guest to streams: put on the list while the driver's packets are looked at, written all together afterwards. A write of
 * the host's costs many times what a packet does and leaves nothing of the queue's code and data in the processor's caches.
 *
 * What always holds: what was put on the list first is written first. Nothing is kept of what has been written.
 */
import type { Chain } from "../queue/chain.ts";
import type { StreamEndpoint } from "./stream-endpoint.ts";

const NOTHING = new Uint8Array(0);

export class WriteList {
  /** To whom, the bytes, and their chain, if they are the guest's. The first `#count` count. */
  readonly #endpoints: StreamEndpoint[] = [];
  readonly #bytes: Uint8Array[] = [];
  readonly #chains: (Chain | null)[] = [];
  #count = 0;
  #writing = false;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** True inside of `writeAll`. */
  get isWriting(): boolean {
    return this.#writing;
  }

  add(endpoint: StreamEndpoint, bytes: Uint8Array, chain: Chain | null): void {
    const index = this.#count++;
    this.#endpoints[index] = endpoint;
    this.#bytes[index] = bytes;
    this.#chains[index] = chain;
  }

  /** Writes what is on the list, and what is put there meanwhile: an in-process stream may bring its reader to life at once. */
  writeAll(): void {
    if (this.#writing) return;
    this.#writing = true;
    try {
      for (let i = 0; i < this.#count; i++) {
        const bytes = this.#bytes[i] as Uint8Array;
        this.#bytes[i] = NOTHING;
        (this.#endpoints[i] as StreamEndpoint).write(bytes, this.#chains[i] as Chain | null);
      }
    } finally {
      this.#count = 0;
      this.#writing = false;
    }
  }
}
