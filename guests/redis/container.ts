/**
 * What the core asks of container values (lists, streams, hashes, sets, sorted sets), whatever their encoding.
 * Each function gets an object whose type is not STRING.
 */
import { free, hasRoom, usable } from "../lib/raw/alloc";
import { registerContainers } from "./container-commands";
import { registerDumpCommands } from "./dump-commands";
import { hashBytes, hashDuplicate, hashFree } from "./hash-type";
import { listBytes, listDuplicate, listFree } from "./list-type";
import { HASH, LIST, Obj, SET, STREAM } from "./object";
import { setBytes, setDuplicate, setFree } from "./set-type";
import { registerStreamCommands } from "./stream-table";
import { streamBytes, streamDuplicate, streamFree } from "./stream-type";
import { zsetBytes, zsetDuplicate, zsetFree } from "./zset-type";

/** Frees the value and the object's own block. */
export function containerFree(o: Obj): void {
  const type = <u32>o.type;
  if (type == LIST) listFree(o);
  else if (type == STREAM) streamFree(o);
  else if (type == HASH) hashFree(o);
  else if (type == SET) setFree(o);
  else zsetFree(o);
  free(changetype<usize>(o));
}

/** A deep copy, or 0 when memory is short. */
export function containerDuplicate(o: Obj): usize {
  const bytes = <f64>containerBytes(o, 0);
  if (bytes > 3.0e9 || !hasRoom(<usize>(bytes * 1.125))) return 0;
  const type = <u32>o.type;
  if (type == LIST) return listDuplicate(o);
  if (type == STREAM) return streamDuplicate(o);
  if (type == HASH) return hashDuplicate(o);
  if (type == SET) return setDuplicate(o);
  return zsetDuplicate(o);
}

/** Bytes used; looks at no more than `samples` elements and extrapolates (0: all). */
export function containerBytes(o: Obj, samples: u32): usize {
  const type = <u32>o.type;
  let bytes: f64;
  if (type == LIST) bytes = listBytes(o, samples);
  else if (type == STREAM) bytes = streamBytes(o, samples);
  else if (type == HASH) bytes = hashBytes(o, samples);
  else if (type == SET) bytes = setBytes(o, samples);
  else bytes = zsetBytes(o, samples);
  return <usize>bytes + usable(changetype<usize>(o));
}

/** Registers the commands of all container types, DUMP and RESTORE. */
export function registerContainerCommands(): void {
  registerContainers();
  registerStreamCommands();
  registerDumpCommands();
}
