/**
 * Where messages begin and end in the received bytes of an AF_UNIX socket, and what came with them: sequenced packets keep their
 * boundaries, and a receive of a stream does not run past a message that brought files or had another sender (unix(7)).
 *
 * A mark is a run of bytes in the queue; its distance is counted from the end of the one before it, so bytes without a mark cost
 * nothing. Made by a stream socket for the first message that needs one.
 */
import type { Kernel } from "../kernel.ts";
import { type Ancillary, releaseFiles, sameCredentials } from "./ancillary.ts";

interface Mark {
  /** Bytes without a mark before it. */
  skip: number;
  length: number;
  ancillary: Ancillary;
}

const NOTHING: Ancillary = { files: [], credentials: null };

export class StreamMarks {
  readonly #packets: boolean;
  readonly #marks: Mark[] = [];
  /** Bytes from the front of the queue to the end of the last mark. */
  #covered = 0;

  /** `packets`: every message keeps its boundaries. */
  constructor(packets: boolean) {
    this.#packets = packets;
  }

  get count(): number {
    return this.#marks.length;
  }

  /** A message of `length` bytes joins a queue that has `queued`. */
  put(queued: number, length: number, ancillary: Ancillary | null): void {
    const carried = ancillary ?? NOTHING;
    const last = this.#marks.at(-1);
    const skip = queued - this.#covered;
    const joins = !this.#packets && last && skip === 0 && last.ancillary.files.length + carried.files.length === 0;
    if (joins && sameCredentials(last.ancillary.credentials, carried.credentials)) last.length += length;
    else this.#marks.push({ skip, length, ancillary: carried });
    this.#covered = queued + length;
  }

  /** How many of `queued` bytes one receive may take. */
  limit(queued: number): number {
    const first = this.#marks[0];
    if (!first) return queued;
    // Bytes before files are received together with them; bytes of another sender are not.
    return first.skip > 0 && first.ancillary.credentials !== null ? first.skip : first.skip + first.length;
  }

  /** What comes with the first `count` bytes; nothing is taken. */
  peek(count: number): Ancillary | null {
    const first = this.#marks[0];
    return first && (count > first.skip || first.skip + first.length === 0) ? first.ancillary : null;
  }

  /** `count` bytes, within `limit`, leave the queue; what came with them. */
  take(count: number): Ancillary | null {
    const first = this.#marks[0];
    if (!first) return null;
    const ancillary = this.peek(count);
    const skipped = Math.min(first.skip, count);
    this.#covered -= count;
    first.skip -= skipped;
    first.length -= count - skipped;
    if (first.skip + first.length === 0) this.#marks.shift();
    else if (ancillary) first.ancillary = { files: [], credentials: ancillary.credentials };
    return ancillary;
  }

  /** The queue is dropped. */
  clear(k: Kernel): void {
    this.#covered = 0;
    for (const { ancillary } of this.#marks.splice(0)) releaseFiles(k, ancillary);
  }
}
