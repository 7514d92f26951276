/**
 * Builds the guests: every folder guests/NAME with an `index.ts` becomes guests/build/NAME.wasm.
 *
 * A guest is rebuilt only when the hash of its sources, of guests/lib, of its options and of the compiler's version changed,
 * so that a start with nothing to do costs some milliseconds. Options: `guests/NAME/asconfig.json` (its "options"), on top of
 * the defaults below.
 *
 *   node guests/build.ts [--quiet] [--force] [--names] [NAME…]
 *
 * --quiet: progress goes to stderr, and nothing is said if nothing is built. --names: the same code with its functions' names, for profiles,
 * into guests/build/named.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const guestsDir = dirname(fileURLToPath(import.meta.url));
const projectDir = dirname(guestsDir);
const named = process.argv.includes("--names");
const outDir = join(guestsDir, "build", ...(named ? ["named"] : []));

/** What every guest is compiled with unless its asconfig.json says otherwise. */
const defaults: Record<string, unknown> = {
  optimizeLevel: 3,
  shrinkLevel: 0,
  noAssert: true,
  importMemory: true,
  runtime: "stub",
  enable: ["simd"],
};

interface Guest {
  name: string;
  options: Record<string, unknown>;
  hash: string;
}

function sourcesOf(dir: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) found.push(...sourcesOf(path));
    else if (/\.(ts|json)$/.test(entry.name)) found.push(path);
  }
  return found.sort();
}

function compilerVersion(): string {
  const require = createRequire(import.meta.url);
  return (JSON.parse(readFileSync(require.resolve("assemblyscript/package.json"), "utf8")) as { version: string })
    .version;
}

function findGuests(only: string[]): Guest[] {
  const version = compilerVersion();
  const shared = createHash("sha256").update(version).update(JSON.stringify(defaults));
  for (const file of existsSync(join(guestsDir, "lib")) ? sourcesOf(join(guestsDir, "lib")) : []) {
    shared.update(relative(guestsDir, file)).update("\0").update(readFileSync(file));
  }
  const base = shared.digest("hex");
  const guests: Guest[] = [];
  for (const entry of readdirSync(guestsDir, { withFileTypes: true })) {
    const dir = join(guestsDir, entry.name);
    if (!entry.isDirectory() || !existsSync(join(dir, "index.ts"))) continue;
    if (only.length > 0 && !only.includes(entry.name)) continue;
    const hash = createHash("sha256").update(base);
    for (const file of sourcesOf(dir)) hash.update(relative(guestsDir, file)).update("\0").update(readFileSync(file));
    const options = { ...defaults, ...optionsOf(join(dir, "asconfig.json")), ...(named && { debug: true }) };
    guests.push({ name: entry.name, options, hash: hash.update(JSON.stringify(options)).digest("hex") });
  }
  const missing = only.filter((name) => !guests.some((guest) => guest.name === name));
  if (missing.length > 0)
    throw new Error(`no such guest: ${missing.join(", ")} (a guest is a folder of guests/ with an index.ts)`);
  return guests;
}

/** The options of an asconfig.json, those of the file it extends included. */
function optionsOf(file: string): Record<string, unknown> {
  if (!existsSync(file)) return {};
  const config = JSON.parse(readFileSync(file, "utf8")) as { extends?: string; options?: Record<string, unknown> };
  const inherited = config.extends ? optionsOf(join(dirname(file), config.extends)) : {};
  return { ...inherited, ...config.options };
}

function flagsOf(options: Record<string, unknown>): string[] {
  const flags: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === true) flags.push(`--${name}`);
    else if (value === false || value === null) continue;
    else flags.push(`--${name}`, Array.isArray(value) ? value.join(",") : String(value));
  }
  return flags;
}

async function compile(guest: Guest): Promise<void> {
  const asc = (await import("assemblyscript/asc")) as {
    main(
      args: string[],
      io: { stdout: { write(text: string): void }; stderr: { write(text: string): void } },
    ): Promise<{ error: Error | null }>;
  };
  const temporary = join(outDir, `.${guest.name}.${process.pid}.wasm`);
  let messages = "";
  const sink = {
    write(text: string | Uint8Array) {
      messages += typeof text === "string" ? text : Buffer.from(text).toString();
    },
  };
  const { error } = await asc.main(
    [
      relative(projectDir, join(guestsDir, guest.name, "index.ts")),
      "--baseDir",
      projectDir,
      "--outFile",
      relative(projectDir, temporary),
      "--noColors",
      ...flagsOf(guest.options),
    ],
    { stdout: sink, stderr: sink },
  );
  if (error) throw new Error(`guest '${guest.name}' does not compile:\n${messages.trim()}\n${error.message}`);
  // The module first, then its hash: an interrupted build is seen as "to be built".
  renameSync(temporary, join(outDir, `${guest.name}.wasm`));
  writeFileSync(join(outDir, `${guest.name}.hash`), guest.hash);
}

function isBuilt(guest: Guest): boolean {
  const hashFile = join(outDir, `${guest.name}.hash`);
  return (
    existsSync(join(outDir, `${guest.name}.wasm`)) &&
    existsSync(hashFile) &&
    readFileSync(hashFile, "utf8") === guest.hash
  );
}

const args = process.argv.slice(2);
/** In front of another command (`--quiet`) stdout belongs to that one. */
const report = (text: string): void => void (args.includes("--quiet") ? process.stderr : process.stdout).write(text);
const force = args.includes("--force");
let failed = false;
try {
  mkdirSync(outDir, { recursive: true });
  for (const guest of findGuests(args.filter((arg) => !arg.startsWith("--")))) {
    if (!force && isBuilt(guest)) continue;
    const start = performance.now();
    // A compile takes seconds: whoever waits is told, before it begins.
    report(`building guest ${guest.name} ...`);
    try {
      await compile(guest);
      report(` ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
    } catch (error) {
      failed = true;
      console.error((error as Error).message);
    }
  }
} catch (error) {
  failed = true;
  console.error((error as Error).message);
}
if (failed) process.exitCode = 1;
