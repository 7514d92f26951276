/**
 * sendmsg(2), recvmsg(2), and both for several messages at once.
 */
import { EAGAIN, EFAULT } from "../../abi/errno.ts";
import {
  AF_UNIX,
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_NOSIGNAL,
  MSG_WAITFORONE,
  SOCK_STREAM,
} from "../../abi/socket.ts";
import { encodeAddress } from "../../net/address.ts";
import { releaseFiles } from "../../net/ancillary.ts";
import { IoVector } from "../../net/io-vector.ts";
import type { Received, Socket } from "../../net/socket.ts";
import type { Process } from "../../process/process.ts";
import { WOULD_BLOCK } from "../../sched/task.ts";
import { destination, socketOf } from "../socket.ts";
import { raiseBrokenPipe } from "./call-signal.ts";
import { MessageHeader, MMSGHDR_BYTES, MMSGHDR_LEN, readControl, writeControl } from "./message-header.ts";
import { timespecMs } from "./time-argument.ts";

/** UIO_MAXIOV: messages of one call. */
const MESSAGES_MAX = 1024;

const vector = new IoVector();
const received: Received = { address: null, ancillary: null, flags: 0 };

/** sendmsg(2). */
export function sys_sendmsg(k: Process, fd: number, msg: number, flags: number): number {
  const socket = socketOf(k, fd);
  return typeof socket === "number" ? socket : sendMessage(k, socket, msg >>> 0, flags);
}

/** recvmsg(2). */
export function sys_recvmsg(k: Process, fd: number, msg: number, flags: number): number {
  const socket = socketOf(k, fd);
  return typeof socket === "number" ? socket : receiveMessage(k, socket, msg >>> 0, flags);
}

/** sendmmsg(2): how many messages were sent. Only the first one waits. */
export function sys_sendmmsg(k: Process, fd: number, msgvec: number, vlen: number, flags: number): number {
  return eachMessage(k, fd, msgvec >>> 0, vlen >>> 0, (socket, ptr, later) =>
    sendMessage(k, socket, ptr, later ? flags | MSG_DONTWAIT : flags),
  );
}

/**
 * recvmmsg(2): how many messages were received. Only the first one waits, as long as it takes: the timeout is looked at behind each
 * message (recvmmsg(2), BUGS), and later ones do not wait.
 */
export function sys_recvmmsg(
  k: Process,
  fd: number,
  msgvec: number,
  vlen: number,
  flags: number,
  timeout: number,
): number {
  const timeoutMs = timeout === 0 ? -1 : timespecMs(k, timeout >>> 0);
  if (timeout !== 0 && timeoutMs < 0) return timeoutMs;
  return eachMessage(k, fd, msgvec >>> 0, vlen >>> 0, (socket, ptr, later) =>
    receiveMessage(k, socket, ptr, (later ? flags | MSG_DONTWAIT : flags) & ~MSG_WAITFORONE),
  );
}

/** The messages of a vector, until one fails; an error counts only if it is the first one's. */
function eachMessage(
  k: Process,
  fd: number,
  msgvec: number,
  vlen: number,
  transfer: (socket: Socket, ptr: number, later: boolean) => number,
): number {
  const socket = socketOf(k, fd);
  if (typeof socket === "number") return socket;
  const count = Math.min(vlen, MESSAGES_MAX);
  for (let i = 0; i < count; i++) {
    const ptr = msgvec + i * MMSGHDR_BYTES;
    const result = k.mem.has(ptr, MMSGHDR_BYTES) ? transfer(socket, ptr, i > 0) : -EFAULT;
    if (result < 0) return i > 0 ? i : result;
    k.mem.setU32(ptr + MMSGHDR_LEN, result);
    k.current.inflight = null; // how far this message had got is none of the next one's business
  }
  return count;
}

function sendMessage(k: Process, socket: Socket, ptr: number, flags: number): number {
  const header = MessageHeader.read(k, ptr, vector);
  if (typeof header === "number") return header;
  const ancillary = socket.domain === AF_UNIX ? readControl(k, header) : null;
  if (typeof ancillary === "number") return ancillary;
  const to = header.nameLength === 0 ? null : destination(k, socket, header.name, header.nameLength);
  if (typeof to === "number") return to;
  const result = socket.send(k, vector, flags, to, ancillary);
  return flags & MSG_NOSIGNAL || socket.type !== SOCK_STREAM ? result : raiseBrokenPipe(k, result);
}

function receiveMessage(k: Process, socket: Socket, ptr: number, flags: number): number {
  const header = MessageHeader.read(k, ptr, vector);
  if (typeof header === "number") return header;
  if (flags & MSG_ERRQUEUE) return -EAGAIN; // nothing is ever in it
  received.address = null;
  received.ancillary = null;
  received.flags = 0;
  const result = socket.receive(k, vector, flags & ~MSG_CMSG_CLOEXEC, received);
  if (result < 0 || result === WOULD_BLOCK) return result;
  const { address, ancillary } = received;
  const cloexec = (flags & MSG_CMSG_CLOEXEC) !== 0;
  const wantsCredentials = socket.domain === AF_UNIX && socket.options.passCredentials;
  const written = writeControl(k, header, ancillary, wantsCredentials, cloexec);
  if (ancillary) releaseFiles(k, ancillary);
  const name = k.mem.u8.subarray(header.name, header.name + header.nameLength);
  const nameLength = address === null || header.name === 0 ? 0 : encodeAddress(address, name);
  header.finish(k, nameLength, written.length, received.flags | written.flags | (flags & MSG_CMSG_CLOEXEC));
  return result;
}
