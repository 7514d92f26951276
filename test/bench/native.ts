/** Programs in C of the folder native/, compiled with gcc when the benchmark starts; and the Linux side of the system-call rows, one of them. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../server-process.ts";

export interface NativeProgram {
  readonly path: string;
  remove(): void;
}

/** Compiles native/NAME.c, or all C files of the folder native/NAME; throws with one line if that is not possible here. */
export function compileNative(name: string): NativeProgram {
  if (process.platform !== "linux") throw new Error("the native helpers need Linux");
  const source = join(repositoryRoot, "test/bench/native", name);
  const sources = name.endsWith(".c")
    ? [source]
    : readdirSync(source).flatMap((file) => (file.endsWith(".c") ? [join(source, file)] : []));
  const folder = mkdtempSync(join(tmpdir(), "ringzero-bench-"));
  const path = join(folder, "program");
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const result = spawnSync("gcc", ["-O2", "-pthread", "-o", path, ...sources], { encoding: "utf8" });
  if (result.status !== 0) {
    remove();
    throw new Error(result.error ? "gcc is not installed" : `gcc failed: ${result.stderr.trim().split("\n")[0]}`);
  }
  return { path, remove };
}

export type NativeCall = "getppid" | "futex" | "yield";

export interface NativeCalls {
  /** Nanoseconds per operation, one entry a round. */
  run(what: NativeCall): number[];
  remove(): void;
}

export function buildNativeCalls(): NativeCalls {
  const { path, remove } = compileNative("calls.c");
  return {
    run: (what) => picosecondLines(execFileSync(path, [what], { encoding: "latin1", timeout: 60_000 })),
    remove,
  };
}

export function picosecondLines(text: string): number[] {
  const values = text.trim().split("\n").map(Number);
  if (values.some((value) => !(value > 0))) throw new Error(`unexpected output: ${text.slice(0, 200)}`);
  return values.map((value) => value / 1000);
}
