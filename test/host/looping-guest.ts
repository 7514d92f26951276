/**
 * Guests that never give their thread back, as files to run: `silent` makes no system call any more, `calling` nothing but.
 * Both write a line first.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { I32, WasmWriter } from "../../kernel/shim/wasm-writer.ts";

const LINE = "about to loop\n";

/** The path of a module named `${name}.wasm` that loops in that way. */
export function loopingGuest(how: "silent" | "calling", name = "loop"): string {
  const path = join(mkdtempSync(join(tmpdir(), "ringzero-loop-")), `${name}.wasm`);
  // loop { br 0 }, or loop { drop(getpid()); br 0 }
  const body = how === "silent" ? [0x0c, 0] : [0x10, 1, 0x1a, 0x0c, 0];
  writeFileSync(path, moduleThatLoops(body));
  return path;
}

function moduleThatLoops(body: readonly number[]): Uint8Array {
  const start = new WasmWriter().u32(0);
  start.byte(0x41).s32(1).byte(0x41).s32(0).byte(0x41).s32(LINE.length).byte(0x10, 0, 0x1a); // drop(write(1, 0, LINE.length))
  start.byte(0x03, 0x40, ...body, 0x0b, 0x0b);
  return new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, new WasmWriter().u32(3).byte(0x60, 3, I32, I32, I32, 1, I32).byte(0x60, 0, 1, I32).byte(0x60, 0, 0))
    .section(
      2,
      new WasmWriter().u32(2).name("ringzero").name("write").byte(0, 0).name("ringzero").name("getpid").byte(0, 1),
    )
    .section(3, new WasmWriter().u32(1).u32(2))
    .section(5, new WasmWriter().u32(1).byte(0).u32(1))
    .section(7, new WasmWriter().u32(2).name("_start").byte(0).u32(2).name("memory").byte(2, 0))
    .section(10, new WasmWriter().u32(1).sized(start))
    .section(11, new WasmWriter().u32(1).byte(0, 0x41).s32(0).byte(0x0b).name(LINE))
    .toUint8Array();
}
