/**
 * AF_UNIX names that are paths: a socket node in the file system, which is found by every path that leads to it, and ends with its last name.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { O_CREAT, O_PATH, O_RDWR, S_IFMT, S_IFSOCK } from "../../../../kernel/abi/fcntl.ts";
import { AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM } from "../../../../kernel/abi/socket.ts";
import { LinuxMachine } from "../../process/linux-fixture.ts";
import { DATA, SocketGuest, unixAddress } from "./socket-guest.ts";

const F_OK = 0;

let m: LinuxMachine;
let g: SocketGuest;

beforeEach(() => {
  m = new LinuxMachine();
  g = new SocketGuest(m);
});

function bind(path: string, type = SOCK_STREAM): [fd: number, result: number | string] {
  const fd = g.must("socket", AF_UNIX, type | SOCK_NONBLOCK, 0);
  const address = unixAddress(path);
  return [fd, g.call("bind", fd, address, address.length)];
}

function listen(path: string): number {
  const [fd, bound] = bind(path);
  expect(bound).toBe(0);
  g.must("listen", fd, 5);
  return fd;
}

function connect(path: string, type = SOCK_STREAM): number | string {
  const fd = g.must("socket", AF_UNIX, type | SOCK_NONBLOCK, 0);
  const address = unixAddress(path);
  const result = g.call("connect", fd, address, address.length);
  if (result !== 0) g.must("close", fd);
  return result;
}

/** Type and permissions; or what stat answers. */
function modeOf(path: string): number | string {
  const result = g.call("lstat", path, DATA);
  return result === 0 ? g.mem.getU32(DATA + 24) : result;
}

function nameOf(fd: number): string {
  g.mem.setU32(DATA + 200, 110);
  g.must("getsockname", fd, DATA, DATA + 200);
  return m.text(DATA + 2, g.mem.getU32(DATA + 200) - 2);
}

describe("a path that is bound", () => {
  it("is a socket in the file system, with the umask's permissions, and stays when the socket is closed", () => {
    g.must("umask", 0o027);
    const [fd] = bind("/run/s");
    expect(modeOf("/run/s")).toBe(S_IFSOCK | 0o750);
    expect(g.call("access", "/run/s", F_OK)).toBe(0);
    expect(g.call("open", "/run/s", O_RDWR, 0)).toBe("ENXIO");
    expect(g.call("fstat", fd, DATA)).toBe(0);
    expect(g.mem.getU32(DATA + 24) & S_IFMT).toBe(S_IFSOCK);
    g.must("close", fd);
    expect(modeOf("/run/s")).toBe(S_IFSOCK | 0o750);
    expect(bind("/run/s")[1]).toBe("EADDRINUSE");
    expect(connect("/run/s")).toBe("ECONNREFUSED");
    g.must("unlink", "/run/s");
    expect(bind("/run/s")[1]).toBe(0);
  });

  it("is no socket to whoever opens it by O_PATH: nothing can be read or written there", () => {
    bind("/run/s");
    const fd = g.must("open", "/run/s", O_PATH, 0);
    g.mem.setU32(DATA, DATA + 64);
    g.mem.setU32(DATA + 4, 8);
    for (const call of ["readv", "writev"]) expect(g.call(call, fd, DATA, 1), call).toBe("EBADF");
    for (const call of ["read", "write"]) expect(g.call(call, fd, DATA, 8), call).toBe("EBADF");
  });

  it("must be free, in a folder that is there", () => {
    listen("/run/s");
    expect(bind("/run/s")[1]).toBe("EADDRINUSE");
    g.must("close", g.must("open", "/file", O_RDWR | O_CREAT, 0o644));
    expect(bind("/file")[1]).toBe("EADDRINUSE");
    expect(bind("/run")[1]).toBe("EADDRINUSE");
    expect(bind("/none/s")[1]).toBe("ENOENT");
    expect(bind("/file/s")[1]).toBe("ENOTDIR");
    g.must("symlink", "/run/nowhere", "/dangling");
    expect(bind("/dangling")[1]).toBe("EADDRINUSE");
    expect(bind("/proc/s")[1]).toBe("EPERM");
    expect(bind(`/run/${"x".repeat(102)}`)[1]).toBe(0);
  });

  it("may be relative, and is told as it was given", () => {
    g.must("chdir", "/run");
    const fd = listen("s");
    expect(nameOf(fd)).toBe("s\0");
    g.must("chdir", "/");
    expect(connect("s")).toBe("ENOENT");
    expect(connect("/run/s")).toBe(0);
    expect(connect("run/../run/s")).toBe(0);
  });

  it("is found by every path that leads to it: links, other names, after a rename", () => {
    const fd = listen("/run/s");
    g.must("symlink", "/run/s", "/link");
    g.must("symlink", "/run", "/folder");
    g.must("link", "/run/s", "/run/other");
    for (const path of ["/link", "/folder/s", "/run/other"]) expect(connect(path), path).toBe(0);
    g.must("rename", "/run/s", "/run/moved");
    expect(connect("/run/s")).toBe("ENOENT");
    expect(connect("/link")).toBe("ENOENT");
    expect(connect("/run/moved")).toBe(0);
    for (let i = 0; i < 4; i++) expect(g.call("accept", fd, 0, 0)).toBeGreaterThan(0);
    expect(g.call("accept", fd, 0, 0)).toBe("EAGAIN");
  });

  it("ends when it is unlinked; the next one to bind it is another socket", () => {
    const old = listen("/run/s");
    expect(connect("/run/s")).toBe(0);
    g.must("unlink", "/run/s");
    expect(connect("/run/s")).toBe("ENOENT");
    const young = listen("/run/s");
    expect(connect("/run/s")).toBe(0);
    expect(g.call("accept", young, 0, 0)).toBeGreaterThan(0);
    expect(g.call("accept", young, 0, 0)).toBe("EAGAIN");
    expect(g.call("accept", old, 0, 0)).toBeGreaterThan(0); // it had connected before
    g.must("close", old);
    expect(connect("/run/s")).toBe(0);
  });

  it("is bound once", () => {
    const [fd] = bind("/run/s");
    const address = unixAddress("/run/t");
    expect(g.call("bind", fd, address, address.length)).toBe("EINVAL");
    expect(modeOf("/run/t")).toBe("ENOENT");
  });
});

describe("who connects to a path", () => {
  it("hears what is wrong with it", () => {
    g.must("close", g.must("open", "/file", O_RDWR | O_CREAT, 0o644));
    expect(connect("/none")).toBe("ENOENT");
    expect(connect("/file")).toBe("ECONNREFUSED");
    expect(connect("/file/s")).toBe("ENOTDIR");
    expect(connect("")).toBe("EINVAL");
    bind("/run/s");
    expect(connect("/run/s")).toBe("ECONNREFUSED"); // it does not listen
    expect(connect("/run/s", SOCK_DGRAM)).toBe("EPROTOTYPE");
    expect(g.call("mknod", "/node", S_IFSOCK | 0o600, 0)).toBe(0);
    expect(connect("/node")).toBe("ECONNREFUSED"); // a node that nobody has bound
  });

  it("sends datagrams to it, and may have a path of its own", () => {
    const [receiver] = bind("/run/d", SOCK_DGRAM);
    const [sender] = bind("/run/e", SOCK_DGRAM);
    expect(g.send(sender, { name: unixAddress("/run/d"), pieces: ["hello"] })).toBe(5);
    const seen = g.receive(receiver, { name: 110, pieces: [10] });
    expect(seen.text).toBe("hello");
    expect(Buffer.from(seen.name.subarray(2)).toString()).toBe("/run/e\0");
    g.must("unlink", "/run/d");
    expect(g.send(sender, { name: unixAddress("/run/d"), pieces: ["x"] })).toBe("ENOENT");
    listen("/run/s");
    expect(g.send(sender, { name: unixAddress("/run/s"), pieces: ["x"] })).toBe("EPROTOTYPE");
  });

  it("of a stream with a path is told by accept and by recvmsg", () => {
    const fd = listen("/run/s");
    const [client] = bind("/run/c");
    const address = unixAddress("/run/s");
    g.must("connect", client, address, address.length);
    g.mem.setU32(DATA + 200, 110);
    const served = g.must("accept", fd, DATA, DATA + 200);
    expect(m.text(DATA + 2, g.mem.getU32(DATA + 200) - 2)).toBe("/run/c\0");
    g.send(client, "x");
    expect(g.receive(served, { name: 110, pieces: [1] }).nameLength).toBe(2 + 7);
  });
});

describe("abstract names", () => {
  it("leave no trace in the file system, and go with their socket", () => {
    const fd = listen("\0name");
    expect(modeOf("/name")).toBe("ENOENT");
    expect(bind("\0name")[1]).toBe("EADDRINUSE");
    expect(connect("\0name")).toBe(0);
    expect(connect("\0name\0")).toBe("ECONNREFUSED"); // every byte counts
    g.must("close", fd);
    expect(connect("\0name")).toBe("ECONNREFUSED");
    expect(bind("\0name")[1]).toBe(0);
  });

  it("are given to who asks for none", () => {
    const [fd, bound] = bind("");
    expect(bound).toBe(0);
    expect(nameOf(fd)).toMatch(/^\0[0-9a-f]{5}$/);
  });
});
