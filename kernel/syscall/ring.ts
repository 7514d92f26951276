/**
 * System calls of the completion ring, as guests/lib/sys.ts describes them.
 */

import { EBADF, EBUSY, EEXIST, EFAULT, EINVAL, ENOENT, ENOMEM, EOPNOTSUPP } from "../abi/errno.ts";
import { AF_UNIX } from "../abi/socket.ts";
import { type Completion, submitRead, submitSync, submitWrite } from "../fs/async-file.ts";
import type { File } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import { DatagramSocket } from "../net/datagram-socket.ts";
import { StreamSocket } from "../net/stream-socket.ts";
import { Attachment } from "../ring/attachment.ts";
import { RING_EVENT_BYTES } from "../ring/event-queue.ts";
import { Ring } from "../ring/ring.ts";
import { ADDRESS_SLOT_BYTES } from "../virtio/socket-protocol.ts";

const EVENTS_MAX = 65536;
const BUFFER_BYTES_MIN = 512;
const BUFFER_BYTES_MAX = 1 << 24;
const BUFFERS_MAX = 65536;
/** How far ahead a timer may be: longer than any machine lives. */
const DELAY_MS_MAX = 2 ** 48;

export function sys_ring_setup(k: Kernel, events: number, capacity: number): number {
  const ptr = events >>> 0;
  if (capacity < 1 || capacity > EVENTS_MAX || ptr % 8 !== 0) return -EINVAL;
  if (ptr === 0 || !k.mem.has(ptr, capacity * RING_EVENT_BYTES)) return -EFAULT;
  if (k.ring) return -EBUSY;
  const ring = new Ring(k, ptr, capacity);
  k.ring = ring;
  k.net.driver.sink = ring;
  return 0;
}

export function sys_ring_buffers(k: Kernel, base: number, size: number, count: number): number {
  const { ring } = k;
  const ptr = base >>> 0;
  if (size < BUFFER_BYTES_MIN || size > BUFFER_BYTES_MAX || count < 1 || count > BUFFERS_MAX) return -EINVAL;
  if (ptr === 0 || !k.mem.has(ptr, size * count)) return -EFAULT;
  if (!ring) return -EINVAL;
  if (ring.hasBuffers) return -EBUSY;
  ring.setBuffers(ptr, size, count);
  return 0;
}

export function sys_ring_attach(k: Kernel, fd: number, user: number): number {
  const { ring } = k;
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (!ring) return -EINVAL;
  if (file instanceof StreamSocket) return file.attach(ring, fd, user) ? 0 : -EEXIST;
  if (file.kind === "regular" || file.kind === "directory" || file.kind === "symlink") return -EOPNOTSUPP;
  const known = ring.attachments.get(fd);
  if (known?.file === file || (file instanceof DatagramSocket && file.ringSide)) return -EEXIST;
  if (known) known.file.waiters.remove(known);
  const attachment = new Attachment(ring, fd, file, user);
  ring.attachments.set(fd, attachment);
  file.waiters.add(attachment);
  ring.list(attachment); // it may be ready already
  return 0;
}

export function sys_ring_user(k: Kernel, fd: number, user: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (file instanceof StreamSocket) {
    if (!file.ringSide) return -EINVAL;
    file.ringSide.setUser(user);
    return 0;
  }
  if (file instanceof DatagramSocket && file.ringSide) {
    file.ringSide.setUser(user);
    return 0;
  }
  const attachment = k.ring?.attachments.get(fd);
  if (attachment?.file !== file) return -EINVAL;
  attachment.user = user;
  k.ring?.rename(fd, user);
  return 0;
}

export function sys_ring_send(k: Kernel, fd: number, ptr: number, len: number, token: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (len < 0) return -EINVAL;
  if (!k.mem.has(ptr >>> 0, len)) return -EFAULT;
  if (!k.ring) return -EINVAL;
  if (!(file instanceof StreamSocket)) return -EOPNOTSUPP;
  return file.sendLent(k.ring, fd, ptr >>> 0, len, token);
}

export function sys_ring_datagrams(k: Kernel, fd: number, user: number): number {
  const { ring } = k;
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (!ring) return -EINVAL;
  if (!(file instanceof DatagramSocket) || file.domain === AF_UNIX) return -EOPNOTSUPP;
  if (ring.attachments.get(fd)?.file === file) return -EEXIST;
  return file.attach(ring, fd, user) ? 0 : -EEXIST;
}

export function sys_ring_sendto(k: Kernel, fd: number, ptr: number, len: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (len < 0) return -EINVAL;
  const slot = (ptr >>> 0) - ADDRESS_SLOT_BYTES;
  if (slot < 0 || !k.mem.has(slot, ADDRESS_SLOT_BYTES + len)) return -EFAULT;
  if (!k.ring) return -EINVAL;
  return file instanceof DatagramSocket ? file.sendSlotted(k, ptr >>> 0, len) : -EOPNOTSUPP;
}

export function sys_ring_pause(k: Kernel, fd: number, paused: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (!(file instanceof StreamSocket) || !file.ringSide || file.listening) return -EINVAL;
  file.ringSide.pause(paused !== 0);
  return 0;
}

export function sys_ring_timer(k: Kernel, delayMs: number, user: number): number {
  if (!k.ring || Number.isNaN(delayMs)) return -EINVAL;
  const delay = Math.min(Math.max(delayMs, 0), DELAY_MS_MAX);
  return k.ring.startTimer(k.clock.monotonicMs() + delay, user) || -ENOMEM;
}

export function sys_ring_timer_cancel(k: Kernel, id: number): number {
  return k.ring?.stopTimer(id) ? 0 : -ENOENT;
}

export function sys_ring_read(k: Kernel, fd: number, ptr: number, len: number, offset: number, token: number): number {
  const file = checkTransfer(k, fd, ptr, len, offset);
  if (typeof file === "number") return file;
  submitRead(k, file, ptr >>> 0, len, offset, new FileCompletion(k.ring as Ring, fd, token));
  return 0;
}

export function sys_ring_write(k: Kernel, fd: number, ptr: number, len: number, offset: number, token: number): number {
  const file = checkTransfer(k, fd, ptr, len, offset);
  if (typeof file === "number") return file;
  submitWrite(k, file, ptr >>> 0, len, offset, new FileCompletion(k.ring as Ring, fd, token));
  return 0;
}

export function sys_ring_fsync(k: Kernel, fd: number, datasync: number, token: number): number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (!k.ring || !file.durable) return -EINVAL;
  submitSync(k, file, datasync !== 0, new FileCompletion(k.ring, fd, token));
  return 0;
}

function checkTransfer(k: Kernel, fd: number, ptr: number, len: number, offset: number): File | number {
  const file = k.fds.get(fd);
  if (!file) return -EBADF;
  if (len < 0 || Number.isNaN(offset)) return -EINVAL;
  if (!k.mem.has(ptr >>> 0, len)) return -EFAULT;
  return k.ring ? file : -EINVAL;
}

/** A file request under way. */
class FileCompletion implements Completion {
  readonly ring: Ring;
  readonly fd: number;
  readonly token: number;

  constructor(ring: Ring, fd: number, token: number) {
    this.ring = ring;
    this.fd = fd;
    this.token = token;
  }

  complete(result: number): void {
    this.ring.fileDone(this.fd, this.token, result);
  }
}
