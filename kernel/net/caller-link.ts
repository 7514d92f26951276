/**
 * A connection between the embedder and a socket of the guest's that no device carries: what the embedder gives is copied into a receive
 * buffer of the guest's, what the guest sends is collected from its memory when the embedder asks for it.
 *
 * What always holds: what is sent stays in order, lent and copied alike; a lent send's token reaches the ring exactly once, when its bytes
 * have been collected or when the connection is cut. Lent bytes wait in the guest's own memory, copied ones are at most OUTPUT_BYTES_MAX:
 * an embedder that does not collect is a peer that does not read. The embedder's callback runs inside the guest's system calls: it only takes
 * note. Made by NetworkStack.
 */
import { ECONNRESET, EPIPE } from "../abi/errno.ts";
import { CopyPool } from "../mem/copy-pool.ts";
import type { PhysicalMemory } from "../mem/physical.ts";
import type { SentSink } from "../virtio/socket.ts";
import { RECEIVE_BYTES_MAX } from "../virtio/socket-connection.ts";
import type { StreamLink } from "./stream-link.ts";
import type { StreamSocket } from "./stream-socket.ts";

/** Copied bytes that may wait to be collected. */
const OUTPUT_BYTES_MAX = RECEIVE_BYTES_MAX;
const NOTHING = new Uint8Array(0);
const pool = new CopyPool();

export class CallerLink implements StreamLink {
  owner: StreamSocket | null;
  ringFd = -1;
  readonly established = true;
  dead = false;
  wantsCredit = false;
  readonly creditListed = false;
  /** The guest sends no more. */
  ended = false;
  /** Something has been sent, or the guest has ended its side. */
  onOutput: () => void = () => {};
  readonly #memory: PhysicalMemory;
  readonly #sink: SentSink;
  /** What has been sent and not collected: lent pieces by address, copied ones with their bytes. */
  readonly #addresses: number[] = [];
  readonly #lengths: number[] = [];
  readonly #tokens: number[] = [];
  readonly #copies: (Uint8Array | null)[] = [];
  #count = 0;
  #bytes = 0;
  #copiedBytes = 0;
  /** What the guest has had no room for. */
  #input: Uint8Array = NOTHING;
  #inputAt = 0;

  constructor(memory: PhysicalMemory, sink: SentSink, owner: StreamSocket) {
    this.#memory = memory;
    this.#sink = sink;
    this.owner = owner;
  }

  // --- the embedder's side -------------------------------------------------------------------------------------------------

  /** True if the guest hears of what is given by its ring, as soon as that is dispatched. */
  get onRing(): boolean {
    return this.owner !== null && this.owner.ringSide !== null;
  }

  /** Bytes that can be collected. */
  get outputBytes(): number {
    return this.#bytes;
  }

  /** Bytes that the guest has not taken, in its socket or here. */
  get inputBytes(): number {
    return this.#input.length - this.#inputAt + (this.owner?.queued ?? 0);
  }

  /** Gives the guest bytes, which are copied. What is left over waits, so only if nothing waits here already. */
  give(bytes: Uint8Array): void {
    if (this.owner === null) return;
    if (this.#inputAt === this.#input.length) {
      const taken = this.owner.receiveCopy(bytes, 0);
      if (taken === bytes.length) return;
      this.#input = bytes;
      this.#inputAt = taken;
      this.pump();
      this.#input = this.#input.slice(this.#inputAt);
    } else {
      const input = new Uint8Array(this.#input.length - this.#inputAt + bytes.length);
      input.set(this.#input.subarray(this.#inputAt));
      input.set(bytes, this.#input.length - this.#inputAt);
      this.#input = input;
    }
    this.#inputAt = 0;
  }

  /** Gives what waits, as far as there is room. */
  pump(): void {
    while (this.#inputAt < this.#input.length && this.owner !== null) {
      const taken = this.owner.receiveCopy(this.#input, this.#inputAt);
      if (taken === 0) return;
      this.#inputAt += taken;
    }
    this.#input = NOTHING;
    this.#inputAt = 0;
  }

  /** A copy of everything that has been sent since the last time. The guest hears that it has its memory back. */
  collect(): Uint8Array {
    const count = this.#count;
    if (count === 0) return NOTHING;
    let bytes: Uint8Array;
    if (count === 1) bytes = this.#copies[0] ?? this.#copy(0);
    else {
      bytes = new Uint8Array(this.#bytes);
      for (let i = 0, at = 0; i < count; i++) {
        bytes.set(this.#copies[i] ?? this.#slice(i), at);
        at += this.#lengths[i] as number;
      }
    }
    this.#release(0);
    const { owner } = this;
    if (this.wantsCredit && owner !== null) {
      this.wantsCredit = false;
      owner.writable();
    }
    return bytes;
  }

  /** The embedder is gone: the guest sees the end of the stream, and that nobody reads. */
  hangUp(): void {
    this.#release(-ECONNRESET);
    this.dead = true;
    this.ended = true;
    const { owner } = this;
    this.owner = null;
    this.#input = NOTHING;
    this.#inputAt = 0;
    if (owner === null) return;
    owner.peerEnded();
    owner.reset(0);
  }

  // --- StreamLink: the guest's side ------------------------------------------------------------------------------------------

  get canCopy(): boolean {
    return this.#copiedBytes < OUTPUT_BYTES_MAX;
  }

  sendLent(address: number, length: number, token: number): number {
    if (this.ended) return -EPIPE;
    this.#push(address, length, token, null);
    return 0;
  }

  sendCopied(address: number, length: number): number {
    if (this.ended) return -EPIPE;
    const size = Math.min(length, OUTPUT_BYTES_MAX - this.#copiedBytes);
    if (size < length) this.wantsCredit = true;
    if (size === 0) return 0;
    this.#copiedBytes += size;
    this.#push(0, size, 0, (this.#memory.slice(address, size) as Uint8Array).slice());
    return size;
  }

  consumed(_bytes: number): void {
    if (this.#inputAt < this.#input.length) this.pump();
  }

  shutdownSend(): void {
    this.ended = true;
    this.onOutput();
  }

  close(): void {
    this.owner = null;
    this.dead = true;
    this.ended = true;
    this.onOutput();
  }

  abort(): void {
    this.#release(-ECONNRESET);
    this.close();
  }

  #push(address: number, length: number, token: number, copy: Uint8Array | null): void {
    const index = this.#count++;
    this.#addresses[index] = address;
    this.#lengths[index] = length;
    this.#tokens[index] = token;
    this.#copies[index] = copy;
    this.#bytes += length;
    this.onOutput();
  }

  /** A copy of a lent piece. */
  #copy(index: number): Uint8Array {
    const address = this.#addresses[index] as number;
    const length = this.#lengths[index] as number;
    const { guest } = this.#memory;
    return guest.has(address, length) ? pool.copy(guest, address, length) : this.#slice(index).slice();
  }

  #slice(index: number): Uint8Array {
    return this.#memory.slice(this.#addresses[index] as number, this.#lengths[index] as number) as Uint8Array;
  }

  /** Nothing waits any more: the guest gets its memory back, with the error if there is one. */
  #release(error: number): void {
    for (let i = 0; i < this.#count; i++) {
      if (this.#copies[i] === null) {
        this.#sink.sent(this.ringFd, this.#tokens[i] as number, error || (this.#lengths[i] as number));
      } else this.#copies[i] = null;
    }
    this.#count = 0;
    this.#bytes = 0;
    this.#copiedBytes = 0;
  }
}
