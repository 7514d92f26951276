/**
 * Short writes that are gathered: they leave together once the stacks have parked, in order with everything else, within the peer's credit,
 * whatever becomes of the connection.
 */
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EAGAIN, EPIPE } from "../../../kernel/abi/errno.ts";
import { POLLOUT } from "../../../kernel/abi/poll.ts";
import { AF_INET, SHUT_WR, SO_LINGER, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET } from "../../../kernel/abi/socket.ts";
import type { File } from "../../../kernel/fs/file.ts";
import {
  sys_accept4,
  sys_bind,
  sys_listen,
  sys_sendto,
  sys_setsockopt,
  sys_shutdown,
  sys_socket,
} from "../../../kernel/syscall/socket.ts";
import { SLAB_BYTES } from "../../../kernel/virtio/gathered-sends.ts";
import { ADDRESS, BUFFER, LENGTH, NetKernel, putAddress, tick } from "../net/net-kernel.ts";

let k: NetKernel;
let listener: number;
const clients: Client[] = [];

class Client {
  readonly socket: Socket;
  readonly chunks: Buffer[] = [];
  ended = false;
  error = "";

  constructor() {
    this.socket = connect({ host: "127.0.0.1", port: k.device.hostPort(80) as number, allowHalfOpen: true });
    this.socket.on("data", (chunk: Buffer) => void this.chunks.push(chunk));
    this.socket.on("end", () => {
      this.ended = true;
    });
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? "";
    });
    clients.push(this);
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

beforeEach(async () => {
  k = new NetKernel({ publish: new Map([[80, { host: "127.0.0.1", port: 0 }]]) });
  Object.defineProperty(k.scheduler, "runsStack", { value: true });
  await k.device.bindAll();
  listener = sys_socket(k, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  expect(sys_bind(k, listener, ADDRESS, putAddress(k, 80))).toBe(0);
  expect(sys_listen(k, listener, 512)).toBe(0);
});
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  k.stop();
});

async function accepted(): Promise<number> {
  let fd = -1;
  await k.until(() => {
    fd = sys_accept4(k, listener, 0, 0, SOCK_NONBLOCK);
    return fd >= 0;
  }, "a connection");
  return fd;
}

function send(fd: number, text: string): number {
  const bytes = Buffer.from(text);
  k.mem.u8.set(bytes, BUFFER);
  return sys_sendto(k, fd, BUFFER, bytes.length, 0, 0, 0);
}

async function ticks(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await tick();
}

describe("short writes", () => {
  it("wait for the stacks to park, and leave together", async () => {
    const client = new Client();
    const fd = await accepted();
    for (const word of ["one ", "two ", "three"]) expect(send(fd, word)).toBe(word.length);
    expect(k.net.driver.gathered.waiting).toBe(true);
    k.mem.u8.fill(0, BUFFER, BUFFER + 100); // the memory was the guest's again at once
    k.net.sendGathered();
    expect(k.net.driver.gathered.waiting).toBe(false);
    await k.until(() => client.text.length === 13, "the bytes");
    expect(client.chunks.map(String)).toEqual(["one two three"]);
    k.net.sendGathered(); // nothing waits: nothing happens
    await ticks();
    expect(client.text).toBe("one two three");
  });

  it("keep their order with long ones, and with those that fill a slab", async () => {
    const client = new Client();
    const fd = await accepted();
    let expected = "";
    for (let i = 0; i < 40; i++) {
      const text = `${i}:${"x".repeat(i % 7 === 0 ? SLAB_BYTES + 1 : (i * 397) % SLAB_BYTES)};`;
      expect(send(fd, text)).toBe(text.length);
      expected += text;
    }
    k.net.sendGathered();
    await k.until(() => client.text.length === expected.length, "the bytes");
    expect(client.text).toBe(expected);
  });

  it("leave before the end of the stream, and before the close", async () => {
    const [one, two] = [new Client(), new Client()];
    const [first, second] = [await accepted(), await accepted()];
    send(first, "half");
    expect(sys_shutdown(k, first, SHUT_WR)).toBe(0);
    expect(send(first, "more")).toBe(-EPIPE);
    send(second, "whole");
    k.fds.close(k, second);
    k.net.sendGathered();
    await k.until(() => one.ended && two.ended, "both ends");
    expect([one.text, two.text].sort()).toEqual(["half", "whole"]);
  });

  it("leave with the machine", async () => {
    const client = new Client();
    send(await accepted(), "last words");
    k.stop();
    await k.until(() => client.ended, "the end");
    expect(client.text).toBe("last words");
  });

  it("are dropped with a connection that the peer has reset", async () => {
    const client = new Client();
    const fd = await accepted();
    client.socket.resetAndDestroy();
    send(fd, "nobody hears this");
    await k.until(() => send(fd, "x") === -104 || send(fd, "x") === -EPIPE, "the reset");
    k.net.sendGathered();
    // Its slab serves others.
    const other = new Client();
    send(await accepted(), "hello");
    k.net.sendGathered();
    await k.until(() => other.text === "hello", "the other one's bytes");
  });

  it("do not stop a reset: SO_LINGER of 0", async () => {
    const client = new Client();
    const fd = await accepted();
    k.mem.setU32(LENGTH, 1);
    k.mem.setU32(LENGTH + 4, 0);
    expect(sys_setsockopt(k, fd, SOL_SOCKET, SO_LINGER, LENGTH, 8)).toBe(0);
    send(fd, "x");
    k.fds.close(k, fd);
    await k.until(() => client.error === "ECONNRESET" || client.socket.destroyed, "the reset");
  });
});

describe("bounds", () => {
  it("a peer that does not read ends them with EAGAIN; it gets every byte once it does", async () => {
    const client = new Client();
    client.socket.pause();
    const fd = await accepted();
    const file = k.fds.get(fd) as File;
    const pattern = "0123456789".repeat(200);
    let total = 0;
    let refused = 0;
    while (refused < 50) {
      const result = send(fd, pattern.slice(total % 10, (total % 10) + 999));
      if (result > 0) total += result;
      else {
        expect(result).toBe(-EAGAIN);
        expect(file.poll(k) & POLLOUT).toBe(0);
        refused++;
        k.net.sendGathered();
        await tick();
      }
    }
    expect(total).toBeGreaterThan(256 * 1024);
    client.socket.resume();
    await k.until(() => Buffer.concat(client.chunks).length === total, "all bytes");
    const expected = "0123456789".repeat(Math.ceil(total / 10)).slice(0, total);
    expect(client.text === expected).toBe(true);
    await k.until(() => (file.poll(k) & POLLOUT) !== 0, "POLLOUT");
  });

  it("more connections than slabs: all of them are served", async () => {
    const fds: number[] = [];
    for (let i = 0; i < 300; i++) {
      new Client();
      fds.push(await accepted());
    }
    for (const fd of fds) for (const word of ["a", "b", "c"]) expect(send(fd, word)).toBe(1);
    k.net.sendGathered();
    await k.until(() => clients.every(({ text }) => text === "abc"), "300 answers");
  }, 20_000);
});
