import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ClockDevice } from "../../../host/devices/clock.ts";
import { HostClock, VirtualClock } from "../../../host/devices/clock-source.ts";
import { CLOCK_CONFIG_ARM, CLOCK_CONFIG_LATCH, CLOCK_CONFIG_PAGE, ClockDriver } from "../../../kernel/virtio/clock.ts";
import { TestKernel } from "../fixture.ts";

function make() {
  const k = new TestKernel();
  const time = new VirtualClock(5_000);
  const device = new ClockDevice(k.physical, { source: time, log: (line) => k.lines.push(line) });
  const driver = new ClockDriver(k.physical, device.mmio);
  let interrupts = 0;
  device.mmio.onInterrupt = () => interrupts++;
  return { k, time, device, driver, interrupts: () => interrupts };
}

describe("the clock", () => {
  it("starts at zero and gives both times of one moment", () => {
    const { time, driver } = make();
    expect([driver.monotonicMs(), driver.realtimeMs()]).toEqual([0, 5000]);
    time.advance(12.25);
    const now = new Float64Array(2);
    driver.nowInto(now);
    expect([...now]).toEqual([12.25, 5012.25]);
  });
  it("on the host's clocks: monotonic from zero, real time close to Date.now, with a fraction", async () => {
    const k = new TestKernel();
    const driver = new ClockDriver(k.physical, new ClockDevice(k.physical).mmio);
    let last = driver.monotonicMs();
    expect(last).toBeLessThan(1000);
    for (let i = 0; i < 1000; i++) {
      const now = driver.monotonicMs();
      if (now < last) throw new Error("backwards");
      last = now;
    }
    expect(Math.abs(driver.realtimeMs() - Date.now())).toBeLessThan(4);
    await sleep(60);
    expect(Math.abs(driver.realtimeMs() - Date.now())).toBeLessThan(4);
  });
  it("follows the host's real-time clock when that is stepped", () => {
    const host = new HostClock();
    const real = Date.now;
    try {
      const before = host.realtimeMs(performance.now());
      Date.now = () => real() + 3_600_000;
      expect(host.realtimeMs(performance.now() + 100) - before).toBeGreaterThan(3_500_000);
    } finally {
      Date.now = real;
    }
  });
  it("never shows a time before one that it has shown", () => {
    const { k, device } = make();
    let ms = 100;
    const source = new VirtualClock();
    source.monotonicMs = () => ms;
    const driver = new ClockDriver(k.physical, new ClockDevice(k.physical, { source }).mmio);
    ms = 250;
    expect(driver.monotonicMs()).toBe(150);
    ms = 200;
    expect(driver.monotonicMs()).toBe(150);
    ms = Number.NaN;
    expect(driver.monotonicMs()).toBe(150);
    device.stop();
  });
});

describe("the alarm", () => {
  it("interrupts once at its deadline, and can be set again", () => {
    const { k, time, driver, interrupts } = make();
    driver.setAlarm(10);
    time.advance(9.5);
    expect(interrupts()).toBe(0);
    time.advance(0.5);
    expect(interrupts()).toBe(1);
    driver.handleInterrupt(k);
    time.advance(1000);
    expect(interrupts()).toBe(1);
    for (let i = 0; i < 100; i++) {
      driver.setAlarm(driver.monotonicMs() + 1);
      time.advance(1);
      driver.handleInterrupt(k);
    }
    expect(interrupts()).toBe(101);
  });
  it("set anew replaces the one before, earlier, later, or never", () => {
    const { k, time, driver, interrupts } = make();
    driver.setAlarm(10);
    driver.setAlarm(20);
    time.advance(15);
    expect(interrupts()).toBe(0);
    driver.setAlarm(17);
    time.advance(2);
    expect(interrupts()).toBe(1);
    driver.handleInterrupt(k);
    driver.setAlarm(30);
    driver.setAlarm(Number.POSITIVE_INFINITY);
    time.advance(100);
    expect(interrupts()).toBe(1);
  });
  it("in the past goes off at once; NaN is no alarm", () => {
    const { time, driver, interrupts } = make();
    time.advance(50);
    driver.setAlarm(3);
    time.advance(0);
    expect(interrupts()).toBe(1);
    driver.setAlarm(Number.NaN);
    time.advance(1e9);
    expect(interrupts()).toBe(1);
  });
  it("that goes off before the last one was handled waits for its buffer", () => {
    const { k, time, driver, interrupts } = make();
    driver.setAlarm(1);
    time.advance(1);
    driver.setAlarm(2);
    time.advance(1);
    expect(interrupts()).toBe(1);
    driver.handleInterrupt(k);
    expect(interrupts()).toBe(2);
  });
  it("never goes off early on the host's timers, and not after stop", async () => {
    const k = new TestKernel();
    const device = new ClockDevice(k.physical);
    const driver = new ClockDriver(k.physical, device.mmio);
    for (const delay of [0, 0.3, 1.7, 12.9]) {
      const deadline = driver.monotonicMs() + delay;
      const went = new Promise<number>((resolve) => {
        device.mmio.onInterrupt = () => resolve(driver.monotonicMs());
      });
      driver.setAlarm(deadline);
      expect(await went).toBeGreaterThanOrEqual(deadline);
      driver.handleInterrupt(k);
    }
    let after = 0;
    device.mmio.onInterrupt = () => after++;
    driver.setAlarm(driver.monotonicMs() + 5);
    device.stop();
    driver.setAlarm(driver.monotonicMs() + 5);
    await sleep(30);
    expect(after).toBe(0);
  });
});

describe("a hostile driver of the clock", () => {
  it("may put the page where it likes: outside kernel RAM the device asks for a reset", () => {
    for (const [low, high] of [
      [0, 0],
      [1, 1],
      [1024 * 1024 - 16, 1],
      [0, 0xffffffff],
    ] as const) {
      const { k, device } = make();
      device.mmio.writeConfig(CLOCK_CONFIG_PAGE, 4, low);
      device.mmio.writeConfig(CLOCK_CONFIG_PAGE + 4, 4, high);
      device.mmio.writeConfig(CLOCK_CONFIG_LATCH, 4, 1);
      device.mmio.writeConfig(CLOCK_CONFIG_ARM, 4, 1);
      expect(k.lines).toEqual([expect.stringContaining("not in kernel RAM")]);
    }
  });
});
