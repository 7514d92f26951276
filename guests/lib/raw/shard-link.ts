/**
 * The links to the other shards of a machine, for guests that manage their memory themselves: frames of any size, in order, many in a message.
 *
 * What is sent in a turn is collected, one buffer a shard, and leaves by `linkFlush` at its end; what cannot leave waits here, in order. A
 * frame is a header of 24 bytes and a payload, padded to 8. Frames that fit into a message are never cut, so that they are read where they lie;
 * longer ones are cut over several messages and put together by the receiver. The other side is the same program: frames are not checked.
 *
 *     at 0  payload bytes (u32)   at 4  kind (u8), three bytes of the guest's (u8 at 5, u16 at 6)
 *     at 8  token (u32)   at 12  word (u32)   at 16  id (i64)
 */
import { alloc, free, hasRoom, tryAlloc } from "./alloc";
import { copy } from "./bytes";
import { SHARD_MESSAGE_MAX, sys_ring_message, sys_ring_messages, sys_shard_count, sys_shard_self } from "../sys";

export const FRAME_HEADER: u32 = 24;
/** How many shards there are (1: this machine is alone), and which this is. */
export let shardTotal: i32 = 1;
export let shardSelf: i32 = 0;

/** Receive buffers. */
const RECEIVE_BUFFERS: i32 = 16;
/** A buffer: next u32, used u32, padding, SHARD_MESSAGE_MAX bytes. */
const BUFFER_HEADER: usize = 16;

@unmanaged
class Peer {
  open: usize; // buffer being filled, or 0
  queueHead: usize; // full ones that could not leave yet
  queueTail: usize;
  // a frame that comes in pieces
  partial: usize; // header and what has come of the payload
  partialHave: u32;
  partialTotal: u32;
  skip: u32; // bytes of a frame that there was no memory for
}

let peers: usize = 0;
let freeBuffers: usize = 0;
/** Called with each frame: the shard, the header, the payload (0: there was no memory for it), its length. */
let onFrame: u32 = 0;
const skipped = memory.data(24, 16);

// @ts-ignore: decorator
@inline
function peerAt(i: i32): Peer {
  return changetype<Peer>(peers + <usize>i * offsetof<Peer>());
}

/** Reads the numbers, and gives the kernel its buffers if there are other shards. After ring_setup. `handler`: see onFrame. */
export function linkInit(handler: (shard: i32, header: usize, payload: usize, n: u32) => void): void {
  shardTotal = sys_shard_count();
  shardSelf = sys_shard_self();
  if (shardTotal == 1) return;
  onFrame = handler.index;
  const bytes = <usize>shardTotal * offsetof<Peer>();
  peers = alloc(bytes);
  memory.fill(peers, 0, bytes);
  sys_ring_messages(alloc(<usize>RECEIVE_BUFFERS * SHARD_MESSAGE_MAX), RECEIVE_BUFFERS);
}

function bufferNew(): usize {
  let b = freeBuffers;
  if (b) freeBuffers = load<usize>(b);
  else b = alloc(BUFFER_HEADER + SHARD_MESSAGE_MAX);
  store<usize>(b, 0);
  store<u32>(b, 0, 4);
  return b;
}
function bufferFree(b: usize): void {
  store<usize>(b, freeBuffers);
  freeBuffers = b;
}

/** Whether a frame of `n` bytes should be begun, as far as memory goes. */
export function linkRoom(n: u32): bool {
  return n <= 16384 || hasRoom(<usize>n + (n >> 3));
}

/** Room of the open buffer. A buffer with less than `least` left goes to the queue. */
function room(p: Peer, least: u32): u32 {
  if (p.open) {
    const left = <u32>SHARD_MESSAGE_MAX - load<u32>(p.open, 4);
    if (left >= least) return left;
    enqueue(p);
  }
  p.open = bufferNew();
  return SHARD_MESSAGE_MAX;
}
function enqueue(p: Peer): void {
  if (p.queueTail) store<usize>(p.queueTail, p.open);
  else p.queueHead = p.open;
  p.queueTail = p.open;
  p.open = 0;
}
function place(p: Peer): usize {
  return p.open + BUFFER_HEADER + load<u32>(p.open, 4);
}
function used(p: Peer, n: u32): void {
  store<u32>(p.open, load<u32>(p.open, 4) + n, 4);
}

/** Of the frame being written. */
let target: i32 = 0;
let padding: u32 = 0;

/** Begins a frame whose payload has `n` bytes: exactly so many follow by `framePut`, then `frameEnd`. */
export function frameBegin(shard: i32, kind: u32, small: u32, half: u32, token: u32, word: u32, id: i64, n: u32): void {
  const p = peerAt(shard);
  padding = (0 - n) & 7;
  const total = FRAME_HEADER + n + padding;
  room(p, total <= <u32>SHARD_MESSAGE_MAX ? total : FRAME_HEADER);
  const at = place(p);
  store<u32>(at, n);
  store<u32>(at, kind | (small << 8) | (half << 16), 4);
  store<u32>(at, token, 8);
  store<u32>(at, word, 12);
  store<i64>(at, id, 16);
  used(p, FRAME_HEADER);
  target = shard;
}

export function framePut(from: usize, n: u32): void {
  const p = peerAt(target);
  while (n) {
    const part = min(n, room(p, 1));
    if (part > 256) memory.copy(place(p), from, part);
    else copy(place(p), from, part);
    used(p, part);
    from += part;
    n -= part;
  }
}

export function frameEnd(): void {
  if (padding) used(peerAt(target), padding); // buffers are a multiple of 8: it is there
}

/** Sends what has been written. At the end of each turn. */
export function linkFlush(): void {
  for (let i = 0; i < shardTotal; i++) {
    const p = peerAt(i);
    while (p.queueHead) {
      const b = p.queueHead;
      const next = load<usize>(b);
      const r = sys_ring_message(i, b + BUFFER_HEADER, load<u32>(b, 4), <u32>b);
      if (r < 0) break; // too many are under way: when they have left there is another turn
      p.queueHead = next;
      if (!next) p.queueTail = 0;
      if (r) bufferFree(b);
    }
    const b = p.open;
    if (p.queueHead || !b || !load<u32>(b, 4)) continue;
    const r = sys_ring_message(i, b + BUFFER_HEADER, load<u32>(b, 4), <u32>b);
    if (r == 1) store<u32>(b, 0, 4);
    else if (r == 0) p.open = 0;
    else enqueue(p);
  }
}

/** RING_MESSAGE_SENT: the buffer is ours again. */
export function linkSent(token: u32): void {
  bufferFree(<usize>token);
}

/** Of the frame that `framePeek` has found: bytes of its payload, which is behind the header. */
export let peekedLength: u32 = 0;
/**
 * Looks at the frame that begins at `at`, in a message that ends at `end`, without taking it: where the next one begins; 0 if no whole frame is
 * there. For guesses only: in a message that goes on with a frame that was cut it takes for one what is none.
 */
export function framePeek(at: usize, end: usize): usize {
  if (at + FRAME_HEADER > end) return 0;
  const n = load<u32>(at);
  if (n > <u32>(end - at) - FRAME_HEADER) return 0;
  peekedLength = n;
  return at + FRAME_HEADER + ((n + 7) & ~7);
}

/** RING_MESSAGE: hands on every frame in it. */
export function linkReceive(shard: i32, at: usize, n: u32): void {
  const p = peerAt(shard);
  const end = at + n;
  if (p.skip) {
    const part = min(p.skip, n);
    p.skip -= part;
    at += part;
    if (!p.skip) call_indirect<void>(onFrame, shard, skipped, <usize>0, load<u32>(skipped));
  } else if (p.partial) {
    const part = min(p.partialTotal - p.partialHave, n);
    memory.copy(p.partial + p.partialHave, at, part);
    p.partialHave += part;
    at += part;
    if (p.partialHave == p.partialTotal) {
      const whole = p.partial;
      p.partial = 0;
      call_indirect<void>(onFrame, shard, whole, whole + FRAME_HEADER, load<u32>(whole));
      free(whole);
    }
  }
  while (at < end) {
    const length = load<u32>(at);
    const total = FRAME_HEADER + ((length + 7) & ~7);
    const here = <u32>(end - at);
    if (total > here) {
      const whole = tryAlloc(total);
      if (whole) {
        memory.copy(whole, at, here);
        p.partial = whole;
        p.partialHave = here;
        p.partialTotal = total;
      } else {
        memory.copy(skipped, at, FRAME_HEADER);
        p.skip = total - here;
      }
      return;
    }
    call_indirect<void>(onFrame, shard, at, at + FRAME_HEADER, length);
    at += total;
  }
}
