/**
 * What every implementation of ContinuationEngine must do. Run by continuation-callback.test.ts and continuation-jspi.test.ts.
 */
import { describe, expect, it } from "vitest";
import type { ContinuationEngine, Outcome } from "../../../kernel/sched/continuation.ts";
import { Task, WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { instantiate } from "./wait-module.ts";

export interface EngineUnderTest {
  /** Builds the engine; `current` and `parked` as JspiContinuations takes them. */
  create(current: () => Task, parked: () => void): ContinuationEngine;
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function setUp(subject: EngineUnderTest) {
  const tasks = new Map<number, Task>();
  const log: string[] = [];
  let current: Task | null = null;
  const engine = subject.create(
    () => current as Task,
    () => log.push(`parked ${current?.tid}`),
  );
  const blocked = new Set<number>();
  const guest = instantiate(
    (x) => {
      log.push(`try ${current?.tid}`);
      return blocked.has(x) ? WOULD_BLOCK : x * 10;
    },
    engine.park,
    (tid) => {
      current = tasks.get(tid) as Task;
      log.push(`resumed ${tid}`);
      return 0;
    },
  );
  const start = (tid: number, fn: (...args: number[]) => unknown, args: number[]): Promise<Outcome> => {
    const task = new Task(tid, engine.canPark, { wake: () => {} });
    tasks.set(tid, task);
    current = task;
    return new Promise((resolve) => {
      engine.start(task, fn, args, (ended, outcome) => {
        expect(ended).toBe(task);
        resolve(outcome);
      });
    });
  };
  return { engine, guest, blocked, log, start, tasks };
}

export function continuationContract(name: string, subject: EngineUnderTest): void {
  describe(`continuation engine: ${name}`, () => {
    it("runs what is started at once, with its arguments, and tells its value", async () => {
      const { guest, start, log } = setUp(subject);
      const outcome = start(1, guest.run, [4]);
      expect(log).toEqual(["try 1"]);
      expect(await outcome).toEqual({ kind: "returned", value: 41 });
    });

    it("tells what was thrown through the stack", async () => {
      const { guest, start } = setUp(subject);
      const outcome = await start(1, guest.trap, []);
      expect(outcome.kind).toBe("threw");
      expect(outcome.kind === "threw" && outcome.error).toBeInstanceOf(WebAssembly.RuntimeError);
    });

    it("keeps stacks apart", async () => {
      const { guest, start } = setUp(subject);
      const outcomes = await Promise.all([
        start(1, guest.run, [1]),
        start(2, guest.trap, []),
        start(3, guest.run, [3]),
      ]);
      expect(outcomes.map((outcome) => (outcome.kind === "returned" ? outcome.value : "trap"))).toEqual([
        11,
        "trap",
        31,
      ]);
    });

    it("can park, or says that it cannot", async () => {
      const { engine, guest, start, blocked, log, tasks } = setUp(subject);
      if (!engine.canPark) {
        blocked.add(5);
        const outcome = await start(1, guest.run, [5]);
        expect(outcome.kind).toBe("threw"); // the scheduler never lets it come to this: a park without a stack
        expect(() => engine.resume(tasks.get(1) as Task)).toThrow();
        return;
      }
      blocked.add(5).add(6);
      const first = start(1, guest.run, [5]);
      const second = start(2, guest.run, [6]);
      await settle();
      expect(log).toEqual(["try 1", "parked 1", "try 2", "parked 2"]);
      blocked.clear();
      // Both settle in one tick: each must still know who it is when it runs.
      engine.resume(tasks.get(2) as Task);
      engine.resume(tasks.get(1) as Task);
      expect(await second).toEqual({ kind: "returned", value: 61 });
      expect(await first).toEqual({ kind: "returned", value: 51 });
      expect(log.slice(4)).toEqual(["resumed 2", "try 2", "resumed 1", "try 1"]);
    });

    it("parks again if the call still blocks after a wake-up", async () => {
      const { engine, guest, start, blocked, log, tasks } = setUp(subject);
      if (!engine.canPark) return expect(engine.kind).toBe("callback");
      blocked.add(7);
      const outcome = start(1, guest.run, [7]);
      await settle();
      engine.resume(tasks.get(1) as Task);
      await settle();
      expect(log.filter((line) => line === "parked 1")).toHaveLength(2);
      blocked.clear();
      engine.resume(tasks.get(1) as Task);
      expect(await outcome).toEqual({ kind: "returned", value: 71 });
    });

    it("never runs a stack that was dropped", async () => {
      const { engine, guest, start, blocked, log, tasks } = setUp(subject);
      if (!engine.canPark) return expect(engine.kind).toBe("callback");
      blocked.add(8);
      void start(1, guest.run, [8]);
      await settle();
      engine.drop(tasks.get(1) as Task);
      expect(() => engine.resume(tasks.get(1) as Task)).toThrow("not parked");
      await settle();
      expect(log).toEqual(["try 1", "parked 1"]);
    });
  });
}
