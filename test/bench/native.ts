/** The Linux side of the system-call rows: native/calls.c, compiled with gcc when the benchmark starts. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../server-process.ts";

export type NativeCall = "getppid" | "futex" | "yield";

export interface NativeCalls {
  /** Nanoseconds per operation, one entry a round. */
  run(what: NativeCall): number[];
  remove(): void;
}

/** Compiles the helper; throws with one line if that is not possible here. */
export function buildNativeCalls(): NativeCalls {
  if (process.platform !== "linux") throw new Error("the native helper needs Linux");
  const folder = mkdtempSync(join(tmpdir(), "ringzero-bench-"));
  const program = join(folder, "calls");
  const source = join(repositoryRoot, "test/bench/native/calls.c");
  const result = spawnSync("gcc", ["-O2", "-pthread", "-o", program, source], { encoding: "utf8" });
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  if (result.status !== 0) {
    remove();
    throw new Error(result.error ? "gcc is not installed" : `gcc failed: ${result.stderr.trim().split("\n")[0]}`);
  }
  return {
    run: (what) => picosecondLines(execFileSync(program, [what], { encoding: "latin1", timeout: 60_000 })),
    remove,
  };
}

export function picosecondLines(text: string): number[] {
  const values = text.trim().split("\n").map(Number);
  if (values.some((value) => !(value > 0))) throw new Error(`unexpected output: ${text.slice(0, 200)}`);
  return values.map((value) => value / 1000);
}
