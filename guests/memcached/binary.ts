/**
 * The binary protocol: 24 bytes of head, extras, key, value. A request is executed when head, extras and key are there; a value goes
 * into its item as in text. Limits, answers and texts are those of proto_bin.c.
 *
 * One thing is not as in memcached 1.6.18: what is left of a request with an unknown opcode is thrown away exactly (memcached throws
 * away too much if it had a key).
 */
import { currentTime } from "./clock";
import { shardTotal } from "../lib/raw/shard-link";
import { Conn, CONN_CLOSE_AFTER_REPLY, CONN_QUIT, CONN_STANDIN } from "./connection";
import {
  bodyLength,
  EINVAL,
  extrasLength,
  HEAD_BYTES,
  keyLength,
  replyBody,
  replyDone,
  replyStatus,
  requestRead,
  UNKNOWN_COMMAND,
  valueLength,
} from "./binary-reply";
import { binaryAppend, binaryDelete, binaryFlush, binaryGet, binaryIncrement, binarySet } from "./binary-item";
import {
  OP_GET,
  OP_SET,
  OP_ADD,
  OP_REPLACE,
  OP_DELETE,
  OP_INCREMENT,
  OP_DECREMENT,
  OP_QUIT,
  OP_FLUSH,
  OP_GETQ,
  OP_NOOP,
  OP_VERSION,
  OP_GETK,
  OP_GETKQ,
  OP_APPEND,
  OP_PREPEND,
  OP_STAT,
  OP_SETQ,
  OP_PREPENDQ,
  OP_TOUCH,
  OP_GAT,
  OP_GATQ,
  OP_GATK,
  OP_GATKQ,
  OP_SASL_LIST_MECHS,
  OP_SASL_AUTH,
  OP_SASL_STEP,
} from "./binary-opcodes";
import { binaryStat } from "./binary-stat";
import { KEY_MAX_LENGTH } from "./item";
import { routeBinary } from "./shard-route";

export { binaryValueComplete } from "./binary-item";

const REQUEST_MAGIC: u32 = 0x80;
/** A head with extras and key that are longer cannot be one: memcached's read buffer has so many bytes. */
const READ_BUFFER: u32 = 16384;

/** How many bytes a request that begins with the `n` at p has to get before it can be executed, or before more is known. */
export function binaryHeadMissing(p: usize, n: u32): u32 {
  if (n < HEAD_BYTES) return HEAD_BYTES - n;
  const need = headBytes(p);
  return need > n ? need - n : 1;
}

// @ts-ignore: decorator
@inline
function headBytes(p: usize): u32 {
  return HEAD_BYTES + <u32>load<u8>(p, 4) + <u32>bswap<u16>(load<u16>(p, 2));
}

/** Executes the request at p if its head, extras and key are there; where the next byte to be read lies, p if they are not. */
export function binaryCommand(c: Conn, p: usize, end: usize): usize {
  const have = <u32>(end - p);
  if (have < HEAD_BYTES) return p;
  if (<u32>load<u8>(p) != REQUEST_MAGIC) {
    c.flags |= CONN_CLOSE_AFTER_REPLY;
    return end;
  }
  const need = headBytes(p);
  if (have < need) {
    if (need > READ_BUFFER && have >= READ_BUFFER) {
      c.flags |= CONN_CLOSE_AFTER_REPLY;
      return end;
    }
    return p;
  }
  if (shardTotal > 1 && !(c.flags & CONN_STANDIN)) {
    const next = routeBinary(c, p, need, have);
    if (next) return next;
  }
  requestRead(c, p);
  c.lastCommandTime = currentTime;
  execute(c);
  return p + need;
}

/** The loud opcode of a quiet one, or the same. */
function loud(opcode: u32): u32 {
  if (opcode == OP_GETQ) return OP_GET;
  if (opcode == OP_GETKQ) return OP_GETK;
  if (opcode == OP_GATQ) return OP_GAT;
  if (opcode == OP_GATKQ) return OP_GATK;
  // SETQ ... FLUSHQ, APPENDQ, PREPENDQ are in the order of theirs.
  if (opcode >= OP_SETQ && opcode <= 0x18) return opcode - 0x10;
  if (opcode == 0x19 || opcode == OP_PREPENDQ) return opcode - 11;
  return opcode;
}

function execute(c: Conn): void {
  if (keyLength > bodyLength || keyLength + extrasLength > bodyLength) {
    replyStatus(c, UNKNOWN_COMMAND, 0);
    c.flags |= CONN_CLOSE_AFTER_REPLY;
    return;
  }
  const opcode = loud(c.opcode);
  c.noreply = opcode != c.opcode;
  c.command = <u8>opcode;
  if (keyLength > KEY_MAX_LENGTH || !run(c, opcode)) {
    c.noreply = false;
    replyStatus(c, EINVAL, 0);
    c.flags |= CONN_CLOSE_AFTER_REPLY;
  }
}

/** Head and nothing else. */
// @ts-ignore: decorator
@inline
function bare(): bool {
  return extrasLength == 0 && keyLength == 0 && bodyLength == 0;
}
/** Extras, key and nothing else. */
// @ts-ignore: decorator
@inline
function keyed(extras: u32): bool {
  return extrasLength == extras && keyLength != 0 && bodyLength == keyLength + extras;
}

/** False for lengths that the command must not have. */
function run(c: Conn, opcode: u32): bool {
  switch (opcode) {
    case OP_GET:
    case OP_GETK:
      if (!keyed(0)) return false;
      binaryGet(c, opcode);
      return true;
    case OP_SET:
    case OP_ADD:
    case OP_REPLACE:
      if (extrasLength != 8 || keyLength == 0) return false;
      binarySet(c, opcode);
      return true;
    case OP_DELETE:
      if (!keyed(0)) return false;
      binaryDelete(c);
      return true;
    case OP_INCREMENT:
    case OP_DECREMENT:
      if (!keyed(20)) return false;
      binaryIncrement(c, opcode == OP_INCREMENT);
      return true;
    case OP_APPEND:
    case OP_PREPEND:
      if (extrasLength != 0 || keyLength == 0) return false;
      binaryAppend(c, opcode == OP_APPEND);
      return true;
    case OP_TOUCH:
    case OP_GAT:
    case OP_GATK:
      if (extrasLength != 4 || keyLength == 0) return false;
      binaryGet(c, opcode);
      return true;
    case OP_FLUSH:
      if (keyLength != 0 || bodyLength != extrasLength || (extrasLength != 0 && extrasLength != 4)) return false;
      binaryFlush(c);
      return true;
    case OP_NOOP:
      if (!bare()) return false;
      replyDone(c, 0);
      return true;
    case OP_VERSION:
      if (!bare()) return false;
      replyBody(c, "1.6.18");
      return true;
    case OP_STAT:
      if (extrasLength != 0) return false;
      binaryStat(c);
      return true;
    case OP_QUIT:
      if (!bare()) return false;
      replyDone(c, 0);
      c.flags |= CONN_CLOSE_AFTER_REPLY | CONN_QUIT;
      return true;
    case OP_SASL_LIST_MECHS:
      if (!bare()) return false;
      break;
    case OP_SASL_AUTH:
    case OP_SASL_STEP:
      if (extrasLength != 0 || keyLength == 0) return false;
      break;
    default:
      break;
  }
  // Also SASL, as without -S.
  replyStatus(c, UNKNOWN_COMMAND, valueLength());
  return true;
}
