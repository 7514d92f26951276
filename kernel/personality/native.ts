/**
 * The `ringzero` personality: import module `ringzero`, functions named as the rows of the system-call table, arguments passed
 * as they are. Blocking rows go through the shim, the others straight to their handler. `env.abort` (AssemblyScript's trap with a message) is
 * answered as well, so that a guest built without the SDK's own abort says where it died.
 */
import type { Kernel } from "../kernel.ts";
import type { ContinuationEngine } from "../sched/continuation.ts";
import { generateShim, retryName, SHIM_IMPORTS, type ShimFunction } from "../shim/shim.ts";
import type { FunctionImport, ModuleShape } from "../shim/wasm-reader.ts";
import { F64, I32 } from "../shim/wasm-writer.ts";
import { bindHandler, bindRetry, unknownCall } from "../syscall/dispatch.ts";
import { GuestTrap } from "../syscall/guest-exit.ts";
import type { Row } from "../syscall/row.ts";
import { ROWS } from "../syscall/table.ts";

export const NATIVE_MODULE = "ringzero";

/** So many names are listed in a line. */
const NAMES_SHOWN = 16;

/** Imports that no personality of this machine provides: reported before the guest starts. */
export class LinkError extends Error {}

/** The shim depends on the guest's imports alone: machines of one image share it. */
const shims = new WeakMap<ModuleShape, WebAssembly.Module>();

/** The import object of a guest, its memory excepted. */
export function bindImports(k: Kernel, shape: ModuleShape, engine: ContinuationEngine): WebAssembly.Imports {
  const native: Record<string, WebAssembly.ImportValue> = {};
  const imports: WebAssembly.Imports = { [NATIVE_MODULE]: native };
  const tries: Record<string, WebAssembly.ImportValue> = { park: engine.park };
  const foreign: string[] = [];
  const unknown: string[] = [];
  for (const wanted of shape.functions) {
    if (wanted.module === "env" && wanted.name === "abort") {
      imports.env = { abort: bindAbort(k) };
    } else if (wanted.module !== NATIVE_MODULE) {
      foreign.push(`${wanted.module}.${wanted.name}`);
    } else {
      const row = ROWS.get(wanted.name);
      if (!row) {
        unknown.push(`${wanted.module}.${wanted.name}`);
        native[wanted.name] = unknownCall(k, NATIVE_MODULE, wanted.name, wanted.type);
      } else if (!hasType(row, wanted))
        throw new LinkError(
          `import ${wanted.module}.${wanted.name} has another type than the kernel's: ${signatureOf(row)}`,
        );
      else if (row.blocks) {
        tries[row.name] = bindHandler(k, row);
        tries[retryName(row.name)] = bindRetry(k, row);
      } else native[row.name] = bindHandler(k, row);
    }
  }
  if (foreign.length > 0) {
    const list = foreign.slice(0, 8).join(", ") + (foreign.length > 8 ? ` and ${foreign.length - 8} more` : "");
    throw new LinkError(`the module imports ${list}: this machine has the personality "${NATIVE_MODULE}" only`);
  }
  reportUnknown(k, NATIVE_MODULE, unknown);
  const shim = new WebAssembly.Instance(shimOf(shape), { [SHIM_IMPORTS]: tries });
  Object.assign(native, shim.exports);
  return imports;
}

/** Says before a program starts which of its imports will answer ENOSYS. */
export function reportUnknown(k: Kernel, personality: string, names: readonly string[]): void {
  if (names.length === 0) return;
  const all = [...new Set(names)];
  const list =
    all.slice(0, NAMES_SHOWN).join(", ") + (all.length > NAMES_SHOWN ? ` and ${all.length - NAMES_SHOWN} more` : "");
  k.log(`personality ${personality}: imports that it does not have: ${list}`);
}

function shimOf(shape: ModuleShape): WebAssembly.Module {
  let shim = shims.get(shape);
  if (!shim) {
    const functions: ShimFunction[] = [];
    for (const { module, name } of shape.functions) {
      const row = ROWS.get(name);
      if (module !== NATIVE_MODULE || !row?.blocks || functions.some((known) => known.name === name)) continue;
      functions.push({
        name,
        parameters: row.parameters.map(({ kind }) => (kind === "f64" ? "f64" : "i32")),
        result: row.result === "f64" ? "f64" : "i32",
      });
    }
    shim = new WebAssembly.Module(generateShim(functions));
    shims.set(shape, shim);
  }
  return shim;
}

function hasType(row: Row, wanted: FunctionImport): boolean {
  const { parameters, results } = wanted.type;
  const result = row.result === "void" ? undefined : row.result === "f64" ? F64 : I32;
  return (
    parameters.length === row.parameters.length &&
    row.parameters.every(({ kind }, index) => parameters[index] === (kind === "f64" ? F64 : I32)) &&
    results.length <= 1 &&
    results[0] === result
  );
}

function signatureOf(row: Row): string {
  return `${row.name}(${row.parameters.map(({ name, kind }) => `${name}: ${kind}`).join(", ")}): ${row.result}`;
}

/** AssemblyScript's `abort(message, file, line, column)`: pointers to UTF-16 strings with their byte length at -4. */
export function bindAbort(k: Kernel): WebAssembly.ImportValue {
  const text = (pointer: number): string => {
    const ptr = pointer >>> 0;
    if (ptr < 4 || !k.mem.has(ptr - 4, 4)) return "?";
    const length = Math.min(k.mem.getU32(ptr - 4), 1024) & ~1;
    return k.mem.has(ptr, length) ? new TextDecoder("utf-16le").decode(k.mem.u8.slice(ptr, ptr + length)) : "?";
  };
  return (message: number, file: number, line: number, column: number) => {
    throw new GuestTrap(`abort: ${text(message)} at ${text(file)}:${line}:${column}`);
  };
}
