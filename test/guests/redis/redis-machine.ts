/**
 * The redis image for a test: booted in this process on a free port, stopped when the test file ends.
 */

import type { Duplex } from "node:stream";
import { afterAll } from "vitest";
import { type BootOptions, boot } from "../../../host/index.ts";

export interface RedisMachine {
  readonly port: number;
  /** In-process connection, no host socket. */
  connect(): Duplex;
  stop(): Promise<void>;
}

export async function bootRedis(
  args: string[] = [],
  options: Omit<BootOptions, "publish" | "args"> = {},
): Promise<RedisMachine> {
  const machine = await boot("redis", { ...options, publish: { 6379: 0 }, args });
  return {
    port: machine.port(6379),
    connect: () => machine.connect(6379),
    stop: async () => void (await machine.stop()),
  };
}

/** One machine for all tests of a file. */
export async function sharedRedis(
  args: string[] = [],
  options: Omit<BootOptions, "publish" | "args"> = {},
): Promise<RedisMachine> {
  const machine = await bootRedis(args, options);
  afterAll(() => machine.stop());
  return machine;
}

/** A small pseudo-random generator, so that a printed seed repeats a run (xorshift32). */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

/** TEST_SEED, or a fresh one; printed either way by whoever uses it. */
export function testSeed(): number {
  return Number(process.env.TEST_SEED ?? (Math.random() * 2 ** 31) >>> 0) || 1;
}

export async function eventually(
  what: string,
  check: () => boolean | Promise<boolean>,
  timeoutMs = 5000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
