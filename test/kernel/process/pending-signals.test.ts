/**
 * What is pending: standard signals once, real-time signals in order, those of timers each for itself.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { SI_TIMER, SI_USER, SIGALRM, SIGRTMIN, SIGUSR1 } from "../../../kernel/abi/signal.ts";
import { PendingSignals, QUEUED_MAX } from "../../../kernel/process/pending-signals.ts";
import type { SignalInfo, SignalSource } from "../../../kernel/process/signal-info.ts";

const info = (signo: number, value = 0, code = -1): SignalInfo => ({ signo, code, pid: 1, uid: 0, value });

class Source implements SignalSource {
  queued = false;
  discards = 0;

  taken(of: SignalInfo): SignalInfo {
    return { ...of, uid: 5 };
  }

  discarded(): void {
    this.discards++;
  }

  get info(): SignalInfo {
    return { ...info(SIGALRM, 0, SI_TIMER), source: this };
  }
}

let pending: PendingSignals;
beforeEach(() => {
  pending = new PendingSignals();
});

describe("pending signals", () => {
  it("keep a standard signal once, the first one", () => {
    expect([pending.add(info(SIGUSR1, 1)), pending.add(info(SIGUSR1, 2))]).toEqual([true, true]);
    expect(pending.take(SIGUSR1).value).toBe(1);
    expect(pending.set.isEmpty).toBe(true);
  });

  it("keep real-time signals in order, to a bound", () => {
    for (let value = 0; value < QUEUED_MAX; value++) expect(pending.add(info(SIGRTMIN, value))).toBe(true);
    expect(pending.add(info(SIGRTMIN, -1))).toBe(false);
    expect(pending.add(info(SIGRTMIN + 1, -1))).toBe(false);
    expect(pending.take(SIGRTMIN).value).toBe(0);
    expect(pending.add(info(SIGRTMIN, -2))).toBe(true);
    expect(pending.add(info(SIGUSR1))).toBe(true); // a standard signal always has its place
    for (let value = 1; value < QUEUED_MAX; value++) expect(pending.take(SIGRTMIN).value).toBe(value);
    expect(pending.take(SIGRTMIN).value).toBe(-2);
    expect(pending.set.has(SIGRTMIN)).toBe(false);
  });

  it("do not lose that kill(2) has sent one, even if they are full", () => {
    for (let value = 0; value < QUEUED_MAX; value++) pending.add(info(SIGRTMIN, value));
    expect(pending.add(info(SIGRTMIN + 1, 7, SI_USER))).toBe(true);
    expect(pending.set.has(SIGRTMIN + 1)).toBe(true);
    expect(pending.take(SIGRTMIN + 1)).toEqual({ signo: SIGRTMIN + 1, code: SI_USER, pid: 0, uid: 0, value: 0 });
    expect(pending.set.has(SIGRTMIN + 1)).toBe(false);
  });

  it("keep the signal of every source, and tell it what becomes of it", () => {
    const sources = [new Source(), new Source(), new Source()] as const;
    pending.add(info(SIGALRM, 9));
    for (const source of sources) pending.add(source.info);
    expect(sources.map(({ queued }) => queued)).toEqual([true, true, true]);
    expect(pending.take(SIGALRM).value).toBe(9);
    expect(pending.take(SIGALRM).uid).toBe(5);
    expect(sources[0].queued).toBe(false);
    pending.withdraw(sources[1]);
    pending.withdraw(sources[0]);
    expect(pending.set.has(SIGALRM)).toBe(true);
    pending.discard(SIGALRM);
    expect([sources[2].queued, sources[2].discards]).toEqual([false, 1]);
    expect(pending.set.isEmpty).toBe(true);
    pending.discard(SIGALRM);
    expect(sources[2].discards).toBe(1);
  });
});
