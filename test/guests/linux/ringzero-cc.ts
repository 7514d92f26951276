/** The C compiler as tests use it: a text becomes a module, in a folder that goes away. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { repositoryRoot } from "../../server-process.ts";

export const RINGZERO_CC = join(repositoryRoot, "guests/.build/linux/bin/ringzero-cc");

/** Why tests that compile C are skipped, or nothing. */
export const noToolchain = existsSync(join(repositoryRoot, "guests/.build/linux/toolchain.hash"))
  ? undefined
  : "no C toolchain: `npm run guests:linux` builds it";
if (noToolchain) console.warn(`skipped: ${noToolchain}`);

const execute = promisify(execFile);

/** Compiles `source` as `main.c`; the compiler's messages are the error if it fails. */
export async function compileC(source: string, ...flags: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const folder = mkdtempSync(join(tmpdir(), "ringzero-cc-"));
  try {
    writeFileSync(join(folder, "main.c"), source);
    await execute(RINGZERO_CC, ["-O2", "main.c", "-o", "main.wasm", ...flags], { cwd: folder });
    return new Uint8Array(readFileSync(join(folder, "main.wasm")));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
