/**
 * Builds the C toolchain and the images made with it: tools, sources, the C library, libraries, programs, in this order. What is
 * there and made from the same inputs is kept, so a run with nothing to do takes a moment.
 *
 *   node guests/linux/build.ts [--force] [NAME…]     NAME: a folder of guests/ports, or `toolchain`; all of them otherwise
 */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import yoctoSpinner, { type Spinner } from "yocto-spinner";
import { compileFlags, TARGET, writeCompiler } from "./compiler.ts";
import { debianSources } from "./debian-source.ts";
import type { PortContext, Recipe } from "./port.ts";
import { PARALLEL, run } from "./run.ts";
import { buildSysroot } from "./sysroot.ts";
import { findTools, type Tools } from "./tools.ts";

const linuxDir = dirname(fileURLToPath(import.meta.url));
const guestsDir = dirname(linuxDir);
const portsDir = join(guestsDir, "ports");
const imagesDir = join(guestsDir, "build");
const buildDir = join(guestsDir, ".build/linux");
const sysroot = join(buildDir, "sysroot");
const bin = join(buildDir, "bin");
const nodeBin = join(dirname(guestsDir), "node_modules/.bin");

/** What stands in a hash file: the inputs that the thing beside it was made from. */
function isMadeFrom(hashFile: string, hash: string, ...results: string[]): boolean {
  return [hashFile, ...results].every((path) => existsSync(path)) && readFileSync(hashFile, "utf8") === hash;
}

function hashOf(parts: readonly string[], files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  for (const file of files) hash.update(relative(guestsDir, file)).update("\0").update(readFileSync(file));
  return hash.digest("hex");
}

function filesIn(folder: string, wanted: RegExp): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

interface Port {
  readonly name: string;
  readonly recipe: Recipe;
}

async function readPorts(): Promise<Map<string, Port>> {
  const ports = new Map<string, Port>();
  for (const name of readdirSync(portsDir).sort()) {
    const file = join(portsDir, name, "recipe.ts");
    if (!existsSync(file)) continue;
    const { recipe } = (await import(pathToFileURL(file).href)) as { recipe: Recipe };
    ports.set(name, { name, recipe });
  }
  return ports;
}

/** The ports that `names` need, libraries before their users. */
function inOrder(ports: Map<string, Port>, names: readonly string[]): Port[] {
  const order = new Set<Port>();
  const visit = (name: string): void => {
    const port = ports.get(name);
    if (!port) throw new Error(`no such port: ${name} (the ports are ${[...ports.keys()].join(", ")})`);
    for (const library of port.recipe.libraries ?? []) visit(library);
    order.add(port);
  };
  for (const name of names) visit(name);
  return [...order];
}

class Build {
  private readonly spinner: Spinner = yoctoSpinner();
  private readonly force: boolean;
  private tools!: Tools;
  private sources!: Map<string, string>;
  private toolchainHash = "";

  constructor(force: boolean) {
    this.force = force;
  }

  /** Does one step, with its name and its time on the terminal. */
  private async step(title: string, work: (progress: (text: string) => void) => Promise<void>): Promise<void> {
    const start = performance.now();
    this.spinner.start(title);
    try {
      await work((text) => {
        if (process.stderr.isTTY) this.spinner.text = `${title}: ${text}`;
      });
    } catch (error) {
      this.spinner.error(title);
      throw error;
    }
    this.spinner.success(`${title} ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }

  async all(ports: readonly Port[]): Promise<void> {
    const start = performance.now();
    this.tools = await findTools((text) => void process.stderr.write(`${text}\n`));
    const packages = ["musl", ...new Set(ports.flatMap(({ recipe }) => recipe.sources))];
    await this.fetch(packages);
    let made = await this.toolchain();
    for (const port of ports) made = (await this.port(port)) || made;
    if (made) process.stderr.write(`done in ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  }

  private async fetch(packages: readonly string[]): Promise<void> {
    const sources = join(guestsDir, ".build/sources");
    if (packages.every((name) => existsSync(join(sources, name)))) this.sources = await debianSources(packages);
    else {
      await this.step(`sources of ${packages.join(", ")}`, async () => {
        this.sources = await debianSources(packages);
      });
    }
  }

  private source(name: string): string {
    const folder = this.sources.get(name);
    if (!folder) throw new Error(`a recipe builds ${name} without naming it in its sources`);
    return folder;
  }

  /** The C library and the compiler; whether they had to be made. */
  private async toolchain(): Promise<boolean> {
    const musl = this.source("musl");
    const own = ["syscalls.ts", "sysroot.ts"].map((name) => join(linuxDir, name));
    const overlay = join(linuxDir, "overlay");
    const libraryHash = hashOf(
      [this.tools.version, basename(musl), ...compileFlags()],
      [...own, ...filesIn(overlay, /./)],
    );
    this.toolchainHash = hashOf(
      [libraryHash],
      ["compiler.ts", "run.ts"].map((name) => join(linuxDir, name)),
    );
    const hashFile = join(buildDir, "toolchain.hash");
    writeCompiler(this.tools, bin, sysroot, nodeBin);
    if (!this.force && isMadeFrom(hashFile, libraryHash, join(sysroot, "lib/libc.a"))) return false;
    rmSync(hashFile, { force: true });
    await this.step("C library", (progress) =>
      buildSysroot({ tools: this.tools, source: musl, overlay, work: join(buildDir, "work/musl"), sysroot }, progress),
    );
    writeFileSync(hashFile, libraryHash);
    return true;
  }

  private async port({ name, recipe }: Port): Promise<boolean> {
    const isImage = existsSync(join(portsDir, name, "ringzero.json"));
    const versions = recipe.sources.map((source) => basename(this.source(source)));
    const libraries = (recipe.libraries ?? []).map((library) => join(portsDir, library, "recipe.ts"));
    const hash = hashOf([this.toolchainHash, ...versions], [join(portsDir, name, "recipe.ts"), ...libraries]);
    const image = join(imagesDir, `${name}.wasm`);
    // A library's hash lies in the sysroot: it goes when that does.
    const hashFile = isImage ? join(imagesDir, `${name}.hash`) : join(sysroot, "lib", `${name}.hash`);
    if (!this.force && isMadeFrom(hashFile, hash, ...(isImage ? [image] : []))) return false;
    rmSync(hashFile, { force: true });
    await this.step(name, async () => {
      const program = await recipe.build(this.context(name));
      if (!isImage) return;
      if (!program) throw new Error(`${name}: the recipe made no program`);
      mkdirSync(imagesDir, { recursive: true });
      const temporary = join(imagesDir, `.${name}.${process.pid}.wasm`);
      copyFileSync(program, temporary);
      renameSync(temporary, image);
    });
    writeFileSync(hashFile, hash);
    return true;
  }

  private context(name: string): PortContext {
    const work = join(buildDir, "work", name);
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    return {
      cc: join(bin, "ringzero-cc"),
      ar: join(bin, "ringzero-ar"),
      ranlib: join(bin, "ringzero-ranlib"),
      target: TARGET,
      sysroot,
      work,
      parallel: PARALLEL,
      copySource: (source) => {
        const copy = join(work, source);
        cpSync(this.source(source), copy, { recursive: true, preserveTimestamps: true });
        return copy;
      },
      run,
    };
  }
}

try {
  const args = process.argv.slice(2);
  const names = args.filter((arg) => !arg.startsWith("--"));
  const ports = await readPorts();
  const wanted = names.length > 0 ? names.filter((name) => name !== "toolchain") : [...ports.keys()];
  await new Build(args.includes("--force")).all(inOrder(ports, wanted));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
