/**
 * From a parsed request to its handler: the checks of Redis' processCommand in their order, then `call`, which counts, times,
 * propagates and wakes blocked clients.
 */
import { aofDenyWrite, aofEnabled, aofFeed, aofFedSeq, aofGateSeq } from "./aof";
import { replyDeny } from "./aof-gate";
import { hasRoom } from "../lib/raw/alloc";
import { handleReadyKeys, readyPending } from "./blocked";
import { gateDurable } from "./loop";
import {
  argc,
  argLen,
  argPtr,
  Client,
  CLIENT_AUTHENTICATED,
  CLIENT_DIRTY_EXEC,
  CLIENT_FAKE,
  CLIENT_MULTI,
  CLIENT_PUBSUB,
  CLIENT_REPLY_OFF,
  CLIENT_REPLY_SKIP,
  CLIENT_REPLY_SKIP_NEXT,
  clientCloseSoon,
  currentClient,
  currentClientSet,
  rawLen,
  rawPtr,
} from "./client";
import {
  CMD_DENYOOM,
  CMD_FAST,
  CMD_LOADING,
  CMD_MAY_REPLICATE,
  CMD_NO_AUTH,
  CMD_NO_MULTI,
  CMD_PUBSUB,
  CMD_WRITE,
  Command,
  commandFind,
  subcommandFind,
} from "./command";
import { commandFailed, commandFailedSet } from "./errors";
import { evictIfNeeded } from "./evict";
import { clientPause, pauseKind } from "./pause";
import { feedMonitors, monitorCount } from "./monitor";
import { execAbortArity, execAborted, execAbortText, multiQueue } from "./multi";
import {
  propagateBegin,
  propagateBytes,
  propagated,
  propagatedLen,
  propagateOverride,
  propagateReset,
} from "./propagate";
import {
  errorBegin,
  errorBytes,
  errorEnd,
  errorText,
  MACHINE_FULL,
  markChunk,
  markUsed,
  outputMark,
  outputRewind,
  replyError,
  replyOom,
} from "./reply";
import { shardTotal } from "../lib/raw/shard-link";
import { route } from "./shard-route";
import { cfg, dirty, loading, log, LOG_WARNING, stats, ustime } from "./server";
import { slowlogCheck } from "./slowlog";
import { equalWord, textCopy } from "../lib/raw/bytes";

/** Flags that a command allowed in a RESP2 subscriber's connection carries besides its own: see `pubsubAllows`. */
export const CMD_PUBSUB_ALLOWED: u32 = 1 << 29;
/** Runs at once inside MULTI (EXEC, DISCARD, WATCH, MULTI, QUIT, RESET). */
export const CMD_NEVER_QUEUED: u32 = 1 << 28;
/** EXEC itself: takes the flags of what it will run. */
export const CMD_EXEC: u32 = 1 << 27;
/** Allowed although MULTI would be refused for want of memory (DISCARD, QUIT, RESET). */
export const CMD_ALWAYS: u32 = 1 << 26;
/** O(1) although Redis does not call it FAST: timed by samples. */
export const CMD_QUICK: u32 = 1 << 25;

/** Inside EXEC: what is propagated is wrapped in MULTI … EXEC. */
let execDepth: i32 = 0;
let execSent: bool = false;
export let callDepth: i32 = 0;

/** A command is refused before it ran: it also spoils the transaction being queued. */
export function reject(c: Client, m: Command): void {
  m.rejected++;
  if (c.flags & CLIENT_MULTI) c.flags |= CLIENT_DIRTY_EXEC;
  if (m.flags & CMD_EXEC) execAborted(c);
}
export function rejectText(c: Client, m: Command, text: string): void {
  if (m.flags & CMD_EXEC) {
    execAbortText(c, text);
    m.rejected++;
    return;
  }
  replyError(c, text);
  reject(c, m);
}

/** A request whose bulk did not fit into memory was swallowed. */
export function rejectOversized(c: Client): void {
  if (c.flags & CLIENT_MULTI) c.flags |= CLIENT_DIRTY_EXEC;
  replyOom(c);
}

function unknownCommand(c: Client): void {
  errorBegin("ERR unknown command '");
  errorBytes(argPtr(0), argLen(0), 128);
  errorText("', with args beginning with: ");
  let room = 128;
  for (let i = 1; i < argc && room > 0; i++) {
    errorText("'");
    const n = min<i32>(argLen(i), room);
    errorBytes(argPtr(i), n, n);
    errorText("' ");
    room -= n + 3;
  }
  errorEnd(c);
  if (c.flags & CLIENT_MULTI) c.flags |= CLIENT_DIRTY_EXEC;
}

/** The full name of a command into the error being built. */
export function errorName(m: Command): void {
  errorText(changetype<string>(m.name));
}

/** Replies the arity error Redis gives for this command. */
export function replyArity(c: Client, m: Command): void {
  errorBegin("ERR wrong number of arguments for '");
  errorName(m);
  errorText("' command");
  errorEnd(c);
}

function argumentBytes(): usize {
  let n: usize = 0;
  for (let i = 1; i < argc; i++) n += argLen(i);
  return n;
}

/** Executes the request in argc/argv. */
export function execute(c: Client): void {
  const found = commandFind(argPtr(0), argLen(0));
  if (!found) {
    if (isHttp(c)) return;
    withReplyMode(c, 0);
    return;
  }
  let m = changetype<Command>(found);
  if (m.children && argc >= 2) {
    const sub = subcommandFind(m, argPtr(1), argLen(1));
    if (!sub) {
      withReplyMode(c, changetype<usize>(m));
      return;
    }
    m = changetype<Command>(sub);
  }
  c.lastCommand = changetype<usize>(m);
  if (c.flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP | CLIENT_REPLY_SKIP_NEXT)) {
    quietly(c, m);
    return;
  }
  process(c, m);
}

/** HTTP requests to a Redis port come from browsers that were tricked: the connection is closed without a reply. */
function isHttp(c: Client): bool {
  const p = argPtr(0);
  const n = argLen(0);
  if (equalWord(p, n, "host:") || equalWord(p, n, "post")) {
    log(LOG_WARNING, "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. Connection aborted.");
    clientCloseSoon(c);
    return true;
  }
  return false;
}

/** Refusals that name no command, under CLIENT REPLY's rules. */
function withReplyMode(c: Client, parent: usize): void {
  const quiet = c.flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
  if (quiet) outputMark(c);
  const chunk = markChunk;
  const used = markUsed;
  if (parent) {
    const m = changetype<Command>(parent);
    errorBegin("ERR unknown subcommand '");
    errorBytes(argPtr(1), argLen(1), 128);
    errorText("'. Try ");
    const name = changetype<string>(m.name);
    for (let i = 0; i < name.length; i++) {
      store<u8>(upper, <u8>(name.charCodeAt(i) - (name.charCodeAt(i) >= 97 ? 32 : 0)));
      errorBytes(upper, 1, 1);
    }
    errorText(" HELP.");
    errorEnd(c);
    if (c.flags & CLIENT_MULTI) c.flags |= CLIENT_DIRTY_EXEC;
  } else unknownCommand(c);
  if (quiet) outputRewind(c, chunk, used);
  c.flags &= ~CLIENT_REPLY_SKIP;
}
const upper = memory.data(8);

/** Runs a command whose reply is thrown away (CLIENT REPLY OFF/SKIP). */
function quietly(c: Client, m: Command): void {
  const skip = c.flags & CLIENT_REPLY_SKIP_NEXT;
  if (!(c.flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP))) {
    c.flags = (c.flags & ~CLIENT_REPLY_SKIP_NEXT) | CLIENT_REPLY_SKIP;
  }
  outputMark(c);
  const chunk = markChunk;
  const used = markUsed;
  process(c, m);
  // CLIENT REPLY ON inside it clears OFF: then its +OK stays. What SUBSCRIBE and its kin answer are pushes, which always go out.
  const pushes = m.flags & CMD_PUBSUB && m.flags & CMD_PUBSUB_ALLOWED;
  if (!pushes && c.flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP)) outputRewind(c, chunk, used);
  if (!skip || c.flags & CLIENT_REPLY_SKIP) c.flags &= ~CLIENT_REPLY_SKIP;
}

function process(c: Client, m: Command): void {
  const arity = m.arity;
  if (arity > 0 ? argc != arity : argc < -arity) {
    if (m.flags & CMD_EXEC) execAbortArity(c, m);
    else replyArity(c, m);
    m.rejected++;
    if (c.flags & CLIENT_MULTI && !(m.flags & CMD_EXEC)) c.flags |= CLIENT_DIRTY_EXEC;
    return;
  }
  const queued = m.flags & CMD_EXEC ? <u32>c.multiFlags : 0;
  const flags = m.flags | queued;
  if (cfg.requirepass && !(c.flags & CLIENT_AUTHENTICATED) && !(m.flags & CMD_NO_AUTH)) {
    rejectText(c, m, "NOAUTH Authentication required.");
    return;
  }
  if (c.flags & CLIENT_MULTI && m.flags & CMD_NO_MULTI) {
    rejectText(c, m, "ERR Command not allowed inside a transaction");
    return;
  }
  if (shardTotal > 1 && route(c, m)) return;
  const needsRoom = flags & CMD_DENYOOM || (c.flags & CLIENT_MULTI && !(flags & (CMD_EXEC | CMD_ALWAYS)));
  if (cfg.maxmemory && !loading) {
    if (!evictIfNeeded() && needsRoom) {
      rejectText(c, m, "OOM command not allowed when used memory > 'maxmemory'.");
      return;
    }
  }
  if (needsRoom && !hasRoom(roomWanted())) {
    rejectText(c, m, MACHINE_FULL);
    return;
  }
  if (aofDenyWrite && (flags & CMD_WRITE || isPing(m))) {
    rejectMisconf(c, m);
    return;
  }
  if (c.flags & CLIENT_PUBSUB && c.resp == 2 && !(m.flags & CMD_PUBSUB_ALLOWED)) {
    errorBegin("ERR Can't execute '");
    errorName(m);
    errorText("': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
    errorEnd(c);
    reject(c, m);
    return;
  }
  if (loading && !(flags & CMD_LOADING) && !(c.flags & CLIENT_FAKE)) {
    rejectText(c, m, "LOADING Redis is loading the dataset in memory");
    return;
  }
  if (pauseKind && !(c.flags & CLIENT_FAKE) && (pauseKind == 2 || flags & (CMD_WRITE | CMD_MAY_REPLICATE))) {
    if (clientPause(c, m)) return;
  }
  if (c.flags & CLIENT_MULTI && !(m.flags & CMD_NEVER_QUEUED)) {
    multiQueue(c, m);
    return;
  }
  call(c, m);
  if (readyPending) handleReadyKeys();
}

/** The append-only file cannot be written; the text names the errno. */
function rejectMisconf(c: Client, m: Command): void {
  if (m.flags & CMD_EXEC) {
    execAbortText(c, "MISCONF Errors writing to the AOF file");
    m.rejected++;
    return;
  }
  replyDeny(c);
  reject(c, m);
}

/** What a command may come to need beyond its arguments. */
function roomWanted(): usize {
  const n = argumentBytes();
  return n + min<usize>(n, 4194304) + 262144;
}
function isPing(m: Command): bool {
  return changetype<string>(m.name) == "ping";
}

/** One call in so many is timed when it is of a FAST command; of the others, and of the first so many of each, all are. */
const SAMPLE: u32 = 16;
let sampleAt: u32 = 0;

/** Runs the handler and everything that follows from it. Used for EXEC's commands and re-executed blocked commands too. */
export function call(c: Client, m: Command): void {
  const before = dirty;
  const caller = currentClient;
  commandFailedSet(false);
  if (callDepth == 0) propagateReset();
  callDepth++;
  currentClientSet(changetype<usize>(c));
  if (monitorCount && !loading) feedMonitors(c, m);
  stats.commands++;
  m.calls++;
  // A clock reading costs as much as a GET: commands that are O(1) are timed one in SAMPLE, unless a threshold below asks for all.
  if (
    !(m.flags & (CMD_FAST | CMD_QUICK)) ||
    <u64>m.calls <= SAMPLE ||
    <u64>cfg.slowlogLogSlowerThan < 1000 ||
    ++sampleAt >= SAMPLE
  ) {
    const weight: f64 = sampleAt >= SAMPLE ? <f64>SAMPLE : 1.0;
    if (sampleAt >= SAMPLE) sampleAt = 0;
    const start = ustime();
    call_indirect<void>(m.handler, c);
    const used = ustime() - start;
    m.microseconds += <f64>used * weight;
    if (!loading) slowlogCheck(c, m, used);
  } else call_indirect<void>(m.handler, c);
  currentClientSet(caller);
  callDepth--;
  if (commandFailed) m.failed++;
  if (dirty != before) {
    stats.dirty += dirty - before;
    if (aofEnabled && !loading) {
      propagate(c);
      c.gateSeq = aofGateSeq;
    }
  }
  if (aofFedSeq > gateDurable) c.readSeq = aofFedSeq;
  if (propagateOverride && callDepth <= execDepth) propagateReset();
}

/** Appends what the command left (or the request itself) to the AOF. */
function propagate(c: Client): void {
  if (propagateOverride) {
    if (!propagatedLen) return;
  } else if (execInside(c)) return;
  if (execDepth && !execSent) {
    execSent = true;
    feedText(c.db, MULTI_TEXT);
  }
  if (propagateOverride) {
    aofFeed(propagateDb(c), propagated, propagatedLen);
  } else if (rawPtr) {
    aofFeed(propagateDb(c), rawPtr, rawLen);
  } else {
    propagateBegin(argc);
    for (let i = 0; i < argc; i++) propagateBytes(argPtr(i), argLen(i));
    aofFeed(propagateDb(c), propagated, propagatedLen);
  }
  propagateReset();
}
/** EXEC itself is never appended: its commands are. */
function execInside(c: Client): bool {
  return changetype<Command>(c.lastCommand).flags & CMD_EXEC ? execDepth == 0 : false;
}
function propagateDb(c: Client): u32 {
  return c.db;
}
const MULTI_TEXT = "*1\r\n$5\r\nMULTI\r\n";
const EXEC_TEXT = "*1\r\n$4\r\nEXEC\r\n";
const textBuffer = memory.data(32);
function feedText(db: u32, text: string): void {
  aofFeed(db, textBuffer, textCopy(textBuffer, text));
}

/** EXEC brackets the commands it runs. */
export function execBegin(): void {
  execDepth = 1;
  execSent = false;
}
export function execEnd(c: Client): void {
  execDepth = 0;
  if (execSent) {
    feedText(c.db, EXEC_TEXT);
    if (aofEnabled) c.gateSeq = aofGateSeq;
  }
  execSent = false;
}
