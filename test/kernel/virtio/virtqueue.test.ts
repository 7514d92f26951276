import { describe, expect, it } from "vitest";
import type { Chain } from "../../../host/queue/chain.ts";
import type { DeviceQueue } from "../../../host/queue/device-queue.ts";
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
          expect(submit(queue, next++, 64 * i)).toBe(true);
        }
        expect(queue.kick()).toBe(true);
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
