/** UDP: frames, answers of several datagrams, what is dropped. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterAll, describe, expect, test } from "vitest";
import * as B from "./binary-packet.ts";
import { answers, brief, packet } from "./binary-packet.ts";
import { servers } from "./servers.ts";

const all = await servers([], { udp: true });
const TIMEOUT_MS = 15_000;

interface Datagram {
  id: number;
  sequence: number;
  total: number;
  data: string;
}

/** Frames requests and unframes answers. */
class UdpClient {
  readonly #socket: Socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
  readonly #port: number;
  readonly #arrived: Datagram[] = [];
  #waiting: (() => void) | undefined;

  constructor(port: number) {
    this.#port = port;
    this.#socket.on("message", (message) => {
      expect(message.length).toBeLessThanOrEqual(1400);
      expect(message.readUInt16BE(6)).toBe(0);
      this.#arrived.push({
        id: message.readUInt16BE(0),
        sequence: message.readUInt16BE(2),
        total: message.readUInt16BE(4),
        data: message.toString("latin1", 8),
      });
      this.#waiting?.();
    });
    afterAll(() => this.#socket.close());
  }

  sendRaw(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#socket.send(bytes, this.#port, "127.0.0.1", (error) => (error ? reject(error) : resolve())),
    );
  }

  send(id: number, requests: string | Buffer, { sequence = 0, total = 1 } = {}): Promise<void> {
    const frame = Buffer.alloc(8);
    frame.writeUInt16BE(id, 0);
    frame.writeUInt16BE(sequence, 2);
    frame.writeUInt16BE(total, 4);
    return this.sendRaw(Buffer.concat([frame, Buffer.from(requests as string, "latin1")]));
  }

  async next(): Promise<Datagram> {
    if (this.#arrived.length === 0) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error("no datagram")), TIMEOUT_MS);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#waiting = undefined;
    }
    return this.#arrived.shift() as Datagram;
  }

  /** The answer to a request, put together; its datagrams come in order on one host. */
  async ask(id: number, requests: string | Buffer): Promise<string> {
    await this.send(id, requests);
    const first = await this.next();
    expect([first.id, first.sequence]).toEqual([id, 0]);
    let data = first.data;
    for (let sequence = 1; sequence < first.total; sequence++) {
      const datagram = await this.next();
      expect(datagram).toMatchObject({ id, sequence, total: first.total });
      data += datagram.data;
    }
    return data;
  }

  async open(): Promise<this> {
    this.#socket.bind(0, "127.0.0.1");
    await once(this.#socket, "listening");
    return this;
  }
}

describe.each(all)("$name", (server) => {
  const opened = new UdpClient(server.port).open();

  test("text", async () => {
    const client = await opened;
    expect(await client.ask(1, "set a 3 0 5\r\nhello\r\n")).toBe("STORED\r\n");
    expect(await client.ask(0xffff, "get a\r\n")).toBe("VALUE a 3 5\r\nhello\r\nEND\r\n");
    expect(await client.ask(2, "get b\r\n")).toBe("END\r\n");
    expect(await client.ask(3, "incr a 1\r\n")).toBe(
      "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
    );
    expect(await client.ask(4, "mg a v k\r\n")).toBe("VA 5 ka\r\nhello\r\n");
    expect(await client.ask(5, "nonsense\r\n")).toBe("ERROR\r\n");
    expect(await client.ask(6, "delete a\r\n")).toBe("DELETED\r\n");
  });

  test("binary, and text again", async () => {
    const client = await opened;
    const answer = await client.ask(10, packet(B.VERSION));
    expect(answers(Buffer.from(answer, "latin1")).map(brief)).toEqual(['b 0 "1.6.18"']);
    const stored = await client.ask(11, packet(B.SET, { key: "b", value: "1", extras: B.store() }));
    expect(answers(Buffer.from(stored, "latin1")).map(brief)).toEqual(["1 0 cas"]);
    expect(await client.ask(12, "get b\r\n")).toBe("VALUE b 0 1\r\n1\r\nEND\r\n");
  });

  test("an answer of several datagrams", async () => {
    const client = await opened;
    for (const length of [1300, 1375, 1376, 1377, 5000, 60_000]) {
      const value = "v".repeat(length);
      const connection = await server.open();
      expect(await connection.ask(`set big 0 0 ${length}\r\n${value}\r\n`)).toBe("STORED\r\n");
      connection.close();
      expect(await client.ask(length & 0xffff, "get big\r\n")).toBe(`VALUE big 0 ${length}\r\n${value}\r\nEND\r\n`);
    }
  });

  test("a long request", async () => {
    const client = await opened;
    const value = "v".repeat(15_000);
    expect(await client.ask(15, `set long 0 0 15000\r\n${value}\r\n`)).toBe("STORED\r\n");
    expect(await client.ask(16, "get long\r\n")).toBe(`VALUE long 0 15000\r\n${value}\r\nEND\r\n`);
  });

  test("what is not answered: noreply, short frames, requests in several datagrams, halves of lines", async () => {
    const client = await opened;
    await client.sendRaw(Buffer.alloc(0));
    await client.sendRaw(Buffer.from([0, 1, 0, 0, 0, 1, 0]));
    await client.sendRaw(Buffer.from([0, 1, 0, 0, 0, 1, 0, 0]));
    await client.send(20, "get a\r\n", { total: 2 });
    await client.send(21, "get a\r\n", { total: 0 });
    await client.send(22, "get a\r\n", { total: 256 });
    await client.send(23, "get a");
    await client.send(24, "set quiet 0 0 1 noreply\r\n1\r\n");
    await client.send(25, "mg nothing q\r\n");
    expect(await client.ask(26, "get quiet\r\n")).toBe("VALUE quiet 0 1\r\n1\r\nEND\r\n");
  });
});

describe.each(all.filter(({ name }) => name !== "native"))("only $name", (server) => {
  test("answers all of a datagram with one message", async () => {
    const client = await new UdpClient(server.port).open();
    expect(await client.ask(1, "set x 0 0 1\r\n1\r\nset y 0 0 1\r\n2\r\nget x y\r\nget y\r\n")).toBe(
      "STORED\r\nSTORED\r\nVALUE x 0 1\r\n1\r\nVALUE y 0 1\r\n2\r\nEND\r\nVALUE y 0 1\r\n2\r\nEND\r\n",
    );
  });

  test("answers every key of a large datagram, though no connection could hold as much unsent", async () => {
    const client = await new UdpClient(server.port).open();
    const value = "v".repeat(17_000);
    const connection = await server.open();
    expect(await connection.ask(`set k 0 0 17000\r\n${value}\r\n`)).toBe("STORED\r\n");
    connection.close();
    // Ten values of a kind that is sent from where it lies: beyond the bound, and few enough for the socket's buffer.
    expect(await client.ask(2, `get ${"k ".repeat(10)}\r\n`)).toBe(
      `${`VALUE k 0 17000\r\n${value}\r\n`.repeat(10)}END\r\n`,
    );
  });

  test("has no answer for more than 16 MiB", async () => {
    const client = await new UdpClient(server.port).open();
    const connection = await server.open();
    await connection.ask(`set huge 0 0 900000\r\n${"v".repeat(900_000)}\r\n`);
    expect(await client.ask(3, `get ${"huge ".repeat(30)}\r\n`)).toBe(
      "SERVER_ERROR out of memory writing get response\r\n",
    );
    expect(await connection.ask("delete huge\r\n")).toBe("DELETED\r\n");
    connection.close();
  });

  test("answers a burst of more datagrams than the guest has receive buffers", async () => {
    const client = await new UdpClient(server.port).open();
    expect(await client.ask(1, "set burst 0 0 4\r\nburs\r\n")).toBe("STORED\r\n");
    const ids = Array.from({ length: 150 }, (_, index) => index + 100);
    await Promise.all(ids.map((id) => client.send(id, "get burst\r\n")));
    const seen: number[] = [];
    for (const _ of ids) {
      const { id, data } = await client.next();
      expect(data).toBe("VALUE burst 0 4\r\nburs\r\nEND\r\n");
      seen.push(id);
    }
    expect(seen).toEqual(ids);
  });

  test("a value cut by the datagram's end is not stored, and leaves nothing behind", async () => {
    const client = await new UdpClient(server.port).open();
    await client.send(4, "set cut 0 0 10\r\n123");
    expect(await client.ask(5, "4567890\r\nget cut\r\n")).toBe("ERROR\r\nEND\r\n");
    const garbage = Buffer.from(Array.from({ length: 2000 }, (_, index) => (index * 7919) & 255));
    for (let length = 1; length < 60; length += 7) await client.send(6, garbage.subarray(0, length));
    expect(await client.ask(7, "mn\r\n").catch(() => "MN\r\n")).toContain("MN");
  });
});
