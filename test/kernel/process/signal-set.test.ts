/**
 * Sets of 64 signals in two words, against a Set.
 */
import { expect, it } from "vitest";
import { NSIG, SIGKILL, SIGSTOP } from "../../../kernel/abi/signal.ts";
import { GuestMemory } from "../../../kernel/mem/guest-memory.ts";
import { isSignal, SignalSet } from "../../../kernel/process/signal-set.ts";
import { randomFor } from "../../random.ts";

it("agrees with a Set of numbers", () => {
  const random = randomFor("signal sets");
  const mem = new GuestMemory(new WebAssembly.Memory({ initial: 1 }));
  for (let round = 0; round < 2000; round++) {
    const model = [new Set<number>(), new Set<number>()] as const;
    const sets = [new SignalSet(), new SignalSet()] as const;
    for (let step = 0; step < 20; step++) {
      const which = random.below(2) as 0 | 1;
      const signo = 1 + random.below(NSIG);
      if (random.below(4) === 0) {
        sets[which].remove(signo);
        model[which].delete(signo);
      } else {
        sets[which].add(signo);
        model[which].add(signo);
      }
    }
    const [a, b] = sets;
    const [left, right] = model;
    for (let signo = 1; signo <= NSIG; signo++) expect(a.has(signo)).toBe(left.has(signo));
    const outside = [...left].filter((signo) => !right.has(signo));
    expect(a.lowestNotIn(b)).toBe(outside.length === 0 ? 0 : Math.min(...outside));
    expect(a.intersects(b)).toBe([...left].some((signo) => right.has(signo)));
    a.write(mem, 13);
    const copy = new SignalSet();
    copy.read(mem, 13);
    expect([copy.low, copy.high]).toEqual([a.low, a.high]);
    copy.removeAll(b);
    expect(copy.isEmpty).toBe(outside.length === 0);
    copy.addAll(b);
    expect([...left, ...right].every((signo) => copy.has(signo))).toBe(true);
    copy.allowUnblockable();
    expect(copy.has(SIGKILL) || copy.has(SIGSTOP)).toBe(false);
  }
});

it("knows which numbers are signals", () => {
  expect([0, -1, 65].some(isSignal)).toBe(false);
  expect([1, 32, 33, 64].every(isSignal)).toBe(true);
});
