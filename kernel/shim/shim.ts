/**
 * The generated Wasm shim: try in JavaScript, park in Wasm.
 *
 * A `WebAssembly.Suspending` import costs about 95 ns a call even when it does not suspend, a plain import about 6. So a guest's
 * call that may block goes to a function of this module:
 *
 *     loop
 *       r = try_NAME(args...)            ;; a plain import: the handler, once
 *       if r == WOULD_BLOCK
 *         e = resumed(park())            ;; park is the only suspending import; resumed tells the scheduler who runs
 *         if e == 0  continue loop
 *         return e                       ;; -EINTR and the like
 *     if it has parked  finished()       ;; the retried call is over; calls that never parked pay nothing for it
 *     return r
 *
 * Calls that never block are not in here: the guest imports their handler directly.
 */
import { WOULD_BLOCK } from "../sched/task.ts";
import { F64, I32, WasmWriter } from "./wasm-writer.ts";

export type ShimValueType = "i32" | "f64";

export interface ShimFunction {
  readonly name: string;
  readonly parameters: readonly ShimValueType[];
  readonly result: ShimValueType;
}

/** The module's import namespace. */
export const SHIM_IMPORTS = "kernel";

/** Imported functions before the tries: park, resumed, finished. */
const PARK = 0;
const RESUMED = 1;
const FINISHED = 2;
const TRIES = 3;

/** The bytes of a module that imports `kernel.NAME` (tries), `kernel.{park,resumed,finished}` and exports every `NAME`. */
export function generateShim(functions: readonly ShimFunction[]): Uint8Array<ArrayBuffer> {
  const types = new WasmWriter().u32(functions.length + TRIES);
  const imports = new WasmWriter().u32(functions.length + TRIES);
  const declarations = new WasmWriter().u32(functions.length);
  const exports = new WasmWriter().u32(functions.length);
  const code = new WasmWriter().u32(functions.length);
  // Types and functions: the three above, then one type and one try per function; the bodies follow the tries.
  types.byte(0x60).u32(0).u32(1).byte(I32);
  types.byte(0x60).u32(1).byte(I32).u32(1).byte(I32);
  types.byte(0x60).u32(0).u32(0);
  imports.name(SHIM_IMPORTS).name("park").byte(0).u32(PARK);
  imports.name(SHIM_IMPORTS).name("resumed").byte(0).u32(RESUMED);
  imports.name(SHIM_IMPORTS).name("finished").byte(0).u32(FINISHED);
  functions.forEach((fn, index) => {
    types.byte(0x60).u32(fn.parameters.length);
    for (const parameter of fn.parameters) types.byte(valueType(parameter));
    types.u32(1).byte(valueType(fn.result));
    imports
      .name(SHIM_IMPORTS)
      .name(fn.name)
      .byte(0)
      .u32(TRIES + index);
    declarations.u32(TRIES + index);
    exports
      .name(fn.name)
      .byte(0)
      .u32(TRIES + functions.length + index);
    code.sized(body(fn, TRIES + index));
  });
  return new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, types)
    .section(2, imports)
    .section(3, declarations)
    .section(7, exports)
    .section(10, code)
    .toUint8Array();
}

function body(fn: ShimFunction, tryIndex: number): WasmWriter {
  const result = fn.parameters.length;
  const errno = result + 1;
  const parked = result + 2;
  const out = new WasmWriter();
  out.u32(2).u32(1).byte(valueType(fn.result)).u32(2).byte(I32); // locals: the result; an errno, whether it has parked
  out.byte(0x03, 0x40); // loop
  for (let i = 0; i < fn.parameters.length; i++) out.byte(0x20).u32(i);
  out.byte(0x10).u32(tryIndex).byte(0x22).u32(result); // call try; local.tee
  if (fn.result === "f64") out.byte(0x44).f64(WOULD_BLOCK).byte(0x61);
  else out.byte(0x41).s32(WOULD_BLOCK).byte(0x46);
  out.byte(0x04, 0x40); // if
  out.byte(0x41, 1, 0x21).u32(parked); // parked = 1
  out.byte(0x10).u32(PARK).byte(0x10).u32(RESUMED); // resumed(park())
  out.byte(0x22).u32(errno).byte(0x45, 0x0d, 1); // local.tee; i32.eqz; br_if loop
  out.byte(0x20).u32(errno);
  if (fn.result === "f64") out.byte(0xb7); // f64.convert_i32_s
  out.byte(0x0f, 0x0b, 0x0b); // return; end if; end loop
  out.byte(0x20).u32(parked).byte(0x04, 0x40, 0x10).u32(FINISHED).byte(0x0b); // if parked: finished()
  return out.byte(0x20).u32(result).byte(0x0b);
}

function valueType(type: ShimValueType): number {
  return type === "i32" ? I32 : F64;
}
