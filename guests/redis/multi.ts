/**
 * MULTI/EXEC/DISCARD and WATCH.
 *
 * A queued command is one block: Command u32, argc u32, raw length u32 (0: the request was inline), pairs (pointer, length)
 * into the block's own copy of the bytes. Watchers hang in a dict per database: key -> list of `Watch`, and in a list per client.
 */
import { alloc, free, tryAlloc, tryRealloc } from "../lib/raw/alloc";
import { equal } from "../lib/raw/bytes";
import {
  argc,
  argcSet,
  argLen,
  argPtr,
  argv,
  argvCap,
  argvSwap,
  Client,
  CLIENT_DENY_BLOCKING,
  CLIENT_DIRTY_CAS,
  CLIENT_DIRTY_EXEC,
  CLIENT_EXECUTING,
  CLIENT_MULTI,
  rawLen,
  rawPtr,
  rawSet,
} from "./client";
import {
  ACL_TRANSACTION,
  CMD_ALLOW_BUSY,
  CMD_FAST,
  CMD_LOADING,
  CMD_NOSCRIPT,
  CMD_SKIP_SLOWLOG,
  CMD_STALE,
  Command,
  command,
  describe,
} from "./command";
import {
  Dict,
  dictFind,
  dictFindOrAdd,
  dictFirst,
  dictNew,
  dictNext,
  dictUnlink,
  entryKey,
  entryLength,
  entrySetValue,
  entryValue,
} from "./dict";
import { call, CMD_ALWAYS, CMD_EXEC, CMD_NEVER_QUEUED, errorName, execBegin, execEnd } from "./dispatch";
import { dbAt, dbDict, entryExpired } from "./keyspace";
import {
  errorBegin,
  errorEnd,
  errorText,
  replyArray,
  replyError,
  replyNullArray,
  replyOk,
  replyOom,
  replyStatus,
} from "./reply";

import { shardUnbind } from "./shard-route";

const RECORD: usize = 12;

/** Keeps the request in argc/argv for EXEC. */
export function multiQueue(c: Client, m: Command): void {
  let bytes: usize = rawPtr ? <usize>rawLen : 0;
  if (!rawPtr) for (let i = 0; i < argc; i++) bytes += argLen(i);
  const block = tryAlloc(RECORD + (<usize>argc << 3) + bytes);
  let room = c.multiCount < c.multiCap;
  if (block && !room) {
    const cap = c.multiCap ? c.multiCap << 1 : 8;
    const q = tryRealloc(c.multiQueue, <usize>cap << 2);
    if (q) {
      c.multiQueue = q;
      c.multiCap = cap;
      room = true;
    }
  }
  if (!block || !room) {
    free(block);
    c.flags |= CLIENT_DIRTY_EXEC;
    replyOom(c);
    return;
  }
  store<usize>(block, changetype<usize>(m));
  store<u32>(block, argc, 4);
  store<u32>(block, rawPtr ? rawLen : 0, 8);
  const pairs = block + RECORD;
  const data = pairs + (<usize>argc << 3);
  if (rawPtr) {
    memory.copy(data, rawPtr, rawLen);
    for (let i = 0; i < argc; i++) {
      store<usize>(pairs + (<usize>i << 3), data + (argPtr(i) - rawPtr));
      store<u32>(pairs + (<usize>i << 3), argLen(i), 4);
    }
  } else {
    let at = data;
    for (let i = 0; i < argc; i++) {
      memory.copy(at, argPtr(i), argLen(i));
      store<usize>(pairs + (<usize>i << 3), at);
      store<u32>(pairs + (<usize>i << 3), argLen(i), 4);
      at += argLen(i);
    }
  }
  store<usize>(c.multiQueue + (<usize>c.multiCount << 2), block);
  c.multiCount++;
  c.multiBytes += <u32>bytes;
  c.multiFlags |= m.flags;
  replyStatus(c, "QUEUED");
}

function queueFree(c: Client): void {
  for (let i: u32 = 0; i < c.multiCount; i++) free(load<usize>(c.multiQueue + (<usize>i << 2)));
  free(c.multiQueue);
  c.multiQueue = 0;
  c.multiCount = 0;
  c.multiCap = 0;
  c.multiBytes = 0;
  c.multiFlags = 0;
}

/** Of the queued command that `queuedAt` has found: the request as it came (0: inline), its arguments. */
export let queuedRaw: usize = 0;
export let queuedRawLen: u32 = 0;
export let queuedCount: u32 = 0;
export let queuedArgs: usize = 0;
export function queuedAt(c: Client, i: u32): void {
  const block = load<usize>(c.multiQueue + (<usize>i << 2));
  queuedCount = load<u32>(block, 4);
  queuedRawLen = load<u32>(block, 8);
  queuedArgs = block + RECORD;
  queuedRaw = queuedRawLen ? queuedArgs + (<usize>queuedCount << 3) : 0;
}

/** Leaves MULTI without running anything. */
export function discardTransaction(c: Client): void {
  queueFree(c);
  c.flags &= ~(CLIENT_MULTI | CLIENT_DIRTY_CAS | CLIENT_DIRTY_EXEC);
  unwatchAll(c);
  if (c.boundShard) shardUnbind(c);
}
export function multiClientFree(c: Client): void {
  queueFree(c);
  unwatchAll(c);
}

/** EXEC was refused before it ran. */
export function execAborted(c: Client): void {
  discardTransaction(c);
}
export function execAbortText(c: Client, text: string): void {
  discardTransaction(c);
  errorBegin("EXECABORT Transaction discarded because of: ");
  errorText(text);
  errorEnd(c);
}
export function execAbortArity(c: Client, m: Command): void {
  discardTransaction(c);
  errorBegin("EXECABORT Transaction discarded because of: wrong number of arguments for '");
  errorName(m);
  errorText("' command");
  errorEnd(c);
}

function multi(c: Client): void {
  if (c.flags & CLIENT_MULTI) {
    replyError(c, "ERR MULTI calls can not be nested");
    return;
  }
  c.flags |= CLIENT_MULTI;
  replyOk(c);
}

function discard(c: Client): void {
  if (!(c.flags & CLIENT_MULTI)) {
    replyError(c, "ERR DISCARD without MULTI");
    return;
  }
  discardTransaction(c);
  replyOk(c);
}

function exec(c: Client): void {
  if (!(c.flags & CLIENT_MULTI)) {
    replyError(c, "ERR EXEC without MULTI");
    return;
  }
  if (watchedExpired(c)) c.flags |= CLIENT_DIRTY_CAS;
  if (c.flags & CLIENT_DIRTY_EXEC) {
    replyError(c, "EXECABORT Transaction discarded because of previous errors.");
    discardTransaction(c);
    return;
  }
  if (c.flags & CLIENT_DIRTY_CAS) {
    replyNullArray(c);
    discardTransaction(c);
    return;
  }
  unwatchAll(c);
  const queue = c.multiQueue;
  const count = c.multiCount;
  const denied = c.flags & CLIENT_DENY_BLOCKING;
  c.flags |= CLIENT_DENY_BLOCKING | CLIENT_EXECUTING;
  const oldCap = argvCap;
  const oldArgc = argc;
  const oldRaw = rawPtr;
  const oldRawLen = rawLen;
  const oldArgv = argv;
  const self = c.lastCommand;
  execBegin();
  replyArray(c, count);
  for (let i: u32 = 0; i < count; i++) {
    const block = load<usize>(queue + (<usize>i << 2));
    const n = load<u32>(block, 4);
    const raw = load<u32>(block, 8);
    argvSwap(block + RECORD, n);
    argcSet(n);
    rawSet(raw ? block + RECORD + (<usize>n << 3) : 0, raw);
    c.lastCommand = load<usize>(block);
    call(c, changetype<Command>(c.lastCommand));
  }
  c.lastCommand = self;
  execEnd(c);
  argvSwap(oldArgv, oldCap);
  argcSet(oldArgc);
  rawSet(oldRaw, oldRawLen);
  c.flags &= ~(CLIENT_EXECUTING | (denied ? 0 : CLIENT_DENY_BLOCKING));
  discardTransaction(c);
}

// --- WATCH -----------------------------------------------------------------------------------------------------------
@unmanaged
class Watch {
  client: usize;
  db: u32;
  expired: u32; // the key had expired when it was watched
  key: usize; // entry in the database's dict of watched keys
  next: usize; // of this key
  prev: usize;
  nextOwn: usize; // of this client
}
let watchCount: u32 = 0;

function watch(c: Client): void {
  if (c.flags & CLIENT_MULTI) {
    replyError(c, "ERR WATCH inside MULTI is not allowed");
    return;
  }
  if (!(c.flags & CLIENT_DIRTY_CAS)) {
    for (let i = 1; i < argc; i++) watchKey(c, argPtr(i), argLen(i));
  }
  replyOk(c);
}

function watchKey(c: Client, key: usize, n: u32): void {
  for (let p = c.watchHead; p; p = changetype<Watch>(p).nextOwn) {
    const w = changetype<Watch>(p);
    if (w.db == c.db && entryLength(w.key) == n && equal(entryKey(w.key), key, n)) return;
  }
  const d = dbAt(c.db);
  if (!d.watched) d.watched = changetype<usize>(dictNew());
  const e = dictFindOrAdd(changetype<Dict>(d.watched), key, n);
  if (!e) {
    c.flags |= CLIENT_DIRTY_CAS; // no memory to watch: EXEC must not succeed
    return;
  }
  const p = alloc(offsetof<Watch>());
  const w = changetype<Watch>(p);
  const live = dictFind(dbDict(c.db), key, n);
  w.client = changetype<usize>(c);
  w.db = c.db;
  w.expired = live && entryExpired(c.db, live) ? 1 : 0;
  w.key = e;
  w.prev = 0;
  w.next = entryValue(e);
  if (w.next) changetype<Watch>(w.next).prev = p;
  entrySetValue(e, p);
  w.nextOwn = c.watchHead;
  c.watchHead = p;
  watchCount++;
}

export function unwatchAll(c: Client): void {
  let p = c.watchHead;
  c.watchHead = 0;
  while (p) {
    const w = changetype<Watch>(p);
    const next = w.nextOwn;
    if (w.next) changetype<Watch>(w.next).prev = w.prev;
    if (w.prev) changetype<Watch>(w.prev).next = w.next;
    else if (w.next) entrySetValue(w.key, w.next);
    else {
      dictUnlink(changetype<Dict>(dbAt(w.db).watched), w.key);
      free(w.key);
    }
    free(p);
    watchCount--;
    p = next;
  }
}

function unwatch(c: Client): void {
  unwatchAll(c);
  c.flags &= ~CLIENT_DIRTY_CAS;
  if (c.boundShard && !(c.flags & CLIENT_EXECUTING)) shardUnbind(c);
  replyOk(c);
}

/** Marks every client that watches the key: its EXEC will fail. */
// @ts-ignore: decorator
@inline
export function touchWatched(db: u32, key: usize, n: u32): void {
  if (watchCount) touchSlow(db, key, n);
}
function touchSlow(db: u32, key: usize, n: u32): void {
  const d = dbAt(db);
  if (!d.watched) return;
  const e = dictFind(changetype<Dict>(d.watched), key, n);
  if (e) touchEntry(db, e);
}
function touchEntry(db: u32, e: usize): void {
  for (let p = entryValue(e); p; p = changetype<Watch>(p).next) {
    const w = changetype<Watch>(p);
    if (w.expired) {
      // It had expired when it was watched: its removal is no change, its return is one.
      if (!dictFind(dbDict(db), entryKey(e), entryLength(e))) {
        w.expired = 0;
        continue;
      }
      w.expired = 0;
    }
    changetype<Client>(w.client).flags |= CLIENT_DIRTY_CAS;
  }
}

/** Before a database is emptied (`other` < 0) or takes the keys of database `other`: touches what is watched and exists in either. */
export function touchWatchedAll(db: u32, other: i32): void {
  const d = dbAt(db);
  if (!watchCount || !d.watched) return;
  const watched = changetype<Dict>(d.watched);
  for (let e = dictFirst(watched); e; e = dictNext(watched, e)) {
    const here = dictFind(dbDict(db), entryKey(e), entryLength(e));
    const there = other >= 0 ? dictFind(dbDict(other), entryKey(e), entryLength(e)) : 0;
    if (!here && !there) continue;
    for (let p = entryValue(e); p; p = changetype<Watch>(p).next) {
      const w = changetype<Watch>(p);
      if (w.expired) {
        if (!there) {
          w.expired = 0; // expired, now gone: no change anybody could see
          continue;
        }
        if (entryExpired(other, there)) continue;
      } else if (!here && there && entryExpired(other, there)) {
        w.expired = 1;
        continue;
      }
      changetype<Client>(w.client).flags |= CLIENT_DIRTY_CAS;
    }
  }
}

/** Whether a watched key has expired since. */
function watchedExpired(c: Client): bool {
  for (let p = c.watchHead; p; p = changetype<Watch>(p).nextOwn) {
    const w = changetype<Watch>(p);
    if (w.expired) continue;
    const e = dictFind(dbDict(w.db), entryKey(w.key), entryLength(w.key));
    if (e && entryExpired(w.db, e)) return true;
  }
  return false;
}

export function registerMultiCommands(): void {
  const base = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY;
  command("multi", multi, 1, base | CMD_FAST | CMD_NEVER_QUEUED, ACL_TRANSACTION, 0, 0, 0);
  describe("transactions", "1.2.0", "Mark the start of a transaction block", "O(1)");
  command("exec", exec, 1, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SKIP_SLOWLOG | CMD_NEVER_QUEUED | CMD_EXEC, ACL_TRANSACTION, 0, 0, 0);
  describe("transactions", "1.2.0", "Execute all commands issued after MULTI", "Depends on commands in the transaction");
  command("discard", discard, 1, base | CMD_FAST | CMD_NEVER_QUEUED | CMD_ALWAYS, ACL_TRANSACTION, 0, 0, 0);
  describe("transactions", "2.0.0", "Discard all commands issued after MULTI", "O(N), when N is the number of queued commands");
  command("watch", watch, -2, base | CMD_FAST | CMD_NEVER_QUEUED, ACL_TRANSACTION, 1, -1, 1);
  describe("transactions", "2.2.0", "Watch the given keys to determine execution of the MULTI/EXEC block", "O(1) for every key.");
  command("unwatch", unwatch, 1, base | CMD_FAST, ACL_TRANSACTION, 0, 0, 0);
  describe("transactions", "2.2.0", "Forget about all watched keys", "O(1)");
}
