/**
 * A stream socket attached to the completion ring (ring_attach): what the guest is told about it, in the order in which it happened.
 *
 * Received bytes go to the guest where the device has put them, without a stop, as long as nothing waits before them; otherwise they
 * wait in the socket's queue and are copied into the guest's buffers when the ring collects. EOF and HANGUP are told once, behind the
 * bytes. Made by StreamSocket.attach; used by it and by the ring's system calls.
 */
import { O_NONBLOCK } from "../abi/fcntl.ts";
import type { Kernel } from "../kernel.ts";
import { RING_ACCEPT, RING_CONNECTED, RING_EOF, RING_HANGUP } from "../ring/event-queue.ts";
import type { Ring, RingSource } from "../ring/ring.ts";
import type { StreamSocket } from "./stream-socket.ts";
import { STREAM_CONNECTING, STREAM_GONE, STREAM_LISTENING, STREAM_NEW } from "./stream-state.ts";

export class StreamRingSide implements RingSource {
  ringListed = false;
  readonly fd: number;
  /** ring_pause: received bytes wait in the socket. */
  paused = false;
  readonly #ring: Ring;
  readonly #socket: StreamSocket;
  #user: number;
  #closed = false;
  #eofTold = false;
  #hangupTold = false;

  constructor(ring: Ring, fd: number, user: number, socket: StreamSocket) {
    this.#ring = ring;
    this.fd = fd;
    this.#user = user;
    this.#socket = socket;
  }

  /** Something has happened to the socket: the ring will collect. */
  list(): void {
    this.#ring.list(this);
  }

  /** Bytes lie in receive buffer `token`, which the ring gives back. */
  received(address: number, length: number, token: number): void {
    this.#ring.pushReceived(this.fd, this.#user, address, length, token);
  }

  /** Bytes that are copied into a buffer of the guest's, from `from` on; how many. */
  receiveCopy(bytes: Uint8Array, from: number): number {
    return this.#ring.pushCopy(this.fd, this.#user, bytes, from);
  }

  setUser(user: number): void {
    this.#user = user;
    this.#ring.rename(this.fd, user);
  }

  pause(on: boolean): void {
    if (this.paused === on) return;
    this.paused = on;
    if (!on) this.list();
  }

  /** The descriptor is closed. */
  close(): void {
    this.#closed = true;
    this.#ring.forget(this.fd);
  }

  collect(k: Kernel, ring: Ring): boolean {
    if (this.#closed) return false;
    const { fd } = this;
    const socket = this.#socket;
    if (socket.state === STREAM_LISTENING) {
      this.#acceptAll(k);
      return false;
    }
    if (!socket.connectTold && socket.state !== STREAM_CONNECTING) {
      socket.connectTold = true;
      const failed = socket.state === STREAM_NEW;
      ring.push(RING_CONNECTED, fd, this.#user, failed ? -socket.takeError() : 0);
      if (failed) return false;
    }
    const { received } = socket;
    while (received.length > 0 && !this.paused) {
      if (!ring.hasBuffers) {
        ring.awaitBuffers(this);
        break;
      }
      const size = ring.pushWaiting(fd, this.#user, received);
      if (size === 0) return true;
      socket.freed(size);
    }
    const drained = received.length === 0 && !this.paused;
    if (drained && socket.ended && !this.#eofTold && socket.goneWith === 0) {
      this.#eofTold = true;
      ring.push(RING_EOF, fd, this.#user, 0);
    }
    if (socket.state === STREAM_GONE && !this.#hangupTold && (drained || socket.goneWith !== 0)) {
      this.#hangupTold = true;
      ring.push(RING_HANGUP, fd, this.#user, -socket.goneWith);
    }
    return false;
  }

  /** Accepts everybody; who finds no descriptor is refused. */
  #acceptAll(k: Kernel): void {
    for (let accepted = this.#socket.takePending(); accepted; accepted = this.#socket.takePending()) {
      accepted.flags |= O_NONBLOCK;
      const fd = k.fds.open(accepted);
      if (fd < 0) {
        accepted.refs = 0;
        accepted.abort(k);
        continue;
      }
      accepted.attach(this.#ring, fd, this.#user);
      this.#ring.push(RING_ACCEPT, this.fd, this.#user, fd);
    }
  }
}
