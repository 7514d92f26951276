/**
 * Runs the tests of the public WALI repository (arjunr2/WALI) on our `wali` personality and compares every exit code with the native one.
 *
 *   npm run test:wali -- FOLDER            a checkout; its tests/bin/unit/wasm holds the prebuilt modules
 *   npm run test:wali -- FOLDER --file fcntl --file open --verbose
 *
 * Each test is one source that was built as a module and that this script builds as a native program, and as a native "hooks"
 * program, which makes and removes the files that a run needs (all of them in /tmp, which the guest sees as a volume). The checkout's
 * prebuilt applications are tried, too (applications.ts). Nothing is fetched, and nothing of the checkout is changed.
 *
 * The last lines are the runs that differ and `N passed, N failed, N skipped`; exit code 1 if fewer than `--min` percent of the runs
 * agree, or an application fails.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { missingProgram, repositoryRoot } from "../../server-process.ts";
import { MachinePool } from "../conformance/machine-pool.ts";
import { type ProgramEnd, runNative } from "../conformance/program-end.ts";
import { runApplications } from "./applications.ts";
import { parseRuns, type Run } from "./command-lines.ts";

/** What issue and README promise, in percent of all runs. */
const AGREE_PERCENT_MIN = 95;

interface RunResult {
  readonly test: string;
  readonly run: number;
  readonly args: readonly string[];
  readonly native: number;
  readonly guest: number;
  readonly why: string;
}

const program = new Command()
  .description("The public WALI repository's tests on the wali personality")
  .argument("[folder]", "a checkout of github.com/arjunr2/WALI")
  .option("--file <test>", "only this test (may be repeated)", (name: string, all: string[]) => [...all, name], [])
  .option("--min <percent>", "fail if fewer runs agree", Number, AGREE_PERCENT_MIN)
  .option("--timeout <seconds>", "give up on a run after so long", Number, 20)
  .option("--json <file>", "also write the counts and the differences as JSON")
  .option("--verbose", "show what both sides printed where they differ");
const options = program.parse().opts<{
  file: string[];
  min: number;
  timeout: number;
  json?: string;
  verbose?: boolean;
}>();

/** Compiles a test's native side where it is older than its source; returns the two programs. */
function buildNative(tests: string, name: string): { elf: string; hooks: string } {
  const source = join(tests, "unit", `${name}.c`);
  const folder = join(repositoryRoot, "guests/.build/wali-tests");
  mkdirSync(folder, { recursive: true });
  const elf = join(folder, name);
  const hooks = join(folder, `${name}_hooks`);
  const flags = [`-I${tests}`, `-I${join(tests, "common")}`, "-O2", "-w"];
  const compile = (output: string, args: string[]): void => {
    if (existsSync(output) && statSync(output).mtimeMs >= statSync(source).mtimeMs) return;
    const result = spawnSync("gcc", [...flags, ...args, "-o", output, "-lm", "-lpthread"], { encoding: "utf8" });
    if (result.status !== 0) throw new Error(`${name}: gcc failed\n${result.stderr}`);
  };
  compile(elf, [source]);
  compile(hooks, ["-DWALI_TEST_WRAPPER", join(tests, "common/hooks_main.c"), source]);
  return { elf, hooks };
}

async function compareRun(tests: string, name: string, run: Run, index: number, pool: MachinePool): Promise<RunResult> {
  const { elf, hooks } = buildNative(tests, name);
  const timeoutMs = options.timeout * 1000;
  const env = { PATH: "/usr/bin:/bin", ...run.env };
  const hook = (mode: string, args: readonly string[]): Promise<ProgramEnd> =>
    runNative([hooks, mode, ...args], { cwd: tests, env, timeoutMs });
  // The native program starts as the hook's successor, as in the suite's own runner.
  const native = await runNative([hooks, "setup", ...run.setup, "--", elf, ...run.args], {
    cwd: tests,
    env,
    timeoutMs,
    leadsNobody: true,
  });
  await hook("cleanup", run.cleanup);
  const setup = await hook("setup", run.setup);
  const module = join(tests, "bin/unit/wasm", `${name}.wasm`);
  const job = { module, args: run.args, env: run.env, volumes: { "/tmp": "/tmp" } };
  const guest = setup.code === 0 ? await pool.run(job, timeoutMs) : setup;
  await hook("cleanup", run.cleanup);
  if (options.verbose && native.code !== guest.code) {
    console.log(indent(`native (${native.code}):\n${native.stdout}${native.stderr}`));
    console.log(indent(`guest (${guest.code}): ${guest.reason ?? ""}\n${guest.stdout}${guest.stderr}`));
  }
  const why = guest.reason ?? guest.stderr.trim().split("\n").at(-1) ?? "";
  return { test: name, run: index + 1, args: run.args, native: native.code, guest: guest.code, why };
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, "      ");
}

async function main(): Promise<number> {
  const [folder] = program.args;
  if (folder === undefined || !existsSync(join(folder, "tests/unit"))) {
    console.error(
      "test:wali: give the folder of a checkout of github.com/arjunr2/WALI with its tests/bin/unit/wasm: npm run test:wali -- FOLDER",
    );
    return 2;
  }
  const missing = missingProgram("gcc");
  if (missing !== undefined) throw new Error(`test:wali: ${missing}: apt-get install gcc libc6-dev`);
  const tests = resolve(folder, "tests");
  const names = readdirSync(join(tests, "unit"))
    .filter((file) => file.endsWith(".c") && existsSync(join(tests, "bin/unit/wasm", file.replace(/\.c$/, ".wasm"))))
    .map((file) => file.replace(/\.c$/, ""))
    .filter((name) => options.file.length === 0 || options.file.includes(name))
    .sort();
  const pool = new MachinePool();
  const results: RunResult[] = [];
  try {
    for (const name of names) {
      const runs = parseRuns(readFileSync(join(tests, "unit", `${name}.c`), "utf8"));
      // One after the other: the runs of a test share their files.
      const mine: RunResult[] = [];
      for (const [index, run] of runs.entries()) mine.push(await compareRun(tests, name, run, index, pool));
      const agreed = mine.filter(({ native, guest }) => native === guest).length;
      console.log(`${name.padEnd(24)} ${String(agreed).padStart(3)} of ${mine.length}`);
      results.push(...mine);
    }
  } finally {
    pool.close();
  }
  const applications =
    options.file.length === 0
      ? await runApplications(resolve(folder, "examples/precompiled"))
      : { results: [], missing: [] };
  for (const { name, failure } of applications.results) console.log(`${name}: ${failure ?? "ok"}`);
  const broken = applications.results.filter(({ failure }) => failure !== null);
  const differing = results.filter(({ native, guest }) => native !== guest);
  if (differing.length > 0) console.log("\nruns that end differently:");
  for (const { test, run, args, native, guest, why } of differing) {
    console.log(`  ${test} ${run} [${args.join(" ")}]: native ${native}, here ${guest}${why ? `: ${why}` : ""}`);
  }
  const passed = results.length - differing.length;
  const percent = (100 * passed) / Math.max(1, results.length);
  if (options.json !== undefined) {
    writeFileSync(
      options.json,
      JSON.stringify({ passed, failed: differing.length, skipped: 0, differing, applications }, null, 2),
    );
  }
  console.log(`${percent.toFixed(1)} % of ${results.length} runs end as they do natively (at least ${options.min} %)`);
  const done = passed + applications.results.length - broken.length;
  console.log(`${done} passed, ${differing.length + broken.length} failed, ${applications.missing.length} skipped`);
  return percent >= options.min && broken.length === 0 ? 0 : 1;
}

process.exitCode = await main();
