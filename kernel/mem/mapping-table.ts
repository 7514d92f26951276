/**
 * The mappings of one address space and what hangs on them: held file descriptions, views of shared objects, the count of bytes. Splitting and
 * joining happen here, so that whoever changes a range sees mappings that lie in it as a whole.
 */
import { releaseFile } from "../fs/fd-table.ts";
import type { File } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import type { Mapping } from "./mapping.ts";
import { MappingIndex } from "./mapping-index.ts";
import type { SharedObject } from "./shared-object.ts";

export class MappingTable {
  readonly #kernel: Kernel;
  readonly #index = new MappingIndex();
  /** The objects that there are views of, with their number. */
  readonly #objects = new Map<SharedObject, number>();
  #mappedBytes = 0;
  #uses = 0;
  #hasAliases = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Mappings, as many times as they are used: as Linux would count them. */
  get uses(): number {
    return this.#uses;
  }

  get mappedBytes(): number {
    return this.#mappedBytes;
  }

  /** True while the same bytes of an object are shown at two places: then every system call is told. */
  get hasAliases(): boolean {
    return this.#hasAliases;
  }

  objects(): IterableIterator<SharedObject> {
    return this.#objects.keys();
  }

  all(): Mapping[] {
    return this.#index.all();
  }

  between(start: number, end: number): Mapping[] {
    return this.#index.between(start, end);
  }

  gap(size: number, low: number, high: number): number {
    return this.#index.gap(size, low, high);
  }

  /** The shared mapping that `address` lies in; null if it lies in none. */
  sharedAt(address: number): Mapping | null {
    if (this.#objects.size === 0) return null;
    const mapping = this.#index.at(address);
    return mapping?.object && mapping.start <= address ? mapping : null;
  }

  covers(start: number, end: number): boolean {
    let at = start;
    for (const mapping of this.#index.between(start, end)) {
      if (mapping.start > at) return false;
      at = mapping.end;
    }
    return at >= end;
  }

  /** A new mapping, which has been filled. */
  attach(mapping: Mapping): void {
    const { object } = mapping;
    this.#add(mapping);
    if (!object) return;
    object.attach(mapping);
    if (!this.#hasAliases && object.isAliased(mapping)) this.#setAliases(true);
  }

  /** A mapping goes: what has been written to it, and is shared, stays. */
  discard(mapping: Mapping): void {
    mapping.object?.detach(mapping);
    this.#forget(mapping);
    if (this.#hasAliases && mapping.object) {
      this.#setAliases(this.#index.all().some((other) => other.object?.isAliased(other)));
    }
  }

  /** Nothing is mapped in [start, end) any more, however often it was. */
  clear(start: number, end: number): void {
    for (const mapping of this.isolate(start, end)) this.discard(mapping);
  }

  /** Does `act` to every mapping in [start, end), split at both ends, and joins what has become alike. */
  change(start: number, end: number, act: (mapping: Mapping) => void): void {
    for (const mapping of this.isolate(start, end)) act(mapping);
    this.join(start, end);
  }

  /** Splits mappings so that none crosses `start` or `end`; those in between. */
  isolate(start: number, end: number): Mapping[] {
    this.#split(start);
    this.#split(end);
    return this.#index.between(start, end);
  }

  /** Joins mappings in and around [start, end) that continue each other. */
  join(start: number, end: number): void {
    const [first, ...others] = this.#index.between(Math.max(0, start - 1), end + 1);
    let left = first;
    for (const right of others) {
      if (!left?.continuesIn(right)) {
        left = right;
        continue;
      }
      this.#forget(right);
      right.object?.views.delete(right);
      left.end = right.end;
      this.#mappedBytes += right.end - right.start;
      this.#index.changed(left);
    }
  }

  setUses(mapping: Mapping, uses: number): void {
    this.#uses += uses - mapping.uses;
    mapping.uses = uses;
  }

  /** The mapping is one of another description of its file from now on. */
  setFile(mapping: Mapping, file: File): void {
    file.refs++;
    this.#releaseFile(mapping);
    mapping.file = file;
  }

  #split(at: number): void {
    const mapping = this.#index.at(at);
    if (!mapping || mapping.start >= at) return;
    const right = mapping.part(at, mapping.end);
    this.#mappedBytes -= right.end - right.start;
    mapping.end = at;
    this.#index.changed(mapping);
    this.#add(right);
    right.object?.views.add(right);
  }

  /** Bookkeeping of a mapping that is new, or has been split off. */
  #add(mapping: Mapping): void {
    const { file, object } = mapping;
    this.#index.insert(mapping);
    this.#uses += mapping.uses;
    this.#mappedBytes += mapping.end - mapping.start;
    if (file) file.refs++;
    if (object) this.#objects.set(object, (this.#objects.get(object) ?? 0) + 1);
  }

  #forget(mapping: Mapping): void {
    const { object } = mapping;
    this.#index.remove(mapping);
    this.#uses -= mapping.uses;
    this.#mappedBytes -= mapping.end - mapping.start;
    this.#releaseFile(mapping);
    if (!object) return;
    const views = (this.#objects.get(object) as number) - 1;
    if (views > 0) this.#objects.set(object, views);
    else this.#objects.delete(object);
  }

  #setAliases(has: boolean): void {
    if (has === this.#hasAliases) return;
    this.#hasAliases = has;
    this.#kernel.scheduler.watchCalls(has ? 1 : -1);
  }

  #releaseFile({ file }: Mapping): void {
    if (file) releaseFile(this.#kernel, file);
  }
}
