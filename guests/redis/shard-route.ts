/**
 * Where a request runs when the keys are spread over shards (boot with `shards`). dispatch.ts asks before it runs anything, and only then: a
 * machine that is alone pays one comparison.
 *
 * A request whose keys all belong to one other shard is sent there as it came; keys in two shards are refused as Redis Cluster does (CROSSSLOT).
 * A transaction belongs to the shard of its first key, watched or queued. What has no keys but concerns all is asked of all.
 */
import { Builder, builderReset, putByte, putBytes, putInt, putText } from "../lib/raw/builder";
import { formatU64, parsedI64, parsedU64, parseI64, parseU64 } from "../lib/raw/number";
import { frameBegin, frameEnd, framePut, linkInit, linkRoom, shardSelf, shardTotal } from "../lib/raw/shard-link";
import {
  argc,
  argLen,
  argPtr,
  Client,
  CLIENT_DIRTY_EXEC,
  CLIENT_FAKE,
  CLIENT_FORWARDING,
  CLIENT_MULTI,
  CLIENT_PUBSUB,
  CLIENT_STANDIN,
  clientById,
  clientIdsOf,
  rawLen,
  rawPtr,
} from "./client";
import { argIs, CMD_BLOCKING, Command, commandFind } from "./command";
import { CMD_NEVER_QUEUED, CMD_PUBSUB_ALLOWED, errorName, reject, rejectText } from "./dispatch";
import { discardTransaction, queuedArgs, queuedAt, queuedCount, queuedRaw, queuedRawLen } from "./multi";
import { randomU64 } from "../lib/raw/random";
import { Chunk, CHUNK_WAITING, errorBegin, errorEnd, errorText, replyOom } from "./reply";
import {
  GATHER_ALL,
  GATHER_ANY,
  GATHER_ARRAY,
  GATHER_PAIRS,
  GATHER_RANDOM,
  GATHER_SCAN,
  GATHER_SUM,
  GATHER_TEXT,
  gatherAll,
  gatherOne,
} from "./shard-gather";
import { Forward, forwardNew } from "./shard-order";
import { FRAME_CANCEL, FRAME_EXEC, FRAME_REQUEST, FRAME_UNBLOCK, FRAME_UNWATCH, FRAME_WATCH, onFrame } from "./shard-serve";
import { CROSS_SHARD, NO_KEYS, shardOf, shardOfKeys, slotInit } from "./shard-slot";
import { stats } from "./server";

/** Rules of commands (Command.shards), besides the GATHER_ ones, which ask all shards. 0: by the keys. */
const RULE_HERE: u32 = 20; // keys, if any, are none
const RULE_WATCH: u32 = 21;
const RULE_EXEC: u32 = 22;
const RULE_SORT: u32 = 23;
const RULE_PUBLISH: u32 = 24; // asked of all; inside EXEC pubsub.ts tells the others
const RULE_UNBLOCK: u32 = 25;
const RULE_KILL: u32 = 26;
const RULE_ARG2: u32 = 27; // the key is argument 2
const RULE_REFUSED: u32 = 28;

const CROSS_SLOT = "CROSSSLOT Keys in request don't hash to the same slot";

function rule(name: string, value: u32): void {
  const m = lookup(name);
  if (m) changetype<Command>(m).shards = value;
}
/** A command or subcommand by its full name. */
function lookup(name: string): usize {
  const bar = name.indexOf("|");
  const parent = bar < 0 ? name : name.substring(0, bar);
  for (let i = 0; i < parent.length; i++) store<u8>(word + i, <u8>parent.charCodeAt(i));
  const m = commandFind(word, parent.length);
  if (bar < 0 || !m) return m;
  for (let s = changetype<Command>(m).children; s; s = changetype<Command>(s).sibling) {
    if (changetype<string>(changetype<Command>(s).name) == name) return s;
  }
  return 0;
}
const word = memory.data(64, 16);

/** After ring_setup and when all commands are registered. */
export function shardInit(): void {
  linkInit(onFrame);
  if (shardTotal == 1) return;
  slotInit();
  clientIdsOf(shardSelf, shardTotal);
  rule("dbsize", GATHER_SUM);
  rule("keys", GATHER_ARRAY);
  rule("scan", GATHER_SCAN);
  rule("randomkey", GATHER_RANDOM);
  rule("flushall", GATHER_ALL);
  rule("flushdb", GATHER_ALL);
  rule("swapdb", GATHER_ALL);
  rule("save", GATHER_ALL);
  rule("bgsave", GATHER_ALL);
  rule("bgrewriteaof", GATHER_ALL);
  rule("config|set", GATHER_ALL);
  rule("config|resetstat", GATHER_ALL);
  rule("config|rewrite", GATHER_ALL);
  rule("client|pause", GATHER_ALL);
  rule("client|unpause", GATHER_ALL);
  rule("client|list", GATHER_TEXT);
  rule("client|kill", RULE_KILL);
  rule("client|unblock", RULE_UNBLOCK);
  rule("slowlog|reset", GATHER_ALL);
  rule("slowlog|len", GATHER_SUM);
  rule("latency|reset", GATHER_SUM);
  rule("memory|purge", GATHER_ALL);
  rule("publish", RULE_PUBLISH);
  rule("spublish", RULE_PUBLISH);
  rule("ssubscribe", RULE_HERE);
  rule("sunsubscribe", RULE_HERE);
  rule("pubsub|channels", GATHER_ARRAY);
  rule("pubsub|shardchannels", GATHER_ARRAY);
  rule("pubsub|numpat", GATHER_SUM);
  rule("pubsub|numsub", GATHER_PAIRS);
  rule("pubsub|shardnumsub", GATHER_PAIRS);
  rule("watch", RULE_WATCH);
  rule("exec", RULE_EXEC);
  rule("sort", RULE_SORT);
  rule("sort_ro", RULE_SORT);
  rule("object|encoding", RULE_ARG2);
  rule("object|refcount", RULE_ARG2);
  rule("object|idletime", RULE_ARG2);
  rule("object|freq", RULE_ARG2);
  rule("memory|usage", RULE_ARG2);
  rule("monitor", RULE_REFUSED);
}

/** True if the request has been seen to: sent to another shard, or refused. */
export function route(c: Client, m: Command): bool {
  if (c.flags & (CLIENT_FAKE | CLIENT_STANDIN)) return false;
  if (c.flags & CLIENT_PUBSUB && c.resp == 2 && !(m.flags & CMD_PUBSUB_ALLOWED)) return false; // refused where it always is
  const by = m.shards;
  if (by) return special(c, m, by);
  return toShard(c, m, shardOfKeys(m));
}

function toShard(c: Client, m: Command, shard: i32): bool {
  if (shard < 0) {
    if (shard == NO_KEYS) return false;
    rejectText(c, m, CROSS_SLOT);
    return true;
  }
  if (c.flags & CLIENT_MULTI && !(m.flags & CMD_NEVER_QUEUED)) {
    if (bind(c, shard)) return false;
    rejectText(c, m, CROSS_SLOT);
    return true;
  }
  if (shard == shardSelf) return false;
  forward(c, shard, (m.flags & CMD_BLOCKING) != 0);
  return true;
}

/** The client's transaction is of that shard; false if it is of another. */
function bind(c: Client, shard: i32): bool {
  if (!c.boundShard) c.boundShard = shard + 1;
  return c.boundShard == shard + 1;
}

function forward(c: Client, shard: i32, blocking: bool): void {
  const n = request();
  const token = linkRoom(n) ? forwardNew(c, shard, n, blocking) : 0;
  if (!token) {
    replyOom(c);
    return;
  }
  stats.forwarded++;
  frameBegin(shard, FRAME_REQUEST, c.resp, 0, <u32>token, c.db, c.id, n);
  framePut(requestAt, n);
  frameEnd();
}

const serialized: Builder = changetype<Builder>(memory.data(16, 16));
let requestAt: usize = 0;

/** The request in argc/argv as a RESP array: at `requestAt`, its length. */
function request(): u32 {
  if (rawPtr) {
    requestAt = rawPtr;
    return rawLen;
  }
  builderReset(serialized);
  putRequest(serialized, -1);
  requestAt = serialized.data;
  return serialized.length;
}
/** The same into a Builder, with the number in `parsedU64` in the place of argument `replaced`. */
function putRequest(b: Builder, replaced: i32): void {
  const cursor = parsedU64;
  putByte(b, 42);
  putInt(b, argc);
  putText(b, "\r\n");
  for (let i = 0; i < argc; i++) {
    const digits = i == replaced ? <u32>formatU64(word, cursor) : 0;
    putByte(b, 36);
    putInt(b, i == replaced ? digits : argLen(i));
    putText(b, "\r\n");
    if (i == replaced) putBytes(b, word, digits);
    else putBytes(b, argPtr(i), argLen(i));
    putText(b, "\r\n");
  }
}

function special(c: Client, m: Command, by: u32): bool {
  if (by == RULE_HERE) return false;
  if (by == RULE_ARG2) return toShard(c, m, argc > 2 ? shardOf(argPtr(2), argLen(2)) : NO_KEYS);
  if (by == RULE_SORT) return sort(c, m);
  if (by == RULE_WATCH) return watch(c, m);
  if (by == RULE_EXEC) return exec(c);
  const inMulti = c.flags & CLIENT_MULTI;
  if (by == RULE_PUBLISH && inMulti) return false;
  if (by == RULE_REFUSED || inMulti) {
    errorBegin("ERR '");
    errorName(m);
    errorText(inMulti ? "' is asked of all shards: not inside a transaction" : "' sees one shard only: boot without --shards for it");
    errorEnd(c);
    reject(c, m);
    return true;
  }
  if (by == RULE_UNBLOCK) return unblock(c);
  if (by == GATHER_SCAN) return scan(c);
  const n = request();
  let done: bool;
  if (by == GATHER_RANDOM) done = gatherOne(c, by, <i32>(randomU64() % <u64>shardTotal), requestAt, n);
  else {
    const kind = by == RULE_PUBLISH ? GATHER_SUM : by == RULE_KILL ? (argc == 3 ? GATHER_ANY : GATHER_SUM) : by;
    done = linkRoom(n * <u32>shardTotal) && gatherAll(c, kind, requestAt, n);
  }
  if (!done) replyOom(c);
  return true;
}

/** As Redis Cluster: keys that only patterns name may be anywhere. */
function sort(c: Client, m: Command): bool {
  for (let i = 2; i + 1 < argc; i++) {
    const get = argIs(i, "get");
    if (!get && !argIs(i, "by")) continue;
    i++;
    let pattern = false;
    for (let k: u32 = 0; k < argLen(i); k++) if (load<u8>(argPtr(i) + k) == 42) pattern = true;
    if (!pattern) continue;
    rejectText(c, m, get ? "ERR GET option of SORT denied in cluster mode." : "ERR BY option of SORT denied in cluster mode.");
    return true;
  }
  return toShard(c, m, shardOfKeys(m));
}

function scan(c: Client): bool {
  if (!parseU64(argPtr(1), argLen(1))) return false; // refused where it always is
  const total = <u64>shardTotal;
  const shard = <i32>(parsedU64 % total);
  setCursor(parsedU64 / total);
  builderReset(serialized);
  putRequest(serialized, 1);
  if (!gatherOne(c, GATHER_SCAN, shard, serialized.data, serialized.length)) replyOom(c);
  return true;
}
function setCursor(cursor: u64): void {
  parseU64(word, formatU64(word, cursor));
}

/** CLIENT UNBLOCK: the number tells the client's shard, and that shard knows where the client waits. */
function unblock(c: Client): bool {
  if (argc > 4 || argc < 3 || !parseI64(argPtr(2), argLen(2)) || parsedI64 < 1) return false;
  const shard = <i32>((parsedI64 - 1) % shardTotal);
  if (shard != shardSelf) {
    forward(c, shard, false);
    return true;
  }
  return false;
}

/** CLIENT UNBLOCK of a client of ours whose request blocks at another shard. */
export function unblockForwarded(k: Client, withError: bool): bool {
  if (!(k.flags & CLIENT_FORWARDING)) return false;
  for (let p = k.outWait; p; p = changetype<Chunk>(p).next) {
    const f = changetype<Forward>(p);
    if (!(f.flags & CHUNK_WAITING) || !f.blocking) continue;
    frameBegin(f.shard, FRAME_UNBLOCK, 0, withError ? 2 : 1, <u32>p, 0, 0, 0);
    frameEnd();
    return true;
  }
  return false;
}

// --- transactions --------------------------------------------------------------------------------------------------
function watch(c: Client, m: Command): bool {
  if (c.flags & CLIENT_MULTI) return false;
  const shard = shardOfKeys(m);
  if (shard == CROSS_SHARD || !bind(c, shard)) {
    rejectText(c, m, CROSS_SLOT);
    return true;
  }
  if (shard == shardSelf) return false;
  const n = request();
  const token = forwardNew(c, shard, n, false);
  if (!token) {
    replyOom(c);
    return true;
  }
  c.session = 1;
  frameBegin(shard, FRAME_WATCH, c.resp, 0, <u32>token, c.db, c.id, n);
  framePut(requestAt, n);
  frameEnd();
  return true;
}

/** EXEC of a transaction of another shard: that one runs it. */
function exec(c: Client): bool {
  const shard = c.boundShard - 1;
  if (!(c.flags & CLIENT_MULTI) || c.flags & CLIENT_DIRTY_EXEC || shard < 0 || shard == shardSelf) return false;
  builderReset(serialized);
  putText(serialized, "........*1\r\n$5\r\nMULTI\r\n");
  for (let i: u32 = 0; i < c.multiCount; i++) {
    queuedAt(c, i);
    putQueued(serialized);
  }
  const prefix = serialized.length - 8;
  putText(serialized, "*1\r\n$4\r\nEXEC\r\n");
  const n = serialized.length;
  const token = !serialized.failed && linkRoom(n) ? forwardNew(c, shard, n, true) : 0; // what follows may want the database that it selects
  if (!token) {
    replyOom(c);
    discardTransaction(c);
    return true;
  }
  store<u32>(serialized.data, prefix);
  store<u32>(serialized.data, 0, 4);
  changetype<Forward>(token).transaction = 1;
  frameBegin(shard, FRAME_EXEC, c.resp, 0, <u32>token, c.db, c.id, n);
  framePut(serialized.data, n);
  frameEnd();
  c.session = 0; // its watch ends there
  discardTransaction(c);
  return true;
}
function putQueued(b: Builder): void {
  if (queuedRaw) {
    putBytes(b, queuedRaw, queuedRawLen);
    return;
  }
  putByte(b, 42);
  putInt(b, queuedCount);
  putText(b, "\r\n");
  for (let i: u32 = 0; i < queuedCount; i++) {
    const at = queuedArgs + (<usize>i << 3);
    putByte(b, 36);
    putInt(b, load<u32>(at, 4));
    putText(b, "\r\n");
    putBytes(b, load<usize>(at), load<u32>(at, 4));
    putText(b, "\r\n");
  }
}

/** The transaction is over, or its watch: the next one may be of any shard. */
export function shardUnbind(c: Client): void {
  if (c.session) {
    frameBegin(c.boundShard - 1, FRAME_UNWATCH, 0, 0, 0, 0, c.id, 0);
    frameEnd();
    c.session = 0;
  }
  c.boundShard = 0;
}

/** The connection is gone: what waits for it elsewhere need not. */
export function shardClientFree(c: Client): void {
  shardUnbind(c);
  for (let p = c.outWait; p; p = changetype<Chunk>(p).next) {
    const f = changetype<Forward>(p);
    if (!(f.flags & CHUNK_WAITING) || !f.blocking || f.transaction) continue;
    frameBegin(f.shard, FRAME_CANCEL, 0, 0, <u32>p, 0, 0, 0);
    frameEnd();
  }
}
