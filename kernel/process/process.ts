/**
 * A process: memory, descriptors, a place in the file system, threads. Process 1 is what the machine was booted for; fork(2) makes others,
 * which share the machine (file systems, network, devices, scheduler) and nothing else. It is the `Kernel` that system-call handlers and
 * files are given: whoever holds one acts for that process.
 *
 * What always holds: a process that has ended runs nothing, and its descriptors are closed; until its parent has waited for it, it
 * remains in the machine's table as a zombie. The end of process 1 is the end of the machine.
 */
import { FdTable } from "../fs/fd-table.ts";
import type { Vfs } from "../fs/vfs.ts";
import type { BootParameters, Kernel } from "../kernel.ts";
import type { MachineEnd, MachineKernel } from "../machine-kernel.ts";
import type { GuestMemory } from "../mem/guest-memory.ts";
import type { PhysicalMemory } from "../mem/physical.ts";
import type { NetworkStack } from "../net/network-stack.ts";
import type { Ring } from "../ring/ring.ts";
import type { GuestFunction } from "../sched/continuation.ts";
import type { Scheduler } from "../sched/scheduler.ts";
import type { Task } from "../sched/task.ts";
import type { Timers } from "../sched/timers.ts";
import type { WaitQueue } from "../sched/wait-queue.ts";
import type { ClockDriver } from "../virtio/clock.ts";
import type { ConsoleDriver } from "../virtio/console.ts";
import type { EntropyDriver } from "../virtio/entropy.ts";
import type { ShardDriver } from "../virtio/shard.ts";
import type { Credentials } from "./credentials.ts";
import type { FsContext } from "./fs-context.ts";
import { LinuxState } from "./linux-state.ts";
import { releaseRobustList } from "./robust-list.ts";
import type { WasiState } from "./wasi-state.ts";

export class Process implements Kernel {
  readonly machine: MachineKernel;
  readonly pid: number;
  /** Null for process 1, and for what nobody inherits when its parent ends (LinuxState). */
  parent: Process | null;
  boot: BootParameters;
  readonly physical: PhysicalMemory;
  mem: GuestMemory;
  readonly scheduler: Scheduler;
  readonly timers: Timers;
  readonly clock: ClockDriver;
  readonly entropy: EntropyDriver;
  readonly console: ConsoleDriver;
  readonly fds: FdTable;
  fs!: FsContext;
  /** Live threads. */
  readonly tasks = new Set<Task>();
  /** By address: who waits in FUTEX_WAIT. */
  readonly futexes = new Map<number, WaitQueue>();
  /** What the Linux personality keeps of it. */
  readonly linux: LinuxState;
  /** What the WASI personality keeps of it; null for other programs. */
  wasi: WasiState | null = null;
  /** What the guest's module exports: the native personality's entry points. */
  exports: WebAssembly.Exports = {};
  /** True once it has ended. */
  over = false;

  constructor(
    machine: MachineKernel,
    pid: number,
    parent: Process | null,
    boot: BootParameters,
    mem: GuestMemory,
    fds = new FdTable(),
  ) {
    this.machine = machine;
    this.pid = pid;
    this.parent = parent;
    this.boot = boot;
    this.mem = mem;
    this.fds = fds;
    this.physical = machine.physical;
    this.scheduler = machine.scheduler;
    this.timers = machine.timers;
    this.clock = machine.clock;
    this.entropy = machine.entropy;
    this.console = machine.console;
    this.linux = new LinuxState(this, parent?.linux ?? null);
    fds.limits = this.linux.limits;
    fds.locks = machine.fileLocks;
  }

  get vfs(): Vfs {
    return this.machine.vfs;
  }

  get net(): NetworkStack {
    return this.machine.net;
  }

  get shards(): ShardDriver | null {
    return this.machine.shards;
  }

  get ring(): Ring | null {
    return this.machine.ring;
  }

  set ring(ring: Ring | null) {
    this.machine.ring = ring;
  }

  get current(): Task {
    return this.scheduler.current;
  }

  get credentials(): Credentials {
    return this.linux.credentials;
  }

  get processes(): ReadonlyMap<number, Process> {
    return this.machine.processes;
  }

  /** What getppid(2) says: orphans see process 1. */
  get ppid(): number {
    return this.parent?.pid ?? (this.isInit ? 0 : this.machine.init.pid);
  }

  /** True for process 1. */
  get isInit(): boolean {
    return this === this.machine.init;
  }

  get threadCount(): number {
    return this.tasks.size;
  }

  guestExport(name: string): GuestFunction | null {
    const value = this.exports[name];
    return typeof value === "function" ? (value as GuestFunction) : null;
  }

  block(queue: WaitQueue | null, timeoutMs = -1): number {
    return this.scheduler.blockOn(queue, timeoutMs);
  }

  blockOnAll(queues: readonly WaitQueue[], timeoutMs = -1): number {
    return this.scheduler.block(queues, timeoutMs);
  }

  timedOut(): boolean {
    return this.scheduler.timedOut();
  }

  exit(status: number): void {
    this.end({ code: status, reason: null });
  }

  requestTurn(): void {
    this.machine.requestTurn();
  }

  log(line: string): void {
    this.machine.log(line);
  }

  /**
   * Ends the process: nothing of it runs again. `signal`: what it died of, for wait4(2). A thread of its own that is running must leave
   * by a throw right after this.
   */
  end(end: MachineEnd, signal = 0): void {
    if (this.over) return;
    if (this.isInit) {
      this.machine.end(end);
      return;
    }
    if (end.reason) this.log(`process ${this.pid}: ${end.reason}`);
    this.over = true;
    this.release();
    this.linux.becomeZombie(end.code, signal);
  }

  /** Gives everything back: threads, descriptors, memory. */
  release(): void {
    this.over = true;
    this.dropThreads();
    this.linux.close();
    this.fds.closeAll(this);
    this.fs.close(this);
    this.physical.detach(this.mem);
  }

  /** Forgets every thread: none of their stacks runs again. What they have locked, and others may wait for, is released. */
  dropThreads(): void {
    const threads = [...this.tasks];
    this.tasks.clear();
    for (const task of threads) {
      this.scheduler.drop(task);
      this.linux.cpu.threadEnded(task);
    }
    for (const { tid, linux } of threads) {
      if (linux?.robustList) releaseRobustList(this, tid, linux.robustList);
    }
  }
}
