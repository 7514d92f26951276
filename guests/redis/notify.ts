/**
 * Keyspace notifications (notify-keyspace-events).
 */
export const NOTIFY_KEYSPACE: i32 = 1 << 0; // K
export const NOTIFY_KEYEVENT: i32 = 1 << 1; // E
export const NOTIFY_GENERIC: i32 = 1 << 2; // g
export const NOTIFY_STRING: i32 = 1 << 3; // $
export const NOTIFY_LIST: i32 = 1 << 4; // l
export const NOTIFY_SET: i32 = 1 << 5; // s
export const NOTIFY_HASH: i32 = 1 << 6; // h
export const NOTIFY_ZSET: i32 = 1 << 7; // z
export const NOTIFY_EXPIRED: i32 = 1 << 8; // x
export const NOTIFY_EVICTED: i32 = 1 << 9; // e
export const NOTIFY_STREAM: i32 = 1 << 10; // t
export const NOTIFY_KEY_MISS: i32 = 1 << 11; // m
export const NOTIFY_MODULE: i32 = 1 << 13; // d
export const NOTIFY_NEW: i32 = 1 << 14; // n

/** What A stands for. Misses (m) and new keys (n) are not in it. */
export const NOTIFY_ALL: i32 =
  NOTIFY_GENERIC |
  NOTIFY_STRING |
  NOTIFY_LIST |
  NOTIFY_SET |
  NOTIFY_HASH |
  NOTIFY_ZSET |
  NOTIFY_EXPIRED |
  NOTIFY_EVICTED |
  NOTIFY_STREAM |
  NOTIFY_MODULE;

import { Builder, builderReset, putByte, putBytes, putInt, putText } from "../lib/raw/builder";
import { shardTotal } from "../lib/raw/shard-link";
import { pubsubPublish } from "./pubsub";
import { publishElsewhere } from "./shard-serve";
import { cfg, loading } from "./server";

/** Publishes an event of a class, if that class is switched on. */
// @ts-ignore: decorator
@inline
export function notify(kind: i32, event: string, key: usize, n: u32, db: u32): void {
  if (cfg.notifyKeyspaceEvents & kind) notifySlow(kind, event, key, n, db);
}

const channel: Builder = changetype<Builder>(memory.data(16, 16));
const eventName = memory.data(128, 16);

/** Tells the subscribers of `channel`, at every shard. */
function tell(p: usize, n: u32): void {
  if (shardTotal > 1) publishElsewhere(channel.data, channel.length, p, n, false);
  pubsubPublish(channel.data, channel.length, p, n, false);
}

function notifySlow(kind: i32, event: string, key: usize, n: u32, db: u32): void {
  const flags = cfg.notifyKeyspaceEvents;
  if (loading || !(flags & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT))) return;
  const length = event.length;
  for (let i = 0; i < length; i++) store<u8>(eventName + i, <u8>load<u16>(changetype<usize>(event) + (<usize>i << 1)));
  if (flags & NOTIFY_KEYSPACE) {
    builderReset(channel);
    putText(channel, "__keyspace@");
    putInt(channel, db);
    putText(channel, "__:");
    putBytes(channel, key, n);
    if (!channel.failed) tell(eventName, length);
  }
  if (flags & NOTIFY_KEYEVENT) {
    builderReset(channel);
    putText(channel, "__keyevent@");
    putInt(channel, db);
    putText(channel, "__:");
    putBytes(channel, eventName, length);
    if (!channel.failed) tell(key, n);
  }
}

/** The letter of each bit of the flags, from bit 0 on; 0: none. */
const LETTERS: string = "KEg$lshzxetm dn";
/** The order in which Redis prints the classes. */
const PRINT_ORDER: string = "g$lshzxetdn";

function bitOf(letter: u32): i32 {
  for (let i = 0; i < LETTERS.length; i++) {
    if (<u32>LETTERS.charCodeAt(i) == letter) return 1 << i;
  }
  return 0;
}

/** The flags of a class text ("KEA"), or -1 when a letter is unknown. */
export function keyspaceEventsFlags(p: usize, n: u32): i32 {
  let flags = 0;
  for (let i: u32 = 0; i < n; i++) {
    const letter: u32 = load<u8>(p + i);
    if (letter == 65) {
      flags |= NOTIFY_ALL;
      continue;
    }
    const bit = letter == 32 ? 0 : bitOf(letter);
    if (!bit) return -1;
    flags |= bit;
  }
  return flags;
}

/** Appends the class text of flags, as CONFIG GET shows it. */
export function putKeyspaceEvents(b: Builder, flags: i32): void {
  if ((flags & NOTIFY_ALL) == NOTIFY_ALL) {
    putByte(b, 65);
    if (flags & NOTIFY_NEW) putByte(b, 110);
  } else {
    for (let i = 0; i < PRINT_ORDER.length; i++) {
      const letter: u32 = PRINT_ORDER.charCodeAt(i);
      if (flags & bitOf(letter)) putByte(b, letter);
    }
  }
  if (flags & NOTIFY_KEYSPACE) putByte(b, 75);
  if (flags & NOTIFY_KEYEVENT) putByte(b, 69);
  if (flags & NOTIFY_KEY_MISS) putByte(b, 109);
}
