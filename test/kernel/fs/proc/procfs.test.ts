/**
 * /proc with several processes: /proc/self is whoever looks, /proc/PID that process, and links of descriptors lead to the files themselves.
 */
import { describe, expect, it } from "vitest";
import {
  AT_FDCWD,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from "../../../../kernel/abi/fcntl.ts";
import { SIGTERM, SIGUSR1 } from "../../../../kernel/abi/signal.ts";
import type { Process } from "../../../../kernel/process/process.ts";
import { RLIMIT_NOFILE } from "../../../../kernel/process/resource-limits.ts";
import { SignalSet } from "../../../../kernel/process/signal-set.ts";
import { BUFFER, BUFFER_BYTES, LinuxMachine } from "../../process/linux-fixture.ts";

function read(m: LinuxMachine, path: string, process: Process = m.process): string {
  const fd = m.callOf(process, "open", path, O_RDONLY, 0);
  if (typeof fd === "string") return fd;
  const length = m.callOf(process, "read", fd, BUFFER, BUFFER_BYTES);
  m.callOf(process, "close", fd);
  return typeof length === "number" ? process.mem.text(BUFFER, length) : length;
}

function readlink(m: LinuxMachine, path: string, process: Process = m.process): string {
  const length = m.callOf(process, "readlink", path, BUFFER, 4096);
  return typeof length === "number" ? process.mem.text(BUFFER, length) : length;
}

function list(m: LinuxMachine, path: string): string[] {
  const fd = m.must("open", path, O_RDONLY | O_DIRECTORY, 0);
  const names: string[] = [];
  for (
    let length = m.must("getdents64", fd, BUFFER, 4096);
    length > 0;
    length = m.must("getdents64", fd, BUFFER, 4096)
  ) {
    const { mem } = m.process;
    for (let at = BUFFER; at < BUFFER + length; at += mem.getU16(at + 16)) {
      names.push(mem.text(at + 19, mem.u8.indexOf(0, at + 19) - at - 19));
    }
  }
  m.must("close", fd);
  return names.filter((name) => name !== "." && name !== "..");
}

const field = (status: string, name: string): string => new RegExp(`^${name}:\t(.*)$`, "m").exec(status)?.[1] ?? "";

describe("/proc of several processes", () => {
  it("self is whoever looks; every process has its directory, until it has been waited for", () => {
    const m = new LinuxMachine();
    const child = m.fork();
    expect(readlink(m, "/proc/self")).toBe("1");
    expect(readlink(m, "/proc/self", child)).toBe(String(child.pid));
    expect(list(m, "/proc")).toEqual(expect.arrayContaining(["1", String(child.pid), "self", "meminfo"]));
    expect(read(m, "/proc/self/stat").split(" ").slice(0, 4)).toEqual(["1", "(test)", "R", "0"]);
    const idle = m.fork();
    const expected = [String(idle.pid), "(test)", "S", "1", String(m.process.linux.pgid)];
    expect(read(m, `/proc/${idle.pid}/stat`).split(" ").slice(0, 5)).toEqual(expected);
    expect(read(m, "/proc/999/stat")).toBe("ENOENT");
    child.end({ code: 3, reason: null });
    expect(read(m, `/proc/${child.pid}/stat`).split(" ")[2]).toBe("Z");
    expect(read(m, `/proc/${child.pid}/maps`)).toBe("");
    expect(list(m, `/proc/${child.pid}/fd`)).toEqual([]);
    expect(m.call("access", `/proc/${child.pid}/cwd/x`, 0)).toBe("ENOENT");
    expect(m.call("wait4", child.pid, 0, 0, 0)).toBe(child.pid);
    expect(read(m, `/proc/${child.pid}/stat`)).toBe("ENOENT");
  });

  it("a directory that is held open outlives its process", () => {
    const m = new LinuxMachine();
    const child = m.fork();
    const dir = m.must("open", `/proc/${child.pid}`, O_RDONLY | O_DIRECTORY, 0);
    child.end({ code: 0, reason: null });
    m.must("wait4", child.pid, 0, 0, 0);
    expect(m.call("openat", dir, "stat", O_RDONLY, 0)).toBeGreaterThan(dir);
    m.must("fstat", dir, BUFFER);
  });

  it("stat and status: the numbers of proc(5)", () => {
    const m = new LinuxMachine();
    const { linux } = m.process;
    m.advance(2500);
    linux.signals.setAction(SIGUSR1, { handler: 7, flags: 0, restorer: 0, mask: new SignalSet() });
    linux.credentials.uid = 1000;
    const thread = m.thread();
    thread.task.linux?.blocked.add(SIGTERM);
    m.process.linux.signals.raise({ signo: SIGTERM, code: 0, pid: 1, uid: 0, value: 0 }, thread.task);
    const fields = read(m, "/proc/self/stat").trim().split(" ");
    expect(fields.length).toBe(52);
    const mapped = linux.space?.mappedBytes ?? 0;
    expect(fields[13]).toBe(String(Math.floor(linux.cpu.processMs() / 10))); // ticks of user time
    expect(read(m, `/proc/${m.fork().pid}/stat`).split(" ")[21]).toBe("250"); // when it began
    expect(Number(fields[19])).toBe(m.process.threadCount);
    expect([fields[22], fields[23]]).toEqual([String(m.process.mem.size), String(mapped / 4096)]);
    const status = read(m, "/proc/self/status");
    expect(field(status, "State")).toBe("R (running)");
    expect(field(status, "Uid")).toBe("1000\t0\t0\t0");
    expect(field(status, "SigCgt")).toBe("0000000000000200");
    expect(field(status, "VmRSS")).toBe(`${mapped / 1024} kB`);
    expect(read(m, "/proc/self/statm").split(" ")[1]).toBe(String(mapped / 4096));
    const ofThread = read(m, `/proc/self/task/${thread.task.tid}/status`);
    expect(field(ofThread, "SigBlk")).toBe("0000000000004000");
    expect(field(ofThread, "SigPnd")).toBe("0000000000004000");
    expect(field(ofThread, "Pid")).toBe(String(thread.task.tid));
    expect(list(m, "/proc/self/task")).toContain(String(thread.task.tid));
  });

  it("threads have names of their own", () => {
    const m = new LinuxMachine();
    const thread = m.thread();
    const path = `/proc/self/task/${thread.task.tid}/comm`;
    expect(read(m, path)).toBe("test\n");
    m.put(BUFFER, "a name that is too long\n");
    expect(m.call("write", m.must("open", path, O_WRONLY | O_TRUNC, 0), BUFFER, 24)).toBe(24);
    expect(thread.task.linux?.name).toBe("a name that is ");
    expect(read(m, path)).toBe("a name that is \n");
  });

  it("cmdline, environ, limits, oom_score_adj, exe", () => {
    const m = new LinuxMachine();
    expect(read(m, "/proc/self/cmdline")).toBe("test\0argument\0");
    expect(read(m, "/proc/self/environ")).toBe("HOME=/root\0");
    m.process.linux.limits.set(RLIMIT_NOFILE, { soft: 100, hard: 200 });
    expect(read(m, "/proc/self/limits")).toMatch(/^Max open files {12}100 {18}200 {18}files {5}$/m);
    expect(read(m, "/proc/self/limits")).toMatch(/^Max cpu time {14}unlimited {12}unlimited {12}seconds {3}$/m);
    expect(readlink(m, "/proc/self/exe")).toBe("/test");
    const fd = m.must("open", "/proc/self/oom_score_adj", O_WRONLY, 0);
    m.put(BUFFER, "-500\n2000");
    expect(m.call("write", fd, BUFFER, 5)).toBe(5);
    expect(m.call("write", fd, BUFFER + 5, 4)).toBe("EINVAL");
    expect(read(m, "/proc/self/oom_score_adj")).toBe("-500\n");
    expect(read(m, "/proc/self/oom_score_adj", m.fork())).toBe("-500\n");
  });

  it("maps and smaps: every mapping, private ones dirty", () => {
    const m = new LinuxMachine();
    const at = m.must("mmap", 0, 12288, 1, 0x22, -1, 0);
    const line = `${at.toString(16).padStart(8, "0")}-${(at + 12288).toString(16).padStart(8, "0")} r--p`;
    expect(read(m, "/proc/self/maps")).toContain(line);
    const smaps = read(m, "/proc/self/smaps");
    expect(smaps).toContain(line);
    const dirty = [...smaps.matchAll(/^Private_Dirty: +(\d+) kB$/gm)].reduce((sum, [, kb]) => sum + Number(kb), 0);
    expect(dirty * 1024).toBe(m.process.linux.space?.mappedBytes);
    expect(smaps).toMatch(/^AnonHugePages: +0 kB$/m);
  });
});

describe("/proc/PID/fd", () => {
  it("opens the file itself: without its name, with its name taken by another, and of another process", () => {
    const m = new LinuxMachine();
    const fd = m.must("open", "/tmp/a", O_RDWR | O_CREAT, 0o644);
    m.put(BUFFER, "first");
    m.must("write", fd, BUFFER, 5);
    const child = m.fork();
    m.must("unlink", "/tmp/a");
    expect(readlink(m, `/proc/self/fd/${fd}`)).toBe("/tmp/a (deleted)");
    m.must("close", m.must("open", "/tmp/a", O_WRONLY | O_CREAT, 0o644));
    expect(read(m, `/proc/self/fd/${fd}`)).toBe("first");
    m.must("close", fd);
    expect(read(m, `/proc/self/fd/${fd}`)).toBe("ENOENT");
    expect(read(m, `/proc/${child.pid}/fd/${fd}`)).toBe("first");
    const again = m.must("open", `/proc/${child.pid}/fd/${fd}`, O_RDWR | O_APPEND, 0);
    m.put(BUFFER, "!");
    m.must("write", again, BUFFER, 1);
    expect(read(m, `/proc/${child.pid}/fd/${fd}`)).toBe("first!");
    expect(read(m, `/proc/${child.pid}/fdinfo/${fd}`)).toBe("pos:\t5\nflags:\t0100002\nmnt_id:\t0\n");
  });

  it("leads through directories; a file on the way is ENOTDIR", () => {
    const m = new LinuxMachine();
    const dir = m.must("open", "/tmp", O_RDONLY | O_DIRECTORY, 0);
    const file = m.must("open", `/proc/self/fd/${dir}/made`, O_RDWR | O_CREAT, 0o644);
    expect(m.call("access", "/tmp/made", 0)).toBe(0);
    expect(m.call("access", `/proc/self/fd/${file}/x`, 0)).toBe("ENOTDIR");
    expect(m.call("open", `/proc/self/fd/${file}/`, O_RDONLY, 0)).toBe("ENOTDIR");
    expect(m.call("chdir", `/proc/self/fd/${dir}`)).toBe(0);
    expect(readlink(m, "/proc/self/cwd")).toBe("/tmp");
    expect(m.call("access", "/proc/self/cwd/made", 0)).toBe(0);
    expect(readlink(m, "/proc/self/root")).toBe("/");
    expect(m.call("unlink", `/proc/self/fd/${file}`)).toBe("EPERM");
  });

  it("a pipe, the console, and what cannot be opened again", () => {
    const m = new LinuxMachine();
    m.must("pipe2", BUFFER, 0);
    const [readFd, writeFd] = [m.process.mem.getU32(BUFFER), m.process.mem.getU32(BUFFER + 4)];
    expect(readlink(m, `/proc/self/fd/${readFd}`)).toBe("pipe:[1]");
    const second = m.must("open", `/proc/self/fd/${writeFd}`, O_WRONLY, 0);
    m.put(BUFFER, "through");
    m.must("write", second, BUFFER, 7);
    expect(m.call("read", readFd, BUFFER + 100, 20)).toBe(7);
    m.must("write", m.must("open", "/dev/stderr", O_WRONLY, 0), BUFFER, 7);
    expect(m.output).toBe("through");
    const event = m.must("eventfd2", 0, 0);
    expect(m.call("open", `/proc/self/fd/${event}`, O_RDONLY, 0)).toBe("ENXIO");
    expect(m.call("fstat", m.must("openat", AT_FDCWD, `/proc/self/fd/${event}`, 0o10000000, 0), BUFFER)).toBe(0);
  });
});

describe("/sys", () => {
  it("says what programs ask for", () => {
    const m = new LinuxMachine();
    expect(read(m, "/sys/kernel/mm/transparent_hugepage/enabled")).toBe("always madvise [never]\n");
    expect(read(m, "/sys/devices/system/cpu/online")).toBe("0\n");
    expect(m.call("open", "/sys/new", O_WRONLY | O_CREAT, 0o644)).toBe("EACCES");
    expect(read(m, "/proc/sys/vm/overcommit_memory")).toBe("1\n");
    expect(Number(read(m, "/proc/sys/net/core/somaxconn"))).toBeGreaterThanOrEqual(511);
  });
});
