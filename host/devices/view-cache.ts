/**
 * Buffers that show pieces of physical memory, kept for the next time: a guest answers from the same few places, and a Buffer costs more
 * than a short message does.
 *
 * What always holds: a Buffer that is answered shows the bytes asked for. Views of linear memory that has grown since are detached and have
 * length 0, so they are found out by their length. Nobody may write to one, or keep it longer than the memory is his.
 */
import { KERNEL_RAM_BASE, type PhysicalMemory, PROCESS_MEMORY_BASE } from "../../kernel/mem/physical.ts";
import type { Chain } from "../queue/chain.ts";

const SLOT_BITS = 11;
const SLOTS = 1 << SLOT_BITS;
const SLOT_SHIFT = 32 - SLOT_BITS;

export class ViewCache {
  readonly #memory: PhysicalMemory;
  readonly #kernel: ArrayBuffer;
  readonly #addresses = new Float64Array(SLOTS).fill(-1);
  readonly #views: (Buffer<ArrayBuffer> | null)[] = new Array(SLOTS).fill(null);

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
    this.#kernel = memory.kernelBytes.buffer;
  }

  /** Part `index` of a chain. */
  of(chain: Chain, index: number): Buffer<ArrayBuffer> {
    const address = chain.addresses[index] as number;
    const length = chain.lengths[index] as number;
    const slot = Math.imul((address >>> 4) + Math.imul(length, 40503), 0x9e3779b1) >>> SLOT_SHIFT;
    const known = this.#views[slot];
    if (known && this.#addresses[slot] === address && known.length === length) return known;
    const view = this.#make(address, length);
    // Memory of further processes may become another one's.
    if (address < PROCESS_MEMORY_BASE) {
      this.#addresses[slot] = address;
      this.#views[slot] = view;
    }
    return view;
  }

  #make(address: number, length: number): Buffer<ArrayBuffer> {
    if (address >= PROCESS_MEMORY_BASE) {
      const bytes = this.#memory.slice(address, length) as Uint8Array<ArrayBuffer>;
      return Buffer.from(bytes.buffer, bytes.byteOffset, length);
    }
    if (address >= KERNEL_RAM_BASE) return Buffer.from(this.#kernel, address - KERNEL_RAM_BASE, length);
    return Buffer.from(this.#memory.guest.memory.buffer as ArrayBuffer, address, length);
  }
}
