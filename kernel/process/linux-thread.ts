/**
 * What the Linux personality keeps of a thread, beside its Task: the instance of the module that it runs in, its signal mask, and what
 * the kernel does when it ends.
 */
import { NO_ALT_STACK } from "./alt-stack.ts";
import { JumpBuffers } from "./engine-setjmp.ts";
import type { GuestInstance } from "./guest-instance.ts";
import { PendingSignals } from "./pending-signals.ts";
import type { RobustList } from "./robust-list.ts";
import { SignalFrames } from "./signal-frames.ts";
import { SignalSet } from "./signal-set.ts";
import type { Unwinding } from "./unwind.ts";

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
  readonly frames = new SignalFrames();
  /** The mask to go back to when a call that replaced it for its duration ends (sigsuspend(2), ppoll(2), ...). */
  maskToRestore: SignalSet | null = null;
  /** set_tid_address(2): zeroed and woken when the thread ends. 0: none. */
  clearTid = 0;
  /** set_robust_list(2); null: none. */
  robustList: RobustList | null = null;
  /** Set while the stack is unwound or rewound (unwind.ts). */
  unwinding: Unwinding | null = null;
  /** Where longjmp(3) may go, of programs that have setjmp(3) from the engine. */
  readonly jumps = new JumpBuffers();
  /** Where a wait that a signal ends writes what is left of its time (nanosleep(2), select(2), ppoll(2)); 0: nowhere. */
  sleepRemainder = 0;
  /** Until when clock_nanosleep(2) sleeps, on the clock that it was given. */
  sleepUntilMs = 0;
  /** True: as a struct timeval, else as a struct timespec. */
  remainderAsTimeval = false;
  /** The signal of the trap whose handler runs on what is now the thread's stack; 0: none. */
  trapped = 0;
  /** sigaltstack(2). */
  altStack = NO_ALT_STACK;
  /** prctl(PR_SET_NAME), a byte string; empty: the program's. */
  name = "";
  /** sched_setscheduler(2). */
  scheduling: { readonly policy: number; readonly priority: number } = { policy: 0, priority: 0 };

  constructor(instance: GuestInstance, entry: ThreadEntry, blocked = new SignalSet()) {
    this.instance = instance;
    this.entry = entry;
    this.blocked = blocked;
  }
}
