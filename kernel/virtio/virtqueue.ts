/**
 * The driver side of a split virtqueue (virtio 1.2, 2.7). The rings live in kernel RAM, buffers anywhere in physical memory.
 *
 *     queue.begin(); queue.addReadable(address, length); queue.addWritable(address, length);
 *     if (!queue.submit(token)) ...wait: no descriptors are free...
 *     queue.kick();
 *     while (queue.popUsed()) ... queue.usedToken, queue.usedLength ...
 *
 * What always holds: a buffer belongs to the device from `submit` until `popUsed` (or, once the device has been reset,
 * `reclaim`) brings its token back, exactly once. Nothing that the device writes is trusted: ids, lengths and indices are
 * checked against the driver's own books, which the device cannot reach; a violation breaks the queue (`broken`), after which
 * it accepts and returns nothing. No call allocates. Only drivers in the kernel use this; `VirtioDriver.queue` makes it.
 */
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../mem/physical.ts";
import {
  availRingBytes,
  descriptorTableBytes,
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
} from "./ring-layout.ts";
import { type Transport, VIRTIO_MMIO_QUEUE_NOTIFY } from "./transport.ts";

export interface QueueOptions {
  /** VIRTIO_F_EVENT_IDX was negotiated. */
  readonly eventIdx: boolean;
  /** Parts that an indirect table of this queue holds; 0: VIRTIO_F_INDIRECT_DESC is not used. */
  readonly indirectParts: number;
  /** Told once, when the device has broken the rules. */
  readonly onBroken: (reason: string) => void;
}

/** Parts one chain may have. */
const PARTS_MAX = 256;
const NONE = 0xffff;

export class Virtqueue {
  readonly index: number;
  readonly size: number;
  /** Physical addresses, for the registers. */
  readonly descAddress: number;
  readonly availAddress: number;
  readonly usedAddress: number;
  /** After popUsed or reclaim: the token of the chain that came back, and the bytes the device wrote into it. */
  usedToken = 0;
  usedLength = 0;
  /** Why the queue is broken, or null. */
  broken: string | null = null;

  readonly #transport: Transport;
  readonly #eventIdx: boolean;
  readonly #indirectParts: number;
  readonly #onBroken: (reason: string) => void;
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;
  readonly #mask: number;
  /** Indices into the views: descriptor table, rings. */
  readonly #desc32: number;
  readonly #avail16: number;
  readonly #used16: number;
  readonly #used32: number;
  /** Kernel RAM offset of the indirect tables, one for each head. */
  readonly #indirect: number;

  /** The driver's own books, by head: the device cannot reach them. */
  readonly #next: Uint16Array;
  readonly #tokens: Int32Array;
  readonly #writable: Float64Array;
  /** Descriptors of the table that the chain takes; 0: this head is not outstanding. */
  readonly #taken: Uint16Array;
  #freeHead = 0;
  #free: number;
  #outstanding = 0;
  #availIndex = 0;
  #kickedIndex = 0;
  #lastUsed = 0;
  #interrupts = true;

  /** The chain being built. */
  readonly #partAddress = new Float64Array(PARTS_MAX);
  readonly #partLength = new Uint32Array(PARTS_MAX);
  #parts = 0;
  #readableParts = 0;
  #writableBytes = 0;

  constructor(memory: PhysicalMemory, transport: Transport, index: number, size: number, options: QueueOptions) {
    this.index = index;
    this.size = size;
    this.#mask = size - 1;
    this.#transport = transport;
    this.#eventIdx = options.eventIdx;
    this.#indirectParts = options.indirectParts;
    this.#onBroken = options.onBroken;
    this.descAddress = memory.allocate(descriptorTableBytes(size), VIRTQ_DESC_ALIGN);
    this.availAddress = memory.allocate(availRingBytes(size), VIRTQ_AVAIL_ALIGN);
    this.usedAddress = memory.allocate(usedRingBytes(size), VIRTQ_USED_ALIGN);
    this.#u16 = memory.kernelU16;
    this.#u32 = memory.kernelU32;
    this.#desc32 = (this.descAddress - KERNEL_RAM_BASE) / 4;
    this.#avail16 = (this.availAddress - KERNEL_RAM_BASE) / 2;
    this.#used16 = (this.usedAddress - KERNEL_RAM_BASE) / 2;
    this.#used32 = (this.usedAddress - KERNEL_RAM_BASE) / 4;
    const indirectBytes = size * options.indirectParts * VIRTQ_DESC_SIZE;
    this.#indirect = indirectBytes > 0 ? memory.allocate(indirectBytes, VIRTQ_DESC_ALIGN) - KERNEL_RAM_BASE : 0;
    this.#next = new Uint16Array(size);
    this.#tokens = new Int32Array(size);
    this.#writable = new Float64Array(size);
    this.#taken = new Uint16Array(size);
    this.#free = size;
    for (let i = 0; i < size; i++) this.#next[i] = i + 1 < size ? i + 1 : NONE;
  }

  /** Descriptors that are free. A chain takes one with an indirect table, else one for each part. */
  get free(): number {
    return this.#free;
  }

  /** Chains that belong to the device. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Starts a chain; one that was begun and not submitted is forgotten. */
  begin(): void {
    this.#parts = 0;
    this.#readableParts = 0;
    this.#writableBytes = 0;
  }

  /** Bytes that the device may only read. All readable parts come before the first writable one (2.7.4.2). */
  addReadable(address: number, length: number): void {
    if (length <= 0) return;
    if (this.#readableParts !== this.#parts) throw new Error("a deviceReadable part after a deviceWritable one");
    this.#add(address, length);
    this.#readableParts++;
  }

  /** Bytes that the device may only write. */
  addWritable(address: number, length: number): void {
    if (length <= 0) return;
    this.#add(address, length);
    this.#writableBytes += length;
  }

  /**
   * Makes the chain available under `token` (any int32, the driver's own). False, and nothing has happened, if too few
   * descriptors are free or the queue is broken. The device learns of it by `kick`.
   */
  submit(token: number): boolean {
    const parts = this.#parts;
    if (parts === 0) throw new Error("an empty chain");
    if (this.broken !== null) return false;
    const head = this.#freeHead;
    const u32 = this.#u32;
    if (parts > 1 && parts <= this.#indirectParts && this.#free > 0) {
      const table = this.#indirect + head * this.#indirectParts * VIRTQ_DESC_SIZE;
      for (let i = 0; i < parts; i++) {
        const flags = (i < this.#readableParts ? 0 : VIRTQ_DESC_F_WRITE) | (i + 1 < parts ? VIRTQ_DESC_F_NEXT : 0);
        this.#writeDescriptor(
          (table >>> 2) + i * 4,
          this.#partAddress[i] as number,
          this.#partLength[i] as number,
          flags,
          i + 1 < parts ? i + 1 : 0,
        );
      }
      this.#freeHead = this.#next[head] as number;
      this.#free--;
      this.#taken[head] = 1;
      const at = this.#desc32 + head * 4;
      u32[at] = table >>> 0;
      u32[at + 1] = KERNEL_RAM_BASE / 2 ** 32;
      u32[at + 2] = parts * VIRTQ_DESC_SIZE;
      u32[at + 3] = VIRTQ_DESC_F_INDIRECT;
    } else {
      if (parts > this.#free) return false;
      let at = head;
      for (let i = 0; i < parts; i++) {
        const next = this.#next[at] as number;
        const last = i + 1 === parts;
        const flags = (i < this.#readableParts ? 0 : VIRTQ_DESC_F_WRITE) | (last ? 0 : VIRTQ_DESC_F_NEXT);
        const address = this.#partAddress[i] as number;
        this.#writeDescriptor(this.#desc32 + at * 4, address, this.#partLength[i] as number, flags, last ? 0 : next);
        at = next;
      }
      this.#freeHead = at;
      this.#taken[head] = parts;
      this.#free -= parts;
    }
    this.#makeAvailable(head, token, this.#writableBytes);
    return true;
  }

  /**
   * The same as begin, two parts (both readable, or both `writable`) and submit: what nearly every packet is, without the detours that
   * chains of any shape need.
   */
  submitPair(
    token: number,
    address0: number,
    length0: number,
    address1: number,
    length1: number,
    writable: boolean,
  ): boolean {
    if (this.#indirectParts < 2 || length0 <= 0 || length1 <= 0) {
      this.begin();
      if (writable) {
        this.addWritable(address0, length0);
        this.addWritable(address1, length1);
      } else {
        this.addReadable(address0, length0);
        this.addReadable(address1, length1);
      }
      return this.submit(token);
    }
    if (this.broken !== null || this.#free === 0) return false;
    const head = this.#freeHead;
    const u32 = this.#u32;
    const table = this.#indirect + head * this.#indirectParts * VIRTQ_DESC_SIZE;
    const direction = writable ? VIRTQ_DESC_F_WRITE : 0;
    const part = table >>> 2;
    u32[part] = address0 >>> 0;
    u32[part + 1] = address0 / 2 ** 32;
    u32[part + 2] = length0;
    u32[part + 3] = direction | VIRTQ_DESC_F_NEXT | (1 << 16);
    u32[part + 4] = address1 >>> 0;
    u32[part + 5] = address1 / 2 ** 32;
    u32[part + 6] = length1;
    u32[part + 7] = direction;
    const at = this.#desc32 + head * 4;
    u32[at] = table >>> 0;
    u32[at + 1] = KERNEL_RAM_BASE / 2 ** 32;
    u32[at + 2] = 2 * VIRTQ_DESC_SIZE;
    u32[at + 3] = VIRTQ_DESC_F_INDIRECT;
    this.#freeHead = this.#next[head] as number;
    this.#free--;
    this.#taken[head] = 1;
    this.#makeAvailable(head, token, writable ? length0 + length1 : 0);
    return true;
  }

  /** The chain that begins at `head` goes into the available ring. */
  #makeAvailable(head: number, token: number, writableBytes: number): void {
    const u16 = this.#u16;
    this.#tokens[head] = token;
    this.#writable[head] = writableBytes;
    this.#outstanding++;
    u16[this.#avail16 + 2 + (this.#availIndex & this.#mask)] = head;
    this.#availIndex = (this.#availIndex + 1) & 0xffff;
    u16[this.#avail16 + 1] = this.#availIndex;
    this.#parts = 0;
  }

  /**
   * Tells the device of everything submitted since the last kick, unless it does not want to know (2.7.10). A device that serves
   * the queue synchronously has done so when this returns. True if it was notified.
   */
  kick(): boolean {
    const now = this.#availIndex;
    const before = this.#kickedIndex;
    if (now === before || this.broken !== null) return false;
    this.#kickedIndex = now;
    if (this.#eventIdx) {
      if (!vringNeedEvent(this.#u16[this.#used16 + 2 + this.size * 4] as number, now, before)) return false;
    } else if (((this.#u16[this.#used16] as number) & VIRTQ_USED_F_NO_NOTIFY) !== 0) return false;
    this.#transport.write(VIRTIO_MMIO_QUEUE_NOTIFY, this.index);
    return true;
  }

  /** True if popUsed would find something. */
  get hasUsed(): boolean {
    return this.broken === null && this.#u16[this.#used16 + 1] !== this.#lastUsed;
  }

  /** Takes the next chain that the device has used; false if there is none. */
  popUsed(): boolean {
    if (this.broken !== null) return false;
    const last = this.#lastUsed;
    const pending = ((this.#u16[this.#used16 + 1] as number) - last) & 0xffff;
    if (pending === 0) return false;
    if (pending > this.#outstanding) {
      return this.#break(`used index moved by ${pending}, but ${this.#outstanding} chains are outstanding`);
    }
    const at = this.#used32 + 1 + (last & this.#mask) * 2;
    const head = this.#u32[at] as number;
    const length = this.#u32[at + 1] as number;
    if (head >= this.size) return this.#break(`used id ${head} of a queue of ${this.size}`);
    if (this.#taken[head] === 0) return this.#break(`used id ${head} is not outstanding`);
    if (length > (this.#writable[head] as number)) {
      return this.#break(
        `used length ${length} exceeds the ${this.#writable[head]} deviceWritable bytes of id ${head}`,
      );
    }
    this.#lastUsed = (last + 1) & 0xffff;
    if (this.#eventIdx) this.#writeUsedEvent();
    this.usedLength = length;
    this.#giveBack(head);
    return true;
  }

  /** Whether the device shall interrupt when it has used chains. At the start it shall. True if some are waiting already. */
  setInterrupts(on: boolean): boolean {
    this.#interrupts = on;
    if (this.#eventIdx) this.#writeUsedEvent();
    else this.#u16[this.#avail16] = on ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT;
    return this.hasUsed;
  }

  /**
   * Takes back a chain that the device never used; false if none is left. Only after the device has been reset, which is
   * what ends its ownership (2.4.1 of virtio 1.2; VirtioDriver does it before it says `onBroken`). usedLength is 0.
   */
  reclaim(): boolean {
    if (this.#outstanding === 0) return false;
    for (let head = 0; head < this.size; head++) {
      if (this.#taken[head] === 0) continue;
      this.usedLength = 0;
      this.#giveBack(head);
      return true;
    }
    return false;
  }

  /** Declares the queue unusable without blaming it: its device has been reset. */
  retire(reason: string): void {
    this.broken ??= reason;
  }

  #add(address: number, length: number): void {
    const at = this.#parts;
    if (at === PARTS_MAX) throw new Error(`a chain of more than ${PARTS_MAX} parts`);
    this.#partAddress[at] = address;
    this.#partLength[at] = length;
    this.#parts = at + 1;
  }

  #writeDescriptor(at32: number, address: number, length: number, flags: number, next: number): void {
    const u32 = this.#u32;
    u32[at32] = address >>> 0;
    u32[at32 + 1] = address / 2 ** 32;
    u32[at32 + 2] = length;
    u32[at32 + 3] = flags | (next << 16);
  }

  #giveBack(head: number): void {
    const taken = this.#taken[head] as number;
    let tail = head;
    for (let i = 1; i < taken; i++) tail = this.#next[tail] as number;
    this.#next[tail] = this.#freeHead;
    this.#freeHead = head;
    this.#taken[head] = 0;
    this.#free += taken;
    this.#outstanding--;
    this.usedToken = this.#tokens[head] as number;
  }

  /** used_event: with interrupts on, the index the driver will look at next; off, one that is long past (2.7.7.1). */
  #writeUsedEvent(): void {
    this.#u16[this.#avail16 + 2 + this.size] = this.#interrupts ? this.#lastUsed : this.#lastUsed - 1;
  }

  #break(reason: string): false {
    this.broken = `queue ${this.index}: ${reason}`;
    this.#onBroken(this.broken);
    return false;
  }
}
