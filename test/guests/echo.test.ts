import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { boot, type Machine } from "../../host/index.ts";
import { bytesOf } from "./run-guest.ts";

/** So little that 10,000 connections which left their 16 KiB buffers behind would not fit by far. */
const MEMORY = "24mb";
let machine: Machine;

beforeAll(async () => {
  machine = await boot("echo", { publish: { 7: 0 }, memory: MEMORY });
});
afterAll(async () => {
  await machine.stop();
});

function dial(): Socket {
  return connect({ port: machine.port(7), host: "127.0.0.1", noDelay: true });
}

/** Sends the bytes, closes our side, and gives back all that came. */
async function echoed(bytes: Buffer): Promise<Buffer> {
  const socket = dial();
  socket.end(bytes);
  return bytesOf(socket);
}

test("sends back what it gets, while the connection is open", async () => {
  const socket = dial();
  for (const text of ["hello", "a", "ünï"]) {
    socket.write(text);
    expect(((await once(socket, "data")) as [Buffer])[0].toString()).toBe(text);
  }
  socket.end();
  await once(socket, "close");
});

test("all of it comes back after a half-close", async () => {
  const bytes = randomBytes(10 * 1024 * 1024);
  expect((await echoed(bytes)).equals(bytes)).toBe(true);
});

test("200 connections at once, each its own stream", async () => {
  const sent = Array.from({ length: 200 }, (_, i) => randomBytes(1 + i * 97));
  const back = await Promise.all(sent.map(echoed));
  expect(back.every((bytes, i) => bytes.equals(sent[i] as Buffer))).toBe(true);
});

test("a connection made in the process passes no host socket", async () => {
  const duplex = machine.connect(7);
  duplex.end("through the loopback");
  expect((await bytesOf(duplex)).toString()).toBe("through the loopback");
});

test("clients that reset, or leave without reading, hurt nobody else", async () => {
  await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const socket = dial();
      socket.on("error", () => {});
      await once(socket, "connect");
      socket.write(randomBytes(100_000));
      if (i % 2) socket.resetAndDestroy();
      else socket.destroy();
    }),
  );
  expect((await echoed(Buffer.from("still here"))).toString()).toBe("still here");
});

test("memory stays bounded over 10,000 connections", async () => {
  let left = 10_000;
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      while (left-- > 0) {
        const duplex = machine.connect(7);
        duplex.end("x".repeat(100));
        if ((await bytesOf(duplex)).length !== 100) throw new Error("not all came back");
      }
    }),
  );
  expect((await echoed(Buffer.from("still here"))).toString()).toBe("still here");
});

test("a second machine beside it is another world", async () => {
  const other = await boot("echo", { publish: { 7: 0 } });
  expect(other.port(7)).not.toBe(machine.port(7));
  await other.stop();
  expect((await echoed(Buffer.from("still here"))).toString()).toBe("still here");
});
