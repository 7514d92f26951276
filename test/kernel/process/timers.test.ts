/**
 * Timers that raise signals: interval timers and those of timer_create(2), on a clock that the test moves.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { SI_TIMER, SIG_IGN, SIGALRM, SIGPROF, SIGRTMIN, SIGUSR1 } from "../../../kernel/abi/signal.ts";
import { CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME, TIMER_ABSTIME } from "../../../kernel/abi/time.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { BUFFER, LinuxMachine, said, type TestThread } from "./linux-fixture.ts";

const SIGEV_SIGNAL = 0;
const SIGEV_NONE = 1;
const SIGEV_THREAD_ID = 4;
const BLOCK = 0;
const UNBLOCK = 1;

let m: LinuxMachine;
let t: TestThread;
/** What handlers were told: signal, code, timer, overrun, value. */
let seen: number[][];

beforeEach(() => {
  m = new LinuxMachine();
  t = m.thread();
  seen = [];
  const { mem } = m.process;
  for (const signo of [SIGALRM, SIGUSR1, SIGPROF, SIGRTMIN]) {
    t.handle(signo, (_signo, info) => void seen.push([0, 8, 16, 20, 24].map((at) => mem.getI32(info + at))));
  }
});

/** Seconds, nanoseconds, twice: interval and value. */
function times(intervalMs: number, valueMs: number, perSecond = 1e9): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(32));
  [intervalMs, valueMs].forEach((ms, index) => {
    bytes.setBigInt64(16 * index, BigInt(Math.floor(ms / 1000)), true);
    bytes.setBigInt64(16 * index + 8, BigInt(Math.round((ms % 1000) * (perSecond / 1000))), true);
  });
  return new Uint8Array(bytes.buffer);
}

/** Interval and value at BUFFER, milliseconds. */
function readTimes(perSecond = 1e9): number[] {
  const { mem } = m.process;
  return [0, 16].map((at) => mem.getI64(BUFFER + at) * 1000 + mem.getI64(BUFFER + at + 8) / (perSecond / 1000));
}

function event(notify: number, signo: number, value = 0, tid = 0): Uint8Array {
  return new Uint8Array(Int32Array.of(value, signo, notify, tid).buffer);
}

function create(clockid: number, sevp: Uint8Array | number): number {
  expect(t.call("timer_create", clockid, sevp, BUFFER)).toBe(0);
  return m.process.mem.getI32(BUFFER);
}

function setTime(timer: number, intervalMs: number, valueMs: number, flags = 0): void {
  expect(t.call("timer_settime", timer, flags, times(intervalMs, valueMs), 0)).toBe(0);
}

function left(timer: number): number[] {
  expect(t.call("timer_gettime", timer, BUFFER)).toBe(0);
  return readTimes();
}

/** A call, at whose end signals are delivered. */
function look(): number[][] {
  t.call("getpid");
  return seen.splice(0);
}

function mask(how: number, signo: number): void {
  const set = new DataView(new ArrayBuffer(8));
  set.setBigUint64(0, 1n << BigInt(signo - 1), true);
  expect(t.call("rt_sigprocmask", how, new Uint8Array(set.buffer), 0, 8)).toBe(0);
}

describe("timer_create", () => {
  it("tells by signal, with its number and value", () => {
    const timer = create(CLOCK_MONOTONIC, event(SIGEV_SIGNAL, SIGRTMIN, 42));
    setTime(timer, 0, 20);
    m.advance(19);
    expect(look()).toEqual([]);
    expect(left(timer)).toEqual([0, 1]);
    m.advance(1);
    expect(look()).toEqual([[SIGRTMIN, SI_TIMER, timer, 0, 42]]);
    expect(left(timer)).toEqual([0, 0]);
    m.advance(1000);
    expect(look()).toEqual([]);
  });

  it("without an event raises SIGALRM with its own number as value", () => {
    create(CLOCK_MONOTONIC, 0);
    const timer = create(CLOCK_MONOTONIC, 0);
    setTime(timer, 0, 1);
    m.advance(1);
    expect(look()).toEqual([[SIGALRM, SI_TIMER, timer, 0, timer]]);
  });

  it("counts expirations while its signal is pending, and keeps its pace", () => {
    const timer = create(CLOCK_MONOTONIC, event(SIGEV_SIGNAL, SIGRTMIN));
    mask(BLOCK, SIGRTMIN);
    setTime(timer, 10, 10);
    for (let i = 0; i < 11; i++) m.advance(9.5);
    expect(m.machine.timers.length).toBe(0); // nothing is armed while the signal waits
    mask(UNBLOCK, SIGRTMIN); // at 104.5: it has expired at 10, 20, ... 100
    expect(seen.splice(0)).toEqual([[SIGRTMIN, SI_TIMER, timer, 9, 0]]);
    expect(t.call("timer_getoverrun", timer)).toBe(9);
    expect(left(timer)).toEqual([10, 5.5]);
    m.advance(5.5);
    expect(look()).toEqual([[SIGRTMIN, SI_TIMER, timer, 0, 0]]);
    expect(t.call("timer_getoverrun", timer)).toBe(0);
  });

  it("has a signal of its own pending even where another timer's is", () => {
    const timers = [
      create(CLOCK_MONOTONIC, event(SIGEV_SIGNAL, SIGUSR1, 1)),
      create(CLOCK_MONOTONIC, event(0, SIGUSR1, 2)),
    ];
    mask(BLOCK, SIGUSR1);
    for (const timer of timers) setTime(timer, 0, 5);
    m.advance(5);
    mask(UNBLOCK, SIGUSR1);
    expect(
      look()
        .map(([, , , , value]) => value)
        .sort(),
    ).toEqual([1, 2]);
  });

  it("goes on while its signal is ignored", () => {
    const timer = create(CLOCK_MONOTONIC, event(SIGEV_SIGNAL, SIGUSR1));
    t.handle(SIGUSR1, SIG_IGN);
    setTime(timer, 10, 10);
    m.advance(25);
    expect(left(timer)).toEqual([10, 5]);
    expect(look()).toEqual([]);
  });

  it("takes a pending signal back when it is set or deleted", () => {
    const timer = create(CLOCK_MONOTONIC, event(SIGEV_SIGNAL, SIGUSR1));
    mask(BLOCK, SIGUSR1);
    setTime(timer, 0, 5);
    m.advance(5);
    setTime(timer, 0, 5);
    expect(m.process.linux.signals.pending.set.isEmpty).toBe(true);
    m.advance(5);
    expect(t.call("timer_delete", timer)).toBe(0);
    mask(UNBLOCK, SIGUSR1);
    expect(look()).toEqual([]);
    expect(said(t.call("timer_delete", timer))).toBe("EINVAL");
    expect(said(t.call("timer_gettime", timer, BUFFER))).toBe("EINVAL");
  });

  it("tells one thread, and nobody once that has ended", () => {
    const u = m.thread();
    const timer = create(CLOCK_MONOTONIC, event(SIGEV_THREAD_ID, SIGUSR1, 0, u.task.tid));
    expect(u.call("pause")).toBe(WOULD_BLOCK);
    setTime(timer, 5, 5);
    m.advance(5);
    expect(u.result).not.toBe(null);
    expect(seen.splice(0).length).toBe(1);
    m.process.tasks.delete(u.task);
    m.advance(50);
    expect(look()).toEqual([]);
  });

  it("is silent with SIGEV_NONE, and says how far it is", () => {
    const timer = create(CLOCK_MONOTONIC, event(SIGEV_NONE, 99));
    setTime(timer, 10, 25);
    m.advance(32);
    expect(left(timer)).toEqual([10, 3]);
    expect(look()).toEqual([]);
  });

  it("with TIMER_ABSTIME follows its clock where that is set; without, lasts as long", () => {
    const absolute = create(CLOCK_REALTIME, event(SIGEV_SIGNAL, SIGUSR1, 1));
    const relative = create(CLOCK_REALTIME, event(SIGEV_SIGNAL, SIGRTMIN, 2));
    const now = m.process.clock.realtimeMs();
    setTime(absolute, 0, now + 100_000, TIMER_ABSTIME);
    setTime(relative, 0, 100_000);
    expect(t.call("clock_settime", CLOCK_REALTIME, times(now + 99_000, 0))).toBe(0);
    m.advance(1000);
    expect(look().map(([signo]) => signo)).toEqual([SIGUSR1]);
    expect(t.call("clock_settime", CLOCK_REALTIME, times(now, 0))).toBe(0);
    m.advance(98_999);
    expect(look()).toEqual([]);
    m.advance(1);
    expect(look().map(([signo]) => signo)).toEqual([SIGRTMIN]);
  });

  it("on a clock of CPU time does not count the time in which nobody runs", () => {
    const timer = create(CLOCK_PROCESS_CPUTIME_ID, event(SIGEV_SIGNAL, SIGUSR1));
    setTime(timer, 0, 50);
    m.advance(1000);
    expect(look()).toEqual([]);
    t.task.cpuMs += 60;
    m.advance(50);
    expect(look().length).toBe(1);
  });

  it("refuses clocks, signals, threads and memory that there are not", () => {
    const refused = (clockid: number, sevp: Uint8Array | number, at = BUFFER): number | string =>
      said(t.call("timer_create", clockid, sevp, at));
    expect(refused(99, 0)).toBe("EINVAL");
    expect(refused(CLOCK_MONOTONIC, event(SIGEV_SIGNAL, 0))).toBe("EINVAL");
    expect(refused(CLOCK_MONOTONIC, event(SIGEV_SIGNAL, 65))).toBe("EINVAL");
    expect(refused(CLOCK_MONOTONIC, event(3, SIGUSR1))).toBe("EINVAL");
    expect(refused(CLOCK_MONOTONIC, event(SIGEV_THREAD_ID, SIGUSR1, 0, 4711))).toBe("EINVAL");
    expect(refused(CLOCK_MONOTONIC, 0, 0xfffffff0)).toBe("EFAULT");
    expect(refused(CLOCK_MONOTONIC, 0xfffffff8)).toBe("EFAULT");
    const timer = create(CLOCK_MONOTONIC, 0);
    const wrong = times(0, 0);
    new DataView(wrong.buffer).setBigInt64(24, 1_000_000_000n, true);
    expect(said(t.call("timer_settime", timer, 0, wrong, 0))).toBe("EINVAL");
    expect(said(t.call("timer_settime", timer, 0, 0, 0))).toBe("EINVAL");
    expect(said(t.call("timer_settime", 77, 0, times(0, 1), 0))).toBe("EINVAL");
    for (let i = 1; i < 1024; i++) create(CLOCK_MONOTONIC, 0);
    expect(refused(CLOCK_MONOTONIC, 0)).toBe("EAGAIN");
  });

  it("is not inherited by a child, and lost in execve", () => {
    const timer = create(CLOCK_MONOTONIC, 0);
    const child = m.fork();
    expect(m.callOf(child, "timer_gettime", timer, BUFFER)).toBe("EINVAL");
  });
});

describe("setitimer", () => {
  it("raises SIGALRM again and again, and does not fall behind", () => {
    expect(t.call("setitimer", 0, times(10, 25, 1e6), 0)).toBe(0);
    m.advance(25);
    expect(look().length).toBe(1);
    m.advance(34); // 35 and 45 and 55 have passed: one signal
    expect(look().length).toBe(1);
    expect(t.call("getitimer", 0, BUFFER)).toBe(0);
    expect(readTimes(1e6)).toEqual([10, 6]);
    expect(t.call("setitimer", 0, 0, BUFFER)).toBe(0);
    expect(readTimes(1e6)).toEqual([10, 6]);
    m.advance(100);
    expect(look()).toEqual([]);
  });

  it("of CPU time does not run while nobody does", () => {
    expect(t.call("setitimer", 2, times(0, 30, 1e6), 0)).toBe(0);
    m.advance(500);
    expect(look()).toEqual([]);
    t.task.cpuMs += 31;
    m.advance(30);
    expect(look().map(([signo]) => signo)).toEqual([SIGPROF]);
  });

  it("refuses what is no timer and no time", () => {
    expect(said(t.call("setitimer", 3, times(0, 1, 1e6), 0))).toBe("EINVAL");
    const wrong = times(0, 0);
    new DataView(wrong.buffer).setBigInt64(24, 1_000_000n, true);
    expect(said(t.call("setitimer", 0, wrong, 0))).toBe("EINVAL");
    expect(said(t.call("setitimer", 0, 0xfffffff0, 0))).toBe("EFAULT");
    expect(said(t.call("getitimer", 0, 0xfffffff0))).toBe("EFAULT");
  });

  it("is not inherited by a child", () => {
    t.call("setitimer", 0, times(10, 10, 1e6), 0);
    const child = m.fork();
    expect(child.linux.timers.get(0)?.remainingMs).toBe(0);
  });
});

describe("alarm", () => {
  it("answers the seconds that were left, never 0 for a running one", () => {
    expect(t.call("alarm", 10)).toBe(0);
    m.advance(400);
    expect(t.call("alarm", 3)).toBe(10);
    m.advance(2900);
    expect(t.call("alarm", 0)).toBe(1);
    expect(t.call("alarm", 0)).toBe(0);
    m.advance(10_000);
    expect(look()).toEqual([]);
  });
});
