/** The memcached image for a test: booted in this process on a free port, stopped when the test file ends. */
import type { Duplex } from "node:stream";
import { afterAll } from "vitest";
import { type BootOptions, boot } from "../../../host/index.ts";
import { ByteConnection } from "./byte-connection.ts";

export interface MemcachedMachine {
  readonly port: number;
  /** In-process connection, no host socket. */
  connect(): Duplex;
  /** Over TCP. */
  open(): Promise<ByteConnection>;
  stop(): Promise<void>;
}

export async function bootMemcached(
  args: string[] = [],
  options: Omit<BootOptions, "publish" | "args"> = {},
): Promise<MemcachedMachine> {
  const machine = await boot("memcached", { ...options, publish: { 11211: 0 }, args });
  const port = machine.port(11211);
  return {
    port,
    connect: () => machine.connect(11211),
    open: () => ByteConnection.open(port),
    stop: async () => void (await machine.stop()),
  };
}

/** One machine for all tests of a file. */
export async function sharedMemcached(
  args: string[] = [],
  options: Omit<BootOptions, "publish" | "args"> = {},
): Promise<MemcachedMachine> {
  const machine = await bootMemcached(args, options);
  afterAll(() => machine.stop());
  return machine;
}
