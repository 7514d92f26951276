import { describe, expect, it } from "vitest";
import type { Chain } from "../../../host/queue/chain.ts";
import type { DeviceQueue } from "../../../host/queue/device-queue.ts";
import { KERNEL_RAM_BASE } from "../../../kernel/mem/physical.ts";
import { VirtioDriver } from "../../../kernel/virtio/driver.ts";
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_ID_RNG } from "../../../kernel/virtio/transport.ts";
import type { Virtqueue } from "../../../kernel/virtio/virtqueue.ts";
import { physicalMemory, TestDevice } from "./loopback.ts";

function pair(options: { without?: number[]; size?: number; indirectParts?: number } = {}) {
  const memory = physicalMemory();
  const device = new TestDevice(memory, { without: options.without ?? [], queueSizes: [options.size ?? 8] });
  const driver = new VirtioDriver(memory, device.mmio, { name: "test", deviceId: VIRTIO_ID_RNG });
  const queue = driver.queue(0, 256, options.indirectParts ?? 0);
  driver.ready();
  return { memory, device, driver, queue, deviceQueue: device.mmio.queues[0] as DeviceQueue };
}

function submit(queue: Virtqueue, token: number, address: number, bytes = 16): boolean {
  queue.begin();
  queue.addReadable(address, bytes);
  queue.addWritable(address + bytes, bytes);
  return queue.submit(token);
}

for (const [name, without, indirectParts] of [
  ["event index, indirect", [], 4],
  ["event index, direct", [], 0],
  ["flags, indirect", [VIRTIO_F_EVENT_IDX], 4],
  ["flags, indirect refused", [VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC], 4],
] as const) {
  describe(`a queue with ${name}`, () => {
    it("carries 200,000 chains through several wraps of the 16-bit index", () => {
      const { memory, device, queue, deviceQueue } = pair({ without: [...without], indirectParts });
      const guest = memory.guest.u8;
      device.onNotify = () => {
        for (let chain = deviceQueue.pop(); chain !== null; chain = deviceQueue.pop()) {
          chain.setU32(0, chain.getU32(0) + 1);
          deviceQueue.push(chain, 4);
        }
        deviceQueue.signal();
      };
      let next = 0;
      let interrupts = 0;
      device.mmio.onInterrupt = () => interrupts++;
      for (let round = 0; round < 100_000; round++) {
        for (let i = 0; i < 2; i++) {
          memory.guest.setU32(64 * i, next);
          if (!submit(queue, next++, 64 * i)) throw new Error("no room");
        }
        if (!queue.kick()) throw new Error("the device was not notified");
        for (let i = 0; i < 2; i++) {
          if (!queue.popUsed()) throw new Error("a chain is missing");
          if (queue.usedToken !== next - 2 + i || queue.usedLength !== 4) throw new Error("wrong chain");
          if (memory.guest.getU32(64 * i + 16) !== next - 1 + i) throw new Error("wrong bytes");
        }
        if (queue.popUsed()) throw new Error("one too many");
      }
      expect(queue.free).toBe(8);
      expect(device.notified.length).toBe(100_000);
      expect(interrupts).toBe(100_000); // one for each batch of two
      expect(guest.length).toBe(1024 * 1024);
      expect(device.lines).toEqual([]);
    });

    it("carries pairs as it carries chains of any shape, both ways, and refuses one that lies outside memory", () => {
      const { memory, device, queue, deviceQueue } = pair({ without: [...without], indirectParts });
      const seen: unknown[] = [];
      device.onNotify = () => {
        for (let chain = deviceQueue.pop(); chain !== null; chain = deviceQueue.pop()) {
          const parts = Array.from({ length: chain.count }, (_, i) => [chain.addresses[i], chain.lengths[i]]);
          seen.push([chain.readableCount, chain.readableBytes, chain.writableBytes, ...parts]);
          deviceQueue.push(chain, chain.writableBytes);
        }
      };
      const header = memory.allocate(64, 64);
      for (let i = 0; i < 100; i++) {
        expect(queue.submitPair(i, header, 44, 64 * i, 16 + i, i % 2 === 1)).toBe(true);
        queue.kick();
        expect([queue.popUsed(), queue.usedToken, queue.usedLength]).toEqual([true, i, i % 2 === 1 ? 60 + i : 0]);
        const parts = [
          [header, 44],
          [64 * i, 16 + i],
        ];
        expect(seen.pop()).toEqual([i % 2 === 1 ? 0 : 2, i % 2 === 1 ? 0 : 60 + i, i % 2 === 1 ? 60 + i : 0, ...parts]);
      }
      expect(device.lines).toEqual([]);
      queue.submitPair(7, header, 44, 1024 * 1024 - 8, 16, true);
      queue.kick();
      expect(seen).toEqual([]);
      expect(device.lines.join()).toContain("a buffer outside memory (16 bytes at 1048568)");
    });

    it("refuses what has no room, and takes it once a chain has come back", () => {
      const { device, queue, deviceQueue } = pair({ without: [...without], indirectParts, size: 4 });
      let accepted = 0;
      while (submit(queue, accepted, 0)) accepted++;
      expect(accepted).toBe(indirectParts > 0 && !without.includes(VIRTIO_F_INDIRECT_DESC as never) ? 4 : 2);
      queue.kick();
      const chain = deviceQueue.pop() as Chain;
      deviceQueue.push(chain, 0);
      expect(queue.popUsed()).toBe(true);
      expect(submit(queue, 99, 0)).toBe(true);
      expect(device.lines).toEqual([]);
    });
  });
}

describe("suppression", () => {
  it("does not notify a device that is busy, by flag", () => {
    const { device, queue, deviceQueue } = pair({ without: [VIRTIO_F_EVENT_IDX] });
    deviceQueue.setNotifications(false);
    submit(queue, 1, 0);
    expect(queue.kick()).toBe(false);
    expect(device.notified).toEqual([]);
    expect(deviceQueue.setNotifications(true)).toBe(true);
    submit(queue, 2, 0);
    expect(queue.kick()).toBe(true);
  });

  it("does not notify a device that has not looked at what it has, by event index", () => {
    const { device, queue, deviceQueue } = pair({});
    submit(queue, 1, 0);
    expect(queue.kick()).toBe(true);
    submit(queue, 2, 0);
    expect(queue.kick()).toBe(false);
    while (deviceQueue.pop()) {}
    submit(queue, 3, 0);
    expect(queue.kick()).toBe(true);
    expect(device.notified).toEqual([0, 0]);
  });

  it("one kick for several submits, none for nothing", () => {
    const { device, queue } = pair({});
    submit(queue, 1, 0);
    submit(queue, 2, 0);
    expect(queue.kick()).toBe(true);
    expect(queue.kick()).toBe(false);
    expect(device.notified).toEqual([0]);
  });

  for (const without of [[], [VIRTIO_F_EVENT_IDX]]) {
    it(`does not interrupt a driver that polls (${without.length ? "flag" : "event index"}), for more than 65536 chains`, () => {
      const { device, queue, deviceQueue } = pair({ without });
      let interrupts = 0;
      device.mmio.onInterrupt = () => interrupts++;
      queue.setInterrupts(false);
      const run = (count: number) => {
        for (let i = 0; i < count; i++) {
          submit(queue, i, 0);
          deviceQueue.push(deviceQueue.pop() as Chain, 0);
          deviceQueue.signal();
          if (!queue.popUsed()) throw new Error("lost");
        }
      };
      run(70_000);
      expect(interrupts).toBe(0);
      queue.setInterrupts(true);
      run(3);
      expect(interrupts).toBe(3);
    });
  }
});

describe("a chain", () => {
  it("hides from the device how bytes are divided into parts", () => {
    const { memory, queue, deviceQueue } = pair({ size: 16 });
    memory.guest.u8.set([1, 2, 3, 4, 5, 6, 7, 8], 100);
    queue.begin();
    queue.addReadable(100, 3);
    queue.addReadable(103, 4);
    queue.addReadable(107, 1);
    queue.addWritable(200, 1);
    queue.addWritable(300, 6);
    queue.submit(-7);
    const chain = deviceQueue.pop() as Chain;
    expect([chain.count, chain.readableCount, chain.readableBytes, chain.writableBytes]).toEqual([5, 3, 8, 7]);
    expect(chain.getU32(1)).toBe(0x05040302);
    expect(chain.getU64(0)).toBe(0x08070605 * 2 ** 32 + 0x04030201);
    const copy = new Uint8Array(5);
    expect(chain.read(2, copy)).toBe(5);
    expect([...copy]).toEqual([3, 4, 5, 6, 7]);
    expect(chain.read(7, copy)).toBe(1);
    expect(chain.write(0, Uint8Array.of(9, 8, 7, 6))).toBe(4);
    chain.setU32(3, 0x01020304);
    expect([memory.guest.u8[200], ...memory.guest.u8.subarray(300, 306)]).toEqual([9, 8, 7, 4, 3, 2, 1]);
    deviceQueue.push(chain, 7);
    expect(queue.popUsed()).toBe(true);
    expect([queue.usedToken, queue.usedLength]).toEqual([-7, 7]);
  });

  it("stays valid when the guest's memory grows meanwhile", () => {
    const { memory, queue, deviceQueue } = pair({});
    memory.guest.u8[100] = 42;
    queue.begin();
    queue.addReadable(100, 1);
    queue.submit(0);
    const chain = deviceQueue.pop() as Chain;
    memory.guest.memory.grow(1);
    expect(chain.part(0)[0]).toBe(42);
  });
});

describe("a device that breaks the rules", () => {
  const used = (queue: Virtqueue) => (queue.usedAddress - KERNEL_RAM_BASE) / 4;
  for (const [what, message, index, id, length] of [
    ["an index that jumps", /used index moved by 3, but 2 chains are outstanding/, 3, 0, 0],
    ["an index that goes back", /used index moved by 65535/, 0xffff, 0, 0],
    ["an id beyond the table", /used id 8 of a queue of 8/, 1, 8, 0],
    ["an id that is enormous", /used id 4294967295/, 1, 0xffffffff, 0],
    ["an id that is not outstanding", /used id 7 is not outstanding/, 1, 7, 0],
    ["an id in the middle of a chain", /used id 1 is not outstanding/, 1, 1, 0],
    ["a length beyond the writable part", /used length 17 exceeds the 16 deviceWritable bytes/, 1, 0, 17],
  ] as const) {
    it(`with ${what} is reset, and both buffers are the driver's again`, () => {
      const { memory, device, driver, queue } = pair({});
      let interrupts = 0;
      device.mmio.onInterrupt = () => interrupts++;
      submit(queue, 1, 0);
      submit(queue, 2, 64);
      memory.kernelU32[used(queue) + 1] = id;
      memory.kernelU32[used(queue) + 2] = length;
      memory.kernelU16[used(queue) * 2 + 1] = index;
      expect(queue.popUsed()).toBe(false);
      expect(queue.broken).toMatch(message);
      expect(driver.failure).toBe(queue.broken);
      expect(device.resets).toBe(1);
      expect(interrupts).toBe(1); // the kernel shall look, and report it
      const tokens: number[] = [];
      while (queue.reclaim()) tokens.push(queue.usedToken);
      expect(tokens.sort()).toEqual([1, 2]);
    });
  }

  it("by using the same chain twice", () => {
    const { memory, queue, deviceQueue } = pair({});
    submit(queue, 1, 0);
    submit(queue, 2, 64);
    queue.kick();
    deviceQueue.push(deviceQueue.pop() as Chain, 0);
    expect(queue.popUsed()).toBe(true);
    memory.kernelU32[used(queue) + 3] = 0;
    memory.kernelU16[used(queue) * 2 + 1] = 2;
    expect(queue.popUsed()).toBe(false);
    expect(queue.broken).toMatch(/used id 0 is not outstanding/);
    expect([queue.reclaim(), queue.usedToken, queue.reclaim()]).toEqual([true, 2, false]);
  });
});

describe("a driver's own mistakes", () => {
  it("are exceptions: an empty chain, a readable part after a writable one", () => {
    const { queue } = pair({});
    queue.begin();
    expect(() => queue.submit(0)).toThrow(/empty/);
    queue.addReadable(0, 0); // parts of no bytes are left out
    expect(() => queue.submit(0)).toThrow(/empty/);
    queue.addWritable(0, 4);
    expect(() => queue.addReadable(0, 4)).toThrow(/after a deviceWritable/);
  });
});
