/**
 * One instance of a Linux program's module: the code that one thread runs in. All instances of a process share its memory and its imports;
 * tables and globals (stack pointer, TLS base) are each instance's own, so a switch of threads has nothing to save.
 */

import type { GuestFunction } from "../sched/continuation.ts";
import { type PlainFunctionType, plainTypeOf } from "../shim/function-type.ts";
import { EXPORTED_GLOBAL, EXPORTED_TABLE } from "../shim/wasm-edit.ts";

export class GuestInstance {
  readonly exports: WebAssembly.Exports;
  /** The table that function pointers index; null if the module has none. */
  readonly table: WebAssembly.Table | null;
  /** Every mutable global, by its place in the module. */
  readonly globals: readonly WebAssembly.Global[];
  /** What is known of functions behind pointers. */
  readonly #types = new Map<number, PlainFunctionType | null>();
  readonly #stackPointer: WebAssembly.Global | null;

  constructor(instance: WebAssembly.Instance) {
    const { exports } = instance;
    this.exports = exports;
    const table = exports[EXPORTED_TABLE];
    this.table = table instanceof WebAssembly.Table ? table : null;
    const globals: WebAssembly.Global[] = [];
    for (const [name, value] of Object.entries(exports)) {
      if (name.startsWith(EXPORTED_GLOBAL) && value instanceof WebAssembly.Global) globals.push(value);
    }
    this.globals = globals;
    const named = exports.__stack_pointer;
    // Linkers make the stack pointer the first global.
    this.#stackPointer = named instanceof WebAssembly.Global ? named : (globals[0] ?? null);
  }

  get hasStack(): boolean {
    return this.#stackPointer !== null;
  }

  /** 0 where the module has no stack. */
  get stackPointer(): number {
    return this.#stackPointer ? Number(this.#stackPointer.value) >>> 0 : 0;
  }

  set stackPointer(address: number) {
    if (this.#stackPointer) this.#stackPointer.value = address | 0;
  }

  /** The function behind a function pointer; null for one that is none. */
  functionAt(pointer: number): GuestFunction | null {
    if (!this.table || pointer <= 0 || pointer >= this.table.length) return null;
    return this.table.get(pointer) as GuestFunction | null;
  }

  /** The type of the function behind a function pointer; null if it is none, or one that neither threads nor signals can be given. */
  plainTypeAt(pointer: number): PlainFunctionType | null {
    let type = this.#types.get(pointer);
    if (type === undefined) {
      const fn = this.functionAt(pointer);
      type = fn ? plainTypeOf(fn) : null;
      this.#types.set(pointer, type);
    }
    return type;
  }

  exported(name: string): GuestFunction | null {
    const value = this.exports[name];
    return typeof value === "function" ? (value as GuestFunction) : null;
  }

  /** Takes over the globals of another instance of the same module: a forked thread goes on where its parent's was. */
  copyGlobals(from: GuestInstance): void {
    this.globals.forEach((global, index) => {
      global.value = (from.globals[index] as WebAssembly.Global).value;
    });
  }
}
