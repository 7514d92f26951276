/**
 * `appendfsync always`: nobody is told of a write before it is on disk, neither who wrote nor who read it. The machine runs in
 * this process, and its fdatasync(2) is held back by the test.
 */
import fs, { mkdtempSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bootRedis, eventually, type RedisMachine } from "./redis-machine.ts";
import { RespConnection } from "./resp-connection.ts";

const real = fs.fdatasync;
const held: (() => void)[] = [];
let holding = false;
let outcome: NodeJS.ErrnoException | null = null;

const folder = mkdtempSync(join(tmpdir(), "ringzero-durable-"));
let machine: RedisMachine;

beforeAll(async () => {
  fs.fdatasync = Object.assign(
    (fd: number, done: fs.NoParamCallback) => {
      if (holding) held.push(() => (outcome ? done(outcome) : real(fd, done)));
      else real(fd, done);
    },
    { __promisify__: real.__promisify__ },
  );
  syncBuiltinESMExports();
  machine = await bootRedis(["--appendonly", "yes", "--appendfsync", "always"], { volumes: { "/data": folder } });
});
afterAll(async () => {
  release();
  await machine.stop();
  fs.fdatasync = real;
  syncBuiltinESMExports();
  rmSync(folder, { recursive: true, force: true });
});

function release(): void {
  holding = false;
  for (const go of held.splice(0)) go();
}
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("replies to a writer and to a reader of its value wait for the disk", async () => {
  const writer = await RespConnection.open(machine.port);
  const reader = await RespConnection.open(machine.port);
  expect(await writer.call("SET", "k", "old")).toBe("OK");
  expect(await reader.call("GET", "k")).toBe("old");
  holding = true;
  writer.send("SET", "k", "new");
  await eventually("the group is on its way", () => held.length > 0);
  reader.send("GET", "k");
  await pause(150);
  expect(writer.pending).toHaveLength(0);
  expect(reader.pending).toHaveLength(0);
  release();
  expect(await writer.read()).toBe("OK");
  expect(await reader.read()).toBe("new");
  // With nothing under way a read does not wait.
  holding = true;
  expect(await reader.call("GET", "k")).toBe("new");
  holding = false;
  writer.close();
  reader.close();
});

test("when the fsync fails the writer gets an error, the reader its answer, and writing goes on later", async () => {
  const writer = await RespConnection.open(machine.port);
  const reader = await RespConnection.open(machine.port);
  holding = true;
  outcome = Object.assign(new Error("EIO"), { code: "EIO", errno: -5 });
  writer.send("INCR", "n");
  await eventually("the group is on its way", () => held.length > 0);
  reader.send("ECHO", "hello");
  await pause(50);
  expect(reader.pending).toHaveLength(0);
  for (const go of held.splice(0)) go();
  expect(String(await writer.read())).toMatch(/MISCONF Errors writing to the AOF file/);
  expect(await reader.read()).toBe("hello");
  outcome = null;
  release();
  await eventually("writes are taken again", async () => {
    release();
    return (await writer.call("SET", "after", "1")) === "OK";
  });
  writer.close();
  reader.close();
});
