/**
 * The guest's stdout or stderr as a Readable for the embedder.
 *
 * Nobody has to read it: while there is no consumer, only the newest `TAIL_BYTES_MAX` are kept and the guest never waits. What is written
 * before the embedder could start to read (`boot` has not settled) is kept whole. Once somebody reads, nothing is dropped, and a slow
 * consumer holds the guest's console back. A consumer that destroys the stream wants no more: the guest's writes answer EPIPE.
 */
import { Readable } from "node:stream";

const TAIL_BYTES_MAX = 256 * 1024;

export class OutputStream extends Readable {
  #tail: Uint8Array[] = [];
  #tailBytes = 0;
  #consumed = false;
  #keepsAll = true;
  #ended = false;
  /** Called once the consumer wants more, after `write` answered false. */
  onDrain: () => void = () => {};
  /** Called once the consumer has destroyed the stream. */
  onClosed: () => void = () => {};

  /** Takes a copy of `chunk`. False: the consumer is behind, wait for `onDrain`. */
  write(chunk: Uint8Array): boolean {
    if (this.#ended || this.destroyed) return true;
    const copy = Buffer.from(chunk);
    if (this.#consumed) return this.push(copy);
    this.#tail.push(copy);
    this.#tailBytes += copy.length;
    if (!this.#keepsAll) this.#trim();
    return true;
  }

  /** The embedder has had its chance to start reading: from now on only the newest bytes are kept for it. */
  keepTailOnly(): void {
    this.#keepsAll = false;
    this.#trim();
  }

  finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#consumed) this.push(null);
  }

  /** What has been written and not consumed yet, newest `TAIL_BYTES_MAX` bytes: for messages about a failed boot. */
  get tail(): string {
    return Buffer.concat(this.#tail).toString("utf8");
  }

  #trim(): void {
    while (this.#tailBytes > TAIL_BYTES_MAX && this.#tail.length > 1) {
      this.#tailBytes -= (this.#tail.shift() as Uint8Array).length;
    }
  }

  override _read(): void {
    if (!this.#consumed) {
      this.#consumed = true;
      const tail = this.#tail;
      this.#tail = [];
      this.#tailBytes = 0;
      for (const chunk of tail) this.push(chunk);
      if (this.#ended) this.push(null);
    }
    this.onDrain();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#ended) this.onClosed();
    done(error);
  }
}
