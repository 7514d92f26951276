/** The protocol test of libmemcached's, Debian's memccapable, against the memcached images: the text and the binary protocol. */
import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, test } from "vitest";
import { missingImage, missingProgram, type ServerProcess, startGuestMemcached } from "../../server-process.ts";

let server: ServerProcess | undefined;
afterEach(async () => {
  await server?.kill();
  server = undefined;
});

describe.each(["memcached", "memcached-c"])("%s", (image) => {
  const missing = missingImage(image) ?? missingProgram("memccapable", ["-h"]);
  if (missing) console.log(`memccapable: ${missing} (Debian: apt-get install libmemcached-tools)`);

  test.skipIf(missing)("memccapable passes all of its 54 tests", { timeout: 120_000 }, async () => {
    server = await startGuestMemcached(["-t", "4"], { image });
    const args = ["-h", "127.0.0.1", "-p", String(server.port), "-t", "30"];
    const { stdout, stderr, status } = spawnSync("memccapable", args, { encoding: "utf8" });
    const results = [...stdout.matchAll(/^(\S.*?)\s+\[(\w+)\]$/gm)].map(([, name, result]) => `${name}: ${result}`);
    expect(results.filter((result) => !result.endsWith(": pass"))).toEqual([]);
    expect(results, stdout + stderr).toHaveLength(54);
    expect(stdout).toContain("All tests passed");
    expect(status).toBe(0);
  });
});
