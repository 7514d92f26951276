/**
 * set, add, replace, append, prepend and cas: the line makes an item, the value goes straight into it, the last byte stores it.
 */
import { Conn, CONN_META_SET, CONN_SET_STALE, STATE_COMMAND, STATE_SWALLOW, STATE_VALUE } from "./connection";
import { Item, itemClsid, itemData, KEY_MAX_LENGTH } from "./item";
import { metaSetAnswer } from "./meta-set";
import { replyError, replyLine, replyStored } from "./output";
import {
  EXISTS,
  itemAlloc,
  itemGet,
  itemRefused,
  itemRemove,
  itemSizeOk,
  itemUnlink,
  NOT_FOUND,
  NOT_STORED,
  NREAD_SET,
  STORED,
  storeItem,
} from "./store";
import { settings } from "./settings";
import { slabStats, stats } from "./stats";
import { prefixSet } from "./stats-prefix";
import { exptimeOf } from "./text-get";
import { ntokens, parsedI32, parsedU32, parsedU64, tokenI32, tokenIs, tokenLength, tokenPtr, tokenU32, tokenU64 } from "./tokens";

/** set_noreply_maybe: the last word. */
export function noreplyMaybe(c: Conn): bool {
  if (tokenIs(ntokens - 2, "noreply")) c.noreply = true;
  return c.noreply;
}

/** An item could not be made: says why. The value will be swallowed. */
export function refuse(c: Conn, nkey: u32, clientFlags: u32, nbytes: u32, meta: bool): void {
  if (itemSizeOk(nkey, clientFlags, nbytes)) {
    stats.storeNoMemory++;
    if (meta) replyError(c, "SERVER_ERROR out of memory storing object");
    else replyLine(c, "SERVER_ERROR out of memory storing object");
  } else {
    stats.storeTooLarge++;
    if (meta) replyError(c, "SERVER_ERROR object too large for cache");
    else replyLine(c, "SERVER_ERROR object too large for cache");
  }
}

export function swallow(c: Conn, bytes: u32): void {
  c.left = bytes;
  c.state = STATE_SWALLOW;
}

/** A stale value must not stay because the new one was refused. */
export function dropOld(key: usize, nkey: u32): void {
  const old = itemGet(key, nkey);
  if (!old) return;
  itemUnlink(old);
  itemRemove(old);
}

export function receiveInto(c: Conn, it: usize, op: i32, bytes: u32): void {
  c.item = it;
  c.itemAt = itemData(it);
  c.left = bytes;
  c.command = <u8>op;
  c.state = STATE_VALUE;
}

export function updateCommand(c: Conn, op: i32, withCas: bool): void {
  noreplyMaybe(c);
  const key = tokenPtr(1);
  const nkey = tokenLength(1);
  let clientFlags: u32 = 0;
  let exptime: i32 = 0;
  let ok = nkey <= KEY_MAX_LENGTH && tokenU32(2);
  if (ok) {
    clientFlags = parsedU32;
    ok = tokenI32(3);
  }
  if (ok) {
    exptime = parsedI32;
    ok = tokenI32(4);
  }
  const length = parsedI32;
  if (ok && withCas) ok = tokenU64(5);
  if (!ok || length < 0 || length > 0x7ffffffd) {
    replyLine(c, "CLIENT_ERROR bad command line format");
    return;
  }
  const nbytes = <u32>length + 2;
  if (settings.detailEnabled) prefixSet(key, nkey);
  const it = itemAlloc(key, nkey, clientFlags, exptimeOf(exptime), nbytes);
  if (!it) {
    refuse(c, nkey, clientFlags, nbytes, false);
    itemRefused(key, nkey, clientFlags, nbytes, op);
    swallow(c, nbytes);
    if (op == NREAD_SET) dropOld(key, nkey);
    return;
  }
  c.cas = withCas ? parsedU64 : 0;
  receiveInto(c, it, op, nbytes);
}

/** The last byte of the value is there. */
export function valueComplete(c: Conn): void {
  const it = c.item;
  const i = changetype<Item>(it);
  const meta = (c.flags & CONN_META_SET) != 0;
  c.state = STATE_COMMAND;
  slabStats(itemClsid(it)).setCmds++;
  if (load<u16>(itemData(it) + i.nbytes - 2) != 0x0a0d) {
    if (meta) c.noreply = false;
    replyLine(c, "CLIENT_ERROR bad data chunk");
  } else {
    const answer = storeItem(it, c.command, c.cas, (c.flags & CONN_SET_STALE) != 0);
    if (meta) metaSetAnswer(c, it, answer);
    else if (answer == STORED) replyStored(c);
    else if (answer == EXISTS) replyLine(c, "EXISTS");
    else if (answer == NOT_FOUND) replyLine(c, "NOT_FOUND");
    else if (answer == NOT_STORED) replyLine(c, "NOT_STORED");
    else replyLine(c, "SERVER_ERROR Unhandled storage type.");
  }
  c.flags &= ~(CONN_META_SET | CONN_SET_STALE);
  c.item = 0;
  itemRemove(it);
}
