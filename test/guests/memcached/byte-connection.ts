/**
 * A bare connection to a memcached: bytes out, bytes in. Knows of the protocols only how to find the end of what it asked: `mn` in text,
 * a no-op in binary.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const TIMEOUT_MS = 20_000;

export class ByteConnection {
  readonly socket: Socket;
  closed = false;
  #chunks: Buffer[] = [];
  #length = 0;
  #waiting: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#waiting?.();
    });
    socket.on("error", () => {});
    for (const event of ["close", "end"]) {
      socket.on(event, () => {
        this.closed = true;
        this.#waiting?.();
      });
    }
  }

  static async open(port: number): Promise<ByteConnection> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    await once(socket, "connect");
    return new ByteConnection(socket);
  }

  /** Strings are bytes (latin1). */
  write(data: string | Buffer): void {
    this.socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data);
  }

  /** Everything that arrives before `end` (taken away, too), as latin1. */
  async until(end: string): Promise<string> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      if (this.#length >= end.length) {
        const all = this.#join();
        // Only the newest bytes can hold the end that was not there before.
        const at = all.indexOf(end, 0, "latin1");
        if (at >= 0) {
          this.#reset(all.subarray(at + end.length));
          return all.toString("latin1", 0, at);
        }
      }
      if (this.closed)
        throw new Error(`the connection ended; had ${JSON.stringify(this.#join().toString("latin1").slice(-300))}`);
      if (performance.now() > deadline)
        throw new Error(
          `no ${JSON.stringify(end)}; had ${JSON.stringify(this.#join().toString("latin1").slice(-300))}`,
        );
      await this.#more(deadline - performance.now());
    }
  }

  /** `length` bytes. */
  async bytes(length: number): Promise<Buffer> {
    const deadline = performance.now() + TIMEOUT_MS;
    while (this.#length < length) {
      if (this.closed) throw new Error(`the connection ended after ${this.#length} of ${length} bytes`);
      if (performance.now() > deadline) throw new Error(`only ${this.#length} of ${length} bytes`);
      await this.#more(deadline - performance.now());
    }
    const all = this.#join();
    this.#reset(all.subarray(length));
    return all.subarray(0, length);
  }

  /** What text requests are answered with. */
  async ask(requests: string): Promise<string> {
    this.write(`${requests}mn\r\n`);
    return this.until("MN\r\n");
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<string> {
    const deadline = performance.now() + TIMEOUT_MS;
    while (!this.closed) {
      if (performance.now() > deadline)
        throw new Error(`still open; had ${JSON.stringify(this.#join().toString("latin1").slice(-300))}`);
      await this.#more(deadline - performance.now());
    }
    const all = this.#join();
    this.#reset(Buffer.alloc(0));
    return all.toString("latin1");
  }

  get received(): number {
    return this.#length;
  }

  close(): void {
    this.socket.destroy();
  }

  #join(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #reset(rest: Buffer): void {
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
  }

  #more(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting = undefined;
        resolve();
      };
      const timer = setTimeout(finish, Math.max(0, timeoutMs));
      this.#waiting = finish;
    });
  }
}
