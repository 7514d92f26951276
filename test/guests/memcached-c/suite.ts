/**
 * memcached's own tests, every t/*.t of Debian's source, against an image, or against a native build of the same source (`--native`).
 * Fails if a file fails, or skips itself that a native build does not skip.
 *
 *   node test/guests/memcached-c/suite.ts [--native | --image memcached] [--daemon] [--file udp.t]… [--jobs N] [--json FILE]
 *
 * `--image memcached-c` (the default) is the same program in Ringzero; `memcached` is our own, which leaves out what the list below names.
 * With `--daemon`, a file that starts its server without arguments runs against one that is there already (T_MEMD_USE_DAEMON); other files
 * start theirs through a script in its place. The last line counts files: `N passed, N failed, N skipped`. Those that skip themselves
 * natively, too, belong to no count, nor do those that are out of an image's scope.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { missingProgram, startNativeMemcached } from "../../server-process.ts";
import { askHelp, guestFolder, imageFolder, nativeFolder } from "./memcached-build.ts";
import { runTapFile, type TapResult } from "./tap-file.ts";

/** Files that run nothing in a default build of memcached 1.6.18, native as well. */
const NEVER_RUN = new Map([
  ["issue_140.t", "cannot be tested, it says"],
  ["issue_260.t", "only under artificial conditions"],
  ["misbehave.t", "needs the seccomp build"],
  ["proxy.t", "needs the proxy build"],
  ["refhang.t", "needs hooks of its own"],
  ["slabhang.t", "needs hooks of its own"],
  ["whitespace.t", "tests memcached's git repository"],
  ...["cert_refresh", "ports", "proto_version", "session_resumption", "settings", "verify_modes"].map(
    (name) => [`ssl_${name}.t`, "needs the TLS build"] as const,
  ),
]);
/** What a 32-bit memcached skips. */
const NOT_ON_32_BIT = new Map([["64bit.t", "needs more than 4 GiB of address space"]]);

/** What our own memcached does not have or does otherwise. */
const OUT_OF_SCOPE = new Map([
  ...["binary-extstore", "chunked-extstore", "error-extstore", "extstore-buckets", "extstore-jbod", "extstore"].map(
    (name) => [`${name}.t`, "extstore: items on a disk"] as const,
  ),
  ["binary-sasl.t", "SASL"],
  ["ascii-auth.t", "authentication by a file of passwords (-Y)"],
  ["restart.t", "warm restart: items in a file that outlive the process (-e)"],
  ["daemonize.t", "daemons: a machine has no background (-d)"],
  [
    "conn-limits.t",
    "500 misses are too many for memcached's reply objects (read_buf_mem_limit); here they take 5 bytes",
  ],
  [
    "slabs-reassign-chunked.t",
    "2 of its 8 points want chunks of large items saved from a page; here those lie in one piece",
  ],
]);
/** The image whose tests are those of the program itself. */
const SAME_PROGRAM = "memcached-c";

const FAILURES_SHOWN = 20;

const collect = (value: string, all: string[]): string[] => [...all, value];
const program = new Command()
  .description("memcached's own tests")
  .option("--native", "test a native build of the same source")
  .option("--image <name>", "the image to test", SAME_PROGRAM)
  .option("--daemon", "run files that start a server without arguments against one that runs already")
  .option("--file <name>", "only this file of t, left out or not (may be repeated)", collect, [])
  .option("--jobs <count>", "files at a time: they sleep most of the time", Number, 3)
  .option("--timeout <seconds>", "give up on a file after so long", Number, 300)
  .option("--json <file>", "also write the counts as JSON");
const options = program.parse().opts<{
  native?: boolean;
  image: string;
  daemon?: boolean;
  file: string[];
  jobs: number;
  timeout: number;
  json?: string;
}>();

interface FileResult extends TapResult {
  /** Against a server that ran already. */
  readonly daemon: boolean;
}

/** Whether a file of t starts its servers without an argument: then any server will do. */
function takesDaemon(path: string): boolean {
  const text = readFileSync(path, "utf8");
  const starts = [...text.matchAll(/\bnew_memcached\s*\((.*?)\)/g)].map(([, args = ""]) => args.trim());
  return starts.length === 1 && starts[0] === "";
}

async function runFile(folder: string, name: string): Promise<FileResult> {
  const timeoutMs = options.timeout * 1000;
  if (!options.daemon || !takesDaemon(join(folder, "t", name)))
    return { ...(await runTapFile(folder, name, timeoutMs)), daemon: false };
  const server = await startNativeMemcached([], { program: join(folder, "memcached-debug") });
  try {
    const env = { T_MEMD_USE_DAEMON: `127.0.0.1:${server.port}` };
    return { ...(await runTapFile(folder, name, timeoutMs, env)), daemon: true };
  } finally {
    await server.kill();
  }
}

function report(result: FileResult): void {
  const seconds = (result.tookMs / 1000).toFixed(1).padStart(6);
  const verdict = result.failed.length > 0 ? "FAILED" : result.skipped === null ? "" : `skipped: ${result.skipped}`;
  const how = result.daemon ? "daemon" : "";
  console.log(
    `${result.name.padEnd(24)} ${String(result.passed).padStart(5)} ok ${seconds} s  ${how.padEnd(6)}  ${verdict}`.trimEnd(),
  );
  for (const failure of result.failed.slice(0, FAILURES_SHOWN)) console.log(`    ${failure.slice(0, 200)}`);
  if (result.failed.length > FAILURES_SHOWN)
    console.log(`    … and ${result.failed.length - FAILURES_SHOWN} more lines`);
}

async function main(): Promise<number> {
  const missing = missingProgram("perl") ?? missingProgram("make") ?? missingProgram("cc");
  if (missing !== undefined) throw new Error(`${missing}: apt-get install perl make gcc libc6-dev`);
  const own = !options.native && options.image !== SAME_PROGRAM;
  const folder = await (options.native ? nativeFolder() : own ? guestFolder(options.image) : imageFolder());
  if (!options.native) askHelp(folder);
  const notRun = new Map([...NEVER_RUN, ...(options.native ? [] : NOT_ON_32_BIT), ...(own ? OUT_OF_SCOPE : [])]);
  const named = options.file.length > 0;
  const all = named ? options.file : readdirSync(join(folder, "t")).filter((name) => name.endsWith(".t"));
  if (named) notRun.clear();
  // The longest ones first, so that none of them is left alone at the end.
  const longFirst = ["extstore", "metaget", "restart", "binary", "00-startup"];
  const rank = (name: string): number => longFirst.findIndex((part) => name.includes(part)) >>> 0;
  const queue = all.filter((name) => !notRun.has(name)).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  const results: FileResult[] = [];
  const worker = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const result = await runFile(folder, name);
      results.push(result);
      report(result);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.jobs) }, worker));
  const failed = results.filter((result) => result.failed.length > 0).length;
  const skipped = results.filter((result) => result.failed.length === 0 && result.skipped !== null).length;
  const passed = results.length - failed - skipped;
  const points = results.reduce((sum, result) => sum + result.passed, 0);
  for (const [name, why] of notRun) if (all.includes(name)) console.log(`left out: ${name} (${why})`);
  if (options.json !== undefined) {
    writeFileSync(options.json, JSON.stringify({ passed, failed, skipped, points, files: results }, null, 2));
  }
  console.log(`${points} test points in ${results.length} files`);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || skipped > 0 || passed === 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`memcached suite: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
