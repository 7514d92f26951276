/**
 * Keys as the commands that make them: what a BASE file holds (Redis' rewriteAppendOnlyFileRio in command format).
 *
 * Appends to a Builder; the caller looks at `failed` and at the length. Uses the one-at-a-time iterators of the container types, so it must
 * not be called while a command iterates a container.
 */
import { Builder, builderRoom, putBytes } from "../lib/raw/builder";
import { textCopy } from "../lib/raw/bytes";
import { entryKey, entryLength, entryValue } from "./dict";
import { formatScore } from "./double";
import { hashField, hashFieldLength, hashIterate, hashLength, hashNext, hashValue, hashValueLength } from "./hash-type";
import { entryExpire } from "./keyspace";
import { listOf } from "./list-type";
import { formatI64, formatU64 } from "../lib/raw/number";
import { HASH, LIST, Obj, SET, STREAM, STRING, ZSET, strView, viewLen, viewPtr } from "./object";
import { itemLength, itemPtr, quicklistForward, quicklistSeek } from "./quicklist";
import { blobData, blobLength } from "../lib/raw/bytes";
import { mapFirst, mapForward, recordMs, recordSeq, recordValue } from "./id-map";
import { formatId } from "./stream-id";
import { Consumer, Group, Nack, nameAt, streamOf } from "./stream-type";
import { setIterate, setIterateEnd, setLength, setMember, setMemberLength, setNext } from "./set-type";
import { zsetLength, zsetMember, zsetMemberLength, zsetScore, zsetStep, zsetWalk } from "./zset-type";

/** Elements per command (AOF_REWRITE_ITEMS_PER_CMD). */
const ITEMS_MAX: u32 = 64;
const digits = memory.data(64, 16);

/** A type byte, a count, CRLF. */
export function putCount(b: Builder, type: u32, n: u32): void {
  if (!builderRoom(b, 24)) return;
  const at = b.data + b.length;
  store<u8>(at, <u8>type);
  const length = 1 + formatU64(at + 1, n);
  store<u16>(at + length, 0x0a0d);
  b.length += length + 2;
}
/** A bulk string. */
export function putBulk(b: Builder, p: usize, n: u32): void {
  if (!builderRoom(b, n + 32)) return;
  putCount(b, 36, n);
  putBytes(b, p, n);
  store<u16>(b.data + b.length, 0x0a0d);
  b.length += 2;
}
export function putBulkText(b: Builder, text: string): void {
  putBulk(b, digits, textCopy(digits, text));
}
export function putBulkI64(b: Builder, value: i64): void {
  putBulk(b, digits, formatI64(digits, value));
}

/** Begins a command of `count` arguments behind its name and key. */
function begin(b: Builder, name: string, e: usize, count: u32): void {
  putCount(b, 42, count + 2);
  putBulkText(b, name);
  putBulk(b, entryKey(e), entryLength(e));
}

/** Appends the commands that make the key `e` of database `db`, its expiry included. SELECT is the caller's. */
export function putKey(b: Builder, db: u32, e: usize): void {
  const o = changetype<Obj>(entryValue(e));
  switch (<u32>o.type) {
    case STRING:
      begin(b, "SET", e, 1);
      strView(o);
      putBulk(b, viewPtr, viewLen);
      break;
    case LIST:
      putList(b, e, o);
      break;
    case SET:
      putSet(b, e, o);
      break;
    case ZSET:
      putZset(b, e, o);
      break;
    case HASH:
      putHash(b, e, o);
      break;
    case STREAM:
      putStream(b, e, o);
      break;
    default:
      unreachable();
  }
  const when = entryExpire(db, e);
  if (when != -1) {
    begin(b, "PEXPIREAT", e, 1);
    putBulkI64(b, when);
  }
}

function putList(b: Builder, e: usize, o: Obj): void {
  const list = listOf(o);
  let left = list.length;
  let inCommand: u32 = 0;
  for (let more = quicklistSeek(list, 0); more; more = quicklistForward()) {
    if (!inCommand) {
      inCommand = min(left, ITEMS_MAX);
      begin(b, "RPUSH", e, inCommand);
    }
    putBulk(b, itemPtr, itemLength);
    inCommand--;
    left--;
  }
}

function putSet(b: Builder, e: usize, o: Obj): void {
  let left = setLength(o);
  let inCommand: u32 = 0;
  setIterate(o);
  while (setNext()) {
    if (!inCommand) {
      inCommand = min(left, ITEMS_MAX);
      begin(b, "SADD", e, inCommand);
    }
    putBulk(b, setMember, setMemberLength);
    inCommand--;
    left--;
  }
  setIterateEnd();
}

function putZset(b: Builder, e: usize, o: Obj): void {
  let left = zsetLength(o);
  let inCommand: u32 = 0;
  zsetWalk(o, 0, false);
  for (; left; left--) {
    zsetStep();
    if (!inCommand) {
      inCommand = min(left, ITEMS_MAX);
      begin(b, "ZADD", e, inCommand * 2);
    }
    putBulk(b, digits, formatScore(digits, zsetScore));
    putBulk(b, zsetMember, zsetMemberLength);
    inCommand--;
  }
}

function putHash(b: Builder, e: usize, o: Obj): void {
  let left = hashLength(o);
  let inCommand: u32 = 0;
  hashIterate(o);
  while (hashNext()) {
    if (!inCommand) {
      inCommand = min(left, ITEMS_MAX);
      begin(b, "HMSET", e, inCommand * 2);
    }
    putBulk(b, hashField, hashFieldLength);
    putBulk(b, hashValue, hashValueLength);
    inCommand--;
    left--;
  }
}

function putId(b: Builder, ms: u64, seq: u64): void {
  putBulk(b, digits, formatId(digits, ms, seq));
}
function putName(b: Builder, name: usize): void {
  putBulk(b, blobData(name), blobLength(name));
}
function putStream(b: Builder, e: usize, o: Obj): void {
  const s = streamOf(o);
  for (let r = mapFirst(s.entries); r; r = mapForward(s.entries)) {
    let at = recordValue(r);
    const strings = load<u32>(at);
    begin(b, "XADD", e, 1 + strings);
    putId(b, recordMs(r), recordSeq(r));
    at += 4;
    for (let i: u32 = 0; i < strings; i++) {
      putBulk(b, at + 4, load<u32>(at));
      at += 4 + load<u32>(at);
    }
  }
  if (!s.entries.length) {
    begin(b, "XADD", e, 5);
    putBulkText(b, "MAXLEN");
    putBulkText(b, "0");
    putId(b, 0, 1);
    putBulkText(b, "x");
    putBulkText(b, "y");
  }
  begin(b, "XSETID", e, 5);
  putId(b, s.lastMs, s.lastSeq);
  putBulkText(b, "ENTRIESADDED");
  putBulkI64(b, s.added);
  putBulkText(b, "MAXDELETEDID");
  putId(b, s.deletedMs, s.deletedSeq);
  for (let i: u32 = 0; i < s.groups.count; i++) {
    const g = changetype<Group>(nameAt(s.groups, i));
    putCount(b, 42, 7);
    putBulkText(b, "XGROUP");
    putBulkText(b, "CREATE");
    putBulk(b, entryKey(e), entryLength(e));
    putName(b, g.name);
    putId(b, g.lastMs, g.lastSeq);
    putBulkText(b, "ENTRIESREAD");
    putBulkI64(b, g.entriesRead);
    for (let j: u32 = 0; j < g.consumers.count; j++) putConsumer(b, e, g, changetype<Consumer>(nameAt(g.consumers, j)));
  }
}
function putConsumer(b: Builder, e: usize, g: Group, k: Consumer): void {
  if (!k.pel.length) {
    putCount(b, 42, 5);
    putBulkText(b, "XGROUP");
    putBulkText(b, "CREATECONSUMER");
    putBulk(b, entryKey(e), entryLength(e));
    putName(b, g.name);
    putName(b, k.name);
  }
  for (let r = mapFirst(k.pel); r; r = mapForward(k.pel)) {
    const nack = changetype<Nack>(recordValue(r));
    begin(b, "XCLAIM", e, 10);
    putName(b, g.name);
    putName(b, k.name);
    putBulkText(b, "0");
    putId(b, recordMs(r), recordSeq(r));
    putBulkText(b, "TIME");
    putBulkI64(b, nack.time);
    putBulkText(b, "RETRYCOUNT");
    putBulkI64(b, nack.count);
    putBulkText(b, "JUSTID");
    putBulkText(b, "FORCE");
  }
}
