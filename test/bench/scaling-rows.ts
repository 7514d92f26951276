/**
 * Rows: what a second shard adds. The capacity of a server is what it would serve a second if its busiest thread had a core for itself: operations
 * through that thread's CPU time (or through the even share of all threads', where that is more). So a machine with fewer cores than shards and
 * clients need can tell. For the load generator not to be the limit the server's threads share one core, and it has the others.
 */
import { availableParallelism } from "node:os";
import { findProgram, type ServerProcess, startGuest, startGuestMemcached } from "../server-process.ts";
import type { GeneratedLoad, LoadGenerator } from "./load-generator.ts";
import { fill } from "./memcached-servers.ts";
import { missingProc, threadCpuUs } from "./proc.ts";
import { median, type Row, reasonOf } from "./row.ts";

/** Many, so that the kernel, which gives each connection to a shard by a hash, gives all shards about the same. */
const connections = 256;
const load = { keys: 100_000, valueBytes: 100 };
const shardCounts = [1, 2] as const;
/** Each thread compiles its own JavaScript, and has seen half of the requests only: until all is compiled two shards look worse than they are. */
const warmupRequests = 600_000;

/** Where the server and the load generator run; nowhere in particular on a machine where they cannot be kept apart. */
interface Places {
  readonly server: string[];
  readonly generator: string[];
}

const servers = {
  memcached: (options: string[], through: string[]) =>
    startGuestMemcached(["-m", "1024"], { image: "memcached", options, through }),
  redis: (options: string[], through: string[]) => startGuest({ options, through }),
} as const;

function places(): Places {
  const cores = availableParallelism();
  if (cores < 2 || findProgram("taskset") === undefined) return { server: [], generator: [] };
  return { server: ["taskset", "-c", "0"], generator: ["taskset", "-c", `1-${cores - 1}`] };
}

export async function scalingRows(
  generator: LoadGenerator | string,
  { quick, rounds }: { quick: boolean; rounds: number },
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const protocol of ["memcached", "redis"] as const) {
    if (!wanted(`${protocol} shards, capacity`)) continue;
    const requests = quick ? 60_000 : 200_000;
    progress(`${protocol}: ${shardCounts.join(" and ")} shards`);
    const warmup = quick ? requests : warmupRequests;
    rows.push(
      ...(await imageRows(generator, { ...load, connections, protocol, amount: { requests } }, warmup, rounds)),
    );
  }
  return rows;
}

async function imageRows(
  generator: LoadGenerator | string,
  load: GeneratedLoad & { protocol: keyof typeof servers },
  warmup: number,
  rounds: number,
): Promise<Row[]> {
  const { protocol } = load;
  const group = `shards, ${load.connections} connections, one get a packet`;
  const unmeasured = (reason: string): Row[] => {
    const row = { group, name: `${protocol} shards, capacity`, unit: "op/s", smallerIsBetter: false };
    return [{ ...row, readings: {}, missing: { guest: reason, native: reason } }];
  };
  const noProc = missingProc();
  if (typeof generator === "string" || noProc) return unmeasured(noProc ?? String(generator));
  const { server: through, generator: beside } = places();
  const capacities = new Map<number, number[]>();
  const running: ServerProcess[] = [];
  try {
    for (const shards of shardCounts) {
      const server = await servers[protocol](shards === 1 ? [] : ["--shards", String(shards)], through);
      running.push(server);
      await fill(generator, server.port, load);
      await generator.run(server.port, { ...load, amount: { requests: warmup } }, { through: beside });
    }
    for (let round = 0; round < rounds; round++) {
      for (const [index, shards] of shardCounts.entries()) {
        const capacity = await measure(generator, running[index] as ServerProcess, load, shards, beside);
        capacities.set(shards, [...(capacities.get(shards) ?? []), capacity]);
      }
    }
  } catch (error) {
    return [{ ...(unmeasured("")[0] as Row), missing: { guest: reasonOf(error) } }];
  } finally {
    await Promise.all(running.map((server) => server.stop()));
  }
  const [one = [], two = []] = shardCounts.map((shards) => capacities.get(shards));
  const gains = two.map((capacity, round) => capacity / (one[round] ?? Number.NaN));
  const row = (name: string, unit: string, values: number[]): Row => {
    const readings = { guest: { value: median(values), rounds: values } };
    return { group, name: `${protocol} ${name}`, unit, smallerIsBetter: false, readings, missing: {} };
  };
  return [
    row("1 shard, capacity", "op/s", one),
    row("2 shards, capacity", "op/s", two),
    row("2 shards, capacity to 1 shard", "times", gains),
  ];
}

async function measure(
  generator: LoadGenerator,
  { pid, port }: ServerProcess,
  load: GeneratedLoad,
  shards: number,
  through: readonly string[],
): Promise<number> {
  const before = threadCpuUs(pid);
  const { operations } = await generator.run(port, load, { through });
  const used = [...threadCpuUs(pid)].map(([thread, us]) => us - (before.get(thread) ?? 0));
  const evenUs = used.reduce((sum, us) => sum + us, 0) / shards;
  return operations / (Math.max(evenUs, ...used) / 1e6);
}
