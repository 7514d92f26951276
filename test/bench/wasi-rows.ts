/**
 * Rows: what WASI calls cost one and the same program, in a machine, on node:wasi and on plain wasi-js. "In memory": our memory file system, wasi-js'
 * own (memfs), and for node:wasi, which has none, a tmpfs of the host's. The group's gate: at most 0.8 of the better of the other two.
 */
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type BootOptions, boot } from "../../host/index.ts";
import { compileWasi } from "../guests/wasi/compile.ts";
import { picosecondLines } from "./native.ts";
import { median, type Reading, type Row, reasonOf, type Side } from "./row.ts";

interface Measure {
  readonly name: string;
  /** What the program is told to do, and how often in a round. */
  readonly what: "write" | "open" | "readdir" | "read";
  readonly count: number;
  readonly inMemory: boolean;
}

const MEASURES: readonly Measure[] = [
  { name: "WASI fd_write of 64 bytes, file in memory", what: "write", count: 20_000, inMemory: true },
  { name: "WASI path_open + fd_close, file in memory", what: "open", count: 10_000, inMemory: true },
  { name: "WASI fd_readdir of 10,000 entries, in memory", what: "readdir", count: 4, inMemory: true },
  { name: "WASI fd_pread of 4 KiB at random, 1 GiB file on the host", what: "read", count: 10_000, inMemory: false },
];

const BIG_BYTES = 2 ** 30;
const HOST = fileURLToPath(new URL("baseline/wasi-host.ts", import.meta.url));
const TIMEOUT_MS = 120_000;

export async function wasiRows(
  { quick, rounds }: { quick: boolean; rounds: number },
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const measures = MEASURES.filter(({ name }) => wanted(name));
  if (measures.length === 0) return [];
  const module = await compileWasi("bench-calls", ["--runtime", "stub", "-O3"]);
  const folder = mkdtempSync(join(tmpdir(), "ringzero-bench-wasi-"));
  const memory = existsSync("/dev/shm") ? mkdtempSync("/dev/shm/ringzero-bench-wasi-") : folder;
  try {
    if (measures.some(({ what }) => what === "read")) makeBigFile(join(folder, "big"));
    const rows: Row[] = [];
    for (const measure of measures) {
      progress(measure.name);
      const count = quick ? Math.ceil(measure.count / 10) : measure.count;
      rows.push(await rowOf(measure, { module, folder: measure.inMemory ? memory : folder, count, rounds }));
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(memory, { recursive: true, force: true });
  }
}

interface Setting {
  readonly module: string;
  /** Of the host. */
  readonly folder: string;
  readonly count: number;
  readonly rounds: number;
}

/** Rounds of the three sides alternate, so that a noisy machine hits all alike. */
async function rowOf({ name, what, inMemory }: Measure, { module, folder, count, rounds }: Setting): Promise<Row> {
  const values: Partial<Record<Side, number[]>> = {};
  const missing: Partial<Record<Side, string>> = {};
  // node:wasi and wasi-js work in a folder each: what one has written the other would find.
  const own = (side: string): string => {
    const path = inMemory ? join(folder, `${what}-${side}`) : folder;
    mkdirSync(path, { recursive: true });
    return path;
  };
  const args = [what, String(count)];
  const sides: readonly [Side, () => Promise<string> | string][] = [
    ["guest", () => runOurs(module, args, inMemory ? { preopens: { "/": "/tmp" } } : { volumes: { "/mnt": folder } })],
    ["baseline", () => runTheirs(inMemory ? "wasi-js-memory" : "wasi-js", module, own("wasi-js"), args)],
    ["native", () => runTheirs("node", module, own("node"), args)],
  ];
  for (let round = 0; round < rounds; round++) {
    for (const [side, run] of sides) {
      if (missing[side] !== undefined) continue;
      try {
        values[side] = [...(values[side] ?? []), median(picosecondLines(await run()))];
      } catch (error) {
        missing[side] = reasonOf(error);
      }
    }
  }
  const readings: Partial<Record<Side, Reading>> = {};
  for (const [side, list] of Object.entries(values) as [Side, number[]][]) {
    if (missing[side] === undefined) readings[side] = { value: median(list), rounds: list };
  }
  return {
    group: "WASI (baseline: wasi-js, native: node:wasi)",
    name,
    unit: "ns",
    smallerIsBetter: true,
    readings,
    missing,
  };
}

async function runOurs(module: string, args: readonly string[], options: BootOptions): Promise<string> {
  const machine = await boot(module, { args, ...options });
  const [text, { code, reason }] = await Promise.all([readAll(machine.stdout), machine.exited]);
  if (code !== 0) throw new Error(`the program ended with code ${code}${reason ? `: ${reason}` : ""}`);
  return text;
}

function runTheirs(host: string, module: string, folder: string, args: readonly string[]): string {
  try {
    return execFileSync(process.execPath, ["--no-warnings", HOST, host, module, folder, ...args], {
      encoding: "utf8",
      timeout: TIMEOUT_MS,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split("\n").at(-1);
    throw new Error(said ? `it ended with: ${said}` : reasonOf(error));
  }
}

/** In the page cache afterwards, for whoever reads it. */
function makeBigFile(path: string): void {
  const fd = openSync(path, "w");
  const chunk = Buffer.alloc(2 ** 24, "ringzero");
  for (let at = 0; at < BIG_BYTES; at += chunk.length) writeSync(fd, chunk, 0, chunk.length, at);
  closeSync(fd);
}
