/**
 * The `ringzero` command (cli.ts starts it). It only translates: options to BootOptions, errors to lines and exit codes.
 *
 * stdout and stderr are the guest's; the machine's own lines go to stderr. Exit codes of `run`: the guest's own, 128 + n for a guest that
 * died of signal n (137: it was ended without its consent), 64 (EX_USAGE) for a mistake in the command line, 69 (EX_UNAVAILABLE) for a
 * machine that could not boot.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import type { RunRequest } from "./machine-thread.ts";
import { parseHostAddress, parsePort, parseShards } from "./options.ts";
import { supervise } from "./run-supervisor.ts";
import { UsageError } from "./usage-error.ts";

const EX_USAGE = 64;
const EX_UNAVAILABLE = 69;
/** A day: what setTimeout takes with room to spare. */
const SECONDS_MAX = 86_400;

interface RunFlags {
  readonly publish: readonly string[];
  readonly volume: readonly string[];
  readonly preopen: readonly string[];
  readonly wasi?: string;
  readonly env: readonly string[];
  readonly memory?: string;
  readonly name?: string;
  readonly outbound?: string;
  readonly udp?: string;
  readonly pid?: string;
  readonly shards?: string;
  readonly api?: string;
  readonly stopTimeout: string;
}

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};
const collect = (value: string, list: readonly string[]): string[] => [...list, value];

const program = new Command("ringzero")
  .description("Boots a WebAssembly application as a machine of its own, inside this process.")
  .version(version)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "ringzero: ")) })
  .enablePositionalOptions();

program
  .command("run")
  .description("boot an image and serve until it ends")
  .argument("<image>", "a shipped image (redis, hello, ...), a folder with ringzero.json, or a .wasm file")
  .argument("[args...]", "the guest's own arguments, after --")
  .option(
    "-p, --publish <HOST:GUEST>",
    "publish a guest port on 127.0.0.1 (or ADDRESS:HOST:GUEST; HOST 0 = any free port), or a Unix socket: PATH:GUESTPATH",
    collect,
    [],
  )
  .option("-v, --volume <HOST:GUEST[:ro]>", "mount a host folder at an absolute guest path", collect, [])
  .option(
    "--preopen <GUEST[:NAME]>",
    "give a WASI program this directory of the machine, too, by its path or NAME",
    collect,
    [],
  )
  .option(
    "--wasi <HOW>",
    "answer a WASI program by the standard, or as node:wasi does: standard, node (default: standard)",
  )
  .option("-m, --memory <SIZE>", "upper bound of the guest's memory, e.g. 512mb (default: the image's, else 4gb)")
  .option("-e, --env <K=V>", "set an environment variable of the guest", collect, [])
  .option("-n, --name <NAME>", "name of the machine (default: the image's)")
  .option("--api <HOST:PORT>", "reserved for the REST API, which is not there yet")
  .option("--outbound <WHERE>", "where the guest may connect to: none, loopback, any (default: loopback)")
  .option(
    "--udp <HOW>",
    "serve UDP ports by dgram, or many datagrams in a system call by ffi (experimental in Node; default: dgram)",
  )
  .option("--shards <N>", "so many machines in threads of their own, each with its part of the keys, on one port")
  .option("--pid <WHICH>", "host: the guest's first process has this process' id (default: 1)")
  .option("--stop-timeout <SECONDS>", "how long the guest may take to end once it is asked", "10")
  .action(run);

program
  .command("stop")
  .description("ask a running machine to end, and end it if it does not")
  .argument("<name>", "the machine's name, or its process id")
  .option("-t, --timeout <SECONDS>", "after so long it is killed (default: the machine's --stop-timeout)")
  .action(stop);

program.command("ps").description("list the machines that run").action(ps);

/** Runs the command line in process.argv; ends the process where the command does. */
export async function main(): Promise<void> {
  await program.parseAsync().catch(report);
}

function run(image: string, args: string[], flags: RunFlags): Promise<never> {
  const stopTimeoutMs = parseSeconds(flags.stopTimeout, "--stop-timeout");
  return supervise({ image, options: { ...toBootOptions(flags), args } }, stopTimeoutMs);
}

async function stop(name: string, flags: { timeout?: string }): Promise<void> {
  const timeoutMs = flags.timeout === undefined ? undefined : parseSeconds(flags.timeout, "--timeout");
  const { stopMachine } = await import("./run-control.ts");
  process.stdout.write(`${await stopMachine(name, timeoutMs)}\n`);
}

async function ps(): Promise<void> {
  const { renderMachines } = await import("./run-control.ts");
  process.stdout.write(`${await renderMachines()}\n`);
}

/** Seconds, whole or not, to milliseconds. */
function parseSeconds(text: string, flag: string): number {
  if (!/^\d+(\.\d+)?$/.test(text) || Number(text) > SECONDS_MAX) {
    throw new UsageError(`${flag} ${text}: give seconds, from 0 to ${SECONDS_MAX}`);
  }
  return Math.round(Number(text) * 1000);
}

function toBootOptions(flags: RunFlags): RunRequest["options"] {
  const publish: Record<number | string, string | { host: string; port: number }> = {};
  for (const text of flags.publish) {
    const paths = /^(.+):(\/[^:]*)$/.exec(text);
    if (paths) {
      publish[paths[2] as string] = paths[1] as string;
      continue;
    }
    const match = /^(?:(.+):)?(\d+):(\d+)$/.exec(text);
    if (!match) throw new UsageError(`--publish ${text}: give HOST:GUEST, two port numbers or two paths`);
    const guestPort = parsePort(match[3] as string, "guest port");
    if (publish[guestPort]) throw new UsageError(`--publish ${text}: guest port ${guestPort} is published already`);
    publish[guestPort] = parseHostAddress(match[1] ? `${match[1]}:${match[2]}` : (match[2] as string));
  }
  const volumes: Record<string, { host: string; readOnly: boolean }> = {};
  for (const text of flags.volume) {
    const match = /^(.+?):(\/[^:]*)(?::(ro|rw))?$/.exec(text);
    if (!match) throw new UsageError(`--volume ${text}: give HOST:GUEST or HOST:GUEST:ro, the guest path absolute`);
    volumes[match[2] as string] = { host: match[1] as string, readOnly: match[3] === "ro" };
  }
  const preopens: Record<string, string> = {};
  for (const text of flags.preopen) {
    const match = /^(\/[^:]*)(?::(.+))?$/.exec(text);
    if (!match) throw new UsageError(`--preopen ${text}: give GUEST or GUEST:NAME, the guest path absolute`);
    preopens[match[2] ?? (match[1] as string)] = match[1] as string;
  }
  const env: Record<string, string> = {};
  for (const text of flags.env) {
    const at = text.indexOf("=");
    if (at <= 0) throw new UsageError(`--env ${text}: give NAME=VALUE`);
    env[text.slice(0, at)] = text.slice(at + 1);
  }
  if (flags.api !== undefined) throw new UsageError(`--api ${flags.api}: the REST API is not there yet`);
  if (flags.outbound && !/^(none|loopback|any)$/.test(flags.outbound)) {
    throw new UsageError(`--outbound ${flags.outbound}: give none, loopback or any`);
  }
  if (flags.udp && !/^(dgram|ffi)$/.test(flags.udp)) throw new UsageError(`--udp ${flags.udp}: give dgram or ffi`);
  if (flags.wasi && !/^(standard|node)$/.test(flags.wasi))
    throw new UsageError(`--wasi ${flags.wasi}: give standard or node`);
  if (flags.pid !== undefined && flags.pid !== "host") throw new UsageError(`--pid ${flags.pid}: give host`);
  if (flags.shards !== undefined && !/^\d+$/.test(flags.shards))
    throw new UsageError(`--shards ${flags.shards}: give a number`);
  return {
    publish,
    volumes,
    preopens,
    env,
    ...(flags.memory !== undefined && { memory: flags.memory }),
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.pid !== undefined && { pid: process.pid }),
    ...(flags.shards !== undefined && { shards: parseShards(Number(flags.shards)) }),
    ...(flags.wasi !== undefined && { wasi: flags.wasi as "standard" | "node" }),
    ...(flags.udp !== undefined && { udp: flags.udp as "dgram" | "ffi" }),
    ...(flags.outbound !== undefined && { outbound: flags.outbound as "none" | "loopback" | "any" }),
  };
}

function report(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EX_USAGE);
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`ringzero: ${message}\n`);
  if (!(error instanceof UsageError) && process.env.RINGZERO_DEBUG) console.error(error);
  process.exit(error instanceof UsageError ? EX_USAGE : EX_UNAVAILABLE);
}
