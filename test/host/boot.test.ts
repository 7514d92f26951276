/**
 * The embedding API: what an embedder relies on, whatever the guest.
 */
import { once } from "node:events";
import { mkdtempSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { boot, type Machine, UsageError } from "../../host/index.ts";
import { callModule } from "../kernel/syscall/call-module.ts";

async function ask(machine: Machine, request: string): Promise<string> {
  const connection = machine.connect(6379);
  connection.write(request);
  const [reply] = await once(connection, "data");
  connection.end();
  return String(reply);
}

describe("boot", () => {
  it("settles when the guest listens, and tells the port that the host gave", async () => {
    const machine = await boot("redis", { publish: { 6379: 0 } });
    expect(machine.port(6379)).toBeGreaterThan(1023);
    expect(machine.publications).toEqual([{ guestPort: 6379, host: "127.0.0.1", port: machine.port(6379) }]);
    expect(() => machine.port(80)).toThrow("guest port 80 is not published");
    expect(await machine.stop()).toEqual({ code: 0, reason: null });
    expect(await machine.stop()).toEqual(await machine.exited);
    await expect(ask(machine, "PING\r\n")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("keeps machines apart: a hundred of them, each with its own data", async () => {
    const machines = await Promise.all(Array.from({ length: 100 }, () => boot("redis")));
    await Promise.all(machines.map((machine, index) => ask(machine, `SET mine ${index}\r\n`)));
    const answers = await Promise.all(machines.map((machine) => ask(machine, "GET mine\r\n")));
    expect(answers).toEqual(machines.map((_, index) => `$${String(index).length}\r\n${index}\r\n`));
    await Promise.all(machines.map((machine) => machine.stop()));
  });

  it("rejects with one line for what the caller can mend", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    for (const [options, message] of [
      [{ publish: { 6379: port } }, `port ${port} of 127.0.0.1 is in use`],
      [{ volumes: { "/data": "/no/such/folder" } }, "does not exist"],
      [{ memory: "1kb" }, "at least 64kb"],
      [{ memory: "64kb" }, "it needs at least"],
    ] as const) {
      const failure = await boot("redis", options).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(UsageError);
      expect(String(failure)).toContain(message);
    }
    taken.close();
  });

  it("leaves nothing open behind when a port is in use", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const volumes = { "/data": mkdtempSync(join(tmpdir(), "ringzero-boot-")) };
    const open = (): number => readdirSync("/proc/self/fd").length;
    const before = open();
    for (let i = 0; i < 5; i++) {
      await expect(boot("redis", { publish: { 6379: port }, volumes })).rejects.toThrow("is in use");
    }
    expect(open()).toBe(before);
    taken.close();
  });

  it("rejects with the guest's last words if it ends before it listens", async () => {
    const failure = boot("redis", { publish: { 6379: 0 }, args: ["--no-such-directive", "1"] });
    await expect(failure).rejects.toThrow(
      /redis ended before it listened: it exited with code 1\n.*no-such-directive/s,
    );
  });

  it("ends a guest that does not want to end", async () => {
    const machine = await boot(callModule(), { name: "stubborn" }); // has a ring, and no ears for RING_SIGNAL
    expect(await machine.stop({ timeoutMs: 50 })).toEqual({ code: 137, reason: "killed: it did not end within 50 ms" });
  });

  it("ends a machine at once on kill, with everything that hangs on it", async () => {
    const machine = await boot("redis", { publish: { 6379: 0 } });
    const connection = machine.connect(6379);
    const closed = once(connection.resume(), "close");
    machine.kill();
    expect((await machine.exited).code).toBe(137);
    await closed;
    await text(machine.stdout); // ends
  });

  it("gives an AssemblyScript guest's exports through the loader", async () => {
    const machine = await boot("hello");
    expect(machine.exports.memory).toBeInstanceOf(WebAssembly.Memory);
    expect(machine.exports.__getString).toBeTypeOf("function");
    await machine.exited;
  });
});
