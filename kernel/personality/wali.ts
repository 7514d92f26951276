/**
 * The `wali` personality: the Linux system-call ABI for WebAssembly (the WebAssembly Linux Interface). Import module `wali`; functions
 * `SYS_name` are the rows of the Linux table, the others (`__init`, `__cl_get_argc`, ...) those of its auxiliary table.
 *
 * The ABI fixes names and meanings; about types programs differ (an i64 here, an i32 there). The shim takes what a program declares and
 * converts, so every one links. A call that the table does not have answers ENOSYS and is reported by name once.
 */

import type { Process } from "../process/process.ts";
import { Program } from "../process/program.ts";
import type { ContinuationEngine } from "../sched/continuation.ts";
import {
  generateShim,
  HANDLER_TABLE,
  retryName,
  SHIM_IMPORTS,
  type ShimFunction,
  type ShimValueType,
  SIGNAL_IMPORTS,
} from "../shim/shim.ts";
import { MEMORY_IMPORT } from "../shim/wasm-edit.ts";
import type { FunctionImport, ModuleShape } from "../shim/wasm-reader.ts";
import { F64, I32, I64 } from "../shim/wasm-writer.ts";
import { unknownCall } from "../syscall/dispatch.ts";
import { bindLinuxRetry, bindLinuxTry } from "../syscall/linux/dispatch.ts";
import { AUXILIARY_ROWS, LINUX_ROWS } from "../syscall/linux/table.ts";
import type { Row } from "../syscall/row.ts";
import { LinkError, reportUnknown } from "./native.ts";

export const WALI_MODULE = "wali";
const PREFIX = "SYS_";

/** True for a module that wants this personality. */
export function isLinuxModule(shape: ModuleShape): boolean {
  return shape.functions.some(({ module }) => module === WALI_MODULE);
}

/** The shim depends on the module's imports alone: processes of one program share it. */
const shims = new WeakMap<ModuleShape, WebAssembly.Module>();

/** Binds a program to `process`, whose memory is there already. Throws LinkError for what nobody provides. */
export function bindProgram(
  process: Process,
  module: WebAssembly.Module,
  shape: ModuleShape,
  engine: ContinuationEngine,
): Program {
  const { signals } = process.linux;
  process.mem.nullIsMemory = false;
  const wali: Record<string, WebAssembly.ImportValue> = {};
  const tries: Record<string, WebAssembly.ImportValue> = { park: engine.park };
  for (const name of SIGNAL_IMPORTS) tries[name] = () => signals[name];
  const unknown: string[] = [];
  for (const wanted of shape.functions) {
    if (wanted.module !== WALI_MODULE) {
      throw new LinkError(
        `the module imports ${wanted.module}.${wanted.name}: the personality "${WALI_MODULE}" provides the module "${WALI_MODULE}" only`,
      );
    }
    const row = rowOf(wanted.name);
    if (!row) {
      unknown.push(`${wanted.module}.${wanted.name}`);
      wali[wanted.name] = unknownCall(process, WALI_MODULE, wanted.name, wanted.type);
      continue;
    }
    tries[wanted.name] = bindLinuxTry(process, row);
    tries[retryName(wanted.name)] = bindLinuxRetry(process, row);
  }
  reportUnknown(process, WALI_MODULE, unknown);
  const shim = new WebAssembly.Instance(shimOf(shape), { [SHIM_IMPORTS]: tries });
  for (const [name, value] of Object.entries(shim.exports)) {
    if (name === HANDLER_TABLE) signals.handlerTable = value as WebAssembly.Table;
    else wali[name] = value;
  }
  const imports: WebAssembly.Imports = { [WALI_MODULE]: wali };
  const at = shape.memory?.importedAs ?? [MEMORY_IMPORT.module, MEMORY_IMPORT.name];
  imports[at[0]] = { ...imports[at[0]], [at[1]]: process.mem.memory };
  return new Program(module, shape, imports);
}

function rowOf(name: string): Row | undefined {
  return name.startsWith(PREFIX) ? LINUX_ROWS.get(name.slice(PREFIX.length)) : AUXILIARY_ROWS.get(name);
}

function shimOf(shape: ModuleShape): WebAssembly.Module {
  let shim = shims.get(shape);
  if (!shim) {
    const functions = new Map<string, ShimFunction>();
    for (const wanted of shape.functions) {
      const row = wanted.module === WALI_MODULE ? rowOf(wanted.name) : undefined;
      if (row) functions.set(wanted.name, shimFunction(wanted, row));
    }
    shim = new WebAssembly.Module(generateShim([...functions.values()], true));
    shims.set(shape, shim);
  }
  return shim;
}

function shimFunction({ name, type }: FunctionImport, row: Row): ShimFunction {
  return {
    name,
    parameters: type.parameters.map((parameter) => valueType(name, parameter)),
    result: type.results.length === 0 ? "void" : valueType(name, type.results[0] as number),
    handler: {
      parameters: row.parameters.map(({ kind }) => (kind === "f64" ? "f64" : "i32")),
      result: row.result === "f64" ? "f64" : "i32",
    },
  };
}

function valueType(name: string, type: number): ShimValueType {
  if (type === I32) return "i32";
  if (type === I64) return "i64";
  if (type === F64) return "f64";
  throw new LinkError(`import ${WALI_MODULE}.${name} has a parameter that is no integer`);
}
