import { describe, expect, it } from "vitest";
import { GuestMemory } from "../../../kernel/mem/guest-memory.ts";

const PAGE = 65536;

describe("guest memory", () => {
  it("takes every range inside and refuses every range outside", () => {
    const mem = new GuestMemory(new WebAssembly.Memory({ initial: 1 }));
    expect(mem.has(0, 0)).toBe(true);
    expect(mem.has(0, PAGE)).toBe(true);
    expect(mem.has(PAGE, 0)).toBe(true);
    for (const [ptr, length] of [
      [PAGE, 1],
      [0, PAGE + 1],
      [0xffffffff, 1],
      [0xffffffff, 0xffffffff],
      [0, -1],
      [8, -8],
      [0, Number.NaN],
      [0, Number.POSITIVE_INFINITY],
    ] as const) {
      expect(mem.has(ptr, length), `${ptr}+${length}`).toBe(false);
      expect(mem.bytes(ptr, length)).toBeNull();
    }
  });

  it("has nothing at the null pointer of a C program, but takes it for no bytes", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    const mem = new GuestMemory(memory);
    mem.nullIsMemory = false;
    expect(mem.has(0, 1)).toBe(false);
    expect(mem.bytes(0, PAGE)).toBeNull();
    expect(mem.has(0, 0)).toBe(true);
    expect(mem.has(1, PAGE - 1)).toBe(true);
    memory.grow(1);
    expect(mem.has(0, PAGE + 1)).toBe(false);
    expect(mem.has(1, PAGE)).toBe(true);
  });

  it("survives memory.grow, also when the old views are already detached", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    const mem = new GuestMemory(memory);
    expect(mem.has(0, 8)).toBe(true);
    mem.setU32(4, 0xdeadbeef);
    memory.grow(2);
    expect(mem.has(PAGE * 3, 1)).toBe(false);
    expect(mem.has(PAGE * 3 - 4, 4)).toBe(true);
    expect(mem.getU32(4)).toBe(0xdeadbeef);
    expect(mem.size).toBe(PAGE * 3);
  });

  it("reads and writes at any alignment", () => {
    const mem = new GuestMemory(new WebAssembly.Memory({ initial: 1 }));
    for (let at = 0; at < 8; at++) {
      mem.setU32(at, 0x80000001);
      expect(mem.getU32(at)).toBe(0x80000001);
      expect(mem.getI32(at)).toBe(0x80000001 | 0);
      mem.setU16(at, 0xabcd);
      expect(mem.getU16(at)).toBe(0xabcd);
      for (const value of [0, 1, -1, 2 ** 32, -(2 ** 40) - 7, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
        mem.setI64(at, value);
        expect(mem.getI64(at)).toBe(value);
      }
    }
  });

  it("reads UTF-8 text and puts a mark where it is malformed", () => {
    const mem = new GuestMemory(new WebAssembly.Memory({ initial: 1 }));
    mem.u8.set([0xc3, 0xa4, 0xff], 100);
    expect(mem.text(100, 3)).toBe("ä\ufffd");
  });
});
