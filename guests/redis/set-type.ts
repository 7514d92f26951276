/**
 * The set type: integers only and not too many of them are an intset, everything else a dict without values.
 *
 * What always holds: a set in the keyspace is not empty. Members found by iteration or at random are left in
 * `setMember`/`setMemberLength`; those of an intset are printed into a buffer that the next one overwrites.
 * Called by set-commands.ts, container.ts, SORT, ZUNION and its kin, and the AOF rewrite.
 */
import { alloc, free, tryAlloc, usable } from "../lib/raw/alloc";
import { copy } from "../lib/raw/bytes";
import {
  Dict,
  ENTRY_HEADER,
  dictFairRandom,
  dictFind,
  dictFirst,
  dictFree,
  dictLink,
  dictNew,
  dictNext,
  dictPause,
  dictReserve,
  dictResume,
  dictTableBytes,
  dictUnlink,
  entryHash,
  entryKey,
  entryLength,
} from "./dict";
import { dictAdded, dictFindOrAdd } from "./dict";
import {
  intsetAdd,
  intsetBytes,
  intsetChanged,
  intsetFind,
  intsetGet,
  intsetLength,
  intsetNew,
  intsetRemove,
} from "./intset";
import { formatI64, parseI64, parsedI64 } from "../lib/raw/number";
import { ENC_HT, ENC_INTSET, Obj, SET, objNew } from "./object";
import { randomU32 } from "../lib/raw/random";
import { cfg } from "./server";

export let setMember: usize = 0;
export let setMemberLength: u32 = 0;
const printed = memory.data(32, 8);
/** A second buffer: converting a result must not disturb the member that an iteration is at. */
const converted = memory.data(32, 8);

// @ts-ignore: decorator
@inline
function isIntset(o: Obj): bool {
  return <u32>o.encoding == ENC_INTSET;
}
// @ts-ignore: decorator
@inline
function dictOf(o: Obj): Dict {
  return changetype<Dict>(o.data);
}

/** Redis keeps intsets below 2^30 values whatever the configuration says. */
function intsetMax(): u32 {
  return <u32>min<i64>(cfg.setMaxIntsetEntries, 1 << 30);
}

/** An empty intset; setAdd converts it when needed. */
export function setNew(): Obj {
  return objNew(SET, ENC_INTSET, intsetNew());
}

/** An empty set of the encoding that its first member asks for. */
export function setNewFor(member: usize, length: u32): Obj {
  if (length <= 20 && parseI64(member, length)) return setNew();
  return objNew(SET, ENC_HT, changetype<usize>(dictNew()));
}

// @ts-ignore: decorator
@inline
export function setLength(o: Obj): u32 {
  return isIntset(o) ? intsetLength(o.data) : dictOf(o).used;
}

/** Turns an intset into a dict with room for `extra` members more. */
export function setConvert(o: Obj, extra: u32): void {
  if (!isIntset(o)) return;
  const values = o.data;
  const count = intsetLength(values);
  const d = dictNew();
  dictReserve(d, count + extra);
  for (let i: u32 = 0; i < count; i++) addToDict(d, converted, formatI64(converted, intsetGet(values, i)));
  free(values);
  o.data = changetype<usize>(d);
  o.encoding = <u8>ENC_HT;
}

/** Set when setAdd left a member out because memory is short. Whoever builds a set clears it first and looks at it last. */
export let setShort: bool = false;
export function setShortClear(): void {
  setShort = false;
}

function addToDict(d: Dict, member: usize, length: u32): bool {
  const e = dictFindOrAdd(d, member, length);
  if (!e) setShort = true;
  return e != 0 && dictAdded;
}

/** Adds a member; true if it is new. */
export function setAdd(o: Obj, member: usize, length: u32): bool {
  if (isIntset(o)) {
    if (length <= 20 && parseI64(member, length)) {
      o.data = intsetAdd(o.data, parsedI64);
      if (!intsetChanged) return false;
      if (intsetLength(o.data) > intsetMax()) setConvert(o, 1);
      return true;
    }
    setConvert(o, 1);
  }
  return addToDict(dictOf(o), member, length);
}

export function setRemove(o: Obj, member: usize, length: u32): bool {
  if (isIntset(o)) {
    if (length > 20 || !parseI64(member, length)) return false;
    o.data = intsetRemove(o.data, parsedI64);
    return intsetChanged;
  }
  const e = dictFind(dictOf(o), member, length);
  if (!e) return false;
  dictUnlink(dictOf(o), e);
  free(e);
  return true;
}

export function setHas(o: Obj, member: usize, length: u32): bool {
  if (isIntset(o)) return length <= 20 && parseI64(member, length) && intsetFind(o.data, parsedI64);
  return dictFind(dictOf(o), member, length) != 0;
}

// --- iteration: one at a time ---------------------------------------------------------------------------------------------

let iterated: Obj = changetype<Obj>(0);
let iterateAt: usize = 0;

/**
 * Starts an iteration: `setIterate(o); while (setNext()) …; setIterateEnd();`. Until it ends, members of other sets may be
 * looked up and this one may be looked up too, but not changed.
 */
export function setIterate(o: Obj): void {
  iterated = o;
  iterateAt = 0;
  if (!isIntset(o)) dictPause(dictOf(o));
}

export function setIterateEnd(): void {
  if (!isIntset(iterated)) dictResume(dictOf(iterated));
}

/** Reads the next member into setMember/setMemberLength; false at the end. */
export function setNext(): bool {
  const o = iterated;
  if (isIntset(o)) {
    if (<u32>iterateAt >= intsetLength(o.data)) return false;
    print(intsetGet(o.data, <u32>iterateAt));
    iterateAt++;
    return true;
  }
  iterateAt = iterateAt ? dictNext(dictOf(o), iterateAt) : dictFirst(dictOf(o));
  if (!iterateAt) return false;
  setMember = entryKey(iterateAt);
  setMemberLength = entryLength(iterateAt);
  return true;
}

function print(value: i64): void {
  setMember = printed;
  setMemberLength = formatI64(printed, value);
}

/** Draws a member at random into setMember/setMemberLength. */
export function setRandom(o: Obj): void {
  if (isIntset(o)) {
    print(intsetGet(o.data, randomU32() % intsetLength(o.data)));
    return;
  }
  const e = dictFairRandom(dictOf(o));
  setMember = entryKey(e);
  setMemberLength = entryLength(e);
}

// --- what the core asks of every type -------------------------------------------------------------------------------------

/** Frees the structure, not the object. */
export function setFree(o: Obj): void {
  if (isIntset(o)) free(o.data);
  else dictFree(dictOf(o), 0);
}

/** A deep copy, or 0 when memory is short. */
export function setDuplicate(o: Obj): usize {
  if (isIntset(o)) {
    const bytes = intsetBytes(o.data);
    const values = alloc(bytes);
    copy(values, o.data, bytes);
    return changetype<usize>(objNew(SET, ENC_INTSET, values));
  }
  const from = dictOf(o);
  const d = dictNew();
  dictReserve(d, from.used);
  for (let e = dictFirst(from); e; e = dictNext(from, e)) {
    const length = entryLength(e);
    const twin = tryAlloc(ENTRY_HEADER + <usize>length);
    if (!twin) {
      dictFree(d, 0);
      return 0;
    }
    store<u32>(twin, entryHash(e), 4);
    store<u32>(twin, length, 8);
    store<u32>(twin, 0, 12);
    copy(entryKey(twin), entryKey(e), length);
    dictLink(d, twin);
  }
  return changetype<usize>(objNew(SET, ENC_HT, changetype<usize>(d)));
}

export function setBytes(o: Obj, samples: u32): f64 {
  if (isIntset(o)) return <f64>usable(o.data);
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
