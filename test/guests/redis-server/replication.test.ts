/**
 * Replication between the image and a native Redis, in both directions: the first copy (over a socket and over a file), the stream
 * of writes after it, a broken connection, and WAIT. DEBUG DIGEST says whether both have the same data.
 */
import { expect, test } from "vitest";
import type { ServerProcess } from "../../server-process.ts";
import { eventually } from "../redis/redis-machine.ts";
import type { RespConnection } from "../redis/resp-connection.ts";
import { connection, digest, fill, image, info, missingForRedisServer, native, withDebug } from "./redis-servers.ts";

const missing = missingForRedisServer("replication");

const replicaOf = (master: ServerProcess): string[] => [...withDebug, "--replicaof", `127.0.0.1 ${master.port}`];

async function inStep(master: RespConnection, replica: RespConnection): Promise<void> {
  await eventually(
    "the link is up",
    async () => (await info(replica, "replication", "master_link_status")) === "up",
    30_000,
  );
  await eventually(
    "the replica has everything",
    async () =>
      (await info(replica, "replication", "slave_repl_offset")) ===
      (await info(master, "replication", "master_repl_offset")),
    30_000,
  );
}

async function exercise(master: ServerProcess, replica: ServerProcess, keys: number): Promise<void> {
  const [writer, reader] = [await connection(master), await connection(replica)];
  await inStep(writer, reader);
  expect(await reader.call("DBSIZE")).toBe(keys);
  expect(await digest(reader)).toBe(await digest(writer));

  // The stream of writes: every kind, transactions and scripts too, and WAIT for each of some.
  await fill(writer, keys + 500);
  expect(await writer.call("EVAL", "return redis.call('SET', KEYS[1], ARGV[1])", 1, "scripted", "yes")).toBe("OK");
  for (let index = 0; index < 50; index++) {
    writer.send("MULTI");
    writer.send("INCR", "counter");
    writer.send("APPEND", "text", `${index},`);
    writer.send("EXEC");
    for (let reply = 0; reply < 4; reply++) await writer.read();
    expect(await writer.call("WAIT", 1, 5000)).toBe(1);
    expect(await reader.call("GET", "counter")).toBe(String(index + 1));
  }
  await inStep(writer, reader);
  expect(await digest(reader)).toBe(await digest(writer));
  expect(String(await reader.call("SET", "a", "b"))).toMatch(/READONLY/);

  // A broken connection: the replica comes back for what it has missed, and for no more.
  expect(await writer.call("CLIENT", "KILL", "TYPE", "replica")).toBe(1);
  expect(await writer.call("SET", "missed", "no")).toBe("OK");
  await inStep(writer, reader);
  expect(await reader.call("GET", "missed")).toBe("no");
  expect(Number(await info(writer, "stats", "sync_partial_ok"))).toBeGreaterThanOrEqual(1);
  expect(await info(writer, "stats", "sync_full")).toBe("1");
}

test.skipIf(missing)("the image replicates a native master", { timeout: 120_000 }, async () => {
  const master = await native(withDebug);
  await fill(await connection(master), 3000);
  await exercise(master, await image(replicaOf(master)), 3000);
});

test.skipIf(missing)("a native replica follows the image, over a socket", { timeout: 120_000 }, async () => {
  const master = await image(withDebug);
  await fill(await connection(master), 3000);
  await exercise(master, await native(replicaOf(master)), 3000);
});

test.skipIf(missing)("a native replica follows the image, over a file", { timeout: 120_000 }, async () => {
  const master = await image([...withDebug, "--repl-diskless-sync", "no"]);
  await fill(await connection(master), 3000);
  await exercise(master, await native(replicaOf(master)), 3000);
});

test.skipIf(missing)("the first copy is made while clients write", { timeout: 120_000 }, async () => {
  const master = await image([...withDebug, "--repl-diskless-sync-delay", "0"]);
  const writer = await connection(master);
  await fill(writer, 20_000);
  const replica = await native(replicaOf(master));
  const reader = await connection(replica);
  let writes = 0;
  for (const until = performance.now() + 4000; performance.now() < until; writes++) {
    expect(await writer.call("RPUSH", "log", writes)).toBe(writes + 1);
  }
  await inStep(writer, reader);
  expect(await reader.call("LLEN", "log")).toBe(writes);
  expect(await digest(reader)).toBe(await digest(writer));
});

test.skipIf(missing)("failover by hand: roles change, and back", { timeout: 120_000 }, async () => {
  const first = await native(withDebug);
  const second = await image(replicaOf(first));
  const [a, b] = [await connection(first), await connection(second)];
  await fill(a, 500);
  await inStep(a, b);
  expect(await b.call("REPLICAOF", "NO", "ONE")).toBe("OK");
  expect(await b.call("SET", "new master", "image")).toBe("OK");
  expect(await a.call("REPLICAOF", "127.0.0.1", second.port)).toBe("OK");
  await inStep(b, a);
  expect(await a.call("GET", "new master")).toBe("image");
  expect(await digest(a)).toBe(await digest(b));
  expect(await a.call("REPLICAOF", "NO", "ONE")).toBe("OK");
  expect(await a.call("SET", "new master", "native")).toBe("OK");
  expect(await b.call("REPLICAOF", "127.0.0.1", first.port)).toBe("OK");
  await inStep(a, b);
  expect(await b.call("GET", "new master")).toBe("native");
  expect(await digest(b)).toBe(await digest(a));
});
