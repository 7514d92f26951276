/**
 * Delivery of signals, as Linux does it: order, masks, nesting, restarts, alternate stacks, handlers that are left by longjmp, and which thread
 * of a process gets one.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { EINTR } from "../../../kernel/abi/errno.ts";
import {
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SIG_DFL,
  SIG_IGN,
  SIGCHLD,
  SIGCONT,
  SIGHUP,
  SIGKILL,
  SIGRTMIN,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
  SIGUSR1,
  SIGUSR2,
} from "../../../kernel/abi/signal.ts";
import { QUEUED_MAX } from "../../../kernel/process/pending-signals.ts";
import { SignalSet } from "../../../kernel/process/signal-set.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { GuestExit } from "../../../kernel/syscall/guest-exit.ts";
import { BUFFER, LinuxMachine, type TestThread } from "./linux-fixture.ts";

const SETMASK = 2;
const UNBLOCK = 1;
const BLOCK = 0;
const UCONTEXT_SIGMASK = 280;

let m: LinuxMachine;
let t: TestThread;
let log: string[];

beforeEach(() => {
  m = new LinuxMachine();
  t = m.thread();
  log = [];
});

function setOf(...signals: number[]): Uint8Array {
  const set = new SignalSet();
  for (const signal of signals) set.add(signal);
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setInt32(0, set.low, true);
  bytes.setInt32(4, set.high, true);
  return new Uint8Array(bytes.buffer);
}

function mask(thread: TestThread, how: number, ...signals: number[]): void {
  expect(thread.call("rt_sigprocmask", how, setOf(...signals), 0, 8)).toBe(0);
}

/** The signals that a thread blocks, among those of these tests. */
function blocked(thread = t): number[] {
  return [SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGRTMIN].filter((signo) => thread.task.linux?.blocked.has(signo));
}

function raise(signo: number, thread = t): number {
  return thread.call("tkill", thread.task.tid, signo);
}

/** A handler that notes when it begins and ends; between the two it makes a call, which delivers what is pending. */
function noting(thread = t): (signo: number) => void {
  return (signo) => {
    log.push(`<${signo}`);
    thread.call("getpid");
    log.push(`${signo}>`);
  };
}

describe("order", () => {
  it("runs the handler of a signal that a thread sends itself before the call returns", () => {
    t.handle(SIGUSR1, noting());
    expect(raise(SIGUSR1)).toBe(0);
    expect(log).toEqual(["<10", "10>"]);
  });

  it("takes what was pending lowest first, and runs the handler of the last one first", () => {
    for (const signo of [SIGHUP, SIGUSR1, SIGUSR2]) t.handle(signo, noting());
    mask(t, BLOCK, SIGHUP, SIGUSR1, SIGUSR2);
    for (const signo of [SIGUSR2, SIGHUP, SIGUSR1]) raise(signo);
    expect(log).toEqual([]);
    mask(t, SETMASK);
    expect(log).toEqual(["<12", "12>", "<10", "10>", "<1", "1>"]);
  });

  it("leaves pending what a handler taken before it blocks", () => {
    t.handle(SIGUSR1, noting(), 0, [SIGUSR2]);
    t.handle(SIGUSR2, noting());
    mask(t, BLOCK, SIGUSR1, SIGUSR2);
    raise(SIGUSR2);
    raise(SIGUSR1);
    mask(t, SETMASK);
    expect(log).toEqual(["<10", "10>", "<12", "12>"]);
  });

  it("takes a thread's own signals before those of the process", () => {
    for (const signo of [SIGHUP, SIGUSR2]) t.handle(signo, noting());
    mask(t, BLOCK, SIGHUP, SIGUSR2);
    expect(t.call("kill", m.process.pid, SIGHUP)).toBe(0);
    raise(SIGUSR2);
    mask(t, SETMASK);
    expect(log).toEqual(["<1", "1>", "<12", "12>"]); // the last one taken runs first
  });

  it("queues real-time signals in order, with their values, and standard ones once", () => {
    const seen: number[] = [];
    const note = (_signo: number, siginfo: number): void => void seen.push(m.process.mem.getI32(siginfo + 24));
    t.handle(SIGRTMIN, note);
    t.handle(SIGUSR1, note);
    mask(t, BLOCK, SIGRTMIN, SIGUSR1);
    for (const value of [7, 8, 9]) {
      const info = new Uint8Array(128);
      info[8] = 0xff;
      info.fill(0xff, 8, 12); // SI_QUEUE
      info[24] = value;
      for (const signo of [SIGRTMIN, SIGUSR1]) {
        expect(t.call("rt_sigqueueinfo", m.process.pid, signo, info)).toBe(0);
      }
    }
    mask(t, UNBLOCK, SIGRTMIN);
    expect(seen).toEqual([7, 8, 9]);
    mask(t, UNBLOCK, SIGUSR1);
    expect(seen).toEqual([7, 8, 9, 7]);
  });

  it("refuses real-time signals beyond the bound", () => {
    mask(t, BLOCK, SIGRTMIN);
    const { signals } = m.process.linux;
    const info = { signo: SIGRTMIN, code: -1, pid: 0, uid: 0, value: 0 };
    for (let i = 0; i < QUEUED_MAX; i++) expect(signals.raise(info)).toBe(0);
    expect(signals.raise(info)).toBe(-11);
    expect(t.call("kill", m.process.pid, SIGRTMIN)).toBe(0); // what it says is lost, not that it was sent
    t.handle(SIGRTMIN, SIG_IGN);
    expect(signals.raise(info)).toBe(0);
  });
});

describe("the mask", () => {
  it("has the signal itself and sa_mask while the handler runs, and is what it was afterwards", () => {
    const during: number[][] = [];
    t.handle(SIGUSR1, () => void during.push(blocked()), 0, [SIGHUP]);
    mask(t, BLOCK, SIGTERM);
    raise(SIGUSR1);
    expect(during).toEqual([[SIGHUP, SIGUSR1, SIGTERM]]);
    expect(blocked()).toEqual([SIGTERM]);
  });

  it("lets a handler with SA_NODEFER be interrupted by its own signal", () => {
    let depth = 0;
    t.handle(
      SIGUSR1,
      () => {
        log.push(`${++depth}`);
        if (depth < 3) raise(SIGUSR1);
      },
      SA_NODEFER,
    );
    raise(SIGUSR1);
    expect(log).toEqual(["1", "2", "3"]);
  });

  it("is the one in the ucontext after the handler, with SIGKILL and SIGSTOP taken out", () => {
    t.handle(SIGUSR1, (_signo, _siginfo, ucontext) => {
      const { mem } = m.process;
      expect(mem.getU32(ucontext + UCONTEXT_SIGMASK)).toBe(0);
      mem.setU32(ucontext + UCONTEXT_SIGMASK, 0xffffffff);
    });
    raise(SIGUSR1);
    expect(blocked()).toEqual([SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGRTMIN]);
    expect(t.task.linux?.blocked.has(SIGKILL)).toBe(false);
    expect(t.task.linux?.blocked.has(SIGSTOP)).toBe(false);
  });

  it("of rt_sigsuspend holds for the call alone", () => {
    const during: number[][] = [];
    t.handle(SIGUSR1, () => void during.push(blocked()));
    mask(t, BLOCK, SIGUSR1, SIGUSR2);
    expect(t.call("rt_sigsuspend", setOf(SIGTERM), 8)).toBe(WOULD_BLOCK);
    expect(blocked()).toEqual([SIGTERM]);
    expect(m.call("tkill", t.task.tid, SIGUSR1)).toBe(0);
    m.run();
    expect(t.result).toBe(-EINTR);
    expect(during).toEqual([[SIGUSR1, SIGTERM]]);
    expect(blocked()).toEqual([SIGUSR1, SIGUSR2]);
  });

  it("of rt_sigsuspend goes on holding after a signal that nothing comes of", () => {
    mask(t, BLOCK, SIGUSR1, SIGCHLD);
    t.handle(SIGUSR1, noting());
    raise(SIGCHLD); // pending, because it is blocked; ignored by default
    expect(t.call("rt_sigsuspend", setOf(), 8)).toBe(WOULD_BLOCK);
    m.call("tkill", t.task.tid, SIGUSR1);
    m.run();
    expect(t.result).toBe(-EINTR);
    expect(blocked()).toEqual([SIGUSR1]);
  });
});

describe("actions", () => {
  it("are reset by SA_RESETHAND before the handler runs", () => {
    t.handle(SIGUSR1, () => void log.push(`${m.process.linux.signals.action(SIGUSR1).handler}`), SA_RESETHAND);
    raise(SIGUSR1);
    expect(log).toEqual([`${SIG_DFL}`]);
  });

  it("that ignore forget what is pending", () => {
    mask(t, BLOCK, SIGUSR1);
    raise(SIGUSR1);
    t.handle(SIGUSR1, SIG_IGN);
    t.handle(SIGUSR1, noting());
    mask(t, SETMASK);
    expect(log).toEqual([]);
  });

  it("by default end the process: with the signal, whatever else is pending", () => {
    t.handle(SIGHUP, noting());
    mask(t, BLOCK, SIGHUP, SIGTERM);
    raise(SIGHUP);
    raise(SIGTERM);
    expect(() => mask(t, SETMASK)).toThrow(GuestExit);
    expect(log).toEqual([]);
    expect(m.end?.code).toBe(128 + SIGTERM);
  });

  it("cannot be set for SIGKILL and SIGSTOP", () => {
    expect(() => t.handle(SIGKILL, SIG_IGN)).toThrow("EINVAL");
    expect(() => t.handle(SIGSTOP, noting())).toThrow("EINVAL");
  });

  it("that are no function of a handler's type kill with SIGSEGV, and say why", () => {
    t.handle(SIGUSR1, 4711);
    expect(() => raise(SIGUSR1)).toThrow(GuestExit);
    expect(m.end).toEqual({ code: 139, reason: "signal 10: its handler is no function" });
  });
});

describe("a call that a signal interrupts", () => {
  beforeEach(() => {
    m.must("pipe2", BUFFER, 0);
  });
  const readEnd = (): number => m.process.mem.getI32(BUFFER);
  const writeEnd = (): number => m.process.mem.getI32(BUFFER + 4);
  const interrupt = (signo = SIGUSR1): void => {
    m.call("tkill", t.task.tid, signo);
    m.run();
  };

  it("answers EINTR after the handler", () => {
    t.handle(SIGUSR1, noting());
    expect(t.call("read", readEnd(), BUFFER + 8, 4)).toBe(WOULD_BLOCK);
    interrupt();
    expect(t.result).toBe(-EINTR);
    expect(log).toEqual(["<10", "10>"]);
  });

  it("is tried again after a handler with SA_RESTART, if it is one that may be", () => {
    t.handle(SIGUSR1, noting(), SA_RESTART);
    expect(t.call("read", readEnd(), BUFFER + 8, 4)).toBe(WOULD_BLOCK);
    interrupt();
    expect(log).toEqual(["<10", "10>"]);
    expect(t.parked).toBe(true);
    m.must("write", writeEnd(), BUFFER, 3);
    m.run();
    expect(t.result).toBe(3);
    expect(t.call("pause")).toBe(WOULD_BLOCK);
    interrupt();
    expect(t.result).toBe(-EINTR);
  });

  it("is not tried again if it has a deadline", () => {
    t.handle(SIGUSR1, noting(), SA_RESTART);
    const { mem } = m.process;
    mem.setI64(BUFFER + 64, 10);
    mem.setI64(BUFFER + 72, 0);
    expect(t.call("futex", BUFFER + 128, 0, 0, BUFFER + 64, 0, 0)).toBe(WOULD_BLOCK);
    interrupt();
    expect(t.result).toBe(-EINTR);
    expect(t.call("futex", BUFFER + 128, 0, 0, 0, 0, 0)).toBe(WOULD_BLOCK);
    interrupt();
    expect(t.parked).toBe(true);
  });

  it("goes on waiting, with its deadline, if no handler is run", () => {
    const { mem } = m.process;
    mem.setI64(BUFFER + 64, 1);
    mem.setI64(BUFFER + 72, 0);
    mask(t, BLOCK, SIGCHLD);
    expect(t.call("nanosleep", BUFFER + 64, 0)).toBe(WOULD_BLOCK);
    m.advance(600);
    t.task.linux?.blocked.remove(SIGCHLD);
    t.task.signaled = true; // as if another thread had been faster
    m.machine.scheduler.interrupt(t.task, -EINTR);
    m.run();
    expect(t.parked).toBe(true);
    m.advance(399);
    expect(t.parked).toBe(true);
    m.advance(2);
    expect(t.result).toBe(0);
  });

  it("decides by the first of several handlers whether it is tried again", () => {
    t.handle(SIGHUP, noting(), SA_RESTART);
    t.handle(SIGUSR1, noting());
    expect(t.call("read", readEnd(), BUFFER + 8, 4)).toBe(WOULD_BLOCK);
    m.call("tkill", t.task.tid, SIGUSR1);
    m.call("tkill", t.task.tid, SIGHUP);
    m.run();
    expect(log).toEqual(["<10", "10>", "<1", "1>"]);
    expect(t.parked).toBe(true);
  });

  it("tells nanosleep what is left", () => {
    t.handle(SIGUSR1, noting());
    const { mem } = m.process;
    mem.setI64(BUFFER + 64, 5);
    mem.setI64(BUFFER + 72, 0);
    expect(t.call("nanosleep", BUFFER + 64, BUFFER + 96)).toBe(WOULD_BLOCK);
    m.advance(1500);
    interrupt();
    expect(t.result).toBe(-EINTR);
    expect([mem.getI64(BUFFER + 96), mem.getI64(BUFFER + 104)]).toEqual([3, 500_000_000]);
  });
});

describe("stacks", () => {
  it("are given to handlers below the interrupted one, and put back", () => {
    const before = t.stackPointer;
    const seen: number[] = [];
    t.handle(SIGUSR1, (_signo, siginfo) => {
      seen.push(t.stackPointer, siginfo);
      t.stackPointer -= 64; // the handler's own frame
      t.stackPointer += 64;
    });
    raise(SIGUSR1);
    expect(seen[0]).toBeLessThan(before);
    expect(seen[0]).toBe(seen[1]);
    expect((seen[0] as number) % 16).toBe(0);
    expect(t.stackPointer).toBe(before);
  });

  it("switch to the alternate one for SA_ONSTACK, once", () => {
    const { mem } = m.process;
    const alt = BUFFER + 0x10000;
    mem.setU32(BUFFER, alt);
    mem.setU32(BUFFER + 4, 0);
    mem.setU32(BUFFER + 8, 8192);
    expect(t.call("sigaltstack", BUFFER, 0)).toBe(0);
    const isOnAlt = (): boolean => t.stackPointer > alt && t.stackPointer <= alt + 8192;
    const before = t.stackPointer;
    t.handle(
      SIGUSR1,
      () => {
        log.push(`usr1 ${isOnAlt()}`);
        const here = t.stackPointer;
        expect(t.call("sigaltstack", BUFFER, 0)).toBe(-1); // EPERM: it is in use
        expect(t.call("sigaltstack", 0, BUFFER + 32)).toBe(0);
        expect(mem.getU32(BUFFER + 36)).toBe(1); // SS_ONSTACK
        raise(SIGUSR2);
        expect(t.stackPointer).toBe(here);
      },
      SA_ONSTACK,
    );
    t.handle(SIGUSR2, () => void log.push(`usr2 ${isOnAlt()}`), SA_ONSTACK);
    t.handle(SIGHUP, () => void log.push(`hup ${isOnAlt()}`));
    raise(SIGUSR1);
    raise(SIGHUP);
    expect(log).toEqual(["usr1 true", "usr2 true", "hup false"]);
    expect(t.stackPointer).toBe(before);
  });

  it("that have no room kill with SIGSEGV", () => {
    t.stackPointer = 256;
    t.handle(SIGUSR1, noting());
    expect(() => raise(SIGUSR1)).toThrow(GuestExit);
    expect(m.end).toEqual({ code: 139, reason: "no stack for a signal handler" });
  });
});

describe("a handler that is left by longjmp", () => {
  class Jump extends Error {}

  /** The shim's and the handler's frames are gone, the stack pointer is where it was. */
  function jumpOut(signo: number): void {
    const before = t.stackPointer;
    expect(() => raise(signo)).toThrow(Jump);
    t.stackPointer = before;
  }

  it("leaves nothing behind, however often", () => {
    t.handle(SIGUSR1, () => {
      throw new Jump();
    });
    for (let i = 0; i < 100; i++) {
      jumpOut(SIGUSR1);
      mask(t, SETMASK);
    }
    t.handle(SIGUSR2, noting());
    raise(SIGUSR2);
    expect(t.task.linux?.frames.isEmpty).toBe(true);
    expect(log).toEqual(["<12", "12>"]);
  });

  it("into a handler below it lets that one return", () => {
    t.handle(SIGUSR2, () => {
      throw new Jump();
    });
    t.handle(SIGUSR1, () => {
      jumpOut(SIGUSR2);
      log.push("back");
    });
    const before = t.stackPointer;
    expect(raise(SIGUSR1)).toBe(0);
    expect(t.stackPointer).toBe(before);
    expect(log).toEqual(["back"]);
    expect(t.task.linux?.frames.isEmpty).toBe(true);
  });

  it("takes those with it that were to run after it", () => {
    t.handle(SIGUSR1, noting());
    t.handle(SIGUSR2, () => {
      throw new Jump();
    });
    mask(t, BLOCK, SIGUSR1, SIGUSR2);
    raise(SIGUSR1);
    raise(SIGUSR2);
    const before = t.stackPointer;
    expect(() => mask(t, SETMASK)).toThrow(Jump);
    t.stackPointer = before;
    mask(t, SETMASK);
    expect(log).toEqual([]);
  });
});

describe("which thread", () => {
  it("is the first one, if it does not block the signal, else another that does not", () => {
    const u = m.thread();
    t.handle(SIGUSR1, () => void log.push(`${m.machine.scheduler.current.tid === t.task.tid ? "t" : "u"}`));
    for (const thread of [t, u]) expect(thread.call("pause")).toBe(WOULD_BLOCK);
    m.call("kill", m.process.pid, SIGUSR1);
    m.run();
    expect([t.result, u.parked]).toEqual([-EINTR, true]);
    mask(t, BLOCK, SIGUSR1);
    expect(t.call("pause")).toBe(WOULD_BLOCK);
    m.call("kill", m.process.pid, SIGUSR1);
    m.run();
    expect([t.parked, u.result]).toEqual([true, -EINTR]);
    expect(log).toEqual(["t", "u"]);
  });

  it("is another one if the chosen one blocks the signal before it has run", () => {
    const u = m.thread();
    t.handle(SIGUSR1, () => void log.push(`${m.machine.scheduler.current.tid === u.task.tid ? "u" : "t"}`));
    expect(u.call("pause")).toBe(WOULD_BLOCK);
    m.process.linux.signals.raise({ signo: SIGUSR1, code: 0, pid: 1, uid: 0, value: 0 });
    expect(t.task.signaled).toBe(true); // chosen, and does not know it yet
    mask(t, BLOCK, SIGUSR1);
    m.run();
    expect(u.result).toBe(-EINTR);
    expect(log).toEqual(["u"]);
  });

  it("is the one that unblocks it, if all did block it", () => {
    const u = m.thread();
    for (const thread of [t, u]) mask(thread, BLOCK, SIGUSR1);
    t.handle(SIGUSR1, noting(u));
    t.call("kill", m.process.pid, SIGUSR1);
    expect(log).toEqual([]);
    mask(u, SETMASK);
    expect(log).toEqual(["<10", "10>"]);
  });

  it("is the one that waits for it with rt_sigtimedwait", () => {
    const u = m.thread();
    for (const thread of [t, u]) mask(thread, BLOCK, SIGUSR1);
    expect(u.call("rt_sigtimedwait", setOf(SIGUSR1), BUFFER, 0, 8)).toBe(WOULD_BLOCK);
    t.call("kill", m.process.pid, SIGUSR1);
    m.run();
    expect(u.result).toBe(SIGUSR1);
    expect(m.process.mem.getI32(BUFFER)).toBe(SIGUSR1);
    expect(m.process.linux.signals.pending.set.isEmpty).toBe(true);
  });
});

describe("stopping", () => {
  it("holds every thread until SIGCONT, which forgets stops and is forgotten by them", () => {
    const child = m.fork();
    const c = m.thread(child);
    c.handle(SIGUSR1, noting(c));
    expect(c.call("pause")).toBe(WOULD_BLOCK);
    m.call("kill", child.pid, SIGSTOP);
    m.run();
    expect(child.linux.stopSignal).toBe(SIGSTOP);
    m.call("kill", child.pid, SIGUSR1);
    m.run();
    expect(log).toEqual([]);
    m.call("kill", child.pid, SIGCONT);
    m.run();
    expect(child.linux.stopSignal).toBe(0);
    expect(log).toEqual(["<10", "10>"]);
    mask(c, BLOCK, SIGTSTP, SIGCONT);
    for (const signo of [SIGTSTP, SIGCONT]) m.call("kill", child.pid, signo);
    expect(child.linux.signals.pending.set.has(SIGTSTP)).toBe(false);
    m.call("kill", child.pid, SIGTSTP);
    expect(child.linux.signals.pending.set.has(SIGCONT)).toBe(false);
  });

  it("does not keep SIGKILL away", () => {
    const child = m.fork();
    const c = m.thread(child);
    expect(c.call("pause")).toBe(WOULD_BLOCK);
    m.call("kill", child.pid, SIGSTOP);
    m.run();
    m.call("kill", child.pid, SIGKILL);
    m.run();
    expect(child.linux.ended).toEqual({ status: 128 + SIGKILL, signal: SIGKILL });
  });

  it("is left out by SIGTSTP where nobody could continue the group", () => {
    const child = m.fork();
    const c = m.thread(child);
    expect(c.call("setsid")).toBe(child.pid);
    expect(raise(SIGTSTP, c)).toBe(0);
    expect(child.linux.stopSignal).toBe(0);
    expect(raise(SIGSTOP, c)).toBe(0);
    expect(child.linux.stopSignal).toBe(SIGSTOP);
  });
});
