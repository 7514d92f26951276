/**
 * Whose CPU time passes: the stack's that runs, and nobody's while none does.
 */
import { beforeEach, expect, it } from "vitest";
import type { Kernel } from "../../../kernel/kernel.ts";
import type { LinuxThread } from "../../../kernel/process/linux-thread.ts";
import type { ContinuationEngine } from "../../../kernel/sched/continuation.ts";
import { Scheduler } from "../../../kernel/sched/scheduler.ts";
import type { Task } from "../../../kernel/sched/task.ts";
import { Timers } from "../../../kernel/sched/timers.ts";
import { WaitQueue } from "../../../kernel/sched/wait-queue.ts";

let nowMs: number;
let looks: number;
let scheduler: Scheduler;
let ended: (task: Task) => void;

beforeEach(() => {
  nowMs = 1000;
  looks = 0;
  scheduler = new Scheduler(new Timers(), {
    nowMs: () => {
      looks++;
      return nowMs;
    },
    requestTurn: () => {},
    goesOn: () => false,
    taskEnded: () => {},
    switchedTo: () => {},
    called: () => {},
    idle: () => {},
  });
  const engine: ContinuationEngine = {
    kind: "jspi",
    canPark: true,
    park: () => 0,
    start: (_task, _fn, _args, end) => {
      ended = (task) => end(task, { kind: "returned", value: 0 });
    },
    resume: () => {},
    drop: () => {},
  };
  scheduler.setEngine(engine);
});

function spawn(process: Kernel): Task {
  const task = scheduler.spawn(process, () => 0, []);
  task.linux = {} as LinuxThread;
  return task;
}

const newProcess = (): Kernel => ({ tasks: new Set() }) as unknown as Kernel;

/** The running task parks; the next ready one, if any, runs. */
function park(): void {
  scheduler.blockOn(queue, -1);
  scheduler.parked();
}
const queue = new WaitQueue();

it("passes for the stack that runs, until nobody does", () => {
  const task = spawn(newProcess());
  scheduler.runNext();
  nowMs += 5;
  expect(scheduler.cpuMs(task)).toBe(5);
  park();
  nowMs += 100;
  expect(scheduler.cpuMs(task)).toBe(5);
  scheduler.wake(task);
  scheduler.runNext();
  nowMs += 2;
  ended(task);
  nowMs += 100;
  expect(scheduler.cpuMs(task)).toBe(7);
});

it("is told apart between processes at every switch", () => {
  const [a, b] = [spawn(newProcess()), spawn(newProcess())] as const;
  scheduler.runNext();
  nowMs += 3;
  park(); // b runs
  nowMs += 4;
  park();
  nowMs += 50;
  expect([scheduler.cpuMs(a), scheduler.cpuMs(b)]).toEqual([3, 4]);
});

it("is told apart between threads of a process from the moment on at which somebody asks", () => {
  const process = newProcess();
  const [a, b] = [spawn(process), spawn(process)] as const;
  scheduler.runNext();
  nowMs += 3;
  park();
  nowMs += 4;
  park();
  expect(scheduler.cpuMs(a) + scheduler.cpuMs(b)).toBe(7); // together right, whoever's it was
  expect(looks).toBe(2);
  scheduler.timesThreads = true;
  const before = [scheduler.cpuMs(a), scheduler.cpuMs(b)] as const;
  for (const task of [b, a]) scheduler.wake(task);
  scheduler.runNext();
  nowMs += 10;
  park();
  nowMs += 20;
  park();
  expect([scheduler.cpuMs(a) - before[0], scheduler.cpuMs(b) - before[1]]).toEqual([20, 10]);
});

it("is kept for a thread that is dropped while it runs", () => {
  const task = spawn(newProcess());
  scheduler.runNext();
  nowMs += 6;
  scheduler.drop(task);
  nowMs += 100;
  expect(scheduler.cpuMs(task)).toBe(6);
});

it("is not measured for guests that cannot ask", () => {
  const task = spawn(newProcess());
  task.linux = null;
  scheduler.runNext();
  nowMs += 5;
  park();
  expect([scheduler.cpuMs(task), looks]).toEqual([0, 0]);
});
