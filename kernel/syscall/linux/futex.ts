/**
 * futex(2): the queues on which locks are built, by address, one set per process. Waiting threads are woken in order.
 */
import { EAGAIN, EFAULT, EINVAL, ENOSYS, ETIMEDOUT } from "../../abi/errno.ts";
import type { Process } from "../../process/process.ts";
import { WaitQueue } from "../../sched/wait-queue.ts";
import { timespecMs } from "./time-argument.ts";

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const FUTEX_REQUEUE = 3;
const FUTEX_CMP_REQUEUE = 4;
const FUTEX_WAKE_OP = 5;
const FUTEX_LOCK_PI = 6;
const FUTEX_WAIT_BITSET = 9;
const FUTEX_WAKE_BITSET = 10;
const FUTEX_PRIVATE_FLAG = 128;
const FUTEX_CLOCK_REALTIME = 256;
/** Addresses whose empty queues are kept for the next wait; beyond, the empty ones are forgotten. */
const QUEUES_MAX = 1024;

export function sys_futex(
  k: Process,
  uaddr: number,
  op: number,
  val: number,
  timeout: number,
  uaddr2: number,
  val3: number,
): number {
  const ptr = uaddr >>> 0;
  if ((ptr & 3) !== 0) return -EINVAL;
  if (!k.mem.has(ptr, 4)) return -EFAULT;
  switch (op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) {
    case FUTEX_WAIT:
      return wait(k, ptr, val, timeout >>> 0, false, false);
    case FUTEX_WAIT_BITSET:
      if (val3 === 0) return -EINVAL;
      return wait(k, ptr, val, timeout >>> 0, true, (op & FUTEX_CLOCK_REALTIME) !== 0);
    case FUTEX_WAKE:
      return wakeFutex(k, ptr, val < 0 ? Number.MAX_SAFE_INTEGER : val);
    case FUTEX_WAKE_BITSET:
      return val3 === 0 ? -EINVAL : wakeFutex(k, ptr, val < 0 ? Number.MAX_SAFE_INTEGER : val);
    case FUTEX_REQUEUE:
      return requeue(k, ptr, val, timeout, uaddr2 >>> 0);
    case FUTEX_CMP_REQUEUE:
      return k.mem.getI32(ptr) === val3 ? requeue(k, ptr, val, timeout, uaddr2 >>> 0) : -EAGAIN;
    case FUTEX_WAKE_OP:
    case FUTEX_LOCK_PI:
      return -ENOSYS;
    default:
      return -ENOSYS;
  }
}

/** Wakes up to `count` threads that wait at `ptr`; how many. */
export function wakeFutex(k: Process, ptr: number, count: number): number {
  return k.futexes.get(ptr)?.wakeOne(1, count) ?? 0;
}

function wait(k: Process, ptr: number, val: number, timeout: number, absolute: boolean, realtime: boolean): number {
  const { current } = k;
  // A retry means that this waiter was woken or its time is up: the value is not looked at again.
  if (current.retrying) return current.futexWoken || !k.timedOut() ? 0 : -ETIMEDOUT;
  let timeoutMs = -1;
  if (timeout !== 0) {
    timeoutMs = timespecMs(k, timeout);
    if (timeoutMs < 0) return timeoutMs;
    if (absolute) timeoutMs = Math.max(0, timeoutMs - (realtime ? k.clock.realtimeMs() : k.clock.monotonicMs()));
  }
  if (k.mem.getI32(ptr) !== val) return -EAGAIN;
  current.futexWoken = false;
  return k.block(queueAt(k, ptr), timeoutMs);
}

function requeue(k: Process, from: number, wakeMax: number, moveMax: number, to: number): number {
  if ((to & 3) !== 0) return -EINVAL;
  if (!k.mem.has(to, 4)) return -EFAULT;
  if (wakeMax < 0 || moveMax < 0) return -EINVAL;
  const source = k.futexes.get(from);
  if (!source) return 0;
  const woken = source.wakeOne(1, wakeMax);
  const target = queueAt(k, to);
  let moved = 0;
  for (const task of [...k.tasks]) {
    if (moved >= moveMax || source === target) break;
    const at = task.waitsOn.indexOf(source);
    if (at < 0) continue;
    source.remove(task);
    task.waitsOn[at] = target;
    target.add(task);
    moved++;
  }
  return woken + moved;
}

function queueAt(k: Process, ptr: number): WaitQueue {
  const { futexes } = k;
  let queue = futexes.get(ptr);
  if (!queue) {
    if (futexes.size >= QUEUES_MAX) for (const [at, other] of futexes) if (other.length === 0) futexes.delete(at);
    queue = new WaitQueue();
    futexes.set(ptr, queue);
  }
  return queue;
}
