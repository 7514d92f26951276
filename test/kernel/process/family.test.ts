/**
 * Parents and children: what becomes of a process that has ended, who hears of it, and who inherits its children.
 */
import { beforeEach, describe, expect, it } from "vitest";
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SIG_DFL,
  SIG_IGN,
  SIGABRT,
  SIGCHLD,
  SIGCONT,
  SIGHUP,
  SIGKILL,
  SIGSTOP,
  SIGTERM,
  SIGUSR1,
} from "../../../kernel/abi/signal.ts";
import type { Process } from "../../../kernel/process/process.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { BUFFER, LinuxMachine, said, type TestThread } from "./linux-fixture.ts";

const WNOHANG = 1;
const WUNTRACED = 2;
const WEXITED = 4;
const WCONTINUED = 8;
const WNOWAIT = 0x01000000;
const P_ALL = 0;
const P_PID = 1;
const P_PGID = 2;
const PR_SET_PDEATHSIG = 1;
const PR_SET_CHILD_SUBREAPER = 36;

let m: LinuxMachine;
let t: TestThread;

beforeEach(() => {
  m = new LinuxMachine();
  t = m.thread();
});

function exit(process: Process, status: number): void {
  expect(() => m.callOf(process, "exit_group", status)).toThrow("exit");
}

function wait(pid: number, options = 0): number | string {
  return said(t.call("wait4", pid, BUFFER, options, 0));
}

const status = (): number => m.process.mem.getI32(BUFFER);

/** A child with a thread that sleeps. */
function sleepingChild(): Process {
  const child = m.fork();
  expect(m.thread(child).call("pause")).toBe(WOULD_BLOCK);
  return child;
}

function kill(pid: number, signo: number): void {
  m.call("kill", pid, signo);
  m.run();
}

describe("wait4", () => {
  it("reports how a child has ended, once", () => {
    const [a, b, c] = [m.fork(), sleepingChild(), sleepingChild()] as const;
    exit(a, 0x1234);
    kill(b.pid, SIGTERM);
    kill(c.pid, SIGABRT);
    expect([wait(a.pid), status()]).toEqual([a.pid, 0x3400]);
    expect([wait(b.pid), status()]).toEqual([b.pid, SIGTERM]);
    expect([wait(c.pid), status()]).toEqual([c.pid, SIGABRT | 0x80]);
    expect(wait(a.pid)).toBe("ECHILD");
    expect(m.machine.processes.size).toBe(1);
  });

  it("waits for a child, for one of a group, or for any", () => {
    const [a, b] = [m.fork(), m.fork()] as const;
    expect(m.callOf(b, "setpgid", 0, 0)).toBe(0);
    expect(wait(-1, WNOHANG)).toBe(0);
    expect(t.call("wait4", -b.pid, BUFFER, 0, 0)).toBe(WOULD_BLOCK);
    exit(a, 1);
    m.run();
    expect(t.parked).toBe(true);
    exit(b, 2);
    m.run();
    expect([t.result, status()]).toEqual([b.pid, 0x200]);
    expect(wait(0)).toBe(a.pid);
    expect([wait(-1), wait(0), wait(4711), wait(-4711)]).toEqual(["ECHILD", "ECHILD", "ECHILD", "ECHILD"]);
  });

  it("reports stops and continuations where asked", () => {
    const child = sleepingChild();
    kill(child.pid, SIGSTOP);
    expect(wait(child.pid, WNOHANG)).toBe(0);
    expect([wait(child.pid, WUNTRACED), status()]).toEqual([child.pid, (SIGSTOP << 8) | 0x7f]);
    expect(wait(child.pid, WUNTRACED | WNOHANG)).toBe(0);
    kill(child.pid, SIGCONT);
    expect(wait(child.pid, WUNTRACED | WNOHANG)).toBe(0);
    expect([wait(child.pid, WCONTINUED), status()]).toEqual([child.pid, 0xffff]);
    expect(wait(child.pid, WCONTINUED | WNOHANG)).toBe(0);
    kill(child.pid, SIGSTOP);
    kill(child.pid, SIGCONT); // the stop is over: it is not reported any more
    expect(wait(child.pid, WUNTRACED | WNOHANG)).toBe(0);
  });

  it("hears that the last child is gone without a report", () => {
    t.handle(SIGCHLD, SIG_IGN);
    const child = m.fork();
    expect(t.call("wait4", -1, BUFFER, 0, 0)).toBe(WOULD_BLOCK);
    exit(child, 3);
    m.run();
    expect(said(t.result as number)).toBe("ECHILD");
  });

  it("adds the child's CPU time to that of children, and tells it", () => {
    const child = m.fork();
    const c = m.thread(child);
    c.task.cpuMs = 1500;
    expect(() => c.call("exit_group", 0)).toThrow("exit");
    expect(t.call("wait4", child.pid, 0, 0, BUFFER)).toBe(child.pid);
    const { mem } = m.process;
    expect([mem.getI64(BUFFER), mem.getI64(BUFFER + 8)]).toEqual([1, 500_000]);
    expect(t.call("getrusage", -1, BUFFER)).toBe(0);
    expect([mem.getI64(BUFFER), mem.getI64(BUFFER + 8)]).toEqual([1, 500_000]);
  });

  it("refuses options and pointers that are none", () => {
    m.fork();
    expect(wait(-1, 4)).toBe("EINVAL");
    expect(wait(-0x80000000)).toBe("ESRCH");
    expect(said(t.call("wait4", -1, 0xfffffff0, WNOHANG, 0))).toBe("EFAULT");
    expect(said(t.call("wait4", -1, 0, WNOHANG, 0xfffffff0))).toBe("EFAULT");
  });
});

describe("waitid", () => {
  const info = (): number[] => [0, 8, 16, 20, 24].map((at) => m.process.mem.getI32(BUFFER + at));
  const waitid = (which: number, id: number, options: number): number | string =>
    said(t.call("waitid", which, id, BUFFER, options, 0));

  it("tells in a siginfo, and leaves the child with WNOWAIT", () => {
    const child = m.fork();
    m.process.mem.setU32(BUFFER, 77);
    expect([waitid(P_ALL, 0, WEXITED | WNOHANG), info()]).toEqual([0, [0, 0, 0, 0, 0]]);
    exit(child, 7);
    for (const options of [WEXITED | WNOWAIT, WEXITED]) {
      expect([waitid(P_PID, child.pid, options), info()]).toEqual([0, [SIGCHLD, CLD_EXITED, child.pid, 0, 7]]);
    }
    expect(waitid(P_ALL, 0, WEXITED)).toBe("ECHILD");
  });

  it("tells stops, continuations and deaths apart", () => {
    const child = sleepingChild();
    kill(child.pid, SIGSTOP);
    expect([waitid(P_PGID, 0, WUNTRACED), info()]).toEqual([0, [SIGCHLD, CLD_STOPPED, child.pid, 0, SIGSTOP]]);
    kill(child.pid, SIGCONT);
    expect([waitid(P_ALL, 0, WCONTINUED), info()]).toEqual([0, [SIGCHLD, CLD_CONTINUED, child.pid, 0, SIGCONT]]);
    kill(child.pid, SIGKILL);
    expect(waitid(P_ALL, 0, WUNTRACED)).toBe("ECHILD"); // nothing but its death is to come
    expect([waitid(P_ALL, 0, WEXITED), info()]).toEqual([0, [SIGCHLD, CLD_KILLED, child.pid, 0, SIGKILL]]);
    const other = sleepingChild();
    kill(other.pid, SIGABRT);
    expect([waitid(P_ALL, 0, WEXITED), info()]).toEqual([0, [SIGCHLD, CLD_DUMPED, other.pid, 0, SIGABRT]]);
  });

  it("refuses what cannot be", () => {
    m.fork();
    expect(waitid(P_ALL, 0, 0)).toBe("EINVAL");
    expect(waitid(3, 0, WEXITED)).toBe("EINVAL");
    expect(waitid(P_PID, 0, WEXITED)).toBe("EINVAL");
    expect(waitid(P_ALL, 0, WEXITED | 0x100)).toBe("EINVAL");
    expect(said(t.call("waitid", P_ALL, 0, 0xfffffff0, WEXITED, 0))).toBe("EFAULT");
  });
});

describe("SIGCHLD", () => {
  let seen: number[][];
  beforeEach(() => {
    seen = [];
  });
  const note = (_signo: number, info: number): void =>
    void seen.push([8, 16, 24].map((at) => m.process.mem.getI32(info + at)));

  it("comes for ends, stops and continuations", () => {
    t.handle(SIGCHLD, note);
    const child = sleepingChild();
    for (const signo of [SIGSTOP, SIGCONT, SIGKILL]) {
      kill(child.pid, signo);
      t.call("getpid");
    }
    expect(seen).toEqual([
      [CLD_STOPPED, child.pid, SIGSTOP],
      [CLD_CONTINUED, child.pid, SIGCONT],
      [CLD_KILLED, child.pid, SIGKILL],
    ]);
  });

  it("with SA_NOCLDSTOP for ends alone, with SA_NOCLDWAIT without a zombie", () => {
    t.handle(SIGCHLD, note, SA_NOCLDSTOP | SA_NOCLDWAIT);
    const child = sleepingChild();
    for (const signo of [SIGSTOP, SIGCONT, SIGKILL]) kill(child.pid, signo);
    t.call("getpid");
    expect(seen).toEqual([[CLD_KILLED, child.pid, SIGKILL]]);
    expect(m.machine.processes.has(child.pid)).toBe(false);
    expect(wait(-1)).toBe("ECHILD");
  });

  it("ends nobody's wait by default", () => {
    const child = m.fork();
    expect(t.call("pause")).toBe(WOULD_BLOCK);
    exit(child, 0);
    m.run();
    expect(t.parked).toBe(true);
    t.task.linux && expect(m.process.linux.signals.action(SIGCHLD).handler).toBe(SIG_DFL);
  });
});

describe("orphans", () => {
  it("see process 1 as their parent, and are waited for by nobody", () => {
    const child = m.fork();
    const grandchild = m.fork(child);
    expect(m.callOf(grandchild, "getppid")).toBe(child.pid);
    exit(child, 0);
    expect(m.callOf(grandchild, "getppid")).toBe(1);
    expect(wait(-1)).toBe(child.pid);
    expect(wait(-1)).toBe("ECHILD");
    exit(grandchild, 5);
    expect(m.machine.processes.has(grandchild.pid)).toBe(false);
  });

  it("that have ended already go with their parent", () => {
    const child = m.fork();
    const grandchild = m.fork(child);
    exit(grandchild, 5);
    expect(m.machine.processes.has(grandchild.pid)).toBe(true);
    exit(child, 0);
    expect(m.machine.processes.has(grandchild.pid)).toBe(false);
  });

  it("come to the nearest ancestor that asked for them", () => {
    expect(t.call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)).toBe(0);
    const child = m.fork();
    const [living, dead] = [m.fork(child), m.fork(child)] as const;
    exit(dead, 9);
    exit(child, 0);
    expect(m.callOf(living, "getppid")).toBe(m.process.pid);
    expect([wait(dead.pid), status()]).toEqual([dead.pid, 0x900]);
    exit(living, 8);
    expect([wait(living.pid), status()]).toEqual([living.pid, 0x800]);
  });

  it("get the signal that they asked for, and a child of theirs does not", () => {
    const child = m.fork();
    const grandchild = sleepingGrandchild(child);
    const other = sleepingGrandchild(child);
    expect(m.callOf(grandchild, "prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)).toBe(0);
    expect(m.fork(grandchild).linux.parentDeathSignal).toBe(0);
    exit(child, 0);
    m.run();
    expect([grandchild.over, other.over]).toEqual([true, false]);
  });

  it("that were stopped are woken: nobody is left to do it", () => {
    const child = m.fork();
    expect(m.callOf(child, "setsid")).toBe(child.pid);
    const grandchild = sleepingGrandchild(child);
    expect(m.callOf(grandchild, "setpgid", 0, 0)).toBe(0);
    m.call("kill", grandchild.pid, SIGSTOP);
    m.run();
    expect(grandchild.linux.stopSignal).toBe(SIGSTOP);
    exit(child, 0);
    m.run();
    expect(grandchild.linux.stopSignal).toBe(0);
    expect(grandchild.over).toBe(true); // of the SIGHUP that comes with it
    expect(SIGHUP).toBe(1);
  });

  function sleepingGrandchild(parent: Process): Process {
    const process = m.fork(parent);
    expect(m.thread(process).call("pause")).toBe(WOULD_BLOCK);
    return process;
  }
});

describe("groups and sessions", () => {
  it("are inherited, made and left by the rules", () => {
    const group = t.call("getpgrp");
    expect([t.call("getpgid", 0), t.call("getsid", 0)]).toEqual([group, group]);
    expect(group).not.toBe(1); // kill(-1) means everybody
    const [a, b] = [m.fork(), m.fork()] as const;
    expect(m.callOf(a, "getpgrp")).toBe(group);
    expect(t.call("setpgid", a.pid, 0)).toBe(0);
    expect(t.call("setpgid", b.pid, a.pid)).toBe(0);
    expect(m.callOf(b, "getpgrp")).toBe(a.pid);
    expect(m.call("getpgid", b.pid)).toBe(a.pid);
    expect(m.callOf(a, "setsid")).toBe("EPERM"); // it leads a group
    expect(m.callOf(b, "setsid")).toBe(b.pid);
    expect([m.callOf(b, "getpgrp"), m.callOf(b, "getsid", 0)]).toEqual([b.pid, b.pid]);
    expect(m.callOf(b, "setsid")).toBe("EPERM");
    expect(m.callOf(b, "setpgid", 0, 0)).toBe("EPERM"); // it leads a session
    expect(m.call("setpgid", b.pid, a.pid)).toBe("EPERM"); // another session
  });

  it("refuse strangers, numbers that are none, and children that have called execve", () => {
    const child = m.fork();
    const grandchild = m.fork(child);
    expect(m.call("setpgid", grandchild.pid, 0)).toBe("ESRCH");
    expect(m.call("setpgid", 4711, 0)).toBe("ESRCH");
    expect(m.call("setpgid", 0, -1)).toBe("EINVAL");
    expect(m.call("setpgid", -1, 0)).toBe("EINVAL");
    expect(m.call("setpgid", 0, 4711)).toBe("EPERM");
    expect(m.call("getpgid", 4711)).toBe("ESRCH");
    expect(m.call("getsid", 4711)).toBe("ESRCH");
    child.linux.hasExecuted = true;
    expect(m.call("setpgid", child.pid, 0)).toBe("EACCES");
    expect(m.callOf(child, "setpgid", 0, 0)).toBe(0);
  });
});

describe("kill", () => {
  it("means one, a group, the caller's group, or everybody else", () => {
    const [a, b, c] = [sleepingChild(), sleepingChild(), sleepingChild()] as const;
    t.handle(SIGUSR1, () => {});
    m.callOf(b, "setpgid", 0, 0);
    m.callOf(c, "setpgid", 0, b.pid);
    expect(m.call("kill", -b.pid, SIGUSR1)).toBe(0);
    m.run();
    expect([a.over, b.over, c.over]).toEqual([false, true, true]);
    expect(t.call("kill", 0, SIGUSR1)).toBe(0);
    m.run();
    expect(a.over).toBe(true);
    const d = sleepingChild();
    expect(t.call("kill", -1, SIGKILL)).toBe(0);
    m.run();
    expect([d.over, m.process.over]).toEqual([true, false]);
  });

  it("tells what it cannot reach, and what it may not", () => {
    const [a, b] = [sleepingChild(), sleepingChild()] as const;
    expect(m.call("kill", 4711, 0)).toBe("ESRCH");
    expect(m.call("kill", -4711, 0)).toBe("ESRCH");
    expect(m.call("kill", a.pid, 65)).toBe("EINVAL");
    expect(m.call("kill", a.pid, -1)).toBe("EINVAL");
    expect(m.call("kill", a.pid, 0)).toBe(0);
    expect(m.callOf(a, "setuid", 1000)).toBe(0);
    expect(m.callOf(a, "kill", b.pid, 0)).toBe("EPERM");
    expect(m.callOf(a, "kill", b.pid, SIGCONT)).toBe(0); // within the session
    expect(m.callOf(a, "kill", a.pid, 0)).toBe(0);
    expect(m.callOf(b, "setresuid", 1000, 1000, 1000)).toBe(0);
    expect(m.callOf(a, "kill", b.pid, 0)).toBe(0);
    exit(a, 0);
    expect(m.call("kill", a.pid, SIGKILL)).toBe(0); // a zombie is there, and does not care
  });

  it("of threads looks at both numbers", () => {
    const child = m.fork();
    const c = m.thread(child);
    expect(m.call("tgkill", child.pid, c.task.tid, 0)).toBe(0);
    expect(m.call("tgkill", m.process.pid, c.task.tid, 0)).toBe("ESRCH");
    expect(m.call("tgkill", 0, c.task.tid, 0)).toBe("EINVAL");
    expect(m.call("tkill", 0, 0)).toBe("EINVAL");
    expect(m.call("tkill", 4711, 0)).toBe("ESRCH");
    expect(m.call("tkill", c.task.tid, 65)).toBe("EINVAL");
  });

  it("of values forbids to forge what only the kernel says", () => {
    const child = sleepingChild();
    const info = (code: number): Uint8Array => {
      const bytes = new DataView(new ArrayBuffer(128));
      bytes.setInt32(8, code, true);
      return new Uint8Array(bytes.buffer);
    };
    expect(m.call("rt_sigqueueinfo", child.pid, SIGUSR1, info(0))).toBe("EPERM");
    expect(m.call("rt_sigqueueinfo", child.pid, SIGUSR1, info(-6))).toBe("EPERM");
    expect(m.call("rt_sigqueueinfo", child.pid, 0, info(-1))).toBe(0);
    expect(m.call("rt_sigqueueinfo", m.process.pid, 0, info(0))).toBe(0);
    expect(m.call("rt_sigqueueinfo", 4711, SIGUSR1, info(-1))).toBe("ESRCH");
    expect(m.call("rt_sigqueueinfo", child.pid, 65, info(-1))).toBe("EINVAL");
    expect(m.call("rt_sigqueueinfo", child.pid, SIGUSR1, 0xffffff00)).toBe("EFAULT");
    expect(m.call("rt_tgsigqueueinfo", child.pid, 4711, SIGUSR1, info(-1))).toBe("ESRCH");
    expect(m.call("rt_tgsigqueueinfo", 0, child.pid, SIGUSR1, info(-1))).toBe("EINVAL");
    expect(m.call("rt_tgsigqueueinfo", child.pid, child.pid, SIGUSR1, info(-1))).toBe(0);
    m.run();
    expect(child.linux.ended?.signal).toBe(SIGUSR1);
  });
});
