/**
 * What a stream socket has received and nobody has taken: bytes, and for AF_UNIX what came with them and where packets end.
 */
import { AF_UNIX, MSG_PEEK, MSG_TRUNC, SOCK_SEQPACKET } from "../abi/socket.ts";
import type { Kernel } from "../kernel.ts";
import { type Ancillary, holdFiles, releaseFiles } from "./ancillary.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { IoVector } from "./io-vector.ts";
import type { Received } from "./socket.ts";
import { StreamMarks } from "./stream-marks.ts";

export class ReceivedStream {
  readonly bytes = new ByteQueue();
  readonly #domain: number;
  readonly #isPackets: boolean;
  /** From the first message on that needs it. */
  #marks: StreamMarks | null = null;

  constructor(domain: number, type: number) {
    this.#domain = domain;
    this.#isPackets = type === SOCK_SEQPACKET;
  }

  get isEmpty(): boolean {
    return this.bytes.length === 0 && this.messageCount === 0;
  }

  /** Packets that wait. */
  get messageCount(): number {
    return this.#marks?.count ?? 0;
  }

  /** What FIONREAD tells: bytes, or those of the first packet. */
  get readableBytes(): number {
    return this.#isPackets ? (this.#marks?.limit(this.bytes.length) ?? 0) : this.bytes.length;
  }

  /** A message of `size` bytes, from position `from` of the vector on, and what comes with it. */
  put(k: Kernel, data: IoVector, from: number, size: number, ancillary: Ancillary | null): void {
    if (ancillary || this.#isPackets) {
      this.#marks ??= new StreamMarks(this.#isPackets);
      this.#marks.put(this.bytes.length, size, ancillary);
      if (ancillary) holdFiles(ancillary);
    }
    data.forEach(k.mem, from, size, (piece) => this.bytes.put(piece));
  }

  /**
   * Takes bytes, of which there are some, or a packet, to the vector from position `from` on; what the receive answers for them. `flags`:
   * MSG_PEEK and MSG_TRUNC count. `out`: null where nobody asks what came with the bytes.
   */
  take(k: Kernel, into: IoVector, from: number, flags: number, out: Received | null): number {
    const { bytes } = this;
    const marks = this.#marks;
    const available = marks ? marks.limit(bytes.length) : bytes.length;
    const size = Math.min(available, into.total - from);
    // tcp(7): MSG_TRUNC discards instead of copying.
    if ((flags & MSG_TRUNC) === 0 || this.#domain === AF_UNIX) bytes.copyTo(k.mem, into, from, size);
    const leaving = this.#isPackets ? available : size;
    const peeks = (flags & MSG_PEEK) !== 0;
    if (marks) {
      const ancillary = peeks ? marks.peek(leaving) : marks.take(leaving);
      if (ancillary && out) {
        if (peeks) holdFiles(ancillary);
        out.ancillary = ancillary;
      } else if (ancillary && !peeks) releaseFiles(k, ancillary);
    }
    if (!peeks) bytes.drop(leaving);
    if (!this.#isPackets) return size;
    if (out && size < available) out.flags |= MSG_TRUNC;
    return flags & MSG_TRUNC ? available : size;
  }

  clear(k: Kernel): void {
    this.bytes.clear();
    this.#marks?.clear(k);
    this.#marks = null;
  }
}
