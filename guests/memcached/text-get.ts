/**
 * get, gets, gat, gats (and the ancient bget): any number of keys, one VALUE block for each hit, then END.
 *
 * A line may name more than can be answered at once: when the output has reached its bound the keys left over are answered later
 * (STATE_KEYS). A line too long to be kept is answered as it arrives, as far as it is made of whole keys.
 */
import { copy } from "../lib/raw/bytes";
import { formatU64 } from "../lib/raw/number";
import { realtime, REALTIME_MAXDELTA } from "./clock";
import { Conn, CONN_FULL, CONN_STANDIN, GET_CAS, GET_TOUCH, STATE_COMMAND, STATE_KEYS } from "./connection";
import { Item, itemClsid, itemData, itemKey, KEY_MAX_LENGTH } from "./item";
import { commit, outputValue, replyLine, reserve, VALUE_COPY_MAX } from "./output";
import { itemBump, itemGet, itemGetTouch, itemRemove } from "./store";
import { shardTotal } from "../lib/raw/shard-link";
import { keysEnded, keysNext, routeKeys } from "./shard-route";
import { settings } from "./settings";
import { lruHit, slabStats, stats } from "./stats";
import { prefixGet } from "./stats-prefix";
import { parsedI32, parseI32, wordEnd } from "./tokens";

/** Longest "VALUE key flags bytes cas\r\n". */
const HEAD_MAX: u32 = 6 + KEY_MAX_LENGTH + 1 + 10 + 1 + 10 + 1 + 20 + 2;

/** EXPTIME_TO_POSITIVE_TIME: negative times are long past. */
// @ts-ignore: decorator
@inline
export function exptimeOf(seconds: i32): u32 {
  return realtime(seconds < 0 ? REALTIME_MAXDELTA + 1 : <i64>seconds);
}

/** A hit: head and value. */
function value(c: Conn, it: usize, cas: bool): void {
  const i = changetype<Item>(it);
  const nkey = <u32>i.nkey;
  const nbytes = <u32>i.nbytes;
  const inline = nbytes <= VALUE_COPY_MAX;
  const start = reserve(c, inline ? HEAD_MAX + nbytes : HEAD_MAX);
  store<u32>(start, 0x554c4156); // "VALU"
  store<u16>(start + 4, 0x2045); // "E "
  let at = start + 6;
  copy(at, itemKey(it), nkey);
  at += nkey;
  store<u8>(at++, 32);
  at += formatU64(at, i.clientFlags);
  store<u8>(at++, 32);
  at += formatU64(at, nbytes - 2);
  if (cas) {
    store<u8>(at++, 32);
    at += formatU64(at, i.cas);
  }
  store<u16>(at, 0x0a0d);
  at += 2;
  if (inline) {
    copy(at, itemData(it), nbytes);
    commit(c, at + nbytes);
    itemRemove(it);
  } else {
    commit(c, at);
    outputValue(c, it, itemData(it), nbytes);
  }
}

function one(c: Conn, key: usize, nkey: u32): void {
  const mode = c.getMode;
  const touch = (mode & GET_TOUCH) != 0;
  const it = touch ? itemGetTouch(key, nkey, c.getExptime) : itemGet(key, nkey);
  if (settings.detailEnabled) prefixGet(key, nkey, it != 0);
  if (touch) {
    stats.touchCmds++;
    if (it) slabStats(itemClsid(it)).touchHits++;
    else stats.touchMisses++;
  } else {
    stats.getCmds++;
    if (it) {
      itemBump(it);
      lruHit(changetype<Item>(it).clsid);
    } else stats.getMisses++;
  }
  if (it) value(c, it, (mode & GET_CAS) != 0);
}

function end(c: Conn): void {
  const at = reserve(c, 8);
  store<u64>(at, 0x0a0d444e45); // "END\r\n"
  commit(c, at + 5);
  c.state = STATE_COMMAND;
}

/**
 * Answers the keys in [p, end); 0 when the line is through, else where it has to go on once there is room for output. `last`: the
 * line ends here.
 */
export function getKeys(c: Conn, p: usize, lineEnd: usize, last: bool): usize {
  const routed = shardTotal > 1 && !(c.flags & CONN_STANDIN);
  let first = routed && c.state == STATE_COMMAND;
  while (true) {
    while (p < lineEnd && load<u8>(p) == 32) p++;
    if (p >= lineEnd) {
      if (last) end(c);
      return last ? 0 : p;
    }
    if (c.flags & CONN_FULL) {
      c.state = STATE_KEYS;
      return p;
    }
    const key = p;
    p = wordEnd(p, lineEnd);
    const nkey = <u32>(p - key);
    if (!nkey) {
      end(c); // a NUL
      return 0;
    }
    if (nkey > KEY_MAX_LENGTH) {
      replyLine(c, "CLIENT_ERROR bad command line format");
      c.state = STATE_COMMAND;
      return 0;
    }
    if (routed && routeKeys(c, key, p, lineEnd, first, last)) {
      if (keysEnded) {
        c.state = STATE_COMMAND;
        return 0;
      }
      p = keysNext;
    } else one(c, key, nkey);
    first = false;
  }
}

/** Whether a key in the line is too long; then nothing of it is answered. */
function keyTooLong(p: usize, lineEnd: usize): bool {
  while (p < lineEnd) {
    if (load<u8>(p) == 32) {
      p++;
      continue;
    }
    const key = p;
    p = wordEnd(p, lineEnd);
    if (p == key) return false;
    if (p - key > KEY_MAX_LENGTH) return true;
  }
  return false;
}

/** The keys of a whole line, from p. As getKeys. */
export function getLine(c: Conn, p: usize, lineEnd: usize, mode: u32): usize {
  while (p < lineEnd && load<u8>(p) == 32) p++;
  if (p == lineEnd || load<u8>(p) == 0) {
    replyLine(c, "ERROR");
    return 0;
  }
  c.getMode = <u8>mode;
  if (mode & GET_TOUCH) {
    const word = p;
    p = wordEnd(p, lineEnd);
    if (!parseI32(word, <u32>(p - word))) {
      replyLine(c, "CLIENT_ERROR invalid exptime argument");
      return 0;
    }
    c.getSeconds = parsedI32;
    c.getExptime = exptimeOf(parsedI32);
  }
  if (lineEnd - p > KEY_MAX_LENGTH && keyTooLong(p, lineEnd)) {
    replyLine(c, "CLIENT_ERROR bad command line format");
    return 0;
  }
  return getKeys(c, p, lineEnd, true);
}
