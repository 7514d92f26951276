/**
 * What the Linux personality keeps of a process, beside descriptors and memory: its family, credentials, limits, signals, address space and
 * timers. fork(2) copies what it copies on Linux.
 *
 * What always holds: a child whose parent has ended belongs to the nearest ancestor that asked for orphans (PR_SET_CHILD_SUBREAPER), else
 * to the machine itself, which plays the part of init: it sees process 1 as its parent and is waited for by nobody.
 */
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SI_USER,
  SIG_IGN,
  SIGABRT,
  SIGBUS,
  SIGCHLD,
  SIGCONT,
  SIGFPE,
  SIGHUP,
  SIGILL,
  SIGQUIT,
  SIGSEGV,
  SIGSYS,
  SIGTRAP,
  SIGXCPU,
  SIGXFSZ,
} from "../abi/signal.ts";
import type { AddressSpace } from "../mem/address-space.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { CpuTime } from "./cpu-time.ts";
import { Credentials } from "./credentials.ts";
import { IntervalTimers } from "./interval-timers.ts";
import { PosixTimers } from "./posix-timers.ts";
import type { Process } from "./process.ts";
import { ProcessSignals } from "./process-signals.ts";
import type { Program } from "./program.ts";
import { ResourceLimits } from "./resource-limits.ts";

/** Signals whose default action also dumps core (signal(7)): wait4(2) says so. */
const DUMPING = new Set([SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS]);

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
  readonly posixTimers: PosixTimers;
  readonly cpu: CpuTime;
  /** What the process runs; null until it runs a Linux program. */
  program: Program | null = null;
  /** Who has which part of its memory; null until it runs a Linux program. */
  space: AddressSpace | null = null;
  /** True once execve(2) has replaced the program that fork(2) has copied: setpgid(2) asks. */
  hasExecuted = false;
  /** The file that execve(2) was given; null for an image that has been booted. */
  executable: string | null;
  /** /proc/PID/oom_score_adj: kept, nobody asks for it. */
  oomScoreAdj: number;
  /** Exit status and signal of a zombie; null while the process lives. */
  ended: { readonly status: number; readonly signal: number } | null = null;
  /** The signal that has stopped it, or 0; and what wait4 has not reported yet. */
  stopSignal = 0;
  stopUnreported = false;
  continueUnreported = false;
  /** nice(2): -20 to 19. */
  nice: number;
  /** prctl(2): PR_SET_PDEATHSIG (0: none), PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS. */
  parentDeathSignal = 0;
  isSubreaper = false;
  isDumpable = true;
  keepsCapabilities = false;
  noNewPrivileges: boolean;
  /** personality(2). */
  personality: number;
  /** Monotonic ms. */
  readonly startMs: number;
  readonly #process: Process;

  constructor(process: Process, parent: LinuxState | null) {
    this.#process = process;
    this.startMs = process.clock.monotonicMs();
    this.pgid = parent?.pgid ?? process.machine.firstGroup;
    this.sid = parent?.sid ?? process.machine.firstGroup;
    this.nice = parent?.nice ?? 0;
    this.noNewPrivileges = parent?.noNewPrivileges ?? false;
    this.personality = parent?.personality ?? 0;
    this.executable = parent?.executable ?? null;
    this.oomScoreAdj = parent?.oomScoreAdj ?? 0;
    this.credentials = new Credentials(parent?.credentials ?? null);
    this.limits = new ResourceLimits(process.boot.memoryLimit, parent?.limits ?? null);
    this.signals = new ProcessSignals(process, parent?.signals ?? null);
    this.timers = new IntervalTimers(process);
    this.posixTimers = new PosixTimers(process);
    this.cpu = new CpuTime(process);
  }

  /** True for a signal that would have left a core file behind. */
  static dumps(signal: number): boolean {
    return DUMPING.has(signal);
  }

  /** The process has ended: its children get another parent, its own is told. */
  becomeZombie(status: number, signal: number): void {
    const process = this.#process;
    const orphans = [...this.children];
    this.children.clear();
    const heir = this.#heir();
    for (const child of orphans) child.linux.#changeParent(heir);
    this.ended = { status: status & 0xff, signal };
    if (!process.parent) {
      this.reap();
      return;
    }
    const { handler, flags } = process.parent.linux.signals.action(SIGCHLD);
    const code = signal === 0 ? CLD_EXITED : LinuxState.dumps(signal) ? CLD_DUMPED : CLD_KILLED;
    this.#tellParent(code, signal === 0 ? status & 0xff : signal);
    if (handler === SIG_IGN || (flags & SA_NOCLDWAIT) !== 0) this.reap();
  }

  /** Forgets a zombie. */
  reap(): void {
    const process = this.#process;
    process.parent?.linux.children.delete(process);
    process.machine.processes.delete(process.pid);
    process.parent?.linux.childEvents.wake(1); // who waits for the last one hears that there is none
  }

  /** SIGSTOP and its like: no thread runs until SIGCONT. Process 1 does not stop: there may be nobody left to continue it. */
  stop(signal: number): void {
    if (this.stopSignal !== 0 || this.#process.isInit) return;
    this.stopSignal = signal;
    this.stopUnreported = true;
    this.continueUnreported = false;
    for (const task of this.#process.tasks) this.#process.scheduler.hold(task);
    this.#tellParent(CLD_STOPPED, signal);
  }

  /** SIGCONT. */
  resume(): void {
    if (this.stopSignal === 0) return;
    this.awaken();
    this.continueUnreported = true;
    this.#tellParent(CLD_CONTINUED, SIGCONT);
  }

  /** The threads of a stopped process run again. */
  awaken(): void {
    if (this.stopSignal === 0) return;
    this.stopSignal = 0;
    this.stopUnreported = false;
    for (const task of this.#process.tasks) this.#process.scheduler.release(task);
  }

  /**
   * True if nobody is left who could continue what stops in the process' group: no member has a parent of another group in the session
   * (setpgid(2)). Whoever has booted the machine counts as process 1's.
   */
  isGroupOrphaned(): boolean {
    for (const { over, isInit, parent, linux } of this.#process.machine.processes.values()) {
      if (linux.pgid !== this.pgid || over) continue;
      if (isInit || (parent && parent.linux.pgid !== this.pgid && parent.linux.sid === this.sid)) return false;
    }
    return true;
  }

  /** Timers stop, shared mappings are written back. */
  close(): void {
    this.timers.close();
    this.posixTimers.close();
    this.space?.close();
  }

  /** Who gets this process' children; null: the machine. */
  #heir(): Process | null {
    for (let { parent } = this.#process; parent; { parent } = parent) {
      if (parent.linux.isSubreaper && !parent.over) return parent;
    }
    return null;
  }

  #changeParent(heir: Process | null): void {
    const process = this.#process;
    process.parent = heir;
    if (heir) heir.linux.children.add(process);
    if (this.ended) {
      if (heir) heir.linux.childEvents.wake(1);
      else this.reap();
      return;
    }
    if (this.parentDeathSignal !== 0) this.#raise(this.parentDeathSignal);
    if (this.stopSignal !== 0 && this.isGroupOrphaned()) {
      this.#raise(SIGHUP);
      this.#raise(SIGCONT);
    }
  }

  #raise(signo: number): void {
    this.signals.raise({ signo, code: SI_USER, pid: 0, uid: 0, value: 0 });
  }

  #tellParent(code: number, value: number): void {
    const { parent, pid } = this.#process;
    if (!parent) return;
    const { signals, childEvents } = parent.linux;
    childEvents.wake(1);
    const stops = code === CLD_STOPPED || code === CLD_CONTINUED;
    if (stops && (signals.action(SIGCHLD).flags & SA_NOCLDSTOP) !== 0) return;
    const utime = Math.floor(this.cpu.processMs() / 10);
    signals.raise({ signo: SIGCHLD, code, pid, uid: this.credentials.uid, value, utime });
  }
}
