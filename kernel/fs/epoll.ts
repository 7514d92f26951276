/**
 * epoll(7): a set of interests, and the list of those that may be ready.
 *
 * An interest hangs in its file's wait queue for as long as it exists; a wake-up puts it on the ready list, so that waiting costs
 * the number of ready descriptors, not of watched ones. What is taken off the list is polled again before it is reported. A
 * level-triggered interest that was reported goes back to the list's end: it is looked at again next time, and those behind it get
 * their turn first. An interest belongs to an open file description under one descriptor number: closing the last descriptor ends it
 * (refs is 0: it is dropped when next seen), closing one of several duplicates does not, as on Linux.
 */
import { EEXIST, EINVAL, ELOOP, ENOENT, ENOTTY } from "../abi/errno.ts";
import {
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLONESHOT,
  EPOLLWAKEUP,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
} from "../abi/poll.ts";
import type { Kernel } from "../kernel.ts";
import { type Waiter, WaitQueue } from "../sched/wait-queue.ts";
import { statAnonymous } from "./anonymous.ts";
import type { File, Stat } from "./file.ts";

/** Epoll instances that may watch each other in a row (epoll_ctl(2), ELOOP). */
const NESTING_MAX = 5;
const PRIVATE_BITS = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;
/** What may come with EPOLLEXCLUSIVE. */
const EXCLUSIVE_OK_BITS = POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

class Interest implements Waiter {
  readonly epoll: Epoll;
  readonly fd: number;
  readonly file: File;
  events = 0;
  /** The guest's 64 bits. */
  dataLow = 0;
  dataHigh = 0;
  /** Neighbours in the ready list. */
  previous: Interest | null = null;
  next: Interest | null = null;
  listed = false;
  /** A one-shot interest that has been reported: silent until EPOLL_CTL_MOD. */
  spent = false;

  constructor(epoll: Epoll, fd: number, file: File) {
    this.epoll = epoll;
    this.fd = fd;
    this.file = file;
  }

  /** The poll bits asked for; errors and hang-ups always are. */
  get mask(): number {
    return (this.events & ~PRIVATE_BITS) | POLLERR | POLLHUP;
  }

  notify(mask: number): boolean {
    if (this.spent || this.file.refs === 0 || (mask !== 0 && (mask & this.mask) === 0)) return false;
    this.epoll.list(this);
    return true;
  }
}

export class Epoll implements File {
  readonly kind = "epoll";
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly seekable = null;
  readonly directory = null;
  readonly durable = null;
  readonly #interests = new Map<number, Interest>();
  /** Interests whose descriptor was closed while a duplicate keeps the file open: they report, and nobody can name them. */
  readonly #orphans = new Set<Interest>();
  /** Epoll instances that watch this one, and the interests of this one in others. */
  readonly #watchedBy = new Set<Epoll>();
  readonly #nested = new Set<Interest>();
  #first: Interest | null = null;
  #last: Interest | null = null;
  #listedCount = 0;

  constructor(flags: number) {
    this.flags = flags;
  }

  /** Interests that exist (for tests and /proc). */
  get size(): number {
    return this.#interests.size + this.#orphans.size;
  }

  /** EPOLL_CTL_ADD of a file that is not this one and can be polled. */
  add(k: Kernel, fd: number, file: File, events: number, dataLow: number, dataHigh: number): number {
    if (events & EPOLLEXCLUSIVE && (events & ~EXCLUSIVE_OK_BITS || file instanceof Epoll)) return -EINVAL;
    const known = this.#interests.get(fd);
    if (known !== undefined) {
      if (known.file === file) return -EEXIST;
      this.#interests.delete(fd);
      if (known.file.refs > 0) this.#orphans.add(known);
      else this.#drop(known);
    }
    if (file instanceof Epoll) {
      const loop = this.#refuseNesting(file);
      if (loop !== 0) return loop;
    }
    const interest = new Interest(this, fd, file);
    this.#interests.set(fd, interest);
    if (file instanceof Epoll) {
      this.#nested.add(interest);
      file.#watchedBy.add(this);
    }
    file.waiters.add(interest);
    this.#arm(k, interest, events, dataLow, dataHigh);
    return 0;
  }

  /** EPOLL_CTL_MOD. */
  modify(k: Kernel, fd: number, file: File, events: number, dataLow: number, dataHigh: number): number {
    if (events & EPOLLEXCLUSIVE) return -EINVAL;
    const interest = this.#interests.get(fd);
    if (interest === undefined || interest.file !== file) return -ENOENT;
    if (interest.events & EPOLLEXCLUSIVE) return -EINVAL;
    this.#arm(k, interest, events, dataLow, dataHigh);
    return 0;
  }

  /** EPOLL_CTL_DEL. */
  remove(fd: number, file: File): number {
    const interest = this.#interests.get(fd);
    if (interest === undefined || interest.file !== file) return -ENOENT;
    this.#interests.delete(fd);
    this.#drop(interest);
    return 0;
  }

  /** Writes up to `countMax` ready events (`struct epoll_event`, packed, 12 bytes) to guest memory at `ptr`; how many. */
  harvest(k: Kernel, ptr: number, countMax: number): number {
    let count = 0;
    for (let left = this.#listedCount; left > 0 && count < countMax; left--) {
      const interest = this.#first as Interest;
      this.#unlist(interest);
      const ready = this.#readyBits(k, interest);
      if (ready === 0) continue;
      const at = ptr + count * 12;
      k.mem.setU32(at, ready >>> 0);
      k.mem.setU32(at + 4, interest.dataLow);
      k.mem.setU32(at + 8, interest.dataHigh);
      count++;
      if (interest.events & EPOLLONESHOT) interest.spent = true;
      else if ((interest.events & EPOLLET) === 0) this.#append(interest);
    }
    return count;
  }

  /** True if something may be ready. Cheap: says nothing certain. */
  get hasListed(): boolean {
    return this.#listedCount > 0;
  }

  /** Puts an interest on the ready list and wakes who waits. Called by the interest. */
  list(interest: Interest): void {
    if (!interest.listed) this.#append(interest);
    this.waiters.wake(POLLIN | POLLRDNORM);
  }

  read(): number {
    return -EINVAL;
  }

  write(): number {
    return -EINVAL;
  }

  /** Readable when an event would be reported. What turns out not to be ready leaves the list. */
  poll(k: Kernel): number {
    let interest = this.#first;
    while (interest !== null) {
      const { next }: { next: Interest | null } = interest;
      if (this.#readyBits(k, interest) !== 0) return POLLIN | POLLRDNORM;
      this.#unlist(interest);
      interest = next;
    }
    return 0;
  }

  close(): void {
    for (const interest of this.#interests.values()) this.#drop(interest);
    for (const interest of this.#orphans) this.#drop(interest);
    this.#interests.clear();
    this.#orphans.clear();
  }

  stat(_k: Kernel, out: Stat): number {
    return statAnonymous(out, 0o600);
  }

  ioctl(): number {
    return -ENOTTY;
  }

  #arm(k: Kernel, interest: Interest, events: number, dataLow: number, dataHigh: number): void {
    interest.events = events;
    interest.spent = false;
    interest.dataLow = dataLow;
    interest.dataHigh = dataHigh;
    if (!interest.listed && this.#readyBits(k, interest) !== 0) this.list(interest);
  }

  /** The bits to report now. A file that has been closed ends its interest here. */
  #readyBits(k: Kernel, interest: Interest): number {
    if (interest.file.refs === 0) {
      if (this.#interests.get(interest.fd) === interest) this.#interests.delete(interest.fd);
      this.#orphans.delete(interest);
      this.#drop(interest);
      return 0;
    }
    return interest.spent ? 0 : interest.file.poll(k) & interest.mask;
  }

  #drop(interest: Interest): void {
    this.#unlist(interest);
    interest.file.waiters.remove(interest);
    if (!(interest.file instanceof Epoll)) return;
    this.#nested.delete(interest);
    for (const other of this.#nested) if (other.file === interest.file) return;
    interest.file.#watchedBy.delete(this);
  }

  #append(interest: Interest): void {
    interest.listed = true;
    interest.previous = this.#last;
    interest.next = null;
    if (this.#last === null) this.#first = interest;
    else this.#last.next = interest;
    this.#last = interest;
    this.#listedCount++;
  }

  #unlist(interest: Interest): void {
    if (!interest.listed) return;
    interest.listed = false;
    if (interest.previous === null) this.#first = interest.next;
    else interest.previous.next = interest.next;
    if (interest.next === null) this.#last = interest.previous;
    else interest.next.previous = interest.previous;
    interest.previous = null;
    interest.next = null;
    this.#listedCount--;
  }

  /** -ELOOP if watching `target` would close a circle or make a row of more than NESTING_MAX; 0 if not. */
  #refuseNesting(target: Epoll): number {
    const below = new Map<Epoll, number>();
    const row = target.#rowBelow(below);
    if (below.has(this)) return -ELOOP;
    return row + this.#rowAbove(new Map()) > NESTING_MAX ? -ELOOP : 0;
  }

  /** Instances in the longest row that starts here, this one included. `seen` keeps this linear in what there is. */
  #rowBelow(seen: Map<Epoll, number>): number {
    const known = seen.get(this);
    if (known !== undefined) return known;
    let longest = 0;
    for (const { file } of this.#nested) longest = Math.max(longest, (file as Epoll).#rowBelow(seen));
    seen.set(this, longest + 1);
    return longest + 1;
  }

  /** The same for the rows that end here. */
  #rowAbove(seen: Map<Epoll, number>): number {
    const known = seen.get(this);
    if (known !== undefined) return known;
    let longest = 0;
    for (const epoll of this.#watchedBy) longest = Math.max(longest, epoll.#rowAbove(seen));
    seen.set(this, longest + 1);
    return longest + 1;
  }
}
