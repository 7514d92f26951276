/**
 * A single-producer single-consumer ring of messages in shared memory: one direction between two threads.
 *
 *     RingProducer: while (ring.push(bytes, at, length)) ...;  ring.publish();
 *     RingConsumer: while ((length = ring.peek()) >= 0) ring.take(target, at);  ring.release();
 *
 * Layout: three words, each in a cache line of its own, then the bytes.
 *
 *     0    tail     u32, the producer's: everything before it may be read
 *     64   head     u32, the consumer's: everything before it may be written again
 *     128  stalled  i32, set by a producer that found no room, taken back by the consumer that makes some
 *     192  data     `capacity` bytes, a power of two; tail and head count bytes and run on beyond it (modulo 2^32)
 *
 * A message is a header of 8 bytes (length, and the same word mixed with its place, so that a torn or stray write shows), its bytes, and
 * padding to a multiple of 8; at the end of the data it goes on at the beginning. Each side keeps what it knows of the other's word and
 * looks again only when that says full or empty, so that many messages cost one look.
 *
 * What always holds: bytes between head and tail are the consumer's, all others the producer's. A consumer trusts nothing it reads: a ring
 * that does not make sense is broken for good (`peek` answers BROKEN), and nothing throws. No call allocates.
 */
import { copyBytes } from "../../kernel/mem/copy-bytes.ts";
import { SHARD_MESSAGE_BYTES_MAX as MESSAGE_BYTES_MAX } from "../../kernel/virtio/shard-protocol.ts";

/** What `peek` answers if there is no message. */
export const EMPTY = -1;
export const BROKEN = -2;

const TAIL = 0;
const HEAD = 64 / 4;
const STALLED = 128 / 4;
const DATA = 192;
const HEADER_BYTES = 8;
const CHECK = 0x5249_4e47; // "RING"

/** Bytes of shared memory that a ring of `capacity` takes. */
export function messageRingBytes(capacity: number): number {
  return DATA + capacity;
}

function recordBytes(length: number): number {
  return HEADER_BYTES + ((length + 7) & ~7);
}

/** What both sides have. */
class RingSide {
  protected readonly words: Int32Array;
  protected readonly data: Uint8Array;
  protected readonly headers: Uint32Array;
  protected readonly capacity: number;

  constructor(memory: SharedArrayBuffer, offset: number, capacity: number) {
    if ((capacity & (capacity - 1)) !== 0 || capacity < recordBytes(MESSAGE_BYTES_MAX) || offset % 64 !== 0) {
      throw new Error(`a message ring of ${capacity} bytes at ${offset}`);
    }
    this.words = new Int32Array(memory, offset, DATA / 4);
    this.data = new Uint8Array(memory, offset + DATA, capacity);
    this.headers = new Uint32Array(memory, offset + DATA, capacity / 4);
    this.capacity = capacity;
  }
}

export class RingProducer extends RingSide {
  /** Where the next message goes; `tail` in memory follows at `publish`. */
  #tail: number;
  #published: number;
  #head: number;

  /** `start`: where the counters begin, 0 but in tests. */
  constructor(memory: SharedArrayBuffer, offset: number, capacity: number, start = 0) {
    super(memory, offset, capacity);
    this.#tail = start;
    this.#published = start;
    this.#head = start;
  }

  /** Puts source[at, at + length) behind the last message. False, and nothing has happened, if there is no room. */
  push(source: Uint8Array, at: number, length: number): boolean {
    if (!(length >= 0 && length <= MESSAGE_BYTES_MAX)) throw new Error(`a message of ${length} bytes`);
    const needed = recordBytes(length);
    if (needed > this.#room()) {
      this.#head = Atomics.load(this.words, HEAD) >>> 0;
      if (needed > this.#room()) return false;
    }
    const mask = this.capacity - 1;
    const header = (this.#tail & mask) >>> 2;
    this.headers[header] = length;
    this.headers[header + 1] = length ^ CHECK ^ this.#tail;
    const start = (this.#tail + HEADER_BYTES) & mask;
    const first = Math.min(length, this.capacity - start);
    copyBytes(source, at, first, this.data, start);
    if (first < length) copyBytes(source, at + first, length - first, this.data, 0);
    this.#tail = (this.#tail + needed) >>> 0;
    return true;
  }

  /** Shows the consumer everything pushed since the last time. True if there was something. */
  publish(): boolean {
    if (this.#tail === this.#published) return false;
    this.#published = this.#tail;
    Atomics.store(this.words, TAIL, this.#tail | 0);
    return true;
  }

  /**
   * After a `push` without room: has the consumer tell once it has made some. True if it has meanwhile: push again, nobody may tell. */
  stall(): boolean {
    const before = this.#head;
    Atomics.store(this.words, STALLED, 1);
    this.#head = Atomics.load(this.words, HEAD) >>> 0;
    return this.#head !== before;
  }

  /** A consumer that has gone mad moves its head beyond the tail: then there is no room, ever. */
  #room(): number {
    const used = (this.#tail - this.#head) >>> 0;
    return used > this.capacity ? 0 : this.capacity - used;
  }
}

export class RingConsumer extends RingSide {
  #head: number;
  #released: number;
  #tail: number;
  #broken = false;

  constructor(memory: SharedArrayBuffer, offset: number, capacity: number, start = 0) {
    super(memory, offset, capacity);
    this.#head = start;
    this.#released = start;
    this.#tail = start;
  }

  /** Length of the next message; EMPTY or BROKEN. */
  peek(): number {
    if (this.#broken) return BROKEN;
    if (this.#head === this.#tail) {
      this.#tail = Atomics.load(this.words, TAIL) >>> 0;
      if (this.#head === this.#tail) return EMPTY;
    }
    const available = (this.#tail - this.#head) >>> 0;
    const header = (this.#head & (this.capacity - 1)) >>> 2;
    const length = this.headers[header] as number;
    const check = this.headers[header + 1] as number;
    const sane =
      available <= this.capacity &&
      available % 8 === 0 &&
      length <= MESSAGE_BYTES_MAX &&
      recordBytes(length) <= available &&
      check === (length ^ CHECK ^ this.#head) >>> 0;
    if (sane) return length;
    this.#broken = true;
    return BROKEN;
  }

  /** Moves the message that `peek` has found to `target`, from `at` on; its length. `target` must have room. */
  take(target: Uint8Array, at: number): number {
    const length = this.peek();
    if (length < 0) return length;
    const start = (this.#head + HEADER_BYTES) & (this.capacity - 1);
    const first = Math.min(length, this.capacity - start);
    copyBytes(this.data, start, first, target, at);
    if (first < length) copyBytes(this.data, 0, length - first, target, at + first);
    this.#head = (this.#head + recordBytes(length)) >>> 0;
    return length;
  }

  /** Gives the room of what was taken back. True if the producer waits for it and is to be told. */
  release(): boolean {
    if (this.#head === this.#released) return false;
    this.#released = this.#head;
    Atomics.store(this.words, HEAD, this.#head | 0);
    return Atomics.load(this.words, STALLED) !== 0 && Atomics.exchange(this.words, STALLED, 0) !== 0;
  }
}
