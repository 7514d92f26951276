/**
 * The order of answers on a connection some of whose requests have been forwarded to other shards: each forwarded one has a placeholder in the
 * connection's list of output chunks, and what stands behind the first unfilled one waits.
 *
 * `conn.outWait` is that first placeholder (0: nothing is forwarded), `conn.outReady` the chunk before it. A placeholder is filled once, by the reply
 * that carries it as its token; when its connection has gone meanwhile it is freed then. Short pieces are put together as they become ready,
 * so that requests to several shards are answered in one send.
 */
import { free, tryAllocIo } from "../lib/raw/alloc";
import { copy } from "../lib/raw/bytes";
import { Conn, CONN_DETACHED, CONN_FULL, connCloseSoon } from "./connection";
import { maybeOver, resumeSoon } from "./loop";
import { Chunk, CHUNK_FILLED, CHUNK_WAITING, chunkFree, chunkGrow, chunkLink, chunkTakeFor, OUTPUT_RESUME, outputPending, outputSeal, weigh } from "./output";
import { udpComplete } from "./udp";

/** Requests that a connection may have out before it is not listened to. */
const FORWARDS_MAX: u32 = 1024;
/** Pieces up to this size are put together with others. */
const MERGE_MAX: u32 = 4096;

/** A placeholder: a Chunk, and what has been asked for it. */
@unmanaged
export class Forward extends Chunk {
  gather: usize; // shard-stats.ts, or 0
}

/** A placeholder behind what the connection has been answered so far; 0: no memory, and it will be closed. */
export function forwardNew(c: Conn): usize {
  const p = tryAllocIo(offsetof<Forward>());
  if (!p) {
    connCloseSoon(c);
    return 0;
  }
  outputSeal(c);
  const f = changetype<Forward>(p);
  f.next = 0;
  f.data = 0;
  f.used = 0;
  f.cap = 0;
  f.item = 0;
  f.weight = 0;
  f.state = CHUNK_WAITING;
  f.gather = 0;
  if (!c.outWait) {
    c.outReady = c.outHead ? c.outTail : 0;
    c.outWait = p;
  }
  chunkLink(c, p);
  if (++c.forwards >= FORWARDS_MAX) c.flags |= CONN_FULL;
  return p;
}

/** The answer for placeholder `p` is [data, data + n). */
export function forwardFill(p: usize, data: usize, n: u32): void {
  const f = changetype<Forward>(p);
  if (!f.owner) {
    free(p);
    return;
  }
  const c = changetype<Conn>(f.owner);
  c.forwards--;
  if (c.outWait != p) {
    keep(c, f, data, n);
    return;
  }
  const next = f.next;
  append(c, data, n);
  if (c.outReady) changetype<Chunk>(c.outReady).next = next;
  else c.outHead = next;
  if (!next) c.outTail = c.outReady;
  free(p);
  advance(c, next);
  if (c.flags & CONN_DETACHED) {
    if (!c.outWait) udpComplete(c);
    return;
  }
  if (c.outHead) outputPending(c);
  else maybeOver(c);
  if (c.flags & CONN_FULL && c.forwards <= FORWARDS_MAX / 2 && c.outWeight < OUTPUT_RESUME) resumeSoon(c);
}

/** It is not its turn yet: the bytes wait in it. */
function keep(c: Conn, f: Forward, data: usize, n: u32): void {
  f.state = CHUNK_FILLED;
  if (!n) return;
  const own = tryAllocIo(n);
  if (!own) {
    connCloseSoon(c);
    return;
  }
  memory.copy(own, data, n);
  f.data = own;
  f.used = n;
  f.weight = n;
  weigh(c, n);
}

/** The last chunk that is ready, if it has room for `n` bytes or can be made to have it; else 0. */
function readyFor(c: Conn, n: u32): usize {
  const p = c.outReady;
  if (!p) return 0;
  const ready = changetype<Chunk>(p);
  if (ready.cap >= ready.used + n) return p;
  const grown = chunkGrow(c, p, n);
  if (grown) c.outReady = grown;
  return grown;
}

/** Puts bytes behind what is ready, before the first placeholder. */
function append(c: Conn, data: usize, n: u32): void {
  if (!n) return;
  const room = readyFor(c, n);
  if (room) put(changetype<Chunk>(room), data, n);
  else {
    const ready = changetype<Chunk>(c.outReady);
    const p = chunkTakeFor(c, n);
    if (!p) {
      connCloseSoon(c);
      return;
    }
    const k = changetype<Chunk>(p);
    k.owner = changetype<usize>(c);
    k.weight = 0;
    k.next = c.outReady ? ready.next : c.outHead;
    if (c.outReady) ready.next = p;
    else c.outHead = p;
    c.outReady = p;
    put(k, data, n);
  }
  weigh(c, n);
}
function put(k: Chunk, data: usize, n: u32): void {
  copy(k.data + k.used, data, n);
  k.used += n;
  k.weight += n;
}

/** What follows the filled placeholder, from `q` on, is ready up to the next unfilled one. */
function advance(c: Conn, q: usize): void {
  while (q) {
    const k = changetype<Chunk>(q);
    if (k.state & CHUNK_WAITING) {
      c.outWait = q;
      return;
    }
    if (q == c.outTail) outputSeal(c);
    const next = k.next;
    const ready = k.used <= MERGE_MAX && !k.item ? readyFor(c, k.used) : 0;
    if (ready) {
      put(changetype<Chunk>(ready), k.data, k.used);
      changetype<Chunk>(ready).next = next;
      if (q == c.outTail) c.outTail = ready;
      chunkFree(q);
    } else c.outReady = q;
    q = next;
  }
  c.outWait = 0;
  // The next answer goes on where the ready ones end.
  const tail = c.outReady;
  c.outReady = 0;
  if (!tail) return;
  const k = changetype<Chunk>(tail);
  if (tail != c.outTail || k.cap <= k.used) return;
  c.outPtr = k.data + k.used;
  c.outEnd = k.data + k.cap;
  c.outWeight -= k.weight;
}
