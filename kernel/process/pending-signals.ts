/**
 * Signals that have been raised and not delivered, of a process or of one thread (signal(7)). A standard signal is pending once, however
 * often it was raised; real-time signals, and those of timers, queue up, in order, to a bound.
 */
import { SI_USER, SIGRTMIN } from "../abi/signal.ts";
import type { SignalInfo, SignalSource } from "./signal-info.ts";
import { SignalSet } from "./signal-set.ts";

/** RLIMIT_SIGPENDING. */
export const QUEUED_MAX = 32768;

export class PendingSignals {
  readonly set = new SignalSet();
  /** By signal, oldest first. */
  readonly #queues = new Map<number, SignalInfo[]>();
  #length = 0;

  /** False if the queue is full: real-time signals, unless kill(2) has sent them. */
  add(info: SignalInfo): boolean {
    const { signo, source } = info;
    if (source) source.queued = true;
    else if (signo < SIGRTMIN) {
      if (this.set.has(signo)) return true;
    } else if (this.#length >= QUEUED_MAX) {
      if (info.code !== SI_USER) return false;
      this.set.add(signo); // it is pending at least, if nothing else is known of it
      return true;
    }
    this.set.add(signo);
    const queue = this.#queues.get(signo);
    if (queue) queue.push(info);
    else this.#queues.set(signo, [info]);
    this.#length++;
    return true;
  }

  /** Takes the oldest `signo`, which is pending. */
  take(signo: number): SignalInfo {
    const queue = this.#queues.get(signo) ?? [];
    const info = queue.shift();
    if (queue.length === 0) this.#forget(signo);
    if (!info) return { signo, code: SI_USER, pid: 0, uid: 0, value: 0 };
    this.#length--;
    if (!info.source) return info;
    info.source.queued = false;
    return info.source.taken(info);
  }

  /** Forgets every `signo`: it is ignored from now on. */
  discard(signo: number): void {
    const queue = this.#queues.get(signo) ?? [];
    this.#length -= queue.length;
    this.#forget(signo);
    for (const { source } of queue) {
      if (!source) continue;
      source.queued = false;
      source.discarded();
    }
  }

  /** Forgets the signal of a source. */
  withdraw(source: SignalSource): void {
    for (const [signo, queue] of this.#queues) {
      const at = queue.findIndex((info) => info.source === source);
      if (at < 0) continue;
      queue.splice(at, 1);
      this.#length--;
      if (queue.length === 0) this.#forget(signo);
    }
  }

  #forget(signo: number): void {
    this.set.remove(signo);
    this.#queues.delete(signo);
  }
}
