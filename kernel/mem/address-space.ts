/**
 * Who has which part of a process' linear memory (mmap(2)):
 *
 *     0 .. floor            the program's own data and stack
 *     floor ..              the heap of brk(2), which grows into a gap kept for it
 *     floor + gap .. limit  what mmap(2) maps, lowest gap first
 *
 * What always holds: mappings lie on pages of PAGE_BYTES and do not overlap; memory handed out is zeroed or has the contents of its file. Linear
 * memory only grows; what is unmapped is used again. There is no protection: what PROT_NONE or PROT_READ ask for is kept and has no effect.
 * Arguments have been checked by the callers (syscall/linux/memory.ts): addresses and lengths are multiples of PAGE_BYTES below 2^32.
 */
import { EINVAL, ENOMEM } from "../abi/errno.ts";
import { MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from "../abi/mman.ts";
import { mayWrite } from "../fs/access.ts";
import type { File } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import type { GuestMemory } from "./guest-memory.ts";
import { Mapping, type MappingOrigin, PAGE_BYTES, roundUp } from "./mapping.ts";
import { MappingTable } from "./mapping-table.ts";
import { SharedObject } from "./shared-object.ts";

const WASM_PAGE_BYTES = 65536;
/** Memory grows by this much at least, or by a sixteenth: each step costs the views of it. */
const GROW_BYTES_MIN = 1024 * 1024;
const GROW_SHARE = 1 / 16;
/** The gap kept for the heap; no more than an eighth of what there is. */
const HEAP_GAP_BYTES = 8 * 1024 * 1024;
/** An address that is only a hint is not worth more fresh memory than this. */
const HINT_GROW_BYTES_MAX = 64 * 1024 * 1024;
/** vm.max_map_count. */
const MAPPINGS_MAX = 65530;
/** A file is read into its mapping in pieces that never park (fuse-file.ts). */
const READ_BYTES = 512 * 1024;

/** What mmap(2) is asked for. */
export interface MapRequest {
  /** Where, if `fixed`; else a hint, 0 for none. */
  readonly address: number;
  readonly size: number;
  readonly fixed: boolean;
  readonly prot: number;
  readonly shared: boolean;
  /** Null: anonymous memory. */
  readonly file: File | null;
  readonly offset: number;
}

export class AddressSpace {
  readonly mem: GuestMemory;
  /** End of what the program's module itself uses. */
  readonly floor: number;
  /** Bytes that linear memory may grow to. */
  readonly limit: number;
  /** True after mlockall(MCL_FUTURE): new mappings are locked. */
  locksFuture = false;
  /** True once membarrier(2) has been registered for. */
  barriers = false;
  readonly #kernel: Kernel;
  readonly #table: MappingTable;
  /** Where mmap(2) begins to look for room. */
  readonly #low: number;
  #brk: number;
  /** Lines that have been said already. */
  readonly #reported = new Set<string>();
  /** No byte from here on has ever been handed out. */
  #fresh: number;

  /** Over the process' memory; with `from` a copy of that one, for fork(2), over a copy of its memory. */
  constructor(kernel: Kernel, limit: number, from: AddressSpace | null = null) {
    this.#kernel = kernel;
    this.mem = kernel.mem;
    this.#table = new MappingTable(kernel);
    this.limit = Math.min(limit, 2 ** 32 - WASM_PAGE_BYTES);
    this.floor = from?.floor ?? this.mem.size;
    this.#fresh = from ? from.#fresh : this.floor;
    this.#brk = from ? from.#brk : this.floor;
    const gap = Math.min(HEAP_GAP_BYTES, Math.max(0, this.limit - this.floor) / 8);
    this.#low = this.floor + Math.floor(gap / PAGE_BYTES) * PAGE_BYTES;
    if (from) this.#copy(from);
    else if (this.floor > PAGE_BYTES) {
      this.#table.attach(new Mapping(this.mem, PAGE_BYTES, this.floor, { ...ANONYMOUS, kind: "program" }));
    }
  }

  /** In order of address. */
  get mappings(): readonly Mapping[] {
    return this.#table.all();
  }

  /** Bytes mapped, the program's own included. */
  get mappedBytes(): number {
    return this.#table.mappedBytes;
  }

  get isFull(): boolean {
    return this.#table.uses >= MAPPINGS_MAX;
  }

  /** The mappings that have a byte in [start, end). */
  between(start: number, end: number): Mapping[] {
    return this.#table.between(start, end);
  }

  /** The shared mapping that `address` lies in; null if it lies in none. */
  sharedAt(address: number): Mapping | null {
    return this.#table.sharedAt(address);
  }

  /** True if all of [start, end) is mapped. */
  covers(start: number, end: number): boolean {
    return this.#table.covers(start, end);
  }

  /** True if [start, end) is no part of the program's own and lies where memory can be. */
  mayMap(start: number, end: number): boolean {
    return start >= this.floor && end <= this.limit;
  }

  /** Says once what a program wanted that cannot be. */
  report(line: string): void {
    if (!this.#reported.has(line)) this.#kernel.log(line);
    this.#reported.add(line);
  }

  /** A new anonymous mapping of at least `length` bytes, zeroed: its address, or a negated errno. For the kernel's own use, too. */
  mapAnonymous(length: number, prot: number): number {
    if (!(length > 0)) return -EINVAL;
    const size = roundUp(length, PAGE_BYTES);
    return this.map({ address: 0, size, fixed: false, prot, shared: false, file: null, offset: 0 });
  }

  /** mmap(2): the address, or a negated errno. A fixed one replaces what is there. */
  map(request: MapRequest): number {
    const { size, fixed, prot, shared, file, offset } = request;
    const object = shared ? this.#objectOf(file) : null;
    if (object && file && !fixed) {
      const known = this.#useAgain(object, file, offset, size, prot);
      if (known >= 0) return known;
    }
    const start = fixed ? request.address : this.#place(request.address, size);
    if (start < 0 || start + size > this.limit || !this.#grow(start + size)) return -ENOMEM;
    const origin: MappingOrigin = { ...ANONYMOUS, prot, type: shared ? MAP_SHARED : MAP_PRIVATE, file, offset, object };
    const mapping = new Mapping(this.mem, start, start + size, origin);
    mapping.locked = this.locksFuture;
    if (fixed) this.#table.clear(start, start + size);
    const filled = this.fill(mapping, start, start + size);
    if (filled < 0) return filled;
    this.#table.attach(mapping);
    this.#table.join(start, start + size);
    return start;
  }

  /** munmap(2) of what is mapped in [address, address + length): where it was mapped more than once, it remains. */
  unmap(address: number, length: number): void {
    this.#table.change(address, address + roundUp(length, PAGE_BYTES), (mapping) => {
      if (mapping.uses === 1) this.#table.discard(mapping);
      else {
        this.#table.setUses(mapping, mapping.uses - 1);
        mapping.object?.sync(mapping.offset, mapping.offsetOf(mapping.end));
      }
    });
  }

  /** Does `act` to every mapping in [start, end), split at both ends, and joins what has become alike. */
  change(start: number, end: number, act: (mapping: Mapping) => void): void {
    this.#table.change(start, end, act);
  }

  /**
   * mremap(2) in place: [.., end) of `mapping` becomes longer by `size` bytes, which are free. False if they are not, or there is no memory.
   */
  extend(mapping: Mapping, size: number): boolean {
    const { end } = mapping;
    const newEnd = end + size;
    if (mapping.kind !== "mapping" || newEnd > this.limit || this.#table.between(end, newEnd).length > 0) return false;
    if (!this.#grow(newEnd)) return false;
    const more = mapping.part(end, newEnd);
    more.uses = 1;
    if (this.fill(more, end, newEnd) < 0) return false;
    this.#table.attach(more);
    this.#table.join(end, newEnd);
    return true;
  }

  /**
   * mremap(2) to another place: [address, address + oldSize), which lies in `mapping`, is from now on at `target` (-1: anywhere) with `newSize`
   * bytes. `keep`: the old place stays mapped, with zeroes (MREMAP_DONTUNMAP). The new address, or a negated errno.
   */
  move(mapping: Mapping, address: number, oldSize: number, newSize: number, target: number, keep: boolean): number {
    const start = target < 0 ? this.#place(0, newSize) : target;
    if (start < 0 || start + newSize > this.limit || !this.#grow(start + newSize)) return -ENOMEM;
    const moved = mapping.part(address, address + oldSize);
    moved.start = start;
    moved.end = start + newSize;
    moved.uses = 1;
    if (target >= 0) this.#table.clear(start, start + newSize);
    // mremap(2): an old size of 0 makes a further mapping of the same shared pages.
    if (oldSize === 0) mapping.object?.sync();
    const copied = Math.min(oldSize === 0 ? mapping.end - address : oldSize, newSize);
    const filled = this.fill(moved, start + copied, start + newSize);
    if (filled < 0) return filled;
    this.mem.u8.copyWithin(start, address, address + copied);
    this.#fresh = Math.max(this.#fresh, start + newSize);
    this.#table.attach(moved);
    if (keep) this.fill(mapping, address, address + oldSize);
    else this.unmap(address, oldSize);
    this.#table.join(start, start + newSize);
    return start;
  }

  /** brk(2): the break, moved to `wanted` if that is possible. */
  moveBreak(wanted: number): number {
    if (wanted < this.floor || wanted > this.limit) return this.#brk;
    const from = roundUp(this.#brk, PAGE_BYTES);
    const to = roundUp(wanted, PAGE_BYTES);
    if (to < from) this.unmap(to, from - to);
    if (to > from) {
      // A page remains free between the heap and what is mapped behind it, as on Linux.
      if (this.#table.between(from, to + PAGE_BYTES).length > 0 || !this.#grow(to)) return this.#brk;
      const heap = new Mapping(this.mem, from, to, { ...ANONYMOUS, kind: "heap" });
      heap.locked = this.locksFuture;
      this.fill(heap, from, to);
      this.#table.attach(heap);
      this.#table.join(from, to);
    }
    this.#brk = wanted;
    return wanted;
  }

  /** Puts what belongs there into [start, end) of a mapping, or of one that is about to be: zeroes, the file's contents. 0 or an errno. */
  fill(mapping: Mapping, start: number, end: number): number {
    const { file } = mapping;
    let at = start;
    while (file?.seekable && at < end) {
      const got = file.seekable.pread(this.#kernel, at, Math.min(READ_BYTES, end - at), mapping.offsetOf(at));
      if (got < 0) return got;
      if (got === 0) break;
      at += got;
    }
    if (at < this.#fresh) this.mem.u8.fill(0, at, Math.min(end, this.#fresh));
    this.#fresh = Math.max(this.#fresh, end);
    return 0;
  }

  /** The process begins to run: it sees what others have written to what they share. */
  enter(): void {
    for (const object of this.#table.objects()) object.enter(this.mem);
  }

  /** A thread of it makes a call: two places that show the same bytes become alike. */
  alignAliases(): void {
    if (!this.#table.hasAliases) return;
    for (const object of this.#table.objects()) object.sync();
  }

  /** What may hold anything but zeroes: what fork(2) copies. */
  usedRanges(): (readonly [start: number, end: number])[] {
    const mapped = this.#table.all().filter(({ kind, onFork }) => kind !== "program" && onFork === "copy");
    return [[0, this.floor], ...mapped.map(({ start, end }) => [start, end] as const)];
  }

  /** The same mappings for a child, over its copy of the memory. */
  clone(child: Kernel): AddressSpace {
    return new AddressSpace(child, this.limit, this);
  }

  /** The process has ended, or runs another program: what it has written to files stays. */
  close(): void {
    for (const mapping of this.#table.all()) this.#table.discard(mapping);
  }

  #copy(from: AddressSpace): void {
    for (const object of from.#table.objects()) object.sync();
    for (const mapping of from.#table.all()) {
      if (mapping.onFork === "leave out") continue;
      const copy = mapping.part(mapping.start, mapping.end, this.mem);
      copy.locked = false;
      this.#table.attach(copy);
    }
  }

  /** Room for a mapping: at the hint if it is free, else the lowest; the heap's gap comes last. -1: there is none. */
  #place(hint: number, size: number): number {
    const near = Math.min(this.limit, this.mem.size + HINT_GROW_BYTES_MAX);
    const wanted = Math.floor(hint / PAGE_BYTES) * PAGE_BYTES;
    if (wanted >= this.#low && wanted + size <= near && this.#table.between(wanted, wanted + size).length === 0) {
      return wanted;
    }
    const found = this.#table.gap(size, this.#low, this.limit);
    return found >= 0 ? found : this.#table.gap(size, roundUp(this.#brk, PAGE_BYTES), this.limit);
  }

  /** Makes everything up to `end` memory. */
  #grow(end: number): boolean {
    const { mem } = this;
    const missing = end - mem.size;
    if (missing <= 0) return true;
    const step = Math.min(Math.max(GROW_BYTES_MIN, mem.size * GROW_SHARE), this.limit - mem.size);
    for (const bytes of [Math.max(missing, step), missing]) {
      try {
        mem.memory.grow(Math.ceil(bytes / WASM_PAGE_BYTES));
        return mem.has(end, 0); // renews the views
      } catch {
        // As much is not to be had; less may be.
      }
    }
    return false;
  }

  #objectOf(file: File | null): SharedObject {
    const home = file?.mappable?.home ?? null;
    const object = home?.shared ?? new SharedObject(this.#kernel, home);
    object.enter(this.mem);
    return object;
  }

  /** If the range is mapped already: its address, and there is one use more of it. Else -1. */
  #useAgain(object: SharedObject, file: File, offset: number, size: number, prot: number): number {
    for (const view of object.views) {
      if (view.mem !== this.mem || view.offset > offset || view.offsetOf(view.end) <= offset) continue;
      const start = view.start + (offset - view.offset);
      const views = this.#table.between(start, start + size);
      if (!this.#table.covers(start, start + size)) continue;
      if (views.some((other) => other.object !== object || other.offsetOf(start) !== offset)) continue;
      if ((prot & PROT_WRITE) !== 0 && views.some((other) => !mayWrite(other.file?.flags ?? 0))) {
        if (!mayWrite(file.flags)) continue;
        for (const other of views) this.#table.setFile(other, file);
      }
      this.#table.change(start, start + size, (other) => {
        this.#table.setUses(other, other.uses + 1);
        other.prot |= prot;
        if ((prot & PROT_WRITE) !== 0) other.wasWritable = true;
      });
      return start;
    }
    return -1;
  }
}

const ANONYMOUS: MappingOrigin = {
  kind: "mapping",
  prot: PROT_READ | PROT_WRITE,
  type: MAP_PRIVATE,
  file: null,
  offset: 0,
  object: null,
};
