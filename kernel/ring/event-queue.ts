/**
 * Events on their way to a ring guest: a ring of records in one typed array, so that an event costs no object.
 *
 * A record is what `RingEvent` of guests/lib/sys.ts has, and the receive buffer that the event's bytes lie in (`lent`): it goes back
 * to its owner once the guest has seen the event. Whoever pushes is the kernel; only Ring takes.
 */

export const RING_ACCEPT = 1;
export const RING_RECV = 2;
export const RING_EOF = 3;
export const RING_SENT = 4;
export const RING_HANGUP = 5;
export const RING_TIMER = 6;
export const RING_FILE = 7;
export const RING_READY = 8;
export const RING_SIGNAL = 9;
export const RING_CONNECTED = 10;
export const RING_MESSAGE = 11;
export const RING_MESSAGE_SENT = 12;
export const RING_DATAGRAM = 13;
/** A record whose descriptor has been closed: the guest does not see it. */
const DROPPED = 0;

export const RING_EVENT_BYTES = 32;
/** `lent` of an event without bytes. */
export const NOT_LENT = -1;
/** `lent` of a message from another shard, less the number of its buffer: beyond every token of the network. */
export const LENT_MESSAGE = 1 << 20;
const RECORD = 6;

export class EventQueue {
  #records = new Int32Array(1024 * RECORD);
  #mask = 1023;
  #head = 0;
  count = 0;

  push(kind: number, fd: number, user: number, result: number, ptr: number, lent: number): void {
    if (this.count > this.#mask) this.#grow();
    const at = ((this.#head + this.count) & this.#mask) * RECORD;
    const records = this.#records;
    records[at] = kind;
    records[at + 1] = fd;
    records[at + 2] = user;
    records[at + 3] = result;
    records[at + 4] = ptr;
    records[at + 5] = lent;
    this.count++;
  }

  /** The event pushed last, a RECV, has so many bytes more. */
  extendLast(bytes: number): void {
    const at = ((this.#head + this.count - 1) & this.#mask) * RECORD + 3;
    this.#records[at] = (this.#records[at] as number) + bytes;
  }

  /**
   * Moves up to `capacity` records into the guest's array, which starts at word `at` of `words`, and their buffers into `lent`.
   * The number of events written; `lentCount` and `taken` tell the rest.
   */
  take(words: Int32Array, at: number, capacity: number, lent: Int32Array): number {
    const records = this.#records;
    let written = 0;
    let lentCount = 0;
    let taken = 0;
    let to = at;
    while (taken < this.count && taken < capacity) {
      const from = ((this.#head + taken) & this.#mask) * RECORD;
      taken++;
      const buffer = records[from + 5] as number;
      if (buffer !== NOT_LENT) lent[lentCount++] = buffer;
      const kind = records[from] as number;
      if (kind === DROPPED) continue;
      words[to] = kind;
      words[to + 1] = records[from + 1] as number;
      words[to + 2] = records[from + 2] as number;
      words[to + 3] = records[from + 3] as number;
      words[to + 4] = records[from + 4] as number;
      words[to + 5] = 0;
      words[to + 6] = 0;
      words[to + 7] = 0;
      to += RING_EVENT_BYTES / 4;
      written++;
    }
    this.#head = (this.#head + taken) & this.#mask;
    this.count -= taken;
    this.lentCount = lentCount;
    return written;
  }

  /** Buffers that the last `take` moved. */
  lentCount = 0;

  /** A descriptor has been closed: what is on its way about it is dropped; tokens of sends and accepted descriptors are not. */
  drop(fd: number): void {
    for (let i = 0; i < this.count; i++) {
      const at = ((this.#head + i) & this.#mask) * RECORD;
      if (this.#records[at + 1] !== fd) continue;
      const kind = this.#records[at];
      if (
        kind === RING_RECV ||
        kind === RING_DATAGRAM ||
        kind === RING_EOF ||
        kind === RING_HANGUP ||
        kind === RING_CONNECTED ||
        kind === RING_READY
      ) {
        this.#records[at] = DROPPED;
      }
    }
  }

  /** `user` of a descriptor has changed: also for what is on its way. */
  rename(fd: number, user: number): void {
    for (let i = 0; i < this.count; i++) {
      const at = ((this.#head + i) & this.#mask) * RECORD;
      const kind = this.#records[at];
      if (this.#records[at + 1] === fd && kind !== RING_SENT && kind !== RING_FILE) this.#records[at + 2] = user;
    }
  }

  #grow(): void {
    const capacity = this.#mask + 1;
    const records = new Int32Array(capacity * 2 * RECORD);
    for (let i = 0; i < this.count; i++) {
      const from = ((this.#head + i) & this.#mask) * RECORD;
      records.set(this.#records.subarray(from, from + RECORD), i * RECORD);
    }
    this.#records = records;
    this.#mask = capacity * 2 - 1;
    this.#head = 0;
  }
}
