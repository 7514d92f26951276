/**
 * Connections that a listener has and nobody has accepted yet: requests from the host, and far ends of connections inside the machine.
 */
import type { Address } from "./address.ts";
import type { StreamSocket } from "./stream-socket.ts";

export interface Pending {
  /** The connection's number with the host; 0 inside the machine. */
  readonly hostPort: number;
  readonly guestPort: number;
  readonly peer: Address;
  readonly local: Address;
  /** Inside the machine: the socket that is to be accepted. */
  readonly socket: StreamSocket | null;
}

export class ListenQueue {
  /** listen(2): how many may wait. */
  backlog = 0;
  readonly #pending: Pending[] = [];

  get length(): number {
    return this.#pending.length;
  }

  get hasRoom(): boolean {
    return this.#pending.length < this.backlog;
  }

  /** False if the backlog is full. */
  offer(pending: Pending): boolean {
    if (!this.hasRoom) return false;
    this.#pending.push(pending);
    return true;
  }

  /** The one who has waited longest. */
  take(): Pending | null {
    return this.#pending.shift() ?? null;
  }

  /** A request of the host's is void. True if it was here. */
  withdraw(hostPort: number): boolean {
    const at = this.#pending.findIndex((pending) => pending.hostPort === hostPort && pending.socket === null);
    if (at < 0) return false;
    this.#pending.splice(at, 1);
    return true;
  }

  takeAll(): Pending[] {
    return this.#pending.splice(0);
  }
}
