/**
 * An item: key, value and what the store knows about them, in one piece of linear memory.
 *
 * The header has memcached's 48 bytes (its pointers are twice as wide; what that saves holds the key's hash, the client's
 * flags and the CAS number, so that offsets never depend on the item). Key and value follow it without a gap; the
 * value includes its "\r\n", and `nbytes` counts it. What an item *counts* as (`itemTotal`) is what memcached 1.6 on a
 * 64-bit machine would count, so an item lands in the same slab class; it needs 9 bytes less than that (with -C one).
 *
 * What always holds: `refcount` is 1 for being linked and 1 for each holder; memory goes back to its slab class when it gets to 0.
 */

/** In the table and in an LRU list. */
export const ITEM_LINKED: u32 = 1;
/** Counts 8 bytes for its CAS number (no -C). */
export const ITEM_CAS: u32 = 2;
/** Free: lies in its slab class' list. */
export const ITEM_SLABBED: u32 = 4;
/** Has been fetched at least once since it was stored. */
export const ITEM_FETCHED: u32 = 8;
/** Has been fetched again: the LRU moves it up rather than down. */
export const ITEM_ACTIVE: u32 = 16;
/** Larger than any chunk (slab_chunk_max): counts as memcached's chunked items, but lies in one run. */
export const ITEM_CHUNKED: u32 = 32;
/** Counts 4 bytes for client flags that are not zero. */
export const ITEM_CFLAGS: u32 = 256;
/** Meta commands: somebody has been told to recache (the W flag was given out). */
export const ITEM_TOKEN_SENT: u32 = 512;
export const ITEM_STALE: u32 = 2048;
/** The key came in base64 and may hold any byte. */
export const ITEM_KEY_BINARY: u32 = 4096;

@unmanaged
export class Item {
  next: usize; // LRU list, towards the tail; or the class' free list
  prev: usize;
  hnext: usize; // hash chain
  hash: u32;
  time: u32; // of the last bump, in currentTime's seconds
  exptime: u32; // 0: never
  nbytes: i32; // value with "\r\n"
  refcount: u32;
  flags: u16; // ITEM_*
  clsid: u8; // slab class, and in the upper two bits the LRU list (lru.ts)
  nkey: u8;
  clientFlags: u32;
  cas: u64; // 0 with -C
}

export const ITEM_HEADER: u32 = 48;
export const KEY_MAX_LENGTH: u32 = 250;

// @ts-ignore: decorator
@inline
export function itemKey(it: usize): usize {
  return it + ITEM_HEADER;
}

// @ts-ignore: decorator
@inline
export function itemData(it: usize): usize {
  return it + ITEM_HEADER + changetype<Item>(it).nkey;
}

/** Slab class without the LRU bits. */
// @ts-ignore: decorator
@inline
export function itemClsid(it: usize): u32 {
  return changetype<Item>(it).clsid & 63;
}

/** What an item of these measures counts as. */
// @ts-ignore: decorator
@inline
export function itemTotalOf(nkey: u32, clientFlags: u32, nbytes: u32, withCas: bool): u32 {
  return ITEM_HEADER + nkey + 1 + nbytes + (clientFlags ? 4 : 0) + (withCas ? 8 : 0);
}

// @ts-ignore: decorator
@inline
export function itemTotal(it: usize): u32 {
  const i = changetype<Item>(it);
  const flags = <u32>i.flags;
  // CAS is bit 1 and CFLAGS bit 8: 8 bytes and 4.
  return ITEM_HEADER + i.nkey + 1 + <u32>i.nbytes + ((flags & ITEM_CAS) << 2) + ((flags & ITEM_CFLAGS) >> 6);
}
