/**
 * A thread is a continuation: the one interface behind which stacks are started, parked and resumed.
 *
 * What always holds: at most one stack of a machine runs at a time; `park` is called by the shim right after a handler
 * returned WOULD_BLOCK, and by nobody else; a resumed stack first calls `resumed` (the shim does), which tells the scheduler who
 * runs. Implementations: continuation-callback.ts (no stack is ever kept), continuation-jspi.ts. All pass
 * test/kernel/sched/continuation.contract.ts.
 */
import type { Task } from "./task.ts";

/** How a stack ended: it returned a value, or something was thrown through it (a trap, GuestExit, a panic). */
export type Outcome =
  | { readonly kind: "returned"; readonly value: number }
  | { readonly kind: "threw"; readonly error: unknown };

export type GuestFunction = (...args: number[]) => unknown;

export interface ContinuationEngine {
  readonly kind: "callback" | "jspi";
  /** False: `start` runs to completion, and a call that would block is refused before `park` is reached. */
  readonly canPark: boolean;
  /** The shim's import `park: () -> i32`, which suspends the running stack and yields its task's tid once resumed. */
  readonly park: WebAssembly.ImportValue;
  /** Runs `fn(...args)` as the stack of `task`, at once; `ended` is told how it ended (at once, or after parks). */
  start(task: Task, fn: GuestFunction, args: readonly number[], ended: (task: Task, outcome: Outcome) => void): void;
  /** Lets the parked stack of `task` go on, soon: after the running JavaScript has returned. */
  resume(task: Task): void;
  /** Forgets the stack of `task`: it will never run again. */
  drop(task: Task): void;
}
