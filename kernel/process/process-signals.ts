/**
 * Signals of a process (signal(7)): actions, what is pending, and delivery.
 *
 * A signal is raised from anywhere in the kernel (`raise` never runs the guest). It is delivered at the end of a system call of a thread
 * that does not block it: the shim calls the handler, from Wasm, and comes back by `handlerReturned`. A thread that is parked is woken
 * for it, with EINTR. A thread that computes without system calls gets it at its next one: there is nobody who could interrupt it.
 *
 * What always holds: `task.signaled` is true if a signal that the task does not block is pending for it or, as far as it is the one that
 * was chosen to take it, for the process. It may be true without need (another thread was faster): delivery then finds nothing.
 */
import { EAGAIN, EINTR } from "../abi/errno.ts";
import { POLLIN } from "../abi/poll.ts";
import {
  defaultAction,
  NSIG,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SIG_DFL,
  SIG_IGN,
  SIGCONT,
  SIGINFO_BYTES,
  SIGKILL,
  SIGSEGV,
  SIGSTOP,
  STOP_SIGNALS,
} from "../abi/signal.ts";
import type { GuestFunction } from "../sched/continuation.ts";
import type { Task } from "../sched/task.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { HANDLER_RETURNS, RUN_HANDLER } from "../shim/shim.ts";
import { GuestExit } from "../syscall/guest-exit.ts";
import { isOnStack } from "./alt-stack.ts";
import type { LinuxThread } from "./linux-thread.ts";
import { PendingSignals } from "./pending-signals.ts";
import type { Process } from "./process.ts";
import { DEFAULT_ACTION, type SignalAction } from "./signal-action.ts";
import { HANDLER_DATA_BYTES, readContextMask, type SignalInfo, writeContext, writeSignalInfo } from "./signal-info.ts";
import { SignalSet } from "./signal-set.ts";

/** An answer of `deliver` and `handlerReturned`: the interrupted call is to be tried again. */
export const TRY_AGAIN = Number.NaN;

/** What a call says of itself to `deliver`. */
export interface Interruptible {
  /** It may wait: if no handler is run it goes on waiting. */
  readonly blocks: boolean;
  /** It may be tried again after a handler with SA_RESTART. */
  readonly restarts: boolean;
}

export class ProcessSignals {
  readonly pending = new PendingSignals();
  /** Arguments of the handler that is about to run, and its type, as the shim wants it. */
  signo = 0;
  siginfo = 0;
  ucontext = 0;
  handlerType = 0;
  /** Where the shim finds it. */
  handlerTable: WebAssembly.Table | null = null;
  /** Woken for every signal that is raised: sigtimedwait(2), signalfd(2). */
  readonly raised = new WaitQueue();
  readonly #process: Process;
  readonly #actions: SignalAction[] = new Array<SignalAction>(NSIG + 1).fill(DEFAULT_ACTION);

  constructor(process: Process, parent: ProcessSignals | null) {
    this.#process = process;
    if (parent) this.#actions = parent.#actions.slice();
  }

  action(signo: number): SignalAction {
    return this.#actions[signo] as SignalAction;
  }

  setAction(signo: number, action: SignalAction): void {
    this.#actions[signo] = action;
    if (this.#ignores(signo)) this.#discard(signo);
  }

  /** execve(2): handlers are gone, what is ignored stays so. */
  resetHandlers(): void {
    for (let signo = 1; signo <= NSIG; signo++) {
      if (this.action(signo).handler !== SIG_IGN) this.#actions[signo] = DEFAULT_ACTION;
    }
  }

  /** Raises a signal for the process, or for one thread of it. 0, or -EAGAIN if too many are queued. */
  raise(info: SignalInfo, thread: Task | null = null): number {
    const process = this.#process;
    if (process.over) return 0;
    const { signo } = info;
    if (signo === SIGKILL) process.linux.awaken();
    else if (signo === SIGCONT) {
      for (const stop of STOP_SIGNALS) this.#discard(stop);
      process.linux.resume();
    } else if (STOP_SIGNALS.has(signo)) this.#discard(SIGCONT);
    if (this.#isDropped(signo, thread)) return 0;
    const pending = thread?.linux ? thread.linux.pending : this.pending;
    if (!pending.add(info)) return -EAGAIN;
    this.raised.wake(POLLIN);
    const target = thread ?? this.#targetOf(signo);
    if (target) this.#notify(target);
    return 0;
  }

  /** The mask of `task` has changed, or what is pending for it. */
  update(task: Task): void {
    const { linux } = task;
    if (!linux) return;
    const { blocked } = linux;
    task.signaled = linux.pending.set.lowestNotIn(blocked) !== 0 || this.pending.set.lowestNotIn(blocked) !== 0;
  }

  /** The mask of `task` has become another one: what is pending for the process may now be another thread's to take. */
  maskChanged(task: Task): void {
    this.update(task);
    this.retarget();
  }

  /** Tells a thread of every signal that is pending for the process and that a thread can take. */
  retarget(): void {
    const { set } = this.pending;
    if (set.isEmpty) return;
    for (let signo = 1; signo <= NSIG; signo++) {
      const target = set.has(signo) ? this.#targetOf(signo) : null;
      if (target && !target.signaled) this.#notify(target);
    }
  }

  /**
   * A call of the running task ends with `result`, and a signal may be deliverable: takes all that are. The answer is RUN_HANDLER for the
   * shim; where no handler is to be run TRY_AGAIN for a wait that goes on, else the result.
   */
  deliver(task: Task, result: number, call: Interruptible): number {
    const linux = task.linux as LinuxThread;
    linux.frames.dropLeft(linux.instance.stackPointer);
    // A wait with a deadline is not tried again: it would wait anew (Linux: ERESTART_RESTARTBLOCK).
    const mayRestart = call.restarts && result === -EINTR && task.deadlineMs === Number.POSITIVE_INFINITY;
    if (this.#take(task, linux, result, mayRestart, false)) return this.#begin(linux);
    if (result === -EINTR && call.blocks) return TRY_AGAIN;
    if (linux.maskToRestore === null) return result;
    linux.blocked.set(linux.maskToRestore);
    linux.maskToRestore = null;
    this.maskChanged(task);
    return task.signaled ? this.deliver(task, result, call) : result;
  }

  /** The handler has returned. What the interrupted call answers: RUN_HANDLER for the next one, its result, or TRY_AGAIN. */
  handlerReturned(task: Task): number {
    const linux = task.linux as LinuxThread;
    const { instance, frames, blocked } = linux;
    const frame = frames.finish(instance.stackPointer);
    if (!frame?.begun) throw new Error("a signal handler returned that nobody called");
    const { stackPointer, ucontext } = frame.begun;
    instance.stackPointer = stackPointer;
    if (ucontext !== 0) readContextMask(this.#process.mem, ucontext, blocked);
    else blocked.set(frame.blocked);
    blocked.allowUnblockable();
    this.maskChanged(task);
    if (task.signaled) this.#take(task, linux, frame.result, frame.restarts, true);
    if (frames.waiting) return this.#begin(linux);
    return frame.restarts ? TRY_AGAIN : frame.result;
  }

  /**
   * Takes every signal that can be delivered to the running task: what has no handler acts, the others get frames. False if no handler is to
   * be run. `restarts`: the interrupted call is tried again, if the first handler's SA_RESTART says so or that is `decided` already.
   */
  #take(task: Task, linux: LinuxThread, result: number, restarts: boolean, decided: boolean): boolean {
    let again: boolean | null = decided ? restarts : null;
    let taken = false;
    for (let info = this.#next(linux); info !== null; info = this.#next(linux)) {
      const { signo } = info;
      const action = this.action(signo);
      if (action.handler === SIG_IGN) continue;
      if (action.handler === SIG_DFL) {
        this.#actByDefault(signo);
        continue;
      }
      again ??= restarts && (action.flags & SA_RESTART) !== 0;
      this.#pushFrame(linux, info, action, result, again);
      taken = true;
    }
    this.maskChanged(task);
    return taken;
  }

  /** The handler of a signal is to run: its frame, the mask that it runs with, and what its flags say. */
  #pushFrame(linux: LinuxThread, info: SignalInfo, action: SignalAction, result: number, restarts: boolean): void {
    const { blocked } = linux;
    const before = (linux.maskToRestore ?? blocked).clone();
    linux.maskToRestore = null;
    linux.frames.push({ info, action, blocked: before, result, restarts, begun: null });
    blocked.addAll(action.mask);
    if ((action.flags & SA_NODEFER) === 0) blocked.add(info.signo);
    blocked.allowUnblockable();
    if ((action.flags & SA_RESETHAND) !== 0) this.#actions[info.signo] = { ...action, handler: SIG_DFL };
  }

  /**
   * The stack of `task` has trapped: the handler to run on a new one, with its arguments; null where the process dies of it, as it does if
   * the signal is blocked or ignored.
   */
  takeTrap(task: Task, info: SignalInfo): { readonly fn: GuestFunction; readonly args: readonly number[] } | null {
    const linux = task.linux as LinuxThread;
    const { instance, blocked, frames } = linux;
    const action = this.action(info.signo);
    const { handler } = action;
    if (handler === SIG_DFL || handler === SIG_IGN || blocked.has(info.signo)) return null;
    const fn = instance.functionAt(handler);
    const type = instance.plainTypeAt(handler);
    if (!fn || !type) return null;
    frames.clear();
    this.#pushFrame(linux, info, action, 0, false);
    this.maskChanged(task);
    try {
      this.#begin(linux);
    } catch (error) {
      if (error instanceof GuestExit) return null; // there is no stack for it: the process has ended
      throw error;
    }
    return { fn, args: [this.signo, this.siginfo, this.ucontext].slice(0, type.parameters) };
  }

  /** The next signal that the thread does not block: its own before the process', the lowest first. */
  #next({ pending, blocked }: LinuxThread): SignalInfo | null {
    const own = pending.set.lowestNotIn(blocked);
    if (own !== 0) return pending.take(own);
    const shared = this.pending.set.lowestNotIn(blocked);
    return shared === 0 ? null : this.pending.take(shared);
  }

  /** The waiting handler begins: stack, arguments, and the shim's sentinel. */
  #begin(linux: LinuxThread): number {
    const { instance, altStack } = linux;
    const frame = linux.frames.waiting;
    if (!frame) throw new Error("no signal handler waits to begin");
    const { info, action } = frame;
    const fn = instance.functionAt(action.handler);
    if (!fn || !this.handlerTable) return this.#die(SIGSEGV, `signal ${info.signo}: its handler is no function`);
    const type = linux.instance.plainTypeAt(action.handler);
    if (!type) return this.#die(SIGSEGV, `signal ${info.signo}: its handler is no function of a handler's type`);
    this.handlerTable.set(0, fn);
    this.handlerType = type.parameters + (type.returns ? HANDLER_RETURNS : 0);
    this.signo = info.signo;
    const { stackPointer } = instance;
    const isOnAlt = isOnStack(altStack, stackPointer);
    const switches = !isOnAlt && altStack.size > 0 && (action.flags & SA_ONSTACK) !== 0;
    const top = switches ? altStack.sp + altStack.size : stackPointer;
    let base = 0;
    if (instance.hasStack) {
      const { mem } = this.#process;
      base = (top - HANDLER_DATA_BYTES) & ~15;
      const isTooLow = switches ? base < altStack.sp : base < 0;
      if (isTooLow || !mem.has(base, HANDLER_DATA_BYTES)) return this.#die(SIGSEGV, "no stack for a signal handler");
      writeSignalInfo(mem, base, info);
      writeContext(mem, base + SIGINFO_BYTES, frame.blocked, altStack);
      instance.stackPointer = base;
    }
    this.siginfo = base;
    this.ucontext = base === 0 ? 0 : base + SIGINFO_BYTES;
    frame.begun = { stackPointer, base, altStack: isOnAlt || switches ? altStack : null, ucontext: this.ucontext };
    return RUN_HANDLER;
  }

  #actByDefault(signo: number): void {
    const { linux } = this.#process;
    switch (defaultAction(signo)) {
      case "terminate":
        this.#die(signo, null);
        break;
      case "stop":
        if (signo === SIGSTOP || !linux.isGroupOrphaned()) linux.stop(signo);
        break;
    }
  }

  /** The process dies of a signal; the running stack is unwound. */
  #die(signo: number, reason: string | null): never {
    this.#process.end({ code: 128 + signo, reason }, signo);
    throw new GuestExit(128 + signo);
  }

  #discard(signo: number): void {
    this.pending.discard(signo);
    for (const task of this.#process.tasks) task.linux?.pending.discard(signo);
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

  /** The first thread, if it does not block the signal; else the oldest that does not. */
  #targetOf(signo: number): Task | null {
    const { pid, tasks } = this.#process;
    let oldest: Task | null = null;
    for (const task of tasks) {
      if (!task.linux || task.linux.blocked.has(signo)) continue;
      if (task.tid === pid) return task;
      oldest ??= task;
    }
    return oldest;
  }

  #notify(task: Task): void {
    this.update(task);
    if (task.signaled) this.#process.scheduler.interrupt(task, -EINTR);
  }
}

/** The lowest pending signal of `wanted`, taken: the thread's before the process'. Null if there is none. */
export function takeOf(wanted: SignalSet, own: PendingSignals | undefined, shared: PendingSignals): SignalInfo | null {
  const outside = new SignalSet();
  outside.low = ~wanted.low;
  outside.high = ~wanted.high;
  for (const pending of [own, shared]) {
    const signo = pending?.set.lowestNotIn(outside) ?? 0;
    if (pending && signo !== 0) return pending.take(signo);
  }
  return null;
}
