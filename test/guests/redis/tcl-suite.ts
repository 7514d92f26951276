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
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { Command } from "commander";
import { missingProgram, startGuest } from "../../server-process.ts";
import { printUnit, runUnit, type TclResult } from "./tcl-run.ts";
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
  const without = options.all ? [] : leftOut;
  const results: TclResult[] = [];
  try {
    for (const name of names) {
      await restoreBulkLimit(options.host, options.port ?? server?.port ?? 0);
      const result = await runUnit({
        folder: view.folder,
        host: options.host,
        port: options.port ?? server?.port ?? 0,
        unit: `unit/${name}`,
        args: [
          "--ignore-encoding",
          "--ignore-digest",
          "--tags",
          tags,
          ...without.flatMap((test) => ["--skiptest", test]),
        ],
        timeoutMs: options.timeout * 1000,
        ...(options.verbose && { onLine: console.log }),
      });
      results.push(result);
      printUnit(result, 19);
    }
  } finally {
    view.remove();
    await server?.stop();
  }
  const passed = results.reduce((sum, unit) => sum + unit.passed, 0);
  const failed = results.reduce((sum, unit) => sum + unit.failed.length, 0);
  const notRun = results.flatMap((unit) => unit.skipped);
  const skipped = notRun.filter((test) => !without.includes(test)).length;
  if (notRun.length > 0) console.log(`left out, for they need scripting: ${notRun.join("; ")}`);
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
