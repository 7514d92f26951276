/**
 * `ringzero-cc`, the compiler that `./configure && make` gets, and its archiver and friends: shell scripts around clang and lld.
 *
 * clang's driver for a Linux target wants a GNU linker. So the driver is told that the target has no system at all, and the
 * compiler proper that it is `wasm32-wali-linux-musl`. A program that can fork is rewritten after the link (Asyncify), so that
 * its stack can be copied; see README.md.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tools } from "./tools.ts";

export const TARGET = "wasm32-wali-linux-musl";

/** Main thread's stack, bytes, unless the program asks for another (`-Wl,-z,stack-size=N`). */
const STACK_BYTES = 1 << 20;
/** What a 32-bit program may address without a pointer ever being negative. */
const MEMORY_BYTES_MAX = 2 ** 31;

/** What the compiler may use of Wasm, as wasm-opt calls it. Never all: engines refuse modules with features that they do not know. */
const FEATURES = [
  "threads",
  "bulk-memory",
  "mutable-globals",
  "sign-ext",
  "nontrapping-float-to-int",
  "exception-handling",
  "multivalue",
  "reference-types",
];

/** Flags for every compilation. setjmp becomes Wasm exceptions in the encoding that every engine has. */
export function compileFlags(): string[] {
  return [
    "--target=wasm32-unknown-unknown",
    "-Xclang",
    "-triple",
    "-Xclang",
    TARGET,
    "-pthread",
    "-mnontrapping-fptoint",
    "-mllvm",
    "-wasm-enable-sjlj",
    "-fvisibility=default",
    // One command both compiles and links, and every flag is for one of the two.
    "-Wno-unused-command-line-argument",
  ];
}

function linkFlags(): string[] {
  return [
    "--no-wasm-opt",
    "-Wl,--export-memory",
    `-Wl,--max-memory=${MEMORY_BYTES_MAX}`,
    "-Wl,--export-table",
    // The C library takes 0, 1 and 2 for no handlers of signals.
    "-Wl,--table-base=3",
    "-Wl,--export=__stack_pointer",
    "-Wl,--export=__tls_base",
    "-Wl,--stack-first",
    `-Wl,-z,stack-size=${STACK_BYTES}`,
  ];
}

/** Writes the scripts into `bin`; `sysroot` is what they compile against, `nodeBin` has wasm-opt. */
export function writeCompiler(tools: Tools, bin: string, sysroot: string, nodeBin: string): void {
  mkdirSync(bin, { recursive: true });
  script(join(bin, "ringzero-cc"), compilerScript(tools, sysroot, nodeBin));
  for (const [name, tool] of [
    ["ar", tools.ar],
    ["ranlib", tools.ranlib],
    ["nm", tools.nm],
    ["strip", tools.strip],
  ]) {
    script(join(bin, `ringzero-${name}`), `exec ${tool} "$@"\n`);
  }
}

function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}`);
  chmodSync(path, 0o755);
}

function quote(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

function compilerScript(tools: Tools, sysroot: string, nodeBin: string): string {
  const features = FEATURES.map((name) => `--enable-${name}`);
  return `# A C compiler for Ringzero: clang's options, and --ringzero-fork-callers=NAME,NAME (or RINGZERO_FORK_CALLERS).
sysroot=${quote([sysroot])}
link=yes start=yes output=a.out strip= debug= inputs= fork_callers=$RINGZERO_FORK_CALLERS next=
count=$#
while [ "$count" -gt 0 ]; do
  arg=$1 count=$((count - 1))
  shift
  [ -n "$next" ] && output=$arg next=
  case $arg in
    -c | -S | -E | -M | -MM | -fsyntax-only | --version | -print-*) link=no ;;
    -dumpmachine) echo ${TARGET}; exit 0 ;;
    -o) next=output ;;
    -o?*) output=\${arg#-o} ;;
    -g | -g[1-9]* | -ggdb* | -gdwarf*) debug=yes ;;
    -nostdlib | -nostartfiles | -r) start=no ;;
    -shared) echo "ringzero-cc: there are no shared libraries" >&2; exit 1 ;;
    # Programs are static and stand alone: these ask for something else, or for what a different linker has.
    -fPIC | -fpic | -fPIE | -fpie | -pie | -no-pie | -static | -rdynamic) continue ;;
    -Wl,-E | -Wl,--export-dynamic | -Wl,--as-needed | -Wl,--no-as-needed | -Wl,-z,relro | -Wl,-z,now | -Wl,-rpath*) continue ;;
    -s | -Wl,-s | -Wl,--strip-all) strip=yes; continue ;;
    --ringzero-fork-callers=*) fork_callers=\${arg#*=}; continue ;;
    -*) ;;
    *) inputs=yes ;;
  esac
  set -- "$@" "$arg"
done
set -- -nostdlibinc -isystem "$sysroot/include" "-ffile-prefix-map=$PWD=." "-ffile-prefix-map=$sysroot=/sysroot" "$@"
if [ "$link" = no ] || [ -z "$inputs" ]; then
  exec ${tools.clang} ${quote(compileFlags())} "$@"
fi
[ "$start" = yes ] && set -- "$sysroot/lib/crt1.o" "$@" "-L$sysroot/lib" -lc ${quote([tools.builtins])}
[ -z "$debug" ] && set -- "$@" -Wl,--strip-debug
${tools.clang} ${quote(compileFlags())} -nostdlib ${quote(linkFlags())} "$@" || exit
[ -f "$output" ] || exit 0

PATH=${quote([nodeBin])}:$PATH
set -- ${quote(features)}
if grep -q SYS_fork "$output"; then
  # A stack that a fork has to copy must be unwound: every function that may lead to it is rewritten.
  # What the rewriting leaves is worth a pass: half the size and a third of the time where everything is rewritten.
  set -- "$@" --asyncify --pass-arg=asyncify-imports@wali.SYS_fork -O1
  if [ -n "$fork_callers" ]; then
    set -- "$@" --pass-arg=asyncify-ignore-indirect --pass-arg=asyncify-propagate-addlist --pass-arg="asyncify-addlist@$fork_callers"
  fi
elif [ -z "$strip" ]; then
  exit 0
fi
if [ -n "$strip" ]; then
  set -- "$@" --strip-debug --strip-producers
else
  set -- "$@" -g
fi
wasm-opt "$@" "$output" -o "$output.$$" && chmod +x "$output.$$" && mv "$output.$$" "$output"
`;
}
