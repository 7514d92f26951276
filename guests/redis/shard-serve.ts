/**
 * What other shards have forwarded is run here, each request by a stand-in for its client, and answered with the bytes that the client is to get.
 *
 * Frames (lib/raw/shard-link.ts): the token is the asker's placeholder, the word the database, the small byte the RESP version, the id the
 * client's. A stand-in whose reply is not there yet (it blocks, or the append-only file is not durable) is kept in `held`; one that watches
 * keys is its client's `session` until its EXEC. All others are used again at once.
 */
import { free } from "../lib/raw/alloc";
import { Builder, builderRelease, builderReset, putBytes } from "../lib/raw/builder";
import {
  FRAME_HEADER,
  frameBegin,
  frameEnd,
  framePut,
  linkFlush,
  linkRoom,
  shardSelf,
  shardTotal,
} from "../lib/raw/shard-link";
import { blockedClientFree, queueUnblocked, unblockTimeout } from "./blocked";
import {
  Client,
  CLIENT_AUTHENTICATED,
  CLIENT_BLOCKED,
  CLIENT_CLOSE_ASAP,
  CLIENT_CLOSE_AFTER_REPLY,
  CLIENT_DIRTY_CAS,
  CLIENT_PAUSED,
  CLIENT_STANDIN,
  clientById,
  clientIdTake,
  clientNew,
} from "./client";
import { gateDurable } from "./loop";
import { multiClientFree } from "./multi";
import { framesFrom, prefetchMore } from "./prefetch";
import { requestsRun } from "./protocol";
import { pubsubPublish } from "./pubsub";
import { Chunk, chunkFree, outputRewind, outputSeal, replyError } from "./reply";
import { forwardReply } from "./shard-gather";

/** A request: run it, send the reply. */
export const FRAME_REQUEST: u32 = 1;
/** MULTI, the commands, EXEC, of which the last one's reply counts; before it the length of all others (u32, u32 of padding). */
export const FRAME_EXEC: u32 = 2;
/** WATCH: by the client's session. */
export const FRAME_WATCH: u32 = 3;
/** The client's session is over. */
export const FRAME_UNWATCH: u32 = 4;
/** The client of that token has gone, or is to be unblocked (half word 1; 2: with an error). */
export const FRAME_CANCEL: u32 = 5;
export const FRAME_UNBLOCK: u32 = 6;
/** A message for subscribers: length of the channel (u32), whether it is a shard channel (u32), channel, message. No reply. */
export const FRAME_PUBLISH: u32 = 7;
export const FRAME_REPLY: u32 = 8;

let idle: usize = 0;
let held: usize = 0;
let sessions: usize = 0;

/** Those whose replies are not out, for the gate and CLIENT UNPAUSE. */
export function standinHead(): usize {
  return held;
}
export function standinNext(p: usize): usize {
  return changetype<Client>(p).next;
}

function take(shard: i32, token: u32, db: u32, resp: u32, id: i64): Client {
  let p = idle;
  if (p) idle = changetype<Client>(p).next;
  else {
    p = changetype<usize>(clientNew(-1));
    changetype<Client>(p).id = clientIdTake();
  }
  const s = changetype<Client>(p);
  s.next = 0;
  s.flags = CLIENT_STANDIN | CLIENT_AUTHENTICATED;
  s.standShard = shard;
  s.standToken = token;
  s.standId = id;
  s.db = db;
  s.resp = resp;
  return s;
}

function recycle(s: Client): void {
  multiClientFree(s);
  outputRewind(s, 0, 0);
  free(s.blockArgs);
  s.blockArgs = 0;
  s.gateSeq = 0;
  s.readSeq = 0;
  s.flags = CLIENT_STANDIN;
  s.next = idle;
  idle = changetype<usize>(s);
}

function gated(s: Client): bool {
  return s.gateSeq > gateDurable || s.readSeq > gateDurable;
}

/** The stand-in has run its request: its reply leaves now, or it is kept. */
function ran(s: Client): void {
  if (s.flags & (CLIENT_BLOCKED | CLIENT_PAUSED) || gated(s)) {
    s.next = held;
    held = changetype<usize>(s);
    return;
  }
  answer(s);
  recycle(s);
}

const TOO_BIG = "OOM command not allowed when used memory > 'maxmemory'. The machine's memory is full";

/** Sends what the stand-in has been answered to whoever asked. */
function answer(s: Client): void {
  outputSeal(s);
  let n = s.outQueued;
  if (s.flags & CLIENT_CLOSE_ASAP || !linkRoom(n)) {
    outputRewind(s, 0, 0);
    s.flags &= ~CLIENT_CLOSE_ASAP;
    replyError(s, TOO_BIG);
    outputSeal(s);
    n = s.outQueued;
  }
  if (s.standShard == shardSelf) {
    answerHere(s);
    return;
  }
  frameBegin(s.standShard, FRAME_REPLY, s.resp, 0, s.standToken, s.db, 0, n);
  for (let p = s.outHead; p; p = changetype<Chunk>(p).next) framePut(changetype<Chunk>(p).data, changetype<Chunk>(p).used);
  frameEnd();
}

const local: Builder = changetype<Builder>(memory.data(16, 16));

/** A request that went to all shards, this one too. */
function answerHere(s: Client): void {
  builderReset(local);
  for (let p = s.outHead; p; p = changetype<Chunk>(p).next) putBytes(local, changetype<Chunk>(p).data, changetype<Chunk>(p).used);
  forwardReply(s.standToken, shardSelf, local.data, local.failed ? 0 : local.length, s.db);
  if (local.capacity > 65536) builderRelease(local);
}

/** Runs the request at `p` here, for a client of ours whose placeholder is `token`. */
export function serveHere(token: u32, c: Client, p: usize, n: u32): void {
  const s = take(shardSelf, token, c.db, c.resp, c.id);
  requestsRun(s, p, p + n);
  ran(s);
}

/** The client on whose behalf `c` acts, if it is one of ours. */
export function standsFor(c: Client): Client {
  if (!(c.flags & CLIENT_STANDIN) || c.standShard != shardSelf) return c;
  const p = clientById(c.standId);
  return p ? changetype<Client>(p) : c;
}

function sessionTake(shard: i32, id: i64): usize {
  let before: usize = 0;
  for (let p = sessions; p; p = changetype<Client>(p).next) {
    const s = changetype<Client>(p);
    if (s.standShard == shard && s.standId == id) {
      if (before) changetype<Client>(before).next = s.next;
      else sessions = s.next;
      return p;
    }
    before = p;
  }
  return 0;
}

function watch(shard: i32, token: u32, db: u32, resp: u32, id: i64, p: usize, n: u32): void {
  let known = sessionTake(shard, id);
  if (!known) known = changetype<usize>(take(shard, token, db, resp, id));
  const s = changetype<Client>(known);
  s.standToken = token;
  s.db = db;
  s.resp = resp;
  requestsRun(s, p, p + n);
  answer(s);
  outputRewind(s, 0, 0);
  s.gateSeq = 0;
  s.readSeq = 0;
  s.next = sessions;
  sessions = known;
}

function exec(shard: i32, token: u32, db: u32, resp: u32, id: i64, p: usize, n: u32): void {
  let known = sessionTake(shard, id);
  if (!known) known = changetype<usize>(take(shard, token, db, resp, id));
  const s = changetype<Client>(known);
  s.standToken = token;
  s.db = db;
  s.resp = resp;
  const prefix = load<u32>(p);
  requestsRun(s, p + 8, p + 8 + prefix);
  outputRewind(s, 0, 0);
  requestsRun(s, p + 8 + prefix, p + n);
  s.flags &= ~CLIENT_DIRTY_CAS;
  ran(s);
}

function heldTake(shard: i32, token: u32): usize {
  let before: usize = 0;
  for (let p = held; p; p = changetype<Client>(p).next) {
    const s = changetype<Client>(p);
    if (s.standShard == shard && s.standToken == token) {
      if (before) changetype<Client>(before).next = s.next;
      else held = s.next;
      return p;
    }
    before = p;
  }
  return 0;
}

function cancel(shard: i32, token: u32): void {
  const p = heldTake(shard, token);
  if (!p) return; // its reply is on its way
  const s = changetype<Client>(p);
  blockedClientFree(s);
  outputRewind(s, 0, 0);
  answer(s); // nothing: who asked can forget the token
  recycle(s);
}

function unblockHeld(shard: i32, token: u32, withError: bool): void {
  for (let p = held; p; p = changetype<Client>(p).next) {
    const s = changetype<Client>(p);
    if (s.standShard == shard && s.standToken == token && s.flags & CLIENT_BLOCKED) unblockTimeout(s, withError);
  }
}

/** A frame has come; payload 0: there was no memory for it. */
export function onFrame(shard: i32, header: usize, p: usize, n: u32): void {
  if (header == framesFrom) prefetchMore();
  const kind: u32 = load<u8>(header, 4);
  const resp: u32 = load<u8>(header, 5);
  const half: u32 = load<u16>(header, 6);
  const token = load<u32>(header, 8);
  const db = load<u32>(header, 12);
  const id = load<i64>(header, 16);
  if (kind == FRAME_REPLY) forwardReply(token, shard, p, n, db);
  else if (kind == FRAME_REQUEST) {
    const s = take(shard, token, db, resp, id);
    if (p) requestsRun(s, p, p + n);
    else replyError(s, TOO_BIG);
    ran(s);
  } else if (kind == FRAME_EXEC) {
    if (p) exec(shard, token, db, resp, id, p, n);
    else {
      const s = take(shard, token, db, resp, id);
      replyError(s, TOO_BIG);
      ran(s);
    }
  } else if (kind == FRAME_WATCH) watch(shard, token, db, resp, id, p, n);
  else if (kind == FRAME_UNWATCH) {
    const known = sessionTake(shard, id);
    if (known) recycle(changetype<Client>(known));
  } else if (kind == FRAME_CANCEL) cancel(shard, token);
  else if (kind == FRAME_UNBLOCK) unblockHeld(shard, token, half == 2);
  else if (kind == FRAME_PUBLISH && p) {
    const length = load<u32>(p);
    pubsubPublish(p + 8, length, p + 8 + length, n - 8 - length, load<u32>(p, 4) != 0);
  }
}

/** Tells the subscribers at other shards. */
export function publishElsewhere(channel: usize, channelLen: u32, message: usize, n: u32, shardChannel: bool): void {
  store<u32>(words, channelLen);
  store<u32>(words, shardChannel ? 1 : 0, 4);
  for (let i = 0; i < shardTotal; i++) {
    if (i == shardSelf) continue;
    frameBegin(i, FRAME_PUBLISH, 0, 0, 0, 0, 0, 8 + channelLen + n);
    framePut(words, 8);
    framePut(channel, channelLen);
    framePut(message, n);
    frameEnd();
  }
}
const words = memory.data(8, 16);

/** CLIENT UNPAUSE: what has been kept for stand-ins runs before the turn ends. */
export function standinsUnpause(): void {
  for (let p = held; p; p = changetype<Client>(p).next) {
    const s = changetype<Client>(p);
    if (!(s.flags & CLIENT_PAUSED)) continue;
    s.flags &= ~CLIENT_PAUSED;
    queueUnblocked(s);
  }
}

/** Replies that have come up since go out, and with them everything else that was written for other shards. */
export function shardTurnEnd(): void {
  let before: usize = 0;
  for (let p = held; p; ) {
    const s = changetype<Client>(p);
    const next = s.next;
    if (s.flags & (CLIENT_BLOCKED | CLIENT_PAUSED) || gated(s)) before = p;
    else {
      if (before) changetype<Client>(before).next = next;
      else held = next;
      answer(s);
      recycle(s);
    }
    p = next;
  }
  linkFlush();
}
