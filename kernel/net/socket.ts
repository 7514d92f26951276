/**
 * What all sockets have in common: a File with a domain, a type, options and two addresses. Stream and datagram sockets implement it;
 * the system calls (kernel/syscall/socket.ts) know nothing else of them.
 */

import { S_IFSOCK } from "../abi/fcntl.ts";
import { statAnonymous } from "../fs/anonymous.ts";
import type { File, Stat } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import type { Address } from "./address.ts";
import type { SocketOptions } from "./socket-options.ts";

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
  /** A pending error, taken: SO_ERROR. */
  takeError(): number;
  listen(k: Kernel, backlog: number): number;
  /** A new socket, a negated errno, or WOULD_BLOCK. */
  accept(k: Kernel): Socket | number;
  connect(k: Kernel, to: Address): number;
  send(k: Kernel, buf: number, count: number, flags: number, to: Address | null): number;
  /** `from.address` is the sender's address, for datagrams. */
  receive(k: Kernel, buf: number, count: number, flags: number, from: { address: Address | null }): number;
  shutdown(k: Kernel, how: number): number;
}

export function isSocket(file: File): file is Socket {
  return file.kind === "socket";
}

export function statSocket(out: Stat): number {
  return statAnonymous(out, S_IFSOCK | 0o777);
}
