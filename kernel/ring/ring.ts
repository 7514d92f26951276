/**
 * The completion ring: how a guest in callback style hears of everything, described in guests/lib/sys.ts.
 *
 * A turn: the sources that have become ready are asked for their events, the events are written into the guest's array, the guest's
 * `ring_dispatch` runs, the receive buffers it was lent go back to the device, and what it sent leaves with one kick. Sends that the
 * device served within that kick are reported in a second round of the same turn; whatever is left waits for the next turn, so a
 * guest that answers each event with a send cannot keep the host's event loop.
 *
 * What always holds: an event's bytes stay where they are until the `ring_dispatch` that got the event has returned. Nothing here
 * allocates per event.
 */
import type { Kernel } from "../kernel.ts";
import { copyBytes } from "../mem/copy-bytes.ts";
import { type Address, encodeAddress } from "../net/address.ts";
import type { SentSink } from "../virtio/socket.ts";
import { ADDRESS_SLOT_BYTES } from "../virtio/socket-protocol.ts";
import type { Attachment } from "./attachment.ts";
import {
  EventQueue,
  LENT_MESSAGE,
  NOT_LENT,
  RING_DATAGRAM,
  RING_FILE,
  RING_MESSAGE,
  RING_MESSAGE_SENT,
  RING_RECV,
  RING_SENT,
  RING_SIGNAL,
  RING_TIMER,
} from "./event-queue.ts";
import { RingTimer } from "./ring-timer.ts";

/** Something that is asked for its events once it has listed itself. */
export interface RingSource {
  /** True while it is on the ring's list. Kept by the ring. */
  ringListed: boolean;
  /** Pushes its events. True if it has more than it could push now (no receive buffer was left): it is asked again. */
  collect(kernel: Kernel, ring: Ring): boolean;
}

/** Where a guest buffer lies that the kernel keeps for itself. */
export interface RingBuffers {
  readonly base: number;
  readonly size: number;
}

const ROUNDS_PER_TURN = 2;
/** Up to so many bytes a loop copies faster than a block copy. */
const COPY_LOOP_MAX = 32;
/** ring_timer: how many may run at once. */
const TIMERS_MAX = 1 << 20;

export class Ring implements SentSink {
  readonly events: number;
  readonly capacity: number;
  readonly #kernel: Kernel;
  readonly #queue = new EventQueue();
  /** Sources that have something; `collect` empties it. */
  #sources: RingSource[] = [];
  #spare: RingSource[] = [];
  /** Receive buffers of the batch that the guest sees. */
  readonly #lent: Int32Array;
  /** True inside the turn's own steps: they need not ask for a turn. */
  quiet = false;
  /** Attached descriptors that are no stream sockets. */
  readonly attachments = new Map<number, Attachment>();
  #buffers: RingBuffers | null = null;
  /** Guest buffers that the device does not have: bytes that had to wait in a socket are copied into them. Indices, a stack. */
  #reserve = new Int32Array(0);
  #reserveCount = 0;
  /** Views of reserved buffers by index, kept until the memory has grown (then their length is 0). */
  readonly #views: (Uint8Array | undefined)[] = [];
  /** The reserved buffer that `pushCopy` fills: of which descriptor, its view, bytes in it. -1: none. */
  #fillFd = -1;
  #fillView: Uint8Array | null = null;
  #fillBytes = 0;
  /** Events on their way when it was last filled. */
  #fillAt = 0;
  #waiting: RingSource[] = [];
  readonly #timers = new Map<number, RingTimer>();
  #nextTimer = 1;

  constructor(kernel: Kernel, events: number, capacity: number) {
    this.#kernel = kernel;
    this.events = events;
    this.capacity = capacity;
    this.#lent = new Int32Array(capacity);
  }

  /** Above 0 if a dispatch would do something. */
  get pending(): number {
    return this.#queue.count + this.#sources.length;
  }

  /** True if the guest has given receive buffers. */
  get hasBuffers(): boolean {
    return this.#buffers !== null;
  }

  /** ring_buffers: one in eight (one at least) stays here for bytes that had to wait, the others go to the network device. */
  setBuffers(base: number, size: number, count: number): void {
    this.#buffers = { base, size };
    const driver = this.#kernel.net.driver;
    const lendable = Math.min(count - Math.max(1, count >> 3), driver.bufferRoom);
    this.#reserve = new Int32Array(count - lendable);
    for (let i = 0; i < count; i++) {
      if (i < lendable) driver.lendBuffer(base + i * size, size);
      else this.#reserve[this.#reserveCount++] = i;
    }
    driver.kick();
    for (const source of this.#waiting) this.list(source);
    this.#waiting = [];
  }

  /** `source` has bytes that need a buffer of the guest's: it is listed once the guest has given some. */
  awaitBuffers(source: RingSource): void {
    this.#waiting.push(source);
  }

  /** Has `source` collected in the next dispatch. */
  list(source: RingSource): void {
    if (!source.ringListed) {
      source.ringListed = true;
      this.#sources.push(source);
    }
    this.wake();
  }

  /** Asks for a turn, unless one is going on that will look here anyway. */
  wake(): void {
    if (!this.quiet) this.#kernel.requestTurn();
  }

  push(kind: number, fd: number, user: number, result: number): void {
    this.#queue.push(kind, fd, user, result, 0, NOT_LENT);
  }

  /** Bytes that lie in receive buffer `token` of the driver already. */
  pushReceived(fd: number, user: number, address: number, length: number, token: number): void {
    this.#queue.push(RING_RECV, fd, user, length, address, token);
  }

  /** A datagram that lies in receive buffer `token` of the driver already, its sender's address before it. */
  pushDatagram(fd: number, user: number, address: number, length: number, token: number): void {
    this.#queue.push(RING_DATAGRAM, fd, user, length, address, token);
    this.wake();
  }

  /** A datagram that waited: copied into a reserved buffer, unless it is too long for one; then it is lost. False if no buffer is left. */
  pushDatagramCopy(fd: number, user: number, from: Address, bytes: Uint8Array): boolean {
    const buffers = this.#buffers;
    if (buffers === null) return false;
    if (ADDRESS_SLOT_BYTES + bytes.length > buffers.size) return true;
    const view = this.#reserved();
    if (view === null) return false;
    view.fill(0, 0, ADDRESS_SLOT_BYTES);
    encodeAddress(from, view.subarray(0, ADDRESS_SLOT_BYTES));
    view.set(bytes, ADDRESS_SLOT_BYTES);
    this.#pushReserved(RING_DATAGRAM, fd, user, bytes.length, view.byteOffset + ADDRESS_SLOT_BYTES);
    return true;
  }

  /** Bytes that waited: copies as many as fit into a reserved buffer. How many; 0 if no buffer is left. */
  pushWaiting(fd: number, user: number, queue: { take(target: Uint8Array): number }): number {
    const buffers = this.#buffers;
    if (buffers === null || this.#reserveCount === 0) return 0;
    const index = this.#reserve[this.#reserveCount - 1] as number;
    const address = buffers.base + index * buffers.size;
    const target = this.#kernel.mem.bytes(address, buffers.size);
    if (target === null) return 0;
    const length = queue.take(target);
    this.#pushReserved(RING_RECV, fd, user, length, address);
    return length;
  }

  /**
   * Copies `bytes` from `from` on into a reserved buffer, behind what was put there by the last call for the same descriptor if nothing has
   * happened since. How many; 0 if no buffer is left.
   */
  pushCopy(fd: number, user: number, bytes: Uint8Array, from: number): number {
    const left = bytes.length - from;
    if (left === 0) return 0;
    let view = this.#fillView;
    let at = this.#fillBytes;
    const goesOn = this.#fillFd === fd && view !== null && at < view.length && this.#fillAt === this.#queue.count;
    if (!goesOn) {
      view = this.#reserved();
      if (view === null) return 0;
      at = 0;
    }
    const target = view as Uint8Array;
    const size = Math.min(left, target.length - at);
    if (size === bytes.length && size > COPY_LOOP_MAX) target.set(bytes, at);
    else copyBytes(bytes, from, size, target, at);
    if (goesOn) this.#queue.extendLast(size);
    else this.#pushReserved(RING_RECV, fd, user, size, target.byteOffset);
    this.#fillFd = fd;
    this.#fillView = target;
    this.#fillBytes = at + size;
    this.#fillAt = this.#queue.count;
    this.wake();
    return size;
  }

  /** An event whose bytes are in the reserved buffer that is taken next, which is the guest's with it. */
  #pushReserved(kind: number, fd: number, user: number, length: number, address: number): void {
    const index = this.#reserve[--this.#reserveCount] as number;
    this.#queue.push(kind, fd, user, length, address, -2 - index);
  }

  /** The reserved buffer that is taken next; null if none is left. */
  #reserved(): Uint8Array | null {
    const buffers = this.#buffers;
    if (buffers === null || this.#reserveCount === 0) return null;
    const index = this.#reserve[this.#reserveCount - 1] as number;
    const known = this.#views[index];
    if (known !== undefined && known.length > 0) return known;
    const view = this.#kernel.mem.bytes(buffers.base + index * buffers.size, buffers.size);
    if (view !== null) this.#views[index] = view;
    return view;
  }

  /** SentSink: a lent send is through. */
  sent(fd: number, token: number, result: number): void {
    this.#queue.push(RING_SENT, fd, token, result, 0, NOT_LENT);
    this.wake();
  }

  /** A message from another shard, in buffer `index` of those given by ring_messages. */
  pushMessage(shard: number, address: number, length: number, index: number): void {
    this.#queue.push(RING_MESSAGE, shard, 0, length, address, LENT_MESSAGE + index);
  }

  /** A message that the shard device had kept has left. */
  messageSent(shard: number, token: number): void {
    this.#queue.push(RING_MESSAGE_SENT, shard, token, 0, 0, NOT_LENT);
    this.wake();
  }

  fileDone(fd: number, token: number, result: number): void {
    this.#queue.push(RING_FILE, fd, token, result, 0, NOT_LENT);
    this.wake();
  }

  /** The host asks the guest to end, or to take note. */
  signal(number: number): void {
    this.#queue.push(RING_SIGNAL, -1, 0, number, 0, NOT_LENT);
    this.wake();
  }

  /** A descriptor is closed: the guest hears nothing more about it but the tokens of its sends. */
  forget(fd: number): void {
    if (this.#queue.count > 0) this.#queue.drop(fd);
  }

  rename(fd: number, user: number): void {
    if (this.#queue.count > 0) this.#queue.rename(fd, user);
  }

  /** ring_timer: the timer's id, or 0 if there are too many. */
  startTimer(deadlineMs: number, user: number): number {
    if (this.#timers.size >= TIMERS_MAX) return 0;
    while (this.#timers.has(this.#nextTimer)) this.#nextTimer = (this.#nextTimer % 0x3fffffff) + 1;
    const timer = new RingTimer(this, this.#nextTimer, user);
    this.#nextTimer = (this.#nextTimer % 0x3fffffff) + 1;
    this.#timers.set(timer.id, timer);
    this.#kernel.timers.add(timer, deadlineMs);
    return timer.id;
  }

  /** False if there is no such timer (any more). */
  stopTimer(id: number): boolean {
    const timer = this.#timers.get(id);
    if (!timer) return false;
    this.#timers.delete(id);
    this.#kernel.timers.remove(timer);
    return true;
  }

  timerFired(timer: RingTimer): void {
    this.#timers.delete(timer.id);
    this.#queue.push(RING_TIMER, -1, timer.user, 0, 0, NOT_LENT);
  }

  /** One turn's worth of events, or `rounds` of it; `invoke` runs the guest, which is told both `times`. Called by the kernel. */
  dispatch(
    kernel: Kernel,
    times: Float64Array,
    invoke: (count: number, monotonicMs: number, realtimeMs: number) => void,
    rounds = ROUNDS_PER_TURN,
  ): void {
    const driver = kernel.net.driver;
    this.quiet = true;
    this.#fillFd = -1;
    driver.corked = true;
    try {
      for (let round = 0; round < rounds; round++) {
        if (this.#sources.length > 0) this.#collect(kernel);
        let left = this.#queue.count;
        if (left === 0) break;
        while (left > 0) {
          const batch = Math.min(left, this.capacity);
          left -= batch;
          if (!kernel.mem.has(this.events, this.capacity * 32)) return; // memory does not shrink: it cannot happen
          const written = this.#queue.take(kernel.mem.i32, this.events >>> 2, batch, this.#lent);
          const lentCount = this.#queue.lentCount;
          if (written > 0) invoke(written, times[0] as number, times[1] as number);
          this.#takeBack(lentCount);
          // What it has lent by ring_sendto is its own again.
          driver.corked = false;
          driver.flush();
          driver.corked = true;
        }
      }
    } finally {
      driver.corked = false;
      this.quiet = false;
    }
    driver.flush(); // what a round without events may have left
    if (this.pending > 0) kernel.requestTurn();
  }

  #collect(kernel: Kernel): void {
    const sources = this.#sources;
    this.#sources = this.#spare;
    for (let i = 0; i < sources.length; i++) {
      const source = sources[i] as RingSource;
      source.ringListed = false;
      if (source.collect(kernel, this)) this.list(source);
    }
    sources.length = 0;
    this.#spare = sources;
  }

  /** The guest has seen the batch: its receive buffers are free again. */
  #takeBack(lentCount: number): void {
    const driver = this.#kernel.net.driver;
    for (let i = 0; i < lentCount; i++) {
      const buffer = this.#lent[i] as number;
      if (buffer >= LENT_MESSAGE) this.#kernel.shards?.repost(buffer - LENT_MESSAGE);
      else if (buffer >= 0) driver.repost(buffer);
      else this.#reserve[this.#reserveCount++] = -2 - buffer;
    }
    this.#kernel.shards?.kick();
  }
}
