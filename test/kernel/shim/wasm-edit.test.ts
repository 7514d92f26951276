/**
 * The edited module: memory from outside, table and mutable globals reachable, everything else as it was; and what is no module ends in one error.
 */
import { describe, expect, it } from "vitest";
import { EXPORTED_GLOBAL, EXPORTED_TABLE, editLinuxModule, MEMORY_IMPORT } from "../../../kernel/shim/wasm-edit.ts";
import { readModuleShape, WasmFormatError } from "../../../kernel/shim/wasm-reader.ts";
import { F32, F64, I32, I64, WasmWriter } from "../../../kernel/shim/wasm-writer.ts";
import { randomFor } from "../../random.ts";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0] as const;
const FUNCREF = 0x70;
const V128 = 0x7b;
const SHARED_WITH_MAXIMUM = 3;

interface Parts {
  /** Module, name, kind and what follows. */
  readonly imports?: readonly [module: string, name: string, kind: number, ...type: number[]][];
  readonly table?: boolean;
  readonly memory?: readonly number[];
  /** Type, 1 if mutable, initialiser without its end. */
  readonly globals?: readonly [type: number, mutable: number, ...init: number[]][];
  readonly exports?: readonly [name: string, kind: number, index: number][];
  readonly custom?: boolean;
}

function build({ imports = [], table, memory, globals = [], exports = [], custom }: Parts): Uint8Array<ArrayBuffer> {
  const out = new WasmWriter().byte(...HEADER);
  if (custom) out.section(0, new WasmWriter().name("note").byte(1, 2, 3));
  out.section(1, new WasmWriter().u32(1).byte(0x60, 0, 0));
  if (imports.length > 0) {
    const section = new WasmWriter().u32(imports.length);
    for (const [module, name, ...type] of imports)
      section
        .name(module)
        .name(name)
        .byte(...type);
    out.section(2, section);
  }
  if (table) out.section(4, new WasmWriter().u32(1).byte(FUNCREF, 0).u32(7));
  if (memory) out.section(5, new WasmWriter().u32(1).byte(...memory));
  if (globals.length > 0) {
    const section = new WasmWriter().u32(globals.length);
    for (const global of globals) section.byte(...global, 0x0b);
    out.section(6, section);
  }
  if (exports.length > 0) {
    const section = new WasmWriter().u32(exports.length);
    for (const [name, kind, index] of exports) section.name(name).byte(kind).u32(index);
    out.section(7, section);
  }
  if (custom) out.section(0, new WasmWriter().name("name").byte(0));
  return out.toUint8Array();
}

const SHARED = [SHARED_WITH_MAXIMUM, 2, 16] as const;

function edit(parts: Parts): { bytes: Uint8Array<ArrayBuffer>; module: WebAssembly.Module } {
  const bytes = editLinuxModule(build(parts));
  return { bytes, module: new WebAssembly.Module(bytes) };
}

const exportsOf = (module: WebAssembly.Module): string[] =>
  WebAssembly.Module.exports(module).map(({ name, kind }) => `${kind} ${name}`);

const globalName = (index: number): string => `global ${EXPORTED_GLOBAL}${String(index).padStart(6, "0")}`;

describe("an edited module", () => {
  it("imports the memory that it defined, with the same limits", () => {
    const { bytes, module } = edit({ memory: SHARED, exports: [["memory", 2, 0]] });
    expect(WebAssembly.Module.imports(module)).toEqual([{ ...MEMORY_IMPORT, kind: "memory" }]);
    expect(readModuleShape(bytes).memory).toEqual({
      initial: 2,
      maximum: 16,
      shared: true,
      importedAs: [MEMORY_IMPORT.module, MEMORY_IMPORT.name],
    });
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 16, shared: true });
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    expect(instance.exports.memory).toBe(memory);
  });

  it("keeps its own imports, in their order, with memory behind them", () => {
    const { module } = edit({ imports: [["wali", "SYS_getpid", 0, 0]], memory: [0, 1] });
    expect(WebAssembly.Module.imports(module).map(({ name }) => name)).toEqual(["SYS_getpid", "memory"]);
  });

  it("keeps a memory that it imported, wherever from", () => {
    const { module } = edit({ imports: [["other", "mem", 2, ...SHARED]] });
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: "other", name: "mem", kind: "memory" }]);
  });

  it("exports its table and every mutable global, numbered with the imported ones", () => {
    const { module } = edit({
      imports: [["env", "constant", 3, I32, 0]],
      table: true,
      globals: [
        [I32, 1, 0x41, 5],
        [I64, 0, 0x42, 6],
        [F32, 1, 0x43, 0, 0, 0, 0],
        [F64, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0],
        [I32, 1, 0x23, 0],
        [FUNCREF, 1, 0xd0, FUNCREF],
        [V128, 1, 0xfd, 0x0c, ...new Array<number>(16).fill(1)],
        [I32, 1, 0x41, 1, 0x41, 2, 0x6a],
      ],
    });
    const expected = [1, 3, 4, 5, 6, 7, 8].map(globalName);
    expect(exportsOf(module)).toEqual([`table ${EXPORTED_TABLE}`, ...expected]);
    const { exports } = new WebAssembly.Instance(module, { env: { constant: 77 } });
    expect((exports[`${EXPORTED_GLOBAL}000005`] as WebAssembly.Global).value).toBe(77);
    expect((exports[EXPORTED_TABLE] as WebAssembly.Table).length).toBe(7);
  });

  it("exports nothing twice", () => {
    const { module } = edit({ table: true, exports: [[EXPORTED_TABLE, 1, 0]] });
    expect(exportsOf(module)).toEqual([`table ${EXPORTED_TABLE}`]);
  });

  it("needs none of it: a module without sections stays one", () => {
    const { module, bytes } = edit({});
    expect([WebAssembly.Module.imports(module), WebAssembly.Module.exports(module)]).toEqual([[], []]);
    expect(bytes.length).toBe(build({}).length);
    expect(editLinuxModule(Uint8Array.of(...HEADER))).toEqual(Uint8Array.of(...HEADER));
  });

  it("has lost what is for people only", () => {
    const { module } = edit({ custom: true, memory: [0, 1] });
    for (const name of ["name", "note"]) expect(WebAssembly.Module.customSections(module, name)).toEqual([]);
  });

  it("can be edited again, and stays as it is", () => {
    const { bytes } = edit({ memory: SHARED, table: true });
    expect(editLinuxModule(bytes)).toEqual(bytes);
  });
});

describe("what is no module", () => {
  const whole = build({
    imports: [["wali", "SYS_getpid", 0, 0]],
    table: true,
    memory: SHARED,
    globals: [
      [I32, 1, 0x41, 5],
      [F64, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0],
    ],
    exports: [["memory", 2, 0]],
    custom: true,
  });

  function survives(bytes: Uint8Array, what: string): void {
    try {
      editLinuxModule(bytes);
    } catch (error) {
      expect(error, what).toBeInstanceOf(WasmFormatError);
    }
  }

  it("ends in a format error, wherever it is cut", () => {
    expect(() => editLinuxModule(new Uint8Array())).toThrow(WasmFormatError);
    expect(() => editLinuxModule(new TextEncoder().encode("#!/bin/sh\n"))).toThrow(WasmFormatError);
    for (let length = 0; length < whole.length; length++) survives(whole.subarray(0, length), `cut at ${length}`);
  });

  it("ends in a format error, or in a module, whatever is flipped", () => {
    const random = randomFor("wasm-edit");
    for (let round = 0; round < 5000; round++) {
      const bytes = whole.slice();
      for (let flips = 1 + random.below(3); flips > 0; flips--) bytes[random.below(bytes.length)] = random.below(256);
      survives(bytes, `seed ${random.seed}, round ${round}`);
    }
  });

  it("is told when a section is longer than it, or a global begins with what nobody knows", () => {
    const header = new WasmWriter().byte(...HEADER);
    expect(() => editLinuxModule(header.byte(6, 100).toUint8Array())).toThrow("longer than the module");
    const global = new WasmWriter().byte(...HEADER).section(6, new WasmWriter().u32(1).byte(I32, 1, 0xee, 0x0b));
    expect(() => editLinuxModule(global.toUint8Array())).toThrow("unknown opcode 0xee");
  });
});
