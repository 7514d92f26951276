/**
 * Signals that are read, polled and waited for instead of handled.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { EINTR } from "../../../../kernel/abi/errno.ts";
import { POLLIN } from "../../../../kernel/abi/poll.ts";
import { SIGALRM, SIGCHLD, SIGKILL, SIGRTMIN, SIGUSR1, SIGUSR2 } from "../../../../kernel/abi/signal.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { BUFFER, LinuxMachine, said, type TestThread } from "../../process/linux-fixture.ts";

const BAD = 0xfffffff8;
const O_NONBLOCK = 0o4000;
const INFO_BYTES = 128;

let m: LinuxMachine;
let t: TestThread;
beforeEach(() => {
  m = new LinuxMachine();
  t = m.thread();
});

function setOf(...signals: number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigUint64(
    0,
    signals.reduce((set, signo) => set | (1n << BigInt(signo - 1)), 0n),
    true,
  );
  return new Uint8Array(bytes.buffer);
}

/** Blocks the signals and opens a descriptor for them. */
function open(flags: number, ...signals: number[]): number {
  expect(t.call("rt_sigprocmask", 0, setOf(...signals), 0, 8)).toBe(0);
  const fd = t.call("signalfd4", -1, setOf(...signals), 8, flags);
  expect(fd).toBeGreaterThanOrEqual(0);
  return fd;
}

const field = (offset: number, index = 0): number => m.process.mem.getI32(BUFFER + INFO_BYTES * index + offset);

function poll(fd: number): number {
  m.process.mem.setU32(BUFFER + 4096, fd);
  m.process.mem.setU32(BUFFER + 4100, POLLIN);
  const ready = t.call("poll", BUFFER + 4096, 1, 0);
  return ready === 0 ? 0 : m.process.mem.getU16(BUFFER + 4102);
}

describe("signalfd", () => {
  it("reads what is pending, lowest first, as much as fits", () => {
    const fd = open(O_NONBLOCK, SIGUSR1, SIGUSR2, SIGRTMIN);
    expect([poll(fd), said(t.call("read", fd, BUFFER, INFO_BYTES))]).toEqual([0, "EAGAIN"]);
    for (const signo of [SIGRTMIN, SIGUSR2, SIGUSR1]) t.call("kill", m.process.pid, signo);
    expect(poll(fd)).toBe(POLLIN);
    expect(t.call("read", fd, BUFFER, 2 * INFO_BYTES + 100)).toBe(2 * INFO_BYTES);
    expect([field(0), field(0, 1), field(12)]).toEqual([SIGUSR1, SIGUSR2, m.process.pid]);
    expect(t.call("read", fd, BUFFER, 4 * INFO_BYTES)).toBe(INFO_BYTES);
    expect([field(0), poll(fd)]).toEqual([SIGRTMIN, 0]);
    expect(said(t.call("read", fd, BUFFER, INFO_BYTES - 1))).toBe("EINVAL");
    expect(said(t.call("write", fd, BUFFER, INFO_BYTES))).toBe("EINVAL");
    m.call("tkill", t.task.tid, SIGUSR1); // a thread's own
    expect([t.call("read", fd, BUFFER, INFO_BYTES), field(0)]).toEqual([INFO_BYTES, SIGUSR1]);
  });

  it("waits for a signal, and is left by a handler for another", () => {
    const fd = open(0, SIGUSR1);
    t.handle(SIGUSR2, () => {});
    expect(t.call("read", fd, BUFFER, INFO_BYTES)).toBe(WOULD_BLOCK);
    m.call("tkill", t.task.tid, SIGUSR2);
    m.run();
    expect(t.result).toBe(-EINTR);
    expect(t.call("read", fd, BUFFER, INFO_BYTES)).toBe(WOULD_BLOCK);
    m.call("tkill", t.task.tid, SIGUSR1);
    m.run();
    expect([t.result, field(0)]).toEqual([INFO_BYTES, SIGUSR1]);
  });

  it("tells of values, timers and children what belongs to them", () => {
    const fd = open(0, SIGRTMIN, SIGALRM, SIGCHLD);
    const info = new DataView(new ArrayBuffer(128));
    info.setInt32(8, -1, true);
    info.setInt32(24, 4711, true);
    t.call("rt_sigqueueinfo", m.process.pid, SIGRTMIN, new Uint8Array(info.buffer));
    expect(t.call("read", fd, BUFFER, INFO_BYTES)).toBe(INFO_BYTES);
    expect([field(8), field(44), field(48)]).toEqual([-1, 4711, 4711]);
    const child = m.fork();
    expect(() => m.callOf(child, "exit_group", 9)).toThrow();
    expect(t.call("read", fd, BUFFER, INFO_BYTES)).toBe(INFO_BYTES);
    expect([field(0), field(8), field(12), field(40)]).toEqual([SIGCHLD, 1, child.pid, 9]);
    expect(t.call("timer_create", 1, 0, BUFFER + 512)).toBe(0);
    const spec = new DataView(new ArrayBuffer(32));
    spec.setBigInt64(24, 1000n, true);
    expect(t.call("timer_settime", 0, 0, new Uint8Array(spec.buffer), 0)).toBe(0);
    m.advance(1);
    expect(t.call("read", fd, BUFFER, INFO_BYTES)).toBe(INFO_BYTES);
    expect([field(0), field(8), field(24), field(32)]).toEqual([SIGALRM, -2, 0, 0]);
  });

  it("can be given other signals; SIGKILL is never among them", () => {
    const fd = open(O_NONBLOCK, SIGUSR1, SIGUSR2);
    t.call("kill", m.process.pid, SIGUSR2);
    expect(t.call("signalfd4", fd, setOf(SIGUSR1, SIGKILL), 8, 0)).toBe(fd);
    expect(said(t.call("read", fd, BUFFER, INFO_BYTES))).toBe("EAGAIN");
    expect(t.call("signalfd", fd, setOf(SIGUSR2), 8)).toBe(fd);
    expect(t.call("read", fd, BUFFER, INFO_BYTES)).toBe(INFO_BYTES);
  });

  it("of a parent reads the child's signals in the child", () => {
    const fd = open(O_NONBLOCK, SIGUSR1);
    const child = m.fork();
    const c = m.thread(child);
    expect(c.call("rt_sigprocmask", 0, setOf(SIGUSR1), 0, 8)).toBe(0);
    m.call("kill", child.pid, SIGUSR1);
    expect(said(t.call("read", fd, BUFFER, INFO_BYTES))).toBe("EAGAIN");
    expect(c.call("read", fd, BUFFER, INFO_BYTES)).toBe(INFO_BYTES);
  });

  it("refuses flags, sizes, addresses and descriptors that are none", () => {
    expect(said(t.call("signalfd4", -1, setOf(SIGUSR1), 8, 1))).toBe("EINVAL");
    expect(said(t.call("signalfd4", -1, setOf(SIGUSR1), 4, 0))).toBe("EINVAL");
    expect(said(t.call("signalfd4", -1, BAD + 4, 8, 0))).toBe("EFAULT");
    expect(said(t.call("signalfd4", 99, setOf(SIGUSR1), 8, 0))).toBe("EBADF");
    m.must("pipe2", BUFFER, 0);
    expect(said(t.call("signalfd4", m.process.mem.getI32(BUFFER), setOf(SIGUSR1), 8, 0))).toBe("EINVAL");
  });
});

describe("rt_sigtimedwait", () => {
  const timespec = (ms: number): Uint8Array =>
    new Uint8Array(BigInt64Array.of(BigInt(Math.floor(ms / 1000)), BigInt((ms % 1000) * 1e6)).buffer);

  it("takes what is pending, waits, and gives up", () => {
    expect(t.call("rt_sigprocmask", 0, setOf(SIGUSR1, SIGUSR2), 0, 8)).toBe(0);
    t.call("kill", m.process.pid, SIGUSR2);
    expect(t.call("rt_sigtimedwait", setOf(SIGUSR1, SIGUSR2), BUFFER, timespec(0), 8)).toBe(SIGUSR2);
    expect([field(0), field(8), field(16)]).toEqual([SIGUSR2, 0, m.process.pid]);
    expect(said(t.call("rt_sigtimedwait", setOf(SIGUSR1), 0, timespec(0), 8))).toBe("EAGAIN");
    expect(t.call("rt_sigtimedwait", setOf(SIGUSR1), 0, timespec(50), 8)).toBe(WOULD_BLOCK);
    m.advance(50);
    expect(said(t.result as number)).toBe("EAGAIN");
    expect(t.call("rt_sigtimedwait", setOf(SIGUSR1), 0, timespec(50), 8)).toBe(WOULD_BLOCK);
    m.call("tkill", t.task.tid, SIGUSR2); // not the one: the wait goes on
    m.advance(49);
    expect(t.parked).toBe(true);
    m.call("tkill", t.task.tid, SIGUSR1);
    m.run();
    expect(t.result).toBe(SIGUSR1);
  });

  it("takes a signal before its handler does, and is left by another's", () => {
    const seen: number[] = [];
    for (const signo of [SIGUSR1, SIGUSR2]) t.handle(signo, () => void seen.push(signo));
    expect(t.call("rt_sigtimedwait", setOf(SIGUSR1), 0, 0, 8)).toBe(WOULD_BLOCK);
    m.call("tkill", t.task.tid, SIGUSR1);
    m.run();
    expect([t.result, seen]).toEqual([SIGUSR1, []]);
    expect(t.call("rt_sigtimedwait", setOf(SIGUSR1), 0, 0, 8)).toBe(WOULD_BLOCK);
    m.call("tkill", t.task.tid, SIGUSR2);
    m.run();
    expect([t.result, seen]).toEqual([-EINTR, [SIGUSR2]]);
  });

  it("refuses what is no set, no size and no time", () => {
    const set = setOf(SIGUSR1);
    expect(said(t.call("rt_sigtimedwait", set, 0, 0, 4))).toBe("EINVAL");
    expect(said(t.call("rt_sigtimedwait", BAD + 4, 0, 0, 8))).toBe("EFAULT");
    expect(said(t.call("rt_sigtimedwait", set, 0xffffff90, 0, 8))).toBe("EFAULT");
    expect(said(t.call("rt_sigtimedwait", set, 0, BAD, 8))).toBe("EFAULT");
    expect(said(t.call("rt_sigtimedwait", set, 0, new Uint8Array(16).fill(255), 8))).toBe("EINVAL");
  });
});

describe("rt_sigpending, rt_sigprocmask, sigaltstack", () => {
  it("tell what is blocked and pending, for the thread and its process", () => {
    const u = m.thread();
    for (const thread of [t, u]) expect(thread.call("rt_sigprocmask", 0, setOf(SIGUSR1, SIGUSR2), 0, 8)).toBe(0);
    t.call("kill", m.process.pid, SIGUSR1);
    t.call("tkill", u.task.tid, SIGUSR2);
    const pendingOf = (thread: TestThread): bigint => {
      expect(thread.call("rt_sigpending", BUFFER, 8)).toBe(0);
      return m.process.mem.view.getBigUint64(BUFFER, true);
    };
    expect([pendingOf(t), pendingOf(u)]).toEqual([1n << 9n, (1n << 9n) | (1n << 11n)]);
    expect(t.call("rt_sigprocmask", 2, 0, BUFFER, 8)).toBe(0);
    expect(m.process.mem.view.getBigUint64(BUFFER, true)).toBe((1n << 9n) | (1n << 11n));
  });

  it("refuse what they cannot do", () => {
    const set = setOf(SIGUSR1);
    expect(said(t.call("rt_sigpending", BUFFER, 16))).toBe("EINVAL");
    expect(said(t.call("rt_sigpending", BAD + 4, 8))).toBe("EFAULT");
    expect(said(t.call("rt_sigprocmask", 3, set, 0, 8))).toBe("EINVAL");
    expect(said(t.call("rt_sigprocmask", 0, set, 0, 16))).toBe("EINVAL");
    expect(said(t.call("rt_sigprocmask", 0, BAD + 4, 0, 8))).toBe("EFAULT");
    expect(said(t.call("rt_sigprocmask", 0, 0, BAD + 4, 8))).toBe("EFAULT");
    expect(said(t.call("rt_sigaction", 0, 0, 0, 8))).toBe("EINVAL");
    expect(said(t.call("rt_sigaction", 65, 0, 0, 8))).toBe("EINVAL");
    expect(said(t.call("rt_sigaction", SIGUSR1, 0, 0, 16))).toBe("EINVAL");
    expect(said(t.call("rt_sigaction", SIGUSR1, 0xfffffff0, 0, 8))).toBe("EFAULT");
    expect(said(t.call("rt_sigaction", SIGUSR1, 0, 0xfffffff0, 8))).toBe("EFAULT");
    const stack = (flags: number, size: number): Uint8Array =>
      new Uint8Array(Int32Array.of(BUFFER, flags, size).buffer);
    expect(said(t.call("sigaltstack", stack(0, 2047), 0))).toBe("ENOMEM");
    expect(said(t.call("sigaltstack", stack(4, 8192), 0))).toBe("EINVAL");
    expect(said(t.call("sigaltstack", BAD, 0))).toBe("EFAULT");
    expect(t.call("sigaltstack", stack(0, 8192), 0)).toBe(0);
    expect(t.call("sigaltstack", stack(2, 0), BUFFER + 16)).toBe(0);
    expect([16, 20, 24].map((at) => m.process.mem.getI32(BUFFER + at))).toEqual([BUFFER, 0, 8192]);
    expect(t.call("sigaltstack", 0, BUFFER + 16)).toBe(0);
    expect(m.process.mem.getI32(BUFFER + 20)).toBe(2); // SS_DISABLE
  });
});
