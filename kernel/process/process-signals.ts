/**
 * Signals of a process (signal(7)): actions, what is pending, and delivery.
 *
 * A signal is raised from anywhere in the kernel (`raise` never runs the guest). It is delivered at the end of a system call of a thread
 * that does not block it: the shim calls the handler, from Wasm, and comes back by `handlerReturned`. A thread that is parked is woken
 * for it, with EINTR. A thread that computes without system calls gets it at its next one: there is nobody who could interrupt it.
 *
 * What always holds: `task.signaled` is true exactly if a signal that the task does not block is pending for it or its process.
 */
import { EAGAIN, EINTR } from "../abi/errno.ts";
import { POLLIN } from "../abi/poll.ts";
import {
  defaultAction,
  NSIG,
  SA_NODEFER,
  SA_RESETHAND,
  SA_RESTART,
  SA_SIGINFO,
  SIG_DFL,
  SIG_IGN,
  SIGCONT,
  SIGINFO_BYTES,
  SIGKILL,
  SIGSEGV,
  SIGSTOP,
  UCONTEXT_BYTES,
} from "../abi/signal.ts";
import type { Task } from "../sched/task.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { RUN_HANDLER, RUN_SIGACTION } from "../shim/shim.ts";
import { GuestExit } from "../syscall/guest-exit.ts";
import type { LinuxThread } from "./linux-thread.ts";
import { PendingSignals, type SignalInfo } from "./pending-signals.ts";
import type { Process } from "./process.ts";
import { SignalSet } from "./signal-set.ts";

/** What sigaction(2) has set. `handler` is a function pointer, SIG_DFL or SIG_IGN. */
export interface SignalAction {
  readonly handler: number;
  /** SA_* bits, unsigned. */
  readonly flags: number;
  readonly restorer: number;
  readonly mask: SignalSet;
}

const DEFAULT: SignalAction = { handler: SIG_DFL, flags: 0, restorer: 0, mask: new SignalSet() };
/** `handlerReturned`: the interrupted call is to be tried again. */
export const TRY_AGAIN = Number.NaN;

export class ProcessSignals {
  readonly pending = new PendingSignals();
  /** Arguments of the handler that is about to run. */
  signo = 0;
  siginfo = 0;
  ucontext = 0;
  /** Where the shim finds it. */
  handlerTable: WebAssembly.Table | null = null;
  /** Woken for every signal that is raised: sigtimedwait(2), signalfd(2). */
  readonly raised = new WaitQueue();
  readonly #process: Process;
  readonly #actions: SignalAction[] = new Array<SignalAction>(NSIG + 1).fill(DEFAULT);

  constructor(process: Process, parent: ProcessSignals | null) {
    this.#process = process;
    if (parent) this.#actions = parent.#actions.slice();
  }

  action(signo: number): SignalAction {
    return this.#actions[signo] as SignalAction;
  }

  setAction(signo: number, action: SignalAction): void {
    this.#actions[signo] = action;
    if (!this.#ignores(signo)) return;
    this.pending.discard(signo);
    for (const task of this.#process.tasks) {
      task.linux?.pending.discard(signo);
      this.update(task);
    }
  }

  /** execve(2): handlers are gone, what is ignored stays so. */
  resetHandlers(): void {
    for (let signo = 1; signo <= NSIG; signo++) {
      if (this.action(signo).handler !== SIG_IGN) this.#actions[signo] = DEFAULT;
    }
  }

  /** Raises a signal for the process, or for one thread of it. 0, or -EAGAIN if too many are queued. */
  raise(info: SignalInfo, thread: Task | null = null): number {
    const process = this.#process;
    if (process.over) return 0;
    const { signo } = info;
    if (signo === SIGCONT || signo === SIGKILL) process.linux.resume();
    if (this.#isDropped(signo, thread)) return 0;
    const pending = thread?.linux ? thread.linux.pending : this.pending;
    if (!pending.add(info)) return -EAGAIN;
    this.raised.wake(POLLIN);
    if (thread) {
      this.#notify(thread);
      return 0;
    }
    const target = this.#targetOf(signo);
    if (target) this.#notify(target);
    return 0;
  }

  /** The mask of `task` or what is pending has changed. */
  update(task: Task): void {
    const { linux } = task;
    if (!linux) return;
    task.signaled = linux.pending.set.lowestNotIn(linux.blocked, this.pending.set) !== 0;
  }

  /**
   * A call of the running task ends with `result`, and a signal is deliverable: takes it. The answer is the sentinel for the shim, or
   * the result where no handler is to be run. `restartable`: the call may be tried again where SA_RESTART says so.
   */
  deliver(task: Task, result: number, restartable: boolean): number {
    const linux = task.linux as LinuxThread;
    for (;;) {
      const signo = linux.pending.set.lowestNotIn(linux.blocked, this.pending.set);
      if (signo === 0) break;
      const info = (linux.pending.set.has(signo) ? linux.pending : this.pending).take(signo);
      const action = this.action(signo);
      if (action.handler === SIG_DFL) this.#actByDefault(signo);
      else if (action.handler !== SIG_IGN) return this.#prepare(task, linux, info, action, result, restartable);
    }
    this.update(task);
    this.#restoreMask(task, linux);
    return task.signaled ? this.deliver(task, result, restartable) : result;
  }

  /** The handler has returned. What the interrupted call answers: the next handler's sentinel, its result, or TRY_AGAIN. */
  handlerReturned(task: Task, restartable: boolean): number {
    const linux = task.linux as LinuxThread;
    const { instance, frames } = linux;
    const at = frames.findLastIndex(({ stackPointer }) => stackPointer >= instance.stackPointer);
    const frame = frames[at];
    if (!frame) throw new Error("a signal handler returned that nobody called");
    frames.length = at; // those above were left by longjmp
    instance.stackPointer = frame.stackPointer;
    linux.blocked.set(frame.blocked);
    this.update(task);
    if (task.signaled) return this.deliver(task, frame.result, restartable);
    return frame.restarts ? TRY_AGAIN : frame.result;
  }

  #prepare(
    task: Task,
    linux: LinuxThread,
    info: SignalInfo,
    action: SignalAction,
    result: number,
    restartable: boolean,
  ): number {
    const { instance, frames } = linux;
    const fn = instance.functionAt(action.handler);
    if (!fn || !this.handlerTable) return this.#die(SIGSEGV, `signal ${info.signo}: its handler is no function`);
    this.handlerTable.set(0, fn);
    const stackPointer = instance.stackPointer;
    const left = frames.findIndex((frame) => frame.stackPointer < stackPointer);
    if (left >= 0) frames.length = left; // left by longjmp
    const blocked = (linux.maskToRestore ?? linux.blocked).clone();
    linux.maskToRestore = null;
    frames.push({
      stackPointer,
      blocked,
      result,
      restarts: restartable && result === -EINTR && (action.flags & SA_RESTART) !== 0,
    });
    linux.blocked.addAll(action.mask);
    if ((action.flags & SA_NODEFER) === 0) linux.blocked.add(info.signo);
    linux.blocked.allowUnblockable();
    if ((action.flags & SA_RESETHAND) !== 0) this.#actions[info.signo] = DEFAULT;
    this.update(task);
    this.signo = info.signo;
    if ((action.flags & SA_SIGINFO) === 0) return RUN_HANDLER;
    this.#writeInfo(linux, info, blocked);
    return RUN_SIGACTION;
  }

  /** siginfo_t and ucontext_t below the stack pointer. */
  #writeInfo(linux: LinuxThread, info: SignalInfo, blocked: SignalSet): void {
    const { mem } = this.#process;
    const base = (linux.instance.stackPointer - SIGINFO_BYTES - UCONTEXT_BYTES) & ~15;
    if (base < 0 || !mem.has(base, SIGINFO_BYTES + UCONTEXT_BYTES)) this.#die(SIGSEGV, "no stack for a signal handler");
    mem.u8.fill(0, base, base + SIGINFO_BYTES + UCONTEXT_BYTES);
    writeSignalInfo(mem, base, info);
    this.siginfo = base;
    this.ucontext = base + SIGINFO_BYTES;
    blocked.write(mem, this.ucontext + UCONTEXT_SIGMASK);
    linux.instance.stackPointer = base;
  }

  #actByDefault(signo: number): void {
    switch (defaultAction(signo)) {
      case "terminate":
        this.#die(signo, null);
        break;
      case "stop":
        this.#process.linux.stop(signo);
        break;
    }
  }

  /** The process dies of a signal; the running stack is unwound. */
  #die(signo: number, reason: string | null): never {
    this.#process.end({ code: 128 + signo, reason }, signo);
    throw new GuestExit(128 + signo);
  }

  /** The mask that a call has replaced for its duration. */
  #restoreMask(task: Task, linux: LinuxThread): void {
    if (!linux.maskToRestore) return;
    linux.blocked.set(linux.maskToRestore);
    linux.maskToRestore = null;
    this.update(task);
  }

  /** True for a signal that nothing would come of. */
  #isDropped(signo: number, thread: Task | null): boolean {
    if (!this.#ignores(signo)) return false;
    const tasks = thread ? [thread] : [...this.#process.tasks];
    return !tasks.some((task) => task.linux?.blocked.has(signo)); // blocked: it may be waited for
  }

  #ignores(signo: number): boolean {
    const { handler } = this.action(signo);
    if (signo === SIGKILL || signo === SIGSTOP) return false;
    if (handler === SIG_IGN) return true;
    const byDefault = defaultAction(signo);
    return handler === SIG_DFL && (byDefault === "ignore" || byDefault === "continue");
  }

  /** A thread that does not block it: the one that runs, else the oldest. */
  #targetOf(signo: number): Task | null {
    const { current, tasks } = this.#process;
    if (tasks.has(current) && current.linux && !current.linux.blocked.has(signo)) return current;
    for (const task of tasks) if (task.linux && !task.linux.blocked.has(signo)) return task;
    return null;
  }

  #notify(task: Task): void {
    this.update(task);
    if (task.signaled) this.#process.scheduler.interrupt(task, -EINTR);
  }
}

/** uc_sigmask in ucontext_t: behind flags, link, stack and a machine context of 32 longs. */
const UCONTEXT_SIGMASK = 8 + 4 + 12 + 256;

/** siginfo_t into zeroed, validated memory. */
export function writeSignalInfo(mem: Process["mem"], ptr: number, info: SignalInfo): void {
  mem.setU32(ptr, info.signo);
  mem.setU32(ptr + 8, info.code);
  mem.setU32(ptr + 16, info.pid);
  mem.setU32(ptr + 20, info.uid);
  mem.setU32(ptr + 24, info.value);
}
