/**
 * Tiny guests for tests of personalities: a module with given imports and the code of its `_start`.
 */
import { WasmWriter } from "../../../kernel/shim/wasm-writer.ts";

export interface GuestImport {
  readonly module?: string;
  readonly name: string;
  readonly parameters: readonly number[];
  readonly results: readonly number[];
}

/** A guest with these imports whose `_start` is `code` (function indices: imports first), one page of memory. */
export function guestModule(imports: readonly GuestImport[], code: readonly number[]): Uint8Array<ArrayBuffer> {
  const types = new WasmWriter().u32(imports.length + 1);
  const section = new WasmWriter().u32(imports.length);
  imports.forEach(({ module = "ringzero", name, parameters, results }, index) => {
    types
      .byte(0x60)
      .u32(parameters.length)
      .byte(...parameters)
      .u32(results.length)
      .byte(...results);
    section.name(module).name(name).byte(0).u32(index);
  });
  types.byte(0x60, 0, 0);
  return new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, types)
    .section(2, section)
    .section(3, new WasmWriter().u32(1).u32(imports.length))
    .section(5, new WasmWriter().u32(1).byte(0).u32(1))
    .section(7, new WasmWriter().u32(2).name("_start").byte(0).u32(imports.length).name("memory").byte(2, 0))
    .section(10, new WasmWriter().u32(1).sized(new WasmWriter().u32(0).byte(...code, 0x0b)))
    .toUint8Array();
}
