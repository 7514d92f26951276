/** What a recipe in `guests/ports/NAME` is: a program becomes guests/build/NAME.wasm, a library goes into the sysroot. */
import type { RunOptions } from "./run.ts";

export interface Recipe {
  /** Debian source packages. */
  readonly sources: readonly string[];
  /** Other recipes, libraries, that have to be in the sysroot. */
  readonly libraries?: readonly string[];
  /** Builds it; resolves to the program's path, or to nothing if it was a library. */
  build(context: PortContext): Promise<string | undefined>;
}

export interface PortContext {
  /** The compiler and its friends; `target` is what `./configure --host=` gets. */
  readonly cc: string;
  readonly ar: string;
  readonly ranlib: string;
  readonly target: string;
  /** Where libraries go: `--prefix`. */
  readonly sysroot: string;
  /** A folder of its own. */
  readonly work: string;
  /** Programs at a time, for `make -j`. */
  readonly parallel: number;
  /** A copy of a Debian package's source in `work`, to build in. */
  copySource(name: string): string;
  /** Runs a program; its output is in the error if it fails. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<string>;
}
