/**
 * sendmsg, recvmsg, sendmmsg, recvmmsg: pieces, truncation, files and credentials that travel, and what is refused, in Linux' order.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { O_CREAT, O_RDWR } from "../../../../kernel/abi/fcntl.ts";
import {
  AF_INET,
  AF_UNIX,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SO_PASSCRED,
  SO_PEERCRED,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../../../kernel/abi/socket.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { LinuxMachine } from "../../process/linux-fixture.ts";
import { CONTROL, DATA, HEADER, IOV, inetAddress, OUTSIDE, SocketGuest, unixAddress } from "./socket-guest.ts";

let m: LinuxMachine;
let g: SocketGuest;

beforeEach(() => {
  m = new LinuxMachine();
  g = new SocketGuest(m);
  g.must("rt_sigaction", 13, Uint8Array.of(0xfe, 0xff, 0xff, 0xff, ...new Array(20).fill(0)), 0, 8); // SIGPIPE: SIG_IGN
});

function setOption(fd: number, name: number, value: number): void {
  g.must("setsockopt", fd, SOL_SOCKET, name, Uint8Array.of(value, 0, 0, 0), 4);
}

function openFile(path = "/f"): number {
  return g.must("openat", -100, path, O_RDWR | O_CREAT, 0o600);
}

describe("pieces", () => {
  it("of a stream are one run of bytes, both ways", () => {
    const [a, b] = g.pair(SOCK_STREAM);
    expect(g.send(a, { pieces: ["he", "", "llo ", "world"] })).toBe(11);
    expect(g.receive(b, { pieces: [3, 0, 3, 100] })).toMatchObject({ result: 11, text: "hello world", flags: 0 });
    expect(g.send(a, "abcdef")).toBe(6);
    expect(g.receive(b, { pieces: [1, 2] }).text).toBe("abc");
    expect(g.receive(b, { pieces: [1, 1, 100] }).text).toBe("def");
  });

  it.each([
    ["AF_UNIX datagrams", SOCK_DGRAM],
    ["sequenced packets", SOCK_SEQPACKET],
  ])("of %s are one message; what does not fit is gone", (_name, type) => {
    const [a, b] = g.pair(type | SOCK_NONBLOCK);
    expect(g.send(a, { pieces: ["one ", "message"] })).toBe(11);
    expect(g.send(a, "two")).toBe(3);
    expect(g.send(a, { pieces: [] })).toBe(0);
    expect(g.receive(b, { pieces: [2, 5] }, MSG_PEEK)).toMatchObject({ result: 7, text: "one mes", flags: MSG_TRUNC });
    expect(g.receive(b, { pieces: [2, 5] }, MSG_TRUNC)).toMatchObject({ result: 11, flags: MSG_TRUNC });
    expect(g.receive(b)).toMatchObject({ result: 3, text: "two", flags: 0 });
    expect(g.receive(b)).toMatchObject({ result: 0, flags: 0 });
    expect(g.receive(b).result).toBe("EAGAIN");
  });

  it("of a UDP datagram go out as one, and come with the sender's address", () => {
    const a = g.must("socket", AF_INET, SOCK_DGRAM, 0);
    const b = g.must("socket", AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    g.must("bind", b, inetAddress(5000), 16);
    g.must("bind", a, inetAddress(5001), 16);
    expect(g.send(a, { name: inetAddress(5000), pieces: ["data", "gram"] })).toBe(8);
    const seen = g.receive(b, { name: 128, pieces: [3, 10] });
    expect(seen).toMatchObject({ result: 8, text: "datagram", nameLength: 16 });
    expect([...seen.name]).toEqual([...inetAddress(5001)]);
    g.send(a, { name: inetAddress(5000), pieces: ["x"] });
    expect(g.receive(b, { name: 4, pieces: [10] }).nameLength).toBe(16); // the full length, of an address that was cut
  });

  it("of readv and writev are one message as well", () => {
    const [a, b] = g.pair(SOCK_DGRAM);
    g.header({ pieces: ["ab", "cd"] });
    expect(g.call("writev", a, IOV, 2)).toBe(4);
    g.header({ pieces: [3, 10] });
    expect(g.call("readv", b, IOV, 2)).toBe(4);
    expect(m.text(DATA, 3) + m.text(DATA + 3 + 16, 1)).toBe("abcd");
  });
});

describe("waiting", () => {
  it("a receive waits for its message, and MSG_WAITALL for all of it", () => {
    const [a, b] = g.pair(SOCK_STREAM);
    const reader = new SocketGuest(m);
    const message = { pieces: [4, 4], control: 64 };
    const header = g.header(message);
    expect(reader.t.call("recvmsg", b, header, MSG_WAITALL)).toBe(WOULD_BLOCK);
    m.put(DATA + 0x1000, "abcdefghij");
    g.must("sendto", a, DATA + 0x1000, 5, 0, 0, 0);
    m.run();
    expect(reader.t.parked).toBe(true);
    g.must("sendto", a, DATA + 0x1000 + 5, 5, 0, 0, 0);
    m.run();
    expect(reader.t.result).toBe(8);
    expect(reader.seen(8, message)).toMatchObject({ text: "abcdefgh", controlLength: 0, flags: 0 });
  });

  it("a long send of a stream goes on as there is room, across its pieces", () => {
    const [a, b] = g.pair(SOCK_STREAM);
    const writer = new SocketGuest(m);
    const size = 150_000;
    for (let i = 0; i < 2 * size; i++) g.mem.u8[DATA + i] = i % 251;
    for (const [i, at] of [0, size].entries()) {
      g.mem.setU32(IOV + i * 8, DATA + at);
      g.mem.setU32(IOV + i * 8 + 4, size);
    }
    g.mem.u8.fill(0, HEADER, HEADER + 36);
    g.mem.setU32(HEADER + 8, IOV);
    g.mem.setU32(HEADER + 12, 2);
    expect(writer.t.call("sendmsg", a, HEADER, 0)).toBe(WOULD_BLOCK);
    let at = 0;
    const into = DATA + 2 * size;
    while (at < 2 * size) {
      const count = g.must("read", b, into, 40_000);
      for (let i = 0; i < count; i += 97) expect(g.mem.u8[into + i]).toBe((at + i) % 251);
      at += count;
      m.run();
    }
    expect(writer.t.result).toBe(2 * size);
    expect(g.call("recvfrom", b, into, 1, MSG_DONTWAIT, 0, 0)).toBe("EAGAIN");
  });
});

describe("SCM_RIGHTS", () => {
  it.each([
    ["streams", SOCK_STREAM],
    ["datagrams", SOCK_DGRAM],
    ["sequenced packets", SOCK_SEQPACKET],
  ])("passes open files over %s: the same open file, under a new number", (_name, type) => {
    const [a, b] = g.pair(type);
    const fd = openFile();
    expect(g.send(a, { pieces: ["x"], control: [{ type: SCM_RIGHTS, words: [fd, a] }] })).toBe(1);
    g.must("close", fd);
    m.put(DATA, "hello");
    const seen = g.receive(b);
    expect(seen).toMatchObject({ result: 1, text: "x", flags: 0, controlLength: 24 });
    expect(seen.control).toMatchObject([{ type: SCM_RIGHTS }]);
    const [file = -1, socket = -1] = seen.control[0]?.words ?? [];
    m.put(DATA, "hello");
    expect(g.call("write", file, DATA, 5)).toBe(5);
    expect(g.call("lseek", file, 0, 1)).toBe(5);
    expect(g.call("fcntl", file, 1, 0)).toBe(0);
    expect(g.call("write", socket, DATA, 1)).toBe(1);
  });

  it("to another process", () => {
    const [a, b] = g.pair(SOCK_STREAM);
    const child = new SocketGuest(m, m.thread(m.fork()));
    const fd = openFile();
    g.send(a, { pieces: ["x"], control: [{ type: SCM_RIGHTS, words: [fd] }] });
    const seen = child.receive(b);
    const passed = seen.control[0]?.words[0] as number;
    expect(child.call("lseek", passed, 7, 0)).toBe(7);
    expect(g.call("lseek", fd, 0, 1)).toBe(7);
  });

  it("sets close-on-exec where the receiver asks for it", () => {
    const [a, b] = g.pair(SOCK_STREAM);
    g.send(a, { pieces: ["x"], control: [{ type: SCM_RIGHTS, words: [openFile()] }] });
    const seen = g.receive(b, undefined, MSG_CMSG_CLOEXEC);
    expect(g.call("fcntl", seen.control[0]?.words[0] as number, 1, 0)).toBe(1);
  });

  it("ends a receive of a stream behind the bytes it came with", () => {
    const [a, b] = g.pair(SOCK_STREAM);
    g.send(a, "before ");
    g.send(a, { pieces: ["with"], control: [{ type: SCM_RIGHTS, words: [a] }] });
    g.send(a, " after");
    const first = g.receive(b);
    expect(first.text).toBe("before with");
    expect(first.control).toHaveLength(1);
    expect(g.receive(b)).toMatchObject({ text: " after", controlLength: 0 });
  });

  it("comes with the first of the bytes, once, however they are read", () => {
    const [a, b] = g.pair(SOCK_STREAM);
    g.send(a, { pieces: ["abcd"], control: [{ type: SCM_RIGHTS, words: [a] }] });
    expect(g.receive(b, { pieces: [2], control: 256 }).control).toHaveLength(1);
    expect(g.receive(b)).toMatchObject({ text: "cd", controlLength: 0 });
  });

  it("is shown to a peek, which gets descriptors of its own", () => {
    const [a, b] = g.pair(SOCK_DGRAM);
    const [readFd, writeFd] = pipe();
    g.send(a, { pieces: ["x"], control: [{ type: SCM_RIGHTS, words: [writeFd] }] });
    g.must("close", writeFd);
    const peeked = g.receive(b, undefined, MSG_PEEK).control[0]?.words[0] as number;
    const taken = g.receive(b).control[0]?.words[0] as number;
    expect(peeked).not.toBe(taken);
    g.must("close", taken);
    g.must("close", peeked);
    expect(g.call("read", readFd, DATA, 1)).toBe(0); // nobody holds the writer any more
  });

  it.each([
    ["read(2) takes the bytes", (b: number) => g.must("read", b, DATA, 1)],
    ["there is no room for it", (b: number) => void g.receive(b, { pieces: [1] })],
    ["the receiver closes", (b: number) => g.must("close", b)],
  ])("is let go of where %s", (_name, take) => {
    for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) {
      const [a, b] = g.pair(type);
      const [readFd, writeFd] = pipe();
      g.send(a, { pieces: ["x"], control: [{ type: SCM_RIGHTS, words: [writeFd] }] });
      g.must("close", writeFd);
      expect(g.call("read", readFd, DATA, 1)).toBe("EAGAIN");
      take(b);
      expect(g.call("read", readFd, DATA, 1)).toBe(0);
    }
  });

  it("is cut to the room there is, and says so", () => {
    const [a, b] = g.pair(SOCK_STREAM);
    g.send(a, { pieces: ["x"], control: [{ type: SCM_RIGHTS, words: [a, a, a] }] });
    const seen = g.receive(b, { pieces: [1], control: 24 });
    expect(seen.flags).toBe(MSG_CTRUNC);
    expect(seen.control[0]?.words).toHaveLength(2);
    g.send(a, { pieces: ["x"], control: [{ type: SCM_RIGHTS, words: [a] }] });
    expect(g.receive(b, { pieces: [1], control: 19 })).toMatchObject({ flags: MSG_CTRUNC, controlLength: 0 });
  });

  it("refuses what is no descriptor, and too many; nothing is sent then", () => {
    const [a, b] = g.pair(SOCK_STREAM | SOCK_NONBLOCK);
    const send = (words: number[]): number | string =>
      g.send(a, { pieces: ["x"], control: [{ type: SCM_RIGHTS, words }] });
    expect(send([99])).toBe("EBADF");
    expect(send([-1])).toBe("EBADF");
    expect(send(new Array(254).fill(a))).toBe("EINVAL");
    expect(g.receive(b).result).toBe("EAGAIN");
    expect(send(new Array(253).fill(a))).toBe(1);
    expect(g.receive(b, { pieces: [1], control: 2048 }).control[0]?.words).toHaveLength(253);
  });

  function pipe(): [number, number] {
    g.must("pipe2", HEADER, 0o4000);
    return [g.mem.getU32(HEADER), g.mem.getU32(HEADER + 4)];
  }
});

describe("credentials", () => {
  it("SO_PEERCRED names the process at the other end of a pair and of a connection", () => {
    const child = new SocketGuest(m, m.thread(m.fork()));
    const peer = (guest: SocketGuest, fd: number): number[] => {
      guest.mem.setU32(DATA + 12, 12);
      expect(guest.call("getsockopt", fd, SOL_SOCKET, SO_PEERCRED, DATA, DATA + 12)).toBe(0);
      expect(guest.mem.getU32(DATA + 12)).toBe(12);
      return [0, 4, 8].map((at) => guest.mem.getI32(DATA + at));
    };
    const [a] = g.pair(SOCK_STREAM);
    expect(peer(g, a)).toEqual([1, 0, 0]);
    const listener = g.must("socket", AF_UNIX, SOCK_STREAM, 0);
    g.must("bind", listener, unixAddress("\0name"), 7);
    g.must("listen", listener, 5);
    const client = child.must("socket", AF_UNIX, SOCK_STREAM, 0);
    child.must("connect", client, unixAddress("\0name"), 7);
    const served = g.must("accept", listener, 0, 0);
    expect(peer(g, served)).toEqual([child.t.process.pid, 0, 0]);
    expect(peer(child, client)).toEqual([1, 0, 0]);
    expect(peer(g, g.must("socket", AF_INET, SOCK_STREAM, 0))).toEqual([0, -1, -1]);
  });

  it.each([
    ["streams", SOCK_STREAM],
    ["datagrams", SOCK_DGRAM],
  ])("come with every message over %s once SO_PASSCRED is set; a sender may give its own", (_name, type) => {
    const [a, b] = g.pair(type);
    const child = new SocketGuest(m, m.thread(m.fork()));
    g.send(a, "before");
    setOption(b, SO_PASSCRED, 1);
    child.send(a, "child");
    g.send(a, { pieces: ["own"], control: [{ type: SCM_CREDENTIALS, words: [1, 0, 0] }] });
    expect(g.receive(b)).toMatchObject({
      text: "before",
      control: [{ type: SCM_CREDENTIALS, words: [0, 65534, 65534] }],
    });
    expect(g.receive(b)).toMatchObject({ text: "child", control: [{ words: [child.t.process.pid, 0, 0] }] });
    expect(g.receive(b)).toMatchObject({ text: "own", control: [{ words: [1, 0, 0] }] });
  });

  it("come before files, both in one message", () => {
    const [a, b] = g.pair(SOCK_DGRAM);
    setOption(b, SO_PASSCRED, 1);
    g.send(a, { pieces: ["x"], control: [{ type: SCM_RIGHTS, words: [a] }] });
    const { control, controlLength } = g.receive(b);
    expect(control.map(({ type }) => type)).toEqual([SCM_CREDENTIALS, SCM_RIGHTS]);
    expect(controlLength).toBe(32 + 24);
  });

  it("cannot be made up, but by root", () => {
    const [a] = g.pair(SOCK_STREAM);
    const claim = (words: number[]): number | string =>
      g.send(a, { pieces: ["x"], control: [{ type: SCM_CREDENTIALS, words }] });
    expect(claim([42, 7, 7])).toBe(1);
    expect(claim([1, 0])).toBe("EINVAL");
    m.process.linux.credentials.uid = 7;
    m.process.linux.credentials.euid = 7;
    m.process.linux.credentials.suid = 7;
    expect(claim([1, 0, 0])).toBe("EPERM");
    expect(claim([2, 7, 0])).toBe("EPERM");
    expect(claim([1, 7, 0])).toBe(1);
  });
});

describe("several messages in one call", () => {
  it("sendmmsg and recvmmsg tell the length of each", () => {
    const [a, b] = g.pair(SOCK_DGRAM);
    g.header({ pieces: ["one"] }, HEADER, DATA);
    g.header({ pieces: ["three", "!"] }, HEADER + 40, DATA + 100);
    expect(g.call("sendmmsg", a, HEADER, 2, 0)).toBe(2);
    expect([36, 76].map((at) => g.mem.getU32(HEADER + at))).toEqual([3, 6]);
    for (let i = 0; i < 3; i++) g.header({ pieces: [50] }, HEADER + 40 * i, DATA + 1000 + 100 * i);
    expect(g.call("recvmmsg", b, HEADER, 3, 0, 0)).toBe(2);
    expect(m.text(DATA + 1000, 3)).toBe("one");
    expect(m.text(DATA + 1100, 6)).toBe("three!");
  });

  it("an error counts if nothing was transferred before it", () => {
    const [a] = g.pair(SOCK_DGRAM);
    g.header({ pieces: ["one"] });
    g.header({ pieces: ["two"] }, HEADER + 40, DATA + 100);
    g.mem.setU32(HEADER + 48, OUTSIDE);
    expect(g.call("sendmmsg", a, HEADER, 2, 0)).toBe(1);
    expect(g.call("sendmmsg", a, HEADER + 40, 1, 0)).toBe("EFAULT");
    expect(g.call("sendmmsg", a, OUTSIDE, 1, 0)).toBe("EFAULT");
    expect(g.call("recvmmsg", 99, HEADER, 1, 0, 0)).toBe("EBADF");
    expect(g.call("recvmmsg", a, HEADER, 1, 0, OUTSIDE)).toBe("EFAULT");
    expect(g.call("recvmmsg", a, HEADER, 0, 0, 0)).toBe(0);
  });
});

describe("what is refused", () => {
  it("descriptor, then header, name, pieces, control", () => {
    const [a] = g.pair(SOCK_STREAM);
    const header = g.header({ pieces: ["x"] });
    expect(g.call("sendmsg", 99, OUTSIDE, 0)).toBe("EBADF");
    expect(g.call("sendmsg", openFile(), OUTSIDE, 0)).toBe("ENOTSOCK");
    expect(g.call("sendmsg", a, OUTSIDE, 0)).toBe("EFAULT");
    const broken = (offset: number, value: number): (number | string)[] => {
      g.header({ pieces: ["x"], name: new Uint8Array(2), control: [{ type: SCM_RIGHTS, words: [a] }] });
      g.mem.setU32(header + offset, value);
      return [g.call("sendmsg", a, header, 0), g.call("recvmsg", a, header, MSG_DONTWAIT)];
    };
    expect(broken(0, OUTSIDE)).toEqual(["EFAULT", "EFAULT"]);
    expect(broken(4, 0xffffffff)).toEqual(["EINVAL", "EINVAL"]);
    expect(broken(8, OUTSIDE)).toEqual(["EFAULT", "EFAULT"]);
    expect(broken(12, 1025)).toEqual(["EMSGSIZE", "EMSGSIZE"]);
    expect(broken(12, 0xffffffff)).toEqual(["EMSGSIZE", "EMSGSIZE"]);
    expect(broken(20, OUTSIDE)).toEqual(["EFAULT", "EAGAIN"]);
    expect(broken(24, 0xffffffff)).toEqual(["ENOBUFS", "EAGAIN"]);
    g.header({ pieces: ["x"] });
    g.mem.setU32(IOV + 4, 0xffffffff);
    expect(g.call("sendmsg", a, header, 0)).toBe("EINVAL");
    g.mem.setU32(IOV + 4, 0x7fffffff);
    expect(g.call("sendmsg", a, header, 0)).toBe("EFAULT");
  });

  it("control messages whose lengths lie", () => {
    const [a] = g.pair(SOCK_STREAM);
    for (const length of [0, 15, 21, 0x7fffffff, 0xffffffff]) {
      g.header({ pieces: ["x"], control: [{ type: SCM_RIGHTS, words: [a] }] });
      g.mem.setU32(CONTROL, length);
      expect(g.call("sendmsg", a, HEADER, 0), String(length)).toBe("EINVAL");
    }
    expect(g.send(a, { pieces: ["x"], control: [{ type: 77, words: [] }] })).toBe("EINVAL");
    expect(g.send(a, { pieces: ["x"], control: [{ level: 77, type: 1, words: [1] }] })).toBe(1);
    const udp = g.must("socket", AF_INET, SOCK_STREAM, 0);
    expect(g.send(udp, { pieces: ["x"], control: [{ type: SCM_RIGHTS, words: [99] }] })).toBe("EPIPE");
  });

  it("destinations: none, of another family, where nobody is", () => {
    const stream = g.must("socket", AF_UNIX, SOCK_STREAM, 0);
    expect(g.send(stream, "x")).toBe("ENOTCONN");
    expect(g.send(stream, { pieces: ["x"], name: unixAddress("\0n") })).toBe("EOPNOTSUPP");
    const [a] = g.pair(SOCK_STREAM);
    expect(g.send(a, { pieces: ["x"], name: unixAddress("\0n") })).toBe("EISCONN");
    const datagram = g.must("socket", AF_UNIX, SOCK_DGRAM, 0);
    expect(g.send(datagram, "x")).toBe("ENOTCONN");
    expect(g.send(datagram, { pieces: ["x"], name: unixAddress("\0nobody") })).toBe("ECONNREFUSED");
    expect(g.send(datagram, { pieces: ["x"], name: unixAddress("/nobody") })).toBe("ENOENT");
    expect(g.send(datagram, { pieces: ["x"], name: inetAddress(1) })).toBe("EINVAL");
    const udp = g.must("socket", AF_INET, SOCK_DGRAM, 0);
    expect(g.send(udp, "x")).toBe("EDESTADDRREQ");
    expect(g.send(udp, { pieces: ["x"], name: inetAddress(0) })).toBe("EINVAL");
    expect(g.send(udp, { pieces: ["x"], name: unixAddress("\0n") })).toBe("EAFNOSUPPORT");
    expect(g.send(udp, { pieces: ["x"], name: inetAddress(1).subarray(0, 8) })).toBe("EINVAL");
  });

  it("messages that are too long", () => {
    const udp = g.must("socket", AF_INET, SOCK_DGRAM, 0);
    const long = "x".repeat(65_508);
    expect(g.send(udp, { name: inetAddress(9), pieces: [long] })).toBe("EMSGSIZE");
    expect(g.send(udp, { name: inetAddress(9), pieces: [long.slice(1), ""] })).toBe(65_507);
    for (const type of [SOCK_DGRAM, SOCK_SEQPACKET]) {
      const [a] = g.pair(type);
      expect(g.send(a, { pieces: ["x".repeat(212_961)] })).toBe("EMSGSIZE");
      expect(g.send(a, { pieces: ["x".repeat(106_480), "x".repeat(106_480)] })).toBe(212_960);
    }
  });

  it("datagrams to a socket that is connected to somebody else", () => {
    const [a] = g.pair(SOCK_DGRAM);
    g.must("bind", a, unixAddress("\0taken"), 8);
    const other = g.must("socket", AF_UNIX, SOCK_DGRAM, 0);
    expect(g.send(other, { pieces: ["x"], name: unixAddress("\0taken") })).toBe("EPERM");
    expect(g.call("connect", other, unixAddress("\0taken"), 8)).toBe("EPERM");
  });
});

describe("a peer that is gone", () => {
  it("EPIPE on streams, with SIGPIPE unless MSG_NOSIGNAL; end of file", () => {
    const raised: number[] = [];
    const { signals } = m.process.linux;
    const { raise } = signals;
    signals.raise = (info, thread) => {
      raised.push(info.signo);
      return raise.call(signals, info, thread);
    };
    const [a, b] = g.pair(SOCK_STREAM);
    g.must("close", b);
    expect(g.send(a, "x", MSG_NOSIGNAL)).toBe("EPIPE");
    expect(g.call("sendto", a, DATA, 1, MSG_NOSIGNAL, 0, 0)).toBe("EPIPE");
    expect(raised).toEqual([]);
    expect(g.send(a, "x")).toBe("EPIPE");
    expect(g.call("sendto", a, DATA, 1, 0, 0, 0)).toBe("EPIPE");
    expect(raised).toEqual([13, 13]);
    expect(g.receive(a).result).toBe(0);
    const [c, d] = g.pair(SOCK_SEQPACKET);
    g.must("close", d);
    expect(g.send(c, "x")).toBe("EPIPE");
    expect(g.receive(c).result).toBe(0);
    expect(raised).toEqual([13, 13]);
  });

  it("ECONNREFUSED on datagrams, and nobody takes the place of the one it was connected to", () => {
    const name = unixAddress("\0n");
    const one = g.must("socket", AF_UNIX, SOCK_DGRAM, 0);
    g.must("bind", one, name, name.length);
    const sender = g.must("socket", AF_UNIX, SOCK_DGRAM, 0);
    g.must("connect", sender, name, name.length);
    expect(g.send(sender, "x")).toBe(1);
    g.must("close", one);
    const other = g.must("socket", AF_UNIX, SOCK_DGRAM, 0);
    g.must("bind", other, name, name.length);
    expect(g.send(sender, "x")).toBe("ECONNREFUSED");
    g.must("connect", sender, name, name.length);
    expect(g.send(sender, "x")).toBe(1);
  });

  it("kills a program that does not expect it", () => {
    g.must("rt_sigaction", 13, new Uint8Array(24), 0, 8);
    const [a, b] = g.pair(SOCK_STREAM);
    g.must("close", b);
    expect(() => g.send(a, "x")).toThrow();
    expect(m.end?.code).toBe(128 + 13);
  });
});

describe("sequenced packets", () => {
  it("connect, accept and keep their boundaries; a stream's name is not theirs", () => {
    const listener = g.must("socket", AF_UNIX, SOCK_SEQPACKET, 0);
    const name = unixAddress("\0seq");
    g.must("bind", listener, name, name.length);
    g.must("listen", listener, 1);
    expect(g.call("connect", g.must("socket", AF_UNIX, SOCK_STREAM, 0), name, name.length)).toBe("EPROTOTYPE");
    const client = g.must("socket", AF_UNIX, SOCK_SEQPACKET, 0);
    g.must("connect", client, name, name.length);
    const served = g.must("accept", listener, 0, 0);
    g.send(client, "one");
    g.send(client, "two");
    expect(g.receive(served).text).toBe("one");
    expect(g.call("read", served, DATA, 2)).toBe(2);
    expect(g.call("recvfrom", served, DATA, 10, MSG_DONTWAIT, 0, 0)).toBe("EAGAIN");
  });

  it("wait for room for all of a packet", () => {
    const [a, b] = g.pair(SOCK_SEQPACKET);
    g.send(a, { pieces: ["x".repeat(200_000)] });
    const writer = new SocketGuest(m);
    expect(writer.t.call("sendto", a, DATA, 100_000, 0, 0, 0)).toBe(WOULD_BLOCK);
    expect(g.call("sendto", a, DATA, 100_000, MSG_DONTWAIT, 0, 0)).toBe("EAGAIN");
    expect(g.call("read", b, DATA, 1)).toBe(1);
    m.run();
    expect(writer.t.result).toBe(100_000);
  });

  it("of no bytes are bounded, too", () => {
    const [a] = g.pair(SOCK_SEQPACKET | SOCK_NONBLOCK);
    let sent = 0;
    while (sent < 5000 && g.call("sendto", a, DATA, 0, 0, 0, 0) === 0) sent++;
    expect(sent).toBe(1024);
  });
});
