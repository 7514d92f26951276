/**
 * The page of the WASI calls: the table as Markdown. kernel/syscall/wasi/README.md is this function's output (`npm run docs` writes it, a test
 * compares it).
 */
import type { WasiRow } from "./row.ts";

export function wasiPage(table: readonly WasiRow[]): string {
  const theirs = table.filter(({ whose }) => whose === "wasi-js");
  const lines = table.map(({ name, parameters, whose, why, note, blocks }) => {
    const signature = parameters.map(({ name, kind }) => `${name}: ${kind}`).join(", ");
    const notes = [note, blocks ? "may park" : ""].filter((text) => text !== "").join("; ");
    return `| \`${name}(${signature})\` | ${whose === "wasi-js" ? "wasi-js" : "kernel"} | ${why} | ${notes} |`;
  });
  return `# WASI calls

Generated from \`table.ts\` by \`npm run docs\`; do not edit. How programs are given folders and sockets stands in
[host/README.md](../../../host/README.md#wasi-programs), what the personality is in [kernel/README.md](../../README.md#wasi-programs).

All ${table.length} calls of \`wasi_snapshot_preview1\` are there. It began with the npm package wasi-js, bound to the kernel's file system and devices;
where that falls short of the standard, or of speed, the kernel has a call of its own. ${theirs.length} calls are still wasi-js', ${table.length - theirs.length} the kernel's; the
third column says why: of the kernel's, what wasi-js 1.7.2 does otherwise.

A \`ptr\` that does not lie in memory answers \`FAULT\`, a missing right \`NOTCAPABLE\`. \`f64\` stands for a 64-bit integer that is exact up to 2^53 (the
shim converts, no BigInt is made), \`u64\` for one of which every bit counts. "May park": the thread waits in it.

| call | whose | why | note |
| --- | --- | --- | --- |
${lines.join("\n")}
`;
}
