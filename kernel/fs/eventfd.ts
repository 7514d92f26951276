/**
 * eventfd(2): a 64-bit counter that is read and written like a file. The counter is kept in two halves: all 64 bits are exact and
 * no BigInt is made. It never exceeds 2^64 - 2.
 */
import { EAGAIN, EINVAL, ENOTTY } from "../abi/errno.ts";
import { O_NONBLOCK } from "../abi/fcntl.ts";
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../abi/poll.ts";
import type { Kernel } from "../kernel.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { statAnonymous } from "./anonymous.ts";
import type { File, Stat } from "./file.ts";

const VALUE_BYTES = 8;
const HALF_MAX = 0xffffffff;

export class EventFd implements File {
  readonly kind = "eventfd";
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly seekable = null;
  readonly directory = null;
  readonly durable = null;
  readonly #semaphore: boolean;
  #low: number;
  #high = 0;

  constructor(initial: number, semaphore: boolean, flags: number) {
    this.#low = initial >>> 0;
    this.#semaphore = semaphore;
    this.flags = flags;
  }

  read(k: Kernel, buf: number, count: number): number {
    if (count < VALUE_BYTES) return -EINVAL;
    if (this.#low === 0 && this.#high === 0) return this.flags & O_NONBLOCK ? -EAGAIN : k.block(this.waiters);
    if (this.#semaphore) {
      if (this.#low === 0) this.#high--;
      this.#low = (this.#low - 1) >>> 0;
      k.mem.setU32(buf, 1);
      k.mem.setU32(buf + 4, 0);
    } else {
      k.mem.setU32(buf, this.#low);
      k.mem.setU32(buf + 4, this.#high);
      this.#low = 0;
      this.#high = 0;
    }
    this.waiters.wake(POLLOUT | POLLWRNORM);
    return VALUE_BYTES;
  }

  write(k: Kernel, buf: number, count: number): number {
    if (count < VALUE_BYTES) return -EINVAL;
    const addLow = k.mem.getU32(buf);
    const addHigh = k.mem.getU32(buf + 4);
    if (addLow === HALF_MAX && addHigh === HALF_MAX) return -EINVAL;
    const low = this.#low + addLow;
    const high = this.#high + addHigh + (low > HALF_MAX ? 1 : 0);
    // "would exceed the maximum": the sum must stay below 2^64 - 1.
    if (high > HALF_MAX || (high === HALF_MAX && low >>> 0 === HALF_MAX)) {
      return this.flags & O_NONBLOCK ? -EAGAIN : k.block(this.waiters);
    }
    this.#low = low >>> 0;
    this.#high = high;
    this.waiters.wake(POLLIN | POLLRDNORM);
    return VALUE_BYTES;
  }

  poll(): number {
    let mask = 0;
    if (this.#low !== 0 || this.#high !== 0) mask |= POLLIN | POLLRDNORM;
    if (this.#high !== HALF_MAX || this.#low < HALF_MAX - 1) mask |= POLLOUT | POLLWRNORM;
    return mask;
  }

  close(): void {}

  stat(_k: Kernel, out: Stat): number {
    return statAnonymous(out, 0o600);
  }

  ioctl(): number {
    return -ENOTTY;
  }
}
