/**
 * The signal handlers that run in a thread, and those about to: what Linux keeps in frames on the user's stack.
 *
 * Signals that are delivered at once all get their frame, in order, and the last one's handler runs first, as on Linux; when it returns,
 * the one below begins. A handler may be left by longjmp(3), of which nobody is told: its frame, and those that waited below it to begin, are
 * recognised by the stack pointer, which then stands above the one that the handler was given.
 *
 * What always holds: frames that have not begun lie on top, or right below one that runs and was delivered together with them.
 */
import { type AltStack, isOnStack } from "./alt-stack.ts";
import type { SignalAction } from "./signal-action.ts";
import type { SignalInfo } from "./signal-info.ts";
import type { SignalSet } from "./signal-set.ts";

export interface SignalFrame {
  readonly info: SignalInfo;
  readonly action: SignalAction;
  /** The mask to go back to. */
  readonly blocked: SignalSet;
  /** What the interrupted call answers once no handler is left; meaningless if it is tried again. */
  readonly result: number;
  readonly restarts: boolean;
  /** Null until the handler begins. */
  begun: BegunHandler | null;
}

export interface BegunHandler {
  /** The stack pointer to go back to, and the one that the handler was given. */
  readonly stackPointer: number;
  readonly base: number;
  /** The alternate stack that the handler runs on; null: the thread's own. */
  readonly altStack: AltStack | null;
  /** Address of the ucontext_t; 0: there is none. */
  readonly ucontext: number;
}

export class SignalFrames {
  readonly #frames: SignalFrame[] = [];

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** The handler that is to begin next; null if the topmost runs already. */
  get waiting(): SignalFrame | null {
    const top = this.#frames.at(-1);
    return top && !top.begun ? top : null;
  }

  push(frame: SignalFrame): void {
    this.#frames.push(frame);
  }

  /** The stack is gone, and every handler with it. */
  clear(): void {
    this.#frames.length = 0;
  }

  /** Forgets the handlers that have been left by longjmp. */
  dropLeft(stackPointer: number): void {
    for (let top = this.#frames.at(-1); top && !runs(top, stackPointer); top = this.#frames.at(-1)) this.#frames.pop();
  }

  /** The handler that has returned, forgotten. Undefined if none ran. */
  finish(stackPointer: number): SignalFrame | undefined {
    this.dropLeft(stackPointer);
    return this.#frames.pop();
  }
}

function runs({ begun }: SignalFrame, stackPointer: number): boolean {
  if (!begun || stackPointer > begun.base) return false;
  return begun.altStack === null || isOnStack(begun.altStack, stackPointer);
}
