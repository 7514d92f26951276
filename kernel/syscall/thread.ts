/**
 * System calls about threads: continuations with a stack of their own, and futex(2), on which locks are built.
 */
import { EAGAIN, EDEADLK, EFAULT, EINVAL, ENOSYS, ESRCH, ETIMEDOUT } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { WaitQueue } from "../sched/wait-queue.ts";

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const FUTEX_PRIVATE_FLAG = 128;
/** Addresses whose empty queues are kept for the next wait; beyond, the empty ones are forgotten. */
const FUTEX_QUEUES_MAX = 1024;

export function sys_gettid(k: Kernel): number {
  return k.current.tid || 1;
}

/** sched_yield(2). */
export function sys_sched_yield(k: Kernel): number {
  return k.scheduler.yieldNow();
}

/** Starts a thread on the guest's export `thread_entry(fn, arg)`; -ENOSYS if the guest or this host has no threads. */
export function sys_thread_spawn(k: Kernel, fn: number, arg: number): number {
  const entry = k.guestExport("thread_entry");
  if (!entry) return -ENOSYS;
  if (!k.scheduler.hasStacks) {
    k.log("thread_spawn: this JavaScript engine cannot suspend Wasm stacks (JSPI): Node 24.21 or later can");
    return -ENOSYS;
  }
  return k.scheduler.spawn(k, entry, [fn, arg]).tid;
}

/** Parks until the thread has ended; -ESRCH for one that never was or was joined already. */
export function sys_thread_join(k: Kernel, tid: number, status: number): number {
  const ptr = status >>> 0;
  if (status !== 0 && !k.mem.has(ptr, 4)) return -EFAULT;
  if (tid === k.current.tid) return -EDEADLK;
  const value = k.scheduler.reap(tid);
  if (value !== undefined) {
    if (status !== 0) k.mem.setU32(ptr, value);
    return 0;
  }
  return k.scheduler.tasks.has(tid) ? k.block(k.scheduler.joiners) : -ESRCH;
}

/** futex(2), FUTEX_WAIT and FUTEX_WAKE; waiting threads are woken in order. `timeoutMs` below 0: none. */
export function sys_futex(k: Kernel, uaddr: number, op: number, val: number, timeoutMs: number): number {
  const ptr = uaddr >>> 0;
  if ((ptr & 3) !== 0) return -EINVAL;
  if (!k.mem.has(ptr, 4)) return -EFAULT;
  const queues = k.futexes;
  switch (op & ~FUTEX_PRIVATE_FLAG) {
    case FUTEX_WAIT: {
      // A retry means that this waiter was woken or its time is up: the value is not looked at again.
      if (k.current.retrying) return k.current.futexWoken || !k.timedOut() ? 0 : -ETIMEDOUT;
      if (k.mem.getI32(ptr) !== val) return -EAGAIN;
      if (Number.isNaN(timeoutMs)) return -EINVAL;
      let queue = queues.get(ptr);
      if (!queue) {
        if (queues.size >= FUTEX_QUEUES_MAX) forgetEmpty(queues);
        queue = new WaitQueue();
        queues.set(ptr, queue);
      }
      k.current.futexWoken = false;
      return k.block(queue, timeoutMs);
    }
    case FUTEX_WAKE: {
      const queue = queues.get(ptr);
      if (!queue) return 0;
      return queue.wakeOne(1, val < 0 ? Number.MAX_SAFE_INTEGER : val);
    }
    default:
      return -ENOSYS;
  }
}

function forgetEmpty(queues: Map<number, WaitQueue>): void {
  for (const [ptr, queue] of queues) if (queue.length === 0) queues.delete(ptr);
}
