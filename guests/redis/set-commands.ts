/**
 * Set commands on one set, and SMOVE. Combinations of sets are in set-algebra-commands.ts, random draws in random-commands.ts.
 */
import { Client, argLen, argPtr, argc } from "./client";
import { roomForArguments } from "./container-arguments";
import { Dict, entryKey, entryLength } from "./dict";
import { dbAdd, dbDelete, lookupRead, lookupWrite, signalModified, wrongType } from "./keyspace";
import { NOTIFY_GENERIC, NOTIFY_SET, notify } from "./notify";
import { ENC_INTSET, Obj, SET, objRelease } from "./object";
import { deferArray, deferBegin, replyArray, replyBulk, replyBulkI64, replyI64, replyOom, replySet } from "./reply";
import { scanDict, scanFound, scanFoundCount, scanMatches, scanParse } from "./scan";
import { dirtyAdd } from "./server";
import {
  setAdd,
  setHas,
  setIterate,
  setIterateEnd,
  setLength,
  setMember,
  setMemberLength,
  setNewFor,
  setNext,
  setRemove,
  setShort,
  setShortClear,
} from "./set-type";

export function sadd(c: Client): void {
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, SET) || !roomForArguments(c)) return;
  let o: Obj;
  if (found) o = changetype<Obj>(found);
  else {
    o = setNewFor(argPtr(2), argLen(2));
    if (!dbAdd(c.db, argPtr(1), argLen(1), changetype<usize>(o))) {
      objRelease(o);
      replyOom(c);
      return;
    }
  }
  let added = 0;
  for (let i = 2; i < argc; i++) {
    if (setAdd(o, argPtr(i), argLen(i))) added++;
  }
  if (added) {
    signalModified(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_SET, "sadd", argPtr(1), argLen(1), c.db);
    dirtyAdd(added);
  }
  replyI64(c, added);
}

export function srem(c: Client): void {
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, SET)) return;
  if (!found) {
    replyI64(c, 0);
    return;
  }
  const o = changetype<Obj>(found);
  let deleted = 0;
  let gone = false;
  for (let i = 2; i < argc; i++) {
    if (!setRemove(o, argPtr(i), argLen(i))) continue;
    deleted++;
    if (setLength(o) == 0) {
      dbDelete(c.db, argPtr(1), argLen(1));
      gone = true;
      break;
    }
  }
  if (deleted) {
    signalModified(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_SET, "srem", argPtr(1), argLen(1), c.db);
    if (gone) notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
    dirtyAdd(deleted);
  }
  replyI64(c, deleted);
}

export function smove(c: Client): void {
  const from = lookupWrite(c, 1);
  const to = lookupWrite(c, 2);
  if (!from) {
    replyI64(c, 0);
    return;
  }
  if (wrongType(c, from, SET) || wrongType(c, to, SET)) return;
  const source = changetype<Obj>(from);
  const member = argPtr(3);
  const length = argLen(3);
  if (from == to) {
    replyI64(c, setHas(source, member, length) ? 1 : 0);
    return;
  }
  if (!setHas(source, member, length)) {
    replyI64(c, 0);
    return;
  }
  let target: Obj;
  if (to) target = changetype<Obj>(to);
  else {
    target = setNewFor(member, length);
    if (!dbAdd(c.db, argPtr(2), argLen(2), changetype<usize>(target))) {
      objRelease(target);
      replyOom(c);
      return;
    }
  }
  setShortClear();
  const added = setAdd(target, member, length);
  if (setShort) {
    if (setLength(target) == 0) dbDelete(c.db, argPtr(2), argLen(2));
    replyOom(c);
    return;
  }
  setRemove(source, member, length);
  notify(NOTIFY_SET, "srem", argPtr(1), argLen(1), c.db);
  if (setLength(source) == 0) {
    dbDelete(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
  }
  signalModified(c.db, argPtr(1), argLen(1));
  dirtyAdd(1);
  if (added) {
    dirtyAdd(1);
    signalModified(c.db, argPtr(2), argLen(2));
    notify(NOTIFY_SET, "sadd", argPtr(2), argLen(2), c.db);
  }
  replyI64(c, 1);
}

export function sismember(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, SET)) return;
  replyI64(c, found && setHas(changetype<Obj>(found), argPtr(2), argLen(2)) ? 1 : 0);
}

export function smismember(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, SET)) return;
  replyArray(c, argc - 2);
  for (let i = 2; i < argc; i++) {
    replyI64(c, found && setHas(changetype<Obj>(found), argPtr(i), argLen(i)) ? 1 : 0);
  }
}

export function scard(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, SET)) return;
  replyI64(c, found ? setLength(changetype<Obj>(found)) : 0);
}

export function smembers(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, SET)) return;
  if (!found) {
    replySet(c, 0);
    return;
  }
  const o = changetype<Obj>(found);
  replySet(c, setLength(o));
  setIterate(o);
  while (setNext()) replyBulk(c, setMember, setMemberLength);
  setIterateEnd();
}

export function sscan(c: Client): void {
  if (!scanParse(c, 2, false)) return;
  const found = lookupRead(c, 1);
  if (wrongType(c, found, SET)) return;
  replyArray(c, 2);
  if (!found) {
    replyBulkI64(c, 0);
    replyArray(c, 0);
    return;
  }
  const o = changetype<Obj>(found);
  let matched = 0;
  if (<u32>o.encoding == ENC_INTSET) {
    replyBulkI64(c, 0);
    const place = deferBegin(c);
    setIterate(o);
    while (setNext()) {
      if (!scanMatches(setMember, setMemberLength)) continue;
      replyBulk(c, setMember, setMemberLength);
      matched++;
    }
    setIterateEnd();
    deferArray(c, place, matched);
    return;
  }
  replyBulkI64(c, scanDict(changetype<Dict>(o.data)));
  const place = deferBegin(c);
  for (let i: u32 = 0; i < scanFoundCount; i++) {
    const e = load<usize>(scanFound + (<usize>i << 2));
    if (!scanMatches(entryKey(e), entryLength(e))) continue;
    replyBulk(c, entryKey(e), entryLength(e));
    matched++;
  }
  deferArray(c, place, matched);
}
