/**
 * A machine of several shards as its embedder and the command line see it: one port, one life, one line that says what is wrong.
 */
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { boot, type ShardedMachine } from "../../../host/index.ts";
import type { ShardedBootOptions } from "../../../host/options.ts";
import { F64, I32, WasmWriter } from "../../../kernel/shim/wasm-writer.ts";
import { RunCommands } from "../run-process.ts";

const folder = mkdtempSync(join(tmpdir(), "ringzero-shards-"));
const started: ShardedMachine[] = [];
const commands = new RunCommands();

async function start(image: string, options: ShardedBootOptions): Promise<ShardedMachine> {
  const machine = await boot(image, options);
  started.push(machine);
  return machine;
}

/** An image whose shard 1 does `what` (Wasm code) in its first turn, 20 ms after the start; the others go on. */
function image(name: string, what: readonly number[], manifest: object = { shards: true }): string {
  const types = new WasmWriter().u32(5);
  types.byte(0x60, 0, 1, I32); // 0: shard_self
  types.byte(0x60, 2, I32, I32, 1, I32); // 1: ring_setup
  types.byte(0x60, 2, F64, I32, 1, I32); // 2: ring_timer
  types.byte(0x60, 1, I32, 0); // 3: exit
  types.byte(0x60, 0, 0); // 4: _start
  const all = new WasmWriter().u32(6);
  all.bytes.push(...types.bytes.slice(1), 0x60, 3, I32, F64, F64, 0); // 5: ring_dispatch
  const imports = new WasmWriter().u32(4);
  for (const [call, type] of [
    ["shard_self", 0],
    ["ring_setup", 1],
    ["ring_timer", 2],
    ["exit", 3],
  ] as const)
    imports.name("ringzero").name(call).byte(0).u32(type);
  const main = new WasmWriter().u32(0).byte(0x41).s32(1024).byte(0x41).s32(16).byte(0x10, 1, 0x1a);
  main.byte(0x44, 0, 0, 0, 0, 0, 0, 0x34, 0x40).byte(0x41, 1, 0x10, 2, 0x1a, 0x0b); // ring_timer(20.0, 1)
  // Shard 1 does its thing whatever the event is; the others exit when they are asked to end (the event at 1024 is RING_SIGNAL).
  const dispatch = new WasmWriter().u32(0).byte(0x10, 0, 0x41, 1, 0x46, 0x04, 0x40, ...what, 0x0b);
  dispatch.byte(0x41).s32(1024).byte(0x28, 2, 0, 0x41, 9, 0x46, 0x04, 0x40, 0x41, 0, 0x10, 3, 0x0b, 0x0b);
  const exports = new WasmWriter()
    .u32(3)
    .name("_start")
    .byte(0, 4)
    .name("ring_dispatch")
    .byte(0, 5)
    .name("memory")
    .byte(2, 0);
  const module = new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, all)
    .section(2, imports)
    .section(3, new WasmWriter().u32(2).u32(4).u32(5))
    .section(5, new WasmWriter().u32(1).byte(0).u32(1))
    .section(7, exports)
    .section(10, new WasmWriter().u32(2).sized(main).sized(dispatch))
    .toUint8Array();
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "ringzero.json"), JSON.stringify({ name, style: "callback", ...manifest }));
  writeFileSync(join(path, `${name}.wasm`), module);
  return path;
}

const NOTHING: readonly number[] = [0x01];
const TRAP: readonly number[] = [0x00];
const LOOP: readonly number[] = [0x03, 0x40, 0x0c, 0x00, 0x0b];
const exitWith = (code: number): readonly number[] => [0x41, code, 0x10, 3];

async function ask(port: number, request: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(request);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return chunk.toString();
}

async function refusal(imageName: string, options: Record<string, unknown>): Promise<string> {
  const error = await boot(imageName, options as unknown as ShardedBootOptions).then(
    () => null,
    (reason: Error) => reason,
  );
  return `${error?.constructor.name}: ${error?.message}`;
}

afterEach(() => {
  for (const machine of started.splice(0)) machine.kill();
});
afterAll(async () => {
  await commands.end();
  rmSync(folder, { recursive: true, force: true });
});

describe("a machine of several shards", () => {
  it("listens on one port, with all its shards", async () => {
    const machine = await start("redis", { shards: 3, publish: { 6379: 0 } });
    expect(machine.shards).toBe(3);
    const port = machine.port(6379);
    expect(port).toBeGreaterThan(1023);
    expect(machine.publications).toEqual([{ guestPort: 6379, host: "127.0.0.1", port }]);
    const ids = new Set<string>();
    for (let i = 0; i < 200 && ids.size < 3; i++)
      ids.add(/run_id:(\w+)/.exec(await ask(port, "INFO server\r\n"))?.[1] ?? "");
    expect(ids.size).toBe(3);
    expect(await machine.stop()).toEqual({ code: 0, reason: null });
    await expect(ask(port, "PING\r\n")).rejects.toThrow(/ECONNREFUSED/);
    expect(() => machine.port(1)).toThrow("redis: guest port 1 is not published");
  });

  it("is reached past every host socket, one shard after the other", async () => {
    const machine = await start("redis", { shards: 2, publish: { 6379: 0 } });
    const ids = new Set<string>();
    for (let i = 0; i < 2; i++) {
      const stream = machine.connect(6379);
      stream.write("INFO server\r\n");
      const [reply] = (await once(stream, "data")) as [Buffer];
      ids.add(/run_id:(\w+)/.exec(reply.toString())?.[1] ?? "");
      stream.end();
    }
    expect(ids.size).toBe(2);
    // What is long passes whole, both ways, and the stream ends as a socket does.
    const value = "x".repeat(3_000_000);
    const stream = machine.connect(6379);
    stream.write(`*2\r\n$4\r\nECHO\r\n$${value.length}\r\n${value}\r\n*1\r\n$4\r\nQUIT\r\n`);
    expect(await text(stream)).toBe(`$${value.length}\r\n${value}\r\n+OK\r\n`);
    const nobody = machine.connect(7);
    const [error] = (await once(nobody, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
  });

  it("tells what all its shards write", async () => {
    const machine = await start("redis", { shards: 2, publish: { 6379: 0 } });
    const said = text(machine.stdout);
    await machine.stop();
    expect((await said).match(/bye bye/g)?.length).toBe(2);
  });

  it("cannot have a port that another program has, shared or not", async () => {
    for (const reusePort of [false, true]) {
      const server = createServer().listen({ port: 0, host: "127.0.0.1", reusePort });
      await once(server, "listening");
      const { port } = server.address() as { port: number };
      expect(await refusal("redis", { shards: 2, publish: { 6379: port } })).toBe(
        `UsageError: port ${port} of 127.0.0.1 is in use: publish another one, or 0 for any that is free`,
      );
      server.close();
    }
  });

  it("cuts nobody off who connects while its shards come up", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, "close");
    let up = false;
    const booting = start("redis", { shards: 4, publish: { 6379: port } }).then(() => {
      up = true;
    });
    const answers = new Set<string>();
    while (!up) {
      const asked = Array.from({ length: 10 }, () =>
        ask(port, "PING\r\n").catch((error: NodeJS.ErrnoException) => error.code ?? error.message),
      );
      // Before the first shard serves nobody is promised anything; from its first answer on everybody is served.
      const served = answers.has("+PONG\r\n");
      for (const answer of await Promise.all(asked)) if (served || answer === "+PONG\r\n") answers.add(answer);
    }
    await booting;
    expect([...answers]).toEqual(["+PONG\r\n"]);
  });

  it("takes a port by its number, and gives it back", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, "close");
    for (let i = 0; i < 2; i++) {
      const machine = await start("redis", { shards: 2, publish: { 6379: port } });
      expect(await ask(port, "PING\r\n")).toBe("+PONG\r\n");
      expect((await machine.stop()).code).toBe(0);
    }
  });

  it("says what cannot be", async () => {
    const shards = 2;
    expect(await refusal("redis", { shards: 0 })).toBe("UsageError: shards 0: give a number from 1 to 64");
    expect(await refusal("redis", { shards: 65 })).toMatch(/1 to 64/);
    expect(await refusal("redis", { shards: 1.5 })).toMatch(/1 to 64/);
    expect(await refusal("hello", { shards })).toBe(
      'UsageError: hello: it does not know of shards (its manifest has no "shards": true): boot it without',
    );
    expect(await refusal("redis", { shards, publish: { "/run/a.sock": "/tmp/a.sock" } })).toMatch(
      /^UsageError: publish: several shards cannot listen on one Unix socket/,
    );
    expect(await refusal("redis", { shards, memory: "1x" })).toMatch(/^UsageError: memory/);
    expect(await refusal("redis", { shards, volumes: { "/data": "/no/such" } })).toMatch(/^UsageError: volume/);
    expect(await refusal("redis", { shards, memory: "64kb" })).toMatch(/^UsageError: redis: it needs at least/);
    expect(await refusal("redis", { shards, publish: { 6379: 0 }, args: ["--no-such-thing"] })).toMatch(/^Error: /);
  });

  it("gives each shard a folder of its own in a volume, and keeps to their number", async () => {
    const host = join(folder, "data");
    mkdirSync(host);
    const options = { shards: 2, publish: { 6379: 0 }, volumes: { "/data": host }, args: ["--appendonly", "yes"] };
    await (await start("redis", options)).stop();
    for (const shard of ["shard-0", "shard-1"]) expect(existsSync(join(host, shard, "appendonlydir"))).toBe(true);
    await (await start("redis", options)).stop();
    expect(await refusal("redis", { ...options, shards: 3 })).toMatch(/holds files of 2 shards/);
    const other = join(folder, "other");
    mkdirSync(other);
    writeFileSync(join(other, "dump.rdb"), "");
    expect(await refusal("redis", { ...options, volumes: { "/data": other } })).toMatch(/of a machine without shards/);
    const readOnly = { "/data": { host: other, readOnly: true } };
    await (await start("redis", { shards: 2, publish: { 6379: 0 }, volumes: readOnly })).stop();
    expect(existsSync(join(other, "shard-0"))).toBe(false);
  });

  it("ends when a shard dies, and names it", async () => {
    const machine = await start(image("trap", TRAP), { shards: 3 });
    expect(await machine.exited).toEqual({ code: 132, reason: expect.stringMatching(/^shard 1: the guest died: /) });
  });

  it("ends when a shard exits", async () => {
    const failed = await start(image("exit", exitWith(3)), { shards: 2 });
    expect(await failed.exited).toEqual({ code: 3, reason: "shard 1: it exited with code 3" });
    const done = await start(image("done", exitWith(0)), { shards: 2 });
    expect(await done.exited).toEqual({ code: 0, reason: null });
  });

  it("is ended when a shard does not answer, by stop and by kill", async () => {
    const path = image("loop", LOOP);
    const stopped = await start(path, { shards: 2 });
    const { code, reason } = await stopped.stop({ timeoutMs: 50 });
    expect([code, reason]).toEqual([137, "killed: it did not end within 50 ms"]);
    const killed = await start(path, { shards: 2 });
    killed.kill();
    expect(await killed.exited).toEqual({ code: 137, reason: null });
  });

  it("hands the machine's own lines to `log`, with the shard's number", async () => {
    const lines: string[] = [];
    const machine = await start(image("quiet", NOTHING), { shards: 2, log: (line) => lines.push(line) });
    await machine.stop();
    expect(lines.every((line) => /^shard [01]: /.test(line))).toBe(true);
  });
});

describe("ringzero run --shards", () => {
  it("is ready once all listen, answers `stop`, and passes the exit code on", async () => {
    const run = commands.start(["run", "redis", "--shards", "2", "--publish", "0:6379", "--name", "pair"]);
    await run.says(/^ready pair 127\.0\.0\.1:\d+ boot=\d+ ms$/m);
    const port = Number(/:(\d+) boot/.exec(run.said.stderr)?.[1]);
    expect(await ask(port, "PING\r\n")).toBe("+PONG\r\n");
    const ps = commands.start(["ps"]);
    expect((await ps.ended).stdout).toMatch(/pair/);
    const stop = commands.start(["stop", "pair"]);
    expect((await stop.ended).code).toBe(0);
    expect((await run.ended).code).toBe(0);
  });

  it("reports a shard that died, by its number", async () => {
    const run = commands.start(["run", image("trap", TRAP), "--shards", "2"]);
    const { code, stderr } = await run.ended;
    expect([code, stderr]).toEqual([132, expect.stringMatching(/^ringzero: trap: shard 1: the guest died: /m)]);
  });

  it("refuses what is no number of shards", async () => {
    for (const shards of ["0", "65", "two", "-1", "1.5"]) {
      const { code, stderr } = await commands.start(["run", "redis", "--shards", shards]).ended;
      expect([code, stderr]).toEqual([64, expect.stringMatching(/^ringzero: (--)?shards .*give a number/m)]);
    }
    const { code, stderr } = await commands.start(["run", "hello", "--shards", "2"]).ended;
    expect([code, stderr]).toEqual([64, expect.stringMatching(/it does not know of shards/)]);
  });
});
