/**
 * What carries a stream socket's bytes out of the machine, as the socket sees it: a Connection of the socket driver, or the embedder's
 * own link (caller-link.ts).
 */
import type { ConnectionOwner } from "../virtio/socket-connection.ts";

export interface StreamLink {
  /** Whoever it belongs to; null once nobody does. */
  owner: ConnectionOwner | null;
  /** The descriptor that SENT events name. */
  ringFd: number;
  readonly established: boolean;
  /** It has ended: nothing is sent any more. */
  readonly dead: boolean;
  /** A copied send came up short: the owner wants to hear of room. */
  wantsCredit: boolean;
  /** True if a copied send would take something. */
  readonly canCopy: boolean;
  /** True while received bytes have been freed that the other side does not know of. */
  readonly creditListed: boolean;
  /** Sends without copying; the bytes are lent until the ring gets `token`. 0 or a negated errno. */
  sendLent(address: number, length: number, token: number): number;
  /** Sends what there is room for of [address, address + length), which the caller may reuse. Bytes, 0: no room; a negated errno. */
  sendCopied(address: number, length: number, gathers?: boolean): number;
  /** `bytes` of the receive buffer are free again. */
  consumed(bytes: number): void;
  /** No more sends. */
  shutdownSend(): void;
  /** The owner is gone; what waits is still sent. */
  close(): void;
  /** Ends it at once. */
  abort(errno?: number): void;
}
