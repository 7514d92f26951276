/**
 * What a row of the system-call table is. The table is data: dispatch, the shim, the compatibility page and the
 * conformance tests are generated from it or driven by it.
 */
import type { Kernel } from "../kernel.ts";

/**
 * How an argument is to be read. `fd`, `ptr`, `path` and `i32` are all i32 on the wire: `ptr` is an unsigned guest address, `path` one of a
 * NUL-terminated string, `f64` carries offsets, sizes and times exactly up to 2^53. `u64` is for what needs all its bits: the handler gets two
 * i32, the lower half first.
 */
export type ArgumentKind = "fd" | "ptr" | "path" | "i32" | "f64" | "u64";

const KINDS: readonly string[] = ["fd", "ptr", "path", "i32", "f64", "u64"] satisfies ArgumentKind[];

export interface Argument {
  readonly name: string;
  readonly kind: ArgumentKind;
}

/** full: as the man page has it. partial: `note` says what is missing. */
export type SupportLevel = "full" | "partial";

export type Handler = (k: Kernel, ...args: number[]) => number;

export interface Row {
  /** Linux' x86-64 number where Linux has the call; from 1000 on the calls that only Ringzero has. */
  readonly number: number;
  /** The man-page name. */
  readonly name: string;
  readonly parameters: readonly Argument[];
  readonly result: "i32" | "f64" | "void";
  /** True if the handler may answer WOULD_BLOCK: the guest reaches it through the shim. */
  readonly blocks: boolean;
  /** True if the call is tried again after a signal handler with SA_RESTART (signal(7)); else it answers EINTR. */
  readonly restarts: boolean;
  /** True if the call unwinds the stack of its caller (fork). */
  readonly unwinds: boolean;
  readonly level: SupportLevel;
  readonly note: string;
  readonly handler: Handler;
}

export interface RowOptions {
  readonly blocks?: boolean;
  readonly restarts?: boolean;
  readonly unwinds?: boolean;
  readonly result?: Row["result"];
  readonly partial?: string;
  readonly note?: string;
}

/** A row; `signature` is "name:kind name:kind ...". */
export function row(
  number: number,
  name: string,
  signature: string,
  handler: (k: Kernel, ...args: never[]) => number,
  options: RowOptions = {},
): Row {
  const parameters = signature === "" ? [] : signature.split(" ").map(parseArgument);
  return {
    number,
    name,
    parameters,
    result: options.result ?? "i32",
    blocks: options.blocks ?? false,
    restarts: options.restarts ?? false,
    unwinds: options.unwinds ?? false,
    level: options.partial === undefined ? "full" : "partial",
    note: options.partial ?? options.note ?? "",
    handler: handler as Handler,
  };
}

function parseArgument(text: string): Argument {
  const [name, kind] = text.split(":") as [string, string];
  if (!KINDS.includes(kind)) throw new Error(`bad signature: ${text}`);
  return { name, kind: kind as ArgumentKind };
}
