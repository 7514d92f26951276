/**
 * Datagrams of a driver that keeps no rules: packets cut anywhere, of lengths that are not theirs, from guest memory that grows and from kernel RAM,
 * to ports that come and go. By node:dgram and in batches. What arrives is a packet that was sent, whole; nothing else happens.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect, it } from "vitest";
import { encodeSlot } from "../../../host/devices/host-address.ts";
import { NetDevice } from "../../../host/devices/net.ts";
import { loadUdpBatches } from "../../../host/devices/udp-batch.ts";
import { VirtioDriver } from "../../../kernel/virtio/driver.ts";
import {
  ADDRESS_SLOT_BYTES,
  GUEST_CID,
  HDR_DST_CID,
  HDR_DST_PORT,
  HDR_LEN,
  HDR_OP,
  HDR_SRC_PORT,
  HDR_TYPE,
  RINGZERO_OP_BIND,
  RINGZERO_OP_UNBIND,
  VIRTIO_VSOCK_OP_RW,
  VIRTIO_VSOCK_TYPE_DGRAM,
  VMADDR_CID_HOST,
  VSOCK_HDR_BYTES,
} from "../../../kernel/virtio/socket-protocol.ts";
import { VIRTIO_ID_VSOCK } from "../../../kernel/virtio/transport.ts";
import type { Virtqueue } from "../../../kernel/virtio/virtqueue.ts";
import { RecycledMemory } from "../../kernel/virtio/loopback.ts";
import { randomFor } from "../../random.ts";

const STEPS = 20_000;
const PORTS = [1, 2, 3];
/** Packets that wait for a kick lie apart. */
const AREAS = 8;
const AREA_BYTES = 12 * 1024;
const batches = loadUdpBatches();
const ways = [
  { way: "node:dgram", options: {} },
  ...(typeof batches === "string" ? [] : [{ way: "node:ffi", options: { udp: batches } }]),
];

it.each(ways)("datagrams of a hostile driver, $way", async ({ way, options }) => {
  const random = randomFor(`datagrams by ${way}`);
  const receiver = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
  receiver.bind(0, "127.0.0.1");
  await once(receiver, "listening");
  /** Lengths of what was sent properly, by the byte that fills it. */
  const sent = new Map<number, Set<number>>();
  const arrived: [number, number][] = [];
  receiver.on("message", (bytes) => {
    expect(bytes.equals(Buffer.alloc(bytes.length, bytes[0]))).toBe(true);
    arrived.push([bytes[0] ?? -1, bytes.length]);
  });

  const memory = new RecycledMemory(2, 1024 * 1024);
  const lines: string[] = [];
  const device = new NetDevice(memory, { ...options, log: (line) => lines.push(line) });
  let tx: Virtqueue | undefined;
  let header = 0;
  let page = 0;
  const start = (): void => {
    memory.recycle();
    const driver = new VirtioDriver(memory, device.mmio, { name: "hostile", deviceId: VIRTIO_ID_VSOCK });
    driver.queue(0, 64);
    tx = driver.queue(1, 64, random.pick([0, 4]));
    driver.queue(2, 4);
    driver.ready();
    header = memory.allocate(AREAS * AREA_BYTES, 64);
    page = memory.allocate(AREAS * AREA_BYTES, 64);
  };
  start();
  let failures = 0;
  for (let step = 0; step < STEPS; step++) {
    const wrong = random.oneIn(40);
    const fill = random.below(256);
    const length = random.pick([0, 1, 5, 100, 1372, 9000]);
    const inGuest = random.oneIn(2);
    // Header, slot and payload as one run of bytes, which is then cut into parts.
    const total = VSOCK_HDR_BYTES + ADDRESS_SLOT_BYTES + length;
    const bytes = new Uint8Array(total).fill(fill);
    const view = new DataView(bytes.buffer);
    const isPacket = !random.oneIn(20);
    const op = isPacket ? VIRTIO_VSOCK_OP_RW : random.pick([RINGZERO_OP_BIND, RINGZERO_OP_UNBIND]);
    bytes.fill(0, 0, VSOCK_HDR_BYTES);
    bytes[0] = GUEST_CID;
    bytes[HDR_DST_CID] = VMADDR_CID_HOST;
    view.setUint32(HDR_SRC_PORT, random.pick(PORTS), true);
    view.setUint32(HDR_DST_PORT, isPacket ? 0 : random.pick(PORTS), true);
    view.setUint32(HDR_LEN, isPacket ? ADDRESS_SLOT_BYTES + length + (wrong ? random.pick([1, 4, 1000]) : 0) : 0, true);
    view.setUint16(HDR_TYPE, VIRTIO_VSOCK_TYPE_DGRAM, true);
    view.setUint16(HDR_OP, op, true);
    const host = random.pick(["127.0.0.1", "127.0.0.1", "192.0.2.1", "::1", "0.0.0.0"]);
    bytes.set(encodeSlot(host, host === "127.0.0.1" ? receiver.address().port : 9), VSOCK_HDR_BYTES);
    if (random.oneIn(30)) bytes[VSOCK_HDR_BYTES] = random.below(256);
    const cuts = random.pick([
      [VSOCK_HDR_BYTES],
      [VSOCK_HDR_BYTES + ADDRESS_SLOT_BYTES],
      [VSOCK_HDR_BYTES, VSOCK_HDR_BYTES + ADDRESS_SLOT_BYTES],
      [1 + random.below(total - 1)],
      [],
    ]);
    const end = isPacket ? total : VSOCK_HDR_BYTES;
    const edges = [0, ...cuts.filter((cut) => cut < end), end];
    const queue = tx as Virtqueue | undefined as Virtqueue;
    queue.begin();
    for (let i = 0; i + 1 < edges.length; i++) {
      const piece = bytes.subarray(edges[i], edges[i + 1]);
      const base = i === 0 && !random.oneIn(5) ? header : inGuest ? 1024 : page;
      const at = base + (step % AREAS) * AREA_BYTES + (edges[i] as number);
      memory.slice(at, piece.length)?.set(piece);
      queue.addReadable(at, piece.length);
    }
    if (random.oneIn(50)) queue.addWritable(page + AREAS * AREA_BYTES - 16, 16);
    if (queue.submit(step) && isPacket && host === "127.0.0.1") {
      const lengths = sent.get(fill) ?? new Set<number>();
      sent.set(length === 0 ? -1 : fill, (length === 0 ? (sent.get(-1) ?? new Set()) : lengths).add(length));
    }
    if (random.oneIn(3) || step % AREAS === AREAS - 1) queue.kick();
    while (queue.popUsed());
    if (random.oneIn(4000)) memory.guest.memory.grow(1);
    if (random.oneIn(100)) await new Promise((resolve) => setImmediate(resolve));
    if (device.mmio.live && !random.oneIn(3000)) continue;
    failures++;
    lines.length = 0;
    start();
  }
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  device.close();
  receiver.close();
  expect(failures).toBeGreaterThan(0);
  expect(arrived.length).toBeGreaterThan(STEPS / 100);
  for (const [fill, length] of arrived) expect(sent.get(fill)?.has(length), `${length} bytes of ${fill}`).toBe(true);
});
