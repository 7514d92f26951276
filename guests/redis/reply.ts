/**
 * The reply builder: RESP2 and RESP3 appended straight to the client's output chunk.
 *
 * A chunk is filled at `client.outPtr`; when it is full it is sealed and another one follows. At the end of the turn loop.ts
 * sends each chunk once. A chunk in flight belongs to the device until its SENT event. The fake client of the AOF loader
 * writes into a chunk too; the loader throws it away.
 *
 * Texts are ASCII literals. An error text starts with its code ("ERR …", "WRONGTYPE …"), without '-' and CRLF.
 */
import { alloc, free, hasRoom, tryAlloc, tryAllocIo } from "../lib/raw/alloc";
import { copy, textCopy } from "../lib/raw/bytes";
import { Client, CLIENT_CLOSE_ASAP, CLIENT_FAKE, CLIENT_PENDING, CLIENT_STANDIN, clientCloseSoon } from "./client";
import { formatI64, formatU64 } from "../lib/raw/number";
import { formatScore } from "./double";
import { ENC_INT, Obj, objRelease, STRING_HEADER, strView, viewLen, viewPtr } from "./object";
import { errorSeen } from "./errors";
import { forwardDrop } from "./shard-order";

/** A piece of output. */
@unmanaged
export class Chunk {
  next: usize;
  data: usize; // first byte (behind the header, or inside a value)
  used: u32; // set when sealed
  cap: u32; // 0: `data` belongs to `object`
  owner: usize; // Client, or 0 when it is gone
  object: usize; // Obj whose reference this chunk holds, or 0
  flags: u32; // CHUNK_WAITING, CHUNK_FILLED: a placeholder (shard-order.ts)
  spare: u32;
}
/** The reply of another shard is to come. */
export const CHUNK_WAITING: u32 = 2;
/** It has come before its turn: `data` is a block of its own. */
export const CHUNK_FILLED: u32 = 4;
const HEADER: usize = 32;
const CHUNK_BYTES: u32 = 16384;
/** Stride of pooled chunks: not a multiple of 4096, or the first lines of all chunks would share one cache set. */
const CHUNK_STRIDE: u32 = 32 + CHUNK_BYTES + 160;
/** Chunks between the replies of other shards. */
const PIECE_BYTES: u32 = 480;
/** Values at least this long are sent from where they lie. */
const ZERO_COPY_MIN: u32 = 32768;
/** The same while memory is short. */
const ZERO_COPY_SHORT: u32 = 1024;

let poolFree: usize = 0;
export let poolChunks: u32 = 0;
/** Clients with output that has not been handed to the device. */
export let pendingHead: usize = 0;
export function pendingSet(head: usize): void {
  pendingHead = head;
}

export function chunkNew(atLeast: u32): usize {
  let p: usize;
  if (atLeast <= CHUNK_BYTES) {
    if (!poolFree) {
      const region = tryAlloc(CHUNK_STRIDE * 16);
      if (!region) return chunkSmall(atLeast);
      for (let i: usize = 0; i < 16; i++) {
        store<usize>(region + i * CHUNK_STRIDE, poolFree);
        poolFree = region + i * CHUNK_STRIDE;
      }
      poolChunks += 16;
    }
    p = poolFree;
    poolFree = load<usize>(p);
    changetype<Chunk>(p).cap = CHUNK_BYTES;
  } else {
    return chunkOwn(atLeast);
  }
  return chunkClear(p);
}
/** Memory is short: no more than a few replies need. */
function chunkSmall(atLeast: u32): usize {
  return chunkOwn(max<u32>(atLeast, 512 - <u32>HEADER));
}
/** A chunk outside the pool. */
function chunkOwn(bytes: u32): usize {
  if (bytes == CHUNK_BYTES) bytes++; // that capacity means: of the pool
  const p = tryAllocIo(HEADER + bytes);
  if (!p) return 0;
  changetype<Chunk>(p).cap = bytes;
  return chunkClear(p);
}
function chunkClear(p: usize): usize {
  const k = changetype<Chunk>(p);
  k.next = 0;
  k.data = p + HEADER;
  k.used = 0;
  k.object = 0;
  k.flags = 0;
  return p;
}

export function chunkFree(p: usize): void {
  const k = changetype<Chunk>(p);
  if (k.object) objRelease(changetype<Obj>(k.object));
  if (k.flags) {
    if (k.flags & CHUNK_WAITING) {
      k.owner = 0; // its reply will free it
      return;
    }
    free(k.data);
  }
  if (k.cap == CHUNK_BYTES) {
    store<usize>(p, poolFree);
    poolFree = p;
  } else free(p);
}

/** Closes the chunk being filled, so that its `used` is right. */
export function outputSeal(c: Client): void {
  if (c.outPtr) {
    const k = changetype<Chunk>(c.outTail);
    k.used = <u32>(c.outPtr - k.data);
    c.outQueued += k.used;
    c.outPtr = 0;
    c.outEnd = 0;
  }
}

export function chunkLink(c: Client, p: usize): void {
  changetype<Chunk>(p).owner = changetype<usize>(c);
  if (c.outHead) changetype<Chunk>(c.outTail).next = p;
  else c.outHead = p;
  c.outTail = p;
  outputPending(c);
}
/** The client has output to send when the turn ends. */
export function outputPending(c: Client): void {
  if (!(c.flags & (CLIENT_PENDING | CLIENT_FAKE | CLIENT_STANDIN))) {
    c.flags |= CLIENT_PENDING;
    c.pendingNext = pendingHead;
    pendingHead = changetype<usize>(c);
  }
}

// While the client cannot be given memory its replies go here: it is being closed.
let sink: usize = 0;
let sinkCap: u32 = 0;

function reserveSlow(c: Client, n: u32): usize {
  outputSeal(c);
  let want = n;
  if (c.outQueued >= CHUNK_BYTES * 2) want = max<u32>(n, min<u32>(c.outQueued, 262144)); // long replies get longer chunks
  // Behind a placeholder: what it holds is copied to where the reply of the other shard ends.
  const piece = c.outWait != 0 && want <= PIECE_BYTES;
  let p: usize = c.flags & CLIENT_CLOSE_ASAP && !(c.flags & CLIENT_FAKE) ? <usize>0 : piece ? chunkOwn(PIECE_BYTES) : chunkNew(want);
  if (!p && want > n) p = chunkNew(n);
  if (!p) {
    clientCloseSoon(c);
    if (n > CHUNK_BYTES) return 0; // only replyRaw asks for that much, and it looks at outPtr before it writes
    if (n > sinkCap) {
      sinkCap = max<u32>(n, 4096);
      free(sink);
      sink = alloc(sinkCap);
    }
    return sink;
  }
  chunkLink(c, p);
  const k = changetype<Chunk>(p);
  c.outPtr = k.data;
  c.outEnd = k.data + k.cap;
  return c.outPtr;
}

/** Where `n` bytes of output may be written; follow with `commit(c, end)`. */
// @ts-ignore: decorator
@inline
export function reserve(c: Client, n: u32): usize {
  const p = c.outPtr;
  if (p + n <= c.outEnd && p) return p;
  return reserveSlow(c, n);
}
// @ts-ignore: decorator
@inline
export function commit(c: Client, end: usize): void {
  if (c.outPtr) c.outPtr = end;
}

/** Raw bytes. Those too long for a chunk are cut over several. */
export function replyRaw(c: Client, p: usize, n: u32): void {
  while (n > CHUNK_BYTES) {
    const room = c.outPtr ? <u32>(c.outEnd - c.outPtr) : 0;
    const most = hasRoom(1048576) ? 1048576 : CHUNK_BYTES;
    const part = min(n, room > 0 ? room : most);
    const at = reserve(c, part);
    if (!c.outPtr) return;
    memory.copy(at, p, part);
    commit(c, at + part);
    p += part;
    n -= part;
  }
  const at = reserve(c, n);
  if (n > 256) memory.copy(at, p, n);
  else copy(at, p, n);
  commit(c, at + n);
}
/** A literal, as it stands. */
export function replyRawText(c: Client, text: string): void {
  const at = reserve(c, text.length + 8);
  commit(c, at + textCopy(at, text));
}

// @ts-ignore: decorator
@inline
function crlf(at: usize): usize {
  store<u16>(at, 0x0a0d);
  return at + 2;
}

/** Type byte, number, CRLF: every RESP header. */
export function replyHeader(c: Client, type: u32, n: i64): void {
  const at = reserve(c, 24);
  store<u8>(at, <u8>type);
  if (<u64>n < 10) {
    store<u32>(at, (type & 0xff) | ((48 + <u32>n) << 8) | 0x0a0d0000);
    commit(c, at + 4);
    return;
  }
  commit(c, crlf(at + 1 + formatI64(at + 1, n)));
}

export function replyOk(c: Client): void {
  const at = reserve(c, 8);
  store<u64>(at, 0x0a0d4b4f2b); // +OK\r\n
  commit(c, at + 5);
}
/** `+text` */
export function replyStatus(c: Client, text: string): void {
  const at = reserve(c, text.length + 16);
  store<u8>(at, 43);
  commit(c, crlf(at + 1 + textCopy(at + 1, text)));
}
export function replyStatusBytes(c: Client, p: usize, n: u32): void {
  const at = reserve(c, n + 8);
  store<u8>(at, 43);
  memory.copy(at + 1, p, n);
  commit(c, crlf(at + 1 + n));
}
export function replyI64(c: Client, n: i64): void {
  replyHeader(c, 58, n);
}
export function replyBulk(c: Client, p: usize, n: u32): void {
  if (n <= 8192) {
    let at = reserve(c, n + 16);
    if (n < 10) {
      store<u32>(at, 0x0a0d0024 | ((48 + n) << 8));
      at += 4;
    } else {
      store<u8>(at, 36);
      at = crlf(at + 1 + formatU64(at + 1, n));
    }
    copy(at, p, n);
    commit(c, crlf(at + n));
    return;
  }
  replyHeader(c, 36, n);
  replyRaw(c, p, n);
  const at = reserve(c, 2);
  commit(c, crlf(at));
}
export function replyBulkText(c: Client, text: string): void {
  const n = text.length;
  let at = reserve(c, n + 24);
  store<u8>(at, 36);
  at = crlf(at + 1 + formatU64(at + 1, n));
  commit(c, crlf(at + textCopy(at, text)));
}
const numberScratch = memory.data(64, 16);
export function replyBulkI64(c: Client, n: i64): void {
  const length = formatI64(numberScratch, n);
  replyBulk(c, numberScratch, length);
}
/** A string object as a bulk; a long one is sent in place, holding a reference. */
export function replyBulkObj(c: Client, o: Obj): void {
  if (<u32>o.encoding == ENC_INT) {
    strView(o);
    replyBulk(c, viewPtr, viewLen);
    return;
  }
  const p = changetype<usize>(o) + STRING_HEADER;
  const n = load<u32>(changetype<usize>(o), 8);
  const short = n < ZERO_COPY_MIN && (n < ZERO_COPY_SHORT || hasRoom(1048576));
  if (short || o.refs == 0xffff || c.flags & CLIENT_FAKE) {
    replyBulk(c, p, n);
    return;
  }
  replyHeader(c, 36, n);
  if (!c.outPtr) return;
  const block = tryAllocIo(HEADER);
  if (!block) {
    clientCloseSoon(c);
    return;
  }
  outputSeal(c);
  const k = changetype<Chunk>(block);
  k.next = 0;
  k.data = p;
  k.used = n;
  k.cap = 0;
  k.object = changetype<usize>(o);
  k.flags = 0;
  o.refs++;
  chunkLink(c, block);
  c.outQueued += n;
  const at = reserve(c, 2);
  commit(c, crlf(at));
}

/** Null: `$-1` or `_`. */
export function replyNull(c: Client): void {
  const at = reserve(c, 8);
  if (c.resp == 2) {
    store<u64>(at, 0x0a0d312d24);
    commit(c, at + 5);
  } else {
    store<u32>(at, 0x000a0d5f);
    commit(c, at + 3);
  }
}
/** Null where an array was expected: `*-1` or `_`. */
export function replyNullArray(c: Client): void {
  const at = reserve(c, 8);
  if (c.resp == 2) {
    store<u64>(at, 0x0a0d312d2a);
    commit(c, at + 5);
  } else {
    store<u32>(at, 0x000a0d5f);
    commit(c, at + 3);
  }
}
export function replyArray(c: Client, n: i64): void {
  replyHeader(c, 42, n);
}
/** A map of n pairs: in RESP2 an array of 2n. */
export function replyMap(c: Client, n: i64): void {
  if (c.resp == 2) replyHeader(c, 42, n * 2);
  else replyHeader(c, 37, n);
}
export function replySet(c: Client, n: i64): void {
  replyHeader(c, c.resp == 2 ? 42 : 126, n);
}
export function replyPush(c: Client, n: i64): void {
  replyHeader(c, c.resp == 2 ? 42 : 62, n);
}
export function replyBool(c: Client, b: bool): void {
  if (c.resp == 2) replyI64(c, b ? 1 : 0);
  else replyRawText(c, b ? "#t\r\n" : "#f\r\n");
}
/** A double: bulk string in RESP2 (%.17g as Redis 7.0 prints it), `,` in RESP3. */
export function replyF64(c: Client, d: f64): void {
  const n = formatScore(numberScratch, d);
  if (c.resp == 2) {
    replyBulk(c, numberScratch, n);
    return;
  }
  const at = reserve(c, n + 8);
  store<u8>(at, 44);
  copy(at + 1, numberScratch, n);
  commit(c, crlf(at + 1 + n));
}
/** A verbatim text ("txt" or "mkd"); a bulk string in RESP2. */
export function replyVerbatim(c: Client, p: usize, n: u32, format: string): void {
  if (c.resp == 2) {
    replyBulk(c, p, n);
    return;
  }
  replyHeader(c, 61, n + 4);
  replyRawText(c, format);
  replyRawText(c, ":");
  replyRaw(c, p, n);
  replyRawText(c, "\r\n");
}

// --- errors ------------------------------------------------------------------------------------------------
/** `-text`. Counts as a failed command. */
export function replyError(c: Client, text: string): void {
  const at = reserve(c, text.length + 16);
  store<u8>(at, 45);
  const n = textCopy(at + 1, text);
  errorSeen(c, at + 1, n);
  commit(c, crlf(at + 1 + n));
}
const errorBuffer = memory.data(1024, 16);
let errorAt: usize = 0;
/** An error made of pieces: `errorBegin("ERR unknown command '"); errorBytes(p, n, 128); errorText("'"); errorEnd(c);` */
export function errorBegin(text: string): void {
  errorAt = errorBuffer + textCopy(errorBuffer, text);
}
export function errorText(text: string): void {
  if (<i32>(errorAt - errorBuffer) + text.length < 1000) errorAt += textCopy(errorAt, text);
}
export function errorBytes(p: usize, n: u32, most: u32): void {
  const room = <u32>(errorBuffer + 1000 - errorAt);
  n = min(min(n, most), room);
  memory.copy(errorAt, p, n);
  errorAt += n;
}
/** Sends it; CR and LF inside become spaces, as in Redis. */
export function errorEnd(c: Client): void {
  const n = <u32>(errorAt - errorBuffer);
  for (let p = errorBuffer; p < errorAt; p++) {
    const ch = load<u8>(p);
    if (ch == 13 || ch == 10) store<u8>(p, 32);
  }
  const at = reserve(c, n + 8);
  store<u8>(at, 45);
  memory.copy(at + 1, errorBuffer, n);
  errorSeen(c, at + 1, n);
  commit(c, crlf(at + 1 + n));
}
export function replySyntaxError(c: Client): void {
  replyError(c, "ERR syntax error");
}
export function replyWrongType(c: Client): void {
  replyError(c, "WRONGTYPE Operation against a key holding the wrong kind of value");
}
export function replyNotInteger(c: Client): void {
  replyError(c, "ERR value is not an integer or out of range");
}
export function replyNotFloat(c: Client): void {
  replyError(c, "ERR value is not a valid float");
}
export function replyNoKey(c: Client): void {
  replyError(c, "ERR no such key");
}
/** Redis' own text first, which clients know, then what it is here. */
export const MACHINE_FULL = "OOM command not allowed when used memory > 'maxmemory'. The machine's memory is full";
/** Memory is short: the machine's, whatever maxmemory says. */
export function replyOom(c: Client): void {
  replyError(c, MACHINE_FULL);
}

// --- lengths known only at the end ----------------------------------------------------------------------------
const DEFER_ROOM: u32 = 16;
/** Leaves room for a header; answers its place for deferEnd. Nest like brackets. */
export function deferBegin(c: Client): usize {
  const at = reserve(c, DEFER_ROOM);
  commit(c, at + DEFER_ROOM);
  return c.outPtr ? at : 0;
}
/** Writes header `type` (42 array, 37 map, 126 set) with `n` at `place`. */
export function deferEnd(c: Client, place: usize, type: u32, n: i64): void {
  if (!place || c.flags & CLIENT_CLOSE_ASAP) return;
  store<u8>(numberScratch, <u8>type);
  const length = <u32>(crlf(numberScratch + 1 + formatI64(numberScratch + 1, n)) - numberScratch);
  const gap = DEFER_ROOM - length;
  copy(place, numberScratch, length);
  // Pull the rest of that chunk over the unused room.
  const from = place + DEFER_ROOM;
  if (c.outPtr && place >= changetype<Chunk>(c.outTail).data && place < c.outEnd) {
    memory.copy(place + length, from, c.outPtr - from);
    c.outPtr -= gap;
    return;
  }
  for (let p = c.outHead; p; p = changetype<Chunk>(p).next) {
    const k = changetype<Chunk>(p);
    if (place >= k.data && place < k.data + k.used) {
      memory.copy(place + length, from, k.data + k.used - from);
      k.used -= gap;
      c.outQueued -= gap;
      return;
    }
  }
}
export function deferArray(c: Client, place: usize, n: i64): void {
  deferEnd(c, place, 42, n);
}
/** n pairs. */
export function deferMap(c: Client, place: usize, n: i64): void {
  if (c.resp == 2) deferEnd(c, place, 42, n * 2);
  else deferEnd(c, place, 37, n);
}
export function deferSet(c: Client, place: usize, n: i64): void {
  deferEnd(c, place, c.resp == 2 ? 42 : 126, n);
}

// --- output marks (CLIENT REPLY OFF, the loader) ---------------------------------------------------------------
/** A place in the output to which `outputRewind` can return: everything after it is dropped. Only for output that is not yet sent. */
export let markChunk: usize = 0;
export let markUsed: u32 = 0;
export function outputMark(c: Client): void {
  markChunk = c.outHead ? c.outTail : 0;
  markUsed = markChunk ? (c.outPtr ? <u32>(c.outPtr - changetype<Chunk>(markChunk).data) : changetype<Chunk>(markChunk).used) : 0;
}
export function outputRewind(c: Client, chunk: usize, used: u32): void {
  outputSeal(c);
  let p = chunk ? changetype<Chunk>(chunk).next : c.outHead;
  while (p) {
    const next = changetype<Chunk>(p).next;
    c.outQueued -= changetype<Chunk>(p).used;
    if (changetype<Chunk>(p).flags & CHUNK_WAITING) forwardDrop(c, p);
    chunkFree(p);
    p = next;
  }
  if (!chunk) {
    c.outHead = 0;
    c.outTail = 0;
    return;
  }
  const k = changetype<Chunk>(chunk);
  k.next = 0;
  c.outTail = chunk;
  if (k.cap) {
    c.outQueued -= k.used;
    c.outPtr = k.data + used;
    c.outEnd = k.data + k.cap;
  }
}

/** HELP output of a container command: the lines, then HELP itself. */
export function replyHelpLine(c: Client, text: string): void {
  replyStatus(c, text);
}
