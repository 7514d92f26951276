/**
 * Our own load generator (native/load): what it is asked, and what it says, as values. It is there where redis-benchmark and memcaslap do not
 * reach: one request a packet without a limit of their own, pipelined and multi-key memcached, UDP, and latency at a fixed rate.
 *
 * Always holds: a report has no missing key and no lost connection in it (a miss is cheaper than a hit: such a run would flatter its server).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { LoadReport } from "./contest.ts";
import { compileNative, type NativeProgram } from "./native.ts";
import { reasonOf } from "./row.ts";

export interface GeneratedLoad {
  /** memcached-udp has one request in a datagram. Default: memcached. */
  readonly protocol?: "memcached" | "redis" | "memcached-udp";
  /** Keys are chosen at random out of so many. */
  readonly keys: number;
  readonly valueBytes: number;
  readonly connections?: number;
  readonly threads?: number;
  /** Requests in one write, closed loop only. */
  readonly pipeline?: number;
  /** Keys of one get. */
  readonly multi?: number;
  readonly setPercent?: number;
  /** What is done: every key stored once; so many requests, as fast as they are answered; so many a second. */
  readonly amount:
    | { readonly fill: true }
    | { readonly requests: number }
    | { readonly rate: number; readonly seconds: number; readonly warmupSeconds: number };
}

export interface RunOptions {
  /** Runs the command line through this prefix, e.g. ["taskset", "-c", "1"]. */
  readonly through?: readonly string[];
}

export interface LoadGenerator {
  /** Operations are keys: a get of 16 keys is 16 of them. */
  run(port: number, load: GeneratedLoad, options?: RunOptions): Promise<LoadReport>;
  remove(): void;
}

/** More than this share of the requests lost (UDP): no measurement. */
const lostMax = 0.01;
const timeoutMs = 120_000;

/** Compiled, or the reason why not. */
export function buildLoadGenerator(): LoadGenerator | string {
  try {
    return loadGenerator(compileNative("load"));
  } catch (error) {
    return `load generator: ${reasonOf(error)}`;
  }
}

function loadGenerator({ path, remove }: NativeProgram): LoadGenerator {
  return { run: (port, load, options = {}) => run([...(options.through ?? []), path], port, load), remove };
}

export function loadArguments(port: number, load: GeneratedLoad): string[] {
  const { amount } = load;
  const values = {
    port,
    protocol: load.protocol,
    keys: load.keys,
    value: load.valueBytes,
    connections: load.connections,
    threads: load.threads,
    pipeline: load.pipeline,
    multi: load.multi,
    sets: load.setPercent,
    fill: "fill" in amount ? 1 : undefined,
    requests: "requests" in amount ? amount.requests : undefined,
    ...("rate" in amount && { rate: amount.rate, seconds: amount.seconds, warmup: amount.warmupSeconds }),
  };
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}

async function run([program = "", ...prefix]: string[], port: number, load: GeneratedLoad): Promise<LoadReport> {
  const child = spawn(program, [...prefix, ...loadArguments(port, load)], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString("latin1")));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  clearTimeout(timer);
  if (code !== 0) throw new Error(errors.trim() || `load generator: ended with ${code ?? signal}`);
  return readLoadReport(text);
}

export function readLoadReport(text: string): LoadReport {
  const { requests, keys, misses, lost, seconds, latencyUs } = JSON.parse(text) as {
    requests: number;
    keys: number;
    misses: number;
    lost: number;
    seconds: number;
    latencyUs: { p50: number; p99: number; p999: number; max: number };
  };
  if (misses > 0) throw new Error(`load generator: ${misses} of ${keys} keys were missing`);
  if (requests === 0 || lost > lostMax * requests)
    throw new Error(`load generator: ${lost} datagrams lost, ${requests} answered`);
  const ms = (us: number): number => us / 1000;
  return {
    operations: keys,
    requestsPerSecond: requests / seconds,
    latency: { p50Ms: ms(latencyUs.p50), p99Ms: ms(latencyUs.p99), p999Ms: ms(latencyUs.p999) },
  };
}
