/**
 * A module section by section, to be edited: sections are replaced or get entries at their end, and nothing else of the module is looked at. Custom
 * sections are left out.
 */
import { WasmFormatError } from "./wasm-reader.ts";
import { WasmWriter } from "./wasm-writer.ts";

export const SECTION_TYPE = 1;
export const SECTION_IMPORT = 2;
export const SECTION_FUNCTION = 3;
export const SECTION_TABLE = 4;
export const SECTION_MEMORY = 5;
export const SECTION_GLOBAL = 6;
export const SECTION_EXPORT = 7;
export const SECTION_START = 8;
export const SECTION_CODE = 10;
/** Order of the sections in a module: the tag section (13) stands before the globals, the data count (12) before the code. */
const ORDER = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

interface Section {
  readonly id: number;
  /** Contents, without id and size. */
  readonly bytes: Uint8Array;
}

export class ModuleSections {
  readonly #header: Uint8Array;
  readonly #sections: Section[];

  /** Throws WasmFormatError for what is no module. */
  constructor(bytes: Uint8Array) {
    this.#header = bytes.subarray(0, 8);
    this.#sections = readSections(bytes).filter(({ id }) => id !== 0);
  }

  /** A section's contents, or null. */
  find(id: number): Uint8Array | null {
    return this.#sections.find((section) => section.id === id)?.bytes ?? null;
  }

  /** Puts contents in a section's place, or takes it out. */
  replace(id: number, contents: WasmWriter | Uint8Array | null): void {
    const at = this.#sections.findIndex((section) => section.id === id);
    if (at >= 0) this.#sections.splice(at, 1);
    if (contents === null) return;
    const place = this.#sections.findIndex((section) => ORDER.indexOf(section.id) > ORDER.indexOf(id));
    const section = { id, bytes: contents instanceof WasmWriter ? contents.toUint8Array() : contents };
    this.#sections.splice(place < 0 ? this.#sections.length : place, 0, section);
  }

  /** Adds entries at the end of a section that is a vector. */
  append(id: number, entries: readonly WasmWriter[]): void {
    if (entries.length > 0) this.replace(id, appended(this.find(id), entries));
  }

  /** How many entries a section that is a vector has. */
  count(id: number): number {
    const bytes = this.find(id);
    return bytes ? new ByteReader(bytes).u32() : 0;
  }

  toUint8Array(): Uint8Array<ArrayBuffer> {
    return assemble(this.#header, this.#sections);
  }
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

export class ByteReader {
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
