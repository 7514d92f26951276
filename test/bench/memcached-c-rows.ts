/**
 * Rows of the real memcached in Ringzero: the `memcached-c` image against the same program, native, both with their default of four threads. The load is
 * memcaslap's (Debian's libmemcached-tools): one thread, 48 connections, 1 KiB values, no pipelining.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingProgram, startGuestMemcached, startNativeMemcached } from "../server-process.ts";
import { type LoadCase, type LoadReport, runContest } from "./contest.ts";
import type { Row, Side } from "./row.ts";

const connections = 48;
/** Enough that nothing is evicted, in megabytes. */
const memory = ["-m", "1024"];
/** memcaslap's task window: what each connection stores before it starts to read. 1k is its smallest. */
const windowItems = 1024;

export async function memcachedCRows(
  { quick, rounds }: { quick: boolean; rounds: number },
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const operations = quick ? 20_000 : 200_000;
  const fill = connections * windowItems;
  const folder = mkdtempSync(join(tmpdir(), "ringzero-bench-"));
  const cases = [
    loadCase("memcached-c set", configFile(folder, 1), operations),
    loadCase(`memcached-c get (after ${fill} sets)`, configFile(folder, 0), operations),
  ].filter(({ name }) => wanted(name));
  try {
    if (cases.length === 0) return [];
    const missing: Partial<Record<Side, string>> = {};
    const noNative = missingProgram("memcached");
    const noLoad = missingProgram("memcaslap");
    if (noNative) missing.native = noNative;
    if (noLoad) missing.guest = missing.native = noLoad;
    const start = { guest: () => startGuestMemcached(memory), native: () => startNativeMemcached(memory) };
    const group = `memcached-c, ${connections} connections, values of 1 KiB`;
    return await runContest({ group, start, missing, cases: [cases], rounds }, progress);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A workload of keys of 16 and values of 1024 bytes, of which `sets` (0 to 1) are stored. */
function configFile(folder: string, sets: 0 | 1): string {
  const path = join(folder, `sets-${sets}`);
  // memcaslap's commands: 0 is set, 1 is get.
  writeFileSync(path, `key\n16 16 1\nvalue\n1024 1024 1\ncmd\n0 ${sets}.0\n1 ${1 - sets}.0\n`);
  return path;
}

function loadCase(name: string, config: string, operations: number): LoadCase {
  return { name, run: (port) => runMemcaslap(port, config, operations) };
}

async function runMemcaslap(port: number, config: string, operations: number): Promise<LoadReport> {
  const load = ["-T", "1", "-c", String(connections), "-x", String(operations), "-w", "1k", "-F", config];
  const child = spawn("memcaslap", ["-s", `127.0.0.1:${port}`, ...load], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  const timer = setTimeout(() => child.kill("SIGKILL"), 120_000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  if (code !== 0) throw new Error(`memcaslap ended with ${code ?? "a signal"}: ${text.trim().slice(-300)}`);
  return parseMemcaslap(text);
}

export function parseMemcaslap(text: string): LoadReport {
  const done = /^Run time: [\d.]+s Ops: (\d+) TPS: (\d+) /m.exec(text);
  const misses = /^get_misses: (\d+)/m.exec(text);
  if (!done || !misses || Number(done[1]) === 0)
    throw new Error(`memcaslap's report is not understood: ${text.slice(-400)}`);
  // A miss is cheaper than a hit: such a run would flatter its server.
  if (misses[1] !== "0") throw new Error(`memcaslap missed ${misses[1]} keys that it had stored`);
  return { operations: Number(done[1]), requestsPerSecond: Number(done[2]) };
}
