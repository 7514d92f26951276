/**
 * The list type: a quicklist (quicklist.ts) that lies in the list object itself, from its first payload word on.
 *
 * What always holds: a list in the keyspace is not empty. Called by the list commands, SORT and container.ts.
 */
import { alloc, free } from "../lib/raw/alloc";
import { copy } from "../lib/raw/bytes";
import { ENC_QUICKLIST, LIST, Obj, objNew, objRelease } from "./object";
import {
  Quicklist,
  itemLength,
  itemPtr,
  quicklistBytes,
  quicklistClear,
  quicklistCopy,
  quicklistDropHead,
  quicklistDropTail,
  quicklistPeekHead,
  quicklistPeekTail,
  quicklistPushHead,
  quicklistPushTail,
} from "./quicklist";

/** The quicklist of a list object. */
// @ts-ignore: decorator
@inline
export function listOf(o: Obj): Quicklist {
  return changetype<Quicklist>(changetype<usize>(o) + 8);
}

/** An empty list: four zero words are an empty quicklist. */
export function listNew(): Obj {
  return objNew(LIST, ENC_QUICKLIST, 0);
}

// @ts-ignore: decorator
@inline
export function listLength(o: Obj): u32 {
  return listOf(o).length;
}

// @ts-ignore: decorator
@inline
export function listPush(o: Obj, head: bool, ptr: usize, length: u32): void {
  if (head) quicklistPushHead(listOf(o), ptr, length);
  else quicklistPushTail(listOf(o), ptr, length);
}

/** Reads the element at one end into itemPtr/itemLength. */
// @ts-ignore: decorator
@inline
export function listPeek(o: Obj, head: bool): void {
  if (head) quicklistPeekHead(listOf(o));
  else quicklistPeekTail(listOf(o));
}

// @ts-ignore: decorator
@inline
export function listDrop(o: Obj, head: bool): void {
  if (head) quicklistDropHead(listOf(o));
  else quicklistDropTail(listOf(o));
}

let kept: usize = 0;
let keptSize: u32 = 0;

/** A copy of the element last read that outlives the list's next change; the next call overwrites it. */
export function listKeepItem(): usize {
  if (itemLength > keptSize || keptSize > 65536) {
    free(kept);
    keptSize = max<u32>(itemLength, 256);
    kept = alloc(keptSize);
  }
  copy(kept, itemPtr, itemLength);
  return kept;
}

/** Frees the structure, not the object. */
export function listFree(o: Obj): void {
  quicklistClear(listOf(o));
}

/** A deep copy, or 0 when memory is short. */
export function listDuplicate(o: Obj): usize {
  const twin = listNew();
  if (quicklistCopy(listOf(o), listOf(twin))) return changetype<usize>(twin);
  objRelease(twin);
  return 0;
}

export function listBytes(o: Obj, samples: u32): f64 {
  return quicklistBytes(listOf(o), samples);
}
