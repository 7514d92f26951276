/** The tiny guests of this folder: compiled with AssemblyScript into guests/build, booted, their output read. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { boot } from "../../host/index.ts";
import { repositoryRoot } from "../server-process.ts";

export async function runGuestProgram(name: string): Promise<string> {
  const module = await compileGuestProgram(name);
  const machine = await boot(module);
  // The stream ends after the machine has: what it printed last arrives after `exited`.
  const [text, { code, reason }] = await Promise.all([readAll(machine.stdout), machine.exited]);
  if (code !== 0) throw new Error(`guest ${name} ended with code ${code}${reason ? `: ${reason}` : ""}`);
  return text;
}

async function compileGuestProgram(name: string): Promise<string> {
  const asc = await import("assemblyscript/asc");
  const folder = join(repositoryRoot, "guests/build");
  mkdirSync(folder, { recursive: true });
  const outFile = `guests/build/bench-${name}.wasm`;
  let messages = "";
  const sink = { write: (text: string | Uint8Array) => (messages += text.toString()) };
  const flags = ["-O3", "--noAssert", "--runtime", "stub", "--importMemory", "--noColors"];
  const { error } = await asc.main(
    [`test/bench/guests/${name}.ts`, "--baseDir", repositoryRoot, "--outFile", outFile, ...flags],
    {
      stdout: sink,
      stderr: sink,
    },
  );
  if (error) throw new Error(`guest ${name} does not compile: ${messages || error.message}`);
  return join(repositoryRoot, outFile);
}
