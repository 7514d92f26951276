/**
 * One descriptor chain, as a device sees it after DeviceQueue.pop has checked every descriptor: `readableCount` parts it may
 * read, then parts it may write. The object belongs to its queue and is used again for the next chain with the same head:
 * after `push` nobody may touch it.
 *
 * Parts are addresses in physical memory; `part(i)` makes the view, to be taken anew after anything that can run the guest
 * (its memory may have grown meanwhile; addresses stay valid). How the bytes are divided into parts means nothing (virtio 1.2,
 * 2.7.4.1): the offset-based accessors hide it.
 */
import { KERNEL_RAM_BASE, type PhysicalMemory, PROCESS_MEMORY_BASE } from "../../kernel/mem/physical.ts";

export class Chain {
  readonly head: number;
  /** Parts, readable ones first. */
  count = 0;
  readableCount = 0;
  readableBytes = 0;
  writableBytes = 0;
  addresses = new Float64Array(4);
  lengths = new Uint32Array(4);
  /** True from pop to push; false for good once the device has been reset. Kept by DeviceQueue. */
  outstanding = false;
  /** For the device: whatever it wants to find again when an asynchronous operation ends. */
  user = 0;
  readonly #memory: PhysicalMemory;
  readonly #kernelView: DataView;

  constructor(memory: PhysicalMemory, kernelView: DataView, head: number) {
    this.#memory = memory;
    this.#kernelView = kernelView;
    this.head = head;
  }

  /** The bytes of part `index`. */
  part(index: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#memory.slice(this.addresses[index] as number, this.lengths[index] as number);
    if (bytes === null) throw new Error("a chain's part is no memory any more"); // pop has checked it, memory does not shrink
    return bytes;
  }

  /** Copies readable bytes from `offset` on into `target`; the number copied (less at the chain's end). */
  read(offset: number, target: Uint8Array): number {
    let done = 0;
    let start = 0;
    for (let i = 0; i < this.readableCount && done < target.length; i++) {
      const length = this.lengths[i] as number;
      if (offset + done < start + length) {
        const from = offset + done - start;
        const size = Math.min(length - from, target.length - done);
        const part = this.part(i);
        target.set(size === length ? part : part.subarray(from, from + size), done);
        done += size;
      }
      start += length;
    }
    return done;
  }

  /** Copies `source` into the writable bytes from `offset` on; the number copied (less where there is no room). */
  write(offset: number, source: Uint8Array): number {
    let done = 0;
    let start = 0;
    for (let i = this.readableCount; i < this.count && done < source.length; i++) {
      const length = this.lengths[i] as number;
      if (offset + done < start + length) {
        const to = offset + done - start;
        const size = Math.min(length - to, source.length - done);
        this.part(i).set(size === source.length ? source : source.subarray(done, done + size), to);
        done += size;
      }
      start += length;
    }
    return done;
  }

  /**
   * The index in `memory.kernelU32` of the first `bytes` readable bytes, if they are one aligned piece of kernel RAM, as the headers of our
   * own drivers are; else -1.
   */
  kernelWords(bytes: number): number {
    const address = this.addresses[0] as number;
    return this.readableCount > 0 &&
      (this.lengths[0] as number) >= bytes &&
      address >= KERNEL_RAM_BASE &&
      address < PROCESS_MEMORY_BASE &&
      (address & 3) === 0
      ? (address - KERNEL_RAM_BASE) >>> 2
      : -1;
  }

  /** Little-endian values at `offset` of the readable bytes; 0 beyond their end (compare with readableBytes first). */
  getU8(offset: number): number {
    return this.#get(offset, 1);
  }
  getU16(offset: number): number {
    return this.#get(offset, 2);
  }
  getU32(offset: number): number {
    const address = this.addresses[0] as number;
    if (
      offset + 4 <= (this.lengths[0] as number) &&
      this.readableCount > 0 &&
      address >= KERNEL_RAM_BASE &&
      address < PROCESS_MEMORY_BASE
    ) {
      return this.#kernelView.getUint32(address - KERNEL_RAM_BASE + offset, true);
    }
    return this.#get(offset, 4);
  }
  /** Exact up to 2^53. */
  getU64(offset: number): number {
    return this.getU32(offset) + this.getU32(offset + 4) * 2 ** 32;
  }

  /** Little-endian values at `offset` of the writable bytes; what lies beyond their end is dropped (see writableBytes). */
  setU8(offset: number, value: number): void {
    this.#set(offset, value, 1);
  }
  setU16(offset: number, value: number): void {
    this.#set(offset, value, 2);
  }
  setU32(offset: number, value: number): void {
    const first = this.readableCount;
    const address = this.addresses[first] as number;
    if (
      first < this.count &&
      offset + 4 <= (this.lengths[first] as number) &&
      address >= KERNEL_RAM_BASE &&
      address < PROCESS_MEMORY_BASE
    ) {
      this.#kernelView.setUint32(address - KERNEL_RAM_BASE + offset, value, true);
    } else this.#set(offset, value, 4);
  }
  setU64(offset: number, value: number): void {
    this.setU32(offset, value >>> 0);
    this.setU32(offset + 4, Math.floor(value / 2 ** 32));
  }

  /** Adds a part; DeviceQueue only. */
  add(address: number, length: number, writable: boolean): void {
    const at = this.count;
    if (at === this.addresses.length) this.#grow();
    this.addresses[at] = address;
    this.lengths[at] = length;
    this.count = at + 1;
    if (writable) this.writableBytes += length;
    else {
      this.readableCount = at + 1;
      this.readableBytes += length;
    }
  }

  /** Two parts, both writable or both not, from the descriptors at index `at` of kernel words, instead of all there were; DeviceQueue only. */
  setPair(u32: Uint32Array, at: number, writable: boolean): void {
    const length0 = u32[at + 2] as number;
    const length1 = u32[at + 6] as number;
    this.addresses[0] = (u32[at] as number) + (u32[at + 1] as number) * 2 ** 32;
    this.lengths[0] = length0;
    this.addresses[1] = (u32[at + 4] as number) + (u32[at + 5] as number) * 2 ** 32;
    this.lengths[1] = length1;
    this.count = 2;
    this.readableCount = writable ? 0 : 2;
    this.readableBytes = writable ? 0 : length0 + length1;
    this.writableBytes = writable ? length0 + length1 : 0;
  }

  clear(): void {
    this.count = 0;
    this.readableCount = 0;
    this.readableBytes = 0;
    this.writableBytes = 0;
  }

  #get(offset: number, bytes: number): number {
    const scratch = new Uint8Array(4);
    this.read(offset, scratch.subarray(0, bytes));
    return new DataView(scratch.buffer).getUint32(0, true);
  }

  #set(offset: number, value: number, bytes: number): void {
    const scratch = new Uint8Array(4);
    new DataView(scratch.buffer).setUint32(0, value, true);
    this.write(offset, scratch.subarray(0, bytes));
  }

  #grow(): void {
    const addresses = new Float64Array(this.addresses.length * 2);
    const lengths = new Uint32Array(addresses.length);
    addresses.set(this.addresses);
    lengths.set(this.lengths);
    this.addresses = addresses;
    this.lengths = lengths;
  }
}
