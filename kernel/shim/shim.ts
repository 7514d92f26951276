/**
 * The generated Wasm shim: try in JavaScript, park in Wasm.
 *
 * A `WebAssembly.Suspending` import costs about 95 ns a call even when it does not suspend, a plain import about 6. So a guest's
 * call that may block goes to a function of this module:
 *
 *     r = try(args...)                   ;; a plain import: the handler, once
 *     while r == WOULD_BLOCK
 *       r = retry(park(), args...)       ;; park is the only suspending import; it yields the task that runs again
 *     return r
 *
 * `retry` first tells the scheduler who runs, then tries the handler again with the same arguments, or answers the errno with which the
 * park ended. One import for both: each costs a thread 17 ns (the engine leaves the suspendable stack for it). Calls that never
 * block are not in here: the guest imports their handler directly.
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

/** Names of the imports: `park`, and for each function `NAME` (the try) and `retry NAME`. */
export const retryName = (name: string): string => `retry ${name}`;

/** The bytes of a module that imports the above from `kernel` and exports every `NAME`. */
export function generateShim(functions: readonly ShimFunction[]): Uint8Array<ArrayBuffer> {
  const count = functions.length;
  // Types: park's, then for each function its own and its retry's. Functions: park, tries, retries, bodies.
  const types = new WasmWriter().u32(1 + 2 * count);
  const imports = new WasmWriter().u32(1 + 2 * count);
  const declarations = new WasmWriter().u32(count);
  const exports = new WasmWriter().u32(count);
  const code = new WasmWriter().u32(count);
  types.byte(0x60).u32(0).u32(1).byte(I32);
  imports.name(SHIM_IMPORTS).name("park").byte(0).u32(PARK);
  functions.forEach((fn, index) => {
    const parameters = fn.parameters.map(valueType);
    const result = valueType(fn.result);
    types
      .byte(0x60)
      .u32(parameters.length)
      .byte(...parameters)
      .u32(1)
      .byte(result);
    types
      .byte(0x60)
      .u32(1 + parameters.length)
      .byte(I32, ...parameters)
      .u32(1)
      .byte(result);
    const type = 1 + 2 * index;
    imports.name(SHIM_IMPORTS).name(fn.name).byte(0).u32(type);
    imports
      .name(SHIM_IMPORTS)
      .name(retryName(fn.name))
      .byte(0)
      .u32(type + 1);
    declarations.u32(type);
    exports
      .name(fn.name)
      .byte(0)
      .u32(1 + 2 * count + index);
    code.sized(body(fn, 1 + 2 * index, 2 + 2 * index));
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

function body(fn: ShimFunction, tryIndex: number, retryIndex: number): WasmWriter {
  const result = fn.parameters.length;
  const out = new WasmWriter();
  const pushArguments = (): void => fn.parameters.forEach((_, index) => void out.byte(0x20).u32(index));
  out.u32(1).u32(1).byte(valueType(fn.result)); // one local: the result
  pushArguments();
  out.byte(0x10).u32(tryIndex).byte(0x21).u32(result); // result = try(args...)
  out.byte(0x02, 0x40, 0x03, 0x40); // block, loop
  out.byte(0x20).u32(result);
  if (fn.result === "f64")
    out.byte(0x44).f64(WOULD_BLOCK).byte(0x62); // f64.ne
  else out.byte(0x41).s32(WOULD_BLOCK).byte(0x47); // i32.ne
  out.byte(0x0d, 1); // leave the block unless it would block
  out.byte(0x10).u32(PARK);
  pushArguments();
  out.byte(0x10).u32(retryIndex).byte(0x21).u32(result); // result = retry(park(), args...)
  out.byte(0x0c, 0, 0x0b, 0x0b); // again; end loop; end block
  return out.byte(0x20).u32(result).byte(0x0b);
}

/** Function index of `park`. */
const PARK = 0;

function valueType(type: ShimValueType): number {
  return type === "i32" ? I32 : F64;
}
