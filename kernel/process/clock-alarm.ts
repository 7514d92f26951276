/**
 * Something that is due at a moment of one of the clocks (clocks.ts). The machine's timers know the monotonic clock alone: an alarm on another
 * one looks, when it goes off, whether its own clock has come as far, and is set again if it has not. A clock of CPU time never runs faster
 * than the monotonic one, so no alarm is late.
 */
import type { Timer, Timers } from "../sched/timers.ts";
import type { Clock } from "./clocks.ts";

/** Rounding of clocks that are differences. */
const TOLERANCE_MS = 1e-6;
/** An alarm on a clock that stands still looks at it this often at most. */
const LOOK_MS = 1;

export class ClockAlarm implements Timer {
  heapIndex = -1;
  /** On its clock; meaningless unless it is armed. */
  deadlineMs = 0;
  clock: Clock;
  readonly #timers: Timers;
  readonly #monotonicMs: Clock;
  readonly #due: () => void;

  constructor(timers: Timers, monotonicMs: Clock, clock: Clock, due: () => void) {
    this.#timers = timers;
    this.#monotonicMs = monotonicMs;
    this.clock = clock;
    this.#due = due;
  }

  get isArmed(): boolean {
    return this.heapIndex >= 0;
  }

  arm(deadlineMs: number): void {
    this.deadlineMs = deadlineMs;
    this.#set(0);
  }

  disarm(): void {
    this.#timers.remove(this);
  }

  /** The clock has been set: the deadline stays the same on it. */
  clockSet(): void {
    if (this.isArmed) this.#set(0);
  }

  /** Milliseconds until it is due, at least `leastMs`. */
  remainingMs(leastMs: number): number {
    return Math.max(this.deadlineMs - this.clock(), leastMs);
  }

  fire(): void {
    if (this.clock() < this.deadlineMs - TOLERANCE_MS) this.#set(LOOK_MS);
    else this.#due();
  }

  #set(leastMs: number): void {
    this.#timers.add(this, this.#monotonicMs() + this.remainingMs(leastMs));
  }
}
