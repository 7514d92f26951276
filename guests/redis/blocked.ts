/**
 * Clients that wait for keys (BLPOP and its kin).
 *
 * A blocking handler tries first. When there is nothing it calls `blockOnKeys(c, firstArg, count, timeoutMs, type)` and returns without
 * a reply. When one of the keys comes to hold a value of `type`, the same command is run again (flag CLIENT_REEXECUTING) with
 * `readyKey`/`readyKeyLen` naming that key: the handler must look at that key only, and either reply or block again (the client then keeps
 * its place in the queue). Clients are served in the order in which they blocked. A timeout answers the null array.
 * Readers of streams wait for growth and, in groups, for the key's end: stream commands and removals signal both.
 *
 * Readiness is signalled by dbAdd/dbSet (the key appeared, or changed its type); a value that grows in place needs no signal, as
 * nobody waits for a key that holds something.
 */
import { alloc, free, tryAlloc } from "../lib/raw/alloc";
import {
  argc,
  argcSet,
  argLen,
  argPtr,
  argv,
  argvCap,
  argvSwap,
  Client,
  CLIENT_BLOCKED,
  CLIENT_CLOSE_ASAP,
  CLIENT_DENY_BLOCKING,
  CLIENT_READY_QUEUED,
  CLIENT_REEXECUTING,
  rawLen,
  rawPtr,
  rawSet,
} from "./client";
import { Command } from "./command";
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
import { call } from "./dispatch";
import { dbAt, dbFind } from "./keyspace";
import { Obj, STREAM } from "./object";
import { replyError, replyNullArray, replyOom } from "./reply";
import { monoMs, stats } from "./server";
import { sys_ring_timer, sys_ring_timer_cancel } from "../lib/sys";

/** Not 0 while a blocked command runs again: the key that became ready. */
export let readyKey: usize = 0;
export let readyKeyLen: u32 = 0;
/** There are keys signalled ready. */
export let readyPending: bool = false;
let reblocked: bool = false;

@unmanaged
class Waiter {
  client: usize;
  db: u32;
  key: usize; // entry of the database's dict of waited-for keys
  next: usize; // of this key, in order of arrival
  prev: usize;
  nextOwn: usize; // of this client
}
/** A waited-for key's dict entry points to this. */
@unmanaged
class WaitQueue {
  head: usize;
  tail: usize;
  ready: u32; // already in the list of ready keys
}
@unmanaged
class Ready {
  next: usize;
  db: u32;
  keyLen: u32;
}
const READY: usize = 12;
let readyHead: usize = 0;
let readyTail: usize = 0;
let waiters: u32 = 0;
/** Timer events carry (client id << 2 | TIMER_BLOCK). */
export const TIMER_BLOCK: u32 = 1;
export let blockedHead: usize = 0;
/** Clients that were unblocked and may have unread input. */
export let unblockedHead: usize = 0;

/** Makes the client wait; see the file's head. Inside EXEC it answers the null array instead. */
export function blockOnKeys(c: Client, firstArg: i32, count: i32, timeoutMs: f64, type: u32): void {
  if (c.flags & CLIENT_REEXECUTING) {
    reblocked = true;
    return;
  }
  if (c.flags & CLIENT_DENY_BLOCKING) {
    replyNullArray(c);
    return;
  }
  let bytes: usize = 0;
  for (let i = 0; i < argc; i++) bytes += argLen(i);
  const block = tryAlloc(8 + (<usize>argc << 3) + bytes);
  if (!block) {
    replyOom(c);
    return;
  }
  store<u32>(block, argc);
  let at = block + 8 + (<usize>argc << 3);
  for (let i = 0; i < argc; i++) {
    memory.copy(at, argPtr(i), argLen(i));
    store<usize>(block + 8 + (<usize>i << 3), at);
    store<u32>(block + 8 + (<usize>i << 3), argLen(i), 4);
    at += argLen(i);
  }
  c.blockArgs = block;
  c.blockKind = type;
  c.blockDeadline = timeoutMs > 0 ? monoMs + timeoutMs : 0;
  c.blockTimer = timeoutMs > 0 ? sys_ring_timer(timeoutMs, (<u32>c.id << 2) | TIMER_BLOCK) : 0;
  c.flags |= CLIENT_BLOCKED;
  c.blockedPrev = 0;
  c.blockedNext = blockedHead;
  if (blockedHead) changetype<Client>(blockedHead).blockedPrev = changetype<usize>(c);
  blockedHead = changetype<usize>(c);
  stats.blockedClients++;
  const d = dbAt(c.db);
  if (!d.blocked) d.blocked = changetype<usize>(dictNew());
  for (let i = 0; i < count; i++) {
    const key = argPtr(firstArg + i);
    const n = argLen(firstArg + i);
    const e = dictFindOrAdd(changetype<Dict>(d.blocked), key, n);
    if (!e) continue;
    let q = entryValue(e);
    if (!q) {
      q = alloc(offsetof<WaitQueue>());
      memory.fill(q, 0, offsetof<WaitQueue>());
      entrySetValue(e, q);
    }
    const queue = changetype<WaitQueue>(q);
    if (queue.tail && changetype<Waiter>(queue.tail).client == changetype<usize>(c)) continue; // the same key twice
    const p = alloc(offsetof<Waiter>());
    const w = changetype<Waiter>(p);
    w.client = changetype<usize>(c);
    w.db = c.db;
    w.key = e;
    w.next = 0;
    w.prev = queue.tail;
    if (queue.tail) changetype<Waiter>(queue.tail).next = p;
    else queue.head = p;
    queue.tail = p;
    w.nextOwn = c.blockHead;
    c.blockHead = p;
    waiters++;
  }
}

/** Takes the client out of all queues. Its unread input is parsed at the end of the turn. */
export function unblock(c: Client): void {
  if (!(c.flags & CLIENT_BLOCKED)) return;
  let p = c.blockHead;
  c.blockHead = 0;
  while (p) {
    const w = changetype<Waiter>(p);
    const next = w.nextOwn;
    const queue = changetype<WaitQueue>(entryValue(w.key));
    if (w.next) changetype<Waiter>(w.next).prev = w.prev;
    else queue.tail = w.prev;
    if (w.prev) changetype<Waiter>(w.prev).next = w.next;
    else queue.head = w.next;
    if (!queue.head) {
      free(changetype<usize>(queue));
      dictUnlink(changetype<Dict>(dbAt(w.db).blocked), w.key);
      free(w.key);
    }
    free(p);
    waiters--;
    p = next;
  }
  if (c.blockTimer) sys_ring_timer_cancel(c.blockTimer);
  c.blockTimer = 0;
  free(c.blockArgs);
  c.blockArgs = 0;
  c.flags &= ~CLIENT_BLOCKED;
  if (c.blockedNext) changetype<Client>(c.blockedNext).blockedPrev = c.blockedPrev;
  if (c.blockedPrev) changetype<Client>(c.blockedPrev).blockedNext = c.blockedNext;
  else blockedHead = c.blockedNext;
  stats.blockedClients--;
  queueUnblocked(c);
}

/** The client's input is to be looked at before the turn ends. */
export function queueUnblocked(c: Client): void {
  if (c.flags & CLIENT_READY_QUEUED) return;
  c.flags |= CLIENT_READY_QUEUED;
  c.unblockedNext = unblockedHead;
  unblockedHead = changetype<usize>(c);
}
export function unblockedTake(): usize {
  const p = unblockedHead;
  if (p) {
    unblockedHead = changetype<Client>(p).unblockedNext;
    changetype<Client>(p).flags &= ~CLIENT_READY_QUEUED;
  }
  return p;
}
/** The client is being freed. */
export function blockedClientFree(c: Client): void {
  unblock(c);
  if (!(c.flags & CLIENT_READY_QUEUED)) return;
  if (unblockedHead == changetype<usize>(c)) unblockedHead = c.unblockedNext;
  else {
    let p = unblockedHead;
    while (p && changetype<Client>(p).unblockedNext != changetype<usize>(c)) p = changetype<Client>(p).unblockedNext;
    if (p) changetype<Client>(p).unblockedNext = c.unblockedNext;
  }
}

/** Its time is over: the null, or the error CLIENT UNBLOCK asked for. */
export function unblockTimeout(c: Client, withError: bool): void {
  if (withError) replyError(c, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
  else replyNullArray(c);
  unblock(c);
}
/** A TIMER event whose user word has TIMER_BLOCK. */
export function blockTimerEvent(user: u32): void {
  for (let p = blockedHead; p; p = changetype<Client>(p).blockedNext) {
    const c = changetype<Client>(p);
    if (((<u32>c.id << 2) | TIMER_BLOCK) == user) {
      c.blockTimer = 0;
      unblockTimeout(c, false);
      return;
    }
  }
}

/** Called by the keyspace when a key appears or changes its type. */
// @ts-ignore: decorator
@inline
export function signalReady(db: u32, entry: usize): void {
  if (waiters) signalSlow(db, entryKey(entry), entryLength(entry));
}
function signalSlow(db: u32, key: usize, n: u32): void {
  const d = dbAt(db);
  if (!d.blocked) return;
  const e = dictFind(changetype<Dict>(d.blocked), key, n);
  if (!e) return;
  const queue = changetype<WaitQueue>(entryValue(e));
  if (queue.ready) return;
  const p = tryAlloc(READY + n);
  if (!p) return;
  queue.ready = 1;
  const r = changetype<Ready>(p);
  r.next = 0;
  r.db = db;
  r.keyLen = n;
  memory.copy(p + READY, key, n);
  if (readyTail) changetype<Ready>(readyTail).next = p;
  else readyHead = p;
  readyTail = p;
  readyPending = true;
}
/** After SWAPDB: every waited-for key that exists now is ready. */
export function signalReadyAll(db: u32): void {
  const d = dbAt(db);
  if (!waiters || !d.blocked) return;
  const blocked = changetype<Dict>(d.blocked);
  for (let e = dictFirst(blocked); e; e = dictNext(blocked, e)) {
    if (dictFind(changetype<Dict>(d.keys), entryKey(e), entryLength(e))) signalSlow(db, entryKey(e), entryLength(e));
  }
}

/** The database was emptied or swapped: whoever waits there has to look again. */
export function signalWaitersAll(db: u32): void {
  const d = dbAt(db);
  if (!waiters || !d.blocked) return;
  const blocked = changetype<Dict>(d.blocked);
  for (let e = dictFirst(blocked); e; e = dictNext(blocked, e)) signalSlow(db, entryKey(e), entryLength(e));
}

/** Serves those who wait for the keys signalled, which may make more keys ready. After every command. */
export function handleReadyKeys(): void {
  if (serving) return;
  serving = true;
  const oldArgc = argc;
  const oldCap = argvCap;
  const oldRaw = rawPtr;
  const oldRawLen = rawLen;
  const oldArgv = argv;
  while (readyHead) {
    const p = readyHead;
    const r = changetype<Ready>(p);
    readyHead = r.next;
    if (!readyHead) readyTail = 0;
    serve(r.db, p + READY, r.keyLen);
    free(p);
  }
  readyPending = false;
  argvSwap(oldArgv, oldCap);
  argcSet(oldArgc);
  rawSet(oldRaw, oldRawLen);
  serving = false;
}
let serving: bool = false;

function serve(db: u32, key: usize, n: u32): void {
  const blocked = dbAt(db).blocked;
  if (!blocked) return;
  const e = dictFind(changetype<Dict>(blocked), key, n);
  if (!e) return;
  const queue = changetype<WaitQueue>(entryValue(e));
  queue.ready = 0;
  let p = queue.head;
  // Those who block again while being served are behind the tail as it is now.
  const last = queue.tail;
  while (p) {
    const w = changetype<Waiter>(p);
    const next: usize = p == last ? <usize>0 : w.next;
    const c = changetype<Client>(w.client);
    const entry = dbFind(db, key, n);
    const type: u32 = entry ? <u32>changetype<Obj>(entryValue(entry)).type : 255;
    if (c.blockKind == STREAM && type != STREAM) streamGone(c);
    else if (type == c.blockKind && !(c.flags & CLIENT_CLOSE_ASAP)) reexecute(c, key, n);
    p = next;
  }
}

/** The stream is gone: who reads it for a group learns it, who just reads it goes on waiting. */
function streamGone(c: Client): void {
  const name = changetype<string>(changetype<Command>(c.lastCommand).name);
  if (name.length != 10) return; // "xreadgroup"
  replyError(c, "UNBLOCKED the stream key no longer exists");
  unblock(c);
}

function reexecute(c: Client, key: usize, n: u32): void {
  const block = c.blockArgs;
  const count = load<u32>(block);
  argvSwap(block + 8, count);
  argcSet(count);
  rawSet(0, 0);
  reblocked = false;
  readyKey = key;
  readyKeyLen = n;
  c.flags |= CLIENT_REEXECUTING;
  call(c, changetype<Command>(c.lastCommand));
  c.flags &= ~CLIENT_REEXECUTING;
  readyKey = 0;
  if (!reblocked) unblock(c);
}
