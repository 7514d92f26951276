/**
 * Limits, CPU time, niceness, scheduling policies: what is kept is told again, and what cannot be is refused.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { BUFFER, LinuxMachine } from "../../process/linux-fixture.ts";

const RLIMIT_STACK = 3;
const RLIMIT_NOFILE = 7;
const RLIMIT_AS = 9;
const RLIM_INFINITY = -1;
const BAD = 0xfffffff8;

let m: LinuxMachine;
beforeEach(() => {
  m = new LinuxMachine();
});

function put64(...values: number[]): number {
  values.forEach((value, index) => {
    m.process.mem.setI64(BUFFER + 8 * index, value);
  });
  return BUFFER;
}

const get64 = (index: number): number => m.process.mem.getI64(BUFFER + 8 * index);

describe("resource limits", () => {
  it("are told, set, and inherited", () => {
    expect(m.call("getrlimit", RLIMIT_STACK, BUFFER)).toBe(0);
    expect([get64(0), get64(1)]).toEqual([8 * 1024 * 1024, RLIM_INFINITY]);
    expect(m.call("setrlimit", RLIMIT_AS, put64(2 ** 40, RLIM_INFINITY))).toBe(0);
    expect(m.call("prlimit64", 0, RLIMIT_AS, put64(5, 10), BUFFER + 64)).toBe(0);
    expect(m.process.mem.getI64(BUFFER + 64)).toBe(2 ** 40);
    const child = m.fork();
    expect(m.call("prlimit64", child.pid, RLIMIT_AS, 0, BUFFER)).toBe(0);
    expect([get64(0), get64(1)]).toEqual([5, 10]);
    expect(m.call("prlimit64", child.pid, RLIMIT_AS, put64(1, 2), 0)).toBe(0);
    expect(m.call("getrlimit", RLIMIT_AS, BUFFER)).toBe(0);
    expect(get64(0)).toBe(5);
  });

  it("cannot be soft above hard, nor raised without privileges, nor beyond what the kernel has", () => {
    expect(m.call("setrlimit", RLIMIT_AS, put64(3, 2))).toBe("EINVAL");
    expect(m.call("setrlimit", RLIMIT_NOFILE, put64(10, 2 ** 30))).toBe("EPERM");
    expect(m.call("setrlimit", RLIMIT_AS, put64(100, 200))).toBe(0);
    m.must("setuid", 1);
    expect(m.call("setrlimit", RLIMIT_AS, put64(200, 200))).toBe(0);
    expect(m.call("setrlimit", RLIMIT_AS, put64(100, 201))).toBe("EPERM");
    expect(m.call("setrlimit", RLIMIT_AS, put64(RLIM_INFINITY, RLIM_INFINITY))).toBe("EPERM");
  });

  it("of others are for those who may", () => {
    const child = m.fork();
    m.callOf(child, "setuid", 1);
    expect(m.callOf(child, "prlimit64", m.process.pid, RLIMIT_AS, 0, BUFFER)).toBe("EPERM");
    expect(m.call("prlimit64", 4711, RLIMIT_AS, 0, BUFFER)).toBe("ESRCH");
  });

  it("have numbers and addresses", () => {
    for (const resource of [16, -1]) expect(m.call("getrlimit", resource, BUFFER)).toBe("EINVAL");
    expect(m.call("prlimit64", 0, 16, 0, BUFFER)).toBe("EINVAL");
    expect(m.call("getrlimit", RLIMIT_AS, BAD)).toBe("EFAULT");
    expect(m.call("setrlimit", RLIMIT_AS, BAD)).toBe("EFAULT");
    expect(m.call("setrlimit", RLIMIT_AS, 0)).toBe("EFAULT");
  });
});

describe("CPU time", () => {
  it("is that of the threads, living and dead", () => {
    const t = m.thread();
    const u = m.thread();
    t.task.cpuMs = 1250;
    u.task.cpuMs = 500;
    expect(t.call("getrusage", 0, BUFFER)).toBe(0);
    expect([get64(0), get64(1), get64(2), get64(4)]).toEqual([1, 750_000, 0, m.process.mem.size / 1024]);
    expect(t.call("getrusage", 1, BUFFER)).toBe(0);
    expect([get64(0), get64(1)]).toEqual([1, 250_000]);
    m.process.tasks.delete(u.task);
    m.process.linux.cpu.threadEnded(u.task);
    m.advance(7777);
    expect(t.call("times", BUFFER)).toBe(777);
    expect([get64(0), get64(1), get64(2), get64(3)]).toEqual([175, 0, 0, 0]);
    expect(t.call("times", 0)).toBe(777);
  });

  it("has kinds and addresses", () => {
    for (const who of [2, -2]) expect(m.call("getrusage", who, BUFFER)).toBe("EINVAL");
    expect(m.call("getrusage", 0, BAD)).toBe("EFAULT");
    expect(m.call("times", BAD)).toBe("EFAULT");
  });
});

describe("niceness", () => {
  const get = (which: number, who: number): number | string => m.call("getpriority", which, who);

  it("is 20 - nice, kept within its bounds, and inherited", () => {
    expect(get(0, 0)).toBe(20);
    expect(m.call("setpriority", 0, 0, 5)).toBe(0);
    expect(get(0, 0)).toBe(15);
    expect(m.call("setpriority", 0, 0, 99)).toBe(0);
    expect(get(0, 0)).toBe(1);
    expect(m.call("setpriority", 0, 0, -99)).toBe(0);
    expect(get(0, 0)).toBe(40);
    const child = m.fork();
    expect(get(0, child.pid)).toBe(40);
  });

  it("of a group or a user is that of the most favoured", () => {
    const child = m.fork();
    expect(m.call("setpriority", 1, 0, 10)).toBe(0);
    expect(m.call("setpriority", 0, child.pid, -3)).toBe(0);
    expect([get(1, 0), get(2, 0), get(0, 0)]).toEqual([23, 23, 10]);
    expect([get(0, 4711), get(1, 4711), get(2, 4711)]).toEqual(["ESRCH", "ESRCH", "ESRCH"]);
    expect(get(3, 0)).toBe("EINVAL");
  });

  it("becomes better by privilege alone", () => {
    m.must("setuid", 1);
    expect(m.call("setpriority", 0, 0, 5)).toBe(0);
    expect(m.call("setpriority", 0, 0, 4)).toBe("EACCES");
    const child = m.fork();
    m.callOf(child, "setuid", 2);
    child.linux.credentials.euid = 2;
    child.linux.credentials.uid = 2;
    expect(m.call("setpriority", 0, child.pid, 6)).toBe("EPERM");
  });
});

describe("scheduling", () => {
  const param = (priority: number): number => {
    m.process.mem.setU32(BUFFER, priority);
    return BUFFER;
  };

  it("has policies with priorities of their own", () => {
    expect([0, 1, 2, 3, 5].map((policy) => m.call("sched_get_priority_max", policy))).toEqual([0, 99, 99, 0, 0]);
    expect([0, 1, 2, 3, 5].map((policy) => m.call("sched_get_priority_min", policy))).toEqual([0, 1, 1, 0, 0]);
    expect(m.call("sched_get_priority_max", 4)).toBe("EINVAL");
    expect(m.call("sched_get_priority_min", -1)).toBe("EINVAL");
    expect(m.call("sched_setscheduler", 0, 2, param(7))).toBe(0);
    expect(m.call("sched_getscheduler", 0)).toBe(2);
    expect(m.call("sched_getparam", 0, BUFFER + 8)).toBe(0);
    expect(m.process.mem.getI32(BUFFER + 8)).toBe(7);
    expect(m.call("sched_setparam", 0, param(8))).toBe(0);
    expect(m.call("sched_getparam", 0, BUFFER)).toBe(0);
    expect(m.process.mem.getI32(BUFFER)).toBe(8);
    expect(m.call("sched_rr_get_interval", 0, BUFFER)).toBe(0);
    expect([get64(0), get64(1)]).toEqual([0, 100_000_000]);
  });

  it("refuses what does not fit", () => {
    expect(m.call("sched_setscheduler", 0, 1, param(0))).toBe("EINVAL");
    expect(m.call("sched_setscheduler", 0, 1, param(100))).toBe("EINVAL");
    expect(m.call("sched_setscheduler", 0, 0, param(1))).toBe("EINVAL");
    expect(m.call("sched_setscheduler", 0, 9, param(0))).toBe("EINVAL");
    expect(m.call("sched_setscheduler", 0, -1, param(0))).toBe("EINVAL");
    expect(m.call("sched_setscheduler", 4711, 1, param(1))).toBe("ESRCH");
    expect(m.call("sched_setscheduler", 0, 1, 0)).toBe("EINVAL");
    expect(m.call("sched_setscheduler", 0, 1, BAD + 6)).toBe("EFAULT");
    expect(m.call("sched_getscheduler", -1)).toBe("EINVAL");
    expect(m.call("sched_getparam", 4711, BUFFER)).toBe("ESRCH");
    expect(m.call("sched_rr_get_interval", 4711, BUFFER)).toBe("ESRCH");
    m.must("setuid", 1);
    expect(m.call("sched_setscheduler", 0, 1, param(1))).toBe("EPERM");
    expect(m.call("sched_setscheduler", 0, 3, param(0))).toBe(0);
  });

  it("knows one processor", () => {
    expect(m.call("sched_getaffinity", 0, 128, BUFFER)).toBe(8);
    expect(get64(0)).toBe(1);
    expect(m.call("sched_setaffinity", 0, 8, put64(3))).toBe(0);
    expect(m.call("sched_setaffinity", 0, 8, put64(2))).toBe("EINVAL");
    expect(m.call("sched_setaffinity", 0, 0, put64(1))).toBe("EINVAL");
    expect(m.call("sched_getaffinity", 0, 4, BUFFER)).toBe("EINVAL");
    expect(m.call("sched_getaffinity", 0, 9, BUFFER)).toBe("EINVAL");
    expect(m.call("sched_getaffinity", 4711, 8, BUFFER)).toBe("ESRCH");
    expect(m.call("sched_getaffinity", 0, 8, BAD + 4)).toBe("EFAULT");
    m.process.mem.setU32(BUFFER, 9);
    expect(m.call("getcpu", BUFFER, 0, 0)).toBe(0);
    expect(m.process.mem.getU32(BUFFER)).toBe(0);
    expect(m.call("getcpu", 0, BAD + 6, 0)).toBe("EFAULT");
  });
});
