/**
 * The CPU time of a process: how long stacks of its threads have run, system calls included. Milliseconds.
 *
 * The scheduler reads the clock when a stack begins to run and when none runs any more, and at switches between processes. Which thread
 * of a process has used it is measured from the moment on at which a program first asks (`threadMs`).
 */
import type { Task } from "../sched/task.ts";
import type { Process } from "./process.ts";

export class CpuTime {
  /** Of the children that have been waited for, and of theirs. */
  childrenMs = 0;
  /** Of threads that have ended. */
  #endedMs = 0;
  readonly #process: Process;

  constructor(process: Process) {
    this.#process = process;
  }

  processMs(): number {
    const { scheduler, tasks } = this.#process;
    let ms = this.#endedMs;
    for (const task of tasks) ms += scheduler.cpuMs(task);
    return ms;
  }

  threadMs(task: Task): number {
    const { scheduler } = this.#process;
    scheduler.timesThreads = true;
    return scheduler.cpuMs(task);
  }

  /** A thread has ended and left `tasks`. */
  threadEnded(task: Task): void {
    this.#endedMs += this.#process.scheduler.cpuMs(task);
  }

  /** A child has been waited for. */
  childReaped({ linux: { cpu } }: Process): void {
    this.childrenMs += cpu.processMs() + cpu.childrenMs;
  }
}
