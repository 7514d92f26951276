/**
 * The bytes of a Linux program as small as can be: it imports `wali.SYS_NAME`, defines a memory of one page and a function `_start`.
 */
import { I32, I64, WasmWriter } from "../../../kernel/shim/wasm-writer.ts";

/** `_start` calls `SYS_name(argument)`, which does not return, or whose result is dropped. */
export function tinyProgram(name = "exit_group", argument = 7): Uint8Array<ArrayBuffer> {
  const types = new WasmWriter().u32(2).byte(0x60, 1, I32, 1, I64).byte(0x60, 0, 0);
  const imports = new WasmWriter().u32(1).name("wali").name(`SYS_${name}`).byte(0).u32(0);
  const functions = new WasmWriter().u32(1).u32(1);
  const memory = new WasmWriter().u32(1).byte(1).u32(1).u32(16);
  const exports = new WasmWriter().u32(2).name("_start").byte(0).u32(1).name("memory").byte(2).u32(0);
  const body = new WasmWriter().u32(0).byte(0x41).s32(argument).byte(0x10).u32(0).byte(0x1a, 0x0b);
  return new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, types)
    .section(2, imports)
    .section(3, functions)
    .section(5, memory)
    .section(7, exports)
    .section(10, new WasmWriter().u32(1).sized(body))
    .toUint8Array();
}
