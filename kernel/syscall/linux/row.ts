/**
 * A row of the Linux table: like every row, but its handler is given the Process, and may look at all of it.
 */
import type { Process } from "../../process/process.ts";
import { type Handler, type Row, type RowOptions, row } from "../row.ts";

export type LinuxHandler = (k: Process, ...args: never[]) => number;

/** A row; `signature` is "name:kind name:kind ...". */
export function linuxRow(
  number: number,
  name: string,
  signature: string,
  handler: LinuxHandler,
  options: RowOptions = {},
): Row {
  return row(number, name, signature, handler as unknown as Handler, options);
}

export const BLOCKS = { blocks: true } as const;
/** May wait, and goes on waiting after a handler with SA_RESTART. */
export const RESTARTS = { blocks: true, restarts: true } as const;
