/**
 * Rows of Redis: our own image against plain Node and Debian's redis-server, and the real Redis in Ringzero (the `redis-server` image)
 * against the same program, native. Before each test the data set is emptied, except before GET, which reads what SET has written.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { missingProgram, startBaseline, startGuest, startNative } from "../server-process.ts";
import { type Contest, type LoadCase, runContest } from "./contest.ts";
import { type Load, type LoadTest, loadTests, runLoad } from "./load.ts";
import type { Row, Side } from "./row.ts";

const clients = 50;
/** Requests a round: about a second each for a server of a million requests a second. */
const requestsFull: Readonly<Record<number, number>> = { 1: 100_000, 16: 800_000, 100: 1_500_000 };
const requestsQuick: Readonly<Record<number, number>> = { 1: 20_000, 16: 100_000, 100: 200_000 };
const testsQuick: readonly LoadTest[] = ["SET", "GET", "ZADD"];
/** What a server of either kind is started with where nothing of it is to be saved. */
const savesNothing = ["--save", "", "--appendonly", "no"];

interface Options {
  readonly quick: boolean;
  readonly rounds: number;
}

/** The `redis` image. */
export function redisRows(
  options: Options,
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const start = { guest: () => startGuest(), baseline: () => startBaseline(), native: () => startNative() };
  const contest = { group: `redis, ${clients} connections, random keys`, start };
  return redisContest(contest, "", [1, 16, 100], options, (name) => wanted(`redis ${name}`), progress);
}

/** The `redis-server` image: the same program on both sides. */
export function redisServerRows(
  options: Options,
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const start = {
    guest: () => startGuest({ image: "redis-server", args: savesNothing }),
    native: () => startNative(savesNothing),
  };
  const contest = { group: `redis-server (the real Redis), ${clients} connections, random keys`, start };
  return redisContest(contest, "redis-server ", [1, 16], options, wanted, progress);
}

async function redisContest(
  { group, start }: Pick<Contest, "group" | "start">,
  prefix: string,
  pipelines: readonly number[],
  { quick, rounds }: Options,
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const cases = pipelines.map((pipeline) =>
    (quick ? testsQuick : loadTests)
      .map((test) => {
        const requests = (quick ? requestsQuick : requestsFull)[pipeline] ?? 100_000;
        return loadCase(`${prefix}P=${pipeline} ${test}`, { test, pipeline, clients, requests });
      })
      .filter(({ name }) => wanted(name)),
  );
  if (cases.flat().length === 0) return [];
  const missing: Partial<Record<Side, string>> = {};
  const noLoad = missingProgram("redis-benchmark");
  const noNative = missingProgram("redis-server");
  if (noNative) missing.native = noNative;
  if (noLoad) for (const side of Object.keys(start) as Side[]) missing[side] = noLoad;
  return runContest({ group, start, missing, cases, rounds }, progress);
}

function loadCase(name: string, load: Load): LoadCase {
  return {
    name,
    prepare: (port) => (load.test === "GET" ? Promise.resolve() : flush(port)),
    async run(port, warmUp) {
      const requests = warmUp ? load.requests / 2 : load.requests;
      const { requestsPerSecond, ...latency } = await runLoad(port, { ...load, requests });
      return { operations: requests, requestsPerSecond, latency };
    },
  };
}

async function flush(port: number): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write("FLUSHALL\r\n");
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  if (!answer.toString().startsWith("+OK")) throw new Error(`FLUSHALL: ${answer}`);
}
