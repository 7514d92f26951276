/**
 * The interval timers of a process (setitimer(2)): ITIMER_REAL raises SIGALRM. The other two measure CPU time, which nobody can tell apart
 * here from the time that passes: they run on the same clock and raise SIGVTALRM and SIGPROF.
 */
import { SI_KERNEL, SIGALRM, SIGPROF, SIGVTALRM } from "../abi/signal.ts";
import type { Timer } from "../sched/timers.ts";
import type { Process } from "./process.ts";

const SIGNALS = [SIGALRM, SIGVTALRM, SIGPROF] as const;

export class IntervalTimer implements Timer {
  heapIndex = -1;
  /** 0: one-shot. */
  intervalMs = 0;
  readonly #process: Process;
  readonly #signo: number;
  #deadlineMs = 0;

  constructor(process: Process, signo: number) {
    this.#process = process;
    this.#signo = signo;
  }

  /** Milliseconds until it expires; 0 if it is disarmed. */
  get remainingMs(): number {
    if (this.heapIndex < 0) return 0;
    return Math.max(this.#deadlineMs - this.#process.clock.monotonicMs(), 0.001);
  }

  /** `valueMs` 0 disarms it. */
  set(valueMs: number, intervalMs: number): void {
    this.#process.timers.remove(this);
    this.intervalMs = intervalMs;
    if (valueMs <= 0) return;
    this.#deadlineMs = this.#process.clock.monotonicMs() + valueMs;
    this.#process.timers.add(this, this.#deadlineMs);
  }

  fire(): void {
    this.#process.linux.signals.raise({ signo: this.#signo, code: SI_KERNEL, pid: 0, uid: 0, value: 0 });
    if (this.intervalMs <= 0 || this.#process.over) return;
    const missed = Math.floor((this.#process.clock.monotonicMs() - this.#deadlineMs) / this.intervalMs);
    this.#deadlineMs += (Math.max(0, missed) + 1) * this.intervalMs;
    this.#process.timers.add(this, this.#deadlineMs);
  }
}

export class IntervalTimers {
  readonly #timers: readonly IntervalTimer[];

  constructor(process: Process) {
    this.#timers = SIGNALS.map((signo) => new IntervalTimer(process, signo));
  }

  /** ITIMER_REAL 0, ITIMER_VIRTUAL 1, ITIMER_PROF 2; undefined for another number. */
  get(which: number): IntervalTimer | undefined {
    return this.#timers[which];
  }

  close(): void {
    for (const timer of this.#timers) timer.set(0, 0);
  }
}
