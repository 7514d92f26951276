/**
 * Rows: latency at a fixed rate with many resident keys. Half of the requests store (YCSB's workload A): each replaces a value, so that a
 * garbage collector has as much to collect as it has to keep. A latency counts from when its request was due (see native/load/streams.c).
 */
import { type LoadCase, runContest } from "./contest.ts";
import type { LoadGenerator } from "./load-generator.ts";
import { fill, memcachedServers, missingServers } from "./memcached-servers.ts";
import type { Row } from "./row.ts";

const valueBytes = 100;
const connections = 50;
const rate = 20_000;
/** Every round counts: three at least, as one that was disturbed by something else on the machine is no news about a server. */
const roundsMin = 3;

export async function latencyRows(
  generator: LoadGenerator | string,
  { quick, rounds }: { quick: boolean; rounds: number },
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const keys = quick ? 200_000 : 5_000_000;
  const amount = { rate, seconds: quick ? 2 : 10, warmupSeconds: quick ? 0.5 : 2 };
  const load: LoadCase = {
    name: `memcached ${rate / 1000} k/s, ${keys / 1e6} M keys`,
    run: (port) => {
      if (typeof generator === "string") throw new Error(generator);
      return generator.run(port, { connections, keys, valueBytes, setPercent: 50, amount });
    },
  };
  if (!wanted(`${load.name} latency`)) return [];
  const contest = {
    group: `memcached at a fixed rate, half gets and half sets, values of ${valueBytes} B`,
    start: memcachedServers(2048),
    missing: missingServers(generator),
    cases: [[load]],
    rounds: quick ? rounds : Math.max(rounds, roundsMin),
    warmUp: false,
    latencyOf: "p99.9",
    setUp: async ({ port }: { port: number }) => {
      progress(`${load.name}: storing the keys`);
      if (typeof generator !== "string") await fill(generator, port, { keys, valueBytes });
    },
  } as const;
  return runContest(contest, progress);
}
