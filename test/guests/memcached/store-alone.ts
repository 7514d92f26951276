/**
 * The memcached guest's store without a server: `guests/memcached/store-check.ts` compiled and instantiated, with a clock and timers that only the test moves.
 */
import { mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../server-process.ts";

type Call = (...args: number[]) => number;

/** storeItem's operations and answers. */
export const ADD = 1;
export const SET = 2;
export const REPLACE = 3;
export const APPEND = 4;
export const PREPEND = 5;
export const CAS = 6;
export const NOT_STORED = 0;
export const STORED = 1;
export const EXISTS = 2;
export const NOT_FOUND = 3;
export const TOO_LARGE = -1;
export const NO_MEMORY = -2;

let compiled: Promise<WebAssembly.Module> | undefined;

async function compile(): Promise<WebAssembly.Module> {
  const asc = await import("assemblyscript/asc");
  mkdirSync(join(repositoryRoot, "guests/build"), { recursive: true });
  // Test files run at the same time: each writes a file of its own and puts it in place whole.
  const temporary = `guests/build/.memcached-store.${process.pid}.wasm`;
  const outFile = join(repositoryRoot, "guests/build/memcached-store.wasm");
  let messages = "";
  const sink = {
    write: (text: string | Uint8Array) => {
      messages += text.toString();
    },
  };
  const flags = ["-O1", "--runtime", "stub", "--importMemory", "--enable", "simd", "--noColors"];
  const { error } = await asc.main(
    ["guests/memcached/store-check.ts", "--baseDir", repositoryRoot, "--outFile", temporary, ...flags],
    { stdout: sink, stderr: sink },
  );
  if (error) throw new Error(`store-check.ts does not compile: ${messages}`);
  renameSync(join(repositoryRoot, temporary), outFile);
  return new WebAssembly.Module(readFileSync(outFile));
}

/** The guest asked to end. */
export class Exit extends Error {
  readonly code: number;
  readonly output: string;
  constructor(code: number, output: string) {
    super(`exit ${code}: ${output}`);
    this.code = code;
    this.output = output;
  }
}

export interface Fetched {
  readonly value: string;
  readonly flags: number;
  readonly cas: number;
  readonly slabClass: number;
  readonly list: "hot" | "warm" | "cold" | "temp";
}

export class StoreAlone {
  readonly #guest: Record<string, Call>;
  readonly #memory: WebAssembly.Memory;
  readonly #key: number;
  readonly #value: number;
  readonly #valueMax: number;
  /** Bytes of linear memory. */
  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }
  /** What it wrote to standard output and error. */
  output = "";
  /** Milliseconds of both clocks; the test moves them. */
  #nowMs = 1_800_000_000_000;
  /** When the maintainer's timer is due. */
  #timerMs = Number.POSITIVE_INFINITY;

  private constructor(module: WebAssembly.Module, args: readonly string[], memoryMiB: number, valueMax: number) {
    const words = ["memcached", ...args].map((word) => Buffer.from(word));
    this.#memory = new WebAssembly.Memory({ initial: 32, maximum: memoryMiB * 16 });
    const own: Record<string, Call> = {
      memory_limit: () => memoryMiB * 1048576,
      clock_ms: (clock = 0) => (clock === 0 ? this.#nowMs : this.#nowMs - 1_700_000_000_000),
      arg_count: () => words.length,
      arg_length: (index = 0) => words[index]?.length ?? -1,
      arg_copy: (index = 0, at = 0) => {
        this.#bytes().set(words[index] ?? [], at);
        return 0;
      },
      write: (_fd = 0, at = 0, length = 0) => {
        this.output += Buffer.from(this.#memory.buffer, at, length).toString();
        return length;
      },
      exit_group: (code = 0) => {
        throw new Exit(code, this.output);
      },
      ring_timer: (delayMs = 0) => {
        this.#timerMs = this.#nowMs + delayMs;
        return 1;
      },
      ring_timer_cancel: () => {
        this.#timerMs = Number.POSITIVE_INFINITY;
        return 0;
      },
    };
    const imports: Record<string, Record<string, unknown>> = { env: { memory: this.#memory }, ringzero: own };
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
      if (kind !== "function") continue;
      const space = imports[from] ?? {};
      imports[from] = space;
      if (name === "abort") {
        space[name] = (_text: number, _file: number, line: number) => {
          throw new Error(`assertion in the guest, line ${line}`);
        };
      } else space[name] ??= () => 0;
    }
    const instance = new WebAssembly.Instance(module, imports as WebAssembly.Imports);
    this.#guest = instance.exports as unknown as Record<string, Call>;
    this.call("init");
    this.#valueMax = valueMax;
    this.#key = this.call("alloc", 256);
    this.#value = this.call("alloc", valueMax);
  }

  /** A store of a server with these arguments. */
  static async boot(
    args: readonly string[] = [],
    { memoryMiB = 256, valueMax = 2 << 20 }: { memoryMiB?: number; valueMax?: number } = {},
  ): Promise<StoreAlone> {
    compiled ??= compile();
    return new StoreAlone(await compiled, args, memoryMiB, valueMax);
  }

  #bytes(): Uint8Array {
    return new Uint8Array(this.#memory.buffer);
  }

  call(name: string, ...args: number[]): number {
    const found = this.#guest[name];
    if (found === undefined) throw new Error(`store-check.ts does not export ${name}`);
    return found(...args);
  }

  #putKey(key: string): [number, number] {
    const length = Buffer.from(this.#memory.buffer, this.#key, 256).write(key, "latin1");
    return [this.#key, length];
  }

  /** `value`: text, or a number of "x". */
  store(
    operation: number,
    key: string,
    value: string | number,
    options: { flags?: number; exptime?: number; cas?: number } = {},
  ): number {
    let length: number;
    if (typeof value === "number") {
      length = value;
      if (length <= this.#valueMax) this.#bytes().fill(120, this.#value, this.#value + length);
    } else length = Buffer.from(this.#memory.buffer, this.#value, this.#valueMax).write(value, "latin1");
    const { flags = 0, exptime = 0, cas = 0 } = options;
    return this.call("put", operation, ...this.#putKey(key), flags, exptime, this.#value, length, cas);
  }

  set(key: string, value: string | number, options: { flags?: number; exptime?: number } = {}): number {
    return this.store(SET, key, value, options);
  }

  #item(at: number): Fetched {
    const length = this.call("bytesOf", at) - 2;
    const cls = this.call("classOf", at);
    return {
      value: Buffer.from(this.#memory.buffer, this.call("dataOf", at), length).toString("latin1"),
      flags: this.call("flagsOf", at) >>> 0,
      cas: this.call("casOf", at),
      slabClass: cls & 63,
      list: (["hot", "warm", "cold", "temp"] as const)[cls >> 6] ?? "hot",
    };
  }

  /** Fetches as a get does, with the bump. */
  get(key: string): Fetched | undefined {
    const at = this.call("get", ...this.#putKey(key), 1);
    return at === 0 ? undefined : this.#item(at);
  }
  /** Looks without a bump. */
  peek(key: string): Fetched | undefined {
    const at = this.call("get", ...this.#putKey(key), 0);
    return at === 0 ? undefined : this.#item(at);
  }
  /** Takes a reference, as a value in flight does. */
  hold(key: string): number {
    return this.call("hold", ...this.#putKey(key));
  }
  held(at: number): Fetched {
    return this.#item(at);
  }
  touch(key: string, exptime: number): boolean {
    return this.call("touch", ...this.#putKey(key), exptime) !== 0;
  }
  delete(key: string): boolean {
    return this.call("remove", ...this.#putKey(key)) !== 0;
  }
  /** The new number, or addDelta's answer (1 not numeric, 2 no memory, 3 not found, 4 another CAS). */
  delta(key: string, by: bigint, cas = 0): string | number {
    const size = BigInt.asUintN(64, by < 0n ? -by : by);
    const answer = this.call(
      "delta",
      ...this.#putKey(key),
      by < 0n ? 0 : 1,
      Number(size >> 32n),
      Number(size & 0xffffffffn),
      cas,
    );
    if (answer !== 0) return answer;
    return Buffer.from(this.#memory.buffer, this.call("deltaText"), this.call("deltaLength")).toString();
  }
  crawl(lists: string): number {
    return this.call("crawl", ...this.#putKey(lists));
  }
  /** The keys of a metadump, once it has run. */
  dump(lists: string): string[] {
    if (this.call("dump", ...this.#putKey(lists)) !== 0) throw new Error("no dump");
    for (let ticks = 0; !this.#text().endsWith("END\n"); ticks++) {
      if (ticks > 10_000) throw new Error("the dump does not end");
      this.tick();
    }
    return this.#text().split("\n").slice(0, -2);
  }

  #text(): string {
    return Buffer.from(this.#memory.buffer, this.call("textAt"), this.call("textLength")).toString("latin1");
  }

  stats(kind: "totals" | "items" | "slabs" | "sizes" | "settings"): Map<string, string> {
    this.call("statistics", ["totals", "items", "slabs", "sizes", "settings"].indexOf(kind));
    const lines = this.#text().split("\n").slice(0, -1);
    return new Map(lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]));
  }
  stat(kind: "totals" | "items" | "slabs" | "sizes" | "settings", name: string): number {
    return Number(this.stats(kind).get(name) ?? Number.NaN);
  }

  /** Lets time pass; the maintainer runs whenever it is due. */
  pass(ms: number): void {
    const until = this.#nowMs + ms;
    while (this.#timerMs <= until) {
      this.#nowMs = Math.max(this.#nowMs, this.#timerMs);
      this.#turn();
      this.tick();
    }
    this.#nowMs = until;
    this.#turn();
  }
  #turn(): void {
    this.call("turn", this.#nowMs - 1_700_000_000_000, this.#nowMs);
  }
  /** One tick of the maintainer, whatever the time. */
  tick(): void {
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.call("tick");
  }
  /** currentTime: what expiry times are given in. */
  now(): number {
    return this.call("now");
  }
  /** Fails if anything in there is wrong. `held`: items that only a reference keeps. */
  check(held = 0): void {
    const wrong = this.call("check", held);
    if (wrong !== 0) throw new Error(`the store is broken: check ${wrong}`);
  }
}
