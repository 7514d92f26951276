/**
 * Rows: our redis image, the plain Node baseline and Debian's redis-server under the same load, each in a process of its own.
 *
 * Rounds are interleaved (guest, baseline, native, guest, …), so that what else happens on the machine hits all alike; medians are
 * reported. Before each test the data set is emptied, except before GET, which reads what SET has written.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { missingProgram, type ServerProcess, startBaseline, startGuest, startNative } from "../server-process.ts";
import { type Load, type LoadResult, type LoadTest, loadTests, runLoad } from "./load.ts";
import { cpuTimeUs, missingProc } from "./proc.ts";
import { median, type Reading, type Row, reasonOf, type Side, sides } from "./row.ts";

const clients = 50;
/** Requests a round: about a second each for a server of a million requests a second. */
const requestsFull: Readonly<Record<number, number>> = { 1: 100_000, 16: 800_000, 100: 1_500_000 };
const requestsQuick: Readonly<Record<number, number>> = { 1: 20_000, 16: 100_000, 100: 200_000 };

interface Sample extends LoadResult {
  readonly cpuUsPerOperation: number | undefined;
}

export async function redisRows(
  options: { quick: boolean; rounds: number },
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const tests: readonly LoadTest[] = options.quick ? ["SET", "GET", "ZADD"] : loadTests;
  const cases = [1, 16, 100].flatMap((pipeline) =>
    tests.map((test) => ({
      name: `P=${pipeline} ${test}`,
      load: { test, pipeline, clients, requests: (options.quick ? requestsQuick : requestsFull)[pipeline] ?? 100_000 },
    })),
  );
  const chosen = cases.filter(({ name }) => wanted(`redis ${name}`));
  if (chosen.length === 0) return [];

  const missing: Partial<Record<Side, string>> = {};
  const noLoad = missingProgram("redis-benchmark");
  if (noLoad) for (const side of sides) missing[side] = noLoad;
  const servers = noLoad ? {} : await startServers(missing);
  const samples = new Map<string, Record<Side, Sample[]>>();
  try {
    for (const pipeline of [1, 16, 100]) {
      const group = chosen.filter(({ load }) => load.pipeline === pipeline);
      // Round -1 warms up every server's code paths, in plain Node and in the guest alike, and is thrown away.
      for (let round = -1; round < options.rounds && group.length > 0; round++) {
        for (const { name, load } of group) {
          const kept = samples.get(name) ?? { guest: [], baseline: [], native: [] };
          samples.set(name, kept);
          for (const side of sides) {
            const server = servers[side];
            if (server === undefined) continue;
            progress(`${name}, round ${Math.max(0, round + 1)} of ${options.rounds}: ${side}`);
            try {
              const sample = await measure(server, load);
              if (round >= 0) kept[side].push(sample);
            } catch (error) {
              missing[side] = reasonOf(error);
              servers[side] = undefined;
            }
          }
        }
      }
    }
  } finally {
    await Promise.all(Object.values(servers).map((server) => server?.stop()));
  }
  return chosen.flatMap(({ name }) => rowsOf(name, samples.get(name), missing));
}

async function startServers(
  missing: Partial<Record<Side, string>>,
): Promise<Partial<Record<Side, ServerProcess | undefined>>> {
  const servers: Partial<Record<Side, ServerProcess | undefined>> = {};
  const start: Record<Side, () => Promise<ServerProcess>> = {
    guest: () => startGuest(),
    baseline: () => startBaseline(),
    native: () => startNative(),
  };
  const noNative = missingProgram("redis-server");
  for (const side of sides) {
    try {
      if (side === "native" && noNative) throw new Error(noNative);
      servers[side] = await start[side]();
    } catch (error) {
      missing[side] = reasonOf(error);
    }
  }
  return servers;
}

async function measure(server: ServerProcess, load: Load): Promise<Sample> {
  if (load.test !== "GET") await flush(server.port);
  const canCount = missingProc() === undefined;
  const before = canCount ? cpuTimeUs(server.pid) : 0;
  const result = await runLoad(server.port, load);
  const cpuUs = canCount ? (cpuTimeUs(server.pid) - before) / load.requests : undefined;
  return { ...result, cpuUsPerOperation: cpuUs };
}

async function flush(port: number): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write("FLUSHALL\r\n");
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  if (!answer.toString().startsWith("+OK")) throw new Error(`FLUSHALL: ${answer}`);
}

function rowsOf(name: string, samples: Record<Side, Sample[]> | undefined, missing: Row["missing"]): Row[] {
  const read = (pick: (sample: Sample) => number | undefined, detail?: (all: Sample[]) => string): Row["readings"] => {
    const readings: Partial<Record<Side, Reading>> = {};
    for (const side of sides) {
      const all = samples?.[side] ?? [];
      const rounds = all.map(pick).filter((value) => value !== undefined);
      if (rounds.length > 0 && missing[side] === undefined) {
        readings[side] = { value: median(rounds), rounds, ...(detail && { detail: detail(all) }) };
      }
    }
    return readings;
  };
  const noProc = missingProc();
  const cpuMissing = noProc ? { guest: noProc, baseline: noProc, native: noProc } : missing;
  const row = { group: `redis, ${clients} connections, random keys`, missing };
  const latencies = (all: Sample[]): string =>
    [all.map((one) => one.p50Ms), all.map((one) => one.p99Ms), all.map((one) => one.p999Ms)]
      .map((values) => median(values).toFixed(2))
      .join(" / ");
  return [
    { ...row, name, unit: "requests/s", smallerIsBetter: false, readings: read((one) => one.requestsPerSecond) },
    {
      ...row,
      name: `${name} server CPU`,
      unit: "µs/op",
      smallerIsBetter: true,
      readings: read((one) => one.cpuUsPerOperation),
      missing: cpuMissing,
    },
    {
      ...row,
      name: `${name} p50 / p99 / p99.9`,
      unit: "ms, ratio of p99",
      smallerIsBetter: true,
      readings: read((one) => one.p99Ms, latencies),
    },
  ];
}
