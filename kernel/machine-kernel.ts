/**
 * The kernel put together: memory, drivers, file system, network, scheduler, and the turn in which they all get their due.
 *
 * The turn is the kernel's only entry from the host: the host promises to call it once after `requestTurn` (Node: setImmediate, the
 * check phase), so that everything that became ready in one poll phase is handed to the guest at once. Inside: device
 * interrupts, due timers, the completion ring, ready threads, the alarm for the next timer.
 */
import { SI_USER, SIGABRT, SIGKILL } from "./abi/signal.ts";
import { HOSTNAME_BYTES_MAX } from "./abi/utsname.ts";
import { bootFileSystem } from "./fs/boot.ts";
import { toByteString } from "./fs/byte-string.ts";
import { FileLocks } from "./fs/file-locks.ts";
import type { Vfs } from "./fs/vfs.ts";
import type { BootParameters, Kernel } from "./kernel.ts";
import type { GuestMemory } from "./mem/guest-memory.ts";
import type { PhysicalMemory } from "./mem/physical.ts";
import { NetworkStack } from "./net/network-stack.ts";
import { bindImports, LinkError } from "./personality/native.ts";
import { bindProgram } from "./personality/wali.ts";
import { bindWasi, type WasiGrants } from "./personality/wasi.ts";
import { endThread, runProgram, threadGoesOn } from "./process/execution.ts";
import { Process } from "./process/process.ts";
import type { Program } from "./process/program.ts";
import { trapOf } from "./process/trap.ts";
import type { Ring } from "./ring/ring.ts";
import type { ContinuationEngine, Outcome } from "./sched/continuation.ts";
import { CallbackContinuations } from "./sched/continuation-callback.ts";
import { hasJspi, JspiContinuations } from "./sched/continuation-jspi.ts";
import { Scheduler } from "./sched/scheduler.ts";
import type { Task } from "./sched/task.ts";
import { Timers } from "./sched/timers.ts";
import { WaitQueue } from "./sched/wait-queue.ts";
import type { ModuleShape } from "./shim/wasm-reader.ts";
import { GuestExit, GuestTrap, KernelPanic, ProgramReplaced } from "./syscall/guest-exit.ts";
import { ClockDriver } from "./virtio/clock.ts";
import { ConsoleDriver } from "./virtio/console.ts";
import { EntropyDriver } from "./virtio/entropy.ts";
import { ShardDriver } from "./virtio/shard.ts";
import type { Transport } from "./virtio/transport.ts";

/** How a machine ended. `code` as a shell reports it: the guest's status, or 128 + the signal it died of. */
export interface MachineEnd {
  readonly code: number;
  /** One line for the user where the guest did not end by itself. */
  readonly reason: string | null;
}

/** What the kernel needs of whoever hosts it, besides devices. */
export interface KernelHost {
  /** Calls `turn` once, soon, from the event loop (Node: setImmediate). */
  defer(turn: () => void): void;
  /** One line on the machine's own log. */
  log(line: string): void;
  /** The machine is over; called once. */
  ended(end: MachineEnd): void;
}

/** The device side of a machine, as the driver side sees it. */
export interface KernelDevices {
  readonly console: Transport;
  readonly entropy: Transport;
  readonly clock: Transport;
  readonly net: Transport;
  /** Only in a machine that is one of several shards. */
  readonly shard?: Transport;
}

/** Kernel RAM: the rings (largest: the network's), packet headers, and receive buffers until the guest gives its own. */
export const KERNEL_RAM_BYTES = 4 * 1024 * 1024;
/** Software exit status for a kernel panic (sysexits.h, EX_SOFTWARE). */
const EX_SOFTWARE = 70;

export class MachineKernel {
  readonly physical: PhysicalMemory;
  readonly timers: Timers;
  readonly scheduler: Scheduler;
  readonly clock: ClockDriver;
  readonly entropy: EntropyDriver;
  readonly console: ConsoleDriver;
  readonly net: NetworkStack;
  readonly shards: ShardDriver | null;
  readonly vfs: Vfs;
  readonly fileLocks = new FileLocks();
  /** The first process, called process 1 here, whatever its number: what the machine was booted for. */
  readonly init: Process;
  /** Every process, zombies included, by number. */
  readonly processes = new Map<number, Process>();
  /**
   * Group and session of process 1: as if whoever has booted the machine led them. A group of number 1 could not be named: kill(-1) means
   * everybody.
   */
  readonly firstGroup: number;
  /** Woken when the real-time clock is set (clock_settime(2)). */
  readonly clockSet = new WaitQueue();
  /** What uname(2) calls the machine and its domain; sethostname(2) and setdomainname(2). Byte strings. */
  hostname: string;
  domainname = "(none)";
  /** The completion ring, once the guest has called ring_setup. */
  ring: Ring | null = null;
  readonly #host: KernelHost;
  readonly #engine: ContinuationEngine;
  readonly #drivers: InterruptHandler[] = [];
  #turnRequested = false;
  #inTurn = false;
  #over = false;
  /** Monotonic and real time when the guest was last run by the kernel. */
  readonly #times = new Float64Array(2);
  /** Monotonic ms for which the clock device's alarm is set. */
  #alarmMs = Number.POSITIVE_INFINITY;

  constructor(boot: BootParameters, physical: PhysicalMemory, devices: KernelDevices, host: KernelHost) {
    this.#host = host;
    this.hostname = toByteString(boot.name).slice(0, HOSTNAME_BYTES_MAX);
    this.physical = physical;
    this.timers = new Timers(() => this.#armAlarm(this.clock.monotonicMs()));
    this.scheduler = new Scheduler(this.timers, {
      nowMs: () => this.clock.monotonicMs(),
      requestTurn: () => this.requestTurn(),
      goesOn: (task, outcome) => threadGoesOn(task.process as Process, task, outcome),
      switchedTo: (process) => (process as Process).linux.space?.enter(),
      called: (process) => (process as Process).linux.space?.alignAliases(),
      idle: () => this.net.sendGathered(),
      taskEnded: (task, outcome) => this.#taskEnded(task, outcome),
    });
    this.#engine = hasJspi()
      ? new JspiContinuations(() => this.scheduler.current, this.scheduler.parked)
      : new CallbackContinuations();
    this.scheduler.setEngine(this.#engine);
    this.clock = this.attach(devices.clock, new ClockDriver(this.physical, devices.clock));
    this.entropy = this.attach(devices.entropy, new EntropyDriver(this.physical, devices.entropy));
    this.console = this.attach(devices.console, new ConsoleDriver(this.physical, devices.console));
    this.shards = devices.shard ? this.attach(devices.shard, new ShardDriver(this.physical, devices.shard)) : null;
    this.scheduler.countFrom(boot.pid ?? 1);
    const pid = this.scheduler.nextPid();
    this.firstGroup = this.scheduler.nextPid();
    this.init = new Process(this, pid, null, boot, physical.guest);
    this.processes.set(this.init.pid, this.init);
    this.net = this.attach(devices.net, new NetworkStack(this.init, devices.net));
    this.vfs = bootFileSystem(this.init);
  }

  /** True once the machine has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Connects a driver to its device's interrupt line: `handleInterrupt` runs in the turn after an interrupt. */
  attach<Driver extends { handleInterrupt(k: Kernel): void }>(transport: Transport, driver: Driver): Driver {
    const handler: InterruptHandler = { driver, pending: false };
    this.#drivers.push(handler);
    transport.onInterrupt = () => {
      handler.pending = true;
      this.requestTurn();
    };
    return driver;
  }

  /** The imports of a guest of the native personality, its memory excepted. Throws LinkError for what nobody provides. */
  link(shape: ModuleShape): WebAssembly.Imports {
    return bindImports(this.init, shape, this.#engine);
  }

  /** The imports of a WASI program, its memory excepted: whoever adds it does so to what is returned here. Throws LinkError. */
  linkWasi(module: WebAssembly.Module, shape: ModuleShape, grants: WasiGrants): WebAssembly.Imports {
    return bindWasi(this.init, module, shape, this.#engine, grants);
  }

  /** Binds a Linux program to `process`, on the process' memory. Throws LinkError for what nobody provides. */
  bind(process: Process, module: WebAssembly.Module, shape: ModuleShape): Program {
    return bindProgram(process, module, shape, this.#engine);
  }

  /** A child of `parent`, with copies of its descriptors and its place in the file system; it has no threads yet. */
  addProcess(parent: Process, mem: GuestMemory): Process {
    const child = new Process(this, this.scheduler.nextPid(), parent, parent.boot, mem, parent.fds.clone());
    child.fs = parent.fs.clone();
    this.physical.attach(mem);
    this.processes.set(child.pid, child);
    parent.linux.children.add(child);
    return child;
  }

  /** Runs a Linux program as process 1, at once; its memory is process 1's already. Throws LinkError. */
  startProgram(module: WebAssembly.Module, shape: ModuleShape): void {
    if (!this.#engine.canPark) {
      throw new LinkError(
        "this JavaScript engine cannot suspend Wasm stacks (JSPI), which Linux programs need: Node 24.21 or later can",
      );
    }
    runProgram(this.init, module, shape);
    this.scheduler.runNext();
    this.requestTurn();
  }

  /** Starts the guest's `_start` as the main thread, at once. */
  start(exports: WebAssembly.Exports): void {
    this.init.exports = exports;
    this.init.wasi?.prepare(exports);
    const main = this.init.guestExport("_start");
    if (!main) {
      this.end({ code: 126, reason: "the module exports no _start function" });
      return;
    }
    const task = this.scheduler.spawn(this.init, main, [], this.init.pid);
    task.isTimed = this.init.wasi !== null;
    this.#inTurn = true; // what `_start` prints may bring the embedder to life
    this.scheduler.runNext();
    this.#inTurn = false;
    this.requestTurn();
  }

  requestTurn(): void {
    if (this.#turnRequested || this.#over) return;
    this.#turnRequested = true;
    this.#host.defer(this.#turn);
  }

  /** True while the kernel or the guest runs: then nobody may run the guest from outside. */
  get busy(): boolean {
    return this.#inTurn || this.scheduler.runsStack;
  }

  /** Has a ring guest see at once what came up, outside of a turn; what follows from it may wait for one. Not while `busy`. */
  dispatchNow(): void {
    const { ring } = this;
    if (this.#over || ring === null) return;
    this.#inTurn = true;
    try {
      this.clock.nowInto(this.#times);
      this.#dispatchRing(ring, 1);
      this.#inTurn = false;
      if (this.timers.nextDeadlineMs < this.#alarmMs) this.#armAlarm(this.#times[0] as number);
    } catch (error) {
      this.#inTurn = false;
      this.end(endOf(error));
    }
  }

  log(line: string): void {
    this.#host.log(line);
  }

  /** Delivers a signal from outside: a ring guest is told, a Linux program gets it, any other guest dies of it. */
  signal(number: number): void {
    if (this.#over) return;
    if (this.ring) {
      this.ring.signal(number);
      this.requestTurn();
    } else if (this.init.linux.program) {
      this.init.linux.signals.raise({ signo: number, code: SI_USER, pid: 0, uid: 0, value: 0 });
    } else this.end({ code: 128 + number, reason: null });
  }

  /** Ends the machine: nothing of the guest runs again, every descriptor is closed. Once. */
  end(end: MachineEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.scheduler.stop();
    try {
      for (const process of this.processes.values()) if (!process.over) process.release();
      this.net.shutdown(this.init);
      this.console.flush();
    } catch (error) {
      this.log(`while the machine was ending: ${(error as Error).message}`);
    }
    this.#host.ended(end);
  }

  readonly #turn = (): void => {
    this.#turnRequested = false;
    if (this.#over) return;
    this.#inTurn = true;
    try {
      this.scheduler.beginTurn();
      for (let i = 0; i < this.#drivers.length; i++) {
        const handler = this.#drivers[i] as InterruptHandler;
        if (!handler.pending) continue;
        handler.pending = false;
        handler.driver.handleInterrupt(this.init);
      }
      // One look at the clock serves the whole turn.
      this.clock.nowInto(this.#times);
      const nowMs = this.#times[0] as number;
      if (this.timers.length > 0) this.timers.fireDue(this.init, nowMs);
      if (this.ring !== null && this.ring.pending > 0) this.#dispatchRing(this.ring);
      this.scheduler.runNext();
      this.#inTurn = false;
      this.#armAlarm(nowMs);
    } catch (error) {
      this.#inTurn = false;
      this.end(endOf(error));
    }
  };

  /** The guest is told the times in `#times`. */
  #dispatchRing(ring: Ring, rounds?: number): void {
    this.scheduler.current = this.scheduler.callbackTask;
    ring.dispatch(this.init, this.#times, this.#invokeGuest, rounds);
  }

  readonly #invokeGuest = (count: number, monotonicMs: number, realtimeMs: number): void => {
    const dispatch = this.init.exports.ring_dispatch;
    if (typeof dispatch !== "function")
      throw new GuestTrap("ring_setup was called, but the module exports no ring_dispatch");
    dispatch(count, monotonicMs, realtimeMs);
  };

  /** Sets the clock's alarm if a timer wants to fire before it. A turn that finds nothing due sets the next one. */
  #armAlarm(nowMs: number): void {
    if (this.#inTurn || this.#over) return;
    const next = this.timers.nextDeadlineMs;
    if (this.#alarmMs <= nowMs) this.#alarmMs = Number.POSITIVE_INFINITY; // it has gone off
    if (next >= this.#alarmMs) return;
    this.#alarmMs = next;
    this.clock.setAlarm(next);
  }

  #taskEnded(task: Task, outcome: Outcome): void {
    const process = task.process as Process;
    process.tasks.delete(task);
    process.linux.cpu.threadEnded(task);
    if (outcome.kind === "threw") {
      const { error } = outcome;
      if (error instanceof ProgramReplaced) return;
      if (!(error instanceof GuestExit && error.threadOnly)) {
        const end = endOf(error);
        if (end.isPanic) this.end(end);
        else process.end(end, end.code > 128 ? end.code - 128 : 0);
        return;
      }
    }
    if (process.over) return;
    endThread(process, task);
    // Returning from main ends the process, unless the ring keeps the machine alive; so does the end of the last thread.
    const isMain = task.tid === process.pid && outcome.kind === "returned";
    if (this.ring === null && (isMain || process.threadCount === 0)) process.end({ code: 0, reason: null });
  }
}

interface InterruptHandler {
  readonly driver: { handleInterrupt(k: Kernel): void };
  pending: boolean;
}

/** What a thing thrown through the guest's stack means: the end of the process, or, if it is a bug of the kernel, of the machine. */
function endOf(error: unknown): MachineEnd & { readonly isPanic?: true } {
  if (error instanceof GuestExit) return { code: error.status, reason: null };
  if (error instanceof GuestTrap) return { code: 128 + SIGABRT, reason: `the guest died: ${error.message}` };
  const trap = trapOf(error);
  if (trap) return { code: 128 + trap.signo, reason: `the guest died: ${trap.message}` };
  if (error instanceof WebAssembly.Exception) {
    return {
      code: 128 + SIGABRT,
      reason: "the guest died: nobody caught its exception (or its longjmp found no setjmp)",
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  const epitaph = error instanceof KernelPanic && error.cause instanceof Error ? `\n${error.cause.stack}` : "";
  return {
    code: EX_SOFTWARE,
    reason: `kernel panic: ${message} (the machine is halted; please report this)${epitaph}`,
    isPanic: true,
  };
}

export const KILLED: MachineEnd = { code: 128 + SIGKILL, reason: null };
