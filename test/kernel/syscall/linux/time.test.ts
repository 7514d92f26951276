/**
 * Clocks, and sleeping until a moment of one.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { EINTR } from "../../../../kernel/abi/errno.ts";
import { SIGUSR1 } from "../../../../kernel/abi/signal.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  CLOCK_REALTIME_COARSE,
  CLOCK_TAI,
  CLOCK_THREAD_CPUTIME_ID,
  TIMER_ABSTIME,
} from "../../../../kernel/abi/time.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { BUFFER, LinuxMachine, said, type TestThread } from "../../process/linux-fixture.ts";

const BAD = 0xfffffff8;
const START = 1_700_000_000_000;

let m: LinuxMachine;
let t: TestThread;
beforeEach(() => {
  m = new LinuxMachine();
  t = m.thread();
});

function timespec(ms: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setBigInt64(0, BigInt(Math.floor(ms / 1000)), true);
  bytes.setBigInt64(8, BigInt(Math.round((ms % 1000) * 1e6)), true);
  return new Uint8Array(bytes.buffer);
}

/** The timespec at BUFFER, milliseconds. */
function read(perSecond = 1e9): number {
  const { mem } = m.process;
  return mem.getI64(BUFFER) * 1000 + mem.getI64(BUFFER + 8) / (perSecond / 1000);
}

function clock(clockid: number): number | string {
  const result = t.call("clock_gettime", clockid, BUFFER);
  return result === 0 ? read() : said(result);
}

const cpuClock = (number: number, thread: boolean): number => (~number << 3) | (thread ? 6 : 2);

describe("clocks", () => {
  it("are real time, time since the start, and CPU time", () => {
    m.advance(1234.5);
    for (const clockid of [CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI])
      expect(clock(clockid)).toBe(START + 1234.5);
    for (const clockid of [CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME]) {
      expect(clock(clockid)).toBe(1234.5);
    }
    const u = m.thread();
    [t.task.cpuMs, u.task.cpuMs] = [20, 30];
    expect([clock(CLOCK_PROCESS_CPUTIME_ID), clock(CLOCK_THREAD_CPUTIME_ID)]).toEqual([50, 20]);
    const child = m.fork();
    m.thread(child).task.cpuMs = 7;
    expect([clock(cpuClock(0, false)), clock(cpuClock(child.pid, false)), clock(cpuClock(4711, false))]).toEqual([
      50,
      7,
      "EINVAL",
    ]);
    expect([clock(cpuClock(0, true)), clock(cpuClock(u.task.tid, true)), clock(cpuClock(child.pid, true))]).toEqual([
      20,
      30,
      "EINVAL",
    ]);
    for (const clockid of [10, 12, 99, cpuClock(0, false) | 3]) expect(clock(clockid)).toBe("EINVAL");
    expect(said(t.call("clock_gettime", CLOCK_REALTIME, BAD))).toBe("EFAULT");
    expect(t.call("clock_getres", CLOCK_MONOTONIC, 0)).toBe(0);
    expect(said(t.call("clock_getres", CLOCK_MONOTONIC, BAD))).toBe("EFAULT");
    expect(said(t.call("clock_getres", 99, BUFFER))).toBe("EINVAL");
  });

  it("of real time can be set by user 0, for the machine", () => {
    expect(t.call("clock_settime", CLOCK_REALTIME, timespec(5_000_000))).toBe(0);
    m.advance(1000);
    expect([clock(CLOCK_REALTIME), clock(CLOCK_MONOTONIC)]).toEqual([5_001_000, 1000]);
    expect(t.call("time", BUFFER + 64)).toBe(5001);
    expect(m.process.mem.getI64(BUFFER + 64)).toBe(5001);
    expect(t.call("gettimeofday", BUFFER, 0)).toBe(0);
    expect(read(1e6)).toBe(5_001_000);
    const timeval = timespec(7000);
    expect(t.call("settimeofday", timeval, 0)).toBe(0);
    expect(clock(CLOCK_REALTIME)).toBe(7000);
    expect(said(t.call("clock_settime", CLOCK_MONOTONIC, timespec(1)))).toBe("EINVAL");
    expect(said(t.call("clock_settime", CLOCK_REALTIME, BAD))).toBe("EFAULT");
    const wrong = timespec(1);
    new DataView(wrong.buffer).setBigInt64(8, -1n, true);
    expect(said(t.call("clock_settime", CLOCK_REALTIME, wrong))).toBe("EINVAL");
    m.must("setuid", 1);
    expect(said(t.call("clock_settime", CLOCK_REALTIME, timespec(1)))).toBe("EPERM");
    expect(said(t.call("settimeofday", timeval, 0))).toBe("EPERM");
  });

  it("cannot be adjusted, but asked how they are", () => {
    const { mem } = m.process;
    mem.setU32(BUFFER, 0);
    expect(t.call("adjtimex", BUFFER)).toBe(5); // TIME_ERROR: nobody keeps it right
    expect([mem.getI64(BUFFER + 72), mem.getI64(BUFFER + 88)]).toEqual([START / 1000, 10_000]);
    mem.setU32(BUFFER, 1);
    expect(said(t.call("clock_adjtime", CLOCK_REALTIME, BUFFER))).toBe("EPERM");
    expect(said(t.call("clock_adjtime", CLOCK_MONOTONIC, BUFFER))).toBe("EOPNOTSUPP");
    expect(said(t.call("clock_adjtime", 99, BUFFER))).toBe("EINVAL");
    expect(said(t.call("adjtimex", BAD))).toBe("EFAULT");
  });
});

describe("sleeping", () => {
  const sleep = (clockid: number, ms: number, flags = 0): number | string =>
    said(t.call("clock_nanosleep", clockid, flags, timespec(ms), BUFFER + 64));

  it("for some time ends when it has passed", () => {
    expect(sleep(CLOCK_REALTIME, 100)).toBe(WOULD_BLOCK);
    m.machine.clock.setRealtime(0);
    m.machine.clockSet.wake(1);
    m.advance(99);
    expect(t.parked).toBe(true);
    m.advance(1);
    expect(t.result).toBe(0);
    expect(sleep(CLOCK_MONOTONIC, 0)).toBe(0);
  });

  it("until a moment ends at that moment, also if the clock is set meanwhile", () => {
    m.advance(500);
    expect(sleep(CLOCK_MONOTONIC, 400, TIMER_ABSTIME)).toBe(0);
    expect(sleep(CLOCK_MONOTONIC, 700, TIMER_ABSTIME)).toBe(WOULD_BLOCK);
    m.advance(200);
    expect(t.result).toBe(0);
    expect(sleep(CLOCK_REALTIME, START + 10_000, TIMER_ABSTIME)).toBe(WOULD_BLOCK);
    expect(m.call("clock_settime", CLOCK_REALTIME, timespec(START + 9990))).toBe(0);
    m.run();
    m.advance(9);
    expect(t.parked).toBe(true);
    m.advance(1);
    expect(t.result).toBe(0);
    expect(sleep(CLOCK_REALTIME, START + 50_000, TIMER_ABSTIME)).toBe(WOULD_BLOCK);
    expect(m.call("clock_settime", CLOCK_REALTIME, timespec(START + 60_000))).toBe(0);
    m.run();
    expect(t.result).toBe(0);
  });

  it("on CPU time ends once others have used enough", () => {
    const u = m.thread();
    expect(sleep(CLOCK_PROCESS_CPUTIME_ID, 20)).toBe(WOULD_BLOCK);
    m.advance(500);
    expect(t.parked).toBe(true);
    u.task.cpuMs += 21;
    m.advance(20);
    expect(t.result).toBe(0);
  });

  it("that a handler ends tells what is left, but not of a moment", () => {
    t.handle(SIGUSR1, () => {});
    expect(sleep(CLOCK_REALTIME, 3000)).toBe(WOULD_BLOCK);
    m.advance(1250);
    m.call("tkill", t.task.tid, SIGUSR1);
    m.run();
    expect(t.result).toBe(-EINTR);
    const { mem } = m.process;
    expect([mem.getI64(BUFFER + 64), mem.getI64(BUFFER + 72)]).toEqual([1, 750_000_000]);
    mem.setI64(BUFFER + 64, 77);
    expect(sleep(CLOCK_MONOTONIC, 10_000, TIMER_ABSTIME)).toBe(WOULD_BLOCK);
    m.call("tkill", t.task.tid, SIGUSR1);
    m.run();
    expect(t.result).toBe(-EINTR);
    expect(mem.getI64(BUFFER + 64)).toBe(77);
    m.must("pipe2", BUFFER, 0);
    expect(t.call("read", mem.getI32(BUFFER), BUFFER + 8, 1)).toBe(WOULD_BLOCK);
    m.call("tkill", t.task.tid, SIGUSR1);
    m.run();
    expect([t.result, mem.getI64(BUFFER + 64)]).toEqual([-EINTR, 77]); // nothing is written for another call
  });

  it("refuses clocks that nobody can sleep on, and times that are none", () => {
    expect([
      sleep(99, 1),
      sleep(CLOCK_THREAD_CPUTIME_ID, 1),
      sleep(CLOCK_MONOTONIC_RAW, 1),
      sleep(CLOCK_REALTIME_COARSE, 1),
    ]).toEqual(["EINVAL", "EINVAL", "EOPNOTSUPP", "EOPNOTSUPP"]);
    const wrong = timespec(1);
    new DataView(wrong.buffer).setBigInt64(8, 1_000_000_000n, true);
    expect(said(t.call("nanosleep", wrong, 0))).toBe("EINVAL");
    new DataView(wrong.buffer).setBigInt64(0, -1n, true);
    expect(said(t.call("nanosleep", wrong, 0))).toBe("EINVAL");
    expect(said(t.call("nanosleep", BAD, 0))).toBe("EFAULT");
  });
});
