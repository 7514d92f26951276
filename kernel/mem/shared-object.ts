/**
 * What MAP_SHARED mappings share: a file, or memory without a name. Linear memory cannot show the same bytes at two places, so every view
 * (a Mapping) is a copy, and the object keeps the copies alike.
 *
 * What always holds: one stack runs at a time in the whole machine, so between two calls of `sync` only the views of one memory, the runner's,
 * can have been changed by a guest; all others equal the contents. `sync` compares the runner's views with the contents, and brings the bytes
 * that differ to the contents and to every other view. It is called when another process that has views begins to run, before the contents are
 * read, and when a view goes (a process ends while it is the one that runs). So processes see each other's writes as they would on one
 * processor; two views of the same bytes in one process are alike at system calls only.
 */
import { EIO, errnoMessage } from "../abi/errno.ts";
import { ChunkedBytes } from "../fs/chunked-bytes.ts";
import type { Mappable } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import type { WaitQueue } from "../sched/wait-queue.ts";
import type { GuestMemory } from "./guest-memory.ts";
import type { Mapping } from "./mapping.ts";

/** Contents are compared in pieces of this size. */
const PIECE_BYTES = 32 * 1024;

/** Who keeps the object, for those who map or change the same thing: an inode. */
export interface SharedHome {
  shared: SharedObject | null;
}

export class SharedObject {
  readonly views = new Set<Mapping>();
  /** By offset: who waits in FUTEX_WAIT on a word of it. */
  readonly futexes = new Map<number, WaitQueue>();
  /** Of one of the processes: only what all of them have in common is asked of it. */
  readonly #kernel: Kernel;
  readonly #home: SharedHome | null;
  /** Contents of an object that is no file. */
  readonly #memory: SharedMemory | null;
  /** Size of the contents, as far as known. */
  #size = 0;
  /** The memory whose views may differ from the contents; null: none. */
  #runner: GuestMemory | null = null;
  #piece: Int32Array<ArrayBuffer> | null = null;
  #reported = false;

  /** Of a file, which keeps it in `home` while there are views; null: memory without a name. */
  constructor(kernel: Kernel, home: SharedHome | null) {
    this.#kernel = kernel;
    this.#home = home;
    this.#memory = home ? null : new SharedMemory();
  }

  /** There is a view more; it equals the contents or a view of the runner. */
  attach(view: Mapping): void {
    this.views.add(view);
    this.#runner ??= view.mem;
    if (this.#home) this.#home.shared = this;
    this.#memory?.reach(view.offsetOf(view.end));
    this.#size = Math.max(0, this.#contents(view).size(this.#kernel));
  }

  /** A view goes: what has been written to it stays. */
  detach(view: Mapping): void {
    const matters = this.#home !== null || [...this.views].some(({ mem }) => mem !== view.mem);
    if (matters) this.sync(view.offset, view.offsetOf(view.end));
    this.views.delete(view);
    if (![...this.views].some(({ mem }) => mem === this.#runner)) this.#runner = null;
    if (this.views.size === 0 && this.#home) this.#home.shared = null;
  }

  /** True if a view of the same memory shows some of the same bytes. */
  isAliased(view: Mapping): boolean {
    const end = view.offsetOf(view.end);
    for (const other of this.views) {
      if (other === view || other.mem !== view.mem) continue;
      if (other.offset < end && view.offset < other.offsetOf(other.end)) return true;
    }
    return false;
  }

  /** The process with this memory begins to run. */
  enter(mem: GuestMemory): void {
    if (this.#runner === mem) return;
    this.sync();
    this.#runner = mem;
  }

  /** The contents, and every view, show what has been written to [from, to). 0, or the first error. */
  sync(from = 0, to = Number.POSITIVE_INFINITY): number {
    let result = 0;
    const start = from - (from % 4); // contents are compared by words
    for (const view of this.views) {
      if (view.mem !== this.#runner || !view.wasWritable) continue;
      const failed = this.#collect(view, Math.max(start, view.offset), Math.min(to, view.offsetOf(view.end)));
      if (result === 0) result = failed;
    }
    return result;
  }

  /** [offset, offset + length) of the contents has been written by a call: the views follow. */
  written(offset: number, length: number): void {
    const end = offset + length;
    // A guest may have written behind the end of the file, into the rest of the page: those bytes never belonged to it.
    const from = end > this.#size ? Math.min(offset, this.#size) : offset;
    this.#size = Math.max(this.#size, end);
    this.#load(from, end);
  }

  /** The size of the contents has been set by a call. */
  resized(size: number): void {
    const before = this.#size;
    this.#size = size;
    if (size > before) this.#load(before, size);
    else this.#each(size, before, (bytes) => bytes.fill(0));
  }

  /** Brings what differs in a view to the contents and to the other views. `from` and `to` lie in the view; `from` is a multiple of 4. */
  #collect(view: Mapping, from: number, to: number): number {
    const { mem } = view;
    const contents = this.#contents(view);
    this.#piece ??= new Int32Array(PIECE_BYTES / 4);
    const piece = new Uint8Array(this.#piece.buffer);
    for (let at = from; at < to; at += PIECE_BYTES) {
      const got = contents.load(this.#kernel, piece.subarray(0, Math.min(PIECE_BYTES, to - at)), at);
      if (got < 0) return this.#failed(view, got);
      if (got === 0) break;
      const address = view.start + (at - view.offset);
      if (!mem.has(address, got)) return this.#failed(view, -EIO);
      const first = firstDifference(mem.u8, address, piece, got);
      if (first === got) continue;
      const last = lastDifference(mem.u8, address, piece, got);
      const stored = this.#store(contents, mem.base + address + first, last + 1 - first, at + first);
      if (stored < 0) return this.#failed(view, stored);
      if (this.views.size > 1) this.#spread(view, at, piece, address, first, last + 1);
      if (got < PIECE_BYTES) break;
    }
    return 0;
  }

  /** Copies the bytes of [first, last) at `address` that differ from `piece`, the contents at `at`, to the other views. */
  #spread(view: Mapping, at: number, piece: Uint8Array, address: number, first: number, last: number): void {
    const { u8 } = view.mem;
    for (let start = first; start < last; ) {
      let end = start + 1;
      while (end < last && u8[address + end] !== piece[end]) end++;
      for (const other of this.views) {
        if (other === view) continue;
        const low = Math.max(at + start, other.offset);
        const high = Math.min(at + end, other.offsetOf(other.end));
        if (low >= high) continue;
        const target = other.start + (low - other.offset);
        if (!other.mem.has(target, high - low)) continue;
        other.mem.u8.set(u8.subarray(address + (low - at), address + (high - at)), target);
      }
      start = end;
      while (start < last && u8[address + start] === piece[start]) start++;
    }
  }

  /** Copies [from, to) of the contents to the views. */
  #load(from: number, to: number): void {
    this.#each(from, to, (bytes, offset, view) => {
      const contents = this.#contents(view);
      for (let done = 0; done < bytes.length; ) {
        const got = contents.load(this.#kernel, bytes.subarray(done), offset + done);
        if (got <= 0) {
          if (got < 0) this.#failed(view, got);
          break;
        }
        done += got;
      }
    });
  }

  /** What each view shows of [from, to). */
  #each(from: number, to: number, act: (bytes: Uint8Array, offset: number, view: Mapping) => void): void {
    for (const view of this.views) {
      const low = Math.max(from, view.offset);
      const high = Math.min(to, view.offsetOf(view.end));
      if (low >= high) continue;
      const bytes = view.mem.bytes(view.start + (low - view.offset), high - low);
      if (bytes) act(bytes, low, view);
    }
  }

  #store(contents: Contents, address: number, length: number, offset: number): number {
    for (let done = 0; done < length; ) {
      const stored = contents.store(this.#kernel, address + done, length - done, offset + done);
      if (stored <= 0) return stored < 0 ? stored : -EIO;
      done += stored;
    }
    return 0;
  }

  #contents(view: Mapping): Contents {
    return this.#memory ?? (view.file?.mappable as Mappable);
  }

  #failed(view: Mapping, error: number): number {
    if (!this.#reported) {
      const name = view.file && "path" in view.file ? String(view.file.path) : "shared memory";
      this.#kernel.log(`mmap: ${name}: what was written to a shared mapping is lost: ${errnoMessage(error)}`);
    }
    this.#reported = true;
    return error;
  }
}

type Contents = Pick<Mappable, "size" | "load" | "store">;

/** The contents of shared memory without a name; it takes room once several processes have views. */
class SharedMemory implements Contents {
  readonly #bytes = new ChunkedBytes({ used: 0, max: Number.POSITIVE_INFINITY });

  /** There is a view up to `end`. */
  reach(end: number): void {
    if (end > this.#bytes.size) this.#bytes.truncate(end);
  }

  size(): number {
    return this.#bytes.size;
  }

  load(_kernel: Kernel, target: Uint8Array, offset: number): number {
    return this.#bytes.read(target, offset);
  }

  store(kernel: Kernel, address: number, length: number, offset: number): number {
    const source = kernel.physical.slice(address, length);
    return source ? this.#bytes.write(source, offset) : -EIO;
  }
}

/** Where [at, at + length) of `bytes` and the beginning of `other` first differ; `length` if they do not. `at` is a multiple of 4. */
function firstDifference(bytes: Uint8Array, at: number, other: Uint8Array, length: number): number {
  const words = length >>> 2;
  const a = new Int32Array(bytes.buffer, bytes.byteOffset + at, words);
  const b = new Int32Array(other.buffer, other.byteOffset, words);
  let word = 0;
  while (word < words && a[word] === b[word]) word++;
  let byte = word << 2;
  while (byte < length && bytes[at + byte] === other[byte]) byte++;
  return byte;
}

/** Where they last differ; they do. */
function lastDifference(bytes: Uint8Array, at: number, other: Uint8Array, length: number): number {
  let byte = length - 1;
  while (bytes[at + byte] === other[byte]) byte--;
  return byte;
}
