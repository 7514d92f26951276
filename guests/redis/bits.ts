/** SETBIT GETBIT BITCOUNT BITPOS BITOP (bitops.c of Redis 7.0 is the reference). Bit 0 is the highest bit of byte 0. BITFIELD: bitfield.ts. */
import { argc, argLen, argPtr, Client } from "./client";
import { ACL_BITMAP, argIs, CMD_DENYOOM, CMD_FAST, CMD_READONLY, CMD_WRITE, command, describe } from "./command";
import {
  dbAdd,
  dbDelete,
  dbReplaceValue,
  dbSet,
  lastEntry,
  lookupRead,
  lookupWrite,
  signalModified,
  wrongType,
} from "./keyspace";
import { notify, NOTIFY_GENERIC, NOTIFY_STRING } from "./notify";
import { Obj, objRelease, STRING, STRING_HEADER, strNewSize, strView, strWritable, viewLen, viewPtr } from "./object";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { replyError, replyI64, replyNotInteger, replyOom, replySyntaxError } from "./reply";
import { cfg, dirtyAdd } from "./server";
import { registerBitfieldCommands } from "./bitfield";

/** A bit offset; replies the error and answers -1. With `width` above 0, "#n" counts in units of that many bits. */
export function bitOffset(c: Client, i: i32, width: i64): i64 {
  let p = argPtr(i);
  let n = argLen(i);
  const counted = width > 0 && n > 0 && load<u8>(p) == 35;
  if (counted) {
    p++;
    n--;
  }
  if (parseI64(p, n)) {
    let offset = parsedI64;
    const fits = !counted || (offset >= 0 && offset <= i64.MAX_VALUE / width);
    if (counted) offset *= width;
    if (fits && offset >= 0 && offset >> 3 < cfg.protoMaxBulkLen) return offset;
  }
  replyError(c, "ERR bit offset is not an integer or out of range");
  return -1;
}

/** Whether bitWritable made the string or made it longer. */
export let bitGrown: bool = false;
/** The string of argument 1, at least up to bit `last`, ready to be written: a pointer to its object; 0 after the error was replied. */
export function bitWritable(c: Client, last: u64): usize {
  const need = <u32>(last >> 3) + 1;
  const o = lookupWrite(c, 1);
  if (wrongType(c, o, STRING)) return 0;
  if (!o) {
    const fresh = strNewSize(need);
    if (fresh) memory.fill(fresh + STRING_HEADER, 0, need);
    if (!fresh || !dbAdd(c.db, argPtr(1), argLen(1), fresh)) {
      if (fresh) objRelease(changetype<Obj>(fresh));
      replyOom(c);
      return 0;
    }
    bitGrown = true;
    return fresh;
  }
  const e = lastEntry;
  strView(changetype<Obj>(o));
  const old = viewLen;
  const w = strWritable(changetype<Obj>(o), max(need, old));
  if (!w) {
    replyOom(c);
    return 0;
  }
  dbReplaceValue(e, w);
  bitGrown = need > old;
  if (need > old) {
    memory.fill(w + STRING_HEADER + old, 0, need - old);
    store<u32>(w, need, 8);
  }
  return w;
}

function setbit(c: Client): void {
  const offset = bitOffset(c, 2, 0);
  if (offset < 0) return;
  if (argLen(3) != 1 || (load<u8>(argPtr(3)) & 0xfe) != 48) {
    replyError(c, "ERR bit is not an integer or out of range");
    return;
  }
  const on: u32 = load<u8>(argPtr(3)) & 1;
  const w = bitWritable(c, offset);
  if (!w) return;
  const at = w + STRING_HEADER + <usize>(offset >> 3);
  const shift = 7 - <u32>(offset & 7);
  const byte: u32 = load<u8>(at);
  const old = (byte >> shift) & 1;
  if (bitGrown || old != on) {
    store<u8>(at, <u8>((byte & ~(1 << shift)) | (on << shift)));
    signalModified(c.db, argPtr(1), argLen(1));
    notify(NOTIFY_STRING, "setbit", argPtr(1), argLen(1), c.db);
    dirtyAdd(1);
  }
  replyI64(c, old);
}

function getbit(c: Client): void {
  const offset = bitOffset(c, 2, 0);
  if (offset < 0) return;
  const o = lookupRead(c, 1);
  if (wrongType(c, o, STRING)) return;
  let bit: i64 = 0;
  if (o) {
    strView(changetype<Obj>(o));
    if (offset >> 3 < <i64>viewLen) bit = (load<u8>(viewPtr + <usize>(offset >> 3)) >> <u8>(7 - (offset & 7))) & 1;
  }
  replyI64(c, bit);
}

/** Ones in n bytes. */
function popcount(p: usize, n: usize): i64 {
  let count: i64 = 0;
  if (n >= 16) {
    let sums = i64x2.splat(0);
    while (n >= 16) {
      const ones = i8x16.popcnt(v128.load(p));
      const wide = i16x8.extadd_pairwise_i8x16_u(ones);
      const wider = i32x4.extadd_pairwise_i16x8_u(wide);
      sums = i64x2.add(sums, i64x2.add(i64x2.extend_low_i32x4_u(wider), i64x2.extend_high_i32x4_u(wider)));
      p += 16;
      n -= 16;
    }
    count = i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1);
  }
  for (; n; n--, p++) count += popcnt<u32>(load<u8>(p));
  return count;
}

/** Range of BITCOUNT and BITPOS in bits, inclusive; empty when first > last. */
let firstBit: i64 = 0;
let lastBit: i64 = 0;
function bitRange(start: i64, end: i64, length: i64, inBits: bool): void {
  const total = inBits ? length << 3 : length;
  if (start < 0) start = total + start;
  if (end < 0) end = total + end;
  if (start < 0) start = 0;
  if (end < 0) end = 0;
  if (end >= total) end = total - 1;
  if (inBits || start > end) {
    firstBit = start;
    lastBit = end;
  } else {
    firstBit = start << 3;
    lastBit = (end << 3) + 7;
  }
}
/** 1 BIT, 0 BYTE, -1 after a syntax error was replied. */
function unit(c: Client, i: i32): i32 {
  if (argIs(i, "bit")) return 1;
  if (argIs(i, "byte")) return 0;
  replySyntaxError(c);
  return -1;
}
function integer(c: Client, i: i32): bool {
  if (parseI64(argPtr(i), argLen(i))) return true;
  replyNotInteger(c);
  return false;
}

function bitcount(c: Client): void {
  const o = lookupRead(c, 1);
  if (!o) {
    replyI64(c, 0);
    return;
  }
  if (wrongType(c, o, STRING)) return;
  strView(changetype<Obj>(o));
  const p = viewPtr;
  const length = <i64>viewLen;
  if (argc == 2) {
    replyI64(c, popcount(p, <usize>length));
    return;
  }
  if (argc != 4 && argc != 5) {
    replySyntaxError(c);
    return;
  }
  if (!integer(c, 2)) return;
  const start = parsedI64;
  if (!integer(c, 3)) return;
  const end = parsedI64;
  if (start < 0 && end < 0 && start > end) {
    replyI64(c, 0);
    return;
  }
  const inBits = argc == 5 ? unit(c, 4) : 0;
  if (inBits < 0) return;
  bitRange(start, end, length, inBits == 1);
  if (firstBit > lastBit) {
    replyI64(c, 0);
    return;
  }
  const firstByte = <usize>(firstBit >> 3);
  const lastByte = <usize>(lastBit >> 3);
  let count = popcount(p + firstByte, lastByte - firstByte + 1);
  // what the edge bytes have outside the range
  count -= popcnt<u32>(<u32>load<u8>(p + firstByte) & (~(0xff >> <u32>(firstBit & 7)) & 0xff));
  count -= popcnt<u32>(<u32>load<u8>(p + lastByte) & ((1 << (7 - <u32>(lastBit & 7))) - 1));
  replyI64(c, count);
}

/** The first bit equal to `bit` in the range, or -1. */
function findBit(p: usize, first: i64, last: i64, bit: u32): i64 {
  const flip: u32 = bit ? 0 : 0xff;
  const skip: u64 = bit ? 0 : u64.MAX_VALUE;
  let at = first;
  while (at <= last) {
    if ((at & 7) == 0 && at + 63 <= last) {
      // eight bytes at once while none has the bit
      const word = load<u64>(p + <usize>(at >> 3));
      if (word == skip) {
        at += 64;
        continue;
      }
    }
    const byte = ((<u32>load<u8>(p + <usize>(at >> 3)) ^ flip) << <u32>(at & 7)) & 0xff;
    if (byte) {
      const found = at + <i64>(clz<u32>(byte) - 24);
      return found <= last ? found : -1;
    }
    at = (at | 7) + 1;
  }
  return -1;
}

function bitpos(c: Client): void {
  if (!integer(c, 2)) return;
  if (parsedI64 != 0 && parsedI64 != 1) {
    replyError(c, "ERR The bit argument must be 1 or 0.");
    return;
  }
  const bit = <u32>parsedI64;
  const o = lookupRead(c, 1);
  if (!o) {
    replyI64(c, bit ? -1 : 0);
    return;
  }
  if (wrongType(c, o, STRING)) return;
  strView(changetype<Obj>(o));
  const p = viewPtr;
  const length = <i64>viewLen;
  let start: i64 = 0;
  let end: i64 = length - 1;
  let inBits = 0;
  let bounded = false;
  if (argc > 6) {
    replySyntaxError(c);
    return;
  }
  if (argc >= 4) {
    if (!integer(c, 3)) return;
    start = parsedI64;
    if (argc == 6) {
      inBits = unit(c, 5);
      if (inBits < 0) return;
    }
    if (argc >= 5) {
      if (!integer(c, 4)) return;
      end = parsedI64;
      bounded = true;
    }
    bitRange(start, end, length, inBits == 1);
  } else {
    firstBit = 0;
    lastBit = (length << 3) - 1;
  }
  if (firstBit > lastBit || length == 0) {
    replyI64(c, -1);
    return;
  }
  const found = findBit(p, firstBit, lastBit, bit);
  // Without an end the string counts as followed by zeros.
  if (found < 0 && !bit && !bounded) replyI64(c, length << 3);
  else replyI64(c, found);
}

const AND: u32 = 0;
const OR: u32 = 1;
const XOR: u32 = 2;
const NOT: u32 = 3;

/** out[0, n) = out op in, 16 bytes at a time. */
function combine(op: u32, out: usize, p: usize, n: usize): void {
  while (n >= 16) {
    const a = v128.load(out);
    const b = v128.load(p);
    v128.store(out, op == AND ? v128.and(a, b) : op == OR ? v128.or(a, b) : v128.xor(a, b));
    out += 16;
    p += 16;
    n -= 16;
  }
  for (; n; n--, out++, p++) {
    const a = load<u8>(out);
    const b = load<u8>(p);
    store<u8>(out, op == AND ? a & b : op == OR ? a | b : a ^ b);
  }
}

function bitop(c: Client): void {
  const op = argIs(1, "and") ? AND : argIs(1, "or") ? OR : argIs(1, "xor") ? XOR : argIs(1, "not") ? NOT : 4;
  if (op == 4) {
    replySyntaxError(c);
    return;
  }
  if (op == NOT && argc != 4) {
    replyError(c, "ERR BITOP NOT must be called with a single source key.");
    return;
  }
  let longest: u32 = 0;
  for (let i = 3; i < argc; i++) {
    const o = lookupRead(c, i);
    if (wrongType(c, o, STRING)) return;
    if (!o) continue;
    strView(changetype<Obj>(o));
    longest = max(longest, viewLen);
  }
  const key = argPtr(2);
  const n = argLen(2);
  if (!longest) {
    if (dbDelete(c.db, key, n)) {
      signalModified(c.db, key, n);
      notify(NOTIFY_GENERIC, "del", key, n, c.db);
      dirtyAdd(1);
    }
    replyI64(c, 0);
    return;
  }
  const result = strNewSize(longest);
  if (!result) {
    replyOom(c);
    return;
  }
  const out = result + STRING_HEADER;
  for (let i = 3; i < argc; i++) {
    const o = lookupRead(c, i);
    let length: u32 = 0;
    if (o) {
      strView(changetype<Obj>(o));
      length = viewLen;
    }
    if (i == 3) {
      memory.copy(out, viewPtr, length);
      memory.fill(out + length, 0, longest - length);
    } else {
      combine(op, out, viewPtr, length);
      // what is missing counts as zeros
      if (op == AND) memory.fill(out + length, 0, longest - length);
    }
  }
  if (op == NOT) {
    for (let i: usize = 0; i < longest; i++) store<u8>(out + i, ~load<u8>(out + i));
  }
  if (!dbSet(c, c.db, key, n, result, false)) {
    objRelease(changetype<Obj>(result));
    replyOom(c);
    return;
  }
  notify(NOTIFY_STRING, "set", key, n, c.db);
  dirtyAdd(1);
  replyI64(c, longest);
}

export function registerBitCommands(): void {
  registerBitfieldCommands();
  const write = CMD_WRITE | CMD_DENYOOM;
  command("setbit", setbit, 4, write, ACL_BITMAP, 1, 1, 1);
  describe("bitmap", "2.2.0", "Sets or clears the bit at offset in the string value stored at key", "O(1)");
  command("getbit", getbit, 3, CMD_READONLY | CMD_FAST, ACL_BITMAP, 1, 1, 1);
  describe("bitmap", "2.2.0", "Returns the bit value at offset in the string value stored at key", "O(1)");
  command("bitcount", bitcount, -2, CMD_READONLY, ACL_BITMAP, 1, 1, 1);
  describe("bitmap", "2.6.0", "Count set bits in a string", "O(N)");
  command("bitpos", bitpos, -3, CMD_READONLY, ACL_BITMAP, 1, 1, 1);
  describe("bitmap", "2.8.7", "Find first bit set or clear in a string", "O(N)");
  command("bitop", bitop, -4, write, ACL_BITMAP, 2, -1, 1);
  describe("bitmap", "2.6.0", "Perform bitwise operations between strings", "O(N)");
}
