/**
 * Where a clock device gets time from: the host, or a virtual clock that only moves when a test (or a simulator) moves it.
 */

export interface ClockSource {
  /** Never goes back; its zero is the source's own. */
  monotonicMs(): number;
  /** Since the epoch, for the moment `monotonicMs` (a value just read). */
  realtimeMs(monotonicMs: number): number;
  /** Calls `callback` once monotonicMs() >= deadlineMs, or a little earlier; replaces what was scheduled before. */
  schedule(deadlineMs: number, callback: () => void): void;
  cancel(): void;
}

/** Longest delay that setTimeout takes; a longer one goes off early and is set again. */
const DELAY_MAX_MS = 2 ** 31 - 1;
/** How often the distance between the two host clocks is measured anew, so that stepping the host's clock shows. */
const REALTIME_CHECK_MS = 50;

export class HostClock implements ClockSource {
  #timer: NodeJS.Timeout | null = null;
  /** realtime - monotonic, and when it was last checked. The host measures it at its start, to the microsecond. */
  #distanceMs = performance.timeOrigin;
  #checkedMs = Number.NEGATIVE_INFINITY;

  monotonicMs(): number {
    return performance.now();
  }

  realtimeMs(monotonicMs: number): number {
    if (monotonicMs - this.#checkedMs > REALTIME_CHECK_MS) {
      this.#checkedMs = monotonicMs;
      // Date.now() cuts off the fraction, so the true distance lies between these two. What is known so far is kept as long as it fits:
      // a guest whose clock lags or leads by a millisecond disagrees with its clients about absolute deadlines.
      const least = Date.now() - performance.now();
      this.#distanceMs = Math.min(Math.max(this.#distanceMs, least), least + 1);
    }
    return monotonicMs + this.#distanceMs;
  }

  schedule(deadlineMs: number, callback: () => void): void {
    this.cancel();
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const delay = Math.ceil(deadlineMs - performance.now());
    this.#timer = setTimeout(callback, Math.min(Math.max(delay, 0), DELAY_MAX_MS));
  }

  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** Moves only by `advance`, which goes through every alarm on its way. */
export class VirtualClock implements ClockSource {
  #nowMs = 0;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #callback: () => void = () => {};
  readonly #epochMs: number;

  /** `epochMs`: the real time at the start. */
  constructor(epochMs = 0) {
    this.#epochMs = epochMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  realtimeMs(monotonicMs: number): number {
    return this.#epochMs + monotonicMs;
  }

  schedule(deadlineMs: number, callback: () => void): void {
    this.#deadlineMs = deadlineMs;
    this.#callback = callback;
  }

  cancel(): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** Monotonic ms of the alarm that is set, Infinity for none. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  advance(ms: number): void {
    const end = this.#nowMs + ms;
    while (this.#deadlineMs <= end) {
      this.#nowMs = Math.max(this.#nowMs, this.#deadlineMs);
      this.#deadlineMs = Number.POSITIVE_INFINITY;
      this.#callback();
    }
    this.#nowMs = end;
  }
}
