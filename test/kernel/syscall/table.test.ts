/**
 * The table's own rules: one number and one name per row, the guests' declarations agree with it, the compatibility page is its
 * current output, and every row has a test.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compatibilityPage } from "../../../kernel/syscall/page.ts";
import { TABLE } from "../../../kernel/syscall/table.ts";

const root = new URL("../../../", import.meta.url);

describe("the system-call table", () => {
  it("has every number and every name once", () => {
    expect(new Set(TABLE.map(({ number }) => number)).size).toBe(TABLE.length);
    expect(new Set(TABLE.map(({ name }) => name)).size).toBe(TABLE.length);
  });

  it("says of every partial row what is missing", () => {
    for (const row of TABLE) if (row.level === "partial") expect(row.note, row.name).not.toBe("");
  });

  it("agrees with what guests/lib/sys.ts declares", () => {
    const source = readFileSync(new URL("guests/lib/sys.ts", root), "utf8");
    const declared = new Map<string, string>();
    const pattern = /@external\("ringzero", "(\w+)"\)\s+export declare function \w+\(([^)]*)\): (\w+);/g;
    for (const [, name, parameters, result] of source.matchAll(pattern)) {
      const kinds = (parameters as string)
        .split(",")
        .filter((text) => text.trim() !== "")
        .map((text) => (text.trim().endsWith("f64") ? "f64" : "i32"));
      declared.set(name as string, `(${kinds.join(", ")}): ${result}`);
    }
    const rows = new Map(
      TABLE.map((row) => {
        const kinds = row.parameters.map(({ kind }) => (kind === "f64" ? "f64" : "i32"));
        return [row.name, `(${kinds.join(", ")}): ${row.result}`];
      }),
    );
    expect(Object.fromEntries([...declared].sort())).toEqual(Object.fromEntries([...rows].sort()));
  });

  it("is what kernel/syscall/README.md shows (npm run docs writes it)", () => {
    expect(readFileSync(new URL("kernel/syscall/README.md", root), "utf8")).toBe(compatibilityPage(TABLE));
  });

  it("has a test for every row", () => {
    const tests = readdirSync(new URL("test/", root), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts") && !/(^|\/)(table|bad-pointer)\.test\.ts$|bench/.test(path))
      .map((path) => readFileSync(new URL(`test/${path}`, root), "utf8"))
      .join("\n");
    const untested = TABLE.filter(({ name }) => !new RegExp(`\\b(sys_)?${name}\\b`).test(tests)).map(
      ({ name }) => name,
    );
    expect(untested).toEqual([]);
  });
});
