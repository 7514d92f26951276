/**
 * Continuations without stacks: what is started runs to completion. Works on every host. The scheduler refuses a call that would
 * block (-EDEADLK) in tasks of this kind, so `park` is unreachable; if the shim gets here all the same, that is a broken
 * invariant, and the machine panics.
 */
import type { ContinuationEngine, GuestFunction, Outcome } from "./continuation.ts";
import type { Task } from "./task.ts";

export class CallbackContinuations implements ContinuationEngine {
  readonly kind = "callback";
  readonly canPark = false;

  readonly park = (): never => {
    throw new Error("park in a continuation that has no stack");
  };

  start(task: Task, fn: GuestFunction, args: readonly number[], ended: (task: Task, outcome: Outcome) => void): void {
    let outcome: Outcome;
    try {
      outcome = { kind: "returned", value: Number(fn(...args) ?? 0) };
    } catch (error) {
      outcome = { kind: "threw", error };
    }
    ended(task, outcome);
  }

  resume(task: Task): never {
    throw new Error(`task ${task.tid} has no stack to resume`);
  }

  drop(_task: Task): void {}
}
