/**
 * Rows: how near the guests are to what Node's sockets cost by themselves (baseline/sockets.ts, in the column "plain Node"), and how far that is
 * from native. One get a packet: the load where sockets are nearly everything.
 */
import { startBaselineSockets, startGuest, startNative } from "../server-process.ts";
import { type Contest, runContest } from "./contest.ts";
import type { GeneratedLoad, LoadGenerator } from "./load-generator.ts";
import { fill, memcachedServers, missingServers } from "./memcached-servers.ts";
import type { Row } from "./row.ts";

const load = { connections: 50, keys: 100_000, valueBytes: 100 };
const megabytes = 1024;

const memcached: Contest["start"] = {
  ...memcachedServers(megabytes),
  baseline: () => startBaselineSockets("memcached"),
};
const redis: Contest["start"] = {
  guest: () => startGuest(),
  native: () => startNative(),
  baseline: () => startBaselineSockets("redis"),
};

const rivalries: readonly {
  readonly name: string;
  readonly protocol: NonNullable<GeneratedLoad["protocol"]>;
  readonly program: string;
  readonly start: Contest["start"];
}[] = [
  { name: "redis get", protocol: "redis", program: "redis-server", start: redis },
  { name: "memcached get", protocol: "memcached", program: "memcached", start: memcached },
  { name: "memcached UDP get", protocol: "memcached-udp", program: "memcached", start: memcached },
];

export async function socketRows(
  generator: LoadGenerator | string,
  { quick, rounds }: { readonly quick: boolean; readonly rounds: number },
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  const requests = quick ? 20_000 : 150_000;
  for (const { name: what, protocol, program, start } of rivalries) {
    const name = `sockets alone: ${what}`;
    if (!wanted(name)) continue;
    const contest: Contest = {
      group: "50 connections, one get a packet; in the place of plain Node: its sockets alone, nothing is stored",
      start,
      missing: missingServers(generator, program),
      rounds,
      setUp: async ({ name: side, port }) => {
        if (typeof generator !== "string" && side !== "baseline") await fill(generator, port, { ...load, protocol });
      },
      cases: [
        [
          {
            name,
            run: (port, warmUp) => {
              if (typeof generator === "string") throw new Error(generator);
              return generator.run(port, { ...load, protocol, amount: { requests: warmUp ? requests / 2 : requests } });
            },
          },
        ],
      ],
    };
    rows.push(...(await runContest(contest, progress)));
  }
  return rows;
}
