/**
 * The conformance page: the Linux table as Markdown, with the programs that exercise each row and whether they did the same natively
 * and in a machine when all of them last ran. kernel/syscall/linux/README.md is this function's output (`npm run docs` writes it, a
 * test compares it).
 */
import type { Row } from "../row.ts";

/** A program of guests/check. */
export interface Checked {
  readonly name: string;
  /** Names of rows. */
  readonly covers: readonly string[];
  readonly agrees: boolean;
}

export function conformancePage(table: readonly Row[], programs: readonly Checked[]): string {
  const lines = table.map((row) => {
    const mine = programs.filter(({ covers }) => covers.includes(row.name));
    const links = mine.map(({ name, agrees }) => {
      const link = `[${name}](../../../guests/check/${name}.c)`;
      return agrees ? link : `**${link} differs**`;
    });
    return `| ${row.number} | \`${row.name}\` | ${row.level} | ${row.note} | ${links.join(", ")} |`;
  });
  const full = table.filter(({ level }) => level === "full").length;
  const agree = programs.filter(({ agrees }) => agrees).length;
  const differ = programs.length - agree;
  const verdict = differ === 0 ? "all of them agreed" : `${agree} agreed, ${differ} did not`;
  return `# Linux system calls

Generated from the table of this folder and the last conformance run by \`npm run docs\`; do not edit.

What the \`wali\` personality answers: ${table.length} calls, ${full} as their man page has them, ${table.length - full} in part (the note says what is there
or missing). A call that is not in this table answers \`ENOSYS\`, and the machine reports its name once. Numbers are x86-64's.

Every row is exercised by at least one program of [guests/check](../../../guests/check/README.md), which runs natively on Linux and in a
machine. Of ${programs.length} programs ${verdict} when \`npm run conformance\` last ran.

| number | call | level | note | programs |
| ---: | --- | --- | --- | --- |
${lines.join("\n")}
`;
}
