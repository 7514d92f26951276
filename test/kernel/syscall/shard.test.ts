/**
 * The system calls of shards: shard_self, shard_count, ring_messages and ring_message, in a machine that is alone and between two that are
 * linked (on one thread here).
 */
import { afterEach, describe, expect, it } from "vitest";
import { loadImage } from "../../../host/image.ts";
import { Machine } from "../../../host/machine.ts";
import { shardLinks } from "../../../host/shards/shard-links.ts";
import { EBUSY, EFAULT, EINVAL, EMSGSIZE, ENODEV } from "../../../kernel/abi/errno.ts";
import { RING_MESSAGE, RING_MESSAGE_SENT } from "../../../kernel/ring/event-queue.ts";
import { type Calls, callModule } from "./call-module.ts";

const EVENTS = 1024;
const BUFFER = 32768;
const BYTES = 8192;

let machines: Machine[] = [];

/** Machines of a guest that only passes calls on; one alone is no shard. */
async function start(
  count: number,
): Promise<{ call: (name: string, ...args: number[]) => number; memory: Uint8Array }[]> {
  const image = await loadImage(callModule());
  machines =
    count === 1 ? [new Machine(image, {})] : shardLinks(count, 65536).map((link) => new Machine(image, {}, link));
  return Promise.all(
    machines.map(async (machine) => {
      await machine.start();
      const calls = machine.exports as unknown as Calls;
      const memory = new Uint8Array((machine.exports.memory as WebAssembly.Memory).buffer);
      return {
        call: (name: string, ...args: number[]) => (calls[name] as (...args: number[]) => number)(...args),
        memory,
      };
    }),
  );
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 10_000 && !condition(); i++) await new Promise((resolve) => setImmediate(resolve));
  expect(condition()).toBe(true);
}

const event = (memory: Uint8Array): number[] => [...new Int32Array(memory.buffer, EVENTS, 5)];

afterEach(() => {
  for (const machine of machines) machine.kill();
});

describe("system calls of shards", () => {
  it("know a machine that is alone", async () => {
    const [{ call }] = (await start(1)) as [Awaited<ReturnType<typeof start>>[number]];
    expect([call("shard_self"), call("shard_count")]).toEqual([0, 1]);
    expect(call("ring_messages", BUFFER, 1)).toBe(-ENODEV);
    expect(call("ring_message", 1, BYTES, 1, 0)).toBe(-EINVAL);
  });

  it("pass a message with its bytes, once there are buffers", async () => {
    const [a, b] = (await start(2)) as [
      Awaited<ReturnType<typeof start>>[number],
      Awaited<ReturnType<typeof start>>[number],
    ];
    expect([a.call("shard_self"), b.call("shard_self"), b.call("shard_count")]).toEqual([0, 1, 2]);
    a.memory.set(Buffer.from("hello, shard"), BYTES);
    expect(a.call("ring_message", 1, BYTES, 12, 77)).toBe(1);
    a.memory.fill(0, BYTES, BYTES + 12); // 1: the bytes are the guest's again
    expect(b.call("ring_messages", BUFFER, 1)).toBe(0);
    await until(() => event(b.memory)[0] === RING_MESSAGE);
    expect(event(b.memory)).toEqual([RING_MESSAGE, 0, 0, 12, BUFFER]);
    expect(Buffer.from(b.memory.slice(BUFFER, BUFFER + 12)).toString()).toBe("hello, shard");
  });

  it("have one secret for all shards of a machine", async () => {
    const secrets: string[] = [];
    for (let i = 0; i < 2; i++) {
      const [a, b] = (await start(2)) as [
        Awaited<ReturnType<typeof start>>[number],
        Awaited<ReturnType<typeof start>>[number],
      ];
      for (const { call, memory } of [a, b]) {
        expect(call("shard_secret", BYTES)).toBe(16);
        secrets.push(Buffer.from(memory.slice(BYTES, BYTES + 16)).toString("hex"));
      }
      for (const machine of machines) machine.kill();
    }
    expect(secrets[0]).toBe(secrets[1]);
    expect(new Set(secrets).size).toBe(2);
  });

  it("keep what does not fit, and tell its token once it has left", async () => {
    const [a, b] = (await start(2)) as [
      Awaited<ReturnType<typeof start>>[number],
      Awaited<ReturnType<typeof start>>[number],
    ];
    expect(a.call("ring_message", 1, 16384, 32768, 1)).toBe(1);
    expect(a.call("ring_message", 1, 16384, 32768, 2)).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(event(a.memory)[0]).toBe(0);
    expect(b.call("ring_messages", BUFFER, 1)).toBe(0);
    await until(() => event(a.memory)[0] === RING_MESSAGE_SENT);
    expect(event(a.memory).slice(0, 4)).toEqual([RING_MESSAGE_SENT, 1, 2, 0]);
  });

  it("refuse what makes no sense", async () => {
    const [a] = (await start(2)) as [Awaited<ReturnType<typeof start>>[number]];
    for (const shard of [0, 2, -1, 0x7fffffff]) expect(a.call("ring_message", shard, BYTES, 4, 0)).toBe(-EINVAL);
    expect(a.call("ring_message", 1, BYTES, -1, 0)).toBe(-EINVAL);
    expect(a.call("ring_message", 1, BYTES, 32769, 0)).toBe(-EMSGSIZE);
    expect(a.call("ring_message", 1, 65000, 1000, 0)).toBe(-EFAULT);
    for (const count of [0, -1, 257]) expect(a.call("ring_messages", BUFFER, count)).toBe(-EINVAL);
    expect(a.call("ring_messages", 0, 1)).toBe(-EFAULT);
    expect(a.call("ring_messages", BUFFER, 2)).toBe(-EFAULT);
    expect(a.call("ring_messages", BUFFER, 1)).toBe(0);
    expect(a.call("ring_messages", BUFFER, 1)).toBe(-EBUSY);
  });
});
