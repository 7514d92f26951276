/**
 * The console, entropy and clock devices against a driver that sends chains of any shape to any queue, writes any register, and
 * resets whenever it likes. No exception, no output that the guest did not write, at most one line for each failure.
 */
import { describe, expect, it } from "vitest";
import { ClockDevice } from "../../../host/devices/clock.ts";
import { VirtualClock } from "../../../host/devices/clock-source.ts";
import { ConsoleDevice, type OutputSink } from "../../../host/devices/console.ts";
import { EntropyDevice, seededEntropy } from "../../../host/devices/entropy.ts";
import type { MmioDevice } from "../../../host/queue/mmio-device.ts";
import { KERNEL_RAM_BASE } from "../../../kernel/mem/physical.ts";
import { CLOCK_CONFIG_ARM, CLOCK_CONFIG_PAGE, CLOCK_PAGE_DEADLINE } from "../../../kernel/virtio/clock.ts";
import { PORT_STDERR, PORT_STDOUT, transmitQueueOf } from "../../../kernel/virtio/console-protocol.ts";
import { VirtioDriver } from "../../../kernel/virtio/driver.ts";
import { VIRTIO_MMIO_DEVICE_ID } from "../../../kernel/virtio/transport.ts";
import type { Virtqueue } from "../../../kernel/virtio/virtqueue.ts";
import { RecycledMemory } from "../../kernel/virtio/loopback.ts";
import { type Random, randomFor } from "../../random.ts";

const STEPS = 60_000;

/** Bytes that were made available in each queue. */
type Offered = number[];

function attack(
  memory: RecycledMemory,
  mmio: MmioDevice,
  random: Random,
  lines: string[],
  meanwhile: () => void,
): { offered: Offered; used: number; failures: number } {
  const offered: Offered = mmio.queues.map(() => 0);
  const counts = { offered, used: 0, failures: 0 };
  let queues: Virtqueue[] = [];
  let page = 0;
  const start = (): void => {
    memory.recycle();
    const deviceId = mmio.read(VIRTIO_MMIO_DEVICE_ID);
    const driver = new VirtioDriver(memory, mmio, { name: "hostile", deviceId, features: [0, 1] });
    queues = mmio.queues.map((_, i) => driver.queue(i, 16, random.pick([0, 4])));
    driver.ready();
    page = memory.allocate(4096);
  };
  start();
  for (let i = 0; i < STEPS; i++) {
    // Messages that make some sense: small numbers.
    for (let n = 0; n < 8; n++) memory.kernelU16[(page - KERNEL_RAM_BASE) / 2 + random.below(2048)] = random.below(8);
    const index = random.below(queues.length);
    const queue = queues[index] as Virtqueue;
    const readable = random.oneIn(2);
    let bytes = 0;
    queue.begin();
    for (let n = readable ? random.below(3) : -1; n >= 0; n--) {
      const length = random.pick([1, 2, 7, 8, 60]);
      queue.addReadable(page + random.below(4000), length);
      bytes += length;
    }
    if (!readable || random.oneIn(20)) queue.addWritable(random.below(60_000), 1 + random.below(100));
    if (queue.submit(i)) offered[index] = (offered[index] as number) + bytes;
    if (!random.oneIn(3)) queue.kick();
    if (random.oneIn(3)) while (queue.popUsed()) counts.used++;
    const value = random.pick([0, 1, page >>> 0, random.u32()]);
    if (random.oneIn(10)) mmio.writeConfig(random.below(24), random.pick([1, 2, 4] as const), value);
    if (random.oneIn(500)) mmio.write(random.below(0x110), random.below(16));
    meanwhile();
    if (mmio.live && !random.oneIn(2000)) continue;
    counts.failures++;
    expect(lines.length).toBeLessThanOrEqual(1);
    lines.length = 0;
    start();
  }
  expect(counts.used).toBeGreaterThan(STEPS / 100);
  expect(counts.failures).toBeGreaterThan(STEPS / 10_000);
  return counts;
}

describe("a hostile driver", () => {
  it("of the console", () => {
    const random = randomFor("hostile driver of the console");
    const memory = new RecycledMemory(1, 256 * 1024);
    const lines: string[] = [];
    const written = [0, 0];
    const sink = (port: 0 | 1): OutputSink => ({
      write: (chunk) => {
        written[port] = (written[port] as number) + chunk.length;
        return !random.oneIn(4);
      },
      onDrain: () => {},
    });
    const stdout = sink(0);
    const stderr = sink(1);
    const device = new ConsoleDevice(memory, { stdout, stderr, log: (line) => lines.push(line) });
    let steps = 0;
    const { offered } = attack(memory, device.mmio, random, lines, () => {
      if (random.oneIn(5)) random.pick([stdout, stderr]).onDrain();
      if (random.oneIn(5)) device.input(new Uint8Array(random.below(300)));
      if (random.oneIn(50)) device.resize(random.below(100), random.below(100));
      if (++steps > STEPS / 2 && random.oneIn(5000)) device.closeOutput(random.pick([1, 2] as const));
    });
    for (const port of [PORT_STDOUT, PORT_STDERR]) {
      expect(written[port]).toBeLessThanOrEqual(offered[transmitQueueOf(port)] as number);
      expect(written[port]).toBeGreaterThan(0);
    }
    device.finish();
  });
  it("of the entropy device", () => {
    const random = randomFor("hostile driver of the entropy device");
    const memory = new RecycledMemory(1, 256 * 1024);
    const lines: string[] = [];
    const device = new EntropyDevice(memory, { source: seededEntropy(1), log: (line) => lines.push(line) });
    attack(memory, device.mmio, random, lines, () => {});
  });
  it("of the clock", () => {
    const random = randomFor("hostile driver of the clock");
    const memory = new RecycledMemory(1, 256 * 1024);
    const lines: string[] = [];
    const time = new VirtualClock();
    const device = new ClockDevice(memory, { source: time, log: (line) => lines.push(line) });
    const view = new DataView(memory.kernelBytes.buffer);
    attack(memory, device.mmio, random, lines, () => {
      time.advance(random.below(10));
      // A page that the device takes, with a deadline soon.
      if (random.oneIn(4)) {
        device.mmio.writeConfig(CLOCK_CONFIG_PAGE, 4, 200_000);
        device.mmio.writeConfig(CLOCK_CONFIG_PAGE + 4, 4, 1);
      }
      view.setFloat64(200_000 + CLOCK_PAGE_DEADLINE, random.pick([0, Number.NaN, time.monotonicMs() + 5]), true);
      device.mmio.writeConfig(CLOCK_CONFIG_ARM, 4, 1);
    });
    device.stop();
    expect(time.deadlineMs).toBe(Number.POSITIVE_INFINITY);
  });
});
