/**
 * One stream connection over the socket device (virtio 1.2, 5.10.6): its two credit accounts and what waits to be sent.
 *
 * Sending. A lent send ([address, address + length) in guest memory, named by a token) is cut into packets of at most PACKET_BYTES;
 * at most UNDER_WAY_MAX packets belong to the device at a time, within the peer's credit; the rest waits here, in order. When its
 * last packet has come back used the token goes to the sink. A copied send takes what the credit allows and never waits; short ones may
 * be gathered (gathered-sends.ts).
 * Receiving. `consumed` returns credit; it travels with the next packet, or alone once half of the buffer has been freed.
 *
 * What always holds: every token given to `sendLent` reaches the sink exactly once, also after `close` and after a reset; `reset` of
 * the owner comes after that. Made and driven by SocketDriver; used by stream sockets.
 */
import { ECONNRESET, ENOBUFS, EPIPE } from "../abi/errno.ts";
import type { Address } from "../net/address.ts";
import { SLAB_BYTES } from "./gathered-sends.ts";
import type { SocketDriver } from "./socket.ts";
import {
  RINGZERO_FLAG_COPY,
  VIRTIO_VSOCK_OP_RST,
  VIRTIO_VSOCK_OP_SHUTDOWN,
  VIRTIO_VSOCK_SHUTDOWN_RCV,
  VIRTIO_VSOCK_SHUTDOWN_SEND,
} from "./socket-protocol.ts";

/** Whoever a connection belongs to: a stream socket. None of these may run the guest. */
export interface ConnectionOwner {
  /** The peer has accepted: `local` is our end's address. */
  connected(local: Address): void;
  /** `length` bytes lie at `address`. True: the owner keeps receive buffer `token`, and gives it back by itself. */
  arrived(token: number, address: number, length: number): boolean;
  /** The peer will send no more. */
  peerEnded(): void;
  /** There is credit again after a copied send came up short. */
  writable(): void;
  /** The connection is gone; `errno` is 0 after an orderly end. Nothing follows. */
  reset(errno: number): void;
}

/** Bytes we let the peer send ahead (buf_alloc). */
export const RECEIVE_BYTES_MAX = 256 * 1024;
export const PACKET_BYTES = 64 * 1024;
const UNDER_WAY_MAX = 4;
/** Lent sends that may wait in one connection. */
const SENDS_MAX = 65536;
/** Numbers in a record of `#sends`: address, bytes left, length in all, token. */
const RECORD = 4;

export class Connection {
  readonly guestPort: number;
  readonly hostPort: number;
  owner: ConnectionOwner | null;
  /** The descriptor that SENT events name. */
  ringFd = -1;
  established = false;
  /** No longer in the driver's table: nothing is sent any more. */
  dead = false;
  /** The peer has said that it sends no more. */
  peerShut = false;
  /** Packets that belong to the device. */
  underWay = 0;
  /** Receive side: bytes taken in, bytes freed, and what the peer knows of it. */
  rxCount = 0;
  fwdCount = 0;
  fwdTold = 0;
  /** True while it is on the driver's list of credit to be returned. */
  creditListed = false;
  /** Send side. */
  txCount = 0;
  peerBufAlloc = 0;
  peerFwdCount = 0;
  /** Gathered bytes: the slab they are in (-1: none), and how many. GatheredSends' own. */
  slab = -1;
  slabLength = 0;
  /** A copied send came up short: the owner wants to hear of credit. */
  wantsCredit = false;
  readonly #driver: SocketDriver;
  #shutdownWanted = 0;
  #shutdownSent = 0;
  /** Errno to be told to the owner once nothing is under way; -1: none. */
  #resetWith = -1;
  /** A ring of records. */
  #sends = new Float64Array(4 * RECORD);
  #sendHead = 0;
  #sendCount = 0;

  constructor(driver: SocketDriver, guestPort: number, hostPort: number, owner: ConnectionOwner | null) {
    this.#driver = driver;
    this.guestPort = guestPort;
    this.hostPort = hostPort;
    this.owner = owner;
  }

  /** Bytes that the peer has room for. */
  get credit(): number {
    const left = this.peerBufAlloc - ((this.txCount - this.peerFwdCount) >>> 0) - this.slabLength;
    return left > 0 ? left : 0;
  }

  /** Lent sends waiting. */
  get queued(): number {
    return this.#sendCount;
  }

  /** True if a copied send would take something. */
  get canCopy(): boolean {
    return this.established && this.#sendCount === 0 && this.credit > 0;
  }

  /** Sends without copying; the bytes are the device's until the sink gets `token`. 0 or a negated errno. */
  sendLent(address: number, length: number, token: number): number {
    if (this.dead || this.#shutdownWanted & VIRTIO_VSOCK_SHUTDOWN_SEND) return -EPIPE;
    if (this.slab >= 0) this.#driver.gathered.submit(this);
    if (this.#sendCount === 0 && this.established && this.underWay < UNDER_WAY_MAX && length <= PACKET_BYTES) {
      if (length <= this.credit && this.#driver.tx.sendData(this, address, length, 0, token, length)) return 0;
    }
    if (this.#sendCount >= SENDS_MAX) return -ENOBUFS;
    this.#enqueue(address, length, token);
    this.pump();
    return 0;
  }

  /**
   * Sends what the credit allows of [address, address + length); the caller may reuse the memory at once. Bytes, 0: no credit. `gathers`:
   * the driver will be flushed once the caller's stack has parked, so a short send may wait for others.
   */
  sendCopied(address: number, length: number, gathers = false): number {
    if (this.dead || this.#shutdownWanted & VIRTIO_VSOCK_SHUTDOWN_SEND) return -EPIPE;
    let done = 0;
    if (this.established && this.#sendCount === 0) {
      if (gathers && length <= SLAB_BYTES) {
        const taken = this.#driver.gathered.add(this, address, length);
        if (taken >= 0) {
          if (taken < length) this.wantsCredit = true;
          return taken;
        }
      }
      if (this.slab >= 0) this.#driver.gathered.submit(this);
      if (this.slab >= 0) {
        this.wantsCredit = true;
        return 0;
      }
      let room = Math.min(this.credit, length);
      while (room > 0) {
        const size = Math.min(room, PACKET_BYTES);
        if (!this.#driver.tx.sendData(this, address + done, size, RINGZERO_FLAG_COPY, 0, 0)) break;
        done += size;
        room -= size;
      }
    }
    if (done < length) this.wantsCredit = true;
    if (done > 0) this.#driver.flush();
    return done;
  }

  /** Hands over what credit and queue allow of what waits; then the shutdown that waits behind it. */
  pump(): void {
    if (this.slab >= 0) this.#driver.gathered.submit(this);
    while (this.#sendCount > 0 && this.established && this.underWay < UNDER_WAY_MAX) {
      const at = this.#sendHead * RECORD;
      const address = this.#sends[at] as number;
      const left = this.#sends[at + 1] as number;
      const size = Math.min(left, this.credit, PACKET_BYTES);
      if (size === 0) return;
      const token = this.#sends[at + 3] as number;
      const total = size === left ? (this.#sends[at + 2] as number) : 0;
      if (!this.#driver.tx.sendData(this, address, size, 0, token, total)) return;
      if (size === left) this.#dequeue();
      else {
        this.#sends[at] = address + size;
        this.#sends[at + 1] = left - size;
      }
    }
    if (
      this.#sendCount === 0 &&
      this.slab < 0 &&
      this.#shutdownWanted !== this.#shutdownSent &&
      this.established &&
      !this.dead
    ) {
      this.#shutdownSent = this.#shutdownWanted;
      this.#driver.control(this, VIRTIO_VSOCK_OP_SHUTDOWN, this.#shutdownSent);
    }
  }

  /** Credit or a slot may have come: an owner whose copied send came up short hears of it. */
  tellWritable(): void {
    if (!this.wantsCredit || !this.canCopy) return;
    this.wantsCredit = false;
    this.owner?.writable();
  }

  /** `bytes` of the receive buffer are free again. */
  consumed(bytes: number): void {
    this.fwdCount = (this.fwdCount + bytes) >>> 0;
    if ((this.fwdCount - this.fwdTold) >>> 0 >= RECEIVE_BYTES_MAX / 2 && !this.creditListed && !this.dead) {
      this.#driver.listCredit(this);
    }
  }

  /** No more sends: the peer sees the end of the stream once what waits has left. */
  shutdownSend(): void {
    this.#shutdownWanted |= VIRTIO_VSOCK_SHUTDOWN_SEND;
    this.pump();
    this.#driver.kick();
  }

  /** The owner is gone. What waits is still sent; then the peer is told that nobody is here any more. */
  close(): void {
    this.owner = null;
    if (this.dead) return;
    if (!this.established) {
      this.abort(0);
      return;
    }
    this.#shutdownWanted = VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND;
    this.pump();
    this.#driver.kick();
  }

  /** Ends the connection at once; the peer sees a reset. */
  abort(errno = ECONNRESET): void {
    if (this.dead) return;
    this.#driver.gathered.submit(this);
    this.#driver.control(this, VIRTIO_VSOCK_OP_RST, errno);
    this.end(errno);
    this.#driver.kick();
  }

  /** The connection is gone (the driver calls it for a RST, and `abort`). The owner hears of it once nothing is under way. */
  end(errno: number): void {
    if (this.dead) return;
    this.dead = true;
    this.#driver.forget(this);
    if (this.slab >= 0) this.#driver.gathered.release(this.slab);
    this.slab = -1;
    this.slabLength = 0;
    while (this.#sendCount > 0) {
      const token = this.#sends[this.#sendHead * RECORD + 3] as number;
      this.#dequeue();
      this.#driver.sink.sent(this.ringFd, token, -(errno || ECONNRESET));
    }
    this.#resetWith = errno;
    this.settle();
  }

  /** Tells the owner of the end if nothing is under way any more. */
  settle(): void {
    if (this.#resetWith < 0 || this.underWay > 0) return;
    const errno = this.#resetWith;
    this.#resetWith = -1;
    const owner = this.owner;
    this.owner = null;
    owner?.reset(errno);
  }

  #enqueue(address: number, length: number, token: number): void {
    let capacity = this.#sends.length / RECORD;
    if (this.#sendCount === capacity) {
      const sends = new Float64Array(capacity * 2 * RECORD);
      for (let i = 0; i < capacity; i++) {
        const from = ((this.#sendHead + i) & (capacity - 1)) * RECORD;
        sends.set(this.#sends.subarray(from, from + RECORD), i * RECORD);
      }
      this.#sends = sends;
      this.#sendHead = 0;
      capacity *= 2;
    }
    const at = ((this.#sendHead + this.#sendCount) & (capacity - 1)) * RECORD;
    this.#sends[at] = address;
    this.#sends[at + 1] = length;
    this.#sends[at + 2] = length;
    this.#sends[at + 3] = token;
    this.#sendCount++;
  }

  #dequeue(): void {
    this.#sendHead = (this.#sendHead + 1) & (this.#sends.length / RECORD - 1);
    this.#sendCount--;
  }
}
