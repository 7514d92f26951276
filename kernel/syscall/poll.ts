/**
 * poll(2).
 */
import { EFAULT, EINVAL } from "../abi/errno.ts";
import { POLLERR, POLLHUP, POLLNVAL } from "../abi/poll.ts";
import { FD_MAX } from "../fs/fd-table.ts";
import type { Kernel } from "../kernel.ts";
import { WOULD_BLOCK } from "../sched/task.ts";
import type { WaitQueue } from "../sched/wait-queue.ts";

/** `struct pollfd`: i32 fd, i16 events, i16 revents. */
const POLLFD_BYTES = 8;

/** poll(2): how many of the `nfds` entries have something to say; a negative timeout waits for ever. */
export function sys_poll(k: Kernel, fds: number, nfds: number, timeoutMs: number): number {
  const count = nfds >>> 0;
  if (count > FD_MAX) return -EINVAL;
  const ptr = fds >>> 0;
  if (!k.mem.has(ptr, count * POLLFD_BYTES)) return -EFAULT;
  let ready = 0;
  for (let i = 0; i < count; i++) {
    const at = ptr + i * POLLFD_BYTES;
    const fd = k.mem.getI32(at);
    const revents = fd < 0 ? 0 : bitsOf(k, fd, k.mem.getU16(at + 4));
    k.mem.setU16(at + 6, revents);
    if (revents !== 0) ready++;
  }
  if (ready > 0 || timeoutMs === 0) {
    const yielded = yieldNow(k, timeoutMs);
    return yielded === WOULD_BLOCK ? yielded : ready;
  }
  if (k.timedOut()) return 0;
  const queues = new Set<WaitQueue>();
  for (let i = 0; i < count; i++) {
    const fd = k.mem.getI32(ptr + i * POLLFD_BYTES);
    const file = fd < 0 ? null : k.fds.get(fd);
    if (file !== null) queues.add(file.waiters);
  }
  return k.blockOnAll([...queues], timeoutMs);
}

/**
 * A call that answers at once lets other threads, and now and then the host's event loop, run first: a thread that only ever polls
 * what is ready must not starve those who make things ready. WOULD_BLOCK if it does; the retry then looks again.
 */
export function yieldNow(k: Kernel, timeoutMs: number): number {
  const task = k.current;
  if (task.retrying || !task.canPark) return 0;
  const yielded = k.scheduler.yieldNow();
  // The retry may find nothing left and wait: its deadline counts from now.
  if (yielded === WOULD_BLOCK) {
    task.deadlineMs = timeoutMs < 0 ? Number.POSITIVE_INFINITY : k.clock.monotonicMs() + timeoutMs;
  }
  return yielded;
}

function bitsOf(k: Kernel, fd: number, events: number): number {
  const file = k.fds.get(fd);
  if (file === null) return POLLNVAL;
  return file.poll(k) & (events | POLLERR | POLLHUP);
}
