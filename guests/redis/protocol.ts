/**
 * The request parser: RESP arrays and inline commands, executed one after the other as they are found.
 *
 * A request is parsed where it lies: in the receive buffer lent by the device when nothing of it came earlier, else in the
 * client's own buffer, which holds only what is incomplete. A bulk whose length is known gets its exact room at once.
 * A bulk for which the machine has no memory is not stored: the rest of that request is swallowed and answered with an OOM error,
 * and so is a request that outgrows memory while it arrives.
 *
 * Limits and error texts are those of Redis 7.0 (networking.c, processMultibulkBuffer and processInlineBuffer).
 */
import { free, hasRoom, tryAlloc, tryRealloc, tryReallocIo } from "../lib/raw/alloc";
import {
  argcSet,
  argLen,
  argPtr,
  argSet,
  argvReserve,
  Client,
  CLIENT_AUTHENTICATED,
  CLIENT_BLOCKED,
  CLIENT_CLOSE_AFTER_REPLY,
  CLIENT_CLOSE_ASAP,
  CLIENT_FORWARDING,
  CLIENT_FULL,
  CLIENT_PAUSED,
  clientCloseSoon,
  rawSet,
} from "./client";
import { execute, rejectOversized } from "./dispatch";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { errorBegin, errorBytes, errorEnd, errorText, replyError, replyOom } from "./reply";
import { cfg, log, LOG_VERBOSE, LOG_WARNING, stats } from "./server";
import { sys_ring_pause } from "../lib/sys";

const LINE_MAX: usize = 65536; // PROTO_INLINE_MAX_SIZE
const STOP: u32 =
  CLIENT_BLOCKED | CLIENT_CLOSE_ASAP | CLIENT_CLOSE_AFTER_REPLY | CLIENT_PAUSED | CLIENT_FORWARDING | CLIENT_FULL;
/** Replies that may wait for somebody to read them, where no client-output-buffer-limit says how many. */
const OUTPUT_MAX: u32 = 1 << 20;
/** A request with more arguments than this keeps what was parsed of it when it is incomplete. */
const KEEP_ARGS: i32 = 16;
/** An incomplete request up to this size may be kept in the memory that data leaves. */
const IO_REQUEST_MAX: u32 = 65536;

/** Bytes the incomplete request will need from its start, as far as is known; set by parse. */
let needed: usize = 0;
/** The incomplete request cannot be kept: parse swallows it instead. */
let shedding: bool = false;

function fail(c: Client, text: string): void {
  replyError(c, text);
  log(LOG_VERBOSE, "Protocol error from a client");
  c.flags |= CLIENT_CLOSE_AFTER_REPLY;
}

function authMissing(c: Client): bool {
  return cfg.requirepass != 0 && !(c.flags & CLIENT_AUTHENTICATED);
}

/** Position of the CR that ends the line at p (one more byte must follow), or 0. */
function lineEnd(p: usize, end: usize): usize {
  const last = end - 1;
  while (p < last) {
    if (load<u8>(p) == 13) return p;
    p++;
  }
  return 0;
}

/** Executes complete requests in [p, end); answers where the first incomplete one starts. `p` may be the client's own buffer. */
function parse(c: Client, p: usize, end: usize): usize {
  while (p < end) {
    if (c.flags & STOP) return p;
    if (c.outQueued > OUTPUT_MAX && !cfg.obufHard0 && !cfg.obufSoft0) {
      // It goes on in loop.ts, once they have been read.
      c.flags |= CLIENT_FULL;
      sys_ring_pause(c.fd, 1);
      return p;
    }
    const start = p;
    if (load<u8>(p) != 42) {
      p = inline_(c, p, end);
      if (!p) return start;
      continue;
    }
    let count: i32;
    let i = 0;
    if (c.multibulk) {
      // Continue a long request: its arguments so far are kept as offsets.
      count = c.multibulk;
      i = c.partCount;
      const last = c.partArgs + (<usize>(i - 1) << 3);
      p = start + load<u32>(last) + load<u32>(last, 4) + 2;
      if (!argvReserve(count < 1024 ? count : max(i + 1, 1024))) {
        discardRequest(c, count - i);
        return p;
      }
      for (let k = 0; k < i; k++) {
        const at = c.partArgs + (<usize>k << 3);
        argSet(k, start + load<u32>(at), load<u32>(at, 4));
      }
    } else {
      const digit = <u32>load<u8>(p + 1) - 48;
      if (p + 4 <= end && digit <= 9 && load<u16>(p + 2) == 0x0a0d) {
        count = digit;
        p += 4;
      } else {
        const eol = lineEnd(p, end);
        if (!eol) {
          if (end - p > LINE_MAX) {
            fail(c, "ERR Protocol error: too big mbulk count string");
            return end;
          }
          needed = 0;
          return start;
        }
        if (!parseI64(p + 1, eol - p - 1) || parsedI64 > 0x7fffffff) {
          fail(c, "ERR Protocol error: invalid multibulk length");
          return end;
        }
        if (parsedI64 > 10 && authMissing(c)) {
          fail(c, "ERR Protocol error: unauthenticated multibulk length");
          return end;
        }
        count = <i32>max<i64>(parsedI64, 0);
        p = eol + 2;
      }
      if (count == 0) continue;
    }
    for (; i < count; i++) {
      if (i >= 1024 && !argvReserve(i + 1)) {
        discardRequest(c, count - i);
        return p;
      }
      let length: u32;
      const header = p;
      const head = load<u32>(p);
      const digit = ((head >> 8) & 0xff) - 48;
      if (p + 4 <= end && (head & 0xffff00ff) == 0x0a0d0024 && digit <= 9) {
        length = digit;
        p += 4;
      } else {
        const eol = p < end ? lineEnd(p, end) : 0;
        if (!eol) {
          if (end - p > LINE_MAX) {
            fail(c, "ERR Protocol error: too big bulk count string");
            return end;
          }
          // As in Redis, a wrong type byte is noticed once the line is complete.
          needed = 0;
          if (shedding) {
            discardRequest(c, count - i);
            return p;
          }
          keepPart(c, start, count, i);
          return start;
        }
        if (load<u8>(p) != 36) {
          errorBegin("ERR Protocol error: expected '$', got '");
          errorBytes(p, 1, 1);
          errorText("'");
          errorEnd(c);
          log(LOG_VERBOSE, "Protocol error from a client: expected $ but got something else");
          c.flags |= CLIENT_CLOSE_AFTER_REPLY;
          return end;
        }
        if (!parseI64(p + 1, eol - p - 1) || parsedI64 < 0 || parsedI64 > cfg.protoMaxBulkLen || parsedI64 > 0x3fffffff) {
          fail(c, "ERR Protocol error: invalid bulk length");
          return end;
        }
        if (parsedI64 > 16384 && authMissing(c)) {
          fail(c, "ERR Protocol error: unauthenticated bulk length");
          return end;
        }
        length = <u32>parsedI64;
        p = eol + 2;
      }
      if (<usize>length + 2 > end - p) {
        needed = p - start + length + 2;
        if (!shedding) keepPart(c, start, count, i);
        if (shedding || (length > 32768 && !roomFor(c, needed))) {
          // No memory for this bulk: swallow it and the arguments behind it.
          discardRequest(c, count - i - 1);
          c.discardBytes = length + 2 - <u32>(end - p);
          return end;
        }
        return start;
      }
      argSet(i, p, length);
      p += length + 2;
    }
    c.multibulk = 0;
    c.partCount = 0;
    argcSet(count);
    rawSet(start, <u32>(p - start));
    execute(c);
  }
  return p;
}

/** Remembers the arguments parsed so far of a long incomplete request, so that it is not parsed again from its start each time. */
function keepPart(c: Client, start: usize, count: i32, done: i32): void {
  if (done < KEEP_ARGS) return;
  if (<u32>done > c.partCap) {
    const cap = max<u32>(64, <u32>done * 2);
    const q = tryRealloc(c.partArgs, <usize>cap << 3);
    if (!q) return;
    c.partArgs = q;
    c.partCap = cap;
  }
  for (let k = c.partCount; k < <u32>done; k++) {
    const at = c.partArgs + (<usize>k << 3);
    store<u32>(at, <u32>(argPointer(k) - start));
    store<u32>(at, argLength(k), 4);
  }
  c.partCount = done;
  c.multibulk = count;
}
function argPointer(i: u32): usize {
  return argPtr(i);
}
function argLength(i: u32): u32 {
  return argLen(i);
}

/** Switches to swallowing: `rest` more arguments are thrown away after `discardBytes`. */
function discardRequest(c: Client, rest: i32): void {
  c.discardArgs = rest;
  c.discarding = 1;
  c.multibulk = 0;
  c.partCount = 0;
}

/** Whether the client's buffer can be made to hold `n` bytes. */
function roomFor(c: Client, n: usize): bool {
  if (c.queryCap >= <u32>n) return true;
  if (<i64>n > cfg.clientQueryBufferLimit) return true; // the limit is enforced, and the client closed, when bytes arrive
  if (!hasRoom(n + (n >> 3))) return false;
  return true;
}

/** One inline command; answers the byte behind it, or 0 when it is incomplete. */
function inline_(c: Client, p: usize, end: usize): usize {
  let eol = p;
  // 16 bytes at a time while none is a newline
  const newline = i8x16.splat(10);
  while (eol + 16 <= end && !v128.any_true(i8x16.eq(v128.load(eol), newline))) eol += 16;
  while (eol < end && load<u8>(eol) != 10) eol++;
  if (eol == end) {
    if (end - p > LINE_MAX) {
      fail(c, "ERR Protocol error: too big inline request");
      return end;
    }
    needed = 0;
    return 0;
  }
  let last = eol;
  if (last > p && load<u8>(last - 1) == 13) last--;
  // The words are unquoted into a buffer of their own: they never get longer.
  const size = last - p;
  if (size > inlineCap) {
    free(inlineBuffer);
    inlineCap = 0;
    inlineBuffer = tryAlloc(size + 64);
    if (!inlineBuffer) {
      replyOom(c);
      return eol + 1;
    }
    inlineCap = size + 64;
  }
  const count = splitWords(p, last);
  if (count < 0) {
    fail(c, "ERR Protocol error: unbalanced quotes in request");
    return end;
  }
  if (count > 0) {
    argcSet(count);
    rawSet(0, 0);
    execute(c);
  }
  return eol + 1;
}
let inlineBuffer: usize = 0;
let inlineCap: usize = 0;

function isSpace(ch: u32): bool {
  return ch == 32 || (ch >= 9 && ch <= 13);
}
function hex(ch: u32): i32 {
  if (ch - 48 <= 9) return ch - 48;
  const l = ch | 32;
  return l - 97 < 6 ? <i32>(l - 87) : -1;
}

/** Splits a line into arguments with the quoting rules of sdssplitargs; the number, -1 for unbalanced quotes. */
export function splitWords(p: usize, end: usize): i32 {
  let out = inlineBuffer;
  let count = 0;
  while (true) {
    while (p < end && isSpace(load<u8>(p))) p++;
    if (p >= end || load<u8>(p) == 0) return count;
    const word = out;
    let quote: u32 = 0;
    while (true) {
      const ch: u32 = p < end ? load<u8>(p) : 0;
      if (quote == 34) {
        if (p >= end || ch == 0) return -1;
        if (ch == 92 && p + 3 < end && load<u8>(p + 1) == 120 && hex(load<u8>(p + 2)) >= 0 && hex(load<u8>(p + 3)) >= 0) {
          store<u8>(out++, <u8>(hex(load<u8>(p + 2)) * 16 + hex(load<u8>(p + 3))));
          p += 3;
        } else if (ch == 92 && p + 1 < end) {
          p++;
          const e: u32 = load<u8>(p);
          store<u8>(out++, <u8>(e == 110 ? 10 : e == 114 ? 13 : e == 116 ? 9 : e == 98 ? 8 : e == 97 ? 7 : e));
        } else if (ch == 34) {
          if (p + 1 < end && !isSpace(load<u8>(p + 1))) return -1;
          p++;
          break;
        } else store<u8>(out++, <u8>ch);
      } else if (quote == 39) {
        if (p >= end || ch == 0) return -1;
        if (ch == 92 && p + 1 < end && load<u8>(p + 1) == 39) {
          p++;
          store<u8>(out++, 39);
        } else if (ch == 39) {
          if (p + 1 < end && !isSpace(load<u8>(p + 1))) return -1;
          p++;
          break;
        } else store<u8>(out++, <u8>ch);
      } else {
        if (p >= end || ch == 0 || ch == 32 || ch == 10 || ch == 13 || ch == 9) break;
        if (ch == 34 || ch == 39) quote = ch;
        else store<u8>(out++, <u8>ch);
      }
      p++;
    }
    if (!argvReserve(count + 1)) return count;
    argSet(count++, word, <u32>(out - word));
  }
}

/** Swallows input while a request is thrown away; answers where parsing may go on. */
function discard(c: Client, p: usize, end: usize): usize {
  while (p < end) {
    if (c.discardBytes) {
      const n = min<u32>(c.discardBytes, <u32>(end - p));
      c.discardBytes -= n;
      p += n;
      continue;
    }
    if (c.discardArgs == 0) break;
    const eol = lineEnd(p, end);
    if (!eol) {
      if (end - p > LINE_MAX) {
        fail(c, "ERR Protocol error: too big bulk count string");
        return end;
      }
      needed = 0;
      return p;
    }
    if (load<u8>(p) != 36 || !parseI64(p + 1, eol - p - 1) || parsedI64 < 0 || parsedI64 > cfg.protoMaxBulkLen) {
      fail(c, "ERR Protocol error: invalid bulk length");
      return end;
    }
    p = eol + 2;
    c.discardBytes = <u32>parsedI64 + 2;
    c.discardArgs--;
  }
  if (c.discardBytes == 0 && c.discardArgs == 0) {
    c.discarding = 0;
    rejectOversized(c);
  }
  return p;
}

function run(c: Client, p: usize, end: usize): usize {
  needed = 0;
  while (true) {
    if (c.discarding) {
      p = discard(c, p, end);
      if (c.discarding) return p;
    }
    p = parse(c, p, end);
    if (!c.discarding || p >= end) return p;
  }
}

/** Executes the requests in [p, end), which are complete and well formed. */
export function requestsRun(c: Client, p: usize, end: usize): void {
  parse(c, p, end);
}

/** Bytes have arrived in a buffer that is lent until the turn ends. */
export function clientReceive(c: Client, p: usize, n: u32): void {
  stats.netInput += n;
  if (c.queryLen == 0 && !(c.flags & STOP)) {
    const end = p + n;
    p = run(c, p, end);
    if (p < end && !(c.flags & (CLIENT_CLOSE_ASAP | CLIENT_CLOSE_AFTER_REPLY))) queryAppend(c, p, <u32>(end - p));
    return;
  }
  if (c.flags & (CLIENT_CLOSE_ASAP | CLIENT_CLOSE_AFTER_REPLY)) return;
  needed = 0;
  if (!queryAppend(c, p, n)) return;
  clientParse(c);
}

/** Parses what the client's own buffer holds (after new bytes came, or after it was unblocked). */
export function clientParse(c: Client): void {
  if (!c.queryLen || c.flags & STOP) return;
  // While the bytes of an announced bulk are still coming there is nothing to parse.
  if (c.queryLen < c.queryNeed) return;
  c.queryNeed = 0;
  const base = c.query;
  const end = base + c.queryLen;
  const p = run(c, base, end);
  const rest = <u32>(end - p);
  if (c.flags & CLIENT_CLOSE_ASAP) return;
  if (rest && p > base) memory.copy(base, p, rest);
  c.queryLen = rest;
  if (!rest) {
    if (c.queryCap > 0) {
      free(c.query);
      c.query = 0;
      c.queryCap = 0;
    }
  } else noteNeed(c);
}

function noteNeed(c: Client): void {
  if (needed > c.queryLen) {
    c.queryNeed = <u32>needed;
    if (<i64>needed <= cfg.clientQueryBufferLimit) grow(c, <u32>needed, false);
  }
}

/** What is announced and has not come yet must leave others their room; what is here may go to the last pages. */
function grow(c: Client, n: u32, arrived: bool): bool {
  if (n <= c.queryCap) return true;
  // A stopped client's requests cannot be given up before they are run; the device brings no more of them than it had under way.
  const q = arrived && (n <= IO_REQUEST_MAX || c.flags & STOP) ? tryReallocIo(c.query, n) : tryRealloc(c.query, n);
  if (!q) return false;
  c.query = q;
  c.queryCap = n;
  return true;
}

/**
 * No memory for `n` more bytes at `p` (lent) of an incomplete request: what was kept of it is given up, the rest will be
 * swallowed and answered with an OOM error. False when there is nothing to give up.
 */
function shed(c: Client, p: usize, n: u32): bool {
  if (c.flags & STOP || c.discarding) return false;
  const own = c.queryLen != 0;
  const base = own ? c.query : p;
  const end = base + (own ? c.queryLen : n);
  shedding = true;
  const at = parse(c, base, end);
  shedding = false;
  if (!c.discarding) return false;
  needed = 0;
  c.queryNeed = 0;
  // At most the beginning of a bulk's header is left.
  const rest = <u32>(end - at);
  if (!own) return !rest || queryAppend(c, at, rest);
  memory.copy(base, at, rest);
  c.queryLen = rest;
  return queryAppend(c, p, n);
}

/** Keeps `n` bytes that no complete request used; false when the client will be closed. */
function queryAppend(c: Client, p: usize, n: u32): bool {
  const total = <u64>c.queryLen + n;
  if (<i64>total > cfg.clientQueryBufferLimit) {
    log(LOG_WARNING, "Closing client that reached max query buffer length");
    clientCloseSoon(c);
    return false;
  }
  if (total > c.queryCap) {
    let want = <u32>total;
    if (c.queryCap || want < 512) want = max<u32>(want + (want >> 1), 512);
    if (<usize>want < needed && <i64>needed <= cfg.clientQueryBufferLimit) want = <u32>needed;
    if (!grow(c, want, false) && !grow(c, <u32>total, true)) {
      if (shed(c, p, n)) return true;
      log(LOG_WARNING, "Closing a client: no memory for its query buffer");
      clientCloseSoon(c);
      return false;
    }
  }
  memory.copy(c.query + c.queryLen, p, n);
  c.queryLen = <u32>total;
  if (needed > c.queryLen) c.queryNeed = <u32>needed;
  return true;
}
