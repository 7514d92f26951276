/**
 * SQLite's shell in Ringzero, on databases in a volume, checked by the native shell: big loads, WAL with two connections, kill -9 in the
 * middle of it, and recovery by either.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { missingImage, missingProgram } from "../../server-process.ts";
import { type ProgramEnd, runProgram, startProgram } from "../program-process.ts";
import { eventually, seededRandom, testSeed } from "../redis/redis-machine.ts";

const missing = missingImage("sqlite3") ?? missingProgram("sqlite3");
if (missing) console.log(`sqlite3: ${missing} (Debian: apt-get install sqlite3)`);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringzero-sqlite-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const database = (): string => join(folder, "test.db");

/** Commands of the shell's own (.mode) must begin the line. */
const atMargin = (script: string): string => script.replace(/^[ \t]+/gm, "");

/** The image's shell on the database; it stops at the first error. */
function image(sql: string): Promise<ProgramEnd> {
  return runProgram("sqlite3", atMargin(sql), { args: ["-bail", "/data/test.db"], volumes: [`${folder}:/data`] });
}

/** The native shell on the same file. */
function native(sql: string): string {
  return execFileSync("sqlite3", ["-bail", database()], { input: atMargin(sql), encoding: "utf8" }).trim();
}

async function expectOutput(sql: string): Promise<string> {
  const { code, stdout, stderr } = await image(sql);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout.trim();
}

/** One INSERT a transaction, each followed by its number on stdout once it is committed. */
function endlessInserts(from: number, count: number): string {
  let sql = "";
  for (let number = from; number < from + count; number++) {
    sql += `INSERT INTO log(number, text) VALUES(${number}, 'row ${number}');\nSELECT ${number};\n`;
  }
  return sql;
}

describe.skipIf(missing)("sqlite3", () => {
  test("100,000 inserts and an index: a sound database, the native shell says the same", {
    timeout: 120_000,
  }, async () => {
    let inserts = "";
    for (let number = 0; number < 100_000; number++) {
      inserts += `INSERT INTO person VALUES(${number}, 'name ${(number * 7919) % 100_000}', ${number / 3}, x'00ff${(number % 256).toString(16).padStart(2, "0")}');\n`;
    }
    const output = await expectOutput(`
      CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, weight REAL, data BLOB);
      BEGIN;
      ${inserts}
      COMMIT;
      CREATE INDEX by_name ON person(name);
      SELECT count(*), count(DISTINCT name), round(sum(weight), 3) FROM person;
      SELECT id FROM person WHERE name = 'name 4711';
      PRAGMA integrity_check;
    `);
    const lines = output.split("\n");
    expect(lines[0]).toBe("100000|100000|1666650000.0");
    expect(lines[2]).toBe("ok");
    expect(native("PRAGMA integrity_check;")).toBe("ok");
    const questions = `
      SELECT count(*), sum(length(name)), total(weight), hex(max(data)) FROM person;
      SELECT id FROM person WHERE name = 'name 4711';
      SELECT name FROM person ORDER BY name DESC LIMIT 20 OFFSET 5000;
      SELECT id % 10, avg(weight) FROM person GROUP BY 1 ORDER BY 1;`;
    expect(await expectOutput(questions)).toBe(native(questions));
  });

  test("the whole of SQL: what the native shell answers", { timeout: 60_000 }, async () => {
    const script = `
      CREATE TABLE a(x, y); INSERT INTO a VALUES(1, 'one'), (2, 'two'), (3, NULL);
      WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT sum(i), max(i) FROM n;
      SELECT x, y, row_number() OVER (ORDER BY x DESC), lag(y) OVER (ORDER BY x) FROM a;
      SELECT printf('%08.3f|%x|%s|%c', 3.14159, 255, 'text', 'c'), hex(zeroblob(4)), typeof(1e3), 10 / 4, 10 % 4, 10 / 4.0;
      SELECT date('2024-02-29', '+1 year'), strftime('%s', '2000-01-01'), julianday('1970-01-01');
      SELECT json_extract('{"a":[1,{"b":null}]}', '$.a[1].b') IS NULL, json_array(1, 'x', 2.5), json_group_array(x) FROM a;
      CREATE VIRTUAL TABLE f USING fts5(t); INSERT INTO f VALUES('the quick brown fox'), ('lazy dogs sleep');
      SELECT rowid, highlight(f, 0, '[', ']') FROM f WHERE f MATCH 'quick OR dogs' ORDER BY rank;
      CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); INSERT INTO r VALUES(1, 0, 10), (2, 20, 30); SELECT id FROM r WHERE x1 > 15;
      CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET y = y || '!' WHERE x = new.x; END;
      INSERT INTO a VALUES(4, 'four') RETURNING x, y; SELECT y FROM a WHERE x = 4;
      SAVEPOINT s; DELETE FROM a; ROLLBACK TO s; RELEASE s; SELECT count(*) FROM a;
      PRAGMA foreign_keys = on; CREATE TABLE p(i PRIMARY KEY); CREATE TABLE c(i REFERENCES p);
      SELECT quote(x'c0ffee'), unicode('ä'), upper('äa'), length('日本'), substr('hello', -3), instr('abc', 'c'), round(2.5), abs(-7);
      EXPLAIN QUERY PLAN SELECT * FROM a WHERE rowid = 1;
      VACUUM; PRAGMA page_count;
      .mode json
      SELECT * FROM a;
      .schema a`;
    const ours = await expectOutput(script);
    rmSync(database());
    expect(ours).toBe(native(script));
    expect(ours).toContain("[quick]");
  });

  test("errors are told, and end the shell with 1", { timeout: 60_000 }, async () => {
    const { code, stderr } = await image(
      "CREATE TABLE a(x UNIQUE); INSERT INTO a VALUES(1); INSERT INTO a VALUES(1); SELECT 'not reached';",
    );
    expect(stderr).toContain("UNIQUE constraint failed: a.x");
    expect(code).toBe(1);
    expect((await image("SELEC 1;")).stderr).toContain('near "SELEC": syntax error');
  });

  test("WAL with two connections: a reader keeps its view, writers exclude each other", {
    timeout: 60_000,
  }, async () => {
    const output = await expectOutput(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE t(x); INSERT INTO t VALUES(1);
      .connection 1
      .open /data/test.db
      BEGIN; SELECT 'reader sees', count(*) FROM t;
      .connection 0
      INSERT INTO t VALUES(2); SELECT 'writer sees', count(*) FROM t;
      .connection 1
      SELECT 'reader still sees', count(*) FROM t; COMMIT;
      SELECT 'reader now sees', count(*) FROM t;
      BEGIN IMMEDIATE; INSERT INTO t VALUES(3);
      .connection 0
      SELECT 'before the commit', count(*) FROM t;
      .connection 1
      COMMIT;
      .connection 0
      SELECT 'after the commit', count(*) FROM t;
      PRAGMA wal_checkpoint(TRUNCATE);
      PRAGMA integrity_check;`);
    expect(output.split("\n")).toEqual([
      "wal",
      "reader sees|1",
      "writer sees|2",
      "reader still sees|1",
      "reader now sees|2",
      "before the commit|2",
      "after the commit|3",
      "0|0|0",
      "ok",
    ]);
    const busy = await image(`
      .connection 0
      PRAGMA busy_timeout = 100;
      BEGIN IMMEDIATE;
      .connection 1
      .open /data/test.db
      PRAGMA busy_timeout = 100;
      BEGIN IMMEDIATE;`);
    expect(busy.stderr).toContain("database is locked");
    expect(native("PRAGMA journal_mode; PRAGMA integrity_check; SELECT count(*) FROM t;")).toBe("wal\nok\n3");
  });

  test("two machines on one database: one writes at a time, and neither spoils it", { timeout: 60_000 }, async () => {
    await expectOutput("CREATE TABLE t(machine, number);");
    const writer = startProgram("sqlite3", { args: ["-bail", "/data/test.db"], volumes: [`${folder}:/data`] });
    writer.child.stdin.write("BEGIN IMMEDIATE; INSERT INTO t VALUES('first', 1); SELECT 'in a transaction';\n");
    await eventually("the transaction", () => writer.stdout.includes("in a transaction"), 20_000);
    expect((await image("INSERT INTO t VALUES('second', 1);")).stderr).toContain("database is locked");
    await writer.finish("COMMIT;\n");
    const insert = (machine: string): string => {
      let sql = "PRAGMA busy_timeout = 30000;\n";
      for (let number = 2; number < 60; number++) sql += `INSERT INTO t VALUES('${machine}', ${number});\n`;
      return sql;
    };
    const ends = await Promise.all(["first", "second"].map((machine) => image(insert(machine))));
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ""],
      [0, ""],
    ]);
    const question =
      "PRAGMA integrity_check; SELECT machine, count(DISTINCT number) FROM t GROUP BY machine ORDER BY machine;";
    expect(native(question)).toBe("ok\nfirst|59\nsecond|58");
  });

  describe.each(["WAL", "DELETE"])("kill -9 in the middle of inserts, journal mode %s", (mode) => {
    test("what was committed is there, for the image and the native shell", { timeout: 120_000 }, async () => {
      const seed = testSeed();
      console.log(`sqlite3, kill -9, ${mode}: TEST_SEED=${seed}`);
      const random = seededRandom(seed);
      await expectOutput(
        `PRAGMA journal_mode = ${mode}; CREATE TABLE log(number INTEGER PRIMARY KEY, text TEXT); CREATE INDEX by_text ON log(text);`,
      );
      let next = 1;
      for (let round = 0; round < 6; round++) {
        const shell = startProgram("sqlite3", { args: ["-bail", "/data/test.db"], volumes: [`${folder}:/data`] });
        shell.child.stdin.write(endlessInserts(next, 100_000));
        const committed = (): number => Number(/(?:^|\n)(\d+)\n(?:\d*)$/.exec(shell.stdout)?.[1] ?? 0);
        await eventually("some commits", () => committed() > next + 20, 60_000);
        await new Promise((resolve) => setTimeout(resolve, random(500)));
        const { stderr } = await shell.kill();
        expect(stderr).toBe("");
        const told = committed();
        // The native shell and ours take turns in finding what was left behind.
        const question =
          "PRAGMA integrity_check; SELECT count(*), max(number), min(number) FROM log; SELECT count(*) FROM log WHERE text = 'row ' || number;";
        const answer = (round % 2 === 0 ? await expectOutput(question) : native(question)).split("\n");
        const where = `seed ${seed}, round ${round}`;
        expect(answer[0], where).toBe("ok");
        const [count = 0, last = 0] = (answer[1] ?? "").split("|").map(Number);
        expect(count, `${where}: no gaps`).toBe(last);
        expect(Number(answer[2]), `${where}: the index agrees`).toBe(count);
        expect(last, `${where}: committed rows`).toBeGreaterThanOrEqual(told);
        expect(last, `${where}: rows that nobody committed`).toBeLessThanOrEqual(told + 1);
        next = last + 1;
      }
      expect(next).toBeGreaterThan(100);
      expect(native("PRAGMA integrity_check;")).toBe("ok");
    });
  });

  test("kill -9 in the middle of 100,000 inserts of one transaction: none of them, and the log is recovered", {
    timeout: 120_000,
  }, async () => {
    await expectOutput(
      "PRAGMA journal_mode = WAL; CREATE TABLE log(number INTEGER PRIMARY KEY, text TEXT); INSERT INTO log VALUES(0, 'kept');",
    );
    const shell = startProgram("sqlite3", { args: ["-bail", "/data/test.db"], volumes: [`${folder}:/data`] });
    let sql = "PRAGMA cache_size = 50;\nBEGIN;\n"; // a small cache: pages go to the log before the commit
    for (let number = 1; number <= 100_000; number++)
      sql += `INSERT INTO log VALUES(${number}, '${"x".repeat(100)}');\n`;
    shell.child.stdin.write(sql);
    const log = join(folder, "test.db-wal");
    await eventually("the log grows", () => existsSync(log) && statSync(log).size > 1_000_000, 60_000);
    await shell.kill();
    expect(await expectOutput("PRAGMA integrity_check; SELECT count(*), max(text) FROM log;")).toBe("ok\n1|kept");
    expect(native("PRAGMA integrity_check; SELECT count(*), max(text) FROM log;")).toBe("ok\n1|kept");
  });
});
