/**
 * The append-only file against sudden death: the CLI runs in a process of its own and is killed with SIGKILL while clients write.
 * With `appendfsync always` a write that was acknowledged must be there after the next boot, and a transaction is there
 * whole or not at all.
 */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type GuestOptions, missingProgram, type ServerProcess, startGuest } from "../../server-process.ts";
import { eventually, seededRandom, testSeed } from "./redis-machine.ts";
import { RespConnection } from "./resp-connection.ts";
import { WriteLoad } from "./write-load.ts";

const folders: string[] = [];
const servers: ServerProcess[] = [];
const mounts: string[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.kill();
  for (const mount of mounts.splice(0)) execFileSync("umount", [mount]);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ringzero-aof-"));
  folders.push(folder);
  return folder;
}

const always = ["--appendonly", "yes", "--appendfsync", "always"];

async function start(folder: string, args: string[] = always, options: GuestOptions = {}): Promise<ServerProcess> {
  const server = await startGuest({ ...options, volumes: [`${folder}:/data`], args });
  servers.push(server);
  return server;
}

test("kill -9 during a write load, 20 times: no acknowledged write is missing", { timeout: 180_000 }, async () => {
  const seed = testSeed();
  console.log(`kill -9: TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const folder = emptyFolder();
  const load = new WriteLoad(6);
  let before = 0;
  for (let round = 1; round <= 20; round++) {
    const server = await start(folder);
    await load.verify(server.port, `seed ${seed}, round ${round}`);
    before = load.total;
    await load.begin(server.port);
    await new Promise((resolve) => setTimeout(resolve, 20 + random(250)));
    await server.kill();
    await load.end();
    expect(load.errors).toEqual([]);
  }
  const server = await start(folder);
  await load.verify(server.port, `seed ${seed}, at the end`);
  expect(load.total).toBeGreaterThanOrEqual(before);
  expect(load.total).toBeGreaterThan(1000);
});

test("BGREWRITEAOF under load, then kill -9 and reboot", { timeout: 120_000 }, async () => {
  const folder = emptyFolder();
  let server = await start(folder);
  const admin = await RespConnection.open(server.port);
  const fields = Array.from({ length: 300 }, (_, index) => [`f${index}`, `v${index}`]).flat();
  expect(await admin.call("HSET", "hash", ...fields)).toBe(300);
  expect(await admin.call("ZADD", "zset", 1.5, "a", "-inf", "b", 3, "c")).toBe(3);
  expect(await admin.call("SADD", "set", "x", "y", "1", "2")).toBe(4);
  expect(await admin.call("SET", "expires", "later", "PXAT", Date.now() + 3_600_000)).toBe("OK");
  expect(await admin.call("SET", Buffer.from([0, 255, 10, 13]), Buffer.from([1, 2, 0, 255]))).toBe("OK");
  await admin.call("SELECT", 5);
  expect(await admin.call("SET", "in db 5", "yes")).toBe("OK");
  const load = new WriteLoad(4);
  await load.begin(server.port);
  const rewriting = async (): Promise<boolean> =>
    /aof_rewrite_(in_progress|scheduled):1/.test(String(await admin.call("INFO", "persistence")));
  for (let pass = 0; pass < 3; pass++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(String(await admin.call("BGREWRITEAOF"))).toMatch(/rewriting (started|scheduled)/);
    await eventually("the rewrite ends", async () => !(await rewriting()), 20_000);
    expect(String(await admin.call("INFO", "persistence"))).toMatch(/aof_last_bgrewrite_status:ok/);
  }
  await server.kill();
  await load.end();
  expect(load.total).toBeGreaterThan(100);
  server = await start(folder);
  await load.verify(server.port, "after the rewrites");
  const check = await RespConnection.open(server.port);
  expect(await check.call("HGET", "hash", "f299")).toBe("v299");
  expect(await check.call("ZRANGE", "zset", 0, -1, "WITHSCORES")).toEqual(["b", "-inf", "a", "1.5", "c", "3"]);
  expect(((await check.call("SMEMBERS", "set")) as string[]).sort()).toEqual(["1", "2", "x", "y"]);
  expect(await check.call("PTTL", "expires")).toBeGreaterThan(3_000_000);
  expect(await check.call("GET", Buffer.from([0, 255, 10, 13]))).toBe("\x01\x02\0\xff");
  await check.call("SELECT", 5);
  expect(await check.call("GET", "in db 5")).toBe("yes");
});

test("a rewrite makes the file small again", { timeout: 60_000 }, async () => {
  const folder = emptyFolder();
  let server = await start(folder, ["--appendonly", "yes", "--appendfsync", "no"]);
  const client = await RespConnection.open(server.port);
  for (let batch = 0; batch < 50; batch++) {
    for (let index = 0; index < 1000; index++) client.send("SET", "same", `${batch}:${index}`.padEnd(100, "."));
    for (let index = 0; index < 1000; index++) await client.read();
  }
  expect(await client.call("CONFIG", "SET", "appendfsync", "always")).toBe("OK");
  expect(await client.call("SET", "marker", "1")).toBe("OK");
  expect(aofBytes(folder)).toBeGreaterThan(5_000_000);
  await client.call("BGREWRITEAOF");
  await eventually("the file shrinks", () => aofBytes(folder) < 10_000, 20_000);
  await server.kill();
  server = await start(folder);
  const check = await RespConnection.open(server.port);
  expect(await check.call("GET", "same")).toBe("49:999".padEnd(100, "."));
  expect(await check.call("GET", "marker")).toBe("1");
});

test("everysec and no: a clean stop keeps everything", { timeout: 60_000 }, async () => {
  for (const policy of ["everysec", "no"]) {
    const folder = emptyFolder();
    const args = ["--appendonly", "yes", "--appendfsync", policy];
    const server = await start(folder, args);
    const client = await RespConnection.open(server.port);
    for (let index = 0; index < 5000; index++) client.send("RPUSH", "list", index);
    for (let index = 0; index < 5000; index++) expect(await client.read()).toBe(index + 1);
    expect(await server.stop(), `${policy}: exit code`).toBe(0);
    const again = await start(folder, args);
    expect(await (await RespConnection.open(again.port)).call("LLEN", "list"), policy).toBe(5000);
  }
});

describe("a truncated tail", () => {
  async function truncatedFolder(): Promise<string> {
    const folder = emptyFolder();
    const server = await start(folder);
    const client = await RespConnection.open(server.port);
    for (let index = 0; index < 100; index++)
      expect(await client.call("RPUSH", "list", `value ${index}`)).toBe(index + 1);
    await server.kill();
    const file = newestAof(folder);
    truncateSync(file, statSync(file).size - 5);
    return folder;
  }

  test("is reported, cut off, and the rest is served and can be extended", { timeout: 60_000 }, async () => {
    const folder = await truncatedFolder();
    const server = await start(folder);
    expect(server.output()).toMatch(/truncat/i);
    const client = await RespConnection.open(server.port);
    expect(await client.call("LLEN", "list")).toBe(99);
    expect(await client.call("RPUSH", "list", "after the repair")).toBe(100);
    await server.kill();
    const again = await start(folder);
    expect(again.output()).not.toMatch(/truncat/i);
    expect(await (await RespConnection.open(again.port)).call("LINDEX", "list", -1)).toBe("after the repair");
  });

  test("with aof-load-truncated no the server refuses to start and says why", { timeout: 60_000 }, async () => {
    const folder = await truncatedFolder();
    await expect(start(folder, [...always, "--aof-load-truncated", "no"])).rejects.toThrow(/end of file|truncat/i);
    // Nothing was changed by the refusal.
    expect(await (await RespConnection.open((await start(folder)).port)).call("LLEN", "list")).toBe(99);
  });

  test("garbage in the middle is not repaired but refused", { timeout: 60_000 }, async () => {
    const folder = await truncatedFolder();
    writeFileSync(newestAof(folder), "this is no append-only file\r\n");
    await expect(start(folder)).rejects.toThrow(/bad file format|format/i);
  });
});

test("a full disk: the client gets an error, what was acknowledged is kept, and freed space is used", {
  timeout: 120_000,
}, async (context) => {
  const parent = emptyFolder();
  const folder = join(parent, "data");
  mkdirSync(folder);
  const disk = smallDisk(folder);
  if (typeof disk === "string") {
    console.log(`full disk: ${disk}; run as root with mount(8), or install util-linux for prlimit(1)`);
    context.skip();
    return;
  }
  const server = await start(folder, always, disk);
  const client = await RespConnection.open(server.port);
  const value = "x".repeat(1000);
  let acknowledged = 0;
  let refusal: string | undefined;
  for (let index = 0; index < 20_000 && refusal === undefined; index++) {
    try {
      const reply = await client.call("SET", `key:${index}`, `${index}:${value}`);
      if (reply === "OK") acknowledged++;
      else refusal = String(reply);
    } catch (error) {
      throw new Error(`after ${acknowledged} writes: ${error}\n${server.output()}`);
    }
  }
  expect(refusal).toMatch(/MISCONF|AOF|disk|space/);
  expect(acknowledged).toBeGreaterThan(500);
  // Reading goes on.
  expect(await client.call("GET", "key:0")).toBe(`0:${value}`);
  await server.kill();

  const again = await start(folder, always, disk.afterwards);
  const reader = await RespConnection.open(again.port);
  for (let index = 0; index < acknowledged; index++) reader.send("GET", `key:${index}`);
  for (let index = 0; index < acknowledged; index++) expect(await reader.read()).toBe(`${index}:${value}`);
  disk.free();
  await eventually("writes are taken again", async () => (await reader.call("SET", "after", "yes")) === "OK", 10_000);
  await again.kill();
  const last = await start(folder, always, disk.afterwards);
  expect(await (await RespConnection.open(last.port)).call("GET", "after")).toBe("yes");
});

interface SmallDisk extends GuestOptions {
  afterwards: GuestOptions;
  free(): void;
}

/** A folder of two megabytes: a tmpfs with a filler file if we may mount, else a limit on file size; or why neither. */
function smallDisk(folder: string): SmallDisk | string {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], { stdio: "ignore" });
    mounts.push(folder);
    const filler = join(folder, "filler");
    writeFileSync(filler, Buffer.alloc(2 << 20));
    return { afterwards: {}, free: () => rmSync(filler) };
  } catch {
    const missing = missingProgram("prlimit");
    if (missing !== undefined) return `no right to mount, and ${missing}`;
    // Node ignores SIGXFSZ, so that a write beyond the limit answers EFBIG.
    return { through: ["prlimit", `--fsize=${2 << 20}`, "--"], afterwards: {}, free: () => {} };
  }
}

function aofFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".aof"))
    .map((entry) => join(entry.parentPath, entry.name));
}

function aofBytes(folder: string): number {
  // A file may vanish between the listing and the look at it: that is what a rewrite does.
  return aofFiles(folder).reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** The file that is being appended to. */
function newestAof(folder: string): string {
  const files = aofFiles(folder).filter((file) => statSync(file).size > 0);
  const newest = files.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
  if (newest === undefined) throw new Error(`no append-only file in ${folder}`);
  return newest;
}
