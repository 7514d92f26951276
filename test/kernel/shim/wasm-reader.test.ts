import { describe, expect, it } from "vitest";
import { generateShim } from "../../../kernel/shim/shim.ts";
import { readModuleShape, WasmFormatError } from "../../../kernel/shim/wasm-reader.ts";
import { F64, I32, WasmWriter } from "../../../kernel/shim/wasm-writer.ts";

const shim = generateShim([
  { name: "read", parameters: ["i32", "i32", "i32"], result: "i32" },
  { name: "lseek", parameters: ["i32", "f64", "i32"], result: "f64" },
]);

describe("module shape", () => {
  it("tells imports with their types and exports", () => {
    const shape = readModuleShape(shim);
    expect(shape.functions.map(({ name }) => name)).toEqual(["park", "read", "retry read", "lseek", "retry lseek"]);
    expect(shape.functions[3]?.type).toEqual({ parameters: [I32, F64, I32], results: [F64] });
    expect(shape.exports).toEqual(["read", "lseek"]);
    expect(shape.memory).toBeNull();
  });

  it("tells the limits of an imported and of a defined memory", () => {
    const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0] as const;
    const imported = new WasmWriter().u32(1).name("env").name("memory").byte(2, 1).u32(17).u32(65536);
    expect(
      readModuleShape(
        new WasmWriter()
          .byte(...header)
          .section(2, imported)
          .toUint8Array(),
      ).memory,
    ).toEqual({
      initial: 17,
      maximum: 65536,
      shared: false,
      importedAs: ["env", "memory"],
    });
    const defined = new WasmWriter().u32(1).byte(0).u32(3);
    expect(
      readModuleShape(
        new WasmWriter()
          .byte(...header)
          .section(5, defined)
          .toUint8Array(),
      ).memory,
    ).toEqual({
      initial: 3,
      maximum: undefined,
      shared: false,
      importedAs: null,
    });
  });

  it("ends in a format error, whatever is cut off or flipped", () => {
    expect(() => readModuleShape(new Uint8Array())).toThrow(WasmFormatError);
    expect(() => readModuleShape(new TextEncoder().encode("#!/bin/sh\necho no"))).toThrow(WasmFormatError);
    for (let length = 0; length < shim.length; length++) {
      try {
        readModuleShape(shim.subarray(0, length)); // a cut between two sections is a module
      } catch (error) {
        expect(error, `cut at ${length}`).toBeInstanceOf(WasmFormatError);
      }
    }
    for (let at = 8; at < shim.length; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        const bytes = shim.slice();
        bytes[at] = value;
        try {
          readModuleShape(bytes);
        } catch (error) {
          expect(error, `byte ${at} = ${value}`).toBeInstanceOf(WasmFormatError);
        }
      }
    }
  });
});
