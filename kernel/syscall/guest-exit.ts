/**
 * What unwinds a guest's stack: thrown through the Wasm frames by a handler, caught where the stack was started. These
 * are the only things that a handler may throw on purpose.
 */

/** The guest has ended itself: exit(2), exit_group(2). */
export class GuestExit extends Error {
  readonly status: number;
  /** True: only the calling thread ends. */
  readonly threadOnly: boolean;

  constructor(status: number, threadOnly = false) {
    super(`exit(${status})`);
    this.status = status;
    this.threadOnly = threadOnly;
  }
}

/** execve(2) has succeeded: the calling stack is of a program that is no more. */
export class ProgramReplaced extends Error {}

/** The guest has aborted: the message says where. */
export class GuestTrap extends Error {}

/** A broken invariant of the kernel: the machine halts, the host process lives. */
export class KernelPanic extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "KernelPanic";
  }
}
