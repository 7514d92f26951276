/** Stream commands without groups: XADD XLEN XRANGE XREVRANGE XDEL XTRIM XSETID. The file gets ids and trimming as they really happened. */
import { argI64, argInt } from "./arguments";
import { signalReady } from "./blocked";
import { replyArity } from "./container-arguments";
import { argc, argLen, argPtr, Client } from "./client";
import { argIs } from "./command";
import { idCompare, mapBackward, mapForward, mapSeek, mapSeekBack, recordMs, recordSeq, recordValue } from "./id-map";
import { dbAdd, lastEntry, lookupRead, lookupWrite, signalModified, wrongType } from "./keyspace";
import { NOTIFY_STREAM, notify } from "./notify";
import { Obj, objRelease, STREAM } from "./object";
import { propagateBegin, propagateBytes, propagateI64, propagateText } from "./propagate";
import {
  deferArray,
  deferBegin,
  replyArray,
  replyBulk,
  replyError,
  replyI64,
  replyNoKey,
  replyNull,
  replyNullArray,
  replyOk,
  replyOom,
  replySyntaxError,
} from "./reply";
import { cfg, dirtyAdd, loading, nowMs } from "./server";
import { argId, argIdBound, argIdNew, argIdQuiet, idAutoSeq, idMs, idSeq, propagateId, replyId } from "./stream-id";
import {
  firstMs,
  firstSeq,
  Stream,
  streamAppend,
  streamDelete,
  streamFirst,
  streamLastRecord,
  streamNew,
  streamOf,
  streamTrim,
} from "./stream-type";

const TRIM_NONE: u32 = 0;
const TRIM_MAXLEN: u32 = 1;
const TRIM_MINID: u32 = 2;
let trimKind: u32 = 0;
let trimApproximate: bool = false;
let trimMax: u64 = 0;
let trimMs: u64 = 0;
let trimSeq: u64 = 0;
let trimLimit: i64 = 0;
let noMake: bool = false;
let addMs: u64 = 0;
let addSeq: u64 = 0;
let addGiven: bool = false;
let addAutoSeq: bool = false;

/** Options of XADD and XTRIM; the place of XADD's id (XTRIM: argc), or 0 after an error reply. */
function parseTrim(c: Client, add: bool): i32 {
  trimKind = TRIM_NONE;
  trimApproximate = false;
  trimLimit = 0;
  noMake = false;
  addGiven = false;
  addAutoSeq = false;
  let limitGiven = false;
  let i = 2;
  for (; i < argc; i++) {
    const more = argc - 1 - i;
    if (add && argLen(i) == 1 && load<u8>(argPtr(i)) == 42) break;
    const byLength = argIs(i, "maxlen");
    if (more && (byLength || argIs(i, "minid"))) {
      if (trimKind != TRIM_NONE) {
        replyError(c, "ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
        return 0;
      }
      trimApproximate = false;
      if (more >= 2 && argIs(i + 1, "~")) {
        trimApproximate = true;
        i++;
      } else if (more >= 2 && argIs(i + 1, "=")) i++;
      i++;
      if (byLength) {
        if (!argI64(c, i)) return 0;
        if (argInt < 0) {
          replyError(c, "ERR The MAXLEN argument must be >= 0.");
          return 0;
        }
        trimMax = argInt;
        trimKind = TRIM_MAXLEN;
      } else {
        if (!argId(c, i, 0)) return 0;
        trimMs = idMs;
        trimSeq = idSeq;
        trimKind = TRIM_MINID;
      }
    } else if (more && argIs(i, "limit")) {
      i++;
      if (!argI64(c, i)) return 0;
      if (argInt < 0) {
        replyError(c, "ERR The LIMIT argument must be >= 0.");
        return 0;
      }
      trimLimit = argInt;
      limitGiven = true;
    } else if (add && argIs(i, "nomkstream")) noMake = true;
    else if (add) {
      if (!argIdNew(c, i)) return 0;
      addMs = idMs;
      addSeq = idSeq;
      addAutoSeq = idAutoSeq;
      addGiven = true;
      break;
    } else {
      replySyntaxError(c);
      return 0;
    }
  }
  if (limitGiven && trimLimit && trimKind == TRIM_NONE) {
    replyError(c, "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    return 0;
  }
  if (!add && trimKind == TRIM_NONE) {
    replyError(c, "ERR syntax error, XTRIM must be called with a trimming strategy");
    return 0;
  }
  if (limitGiven && !trimApproximate) {
    replyError(c, "ERR syntax error, LIMIT cannot be used without the special ~ option");
    return 0;
  }
  if (!limitGiven && trimApproximate) {
    trimLimit = 100 * cfg.streamNodeMaxEntries;
    if (trimLimit <= 0) trimLimit = 10000;
    if (trimLimit > 1000000) trimLimit = 1000000;
  }
  return i;
}
function trimNow(s: Stream): u64 {
  return streamTrim(s, trimKind == TRIM_MINID, trimMax, trimMs, trimSeq, trimApproximate, trimLimit);
}
/** The trimming as the file gets it: exact. */
function propagateTrim(s: Stream): void {
  propagateText(trimKind == TRIM_MAXLEN ? "MAXLEN" : "MINID");
  propagateText("=");
  if (trimKind == TRIM_MAXLEN) propagateI64(trimApproximate ? <i64>s.entries.length : <i64>trimMax);
  else if (trimApproximate) {
    streamFirst(s);
    propagateId(firstMs, firstSeq);
  } else propagateId(trimMs, trimSeq);
}

export function xadd(c: Client): void {
  const at = parseTrim(c, true);
  if (!at) return;
  const first = at + 1;
  if (argc - first < 2 || (argc - first) & 1) {
    replyArity(c, "xadd");
    return;
  }
  if (addGiven && !addAutoSeq && !addMs && !addSeq) {
    replyError(c, "ERR The ID specified in XADD must be greater than 0-0");
    return;
  }
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, STREAM)) return;
  if (!found && noMake) {
    replyNull(c);
    return;
  }
  let entry = lastEntry;
  const o = found ? changetype<Obj>(found) : streamNew();
  const s = streamOf(o);
  let error: string = "";
  if (s.lastMs == u64.MAX_VALUE && s.lastSeq == u64.MAX_VALUE) {
    error = "ERR The stream has exhausted the last possible ID, unable to add more items";
  } else if (!addGiven || addAutoSeq) {
    const ms = addGiven ? addMs : <u64>nowMs;
    if (!addGiven && ms <= s.lastMs) {
      addMs = s.lastMs;
      addSeq = s.lastSeq + 1;
      if (!addSeq) addMs++;
    } else {
      addMs = ms;
      addSeq = 0;
      if (addMs == s.lastMs) {
        addSeq = s.lastSeq + 1;
        if (!addSeq) error = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
      }
    }
  }
  if (!error.length && idCompare(addMs, addSeq, s.lastMs, s.lastSeq) <= 0) {
    error = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
  }
  let full = false;
  if (!error.length) full = !streamAppend(s, addMs, addSeq, first, argc);
  if (!error.length && !full && !found) {
    entry = dbAdd(c.db, argPtr(1), argLen(1), changetype<usize>(o));
    full = !entry;
  } else if (!error.length && !full) signalReady(c.db, entry);
  if (error.length || full) {
    if (!found) objRelease(o);
    if (full) replyOom(c);
    else replyError(c, error);
    return;
  }
  replyId(c, addMs, addSeq);
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_STREAM, "xadd", argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
  if (trimKind != TRIM_NONE && trimNow(s)) notify(NOTIFY_STREAM, "xtrim", argPtr(1), argLen(1), c.db);
  if (loading) return;
  propagateBegin(3 + (trimKind != TRIM_NONE ? 3 : 0) + (noMake ? 1 : 0) + (argc - first));
  propagateText("XADD");
  propagateBytes(argPtr(1), argLen(1));
  if (noMake) propagateText("NOMKSTREAM");
  if (trimKind != TRIM_NONE) propagateTrim(s);
  propagateId(addMs, addSeq);
  for (let i = first; i < argc; i++) propagateBytes(argPtr(i), argLen(i));
}

export function xtrim(c: Client): void {
  if (!parseTrim(c, false)) return;
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, STREAM)) return;
  if (!found) {
    replyI64(c, 0);
    return;
  }
  const s = streamOf(changetype<Obj>(found));
  const deleted = trimNow(s);
  if (deleted) {
    notify(NOTIFY_STREAM, "xtrim", argPtr(1), argLen(1), c.db);
    signalModified(c.db, argPtr(1), argLen(1));
    dirtyAdd(<i64>deleted);
    propagateBegin(5);
    propagateText("XTRIM");
    propagateBytes(argPtr(1), argLen(1));
    propagateTrim(s);
  }
  replyI64(c, <i64>deleted);
}

export function xlen(c: Client): void {
  const found = lookupRead(c, 1);
  if (wrongType(c, found, STREAM)) return;
  replyI64(c, found ? streamOf(changetype<Obj>(found)).entries.length : 0);
}

export function xdel(c: Client): void {
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, STREAM)) return;
  if (!found) {
    replyI64(c, 0);
    return;
  }
  for (let i = 2; i < argc; i++) if (!argId(c, i, 0)) return;
  const s = streamOf(changetype<Obj>(found));
  let deleted: i64 = 0;
  for (let i = 2; i < argc; i++) {
    argIdQuiet(i);
    if (!streamDelete(s, idMs, idSeq)) continue;
    if (idCompare(idMs, idSeq, s.deletedMs, s.deletedSeq) > 0) {
      s.deletedMs = idMs;
      s.deletedSeq = idSeq;
    }
    deleted++;
  }
  if (deleted) {
    signalModified(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_STREAM, "xdel", argPtr(1), argLen(1), c.db);
    dirtyAdd(deleted);
  }
  replyI64(c, deleted);
}

export function xsetid(c: Client): void {
  if (!argId(c, 2, 0)) return;
  const ms = idMs;
  const seq = idSeq;
  let added: i64 = -1;
  let deletedMs: u64 = 0;
  let deletedSeq: u64 = 0;
  for (let i = 3; i < argc; i += 2) {
    if (i + 1 < argc && argIs(i, "entriesadded")) {
      if (!argI64(c, i + 1)) return;
      added = argInt;
      if (added < 0) {
        replyError(c, "ERR entries_added must be positive");
        return;
      }
    } else if (i + 1 < argc && argIs(i, "maxdeletedid")) {
      if (!argId(c, i + 1, 0)) return;
      deletedMs = idMs;
      deletedSeq = idSeq;
      if (idCompare(ms, seq, deletedMs, deletedSeq) < 0) {
        replyError(c, "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
        return;
      }
    } else {
      replySyntaxError(c);
      return;
    }
  }
  const found = lookupWrite(c, 1);
  if (!found) {
    replyNoKey(c);
    return;
  }
  if (wrongType(c, found, STREAM)) return;
  const s = streamOf(changetype<Obj>(found));
  const last = streamLastRecord(s);
  if (last) {
    if (idCompare(ms, seq, recordMs(last), recordSeq(last)) < 0) {
      replyError(c, "ERR The ID specified in XSETID is smaller than the target stream top item");
      return;
    }
    if (added != -1 && <i64>s.entries.length > added) {
      replyError(c, "ERR The entries_added specified in XSETID is smaller than the target stream length");
      return;
    }
  }
  s.lastMs = ms;
  s.lastSeq = seq;
  if (added != -1) s.added = added;
  if (deletedMs || deletedSeq) {
    s.deletedMs = deletedMs;
    s.deletedSeq = deletedSeq;
  }
  replyOk(c);
  dirtyAdd(1);
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_STREAM, "xsetid", argPtr(1), argLen(1), c.db);
}

/** One entry: its id and its strings. */
export function replyEntry(c: Client, r: usize): void {
  replyArray(c, 2);
  replyId(c, recordMs(r), recordSeq(r));
  let at = recordValue(r);
  const strings = load<u32>(at);
  replyArray(c, strings);
  at += 4;
  for (let i: u32 = 0; i < strings; i++) {
    const n = load<u32>(at);
    replyBulk(c, at + 4, n);
    at += 4 + n;
  }
}
function range(c: Client, reverse: bool): void {
  if (!argIdBound(c, reverse ? 3 : 2, false)) return;
  const fromMs = idMs;
  const fromSeq = idSeq;
  if (!argIdBound(c, reverse ? 2 : 3, true)) return;
  const toMs = idMs;
  const toSeq = idSeq;
  let count: i64 = -1;
  for (let i = 4; i < argc; i += 2) {
    if (!argIs(i, "count") || i + 1 >= argc) {
      replySyntaxError(c);
      return;
    }
    if (!argI64(c, i + 1)) return;
    count = max<i64>(argInt, 0);
  }
  const found = lookupRead(c, 1);
  if (wrongType(c, found, STREAM)) return;
  if (!found) {
    replyArray(c, 0);
    return;
  }
  if (!count) {
    replyNullArray(c);
    return;
  }
  const m = streamOf(changetype<Obj>(found)).entries;
  const place = deferBegin(c);
  let n: i64 = 0;
  let r = reverse ? mapSeekBack(m, toMs, toSeq) : mapSeek(m, fromMs, fromSeq);
  while (r && (count < 0 || n < count)) {
    if (reverse ? idCompare(recordMs(r), recordSeq(r), fromMs, fromSeq) < 0 : idCompare(recordMs(r), recordSeq(r), toMs, toSeq) > 0) break;
    replyEntry(c, r);
    n++;
    r = reverse ? mapBackward(m) : mapForward(m);
  }
  deferArray(c, place, n);
}
export function xrange(c: Client): void {
  range(c, false);
}
export function xrevrange(c: Client): void {
  range(c, true);
}
