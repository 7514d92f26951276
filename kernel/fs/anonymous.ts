/**
 * What files without a name have in common: no path, no size, an inode number that says only that they are anonymous (Linux gives all
 * of its anon_inode files one as well).
 */
import type { Stat } from "./file.ts";

/** Device and inode number of everything anonymous in the machine. */
const ANONYMOUS_DEV = 13;
const ANONYMOUS_INO = 1;
const BLOCK_BYTES = 4096;

/** fstat(2) of an anonymous file with `mode` (type and permission bits). */
export function statAnonymous(out: Stat, mode: number): number {
  out.dev = ANONYMOUS_DEV;
  out.ino = ANONYMOUS_INO;
  out.mode = mode;
  out.nlink = 1;
  out.uid = 0;
  out.gid = 0;
  out.rdev = 0;
  out.size = 0;
  out.blksize = BLOCK_BYTES;
  out.blocks = 0;
  out.atimeSec = 0;
  out.atimeNsec = 0;
  out.mtimeSec = 0;
  out.mtimeNsec = 0;
  out.ctimeSec = 0;
  out.ctimeNsec = 0;
  return 0;
}
