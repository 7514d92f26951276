/**
 * What a program with WASI threads needs before its threads can be continuations of one scheduler: it waits and wakes with instructions
 * (`memory.atomic.wait32`, `.wait64`, `.notify`), on which an engine stops the whole JavaScript thread, those among it that were to wake. Each of
 * these instructions becomes a call of a function that goes through a table to the kernel, where the thread parks.
 *
 * No index of the module changes: types, functions and the table are added at the end. The table is exported, to be filled by the kernel (`WAITS`),
 * and so is the start function in place of the start section, since it waits and wakes, too, and can only run then.
 */
import { ATOMIC_PREFIX, skipInstruction, skipMemoryArgument, skipValueType } from "./wasm-code.ts";
import { readModuleShape, WasmFormatError } from "./wasm-reader.ts";
import {
  ByteReader,
  ModuleSections,
  SECTION_CODE,
  SECTION_EXPORT,
  SECTION_FUNCTION,
  SECTION_START,
  SECTION_TABLE,
  SECTION_TYPE,
} from "./wasm-sections.ts";
import { I32, I64, WasmWriter } from "./wasm-writer.ts";

/** What the exported table holds: by place, the names of what the instructions mean, which are their opcodes behind the prefix, too. */
export const WAITS = ["memory.atomic.notify", "memory.atomic.wait32", "memory.atomic.wait64"] as const;
/** Their parameters: address and count, or address, expected value and timeout. Each answers an i32. */
export const WAIT_PARAMETERS = [
  [I32, I32],
  [I32, I32, I64],
  [I32, I64, I64],
] as const;
/** Under these names an edited module exports that table, and the function that was its start function. */
export const EXPORTED_WAITS = "__ringzero_waits";
export const EXPORTED_START = "__ringzero_start";

const KIND_FUNCTION = 0;
const KIND_TABLE = 1;

/** An added function: an instruction of WAITS with an offset. */
interface Wait {
  readonly kind: number;
  readonly offset: number;
}

/** The edited module. Throws WasmFormatError for what is no module, or has instructions that nobody has heard of. */
export function editThreadedModule(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const shape = readModuleShape(bytes);
  const sections = new ModuleSections(bytes);
  const code = sections.find(SECTION_CODE);
  if (!code) return sections.toUint8Array();
  const firstAdded = shape.functions.length + sections.count(SECTION_FUNCTION);
  const waits: Wait[] = [];
  const bodies = editBodies(code, firstAdded, waits);

  const types = sections.count(SECTION_TYPE);
  const table = shape.importedTables + sections.count(SECTION_TABLE);
  sections.append(
    SECTION_TYPE,
    WAIT_PARAMETERS.map((parameters) =>
      new WasmWriter()
        .byte(0x60)
        .u32(parameters.length)
        .byte(...parameters, 1, I32),
    ),
  );
  sections.append(
    SECTION_FUNCTION,
    waits.map(({ kind }) => new WasmWriter().u32(types + kind)),
  );
  sections.append(SECTION_TABLE, [new WasmWriter().byte(0x70, 0x00).u32(WAITS.length)]);
  const exports = [new WasmWriter().name(EXPORTED_WAITS).byte(KIND_TABLE).u32(table)];
  const start = sections.find(SECTION_START);
  if (start) {
    exports.push(new WasmWriter().name(EXPORTED_START).byte(KIND_FUNCTION).u32(new ByteReader(start).u32()));
    sections.replace(SECTION_START, null);
  }
  sections.append(SECTION_EXPORT, exports);
  const added = waits.map((wait) => new WasmWriter().sized(waitBody(wait, types, table)).toUint8Array());
  sections.replace(SECTION_CODE, vector([...bodies, ...added]));
  return sections.toUint8Array();
}

/** Each body with its size in front; those without such an instruction as they are. What is called is added to `waits`. */
function editBodies(code: Uint8Array, firstAdded: number, waits: Wait[]): Uint8Array[] {
  const reader = new ByteReader(code);
  const bodies: Uint8Array[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    const begin = reader.at;
    const size = reader.u32();
    const end = reader.at + size;
    if (end > code.length) throw new WasmFormatError("a function is longer than the module");
    const first = reader.at;
    for (let locals = reader.u32(); locals > 0; locals--) {
      reader.u32();
      skipValueType(reader);
    }
    const pieces: Uint8Array[] = [];
    let copied = first;
    while (reader.at < end) {
      const at = reader.at;
      if (skipInstruction(reader) !== ATOMIC_PREFIX) continue;
      const wait = waitAt(code, at);
      if (!wait) continue;
      let index = waits.findIndex(({ kind, offset }) => kind === wait.kind && offset === wait.offset);
      if (index < 0) index = waits.push(wait) - 1;
      const call = new WasmWriter().byte(0x10).u32(firstAdded + index);
      pieces.push(code.subarray(copied, at), call.toUint8Array());
      copied = reader.at;
    }
    if (reader.at !== end) throw new WasmFormatError("a function ends in the middle of an instruction");
    if (pieces.length === 0) bodies.push(code.subarray(begin, end));
    else {
      const body = concatenated([...pieces, code.subarray(copied, end)]);
      bodies.push(concatenated([new WasmWriter().u32(body.length).toUint8Array(), body]));
    }
  }
  return bodies;
}

/** The instruction of WAITS at `at`, or null for another atomic one. */
function waitAt(code: Uint8Array, at: number): Wait | null {
  const reader = new ByteReader(code);
  reader.at = at + 1;
  const kind = reader.u32();
  if (kind >= WAITS.length) return null;
  const beginning = reader.at;
  skipMemoryArgument(reader);
  const end = reader.at;
  reader.at = beginning;
  if (reader.u32() & 0x40) throw new WasmFormatError("a program with threads has several memories");
  const offset = reader.u32();
  if (reader.at !== end) throw new WasmFormatError("an offset is longer than 32 bits");
  return { kind, offset };
}

/** The arguments, the offset added to the address, through the table. */
function waitBody({ kind, offset }: Wait, types: number, table: number): WasmWriter {
  const out = new WasmWriter().u32(0); // no locals
  out.byte(0x20, 0);
  if (offset !== 0) out.byte(0x41).s32(offset).byte(0x6a); // i32.add
  for (let index = 1; index < (WAIT_PARAMETERS[kind] as readonly number[]).length; index++) out.byte(0x20, index);
  return out
    .byte(0x41)
    .s32(kind)
    .byte(0x11)
    .u32(types + kind)
    .u32(table)
    .byte(0x0b);
}

function vector(entries: readonly Uint8Array[]): Uint8Array {
  return concatenated([new WasmWriter().u32(entries.length).toUint8Array(), ...entries]);
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
