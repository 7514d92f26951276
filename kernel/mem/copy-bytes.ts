/**
 * Copying a few bytes from one memory to another. A block copy needs a view of its source, which is an object; for what fits into a
 * short loop that costs more than the bytes.
 */
const LOOP_BYTES_MAX = 32;

/** Copies from[start, start + length) to `to`, from `at` on. The caller has checked both ranges. */
export function copyBytes(from: Uint8Array, start: number, length: number, to: Uint8Array, at: number): void {
  if (length > LOOP_BYTES_MAX) {
    to.set(from.subarray(start, start + length), at);
    return;
  }
  for (let i = 0; i < length; i++) to[at + i] = from[start + i] as number;
}

/** How many bytes `copyWords` is better for than a block copy. */
export const COPY_WORDS_MAX = 256;

/** The same in words of 32 bits: `words` of them, from index `start` to index `at`. The fastest way for up to COPY_WORDS_MAX bytes. */
export function copyWords(from: Uint32Array, start: number, words: number, to: Uint32Array, at: number): void {
  for (let i = 0; i < words; i++) to[at + i] = from[start + i] as number;
}
