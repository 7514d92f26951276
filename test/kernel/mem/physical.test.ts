import { describe, expect, it } from "vitest";
import { GuestMemory } from "../../../kernel/mem/guest-memory.ts";
import { KERNEL_RAM_BASE, PhysicalMemory } from "../../../kernel/mem/physical.ts";

function create(kernelRamBytes = 4096): PhysicalMemory {
  return new PhysicalMemory(new GuestMemory(new WebAssembly.Memory({ initial: 1 })), kernelRamBytes);
}

describe("physical memory", () => {
  it("resolves guest RAM and kernel RAM, and nothing between or behind", () => {
    const physical = create();
    expect(physical.slice(0, 65536)?.length).toBe(65536);
    expect(physical.slice(KERNEL_RAM_BASE, 4096)?.length).toBe(4096);
    expect(physical.slice(65536, 1)).toBeNull();
    expect(physical.slice(KERNEL_RAM_BASE - 1, 2)).toBeNull();
    expect(physical.slice(KERNEL_RAM_BASE + 4096, 1)).toBeNull();
    expect(physical.slice(KERNEL_RAM_BASE, -1)).toBeNull();
    expect(physical.slice(KERNEL_RAM_BASE, Number.NaN)).toBeNull();
    expect(physical.slice(2 ** 53, 1)).toBeNull();
  });

  it("allocates aligned, zeroed and disjoint blocks, and uses released ones again", () => {
    const physical = create();
    const first = physical.allocate(100, 256);
    const second = physical.allocate(100, 16);
    expect(first % 256).toBe(0);
    expect(second).toBeGreaterThanOrEqual(first + 100);
    physical.slice(first, 100)?.fill(7);
    physical.release(first, 100);
    const third = physical.allocate(100, 256);
    expect(third).toBe(first);
    expect(physical.slice(third, 100)?.every((byte) => byte === 0)).toBe(true);
  });

  it("says so when it is exhausted", () => {
    expect(() => create().allocate(5000)).toThrow("kernel RAM exhausted");
  });
});
