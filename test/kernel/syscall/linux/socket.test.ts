/**
 * Sockets as Linux programs make and use them, beside messages, options and names, which have tests of their own: kinds, accept's flags,
 * ioctl, shutdown, connecting without waiting.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { FIONBIO, FIONREAD, SIOCATMARK, TIOCOUTQ } from "../../../../kernel/abi/ioctl.ts";
import { EPOLL_CTL_ADD, POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../../../kernel/abi/poll.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  SHUT_RD,
  SHUT_WR,
  SO_ERROR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../../../kernel/abi/socket.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { LinuxMachine } from "../../process/linux-fixture.ts";
import { DATA, inetAddress, OUTSIDE, SocketGuest } from "./socket-guest.ts";

const F_GETFD = 1;
const F_GETFL = 3;
const O_NONBLOCK = 0o4000;

let m: LinuxMachine;
let g: SocketGuest;

beforeEach(() => {
  m = new LinuxMachine();
  g = new SocketGuest(m);
});

/** An int at DATA. */
function given(value: number): number {
  g.mem.setU32(DATA, value);
  return DATA;
}

function ioctl(fd: number, request: number): number | string {
  const result = g.call("ioctl", fd, request, DATA);
  return result === 0 ? g.mem.getI32(DATA) : result;
}

function socketError(fd: number): number {
  g.mem.setU32(DATA + 4, 4);
  g.must("getsockopt", fd, SOL_SOCKET, SO_ERROR, DATA, DATA + 4);
  return g.mem.getI32(DATA);
}

function listener(port: number, flags = 0): number {
  const fd = g.must("socket", AF_INET, SOCK_STREAM | flags, 0);
  g.must("bind", fd, inetAddress(port), 16);
  g.must("listen", fd, 5);
  return fd;
}

function connected(port: number): number {
  const fd = g.must("socket", AF_INET, SOCK_STREAM, 0);
  g.must("connect", fd, inetAddress(port), 16);
  return fd;
}

describe("kinds of sockets", () => {
  it.each([
    [AF_INET, SOCK_STREAM, 6],
    [AF_INET, SOCK_DGRAM, 17],
    [AF_INET6, SOCK_STREAM, 0],
    [AF_UNIX, SOCK_STREAM, 0],
    [AF_UNIX, SOCK_DGRAM, 1],
    [AF_UNIX, SOCK_SEQPACKET, 0],
  ])("domain %i, type %i, protocol %i", (domain, type, protocol) => {
    const fd = g.must("socket", domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    expect(g.call("fcntl", fd, F_GETFD, 0)).toBe(1);
    expect((g.must("fcntl", fd, F_GETFL, 0) & O_NONBLOCK) !== 0).toBe(true);
  });

  it.each([
    [AF_INET, SOCK_STREAM, 17, "EPROTONOSUPPORT"],
    [AF_INET, SOCK_SEQPACKET, 0, "ESOCKTNOSUPPORT"],
    [AF_INET, 3, 0, "ESOCKTNOSUPPORT"],
    [AF_UNIX, SOCK_STREAM, 6, "EPROTONOSUPPORT"],
    [AF_UNIX, SOCK_SEQPACKET, 2, "EPROTONOSUPPORT"],
    [16, SOCK_DGRAM, 0, "EAFNOSUPPORT"],
    [AF_INET, SOCK_STREAM | 0x100, 0, "EINVAL"],
  ])("not domain %i, type %i, protocol %i", (domain, type, protocol, expected) => {
    expect(g.call("socket", domain, type, protocol)).toBe(expected);
  });

  it("pairs are AF_UNIX's, of every type", () => {
    expect(g.call("socketpair", AF_INET, SOCK_STREAM, 0, DATA)).toBe("EOPNOTSUPP");
    expect(g.call("socketpair", AF_UNIX, SOCK_STREAM, 0, OUTSIDE)).toBe("EFAULT");
    for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) {
      const [a, b] = g.pair(type | SOCK_CLOEXEC);
      expect(g.call("fcntl", b, F_GETFD, 0)).toBe(1);
      expect(g.send(b, "back")).toBe(4);
      expect(g.receive(a).text).toBe("back");
    }
  });
});

describe("accept", () => {
  it("waits; accept4 sets the flags that are asked for, accept none", () => {
    const fd = listener(80);
    expect(g.t.call("accept", fd, 0, 0)).toBe(WOULD_BLOCK);
    const other = new SocketGuest(m);
    const client = other.must("socket", AF_INET, SOCK_STREAM, 0);
    other.must("connect", client, inetAddress(80), 16);
    m.run();
    const first = g.t.result as number;
    expect(g.must("fcntl", first, F_GETFL, 0) & O_NONBLOCK).toBe(0);
    connected(80);
    const second = g.must("accept4", fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    expect(g.must("fcntl", second, F_GETFL, 0) & O_NONBLOCK).toBe(O_NONBLOCK);
    expect(g.call("fcntl", second, F_GETFD, 0)).toBe(1);
    expect(g.call("accept4", fd, 0, 0, 1)).toBe("EINVAL");
    expect(g.call("accept", client, 0, 0)).toBe("EINVAL");
  });

  it("refuses an address that cannot be written, and keeps the connection", () => {
    const fd = listener(80, SOCK_NONBLOCK);
    connected(80);
    g.mem.setU32(DATA, 16);
    expect(g.call("accept", fd, OUTSIDE, DATA)).toBe("EFAULT");
    expect(g.call("accept", fd, DATA + 16, OUTSIDE)).toBe("EFAULT");
    g.mem.setU32(DATA, 0x80000000);
    expect(g.call("accept", fd, DATA + 16, DATA)).toBe("EINVAL");
    expect(g.call("accept", fd, 0, 0)).toBeGreaterThan(0);
  });
});

describe("ioctl", () => {
  it("FIONREAD: bytes of a stream, of the next datagram, of the next packet", () => {
    for (const [type, expected] of [
      [SOCK_STREAM, 8],
      [SOCK_DGRAM, 3],
      [SOCK_SEQPACKET, 3],
    ] as const) {
      const [a, b] = g.pair(type);
      expect(ioctl(b, FIONREAD)).toBe(0);
      g.send(a, "one");
      g.send(a, "three");
      expect(ioctl(b, FIONREAD), String(type)).toBe(expected);
    }
    expect(ioctl(listener(80), FIONREAD)).toBe("EINVAL");
  });

  it("TIOCOUTQ, SIOCATMARK, FIONBIO", () => {
    const [a, b] = g.pair(SOCK_STREAM);
    g.send(a, "12345");
    expect(ioctl(a, TIOCOUTQ)).toBe(5);
    g.receive(b);
    expect(ioctl(a, TIOCOUTQ)).toBe(0);
    expect(ioctl(a, SIOCATMARK)).toBe("EINVAL");
    const fd = listener(80);
    expect(ioctl(connected(80), SIOCATMARK)).toBe(0);
    g.call("accept", fd, 0, 0);
    given(1);
    expect(g.call("ioctl", fd, FIONBIO, DATA)).toBe(0);
    expect(g.call("accept", fd, 0, 0)).toBe("EAGAIN");
    expect(g.call("ioctl", a, FIONREAD, OUTSIDE)).toBe("EFAULT");
    expect(g.call("ioctl", a, 0x5401, DATA)).toBe("ENOTTY");
  });
});

describe("shutdown", () => {
  it("ends one direction; the other goes on", () => {
    const [a, b] = g.pair(SOCK_STREAM);
    expect(g.call("shutdown", a, SHUT_WR)).toBe(0);
    expect(g.receive(b).result).toBe(0);
    expect(g.send(b, "still")).toBe(5);
    expect(g.receive(a).text).toBe("still");
    expect(g.call("shutdown", a, SHUT_RD)).toBe(0);
    expect(g.receive(a).result).toBe(0);
    expect(g.call("shutdown", a, 3)).toBe("EINVAL");
    expect(g.call("shutdown", g.must("socket", AF_INET, SOCK_STREAM, 0), SHUT_WR)).toBe("ENOTCONN");
  });
});

describe("connecting without waiting", () => {
  it("inside the machine it is done at once; epoll tells", () => {
    listener(80);
    const fd = g.must("socket", AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const epfd = g.must("epoll_create1", 0);
    g.must("epoll_ctl", epfd, EPOLL_CTL_ADD, fd, Uint8Array.of(POLLIN | POLLOUT, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0));
    expect(g.call("connect", fd, inetAddress(80), 16)).toBe(0);
    expect(g.call("epoll_wait", epfd, DATA, 4, 0)).toBe(1);
    expect(g.mem.getU32(DATA)).toBe(POLLOUT);
    expect(g.call("connect", fd, inetAddress(80), 16)).toBe("EISCONN");
  });

  it("what the host refuses is told by poll and by SO_ERROR, once", () => {
    const fd = g.must("socket", AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    expect(g.call("connect", fd, inetAddress(81), 16)).toBe("EINPROGRESS");
    expect(g.call("connect", fd, inetAddress(81), 16)).toBe("EALREADY");
    m.run();
    g.mem.setU32(DATA, fd);
    g.mem.setU32(DATA + 4, POLLOUT);
    expect(g.call("poll", DATA, 1, 0)).toBe(1);
    expect(g.mem.getU16(DATA + 6) & (POLLERR | POLLHUP)).toBe(POLLERR | POLLHUP);
    expect(socketError(fd)).toBe(111);
    expect(socketError(fd)).toBe(0);
  });

  it("a blocking connect waits for the answer", () => {
    const fd = g.must("socket", AF_INET, SOCK_STREAM, 0);
    expect(g.t.call("connect", fd, inetAddress(81), 16)).toBe(WOULD_BLOCK);
    m.run();
    expect(g.t.result).toBe(-111);
  });
});
