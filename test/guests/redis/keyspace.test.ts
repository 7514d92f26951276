/** Expiry, and SCAN over a hundred thousand keys while others write. */
import { Redis } from "ioredis";
import { afterAll, beforeEach, expect, test } from "vitest";
import { eventually, sharedRedis } from "./redis-machine.ts";

const machine = await sharedRedis();
const redis = new Redis({ port: machine.port });
afterAll(() => redis.disconnect());
beforeEach(() => redis.flushall());

test("a key is gone the moment its time is up, not before", async () => {
  await redis.set("short", "1", "PX", 200);
  expect(await redis.pttl("short")).toBeGreaterThan(100);
  expect(await redis.get("short")).toBe("1");
  await new Promise((resolve) => setTimeout(resolve, 230));
  expect(await redis.get("short")).toBeNull();
  expect(await redis.ttl("short")).toBe(-2);
});

test("keys that nobody touches are removed all the same", async () => {
  const pipeline = redis.pipeline();
  for (let index = 0; index < 20_000; index++) pipeline.set(`due:${index}`, index, "PX", 100 + (index % 100));
  pipeline.set("stays", "1");
  await pipeline.exec();
  await eventually("only one key is left", async () => (await redis.dbsize()) === 1, 10_000);
  expect(Number(/expired_keys:(\d+)/.exec(await redis.info("stats"))?.[1])).toBeGreaterThanOrEqual(20_000);
});

test("EXPIRE options, PERSIST, EXPIREAT in the past, EXPIRETIME", async () => {
  await redis.set("k", "v");
  expect(await redis.expire("k", 100, "XX")).toBe(0);
  expect(await redis.expire("k", 100, "NX")).toBe(1);
  expect(await redis.expire("k", 50, "GT")).toBe(0);
  expect(await redis.expire("k", 50, "LT")).toBe(1);
  expect(await redis.ttl("k")).toBeLessThanOrEqual(50);
  expect(await redis.persist("k")).toBe(1);
  expect(await redis.ttl("k")).toBe(-1);
  expect(await redis.expireat("k", 4102444800)).toBe(1);
  expect(await redis.call("EXPIRETIME", "k")).toBe(4102444800);
  expect(await redis.expireat("k", 1)).toBe(1);
  expect(await redis.exists("k")).toBe(0);
});

test("writing keeps or drops a time to live as Redis does", async () => {
  await redis.set("k", "1", "EX", 100);
  await redis.incr("k");
  await redis.append("k", "0");
  expect(await redis.ttl("k")).toBeGreaterThan(0);
  await redis.set("k", "2", "KEEPTTL");
  expect(await redis.ttl("k")).toBeGreaterThan(0);
  await redis.rename("k", "k2");
  expect(await redis.ttl("k2")).toBeGreaterThan(0);
  await redis.set("k2", "3");
  expect(await redis.ttl("k2")).toBe(-1);
});

test("SCAN over 100,000 keys while they change sees every key that stays", { timeout: 60_000 }, async () => {
  const total = 100_000;
  for (let from = 0; from < total; from += 10_000) {
    const pairs: string[] = [];
    for (let index = from; index < from + 10_000; index++) pairs.push(`stay:${index}`, "1");
    await redis.mset(...pairs);
  }
  const writer = new Redis({ port: machine.port });
  let writing = true;
  let written = 0;
  const churn = (async () => {
    // Grows and shrinks the table, so that it is rehashed while the cursor walks it.
    for (let round = 0; writing; round++) {
      const keys = Array.from({ length: 500 }, (_, index) => `churn:${round}:${index}`);
      await writer.mset(...keys.flatMap((key) => [key, "x"]));
      if (round % 3 === 2) await writer.del(...keys, ...keys.map((key) => key.replace(`:${round}:`, `:${round - 1}:`)));
      written += keys.length;
    }
  })();
  const seen = new Set<string>();
  let cursor = "0";
  let returned = 0;
  do {
    const [next, keys] = await redis.scan(cursor, "COUNT", 200);
    cursor = next;
    for (const key of keys) {
      returned++;
      if (key.startsWith("stay:")) seen.add(key);
    }
  } while (cursor !== "0");
  writing = false;
  await churn;
  writer.disconnect();
  expect(seen.size).toBe(total);
  expect(written).toBeGreaterThan(1000);
  // Duplicates are allowed, an endless walk is not.
  expect(returned).toBeLessThan(4 * total + 2 * written);
});

test("SCAN with MATCH and TYPE, HSCAN, SSCAN and ZSCAN see all of a big collection", async () => {
  const members = Array.from({ length: 5000 }, (_, index) => `m${index}`);
  await redis.sadd("set", ...members);
  await redis.zadd("zset", ...members.flatMap((member, index) => [index, member]));
  await redis.hset("hash", Object.fromEntries(members.map((member, index) => [member, String(index)])));
  const collect = async (stream: NodeJS.ReadableStream): Promise<string[]> => {
    const found: string[] = [];
    for await (const batch of stream) found.push(...(batch as unknown as string[]));
    return found;
  };
  expect(new Set(await collect(redis.sscanStream("set"))).size).toBe(5000);
  expect(new Set((await collect(redis.zscanStream("zset"))).filter((_, index) => index % 2 === 0)).size).toBe(5000);
  const hash = await collect(redis.hscanStream("hash", { match: "m1*" }));
  expect(new Set(hash.filter((_, index) => index % 2 === 0)).size).toBe(1111);
  expect(await collect(redis.scanStream({ match: "*", type: "zset" }))).toEqual(["zset"]);
});
