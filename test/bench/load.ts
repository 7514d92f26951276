/**
 * The load generator: redis-benchmark, one test at a time, read back as numbers. The full report is parsed, not --csv, which
 * has no percentile above 99.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

export const loadTests = ["SET", "GET", "INCR", "LPUSH", "ZADD", "HSET"] as const;
export type LoadTest = (typeof loadTests)[number];

export interface Load {
  readonly test: LoadTest;
  readonly pipeline: number;
  readonly requests: number;
  readonly clients: number;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

export async function runLoad(port: number, load: Load): Promise<LoadResult> {
  const child = spawn(
    "redis-benchmark",
    [
      ["-h", "127.0.0.1", "-p", String(port), "-c", String(load.clients), "-P", String(load.pipeline)],
      ["-n", String(load.requests), "-r", "100000", "-t", load.test.toLowerCase(), "--precision", "3"],
    ].flat(),
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let text = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString("latin1")));
  const timer = setTimeout(() => child.kill("SIGKILL"), 120_000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  if (code !== 0)
    throw new Error(`redis-benchmark ended with ${code ?? "a signal"}: ${errors.trim() || text.slice(-300)}`);
  return parseReport(text);
}

export function parseReport(text: string): LoadResult {
  const throughput = /throughput summary: ([\d.]+) requests per second/.exec(text)?.[1];
  // "99.902% <= 2.751 milliseconds (cumulative count 299712)", HDR steps: the first step at or above the wanted share.
  const distribution = text.slice(text.indexOf("Latency by percentile"), text.indexOf("Cumulative distribution"));
  const steps = [...distribution.matchAll(/([\d.]+)% <= ([\d.]+) milliseconds/g)].map((match) => ({
    share: Number(match[1]),
    ms: Number(match[2]),
  }));
  const summary = /latency summary \(msec\):\s+avg\s+min\s+p50\s+p95\s+p99\s+max\s+([\d. ]+)/.exec(text)?.[1];
  const [, , p50, , p99] = summary?.trim().split(/\s+/).map(Number) ?? [];
  const p999 = steps.find((step) => step.share >= 99.9)?.ms;
  if (throughput === undefined || p50 === undefined || p99 === undefined || p999 === undefined) {
    throw new Error(`redis-benchmark's report is not understood: ${text.slice(-400)}`);
  }
  return { requestsPerSecond: Number(throughput), p50Ms: p50, p99Ms: p99, p999Ms: p999 };
}
