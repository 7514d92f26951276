/** libevent, what memcached waits with: its core alone, as a static library. */
import type { Recipe } from "../../linux/port.ts";

export const recipe: Recipe = {
  sources: ["libevent"],
  async build({ cc, ar, ranlib, target, sysroot, parallel, copySource, run }) {
    const cwd = copySource("libevent");
    const options = [
      "--disable-shared",
      "--disable-openssl",
      "--disable-samples",
      "--disable-libevent-regress",
      "--disable-debug-mode",
    ];
    await run(
      "./configure",
      [`--host=${target}`, `--prefix=${sysroot}`, ...options, `CC=${cc}`, `AR=${ar}`, `RANLIB=${ranlib}`],
      { cwd },
    );
    const make = ["AUTOMAKE=:", "ACLOCAL=:", "AUTOCONF=:", "AUTOHEADER=:"];
    await run("make", [`-j${parallel}`, ...make], { cwd });
    await run("make", ["install", ...make], { cwd });
    return undefined;
  },
};
