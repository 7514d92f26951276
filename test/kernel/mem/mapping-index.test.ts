import { describe, expect, it } from "vitest";
import { GuestMemory } from "../../../kernel/mem/guest-memory.ts";
import { Mapping, PAGE_BYTES } from "../../../kernel/mem/mapping.ts";
import { MappingIndex } from "../../../kernel/mem/mapping-index.ts";
import { randomFor } from "../../random.ts";

const mem = new GuestMemory(new WebAssembly.Memory({ initial: 0 }));
const END = 4096 * PAGE_BYTES;

function mapping(page: number, pages: number): Mapping {
  return new Mapping(mem, page * PAGE_BYTES, (page + pages) * PAGE_BYTES, {
    kind: "mapping",
    prot: 3,
    type: 2,
    file: null,
    offset: 0,
    object: null,
  });
}

/** The lowest gap, found the slow way. */
function slowGap(mappings: readonly Mapping[], size: number, low: number, high: number): number {
  let free = low;
  for (const { start, end } of mappings) {
    if (end <= low) continue;
    if (start - free >= size) break;
    free = Math.max(free, end);
  }
  return free + size <= high ? free : -1;
}

describe("the index of mappings", () => {
  it("is empty at first", () => {
    const index = new MappingIndex();
    expect(index.at(0)).toBeNull();
    expect(index.between(0, 2 ** 32)).toEqual([]);
    expect(index.gap(PAGE_BYTES, PAGE_BYTES, END)).toBe(PAGE_BYTES);
    expect(index.gap(END, PAGE_BYTES, END)).toBe(-1);
  });

  it("agrees with a plain list over random insertions, removals and changes of size", () => {
    const random = randomFor("mappings");
    const index = new MappingIndex();
    const list: Mapping[] = [];
    const taken = (page: number, pages: number): boolean =>
      list.some(({ start, end }) => start < (page + pages) * PAGE_BYTES && end > page * PAGE_BYTES);
    for (let step = 0; step < 6000; step++) {
      const growing = step % 3000 < 2000;
      const page = random.below(4000);
      const pages = 1 + random.below(3);
      const action = random.below(100);
      if (action < (growing ? 80 : 20)) {
        if (!taken(page, pages)) {
          const added = mapping(page, pages);
          index.insert(added);
          list.push(added);
          list.sort((a, b) => a.start - b.start);
        }
      } else if (action < 95) {
        const at = random.below(list.length);
        const [removed] = list.splice(at, 1);
        if (removed) index.remove(removed);
      } else {
        const changed = list[random.below(list.length)];
        if (changed && changed.end - changed.start > PAGE_BYTES) {
          changed.end -= PAGE_BYTES;
          index.changed(changed);
        }
      }
      const low = random.below(4000) * PAGE_BYTES;
      const size = (1 + random.below(12)) * PAGE_BYTES;
      expect(index.gap(size, low, END), `step ${step}`).toBe(slowGap(list, size, low, END));
      const from = random.below(4000) * PAGE_BYTES;
      expect(index.at(from)).toBe(list.find(({ end }) => end > from) ?? null);
      if (step % 50 !== 0) continue;
      expect(index.size).toBe(list.length);
      expect(index.all()).toEqual(list);
      const to = from + 100 * PAGE_BYTES;
      expect(index.between(from, to)).toEqual(list.filter(({ start, end }) => start < to && end > from));
    }
  });
});
