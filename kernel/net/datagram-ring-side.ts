/**
 * A datagram socket that delivers to the completion ring (ring_datagrams): each datagram is one event, in a receive buffer of the guest's, with its
 * sender's address before it.
 *
 * Datagrams from the host stay where the device has put them as long as nothing waits before them; others (from inside the machine, or that came
 * before the guest gave buffers) wait in the socket's queue and are copied when the ring collects. Made by DatagramSocket.attach.
 */
import type { Kernel } from "../kernel.ts";
import type { Ring, RingSource } from "../ring/ring.ts";
import type { DatagramSocket } from "./datagram-socket.ts";

export class DatagramRingSide implements RingSource {
  ringListed = false;
  readonly #ring: Ring;
  readonly #fd: number;
  readonly #socket: DatagramSocket;
  #user: number;
  #closed = false;

  constructor(ring: Ring, fd: number, user: number, socket: DatagramSocket) {
    this.#ring = ring;
    this.#fd = fd;
    this.#user = user;
    this.#socket = socket;
  }

  /** Something waits in the socket's queue. */
  list(): void {
    this.#ring.list(this);
  }

  /** A datagram of `length` bytes lies at `address`, in receive buffer `token`, which the ring gives back. */
  received(address: number, length: number, token: number): void {
    this.#ring.pushDatagram(this.#fd, this.#user, address, length, token);
  }

  setUser(user: number): void {
    this.#user = user;
    this.#ring.rename(this.#fd, user);
  }

  /** The descriptor is closed. */
  close(): void {
    this.#closed = true;
    this.#ring.forget(this.#fd);
  }

  collect(_kernel: Kernel, ring: Ring): boolean {
    const socket = this.#socket;
    while (!this.#closed && socket.next !== null) {
      if (!ring.hasBuffers) {
        ring.awaitBuffers(this);
        return false;
      }
      const { from, bytes } = socket.next;
      if (!ring.pushDatagramCopy(this.#fd, this.#user, from, bytes)) return true;
      socket.taken();
    }
    return false;
  }
}
