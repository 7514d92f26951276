/**
 * A guest that only passes calls on: it imports every row of the table and exports it under the same name, so that a test can make any
 * system call with any argument. `_start` sets the ring up (64 events at address 1024), which keeps the machine alive; one page of memory.
 */
import { boot, type Machine } from "../../../host/index.ts";
import type { BootOptions } from "../../../host/options.ts";
import { F64, I32, WasmWriter } from "../../../kernel/shim/wasm-writer.ts";
import { TABLE } from "../../../kernel/syscall/table.ts";

export const MEMORY_BYTES = 65536;
const RING_EVENTS = 1024;

export type Calls = Record<string, (...args: number[]) => number>;

export function callModule(): Uint8Array<ArrayBuffer> {
  const types = new WasmWriter().u32(TABLE.length + 2);
  const imports = new WasmWriter().u32(TABLE.length);
  const exports = new WasmWriter().u32(TABLE.length + 3);
  TABLE.forEach((row, index) => {
    types.byte(0x60).u32(row.parameters.length);
    for (const { kind } of row.parameters) types.byte(kind === "f64" ? F64 : I32);
    if (row.result === "void") types.u32(0);
    else types.u32(1).byte(row.result === "f64" ? F64 : I32);
    imports.name("ringzero").name(row.name).byte(0).u32(index);
    exports.name(row.name).byte(0).u32(index);
  });
  types.byte(0x60, 0, 0).byte(0x60, 3, I32, F64, F64, 0); // _start, ring_dispatch
  const functions = new WasmWriter()
    .u32(2)
    .u32(TABLE.length)
    .u32(TABLE.length + 1);
  exports
    .name("_start")
    .byte(0)
    .u32(TABLE.length)
    .name("ring_dispatch")
    .byte(0)
    .u32(TABLE.length + 1)
    .name("memory")
    .byte(2, 0);
  const ringSetup = TABLE.findIndex(({ name }) => name === "ring_setup");
  const start = new WasmWriter()
    .u32(0)
    .byte(0x41)
    .s32(RING_EVENTS)
    .byte(0x41)
    .s32(64)
    .byte(0x10)
    .u32(ringSetup)
    .byte(0x1a, 0x0b);
  const dispatch = new WasmWriter().u32(0).byte(0x0b);
  return new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, types)
    .section(2, imports)
    .section(3, functions)
    .section(5, new WasmWriter().u32(1).byte(0).u32(1))
    .section(7, exports)
    .section(10, new WasmWriter().u32(2).sized(start).sized(dispatch))
    .toUint8Array();
}

/** A machine to make calls on. They come from outside any thread, so one that would block answers -EDEADLK. */
export class CallMachine {
  readonly machine: Machine;
  readonly calls: Calls;
  readonly memory: WebAssembly.Memory;

  private constructor(machine: Machine) {
    this.machine = machine;
    this.calls = machine.exports as unknown as Calls;
    this.memory = machine.exports.memory as WebAssembly.Memory;
  }

  static async boot(options: BootOptions = {}): Promise<CallMachine> {
    return new CallMachine(await boot(callModule(), options));
  }

  /** Puts text at `ptr`; its length in bytes. */
  put(ptr: number, text: string): number {
    const bytes = new TextEncoder().encode(text);
    new Uint8Array(this.memory.buffer).set(bytes, ptr);
    return bytes.length;
  }

  /** Opens a path with openat(AT_FDCWD, ...). */
  open(path: string, flags: number, mode = 0o644): number {
    const length = this.put(60000, path);
    return (this.calls.openat as (...args: number[]) => number)(-100, 60000, length, flags, mode);
  }
}
