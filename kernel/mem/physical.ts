/**
 * The machine's physical address space, as virtqueue descriptors name it.
 *
 *     [0, 2^32)              RAM: the guest's linear memory
 *     [2^32, 2^32 + size)    kernel RAM: rings, packet headers and kernel buffers, out of the guest's reach
 *     [n * 2^33, + 2^32)     RAM of a further process (fork(2)): n = 1, 2, ...
 *
 * `GuestMemory.base` says where a process' memory lies: a guest pointer becomes a physical address by adding it.
 * Addresses are JavaScript numbers (exact far beyond 2^33). Both drivers and devices resolve them here, so a
 * descriptor that points outside is refused in one place. Kernel RAM never moves or grows; linear memory grows in place
 * and its views are renewed by `GuestMemory`.
 */
import type { Waiter } from "../sched/wait-queue.ts";
import type { GuestMemory } from "./guest-memory.ts";

export const KERNEL_RAM_BASE = 2 ** 32;
/** Distance of the memories of further processes. */
const PROCESS_STRIDE = 2 ** 33;
/** The first address beyond the first process' and the kernel's memory. */
export const PROCESS_MEMORY_BASE = PROCESS_STRIDE;

export class PhysicalMemory {
  readonly guest: GuestMemory;
  /** Kernel RAM and typed views of it; index = (address - KERNEL_RAM_BASE) / element size. */
  readonly kernelBytes: Uint8Array<ArrayBuffer>;
  readonly kernelU16: Uint16Array<ArrayBuffer>;
  readonly kernelU32: Uint32Array<ArrayBuffer>;
  /** First free byte of kernel RAM; `allocate` moves it, freed blocks wait in `free` by size class. */
  #top = 64;
  readonly #free = new Map<number, number[]>();
  /** Memories of further processes; index + 1 is the multiple of PROCESS_STRIDE. */
  readonly #processes: (GuestMemory | null)[] = [];

  constructor(guest: GuestMemory, kernelRamBytes: number) {
    this.guest = guest;
    const buffer = new ArrayBuffer(kernelRamBytes);
    this.kernelBytes = new Uint8Array(buffer);
    this.kernelU16 = new Uint16Array(buffer);
    this.kernelU32 = new Uint32Array(buffer);
  }

  /** True if [address, address + length) is memory. */
  has(address: number, length: number): boolean {
    if (address < KERNEL_RAM_BASE) return this.guest.has(address, length);
    if (address >= PROCESS_MEMORY_BASE)
      return this.#processMemory(address)?.has(address % PROCESS_STRIDE, length) ?? false;
    return length >= 0 && address - KERNEL_RAM_BASE + length <= this.kernelBytes.length;
  }

  /** The same for an address in two words, as descriptors have it: no number outside of the small integers is made for it. */
  hasWords(low: number, high: number, length: number): boolean {
    if (high === 0) return this.guest.has(low, length);
    if (high === KERNEL_RAM_BASE / 2 ** 32) return low + length <= this.kernelBytes.length;
    return this.has(low + high * 2 ** 32, length);
  }

  /** The bytes [address, address + length), or null if any of them is not memory. */
  slice(address: number, length: number): Uint8Array<ArrayBuffer> | null {
    if (address < KERNEL_RAM_BASE) return this.guest.bytes(address, length);
    if (address >= PROCESS_MEMORY_BASE)
      return this.#processMemory(address)?.bytes(address % PROCESS_STRIDE, length) ?? null;
    const start = address - KERNEL_RAM_BASE;
    if (!(length >= 0 && start + length <= this.kernelBytes.length)) return null;
    return this.kernelBytes.subarray(start, start + length);
  }

  /** Gives the memory of a further process its place, `memory.base`. */
  attach(memory: GuestMemory): void {
    let index = this.#processes.indexOf(null);
    if (index < 0) index = this.#processes.length;
    this.#processes[index] = memory;
    memory.base = (index + 1) * PROCESS_STRIDE;
  }

  /** The process has ended: its addresses are no memory any more, as soon as no device works on it. */
  detach(memory: GuestMemory): void {
    if (memory.base === 0) return;
    if (!memory.isPinned) {
      this.#processes[memory.base / PROCESS_STRIDE - 1] = null;
      return;
    }
    const waiter: Waiter = {
      notify: () => {
        memory.unpinned.remove(waiter);
        this.detach(memory);
        return true;
      },
    };
    memory.unpinned.add(waiter);
  }

  #processMemory(address: number): GuestMemory | null {
    return this.#processes[Math.floor(address / PROCESS_STRIDE) - 1] ?? null;
  }

  /**
   * Takes `size` bytes of kernel RAM, zeroed, aligned to `align` (a power of two up to 4096). Returns the physical
   * address. Kernel RAM is dimensioned for its users at boot: running out is a broken invariant and throws.
   */
  allocate(size: number, align = 16): number {
    const rounded = roundUp(Math.max(size, 16), 16);
    const reuse = this.#free.get(rounded);
    for (let i = reuse ? reuse.length - 1 : -1; i >= 0; i--) {
      const address = (reuse as number[])[i] as number;
      if (address % align !== 0) continue;
      (reuse as number[]).splice(i, 1);
      this.kernelBytes.fill(0, address - KERNEL_RAM_BASE, address - KERNEL_RAM_BASE + rounded);
      return address;
    }
    const start = roundUp(this.#top, align);
    if (start + rounded > this.kernelBytes.length) {
      throw new Error(`kernel RAM exhausted: ${size} bytes wanted, ${this.kernelBytes.length - start} left`);
    }
    this.#top = start + rounded;
    return KERNEL_RAM_BASE + start;
  }

  /** Gives back what `allocate(size)` returned. */
  release(address: number, size: number): void {
    const rounded = roundUp(Math.max(size, 16), 16);
    const list = this.#free.get(rounded);
    if (list) list.push(address);
    else this.#free.set(rounded, [address]);
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
