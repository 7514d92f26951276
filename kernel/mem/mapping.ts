/**
 * One mapping of an address space (Linux' vm_area_struct): a run of pages with one origin. Pure data and the arithmetic of splitting and
 * joining; AddressSpace owns them.
 *
 * What always holds: start and end are multiples of PAGE_BYTES, start < end; a mapping of a file holds its open file description, and a shared
 * one is among the views of its object, for as long as it is part of an address space.
 */
import { MAP_SHARED, PROT_WRITE } from "../abi/mman.ts";
import type { File } from "../fs/file.ts";
import type { GuestMemory } from "./guest-memory.ts";
import type { SharedObject } from "./shared-object.ts";

export const PAGE_BYTES = 4096;

/** What fork(2) does with it: MADV_DONTFORK and MADV_WIPEONFORK ask for other than a copy. */
export type OnFork = "copy" | "leave out" | "wipe";

/** The program's own data and stack, the heap of brk(2), or what mmap(2) made. */
export type MappingKind = "program" | "heap" | "mapping";

export interface MappingOrigin {
  readonly kind: MappingKind;
  /** PROT_*. */
  readonly prot: number;
  /** MAP_SHARED or MAP_PRIVATE. */
  readonly type: number;
  /** File mappings: the description that was mapped. */
  readonly file: File | null;
  /** Of the first byte in the file or the object. */
  readonly offset: number;
  /** Shared mappings: what is shared. */
  readonly object: SharedObject | null;
}

export class Mapping {
  readonly mem: GuestMemory;
  readonly kind: MappingKind;
  readonly type: number;
  /** File mappings: the description that was mapped; of several uses one that may do what all of them may. */
  file: File | null;
  readonly object: SharedObject | null;
  /** First byte, and the one behind the last. */
  start: number;
  end: number;
  offset: number;
  /** PROT_*; kept, reported, and without effect. */
  prot: number;
  /** True once it has been writable: only then its bytes go to the object. */
  wasWritable: boolean;
  /** How many calls of mmap(2) were given it: a range of an object is mapped once in a process. */
  uses = 1;
  /** mlock(2). */
  locked = false;
  onFork: OnFork = "copy";

  constructor(mem: GuestMemory, start: number, end: number, origin: MappingOrigin) {
    this.mem = mem;
    this.start = start;
    this.end = end;
    this.kind = origin.kind;
    this.prot = origin.prot;
    this.type = origin.type;
    this.file = origin.file;
    this.offset = origin.offset;
    this.object = origin.object;
    this.wasWritable = (origin.prot & PROT_WRITE) !== 0;
  }

  get isShared(): boolean {
    return this.type === MAP_SHARED;
  }

  /** Zeroes at first, and the process' own. */
  get isPrivateAnonymous(): boolean {
    return !this.isShared && this.file === null;
  }

  /** Where in the file or object `address` lies. */
  offsetOf(address: number): number {
    return this.offset + (address - this.start);
  }

  /** A mapping of the same kind for the part [start, end) of this one, or for its place in another memory. */
  part(start: number, end: number, mem = this.mem): Mapping {
    const part = new Mapping(mem, start, end, this);
    part.offset = this.offsetOf(start);
    part.wasWritable = this.wasWritable;
    part.uses = this.uses;
    part.locked = this.locked;
    part.onFork = this.onFork;
    return part;
  }

  /** True if `next`, which begins where this one ends, is its continuation in every respect. */
  continuesIn(next: Mapping): boolean {
    return (
      this.end === next.start &&
      this.kind === next.kind &&
      this.prot === next.prot &&
      this.type === next.type &&
      this.file === next.file &&
      this.object === next.object &&
      this.uses === next.uses &&
      this.locked === next.locked &&
      this.onFork === next.onFork &&
      this.wasWritable === next.wasWritable &&
      ((this.file === null && this.object === null) || this.offsetOf(this.end) === next.offset)
    );
  }
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
