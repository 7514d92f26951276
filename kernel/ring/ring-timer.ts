/**
 * A one-shot timer of a ring guest (ring_timer): one TIMER event with the guest's `user` once its time has come.
 */
import type { Kernel } from "../kernel.ts";
import type { Timer } from "../sched/timers.ts";
import type { Ring } from "./ring.ts";

export class RingTimer implements Timer {
  heapIndex = -1;
  readonly id: number;
  readonly user: number;
  readonly #ring: Ring;

  constructor(ring: Ring, id: number, user: number) {
    this.#ring = ring;
    this.id = id;
    this.user = user;
  }

  fire(_kernel: Kernel): void {
    this.#ring.timerFired(this);
  }
}
