/**
 * The redis image in several shards: to a client it is one Redis, but for keys of several shards in one request (CROSSSLOT).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { boot, type Machine, type ShardedMachine } from "../../../host/index.ts";
import { eventually, seededRandom, testSeed } from "./redis-machine.ts";
import { encode, type Reply, ReplyError, RespConnection } from "./resp-connection.ts";

const SHARDS = 3;
const CROSS = "CROSSSLOT Keys in request don't hash to the same slot";

let sharded: ShardedMachine;
const open: RespConnection[] = [];

async function connection(machine: Machine | ShardedMachine = sharded): Promise<RespConnection> {
  const opened = await RespConnection.open(machine.port(6379));
  open.push(opened);
  return opened;
}

/** Which shard serves a connection. */
async function shardOf(subject: RespConnection): Promise<number> {
  return Number(/shard:(\d)/.exec(String(await subject.call("INFO", "shards")))?.[1]);
}

/** A key of shard `shard`, by CRC16 as Redis Cluster has it. */
function keyOf(shard: number, name: string): string {
  for (let i = 0; ; i++) {
    const key = `{${i}}${name}`;
    let crc = 0;
    for (const byte of Buffer.from(String(i))) {
      crc ^= byte << 8;
      for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    }
    if (Math.floor(((crc & 16383) * SHARDS) / 16384) === shard) return key;
  }
}

/** Two connections to different shards, and a key that is foreign to the first one and own to the second. */
async function pair(): Promise<{
  a: RespConnection;
  b: RespConnection;
  foreign: (name: string) => string;
  own: (name: string) => string;
}> {
  const a = await connection();
  const home = await shardOf(a);
  for (;;) {
    const b = await connection();
    const other = await shardOf(b);
    if (other !== home) return { a, b, foreign: (name) => keyOf(other, name), own: (name) => keyOf(home, name) };
  }
}

async function pipeline(subject: RespConnection, requests: (string | number)[][]): Promise<Reply[]> {
  subject.write(Buffer.concat(requests.map((request) => encode(request))));
  const replies: Reply[] = [];
  for (let i = 0; i < requests.length; i++) replies.push(await subject.read());
  return replies;
}

const isError = (reply: Reply | undefined, text: string): boolean =>
  reply instanceof ReplyError && reply.message.startsWith(text);

beforeAll(async () => {
  sharded = await boot("redis", { shards: SHARDS, publish: { 6379: 0 } });
});
afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  const c = await RespConnection.open(sharded.port(6379));
  expect(await c.call("FLUSHALL")).toBe("OK");
  c.close();
});
afterAll(async () => {
  expect(await sharded.stop()).toEqual({ code: 0, reason: null });
});

describe("redis in shards", () => {
  it("has CRC16 as Redis Cluster has it", async () => {
    const c = await connection();
    for (const key of ["foo", "{user1000}.following", "foo{}{bar}", "foo{{bar}}zap", "123456789"]) {
      expect(await c.call("SET", key, key)).toBe("OK");
      expect(await c.call("GET", key)).toBe(key);
    }
    expect(await c.call("MSET", "{user1000}.a", 1, "b{user1000}", 2)).toBe("OK");
    expect(await c.call("MGET", "{user1000}.a", "b{user1000}", "{user1000}")).toEqual(["1", "2", null]);
  });

  it("answers what one machine answers, pipelined, whatever the order", { timeout: 60_000 }, async () => {
    const seed = testSeed();
    console.log(`redis shards: TEST_SEED=${seed}`);
    const random = seededRandom(seed);
    const single = await boot("redis", { publish: { 6379: 0 } });
    const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
    const key = (): string => pick(["a", "b", "c", "d", "e", "{t}1", "{t}2", "{t}3", "{u}1", "{u}2"]) + pick(["", "x"]);
    const value = (): string => (random(20) === 0 ? "v".repeat(random(60_000)) : String(random(100)));
    const ordinary: (() => (string | number)[])[] = [
      () => ["SET", key(), value()],
      () => ["GET", key()],
      () => ["INCR", key()],
      () => ["APPEND", key(), value()],
      () => ["DEL", key(), key()],
      () => ["EXISTS", key()],
      () => ["MGET", key(), key()],
      () => ["MSET", key(), value(), key(), value()],
      () => ["RPUSH", key(), value(), value()],
      () => ["LRANGE", key(), 0, -1],
      () => ["LMOVE", key(), key(), "LEFT", "RIGHT"],
      () => ["SADD", key(), random(9), random(9)],
      () => ["SINTERCARD", 2, key(), key()],
      () => ["SUNIONSTORE", key(), key(), key()],
      () => ["HSET", key(), random(5), value()],
      () => ["HGET", key(), random(5)],
      () => ["ZADD", key(), random(9), random(9)],
      () => ["ZRANGE", key(), 0, -1, "WITHSCORES"],
      () => ["ZUNION", 2, key(), key()],
      () => ["RENAME", key(), key()],
      () => ["COPY", key(), key(), "REPLACE"],
      () => ["OBJECT", "ENCODING", key()],
      () => ["TYPE", key()],
      () => ["EXPIRE", key(), 1000],
      () => ["PERSIST", key()],
      () => ["SORT", key(), "ALPHA"],
      () => ["DBSIZE"],
      () => ["PING"],
      () => ["ECHO", value()],
      () => ["SELECT", random(3)],
      () => ["NOSUCH", key()],
      () => ["GET"],
      () => ["LMPOP", 2, key(), key(), "LEFT"],
      () => ["LMPOP", "x", key(), "LEFT"],
      () => ["BLPOP", key(), 0.001],
      () => ["PUBLISH", key(), value()],
      () => ["PUBSUB", "NUMSUB", "one", "two"],
      () => ["XADD", key(), `${1 + random(50)}-1`, "f", value()],
      () => ["XREAD", "COUNT", 2, "STREAMS", key(), key(), 0, 0],
      () => ["GETRANGE", key(), 0, 10],
    ];
    const rare: (() => (string | number)[])[] = [
      () => ["FLUSHDB"],
      () => ["SWAPDB", 0, 1],
      () => ["KEYS", "*"],
      () => ["FLUSHALL"],
    ];
    const sortedKeys = (reply: Reply | undefined, request: readonly unknown[] | undefined): Reply | undefined =>
      request?.[0] === "KEYS" && Array.isArray(reply) ? [...reply].sort() : reply;
    try {
      const one = await connection(single);
      const many = await connection();
      for (const c of [one, many]) if (random(2)) await c.call("HELLO", 3);
      await one.call("HELLO", 2);
      await many.call("HELLO", 2);
      let crossed = 0;
      for (let round = 0; round < 150; round++) {
        let requests: (string | number)[][] = [];
        for (let i = 1 + random(40); i > 0; i--) requests.push(random(15) === 0 ? pick(rare)() : pick(ordinary)());
        if (random(4) === 0) {
          // A transaction on one tag, or one that is refused.
          const tag = pick(["{t}1", "{t}2", "{u}1"]);
          const inside = Array.from({ length: random(5) }, () =>
            pick([["INCR", tag], ["GET", tag], ["RPUSH", `${tag}l`, 1], ["PING"], ["SELECT", 1]]),
          );
          requests = [
            ...requests,
            ...(random(2) ? [["WATCH", tag]] : []),
            ["MULTI"],
            ...inside,
            [pick(["EXEC", "EXEC", "DISCARD"])],
          ];
        }
        const got = await pipeline(many, requests);
        const refused = got.map((reply) => isError(reply, "CROSSSLOT"));
        crossed += refused.filter(Boolean).length;
        const expected = await pipeline(
          one,
          requests.filter((_, i) => !refused[i]),
        );
        let at = 0;
        for (const [i, reply] of got.entries()) {
          if (refused[i]) continue;
          const request = requests[i];
          const wanted = expected[at++];
          expect(sortedKeys(reply, request), `${JSON.stringify(request)?.slice(0, 200)} in round ${round}`).toEqual(
            sortedKeys(wanted, request),
          );
        }
      }
      expect(crossed).toBeGreaterThan(10);
    } finally {
      await single.stop();
    }
  });

  it("refuses keys of several shards, in one request and in one transaction", async () => {
    const { a, foreign, own } = await pair();
    for (const request of [
      ["MGET", own("x"), foreign("x")],
      ["MSET", own("x"), 1, foreign("x"), 2],
      ["DEL", foreign("x"), own("x")],
      ["RENAME", own("x"), foreign("x")],
      ["ZUNION", 2, own("x"), foreign("x")],
      ["SORT", own("x"), "STORE", foreign("x")],
      ["XREAD", "STREAMS", own("x"), foreign("x"), 0, 0],
      ["BLPOP", own("x"), foreign("x"), 0],
      ["WATCH", own("x"), foreign("x")],
      ["BITOP", "AND", own("x"), own("y"), foreign("x")],
    ]) {
      const reply = await a.call(...request);
      expect(reply, request.join(" ")).toBeInstanceOf(ReplyError);
      expect((reply as ReplyError).message).toBe(CROSS);
    }
    for (const [first, second] of [
      [own, foreign],
      [foreign, own],
    ] as const) {
      const replies = await pipeline(a, [
        ["MULTI"],
        ["SET", first("x"), 1],
        ["SET", second("x"), 2],
        ["SET", first("y"), 3],
        ["EXEC"],
      ]);
      expect(replies.slice(0, 2)).toEqual(["OK", "QUEUED"]);
      expect(isError(replies[2], CROSS)).toBe(true);
      expect(isError(replies[4], "EXECABORT")).toBe(true);
      expect(await a.call("EXISTS", first("x"))).toBe(0);
    }
    expect(isError(await a.call("SORT", own("x"), "BY", "w_*"), "ERR BY option of SORT denied")).toBe(true);
    expect(await a.call("SORT", own("x"), "BY", "nosort")).toEqual([]);
    expect(isError(await a.call("MONITOR"), "ERR 'monitor' sees one shard only")).toBe(true);
    const replies = await pipeline(a, [["MULTI"], ["DBSIZE"], ["EXEC"]]);
    expect(isError(replies[1], "ERR 'dbsize' is asked of all shards: not inside a transaction")).toBe(true);
    expect(isError(replies[2], "EXECABORT")).toBe(true);
  });

  it("keeps the order of replies, however they are cut and however long they are", async () => {
    const { a, foreign, own } = await pair();
    const sizes = [0, 1, 500, 5000, 20_000, 40_000, 300_000];
    for (const [i, size] of sizes.entries()) {
      expect(await a.call("SET", foreign(`v${i}`), "f".repeat(size))).toBe("OK");
      expect(await a.call("SET", own(`v${i}`), "o".repeat(size))).toBe("OK");
    }
    const requests: string[][] = [];
    const expected: string[] = [];
    for (let i = 0; i < 300; i++) {
      const size = sizes[(i * 5) % sizes.length] as number;
      const at = sizes.indexOf(size);
      const mine = i % 3 === 0;
      requests.push(["GET", (mine ? own : foreign)(`v${at}`)]);
      expected.push((mine ? "o" : "f").repeat(size));
    }
    expect(await pipeline(a, requests)).toEqual(expected);
    // The same, byte by byte around the borders of requests.
    const bytes = Buffer.concat(requests.slice(0, 40).map((request) => encode(request)));
    for (let at = 0; at < bytes.length; at += 7) {
      a.write(bytes.subarray(at, at + 7));
      if (at % 35 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const wanted of expected.slice(0, 40)) expect(await a.read()).toBe(wanted);
    // Inline requests go to other shards, too.
    a.write(`GET ${foreign("v1")}\r\nGET ${own("v1")}\r\nSET ${foreign("v1")} "a b"\r\nGET ${foreign("v1")}\r\n`);
    expect([await a.read(), await a.read(), await a.read(), await a.read()]).toEqual(["f", "o", "OK", "a b"]);
  });

  it("goes on with what a connection may not have out at once", async () => {
    const { a, foreign } = await pair();
    const requests = Array.from({ length: 5000 }, () => ["INCR", foreign("n")]);
    expect(await pipeline(a, requests)).toEqual(requests.map((_, i) => i + 1));
    const big = "x".repeat(400_000);
    const sets = Array.from({ length: 20 }, (_, i) => ["SET", foreign(`big${i}`), big + i]);
    expect(await pipeline(a, sets)).toEqual(sets.map(() => "OK"));
    expect(await a.call("GET", foreign("big19"))).toBe(`${big}19`);
  });

  it("blocks on keys of another shard, and serves what came behind only then", async () => {
    const { a, b, foreign } = await pair();
    a.send("BLPOP", foreign("list"), 0);
    a.send("ECHO", "behind");
    await eventually("it blocks", async () => /blocked_clients:1/.test(String(await b.call("INFO", "clients"))));
    expect(a.pending.length).toBe(0);
    expect(await b.call("RPUSH", foreign("list"), "element")).toBe(1);
    expect([await a.read(), await a.read()]).toEqual([[foreign("list"), "element"], "behind"]);
    expect(await a.call("BLPOP", foreign("list"), 0.01)).toBe(null);
    // Unblocked by its number, from any shard.
    const id = await a.call("CLIENT", "ID");
    a.send("BLPOP", foreign("list"), 0);
    await eventually("it blocks", async () => (await b.call("CLIENT", "UNBLOCK", id as number, "ERROR")) === 1);
    expect(isError(await a.read(), "UNBLOCKED")).toBe(true);
    expect(await b.call("CLIENT", "UNBLOCK", id as number)).toBe(0);
    // Whoever is gone takes nothing.
    a.send("BLPOP", foreign("list"), 0);
    await eventually("it blocks", async () => /blocked_clients:1/.test(String(await b.call("INFO", "clients"))));
    a.close();
    await eventually("it is gone", async () => /blocked_clients:0/.test(String(await b.call("INFO", "clients"))));
    expect(await b.call("RPUSH", foreign("list"), "kept")).toBe(1);
    expect(await b.call("LRANGE", foreign("list"), 0, -1)).toEqual(["kept"]);
  });

  it("watches keys of another shard", async () => {
    const { a, b, foreign, own } = await pair();
    expect(await a.call("SET", foreign("k"), 1)).toBe("OK");
    expect(await a.call("WATCH", foreign("k"))).toBe("OK");
    expect(await b.call("SET", foreign("k"), 2)).toBe("OK");
    expect(await pipeline(a, [["MULTI"], ["INCR", foreign("k")], ["EXEC"]])).toEqual(["OK", "QUEUED", null]);
    expect(
      await pipeline(a, [["WATCH", foreign("k")], ["GET", foreign("k")], ["MULTI"], ["INCR", foreign("k")], ["EXEC"]]),
    ).toEqual(["OK", "2", "OK", "QUEUED", [3]]);
    // The watch is over: another shard may be next.
    expect(await pipeline(a, [["WATCH", own("k")], ["MULTI"], ["SET", own("k"), 1], ["EXEC"]])).toEqual([
      "OK",
      "OK",
      "QUEUED",
      ["OK"],
    ]);
    for (const end of [["UNWATCH"], ["MULTI"], ["RESET"]]) {
      expect(await a.call("WATCH", foreign("k"))).toBe("OK");
      expect(isError(await a.call("WATCH", own("k")), CROSS)).toBe(true);
      await a.call(...end);
      if (end[0] === "MULTI") await a.call("DISCARD");
      expect(await b.call("INCR", foreign("k"))).toBeGreaterThan(0);
      expect(await pipeline(a, [["MULTI"], ["GET", own("k")], ["EXEC"]])).toEqual(["OK", "QUEUED", ["1"]]);
    }
    // SELECT inside a transaction of another shard holds afterwards.
    await pipeline(a, [["MULTI"], ["SET", foreign("s"), 0], ["SELECT", 2], ["SET", foreign("s"), 2], ["EXEC"]]);
    expect(
      await pipeline(a, [
        ["GET", foreign("s")],
        ["SELECT", 0],
        ["GET", foreign("s")],
      ]),
    ).toEqual(["2", "OK", "0"]);
    // A watcher that goes away leaves nothing.
    expect(await a.call("WATCH", foreign("k"))).toBe("OK");
    a.close();
    expect(await b.call("INCR", foreign("k"))).toBeGreaterThan(0);
  });

  it("carries messages to subscribers at every shard", async () => {
    const { a, b } = await pair();
    for (const c of [a, b]) {
      c.send("SUBSCRIBE", "news");
      await c.read();
      c.send("PSUBSCRIBE", "n*");
      await c.read();
    }
    const c = await connection();
    expect(await c.call("PUBLISH", "news", "one")).toBe(4);
    for (const subscriber of [a, b]) {
      expect([await subscriber.read(), await subscriber.read()]).toEqual([
        ["message", "news", "one"],
        ["pmessage", "n*", "news", "one"],
      ]);
    }
    expect(await c.call("PUBSUB", "CHANNELS")).toEqual(["news"]);
    expect(await c.call("PUBSUB", "NUMSUB", "news", "none")).toEqual(["news", 2, "none", 0]);
    await pipeline(c, [["MULTI"], ["PUBLISH", "news", "two"], ["EXEC"]]);
    for (const subscriber of [a, b]) expect(await subscriber.read()).toEqual(["message", "news", "two"]);
    // What happens to keys is told at every shard.
    expect(await c.call("CONFIG", "SET", "notify-keyspace-events", "KA")).toBe("OK");
    for (const subscriber of [a, b]) {
      await subscriber.read();
      subscriber.send("SUBSCRIBE", "__keyspace@0__:told");
      await subscriber.read();
    }
    expect(await c.call("SET", "told", 1)).toBe("OK");
    for (const subscriber of [a, b]) expect(await subscriber.read()).toEqual(["message", "__keyspace@0__:told", "set"]);
    expect(await c.call("CONFIG", "SET", "notify-keyspace-events", "")).toBe("OK");
  });

  it("is one database to SCAN, KEYS, DBSIZE and RANDOMKEY", async () => {
    const c = await connection();
    const keys = Array.from({ length: 500 }, (_, i) => `key:${i}`);
    await pipeline(
      c,
      keys.map((key) => ["SET", key, 1]),
    );
    expect(await c.call("DBSIZE")).toBe(500);
    expect(((await c.call("KEYS", "*")) as string[]).sort()).toEqual([...keys].sort());
    const seen = new Set<string>();
    let cursor = "0";
    do {
      const [next, found] = (await c.call("SCAN", cursor, "COUNT", 20)) as [string, string[]];
      for (const key of found) seen.add(key);
      cursor = next;
    } while (cursor !== "0");
    expect(seen.size).toBe(500);
    expect(isError(await c.call("SCAN", "x"), "ERR invalid cursor")).toBe(true);
    expect(keys).toContain(await c.call("RANDOMKEY"));
    expect(await c.call("FLUSHDB")).toBe("OK");
    expect(await c.call("RANDOMKEY")).toBe(null);
    await c.call("SET", "only", 1);
    for (let i = 0; i < 10; i++) expect(await c.call("RANDOMKEY")).toBe("only");
  });

  it("is one server to CONFIG, CLIENT and a client library", async () => {
    const { a, b } = await pair();
    expect(await a.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")).toBe("OK");
    expect(await b.call("CONFIG", "GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "allkeys-lru"]);
    expect(isError(await a.call("CONFIG", "SET", "maxmemory-policy", "nonsense"), "ERR CONFIG SET failed")).toBe(true);
    const ids = [await a.call("CLIENT", "ID"), await b.call("CLIENT", "ID")];
    const list = String(await a.call("CLIENT", "LIST"));
    for (const id of ids) expect(list).toContain(`id=${id} `);
    expect(await a.call("CLIENT", "KILL", "ID", ids[1] as number)).toBe(1);
    await b.ended();
    expect(await a.call("CLIENT", "KILL", "ID", ids[0] as number, "SKIPME", "no")).toBe(1);
    await a.ended();
    const client = createClient({ socket: { port: sharded.port(6379) } });
    await client.connect();
    const values = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        await client.set(`lib:${i}`, String(i));
        return client.get(`lib:${i}`);
      }),
    );
    expect(values).toEqual(values.map((_, i) => String(i)));
    expect(await client.multi().set("m", "1").incr("m").exec()).toEqual(["OK", 2]);
    await client.close();
  });

  it("keeps silent where CLIENT REPLY says so, and pauses everywhere", async () => {
    const { a, b, foreign, own } = await pair();
    a.send("CLIENT", "REPLY", "OFF");
    for (let i = 0; i < 10; i++) a.send("INCR", i % 2 ? foreign("n") : own("n"));
    expect(await a.call("CLIENT", "REPLY", "ON")).toBe("OK");
    a.send("CLIENT", "REPLY", "SKIP");
    a.send("INCR", foreign("n"));
    expect(await a.call("GET", foreign("n"))).toBe("6");
    expect(await a.call("GET", own("n"))).toBe("5");
    expect(await b.call("CLIENT", "PAUSE", 60_000, "WRITE")).toBe("OK");
    a.send("INCR", foreign("n"));
    expect(await b.call("GET", foreign("n"))).toBe("6");
    expect(await b.call("CLIENT", "UNPAUSE")).toBe("OK");
    expect(await a.read()).toBe(7);
  });

  it("lives on when clients go away with requests out", async () => {
    const { a, b, foreign, own } = await pair();
    const clients = async () =>
      String(await a.call("CLIENT", "LIST"))
        .trim()
        .split("\n").length;
    const before = await clients();
    await a.call("SET", foreign("v"), "x".repeat(100_000));
    for (let i = 0; i < 30; i++) {
      const c = await connection();
      for (let k = 0; k < 50; k++) c.send("GET", k % 2 ? foreign("v") : own("v"));
      if (i % 3 === 0) c.stream.end();
      else c.close();
    }
    // Half a request, and nonsense behind requests that are out.
    const c = await connection();
    c.write(Buffer.concat([encode(["GET", foreign("none")]), Buffer.from("*1\r\n!bad\r\n")]));
    expect(await c.read()).toBe(null);
    expect(isError(await c.read(), "ERR Protocol error")).toBe(true);
    await c.ended();
    const d = await connection();
    d.write(encode(["GET", foreign("none")]));
    d.send("QUIT");
    expect([await d.read(), await d.read()]).toEqual([null, "OK"]);
    await d.ended();
    expect(await b.call("PING")).toBe("PONG");
    await eventually("they are gone", async () => (await clients()) === before);
  });
});

describe("redis in shards that keeps its data", () => {
  const folder = mkdtempSync(join(tmpdir(), "ringzero-redis-shards-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("writes a file for each shard, and finds everything again", async () => {
    const options = {
      shards: 2,
      publish: { 6379: 0 },
      volumes: { "/data": folder },
      args: ["--appendonly", "yes", "--appendfsync", "always"],
    };
    const first = await boot("redis", options);
    const c = await RespConnection.open(first.port(6379));
    const requests = Array.from({ length: 300 }, (_, i) => ["SET", `k${i}`, String(i)]);
    expect(await pipeline(c, requests)).toEqual(requests.map(() => "OK"));
    expect(await c.call("BGREWRITEAOF")).toBe("Background append only file rewriting started");
    c.close();
    // What has been acknowledged is there after a kill.
    first.kill();
    await first.exited;
    const second = await boot("redis", options);
    const d = await RespConnection.open(second.port(6379));
    expect(
      await pipeline(
        d,
        requests.map(([, key]) => ["GET", key as string]),
      ),
    ).toEqual(requests.map(([, , value]) => value));
    expect(await d.call("DBSIZE")).toBe(300);
    d.send("SHUTDOWN");
    expect(await second.exited).toEqual({ code: 0, reason: null });
    d.close();
  });
});
