/**
 * The hash type: a small hash is one packed block (hash-pack.ts), a big one a dict.
 *
 * In a dict the value lies in the entry's own block, behind the key's bytes, and its length in the entry's value word:
 * one allocation per field. What always holds: a hash in the keyspace is not empty; a packed one has at most
 * `hash-max-listpack-entries` fields, none of whose strings was longer than `hash-max-listpack-value` when it was set.
 *
 * Results are left in `hashValue`/`hashValueLength` (hashGet) and `hashField`… (iteration); they point into the hash and
 * hold until it changes. Called by hash-commands.ts, container.ts, SORT and the AOF rewrite.
 */
import { alloc, free, tryAlloc, usable } from "../lib/raw/alloc";
import { copy, hash } from "../lib/raw/bytes";
import {
  Dict,
  ENTRY_HEADER,
  dictFairRandom,
  dictFind,
  dictFindHash,
  dictFirst,
  dictFree,
  dictLink,
  dictNew,
  dictNext,
  dictReplaceEntry,
  dictReserve,
  dictTableBytes,
  dictUnlink,
  entryHash,
  entryKey,
  entryLength,
} from "./dict";
import {
  hashPackAppend,
  hashPackCopy,
  hashPackCount,
  hashPackEnd,
  hashPackFind,
  hashPackFirst,
  hashPackNew,
  hashPackRead,
  hashPackRemove,
  hashPackReplace,
  packField,
  packFieldLength,
  packValue,
  packValueLength,
} from "./hash-pack";
import { ENC_HT, ENC_LISTPACK, HASH, Obj, objNew } from "./object";
import { randomU32 } from "../lib/raw/random";
import { cfg } from "./server";

/** The value found by hashGet or reached by the iteration. */
export let hashValue: usize = 0;
export let hashValueLength: u32 = 0;
/** The field reached by the iteration or drawn at random. */
export let hashField: usize = 0;
export let hashFieldLength: u32 = 0;

// @ts-ignore: decorator
@inline
function packed(o: Obj): bool {
  return <u32>o.encoding == ENC_LISTPACK;
}
// @ts-ignore: decorator
@inline
function dictOf(o: Obj): Dict {
  return changetype<Dict>(o.data);
}
/** Value of a dict entry: its length is the value word, its bytes follow the key's. */
// @ts-ignore: decorator
@inline
export function hashEntryValue(e: usize): usize {
  return e + ENTRY_HEADER + entryLength(e);
}
// @ts-ignore: decorator
@inline
export function hashEntryValueLength(e: usize): u32 {
  return load<u32>(e, 12);
}

export function hashNew(): Obj {
  return objNew(HASH, ENC_LISTPACK, hashPackNew());
}

// @ts-ignore: decorator
@inline
export function hashLength(o: Obj): u32 {
  return packed(o) ? hashPackCount(o.data) : dictOf(o).used;
}

function entryNew(field: usize, fieldLength: u32, h: u32, value: usize, valueLength: u32): usize {
  const e = alloc(ENTRY_HEADER + <usize>fieldLength + <usize>valueLength);
  store<u32>(e, h, 4);
  store<u32>(e, fieldLength, 8);
  store<u32>(e, valueLength, 12);
  copy(e + ENTRY_HEADER, field, fieldLength);
  copy(e + ENTRY_HEADER + fieldLength, value, valueLength);
  return e;
}

/** Turns a packed hash into a dict. */
export function hashConvert(o: Obj): void {
  if (!packed(o)) return;
  const pack = o.data;
  const d = dictNew();
  dictReserve(d, hashPackCount(pack) + 1);
  const end = hashPackEnd(pack);
  for (let at = hashPackFirst(pack); at < end; ) {
    at = hashPackRead(at);
    const h = hash(packField, packFieldLength);
    dictLink(d, entryNew(packField, packFieldLength, h, packValue, packValueLength));
  }
  free(pack);
  o.data = changetype<usize>(d);
  o.encoding = <u8>ENC_HT;
}

/** Whether a string of that length forces a dict (to be asked before a packed hash is changed). */
// @ts-ignore: decorator
@inline
export function hashTooLong(length: u32): bool {
  return <i64>length > cfg.hashMaxListpackValue;
}

export function hashGet(o: Obj, field: usize, length: u32): bool {
  if (packed(o)) {
    if (!hashPackFind(o.data, field, length)) return false;
    hashValue = packValue;
    hashValueLength = packValueLength;
    return true;
  }
  const e = dictFind(dictOf(o), field, length);
  if (!e) return false;
  hashValue = hashEntryValue(e);
  hashValueLength = hashEntryValueLength(e);
  return true;
}

/** Sets a field; true if it is new. The bytes must not lie inside the hash. */
export function hashSet(o: Obj, field: usize, fieldLength: u32, value: usize, valueLength: u32): bool {
  if (packed(o)) {
    const at = hashPackFind(o.data, field, fieldLength);
    if (at) {
      o.data = hashPackReplace(o.data, at, value, valueLength);
      return false;
    }
    o.data = hashPackAppend(o.data, field, fieldLength, value, valueLength);
    if (<i64>hashPackCount(o.data) > cfg.hashMaxListpackEntries) hashConvert(o);
    return true;
  }
  const d = dictOf(o);
  const h = hash(field, fieldLength);
  const e = dictFindHash(d, field, fieldLength, h);
  if (!e) {
    dictLink(d, entryNew(field, fieldLength, h, value, valueLength));
    return true;
  }
  const bytes = ENTRY_HEADER + <usize>fieldLength + <usize>valueLength;
  const room = usable(e);
  if (bytes <= room && bytes >= room >> 1) {
    store<u32>(e, valueLength, 12);
    copy(hashEntryValue(e), value, valueLength);
    return false;
  }
  const moved = entryNew(field, fieldLength, h, value, valueLength);
  dictReplaceEntry(d, e, moved);
  store<usize>(moved, load<usize>(e));
  free(e);
  return false;
}

export function hashDelete(o: Obj, field: usize, length: u32): bool {
  if (packed(o)) {
    const at = hashPackFind(o.data, field, length);
    if (!at) return false;
    o.data = hashPackRemove(o.data, at);
    return true;
  }
  const e = dictFind(dictOf(o), field, length);
  if (!e) return false;
  dictUnlink(dictOf(o), e);
  free(e);
  return true;
}

// --- iteration: one at a time; the hash must not change until it is over -----------------------------------------------

let iterated: Obj = changetype<Obj>(0);
let iterateAt: usize = 0;

/** Starts an iteration: `hashIterate(o); while (hashNext()) …`. */
export function hashIterate(o: Obj): void {
  iterated = o;
  iterateAt = packed(o) ? hashPackFirst(o.data) : 0;
}

/** Reads the next pair into hashField…hashValueLength; false at the end. */
export function hashNext(): bool {
  const o = iterated;
  if (packed(o)) {
    if (iterateAt >= hashPackEnd(o.data)) return false;
    iterateAt = hashPackRead(iterateAt);
    takePack();
    return true;
  }
  iterateAt = iterateAt ? dictNext(dictOf(o), iterateAt) : dictFirst(dictOf(o));
  if (!iterateAt) return false;
  takeEntry(iterateAt);
  return true;
}

function takePack(): void {
  hashField = packField;
  hashFieldLength = packFieldLength;
  hashValue = packValue;
  hashValueLength = packValueLength;
}

function takeEntry(e: usize): void {
  hashField = entryKey(e);
  hashFieldLength = entryLength(e);
  hashValue = hashEntryValue(e);
  hashValueLength = hashEntryValueLength(e);
}

/** Draws a pair at random into hashField…hashValueLength. */
export function hashRandom(o: Obj): void {
  if (packed(o)) {
    let at = hashPackFirst(o.data);
    for (let skip = randomU32() % hashPackCount(o.data); skip > 0; skip--) at = hashPackRead(at);
    hashPackRead(at);
    takePack();
    return;
  }
  takeEntry(dictFairRandom(dictOf(o)));
}

// --- what the core asks of every type -----------------------------------------------------------------------------------

/** Frees the structure, not the object. */
export function hashFree(o: Obj): void {
  if (packed(o)) free(o.data);
  else dictFree(dictOf(o), 0);
}

/** A deep copy, or 0 when memory is short. */
export function hashDuplicate(o: Obj): usize {
  if (packed(o)) return changetype<usize>(objNew(HASH, ENC_LISTPACK, hashPackCopy(o.data)));
  const from = dictOf(o);
  const d = dictNew();
  dictReserve(d, from.used);
  for (let e = dictFirst(from); e; e = dictNext(from, e)) {
    const length = entryLength(e);
    const bytes = ENTRY_HEADER + <usize>length + hashEntryValueLength(e);
    const twin = tryAlloc(bytes);
    if (!twin) {
      dictFree(d, 0);
      return 0;
    }
    store<u32>(twin, entryHash(e), 4);
    store<u32>(twin, length, 8);
    store<u32>(twin, hashEntryValueLength(e), 12);
    copy(entryKey(twin), entryKey(e), bytes - ENTRY_HEADER);
    dictLink(d, twin);
  }
  return changetype<usize>(objNew(HASH, ENC_HT, changetype<usize>(d)));
}

export function hashBytes(o: Obj, samples: u32): f64 {
  if (packed(o)) return <f64>usable(o.data);
  const d = dictOf(o);
  let sum: f64 = 0;
  let seen: u32 = 0;
  for (let e = dictFirst(d); e && (samples == 0 || seen < samples); e = dictNext(d, e)) {
    sum += <f64>usable(e);
    seen++;
  }
  if (seen && seen < d.used) sum = (sum / <f64>seen) * <f64>d.used;
  return sum + <f64>dictTableBytes(d) + <f64>usable(o.data);
}
