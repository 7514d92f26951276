/**
 * Compiles one C file to one program, natively or for the `wali` personality. Outputs are kept in guests/.build under the hash of
 * everything they depend on, so that a second run compiles nothing.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { repositoryRoot } from "../../server-process.ts";

export const RINGZERO_CC = join(repositoryRoot, "guests/.build/linux/bin/ringzero-cc");
const KEPT = join(repositoryRoot, "guests/.build/conformance");

export interface Compiled {
  readonly path: string;
  /** One line of why there is no program, else null. */
  readonly error: string | null;
}

export class Compiler {
  readonly #command: string;
  /** What tells one version of the compiler from another. */
  readonly #identity: string;
  readonly #suffix: string;

  constructor(command: string, identity: string, suffix: string) {
    this.#command = command;
    this.#identity = identity;
    this.#suffix = suffix;
  }

  /** `source` with everything that lies beside it (it may include that); never rejects for a compiler's complaint. */
  async compile(source: string, flags: readonly string[], libraries: readonly string[]): Promise<Compiled> {
    const hash = createHash("sha256");
    for (const part of [this.#command, this.#identity, ...flags, "", ...libraries, source]) hash.update(`${part}\0`);
    hash.update(readFileSync(source));
    for (const beside of headersBeside(source)) hash.update(readFileSync(beside));
    mkdirSync(KEPT, { recursive: true });
    const path = join(KEPT, `${hash.digest("hex").slice(0, 24)}${this.#suffix}`);
    if (existsSync(path)) return { path, error: null };
    const draft = `${path}.${process.pid}`;
    const error = await run([this.#command, ...flags, source, "-o", draft, ...libraries]);
    if (error === null) renameSync(draft, path);
    else rmSync(draft, { force: true });
    return { path, error };
  }
}

/** The machine's own compiler. */
export function nativeCompiler(): Compiler {
  const version = spawnSync("gcc", ["--version"], { encoding: "utf8" }).stdout.split("\n")[0] ?? "";
  return new Compiler("gcc", version, "");
}

/** The compiler that makes modules for the `wali` personality; undefined where it is not built (`npm run guests:linux`). */
export function ringzeroCompiler(): Compiler | undefined {
  if (!existsSync(RINGZERO_CC)) return undefined;
  // The libraries that it links decide as much as it does.
  const folder = join(dirname(RINGZERO_CC), "..");
  const parts = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /(^|\/)(ringzero-cc[^/]*|lib[^/]*\.a|crt[^/]*\.o|link[^/]*\.ts)$/.test(file))
    .map((file) => `${file} ${statSync(join(folder, file)).size} ${statSync(join(folder, file)).mtimeMs}`);
  return new Compiler(RINGZERO_CC, parts.sort().join("\n"), ".wasm");
}

const besides = new Map<string, string[]>();

/** Files beside a source that it may include: headers, and the sources that are no programs. */
function headersBeside(source: string): string[] {
  const folder = dirname(source);
  const known = besides.get(folder);
  if (known !== undefined) return known;
  const files = readdirSync(folder)
    .filter(
      (file) =>
        file.endsWith(".h") ||
        (file.endsWith(".c") && !/^int main|\bmain *\(/m.test(readFileSync(join(folder, file), "utf8"))),
    )
    .map((file) => join(folder, file));
  besides.set(folder, files);
  return files;
}

/** Runs a compiler; null, or the first line of what it complained about. */
function run(command: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const [program = "", ...args] = command;
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => {
      const lines = said.split("\n").filter((line) => line.trim() !== "");
      resolve(code === 0 ? null : (lines.find((line) => /error/i.test(line)) ?? lines[0] ?? `exit code ${code}`));
    });
  });
}
