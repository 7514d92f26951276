/**
 * A server in a process of its own: an image of ours through the CLI, the plain
 * Node baseline, or Debian's redis-server or memcached. Used by the benchmark, by
 * the crash tests and by the Tcl suite, so that all of them start a server, find
 * its port and its process id, and end it in the same way.
 *
 * Always holds: `start…` answers only when the server has said PONG (memcached:
 * its version), or throws with the server's own last words; `stop()` and `kill()` come back only once
 * the process is gone.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const repositoryRoot = join(dirname(fileURLToPath(import.meta.url)), "..");
const cliPath = join(repositoryRoot, "host/cli.ts");
const baselines = join(repositoryRoot, "test/bench/baseline");

export interface ServerProcess {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** From spawn to the first answer on a fresh connection, in milliseconds. */
  readonly firstPongMs: number;
  /** Everything the process has written so far, both streams. */
  output(): string;
  /** Asks it to end (SIGTERM), insists after five seconds (SIGKILL); the exit code, or the signal's name. */
  stop(): Promise<number | NodeJS.Signals>;
  /** kill -9. */
  kill(): Promise<void>;
  readonly exited: Promise<number | NodeJS.Signals>;
}

export interface GuestOptions {
  /** Arguments after `--`. */
  args?: string[];
  /** `--volume` values, HOST:GUEST. */
  volumes?: string[];
  memory?: string;
  image?: string;
  port?: number;
  /** The guest's port that it is asked on (default: the usual one of its protocol). */
  guestPort?: number;
  /** Further `--publish` values. */
  publish?: string[];
  /** Further options of the CLI. */
  options?: string[];
  /** Runs the command line through this prefix, e.g. ["prlimit", "--fsize=1000000", "--"]. */
  through?: string[];
}

/** How to tell that a server is up: what to send on a fresh connection, and what its answer looks like. */
interface Probe {
  readonly request: string;
  readonly answer: RegExp;
}

// A Redis with a password says -NOAUTH: it is up all the same. One that still loads its data (-LOADING) is not ready.
const redisProbe: Probe = { request: "PING\r\n", answer: /^(\+PONG|-NOAUTH)/ };
const memcachedProbe: Probe = { request: "version\r\n", answer: /^VERSION / };
const REDIS_PORT = 6379;
const MEMCACHED_PORT = 11211;

/** Our image, `node host/cli.ts run IMAGE`, under the Node that runs this file. */
export function startGuest(options: GuestOptions = {}): Promise<ServerProcess> {
  return startImage(options.image ?? "redis", REDIS_PORT, redisProbe, options);
}

/** The `memcached-c` image, or the `memcached` one, with these arguments of memcached's. */
export function startGuestMemcached(args: string[] = [], options: GuestOptions = {}): Promise<ServerProcess> {
  return startImage(options.image ?? "memcached-c", MEMCACHED_PORT, memcachedProbe, { ...options, args });
}

async function startImage(
  image: string,
  guestPort: number,
  probe: Probe,
  options: GuestOptions,
): Promise<ServerProcess> {
  const port = options.port ?? (await freePort());
  const command = [process.execPath, cliPath, "run", image, "--publish", `${port}:${options.guestPort ?? guestPort}`];
  for (const publication of options.publish ?? []) command.push("--publish", publication);
  command.push(...(options.options ?? []));
  for (const volume of options.volumes ?? []) command.push("--volume", volume);
  if (options.memory !== undefined) command.push("--memory", options.memory);
  if (options.args?.length) command.push("--", ...options.args);
  return startServer("guest", [...(options.through ?? []), ...command], port, probe);
}

/** Where a built image lies. */
export function imagePath(image: string): string {
  return join(repositoryRoot, "guests/build", `${image}.wasm`);
}

/** The plain Node Redis of test/bench/baseline. */
export async function startBaseline(port?: number): Promise<ServerProcess> {
  const chosen = port ?? (await freePort());
  const command = [process.execPath, join(baselines, "redis.ts"), "--port", String(chosen)];
  return startServer("baseline", command, chosen, redisProbe);
}

/** The plain Node memcached of test/bench/baseline, on TCP and UDP; `nodeArgs` are Node's own. */
export async function startBaselineMemcached(args: string[] = [], nodeArgs: string[] = []): Promise<ServerProcess> {
  const port = await freePort();
  const command = [process.execPath, ...nodeArgs, join(baselines, "memcached.ts"), "--port", String(port), ...args];
  return startServer("baseline", command, port, memcachedProbe);
}

/** Node's sockets alone (test/bench/baseline/sockets.ts), which answer the benchmark's get. */
export async function startBaselineSockets(protocol: "memcached" | "redis"): Promise<ServerProcess> {
  const port = await freePort();
  const command = [process.execPath, join(baselines, "sockets.ts"), "--port", String(port), "--protocol", protocol];
  return startServer("baseline", command, port, protocol === "redis" ? redisProbe : memcachedProbe);
}

/** Debian's redis-server, nothing saved unless `args` say so. */
export async function startNative(args: string[] = [], port?: number): Promise<ServerProcess> {
  const chosen = port ?? (await freePort());
  const base = ["redis-server", "--port", String(chosen), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  return startServer("native", [...base, ...args], chosen, redisProbe);
}

/** Debian's memcached, or another `program` like it, with these arguments; `udp`: on the same port of UDP, too. */
export async function startNativeMemcached(
  args: string[] = [],
  { udp = false, program = "memcached" } = {},
): Promise<ServerProcess> {
  const port = await freePort();
  const user = process.getuid?.() === 0 ? ["-u", "root"] : [];
  const ports = ["-p", String(port), "-U", udp ? String(port) : "0"];
  const command = [program, "-l", "127.0.0.1", ...ports, ...user, ...args];
  return startServer("native", command, port, memcachedProbe);
}

/** Why an image cannot be booted here; undefined if it can. */
export function missingImage(name: string): string | undefined {
  if (existsSync(imagePath(name))) return undefined;
  const builder = existsSync(join(repositoryRoot, "guests", name)) ? "guests" : "guests:linux";
  return `the ${name} image is not built: npm run ${builder} builds it`;
}

/** Where a program is, or undefined. */
export function findProgram(program: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** Whether a program can be started at all; the reason if it cannot. */
export function missingProgram(program: string, probe: string[] = ["--version"]): string | undefined {
  const result = spawnSync(program, probe, { stdio: "ignore" });
  return result.error ? `${program} is not installed` : undefined;
}

async function startServer(name: string, command: string[], port: number, probe: Probe): Promise<ServerProcess> {
  const [program = "", ...args] = command;
  const startedMs = performance.now();
  const child = spawn(program, args, { cwd: repositoryRoot, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  const collect = (chunk: Buffer): void => {
    // The tail is what explains a death; a chatty server must not fill our memory.
    text = (text + chunk.toString()).slice(-64 * 1024);
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  const exited = endOf(child);
  let gone: number | NodeJS.Signals | Error | undefined;
  exited.then(
    (code) => (gone = code),
    (error: Error) => (gone = error),
  );
  while (!(await answers(port, probe))) {
    if (gone instanceof Error) throw gone;
    if (gone !== undefined) throw new Error(`${name} ended (${gone}) before it was ready:\n${text}`);
    if (performance.now() - startedMs > 60_000) {
      child.kill("SIGKILL");
      throw new Error(`${name} did not answer within 60 s:\n${text}`);
    }
    await sleep(2);
  }
  const firstPongMs = performance.now() - startedMs;
  return {
    name,
    port,
    pid: child.pid ?? 0,
    firstPongMs,
    output: () => text,
    exited,
    async stop() {
      child.kill("SIGTERM");
      const insist = setTimeout(() => child.kill("SIGKILL"), 5000);
      const code = await exited;
      clearTimeout(insist);
      return code;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

async function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  // `close`, not `exit`: the last words are still in the pipe at `exit`.
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return code ?? signal ?? 0;
}

/** One connection, one request. */
function answers(port: number, { request, answer }: Probe): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const finish = (up: boolean): void => {
      socket.destroy();
      resolve(up);
    };
    socket.once("error", () => finish(false));
    socket.once("close", () => finish(false));
    socket.setTimeout(2000, () => finish(false));
    socket.once("connect", () => socket.write(request));
    socket.once("data", (data) => finish(answer.test(data.toString("latin1"))));
  });
}

/** A port nobody listens on right now. The window until the server binds it is small, and bind tells if it was lost. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  probe.close();
  await once(probe, "close");
  return address.port;
}
