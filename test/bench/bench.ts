/**
 * `npm run bench`: one table, our machine beside plain Node and beside the native program, measured in one run; and the same as
 * JSON (test/bench/results/, or --json FILE), which later runs can be compared with (--compare). A peer that is not there is named with the reason and fails nothing; our own side
 * failing is an error.
 */
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import yoctoSpinner from "yocto-spinner";
import { imagePath, repositoryRoot } from "../server-process.ts";
import { bootRows } from "./boot-rows.ts";
import { callRows } from "./call-rows.ts";
import { renderGoals } from "./goals.ts";
import { imageRows } from "./image-rows.ts";
import { inProcessRows } from "./in-process-rows.ts";
import { latencyRows } from "./latency-rows.ts";
import { buildLoadGenerator } from "./load-generator.ts";
import { memcachedCRows } from "./memcached-c-rows.ts";
import { memcachedRows } from "./memcached-rows.ts";
import { memoryRows } from "./memory-rows.ts";
import { redisRows, redisServerRows } from "./redis-rows.ts";
import { type Report, readReport, renderChanges, writeReport } from "./report.ts";
import type { Row } from "./row.ts";
import { scalingRows } from "./scaling-rows.ts";
import { socketRows } from "./socket-rows.ts";
import { renderMissing, renderTable } from "./table.ts";
import { wasiRows } from "./wasi-rows.ts";

const program = new Command("bench")
  .description("Ringzero beside plain Node and beside the native program, in one run")
  .option("--quick", "a smoke run of about a minute: small numbers, one round")
  .option("--only <pattern>", "only rows whose name matches this regular expression, e.g. 'boot|P=16'")
  .option("--rounds <count>", "rounds of the redis rows (median of them is reported)", Number)
  .option("--json <file>", "where the JSON goes (default: test/bench/results/DATE.json)")
  .option(
    "--compare <file...>",
    "with one file: the change since that run; with two: their difference, nothing is run",
  );
const options = program.parse().opts<{
  quick?: boolean;
  only?: string;
  rounds?: number;
  json?: string;
  compare?: string[];
}>();

// Before anything is measured: a mistake must not cost the run.
const compared: Report[] = [];
try {
  compared.push(...(options.compare ?? []).map(readReport));
} catch (error) {
  program.error(`--compare: ${error instanceof Error ? error.message : error}`);
}
if (compared.length > 2) program.error("--compare: one file or two");
const [before, after] = compared;
if (before && after) {
  console.log(renderChanges(before, after));
  process.exit(0);
}

const quick = options.quick ?? false;
const rounds = options.rounds ?? (quick ? 1 : 3);
if (!(rounds >= 1)) program.error("--rounds: give a number from 1 on");
let pattern: RegExp | undefined;
try {
  pattern = options.only === undefined ? undefined : new RegExp(options.only, "i");
} catch {
  program.error(`--only: ${options.only} is no regular expression`);
}
const wanted = (name: string): boolean => pattern?.test(name) ?? true;

// On a terminal a spinner names every step; in a log that would be hundreds of lines, so there only the groups are named.
const spinner = process.stderr.isTTY ? yoctoSpinner({ stream: process.stderr }).start() : undefined;
const progress = (text: string): void => {
  if (spinner) spinner.text = text;
};

/** The images of the Linux personality are built by a command of their own: the rows of one that is not there are left out. */
const linuxImages = ["redis-server", "memcached-c", "sqlite3", "lua"];
const ports = linuxImages.filter((image) => existsSync(imagePath(image)));
const unbuilt = linuxImages.filter((image) => !ports.includes(image));
const has = (image: string): boolean => ports.includes(image);

const startedMs = performance.now();
const generator = buildLoadGenerator();
const rows: Row[] = [];
for (const [group, measure] of [
  ["system calls and switches", () => callRows(wanted, progress)],
  ["boot", () => bootRows(["redis", ...ports.filter((image) => image === "redis-server")], quick, wanted, progress)],
  ["redis", () => redisRows({ quick, rounds }, wanted, progress)],
  ["redis-server", () => (has("redis-server") ? redisServerRows({ quick, rounds }, wanted, progress) : [])],
  ["memcached", () => memcachedRows(generator, { quick, rounds }, wanted, progress)],
  ["memcached, latency at a fixed rate", () => latencyRows(generator, { quick, rounds }, wanted, progress)],
  ["memcached, memory", () => memoryRows(generator, quick, wanted, progress)],
  ["Node's sockets alone", () => socketRows(generator, { quick, rounds }, wanted, progress)],
  ["in process", () => inProcessRows(generator, { quick, rounds }, wanted, progress)],
  ["shards", () => scalingRows(generator, { quick, rounds }, wanted, progress)],
  ["memcached-c", () => (has("memcached-c") ? memcachedCRows({ quick, rounds }, wanted, progress) : [])],
  ["WASI calls", () => wasiRows({ quick, rounds }, wanted, progress)],
  ["images", () => imageRows(["redis", ...ports], wanted)],
] as const) {
  const groupStartedMs = performance.now();
  if (!spinner) process.stderr.write(`measuring: ${group} … `);
  rows.push(...(await measure()));
  if (!spinner) console.error(`${((performance.now() - groupStartedMs) / 1000).toFixed(1)} s`);
}
spinner?.stop();
if (typeof generator !== "string") generator.remove();
if (rows.length === 0) program.error(`--only ${options.only}: no row matches`);

console.log(renderTable(rows));
const missing = renderMissing(rows);
if (missing !== "") console.log(missing);
if (unbuilt.length > 0)
  console.log(`rows left out: the images ${unbuilt.join(", ")} are not built (npm run guests:linux)`);
const file =
  options.json ?? join(repositoryRoot, "test/bench/results", `${new Date().toISOString().replaceAll(":", "-")}.json`);
const report = {
  date: new Date().toISOString(),
  node: process.version,
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  quick,
  rounds,
  rows,
};
writeReport(file, report);
const goals = renderGoals(rows);
if (goals !== "") console.log(goals);
if (before) console.log(renderChanges(before, report));
console.log(`${rows.length} rows in ${Math.round((performance.now() - startedMs) / 1000)} s; JSON: ${file}`);
// Our own side has to be there, unless what is missing is missing for another side as well (the load generator). A stuck handle
// of a failed server must not keep the process alive.
const failed = ({ missing: { guest, baseline, native } }: Row): boolean =>
  guest !== undefined && guest !== baseline && guest !== native;
process.exit(rows.some(failed) ? 1 : 0);
