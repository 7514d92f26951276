/**
 * select(2) and pselect(2). An fd_set is a bit map in words of 64 bits, little-endian, so in bytes as well: descriptor n is bit n % 8 of
 * byte n / 8.
 *
 * What always holds: the sets are written once the call succeeds, not before: a call that is tried again reads what it was given.
 */
import { EBADF, EFAULT, EINVAL } from "../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import { FD_MAX } from "../../fs/fd-table.ts";
import type { Process } from "../../process/process.ts";
import { WOULD_BLOCK } from "../../sched/task.ts";
import type { WaitQueue } from "../../sched/wait-queue.ts";
import { yieldNow } from "../poll.ts";
import { timespecMs, timevalMs } from "./time-argument.ts";
import { boundedMs, enterMask, leaveMask, leaveTime } from "./wait-context.ts";

/** What makes a descriptor readable, writable, exceptional (fs/select.c). */
const SET_BITS = [POLLIN | POLLRDNORM | POLLHUP | POLLERR, POLLOUT | POLLWRNORM | POLLERR, POLLPRI] as const;
const WORD_BITS = 64;

/** select(2): the remaining time replaces the timeout. */
export function sys_select(
  k: Process,
  nfds: number,
  readfds: number,
  writefds: number,
  exceptfds: number,
  timeout: number,
): number {
  const ptr = timeout >>> 0;
  const timeoutMs = ptr === 0 ? -1 : boundedMs(timevalMs(k, ptr));
  if (ptr !== 0 && timeoutMs < 0) return timeoutMs;
  return leaveTime(k, ptr, true, timeoutMs, select(k, nfds, [readfds, writefds, exceptfds], timeoutMs));
}

/** pselect6(2): `mask` points at a pair, the address of a signal mask and its size, of 64 bits each. */
export function sys_pselect6(
  k: Process,
  nfds: number,
  readfds: number,
  writefds: number,
  exceptfds: number,
  timeout: number,
  mask: number,
): number {
  let maskPtr = 0;
  let maskBytes = 0;
  if (mask !== 0) {
    if (!k.mem.has(mask >>> 0, 16)) return -EFAULT;
    maskPtr = k.mem.getU32(mask >>> 0);
    maskBytes = k.mem.getU32((mask >>> 0) + 8);
  }
  const ptr = timeout >>> 0;
  const timeoutMs = ptr === 0 ? -1 : boundedMs(timespecMs(k, ptr));
  if (ptr !== 0 && timeoutMs < 0) return timeoutMs;
  const wrong = enterMask(k, maskPtr, maskBytes);
  if (wrong !== 0) return wrong;
  const result = leaveMask(k, maskPtr, select(k, nfds, [readfds, writefds, exceptfds], timeoutMs));
  return leaveTime(k, ptr, false, timeoutMs, result);
}

/** `sets`: addresses of what is to be readable, writable, exceptional, each may be 0. How many bits are set in all; below 0: an errno. */
function select(k: Process, nfds: number, sets: readonly number[], timeoutMs: number): number {
  if (nfds < 0) return -EINVAL;
  const count = Math.min(nfds, FD_MAX);
  const bytes = Math.ceil(count / WORD_BITS) * (WORD_BITS / 8);
  for (const set of sets) if (set !== 0 && !k.mem.has(set >>> 0, bytes)) return -EFAULT;
  const found = sets.map(() => new Uint8Array(bytes));
  const queues = new Set<WaitQueue>();
  let ready = 0;
  for (let fd = 0; fd < count; fd++) {
    const bit = 1 << (fd & 7);
    let file = null;
    let state = 0;
    for (let i = 0; i < sets.length; i++) {
      const set = sets[i] as number;
      if (set === 0 || ((k.mem.u8[(set >>> 0) + (fd >>> 3)] as number) & bit) === 0) continue;
      if (file === null) {
        file = k.fds.get(fd);
        if (file === null) return -EBADF;
        state = file.poll(k);
        queues.add(file.waiters);
      }
      if ((state & (SET_BITS[i] as number)) === 0) continue;
      (found[i] as Uint8Array)[fd >>> 3] = ((found[i] as Uint8Array)[fd >>> 3] as number) | bit;
      ready++;
    }
  }
  if (ready === 0 && timeoutMs !== 0 && !k.timedOut()) return k.blockOnAll([...queues], timeoutMs);
  if (yieldNow(k, timeoutMs) === WOULD_BLOCK) return WOULD_BLOCK;
  sets.forEach((set, i) => {
    if (set !== 0) k.mem.u8.set(found[i] as Uint8Array, set >>> 0);
  });
  return ready;
}
