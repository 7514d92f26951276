/** The run folder: what is stale is not listed and not kept, whatever the process ids have become. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import { isRunning, register, runFolder, runningMachines, unregister } from "../../host/run-registry.ts";

const temporary = process.env.TMPDIR;
const machine = { name: "m", image: "hello", addresses: [], startedMs: 1, stopTimeoutMs: 10_000 };

beforeEach(() => {
  process.env.TMPDIR = mkdtempSync(join(temporary ?? tmpdir(), "ringzero-registry-"));
});
afterAll(() => {
  if (temporary === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = temporary;
});

it("lists this process once it is registered, until it is no more", () => {
  expect(runningMachines()).toEqual([]);
  register(machine);
  register({ ...machine, addresses: ["127.0.0.1:1"] });
  expect(runningMachines()).toMatchObject([{ name: "m", pid: process.pid, addresses: ["127.0.0.1:1"] }]);
  expect(statSync(runFolder()).mode & 0o777).toBe(0o700);
  unregister(process.pid);
  unregister(process.pid);
  expect(runningMachines()).toEqual([]);
  expect(readdirSync(runFolder())).toEqual([]);
});

it("removes the entry of a process that is gone", async () => {
  register(machine);
  const [entry] = runningMachines();
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  const path = join(runFolder(), `${child.pid}.json`);
  writeFileSync(path, JSON.stringify({ ...entry, pid: child.pid }));
  writeFileSync(`${path}.tmp`, "");
  expect(runningMachines().map(({ pid }) => pid)).toEqual([process.pid]);
  expect(readdirSync(runFolder())).toEqual([`${process.pid}.json`]);
});

it.skipIf(!existsSync("/proc/self/stat"))("removes an entry whose process id belongs to a later process", () => {
  register(machine);
  const [entry] = runningMachines();
  writeFileSync(join(runFolder(), `${process.pid}.json`), JSON.stringify({ ...entry, startTicks: "1" }));
  expect(runningMachines()).toEqual([]);
  expect(readdirSync(runFolder())).toEqual([]);
});

it.skipIf(!existsSync("/proc/self/stat"))("does not take a zombie for a running process", async () => {
  // The program that takes the shell's place never waits for the shell's child.
  const parent = spawn("sh", ["-c", "sleep 0.3 & echo $!; exec sleep 30"], { stdio: ["ignore", "pipe", "ignore"] });
  const [text] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(text.toString());
  const startTicks = readFileSync(`/proc/${pid}/stat`, "latin1").split(" ")[21] as string;
  expect(isRunning({ pid, startTicks })).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(process.kill(pid, 0)).toBe(true);
  expect(isRunning({ pid, startTicks })).toBe(false);
  parent.kill("SIGKILL");
});

it("ignores what is no entry, and keeps what it does not know", () => {
  mkdirSync(runFolder(), { mode: 0o700 });
  const texts: Record<string, string> = {
    "notes.txt": "",
    "0.json": "{}",
    "1.json": '{"pid": 1, "name": 7}',
    [`${process.pid}.json`]: '{"pid": 2, "name": "x", "addresses": []}',
    "-1.json": "{}",
    "1e3.json": "null",
  };
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(runFolder(), name), text);
  expect(runningMachines()).toEqual([]);
  expect(readdirSync(runFolder()).sort()).toEqual(Object.keys(texts).sort());
});
