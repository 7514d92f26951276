/**
 * A value in RDB form, as DUMP replies it: type byte, contents, RDB version, CRC-64. Real Redis from 4.0 on restores it.
 *
 * Of the several RDB types for one kind of value the plain one is written, whatever the value's encoding here: strings one
 * after the other. Real Redis chooses its own encoding when it loads them.
 */
import { Builder, builderRoom, putByte, putBytes } from "../lib/raw/builder";
import { crc64 } from "./crc64";
import { hashField, hashFieldLength, hashIterate, hashLength, hashNext, hashValue, hashValueLength } from "./hash-type";
import { listOf } from "./list-type";
import { HASH, LIST, Obj, SET, STRING, strView, viewLen, viewPtr } from "./object";
import { itemLength, itemPtr, quicklistForward, quicklistSeek } from "./quicklist";
import { setIterate, setIterateEnd, setLength, setMember, setMemberLength, setNext } from "./set-type";
import { zsetLength, zsetMember, zsetMemberLength, zsetScore, zsetStep, zsetWalk } from "./zset-type";

/** The version that Redis 7.0 writes. */
export const RDB_VERSION: u32 = 10;
export const RDB_STRING: u32 = 0;
export const RDB_LIST: u32 = 1;
export const RDB_SET: u32 = 2;
export const RDB_ZSET_TEXT: u32 = 3;
export const RDB_HASH: u32 = 4;
export const RDB_ZSET: u32 = 5;
export const RDB_LIST_ZIPLIST: u32 = 10;
export const RDB_SET_INTSET: u32 = 11;
export const RDB_ZSET_ZIPLIST: u32 = 12;
export const RDB_HASH_ZIPLIST: u32 = 13;
export const RDB_QUICKLIST: u32 = 14;
export const RDB_HASH_LISTPACK: u32 = 16;
export const RDB_ZSET_LISTPACK: u32 = 17;
export const RDB_QUICKLIST_2: u32 = 18;

function putLength(b: Builder, n: u32): void {
  if (n < 64) putByte(b, n);
  else if (n < 16384) {
    putByte(b, 0x40 | (n >> 8));
    putByte(b, n & 0xff);
  } else {
    putByte(b, 0x80);
    putByte(b, n >> 24);
    putByte(b, (n >> 16) & 0xff);
    putByte(b, (n >> 8) & 0xff);
    putByte(b, n & 0xff);
  }
}

function putString(b: Builder, p: usize, n: u32): void {
  putLength(b, n);
  putBytes(b, p, n);
}

/** Appends the whole payload; `failed` of the builder tells when memory was short. */
export function putPayload(b: Builder, o: Obj): void {
  const type = <u32>o.type;
  if (type == STRING) {
    putByte(b, RDB_STRING);
    strView(o);
    putString(b, viewPtr, viewLen);
  } else if (type == LIST) {
    putByte(b, RDB_LIST);
    const list = listOf(o);
    putLength(b, list.length);
    for (let more = quicklistSeek(list, 0); more; more = quicklistForward()) putString(b, itemPtr, itemLength);
  } else if (type == SET) {
    putByte(b, RDB_SET);
    putLength(b, setLength(o));
    setIterate(o);
    while (setNext()) putString(b, setMember, setMemberLength);
    setIterateEnd();
  } else if (type == HASH) {
    putByte(b, RDB_HASH);
    putLength(b, hashLength(o));
    hashIterate(o);
    while (hashNext()) {
      putString(b, hashField, hashFieldLength);
      putString(b, hashValue, hashValueLength);
    }
  } else {
    putByte(b, RDB_ZSET);
    const length = zsetLength(o);
    putLength(b, length);
    // Highest first, as Redis writes them: loading then always inserts in front.
    zsetWalk(o, 0, true);
    for (let i: u32 = 0; i < length; i++) {
      zsetStep();
      putString(b, zsetMember, zsetMemberLength);
      if (!builderRoom(b, 8)) return;
      store<f64>(b.data + b.length, zsetScore);
      b.length += 8;
    }
  }
  putByte(b, RDB_VERSION);
  putByte(b, 0);
  if (!builderRoom(b, 8)) return;
  store<u64>(b.data + b.length, crc64(0, b.data, b.length));
  b.length += 8;
}
