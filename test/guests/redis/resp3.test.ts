/** RESP3 with node-redis and with ioredis, and on the wire. */
import { Redis } from "ioredis";
import { createClient } from "redis";
import { expect, test } from "vitest";
import { sharedRedis } from "./redis-machine.ts";
import { RespConnection } from "./resp-connection.ts";

const machine = await sharedRedis();

test("HELLO 3 answers a map and changes the types of replies", async () => {
  const connection = await RespConnection.open(machine.port);
  const hello = (await connection.call("HELLO", 3, "SETNAME", "three")) as Map<string, unknown>;
  expect(hello).toBeInstanceOf(Map);
  expect(hello.get("proto")).toBe(3);
  expect(hello.get("server")).toBe("redis");
  expect(hello.get("modules")).toEqual([]);
  expect(await connection.call("CLIENT", "GETNAME")).toBe("three");
  await connection.call("HSET", "h", "a", "1");
  expect(await connection.call("HGETALL", "h")).toEqual(new Map([["a", "1"]]));
  await connection.call("ZADD", "z", 1.5, "m");
  expect(await connection.call("ZSCORE", "z", "m")).toBe(1.5);
  expect(await connection.call("ZRANGE", "z", 0, -1, "WITHSCORES")).toEqual([["m", 1.5]]);
  expect(await connection.call("GET", "none")).toBeNull();
  connection.write("*3\r\n$4\r\nSADD\r\n$1\r\ns\r\n$1\r\nx\r\n*2\r\n$8\r\nSMEMBERS\r\n$1\r\ns\r\n");
  expect(await connection.read()).toBe(1);
  expect(await connection.read()).toEqual(["x"]);
  expect(await connection.call("HELLO", 2)).toBeInstanceOf(Array);
  expect(await connection.call("HGETALL", "h")).toEqual(["a", "1"]);
  expect(String(await connection.call("HELLO", 4))).toMatch(/NOPROTO/);
  connection.close();
});

test("node-redis with RESP 3", async () => {
  const client = createClient({ RESP: 3, socket: { port: machine.port, host: "127.0.0.1" } });
  await client.connect();
  await client.hSet("user", { name: "Ada", age: 36 });
  expect({ ...(await client.hGetAll("user")) }).toEqual({ name: "Ada", age: "36" });
  await client.zAdd("board", [
    { value: "a", score: 1.25 },
    { value: "b", score: Number.POSITIVE_INFINITY },
  ]);
  expect(await client.zScore("board", "a")).toBe(1.25);
  expect(await client.zRangeWithScores("board", 0, -1)).toEqual([
    { value: "a", score: 1.25 },
    { value: "b", score: Number.POSITIVE_INFINITY },
  ]);
  await client.sAdd("tags", ["x", "y"]);
  expect([...(await client.sMembers("tags"))].sort()).toEqual(["x", "y"]);
  expect(await client.get("missing")).toBeNull();
  expect(await client.incrByFloat("float", 0.1)).toBe("0.1");
  const config = await client.configGet("maxmemory*");
  expect(config.maxmemory).toBe("0");
  const commands = await client.commandCount();
  expect(commands).toBeGreaterThan(150);
  expect((await client.info("server")).includes("redis_version:")).toBe(true);
  client.destroy();
});

test("ioredis with protocol 3", async () => {
  const client = new Redis({ port: machine.port, protocol: 3 });
  await client.hset("io", { a: "1", b: "2" });
  expect(await client.hgetall("io")).toEqual({ a: "1", b: "2" });
  expect(await client.multi().set("k", "v").hgetall("io").exec()).toHaveLength(2);
  client.disconnect();
});
