/**
 * The mappings of an address space in order of address, with their gaps: finding, inserting and removing one, and the lowest gap of a size, take
 * a time that grows with the square root of their number at most.
 *
 * A sorted list in runs of up to RUN_MAX mappings; each run knows the largest gap in front of one of its mappings, so that a search passes over
 * runs without room. What always holds: mappings do not overlap, no run is empty.
 */
import type { Mapping } from "./mapping.ts";

const RUN_MAX = 128;
/** A run that has become this short is joined with its neighbour. */
const RUN_MIN = 16;
const UNKNOWN = -1;

interface Run {
  readonly items: Mapping[];
  /** The largest gap in front of one of `items`, or UNKNOWN. */
  gapMax: number;
}

export class MappingIndex {
  readonly #runs: Run[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The first mapping that ends behind `address`: the one that contains it, or the next one. */
  at(address: number): Mapping | null {
    const run = this.#runs[this.#runAt(address)];
    return run ? (run.items[itemAt(run.items, address)] as Mapping) : null;
  }

  /** Every mapping that has a byte in [start, end), in order. What is done with them meanwhile does not change the list. */
  between(start: number, end: number): Mapping[] {
    const found: Mapping[] = [];
    for (let r = this.#runAt(start); r < this.#runs.length; r++) {
      const { items } = this.#runs[r] as Run;
      for (let i = itemAt(items, start); i < items.length; i++) {
        const mapping = items[i] as Mapping;
        if (mapping.start >= end) return found;
        found.push(mapping);
      }
    }
    return found;
  }

  all(): Mapping[] {
    return this.#runs.flatMap(({ items }) => items);
  }

  /** The lowest address not below `low` with `size` free bytes behind it, all below `high`; -1 if there is none. */
  gap(size: number, low: number, high: number): number {
    for (let r = this.#runAt(low); r < this.#runs.length; r++) {
      const run = this.#runs[r] as Run;
      if ((run.gapMax === UNKNOWN ? this.#measure(r) : run.gapMax) < size) continue;
      let free = Math.max(low, this.#endBefore(r));
      for (let i = itemAt(run.items, low); i < run.items.length; i++) {
        const { start, end } = run.items[i] as Mapping;
        if (start - free >= size) return free + size <= high ? free : -1;
        free = end;
      }
    }
    const free = Math.max(low, this.#endBefore(this.#runs.length));
    return free + size <= high ? free : -1;
  }

  insert(mapping: Mapping): void {
    this.#size++;
    if (this.#runs.length === 0) {
      this.#runs.push({ items: [mapping], gapMax: UNKNOWN });
      return;
    }
    const r = Math.min(this.#runAt(mapping.start), this.#runs.length - 1);
    const { items } = this.#runs[r] as Run;
    items.splice(itemAt(items, mapping.start), 0, mapping);
    if (items.length > RUN_MAX) {
      this.#runs.splice(r + 1, 0, { items: items.splice(RUN_MAX / 2), gapMax: UNKNOWN });
    }
    this.#forget(r);
  }

  remove(mapping: Mapping): void {
    const r = this.#runAt(mapping.start);
    const { items } = this.#runs[r] as Run;
    items.splice(itemAt(items, mapping.start), 1);
    this.#size--;
    if (items.length < RUN_MIN) {
      const next = this.#runs[r + 1];
      if (items.length === 0) this.#runs.splice(r, 1);
      else if (next && next.items.length <= RUN_MAX / 2) {
        items.push(...next.items);
        this.#runs.splice(r + 1, 1);
      }
    }
    this.#forget(r);
  }

  /** Start or end of a mapping has changed; its place in the order has not. */
  changed(mapping: Mapping): void {
    this.#forget(this.#runAt(mapping.start));
  }

  clear(): void {
    this.#runs.length = 0;
    this.#size = 0;
  }

  /** The gaps of run `r` have changed, and with its last end the first gap of the next one. */
  #forget(r: number): void {
    for (let i = r; i < r + 3 && i < this.#runs.length; i++) (this.#runs[i] as Run).gapMax = UNKNOWN;
  }

  #measure(r: number): number {
    const run = this.#runs[r] as Run;
    let free = this.#endBefore(r);
    run.gapMax = 0;
    for (const { start, end } of run.items) {
      if (start - free > run.gapMax) run.gapMax = start - free;
      free = end;
    }
    return run.gapMax;
  }

  /** Where the mappings before run `r` end. */
  #endBefore(r: number): number {
    return r > 0 ? lastEnd(this.#runs[r - 1] as Run) : 0;
  }

  /** The first run that ends behind `address`; their number if none does. */
  #runAt(address: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lastEnd(this.#runs[middle] as Run) > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** The first of `items` that ends behind `address`; their number if none does. */
function itemAt(items: readonly Mapping[], address: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((items[middle] as Mapping).end > address) high = middle;
    else low = middle + 1;
  }
  return low;
}

function lastEnd({ items }: Run): number {
  return (items[items.length - 1] as Mapping).end;
}
