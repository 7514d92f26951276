/** memcached as Debian ships it, with libevent and threads. It forks to become a daemon only, straight from main. */
import { join } from "node:path";
import type { Recipe } from "../../linux/port.ts";

export const recipe: Recipe = {
  sources: ["memcached"],
  libraries: ["libevent"],
  async build({ cc, target, sysroot, parallel, copySource, run }) {
    const cwd = copySource("memcached");
    await run(
      "./configure",
      [
        `--host=${target}`,
        `--with-libevent=${sysroot}`,
        "--disable-docs",
        `CC=${cc}`,
        "LDFLAGS=-s --ringzero-fork-callers=main",
      ],
      { cwd },
    );
    await run("make", [`-j${parallel}`, "memcached", "AUTOMAKE=:", "ACLOCAL=:", "AUTOCONF=:", "AUTOHEADER=:"], { cwd });
    return join(cwd, "memcached");
  },
};
