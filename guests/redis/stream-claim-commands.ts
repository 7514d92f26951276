/** XPENDING, XCLAIM and XAUTOCLAIM: looking at pending entries and taking them over. */
import { free, tryAlloc } from "../lib/raw/alloc";
import { argI64, argI64Error, argInt, argRange } from "./arguments";
import { blobData, blobLength } from "../lib/raw/bytes";
import { argc, argLen, argPtr, Client } from "./client";
import { argIs } from "./command";
import { idCompare, mapFind, mapFirst, mapForward, mapLast, mapSeek, recordMs, recordSeq, recordValue } from "./id-map";
import { lookupRead, lookupWrite, wrongType } from "./keyspace";
import { Obj, STREAM } from "./object";
import { propagateNothing } from "./propagate";
import {
  deferArray,
  deferBegin,
  errorBegin,
  errorBytes,
  errorEnd,
  errorText,
  replyArray,
  replyBulk,
  replyBulkI64,
  replyError,
  replyI64,
  replyNull,
  replyNullArray,
  replySyntaxError,
} from "./reply";
import { dirtyAdd, nowMs } from "./server";
import { consumerCreate, propagateClaim, propagateGroupId, replyNoGroup } from "./stream-group-commands";
import { argId, argIdBound, argIdQuiet, idMs, idSeq, replyId } from "./stream-id";
import { replyExisting } from "./stream-read-commands";
import { Consumer, consumerFind, Group, groupFind, Nack, nackAssign, nackRemove, nameAt, Stream, streamHas, streamOf } from "./stream-type";

export function replyName(c: Client, name: usize): void {
  replyBulk(c, blobData(name), blobLength(name));
}

export function xpending(c: Client): void {
  if (argc != 3 && (argc < 6 || argc > 9)) {
    replySyntaxError(c);
    return;
  }
  let idle: i64 = 0;
  let count: i64 = 0;
  let at = 3;
  let fromMs: u64 = 0;
  let fromSeq: u64 = 0;
  let toMs: u64 = 0;
  let toSeq: u64 = 0;
  if (argc > 3) {
    if (argIs(3, "idle")) {
      if (!argI64(c, 4)) return;
      idle = argInt;
      if (argc < 8) {
        replySyntaxError(c);
        return;
      }
      at = 5;
    }
    if (!argI64(c, at + 2)) return;
    count = max<i64>(argInt, 0);
    if (!argIdBound(c, at, false)) return;
    fromMs = idMs;
    fromSeq = idSeq;
    if (!argIdBound(c, at + 1, true)) return;
    toMs = idMs;
    toSeq = idSeq;
  }
  const found = lookupRead(c, 1);
  if (wrongType(c, found, STREAM)) return;
  const group = found ? groupFind(streamOf(changetype<Obj>(found)), 2) : 0;
  if (!group) {
    replyNoGroup(c, 1, 2, "'");
    return;
  }
  const g = changetype<Group>(group);
  if (argc == 3) {
    summary(c, g);
    return;
  }
  let pel = g.pel;
  if (at + 3 < argc) {
    const k = consumerFind(g, at + 3);
    if (!k) {
      replyArray(c, 0);
      return;
    }
    pel = changetype<Consumer>(k).pel;
  }
  const place = deferBegin(c);
  let n: i64 = 0;
  for (let r = mapSeek(pel, fromMs, fromSeq); r && n < count; r = mapForward(pel)) {
    if (idCompare(recordMs(r), recordSeq(r), toMs, toSeq) > 0) break;
    const nack = changetype<Nack>(recordValue(r));
    if (idle && nowMs - nack.time < idle) continue;
    n++;
    replyArray(c, 4);
    replyId(c, recordMs(r), recordSeq(r));
    replyName(c, changetype<Consumer>(nack.consumer).name);
    replyI64(c, max<i64>(nowMs - nack.time, 0));
    replyI64(c, nack.count);
  }
  deferArray(c, place, n);
}
function summary(c: Client, g: Group): void {
  replyArray(c, 4);
  replyI64(c, g.pel.length);
  const first = mapFirst(g.pel);
  if (!first) {
    replyNull(c);
    replyNull(c);
    replyNullArray(c);
    return;
  }
  replyId(c, recordMs(first), recordSeq(first));
  const last = mapLast(g.pel);
  replyId(c, recordMs(last), recordSeq(last));
  const place = deferBegin(c);
  let n: i64 = 0;
  for (let i: u32 = 0; i < g.consumers.count; i++) {
    const k = changetype<Consumer>(nameAt(g.consumers, i));
    if (!k.pel.length) continue;
    n++;
    replyArray(c, 2);
    replyName(c, k.name);
    replyBulkI64(c, k.pel.length);
  }
  deferArray(c, place, n);
}

let claimer: usize = 0;
/** The consumer that claims, created if need be; 0 when memory is short. */
function claimerFor(c: Client, g: Group): usize {
  if (claimer) return claimer;
  claimer = consumerFind(g, 3);
  if (claimer) changetype<Consumer>(claimer).seen = nowMs;
  else claimer = consumerCreate(c, g, 1, 3);
  return claimer;
}
function replyClaimed(c: Client, s: Stream, ms: u64, seq: u64, justId: bool): void {
  if (justId) replyId(c, ms, seq);
  else replyExisting(c, s, ms, seq);
}

export function xclaim(c: Client): void {
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, STREAM)) return;
  const group = found ? groupFind(streamOf(changetype<Obj>(found)), 2) : 0;
  if (!group) {
    replyNoGroup(c, 1, 2, "'");
    return;
  }
  const g = changetype<Group>(group);
  const s = streamOf(changetype<Obj>(found));
  if (!argI64Error(c, 4, "ERR Invalid min-idle-time argument for XCLAIM")) return;
  const idle = max<i64>(argInt, 0);
  let end = 5;
  while (end < argc && argIdQuiet(end)) end++;
  let time: i64 = -1;
  let retry: i64 = -1;
  let force = false;
  let justId = false;
  let lastMs: u64 = 0;
  let lastSeq: u64 = 0;
  for (let i = end; i < argc; i++) {
    const more = i + 1 < argc;
    if (argIs(i, "force")) force = true;
    else if (argIs(i, "justid")) justId = true;
    else if (more && argIs(i, "idle")) {
      i++;
      if (!argI64Error(c, i, "ERR Invalid IDLE option argument for XCLAIM")) return;
      time = nowMs - argInt;
    } else if (more && argIs(i, "time")) {
      i++;
      if (!argI64Error(c, i, "ERR Invalid TIME option argument for XCLAIM")) return;
      time = argInt;
    } else if (more && argIs(i, "retrycount")) {
      i++;
      if (!argI64Error(c, i, "ERR Invalid RETRYCOUNT option argument for XCLAIM")) return;
      retry = argInt;
    } else if (more && argIs(i, "lastid")) {
      i++;
      if (!argId(c, i, 0)) return;
      lastMs = idMs;
      lastSeq = idSeq;
    } else {
      errorBegin("ERR Unrecognized XCLAIM option '");
      errorBytes(argPtr(i), argLen(i), 4096);
      errorText("'");
      errorEnd(c);
      return;
    }
  }
  propagateNothing();
  let tellLast = false;
  if (idCompare(lastMs, lastSeq, g.lastMs, g.lastSeq) > 0) {
    g.lastMs = lastMs;
    g.lastSeq = lastSeq;
    tellLast = true;
  }
  if (time < 0 || time > nowMs) time = nowMs;
  claimer = 0;
  const place = deferBegin(c);
  let n: i64 = 0;
  for (let i = 5; i < end; i++) {
    argIdQuiet(i);
    const ms = idMs;
    const seq = idSeq;
    let p = mapFind(g.pel, ms, seq);
    if (!streamHas(s, ms, seq)) {
      if (!p) continue;
      propagateClaim(1, 2, g, ms, seq, changetype<Nack>(p));
      tellLast = false;
      dirtyAdd(1);
      nackRemove(g, ms, seq);
      continue;
    }
    if (!p && !force) continue;
    if (p && idle && nowMs - changetype<Nack>(p).time < idle) continue;
    const k = claimerFor(c, g);
    if (!k) break;
    p = nackAssign(g, changetype<Consumer>(k), ms, seq);
    if (!p) break;
    const nack = changetype<Nack>(p);
    nack.time = time;
    if (retry >= 0) nack.count = retry;
    else if (!justId) nack.count++;
    replyClaimed(c, s, ms, seq, justId);
    n++;
    propagateClaim(1, 2, g, ms, seq, nack);
    tellLast = false;
    dirtyAdd(1);
  }
  if (tellLast) {
    propagateGroupId(1, 2, g);
    dirtyAdd(1);
  }
  deferArray(c, place, n);
}

/** Runs over what XAUTOCLAIM will look at, and replies the id it will end before. */
function replyNext(c: Client, s: Stream, g: Group, ms: u64, seq: u64, idle: i64, count: i64): void {
  let attempts = count * 10;
  let r = mapSeek(g.pel, ms, seq);
  while (attempts-- > 0 && count > 0 && r) {
    const missing = !streamHas(s, recordMs(r), recordSeq(r));
    if (missing || !idle || nowMs - changetype<Nack>(recordValue(r)).time >= idle) count--;
    r = mapForward(g.pel);
  }
  if (r) replyId(c, recordMs(r), recordSeq(r));
  else replyId(c, 0, 0);
}

export function xautoclaim(c: Client): void {
  if (!argI64Error(c, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM")) return;
  const idle = max<i64>(argInt, 0);
  if (!argIdBound(c, 5, false)) return;
  const fromMs = idMs;
  const fromSeq = idSeq;
  let count: i64 = 100;
  let justId = false;
  for (let i = 6; i < argc; i++) {
    if (i + 1 < argc && argIs(i, "count")) {
      i++;
      if (!argRange(c, i, 1, i64.MAX_VALUE / 16, "ERR COUNT must be > 0")) return;
      count = argInt;
    } else if (argIs(i, "justid")) justId = true;
    else {
      replySyntaxError(c);
      return;
    }
  }
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, STREAM)) return;
  const group = found ? groupFind(streamOf(changetype<Obj>(found)), 2) : 0;
  if (!group) {
    replyNoGroup(c, 1, 2, "'");
    return;
  }
  const s = streamOf(changetype<Obj>(found));
  const g = changetype<Group>(group);
  // No more ids can be gone than are pending.
  const gone = tryAlloc(<usize>min<i64>(count, <i64>g.pel.length + 1) * 16);
  if (!gone) {
    replyError(c, "ERR Insufficient memory, failed allocating transient memory, COUNT too high.");
    return;
  }
  propagateNothing();
  claimer = 0;
  let attempts = count * 10;
  let goneCount: i64 = 0;
  let n: i64 = 0;
  replyArray(c, 3);
  // The next id comes first in the reply but is known last.
  replyNext(c, s, g, fromMs, fromSeq, idle, count);
  const place = deferBegin(c);
  let r = mapSeek(g.pel, fromMs, fromSeq);
  while (attempts-- > 0 && count > 0 && r) {
    const ms = recordMs(r);
    const seq = recordSeq(r);
    const nack = changetype<Nack>(recordValue(r));
    if (!streamHas(s, ms, seq)) {
      propagateClaim(1, 2, g, ms, seq, nack);
      dirtyAdd(1);
      nackRemove(g, ms, seq);
      store<u64>(gone + (<usize>goneCount << 4), ms);
      store<u64>(gone + (<usize>goneCount << 4), seq, 8);
      goneCount++;
      count--;
      r = mapSeek(g.pel, ms, seq);
      continue;
    }
    if (idle && nowMs - nack.time < idle) {
      r = mapForward(g.pel);
      continue;
    }
    const k = claimerFor(c, g);
    if (!k || !nackAssign(g, changetype<Consumer>(k), ms, seq)) break;
    nack.time = nowMs;
    if (!justId) nack.count++;
    replyClaimed(c, s, ms, seq, justId);
    n++;
    count--;
    propagateClaim(1, 2, g, ms, seq, nack);
    dirtyAdd(1);
    r = mapForward(g.pel);
  }
  deferArray(c, place, n);
  replyArray(c, goneCount);
  for (let i: i64 = 0; i < goneCount; i++) {
    const p = gone + (<usize>i << 4);
    replyId(c, load<u64>(p), load<u64>(p, 8));
  }
  free(gone);
}
