/**
 * The load generator against servers whose answers are known: what it sends, what it counts, and that it measures nothing where a server
 * answers wrongly, has lost a key, or goes away.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, expect, test } from "vitest";
import { type ServerProcess, startBaseline, startBaselineMemcached } from "../server-process.ts";
import { buildLoadGenerator, type GeneratedLoad, loadArguments, readLoadReport } from "./load-generator.ts";

const built = buildLoadGenerator();
const missing = typeof built === "string" ? built : undefined;
if (missing) console.log(`${missing} (Debian: apt-get install gcc libc6-dev)`);
const run = (port: number, load: GeneratedLoad) => {
  if (typeof built === "string") throw new Error(built);
  return built.run(port, load);
};

const running: ServerProcess[] = [];
const listening: Server[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.kill()));
  for (const server of listening.splice(0)) server.close();
});
afterAll(() => {
  if (typeof built !== "string") built.remove();
});

/** A server in this process that hands every chunk, as latin1, to `onText`. */
async function serve(onText: (text: string, socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on("data", (chunk) => onText(chunk.toString("latin1"), socket));
    socket.on("error", () => socket.destroy());
  });
  listening.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const small = { keys: 1000, valueBytes: 32, connections: 7 };

test("arguments of a load", () => {
  expect(loadArguments(7, { ...small, protocol: "redis", amount: { requests: 9 } })).toEqual(
    ["port=7", "protocol=redis", "keys=1000", "value=32", "connections=7", "requests=9"], //
  );
  expect(loadArguments(7, { keys: 1, valueBytes: 0, amount: { rate: 5, seconds: 2, warmupSeconds: 1 } })).toEqual(
    ["port=7", "keys=1", "value=0", "rate=5", "seconds=2", "warmup=1"], //
  );
});

test("a report is read; one with missing keys or lost datagrams is none", () => {
  const latencyUs = { p50: 100, p90: 200, p99: 1500, p999: 2000, max: 2500 };
  const report = { requests: 100, keys: 1600, misses: 0, lost: 1, seconds: 0.5, latencyUs };
  const latency = { p50Ms: 0.1, p99Ms: 1.5, p999Ms: 2 };
  expect(readLoadReport(JSON.stringify(report))).toEqual({ operations: 1600, requestsPerSecond: 200, latency });
  expect(() => readLoadReport(JSON.stringify({ ...report, misses: 3 }))).toThrow("3 of 1600 keys were missing");
  expect(() => readLoadReport(JSON.stringify({ ...report, lost: 2 }))).toThrow("2 datagrams lost, 100 answered");
});

test.skipIf(missing)("memcached: fill, get, multi-get, pipelines, sets, UDP, two threads, a fixed rate", async () => {
  const { port } = running[running.push(await startBaselineMemcached()) - 1] as ServerProcess;
  expect((await run(port, { ...small, pipeline: 16, threads: 2, amount: { fill: true } })).operations).toBe(1000);
  const requests = 2003;
  expect((await run(port, { ...small, amount: { requests } })).operations).toBe(requests);
  expect((await run(port, { ...small, multi: 16, amount: { requests } })).operations).toBe(requests * 16);
  expect((await run(port, { ...small, multi: 100, pipeline: 5, amount: { requests } })).operations).toBe(
    requests * 100,
  );
  expect((await run(port, { ...small, setPercent: 100, pipeline: 16, amount: { requests } })).operations).toBe(
    requests,
  );
  expect((await run(port, { ...small, setPercent: 50, threads: 2, amount: { requests } })).operations).toBe(requests);
  const datagrams = await run(port, { ...small, protocol: "memcached-udp", amount: { requests } });
  expect(datagrams.operations).toBeGreaterThanOrEqual(requests * 0.99);
  const atRate = { ...small, setPercent: 50, amount: { rate: 1000, seconds: 1, warmupSeconds: 0.1 } };
  expect((await run(port, atRate)).operations).toBeGreaterThanOrEqual(999);
});

test.skipIf(missing)("Redis: set, get, pipelines; a key that is not there is found out", async () => {
  const { port } = running[running.push(await startBaseline()) - 1] as ServerProcess;
  const load = { ...small, protocol: "redis", pipeline: 16 } as const;
  expect((await run(port, { ...load, amount: { fill: true } })).operations).toBe(1000);
  expect((await run(port, { ...load, amount: { requests: 5000 } })).operations).toBe(5000);
  await expect(run(port, { ...load, keys: 2000, amount: { requests: 5000 } })).rejects.toThrow(/keys were missing/);
});

test.skipIf(missing)("requests as they are on the wire, one packet each, and a pipeline in one write", async () => {
  const chunks: string[] = [];
  const port = await serve((text, socket) => {
    chunks.push(text);
    socket.write("STORED\r\n".repeat(text.match(/set /g)?.length ?? 0));
  });
  const load = { keys: 3, valueBytes: 20, connections: 1 };
  await run(port, { ...load, amount: { fill: true } });
  const set = (key: string) => `set ${key} 0 0 20\r\n${key}xxxx\r\n`;
  const all = ["key:000000000000", "key:000000000001", "key:000000000002"].map(set);
  expect(chunks).toEqual(all);
  chunks.length = 0;
  await run(port, { ...load, pipeline: 3, amount: { fill: true } });
  expect(chunks).toEqual([all.join("")]);
});

test.skipIf(missing)("wrong answers, too many, and none are no measurement", async () => {
  const load = { ...small, connections: 1, amount: { requests: 10 } };
  const answers: [string, RegExp][] = [
    ["SERVER_ERROR out of memory\r\n", /unexpected reply: SERVER_ERROR/],
    ["VALUE key:999999999999 0 32\r\nkey:000000000000xxxxxxxxxxxxxxxx\r\nEND\r\n", /unexpected reply: VALUE/],
    ["VALUE key:000000000000 0 3\r\nkey\r\nEND\r\n", /unexpected reply: VALUE/],
    ["END\r\nEND\r\n", /more than it was asked for/],
    ["END\r\n", /10 of 10 keys were missing/],
  ];
  for (const [answer, error] of answers) {
    const port = await serve((_, socket) => socket.write(answer));
    await expect(run(port, load), answer).rejects.toThrow(error);
  }
  const port = await serve((_, socket) => socket.end());
  await expect(run(port, load)).rejects.toThrow(/closed a connection/);
  for (const server of listening.splice(0)) server.close();
  await expect(run(port, load)).rejects.toThrow(/connect to port/);
});

test.skipIf(missing)("a datagram without an answer is lost, not served", async () => {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const load = { ...small, protocol: "memcached-udp", amount: { requests: 14 } } as const;
  await expect(run(socket.address().port, load)).rejects.toThrow("14 datagrams lost, 0 answered");
  socket.close();
});

test.skipIf(missing)("at a fixed rate, a pause of the server hits every request that was due in it", async () => {
  // One pause of half a second within one second of load: half of the requests wait, on average a quarter of a second.
  const pauseMs = 500;
  let paused = false;
  const port = await serve((text, socket) => {
    if (!paused) {
      paused = true;
      const until = performance.now() + pauseMs;
      while (performance.now() < until);
    }
    socket.write("STORED\r\n".repeat(text.match(/set /g)?.length ?? 0));
  });
  const load = { ...small, setPercent: 100, amount: { rate: 1000, seconds: 1, warmupSeconds: 0 } };
  const { latency } = await run(port, load);
  expect(latency?.p99Ms).toBeGreaterThan(pauseMs * 0.9);
  // In a closed loop only the seven requests under way would have noticed.
  expect(latency?.p999Ms).toBeGreaterThan(pauseMs * 0.9);
});
