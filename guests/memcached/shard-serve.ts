/**
 * What other shards have forwarded is run here by a connection without a descriptor, and answered with the bytes that the client is to get.
 *
 * Frames (lib/raw/shard-link.ts): the token is the asker's placeholder, the small byte the protocol, or how keys are asked for.
 */
import { Builder, builderRelease, builderReset, putBytes } from "../lib/raw/builder";
import { frameBegin, frameEnd, framePut, linkFlush, linkRoom, shardSelf } from "../lib/raw/shard-link";
import { currentTime } from "./clock";
import { Conn, CONN_DETACHED, CONN_FULL, CONN_STANDIN, connNew, GET_TOUCH, STATE_COMMAND } from "./connection";
import { Chunk, outputDrop, outputLength, outputSeal, replyError } from "./output";
import { framesFrom, prefetchMore } from "./prefetch";
import { run } from "./receive";
import { PROTOCOL_ASCII } from "./settings";
import { forwarded } from "./shard-stats";
import { exptimeOf, getKeys } from "./text-get";

/** A whole request, in the protocol that the small byte names. */
export const FRAME_REQUEST: u32 = 1;
/** Keys of a get: the small byte is its mode (GET_CAS, GET_TOUCH; GET_END: END is the answer's end), the word the seconds of a gat. */
export const FRAME_KEYS: u32 = 2;
export const FRAME_REPLY: u32 = 3;
export const GET_END: u32 = 4;

let conn: Conn = changetype<Conn>(0);
const whole: Builder = changetype<Builder>(memory.data(16, 16));

export function serveInit(): void {
  conn = connNew(-1);
}

function begin(protocol: i32): Conn {
  const c = conn;
  c.flags = CONN_DETACHED | CONN_STANDIN;
  c.protocol = protocol;
  c.state = STATE_COMMAND;
  c.noreply = false;
  c.lastCommandTime = currentTime;
  return c;
}

function request(p: usize, n: u32, protocol: i32): Conn {
  const c = begin(protocol);
  const end = p + n;
  do {
    c.flags &= ~CONN_FULL;
    p = run(c, p, end);
  } while (c.flags & CONN_FULL && p < end);
  return c;
}

function keys(p: usize, n: u32, mode: u32, seconds: i32): Conn {
  const c = begin(PROTOCOL_ASCII);
  const end = p + n;
  c.getMode = <u8>(mode & ~GET_END);
  if (mode & GET_TOUCH) c.getExptime = exptimeOf(seconds);
  const last = (mode & GET_END) != 0;
  do {
    c.flags &= ~CONN_FULL;
    p = getKeys(c, p, end, last);
  } while (c.flags & CONN_FULL && p);
  return c;
}

function answer(c: Conn, shard: i32, token: u32): void {
  let n = outputLength(c);
  if (!linkRoom(n)) {
    outputDrop(c);
    replyError(c, "SERVER_ERROR out of memory writing get response");
    n = outputLength(c);
  }
  frameBegin(shard, FRAME_REPLY, 0, 0, token, 0, 0, n);
  for (let p = c.outHead; p; p = changetype<Chunk>(p).next) framePut(changetype<Chunk>(p).data, changetype<Chunk>(p).used);
  frameEnd();
  outputDrop(c);
}

/** Runs a request that went to all shards here. */
export function serveHere(token: u32, p: usize, n: u32, protocol: i32): void {
  const c = request(p, n, protocol);
  outputSeal(c);
  builderReset(whole);
  for (let q = c.outHead; q; q = changetype<Chunk>(q).next) putBytes(whole, changetype<Chunk>(q).data, changetype<Chunk>(q).used);
  outputDrop(c);
  forwarded(token, shardSelf, whole.data, whole.failed ? 0 : whole.length);
  if (whole.capacity > 65536) builderRelease(whole);
}

/** A frame has come; payload 0: there was no memory for it. */
export function onFrame(shard: i32, header: usize, p: usize, n: u32): void {
  if (header == framesFrom) prefetchMore();
  const kind: u32 = load<u8>(header, 4);
  const token = load<u32>(header, 8);
  if (kind == FRAME_REPLY) forwarded(token, shard, p, p ? n : 0);
  else if (!p) {
    const c = begin(PROTOCOL_ASCII);
    replyError(c, "SERVER_ERROR out of memory reading request");
    answer(c, shard, token);
  } else if (kind == FRAME_KEYS) answer(keys(p, n, load<u8>(header, 5), load<i32>(header, 12)), shard, token);
  else answer(request(p, n, load<u8>(header, 5)), shard, token);
}

/** What has been written for other shards leaves. */
export function shardTurnEnd(): void {
  linkFlush();
}
