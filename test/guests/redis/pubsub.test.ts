/** Publish and subscribe: channels, patterns, shards, and subscribers that go away. */
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, describe, expect, test } from "vitest";
import { eventually, sharedRedis } from "./redis-machine.ts";
import { RespConnection } from "./resp-connection.ts";

const machine = await sharedRedis();
const publisher = new Redis({ port: machine.port });
afterAll(() => publisher.disconnect());

describe("ioredis", () => {
  test("messages of one publisher arrive complete and in order at every subscriber", async () => {
    const subscribers = Array.from({ length: 10 }, () => new Redis({ port: machine.port }));
    const received = subscribers.map(() => [] as string[]);
    for (const [index, subscriber] of subscribers.entries()) {
      subscriber.on("message", (channel, message) => received[index]?.push(`${channel}=${message}`));
      await subscriber.subscribe("news");
    }
    const counts = await Promise.all(
      Array.from({ length: 500 }, (_, index) => publisher.publish("news", String(index))),
    );
    expect(new Set(counts)).toEqual(new Set([10]));
    await eventually("500 messages at each", () => received.every((list) => list.length === 500));
    for (const list of received) expect(list).toEqual(Array.from({ length: 500 }, (_, index) => `news=${index}`));
    for (const subscriber of subscribers) subscriber.disconnect();
    await eventually("nobody is left", async () => (await publisher.publish("news", "x")) === 0);
  });

  test("a pattern and a channel that both match deliver twice", async () => {
    const subscriber = new Redis({ port: machine.port });
    const received: string[] = [];
    subscriber.on("message", (channel, message) => received.push(`m ${channel} ${message}`));
    subscriber.on("pmessage", (pattern, channel, message) => received.push(`p ${pattern} ${channel} ${message}`));
    await subscriber.subscribe("user:1");
    await subscriber.psubscribe("user:*", "user:[12]", "admin:?");
    expect(await publisher.publish("user:1", "hello")).toBe(3);
    expect(await publisher.publish("admin:22", "no")).toBe(0);
    expect(await publisher.publish("admin:2", "yes")).toBe(1);
    await eventually("four messages", () => received.length === 4);
    expect(received[0]).toBe("m user:1 hello");
    expect(received.slice(1, 3).sort()).toEqual(["p user:* user:1 hello", "p user:[12] user:1 hello"]);
    expect(received[3]).toBe("p admin:? admin:2 yes");
    expect(await publisher.pubsub("NUMPAT")).toBe(3);
    subscriber.disconnect();
  });

  test("PUBSUB CHANNELS and NUMSUB know who listens", async () => {
    const subscriber = new Redis({ port: machine.port });
    await subscriber.subscribe("a1", "a2", "b1");
    expect(((await publisher.pubsub("CHANNELS", "a*")) as string[]).sort()).toEqual(["a1", "a2"]);
    expect(await publisher.pubsub("NUMSUB", "a1", "none")).toEqual(["a1", 1, "none", 0]);
    await subscriber.unsubscribe("a1");
    expect(await publisher.pubsub("NUMSUB", "a1")).toEqual(["a1", 0]);
    subscriber.disconnect();
  });
});

describe("node-redis", () => {
  test("sharded channels are apart from plain ones", async () => {
    const subscriber = createClient({ socket: { port: machine.port, host: "127.0.0.1" } });
    await subscriber.connect();
    const sharded: string[] = [];
    const plain: string[] = [];
    await subscriber.sSubscribe("orders", (message) => sharded.push(message));
    await subscriber.subscribe("orders", (message) => plain.push(message));
    expect(await publisher.spublish("orders", "sharded")).toBe(1);
    expect(await publisher.publish("orders", "plain")).toBe(1);
    await eventually("both", () => sharded.length === 1 && plain.length === 1);
    expect([sharded, plain]).toEqual([["sharded"], ["plain"]]);
    expect(await publisher.call("PUBSUB", "SHARDNUMSUB", "orders")).toEqual(["orders", 1]);
    await subscriber.sUnsubscribe("orders");
    expect(await publisher.spublish("orders", "nobody")).toBe(0);
    subscriber.destroy();
  });

  test("RESP3: pushes and replies share a connection", async () => {
    const client = createClient({ RESP: 3, socket: { port: machine.port, host: "127.0.0.1" } });
    await client.connect();
    const received: string[] = [];
    await client.pSubscribe("mixed:*", (message) => received.push(message));
    await client.set("while", "subscribed");
    expect(await client.get("while")).toBe("subscribed");
    await client.publish("mixed:1", "to myself");
    await eventually("the push", () => received.length === 1);
    expect(received).toEqual(["to myself"]);
    client.destroy();
  });
});

test("RESP2: a subscriber may only (un)subscribe, PING and QUIT", async () => {
  const connection = await RespConnection.open(machine.port);
  expect(await connection.call("SUBSCRIBE", "only")).toEqual(["subscribe", "only", 1]);
  expect(String(await connection.call("GET", "a"))).toMatch(/Can't execute 'get'/);
  expect(await connection.call("PING")).toEqual(["pong", ""]);
  expect(await connection.call("UNSUBSCRIBE")).toEqual(["unsubscribe", "only", 0]);
  expect(await connection.call("PING")).toBe("PONG");
  connection.close();
});

test("a binary message of 1 MB arrives as it was sent", async () => {
  const subscriber = new Redis({ port: machine.port });
  const message = Buffer.alloc(1 << 20, Buffer.from([0, 255, 13, 10, 36]));
  const arrived = new Promise<Buffer>((resolve) =>
    subscriber.once("messageBuffer", (_channel, bytes) => resolve(bytes)),
  );
  await subscriber.subscribe("bytes");
  await publisher.publish("bytes", message);
  expect((await arrived).equals(message)).toBe(true);
  subscriber.disconnect();
});
