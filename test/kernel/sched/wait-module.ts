/**
 * A guest as small as can be for scheduler tests: imports `test.wait: (i32) -> i32`, exports `run(x) = wait(x) + 1` and `trap()`.
 */
import { generateShim, retryName, SHIM_IMPORTS } from "../../../kernel/shim/shim.ts";
import { I32, WasmWriter } from "../../../kernel/shim/wasm-writer.ts";

function guestBytes(): Uint8Array<ArrayBuffer> {
  const types = new WasmWriter().u32(2).byte(0x60, 1, I32, 1, I32).byte(0x60, 0, 1, I32);
  const imports = new WasmWriter().u32(1).name("test").name("wait").byte(0).u32(0);
  const functions = new WasmWriter().u32(2).u32(0).u32(1);
  const exports = new WasmWriter().u32(2).name("run").byte(0).u32(1).name("trap").byte(0).u32(2);
  const run = new WasmWriter().u32(0).byte(0x20, 0, 0x10, 0, 0x41, 1, 0x6a, 0x0b);
  const trap = new WasmWriter().u32(0).byte(0x00, 0x0b);
  const code = new WasmWriter().u32(2).sized(run).sized(trap);
  return new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, types)
    .section(2, imports)
    .section(3, functions)
    .section(7, exports)
    .section(10, code)
    .toUint8Array();
}

export interface WaitGuest {
  readonly run: (x: number) => unknown;
  readonly trap: () => unknown;
}

/** Instantiates the guest behind a shim whose one call `wait` is `tryWait`. */
export function instantiate(
  tryWait: (x: number) => number,
  park: WebAssembly.ImportValue,
  resumed: (tid: number) => number,
): WaitGuest {
  const shim = new WebAssembly.Instance(
    new WebAssembly.Module(generateShim([{ name: "wait", parameters: ["i32"], result: "i32" }])),
    {
      [SHIM_IMPORTS]: {
        wait: tryWait,
        [retryName("wait")]: (tid: number, x: number) => resumed(tid) || tryWait(x),
        park,
      },
    },
  );
  const guest = new WebAssembly.Instance(new WebAssembly.Module(guestBytes()), {
    test: { wait: shim.exports.wait as never },
  });
  return guest.exports as unknown as WaitGuest;
}
