/** Pipelines, MULTI/EXEC and WATCH, as ioredis and node-redis use them. */
import { Redis } from "ioredis";
import { createClient, WatchError } from "redis";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { sharedRedis } from "./redis-machine.ts";

const machine = await sharedRedis();

describe("ioredis", () => {
  const redis = new Redis({ port: machine.port });
  afterAll(() => redis.disconnect());
  beforeEach(() => redis.flushall());

  test("a pipeline of 10,000 commands answers in order", async () => {
    const pipeline = redis.pipeline();
    for (let index = 0; index < 5000; index++) pipeline.set(`key:${index}`, `value:${index}`).get(`key:${index}`);
    const replies = (await pipeline.exec()) ?? [];
    expect(replies).toHaveLength(10_000);
    for (const [index, [error, value]] of replies.entries()) {
      expect(error).toBeNull();
      expect(value).toBe(index % 2 === 0 ? "OK" : `value:${index >> 1}`);
    }
  });

  test("an error in the middle of a pipeline concerns that command alone", async () => {
    const replies = (await redis.pipeline().set("text", "a").incr("text").lpush("text", "b").get("text").exec()) ?? [];
    expect(replies.map(([error]) => error?.message.split(" ")[0])).toEqual([undefined, "ERR", "WRONGTYPE", undefined]);
    expect(replies[3]?.[1]).toBe("a");
  });

  test("MULTI and EXEC answer every command's reply", async () => {
    const replies = await redis.multi().set("a", 1).incrby("a", 41).get("a").exec();
    expect(replies).toEqual([
      [null, "OK"],
      [null, 42],
      [null, "42"],
    ]);
  });

  test("a command that fails while it runs does not undo the others", async () => {
    const replies = (await redis.multi().set("a", "x").incr("a").set("b", "y").exec()) ?? [];
    expect(replies[1]?.[0]?.message).toMatch(/not an integer/);
    expect(await redis.mget("a", "b")).toEqual(["x", "y"]);
  });

  test("a command that cannot be queued aborts the transaction", async () => {
    await redis.call("MULTI");
    await expect(redis.call("GET")).rejects.toThrow(/wrong number of arguments/);
    await redis.call("SET", "a", "1");
    await expect(redis.call("EXEC")).rejects.toThrow(/EXECABORT/);
    expect(await redis.exists("a")).toBe(0);
  });

  test("DISCARD forgets the queue", async () => {
    await redis.call("MULTI");
    await redis.call("SET", "a", "1");
    await redis.call("DISCARD");
    expect(await redis.exists("a")).toBe(0);
    await expect(redis.call("EXEC")).rejects.toThrow(/EXEC without MULTI/);
  });

  test("WATCH: a write by somebody else makes EXEC answer null", async () => {
    const other = redis.duplicate();
    await redis.set("balance", 10);
    await redis.watch("balance");
    await other.set("balance", 20);
    expect(await redis.multi().set("balance", 11).exec()).toBeNull();
    expect(await redis.get("balance")).toBe("20");
    other.disconnect();
  });

  test("WATCH: a key that expires counts as changed; UNWATCH forgets", async () => {
    await redis.set("short", 1, "PX", 30);
    await redis.watch("short");
    await new Promise((resolve) => setTimeout(resolve, 60));
    // Redis decides by state: the key was there at WATCH and is not there at EXEC.
    expect(await redis.multi().set("other", 1).exec()).toBeNull();
    await redis.watch("other");
    await redis.unwatch();
    await redis.set("other", 2);
    expect(await redis.multi().get("other").exec()).toEqual([[null, "2"]]);
  });

  test("a hundred clients that increment under WATCH lose no update", async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => redis.duplicate()));
    await redis.set("counter", 0);
    await Promise.all(
      clients.map(async (client) => {
        for (let done = 0; done < 5; ) {
          await client.watch("counter");
          const value = Number(await client.get("counter"));
          if (
            await client
              .multi()
              .set("counter", value + 1)
              .exec()
          )
            done++;
        }
      }),
    );
    expect(await redis.get("counter")).toBe("100");
    for (const client of clients) client.disconnect();
  });
});

describe("node-redis", async () => {
  const redis = createClient({ socket: { port: machine.port, host: "127.0.0.1" } });
  await redis.connect();
  afterAll(() => redis.destroy());

  test("automatic pipelining keeps order", async () => {
    const replies = await Promise.all(Array.from({ length: 2000 }, (_, index) => redis.incrBy("auto", index % 3)));
    expect(replies.every((value, index) => index === 0 || value >= (replies[index - 1] ?? 0))).toBe(true);
    expect(replies.at(-1)).toBe(1999);
  });

  test("multi().exec() with mixed types", async () => {
    const replies = await redis
      .multi()
      .del("h")
      .hSet("h", { a: "1", b: "2" })
      .hGetAll("h")
      .zAdd("z", [
        { value: "one", score: 1 },
        { value: "half", score: 0.5 },
      ])
      .zRangeWithScores("z", 0, -1)
      .exec();
    expect({ ...(replies[2] as unknown as object) }).toEqual({ a: "1", b: "2" });
    expect(replies[4]).toEqual([
      { value: "half", score: 0.5 },
      { value: "one", score: 1 },
    ]);
  });

  test("WATCH conflict is a WatchError", async () => {
    const other = redis.duplicate();
    await other.connect();
    await redis.watch("watched");
    await other.set("watched", "theirs");
    await expect(redis.multi().set("watched", "mine").exec()).rejects.toThrow(WatchError);
    expect(await redis.get("watched")).toBe("theirs");
    other.destroy();
  });
});
