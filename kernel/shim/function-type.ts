/**
 * The type of a function in the guest's table, as far as signal handlers and thread functions vary: up to three i32, and an i32 or nothing as
 * result. Wasm calls a function through a pointer only if its type is the one that is expected; C programs are less strict.
 *
 * The JavaScript API tells how many parameters an exported function has and nothing more. But a module can only import it with its own type:
 * whether that fails tells the rest.
 */
import { I32, WasmWriter } from "./wasm-writer.ts";

export interface PlainFunctionType {
  readonly parameters: number;
  readonly returns: boolean;
}

const PARAMETERS_MAX = 3;

/** By parameters, then whether it returns something. */
const probes = new Map<string, WebAssembly.Module>();

/** Null for a function of another kind. */
export function plainTypeOf(fn: { readonly length: number }): PlainFunctionType | null {
  const { length } = fn;
  if (length > PARAMETERS_MAX) return null;
  for (const returns of [false, true]) {
    try {
      new WebAssembly.Instance(probe(length, returns), { probe: { fn: fn as WebAssembly.ImportValue } });
      return { parameters: length, returns };
    } catch (error) {
      if (!(error instanceof WebAssembly.LinkError)) throw error;
    }
  }
  return null;
}

/** A module that imports a function of this type, and does nothing. */
function probe(parameters: number, returns: boolean): WebAssembly.Module {
  const key = `${parameters} ${returns}`;
  let module = probes.get(key);
  if (!module) {
    const type = new WasmWriter().u32(1).byte(0x60).u32(parameters);
    type.byte(...new Array<number>(parameters).fill(I32)).u32(returns ? 1 : 0);
    if (returns) type.byte(I32);
    const imports = new WasmWriter().u32(1).name("probe").name("fn").byte(0).u32(0);
    const bytes = new WasmWriter().byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0).section(1, type).section(2, imports);
    module = new WebAssembly.Module(bytes.toUint8Array());
    probes.set(key, module);
  }
  return module;
}
