/**
 * A bare RESP connection over any Duplex (a TCP socket, or a machine's in-process
 * connection): bytes out, decoded replies in. For what client libraries do not let a test do: half
 * frames, garbage, not reading. Knows RESP2 and RESP3.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { Duplex } from "node:stream";

export class ReplyError extends Error {}
export type Reply = string | number | boolean | bigint | null | ReplyError | Reply[] | Map<Reply, Reply>;

export class RespConnection {
  readonly stream: Duplex;
  closed = false;
  error: Error | undefined;
  #data: Buffer = Buffer.alloc(0);
  #chunks: Buffer[] = [];
  #waiting: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#waiting?.();
    });
    stream.on("error", (error) => {
      this.error = error;
    });
    for (const event of ["close", "end"]) {
      stream.on(event, () => {
        this.closed = true;
        this.#waiting?.();
      });
    }
  }

  static async open(port: number): Promise<RespConnection> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new RespConnection(socket);
  }

  write(data: string | Buffer): void {
    this.stream.write(data);
  }

  send(...args: (string | number | Buffer)[]): void {
    this.write(encode(args));
  }

  async call(...args: (string | number | Buffer)[]): Promise<Reply> {
    this.send(...args);
    return this.read();
  }

  /** The next reply; throws if the connection ends first, or after `timeoutMs`. */
  async read(timeoutMs = 10_000): Promise<Reply> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      this.#join();
      const decoder = new Decoder(this.#data);
      const reply = decoder.reply();
      if (reply !== undefined) {
        this.#data = this.#data.subarray(decoder.at);
        return reply;
      }
      if (this.closed) throw new Error(`the connection ended${this.error ? `: ${this.error.message}` : ""}`);
      if (performance.now() > deadline)
        throw new Error(`no reply within ${timeoutMs} ms; have ${this.#data.length} bytes`);
      await this.#more(deadline - performance.now(), decoder.needed);
    }
  }

  /** Resolves when the server has closed the connection. */
  async ended(timeoutMs = 5000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!this.closed) {
      if (performance.now() > deadline) throw new Error(`still open after ${timeoutMs} ms`);
      await this.#more(deadline - performance.now(), 0);
    }
  }

  /** What has arrived and was not read as a reply. */
  get pending(): Buffer {
    this.#join();
    return this.#data;
  }

  close(): void {
    this.stream.destroy();
  }

  #join(): void {
    if (this.#chunks.length > 0) this.#data = Buffer.concat([this.#data, ...this.#chunks.splice(0)]);
  }

  /** Waits for data: at least `needed` bytes in all where the decoder knows how many, so that a big bulk is joined once. */
  #more(timeoutMs: number, needed: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting = undefined;
        resolve();
      };
      const timer = setTimeout(finish, Math.max(0, timeoutMs));
      this.#waiting = () => {
        const have = this.#data.length + this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        if (this.closed || have >= needed) finish();
      };
    });
  }
}

export function encode(args: (string | number | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n"));
  }
  return Buffer.concat(parts);
}

class Decoder {
  at = 0;
  /** How many bytes the buffer must have before another try makes sense. */
  needed = 0;
  readonly #data: Buffer;

  constructor(data: Buffer) {
    this.#data = data;
  }

  /** One reply, or undefined while it is not complete. Attributes are passed over, a push is a reply like an array. */
  reply(): Reply | undefined {
    const newline = this.#data.indexOf("\r\n", this.at);
    if (newline < 0) return undefined;
    const kind = String.fromCharCode(this.#data[this.at] ?? 0);
    const line = this.#data.toString("latin1", this.at + 1, newline);
    this.at = newline + 2;
    switch (kind) {
      case "+":
        return line;
      case "-":
        return new ReplyError(line);
      case ":":
        return Number(line);
      case ",":
        return line === "inf" ? Infinity : line === "-inf" ? -Infinity : Number(line);
      case "#":
        return line === "t";
      case "_":
        return null;
      case "(":
        return BigInt(line);
      case "$":
      case "=":
      case "!": {
        const text = this.#bulk(Number(line));
        if (text === null || text === undefined) return text;
        return kind === "!" ? new ReplyError(text) : kind === "=" ? text.slice(4) : text;
      }
      case "*":
      case "~":
      case ">":
        return this.#array(Number(line));
      case "%": {
        const flat = this.#array(Number(line) * 2);
        if (!Array.isArray(flat)) return flat;
        return new Map(flat.flatMap((key, index) => (index % 2 === 0 ? [[key, flat[index + 1] as Reply]] : [])));
      }
      case "|":
        return this.#array(Number(line) * 2) === undefined ? undefined : this.reply();
      default:
        throw new Error(`not RESP: ${JSON.stringify(kind + line.slice(0, 80))}`);
    }
  }

  #bulk(length: number): string | null | undefined {
    if (length < 0) return null;
    const end = this.at + length;
    if (this.#data.length < end + 2) {
      this.needed = end + 2;
      return undefined;
    }
    const text = this.#data.toString("latin1", this.at, end);
    this.at = end + 2;
    return text;
  }

  #array(length: number): Reply[] | null | undefined {
    if (length < 0) return null;
    const items: Reply[] = [];
    for (let index = 0; index < length; index++) {
      const item = this.reply();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}
