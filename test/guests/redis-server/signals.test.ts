/** What a server process is told from outside: signals, and a Unix socket in place of a port. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "../redis/redis-machine.ts";
import { cli, connection, emptyFolder, image, info, missingForRedisServer } from "./redis-servers.ts";

const missing = missingForRedisServer("signals");

test.skipIf(missing)(
  "SIGHUP is ignored, as Redis wants it; SIGUSR1 ends it, as nobody handles it",
  { timeout: 60_000 },
  async () => {
    const server = await image();
    const client = await connection(server);
    process.kill(server.pid, "SIGHUP");
    for (let round = 0; round < 20; round++) expect(await client.call("PING")).toBe("PONG");
    process.kill(server.pid, "SIGUSR1");
    expect(await server.exited).toBe(128 + 10);
  },
);

test.skipIf(missing)(
  "a pid file names the host's process, if the guest is told its number",
  { timeout: 60_000 },
  async () => {
    const folder = emptyFolder();
    const server = await image(["--pidfile", "/data/redis.pid"], folder, { options: ["--pid", "host"] });
    const pid = Number(readFileSync(join(folder, "redis.pid"), "utf8"));
    expect(pid).toBe(server.pid);
    const client = await connection(server);
    expect(await info(client, "server", "process_id")).toBe(String(pid));
    expect(await client.call("BGSAVE")).toBe("Background saving started"); // its children have other numbers
    await eventually("saved", async () => (await info(client, "persistence", "rdb_bgsave_in_progress")) === "0");
    process.kill(pid, "SIGTERM");
    expect(await server.exited).toBe(0);
  },
);

test.skipIf(missing)("SIGTERM and SIGINT end it in order", { timeout: 60_000 }, async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const server = await image();
    process.kill(server.pid, signal);
    expect(await server.exited, signal).toBe(0);
    expect(server.output()).toMatch(/bye bye/);
  }
});

test.skipIf(missing)("a Unix socket that is published is one of the host's", { timeout: 60_000 }, async () => {
  const folder = emptyFolder();
  const path = join(folder, "redis.sock");
  // The same path on both sides, on a volume: Redis removes what it finds there before it binds.
  const server = await image(["--unixsocket", path, "--pidfile", join(folder, "pid")], undefined, {
    volumes: [`${folder}:${folder}`],
    publish: [`${path}:${path}`],
  });
  await eventually("ready", () => server.output().includes(`127.0.0.1:${server.port} ${path} boot=`));
  expect(cli("-s", path, "SET", "over", "unix").trim()).toBe("OK");
  expect(cli("-p", String(server.port), "GET", "over").trim()).toBe("unix");
  expect(cli("-s", path, "CLIENT", "LIST")).toMatch(new RegExp(`addr=${path}:0 `));
  expect(cli("-s", path, "--latency", "-i", "1", "--raw")).toMatch(/^\d+ \d+/);
  expect(readFileSync(join(folder, "pid"), "utf8")).toBe("1\n");
  expect(await server.stop()).toBe(0);
  expect(existsSync(path)).toBe(false);
});
