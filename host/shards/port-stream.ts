/**
 * A byte stream between two threads over a message port: each end is a Duplex. A chunk is acknowledged once its reader wants more, so that a slow
 * reader holds the writer back, one chunk at a time.
 */
import { Duplex } from "node:stream";
import type { MessagePort } from "node:worker_threads";

/** Bytes, their acknowledgement, the end of them, or why there are no more. */
type Message = Uint8Array | "more" | "end" | { readonly failed: string; readonly code: string | undefined };

export class PortStream extends Duplex {
  readonly #port: MessagePort;
  /** Of the chunk under way. */
  #written: ((error?: Error | null) => void) | null = null;
  #owed = false;

  constructor(port: MessagePort) {
    super({ allowHalfOpen: true });
    this.#port = port;
    port.on("message", (message: Message) => this.#take(message)).on("close", () => this.#closed());
  }

  #take(message: Message): void {
    if (message === "more") {
      const written = this.#written;
      this.#written = null;
      written?.();
    } else if (message === "end") this.push(null);
    else if (message instanceof Uint8Array) {
      this.#owed = true;
      if (this.push(Buffer.from(message.buffer, message.byteOffset, message.byteLength))) this._read();
    } else this.destroy(Object.assign(new Error(message.failed), { code: message.code }));
  }

  #closed(): void {
    if (!(this.readableEnded && this.writableFinished)) this.destroy();
  }

  override _read(): void {
    if (!this.#owed) return;
    this.#owed = false;
    this.#post("more");
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#written = done;
    this.#post(Uint8Array.from(chunk));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#post("end");
    done();
  }

  override _destroy(error: (Error & { code?: string }) | null, done: (error?: Error | null) => void): void {
    if (error) this.#post({ failed: error.message, code: error.code });
    this.#port.close();
    this.#written?.(error);
    done(error);
  }

  #post(message: Message): void {
    this.#port.postMessage(message);
  }
}
