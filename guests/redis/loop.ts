/**
 * The turn: events in, commands run, then (before sleep) the AOF is written and each client's output leaves in one piece.
 *
 * A chunk handed to the device stays in its client's list of flights until SENT. A client that is closed leaves its flights
 * without an owner; each chunk goes back to the pool on its own SENT.
 */
import { alloc, free, hasRoomIo, notePeak, realloc } from "../lib/raw/alloc";
import { aofBeforeSleep, aofCron, aofFileEvent } from "./aof";
import { rewriteSlice, TIMER_REWRITE } from "./aof-rewrite";
import { blockedClientFree, blockTimerEvent, queueUnblocked, TIMER_BLOCK, unblockedTake } from "./blocked";
import { blobFree, blobNew, textCopy } from "../lib/raw/bytes";
import {
  Client,
  CLIENT_BLOCKED,
  CLIENT_CLOSE_AFTER_REPLY,
  CLIENT_CLOSE_ASAP,
  CLIENT_CLOSED,
  CLIENT_EOF,
  CLIENT_FORWARDING,
  CLIENT_FULL,
  CLIENT_MONITOR,
  CLIENT_PENDING,
  CLIENT_PUBSUB,
  clientCloseSoon,
  clientCount,
  clientLink,
  clientNew,
  clientsHead,
  clientUnlink,
  closeHead,
  closeHeadSet,
} from "./client";
import { dictRehash } from "./dict";
import { dbDict, expireDue } from "./keyspace";
import { monitorClientFree } from "./monitor";
import { multiClientFree } from "./multi";
import { formatI64 } from "../lib/raw/number";
import { pauseCron, pauseKind } from "./pause";
import { prefetchBegin, prefetchFrames, prefetchNote, prefetchRun } from "./prefetch";
import { runPostponed } from "./postponed";
import { clientParse, clientReceive } from "./protocol";
import { pubsubClientFree } from "./pubsub";
import { Chunk, chunkFree, outputSeal, pendingHead, pendingSet } from "./reply";
import {
  cfg,
  clockSet,
  log,
  LOG_NOTICE,
  LOG_WARNING,
  logBegin,
  logEnd,
  logInt,
  logText,
  monoMs,
  nowMs,
  shutdownAsked,
  stats,
  ustime,
} from "./server";
import { adminCron } from "./admin";
import {
  RING_ACCEPT,
  RING_EOF,
  RING_EVENT_SIZE,
  RING_FILE,
  RING_HANGUP,
  RING_MESSAGE,
  RING_MESSAGE_SENT,
  RING_RECV,
  RING_SENT,
  RING_SIGNAL,
  RING_TIMER,
  RingEvent,
  sys_close,
  sys_getpeername,
  sys_getsockname,
  sys_ring_attach,
  sys_ring_buffers,
  sys_ring_pause,
  sys_ring_send,
  sys_ring_setup,
  sys_setsockopt,
  sys_ring_timer,
  sys_ring_user,
  sys_write,
} from "../lib/sys";
import { linkReceive, linkSent, shardTotal } from "../lib/raw/shard-link";
import { shardClientFree } from "./shard-route";
import { shardTurnEnd } from "./shard-serve";
import { shutdownBegin, shutdownStep } from "./shutdown";

const EVENTS: i32 = 1024;
const BUFFER_BYTES: i32 = 16384;
const BUFFERS: i32 = 64;
const TIMER_CRON: u32 = 2;
const TIMER_EXPIRE: u32 = 3;
/** Expiry may take this long before it lets others run, and then waits so long: a quarter of the time at most, as in Redis. */
const EXPIRE_SLICE_US: i64 = 2500;
const EXPIRE_PAUSE_MS: f64 = 8;
const CRON_MS: f64 = 100;
/** Waiting replies below which a client that was too slow is served again. */
const OUTPUT_RESUME: u32 = 1 << 18;

let events: usize = 0;
/** Client of each descriptor (u32 words), or 0. */
let byFd: usize = 0;
let byFdCap: u32 = 0;
export let listener: i32 = -1;
/** Output of clients whose `gateSeq` or `readSeq` is above this waits (appendfsync always). aof-gate.ts moves it on. */
export let gateDurable: i64 = 0;
export function gateDurableSet(seq: i64): void {
  gateDurable = seq;
}

export function loopInit(): void {
  events = alloc(EVENTS * RING_EVENT_SIZE);
  sys_ring_setup(events, EVENTS);
  const buffers = alloc(BUFFER_BYTES * BUFFERS + 64);
  sys_ring_buffers(buffers, BUFFER_BYTES, BUFFERS);
  byFdCap = 1024;
  byFd = alloc(byFdCap << 2);
  memory.fill(byFd, 0, byFdCap << 2);
}
export function loopListen(fd: i32): void {
  listener = fd;
  sys_ring_attach(fd, 0);
}
export function loopStartCron(): void {
  sys_ring_timer(CRON_MS, TIMER_CRON);
}

// @ts-ignore: decorator
@inline
function clientOf(fd: i32): usize {
  return <u32>fd < byFdCap ? load<usize>(byFd + (<usize>fd << 2)) : 0;
}
function clientOfSet(fd: i32, p: usize): void {
  if (<u32>fd >= byFdCap) {
    const cap = max<u32>(byFdCap << 1, <u32>fd + 1);
    byFd = realloc(byFd, cap << 2);
    memory.fill(byFd + (byFdCap << 2), 0, (cap - byFdCap) << 2);
    byFdCap = cap;
  }
  store<usize>(byFd + (<usize>fd << 2), p);
}

// --- connections ---------------------------------------------------------------------------------------------------
const address = memory.data(128, 16);
const addressText = memory.data(64, 16);

/** "ip:port" of a sockaddr_in in `address`, as a blob. */
function addressBlob(): usize {
  let at = addressText;
  for (let i: usize = 0; i < 4; i++) {
    if (i) store<u8>(at++, 46);
    at += formatI64(at, load<u8>(address + 4 + i));
  }
  store<u8>(at++, 58);
  at += formatI64(at, (<i64>load<u8>(address + 2) << 8) | load<u8>(address + 3));
  return blobNew(addressText, at - addressText);
}

const refusal = memory.data(64);

function accept(fd: i32): void {
  if (fd < 0) return;
  const full = clientCount >= cfg.maxclients;
  if (full || !hasRoomIo(65536)) {
    const n = textCopy(refusal, full ? "-ERR max number of clients reached\r\n" : "-OOM no memory for another client\r\n");
    sys_write(fd, refusal, n);
    sys_close(fd);
    stats.rejectedConnections++;
    return;
  }
  const c = clientNew(fd);
  clientLink(c);
  clientOfSet(fd, changetype<usize>(c));
  sys_ring_user(fd, 0);
  c.created = nowMs;
  c.lastInteraction = nowMs;
  store<u32>(address + 120, 64);
  if (sys_getpeername(fd, address, address + 120) >= 0) c.peer = addressBlob();
  store<u32>(address + 120, 64);
  if (sys_getsockname(fd, address, address + 120) >= 0) c.local = addressBlob();
  stats.connections++;
}

/** Ends a connection now. Not from inside one of its commands: those use clientCloseSoon. */
export function clientFree(c: Client): void {
  if (shardTotal > 1) shardClientFree(c);
  blockedClientFree(c);
  multiClientFree(c);
  pubsubClientFree(c);
  monitorClientFree(c);
  if (c.flags & CLIENT_PENDING) {
    if (pendingHead == changetype<usize>(c)) pendingSet(c.pendingNext);
    else {
      let p = pendingHead;
      while (p && changetype<Client>(p).pendingNext != changetype<usize>(c)) p = changetype<Client>(p).pendingNext;
      if (p) changetype<Client>(p).pendingNext = c.pendingNext;
    }
  }
  if (c.flags & CLIENT_CLOSE_ASAP) {
    if (closeHead == changetype<usize>(c)) closeHeadSet(c.closeNext);
    else {
      let p = closeHead;
      while (p && changetype<Client>(p).closeNext != changetype<usize>(c)) p = changetype<Client>(p).closeNext;
      if (p) changetype<Client>(p).closeNext = c.closeNext;
    }
  }
  outputSeal(c);
  let p = c.outHead;
  while (p) {
    const next = changetype<Chunk>(p).next;
    chunkFree(p);
    p = next;
  }
  p = c.flightHead;
  while (p) {
    changetype<Chunk>(p).owner = 0;
    p = changetype<Chunk>(p).next;
  }
  if (clientOf(c.fd) == changetype<usize>(c)) clientOfSet(c.fd, 0);
  clientUnlink(c);
  sys_close(c.fd);
  free(c.query);
  free(c.partArgs);
  free(c.blockArgs);
  if (c.name) blobFree(c.name);
  if (c.peer) blobFree(c.peer);
  if (c.local) blobFree(c.local);
  free(changetype<usize>(c));
}

function closeMarked(): void {
  while (closeHead) clientFree(changetype<Client>(closeHead));
}

// --- output ------------------------------------------------------------------------------------------------------------
/** What is ready waits for the replies of other shards behind it, for they are near, as long as it is no more than this and none blocks. */
const HOLD_MAX: u32 = 32768;

/** Hands all output of a client to the device. */
function send(c: Client): void {
  if (c.outWait && !c.forwardWaits && c.outQueued < HOLD_MAX) return;
  outputSeal(c);
  let p = c.outHead;
  const fd = c.fd;
  // Up to the first reply that is to come from another shard; mostly there is none.
  const end = c.outWait;
  c.outHead = end;
  if (!end) c.outTail = 0;
  c.outReady = 0;
  while (p != end) {
    const k = changetype<Chunk>(p);
    const next = k.next;
    k.next = 0;
    if (k.used == 0 || c.flags & CLIENT_CLOSED) {
      c.outQueued -= k.used;
      chunkFree(p);
      p = next;
      continue;
    }
    if (c.flightTail) changetype<Chunk>(c.flightTail).next = p;
    else c.flightHead = p;
    c.flightTail = p;
    c.inFlight++;
    stats.netOutput += k.used;
    const r = sys_ring_send(fd, k.data, k.used, <u32>p);
    if (r < 0) {
      // Nothing went out: the chunk is ours again.
      c.flags |= CLIENT_CLOSED;
      sent(p);
      clientCloseSoon(c);
    }
    p = next;
  }
}

/** A chunk came back from the device. */
function sent(p: usize): void {
  const k = changetype<Chunk>(p);
  if (k.owner) {
    const c = changetype<Client>(k.owner);
    c.outQueued -= k.used;
    c.inFlight--;
    if (c.flightHead == p) {
      c.flightHead = k.next;
      if (!k.next) c.flightTail = 0;
    } else {
      let q = c.flightHead;
      while (q && changetype<Chunk>(q).next != p) q = changetype<Chunk>(q).next;
      if (q) {
        changetype<Chunk>(q).next = k.next;
        if (!k.next) c.flightTail = q;
      }
    }
    if (c.flags & CLIENT_CLOSE_AFTER_REPLY && c.inFlight == 0 && !c.outHead) clientCloseSoon(c);
    else if (c.flags & CLIENT_FULL && c.outQueued < OUTPUT_RESUME && !(c.flags & CLIENT_CLOSE_ASAP)) {
      c.flags &= ~CLIENT_FULL;
      sys_ring_pause(c.fd, 0);
      queueUnblocked(c);
    }
  }
  chunkFree(p);
}

/** The peer sends no more. What came before is answered, if somebody still reads. */
function inputEnded(c: Client): void {
  if (c.flags & CLIENT_FULL) c.flags |= CLIENT_EOF;
  else if (c.flags & (CLIENT_BLOCKED | CLIENT_FORWARDING) || (!c.outHead && !c.inFlight)) clientCloseSoon(c);
  else c.flags |= CLIENT_CLOSE_AFTER_REPLY;
}

/** Sends what may leave; what the AOF gate holds back stays in the list. */
export function flushOutput(): void {
  let p = pendingHead;
  pendingSet(0);
  while (p) {
    const c = changetype<Client>(p);
    const next = c.pendingNext;
    if ((c.gateSeq > gateDurable || c.readSeq > gateDurable) && !(c.flags & CLIENT_CLOSE_ASAP)) {
      c.pendingNext = pendingHead;
      pendingSet(p);
    } else {
      c.flags &= ~CLIENT_PENDING;
      if (!(c.flags & CLIENT_CLOSE_ASAP)) {
        send(c);
        if (c.inFlight == 0 && !c.outHead && c.flags & CLIENT_CLOSE_AFTER_REPLY) clientCloseSoon(c);
        else overLimit(c);
      }
    }
    p = next;
  }
}

const SOL_SOCKET: i32 = 1;
const SO_LINGER: i32 = 13;
/** struct linger { on, 0 seconds }: close(2) resets. */
const LINGER_RESET: usize = memory.data<i32>([1, 0]);

/** client-output-buffer-limit: the hard one at once, the soft one after its seconds. */
function overLimit(c: Client): bool {
  const bytes = <i64>c.outQueued;
  const pubsub = (c.flags & CLIENT_PUBSUB) != 0;
  const hard = c.flags & CLIENT_MONITOR ? cfg.obufHard1 : pubsub ? cfg.obufHard2 : cfg.obufHard0;
  const soft = c.flags & CLIENT_MONITOR ? cfg.obufSoft1 : pubsub ? cfg.obufSoft2 : cfg.obufSoft0;
  const seconds = c.flags & CLIENT_MONITOR ? cfg.obufSeconds1 : pubsub ? cfg.obufSeconds2 : cfg.obufSeconds0;
  let over = hard > 0 && bytes >= hard;
  if (soft > 0 && bytes >= soft) {
    if (!c.softLimitSince) c.softLimitSince = nowMs;
    else if (nowMs - c.softLimitSince > seconds * 1000) over = true;
  } else c.softLimitSince = 0;
  if (over) {
    logBegin(LOG_WARNING, "Client id=");
    logInt(c.id);
    logText(" scheduled to be closed ASAP for overcoming of output buffer limits.");
    logEnd();
    // What it does not read must not stay behind in our memory: the close resets the connection, and the device gives the bytes back.
    sys_setsockopt(c.fd, SOL_SOCKET, SO_LINGER, LINGER_RESET, 8);
    clientCloseSoon(c);
  }
  return over;
}

/** Fetches ahead what the events from `i` on need; the first one that it did not look at. */
function prefetch(i: i32, count: i32): i32 {
  prefetchBegin();
  let at = events + <usize>i * RING_EVENT_SIZE;
  let goesOn = true;
  for (; i < count && goesOn; i++, at += RING_EVENT_SIZE) {
    const e = changetype<RingEvent>(at);
    if (e.kind == RING_MESSAGE) goesOn = prefetchFrames(e.ptr, e.ptr + e.result);
    if (e.kind != RING_RECV) continue;
    const p = clientOf(e.fd);
    if (p) goesOn = prefetchNote(changetype<Client>(p), e.ptr, e.ptr + e.result);
  }
  prefetchRun();
  return i;
}

// --- the turn ----------------------------------------------------------------------------------------------------------
export function dispatch(count: i32, monotonic: f64, realtime: f64): void {
  clockSet(monotonic, realtime);
  stats.turns++;
  let at = events;
  let fetched = 0;
  for (let i = 0; i < count; i++, at += RING_EVENT_SIZE) {
    if (i == fetched) fetched = prefetch(i, count);
    const e = changetype<RingEvent>(at);
    const kind = e.kind;
    if (kind == RING_RECV) {
      const p = clientOf(e.fd);
      if (p) {
        const c = changetype<Client>(p);
        c.lastInteraction = nowMs;
        stats.readsProcessed++;
        clientReceive(c, e.ptr, e.result);
      }
    } else if (kind == RING_SENT) {
      sent(e.user);
    } else if (kind == RING_ACCEPT) {
      accept(e.result);
    } else if (kind == RING_EOF) {
      const p = clientOf(e.fd);
      if (p) inputEnded(changetype<Client>(p));
    } else if (kind == RING_HANGUP) {
      const p = clientOf(e.fd);
      if (p) {
        changetype<Client>(p).flags |= CLIENT_CLOSED;
        clientCloseSoon(changetype<Client>(p));
      }
    } else if (kind == RING_TIMER) {
      if (e.user == TIMER_CRON) cron();
      else if (e.user == TIMER_EXPIRE) expireSlice();
      else if (e.user == TIMER_REWRITE) rewriteSlice();
      else if ((e.user & 3) == TIMER_BLOCK) blockTimerEvent(e.user);
    } else if (kind == RING_FILE) {
      aofFileEvent(e.user, e.result);
    } else if (kind == RING_MESSAGE) {
      linkReceive(e.fd, e.ptr, e.result);
    } else if (kind == RING_MESSAGE_SENT) {
      linkSent(e.user);
    } else if (kind == RING_SIGNAL) {
      log(LOG_WARNING, e.result == 2 ? "Received SIGINT scheduling shutdown..." : "Received SIGTERM scheduling shutdown...");
      shutdownBegin();
    }
  }
  beforeSleep();
}

export function beforeSleep(): void {
  for (let p = unblockedTake(); p; p = unblockedTake()) {
    const c = changetype<Client>(p);
    if (c.blockArgs && !(c.flags & CLIENT_BLOCKED)) runPostponed(c);
    clientParse(c);
    if (c.flags & CLIENT_EOF && !(c.flags & CLIENT_FULL)) inputEnded(c);
  }
  aofBeforeSleep();
  flushOutput();
  if (shardTotal > 1) shardTurnEnd();
  if (closeHead) closeMarked();
  notePeak();
  if (shutdownAsked) shutdownStep();
}

// --- ten times a second ----------------------------------------------------------------------------------------------
let cronTurns: i32 = 0;
let sampleAt: f64 = 0;
let sampleCommands: i64 = 0;
let sampleInput: i64 = 0;
let sampleOutput: i64 = 0;
const SAMPLES = 16;
const opsRing = memory.data(16 * 8, 16);
const inRing = memory.data(16 * 8, 16);
const outRing = memory.data(16 * 8, 16);
let ringAt: i32 = 0;

function ringMean(ring: usize): i64 {
  let sum: f64 = 0;
  for (let i = 0; i < SAMPLES; i++) sum += load<f64>(ring + (<usize>i << 3));
  return <i64>(sum / <f64>SAMPLES);
}

let expireWaits: bool = false;
/** Removes what is due; goes on a little later when the slice was too short for it. */
function expireSlice(): void {
  expireWaits = false;
  if (!cfg.activeExpire || pauseKind) return; // while writes are paused nothing may change
  if (!expireDue(128)) return;
  const end = ustime() + EXPIRE_SLICE_US;
  while (expireDue(128)) {
    if (ustime() >= end) {
      expireWaits = true;
      sys_ring_timer(EXPIRE_PAUSE_MS, TIMER_EXPIRE);
      return;
    }
  }
}

function cron(): void {
  sys_ring_timer(CRON_MS, TIMER_CRON);
  cronTurns++;
  const span = monoMs - sampleAt;
  if (span >= 90) {
    const slot = <usize>ringAt << 3;
    store<f64>(opsRing + slot, (<f64>(stats.commands - sampleCommands) * 1000.0) / span);
    store<f64>(inRing + slot, (<f64>(stats.netInput - sampleInput) * 1000.0) / span);
    store<f64>(outRing + slot, (<f64>(stats.netOutput - sampleOutput) * 1000.0) / span);
    ringAt = (ringAt + 1) % SAMPLES;
    sampleAt = monoMs;
    sampleCommands = stats.commands;
    sampleInput = stats.netInput;
    sampleOutput = stats.netOutput;
    stats.opsPerSecond = ringMean(opsRing);
    stats.inputPerSecond = ringMean(inRing);
    stats.outputPerSecond = ringMean(outRing);
  }
  if (!expireWaits) expireSlice();
  if (cfg.activerehashing) {
    for (let i = 0; i < cfg.databases; i++) {
      const d = dbDict(i);
      if (d.old && !d.pause) dictRehash(d, 4096);
    }
  }
  pauseCron();
  clientsCron();
  aofCron();
  adminCron();
}

function clientsCron(): void {
  const idle = <i64>cfg.timeout * 1000;
  for (let p = clientsHead; p; ) {
    const c = changetype<Client>(p);
    p = c.next;
    if (c.softLimitSince) overLimit(c);
    if (idle && !(c.flags & (CLIENT_BLOCKED | CLIENT_FORWARDING | CLIENT_PUBSUB | CLIENT_MONITOR)) && nowMs - c.lastInteraction > idle) {
      log(LOG_NOTICE, "Closing idle client");
      clientCloseSoon(c);
    }
  }
}
