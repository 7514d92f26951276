/**
 * Timers of a guest in callback style. (A thread just sleeps: thread.ts.)
 */
import { Source, register, unregister } from "./ring";
import { RingEvent, sys_ring_timer, sys_ring_timer_cancel } from "./sys";

/** A timer: a subclass says in `onTimer` what is to be done. */
export class Timer extends Source {
  private id: i32 = -1;
  private repeatMs: f64 = -1;

  /** Starts or restarts it: 0 or a negated errno. `repeatMs` not below 0: again and again after the first time. */
  start(delayMs: f64, repeatMs: f64 = -1): i32 {
    this.stop();
    this.repeatMs = repeatMs;
    return this.arm(delayMs);
  }

  stop(): void {
    if (this.token == 0) return;
    sys_ring_timer_cancel(this.id);
    unregister(this, true);
  }

  get isRunning(): bool {
    return this.token != 0;
  }

  onTimer(): void {}

  private arm(delayMs: f64): i32 {
    const id = sys_ring_timer(delayMs < 0 ? 0 : delayMs, register(this, true));
    this.id = id;
    if (id < 0) {
      unregister(this, true);
      return id;
    }
    return 0;
  }

  onEvent(event: RingEvent): void {
    unregister(this, true);
    if (this.repeatMs >= 0) this.arm(this.repeatMs);
    this.onTimer();
  }
}

class FunctionTimer<T> extends Timer {
  constructor(
    private fn: (argument: T) => void,
    private argument: T,
  ) {
    super();
  }

  onTimer(): void {
    this.fn(this.argument);
  }
}

/** Calls `fn(argument)` once `ms` have passed. The timer can be stopped. */
export function after<T>(ms: f64, fn: (argument: T) => void, argument: T): Timer {
  const timer = new FunctionTimer<T>(fn, argument);
  timer.start(ms);
  return timer;
}

/** Calls `fn(argument)` every `ms` milliseconds until the timer is stopped. */
export function every<T>(ms: f64, fn: (argument: T) => void, argument: T): Timer {
  const timer = new FunctionTimer<T>(fn, argument);
  timer.start(ms, ms);
  return timer;
}
