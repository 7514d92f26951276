/** SET, GET and their relatives with expiry options. */
import { argc, argLen, argPtr, Client } from "./client";
import {
  ACL_STRING,
  argIs,
  CMD_DENYOOM,
  CMD_FAST,
  CMD_READONLY,
  CMD_WRITE,
  command,
  Command,
  describe,
} from "./command";
import {
  dbDelete,
  dbFind,
  dbSet,
  expireRemove,
  expireSet,
  lastEntry,
  lookupRead,
  lookupWrite,
  signalModified,
  wrongType,
} from "./keyspace";
import { notify, NOTIFY_GENERIC, NOTIFY_STRING } from "./notify";
import { Obj, objRelease, STRING, strNew } from "./object";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { propagateBegin, propagateBytes, propagateI64, propagateText } from "./propagate";
import {
  errorBegin,
  errorEnd,
  errorText,
  replyBulkObj,
  replyI64,
  replyNotInteger,
  replyNull,
  replyOk,
  replyOom,
  replySyntaxError,
} from "./reply";
import { dirtyAdd, nowMs } from "./server";
import { CMD_QUICK, errorName } from "./dispatch";

const NX: u32 = 1;
const XX: u32 = 2;
const KEEPTTL: u32 = 4;
const GET: u32 = 8;
const EX: u32 = 16; // relative seconds
const PX: u32 = 32;
const EXAT: u32 = 64;
const PXAT: u32 = 128;
const PERSIST: u32 = 256;
const ANY_TIME: u32 = EX | PX | EXAT | PXAT;

let expireArg: i32 = 0;

/** Parses options from argument `i` on; the flags, or 0xffffffff after a syntax error was replied. */
function parseOptions(c: Client, i: i32, forSet: bool): u32 {
  let flags: u32 = 0;
  for (; i < argc; i++) {
    const more = i + 1 < argc;
    if (forSet && !(flags & XX) && argIs(i, "nx")) flags |= NX;
    else if (forSet && !(flags & NX) && argIs(i, "xx")) flags |= XX;
    else if (forSet && argIs(i, "get")) flags |= GET;
    else if (forSet && !(flags & (ANY_TIME | PERSIST)) && argIs(i, "keepttl")) flags |= KEEPTTL;
    else if (!forSet && !(flags & (ANY_TIME | KEEPTTL)) && argIs(i, "persist")) flags |= PERSIST;
    else if (!(flags & (KEEPTTL | PERSIST | ANY_TIME)) && more && argIs(i, "ex")) {
      flags |= EX;
      expireArg = ++i;
    } else if (!(flags & (KEEPTTL | PERSIST | ANY_TIME)) && more && argIs(i, "px")) {
      flags |= PX;
      expireArg = ++i;
    } else if (!(flags & (KEEPTTL | PERSIST | ANY_TIME)) && more && argIs(i, "exat")) {
      flags |= EXAT;
      expireArg = ++i;
    } else if (!(flags & (KEEPTTL | PERSIST | ANY_TIME)) && more && argIs(i, "pxat")) {
      flags |= PXAT;
      expireArg = ++i;
    } else {
      replySyntaxError(c);
      return 0xffffffff;
    }
  }
  return flags;
}

let expireAt: i64 = 0;

function invalidExpire(c: Client): bool {
  errorBegin("ERR invalid expire time in '");
  errorName(changetype<Command>(c.lastCommand));
  errorText("' command");
  errorEnd(c);
  return false;
}

/** The absolute time that argument `i` means, in `expireAt`; false after the error was replied. */
function parseExpire(c: Client, i: i32, flags: u32): bool {
  if (!parseI64(argPtr(i), argLen(i))) {
    replyNotInteger(c);
    return false;
  }
  let t = parsedI64;
  const seconds = (flags & (EX | EXAT)) != 0;
  if (t <= 0 || (seconds && t > i64.MAX_VALUE / 1000)) return invalidExpire(c);
  if (seconds) t *= 1000;
  if (flags & (EX | PX)) {
    if (t > i64.MAX_VALUE - nowMs) return invalidExpire(c);
    t += nowMs;
  }
  expireAt = t;
  return true;
}

/** What SET and its relatives do. `value` is the argument with the value. */
function setGeneric(c: Client, flags: u32, value: i32, plain: bool): void {
  if (flags & ANY_TIME && !parseExpire(c, expireArg, flags)) return;
  const key = argPtr(1);
  const n = argLen(1);
  if (flags & (GET | NX | XX)) {
    if (flags & GET) {
      const o = lookupRead(c, 1);
      if (wrongType(c, o, STRING)) return;
      if (o) replyBulkObj(c, changetype<Obj>(o));
      else replyNull(c);
    }
    const found = dbFind(c.db, key, n) != 0;
    if ((flags & NX && found) || (flags & XX && !found)) {
      if (!(flags & GET)) {
        if (plain) replyI64(c, 0);
        else replyNull(c);
      }
      return;
    }
  }
  const o = strNew(argPtr(value), argLen(value));
  let e = o ? dbSet(c, c.db, key, n, o, (flags & KEEPTTL) != 0) : 0;
  if (!e) {
    if (o) objRelease(changetype<Obj>(o));
    if (!(flags & GET)) replyOom(c);
    return;
  }
  dirtyAdd(1);
  notify(NOTIFY_STRING, "set", key, n, c.db);
  if (flags & ANY_TIME) {
    e = expireSet(c.db, e, expireAt);
    if (!e) {
      dbDelete(c.db, key, n); // a key that must expire is not kept without its time
      if (!(flags & GET)) replyOom(c);
      return;
    }
    notify(NOTIFY_GENERIC, "expire", key, n, c.db);
    propagateBegin(5);
    propagateText("SET");
    propagateBytes(key, n);
    propagateBytes(argPtr(value), argLen(value));
    propagateText("PXAT");
    propagateI64(expireAt);
  } else if (flags & GET) {
    // without GET: replaying needs no answer
    propagateBegin(flags & KEEPTTL ? 4 : 3);
    propagateText("SET");
    propagateBytes(key, n);
    propagateBytes(argPtr(value), argLen(value));
    if (flags & KEEPTTL) propagateText("KEEPTTL");
  }
  if (!(flags & GET)) {
    if (plain) replyI64(c, 1);
    else replyOk(c);
  }
}

function set(c: Client): void {
  if (argc == 3) {
    const o = strNew(argPtr(2), argLen(2));
    if (!o || !dbSet(c, c.db, argPtr(1), argLen(1), o, false)) {
      if (o) objRelease(changetype<Obj>(o));
      replyOom(c);
      return;
    }
    dirtyAdd(1);
    notify(NOTIFY_STRING, "set", argPtr(1), argLen(1), c.db);
    replyOk(c);
    return;
  }
  const flags = parseOptions(c, 3, true);
  if (flags != 0xffffffff) setGeneric(c, flags, 2, false);
}
function setnx(c: Client): void {
  setGeneric(c, NX, 2, true);
}
function setex(c: Client): void {
  expireArg = 2;
  setGeneric(c, EX, 3, false);
}
function psetex(c: Client): void {
  expireArg = 2;
  setGeneric(c, PX, 3, false);
}

function get(c: Client): void {
  const o = lookupRead(c, 1);
  if (!o) replyNull(c);
  else if (!wrongType(c, o, STRING)) replyBulkObj(c, changetype<Obj>(o));
}

function getset(c: Client): void {
  const old = lookupRead(c, 1);
  if (wrongType(c, old, STRING)) return;
  const o = strNew(argPtr(2), argLen(2));
  if (!o) {
    replyOom(c);
    return;
  }
  if (old) replyBulkObj(c, changetype<Obj>(old));
  else replyNull(c);
  if (!dbSet(c, c.db, argPtr(1), argLen(1), o, false)) {
    objRelease(changetype<Obj>(o));
    return;
  }
  notify(NOTIFY_STRING, "set", argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
  propagateBegin(3);
  propagateText("SET");
  propagateBytes(argPtr(1), argLen(1));
  propagateBytes(argPtr(2), argLen(2));
}

function getdel(c: Client): void {
  const o = lookupWrite(c, 1);
  if (!o) {
    replyNull(c);
    return;
  }
  if (wrongType(c, o, STRING)) return;
  replyBulkObj(c, changetype<Obj>(o));
  dbDelete(c.db, argPtr(1), argLen(1));
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
  propagateBegin(2);
  propagateText("DEL");
  propagateBytes(argPtr(1), argLen(1));
}

function getex(c: Client): void {
  const flags = parseOptions(c, 2, false);
  if (flags == 0xffffffff) return;
  const o = lookupRead(c, 1);
  if (!o) {
    replyNull(c);
    return;
  }
  if (wrongType(c, o, STRING)) return;
  if (flags & ANY_TIME && !parseExpire(c, expireArg, flags)) return;
  const e = lastEntry;
  replyBulkObj(c, changetype<Obj>(o));
  const key = argPtr(1);
  const n = argLen(1);
  if (flags & (PXAT | EXAT) && expireAt <= nowMs) {
    dbDelete(c.db, key, n);
    signalModified(c.db, key, n);
    notify(NOTIFY_GENERIC, "del", key, n, c.db);
    dirtyAdd(1);
    propagateBegin(2);
    propagateText("DEL");
    propagateBytes(key, n);
  } else if (flags & ANY_TIME) {
    if (!expireSet(c.db, e, expireAt)) return;
    signalModified(c.db, key, n);
    notify(NOTIFY_GENERIC, "expire", key, n, c.db);
    dirtyAdd(1);
    propagateBegin(3);
    propagateText("PEXPIREAT");
    propagateBytes(key, n);
    propagateI64(expireAt);
  } else if (flags & PERSIST) {
    if (expireRemove(c.db, e)) {
      signalModified(c.db, key, n);
      notify(NOTIFY_GENERIC, "persist", key, n, c.db);
      dirtyAdd(1);
      propagateBegin(2);
      propagateText("PERSIST");
      propagateBytes(key, n);
    }
  }
}

export function registerSetCommands(): void {
  const write = CMD_WRITE | CMD_DENYOOM;
  command("set", set, -3, write | CMD_QUICK, ACL_STRING, 1, 1, 1);
  describe("string", "1.0.0", "Set the string value of a key", "O(1)");
  command("get", get, 2, CMD_READONLY | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "1.0.0", "Get the value of a key", "O(1)");
  command("setnx", setnx, 3, write | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "1.0.0", "Set the value of a key, only if the key does not exist", "O(1)");
  command("setex", setex, 4, write, ACL_STRING, 1, 1, 1);
  describe("string", "2.0.0", "Set the value and expiration of a key", "O(1)");
  command("psetex", psetex, 4, write, ACL_STRING, 1, 1, 1);
  describe("string", "2.6.0", "Set the value and expiration in milliseconds of a key", "O(1)");
  command("getset", getset, 3, write | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "1.0.0", "Set the string value of a key and return its old value", "O(1)");
  command("getdel", getdel, 2, CMD_WRITE | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "6.2.0", "Get the value of a key and delete the key", "O(1)");
  command("getex", getex, -2, CMD_WRITE | CMD_FAST, ACL_STRING, 1, 1, 1);
  describe("string", "6.2.0", "Get the value of a key and optionally set its expiration", "O(1)");
}
