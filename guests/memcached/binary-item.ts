/** The binary protocol's commands about items. */
import { copy } from "../lib/raw/bytes";
import { formatU64 } from "../lib/raw/number";
import { realtime } from "./clock";
import { Conn, STATE_COMMAND } from "./connection";
import { OP_SET, OP_ADD, OP_GETK, OP_TOUCH, OP_GAT, OP_GATK } from "./binary-opcodes";
import {
  AUTH_ERROR,
  DELTA_BADVAL,
  E2BIG,
  ENOMEM,
  extras,
  extrasLength,
  head,
  HEAD_BYTES,
  key,
  KEY_EEXISTS,
  KEY_ENOENT,
  keyLength,
  NOT_STORED,
  replyDone,
  replyMissKey,
  replyStatus,
  replyStatusText,
  requestCas,
  SUCCESS,
  valueLength,
} from "./binary-reply";
import { Item, itemClsid, itemData, itemKey } from "./item";
import { commit, outputValue, reserve, VALUE_COPY_MAX } from "./output";
import { settings } from "./settings";
import {
  addDelta,
  DELTA_ITEM_NOT_FOUND,
  DELTA_OK,
  deltaCas,
  deltaLength,
  deltaText,
  EOM,
  EXISTS,
  flushAll,
  itemAlloc,
  itemBump,
  itemGet,
  itemGetTouch,
  itemRefused,
  itemRemove,
  itemSizeOk,
  itemUnlink,
  NON_NUMERIC,
  NOT_FOUND,
  NREAD_ADD,
  NREAD_APPEND,
  NREAD_CAS,
  NREAD_PREPEND,
  NREAD_REPLACE,
  NREAD_SET,
  STORED,
  storedCas,
  storeItem,
} from "./store";
import { lruHit, slabStats, stats } from "./stats";
import { prefixDelete, prefixGet, prefixSet } from "./stats-prefix";
import { dropOld, receiveInto, swallow } from "./text-update";
import { parsedU64, parseU64 } from "./tokens";

/** GET, GETK, TOUCH, GAT, GATK. */
export function binaryGet(c: Conn, opcode: u32): void {
  const touch = opcode == OP_TOUCH || opcode == OP_GAT || opcode == OP_GATK;
  const withKey = opcode == OP_GETK || opcode == OP_GATK;
  const it = touch
    ? itemGetTouch(key, keyLength, realtime(<i64>bswap<u32>(load<u32>(extras))))
    : itemGet(key, keyLength);
  if (settings.detailEnabled) prefixGet(key, keyLength, it != 0);
  if (!it) {
    if (touch) {
      stats.touchCmds++;
      stats.touchMisses++;
    } else {
      stats.getCmds++;
      stats.getMisses++;
    }
    if (c.noreply) return;
    if (withKey) replyMissKey(c);
    else replyStatus(c, KEY_ENOENT, 0);
    return;
  }
  const i = changetype<Item>(it);
  if (touch) {
    stats.touchCmds++;
    slabStats(itemClsid(it)).touchHits++;
  } else {
    stats.getCmds++;
    itemBump(it);
    lruHit(i.clsid);
  }
  const nvalue: u32 = opcode == OP_TOUCH ? 0 : <u32>i.nbytes - 2;
  const nkey: u32 = withKey ? keyLength : 0;
  const inline = nvalue <= VALUE_COPY_MAX;
  const start = reserve(c, HEAD_BYTES + 4 + nkey + (inline ? nvalue : 0));
  let at = head(c, start, SUCCESS, 4, nkey, 4 + nkey + nvalue, i.cas);
  store<u32>(at, bswap<u32>(i.clientFlags));
  at += 4;
  copy(at, itemKey(it), nkey);
  at += nkey;
  if (inline) {
    copy(at, itemData(it), nvalue);
    commit(c, at + nvalue);
    itemRemove(it);
  } else {
    commit(c, at);
    outputValue(c, it, itemData(it), nvalue);
  }
}

/** No item could be made for the value: says why, and throws the value away. */
function refuse(c: Conn, clientFlags: u32, nvalue: u32): void {
  c.noreply = false;
  if (itemSizeOk(keyLength, clientFlags, nvalue + 2)) replyStatusText(c, ENOMEM, "Out of memory allocating item", 0);
  else replyStatus(c, E2BIG, 0);
  if (nvalue) swallow(c, nvalue);
}

/** The value of `nvalue` bytes goes into the item; the two behind it are not sent, they are set here. */
function receive(c: Conn, it: usize, op: i32, nvalue: u32): void {
  c.cas = requestCas;
  store<u16>(itemData(it) + nvalue, 0x0a0d);
  receiveInto(c, it, op, nvalue);
  if (!nvalue) binaryValueComplete(c);
}

/** An item's room for a value, 0 when the length is beyond anything. */
function itemFor(clientFlags: u32, exptime: u32, nvalue: u32): usize {
  return nvalue > 0x7ffffffd ? 0 : itemAlloc(key, keyLength, clientFlags, exptime, nvalue + 2);
}

export function binarySet(c: Conn, opcode: u32): void {
  const clientFlags = bswap<u32>(load<u32>(extras));
  const exptime = bswap<u32>(load<u32>(extras, 4));
  const nvalue = valueLength();
  if (settings.detailEnabled) prefixSet(key, keyLength);
  const it = itemFor(clientFlags, realtime(<i64>exptime), nvalue);
  if (!it) {
    refuse(c, clientFlags, nvalue);
    itemRefused(key, keyLength, clientFlags, nvalue > 0x7ffffffd ? 0 : nvalue + 2, 0);
    if (opcode == OP_SET) dropOld(key, keyLength);
    return;
  }
  let op = opcode == OP_SET ? NREAD_SET : opcode == OP_ADD ? NREAD_ADD : NREAD_REPLACE;
  if (requestCas) op = NREAD_CAS;
  receive(c, it, op, nvalue);
}

export function binaryAppend(c: Conn, append: bool): void {
  const nvalue = valueLength();
  if (settings.detailEnabled) prefixSet(key, keyLength);
  const it = itemFor(0, 0, nvalue);
  if (it) receive(c, it, append ? NREAD_APPEND : NREAD_PREPEND, nvalue);
  else refuse(c, 0, nvalue);
}

/** The last byte of a value is there. */
export function binaryValueComplete(c: Conn): void {
  const it = c.item;
  const op = <i32>c.command;
  c.state = STATE_COMMAND;
  c.item = 0;
  slabStats(itemClsid(it)).setCmds++;
  const answer = storeItem(it, op, c.cas);
  if (answer == STORED) replyDone(c, storedCas);
  else if (answer == EXISTS) replyStatus(c, KEY_EEXISTS, 0);
  else if (answer == NOT_FOUND) replyStatus(c, KEY_ENOENT, 0);
  else if (op == NREAD_ADD) replyStatus(c, KEY_EEXISTS, 0);
  else if (op == NREAD_REPLACE) replyStatus(c, KEY_ENOENT, 0);
  else replyStatus(c, NOT_STORED, 0);
  itemRemove(it);
}

export function binaryDelete(c: Conn): void {
  if (settings.detailEnabled) prefixDelete(key, keyLength);
  const it = itemGet(key, keyLength);
  if (!it) {
    stats.deleteMisses++;
    replyStatus(c, KEY_ENOENT, 0);
    return;
  }
  if (requestCas == 0 || requestCas == changetype<Item>(it).cas) {
    slabStats(itemClsid(it)).deleteHits++;
    itemUnlink(it);
    replyDone(c, 0);
  } else replyStatus(c, KEY_EEXISTS, 0);
  itemRemove(it);
}

const initialText = memory.data(24, 8);

/** A number as the body. */
function replyNumber(c: Conn, v: u64, cas: u64): void {
  if (c.noreply) return;
  const at = reserve(c, HEAD_BYTES + 8);
  const body = head(c, at, SUCCESS, 0, 0, 8, cas);
  store<u64>(body, bswap<u64>(v));
  commit(c, body + 8);
}

export function binaryIncrement(c: Conn, incr: bool): void {
  const delta = bswap<u64>(load<u64>(extras));
  const initial = bswap<u64>(load<u64>(extras, 8));
  const exptime = bswap<u32>(load<u32>(extras, 16));
  const answer = addDelta(key, keyLength, incr, delta, requestCas);
  if (answer == DELTA_OK) {
    parseU64(deltaText, deltaLength);
    replyNumber(c, parsedU64, deltaCas);
  } else if (answer == NON_NUMERIC) replyStatus(c, DELTA_BADVAL, 0);
  else if (answer == EOM) replyStatusText(c, ENOMEM, "Out of memory incrementing value", 0);
  else if (answer != DELTA_ITEM_NOT_FOUND) replyStatus(c, KEY_EEXISTS, 0);
  else if (exptime == 0xffffffff) {
    if (incr) stats.incrMisses++;
    else stats.decrMisses++;
    replyStatus(c, KEY_ENOENT, 0);
  } else begin(c, initial, exptime);
}

/** There was nothing to count from: the initial value. */
function begin(c: Conn, initial: u64, exptime: u32): void {
  const n = <u32>formatU64(initialText, initial);
  const it = itemAlloc(key, keyLength, 0, realtime(<i64>exptime), n + 2);
  if (!it) {
    replyStatusText(c, ENOMEM, "Out of memory allocating new item", 0);
    return;
  }
  copy(itemData(it), initialText, n);
  store<u16>(itemData(it) + n, 0x0a0d);
  if (storeItem(it, NREAD_ADD, 0) == STORED) replyNumber(c, initial, storedCas);
  else replyStatus(c, NOT_STORED, 0);
  itemRemove(it);
}

export function binaryFlush(c: Conn): void {
  if (!settings.flushEnabled) {
    replyStatus(c, AUTH_ERROR, 0);
    return;
  }
  flushAll(extrasLength ? <i64>bswap<u32>(load<u32>(extras)) : 0);
  stats.flushCmds++;
  replyDone(c, 0);
}
