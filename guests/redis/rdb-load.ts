/**
 * Reads a value in RDB form, as RESTORE gets it: what DUMP of this image or of real Redis up to 7.0 wrote.
 *
 * The bytes are a client's: lengths are checked before they are used, repeated members are an error, and what does not fit
 * memory is refused. Streams, modules and the zipmaps of Redis 2.4 are not understood.
 */
import { free, hasRoom, tryAlloc } from "../lib/raw/alloc";
import { copy } from "../lib/raw/bytes";
import { roomForElement } from "./container-arguments";
import { crc64 } from "./crc64";
import { parseF64, parsedF64 } from "./double";
import { hashConvert, hashNew, hashSet, hashTooLong, hashLength } from "./hash-type";
import { listLength, listNew, listPush } from "./list-type";
import { formatI64 } from "../lib/raw/number";
import { Obj, objRelease, strNew } from "./object";
import { packedBad, packedBegin, packedLength, packedNext, packedPtr } from "./packed-list";
import {
  RDB_HASH,
  RDB_HASH_LISTPACK,
  RDB_HASH_ZIPLIST,
  RDB_LIST,
  RDB_LIST_ZIPLIST,
  RDB_QUICKLIST,
  RDB_QUICKLIST_2,
  RDB_SET,
  RDB_SET_INTSET,
  RDB_STRING,
  RDB_VERSION,
  RDB_ZSET,
  RDB_ZSET_LISTPACK,
  RDB_ZSET_TEXT,
  RDB_ZSET_ZIPLIST,
} from "./rdb-save";
import { setAdd, setLength, setNew } from "./set-type";
import { ZADDED, zsetAdd, zsetLength, zsetNew } from "./zset-type";

let at: usize = 0;
let end: usize = 0;
/** Set when a payload was refused because memory is short, not because it is bad. */
export let rdbShort: bool = false;

/** Whether the payload's version is known and its checksum right. */
export function rdbVerify(p: usize, n: u32): bool {
  if (n < 10) return false;
  const footer = p + n - 10;
  if (<u32>load<u16>(footer) > RDB_VERSION) return false;
  return load<u64>(footer, 2) == crc64(0, p, n - 8);
}

// --- lengths and strings ----------------------------------------------------------------------------------------------------

let length: u32 = 0;
/** Whether the length just read announces a special encoding, whose number it then is. */
let encoded: bool = false;

function readLength(): bool {
  if (at >= end) return false;
  const first = <u32>load<u8>(at);
  const kind = first >> 6;
  encoded = kind == 3;
  if (kind == 0 || kind == 3) {
    length = first & 0x3f;
    at += 1;
    return true;
  }
  if (kind == 1) {
    if (end - at < 2) return false;
    length = ((first & 0x3f) << 8) | <u32>load<u8>(at, 1);
    at += 2;
    return true;
  }
  if (first == 0x80) {
    if (end - at < 5) return false;
    length = bswap<u32>(load<u32>(at, 1));
    at += 5;
    return true;
  }
  // 64-bit lengths cannot be those of anything that fits this machine, except with a zero high half.
  if (first != 0x81 || end - at < 9 || load<u32>(at, 1) != 0) return false;
  length = bswap<u32>(load<u32>(at, 5));
  at += 9;
  return true;
}

/** A count of elements, each of at least one byte. */
function readCount(): bool {
  if (!readLength() || encoded || length > <u32>(end - at)) return false;
  return fits(<f64>length * 80);
}

/** Whether memory has room for `bytes` more; remembers if not. */
function fits(bytes: f64): bool {
  if (bytes < 4.0e9 && hasRoom(<usize>bytes)) return true;
  rdbShort = true;
  return false;
}

/** Short elements grow when they leave a packed block for a dict: by 16 times at worst. */
function unpacks(): bool {
  return fits(<f64>stringLength * 16);
}

let stringPtr: usize = 0;
let stringLength: u32 = 0;
/** Two buffers in turn for what is not in the payload as it stands: a field outlives the reading of its value. */
const digits = memory.data(64, 8);
let turn: u32 = 0;
let unpacked0: usize = 0;
let unpacked1: usize = 0;

function unpackedFree(): void {
  free(unpacked0);
  free(unpacked1);
  unpacked0 = unpacked1 = 0;
}

function readString(): bool {
  if (!readLength()) return false;
  if (!encoded) {
    if (<usize>length > end - at) return false;
    stringPtr = at;
    stringLength = length;
    at += length;
    if (roomForElement(stringLength)) return true;
    rdbShort = true;
    return false;
  }
  turn ^= 1;
  if (length <= 2) {
    const bytes: usize = <usize>1 << length;
    if (end - at < bytes) return false;
    const value: i64 = length == 0 ? <i64>load<i8>(at) : length == 1 ? <i64>load<i16>(at) : <i64>load<i32>(at);
    at += bytes;
    stringPtr = digits + (<usize>turn << 5);
    stringLength = formatI64(stringPtr, value);
    return true;
  }
  return length == 3 && readCompressed();
}

function readCompressed(): bool {
  if (!readLength() || encoded) return false;
  const packed = length;
  if (!readLength() || encoded || <usize>packed > end - at) return false;
  const size = length;
  // The string is copied once more when it is stored.
  const out: usize = fits(<f64>size * 3) ? tryAlloc(max(size, 1)) : 0;
  if (!out) {
    rdbShort = true;
    return false;
  }
  if (turn) {
    free(unpacked1);
    unpacked1 = out;
  } else {
    free(unpacked0);
    unpacked0 = out;
  }
  if (!decompress(at, packed, out, size)) return false;
  at += packed;
  stringPtr = out;
  stringLength = size;
  if (roomForElement(size)) return true;
  rdbShort = true;
  return false;
}

/** LZF: a control byte below 32 announces literals, any other a copy from what was already written. */
function decompress(p: usize, n: u32, out: usize, size: u32): bool {
  const stop = p + n;
  const start = out;
  const full = out + size;
  while (p < stop) {
    const control = <usize>load<u8>(p++);
    if (control < 32) {
      const run = control + 1;
      if (stop - p < run || full - out < run) return false;
      copy(out, p, run);
      p += run;
      out += run;
      continue;
    }
    let run = control >> 5;
    if (run == 7) {
      if (p >= stop) return false;
      run += <usize>load<u8>(p++);
    }
    run += 2;
    if (p >= stop) return false;
    const back = ((control & 0x1f) << 8) + <usize>load<u8>(p++) + 1;
    if (back > out - start || full - out < run) return false;
    // Byte by byte: a copy may read what it has just written.
    for (let from = out - back; run > 0; run--) store<u8>(out++, load<u8>(from++));
  }
  return out == full;
}

// --- values -----------------------------------------------------------------------------------------------------------------

function addPair(o: Obj, field: usize, fieldLength: u32, value: usize, valueLength: u32): bool {
  if (hashTooLong(fieldLength) || hashTooLong(valueLength)) hashConvert(o);
  return hashSet(o, field, fieldLength, value, valueLength);
}

function loadList(o: Obj): bool {
  if (!readCount()) return false;
  for (let left = length; left > 0; left--) {
    if (!readString()) return false;
    listPush(o, false, stringPtr, stringLength);
  }
  return true;
}

/** A chain of packed lists; `second`: each is preceded by its kind, plain (1) or listpack (2). */
function loadQuicklist(o: Obj, second: bool): bool {
  if (!readCount()) return false;
  for (let left = length; left > 0; left--) {
    let kind: u32 = 2;
    if (second) {
      if (!readLength() || encoded || length < 1 || length > 2) return false;
      kind = length;
    }
    if (!readString()) return false;
    if (kind == 1) listPush(o, false, stringPtr, stringLength);
    else if (!loadPackedList(o, second)) return false;
  }
  return true;
}

function loadPackedList(o: Obj, listpack: bool): bool {
  if (!packedBegin(stringPtr, stringLength, listpack)) return false;
  while (packedNext()) listPush(o, false, packedPtr, packedLength);
  return !packedBad;
}

function loadSet(o: Obj): bool {
  if (!readCount()) return false;
  for (let left = length; left > 0; left--) {
    if (!readString() || !setAdd(o, stringPtr, stringLength)) return false;
  }
  return true;
}

function loadIntset(o: Obj): bool {
  if (!readString() || stringLength < 8 || !unpacks()) return false;
  const width = load<u32>(stringPtr);
  const count = load<u32>(stringPtr, 4);
  if ((width != 2 && width != 4 && width != 8) || <u64>count * width + 8 != <u64>stringLength) return false;
  for (let i: u32 = 0; i < count; i++) {
    const p = stringPtr + 8 + <usize>i * width;
    const value: i64 = width == 2 ? <i64>load<i16>(p) : width == 4 ? <i64>load<i32>(p) : load<i64>(p);
    if (!setAdd(o, digits, formatI64(digits, value))) return false;
  }
  return true;
}

function loadHash(o: Obj): bool {
  if (!readCount()) return false;
  for (let left = length; left > 0; left--) {
    if (!readString()) return false;
    const field = stringPtr;
    const fieldLength = stringLength;
    if (!readString() || !addPair(o, field, fieldLength, stringPtr, stringLength)) return false;
  }
  return true;
}

function loadPackedHash(o: Obj, listpack: bool): bool {
  if (!readString() || !unpacks() || !packedBegin(stringPtr, stringLength, listpack)) return false;
  while (packedNext()) {
    const field = packedPtr;
    const fieldLength = packedLength;
    if (!packedNext() || !addPair(o, field, fieldLength, packedPtr, packedLength)) return false;
  }
  return !packedBad;
}

function loadZset(o: Obj, binary: bool): bool {
  if (!readCount()) return false;
  for (let left = length; left > 0; left--) {
    if (!readString()) return false;
    let score: f64;
    if (binary) {
      if (end - at < 8) return false;
      score = load<f64>(at);
      at += 8;
    } else {
      if (at >= end) return false;
      const n = <u32>load<u8>(at++);
      if (n == 255) score = -Infinity;
      else if (n == 254) score = Infinity;
      else {
        if (n == 253 || <usize>n > end - at || !parseF64(at, n)) return false;
        score = parsedF64;
        at += n;
      }
    }
    if (zsetAdd(o, score, stringPtr, stringLength, 0) != ZADDED) return false;
  }
  return true;
}

function loadPackedZset(o: Obj, listpack: bool): bool {
  if (!readString() || !unpacks() || !packedBegin(stringPtr, stringLength, listpack)) return false;
  while (packedNext()) {
    const member = packedPtr;
    const memberLength = packedLength;
    if (!packedNext() || !parseF64(packedPtr, packedLength)) return false;
    if (zsetAdd(o, parsedF64, member, memberLength, 0) != ZADDED) return false;
  }
  return !packedBad;
}

/** The value of a verified payload as an Obj, or 0: bad data, or memory is short (rdbShort). */
export function rdbLoad(p: usize, n: u32): usize {
  rdbShort = false;
  at = p + 1;
  end = p + n - 10;
  if (at > end) return 0;
  if (!fits(<f64>n * 2)) return 0;
  const type = <u32>load<u8>(p);
  const loaded = loadValue(type);
  unpackedFree();
  return loaded;
}

function loadValue(type: u32): usize {
  if (type == RDB_STRING) {
    if (!readString() || at != end) return 0;
    const o = strNew(stringPtr, stringLength);
    if (!o) rdbShort = true;
    return o;
  }
  let o: Obj;
  let good = false;
  let count: u32 = 0;
  if (type == RDB_LIST || type == RDB_LIST_ZIPLIST || type == RDB_QUICKLIST || type == RDB_QUICKLIST_2) {
    o = listNew();
    if (type == RDB_LIST) good = loadList(o);
    else if (type == RDB_LIST_ZIPLIST) good = readString() && loadPackedList(o, false);
    else good = loadQuicklist(o, type == RDB_QUICKLIST_2);
    count = listLength(o);
  } else if (type == RDB_SET || type == RDB_SET_INTSET) {
    o = setNew();
    good = type == RDB_SET ? loadSet(o) : loadIntset(o);
    count = setLength(o);
  } else if (type == RDB_HASH || type == RDB_HASH_ZIPLIST || type == RDB_HASH_LISTPACK) {
    o = hashNew();
    good = type == RDB_HASH ? loadHash(o) : loadPackedHash(o, type == RDB_HASH_LISTPACK);
    count = hashLength(o);
  } else if (type == RDB_ZSET || type == RDB_ZSET_TEXT || type == RDB_ZSET_ZIPLIST || type == RDB_ZSET_LISTPACK) {
    o = zsetNew(0);
    if (type == RDB_ZSET || type == RDB_ZSET_TEXT) good = loadZset(o, type == RDB_ZSET);
    else good = loadPackedZset(o, type == RDB_ZSET_LISTPACK);
    count = zsetLength(o);
  } else return 0;
  if (good && count > 0 && at == end) return changetype<usize>(o);
  objRelease(o);
  return 0;
}
