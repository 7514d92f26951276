/**
 * The address space by itself: where mappings go, what they contain, and that nothing overlaps, against a model of pages.
 */
import { describe, expect, it } from "vitest";
import { MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../../../kernel/abi/mman.ts";
import { AddressSpace } from "../../../kernel/mem/address-space.ts";
import { PAGE_BYTES } from "../../../kernel/mem/mapping.ts";
import { randomFor } from "../../random.ts";
import { TestKernel } from "../fixture.ts";

const MIB = 1024 * 1024;
const LIMIT = 64 * MIB;

function newSpace(limit = LIMIT): AddressSpace {
  return new AddressSpace(new TestKernel(), limit);
}

function map(space: AddressSpace, size: number, address = 0, fixed = false): number {
  return space.map({ address, size, fixed, prot: PROT_READ | PROT_WRITE, shared: false, file: null, offset: 0 });
}

describe("an address space", () => {
  it("begins with the program's own memory, whose first page counts as unmapped", () => {
    const space = newSpace();
    expect(space.mappings.map(({ kind, start, end }) => [kind, start, end])).toEqual([
      ["program", PAGE_BYTES, space.floor],
    ]);
    expect(space.covers(PAGE_BYTES, space.floor)).toBe(true);
    expect(space.covers(0, PAGE_BYTES)).toBe(false);
    expect(space.usedRanges()).toEqual([[0, space.floor]]);
  });

  it("hands out zeroed memory, used before or not", () => {
    const space = newSpace();
    const first = map(space, 3 * PAGE_BYTES);
    space.mem.u8.fill(0xaa, first, first + 3 * PAGE_BYTES);
    space.unmap(first, 3 * PAGE_BYTES);
    const second = map(space, 5 * PAGE_BYTES);
    expect(second).toBe(first);
    expect(space.mem.u8.subarray(second, second + 5 * PAGE_BYTES).every((byte) => byte === 0)).toBe(true);
  });

  it("joins neighbours that are alike, and splits what is unmapped in part", () => {
    const space = newSpace();
    const first = map(space, PAGE_BYTES);
    const second = map(space, 4 * PAGE_BYTES);
    expect(second).toBe(first + PAGE_BYTES);
    expect(space.mappings).toHaveLength(2);
    space.unmap(first + 2 * PAGE_BYTES, PAGE_BYTES);
    expect(space.mappings.slice(1).map(({ start, end }) => [start - first, end - first])).toEqual([
      [0, 2 * PAGE_BYTES],
      [3 * PAGE_BYTES, 5 * PAGE_BYTES],
    ]);
    expect(space.mappedBytes).toBe(space.floor - PAGE_BYTES + 4 * PAGE_BYTES);
    expect(map(space, PAGE_BYTES)).toBe(first + 2 * PAGE_BYTES);
    expect(space.mappings).toHaveLength(2);
  });

  it("grows memory in steps, up to the limit and no further, and not at all for what does not fit", () => {
    const space = newSpace(8 * MIB);
    map(space, PAGE_BYTES);
    const size = space.mem.size;
    expect(map(space, 9 * MIB)).toBe(-12);
    expect(space.mem.size).toBe(size);
    let mapped = 0;
    while (map(space, MIB / 2) > 0) mapped++;
    expect(mapped).toBeGreaterThan(13); // the gap of the heap is used in the end
    expect(space.mem.size).toBeLessThanOrEqual(8 * MIB);
  });

  it("takes a hint where there is room, and a place of its own where there is none", () => {
    const space = newSpace();
    const first = map(space, PAGE_BYTES);
    const hint = first + 16 * PAGE_BYTES;
    expect(map(space, PAGE_BYTES, hint + 5)).toBe(hint);
    expect(map(space, 2 * PAGE_BYTES, hint - PAGE_BYTES)).toBe(first + PAGE_BYTES);
    expect(map(space, PAGE_BYTES, 16)).toBe(first + 3 * PAGE_BYTES);
    expect(map(space, PAGE_BYTES, 0xfffff000)).toBe(first + 4 * PAGE_BYTES);
  });

  it("moves the break within the gap that is kept for it", () => {
    const space = newSpace();
    const start = space.moveBreak(0);
    expect(start).toBe(space.floor);
    expect(space.moveBreak(start + 100)).toBe(start + 100);
    expect(space.moveBreak(start + MIB)).toBe(start + MIB);
    space.mem.u8.fill(7, start, start + MIB);
    expect(space.mappings.map(({ kind }) => kind)).toEqual(["program", "heap"]);
    expect(space.moveBreak(start + PAGE_BYTES)).toBe(start + PAGE_BYTES);
    expect(space.moveBreak(start + 2 * PAGE_BYTES)).toBe(start + 2 * PAGE_BYTES);
    expect(space.mem.u8[start]).toBe(7);
    expect(space.mem.u8[start + PAGE_BYTES]).toBe(0);
    expect(space.moveBreak(start - 1)).toBe(start + 2 * PAGE_BYTES);
    const behind = map(space, PAGE_BYTES);
    expect(space.moveBreak(behind - PAGE_BYTES)).toBe(behind - PAGE_BYTES);
    expect(space.moveBreak(behind)).toBe(behind - PAGE_BYTES); // a page stays free
    expect(space.moveBreak(2 ** 32 - 1)).toBe(behind - PAGE_BYTES);
    expect(space.moveBreak(start)).toBe(start);
    expect(space.mappings.map(({ kind }) => kind)).toEqual(["program", "mapping"]);
  });

  it("is copied for a child as it is, but for what shall be left out or wiped", () => {
    const space = newSpace();
    const [copied, wiped, left] = [map(space, PAGE_BYTES), map(space, PAGE_BYTES), map(space, PAGE_BYTES)];
    space.change(wiped as number, (wiped as number) + PAGE_BYTES, (mapping) => {
      mapping.onFork = "wipe";
    });
    space.change(left as number, (left as number) + PAGE_BYTES, (mapping) => {
      mapping.onFork = "leave out";
    });
    expect(space.usedRanges()).toEqual([
      [0, space.floor],
      [copied, (copied as number) + PAGE_BYTES],
    ]);
    const child = space.clone(new TestKernel());
    expect(child.floor).toBe(space.floor);
    expect(child.mappings.slice(1).map(({ start }) => start)).toEqual([copied, wiped]);
    child.unmap(copied as number, PAGE_BYTES);
    expect(space.mappings).toHaveLength(4);
  });

  it("agrees with a model of pages over random calls", () => {
    const random = randomFor("address space");
    const space = newSpace(16 * MIB);
    const low = map(space, PAGE_BYTES);
    space.unmap(low, PAGE_BYTES);
    const pages = new Map<number, number>(); // page number to the byte that it is filled with
    const each = (address: number, size: number, act: (page: number) => void): void => {
      for (let at = address; at < address + size; at += PAGE_BYTES) act(at / PAGE_BYTES);
    };
    const check = (page: number): void => {
      const bytes = space.mem.u8.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      const value = pages.get(page) as number;
      if (!bytes.every((byte) => byte === value)) throw new Error(`page ${page} is not ${value} throughout`);
    };
    const mapped = (address: number, size: number, zero: boolean): void => {
      each(address, size, (page) => {
        if (zero) {
          pages.set(page, 0);
          check(page);
        }
        const value = 1 + random.below(255);
        pages.set(page, value);
        space.mem.u8.fill(value, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      });
    };
    for (let step = 0; step < 1200; step++) {
      const size = (1 + random.below(40)) * PAGE_BYTES;
      const address = low + random.below(3000) * PAGE_BYTES;
      const action = random.below(10);
      if (action < 4) {
        const start = map(space, size);
        if (start < 0) continue;
        each(start, size, (page) => expect(pages.has(page), `step ${step}: page ${page} was mapped`).toBe(false));
        mapped(start, size, true);
      } else if (action < 5) {
        if (address + size <= space.limit && map(space, size, address, true) === address) mapped(address, size, true);
      } else if (action < 8) {
        space.unmap(address, size);
        each(address, size, (page) => pages.delete(page));
      } else {
        const mapping = space.between(address, address + 1)[0];
        if (!mapping || mapping.start > address) continue;
        const before = Math.min(size, mapping.end - address);
        const after = (1 + random.below(60)) * PAGE_BYTES;
        const values: number[] = [];
        each(address, before, (page) => values.push(pages.get(page) as number));
        const grows = after > before;
        const inPlace = grows && address + before === mapping.end && space.extend(mapping, after - before);
        const start = inPlace ? address : space.move(mapping, address, Math.min(before, after), after, -1, false);
        if (start < 0) continue;
        if (!inPlace) each(address, Math.min(before, after), (page) => pages.delete(page));
        values.slice(0, after / PAGE_BYTES).forEach((value, i) => {
          pages.set(start / PAGE_BYTES + i, value);
          check(start / PAGE_BYTES + i);
        });
        if (grows) mapped(start + before, after - before, true);
      }
      if (step % 100 === 0) for (const page of pages.keys()) check(page);
      const bytes = space.mappings.slice(1).reduce((sum, { start, end }) => sum + end - start, 0);
      expect(bytes, `step ${step}`).toBe(pages.size * PAGE_BYTES);
    }
  });

  it("maps and unmaps among 10,000 mappings as fast as among a few", () => {
    const space = newSpace(512 * MIB);
    const first = map(space, 20_000 * PAGE_BYTES);
    for (let i = 0; i < 10_000; i++) space.unmap(first + (2 * i + 1) * PAGE_BYTES, PAGE_BYTES);
    expect(space.mappings).toHaveLength(10_001);
    const begun = performance.now();
    const rounds = 20_000;
    for (let i = 0; i < rounds; i++) {
      const address = map(space, 2 * PAGE_BYTES);
      space.unmap(address, 2 * PAGE_BYTES);
    }
    const us = ((performance.now() - begun) * 1000) / rounds;
    console.log(`map and unmap among 10,000 mappings: ${us.toFixed(2)} µs`);
    expect(us).toBeLessThan(200); // with a scan over all of them it would be more
    expect(space.mappings.at(-1)?.type).toBe(MAP_PRIVATE);
  });
});
