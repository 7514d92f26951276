/**
 * Redis' own tools against the image: redis-benchmark with all its default tests, and a bulk load with `redis-cli --pipe`.
 * RINGZERO_TEST_KEYS says how many keys are loaded (default a million; .ci/run takes ten).
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { missingProgram, startGuest } from "../../server-process.ts";
import { seededRandom, testSeed } from "./redis-machine.ts";
import { RespConnection } from "./resp-connection.ts";

const missing = missingProgram("redis-cli") ?? missingProgram("redis-benchmark");
if (missing) console.log(`redis tools: ${missing}; apt-get install redis-tools enables these tests`);

test.skipIf(missing)("redis-benchmark runs all its default tests to the end", { timeout: 120_000 }, async () => {
  const server = await startGuest();
  try {
    for (const pipeline of ["1", "16"]) {
      const args = ["-p", String(server.port), "-n", "5000", "-P", pipeline, "-r", "1000", "--csv"];
      const child = spawn("redis-benchmark", args, { stdio: ["ignore", "pipe", "pipe"] });
      let text = "";
      child.stdout.on("data", (chunk) => (text += chunk));
      child.stderr.on("data", (chunk) => (text += chunk));
      const [code] = (await once(child, "close")) as [number];
      expect(code, text).toBe(0);
      const names = [...text.matchAll(/^"([^"]+)","([\d.]+)"/gm)]
        .filter(([, , rate]) => Number(rate) > 0)
        .map(([, name]) => name);
      expect(names).toHaveLength(20);
      expect(names).toContain("LRANGE_600 (first 600 elements)");
      expect(names).toContain("MSET (10 keys)");
    }
  } finally {
    await server.stop();
  }
});

test.skipIf(missing)(
  "redis-cli --pipe loads millions of keys, and they are read back",
  { timeout: 400_000 },
  async () => {
    const keys = Number(process.env.RINGZERO_TEST_KEYS ?? 1_000_000);
    const seed = testSeed();
    console.log(`bulk load of ${keys} keys: TEST_SEED=${seed}`);
    const server = await startGuest();
    try {
      const child = spawn("redis-cli", ["-p", String(server.port), "--pipe"], { stdio: ["pipe", "pipe", "pipe"] });
      let text = "";
      child.stdout.on("data", (chunk) => (text += chunk));
      child.stderr.on("data", (chunk) => (text += chunk));
      const ended = once(child, "close");
      const batch = 10_000;
      for (let from = 0; from < keys; from += batch) {
        let frames = "";
        for (let index = from; index < Math.min(keys, from + batch); index++) {
          const [key, value] = [`key:${index}`, `value of ${index}`];
          frames += `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`;
        }
        if (!child.stdin.write(frames, "latin1")) await Promise.race([once(child.stdin, "drain"), ended]);
      }
      child.stdin.end();
      const [code] = (await ended) as [number];
      expect(text).toContain(`errors: 0, replies: ${keys}`);
      expect(code).toBe(0);
      const connection = await RespConnection.open(server.port);
      expect(await connection.call("DBSIZE")).toBe(keys);
      const random = seededRandom(seed);
      const sample = Array.from({ length: 20_000 }, () => random(keys));
      for (const index of sample) connection.send("GET", `key:${index}`);
      for (const index of sample) expect(await connection.read(60_000)).toBe(`value of ${index}`);
      connection.close();
    } finally {
      await server.kill();
    }
  },
);

test.skipIf(missing)("redis-cli: a session as in the README", { timeout: 60_000 }, async () => {
  const server = await startGuest();
  try {
    const cli = (...args: string[]): string =>
      spawnSync("redis-cli", ["-p", String(server.port), ...args], { encoding: "utf8" }).stdout.trimEnd();
    expect(cli("SET", "a", "1")).toBe("OK");
    expect(cli("GET", "a")).toBe("1");
    expect(cli("-3", "HELLO", "3")).toContain("redis");
    expect(cli("--scan")).toBe("a");
    expect(cli("--bigkeys")).toContain("Sampled 1 keys");
    expect(cli("INFO", "server")).toContain("redis_version:");
  } finally {
    await server.stop();
  }
});
