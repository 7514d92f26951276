/**
 * Time as memcached keeps it: `currentTime` counts seconds since 62 seconds before the server started, so that it is never
 * zero and an item's `time` can be compared with an hour ago. It moves at most once a turn (`clockTurn`), never within one.
 */
import { sys_clock_ms } from "../lib/sys";

/** An LRU bump of a flat LRU is not repeated within this many seconds. */
export const ITEM_UPDATE_INTERVAL: u32 = 60;
/** Expiry times above this (30 days) are points in time, not spans. */
export const REALTIME_MAXDELTA: i64 = 60 * 60 * 24 * 30;

/** Seconds, the unit of Item.time and Item.exptime. */
export let currentTime: u32 = 0;
/** The unix time at which currentTime was 0. */
export let processStarted: i64 = 0;
/** Milliseconds of this turn, as the machine's clocks gave them. */
export let monotonicMs: f64 = 0;
export let realtimeMs: f64 = 0;

let monotonicStart: f64 = 0;
let nextTickMs: f64 = 0;

export function clockInit(): void {
  monotonicMs = sys_clock_ms(1);
  realtimeMs = sys_clock_ms(0);
  processStarted = <i64>(realtimeMs / 1000) - ITEM_UPDATE_INTERVAL - 2;
  monotonicStart = Math.floor(monotonicMs / 1000) - <f64>(ITEM_UPDATE_INTERVAL + 2);
  nextTickMs = 0;
  clockTurn(monotonicMs, realtimeMs);
}

/** The beginning of a turn, with the clocks that ring_dispatch was given. */
// @ts-ignore: decorator
@inline
export function clockTurn(monotonic: f64, realtime: f64): void {
  monotonicMs = monotonic;
  realtimeMs = realtime;
  if (monotonic >= nextTickMs) tick(monotonic);
}

function tick(monotonic: f64): void {
  const seconds = Math.floor(monotonic / 1000);
  currentTime = <u32>(seconds - monotonicStart);
  nextTickMs = (seconds + 1) * 1000;
}

/**
 * A client's expiry time as a currentTime: 0 (never) stays 0, up to 30 days it is a span, above that unix time. Negative times
 * are the protocol's business (they mean "expired at once").
 */
export function realtime(exptime: i64): u32 {
  if (exptime == 0) return 0;
  if (exptime <= REALTIME_MAXDELTA) return <u32>(exptime + currentTime);
  // What ended before the server began expires in its second second: 0 would mean never.
  return exptime <= processStarted ? 1 : <u32>(exptime - processStarted);
}
