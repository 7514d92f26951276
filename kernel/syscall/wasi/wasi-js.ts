/**
 * The npm package wasi-js, bound to the kernel: the calls that stay its own (table.ts, `whose`) go through here.
 *
 * What always holds: it sees no host. Its bindings end in the kernel's devices, it is given no file system (no call that has a descriptor or a path is left to
 * it), and every pointer that it is handed has been checked by the row's handler: it would throw a RangeError at a bad one.
 *
 * It is loaded when the first WASI program is (`loadWasiJs`): the other personalities do not pay for it.
 */
import type { GuestMemory } from "../../mem/guest-memory.ts";

/** The functions of wasi-js that are used; each answers an errno of the standard. */
export interface WasiJsCalls {
  args_get(argv: number, argvBuf: number): number;
  args_sizes_get(argc: number, argvBufSize: number): number;
  environ_get(environ: number, environBuf: number): number;
  environ_sizes_get(environCount: number, environBufSize: number): number;
  random_get(buf: number, length: number): number;
  proc_exit(status: number): number;
}

interface WasiJsInstance {
  readonly wasiImport: WasiJsCalls;
  view: DataView | undefined;
  setMemory(memory: WebAssembly.Memory): void;
}

type WasiJsClass = new (config: {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly bindings: Record<string, unknown>;
}) => WasiJsInstance;

let loaded: WasiJsClass | null = null;

/** Has to be done before a WASI program is bound. */
export async function loadWasiJs(): Promise<void> {
  if (loaded) return;
  // CommonJS: what it calls its default export is a property of what Node's loader calls so; others see through that.
  const module = (await import("wasi-js/dist/wasi.js")) as unknown as {
    default: WasiJsClass | { default: WasiJsClass };
  };
  loaded = "default" in module.default ? module.default.default : module.default;
}

/** Where wasi-js' bindings end. */
export interface WasiJsKernel {
  readonly mem: GuestMemory;
  readonly boot: { readonly args: readonly string[]; readonly env: readonly string[] };
  monotonicMs(): number;
  /** Random bytes to [ptr, ptr + length), which is valid. */
  fill(ptr: number, length: number): void;
  exit(status: number): never;
}

export interface StringsSize {
  readonly count: number;
  /** NULs included. */
  readonly bytes: number;
}

const encoder = new TextEncoder();

function sizeOf(strings: readonly string[]): StringsSize {
  return {
    count: strings.length,
    bytes: strings.reduce((sum, text) => sum + encoder.encode(text).length + 1, 0),
  };
}

export class WasiJs {
  /** What args_get and environ_get write: so many pointers of 4 bytes, and so many bytes of strings. */
  readonly args: StringsSize;
  readonly env: StringsSize;
  readonly #wasi: WasiJsInstance;
  readonly #mem: GuestMemory;

  constructor(k: WasiJsKernel) {
    if (!loaded) throw new Error("wasi-js has not been loaded");
    this.#mem = k.mem;
    const env: Record<string, string> = Object.create(null);
    for (const entry of k.boot.env) {
      const at = entry.indexOf("=");
      env[entry.slice(0, at)] = entry.slice(at + 1);
    }
    this.args = sizeOf(k.boot.args);
    this.env = sizeOf(Object.entries(env).map(([name, value]) => `${name}=${value}`));
    this.#wasi = new loaded({
      args: k.boot.args,
      env,
      bindings: {
        hrtime: () => BigInt(Math.floor(k.monotonicMs() * 1e6)),
        randomFillSync: (_memory: unknown, ptr: number, length: number) => k.fill(ptr, length),
        exit: (status: number) => k.exit(status),
      },
    });
  }

  /** Its functions, with the memory as it is now: it takes note of one that was detached, but not of a shared one that has grown. */
  get calls(): WasiJsCalls {
    const { memory } = this.#mem;
    const wasi = this.#wasi;
    if (wasi.view?.buffer !== memory.buffer) {
      wasi.setMemory(memory);
      wasi.view = undefined;
    }
    return wasi.wasiImport;
  }
}
