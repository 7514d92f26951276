/**
 * The compatibility page: the system-call table as Markdown. kernel/syscall/README.md is this function's output (`npm run docs`
 * writes it, a test compares it).
 */
import type { Row } from "./row.ts";

export function compatibilityPage(table: readonly Row[]): string {
  const lines = table.map((row) => {
    const parameters = row.parameters.map(({ name, kind }) => `${name}: ${kind}`).join(", ");
    const note = row.note + (row.blocks ? `${row.note ? "; " : ""}may park` : "");
    return `| ${row.number} | \`${row.name}(${parameters})\` | ${row.result} | ${row.level} | ${note} |`;
  });
  const full = table.filter(({ level }) => level === "full").length;
  return `# System calls

Generated from \`table.ts\` by \`npm run docs\`; do not edit.

${table.length} calls: ${full} as their man page has them, ${table.length - full} in part (the note says what is there or missing).
A call that is not in this table answers \`ENOSYS\`, and the machine reports its name once.

Numbers are Linux' (x86-64); from 1000 on they are Ringzero's own, described in \`guests/lib/sys.ts\`. A \`ptr\` that does not lie in
memory answers \`EFAULT\`. "May park": a thread waits in it, a callback gets \`EDEADLK\` instead.

| number | call | result | level | note |
| ---: | --- | --- | --- | --- |
${lines.join("\n")}
`;
}
