/**
 * The programs of this folder, as their first lines describe them, and how the last run of all of them ended (results.json).
 */
import { readdirSync, readFileSync } from "node:fs";
import { release } from "node:os";

const FOLDER = new URL("./", import.meta.url);
const RESULTS = new URL("results.json", FOLDER);

export interface CheckProgram {
  /** Its file's name without ".c", which says what it claims. */
  readonly name: string;
  /** What it shows: the comment that it opens with. */
  readonly claim: string;
  /** The rows of the Linux system-call table that it exercises. */
  readonly covers: readonly string[];
  /**
   * root: it behaves differently for other users. self: it finds its own program as `self` in its folder. memory: it does what a
   * folder of the host, seen from a machine, cannot (owners, sockets and the like stay the host's). linux-6.6: natively it takes that
   * version or a later one.
   */
  readonly needs: ReadonlySet<string>;
}

/** Names of programs: those that do the same natively and in a machine, and those that do not. */
export interface CheckResults {
  readonly agree: readonly string[];
  readonly differ: readonly string[];
}

export function checkPrograms(): CheckProgram[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".c"))
    .map((file) => file.replace(/\.c$/, ""))
    .sort()
    .map((name) => parseProgram(name, readFileSync(new URL(`${name}.c`, FOLDER), "utf8")));
}

function parseProgram(name: string, source: string): CheckProgram {
  const header = /^(?:\/\/.*\n)+/.exec(source)?.[0] ?? "";
  const lines = header.split("\n").map((line) => line.replace(/^\/\/ ?/, ""));
  const words = (key: string): string[] =>
    lines.flatMap((line) => (line.startsWith(`${key}: `) ? line.slice(key.length + 2).split(" ") : []));
  const claim = lines.filter((line) => line !== "" && !/^(covers|needs): /.test(line)).join(" ");
  return { name, claim, covers: words("covers"), needs: new Set(words("needs")) };
}

/** `npm run conformance` writes them. */
export function checkResults(): CheckResults {
  return JSON.parse(readFileSync(RESULTS, "utf8")) as CheckResults;
}

/** The programs with what the last run said of them: what the conformance page is made from. */
export function checkedPrograms(): { name: string; covers: readonly string[]; agrees: boolean }[] {
  const agree = new Set(checkResults().agree);
  return checkPrograms().map(({ name, covers }) => ({ name, covers, agrees: agree.has(name) }));
}

/** Whether it can be run natively here. */
export function runsHere({ needs }: CheckProgram): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return [...needs].every((need) => {
    if (need === "root") return process.getuid?.() === 0;
    const [, wantedMajor, wantedMinor] = /^linux-(\d+)\.(\d+)$/.exec(need) ?? [];
    if (wantedMajor === undefined) return true;
    return major > Number(wantedMajor) || (major === Number(wantedMajor) && minor >= Number(wantedMinor));
  });
}
