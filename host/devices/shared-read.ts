/**
 * Reading host sockets into one buffer, instead of one new buffer for each read: Node's `onread` option (net.Socket). What arrives is
 * handed on synchronously and only lent; who cannot take all of it keeps a copy. For small messages this is a fifth of what a
 * connection costs (allocation, stream machinery, garbage).
 *
 * For connections that we make the option is all it takes. For those that a net.Server accepts there is no such option: the accepted
 * connection is moved to a socket of ours, by its handle, a property that Node has had from its first day but does not document. Where it
 * is missing, `adopt` answers null, and the accepted socket is read the usual way.
 */
import { type OnReadOpts, Socket } from "node:net";

/** Takes the first `count` bytes, which are lent for the call. False: no more until the stream is resumed. */
export type TakeBytes = (bytes: Uint8Array, count: number) => boolean;

const READ_BYTES = 65536;
/** Shared by all sockets of the process: it is free again when `take` returns. No Buffer: what looks like a copy of one may be a view. */
export const sharedBytes = new Uint8Array(READ_BYTES);
export const sharedWords = new Uint32Array(sharedBytes.buffer);

export function sharedRead(take: TakeBytes): OnReadOpts {
  return { buffer: sharedBytes, callback: (count) => take(sharedBytes, count) };
}

interface Accepted {
  _handle: object | null;
}

interface AdoptOptions {
  readonly handle: object;
  readonly allowHalfOpen: boolean;
  /** Reading begins with `resume`. */
  readonly pauseOnCreate: boolean;
  readonly onread: OnReadOpts;
}

/** The connection of `accepted`, which is paused and not used afterwards, as a socket that reads into the shared buffer; or null. */
export function adopt(accepted: Socket, take: TakeBytes): Socket | null {
  const holder = accepted as unknown as Accepted;
  const handle = holder._handle;
  if (typeof handle !== "object" || handle === null || accepted.destroyed) return null;
  const options: AdoptOptions = { handle, allowHalfOpen: true, pauseOnCreate: true, onread: sharedRead(take) };
  const socket = new Socket(options as object);
  if ((socket as unknown as Accepted)._handle !== handle) return null;
  holder._handle = null;
  return socket;
}
