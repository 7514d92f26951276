/**
 * Short writes of a connection, gathered until the guest's stacks have parked: what a program writes in one go leaves in one packet, and
 * a write costs a copy instead of a notification. Used by Connection and SocketDriver.
 *
 * What always holds: a slab of kernel RAM belongs to one connection while it is being filled, then to the device until its packet has
 * come back. Bytes in a slab count against the connection's credit. Order is kept: whatever else a connection sends goes behind its slab.
 */
import { copyBytes } from "../mem/copy-bytes.ts";
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../mem/physical.ts";
import type { SocketDriver } from "./socket.ts";
import type { Connection } from "./socket-connection.ts";

/** The longest run of bytes, and the longest write, that is gathered. */
export const SLAB_BYTES = 4096;
const SLABS = 128;

export class GatheredSends {
  readonly #driver: SocketDriver;
  readonly #memory: PhysicalMemory;
  /** Physical address of the first slab; 0 until one is needed. */
  #slabs = 0;
  readonly #free: number[] = [];
  /** Connections whose slab is being filled, and some whose slab has been sent since. */
  readonly #filling: Connection[] = [];

  constructor(memory: PhysicalMemory, driver: SocketDriver) {
    this.#memory = memory;
    this.#driver = driver;
  }

  /** True if a flush would send something. */
  get waiting(): boolean {
    return this.#filling.length > 0;
  }

  /** Takes what the credit allows of [address, address + length), at most SLAB_BYTES. -1: there is no slab, it must go another way. */
  add(connection: Connection, address: number, length: number): number {
    const size = Math.min(length, connection.credit);
    if (size === 0) return 0;
    if (connection.slab >= 0 && connection.slabLength + size > SLAB_BYTES) {
      this.submit(connection);
      if (connection.slab >= 0) return -1;
    }
    if (connection.slab < 0) {
      const slab = this.#take();
      if (slab < 0) return -1;
      connection.slab = slab;
      this.#filling.push(connection);
    }
    const to = this.#slabs - KERNEL_RAM_BASE + connection.slab * SLAB_BYTES + connection.slabLength;
    if (address < KERNEL_RAM_BASE) copyBytes(this.#memory.guest.u8, address, size, this.#memory.kernelBytes, to);
    else this.#memory.kernelBytes.set(this.#memory.slice(address, size) ?? [], to);
    connection.slabLength += size;
    return size;
  }

  /** What a connection has gathered goes to the device, with the next kick. It stays where there is no slot for the packet. */
  submit(connection: Connection): void {
    const { slab, slabLength } = connection;
    if (slab < 0) return;
    connection.slabLength = 0; // the credit is the packet's from here on
    if (this.#driver.tx.sendGathered(connection, this.#slabs + slab * SLAB_BYTES, slabLength, slab))
      connection.slab = -1;
    else connection.slabLength = slabLength;
  }

  submitAll(): void {
    const filling = this.#filling;
    if (filling.length === 0) return;
    for (let i = 0; i < filling.length; i++) this.submit(filling[i] as Connection);
    filling.length = 0;
  }

  /** The device has a slab no longer, or nobody will send it. */
  release(slab: number): void {
    this.#free.push(slab);
  }

  #take(): number {
    if (this.#slabs === 0) {
      this.#slabs = this.#memory.allocate(SLABS * SLAB_BYTES, SLAB_BYTES);
      for (let slab = SLABS - 1; slab >= 0; slab--) this.#free.push(slab);
    }
    return this.#free.pop() ?? -1;
  }
}
