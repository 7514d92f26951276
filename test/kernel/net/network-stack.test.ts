import { createSocket } from "node:dgram";
import { connect, createServer, Server } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  EBADF,
  ECONNREFUSED,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENETUNREACH,
  ENOENT,
  ENOTCONN,
  ENOTSOCK,
  EOPNOTSUPP,
  EPIPE,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
} from "../../../kernel/abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../../kernel/abi/poll.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  MSG_TRUNC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "../../../kernel/abi/socket.ts";
import { EventFd } from "../../../kernel/fs/eventfd.ts";
import type { File } from "../../../kernel/fs/file.ts";
import { tcpTable } from "../../../kernel/net/proc-net.ts";
import {
  sys_accept4,
  sys_bind,
  sys_connect,
  sys_getpeername,
  sys_getsockname,
  sys_getsockopt,
  sys_listen,
  sys_recvfrom,
  sys_sendto,
  sys_setsockopt,
  sys_socket,
} from "../../../kernel/syscall/socket.ts";
import { ADDRESS, BUFFER, LENGTH, NetKernel, putAddress, tick } from "./net-kernel.ts";

let k: NetKernel;
afterEach(() => k.stop());

function bound(port: number, type = SOCK_STREAM, reuse = 0, host = [127, 0, 0, 1]): [fd: number, result: number] {
  const fd = sys_socket(k, AF_INET, type | SOCK_NONBLOCK, 0);
  if (reuse) {
    k.mem.setU32(BUFFER, 1);
    expect(sys_setsockopt(k, fd, 1, reuse, BUFFER, 4)).toBe(0);
  }
  return [fd, sys_bind(k, fd, ADDRESS, putAddress(k, port, host))];
}

function nameOf(call: typeof sys_getsockname, fd: number): string {
  k.mem.setU32(LENGTH, 16);
  expect(call(k, fd, BUFFER, LENGTH)).toBe(0);
  const bytes = k.mem.u8.slice(BUFFER, BUFFER + 16);
  return `${bytes.slice(4, 8).join(".")}:${((bytes[2] as number) << 8) | (bytes[3] as number)}`;
}

function putUnix(path: string): number {
  const bytes = Buffer.from(path);
  k.mem.u8.fill(0, ADDRESS, ADDRESS + 110);
  k.mem.u8.set([1, 0], ADDRESS);
  k.mem.u8.set(bytes, ADDRESS + 2);
  return 2 + bytes.length;
}

describe("ports", () => {
  it("refuses kinds of sockets that there are not", () => {
    k = new NetKernel();
    expect(sys_socket(k, 16, SOCK_STREAM, 0)).toBe(-EAFNOSUPPORT);
    expect(sys_socket(k, AF_INET, 3, 0)).toBe(-ESOCKTNOSUPPORT);
    expect(sys_socket(k, AF_INET, SOCK_STREAM, 17)).toBe(-EPROTONOSUPPORT);
    expect(sys_socket(k, AF_INET, SOCK_STREAM | 0x40000000, 0)).toBe(-EINVAL);
    expect(sys_bind(k, 9, ADDRESS, 16)).toBe(-EBADF);
    expect(sys_listen(k, k.fds.open(new EventFd(0, false, 0)), 1)).toBe(-ENOTSOCK);
  });

  it("gives a port to one holder", () => {
    k = new NetKernel();
    const [first, result] = bound(80);
    expect(result).toBe(0);
    expect(bound(80)[1]).toBe(-EADDRINUSE);
    expect(bound(80, SOCK_STREAM, 0, [0, 0, 0, 0])[1]).toBe(-EADDRINUSE);
    expect(bound(80, SOCK_STREAM, 0, [10, 0, 2, 15])[1]).toBe(0); // another address
    expect(bound(80, SOCK_DGRAM)[1]).toBe(0); // another protocol
    expect(bound(81, SOCK_STREAM, 0, [192, 168, 1, 1])[1]).toBe(-EADDRNOTAVAIL);
    expect(sys_bind(k, first, ADDRESS, putAddress(k, 82))).toBe(-EINVAL);
    k.fds.close(k, first);
    expect(bound(80)[1]).toBe(0);
  });

  it("shares a port as SO_REUSEADDR and SO_REUSEPORT say", () => {
    k = new NetKernel();
    const [a] = bound(90, SOCK_STREAM, 2);
    expect(bound(90, SOCK_STREAM, 2)[1]).toBe(0);
    expect(sys_listen(k, a, 1)).toBe(0);
    expect(bound(90, SOCK_STREAM, 2)[1]).toBe(-EADDRINUSE);
    const [c] = bound(91, SOCK_STREAM, 15);
    const [d, result] = bound(91, SOCK_STREAM, 15);
    expect(result).toBe(0);
    expect([sys_listen(k, c, 1), sys_listen(k, d, 1)]).toEqual([0, 0]);
    expect(bound(91)[1]).toBe(-EADDRINUSE);
  });

  it("lets :: and 0.0.0.0 collide unless IPV6_V6ONLY", () => {
    k = new NetKernel();
    expect(bound(100, SOCK_STREAM, 0, [0, 0, 0, 0])[1]).toBe(0);
    const bind6 = (only: number): number => {
      const fd = sys_socket(k, AF_INET6, SOCK_STREAM, 0);
      k.mem.setU32(BUFFER, only);
      expect(sys_setsockopt(k, fd, 41, 26, BUFFER, 4)).toBe(0);
      k.mem.u8.fill(0, ADDRESS, ADDRESS + 28);
      k.mem.u8.set([10, 0, 0, 100], ADDRESS);
      return sys_bind(k, fd, ADDRESS, 28);
    };
    expect(bind6(0)).toBe(-EADDRINUSE);
    expect(bind6(1)).toBe(0);
  });

  it("gives ephemeral ports and names them", () => {
    k = new NetKernel();
    const [fd, result] = bound(0);
    expect(result).toBe(0);
    const port = Number(nameOf(sys_getsockname, fd).split(":")[1]);
    expect(port).toBeGreaterThanOrEqual(32768);
    k.mem.setU32(LENGTH, 16);
    expect(sys_getpeername(k, fd, BUFFER, LENGTH)).toBe(-ENOTCONN);
    k.mem.setU32(LENGTH, 4); // cut, but the full length is told
    expect(sys_getsockname(k, fd, BUFFER, LENGTH)).toBe(0);
    expect(k.mem.getU32(LENGTH)).toBe(16);
    k.mem.setU32(LENGTH, -1);
    expect(sys_getsockname(k, fd, BUFFER, LENGTH)).toBe(-EINVAL);
    expect(sys_getsockname(k, fd, -16, LENGTH)).toBe(-EINVAL);
    k.mem.setU32(LENGTH, 16);
    expect(sys_getsockname(k, fd, -8, LENGTH)).toBe(-EFAULT);
    expect(sys_bind(k, fd, -8, 16)).toBe(-EFAULT);
    expect(sys_bind(k, fd, ADDRESS, 4000)).toBe(-EINVAL);
  });
});

describe("connecting", () => {
  it("goes to a listener inside the machine, with a backlog", () => {
    k = new NetKernel();
    const [listener] = bound(7000);
    expect(sys_accept4(k, listener, 0, 0, 0)).toBe(-EINVAL);
    expect(sys_listen(k, listener, 2)).toBe(0);
    expect(sys_accept4(k, listener, 0, 0, 0)).toBe(-EAGAIN);
    const dial = (): [number, number] => {
      const fd = sys_socket(k, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      return [fd, sys_connect(k, fd, ADDRESS, putAddress(k, 7000))];
    };
    const [one, result] = dial();
    expect(result).toBe(0);
    expect(sys_connect(k, one, ADDRESS, putAddress(k, 7000))).toBe(-EISCONN);
    expect(dial()[1]).toBe(0);
    expect(dial()[1]).toBe(-ECONNREFUSED); // the backlog is full
    k.mem.setU32(LENGTH, 16);
    const served = sys_accept4(k, listener, BUFFER + 64, LENGTH, 0);
    expect(nameOf(sys_getpeername, served)).toBe(nameOf(sys_getsockname, one));
    expect(nameOf(sys_getpeername, one)).toBe("127.0.0.1:7000");
    expect(dial()[1]).toBe(0);
    expect(tcpTable(k, 4)).toMatch(/0100007F:1B58 00000000:0000 0A 00000000:00000002/);
    k.fds.close(k, listener);
    expect(dial()[1]).not.toBe(0);
  });

  it("tells a non-blocking connect's failure by SO_ERROR", async () => {
    k = new NetKernel();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const fd = sys_socket(k, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const file = k.fds.get(fd) as File;
    expect(sys_connect(k, fd, ADDRESS, putAddress(k, port))).toBe(-EINPROGRESS);
    expect(sys_connect(k, fd, ADDRESS, putAddress(k, port))).toBe(-EALREADY);
    expect(file.poll(k) & POLLOUT).toBe(0);
    await k.until(() => (file.poll(k) & POLLERR) !== 0, "POLLERR");
    expect(file.poll(k) & (POLLOUT | POLLHUP)).toBe(POLLOUT | POLLHUP);
    k.mem.setU32(LENGTH, 4);
    expect(sys_getsockopt(k, fd, 1, 4, BUFFER, LENGTH)).toBe(0);
    expect(k.mem.getU32(BUFFER)).toBe(ECONNREFUSED);
    expect(sys_getsockopt(k, fd, 1, 4, BUFFER, LENGTH)).toBe(0);
    expect(k.mem.getU32(BUFFER)).toBe(0);
  });

  it("parks a blocking connect, and keeps to what outbound allows", async () => {
    k = new NetKernel();
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const fd = sys_socket(k, AF_INET, SOCK_STREAM, 0);
    const length = putAddress(k, port);
    expect(await k.wait(() => sys_connect(k, fd, ADDRESS, length))).toBe(0);
    expect(nameOf(sys_getpeername, fd)).toBe(`127.0.0.1:${port}`);
    const outside = sys_socket(k, AF_INET, SOCK_STREAM, 0);
    putAddress(k, 9, [192, 0, 2, 1]); // TEST-NET-1
    expect(await k.wait(() => sys_connect(k, outside, ADDRESS, 16))).toBe(-ENETUNREACH);
    k.fds.close(k, fd);
    k.stop();
    k = new NetKernel({ outbound: "none" });
    const none = sys_socket(k, AF_INET, SOCK_STREAM, 0);
    putAddress(k, port);
    expect(await k.wait(() => sys_connect(k, none, ADDRESS, 16))).toBe(-ECONNREFUSED);
    server.close();
  });

  it("reads and writes of an unconnected socket fail", () => {
    k = new NetKernel();
    const fd = sys_socket(k, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    expect(sys_recvfrom(k, fd, BUFFER, 1, 0, 0, 0)).toBe(-ENOTCONN);
    expect(sys_sendto(k, fd, BUFFER, 1, 0, 0, 0)).toBe(-EPIPE);
    expect((k.fds.get(fd) as File).poll(k) & POLLHUP).toBe(POLLHUP);
  });

  it("connects AF_UNIX sockets by name", () => {
    k = new NetKernel();
    const listener = sys_socket(k, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    expect(sys_listen(k, listener, 1)).toBe(-EINVAL);
    expect(sys_bind(k, listener, ADDRESS, putUnix("/tmp/s"))).toBe(0);
    const fd = sys_socket(k, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    expect(sys_connect(k, fd, ADDRESS, putUnix("/tmp/s"))).toBe(-ECONNREFUSED);
    expect(sys_connect(k, fd, ADDRESS, putUnix("/tmp/none"))).toBe(-ENOENT);
    expect(sys_connect(k, fd, ADDRESS, putUnix("\0none"))).toBe(-ECONNREFUSED);
    expect(sys_listen(k, listener, 1)).toBe(0);
    expect(sys_connect(k, fd, ADDRESS, putUnix("/tmp/s"))).toBe(0);
    const full = sys_socket(k, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    expect(sys_connect(k, full, ADDRESS, putUnix("/tmp/s"))).toBe(-EAGAIN);
    expect(sys_accept4(k, listener, 0, 0, 0)).toBeGreaterThan(0);
  });

  it("keeps what the guest has no room for, whoever sends meanwhile", async () => {
    k = new NetKernel({ publish: new Map([[80, { host: "127.0.0.1", port: 0 }]]) });
    await k.device.bindAll();
    const [listener] = bound(80);
    expect(sys_listen(k, listener, 16)).toBe(0);
    const lengths = 1_000_000;
    const words = ["a", "b", "c", "d"];
    const clients = words.map((word) => {
      const client = connect({ host: "127.0.0.1", port: k.device.hostPort(80) as number });
      client.write(Buffer.alloc(lengths, word));
      return client;
    });
    const fds: number[] = [];
    await k.until(() => {
      const fd = sys_accept4(k, listener, 0, 0, SOCK_NONBLOCK);
      if (fd >= 0) fds.push(fd);
      return fds.length === words.length;
    }, "four connections");
    const seen = fds.map(() => new Map<number, number>());
    // Read in turns, little at a time: there is always more waiting in the device than the guest has room for.
    for (let left = words.length * lengths; left > 0; await tick()) {
      fds.forEach((fd, i) => {
        const count = sys_recvfrom(k, fd, BUFFER, 50_000, 0, 0, 0);
        for (let at = 0; at < count; at++) {
          const byte = k.mem.u8[BUFFER + at] as number;
          seen[i]?.set(byte, (seen[i]?.get(byte) ?? 0) + 1);
        }
        if (count > 0) left -= count;
      });
    }
    for (const counts of seen) expect([...counts.values()]).toEqual([lengths]);
    for (const client of clients) client.destroy();
  });

  it("hands a published connection to the listener of its family, one for both families if there is no other", async () => {
    k = new NetKernel({ publish: new Map([[80, { host: "127.0.0.1", port: 0 }]]) });
    await k.device.bindAll();
    const six = (): number => {
      const fd = sys_socket(k, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
      k.mem.setU32(BUFFER, 1);
      expect(sys_setsockopt(k, fd, 41, 26, BUFFER, 4)).toBe(0); // IPV6_V6ONLY
      k.mem.u8.fill(0, ADDRESS, ADDRESS + 28);
      k.mem.u8.set([10, 0, 0, 80], ADDRESS);
      expect(sys_bind(k, fd, ADDRESS, 28)).toBe(0);
      expect(sys_listen(k, fd, 16)).toBe(0);
      return fd;
    };
    const v6 = six();
    const [v4] = bound(80);
    expect(sys_listen(k, v4, 16)).toBe(0);
    const dial = () => connect({ host: "127.0.0.1", port: k.device.hostPort(80) as number });
    const clients = [dial(), dial(), dial(), dial()];
    let accepted = 0;
    await k.until(() => {
      if (sys_accept4(k, v4, 0, 0, SOCK_NONBLOCK) >= 0) accepted++;
      return accepted === clients.length;
    }, "four connections");
    expect(sys_accept4(k, v6, 0, 0, SOCK_NONBLOCK)).toBe(-EAGAIN);
    k.fds.close(k, v4);
    clients.push(dial());
    await k.until(() => sys_accept4(k, v6, 0, 0, SOCK_NONBLOCK) >= 0, "the other listener");
    for (const client of clients) client.destroy();
  });

  it("refuses an in-process connection where nobody listens", async () => {
    k = new NetKernel();
    const stream = k.device.connect(4711);
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => stream.on("error", resolve));
    expect(error.code).toBe("ECONNREFUSED");
  });

  it("says which host port is in use", async () => {
    k = new NetKernel();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const other = new NetKernel({
      publish: new Map([
        [1, { host: "127.0.0.1", port: 0 }],
        [2, { host: "127.0.0.1", port }],
      ]),
    });
    await expect(other.device.bindAll()).rejects.toThrow(`port ${port} of 127.0.0.1 is in use`);
    expect(other.device.hostPort(1)).toBeUndefined();
    other.stop();
    server.close();
  });
});

describe("a published port with a number", () => {
  async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  function dial(port: number): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("connect", () => resolve("connected")).on("connect", () => socket.destroy());
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
    });
  }

  it("refuses until the guest listens, when it listens no longer, and takes it again", async () => {
    const port = await freePort();
    k = new NetKernel({ publish: new Map([[80, { host: "127.0.0.1", port }]]) });
    await k.device.bindAll();
    expect(k.device.hostPort(80)).toBe(port);
    expect(await dial(port)).toBe("ECONNREFUSED");
    for (let round = 0; round < 3; round++) {
      const [fd] = bound(80);
      expect(sys_listen(k, fd, 8)).toBe(0);
      await k.device.listening([80]);
      expect(await dial(port)).toBe("connected");
      k.fds.close(k, fd);
      await tick();
      expect(await dial(port)).toBe("ECONNREFUSED");
    }
    const [fd] = bound(80); // and whoever changes his mind at once
    sys_listen(k, fd, 8);
    k.fds.close(k, fd);
    for (let i = 0; i < 10; i++) await tick();
    expect(await dial(port)).toBe("ECONNREFUSED");
  });

  it("is not listened on when it is tried: who is let in would be cut off", async () => {
    const port = await freePort();
    const listen = vi.spyOn(Server.prototype, "listen");
    try {
      k = new NetKernel({ publish: new Map([[80, { host: "127.0.0.1", port }]]) });
      await k.device.bindAll();
      expect(listen).not.toHaveBeenCalled();
      sys_listen(k, bound(80)[0], 8);
      await k.device.listening([80]);
      expect(listen).toHaveBeenCalledTimes(1);
    } finally {
      listen.mockRestore();
    }
  });

  it("that is published twice is refused, and so is a host that is none", async () => {
    const port = await freePort();
    const address = { host: "127.0.0.1", port };
    k = new NetKernel({
      publish: new Map([
        [80, address],
        [81, address],
      ]),
    });
    await expect(k.device.bindAll()).rejects.toThrow(`port ${port} of 127.0.0.1 is published twice`);
    k.stop();
    k = new NetKernel({ publish: new Map([[80, { host: "192.0.2.1", port }]]) });
    await expect(k.device.bindAll()).rejects.toThrow("192.0.2.1 is no address of this host");
  });

  it("that somebody has taken meanwhile is logged", async () => {
    const port = await freePort();
    k = new NetKernel({ publish: new Map([[80, { host: "127.0.0.1", port }]]) });
    await k.device.bindAll();
    const thief = createServer();
    await new Promise<void>((resolve) => thief.listen(port, "127.0.0.1", resolve));
    sys_listen(k, bound(80)[0], 8);
    await k.until(() => k.lines.length > 0, "a line");
    expect(k.lines[0]).toContain(`port ${port} of 127.0.0.1 is in use`);
    thief.close();
  });
});

describe("datagrams", () => {
  it("go to another socket of the machine, whole or cut", () => {
    k = new NetKernel();
    const [a] = bound(5000, SOCK_DGRAM);
    const [b] = bound(5001, SOCK_DGRAM);
    k.mem.u8.set(Buffer.from("datagram"), BUFFER);
    expect(sys_sendto(k, a, BUFFER, 8, 0, ADDRESS, putAddress(k, 5001))).toBe(8);
    expect(sys_sendto(k, a, BUFFER, 70000, 0, ADDRESS, putAddress(k, 5001))).toBe(-EMSGSIZE);
    expect((k.fds.get(b) as File).poll(k) & POLLIN).toBe(POLLIN);
    k.mem.setU32(LENGTH, 16);
    expect(sys_recvfrom(k, b, BUFFER + 100, 4, MSG_TRUNC, BUFFER + 200, LENGTH)).toBe(8);
    expect(Buffer.from(k.mem.u8.slice(BUFFER + 100, BUFFER + 104)).toString()).toBe("data");
    expect([...k.mem.u8.slice(BUFFER + 202, BUFFER + 208)]).toEqual([5000 >> 8, 5000 & 255, 127, 0, 0, 1]);
    expect(sys_recvfrom(k, b, BUFFER, 4, 0, 0, 0)).toBe(-EAGAIN);
    expect(sys_listen(k, a, 1)).toBe(-EOPNOTSUPP);
  });

  it("go to the host and come back", async () => {
    k = new NetKernel();
    const server = createSocket("udp4");
    server.on("message", (bytes, from) =>
      server.send(Buffer.from(bytes.toString().toUpperCase()), from.port, from.address),
    );
    await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
    const { port } = server.address();
    const fd = sys_socket(k, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    expect(sys_connect(k, fd, ADDRESS, putAddress(k, port))).toBe(0);
    k.mem.u8.set(Buffer.from("ping"), BUFFER);
    expect(sys_sendto(k, fd, BUFFER, 4, 0, 0, 0)).toBe(4);
    await k.until(() => ((k.fds.get(fd) as File).poll(k) & POLLIN) !== 0, "the answer");
    expect(sys_recvfrom(k, fd, BUFFER, 100, 0, 0, 0)).toBe(4);
    expect(Buffer.from(k.mem.u8.slice(BUFFER, BUFFER + 4)).toString()).toBe("PING");
    server.close();
    await tick();
  });
});
