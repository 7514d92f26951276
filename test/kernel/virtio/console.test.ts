import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ConsoleDevice, type OutputSink } from "../../../host/devices/console.ts";
import { EAGAIN, EFAULT, EIO, EPIPE } from "../../../kernel/abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../../kernel/abi/poll.ts";
import { KERNEL_RAM_BASE } from "../../../kernel/mem/physical.ts";
import { ConsoleDriver } from "../../../kernel/virtio/console.ts";
import { QUEUE_CONTROL_TRANSMIT } from "../../../kernel/virtio/console-protocol.ts";
import { VirtioDriver } from "../../../kernel/virtio/driver.ts";
import { VIRTIO_ID_CONSOLE } from "../../../kernel/virtio/transport.ts";
import { randomFor } from "../../random.ts";
import { TestKernel } from "../fixture.ts";

const BITS = POLLIN | POLLOUT | POLLERR | POLLHUP;

class Sink implements OutputSink {
  text = "";
  behind = false;
  onDrain: () => void = () => {};
  readonly order: string[];
  readonly name: string;
  constructor(name: string, order: string[]) {
    this.name = name;
    this.order = order;
  }
  write(chunk: Uint8Array): boolean {
    const text = Buffer.from(chunk).toString();
    this.text += text;
    this.order.push(`${this.name}:${text}`);
    return !this.behind;
  }
}

function make(size?: { columns: number; rows: number }, before: (device: ConsoleDevice) => void = () => {}) {
  const k = new TestKernel();
  const order: string[] = [];
  const stdout = new Sink("out", order);
  const stderr = new Sink("err", order);
  const lines: string[] = [];
  const device = new ConsoleDevice(k.physical, {
    stdout,
    stderr,
    log: (line) => lines.push(line),
    ...(size && { size }),
  });
  before(device);
  const driver = new ConsoleDriver(k.physical, device.mmio);
  let pending = false;
  device.mmio.onInterrupt = () => {
    pending = true;
  };
  /** What a turn does. */
  const run = () => {
    if (!pending) return;
    pending = false;
    driver.handleInterrupt(k);
  };
  const write = (fd: number, text: string) => {
    const bytes = Buffer.from(text);
    k.mem.u8.set(bytes, 4096);
    return driver.write(fd, 4096, bytes.length);
  };
  const read = (count: number) => {
    const result = driver.read(100_000, count);
    return result > 0 ? k.mem.text(100_000, result) : result;
  };
  return { k, order, stdout, stderr, device, driver, run, write, read, lines };
}

describe("console output", () => {
  it("reaches its sinks in the order of the writes", () => {
    const { order, write } = make();
    expect([write(1, "a"), write(2, "b"), write(1, "c")]).toEqual([1, 1, 1]);
    expect(order).toEqual(["out:a", "err:b", "out:c"]);
  });
  it("of any length goes through whole when the terminal keeps up", () => {
    const { stdout, write } = make();
    const text = "0123456789".repeat(10_000);
    expect(write(1, text)).toBe(text.length);
    expect(stdout.text).toBe(text);
  });
  it("waits for a slow terminal, in bounded memory, and for that one only", () => {
    const { k, stdout, stderr, device, driver, run, write } = make();
    stdout.behind = true;
    const text = "x".repeat(100_000);
    let sent = write(1, text);
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(30_000);
    expect(write(1, "y")).toBe(-EAGAIN);
    expect(driver.poll(1) & BITS).toBe(0);
    expect(write(2, "still here")).toBe(10);
    expect(stderr.text).toBe("still here");
    const woken: number[] = [];
    driver.outputWaiters(1).add({ notify: (mask) => woken.push(mask) > 0 });
    run();
    expect(woken).toEqual([]);
    while (sent < text.length) {
      stdout.onDrain();
      run();
      expect(woken.length).toBeGreaterThan(0);
      expect(driver.poll(1) & BITS).toBe(POLLOUT);
      sent += driver.write(1, 4096 + sent, text.length - sent);
    }
    stdout.behind = false;
    stdout.onDrain();
    run();
    expect(stdout.text).toBe(text);
    expect(k.lines).toEqual([]);
    expect(device.mmio.live).toBe(true);
  });
  it("is not lost when the machine ends while the terminal is behind", () => {
    const { stdout, device, write } = make();
    stdout.behind = true;
    const sent = write(1, "z".repeat(50_000));
    expect(stdout.text.length).toBeLessThan(sent);
    device.finish();
    expect(stdout.text.length).toBe(sent);
  });
  it("to a closed reader answers EPIPE and POLLERR", () => {
    const { device, driver, run, write } = make();
    device.closeOutput(1);
    run();
    expect(write(1, "a")).toBe(-EPIPE);
    expect(driver.poll(1) & POLLERR).toBe(POLLERR);
    expect(write(2, "a")).toBe(1);
  });
  it("from a bad address answers EFAULT", () => {
    const { driver } = make();
    expect(driver.write(1, 256 * 1024 - 2, 4)).toBe(-EFAULT);
    expect(driver.write(1, 0, 0)).toBe(0);
  });
});

describe("console input", () => {
  it("wakes the reader, is read in pieces, and ends", () => {
    const { device, driver, run, read } = make();
    expect(read(10)).toBe(-EAGAIN);
    const woken: number[] = [];
    driver.inputWaiters.add({ notify: (mask) => woken.push(mask) > 0 });
    expect(device.input(Buffer.from("hello"))).toBe(true);
    run();
    expect(woken).toEqual([expect.any(Number)]);
    expect(driver.poll(0) & BITS).toBe(POLLIN | POLLOUT);
    expect(driver.inputBytes).toBe(5);
    expect([read(2), driver.inputBytes, read(10), read(10)]).toEqual(["he", 3, "llo", -EAGAIN]);
    device.input(Buffer.from("!"));
    device.endInput();
    run();
    expect([read(10), read(10), read(10)]).toEqual(["!", 0, 0]);
    expect(driver.poll(0) & POLLIN).toBe(POLLIN);
  });
  it("given before the driver starts is there, its end too", () => {
    const { read } = make(undefined, (device) => {
      device.input(Buffer.from("early"));
      device.endInput();
    });
    expect([read(10), read(10)]).toEqual(["early", 0]);
  });
  it("that nobody reads holds the sender back, and nothing is lost", () => {
    const { device, run, read } = make();
    let drained = 0;
    device.onInputDrain = () => drained++;
    const text = [...Array(9000).keys()].join(",");
    expect(device.input(Buffer.from(text))).toBe(false);
    device.endInput();
    drained = 0;
    let got = "";
    for (;;) {
      run();
      const piece = read(777);
      if (piece === 0) break;
      if (typeof piece === "number") throw new Error(`read: ${piece}`);
      got += piece;
    }
    expect(got).toBe(text);
  });
  it("comes from a stream, with back-pressure", async () => {
    const chunks = [...Array(40).keys()].map((i) => String(i % 10).repeat(3000));
    const { device, run, read } = make();
    const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
    device.attachInput(stream);
    for (let i = 0; i < 20; i++) await turn();
    expect(stream.isPaused()).toBe(true);
    let got = "";
    for (let i = 0; i < 10_000; i++) {
      run();
      const piece = read(5000);
      if (piece === 0) break;
      if (typeof piece === "string") got += piece;
      await turn();
    }
    expect(got).toBe(chunks.join(""));
  });
});

describe("the terminal", () => {
  it("has a size, which may change; without one the console is no terminal", () => {
    expect(make().driver.isTerminal).toBe(false);
    const { device, driver, run } = make({ columns: 80, rows: 25 });
    expect([driver.isTerminal, driver.columns, driver.rows]).toEqual([true, 80, 25]);
    device.resize(132, 43);
    run();
    expect([driver.columns, driver.rows]).toEqual([132, 43]);
  });
});

describe("a console that breaks", () => {
  it("answers EIO, wakes everybody, and says so once", () => {
    const { k, device, driver, run, write, read } = make();
    const woken: number[] = [];
    driver.inputWaiters.add({ notify: (mask) => woken.push(mask) > 0 });
    device.mmio.needsReset("test");
    run();
    run();
    expect([write(1, "a"), read(1), driver.poll(1)]).toEqual([-EIO, -EIO, POLLERR | POLLHUP]);
    expect(woken.length).toBeGreaterThan(0);
    expect(k.lines.length).toBe(1);
  });
  it("because its driver sends and never listens asks for a reset before messages pile up", () => {
    const k = new TestKernel();
    const sink = () => new Sink("", []);
    const device = new ConsoleDevice(k.physical, { stdout: sink(), stderr: sink(), log: (line) => k.lines.push(line) });
    const driver = new VirtioDriver(k.physical, device.mmio, {
      name: "deaf",
      deviceId: VIRTIO_ID_CONSOLE,
      features: [1],
    });
    const queue = driver.queue(QUEUE_CONTROL_TRANSMIT, 16);
    driver.ready();
    const message = k.physical.allocate(8);
    k.physical.kernelU16[(message - KERNEL_RAM_BASE) / 2 + 3] = 1; // DEVICE_READY, value 1
    let sent = 0;
    while (sent < 1000 && device.mmio.live) {
      queue.begin();
      queue.addReadable(message, 8);
      queue.submit(0);
      queue.kick();
      queue.popUsed();
      sent++;
    }
    expect(sent).toBeLessThan(30);
    expect(k.lines).toEqual([expect.stringContaining("the control receive queue is not served")]);
  });
  it("survives a million random words in its rings and registers", () => {
    const random = randomFor("console");
    for (let round = 0; round < 50; round++) {
      const { k, device, driver, run, write, read } = make();
      for (let i = 0; i < 400; i++) {
        for (let n = 0; n < 50; n++)
          k.physical.kernelU32[random.below(20_000)] = random.oneIn(2) ? random.below(64) : random.u32();
        write(1 + random.below(2), "text");
        device.input(Buffer.from("input"));
        run();
        read(3);
        driver.poll(0);
        if (random.oneIn(50)) device.resize(random.below(200), 1);
      }
    }
  });
});
