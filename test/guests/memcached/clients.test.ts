/**
 * Two clients of other people's against the memcached images: memjs, which speaks the binary protocol, and the npm `memcached`, which speaks the
 * text protocol.
 */
import Memcached from "memcached";
import { Client } from "memjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingImage, type ServerProcess, startGuestMemcached } from "../../server-process.ts";

describe.each(["memcached", "memcached-c"])("%s", (image) => {
  const missing = missingImage(image);
  if (missing) console.log(missing);
  let server: ServerProcess;
  beforeAll(async () => {
    if (!missing) server = await startGuestMemcached([], { image });
  });
  afterAll(() => server?.kill());

  test.skipIf(missing)("memjs: values, expiry, counters, versions of a value, many at once", async () => {
    const client = Client.create(`127.0.0.1:${server.port}`, { retries: 0, timeout: 20 });
    const text = async (key: string): Promise<string | undefined> => (await client.get(key)).value?.toString();
    expect(await text("none")).toBeUndefined();
    expect(await client.set("greeting", "hello", { expires: 100 })).toBe(true);
    expect(await text("greeting")).toBe("hello");
    expect(await client.add("greeting", "again", {})).toBe(false);
    expect(await client.replace("none", "x", {})).toBe(false);
    expect(await client.replace("greeting", "hi", {})).toBe(true);
    expect(await client.append("greeting", " there")).toBe(true);
    // No prepend: memjs 1.3 sends the opcode of append for it.
    expect(await text("greeting")).toBe("hi there");
    await expect(client.append("none", "x")).rejects.toThrow("Item not stored");
    expect(await client.increment("count", 5, { initial: 40 })).toMatchObject({ success: true, value: 40 });
    expect(await client.increment("count", 5, {})).toMatchObject({ success: true, value: 45 });
    expect(await client.decrement("count", 100, {})).toMatchObject({ success: true, value: 0 });
    expect(await client.touch("greeting", 1000)).toBe(true);
    expect(await client.touch("none", 1000)).toBe(false);
    expect(await client.delete("greeting")).toBe(true);
    expect(await client.delete("greeting")).toBe(false);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    const large = Buffer.alloc(500_000, bytes);
    await client.set("large", large, {});
    expect((await client.get("large")).value?.equals(large)).toBe(true);
    const keys = Array.from({ length: 500 }, (_, index) => `many:${index}`);
    await Promise.all(keys.map((key) => client.set(key, key.repeat(3), {})));
    expect(await Promise.all(keys.map(text))).toEqual(keys.map((key) => key.repeat(3)));
    const stats = await new Promise<Record<string, string> | null>((resolve, reject) =>
      client.stats((error, _, all) => (error ? reject(error) : resolve(all))),
    );
    expect(Number(stats?.curr_items)).toBeGreaterThanOrEqual(500);
    expect(Object.values(await client.flush())).toEqual([true]);
    expect(await text("many:1")).toBeUndefined();
    client.close();
  });

  test.skipIf(missing)("npm memcached: storage, cas, several keys, counters, statistics", async () => {
    const client = new Memcached(`127.0.0.1:${server.port}`, { retries: 0, poolSize: 3 });
    /** One call of the client's, its last argument a callback. */
    const call = <T>(start: (done: (error: unknown, result: T) => void) => void): Promise<T> =>
      new Promise((resolve, reject) => start((error, result) => (error ? reject(error) : resolve(result))));
    const get = (key: string) => call<unknown>((done) => client.get(key, done));
    expect(await get("none")).toBeUndefined();
    expect(await call((done) => client.set("a", { nested: [1, "two"] }, 100, done))).toBe(true);
    expect(await get("a")).toEqual({ nested: [1, "two"] });
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    await call((done) => client.set("bytes", bytes, 0, done));
    expect(bytes.equals((await get("bytes")) as Buffer)).toBe(true);
    // "Not stored" is an error of this client's.
    await expect(call((done) => client.add("a", "x", 0, done))).rejects.toThrow(/not stored/i);
    await expect(call((done) => client.replace("none", "x", 0, done))).rejects.toThrow(/not stored/i);
    expect(await call((done) => client.set("word", "b", 0, done))).toBe(true);
    expect(await call((done) => client.append("word", "c", done))).toBe(true);
    expect(await call((done) => client.prepend("word", "a", done))).toBe(true);
    const { word, cas } = await call<{ [key: string]: unknown; cas: string }>((done) => client.gets("word", done));
    expect(word).toBe("abc");
    expect(await call((done) => client.cas("word", "new", cas, 0, done))).toBe(true);
    expect(await call((done) => client.cas("word", "newer", cas, 0, done))).toBe(false);
    expect(await call((done) => client.getMulti(["word", "none", "bytes"], done))).toEqual({ word: "new", bytes });
    await call((done) => client.set("n", 40, 0, done));
    expect(await call((done) => client.incr("n", 2, done))).toBe(42);
    expect(await call((done) => client.decr("n", 100, done))).toBe(0);
    expect(await call((done) => client.incr("none", 1, done))).toBe(false);
    expect(await call((done) => client.touch("word", 100, done as (error: unknown) => void))).toBe(true);
    expect(await call((done) => client.del("word", done))).toBe(true);
    expect(await call((done) => client.del("word", done))).toBe(false);
    const [stats] = await call<Memcached.StatusData[]>((done) => client.stats(done));
    expect(Number(stats?.curr_items)).toBeGreaterThanOrEqual(3);
    const [settings] = await call<Memcached.StatusData[]>((done) => client.settings(done));
    expect(settings).toMatchObject({ tcpport: 11211, evictions: "on" });
    const [items] = await call<Record<string, unknown>[]>((done) => client.items(done));
    expect(Object.values(items ?? {}).some((slab) => (slab as { number?: number }).number)).toBe(true);
    const [version] = await call<Memcached.VersionData[]>((done) => client.version(done));
    expect(version?.version).toMatch(/^\d+\.\d+/);
    expect(await call((done) => client.flush(done))).toEqual([true]);
    expect(await get("a")).toBeUndefined();
    client.end();
  });
});
