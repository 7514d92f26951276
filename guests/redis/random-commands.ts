/**
 * Commands that draw elements at random: HRANDFIELD, SRANDMEMBER, ZRANDMEMBER, SPOP.
 *
 * Distinct elements are drawn in one of two ways. When a good part of the container is wanted, or it is packed, it is walked
 * once and each element is taken with the probability (still wanted / still to come): exact, and without extra memory. When few
 * of many are wanted, entries of the dict are drawn one by one and marked until they are distinct.
 */
import { free, tryAlloc } from "../lib/raw/alloc";
import { argInt } from "./arguments";
import { CLIENT_CLOSE_ASAP, Client, argLen, argPtr, argc } from "./client";
import { argIs } from "./command";
import { argNegatable, argPositive } from "./container-arguments";
import {
  Dict,
  ENTRY_MARK,
  dictFairRandom,
  dictFirst,
  dictNext,
  dictPause,
  dictResume,
  dictUnlink,
  entryKey,
  entryLength,
} from "./dict";
import {
  hashEntryValue,
  hashEntryValueLength,
  hashField,
  hashFieldLength,
  hashIterate,
  hashLength,
  hashNext,
  hashRandom,
  hashValue,
  hashValueLength,
} from "./hash-type";
import { dbDelete, lookupRead, lookupWrite, signalModified, wrongType } from "./keyspace";
import { NOTIFY_GENERIC, NOTIFY_SET, notify } from "./notify";
import { ENC_HT, ENC_SKIPLIST, HASH, Obj, SET, ZSET } from "./object";
import { propagateBegin, propagateBytes, propagateText } from "./propagate";
import { randomF64 } from "../lib/raw/random";
import { replyArray, replyBulk, replyError, replyF64, replyNull, replyOom, replySet, replySyntaxError } from "./reply";
import { dirtyAdd } from "./server";
import {
  setIterate,
  setIterateEnd,
  setLength,
  setMember,
  setMemberLength,
  setNext,
  setRandom,
  setRemove,
} from "./set-type";
import {
  zsetEntryScore,
  zsetLength,
  zsetMember,
  zsetMemberLength,
  zsetRandom,
  zsetScore,
  zsetStep,
  zsetWalk,
} from "./zset-type";

// The element reached by elementRandom or elementNext, whatever the type.
let elementPtr: usize = 0;
let elementLength: u32 = 0;

function elementCount(o: Obj): u32 {
  const type = <u32>o.type;
  return type == HASH ? hashLength(o) : type == SET ? setLength(o) : zsetLength(o);
}

/** The dict of a container that has one, or 0. */
function dictOf(o: Obj): usize {
  return <u32>o.encoding == ENC_HT || <u32>o.encoding == ENC_SKIPLIST ? o.data : 0;
}

function take(type: u32): void {
  if (type == HASH) {
    elementPtr = hashField;
    elementLength = hashFieldLength;
  } else if (type == SET) {
    elementPtr = setMember;
    elementLength = setMemberLength;
  } else {
    elementPtr = zsetMember;
    elementLength = zsetMemberLength;
  }
}

function elementRandom(o: Obj): void {
  const type = <u32>o.type;
  if (type == HASH) hashRandom(o);
  else if (type == SET) setRandom(o);
  else zsetRandom(o);
  take(type);
}

function elementsBegin(o: Obj): void {
  const type = <u32>o.type;
  if (type == HASH) hashIterate(o);
  else if (type == SET) setIterate(o);
  else zsetWalk(o, 0, false);
}
function elementNext(o: Obj): void {
  const type = <u32>o.type;
  if (type == HASH) hashNext();
  else if (type == SET) setNext();
  else zsetStep();
  take(type);
}
function elementsEnd(o: Obj): void {
  if (<u32>o.type == SET) setIterateEnd();
}

/** The current element, with its value or score if asked for: side by side in RESP2, a pair of its own in RESP3. */
function replyElement(c: Client, type: u32, withExtra: bool): void {
  if (withExtra && c.resp > 2) replyArray(c, 2);
  replyBulk(c, elementPtr, elementLength);
  if (!withExtra) return;
  if (type == HASH) replyBulk(c, hashValue, hashValueLength);
  else replyF64(c, zsetScore);
}

function replyEntry(c: Client, type: u32, e: usize, withExtra: bool): void {
  if (withExtra && c.resp > 2) replyArray(c, 2);
  replyBulk(c, entryKey(e), entryLength(e));
  if (!withExtra) return;
  if (type == HASH) replyBulk(c, hashEntryValue(e), hashEntryValueLength(e));
  else replyF64(c, zsetEntryScore(e));
}

/** `count` distinct entries of a dict as u32 words in a block that the caller frees; 0 when memory is short. */
function sample(d: Dict, count: u32): usize {
  const entries = tryAlloc(<usize>count << 2);
  if (!entries) return 0;
  let at = entries;
  const end = entries + (<usize>count << 2);
  if (<u64>count * 3 > <u64>d.used) {
    let wanted = count;
    let left = d.used;
    dictPause(d);
    for (let e = dictFirst(d); e && wanted; e = dictNext(d, e)) {
      if (randomF64() * <f64>left < <f64>wanted) {
        store<usize>(at, e);
        at += 4;
        wanted--;
      }
      left--;
    }
    dictResume(d);
    return entries;
  }
  while (at < end) {
    const e = dictFairRandom(d);
    const word = load<u32>(e, 8);
    if (word & ENTRY_MARK) continue;
    store<u32>(e, word | ENTRY_MARK, 8);
    store<usize>(at, e);
    at += 4;
  }
  for (at = entries; at < end; at += 4) {
    const e = load<usize>(at);
    store<u32>(e, load<u32>(e, 8) & ~ENTRY_MARK, 8);
  }
  return entries;
}

function replyDistinct(c: Client, o: Obj, count: u32, withExtra: bool): void {
  const type = <u32>o.type;
  const dict = dictOf(o);
  const size = elementCount(o);
  if (dict && count < size) {
    const entries = sample(changetype<Dict>(dict), count);
    if (!entries) {
      replyOom(c);
      return;
    }
    replyArray(c, withExtra && c.resp == 2 ? <i64>count * 2 : count);
    for (let i: u32 = 0; i < count; i++) replyEntry(c, type, load<usize>(entries + (<usize>i << 2)), withExtra);
    free(entries);
    return;
  }
  let wanted = min(count, size);
  replyArray(c, withExtra && c.resp == 2 ? <i64>wanted * 2 : wanted);
  elementsBegin(o);
  for (let left = size; left > 0 && wanted > 0; left--) {
    elementNext(o);
    if (randomF64() * <f64>left < <f64>wanted) {
      replyElement(c, type, withExtra);
      wanted--;
    }
  }
  elementsEnd(o);
}

function randomElements(c: Client, type: u32, extra: string | null): void {
  if (argc == 2) {
    const found = lookupRead(c, 1);
    if (!found) {
      replyNull(c);
      return;
    }
    if (wrongType(c, found, type)) return;
    elementRandom(changetype<Obj>(found));
    replyBulk(c, elementPtr, elementLength);
    return;
  }
  // SRANDMEMBER has no further option and complains about one first.
  if (extra == null && argc > 3) {
    replySyntaxError(c);
    return;
  }
  if (!argNegatable(c, 2)) return;
  const count = argInt;
  let withExtra = false;
  if (extra != null && argc > 3) {
    if (argc > 4 || !argIs(3, extra)) {
      replySyntaxError(c);
      return;
    }
    withExtra = true;
    if (count < -(i64.MAX_VALUE / 2) || count > i64.MAX_VALUE / 2) {
      replyError(c, "ERR value is out of range");
      return;
    }
  }
  const found = lookupRead(c, 1);
  if (!found) {
    replyArray(c, 0);
    return;
  }
  if (wrongType(c, found, type)) return;
  const o = changetype<Obj>(found);
  if (count >= 0) {
    replyDistinct(c, o, <u32>min<i64>(count, elementCount(o)), withExtra);
    return;
  }
  // A negative count: that many draws, each from the whole.
  replyArray(c, withExtra && c.resp == 2 ? -count * 2 : -count);
  for (let i: i64 = count; i < 0; i++) {
    elementRandom(o);
    replyElement(c, type, withExtra);
    if (c.flags & CLIENT_CLOSE_ASAP) return;
  }
}

export function hrandfield(c: Client): void {
  randomElements(c, HASH, "withvalues");
}
export function srandmember(c: Client): void {
  randomElements(c, SET, null);
}
export function zrandmember(c: Client): void {
  randomElements(c, ZSET, "withscores");
}

export function spop(c: Client): void {
  if (argc > 3) {
    replySyntaxError(c);
    return;
  }
  if (argc == 3) {
    popMany(c);
    return;
  }
  const found = lookupWrite(c, 1);
  if (!found) {
    replyNull(c);
    return;
  }
  if (wrongType(c, found, SET)) return;
  const o = changetype<Obj>(found);
  elementRandom(o);
  replyBulk(c, elementPtr, elementLength);
  propagateBegin(3);
  propagateText("SREM");
  propagateBytes(argPtr(1), argLen(1));
  propagateBytes(elementPtr, elementLength);
  setRemove(o, elementPtr, elementLength);
  notify(NOTIFY_SET, "spop", argPtr(1), argLen(1), c.db);
  if (setLength(o) == 0) deleteEmpty(c);
  signalModified(c.db, argPtr(1), argLen(1));
  dirtyAdd(1);
}

function deleteEmpty(c: Client): void {
  dbDelete(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
}

/** SPOP with a count. One SREM of all members goes into the append-only file, or DEL if none is left. */
function popMany(c: Client): void {
  if (!argPositive(c, 2)) return;
  const wanted = argInt;
  const found = lookupWrite(c, 1);
  if (!found) {
    replySet(c, 0);
    return;
  }
  if (wrongType(c, found, SET)) return;
  if (wanted == 0) {
    replySet(c, 0);
    return;
  }
  const o = changetype<Obj>(found);
  const size = setLength(o);
  if (wanted >= <i64>size) {
    notify(NOTIFY_SET, "spop", argPtr(1), argLen(1), c.db);
    replySet(c, size);
    setIterate(o);
    while (setNext()) replyBulk(c, setMember, setMemberLength);
    setIterateEnd();
    deleteEmpty(c);
    propagateBegin(2);
    propagateText("DEL");
    propagateBytes(argPtr(1), argLen(1));
    signalModified(c.db, argPtr(1), argLen(1));
    dirtyAdd(size);
    return;
  }
  const count = <u32>wanted;
  const dict = dictOf(o);
  let entries: usize = 0;
  if (dict) {
    entries = sample(changetype<Dict>(dict), count);
    if (!entries) {
      replyOom(c);
      return;
    }
  }
  notify(NOTIFY_SET, "spop", argPtr(1), argLen(1), c.db);
  replySet(c, count);
  propagateBegin(2 + count);
  propagateText("SREM");
  propagateBytes(argPtr(1), argLen(1));
  for (let i: u32 = 0; i < count; i++) {
    if (entries) {
      const e = load<usize>(entries + (<usize>i << 2));
      replyBulk(c, entryKey(e), entryLength(e));
      propagateBytes(entryKey(e), entryLength(e));
      dictUnlink(changetype<Dict>(dict), e);
      free(e);
    } else {
      setRandom(o);
      replyBulk(c, setMember, setMemberLength);
      propagateBytes(setMember, setMemberLength);
      setRemove(o, setMember, setMemberLength);
    }
  }
  free(entries);
  signalModified(c.db, argPtr(1), argLen(1));
  dirtyAdd(count);
}
