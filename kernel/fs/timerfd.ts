/**
 * timerfd_create(2): a timer that is read and polled like a file.
 *
 * As on Linux a periodic timer that has expired is only armed again once somebody looks (read, gettime, settime): the expirations missed
 * meanwhile are counted from the clock then, so a tiny interval costs nothing while nobody reads. Times are milliseconds with a
 * fraction on the monotonic clock; a deadline on the real-time clock is converted when it is set.
 */
import { EAGAIN, EINVAL, ENOTTY } from "../abi/errno.ts";
import { O_NONBLOCK } from "../abi/fcntl.ts";
import { POLLIN, POLLRDNORM } from "../abi/poll.ts";
import type { Kernel } from "../kernel.ts";
import type { Timer } from "../sched/timers.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { statAnonymous } from "./anonymous.ts";
import type { File, Stat } from "./file.ts";

const VALUE_BYTES = 8;

export class TimerFd implements File, Timer {
  readonly kind = "timerfd";
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly seekable = null;
  readonly directory = null;
  readonly durable = null;
  readonly clockid: number;
  heapIndex = -1;
  /** Monotonic ms of the next expiration (the first uncounted one, once expired); meaningless unless armed or expired. */
  #deadlineMs = 0;
  /** 0: one-shot. */
  #intervalMs = 0;
  #expired = false;
  /** Expirations counted and not read. */
  #ticks = 0;

  constructor(clockid: number, flags: number) {
    this.clockid = clockid;
    this.flags = flags;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** Arms the timer for `deadlineMs` (monotonic), or disarms it (null). Expirations not read are forgotten. */
  set(k: Kernel, deadlineMs: number | null, intervalMs: number): void {
    k.timers.remove(this);
    this.#expired = false;
    this.#ticks = 0;
    this.#intervalMs = intervalMs;
    if (deadlineMs === null) return;
    this.#deadlineMs = deadlineMs;
    k.timers.add(this, deadlineMs);
  }

  /** Milliseconds until the next expiration; 0 if the timer is disarmed. */
  remainingMs(k: Kernel): number {
    this.#catchUp(k);
    if (this.heapIndex < 0) return 0;
    // An armed timer never shows 0, which would mean disarmed.
    return Math.max(this.#deadlineMs - k.clock.monotonicMs(), 1e-6);
  }

  fire(): void {
    this.#expired = true;
    this.#ticks++;
    this.waiters.wake(POLLIN | POLLRDNORM);
  }

  read(k: Kernel, buf: number, count: number): number {
    if (count < VALUE_BYTES) return -EINVAL;
    this.#catchUp(k);
    if (this.#ticks === 0) return this.flags & O_NONBLOCK ? -EAGAIN : k.block(this.waiters);
    k.mem.setI64(buf, this.#ticks);
    this.#ticks = 0;
    return VALUE_BYTES;
  }

  write(): number {
    return -EINVAL;
  }

  poll(): number {
    return this.#ticks > 0 ? POLLIN | POLLRDNORM : 0;
  }

  close(k: Kernel): void {
    k.timers.remove(this);
  }

  stat(_k: Kernel, out: Stat): number {
    return statAnonymous(out, 0o600);
  }

  ioctl(): number {
    return -ENOTTY;
  }

  /** After an expiration of a periodic timer: counts what was missed and arms it again. */
  #catchUp(k: Kernel): void {
    if (!this.#expired || this.#intervalMs === 0) return;
    this.#expired = false;
    const missed = Math.max(0, Math.floor((k.clock.monotonicMs() - this.#deadlineMs) / this.#intervalMs));
    this.#ticks += missed;
    this.#deadlineMs += (missed + 1) * this.#intervalMs;
    k.timers.add(this, this.#deadlineMs);
  }
}
