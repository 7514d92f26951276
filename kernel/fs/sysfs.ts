/**
 * /sys: the few files that programs look at to learn how the machine is set up (sysfs(5)).
 */
import { folder, PseudoFs, text } from "./pseudo-fs.ts";

/** SYSFS_MAGIC (statfs(2)). */
const SYSFS_MAGIC = 0x62656572;

export function newSysFs(): PseudoFs {
  return new PseudoFs("sysfs", SYSFS_MAGIC, () => TABLE);
}

const TABLE = {
  kernel: folder({
    mm: folder({
      transparent_hugepage: folder({
        enabled: text(() => "always madvise [never]\n"),
        defrag: text(() => "always defer defer+madvise madvise [never]\n"),
      }),
    }),
  }),
  devices: folder({
    system: folder({
      clocksource: folder({
        clocksource0: folder({
          available_clocksource: text(() => "tsc \n"),
          current_clocksource: text(() => "tsc\n"),
        }),
      }),
      cpu: folder({
        online: text(() => "0\n"),
        possible: text(() => "0\n"),
        present: text(() => "0\n"),
        cpu0: folder({}),
      }),
    }),
  }),
};
