/**
 * epoll_create1(2), epoll_ctl(2), epoll_wait(2). `struct epoll_event` is packed: u32 events, u64 data.
 */
import { EBADF, EFAULT, EINVAL, EPERM } from "../abi/errno.ts";
import { O_CLOEXEC, O_RDWR } from "../abi/fcntl.ts";
import { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD } from "../abi/poll.ts";
import { ConsoleFile } from "../fs/console-file.ts";
import { Epoll } from "../fs/epoll.ts";
import type { File } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";
import { WOULD_BLOCK } from "../sched/task.ts";
import { yieldNow } from "./poll.ts";

const EPOLL_EVENT_BYTES = 12;
const EVENTS_MAX = Math.floor(0x7fffffff / EPOLL_EVENT_BYTES);

export function sys_epoll_create1(k: Kernel, flags: number): number {
  if (flags & ~O_CLOEXEC) return -EINVAL;
  return k.fds.open(new Epoll(O_RDWR), (flags & O_CLOEXEC) !== 0);
}

export function sys_epoll_ctl(k: Kernel, epfd: number, op: number, fd: number, event: number): number {
  const ptr = event >>> 0;
  const takesEvent = op !== EPOLL_CTL_DEL;
  if (takesEvent && !k.mem.has(ptr, EPOLL_EVENT_BYTES)) return -EFAULT;
  const epoll = k.fds.get(epfd);
  const file = k.fds.get(fd);
  if (epoll === null || file === null) return -EBADF;
  if (!canBeWatched(file)) return -EPERM;
  if (!(epoll instanceof Epoll) || file === epoll) return -EINVAL;
  if (op === EPOLL_CTL_DEL) return epoll.remove(fd, file);
  const events = k.mem.getI32(ptr);
  const dataLow = k.mem.getU32(ptr + 4);
  const dataHigh = k.mem.getU32(ptr + 8);
  if (op === EPOLL_CTL_ADD) return epoll.add(k, fd, file, events, dataLow, dataHigh);
  if (op === EPOLL_CTL_MOD) return epoll.modify(k, fd, file, events, dataLow, dataHigh);
  return -EINVAL;
}

/** epoll_ctl(2), EPERM: files that are always ready, such as regular ones and /dev/null, have nothing to wait for. */
function canBeWatched(file: File): boolean {
  if (file.kind === "character") return file instanceof ConsoleFile;
  return file.kind !== "regular" && file.kind !== "directory" && file.kind !== "symlink";
}

/** epoll_wait(2): up to `maxevents` events at `events`; a negative timeout waits for ever. */
export function sys_epoll_wait(k: Kernel, epfd: number, events: number, maxevents: number, timeoutMs: number): number {
  const epoll = k.fds.get(epfd);
  if (epoll === null) return -EBADF;
  if (maxevents <= 0 || maxevents > EVENTS_MAX) return -EINVAL;
  const ptr = events >>> 0;
  if (!k.mem.has(ptr, maxevents * EPOLL_EVENT_BYTES)) return -EFAULT;
  if (!(epoll instanceof Epoll)) return -EINVAL;
  if ((epoll.hasListed || timeoutMs === 0) && yieldNow(k, timeoutMs) === WOULD_BLOCK) return WOULD_BLOCK;
  const count = epoll.harvest(k, ptr, maxevents);
  if (count > 0 || timeoutMs === 0 || k.timedOut()) return count;
  return k.block(epoll.waiters, timeoutMs);
}
