/**
 * What the core asks of container values (lists, hashes, sets, sorted sets), whatever their encoding.
 * Each function gets an object whose type is not STRING.
 */
import { free, hasRoom, usable } from "./alloc";
import { registerContainers } from "./container-commands";
import { Dict } from "./dict";
import { registerDumpCommands } from "./dump-commands";
import { hashBytes, hashDuplicate, hashFree, hashLength } from "./hash-type";
import { listBytes, listDuplicate, listFree, listLength, listOf } from "./list-type";
import { ENC_HT, ENC_SKIPLIST, HASH, LIST, Obj, SET, STREAM } from "./object";
import { setBytes, setDuplicate, setFree, setLength } from "./set-type";
import { registerStreamCommands } from "./stream-table";
import { streamBytes, streamDuplicate, streamFree, streamLength, streamOf } from "./stream-type";
import { zsetBytes, zsetDuplicate, zsetFree, zsetLength } from "./zset-type";

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

/** Number of elements (0 never happens in the keyspace: an empty container is deleted). */
export function containerLength(o: Obj): u32 {
  const type = <u32>o.type;
  if (type == LIST) return listLength(o);
  if (type == STREAM) return streamLength(o);
  if (type == HASH) return hashLength(o);
  if (type == SET) return setLength(o);
  return zsetLength(o);
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

/** How many blocks freeing it takes (lazy free decides on it). */
export function containerFreeEffort(o: Obj): u32 {
  if (<u32>o.type == LIST) return listOf(o).nodes;
  if (<u32>o.type == STREAM) return streamOf(o).entries.nodeCount;
  const encoding = <u32>o.encoding;
  return encoding == ENC_HT || encoding == ENC_SKIPLIST ? changetype<Dict>(o.data).used : 1;
}

/** Registers the commands of all container types, DUMP and RESTORE. */
export function registerContainerCommands(): void {
  registerContainers();
  registerStreamCommands();
  registerDumpCommands();
}
