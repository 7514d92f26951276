/**
 * Who has which part of a process' linear memory (mmap(2)): the module's own data and stack from 0 to `floor`, mappings above.
 *
 * What always holds: mappings lie on pages of 4096 bytes, do not overlap, and are sorted; memory handed out is zeroed. Linear memory only
 * grows; what is unmapped is used again. There is no protection: what PROT_NONE or PROT_READ ask for is kept and has no effect.
 */
import { EINVAL, ENOMEM } from "../abi/errno.ts";
import type { GuestMemory } from "./guest-memory.ts";

export const PAGE_BYTES = 4096;
const WASM_PAGE_BYTES = 65536;
/** Memory grows by this much at least: each step costs the views of it. */
const GROW_BYTES_MIN = 1024 * 1024;

export interface Mapping {
  /** First byte, and the one behind the last: multiples of PAGE_BYTES. */
  start: number;
  end: number;
  /** PROT_*, MAP_*. */
  prot: number;
  flags: number;
}

export class AddressSpace {
  readonly mem: GuestMemory;
  /** End of what the module itself uses. */
  readonly floor: number;
  readonly #limit: number;
  readonly #mappings: Mapping[] = [];
  /** No byte from here on has ever been handed out. */
  #fresh: number;

  /** `limit`: bytes that linear memory may grow to. */
  constructor(mem: GuestMemory, limit: number, from: AddressSpace | null = null) {
    this.mem = mem;
    this.floor = from?.floor ?? mem.size;
    this.#limit = Math.min(limit, 2 ** 32 - WASM_PAGE_BYTES);
    this.#fresh = from?.floor ?? mem.size;
    if (!from) return;
    this.#fresh = from.#fresh;
    this.#mappings = from.#mappings.map((mapping) => ({ ...mapping }));
  }

  get mappings(): readonly Mapping[] {
    return this.#mappings;
  }

  /** Bytes mapped. */
  get mappedBytes(): number {
    return this.#mappings.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** A new anonymous mapping of at least `length` bytes, zeroed: its address, or a negated errno. */
  mapAnonymous(length: number, prot: number, flags: number): number {
    if (!(length > 0)) return -EINVAL;
    const size = roundUp(length, PAGE_BYTES);
    const start = this.#findGap(size);
    if (start < 0) return start;
    const grown = this.#claim(start, start + size);
    if (grown < 0) return grown;
    this.#insert({ start, end: start + size, prot, flags });
    return start;
  }

  /** munmap(2): parts of mappings go, too. */
  unmap(address: number, length: number): number {
    if (address % PAGE_BYTES !== 0 || !(length > 0)) return -EINVAL;
    const end = address + roundUp(length, PAGE_BYTES);
    for (let i = 0; i < this.#mappings.length; i++) {
      const mapping = this.#mappings[i] as Mapping;
      if (mapping.end <= address) continue;
      if (mapping.start >= end) break;
      const left = { ...mapping, end: address };
      const right = { ...mapping, start: end };
      const rest = [left, right].filter((part) => part.start < part.end);
      this.#mappings.splice(i, 1, ...rest);
      i += rest.length - 1;
    }
    return 0;
  }

  /** What may hold anything but zeroes: what fork(2) copies. */
  usedRanges(): (readonly [start: number, end: number])[] {
    return [[0, this.floor], ...this.#mappings.map(({ start, end }) => [start, end] as const)];
  }

  /** The same mappings over `mem`, a copy of the memory. */
  clone(mem: GuestMemory): AddressSpace {
    return new AddressSpace(mem, this.#limit, this);
  }

  /** The process has ended. */
  close(): void {
    this.#mappings.length = 0;
  }

  #findGap(size: number): number {
    let at = this.floor;
    for (const { start, end } of this.#mappings) {
      if (start - at >= size) return at;
      at = end;
    }
    return at + size <= this.#limit ? at : -ENOMEM;
  }

  /** Makes [start, end) memory, zeroed. */
  #claim(start: number, end: number): number {
    if (end > this.mem.size) {
      const wanted = Math.max(end - this.mem.size, Math.min(GROW_BYTES_MIN, this.#limit - this.mem.size));
      try {
        this.mem.memory.grow(Math.ceil(wanted / WASM_PAGE_BYTES));
      } catch {
        return -ENOMEM;
      }
      this.mem.has(0, end); // renews the views
    }
    if (start < this.#fresh) this.mem.u8.fill(0, start, Math.min(end, this.#fresh));
    this.#fresh = Math.max(this.#fresh, end);
    return 0;
  }

  #insert(mapping: Mapping): void {
    const at = this.#mappings.findIndex(({ start }) => start > mapping.start);
    this.#mappings.splice(at < 0 ? this.#mappings.length : at, 0, mapping);
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
