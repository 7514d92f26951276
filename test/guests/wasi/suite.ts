/**
 * Runs other people's tests of WASI on our `wasi_snapshot_preview1` personality, each program in a machine of its own.
 *
 *   npm run test:wasi                            Node's: the 25 prebuilt programs of Debian's source package nodejs, fetched if they are not there
 *   npm run test:wasi -- --testsuite FOLDER      those of WebAssembly/wasi-testsuite, given a checkout of its branch prod/testsuite-base
 *   npm run test:wasi -- --file readdir --verbose
 *
 * The last line is `N passed, N failed, N skipped`; exit code 1 if one failed.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { debianSourceFolder } from "../../../guests/linux/debian-source.ts";
import { inParallel, MachinePool } from "../conformance/machine-pool.ts";
import { nodeTests, publicTests, type WasiTest } from "./programs.ts";

const program = new Command()
  .description("Other people's tests of WASI")
  .option(
    "--testsuite <folder>",
    "a checkout of WebAssembly/wasi-testsuite, branch prod/testsuite-base, instead of Node's tests",
  )
  .option(
    "--file <name>",
    "only tests with this in their name (may be repeated)",
    (name: string, all: string[]) => [...all, name],
    [],
  )
  .option("--jobs <count>", "programs at a time", Number, 2)
  .option("--timeout <seconds>", "give up on a program after so long", Number, 60)
  .option("--json <file>", "also write the counts and the failures as JSON")
  .option("--verbose", "show what failed programs printed");
const options = program.parse().opts<{
  testsuite?: string;
  file: string[];
  jobs: number;
  timeout: number;
  json?: string;
  verbose?: boolean;
}>();

/** What is wrong, or null. */
async function failureOf({ job, code, stdout }: WasiTest, pool: MachinePool): Promise<string | null> {
  const end = await pool.run(job, options.timeout * 1000);
  const said = options.verbose ? `\n${end.stdout}${end.stderr}`.trimEnd().replace(/^/gm, "      ") : "";
  if (end.code !== code) {
    const why = end.reason ?? end.stderr.trim().split("\n").slice(-2).join(" ");
    return `ended with ${end.code}, not ${code}: ${why}${said}`;
  }
  if (stdout !== null && end.stdout !== stdout) return `printed ${JSON.stringify(end.stdout.slice(0, 200))}${said}`;
  return null;
}

async function main(): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), "ringzero-wasi-"));
  const pool = new MachinePool();
  try {
    const all =
      options.testsuite === undefined
        ? nodeTests(await debianSourceFolder("nodejs", "test/wasi"), scratch)
        : publicTests(resolve(options.testsuite), scratch);
    if (all.length === 0)
      throw new Error(`no tests in ${options.testsuite}: give a checkout of the branch prod/testsuite-base`);
    const tests = all.filter(
      ({ name }) => options.file.length === 0 || options.file.some((part) => name.includes(part)),
    );
    const failures = await inParallel(tests, options.jobs, (test) => failureOf(test, pool));
    const failed = tests.flatMap(({ name }, index) =>
      failures[index] === null ? [] : [{ name, why: failures[index] }],
    );
    for (const { name, why } of failed) console.log(`FAILED ${name}: ${why}`);
    const passed = tests.length - failed.length;
    if (options.json !== undefined) {
      writeFileSync(
        options.json,
        JSON.stringify({ passed, failed: failed.length, skipped: 0, failures: failed }, null, 2),
      );
    }
    console.log(`${passed} passed, ${failed.length} failed, 0 skipped`);
    return failed.length > 0 || passed === 0 ? 1 : 0;
  } finally {
    pool.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`WASI suite: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
