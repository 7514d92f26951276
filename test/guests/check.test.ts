/**
 * The C programs of guests/check do the same natively and in a machine; every row of the Linux system-call table has one; the
 * conformance page shows what is.
 */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkedPrograms, checkPrograms, checkResults, runsHere } from "../../guests/check/programs.ts";
import { conformancePage } from "../../kernel/syscall/linux/page.ts";
import { LINUX_TABLE } from "../../kernel/syscall/linux/table.ts";
import { missingProgram } from "../server-process.ts";
import { runCheckProgram } from "./conformance/check-run.ts";
import { nativeCompiler, ringzeroCompiler } from "./conformance/compiler.ts";
import { inParallel, MachinePool } from "./conformance/machine-pool.ts";

const programs = checkPrograms();

describe("the conformance programs", () => {
  it("cover every row of the Linux table, and name rows only", () => {
    const rows = LINUX_TABLE.map(({ name }) => name);
    const covered = new Set(programs.flatMap(({ covers }) => covers));
    expect(rows.filter((name) => !covered.has(name))).toEqual([]);
    expect([...covered].filter((name) => !rows.includes(name))).toEqual([]);
  });

  it("say what they claim and what they need", () => {
    for (const { name, claim, covers, needs } of programs) {
      expect(claim, name).not.toBe("");
      expect(covers, name).not.toEqual([]);
      for (const need of needs) expect(need, name).toMatch(/^(root|self|memory|linux-\d+\.\d+)$/);
    }
  });

  it("are those of results.json (npm run conformance writes it)", () => {
    const { agree, differ } = checkResults();
    expect([...agree, ...differ].sort()).toEqual(programs.map(({ name }) => name).sort());
  });

  it("make the page that kernel/syscall/linux/README.md is (npm run docs writes it)", () => {
    const page = new URL("../../kernel/syscall/linux/README.md", import.meta.url);
    expect(existsSync(page) && readFileSync(page, "utf8")).toBe(conformancePage(LINUX_TABLE, checkedPrograms()));
  });
});

const guest = ringzeroCompiler();
const why = guest === undefined ? "ringzero-cc is not built: npm run guests:linux" : missingProgram("gcc");

describe.skipIf(why !== undefined)(`a machine does what Linux does${why === undefined ? "" : ` (${why})`}`, () => {
  const differences = new Map<string, string | null>();
  const pool = new MachinePool();

  beforeAll(async () => {
    if (guest === undefined) return;
    const compilers = { native: nativeCompiler(), guest };
    const mine = programs.filter(runsHere);
    for (const { name, difference } of await inParallel(mine, 2, (one) => runCheckProgram(one, compilers, pool))) {
      differences.set(name, difference);
    }
  }, 600_000);
  afterAll(() => pool.close());

  for (const one of programs) {
    it.skipIf(!runsHere(one))(`${one.name}: ${one.claim}`, () => {
      expect(differences.get(one.name), one.name).toBe(null);
    });
  }
});
