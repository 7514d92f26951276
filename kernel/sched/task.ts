/**
 * A task: one thread of the guest, as the scheduler sees it. The stack is the continuation's business (continuation.ts);
 * everything here is plain data.
 *
 * Life: ready -> running -> (parked -> ready -> running)* -> dead. Only the scheduler changes `state`.
 */
import type { Kernel } from "../kernel.ts";
import type { LinuxThread } from "../process/linux-thread.ts";
import type { GuestFunction } from "./continuation.ts";
import type { Timer } from "./timers.ts";
import type { Waiter, WaitQueue } from "./wait-queue.ts";

/** What a handler returns after `Scheduler.block`: not a result, not an errno (those are above -4096). */
export const WOULD_BLOCK = -0x80000000;

export const TASK_READY = 0;
export const TASK_RUNNING = 1;
export const TASK_PARKED = 2;
export const TASK_DEAD = 3;

/** An operation that a device works on for a parked call: the retry of the call finds its result here. */
export interface Inflight {
  done: boolean;
  /** Bytes, 0 or a negated errno; meaningful once `done`. Before that: what a call that waits to go on has transferred. */
  result: number;
  /** True: no signal ends the wait (a device works on the caller's memory). */
  readonly uninterruptible?: boolean;
}

export interface TaskWaker {
  wake(task: Task): void;
}

export class Task implements Waiter, Timer {
  readonly tid: number;
  /** False for the callback context: it has no stack to park, so a call that would block answers -EDEADLK. */
  readonly canPark: boolean;
  state: number = TASK_READY;
  /** The queues a parked call waits on; `Scheduler.block` fills it, waking empties it. */
  readonly waitsOn: WaitQueue[] = [];
  /** Monotonic ms at which the parked call gives up (Infinity: never). */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** True while a call that has parked is being tried again: its deadline and `inflight` are still its own. */
  retrying = false;
  /** Set when the park ended for another reason than its queue: -EINTR, or the machine is stopping. */
  interrupted = 0;
  /** True while it has only given way (Scheduler.giveWay): its call has not been tried yet. */
  gaveWay = false;
  /** True while a signal that it does not block is pending: its calls do not park, and end by delivering it. */
  signaled = false;
  inflight: Inflight | null = null;
  /** True while its process is stopped (SIGSTOP): it becomes ready, but does not run. */
  stopped = false;
  /** True if a FUTEX_WAKE, not the deadline, ended the wait. */
  futexWoken = false;
  /** Settles what the parked stack waits for; the continuation engine's own. */
  resume: ((tid: number) => void) | null = null;
  /** What the stack shall run, until it has been started. */
  entry: { readonly fn: GuestFunction; readonly args: readonly number[] } | null = null;
  /** What the Linux personality keeps of the thread. */
  linux: LinuxThread | null = null;
  /** True if somebody may ask for its CPU time though it is no Linux program's. */
  isTimed = false;
  /** The value the thread's function returned, once dead. */
  exitStatus = 0;
  /** How long its stack has run, milliseconds, up to the last time the scheduler looked (Scheduler.cpuMs). */
  cpuMs = 0;
  /** What wakes it among the bits that a queue is woken with: all of them, unless it waits for some (FUTEX_WAIT_BITSET). */
  wakeMask = -1;
  /** Position of this task's deadline among the timers. */
  heapIndex = -1;
  /** Whose thread it is; null for the callback context. */
  readonly process: Kernel | null;
  /** Where wake-ups go: the scheduler. */
  readonly #wakes: TaskWaker;

  constructor(tid: number, canPark: boolean, wakes: TaskWaker, process: Kernel | null = null) {
    this.tid = tid;
    this.canPark = canPark;
    this.#wakes = wakes;
    this.process = process;
  }

  /** Puts the task into `queue` until it is woken. */
  waitOn(queue: WaitQueue): void {
    this.waitsOn.push(queue);
    queue.add(this);
  }

  /** A queue it waits on was woken. */
  notify(mask: number): boolean {
    if (this.state !== TASK_PARKED || (this.wakeMask !== -1 && (mask & this.wakeMask) === 0)) return false;
    this.futexWoken = true;
    this.#wakes.wake(this);
    return true;
  }

  /** Its deadline has passed. */
  fire(_kernel: Kernel): void {
    if (this.state === TASK_PARKED) this.#wakes.wake(this);
  }
}
