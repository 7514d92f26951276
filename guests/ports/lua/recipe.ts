/** Lua's interpreter. os.execute and io.popen are called through its own stack of calls, so everything that may fork is rewritten. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Recipe } from "../../linux/port.ts";

export const recipe: Recipe = {
  sources: ["lua5.4"],
  async build({ cc, target, work, copySource, run }) {
    const cwd = join(copySource("lua5.4"), "src");
    // Debian's configuration wants the name of the folder for C modules: there are none.
    writeFileSync(join(cwd, "lua5.4-deb-multiarch.h"), `#define DEB_HOST_MULTIARCH "${target}"\n`);
    const program = join(work, "lua.wasm");
    // Debian's makefile is made for libtool: the interpreter is all of the files but the compiler's.
    const files = readdirSync(cwd)
      .filter((name) => name.endsWith(".c") && name !== "luac.c")
      .sort();
    await run(cc, ["-O2", "-std=gnu99", "-DLUA_COMPAT_5_3", "-DLUA_USE_POSIX", "-s", ...files, "-lm", "-o", program], {
      cwd,
    });
    return program;
  },
};
