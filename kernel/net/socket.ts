/**
 * What all sockets have in common: a File with a domain, a type, options and two addresses. Stream and datagram sockets implement it;
 * the system calls (kernel/syscall/socket.ts) know nothing else of them.
 */

import { O_PATH, S_IFSOCK } from "../abi/fcntl.ts";
import { statAnonymous } from "../fs/anonymous.ts";
import type { File, Stat } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import type { Address } from "./address.ts";
import type { Ancillary, PeerCredentials } from "./ancillary.ts";
import type { IoVector } from "./io-vector.ts";
import type { SocketOptions } from "./socket-options.ts";

/** What a receive tells besides its bytes. */
export interface Received {
  /** The sender's address, of datagrams. */
  address: Address | null;
  /** What came with the bytes. Its files are the receiver's: to be released once they have descriptors, or none. */
  ancillary: Ancillary | null;
  /** MSG_TRUNC where a datagram did not fit. */
  flags: number;
}

export interface Socket extends File {
  readonly kind: "socket";
  readonly domain: number;
  /** SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. */
  readonly type: number;
  readonly options: SocketOptions;
  readonly listening: boolean;
  local: Address;
  /** Null while it is not connected. */
  readonly peer: Address | null;
  /** True if it holds a port or a name. */
  bound: boolean;
  /** Who is at the other end of an AF_UNIX connection (SO_PEERCRED); null where nobody knows. */
  readonly peerCredentials: PeerCredentials | null;
  /** A pending error, taken: SO_ERROR. */
  takeError(): number;
  listen(k: Kernel, backlog: number): number;
  /** A new socket, a negated errno, or WOULD_BLOCK. */
  accept(k: Kernel): Socket | number;
  connect(k: Kernel, to: Address): number;
  /** `ancillary`: its files are held once the call has taken bytes. */
  send(k: Kernel, data: IoVector, flags: number, to: Address | null, ancillary: Ancillary | null): number;
  receive(k: Kernel, into: IoVector, flags: number, received: Received): number;
  shutdown(k: Kernel, how: number): number;
}

/** A socket; what was opened with O_PATH is only the name of one. */
export function isSocket(file: File): file is Socket {
  return file.kind === "socket" && (file.flags & O_PATH) === 0;
}

export function statSocket(out: Stat): number {
  return statAnonymous(out, S_IFSOCK | 0o777);
}
