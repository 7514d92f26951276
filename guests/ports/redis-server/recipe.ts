/** Redis as Debian ships it. BGSAVE and AOF rewrites fork, so the functions below, which call the forking one by pointer, are named. */
import { join } from "node:path";
import type { Recipe } from "../../linux/port.ts";

const FORK_CALLERS = [
  "aeProcessEvents",
  "processTimeEvents",
  "connSocketEventHandler",
  "call",
  "configSetCommand",
  "performInterfaceSet",
  "scriptCall",
];

export const recipe: Recipe = {
  sources: ["redis"],
  async build({ cc, ar, ranlib, parallel, copySource, run }) {
    const source = join(copySource("redis"), "src");
    await run(
      "make",
      [
        `-j${parallel}`,
        "redis-server",
        "MALLOC=libc",
        "USE_SYSTEMD=no",
        "BUILD_TLS=no",
        `CC=${cc}`,
        `AR=${ar}`,
        `RANLIB=${ranlib}`,
        "DEBUG=",
        "REDIS_LDFLAGS=-s",
      ],
      { cwd: source, env: { RINGZERO_FORK_CALLERS: FORK_CALLERS.join(",") } },
    );
    return join(source, "redis-server");
  },
};
