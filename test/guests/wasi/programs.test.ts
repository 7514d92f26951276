/**
 * Programs that AssemblyScript's stock compiler has made for WASI (guests/wasi): one that knows nothing of Ringzero, a server on published ports, threads;
 * and two programs of different personalities that see the same files.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { boot } from "../../../host/index.ts";
import { bytesOf, guestModule, runGuest } from "../run-guest.ts";
import { compileWasi } from "./compile.ts";

const THREADS = [
  "--runtime",
  "stub",
  "--enable",
  "threads",
  "--sharedMemory",
  "--importMemory",
  "--initialMemory",
  "4",
];

describe("programs made for WASI", () => {
  let hello: string;
  let server: string;
  let threads: string;
  beforeAll(async () => {
    hello = await compileWasi("hello");
    server = await compileWasi("server");
    threads = await compileWasi("threads", [...THREADS, "--maximumMemory", "16"]);
  });

  it("run: arguments, environment, input, output, clocks, random numbers, exit code", async () => {
    const ended = await runGuest(hello, {
      name: "hello",
      args: ["a", "b"],
      env: { NAME: "value" },
      stdin: "some text",
    });
    expect(ended).toEqual({ code: 3, stdout: "hello from hello a b\nread some text\n", stderr: "with value\n" });
  });

  it("serve on published ports: several connections, waited for with poll_oneoff", async () => {
    const machine = await boot(server, { publish: { 7000: 0, 7001: 0 } });
    const said: string[] = [];
    machine.stdout.on("data", (chunk: Buffer) => void said.push(chunk.toString()));
    const connect = async (guestPort: number): Promise<Socket> => {
      const socket = createConnection(machine.port(guestPort), "127.0.0.1");
      await once(socket, "connect");
      return socket;
    };
    const ask = async (socket: Socket, text: string): Promise<string> => {
      socket.write(text);
      const [answer] = (await once(socket, "data")) as [Buffer];
      return answer.toString();
    };
    const sockets = await Promise.all([connect(7000), connect(7001), connect(7000)]);
    expect(await Promise.all(sockets.map((socket, index) => ask(socket, `hello ${index}`)))).toEqual([
      "HELLO 0",
      "HELLO 1",
      "HELLO 2",
    ]);
    const [first, second, third] = sockets as [Socket, Socket, Socket];
    first.end();
    await once(first, "close");
    expect(await ask(second, "still there")).toBe("STILL THERE");
    const ended = once(third.resume(), "end");
    third.write("quit");
    await ended;
    expect((await machine.exited).code).toBe(7);
    expect(said.join("")).toBe("listening on 2: 7000:7001\n");
    for (const socket of sockets) socket.destroy();
  });

  it("have threads that wait for each other, wake each other, and end", async () => {
    expect(await runGuest(threads)).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("end with the exit of any thread, whoever waits", async () => {
    expect((await runGuest(threads, { args: ["exit-in-thread"] })).code).toBe(21);
  });

  it("see the same files as programs of other personalities: what this one writes that one reads", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ringzero-wasi-"));
    try {
      const bench = await compileWasi("bench-calls", ["--runtime", "stub"]);
      const { code } = await runGuest(bench, { args: ["write", "1"], volumes: { "/data": folder } });
      expect(code).toBe(0);
      const machine = await boot(guestModule("cat"), { args: ["/data/file"], volumes: { "/data": folder } });
      const [contents, status] = await Promise.all([bytesOf(machine.stdout), machine.exited]);
      expect(status.code).toBe(0);
      expect(contents).toHaveLength(64);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
