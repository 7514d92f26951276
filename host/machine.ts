/**
 * A machine: kernel, guest and devices put together. The composition root, and the only file that imports both sides.
 */
import { type Duplex, Readable } from "node:stream";
import { type ASUtil, instantiateSync } from "@assemblyscript/loader";
import { toByteString } from "../kernel/fs/byte-string.ts";
import { KERNEL_RAM_BYTES, KILLED, type MachineEnd, MachineKernel } from "../kernel/machine-kernel.ts";
import { GuestMemory } from "../kernel/mem/guest-memory.ts";
import { PhysicalMemory } from "../kernel/mem/physical.ts";
import { LinkError } from "../kernel/personality/native.ts";
import { isLinuxModule } from "../kernel/personality/wali.ts";
import { isWasiModule, type WasiGrants } from "../kernel/personality/wasi.ts";
import { newMemory } from "../kernel/process/execution.ts";
import { type AnswerOptions, CallError, Caller, CallerPool, type CallHost, type CallRequest } from "./caller.ts";
import { ClockDevice } from "./devices/clock.ts";
import { ConsoleDevice } from "./devices/console.ts";
import { EntropyDevice, hostEntropy, seededEntropy } from "./devices/entropy.ts";
import { NetDevice } from "./devices/net.ts";
import { ShardDevice, type ShardLink } from "./devices/shard.ts";
import type { Image } from "./image.ts";
import {
  type BootOptions,
  MEMORY_BYTES_MAX,
  type PathPublication,
  type Publication,
  parseEnvironment,
  parseMemory,
  parsePathPublications,
  parsePid,
  parsePreopens,
  parsePublications,
  parseUdp,
  parseVolumes,
} from "./options.ts";
import { OutputStream } from "./output-stream.ts";
import { UsageError } from "./usage-error.ts";
import { mountVolumes } from "./volumes.ts";

const PAGE_BYTES = 65536;
export const STOP_TIMEOUT_MS = 10_000;
/** Software exit status (sysexits.h, EX_SOFTWARE). */
const EX_SOFTWARE = 70;
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15 } as const;

export type GuestSignal = keyof typeof SIGNALS;

/** How a machine ended, as `machine.exited` tells it. */
export interface ExitStatus {
  /** The guest's exit status, or 128 + the signal it died of. */
  readonly code: number;
  /** One line where the guest did not end by itself: a trap, a panic, a stop that took too long. */
  readonly reason: string | null;
}

/** The exports of a guest, with the loader's helpers where the guest was built with AssemblyScript's runtime exported. */
export type GuestExports = ASUtil & Record<string, unknown>;

export interface StopOptions {
  /** Default SIGTERM. */
  readonly signal?: "SIGINT" | "SIGTERM";
  /** After so long the machine is ended without the guest's consent. Default 10,000. */
  readonly timeoutMs?: number;
}

export class Machine {
  readonly name: string;
  /** What the guest writes to descriptors 1 and 2; the machine's own lines go to stderr, too, unless `log` takes them. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Published AF_UNIX sockets: each host path is there while the guest listens. */
  readonly paths: readonly PathPublication[];
  /** Settles when the machine has ended; never rejects. */
  readonly exited: Promise<ExitStatus>;
  readonly #kernel: MachineKernel;
  readonly #console: ConsoleDevice;
  readonly #net: NetDevice;
  readonly #devices: { close(): void }[];
  readonly #output: readonly [OutputStream, OutputStream];
  readonly #image: Image;
  readonly #memory: WebAssembly.Memory | null;
  readonly #published: readonly Publication[];
  /** What the guest is given if it is a WASI program. */
  readonly #grants: WasiGrants;
  #settleExited: (status: ExitStatus) => void = () => {};
  #exports: GuestExports | null = null;
  readonly #callHost: CallHost;
  readonly #callers: CallerPool;
  #epitaph: string | null = null;

  /** `link`: this machine is one shard of several. */
  constructor(image: Image, options: BootOptions, link?: ShardLink) {
    const { manifest } = image;
    this.#image = image;
    this.name = options.name ?? manifest.name;
    this.exited = new Promise((resolve) => {
      this.#settleExited = resolve;
    });
    this.#published = parsePublications(options.publish);
    this.paths = parsePathPublications(options.publish);
    const volumes = parseVolumes(options.volumes);
    // The image's own files lie in the root.
    const root = image.filesFolder === null ? {} : { "/": "/" };
    this.#grants = {
      preopens: parsePreopens({ ...root, ...manifest.preopens, ...options.preopens }, volumes),
      ports: this.#published.map(({ guestPort }) => guestPort),
      dialect: options.wasi ?? manifest.wasi ?? "standard",
    };
    const env = parseEnvironment({ ...manifest.env, ...options.env });
    const args = [this.name, ...(manifest.args ?? []), ...(options.args ?? [])];
    const memoryLimit = parseMemory(options.memory ?? manifest.memory ?? MEMORY_BYTES_MAX);
    this.#memory = createMemory(image, memoryLimit);
    const physical = new PhysicalMemory(
      new GuestMemory(this.#memory ?? new WebAssembly.Memory({ initial: 0 })),
      KERNEL_RAM_BYTES,
    );

    const stdout = new OutputStream();
    const stderr = new OutputStream();
    this.stdout = stdout;
    this.stderr = stderr;
    this.#output = [stdout, stderr];
    const log = options.log ?? ((line: string) => void stderr.write(Buffer.from(`ringzero: ${line}\n`)));
    const clock = new ClockDevice(physical, { log });
    const entropy = new EntropyDevice(physical, {
      log,
      source: options.seed === undefined ? hostEntropy : seededEntropy(options.seed),
    });
    this.#console = new ConsoleDevice(physical, { stdout, stderr, log });
    const { stdin } = options;
    if (stdin instanceof Readable) this.#console.attachInput(stdin);
    else {
      if (stdin !== undefined) this.#console.input(Buffer.from(stdin));
      this.#console.endInput();
    }
    const udp = parseUdp(options.udp);
    this.#net = new NetDevice(physical, {
      publish: new Map(this.#published.map(({ guestPort, host, port }) => [guestPort, { host, port }])),
      publishNames: new Map(this.paths.map(({ guestPath, hostPath }) => [toByteString(guestPath), hostPath])),
      outbound: options.outbound ?? "loopback",
      ...(udp && { udp }),
      ...(link && { share: link.self === 0 ? ("first" as const) : ("follow" as const) }),
      log,
    });
    const shard = link && new ShardDevice(physical, link, { log, broken: (reason) => this.#halt(reason) });
    this.#devices = [{ close: () => clock.stop() }, this.#net, ...(shard ? [shard] : [])];
    this.#kernel = new MachineKernel(
      { name: this.name, args, env, memoryLimit, pid: parsePid(options.pid ?? 1) },
      physical,
      {
        clock: clock.mmio,
        entropy: entropy.mmio,
        console: this.#console.mmio,
        net: this.#net.mmio,
        ...(shard && { shard: shard.mmio }),
      },
      {
        defer: shard ? (turn) => shard.defer(turn) : (turn) => void setImmediate(turn),
        log,
        ended: (end) => this.#ended(end),
      },
    );
    const machine = this;
    this.#callHost = {
      name: this.name,
      kernel: this.#kernel,
      get epitaph() {
        return machine.#epitaph;
      },
    };
    this.#callers = new CallerPool(this.#callHost);
    this.#devices.push(...mountVolumes(this.#kernel, physical, volumes, image.filesFolder, log));
  }

  /** Binds what is published, starts the guest, and settles once it listens on all of it (at once if nothing is). */
  async start(): Promise<void> {
    try {
      await this.#net.bindAll();
      this.#startGuest();
    } catch (error) {
      this.#kernel.end(KILLED);
      if (error instanceof LinkError || error instanceof WebAssembly.LinkError)
        throw new UsageError(`${this.name}: ${error.message}`);
      throw error;
    }
    const listening = this.#net.listening(this.#published.map(({ guestPort }) => guestPort));
    const early = await Promise.race([listening, this.exited]);
    setImmediate(() => this.#output.forEach((stream) => void stream.keepTailOnly()));
    if (early && this.#published.length + this.paths.length > 0) {
      const said = this.#output
        .map((stream) => stream.tail.trim())
        .filter((text) => text !== "")
        .join("\n");
      const why = early.reason ?? `it exited with code ${early.code}`;
      throw new Error(`${this.name} ended before it listened: ${why}${said ? `\n${said}` : ""}`);
    }
  }

  /** Where the published ports are: with the port numbers that the host gave. */
  get publications(): readonly Publication[] {
    return this.#published.map((publication) => ({ ...publication, port: this.port(publication.guestPort) }));
  }

  /** The host port on which `guestPort` is published. */
  port(guestPort: number): number {
    const port = this.#net.hostPort(guestPort);
    if (port === undefined) throw new UsageError(`${this.name}: guest port ${guestPort} is not published`);
    return port;
  }

  /** A connection to a guest port that passes no host socket. It fails with ECONNREFUSED if nobody listens there. */
  connect(guestPort: number): Duplex {
    return this.#net.connect(guestPort);
  }

  /** Settles once the guest listens on a port, published or not; rejects with CallError if it ends before. */
  async listening(guestPort: number): Promise<void> {
    await Promise.race([this.#net.listening([guestPort]), this.exited]);
    if (this.#epitaph !== null) throw new CallError("ESHUTDOWN", `${this.name} has ended: ${this.#epitaph}`);
  }

  /**
   * A connection to a guest port for calls into the guest, without a socket or a stream: `caller.call(bytes)` answers at once. It keeps what
   * a connection keeps (a selected database, a transaction). Throws CallError.
   */
  caller(guestPort: number): Caller {
    return new Caller(this.#callHost, guestPort);
  }

  /** Requests that stand by themselves, on whatever connection is free, answered once the guest has. Rejects with CallError. */
  call(guestPort: number, request: CallRequest, options?: AnswerOptions): Promise<Uint8Array> {
    return this.#callers.call(guestPort, request, options);
  }

  /** Asks the guest to end (SIGTERM), and ends it if it has not after `timeoutMs`. Settles with how it ended. */
  async stop({ signal = "SIGTERM", timeoutMs = STOP_TIMEOUT_MS }: StopOptions = {}): Promise<ExitStatus> {
    this.#kernel.signal(SIGNALS[signal]);
    const timer = setTimeout(
      () => this.#kernel.end({ ...KILLED, reason: `killed: it did not end within ${timeoutMs} ms` }),
      timeoutMs,
    );
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Sends the guest a signal, as kill(2) would: a Linux program handles it, ignores it, or dies of it. Other guests know requests to end and
   * nothing else: SIGHUP is one, too, SIGUSR1 and SIGUSR2 are nothing to them.
   */
  signal(signal: GuestSignal): void {
    if (isLinuxModule(this.#image.shape)) this.#kernel.signal(SIGNALS[signal]);
    else if (signal === "SIGINT" || signal === "SIGTERM") void this.stop({ signal });
    else if (signal === "SIGHUP") void this.stop();
  }

  /** Ends the machine at once, as SIGKILL would. */
  kill(): void {
    this.#kernel.end(KILLED);
  }

  /**
   * What the guest's module exports; for an AssemblyScript guest through `@assemblyscript/loader`: with `__newString`, `__getArray` and the
   * like, and classes by name. A call made here is nobody's thread: one that would block answers -EDEADLK.
   */
  get exports(): GuestExports {
    if (!this.#exports) throw new Error(`${this.name} has not started`);
    return this.#exports;
  }

  #startGuest(): void {
    const { shape, module } = this.#image;
    if (isLinuxModule(shape)) {
      this.#exports = {} as GuestExports;
      this.#kernel.startProgram(module, shape);
      return;
    }
    const imports = isWasiModule(shape) ? this.#kernel.linkWasi(module, shape, this.#grants) : this.#kernel.link(shape);
    const at = shape.memory?.importedAs;
    if (at && this.#memory) imports[at[0]] = { ...imports[at[0]], [at[1]]: this.#memory };
    // The loader links like WebAssembly.Instance and adds AssemblyScript's strings, arrays and classes for the embedder; the kernel
    // takes the plain exports, whose calls cost less.
    const { instance, exports } = instantiateSync(module, imports);
    const { memory } = instance.exports;
    if (!at && memory instanceof WebAssembly.Memory) this.#kernel.init.mem.attach(memory);
    this.#exports = exports;
    this.#kernel.start(instance.exports);
  }

  /** A device cannot go on, and without it the machine makes no sense. */
  #halt(reason: string): void {
    this.#kernel.end({ code: EX_SOFTWARE, reason });
  }

  #ended(end: MachineEnd): void {
    this.#epitaph = end.reason ?? `it exited with code ${end.code}`;
    this.#console.finish();
    for (const device of this.#devices) device.close();
    for (const stream of this.#output) stream.finish();
    this.#settleExited(end);
  }
}

/** The memory that the module imports, bounded by the machine's limit; null if the module brings its own. */
function createMemory({ shape, manifest }: Image, limitBytes: number): WebAssembly.Memory | null {
  const { memory } = shape;
  if (!memory) return null;
  const limit = Math.floor(limitBytes / PAGE_BYTES);
  if (memory.initial > limit) {
    throw new UsageError(
      `${manifest.name}: it needs at least ${memory.initial * 64} kb of memory, and may have ${limit * 64} kb`,
    );
  }
  if (!memory.importedAs) return null;
  if (isLinuxModule(shape)) return newMemory(shape, limitBytes);
  const { initial, shared } = memory;
  if (shared && !isWasiModule(shape))
    throw new UsageError(`${manifest.name}: shared memory is not supported by the native personality`);
  return new WebAssembly.Memory({ initial, maximum: Math.min(limit, memory.maximum ?? limit), shared });
}
