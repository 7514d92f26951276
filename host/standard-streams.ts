/**
 * The process' descriptors 0, 1 and 2 as streams of the calling thread. In a worker `process.stdout` goes through the main thread, one
 * message a chunk and without back-pressure; these do not. Closing them leaves the descriptors open. The main thread must not read
 * descriptor 0 beside them.
 */
import { createReadStream, fstatSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { type Readable, Writable } from "node:stream";
import { isatty, ReadStream, WriteStream } from "node:tty";

export function isTerminal(fd: number): boolean {
  return isatty(fd);
}

export function openInput(): Readable {
  if (isatty(0)) return new ReadStream(0);
  return isPollable(0) ? new Socket({ fd: 0, writable: false }) : createReadStream("", { fd: 0, autoClose: false });
}

/** A write that the descriptor has room for is done when `write` returns. */
export function openOutput(fd: 1 | 2): Writable {
  if (isatty(fd)) return new WriteStream(fd);
  return isPollable(fd) ? new Socket({ fd, readable: false }) : new FileOutput(fd);
}

/** Settles once everything written so far has left the process, or cannot any more. */
export function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) =>
    stream.writableLength === 0 || stream.destroyed ? resolve() : stream.write("", () => resolve()),
  );
}

function isPollable(fd: number): boolean {
  const stat = fstatSync(fd);
  return stat.isFIFO() || stat.isSocket();
}

/** Files and devices that are always ready, such as /dev/null: written at once, in order. */
class FileOutput extends Writable {
  readonly #fd: number;

  constructor(fd: number) {
    super({ decodeStrings: true });
    this.#fd = fd;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    try {
      for (let at = 0; at < chunk.length; ) at += writeSync(this.#fd, chunk, at);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  }
}
