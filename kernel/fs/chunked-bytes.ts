/**
 * The contents of a ramfs file: a sparse array of chunks. What was never written is a hole, takes no memory and reads as zero. The first
 * chunk grows with its file, so that small files are small. `budget` counts every byte taken; what does not fit is refused.
 */

export interface Budget {
  /** Bytes in use and at most. */
  used: number;
  readonly max: number;
}

const CHUNK_BYTES = 64 * 1024;
const FIRST_CHUNK_BYTES = 256;

export class ChunkedBytes {
  size = 0;
  /** Bytes of memory taken (st_blocks). */
  allocated = 0;
  readonly #chunks = new Map<number, Uint8Array<ArrayBuffer>>();
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** Copies bytes from `offset` on into `target`; the number copied, less at the end of the file. */
  read(target: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(target.length, this.size - offset));
    for (let done = 0; done < count; ) {
      const at = offset + done;
      const within = at % CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES - within, count - done);
      const chunk = this.#chunks.get((at - within) / CHUNK_BYTES);
      const present = chunk ? Math.max(0, Math.min(length, chunk.length - within)) : 0;
      if (present > 0) target.set((chunk as Uint8Array).subarray(within, within + present), done);
      if (present < length) target.fill(0, done + present, done + length);
      done += length;
    }
    return count;
  }

  /** Writes at `offset`, growing the file; the number written, less where the budget is at its end. */
  write(source: Uint8Array, offset: number): number {
    let done = 0;
    while (done < source.length) {
      const at = offset + done;
      const within = at % CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES - within, source.length - done);
      const chunk = this.#chunk((at - within) / CHUNK_BYTES, within + length);
      if (!chunk) break;
      chunk.set(source.subarray(done, done + length), within);
      done += length;
    }
    if (done > 0 && offset + done > this.size) this.size = offset + done;
    return done;
  }

  /** Sets the size: what is cut off is gone, what is added is a hole. */
  truncate(size: number): void {
    if (size < this.size) {
      const keep = Math.ceil(size / CHUNK_BYTES);
      for (const [index, chunk] of this.#chunks) {
        if (index >= keep) {
          this.#chunks.delete(index);
          this.#account(-chunk.length);
        }
      }
      const within = size % CHUNK_BYTES;
      if (within > 0) this.#chunks.get(keep - 1)?.fill(0, within);
    }
    this.size = size;
  }

  /** Makes [offset, offset + length) a hole. The size stays. */
  punch(offset: number, length: number): void {
    const end = Math.min(offset + length, this.size);
    for (const [index, chunk] of this.#chunks) {
      const start = index * CHUNK_BYTES;
      if (start >= end || start + chunk.length <= offset) continue;
      if (offset <= start && end >= start + chunk.length) {
        this.#chunks.delete(index);
        this.#account(-chunk.length);
      } else chunk.fill(0, Math.max(0, offset - start), end - start);
    }
  }

  /** Chunk `index`, at least `needed` bytes long; null if the budget does not allow it. */
  #chunk(index: number, needed: number): Uint8Array<ArrayBuffer> | null {
    const chunk = this.#chunks.get(index);
    if (chunk && chunk.length >= needed) return chunk;
    let length = CHUNK_BYTES;
    if (index === 0) {
      length = chunk?.length ?? FIRST_CHUNK_BYTES;
      while (length < needed) length *= 2;
    }
    const added = length - (chunk?.length ?? 0);
    if (this.#budget.used + added > this.#budget.max) return null;
    const bytes = new Uint8Array(length);
    if (chunk) bytes.set(chunk);
    this.#chunks.set(index, bytes);
    this.#account(added);
    return bytes;
  }

  #account(bytes: number): void {
    this.allocated += bytes;
    this.#budget.used += bytes;
  }
}
