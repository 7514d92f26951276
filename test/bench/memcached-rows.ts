/**
 * Rows of the `memcached` image against plain Node and Debian's `memcached -t 1`, over TCP and UDP: one request a packet, pipelined, several keys
 * in one get. The keys are stored before; an operation is a key. The load is our own generator's.
 */
import { loadUdpBatches } from "../../host/devices/udp-batch.ts";
import { type LoadCase, runContest } from "./contest.ts";
import type { GeneratedLoad, LoadGenerator } from "./load-generator.ts";
import { fill, memcachedServers, missingServers } from "./memcached-servers.ts";
import type { Row } from "./row.ts";

const connections = 50;
const keys = 100_000;
const valueBytes = 100;
const megabytes = 1024;

interface Case extends Omit<GeneratedLoad, "amount" | "keys" | "valueBytes"> {
  readonly name: string;
  readonly requests: number;
  readonly requestsQuick: number;
}

/** About a second each for native memcached. */
const streamCases: readonly (readonly Case[])[] = [
  [
    { name: "P=1 get", requests: 150_000, requestsQuick: 20_000 },
    { name: "P=1 set", setPercent: 100, requests: 150_000, requestsQuick: 20_000 },
  ],
  [
    { name: "P=16 get", pipeline: 16, requests: 300_000, requestsQuick: 40_000 },
    { name: "P=16 set", pipeline: 16, setPercent: 100, requests: 600_000, requestsQuick: 80_000 },
  ],
  [
    { name: "get of 16 keys", multi: 16, requests: 60_000, requestsQuick: 10_000 },
    { name: "get of 100 keys", multi: 100, requests: 15_000, requestsQuick: 2_000 },
  ],
];
const datagram = { protocol: "memcached-udp", requests: 150_000, requestsQuick: 20_000 } as const;
const datagramCases: readonly (readonly Case[])[] = [[{ name: "UDP get", ...datagram }]];
/** The image with many datagrams in a system call (`--udp ffi`). */
const batchCases: readonly (readonly Case[])[] = [[{ name: "UDP get by ffi", ...datagram }]];

interface Options {
  readonly quick: boolean;
  readonly rounds: number;
}

export async function memcachedRows(
  generator: LoadGenerator | string,
  options: Options,
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  // Servers of their own for each: one that does not serve UDP is compared over TCP all the same.
  for (const [cases, how, guestOptions] of [
    [streamCases, "connections", []],
    [datagramCases, "UDP sockets", []],
    [batchCases, "UDP sockets, the image with --udp ffi", ["--udp", "ffi"]],
  ] as const) {
    const chosen = cases
      .map((group) => group.map((one) => loadCase(generator, options.quick, one)).filter(({ name }) => wanted(name)))
      .filter((group) => group.length > 0);
    // Asked last: node:ffi warns of itself.
    if (chosen.length === 0 || (cases === batchCases && typeof loadUdpBatches() === "string")) continue;
    const contest = {
      group: `memcached, ${connections} ${how}, ${keys / 1000} k keys, values of ${valueBytes} B`,
      start: memcachedServers(megabytes, [...guestOptions]),
      missing: missingServers(generator),
      cases: chosen,
      rounds: options.rounds,
      setUp: async ({ port }: { port: number }) => {
        if (typeof generator !== "string") await fill(generator, port, { keys, valueBytes });
      },
    };
    rows.push(...(await runContest(contest, progress)));
  }
  return rows;
}

function loadCase(
  generator: LoadGenerator | string,
  quick: boolean,
  { name, requests, requestsQuick, ...load }: Case,
): LoadCase {
  return {
    name: `memcached ${name}`,
    run: (port, warmUp) => {
      if (typeof generator === "string") throw new Error(generator);
      const all = quick ? requestsQuick : requests;
      const amount = { requests: warmUp ? all / 2 : all };
      return generator.run(port, { connections, keys, valueBytes, ...load, amount });
    },
  };
}
