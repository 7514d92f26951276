/** DUMP and RESTORE of every type and encoding, and SORT in all its forms. */
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { sharedRedis } from "./redis-machine.ts";
import { type Reply, RespConnection } from "./resp-connection.ts";

const machine = await sharedRedis();
const connection = await RespConnection.open(machine.port);
afterAll(() => connection.close());
beforeEach(() => connection.call("FLUSHALL"));
const call = (...args: (string | number | Buffer)[]): Promise<Reply> => connection.call(...args);

describe("DUMP and RESTORE", () => {
  const long = "x".repeat(70);
  const many = Array.from({ length: 300 }, (_, index) => `m${index}`);
  const values: [string, (string | number)[][], (string | number)[]][] = [
    ["a number", [["SET", "k", "-1234567"]], ["GET", "k"]],
    ["a string", [["SET", "k", "hello world"]], ["GET", "k"]],
    ["a compressible string", [["SET", "k", "ab".repeat(5000)]], ["GET", "k"]],
    ["a list", [["RPUSH", "k", "a", "1", long, "", "-5"]], ["LRANGE", "k", 0, -1]],
    ["a long list", [["RPUSH", "k", ...many, "z".repeat(20_000)]], ["LRANGE", "k", 0, -1]],
    ["an intset", [["SADD", "k", "1", "-70000", "9007199254740993"]], ["SORT", "k", "ALPHA"]],
    ["a set", [["SADD", "k", ...many]], ["SORT", "k", "ALPHA"]],
    ["a small hash", [["HSET", "k", "f", "v", "g", "12"]], ["HGETALL", "k"]],
    ["a big hash", [["HSET", "k", ...many.flatMap((m) => [m, long])]], ["HGET", "k", "m77"]],
    ["a small sorted set", [["ZADD", "k", "1.5", "a", "-inf", "b", "3", "c"]], ["ZRANGE", "k", 0, -1, "WITHSCORES"]],
    [
      "a big sorted set",
      [["ZADD", "k", ...many.flatMap((m, index) => [index / 3, m])]],
      ["ZRANGE", "k", 0, -1, "WITHSCORES"],
    ],
  ];
  test.each(values)("%s comes back as it was", async (_, make, read) => {
    for (const request of make) await call(...request);
    const encoding = await call("OBJECT", "ENCODING", "k");
    const before = await call(...read);
    const payload = Buffer.from(String(await call("DUMP", "k")), "latin1");
    await call("DEL", "k");
    expect(await call("RESTORE", "k", 0, payload)).toBe("OK");
    expect(await call(...read)).toEqual(before);
    expect(await call("OBJECT", "ENCODING", "k")).toBe(encoding);
    expect(await call("TTL", "k")).toBe(-1);
  });

  test("options: REPLACE, a time to live, ABSTTL, IDLETIME; errors", async () => {
    await call("SET", "k", "v");
    const payload = Buffer.from(String(await call("DUMP", "k")), "latin1");
    expect(String(await call("RESTORE", "k", 0, payload))).toMatch(/BUSYKEY Target key name already exists/);
    expect(await call("RESTORE", "k", 5000, payload, "REPLACE")).toBe("OK");
    expect(Number(await call("PTTL", "k"))).toBeGreaterThan(4000);
    expect(await call("RESTORE", "k", Date.now() + 9000, payload, "REPLACE", "ABSTTL")).toBe("OK");
    expect(Number(await call("PTTL", "k"))).toBeLessThanOrEqual(9000);
    expect(await call("RESTORE", "k", 0, payload, "REPLACE", "IDLETIME", 1000)).toBe("OK");
    expect(Number(await call("OBJECT", "IDLETIME", "k"))).toBeGreaterThanOrEqual(1000);
    expect(await call("RESTORE", "gone", 1, payload, "ABSTTL")).toBe("OK");
    expect(await call("EXISTS", "gone")).toBe(0);
    expect(await call("DUMP", "none")).toBeNull();
    expect(String(await call("RESTORE", "x", -1, payload))).toMatch(/Invalid TTL value/);
    for (let at = 0; at < payload.length; at++) {
      const broken = Buffer.from(payload);
      broken[at] = (broken[at] ?? 0) ^ 1;
      expect(String(await call("RESTORE", "x", 0, broken)), `bit of byte ${at}`).toMatch(
        /DUMP payload version or checksum are wrong|Bad data format/,
      );
    }
    expect(String(await call("RESTORE", "x", 0, payload.subarray(0, 5)))).toMatch(/ERR/);
    expect(await call("EXISTS", "x")).toBe(0);
  });
});

describe("SORT", () => {
  beforeEach(async () => {
    await call("RPUSH", "l", "3", "1", "10", "2");
    await call("MSET", "w_1", "30", "w_2", "20", "w_3", "10", "w_10", "5", "o_1", "one", "o_2", "two", "o_3", "three");
    await call("HSET", "h_1", "f", "9");
    await call("HSET", "h_2", "f", "8");
  });

  test("by number, by text, both ways, a part of it", async () => {
    expect(await call("SORT", "l")).toEqual(["1", "2", "3", "10"]);
    expect(await call("SORT", "l", "ALPHA")).toEqual(["1", "10", "2", "3"]);
    expect(await call("SORT", "l", "DESC")).toEqual(["10", "3", "2", "1"]);
    expect(await call("SORT", "l", "LIMIT", 1, 2)).toEqual(["2", "3"]);
    expect(await call("SORT_RO", "l", "LIMIT", -5, 2)).toEqual(["1", "2"]);
  });

  test("BY weights in keys and hash fields, GET, nosort, STORE", async () => {
    expect(await call("SORT", "l", "BY", "w_*")).toEqual(["10", "3", "2", "1"]);
    expect(await call("SORT", "l", "BY", "w_*", "GET", "#", "GET", "o_*")).toEqual([
      "10",
      null,
      "3",
      "three",
      "2",
      "two",
      "1",
      "one",
    ]);
    expect(await call("SORT", "l", "BY", "h_*->f")).toEqual(["10", "3", "2", "1"]);
    expect(await call("SORT", "l", "BY", "nosort")).toEqual(["3", "1", "10", "2"]);
    expect(await call("SORT", "l", "BY", "w_*", "GET", "o_*", "STORE", "to")).toBe(4);
    expect(await call("LRANGE", "to", 0, -1)).toEqual(["", "three", "two", "one"]);
    expect(await call("SORT", "none", "STORE", "to")).toBe(0);
    expect(await call("EXISTS", "to")).toBe(0);
  });

  test("sets and sorted sets; what is no number or no collection", async () => {
    await call("SADD", "s", "b", "a", "c");
    expect(await call("SORT", "s", "ALPHA", "DESC")).toEqual(["c", "b", "a"]);
    await call("ZADD", "z", "3", "x", "1", "y", "2", "w");
    expect(await call("SORT", "z", "BY", "nosort")).toEqual(["y", "w", "x"]);
    expect(await call("SORT", "z", "BY", "nosort", "DESC", "LIMIT", 0, 2)).toEqual(["x", "w"]);
    expect(String(await call("SORT", "s"))).toMatch(/One or more scores can't be converted into double/);
    expect(String(await call("SORT", "w_1"))).toMatch(/WRONGTYPE/);
    expect(String(await call("SORT_RO", "l", "STORE", "to"))).toMatch(/syntax error/);
  });
});
