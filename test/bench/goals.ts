/**
 * What the project wants of itself: rows whose ratio has a floor (what must hold) and a goal (what would be good), and how a run did. The figures
 * are ratios of one run, so that they hold on any machine.
 */
import Table from "cli-table3";
import { type Row, ratio, type Side } from "./row.ts";

interface Goal {
  /** Every row whose name matches, by itself. */
  readonly rows: RegExp;
  /** What the guest is divided by; "value": the reading itself. */
  readonly to: Side | "value";
  readonly floor: number;
  readonly goal: number;
  /** Where more is better (default: less). */
  readonly atLeast?: true;
}

const serverCpu = (name: string): RegExp => new RegExp(`^${name} server CPU$`);

const goals: readonly Goal[] = [
  { rows: serverCpu("P=1 (SET|GET)"), to: "native", floor: 1.0, goal: 0.9 },
  { rows: serverCpu("P=16 (SET|GET)"), to: "native", floor: 0.75, goal: 0.59 },
  { rows: serverCpu("P=16 (SET|GET)"), to: "baseline", floor: 0.6, goal: 0.4 },
  { rows: serverCpu("memcached P=1 (get|set)"), to: "native", floor: 1.1, goal: 0.82 },
  { rows: serverCpu("memcached (P=16 (get|set)|get of \\d+ keys)"), to: "native", floor: 0.8, goal: 0.8 },
  {
    rows: serverCpu("memcached (P=1 (get|set)|P=16 (get|set)|get of \\d+ keys)"),
    to: "baseline",
    floor: 0.6,
    goal: 0.6,
  },
  { rows: serverCpu("memcached UDP get( by ffi)?"), to: "baseline", floor: 0.8, goal: 0.66 },
  { rows: /^\w+ (get|set) in process, operations per core/, to: "value", floor: 4, goal: 10, atLeast: true },
  { rows: /^memcached 20 k\/s, 5 M keys p50/, to: "baseline", floor: 1 / 3, goal: 1 / 10 },
  { rows: /^memory per key .*, 1 M keys$/, to: "native", floor: 1, goal: 1 },
  { rows: /^WASI /, to: "baseline", floor: 0.8, goal: 0.8 },
  { rows: /^WASI /, to: "native", floor: 0.8, goal: 0.8 },
  { rows: /^\w+ 2 shards, capacity to 1 shard$/, to: "value", floor: 1.7, goal: 1.7, atLeast: true },
];

export interface Outcome {
  readonly row: string;
  readonly to: Goal["to"];
  readonly reached: number;
  readonly floor: number;
  readonly goal: number;
  readonly atLeast: boolean;
  readonly verdict: "goal" | "floor" | "missed";
}

/** One entry for each goal and row that both sides of were measured. */
export function outcomes(rows: readonly Row[]): Outcome[] {
  return goals.flatMap(({ rows: pattern, to, floor, goal, atLeast = false }) =>
    rows.flatMap((row) => {
      const reached = to === "value" ? row.readings.guest?.value : ratio(row, to);
      if (!pattern.test(row.name) || reached === undefined) return [];
      const reaches = (bound: number): boolean => (atLeast ? reached >= bound : reached <= bound);
      const verdict = reaches(goal) ? "goal" : reaches(floor) ? "floor" : "missed";
      return [{ row: row.name, to, reached, floor, goal, atLeast, verdict }];
    }),
  );
}

export function renderGoals(rows: readonly Row[]): string {
  const all = outcomes(rows);
  if (all.length === 0) return "";
  const table = new Table({
    head: ["goals", "to", "reached", "floor", "goal", ""],
    colAligns: ["left", "left", "right", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  for (const { row, to, reached, floor, goal, atLeast, verdict } of all) {
    const bound = (value: number): string => `${atLeast ? "≥" : "≤"} ${value.toFixed(2)}`;
    const word = verdict === "missed" ? "floor missed" : verdict === "floor" ? "floor holds" : "goal reached";
    const side = { value: "", baseline: "plain Node", native: "native", guest: "" }[to];
    table.push([row, side, reached.toFixed(2), bound(floor), bound(goal), word]);
  }
  return table.toString();
}
