/**
 * What a Linux program's module needs before this kernel can run it: its memory comes from outside (the threads of a process are
 * instances that share one, and a forked child gets a copy), and the kernel can reach its function table and its mutable globals.
 *
 * The module is edited section by section; code is not looked at, and no index changes: the one memory keeps index 0, and exports are added
 * at the end. Works for every module with one memory, whoever built it.
 */
import { readModuleShape, WasmFormatError } from "./wasm-reader.ts";
import {
  ByteReader,
  ModuleSections,
  SECTION_EXPORT,
  SECTION_GLOBAL,
  SECTION_IMPORT,
  SECTION_MEMORY,
  SECTION_TABLE,
} from "./wasm-sections.ts";
import { WasmWriter } from "./wasm-writer.ts";

/** Where an edited module imports its memory from. */
export const MEMORY_IMPORT = { module: "env", name: "memory" } as const;
/** The name under which an edited module exports its first table. */
export const EXPORTED_TABLE = "__indirect_function_table";
/** What the names begin with under which an edited module exports its mutable globals; then comes the global's index. */
export const EXPORTED_GLOBAL = "__ringzero_global_";

const KIND_TABLE = 1;
const KIND_MEMORY = 2;
const KIND_GLOBAL = 3;

/** The edited module. Throws WasmFormatError for what is no module. */
export function editLinuxModule(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const shape = readModuleShape(bytes);
  const sections = new ModuleSections(bytes);

  if (shape.memory && !shape.memory.importedAs) {
    const { initial, maximum, shared } = shape.memory;
    const entry = new WasmWriter().name(MEMORY_IMPORT.module).name(MEMORY_IMPORT.name).byte(KIND_MEMORY);
    entry.byte((maximum === undefined ? 0 : 1) | (shared ? 2 : 0)).u32(initial);
    if (maximum !== undefined) entry.u32(maximum);
    sections.append(SECTION_IMPORT, [entry]);
    sections.replace(SECTION_MEMORY, null);
  }

  const names = new Set(shape.exports);
  const exports: WasmWriter[] = [];
  if ((shape.importedTables > 0 || sections.find(SECTION_TABLE) !== null) && !names.has(EXPORTED_TABLE)) {
    exports.push(new WasmWriter().name(EXPORTED_TABLE).byte(KIND_TABLE).u32(0));
  }
  const globals = sections.find(SECTION_GLOBAL);
  if (globals) {
    for (const index of mutableGlobals(globals)) {
      const global = shape.importedGlobals + index;
      const name = `${EXPORTED_GLOBAL}${String(global).padStart(6, "0")}`;
      exports.push(new WasmWriter().name(name).byte(KIND_GLOBAL).u32(global));
    }
  }
  sections.append(SECTION_EXPORT, exports);
  return sections.toUint8Array();
}

/** Indices, within the section, of the mutable globals. */
function mutableGlobals(section: Uint8Array): number[] {
  const reader = new ByteReader(section);
  const found: number[] = [];
  const count = reader.u32();
  for (let index = 0; index < count; index++) {
    const type = reader.byte();
    if (type === 0x63 || type === 0x64) reader.s33(); // (ref null? heaptype)
    if (reader.byte() === 1) found.push(index);
    skipConstantExpression(reader);
  }
  return found;
}

function skipConstantExpression(reader: ByteReader): void {
  for (;;) {
    const opcode = reader.byte();
    switch (opcode) {
      case 0x0b: // end
        return;
      case 0x41: // i32.const
      case 0x42: // i64.const
      case 0xd0: // ref.null
        reader.s33();
        break;
      case 0x23: // global.get
      case 0xd2: // ref.func
        reader.u32();
        break;
      case 0x43: // f32.const
        reader.at += 4;
        break;
      case 0x44: // f64.const
        reader.at += 8;
        break;
      case 0xfd: // v128.const
        reader.u32();
        reader.at += 16;
        break;
      case 0x6a: // i32 and i64 add, sub, mul (extended constant expressions)
      case 0x6b:
      case 0x6c:
      case 0x7c:
      case 0x7d:
      case 0x7e:
        break;
      default:
        throw new WasmFormatError(`a global is initialised with the unknown opcode 0x${opcode.toString(16)}`);
    }
  }
}
