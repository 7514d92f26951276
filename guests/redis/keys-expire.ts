/** EXPIRE, TTL and their relatives (expire.c of Redis 7.0). */
import { argc, argLen, argPtr, Client } from "./client";
import { ACL_KEYSPACE, argIs, CMD_FAST, CMD_READONLY, CMD_WRITE, Command, command, describe } from "./command";
import { errorName } from "./dispatch";
import {
  dbDeleteEntry,
  dbFind,
  entryExpire,
  expireRemove,
  expireSet,
  lastEntry,
  lookupWrite,
  signalModified,
} from "./keyspace";
import { notify, NOTIFY_GENERIC } from "./notify";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { propagateBegin, propagateBytes, propagateI64, propagateText } from "./propagate";
import { errorBegin, errorBytes, errorEnd, errorText, replyError, replyI64, replyNotInteger, replyOom } from "./reply";
import { dirtyAdd, loading, nowMs } from "./server";

const NX: u32 = 1;
const XX: u32 = 2;
const GT: u32 = 4;
const LT: u32 = 8;

function invalidTime(c: Client): void {
  errorBegin("ERR invalid expire time in '");
  errorName(changetype<Command>(c.lastCommand));
  errorText("' command");
  errorEnd(c);
}

function expireGeneric(c: Client, base: i64, seconds: bool): void {
  let flags: u32 = 0;
  for (let i = 3; i < argc; i++) {
    if (argIs(i, "nx")) flags |= NX;
    else if (argIs(i, "xx")) flags |= XX;
    else if (argIs(i, "gt")) flags |= GT;
    else if (argIs(i, "lt")) flags |= LT;
    else {
      errorBegin("ERR Unsupported option ");
      errorBytes(argPtr(i), argLen(i), 128);
      errorEnd(c);
      return;
    }
  }
  if (flags & NX && flags & (XX | GT | LT)) {
    replyError(c, "ERR NX and XX, GT or LT options at the same time are not compatible");
    return;
  }
  if (flags & GT && flags & LT) {
    replyError(c, "ERR GT and LT options at the same time are not compatible");
    return;
  }
  if (!parseI64(argPtr(2), argLen(2))) {
    replyNotInteger(c);
    return;
  }
  let when = parsedI64;
  if (seconds) {
    if (when > i64.MAX_VALUE / 1000 || when < i64.MIN_VALUE / 1000) {
      invalidTime(c);
      return;
    }
    when *= 1000;
  }
  if (when > i64.MAX_VALUE - base) {
    invalidTime(c);
    return;
  }
  when += base;
  if (!lookupWrite(c, 1)) {
    replyI64(c, 0);
    return;
  }
  const e = lastEntry;
  if (flags) {
    const now = entryExpire(c.db, e);
    if (
      (flags & NX && now != -1) ||
      (flags & XX && now == -1) ||
      (flags & GT && (now == -1 || when <= now)) ||
      (flags & LT && now != -1 && when >= now)
    ) {
      replyI64(c, 0);
      return;
    }
  }
  const key = argPtr(1);
  const n = argLen(1);
  if (when <= nowMs && !loading) {
    dbDeleteEntry(c.db, e);
    dirtyAdd(1);
    propagateBegin(2);
    propagateText("DEL");
    propagateBytes(key, n);
    signalModified(c.db, key, n);
    notify(NOTIFY_GENERIC, "del", key, n, c.db);
    replyI64(c, 1);
    return;
  }
  // Only a file being replayed brings times before 1970's end; the heap takes any.
  if (!expireSet(c.db, e, when)) {
    replyOom(c);
    return;
  }
  propagateBegin(3);
  propagateText("PEXPIREAT");
  propagateBytes(key, n);
  propagateI64(when);
  signalModified(c.db, key, n);
  notify(NOTIFY_GENERIC, "expire", key, n, c.db);
  dirtyAdd(1);
  replyI64(c, 1);
}
function expire(c: Client): void {
  expireGeneric(c, nowMs, true);
}
function pexpire(c: Client): void {
  expireGeneric(c, nowMs, false);
}
function expireat(c: Client): void {
  expireGeneric(c, 0, true);
}
function pexpireat(c: Client): void {
  expireGeneric(c, 0, false);
}

function ttlGeneric(c: Client, milliseconds: bool, absolute: bool): void {
  const e = dbFind(c.db, argPtr(1), argLen(1));
  if (!e) {
    replyI64(c, -2);
    return;
  }
  const when = entryExpire(c.db, e);
  if (when == -1) {
    replyI64(c, -1);
    return;
  }
  const left = absolute ? when : max<i64>(when - nowMs, 0);
  replyI64(c, milliseconds ? left : (left + 500) / 1000);
}
function ttl(c: Client): void {
  ttlGeneric(c, false, false);
}
function pttl(c: Client): void {
  ttlGeneric(c, true, false);
}
function expiretime(c: Client): void {
  ttlGeneric(c, false, true);
}
function pexpiretime(c: Client): void {
  ttlGeneric(c, true, true);
}

function persist(c: Client): void {
  if (!lookupWrite(c, 1) || !expireRemove(c.db, lastEntry)) {
    replyI64(c, 0);
    return;
  }
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_GENERIC, "persist", argPtr(1), argLen(1), c.db);
  dirtyAdd(1);
  replyI64(c, 1);
}

export function registerExpireCommands(): void {
  const write = CMD_WRITE | CMD_FAST;
  const read = CMD_READONLY | CMD_FAST;
  command("expire", expire, -3, write, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "1.0.0", "Set a key's time to live in seconds", "O(1)");
  command("pexpire", pexpire, -3, write, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "2.6.0", "Set a key's time to live in milliseconds", "O(1)");
  command("expireat", expireat, -3, write, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "1.2.0", "Set the expiration for a key as a UNIX timestamp", "O(1)");
  command("pexpireat", pexpireat, -3, write, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "2.6.0", "Set the expiration for a key as a UNIX timestamp specified in milliseconds", "O(1)");
  command("ttl", ttl, 2, read, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "1.0.0", "Get the time to live for a key in seconds", "O(1)");
  command("pttl", pttl, 2, read, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "2.6.0", "Get the time to live for a key in milliseconds", "O(1)");
  command("expiretime", expiretime, 2, read, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "7.0.0", "Get the expiration Unix timestamp for a key", "O(1)");
  command("pexpiretime", pexpiretime, 2, read, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "7.0.0", "Get the expiration Unix timestamp for a key in milliseconds", "O(1)");
  command("persist", persist, 2, write, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "2.2.0", "Remove the expiration from a key", "O(1)");
}
