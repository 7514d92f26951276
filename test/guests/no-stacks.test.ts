/**
 * JavaScript engines that cannot suspend a Wasm stack (JSPI): a child process in which it has been taken away.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const CLI = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "host", "cli.ts");
/** In every thread of the child: the machine has one of its own. */
const WITHOUT_JSPI = ["--require", fileURLToPath(new URL("without-jspi.cjs", import.meta.url))];

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [...WITHOUT_JSPI, CLI, "run", ...args], {
      timeout: 20_000,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test("a guest that never blocks runs", async () => {
  const { code, stdout } = await run("hello", "--", "there");
  expect(stdout).toContain("argument 1: there\n");
  expect(code).toBe(0);
});

test("a guest in callback style serves", async () => {
  const child = spawn(process.execPath, [...WITHOUT_JSPI, CLI, "run", "http", "--publish", "0:80"]);
  try {
    const [ready] = (await once(child.stderr, "data")) as [Buffer];
    const port = /^ready http 127\.0\.0\.1:(\d+) /.exec(ready.toString())?.[1];
    expect(await (await fetch(`http://127.0.0.1:${port}/hello`)).text()).toBe("Hello, world!\n");
  } finally {
    child.kill("SIGTERM");
  }
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("a guest that has to block is told so and ends, with a message", async () => {
  const { code, stderr } = await run("echo");
  expect(stderr).toContain("echo: accept: Resource deadlock avoided\n");
  expect(code).toBe(1);
});
