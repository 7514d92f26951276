/**
 * The interval timers of a process (setitimer(2)): ITIMER_REAL raises SIGALRM; the other two measure the CPU time of the process and raise
 * SIGVTALRM and SIGPROF. A fork begins without, execve(2) keeps them.
 */
import { SI_KERNEL, SIGALRM, SIGPROF, SIGVTALRM } from "../abi/signal.ts";
import { ClockAlarm } from "./clock-alarm.ts";
import type { Clock } from "./clocks.ts";
import type { Process } from "./process.ts";

/** What is left of an armed timer is never shown as 0, which would mean disarmed: one microsecond. */
const LEAST_MS = 0.001;

export class IntervalTimer {
  /** 0: one-shot. */
  intervalMs = 0;
  readonly #process: Process;
  readonly #signo: number;
  readonly #alarm: ClockAlarm;

  constructor(process: Process, signo: number, clock: Clock) {
    this.#process = process;
    this.#signo = signo;
    this.#alarm = new ClockAlarm(
      process.timers,
      () => process.clock.monotonicMs(),
      clock,
      () => this.#expire(),
    );
  }

  /** Milliseconds until it expires; 0 if it is disarmed. */
  get remainingMs(): number {
    return this.#alarm.isArmed ? this.#alarm.remainingMs(LEAST_MS) : 0;
  }

  /** `valueMs` 0 disarms it. */
  set(valueMs: number, intervalMs: number): void {
    this.#alarm.disarm();
    this.intervalMs = intervalMs;
    if (valueMs > 0) this.#alarm.arm(this.#alarm.clock() + valueMs);
  }

  #expire(): void {
    this.#process.linux.signals.raise({ signo: this.#signo, code: SI_KERNEL, pid: 0, uid: 0, value: 0 });
    if (this.intervalMs <= 0 || this.#process.over) return;
    const { deadlineMs, clock } = this.#alarm;
    const missed = Math.max(0, Math.floor((clock() - deadlineMs) / this.intervalMs));
    this.#alarm.arm(deadlineMs + (missed + 1) * this.intervalMs);
  }
}

export class IntervalTimers {
  readonly #timers: readonly IntervalTimer[];

  constructor(process: Process) {
    const cpu = (): number => process.linux.cpu.processMs();
    this.#timers = [
      new IntervalTimer(process, SIGALRM, () => process.clock.monotonicMs()),
      new IntervalTimer(process, SIGVTALRM, cpu),
      new IntervalTimer(process, SIGPROF, cpu),
    ];
  }

  /** ITIMER_REAL 0, ITIMER_VIRTUAL 1, ITIMER_PROF 2; undefined for another number. */
  get(which: number): IntervalTimer | undefined {
    return this.#timers[which];
  }

  close(): void {
    for (const timer of this.#timers) timer.set(0, 0);
  }
}
