/**
 * Runs the conformance programs of the Open POSIX Test Suite, as Debian ships them (source package `posixtestsuite`), natively and in
 * machines: what passes natively must pass here.
 *
 *   npm run test:posix
 *   npm run test:posix -- --only pthread_create --only sigaction/1-1 --verbose
 *
 * The groups are pthread_*, sem_*, mmap, sigaction and clock_*. A program passes if it exits with 0 (PTS_PASS) in time; a program that
 * `ringzero-cc` cannot compile, that traps, hangs or says anything else has failed. Programs that do not pass natively are not counted.
 * The last lines are the programs that fail here and `N passed, N failed, N skipped`; exit code 1 if fewer than `--min` percent pass.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { debianSources } from "../../../guests/linux/debian-source.ts";
import { missingProgram } from "../../server-process.ts";
import { type Compiler, nativeCompiler, ringzeroCompiler } from "../conformance/compiler.ts";
import { inParallel, MachinePool } from "../conformance/machine-pool.ts";
import { runNative } from "../conformance/program-end.ts";

const GROUPS = /^(pthread_\w+|sem_\w+|mmap|sigaction|clock_\w+)$/;
/** What issue and README promise, in percent of the programs that pass natively. */
const PASS_PERCENT_MIN = 95;
/** A program may take so many times what it takes natively, where that is more than the timeout. */
const SLOWDOWN_MAX = 10;
const FLAGS = ["-std=gnu99", "-O2", "-w", "-D_POSIX_C_SOURCE=200112L", "-D_GNU_SOURCE"];

const WITHOUT_CLOCK = process.getuid?.() === 0 ? ["setpriv", "--bounding-set", "-sys_time", "--"] : [];

type Verdict = "passed" | "failed" | "not native";

interface ProgramResult {
  /** "pthread_create/1-1". */
  readonly name: string;
  readonly verdict: Verdict;
  readonly native: string;
  readonly guest: string;
}

const program = new Command()
  .description("The Open POSIX Test Suite's pthread, semaphore, mmap, sigaction and clock programs")
  .option(
    "--only <name>",
    "only this group or program (may be repeated)",
    (name: string, all: string[]) => [...all, name],
    [],
  )
  .option("--source <folder>", "the unpacked source instead of apt-get source")
  .option("--native-only", "say which programs pass natively, run none here")
  .option("--min <percent>", "fail if fewer pass", Number, PASS_PERCENT_MIN)
  .option("--timeout <seconds>", "a program that has not ended after so long has failed", Number, 20)
  .option("--json <file>", "also write the counts and the failures as JSON")
  .option("--verbose", "show what a failing program printed");
const options = program.parse().opts<{
  only: string[];
  source?: string;
  nativeOnly?: boolean;
  min: number;
  timeout: number;
  json?: string;
  verbose?: boolean;
}>();

/** The programs of the groups: "GROUP/NUMBER-NUMBER". The other files are parts of them, shell scripts, or build-only. */
function listPrograms(interfaces: string): string[] {
  return readdirSync(interfaces)
    .filter((group) => GROUPS.test(group))
    .flatMap((group) =>
      readdirSync(join(interfaces, group))
        .filter((file) => /^\d+-\d+\.c$/.test(file))
        .map((file) => `${group}/${file.replace(/\.c$/, "")}`),
    )
    .filter(
      (name) => options.only.length === 0 || options.only.some((only) => name === only || name.startsWith(`${only}/`)),
    )
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

async function compare(
  root: string,
  name: string,
  compilers: { native: Compiler; guest: Compiler | null },
  pool: MachinePool,
): Promise<ProgramResult> {
  const source = join(root, "conformance/interfaces", `${name}.c`);
  const flags = [...FLAGS, `-I${join(root, "include")}`, `-I${join(source, "..")}`];
  const libraries = ["-lpthread", "-lrt", "-lm"];
  const timeoutMs = options.timeout * 1000;
  const scratch = mkdtempSync(join(tmpdir(), "ringzero-posix-"));
  try {
    const built = await compilers.native.compile(source, flags, libraries);
    if (built.error !== null) return { name, verdict: "not native", native: "does not compile", guest: "" };
    // Without the right to set the machine's clock, which is everybody's: programs that set it do not pass natively, then.
    const native = await runNative([...WITHOUT_CLOCK, built.path], { cwd: scratch, timeoutMs });
    const nativeSays = native.reason ?? `exit ${native.code}`;
    if (native.code !== 0 || compilers.guest === null) {
      return { name, verdict: native.code === 0 ? "passed" : "not native", native: nativeSays, guest: "" };
    }
    const module = await compilers.guest.compile(source, flags, libraries);
    if (module.error !== null) return { name, verdict: "failed", native: nativeSays, guest: module.error };
    const guest = await pool.run({ module: module.path, args: [] }, Math.max(timeoutMs, native.tookMs * SLOWDOWN_MAX));
    if (guest.code !== 0 && options.verbose) {
      console.log(
        `${name}: ${guest.reason ?? ""}\n${guest.stdout}${guest.stderr}`.trimEnd().replaceAll("\n", "\n      "),
      );
    }
    const said = guest.reason ?? guest.stderr.trim().split("\n").at(-1) ?? "";
    return {
      name,
      verdict: guest.code === 0 ? "passed" : "failed",
      native: nativeSays,
      guest: `exit ${guest.code} ${said}`.trim(),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const missing = missingProgram("gcc");
  if (missing !== undefined) throw new Error(`test:posix: ${missing}: apt-get install gcc libc6-dev`);
  const guest = options.nativeOnly ? null : ringzeroCompiler();
  if (guest === undefined) {
    console.error("test:posix: ringzero-cc is not built: npm run guests:linux");
    return 2;
  }
  const root = options.source ?? (await debianSources(["posixtestsuite"])).get("posixtestsuite");
  if (root === undefined) throw new Error("test:posix: no sources");
  const names = listPrograms(join(root, "conformance/interfaces"));
  const pool = new MachinePool();
  const compilers = { native: nativeCompiler(), guest };
  let done = 0;
  let results: ProgramResult[];
  try {
    results = await inParallel(names, 2, async (name) => {
      const result = await compare(root, name, compilers, pool);
      if (result.verdict === "failed") console.log(`${name}: ${result.guest}`);
      if (++done % 50 === 0) console.log(`${done} of ${names.length}`);
      return result;
    });
  } finally {
    pool.close();
  }
  return report(results);
}

function report(results: readonly ProgramResult[]): number {
  const of = (verdict: Verdict): ProgramResult[] => results.filter((result) => result.verdict === verdict);
  const [passed, failed, notNative] = [of("passed"), of("failed"), of("not native")];
  const groups = new Set(results.map(({ name }) => name.split("/")[0] as string));
  for (const group of groups) {
    const count = (list: readonly ProgramResult[]): number =>
      list.filter(({ name }) => name.startsWith(`${group}/`)).length;
    const natively = count(passed) + count(failed);
    if (count(failed) > 0) console.log(`${group.padEnd(36)} ${count(passed)} of ${natively}`);
  }
  if (failed.length > 0) console.log(`fail here: ${failed.map(({ name }) => name).join(" ")}`);
  if (notNative.length > 0) {
    console.log(
      `not counted, they do not pass natively: ${notNative.map(({ name, native }) => `${name} (${native})`).join(", ")}`,
    );
  }
  const percent = (100 * passed.length) / Math.max(1, passed.length + failed.length);
  if (options.json !== undefined) {
    const counts = { passed: passed.length, failed: failed.length, skipped: 0 };
    mkdirSync(join(options.json, ".."), { recursive: true });
    writeFileSync(options.json, `${JSON.stringify({ ...counts, failing: failed, notNative }, null, 2)}\n`);
  }
  console.log(`${percent.toFixed(1)} % of the ${passed.length + failed.length} programs that pass natively pass here`);
  console.log(`${passed.length} passed, ${failed.length} failed, 0 skipped`);
  return percent >= options.min ? 0 : 1;
}

process.exitCode = await main();
