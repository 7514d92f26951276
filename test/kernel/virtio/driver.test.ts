import { describe, expect, it } from "vitest";
import { VirtioDriver } from "../../../kernel/virtio/driver.ts";
import {
  type Transport,
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FAILED,
  VIRTIO_CONFIG_S_FEATURES_OK,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
  VIRTIO_ID_CONSOLE,
  VIRTIO_ID_RNG,
  VIRTIO_MMIO_CONFIG_GENERATION,
  VIRTIO_MMIO_INT_VRING,
  VIRTIO_MMIO_MAGIC_VALUE,
  VIRTIO_MMIO_QUEUE_NUM_MAX,
  VIRTIO_MMIO_STATUS,
} from "../../../kernel/virtio/transport.ts";
import { TestKernel } from "../fixture.ts";
import { physicalMemory, TestDevice } from "./loopback.ts";

const OPTIONS = { name: "test", deviceId: VIRTIO_ID_RNG };

/** The device's transport with some registers answering otherwise, and every status write noted. */
function spied(inner: Transport, answers: Record<number, (real: number) => number> = {}) {
  const statuses: number[] = [];
  const transport: Transport = {
    onInterrupt: () => {},
    read: (offset) => answers[offset]?.(inner.read(offset)) ?? inner.read(offset),
    write: (offset, value) => {
      if (offset === VIRTIO_MMIO_STATUS) statuses.push(value);
      inner.write(offset, value);
    },
    readConfig: (offset, bytes) => inner.readConfig(offset, bytes),
    writeConfig: (offset, bytes, value) => inner.writeConfig(offset, bytes, value),
  };
  return { transport, statuses };
}

describe("the handshake (virtio 1.2, 3.1.1)", () => {
  it("goes through the states in their order", () => {
    const memory = physicalMemory();
    const { transport, statuses } = spied(new TestDevice(memory).mmio);
    const driver = new VirtioDriver(memory, transport, OPTIONS);
    driver.queue(0, 8);
    driver.ready();
    const known = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
    const featured = known | VIRTIO_CONFIG_S_FEATURES_OK;
    expect(statuses).toEqual([0, VIRTIO_CONFIG_S_ACKNOWLEDGE, known, featured, featured | VIRTIO_CONFIG_S_DRIVER_OK]);
  });

  it("negotiates what both know, in both halves of the 64 bits", () => {
    const memory = physicalMemory();
    const device = new TestDevice(memory, { features: [0, 5, 40], without: [VIRTIO_F_INDIRECT_DESC] });
    const driver = new VirtioDriver(memory, device.mmio, { ...OPTIONS, features: [0, 1, 40, 41] });
    const both = [0, 1, 5, 40, 41, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_VERSION_1];
    const agreed = [0, 40, VIRTIO_F_EVENT_IDX, VIRTIO_F_VERSION_1];
    expect(both.filter((bit) => driver.has(bit))).toEqual(agreed);
    expect(both.filter((bit) => device.mmio.has(bit))).toEqual(agreed);
  });

  for (const [what, options, answers, message] of [
    ["another kind of device", {}, { 8: () => VIRTIO_ID_CONSOLE }, /device type 3, not 4/],
    ["no device at all", {}, { [VIRTIO_MMIO_MAGIC_VALUE]: () => 0 }, /no virtio device/],
    ["a legacy device", { without: [VIRTIO_F_VERSION_1] }, {}, /does not offer feature 32/],
    ["a device that refuses the features", {}, { [VIRTIO_MMIO_STATUS]: (s: number) => s & ~8 }, /refuses/],
    ["a device that does not reset", {}, { [VIRTIO_MMIO_STATUS]: () => 1 }, /does not reset/],
    ["a device without the queue", {}, { [VIRTIO_MMIO_QUEUE_NUM_MAX]: () => 0 }, /has no queue 0/],
    [
      "a device that asks for a reset",
      {},
      { [VIRTIO_MMIO_STATUS]: (s: number) => (s & 4 ? s | 64 : s) },
      /needs a reset/,
    ],
  ] as const) {
    it(`gives up on ${what}, and says why`, () => {
      const memory = physicalMemory();
      const device = new TestDevice(memory, options as object);
      const { transport } = spied(device.mmio, answers);
      expect(() => {
        const driver = new VirtioDriver(memory, transport, OPTIONS);
        driver.queue(0, 8);
        driver.ready();
      }).toThrow(message);
      const status = device.mmio.read(VIRTIO_MMIO_STATUS);
      expect(status === 0 || (status & VIRTIO_CONFIG_S_FAILED) !== 0 || what.includes("reset")).toBe(true);
    });
  }

  it("takes the largest power of two that the device and the driver allow", () => {
    const memory = physicalMemory();
    const device = new TestDevice(memory, { queueSizes: [48, 64, 1] });
    const driver = new VirtioDriver(memory, device.mmio, OPTIONS);
    expect([driver.queue(0, 256).size, driver.queue(1, 20).size, driver.queue(2, 256).size]).toEqual([32, 16, 1]);
    expect(() => driver.queue(0, 8)).toThrow(/in use already/);
  });

  it("takes over a device that another driver used before", () => {
    const memory = physicalMemory();
    const device = new TestDevice(memory);
    for (let i = 0; i < 3; i++) {
      const driver = new VirtioDriver(memory, device.mmio, OPTIONS);
      driver.queue(0, 8);
      driver.ready();
      expect(device.resets).toBe(i);
    }
  });
});

describe("a device in service", () => {
  it("that asks for a reset is reset, its driver is told, and the log gets one line", () => {
    const k = new TestKernel();
    const device = new TestDevice(k.physical);
    let failed = "";
    const driver = new VirtioDriver(k.physical, device.mmio, {
      ...OPTIONS,
      onFailure: (reason) => {
        failed = reason;
      },
    });
    const queue = driver.queue(0, 8);
    driver.ready();
    queue.begin();
    queue.addReadable(0, 8);
    queue.submit(42);
    device.mmio.needsReset("just so");
    driver.acknowledge(k as never);
    driver.acknowledge(k as never);
    expect(failed).toMatch(/asked for a reset/);
    expect(k.lines).toEqual(["virtio test: the device asked for a reset; the device is out of service"]);
    expect(device.lines.length).toBe(1);
    expect(device.mmio.read(VIRTIO_MMIO_STATUS)).toBe(0);
    expect([queue.popUsed(), queue.kick(), queue.reclaim(), queue.usedToken, queue.reclaim()]).toEqual([
      false,
      false,
      true,
      42,
      false,
    ]);
    queue.begin();
    queue.addReadable(0, 8);
    expect(queue.submit(43)).toBe(false);
  });

  it("has its interrupts acknowledged", () => {
    const k = new TestKernel();
    const device = new TestDevice(k.physical);
    const driver = new VirtioDriver(k.physical, device.mmio, OPTIONS);
    driver.queue(0, 8);
    driver.ready();
    device.mmio.interrupt();
    expect(driver.acknowledge(k as never)).toBe(VIRTIO_MMIO_INT_VRING);
    expect(driver.acknowledge(k as never)).toBe(0);
  });

  it("serves what was made available before DRIVER_OK", () => {
    const memory = physicalMemory();
    const device = new TestDevice(memory);
    const driver = new VirtioDriver(memory, device.mmio, OPTIONS);
    const queue = driver.queue(0, 8);
    queue.begin();
    queue.addReadable(0, 8);
    queue.submit(1);
    queue.kick();
    expect(device.notified).toEqual([]);
    driver.ready();
    expect(device.notified).toEqual([0]);
  });

  it("whose back end throws costs the machine that device, and nobody an exception", () => {
    const memory = physicalMemory();
    const device = new TestDevice(memory);
    device.onNotify = () => {
      throw new Error("a bug");
    };
    const driver = new VirtioDriver(memory, device.mmio, OPTIONS);
    const queue = driver.queue(0, 8);
    driver.ready();
    queue.begin();
    queue.addReadable(0, 8);
    queue.submit(1);
    queue.kick();
    expect(device.lines).toEqual([expect.stringContaining("serving queue 0 failed: a bug")]);
    expect(device.mmio.live).toBe(false);
  });

  it("changes its configuration while the driver reads it: the driver reads again", () => {
    const memory = physicalMemory();
    const config = new Uint8Array(8);
    const view = new DataView(config.buffer);
    const device = new TestDevice(memory, { config });
    let reads = 0;
    const { transport } = spied(device.mmio, {
      [VIRTIO_MMIO_CONFIG_GENERATION]: (real) => {
        // between the two reads of the first attempt
        if (++reads === 2) {
          view.setUint32(0, 7, true);
          view.setUint32(4, 9, true);
          device.mmio.configChanged();
          return real + 1;
        }
        return device.mmio.read(VIRTIO_MMIO_CONFIG_GENERATION);
      },
    });
    const driver = new VirtioDriver(memory, transport, OPTIONS);
    expect(driver.config64(0)).toBe(9 * 2 ** 32 + 7);
    expect([driver.config8(0), driver.config16(4), driver.config32(0), driver.config32(5)]).toEqual([7, 9, 7, 0]);
  });
});
