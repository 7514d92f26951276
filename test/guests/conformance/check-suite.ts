/**
 * Runs the programs of guests/check natively and in machines, and keeps the result for the generated page.
 *
 *   npm run conformance                    all of them; writes guests/check/results.json, which `npm run docs` reads
 *   npm run conformance -- --only fork     those whose names contain "fork"; writes nothing
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { type CheckResults, checkPrograms, runsHere } from "../../../guests/check/programs.ts";
import { CHECK_FOLDER, runCheckProgram } from "./check-run.ts";
import { nativeCompiler, ringzeroCompiler } from "./compiler.ts";
import { inParallel, MachinePool } from "./machine-pool.ts";

const program = new Command()
  .description("The programs of guests/check, natively and in machines")
  .option("--only <text>", "programs whose name contains this");
const options = program.parse().opts<{ only?: string }>();

const guest = ringzeroCompiler();
if (guest === undefined) {
  console.error("conformance: ringzero-cc is not built: npm run guests:linux");
  process.exit(2);
}
const programs = checkPrograms().filter(({ name }) => name.includes(options.only ?? ""));
const unable = programs.filter((one) => !runsHere(one)).map(({ name }) => name);
if (unable.length > 0) {
  console.error(`conformance: run it as root, on a newer Linux: ${unable.join(", ")} cannot run natively`);
  process.exit(2);
}
const pool = new MachinePool();
const compilers = { native: nativeCompiler(), guest };
const outcomes = await inParallel(programs, 2, async (one) => {
  const outcome = await runCheckProgram(one, compilers, pool);
  if (outcome.difference !== null) console.log(`${one.name}: ${outcome.difference}\n`);
  return outcome;
});
pool.close();
const differing = outcomes.filter(({ difference }) => difference !== null);
if (options.only === undefined) {
  const names = (differ: boolean): string[] =>
    outcomes.filter(({ difference }) => (difference !== null) === differ).map(({ name }) => name);
  const results: CheckResults = { agree: names(false), differ: names(true) };
  writeFileSync(join(CHECK_FOLDER, "results.json"), `${JSON.stringify(results, null, 2)}\n`);
}
console.log(`${outcomes.length - differing.length} passed, ${differing.length} failed, 0 skipped`);
process.exitCode = differing.length === 0 ? 0 : 1;
