/**
 * What the core asks of container values (lists, hashes, sets, sorted sets), whatever their encoding.
 * Each function gets an object whose type is not STRING.
 */
import { free, usable } from "./alloc";
import { Obj } from "./object";

/** Frees the value and the object's own block. */
export function containerFree(o: Obj): void {
  free(changetype<usize>(o));
}
/** Number of elements (0 never happens in the keyspace: an empty container is deleted). */
export function containerLength(o: Obj): u32 {
  return 0;
}
/** A deep copy, or 0 when memory is short. */
export function containerDuplicate(o: Obj): usize {
  return 0;
}
/** Bytes used; looks at no more than `samples` elements and extrapolates (0: all). */
export function containerBytes(o: Obj, samples: u32): usize {
  return usable(changetype<usize>(o));
}
/** How many blocks freeing it takes (lazy free decides on it). */
export function containerFreeEffort(o: Obj): u32 {
  return 1;
}
/** Registers the commands of all container types. */
export function registerContainerCommands(): void {}
