/**
 * Shard devices and drivers, several on one thread: messages of every size, order, rings that are full in both directions, sleep, and
 * drivers and peers that break the rules.
 */
import { afterEach, describe, expect, it } from "vitest";
import { ShardDevice } from "../../../host/devices/shard.ts";
import { shardLinks } from "../../../host/shards/shard-links.ts";
import { EAGAIN, EIO } from "../../../kernel/abi/errno.ts";
import { KERNEL_RAM_BASE } from "../../../kernel/mem/physical.ts";
import type { Ring } from "../../../kernel/ring/ring.ts";
import { VirtioDriver } from "../../../kernel/virtio/driver.ts";
import { ShardDriver } from "../../../kernel/virtio/shard.ts";
import { SHARD_MESSAGE_BYTES_MAX, SHARD_QUEUE_TX, VIRTIO_ID_SHARD } from "../../../kernel/virtio/shard-protocol.ts";
import { TestKernel } from "../../kernel/fixture.ts";
import { randomFor } from "../../random.ts";

const RING_BYTES = 64 * 1024;
const BUFFERS = 0x10000;
const BYTES = 0x1000;

type Message = { readonly from: number; readonly bytes: Buffer };

/** A kernel with a shard device whose driver hands what it gets to `messages` and `sent`. */
class Shard {
  readonly k = new TestKernel();
  readonly device: ShardDevice;
  readonly driver: ShardDriver;
  readonly messages: Message[] = [];
  readonly sent: number[] = [];
  readonly lines: string[] = [];
  broken = "";

  constructor(link: ReturnType<typeof shardLinks>[number]) {
    this.device = new ShardDevice(this.k.physical, link, {
      log: (line) => this.lines.push(line),
      broken: (reason) => {
        this.broken = reason;
      },
    });
    this.driver = new ShardDriver(this.k.physical, this.device.mmio);
    const lent: number[] = [];
    const ring = {
      pushMessage: (from: number, address: number, length: number, index: number) => {
        this.messages.push({ from, bytes: Buffer.from(this.k.mem.u8.slice(address, address + length)) });
        lent.push(index);
      },
      messageSent: (_shard: number, token: number) => this.sent.push(token),
    };
    Object.assign(this.k, { ring });
    this.ring = ring as unknown as Ring;
    this.device.mmio.onInterrupt = () =>
      this.device.defer(() => {
        this.driver.handleInterrupt(this.k);
        for (const index of lent.splice(0)) this.driver.repost(index);
        this.driver.kick();
      });
  }
  readonly ring: Ring;

  send(peer: number, bytes: Uint8Array, token = 0): number {
    this.k.mem.bytes(BYTES, bytes.length)?.set(bytes);
    return this.driver.send(this.ring, peer, BYTES, bytes.length, token);
  }
}

let shards: Shard[] = [];

function start(count: number, buffers = 4): Shard[] {
  shards = shardLinks(count, RING_BYTES).map((link) => new Shard(link));
  for (const { k } of shards) k.mem.memory.grow(16);
  if (buffers > 0) for (const { driver } of shards) driver.lend(BUFFERS, buffers);
  return shards;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 100_000 && !condition(); i++) await new Promise((resolve) => setImmediate(resolve));
  expect(condition()).toBe(true);
}

afterEach(() => {
  for (const { device } of shards) device.close();
});

describe("shard devices", () => {
  it("tell each shard its number", () => {
    expect(start(3).map(({ driver }) => [driver.self, driver.count])).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
    ]);
  });

  it("carry messages of every size, in order, between any two", async () => {
    const random = randomFor("shard messages");
    const [a, b, c] = start(3) as [Shard, Shard, Shard];
    const expected = new Map<Shard, Message[]>([
      [a, []],
      [b, []],
      [c, []],
    ]);
    const owed = new Set<number>();
    for (let i = 1; i <= 600; i++) {
      const from = random.pick(shards);
      const to = random.pick(shards.filter((shard) => shard !== from));
      const length = random.oneIn(10) ? random.below(SHARD_MESSAGE_BYTES_MAX + 1) : random.below(100);
      const bytes = Buffer.alloc(length, i);
      let result = from.send(to.driver.self, bytes, i);
      while (result === -EAGAIN) {
        await new Promise((resolve) => setImmediate(resolve));
        result = from.send(to.driver.self, bytes, i);
      }
      expect(result).toBeGreaterThanOrEqual(0);
      // Lent bytes must stay: this test has one place for them, so it waits until they have left.
      if (result === 0) {
        owed.add(i);
        await until(() => from.sent.includes(i));
      }
      expected.get(to)?.push({ from: from.driver.self, bytes });
    }
    for (const [shard, messages] of expected) {
      await until(() => shard.messages.length === messages.length);
      for (const { driver } of shards) {
        const own = (list: readonly Message[]) => list.filter(({ from }) => from === driver.self);
        expect(own(shard.messages)).toEqual(own(messages));
      }
    }
    expect(new Set(shards.flatMap(({ sent }) => sent))).toEqual(owed);
  });

  it("go on when two are full towards each other", async () => {
    const [a, b] = start(2, 0) as [Shard, Shard];
    const message = new Uint8Array(SHARD_MESSAGE_BYTES_MAX).fill(7);
    for (const [shard, peer] of [
      [a, 1],
      [b, 0],
    ] as const) {
      expect(shard.send(peer, message, 1)).toBe(1);
      for (let token = 2; token <= 257; token++) expect(shard.send(peer, message, token)).toBe(0);
      expect(shard.send(peer, message, 258)).toBe(-EAGAIN);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([a.messages.length, b.messages.length]).toEqual([0, 0]);
    for (const { driver } of shards) driver.lend(BUFFERS, 2);
    await until(() => a.messages.length === 257 && b.messages.length === 257);
    await until(() => a.sent.length === 256 && b.sent.length === 256);
    expect(a.sent).toEqual(Array.from({ length: 256 }, (_, i) => i + 2));
    expect(a.send(1, message, 300)).toBe(1);
  });

  /** All sleep once the loop has gone round often enough with nothing to do. */
  const asleep = async () => {
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  };

  it("ping a sleeper once, and nobody who is awake", async () => {
    const [a, b] = start(2) as [Shard, Shard];
    a.send(1, Buffer.from("wakes it up"));
    await until(() => b.messages.length === 1);
    await asleep();
    const before = a.device.pings;
    for (let i = 0; i < 10; i++) a.send(1, Buffer.from("hello"));
    await until(() => b.messages.length === 11);
    expect(a.device.pings).toBe(before + 1);
    // b is awake now and takes in what comes without a ping.
    a.send(1, Buffer.from("again"));
    await until(() => b.messages.length === 12);
    expect([a.device.pings, b.device.pings]).toEqual([before + 1, 0]);
    await asleep();
    a.send(1, Buffer.from("and once more"));
    await until(() => b.messages.length === 13);
    expect(a.device.pings).toBe(before + 2);
  });

  it("do not ping a sleeper that something else wakes first", async () => {
    const [a, b] = start(2) as [Shard, Shard];
    await asleep();
    a.send(1, Buffer.from("no hurry"));
    b.device.defer(() => {}); // as a client's request does
    await until(() => b.messages.length === 1);
    await asleep();
    expect(a.device.pings).toBe(0);
  });

  it("wake a sleeper before they go", async () => {
    const [a, b] = start(2) as [Shard, Shard];
    await asleep();
    a.send(1, Buffer.from("my last"));
    a.device.close();
    await until(() => b.messages.length === 1);
    expect(a.device.pings).toBe(1);
  });

  it("end a shard whose ring has been written over, with a reason that names both", async () => {
    const links = shardLinks(2, RING_BYTES);
    shards = links.map((link) => new Shard(link));
    const [a, b] = shards as [Shard, Shard];
    for (const { k, driver } of shards) {
      k.mem.memory.grow(16);
      driver.lend(BUFFERS, 2);
    }
    new Uint8Array(links[0]?.to[1] as SharedArrayBuffer, 192).fill(0xff);
    new Int32Array(links[0]?.to[1] as SharedArrayBuffer)[0] = 4096;
    b.device.defer(() => {});
    await until(() => b.broken !== "");
    expect(b.broken).toBe("the ring from shard 0 to shard 1 is damaged");
    expect([a.broken, b.messages.length]).toEqual(["", 0]);
  });

  const hostile: [string, (header: Uint32Array) => void, number][] = [
    [
      "to itself",
      (header) => {
        header[0] = 0;
      },
      16,
    ],
    [
      "to a shard that is none",
      (header) => {
        header[0] = 2;
      },
      16,
    ],
    [
      "to shard 2^32 - 1",
      (header) => {
        header[0] = 0xffffffff;
      },
      16,
    ],
    [
      "whose header says more",
      (header) => {
        header[1] = 17;
      },
      16,
    ],
    [
      "whose header says 4 GiB",
      (header) => {
        header[1] = 0xffffffff;
      },
      16,
    ],
    [
      "that is too long",
      (header) => {
        header[1] = SHARD_MESSAGE_BYTES_MAX + 1;
      },
      SHARD_MESSAGE_BYTES_MAX + 1,
    ],
  ];
  for (const [what, spoil, length] of hostile) {
    it(`fail the queue of a driver that sends a message ${what}`, async () => {
      const k = new TestKernel();
      const lines: string[] = [];
      const [link, other] = shardLinks(2, RING_BYTES) as [never, never];
      const device = new ShardDevice(k.physical, link, { log: (line) => lines.push(line), broken: () => {} });
      const peer = new Shard(other);
      shards = [peer];
      const virtio = new VirtioDriver(k.physical, device.mmio, { name: "hostile", deviceId: VIRTIO_ID_SHARD });
      virtio.queue(0, 16, 2);
      const tx = virtio.queue(SHARD_QUEUE_TX, 16, 2);
      virtio.ready();
      const address = k.physical.allocate(64, 64);
      const header = new Uint32Array(k.physical.kernelBytes.buffer, address - KERNEL_RAM_BASE, 2);
      header.set([1, length]);
      spoil(header);
      tx.begin();
      tx.addReadable(address, 8);
      tx.addReadable(BYTES, length);
      tx.submit(1);
      tx.kick();
      expect(lines.join()).toMatch(/the driver broke the rules .* a message of/);
      expect(tx.popUsed()).toBe(false);
      device.close();
    });
  }

  it("leave a driver whose device lies about a message with EIO", async () => {
    const [a] = start(2, 0) as [Shard, Shard];
    a.driver.lend(BUFFERS, 1);
    const rx = a.device.mmio.queues[0];
    const chain = rx?.pop();
    if (!rx || !chain) throw new Error("no buffer");
    chain.setU32(0, 1);
    chain.setU32(4, 100);
    rx.push(chain, 8 + 5);
    rx.signal();
    await until(() => a.k.lines.length > 0 || a.send(1, Buffer.from("x")) === -EIO);
    expect(a.send(1, Buffer.from("x"))).toBe(-EIO);
    expect(a.messages).toEqual([]);
  });
});
