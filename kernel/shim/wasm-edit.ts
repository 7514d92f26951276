/**
 * What a Linux program's module needs before this kernel can run it: its memory comes from outside (the threads of a process are
 * instances that share one, and a forked child gets a copy), and the kernel can reach its function table and its mutable globals.
 *
 * The module is edited section by section; code is not looked at, and no index changes: the one memory keeps index 0, and exports are added
 * at the end. Works for every module with one memory, whoever built it.
 */
import { readModuleShape, WasmFormatError } from "./wasm-reader.ts";
import { WasmWriter } from "./wasm-writer.ts";

/** Where an edited module imports its memory from. */
export const MEMORY_IMPORT = { module: "env", name: "memory" } as const;
/** The name under which an edited module exports its first table. */
export const EXPORTED_TABLE = "__indirect_function_table";
/** What the names begin with under which an edited module exports its mutable globals; then comes the global's index. */
export const EXPORTED_GLOBAL = "__ringzero_global_";

const SECTION_IMPORT = 2;
const SECTION_TABLE = 4;
const SECTION_MEMORY = 5;
const SECTION_GLOBAL = 6;
const SECTION_EXPORT = 7;
const KIND_TABLE = 1;
const KIND_MEMORY = 2;
const KIND_GLOBAL = 3;
/** Order of the sections in a module: the tag section (13) stands before the globals, the data count (12) before the code. */
const ORDER = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

interface Section {
  readonly id: number;
  /** Contents, without id and size. */
  readonly bytes: Uint8Array;
}

/** The edited module. Throws WasmFormatError for what is no module. */
export function editLinuxModule(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const shape = readModuleShape(bytes);
  const sections = readSections(bytes).filter(({ id }) => id !== 0);
  const find = (id: number): Uint8Array | null => sections.find((section) => section.id === id)?.bytes ?? null;
  const replace = (id: number, contents: WasmWriter | null): void => {
    const at = sections.findIndex((section) => section.id === id);
    if (at >= 0) sections.splice(at, 1);
    if (contents === null) return;
    const place = sections.findIndex((section) => ORDER.indexOf(section.id) > ORDER.indexOf(id));
    sections.splice(place < 0 ? sections.length : place, 0, { id, bytes: contents.toUint8Array() });
  };

  if (shape.memory && !shape.memory.importedAs) {
    const { initial, maximum, shared } = shape.memory;
    const entry = new WasmWriter().name(MEMORY_IMPORT.module).name(MEMORY_IMPORT.name).byte(KIND_MEMORY);
    entry.byte((maximum === undefined ? 0 : 1) | (shared ? 2 : 0)).u32(initial);
    if (maximum !== undefined) entry.u32(maximum);
    replace(SECTION_IMPORT, appended(find(SECTION_IMPORT), [entry]));
    replace(SECTION_MEMORY, null);
  }

  const names = new Set(shape.exports);
  const exports: WasmWriter[] = [];
  if ((shape.importedTables > 0 || find(SECTION_TABLE) !== null) && !names.has(EXPORTED_TABLE)) {
    exports.push(new WasmWriter().name(EXPORTED_TABLE).byte(KIND_TABLE).u32(0));
  }
  const globals = find(SECTION_GLOBAL);
  if (globals) {
    for (const index of mutableGlobals(globals)) {
      const global = shape.importedGlobals + index;
      const name = `${EXPORTED_GLOBAL}${String(global).padStart(6, "0")}`;
      exports.push(new WasmWriter().name(name).byte(KIND_GLOBAL).u32(global));
    }
  }
  if (exports.length > 0) replace(SECTION_EXPORT, appended(find(SECTION_EXPORT), exports));
  return assemble(bytes.subarray(0, 8), sections);
}

function assemble(header: Uint8Array, sections: readonly Section[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [header];
  for (const { id, bytes } of sections) parts.push(new WasmWriter().byte(id).u32(bytes.length).toUint8Array(), bytes);
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A vector section with entries added at its end. */
function appended(section: Uint8Array | null, entries: readonly WasmWriter[]): WasmWriter {
  const reader = new ByteReader(section ?? Uint8Array.of(0));
  const count = reader.u32();
  const out = new WasmWriter().u32(count + entries.length);
  for (let at = reader.at; at < reader.bytes.length; at++) out.byte(reader.bytes[at] as number);
  for (const { bytes } of entries) out.byte(...bytes);
  return out;
}

function readSections(bytes: Uint8Array): Section[] {
  const reader = new ByteReader(bytes);
  reader.at = 8;
  const sections: Section[] = [];
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const size = reader.u32();
    if (reader.at + size > bytes.length) throw new WasmFormatError("a section is longer than the module");
    sections.push({ id, bytes: bytes.subarray(reader.at, reader.at + size) });
    reader.at += size;
  }
  return sections;
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

class ByteReader {
  at = 0;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  byte(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new WasmFormatError("the module ends in the middle of a section");
    return value;
  }

  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return value;
    }
    throw new WasmFormatError("a number is longer than 32 bits");
  }

  /** Skips a signed LEB128 number of any width. */
  s33(): void {
    while (this.byte() & 0x80);
  }
}
