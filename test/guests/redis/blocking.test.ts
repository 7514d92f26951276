/** Blocking pops: who is served first, timeouts, and waiters that vanish. */
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeEach, expect, test } from "vitest";
import { eventually, sharedRedis } from "./redis-machine.ts";
import { RespConnection } from "./resp-connection.ts";

const machine = await sharedRedis();
const redis = new Redis({ port: machine.port });
const opened: Redis[] = [];
afterAll(() => {
  for (const client of [redis, ...opened]) client.disconnect();
});
beforeEach(() => redis.flushall());

function another(): Redis {
  const client = new Redis({ port: machine.port });
  opened.push(client);
  return client;
}

async function blockedClients(count: number): Promise<void> {
  await eventually(`${count} blocked clients`, async () =>
    (await redis.info("clients")).includes(`blocked_clients:${count}\r\n`),
  );
}

test("BLPOP serves waiters in the order in which they came", async () => {
  const waiters: Promise<[string, string] | null>[] = [];
  for (let index = 0; index < 5; index++) {
    waiters.push(another().blpop("queue", 0));
    await blockedClients(index + 1);
  }
  for (let index = 0; index < 5; index++) expect(await redis.rpush("queue", `job ${index}`)).toBeLessThanOrEqual(1);
  expect(await Promise.all(waiters)).toEqual(Array.from({ length: 5 }, (_, index) => ["queue", `job ${index}`]));
  expect(await redis.exists("queue")).toBe(0);
});

test("one push with several values serves several waiters and keeps the rest", async () => {
  const waiters = [another().blpop("queue", 0)];
  await blockedClients(1);
  waiters.push(another().blpop("queue", 0));
  await blockedClients(2);
  expect(await redis.rpush("queue", "a", "b", "c")).toBe(3);
  expect(await Promise.all(waiters)).toEqual([
    ["queue", "a"],
    ["queue", "b"],
  ]);
  expect(await redis.lrange("queue", 0, -1)).toEqual(["c"]);
});

test("BLPOP on several keys takes the first that has something", async () => {
  await redis.rpush("second", "2");
  await redis.rpush("third", "3");
  expect(await another().blpop("first", "second", "third", 1)).toEqual(["second", "2"]);
});

test("a timeout answers null after its time and not before, and leaves nothing behind", async () => {
  const startedMs = performance.now();
  expect(await another().brpop("nothing", 0.3)).toBeNull();
  const tookMs = performance.now() - startedMs;
  expect(tookMs).toBeGreaterThanOrEqual(295);
  expect(tookMs).toBeLessThan(1500);
  await redis.rpush("nothing", "kept");
  expect(await redis.llen("nothing")).toBe(1);
});

test("waiters with different timeouts: the patient one gets the value", async () => {
  const hasty = another().blpop("slow", 0.1);
  const patient = another().blpop("slow", 5);
  expect(await hasty).toBeNull();
  await redis.lpush("slow", "late");
  expect(await patient).toEqual(["slow", "late"]);
});

test("a waiter that disconnects is not served", async () => {
  const gone = await RespConnection.open(machine.port);
  gone.send("BLPOP", "queue", 0);
  await blockedClients(1);
  gone.close();
  await blockedClients(0);
  const waiting = another().blpop("queue", 5);
  await blockedClients(1);
  await redis.rpush("queue", "value");
  expect(await waiting).toEqual(["queue", "value"]);
});

test("BLMOVE moves atomically and wakes a waiter on the target", async () => {
  const end = another().blpop("target", 5);
  await blockedClients(1);
  const mover = another().blmove("source", "target", "LEFT", "RIGHT", 5);
  await blockedClients(2);
  await redis.rpush("source", "parcel");
  expect(await mover).toBe("parcel");
  expect(await end).toEqual(["target", "parcel"]);
});

test("BZPOPMIN and BZMPOP wait for a sorted set", async () => {
  const lowest = another().bzpopmin("scores", 5);
  await blockedClients(1);
  await redis.zadd("scores", 2, "two", 1, "one");
  expect(await lowest).toEqual(["scores", "one", "1"]);
  expect(await another().call("BZMPOP", 1, 2, "none", "scores", "MAX", "COUNT", 5)).toEqual(["scores", [["two", "2"]]]);
});

test("a push inside MULTI serves the waiter once the transaction is over", async () => {
  const waiting = another().blpop("queue", 5);
  await blockedClients(1);
  await redis.multi().rpush("queue", "a").lpush("queue", "b").exec();
  expect(await waiting).toEqual(["queue", "b"]);
});

test("BLPOP inside MULTI does not wait", async () => {
  const replies = await redis.multi().blpop("nothing", 0).exec();
  expect(replies).toEqual([[null, null]]);
});

test("CLIENT UNBLOCK wakes a waiter with nothing or with an error", async () => {
  const client = another();
  const id = await client.client("ID");
  const first = client.blpop("nothing", 0);
  await blockedClients(1);
  expect(await redis.client("UNBLOCK", id)).toBe(1);
  expect(await first).toBeNull();
  const second = client.blpop("nothing", 0);
  await blockedClients(1);
  expect(await redis.client("UNBLOCK", id, "ERROR")).toBe(1);
  await expect(second).rejects.toThrow(/UNBLOCKED/);
});

test("a hundred node-redis waiters share a hundred jobs", async () => {
  const clients = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const client = createClient({ socket: { port: machine.port, host: "127.0.0.1" } });
      await client.connect();
      return client;
    }),
  );
  const waiting = clients.map((client) => client.blPop("jobs", 10));
  await blockedClients(100);
  await redis.rpush("jobs", ...Array.from({ length: 60 }, (_, index) => String(index)));
  for (let index = 60; index < 100; index++) await redis.lpush("jobs", String(index));
  const served = (await Promise.all(waiting)).map((reply) => Number(reply?.element));
  expect(served.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
  for (const client of clients) client.destroy();
});
