/** BITFIELD and BITFIELD_RO (bitops.c of Redis 7.0). */
import { bitGrown, bitOffset, bitWritable } from "./bits";
import { argc, argLen, argPtr, Client } from "./client";
import { ACL_BITMAP, argIs, CMD_DENYOOM, CMD_FAST, CMD_READONLY, CMD_WRITE, command, describe } from "./command";
import { lookupRead, signalModified, wrongType } from "./keyspace";
import { notify, NOTIFY_STRING } from "./notify";
import { Obj, STRING, STRING_HEADER, strView, viewLen, viewPtr } from "./object";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { replyArray, replyError, replyI64, replyNotInteger, replyNull, replySyntaxError } from "./reply";
import { dirtyAdd } from "./server";

const GET: i32 = 0;
const SET: i32 = 1;
const INCRBY: i32 = 2;
const OVERFLOW: i32 = 3;
const WRAP: u32 = 0;
const SAT: u32 = 1;
const FAIL: u32 = 2;

let signed: bool = false;
let bits: u32 = 0;

/** What the operation at argument i is, or -1. */
function operation(i: i32): i32 {
  const rest = argc - i - 1;
  if (argIs(i, "get") && rest >= 2) return GET;
  if (argIs(i, "set") && rest >= 3) return SET;
  if (argIs(i, "incrby") && rest >= 3) return INCRBY;
  if (argIs(i, "overflow") && rest >= 1) return OVERFLOW;
  return -1;
}
function overflowKind(i: i32): i32 {
  return argIs(i, "wrap") ? WRAP : argIs(i, "sat") ? SAT : argIs(i, "fail") ? FAIL : -1;
}
function fieldType(c: Client, i: i32): bool {
  const p = argPtr(i);
  const n = argLen(i);
  if (n >= 2) {
    const ch: u32 = load<u8>(p);
    signed = ch == 105;
    if ((signed || ch == 117) && parseI64(p + 1, n - 1) && parsedI64 >= 1 && parsedI64 <= (signed ? 64 : 63)) {
      bits = <u32>parsedI64;
      return true;
    }
  }
  replyError(c, "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");
  return false;
}

/** `width` bits from bit `offset` of p[0, n); what lies beyond n is zero. */
function fieldGet(p: usize, n: u64, offset: u64, width: u32): u64 {
  let value: u64 = 0;
  let left = width;
  while (left) {
    const byte = offset >> 3;
    const inByte = <u32>(offset & 7);
    const take = min<u32>(8 - inByte, left);
    const b: u32 = byte < n ? load<u8>(p + <usize>byte) : 0;
    value = (value << take) | ((b >> (8 - inByte - take)) & ((1 << take) - 1));
    offset += take;
    left -= take;
  }
  return value;
}
function fieldSet(p: usize, offset: u64, width: u32, value: u64): void {
  let left = width;
  while (left) {
    const inByte = <u32>(offset & 7);
    const take = min<u32>(8 - inByte, left);
    const at = p + <usize>(offset >> 3);
    const shift = 8 - inByte - take;
    const mask: u32 = ((1 << take) - 1) << shift;
    const part = (<u32>(value >> (left - take)) << shift) & mask;
    store<u8>(at, <u8>((<u32>load<u8>(at) & ~mask) | part));
    offset += take;
    left -= take;
  }
}
function extend(value: u64, width: u32): i64 {
  return width == 64 ? <i64>value : <i64>(value << (64 - width)) >> (64 - width);
}

let limited: i64 = 0;
/** Whether value + by leaves the type's range; `limited` is then what WRAP or SAT make of it. */
function overflows(value: i64, by: i64, kind: u32): bool {
  if (signed) {
    const high = bits == 64 ? i64.MAX_VALUE : ((<i64>1) << (bits - 1)) - 1;
    const low = -high - 1;
    const room = high - value; // meaningful when value is within range
    const depth = low - value;
    const above = value > high || (bits != 64 && by > room) || (value >= 0 && by > 0 && by > room);
    const below = value < low || (bits != 64 && by < depth) || (value < 0 && by < 0 && by < depth);
    if (!above && !below) return false;
    limited = kind == WRAP ? extend(<u64>value + <u64>by, bits) : above ? high : low;
    return true;
  }
  const high = ((<u64>1) << bits) - 1;
  const room = <i64>(high - <u64>value);
  const above = <u64>value > high || (by > 0 && by > room);
  const below = !above && by < 0 && by < -value;
  if (!above && !below) return false;
  limited = kind == WRAP ? <i64>((<u64>value + <u64>by) & high) : above ? <i64>high : 0;
  return true;
}

function bitfieldGeneric(c: Client, readOnly: bool): void {
  let operations = 0;
  let writes = false;
  let last: u64 = 0;
  for (let i = 2; i < argc; ) {
    const op = operation(i);
    if (op < 0) {
      replySyntaxError(c);
      return;
    }
    if (op == OVERFLOW) {
      if (overflowKind(i + 1) < 0) {
        replyError(c, "ERR Invalid OVERFLOW type specified");
        return;
      }
      i += 2;
      continue;
    }
    if (!fieldType(c, i + 1)) return;
    const offset = bitOffset(c, i + 2, bits);
    if (offset < 0) return;
    if (op != GET) {
      writes = true;
      last = max<u64>(last, offset + bits - 1);
      if (!parseI64(argPtr(i + 3), argLen(i + 3))) {
        replyNotInteger(c);
        return;
      }
    }
    operations++;
    i += op == GET ? 3 : 4;
  }
  let p: usize = 0;
  let n: u64 = 0;
  let grown = false;
  if (!writes) {
    const o = lookupRead(c, 1);
    if (wrongType(c, o, STRING)) return;
    if (o) {
      strView(changetype<Obj>(o));
      p = viewPtr;
      n = viewLen;
    }
  } else {
    if (readOnly) {
      replyError(c, "ERR BITFIELD_RO only supports the GET subcommand");
      return;
    }
    const w = bitWritable(c, last);
    if (!w) return;
    grown = bitGrown;
    p = w + STRING_HEADER;
    n = load<u32>(w, 8);
  }
  replyArray(c, operations);
  let kind: u32 = WRAP;
  let changes: i64 = 0;
  for (let i = 2; i < argc; ) {
    const op = operation(i);
    if (op == OVERFLOW) {
      kind = overflowKind(i + 1);
      i += 2;
      continue;
    }
    fieldType(c, i + 1);
    const offset = <u64>bitOffset(c, i + 2, bits);
    const raw = fieldGet(p, n, offset, bits);
    const old = signed ? extend(raw, bits) : <i64>raw;
    if (op == GET) {
      replyI64(c, old);
      i += 3;
      continue;
    }
    parseI64(argPtr(i + 3), argLen(i + 3));
    const by = parsedI64;
    const over = op == INCRBY ? overflows(old, by, kind) : overflows(by, 0, kind);
    if (over && kind == FAIL) replyNull(c);
    else {
      const value = over ? limited : op == INCRBY ? old + by : by;
      replyI64(c, op == INCRBY ? value : old);
      fieldSet(p, offset, bits, <u64>value);
      if (grown || value != old) changes++;
    }
    i += 4;
  }
  if (changes) {
    signalModified(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_STRING, "setbit", argPtr(1), argLen(1), c.db);
    dirtyAdd(changes);
  }
}
function bitfield(c: Client): void {
  bitfieldGeneric(c, false);
}
function bitfieldRo(c: Client): void {
  bitfieldGeneric(c, true);
}

export function registerBitfieldCommands(): void {
  command("bitfield", bitfield, -2, CMD_WRITE | CMD_DENYOOM, ACL_BITMAP, 1, 1, 1);
  describe("bitmap", "3.2.0", "Perform arbitrary bitfield integer operations on strings", "O(1) for each subcommand specified");
  command("bitfield_ro", bitfieldRo, -2, CMD_READONLY | CMD_FAST, ACL_BITMAP, 1, 1, 1);
  describe("bitmap", "6.0.0", "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD", "O(1) for each subcommand specified");
}
