import { describe, expect, test } from "vitest";
import { CopyPool } from "../../../kernel/mem/copy-pool.ts";
import { GuestMemory } from "../../../kernel/mem/guest-memory.ts";

function filled(): GuestMemory {
  const guest = new GuestMemory(new WebAssembly.Memory({ initial: 1, maximum: 2 }));
  guest.u8.forEach((_, i) => {
    guest.u8[i] = (i * 7) & 0xff;
  });
  return guest;
}

describe("copies of guest memory from shared blocks", () => {
  test("every length and alignment around the ways to copy gives the bytes", () => {
    const guest = filled();
    const pool = new CopyPool();
    for (const length of [0, 1, 3, 4, 5, 255, 256, 257, 1023, 1024, 1025, 20_000]) {
      for (const address of [8, 9, 10, 11, 4096]) {
        const copy = pool.copy(guest, address, length);
        expect([...copy]).toEqual([...guest.u8.subarray(address, address + length)]);
      }
    }
  });

  test("a copy keeps its bytes whatever is copied afterwards, and whatever the guest writes", () => {
    const guest = filled();
    const pool = new CopyPool();
    const copies = Array.from({ length: 2000 }, (_, i) => pool.copy(guest, i, 1 + (i % 61)));
    const expected = copies.map((_, i) => [...guest.u8.subarray(i, i + 1 + (i % 61))]);
    guest.u8.fill(0);
    expect(copies.map((copy) => [...copy])).toEqual(expected);
  });

  test("the last bytes of memory are copied although no whole word is left", () => {
    const guest = filled();
    const end = guest.u8.length;
    expect([...new CopyPool().copy(guest, end - 3, 3)]).toEqual([...guest.u8.subarray(end - 3)]);
    expect([...new CopyPool().copy(guest, end - 4, 3)]).toEqual([...guest.u8.subarray(end - 4, end - 1)]);
  });

  test("a short copy shares its block, a long one does not keep one alive", () => {
    const guest = filled();
    const pool = new CopyPool();
    expect(pool.copy(guest, 0, 100).buffer).toBe(pool.copy(guest, 0, 100).buffer);
    expect(pool.copy(guest, 0, 5000).buffer.byteLength).toBe(5000);
  });
});
