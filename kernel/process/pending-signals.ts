/**
 * Signals that have been raised and not delivered, of a process or of one thread (signal(7)). A standard signal is pending once, however
 * often it was raised; real-time signals, and those of timers, queue up, in order, to a bound.
 */
import { SI_USER, SIGRTMIN } from "../abi/signal.ts";
import type { SignalInfo } from "./signal-info.ts";
import { SignalSet } from "./signal-set.ts";

/** RLIMIT_SIGPENDING. */
export const QUEUED_MAX = 1024;

export class PendingSignals {
  readonly set = new SignalSet();
  #queue: SignalInfo[] = [];

  /** False if the queue is full: real-time signals, unless kill(2) has sent them. */
  add(info: SignalInfo): boolean {
    const { signo, source } = info;
    if (source) source.queued = true;
    else if (signo < SIGRTMIN) {
      if (this.set.has(signo)) return true;
    } else if (this.#queue.length >= QUEUED_MAX) {
      // What kill(2) sends is pending at least, if nothing else is known of it.
      if (info.code === SI_USER && !this.set.has(signo)) this.set.add(signo);
      return info.code === SI_USER;
    }
    this.set.add(signo);
    this.#queue.push(info);
    return true;
  }

  /** Takes the oldest `signo`, which is pending. */
  take(signo: number): SignalInfo {
    const at = this.#queue.findIndex((info) => info.signo === signo);
    const info = at < 0 ? { signo, code: SI_USER, pid: 0, uid: 0, value: 0 } : (this.#queue[at] as SignalInfo);
    if (at >= 0) this.#queue.splice(at, 1);
    if (!this.#queue.some((other) => other.signo === signo)) this.set.remove(signo);
    if (!info.source) return info;
    info.source.queued = false;
    return info.source.taken(info);
  }

  /** Forgets every `signo`: it is ignored from now on. */
  discard(signo: number): void {
    if (!this.set.has(signo)) return;
    this.set.remove(signo);
    const gone = this.#queue.filter((info) => info.signo === signo);
    this.#queue = this.#queue.filter((info) => info.signo !== signo);
    for (const { source } of gone) {
      if (!source) continue;
      source.queued = false;
      source.discarded();
    }
  }

  /** Forgets the signal of a source that is no more. */
  withdraw(source: SignalInfo["source"]): void {
    const at = this.#queue.findIndex((info) => info.source === source);
    if (at < 0) return;
    const [info] = this.#queue.splice(at, 1) as [SignalInfo];
    if (!this.#queue.some(({ signo }) => signo === info.signo)) this.set.remove(info.signo);
  }
}
