/**
 * XREAD and XREADGROUP. A reader that waits keeps its request with `$` replaced by the id it stood for; when one of its keys has something, the
 * request runs again for that key (blocked.ts). The file gets what a group read changed: XCLAIM per entry, or XGROUP SETID for NOACK.
 */
import { free, tryAlloc } from "../lib/raw/alloc";
import { argI64, argInt, argRange } from "./arguments";
import { blockOnKeys } from "./blocked";
import { argc, argLen, argPtr, argSet, CLIENT_REEXECUTING, Client } from "./client";
import { argIs } from "./command";
import { idCompare, mapFind, mapForward, mapSeek, recordMs, recordSeq, recordValue } from "./id-map";
import { notReady } from "./list-pop-commands";
import { lookupRead, lookupWrite, wrongType } from "./keyspace";
import { Obj, STREAM } from "./object";
import { propagateNothing } from "./propagate";
import {
  deferArray,
  deferBegin,
  deferMap,
  errorBegin,
  errorBytes,
  errorEnd,
  errorText,
  replyArray,
  replyBulk,
  replyError,
  replyNullArray,
  replyOom,
  replySyntaxError,
} from "./reply";
import { dirtyAdd, nowMs } from "./server";
import { replyEntry } from "./stream-commands";
import {
  consumerCreate,
  propagateClaim,
  propagateConsumer,
  propagateGroupId,
  replyNoGroup,
} from "./stream-group-commands";
import { argId, formatId, idMs, idSeq, replyId } from "./stream-id";
import {
  Consumer,
  consumerFind,
  Group,
  groupFind,
  Nack,
  nackAssign,
  Stream,
  streamDistance,
  streamLastRecord,
  streamOf,
  streamTombstonesFrom,
} from "./stream-type";

/** Entries a reader that waited gets when it gave no COUNT (XREAD_BLOCKED_DEFAULT_COUNT). */
const BLOCKED_COUNT: i64 = 1000;

function isSign(i: i32, ch: u8): bool {
  return argLen(i) == 1 && load<u8>(argPtr(i)) == ch;
}

export function xread(c: Client): void {
  read(c, false);
}
export function xreadgroup(c: Client): void {
  read(c, true);
}

function read(c: Client, grouped: bool): void {
  let timeout: i64 = -1;
  let count: i64 = 0;
  let groupArg = 0;
  let noack = false;
  let first = 0;
  let keys = 0;
  for (let i = 1; i < argc; i++) {
    const more = argc - i - 1;
    if (more && argIs(i, "block")) {
      i++;
      if (!argRange(c, i, i64.MIN_VALUE, i64.MAX_VALUE, "ERR timeout is not an integer or out of range")) return;
      timeout = argInt;
      if (timeout < 0) {
        replyError(c, "ERR timeout is negative");
        return;
      }
    } else if (more && argIs(i, "count")) {
      i++;
      if (!argI64(c, i)) return;
      count = max<i64>(argInt, 0);
    } else if (more && argIs(i, "streams")) {
      first = i + 1;
      keys = argc - first;
      if (keys & 1) {
        errorBegin("ERR Unbalanced ");
        errorText(grouped ? "XREADGROUP" : "XREAD");
        errorText(" list of streams: for each stream key an ID or '");
        errorText(grouped ? ">" : "$");
        errorText("' must be specified.");
        errorEnd(c);
        return;
      }
      keys >>= 1;
      break;
    } else if (more >= 2 && argIs(i, "group")) {
      if (!grouped) {
        replyError(c, "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
        return;
      }
      groupArg = i + 1;
      i += 2;
    } else if (argIs(i, "noack")) {
      if (!grouped) {
        replyError(c, "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
        return;
      }
      noack = true;
    } else {
      replySyntaxError(c);
      return;
    }
  }
  if (!first) {
    replySyntaxError(c);
    return;
  }
  if (grouped && !groupArg) {
    replyError(c, "ERR Missing GROUP option for XREADGROUP");
    return;
  }
  const again = (c.flags & CLIENT_REEXECUTING) != 0;
  for (let k = first; k < first + keys; k++) if ((!again || !notReady(c, k)) && !check(c, k, k + keys, groupArg)) return;
  if (again && !count) count = BLOCKED_COUNT;
  let place: usize = 0;
  let served: i64 = 0;
  for (let k = first; k < first + keys; k++) {
    if (again && notReady(c, k)) continue;
    if (!readyToServe(c, k, k + keys, groupArg)) continue;
    if (!served) place = deferBegin(c);
    served++;
    if (c.resp == 2) replyArray(c, 2);
    replyBulk(c, argPtr(k), argLen(k));
    serve(c, k, groupArg, count, noack);
  }
  if (served) {
    if (c.resp == 2) deferArray(c, place, served);
    else deferMap(c, place, served);
  } else if (timeout < 0) replyNullArray(c);
  else wait(c, first, keys, timeout);
}

/** Blocks with `$` made concrete. */
function wait(c: Client, first: i32, keys: i32, timeout: i64): void {
  const texts = tryAlloc(<usize>keys * 48);
  if (!texts) {
    replyOom(c);
    return;
  }
  for (let k = 0; k < keys; k++) {
    const i = first + keys + k;
    if (!isSign(i, 36)) continue;
    const found = lookupRead(c, first + k);
    const p = texts + <usize>k * 48;
    const s = found ? streamOf(changetype<Obj>(found)) : changetype<Stream>(0);
    argSet(i, p, formatId(p, found ? s.lastMs : 0, found ? s.lastSeq : 0));
  }
  blockOnKeys(c, first, keys, <f64>timeout, STREAM);
  free(texts);
}

function check(c: Client, k: i32, i: i32, groupArg: i32): bool {
  const found = groupArg ? lookupWrite(c, k) : lookupRead(c, k);
  if (wrongType(c, found, STREAM)) return false;
  if (groupArg && (!found || !groupFind(streamOf(changetype<Obj>(found)), groupArg))) {
    replyNoGroup(c, k, groupArg, "' in XREADGROUP with GROUP option");
    return false;
  }
  if (isSign(i, 36)) {
    if (!groupArg) return true;
    replyError(
      c,
      "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
    );
    return false;
  }
  if (isSign(i, 62)) {
    if (groupArg) return true;
    replyError(c, "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.");
    return false;
  }
  return argId(c, i, 0);
}

let history: bool = false;
let afterMs: u64 = 0;
let afterSeq: u64 = 0;
let serveStream: usize = 0;
function readyToServe(c: Client, k: i32, i: i32, groupArg: i32): bool {
  const found = lookupRead(c, k);
  if (!found) return false;
  const s = streamOf(changetype<Obj>(found));
  serveStream = changetype<usize>(s);
  history = false;
  if (isSign(i, 36)) return false;
  if (isSign(i, 62)) {
    const g = changetype<Group>(groupFind(s, groupArg));
    afterMs = g.lastMs;
    afterSeq = g.lastSeq;
  } else {
    if (!argId(c, i, 0)) return false;
    afterMs = idMs;
    afterSeq = idSeq;
    if (groupArg && !(afterMs == u64.MAX_VALUE && afterSeq == u64.MAX_VALUE)) {
      history = true;
      return true;
    }
  }
  const last = streamLastRecord(s);
  return last != 0 && idCompare(recordMs(last), recordSeq(last), afterMs, afterSeq) > 0;
}

function serve(c: Client, k: i32, groupArg: i32, count: i64, noack: bool): void {
  const s = changetype<Stream>(serveStream);
  let ms = afterMs;
  const seq = afterSeq + 1;
  if (!seq) ms++;
  if (!groupArg) {
    const place = deferBegin(c);
    let n: i64 = 0;
    for (let r = mapSeek(s.entries, ms, seq); r && (!count || n < count); r = mapForward(s.entries)) {
      replyEntry(c, r);
      n++;
    }
    deferArray(c, place, n);
    return;
  }
  propagateNothing();
  const g = changetype<Group>(groupFind(s, groupArg));
  let who = consumerFind(g, groupArg + 1);
  if (who) changetype<Consumer>(who).seen = nowMs;
  else {
    who = consumerCreate(c, g, k, groupArg + 1);
    if (!who) {
      replyArray(c, 0);
      return;
    }
    // Redis says this for NOACK only; a consumer that got nothing would otherwise be missing after a restart.
    propagateConsumer(k, groupArg, groupArg + 1);
  }
  const consumer = changetype<Consumer>(who);
  if (history) serveHistory(c, s, consumer, ms, seq, count);
  else serveNew(c, s, g, consumer, k, groupArg, ms, seq, count, noack);
}

function serveHistory(c: Client, s: Stream, consumer: Consumer, ms: u64, seq: u64, count: i64): void {
  const place = deferBegin(c);
  let n: i64 = 0;
  for (let r = mapSeek(consumer.pel, ms, seq); r && (!count || n < count); r = mapForward(consumer.pel)) {
    n++;
    const idHigh = recordMs(r);
    const idLow = recordSeq(r);
    if (!replyExisting(c, s, idHigh, idLow)) {
      replyArray(c, 2);
      replyId(c, idHigh, idLow);
      replyNullArray(c);
    } else {
      const nack = changetype<Nack>(recordValue(r));
      nack.time = nowMs;
      nack.count++;
    }
  }
  deferArray(c, place, n);
}
const one = memory.data(32, 8);
/** Replies the entry of that id, if it is there; leaves the cursor alone. */
export function replyExisting(c: Client, s: Stream, ms: u64, seq: u64): bool {
  const p = mapFind(s.entries, ms, seq);
  if (!p) return false;
  store<u64>(one, ms);
  store<u64>(one, seq, 8);
  store<u32>(one, <u32>p, 16);
  replyEntry(c, one);
  return true;
}
function serveNew(
  c: Client,
  s: Stream,
  g: Group,
  consumer: Consumer,
  k: i32,
  groupArg: i32,
  ms: u64,
  seq: u64,
  count: i64,
  noack: bool,
): void {
  const place = deferBegin(c);
  let n: i64 = 0;
  for (let r = mapSeek(s.entries, ms, seq); r && (!count || n < count); r = mapForward(s.entries)) {
    const high = recordMs(r);
    const low = recordSeq(r);
    let nack: usize = 0;
    if (!noack) {
      // Short of memory: what follows stays undelivered.
      nack = nackAssign(g, consumer, high, low);
      if (!nack) break;
      changetype<Nack>(nack).time = nowMs;
      changetype<Nack>(nack).count = 1;
    }
    if (idCompare(high, low, g.lastMs, g.lastSeq) > 0) {
      if (g.entriesRead != -1 && !streamTombstonesFrom(s, high, low)) g.entriesRead++;
      else if (s.added) g.entriesRead = streamDistance(s, high, low);
      g.lastMs = high;
      g.lastSeq = low;
    }
    replyEntry(c, r);
    n++;
    if (nack) propagateClaim(k, groupArg, g, high, low, changetype<Nack>(nack));
  }
  if (n && noack) propagateGroupId(k, groupArg, g);
  dirtyAdd(1);
  deferArray(c, place, n);
}
