import { describe, expect, it } from "vitest";
import { EntropyDevice, seededEntropy } from "../../../host/devices/entropy.ts";
import { EIO } from "../../../kernel/abi/errno.ts";
import { EntropyDriver } from "../../../kernel/virtio/entropy.ts";
import { VIRTIO_ID_RNG } from "../../../kernel/virtio/transport.ts";
import { TestKernel } from "../fixture.ts";
import { TestDevice } from "./loopback.ts";

describe("the entropy device", () => {
  it("fills guest memory exactly, and differently every time", () => {
    const k = new TestKernel();
    const driver = new EntropyDriver(k.physical, new EntropyDevice(k.physical).mmio);
    k.mem.u8.fill(0);
    expect(driver.fill(1000, 64)).toBe(64);
    const first = k.mem.u8.slice(1000, 1064);
    expect([k.mem.u8[999], k.mem.u8[1064]]).toEqual([0, 0]);
    expect(new Set(first).size).toBeGreaterThan(32);
    driver.fill(1000, 64);
    expect(k.mem.u8.slice(1000, 1064)).not.toEqual(first);
    expect(driver.fill(0, 0)).toBe(0);
    expect(driver.fill(0, 200_000)).toBe(200_000);
  });
  it("with a seed gives the same bytes, however they are asked for", () => {
    const bytes = (seed: string, sizes: number[]) => {
      const k = new TestKernel();
      const driver = new EntropyDriver(k.physical, new EntropyDevice(k.physical, { source: seededEntropy(seed) }).mmio);
      let at = 0;
      for (const size of sizes) {
        driver.fill(at, size);
        at += size;
      }
      return [...k.mem.u8.slice(0, at)];
    };
    expect(bytes("a", [100])).toEqual(bytes("a", [1, 2, 3, 94]));
    expect(bytes("a", [100])).not.toEqual(bytes("b", [100]));
  });
  for (const [what, written] of [
    ["gives nothing", 0],
    ["never answers", -1],
    ["claims more than there was room for", 65],
  ] as const) {
    it(`that ${what} ends in EIO and one line`, () => {
      const k = new TestKernel();
      const device = new TestDevice(k.physical, { deviceId: VIRTIO_ID_RNG, queueSizes: [16] });
      device.onNotify = () => {
        const queue = device.mmio.queues[0];
        const chain = queue?.pop();
        if (chain && written >= 0) queue?.push(chain, written);
      };
      const driver = new EntropyDriver(k.physical, device.mmio);
      expect(driver.fill(0, 64)).toBe(-EIO);
      expect(driver.fill(0, 64)).toBe(-EIO);
      driver.handleInterrupt(k);
      expect(k.lines.length).toBe(1);
    });
  }
  it("that answers in pieces is asked again", () => {
    const k = new TestKernel();
    const device = new TestDevice(k.physical, { deviceId: VIRTIO_ID_RNG, queueSizes: [16] });
    let asked = 0;
    device.onNotify = () => {
      const queue = device.mmio.queues[0];
      for (let chain = queue?.pop(); chain; chain = queue?.pop()) {
        asked++;
        queue?.push(chain, Math.min(10, chain.writableBytes));
      }
    };
    const driver = new EntropyDriver(k.physical, device.mmio);
    expect(driver.fill(0, 64)).toBe(64);
    expect(asked).toBe(7);
  });
});
