/**
 * A machine of several shards (Seastar's model): N machines of one image in threads of their own, which share nothing but the ports they listen
 * on and the rings that messages between them take. To its embedder it looks like one machine.
 *
 * What always holds: the shards live and die together. Each has the keys of its part, so when one ends by itself the others are asked to end,
 * too, and the status names the shard.
 */
import type { Duplex, Readable } from "node:stream";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { isLinuxModule } from "../../kernel/personality/wali.ts";
import type { Image } from "../image.ts";
import { type ExitStatus, type GuestSignal, STOP_TIMEOUT_MS, type StopOptions } from "../machine.ts";
import {
  type BootOptions,
  type PathPublication,
  type Publication,
  parseEnvironment,
  parseMemory,
  parsePathPublications,
  parsePid,
  parsePublications,
  parseShards,
  parseVolumes,
  type ShardedBootOptions,
} from "../options.ts";
import { OutputStream } from "../output-stream.ts";
import { UsageError } from "../usage-error.ts";
import { PortStream } from "./port-stream.ts";
import { callable, moving, type RemoteShard, remoteShard, type ShardRequest } from "./shard-control.ts";
import { shardLinks } from "./shard-links.ts";
import { shardVolumes } from "./shard-volumes.ts";

/** 128 + SIGKILL. */
const CODE_KILLED = 137;
/** As Node reports an uncaught exception. */
const CODE_CRASHED = 1;
/** What a shard gets to tell an end that is due, before its thread is ended. */
const GRACE_MS = 1000;

interface Shard {
  readonly worker: Worker;
  readonly remote: RemoteShard;
  /** Settles when the machine, or the thread under it, has ended. */
  readonly exited: Promise<ExitStatus>;
}

export class ShardedMachine {
  readonly name: string;
  /** How many machines it is made of. */
  readonly shards: number;
  /** What the guests write to descriptors 1 and 2, and the machines' own lines. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** None: a path can have one listener only. */
  readonly paths: readonly PathPublication[] = [];
  /** Settles when all shards have ended; never rejects. */
  readonly exited: Promise<ExitStatus>;
  readonly #image: Image;
  readonly #options: ShardedBootOptions;
  readonly #output: readonly [OutputStream, OutputStream];
  #published: readonly Publication[];
  #members: Shard[] = [];
  #nextConnection = 0;
  /** How it ends: known from the first shard that ended by itself, or from whoever ended it. */
  #status: ExitStatus | null = null;
  #stopping = false;
  #settleExited: (status: ExitStatus) => void = () => {};

  constructor(image: Image, options: ShardedBootOptions) {
    const { manifest } = image;
    this.#image = image;
    this.#options = options;
    this.name = options.name ?? manifest.name;
    this.shards = parseShards(options.shards);
    if (!manifest.shards) {
      const what = isLinuxModule(image.shape) ? "it is a Linux program" : 'its manifest has no "shards": true';
      throw new UsageError(`${manifest.name}: it does not know of shards (${what}): boot it without`);
    }
    this.#published = parsePublications(options.publish);
    if (parsePathPublications(options.publish).length > 0)
      throw new UsageError("publish: several shards cannot listen on one Unix socket: publish a port");
    if (this.shards > 1 && this.#published.length > 0 && !canReusePort())
      throw new UsageError(
        "shards listen on one port together (SO_REUSEPORT): that takes Linux, and Node 22.12 or later",
      );
    // What a machine would find wrong with its options is found here, before threads are started for it.
    parseEnvironment(options.env);
    parsePid(options.pid ?? 1);
    if (options.memory !== undefined) parseMemory(options.memory);
    parseVolumes(options.volumes);
    const stdout = new OutputStream();
    const stderr = new OutputStream();
    this.stdout = stdout;
    this.stderr = stderr;
    this.#output = [stdout, stderr];
    this.exited = new Promise((resolve) => {
      this.#settleExited = resolve;
    });
  }

  /** Starts all shards; settles once each listens on everything that is published. */
  async start(): Promise<void> {
    const volumes = shardVolumes(parseVolumes(this.#options.volumes), this.shards);
    const links = shardLinks(this.shards, undefined, this.#options.seed);
    this.#members = links.map((_, index) => this.#startThread(index));
    void Promise.all(this.#members.map(({ exited }) => exited)).then(() => this.#ended());
    const requests = links.map(
      (link, index): ShardRequest => ({
        image: this.#image,
        options: { ...this.#shardOptions(index), volumes: volumes[index] as Record<string, string> },
        link,
        logs: this.#options.log !== undefined,
      }),
    );
    // The first one is given the ports that any will do for; the others listen on the same.
    await this.#boot(0, requests[0] as ShardRequest);
    await Promise.all(requests.slice(1).map((request, index) => this.#boot(index + 1, request)));
    setImmediate(() => this.#output.forEach((stream) => void stream.keepTailOnly()));
  }

  /** Where the published ports are: with the port numbers that the host gave. */
  get publications(): readonly Publication[] {
    return this.#published;
  }

  /** The host port on which `guestPort` is published. */
  port(guestPort: number): number {
    const found = this.#published.find((publication) => publication.guestPort === guestPort);
    if (!found) throw new UsageError(`${this.name}: guest port ${guestPort} is not published`);
    return found.port;
  }

  /** A connection to a guest port of one of the shards, in turn, that passes no host socket. */
  connect(guestPort: number): Duplex {
    const { port1, port2 } = new MessageChannel();
    const shard = this.#members[this.#nextConnection++ % this.shards] as Shard;
    shard.remote.connect(guestPort, moving(port2, [port2])).catch(() => port1.close());
    return new PortStream(port1);
  }

  /** Asks all shards to end (SIGTERM), and ends those that have not after `timeoutMs`. Settles with how they ended. */
  async stop({ signal = "SIGTERM", timeoutMs = STOP_TIMEOUT_MS }: StopOptions = {}): Promise<ExitStatus> {
    this.#stopping = true;
    for (const { remote } of this.#members) remote.stop({ signal, timeoutMs }).catch(ignore);
    // A machine that answers keeps the time limit itself; one that loops is not there to do so.
    const timer = setTimeout(
      () => this.#terminate(`killed: it did not end within ${timeoutMs} ms`),
      timeoutMs + GRACE_MS,
    );
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** As Machine.signal: requests to end are one for all shards, the other signals nothing to a guest of shards. */
  signal(signal: GuestSignal): void {
    if (signal === "SIGINT" || signal === "SIGTERM") void this.stop({ signal });
    else if (signal === "SIGHUP") void this.stop();
  }

  /** Ends all shards at once, as SIGKILL would. */
  kill(): void {
    this.#terminate(null);
  }

  #startThread(index: number): Shard {
    // The extension is .ts in a checkout and .js in the package; the compile cache as in machine-thread.ts.
    const worker = import.meta.url.replace(/sharded-machine(\.\w+)$/, "shard-worker$1");
    const entry = `require("node:module").enableCompileCache?.(); import(${JSON.stringify(worker)});`;
    const thread = new Worker(entry, { eval: true, name: `shard ${index}` });
    const remote = remoteShard(thread);
    const exited = new Promise<ExitStatus>((resolve) => {
      thread.once("error", (error: Error) => resolve({ code: CODE_CRASHED, reason: error.stack ?? error.message }));
      thread.once("exit", () => resolve({ code: CODE_KILLED, reason: null }));
      remote.exited().then(resolve, ignore);
    });
    void exited.then((status) => this.#memberEnded(index, status));
    return { worker: thread, remote, exited };
  }

  async #boot(index: number, request: ShardRequest): Promise<void> {
    const { remote, exited } = this.#members[index] as Shard;
    const ports = request.link.ports.filter((port) => port !== null) as MessagePort[];
    const sink = {
      output: (descriptor: 1 | 2, chunk: Uint8Array) => this.#write(descriptor, chunk),
      log: (line: string) => this.#options.log?.(`shard ${index}: ${line}`),
    };
    const options = { ...request.options, publish: this.#publishOption() };
    const booting = remote.boot(moving({ ...request, options }, ports), callable(sink));
    const result = await Promise.race([booting, exited.then(() => null)]);
    if (result !== null && "publications" in result) {
      if (index === 0) this.#published = result.publications;
      return;
    }
    const status = this.#status;
    this.kill();
    await this.exited;
    if (result === null) throw new Error(`${this.name}: ${status?.reason ?? "ended before all shards listened"}`);
    throw result.usage ? new UsageError(result.error) : new Error(result.error);
  }

  #shardOptions(index: number): Omit<BootOptions, "stdin" | "log"> {
    const { shards, log, seed, ...options } = this.#options;
    return { ...options, ...(seed !== undefined && { seed: `${seed} shard ${index}` }) };
  }

  #publishOption(): NonNullable<BootOptions["publish"]> {
    return Object.fromEntries(this.#published.map(({ guestPort, host, port }) => [guestPort, { host, port }]));
  }

  #write(descriptor: 1 | 2, chunk: Uint8Array): void | Promise<void> {
    const stream = this.#output[descriptor - 1] as OutputStream;
    if (stream.write(chunk)) return;
    return new Promise((resolve) => {
      stream.onDrain = resolve;
    });
  }

  /** A shard has ended: by itself, then so do the others; or because it was to. */
  #memberEnded(index: number, { code, reason }: ExitStatus): void {
    const clean = code === 0 && reason === null;
    this.#status ??= clean
      ? null
      : {
          code,
          reason:
            reason === null && this.#stopping ? null : `shard ${index}: ${reason ?? `it exited with code ${code}`}`,
        };
    if (!this.#stopping) void this.stop();
  }

  #terminate(reason: string | null): void {
    this.#stopping = true;
    this.#status ??= { code: CODE_KILLED, reason };
    for (const { worker } of this.#members) void worker.terminate();
  }

  #ended(): void {
    for (const { worker } of this.#members) void worker.terminate();
    for (const stream of this.#output) stream.finish();
    this.#settleExited(this.#status ?? { code: 0, reason: null });
  }
}

/** SO_REUSEPORT divides connections among listeners on Linux; Node's net takes the option from 22.12 and 23.1 on. */
function canReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return process.platform === "linux" && (major > 23 || (major === 22 && minor >= 12) || (major === 23 && minor >= 1));
}

function ignore(): void {}
