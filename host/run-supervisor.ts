/**
 * The main thread of `ringzero run`, while the machine lives in a thread of its own (machine-worker.ts): it keeps the signals, the
 * machine's own lines on stderr, the entry in the run registry and the exit code. It does nothing else, so that it can always answer:
 * a guest that loops without a system call blocks the thread it runs on, and every signal handler there.
 *
 * The first SIGINT or SIGTERM asks the guest to end. A second one, or no end within the time limit, ends it: by the machine where
 * its thread still answers, otherwise by Worker.terminate, which V8 honours at the next turn of any loop, Wasm or JavaScript, and which
 * costs the guest nothing until then.
 */
import type { Worker } from "node:worker_threads";
import { type FromMachine, type RunRequest, type ToMachine, takeThread } from "./machine-thread.ts";
import { register, unregister } from "./run-registry.ts";
import { UsageError } from "./usage-error.ts";

/** 128 + SIGKILL. */
const CODE_KILLED = 137;
/** As Node reports an uncaught exception. */
const CODE_CRASHED = 1;
/** After so long without an answer from the machine's thread the user is told what is going on. */
const BUSY_AFTER_MS = 2000;
/** What the machine's thread gets to tell an end that is due, before it is taken out of its hands. */
const GRACE_MS = 1000;

/** Signals that are the guest's business alone: what it does with them is up to it. */
const PASSED_ON = ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const;

type StopSignal = "SIGINT" | "SIGTERM";

/** Runs a machine to its end and ends the process with its exit code. Rejects if it cannot boot, after its last words are out. */
export function supervise(request: RunRequest, stopTimeoutMs: number): Promise<never> {
  return new Promise((_, reject) => new Supervisor(request, stopTimeoutMs, reject));
}

class Supervisor {
  readonly #request: RunRequest;
  readonly #stopTimeoutMs: number;
  readonly #worker: Worker = takeThread();
  readonly #startedMs = Date.now();
  #name: string;
  #asked: StopSignal | null = null;
  #answered = false;
  #terminating = false;

  constructor(request: RunRequest, stopTimeoutMs: number, failed: (error: Error) => void) {
    this.#request = request;
    this.#stopTimeoutMs = stopTimeoutMs;
    this.#name = request.image;
    process.on("SIGINT", () => this.#onSignal("SIGINT")).on("SIGTERM", () => this.#onSignal("SIGTERM"));
    for (const signal of PASSED_ON) process.on(signal, () => this.#send({ kind: "signal", signal }));
    this.#worker
      .on("message", (message: FromMachine) => this.#onMessage(message, failed))
      .on("error", (error: Error) => this.#exit(CODE_CRASHED, error.stack ?? error.message));
    this.#send({ kind: "run", request });
  }

  #onMessage(message: FromMachine, failed: (error: Error) => void): void {
    if (message.kind === "named") {
      this.#name = message.name;
      this.#register([]);
    } else if (message.kind === "ready") {
      if (message.addresses.length === 0) return;
      this.#register(message.addresses);
      say(`ready ${this.#name} ${message.addresses.join(" ")} boot=${message.bootMs} ms`);
    } else if (message.kind === "asked") this.#answered = true;
    else if (message.kind === "failed") {
      unregister(process.pid);
      failed(message.usage ? new UsageError(message.error.message) : message.error);
    } else {
      const { code, reason } = message.status;
      this.#exit(code, reason === null ? null : `ringzero: ${this.#name}: ${reason}`);
    }
  }

  #onSignal(signal: StopSignal): void {
    if (this.#asked) {
      const why = "a second signal came before the guest had ended";
      if (this.#answered) this.#send({ kind: "kill" });
      else void this.#terminate(why);
      setTimeout(() => void this.#terminate(why), GRACE_MS);
      return;
    }
    this.#asked = signal;
    this.#send({ kind: "stop", signal, timeoutMs: this.#stopTimeoutMs });
    setTimeout(() => {
      if (!this.#answered)
        say(`ringzero: ${this.#name}: busy, it has not seen the ${signal} yet (send another to end it at once)`);
    }, BUSY_AFTER_MS);
    setTimeout(
      () => void this.#terminate(`it did not end within ${this.#stopTimeoutMs} ms`),
      this.#stopTimeoutMs + GRACE_MS,
    );
  }

  async #terminate(why: string): Promise<void> {
    if (this.#terminating) return;
    this.#terminating = true;
    unregister(process.pid);
    // A thread inside a blocking call of the host's does not end either: then the process does, to the same exit code.
    setTimeout(() => process.kill(process.pid, "SIGKILL"), GRACE_MS);
    say(`ringzero: ${this.#name}: killed: ${why}`);
    await this.#worker.terminate();
    this.#exit(CODE_KILLED, null);
  }

  #register(addresses: readonly string[]): void {
    const { image } = this.#request;
    try {
      register({ name: this.#name, image, addresses, startedMs: this.#startedMs, stopTimeoutMs: this.#stopTimeoutMs });
    } catch (error) {
      if (addresses.length === 0)
        say(`ringzero: ${this.#name}: \`ringzero stop\` will not find it: ${(error as Error).message}`);
    }
  }

  #exit(code: number, line: string | null): void {
    unregister(process.pid);
    if (line === null) process.exit(code);
    say(line, () => process.exit(code));
  }

  #send(message: ToMachine): void {
    this.#worker.postMessage(message);
  }
}

function say(line: string, then = (): void => {}): void {
  process.stderr.once("error", () => {}); // nobody reads it: `2>&1 | head`
  process.stderr.write(`${line}\n`, then);
}
