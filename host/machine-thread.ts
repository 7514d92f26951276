/**
 * The thread that the machine of `ringzero run` lives in, and the messages between it (machine-worker.ts) and the main thread
 * (run-supervisor.ts). This file imports nothing else: what it loads delays the start of the thread.
 */
import { Worker } from "node:worker_threads";
import type { ExitStatus, GuestSignal } from "./machine.ts";
import type { BootOptions } from "./options.ts";

/** What `ringzero run` was asked for. Plain data: it crosses a thread boundary. */
export interface RunRequest {
  readonly image: string;
  readonly options: Omit<BootOptions, "stdin" | "log"> & { readonly shards?: number };
}

export type ToMachine =
  | { readonly kind: "run"; readonly request: RunRequest }
  /** Ask the guest to end; answered by `asked` at once, by `ended` later. */
  | { readonly kind: "stop"; readonly signal: "SIGINT" | "SIGTERM"; readonly timeoutMs: number }
  /** Pass a signal on to the guest. */
  | { readonly kind: "signal"; readonly signal: GuestSignal }
  /** End the machine now, as SIGKILL would. */
  | { readonly kind: "kill" };

export type FromMachine =
  /** The machine is about to start. */
  | { readonly kind: "named"; readonly name: string }
  /** The guest listens on every published port, at these host addresses (none if nothing is published). */
  | { readonly kind: "ready"; readonly addresses: readonly string[]; readonly bootMs: number }
  | { readonly kind: "asked" }
  /** The machine has ended, and what the guest wrote has been passed on. */
  | { readonly kind: "ended"; readonly status: ExitStatus }
  /** The machine could not boot; `usage` if the user can mend it. */
  | { readonly kind: "failed"; readonly error: Error; readonly usage: boolean };

let prepared: Worker | null = null;

/** Starts the thread ahead of its request. */
export function prepareThread(): void {
  prepared = startThread();
}

/** The prepared thread, or a new one. */
export function takeThread(): Worker {
  const thread = prepared ?? startThread();
  prepared = null;
  return thread;
}

function startThread(): Worker {
  // The extension is .ts in a checkout and .js in the package.
  const worker = import.meta.url.replace(/machine-thread(\.\w+)$/, "machine-worker$1");
  // Not started from its file: the compile cache must be on before that is loaded, or its types are stripped anew each time (20 ms).
  const entry = `require("node:module").enableCompileCache?.(); import(${JSON.stringify(worker)});`;
  return new Worker(entry, { eval: true, name: "machine" });
}
