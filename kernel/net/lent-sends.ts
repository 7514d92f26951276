/**
 * Lent sends (ring_send) of a stream socket whose peer is in the machine too: guest memory that is copied into the peer's queue as that
 * has room, in order.
 *
 * What always holds: every token reaches the ring exactly once. Used by StreamSocket; over the host, Connection does the same.
 */
import type { PhysicalMemory } from "../mem/physical.ts";
import type { Ring } from "../ring/ring.ts";

/** Who takes the bytes. */
export interface LentReceiver {
  /** Bytes it has room for. */
  readonly room: number;
  /** Takes a copy. */
  deliver(bytes: Uint8Array): void;
}

interface LentSend {
  readonly fd: number;
  address: number;
  left: number;
  readonly total: number;
  readonly token: number;
}

export class LentSends {
  readonly #memory: PhysicalMemory;
  readonly #ring: Ring;
  readonly #sends: LentSend[] = [];

  constructor(memory: PhysicalMemory, ring: Ring) {
    this.#memory = memory;
    this.#ring = ring;
  }

  get waiting(): boolean {
    return this.#sends.length > 0;
  }

  /** Valid memory, the receiver's until SENT. The descriptor is the one that SENT names. */
  push(fd: number, address: number, length: number, token: number): void {
    this.#sends.push({ fd, address, left: length, total: length, token });
  }

  /** Moves bytes to `to`, within its room unless `all`. True once nothing waits. */
  pump(to: LentReceiver, all: boolean): boolean {
    while (this.#sends.length > 0) {
      const send = this.#sends[0] as LentSend;
      const size = all ? send.left : Math.min(send.left, to.room);
      if (size <= 0) return false;
      const bytes = this.#memory.guest.bytes(send.address, size);
      if (bytes) to.deliver(bytes);
      send.address += size;
      send.left -= size;
      if (send.left > 0) return false;
      this.#sends.shift();
      this.#ring.sent(send.fd, send.token, send.total);
    }
    return true;
  }

  /** The receiver is gone. */
  fail(errno: number): void {
    for (const { fd, token } of this.#sends.splice(0)) this.#ring.sent(fd, token, -errno);
  }
}
