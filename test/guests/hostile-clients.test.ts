/**
 * Clients that want to hold what is not theirs, against each server guest in a process of its own: thousands that send half a request and
 * nothing more, one that asks and never reads, one that asks a hundred thousand times at once. Memory stays bounded (the process' resident
 * memory, printed), and others are served meanwhile.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { missingProc } from "../bench/proc.ts";
import { type ServerProcess, startGuest, startGuestMemcached } from "../server-process.ts";

interface Protocol {
  readonly image: string;
  readonly start: () => Promise<ServerProcess>;
  readonly store: (key: string, value: string) => string;
  readonly stored: string;
  readonly fetch: (key: string) => string;
  readonly fetched: (key: string, value: string) => string;
}

const protocols: readonly Protocol[] = [
  {
    image: "redis",
    start: () => startGuest(),
    store: (key, value) => `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`,
    stored: "+OK\r\n",
    fetch: (key) => `*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`,
    fetched: (_key, value) => `$${value.length}\r\n${value}\r\n`,
  },
  {
    image: "memcached",
    start: () => startGuestMemcached(["-c", "8000"], { image: "memcached" }),
    store: (key, value) => `set ${key} 0 0 ${value.length}\r\n${value}\r\n`,
    stored: "STORED\r\n",
    fetch: (key) => `get ${key}\r\n`,
    fetched: (key, value) => `VALUE ${key} 0 ${value.length}\r\n${value}\r\nEND\r\n`,
  },
];

const LORIS = 5000;
const MB = 1024 * 1024;

describe.skipIf(missingProc()).each(protocols)("$image", ({ image, start, store, stored, fetch, fetched }) => {
  let server: ServerProcess;
  const sockets: Socket[] = [];
  beforeAll(async () => {
    server = await start();
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  });

  async function dial(): Promise<Socket> {
    const socket = connect({ port: server.port, host: "127.0.0.1", noDelay: true });
    socket.on("error", () => {});
    sockets.push(socket);
    await once(socket, "connect");
    return socket;
  }

  /** Resident memory of the whole process. */
  const residentBytes = (): number =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, "latin1"))?.[1]) * 1024;
  const megabytes = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`;
  const say = (text: string): void => console.log(`${image}: ${text}`);

  /** Somebody who behaves: asks `count` times, one after the other, and gets the right answers. */
  async function behave(count: number): Promise<void> {
    const socket = await dial();
    const good = reader(socket);
    for (let i = 0; i < count; i++) {
      socket.write(store("good", String(i)) + fetch("good"));
      const answer = stored + fetched("good", String(i));
      expect(await good(answer.length)).toBe(answer);
    }
    socket.destroy();
  }

  it("5,000 connections with half a request each", { timeout: 60_000 }, async () => {
    await behave(500);
    const before = residentBytes();
    const request = store("half", "x".repeat(100));
    const idle: Socket[] = [];
    while (idle.length < LORIS) {
      const wave = await Promise.all(Array.from({ length: 100 }, dial));
      for (const socket of wave) socket.write(request.slice(0, 40));
      idle.push(...wave);
      if (idle.length % 1000 === 0) await behave(20);
    }
    await behave(500);
    const grown = residentBytes() - before;
    say(`${LORIS} slow connections: ${(grown / LORIS / 1024).toFixed(1)} KB each (${megabytes(grown)})`);
    expect(grown / LORIS).toBeLessThan(40 * 1024);
    // They are connections like any others: who goes on is answered.
    for (const socket of idle.filter((_, index) => index % 500 === 0)) {
      socket.write(request.slice(40));
      expect(await reader(socket)(stored.length)).toBe(stored);
    }
    for (const socket of idle) socket.destroy();
    await behave(20);
  });

  it.each([
    ["small answers", 1000, 300_000],
    ["large answers", 200_000, 20_000],
  ])("a client that never reads: %s", { timeout: 60_000 }, async (what, valueBytes, requests) => {
    const value = "v".repeat(valueBytes);
    const socket = await dial();
    const read = reader(socket);
    socket.write(store("big", value));
    expect(await read(stored.length)).toBe(stored);
    await behave(200);
    const before = residentBytes();
    const deaf = await dial();
    deaf.pause();
    let peak = 0;
    // In pieces: what the server does not take waits here, in the client.
    const piece = fetch("big").repeat(1000);
    for (let i = 0; i < requests / 1000 && deaf.writableLength < 4 * MB; i++) {
      deaf.write(piece);
      await behave(2);
      peak = Math.max(peak, residentBytes() - before);
    }
    await behave(200);
    peak = Math.max(peak, residentBytes() - before);
    const wanted = fetched("big", value).length * requests;
    say(`never reads, ${what}: ${megabytes(peak)} for ${megabytes(wanted)} of answers`);
    expect(peak).toBeLessThan(64 * MB);
    deaf.destroy();
    await behave(20);
    socket.destroy();
  });

  it("100,000 requests at once", { timeout: 60_000 }, async () => {
    await behave(200);
    const before = residentBytes();
    const socket = await dial();
    const count = 100_000;
    socket.end(
      Array.from({ length: count }, (_, i) => store(`k${i % 100}`, String(i)) + fetch(`k${i % 100}`)).join(""),
    );
    const answers = Array.from({ length: count }, (_, i) => stored + fetched(`k${i % 100}`, String(i))).join("");
    const all = reader(socket)(answers.length);
    await behave(200);
    expect((await all) === answers).toBe(true); // 4 MB are no message
    const grown = residentBytes() - before;
    say(`${2 * count} requests at once: ${megabytes(grown)}`);
    expect(grown).toBeLessThan(64 * MB);
  });

  it("who reads late gets everything", { timeout: 60_000 }, async () => {
    const value = "w".repeat(5000);
    const socket = await dial();
    const read = reader(socket);
    socket.write(store("late", value));
    await read(stored.length);
    const count = 5000;
    const late = await dial();
    late.pause();
    late.end(fetch("late").repeat(count));
    await behave(200);
    const answers = fetched("late", value).repeat(count);
    const all = reader(late)(answers.length);
    late.resume();
    expect((await all) === answers).toBe(true);
    if (!late.readableEnded) await once(late, "end");
  });
});

/** Reads exactly so many bytes at a time, as Latin-1. */
function reader(socket: Socket): (bytes: number) => Promise<string> {
  let chunks: Buffer[] = [];
  let length = 0;
  let wake: () => void = () => {};
  let ended = false;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    wake();
  });
  socket.on("close", () => {
    ended = true;
    wake();
  });
  socket.on("end", () => {
    ended = true;
    wake();
  });
  return async (bytes) => {
    while (length < bytes && !ended) await new Promise<void>((resolve) => (wake = resolve));
    const all = Buffer.concat(chunks);
    chunks = [all.subarray(bytes)];
    length = Math.max(0, all.length - bytes);
    return all.toString("latin1", 0, bytes);
  };
}
