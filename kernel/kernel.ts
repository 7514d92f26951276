/**
 * The kernel as one process sees it: the machine's objects, the process' own (memory, descriptors, place in the file system), and the
 * scheduler's two verbs for handlers, `block` and `timedOut`. It imports nothing from Node and holds no global state: machines are values.
 *
 * Calls run to completion on one JavaScript thread; `current` is the task on whose behalf the running handler acts.
 */
import type { FdTable } from "./fs/fd-table.ts";
import type { Vfs } from "./fs/vfs.ts";
import type { GuestMemory } from "./mem/guest-memory.ts";
import type { PhysicalMemory } from "./mem/physical.ts";
import type { NetworkStack } from "./net/network-stack.ts";
import type { Credentials } from "./process/credentials.ts";
import type { FsContext } from "./process/fs-context.ts";
import type { LinuxState } from "./process/linux-state.ts";
import type { Ring } from "./ring/ring.ts";
import type { Scheduler } from "./sched/scheduler.ts";
import type { Task } from "./sched/task.ts";
import type { Timers } from "./sched/timers.ts";
import type { WaitQueue } from "./sched/wait-queue.ts";
import type { ClockDriver } from "./virtio/clock.ts";
import type { ConsoleDriver } from "./virtio/console.ts";
import type { EntropyDriver } from "./virtio/entropy.ts";
import type { ShardDriver } from "./virtio/shard.ts";

/** What the machine was booted with, as the guest may ask for it. */
export interface BootParameters {
  readonly name: string;
  /** argv[0] is the image's name. */
  readonly args: readonly string[];
  /** "NAME=value". */
  readonly env: readonly string[];
  /** Bytes that linear memory may grow to. */
  readonly memoryLimit: number;
  /** The number of the first process; 1 if it is left out. */
  readonly pid?: number;
}

export interface Kernel {
  readonly boot: BootParameters;
  readonly physical: PhysicalMemory;
  /** The guest's linear memory: the untrusted-pointer accessor. */
  readonly mem: GuestMemory;
  readonly scheduler: Scheduler;
  readonly timers: Timers;
  readonly fds: FdTable;
  /** The process' root, working directory and umask. */
  readonly fs: FsContext;
  readonly vfs: Vfs;
  readonly net: NetworkStack;
  readonly clock: ClockDriver;
  readonly entropy: EntropyDriver;
  readonly console: ConsoleDriver;
  /** The way to the other shards; null in a machine that is alone. */
  readonly shards: ShardDriver | null;
  /** The completion ring, once the guest has called ring_setup. */
  ring: Ring | null;
  /** The task on whose behalf the running handler acts. */
  readonly current: Task;
  /** The process: its number, and its parent's (0 for process 1). */
  readonly pid: number;
  readonly ppid: number;
  readonly credentials: Credentials;
  /** Every process of the machine, zombies included, by number. */
  readonly processes: ReadonlyMap<number, Kernel>;
  /** What the Linux personality keeps of the process. */
  readonly linux: LinuxState | null;
  /** By address: who waits in FUTEX_WAIT. */
  readonly futexes: Map<number, WaitQueue>;
  /** Live threads of the process; the scheduler's and the process' own. */
  readonly tasks: Set<Task>;
  readonly threadCount: number;

  /**
   * Parks the calling task on `queue` once its handler has returned this value (WOULD_BLOCK); the call is tried again when the
   * queue is woken or `timeoutMs` (below 0: never) has passed since its first try. In a context without a stack it returns -EDEADLK,
   * after an interruption -EINTR, so handlers just return what they get.
   */
  block(queue: WaitQueue | null, timeoutMs?: number): number;
  /** The same for several queues (poll, epoll over nothing). */
  blockOnAll(queues: readonly WaitQueue[], timeoutMs?: number): number;
  /** True in a retry whose deadline has passed. */
  timedOut(): boolean;
  /** A function that the guest exports, or null. */
  guestExport(name: string): ((...args: number[]) => unknown) | null;
  /** Ends the process with this exit status, and with process 1 the machine: nothing of it runs again. */
  exit(status: number): void;
  /** Asks the host for a turn: device interrupts, timers, ready tasks and the ring are looked at in it. */
  requestTurn(): void;
  /** One line on the machine's own log (stderr of the CLI), for what a user has to know. */
  log(line: string): void;
}
