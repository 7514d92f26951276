/**
 * ms: a value with flags. What it will answer besides its status is stashed in the connection until the value is there.
 */
import { copy } from "../lib/raw/bytes";
import { formatU64 } from "../lib/raw/number";
import { Conn, CONN_META_SET, CONN_SET_STALE, connStash } from "./connection";
import { Item, ITEM_KEY_BINARY, itemKey, KEY_MAX_LENGTH } from "./item";
import {
  clientFlags,
  exptime,
  hasCas,
  keyBinary,
  META_LINE_MAX,
  META_TOKENS_MAX,
  metaError,
  metaFlags,
  metaKey,
  metaKeyLength,
  mode,
  opaqueOk,
  putKey,
  putLetter,
  putToken,
  quiet,
  requestCas,
  setStale,
} from "./meta-flags";
import { commit, replyError, replyLine, reserve } from "./output";
import {
  EXISTS,
  itemAlloc,
  itemRefused,
  NOT_FOUND,
  NREAD_ADD,
  NREAD_APPEND,
  NREAD_CAS,
  NREAD_PREPEND,
  NREAD_REPLACE,
  NREAD_SET,
  STORED,
  storedCas,
} from "./store";
import { dropOld, receiveInto, refuse, swallow } from "./text-update";
import { ntokens, parsedI32, tokenI32, tokenLength, tokenPtr } from "./tokens";

/** NREAD_* of an M flag; 0 for one that there is not. */
function operation(): i32 {
  switch (mode) {
    case 0:
    case 83: // S
      return NREAD_SET;
    case 69: // E
      return NREAD_ADD;
    case 65: // A
      return NREAD_APPEND;
    case 80: // P
      return NREAD_PREPEND;
    case 82: // R
      return NREAD_REPLACE;
    default:
      return 0;
  }
}

export function metaSet(c: Conn): void {
  if (ntokens < 3) {
    replyLine(c, "ERROR");
    return;
  }
  if (tokenLength(1) > KEY_MAX_LENGTH || ntokens == 3) {
    replyError(c, "CLIENT_ERROR bad command line format");
    return;
  }
  if (ntokens > META_TOKENS_MAX) {
    replyError(c, "CLIENT_ERROR options flags too long");
    return;
  }
  if (!tokenI32(2) || parsedI32 < 0 || parsedI32 > 0x7ffffffd) {
    replyError(c, "CLIENT_ERROR bad command line format");
    return;
  }
  const nbytes = <u32>parsedI32 + 2;
  if (!metaFlags(3)) {
    replyError(c, metaError);
    swallow(c, nbytes);
    return;
  }
  c.noreply = quiet;
  const stashed = stash(c);
  let op = operation();
  if (!op || !stashed) {
    replyError(c, op ? "CLIENT_ERROR opaque token too long" : "CLIENT_ERROR invalid mode for ms M token");
    swallow(c, nbytes);
    return;
  }
  if (hasCas && (op == NREAD_SET || op == NREAD_REPLACE)) op = NREAD_CAS;
  const it = itemAlloc(metaKey, metaKeyLength, clientFlags, exptime, nbytes);
  if (!it) {
    refuse(c, metaKeyLength, clientFlags, nbytes, true);
    itemRefused(metaKey, metaKeyLength, clientFlags, nbytes, op);
    dropOld(metaKey, metaKeyLength);
    swallow(c, nbytes);
    return;
  }
  if (keyBinary) changetype<Item>(it).flags |= <u16>ITEM_KEY_BINARY;
  c.cas = requestCas;
  c.flags |= CONN_META_SET | (setStale && op == NREAD_CAS ? CONN_SET_STALE : 0);
  receiveInto(c, it, op, nbytes);
}

/** Keeps the opaque and the flags k and c in their order; false when the opaque is too long. */
function stash(c: Conn): bool {
  const start = connStash(c);
  let at = start;
  let ok = true;
  for (let i = 2; i < ntokens - 1; i++) {
    const letter: u32 = load<u8>(tokenPtr(i));
    if (letter == 79) {
      if (opaqueOk(i)) at = putToken(at, i);
      else ok = false;
    } else if (letter == 107 || letter == 99) at = putLetter(at, letter);
  }
  c.stashLength = <u32>(at - start);
  return ok;
}

/** The value has been stored, or not. `it` is the item it came in. */
export function metaSetAnswer(c: Conn, it: usize, answer: i32): void {
  if (answer == STORED && c.noreply) return;
  const i = changetype<Item>(it);
  let at = reserve(c, META_LINE_MAX);
  store<u16>(at, answer == STORED ? 0x4448 : answer == EXISTS ? 0x5845 : answer == NOT_FOUND ? 0x464e : 0x534e);
  at += 2; // HD, EX, NF, NS
  let p = connStash(c);
  const end = p + c.stashLength;
  while (p < end) {
    const letter: u32 = load<u8>(p + 1);
    if (letter == 79) {
      let to = p + 1;
      while (to < end && load<u8>(to) != 32) to++;
      copy(at, p, to - p);
      at += to - p;
      p = to;
      continue;
    }
    if (letter == 107) at = putKey(at, itemKey(it), i.nkey, (i.flags & ITEM_KEY_BINARY) != 0);
    else {
      at = putLetter(at, 99);
      at += formatU64(at, answer == STORED ? storedCas : 0);
    }
    p += 2;
  }
  store<u16>(at, 0x0a0d);
  commit(c, at + 2);
}
