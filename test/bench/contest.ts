/**
 * Servers of one kind under the same load, each in a process of its own, and what came of it as rows.
 *
 * Rounds are interleaved (guest, baseline, native, guest, …), so that what else happens on the machine hits all alike; medians are
 * reported. A server that cannot be started or fails is out for the rest, with the reason.
 */
import type { ServerProcess } from "../server-process.ts";
import { cpuTimeUs, missingProc } from "./proc.ts";
import { median, type Reading, type Row, reasonOf, type Side, sides } from "./row.ts";

/** What a load generator says about one run. */
export interface LoadReport {
  /** What the server has done in it; CPU time is divided by it. */
  readonly operations: number;
  readonly requestsPerSecond: number;
  readonly latency?: { readonly p50Ms: number; readonly p99Ms: number; readonly p999Ms: number };
}

/** One kind of load: its name in the table, what comes before it (not measured), and itself. */
export interface LoadCase {
  readonly name: string;
  prepare?(port: number): Promise<void>;
  /** `warmUp`: what comes of it is thrown away, a part of the load will do. */
  run(port: number, warmUp: boolean): Promise<LoadReport>;
}

export interface Contest {
  /** The rows' group in the table. */
  readonly group: string;
  /** Who takes part; a side that is not listed has no column in these rows. */
  readonly start: Partial<Record<Side, () => Promise<ServerProcess>>>;
  /** Sides that are known not to be there, and why. */
  readonly missing: Partial<Record<Side, string>>;
  /** What each server gets before anything else, once: the keys that the cases read. */
  setUp?(server: ServerProcess): Promise<void>;
  /** In order; the cases of one array are interleaved round by round. */
  readonly cases: readonly (readonly LoadCase[])[];
  readonly rounds: number;
  /** Whether a round that is thrown away comes first (default: yes). */
  readonly warmUp?: boolean;
  /** The percentile that latencies are compared by (default: p99). */
  readonly latencyOf?: "p99" | "p99.9";
}

interface Sample extends LoadReport {
  readonly cpuUsPerOperation: number | undefined;
}

export async function runContest(contest: Contest, progress: (text: string) => void): Promise<Row[]> {
  const missing = { ...contest.missing };
  const servers = await startServers(contest, missing);
  const samples = new Map<LoadCase, Record<Side, Sample[]>>();
  try {
    for (const cases of contest.cases) {
      // Round -1 warms up every server's code paths, in plain Node and in the guest alike, and is thrown away.
      for (let round = contest.warmUp === false ? 0 : -1; round < contest.rounds; round++) {
        for (const load of cases) {
          const kept = samples.get(load) ?? { guest: [], baseline: [], native: [] };
          samples.set(load, kept);
          for (const side of sides) {
            const server = servers[side];
            if (server === undefined) continue;
            progress(`${load.name}, round ${Math.max(0, round + 1)} of ${contest.rounds}: ${side}`);
            try {
              const sample = await measure(server, load, round < 0);
              if (round >= 0) kept[side].push(sample);
            } catch (error) {
              missing[side] = reasonOf(error);
              servers[side] = undefined;
              await server.stop();
            }
          }
        }
      }
    }
  } finally {
    await Promise.all(Object.values(servers).map((server) => server?.stop()));
  }
  return contest.cases.flat().flatMap((load) => rowsOf(contest, load.name, samples.get(load), missing));
}

async function startServers(
  { start, setUp }: Contest,
  missing: Partial<Record<Side, string>>,
): Promise<Partial<Record<Side, ServerProcess | undefined>>> {
  const servers: Partial<Record<Side, ServerProcess | undefined>> = {};
  for (const side of sides) {
    if (missing[side] !== undefined) continue;
    try {
      const server = await start[side]?.();
      if (server === undefined) continue;
      servers[side] = server;
      await setUp?.(server);
    } catch (error) {
      missing[side] = reasonOf(error);
      await servers[side]?.stop();
      servers[side] = undefined;
    }
  }
  return servers;
}

async function measure(server: ServerProcess, load: LoadCase, warmUp: boolean): Promise<Sample> {
  await load.prepare?.(server.port);
  const canCount = missingProc() === undefined;
  const before = canCount ? cpuTimeUs(server.pid) : 0;
  const report = await load.run(server.port, warmUp);
  const cpuUs = canCount ? (cpuTimeUs(server.pid) - before) / report.operations : undefined;
  return { ...report, cpuUsPerOperation: cpuUs };
}

function rowsOf(
  { group, latencyOf = "p99" }: Contest,
  name: string,
  samples: Record<Side, Sample[]> | undefined,
  missing: Row["missing"],
): Row[] {
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
  const latencies = (all: Sample[]): string =>
    (["p50Ms", "p99Ms", "p999Ms"] as const)
      .map((which) => median(all.map(({ latency }) => latency?.[which] ?? Number.NaN)).toFixed(2))
      .join(" / ");
  const hasLatency = sides.some((side) => samples?.[side].some(({ latency }) => latency !== undefined));
  const rows: Row[] = [
    {
      group,
      name,
      unit: "requests/s",
      smallerIsBetter: false,
      readings: read((one) => one.requestsPerSecond),
      missing,
    },
    {
      group,
      name: `${name} server CPU`,
      unit: "µs/op",
      smallerIsBetter: true,
      readings: read((one) => one.cpuUsPerOperation),
      missing: cpuMissing,
    },
  ];
  if (hasLatency) {
    rows.push({
      group,
      name: `${name} p50 / p99 / p99.9`,
      unit: `ms, ratio of ${latencyOf}`,
      smallerIsBetter: true,
      readings: read(({ latency }) => (latencyOf === "p99" ? latency?.p99Ms : latency?.p999Ms), latencies),
      missing,
    });
  }
  return rows;
}
