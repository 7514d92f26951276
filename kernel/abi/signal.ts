/**
 * Numbers of signal(7), sigaction(2) and siginfo_t, verbatim from Linux (asm-generic), and the layouts that wasm32 gives the kernel's
 * structures: pointers are 32 bits wide, `long` 64.
 */

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGKILL = 9;
export const SIGUSR1 = 10;
export const SIGSEGV = 11;
export const SIGUSR2 = 12;
export const SIGPIPE = 13;
export const SIGALRM = 14;
export const SIGTERM = 15;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGURG = 23;
export const SIGXCPU = 24;
export const SIGXFSZ = 25;
export const SIGVTALRM = 26;
export const SIGPROF = 27;
export const SIGWINCH = 28;
export const SIGSYS = 31;
export const SIGRTMIN = 32;
/** Signals are numbered 1 to this. */
export const NSIG = 64;

export const SIG_DFL = 0;
/** -2, because 1 is an index of the function table (WALI). */
export const SIG_IGN = 0xfffffffe;

export const SIG_BLOCK = 0;
export const SIG_UNBLOCK = 1;
export const SIG_SETMASK = 2;

export const SA_NOCLDSTOP = 1;
export const SA_NOCLDWAIT = 2;
export const SA_SIGINFO = 4;
export const SA_ONSTACK = 0x08000000;
export const SA_RESTART = 0x10000000;
export const SA_NODEFER = 0x40000000;
export const SA_RESETHAND = 0x80000000;

/** si_code. */
export const SI_USER = 0;
export const SI_KERNEL = 0x80;
export const SI_QUEUE = -1;
export const SI_TIMER = -2;
export const SI_TKILL = -6;
export const CLD_EXITED = 1;
export const CLD_KILLED = 2;
export const CLD_DUMPED = 3;
export const CLD_STOPPED = 5;
export const CLD_CONTINUED = 6;

/** `siginfo_t`. */
export const SIGINFO_BYTES = 128;
/** `ucontext_t`: room for that of every C library. */
export const UCONTEXT_BYTES = 928;
/** `sigset_t` as the kernel has it (the size that calls are given). */
export const SIGSET_BYTES = 8;
/** `struct k_sigaction`, packed (WALI): u32 handler, u64 flags at 4, u32 restorer at 12, u32 mask[2] at 16. */
export const SIGACTION_BYTES = 24;

/** What stops a process. */
export const STOP_SIGNALS: ReadonlySet<number> = new Set([SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]);

/** What a signal does whose action is SIG_DFL (signal(7)). */
export type DefaultAction = "terminate" | "ignore" | "stop" | "continue";

export function defaultAction(signo: number): DefaultAction {
  switch (signo) {
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
      return "ignore";
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
      return "stop";
    case SIGCONT:
      return "continue";
    default:
      return "terminate";
  }
}
