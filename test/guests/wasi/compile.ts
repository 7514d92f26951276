/** Programs of guests/wasi: compiled by AssemblyScript's compiler with its stock WASI shim, into guests/build. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../server-process.ts";

const SHIM = "./node_modules/@assemblyscript/wasi-shim/asconfig.json";
const LIBRARY = "./node_modules/@assemblyscript/wasi-shim/assembly";

/** The module's path. */
export async function compileWasi(name: string, flags: readonly string[] = []): Promise<string> {
  const asc = await import("assemblyscript/asc");
  mkdirSync(join(repositoryRoot, "guests/build"), { recursive: true });
  const outFile = `guests/build/wasi-${name}.wasm`;
  let messages = "";
  const sink = { write: (text: string | Uint8Array) => (messages += text.toString()) };
  const { error } = await asc.main(
    [
      `guests/wasi/${name}.ts`,
      "--baseDir",
      repositoryRoot,
      "--config",
      SHIM,
      "--lib",
      LIBRARY,
      "--outFile",
      outFile,
      "--noColors",
      ...flags,
    ],
    { stdout: sink, stderr: sink },
  );
  if (error) throw new Error(`guests/wasi/${name}.ts does not compile: ${messages || error.message}`);
  return join(repositoryRoot, outFile);
}
