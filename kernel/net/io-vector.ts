/**
 * The memory of one transfer: valid pieces of guest memory, in order, as an iovec array (readv(2), sendmsg(2)) or a single buffer gives
 * them. Positions count bytes from the beginning of the first piece.
 *
 * A vector is filled anew for each call and used within it: nobody keeps one.
 */
import { EFAULT, EINVAL } from "../abi/errno.ts";
import { IOVEC_BYTES } from "../abi/stat.ts";
import type { GuestMemory } from "../mem/guest-memory.ts";

/** Most bytes of one transfer (read(2), NOTES): INT_MAX rounded down to a page. */
const TRANSFER_BYTES_MAX = 0x7ffff000;
const SSIZE_MAX = 0x7fffffff;

export class IoVector {
  /** Pieces: `addresses[i]` and `lengths[i]` below `count`. */
  count = 0;
  readonly addresses: number[] = [];
  readonly lengths: number[] = [];
  /** Bytes in all. */
  total = 0;

  /** One buffer, which is valid. */
  set(address: number, length: number): this {
    this.count = 1;
    this.addresses[0] = address;
    this.lengths[0] = length;
    this.total = length;
    return this;
  }

  /** The `count` iovecs at `ptr`: 0, -EFAULT or -EINVAL. Together they are cut to what one call transfers. */
  read(mem: GuestMemory, ptr: number, count: number): number {
    this.count = 0;
    this.total = 0;
    if (!mem.has(ptr, count * IOVEC_BYTES)) return -EFAULT;
    let announced = 0;
    for (let i = 0; i < count; i++) {
      const address = mem.getU32(ptr + i * IOVEC_BYTES);
      const length = mem.getU32(ptr + i * IOVEC_BYTES + 4);
      announced += length;
      if (length > SSIZE_MAX || announced > SSIZE_MAX) return -EINVAL;
      if (length > 0 && !mem.has(address, length)) return -EFAULT;
      const taken = Math.min(length, TRANSFER_BYTES_MAX - this.total);
      if (taken === 0) continue;
      this.addresses[this.count] = address;
      this.lengths[this.count++] = taken;
      this.total += taken;
    }
    return 0;
  }

  /** Calls `take` with the views of [from, from + length), in order. */
  forEach(mem: GuestMemory, from: number, length: number, take: (piece: Uint8Array) => void): void {
    let skip = from;
    let left = length;
    for (let i = 0; i < this.count && left > 0; i++) {
      const size = Math.min((this.lengths[i] as number) - skip, left);
      if (size <= 0) {
        skip -= this.lengths[i] as number;
        continue;
      }
      const start = (this.addresses[i] as number) + skip;
      take(mem.u8.subarray(start, start + size));
      skip = 0;
      left -= size;
    }
  }

  /** A copy of all of it, `offset` bytes of zeroes before it. */
  gather(mem: GuestMemory, offset = 0): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(offset + this.total);
    let at = offset;
    this.forEach(mem, 0, this.total, (piece) => {
      bytes.set(piece, at);
      at += piece.length;
    });
    return bytes;
  }

  /** Copies the beginning of `bytes` here, as much as there is room for. */
  scatter(mem: GuestMemory, bytes: Uint8Array): void {
    if (this.count === 1 && bytes.length <= this.total) {
      mem.u8.set(bytes, this.addresses[0] as number);
      return;
    }
    let at = 0;
    this.forEach(mem, 0, Math.min(this.total, bytes.length), (piece) => {
      piece.set(bytes.subarray(at, at + piece.length));
      at += piece.length;
    });
  }
}
