/**
 * The alternate stack of a thread (sigaltstack(2)): where handlers with SA_ONSTACK run.
 */

export const SS_ONSTACK = 1;
export const SS_DISABLE = 2;

export interface AltStack {
  /** Its lowest byte, and how many it has; 0 bytes: there is none. */
  readonly sp: number;
  readonly size: number;
}

export const NO_ALT_STACK: AltStack = { sp: 0, size: 0 };

/** True if the stack pointer stands in it: it grows down, and is at its end while it is empty. */
export function isOnStack({ sp, size }: AltStack, stackPointer: number): boolean {
  return stackPointer > sp && stackPointer - sp <= size;
}
