/**
 * AF_UNIX names that the host publishes: the host's socket is there while the guest listens, connections and bytes go both ways, and
 * what is in the way is told at boot.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer, Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MmioDevice } from "../../../host/queue/mmio-device.ts";
import { EAGAIN } from "../../../kernel/abi/errno.ts";
import { AT_FDCWD } from "../../../kernel/abi/fcntl.ts";
import { POLLIN } from "../../../kernel/abi/poll.ts";
import { AF_UNIX, SO_PEERCRED, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET } from "../../../kernel/abi/socket.ts";
import type { File } from "../../../kernel/fs/file.ts";
import {
  sys_accept4,
  sys_bind,
  sys_getpeername,
  sys_getsockname,
  sys_getsockopt,
  sys_listen,
  sys_recvfrom,
  sys_sendto,
  sys_socket,
} from "../../../kernel/syscall/socket.ts";
import { NAMES_MAX } from "../../../kernel/virtio/socket-protocol.ts";
import { VIRTIO_ID_VSOCK } from "../../../kernel/virtio/transport.ts";
import { ADDRESS, BUFFER, LENGTH, NetKernel } from "./net-kernel.ts";

const NAME = "/run/s.sock";
let k: NetKernel;
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringzero-"));
  path = join(folder, "host.sock");
});
afterEach(() => {
  k.stop();
  rmSync(folder, { recursive: true });
});

function start(names: readonly (readonly [string, string])[] = [[NAME, path]]): Promise<void> {
  k = new NetKernel({ publishNames: new Map(names) });
  return k.device.bindAll();
}

function listener(name = NAME, backlog = 8): number {
  const fd = sys_socket(k, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  k.mem.u8.fill(0, ADDRESS, ADDRESS + 110);
  k.mem.u8.set([AF_UNIX, 0, ...Buffer.from(name)], ADDRESS);
  expect(sys_bind(k, fd, ADDRESS, 2 + Buffer.byteLength(name))).toBe(0);
  expect(sys_listen(k, fd, backlog)).toBe(0);
  return fd;
}

async function dial(): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return socket;
}

async function accept(fd: number): Promise<number> {
  const file = k.fds.get(fd) as File;
  await k.until(() => (file.poll(k) & POLLIN) !== 0, "somebody to accept");
  return sys_accept4(k, fd, BUFFER, LENGTH, SOCK_NONBLOCK);
}

function nameOf(call: typeof sys_getsockname, fd: number): string {
  k.mem.setU32(LENGTH, 110);
  expect(call(k, fd, BUFFER, LENGTH)).toBe(0);
  return Buffer.from(k.mem.u8.slice(BUFFER + 2, BUFFER + k.mem.getU32(LENGTH))).toString();
}

describe("a published AF_UNIX name", () => {
  it("has its host path while the guest listens, and ready waits for it", async () => {
    await start();
    expect(existsSync(path)).toBe(false);
    let ready = false;
    void k.device.listening([]).then(() => {
      ready = true;
    });
    const fd = listener();
    await k.until(() => ready, "ready");
    expect(existsSync(path)).toBe(true);
    k.fds.close(k, fd);
    await k.until(() => !existsSync(path), "the path to go");
    await expect(dial()).rejects.toThrow("ENOENT");
    expect(k.vfs.unlink(k, AT_FDCWD, NAME)).toBe(0);
    listener(); // again
    await k.until(() => existsSync(path), "the path");
  });

  it("carries bytes and ends in both directions", async () => {
    await start();
    const fd = listener();
    await k.device.listening([]);
    const socket = await dial();
    k.mem.setU32(LENGTH, 110);
    const served = await accept(fd);
    expect(k.mem.getU32(LENGTH)).toBe(2); // the peer has no name
    expect(nameOf(sys_getsockname, served)).toBe(`${NAME}\0`);
    expect(nameOf(sys_getpeername, served)).toBe("");
    k.mem.setU32(LENGTH, 12);
    expect(sys_getsockopt(k, served, SOL_SOCKET, SO_PEERCRED, BUFFER, LENGTH)).toBe(0);
    expect([...k.mem.u32.subarray(BUFFER / 4, BUFFER / 4 + 3)]).toEqual([0, 0, 0]); // root, nobody of the machine
    const file = k.fds.get(served) as File;
    const bytes = Buffer.alloc(100_000, "0123456789");
    socket.end(bytes);
    const received: Buffer[] = [];
    for (let total = 0; ; ) {
      await k.until(() => (file.poll(k) & POLLIN) !== 0, "bytes");
      const count = sys_recvfrom(k, served, BUFFER, 65536, 0, 0, 0);
      if (count === 0) break;
      total += count;
      expect(total).toBeLessThanOrEqual(bytes.length);
      received.push(Buffer.from(k.mem.u8.slice(BUFFER, BUFFER + count)));
    }
    expect(Buffer.concat(received).equals(bytes)).toBe(true);
    const answer = new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (chunk) => (text += chunk)).on("end", () => resolve(text));
    });
    k.mem.u8.set(Buffer.from("answer"), BUFFER);
    expect(sys_sendto(k, served, BUFFER, 6, 0, 0, 0)).toBe(6);
    k.fds.close(k, served);
    expect(await answer).toBe("answer");
  });

  it("cuts a connection off that the guest has not read to its end", async () => {
    await start();
    const fd = listener();
    await k.device.listening([]);
    const socket = await dial();
    socket.write("nobody reads this");
    const served = await accept(fd);
    await k.until(() => ((k.fds.get(served) as File).poll(k) & POLLIN) !== 0, "bytes");
    const over = new Promise((resolve) => socket.on("error", resolve).on("end", resolve));
    socket.resume();
    k.fds.close(k, served);
    await over;
    (await dial()).destroy(); // the device is alive
  });

  it("refuses who connects while the guest stops listening", async () => {
    await start();
    const fd = listener(NAME, 1);
    await k.device.listening([]);
    const sockets = await Promise.all([dial(), dial(), dial()]);
    const over = sockets.map((socket) => new Promise((resolve) => socket.on("error", resolve).on("end", resolve)));
    for (const socket of sockets) socket.resume();
    k.fds.close(k, fd);
    await Promise.all(over);
    for (const socket of sockets) socket.destroy();
  });

  it("takes no more than the backlog, then goes on", async () => {
    await start();
    const fd = listener(NAME, 1);
    await k.device.listening([]);
    const sockets = await Promise.all([dial(), dial(), dial()]);
    for (const _ of sockets) expect(await accept(fd)).toBeGreaterThan(0);
    expect(sys_accept4(k, fd, 0, 0, 0)).toBe(-EAGAIN);
    for (const socket of sockets) socket.destroy();
  });

  it("is a name of its own: others stay inside, bytes of any kind match", async () => {
    const odd = "/run/ä \xff.sock";
    const bytes = Buffer.from(odd).toString("latin1");
    await start([
      [bytes, path],
      ["/other", join(folder, "other")],
    ]);
    listener("/run/unpublished");
    listener(odd);
    await k.until(() => existsSync(path), "the path");
    expect(existsSync(join(folder, "other"))).toBe(false);
    (await dial()).destroy();
  });

  it("goes with the machine", async () => {
    await start();
    listener();
    await k.device.listening([]);
    const socket = await dial();
    const ended = new Promise((resolve) => socket.on("end", resolve));
    socket.resume();
    k.stop();
    await ended;
    socket.destroy();
    expect(existsSync(path)).toBe(false);
  });
});

describe("a host path that cannot be had", () => {
  it("is told at boot: in use, no socket, no folder", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await expect(start()).rejects.toThrow(`${path} is in use`);
    k.stop();
    server.close();
    writeFileSync(join(folder, "file"), "");
    await expect(start([[NAME, join(folder, "file")]])).rejects.toThrow("is no socket");
    k.stop();
    symlinkSync(folder, join(folder, "link"));
    await expect(start([[NAME, join(folder, "link")]])).rejects.toThrow("is no socket");
    k.stop();
    await expect(start([[NAME, join(folder, "none", "s")]])).rejects.toThrow("cannot listen");
    k.stop();
    await expect(start([[NAME, join(folder, "s".repeat(108))]])).rejects.toThrow("too long");
    expect(existsSync(join(folder, "file"))).toBe(true);
  });

  it("is not there before the guest listens, not even for a moment: who came in would be cut off", async () => {
    const listen = vi.spyOn(Server.prototype, "listen");
    try {
      await start();
      expect(listen).not.toHaveBeenCalled();
    } finally {
      listen.mockRestore();
    }
  });

  it("is not the trace of a process that was killed", async () => {
    // A socket file without a socket: what SIGKILL leaves behind.
    const leave = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    expect(() => execFileSync(process.execPath, ["-e", leave], { stdio: "ignore" })).toThrow();
    expect(existsSync(path)).toBe(true);
    await start();
    listener();
    await k.device.listening([]);
    (await dial()).destroy();
  });
});

describe("the driver", () => {
  it("survives a device whose configuration lies about its names", () => {
    const lie = (...bytes: number[]): NetKernel =>
      new NetKernel({}, (physical) => {
        const config = Uint8Array.from([3, 0, 0, 0, 0, 0, 0, 0, ...bytes]);
        const backend = { notify: () => {} };
        return new MmioDevice(physical, backend, {
          name: "net",
          deviceId: VIRTIO_ID_VSOCK,
          queueSizes: [64, 64, 16],
          config,
        });
      });
    k = lie(0xff, 0xff); // many names, and no bytes of them
    expect(k.net.driver.names).toEqual(new Array(NAMES_MAX).fill(""));
    k.stop();
    k = lie(2, 0, 0xff, 0xff, 0x2f, 0x61); // one longer than the configuration
    expect(k.net.driver.names[0]).toHaveLength(108);
    expect(k.net.driver.names[0]).toMatch(/^\/a\0+$/);
    expect(k.net.driver.names[1]).toBe("");
    listener("/a");
    k.stop();
    k = lie();
    expect(k.net.driver.names).toEqual([]);
  });
});
