/**
 * The event loop of a guest in callback style: `_start` sets things up and returns; from then on the kernel calls
 * `ring_dispatch` with what has happened, and everything runs to completion. No stack is ever parked.
 *
 * This file owns the ring itself: the table of sources, the turn, signals and file requests. Timers are in timer.ts,
 * connections in connection.ts. Such a guest exports the entry point:   export { ring_dispatch } from "../lib/ring";
 *
 * Always true: a token that the kernel holds names a slot of `sources` and the slot's generation, so an event for something
 * that is gone finds nothing. What the kernel may still call back is in the table, and what is in the table the collector keeps.
 * When nothing is left that could call back, the guest ends with exit code 0.
 */
import { close } from "./calls";
import { enter } from "./continuation";
import { exit } from "./process";
import {
  RING_ACCEPT,
  RING_EVENT_SIZE,
  RING_SIGNAL,
  RingEvent,
  sys_clock_ms,
  sys_ring_attach,
  sys_ring_buffers,
  sys_ring_fsync,
  sys_ring_read,
  sys_ring_setup,
  sys_ring_timer,
  sys_ring_write,
} from "./sys";

const EVENTS_MAX: i32 = 1024;
/** A token is 20 bits of slot and 12 bits of generation. Slot 0 stays empty: no token is 0. */
const SLOT_BITS: u32 = 20;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/** Whoever events can be for. */
export abstract class Source {
  /** Names this source to the kernel; 0 while it is not registered. */
  token: u32 = 0;

  /** `event` is valid until this returns. */
  abstract onEvent(event: RingEvent): void;
}

/** Work to be done once at the end of a turn (a connection with output to send). */
export abstract class Deferred extends Source {
  nextDeferred: Deferred | null = null;
  isDeferred: bool = false;

  abstract onTurnEnd(): void;
}

const sources = new Array<Source | null>();
const generations = new Array<u32>();
const freeSlots = new Array<u32>();
/** Registered sources that keep the guest alive. */
let aliveCount: i32 = 0;
let events: usize = 0;
let bufferSize: i32 = 16 * 1024;
let bufferCount: i32 = 64;
let deferred: Deferred | null = null;
let monotonicNow: f64 = 0;
let realtimeNow: f64 = 0;
let inTurn: bool = false;
let signalHandler: ((signal: i32) => void) | null = null;

/** The receive buffers: 64 of 16 KiB, unless this is called before anything else of the ring. */
export function configureReceiveBuffers(size: i32, count: i32): void {
  assert(events == 0, "configureReceiveBuffers comes first");
  bufferSize = size;
  bufferCount = count;
}

function setUp(): void {
  if (events) return;
  events = heap.alloc(EVENTS_MAX * RING_EVENT_SIZE);
  let error = sys_ring_setup(events, EVENTS_MAX);
  if (error >= 0) error = sys_ring_buffers(heap.alloc(bufferSize * bufferCount), bufferSize, bufferCount);
  assert(error >= 0, "the kernel refused the ring");
}

/** Gives a source its token. `keepsAlive`: as long as it is registered the guest does not end by itself. */
export function register(source: Source, keepsAlive: bool): u32 {
  setUp();
  let slot: u32;
  if (freeSlots.length) {
    slot = freeSlots.pop();
  } else {
    if (sources.length == 0) {
      sources.push(null);
      generations.push(0);
    }
    slot = sources.length;
    assert(slot <= SLOT_MASK, "more than a million ring sources");
    sources.push(null);
    generations.push(0);
  }
  sources[slot] = source;
  source.token = (generations[slot] << SLOT_BITS) | slot;
  if (keepsAlive) aliveCount++;
  return source.token;
}

/** Takes the token back; events for it that are already on their way find nothing. */
export function unregister(source: Source, keptAlive: bool): void {
  const slot = source.token & SLOT_MASK;
  if (slot == 0) return;
  source.token = 0;
  sources[slot] = null;
  generations[slot] = (generations[slot] + 1) & 0xfff;
  freeSlots.push(slot);
  if (keptAlive) aliveCount--;
}

function find(token: u32): Source | null {
  const slot = token & SLOT_MASK;
  if (slot == 0 || slot >= <u32>sources.length || generations[slot] != token >>> SLOT_BITS) return null;
  return sources[slot];
}

/** Has `onTurnEnd` called once before the turn ends, however often this is asked for. */
export function defer(source: Deferred): void {
  if (source.isDeferred) return;
  source.isDeferred = true;
  source.nextDeferred = deferred;
  deferred = source;
  // Outside of a turn (in `_start`, or in a thread) nobody would come by: a timer for nobody opens a turn.
  if (!inTurn) sys_ring_timer(0, 0);
}

/** The clocks as they stood when this turn began, in milliseconds: no system call. */
export function turnUptime(): f64 {
  return inTurn ? monotonicNow : sys_clock_ms(1);
}
export function turnTime(): f64 {
  return inTurn ? realtimeNow : sys_clock_ms(0);
}

/** Called by the kernel once a turn. */
export function ring_dispatch(count: i32, monotonicMs: f64, realtimeMs: f64): void {
  enter();
  turn(count, monotonicMs, realtimeMs);
}

function turn(count: i32, monotonicMs: f64, realtimeMs: f64): void {
  monotonicNow = monotonicMs;
  realtimeNow = realtimeMs;
  inTurn = true;
  for (let i = 0; i < count; i++) {
    const event = changetype<RingEvent>(events + i * RING_EVENT_SIZE);
    if (event.kind == RING_SIGNAL) {
      signal(event.result);
      continue;
    }
    const source = find(event.user);
    if (source) source.onEvent(event);
    else if (event.kind == RING_ACCEPT && event.result >= 0) close(event.result); // its listener is gone
  }
  while (deferred) {
    const source = deferred!;
    deferred = source.nextDeferred;
    source.nextDeferred = null;
    source.isDeferred = false;
    source.onTurnEnd();
  }
  inTurn = false;
  if (aliveCount == 0) exit(0);
}

function signal(number: i32): void {
  const handler = signalHandler;
  if (handler) handler(number);
  else exit(128 + number); // what a shell shows for a program that a signal ended
}

/** Has `handler` called when the host asks the guest to end (SIGTERM 15, SIGINT 2). Without one the guest ends: 128 + signal. */
export function onSignal(handler: (signal: i32) => void): void {
  setUp();
  signalHandler = handler;
}

/** What is to be done when a file request is through: `result` is a number of bytes (0 for a sync) or a negated errno. */
export abstract class Completion extends Source {
  /** The buffer under way, kept alive. */
  private buffer: ArrayBuffer | null = null;

  abstract onComplete(result: i32): void;

  onEvent(event: RingEvent): void {
    unregister(this, true);
    this.buffer = null;
    this.onComplete(event.result);
  }

  /** `error` is what starting the request answered: if it failed, no event will come. */
  begin(buffer: ArrayBuffer | null): u32 {
    assert(this.token == 0, "a completion serves one request at a time");
    this.buffer = buffer;
    return register(this, true);
  }

  begun(error: i32): i32 {
    if (error < 0) {
      unregister(this, true);
      this.buffer = null;
    }
    return error;
  }
}

/** Reads `length` bytes at `position` (below 0: the file's own offset) and calls `done`. 0 or a negated errno: then `done` is not called. */
export function readAt(fd: i32, buffer: ArrayBuffer, length: i32, position: f64, done: Completion): i32 {
  assert(length <= buffer.byteLength);
  return done.begun(sys_ring_read(fd, changetype<usize>(buffer), length, position, done.begin(buffer)));
}

/** Writes like `readAt` reads. The buffer must not change before `done` is called. */
export function writeAt(fd: i32, buffer: ArrayBuffer, length: i32, position: f64, done: Completion): i32 {
  assert(length <= buffer.byteLength);
  return done.begun(sys_ring_write(fd, changetype<usize>(buffer), length, position, done.begin(buffer)));
}

/** fsync(2), or fdatasync(2) with `dataOnly`. */
export function syncFile(fd: i32, dataOnly: bool, done: Completion): i32 {
  return done.begun(sys_ring_fsync(fd, dataOnly ? 1 : 0, done.begin(null)));
}

/** Tells when a pipe, eventfd, timerfd or datagram socket is ready. */
export abstract class Readiness extends Source {
  /** `mask`: the bits of poll(2). Read or write until -EAGAIN: the descriptor should be non-blocking. */
  abstract onReady(fd: i32, mask: i32): void;

  /** 0 or a negated errno. */
  attach(fd: i32): i32 {
    const error = sys_ring_attach(fd, register(this, true));
    if (error < 0) unregister(this, true);
    return error;
  }

  /** Call before the descriptor is closed. */
  detach(): void {
    unregister(this, true);
  }

  onEvent(event: RingEvent): void {
    this.onReady(event.fd, event.result);
  }
}
