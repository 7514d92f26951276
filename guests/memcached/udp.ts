/**
 * Requests over UDP: a frame of eight bytes (request id, sequence number, number of datagrams, zero; big-endian words), then text or
 * binary requests. All that a datagram asks for is answered with one message, cut into as many datagrams as it takes.
 *
 * A request of several datagrams is dropped, as memcached drops it, and so is what is not complete within its datagram. The requests are
 * run by one connection without a descriptor, which is as new for each datagram; where the keys are spread over shards each datagram whose
 * answer waits for another shard keeps one of its own.
 */
import { alloc, free } from "../lib/raw/alloc";
import { copy } from "../lib/raw/bytes";
import { shardTotal } from "../lib/raw/shard-link";
import { SOCKADDR_SLOT, sys_ring_sendto, sys_sendto } from "../lib/sys";
import { currentTime } from "./clock";
import { Conn, CONN_DETACHED, CONN_FULL, connNew, STATE_COMMAND } from "./connection";
import { Chunk, outputDrop, outputLength, replyError } from "./output";
import { prefetchNote } from "./prefetch";
import { run } from "./receive";
import { PROTOCOL_NEGOTIATING } from "./settings";
import { stats } from "./stats";
import { itemRemove } from "./store";

const FRAME_BYTES: u32 = 8;
/** memcached's UDP_MAX_PAYLOAD_SIZE, frame included. */
const DATAGRAM_MAX: u32 = 1400;
const DATA_MAX: u32 = DATAGRAM_MAX - FRAME_BYTES;
const MSG_DONTWAIT: i32 = 0x40;
/** An answer longer than this is not sent: an error takes its place. */
const ANSWER_MAX: u32 = 16 << 20;
const SLOT: u32 = <u32>SOCKADDR_SLOT;
/** Answers of a turn lie here until it is over, each behind its destination. What does not fit is copied by the kernel. */
const ARENA_BYTES: u32 = 256 << 10;
const PIECE_BYTES: u32 = SLOT + DATAGRAM_MAX;

let arena: usize = 0;
let arenaUsed: u32 = 0;
/** For what does not fit. */
const spare = memory.data(1432, 16);
/** Of the request that is being answered: where its sender's address lies, and its id. */
let peer: usize = 0;
let requestId: u16 = 0;
let conn: Conn = changetype<Conn>(0);
let udpFd: i32 = -1;

export function udpInit(fd: i32): void {
  udpFd = fd;
  arena = alloc(ARENA_BYTES);
  conn = connNew(-1);
  conn.flags = CONN_DETACHED;
}

/** A new turn: what the last one has sent has left. */
// @ts-ignore: decorator
@inline
export function udpTurnBegin(): void {
  arenaUsed = 0;
}

/** The keys of a datagram's requests are noted for `prefetchRun`; false if no more can be noted. */
export function udpPrefetch(p: usize, size: i32): bool {
  return <u32>size <= FRAME_BYTES || prefetchNote(conn, p + FRAME_BYTES, p + size);
}

/** A datagram of `size` bytes at `p`, its sender's address before it. */
export function udpReceive(p: usize, size: i32): void {
  if (<u32>size <= FRAME_BYTES) return;
  stats.bytesRead += size;
  // Of a request in several datagrams nothing is answered.
  if (load<u16>(p, 4) != 0x0100) return;
  peer = p - SLOT;
  requestId = load<u16>(p);
  answer(p + FRAME_BYTES, p + size);
}

function answer(p: usize, end: usize): void {
  const c = shardTotal > 1 ? connNew(-1) : conn;
  c.flags = CONN_DETACHED;
  c.protocol = PROTOCOL_NEGOTIATING;
  c.state = STATE_COMMAND;
  c.noreply = false;
  c.lastCommandTime = currentTime;
  do {
    c.flags &= ~CONN_FULL;
    p = run(c, p, end);
  } while (c.flags & CONN_FULL && p < end && outputLength(c) < ANSWER_MAX);
  if (c.item) {
    itemRemove(c.item);
    c.item = 0;
  }
  free(c.forward);
  c.forward = 0;
  if (c.outWait) {
    wait(c);
    return;
  }
  finish(c);
  if (shardTotal > 1) free(changetype<usize>(c));
}

function finish(c: Conn): void {
  if (outputLength(c) > ANSWER_MAX) {
    outputDrop(c);
    replyError(c, "SERVER_ERROR out of memory writing get response");
  }
  send(c);
}

/** A datagram whose answer is not complete. */
@unmanaged
class Waiting {
  conn: usize;
  next: usize;
  request: u32; // its id; the peer's address follows
}
let waiting: usize = 0;

function wait(c: Conn): void {
  const p = alloc(offsetof<Waiting>() + SLOT);
  const w = changetype<Waiting>(p);
  w.conn = changetype<usize>(c);
  w.next = waiting;
  w.request = requestId;
  copy(p + offsetof<Waiting>(), peer, SLOT);
  waiting = p;
}

/** All shards have answered. */
export function udpComplete(c: Conn): void {
  let before: usize = 0;
  let p = waiting;
  while (p && changetype<Waiting>(p).conn != changetype<usize>(c)) {
    before = p;
    p = changetype<Waiting>(p).next;
  }
  if (!p) return; // while it still runs: its end sends the answer
  const w = changetype<Waiting>(p);
  if (before) changetype<Waiting>(before).next = w.next;
  else waiting = w.next;
  requestId = <u16>w.request;
  peer = p + offsetof<Waiting>();
  finish(c);
  free(p);
  free(changetype<usize>(c));
}

/** Cuts the answer into datagrams. */
function send(c: Conn): void {
  const bytes = outputLength(c);
  const total = min<u32>((bytes + DATA_MAX - 1) / DATA_MAX, 0xffff);
  let p = c.outHead;
  let from: u32 = 0;
  for (let sequence: u32 = 0; sequence < total; sequence++) {
    const lends = arenaUsed + PIECE_BYTES <= ARENA_BYTES;
    const slot = lends ? arena + arenaUsed : spare;
    const datagram = slot + SLOT;
    copy(slot, peer, SLOT);
    store<u16>(datagram, requestId);
    store<u16>(datagram, bswap<u16>(<u16>sequence), 2);
    store<u16>(datagram, bswap<u16>(<u16>total), 4);
    store<u16>(datagram, 0, 6);
    let filled = FRAME_BYTES;
    while (filled < DATAGRAM_MAX && p) {
      const k = changetype<Chunk>(p);
      const n = min(DATAGRAM_MAX - filled, k.used - from);
      copy(datagram + filled, k.data + from, n);
      filled += n;
      from += n;
      if (from == k.used) {
        p = k.next;
        from = 0;
      }
    }
    stats.bytesWritten += filled;
    if (lends) {
      sys_ring_sendto(udpFd, datagram, filled);
      arenaUsed += (SLOT + filled + 7) & ~7;
    } else sys_sendto(udpFd, datagram, filled, MSG_DONTWAIT, slot, SOCKADDR_SLOT);
  }
  outputDrop(c);
}
