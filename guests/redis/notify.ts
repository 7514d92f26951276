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

import { cfg } from "./server";
/** Publishes an event of a class, if that class is switched on. */
// @ts-ignore: decorator
@inline
export function notify(kind: i32, event: string, key: usize, n: u32, db: u32): void {
  if (cfg.notifyKeyspaceEvents & kind) notifySlow(kind, event, key, n, db);
}
function notifySlow(kind: i32, event: string, key: usize, n: u32, db: u32): void {}
