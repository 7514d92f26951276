/**
 * The device side of a split virtqueue (virtio 1.2, 2.7): takes available chains, checks every descriptor, gives them back used.
 *
 *     for (let chain = queue.pop(); chain !== null; chain = queue.pop()) { ...; queue.push(chain, bytesWritten); }
 *     queue.signal();
 *
 * Who writes what: the descriptor table, indirect tables, `avail.flags`, `avail.idx`, `avail.ring` and `used_event` are the
 * driver's; `used.flags`, `used.idx`, `used.ring` and `avail_event` are written here and nowhere else. A driver that breaks the
 * rules makes the device ask for a reset (`fail`), with one message; from then on `pop` returns null and `push` does nothing. What
 * this file reads from memory is never trusted, and nothing in it throws because of what it read. `pop` and `push` do not allocate
 * once a head has been seen.
 */
import { KERNEL_RAM_BASE, type PhysicalMemory, PROCESS_MEMORY_BASE } from "../../kernel/mem/physical.ts";
import {
  availRingBytes,
  descriptorTableBytes,
  isPowerOfTwo,
  usedRingBytes,
  VIRTQ_AVAIL_ALIGN,
  VIRTQ_AVAIL_F_NO_INTERRUPT,
  VIRTQ_DESC_ALIGN,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_DESC_SIZE,
  VIRTQ_USED_ALIGN,
  VIRTQ_USED_F_NO_NOTIFY,
  vringNeedEvent,
} from "../../kernel/virtio/ring-layout.ts";
import { Chain } from "./chain.ts";

const LINKS = VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_INDIRECT;

/** What a queue needs of its device. */
export interface QueueOwner {
  /** Raises the used-buffer interrupt. */
  interrupt(): void;
  /** The driver broke the rules: DEVICE_NEEDS_RESET. */
  needsReset(reason: string): void;
}

export class DeviceQueue {
  readonly index: number;
  readonly sizeMax: number;
  /** Registers, written by the driver through MmioDevice while the queue is not ready. */
  size: number;
  descAddress = 0;
  availAddress = 0;
  usedAddress = 0;
  /** True between QueueReady = 1 and the reset. */
  ready = false;
  /** True once the driver broke the rules, until the reset. */
  failed = false;

  readonly #memory: PhysicalMemory;
  readonly #kernelView: DataView;
  readonly #owner: QueueOwner;
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;
  #eventIdx = false;
  #indirectAllowed = false;
  #mask = 0;
  #desc = 0;
  #avail16 = 0;
  #used16 = 0;
  #used32 = 0;
  #lastAvail = 0;
  #usedIndex = 0;
  /** used.idx when the driver was last interrupted (or need not be). */
  #signalledIndex = 0;
  #notifications = true;
  #outstanding = 0;
  /** By head, made when a head is first seen. */
  #chains: (Chain | null)[] = [];

  constructor(memory: PhysicalMemory, owner: QueueOwner, index: number, sizeMax: number) {
    this.#memory = memory;
    this.#owner = owner;
    this.index = index;
    this.sizeMax = sizeMax;
    this.size = sizeMax;
    this.#u16 = memory.kernelU16;
    this.#u32 = memory.kernelU32;
    this.#kernelView = new DataView(memory.kernelBytes.buffer);
  }

  /** Chains popped and not pushed yet. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** QueueReady = 1: checks the registers. Null, or what is wrong with them. */
  enable(eventIdx: boolean, indirectAllowed: boolean): string | null {
    const { size } = this;
    if (!isPowerOfTwo(size) || size > this.sizeMax)
      return `queue size ${size} (at most ${this.sizeMax}, a power of two)`;
    const bad =
      this.#badRing("descriptor table", this.descAddress, descriptorTableBytes(size), VIRTQ_DESC_ALIGN) ??
      this.#badRing("available ring", this.availAddress, availRingBytes(size), VIRTQ_AVAIL_ALIGN) ??
      this.#badRing("used ring", this.usedAddress, usedRingBytes(size), VIRTQ_USED_ALIGN);
    if (bad !== null) return bad;
    this.#eventIdx = eventIdx;
    this.#indirectAllowed = indirectAllowed;
    this.#mask = size - 1;
    this.#desc = this.descAddress - KERNEL_RAM_BASE;
    this.#avail16 = (this.availAddress - KERNEL_RAM_BASE) / 2;
    this.#used16 = (this.usedAddress - KERNEL_RAM_BASE) / 2;
    this.#used32 = (this.usedAddress - KERNEL_RAM_BASE) / 4;
    this.#lastAvail = 0;
    this.#usedIndex = 0;
    this.#signalledIndex = 0;
    this.#notifications = true;
    this.ready = true;
    return null;
  }

  /** The device has been reset: nothing of the queue is the device's any more. Chains still held become void. */
  reset(): void {
    for (const chain of this.#chains) if (chain) chain.outstanding = false;
    this.#chains = [];
    this.#outstanding = 0;
    this.ready = false;
    this.failed = false;
    this.size = this.sizeMax;
    this.descAddress = 0;
    this.availAddress = 0;
    this.usedAddress = 0;
  }

  /** Takes the next available chain, or null. At null the driver has been asked to notify about the next one. */
  pop(): Chain | null {
    if (!this.ready || this.failed) return null;
    const last = this.#lastAvail;
    const pending = ((this.#u16[this.#avail16 + 1] as number) - last) & 0xffff;
    if (pending === 0) {
      if (this.#eventIdx && this.#notifications) this.#writeAvailEvent();
      return null;
    }
    if (pending > this.size) return this.fail(`available index moved by ${pending} in a queue of ${this.size}`);
    const head = this.#u16[this.#avail16 + 2 + (last & this.#mask)] as number;
    if (head >= this.size) return this.fail(`available head ${head} in a queue of ${this.size}`);
    let chain = this.#chains[head] ?? null;
    if (chain === null) {
      chain = new Chain(this.#memory, this.#kernelView, head);
      while (this.#chains.length <= head) this.#chains.push(null);
      this.#chains[head] = chain;
    } else if (chain.outstanding) return this.fail(`head ${head} was made available twice`);
    const wrong = this.#walk(chain);
    if (wrong !== null) return this.fail(wrong);
    chain.outstanding = true;
    this.#outstanding++;
    this.#lastAvail = (last + 1) & 0xffff;
    return chain;
  }

  /** True if pop would find something. */
  get hasAvailable(): boolean {
    return this.ready && !this.failed && this.#u16[this.#avail16 + 1] !== this.#lastAvail;
  }

  /** Gives `chain` back with `written` bytes in its writable parts. The driver is told by `signal`. */
  push(chain: Chain, written: number): void {
    if (!chain.outstanding) {
      // After a reset a device may still finish what it had begun; a live chain pushed twice is the device's own bug.
      if (this.#chains[chain.head] === chain) throw new Error(`queue ${this.index}: chain ${chain.head} pushed twice`);
      return;
    }
    chain.outstanding = false;
    this.#outstanding--;
    if (this.failed) return;
    const at = this.#used32 + 1 + (this.#usedIndex & this.#mask) * 2;
    this.#u32[at] = chain.head;
    this.#u32[at + 1] = written;
    this.#usedIndex = (this.#usedIndex + 1) & 0xffff;
    this.#u16[this.#used16 + 1] = this.#usedIndex;
  }

  /** Interrupts the driver if chains were pushed since the last signal and it wants to know (2.7.7.2). One call for many pushes. */
  signal(): void {
    const now = this.#usedIndex;
    const before = this.#signalledIndex;
    if (now === before || !this.ready || this.failed) return;
    this.#signalledIndex = now;
    if (this.#eventIdx) {
      if (!vringNeedEvent(this.#u16[this.#avail16 + 2 + this.size] as number, now, before)) return;
    } else if (((this.#u16[this.#avail16] as number) & VIRTQ_AVAIL_F_NO_INTERRUPT) !== 0) return;
    this.#owner.interrupt();
  }

  /** The driver is looking right now: it need not be interrupted for what was pushed so far. */
  signalled(): void {
    this.#signalledIndex = this.#usedIndex;
  }

  /** Whether the driver shall notify about new chains (at the start it shall). True if some are waiting already. */
  setNotifications(on: boolean): boolean {
    if (!this.ready) return false;
    this.#notifications = on;
    if (this.#eventIdx) this.#writeAvailEvent();
    else this.#u16[this.#used16] = on ? 0 : VIRTQ_USED_F_NO_NOTIFY;
    return this.hasAvailable;
  }

  /** The driver broke the rules of this queue. Devices call it as well, for requests that make no sense at all. */
  fail(reason: string): null {
    if (this.failed) return null;
    this.failed = true;
    this.#owner.needsReset(`queue ${this.index}: ${reason}`);
    return null;
  }

  /** avail_event: notifications on, the index looked at next; off, one that is long past. */
  #writeAvailEvent(): void {
    this.#u16[this.#used16 + 2 + this.size * 4] = this.#notifications ? this.#lastAvail : this.#lastAvail - 1;
  }

  #badRing(what: string, address: number, bytes: number, align: number): string | null {
    if (address % align !== 0) return `the ${what} is not aligned to ${align}`;
    // Kernel RAM never moves, so the rings can be reached through fixed views; the guest's memory does move.
    if (address < KERNEL_RAM_BASE || address >= PROCESS_MEMORY_BASE || !this.#memory.has(address, bytes))
      return `the ${what} is not in kernel RAM`;
    return null;
  }

  /** Collects the parts of the chain that starts at `chain.head`. Null, or what is wrong. */
  #walk(chain: Chain): string | null {
    chain.clear();
    const { size } = this;
    const u32 = this.#u32;
    let index = chain.head;
    for (let steps = 0; ; ) {
      const at = (this.#desc >>> 2) + index * 4;
      const length = u32[at + 2] as number;
      const word = u32[at + 3] as number;
      const flags = word & 0xffff;
      if (flags & VIRTQ_DESC_F_INDIRECT) {
        if (!this.#indirectAllowed) return "an indirect descriptor, which was not negotiated";
        if (flags & VIRTQ_DESC_F_NEXT) return "an indirect descriptor with a next one"; // 2.7.5.3.1
        return this.#walkIndirect(chain, u32[at] as number, u32[at + 1] as number, length);
      }
      const address = (u32[at] as number) + (u32[at + 1] as number) * 2 ** 32;
      const wrong = this.#addPart(chain, address, length, flags);
      if (wrong !== null) return wrong;
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) return null;
      if (++steps >= size) return "a descriptor chain longer than the queue (a loop)";
      index = word >>> 16;
      if (index >= size) return `next descriptor ${index} in a table of ${size}`;
    }
  }

  /** The table's address is in two words: as one number it would have to be allocated, for each chain. */
  #walkIndirect(chain: Chain, low: number, high: number, bytes: number): string | null {
    if (bytes === 0 || bytes % VIRTQ_DESC_SIZE !== 0) return `an indirect table of ${bytes} bytes`;
    const inKernel = high === KERNEL_RAM_BASE / 2 ** 32;
    if ((high !== 0 && !inKernel) || !this.#memory.hasWords(low, high, bytes))
      return "an indirect table outside memory";
    if (inKernel && bytes === 2 * VIRTQ_DESC_SIZE && (low & 3) === 0) {
      // The usual case, unrolled: a header and a buffer.
      const u32 = this.#u32;
      const at = low >>> 2;
      const first = u32[at + 3] as number;
      const second = u32[at + 7] as number;
      if (first >>> 16 === 1 && (first & LINKS) === VIRTQ_DESC_F_NEXT && (second & LINKS) === 0) {
        const length0 = u32[at + 2] as number;
        const length1 = u32[at + 6] as number;
        const writable = second & VIRTQ_DESC_F_WRITE;
        if (
          (first & VIRTQ_DESC_F_WRITE) === writable &&
          length0 + length1 < 2 ** 32 &&
          this.#memory.hasWords(u32[at] as number, u32[at + 1] as number, length0) &&
          this.#memory.hasWords(u32[at + 4] as number, u32[at + 5] as number, length1)
        ) {
          chain.setPair(u32, at, writable !== 0);
          return null;
        }
      }
    }
    const entries = bytes / VIRTQ_DESC_SIZE;
    // A table needs no alignment (2.7.5.3 says nothing of one), and it may lie in the guest's memory.
    const view = inKernel ? this.#kernelView : this.#memory.guest.view;
    let index = 0;
    for (let steps = 0; ; ) {
      const at = low + index * VIRTQ_DESC_SIZE;
      const address = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
      const word = view.getUint32(at + 12, true);
      const flags = word & 0xffff;
      if (flags & VIRTQ_DESC_F_INDIRECT) return "an indirect descriptor inside an indirect table";
      const wrong = this.#addPart(chain, address, view.getUint32(at + 8, true), flags);
      if (wrong !== null) return wrong;
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) return null;
      if (++steps >= Math.min(entries, this.size))
        return "an indirect chain longer than its table or the queue (a loop)";
      index = word >>> 16;
      if (index >= entries) return `next descriptor ${index} in an indirect table of ${entries}`;
    }
  }

  #addPart(chain: Chain, address: number, length: number, flags: number): string | null {
    if (!this.#memory.has(address, length)) return `a buffer outside memory (${length} bytes at ${address})`;
    const writable = (flags & VIRTQ_DESC_F_WRITE) !== 0;
    if (!writable && chain.count > chain.readableCount) return "a deviceReadable part after a deviceWritable one";
    chain.add(address, length, writable);
    if (chain.readableBytes + chain.writableBytes >= 2 ** 32) return "a chain of 4 GiB or more"; // 2.7.5.2
    return null;
  }
}
