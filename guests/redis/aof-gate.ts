/**
 * The gate of `appendfsync always`: output of clients that wrote waits until their group is durable, or turns into errors.
 */
import { putDenyText } from "./aof";
import { Builder, builderRelease, builderReset, putBytes } from "../lib/raw/builder";
import { Client } from "./client";
import { gateDurable, gateDurableSet } from "./loop";
import { Chunk, chunkFree, errorBegin, errorBytes, errorEnd, outputSeal, pendingHead, replyRaw } from "./reply";

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
  gateOpen(group);
}

function replaceReplies(c: Client): void {
  outputSeal(c);
  builderReset(held);
  for (let p = c.outHead; p; ) {
    const k = changetype<Chunk>(p);
    putBytes(held, k.data, k.used);
    c.outQueued -= k.used;
    const next = k.next;
    chunkFree(p);
    p = next;
  }
  c.outHead = 0;
  c.outTail = 0;
  if (held.failed) {
    // Not even readable: one error is all that can be said.
    errorReply(c);
    builderRelease(held);
    return;
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
