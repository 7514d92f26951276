/**
 * The order of replies on a connection some of whose requests have been forwarded: each forwarded one has a placeholder in the client's list of
 * output chunks, and what stands behind the first unfilled one waits.
 *
 * `client.outWait` is that first placeholder (0: nothing is forwarded), `client.outReady` the chunk before it. A placeholder is filled once, by the reply
 * that carries it as its token; when its client has gone meanwhile it is freed then. Short pieces are put together while they become ready,
 * so that a pipeline over several shards leaves in one send.
 */
import { free, tryAlloc, tryAllocIo } from "../lib/raw/alloc";
import { copy } from "../lib/raw/bytes";
import { queueUnblocked } from "./blocked";
import { Client, CLIENT_CLOSE_ASAP, CLIENT_FORWARDING, clientCloseSoon } from "./client";
import { CHUNK_FILLED, CHUNK_WAITING, Chunk, chunkFree, chunkLink, chunkNew, outputPending, outputSeal } from "./reply";

/** Requests that a connection may have out, and their bytes, before it has to wait. */
const FORWARDS_MAX: u32 = 1024;
const FORWARD_BYTES_MAX: u32 = 1 << 20;
/** Pieces up to this size are put together with others. */
const MERGE_MAX: u32 = 4096;

/** A placeholder: a Chunk, and what has been sent for it. */
@unmanaged
export class Forward extends Chunk {
  gather: usize; // shard-gather.ts, or 0
  bytes: u32; // of the request
  shard: i32;
  blocking: u32; // its client waits for it
  transaction: u32; // an EXEC: the client's database is what it leaves
}

/** A placeholder behind what the client has been answered so far, or 0: no memory. */
export function forwardNew(c: Client, shard: i32, bytes: u32, blocking: bool): usize {
  const p = tryAllocIo(offsetof<Forward>());
  if (!p) return 0;
  const f = changetype<Forward>(p);
  f.data = 0;
  f.used = 0;
  f.cap = 0;
  f.object = 0;
  f.flags = CHUNK_WAITING;
  f.gather = 0;
  f.bytes = bytes;
  f.shard = shard;
  f.blocking = blocking ? 1 : 0;
  f.transaction = 0;
  forwardRelink(c, p);
  c.forwards++;
  c.forwardBytes += bytes;
  if (blocking) c.forwardWaits++;
  if (blocking || c.forwards >= FORWARDS_MAX || c.forwardBytes >= FORWARD_BYTES_MAX) c.flags |= CLIENT_FORWARDING;
  return p;
}

/** Puts a placeholder that has been taken out of the client's list behind what is in it. */
export function forwardRelink(c: Client, p: usize): void {
  outputSeal(c);
  changetype<Forward>(p).next = 0;
  if (!c.outWait) {
    c.outReady = c.outHead ? c.outTail : 0;
    c.outWait = p;
  }
  chunkLink(c, p);
}

/** The reply for placeholder `p` will not be wanted (CLIENT REPLY OFF). */
export function forwardDrop(c: Client, p: usize): void {
  c.forwards--;
  c.forwardBytes -= changetype<Forward>(p).bytes;
  if (changetype<Forward>(p).blocking && !--c.forwardWaits) c.flags &= ~CLIENT_FORWARDING;
  if (c.outWait != p) return;
  c.outWait = 0;
  c.outReady = 0;
}

/** The reply for placeholder `p` is [data, data + n). */
export function forwardFill(p: usize, data: usize, n: u32): void {
  const f = changetype<Forward>(p);
  if (!f.owner) {
    free(p);
    return;
  }
  const c = changetype<Client>(f.owner);
  c.forwards--;
  c.forwardBytes -= f.bytes;
  if (f.blocking) c.forwardWaits--;
  if (c.flags & CLIENT_FORWARDING && !c.forwardWaits && c.forwards <= FORWARDS_MAX / 2 && c.forwardBytes <= FORWARD_BYTES_MAX / 2) {
    c.flags &= ~CLIENT_FORWARDING;
    queueUnblocked(c);
  }
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
  outputPending(c);
}

/** It is not its turn yet: the bytes wait in it. */
function keep(c: Client, f: Forward, data: usize, n: u32): void {
  f.flags = CHUNK_FILLED;
  if (!n) return;
  const own = tryAlloc(n);
  if (!own) {
    clientCloseSoon(c);
    return;
  }
  memory.copy(own, data, n);
  f.data = own;
  f.used = n;
  c.outQueued += n;
}

/** Puts bytes behind what is ready, before the first placeholder. */
function append(c: Client, data: usize, n: u32): void {
  if (!n) return;
  const ready = c.outReady ? changetype<Chunk>(c.outReady) : changetype<Chunk>(0);
  if (c.outReady && ready.cap >= ready.used + n) {
    put(ready, data, n);
  } else {
    const p: usize = c.flags & CLIENT_CLOSE_ASAP ? <usize>0 : chunkNew(n);
    if (!p) {
      clientCloseSoon(c);
      return;
    }
    const k = changetype<Chunk>(p);
    k.owner = changetype<usize>(c);
    k.next = c.outReady ? ready.next : c.outHead;
    if (c.outReady) ready.next = p;
    else c.outHead = p;
    c.outReady = p;
    put(k, data, n);
  }
  c.outQueued += n;
}
function put(k: Chunk, data: usize, n: u32): void {
  if (n > 256) memory.copy(k.data + k.used, data, n);
  else copy(k.data + k.used, data, n);
  k.used += n;
}

/** What follows the filled placeholder, from `q` on, is ready up to the next unfilled one. */
function advance(c: Client, q: usize): void {
  while (q) {
    const k = changetype<Chunk>(q);
    if (k.flags & CHUNK_WAITING) {
      c.outWait = q;
      return;
    }
    if (q == c.outTail) outputSeal(c);
    const next = k.next;
    const ready = c.outReady;
    if (ready && k.used <= MERGE_MAX && changetype<Chunk>(ready).cap >= changetype<Chunk>(ready).used + k.used) {
      put(changetype<Chunk>(ready), k.data, k.used);
      changetype<Chunk>(ready).next = next;
      if (q == c.outTail) c.outTail = ready;
      chunkFree(q);
    } else c.outReady = q;
    q = next;
  }
  c.outWait = 0;
  // The next reply goes on where the ready ones end.
  const tail = c.outReady;
  c.outReady = 0;
  if (!tail) return;
  const k = changetype<Chunk>(tail);
  if (tail != c.outTail || k.cap <= k.used) return;
  c.outPtr = k.data + k.used;
  c.outEnd = k.data + k.cap;
  c.outQueued -= k.used;
}
