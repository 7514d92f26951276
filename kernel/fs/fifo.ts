/**
 * Named pipes (fifo(7)): the inode that has the pipe, and the open(2) that waits for the other side.
 *
 * A thread that waits is known by its `inflight`: when the other side comes, it is given its end at once (so that the other side may write
 * before it runs again). One that a signal has sent on its way has no `inflight` any more and is not seen.
 */
import { ENXIO } from "../abi/errno.ts";
import { O_NONBLOCK } from "../abi/fcntl.ts";
import type { Kernel } from "../kernel.ts";
import { type Inflight, TASK_PARKED, type Task, WOULD_BLOCK } from "../sched/task.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import { mayRead, mayWrite } from "./access.ts";
import type { File } from "./file.ts";
import { Pipe, PipeEnd } from "./pipe.ts";
import { RamInode } from "./ram-inode.ts";
import type { RamFs } from "./ramfs.ts";

/** An open(2) that waits for the other side. */
export class FifoOpening implements Inflight {
  done = false;
  readonly result = 0;
  readonly task: Task;
  readonly flags: number;
  readonly path: string;
  readonly #fifo: RamFifo;
  #end: PipeEnd | null = null;

  constructor(fifo: RamFifo, task: Task, flags: number, path: string) {
    this.#fifo = fifo;
    this.task = task;
    this.flags = flags;
    this.path = path;
  }

  get isWaiting(): boolean {
    return this.task.inflight === this && this.task.state === TASK_PARKED;
  }

  /** The other side has come. */
  complete(end: PipeEnd): void {
    this.#end = end;
    this.done = true;
  }

  /** The call is tried again. */
  resume(kernel: Kernel): File | number {
    if (!this.#end) return this.#fifo.wait(kernel, this);
    kernel.current.inflight = null;
    return this.#end;
  }
}

export class RamFifo extends RamInode {
  readonly kind = "fifo";
  readonly directory = null;
  readonly symlink = null;
  readonly size = 0;
  readonly allocated = 0;
  readonly pipe = new Pipe();
  readonly #opened = new WaitQueue();
  #openings: FifoOpening[] = [];

  constructor(kernel: Kernel, fs: RamFs, mode: number) {
    super(kernel, fs, mode);
  }

  /** A new end; -ENXIO for a writer with O_NONBLOCK and no reader; WOULD_BLOCK until the other side is there. */
  open(kernel: Kernel, flags: number, path: string): File | number {
    this.#openings = this.#openings.filter((opening) => opening.isWaiting);
    const reads = mayRead(flags);
    const writes = mayWrite(flags);
    const { pipe } = this;
    const isMet = (other: FifoOpening): boolean => (reads && mayWrite(other.flags)) || (writes && mayRead(other.flags));
    const met = this.#openings.filter(isMet);
    const waits =
      met.length === 0 && ((reads && !writes && pipe.writers === 0) || (writes && !reads && pipe.readers === 0));
    if (waits && (flags & O_NONBLOCK) === 0) {
      const opening = new FifoOpening(this, kernel.current, flags, path);
      kernel.current.inflight = opening;
      this.#openings.push(opening);
      return this.wait(kernel, opening);
    }
    if (waits && writes) return -ENXIO;
    for (const opening of met) opening.complete(new PipeEnd(pipe, opening.flags, this, opening.path));
    const end = new PipeEnd(pipe, flags, this, path);
    if (met.length > 0) this.#opened.wake(0);
    return end;
  }

  wait(kernel: Kernel, opening: FifoOpening): number {
    const parked = kernel.block(this.#opened);
    if (parked !== WOULD_BLOCK) opening.task.inflight = null;
    return parked;
  }
}
