/**
 * The way into a guest that passes no socket: requests as bytes, answers as bytes, on a connection of the caller's own that the kernel makes.
 *
 * `Caller.call` runs a ring guest's request handler at once, in the caller's own stack: the bytes are copied into a receive buffer of the
 * guest's, its dispatch runs, what it has sent by then is copied out. Nothing waits for the event loop. What comes later (a blocking
 * command, a file that has to be written first) is waited for by `answer`. Guests with threads answer in turns only: `answer` again.
 *
 * What always holds: answers come in the order of the requests, each byte once. The guest never runs while it or the kernel is running.
 * Callers are made by Machine.
 */
import { EAGAIN } from "../kernel/abi/errno.ts";
import type { MachineKernel } from "../kernel/machine-kernel.ts";
import type { CallerLink } from "../kernel/net/caller-link.ts";

/** A request, or several: text is sent as UTF-8. */
export type CallRequest = string | Uint8Array | readonly (string | Uint8Array)[];

export interface AnswerOptions {
  /** Whether these bytes are the whole answer. Default: whatever the guest has sent once it gives control back is. */
  readonly until?: (answer: Uint8Array) => boolean;
  /** Gives up waiting; the connection is closed then. */
  readonly signal?: AbortSignal;
}

export type CallErrorCode =
  /** Nobody listens on that port of the guest's. */
  | "ECONNREFUSED"
  /** The guest has closed the connection. */
  | "ECONNRESET"
  /** The caller has been closed. */
  | "EPIPE"
  /** The machine has ended, perhaps because of this very call. */
  | "ESHUTDOWN"
  /** Called from inside the machine's own doing (one of its streams' handlers): the guest is running. */
  | "EDEADLK"
  /** The guest does not answer from callbacks: it takes `answer`, or `machine.call`. */
  | "EOPNOTSUPP"
  /** Too many connections wait for the guest, or it has not taken the bytes of the last call. */
  | "EAGAIN";

export class CallError extends Error {
  readonly code: CallErrorCode;

  constructor(code: CallErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What callers need of their machine. */
export interface CallHost {
  readonly name: string;
  readonly kernel: MachineKernel;
  /** How it ended, in words; null while it runs. */
  readonly epitaph: string | null;
}

const encoder = new TextEncoder();

export class Caller {
  readonly port: number;
  readonly #host: CallHost;
  readonly #link: CallerLink;
  #closed = false;
  /** Who waits in `answer`. */
  #wake: (() => void) | null = null;

  /** Throws CallError. */
  constructor(host: CallHost, port: number) {
    this.#host = host;
    this.port = port;
    this.#mayRun();
    const link = host.kernel.net.connectCaller(port);
    if (typeof link === "number") {
      throw link === -EAGAIN
        ? new CallError("EAGAIN", `${host.name}: too many connections wait for guest port ${port}`)
        : new CallError("ECONNREFUSED", `${host.name}: the guest does not listen on port ${port}`);
    }
    this.#link = link;
    link.onOutput = this.#output;
    host.kernel.dispatchNow(); // a ring guest accepts
  }

  /** True once there is nobody to call any more: closed here, by the guest, or with the machine. What it has sent can still be taken. */
  get closed(): boolean {
    return this.#closed || this.#link.ended;
  }

  /**
   * Hands the guest a request, or several, and answers with what it has sent when it gives control back, behind what it had sent before and
   * nobody has taken; empty if the answer takes longer (see `answer`). For guests that answer from callbacks. Throws CallError.
   */
  call(request: CallRequest): Uint8Array {
    this.#mayRun();
    const link = this.#link;
    if (!link.onRing) this.#refuse();
    if (link.inputBytes > 0)
      throw new CallError("EAGAIN", `${this.#host.name}: the guest has not taken the last request`);
    this.#give(request);
    const { kernel } = this.#host;
    kernel.dispatchNow();
    if (link.inputBytes === 0 && !kernel.over) return link.collect();
    return this.#rest();
  }

  /** Sends a request without looking for an answer. Throws CallError. */
  send(request: CallRequest): void {
    if (this.closed) this.#refuse();
    this.#give(request);
  }

  /** What the guest has sent and nobody has taken, perhaps nothing. */
  take(): Uint8Array {
    return this.#link.collect();
  }

  /** Waits until the guest has sent something, or enough. Rejects with CallError if it ends the connection before. One at a time. */
  async answer({ until, signal }: AnswerOptions = {}): Promise<Uint8Array> {
    if (this.#wake) throw new CallError("EAGAIN", `${this.#host.name}: somebody waits for an answer already`);
    const abort = (): void => this.close();
    signal?.addEventListener("abort", abort);
    try {
      let answer = this.take();
      while (answer.length === 0 || (until && !until(answer))) {
        signal?.throwIfAborted();
        if (this.closed && this.#link.outputBytes === 0) this.#refuse();
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (this.closed || this.#link.outputBytes > 0) resolve();
        });
        this.#wake = null;
        answer = answer.length === 0 ? this.take() : concat([answer, this.take()]);
      }
      return answer;
    } finally {
      this.#wake = null;
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Hangs up: the guest sees the end of the connection. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#link.hangUp();
    this.#wake?.();
  }

  /** Runs inside the guest's system calls: whoever waits goes on once the turn is over. */
  readonly #output = (): void => {
    this.#wake?.();
  };

  #give(request: CallRequest): void {
    const link = this.#link;
    if (typeof request === "string") link.give(encoder.encode(request));
    else if (request instanceof Uint8Array) link.give(request);
    else for (const one of request) link.give(typeof one === "string" ? encoder.encode(one) : one);
  }

  /** The guest has more to read, or has ended: it goes on as long as it reads. */
  #rest(): Uint8Array {
    const link = this.#link;
    const { kernel } = this.#host;
    const answers = [link.collect()];
    for (let before = -1; link.inputBytes > 0 && link.inputBytes !== before; ) {
      before = link.inputBytes;
      link.pump();
      kernel.dispatchNow();
      answers.push(link.collect());
    }
    if (kernel.over) this.#refuse();
    return concat(answers);
  }

  #mayRun(): void {
    const { kernel, name } = this.#host;
    if (kernel.over) this.#refuse();
    if (kernel.busy) {
      throw new CallError(
        "EDEADLK",
        `${name}: the guest is running: it cannot be called from what it has brought about`,
      );
    }
  }

  /** Why nothing can be called. */
  #refuse(): never {
    const { name, epitaph } = this.#host;
    if (epitaph !== null) throw new CallError("ESHUTDOWN", `${name} has ended: ${epitaph}`);
    if (this.#closed) throw new CallError("EPIPE", `${name}: the caller has been closed`);
    if (this.#link.ended) throw new CallError("ECONNRESET", `${name}: the guest has closed the connection`);
    throw new CallError(
      "EOPNOTSUPP",
      `${name} does not answer from callbacks, so it cannot be called at once: use machine.call, or send and answer`,
    );
  }
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Callers for requests that stand by themselves: `Machine.call`. */
export class CallerPool {
  readonly #host: CallHost;
  /** Idle ones, by port. */
  readonly #idle = new Map<number, Caller[]>();

  constructor(host: CallHost) {
    this.#host = host;
  }

  async call(port: number, request: CallRequest, options: AnswerOptions = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    const { kernel } = this.#host;
    while (kernel.busy) await new Promise<void>((resolve) => void setImmediate(resolve));
    const caller = this.#take(port);
    caller.send(request);
    kernel.dispatchNow();
    const answer = await caller.answer(options);
    const idle = this.#idle.get(port);
    if (idle) idle.push(caller);
    else this.#idle.set(port, [caller]);
    return answer;
  }

  /** An idle caller to which the guest has nothing more to say, or a new one. */
  #take(port: number): Caller {
    const idle = this.#idle.get(port);
    for (let caller = idle?.pop(); caller; caller = idle?.pop()) {
      if (!caller.closed && caller.take().length === 0) return caller;
      caller.close();
    }
    return new Caller(this.#host, port);
  }
}
