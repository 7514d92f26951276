/**
 * Rows: calls into a guest without a socket (`machine.caller`) beside the same guest over TCP: CPU time of an operation, and how many more
 * operations a core does. One request in a call stands beside one request in a packet, sixteen beside a pipeline of sixteen.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { repositoryRoot, type ServerProcess, startGuest, startGuestMemcached } from "../server-process.ts";
import { batches, type InProcessRound, inProcessKeys, inProcessValueBytes } from "./in-process.ts";
import type { GeneratedLoad, LoadGenerator } from "./load-generator.ts";
import { fill } from "./memcached-servers.ts";
import { cpuTimeUs, missingProc } from "./proc.ts";
import { median, type Row, reasonOf } from "./row.ts";

const group = "in process (machine.caller), values of 100 B";
const images = { redis: () => startGuest(), memcached: () => startGuestMemcached([], { image: "memcached" }) } as const;
const load = { keys: inProcessKeys, valueBytes: inProcessValueBytes, connections: 50 };
const operations = ["get", "set"] as const;

interface Samples {
  readonly inProcess: number[];
  readonly tcp: number[];
}

export async function inProcessRows(
  generator: LoadGenerator | string,
  { quick, rounds }: { quick: boolean; rounds: number },
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const image of ["redis", "memcached"] as const) {
    if (!wanted(`${image} in process`)) continue;
    progress(`${image} in process`);
    try {
      rows.push(...(await imageRows(generator, image, quick, rounds)));
    } catch (error) {
      const row = { group, name: `${image} in process`, unit: "µs/op", smallerIsBetter: true };
      rows.push({ ...row, readings: {}, missing: { guest: reasonOf(error) } });
    }
  }
  return rows;
}

async function imageRows(
  generator: LoadGenerator | string,
  image: keyof typeof images,
  quick: boolean,
  rounds: number,
): Promise<Row[]> {
  const samples = new Map<string, Samples>();
  const of = (operation: string, batch: number): Samples => {
    const name = batch === 1 ? operation : `${operation}, ${batch} in a call`;
    const found = samples.get(name) ?? { inProcess: [], tcp: [] };
    samples.set(name, found);
    return found;
  };
  const noTcp = missingProc() ?? (typeof generator === "string" ? generator : undefined);
  let server: ServerProcess | undefined;
  try {
    if (typeof generator !== "string") {
      server = await images[image]();
      await fill(generator, server.port, { ...load, protocol: image });
    }
    for (let round = 0; round < rounds; round++) {
      for (const one of await inProcessRound(image, quick ? 0.15 : 1))
        of(one.operation, one.batch).inProcess.push(one.cpuUsPerOperation);
      if (noTcp !== undefined || typeof generator === "string" || server === undefined) continue;
      for (const batch of batches) {
        for (const operation of operations) {
          const requests = (quick ? 20_000 : 100_000) * (batch === 1 ? 1 : 4);
          const setPercent = operation === "set" ? 100 : 0;
          const one = { ...load, protocol: image, setPercent, pipeline: batch, amount: { requests } };
          if (round === 0) await generator.run(server.port, one);
          of(operation, batch).tcp.push(await tcpRound(generator, server, one));
        }
      }
    }
  } finally {
    await server?.stop();
  }
  return [...samples].flatMap(([name, { inProcess, tcp }]) => {
    const row = (suffix: string, unit: string, values: number[], smallerIsBetter: boolean): Row => {
      const readings = values.length > 0 ? { guest: { value: median(values), rounds: values } } : {};
      const missing = values.length > 0 || noTcp === undefined ? {} : { guest: noTcp, native: noTcp };
      return { group, name: `${image} ${name} in process${suffix}`, unit, smallerIsBetter, readings, missing };
    };
    const gains = tcp.map((us, round) => us / (inProcess[round] ?? Number.NaN));
    return [row("", "µs/op", inProcess, true), row(", operations per core to TCP", "times", gains, false)];
  });
}

async function inProcessRound(image: string, seconds: number): Promise<InProcessRound[]> {
  const program = join(repositoryRoot, "test/bench/in-process.ts");
  const run = promisify(execFile)(process.execPath, [program, image, String(seconds)], { timeout: 60_000 });
  try {
    return JSON.parse((await run).stdout) as InProcessRound[];
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(/^\w*Error: .*$/m.exec(stderr ?? "")?.[0] ?? reasonOf(error));
  }
}

async function tcpRound(generator: LoadGenerator, { pid, port }: ServerProcess, load: GeneratedLoad): Promise<number> {
  const before = cpuTimeUs(pid);
  const { operations } = await generator.run(port, load);
  return (cpuTimeUs(pid) - before) / operations;
}
