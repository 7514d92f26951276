/**
 * The C library for Wasm: musl as Debian ships its source, with the architecture in `overlay/` laid over it.
 *
 * The overlay's files replace or add to the library's own; a file of `src/DIR/wasm32` replaces the one of the same name in
 * `src/DIR`, as in every architecture of musl. Headers that have to follow the 64-bit kernel's layouts although `long` has 32 bits
 * come from musl's own x32, which has the same task, or are edited by HEADER_EDITS.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { compileFlags } from "./compiler.ts";
import { forEachParallel, run } from "./run.ts";
import { importHeader, internalHeader, publicHeader, readNumbers, syscallFunction } from "./syscalls.ts";
import type { Tools } from "./tools.ts";

const ARCH = "wasm32";

/** <bits/...> that x32 has just as we need them. */
const X32_BITS = [
  "fcntl.h",
  "statfs.h",
  "ipc.h",
  "msg.h",
  "shm.h",
  "sem.h",
  "socket.h",
  "ioctl_fix.h",
  "posix.h",
  "limits.h",
  "stdint.h",
];

/** Edits of the library's headers: file, what to find (everywhere in it), what to put there. Each has to match. */
const HEADER_EDITS: readonly (readonly [string, string, string])[] = [
  // The kernel's message headers are those of a 64-bit system, and control messages are aligned to 8.
  ["sys/socket.h", "#if __LONG_MAX > 0x7fffffff && __BYTE_ORDER == __LITTLE_ENDIAN", "#if 1"],
  [
    "sys/socket.h",
    "(((cmsg)->cmsg_len + sizeof(long) - 1) & ~(long)(sizeof(long) - 1))",
    "(((cmsg)->cmsg_len + 7) & ~7L)",
  ],
  ["sys/socket.h", "(((len) + sizeof (size_t) - 1) & (size_t) ~(sizeof (size_t) - 1))", "(((len) + 7) & (size_t) ~7)"],
  ["sys/epoll.h", "#ifdef __x86_64__", "#if 1"],
  // siginfo_t: the union stands at 16, clock_t has 64 bits.
  ["signal.h", "char __pad[128 - 2*sizeof(int) - sizeof(long)];", "char __pad[112] __attribute__((__aligned__(8)));"],
  ["signal.h", "clock_t si_utime, si_stime;", "long long si_utime, si_stime;"],
  ["signal.h", "long si_band;", "long long si_band;"],
  // What a signal handler is told lies on the stack of its thread, and needs half of that.
  ["limits.h", "#define PTHREAD_STACK_MIN 2048", "#define PTHREAD_STACK_MIN 16384"],
  ["string.h", "#ifdef __cplusplus\n}", "#include <bits/string.h>\n\n#ifdef __cplusplus\n}"],
  // 1 is an index of the function table.
  ["signal.h", "#define SIG_IGN  ((void (*)(int)) 1)", "#define SIG_IGN  ((void (*)(int)) -2)"],
];

/** Files of the library that the overlay replaces under another name, or that make no sense here. */
const LEFT_OUT = new Set([
  "src/env/__init_tls.c",
  "src/env/__reset_tls.c",
  "src/internal/vdso.c",
  "src/linux/cache.c",
  "src/malloc/free.c",
  "src/misc/syscall.c",
  "src/setjmp/longjmp.c",
  "src/setjmp/setjmp.c",
  "src/signal/sigsetjmp.c",
  "src/signal/sigsetjmp_tail.c",
  "src/signal/siglongjmp.c",
  "src/thread/__set_thread_area.c",
  "src/thread/__unmapself.c",
]);

/** Functions that are one instruction of Wasm. */
const ONE_INSTRUCTION = ["sqrt", "fabs", "ceil", "floor", "trunc", "rint", "nearbyint", "copysign"];

/** Libraries that other systems have beside the C library: here everything is in it. */
const EMPTY_LIBRARIES = ["m", "rt", "pthread", "crypt", "util", "xnet", "resolv", "dl"];

/** Builds the library into `sysroot`; `source` is the unpacked Debian source. */
export async function buildSysroot(
  {
    tools,
    source,
    overlay,
    work,
    sysroot,
  }: { tools: Tools; source: string; overlay: string; work: string; sysroot: string },
  progress: (text: string) => void,
): Promise<void> {
  rmSync(work, { recursive: true, force: true });
  rmSync(sysroot, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  for (const part of ["arch", "include", "src", "tools", "VERSION"])
    cpSync(join(source, part), join(work, part), { recursive: true });
  cpSync(overlay, work, { recursive: true });
  await writeHeaders(work, sysroot);
  generateSources(work);

  const objects = join(work, "obj");
  mkdirSync(objects, { recursive: true });
  const sources = sourcesOf(work);
  let done = 0;
  await forEachParallel(sources, async (file) => {
    await run(tools.clang, [...flagsFor(file), "-c", file, "-o", join("obj", objectName(file))], { cwd: work });
    if (++done % 50 === 0 || done === sources.length) progress(`C library ${done}/${sources.length}`);
  });

  const lib = join(sysroot, "lib");
  mkdirSync(lib, { recursive: true });
  await run(tools.clang, [...flagsFor("crt/crt1.c"), "-c", "crt/crt1.c", "-o", join(lib, "crt1.o")], { cwd: work });
  await run(tools.ar, ["rcsD", join(lib, "libc.a"), ...sources.map(objectName).sort()], { cwd: objects });
  for (const name of EMPTY_LIBRARIES) await run(tools.ar, ["rcsD", join(lib, `lib${name}.a`)]);
}

async function writeHeaders(work: string, sysroot: string): Promise<void> {
  const include = join(sysroot, "include");
  const bits = join(include, "bits");
  cpSync(join(work, "include"), include, { recursive: true });
  for (const template of readdirSync(include).filter((name) => name.endsWith(".in"))) rmSync(join(include, template));
  cpSync(join(work, "arch/generic/bits"), bits, { recursive: true });
  for (const name of X32_BITS) cpSync(join(work, "arch/x32/bits", name), join(bits, name));
  const own = join(work, "arch", ARCH, "bits");
  for (const name of readdirSync(own).filter((name) => name.endsWith(".h"))) cpSync(join(own, name), join(bits, name));
  const types = await run("sed", ["-f", "tools/mkalltypes.sed", join(own, "alltypes.h.in"), "include/alltypes.h.in"], {
    cwd: work,
  });
  writeFileSync(join(bits, "alltypes.h"), types);
  const numbers = readNumbers(readFileSync(join(work, "arch/x86_64/bits/syscall.h.in"), "utf8"));
  writeFileSync(join(bits, "syscall.h"), publicHeader(numbers));
  for (const [name, find, replacement] of HEADER_EDITS) {
    const path = join(include, name);
    const text = readFileSync(path, "utf8");
    if (!text.includes(find))
      throw new Error(`<${name}> of this C library has no "${find}": HEADER_EDITS does not fit it`);
    writeFileSync(path, text.replaceAll(find, replacement));
  }

  // What the library itself is compiled with: the same, but for the system calls.
  rmSync(join(work, "include"), { recursive: true });
  cpSync(include, join(work, "include"), { recursive: true });
  const internal = join(work, "internal-include");
  mkdirSync(join(internal, "bits"), { recursive: true });
  writeFileSync(join(internal, "bits/syscall.h"), internalHeader(numbers));
  writeFileSync(join(internal, "syscall_arch.h"), importHeader());
  const version = readFileSync(join(work, "VERSION"), "utf8").trim();
  writeFileSync(join(internal, "version.h"), `#define VERSION "${version}"\n`);
}

function generateSources(work: string): void {
  const math = join(work, "src/math", ARCH);
  mkdirSync(math, { recursive: true });
  for (const name of ONE_INSTRUCTION) {
    for (const [suffix, type] of [
      ["", "double"],
      ["f", "float"],
    ]) {
      const parameters = name === "copysign" ? `${type} x, ${type} y` : `${type} x`;
      const args = name === "copysign" ? "x, y" : "x";
      const text = `#include <math.h>\n\n${type} ${name}${suffix}(${parameters})\n{\n\treturn __builtin_${name}${suffix}(${args});\n}\n`;
      writeFileSync(join(math, `${name}${suffix}.c`), text);
    }
  }
  mkdirSync(join(work, "src/misc", ARCH), { recursive: true });
  writeFileSync(join(work, "src/misc", ARCH, "syscall.c"), syscallFunction());
}

/** The library's files, relative to `work`; an architecture's file stands for the general one of its name. */
function sourcesOf(work: string): string[] {
  const folders = readdirSync(join(work, "src"))
    .sort()
    .map((name) => `src/${name}`);
  folders.push("src/malloc/mallocng");
  const isSource = (name: string): boolean => /\.[cs]$/.test(name);
  return folders.flatMap((folder) => {
    const own = join(work, folder, ARCH);
    const ownFiles = existsSync(own) ? readdirSync(own).filter(isSource).sort() : [];
    const replaced = new Set(ownFiles.map((name) => basename(name).replace(/\.[cs]$/, "")));
    const general = readdirSync(join(work, folder)).filter(isSource).sort();
    return [
      ...general.filter((name) => !replaced.has(name.replace(/\.[cs]$/, ""))).map((name) => `${folder}/${name}`),
      ...ownFiles.map((name) => `${folder}/${ARCH}/${name}`),
    ].filter((path) => !LEFT_OUT.has(path));
  });
}

function objectName(file: string): string {
  return `${file
    .replace(/^src\//, "")
    .replaceAll("/", "_")
    .replace(/\.[cs]$/, "")}.o`;
}

/** Compiler flags for a file of the library. */
function flagsFor(file: string): string[] {
  if (file.endsWith(".s")) return compileFlags();
  return [
    ...compileFlags(),
    "-std=c99",
    "-nostdinc",
    "-ffreestanding",
    "-fno-strict-aliasing",
    "-fexcess-precision=standard",
    "-ftls-model=local-exec",
    "-D_XOPEN_SOURCE=700",
    `-Iarch/${ARCH}`,
    "-Iarch/generic",
    "-Iinternal-include",
    "-Isrc/include",
    "-Isrc/internal",
    "-Iinclude",
    "-O2",
    "-fomit-frame-pointer",
    "-w",
    "-Werror=implicit-function-declaration",
    "-Werror=pointer-arith",
  ];
}
