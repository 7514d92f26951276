/**
 * RESP2 for the plain Node baseline: an incremental request parser over the
 * chunks that a socket delivers, and the reply encoders.
 *
 * Always holds: bytes travel as latin1 strings (one character per byte, so they are
 * binary-safe); V8 stores them one byte a character, they cost no
 * handle, no external memory and no pooled slab, which is why a store of small
 * values in Node keeps strings rather than Buffers.
 */
/** Node's own fast path under toString("latin1", …): in every Node, but not in its typings. */
type Bytes = Buffer & { latin1Slice(start: number, end: number): string };

const cr = 13;
const star = 42;
const dollar = 36;
const inlineMaxBytes = 64 * 1024;
const argumentsMax = 1024 * 1024;
const bulkMaxBytes = 512 * 1024 * 1024;

export class ProtocolError extends Error {}

export class RequestParser {
  #rest: Bytes | undefined;
  /** Chunks that wait while one large request is incomplete; joined once enough is there. */
  #waiting: Bytes[] = [];
  #waitingBytes = 0;
  #neededBytes = 0;

  /** Calls `onRequest` for every complete request; keeps the incomplete tail. Throws ProtocolError. */
  push(data: Buffer, onRequest: (args: string[]) => void): void {
    const chunk = data as Bytes;
    let buffer = chunk;
    if (this.#rest !== undefined) {
      this.#waiting.push(chunk);
      this.#waitingBytes += chunk.length;
      if (this.#waitingBytes < this.#neededBytes) return;
      buffer = Buffer.concat(this.#waiting) as Bytes;
      this.#rest = undefined;
      this.#waiting = [];
    }
    let at = 0;
    this.#neededBytes = 0;
    while (at < buffer.length) {
      const next = buffer[at] === star ? this.#array(buffer, at, onRequest) : this.#inline(buffer, at, onRequest);
      if (next < 0) break;
      at = next;
    }
    if (at < buffer.length) {
      this.#rest = at === 0 ? buffer : (buffer.subarray(at) as Bytes);
      this.#waiting = [this.#rest];
      this.#waitingBytes = this.#rest.length;
      this.#neededBytes = this.#neededBytes === 0 ? 0 : this.#neededBytes - at;
    }
  }

  /** One `*N` request at `start`; the offset behind it, or -1 if it is not all there. */
  #array(buffer: Bytes, start: number, onRequest: (args: string[]) => void): number {
    const end = buffer.length;
    let at = start + 1;
    let count = 0;
    for (; at < end; at++) {
      const digit = buffer[at]! - 48;
      if (digit < 0 || digit > 9) break;
      count = count * 10 + digit;
    }
    if (at + 1 >= end) return -1;
    if (buffer[at] !== cr) {
      if (buffer[at] === 45) return buffer.indexOf(10, at) + 1 || -1; // *-1: nothing to do
      throw new ProtocolError("invalid multibulk length");
    }
    if (count > argumentsMax) throw new ProtocolError("invalid multibulk length");
    at += 2;
    const args: string[] = [];
    for (let index = 0; index < count; index++) {
      if (at >= end) return -1;
      if (buffer[at] !== dollar) {
        throw new ProtocolError(`expected '$', got '${String.fromCharCode(buffer[at]!)}'`);
      }
      at++;
      let length = 0;
      const digits = at;
      for (; at < end; at++) {
        const digit = buffer[at]! - 48;
        if (digit < 0 || digit > 9) break;
        length = length * 10 + digit;
      }
      if (at + 1 >= end) return -1;
      if (buffer[at] !== cr || at === digits || length > bulkMaxBytes) throw new ProtocolError("invalid bulk length");
      at += 2;
      const stop = at + length;
      if (stop + 2 > end) {
        this.#neededBytes = stop + 2;
        return -1;
      }
      args.push(buffer.latin1Slice(at, stop));
      at = stop + 2;
    }
    if (count > 0) onRequest(args);
    return at;
  }

  #inline(buffer: Bytes, start: number, onRequest: (args: string[]) => void): number {
    const newline = buffer.indexOf(10, start);
    if (newline < 0) {
      if (buffer.length - start > inlineMaxBytes) throw new ProtocolError("too big inline request");
      return -1;
    }
    const args = buffer.latin1Slice(start, newline).trim().split(/\s+/);
    if (args[0] !== "") onRequest(args);
    return newline + 1;
  }
}

export const ok = "+OK\r\n";
export const nil = "$-1\r\n";
export const zero = ":0\r\n";
export const one = ":1\r\n";
export const emptyArray = "*0\r\n";
export const wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
export const notInteger = "-ERR value is not an integer or out of range\r\n";
export const notFloat = "-ERR value is not a valid float\r\n";
export const syntaxError = "-ERR syntax error\r\n";

export function bulk(value: string | undefined): string {
  return value === undefined ? nil : `$${value.length}\r\n${value}\r\n`;
}

export function integer(value: number): string {
  return `:${value}\r\n`;
}

export function array(values: Iterable<string | undefined>): string {
  let body = "";
  let count = 0;
  for (const value of values) {
    body += bulk(value);
    count++;
  }
  return `*${count}\r\n${body}`;
}
