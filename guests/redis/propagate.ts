/**
 * What goes into the append-only file for a command.
 *
 * By default call() appends the request as it came when `dirty` moved. A handler whose request does not replay to the same
 * state says something else: `propagateBegin(3); propagateText("srem"); propagateBytes(p, n); propagateBytes(q, m);` for each
 * command that replays it (several are allowed), or `propagateNothing()`. In all cases `dirty` must have moved for anything to be written.
 */
import { realloc } from "../lib/raw/alloc";
import { aofEnabled, aofFeed } from "./aof";
import { copy, textCopy } from "../lib/raw/bytes";
import { formatI64, formatU64 } from "../lib/raw/number";
import { loading } from "./server";

/** What the handler has said instead of the request. */
export let propagated: usize = 0; // buffer
export let propagatedLen: u32 = 0;
let propagatedCap: u32 = 0;
export let propagateOverride: bool = false;

export function propagateReset(): void {
  propagateOverride = false;
  propagatedLen = 0;
}

function room(n: u32): usize {
  if (propagatedLen + n > propagatedCap) {
    propagatedCap = max<u32>(4096, (propagatedLen + n) * 2);
    propagated = realloc(propagated, propagatedCap);
  }
  return propagated + propagatedLen;
}
/** Nothing is written for this command. */
export function propagateNothing(): void {
  propagateOverride = true;
}
/** Begins one command of `count` arguments. */
export function propagateBegin(count: u32): void {
  propagateOverride = true;
  if (!aofEnabled) return;
  const at = room(24);
  store<u8>(at, 42);
  let n = 1 + formatU64(at + 1, count);
  store<u16>(at + n, 0x0a0d);
  propagatedLen += n + 2;
}
export function propagateBytes(p: usize, n: u32): void {
  if (!aofEnabled) return;
  const at = room(n + 32);
  store<u8>(at, 36);
  let k = 1 + formatU64(at + 1, n);
  store<u16>(at + k, 0x0a0d);
  k += 2;
  memory.copy(at + k, p, n);
  store<u16>(at + k + n, 0x0a0d);
  propagatedLen += k + n + 2;
}
const scratch = memory.data(128, 16);
export function propagateText(text: string): void {
  propagateBytes(scratch, textCopy(scratch, text));
}
export function propagateI64(v: i64): void {
  propagateBytes(scratch, formatI64(scratch, v));
}

/** A key went by itself (expiry, eviction): DEL in the file, at once. */
export function propagateDelete(db: u32, key: usize, n: u32): void {
  if (!aofEnabled || loading) return;
  const keep = propagatedLen;
  const keepOverride = propagateOverride;
  propagateBegin(2);
  propagateText("DEL");
  propagateBytes(key, n);
  aofFeed(db, propagated + keep, propagatedLen - keep);
  propagatedLen = keep;
  propagateOverride = keepOverride;
}
