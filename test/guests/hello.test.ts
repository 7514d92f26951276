import { expect, test } from "vitest";
import { runGuest } from "./run-guest.ts";

test("hello prints its arguments, environment, time and random bytes", async () => {
  const started = Date.now();
  const ended = await runGuest("hello", {
    args: ["one", "zwei drei", "", "🎈"],
    env: { GREETING: "hi=there", EMPTY: "" },
  });
  expect(ended.stderr).toBe("");
  expect(ended.code).toBe(0);
  const lines = ended.stdout.split("\n");
  expect(lines[0]).toMatch(/^Hello from hello, process \d+ on \S+$/);
  expect(lines.slice(1, 5)).toEqual(["argument 1: one", "argument 2: zwei drei", "argument 3: ", "argument 4: 🎈"]);
  expect(lines).toContain("environment: GREETING=hi=there");
  expect(lines).toContain("environment: EMPTY=");
  const time = Date.parse(/^time: (\S+), /m.exec(ended.stdout)?.[1] ?? "");
  expect(time).toBeGreaterThanOrEqual(started - 1);
  expect(time).toBeLessThanOrEqual(Date.now() + 1);
  const uptime = Number(/, ([\d.]+) ms after boot$/m.exec(ended.stdout)?.[1]);
  expect(uptime).toBeGreaterThanOrEqual(0);
  expect(uptime).toBeLessThan(10_000);
  expect(ended.stdout).toMatch(/^random: [0-9a-f]{32}$/m);
});

test("random bytes differ between machines, and are the same for the same seed", async () => {
  const random = async (seed?: string) =>
    /^random: ([0-9a-f]{32})$/m.exec((await runGuest("hello", seed === undefined ? {} : { seed })).stdout)?.[1];
  expect(await random()).not.toBe(await random());
  expect(await random("a")).toBe(await random("a"));
  expect(await random("a")).not.toBe(await random("b"));
});

test("the memory limit is what the machine was booted with", async () => {
  const ended = await runGuest("hello", { memory: "8mb" });
  expect(ended.stdout).toMatch(/^memory: \d+ KiB of 8192 KiB$/m);
});
