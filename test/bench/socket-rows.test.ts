/** Node's sockets alone answer the benchmark's get as the servers do: over TCP in both protocols, over UDP in memcached's. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { startBaselineSockets } from "../server-process.ts";

const key = "key:000000012345";
const value = key.padEnd(100, "x");

async function ask(port: number, request: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(request);
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return answer.toString();
}

test("memcached's get, over TCP and UDP", async () => {
  const server = await startBaselineSockets("memcached");
  const answer = `VALUE ${key} 0 100\r\n${value}\r\nEND\r\n`;
  expect(await ask(server.port, `get ${key}\r\n`)).toBe(answer);
  const socket = createSocket("udp4");
  const frame = "\x01\x02\0\0\0\x01\0\0";
  socket.send(Buffer.from(`${frame}get ${key}\r\n`, "latin1"), server.port, "127.0.0.1");
  const [datagram] = (await once(socket, "message")) as [Buffer];
  socket.close();
  expect(datagram.toString("latin1")).toBe(frame + answer);
  await server.stop();
});

test("Redis' GET", async () => {
  const server = await startBaselineSockets("redis");
  expect(await ask(server.port, `*2\r\n$3\r\nGET\r\n$16\r\n${key}\r\n`)).toBe(`$100\r\n${value}\r\n`);
  await server.stop();
});
