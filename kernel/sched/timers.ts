/**
 * Everything in the machine that waits for a moment: one binary heap over monotonic milliseconds. The kernel sets the clock
 * device's alarm to the first deadline and fires what is due in its turn; nothing else in the kernel knows of timeouts.
 */
import type { Kernel } from "../kernel.ts";

export interface Timer {
  /** Called once the deadline has passed; the timer is no longer armed then and may be added again. Must not run guest code. */
  fire(kernel: Kernel): void;
  /** Index in the heap, -1 when not armed; kept by `Timers`. */
  heapIndex: number;
}

export class Timers {
  readonly #timers: Timer[] = [];
  readonly #deadlines: number[] = [];
  readonly #onEarlier: () => void;

  /** `onEarlier` is told when the earliest deadline has become earlier: the alarm may have to move. */
  constructor(onEarlier: () => void = () => {}) {
    this.#onEarlier = onEarlier;
  }

  /** Monotonic ms of the earliest timer, Infinity if none is armed. */
  get nextDeadlineMs(): number {
    return this.#deadlines[0] ?? Number.POSITIVE_INFINITY;
  }

  get length(): number {
    return this.#timers.length;
  }

  /** Arms `timer`; one that is armed already moves to the new deadline. */
  add(timer: Timer, deadlineMs: number): void {
    let at = timer.heapIndex;
    if (at < 0) {
      at = this.#timers.length;
      this.#timers.push(timer);
      this.#deadlines.push(deadlineMs);
      timer.heapIndex = at;
      this.#siftUp(at);
    } else {
      this.#deadlines[at] = deadlineMs;
      this.#siftUp(at);
      this.#siftDown(timer.heapIndex);
    }
    if (timer.heapIndex === 0) this.#onEarlier();
  }

  /** Disarms `timer`; nothing happens if it is not armed. */
  remove(timer: Timer): void {
    const at = timer.heapIndex;
    if (at < 0) return;
    timer.heapIndex = -1;
    const last = this.#timers.pop() as Timer;
    const lastDeadline = this.#deadlines.pop() as number;
    if (last === timer) return;
    this.#place(at, last, lastDeadline);
    this.#siftUp(at);
    this.#siftDown(last.heapIndex);
  }

  /** Fires every timer due at `nowMs`, earliest first. Those armed meanwhile wait for the next call. */
  fireDue(kernel: Kernel, nowMs: number): void {
    let left = this.#timers.length;
    while (left-- > 0 && (this.#deadlines[0] as number) <= nowMs) {
      const timer = this.#timers[0] as Timer;
      this.remove(timer);
      timer.fire(kernel);
    }
  }

  #place(at: number, timer: Timer, deadline: number): void {
    this.#timers[at] = timer;
    this.#deadlines[at] = deadline;
    timer.heapIndex = at;
  }

  #siftUp(from: number): void {
    const timer = this.#timers[from] as Timer;
    const deadline = this.#deadlines[from] as number;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#deadlines[parent] as number) <= deadline) break;
      this.#place(at, this.#timers[parent] as Timer, this.#deadlines[parent] as number);
      at = parent;
    }
    this.#place(at, timer, deadline);
  }

  #siftDown(from: number): void {
    const timer = this.#timers[from] as Timer;
    const deadline = this.#deadlines[from] as number;
    const length = this.#timers.length;
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= length) break;
      if (child + 1 < length && (this.#deadlines[child + 1] as number) < (this.#deadlines[child] as number)) child++;
      if ((this.#deadlines[child] as number) >= deadline) break;
      this.#place(at, this.#timers[child] as Timer, this.#deadlines[child] as number);
      at = child;
    }
    this.#place(at, timer, deadline);
  }
}
