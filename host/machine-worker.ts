/**
 * The machine's side of `ringzero run`: boots what it is sent, and passes the guest's input and output on, straight from and to the
 * process' descriptors 0, 1 and 2. It runs in a thread of its own (machine-thread.ts) that a looping guest may block; it never ends by
 * itself, the main thread does that.
 */
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { type MessagePort, parentPort } from "node:worker_threads";
import { sharded } from "./boot.ts";
import { loadImage } from "./image.ts";
import { Machine } from "./machine.ts";
import type { FromMachine, RunRequest, ToMachine } from "./machine-thread.ts";
import type { ShardedMachine } from "./shards/sharded-machine.ts";
import { flushed, isTerminal, openInput, openOutput } from "./standard-streams.ts";
import { UsageError } from "./usage-error.ts";

const port = parentPort as MessagePort;
const post = (message: FromMachine): void => port.postMessage(message);
let machine: Machine | ShardedMachine | null = null;
let stopped: "SIGINT" | "SIGTERM" | null = null;

port.on("message", (message: ToMachine) => {
  if (message.kind === "run") {
    run(message.request).catch((error: Error) => post({ kind: "failed", error, usage: error instanceof UsageError }));
  } else if (message.kind === "stop") {
    post({ kind: "asked" });
    stopped = message.signal;
    void machine?.stop(message);
  } else if (message.kind === "signal") machine?.signal(message.signal);
  else machine?.kill();
});

async function run({ image: source, options }: RunRequest): Promise<void> {
  const startedMs = performance.now();
  const image = await loadImage(source);
  // A server does not read the terminal: `ringzero run redis &` would be stopped for trying (SIGTTIN).
  const isServer = (image.manifest.ports ?? []).length > 0;
  const stdin = isServer && isTerminal(0) ? {} : { stdin: openInput() };
  const { shards, ...single } = options;
  const subject =
    shards === undefined ? new Machine(image, { ...single, ...stdin }) : await sharded(image, { ...single, shards });
  post({ kind: "named", name: subject.name });
  const outputs = [openOutput(1), openOutput(2)] as const;
  const delivered = [deliver(subject.stdout, outputs[0]), deliver(subject.stderr, outputs[1])];
  // The streams flow from the next turn on; from then on what the guest writes is out before its write returns, whatever it does next.
  await new Promise((resolve) => setImmediate(resolve));
  if (stopped) {
    post({ kind: "ended", status: { code: 128 + constants.signals[stopped], reason: null } });
    return;
  }
  machine = subject;
  let failure: Error | null = null;
  try {
    await subject.start();
    const ports = subject.publications.map(({ host, port }) =>
      host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
    );
    const addresses = [...ports, ...subject.paths.map(({ hostPath }) => hostPath)];
    post({ kind: "ready", addresses, bootMs: Math.round(performance.now() - startedMs) });
  } catch (error) {
    // A guest that ends before it listens has failed, unless it was asked to.
    if (!stopped) failure = error as Error;
  }
  const status = await subject.exited;
  await Promise.all(delivered);
  await Promise.all(outputs.map(flushed));
  if (failure) throw failure;
  post({ kind: "ended", status });
}

/**
 * Passes the guest's output on; settles once all of it has been. Where that fails (a full disk; a reader that went away, `| head`) the rest is
 * dropped, and the guest's writes answer EPIPE.
 */
async function deliver(from: Readable, to: Writable): Promise<void> {
  to.on("error", () => from.destroy());
  from.pipe(to, { end: false });
  await finished(from).catch(() => {});
}
