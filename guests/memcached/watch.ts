/**
 * `watch`: connections that are sent the log (log.ts) of the kinds of events they asked for.
 *
 * A watcher is served no more: what it says is dropped, and when it ends its side it is closed. It holds what its two buffers would hold in memcached
 * (watcher_logbuf_size and worker_logbuf_size), in whole chunks: while the device has two of them, lines gather. Beyond that lines are
 * dropped, and the next one that has room comes after "skipped=N".
 */
import { copy, textCopy } from "../lib/raw/bytes";
import { formatU64 } from "../lib/raw/number";
import { sys_getpeername } from "../lib/sys";
import { Conn, CONN_CLOSING, CONN_DETACHED, CONN_EOF, CONN_IDLE, CONN_QUIT, CONN_WATCHING } from "./connection";
import {
  LOG_CONNEVENTS,
  LOG_EVICTIONS,
  LOG_FETCHERS,
  LOG_LINE_MAX,
  LOG_MUTATIONS,
  LOG_PROXY,
  LOG_RAWCMDS,
  LOG_SYSEVENTS,
  logBegin,
  logEnd,
  logFlagsSet,
  logInt,
  logText,
  logTo,
} from "./log";
import { Chunk, commit, outputText, replyLine, reserve } from "./output";
import { shardTotal } from "../lib/raw/shard-link";
import { settings } from "./settings";
import { state, stats } from "./stats";
import { noreplyMaybe } from "./text-update";
import { ntokens, tokenIs } from "./tokens";

const WATCHERS_MAX: u32 = 20;
/** "skipped=", 20 digits, and the end of the line. */
const SKIPPED_MAX: u32 = 32;
/** Chunks that the device may have of one watcher. */
const FLIGHTS_MAX: u32 = 2;

@unmanaged
class Watcher {
  conn: usize; // 0: none
  flags: u32; // LOG_*
  skipped: u64; // lines since the last one that went out
}
const watchers = memory.data(320, 16);

function watcherAt(i: u32): Watcher {
  return changetype<Watcher>(watchers + <usize>i * offsetof<Watcher>());
}

export function watchInit(): void {
  logTo(deliver);
}

function kindOf(i: i32): u32 {
  if (tokenIs(i, "rawcmds")) return LOG_RAWCMDS;
  if (tokenIs(i, "evictions")) return LOG_EVICTIONS;
  if (tokenIs(i, "fetchers")) return LOG_FETCHERS;
  if (tokenIs(i, "mutations")) return LOG_MUTATIONS;
  if (tokenIs(i, "sysevents")) return LOG_SYSEVENTS;
  if (tokenIs(i, "connevents")) return LOG_CONNEVENTS;
  if (tokenIs(i, "proxyreqs") || tokenIs(i, "proxyevents") || tokenIs(i, "proxyuser")) return LOG_PROXY;
  return 0;
}

export function watchCommand(c: Conn): void {
  noreplyMaybe(c);
  if (!settings.watchEnabled) {
    replyLine(c, "CLIENT_ERROR watch commands not allowed");
    return;
  }
  if (c.outHead) {
    replyLine(c, "ERROR cannot pipeline other commands before watch");
    return;
  }
  let flags: u32 = ntokens > 2 ? 0 : LOG_FETCHERS;
  for (let i = 1; i < ntokens - 1; i++) {
    const kind = kindOf(i);
    if (!kind) {
      replyLine(c, "ERROR");
      return;
    }
    flags |= kind;
  }
  if (state.logWatchers == WATCHERS_MAX) replyLine(c, "WATCHER_TOO_MANY log watcher limit reached");
  // Datagrams and callers have nobody who reads on; a shard sees its own part only.
  else if (c.flags & CONN_DETACHED || shardTotal > 1) replyLine(c, "WATCHER_FAILED failed to add log watcher");
  else add(c, flags);
}

function add(c: Conn, flags: u32): void {
  for (let i: u32 = 0; i < WATCHERS_MAX; i++) {
    const w = watcherAt(i);
    if (w.conn) continue;
    w.conn = changetype<usize>(c);
    w.flags = flags;
    w.skipped = 0;
    break;
  }
  c.flags |= CONN_WATCHING;
  outputText(c, "OK\r\n");
  changed();
}

/** Somebody has begun to watch, or ended. */
function changed(): void {
  let flags: u32 = 0;
  state.logWatchers = 0;
  for (let i: u32 = 0; i < WATCHERS_MAX; i++) {
    const w = watcherAt(i);
    if (!w.conn) continue;
    flags |= w.flags;
    state.logWatchers++;
  }
  logFlagsSet(flags);
}

/** A connection is being freed. */
export function watchForget(c: Conn): void {
  for (let i: u32 = 0; i < WATCHERS_MAX; i++) if (watcherAt(i).conn == changetype<usize>(c)) watcherAt(i).conn = 0;
  changed();
}

/** Whether a watcher's output waits for what the device has of it already. */
export function watchHolds(c: Conn): bool {
  return c.inFlight >= FLIGHTS_MAX;
}

/** Bytes of it that have not left. */
function unsent(c: Conn): u32 {
  return c.outWeight + (c.outPtr ? <u32>(c.outPtr - changetype<Chunk>(c.outTail).data) : 0);
}

function deliver(flag: u32, p: usize, n: u32): void {
  stats.logWorkerWritten++;
  const most = settings.loggerWatcherBufSize + settings.loggerBufSize;
  for (let i: u32 = 0; i < WATCHERS_MAX; i++) {
    const w = watcherAt(i);
    if (!w.conn || !(w.flags & flag)) continue;
    const c = changetype<Conn>(w.conn);
    if (c.flags & CONN_CLOSING) continue;
    if (unsent(c) + n + SKIPPED_MAX > most) {
      w.skipped++;
      stats.logWatcherSkipped++;
      continue;
    }
    let at = reserve(c, LOG_LINE_MAX + SKIPPED_MAX);
    if (w.skipped) {
      at += textCopy(at, "skipped=");
      at += formatU64(at, w.skipped);
      store<u8>(at++, 10);
      w.skipped = 0;
    }
    copy(at, p, n);
    commit(c, at + n);
    stats.logWatcherSent++;
  }
}

// --- connections ------------------------------------------------------------------------------------------------------------
const address = memory.data(128, 16);
const size = memory.data(4, 4);

function connEvent(c: Conn, type: string): void {
  store<i32>(size, 128);
  memory.fill(address, 0, 8);
  sys_getpeername(c.fd, address, size);
  logBegin(type);
  logText(" rip=");
  for (let i: usize = 4; i < 8; i++) {
    if (i > 4) logText(".");
    logInt(load<u8>(address + i));
  }
  logText(" rport=");
  logInt(bswap<u16>(load<u16>(address, 2)));
  logText(" transport=tcp");
}

/** LOG_CONNEVENTS: a connection was accepted. */
export function logConnNew(c: Conn): void {
  connEvent(c, "conn_new");
  logText(" cfd=");
  logInt(c.fd);
  logEnd(LOG_CONNEVENTS);
}

/** LOG_CONNEVENTS: a connection is about to be closed. */
export function logConnClose(c: Conn): void {
  connEvent(c, "conn_close");
  logText(" reason=");
  logText(c.flags & CONN_IDLE ? "idle_timeout" : c.flags & (CONN_EOF | CONN_QUIT) ? "normal" : "error");
  logText(" cfd=");
  logInt(c.fd);
  logEnd(LOG_CONNEVENTS);
}
