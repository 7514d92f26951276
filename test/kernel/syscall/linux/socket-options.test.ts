/**
 * getsockopt and setsockopt as servers use them: what is set is what is found, in the forms that programs have, and errors are Linux'.
 */
import { beforeEach, describe, expect, it } from "vitest";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IP_MTU_DISCOVER,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_PASSCRED,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_RCVTIMEO_NEW,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDLOWAT,
  SO_SNDTIMEO,
  SO_SNDTIMEO_NEW,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_DEFER_ACCEPT,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
  TCP_QUICKACK,
  TCP_USER_TIMEOUT,
} from "../../../../kernel/abi/socket.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { LinuxMachine } from "../../process/linux-fixture.ts";
import { DATA, inetAddress, OUTSIDE, SocketGuest, unixAddress } from "./socket-guest.ts";

let m: LinuxMachine;
let g: SocketGuest;
let tcp: number;

beforeEach(() => {
  m = new LinuxMachine();
  g = new SocketGuest(m);
  tcp = g.must("socket", AF_INET, SOCK_STREAM, 0);
});

function set(fd: number, level: number, name: number, ...words: number[]): number | string {
  words.forEach((word, i) => void g.mem.setU32(DATA + i * 4, word));
  return g.call("setsockopt", fd, level, name, DATA, words.length * 4);
}

function get(fd: number, level: number, name: number, room = 4): number[] | string {
  g.mem.setU32(DATA + 64, room);
  const result = g.call("getsockopt", fd, level, name, DATA, DATA + 64);
  if (typeof result === "string") return result;
  return Array.from({ length: g.mem.getU32(DATA + 64) / 4 }, (_, i) => g.mem.getI32(DATA + i * 4));
}

describe("options of a TCP socket", () => {
  it.each([
    ["TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 5, 1],
    ["TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 300, 300],
    ["TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 100, 100],
    ["TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 3, 3],
    ["TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 30000, 30000],
    ["TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT, 1, 1],
    ["TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK, 0, 0],
    ["SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1, 1],
    ["SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, -1, 1],
    ["SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1, 1],
    ["SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 10000, 20000],
    ["SO_RCVBUF, too little", SOL_SOCKET, SO_RCVBUF, 1, 2304],
    ["SO_SNDBUF, too little", SOL_SOCKET, SO_SNDBUF, 1, 4608],
    ["SO_SNDBUF, too much", SOL_SOCKET, SO_SNDBUF, 1_000_000, 425984],
    ["IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, 2, 2],
    ["IP_TTL", IPPROTO_IP, IP_TTL, 10, 10],
  ])("%s is found as it was set", (_name, level, name, given, found) => {
    expect(set(tcp, level, name, given)).toBe(0);
    expect(get(tcp, level, name)).toEqual([found]);
  });

  it("tells what it is", () => {
    expect(get(tcp, SOL_SOCKET, SO_TYPE)).toEqual([SOCK_STREAM]);
    expect(get(tcp, SOL_SOCKET, SO_DOMAIN)).toEqual([AF_INET]);
    expect(get(tcp, SOL_SOCKET, SO_PROTOCOL)).toEqual([IPPROTO_TCP]);
    expect(get(tcp, SOL_SOCKET, SO_ACCEPTCONN)).toEqual([0]);
    expect(get(tcp, SOL_SOCKET, SO_ERROR)).toEqual([0]);
    expect(get(tcp, SOL_SOCKET, SO_SNDLOWAT)).toEqual([1]);
    g.must("bind", tcp, inetAddress(0), 16);
    g.must("listen", tcp, 1);
    expect(get(tcp, SOL_SOCKET, SO_ACCEPTCONN)).toEqual([1]);
  });

  it("SO_LINGER is a pair", () => {
    expect(set(tcp, SOL_SOCKET, SO_LINGER, 1, 5)).toBe(0);
    expect(get(tcp, SOL_SOCKET, SO_LINGER, 8)).toEqual([1, 5]);
    expect(set(tcp, SOL_SOCKET, SO_LINGER, 1)).toBe("EINVAL");
  });

  it("answers what does not exist, cannot be set, or is out of range", () => {
    expect(set(tcp, SOL_SOCKET, 9999, 1)).toBe("ENOPROTOOPT");
    expect(get(tcp, SOL_SOCKET, 9999)).toBe("ENOPROTOOPT");
    expect(set(tcp, 9999, 1, 1)).toBe("ENOPROTOOPT");
    expect(set(tcp, IPPROTO_TCP, 9999, 1)).toBe("ENOPROTOOPT");
    expect(set(tcp, IPPROTO_IP, 9999, 1)).toBe("ENOPROTOOPT");
    expect(set(tcp, IPPROTO_IPV6, IPV6_V6ONLY, 1)).toBe("ENOPROTOOPT");
    for (const name of [SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN, SO_SNDLOWAT])
      expect(set(tcp, SOL_SOCKET, name, 1), String(name)).toBe("ENOPROTOOPT");
    for (const [name, value] of [
      [TCP_KEEPIDLE, 0],
      [TCP_KEEPINTVL, 32768],
      [TCP_KEEPCNT, 128],
      [TCP_USER_TIMEOUT, -1],
    ] as const) {
      expect(set(tcp, IPPROTO_TCP, name, value), String(name)).toBe("EINVAL");
    }
    expect(g.call("setsockopt", tcp, IPPROTO_TCP, TCP_NODELAY, DATA, 3)).toBe("EINVAL");
    expect(g.call("setsockopt", tcp, IPPROTO_TCP, TCP_NODELAY, DATA, -1)).toBe("EINVAL");
    expect(g.call("setsockopt", tcp, IPPROTO_TCP, TCP_NODELAY, OUTSIDE, 4)).toBe("EFAULT");
    expect(g.call("getsockopt", tcp, SOL_SOCKET, SO_TYPE, DATA, OUTSIDE)).toBe("EFAULT");
    expect(g.call("setsockopt", 99, SOL_SOCKET, SO_KEEPALIVE, DATA, 4)).toBe("EBADF");
    expect(g.call("setsockopt", 0, SOL_SOCKET, SO_KEEPALIVE, DATA, 4)).toBe("ENOTSOCK");
  });
});

describe("options of other sockets", () => {
  it("IPV6_V6ONLY before bind only", () => {
    const six = g.must("socket", AF_INET6, SOCK_STREAM, 0);
    expect(set(six, IPPROTO_IPV6, IPV6_V6ONLY, 1)).toBe(0);
    expect(get(six, IPPROTO_IPV6, IPV6_V6ONLY)).toEqual([1]);
    g.must("bind", six, Uint8Array.from([10, 0, ...new Array(26).fill(0)]), 28);
    expect(set(six, IPPROTO_IPV6, IPV6_V6ONLY, 0)).toBe("EINVAL");
  });

  it("AF_UNIX has those of SOL_SOCKET and no others", () => {
    const unix = g.must("socket", AF_UNIX, SOCK_STREAM, 0);
    expect(set(unix, IPPROTO_TCP, TCP_NODELAY, 1)).toBe("EOPNOTSUPP");
    expect(get(unix, IPPROTO_TCP, TCP_NODELAY)).toBe("EOPNOTSUPP");
    expect(set(unix, SOL_SOCKET, SO_PASSCRED, 1)).toBe(0);
    expect(get(unix, SOL_SOCKET, SO_PASSCRED)).toEqual([1]);
    expect(get(unix, SOL_SOCKET, SO_PROTOCOL)).toEqual([0]);
    expect(set(unix, SOL_SOCKET, SO_REUSEADDR, 1)).toBe(0);
  });

  it("UDP has none of TCP", () => {
    const udp = g.must("socket", AF_INET, SOCK_DGRAM, 0);
    expect(set(udp, IPPROTO_TCP, TCP_NODELAY, 1)).toBe("ENOPROTOOPT");
    expect(get(udp, SOL_SOCKET, SO_PROTOCOL)).toEqual([17]);
  });

  it("what is accepted has its listener's", () => {
    const listener = g.must("socket", AF_UNIX, SOCK_STREAM, 0);
    const name = unixAddress("\0l");
    g.must("bind", listener, name, name.length);
    g.must("listen", listener, 1);
    set(listener, SOL_SOCKET, SO_KEEPALIVE, 1);
    const client = g.must("socket", AF_UNIX, SOCK_STREAM, 0);
    g.must("connect", client, name, name.length);
    expect(get(g.must("accept4", listener, 0, 0, 0), SOL_SOCKET, SO_KEEPALIVE)).toEqual([1]);
  });
});

describe("timeouts", () => {
  it("in 64-bit and in old form, under old and new names", () => {
    expect(set(tcp, SOL_SOCKET, SO_RCVTIMEO, 2, 0, 500_000, 0)).toBe(0);
    expect(get(tcp, SOL_SOCKET, SO_RCVTIMEO_NEW, 16)).toEqual([2, 0, 500_000, 0]);
    expect(get(tcp, SOL_SOCKET, SO_RCVTIMEO, 8)).toEqual([2, 500_000]);
    expect(set(tcp, SOL_SOCKET, SO_SNDTIMEO, 1, 250_000)).toBe(0);
    expect(get(tcp, SOL_SOCKET, SO_SNDTIMEO_NEW, 16)).toEqual([1, 0, 250_000, 0]);
    expect(set(tcp, SOL_SOCKET, SO_SNDTIMEO_NEW, 1, 0, 0, 0)).toBe(0);
    expect(get(tcp, SOL_SOCKET, SO_SNDTIMEO, 16)).toEqual([1, 0, 0, 0]);
    expect(set(tcp, SOL_SOCKET, SO_SNDTIMEO_NEW, 1, 0)).toBe("EINVAL");
    expect(set(tcp, SOL_SOCKET, SO_RCVTIMEO, 1, 0, 1_000_000, 0)).toBe("EDOM");
    expect(set(tcp, SOL_SOCKET, SO_RCVTIMEO, 1, 1_000_000)).toBe("EDOM");
    expect(set(tcp, SOL_SOCKET, SO_RCVTIMEO, 1)).toBe("EINVAL");
  });

  it("end a wait with EAGAIN; zero means for ever", () => {
    const [a, b] = g.pair(SOCK_STREAM);
    set(a, SOL_SOCKET, SO_RCVTIMEO, 0, 0, 500_000, 0);
    expect(g.t.call("recvfrom", a, DATA, 1, 0, 0, 0)).toBe(WOULD_BLOCK);
    m.advance(400);
    expect(g.t.parked).toBe(true);
    m.advance(200);
    expect(g.t.result).toBe(-11);
    expect(set(b, SOL_SOCKET, SO_RCVTIMEO, 0, 0, 0, 0)).toBe(0);
    expect(g.t.call("read", b, DATA, 1)).toBe(WOULD_BLOCK);
    m.advance(1e9);
    expect(g.t.parked).toBe(true);
  });
});
