/**
 * Copies of short pieces of guest memory, cut from blocks that many share, as Node's Buffers are: an ArrayBuffer of its own costs several
 * times what a short message does.
 *
 * What always holds: a copy's bytes are its own, nobody else gets or writes them. Its `buffer` is the block, which lives as long as one of
 * the copies does; so only what is short against a block is cut from one.
 */
import { COPY_WORDS_MAX, copyWords } from "./copy-bytes.ts";
import type { GuestMemory } from "./guest-memory.ts";

const BLOCK_BYTES = 16 * 1024;
const POOLED_BYTES_MAX = 1024;

export class CopyPool {
  #bytes = new Uint8Array(0);
  #words = new Uint32Array(0);
  /** Where the next copy begins, a multiple of 4. */
  #at = 0;

  /** A copy of [address, address + length), which is memory. */
  copy(guest: GuestMemory, address: number, length: number): Uint8Array<ArrayBuffer> {
    if (length > POOLED_BYTES_MAX) return guest.u8.slice(address, address + length);
    const rounded = (length + 3) & ~3;
    if (this.#at + rounded > this.#bytes.length) this.#renew();
    const at = this.#at;
    this.#at = at + rounded;
    // The word that the bytes end in is read as a whole: there must be one.
    if (length <= COPY_WORDS_MAX && (address & 3) === 0 && guest.has(address, rounded))
      copyWords(guest.u32, address >>> 2, rounded >>> 2, this.#words, at >>> 2);
    else this.#bytes.set(guest.u8.subarray(address, address + length), at);
    return new Uint8Array(this.#bytes.buffer, at, length);
  }

  #renew(): void {
    const block = new ArrayBuffer(BLOCK_BYTES);
    this.#bytes = new Uint8Array(block);
    this.#words = new Uint32Array(block);
    this.#at = 0;
  }
}
