/**
 * A machine for unit tests of the Linux personality: the real kernel with all its devices, a virtual clock, and processes without a program,
 * whose threads make the calls that a test tells them to, through the same dispatch as a program's.
 *
 *     const m = new LinuxMachine(); const t = m.thread();
 *     t.call("openat", AT_FDCWD, "/a", O_RDWR | O_CREAT, 0o644)   -> the result; a string is placed in memory, NUL-terminated
 *     t.call("read", fd, m.buffer, 8)                              -> WOULD_BLOCK: t.parked; m.run() runs what has been woken; t.result
 *
 *     t.handle(SIGUSR1, (signo) => seen.push(signo))               -> sigaction(2) with a handler, which runs where a program's would
 *
 * A handler that the test has not installed with `handle` cannot be run: a call that ends by one answers RUN_HANDLER.
 */
import { ClockDevice } from "../../../host/devices/clock.ts";
import { VirtualClock } from "../../../host/devices/clock-source.ts";
import { ConsoleDevice } from "../../../host/devices/console.ts";
import { EntropyDevice } from "../../../host/devices/entropy.ts";
import { NetDevice } from "../../../host/devices/net.ts";
import { errnoName } from "../../../kernel/abi/errno.ts";
import { fromBytes, toByteString, toBytes, toText } from "../../../kernel/fs/byte-string.ts";
import { KERNEL_RAM_BYTES, type MachineEnd, MachineKernel } from "../../../kernel/machine-kernel.ts";
import { AddressSpace } from "../../../kernel/mem/address-space.ts";
import { GuestMemory } from "../../../kernel/mem/guest-memory.ts";
import { PhysicalMemory } from "../../../kernel/mem/physical.ts";
import { GuestInstance } from "../../../kernel/process/guest-instance.ts";
import { LinuxThread } from "../../../kernel/process/linux-thread.ts";
import type { Process } from "../../../kernel/process/process.ts";
import { SignalSet } from "../../../kernel/process/signal-set.ts";
import { TASK_DEAD, TASK_PARKED, TASK_RUNNING, Task, WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { HANDLER_RETURNED, RUN_HANDLER } from "../../../kernel/shim/shim.ts";
import { GuestExit } from "../../../kernel/syscall/guest-exit.ts";
import { bindLinuxRetry, bindLinuxTry } from "../../../kernel/syscall/linux/dispatch.ts";
import { LINUX_ROWS } from "../../../kernel/syscall/linux/table.ts";
import type { Row } from "../../../kernel/syscall/row.ts";

const PAGE_BYTES = 65536;
/** What arguments are placed in: strings and bytes of the call under way. */
const ARGUMENTS = 1024;
const ARGUMENTS_END = PAGE_BYTES;
/** Free for the test. */
export const BUFFER = PAGE_BYTES;
export const BUFFER_BYTES = 6 * PAGE_BYTES;
const MEMORY_PAGES = 8;
const MEMORY_PAGES_MAX = 256;
/** Where the stacks of threads begin, each below the other: the end of memory. */
const STACKS = MEMORY_PAGES * PAGE_BYTES;
const STACK_BYTES = 8192;
const STACKS_MAX = PAGE_BYTES / STACK_BYTES;

export type Argument = number | string | Uint8Array;
export type SignalHandler = (signo: number, siginfo: number, ucontext: number) => void;

/** The shim's table of one handler. */
class HandlerTable {
  handler: SignalHandler = () => {};

  set(_index: number, handler: SignalHandler): void {
    this.handler = handler;
  }
}

/** Handlers that tests have installed, by function pointer: 2 and up. */
const handlers: SignalHandler[] = [];

export class LinuxMachine {
  readonly machine: MachineKernel;
  readonly physical: PhysicalMemory;
  readonly time = new VirtualClock(1_700_000_000_000);
  readonly console: ConsoleDevice;
  /** What has been written to the console's two outputs, and to the machine's own log. */
  output = "";
  readonly lines: string[] = [];
  /** How it ended; null while it runs. */
  end: MachineEnd | null = null;
  readonly #turns: (() => void)[] = [];
  readonly #threads = new Map<Process, TestThread>();

  constructor(options: { readonly terminal?: { readonly columns: number; readonly rows: number } } = {}) {
    const log = (line: string): void => void this.lines.push(line);
    const sink = {
      write: (chunk: Uint8Array): boolean => {
        this.output += toText(fromBytes(chunk));
        return true;
      },
      onDrain: () => {},
    };
    this.physical = new PhysicalMemory(newMemory(), KERNEL_RAM_BYTES);
    const { physical } = this;
    this.console = new ConsoleDevice(physical, {
      stdout: sink,
      stderr: sink,
      log,
      ...(options.terminal && { size: options.terminal }),
    });
    const net = new NetDevice(physical, { publish: new Map(), outbound: "none", log });
    this.machine = new MachineKernel(
      { name: "test", args: ["test", "argument"], env: ["HOME=/root"], memoryLimit: MEMORY_PAGES_MAX * PAGE_BYTES },
      physical,
      {
        clock: new ClockDevice(physical, { source: this.time, log }).mmio,
        entropy: new EntropyDevice(physical, { log }).mmio,
        console: this.console.mmio,
        net: net.mmio,
      },
      {
        defer: (turn) => void this.#turns.push(turn),
        log,
        ended: (end) => {
          this.end = end;
          net.close();
        },
      },
    );
    prepare(this.process);
  }

  /** Process 1. */
  get process(): Process {
    return this.machine.init;
  }

  /** A child of `parent`, with copies of its descriptors, as fork(2) makes it; it has no threads yet. */
  fork(parent = this.process): Process {
    const space = parent.linux.space as AddressSpace;
    const memory = newMemory(parent.mem.size / PAGE_BYTES);
    for (const [start, end] of space.usedRanges()) memory.u8.set(parent.mem.u8.subarray(start, end), start);
    const child = this.machine.addProcess(parent, memory);
    child.linux.space = space.clone(child);
    return child;
  }

  /** A new thread. */
  thread(process = this.process): TestThread {
    return new TestThread(process);
  }

  /** A call of the process' own thread: for those that do not park. A negated errno is shown by its name. */
  call(name: string, ...args: Argument[]): number | string {
    return this.callOf(this.process, name, ...args);
  }

  callOf(process: Process, name: string, ...args: Argument[]): number | string {
    let thread = this.#threads.get(process);
    if (!thread || thread.parked) {
      thread = this.thread(process);
      this.#threads.set(process, thread);
    }
    return said(thread.call(name, ...args));
  }

  /** The same, where only success is expected. */
  must(name: string, ...args: Argument[]): number {
    const result = this.call(name, ...args);
    if (typeof result === "string") throw new Error(`${name}: ${result}`);
    return result;
  }

  /** Runs turns until there is nothing to do. */
  run(): void {
    for (let turn = this.#turns.shift(); turn; turn = this.#turns.shift()) turn();
  }

  /** Moves the clock, and runs what is due. */
  advance(ms: number): void {
    this.time.advance(ms);
    this.machine.requestTurn();
    this.run();
  }

  /** Bytes of process 1's memory as text. */
  text(ptr: number, length: number): string {
    return this.process.mem.text(ptr, length);
  }

  /** Places bytes, or text, in memory. */
  put(ptr: number, bytes: Uint8Array | string): void {
    this.process.mem.u8.set(typeof bytes === "string" ? toBytes(toByteString(bytes)) : bytes, ptr);
  }
}

export class TestThread {
  readonly task: Task;
  readonly process: Process;
  /** What the last call answered; null while it is parked. */
  result: number | null = null;
  /** What the last call has thrown where it was resumed: the end of the process. */
  thrown: unknown = null;
  #row: Row | null = null;
  #args: number[] = [];

  constructor(process: Process) {
    const { scheduler } = process;
    this.process = process;
    const tid = process.threadCount === 0 ? process.pid : scheduler.nextPid();
    this.task = new Task(tid, true, scheduler, process);
    this.task.state = TASK_RUNNING;
    const stack = new WebAssembly.Global({ value: "i32", mutable: true }, STACKS - (tid % STACKS_MAX) * STACK_BYTES);
    const instance = new GuestInstance({ exports: { __stack_pointer: stack } } as unknown as WebAssembly.Instance);
    instance.functionAt = (pointer) => (handlers[pointer] ?? null) as never;
    instance.plainTypeAt = () => ({ parameters: 3, returns: false });
    this.task.linux = new LinuxThread(instance, { pointer: 0, args: [] });
    process.linux.signals.handlerTable ??= new HandlerTable() as unknown as WebAssembly.Table;
    scheduler.tasks.set(this.task.tid, this.task);
    process.tasks.add(this.task);
  }

  get parked(): boolean {
    return this.result === null && this.task.state === TASK_PARKED;
  }

  get isDead(): boolean {
    return this.task.state === TASK_DEAD;
  }

  /** The stack pointer: a handler is given one below. */
  get stackPointer(): number {
    return this.task.linux?.instance.stackPointer ?? 0;
  }

  set stackPointer(address: number) {
    if (this.task.linux) this.task.linux.instance.stackPointer = address;
  }

  /** sigaction(2). A handler may make calls on the thread that do not park, and throws to leave by longjmp. */
  handle(signo: number, handler: SignalHandler | number, flags = 0, mask: readonly number[] = []): void {
    const pointer = typeof handler === "number" ? handler : Math.max(2, handlers.length);
    if (typeof handler !== "number") handlers[pointer] = handler;
    const action = new DataView(new ArrayBuffer(24));
    action.setUint32(0, pointer, true);
    action.setUint32(4, flags >>> 0, true);
    const set = new SignalSet();
    for (const blocked of mask) set.add(blocked);
    action.setInt32(16, set.low, true);
    action.setInt32(20, set.high, true);
    const result = this.call("rt_sigaction", signo, new Uint8Array(action.buffer), 0, 8);
    if (result !== 0) throw new Error(`rt_sigaction: ${said(result)}`);
  }

  /** Makes a call of the Linux table. Whatever it throws (the end of the process) passes through. */
  call(name: string, ...args: Argument[]): number {
    const row = LINUX_ROWS.get(name);
    if (!row) throw new Error(`no row ${name}`);
    this.#row = row;
    this.#args = this.#place(args);
    return this.#running(() => bindLinuxTry(this.process, row)(...this.#args));
  }

  /** The thread runs, until its call parks or ends. */
  #running(call: () => number): number {
    const { scheduler } = this.process;
    const before = scheduler.current;
    scheduler.current = this.task;
    this.#switch();
    try {
      return this.#ended(call());
    } finally {
      scheduler.current = before;
    }
  }

  /** What the continuation engine does with a stack: here the retry is the stack. */
  readonly #resume = (tid: number): void => {
    const { scheduler } = this.process;
    this.#switch();
    try {
      this.#ended(bindLinuxRetry(this.process, this.#row as Row)(tid, ...this.#args));
    } catch (error) {
      if (!(error instanceof GuestExit)) throw error;
      this.thrown = error;
    } finally {
      scheduler.parked();
    }
  };

  /** What the scheduler does when another process' stack begins to run. */
  #switch(): void {
    const { machine, linux } = this.process;
    if (lastRun.get(machine) === this.process) return;
    lastRun.set(machine, this.process);
    linux.space?.enter();
  }

  #ended(first: number): number {
    let result = first;
    while (result === RUN_HANDLER && this.#runHandler()) {
      result = bindLinuxRetry(this.process, this.#row as Row)(HANDLER_RETURNED, ...this.#args);
    }
    if (result === WOULD_BLOCK) {
      this.result = null;
      this.task.resume = this.#resume;
    } else this.result = result;
    return result;
  }

  /** What the shim does. False for a handler that is none of ours. */
  #runHandler(): boolean {
    const { signals } = this.process.linux;
    if (!(signals.handlerTable instanceof HandlerTable)) return false;
    const { handler } = signals.handlerTable;
    const row = this.#row;
    const args = this.#args;
    handler(signals.signo, signals.siginfo, signals.ucontext);
    this.#row = row;
    this.#args = args;
    return true;
  }

  #place(args: readonly Argument[]): number[] {
    const { mem } = this.process;
    let at = ARGUMENTS;
    return args.map((argument) => {
      if (typeof argument === "number") return argument;
      const bytes = typeof argument === "string" ? toBytes(`${toByteString(argument)}\0`) : argument;
      if (at + bytes.length > ARGUMENTS_END) throw new Error("arguments too long for the fixture");
      mem.u8.set(bytes, at);
      const ptr = at;
      at = (at + bytes.length + 7) & ~7;
      return ptr;
    });
  }
}

/** Whose thread has run last. */
const lastRun = new WeakMap<MachineKernel, Process>();

function newMemory(initial = MEMORY_PAGES): GuestMemory {
  return new GuestMemory(new WebAssembly.Memory({ initial, maximum: MEMORY_PAGES_MAX }));
}

function prepare(process: Process): void {
  process.mem.nullIsMemory = false;
  process.linux.space = new AddressSpace(process, MEMORY_PAGES_MAX * PAGE_BYTES);
}

/** "ENOENT" for -2, else the result. */
export function said(result: number): number | string {
  return result < 0 && result > -4096 ? errnoName(result) : result;
}
