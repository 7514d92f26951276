/**
 * Reads from a WebAssembly module what the JavaScript API does not tell: the types of its imported functions and the limits of
 * its memory. Tolerates sections it does not know; anything malformed ends in one `WasmFormatError`.
 */

export class WasmFormatError extends Error {}

export interface FunctionType {
  readonly parameters: readonly number[];
  readonly results: readonly number[];
}

export interface FunctionImport {
  readonly module: string;
  readonly name: string;
  readonly type: FunctionType;
}

export interface MemoryType {
  /** Pages of 64 KiB. `maximum` is undefined where the module states none. */
  readonly initial: number;
  readonly maximum: number | undefined;
  readonly shared: boolean;
  /** [module, name] where it is imported, null where the module defines it. */
  readonly importedAs: readonly [module: string, name: string] | null;
}

export interface ModuleShape {
  readonly functions: readonly FunctionImport[];
  readonly memory: MemoryType | null;
  readonly exports: readonly string[];
  readonly importedTables: number;
  readonly importedGlobals: number;
}

/** What the import section holds besides functions and memory. */
interface ImportCounts {
  tables: number;
  globals: number;
}

export function readModuleShape(bytes: Uint8Array): ModuleShape {
  const reader = new Reader(bytes);
  if (reader.u32le() !== 0x6d736100 || reader.u32le() !== 1) {
    throw new WasmFormatError("not a WebAssembly module (no \\0asm header, version 1)");
  }
  const types: (FunctionType | null)[] = [];
  const functions: FunctionImport[] = [];
  const exports: string[] = [];
  const counts: ImportCounts = { tables: 0, globals: 0 };
  let memory: MemoryType | null = null;
  while (!reader.atEnd) {
    const id = reader.byte();
    const size = reader.u32();
    const end = reader.at + size;
    if (end > bytes.length) throw new WasmFormatError("a section is longer than the module");
    if (id === 1) readTypes(reader, types);
    else if (id === 2) memory = readImports(reader, types, functions, counts) ?? memory;
    else if (id === 5 && reader.u32() > 0) memory = reader.memoryType(null);
    else if (id === 7) for (let left = reader.u32(); left > 0; left--) exports.push(reader.exportName());
    reader.at = end;
  }
  return { functions, memory, exports, importedTables: counts.tables, importedGlobals: counts.globals };
}

function readTypes(reader: Reader, types: (FunctionType | null)[]): void {
  for (let left = reader.u32(); left > 0; left--) {
    if (reader.byte() !== 0x60) return; // a GC type: such modules import no functions of ours by it
    types.push({ parameters: reader.valueTypes(), results: reader.valueTypes() });
  }
}

function readImports(
  reader: Reader,
  types: readonly (FunctionType | null)[],
  functions: FunctionImport[],
  counts: ImportCounts,
): MemoryType | null {
  let memory: MemoryType | null = null;
  for (let left = reader.u32(); left > 0; left--) {
    const module = reader.name();
    const name = reader.name();
    const kind = reader.byte();
    if (kind === 0) {
      const type = types[reader.u32()];
      if (!type) throw new WasmFormatError(`import ${module}.${name} has no known type`);
      functions.push({ module, name, type });
    } else if (kind === 1) {
      reader.byte();
      reader.limits();
      counts.tables++;
    } else if (kind === 2) memory = reader.memoryType([module, name]);
    else if (kind === 3) {
      reader.at += 2;
      counts.globals++;
    } else if (kind === 4) {
      reader.byte();
      reader.u32();
    } else throw new WasmFormatError(`import ${module}.${name} has the unknown kind ${kind}`);
  }
  return memory;
}

class Reader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.at++];
    if (value === undefined) throw new WasmFormatError("the module ends in the middle of a section");
    return value;
  }

  u32le(): number {
    return (this.byte() | (this.byte() << 8) | (this.byte() << 16) | (this.byte() << 24)) >>> 0;
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

  name(): string {
    const length = this.u32();
    if (this.at + length > this.#bytes.length) throw new WasmFormatError("a name is longer than the module");
    const text = decoder.decode(this.#bytes.subarray(this.at, this.at + length));
    this.at += length;
    return text;
  }

  valueTypes(): number[] {
    const list: number[] = [];
    for (let left = this.u32(); left > 0; left--) {
      const type = this.byte();
      if (type === 0x63 || type === 0x64) this.u32(); // (ref null? heaptype)
      list.push(type);
    }
    return list;
  }

  limits(): { initial: number; maximum: number | undefined; shared: boolean } {
    const flags = this.byte();
    const initial = this.u32();
    return { initial, maximum: flags & 1 ? this.u32() : undefined, shared: (flags & 2) !== 0 };
  }

  memoryType(importedAs: readonly [string, string] | null): MemoryType {
    return { ...this.limits(), importedAs };
  }

  exportName(): string {
    const name = this.name();
    this.byte();
    this.u32();
    return name;
  }
}

const decoder = new TextDecoder();
