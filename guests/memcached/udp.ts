/**
 * Requests over UDP: a frame of eight bytes (request id, sequence number, number of datagrams, zero; big-endian words), then text or
 * binary requests. All that a datagram asks for is answered with one message, cut into as many datagrams as it takes.
 *
 * A request of several datagrams is dropped, as memcached drops it, and so is what is not complete within its datagram. The requests are
 * run by one connection without a descriptor, which is as new for each datagram; where the keys are spread over shards each datagram whose
 * answer waits for another shard keeps one of its own.
 */
import { alloc, free } from "../lib/raw/alloc";
import { shardTotal } from "../lib/raw/shard-link";
import { sys_recvfrom, sys_sendto } from "../lib/sys";
import { currentTime } from "./clock";
import { Conn, CONN_DETACHED, CONN_FULL, connNew, STATE_COMMAND } from "./connection";
import { Chunk, chunkFree, outputSeal, replyError } from "./output";
import { run } from "./receive";
import { PROTOCOL_NEGOTIATING } from "./settings";
import { stats } from "./stats";
import { itemRemove } from "./store";

const FRAME_BYTES: u32 = 8;
/** memcached's UDP_MAX_PAYLOAD_SIZE, frame included. */
const DATAGRAM_MAX: u32 = 1400;
const DATA_MAX: u32 = DATAGRAM_MAX - FRAME_BYTES;
/** A datagram has at most 65,507 bytes; lines are searched up to 15 bytes beyond. */
const RECEIVE_BYTES: i32 = 65536;
const MSG_DONTWAIT: i32 = 0x40;
/** An answer longer than this is not sent: an error takes its place. */
const ANSWER_MAX: u32 = 16 << 20;
/** Datagrams taken in one turn; the rest comes in the next. */
const TURN_MAX: i32 = 256;

let receive: usize = 0;
const peer = memory.data(32, 16);
const peerLength = memory.data(4, 4);
const datagram = memory.data(1400, 16);
let conn: Conn = changetype<Conn>(0);
let udpFd: i32 = -1;

export function udpInit(fd: i32): void {
  udpFd = fd;
  receive = alloc(RECEIVE_BYTES + 64);
  conn = connNew(-1);
  conn.flags = CONN_DETACHED;
}

/** There are datagrams; true when some were left for the next turn. */
export function udpReady(): bool {
  for (let n = 0; n < TURN_MAX; n++) {
    store<i32>(peerLength, 32);
    const size = sys_recvfrom(udpFd, receive, RECEIVE_BYTES, MSG_DONTWAIT, peer, peerLength);
    if (size < 0) return false;
    if (<u32>size <= FRAME_BYTES) continue;
    stats.bytesRead += size;
    // Of a request in several datagrams nothing is answered.
    if (load<u16>(receive, 4) != 0x0100) continue;
    answer(<u32>size);
  }
  return true;
}

function answer(size: u32): void {
  const c = shardTotal > 1 ? connNew(-1) : conn;
  c.flags = CONN_DETACHED;
  c.protocol = PROTOCOL_NEGOTIATING;
  c.state = STATE_COMMAND;
  c.noreply = false;
  c.lastCommandTime = currentTime;
  const end = receive + size;
  let p = receive + FRAME_BYTES;
  do {
    c.flags &= ~CONN_FULL;
    p = run(c, p, end);
  } while (c.flags & CONN_FULL && p < end && queued(c) < ANSWER_MAX);
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
  if (queued(c) > ANSWER_MAX) {
    drop(c);
    replyError(c, "SERVER_ERROR out of memory writing get response");
  }
  send(c);
}

/** A datagram whose answer is not complete. */
@unmanaged
class Waiting {
  conn: usize;
  next: usize;
  request: u32; // its id
  length: i32; // of the peer's address, which follows
}
let waiting: usize = 0;

function wait(c: Conn): void {
  const p = alloc(offsetof<Waiting>() + 32);
  const w = changetype<Waiting>(p);
  w.conn = changetype<usize>(c);
  w.next = waiting;
  w.request = load<u16>(receive);
  w.length = load<i32>(peerLength);
  memory.copy(p + offsetof<Waiting>(), peer, 32);
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
  store<u16>(receive, <u16>w.request);
  store<i32>(peerLength, w.length);
  memory.copy(peer, p + offsetof<Waiting>(), 32);
  finish(c);
  free(p);
  free(changetype<usize>(c));
}

/** Bytes of the answer so far. */
function queued(c: Conn): u32 {
  outputSeal(c);
  let bytes: u32 = 0;
  for (let p = c.outHead; p; p = changetype<Chunk>(p).next) bytes += changetype<Chunk>(p).used;
  return bytes;
}

function drop(c: Conn): void {
  for (let p = c.outHead; p; ) {
    const next = changetype<Chunk>(p).next;
    chunkFree(p);
    p = next;
  }
  c.outHead = 0;
  c.outTail = 0;
  c.outWeight = 0;
}

/** Cuts the answer into datagrams. */
function send(c: Conn): void {
  const bytes = queued(c);
  const total = min<u32>((bytes + DATA_MAX - 1) / DATA_MAX, 0xffff);
  let p = c.outHead;
  let from: u32 = 0;
  store<u16>(datagram, load<u16>(receive));
  store<u16>(datagram, bswap<u16>(<u16>total), 4);
  store<u16>(datagram, 0, 6);
  for (let sequence: u32 = 0; sequence < total; sequence++) {
    let filled = FRAME_BYTES;
    while (filled < DATAGRAM_MAX && p) {
      const k = changetype<Chunk>(p);
      const n = min(DATAGRAM_MAX - filled, k.used - from);
      memory.copy(datagram + filled, k.data + from, n);
      filled += n;
      from += n;
      if (from == k.used) {
        p = k.next;
        from = 0;
      }
    }
    store<u16>(datagram, bswap<u16>(<u16>sequence), 2);
    stats.bytesWritten += filled;
    sys_sendto(udpFd, datagram, filled, MSG_DONTWAIT, peer, load<i32>(peerLength));
  }
  drop(c);
}
