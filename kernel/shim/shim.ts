/**
 * The generated Wasm shim: try in JavaScript, park in Wasm.
 *
 * A `WebAssembly.Suspending` import costs about 95 ns a call even when it does not suspend, a plain import about 6. So a guest's
 * call that may block goes to a function of this module:
 *
 *     r = try(args...)                   ;; a plain import: the handler, once
 *     while r is WOULD_BLOCK
 *       r = retry(park(), args...)       ;; park is the only suspending import; it yields the task that runs again
 *     return r
 *
 * `retry` first tells the scheduler who runs, then tries the handler again with the same arguments, or answers the errno with which the
 * park ended. One import for both: each costs a thread 17 ns (the engine leaves the suspendable stack for it). Calls that never
 * block are not in here: the guest imports their handler directly.
 *
 * For the Linux personality every call goes through the shim, which does two things more. It converts: the guest's types (i64 results, i64
 * offsets) to the kernel's (i32, and f64 for what is wider), so that no BigInt is ever made. And it runs signal handlers: where a call
 * answers RUN_HANDLER, the function in the table `handler` is called, from Wasm, so that it may block or leave by longjmp;
 * `retry(HANDLER_RETURNED, args...)` then says how the call goes on. Wherever arguments are passed in registers a handler may take fewer
 * than it is given, and return something, and old programs have such ones: it is called as what it is (function-type.ts).
 */
import { WOULD_BLOCK } from "../sched/task.ts";
import { F64, I32, I64, WasmWriter } from "./wasm-writer.ts";

export type ShimValueType = "i32" | "i64" | "f64";
/** What a handler takes: "halves" are two i32 for an i64 that the guest gives, the lower half first, where all 64 bits count. */
export type HandlerParameter = "i32" | "f64" | "halves";

export interface ShimFunction {
  readonly name: string;
  /** What the guest imports. */
  readonly parameters: readonly ShimValueType[];
  readonly result: ShimValueType | "void";
  /** What the handler takes and gives, where that is something else. */
  readonly handler?: { readonly parameters: readonly HandlerParameter[]; readonly result: "i32" | "f64" };
}

/** The module's import namespace. */
export const SHIM_IMPORTS = "kernel";

/** Names of the imports: `park`, and for each function `NAME` (the try) and `retry NAME`. */
export const retryName = (name: string): string => `retry ${name}`;

/** A call's answer: call the handler in the table, `void (*)(int, siginfo_t *, void *)` or with fewer parameters. */
export const RUN_HANDLER = WOULD_BLOCK + 1;
/** In place of a tid, to `retry`: the handler has returned. */
export const HANDLER_RETURNED = -1;
/** The table, exported, whose first element is the handler to run. */
export const HANDLER_TABLE = "handler";
/** Imports that give the handler's arguments, and its type: how many it takes, and HANDLER_RETURNS if it returns something. */
export const SIGNAL_ARGUMENTS = ["signo", "siginfo", "ucontext"] as const;
export const SIGNAL_IMPORTS = [...SIGNAL_ARGUMENTS, "handlerType"] as const;
export const HANDLER_RETURNS = 4;

const VOID = 0x40;
/** Function index of `park`. */
const PARK = 0;
/** Function indices of the first of SIGNAL_IMPORTS, and of the last. */
const SIGNO = 1;
const HANDLER_TYPE = SIGNO + SIGNAL_ARGUMENTS.length;

/**
 * The bytes of a module that imports the above from `kernel` and exports every `NAME`. `signals`: it runs signal handlers, too, and imports
 * SIGNAL_IMPORTS.
 */
export function generateShim(functions: readonly ShimFunction[], signals = false): Uint8Array<ArrayBuffer> {
  const count = functions.length;
  // Functions: park, what is asked about a handler, tries and retries, bodies, what calls a handler.
  const fixed = signals ? 1 + SIGNAL_IMPORTS.length : 1;
  const types = new TypeTable();
  const imports = new WasmWriter().u32(fixed + 2 * count);
  const bodies = count + (signals ? 1 : 0);
  const declarations = new WasmWriter().u32(bodies);
  const exports = new WasmWriter().u32(count + (signals ? 1 : 0));
  const code = new WasmWriter().u32(bodies);
  const importFunction = (name: string, type: number): void =>
    void imports.name(SHIM_IMPORTS).name(name).byte(0).u32(type);

  importFunction("park", types.index([], I32));
  if (signals) for (const name of SIGNAL_IMPORTS) importFunction(name, types.index([], I32));
  const callHandler = signals ? fixed + 3 * count : null;
  functions.forEach((fn, index) => {
    const inner = fn.handler ?? { parameters: fn.parameters as ("i32" | "f64")[], result: fn.result as "i32" | "f64" };
    const parameters = inner.parameters.flatMap((type) => (type === "halves" ? [I32, I32] : [valueType(type)]));
    const result = valueType(inner.result);
    importFunction(fn.name, types.index(parameters, result));
    importFunction(retryName(fn.name), types.index([I32, ...parameters], result));
    declarations.u32(types.index(fn.parameters.map(valueType), valueType(fn.result)));
    exports
      .name(fn.name)
      .byte(0)
      .u32(fixed + 2 * count + index);
    code.sized(body(fn, inner, fixed + 2 * index, callHandler));
  });
  if (signals) {
    exports.name(HANDLER_TABLE).byte(1).u32(0);
    declarations.u32(types.index([], VOID));
    code.sized(handlerCaller(types));
  }
  const module = new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, types.section)
    .section(2, imports)
    .section(3, declarations);
  if (signals) module.section(4, new WasmWriter().u32(1).byte(0x70, 0x00).u32(1)); // one funcref
  return module.section(7, exports).section(10, code).toUint8Array();
}

function body(
  fn: ShimFunction,
  inner: NonNullable<ShimFunction["handler"]>,
  tryIndex: number,
  callHandler: number | null,
): WasmWriter {
  const result = fn.parameters.length;
  const out = new WasmWriter();
  // Arguments that the guest's declaration lacks are 0, those it has too many of are dropped.
  const pushArguments = (): void =>
    inner.parameters.forEach((type, index) => {
      const given = fn.parameters[index];
      if (given !== undefined) {
        out.byte(0x20).u32(index);
        if (type === "halves")
          out.byte(0xa7, 0x20).u32(index).byte(0x42, 32, 0x88, 0xa7); // i32.wrap_i64; i64.shr_u 32, i32.wrap_i64
        else convertArgument(out, given, type);
      } else if (type === "f64") out.byte(0x44).f64(0);
      else out.byte(0x41, 0);
    });
  const pushResult = (): void => void out.byte(0x20).u32(result);
  /** Compares the result with a sentinel: i32 (or f64) comparison opcode. */
  const compare = (value: number, i32: number, f64: number): void => {
    pushResult();
    if (inner.result === "f64") out.byte(0x44).f64(value).byte(f64);
    else out.byte(0x41).s32(value).byte(i32);
  };
  const retry = (): void => {
    pushArguments();
    out
      .byte(0x10)
      .u32(tryIndex + 1)
      .byte(0x21)
      .u32(result); // result = retry(..., args...)
  };

  out.u32(1).u32(1).byte(valueType(inner.result)); // one local: the result
  pushArguments();
  out.byte(0x10).u32(tryIndex).byte(0x21).u32(result); // result = try(args...)
  out.byte(0x02, VOID, 0x03, VOID); // block, loop
  if (callHandler === null) {
    compare(WOULD_BLOCK, 0x47, 0x62); // ne
    out.byte(0x0d, 1, 0x10).u32(PARK); // leave the block unless it would block
    retry();
  } else {
    compare(RUN_HANDLER, 0x4a, 0x64); // gt_s, gt: a result
    out.byte(0x0d, 1); // leave the block
    compare(WOULD_BLOCK, 0x46, 0x61); // eq
    out.byte(0x04, VOID, 0x10).u32(PARK); // if
    retry();
    out.byte(0x05); // else: a signal handler
    out.byte(0x10).u32(callHandler).byte(0x41).s32(HANDLER_RETURNED);
    retry();
    out.byte(0x0b); // end if
  }
  out.byte(0x0c, 0, 0x0b, 0x0b); // again; end loop; end block
  if (fn.result !== "void") {
    pushResult();
    convertResult(out, inner.result, fn.result);
  }
  return out.byte(0x0b);
}

/** Calls the table's first element as the function that `handlerType()` says it is. */
function handlerCaller(types: TypeTable): WasmWriter {
  const out = new WasmWriter().u32(0); // no locals
  const last = HANDLER_RETURNS + SIGNAL_ARGUMENTS.length;
  for (let kind = 0; kind <= last; kind++) {
    const returns = kind >= HANDLER_RETURNS;
    const count = kind % HANDLER_RETURNS;
    if (kind < last) out.byte(0x10).u32(HANDLER_TYPE).byte(0x41).s32(kind).byte(0x46, 0x04, VOID); // if it is this kind
    for (let index = 0; index < count; index++) out.byte(0x10).u32(SIGNO + index);
    const type = types.index(new Array<number>(count).fill(I32), returns ? I32 : VOID);
    out.byte(0x41, 0, 0x11).u32(type).u32(0); // call_indirect 0
    if (returns) out.byte(0x1a); // drop
    if (kind < last) out.byte(0x05); // else
  }
  for (let open = last; open > 0; open--) out.byte(0x0b);
  return out.byte(0x0b);
}

function convertArgument(out: WasmWriter, from: ShimValueType, to: "i32" | "f64"): void {
  if (from === "i64")
    out.byte(to === "f64" ? 0xb9 : 0xa7); // f64.convert_i64_s, i32.wrap_i64
  else if (from === "i32" && to === "f64")
    out.byte(0xb7); // f64.convert_i32_s
  else if (from === "f64" && to === "i32") out.byte(0xfc, 2); // i32.trunc_sat_f64_s
}

function convertResult(out: WasmWriter, from: "i32" | "f64", to: ShimValueType): void {
  if (from === to) return;
  if (from === "i32")
    out.byte(to === "i64" ? 0xac : 0xb7); // i64.extend_i32_s, f64.convert_i32_s
  else {
    out.byte(0xfc, 6); // i64.trunc_sat_f64_s
    if (to === "i32") out.byte(0xa7); // i32.wrap_i64: addresses are unsigned
  }
}

function valueType(type: ShimValueType | "void"): number {
  return type === "i32" ? I32 : type === "i64" ? I64 : type === "f64" ? F64 : VOID;
}

/** Function types, each once. */
class TypeTable {
  readonly #indices = new Map<string, number>();
  readonly #types = new WasmWriter();

  /** The index of (parameters) -> result; `result` VOID: none. */
  index(parameters: readonly number[], result: number): number {
    const key = `${parameters.join()}:${result}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const index = this.#indices.size;
    this.#indices.set(key, index);
    this.#types
      .byte(0x60)
      .u32(parameters.length)
      .byte(...parameters);
    if (result === VOID) this.#types.u32(0);
    else this.#types.u32(1).byte(result);
    return index;
  }

  get section(): WasmWriter {
    const out = new WasmWriter().u32(this.#indices.size);
    out.bytes.push(...this.#types.bytes);
    return out;
  }
}
