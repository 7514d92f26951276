/**
 * What memcached's own tests want to find in the folder they are started in, made from Debian's source: `t/`, `timedrun`, and
 * `memcached-debug`, the program under test (the debug build, whose extra commands the tests use). That is a native one, or a script that
 * starts the same program as an image. Folders are kept in guests/.build and made anew when their inputs change.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { debianSources } from "../../../guests/linux/debian-source.ts";
import { missingImage, repositoryRoot } from "../../server-process.ts";

const builds = join(repositoryRoot, "guests/.build/memcached-suite");
const toolchain = join(repositoryRoot, "guests/.build/linux");
const wrapper = fileURLToPath(new URL("./memcached-wrapper.ts", import.meta.url));
/** The sources are newer than what autotools made of them, or not: never mind. */
const NO_AUTOTOOLS = ["AUTOMAKE=:", "ACLOCAL=:", "AUTOCONF=:", "AUTOHEADER=:", "MAKEINFO=:"];

/** The folder of the image's tests. Throws with one line that says what is missing. */
export async function imageFolder(): Promise<string> {
  const hashFile = join(toolchain, "toolchain.hash");
  if (!existsSync(hashFile)) throw new Error("the C toolchain is not built yet: npm run guests:linux");
  const [source = ""] = await sources("memcached");
  return kept("image", [readFileSync(hashFile, "utf8"), basename(source)], (folder) => {
    const cc = join(toolchain, "bin/ringzero-cc");
    const work = join(folder, "build");
    cpSync(source, work, { recursive: true, preserveTimestamps: true });
    const target = ["--host=wasm32-linux-musl", `--with-libevent=${join(toolchain, "sysroot")}`, `CC=${cc}`];
    run(work, "./configure", ...target, "--disable-docs", "--disable-coverage");
    run(work, "make", "-j2", "memcached-debug", ...NO_AUTOTOOLS);
    cpSync(join(work, "memcached-debug"), join(folder, "memcached-debug.wasm"));
    rmSync(work, { recursive: true });
    writeWrapper(folder, join(folder, "memcached-debug.wasm"));
    testFiles(folder, source);
  });
}

/** The folder of the same tests against an image that is not made of memcached's source: `memcached`. */
export async function guestFolder(image: string): Promise<string> {
  const missing = missingImage(image);
  if (missing !== undefined) throw new Error(missing);
  const [source = ""] = await sources("memcached");
  return kept(`guest-${image}`, [basename(source)], (folder) => {
    writeWrapper(folder, image);
    testFiles(folder, source);
    // The debug build moves its clock when it is told to. Any other server's tests wait: the time, and what is left of a second.
    const moves = 'print $sock "debugtime $move\\r\\n";\n    <$sock>;';
    edit(join(folder, "t/lib/MemcachedTest.pm"), moves, "sleep($move + 1);");
  });
}

function edit(file: string, from: string, to: string): void {
  const text = readFileSync(file, "utf8");
  if (!text.includes(from)) throw new Error(`${file} does not have ${from}`);
  writeFileSync(
    file,
    text.replace(from, () => to),
  );
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A `memcached-debug` that starts an image; what it answers to -h it has from `askHelp`. */
function writeWrapper(folder: string, image: string): void {
  const start = [process.execPath, wrapper, image].map(quote).join(" ");
  const help = quote(join(folder, "help"));
  const lines = ["#!/bin/sh", `[ "$*" = -h ] && [ -f ${help} ] && exec cat ${help}`, `exec ${start} "$@"`, ""];
  writeFileSync(join(folder, "memcached-debug"), lines.join("\n"));
  chmodSync(join(folder, "memcached-debug"), 0o755);
}

/**
 * Asks the image for its -h once, for all tests: they ask before each connection that they make, a thousand of them in maxconns.t, and a
 * machine takes longer to boot than a program to start. Throws if it does not answer.
 */
export function askHelp(folder: string): void {
  const help = join(folder, "help");
  rmSync(help, { force: true });
  const { status, stdout, stderr } = spawnSync(join(folder, "memcached-debug"), ["-h"], { encoding: "utf8" });
  if (status !== 0 || stdout === "") throw new Error(`memcached -h ended with ${status}: ${stderr}`);
  writeFileSync(help, stdout);
}

/** The folder of the same tests against the same program, native. */
export async function nativeFolder(): Promise<string> {
  const [source = "", libevent = ""] = await sources("memcached", "libevent");
  return kept("native", [basename(source), basename(libevent)], (folder) => {
    const prefix = join(folder, "libevent");
    for (const [name, from] of [
      ["libevent-build", libevent],
      ["build", source],
    ] as const) {
      cpSync(from, join(folder, name), { recursive: true, preserveTimestamps: true });
    }
    const reduced = ["--disable-shared", "--disable-openssl", "--disable-samples", "--disable-libevent-regress"];
    run(join(folder, "libevent-build"), "./configure", `--prefix=${prefix}`, ...reduced);
    run(join(folder, "libevent-build"), "make", "-j2", "install", ...NO_AUTOTOOLS);
    run(join(folder, "build"), "./configure", `--with-libevent=${prefix}`, "--disable-docs", "--disable-coverage");
    run(join(folder, "build"), "make", "-j2", "memcached-debug", ...NO_AUTOTOOLS);
    cpSync(join(folder, "build/memcached-debug"), join(folder, "memcached-debug"));
    for (const name of ["libevent-build", "build"]) rmSync(join(folder, name), { recursive: true });
    testFiles(folder, source);
  });
}

/** What does not depend on the program under test. */
function testFiles(folder: string, source: string): void {
  cpSync(join(source, "t"), join(folder, "t"), { recursive: true });
  // Servers get ports below those that Linux gives to clients (from 32768 on): what else runs on the machine must not take them meanwhile.
  edit(join(folder, "t/lib/MemcachedTest.pm"), "int(rand(20000)) + 30000", "int(rand(20000)) + 12000");
  symlinkSync(join(source, "doc"), join(folder, "doc"));
  run(folder, "cc", "-o", "timedrun", join(source, "timedrun.c"));
}

/** The folder `name`, if it was made of these inputs by this file, else made anew by `make`. */
function kept(name: string, inputs: readonly string[], make: (folder: string) => void): string {
  const folder = join(builds, name);
  const own = readFileSync(fileURLToPath(import.meta.url), "utf8");
  const hash = createHash("sha256")
    .update([...inputs, own, wrapper, process.execPath].join("\0"))
    .digest("hex");
  const hashFile = join(folder, "hash");
  if (existsSync(hashFile) && readFileSync(hashFile, "utf8") === hash) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  make(folder);
  writeFileSync(hashFile, hash);
  return folder;
}

async function sources(...names: string[]): Promise<string[]> {
  const found = await debianSources(names);
  return names.map((name) => found.get(name) ?? "");
}

function run(cwd: string, program: string, ...args: string[]): void {
  const result = spawnSync(program, args, { cwd, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (result.error) throw new Error(`${program}: ${result.error.message}`);
  if (result.status !== 0) {
    throw new Error(`${program} ${args[0] ?? ""} failed in ${cwd}:\n${(result.stdout + result.stderr).slice(-3000)}`);
  }
}
