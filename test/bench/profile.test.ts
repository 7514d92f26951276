/** What the profile commands make of a profile: the call tree, the picture, bytes a request; and one real run of each. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { missingProgram, repositoryRoot } from "../server-process.ts";
import { readAllocations } from "./profile/allocations.ts";
import { type CpuProfile, flameGraph, readProfile, summarize } from "./profile/flame-graph.ts";
import { profileArguments } from "./profile/profiled-run.ts";

const frame = (functionName: string, url = "") => ({ functionName, url, lineNumber: 1 });
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame("(root)"), children: [2, 3, 6] },
    { id: 2, callFrame: frame("(idle)") },
    { id: 3, callFrame: frame("turn", "file:///x/kernel/machine-kernel.ts"), children: [4, 5] },
    { id: 4, callFrame: frame("guests/redis/loop/dispatch", "wasm://wasm/1"), children: [7] },
    { id: 5, callFrame: frame("guests/redis/loop/dispatch", "wasm://wasm/1") },
    { id: 6, callFrame: frame("a<b>&c", "node:net") },
    { id: 7, callFrame: frame("write", "file:///x/host/devices/net.ts") },
  ],
  samples: [2, 3, 4, 5, 6, 7],
  timeDeltas: [1000, 10, 20, 30, 40, 100],
};

describe("a flame graph", () => {
  const root = readProfile(profile);

  it("has the time of everything but idleness, calls of one function by one caller as one frame", () => {
    expect(root.totalUs).toBe(200);
    const turn = root.children[0];
    expect(turn).toMatchObject({ name: "turn kernel/machine-kernel", owner: "kernel", selfUs: 10, totalUs: 160 });
    expect(turn?.children).toMatchObject([{ name: "redis/loop/dispatch", owner: "guest", selfUs: 50, totalUs: 150 }]);
    expect(Object.fromEntries(summarize(root).owners)).toEqual({
      native: 0,
      kernel: 10,
      guest: 50,
      node: 40,
      host: 100,
    });
    expect(summarize(root).functions[0]).toEqual(["write host/devices/net", 100]);
  });

  it("is an SVG that shows them, whatever they are called", () => {
    const svg = flameGraph(root, "a & b");
    expect(svg).toContain("a &amp; b");
    expect(svg).toContain("<title>a&lt;b&gt;&amp;c: 20.0 %, itself 20.0 %</title>");
    expect(svg).toContain("guest (Wasm) 25.0 %");
    expect(svg.match(/<g>/g)?.length).toBe(5);
    expect(svg.match(/<g>/g)?.length).toBe(svg.match(/<\/g>/g)?.length);
  });
});

it("allocations: bytes a request, ours and Node's", () => {
  const node = (callFrame: ReturnType<typeof frame>, selfSize: number, children: never[] = []) => ({
    callFrame,
    selfSize,
    children,
  });
  const head = {
    ...node(frame("(root)"), 0),
    children: [
      node(frame("pop", "file:///x/host/queue/device-queue.ts"), 1600),
      node(frame("pop", "file:///x/host/queue/device-queue.ts"), 400),
      node(frame("write", "node:net"), 500),
    ],
  };
  const { ours, node: nodes, functions } = readAllocations(head, 100);
  expect([ours, nodes]).toEqual([20, 5]);
  expect(functions[0]).toEqual({ name: "pop host/queue/device-queue.ts", ours: true, bytes: 20 });
});

it("says what it does not understand", () => {
  expect(profileArguments(["redis", "--pipeline", "16"], 5)).toMatchObject({ load: { pipeline: 16, requests: 5 } });
  for (const args of [[], ["lua"], ["redis", "--pipeline"], ["redis", "--pipeline", "0"], ["redis", "--x", "1"]]) {
    expect(() => profileArguments(args, 5)).toThrow();
  }
});

it.skipIf(missingProgram("gcc"))(
  "profiles a guest: no object of the machine's own for a request",
  { timeout: 120_000 },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "ringzero-profile-"));
    const run = (script: string, ...args: string[]): string =>
      execFileSync(process.execPath, [join("test/bench/profile", script), "redis", ...args], {
        cwd: repositoryRoot,
        encoding: "utf8",
      });
    const file = join(folder, "profile.svg");
    expect(run("profile.ts", "--requests", "20000", "--out", file)).toMatch(/guest$/m);
    expect(readFileSync(file, "utf8")).toContain("redis/loop/dispatch");
    // Enough requests that what happens once (code that is not optimized yet boxes numbers) is little for each.
    expect(run("profile-allocations.ts", "--requests", "200000")).toMatch(/the machine's own code \d\.\d\d bytes/);
    rmSync(folder, { recursive: true });
  },
);
