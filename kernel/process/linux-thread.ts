/**
 * What the Linux personality keeps of a thread, beside its Task: the instance of the module that it runs in, its signal mask, and what
 * the kernel does when it ends.
 */

import { JumpBuffers } from "./engine-setjmp.ts";
import type { GuestInstance } from "./guest-instance.ts";
import { PendingSignals } from "./pending-signals.ts";
import { SignalSet } from "./signal-set.ts";
import type { Unwinding } from "./unwind.ts";

/** A handler that runs now: what has to be put right when it returns. */
export interface SignalFrame {
  /** The stack pointer at delivery: frames left by longjmp(3) are recognised by it. */
  readonly stackPointer: number;
  /** The mask to go back to. */
  readonly blocked: SignalSet;
  /** What the interrupted call returns; meaningless where it is tried again. */
  readonly result: number;
  readonly restarts: boolean;
}

/** The function that a thread's stack begins with: a function pointer, or 0 for `_start`. */
export interface ThreadEntry {
  readonly pointer: number;
  readonly args: readonly number[];
}

export class LinuxThread {
  readonly instance: GuestInstance;
  readonly entry: ThreadEntry;
  readonly blocked: SignalSet;
  readonly pending = new PendingSignals();
  readonly frames: SignalFrame[] = [];
  /** The mask to go back to when a call that replaced it for its duration ends (sigsuspend(2), ppoll(2), ...). */
  maskToRestore: SignalSet | null = null;
  /** set_tid_address(2): zeroed and woken when the thread ends. 0: none. */
  clearTid = 0;
  /** set_robust_list(2): `struct robust_list_head`, or 0. */
  robustList = 0;
  /** Set while the stack is unwound or rewound (unwind.ts). */
  unwinding: Unwinding | null = null;
  /** Where longjmp(3) may go, of programs that have setjmp(3) from the engine. */
  readonly jumps = new JumpBuffers();
  /** Where a wait that a signal ends writes what is left of its time (nanosleep(2), select(2), ppoll(2)); 0: nowhere. */
  sleepRemainder = 0;
  /** True: as a struct timeval, else as a struct timespec. */
  remainderAsTimeval = false;
  /** sigaltstack(2): SS_DISABLE at first. */
  altStack = { sp: 0, flags: 2, size: 0 };
  /** prctl(PR_SET_NAME). */
  name = "";

  constructor(instance: GuestInstance, entry: ThreadEntry, blocked = new SignalSet()) {
    this.instance = instance;
    this.entry = entry;
    this.blocked = blocked;
  }
}
