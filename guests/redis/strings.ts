/** String commands (t_string.c of Redis 7.0 is the reference for behaviour and texts), except SET and GET's family of expiry options: set.ts. */
import { argI64, argInt } from "./arguments";
import { argc, argLen, argPtr, Client } from "./client";
import { ACL_STRING, CMD_DENYOOM, CMD_FAST, CMD_READONLY, CMD_WRITE, command, describe } from "./command";
import { addLongDouble, LD_NAN_OR_INF } from "./long-double";
import {
  dbAdd,
  dbFind,
  dbReplaceValue,
  dbSet,
  lastEntry,
  lookupRead,
  lookupWrite,
  signalModified,
  wrongType,
} from "./keyspace";
import { notify, NOTIFY_STRING } from "./notify";
import {
  ENC_INT,
  Obj,
  objRelease,
  strFromI64,
  STRING,
  STRING_HEADER,
  strNew,
  strNewRaw,
  strNewSize,
  strView,
  strWritable,
  viewLen,
  viewPtr,
} from "./object";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { propagateBegin, propagateBytes, propagateText } from "./propagate";
import {
  replyArray,
  replyBulk,
  replyBulkObj,
  replyError,
  replyI64,
  replyNotInteger,
  replyNull,
  replyOk,
  replyOom,
} from "./reply";
import { cfg, dirtyAdd } from "./server";
import { registerSetCommands } from "./strings-set";
import { registerLcsCommand } from "./strings-lcs";
import { alloc } from "../lib/raw/alloc";

function mget(c: Client): void {
  replyArray(c, argc - 1);
  for (let i = 1; i < argc; i++) {
    const o = lookupRead(c, i);
    if (o && <u32>changetype<Obj>(o).type == STRING) replyBulkObj(c, changetype<Obj>(o));
    else replyNull(c);
  }
}

function msetAll(c: Client, onlyIfNone: bool): void {
  if (!(argc & 1)) {
    replyError(c, onlyIfNone ? "ERR wrong number of arguments for 'msetnx' command" : "ERR wrong number of arguments for 'mset' command");
    return;
  }
  if (onlyIfNone) {
    for (let i = 1; i < argc; i += 2) {
      if (dbFind(c.db, argPtr(i), argLen(i))) {
        replyI64(c, 0);
        return;
      }
    }
  }
  for (let i = 1; i < argc; i += 2) {
    const o = strNew(argPtr(i + 1), argLen(i + 1));
    if (!o || !dbSet(c, c.db, argPtr(i), argLen(i), o, false)) {
      if (o) objRelease(changetype<Obj>(o));
      replyOom(c);
      return;
    }
    notify(NOTIFY_STRING, "set", argPtr(i), argLen(i), c.db);
    dirtyAdd(1);
  }
  if (onlyIfNone) replyI64(c, 1);
  else replyOk(c);
}
function mset(c: Client): void {
  msetAll(c, false);
}
function msetnx(c: Client): void {
  msetAll(c, true);
}

function strlen(c: Client): void {
  const o = lookupRead(c, 1);
  if (!o) {
    replyI64(c, 0);
    return;
  }
  if (wrongType(c, o, STRING)) return;
  strView(changetype<Obj>(o));
  replyI64(c, viewLen);
}

function tooLong(c: Client, bytes: u64): bool {
  if (bytes <= <u64>cfg.protoMaxBulkLen) return false;
  replyError(c, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  return true;
}

function append(c: Client): void {
  const o = lookupWrite(c, 1);
  const n = argLen(2);
  let length = n;
  if (!o) {
    const fresh = strNew(argPtr(2), n);
    if (!fresh || !dbAdd(c.db, argPtr(1), argLen(1), fresh)) {
      if (fresh) objRelease(changetype<Obj>(fresh));
      replyOom(c);
      return;
    }
  } else {
    if (wrongType(c, o, STRING)) return;
    const e = lastEntry;
    strView(changetype<Obj>(o));
    const old = viewLen;
    if (tooLong(c, <u64>old + n)) return;
    length = old + n;
    const w = strWritable(changetype<Obj>(o), length);
    if (!w) {
      replyOom(c);
      return;
    }
    dbReplaceValue(e, w);
    memory.copy(w + STRING_HEADER + old, argPtr(2), n);
    store<u32>(w, length, 8);
  }
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_STRING, "append", argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
  replyI64(c, length);
}

function setrange(c: Client): void {
  if (!argI64(c, 2)) return;
  const offset = argInt;
  if (offset < 0) {
    replyError(c, "ERR offset is out of range");
    return;
  }
  const n = argLen(3);
  const o = lookupWrite(c, 1);
  if (!o) {
    if (n == 0) {
      replyI64(c, 0);
      return;
    }
    if (tooLong(c, <u64>offset + n)) return;
    const length = <u32>offset + n;
    const fresh = strNewSize(length);
    if (!fresh) {
      replyOom(c);
      return;
    }
    memory.fill(fresh + STRING_HEADER, 0, <usize>offset);
    memory.copy(fresh + STRING_HEADER + <usize>offset, argPtr(3), n);
    if (!dbAdd(c.db, argPtr(1), argLen(1), fresh)) {
      objRelease(changetype<Obj>(fresh));
      replyOom(c);
      return;
    }
    setrangeDone(c, length);
    return;
  }
  if (wrongType(c, o, STRING)) return;
  const e = lastEntry;
  strView(changetype<Obj>(o));
  const old = viewLen;
  if (n == 0) {
    replyI64(c, old);
    return;
  }
  if (tooLong(c, <u64>offset + n)) return;
  const length = max<u32>(old, <u32>offset + n);
  const w = strWritable(changetype<Obj>(o), length);
  if (!w) {
    replyOom(c);
    return;
  }
  dbReplaceValue(e, w);
  if (<u32>offset > old) memory.fill(w + STRING_HEADER + old, 0, <u32>offset - old);
  memory.copy(w + STRING_HEADER + <usize>offset, argPtr(3), n);
  store<u32>(w, length, 8);
  setrangeDone(c, length);
}
function setrangeDone(c: Client, length: u32): void {
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_STRING, "setrange", argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
  replyI64(c, length);
}

function getrange(c: Client): void {
  if (!argI64(c, 2)) return;
  let start = argInt;
  if (!argI64(c, 3)) return;
  let end = argInt;
  const o = lookupRead(c, 1);
  if (!o) {
    replyBulk(c, 0, 0);
    return;
  }
  if (wrongType(c, o, STRING)) return;
  strView(changetype<Obj>(o));
  const n = <i64>viewLen;
  if (start < 0 && end < 0 && start > end) {
    replyBulk(c, 0, 0);
    return;
  }
  if (start < 0) start = n + start;
  if (end < 0) end = n + end;
  if (start < 0) start = 0;
  if (end < 0) end = 0;
  if (end >= n) end = n - 1;
  if (start > end || n == 0) replyBulk(c, 0, 0);
  else replyBulk(c, viewPtr + <usize>start, <u32>(end - start + 1));
}

function addTo(c: Client, by: i64): void {
  const o = lookupWrite(c, 1);
  if (!o) {
    const fresh = strFromI64(by);
    if (!dbAdd(c.db, argPtr(1), argLen(1), fresh)) {
      objRelease(changetype<Obj>(fresh));
      replyOom(c);
      return;
    }
    incrDone(c, by);
    return;
  }
  if (wrongType(c, o, STRING)) return;
  const e = lastEntry;
  const obj = changetype<Obj>(o);
  let value: i64;
  if (<u32>obj.encoding == ENC_INT) value = load<i64>(o, 8);
  else {
    strView(obj);
    if (!parseI64(viewPtr, viewLen)) {
      replyNotInteger(c);
      return;
    }
    value = parsedI64;
  }
  if ((by < 0 && value < 0 && by < i64.MIN_VALUE - value) || (by > 0 && value > 0 && by > i64.MAX_VALUE - value)) {
    replyError(c, "ERR increment or decrement would overflow");
    return;
  }
  value += by;
  if (<u32>obj.encoding == ENC_INT && obj.refs == 1) store<i64>(o, value, 8);
  else {
    const fresh = strFromI64(value);
    changetype<Obj>(fresh).lru = obj.lru;
    dbReplaceValue(e, fresh);
    objRelease(obj);
  }
  incrDone(c, value);
}
function incrDone(c: Client, value: i64): void {
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_STRING, "incrby", argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
  replyI64(c, value);
}
function incr(c: Client): void {
  addTo(c, 1);
}
function decr(c: Client): void {
  addTo(c, -1);
}
function incrby(c: Client): void {
  if (argI64(c, 2)) addTo(c, argInt);
}
function decrby(c: Client): void {
  if (!argI64(c, 2)) return;
  if (argInt == i64.MIN_VALUE) {
    replyError(c, "ERR decrement would overflow");
    return;
  }
  addTo(c, -argInt);
}

let floatBuffer: usize = 0;
const zero = memory.data<u8>([48]);
function incrbyfloat(c: Client): void {
  const o = lookupWrite(c, 1);
  if (wrongType(c, o, STRING)) return;
  const e = lastEntry;
  if (!floatBuffer) floatBuffer = alloc(5280);
  let p = zero;
  let n: u32 = 1;
  if (o) {
    strView(changetype<Obj>(o));
    p = viewPtr;
    n = viewLen;
  }
  const length = addLongDouble(p, n, argPtr(2), argLen(2), floatBuffer);
  if (length < 0) {
    if (length == LD_NAN_OR_INF) replyError(c, "ERR increment would produce NaN or Infinity");
    else replyError(c, "ERR value is not a valid float");
    return;
  }
  const fresh = strNewRaw(floatBuffer, length);
  if (!fresh || (!o && !dbAdd(c.db, argPtr(1), argLen(1), fresh))) {
    if (fresh) objRelease(changetype<Obj>(fresh));
    replyOom(c);
    return;
  }
  if (o) {
    changetype<Obj>(fresh).lru = changetype<Obj>(o).lru;
    dbReplaceValue(e, fresh);
    objRelease(changetype<Obj>(o));
  }
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_STRING, "incrbyfloat", argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
  replyBulk(c, floatBuffer, length);
  // The sum, not the addition: replaying must not depend on the reader's float arithmetic.
  propagateBegin(4);
  propagateText("SET");
  propagateBytes(argPtr(1), argLen(1));
  propagateBytes(floatBuffer, length);
  propagateText("KEEPTTL");
}

export function registerStringCommands(): void {
  registerSetCommands();
  registerLcsCommand();
  const write = CMD_WRITE | CMD_DENYOOM;
  command("mget", mget, -2, CMD_READONLY | CMD_FAST, ACL_STRING, 1, -1, 1);
  describe("string", "1.0.0", "Get the values of all the given keys", "O(N) where N is the number of keys to retrieve.");
  command("mset", mset, -3, write, ACL_STRING, 1, -1, 2);
  describe("string", "1.0.1", "Set multiple keys to multiple values", "O(N) where N is the number of keys to set.");
  command("msetnx", msetnx, -3, write, ACL_STRING, 1, -1, 2);
  describe("string", "1.0.1", "Set multiple keys to multiple values, only if none of the keys exist", "O(N) where N is the number of keys to set.");
  command("strlen", strlen, 2, CMD_READONLY | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "2.2.0", "Get the length of the value stored in a key", "O(1)");
  command("append", append, 3, write | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "2.0.0", "Append a value to a key", "O(1)");
  command("setrange", setrange, 4, write, ACL_STRING, 1, 1, 1);
  describe("string", "2.2.0", "Overwrite part of a string at key starting at the specified offset", "O(1), not counting the time taken to copy the new string in place.");
  command("getrange", getrange, 4, CMD_READONLY, ACL_STRING, 1, 1, 1);
  describe("string", "2.4.0", "Get a substring of the string stored at a key", "O(N) where N is the length of the returned string.");
  command("substr", getrange, 4, CMD_READONLY, ACL_STRING, 1, 1, 1);
  describe("string", "1.0.0", "Get a substring of the string stored at a key", "O(N) where N is the length of the returned string.");
  command("incr", incr, 2, write | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "1.0.0", "Increment the integer value of a key by one", "O(1)");
  command("decr", decr, 2, write | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "1.0.0", "Decrement the integer value of a key by one", "O(1)");
  command("incrby", incrby, 3, write | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "1.0.0", "Increment the integer value of a key by the given amount", "O(1)");
  command("decrby", decrby, 3, write | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "1.0.0", "Decrement the integer value of a key by the given number", "O(1)");
  command("incrbyfloat", incrbyfloat, 3, write | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "2.6.0", "Increment the float value of a key by the given amount", "O(1)");
}
