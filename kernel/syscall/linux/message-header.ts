/**
 * `struct msghdr` and `struct cmsghdr` (recvmsg(2), cmsg(3)) as programs lay them out: x86-64's order with pointers of 32 bits.
 *
 *     msghdr, 36 bytes     u32 name, namelen, iov, i32 iovlen, pad, u32 control, controllen, pad, i32 flags
 *     cmsghdr, 16 bytes    u32 len (this header included), pad, i32 level, type; then the data, aligned to 8 bytes
 */
import { EBADF, EFAULT, EINVAL, EMSGSIZE, ENOBUFS, EPERM } from "../../abi/errno.ts";
import { IOV_MAX } from "../../abi/fcntl.ts";
import { MSG_CTRUNC, SCM_CREDENTIALS, SCM_MAX_FD, SCM_RIGHTS, SOL_SOCKET } from "../../abi/socket.ts";
import type { File } from "../../fs/file.ts";
import type { Ancillary, PeerCredentials } from "../../net/ancillary.ts";
import type { IoVector } from "../../net/io-vector.ts";
import type { Process } from "../../process/process.ts";

export const MSGHDR_BYTES = 36;
/** `struct mmsghdr`: a msghdr and the bytes transferred. */
export const MMSGHDR_BYTES = 40;
export const MMSGHDR_LEN = 36;
const CMSGHDR_BYTES = 16;
const UCRED_BYTES = 12;
const SOCKADDR_STORAGE_BYTES = 128;
const INT_MAX = 0x7fffffff;
const OVERFLOW_ID = 65534;

/** A msghdr, read and checked. */
export class MessageHeader {
  readonly #ptr: number;
  readonly name: number;
  /** At most what an address has. */
  readonly nameLength: number;
  readonly control: number;
  readonly controlLength: number;

  private constructor(k: Process, ptr: number) {
    const { mem } = k;
    this.#ptr = ptr;
    this.name = mem.getU32(ptr);
    this.nameLength = this.name === 0 ? 0 : Math.min(mem.getI32(ptr + 4), SOCKADDR_STORAGE_BYTES);
    this.control = mem.getU32(ptr + 20);
    this.controlLength = mem.getU32(ptr + 24);
  }

  /** The msghdr at `ptr`, its pieces in `vector`; or a negated errno, in Linux' order. */
  static read(k: Process, ptr: number, vector: IoVector): MessageHeader | number {
    const { mem } = k;
    if (!mem.has(ptr, MSGHDR_BYTES)) return -EFAULT;
    const header = new MessageHeader(k, ptr);
    if (header.nameLength < 0) return -EINVAL;
    if (header.nameLength > 0 && !mem.has(header.name, header.nameLength)) return -EFAULT;
    const pieces = mem.getI32(ptr + 12);
    if (pieces < 0 || pieces > IOV_MAX) return -EMSGSIZE;
    const wrong = vector.read(mem, mem.getU32(ptr + 8), pieces);
    return wrong === 0 ? header : wrong;
  }

  /** Stores what a receive tells. `nameLength` and `controlLength` are those of what has been written. */
  finish(k: Process, nameLength: number, controlLength: number, flags: number): void {
    const { mem } = k;
    if (this.name !== 0) mem.setU32(this.#ptr + 4, nameLength);
    mem.setU32(this.#ptr + 24, controlLength);
    mem.setU32(this.#ptr + 32, flags);
  }
}

/** The control messages that go with a message to be sent: null for none, or a negated errno. Nothing is held yet. */
export function readControl(k: Process, header: MessageHeader): Ancillary | number | null {
  const { mem } = k;
  const { control, controlLength } = header;
  if (control === 0 || controlLength === 0) return null;
  if (controlLength > INT_MAX) return -ENOBUFS;
  if (!mem.has(control, controlLength)) return -EFAULT;
  const files: File[] = [];
  let credentials: PeerCredentials | null = null;
  for (let at = 0; at + CMSGHDR_BYTES <= controlLength; ) {
    const ptr = control + at;
    const length = mem.getU32(ptr);
    if (length < CMSGHDR_BYTES || length > controlLength - at) return -EINVAL;
    const data = length - CMSGHDR_BYTES;
    if (mem.getI32(ptr + 8) === SOL_SOCKET) {
      const type = mem.getI32(ptr + 12);
      if (type === SCM_RIGHTS) {
        const wrong = readFiles(k, ptr + CMSGHDR_BYTES, Math.floor(data / 4), files);
        if (wrong !== 0) return wrong;
      } else if (type === SCM_CREDENTIALS) {
        if (data !== UCRED_BYTES) return -EINVAL;
        const given = readCredentials(k, ptr + CMSGHDR_BYTES);
        if (typeof given === "number") return given;
        credentials = given;
      } else return -EINVAL;
    }
    at += align(length);
  }
  return files.length > 0 || credentials ? { files, credentials } : null;
}

function readFiles(k: Process, ptr: number, count: number, files: File[]): number {
  if (files.length + count > SCM_MAX_FD) return -EINVAL;
  for (let i = 0; i < count; i++) {
    const file = k.fds.get(k.mem.getI32(ptr + i * 4));
    if (!file) return -EBADF;
    files.push(file);
  }
  return 0;
}

/** A process says who it is; only root may say that it is somebody else (unix(7)). */
function readCredentials(k: Process, ptr: number): PeerCredentials | number {
  const given = { pid: k.mem.getI32(ptr), uid: k.mem.getU32(ptr + 4), gid: k.mem.getU32(ptr + 8) };
  const { credentials } = k;
  const isOwn = given.pid === k.pid && credentials.ownsUid(given.uid) && credentials.ownsGid(given.gid);
  return isOwn || credentials.isPrivileged ? given : -EPERM;
}

/** What `writeControl` has written. */
export interface WrittenControl {
  length: number;
  /** MSG_CTRUNC if not everything fitted. */
  flags: number;
}

/**
 * Writes what came with a received message, as much as fits; files get descriptors. `wantsCredentials`: SO_PASSCRED. The files remain the
 * caller's to release.
 */
export function writeControl(
  k: Process,
  header: MessageHeader,
  ancillary: Ancillary | null,
  wantsCredentials: boolean,
  cloexec: boolean,
): WrittenControl {
  const { control } = header;
  const room = control === 0 || !k.mem.has(control, header.controlLength) ? 0 : header.controlLength;
  const written: WrittenControl = { length: 0, flags: 0 };
  if (wantsCredentials) {
    const { pid, uid, gid } = ancillary?.credentials ?? { pid: 0, uid: OVERFLOW_ID, gid: OVERFLOW_ID };
    writeMessage(k, control, room, written, SCM_CREDENTIALS, [pid, uid, gid]);
  }
  const files = ancillary?.files ?? [];
  if (files.length === 0) return written;
  const fits = Math.max(0, Math.floor((room - written.length - CMSGHDR_BYTES) / 4));
  const fds: number[] = [];
  for (const file of files.slice(0, fits)) {
    const fd = k.fds.open(file, cloexec);
    if (fd < 0) break;
    fds.push(fd);
  }
  if (fds.length > 0) writeMessage(k, control, room, written, SCM_RIGHTS, fds);
  if (fds.length < files.length) written.flags |= MSG_CTRUNC;
  return written;
}

/** One control message of SOL_SOCKET whose data are words of 32 bits; cut where there is no room (put_cmsg). */
function writeMessage(
  k: Process,
  control: number,
  room: number,
  written: WrittenControl,
  type: number,
  words: readonly number[],
): void {
  const { mem } = k;
  const ptr = control + written.length;
  const left = room - written.length;
  if (left < CMSGHDR_BYTES) {
    written.flags |= MSG_CTRUNC;
    return;
  }
  const length = Math.min(CMSGHDR_BYTES + words.length * 4, left);
  if (length < CMSGHDR_BYTES + words.length * 4) written.flags |= MSG_CTRUNC;
  mem.setU32(ptr, length);
  mem.setU32(ptr + 4, 0);
  mem.setU32(ptr + 8, SOL_SOCKET);
  mem.setU32(ptr + 12, type);
  const count = Math.floor((length - CMSGHDR_BYTES) / 4);
  for (let i = 0; i < count; i++) mem.setU32(ptr + CMSGHDR_BYTES + i * 4, (words[i] as number) >>> 0);
  written.length += Math.min(align(length), left);
}

function align(length: number): number {
  return (length + 7) & ~7;
}
