/** Connections: many at once, broken ones, killed ones, locked ones, and in-process ones. */
import type { NetConnectOpts } from "node:net";
import type { Duplex } from "node:stream";
import { AbstractConnector, Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, expect, test } from "vitest";
import { bootRedis, eventually, sharedRedis } from "./redis-machine.ts";
import { encode, ReplyError, RespConnection } from "./resp-connection.ts";

const machine = await sharedRedis();
const redis = new Redis({ port: machine.port });
afterAll(() => redis.disconnect());

async function connectedClients(): Promise<number> {
  return Number(/connected_clients:(\d+)/.exec(await redis.info("clients"))?.[1]);
}

test("1,000 connections at once, each with its own name and its own answers", async () => {
  const connections = await Promise.all(Array.from({ length: 1000 }, () => RespConnection.open(machine.port)));
  for (const [index, connection] of connections.entries()) connection.send("CLIENT", "SETNAME", `client-${index}`);
  for (const connection of connections) expect(await connection.read()).toBe("OK");
  expect(await connectedClients()).toBeGreaterThanOrEqual(1001);
  for (let round = 0; round < 5; round++) {
    for (const [index, connection] of connections.entries()) {
      connection.send("INCRBY", "all", 1);
      connection.send("ECHO", `${index}:${round}`);
    }
    for (const [index, connection] of connections.entries()) {
      expect(await connection.read()).toBeTypeOf("number");
      expect(await connection.read()).toBe(`${index}:${round}`);
    }
  }
  expect(await redis.get("all")).toBe("5000");
  expect(await connections[777]?.call("CLIENT", "GETNAME")).toBe("client-777");
  for (const connection of connections) connection.close();
  await eventually("all are gone", async () => (await connectedClients()) === 1);
});

test("a client that dies in mid-frame changes nothing and leaves nothing", async () => {
  const before = await connectedClients();
  const frame = encode(["SET", "half", "x".repeat(50_000)]);
  for (const cut of [1, 5, 12, 20, 30, 1000, frame.length - 1]) {
    const connection = await RespConnection.open(machine.port);
    connection.write(frame.subarray(0, cut));
    await new Promise((resolve) => setTimeout(resolve, 10));
    connection.close();
  }
  await eventually("none is left", async () => (await connectedClients()) === before);
  expect(await redis.exists("half")).toBe(0);
});

test("a request that arrives a byte at a time is understood", async () => {
  const connection = await RespConnection.open(machine.port);
  for (const byte of encode(["SET", "drip", "drop\r\n\0"])) {
    connection.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await connection.read()).toBe("OK");
  expect(await redis.get("drip")).toBe("drop\r\n\0");
  connection.close();
});

test("a client that half-closes after its requests still gets every answer", async () => {
  const connection = await RespConnection.open(machine.port);
  for (let index = 0; index < 100; index++) connection.send("INCR", "half-closed");
  connection.stream.end();
  for (let index = 1; index <= 100; index++) expect(await connection.read()).toBe(index);
  await connection.ended();
});

test("CLIENT KILL by id, by address and by filter", async () => {
  const victims = await Promise.all([1, 2, 3].map(() => RespConnection.open(machine.port)));
  const [first, second, third] = victims as [RespConnection, RespConnection, RespConnection];
  expect(await redis.client("KILL", "ID", Number(await first.call("CLIENT", "ID")))).toBe(1);
  await first.ended();
  await second.call("CLIENT", "SETNAME", "second");
  const line = String(await redis.client("LIST"))
    .split("\n")
    .find((text) => text.includes("name=second"));
  expect(await redis.call("CLIENT", "KILL", /addr=(\S+)/.exec(line ?? "")?.[1] ?? "")).toBe("OK");
  await second.ended();
  expect(await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")).toBeGreaterThanOrEqual(1);
  await third.ended();
  expect(await redis.ping()).toBe("PONG");
  await expect(redis.call("CLIENT", "KILL", "127.0.0.1:1")).rejects.toThrow(/No such client/);
});

test("QUIT answers OK and closes", async () => {
  const connection = await RespConnection.open(machine.port);
  expect(await connection.call("QUIT")).toBe("OK");
  await connection.ended();
});

test("requirepass: nothing before AUTH, everything after it", async () => {
  const locked = await bootRedis(["--requirepass", "s3cret"]);
  try {
    const connection = await RespConnection.open(locked.port);
    expect(String(await connection.call("GET", "a"))).toMatch(/NOAUTH/);
    expect(await connection.call("AUTH", "wrong")).toBeInstanceOf(ReplyError);
    expect(String(await connection.call("GET", "a"))).toMatch(/NOAUTH/);
    expect(await connection.call("AUTH", "default", "s3cret")).toBe("OK");
    expect(await connection.call("GET", "a")).toBeNull();
    connection.close();
    const io = new Redis({ port: locked.port, password: "s3cret" });
    expect(await io.set("a", "1")).toBe("OK");
    expect(await io.call("ACL", "WHOAMI")).toBe("default");
    io.disconnect();
    const node = createClient({ password: "s3cret", socket: { port: locked.port, host: "127.0.0.1" } });
    await node.connect();
    expect(await node.get("a")).toBe("1");
    node.destroy();
    const intruder = createClient({
      password: "nope",
      socket: { port: locked.port, host: "127.0.0.1", reconnectStrategy: false },
    });
    intruder.on("error", () => {});
    await expect(intruder.connect()).rejects.toThrow(/WRONGPASS/);
  } finally {
    await locked.stop();
  }
});

test("an in-process connection speaks RESP without a host socket", async () => {
  const connection = new RespConnection(machine.connect());
  expect(await connection.call("SET", "in-process", "yes")).toBe("OK");
  expect(await redis.get("in-process")).toBe("yes");
  const value = "v".repeat(3 << 20);
  expect(await connection.call("SET", "in-process", value)).toBe("OK");
  expect(await connection.call("STRLEN", "in-process")).toBe(3 << 20);
  expect(await connection.call("GET", "in-process")).toBe(value);
  expect(await connection.call("QUIT")).toBe("OK");
  await connection.ended();
});

test("ioredis runs on an in-process connection", async () => {
  class InProcessConnector extends AbstractConnector {
    constructor() {
      super(100);
    }

    override async connect(): Promise<never> {
      this.connecting = true;
      const stream = asSocket(machine.connect());
      this.stream = stream as never;
      return stream as never;
    }
  }
  const client = new Redis({ Connector: InProcessConnector as never });
  expect(await client.set("over", "duplex")).toBe("OK");
  const replies =
    (await client
      .pipeline([
        ["get", "over"],
        ["incr", "n"],
        ["incr", "n"],
      ])
      .exec()) ?? [];
  expect(replies.map(([, value]) => value)).toEqual(["duplex", 1, 2]);
  expect(await redis.get("over")).toBe("duplex");
  client.disconnect();
});

/** ioredis calls these of net.Socket besides the stream's own. */
function asSocket(stream: Duplex): Duplex & Partial<NetConnectOpts> {
  return Object.assign(stream, { setKeepAlive: () => stream, setNoDelay: () => stream, setTimeout: () => stream });
}
