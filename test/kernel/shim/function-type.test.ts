/**
 * The type of a function, told by what can import it.
 */
import { expect, it } from "vitest";
import { plainTypeOf } from "../../../kernel/shim/function-type.ts";
import { F64, I32, I64, WasmWriter } from "../../../kernel/shim/wasm-writer.ts";

/** An exported function of this type, which traps. */
function functionOf(parameters: readonly number[], results: readonly number[]): WebAssembly.ExportValue {
  const type = new WasmWriter().u32(1).byte(0x60).u32(parameters.length);
  type
    .byte(...parameters)
    .u32(results.length)
    .byte(...results);
  const bytes = new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, type)
    .section(3, new WasmWriter().u32(1).u32(0))
    .section(7, new WasmWriter().u32(1).name("f").byte(0).u32(0))
    .section(10, new WasmWriter().u32(1).sized(new WasmWriter().u32(0).byte(0x00, 0x0b)));
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes.toUint8Array())).exports;
  return f as WebAssembly.ExportValue;
}

const typeOf = (parameters: readonly number[], results: readonly number[]): unknown =>
  plainTypeOf(functionOf(parameters, results) as unknown as () => void);

it.each([0, 1, 2, 3])("knows functions of %i parameters, with a result and without", (count) => {
  const parameters = new Array<number>(count).fill(I32);
  expect(typeOf(parameters, [])).toEqual({ parameters: count, returns: false });
  expect(typeOf(parameters, [I32])).toEqual({ parameters: count, returns: true });
});

it("knows no others", () => {
  expect(typeOf([I32, I32, I32, I32], [])).toBe(null);
  expect(typeOf([I64], [])).toBe(null);
  expect(typeOf([I32], [F64])).toBe(null);
  expect(typeOf([], [I32, I32])).toBe(null);
});
