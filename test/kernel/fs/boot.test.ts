/**
 * The tree that a machine boots with: /dev, /proc, /etc, and the console as descriptors 0 to 2; and what the file system calls do with bad
 * arguments.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { ConsoleDevice, type OutputSink } from "../../../host/devices/console.ts";
import { EntropyDevice } from "../../../host/devices/entropy.ts";
import { AT_FDCWD, O_CREAT, O_PATH, O_RDONLY, O_RDWR, O_WRONLY, S_IFCHR, S_IFMT } from "../../../kernel/abi/fcntl.ts";
import { TIOCGWINSZ } from "../../../kernel/abi/ioctl.ts";
import { bootFileSystem, installFile } from "../../../kernel/fs/boot.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { sys_dup, sys_fcntl, sys_ioctl } from "../../../kernel/syscall/descriptor.ts";
import { sys_fstatat, sys_getcwd, sys_statfs } from "../../../kernel/syscall/directory.ts";
import {
  sys_fstat,
  sys_openat,
  sys_pread,
  sys_read,
  sys_readv,
  sys_write,
  sys_writev,
} from "../../../kernel/syscall/file.ts";
import { ConsoleDriver } from "../../../kernel/virtio/console.ts";
import { EntropyDriver } from "../../../kernel/virtio/entropy.ts";
import { TestKernel } from "../fixture.ts";
import { Guest, must, type StatResult, said } from "./guest.ts";

const BUF = 65536;

let kernel: TestKernel;
let g: Guest;
let device: ConsoleDevice;
let driver: ConsoleDriver;
let sink: OutputSink;
let printed: string;
/** What the terminal answers: false, it is behind. */
let keepsUp: boolean;

beforeEach(() => {
  kernel = new TestKernel();
  printed = "";
  keepsUp = true;
  sink = {
    write: (chunk: Uint8Array): boolean => {
      printed += Buffer.from(chunk).toString();
      return keepsUp;
    },
    onDrain: () => {},
  };
  device = new ConsoleDevice(kernel.physical, { stdout: sink, stderr: { write: () => true, onDrain: () => {} } });
  driver = new ConsoleDriver(kernel.physical, device.mmio);
  const define = (name: string, value: unknown): void => void Object.defineProperty(kernel, name, { value });
  define("console", driver);
  define("entropy", new EntropyDriver(kernel.physical, new EntropyDevice(kernel.physical).mmio));
  define("net", { streams: [] });
  define("vfs", bootFileSystem(kernel));
  g = new Guest(kernel);
});

describe("/dev", () => {
  it("null, zero, full, urandom", () => {
    const nul = must(g.open("/dev/null", O_RDWR));
    expect([g.write(nul, "gone"), g.read(nul, 10), g.lseek(nul, 5, 0)]).toEqual([4, "", 0]);
    const zero = must(g.open("/dev/zero", O_RDWR));
    expect(g.read(zero, 3)).toBe("\0\0\0");
    const full = must(g.open("/dev/full", O_RDWR));
    expect(said(g.write(full, "x"))).toBe("ENOSPC");
    const random = must(g.open("/dev/urandom"));
    kernel.mem.u8.fill(0, BUF, BUF + 4096);
    expect(sys_read(kernel, random, BUF, 4096)).toBe(4096);
    expect(new Set(kernel.mem.u8.subarray(BUF, BUF + 4096)).size).toBeGreaterThan(200);
    expect(said(g.write(random, "x"))).toBe("EBADF");
    const stat = g.stat("/dev/null") as StatResult;
    expect(stat.mode & S_IFMT).toBe(S_IFCHR);
    g.put("/dev/shm/x", "shared");
    expect(g.get("/dev/shm/x")).toBe("shared");
  });

  it("the console: output in order, end of input, no terminal", async () => {
    expect(g.write(1, "one ")).toBe(4);
    expect(g.write(must(g.open("/dev/stdout", O_WRONLY)), "two ")).toBe(4);
    expect(g.write(sys_dup(kernel, 1), "three")).toBe(5);
    expect(printed).toBe("one two three");
    expect(said(g.read(1, 1))).toBe("EBADF");
    expect(said(g.write(0, "x"))).toBe("EBADF");
    expect(said(sys_ioctl(kernel, 1, TIOCGWINSZ, BUF))).toBe("ENOTTY");
    expect(said(g.lseek(1, 0, 0))).toBe("ESPIPE");
    const thread = kernel.thread();
    expect(thread.call(() => sys_read(kernel, 0, BUF, 10))).toBe(WOULD_BLOCK);
    device.input(Buffer.from("typed"));
    driver.handleInterrupt(kernel);
    expect(thread.retry()).toBe(5);
    expect(kernel.mem.text(BUF, 5)).toBe("typed");
    expect(said(kernel.thread(false).call(() => sys_read(kernel, 0, BUF, 10)))).toBe("EDEADLK");
    sys_fcntl(kernel, 0, 4, 0o4000);
    expect(said(g.read(0, 1))).toBe("EAGAIN");
    device.endInput();
    driver.handleInterrupt(kernel);
    expect(g.read(0, 1)).toBe("");
  });

  it("a slow terminal: a blocking write parks until all of it is out, a non-blocking one is short", () => {
    keepsUp = false;
    const thread = kernel.thread();
    const text = "0123456789".repeat(6000);
    kernel.mem.u8.set(Buffer.from(text), BUF);
    let result = thread.call(() => sys_write(kernel, 1, BUF, text.length));
    expect(result).toBe(WOULD_BLOCK);
    for (let turns = 0; result === WOULD_BLOCK && turns < 100; turns++) {
      sink.onDrain();
      driver.handleInterrupt(kernel);
      result = thread.retry();
    }
    expect(result).toBe(text.length);
    while (printed.length < text.length) sink.onDrain();
    expect(printed).toBe(text);
    sys_fcntl(kernel, 1, 4, 0o4000);
    const some = sys_write(kernel, 1, BUF, text.length);
    expect(some).toBeGreaterThan(0);
    expect(some).toBeLessThan(text.length);
    expect(said(sys_write(kernel, 1, BUF, text.length))).toBe("EAGAIN");
  });
});

describe("/proc", () => {
  it("tells about the machine and the process", () => {
    kernel.advance(1500);
    expect(g.get("/proc/uptime")).toMatch(/^1\.50 /);
    expect(g.get("/proc/meminfo")).toMatch(/^MemTotal: +4194304 kB\nMemFree: +\d+ kB\n/);
    expect(g.get("/proc/self/cmdline")).toBe("test\0");
    expect(g.get("/proc/self/status")).toContain(`VmRSS:\t${kernel.mem.size / 1024} kB\n`);
    const stat = g.get("/proc/self/stat").split(" ");
    expect(stat.length).toBe(52);
    expect([stat[0], stat[1], stat[22], stat[23]]).toEqual(["1", "(test)", String(kernel.mem.size), "4"]);
    expect(g.readlink("/proc/self")).toBe("1");
    expect(g.get("/proc/mounts")).toBe(
      "ramfs / ramfs rw 0 0\ndevtmpfs /dev devtmpfs rw 0 0\nproc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0\n",
    );
    expect(g.get("/proc/net/tcp")).toMatch(/^ +sl +local_address/);
    expect(g.get("/proc/sys/net/core/somaxconn")).toBe("4096\n");
    expect(g.get("/sys/kernel/mm/transparent_hugepage/enabled")).toBe("always madvise [never]\n");
    expect(said(g.open("/sys/kernel/mm/ksm/run"))).toBe("ENOENT");
  });

  it("lists descriptors with what they are", () => {
    g.put("/tmp/x", "");
    const fd = must(g.open("/tmp/x"));
    expect(g.list("/proc/self/fd").slice(0, 4)).toEqual(["0", "1", "2", String(fd)]);
    expect(g.readlink(`/proc/self/fd/${fd}`)).toBe("/tmp/x");
    expect(g.readlink("/proc/self/fd/1")).toBe("/dev/console");
    expect(said(g.readlink("/proc/self/fd/99"))).toBe("ENOENT");
  });

  it("reads one state per open file, in pieces; nothing can be changed", () => {
    const fd = must(g.open("/proc/uptime"));
    const first = g.read(fd, 3);
    kernel.advance(10_000);
    expect(`${first}${g.read(fd, 100)}`).toMatch(/^0\.00 0\.00\n$/);
    expect(said(g.open("/proc/uptime", O_WRONLY))).toBe("EACCES");
    expect(said(g.open("/proc/new", O_WRONLY | O_CREAT))).toBe("EACCES");
    expect(said(g.unlink("/proc/uptime"))).toBe("EPERM");
    expect(said(g.mkdir("/proc/d"))).toBe("EPERM");
    expect(said(g.rename("/proc/uptime", "/proc/x"))).toBe("EPERM");
    for (const name of ["__proto__", "constructor", "toString"]) expect(said(g.stat(`/proc/${name}`))).toBe("ENOENT");
  });
});

describe("the tree at boot", () => {
  it("has what programs expect", () => {
    expect(g.list("/")).toEqual(["data", "dev", "etc", "proc", "root", "run", "sys", "tmp", "var"]);
    expect(g.get("/etc/hosts")).toContain("127.0.0.1\tlocalhost\n");
    expect(g.get("/etc/passwd")).toMatch(/^root:x:0:0:/);
    expect((g.stat("/tmp") as StatResult).mode & 0o7777).toBe(0o1777);
    expect(g.getcwd()).toBe("/");
    expect(installFile(kernel, "/etc/motd", Buffer.from("hi"), 0o600)).toBe(0);
    expect(g.get("/etc/motd")).toBe("hi");
    expect(said(installFile(kernel, "/none/motd", Buffer.from("hi"), 0o600))).toBe("ENOENT");
    expect(said(installFile(kernel, "/proc/motd", Buffer.from("hi"), 0o600))).toBe("EROFS");
  });
});

describe("arguments", () => {
  it("bad pointers answer EFAULT and leave nothing behind", () => {
    const wild = kernel.mem.size - 4;
    const path = 1024;
    kernel.mem.u8.set(Buffer.from("/tmp/f"), path);
    expect(said(sys_openat(kernel, AT_FDCWD, -8, 6, O_RDONLY, 0))).toBe("EFAULT");
    expect(said(sys_openat(kernel, AT_FDCWD, path, 4096, O_RDONLY, 0))).toBe("ENAMETOOLONG");
    expect(said(sys_openat(kernel, AT_FDCWD, path, -1, O_RDONLY, 0))).toBe("EINVAL");
    expect(said(sys_openat(kernel, AT_FDCWD, path, 8, O_WRONLY | O_CREAT, 0o644))).toBe("EINVAL"); // a NUL inside
    const fd = sys_openat(kernel, AT_FDCWD, path, 6, O_RDWR | O_CREAT, 0o644);
    expect(said(sys_write(kernel, fd, wild, 100))).toBe("EFAULT");
    expect(said(sys_write(kernel, fd, 0, -1))).toBe("EFAULT");
    expect(said(sys_pread(kernel, fd, wild, 100, 0))).toBe("EFAULT");
    expect(said(sys_pread(kernel, fd, BUF, 1, Number.NaN))).toBe("EINVAL");
    expect(said(sys_pread(kernel, fd, BUF, 1, 0.5))).toBe("EINVAL");
    expect(said(sys_fstat(kernel, fd, wild))).toBe("EFAULT");
    expect(said(sys_fstatat(kernel, AT_FDCWD, path, 6, wild, 0))).toBe("EFAULT");
    expect(said(sys_fstatat(kernel, AT_FDCWD, path, 6, BUF, 0x8000))).toBe("EINVAL");
    expect(said(sys_statfs(kernel, path, 4, wild))).toBe("EFAULT");
    expect(sys_statfs(kernel, path, 4, BUF)).toBe(0);
    expect(said(sys_getcwd(kernel, wild + 4, 4096))).toBe("EFAULT");
    expect((g.stat("/tmp/f") as StatResult).size).toBe(0);
  });

  it("readv(2) and writev(2): vectors, their bounds, and short transfers", () => {
    const fd = must(g.open("/tmp/v", O_RDWR | O_CREAT));
    const vector = 2048;
    const put = (i: number, base: number, length: number): void => {
      kernel.mem.setU32(vector + i * 8, base);
      kernel.mem.setU32(vector + i * 8 + 4, length);
    };
    kernel.mem.u8.set(Buffer.from("hello world"), BUF);
    put(0, BUF, 5);
    put(1, 0, 0);
    put(2, BUF + 5, 6);
    expect(sys_writev(kernel, fd, vector, 3)).toBe(11);
    must(g.lseek(fd, 0, 0));
    put(0, BUF + 100, 3);
    put(1, BUF + 200, 100);
    expect(sys_readv(kernel, fd, vector, 2)).toBe(11);
    expect(kernel.mem.text(BUF + 100, 3) + kernel.mem.text(BUF + 200, 8)).toBe("hello world");
    expect(said(sys_readv(kernel, fd, vector, 1025))).toBe("EINVAL");
    expect(said(sys_readv(kernel, fd, vector, -1))).toBe("EINVAL");
    expect(sys_readv(kernel, fd, vector, 0)).toBe(0);
    expect(said(sys_readv(kernel, 999, vector, 1))).toBe("EBADF");
    put(1, kernel.mem.size - 1, 2);
    expect(said(sys_writev(kernel, fd, vector, 2))).toBe("EFAULT");
    put(1, 0, 0x80000000);
    expect(said(sys_writev(kernel, fd, vector, 2))).toBe("EINVAL");
    expect((g.stat("/tmp/v") as StatResult).size).toBe(11);
  });

  it("O_PATH names a place and gives nothing else", () => {
    const fd = must(g.open("/tmp", O_PATH));
    expect(said(g.getdents(fd))).toBe("EBADF");
    expect(said(g.read(fd, 1))).toBe("EBADF");
    expect((g.fstat(fd) as StatResult).mode & S_IFMT).toBe(0o040000);
    must(g.open("inside", O_WRONLY | O_CREAT, 0o644, fd));
    expect(g.list("/tmp")).toEqual(["inside"]);
  });

  it("fcntl(2): duplicates, close-on-exec, status flags", () => {
    const fd = must(g.open("/tmp/f", O_RDWR | O_CREAT));
    expect(sys_fcntl(kernel, fd, 0, 10)).toBe(10);
    expect(said(sys_fcntl(kernel, fd, 0, -1))).toBe("EINVAL");
    expect(sys_fcntl(kernel, fd, 1, 0)).toBe(0);
    expect(sys_fcntl(kernel, fd, 2, 1)).toBe(0);
    expect(sys_fcntl(kernel, fd, 1, 0)).toBe(1);
    expect(sys_fcntl(kernel, 10, 1, 0)).toBe(0);
    expect(sys_fcntl(kernel, fd, 4, 0o4000 | O_WRONLY)).toBe(0);
    expect(sys_fcntl(kernel, 10, 3, 0) & 0o4003).toBe(0o4000 | O_RDWR);
    expect(said(sys_fcntl(kernel, fd, 12345, 0))).toBe("EINVAL");
  });
});
