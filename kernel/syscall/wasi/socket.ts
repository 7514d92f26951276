/**
 * Sockets: a program has those that it was given as preopened listeners, and what they accept.
 */
import { EBADF, EFAULT, EINVAL, EMFILE, ENOTSOCK } from "../../abi/errno.ts";
import { IOV_MAX, O_NONBLOCK } from "../../abi/fcntl.ts";
import { MSG_NOSIGNAL, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, SHUT_RD, SHUT_RDWR, SHUT_WR } from "../../abi/socket.ts";
import {
  ENOTCAPABLE,
  FDFLAGS_NONBLOCK,
  RIFLAGS_RECV_PEEK,
  RIFLAGS_RECV_WAITALL,
  RIGHT_FD_READ,
  RIGHT_FD_WRITE,
  RIGHT_SOCK_ACCEPT,
  RIGHT_SOCK_SHUTDOWN,
  RIGHTS_SOCKET,
  ROFLAGS_RECV_DATA_TRUNCATED,
  SDFLAGS_RD,
  SDFLAGS_WR,
} from "../../abi/wasi.ts";
import { releaseFiles } from "../../net/ancillary.ts";
import { IoVector } from "../../net/io-vector.ts";
import { isSocket, type Received, type Socket } from "../../net/socket.ts";
import type { WasiProcess } from "./row.ts";
import { wasiRow } from "./row.ts";

const message = new IoVector();
const received: Received = { address: null, ancillary: null, flags: 0 };

/** -EBADF, -ENOTSOCK and only then -ENOTCAPABLE: what is no socket has never had the right. */
function socketWith(k: WasiProcess, fd: number, right: number): Socket | number {
  const base = k.wasi.base[fd];
  if (base === undefined) return -EBADF;
  const file = k.fds.get(fd);
  if (!file || !isSocket(file)) return -ENOTSOCK;
  return (base & right) === right ? file : -ENOTCAPABLE;
}

export function sock_accept(k: WasiProcess, fd: number, flags: number, out: number): number {
  const socket = socketWith(k, fd, RIGHT_SOCK_ACCEPT);
  if (typeof socket === "number") return socket;
  if (flags & ~FDFLAGS_NONBLOCK) return -EINVAL;
  if (!k.mem.has(out >>> 0, 4)) return -EFAULT;
  if (!k.fds.hasRoom) return -EMFILE;
  const accepted = socket.accept(k);
  if (typeof accepted === "number") return accepted;
  if (flags & FDFLAGS_NONBLOCK) accepted.flags |= O_NONBLOCK;
  const opened = k.fds.open(accepted);
  k.wasi.grant(opened, RIGHTS_SOCKET, 0);
  k.mem.setU32(out >>> 0, opened);
  return 0;
}

export function sock_recv(
  k: WasiProcess,
  fd: number,
  iovs: number,
  count: number,
  flags: number,
  outLength: number,
  outFlags: number,
): number {
  const socket = socketWith(k, fd, RIGHT_FD_READ);
  if (typeof socket === "number") return socket;
  if (flags & ~(RIFLAGS_RECV_PEEK | RIFLAGS_RECV_WAITALL)) return -EINVAL;
  if (!k.mem.has(outLength >>> 0, 4) || !k.mem.has(outFlags >>> 0, 2)) return -EFAULT;
  const wrong = readVector(k, iovs, count);
  if (wrong !== 0) return wrong;
  received.ancillary = null;
  received.flags = 0;
  const how = (flags & RIFLAGS_RECV_PEEK ? MSG_PEEK : 0) | (flags & RIFLAGS_RECV_WAITALL ? MSG_WAITALL : 0);
  const bytes = socket.receive(k, message, how, received);
  if (received.ancillary) releaseFiles(k, received.ancillary);
  if (bytes < 0) return bytes;
  k.mem.setU32(outLength >>> 0, bytes);
  k.mem.setU16(outFlags >>> 0, received.flags & MSG_TRUNC ? ROFLAGS_RECV_DATA_TRUNCATED : 0);
  return 0;
}

export function sock_send(
  k: WasiProcess,
  fd: number,
  iovs: number,
  count: number,
  flags: number,
  outLength: number,
): number {
  const socket = socketWith(k, fd, RIGHT_FD_WRITE);
  if (typeof socket === "number") return socket;
  if (flags !== 0) return -EINVAL;
  if (!k.mem.has(outLength >>> 0, 4)) return -EFAULT;
  const wrong = readVector(k, iovs, count);
  if (wrong !== 0) return wrong;
  const bytes = socket.send(k, message, MSG_NOSIGNAL, null, null);
  if (bytes < 0) return bytes;
  k.mem.setU32(outLength >>> 0, bytes);
  return 0;
}

function readVector(k: WasiProcess, iovs: number, count: number): number {
  return count < 0 || count > IOV_MAX ? -EINVAL : message.read(k.mem, iovs >>> 0, count);
}

export function sock_shutdown(k: WasiProcess, fd: number, how: number): number {
  const socket = socketWith(k, fd, RIGHT_SOCK_SHUTDOWN);
  if (typeof socket === "number") return socket;
  if (how === SDFLAGS_RD) return socket.shutdown(k, SHUT_RD);
  if (how === SDFLAGS_WR) return socket.shutdown(k, SHUT_WR);
  return how === (SDFLAGS_RD | SDFLAGS_WR) ? socket.shutdown(k, SHUT_RDWR) : -EINVAL;
}

const BLOCKS = { blocks: true };

export const SOCKET_ROWS = [
  wasiRow("sock_accept", "fd:fd flags:i32 out:ptr", sock_accept, "has none", BLOCKS),
  wasiRow(
    "sock_recv",
    "fd:fd iovs:ptr count:i32 flags:i32 out_length:ptr out_flags:ptr",
    sock_recv,
    "answers ENOSYS",
    BLOCKS,
  ),
  wasiRow("sock_send", "fd:fd iovs:ptr count:i32 flags:i32 out_length:ptr", sock_send, "answers ENOSYS", BLOCKS),
  wasiRow("sock_shutdown", "fd:fd how:i32", sock_shutdown, "answers ENOSYS"),
];
