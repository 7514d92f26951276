import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type BootOptions, boot } from "../../host/index.ts";
import { bytesOf, guestModule, runGuest } from "./run-guest.ts";

const MODULE = guestModule("sdk-check");

async function check(name: string, options: BootOptions = {}): Promise<void> {
  const ended = await runGuest(MODULE, { ...options, args: [name, ...(options.args ?? [])] });
  expect(ended.stderr).toBe("");
  expect(ended.stdout.split("\n")).toContain(`ok ${name}`);
  expect(ended.code).toBe(0);
}

/** A server on the host that answers each line in capitals and closes after "bye". */
async function capitals(use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer((socket) => {
    socket.on("data", (data) => {
      socket.write(data.toString().toUpperCase());
      if (data.toString().includes("bye")) socket.end();
    });
    socket.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

describe("threads", () => {
  test("what parked threads hold survives the collector, and memory is bounded", () =>
    check("collector", { args: ["12"], memory: "16mb" }));
  test("locks, conditions, joins, sleeps", () => check("locks"));
  test("a pipe between two of them", () => check("pipe"));
  test("an outgoing connection", () => capitals((port) => check("connect", { args: [String(port)] })));
  test("datagrams", async () => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const first = once(socket, "message");
    const machine = await boot(MODULE, { args: ["udp", String(socket.address().port)] });
    const output = bytesOf(machine.stdout);
    const [hello, guest] = (await first) as [Buffer, { port: number }];
    expect(hello.toString()).toBe("hello");
    for (const word of ["one", "two", "three"]) {
      socket.send(word, guest.port, "127.0.0.1");
      expect(((await once(socket, "message")) as [Buffer])[0].toString()).toBe(word.toUpperCase());
    }
    socket.close();
    expect((await output).toString()).toContain("ok udp");
  });
});

describe("files", () => {
  test("on the root file system", () => check("files"));
  test("on a host folder", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ringzero-sdk-"));
    try {
      await check("files", { args: ["/data"], volumes: { "/data": folder } });
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("callbacks", () => {
  test("timers", () => check("timers"));
  test("file requests", () => check("file-requests"));
  test("an outgoing connection", () => capitals((port) => check("outgoing", { args: [String(port)] })));
  test("a signal reaches its handler", async () => {
    const machine = await boot(MODULE, { args: ["signal"] });
    const output = bytesOf(machine.stdout);
    await machine.stop();
    expect((await output).toString()).toBe("waiting\nsignal 15\nok signal\n");
    expect((await machine.exited).code).toBe(0);
  });
});

test("console and trace print", async () => {
  const ended = await runGuest(MODULE, { args: ["console"] });
  expect(ended.stdout).toBe("to standard output\nok console\n");
  expect(ended.stderr).toBe("to standard error\ntrace: traced 1.0, 2.5\n");
});

describe("the end", () => {
  test("an exception is an abort: where it was thrown, and exit code 134", async () => {
    const ended = await runGuest(MODULE, { args: ["abort"], env: { WHY: "a reason" } });
    expect(ended.stderr).toMatch(/^abort: boom é a reason at guests\/sdk-check\/index\.ts:\d+:\d+\n/);
    expect(ended.code).toBe(134);
  });
  test("an index out of range is an abort", async () => {
    const ended = await runGuest(MODULE, { args: ["bounds"] });
    expect(ended.stderr).toMatch(/^abort: Index out of range at ~lib\/array\.ts:\d+:\d+\n/);
    expect(ended.code).toBe(134);
  });
  test("the exit code is passed on", async () => {
    expect((await runGuest(MODULE, { args: ["exit", "42"] })).code).toBe(42);
  });
  test("Math.random is seeded by the machine", async () => {
    const random = async (seed: string) => (await runGuest(MODULE, { args: ["random"], seed })).stdout;
    expect(await random("a")).toBe(await random("a"));
    expect(await random("a")).not.toBe(await random("b"));
  });
});
