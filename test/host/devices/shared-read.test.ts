/**
 * Sockets that read into the shared buffer: that this Node lets accepted connections be moved to one, and that such a socket behaves as any
 * other: bytes, pauses, ends, resets.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { adopt, sharedRead } from "../../../host/devices/shared-read.ts";

let server: Server;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringzero-"));
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** A client, and the socket that its accepted connection has been moved to. */
async function pair(
  take: (bytes: Uint8Array, count: number) => boolean,
  path?: string,
): Promise<[client: Socket, adopted: Socket]> {
  server.listen(path === undefined ? { port: 0, host: "127.0.0.1" } : { path });
  await once(server, "listening");
  const accepted = once(server, "connection");
  const address = server.address();
  const client = connect(typeof address === "object" && address ? { port: address.port } : { path: path as string });
  client.on("error", () => {});
  const [socket] = (await accepted) as [Socket];
  const adopted = adopt(socket, take);
  if (!adopted) throw new Error("this Node does not let a connection be moved");
  adopted.on("error", () => {});
  return [client, adopted];
}

/** Takes everything, as text. */
function listener(): { text: string; take: (bytes: Uint8Array, count: number) => boolean } {
  const heard = {
    text: "",
    take: (bytes: Uint8Array, count: number) => {
      heard.text += Buffer.from(bytes.subarray(0, count)).toString();
      return true;
    },
  };
  return heard;
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !condition(); ) {
    if (Date.now() > end) throw new Error("waited in vain");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("an adopted connection", () => {
  it.each(["TCP", "a Unix socket"])("over %s: bytes both ways, addresses, an end on each side", async (kind) => {
    const received: Buffer[] = [];
    const path = kind === "TCP" ? undefined : join(folder, "s");
    const [client, adopted] = await pair(
      (bytes, count) => received.push(Buffer.from(bytes.subarray(0, count))) > 0,
      path,
    );
    if (kind === "TCP") expect([adopted.remoteAddress, adopted.remotePort]).toEqual(["127.0.0.1", client.localPort]);
    let ended = false;
    adopted.on("end", () => (ended = true));
    const bytes = Buffer.alloc(300_000, "0123456789abcdef.");
    client.write(bytes);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(received).toEqual([]); // it reads from `resume` on
    adopted.resume();
    await until(() => received.reduce((sum, part) => sum + part.length, 0) === bytes.length);
    expect(Buffer.concat(received).equals(bytes)).toBe(true);
    client.end();
    await until(() => ended);
    const answer = once(client, "data");
    adopted.end("answer");
    expect(String((await answer)[0])).toBe("answer");
    await once(adopted, "close");
  });

  it("stops while its bytes are refused, and goes on with the next", async () => {
    let total = 0;
    let open = true;
    const [client, adopted] = await pair((_bytes, count) => {
      total += count;
      return open;
    });
    adopted.resume();
    client.write("first");
    await until(() => total === 5);
    open = false;
    client.write("second");
    await until(() => total === 11);
    client.write("third");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(total).toBe(11);
    open = true;
    adopted.resume();
    await until(() => total === 16);
    client.destroy();
    adopted.destroy();
  });

  it("tells a reset, and can reset", async () => {
    const [client, adopted] = await pair(() => true);
    adopted.resume();
    const failed = once(adopted, "error").catch((error: NodeJS.ErrnoException) => [error]);
    client.resetAndDestroy();
    const [error] = (await failed) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNRESET");
    server.close();
    server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const [other, second] = await pair(() => true);
    other.resume();
    const seen = new Promise<NodeJS.ErrnoException>((resolve) => other.once("error", resolve));
    second.resetAndDestroy();
    expect((await seen).code).toBe("ECONNRESET");
  });

  it("outlives the socket it was taken from", async () => {
    server.listen({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    const accepted = once(server, "connection");
    const client = connect({ port: (server.address() as { port: number }).port });
    const [socket] = (await accepted) as [Socket];
    const heard = listener();
    const adopted = adopt(socket, heard.take) as Socket;
    socket.destroy();
    adopted.resume();
    client.write("still here");
    await until(() => heard.text === "still here");
    client.destroy();
    adopted.destroy();
  });
});

describe("what cannot be adopted", () => {
  it("is left alone: a socket without a handle, one that is gone", () => {
    expect(adopt(new Socket(), () => true)).toBe(null);
    const gone = new Socket();
    gone.destroy();
    expect(adopt(gone, () => true)).toBe(null);
  });
});

it("a connection that we make needs no adoption", async () => {
  server.on("connection", (socket) => socket.end("hello"));
  server.listen({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const heard = listener();
  const onread = sharedRead(heard.take);
  const client = connect({ port: (server.address() as { port: number }).port, onread });
  await once(client, "end");
  expect(heard.text).toBe("hello");
});
