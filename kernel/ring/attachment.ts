/**
 * What hangs in the wait queue of an attached descriptor that is no stream socket (a pipe, an eventfd, a timerfd, a datagram
 * socket): a wake-up becomes a READY event with the poll(2) bits that hold when the turn comes. Edge-triggered: the guest reads or
 * writes until EAGAIN.
 */
import type { File } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import type { Waiter } from "../sched/wait-queue.ts";
import { RING_READY } from "./event-queue.ts";
import type { Ring, RingSource } from "./ring.ts";

export class Attachment implements Waiter, RingSource {
  ringListed = false;
  readonly fd: number;
  readonly file: File;
  user: number;
  readonly #ring: Ring;

  constructor(ring: Ring, fd: number, file: File, user: number) {
    this.#ring = ring;
    this.fd = fd;
    this.file = file;
    this.user = user;
  }

  notify(_mask: number): boolean {
    this.#ring.list(this);
    return true;
  }

  collect(kernel: Kernel, ring: Ring): boolean {
    if (this.file.refs === 0) {
      this.file.waiters.remove(this);
      return false;
    }
    const mask = this.file.poll(kernel);
    if (mask !== 0) ring.push(RING_READY, this.fd, this.user, mask);
    return false;
  }
}
