/**
 * Signals that have been raised and not delivered, of a process or of one thread (signal(7)). A standard signal is pending once, however
 * often it was raised; real-time signals queue up, in order, to a bound.
 */
import { SIGRTMIN } from "../abi/signal.ts";
import { SignalSet } from "./signal-set.ts";

/** What siginfo_t tells of a signal (sigaction(2)). */
export interface SignalInfo {
  readonly signo: number;
  readonly code: number;
  readonly pid: number;
  readonly uid: number;
  /** si_value of sigqueue(3) and timers, si_status of SIGCHLD. */
  readonly value: number;
}

/** RLIMIT_SIGPENDING. */
export const QUEUED_MAX = 1024;

export class PendingSignals {
  readonly set = new SignalSet();
  #queue: SignalInfo[] = [];

  /** False if the queue is full (real-time signals only). */
  add(info: SignalInfo): boolean {
    const { signo } = info;
    if (signo < SIGRTMIN) {
      if (this.set.has(signo)) return true;
    } else if (this.#queue.length >= QUEUED_MAX) return false;
    this.set.add(signo);
    this.#queue.push(info);
    return true;
  }

  /** Takes the oldest `signo`, which is pending. */
  take(signo: number): SignalInfo {
    const at = this.#queue.findIndex((info) => info.signo === signo);
    const [info] = this.#queue.splice(at, 1);
    if (!this.#queue.some((other) => other.signo === signo)) this.set.remove(signo);
    return info as SignalInfo;
  }

  /** Forgets every `signo`: it is ignored from now on. */
  discard(signo: number): void {
    this.set.remove(signo);
    this.#queue = this.#queue.filter((info) => info.signo !== signo);
  }

  clear(): void {
    this.set.low = 0;
    this.set.high = 0;
    this.#queue = [];
  }
}
