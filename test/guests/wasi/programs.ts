/**
 * The programs of others that run on the WASI personality, and what each of them is to do: Node's own tests (a folder of Debian's source package
 * nodejs) and the prebuilt tests of the public repository WebAssembly/wasi-testsuite.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MachineJob } from "../conformance/machine-job.ts";

export interface WasiTest {
  readonly name: string;
  readonly job: MachineJob;
  readonly code: number;
  /** null: whatever it prints. */
  readonly stdout: string | null;
}

interface NodeExpectation {
  readonly code?: number;
  readonly stdout?: string;
  readonly stdin?: string;
  /** It runs in the folders of test-wasi-symlinks.js. */
  readonly links?: true;
  /** It asserts what node:wasi does otherwise than the standard and its public tests: it gets that. */
  readonly wasi?: "node";
}

/** What Node's tests ask for besides an exit code of 0 (test/wasi/test-wasi.js). */
const NODE_TESTS: Readonly<Record<string, NodeExpectation>> = {
  cant_dotdot: {},
  clock_getres: {},
  // A NUL counted by readlink, and a link that is relative to the preopened folder.
  create_symlink: { stdout: "hello from input.txt", links: true, wasi: "node" },
  exitcode: { code: 120 },
  fd_prestat_get_refresh: {},
  follow_symlink: { stdout: "hello from input.txt", links: true, wasi: "node" },
  freopen: { stdout: "hello from input2.txt\n" },
  ftruncate: {},
  getentropy: {},
  getrusage: {},
  gettimeofday: {},
  link: { links: true },
  main_args: {},
  notdir: {},
  poll: {},
  preopen_populates: {},
  read_file: { stdout: "hello from input.txt\n" },
  read_file_twice: { stdout: "hello from input.txt\nhello from input.txt\n" },
  // No "." and "..".
  readdir: { wasi: "node" },
  sock: {},
  stat: {},
  stdin: { stdin: "hello world", stdout: "hello world" },
  symlink_escape: { links: true, wasi: "node" },
  symlink_loop: { links: true, wasi: "node" },
  write_file: {},
};

/** Node's tests, from its folder `test/wasi`; what they find in their folders is made in `scratch`, as its scripts make it. */
export function nodeTests(folder: string, scratch: string): WasiTest[] {
  const names = readdirSync(join(folder, "wasm")).map((file) => file.replace(/\.wasm$/, ""));
  return names.sort().map((name) => {
    const expected = NODE_TESTS[name] ?? {};
    const own = join(scratch, name);
    for (const part of ["sandbox", "tmp"]) mkdirSync(join(own, part), { recursive: true });
    const sandbox = join(own, "sandbox");
    writeFileSync(join(own, "outside.txt"), "this should be inaccessible");
    if (expected.links) linkedSandbox(sandbox);
    else plainSandbox(sandbox);
    return {
      name,
      job: {
        module: join(folder, "wasm", `${name}.wasm`),
        args: expected.links ? [] : ["-bar", "--baz=value"],
        env: { NODE_PLATFORM: "linux" },
        name: "foo",
        // One file system, for `link` makes a link from the one to the other.
        volumes: { "/own": own },
        preopens: { "/sandbox": "/own/sandbox", "/tmp": "/own/tmp" },
        ...(expected.wasi && { wasi: expected.wasi }),
        ...(expected.stdin !== undefined && { stdin: expected.stdin }),
      },
      code: expected.code ?? 0,
      stdout: expected.stdout ?? "",
    };
  });
}

/** Node's test/fixtures/wasi. */
function plainSandbox(sandbox: string): void {
  writeFileSync(join(sandbox, "input.txt"), "hello from input.txt\n");
  writeFileSync(join(sandbox, "input2.txt"), "hello from input2.txt\n");
  writeFileSync(join(sandbox, "notadir"), "");
  mkdirSync(join(sandbox, "subdir"));
  writeFileSync(join(sandbox, "subdir/input.txt"), "hello from input.txt\n");
}

/** What test/wasi/test-wasi-symlinks.js makes. */
function linkedSandbox(sandbox: string): void {
  mkdirSync(join(sandbox, "subdir"));
  writeFileSync(join(sandbox, "input.txt"), "hello from input.txt");
  symlinkSync("./input.txt", join(sandbox, "subdir/input_link.txt"));
  symlinkSync("../outside.txt", join(sandbox, "subdir/outside.txt"));
  symlinkSync("subdir/loop2", join(sandbox, "subdir/loop1"));
  symlinkSync("subdir/loop1", join(sandbox, "subdir/loop2"));
}

interface Specification {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly root?: string;
  readonly exit_code?: number;
  readonly stdout?: string;
}

/** The prebuilt preview 1 tests of a checkout of the branch `prod/testsuite-base`; each gets a copy of its folder in `scratch`. */
export function publicTests(checkout: string, scratch: string): WasiTest[] {
  const tests: WasiTest[] = [];
  for (const language of ["assemblyscript", "c", "rust"]) {
    const folder = join(checkout, "tests", language, "testsuite/wasm32-wasip1");
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder).filter((entry) => entry.endsWith(".wasm"))) {
      const name = file.replace(/\.wasm$/, "");
      const path = join(folder, `${name}.json`);
      const given = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Specification) : {};
      const { root } = given;
      const own = join(scratch, language, name);
      if (root !== undefined) {
        rmSync(own, { recursive: true, force: true });
        cpSync(join(folder, root), own, { recursive: true });
      }
      tests.push({
        name: `${language}/${name}`,
        job: {
          module: join(folder, file),
          args: given.args ?? [],
          env: given.env ?? {},
          ...(root !== undefined && { volumes: { "/root": own }, preopens: { "/": "/root" } }),
        },
        code: given.exit_code ?? 0,
        stdout: given.stdout ?? null,
      });
    }
  }
  return tests;
}
