/**
 * Continuations on JavaScript Promise Integration (WebAssembly.Suspending / promising): the engine keeps the stack.
 *
 * Starting one through `promising` costs 450-700 ns, a switch about 150 ns: threads are started with it, never single
 * events. The promise that a parked stack waits for is settled with the tid; the shim hands that to `resumed`, because two promises
 * settled in one tick would otherwise race for the scheduler's idea of who runs.
 */
import type { ContinuationEngine, GuestFunction, Outcome } from "./continuation.ts";
import type { Task } from "./task.ts";

interface JspiNamespace {
  Suspending: new (fn: (...args: number[]) => Promise<number> | number) => WebAssembly.ImportValue;
  promising(fn: GuestFunction): (...args: number[]) => Promise<unknown>;
}

/** True if this JavaScript engine can suspend Wasm stacks. */
export function hasJspi(): boolean {
  const namespace = WebAssembly as unknown as Partial<JspiNamespace>;
  return typeof namespace.Suspending === "function" && typeof namespace.promising === "function";
}

export class JspiContinuations implements ContinuationEngine {
  readonly kind = "jspi";
  readonly canPark = true;
  readonly park: WebAssembly.ImportValue;
  readonly #promising: JspiNamespace["promising"];

  /** `current` names the task whose stack calls `park`; `parked` is told once it hangs, so that another may run. */
  constructor(current: () => Task, parked: () => void) {
    const namespace = WebAssembly as unknown as JspiNamespace;
    this.#promising = namespace.promising;
    // The executor runs synchronously, so one function object per engine serves every park.
    let task: Task | null = null;
    const executor = (resolve: (tid: number) => void): void => {
      (task as Task).resume = resolve;
    };
    this.park = new namespace.Suspending(() => {
      task = current();
      const promise = new Promise<number>(executor);
      parked();
      return promise;
    });
  }

  start(task: Task, fn: GuestFunction, args: readonly number[], ended: (task: Task, outcome: Outcome) => void): void {
    this.#promising(fn)(...args).then(
      (value) => ended(task, { kind: "returned", value: Number(value ?? 0) }),
      (error: unknown) => ended(task, { kind: "threw", error }),
    );
  }

  resume(task: Task): void {
    const { resume } = task;
    if (!resume) throw new Error(`task ${task.tid} is not parked`);
    task.resume = null;
    resume(task.tid);
  }

  drop(task: Task): void {
    task.resume = null;
  }
}
