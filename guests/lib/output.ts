/**
 * The sending half of a connection in callback style: chunks, and the queue of what is still to be sent.
 *
 * Always true: a chunk is the device's from `ring_send` until its SENT event, and a read buffer from `ring_read` until its
 * FILE event, whatever becomes of the connection; only then does it return to the pool. Only connection.ts uses this file.
 */
import * as calls from "./calls";
import { EINVAL, EIO, EPIPE } from "./errno";
import { Deferred, Source, defer, register, unregister } from "./ring";
import { RING_FILE, RingEvent, sys_ring_read, sys_ring_send } from "./sys";

/** Bytes of output not yet sent above which a connection counts as congested. */
export const HIGH_WATER: i32 = 128 * 1024;
const CHUNK_BYTES: i32 = 16 * 1024;
/** Files are read in larger pieces: each costs the device a round trip. */
const FILE_CHUNK_BYTES: i32 = 64 * 1024;
/** Chunks of one size kept for later; the rest goes back to the heap. */
const SPARE_MAX: i32 = 512;

/** A piece of output: memory of its own to write into, or somebody's buffer that is lent, or the place of a file. */
class Chunk extends Source {
  used: i32 = 0;
  next: Chunk | null = null;
  owner: Output | null = null;
  /** Keeps a lent buffer alive. */
  lent: ArrayBuffer | null = null;
  file: FileBody | null = null;

  constructor(
    public ptr: usize,
    /** Bytes of own memory; 0 if it has none. */
    readonly capacity: i32,
  ) {
    super();
  }

  onEvent(event: RingEvent): void {
    const owner = this.owner!;
    if (event.kind == RING_FILE) owner.onRead(this, event.result);
    else owner.onSent(this, event.result);
  }
}

/** A file that takes its place in the queue. */
class FileBody {
  isReading: bool = false;

  constructor(
    readonly fd: i32,
    public position: f64,
    public remaining: f64,
  ) {}
}

/** Unused chunks of one size. */
class Pool {
  private first: Chunk | null = null;
  private count: i32 = 0;

  constructor(private size: i32) {}

  take(): Chunk {
    const chunk = this.first;
    if (!chunk) {
      const made = new Chunk(heap.alloc(this.size), this.size);
      register(made, false);
      return made;
    }
    this.first = chunk.next;
    chunk.next = null;
    this.count--;
    return chunk;
  }

  give(chunk: Chunk): void {
    chunk.used = 0;
    chunk.owner = null;
    if (this.count >= SPARE_MAX) {
      unregister(chunk, false);
      heap.free(chunk.ptr);
      return;
    }
    chunk.next = this.first;
    this.first = chunk;
    this.count++;
  }
}

const chunks = new Pool(CHUNK_BYTES);
const fileChunks = new Pool(FILE_CHUNK_BYTES);

function release(chunk: Chunk): void {
  if (chunk.capacity == CHUNK_BYTES) chunks.give(chunk);
  else if (chunk.capacity == FILE_CHUNK_BYTES) fileChunks.give(chunk);
  else {
    unregister(chunk, false);
    chunk.lent = null;
    chunk.owner = null;
  }
}

export abstract class Output extends Deferred {
  /** -1 before it is open and after it has closed. */
  fd: i32 = -1;
  /** Bytes written that have not been sent yet. */
  pending: i32 = 0;
  /** True once nothing more may be written. */
  protected hasEnded: bool = false;
  private queueFirst: Chunk | null = null;
  private queueLast: Chunk | null = null;
  private underWayCount: i32 = 0;
  /** Files in the queue. */
  private queuedFiles: i32 = 0;

  /** Something has been handed over or sent: look at `pending`, `isFlushed`. */
  protected abstract onOutput(): void;
  /** Sending is over for good. */
  protected abstract onOutputError(error: i32): void;

  /** More is waiting to be sent than one should add to. */
  get isCongested(): bool {
    return this.pending >= HIGH_WATER || this.queuedFiles > 0;
  }

  protected get isFlushed(): bool {
    return this.queueFirst == null && this.underWayCount == 0;
  }

  /** Sends a copy of the bytes with all else of this turn: 0, or -EPIPE after `end` or `close`. */
  writeBytes(ptr: usize, length: i32): i32 {
    if (this.hasEnded || this.fd < 0) return -EPIPE;
    while (length > 0) {
      let chunk = this.queueLast;
      if (chunk == null || chunk.used == chunk.capacity || chunk.lent != null) {
        chunk = chunks.take();
        this.enqueue(chunk);
      }
      const n = min(length, chunk.capacity - chunk.used);
      memory.copy(chunk.ptr + chunk.used, ptr, n);
      chunk.used += n;
      this.pending += n;
      ptr += n;
      length -= n;
    }
    defer(this);
    return 0;
  }

  write(bytes: Uint8Array): i32 {
    return this.writeBytes(bytes.dataStart, bytes.length);
  }

  /** Sends a text as UTF-8, encoded right into the output if it fits. */
  writeText(text: string): i32 {
    if (this.hasEnded || this.fd < 0) return -EPIPE;
    const length = text.length;
    if (length == 0) return 0;
    // One UTF-16 unit becomes three bytes at most.
    const room = this.roomFor(length * 3);
    if (!room) {
      const bytes = String.UTF8.encode(text);
      return this.writeBytes(changetype<usize>(bytes), bytes.byteLength);
    }
    const n = <i32>String.UTF8.encodeUnsafe(changetype<usize>(text), length, room.ptr + room.used);
    room.used += n;
    this.pending += n;
    defer(this);
    return 0;
  }

  /** Sends a number in decimal. */
  writeNumber(value: u64): i32 {
    if (this.hasEnded || this.fd < 0) return -EPIPE;
    const room = this.roomFor(20)!;
    let digits = 1;
    for (let rest = value; rest >= 10; rest /= 10) digits++;
    for (let at = room.used + digits - 1; at >= room.used; at--) {
      store<u8>(room.ptr + at, <u8>(0x30 + (value % 10)));
      value /= 10;
    }
    room.used += digits;
    this.pending += digits;
    defer(this);
    return 0;
  }

  /** A chunk at the end of the queue with so many bytes left, or null if no chunk has as many. */
  private roomFor(bytes: i32): Chunk | null {
    if (bytes > CHUNK_BYTES) return null;
    const last = this.queueLast;
    if (last != null && last.capacity - last.used >= bytes && last.lent == null && last.file == null) return last;
    const chunk = chunks.take();
    this.enqueue(chunk);
    return chunk;
  }

  /** Sends the buffer itself, without a copy; it must not change until it has been sent, and is kept alive till then. */
  writeLent(buffer: ArrayBuffer, start: i32 = 0, length: i32 = -1): i32 {
    if (this.hasEnded || this.fd < 0) return -EPIPE;
    if (length < 0) length = buffer.byteLength - start;
    if (start < 0 || length < 0 || start + length > buffer.byteLength) return -EINVAL;
    if (length == 0) return 0;
    const chunk = new Chunk(changetype<usize>(buffer) + start, 0);
    chunk.lent = buffer;
    chunk.used = length;
    register(chunk, false);
    this.enqueue(chunk);
    this.pending += length;
    defer(this);
    return 0;
  }

  /**
   * Sends `length` bytes of an open file from `position` on, after what was written so far and before what comes later.
   * The descriptor is closed in every case. A file that turns out shorter than promised breaks the connection off.
   */
  sendFile(fd: i32, position: f64, length: f64): i32 {
    if (this.hasEnded || this.fd < 0 || length <= 0) {
      calls.close(fd);
      return length <= 0 ? 0 : -EPIPE;
    }
    const place = new Chunk(0, 0);
    place.file = new FileBody(fd, position, length);
    this.enqueue(place);
    this.queuedFiles++;
    defer(this);
    return 0;
  }

  private enqueue(chunk: Chunk): void {
    chunk.owner = this;
    const tail = this.queueLast;
    if (tail) tail.next = chunk;
    else this.queueFirst = chunk;
    this.queueLast = chunk;
  }

  private dequeue(chunk: Chunk): void {
    this.queueFirst = chunk.next;
    if (this.queueFirst == null) this.queueLast = null;
    chunk.next = null;
  }

  /** Hands over what is queued, as far as no file is in the way. */
  onTurnEnd(): void {
    while (this.fd >= 0) {
      const chunk = this.queueFirst;
      if (!chunk) break;
      const file = chunk.file;
      if (file) {
        if (!file.isReading) this.readFile(file);
        break;
      }
      this.dequeue(chunk);
      if (!this.handOver(chunk)) return;
    }
    if (this.fd >= 0) this.onOutput();
  }

  private handOver(chunk: Chunk): bool {
    const error = sys_ring_send(this.fd, chunk.ptr, chunk.used, chunk.token);
    if (error < 0) {
      release(chunk);
      this.onOutputError(error);
      return false;
    }
    this.underWayCount++;
    return true;
  }

  onSent(chunk: Chunk, result: i32): void {
    this.underWayCount--;
    this.pending -= chunk.used;
    release(chunk);
    if (this.fd < 0) return;
    if (result < 0) {
      this.onOutputError(result);
      return;
    }
    const head = this.queueFirst;
    if (head) {
      const file = head.file;
      if (file != null && !file.isReading && this.pending < HIGH_WATER) this.readFile(file);
    }
    if (this.fd >= 0) this.onOutput();
  }

  private readFile(file: FileBody): void {
    const chunk = fileChunks.take();
    chunk.owner = this;
    chunk.file = file;
    const length = <i32>Math.min(file.remaining, <f64>FILE_CHUNK_BYTES);
    file.isReading = true;
    const error = sys_ring_read(file.fd, chunk.ptr, length, file.position, chunk.token);
    if (error < 0) this.onRead(chunk, error);
  }

  onRead(chunk: Chunk, result: i32): void {
    const file = chunk.file!;
    file.isReading = false;
    chunk.file = null;
    if (this.fd < 0 || result <= 0) {
      release(chunk);
      calls.close(file.fd);
      if (this.fd < 0) return; // the queue is gone already
      this.dropFile();
      this.onOutputError(result < 0 ? result : -EIO);
      return;
    }
    file.position += <f64>result;
    file.remaining -= <f64>result;
    chunk.used = result;
    this.pending += result;
    if (file.remaining <= 0) {
      calls.close(file.fd);
      this.dropFile();
    }
    if (!this.handOver(chunk)) return;
    if (file.remaining <= 0) defer(this);
    else if (this.pending < HIGH_WATER) this.readFile(file);
  }

  /** Takes the file at the head of the queue out of it. */
  private dropFile(): void {
    this.dequeue(this.queueFirst!);
    this.queuedFiles--;
  }

  /** Forgets what is queued. What is under way comes back by itself. */
  protected dropOutput(): void {
    let chunk = this.queueFirst;
    this.queueFirst = null;
    this.queueLast = null;
    while (chunk) {
      const next = chunk.next;
      chunk.next = null;
      const file = chunk.file;
      if (!file) release(chunk);
      else if (!file.isReading) calls.close(file.fd); // else when the read comes back
      chunk = next;
    }
    this.queuedFiles = 0;
  }
}
