/**
 * What the Linux personality keeps of a process, beside descriptors and memory: its family, credentials, limits, signals, address space and
 * timers. fork(2) copies what it copies on Linux.
 */
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SIG_IGN,
  SIGABRT,
  SIGCHLD,
  SIGFPE,
  SIGILL,
  SIGQUIT,
  SIGSEGV,
} from "../abi/signal.ts";
import type { AddressSpace } from "../mem/address-space.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { Credentials } from "./credentials.ts";
import { IntervalTimers } from "./interval-timers.ts";
import type { Process } from "./process.ts";
import { ProcessSignals } from "./process-signals.ts";
import type { Program } from "./program.ts";
import { ResourceLimits } from "./resource-limits.ts";

/** Signals whose default action also dumps core (signal(7)): wait4(2) says so. */
const DUMPING = new Set([SIGQUIT, SIGILL, SIGABRT, SIGFPE, SIGSEGV]);

export class LinuxState {
  readonly children = new Set<Process>();
  /** Woken when a child ends, stops or goes on: wait4(2). */
  readonly childEvents = new WaitQueue();
  /** Process group and session. */
  pgid: number;
  sid: number;
  readonly credentials: Credentials;
  readonly limits: ResourceLimits;
  readonly signals: ProcessSignals;
  readonly timers: IntervalTimers;
  /** What the process runs; null until it runs a Linux program. */
  program: Program | null = null;
  /** Who has which part of its memory; null until it runs a Linux program. */
  space: AddressSpace | null = null;
  /** Exit status and signal of a zombie; null while the process lives. */
  ended: { readonly status: number; readonly signal: number } | null = null;
  /** The signal that has stopped it, or 0; and what wait4 has not reported yet. */
  stopSignal = 0;
  stopUnreported = false;
  continueUnreported = false;
  /** Monotonic ms. */
  readonly startMs: number;
  readonly #process: Process;

  constructor(process: Process, parent: LinuxState | null) {
    this.#process = process;
    this.startMs = process.clock.monotonicMs();
    this.pgid = parent?.pgid ?? process.pid;
    this.sid = parent?.sid ?? process.pid;
    this.credentials = new Credentials(parent?.credentials ?? null);
    this.limits = new ResourceLimits(process.boot.memoryLimit, parent?.limits ?? null);
    this.signals = new ProcessSignals(process, parent?.signals ?? null);
    this.timers = new IntervalTimers(process);
  }

  /** True for a signal that would have left a core file behind. */
  static dumps(signal: number): boolean {
    return DUMPING.has(signal);
  }

  /** The process has ended: its parent is told, its children get process 1 as parent. */
  becomeZombie(status: number, signal: number): void {
    const process = this.#process;
    const { init } = process.machine;
    for (const child of this.children) {
      child.parent = init;
      init.linux.children.add(child);
      if (child.linux.ended) init.linux.childEvents.wake(1);
    }
    this.children.clear();
    this.ended = { status: status & 0xff, signal };
    const code = signal === 0 ? CLD_EXITED : LinuxState.dumps(signal) ? CLD_DUMPED : CLD_KILLED;
    this.#tellParent(code, signal === 0 ? status & 0xff : signal);
    const action = process.parent?.linux.signals.action(SIGCHLD);
    if (action && (action.handler === SIG_IGN || (action.flags & SA_NOCLDWAIT) !== 0)) this.reap();
  }

  /** Forgets a zombie. */
  reap(): void {
    const process = this.#process;
    process.parent?.linux.children.delete(process);
    process.machine.processes.delete(process.pid);
    process.parent?.linux.childEvents.wake(1); // who waits for the last one hears that there is none
  }

  /** SIGSTOP and its like: no thread runs until SIGCONT. */
  stop(signal: number): void {
    if (this.stopSignal !== 0 || this.#process.pid === 1) return;
    this.stopSignal = signal;
    this.stopUnreported = true;
    for (const task of this.#process.tasks) this.#process.scheduler.hold(task);
    this.#tellParent(CLD_STOPPED, signal);
  }

  resume(): void {
    if (this.stopSignal === 0) return;
    const signal = this.stopSignal;
    this.stopSignal = 0;
    this.stopUnreported = false;
    this.continueUnreported = true;
    for (const task of this.#process.tasks) this.#process.scheduler.release(task);
    this.#tellParent(CLD_CONTINUED, signal);
  }

  /** Timers stop, shared mappings are written back. */
  close(): void {
    this.timers.close();
    this.space?.close();
  }

  #tellParent(code: number, value: number): void {
    const { parent, pid } = this.#process;
    if (!parent) return;
    const { signals, childEvents } = parent.linux;
    childEvents.wake(1);
    const stops = code === CLD_STOPPED || code === CLD_CONTINUED;
    if (stops && (signals.action(SIGCHLD).flags & SA_NOCLDSTOP) !== 0) return;
    signals.raise({ signo: SIGCHLD, code, pid, uid: this.credentials.uid, value });
  }
}
