/**
 * Bytes from a client: cut into requests where they lie, and executed one after the other.
 *
 * Requests are parsed in the buffer that the device lent. What is kept is the beginning of a request line (or of a binary head) that is
 * not complete; once it is, only that request is run from the kept bytes, and the rest goes on in the lent buffer. A value goes straight
 * into its item, whatever number of buffers it takes. While a connection has too much unsent output, or has had its turn (CONN_FULL),
 * everything is kept, and the device is told to bring no more.
 */
import { free, tryAllocIo } from "../lib/raw/alloc";
import { copy } from "../lib/raw/bytes";
import { binaryCommand, binaryHeadMissing, binaryValueComplete } from "./binary";
import {
  Conn,
  CONN_CLOSE_AFTER_REPLY,
  CONN_CLOSING,
  CONN_DETACHED,
  CONN_FULL,
  CONN_WATCHING,
  CONN_YIELDED,
  STATE_COMMAND,
  STATE_FORWARD,
  STATE_KEYS,
  STATE_SWALLOW,
  STATE_SWALLOW_LINE,
  STATE_VALUE,
} from "./connection";
import { KEY_MAX_LENGTH } from "./item";
import { logFdSet } from "./log";
import { replyLine } from "./output";
import { PROTOCOL_ASCII, PROTOCOL_BINARY, PROTOCOL_NEGOTIATING, settings } from "./settings";
import { shardTotal } from "../lib/raw/shard-link";
import { collected, lineAt } from "./shard-route";
import { stats } from "./stats";
import { textCommand } from "./text";
import { getKeys } from "./text-get";
import { valueComplete } from "./text-update";

const OVER: u32 = CONN_CLOSING | CONN_CLOSE_AFTER_REPLY | CONN_WATCHING;
const STOP: u32 = OVER | CONN_FULL;
/** A line that is longer than this and not through must be a get. */
const LINE_MAX: usize = 2048;
const BINARY_REQUEST_MAGIC: u32 = 0x80;

/** The newline in [p, end), or `end`. Reads up to 15 bytes beyond. */
// @ts-ignore: decorator
@inline
function newlineIn(p: usize, end: usize): usize {
  const newline = i8x16.splat(10);
  while (p < end) {
    const bits = i8x16.bitmask(i8x16.eq(v128.load(p), newline));
    if (bits) {
      p += ctz(bits);
      break;
    }
    p += 16;
  }
  return min(p, end);
}

/** Takes what it can of [p, end); where the first byte lies that must be kept. */
export function run(c: Conn, p: usize, end: usize): usize {
  let requests = settings.requestsAtOnce;
  logFdSet(c.fd);
  while (p < end) {
    if (c.flags & STOP) return p;
    const state = c.state;
    if (state == STATE_COMMAND) {
      if (--requests < 0 && yields(c)) return p;
      let next: usize;
      if (c.protocol == PROTOCOL_NEGOTIATING)
        c.protocol = load<u8>(p) == BINARY_REQUEST_MAGIC ? PROTOCOL_BINARY : PROTOCOL_ASCII;
      if (c.protocol == PROTOCOL_ASCII) {
        const eol = newlineIn(p, end);
        if (eol == end) {
          next = end - p > LINE_MAX ? longLine(c, p, end) : p;
        } else {
          const last = eol > p + 1 && load<u8>(eol - 1) == 13 ? eol - 1 : eol;
          c.noreply = false;
          if (shardTotal > 1) lineAt(eol + 1, end);
          next = textCommand(c, p, last);
          if (!next) next = eol + 1;
        }
      } else next = binaryCommand(c, p, end);
      if (next == p) return p;
      p = next;
    } else if (state == STATE_VALUE) {
      const n = min(c.left, <u32>(end - p));
      copy(c.itemAt, p, n);
      c.itemAt += n;
      c.left -= n;
      p += n;
      if (!c.left) {
        if (c.protocol == PROTOCOL_BINARY) binaryValueComplete(c);
        else valueComplete(c);
      }
    } else if (state == STATE_SWALLOW) {
      const n = min(c.left, <u32>(end - p));
      c.left -= n;
      p += n;
      if (!c.left) c.state = STATE_COMMAND;
    } else if (state == STATE_KEYS) {
      const next = moreKeys(c, p, end);
      if (next == p) return p;
      p = next;
    } else if (state == STATE_FORWARD) {
      const n = min(c.left, <u32>(end - p));
      copy(c.itemAt, p, n);
      c.itemAt += n;
      c.left -= n;
      p += n;
      if (!c.left) collected(c);
    } else {
      const eol = newlineIn(p, end);
      if (eol < end) c.state = STATE_COMMAND;
      p = min(eol + 1, end);
    }
  }
  return p;
}

/** -R: others come before its next request. Whoever serves a detached connection wants all of it done. */
function yields(c: Conn): bool {
  if (c.flags & CONN_DETACHED) return false;
  stats.connYields++;
  c.flags |= CONN_FULL | CONN_YIELDED;
  return true;
}

/** A line beyond LINE_MAX: a get is answered key by key as it comes, anything else ends the connection. */
function longLine(c: Conn, p: usize, end: usize): usize {
  let word = p;
  while (word < end && load<u8>(word) == 32) word++;
  if (word - p > 100 || end - word < 5) return closing(c, end);
  const head = load<u32>(word);
  let at = word;
  let mode: u8 = 0;
  if (head == 0x20746567) at += 4; // "get "
  else if (head == 0x73746567 && load<u8>(word + 4) == 32) {
    at += 5; // "gets "
    mode = 1;
  } else return closing(c, end);
  c.noreply = false;
  c.getMode = mode;
  c.state = STATE_KEYS;
  return at;
}

function closing(c: Conn, end: usize): usize {
  c.flags |= CONN_CLOSE_AFTER_REPLY;
  return end;
}

/** Goes on with the keys of a get. */
function moreKeys(c: Conn, p: usize, end: usize): usize {
  const eol = newlineIn(p, end);
  if (eol < end) {
    const next = getKeys(c, p, eol > p && load<u8>(eol - 1) == 13 ? eol - 1 : eol, true);
    return next ? next : eol + 1;
  }
  let whole = end;
  while (whole > p && load<u8>(whole - 1) != 32) whole--;
  // One more byte than a key may have: it might be the "\r" of the line's end.
  if (end - whole > KEY_MAX_LENGTH + 1) {
    replyLine(c, "CLIENT_ERROR bad command line format");
    c.state = STATE_SWALLOW_LINE;
    return end;
  }
  if (whole == p) return p;
  const next = getKeys(c, p, whole, false);
  if (next) return next;
  c.state = STATE_SWALLOW_LINE;
  return whole;
}

/** Bytes have arrived in a buffer that is lent until the turn ends. */
export function connReceive(c: Conn, p: usize, n: u32): void {
  stats.bytesRead += n;
  if (c.flags & OVER) return;
  const end = p + n;
  if (c.queryLen || c.flags & CONN_FULL) {
    p = completeQuery(c, p, end);
    if (!p) return;
  }
  p = run(c, p, end);
  if (p < end && !(c.flags & OVER)) keep(c, p, <u32>(end - p));
}

/**
 * The kept beginning of a request gets the bytes that complete it from [p, end), and is run. Where the rest lies; 0 when everything was
 * kept.
 */
function completeQuery(c: Conn, p: usize, end: usize): usize {
  while (c.queryLen && !(c.flags & CONN_FULL)) {
    let to: usize;
    if (c.protocol == PROTOCOL_BINARY) {
      to = min(p + binaryHeadMissing(c.query, c.queryLen), end);
    } else to = min(newlineIn(p, end) + 1, end);
    if (!keep(c, p, <u32>(to - p))) return 0;
    p = to;
    runQuery(c);
    if (p == end || c.flags & OVER) return 0;
  }
  if (!c.queryLen && !(c.flags & CONN_FULL)) return p;
  keep(c, p, <u32>(end - p));
  return 0;
}

/** Runs what is kept; what it cannot take yet stays. */
export function runQuery(c: Conn): void {
  const base = c.query;
  const end = base + c.queryLen;
  const p = run(c, base, end);
  const rest = <u32>(end - p);
  if (!rest || c.flags & OVER) {
    free(c.query);
    c.query = 0;
    c.queryCap = 0;
    c.queryLen = 0;
    return;
  }
  if (p > base) memory.copy(base, p, rest);
  c.queryLen = rest;
}

/** Keeps bytes for later; false when there is no memory, and the connection will be closed. */
function keep(c: Conn, p: usize, n: u32): bool {
  const total = c.queryLen + n;
  if (total > c.queryCap) {
    // 16 bytes more: lines are searched 16 bytes at a time.
    const want = max<u32>(c.queryCap ? total + (total >> 1) : total, 48) + 16;
    const q = tryAllocIo(want);
    if (!q) {
      stats.readBufOom++;
      replyLine(c, "SERVER_ERROR out of memory reading request");
      c.flags |= CONN_CLOSE_AFTER_REPLY;
      return false;
    }
    copy(q, c.query, c.queryLen);
    free(c.query);
    c.query = q;
    c.queryCap = want - 16;
  }
  copy(c.query + c.queryLen, p, n);
  c.queryLen = total;
  return true;
}
