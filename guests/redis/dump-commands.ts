/**
 * DUMP and RESTORE: a value as one string in RDB form, and back.
 */
import { argI64, argInt } from "./arguments";
import { Builder, builderRelease, builderReset } from "../lib/raw/builder";
import { Client, argLen, argPtr, argc } from "./client";
import { ACL_DANGEROUS, ACL_KEYSPACE, CMD_DENYOOM, CMD_READONLY, CMD_WRITE, argIs, command, describe } from "./command";
import { dbAdd, dbDelete, expireSet, lookupRead, lookupWrite, signalModified } from "./keyspace";
import { NOTIFY_GENERIC, notify } from "./notify";
import { Obj, objRelease, STREAM } from "./object";
import { propagateBegin, propagateBytes, propagateI64, propagateText } from "./propagate";
import { rdbLoad, rdbShort, rdbVerify } from "./rdb-load";
import { putPayload } from "./rdb-save";
import { replyBulk, replyError, replyNull, replyOk, replyOom, replySyntaxError } from "./reply";
import { cfg, dirtyAdd, loading, lruClock, nowMs } from "./server";

const payload = changetype<Builder>(memory.data(16, 8));

export function dump(c: Client): void {
  const found = lookupRead(c, 1);
  if (!found) {
    replyNull(c);
    return;
  }
  if (<u32>changetype<Obj>(found).type == STREAM) {
    replyError(c, "ERR DUMP of a stream is not supported by the 'redis' image: boot the 'redis-server' image (the real Redis) for it");
    return;
  }
  builderReset(payload);
  putPayload(payload, changetype<Obj>(found));
  if (payload.failed) replyOom(c);
  else replyBulk(c, payload.data, payload.length);
  builderRelease(payload);
}

export function restore(c: Client): void {
  let replace = false;
  let absolute = false;
  let idle: i64 = -1;
  let frequency: i64 = -1;
  for (let i = 4; i < argc; i++) {
    const more = i + 1 < argc;
    if (argIs(i, "replace")) replace = true;
    else if (argIs(i, "absttl")) absolute = true;
    else if (more && frequency == -1 && argIs(i, "idletime")) {
      if (!argI64(c, ++i)) return;
      idle = argInt;
      if (idle < 0) {
        replyError(c, "ERR Invalid IDLETIME value, must be >= 0");
        return;
      }
    } else if (more && idle == -1 && argIs(i, "freq")) {
      if (!argI64(c, ++i)) return;
      frequency = argInt;
      if (frequency < 0 || frequency > 255) {
        replyError(c, "ERR Invalid FREQ value, must be >= 0 and <= 255");
        return;
      }
    } else {
      replySyntaxError(c);
      return;
    }
  }
  if (lookupWrite(c, 1) && !replace) {
    replyError(c, "BUSYKEY Target key name already exists.");
    return;
  }
  if (!argI64(c, 2)) return;
  let when = argInt;
  if (when < 0) {
    replyError(c, "ERR Invalid TTL value, must be >= 0");
    return;
  }
  if (!rdbVerify(argPtr(3), argLen(3))) {
    replyError(c, "ERR DUMP payload version or checksum are wrong");
    return;
  }
  const value = rdbLoad(argPtr(3), argLen(3));
  if (!value) {
    if (rdbShort) replyOom(c);
    else replyError(c, "ERR Bad data format");
    return;
  }
  const o = changetype<Obj>(value);
  const deleted = replace && dbDelete(c.db, argPtr(1), argLen(1));
  if (when && !absolute) when += nowMs;
  if (when && !loading && when <= nowMs) {
    objRelease(o);
    if (deleted) {
      propagateBegin(2);
      propagateText("DEL");
      propagateBytes(argPtr(1), argLen(1));
      signalModified(c.db, argPtr(1), argLen(1));
      notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), c.db);
      dirtyAdd(1);
    }
    replyOk(c);
    return;
  }
  if (cfg.maxmemoryPolicy & 2) {
    if (frequency >= 0) o.lru = (o.lru & ~0xff) | <u32>frequency;
  } else if (idle >= 0) o.lru = (lruClock - <u32>min<i64>(idle, lruClock)) & 0xffffff;
  const entry = dbAdd(c.db, argPtr(1), argLen(1), value);
  if (!entry) {
    objRelease(o);
    replyOom(c);
    return;
  }
  if (when) {
    expireSet(c.db, entry, when);
    if (!absolute) propagateAbsolute(when);
  }
  signalModified(c.db, argPtr(1), argLen(1));
  notify(NOTIFY_GENERIC, "restore", argPtr(1), argLen(1), c.db);
  replyOk(c);
  dirtyAdd(1);
}

/** The same request with the expiry as a point in time: replayed later it must not live longer. */
function propagateAbsolute(when: i64): void {
  propagateBegin(argc + 1);
  for (let i = 0; i < argc; i++) {
    if (i == 2) propagateI64(when);
    else propagateBytes(argPtr(i), argLen(i));
  }
  propagateText("ABSTTL");
}

export function registerDumpCommands(): void {
  command("dump", dump, 2, CMD_READONLY, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "2.6.0", "Returns a value as one string that RESTORE understands.", "O(1) to find the key and O(N) to write its N elements");
  command("restore", restore, -4, CMD_WRITE | CMD_DENYOOM, ACL_KEYSPACE | ACL_DANGEROUS, 1, 1, 1);
  describe("generic", "2.6.0", "Makes a key from a string that DUMP returned.", "O(1) to make the key and O(N*log(N)) for sorted sets, O(N) for others");
}
