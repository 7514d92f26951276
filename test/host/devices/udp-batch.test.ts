/** Many datagrams in one system call, through node:ffi: against sockets of node:dgram. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { decodeSlot, encodeSlot } from "../../../host/devices/host-address.ts";
import { BATCH_MAX, loadUdpBatches, type UdpBatch, type UdpBatches } from "../../../host/devices/udp-batch.ts";

const loaded = loadUdpBatches();
const batches = loaded as UdpBatches;
if (typeof loaded === "string") console.log(`udp "ffi" is not tested: ${loaded}`);

const opened: (UdpBatch | Socket)[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) {
    if ("fd" in one) batches.close(one);
    else one.close();
  }
});

async function socket(host = "127.0.0.1"): Promise<Socket> {
  const one = createSocket({ type: host === "::1" ? "udp6" : "udp4", recvBufferSize: 1 << 20 });
  opened.push(one);
  one.bind(0, host);
  await once(one, "listening");
  return one;
}

/** A batch on a free port, and the port. */
async function batch(host = "127.0.0.1"): Promise<[UdpBatch, number]> {
  const finder = await socket(host);
  const { port } = finder.address();
  finder.close();
  opened.splice(opened.indexOf(finder), 1);
  const one = batches.open(host, port, false);
  if (one === null) throw new Error("no socket");
  opened.push(one);
  return [one, port];
}

const sent = (from: Socket, bytes: Uint8Array | string, port: number, host = "127.0.0.1"): Promise<void> =>
  new Promise((resolve, reject) => from.send(bytes, port, host, (error) => (error ? reject(error) : resolve())));
/** What a socket receives, as text, until `count` have come. */
function received(by: Socket, count: number): Promise<string[]> {
  const texts: string[] = [];
  return new Promise((resolve) =>
    by.on("message", (bytes) => {
      if (texts.push(bytes.toString()) === count) resolve(texts);
    }),
  );
}

describe.skipIf(typeof loaded === "string")("batches of datagrams", () => {
  test.each(["127.0.0.1", "::1"])("are received in order, each with its sender (%s)", async (host) => {
    const [one, port] = await batch(host);
    const senders = [await socket(host), await socket(host)] as const;
    for (let i = 0; i < 50; i++) await sent(senders[(i % 2) as 0 | 1], `datagram ${i}`, port, host);
    const got: { text: string; port: number | undefined; host: string | undefined }[] = [];
    for (const expected of [BATCH_MAX, 50 - BATCH_MAX]) {
      expect(one.receive()).toBe(expected);
      for (let i = 0; i < expected; i++) {
        const from = decodeSlot(one.bytes.slice(one.slotAt(i), one.slotAt(i) + 28));
        const at = one.payloadAt(i);
        const text = Buffer.from(one.bytes.slice(at, at + one.payloadBytes(i))).toString();
        got.push({ text, port: from?.port, host: from?.host });
      }
    }
    expect(got.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, i) => `datagram ${i}`));
    expect(got.map((one) => one.port)).toEqual(got.map((_, i) => senders[(i % 2) as 0 | 1].address().port));
    expect(new Set(got.map((one) => one.host))).toEqual(new Set([host === "::1" ? "0:0:0:0:0:0:0:1" : host]));
    expect(one.receive()).toBeLessThanOrEqual(0);
  });

  test("of every length that UDP has, empty ones too", async () => {
    const [one, port] = await batch();
    const sender = await socket();
    const lengths = [0, 1, 1400, 9000, 65_507];
    for (const length of lengths) await sent(sender, Buffer.alloc(length, length & 255), port);
    expect(one.receive()).toBe(lengths.length);
    lengths.forEach((length, i) => {
      expect(one.payloadBytes(i)).toBe(length);
      const bytes = Buffer.from(one.bytes.buffer, one.payloadAt(i), length);
      expect(bytes.equals(Buffer.alloc(length, length & 255))).toBe(true);
    });
  });

  test("are sent from the memories that they were lent from, in order", async () => {
    const [one] = await batch();
    const receivers = [await socket(), await socket()] as const;
    const arrived = receivers.map((receiver) => received(receiver, BATCH_MAX / 2));
    const slots = new Uint8Array(4096);
    slots.set(encodeSlot("127.0.0.1", receivers[0].address().port), 0);
    slots.set(encodeSlot("127.0.0.1", receivers[1].address().port), 100);
    const memories = [new Uint8Array(4096), new Uint8Array(4096), new Uint8Array(4096)];
    for (let i = 0; i < BATCH_MAX; i++) {
      const memory = memories[i % 3] as Uint8Array;
      memory.set(Buffer.from(`number ${String(i).padStart(2, "0")}`), i * 20);
      expect(one.isFull).toBe(false);
      one.add(memory, i * 20, 9, slots, (i % 2) * 100);
    }
    expect(one.isFull).toBe(true);
    one.flush(() => expect.unreachable());
    expect(one.isFull).toBe(false);
    const texts = await Promise.all(arrived);
    const name = (i: number): string => `number ${String(i).padStart(2, "0")}`;
    expect(texts).toEqual([0, 1].map((odd) => Array.from({ length: BATCH_MAX / 2 }, (_, i) => name(i * 2 + odd))));
  });

  test("what the system does not take is named, and nothing else is lost", async () => {
    const [one] = await batch();
    const receiver = await socket();
    const arrived = received(receiver, 3);
    const slots = new Uint8Array(4096);
    slots.set(encodeSlot("127.0.0.1", receiver.address().port), 0);
    const memory = new Uint8Array(70_000).fill(65);
    const lengths = [65_508, 1, 70_000, 65_508, 2, 3, 65_600];
    for (const length of lengths) one.add(memory, 0, length, slots, 0);
    const refused: number[] = [];
    one.flush((index) => refused.push(index));
    expect(refused).toEqual([0, 2, 3, 6]);
    expect((await arrived).map((text) => text.length)).toEqual([1, 2, 3]);
  });

  test("know which addresses are of their own family", async () => {
    const [four] = await batch();
    const [six] = await batch("::1");
    const v4 = encodeSlot("127.0.0.1", 1);
    const v6 = encodeSlot("::1", 1);
    expect([four.reaches(v4, 0), four.reaches(v6, 0), six.reaches(v4, 0), six.reaches(v6, 0)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  test("a port that is taken gives none, unless it is shared", async () => {
    const taken = await socket();
    const { port } = taken.address();
    expect(batches.open("127.0.0.1", port, false)).toBeNull();
    expect(batches.open("192.0.2.1", 0, false)).toBeNull(); // no address of this host's
    const shared = createSocket({ type: "udp4", reusePort: true });
    opened.push(shared);
    shared.bind(0, "127.0.0.1");
    await once(shared, "listening");
    const one = batches.open("127.0.0.1", shared.address().port, true);
    expect(one).not.toBeNull();
    if (one) opened.push(one);
  });
});
