/**
 * The gate of `appendfsync always`: output of clients that wrote waits until their group is durable, or turns into errors.
 */
import { putDenyText } from "./aof";
import { Builder, builderRelease, builderReset, putBytes } from "../lib/raw/builder";
import { Client } from "./client";
import { shardTotal } from "../lib/raw/shard-link";
import { gateDurable, gateDurableSet } from "./loop";
import { forwardRelink } from "./shard-order";
import { standinHead, standinNext } from "./shard-serve";
import { CHUNK_WAITING, Chunk, chunkFree, errorBegin, errorBytes, errorEnd, outputSeal, pendingHead, replyRaw } from "./reply";

/** Groups up to this one are durable: their replies may leave. */
export function gateOpen(group: i64): void {
  if (group > gateDurable) gateDurableSet(group);
}

/** Replies why writes are refused. */
export function replyDeny(c: Client): void {
  builderReset(reason);
  putDenyText(reason);
  errorReply(c);
}

const held: Builder = changetype<Builder>(memory.data(16, 16));
const reason: Builder = changetype<Builder>(memory.data(16, 16));

/** The groups up to this one failed: each reply that waits becomes an error. */
export function gateFail(group: i64): void {
  builderReset(reason);
  putDenyText(reason);
  for (let p = pendingHead; p; p = changetype<Client>(p).pendingNext) {
    const c = changetype<Client>(p);
    if (c.gateSeq > gateDurable) replaceReplies(c);
  }
  if (shardTotal > 1) {
    for (let p = standinHead(); p; p = standinNext(p)) {
      const c = changetype<Client>(p);
      if (c.gateSeq > gateDurable) replaceReplies(c);
    }
  }
  gateOpen(group);
}

function replaceReplies(c: Client): void {
  outputSeal(c);
  let p = c.outHead;
  c.outHead = 0;
  c.outTail = 0;
  c.outWait = 0;
  c.outReady = 0;
  while (p) {
    if (changetype<Chunk>(p).flags & CHUNK_WAITING) {
      // Another shard's reply stays what it will be.
      const next = changetype<Chunk>(p).next;
      forwardRelink(c, p);
      p = next;
    } else p = replaceRun(c, p);
  }
}

/** Replaces the replies in the chunks from `p` to the next placeholder, which it answers. */
function replaceRun(c: Client, p: usize): usize {
  builderReset(held);
  while (p && !(changetype<Chunk>(p).flags & CHUNK_WAITING)) {
    const k = changetype<Chunk>(p);
    putBytes(held, k.data, k.used);
    c.outQueued -= k.used;
    const next = k.next;
    chunkFree(p);
    p = next;
  }
  if (held.failed) {
    // Not even readable: one error is all that can be said.
    errorReply(c);
    builderRelease(held);
    return p;
  }
  const end = held.data + held.length;
  let at = held.data;
  while (at < end) {
    const next = replyEnd(at, end);
    // Messages of subscriptions are no answers to anything.
    if (load<u8>(at) == 62) replyRaw(c, at, <u32>(next - at));
    else errorReply(c);
    at = next;
  }
  if (held.capacity > 65536) builderRelease(held);
  return p;
}

function errorReply(c: Client): void {
  errorBegin("");
  errorBytes(reason.data, reason.length, 600);
  errorEnd(c);
}

/** Where the RESP reply at `at` ends. Our own output: well formed. */
function replyEnd(at: usize, end: usize): usize {
  const type: u32 = load<u8>(at);
  let p = at + 1;
  let n: i64 = 0;
  let negative = false;
  while (p < end && load<u8>(p) != 13) {
    const ch: i64 = load<u8>(p);
    if (ch == 45) negative = true;
    else n = n * 10 + ch - 48;
    p++;
  }
  p += 2;
  if (negative) return p;
  switch (type) {
    case 36: // $
    case 61: // =
      return p + <usize>n + 2;
    case 37: // %
      n *= 2;
    case 42: // *
    case 126: // ~
    case 62: // >
      for (let i: i64 = 0; i < n && p < end; i++) p = replyEnd(p, end);
      return p;
    default:
      return p;
  }
}
