/** Datagrams of a ring guest: ring_datagrams and ring_sendto, from the host, from inside the machine, and with what is wrong. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { NetDeviceOptions } from "../../../host/devices/net.ts";
import { loadUdpBatches } from "../../../host/devices/udp-batch.ts";
import { EAFNOSUPPORT, EBADF, EEXIST, EFAULT, EINVAL, EMSGSIZE, EOPNOTSUPP, EPIPE } from "../../../kernel/abi/errno.ts";
import { AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM } from "../../../kernel/abi/socket.ts";
import { RING_DATAGRAM, RING_READY } from "../../../kernel/ring/event-queue.ts";
import {
  sys_ring_attach,
  sys_ring_buffers,
  sys_ring_datagrams,
  sys_ring_sendto,
  sys_ring_user,
} from "../../../kernel/syscall/ring.ts";
import {
  sys_bind,
  sys_connect,
  sys_recvfrom,
  sys_sendto,
  sys_shutdown,
  sys_socket,
} from "../../../kernel/syscall/socket.ts";
import { ADDRESS, BUFFER, NetKernel, putAddress, type SeenEvent, tick } from "../net/net-kernel.ts";

const PORT = 11211;
const SLOT = 28;
const batches = loadUdpBatches();
/** Both ways in which the device serves UDP, where they are there. */
const ways = [
  { way: "node:dgram", options: {} },
  ...(typeof batches === "string" ? [] : [{ way: "node:ffi", options: { udp: batches } }]),
];
let k: NetKernel;
let peer: Socket;
/** What the host's socket has got. */
let answers: string[];

async function start(options: NetDeviceOptions): Promise<void> {
  k = new NetKernel({ publish: new Map([[PORT, { host: "127.0.0.1", port: 0 }]]), ...options });
  await k.device.bindAll();
  answers = [];
  peer = createSocket("udp4");
  peer.on("message", (bytes) => answers.push(bytes.toString()));
  peer.bind(0, "127.0.0.1");
  await once(peer, "listening");
}
afterEach(() => {
  peer.close();
  k.stop();
});

function bound(port: number): number {
  const fd = sys_socket(k, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  expect(sys_bind(k, fd, ADDRESS, putAddress(k, port, [0, 0, 0, 0]))).toBe(0);
  return fd;
}
const seen = (): SeenEvent[] => k.events.filter(({ kind }) => kind === RING_DATAGRAM);
const texts = (): string[] => seen().map(({ bytes }) => bytes.toString());
const fromHost = (text: string): Promise<void> =>
  new Promise((resolve) => peer.send(text, k.device.hostPort(PORT) as number, "127.0.0.1", () => resolve()));
/** Writes a slot with an address of 127.0.0.1 and text behind it at BUFFER; where the text begins. */
function put(port: number, text: string): number {
  k.mem.u8.fill(0, BUFFER, BUFFER + SLOT);
  k.mem.u8.set([2, 0, port >> 8, port & 0xff, 127, 0, 0, 1], BUFFER);
  k.mem.u8.set(Buffer.from(text), BUFFER + SLOT);
  return BUFFER + SLOT;
}

describe.each(ways)("ring_datagrams, $way", ({ options }) => {
  beforeEach(() => start(options));

  it("delivers each datagram with its sender, and an answer to that sender arrives", async () => {
    k.startRing();
    const fd = bound(PORT);
    expect(sys_ring_datagrams(k, fd, 7)).toBe(0);
    k.onEvent = ({ slot, bytes }) => {
      k.mem.u8.set(slot, BUFFER);
      k.mem.u8.set(Buffer.from(bytes.toString().toUpperCase()), BUFFER + SLOT);
      expect(sys_ring_sendto(k, fd, BUFFER + SLOT, bytes.length)).toBe(bytes.length);
    };
    await fromHost("one");
    await k.until(() => answers.length === 1, "the answer");
    expect(answers).toEqual(["ONE"]);
    expect(seen()[0]).toMatchObject({ fd, user: 7, result: 3 });
    const { port } = peer.address();
    expect([...(seen()[0] as SeenEvent).slot.subarray(0, 8)]).toEqual([2, 0, port >> 8, port & 255, 127, 0, 0, 1]);
  });

  it("delivers empty ones, and those that come faster than there are buffers", async () => {
    k.startRing(512, 4);
    const fd = bound(PORT);
    expect(sys_ring_datagrams(k, fd, 0)).toBe(0);
    const wanted = ["", ...Array.from({ length: 100 }, (_, i) => `datagram ${i}`)];
    await Promise.all(wanted.map(fromHost));
    await k.until(() => seen().length === wanted.length, "all of them");
    expect(texts()).toEqual(wanted);
  });

  it("loses a datagram that no buffer is long enough for, and nothing else", async () => {
    k.startRing(512, 8);
    expect(sys_ring_datagrams(k, bound(PORT), 0)).toBe(0);
    await fromHost("x".repeat(600));
    await fromHost("short");
    await k.until(() => seen().length > 0, "the short one");
    expect(texts()).toEqual(["short"]);
  });

  it("delivers what comes from inside the machine, in order with what waited before the buffers came", async () => {
    k.startRing(4096, 0);
    const sender = bound(5000);
    const fd = bound(PORT);
    expect(sys_ring_datagrams(k, fd, 3)).toBe(0);
    for (const text of ["first", "second"]) {
      k.mem.u8.set(Buffer.from(text), BUFFER);
      expect(sys_sendto(k, sender, BUFFER, text.length, 0, ADDRESS, putAddress(k, PORT))).toBe(text.length);
    }
    await tick();
    expect(seen()).toEqual([]);
    expect(sys_ring_buffers(k, 2 << 20, 1024, 4)).toBe(0);
    await k.until(() => seen().length === 2, "both");
    expect(texts()).toEqual(["first", "second"]);
    expect([...(seen()[0] as SeenEvent).slot.subarray(0, 8)]).toEqual([2, 0, 5000 >> 8, 5000 & 255, 127, 0, 0, 1]);
    // And an answer to it stays inside.
    expect(sys_ring_sendto(k, fd, put(5000, "answer"), 6)).toBe(6);
    expect(sys_recvfrom(k, sender, BUFFER, 100, 0, 0, 0)).toBe(6);
    expect(Buffer.from(k.mem.u8.slice(BUFFER, BUFFER + 6)).toString()).toBe("answer");
  });

  it("a connected socket hears its peer only", async () => {
    k.startRing();
    const fd = bound(PORT);
    expect(sys_ring_datagrams(k, fd, 0)).toBe(0);
    expect(sys_connect(k, fd, ADDRESS, putAddress(k, peer.address().port))).toBe(0);
    const stranger = createSocket("udp4");
    await new Promise<void>((resolve) =>
      stranger.send("no", k.device.hostPort(PORT) as number, "127.0.0.1", () => resolve()),
    );
    await fromHost("yes");
    await k.until(() => seen().length > 0, "the peer's");
    expect(texts()).toEqual(["yes"]);
    stranger.close();
  });

  it("is refused for what is no UDP socket, without a ring, and twice", () => {
    const fd = bound(PORT);
    expect(sys_ring_datagrams(k, fd, 0)).toBe(-EINVAL);
    k.startRing();
    expect(sys_ring_datagrams(k, 99, 0)).toBe(-EBADF);
    expect(sys_ring_datagrams(k, sys_socket(k, AF_INET, SOCK_STREAM, 0), 0)).toBe(-EOPNOTSUPP);
    expect(sys_ring_datagrams(k, sys_socket(k, AF_UNIX, SOCK_DGRAM, 0), 0)).toBe(-EOPNOTSUPP);
    const other = bound(PORT + 1);
    expect(sys_ring_attach(k, other, 0)).toBe(0);
    expect(sys_ring_datagrams(k, other, 0)).toBe(-EEXIST);
    expect(sys_ring_datagrams(k, fd, 0)).toBe(0);
    expect(sys_ring_datagrams(k, fd, 0)).toBe(-EEXIST);
    expect(sys_ring_attach(k, fd, 0)).toBe(-EEXIST);
  });

  it("tells nothing of a closed descriptor, and a new user of the next datagrams", async () => {
    k.startRing();
    const fd = bound(PORT);
    expect(sys_ring_datagrams(k, fd, 1)).toBe(0);
    expect(sys_ring_user(k, fd, 2)).toBe(0);
    await fromHost("a");
    await k.until(() => seen().length === 1, "one");
    expect(seen()[0]?.user).toBe(2);
    const sender = bound(5000);
    k.mem.u8.set(Buffer.from("late"), BUFFER);
    expect(sys_sendto(k, sender, BUFFER, 4, 0, ADDRESS, putAddress(k, PORT))).toBe(4);
    expect(k.fds.close(k, fd)).toBe(0);
    for (let i = 0; i < 5; i++) await tick();
    expect(texts()).toEqual(["a"]);
    expect(k.events.some(({ kind }) => kind === RING_READY)).toBe(false);
  });
});

describe.each(ways)("ring_sendto, $way", ({ options }) => {
  beforeEach(() => start(options));

  it("refuses what cannot be sent, by the errno of sendto", () => {
    const fd = bound(PORT);
    const at = put(5000, "text");
    expect(sys_ring_sendto(k, fd, at, 4)).toBe(-EINVAL); // no ring
    k.startRing();
    expect(sys_ring_sendto(k, 99, at, 4)).toBe(-EBADF);
    expect(sys_ring_sendto(k, fd, at, -1)).toBe(-EINVAL);
    expect(sys_ring_sendto(k, fd, SLOT - 1, 0)).toBe(-EFAULT);
    expect(sys_ring_sendto(k, fd, at, 0x7fffffff)).toBe(-EFAULT);
    expect(sys_ring_sendto(k, fd, -4, 4)).toBe(-EFAULT);
    expect(sys_ring_sendto(k, fd, at, 65508)).toBe(-EMSGSIZE);
    expect(sys_ring_sendto(k, fd, put(0, "text"), 4)).toBe(-EINVAL);
    expect(sys_ring_sendto(k, sys_socket(k, AF_INET, SOCK_STREAM, 0), put(5000, "x"), 1)).toBe(-EOPNOTSUPP);
    expect(sys_ring_sendto(k, sys_socket(k, AF_UNIX, SOCK_DGRAM, 0), at, 1)).toBe(-EOPNOTSUPP);
    expect(sys_ring_sendto(k, sys_socket(k, AF_INET6, SOCK_DGRAM, 0), at, 1)).toBe(-EAFNOSUPPORT);
    expect(sys_connect(k, fd, ADDRESS, putAddress(k, 5000))).toBe(0);
    expect(sys_shutdown(k, fd, 1)).toBe(0);
    expect(sys_ring_sendto(k, fd, at, 4)).toBe(-EPIPE);
  });

  it("binds the socket, and does not reach where the guest may not", async () => {
    k.startRing();
    const fd = sys_socket(k, AF_INET, SOCK_DGRAM, 0);
    expect(sys_ring_sendto(k, fd, put(peer.address().port, "here"), 4)).toBe(4);
    k.mem.u8.set([192, 0, 2, 1], put(9, "far") - SLOT + 4); // TEST-NET-1: no loopback address
    expect(sys_ring_sendto(k, fd, BUFFER + SLOT, 3)).toBe(3);
    await k.until(() => answers.length === 1, "the datagram");
    expect(answers).toEqual(["here"]);
  });

  it("sends to several, in the order of each", async () => {
    k.startRing();
    const fd = bound(PORT);
    const other = createSocket("udp4");
    const others: string[] = [];
    other.on("message", (bytes) => others.push(bytes.toString()));
    other.bind(0, "127.0.0.1");
    await once(other, "listening");
    for (let i = 0; i < 40; i++) {
      const to = i % 2 === 0 ? peer : other;
      const text = `n${i}`;
      expect(sys_ring_sendto(k, fd, put(to.address().port, text), text.length)).toBe(text.length);
    }
    await k.until(() => answers.length + others.length === 40, "all");
    expect([answers, others]).toEqual([0, 1].map((odd) => Array.from({ length: 20 }, (_, i) => `n${i * 2 + odd}`)));
    other.close();
  });

  it("sends more than the queue has room for", async () => {
    k.startRing();
    const fd = bound(PORT);
    const at = put(peer.address().port, "many");
    for (let i = 0; i < 2500; i++) expect(sys_ring_sendto(k, fd, at, 4)).toBe(4);
    await k.until(() => answers.length > 0, "some: UDP may lose the rest");
    expect(new Set(answers)).toEqual(new Set(["many"]));
  });
});
