/** The benchmark's own parts: reading reports, medians and ratios, /proc; and that the baseline is an honest opponent. */
import { expect, test } from "vitest";
import { seededRandom, testSeed } from "../guests/redis/redis-machine.ts";
import { RespConnection } from "../guests/redis/resp-connection.ts";
import { missingProgram, type ServerProcess, startBaseline, startNative } from "../server-process.ts";
import { type LoadCase, runContest } from "./contest.ts";
import { parseReport } from "./load.ts";
import { parseMemcaslap } from "./memcached-c-rows.ts";
import { cpuTimeUs, missingProc } from "./proc.ts";
import { median, type Row, ratio, type Side } from "./row.ts";
import { renderMissing, renderTable } from "./table.ts";

const report = `
====== SET ======
  1000 requests completed in 0.01 seconds

Latency by percentile distribution:
0.000% <= 0.111 milliseconds (cumulative count 16)
50.000% <= 0.503 milliseconds (cumulative count 520)
99.805% <= 2.471 milliseconds (cumulative count 998)
99.902% <= 2.751 milliseconds (cumulative count 999)
100.000% <= 2.943 milliseconds (cumulative count 1000)

Cumulative distribution of latencies:
0.000% <= 0.103 milliseconds (cumulative count 0)
100.000% <= 3.103 milliseconds (cumulative count 1000)

Summary:
  throughput summary: 495049.50 requests per second
  latency summary (msec):
          avg       min       p50       p95       p99       max
        1.556     0.104     0.503     2.079     2.191     2.943
`;

test("a report of redis-benchmark is read", () => {
  expect(parseReport(report)).toEqual({ requestsPerSecond: 495049.5, p50Ms: 0.503, p99Ms: 2.191, p999Ms: 2.751 });
  expect(() => parseReport("Could not connect to Redis")).toThrow(/not understood/);
});

test("a report of memcaslap is read; one with misses does not count", () => {
  const text = `cmd_get: 199968
cmd_set: 49152
get_misses: 0
written_bytes: 56352960

Run time: 3.7s Ops: 249120 TPS: 67608 Net_rate: 69.7M/s
`;
  expect(parseMemcaslap(text)).toEqual({ operations: 249120, requestsPerSecond: 67608 });
  expect(() => parseMemcaslap(text.replace("misses: 0", "misses: 12"))).toThrow(/missed 12 keys/);
  expect(() => parseMemcaslap(text.replace("Ops: 249120", "Ops: 0"))).toThrow(/not understood/);
  expect(() => parseMemcaslap("Please specify the item window size. :-)")).toThrow(/not understood/);
});

test("a contest: a warm-up that does not count, interleaved rounds, a server that fails is out", async () => {
  const order: string[] = [];
  const server = (side: Side, port: number) => async (): Promise<ServerProcess> => ({
    ...{ name: side, port, pid: process.pid, firstPongMs: 0, output: () => "", exited: new Promise<never>(() => {}) },
    stop: async () => order.push(`stop ${side}`),
    kill: async () => {},
  });
  let runs = 0;
  const load: LoadCase = {
    name: "load",
    async run(port) {
      order.push(`run ${port}`);
      if (port === 2 && order.filter((step) => step === "run 2").length === 3) throw new Error("it died");
      return { operations: 10, requestsPerSecond: ++runs };
    },
  };
  const start = { guest: server("guest", 1), native: server("native", 2) };
  const missing = { baseline: "not here" };
  const rows = await runContest({ group: "g", start, missing, cases: [[load]], rounds: 3 }, () => {});
  expect(order).toEqual(
    ["run 1", "run 2", "run 1", "run 2", "run 1", "run 2", "stop native", "run 1", "stop guest"], // the third of native fails
  );
  expect(rows.map(({ name }) => name)).toEqual(["load", "load server CPU"]);
  expect(rows[0]?.readings).toEqual({ guest: { value: 5, rounds: [3, 5, 6] } });
  expect(rows[0]?.missing).toEqual({ baseline: "not here", native: "it died" });
});

test("medians, ratios and the table", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(() => median([])).toThrow(RangeError);
  const row: Row = {
    group: "redis",
    name: "P=1 SET",
    unit: "µs/op",
    smallerIsBetter: true,
    readings: { guest: { value: 3 }, baseline: { value: 6 } },
    missing: { native: "redis-server is not installed" },
  };
  expect(ratio(row, "baseline")).toBe(0.5);
  expect(ratio(row, "native")).toBeUndefined();
  expect(renderTable([row])).toMatch(/P=1 SET.*3\.00.*6\.00.*n\/a.*0\.50×/);
  expect(renderMissing([row])).toBe("not available: native: redis-server is not installed (redis)");
});

test.skipIf(missingProc())("CPU time of a process grows with its work", () => {
  const before = cpuTimeUs(process.pid);
  // Work, not time: on a busy machine little of 60 ms may be ours.
  const { user } = process.cpuUsage();
  while (process.cpuUsage().user - user < 60_000);
  const used = cpuTimeUs(process.pid) - before;
  expect(used).toBeGreaterThanOrEqual(20_000);
  expect(used).toBeLessThan(2_000_000);
});

const noNative = missingProgram("redis-server");
if (noNative) console.log(`baseline against Redis: ${noNative}; apt-get install redis-server enables this test`);

test.skipIf(noNative)("the baseline answers 20,000 random commands as Redis does", { timeout: 60_000 }, async () => {
  const seed = testSeed();
  console.log(`baseline: TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const [baseline, native] = [await startBaseline(), await startNative()];
  try {
    const [ours, theirs] = [await RespConnection.open(baseline.port), await RespConnection.open(native.port)];
    const key = (): string => `${"slhez"[random(5)]}${random(6)}`;
    const word = (): string => `w${random(40)}`;
    const number = (): number => random(200) - 100;
    const commands: (() => (string | number)[])[] = [
      () => ["SET", key(), number()],
      () => ["SET", key(), word(), ["NX", "XX", "GET", "KEEPTTL"][random(4)] ?? "NX"],
      () => ["SET", key(), word(), "EX", random(5) * 1000],
      () => ["GET", key()],
      () => ["INCR", key()],
      () => ["INCRBY", key(), number()],
      () => ["APPEND", key(), word()],
      () => ["GETRANGE", key(), number(), number()],
      () => ["SETRANGE", key(), random(10), word()],
      () => ["MGET", key(), key(), key()],
      () => ["LPUSH", key(), word(), word()],
      () => ["RPUSH", key(), word()],
      () => ["LPOP", key()],
      () => ["RPOP", key(), random(3)],
      () => ["LRANGE", key(), number(), number()],
      () => ["LINDEX", key(), number()],
      () => ["HSET", key(), word(), word()],
      () => ["HGET", key(), word()],
      () => ["HDEL", key(), word(), word()],
      () => ["HINCRBY", key(), word(), number()],
      () => ["HMGET", key(), word(), word()],
      () => ["SADD", key(), word(), word()],
      () => ["SREM", key(), word()],
      () => ["SISMEMBER", key(), word()],
      () => ["ZADD", key(), number(), word(), number() / 4, word()],
      () => ["ZADD", key(), ["NX", "XX", "CH"][random(3)] ?? "CH", number(), word()],
      () => ["ZINCRBY", key(), number(), word()],
      () => ["ZRANGE", key(), number(), number(), "WITHSCORES"],
      () => ["ZRANGEBYSCORE", key(), `(${number()}`, "+inf"],
      () => ["ZRANK", key(), word()],
      () => ["ZSCORE", key(), word()],
      () => ["ZPOPMIN", key(), random(3)],
      () => ["ZREM", key(), word()],
      () => ["DEL", key(), key()],
      () => ["EXISTS", key(), key()],
      () => ["TYPE", key()],
      () => ["TTL", key()],
      () => ["EXPIRE", key(), 1000 + random(1000)],
      () => ["PERSIST", key()],
      () => ["RENAME", key(), key()],
      () => ["MULTI"],
      () => ["EXEC"],
      () => ["DBSIZE"],
    ];
    for (let round = 0; round < 20_000; round++) {
      const args = commands[random(commands.length)]?.() ?? ["PING"];
      const [mine, expected] = await Promise.all([ours.call(...args), theirs.call(...args)]);
      const context = `seed ${seed}, round ${round}: ${args.join(" ")}`;
      // A time to live may tick between the two; error texts may differ, their kind may not.
      if (args[0] === "TTL" && Number(expected) > 0)
        expect(Math.abs(Number(mine) - Number(expected)), context).toBeLessThan(2);
      else if (expected instanceof Error)
        expect(String(mine).split(" ")[1], context).toBe(String(expected).split(" ")[1]);
      else expect(comparable(mine), context).toEqual(comparable(expected));
    }
  } finally {
    await Promise.all([baseline.kill(), native.kill()]);
  }
});

/** Errors inside an EXEC's reply by their kind, times to live roughly. */
function comparable(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(comparable);
  if (reply instanceof Error) return reply.message.split(" ")[0];
  return typeof reply === "number" && reply > 900 ? "about" : reply;
}
