/**
 * How the thread that booted a machine of several shards and the threads that they live in talk: comlink over Node's message ports. This is the one
 * place that knows of the adapter; both sides see an object with methods that answer promises.
 */
import type { MessagePort } from "node:worker_threads";
import * as Comlink from "comlink";
import adapter from "comlink/dist/umd/node-adapter.js";
import type { ShardLink } from "../devices/shard.ts";
import type { Image } from "../image.ts";
import type { ExitStatus, GuestSignal, StopOptions } from "../machine.ts";
import type { BootOptions, Publication } from "../options.ts";

/** The package's type declarations say that the function is in `default`; Node gives the function itself. */
const nodeEndpoint = adapter as unknown as typeof adapter.default;

export interface ShardRequest {
  readonly image: Image;
  readonly options: Omit<BootOptions, "stdin" | "log">;
  readonly link: ShardLink;
  /** True: lines of the machine's own go to `ShardSink.log`. */
  readonly logs: boolean;
}

/** What a shard tells, while it lives. */
export interface ShardSink {
  /** The guest wrote to descriptor 1 or 2. The shard goes on writing once this has settled. */
  output(descriptor: 1 | 2, chunk: Uint8Array): void | Promise<void>;
  /** A line of the machine's own; asked for by `logs`, else it goes to descriptor 2. */
  log(line: string): void;
}

/** Settled, or why not; `usage` if the caller of `boot` can mend it. */
export type BootResult =
  | { readonly publications: readonly Publication[] }
  | { readonly error: string; readonly usage: boolean };

/** The methods of a shard. */
export interface ShardControl {
  /** Boots; settles once the guest listens on everything that is published. */
  boot(request: ShardRequest, sink: ShardSink): Promise<BootResult>;
  /** Settles when the machine has ended and its output has been passed on. */
  exited(): Promise<ExitStatus>;
  stop(options: StopOptions): void;
  signal(signal: GuestSignal): void;
  kill(): void;
  /** Connects `port`, the other end of a PortStream, to a guest port. */
  connect(guestPort: number, port: MessagePort): void;
}

export type RemoteShard = Comlink.Remote<ShardControl>;
type Endpoint = Parameters<typeof nodeEndpoint>[0];

/** The shard at the other end of a worker. */
export function remoteShard(worker: unknown): RemoteShard {
  return Comlink.wrap<ShardControl>(nodeEndpoint(worker as Endpoint));
}

export function exposeShard(control: ShardControl, port: MessagePort): void {
  Comlink.expose(control, nodeEndpoint(port as unknown as Endpoint));
}

/** Marks an argument whose message ports move to the other thread. */
export function moving<T extends object>(value: T, ports: readonly MessagePort[]): T {
  return Comlink.transfer(value, ports as unknown as Transferable[]);
}

/** Marks an argument whose methods the other thread may call. */
export function callable<T extends object>(value: T): T {
  return Comlink.proxy(value);
}
