/**
 * The programs that the build needs. On Debian, as root, what is missing is installed; otherwise one message says what is missing.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { apt } from "./debian-source.ts";
import { run } from "./run.ts";

const LLVM = "22";

export interface Tools {
  readonly clang: string;
  readonly ar: string;
  readonly ranlib: string;
  readonly nm: string;
  readonly strip: string;
  /** compiler-rt's functions for what Wasm has no instruction for. */
  readonly builtins: string;
  /** What a different compiler changes: part of every hash. */
  readonly version: string;
}

const BUILTINS = `/usr/lib/llvm-${LLVM}/lib/clang/${LLVM}/lib/wasi/libclang_rt.builtins-wasm32.a`;

/** A program in the PATH, or a file, and the Debian package that has it. */
const NEEDED: readonly (readonly [string, string])[] = [
  [`clang-${LLVM}`, `clang-${LLVM}`],
  [`wasm-ld-${LLVM}`, `lld-${LLVM}`],
  [`llvm-ar-${LLVM}`, `llvm-${LLVM}`],
  [BUILTINS, `libclang-rt-${LLVM}-dev-wasm32`],
  ["dpkg-source", "dpkg-dev"],
  ["make", "make"],
  // SQLite's build makes its parser generator and its amalgamation with these.
  ["gcc", "gcc"],
  ["/usr/include/stdio.h", "libc6-dev"],
  ["tclsh", "tcl"],
];

/** Finds the tools, installs them where that is possible. */
export async function findTools(progress: (text: string) => void): Promise<Tools> {
  const missing = NEEDED.filter(([name]) => !isThere(name)).map(([, debianPackage]) => debianPackage);
  if (missing.length > 0) {
    const list = missing.join(" ");
    if (spawnSync("apt-get", ["--version"], { stdio: "ignore" }).error) {
      throw new Error(`the C toolchain is made of Debian's packages, and this is no Debian; missing: ${list}`);
    }
    if (process.getuid?.() !== 0) {
      throw new Error(`missing packages: ${list}. Install them (apt-get install ${list}) or run this as root`);
    }
    progress(`installing ${list}`);
    await apt(["update"]);
    await apt(["install", "-y", "--no-install-recommends", ...missing]);
  }
  const clang = `clang-${LLVM}`;
  return {
    clang,
    ar: `llvm-ar-${LLVM}`,
    ranlib: `llvm-ranlib-${LLVM}`,
    nm: `llvm-nm-${LLVM}`,
    strip: `llvm-strip-${LLVM}`,
    builtins: BUILTINS,
    version: (await run(clang, ["--version"])).split("\n")[0] ?? "",
  };
}

function isThere(name: string): boolean {
  if (name.startsWith("/")) return existsSync(name);
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));
}
