/**
 * A machine for unit tests of the Linux personality: the real kernel with all its devices, a virtual clock, and processes without a program,
 * whose threads make the calls that a test tells them to, through the same dispatch as a program's.
 *
 *     const m = new LinuxMachine(); const t = m.thread();
 *     t.call("openat", AT_FDCWD, "/a", O_RDWR | O_CREAT, 0o644)   -> the result; a string is placed in memory, NUL-terminated
 *     t.call("read", fd, m.buffer, 8)                              -> WOULD_BLOCK: t.parked; m.run() runs what has been woken; t.result
 *
 * What runs no guest cannot run a signal handler: a call that ends by one answers RUN_HANDLER or RUN_SIGACTION.
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
import { TASK_DEAD, TASK_PARKED, TASK_RUNNING, Task, WOULD_BLOCK } from "../../../kernel/sched/task.ts";
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
/** The smallest module there is: a thread has to have an instance. */
const EMPTY_MODULE = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

export type Argument = number | string | Uint8Array;

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
  #row: Row | null = null;
  #args: number[] = [];

  constructor(process: Process) {
    const { scheduler } = process;
    this.process = process;
    const tid = process.threadCount === 0 ? process.pid : scheduler.nextPid();
    this.task = new Task(tid, true, scheduler, process);
    this.task.state = TASK_RUNNING;
    this.task.linux = new LinuxThread(new GuestInstance(new WebAssembly.Instance(module)), { pointer: 0, args: [] });
    scheduler.tasks.set(this.task.tid, this.task);
    process.tasks.add(this.task);
  }

  get parked(): boolean {
    return this.result === null && this.task.state === TASK_PARKED;
  }

  get isDead(): boolean {
    return this.task.state === TASK_DEAD;
  }

  /** Makes a call of the Linux table. Whatever it throws (the end of the process) passes through. */
  call(name: string, ...args: Argument[]): number {
    const row = LINUX_ROWS.get(name);
    if (!row) throw new Error(`no row ${name}`);
    this.#row = row;
    this.#args = this.#place(args);
    const { scheduler } = this.process;
    scheduler.current = this.task;
    this.process.linux.space?.enter(); // as a switch to this process does
    try {
      return this.#ended(bindLinuxTry(this.process, row)(...this.#args));
    } finally {
      scheduler.current = scheduler.callbackTask;
    }
  }

  /** What the continuation engine does with a stack: here the retry is the stack. */
  readonly #resume = (tid: number): void => {
    const { scheduler } = this.process;
    try {
      this.#ended(bindLinuxRetry(this.process, this.#row as Row)(tid, ...this.#args));
    } finally {
      scheduler.parked();
    }
  };

  #ended(result: number): number {
    if (result === WOULD_BLOCK) {
      this.result = null;
      this.task.resume = this.#resume;
    } else this.result = result;
    return result;
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

const module = new WebAssembly.Module(EMPTY_MODULE);

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
