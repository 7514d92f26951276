/** The rows as one table for a terminal, or plain for a file. */
import Table from "cli-table3";
import { type Reading, type Row, ratio, type Side, sides } from "./row.ts";

export function renderTable(rows: readonly Row[]): string {
  const table = new Table({
    head: ["", "unit", "ringzero", "plain Node", "native", "to Node", "to native"],
    colAligns: ["left", "left", "right", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  let group = "";
  for (const row of rows) {
    if (row.group !== group) {
      group = row.group;
      table.push([{ content: group, colSpan: 7 }]);
    }
    const cells = sides.map((side) => cell(row.readings[side], row.missing[side]));
    table.push([`  ${row.name}`, row.unit, ...cells, factor(row, "baseline"), factor(row, "native")]);
  }
  return table.toString();
}

/** What was not available, one line a reason with the rows it concerns. */
export function renderMissing(rows: readonly Row[]): string {
  const reasons = new Map<string, Set<string>>();
  for (const row of rows) {
    for (const [side, reason] of Object.entries(row.missing)) {
      const line = `${side}: ${reason}`;
      reasons.set(line, (reasons.get(line) ?? new Set()).add(row.group));
    }
  }
  return [...reasons].map(([line, groups]) => `not available: ${line} (${[...groups].join("; ")})`).join("\n");
}

function cell(reading: Reading | undefined, missing: string | undefined): string {
  if (reading) return reading.detail ?? shortNumber(reading.value);
  return missing === undefined ? "" : "n/a";
}

function factor(row: Row, to: Side): string {
  const value = ratio(row, to);
  return value === undefined ? "" : `${value < 0.1 ? value.toFixed(3) : value.toFixed(2)}×`;
}

function shortNumber(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}
