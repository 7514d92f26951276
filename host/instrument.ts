/**
 * The unwind transformation (binaryen's Asyncify) at load, for Linux modules that somebody else has built without it and that need it: they
 * fork, or expect setjmp(3) from the engine. Takes seconds, once: the result is kept in the user's cache folder, by the hash of the module.
 *
 * The whole module is transformed, since nobody says which functions reach the calls: it runs some 30 % slower. ringzero-cc names the callers
 * instead. binaryen (npm) is optional: without it the module runs as it is, and its fork answers ENOSYS.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { ModuleShape } from "../kernel/shim/wasm-reader.ts";

const UNWINDING = ["SYS_fork", "SYS_vfork", "setjmp", "sigsetjmp"];
/** What WALI's compiler may use. Never all: engines refuse modules with features that they do not know. */
const FEATURES = [
  "threads",
  "bulk-memory",
  "mutable-globals",
  "sign-ext",
  "nontrapping-float-to-int",
  "multivalue",
  "reference-types",
  "extended-const",
  "exception-handling",
  "simd",
];
/** Part of the key: what this file does to a module. */
const VERSION = "1";
/** A large module may take a minute on a slow machine. */
const TIMEOUT_MS = 300_000;

/** True for a Linux module that cannot do what it imports without the transformation. */
export function needsUnwinding({ functions, exports }: ModuleShape): boolean {
  return (
    !exports.includes("asyncify_start_unwind") &&
    functions.some(({ module, name }) => module === "wali" && UNWINDING.includes(name))
  );
}

/** The module with the transformation; as it is, where binaryen is not installed or fails. `say` gets one line about it. */
export async function addUnwinding(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  say: (line: string) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "ringzero", "unwinding");
  const kept = join(folder, `${createHash("sha256").update(VERSION).update(bytes).digest("hex")}.wasm`);
  const known = await readFile(kept).catch(() => null);
  if (known) return new Uint8Array(known);
  const tool = wasmOpt();
  if (!tool) {
    say(`${name}: fork and setjmp need the unwind transformation at load: install the npm package binaryen`);
    return bytes;
  }
  say(`${name}: adds the unwind transformation for fork and setjmp (once; kept in ${folder})`);
  const work = await mkdtemp(join(tmpdir(), "ringzero-unwinding-"));
  try {
    const input = join(work, "in.wasm");
    const output = join(work, "out.wasm");
    await writeFile(input, bytes);
    const imports = UNWINDING.map((call) => `wali.${call}`).join(",");
    const features = FEATURES.map((feature) => `--enable-${feature}`);
    const args = [tool, input, ...features, "--asyncify", `--pass-arg=asyncify-imports@${imports}`, "-o", output];
    await promisify(execFile)(process.execPath, args, { timeout: TIMEOUT_MS, maxBuffer: 2 ** 20 });
    const transformed = new Uint8Array(await readFile(output));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(`${kept}.${process.pid}`, transformed);
    await rename(`${kept}.${process.pid}`, kept);
    return transformed;
  } catch (error) {
    say(`${name}: the unwind transformation failed: ${(error as Error).message.split("\n")[0]}`);
    return bytes;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function wasmOpt(): string | null {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("binaryen/package.json")), "bin", "wasm-opt");
  } catch {
    return null;
  }
}
