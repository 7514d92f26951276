/**
 * The three memcacheds that the rows compare: the `memcached` image, plain Node, and Debian's with one worker thread; each with so much memory
 * that nothing is evicted, on TCP and UDP. And the reason where one of them cannot be there.
 */
import {
  missingProgram,
  startBaselineMemcached,
  startGuestMemcached,
  startNativeMemcached,
} from "../server-process.ts";
import type { Contest } from "./contest.ts";
import type { GeneratedLoad, LoadGenerator } from "./load-generator.ts";
import type { Side } from "./row.ts";

const MEMCACHED_PORT = "11211";

/** `options`: of `ringzero run`, for the image. */
export function memcachedServers(megabytes: number, options: string[] = []): Contest["start"] {
  const memory = ["-m", String(megabytes)];
  return {
    guest: () => startGuestMemcached([...memory, "-U", MEMCACHED_PORT], { image: "memcached", options }),
    baseline: () =>
      // Strings and objects are on V8's heap, which ends at a share of the machine's memory by default.
      startBaselineMemcached(["--memory", String(megabytes * 2)], [`--max-old-space-size=${megabytes * 2}`]),
    native: () => startNativeMemcached([...memory, "-t", "1"], { udp: true }),
  };
}

/** `program`: the native one, if it is another. */
export function missingServers(
  generator: LoadGenerator | string,
  program = "memcached",
): Partial<Record<Side, string>> {
  if (typeof generator === "string") return { guest: generator, baseline: generator, native: generator };
  const noNative = missingProgram(program);
  return noNative ? { native: noNative } : {};
}

/** Stores every key of a load once. */
export async function fill(generator: LoadGenerator, port: number, load: Omit<GeneratedLoad, "amount">): Promise<void> {
  const { protocol = "memcached", keys, valueBytes } = load;
  const stream = protocol === "memcached-udp" ? "memcached" : protocol;
  await generator.run(port, {
    protocol: stream,
    keys,
    valueBytes,
    connections: 8,
    pipeline: 64,
    amount: { fill: true },
  });
}
