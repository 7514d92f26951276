/**
 * Runs the programs of guests/check: C, one behaviour of Linux each, natively and in a machine. Both must print the same and end with the
 * same status. In a machine a program runs twice: in a folder of the memory file system, and in one of a volume.
 */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CheckProgram } from "../../../guests/check/programs.ts";
import { repositoryRoot } from "../../server-process.ts";
import type { Compiler } from "./compiler.ts";
import type { MachinePool } from "./machine-pool.ts";
import { type ProgramEnd, runNative } from "./program-end.ts";

export const CHECK_FOLDER = join(repositoryRoot, "guests/check");
/** All of them take well under a second; more is a hang. */
const TIMEOUT_MS = 10_000;
const FLAGS = ["-std=gnu11", "-O1", "-w", "-pthread"];

/** How a program ended in the two places; `difference` is null where they agree. */
export interface CheckOutcome {
  readonly name: string;
  readonly difference: string | null;
}

/** Compiles and runs one program in both places. */
export async function runCheckProgram(
  { name, needs }: CheckProgram,
  compilers: { readonly native: Compiler; readonly guest: Compiler },
  pool: MachinePool,
): Promise<CheckOutcome> {
  const source = join(CHECK_FOLDER, `${name}.c`);
  const [elf, wasm] = await Promise.all([
    compilers.native.compile(source, FLAGS, []),
    compilers.guest.compile(source, FLAGS, []),
  ]);
  if (elf.error !== null) return { name, difference: `gcc: ${elf.error}` };
  if (wasm.error !== null) return { name, difference: `ringzero-cc: ${wasm.error}` };
  const inFolder = async <Result>(own: string, run: (folder: string) => Promise<Result>): Promise<Result> => {
    const folder = mkdtempSync(join(tmpdir(), "ringzero-check-"));
    try {
      if (needs.has("self")) copyFileSync(own, join(folder, "self"));
      return await run(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  const native = await inFolder(elf.path, (folder) =>
    runNative([elf.path, folder], { cwd: folder, timeoutMs: TIMEOUT_MS }),
  );
  if (native.code === -1) return { name, difference: `natively: ${native.reason}` };
  if (!needs.has("memory")) {
    const onVolume = await inFolder(wasm.path, (folder) =>
      pool.run({ module: wasm.path, args: ["/check"], volumes: { "/check": folder } }, TIMEOUT_MS),
    );
    const difference = compare(native, onVolume);
    if (difference !== null) return { name, difference: `on a volume: ${difference}` };
  }
  if (needs.has("self")) return { name, difference: null };
  const inMemory = compare(native, await pool.run({ module: wasm.path, args: ["/tmp"] }, TIMEOUT_MS));
  return { name, difference: inMemory && `in memory: ${inMemory}` };
}

/** Null, or where the two part, with a few lines of what comes before. */
function compare(native: ProgramEnd, guest: ProgramEnd): string | null {
  const [there, here] = [native.stdout.split("\n"), guest.stdout.split("\n")];
  const at = there.findIndex((line, index) => here[index] !== line);
  const said = [guest.reason, guest.stderr.trim()].filter((text) => text).join("; ");
  const why = said === "" ? "" : `\n  (${said})`;
  if (at >= 0 || here.length > there.length) {
    const line = at >= 0 ? at : there.length;
    const before = there.slice(Math.max(0, line - 2), line).map((text) => `  ${text}\n`);
    const say = (lines: readonly string[]): string => (line < lines.length ? (lines[line] as string) : "(the end)");
    return `line ${line + 1}\n${before.join("")}  native: ${say(there)}\n  here:   ${say(here)}${why}`;
  }
  return native.code === guest.code ? null : `it ends with ${guest.code}, natively with ${native.code}${why}`;
}
