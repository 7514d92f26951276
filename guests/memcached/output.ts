/**
 * What clients are sent: bytes gathered in chunks, and values that are sent from where they lie.
 *
 * A reply is written at `reserve(c, n)` and ended with `commit`. The first chunk of a turn is small; when it is full its bytes move into a
 * large one, so a connection with little to say keeps little memory and one with much still gets one send. A chunk whose `item` is set
 * points into that item and holds a reference to it. loop.ts sends; a chunk belongs to the device until its SENT event.
 */
import { alloc, free, tryAllocIo } from "../lib/raw/alloc";
import { copy, textCopy } from "../lib/raw/bytes";
import { Conn, CONN_CLOSING, CONN_DETACHED, CONN_FULL, CONN_PENDING, connCloseSoon } from "./connection";
import { itemRemove } from "./lru";

@unmanaged
export class Chunk {
  next: usize;
  data: usize; // first byte: behind this header, or inside an item
  used: u32; // set when it is sealed
  cap: u32;
  owner: usize; // Conn, or 0 when it is gone
  item: usize; // whose reference it holds, or 0
  weight: u32; // what it counts towards the bound
  state: u32; // CHUNK_WAITING, CHUNK_FILLED: a placeholder (shard-order.ts)
}
/** The answer of another shard is to come. */
export const CHUNK_WAITING: u32 = 1;
/** It has come before its turn: `data` is a block of its own. */
export const CHUNK_FILLED: u32 = 2;
const HEADER: usize = 32;
const SMALL_BYTES: u32 = 2048;
export const LARGE_BYTES: u32 = 16896;
/** Strides of the pools: no multiples of 4096, or the first lines of all chunks would share one cache set. */
const SMALL_STRIDE: usize = HEADER + SMALL_BYTES + 32;
const LARGE_STRIDE: usize = HEADER + LARGE_BYTES + 160;

/** Values (with "\r\n") up to this are copied, longer ones sent from where they lie. */
export const VALUE_COPY_MAX: u32 = 16384;
/** What a value that is sent from where it lies counts as: it keeps memory of the cache from being used again. */
const ITEM_WEIGHT: u32 = 32768;
/** A connection with more unsent output than this is not listened to ... */
const OUTPUT_MAX: u32 = 262144;
/** ... before it is down to this. */
export const OUTPUT_RESUME: u32 = 65536;

let smallFree: usize = 0;
let largeFree: usize = 0;
/** Connections with output that the device has not got. */
export let pendingHead: usize = 0;
export function pendingSet(head: usize): void {
  pendingHead = head;
}

/** A free chunk of the pool, or 0. */
function chunkTake(large: bool): usize {
  let p = large ? largeFree : smallFree;
  if (p) {
    if (large) largeFree = load<usize>(p);
    else smallFree = load<usize>(p);
  } else {
    const stride = large ? LARGE_STRIDE : SMALL_STRIDE;
    const count: usize = large ? 8 : 32;
    const region = tryAllocIo(stride * count);
    if (!region) return 0;
    for (let i: usize = 1; i < count; i++) {
      const q = region + i * stride;
      if (large) {
        store<usize>(q, largeFree);
        largeFree = q;
      } else {
        store<usize>(q, smallFree);
        smallFree = q;
      }
    }
    p = region;
  }
  const k = changetype<Chunk>(p);
  k.next = 0;
  k.data = p + HEADER;
  k.used = 0;
  k.cap = large ? LARGE_BYTES : SMALL_BYTES;
  k.item = 0;
  k.state = 0;
  return p;
}
/** The bytes of a small chunk, which is all of the connection's output before `next`, in a large one, with room for `n` more; 0: it stays as it is. */
export function chunkGrow(c: Conn, p: usize, n: u32): usize {
  const k = changetype<Chunk>(p);
  if (k.cap != SMALL_BYTES || c.outHead != p || k.used + n > LARGE_BYTES) return 0;
  const q = chunkTake(true);
  if (!q) return 0;
  const l = changetype<Chunk>(q);
  memory.copy(l.data, k.data, k.used);
  l.used = k.used;
  l.weight = k.weight;
  l.owner = k.owner;
  l.next = k.next;
  c.outHead = q;
  if (c.outTail == p) c.outTail = q;
  chunkFree(p);
  return q;
}

/** A chunk with room for `n` bytes, however many, or 0. */
export function chunkTakeFor(c: Conn, n: u32): usize {
  if (c.flags & CONN_CLOSING) return 0;
  if (n <= LARGE_BYTES) return chunkTake(n > SMALL_BYTES / 2);
  const p = tryAllocIo(HEADER + n);
  if (!p) return 0;
  const k = changetype<Chunk>(p);
  k.next = 0;
  k.data = p + HEADER;
  k.used = 0;
  k.cap = n;
  k.item = 0;
  k.state = 0;
  return p;
}

export function chunkFree(p: usize): void {
  const k = changetype<Chunk>(p);
  if (k.item) {
    itemRemove(k.item);
    k.item = 0;
  }
  if (k.state) {
    if (k.state & CHUNK_WAITING) {
      k.owner = 0; // its reply will free it
      return;
    }
    free(k.data);
  }
  if (k.cap == SMALL_BYTES) {
    store<usize>(p, smallFree);
    smallFree = p;
  } else if (k.cap == LARGE_BYTES) {
    store<usize>(p, largeFree);
    largeFree = p;
  } else free(p);
}

export function chunkLink(c: Conn, p: usize): void {
  changetype<Chunk>(p).owner = changetype<usize>(c);
  if (c.outHead) changetype<Chunk>(c.outTail).next = p;
  else c.outHead = p;
  c.outTail = p;
  outputPending(c);
}
/** The connection has output to send when the turn ends. */
export function outputPending(c: Conn): void {
  if (!(c.flags & (CONN_PENDING | CONN_DETACHED))) {
    c.flags |= CONN_PENDING;
    c.pendingNext = pendingHead;
    pendingHead = changetype<usize>(c);
  }
}

/** Ends the chunk being filled: its `used` is right then. */
export function outputSeal(c: Conn): void {
  if (!c.outPtr) return;
  const k = changetype<Chunk>(c.outTail);
  k.used = <u32>(c.outPtr - k.data);
  k.weight = k.used;
  c.outPtr = 0;
  c.outEnd = 0;
  weigh(c, k.used);
}

/** Bytes of output that have not been handed to the device. */
export function outputLength(c: Conn): u32 {
  outputSeal(c);
  let n: u32 = 0;
  for (let p = c.outHead; p; p = changetype<Chunk>(p).next) n += changetype<Chunk>(p).used;
  return n;
}

/** Gives them up: of a connection without a descriptor, whose output is taken from here. */
export function outputDrop(c: Conn): void {
  for (let p = c.outHead; p; ) {
    const next = changetype<Chunk>(p).next;
    chunkFree(p);
    p = next;
  }
  c.outHead = 0;
  c.outTail = 0;
  c.outWeight = 0;
}

export function weigh(c: Conn, bytes: u32): void {
  c.outWeight += bytes;
  if (c.outWeight > OUTPUT_MAX) c.flags |= CONN_FULL;
}

// Output of a connection for which there is no memory goes here: it is being closed.
let sink: usize = 0;

function reserveSlow(c: Conn, n: u32): usize {
  if (c.flags & CONN_CLOSING) return sinkOf();
  let large = n > SMALL_BYTES;
  if (c.outPtr) {
    const old = c.outTail;
    const k = changetype<Chunk>(old);
    const used = <u32>(c.outPtr - k.data);
    large = true;
    k.used = used;
    const grown = chunkGrow(c, old, n);
    if (grown) {
      c.outPtr = changetype<Chunk>(grown).data + used;
      c.outEnd = changetype<Chunk>(grown).data + LARGE_BYTES;
      return c.outPtr;
    }
    outputSeal(c);
  }
  const p = chunkTake(large);
  if (!p) {
    connCloseSoon(c);
    return sinkOf();
  }
  chunkLink(c, p);
  const k = changetype<Chunk>(p);
  c.outPtr = k.data;
  c.outEnd = k.data + k.cap;
  return c.outPtr;
}

function sinkOf(): usize {
  if (!sink) sink = alloc(LARGE_BYTES);
  return sink;
}

/** Where `n` bytes (LARGE_BYTES at most) of output may be written; follow with `commit(c, end)`. */
// @ts-ignore: decorator
@inline
export function reserve(c: Conn, n: u32): usize {
  const p = c.outPtr;
  if (p && p + n <= c.outEnd) return p;
  return reserveSlow(c, n);
}
// @ts-ignore: decorator
@inline
export function commit(c: Conn, end: usize): void {
  if (c.outPtr) c.outPtr = end;
}

/** Sends `n` bytes of an item from where they lie. The reference is taken over, and given back when they have left. */
function outputItem(c: Conn, it: usize, data: usize, n: u32): void {
  const p: usize = c.flags & CONN_CLOSING ? <usize>0 : tryAllocIo(HEADER);
  if (!p) {
    connCloseSoon(c);
    itemRemove(it);
    return;
  }
  outputSeal(c);
  const k = changetype<Chunk>(p);
  k.next = 0;
  k.data = data;
  k.used = n;
  k.cap = 0;
  k.item = it;
  k.state = 0;
  k.weight = ITEM_WEIGHT;
  chunkLink(c, p);
  weigh(c, ITEM_WEIGHT);
}

/** `n` bytes of an item's value as output: copied, or sent from where they lie. Takes over one reference. */
export function outputValue(c: Conn, it: usize, data: usize, n: u32): void {
  if (n > VALUE_COPY_MAX) {
    outputItem(c, it, data, n);
    return;
  }
  const at = reserve(c, n);
  copy(at, data, n);
  commit(c, at + n);
  itemRemove(it);
}

/** Any number of bytes, copied. */
export function outputBytes(c: Conn, p: usize, n: u32): void {
  while (n) {
    const room = c.outPtr ? <u32>(c.outEnd - c.outPtr) : 0;
    const part = min(n, room ? room : LARGE_BYTES);
    const at = reserve(c, part);
    copy(at, p, part);
    commit(c, at + part);
    p += part;
    n -= part;
  }
}

export function outputText(c: Conn, text: string): void {
  const at = reserve(c, <u32>text.length + 8);
  commit(c, at + textCopy(at, text));
}

/** out_string: a line, unless the client wants no reply. */
export function replyLine(c: Conn, text: string): void {
  if (c.noreply) return;
  const at = reserve(c, <u32>text.length + 10);
  const n = textCopy(at, text);
  store<u16>(at + n, 0x0a0d);
  commit(c, at + n + 2);
}
/** out_errstring: a line in any case. */
export function replyError(c: Conn, text: string): void {
  c.noreply = false;
  replyLine(c, text);
}
export function replyStored(c: Conn): void {
  if (c.noreply) return;
  const at = reserve(c, 8);
  store<u64>(at, 0x0a0d4445524f5453); // "STORED\r\n"
  commit(c, at + 8);
}
