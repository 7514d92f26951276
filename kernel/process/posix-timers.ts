/**
 * The timers of timer_create(2). One signal of a timer is pending at most: expirations meanwhile are counted (timer_getoverrun(2)), and, as on
 * Linux, a periodic timer is armed again once its signal is delivered, so that a tiny interval costs nothing while the signal is blocked.
 */
import { SI_TIMER, SIGALRM } from "../abi/signal.ts";
import type { Task } from "../sched/task.ts";
import { ClockAlarm } from "./clock-alarm.ts";
import { type Clock, isRealtime } from "./clocks.ts";
import type { Process } from "./process.ts";
import type { SignalInfo, SignalSource } from "./signal-info.ts";

/** DELAYTIMER_MAX. */
const OVERRUN_MAX = 0x7fffffff;
/** RLIMIT_SIGPENDING counts timers as well. */
const TIMERS_MAX = 1024;
/** What is left of an armed timer is never shown as 0: a nanosecond, and what rounding takes. */
const LEAST_MS = 1.5e-6;

/** `struct sigevent`, as far as the kernel looks at it. */
export interface TimerEvent {
  /** 0: it expires in silence (SIGEV_NONE). */
  readonly signo: number;
  /** Whom it is for; null: the process. */
  readonly thread: Task | null;
  readonly value: number;
}

export class PosixTimer implements SignalSource {
  queued = false;
  /** 0: one-shot. */
  intervalMs = 0;
  /** Expirations beyond the one that was delivered last. */
  overrun = 0;
  readonly id: number;
  readonly clockid: number;
  readonly alarm: ClockAlarm;
  readonly #process: Process;
  readonly #clock: Clock;
  readonly #event: TimerEvent;
  /** True once it has expired and waits for its signal to be delivered. */
  #awaitsDelivery = false;
  /** True once it has been deleted. */
  #gone = false;

  constructor(process: Process, id: number, clockid: number, clock: Clock, event: TimerEvent) {
    this.#process = process;
    this.id = id;
    this.clockid = clockid;
    this.#clock = clock;
    this.#event = event;
    this.alarm = new ClockAlarm(
      process.timers,
      () => process.clock.monotonicMs(),
      clock,
      () => this.#expire(),
    );
  }

  /** Milliseconds until it expires; 0 if it is disarmed. */
  get remainingMs(): number {
    const { alarm } = this;
    if (alarm.isArmed) return alarm.remainingMs(LEAST_MS);
    if (!this.#awaitsDelivery || this.intervalMs === 0) return 0;
    const sinceMs = alarm.clock() - alarm.deadlineMs;
    return Math.max(this.intervalMs - (sinceMs % this.intervalMs), LEAST_MS);
  }

  /**
   * Arms it: in `valueMs`, or, `absolute`, when its clock says so; 0 disarms it. A signal of it that is pending is forgotten. What is to last
   * some time lasts as long if the real-time clock is set meanwhile.
   */
  set(valueMs: number, intervalMs: number, absolute: boolean): void {
    const { alarm } = this;
    alarm.disarm();
    this.#withdraw();
    this.#awaitsDelivery = false;
    this.overrun = 0;
    this.intervalMs = intervalMs;
    alarm.clock = !absolute && isRealtime(this.clockid) ? () => this.#process.clock.monotonicMs() : this.#clock;
    if (valueMs > 0) alarm.arm(absolute ? valueMs : alarm.clock() + valueMs);
  }

  delete(): void {
    this.alarm.disarm();
    this.#gone = true;
    this.#withdraw();
  }

  taken(info: SignalInfo): SignalInfo {
    this.#goOn();
    return { ...info, uid: this.overrun };
  }

  discarded(): void {
    this.#goOn();
  }

  #expire(): void {
    const { signo, thread, value } = this.#event;
    this.#awaitsDelivery = true;
    // Nobody is to be told, or nobody is there: what is left is worked out when somebody looks.
    if (signo === 0 || (thread && !this.#process.tasks.has(thread))) return;
    const info = { signo, code: SI_TIMER, pid: this.id, uid: 0, value, source: this };
    this.#process.linux.signals.raise(info, thread);
    if (!this.queued) this.#goOn(); // ignored
  }

  /** The signal is no longer pending: counts what was missed, and arms a periodic timer again. */
  #goOn(): void {
    if (!this.#awaitsDelivery || this.#gone) return;
    this.#awaitsDelivery = false;
    this.overrun = 0;
    if (this.intervalMs === 0) return;
    const { clock, deadlineMs } = this.alarm;
    const missed = Math.max(0, Math.floor((clock() - deadlineMs) / this.intervalMs));
    this.overrun = Math.min(missed, OVERRUN_MAX);
    this.alarm.arm(deadlineMs + (missed + 1) * this.intervalMs);
  }

  #withdraw(): void {
    if (!this.queued) return;
    this.queued = false;
    const { linux, tasks } = this.#process;
    linux.signals.pending.withdraw(this);
    for (const task of tasks) task.linux?.pending.withdraw(this);
  }
}

export class PosixTimers {
  readonly #process: Process;
  readonly #timers = new Map<number, PosixTimer>();
  #next = 0;

  constructor(process: Process) {
    this.#process = process;
  }

  get(id: number): PosixTimer | undefined {
    return this.#timers.get(id);
  }

  /** A new timer; null if there are too many. `event` null: SIGALRM with the timer's number. */
  create(clockid: number, clock: Clock, event: TimerEvent | null): PosixTimer | null {
    if (this.#timers.size >= TIMERS_MAX) return null;
    const id = this.#next++;
    const timer = new PosixTimer(
      this.#process,
      id,
      clockid,
      clock,
      event ?? { signo: SIGALRM, thread: null, value: id },
    );
    this.#timers.set(id, timer);
    return timer;
  }

  delete(timer: PosixTimer): void {
    timer.delete();
    this.#timers.delete(timer.id);
  }

  /** The real-time clock has been set. */
  clockSet(): void {
    for (const { clockid, alarm } of this.#timers.values()) if (isRealtime(clockid)) alarm.clockSet();
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.delete();
    this.#timers.clear();
  }
}
