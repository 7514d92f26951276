import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { boot } from "../../host/index.ts";
import { bytesOf, runGuest } from "./run-guest.ts";

let folder = "";
const binary = randomBytes(3_000_001);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ringzero-cat-"));
  writeFileSync(join(folder, "a.txt"), "first\n");
  writeFileSync(join(folder, "b.txt"), "second without a line end");
  writeFileSync(join(folder, "empty"), "");
  writeFileSync(join(folder, "grüße"), "utf-8 name\n");
  writeFileSync(join(folder, "binary"), binary);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("does as cat(1) on Linux does", () => {
  const cases: readonly { name: string; args: string[]; stdin?: string }[] = [
    { name: "one file", args: ["a.txt"] },
    { name: "several files, in order", args: ["b.txt", "a.txt", "empty", "b.txt"] },
    { name: "a name that is not ASCII", args: ["grüße"] },
    { name: "a missing file between two", args: ["a.txt", "missing", "b.txt"] },
    { name: "a folder", args: [".", "a.txt"] },
    { name: "a file used as a folder", args: ["a.txt/x"] },
    { name: "standard input between files", args: ["a.txt", "-", "b.txt"], stdin: "from stdin\n" },
    { name: "no arguments: standard input", args: [], stdin: "just\nstdin" },
    { name: "no arguments and nothing to read", args: [], stdin: "" },
  ];
  test.each(cases)("$name", async ({ args, stdin }) => {
    // Linux' cat runs in the folder; the guest has it mounted and is given absolute names.
    const linux = spawnSync("cat", args, { cwd: folder, input: stdin ?? "", encoding: "utf8" });
    const guest = await runGuest("cat", {
      args: args.map((name) => (name === "-" ? name : `/data/${name}`)),
      volumes: { "/data": { host: folder, readOnly: true } },
      stdin: stdin ?? "",
    });
    expect(guest.stdout).toBe(linux.stdout);
    expect(guest.stderr.replaceAll("/data/", "")).toBe(linux.stderr);
    expect(guest.code).toBe(linux.status);
  });
});

test("copies bytes as they are", async () => {
  // Whoever begins to read late gets the newest output only: so cat waits for the end of stdin first.
  const stdin = new PassThrough();
  const machine = await boot("cat", { args: ["-", "/data/binary"], volumes: { "/data": folder }, stdin });
  setImmediate(() => stdin.end());
  expect((await bytesOf(machine.stdout)).equals(binary)).toBe(true);
  expect((await machine.exited).code).toBe(0);
});

test("copies standard input as it arrives", async () => {
  const stdin = new PassThrough();
  const machine = await boot("cat", { stdin });
  const output = machine.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (const word of ["one ", "two ", "three"]) {
    stdin.write(word);
    expect((await output.next()).value?.toString()).toBe(word);
  }
  stdin.end();
  expect((await output.next()).done).toBe(true);
  expect((await machine.exited).code).toBe(0);
});

test("a large standard input comes through whole", async () => {
  const machine = await boot("cat", { stdin: Readable.from([binary.subarray(0, 100_000), binary.subarray(100_000)]) });
  expect((await bytesOf(machine.stdout)).equals(binary)).toBe(true);
});
