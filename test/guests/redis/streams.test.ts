/**
 * Streams: entries, trimming, consumer groups, blocking reads, and what the append-only file makes of them.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { boot, type Machine } from "../../../host/index.ts";

let machine: Machine;
let redis: Redis;
let folder: string;

async function start(...args: string[]): Promise<void> {
  machine = await boot("redis", { publish: { 6379: 0 }, volumes: { "/data": folder }, args, memory: "128mb" });
  redis = new Redis(machine.port(6379), "127.0.0.1");
}

async function end(): Promise<void> {
  redis.disconnect();
  await machine.stop();
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringzero-streams-"));
});
afterEach(() => end());

/** Everything there is to know of a stream that does not change by the passing of time. */
async function describeStream(key: string): Promise<unknown> {
  // Delivery and seen times, and the number of nodes, are not part of what a stream is.
  return scrub(await redis.call("XINFO", "STREAM", key, "FULL", "COUNT", "0"));
}

function scrub(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const out: unknown[] = [];
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] === "string" && /^(seen-time|radix-tree-keys|radix-tree-nodes)$/.test(value[i] as string)) i++;
    else out.push(typeof value[i] === "number" && (value[i] as number) > 1e12 ? "a time" : scrub(value[i]));
  }
  return out;
}

describe("streams", () => {
  it("adds in order, ranges both ways, trims and deletes", async () => {
    await start();
    for (let i = 1; i <= 200; i++) await redis.xadd("s", `${i}-1`, "n", String(i), "text", "x".repeat(i));
    await expect(redis.xadd("s", "200-1", "n", "late")).rejects.toThrow(
      "equal or smaller than the target stream top item",
    );
    await expect(redis.xadd("s", "0-0", "n", "zero")).rejects.toThrow("must be greater than 0-0");
    expect(await redis.xlen("s")).toBe(200);
    expect((await redis.xrange("s", "10", "12")).map(([id]) => id)).toEqual(["10-1", "11-1", "12-1"]);
    expect((await redis.xrange("s", "(10-1", "+", "COUNT", 2)).map(([id]) => id)).toEqual(["11-1", "12-1"]);
    expect((await redis.xrevrange("s", "+", "-", "COUNT", 2)).map(([id]) => id)).toEqual(["200-1", "199-1"]);
    expect(await redis.xdel("s", "150-1", "151-1", "999-1")).toBe(2);
    expect(await redis.xtrim("s", "MAXLEN", 50)).toBe(148);
    expect((await redis.xrange("s", "-", "+"))[0]?.[0]).toBe("149-1");
    expect(await redis.xtrim("s", "MINID", "190-1")).toBe(39);
    expect(await redis.type("s")).toBe("stream");
    expect(await redis.object("ENCODING", "s")).toBe("stream");
    expect(await redis.xdel("s", ...(await redis.xrange("s", "-", "+")).map(([id]) => id))).toBe(11);
    expect(await redis.exists("s")).toBe(1); // an empty stream is a stream
  });

  it("keeps what a model keeps, over random additions, deletions and trims", async () => {
    await start("--stream-node-max-entries", "7");
    const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`streams: TEST_SEED=${seed}`);
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >>> 8) % below;
    };
    let model: { id: number; value: string }[] = [];
    let next = 1;
    for (let step = 0; step < 2000; step++) {
      const what = random(10);
      if (what < 6) {
        const value = "v".repeat(random(60));
        await redis.xadd("s", `${next}-0`, "f", value);
        model.push({ id: next++, value });
      } else if (what < 9 && model.length > 0) {
        const [gone] = model.splice(random(model.length), 1);
        expect(await redis.xdel("s", `${gone?.id}-0`)).toBe(1);
      } else if (model.length > 0) {
        const keep = random(model.length + 1);
        const removed = model.length - keep;
        model = model.slice(removed);
        expect(await redis.xtrim("s", "MAXLEN", keep)).toBe(removed);
      }
      if (step % 50 === 0) {
        const entries = await redis.xrange("s", "-", "+");
        expect(entries).toEqual(model.map(({ id, value }) => [`${id}-0`, ["f", value]]));
        const from = random(next);
        const some = await redis.xrevrange("s", `${from + 20}`, `${from}`, "COUNT", 5);
        const wanted = model.filter(({ id }) => id >= from && id <= from + 20).reverse();
        expect(some.map(([id]) => id)).toEqual(wanted.slice(0, 5).map(({ id }) => `${id}-0`));
      }
    }
    expect(await redis.xlen("s")).toBe(model.length);
  });

  it("delivers to groups: pending, acknowledged, claimed", async () => {
    await start();
    for (let i = 1; i <= 6; i++) await redis.xadd("s", `${i}-0`, "n", String(i));
    await redis.xgroup("CREATE", "s", "g", "0");
    await expect(redis.xgroup("CREATE", "s", "g", "0")).rejects.toThrow("BUSYGROUP");
    const read = (who: string, count: number) =>
      redis.xreadgroup("GROUP", "g", who, "COUNT", count, "STREAMS", "s", ">") as Promise<
        [string, [string, string[]][]][] | null
      >;
    expect((await read("ada", 2))?.[0]?.[1].map(([id]) => id)).toEqual(["1-0", "2-0"]);
    expect((await read("grace", 3))?.[0]?.[1].map(([id]) => id)).toEqual(["3-0", "4-0", "5-0"]);
    expect(await redis.xack("s", "g", "1-0", "4-0", "9-0")).toBe(2);
    expect(await redis.xpending("s", "g")).toEqual([
      3,
      "2-0",
      "5-0",
      [
        ["ada", "1"],
        ["grace", "2"],
      ],
    ]);
    expect(await redis.xclaim("s", "g", "ada", 0, "5-0", "JUSTID")).toEqual(["5-0"]);
    expect(((await redis.xpending("s", "g", "-", "+", 10)) as unknown[][]).map(([id, who]) => [id, who])).toEqual([
      ["2-0", "ada"],
      ["3-0", "grace"],
      ["5-0", "ada"],
    ]);
    expect(await redis.xautoclaim("s", "g", "alan", 0, "0", "COUNT", 2, "JUSTID")).toEqual(["5-0", ["2-0", "3-0"], []]);
    expect(await redis.xgroup("DELCONSUMER", "s", "g", "alan")).toBe(2);
    expect((await read("ada", 10))?.[0]?.[1].map(([id]) => id)).toEqual(["6-0"]);
    expect(await read("ada", 10)).toBeNull();
    expect(await redis.xgroup("DESTROY", "s", "g")).toBe(1);
    await expect(read("ada", 1)).rejects.toThrow("NOGROUP");
  });

  it("wakes blocked readers: plain ones all, of a group one, in MULTI none", async () => {
    await start();
    const readers = [1, 2, 3].map(() => redis.duplicate());
    await redis.xgroup("CREATE", "s", "g", "$", "MKSTREAM");
    const plain = (readers[0] as Redis).xread("BLOCK", 5000, "STREAMS", "s", "$");
    const grouped = [readers[1] as Redis, readers[2] as Redis].map((reader, index) =>
      reader.xreadgroup("GROUP", "g", `c${index}`, "BLOCK", 400, "STREAMS", "s", ">"),
    );
    await sleep(100);
    await redis.xadd("s", "5-0", "a", "b");
    expect(await plain).toEqual([["s", [["5-0", ["a", "b"]]]]]);
    expect((await Promise.all(grouped)).filter((answer) => answer !== null)).toHaveLength(1);
    expect(await redis.multi().xread("BLOCK", 0, "STREAMS", "s", "$").exec()).toEqual([[null, null]]);
    for (const reader of readers) reader.disconnect();
  });

  it.each(["as written", "rewritten"])("come back from the append-only file, %s", async (how) => {
    await start("--appendonly", "yes", "--appendfsync", "always");
    for (let i = 0; i < 300; i++)
      await redis.xadd("auto", "MAXLEN", "~", 120, "*", "i", String(i), "pad", "p".repeat(i % 40));
    for (let i = 1; i <= 50; i++) await redis.xadd("s", `${i}-${i}`, "n", String(i));
    await redis.xgroup("CREATE", "s", "g", "0");
    await redis.xgroup("CREATE", "s", "idle", "7-7");
    await redis.xgroup("CREATECONSUMER", "s", "g", "nobody");
    await redis.xgroup("CREATE", "empty", "g", "$", "MKSTREAM");
    await redis.xreadgroup("GROUP", "g", "ada", "COUNT", 20, "STREAMS", "s", ">");
    await redis.xreadgroup("GROUP", "g", "grace", "COUNT", 10, "NOACK", "STREAMS", "s", ">");
    await redis.xack("s", "g", "1-1", "2-2", "4-4");
    await redis.xclaim("s", "g", "grace", 0, "9-9", "10-10");
    // Entries that are pending stay: Redis, too, forgets on a rewrite what is pending of an entry that is gone.
    await redis.xdel("s", "4-4", "45-45");
    await redis.xtrim("s", "MINID", "3-3");
    await redis.xadd("gone", "9-9", "a", "b");
    await redis.xdel("gone", "9-9");
    if (how === "rewritten") {
      await redis.call("BGREWRITEAOF");
      for (let left = 200; left > 0 && /aof_rewrite_in_progress:1/.test(await redis.info("persistence")); left--)
        await sleep(10);
      expect(await redis.info("persistence")).toMatch(/aof_last_bgrewrite_status:ok/);
      await redis.xadd("s", "60-0", "after", "the rewrite");
    }
    const before: unknown[] = [];
    for (const key of ["auto", "s", "empty", "gone"]) before.push(await describeStream(key));
    machine.kill();
    redis.disconnect();
    await start("--appendonly", "yes");
    const after: unknown[] = [];
    for (const key of ["auto", "s", "empty", "gone"]) after.push(await describeStream(key));
    expect(after).toEqual(before);
    await expect(redis.xadd("gone", "9-9", "a", "b")).rejects.toThrow("equal or smaller");
  });

  it("says OOM when the machine is full, and lives", async () => {
    await start();
    const text = "x".repeat(100_000);
    let refused = "";
    for (let i = 0; i < 2000 && refused === ""; i++)
      await redis.xadd("big", "*", "f", text).catch((error: Error) => {
        refused = error.message;
      });
    expect(refused).toMatch(/^OOM/);
    expect(await redis.xlen("big")).toBeGreaterThan(500);
    expect(await redis.xtrim("big", "MAXLEN", 1)).toBeGreaterThan(500);
    expect(await redis.xadd("big", "*", "f", text)).toMatch(/^\d+-\d+$/);
  });
});
