/**
 * The untrusted-pointer accessor: every read or write of guest memory goes through here.
 *
 * A guest pointer is an allegation. `has(ptr, length)` is the one check; a handler answers -EFAULT where it is false.
 * The views survive `memory.grow`: growing detaches the old ArrayBuffer, whose views then have length 0, so the bounds check
 * fails, renews the views and looks again. The check and the renewal are one comparison on the fast path. Whoever
 * keeps a subarray across anything that can run the guest must take it anew.
 */

import { WaitQueue } from "../sched/wait-queue.ts";

export class GuestMemory {
  memory: WebAssembly.Memory;
  /** Where it begins in physical memory: what devices are told is `base` + guest pointer. PhysicalMemory's own. */
  base = 0;
  /** Woken when no device works on it any more. */
  readonly unpinned = new WaitQueue();
  #pins = 0;
  /** False where address 0 is the null pointer of a C program: nothing of any length lies there. */
  nullIsMemory = true;
  /** Views of the whole linear memory, valid after a successful `has`. */
  u8: Uint8Array<ArrayBuffer>;
  i32: Int32Array<ArrayBuffer>;
  u32: Uint32Array<ArrayBuffer>;
  f64: Float64Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    const buffer = memory.buffer as ArrayBuffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.view = new DataView(buffer);
  }

  /** From now on this is the memory: for a module that brings its own, once it has been instantiated. */
  attach(memory: WebAssembly.Memory): void {
    this.memory = memory;
    this.#renew();
  }

  /** True while a device works on it: it must keep its place. */
  get isPinned(): boolean {
    return this.#pins > 0;
  }

  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    if (--this.#pins === 0) this.unpinned.wake(1);
  }

  /** Bytes of linear memory now. */
  get size(): number {
    return this.memory.buffer.byteLength;
  }

  /** True if [ptr, ptr + length) lies in memory. `ptr` must be unsigned (`ptr >>> 0`), `length` >= 0. */
  has(ptr: number, length: number): boolean {
    if (ptr + length <= this.u8.length && length >= 0) return ptr !== 0 || length === 0 || this.nullIsMemory;
    return this.#renew() && this.has(ptr, length);
  }

  /** A view of [ptr, ptr + length), or null where that is not all memory. */
  bytes(ptr: number, length: number): Uint8Array<ArrayBuffer> | null {
    return this.has(ptr, length) ? this.u8.subarray(ptr, ptr + length) : null;
  }

  /** Reads and writes at any alignment, little-endian. Call after `has`. */
  getU16(ptr: number): number {
    return this.view.getUint16(ptr, true);
  }
  getU32(ptr: number): number {
    return (ptr & 3) === 0 ? (this.u32[ptr >>> 2] as number) : this.view.getUint32(ptr, true);
  }
  getI32(ptr: number): number {
    return (ptr & 3) === 0 ? (this.i32[ptr >>> 2] as number) : this.view.getInt32(ptr, true);
  }
  /** A 64-bit integer as a number: exact within ±2^53, which is what sizes, offsets and times need. */
  getI64(ptr: number): number {
    return this.view.getInt32(ptr + 4, true) * 2 ** 32 + this.view.getUint32(ptr, true);
  }
  setU16(ptr: number, value: number): void {
    this.view.setUint16(ptr, value, true);
  }
  setU32(ptr: number, value: number): void {
    if ((ptr & 3) === 0) this.u32[ptr >>> 2] = value;
    else this.view.setUint32(ptr, value, true);
  }
  setI64(ptr: number, value: number): void {
    this.view.setUint32(ptr, value >>> 0, true);
    this.view.setInt32(ptr + 4, Math.floor(value / 2 ** 32), true);
  }

  /** UTF-8 text of `length` bytes at `ptr`. Call after `has`. */
  text(ptr: number, length: number): string {
    return decoder.decode(this.u8.slice(ptr, ptr + length)); // a copy: TextDecoder refuses shared memory
  }

  #renew(): boolean {
    const buffer = this.memory.buffer as ArrayBuffer;
    if (buffer === this.u8.buffer) return false;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.view = new DataView(buffer);
    return true;
  }
}

const decoder = new TextDecoder();
