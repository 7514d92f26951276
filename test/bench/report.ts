/**
 * What a run of the benchmark leaves behind, as JSON: written when it ends, read to be compared with another run. And the comparison: the change of
 * every row that both runs have, beside what the rows' own rounds say about noise.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import Table from "cli-table3";
import { type Row, ratio } from "./row.ts";

export interface Report {
  readonly date: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly quick: boolean;
  readonly rounds: number;
  readonly rows: readonly Row[];
}

export function writeReport(file: string, report: Report): void {
  mkdirSync(dirname(file), { recursive: true });
  const rows = report.rows.map((row) => ({
    ...row,
    toBaseline: ratio(row, "baseline"),
    toNative: ratio(row, "native"),
  }));
  writeFileSync(file, `${JSON.stringify({ ...report, rows }, null, 2)}\n`);
}

/** Throws with one line if the file is no report. */
export function readReport(file: string): Report {
  let report: Partial<Report>;
  try {
    report = JSON.parse(readFileSync(file, "utf8")) as Partial<Report>;
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : error}`);
  }
  const isRow = (row: Partial<Row>): boolean => typeof row?.name === "string" && typeof row.readings === "object";
  if (!Array.isArray(report?.rows) || !report.rows.every(isRow))
    throw new Error(`${file} is no report of the benchmark`);
  return report as Report;
}

export interface Change {
  readonly row: Row;
  readonly before: number;
  readonly after: number;
  /** How much more, as a share of `before`; below zero: less. */
  readonly change: number;
  /**
   * The share that a change must exceed to be one: half of what the rounds of each run spread over, both together. Undefined where a run has
   * one round only.
   */
  readonly noise: number | undefined;
  readonly verdict: "better" | "worse" | "same" | "unknown";
  /** To native, or to plain Node where there is no native: does not move with the machine's speed. */
  readonly ratios: readonly [before: number, after: number] | undefined;
}

/** Rows of both runs, in the order of the second. */
export function compareReports(before: Report, after: Report): Change[] {
  const olds = new Map(before.rows.map((row) => [key(row), row]));
  return after.rows.flatMap((row) => {
    const old = olds.get(key(row));
    const [was, is] = [old?.readings.guest, row.readings.guest];
    if (old === undefined || was === undefined || is === undefined || was.value === 0) return [];
    const change = is.value / was.value - 1;
    const noises = [halfSpread(was.rounds), halfSpread(is.rounds)];
    const noise = noises.includes(undefined) ? undefined : Math.hypot(...(noises as number[]));
    const verdict = noise === undefined ? "unknown" : Math.abs(change) <= noise ? "same" : goodOrBad(row, change);
    const side = row.readings.native && old.readings.native ? "native" : "baseline";
    const [ratioBefore, ratioAfter] = [ratio(old, side), ratio(row, side)];
    const ratios =
      ratioBefore === undefined || ratioAfter === undefined ? undefined : ([ratioBefore, ratioAfter] as const);
    return [{ row, before: was.value, after: is.value, change, noise, verdict, ratios }];
  });
}

function key({ group, name, unit }: Row): string {
  return [group, name, unit].join("\0");
}

function goodOrBad(row: Row, change: number): "better" | "worse" {
  return change < 0 === row.smallerIsBetter ? "better" : "worse";
}

/** Half the distance between the best and the worst round, as a share of their middle. */
function halfSpread(rounds: readonly number[] | undefined): number | undefined {
  if (rounds === undefined || rounds.length < 2) return undefined;
  const [least, most] = [Math.min(...rounds), Math.max(...rounds)];
  return least + most === 0 ? 0 : (most - least) / (most + least);
}

export function renderChanges(before: Report, after: Report): string {
  const changes = compareReports(before, after);
  const table = new Table({
    head: ["", "unit", "before", "after", "change", "noise", "", "to native or Node"],
    colAligns: ["left", "left", "right", "right", "right", "right", "left", "right"],
    style: { head: [], border: [], compact: true },
  });
  let group = "";
  for (const { row, before, after, change, noise, verdict, ratios } of changes) {
    if (row.group !== group) {
      group = row.group;
      table.push([{ content: group, colSpan: 8 }]);
    }
    const percent = `${change > 0 ? "+" : ""}${(change * 100).toFixed(1)} %`;
    const spread = noise === undefined ? "one round" : `±${(noise * 100).toFixed(1)} %`;
    const word = verdict === "better" || verdict === "worse" ? verdict : "";
    const compared = ratios ? `${ratios[0].toFixed(2)}× → ${ratios[1].toFixed(2)}×` : "";
    table.push([`  ${row.name}`, row.unit, short(before), short(after), percent, spread, word, compared]);
  }
  const rest = [before.rows.length, after.rows.length].map((count) => count - changes.length);
  const of = ({ date, quick, rounds, cpu }: Report): string =>
    `${date}, ${quick ? "quick, " : ""}${rounds} ${rounds === 1 ? "round" : "rounds"}, ${cpu}`;
  return [
    `before: ${of(before)}`,
    `after:  ${of(after)}`,
    table.toString(),
    `${changes.length} rows compared; ${rest[0]} only before, ${rest[1]} only after (or not measured)`,
  ].join("\n");
}

function short(value: number): string {
  return value >= 1e4 ? value.toExponential(3) : value.toPrecision(4);
}
