/**
 * The scheduler: who runs, who is ready, who is parked.
 *
 * One stack of the machine runs at a time. A parked task's wake-up puts it on the run queue; the next one is resumed when the
 * running stack parks or ends, or at the end of a turn. So that guests which only talk to each other cannot starve the host's
 * event loop, a burst of switches is bounded and then waits for the next turn.
 */
import { EDEADLK, EINTR } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { ContinuationEngine, GuestFunction, Outcome } from "./continuation.ts";
import { TASK_DEAD, TASK_PARKED, TASK_READY, TASK_RUNNING, Task, type TaskWaker, WOULD_BLOCK } from "./task.ts";
import type { Timers } from "./timers.ts";
import { WaitQueue } from "./wait-queue.ts";

/** Stacks resumed in a row before the host's event loop gets its turn: about 0.3 ms of pure switching. */
const SWITCH_BURST_MAX = 2048;
/** System calls after which a thread that has not parked looks at the clock: 64 calls of 10 ns and more. */
const CALLS_PER_LOOK = 64;
/** How long a thread may go on without a park before it gives way to other threads and to the host's event loop. */
const SLICE_MS = 2;
/** Calls to sched_yield by a lone thread before the host's event loop gets its turn. */
const LONE_YIELDS_MAX = 256;

/** Ended threads whose return value is kept for a join. */
const UNJOINED_MAX = 65536;

export interface SchedulerHooks {
  /** Monotonic ms. */
  nowMs(): number;
  /** Asks the host for a turn. */
  requestTurn(): void;
  /** A thread's stack is empty: true if the thread goes on with another one (fork(2) has unwound it, longjmp(3) has left it). */
  goesOn(task: Task, outcome: Outcome): boolean;
  /** A stack begins or goes on, and the last one that ran was of another process. */
  switchedTo(process: Kernel): void;
  /** A thread makes a call, while somebody watches calls. */
  called(process: Kernel): void;
  /** No stack runs any more, and none will before the next turn. */
  idle(): void;
  /** A thread's stack has ended. */
  taskEnded(task: Task, outcome: Outcome): void;
}

export class Scheduler implements TaskWaker {
  /** The task on whose behalf the kernel acts. */
  current: Task;
  /** The context in which ring_dispatch runs: no stack to park. */
  readonly callbackTask: Task;
  readonly tasks = new Map<number, Task>();
  /** Woken when a thread ends (thread_join). */
  readonly joiners = new WaitQueue();
  /** Threads that have ended and nobody has joined: tid to return value. Bounded: the oldest are forgotten. */
  readonly #ended = new Map<number, number>();
  readonly #timers: Timers;
  readonly #hooks: SchedulerHooks;
  #engine: ContinuationEngine | null = null;
  readonly #ready: Task[] = [];
  #readyHead = 0;
  /** Ready tasks of stopped processes. */
  #held: Task[] = [];
  /** True while a resumed or started stack runs: until it parks or ends. */
  #stackRuns = false;
  #burst = 0;
  #loneYields = 0;
  #nextTid = 1;
  /** Calls left until the next look at the clock, and when the running thread's slice began (monotonic ms; -1: at the next look). */
  #callsLeft = CALLS_PER_LOOK;
  #sliceStartMs = -1;
  /** Whose stack ran last. */
  #process: Kernel | null = null;
  #callWatchers = 0;

  /** Whose CPU time passes since `#chargedSinceMs`; null while no stack runs. */
  #charged: Task | null = null;
  #chargedSinceMs = 0;
  /** True once somebody has asked for the time of a single thread: the clock is then read at switches within a process, too. */
  timesThreads = false;

  constructor(timers: Timers, hooks: SchedulerHooks) {
    this.#timers = timers;
    this.#hooks = hooks;
    this.callbackTask = new Task(0, false, this);
    this.current = this.callbackTask;
  }

  /** Live threads: what /proc and the machine's end depend on. */
  get threadCount(): number {
    return this.tasks.size;
  }

  /** True while a thread's stack runs: `idle` will follow. */
  get runsStack(): boolean {
    return this.#stackRuns;
  }

  get readyCount(): number {
    return this.#ready.length - this.#readyHead;
  }

  setEngine(engine: ContinuationEngine): void {
    this.#engine = engine;
  }

  /** True if threads can park on this host. */
  get hasStacks(): boolean {
    return this.#engine?.canPark ?? false;
  }

  /** A number for a process or a thread: both are of one series, as on Linux. */
  nextPid(): number {
    return this.#nextTid++;
  }

  /** The numbers begin with `pid`. Before the first is given. */
  countFrom(pid: number): void {
    this.#nextTid = pid;
  }

  /**
   * Starts a thread of `process` on `fn(...args)`. The first one (the main thread) runs at once, later ones when the scheduler gets to them.
   */
  spawn(process: Kernel, fn: GuestFunction, args: readonly number[], tid = this.nextPid()): Task {
    const engine = this.#engine as ContinuationEngine;
    const task = new Task(tid, engine.canPark, this, process);
    this.tasks.set(task.tid, task);
    process.tasks.add(task);
    this.restart(task, fn, args);
    return task;
  }

  /** The task runs `fn(...args)` on a new stack (a thread that begins; both sides of a fork). */
  restart(task: Task, fn: GuestFunction, args: readonly number[]): void {
    task.entry = { fn, args };
    task.state = TASK_READY;
    this.tasks.set(task.tid, task);
    this.#ready.push(task);
    if (!this.#stackRuns) this.#hooks.requestTurn();
  }

  /** Forgets a thread: its stack never runs again. One that is running must leave by a throw. */
  drop(task: Task): void {
    for (const queue of task.waitsOn) queue.remove(task);
    task.waitsOn.length = 0;
    this.#timers.remove(task);
    this.#engine?.drop(task);
    if (task === this.#charged) this.#charge(null);
    task.state = TASK_DEAD;
    this.tasks.delete(task.tid);
  }

  /**
   * Marks the running task as parked on `queues` (see Kernel.block). On the first try the deadline is set; a retry keeps it.
   * The shim parks the stack when it sees the value returned here.
   */
  block(queues: readonly WaitQueue[], timeoutMs: number): number {
    const task = this.current;
    if (!task.canPark) return -EDEADLK;
    for (let i = 0; i < queues.length; i++) task.waitOn(queues[i] as WaitQueue);
    return this.#park(task, timeoutMs);
  }

  /** `block` on one queue, or on none but the deadline: what most calls do, without an array. */
  blockOn(queue: WaitQueue | null, timeoutMs: number): number {
    const task = this.current;
    if (!task.canPark) return -EDEADLK;
    if (queue !== null) task.waitOn(queue);
    return this.#park(task, timeoutMs);
  }

  #park(task: Task, timeoutMs: number): number {
    if (!task.retrying) {
      task.deadlineMs = timeoutMs < 0 ? Number.POSITIVE_INFINITY : this.#hooks.nowMs() + timeoutMs;
    }
    if (task.signaled && task.inflight?.uninterruptible !== true) {
      for (let i = 0; i < task.waitsOn.length; i++) (task.waitsOn[i] as WaitQueue).remove(task);
      task.waitsOn.length = 0;
      const done = task.inflight?.result ?? 0;
      return done > 0 ? done : -EINTR;
    }
    if (task.deadlineMs !== Number.POSITIVE_INFINITY) this.#timers.add(task, task.deadlineMs);
    task.wakeMask = -1;
    task.state = TASK_PARKED;
    return WOULD_BLOCK;
  }

  /** True in a retry whose deadline has passed. */
  timedOut(): boolean {
    const { retrying, deadlineMs } = this.current;
    return retrying && deadlineMs !== Number.POSITIVE_INFINITY && this.#hooks.nowMs() >= deadlineMs;
  }

  /** sched_yield(2): lets ready tasks run; alone, lets the host's event loop run now and then. */
  yieldNow(): number {
    const task = this.current;
    if (task.retrying || !task.canPark) return 0;
    if (this.readyCount === 0 && ++this.#loneYields < LONE_YIELDS_MAX) return 0;
    if (this.readyCount === 0) this.#burst = SWITCH_BURST_MAX;
    this.#loneYields = 0;
    task.state = TASK_PARKED;
    this.wake(task);
    return WOULD_BLOCK;
  }

  /**
   * True, now and then, for a thread that has run for longer than its slice without a park: the caller parks it (the task is ready
   * already) and does the call afterwards. Cheap enough for every system call.
   */
  givesWay(): boolean {
    if (--this.#callsLeft > 0) return false;
    const task = this.current;
    this.#callsLeft = this.#callWatchers > 0 ? 1 : CALLS_PER_LOOK;
    if (this.#callWatchers > 0 && task.process) this.#hooks.called(task.process);
    const now = this.#hooks.nowMs();
    if (this.#sliceStartMs === -1) this.#sliceStartMs = now;
    const isOver = task.stopped || now - this.#sliceStartMs >= SLICE_MS;
    if (!isOver || !task.canPark || task.retrying) return false;
    task.gaveWay = true;
    task.state = TASK_PARKED;
    this.#burst = SWITCH_BURST_MAX;
    this.wake(task);
    return true;
  }

  /** One watcher more, or less, of the calls of Linux programs (hook `called`); each call costs a look at the clock meanwhile. */
  watchCalls(by: 1 | -1): void {
    this.#callWatchers += by;
    this.#callsLeft = 1;
  }

  /** A parked task becomes ready. It runs once the running stack parks or ends, or in the next turn. */
  wake(task: Task): void {
    if (task.state !== TASK_PARKED) return;
    task.state = TASK_READY;
    for (let i = 0; i < task.waitsOn.length; i++) (task.waitsOn[i] as WaitQueue).remove(task);
    task.waitsOn.length = 0;
    this.#timers.remove(task);
    this.#ready.push(task);
    if (!this.#stackRuns) this.#hooks.requestTurn();
  }

  /** The return value of a thread that has ended, once; undefined if there is none to reap. */
  reap(tid: number): number | undefined {
    const status = this.#ended.get(tid);
    if (status !== undefined) this.#ended.delete(tid);
    return status;
  }

  /** Ends a task's park with an errno (a signal: -EINTR). */
  interrupt(task: Task, errno: number): void {
    if (task.state !== TASK_PARKED || task.inflight?.uninterruptible === true) return;
    task.interrupted = errno;
    this.wake(task);
  }

  /** How long the task's stack has run, milliseconds. */
  cpuMs(task: Task): number {
    return task === this.#charged ? task.cpuMs + this.#hooks.nowMs() - this.#chargedSinceMs : task.cpuMs;
  }

  /** From now on time is `next`'s. Only Linux and WASI programs ask for it: other guests do not pay for the clock. */
  #charge(next: Task | null): void {
    const from = this.#charged;
    const task = next !== null && (next.linux !== null || next.isTimed) ? next : null;
    if (from === task) return;
    if (from !== null && task !== null && from.process === task.process && !this.timesThreads) return;
    const now = this.#hooks.nowMs();
    if (from !== null) from.cpuMs += now - this.#chargedSinceMs;
    this.#charged = task;
    this.#chargedSinceMs = now;
  }

  /**
   * This task's stack runs again (the shim's retry). 0, or the errno, or what it has transferred so far, that its parked call must return:
   * then the call is `finished`, unless it goes on waiting all the same.
   */
  resumed(tid: number): number {
    const task = this.tasks.get(tid) as Task;
    this.current = task;
    task.state = TASK_RUNNING;
    this.#beginSlice(task);
    const errno = task.interrupted;
    if (errno === 0) {
      task.retrying = !task.gaveWay;
      task.gaveWay = false;
      return 0;
    }
    const done = task.inflight?.result ?? 0;
    task.interrupted = 0;
    return done > 0 ? done : errno;
  }

  /** The slice is measured from the first look at the clock on: a thread that parks often never looks. */
  #beginSlice({ process }: Task): void {
    this.#callsLeft = this.#callWatchers > 0 ? 1 : CALLS_PER_LOOK;
    this.#sliceStartMs = -1;
    if (process === this.#process || process === null) return;
    this.#process = process;
    this.#hooks.switchedTo(process);
  }

  /** The running task's call, which has parked, has its result. */
  finished(): void {
    this.current.retrying = false;
    this.current.inflight = null;
  }

  /** Called by the continuation engine once the running stack hangs. */
  readonly parked = (): void => {
    this.#stackRuns = false;
    this.current = this.callbackTask;
    this.runNext();
  };

  /** Resumes or starts the next ready task, if none runs. */
  runNext(): void {
    while (!this.#stackRuns && this.readyCount > 0) {
      if (++this.#burst > SWITCH_BURST_MAX) {
        this.#hooks.requestTurn();
        break;
      }
      const task = this.#ready[this.#readyHead++] as Task;
      if (this.#readyHead === this.#ready.length) {
        this.#ready.length = 0;
        this.#readyHead = 0;
      } else if (this.#readyHead === 1024) {
        this.#ready.splice(0, 1024);
        this.#readyHead = 0;
      }
      if (task.state !== TASK_READY) continue;
      if (task.stopped) {
        this.#held.push(task);
        continue;
      }
      this.#stackRuns = true;
      this.#charge(task);
      if (task.entry) this.#start(task);
      else (this.#engine as ContinuationEngine).resume(task);
    }
    if (this.#stackRuns) return;
    this.#charge(null);
    this.#hooks.idle();
  }

  /** Its process is stopped: the task does not run until `release`. One that runs now gives way at its next call. */
  hold(task: Task): void {
    task.stopped = true;
    if (task === this.current) this.#callsLeft = 0;
  }

  release(task: Task): void {
    task.stopped = false;
    if (!this.#held.includes(task)) return;
    this.#held = this.#held.filter((other) => other !== task);
    this.#ready.push(task);
    if (!this.#stackRuns) this.#hooks.requestTurn();
  }

  /** A new turn of the host's event loop: the burst starts anew. */
  beginTurn(): void {
    this.#burst = 0;
  }

  /** The machine is over: no stack will ever run again. */
  stop(): void {
    for (const task of this.tasks.values()) this.drop(task);
    this.#ready.length = 0;
    this.#readyHead = 0;
  }

  #start(task: Task): void {
    const { fn, args } = task.entry as { fn: GuestFunction; args: readonly number[] };
    task.entry = null;
    task.state = TASK_RUNNING;
    this.current = task;
    this.#beginSlice(task);
    (this.#engine as ContinuationEngine).start(task, fn, args, this.#onEnded);
  }

  readonly #onEnded = (task: Task, outcome: Outcome): void => {
    this.#stackRuns = false;
    this.current = this.callbackTask;
    if (task.state === TASK_DEAD) {
      this.runNext();
      return;
    }
    if (this.#hooks.goesOn(task, outcome)) {
      this.runNext();
      return;
    }
    task.state = TASK_DEAD;
    if (outcome.kind === "returned") task.exitStatus = outcome.value;
    this.tasks.delete(task.tid);
    if (this.#ended.size >= UNJOINED_MAX) this.#ended.delete(this.#ended.keys().next().value as number);
    this.#ended.set(task.tid, task.exitStatus);
    this.joiners.wake(0);
    this.#hooks.taskEnded(task, outcome);
    this.runNext();
  };
}
