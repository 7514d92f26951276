/** Memory: big values, a machine that is too small for one, slow readers, and eviction. */
import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";
import { Redis } from "ioredis";
import { createClient, RESP_TYPES } from "redis";
import { describe, expect, test } from "vitest";
import { bootRedis, eventually, seededRandom, testSeed } from "./redis-machine.ts";
import { encode, ReplyError, RespConnection } from "./resp-connection.ts";

const megabyte = 1 << 20;

test("a value of 100 MB goes in and comes back unchanged", { timeout: 60_000 }, async () => {
  const machine = await bootRedis();
  try {
    const client = createClient({ socket: { port: machine.port, host: "127.0.0.1" } }).withTypeMapping({
      [RESP_TYPES.BLOB_STRING]: Buffer,
    });
    await client.connect();
    const value = Buffer.alloc(100 * megabyte, randomBytes(megabyte + 7));
    const digest = createHash("sha1").update(value).digest("hex");
    expect(await client.set("big", value)).toBe("OK");
    expect(await client.strLen("big")).toBe(100 * megabyte);
    const back = (await client.get("big")) as unknown as Buffer;
    expect(createHash("sha1").update(back).digest("hex")).toBe(digest);
    expect(
      ((await client.getRange("big", megabyte, megabyte + 99)) as unknown as Buffer).equals(
        value.subarray(megabyte, megabyte + 100),
      ),
    ).toBe(true);
    await client.set("big", "small again");
    expect(String(await client.get("big"))).toBe("small again");
    client.destroy();
  } finally {
    await machine.stop();
  }
});

test("a bulk of 512 MB - 1 is refused politely by a machine of 64 MB", { timeout: 60_000 }, async () => {
  const machine = await bootRedis([], { memory: "64mb" });
  const witness = await RespConnection.open(machine.port);
  try {
    await witness.call("SET", "kept", "yes");
    const socket = connect({ port: machine.port, host: "127.0.0.1" });
    let answer = "";
    let ended = false;
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    socket.on("error", () => {}); // the server may close while we still send
    socket.on("close", () => (ended = true));
    socket.write("*3\r\n$3\r\nSET\r\n$4\r\nhuge\r\n$536870911\r\n");
    const block = Buffer.alloc(megabyte, "x");
    for (let sent = 0; sent < 511 && !ended && answer === ""; sent++) {
      if (!socket.write(block))
        await Promise.race([
          new Promise((r) => socket.once("drain", r)),
          new Promise((r) => socket.once("close", r)),
          new Promise((r) => socket.once("data", r)),
        ]);
    }
    if (!ended && answer === "") socket.write(Buffer.concat([block.subarray(1), Buffer.from("\r\n")]));
    await eventually("an answer or an end", () => answer !== "" || ended, 20_000);
    expect(answer).toMatch(/^-(OOM|ERR)/);
    socket.destroy();
    // Polite also means: nobody else notices.
    expect(await witness.call("GET", "kept")).toBe("yes");
    expect(await witness.call("EXISTS", "huge")).toBe(0);
    expect(await witness.call("SET", "after", "x".repeat(megabyte))).toBe("OK");
  } finally {
    witness.close();
    await machine.stop();
  }
});

test("a machine of 64 MB that is full says OOM and goes on", { timeout: 60_000 }, async () => {
  const machine = await bootRedis([], { memory: "64mb" });
  const connection = await RespConnection.open(machine.port);
  try {
    const value = "x".repeat(100_000);
    let stored = 0;
    let refusal = "";
    for (let index = 0; index < 2000 && refusal === ""; index++) {
      const reply = await connection.call("SET", `key:${index}`, value);
      if (reply === "OK") stored++;
      else refusal = String(reply);
    }
    expect(refusal).toMatch(/OOM/);
    expect(stored).toBeGreaterThan(200);
    expect(await connection.call("GET", "key:0")).toBe(value);
    expect(await connection.call("DBSIZE")).toBe(stored);
    for (let index = 0; index < 50; index++) expect(await connection.call("DEL", `key:${index}`)).toBe(1);
    expect(await connection.call("SET", "again", value)).toBe("OK");
  } finally {
    connection.close();
    await machine.stop();
  }
});

test("clients at the memory wall get OOM or their answer, never a broken stream or an end", {
  timeout: 60_000,
}, async () => {
  const seed = testSeed();
  console.log(`memory wall: TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const machine = await bootRedis([], { memory: "64mb" });
  const sizes = [10, 1000, 9000, 17_000, 33_000, 70_000, 200_000, 1_500_000];
  const counts = { ok: 0, oom: 0 };
  const worker = async (id: number): Promise<void> => {
    const connection = await RespConnection.open(machine.port);
    const known = new Map<string, string | null>();
    for (let round = 0; round < 25; round++) {
      const requests: { op: string; key: string; value: string }[] = [];
      for (let index = 1 + random(60); index > 0; index--) {
        const dice = random(100);
        const value = String.fromCharCode(97 + random(26)).repeat(sizes[random(sizes.length)] ?? 1);
        requests.push({ op: dice < 60 ? "SET" : dice < 90 ? "GET" : "DEL", key: `k${id}:${random(400)}`, value });
      }
      const bytes = Buffer.concat(
        requests.map(({ op, key, value }) => encode(op === "SET" ? [op, key, value] : [op, key])),
      );
      for (let at = 0; at < bytes.length; ) {
        const piece = 1 + random(80_000);
        connection.write(bytes.subarray(at, at + piece));
        at += piece;
        if (random(8) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      for (const { op, key, value } of requests) {
        const reply = await connection.read(30_000);
        if (op === "SET" && reply === "OK") known.set(key, value);
        else if (op === "SET") expect(String(reply)).toMatch(/^Error: OOM .*The machine's memory is full$/);
        else if (op === "GET") expect(reply === (known.get(key) ?? null), `GET ${key}`).toBe(true);
        else {
          expect(reply).toBe(known.get(key) == null ? 0 : 1);
          known.set(key, null);
        }
        if (reply instanceof ReplyError) counts.oom++;
        else counts.ok++;
      }
    }
    connection.close();
  };
  try {
    await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(worker));
    expect(counts.oom).toBeGreaterThan(100);
    expect(counts.ok).toBeGreaterThan(1000);
    // Somebody new is still let in, and told why his write is refused, or served.
    const other = await RespConnection.open(machine.port);
    expect(await other.call("PING")).toBe("PONG");
    other.close();
  } finally {
    await machine.stop();
  }
});

describe("slow readers", () => {
  test("output beyond client-output-buffer-limit closes that client alone", { timeout: 60_000 }, async () => {
    const machine = await bootRedis(["--client-output-buffer-limit", "normal 16mb 0 0"]);
    const other = await RespConnection.open(machine.port);
    try {
      await other.call("SET", "big", "x".repeat(megabyte));
      const socket = connect({ port: machine.port, host: "127.0.0.1" });
      socket.pause(); // never reads
      socket.on("error", () => {});
      socket.write("*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n".repeat(500));
      const asked = async (): Promise<boolean> =>
        /cmdstat_get:calls=[1-9]/.test(String(await other.call("INFO", "commandstats")));
      await eventually("its requests are seen", asked);
      const clients = async (): Promise<number> =>
        String(await other.call("CLIENT", "LIST"))
          .trim()
          .split("\n").length;
      await eventually("the server gives up on it", async () => (await clients()) === 1, 20_000);
      const used = Number(/used_memory:(\d+)/.exec(String(await other.call("INFO", "memory")))?.[1]);
      expect(used).toBeLessThan(64 * megabyte);
      expect(await other.call("GET", "big")).toHaveLength(megabyte);
      socket.destroy();
    } finally {
      other.close();
      await machine.stop();
    }
  });

  test("a slow reader within the limits gets every byte", { timeout: 60_000 }, async () => {
    const machine = await bootRedis();
    try {
      const writer = await RespConnection.open(machine.port);
      await writer.call("SET", "big", "y".repeat(megabyte));
      const socket = connect({ port: machine.port, host: "127.0.0.1" });
      socket.write("*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n".repeat(40));
      let received = 0;
      const wanted = 40 * (megabyte + "$1048576\r\n".length + 2);
      await new Promise<void>((resolve, reject) => {
        socket.on("error", reject);
        socket.on("data", (chunk) => {
          received += chunk.length;
          if (received >= wanted) return resolve();
          socket.pause();
          setTimeout(() => socket.resume(), 1);
        });
      });
      expect(received).toBe(wanted);
      // Meanwhile nobody else had to wait for it.
      expect(await writer.call("PING")).toBe("PONG");
      socket.destroy();
      writer.close();
    } finally {
      await machine.stop();
    }
  });
});

describe("eviction under maxmemory", () => {
  const limit = 8 * megabyte;

  async function fill(
    policy: string,
    use: (redis: Redis, write: (from: number, to: number, ttl?: number) => Promise<number>) => Promise<void>,
  ): Promise<void> {
    const machine = await bootRedis([
      "--maxmemory",
      String(limit),
      "--maxmemory-policy",
      policy,
      "--maxmemory-samples",
      "10",
    ]);
    const redis = new Redis({ port: machine.port });
    /** Writes keys of 1 KB; how many were refused. */
    const write = async (from: number, to: number, ttl?: number): Promise<number> => {
      let refused = 0;
      for (let start = from; start < to; start += 500) {
        const pipeline = redis.pipeline();
        for (let index = start; index < Math.min(to, start + 500); index++) {
          if (ttl === undefined) pipeline.set(`key:${index}`, "v".repeat(1024));
          else pipeline.set(`key:${index}`, "v".repeat(1024), "EX", ttl + index);
        }
        for (const [error] of (await pipeline.exec()) ?? []) {
          if (error) {
            expect(error.message).toMatch(/^OOM/);
            refused++;
          }
        }
      }
      return refused;
    };
    try {
      await use(redis, write);
      const memory = await redis.info("memory");
      const used = Number(/used_memory:(\d+)/.exec(memory)?.[1]);
      expect(used).toBeLessThan(limit * 1.2);
    } finally {
      redis.disconnect();
      await machine.stop();
    }
  }

  async function evicted(redis: Redis): Promise<number> {
    return Number(/evicted_keys:(\d+)/.exec(await redis.info("stats"))?.[1]);
  }

  async function present(redis: Redis, from: number, to: number): Promise<number> {
    return redis.exists(...Array.from({ length: to - from }, (_, index) => `key:${from + index}`));
  }

  test("noeviction refuses writes, reads go on", { timeout: 60_000 }, () =>
    fill("noeviction", async (redis, write) => {
      expect(await write(0, 20_000)).toBeGreaterThan(5000);
      expect(await redis.get("key:0")).toHaveLength(1024);
      expect(await evicted(redis)).toBe(0);
      expect(await redis.del("key:0", "key:1", "key:2")).toBe(3);
    }),
  );

  test("allkeys-lru keeps what was read", { timeout: 60_000 }, () =>
    fill("allkeys-lru", async (redis, write) => {
      await write(0, 3000);
      // The LRU clock of Redis has a resolution of a second.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await redis.mget(...Array.from({ length: 500 }, (_, index) => `key:${index}`));
      await new Promise((resolve) => setTimeout(resolve, 1100));
      expect(await write(3000, 7500)).toBe(0);
      expect(await evicted(redis)).toBeGreaterThan(500);
      const warm = await present(redis, 0, 500);
      const cold = await present(redis, 1000, 1500);
      expect(warm).toBeGreaterThan(cold);
      expect(warm).toBeGreaterThan(300);
    }),
  );

  test("allkeys-lfu keeps what is read often", { timeout: 60_000 }, () =>
    fill("allkeys-lfu", async (redis, write) => {
      await write(0, 3000);
      const hot = Array.from({ length: 300 }, (_, index) => `key:${index}`);
      for (let round = 0; round < 60; round++) await redis.mget(...hot);
      expect(await write(3000, 12_000)).toBe(0);
      expect(await evicted(redis)).toBeGreaterThan(1000);
      expect(await present(redis, 0, 300)).toBeGreaterThan(270);
    }),
  );

  test("allkeys-random makes room", { timeout: 60_000 }, () =>
    fill("allkeys-random", async (redis, write) => {
      expect(await write(0, 20_000)).toBe(0);
      expect(await evicted(redis)).toBeGreaterThan(5000);
      // In one transaction: an eviction between two commands would be counted once or twice.
      const [keys, stats] = (await redis.multi().dbsize().info("stats").exec()) ?? [];
      expect(Number(keys?.[1]) + Number(/evicted_keys:(\d+)/.exec(String(stats?.[1]))?.[1])).toBe(20_000);
    }),
  );

  test("volatile-ttl takes the shortest lived first and never a key without one", { timeout: 60_000 }, () =>
    fill("volatile-ttl", async (redis, write) => {
      await redis.set("forever", "1");
      expect(await write(0, 12_000, 1000)).toBe(0);
      expect(await redis.exists("forever")).toBe(1);
      expect(await present(redis, 11_000, 12_000)).toBeGreaterThan(950);
      expect(await present(redis, 0, 1000)).toBeLessThan(200);
    }),
  );

  for (const policy of ["volatile-lru", "volatile-lfu", "volatile-random"]) {
    test(`${policy} refuses once nothing volatile is left`, { timeout: 60_000 }, () =>
      fill(policy, async (redis, write) => {
        await write(0, 3000, 1000);
        const refused = await write(3000, 15_000);
        expect(refused).toBeGreaterThan(1000);
        expect(await evicted(redis)).toBeGreaterThanOrEqual(2900);
        expect(await present(redis, 0, 3000)).toBeLessThan(100);
      }),
    );
  }
});
