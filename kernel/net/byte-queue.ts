/**
 * Received bytes that nobody has read yet: a ring of bytes that starts small and grows to what it has to hold. Who puts bytes in
 * keeps within the bound that the socket advertises; the queue itself only grows.
 */
import { copyBytes } from "../mem/copy-bytes.ts";
import type { GuestMemory } from "../mem/guest-memory.ts";
import type { IoVector } from "./io-vector.ts";

const FIRST_BYTES = 4096;
/** An emptied queue gives a larger buffer than this back. */
const KEEP_BYTES = 65536;
const NO_BYTES = new Uint8Array(0);

export class ByteQueue {
  #bytes: Uint8Array<ArrayBuffer> = NO_BYTES;
  #head = 0;
  length = 0;

  put(source: Uint8Array, start = 0, size = source.length): void {
    if (this.length + size > this.#bytes.length) this.#grow(this.length + size);
    const capacity = this.#bytes.length;
    const tail = (this.#head + this.length) & (capacity - 1);
    const first = Math.min(size, capacity - tail);
    copyBytes(source, start, first, this.#bytes, tail);
    if (first < size) copyBytes(source, start + first, size - first, this.#bytes, 0);
    this.length += size;
  }

  /** Copies what there is into `target`, from `offset` bytes behind the front on; nothing is taken out. The bytes copied. */
  peek(target: Uint8Array, offset = 0): number {
    const size = Math.min(target.length, this.length - offset);
    if (size <= 0) return 0;
    const capacity = this.#bytes.length;
    const head = (this.#head + offset) & (capacity - 1);
    const first = Math.min(size, capacity - head);
    target.set(this.#bytes.subarray(head, head + first));
    if (size > first) target.set(this.#bytes.subarray(0, size - first), first);
    return size;
  }

  /** Copies `size` bytes, which are there, to the vector from position `from` on; nothing is taken out. */
  copyTo(mem: GuestMemory, into: IoVector, from: number, size: number): void {
    if (into.count === 1) {
      const start = (into.addresses[0] as number) + from;
      const first = Math.min(size, this.#bytes.length - this.#head);
      copyBytes(this.#bytes, this.#head, first, mem.u8, start);
      if (first < size) copyBytes(this.#bytes, 0, size - first, mem.u8, start + first);
      return;
    }
    let offset = 0;
    into.forEach(mem, from, size, (piece) => {
      offset += this.peek(piece, offset);
    });
  }

  /** Drops `count` bytes (at most what there is) from the front; the bytes dropped. */
  drop(count: number): number {
    const size = Math.min(count, this.length);
    this.length -= size;
    if (this.length === 0) {
      this.#head = 0;
      if (this.#bytes.length > KEEP_BYTES) this.#bytes = NO_BYTES;
    } else this.#head = (this.#head + size) & (this.#bytes.length - 1);
    return size;
  }

  take(target: Uint8Array): number {
    return this.drop(this.peek(target));
  }

  clear(): void {
    this.#bytes = NO_BYTES;
    this.#head = 0;
    this.length = 0;
  }

  #grow(needed: number): void {
    let capacity = Math.max(FIRST_BYTES, this.#bytes.length);
    while (capacity < needed) capacity *= 2;
    const bytes = new Uint8Array(capacity);
    this.peek(bytes);
    this.#bytes = bytes;
    this.#head = 0;
  }
}
