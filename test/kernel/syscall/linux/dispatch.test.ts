/**
 * The two functions that the shim calls for a row, with generated code and without: giving way, delivering signals, going on with a wait that
 * nothing has ended, and the one catch point.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EINTR } from "../../../../kernel/abi/errno.ts";
import { SIGCHLD, SIGUSR1 } from "../../../../kernel/abi/signal.ts";
import type { Process } from "../../../../kernel/process/process.ts";
import { TASK_PARKED, TASK_READY, WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { HANDLER_RETURNED, RUN_HANDLER } from "../../../../kernel/shim/shim.ts";
import { GuestExit, GuestTrap, KernelPanic } from "../../../../kernel/syscall/guest-exit.ts";
import { bindLinuxRetry, bindLinuxTry } from "../../../../kernel/syscall/linux/dispatch.ts";
import { type LinuxHandler, linuxRow } from "../../../../kernel/syscall/linux/row.ts";
import type { RowOptions } from "../../../../kernel/syscall/row.ts";
import { BUFFER, LinuxMachine, type TestThread } from "../../process/linux-fixture.ts";

describe.each(["generated", "shared"])("dispatch, %s functions", (kind) => {
  let m: LinuxMachine;
  let t: TestThread;
  let k: Process;
  /** What the handler was called with. */
  let calls: number[][];

  beforeEach(() => {
    m = new LinuxMachine();
    t = m.thread();
    k = m.process;
    calls = [];
    m.machine.scheduler.current = t.task;
    if (kind === "generated") return;
    vi.stubGlobal("Function", () => {
      throw new EvalError("code generation from strings disallowed");
    });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  function bind(handler: LinuxHandler, options: RowOptions = {}) {
    const noting: LinuxHandler = (process, ...args) => {
      calls.push(args);
      return handler(process, ...args);
    };
    const row = linuxRow(1, "subject", "a:i32 b:ptr", noting, options);
    return { attempt: bindLinuxTry(k, row), retry: bindLinuxRetry(k, row) };
  }

  const block: LinuxHandler = (process) => process.block(null);
  const raise = (signo: number): void =>
    void k.linux.signals.raise({ signo, code: 0, pid: 0, uid: 0, value: 0 }, t.task);

  it("passes arguments and results", () => {
    const { attempt, retry } = bind((_k, a: never, b: never) => Number(a) + Number(b));
    expect(attempt(3, 4)).toBe(7);
    t.task.state = TASK_READY;
    expect(retry(t.task.tid, 5, 6)).toBe(11);
    expect(calls).toEqual([
      [3, 4],
      [5, 6],
    ]);
  });

  it("parks a thread whose time is up before it tries, and tries afterwards", () => {
    const { attempt, retry } = bind(() => 9);
    for (let i = 0; i < 200; i++) {
      m.time.advance(0.1);
      if (attempt(i, 0) === WOULD_BLOCK) break;
    }
    expect(t.task.gaveWay).toBe(true);
    const tried = calls.length;
    expect(tried).toBeGreaterThan(63);
    expect(retry(t.task.tid, 77, 0)).toBe(9);
    expect(calls.slice(tried)).toEqual([[77, 0]]);
    expect(t.task.retrying).toBe(false);
  });

  it("answers by the sentinel when a handler is to be run, and by the result once it has returned", () => {
    t.handle(SIGUSR1, () => {});
    m.machine.scheduler.current = t.task;
    const { attempt, retry } = bind((process) => {
      process.linux.signals.raise({ signo: SIGUSR1, code: 0, pid: 0, uid: 0, value: 0 }, process.current);
      return 5;
    });
    expect(attempt(1, 2)).toBe(RUN_HANDLER);
    expect(k.linux.signals.signo).toBe(SIGUSR1);
    expect(retry(HANDLER_RETURNED, 1, 2)).toBe(5);
    expect(calls.length).toBe(1); // it is not called again
  });

  it("does not try again after a park that a handler has ended", () => {
    t.handle(SIGUSR1, () => {});
    m.machine.scheduler.current = t.task;
    const { attempt, retry } = bind(block, { blocks: true });
    expect(attempt(1, 2)).toBe(WOULD_BLOCK);
    raise(SIGUSR1);
    expect(t.task.state).toBe(TASK_READY);
    expect(retry(t.task.tid, 1, 2)).toBe(RUN_HANDLER);
    expect(retry(HANDLER_RETURNED, 1, 2)).toBe(-EINTR);
    expect(calls.length).toBe(1);
  });

  it("goes on waiting, with its deadline and what it has begun, when nothing came of the signal", () => {
    const { attempt, retry } = bind((process) => process.block(null, 1000), { blocks: true });
    expect(attempt(1, 2)).toBe(WOULD_BLOCK);
    const inflight = { done: false, result: 0 };
    t.task.inflight = inflight;
    const { deadlineMs } = t.task;
    m.time.advance(300);
    m.machine.scheduler.interrupt(t.task, -EINTR); // for a signal that another thread has taken
    expect(retry(t.task.tid, 1, 2)).toBe(WOULD_BLOCK);
    expect([t.task.deadlineMs, t.task.inflight, t.task.state]).toEqual([deadlineMs, inflight, TASK_PARKED]);
  });

  it("does not tell a call that would wait of a signal that nothing comes of", () => {
    const { attempt } = bind(block, { blocks: true });
    k.linux.signals.pending.add({ signo: SIGCHLD, code: 0, pid: 0, uid: 0, value: 0 });
    t.task.signaled = true;
    expect(attempt(1, 2)).toBe(WOULD_BLOCK);
    expect(calls.length).toBe(2);
    expect(k.linux.signals.pending.set.isEmpty).toBe(true);
  });

  it("answers what was transferred before the signal", () => {
    t.handle(SIGUSR1, () => {});
    m.machine.scheduler.current = t.task;
    const { attempt, retry } = bind(block, { blocks: true, restarts: true });
    expect(attempt(1, 2)).toBe(WOULD_BLOCK);
    t.task.inflight = { done: false, result: 3 };
    raise(SIGUSR1);
    expect(retry(t.task.tid, 1, 2)).toBe(RUN_HANDLER);
    expect(t.task.inflight).toBe(null);
    expect(retry(HANDLER_RETURNED, 1, 2)).toBe(3);
  });

  it("lets the ends of programs pass, and panics with the call's name at anything else", () => {
    for (const error of [new GuestExit(3), new GuestTrap("abort"), new KernelPanic("already")]) {
      const { attempt, retry } = bind(() => {
        throw error;
      });
      expect(() => attempt(0, 0)).toThrow(error);
      t.task.state = TASK_READY;
      expect(() => retry(t.task.tid, 0, 0)).toThrow(error);
    }
    const { attempt } = bind(() => {
      throw new TypeError("undefined is not a function");
    });
    expect(() => attempt(0, 0)).toThrow(new KernelPanic("subject: undefined is not a function"));
  });

  it("says which call was made while the stack was unwound", () => {
    const { attempt } = bind(() => 0);
    if (t.task.linux) t.task.linux.unwinding = { purpose: "fork", jump: 0, buffer: BUFFER, result: null };
    t.task.signaled = true;
    expect(() => attempt(0, 0)).toThrow("subject was called while fork unwound the stack");
  });

  it("ends a program that forks in a signal handler, and says so", () => {
    const { retry } = bind(() => 0);
    if (t.task.linux) t.task.linux.unwinding = { purpose: "fork", jump: 0, buffer: BUFFER, result: null };
    expect(() => retry(HANDLER_RETURNED, 0, 0)).toThrow("fork in a signal handler");
  });
});
