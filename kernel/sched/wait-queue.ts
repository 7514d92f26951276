/**
 * A wait queue: who wants to know when a kernel object becomes ready.
 *
 * Waiters are either permanent (an epoll interest, a ring attachment) or last for one park (a task). `wake` tells all of them
 * which poll(2) bits came up; it never runs the guest, so it may be called from anywhere in the kernel.
 */

export interface Waiter {
  /** `mask`: the poll bits that came up. Must not run guest code. True if this waiter consumed the wake-up (see `wakeOne`). */
  notify(mask: number): boolean;
}

export class WaitQueue {
  #waiters: Waiter[] = [];

  get length(): number {
    return this.#waiters.length;
  }

  /** Everyone who waits, in order. */
  get waiters(): readonly Waiter[] {
    return this.#waiters;
  }

  add(waiter: Waiter): void {
    this.#waiters.push(waiter);
  }

  remove(waiter: Waiter): void {
    const last = this.#waiters.length - 1;
    if (this.#waiters[last] === waiter) {
      this.#waiters.pop(); // the usual case, and splice would allocate
      return;
    }
    const at = this.#waiters.indexOf(waiter);
    if (at >= 0) this.#waiters.splice(at, 1);
  }

  /** Tells every waiter. */
  wake(mask: number): void {
    if (this.#waiters.length === 0) return;
    if (this.#waiters.length === 1) {
      (this.#waiters[0] as Waiter).notify(mask);
      return;
    }
    for (const waiter of this.#waiters.slice()) waiter.notify(mask);
  }

  /** Tells waiters in order until `count` of them have consumed it (FUTEX_WAKE). Returns how many did. */
  wakeOne(mask: number, count = 1): number {
    let woken = 0;
    if (this.#waiters.length === 0) return 0;
    if (this.#waiters.length === 1) return (this.#waiters[0] as Waiter).notify(mask) ? 1 : 0;
    for (const waiter of this.#waiters.slice()) {
      if (woken >= count) break;
      if (waiter.notify(mask)) woken++;
    }
    return woken;
  }
}
