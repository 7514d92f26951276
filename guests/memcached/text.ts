/**
 * The text protocol: one request line, cut into words and executed. Answers and limits are those of memcached 1.6.18's proto_text.c; the
 * commands that look after the server are in text-admin.ts, the meta commands in meta-*.ts.
 */
import { settings } from "./settings";
import { currentTime } from "./clock";
import { Conn, CONN_CLOSE_AFTER_REPLY, CONN_QUIT, CONN_STANDIN, GET_CAS, GET_TOUCH } from "./connection";
import { itemClsid, KEY_MAX_LENGTH } from "./item";
import { metaCommand } from "./meta";
import { commit, replyLine, reserve } from "./output";
import {
  addDelta,
  DELTA_ITEM_NOT_FOUND,
  DELTA_OK,
  deltaLength,
  deltaText,
  EOM,
  flushAll,
  itemGet,
  itemGetTouch,
  itemRemove,
  itemUnlink,
  NON_NUMERIC,
  NREAD_ADD,
  NREAD_APPEND,
  NREAD_CAS,
  NREAD_PREPEND,
  NREAD_REPLACE,
  NREAD_SET,
} from "./store";
import { shardTotal } from "../lib/raw/shard-link";
import { routeText } from "./shard-route";
import { slabStats, stats } from "./stats";
import { prefixDelete } from "./stats-prefix";
import { cacheMemlimit, lruCommand, lruCrawlerCommand, shutdownCommand, slabsCommand, verbosityCommand } from "./text-admin";
import { exptimeOf, getLine } from "./text-get";
import { statsCommand } from "./text-stats";
import { noreplyMaybe, updateCommand } from "./text-update";
import { watchCommand } from "./watch";
import { copy, equalText } from "../lib/raw/bytes";
import {
  ntokens,
  parsedI32,
  parsedU64,
  tokenI32,
  tokenIs,
  tokenize,
  tokenLength,
  tokenPtr,
  tokenU64,
} from "./tokens";

const BAD_FORMAT = "CLIENT_ERROR bad command line format";

/**
 * Executes the line [p, end); 0, or for a get that has to wait for room where its next key lies. What follows a storage command's line
 * is its value: the connection's state says so.
 */
export function textCommand(c: Conn, p: usize, end: usize): usize {
  c.lastCommandTime = currentTime;
  // Most requests are gets: no words are cut for them.
  if (end - p > 4) {
    const head = load<u32>(p);
    if (head == 0x20746567) return getLine(c, p + 4, end, 0); // "get "
    if (head == 0x73746567 && load<u8>(p + 4) == 32) return getLine(c, p + 5, end, GET_CAS); // "gets "
  }
  tokenize(p, end);
  const n = tokenLength(0);
  if (n < 2) {
    replyLine(c, "ERROR");
    return 0;
  }
  if (shardTotal > 1 && !(c.flags & CONN_STANDIN)) {
    const next = routeText(c, p);
    if (next) return next;
  }
  const first: u32 = load<u8>(tokenPtr(0));
  if (first == 109 && n == 2) metaCommand(c);
  else if (first == 103) return getWord(c, end);
  else if (!storage(c) && !data(c)) server(c);
  return 0;
}

/** A get whose line begins with spaces, and gat, gats. */
function getWord(c: Conn, end: usize): usize {
  const rest = tokenPtr(0) + tokenLength(0);
  if (tokenIs(0, "get")) return getLine(c, rest, end, 0);
  if (tokenIs(0, "gets")) return getLine(c, rest, end, GET_CAS);
  if (tokenIs(0, "gat")) return getLine(c, rest, end, GET_TOUCH);
  if (tokenIs(0, "gats")) return getLine(c, rest, end, GET_TOUCH | GET_CAS);
  replyLine(c, "ERROR");
  return 0;
}

/** Whether the line has between `least` and `most` words and the terminal one; answers ERROR if not. */
function want(c: Conn, least: i32, most: i32): bool {
  if (ntokens >= least && ntokens <= most) return true;
  replyLine(c, "ERROR");
  return false;
}

function storage(c: Conn): bool {
  let op = 0;
  if (tokenIs(0, "set")) op = NREAD_SET;
  else if (tokenIs(0, "add")) op = NREAD_ADD;
  else if (tokenIs(0, "append")) op = NREAD_APPEND;
  else if (tokenIs(0, "cas")) op = NREAD_CAS;
  else if (tokenIs(0, "replace")) op = NREAD_REPLACE;
  else if (tokenIs(0, "prepend")) op = NREAD_PREPEND;
  else return false;
  const cas = op == NREAD_CAS;
  if (want(c, cas ? 7 : 6, cas ? 8 : 7)) updateCommand(c, op, cas);
  return true;
}

function data(c: Conn): bool {
  if (tokenIs(0, "incr")) {
    if (want(c, 4, 5)) arithmetic(c, true);
  } else if (tokenIs(0, "decr")) {
    if (want(c, 4, 5)) arithmetic(c, false);
  } else if (tokenIs(0, "delete")) {
    if (want(c, 3, 5)) deleteCommand(c);
  } else if (tokenIs(0, "touch")) {
    if (want(c, 4, 5)) touch(c);
  } else if (tokenIs(0, "flush_all")) {
    if (want(c, 2, 4)) flush(c);
  } else return false;
  return true;
}

function server(c: Conn): void {
  if (tokenIs(0, "stats")) statsCommand(c);
  else if (tokenIs(0, "version")) replyLine(c, "VERSION 1.6.18");
  else if (tokenIs(0, "quit")) c.flags |= CONN_CLOSE_AFTER_REPLY | CONN_QUIT;
  else if (tokenIs(0, "verbosity")) {
    if (want(c, 3, 4)) verbosityCommand(c);
  } else if (tokenIs(0, "cache_memlimit")) {
    if (want(c, 3, 4)) cacheMemlimit(c);
  } else if (tokenIs(0, "slabs")) slabsCommand(c);
  else if (tokenIs(0, "shutdown")) shutdownCommand(c);
  else if (tokenIs(0, "lru")) {
    if (want(c, 3, 24)) lruCommand(c);
  } else if (tokenIs(0, "lru_crawler")) lruCrawlerCommand(c);
  else if (tokenIs(0, "watch")) watchCommand(c);
  else if (tokenIs(0, "bget")) {
    if (want(c, 3, 24)) getLine(c, tokenPtr(0) + 4, tokenPtr(ntokens - 2) + tokenLength(ntokens - 2), 0);
  } else unknown(c);
}

/** ERROR, and for a browser that got lost the end of the connection. */
function unknown(c: Conn): void {
  const p = tokenPtr(ntokens - 2);
  const first: u32 = load<u8>(tokenPtr(0));
  // Words that begin like a known command are looked at no further, as in memcached.
  const known = first == 115 || first == 97 || first == 99 || first == 105 || first == 100 || first == 116;
  if (!known && tokenLength(ntokens - 2) >= 5 && equalText(p, 5, "HTTP/")) c.flags |= CONN_CLOSE_AFTER_REPLY;
  else replyLine(c, "ERROR");
}

function arithmetic(c: Conn, incr: bool): void {
  noreplyMaybe(c);
  if (tokenLength(1) > KEY_MAX_LENGTH) {
    replyLine(c, BAD_FORMAT);
    return;
  }
  if (!tokenU64(2)) {
    replyLine(c, "CLIENT_ERROR invalid numeric delta argument");
    return;
  }
  const answer = addDelta(tokenPtr(1), tokenLength(1), incr, parsedU64, 0);
  if (answer == DELTA_OK) {
    if (c.noreply) return;
    const at = reserve(c, 24);
    copy(at, deltaText, deltaLength);
    store<u16>(at + deltaLength, 0x0a0d);
    commit(c, at + deltaLength + 2);
  } else if (answer == NON_NUMERIC) replyLine(c, "CLIENT_ERROR cannot increment or decrement non-numeric value");
  else if (answer == EOM) replyLine(c, "SERVER_ERROR out of memory");
  else if (answer == DELTA_ITEM_NOT_FOUND) {
    if (incr) stats.incrMisses++;
    else stats.decrMisses++;
    replyLine(c, "NOT_FOUND");
  }
}

function deleteCommand(c: Conn): void {
  if (ntokens > 3) {
    const zero = tokenIs(2, "0");
    const quiet = noreplyMaybe(c);
    const valid = (ntokens == 4 && (zero || quiet)) || (ntokens == 5 && zero && quiet);
    if (!valid) {
      replyLine(c, "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]");
      return;
    }
  }
  if (tokenLength(1) > KEY_MAX_LENGTH) {
    replyLine(c, BAD_FORMAT);
    return;
  }
  if (settings.detailEnabled) prefixDelete(tokenPtr(1), tokenLength(1));
  const it = itemGet(tokenPtr(1), tokenLength(1));
  if (it) {
    slabStats(itemClsid(it)).deleteHits++;
    itemUnlink(it);
    itemRemove(it);
    replyLine(c, "DELETED");
  } else {
    stats.deleteMisses++;
    replyLine(c, "NOT_FOUND");
  }
}

function touch(c: Conn): void {
  noreplyMaybe(c);
  if (tokenLength(1) > KEY_MAX_LENGTH) {
    replyLine(c, BAD_FORMAT);
    return;
  }
  if (!tokenI32(2)) {
    replyLine(c, "CLIENT_ERROR invalid exptime argument");
    return;
  }
  const it = itemGetTouch(tokenPtr(1), tokenLength(1), exptimeOf(parsedI32));
  stats.touchCmds++;
  if (it) {
    slabStats(itemClsid(it)).touchHits++;
    itemRemove(it);
    replyLine(c, "TOUCHED");
  } else {
    stats.touchMisses++;
    replyLine(c, "NOT_FOUND");
  }
}

function flush(c: Conn): void {
  noreplyMaybe(c);
  stats.flushCmds++;
  if (!settings.flushEnabled) {
    replyLine(c, "CLIENT_ERROR flush_all not allowed");
    return;
  }
  let seconds = 0;
  if (ntokens != (c.noreply ? 3 : 2)) {
    if (!tokenI32(1)) {
      replyLine(c, "CLIENT_ERROR invalid exptime argument");
      return;
    }
    seconds = parsedI32;
  }
  flushAll(seconds);
  replyLine(c, "OK");
}
