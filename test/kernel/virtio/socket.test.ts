/**
 * The socket driver against a device that lies, and the network device against a driver that does. Nothing throws, the damage ends at
 * the connection where the packet was well-formed, at the device where it was not, and every lent send comes back.
 */
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { NetDevice } from "../../../host/devices/net.ts";
import type { DeviceQueue } from "../../../host/queue/device-queue.ts";
import { MmioDevice } from "../../../host/queue/mmio-device.ts";
import { ECONNRESET } from "../../../kernel/abi/errno.ts";
import { AF_INET, SOCK_NONBLOCK, SOCK_STREAM } from "../../../kernel/abi/socket.ts";
import type { PhysicalMemory } from "../../../kernel/mem/physical.ts";
import { RING_HANGUP, RING_RECV, RING_SENT } from "../../../kernel/ring/event-queue.ts";
import { sys_ring_attach, sys_ring_pause, sys_ring_send } from "../../../kernel/syscall/ring.ts";
import { sys_accept4, sys_bind, sys_listen, sys_shutdown, sys_socket } from "../../../kernel/syscall/socket.ts";
import { VirtioDriver } from "../../../kernel/virtio/driver.ts";
import { VIRTIO_ID_VSOCK } from "../../../kernel/virtio/transport.ts";
import { randomFor } from "../../random.ts";
import { ADDRESS, BUFFER, NetKernel, putAddress, tick } from "../net/net-kernel.ts";
import { physicalMemory } from "./loopback.ts";

const PORT = 80;
const REQUEST = 1;
const RST = 3;
const SHUTDOWN = 4;
const RW = 5;
const RESPONSE = 2;

interface Header {
  hostPort: number;
  guestPort?: number;
  op: number;
  type?: number;
  length?: number;
  flags?: number;
  credit?: number;
  forwarded?: number;
}

/** A device that sends what the test says and takes note of what it gets. */
class EvilDevice {
  readonly mmio: MmioDevice;
  readonly seen: { op: number; hostPort: number; flags: number }[] = [];
  /** Send chains are kept while this is set. */
  keeps = false;

  constructor(physical: PhysicalMemory) {
    this.mmio = new MmioDevice(physical, this, {
      name: "net",
      deviceId: VIRTIO_ID_VSOCK,
      queueSizes: [1024, 1024, 16],
    });
  }

  notify(index: number): void {
    if (index !== 1) return;
    const queue = this.mmio.queues[1] as DeviceQueue;
    for (let chain = queue.pop(); chain !== null; chain = queue.pop()) {
      this.seen.push({ op: chain.getU32(28) >>> 16, hostPort: chain.getU32(20), flags: chain.getU32(32) });
      if (!this.keeps) queue.push(chain, 0);
    }
    queue.signal();
  }

  packet(header: Header, payload = new Uint8Array(0), written = 44 + payload.length): void {
    const queue = this.mmio.queues[0] as DeviceQueue;
    const chain = queue.pop();
    if (!chain) return;
    const { hostPort, guestPort = PORT, op, type = 1, length = payload.length, flags = 0, credit = 1 << 18 } = header;
    const words = [2, 0, 3, 0, hostPort, guestPort, length, type | (op << 16), flags, credit, header.forwarded ?? 0];
    chain.write(0, new Uint8Array(Uint32Array.from(words).buffer));
    chain.write(44, payload);
    queue.push(chain, Math.min(written, chain.writableBytes));
    queue.signal();
  }

  request(hostPort: number): void {
    const addresses = new Uint8Array(56);
    addresses.set([2, 0, 1, 2, 127, 0, 0, 1]);
    addresses.set([2, 0, 0, PORT, 127, 0, 0, 1], 28);
    this.packet({ hostPort, op: REQUEST }, addresses);
  }

  resets(hostPort: number): number {
    return this.seen.filter((packet) => packet.op === RST && packet.hostPort === hostPort).length;
  }
}

let k: NetKernel;
let evil: EvilDevice;
afterEach(() => k?.stop());

function start(): number {
  k = new NetKernel({}, (physical) => {
    evil = new EvilDevice(physical);
    return evil.mmio;
  });
  k.startRing(4096, 16);
  const listener = sys_socket(k, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  expect(sys_bind(k, listener, ADDRESS, putAddress(k, PORT))).toBe(0);
  expect(sys_listen(k, listener, 64)).toBe(0);
  return listener;
}

async function accepted(listener: number, hostPort: number): Promise<number> {
  evil.request(hostPort);
  let fd = -1;
  await k.until(() => {
    fd = sys_accept4(k, listener, 0, 0, SOCK_NONBLOCK);
    return fd >= 0;
  }, "a connection");
  return fd;
}

describe("a lying device", () => {
  it("is answered with a reset for connections that there are not", async () => {
    start();
    evil.packet({ hostPort: 5000, op: RW }, new Uint8Array(4));
    evil.packet({ hostPort: 5001, op: RESPONSE }, new Uint8Array(28));
    evil.packet({ hostPort: 5002, op: REQUEST }, new Uint8Array(3)); // no addresses
    evil.packet({ hostPort: 7, op: REQUEST }, new Uint8Array(56)); // an id it must not give
    evil.packet({ hostPort: 5003, op: RW, type: 2 }, new Uint8Array(4));
    evil.packet({ hostPort: 5004, op: RST });
    await k.until(() => evil.seen.filter(({ op }) => op === RST).length === 5, "five resets");
    expect(evil.resets(5004)).toBe(0); // a reset is not answered
  });

  it("may not send beyond the credit, after its end, or before it was accepted", async () => {
    const listener = start();
    const a = await accepted(listener, 2000);
    for (let i = 0; i < 17; i++) evil.packet({ hostPort: 2000, op: RW }, new Uint8Array(16384));
    await k.until(() => evil.resets(2000) === 1, "a reset for the credit");
    const b = await accepted(listener, 2001);
    evil.packet({ hostPort: 2001, op: SHUTDOWN, flags: 2 });
    evil.packet({ hostPort: 2001, op: RW }, new Uint8Array(1));
    await k.until(() => evil.resets(2001) === 1, "a reset for bytes after the end");
    evil.request(2002);
    evil.packet({ hostPort: 2002, op: RW }, new Uint8Array(1));
    await k.until(() => evil.resets(2002) === 1, "a reset for bytes before the answer");
    const c = await accepted(listener, 2003);
    evil.packet({ hostPort: 2003, op: RESPONSE }, new Uint8Array(28));
    await k.until(() => evil.resets(2003) === 1, "a reset for an answer to nothing");
    for (const fd of [a, b, c]) expect(k.fds.close(k, fd)).toBe(0);
    expect(k.net.driver.down).toBe(false);
  });

  it("is taken out of service for a packet that contradicts itself; nothing is lost", async () => {
    const listener = start();
    const fd = await accepted(listener, 3000);
    expect(sys_ring_attach(k, fd, 1)).toBe(0);
    evil.keeps = true;
    for (let i = 0; i < 20; i++) expect(sys_ring_send(k, fd, BUFFER, 1000, i)).toBe(0);
    evil.packet({ hostPort: 3000, op: RW, length: 100 }, new Uint8Array(4));
    await k.until(() => k.events.some(({ kind }) => kind === RING_HANGUP), "HANGUP");
    expect(k.events.filter(({ kind }) => kind === RING_SENT).map(({ user, result }) => [user, result])).toEqual(
      expect.arrayContaining(Array.from({ length: 20 }, (_, i) => [i, -ECONNRESET])),
    );
    expect(k.events.filter(({ kind }) => kind === RING_SENT).length).toBe(20);
    expect(k.net.driver.down).toBe(true);
    expect(k.lines.some((line) => line.includes("net"))).toBe(true);
  });

  it("cannot upset the kernel with 50,000 random packets", async () => {
    const random = randomFor("lying socket device");
    const listener = start();
    sys_ring_attach(k, listener, 1);
    let sent = 0;
    let lent = 0;
    const open = new Set<number>();
    k.onEvent = ({ kind, result, fd }) => {
      if (kind === 1 && result >= 0) open.add(result);
      if (kind === RING_SENT) lent--;
      if (kind === RING_RECV && random.below(8) === 0) sys_ring_pause(k, fd, random.below(2));
    };
    for (let i = 0; i < 50_000; i++) {
      const hostPort = 1024 + random.below(40);
      const payload = new Uint8Array(random.below(4) === 0 ? 56 : random.below(300));
      if (random.below(3) === 0) evil.request(hostPort);
      else {
        evil.packet(
          {
            hostPort,
            guestPort: random.below(10) === 0 ? random.u32() : PORT,
            op: random.below(20) === 0 ? random.below(65536) : random.below(8),
            type: random.below(10) === 0 ? random.below(65536) : 1,
            flags: random.u32(),
            credit: random.below(2) === 0 ? random.u32() : random.below(5000),
            forwarded: random.below(2) === 0 ? random.u32() : 0,
          },
          payload,
        );
      }
      if (random.below(16) === 0) await tick();
      const fd = [...open][random.below(Math.max(1, open.size))];
      if (fd === undefined) continue;
      if (random.below(4) === 0 && sys_ring_send(k, fd, BUFFER, 1 + random.below(9000), ++sent) === 0) lent++;
      if (random.below(20) === 0) sys_shutdown(k, fd, random.below(3));
      if (random.below(30) === 0 && k.fds.close(k, fd) === 0) open.delete(fd);
    }
    expect(sent).toBeGreaterThan(100);
    const queue = evil.mmio.queues[0] as DeviceQueue;
    await k.until(() => queue.hasAvailable, "a receive buffer: none may be lost");
    evil.packet({ hostPort: 1024, op: RW, length: 77 }); // the last lie takes the device out of service
    await k.until(() => k.net.driver.down && lent === 0, "every token");
  }, 30000);
});

describe("a lying driver", () => {
  it("cannot upset the device with 50,000 random packets", async () => {
    const random = randomFor("lying socket driver");
    const memory = physicalMemory(16);
    const lines: string[] = [];
    const device = new NetDevice(memory, {
      publish: new Map([[PORT, { host: "127.0.0.1", port: 0 }]]),
      outbound: "none",
      log: (line) => lines.push(line),
    });
    await device.bindAll();
    const virtio = new VirtioDriver(memory, device.mmio, { name: "net", deviceId: VIRTIO_ID_VSOCK });
    const rx = virtio.queue(0, 64);
    const tx = virtio.queue(1, 64);
    virtio.ready();
    const receive = memory.allocate(64 * 512, 64);
    const send = memory.allocate(64 * 64, 64);
    const offer = (token: number): void => {
      rx.begin();
      rx.addWritable(receive + token * 512, 44);
      rx.addWritable(receive + token * 512 + 64, 256);
      rx.submit(token);
    };
    for (let i = 0; i < 32; i++) offer(i);
    rx.kick();
    const clients = Array.from({ length: 20 }, () => {
      const socket = connect({ host: "127.0.0.1", port: device.hostPort(PORT) as number });
      socket.on("error", () => {});
      socket.write("x".repeat(1000));
      return socket;
    });
    let used = 0;
    for (let i = 0; i < 50_000 && !virtio.failure; i++) {
      const slot = i % 64;
      const length = random.below(3) === 0 ? 28 : random.below(3000);
      const words = Uint32Array.from([
        3,
        0,
        2,
        0,
        random.below(5) === 0 ? random.u32() : PORT,
        random.below(5) === 0 ? random.u32() : random.below(4) === 0 ? PORT : 1024 + random.below(30),
        length,
        (random.below(10) === 0 ? random.below(65536) : random.below(4) === 0 ? 3 : 1) |
          ((random.below(6) === 0 ? 0x100 + random.below(4) : random.below(9)) << 16),
        random.below(4) === 0 ? random.u32() : random.below(4),
        random.u32(),
        random.u32(),
      ]);
      memory.slice(send + slot * 64, 44)?.set(new Uint8Array(words.buffer));
      tx.begin();
      tx.addReadable(send + slot * 64, 44);
      tx.addReadable(1000 + random.below(10_000), length);
      if (tx.submit(slot)) tx.kick();
      while (tx.popUsed()) used++;
      while (rx.popUsed()) offer(rx.usedToken);
      rx.kick();
      if (i % 500 === 0) await tick();
    }
    expect(virtio.failure).toBeNull();
    expect(used).toBeGreaterThan(40_000);
    // A packet that contradicts itself: the device asks for its reset, once, and the host lives.
    memory.slice(send, 44)?.fill(255);
    tx.begin();
    tx.addReadable(send, 44);
    tx.submit(0);
    tx.kick();
    expect(lines.filter((line) => line.includes("reset")).length).toBe(1);
    for (const socket of clients) socket.destroy();
    device.close();
    await tick();
    expect(device.connectionCount).toBe(0);
  }, 30000);
});
