/**
 * The meta commands: two letters, a key, flags of one letter each. Here mn, me and mg; ms is in meta-set.ts, md and ma are in
 * meta-change.ts. What they answer and in which order is proto_text.c's.
 */
import { copy } from "../lib/raw/bytes";
import { formatI64, formatU64 } from "../lib/raw/number";
import { base64Decode, base64Encode } from "./base64";
import { currentTime } from "./clock";
import { Conn } from "./connection";
import {
  Item,
  ITEM_FETCHED,
  ITEM_KEY_BINARY,
  ITEM_STALE,
  ITEM_TOKEN_SENT,
  itemClsid,
  itemData,
  itemKey,
  itemTotal,
  KEY_MAX_LENGTH,
} from "./item";
import { metaArithmetic, metaDelete } from "./meta-change";
import {
  bumpsLater,
  exptime,
  META_LINE_MAX,
  META_TOKENS_MAX,
  metaError,
  metaFlags,
  metaKey,
  metaKeyLength,
  noUpdate,
  opaqueOk,
  putKey,
  putLetter,
  putOpaqueAndKey,
  putToken,
  quiet,
  recacheTime,
  vivify,
  vivifyExptime,
  wantsValue,
} from "./meta-flags";
import { metaSet } from "./meta-set";
import { commit, outputValue, replyError, replyLine, reserve } from "./output";
import { itemAlloc, itemBump, itemGet, itemLink, itemRemove } from "./store";
import { lruHit, slabStats, stats } from "./stats";
import { ntokens, tokenLength, tokenPtr } from "./tokens";

export function metaCommand(c: Conn): void {
  switch (<u32>load<u8>(tokenPtr(0) + 1)) {
    case 103:
      metaGet(c);
      break;
    case 115:
      metaSet(c);
      break;
    case 100:
      metaDelete(c);
      break;
    case 97:
      metaArithmetic(c);
      break;
    case 110:
      replyLine(c, "MN");
      break;
    case 101:
      metaDebug(c);
      break;
    default:
      replyLine(c, "ERROR");
  }
}

/** What all of them ask of their line; answers if it is not so. */
export function metaLineOk(c: Conn, tooLong: string): bool {
  if (ntokens < 3) replyLine(c, "ERROR");
  else if (tokenLength(1) > KEY_MAX_LENGTH) replyError(c, "CLIENT_ERROR bad command line format");
  else if (ntokens > META_TOKENS_MAX) replyError(c, tooLong);
  else return true;
  return false;
}

const debugKey = memory.data(256, 16);

/** me: what is known about an item. */
function metaDebug(c: Conn): void {
  if (ntokens < 3 || tokenLength(1) > KEY_MAX_LENGTH) {
    replyLine(c, "CLIENT_ERROR bad command line format");
    return;
  }
  let key = tokenPtr(1);
  let nkey = tokenLength(1);
  if (ntokens >= 4 && tokenLength(2) == 1 && load<u8>(tokenPtr(2)) == 98) {
    nkey = base64Decode(debugKey, key, nkey);
    key = debugKey;
    if (!nkey) {
      replyLine(c, "CLIENT_ERROR bad command line format");
      return;
    }
  }
  stats.metaCmds++;
  const it = itemGet(key, nkey);
  if (!it) {
    replyLine(c, "EN");
    return;
  }
  const i = changetype<Item>(it);
  let at = reserve(c, META_LINE_MAX);
  at = text(at, "ME ");
  if (i.flags & ITEM_KEY_BINARY) at += base64Encode(at, itemKey(it), i.nkey);
  else {
    copy(at, itemKey(it), i.nkey);
    at += i.nkey;
  }
  at = text(at, " exp=");
  at += formatI64(at, i.exptime == 0 ? -1 : <i64>(<i32>(currentTime - i.exptime)));
  at = text(at, " la=");
  at += formatU64(at, currentTime - i.time);
  at = text(at, " cas=");
  at += formatU64(at, i.cas);
  at = text(at, i.flags & ITEM_FETCHED ? " fetch=yes cls=" : " fetch=no cls=");
  at += formatU64(at, itemClsid(it));
  at = text(at, " size=");
  at += formatU64(at, itemTotal(it));
  store<u16>(at, 0x0a0d);
  commit(c, at + 2);
  itemRemove(it);
}

function text(at: usize, literal: string): usize {
  let w = changetype<usize>(literal);
  for (let n = literal.length; n; n--, w += 2) store<u8>(at++, load<u8>(w));
  return at;
}

/** mg: get, touch, find out about, and with N and R make one of many clients fetch a value anew. */
function metaGet(c: Conn): void {
  if (!metaLineOk(c, "CLIENT_ERROR options flags are too long")) return;
  if (!metaFlags(2)) {
    replyError(c, metaError);
    return;
  }
  c.noreply = quiet;
  let it = itemGet(metaKey, metaKeyLength);
  let created = false;
  if (!it && vivify) {
    it = itemAlloc(metaKey, metaKeyLength, 0, 0, 2);
    if (it) {
      store<u16>(itemData(it), 0x0a0d);
      itemLink(it);
      created = true;
    }
  }
  if (it) hit(c, it, created);
  else miss(c);
}

let won = false;
let touched = false;

function hit(c: Conn, it: usize, created: bool): void {
  const i = changetype<Item>(it);
  if (!bumpsLater && !noUpdate) itemBump(it);
  const start = reserve(c, META_LINE_MAX);
  let at = start;
  if (wantsValue) {
    at = text(at, "VA ");
    at += formatU64(at, i.nbytes - 2);
  } else {
    store<u16>(at, 0x4448); // "HD"
    at += 2;
  }
  won = false;
  touched = false;
  for (let n = 2; n < ntokens - 1; n++) {
    at = hitFlag(at, n, it, created);
    if (!at) {
      itemRemove(it);
      replyError(c, "CLIENT_ERROR opaque token too long");
      return;
    }
  }
  if (i.flags & ITEM_TOKEN_SENT) at = putLetter(at, 90); // Z
  if (i.flags & ITEM_STALE) {
    at = putLetter(at, 88); // X
    if (!(i.flags & ITEM_TOKEN_SENT)) won = true;
  }
  if (won) {
    at = putLetter(at, 87); // W
    i.flags |= <u16>ITEM_TOKEN_SENT;
  }
  store<u16>(at, 0x0a0d);
  commit(c, at + 2);
  if (bumpsLater && !noUpdate) itemBump(it);
  if (touched) {
    stats.touchCmds++;
    slabStats(itemClsid(it)).touchHits++;
  } else {
    lruHit(i.clsid);
    stats.getCmds++;
  }
  if (wantsValue) outputValue(c, it, itemData(it), i.nbytes);
  else itemRemove(it);
}

/** Does and answers the flag at word n; where the next byte goes, 0 for an opaque that is too long. */
function hitFlag(at: usize, n: i32, it: usize, created: bool): usize {
  const i = changetype<Item>(it);
  switch (<u32>load<u8>(tokenPtr(n))) {
    case 84: // T
      touched = true;
      i.exptime = exptime;
      return at;
    case 78: // N
      if (created) {
        i.exptime = vivifyExptime;
        won = true;
      }
      return at;
    case 82: // R
      if (!(i.flags & ITEM_TOKEN_SENT) && !created && i.exptime != 0 && i.exptime < recacheTime) won = true;
      return at;
    case 115: // s
      at = putLetter(at, 115);
      return at + formatU64(at, i.nbytes - 2);
    case 116: // t
      return putTtl(at, i);
    case 99: // c
      at = putLetter(at, 99);
      return at + formatU64(at, i.cas);
    case 102: // f
      at = putLetter(at, 102);
      return at + formatU64(at, i.clientFlags);
    case 108: // l
      at = putLetter(at, 108);
      return at + formatU64(at, currentTime - i.time);
    case 104: // h
      at = putLetter(at, 104);
      store<u8>(at, i.flags & ITEM_FETCHED ? 49 : 48);
      return at + 1;
    case 79: // O
      return opaqueOk(n) ? putToken(at, n) : 0;
    case 107: // k
      return putKey(at, itemKey(it), i.nkey, (i.flags & ITEM_KEY_BINARY) != 0);
    default:
      return at;
  }
}

/** " t" and the seconds left, -1 for ever. */
export function putTtl(at: usize, i: Item): usize {
  at = putLetter(at, 116);
  if (i.exptime) return at + formatU64(at, i.exptime - currentTime);
  store<u16>(at, 0x312d); // "-1"
  return at + 2;
}

function miss(c: Conn): void {
  stats.getMisses++;
  stats.getCmds++;
  const start = reserve(c, META_LINE_MAX);
  store<u16>(start, 0x4e45); // "EN"
  const at = putOpaqueAndKey(start + 2);
  if (!at) {
    replyError(c, "CLIENT_ERROR opaque token too long");
    return;
  }
  if (c.noreply) return;
  store<u16>(at, 0x0a0d);
  commit(c, at + 2);
}
