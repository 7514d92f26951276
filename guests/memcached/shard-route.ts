/**
 * Where a request runs when the keys are spread over shards (boot with `shards`): a key's hash says by its upper bits which shard has it. Its
 * request goes there as it came, value and all, and is answered from there; a get of several keys is cut into what belongs to whom, in order.
 * What has no key but concerns all is asked of all. A machine that is alone pays a comparison for each request.
 */
import { free, tryAllocIo } from "../lib/raw/alloc";
import { copy } from "../lib/raw/bytes";
import { frameBegin, frameEnd, framePut, linkInit, linkRoom, shardSelf, shardTotal } from "../lib/raw/shard-link";
import { base64Decode } from "./base64";
import { Conn, GET_TOUCH, STATE_COMMAND, STATE_FORWARD, STATE_SWALLOW } from "./connection";
import { KEY_MAX_LENGTH } from "./item";
import { replyError } from "./output";
import { forwardNew } from "./shard-order";
import { FRAME_KEYS, FRAME_REQUEST, GET_END, onFrame, serveInit } from "./shard-serve";
import { GATHER_LINES, GATHER_OWN, GATHER_STATS, gatherAll } from "./shard-stats";
import { itemSizeOk, keyHash, shardOf } from "./store";
import { ntokens, parsedI32, tokenI32, tokenIs, tokenLength, tokenPtr, wordEnd } from "./tokens";

/** A request of this size or more is not collected for another shard. */
const BODY_MAX: u32 = 1 << 30;
const decoded = memory.data(256, 16);

/** After ring_setup. */
export function shardInit(): void {
  linkInit(onFrame);
  if (shardTotal > 1) serveInit();
}

// @ts-ignore: decorator
@inline
function shardOfKey(p: usize, n: u32): i32 {
  return <i32>shardOf(keyHash(p, n), shardTotal);
}

/** Sends [p, p + n) to a shard; its answer takes the place that the connection's output has reached. */
function forward(c: Conn, shard: i32, p: usize, n: u32): void {
  if (!linkRoom(n)) {
    replyError(c, "SERVER_ERROR out of memory storing object");
    return;
  }
  const token = forwardNew(c);
  if (!token) return;
  frameBegin(shard, FRAME_REQUEST, c.protocol, 0, <u32>token, 0, 0, n);
  framePut(p, n);
  frameEnd();
}

// --- get ------------------------------------------------------------------------------------------------------------------------
/** The keys from [key, keyEnd) on that all belong to one other shard have been sent there: where the next one is. */
export let keysNext: usize = 0;
/** ... and the answer brings END. */
export let keysEnded: bool = false;

/** False if the key is ours. `first`: no key of the line has been answered. `last`: the line ends at lineEnd. */
export function routeKeys(c: Conn, key: usize, keyEnd: usize, lineEnd: usize, first: bool, last: bool): bool {
  const shard = shardOfKey(key, <u32>(keyEnd - key));
  if (shard == shardSelf) return false;
  let p = keyEnd;
  let run = keyEnd;
  while (true) {
    while (p < lineEnd && load<u8>(p) == 32) p++;
    if (p >= lineEnd) break;
    const end = wordEnd(p, lineEnd);
    if (end == p || end - p > KEY_MAX_LENGTH || shardOfKey(p, <u32>(end - p)) != shard) break;
    p = end;
    run = end;
  }
  keysNext = p;
  keysEnded = first && last && p >= lineEnd;
  const token = forwardNew(c);
  if (!token) return true;
  const n = <u32>(run - key);
  const seconds = c.getMode & GET_TOUCH ? c.getSeconds : 0;
  frameBegin(shard, FRAME_KEYS, c.getMode | (keysEnded ? GET_END : 0), 0, <u32>token, <u32>seconds, 0, n);
  framePut(key, n);
  frameEnd();
  return true;
}

// --- the other text commands ------------------------------------------------------------------------------------------------------
/** The line that is being executed: where the next one begins, and where the bytes end that have come. */
let lineNext: usize = 0;
let inputEnd: usize = 0;
// @ts-ignore: decorator
@inline
export function lineAt(next: usize, end: usize): void {
  lineNext = next;
  inputEnd = end;
}

/** The line at p, which has been cut into words: 0 if it runs here, else where the next request begins. */
export function routeText(c: Conn, p: usize): usize {
  const n = tokenLength(0);
  const at = tokenPtr(0);
  if (ntokens < 2) return 0;
  if (n == 2 && load<u8>(at) == 109) return meta(c, p, load<u8>(at + 1));
  if (tokenIs(0, "set")) return store_(c, p, 6, true);
  if (tokenIs(0, "add") || tokenIs(0, "replace") || tokenIs(0, "append") || tokenIs(0, "prepend")) return store_(c, p, 6, false);
  if (tokenIs(0, "cas")) return store_(c, p, 7, false);
  if (tokenIs(0, "incr") || tokenIs(0, "decr") || tokenIs(0, "touch")) return line(c, p, 4);
  if (tokenIs(0, "delete")) return line(c, p, 3);
  return all(c, p);
}

function line(c: Conn, p: usize, least: i32): usize {
  if (ntokens < least || tokenLength(1) > KEY_MAX_LENGTH) return 0;
  const shard = shardOfKey(tokenPtr(1), tokenLength(1));
  if (shard == shardSelf) return 0;
  forward(c, shard, p, <u32>(lineNext - p));
  return lineNext;
}

function store_(c: Conn, p: usize, least: i32, isSet: bool): usize {
  if (ntokens < least || ntokens > least + 1 || tokenLength(1) > KEY_MAX_LENGTH) return 0;
  const shard = shardOfKey(tokenPtr(1), tokenLength(1));
  if (shard == shardSelf || !tokenI32(4) || parsedI32 < 0 || parsedI32 > 0x7ffffffd) return 0;
  return value(c, p, shard, <u32>parsedI32 + 2, isSet);
}

const deletion = memory.data(320, 16);

/** A line and the `nbytes` behind it. */
function value(c: Conn, p: usize, shard: i32, nbytes: u32, isSet: bool): usize {
  if (!itemSizeOk(tokenLength(1), 0, nbytes)) {
    // Refused here, before it is collected; the old value must not stay.
    if (isSet) {
      const nkey = tokenLength(1);
      store<u64>(deletion, 0x206574656c6564); // "delete "
      copy(deletion + 7, tokenPtr(1), nkey);
      store<u64>(deletion + 7 + nkey, 0x796c7065726f6e20); // " noreply"
      store<u16>(deletion + 15 + nkey, 0x0a0d);
      forward(c, shard, deletion, 17 + nkey);
    }
    return 0;
  }
  return collect(c, p, shard, <u32>(lineNext - p) + nbytes, <u32>(inputEnd - p));
}

/** A request of `total` bytes, of which `have` lie at p: sent if that is all, else collected as it comes. */
function collect(c: Conn, p: usize, shard: i32, total: u32, have: u32): usize {
  if (have >= total) {
    forward(c, shard, p, total);
    return p + total;
  }
  const block = tryAllocIo(total + 16);
  if (!block) {
    replyError(c, "SERVER_ERROR out of memory storing object");
    c.left = total - have;
    c.state = STATE_SWALLOW;
    return p + have;
  }
  copy(block, p, have);
  c.forward = block;
  c.forwardBytes = total;
  c.forwardShard = shard;
  c.itemAt = block + have;
  c.left = total - have;
  c.state = STATE_FORWARD;
  return p + have;
}
/** The last byte of a collected request is there. */
export function collected(c: Conn): void {
  const block = c.forward;
  c.forward = 0;
  c.state = STATE_COMMAND;
  forward(c, c.forwardShard, block, c.forwardBytes);
  free(block);
}

function meta(c: Conn, p: usize, letter: u32): usize {
  if (letter != 103 && letter != 115 && letter != 100 && letter != 97 && letter != 101) return 0; // mg ms md ma me
  if (ntokens < 3 || tokenLength(1) > KEY_MAX_LENGTH) return 0;
  let key = tokenPtr(1);
  let nkey = tokenLength(1);
  for (let i = letter == 115 ? 3 : 2; i < ntokens - 1; i++) {
    if (tokenLength(i) != 1 || load<u8>(tokenPtr(i)) != 98) continue; // b: the key is base64
    nkey = base64Decode(decoded, key, nkey);
    key = decoded;
    if (!nkey) return 0;
    break;
  }
  const shard = shardOfKey(key, nkey);
  if (shard == shardSelf) return 0;
  if (letter == 115) {
    if (ntokens < 4 || !tokenI32(2) || parsedI32 < 0 || parsedI32 > 0x7ffffffd) return 0;
    return value(c, p, shard, <u32>parsedI32 + 2, false);
  }
  forward(c, shard, p, <u32>(lineNext - p));
  return lineNext;
}

/** Commands without a key that concern all shards. */
function all(c: Conn, p: usize): usize {
  let kind: u32 = 0;
  if (tokenIs(0, "stats")) {
    if (ntokens == 2 || tokenIs(1, "items") || tokenIs(1, "slabs") || tokenIs(1, "sizes")) kind = GATHER_STATS;
    else if (tokenIs(1, "conns") || tokenIs(1, "cachedump")) kind = GATHER_LINES;
    else if (!tokenIs(1, "settings")) kind = GATHER_OWN;
  } else if (tokenIs(0, "lru_crawler")) {
    if (ntokens > 2 && tokenIs(1, "metadump")) {
      replyError(c, "ERROR metadump not allowed");
      return lineNext;
    }
    kind = GATHER_OWN;
  } else if (
    tokenIs(0, "flush_all") ||
    tokenIs(0, "verbosity") ||
    tokenIs(0, "cache_memlimit") ||
    tokenIs(0, "slabs") ||
    tokenIs(0, "lru")
  )
    kind = GATHER_OWN;
  if (!kind) return 0;
  const n = <u32>(lineNext - p);
  const next = lineNext; // running it here will read other lines
  gatherAll(c, kind, p, n);
  return next;
}

// --- binary ---------------------------------------------------------------------------------------------------------------------
const BINARY_FLUSH: u32 = 0x08;
const BINARY_FLUSHQ: u32 = 0x18;
const BINARY_STAT: u32 = 0x10;
const SASL_FIRST: u32 = 0x20;
const SASL_LAST: u32 = 0x22;

/** The request at p, whose head, extras and key (`need` bytes) are there of `have`: 0 if it runs here, else where the next one begins. */
export function routeBinary(c: Conn, p: usize, need: u32, have: u32): usize {
  const opcode: u32 = load<u8>(p, 1);
  const nkey = <u32>bswap<u16>(load<u16>(p, 2));
  const nextras = <u32>load<u8>(p, 4);
  const body = bswap<u32>(load<u32>(p, 8));
  if (opcode == BINARY_FLUSH || opcode == BINARY_FLUSHQ) {
    if (nkey || body != nextras) return 0;
    gatherAll(c, GATHER_OWN, p, need);
    return p + need;
  }
  if (!nkey || nkey > KEY_MAX_LENGTH || nkey + nextras > body || opcode == BINARY_STAT) return 0;
  if (opcode >= SASL_FIRST && opcode <= SASL_LAST) return 0;
  const shard = shardOfKey(p + 24 + nextras, nkey);
  if (shard == shardSelf || body > BODY_MAX) return 0;
  const nvalue = body - nkey - nextras;
  if (nvalue && !itemSizeOk(nkey, 0, nvalue + 2)) return 0;
  return collect(c, p, shard, 24 + body, have);
}
