/**
 * What the access mode of an open file description allows (open(2)). Files ask it in their own read and write.
 */
import { O_ACCMODE, O_PATH, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";

/** True if a description opened with `flags` may be read. */
export function mayRead(flags: number): boolean {
  return (flags & O_ACCMODE) !== O_WRONLY && (flags & O_PATH) === 0;
}

/** True if a description opened with `flags` may be written. */
export function mayWrite(flags: number): boolean {
  return (flags & O_ACCMODE) !== O_RDONLY && (flags & O_PATH) === 0;
}
