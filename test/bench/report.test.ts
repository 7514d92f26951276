/** Reports: kept and read again, compared with a noise figure, judged by the goals. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { outcomes, renderGoals } from "./goals.ts";
import { compareReports, type Report, readReport, renderChanges, writeReport } from "./report.ts";
import type { Reading, Row, Side } from "./row.ts";

const folder = mkdtempSync(join(tmpdir(), "ringzero-report-"));
afterAll(() => rmSync(folder, { recursive: true }));

function row(name: string, readings: Partial<Record<Side, Reading>>, smallerIsBetter = true): Row {
  return { group: "g", name, unit: "µs/op", smallerIsBetter, readings, missing: {} };
}
function report(...rows: Row[]): Report {
  return { date: "2026-01-01", node: "v26", cpu: "a cpu", cores: 2, quick: false, rounds: 3, rows };
}
const rounds = (...values: number[]): Reading => ({ value: values[1] ?? values[0] ?? 0, rounds: values });

test("a report is written with its ratios and read again; another file is none", () => {
  const file = join(folder, "deep/report.json");
  const kept = report(row("a", { guest: { value: 2 }, native: { value: 4 } }));
  writeReport(file, kept);
  expect(readReport(file)).toMatchObject({ ...kept, rows: [{ ...kept.rows[0], toNative: 0.5 }] });
  expect(() => readReport(join(folder, "none"))).toThrow(/none: ENOENT/);
  for (const text of ["", "{}", "null", '{"rows": [1]}', '{"rows": [{"name": "a"}]}']) {
    writeFileSync(file, text);
    expect(() => readReport(file), text).toThrow(file);
  }
});

test("changes beyond the noise are told by their direction; the others are none", () => {
  const before = report(
    row("faster", { guest: rounds(9, 10, 11), native: { value: 5 } }),
    row("slower", { guest: rounds(9.9, 10, 10.1) }),
    row("noisy", { guest: rounds(5, 10, 15) }),
    row("more", { guest: rounds(99, 100, 101) }, false),
    row("once", { guest: rounds(10) }),
    row("gone", { guest: rounds(10) }),
    row("unmeasured", {}),
  );
  const after = report(
    row("faster", { guest: rounds(7, 8, 8), native: { value: 5 } }),
    row("slower", { guest: rounds(10.9, 11, 11.1) }),
    row("noisy", { guest: rounds(9, 11, 20) }),
    row("more", { guest: rounds(109, 110, 111) }, false),
    row("once", { guest: rounds(20) }),
    row("new", { guest: rounds(10) }),
    row("unmeasured", { guest: rounds(10) }),
  );
  const changes = compareReports(before, after);
  expect(changes.map(({ row: { name }, verdict }) => `${name} ${verdict}`)).toEqual([
    "faster better",
    "slower worse",
    "noisy same",
    "more better",
    "once unknown",
  ]);
  expect(changes[0]?.change).toBeCloseTo(-0.2);
  // Half of the spread of each run: 1 of 10 and 0.5 of 7.5, together.
  expect(changes[0]?.noise).toBeCloseTo(Math.hypot(0.1, 1 / 15));
  expect(changes[0]?.ratios).toEqual([2, 1.6]);
  const text = renderChanges(before, after);
  expect(text).toMatch(/faster.*10\.00.*8\.000.*-20\.0 %.*±12\.0 %.*better.*2\.00× → 1\.60×/);
  expect(text).toMatch(/once.*\+100\.0 %.*one round/);
  expect(text).toContain("5 rows compared; 2 only before, 2 only after");
});

test("goals: reached, only the floor, missed, not measured", () => {
  const cpu = (name: string, guest: number, native: number) =>
    row(`${name} server CPU`, { guest: { value: guest }, native: { value: native } });
  const rows = [
    cpu("P=1 SET", 0.8, 1),
    cpu("P=16 GET", 0.7, 1),
    cpu("memcached P=1 get", 1.2, 1),
    cpu("P=1 LPUSH", 5, 1),
    row("memcached P=1 set server CPU", { guest: { value: 1 } }),
    row("memcached 2 shards, capacity to 1 shard", { guest: { value: 1.8 } }, false),
    row("redis set in process, operations per core to TCP", { guest: { value: 3 } }, false),
  ];
  expect(outcomes(rows).map(({ row: name, verdict }) => `${name}: ${verdict}`)).toEqual([
    "P=1 SET server CPU: goal",
    "P=16 GET server CPU: floor",
    "memcached P=1 get server CPU: missed",
    "redis set in process, operations per core to TCP: missed",
    "memcached 2 shards, capacity to 1 shard: goal",
  ]);
  expect(renderGoals(rows)).toMatch(/P=16 GET server CPU.*native.*0\.70.*≤ 0\.75.*≤ 0\.59.*floor holds/);
  expect(renderGoals([])).toBe("");
});
