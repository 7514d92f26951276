/**
 * The turn: events in, requests run, and at its end each connection's output leaves in one send.
 *
 * A chunk handed to the device stays in its connection's list of flights until SENT. A connection that is closed leaves its
 * flights without an owner; each chunk goes back on its own SENT.
 */
import { alloc, free, hasRoomIo, realloc } from "../lib/raw/alloc";
import { textCopy } from "../lib/raw/bytes";
import {
  RING_ACCEPT,
  RING_DATAGRAM,
  RING_EOF,
  RING_EVENT_SIZE,
  RING_HANGUP,
  RING_MESSAGE,
  RING_MESSAGE_SENT,
  RING_RECV,
  RING_SENT,
  RING_SIGNAL,
  RING_TIMER,
  RingEvent,
  sys_close,
  sys_exit_group,
  sys_ring_buffers,
  sys_ring_pause,
  sys_ring_send,
  sys_ring_setup,
  sys_ring_timer,
  sys_write,
} from "../lib/sys";
import { dumpForget, dumpInit } from "./cachedump";
import { clockTurn, currentTime, monotonicMs } from "./clock";
import {
  closeHead,
  closeHeadSet,
  Conn,
  CONN_CLOSE_AFTER_REPLY,
  CONN_CLOSING,
  CONN_DUMPING,
  CONN_EOF,
  CONN_FULL,
  CONN_GONE,
  CONN_IDLE,
  CONN_PAUSED,
  CONN_PENDING,
  CONN_RESUMING,
  CONN_WAITING,
  CONN_WATCHING,
  CONN_YIELDED,
  connCloseSoon,
  connCount,
  connLink,
  connNew,
  connsHead,
  connUnlink,
  STATE_COMMAND,
} from "./connection";
import { LOG_CONNEVENTS, logFlags } from "./log";
import { maintainerTick, TIMER_MAINTAIN } from "./maintainer";
import { Chunk, chunkFree, OUTPUT_RESUME, outputDrop, outputPending, outputSeal, pendingHead, pendingSet } from "./output";
import { prefetchBegin, prefetchFrames, prefetchNote, prefetchRun } from "./prefetch";
import { connReceive, runQuery } from "./receive";
import { linkReceive, linkSent, shardTotal } from "../lib/raw/shard-link";
import { settings } from "./settings";
import { shardTurnEnd } from "./shard-serve";
import { state, stats } from "./stats";
import { itemRemove } from "./store";
import { udpPrefetch, udpReceive, udpTurnBegin } from "./udp";
import { logConnClose, logConnNew, watchForget, watchHolds, watchInit } from "./watch";

const EVENTS: i32 = 1024;
const BUFFER_BYTES: i32 = 16384;
const BUFFERS: i32 = 64;

let events: usize = 0;
const TIMER_IDLE: u32 = 1;
/** Another turn, for connections that have yielded. */
const TIMER_YIELD: u32 = 2;
const IDLE_CHECK_MS: f64 = 1000;

/** Connection of each descriptor (u32 words), or 0. */
let byFd: usize = 0;
let byFdCap: u32 = 0;
/** Connections whose input may go on. */
let resumeHead: usize = 0;

export function loopInit(): void {
  events = alloc(EVENTS * RING_EVENT_SIZE);
  sys_ring_setup(events, EVENTS);
  const buffers = alloc(BUFFER_BYTES * BUFFERS + 64);
  sys_ring_buffers(buffers, BUFFER_BYTES, BUFFERS);
  byFdCap = 1024;
  byFd = alloc(byFdCap << 2);
  memory.fill(byFd, 0, byFdCap << 2);
  state.acceptingConns = 1;
  dumpInit(resumeSoon);
  watchInit();
  if (settings.idleTimeout) sys_ring_timer(IDLE_CHECK_MS, TIMER_IDLE);
}

// @ts-ignore: decorator
@inline
export function connOf(fd: i32): usize {
  return <u32>fd < byFdCap ? load<usize>(byFd + (<usize>fd << 2)) : 0;
}
/** One more than the largest descriptor of a connection may be. */
export function fdMax(): i32 {
  return <i32>byFdCap;
}
function connOfSet(fd: i32, p: usize): void {
  if (<u32>fd >= byFdCap) {
    const cap = max<u32>(byFdCap << 1, <u32>fd + 1);
    byFd = realloc(byFd, cap << 2);
    memory.fill(byFd + (byFdCap << 2), 0, (cap - byFdCap) << 2);
    byFdCap = cap;
  }
  store<usize>(byFd + (<usize>fd << 2), p);
}

// --- connections ---------------------------------------------------------------------------------------------------------------
const refusal = memory.data(64);

/** Connections beyond -c that wait for others to go (-o no_maxconns_fast), the oldest first; linked by `resumeNext`. */
let waitingHead: usize = 0;
let waitingTail: usize = 0;
let waiting: i32 = 0;
let waitingSinceMs: f64 = 0;

function accept(fd: i32, protocol: i32): void {
  if (fd < 0) return;
  const full = connCount - waiting >= settings.maxconns;
  if ((full && settings.maxconnsFast) || !hasRoomIo(65536)) {
    stats.rejectedConns++;
    sys_write(fd, refusal, textCopy(refusal, "ERROR Too many open connections\r\n"));
    sys_close(fd);
    return;
  }
  const c = connNew(fd);
  c.protocol = protocol;
  connLink(c);
  connOfSet(fd, changetype<usize>(c));
  if (full) waitFor(c);
  if (logFlags & LOG_CONNEVENTS) logConnNew(c);
  stats.totalConns++;
  state.currConns = connCount;
  if (state.currConns > state.connStructs) state.connStructs = state.currConns;
}

/** Does not serve the connection before another one goes. */
function waitFor(c: Conn): void {
  c.flags |= CONN_WAITING;
  sys_ring_pause(c.fd, 1);
  if (waitingTail) changetype<Conn>(waitingTail).resumeNext = changetype<usize>(c);
  else waitingHead = changetype<usize>(c);
  waitingTail = changetype<usize>(c);
  if (waiting++) return;
  state.acceptingConns = 0;
  stats.listenDisabledNum++;
  waitingSinceMs = monotonicMs;
}

/** A connection has gone: one that waits is served. */
function serveWaiting(gone: Conn): void {
  const self = changetype<usize>(gone);
  if (gone.flags & CONN_WAITING) {
    let before: usize = 0;
    for (let p = waitingHead; p != self; p = changetype<Conn>(p).resumeNext) before = p;
    if (before) changetype<Conn>(before).resumeNext = gone.resumeNext;
    else waitingHead = gone.resumeNext;
    if (waitingTail == self) waitingTail = before;
  } else {
    const c = changetype<Conn>(waitingHead);
    waitingHead = c.resumeNext;
    if (!waitingHead) waitingTail = 0;
    c.flags &= ~CONN_WAITING;
    c.lastCommandTime = currentTime;
    sys_ring_pause(c.fd, 0);
  }
  if (--waiting) return;
  state.acceptingConns = 1;
  stats.timeInListenDisabledUs += <u64>((monotonicMs - waitingSinceMs) * 1000);
}

/** Ends a connection now. Not from inside one of its requests: those use connCloseSoon. */
function connFree(c: Conn): void {
  const self = changetype<usize>(c);
  if (c.flags & CONN_WATCHING) watchForget(c);
  if (logFlags & LOG_CONNEVENTS) logConnClose(c);
  if (c.flags & CONN_PENDING) {
    if (pendingHead == self) pendingSet(c.pendingNext);
    else {
      let p = pendingHead;
      while (changetype<Conn>(p).pendingNext != self) p = changetype<Conn>(p).pendingNext;
      changetype<Conn>(p).pendingNext = c.pendingNext;
    }
  }
  if (c.flags & CONN_RESUMING) {
    if (resumeHead == self) resumeHead = c.resumeNext;
    else {
      let p = resumeHead;
      while (changetype<Conn>(p).resumeNext != self) p = changetype<Conn>(p).resumeNext;
      changetype<Conn>(p).resumeNext = c.resumeNext;
    }
  }
  outputSeal(c);
  outputDrop(c);
  for (let p = c.flightHead; p; p = changetype<Chunk>(p).next) changetype<Chunk>(p).owner = 0;
  if (c.item) itemRemove(c.item);
  if (waiting) serveWaiting(c);
  free(c.forward);
  dumpForget(c);
  connOfSet(c.fd, 0);
  connUnlink(c);
  sys_close(c.fd);
  free(c.query);
  free(self);
  state.currConns = connCount;
}

/** -o idle_timeout: closes those who have sent no request for so long and are not in the middle of a value or an answer. */
function closeIdle(): void {
  sys_ring_timer(IDLE_CHECK_MS, TIMER_IDLE);
  for (let p = connsHead; p; p = changetype<Conn>(p).next) {
    const c = changetype<Conn>(p);
    if (c.state != STATE_COMMAND || c.inFlight || c.flags & (CONN_FULL | CONN_CLOSING | CONN_WAITING | CONN_WATCHING)) continue;
    if (currentTime - c.lastCommandTime <= <u32>settings.idleTimeout) continue;
    stats.idleKicks++;
    c.flags |= CONN_IDLE;
    connCloseSoon(c);
  }
}

// --- output -------------------------------------------------------------------------------------------------------------------
/** What is ready waits for the answers of other shards behind it, for they are near, as long as it is no more than this. */
const HOLD_MAX: u32 = 32768;

/** Hands all output of a connection to the device. */
function send(c: Conn): void {
  if (c.outWait && c.outWeight < HOLD_MAX) return;
  if (c.flags & CONN_WATCHING && watchHolds(c)) return;
  outputSeal(c);
  let p = c.outHead;
  // Up to the first answer that is to come from another shard; mostly there is none.
  const end = c.outWait;
  c.outHead = end;
  if (!end) c.outTail = 0;
  c.outReady = 0;
  while (p != end) {
    const k = changetype<Chunk>(p);
    const next = k.next;
    k.next = 0;
    if (c.flags & CONN_GONE) {
      chunkFree(p);
      p = next;
      continue;
    }
    if (c.flightTail) changetype<Chunk>(c.flightTail).next = p;
    else c.flightHead = p;
    c.flightTail = p;
    c.inFlight++;
    stats.bytesWritten += k.used;
    if (sys_ring_send(c.fd, k.data, k.used, <u32>p) < 0) {
      // Nothing went out: the chunk is ours again.
      c.flags |= CONN_GONE;
      sent(p);
      connCloseSoon(c);
    }
    p = next;
  }
}

/** A chunk came back from the device. */
function sent(p: usize): void {
  const k = changetype<Chunk>(p);
  if (k.owner) {
    const c = changetype<Conn>(k.owner);
    c.outWeight -= k.weight;
    c.inFlight--;
    // They come back in order, but for those of a connection that broke.
    if (c.flightHead == p) {
      c.flightHead = k.next;
      if (!k.next) c.flightTail = 0;
    } else {
      let q = c.flightHead;
      while (changetype<Chunk>(q).next != p) q = changetype<Chunk>(q).next;
      changetype<Chunk>(q).next = k.next;
      if (!k.next) c.flightTail = q;
    }
    if ((c.flags & (CONN_FULL | CONN_DUMPING)) == CONN_FULL && c.outWeight < OUTPUT_RESUME) resumeSoon(c);
    if (c.flags & CONN_WATCHING && c.outHead) outputPending(c);
    maybeOver(c);
  }
  chunkFree(p);
}

/** Closes a connection that has nothing more to say or to hear. */
export function maybeOver(c: Conn): void {
  if (c.inFlight || c.outHead) return;
  if (c.flags & CONN_CLOSE_AFTER_REPLY || (c.flags & (CONN_EOF | CONN_FULL)) == CONN_EOF) connCloseSoon(c);
}

/** What the connection has said meanwhile is run at the end of the turn. */
export function resumeSoon(c: Conn): void {
  if (c.flags & CONN_RESUMING) return;
  c.flags |= CONN_RESUMING;
  c.resumeNext = resumeHead;
  resumeHead = changetype<usize>(c);
}

/** Room again: goes on with what connections have said meanwhile. */
function resume(): void {
  let p = resumeHead;
  resumeHead = 0;
  while (p) {
    const c = changetype<Conn>(p);
    p = c.resumeNext;
    c.flags &= ~(CONN_RESUMING | CONN_FULL | CONN_YIELDED);
    if (c.flags & CONN_CLOSING) continue;
    if (c.queryLen) runQuery(c);
    if (c.flags & CONN_YIELDED) resumeSoon(c);
    if (!(c.flags & CONN_FULL)) {
      if (c.flags & CONN_PAUSED) {
        c.flags &= ~CONN_PAUSED;
        sys_ring_pause(c.fd, 0);
      }
      maybeOver(c);
    }
  }
}

function flushOutput(): void {
  let p = pendingHead;
  pendingSet(0);
  while (p) {
    const c = changetype<Conn>(p);
    const next = c.pendingNext;
    c.flags &= ~CONN_PENDING;
    if (!(c.flags & CONN_CLOSING)) send(c);
    p = next;
  }
}

/** After its bytes were taken: it is about to be closed, or must not bring more. */
function held(c: Conn): void {
  if ((c.flags & (CONN_FULL | CONN_PAUSED)) == CONN_FULL) {
    c.flags |= CONN_PAUSED;
    sys_ring_pause(c.fd, 1);
  }
  if (c.flags & CONN_YIELDED) resumeSoon(c);
  if (c.flags & CONN_CLOSE_AFTER_REPLY) maybeOver(c);
}

// --- the turn -----------------------------------------------------------------------------------------------------------------
/** Fetches ahead what the events from `i` on need; the first one that it did not look at. */
function prefetch(i: i32, count: i32): i32 {
  prefetchBegin();
  let at = events + <usize>i * RING_EVENT_SIZE;
  let goesOn = true;
  for (; i < count && goesOn; i++, at += RING_EVENT_SIZE) {
    const e = changetype<RingEvent>(at);
    if (e.kind == RING_DATAGRAM) {
      goesOn = udpPrefetch(e.ptr, e.result);
      continue;
    }
    if (e.kind == RING_MESSAGE) goesOn = prefetchFrames(e.ptr, e.ptr + e.result);
    if (e.kind != RING_RECV) continue;
    const p = connOf(e.fd);
    if (p) goesOn = prefetchNote(changetype<Conn>(p), e.ptr, e.ptr + e.result);
  }
  prefetchRun();
  return i;
}

export function dispatch(count: i32, monotonic: f64, realtime: f64): void {
  clockTurn(monotonic, realtime);
  udpTurnBegin();
  let at = events;
  let fetched = 0;
  for (let i = 0; i < count; i++, at += RING_EVENT_SIZE) {
    if (i == fetched) fetched = prefetch(i, count);
    const e = changetype<RingEvent>(at);
    const kind = e.kind;
    if (kind == RING_RECV) {
      const p = connOf(e.fd);
      if (p) {
        const c = changetype<Conn>(p);
        connReceive(c, e.ptr, e.result);
        if (c.flags & (CONN_CLOSE_AFTER_REPLY | CONN_FULL)) held(c);
      }
    } else if (kind == RING_SENT) sent(e.user);
    else if (kind == RING_ACCEPT) accept(e.result, <i32>e.user);
    else if (kind == RING_EOF) {
      const p = connOf(e.fd);
      if (p) {
        const c = changetype<Conn>(p);
        c.flags |= CONN_EOF;
        if (c.flags & CONN_WATCHING) connCloseSoon(c);
        else maybeOver(c);
      }
    } else if (kind == RING_HANGUP) {
      const p = connOf(e.fd);
      if (p) {
        changetype<Conn>(p).flags |= CONN_GONE;
        connCloseSoon(changetype<Conn>(p));
      }
    } else if (kind == RING_DATAGRAM) udpReceive(e.ptr, e.result);
    else if (kind == RING_TIMER) {
      if (e.user == TIMER_MAINTAIN) maintainerTick();
      else if (e.user == TIMER_IDLE) closeIdle();
    } else if (kind == RING_MESSAGE) linkReceive(e.fd, e.ptr, e.result);
    else if (kind == RING_MESSAGE_SENT) linkSent(e.user);
    else if (kind == RING_SIGNAL) {
      sys_exit_group(0);
      return;
    }
  }
  if (resumeHead) {
    resume();
    if (resumeHead) sys_ring_timer(0, TIMER_YIELD);
  }
  if (pendingHead) flushOutput();
  if (shardTotal > 1) shardTurnEnd();
  while (closeHead) {
    const c = changetype<Conn>(closeHead);
    closeHeadSet(c.closeNext);
    connFree(c);
    if (pendingHead && !closeHead) flushOutput(); // watchers learn who has gone
  }
}
