/**
 * Data on disk: dumps made by BGSAVE while clients write, read by Redis' own checker and by a native Redis; the append-only file
 * against kill -9, also while it is being rewritten; shutdown and boot.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { missingProgram, type ServerProcess } from "../../server-process.ts";
import { eventually, seededRandom, testSeed } from "../redis/redis-machine.ts";
import type { RespConnection } from "../redis/resp-connection.ts";
import { WriteLoad } from "../redis/write-load.ts";
import {
  connection,
  digest,
  emptyFolder,
  fill,
  image,
  info,
  missingForRedisServer,
  native,
  withDebug,
} from "./redis-servers.ts";

const missing = missingForRedisServer("persistence") ?? missingProgram("redis-check-rdb", ["--help"]);
const always = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];

/** How many keys Redis' own checker has read in a dump that it finds sound. */
function keysInDump(file: string): number {
  const result = spawnSync("redis-check-rdb", [file], { encoding: "utf8" });
  expect(result.stdout, result.stderr).toContain("RDB looks OK");
  expect(result.status).toBe(0);
  return Number(/(\d+) keys read/.exec(result.stdout)?.[1]);
}

async function load(connections: readonly RespConnection[], keys: number, going: () => boolean): Promise<number> {
  const counts = await Promise.all(
    connections.map(async (client, writer) => {
      let writes = 0;
      while (going()) {
        for (let index = 0; index < 16; index++)
          client.send("SET", `fixed:${(writes + index * 31) % keys}`, `${writer}:${writes}`);
        for (let index = 0; index < 16; index++) expect(await client.read()).toBe("OK");
        writes += 16;
      }
      return writes;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

test.skipIf(missing)("BGSAVE under load: the dump is sound and has every key", { timeout: 180_000 }, async () => {
  const folder = emptyFolder();
  const server = await image([...withDebug, "--save", ""], folder);
  const admin = await connection(server);
  const keys = 100_000;
  for (let from = 0; from < keys; from += 10_000) {
    for (let index = from; index < from + 10_000; index++) admin.send("SET", `fixed:${index}`, "x".repeat(index % 200));
    for (let index = 0; index < 10_000; index++) await admin.read();
  }
  await fill(admin, 2000);
  const total = keys + 2000;
  expect(await admin.call("DBSIZE")).toBe(total);
  let going = true;
  const writing = load(await Promise.all([1, 2, 3, 4].map(() => connection(server))), keys, () => going);
  for (let round = 0; round < 3; round++) {
    expect(await admin.call("BGSAVE")).toBe("Background saving started");
    // The parent goes on meanwhile: it answers, and it knows that it saves.
    expect(await info(admin, "persistence", "rdb_bgsave_in_progress")).toBe("1");
    await eventually(
      "the end of the save",
      async () => (await info(admin, "persistence", "rdb_bgsave_in_progress")) === "0",
      60_000,
    );
    expect(await info(admin, "persistence", "rdb_last_bgsave_status")).toBe("ok");
    expect(keysInDump(join(folder, "dump.rdb"))).toBe(total);
  }
  going = false;
  expect(await writing).toBeGreaterThan(1000);

  // The same data in a native Redis, and in the image again.
  expect(await admin.call("BGSAVE")).toBe("Background saving started");
  await eventually(
    "the end of the save",
    async () => (await info(admin, "persistence", "rdb_bgsave_in_progress")) === "0",
    60_000,
  );
  const wanted = await digest(admin);
  const other = emptyFolder();
  copyFileSync(join(folder, "dump.rdb"), join(other, "dump.rdb"));
  expect(await digest(await connection(await native(withDebug, other)))).toBe(wanted);
  await server.kill();
  expect(await digest(await connection(await image([...withDebug, "--save", ""], folder)))).toBe(wanted);
});

test.skipIf(missing)("a dump of a native Redis is read", { timeout: 60_000 }, async () => {
  const folder = emptyFolder();
  const server = await native(withDebug, folder);
  const client = await connection(server);
  await fill(client, 3000);
  expect(await client.call("SAVE")).toBe("OK");
  expect(keysInDump(join(folder, "dump.rdb"))).toBe(3000);
  const wanted = await digest(client);
  await server.kill();
  expect(await digest(await connection(await image(withDebug, folder)))).toBe(wanted);
});

test.skipIf(missing)("DEBUG RELOAD and SAVE keep the data", { timeout: 60_000 }, async () => {
  const client = await connection(await image(withDebug));
  await fill(client, 3000);
  const wanted = await digest(client);
  for (let round = 0; round < 3; round++) expect(await client.call("DEBUG", "RELOAD")).toBe("OK");
  expect(await client.call("SAVE")).toBe("OK");
  expect(await digest(client)).toBe(wanted);
});

test.skipIf(missing)(
  "kill -9 with appendfsync always, 10 times: no acknowledged write is missing",
  { timeout: 180_000 },
  async () => {
    const seed = testSeed();
    console.log(`redis-server, kill -9: TEST_SEED=${seed}`);
    const random = seededRandom(seed);
    const folder = emptyFolder();
    const writes = new WriteLoad(6);
    let server: ServerProcess;
    for (let round = 1; round <= 10; round++) {
      server = await image(always, folder);
      await writes.verify(server.port, `seed ${seed}, round ${round}`);
      await writes.begin(server.port);
      await new Promise((resolve) => setTimeout(resolve, 50 + random(400)));
      await server.kill();
      await writes.end();
      expect(writes.errors).toEqual([]);
    }
    server = await image(always, folder);
    await writes.verify(server.port, `seed ${seed}, at the end`);
    expect(writes.total).toBeGreaterThan(500);
  },
);

test.skipIf(missing)("BGREWRITEAOF under load, then kill -9: nothing is missing", { timeout: 180_000 }, async () => {
  const folder = emptyFolder();
  let server = await image([...withDebug, ...always], folder);
  const admin = await connection(server);
  await fill(admin, 5000);
  const writes = new WriteLoad(4);
  await writes.begin(server.port);
  for (let pass = 0; pass < 3; pass++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(String(await admin.call("BGREWRITEAOF"))).toMatch(/rewriting (started|scheduled)/);
    await eventually(
      "the rewrite ends",
      async () => !/aof_rewrite_(in_progress|scheduled):1/.test(String(await admin.call("INFO", "persistence"))),
      60_000,
    );
    expect(await info(admin, "persistence", "aof_last_bgrewrite_status")).toBe("ok");
  }
  await server.kill();
  await writes.end();
  expect(writes.errors).toEqual([]);
  server = await image([...withDebug, ...always], folder);
  await writes.verify(server.port, "after the rewrites");
  const client = await connection(server);
  expect(await client.call("GET", "key:0")).toBe("value of 0");
  // A native Redis finds the same in the files.
  const wanted = await digest(client);
  await server.kill();
  expect(await digest(await connection(await native([...withDebug, "--appendonly", "yes"], folder)))).toBe(wanted);
});

test.skipIf(missing)("SIGTERM saves, and the next boot has it all", { timeout: 60_000 }, async () => {
  const folder = emptyFolder();
  const server = await image(withDebug, folder);
  const client = await connection(server);
  await fill(client, 1000);
  const wanted = await digest(client);
  expect(await server.stop()).toBe(0);
  expect(server.output()).toContain("DB saved on disk");
  expect(existsSync(join(folder, "dump.rdb"))).toBe(true);
  expect(readdirSync(folder).filter((name) => name.startsWith("temp-"))).toEqual([]);
  expect(await digest(await connection(await image(withDebug, folder)))).toBe(wanted);
});
