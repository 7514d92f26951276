/** Rows: what a key costs in memory: how much a server's resident memory grows when it stores a million of them, at rest. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerProcess } from "../server-process.ts";
import type { LoadGenerator } from "./load-generator.ts";
import { fill, memcachedServers, missingServers } from "./memcached-servers.ts";
import { missingProc, residentBytes } from "./proc.ts";
import { type Reading, type Row, reasonOf, type Side, sides } from "./row.ts";

const valueBytes = 100;
const keyBytes = 16;
/** What a server needs once (buffers, compiled code, V8's young generation) is there before anything is counted: it is not a key's. */
const warmUp = { keys: 1000, valueBytes, connections: 8, pipeline: 64, setPercent: 100, amount: { requests: 200_000 } };
/** At rest: so long without a change of a percent. */
const restMs = 500;
const restMaxMs = 10_000;

export async function memoryRows(
  generator: LoadGenerator | string,
  quick: boolean,
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const keys = quick ? 200_000 : 1_000_000;
  const name = `memory per key (${keyBytes} B + ${valueBytes} B), ${keys / 1e6} M keys`;
  if (!wanted(`memcached ${name}`)) return [];
  const missing: Partial<Record<Side, string>> = missingServers(generator);
  const readings: Partial<Record<Side, Reading>> = {};
  const start = memcachedServers(1024);
  const noProc = missingProc();
  for (const side of sides) {
    if (noProc) missing[side] ??= noProc;
    if (typeof generator === "string" || missing[side] !== undefined) continue;
    progress(`${name}: ${side}`);
    let server: ServerProcess | undefined;
    try {
      server = await start[side]?.();
      if (server === undefined) continue;
      await generator.run(server.port, warmUp);
      const before = await restingBytes(server.pid);
      await fill(generator, server.port, { keys, valueBytes });
      readings[side] = { value: ((await restingBytes(server.pid)) - before) / keys };
    } catch (error) {
      missing[side] = reasonOf(error);
    } finally {
      await server?.stop();
    }
  }
  return [{ group: "memcached, memory", name, unit: "B", smallerIsBetter: true, readings, missing }];
}

async function restingBytes(pid: number): Promise<number> {
  const until = performance.now() + restMaxMs;
  let last = residentBytes(pid);
  for (;;) {
    await sleep(restMs);
    const now = residentBytes(pid);
    if (Math.abs(now - last) < now / 100 || performance.now() > until) return now;
    last = now;
  }
}
