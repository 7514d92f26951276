/**
 * An open regular file of a virtio-fs.
 *
 * Small transfers are done at once, on the device's synchronous queue. Syncs, and transfers of TRANSFER_PARK_BYTES and more, are handed over and
 * the caller parks, if it has a stack to park; the operations of the completion ring are handed over in any case when they are large. What
 * has been handed over is carried out in order, one at a time: it is the only way to keep the order of appends.
 */
import { EBADF, EFAULT, EINVAL, ENOTTY } from "../../abi/errno.ts";
import { O_ACCMODE, O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_RDWR, O_TRUNC } from "../../abi/fcntl.ts";
import { FIONREAD } from "../../abi/ioctl.ts";
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import type { Kernel } from "../../kernel.ts";
import type { GuestMemory } from "../../mem/guest-memory.ts";
import type { Inflight } from "../../sched/task.ts";
import { WaitQueue } from "../../sched/wait-queue.ts";
import { mayRead, mayWrite } from "../access.ts";
import type { AsyncFile, Completion } from "../async-file.ts";
import type { Durable, Mappable, Seekable, Stat } from "../file.ts";
import { seekTarget } from "../seek.ts";
import type { FuseInode } from "./fuse-fs.ts";
import { FUSE_FSYNC, FUSE_FSYNC_FDATASYNC, FUSE_READ, FUSE_RELEASE, FUSE_WRITE } from "./protocol.ts";
import type { Transfer } from "./session.ts";

/** From this size on a transfer is worth a park. */
const TRANSFER_PARK_BYTES = 1024 * 1024;
/** `offset` of an operation: the file's own, when its turn comes. */
const OWN_OFFSET = -1;
/** The file's offset is its end, wherever that is: after an append, until somebody asks. */
const AT_END = -1;

interface Operation {
  readonly opcode: Transfer["opcode"];
  readonly address: number;
  readonly length: number;
  readonly offset: number;
  readonly flags: number;
  readonly completion: Completion;
}

/** What a parked call waits for. */
class Park implements Inflight, Completion {
  readonly file: FuseFile;
  readonly uninterruptible = true;
  done = false;
  result = 0;
  /** The memory that the device works on: it stays where it is until then, even if its process ends. */
  readonly #mem: GuestMemory;

  constructor(file: FuseFile, mem: GuestMemory) {
    this.file = file;
    this.#mem = mem;
    mem.pin();
  }

  complete(result: number): void {
    this.result = result;
    this.done = true;
    this.#mem.unpin();
    this.file.transferred.wake(POLLIN | POLLOUT);
  }
}

export class FuseFile implements AsyncFile, Seekable, Durable, Mappable {
  readonly kind = "regular";
  flags: number;
  refs = 0;
  readonly waiters = new WaitQueue();
  readonly directory = null;
  readonly path: string;
  readonly inode: FuseInode;
  /** Where parked calls wait. */
  readonly transferred = new WaitQueue();
  #handle: number;
  /** The flags that the device's handle was opened with. */
  #handleFlags: number;
  /** For `store`, where #handle appends; 0: not open. */
  #storeHandle = 0;
  #offset = 0;
  readonly #queue: Operation[] = [];
  #busy = false;
  #closed = false;

  constructor(inode: FuseInode, handle: number, flags: number, path: string) {
    this.inode = inode;
    this.#handle = handle;
    this.#handleFlags = flags;
    this.flags = flags & ~(O_CREAT | O_EXCL | O_TRUNC);
    this.path = path;
    inode.hold();
  }

  get seekable(): Seekable {
    return this;
  }

  get durable(): Durable {
    return this;
  }

  get mappable(): Mappable {
    return this;
  }

  get home(): FuseInode {
    return this.inode;
  }

  read(kernel: Kernel, buf: number, count: number): number {
    if (!mayRead(this.flags)) return -EBADF;
    return this.#transfer(kernel, FUSE_READ, buf, count, OWN_OFFSET);
  }

  write(kernel: Kernel, buf: number, count: number): number {
    if (!mayWrite(this.flags)) return -EBADF;
    return this.#transfer(kernel, FUSE_WRITE, buf, count, OWN_OFFSET);
  }

  pread(kernel: Kernel, buf: number, count: number, offset: number): number {
    if (!mayRead(this.flags)) return -EBADF;
    if (offset < 0) return -EINVAL;
    return this.#transfer(kernel, FUSE_READ, buf, count, offset);
  }

  pwrite(kernel: Kernel, buf: number, count: number, offset: number): number {
    if (!mayWrite(this.flags)) return -EBADF;
    if (offset < 0) return -EINVAL;
    return this.#transfer(kernel, FUSE_WRITE, buf, count, offset);
  }

  seek(_kernel: Kernel, offset: number, whence: number): number {
    const size = this.inode.size(this.#handle);
    if (size < 0) return size;
    const target = seekTarget(offset, whence, this.#offset === AT_END ? size : this.#offset, size);
    if (target >= 0) this.#offset = target;
    return target;
  }

  truncate(_kernel: Kernel, length: number): number {
    if (!mayWrite(this.flags)) return -EINVAL;
    return this.inode.change({ size: length }, this.#handle);
  }

  sync(kernel: Kernel, dataOnly: boolean): number {
    return this.#parked(kernel, {
      opcode: FUSE_FSYNC,
      address: 0,
      length: 0,
      offset: 0,
      flags: dataOnly ? FUSE_FSYNC_FDATASYNC : 0,
    });
  }

  submitRead(kernel: Kernel, ptr: number, len: number, offset: number, completion: Completion): void {
    if (!mayRead(this.flags)) completion.complete(-EBADF);
    else
      this.#enqueue({ opcode: FUSE_READ, address: kernel.mem.base + ptr, length: len, offset, flags: 0, completion });
  }

  submitWrite(kernel: Kernel, ptr: number, len: number, offset: number, completion: Completion): void {
    if (!mayWrite(this.flags)) completion.complete(-EBADF);
    else
      this.#enqueue({ opcode: FUSE_WRITE, address: kernel.mem.base + ptr, length: len, offset, flags: 0, completion });
  }

  submitSync(_kernel: Kernel, dataOnly: boolean, completion: Completion): void {
    const flags = dataOnly ? FUSE_FSYNC_FDATASYNC : 0;
    this.#enqueue({ opcode: FUSE_FSYNC, address: 0, length: 0, offset: 0, flags, completion });
  }

  size(_kernel: Kernel): number {
    return this.inode.size(this.#handle);
  }

  load(_kernel: Kernel, target: Uint8Array, offset: number): number {
    return this.inode.loadHandle(this.#handle, target, offset);
  }

  store(_kernel: Kernel, address: number, length: number, offset: number): number {
    const appends = (this.#handleFlags & O_APPEND) !== 0;
    if (appends && this.#storeHandle === 0) {
      const handle = this.inode.openHandle(O_RDWR);
      if (handle < 0) return handle;
      this.#storeHandle = handle;
    }
    const handle = appends ? this.#storeHandle : this.#handle;
    return this.inode.fs.session.write(this.inode.nodeId, handle, address, length, offset, O_RDWR);
  }

  syncNow(_kernel: Kernel): number {
    return this.#syncNow(0);
  }

  poll(_kernel: Kernel): number {
    return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
  }

  /** What has been handed over is carried out first; then the device's handle goes. */
  close(_kernel: Kernel): void {
    this.#closed = true;
    if (!this.#busy) this.#release();
  }

  stat(_kernel: Kernel, out: Stat): number {
    return this.inode.statHandle(this.#handle, out);
  }

  ioctl(kernel: Kernel, request: number, arg: number): number {
    if (request !== FIONREAD) return -ENOTTY;
    if (!kernel.mem.has(arg, 4)) return -EFAULT;
    const size = this.inode.size(this.#handle);
    if (size < 0) return size;
    const offset = this.#offset === AT_END ? size : this.#offset;
    kernel.mem.setU32(arg, Math.max(0, Math.min(size - offset, 0x7fffffff)));
    return 0;
  }

  /** READ or WRITE for a caller that waits for it. */
  #transfer(kernel: Kernel, opcode: Transfer["opcode"], buf: number, length: number, offset: number): number {
    const address = kernel.mem.base + buf;
    const parks = length >= TRANSFER_PARK_BYTES && (this.flags & O_NONBLOCK) === 0;
    if (parks || kernel.current.inflight instanceof Park) {
      return this.#parked(kernel, { opcode, address, length, offset, flags: 0 });
    }
    return length === 0 ? 0 : this.#now(opcode, address, length, offset);
  }

  /** Hands the operation over and parks the caller; at once, if it cannot park. In the retry: its result. */
  #parked(kernel: Kernel, operation: Omit<Operation, "completion">): number {
    const { current } = kernel;
    const park = current.inflight;
    if (park instanceof Park) {
      if (park.file !== this) return -EBADF; // the descriptor has been closed, and its number used again, meanwhile
      if (!park.done) return kernel.block(this.transferred);
      current.inflight = null;
      return park.result;
    }
    if (!current.canPark) {
      if (operation.opcode === FUSE_FSYNC) return this.#syncNow(operation.flags);
      return this.#now(operation.opcode, operation.address, operation.length, operation.offset);
    }
    const mine = new Park(this, kernel.mem);
    current.inflight = mine;
    this.#enqueue({ ...operation, completion: mine });
    if (!mine.done) return kernel.block(this.transferred);
    current.inflight = null;
    return mine.result;
  }

  #enqueue(operation: Operation): void {
    this.#queue.push(operation);
    if (!this.#busy) this.#next();
  }

  /** Carries out what waits, as far as it does not have to be handed over. */
  #next(): void {
    for (let operation = this.#queue.shift(); operation; operation = this.#queue.shift()) {
      const { opcode, length } = operation;
      if (opcode === FUSE_FSYNC || length >= TRANSFER_PARK_BYTES) {
        this.#handOver(operation);
        return;
      }
      const { completion } = operation;
      completion.complete(length === 0 ? 0 : this.#now(opcode, operation.address, length, operation.offset));
    }
    if (this.#closed) this.#release();
  }

  #handOver(operation: Operation): void {
    const { opcode, address, length, completion } = operation;
    const offset = opcode === FUSE_FSYNC ? 0 : this.#prepare(opcode, operation.offset);
    if (offset < 0) {
      this.#busy = true;
      completion.complete(offset);
      this.#busy = false;
      this.#next();
      return;
    }
    this.#busy = true;
    const { session } = this.inode.fs;
    if (opcode === FUSE_READ) this.inode.shared?.sync(offset, offset + length);
    session.submit({
      opcode,
      nodeId: this.inode.nodeId,
      handle: this.#handle,
      address,
      length,
      offset,
      flags: opcode === FUSE_FSYNC ? operation.flags : this.flags & (O_ACCMODE | O_APPEND),
      complete: (result) => {
        if (opcode !== FUSE_FSYNC) this.#moved(opcode, operation.offset, offset, result);
        if (opcode === FUSE_WRITE) this.#written(offset, result);
        completion.complete(result);
        this.#busy = false;
        this.#next();
      },
    });
  }

  /** READ or WRITE on the synchronous queue. */
  #now(opcode: Transfer["opcode"], address: number, length: number, wanted: number): number {
    const offset = this.#prepare(opcode, wanted);
    if (offset < 0) return offset;
    const { session } = this.inode.fs;
    const { nodeId } = this.inode;
    const flags = this.flags & (O_ACCMODE | O_APPEND);
    if (opcode === FUSE_READ) this.inode.shared?.sync(offset, offset + length);
    const result =
      opcode === FUSE_READ
        ? session.read(nodeId, this.#handle, address, length, offset, flags)
        : session.write(nodeId, this.#handle, address, length, offset, flags);
    this.#moved(opcode, wanted, offset, result);
    if (opcode === FUSE_WRITE) this.#written(offset, result);
    return result;
  }

  /** The place in the file for an operation that begins now, or a negated errno. */
  #prepare(opcode: Transfer["opcode"], wanted: number): number {
    if (opcode === FUSE_WRITE && ((this.flags ^ this.#handleFlags) & O_APPEND) !== 0) {
      const result = this.#reopen();
      if (result < 0) return result;
    }
    if (wanted >= 0) return wanted;
    if (opcode === FUSE_WRITE && (this.flags & O_APPEND) !== 0) return 0; // the host knows where the end is
    if (this.#offset === AT_END) {
      const size = this.inode.size(this.#handle);
      if (size < 0) return size;
      this.#offset = size;
    }
    return this.#offset;
  }

  /** The file's own offset after an operation. */
  #moved(opcode: Transfer["opcode"], wanted: number, offset: number, result: number): void {
    if (wanted >= 0 || result <= 0) return;
    this.#offset = opcode === FUSE_WRITE && (this.flags & O_APPEND) !== 0 ? AT_END : offset + result;
  }

  /** Shared mappings of the file learn of what has been written. */
  #written(offset: number, result: number): void {
    const { shared } = this.inode;
    if (shared === null || result <= 0) return;
    const appended = (this.flags & O_APPEND) !== 0;
    shared.written(appended ? this.inode.size(this.#handle) - result : offset, result);
  }

  /** O_APPEND has been changed by F_SETFL: the device needs to know, for the host does the appending. */
  #reopen(): number {
    const handle = this.inode.openHandle(this.flags);
    if (handle < 0) return handle;
    this.inode.releaseHandle(FUSE_RELEASE, this.#handle);
    this.#handle = handle;
    this.#handleFlags = this.flags;
    return 0;
  }

  #syncNow(flags: number): number {
    return this.inode.syncHandle(this.#handle, flags);
  }

  #release(): void {
    if (this.#handle === 0) return;
    this.inode.releaseHandle(FUSE_RELEASE, this.#handle);
    if (this.#storeHandle !== 0) this.inode.releaseHandle(FUSE_RELEASE, this.#storeHandle);
    this.#handle = 0;
    this.inode.release();
  }
}
