/**
 * A kernel for unit tests: real memory, timers, scheduler, descriptor table and clock (virtual: it moves by `advance` only), and threads
 * whose system calls the test makes itself. No guest, no file system, no network.
 *
 *     const k = new TestKernel(); const t = k.thread();
 *     t.call(() => sys_read(k, fd, buf, 8))   -> the result, or WOULD_BLOCK: then `t.parked`, and after a wake-up `t.retry()`
 */
import { ClockDevice } from "../../host/devices/clock.ts";
import { VirtualClock } from "../../host/devices/clock-source.ts";
import { FdTable } from "../../kernel/fs/fd-table.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { GuestMemory } from "../../kernel/mem/guest-memory.ts";
import { PhysicalMemory } from "../../kernel/mem/physical.ts";
import { Credentials } from "../../kernel/process/credentials.ts";
import type { FsContext } from "../../kernel/process/fs-context.ts";
import { Scheduler } from "../../kernel/sched/scheduler.ts";
import { TASK_PARKED, TASK_READY, TASK_RUNNING, Task, WOULD_BLOCK } from "../../kernel/sched/task.ts";
import { Timers } from "../../kernel/sched/timers.ts";
import type { WaitQueue } from "../../kernel/sched/wait-queue.ts";
import { ClockDriver } from "../../kernel/virtio/clock.ts";

export class TestKernel implements Kernel {
  readonly boot = { name: "test", args: ["test"], env: [], memoryLimit: 2 ** 32 };
  readonly mem = new GuestMemory(new WebAssembly.Memory({ initial: 4 }));
  readonly physical = new PhysicalMemory(this.mem, 1024 * 1024);
  readonly timers = new Timers();
  readonly fds = new FdTable();
  readonly time = new VirtualClock(1_700_000_000_000);
  readonly clock = new ClockDriver(this.physical, new ClockDevice(this.physical, { source: this.time }).mmio);
  readonly scheduler = new Scheduler(this.timers, {
    nowMs: () => this.clock.monotonicMs(),
    requestTurn: () => this.requestTurn(),
    goesOn: () => false,
    switchedTo: () => {},
    called: () => {},
    idle: () => {},
    taskEnded: () => {},
  });
  readonly pid = 1;
  readonly ppid = 0;
  readonly credentials = new Credentials(null);
  readonly processes = new Map([[1, this as Kernel]]);
  readonly linux = null;
  readonly futexes = new Map<number, WaitQueue>();
  readonly tasks = new Set<Task>();
  readonly threadCount = 1;
  ring = null;
  readonly shards = null;
  readonly lines: string[] = [];
  turns = 0;

  get current(): Task {
    return this.scheduler.current;
  }
  block(queue: WaitQueue | null, timeoutMs = -1): number {
    return this.scheduler.blockOn(queue, timeoutMs);
  }
  blockOnAll(queues: readonly WaitQueue[], timeoutMs = -1): number {
    return this.scheduler.block(queues, timeoutMs);
  }
  timedOut(): boolean {
    return this.scheduler.timedOut();
  }
  guestExport(): null {
    return null;
  }
  exit(): never {
    throw new Error("nothing exits in this test");
  }
  requestTurn(): void {
    this.turns++;
  }
  log(line: string): void {
    this.lines.push(line);
  }

  /** What these tests have no use for. */
  get fs(): FsContext {
    throw new Error("no file system in this test");
  }
  set fs(value: FsContext) {
    Object.defineProperty(this, "fs", { value });
  }
  get vfs(): never {
    throw new Error("no file system in this test");
  }
  get net(): never {
    throw new Error("no network in this test");
  }
  get entropy(): never {
    throw new Error("no entropy in this test");
  }
  get console(): never {
    throw new Error("no console in this test");
  }

  /** Moves the clock and fires what is due, as a turn does. */
  advance(ms: number): void {
    this.time.advance(ms);
    this.scheduler.beginTurn();
    this.timers.fireDue(this, this.clock.monotonicMs());
  }

  /** A thread; `canPark` false: a callback context. */
  thread(canPark = true): TestThread {
    return new TestThread(this, canPark);
  }
}

let lastTid = 100;

export class TestThread {
  readonly task: Task;
  readonly #kernel: TestKernel;
  #call: () => number = () => 0;

  constructor(kernel: TestKernel, canPark: boolean) {
    this.#kernel = kernel;
    this.task = new Task(lastTid++, canPark, kernel.scheduler);
    this.task.state = TASK_RUNNING;
  }

  get parked(): boolean {
    return this.task.state === TASK_PARKED;
  }

  call(call: () => number): number {
    this.#call = call;
    return this.#try();
  }

  /** Resumes the parked call, which something must have woken. */
  retry(): number {
    if (this.task.state !== TASK_READY) throw new Error("nothing has woken this thread");
    this.task.state = TASK_RUNNING;
    this.task.retrying = true;
    return this.#try();
  }

  #try(): number {
    this.#kernel.scheduler.current = this.task;
    const result = this.#call();
    this.#kernel.scheduler.current = this.#kernel.scheduler.callbackTask;
    if (result !== WOULD_BLOCK) {
      this.task.retrying = false;
      this.task.inflight = null;
    }
    return result;
  }
}
