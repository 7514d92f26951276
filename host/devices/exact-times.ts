/**
 * Times that a guest has set, to the nanosecond. Node's utimes takes seconds as a floating-point number: what reaches the disk is off by up to
 * 240 ns in our time. So what was asked for is kept beside what the host has made of it, and is what the guest sees for as long as the host says
 * the same: a write, or somebody else's change, and it is forgotten.
 */
import type { BigIntStats } from "node:fs";

interface SetTime {
  readonly asked: bigint;
  /** What the host has made of it. */
  readonly made: bigint;
}

export class ExactTimes {
  #atime: SetTime | null;
  #mtime: SetTime | null;

  /** The host has set both times: `atime` and `mtime` were asked for, `made` is what came of it. */
  constructor(atime: bigint, mtime: bigint, made: BigIntStats) {
    this.#atime = { asked: atime, made: made.atimeNs };
    this.#mtime = { asked: mtime, made: made.mtimeNs };
  }

  /** Puts into `stats` what was asked for, where the host still says what it made of it. */
  correct(stats: BigIntStats): BigIntStats {
    if (this.#atime?.made === stats.atimeNs) stats.atimeNs = this.#atime.asked;
    else this.#atime = null;
    if (this.#mtime?.made === stats.mtimeNs) stats.mtimeNs = this.#mtime.asked;
    else this.#mtime = null;
    return stats;
  }
}
