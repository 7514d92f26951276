/**
 * Conn: one client, and where it stands in what it says.
 *
 * Lives from ACCEPT until the turn in which its descriptor is closed (`loop.ts`); a request marks it with `connCloseSoon` and never
 * frees it. Two more kinds have no descriptor: the one that datagrams are answered with, and those of the service API; their output
 * is not sent but taken (CONN_DETACHED).
 *
 * What always holds: unless CONN_FULL is set, `query` holds at most one incomplete request line (or binary head), and values are never in
 * it: they go straight into their item.
 */
import { allocZero } from "../lib/raw/alloc";
import { currentTime } from "./clock";
import { settings } from "./settings";

/** Will be closed at the end of the turn. */
export const CONN_CLOSING: u32 = 1;
/** Will be closed once its output has left. */
export const CONN_CLOSE_AFTER_REPLY: u32 = 2;
/** Too much output: what it says waits until some has left. */
export const CONN_FULL: u32 = 4;
/** In the list of connections with output. */
export const CONN_PENDING: u32 = 8;
/** The ring delivers nothing of it for the time being. */
export const CONN_PAUSED: u32 = 16;
/** It has shut down its side: closed once everything it said is answered. */
export const CONN_EOF: u32 = 32;
/** The peer is gone: nothing can be sent. */
export const CONN_GONE: u32 = 64;
/** No descriptor: output is taken by whoever made it. */
export const CONN_DETACHED: u32 = 128;
/** In the list of connections whose input may go on. */
export const CONN_RESUMING: u32 = 256;
/** A cas with the meta command's I flag: takes a smaller number, marks the item stale. */
export const CONN_SET_STALE: u32 = 512;
/** The value under way came with `ms`. */
export const CONN_META_SET: u32 = 1024;
/** Not served yet: more than -c allows, and -o no_maxconns_fast. */
export const CONN_WAITING: u32 = 2048;

/** Gets a metadump: CONN_FULL until that is through. */
export const CONN_DUMPING: u32 = 4096;

/** Runs what other shards have forwarded (shard-serve.ts). */
export const CONN_STANDIN: u32 = 8192;

/** Has had its turn (-R): CONN_FULL until others have had theirs. */
export const CONN_YIELDED: u32 = 16384;

/** Is sent the log (watch.ts), and listened to no more. */
export const CONN_WATCHING: u32 = 32768;
/** Why it is closed, for the log: it has said quit, it was silent for too long. */
export const CONN_QUIT: u32 = 65536;
export const CONN_IDLE: u32 = 131072;

/** What its next byte belongs to. */
export const STATE_COMMAND: u32 = 0;
/** A value, on its way into `item`. */
export const STATE_VALUE: u32 = 1;
/** Bytes that are thrown away. */
export const STATE_SWALLOW: u32 = 2;
/** The keys of a get whose line has not been answered to its end. */
export const STATE_KEYS: u32 = 3;
/** The rest of a line that is thrown away. */
export const STATE_SWALLOW_LINE: u32 = 4;
/** A request for another shard, on its way into `forward`. */
export const STATE_FORWARD: u32 = 5;

/** getMode */
export const GET_CAS: u32 = 1;
export const GET_TOUCH: u32 = 2;

/** What `ms` will answer besides its status: flags k and c, and the opaque, in the order they came. */
export const STASH_BYTES: u32 = 48;

@unmanaged
export class Conn {
  next: usize;
  prev: usize;
  fd: i32;
  flags: u32;
  state: u32;
  protocol: i32; // PROTOCOL_*
  noreply: bool; // of the request under way
  getMode: u8; // STATE_KEYS
  command: u8; // the request whose value is under way: NREAD_*; binary: also the opcode
  opcode: u8;
  lastCommandTime: u32;
  // input
  query: usize;
  queryCap: u32;
  queryLen: u32;
  getExptime: u32;
  // a value under way
  item: usize;
  itemAt: usize;
  left: u32; // bytes of it to come, or to be swallowed
  opaque: u32; // of the binary request, as it came
  cas: u64; // that the stored item must have
  // output
  outPtr: usize; // where the next byte goes
  outEnd: usize;
  outHead: usize; // first chunk that was not sent
  outTail: usize;
  outWeight: u32; // of sealed chunks and those in flight
  inFlight: u32;
  flightHead: usize; // chunks that the device has
  flightTail: usize;
  pendingNext: usize;
  closeNext: usize;
  resumeNext: usize;
  // requests forwarded to other shards (shard-order.ts, shard-route.ts)
  outWait: usize; // the first placeholder in the output, or 0
  outReady: usize; // the chunk before it
  forwards: u32;
  getSeconds: i32; // what gat's exptime was
  forward: usize; // a request being collected, or 0
  forwardBytes: u32;
  forwardShard: i32;
  stashLength: u32;
  // STASH_BYTES follow
}

/** Where the stash lies. */
// @ts-ignore: decorator
@inline
export function connStash(c: Conn): usize {
  return changetype<usize>(c) + offsetof<Conn>();
}

export let connsHead: usize = 0;
/** Connections that have a descriptor. */
export let connCount: i32 = 0;
/** Connections to be closed at the end of the turn. */
export let closeHead: usize = 0;
export function closeHeadSet(p: usize): void {
  closeHead = p;
}

export function connNew(fd: i32): Conn {
  const c = changetype<Conn>(allocZero(offsetof<Conn>() + STASH_BYTES));
  c.fd = fd;
  c.protocol = settings.bindingProtocol;
  c.lastCommandTime = currentTime;
  return c;
}

export function connLink(c: Conn): void {
  c.next = connsHead;
  if (connsHead) changetype<Conn>(connsHead).prev = changetype<usize>(c);
  connsHead = changetype<usize>(c);
  connCount++;
}

export function connUnlink(c: Conn): void {
  if (c.next) changetype<Conn>(c.next).prev = c.prev;
  if (c.prev) changetype<Conn>(c.prev).next = c.next;
  else connsHead = c.next;
  connCount--;
}

/** It will be closed at the end of the turn; what it has not been sent goes nowhere. */
export function connCloseSoon(c: Conn): void {
  if (c.flags & CONN_CLOSING) return;
  c.flags |= CONN_CLOSING;
  if (c.flags & CONN_DETACHED) return;
  c.closeNext = closeHead;
  closeHead = changetype<usize>(c);
}
