/**
 * A small hash in one block: the `listpack` encoding of a hash.
 *
 * Block: used bytes u32, number of fields u32, then field and value in turn, each with its length in front
 * (one byte below 255, otherwise 0xFF and a u32). Fields keep the order of their first HSET. Lookups compare the
 * length byte first, so a scan of the at most `hash-max-listpack-entries` fields touches little else.
 *
 * Functions that may move the block return its new address. Called by hash-type.ts only.
 */
import { alloc, realloc, usable } from "../lib/raw/alloc";
import { copy, equal } from "../lib/raw/bytes";

const HEADER: usize = 8;

/** The pair last read by packRead. */
export let packField: usize = 0;
export let packFieldLength: u32 = 0;
export let packValue: usize = 0;
export let packValueLength: u32 = 0;

export function hashPackNew(): usize {
  const pack = alloc(32);
  store<u32>(pack, <u32>HEADER);
  store<u32>(pack, 0, 4);
  return pack;
}

// @ts-ignore: decorator
@inline
export function hashPackCount(pack: usize): u32 {
  return load<u32>(pack, 4);
}
/** The first pair; it is only there if it lies below hashPackEnd. */
// @ts-ignore: decorator
@inline
export function hashPackFirst(pack: usize): usize {
  return pack + HEADER;
}
// @ts-ignore: decorator
@inline
export function hashPackEnd(pack: usize): usize {
  return pack + load<u32>(pack);
}

// @ts-ignore: decorator
@inline
function sizeOf(length: u32): u32 {
  return length < 255 ? length + 1 : length + 5;
}

function stringWrite(at: usize, ptr: usize, length: u32): usize {
  if (length < 255) {
    store<u8>(at, <u8>length);
    at += 1;
  } else {
    store<u8>(at, 255);
    store<u32>(at, length, 1);
    at += 5;
  }
  copy(at, ptr, length);
  return at + length;
}

/** Reads the pair at `at` into packField…packValueLength; the address of the next pair. */
export function hashPackRead(at: usize): usize {
  let length = <u32>load<u8>(at);
  at += 1;
  if (length == 255) {
    length = load<u32>(at);
    at += 4;
  }
  packField = at;
  packFieldLength = length;
  at += length;
  length = <u32>load<u8>(at);
  at += 1;
  if (length == 255) {
    length = load<u32>(at);
    at += 4;
  }
  packValue = at;
  packValueLength = length;
  return at + length;
}

/** Address of a field's pair, which is then read, or 0. */
export function hashPackFind(pack: usize, field: usize, length: u32): usize {
  let at = pack + HEADER;
  const end = hashPackEnd(pack);
  while (at < end) {
    const next = hashPackRead(at);
    if (packFieldLength == length && equal(packField, field, length)) return at;
    at = next;
  }
  return 0;
}

/** Room for `bytes` in all, with a little to spare so that a hash that grows is not moved for each field. */
// @ts-ignore: decorator
@inline
function reserve(pack: usize, bytes: u32): usize {
  if (<usize>bytes <= usable(pack)) return pack;
  return realloc(pack, bytes > 128 ? bytes + (bytes >> 3) : bytes);
}

/** Appends a pair whose field is not there yet. */
export function hashPackAppend(pack: usize, field: usize, fieldLength: u32, value: usize, valueLength: u32): usize {
  const used = load<u32>(pack);
  const size = sizeOf(fieldLength) + sizeOf(valueLength);
  pack = reserve(pack, used + size);
  stringWrite(stringWrite(pack + used, field, fieldLength), value, valueLength);
  store<u32>(pack, used + size);
  store<u32>(pack, load<u32>(pack, 4) + 1, 4);
  return pack;
}

/** Gives the pair at `at` a new value. */
export function hashPackReplace(pack: usize, at: usize, value: usize, valueLength: u32): usize {
  const next = hashPackRead(at);
  if (packValueLength == valueLength) {
    copy(packValue, value, valueLength);
    return pack;
  }
  const old = sizeOf(packValueLength);
  const size = sizeOf(valueLength);
  const used = load<u32>(pack);
  const offset = next - pack;
  if (size > old) pack = reserve(pack, used + size - old);
  const from = pack + offset;
  const after = <usize>used - offset;
  if (after) memory.copy(from - old + size, from, after);
  stringWrite(from - old, value, valueLength);
  store<u32>(pack, used + size - old);
  return pack;
}

/** Removes the pair at `at`. */
export function hashPackRemove(pack: usize, at: usize): usize {
  const next = hashPackRead(at);
  const used = load<u32>(pack);
  const after = <usize>used - (next - pack);
  if (after) memory.copy(at, next, after);
  const left = used - <u32>(next - at);
  store<u32>(pack, left);
  store<u32>(pack, load<u32>(pack, 4) - 1, 4);
  return <usize>left << 1 < usable(pack) ? realloc(pack, left) : pack;
}

/** A copy, without the spare room. */
export function hashPackCopy(pack: usize): usize {
  const used = load<u32>(pack);
  const twin = alloc(used);
  copy(twin, pack, used);
  return twin;
}
