/** md: delete or mark stale. ma: count up and down. */
import { copy } from "../lib/raw/bytes";
import { formatU64 } from "../lib/raw/number";
import { settings } from "./settings";
import { Conn } from "./connection";
import { Item, ITEM_STALE, ITEM_TOKEN_SENT, itemClsid, itemData } from "./item";
import { metaLineOk, putTtl } from "./meta";
import {
  delta,
  exptime,
  hasCas,
  initial,
  keyBinary,
  META_LINE_MAX,
  metaFlags,
  metaKey,
  metaKeyLength,
  mode,
  newTtl,
  opaqueOk,
  putKey,
  putLetter,
  putOpaqueAndKey,
  putToken,
  quiet,
  requestCas,
  setStale,
  vivify,
  vivifyExptime,
  wantsValue,
} from "./meta-flags";
import { commit, replyError, reserve } from "./output";
import {
  addDelta,
  casNext,
  DELTA_ITEM_CAS_MISMATCH,
  DELTA_OK,
  deltaItem,
  deltaLength,
  deltaText,
  EOM,
  itemAlloc,
  itemGet,
  itemRemove,
  itemUnlink,
  NON_NUMERIC,
  NREAD_ADD,
  storeItem,
} from "./store";
import { slabStats, stats } from "./stats";
import { ntokens, tokenPtr } from "./tokens";

const HD: u16 = 0x4448;
const EX: u16 = 0x5845;
const NF: u16 = 0x464e;
const OPAQUE_TOO_LONG = "CLIENT_ERROR opaque token too long";

export function metaDelete(c: Conn): void {
  if (!metaLineOk(c, "CLIENT_ERROR options flags too long")) return;
  if (!metaFlags(2)) {
    replyError(c, "CLIENT_ERROR invalid or duplicate flag");
    return;
  }
  c.noreply = quiet;
  const start = reserve(c, META_LINE_MAX);
  const at = putOpaqueAndKey(start + 2);
  if (!at) {
    replyError(c, OPAQUE_TOO_LONG);
    return;
  }
  let status = HD;
  const it = itemGet(metaKey, metaKeyLength);
  if (!it || (hasCas && changetype<Item>(it).cas != requestCas)) {
    stats.deleteMisses++;
    status = it ? EX : NF;
  } else if (setStale) {
    const i = changetype<Item>(it);
    if (newTtl) i.exptime = exptime;
    // Whoever comes next may win the right to recache.
    i.flags = <u16>((i.flags | ITEM_STALE) & ~ITEM_TOKEN_SENT);
    i.cas = settings.useCas ? casNext() : 0;
  } else {
    slabStats(itemClsid(it)).deleteHits++;
    itemUnlink(it);
  }
  if (it) itemRemove(it);
  if (status == HD && c.noreply) return;
  store<u16>(start, status);
  store<u16>(at, 0x0a0d);
  commit(c, at + 2);
}

const initialText = memory.data(24, 8);

export function metaArithmetic(c: Conn): void {
  if (!metaLineOk(c, "CLIENT_ERROR options flags too long")) return;
  if (!metaFlags(2)) {
    replyError(c, "CLIENT_ERROR invalid or duplicate flag");
    return;
  }
  c.noreply = quiet;
  const incr = mode == 0 || mode == 73 || mode == 43; // I +
  if (!incr && mode != 68 && mode != 45) {
    replyError(c, "CLIENT_ERROR invalid mode for ma M token"); // D -
    return;
  }
  const answer = addDelta(metaKey, metaKeyLength, incr, delta, requestCas);
  if (answer == DELTA_OK) number(c, deltaItem, false, deltaText, deltaLength);
  else if (answer == NON_NUMERIC) replyError(c, "CLIENT_ERROR cannot increment or decrement non-numeric value");
  else if (answer == EOM) replyError(c, "SERVER_ERROR out of memory");
  else if (answer == DELTA_ITEM_CAS_MISMATCH) withoutItem(c, EX);
  else if (vivify) vivified(c);
  else {
    if (incr) stats.incrMisses++;
    else stats.decrMisses++;
    withoutItem(c, NF);
  }
}

function vivified(c: Conn): void {
  const n = <u32>formatU64(initialText, initial);
  const it = itemAlloc(metaKey, metaKeyLength, 0, 0, n + 2);
  if (!it) {
    replyError(c, "SERVER_ERROR Out of memory allocating new item");
    return;
  }
  copy(itemData(it), initialText, n);
  store<u16>(itemData(it) + n, 0x0a0d);
  storeItem(it, NREAD_ADD, 0);
  // A new item is answered even to those who want no reply.
  c.noreply = false;
  number(c, it, true, initialText, n);
  itemRemove(it);
}

function withoutItem(c: Conn, status: u16): void {
  const start = reserve(c, META_LINE_MAX);
  const at = putOpaqueAndKey(start + 2);
  if (!at) {
    replyError(c, OPAQUE_TOO_LONG);
    return;
  }
  store<u16>(start, status);
  store<u16>(at, 0x0a0d);
  commit(c, at + 2);
}

/** The answer with an item: its flags are done as they are written. */
function number(c: Conn, it: usize, created: bool, digits: usize, n: u32): void {
  const i = changetype<Item>(it);
  let at = reserve(c, META_LINE_MAX);
  if (wantsValue) {
    store<u32>(at, 0x204156); // "VA "
    at += 3;
    at += formatU64(at, n);
  } else {
    store<u16>(at, HD);
    at += 2;
  }
  for (let k = 2; k < ntokens - 1; k++) {
    switch (<u32>load<u8>(tokenPtr(k))) {
      case 99: // c
        at = putLetter(at, 99);
        at += formatU64(at, i.cas);
        break;
      case 116: // t
        at = putTtl(at, i);
        break;
      case 84: // T
        i.exptime = exptime;
        break;
      case 78: // N
        if (created) i.exptime = vivifyExptime;
        break;
      case 79: // O
        if (!opaqueOk(k)) {
          replyError(c, OPAQUE_TOO_LONG);
          return;
        }
        at = putToken(at, k);
        break;
      case 107: // k
        at = putKey(at, metaKey, metaKeyLength, keyBinary);
        break;
      default:
        break;
    }
  }
  if (c.noreply) return;
  if (wantsValue) {
    store<u16>(at, 0x0a0d);
    at += 2;
    copy(at, digits, n);
    at += n;
  }
  store<u16>(at, 0x0a0d);
  commit(c, at + 2);
}
