/**
 * The calls of `wasi_snapshot_preview1` as data: 46 rows. The personality, the shim, the page (README.md, `npm run docs`) and the tests of every row are
 * generated from it or driven by it.
 */
import { ATTRIBUTE_ROWS } from "./attributes.ts";
import { CLOCK_ROWS } from "./clock.ts";
import { DESCRIPTOR_ROWS } from "./descriptor.ts";
import { DIRECTORY_ROWS } from "./directory.ts";
import { FILE_ROWS } from "./file.ts";
import { PATH_ROWS } from "./path.ts";
import { POLL_ROWS } from "./poll.ts";
import { PROCESS_ROWS } from "./process.ts";
import type { WasiRow } from "./row.ts";
import { SOCKET_ROWS } from "./socket.ts";

/** By name. */
export const WASI_TABLE: readonly WasiRow[] = [
  ...ATTRIBUTE_ROWS,
  ...CLOCK_ROWS,
  ...DESCRIPTOR_ROWS,
  ...DIRECTORY_ROWS,
  ...FILE_ROWS,
  ...PATH_ROWS,
  ...POLL_ROWS,
  ...PROCESS_ROWS,
  ...SOCKET_ROWS,
].sort((a, b) => (a.name < b.name ? -1 : 1));

export const WASI_ROWS: ReadonlyMap<string, WasiRow> = new Map(WASI_TABLE.map((row) => [row.name, row]));
