import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXPORTED_START, EXPORTED_WAITS, editThreadedModule } from "../../../kernel/shim/thread-edit.ts";
import { skipInstruction } from "../../../kernel/shim/wasm-code.ts";
import { WasmFormatError } from "../../../kernel/shim/wasm-reader.ts";
import { ByteReader } from "../../../kernel/shim/wasm-sections.ts";
import { I32, I64, WasmWriter } from "../../../kernel/shim/wasm-writer.ts";
import { randomFor } from "../../random.ts";

const OFFSET = 1000;

/**
 * Exports wait32(address, expected, timeout), wait32 with an offset, wait64, notify and `other` (an atomic addition, a fence, a branch table, constants and
 * a select, as they are), has a table and a start function of its own.
 */
function threadedModule(): Uint8Array<ArrayBuffer> {
  const types = new WasmWriter().u32(4);
  types
    .byte(0x60, 3, I32, I32, I64, 1, I32)
    .byte(0x60, 3, I32, I64, I64, 1, I32)
    .byte(0x60, 2, I32, I32, 1, I32)
    .byte(0x60, 0, 0);
  const memory = new WasmWriter().u32(1).name("env").name("memory").byte(2, 3, 1, 2);
  const names = ["wait32", "wait32 offset", "wait64", "notify", "other"];
  const exports = new WasmWriter().u32(names.length);
  names.forEach((name, index) => void exports.name(name).byte(0).u32(index));
  const bodies: (number[] | WasmWriter)[] = [
    [0x20, 0, 0x20, 1, 0x20, 2, 0xfe, 1, 2, 0],
    new WasmWriter().byte(0x20, 0, 0x20, 1, 0x20, 2, 0xfe, 1, 2).u32(OFFSET),
    [0x20, 0, 0x20, 1, 0x20, 2, 0xfe, 2, 3, 0],
    [0x20, 0, 0x20, 1, 0xfe, 0, 2, 0],
    // atomic.fence; block, block, br_table; f64.const, drop; i32.atomic.rmw.add
    [0xfe, 3, 0, 0x02, 0x40, 0x02, 0x40, 0x20, 1, 0x0e, 1, 0, 1, 0x0b, 0x0b]
      .concat([0x44, 0xfe, 1, 2, 0xfe, 1, 2, 0xfe, 1, 0x1a, 0x42, 0xfe, 0x01, 0x1a])
      .concat([0x20, 0, 0x20, 1, 0xfe, 0x1e, 2, 0]),
    [0x41, 8, 0x41, 1, 0xfe, 0x17, 2, 0], // start: memory[8] = 1, atomically
  ];
  const code = new WasmWriter().u32(bodies.length);
  for (const body of bodies) {
    code.sized(new WasmWriter().u32(0).byte(...(body instanceof WasmWriter ? body.bytes : body), 0x0b));
  }
  return new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, types)
    .section(2, memory)
    .section(3, new WasmWriter().u32(6).byte(0, 0, 1, 2, 2, 3))
    .section(4, new WasmWriter().u32(1).byte(0x70, 0, 3))
    .section(7, exports)
    .section(8, new WasmWriter().u32(5))
    .section(10, code)
    .toUint8Array();
}

describe("a program with WASI threads", () => {
  it("calls the kernel where it waited and woke by itself, with the address that it meant", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
    const words = new Int32Array(memory.buffer);
    const module = new WebAssembly.Module(editThreadedModule(threadedModule()));
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const call = exports as unknown as Record<string, (...args: (number | bigint)[]) => number>;
    expect(words[2]).toBe(0); // the start function has not run
    (exports[EXPORTED_START] as () => void)();
    expect(words[2]).toBe(1);

    // The waits of the same module as it was are what the table is filled with: functions of the right types that tell whether they were called.
    const table = exports[EXPORTED_WAITS] as WebAssembly.Table;
    expect(table.length).toBe(3);
    expect(() => call.notify?.(0, 1)).toThrow(WebAssembly.RuntimeError); // the table is empty
    const stub = (kind: number, wide: number): unknown => {
      const parameters = [
        [I32, I32],
        [I32, I32, I64],
        [I32, I64, I64],
      ][kind] as number[];
      const bytes = new WasmWriter()
        .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
        .section(1, new WasmWriter().u32(1).byte(0x60, parameters.length, ...parameters, 1, I32))
        .section(3, new WasmWriter().u32(1).byte(0))
        .section(7, new WasmWriter().u32(1).name("f").byte(0, 0))
        .section(
          10,
          new WasmWriter().u32(1).sized(new WasmWriter().u32(0).byte(0x20, 0, 0x41).s32(wide).byte(0x6a, 0x0b)),
        );
      return new WebAssembly.Instance(new WebAssembly.Module(bytes.toUint8Array())).exports.f;
    };
    for (let kind = 0; kind < 3; kind++) table.set(kind, stub(kind, 100_000 * (kind + 1)));
    expect(call.notify?.(16, 1)).toBe(100_016);
    expect(call.wait32?.(24, 1, 2n)).toBe(200_024);
    expect(call["wait32 offset"]?.(24, 1, 2n)).toBe(200_024 + OFFSET);
    expect(call.wait64?.(32, 1n, 2n)).toBe(300_032);
    expect(call.other?.(40, 5)).toBe(0);
    expect(call.other?.(40, 7)).toBe(5);
    expect(words[10]).toBe(12);
  });

  it("loses its way in none of the project's modules: each stays valid", () => {
    const folder = "guests/build";
    const modules = readdirSync(folder).filter((name) => name.endsWith(".wasm"));
    expect(modules.length).toBeGreaterThan(3);
    for (const name of modules) {
      const bytes = readFileSync(join(folder, name));
      expect(WebAssembly.validate(editThreadedModule(bytes)), name).toBe(WebAssembly.validate(bytes));
    }
  });

  it("ends in a format error, or in a module, whatever is flipped", () => {
    const random = randomFor("thread-edit");
    const bytes = threadedModule();
    for (let round = 0; round < 3000; round++) {
      const flipped = bytes.slice();
      for (let count = 1 + random.below(3); count > 0; count--)
        flipped[8 + random.below(bytes.length - 8)] = random.below(256);
      try {
        editThreadedModule(flipped);
      } catch (error) {
        expect(error).toBeInstanceOf(WasmFormatError);
      }
    }
  });

  it("refuses instructions that it does not know", () => {
    for (const bytes of [[0xfb, 0], [0xff], [0xfc, 40], [0x16]]) {
      expect(() => skipInstruction(new ByteReader(Uint8Array.from([...bytes, 0, 0])))).toThrow(WasmFormatError);
    }
  });
});
