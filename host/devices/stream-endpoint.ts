/**
 * The host's end of one stream connection: a Duplex (a TCP socket, or one side of an in-process pair), and the accounts that the
 * network device keeps for it. NetDevice makes and drives it; the stream's events come in here and go on to the device.
 *
 * Host to guest: a chunk that finds no receive buffer or no credit waits in `backlog`, and the stream is paused (after a short message only when more comes).
 * Sockets of the host read into a buffer that they share (shared-read.ts) and call `take`; other streams are read by their events.
 * Guest to host: a chain stays the device's until its bytes have left the stream's own buffers. A write that the host's kernel took at
 * once is known by `writableLength` being 0 and costs no callback; otherwise an empty write behind it marks its end.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ECONNREFUSED, ECONNRESET } from "../../kernel/abi/errno.ts";
import type { Chain } from "../queue/chain.ts";
import { hostErrno } from "./host-errno.ts";
import { GATHERED_MESSAGE_BYTES_MAX } from "./net-receive-queue.ts";

/** Bytes the guest may send ahead (buf_alloc). */
export const SEND_BYTES_MAX = 256 * 1024;
const NOTHING = Buffer.alloc(0);

/** Ends a stream so that the other side sees a reset, where it can be told: only TCP has that. */
export function cutOff(stream: Duplex): void {
  if (stream instanceof Socket && !stream.connecting && stream.localFamily !== undefined) stream.resetAndDestroy();
  else stream.destroy();
}

/** What an endpoint tells its device. */
export interface EndpointOwner {
  /** Bytes for the guest, the first `end` of `chunk`, `offset` of them delivered already; how far it got. */
  deliver(endpoint: StreamEndpoint, chunk: Uint8Array, offset: number, end: number): number;
  /** A short message for the guest, the first `count` bytes of `chunk`: `receive` gets it soon, with others. False: not now. */
  gather(endpoint: StreamEndpoint, chunk: Uint8Array, count: number): boolean;
  /** `receive` gets now what is gathered. */
  flushGathered(): void;
  /** As `deliver`, for `receive`. */
  fill(endpoint: StreamEndpoint, chunk: Uint8Array, offset: number, end: number): number;
  /** The host's side has sent everything; only called with an empty backlog. */
  ended(endpoint: StreamEndpoint): void;
  /** The stream is closed: everything is over. */
  closed(endpoint: StreamEndpoint, errno: number): void;
  /** Bytes have left; `chain` may go back to the driver. */
  written(endpoint: StreamEndpoint, chain: Chain | null, bytes: number): void;
}

export class StreamEndpoint {
  readonly hostPort: number;
  readonly guestPort: number;
  readonly stream: Duplex;
  /** The embedder's side of an in-process pair. */
  readonly far: Duplex | null;
  /** The guest has accepted, or the host has. */
  established = false;
  /** True for connections that the guest asked for. */
  readonly outgoing: boolean;
  /** Nothing is sent to the guest about it any more. */
  gone = false;
  /** The guest reads no more: what arrives is dropped. */
  discards = false;
  /** The guest has ended its side. */
  sendShut = false;
  /** Account of bytes to the guest. */
  guestBufAlloc = 0;
  guestFwdCount = 0;
  txCount = 0;
  /** Account of bytes from the guest. */
  rxCount = 0;
  fwdCount = 0;
  fwdTold = 0;
  /** Waits for a receive buffer. Kept by the device. */
  waiting = false;
  #backlog: Uint8Array[] = [];
  #offset = 0;
  #hasEnded = false;
  /** Closed in order, before everything was delivered. */
  #hasClosed = false;
  #error = 0;
  readonly #owner: EndpointOwner;
  /** The stream calls `take`. */
  readonly #lends: boolean;
  /** Writes whose end an empty write marks: chain (or null, if it was copied) and bytes. */
  readonly #marked: { readonly chain: Chain | null; readonly bytes: number }[] = [];

  constructor(
    owner: EndpointOwner,
    hostPort: number,
    guestPort: number,
    stream: Duplex,
    far: Duplex | null,
    outgoing: boolean,
    lends: boolean,
  ) {
    this.#owner = owner;
    this.#lends = lends;
    this.hostPort = hostPort;
    this.guestPort = guestPort;
    this.stream = stream;
    this.far = far;
    this.outgoing = outgoing;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      this.#error ||= hostErrno(error) || ECONNRESET;
    });
    stream.on("close", () => this.#close());
    far?.on("close", () => {
      if (!stream.destroyed && !(far.readableEnded && far.writableFinished)) stream.destroy();
    });
  }

  /** Bytes that the guest has room for. */
  get credit(): number {
    const left = this.guestBufAlloc - ((this.txCount - this.guestFwdCount) >>> 0);
    return left > 0 ? left : 0;
  }

  get hasBacklog(): boolean {
    return this.#backlog.length > 0;
  }

  /** From now on the stream is read. */
  start(): void {
    this.established = true;
    const { stream } = this;
    if (!this.#lends) stream.on("data", this.#data);
    stream.on("end", () => {
      this.#owner.flushGathered();
      this.#hasEnded = true;
      if (this.#backlog.length === 0 && !this.gone) this.#owner.ended(this);
    });
    if (this.#backlog.length === 0 || this.drain()) stream.resume();
  }

  /** Delivers what waits; true once nothing does. */
  drain(): boolean {
    while (this.#backlog.length > 0) {
      const chunk = this.#backlog[0] as Uint8Array;
      this.#offset = this.discards ? chunk.length : this.#owner.deliver(this, chunk, this.#offset, chunk.length);
      if (this.#offset < chunk.length) return false;
      this.#offset = 0;
      this.#backlog.shift();
    }
    if (this.#hasEnded) {
      if (!this.gone) this.#owner.ended(this);
      if (this.#hasClosed) this.#owner.closed(this, 0);
    } else this.stream.resume();
    return true;
  }

  /** Writes bytes of a chain of the guest's, or (`chain` null) bytes that are ours. */
  write(bytes: Uint8Array, chain: Chain | null): void {
    const { stream } = this;
    const length = bytes.length;
    if (stream.destroyed || this.sendShut) {
      this.#owner.written(this, chain, length);
      return;
    }
    if (this.#marked.length > 0) {
      this.#marked.push({ chain, bytes: length });
      stream.write(bytes, this.#mark);
      return;
    }
    stream.write(bytes);
    if (stream.writableLength === 0) {
      this.#owner.written(this, chain, length);
      return;
    }
    this.#marked.push({ chain, bytes: length });
    stream.write(NOTHING, this.#mark);
  }

  /** The guest sends no more. */
  endWriting(): void {
    this.sendShut = true;
    if (!this.stream.destroyed) this.stream.end();
  }

  /** The guest has closed: what it wrote still leaves, then the stream is closed. */
  finish(): void {
    this.discards = true;
    this.sendShut = true;
    const { stream } = this;
    if (this.#backlog.length > 0) this.drain();
    if (stream.destroyed) return;
    if (stream instanceof Socket) stream.destroySoon();
    else if (stream.writableFinished) stream.destroy();
    else {
      stream.once("finish", () => stream.destroy());
      stream.end();
    }
  }

  /** The guest has reset the connection, or never took it: the other side shall see that. */
  reset(errno: number): void {
    this.gone = true;
    const { stream, far } = this;
    if (far && !far.destroyed) {
      const refused = errno === ECONNREFUSED;
      far.destroy(
        Object.assign(new Error(refused ? "connect ECONNREFUSED" : "read ECONNRESET"), {
          code: refused ? "ECONNREFUSED" : "ECONNRESET",
          errno: -(refused ? ECONNREFUSED : ECONNRESET),
          syscall: refused ? "connect" : "read",
        }),
      );
    }
    if (stream.destroyed) return;
    if (errno !== 0) cutOff(stream);
    else stream.destroy();
  }

  /** Bytes of the stream's, the first `count` of `chunk`, lent for this call. False: no more until it is resumed. */
  take(chunk: Uint8Array, count: number): boolean {
    const direct = this.established && this.#backlog.length === 0;
    if (direct && count <= GATHERED_MESSAGE_BYTES_MAX && this.#owner.gather(this, chunk, count)) return true;
    if (this.discards || this.gone) return true;
    // Delivering flushes what is gathered: afterwards there may be a backlog.
    const delivered = direct ? this.#owner.deliver(this, chunk, 0, count) : 0;
    if (delivered === count) return true;
    this.#backlog.push(new Uint8Array(chunk.subarray(delivered, count))); // a copy, also of a Buffer's
    return false;
  }

  /** Bytes of the stream's that were gathered, chunk[from, end), lent for this call. */
  receive(chunk: Uint8Array, from: number, end: number): void {
    if (this.discards || this.gone) return;
    const at = this.#backlog.length === 0 ? this.#owner.fill(this, chunk, from, end) : from;
    if (at === end) return;
    this.#backlog.push(chunk.slice(at, end));
    // One short message may wait for a buffer while the stream is read on (what comes next finds it here, and pauses): with more clients than buffers most
    // of their messages do, and each pause and resumption is two epoll_ctl(2).
    if (this.#backlog.length > 1) this.stream.pause();
  }

  readonly #data = (chunk: Uint8Array): void => {
    if (this.discards || this.gone) return;
    if (this.#backlog.length === 0) {
      this.#offset = this.#owner.deliver(this, chunk, 0, chunk.length);
      if (this.#offset === chunk.length) {
        this.#offset = 0;
        return;
      }
      this.stream.pause();
    }
    this.#backlog.push(chunk);
  };

  readonly #mark = (): void => {
    const next = this.#marked.shift();
    if (next) this.#owner.written(this, next.chain, next.bytes);
  };

  #close(): void {
    this.#owner.flushGathered();
    // Nothing of the guest's is used any more: give it all back before the end is told.
    for (const { chain, bytes } of this.#marked.splice(0)) this.#owner.written(this, chain, bytes);
    // The pair's other half can never finish once this one is gone: it goes when it has read what there is.
    const { far } = this;
    if (far?.readableEnded) far.destroy();
    else far?.once("end", () => far.destroy());
    if (this.#hasEnded && this.#backlog.length > 0 && this.#error === 0 && !this.gone) {
      this.#hasClosed = true; // the guest gets what there is, then hears of the end
      return;
    }
    this.#backlog.length = 0;
    this.#owner.closed(this, this.#error);
  }
}
