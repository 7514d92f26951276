import { describe, expect, it } from "vitest";
import type { Kernel } from "../../../kernel/kernel.ts";
import { type Timer, Timers } from "../../../kernel/sched/timers.ts";

const kernel = {} as Kernel;

class Recorder implements Timer {
  heapIndex = -1;
  readonly name: number;
  readonly #fired: number[];

  constructor(name: number, fired: number[]) {
    this.name = name;
    this.#fired = fired;
  }

  fire(): void {
    this.#fired.push(this.name);
  }
}

describe("timers", () => {
  it("fires what is due, earliest first, and nothing else", () => {
    const fired: number[] = [];
    const timers = new Timers();
    for (const deadline of [50, 10, 40, 20, 30]) timers.add(new Recorder(deadline, fired), deadline);
    timers.fireDue(kernel, 30);
    expect(fired).toEqual([10, 20, 30]);
    expect(timers.nextDeadlineMs).toBe(40);
  });

  it("moves a timer that is armed already, and forgets one that is removed", () => {
    const fired: number[] = [];
    const timers = new Timers();
    const [a, b, c] = [1, 2, 3].map((name) => new Recorder(name, fired)) as [Recorder, Recorder, Recorder];
    timers.add(a, 10);
    timers.add(b, 20);
    timers.add(c, 30);
    timers.add(a, 40);
    timers.remove(b);
    timers.remove(b);
    timers.fireDue(kernel, 100);
    expect(fired).toEqual([3, 1]);
    expect(timers.length).toBe(0);
    expect(timers.nextDeadlineMs).toBe(Number.POSITIVE_INFINITY);
  });

  it("does not fire in the same call what a timer arms anew", () => {
    const timers = new Timers();
    let count = 0;
    const periodic: Timer = {
      heapIndex: -1,
      fire() {
        count++;
        timers.add(periodic, 0);
      },
    };
    timers.add(periodic, 0);
    timers.fireDue(kernel, 1);
    expect(count).toBe(1);
  });

  it("tells when the earliest deadline becomes earlier, and only then", () => {
    let told = 0;
    const timers = new Timers(() => told++);
    timers.add(new Recorder(1, []), 100);
    timers.add(new Recorder(2, []), 200);
    timers.add(new Recorder(3, []), 50);
    expect(told).toBe(2);
  });

  it("agrees with a sorted list over random additions, moves and removals", () => {
    let seed = Number(process.env.SEED ?? 20261);
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed % below;
    };
    const fired: number[] = [];
    const timers = new Timers();
    const all = Array.from({ length: 200 }, (_, name) => new Recorder(name, fired));
    const model = new Map<number, number>();
    for (let step = 0; step < 20_000; step++) {
      const timer = all[random(all.length)] as Recorder;
      if (random(3) === 0) {
        timers.remove(timer);
        model.delete(timer.name);
      } else {
        const deadline = random(1e6) + timer.name / 1000; // no two alike
        timers.add(timer, deadline);
        model.set(timer.name, deadline);
      }
      expect(timers.nextDeadlineMs, `SEED=${seed}`).toBe(Math.min(...model.values()));
    }
    const expected = [...model].sort((a, b) => a[1] - b[1]).map(([name]) => name);
    timers.fireDue(kernel, 2e6);
    expect(fired).toEqual(expected);
  });
});
