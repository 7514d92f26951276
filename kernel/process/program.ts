/**
 * A Linux program as a process runs it: the compiled module, and the imports that bind it to that process. Threads are instances of it.
 */
import type { ModuleShape } from "../shim/wasm-reader.ts";
import { GuestInstance } from "./guest-instance.ts";

export class Program {
  readonly module: WebAssembly.Module;
  readonly shape: ModuleShape;
  /** Bound to the process, its memory among them. */
  readonly imports: WebAssembly.Imports;

  constructor(module: WebAssembly.Module, shape: ModuleShape, imports: WebAssembly.Imports) {
    this.module = module;
    this.shape = shape;
    this.imports = imports;
  }

  /** A new instance, for a thread: on the process' memory, with a table and globals of its own. */
  instantiate(): GuestInstance {
    return new GuestInstance(new WebAssembly.Instance(this.module, this.imports));
  }
}
