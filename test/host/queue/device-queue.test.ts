/** Each rule of virtio 1.2, 2.7 that a driver can break, broken: one message, a request for a reset, no exception. */
import { describe, expect, it } from "vitest";
import type { DeviceQueue } from "../../../host/queue/device-queue.ts";
import { KERNEL_RAM_BASE } from "../../../kernel/mem/physical.ts";
import { VirtioDriver } from "../../../kernel/virtio/driver.ts";
import {
  VIRTIO_CONFIG_S_NEEDS_RESET,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_ID_RNG,
  VIRTIO_MMIO_INT_CONFIG,
  VIRTIO_MMIO_INTERRUPT_STATUS,
  VIRTIO_MMIO_QUEUE_DESC_LOW,
  VIRTIO_MMIO_QUEUE_DEVICE_LOW,
  VIRTIO_MMIO_QUEUE_DRIVER_HIGH,
  VIRTIO_MMIO_QUEUE_DRIVER_LOW,
  VIRTIO_MMIO_QUEUE_NOTIFY,
  VIRTIO_MMIO_QUEUE_NUM,
  VIRTIO_MMIO_QUEUE_READY,
  VIRTIO_MMIO_QUEUE_SEL,
  VIRTIO_MMIO_STATUS,
} from "../../../kernel/virtio/transport.ts";
import { physicalMemory, TestDevice } from "../../kernel/virtio/loopback.ts";

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const KERNEL = KERNEL_RAM_BASE + 512 * 1024;

function make(without: number[] = [], guestPages = 16) {
  const memory = physicalMemory(guestPages);
  const device = new TestDevice(memory, { queueSizes: [8], without });
  const driver = new VirtioDriver(memory, device.mmio, { name: "test", deviceId: VIRTIO_ID_RNG });
  const made = driver.queue(0, 8);
  driver.ready();
  const queue = device.mmio.queues[0] as DeviceQueue;
  const view = new DataView(memory.kernelBytes.buffer);
  const put = (at: number, address: number, length: number, flags: number, next: number) => {
    view.setUint32(at, address >>> 0, true);
    view.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
    view.setUint32(at + 8, length, true);
    view.setUint16(at + 12, flags, true);
    view.setUint16(at + 14, next, true);
  };
  const desc = (i: number, address: number, length: number, flags = 0, next = 0) =>
    put(made.descAddress - KERNEL_RAM_BASE + 16 * i, address, length, flags, next);
  const table = (i: number, address: number, length: number, flags = 0, next = 0) =>
    put(KERNEL - KERNEL_RAM_BASE + 16 * i, address, length, flags, next);
  let index = 0;
  const offer = (head: number, step = 1) => {
    const avail = made.availAddress - KERNEL_RAM_BASE;
    view.setUint16(avail + 4 + 2 * (index % 8), head, true);
    index = (index + step) & 0xffff;
    view.setUint16(avail + 2, index, true);
    device.mmio.write(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
  };
  return { memory, device, queue, desc, table, offer };
}

type Machine = ReturnType<typeof make>;

const violations: [string, RegExp, (m: Machine) => void][] = [
  ["a head beyond the table", /available head 8 in a queue of 8/, (m) => m.offer(8)],
  ["an index that jumps", /available index moved by 9/, (m) => m.offer(0, 9)],
  ["an index that goes back", /available index moved by 65535/, (m) => m.offer(0, -1)],
  [
    "a next descriptor beyond the table",
    /next descriptor 9/,
    (m) => {
      m.desc(0, 0, 4, NEXT, 9);
      m.offer(0);
    },
  ],
  [
    "a loop",
    /longer than the queue/,
    (m) => {
      m.desc(0, 0, 4, NEXT, 1);
      m.desc(1, 0, 4, NEXT, 0);
      m.offer(0);
    },
  ],
  [
    "a buffer across the end of guest memory",
    /outside memory/,
    (m) => {
      m.desc(0, 1024 * 1024 - 4, 5);
      m.offer(0);
    },
  ],
  [
    "a buffer from guest memory into kernel RAM",
    /outside memory/,
    (m) => {
      m.desc(0, 2 ** 32 - 4, 8);
      m.offer(0);
    },
  ],
  [
    "a buffer beyond kernel RAM",
    /outside memory/,
    (m) => {
      m.desc(0, KERNEL_RAM_BASE + 4 * 1024 * 1024 - 4, 8);
      m.offer(0);
    },
  ],
  [
    "an address that overflows with its length",
    /outside memory/,
    (m) => {
      m.desc(0, 2 ** 64 - 2 ** 12, 0xffffffff);
      m.offer(0);
    },
  ],
  [
    "a readable part after a writable one",
    /deviceReadable part after/,
    (m) => {
      m.desc(0, 0, 4, NEXT | WRITE, 1);
      m.desc(1, 0, 4);
      m.offer(0);
    },
  ],
  [
    "an indirect table of no bytes",
    /indirect table of 0 bytes/,
    (m) => {
      m.desc(0, KERNEL, 0, INDIRECT);
      m.offer(0);
    },
  ],
  [
    "an indirect table of half an entry",
    /indirect table of 24 bytes/,
    (m) => {
      m.desc(0, KERNEL, 24, INDIRECT);
      m.offer(0);
    },
  ],
  [
    "an indirect table outside memory",
    /indirect table outside memory/,
    (m) => {
      m.desc(0, 1024 * 1024 - 8, 16, INDIRECT);
      m.offer(0);
    },
  ],
  [
    "an indirect descriptor that goes on",
    /indirect descriptor with a next/,
    (m) => {
      m.desc(0, KERNEL, 16, INDIRECT | NEXT, 1);
      m.offer(0);
    },
  ],
  [
    "an indirect table in an indirect table",
    /inside an indirect table/,
    (m) => {
      m.desc(0, KERNEL, 32, INDIRECT);
      m.table(0, KERNEL, 16, INDIRECT);
      m.offer(0);
    },
  ],
  [
    "a loop in an indirect table",
    /loop/,
    (m) => {
      m.desc(0, KERNEL, 32, INDIRECT);
      m.table(0, 0, 4, NEXT, 1);
      m.table(1, 0, 4, NEXT, 0);
      m.offer(0);
    },
  ],
  [
    "a next one beyond the indirect table",
    /next descriptor 2 in an indirect table of 2/,
    (m) => {
      m.desc(0, KERNEL, 32, INDIRECT);
      m.table(0, 0, 4, NEXT, 2);
      m.offer(0);
    },
  ],
  [
    "an indirect chain longer than the queue",
    /longer than its table or the queue/,
    (m) => {
      m.desc(0, KERNEL, 16 * 9, INDIRECT);
      for (let i = 0; i < 9; i++) m.table(i, 0, 4, i < 8 ? NEXT : 0, i + 1);
      m.offer(0);
    },
  ],
  [
    "a head offered again while the device has it",
    /made available twice/,
    (m) => {
      m.desc(0, 0, 4);
      m.offer(0);
      expect(m.queue.pop()).not.toBe(null);
      m.offer(0);
    },
  ],
];

describe("a driver that breaks the rules", () => {
  for (const [what, message, breakIt] of violations) {
    it(`with ${what}`, () => {
      const m = make();
      let interrupts = 0;
      m.device.mmio.onInterrupt = () => interrupts++;
      breakIt(m);
      expect(m.queue.pop()).toBe(null);
      expect(m.queue.pop()).toBe(null);
      expect(m.device.lines).toEqual([expect.stringMatching(message)]);
      expect(m.device.mmio.read(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET).not.toBe(0);
      expect(m.device.mmio.read(VIRTIO_MMIO_INTERRUPT_STATUS)).toBe(VIRTIO_MMIO_INT_CONFIG);
      expect(interrupts).toBe(1);
      const before = m.device.notified.length;
      m.device.mmio.write(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
      expect(m.device.notified.length).toBe(before);
      // A reset makes it whole again.
      m.device.mmio.write(VIRTIO_MMIO_STATUS, 0);
      expect(m.device.mmio.read(VIRTIO_MMIO_STATUS)).toBe(0);
      expect(m.queue.failed).toBe(false);
    });
  }

  it("with an indirect descriptor that was not negotiated", () => {
    const m = make([VIRTIO_F_INDIRECT_DESC]);
    m.desc(0, KERNEL, 16, INDIRECT);
    m.offer(0);
    expect(m.queue.pop()).toBe(null);
    expect(m.device.lines).toEqual([expect.stringContaining("not negotiated")]);
  });
});

describe("a chain of 4 GiB", () => {
  it("is refused, one of a byte less is not (2.7.5.2)", () => {
    for (const [last, lines] of [
      [2 ** 31, 1],
      [2 ** 31 - 1, 0],
    ] as const) {
      const m = make([], 32768);
      m.desc(0, 0, 2 ** 31, NEXT, 1);
      m.desc(1, 0, last);
      m.offer(0);
      expect(m.queue.pop()?.readableBytes).toBe(lines === 0 ? 2 ** 32 - 1 : undefined);
      expect(m.device.lines.length).toBe(lines);
    }
  });
});

describe("what is unusual and allowed", () => {
  it("an indirect table in guest memory, unaligned, after direct parts", () => {
    const m = make();
    const view = m.memory.guest.view;
    view.setUint32(101, 5000, true);
    view.setUint32(109, 7, true);
    view.setUint16(113, WRITE, true);
    m.desc(0, 4000, 3, NEXT, 1);
    m.desc(1, 101, 16, INDIRECT);
    m.offer(0);
    const chain = m.queue.pop();
    expect([chain?.count, chain?.readableBytes, chain?.writableBytes]).toEqual([2, 3, 7]);
    expect(m.device.lines).toEqual([]);
  });
  it("parts of no bytes, at the end of memory too", () => {
    const m = make();
    m.desc(0, 1024 * 1024, 0);
    m.offer(0);
    expect(m.queue.pop()?.readableBytes).toBe(0);
    expect(m.device.lines).toEqual([]);
  });
});

describe("the registers", () => {
  function negotiated() {
    const memory = physicalMemory();
    const device = new TestDevice(memory, { queueSizes: [8] });
    new VirtioDriver(memory, device.mmio, { name: "test", deviceId: VIRTIO_ID_RNG });
    device.mmio.write(VIRTIO_MMIO_QUEUE_SEL, 0);
    return { memory, device, mmio: device.mmio };
  }
  for (const [what, message, offset, value] of [
    ["a size that is no power of two", /queue size 3/, VIRTIO_MMIO_QUEUE_NUM, 3],
    ["a size of 0", /queue size 0/, VIRTIO_MMIO_QUEUE_NUM, 0],
    ["a size beyond the maximum", /queue size 16/, VIRTIO_MMIO_QUEUE_NUM, 16],
    ["an unaligned descriptor table", /not aligned to 16/, VIRTIO_MMIO_QUEUE_DESC_LOW, 1032],
    ["an unaligned available ring", /not aligned to 2/, VIRTIO_MMIO_QUEUE_DRIVER_LOW, 2049],
    ["an unaligned used ring", /not aligned to 4/, VIRTIO_MMIO_QUEUE_DEVICE_LOW, 4098],
    ["a ring in guest memory", /available ring is not in kernel RAM/, VIRTIO_MMIO_QUEUE_DRIVER_HIGH, 0],
    ["a ring beyond kernel RAM", /used ring is not in kernel RAM/, VIRTIO_MMIO_QUEUE_DEVICE_LOW, 4 * 1024 * 1024 - 8],
  ] as const) {
    it(`refuse ${what}`, () => {
      const { device, mmio } = negotiated();
      const low = [VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DRIVER_LOW, VIRTIO_MMIO_QUEUE_DEVICE_LOW];
      low.forEach((register, i) => {
        mmio.write(register, 1024 * (i + 1));
        mmio.write(register + 4, 1);
      });
      mmio.write(offset, value);
      mmio.write(VIRTIO_MMIO_QUEUE_READY, 1);
      expect(mmio.read(VIRTIO_MMIO_QUEUE_READY)).toBe(0);
      expect(device.lines).toEqual([expect.stringMatching(message)]);
    });
  }
  it("ignore what comes too early, too late, or names no queue", () => {
    const memory = physicalMemory();
    const device = new TestDevice(memory, { queueSizes: [8] });
    const { mmio } = device;
    mmio.write(VIRTIO_MMIO_STATUS, 1 | 2 | 4);
    expect(mmio.read(VIRTIO_MMIO_STATUS)).toBe(3); // no DRIVER_OK without FEATURES_OK
    mmio.write(VIRTIO_MMIO_STATUS, 1 | 2 | 8);
    expect(mmio.read(VIRTIO_MMIO_STATUS)).toBe(3); // no FEATURES_OK without VERSION_1
    mmio.write(VIRTIO_MMIO_QUEUE_SEL, 77);
    mmio.write(VIRTIO_MMIO_QUEUE_READY, 1);
    mmio.write(VIRTIO_MMIO_QUEUE_NOTIFY, 77);
    mmio.write(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    expect(device.notified).toEqual([]);
    expect(device.lines).toEqual([]);
  });
  it("keep a chain of before the reset from coming back after it", () => {
    const m = make();
    m.desc(0, 0, 4);
    m.offer(0);
    const late = m.queue.pop();
    m.device.mmio.write(VIRTIO_MMIO_STATUS, 0);
    m.queue.push(late as never, 4);
    m.queue.signal();
    expect(m.queue.outstanding).toBe(0);
    expect(m.device.mmio.read(VIRTIO_MMIO_INTERRUPT_STATUS)).toBe(0);
  });
});
