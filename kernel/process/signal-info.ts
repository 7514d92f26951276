/**
 * What siginfo_t and ucontext_t tell a handler (sigaction(2)), and how they lie in memory: siginfo_t has its union at 16, as on every 64-bit
 * Linux; pointers are 32 bits wide.
 */
import { SIGCHLD, SIGINFO_BYTES, UCONTEXT_BYTES } from "../abi/signal.ts";
import type { GuestMemory } from "../mem/guest-memory.ts";
import { type AltStack, SS_DISABLE } from "./alt-stack.ts";
import type { SignalSet } from "./signal-set.ts";

export interface SignalInfo {
  readonly signo: number;
  readonly code: number;
  /** Who has sent it; of a timer its number and how often it has expired since (si_timerid, si_overrun). */
  readonly pid: number;
  readonly uid: number;
  /** si_value of sigqueue(3) and timers, si_status of SIGCHLD. */
  readonly value: number;
  /** SIGCHLD: CPU time of the child in ticks of 10 ms. */
  readonly utime?: number;
  readonly stime?: number;
  /** Where it comes from, if that wants to know what becomes of it. */
  readonly source?: SignalSource;
}

/** What raises one signal again and again (a timer): at most one of its signals is pending. */
export interface SignalSource {
  /** Its signal is pending; PendingSignals' own. */
  queued: boolean;
  /** The signal is being delivered: what the handler is told. */
  taken(info: SignalInfo): SignalInfo;
  /** The signal is forgotten: it is ignored now. */
  discarded(): void;
}

/** Bytes on the stack for what a handler is told. */
export const HANDLER_DATA_BYTES = SIGINFO_BYTES + UCONTEXT_BYTES;
/** uc_stack in ucontext_t: behind flags and link. */
const UCONTEXT_STACK = 12;
/** uc_sigmask: behind the stack and a machine context of 32 longs. */
const UCONTEXT_SIGMASK = 280;

/** siginfo_t into validated memory. */
export function writeSignalInfo(mem: GuestMemory, ptr: number, info: SignalInfo): void {
  mem.u8.fill(0, ptr, ptr + SIGINFO_BYTES);
  mem.setU32(ptr, info.signo);
  mem.setU32(ptr + 8, info.code);
  mem.setU32(ptr + 16, info.pid);
  mem.setU32(ptr + 20, info.uid);
  mem.setU32(ptr + 24, info.value);
  if (info.signo !== SIGCHLD) return;
  mem.setI64(ptr + 32, info.utime ?? 0);
  mem.setI64(ptr + 40, info.stime ?? 0);
}

/** ucontext_t into validated memory: the mask that the handler has interrupted, and the alternate stack. */
export function writeContext(mem: GuestMemory, ptr: number, blocked: SignalSet, altStack: AltStack): void {
  mem.u8.fill(0, ptr, ptr + UCONTEXT_BYTES);
  mem.setU32(ptr + UCONTEXT_STACK, altStack.sp);
  mem.setU32(ptr + UCONTEXT_STACK + 4, altStack.size === 0 ? SS_DISABLE : 0);
  mem.setU32(ptr + UCONTEXT_STACK + 8, altStack.size);
  blocked.write(mem, ptr + UCONTEXT_SIGMASK);
}

/** The mask to go back to: the handler may have changed it. */
export function readContextMask(mem: GuestMemory, ptr: number, into: SignalSet): void {
  into.read(mem, ptr + UCONTEXT_SIGMASK);
}
