/**
 * A small sorted set in one block: the `listpack` encoding of a sorted set.
 *
 * Block: used bytes u32, number of members u32, then the members in order: score f64, length (one byte below 255,
 * otherwise 0xFF and a u32), bytes. Scores are binary, so nothing is parsed or printed to compare them.
 *
 * Functions that may move the block return its new address. Called by zset-type.ts only.
 */
import { alloc, free, realloc, usable } from "../lib/raw/alloc";
import { compare, copy, equal } from "../lib/raw/bytes";

const HEADER: usize = 8;

/** The member last read by zsetPackRead. */
export let packMember: usize = 0;
export let packMemberLength: u32 = 0;
export let packScore: f64 = 0;

export function zsetPackNew(): usize {
  const pack = alloc(40);
  store<u32>(pack, <u32>HEADER);
  store<u32>(pack, 0, 4);
  return pack;
}

// @ts-ignore: decorator
@inline
export function zsetPackCount(pack: usize): u32 {
  return load<u32>(pack, 4);
}
// @ts-ignore: decorator
@inline
export function zsetPackBytes(pack: usize): u32 {
  return load<u32>(pack);
}
// @ts-ignore: decorator
@inline
export function zsetPackFirst(pack: usize): usize {
  return pack + HEADER;
}
// @ts-ignore: decorator
@inline
export function zsetPackEnd(pack: usize): usize {
  return pack + load<u32>(pack);
}

/** Reads the member at `at`; the address of the next one. */
// @ts-ignore: decorator
@inline
export function zsetPackRead(at: usize): usize {
  packScore = load<f64>(at);
  let length = <u32>load<u8>(at, 8);
  at += 9;
  if (length == 255) {
    length = load<u32>(at);
    at += 4;
  }
  packMember = at;
  packMemberLength = length;
  return at + length;
}

/** Address of a member, which is then read, or 0; `zsetPackRank` is its rank. */
export let zsetPackRank: u32 = 0;
export function zsetPackFind(pack: usize, member: usize, length: u32): usize {
  let at = pack + HEADER;
  const end = zsetPackEnd(pack);
  let rank: u32 = 0;
  while (at < end) {
    const next = zsetPackRead(at);
    if (packMemberLength == length && equal(packMember, member, length)) {
      zsetPackRank = rank;
      return at;
    }
    at = next;
    rank++;
  }
  return 0;
}

/** Inserts a member that is not there yet, in its place. */
export function zsetPackInsert(pack: usize, score: f64, member: usize, length: u32): usize {
  const used = load<u32>(pack);
  const size: u32 = length < 255 ? length + 9 : length + 13;
  if (<usize>(used + size) > usable(pack)) pack = realloc(pack, used > 128 ? used + size + (used >> 3) : used + size);
  let at = pack + HEADER;
  const end = pack + used;
  while (at < end) {
    const next = zsetPackRead(at);
    if (packScore > score || (packScore == score && compare(packMember, packMemberLength, member, length) > 0)) break;
    at = next;
  }
  if (at < end) memory.copy(at + size, at, end - at);
  // Redis keeps whole scores of a packed set as integers, where -0 is 0.
  store<f64>(at, score == 0 ? 0 : score);
  if (length < 255) {
    store<u8>(at, <u8>length, 8);
    copy(at + 9, member, length);
  } else {
    store<u8>(at, 255, 8);
    store<u32>(at, length, 9);
    copy(at + 13, member, length);
  }
  store<u32>(pack, used + size);
  store<u32>(pack, load<u32>(pack, 4) + 1, 4);
  return pack;
}

/** Removes `count` members from `at` on. */
export function zsetPackRemove(pack: usize, at: usize, count: u32): usize {
  let next = at;
  for (let i: u32 = 0; i < count; i++) next = zsetPackRead(next);
  const used = load<u32>(pack);
  const after = pack + used - next;
  if (after) memory.copy(at, next, after);
  const left = used - <u32>(next - at);
  store<u32>(pack, left);
  store<u32>(pack, load<u32>(pack, 4) - count, 4);
  return <usize>left << 1 < usable(pack) ? realloc(pack, left) : pack;
}

/** Address of the member of that rank, which must exist. */
export function zsetPackSeek(pack: usize, rank: u32): usize {
  let at = pack + HEADER;
  while (rank-- > 0) at = zsetPackRead(at);
  return at;
}

let index: usize = 0;
let indexSize: u32 = 0;

/** Addresses of all members as u32 words in rank order, for walking backwards; valid until the next call. */
export function zsetPackIndex(pack: usize): usize {
  const count = load<u32>(pack, 4);
  if (count > indexSize) {
    free(index);
    index = alloc(<usize>count << 2);
    indexSize = count;
  }
  let at = pack + HEADER;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(index + (<usize>i << 2), <u32>at);
    at = zsetPackRead(at);
  }
  return index;
}

/** A copy, without the spare room. */
export function zsetPackCopy(pack: usize): usize {
  const used = load<u32>(pack);
  const twin = alloc(used);
  copy(twin, pack, used);
  return twin;
}
