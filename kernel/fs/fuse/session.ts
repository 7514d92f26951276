/**
 * The FUSE session of one virtio-fs device: requests and their replies over virtqueues.
 *
 * `call` is synchronous: the device serves queue 1 inside the kick, so metadata and small transfers need nobody to park (a callback guest has
 * no stack to park). `submit` goes through queue 2 and completes in an interrupt. What the device answers is checked here: a
 * reply that makes no sense takes the device out of service, and every request from then on fails with EIO. Data moves directly
 * between the device and the address that the caller names.
 */
import { EIO } from "../../abi/errno.ts";
import type { Kernel } from "../../kernel.ts";
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../../mem/physical.ts";
import { DeviceError, VirtioDriver } from "../../virtio/driver.ts";
import { type Transport, VIRTIO_ID_FS } from "../../virtio/transport.ts";
import type { Virtqueue } from "../../virtio/virtqueue.ts";
import { writeBytes } from "../byte-string.ts";
import {
  FORGET_IN_BYTES,
  FS_CONFIG_NUM_REQUEST_QUEUES,
  FS_CONFIG_TAG_BYTES,
  FS_QUEUE_ASYNC,
  FS_QUEUE_HIPRIO,
  FS_QUEUE_SYNC,
  FS_REQUEST_QUEUES,
  FSYNC_IN_BYTES,
  FUSE_ASYNC_READ,
  FUSE_ATOMIC_O_TRUNC,
  FUSE_BIG_WRITES,
  FUSE_FORGET,
  FUSE_FSYNC,
  FUSE_INIT,
  FUSE_KERNEL_MINOR_VERSION,
  FUSE_KERNEL_VERSION,
  FUSE_READ,
  FUSE_TRANSFER_MAX,
  FUSE_WRITE,
  getU64,
  IN_HEADER_BYTES,
  IN_LEN,
  IN_NODEID,
  IN_OPCODE,
  IN_PID,
  IN_UNIQUE,
  INIT_IN_BYTES,
  INIT_OUT_BYTES,
  OUT_ERROR,
  OUT_HEADER_BYTES,
  OUT_LEN,
  OUT_UNIQUE,
  READ_IN_BYTES,
  setU64,
  WRITE_IN_BYTES,
  WRITE_OUT_BYTES,
} from "./protocol.ts";

/** Room for the arguments of one synchronous request (FUSE_SYMLINK: a name and a path), and for its reply (FUSE_READDIR). */
const CALL_IN_BYTES = 8192;
const CALL_OUT_BYTES = 32768 + OUT_HEADER_BYTES;
/** Asynchronous requests under way at once; more wait in the kernel. */
const SLOTS = 32;
const SLOT_IN_BYTES = IN_HEADER_BYTES + WRITE_IN_BYTES;
const SLOT_OUT_BYTES = OUT_HEADER_BYTES + WRITE_OUT_BYTES;
const QUEUE_SIZE = 128;
const ERRNO_MAX = 4095;

/** A READ, WRITE or FSYNC that the device works on. */
export interface Transfer {
  readonly opcode: typeof FUSE_READ | typeof FUSE_WRITE | typeof FUSE_FSYNC;
  readonly nodeId: number;
  readonly handle: number;
  /** READ and WRITE: the data, its place in the file, and the open flags. */
  readonly address: number;
  readonly length: number;
  readonly offset: number;
  /** FSYNC: fsync_flags. */
  readonly flags: number;
  /** Bytes, 0 or a negated errno; once. */
  complete(result: number): void;
}

export class FuseSession {
  readonly tag: string;
  readonly #memory: PhysicalMemory;
  readonly #virtio: VirtioDriver;
  readonly #hiprio: Virtqueue;
  readonly #calls: Virtqueue;
  readonly #transfers: Virtqueue;
  /** Request and reply of the synchronous call: addresses, and views of kernel RAM. */
  readonly #in: number;
  readonly #out: number;
  readonly #slots: number;
  readonly #view: DataView;
  readonly #freeSlots: number[] = [];
  readonly #underWay: (Transfer | null)[] = new Array<Transfer | null>(SLOTS).fill(null);
  readonly #uniques = new Float64Array(SLOTS);
  /** Transfers that wait for a slot, oldest first. */
  readonly #waiting: Transfer[] = [];
  #nextUnique = 1;
  #transferMax = FUSE_TRANSFER_MAX;

  /** Throws DeviceError if the device does not start. */
  constructor(memory: PhysicalMemory, transport: Transport) {
    this.#memory = memory;
    this.#virtio = new VirtioDriver(memory, transport, {
      name: "fs",
      deviceId: VIRTIO_ID_FS,
      onFailure: () => this.#failAll(),
    });
    if (this.#virtio.config32(FS_CONFIG_NUM_REQUEST_QUEUES) < FS_REQUEST_QUEUES) {
      throw new DeviceError(`fs: the device has fewer than ${FS_REQUEST_QUEUES} request queues`);
    }
    this.tag = this.#readTag();
    this.#hiprio = this.#virtio.queue(FS_QUEUE_HIPRIO, 16);
    this.#calls = this.#virtio.queue(FS_QUEUE_SYNC, 16);
    this.#transfers = this.#virtio.queue(FS_QUEUE_ASYNC, QUEUE_SIZE);
    this.#hiprio.setInterrupts(false);
    this.#calls.setInterrupts(false);
    this.#in = memory.allocate(CALL_IN_BYTES);
    this.#out = memory.allocate(CALL_OUT_BYTES);
    this.#slots = memory.allocate(SLOTS * (SLOT_IN_BYTES + SLOT_OUT_BYTES));
    this.#view = new DataView(memory.kernelBytes.buffer);
    for (let slot = SLOTS - 1; slot >= 0; slot--) this.#freeSlots.push(slot);
    this.#virtio.ready();
    this.#start();
  }

  /** Arguments of the call being built, and its reply: offsets count from behind the headers. */
  setU32(offset: number, value: number): void {
    this.#view.setUint32(this.#in - KERNEL_RAM_BASE + IN_HEADER_BYTES + offset, value, true);
  }
  setU64(offset: number, value: number): void {
    setU64(this.#view, this.#in - KERNEL_RAM_BASE + IN_HEADER_BYTES + offset, value);
  }
  /** Writes `name` and a NUL; where the next one goes. */
  setName(offset: number, name: string): number {
    const at = this.#in - KERNEL_RAM_BASE + IN_HEADER_BYTES + offset;
    writeBytes(this.#memory.kernelBytes, at, name);
    this.#memory.kernelBytes[at + name.length] = 0;
    return offset + name.length + 1;
  }
  getU32(offset: number): number {
    return this.#view.getUint32(this.#out - KERNEL_RAM_BASE + OUT_HEADER_BYTES + offset, true);
  }
  getU64(offset: number): number {
    return getU64(this.#view, this.#out - KERNEL_RAM_BASE + OUT_HEADER_BYTES + offset);
  }
  getI64(offset: number): number {
    const at = this.#out - KERNEL_RAM_BASE + OUT_HEADER_BYTES + offset;
    return this.#view.getInt32(at + 4, true) * 2 ** 32 + this.#view.getUint32(at, true);
  }
  /** `length` bytes of the reply. */
  bytes(offset: number, length: number): Uint8Array {
    const at = this.#out - KERNEL_RAM_BASE + OUT_HEADER_BYTES + offset;
    return this.#memory.kernelBytes.subarray(at, at + length);
  }

  /** Starts a call with `argumentBytes` of arguments, zeroed. */
  begin(argumentBytes: number): void {
    const at = this.#in - KERNEL_RAM_BASE + IN_HEADER_BYTES;
    this.#memory.kernelBytes.fill(0, at, at + argumentBytes);
  }

  /**
   * Sends the call. The bytes of its reply (at least `replyBytes` unless it is an error), or a negated errno. `replyMax`: room offered,
   * `replyBytes` if it is left out.
   */
  call(opcode: number, nodeId: number, argumentBytes: number, replyBytes: number, replyMax = replyBytes): number {
    const queue = this.#calls;
    const unique = this.#header(this.#in, opcode, nodeId, IN_HEADER_BYTES + argumentBytes);
    queue.begin();
    queue.addReadable(this.#in, IN_HEADER_BYTES + argumentBytes);
    queue.addWritable(this.#out, OUT_HEADER_BYTES + replyMax);
    const used = this.#exchange(queue);
    if (used < 0) return used;
    const result = this.#reply(this.#out, unique, used);
    return result >= 0 && result < replyBytes
      ? this.#nonsense(`a reply of ${result} bytes to opcode ${opcode}`)
      : result;
  }

  /** READ at once: bytes, or a negated errno. */
  read(nodeId: number, handle: number, address: number, length: number, offset: number, flags: number): number {
    const size = Math.min(length, this.#transferMax);
    const queue = this.#calls;
    this.begin(READ_IN_BYTES);
    const unique = this.#header(this.#in, FUSE_READ, nodeId, IN_HEADER_BYTES + READ_IN_BYTES);
    this.#arguments(this.#in, handle, offset, size, flags);
    queue.begin();
    queue.addReadable(this.#in, IN_HEADER_BYTES + READ_IN_BYTES);
    queue.addWritable(this.#out, OUT_HEADER_BYTES);
    queue.addWritable(address, size);
    const used = this.#exchange(queue);
    return used < 0 ? used : this.#reply(this.#out, unique, used);
  }

  /** WRITE at once: bytes, or a negated errno. */
  write(nodeId: number, handle: number, address: number, length: number, offset: number, flags: number): number {
    const size = Math.min(length, this.#transferMax);
    const queue = this.#calls;
    this.begin(WRITE_IN_BYTES);
    const unique = this.#header(this.#in, FUSE_WRITE, nodeId, IN_HEADER_BYTES + WRITE_IN_BYTES + size);
    this.#arguments(this.#in, handle, offset, size, flags);
    queue.begin();
    queue.addReadable(this.#in, IN_HEADER_BYTES + WRITE_IN_BYTES);
    queue.addReadable(address, size);
    queue.addWritable(this.#out, OUT_HEADER_BYTES + WRITE_OUT_BYTES);
    const used = this.#exchange(queue);
    return used < 0 ? used : this.#written(this.#out, unique, used, size);
  }

  /** Starts a transfer or a sync; it completes in an interrupt. */
  submit(transfer: Transfer): void {
    if (this.#virtio.failure !== null) {
      transfer.complete(-EIO);
      return;
    }
    this.#waiting.push(transfer);
    this.#startWaiting();
  }

  /** The kernel needs this node no more: `lookups` of it are forgotten. No reply comes. */
  forget(nodeId: number, lookups: number): void {
    if (this.#virtio.failure !== null) return;
    this.begin(FORGET_IN_BYTES);
    this.#header(this.#in, FUSE_FORGET, nodeId, IN_HEADER_BYTES + FORGET_IN_BYTES);
    this.setU64(0, lookups);
    this.#hiprio.begin();
    this.#hiprio.addReadable(this.#in, IN_HEADER_BYTES + FORGET_IN_BYTES);
    this.#exchange(this.#hiprio);
  }

  handleInterrupt(kernel: Kernel): void {
    this.#virtio.acknowledge(kernel);
    while (this.#transfers.popUsed()) this.#ended(this.#transfers.usedToken, this.#transfers.usedLength);
    this.#startWaiting();
  }

  /** FUSE_INIT (5.11.6). */
  #start(): void {
    this.begin(INIT_IN_BYTES);
    this.setU32(0, FUSE_KERNEL_VERSION);
    this.setU32(4, FUSE_KERNEL_MINOR_VERSION);
    this.setU32(12, FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES);
    const result = this.call(FUSE_INIT, 0, INIT_IN_BYTES, 24, INIT_OUT_BYTES);
    if (result < 0) throw new DeviceError(`fs: FUSE_INIT answers ${result}`);
    if (this.getU32(0) !== FUSE_KERNEL_VERSION || this.getU32(4) < FUSE_KERNEL_MINOR_VERSION) {
      throw new DeviceError(
        `fs: FUSE ${this.getU32(0)}.${this.getU32(4)}, not ${FUSE_KERNEL_VERSION}.${FUSE_KERNEL_MINOR_VERSION}`,
      );
    }
    if ((this.getU32(12) & FUSE_ATOMIC_O_TRUNC) === 0) throw new DeviceError("fs: the device cannot truncate on open");
    this.#transferMax = Math.min(FUSE_TRANSFER_MAX, Math.max(4096, this.getU32(20)));
  }

  #readTag(): string {
    const bytes: number[] = [];
    for (let i = 0; i < FS_CONFIG_TAG_BYTES; i++) {
      const byte = this.#virtio.config8(i);
      if (byte === 0) break;
      bytes.push(byte);
    }
    return String.fromCharCode(...bytes) || "virtiofs";
  }

  /** fuse_in_header at `address`; the request's number. */
  #header(address: number, opcode: number, nodeId: number, length: number): number {
    const at = address - KERNEL_RAM_BASE;
    const unique = this.#nextUnique++;
    this.#memory.kernelBytes.fill(0, at, at + IN_HEADER_BYTES);
    this.#view.setUint32(at + IN_LEN, length, true);
    this.#view.setUint32(at + IN_OPCODE, opcode, true);
    setU64(this.#view, at + IN_UNIQUE, unique);
    setU64(this.#view, at + IN_NODEID, nodeId);
    this.#view.setUint32(at + IN_PID, 1, true);
    return unique;
  }

  /** fuse_read_in or fuse_write_in. */
  #arguments(address: number, handle: number, offset: number, size: number, flags: number): void {
    const at = address - KERNEL_RAM_BASE + IN_HEADER_BYTES;
    setU64(this.#view, at, handle);
    setU64(this.#view, at + 8, offset);
    this.#view.setUint32(at + 16, size, true);
    this.#view.setUint32(at + 32, flags, true);
  }

  /** Submits the chain that was built and takes it back: the bytes that the device wrote, or -EIO. */
  #exchange(queue: Virtqueue): number {
    if (!queue.submit(0)) return -EIO;
    queue.kick();
    if (queue.popUsed()) return queue.usedLength;
    // The buffers are still the device's, and the caller will not wait: only a reset makes them ours again.
    return this.#nonsense("the device did not answer at once");
  }

  /** Checks fuse_out_header; the bytes behind it, or the (negative) error that it carries. */
  #reply(address: number, unique: number, used: number): number {
    const at = address - KERNEL_RAM_BASE;
    if (used < OUT_HEADER_BYTES) return this.#nonsense(`a reply of ${used} bytes`);
    if (this.#view.getUint32(at + OUT_LEN, true) !== used) return this.#nonsense("a reply with a wrong length");
    if (getU64(this.#view, at + OUT_UNIQUE) !== unique) return this.#nonsense("a reply to another request");
    const error = this.#view.getInt32(at + OUT_ERROR, true);
    if (error > 0 || error < -ERRNO_MAX) return this.#nonsense(`error ${error}`);
    return error < 0 ? error : used - OUT_HEADER_BYTES;
  }

  #written(address: number, unique: number, used: number, size: number): number {
    const result = this.#reply(address, unique, used);
    if (result < 0) return result;
    if (result < WRITE_OUT_BYTES) return this.#nonsense(`a reply of ${result} bytes to a write`);
    const written = this.#view.getUint32(address - KERNEL_RAM_BASE + OUT_HEADER_BYTES, true);
    return written > size ? this.#nonsense(`${written} bytes written of ${size}`) : written;
  }

  #nonsense(what: string): number {
    this.#virtio.fail(what);
    return -EIO;
  }

  #startWaiting(): void {
    let started = false;
    while (this.#waiting.length > 0 && this.#freeSlots.length > 0) {
      const transfer = this.#waiting.shift() as Transfer;
      const slot = this.#freeSlots.pop() as number;
      this.#underWay[slot] = transfer;
      this.#build(slot, transfer);
      if (!this.#transfers.submit(slot)) {
        this.#underWay[slot] = null;
        this.#freeSlots.push(slot);
        this.#waiting.unshift(transfer);
        break;
      }
      started = true;
    }
    if (started) this.#transfers.kick();
  }

  #build(slot: number, transfer: Transfer): void {
    const input = this.#slots + slot * (SLOT_IN_BYTES + SLOT_OUT_BYTES);
    const output = input + SLOT_IN_BYTES;
    const queue = this.#transfers;
    const { opcode, nodeId, handle, address, offset, flags } = transfer;
    const size = Math.min(transfer.length, this.#transferMax);
    const argumentBytes = opcode === FUSE_FSYNC ? FSYNC_IN_BYTES : READ_IN_BYTES;
    const data = opcode === FUSE_WRITE ? size : 0;
    const at = input - KERNEL_RAM_BASE;
    this.#memory.kernelBytes.fill(0, at, at + SLOT_IN_BYTES + SLOT_OUT_BYTES);
    this.#uniques[slot] = this.#header(input, opcode, nodeId, IN_HEADER_BYTES + argumentBytes + data);
    queue.begin();
    queue.addReadable(input, IN_HEADER_BYTES + argumentBytes);
    if (opcode === FUSE_FSYNC) {
      setU64(this.#view, at + IN_HEADER_BYTES, handle);
      this.#view.setUint32(at + IN_HEADER_BYTES + 8, flags, true);
      queue.addWritable(output, OUT_HEADER_BYTES);
      return;
    }
    this.#arguments(input, handle, offset, size, flags);
    if (opcode === FUSE_WRITE) {
      queue.addReadable(address, size);
      queue.addWritable(output, OUT_HEADER_BYTES + WRITE_OUT_BYTES);
    } else {
      queue.addWritable(output, OUT_HEADER_BYTES);
      queue.addWritable(address, size);
    }
  }

  #ended(slot: number, used: number): void {
    const transfer = this.#underWay[slot];
    if (!transfer) return;
    const output = this.#slots + slot * (SLOT_IN_BYTES + SLOT_OUT_BYTES) + SLOT_IN_BYTES;
    const unique = this.#uniques[slot] as number;
    const result =
      transfer.opcode === FUSE_WRITE
        ? this.#written(output, unique, used, transfer.length)
        : this.#reply(output, unique, used);
    // A reply that made no sense has failed them all already.
    if (this.#underWay[slot] !== transfer) return;
    this.#underWay[slot] = null;
    this.#freeSlots.push(slot);
    transfer.complete(result);
  }

  /** The device is out of service: what was under way has failed. */
  #failAll(): void {
    for (let slot = 0; slot < SLOTS; slot++) {
      const transfer = this.#underWay[slot];
      if (!transfer) continue;
      this.#underWay[slot] = null;
      transfer.complete(-EIO);
    }
    for (const transfer of this.#waiting.splice(0)) transfer.complete(-EIO);
  }
}
