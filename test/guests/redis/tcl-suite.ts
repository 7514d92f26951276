/**
 * Runs Redis' own Tcl test suite in external mode against our image, or against
 * any server (`--port`), and prints a summary per unit. Fails on any error,
 * on a unit that dies, and on fewer passed tests than `--min`.
 *
 *   node test/guests/redis/tcl-suite.ts                    boots the redis image
 *   node test/guests/redis/tcl-suite.ts --port 6379 --unit type/list --verbose
 *
 * The last line is `N passed, N failed, N skipped`. Tests that the fixed tags
 * leave out (DEBUG, replication and the like) belong to no count: they
 * are not part of the job. A test that the suite itself skips counts as skipped.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { missingProgram, startGuest } from "../../server-process.ts";
import { privateView, redisSource } from "./tcl-source.ts";

const unitNames = [
  "protocol",
  "keyspace",
  "scan",
  "type/string",
  "type/incr",
  "type/list",
  "type/set",
  "type/zset",
  "type/hash",
  "expire",
  "multi",
  "pubsub",
  "sort",
  "quit",
  "bitops",
];
const tags = "-slow -needs:debug -needs:repl -needs:reset -needs:config-maxmemory -needs:save";

/**
 * Tests in these units about what the image leaves to the real Redis (scripting): it answers them with an error that says so.
 * They are left out by name and listed in the summary; `--all` runs them, for a server that has everything.
 */
const leftOut = [
  "MULTI and script timeout",
  "EXEC and script timeout",
  "MULTI-EXEC body and script timeout",
  "just EXEC and script timeout",
  "SORT sorted set BY nosort works as expected from scripts",
];

/** What a full run without those must pass: native Redis 7.0.15 passes 1,056 of all; one of them is about its own allocator. */
const PASSED_MIN = 1056 - 1 - leftOut.length;

interface UnitResult {
  name: string;
  passed: number;
  failed: string[];
  skipped: string[];
  leftOut: string[];
  tookMs: number;
}

const program = new Command()
  .description("Redis' own test suite in external mode")
  .option("--port <port>", "test a server that runs already", Number)
  .option("--host <host>", "where it runs", "127.0.0.1")
  .option("--unit <name>", "only this unit (may be repeated)", (value: string, all: string[]) => [...all, value], [])
  .option("--source <folder>", "Redis' unpacked source instead of apt-get source")
  .option("--min <count>", "fail if fewer tests pass (default for the full run: all but those left out)", Number)
  .option("--all", "also the tests about scripting")
  .option("--timeout <seconds>", "give up on a unit after so long", Number, 300)
  .option("--json <file>", "also write the counts as JSON")
  .option("--verbose", "show every test's line");
const options = program.parse().opts<{
  port?: number;
  host: string;
  unit: string[];
  source?: string;
  min?: number;
  all?: boolean;
  timeout: number;
  json?: string;
  verbose?: boolean;
}>();

async function runUnit(folder: string, name: string, port: number): Promise<UnitResult> {
  const result: UnitResult = { name, passed: 0, failed: [], skipped: [], leftOut: [], tookMs: 0 };
  const startedMs = performance.now();
  const server = ["--host", options.host, "--port", String(port)];
  const without = options.all ? [] : leftOut.flatMap((test) => ["--skiptest", test]);
  const child = spawn(
    "./runtest",
    [...server, "--ignore-encoding", "--ignore-digest", "--tags", tags, "--single", `unit/${name}`, ...without],
    {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // its own group: runtest's Tcl clients must not outlive a timeout
    },
  );
  const timer = setTimeout(() => {
    result.failed.push(`${name}: no end after ${options.timeout} s`);
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, options.timeout * 1000);
  let explaining = false;
  let passedAll = false;
  const read = (line: string): void => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: runtest colours its output
    const plain = line.replace(/\x1b\[[0-9;]*m/g, "");
    if (options.verbose) console.log(plain);
    const match = /^\[(ok|err|skip|exception|TIMEOUT)\]:? ?(.*)$/.exec(plain);
    if (match === null) {
      if (plain.includes("All tests passed without errors!")) passedAll = true;
      // The lines right after an error belong to it (the values that differed).
      if (plain.trim() === "" || plain.startsWith("[")) explaining = false;
      else if (explaining) result.failed[result.failed.length - 1] += `\n      ${plain.slice(0, 400)}`;
      return;
    }
    explaining = false;
    const text = match[2] ?? "";
    if (match[1] === "ok") result.passed++;
    else if (match[1] === "skip" && leftOut.includes(text)) result.leftOut.push(text);
    else if (match[1] === "skip") result.skipped.push(text);
    else {
      explaining = true;
      result.failed.push(text);
    }
  };
  createInterface(child.stdout).on("line", read);
  createInterface(child.stderr).on("line", read);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  if (result.failed.length === 0 && (code !== 0 || !passedAll)) {
    result.failed.push(`${name}: runtest ended with code ${code} before its end`);
  }
  result.tookMs = performance.now() - startedMs;
  return result;
}

/** unit/bitops raises proto-max-bulk-len and leaves it so; unit/protocol and type/string rely on its default. */
async function restoreBulkLimit(host: string, port: number): Promise<void> {
  const socket = connect({ host, port });
  await once(socket, "connect");
  socket.write("CONFIG SET proto-max-bulk-len 536870912\r\n");
  await once(socket, "data");
  socket.destroy();
}

async function main(): Promise<number> {
  const missing = missingProgram("tclsh", ["/dev/null"]);
  if (missing !== undefined) throw new Error(`${missing}: apt-get install tcl`);
  const source = options.source ?? (await redisSource());
  const full = options.unit.length === 0;
  const names = full ? unitNames : options.unit.map((name) => name.replace(/^unit\//, ""));
  const minimum = options.min ?? (full ? PASSED_MIN : 1);
  const server = options.port === undefined ? await startGuest() : undefined;
  const view = privateView(source);
  const results: UnitResult[] = [];
  try {
    for (const name of names) {
      await restoreBulkLimit(options.host, options.port ?? server?.port ?? 0);
      const result = await runUnit(view.folder, name, options.port ?? server?.port ?? 0);
      results.push(result);
      const seconds = (result.tookMs / 1000).toFixed(1).padStart(6);
      const failed = result.failed.length ? `${result.failed.length} failed` : "";
      console.log(`${name.padEnd(14)} ${String(result.passed).padStart(4)} ok ${seconds} s  ${failed}`);
      for (const failure of result.failed) console.log(`    ${failure}`);
    }
  } finally {
    view.remove();
    await server?.stop();
  }
  const passed = results.reduce((sum, unit) => sum + unit.passed, 0);
  const failed = results.reduce((sum, unit) => sum + unit.failed.length, 0);
  const skipped = results.reduce((sum, unit) => sum + unit.skipped.length, 0);
  const without = results.flatMap((unit) => unit.leftOut);
  if (without.length > 0) console.log(`left out, for they need scripting: ${without.join("; ")}`);
  if (options.json !== undefined)
    writeFileSync(options.json, JSON.stringify({ passed, failed, skipped, units: results }, null, 2));
  if (passed < minimum) console.log(`only ${passed} tests passed, ${minimum} are expected`);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || passed < minimum ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`tcl-suite: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
