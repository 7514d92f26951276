/**
 * Both sides of a virtqueue against a partner that does whatever it likes, a million operations each; and against an honest one with
 * every combination of features. Nothing may throw; every buffer comes back exactly once, or the queue is declared broken and
 * `reclaim` gives back what is left; a device never sees a part outside memory.
 */
import { describe, expect, it } from "vitest";
import type { Chain } from "../../../host/queue/chain.ts";
import type { DeviceQueue } from "../../../host/queue/device-queue.ts";
import { KERNEL_RAM_BASE } from "../../../kernel/mem/physical.ts";
import { VirtioDriver } from "../../../kernel/virtio/driver.ts";
import {
  VIRTIO_CONFIG_S_NEEDS_RESET,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_ID_RNG,
  VIRTIO_MMIO_QUEUE_NOTIFY,
  VIRTIO_MMIO_STATUS,
} from "../../../kernel/virtio/transport.ts";
import type { Virtqueue } from "../../../kernel/virtio/virtqueue.ts";
import { type Random, randomFor } from "../../random.ts";
import { physicalMemory, RecycledMemory, TestDevice } from "./loopback.ts";

const OPERATIONS = Number(process.env.OPERATIONS ?? 1_000_000);
const GENERIC = [VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC];
const GUEST_BYTES = 1024 * 1024;

/** A number that is often at an edge. */
function wild(random: Random): number {
  switch (random.below(6)) {
    case 0:
      return random.u32();
    case 1:
      return random.below(0x10000);
    case 2:
      return random.pick([0, 1, 15, 16, 17, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]);
    case 3:
      return random.below(64);
    case 4:
      return GUEST_BYTES - random.below(64);
    default:
      return random.below(GUEST_BYTES);
  }
}

describe("a hostile driver", () => {
  it("gets nothing out of the device but a request to be reset", () => {
    const random = randomFor("hostile driver");
    const memory = new RecycledMemory(16, 256 * 1024);
    const device = new TestDevice(memory, { queueSizes: [16, 4], without: [] });
    let popped = 0;
    let failures = 0;
    /** Breaches since the device was started: a wild register write may reset a broken device before this test looks. */
    let breaches = 0;
    let wasBroken = false;
    let indirect = 0;
    const held: Chain[][] = [[], []];
    const check = (chain: Chain): void => {
      popped++;
      if (chain.count === 0 || chain.count > 16) throw new Error(`a chain of ${chain.count} parts`);
      let bytes = 0;
      for (let i = 0; i < chain.count; i++) bytes += chain.part(i).length; // throws if it is not memory
      if (bytes !== chain.readableBytes + chain.writableBytes) throw new Error("the sums are wrong");
      if (chain.count > 4) indirect++;
      chain.getU32(random.below(64));
      chain.setU32(random.below(64), 1);
    };
    device.onNotify = (index) => {
      const queue = device.mmio.queues[index] as DeviceQueue;
      for (let chain = queue.pop(); chain !== null; chain = queue.pop()) {
        check(chain);
        if (random.oneIn(2)) queue.push(chain, random.below(chain.writableBytes + 1));
        else (held[index] as Chain[]).push(chain);
      }
      queue.signal();
    };

    let desc = 0;
    let avail = 0;
    let availIndex = 0;
    let size = 0;
    const start = (): void => {
      memory.recycle();
      const driver = new VirtioDriver(memory, device.mmio, { name: "hostile", deviceId: VIRTIO_ID_RNG });
      const made = [driver.queue(0, 16), driver.queue(1, 16)] as const;
      driver.ready();
      desc = made[0].descAddress - KERNEL_RAM_BASE;
      avail = made[0].availAddress - KERNEL_RAM_BASE;
      size = made[0].size;
      availIndex = 0;
      held[0] = [];
      held[1] = [];
    };
    start();
    const u32 = memory.kernelU32;
    const u16 = memory.kernelU16;
    const table = 128 * 1024; // where indirect tables are put
    const describe = (at: number, entries: number, index = -1): void => {
      const kernel = random.oneIn(3);
      // Buffers beside the rings, and now and then in the middle of them.
      const kernelAddress = random.oneIn(50) ? random.below(128 * 1024) : 136 * 1024 + random.below(64 * 1024);
      const address = random.oneIn(60) ? wild(random) : kernel ? kernelAddress : random.below(GUEST_BYTES - 64);
      u32[at / 4] = address;
      u32[at / 4 + 1] = random.oneIn(100) ? wild(random) : kernel ? 1 : 0;
      u32[at / 4 + 2] = random.oneIn(50) ? wild(random) : random.below(64);
      const inOrder = index >= 0 && !random.oneIn(20);
      const next = random.oneIn(60) ? wild(random) : inOrder ? index + 1 : random.below(entries);
      const orderly = (index * 2 > entries ? 2 : 0) | (index + 1 < entries ? 1 : 0);
      const flags = random.oneIn(100) ? wild(random) : inOrder ? orderly : random.pick([0, 0, 1, 2, 2, 3]);
      u32[at / 4 + 3] = (flags & 0xffff) | (next << 16);
    };

    for (let i = 0; i < OPERATIONS; i++) {
      switch (random.below(12)) {
        case 0:
        case 1:
        case 2:
          describe(desc + 16 * random.below(size), size);
          break;
        case 3: {
          const entries = 1 + random.below(12);
          for (let e = 0; e < entries; e++) describe(table + 16 * e, entries, e);
          const at = (desc + 16 * random.below(size)) / 4;
          u32[at] = random.oneIn(30) ? wild(random) : table;
          u32[at + 1] = random.oneIn(20) ? wild(random) : 1;
          u32[at + 2] = random.oneIn(20) ? wild(random) : entries * 16;
          u32[at + 3] = random.oneIn(20) ? wild(random) : 4;
          break;
        }
        case 4:
        case 5:
        case 6:
          u16[avail / 2 + 2 + (availIndex % size)] = random.oneIn(200) ? wild(random) : random.below(size);
          availIndex = (availIndex + (random.oneIn(500) ? wild(random) : 1)) & 0xffff;
          u16[avail / 2 + 1] = availIndex;
          break;
        case 7:
        case 8:
          device.mmio.write(VIRTIO_MMIO_QUEUE_NOTIFY, random.oneIn(20) ? wild(random) : random.below(2));
          break;
        case 9: {
          const index = random.below(2);
          const chain = (held[index] as Chain[]).pop();
          if (chain) (device.mmio.queues[index] as DeviceQueue).push(chain, random.below(chain.writableBytes + 1));
          (device.mmio.queues[index] as DeviceQueue).signal();
          break;
        }
        case 10:
          if (random.oneIn(20)) device.mmio.write(random.below(0x110), wild(random));
          else device.mmio.read(random.below(0x110));
          if (random.oneIn(10)) device.mmio.writeConfig(wild(random), random.pick([1, 2, 4] as const), wild(random));
          else device.mmio.readConfig(wild(random), random.pick([1, 2, 4] as const));
          break;
        default:
          if (random.oneIn(30)) u16[random.below(64 * 1024)] = wild(random);
          else u16[avail / 2] = random.below(2);
      }
      const broken = (device.mmio.read(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET) !== 0;
      if (broken) failures++;
      if (broken && !wasBroken) breaches++;
      wasBroken = broken;
      if (broken ? random.oneIn(4) : !device.mmio.live || random.oneIn(5000)) {
        if (device.lines.length !== breaches) throw new Error(`${device.lines.length} lines for ${breaches} failures`);
        const late = held.flat();
        start();
        for (const chain of late) (device.mmio.queues[0] as DeviceQueue).push(chain, 1); // void: must do nothing
        if ((device.mmio.queues[0] as DeviceQueue).outstanding !== 0) throw new Error("a void chain counts");
        device.lines.length = 0;
        breaches = 0;
        wasBroken = false;
      }
    }
    console.log(`${popped} chains popped (${indirect} long ones), ${failures} operations on a broken device`);
    if (OPERATIONS >= 1_000_000) expect(Math.min(popped / 100, failures, indirect)).toBeGreaterThan(100);
  });
});

/** What the driver side must have back. */
class Books {
  readonly out = new Map<number, number>();
  next = 1;

  back(token: number, length: number): void {
    const writable = this.out.get(token);
    if (writable === undefined) throw new Error(`token ${token} came back twice or was never given`);
    if (length > writable) throw new Error(`${length} bytes in a buffer of ${writable}`);
    this.out.delete(token);
  }
}

function submitRandom(queue: Virtqueue, books: Books, random: Random, partsMax: number): void {
  queue.begin();
  const readable = random.below(partsMax);
  const writable = random.below(partsMax) + (readable === 0 ? 1 : 0);
  for (let i = 0; i < readable; i++) queue.addReadable(random.below(GUEST_BYTES - 64), 1 + random.below(64));
  let bytes = 0;
  for (let i = 0; i < writable; i++) {
    const length = 1 + random.below(64);
    queue.addWritable(KERNEL_RAM_BASE + 192 * 1024 + random.below(32 * 1024), length);
    bytes += length;
  }
  const token = random.oneIn(2) ? books.next++ : -books.next++;
  if (queue.submit(token)) books.out.set(token, bytes);
}

describe("a hostile device", () => {
  it("cannot make the driver lose a buffer, see one twice, or throw", () => {
    const random = randomFor("hostile device");
    let broken = 0;
    let returned = 0;
    for (let i = 0; i < OPERATIONS; ) {
      const memory = physicalMemory(16, 256 * 1024);
      const without = GENERIC.filter(() => random.oneIn(2));
      const device = new TestDevice(memory, { queueSizes: [16], without });
      const driver = new VirtioDriver(memory, device.mmio, { name: "victim", deviceId: VIRTIO_ID_RNG });
      const queue = driver.queue(0, 16, random.pick([0, 4]));
      driver.ready();
      const books = new Books();
      const used16 = (queue.usedAddress - KERNEL_RAM_BASE) / 2;
      const used32 = (queue.usedAddress - KERNEL_RAM_BASE) / 4;
      const deviceQueue = device.mmio.queues[0] as DeviceQueue;
      const chains: Chain[] = [];
      let interrupts = 0;
      device.mmio.onInterrupt = () => interrupts++;
      for (let steps = random.below(2000); steps >= 0; steps--, i++) {
        switch (random.below(10)) {
          case 0:
          case 1:
          case 2:
            submitRandom(queue, books, random, 3);
            break;
          case 3:
            queue.kick();
            break;
          case 4:
          case 5:
            while (queue.popUsed()) {
              books.back(queue.usedToken, queue.usedLength);
              returned++;
            }
            break;
          case 6:
          case 7: {
            const chain = deviceQueue.pop();
            if (chain) chains.push(chain);
            const done = chains.splice(random.below(chains.length), 1)[0];
            if (done) deviceQueue.push(done, random.below(done.writableBytes + 1));
            deviceQueue.signal();
            break;
          }
          case 8:
            if (random.oneIn(40)) memory.kernelU16[used16 + 1] = wild(random);
            else if (random.oneIn(39)) memory.kernelU32[used32 + 1 + random.below(32)] = wild(random);
            else memory.kernelU16[random.pick([used16, used16 + 2 + 16 * 4])] = wild(random); // flags, avail_event
            break;
          default:
            // The descriptor table is in the device's reach as well.
            if (random.oneIn(30)) {
              memory.kernelU32[(queue.descAddress - KERNEL_RAM_BASE) / 4 + random.below(64)] = wild(random);
            } else queue.setInterrupts(random.oneIn(2));
        }
        if (queue.outstanding !== books.out.size) throw new Error("the books differ");
        if (queue.broken !== null) break;
      }
      if (queue.broken !== null) {
        broken++;
        if (driver.failure !== queue.broken) throw new Error("the driver was not told why");
        if (queue.popUsed() || queue.kick() || queue.hasUsed) throw new Error("a broken queue works");
        if (device.mmio.read(VIRTIO_MMIO_STATUS) !== 0) throw new Error("no reset");
        if (interrupts === 0) throw new Error("the kernel was not told");
      } else driver.fail("the test is over");
      while (queue.reclaim()) books.back(queue.usedToken, queue.usedLength);
      if (books.out.size !== 0 || queue.outstanding !== 0 || queue.free !== queue.size)
        throw new Error("buffers are lost");
    }
    console.log(`${returned} chains came back, ${broken} queues broken`);
    expect(Math.min(returned, broken)).toBeGreaterThan(10);
  });
});

describe("an honest pair that only ever acts when told", () => {
  for (const without of [[], [VIRTIO_F_EVENT_IDX], [VIRTIO_F_INDIRECT_DESC], GENERIC]) {
    it(`finishes everything (without features ${without.join(", ") || "none"})`, () => {
      const random = randomFor(`honest pair without ${without}`);
      const memory = physicalMemory(16, 256 * 1024);
      const device = new TestDevice(memory, { queueSizes: [random.pick([2, 4, 8, 64])], without });
      const driver = new VirtioDriver(memory, device.mmio, { name: "honest", deviceId: VIRTIO_ID_RNG });
      const queue = driver.queue(0, 64, 4);
      driver.ready();
      const deviceQueue = device.mmio.queues[0] as DeviceQueue;
      const books = new Books();
      const chains: Chain[] = [];
      let interrupted = false;
      let returned = 0;
      device.mmio.onInterrupt = () => {
        interrupted = true;
      };
      // The device looks into its queue only when notified, the driver into its own only when interrupted.
      device.onNotify = () => {
        for (let chain = deviceQueue.pop(); chain !== null; chain = deviceQueue.pop()) chains.push(chain);
      };
      const complete = () => {
        const chain = chains.splice(random.below(chains.length), 1)[0];
        if (chain) deviceQueue.push(chain, random.below(chain.writableBytes + 1));
      };
      const drain = () => {
        if (!interrupted) return;
        interrupted = false;
        driver.acknowledge(undefined as never);
        while (queue.popUsed()) {
          books.back(queue.usedToken, queue.usedLength);
          returned++;
        }
      };
      for (let i = 0; i < OPERATIONS / 4; i++) {
        switch (random.below(5)) {
          case 0:
          case 1:
            submitRandom(queue, books, random, 2);
            break;
          case 2:
            queue.kick();
            break;
          case 3:
            for (let n = random.below(4); n >= 0; n--) complete();
            deviceQueue.signal();
            break;
          default:
            drain();
        }
      }
      queue.kick();
      while (chains.length > 0) complete();
      deviceQueue.signal();
      drain();
      expect(books.out.size).toBe(0);
      expect(queue.free).toBe(queue.size);
      expect(device.lines).toEqual([]);
      expect(driver.failure).toBe(null);
      expect(returned).toBeGreaterThan(OPERATIONS / 100);
    });
  }
});
