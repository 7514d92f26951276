/** Commands on keys whatever they hold (db.c, expire.c and object.c of Redis 7.0 are the reference). Expiry: keys-expire.ts, SCAN and KEYS: keys-scan.ts. */
import { helpBegin, helpEnd, helpLine } from "./help";
import { argc, argLen, argPtr, Client } from "./client";
import {
  ACL_DANGEROUS,
  ACL_KEYSPACE,
  argIs,
  CMD_DENYOOM,
  CMD_FAST,
  CMD_LOADING,
  CMD_READONLY,
  CMD_STALE,
  CMD_WRITE,
  command,
  Command,
  describe,
  subcommand,
} from "./command";
import { equal } from "../lib/raw/bytes";
import { containerDuplicate } from "./container";
import { entryKey, entryLength, entryValue } from "./dict";
import {
  dbAdd,
  dbBeforeFlush,
  dbDeleteEntry,
  dbEmpty,
  dbFind,
  dbRandom,
  dbSize,
  dbSwap,
  dbTake,
  entryExpire,
  expireSet,
  lastEntry,
  lookupRead,
  signalModified,
} from "./keyspace";
import { touchWatchedAll } from "./multi";
import { notify, NOTIFY_GENERIC } from "./notify";
import { encodingName, idleSeconds, lfuFrequency, Obj, objRelease, strDuplicate, STRING, typeName } from "./object";
import {
  replyBulk,
  replyBulkText,
  replyError,
  replyI64,
  replyNoKey,
  replyNotInteger,
  replyNull,
  replyOk,
  replyOom,
  replyStatus,
  replySyntaxError,
} from "./reply";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { cfg, dirtyAdd } from "./server";
import { registerExpireCommands } from "./keys-expire";
import { registerScanCommands } from "./keys-scan";
import { signalReadyAll } from "./blocked";

function del(c: Client): void {
  let removed = 0;
  for (let i = 1; i < argc; i++) {
    const e = dbFind(c.db, argPtr(i), argLen(i));
    if (!e) continue;
    dbDeleteEntry(c.db, e);
    signalModified(c.db, argPtr(i), argLen(i));
    notify(NOTIFY_GENERIC, "del", argPtr(i), argLen(i), c.db);
    removed++;
  }
  dirtyAdd(removed);
  replyI64(c, removed);
}

function exists(c: Client): void {
  let found = 0;
  for (let i = 1; i < argc; i++) if (lookupRead(c, i)) found++;
  replyI64(c, found);
}

function type(c: Client): void {
  const e = dbFind(c.db, argPtr(1), argLen(1));
  replyStatus(c, e ? typeName(changetype<Obj>(entryValue(e)).type) : "none");
}

function renameGeneric(c: Client, onlyIfNone: bool): void {
  const same = argLen(1) == argLen(2) && equal(argPtr(1), argPtr(2), argLen(1));
  const e = dbFind(c.db, argPtr(1), argLen(1));
  if (!e) {
    replyNoKey(c);
    return;
  }
  if (same) {
    if (onlyIfNone) replyI64(c, 0);
    else replyOk(c);
    return;
  }
  const target = dbFind(c.db, argPtr(2), argLen(2));
  if (target) {
    if (onlyIfNone) {
      replyI64(c, 0);
      return;
    }
    dbDeleteEntry(c.db, target);
  }
  const when = entryExpire(c.db, e);
  const value = dbTake(c.db, e);
  let fresh = dbAdd(c.db, argPtr(2), argLen(2), value);
  if (fresh && when >= 0) expireSet(c.db, fresh, when);
  if (!fresh) {
    dbAdd(c.db, argPtr(1), argLen(1), value); // its own room was just given back
    replyOom(c);
    return;
  }
  signalModified(c.db, argPtr(1), argLen(1));
  signalModified(c.db, argPtr(2), argLen(2));
  notify(NOTIFY_GENERIC, "rename_from", argPtr(1), argLen(1), c.db);
  notify(NOTIFY_GENERIC, "rename_to", argPtr(2), argLen(2), c.db);
  dirtyAdd(1);
  if (onlyIfNone) replyI64(c, 1);
  else replyOk(c);
}
function rename(c: Client): void {
  renameGeneric(c, false);
}
function renamenx(c: Client): void {
  renameGeneric(c, true);
}

/** The database an argument names, or -1 after the error was replied. */
function databaseArg(c: Client, i: i32): i32 {
  if (!parseI64(argPtr(i), argLen(i))) {
    replyNotInteger(c);
    return -1;
  }
  if (parsedI64 < 0 || parsedI64 >= cfg.databases) {
    replyError(c, "ERR DB index is out of range");
    return -1;
  }
  return <i32>parsedI64;
}

function move(c: Client): void {
  const to = databaseArg(c, 2);
  if (to < 0) return;
  if (<u32>to == c.db) {
    replyError(c, "ERR source and destination objects are the same");
    return;
  }
  const e = dbFind(c.db, argPtr(1), argLen(1));
  if (!e || dbFind(to, argPtr(1), argLen(1))) {
    replyI64(c, 0);
    return;
  }
  const when = entryExpire(c.db, e);
  const value = dbTake(c.db, e);
  const fresh = dbAdd(to, argPtr(1), argLen(1), value);
  if (!fresh) {
    dbAdd(c.db, argPtr(1), argLen(1), value);
    replyOom(c);
    return;
  }
  if (when >= 0) expireSet(to, fresh, when);
  signalModified(c.db, argPtr(1), argLen(1));
  signalModified(to, argPtr(1), argLen(1));
  notify(NOTIFY_GENERIC, "move_from", argPtr(1), argLen(1), c.db);
  notify(NOTIFY_GENERIC, "move_to", argPtr(1), argLen(1), to);
  dirtyAdd(1);
  replyI64(c, 1);
}

function copyKey(c: Client): void {
  let to: i32 = c.db;
  let replace = false;
  for (let i = 3; i < argc; i++) {
    if (argIs(i, "replace")) replace = true;
    else if (argIs(i, "db") && i + 1 < argc) {
      to = databaseArg(c, ++i);
      if (to < 0) return;
    } else {
      replySyntaxError(c);
      return;
    }
  }
  if (<u32>to == c.db && argLen(1) == argLen(2) && equal(argPtr(1), argPtr(2), argLen(1))) {
    replyError(c, "ERR source and destination objects are the same");
    return;
  }
  const o = lookupRead(c, 1);
  if (!o) {
    replyI64(c, 0);
    return;
  }
  const when = entryExpire(c.db, lastEntry);
  const target = dbFind(to, argPtr(2), argLen(2));
  if (target && !replace) {
    replyI64(c, 0);
    return;
  }
  const obj = changetype<Obj>(o);
  const twin = <u32>obj.type == STRING ? strDuplicate(obj) : containerDuplicate(obj);
  if (!twin) {
    replyOom(c);
    return;
  }
  if (target) dbDeleteEntry(to, target);
  const fresh = dbAdd(to, argPtr(2), argLen(2), twin);
  if (!fresh) {
    objRelease(changetype<Obj>(twin));
    replyOom(c);
    return;
  }
  if (when >= 0) expireSet(to, fresh, when);
  signalModified(to, argPtr(2), argLen(2));
  notify(NOTIFY_GENERIC, "copy_to", argPtr(2), argLen(2), to);
  dirtyAdd(1);
  replyI64(c, 1);
}

function randomkey(c: Client): void {
  const e = dbRandom(c.db);
  if (e) replyBulk(c, entryKey(e), entryLength(e));
  else replyNull(c);
}

function dbsize(c: Client): void {
  replyI64(c, dbSize(c.db));
}

function flushOptions(c: Client): bool {
  if (argc == 1 || (argc == 2 && (argIs(1, "sync") || argIs(1, "async")))) return true;
  replySyntaxError(c);
  return false;
}
function emptyOne(db: u32): u32 {
  touchWatchedAll(db, -1);
  dbBeforeFlush(db);
  return dbEmpty(db);
}
function flushdb(c: Client): void {
  if (!flushOptions(c)) return;
  const n = emptyOne(c.db);
  // Even an empty database is propagated, as in Redis: the file may hold keys that expired since.
  dirtyAdd(<i64>n + 1);
  replyOk(c);
}
function flushall(c: Client): void {
  if (!flushOptions(c)) return;
  let n: i64 = 0;
  for (let i = 0; i < cfg.databases; i++) n += emptyOne(i);
  dirtyAdd(n + 1);
  replyOk(c);
}

function swapdb(c: Client): void {
  if (!parseI64(argPtr(1), argLen(1))) {
    replyError(c, "ERR invalid first DB index");
    return;
  }
  const a = parsedI64;
  if (!parseI64(argPtr(2), argLen(2))) {
    replyError(c, "ERR invalid second DB index");
    return;
  }
  const b = parsedI64;
  if (a < 0 || b < 0 || a >= cfg.databases || b >= cfg.databases) {
    replyError(c, "ERR DB index is out of range");
    return;
  }
  if (a != b) {
    touchWatchedAll(<u32>a, <i32>b);
    touchWatchedAll(<u32>b, <i32>a);
    dbBeforeFlush(<u32>a);
    dbBeforeFlush(<u32>b);
    dbSwap(<u32>a, <u32>b);
    signalReadyAll(<u32>a);
    signalReadyAll(<u32>b);
  }
  dirtyAdd(1);
  replyOk(c);
}

function object(c: Client): void {
  replyError(c, "ERR wrong number of arguments for 'object' command");
}
/** The value for OBJECT, without touching its access time; replies the null when there is none. */
function peek(c: Client): usize {
  const e = dbFind(c.db, argPtr(2), argLen(2));
  if (!e) {
    replyNull(c);
    return 0;
  }
  return entryValue(e);
}
function objectEncoding(c: Client): void {
  const o = peek(c);
  if (o) replyBulkText(c, encodingName(changetype<Obj>(o)));
}
function objectRefcount(c: Client): void {
  const o = peek(c);
  if (o) replyI64(c, changetype<Obj>(o).refs);
}
function objectIdletime(c: Client): void {
  const o = peek(c);
  if (!o) return;
  if (cfg.maxmemoryPolicy & 2) {
    replyError(c, "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.");
    return;
  }
  replyI64(c, idleSeconds(changetype<Obj>(o)));
}
function objectFreq(c: Client): void {
  const o = peek(c);
  if (!o) return;
  if (!(cfg.maxmemoryPolicy & 2)) {
    replyError(c, "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.");
    return;
  }
  replyI64(c, lfuFrequency(changetype<Obj>(o)));
}
function objectHelp(c: Client): void {
  helpBegin(c, "OBJECT");
  helpLine(c, "ENCODING <key>");
  helpLine(c, "    Return the kind of internal representation used in order to store the value");
  helpLine(c, "    associated with a <key>.");
  helpLine(c, "FREQ <key>");
  helpLine(c, "    Return the access frequency index of the <key>. The returned integer is");
  helpLine(c, "    proportional to the logarithm of the recent access frequency of the key.");
  helpLine(c, "IDLETIME <key>");
  helpLine(c, "    Return the idle time of the <key>, that is the approximated number of");
  helpLine(c, "    seconds elapsed since the last access to the key.");
  helpLine(c, "REFCOUNT <key>");
  helpLine(c, "    Return the number of references of the value associated with the specified");
  helpLine(c, "    <key>.");
  helpEnd(c);
}

export function registerKeyCommands(): void {
  registerExpireCommands();
  registerScanCommands();
  command("del", del, -2, CMD_WRITE, ACL_KEYSPACE, 1, -1, 1);
  describe("generic", "1.0.0", "Delete a key", "O(N) where N is the number of keys that will be removed.");
  command("unlink", del, -2, CMD_WRITE | CMD_FAST, ACL_KEYSPACE, 1, -1, 1);
  describe("generic", "4.0.0", "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non blocking.", "O(1) for each key removed regardless of its size.");
  command("exists", exists, -2, CMD_READONLY | CMD_FAST, ACL_KEYSPACE, 1, -1, 1);
  describe("generic", "1.0.0", "Determine if a key exists", "O(N) where N is the number of keys to check.");
  command("touch", exists, -2, CMD_READONLY | CMD_FAST, ACL_KEYSPACE, 1, -1, 1);
  describe("generic", "3.2.1", "Alters the last access time of a key(s). Returns the number of existing keys specified.", "O(N) where N is the number of keys that will be touched.");
  command("type", type, 2, CMD_READONLY | CMD_FAST, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "1.0.0", "Determine the type stored at key", "O(1)");
  command("rename", rename, 3, CMD_WRITE, ACL_KEYSPACE, 1, 2, 1);
  describe("generic", "1.0.0", "Rename a key", "O(1)");
  command("renamenx", renamenx, 3, CMD_WRITE | CMD_FAST, ACL_KEYSPACE, 1, 2, 1);
  describe("generic", "1.0.0", "Rename a key, only if the new key does not exist", "O(1)");
  command("move", move, 3, CMD_WRITE | CMD_FAST, ACL_KEYSPACE, 1, 1, 1);
  describe("generic", "1.0.0", "Move a key to another database", "O(1)");
  command("copy", copyKey, -3, CMD_WRITE | CMD_DENYOOM, ACL_KEYSPACE, 1, 2, 1);
  describe("generic", "6.2.0", "Copy a key", "O(N) worst case for collections, where N is the number of nested items. O(1) for string values.");
  command("randomkey", randomkey, 1, CMD_READONLY, ACL_KEYSPACE, 0, 0, 0);
  describe("generic", "1.0.0", "Return a random key from the keyspace", "O(1)");
  command("dbsize", dbsize, 1, CMD_READONLY | CMD_FAST, ACL_KEYSPACE, 0, 0, 0);
  describe("server", "1.0.0", "Return the number of keys in the selected database", "O(1)");
  command("flushdb", flushdb, -1, CMD_WRITE, ACL_KEYSPACE | ACL_DANGEROUS, 0, 0, 0);
  describe("server", "1.0.0", "Remove all keys from the current database", "O(N) where N is the number of keys in the selected database");
  command("flushall", flushall, -1, CMD_WRITE, ACL_KEYSPACE | ACL_DANGEROUS, 0, 0, 0);
  describe("server", "1.0.0", "Remove all keys from all databases", "O(N) where N is the total number of keys in all databases");
  command("swapdb", swapdb, 3, CMD_WRITE | CMD_FAST, ACL_KEYSPACE | ACL_DANGEROUS, 0, 0, 0);
  describe("server", "4.0.0", "Swaps two Redis databases", "O(N) where N is the count of clients watching or blocking on keys from both databases.");
  const o = command("object", object, -2, 0, ACL_KEYSPACE, 0, 0, 0);
  describe("generic", "2.2.3", "A container for object introspection commands", "Depends on subcommand.");
  subcommand(o, "object|encoding", objectEncoding, 3, CMD_READONLY, ACL_KEYSPACE).firstKey = 2;
  describe("generic", "2.2.3", "Inspect the internal encoding of a Redis object", "O(1)");
  subcommand(o, "object|refcount", objectRefcount, 3, CMD_READONLY, ACL_KEYSPACE).firstKey = 2;
  describe("generic", "2.2.3", "Get the number of references to the value of the key", "O(1)");
  subcommand(o, "object|idletime", objectIdletime, 3, CMD_READONLY, ACL_KEYSPACE).firstKey = 2;
  describe("generic", "2.2.3", "Get the time since a Redis object was last accessed", "O(1)");
  subcommand(o, "object|freq", objectFreq, 3, CMD_READONLY, ACL_KEYSPACE).firstKey = 2;
  describe("generic", "4.0.0", "Get the logarithmic access frequency counter of a Redis object", "O(1)");
  subcommand(o, "object|help", objectHelp, 2, CMD_LOADING | CMD_STALE, ACL_KEYSPACE);
  describe("generic", "6.2.0", "Show helpful text about the different subcommands", "O(1)");
  for (let m = o.children; m; m = changetype<Command>(m).sibling) {
    const k = changetype<Command>(m);
    if (k.firstKey) {
      k.lastKey = k.firstKey;
      k.keyStep = 1;
    }
  }
}
