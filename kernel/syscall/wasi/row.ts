/**
 * A row of the WASI table: like every row, with a number that is only its place, a handler that answers 0 or a negated errno, and whose it is:
 * the kernel's own, or that of the npm package wasi-js.
 */

import type { Process } from "../../process/process.ts";
import type { WasiState } from "../../process/wasi-state.ts";
import { I32, I64 } from "../../shim/wasm-writer.ts";
import { type Argument, type Handler, type Row, row } from "../row.ts";

/** A process that runs a WASI program. */
export type WasiProcess = Process & { readonly wasi: WasiState };

export interface WasiRow extends Row {
  readonly whose: "kernel" | "wasi-js";
  /** Why the kernel does it itself, or what wasi-js is spared. */
  readonly why: string;
}

export interface WasiRowOptions {
  readonly blocks?: boolean;
  readonly whose?: WasiRow["whose"];
  /** What is done otherwise than the standard leaves open, or not. */
  readonly note?: string;
}

/** A row; `signature` is "name:kind name:kind ...". */
export function wasiRow(
  name: string,
  signature: string,
  handler: (k: WasiProcess, ...args: never[]) => number,
  why: string,
  { blocks = false, whose = "kernel", note = "" }: WasiRowOptions = {},
): WasiRow {
  return { ...row(0, name, signature, handler as unknown as Handler, { blocks, note }), whose, why };
}

/** The standard's type of an argument. */
export function wireType({ kind }: Argument): number {
  return kind === "f64" || kind === "u64" ? I64 : I32;
}
