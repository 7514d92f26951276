/**
 * select, pselect6, ppoll, epoll_pwait, epoll_pwait2: sets and their errors, timeouts, the time that is left, masks for the duration.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { EBADF, EFAULT, EINTR, EINVAL } from "../../../../kernel/abi/errno.ts";
import { O_NONBLOCK } from "../../../../kernel/abi/fcntl.ts";
import { EPOLL_CTL_ADD, POLLIN, POLLNVAL, POLLOUT } from "../../../../kernel/abi/poll.ts";
import { SIG_BLOCK, SIGUSR1 } from "../../../../kernel/abi/signal.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { RUN_HANDLER } from "../../../../kernel/shim/shim.ts";
import { BUFFER, LinuxMachine, type TestThread } from "../../process/linux-fixture.ts";

const READ = BUFFER + 1024;
const WRITE = BUFFER + 2048;
const EXCEPT = BUFFER + 3072;
const TIME = BUFFER + 4096;
const MASK = BUFFER + 4128;
const PAIR = BUFFER + 4144;
const EVENTS = BUFFER + 4200;
const OUTSIDE = 0xfffffff0;

let m: LinuxMachine;
let t: TestThread;
let readFd: number;
let writeFd: number;

beforeEach(() => {
  m = new LinuxMachine();
  t = m.thread();
  [readFd, writeFd] = pipe();
});

function pipe(): [number, number] {
  m.must("pipe2", BUFFER, O_NONBLOCK);
  return [m.process.mem.getU32(BUFFER), m.process.mem.getU32(BUFFER + 4)];
}

function setTime(seconds: number, fraction: number, ptr = TIME): number {
  m.process.mem.setI64(ptr, seconds);
  m.process.mem.setI64(ptr + 8, fraction);
  return ptr;
}

/** What is left there, in units of the fraction (1e6 or 1e9 a second). */
function timeLeft(fractions: number): number {
  return m.process.mem.getI64(TIME) * fractions + m.process.mem.getI64(TIME + 8);
}

function fdSet(ptr: number, ...fds: number[]): number {
  m.process.mem.u8.fill(0, ptr, ptr + 128);
  const { u8 } = m.process.mem;
  for (const fd of fds) u8[ptr + (fd >> 3)] = (u8[ptr + (fd >> 3)] as number) | (1 << (fd & 7));
  return ptr;
}

function membersOf(ptr: number): number[] {
  return Array.from({ length: 1024 }, (_, fd) => fd).filter(
    (fd) => (m.process.mem.u8[ptr + (fd >> 3)] as number) & (1 << (fd & 7)),
  );
}

function maskOf(...signals: number[]): number {
  m.process.mem.setI64(
    MASK,
    signals.reduce((sum, signo) => sum + 2 ** (signo - 1), 0),
  );
  return MASK;
}

function pairOf(mask: number, bytes = 8): number {
  m.process.mem.setI64(PAIR, mask);
  m.process.mem.setI64(PAIR + 8, bytes);
  return PAIR;
}

function pollFds(...entries: [fd: number, events: number][]): number {
  entries.forEach(([fd, events], i) => {
    m.process.mem.setU32(EVENTS + i * 8, fd);
    m.process.mem.setU32(EVENTS + i * 8 + 4, events);
  });
  return EVENTS;
}

/** SIGUSR1 gets a handler. There is no guest to run it: the call answers RUN_HANDLER, and the frame says what it would answer afterwards. */
function handleUsr1(): void {
  const { signals } = m.process.linux;
  signals.handlerTable = { set() {} } as unknown as WebAssembly.Table;
  Object.defineProperty(t.task.linux?.instance, "functionAt", { value: () => () => 0 });
  const action = new Uint8Array(24);
  action[0] = 2;
  m.must("rt_sigaction", SIGUSR1, action, 0, 8);
}

/** The call under way has ended by the handler of SIGUSR1, with EINTR, and with `blocked` as the mask to go back to. */
function expectHandled(blocked: boolean): void {
  expect(t.result).toBe(RUN_HANDLER);
  const frame = t.task.linux?.frames.finish(0);
  expect(frame?.result).toBe(-EINTR);
  expect(frame?.restarts).toBe(false);
  expect(frame?.blocked.has(SIGUSR1)).toBe(blocked);
  expect(t.task.linux?.maskToRestore).toBe(null);
}

function raise(thread = t): void {
  m.must("tgkill", m.process.pid, thread.task.tid, SIGUSR1);
}

describe("select", () => {
  it("tells which descriptors are ready, in sets of their own", () => {
    fdSet(READ, readFd);
    fdSet(WRITE, readFd, writeFd);
    fdSet(EXCEPT, readFd, writeFd);
    expect(t.call("select", writeFd + 1, READ, WRITE, EXCEPT, setTime(0, 0))).toBe(1);
    expect([membersOf(READ), membersOf(WRITE), membersOf(EXCEPT)]).toEqual([[], [writeFd], []]);
    m.must("write", writeFd, BUFFER, 1);
    fdSet(READ, readFd);
    expect(t.call("select", writeFd + 1, READ, WRITE, 0, 0)).toBe(2); // a descriptor counts once for each set
    expect(membersOf(READ)).toEqual([readFd]);
  });

  it("looks at the first nfds descriptors only, and rounds the sets up to words", () => {
    m.must("write", writeFd, BUFFER, 1);
    fdSet(READ, readFd, 63, 64);
    expect(t.call("select", readFd + 1, READ, 0, 0, 0)).toBe(1);
    expect(membersOf(READ)).toEqual([readFd, 64]); // the word of descriptor 63 is written, the next one is not
    expect(t.call("select", 0, 0, 0, 0, setTime(0, 0))).toBe(0);
  });

  it("waits, with the sets untouched until then", () => {
    fdSet(READ, readFd);
    expect(t.call("select", readFd + 1, READ, 0, 0, 0)).toBe(WOULD_BLOCK);
    expect(membersOf(READ)).toEqual([readFd]);
    m.must("write", writeFd, BUFFER, 1);
    m.run();
    expect(t.result).toBe(1);
    expect(membersOf(READ)).toEqual([readFd]);
  });

  it("gives up when its time is over, empties the sets, and says what is left", () => {
    fdSet(READ, readFd);
    expect(t.call("select", readFd + 1, READ, 0, 0, setTime(2, 500_000))).toBe(WOULD_BLOCK);
    m.advance(2400);
    expect(t.parked).toBe(true);
    m.advance(200);
    expect(t.result).toBe(0);
    expect(membersOf(READ)).toEqual([]);
    expect(timeLeft(1e6)).toBe(0);
    expect(t.call("select", 0, 0, 0, 0, setTime(1, 0))).toBe(WOULD_BLOCK); // a way to sleep
    m.advance(1001);
    expect(t.result).toBe(0);
  });

  it("writes the remaining time when it is ready, and when a signal ends it", () => {
    fdSet(READ, readFd);
    t.call("select", readFd + 1, READ, 0, 0, setTime(10, 0));
    m.advance(4000);
    m.must("write", writeFd, BUFFER, 1);
    m.run();
    expect(t.result).toBe(1);
    expect(timeLeft(1e6) / 1e6).toBeCloseTo(6, 1);
    m.must("read", readFd, BUFFER, 1);
    handleUsr1();
    fdSet(READ, readFd);
    t.call("select", readFd + 1, READ, 0, 0, setTime(10, 0));
    m.advance(3000);
    raise();
    m.run();
    expectHandled(false);
    expect(timeLeft(1e6) / 1e6).toBeCloseTo(7, 1);
    expect(membersOf(READ)).toEqual([readFd]);
  });

  it("refuses what is wrong", () => {
    fdSet(READ, 77);
    expect(t.call("select", 78, READ, 0, 0, 0)).toBe(-EBADF);
    expect(t.call("select", 77, READ, 0, 0, setTime(0, 0))).toBe(0);
    expect(t.call("select", -1, 0, 0, 0, 0)).toBe(-EINVAL);
    expect(t.call("select", 1, OUTSIDE, 0, 0, 0)).toBe(-EFAULT);
    expect(t.call("select", 1, 0, 0, OUTSIDE, 0)).toBe(-EFAULT);
    expect(t.call("select", 0, 0, 0, 0, OUTSIDE)).toBe(-EFAULT);
    expect(t.call("select", 0, 0, 0, 0, setTime(-1, 0))).toBe(-EINVAL);
    expect(t.call("select", 0, 0, 0, 0, setTime(0, 1_000_000))).toBe(-EINVAL);
  });

  it("bounds how far it looks, however many descriptors there are said to be", () => {
    const size = m.process.mem.size;
    expect(t.call("select", 0x7fffffff, size - 128, 0, 0, setTime(0, 0))).toBe(-EFAULT);
    expect(t.call("select", 0x7fffffff, 0, 0, 0, setTime(0, 0))).toBe(0);
  });
});

describe("ppoll", () => {
  it("reports as poll does, waits as long as its timespec says, and writes what is left", () => {
    const fds = pollFds([readFd, POLLIN], [writeFd, POLLOUT], [99, POLLIN], [-1, POLLIN]);
    expect(t.call("ppoll", fds, 4, setTime(5, 0), 0, 0)).toBe(2);
    expect([0, 1, 2, 3].map((i) => m.process.mem.getU16(fds + i * 8 + 6))).toEqual([0, POLLOUT, POLLNVAL, 0]);
    expect(timeLeft(1e9)).toBe(5e9);
    expect(t.call("ppoll", pollFds([readFd, POLLIN]), 1, setTime(1, 500_000_000), 0, 0)).toBe(WOULD_BLOCK);
    m.advance(1000);
    m.must("write", writeFd, BUFFER, 1);
    m.run();
    expect(t.result).toBe(1);
    expect(timeLeft(1e9) / 1e9).toBeCloseTo(0.5, 1);
    expect(t.call("ppoll", 0, 0, setTime(0, 1_000_000), 0, 0)).toBe(WOULD_BLOCK);
    m.advance(2);
    expect(t.result).toBe(0);
  });

  it("refuses what is wrong", () => {
    expect(t.call("ppoll", OUTSIDE, 4, 0, 0, 0)).toBe(-EFAULT);
    expect(t.call("ppoll", 0, 0x20000, 0, 0, 0)).toBe(-EINVAL);
    expect(t.call("ppoll", 0, 0, OUTSIDE, 0, 0)).toBe(-EFAULT);
    expect(t.call("ppoll", 0, 0, setTime(0, 1_000_000_000), 0, 0)).toBe(-EINVAL);
    expect(t.call("ppoll", 0, 0, setTime(2 ** 50, 0), 0, 0)).toBe(WOULD_BLOCK);
  });
});

describe("epoll", () => {
  it("epoll_create wants a positive size", () => {
    expect(m.call("epoll_create", 0)).toBe("EINVAL");
    expect(m.must("epoll_create", 1)).toBeGreaterThan(writeFd);
  });

  it("epoll_pwait and epoll_pwait2 wait as epoll_wait does", () => {
    const epfd = m.must("epoll_create1", 0);
    const event = new Uint8Array(12);
    event.set([POLLIN, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    m.must("epoll_ctl", epfd, EPOLL_CTL_ADD, readFd, event);
    expect(t.call("epoll_pwait", epfd, EVENTS, 1, 0, 0, 0)).toBe(0);
    expect(t.call("epoll_pwait2", epfd, EVENTS, 1, setTime(0, 0), 0, 0)).toBe(0);
    expect(t.call("epoll_pwait2", epfd, EVENTS, 1, setTime(1, 0), 0, 0)).toBe(WOULD_BLOCK);
    m.advance(500);
    m.must("write", writeFd, BUFFER, 1);
    m.run();
    expect(t.result).toBe(1);
    expect([...m.process.mem.u8.slice(EVENTS, EVENTS + 12)]).toEqual([...event]);
    expect(timeLeft(1e9)).toBe(1e9); // epoll_pwait2 does not touch it
    m.must("read", readFd, BUFFER, 1);
    expect(t.call("epoll_pwait", epfd, EVENTS, 1, 1000, maskOf(), 8)).toBe(WOULD_BLOCK);
    m.advance(1001);
    expect(t.result).toBe(0);
    expect(t.task.linux?.maskToRestore).toBe(null);
  });

  it("refuses what is wrong", () => {
    const epfd = m.must("epoll_create1", 0);
    expect(t.call("epoll_pwait", 99, EVENTS, 1, 0, 0, 0)).toBe(-EBADF);
    expect(t.call("epoll_pwait", readFd, EVENTS, 1, 0, 0, 0)).toBe(-EINVAL);
    expect(t.call("epoll_pwait", epfd, EVENTS, 0, 0, 0, 0)).toBe(-EINVAL);
    expect(t.call("epoll_pwait", epfd, OUTSIDE, 8, 0, 0, 0)).toBe(-EFAULT);
    expect(t.call("epoll_pwait2", epfd, EVENTS, 1, OUTSIDE, 0, 0)).toBe(-EFAULT);
    expect(t.call("epoll_pwait2", epfd, EVENTS, 1, setTime(-1, 0), 0, 0)).toBe(-EINVAL);
  });
});

describe("a signal mask for the duration of a call", () => {
  const calls: readonly [string, () => number[]][] = [
    ["pselect6", () => [0, 0, 0, 0, 0, pairOf(maskOf())]],
    ["ppoll", () => [0, 0, 0, maskOf(), 8]],
    ["epoll_pwait", () => [m.must("epoll_create1", 0), EVENTS, 1, -1, maskOf(), 8]],
    ["epoll_pwait2", () => [m.must("epoll_create1", 0), EVENTS, 1, 0, maskOf(), 8]],
  ];

  it.each(calls)("%s: a blocked signal that it lets in ends it, and the mask is back", (name, args) => {
    handleUsr1();
    t.call("rt_sigprocmask", SIG_BLOCK, maskOf(SIGUSR1), 0, 8);
    raise();
    m.run();
    const given = args();
    expect(t.task.signaled).toBe(false);
    t.call(name, ...given);
    expectHandled(true);
  });

  it.each(calls)("%s: the same while it waits", (name, args) => {
    handleUsr1();
    t.call("rt_sigprocmask", SIG_BLOCK, maskOf(SIGUSR1), 0, 8);
    expect(t.call(name, ...args())).toBe(WOULD_BLOCK);
    raise();
    m.run();
    expectHandled(true);
  });

  it.each(calls)("%s: a signal that only the mask blocks is handled afterwards", (name, args) => {
    handleUsr1();
    const given = args();
    maskOf(SIGUSR1);
    expect(t.call(name, ...given)).toBe(WOULD_BLOCK);
    raise();
    m.run();
    expect(t.parked).toBe(true);
    expect(t.task.linux?.blocked.has(SIGUSR1)).toBe(true);
  });

  it("is back when the call has a result", () => {
    expect(t.call("ppoll", pollFds([writeFd, POLLOUT]), 1, 0, maskOf(SIGUSR1), 8)).toBe(1);
    expect(t.task.linux?.blocked.has(SIGUSR1)).toBe(false);
    expect(t.call("ppoll", 0, 0, setTime(1, 0), maskOf(SIGUSR1), 8)).toBe(WOULD_BLOCK);
    expect(t.task.linux?.blocked.has(SIGUSR1)).toBe(true);
    m.advance(1001);
    expect(t.result).toBe(0);
    expect(t.task.linux?.blocked.has(SIGUSR1)).toBe(false);
  });

  it.each(calls)("%s: refuses a mask of another size, and one outside memory", (name, args) => {
    const given = args();
    if (name === "pselect6") {
      expect(t.call(name, ...given.slice(0, 5), pairOf(maskOf(), 16))).toBe(-EINVAL);
      expect(t.call(name, ...given.slice(0, 5), pairOf(OUTSIDE))).toBe(-EFAULT);
      expect(t.call(name, ...given.slice(0, 5), OUTSIDE)).toBe(-EFAULT);
    } else {
      expect(t.call(name, ...given.slice(0, -1), 16)).toBe(-EINVAL);
      expect(t.call(name, ...given.slice(0, -2), OUTSIDE, 8)).toBe(-EFAULT);
    }
  });
});
