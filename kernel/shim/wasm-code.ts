/**
 * Walks WebAssembly code instruction by instruction: where one begins, what it is, and where the next one begins. For editors of code; immediates are
 * skipped. Knows everything that toolchains emit for WASI but garbage-collected types.
 */
import { WasmFormatError } from "./wasm-reader.ts";
import type { ByteReader } from "./wasm-sections.ts";

/** Prefix of the atomic instructions (WebAssembly/threads). */
export const ATOMIC_PREFIX = 0xfe;

/** Skips one instruction. Its opcode; of those with a prefix, the prefix. */
export function skipInstruction(reader: ByteReader): number {
  const opcode = reader.byte();
  switch (opcode) {
    case 0x02: // block, loop, if, try: a block type
    case 0x03:
    case 0x04:
    case 0x06:
    case 0x41: // i32.const, i64.const, ref.null
    case 0x42:
    case 0xd0:
      reader.s33();
      break;
    case 0x07: // catch, throw, rethrow, br, br_if, call, return_call, call_ref, return_call_ref, delegate
    case 0x08:
    case 0x09:
    case 0x0c:
    case 0x0d:
    case 0x10:
    case 0x12:
    case 0x14:
    case 0x15:
    case 0x18:
    case 0x20: // local.get to table.set
    case 0x21:
    case 0x22:
    case 0x23:
    case 0x24:
    case 0x25:
    case 0x26:
    case 0x3f: // memory.size, memory.grow
    case 0x40:
    case 0xd2: // ref.func
    case 0xd5: // br_on_null, br_on_non_null
    case 0xd6:
      reader.u32();
      break;
    case 0x11: // call_indirect, return_call_indirect
    case 0x13:
      reader.u32();
      reader.u32();
      break;
    case 0x0e: // br_table
      for (let left = reader.u32(); left >= 0; left--) reader.u32();
      break;
    case 0x1c: // select with types
      for (let left = reader.u32(); left > 0; left--) skipValueType(reader);
      break;
    case 0x1f: // try_table
      reader.s33();
      for (let left = reader.u32(); left > 0; left--) {
        if (reader.byte() < 2) reader.u32();
        reader.u32();
      }
      break;
    case 0x43: // f32.const, f64.const
      reader.at += 4;
      break;
    case 0x44:
      reader.at += 8;
      break;
    case 0xfc:
      skipNumericOrBulk(reader);
      break;
    case 0xfd:
      skipVector(reader);
      break;
    case ATOMIC_PREFIX:
      if (reader.u32() === 3)
        reader.byte(); // atomic.fence
      else skipMemoryArgument(reader);
      break;
    default:
      if (opcode >= 0x28 && opcode <= 0x3e) skipMemoryArgument(reader);
      else if (!hasNoImmediate(opcode)) throw new WasmFormatError(`unknown opcode 0x${opcode.toString(16)}`);
  }
  return opcode;
}

/** Alignment (with a memory's index, where bit 6 is set) and offset. */
export function skipMemoryArgument(reader: ByteReader): void {
  if (reader.u32() & 0x40) reader.u32();
  reader.s33();
}

export function skipValueType(reader: ByteReader): void {
  const type = reader.byte();
  if (type === 0x63 || type === 0x64) reader.s33(); // (ref null? heaptype)
}

function hasNoImmediate(opcode: number): boolean {
  if (opcode >= 0x45 && opcode <= 0xc4) return true; // comparisons, arithmetic, conversions
  return [0x00, 0x01, 0x05, 0x0a, 0x0b, 0x0f, 0x19, 0x1a, 0x1b, 0xd1, 0xd3, 0xd4].includes(opcode);
}

/** Saturating conversions; memory.init, data.drop, memory.copy, memory.fill, table.init, elem.drop, table.copy, .grow, .size, .fill. */
function skipNumericOrBulk(reader: ByteReader): void {
  const indices = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1][reader.u32()];
  if (indices === undefined) throw new WasmFormatError("unknown opcode 0xfc");
  for (let left = indices; left > 0; left--) reader.u32();
}

function skipVector(reader: ByteReader): void {
  const opcode = reader.u32();
  if (opcode <= 11 || opcode === 92 || opcode === 93) skipMemoryArgument(reader);
  else if (opcode === 12 || opcode === 13) reader.at += 16;
  else if (opcode >= 21 && opcode <= 34) reader.at++;
  else if (opcode >= 84 && opcode <= 91) {
    skipMemoryArgument(reader);
    reader.at++;
  }
}
