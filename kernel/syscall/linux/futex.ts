/**
 * futex(2): the queues on which locks are built, by address, one set per process; words of shared mappings have theirs with what is shared,
 * by offset, so that processes wake each other. Waiting threads are woken in order.
 *
 * A futex of priority inheritance (FUTEX_LOCK_PI) is handed over by the kernel: its word holds the number of the thread that has it. As
 * there is one processor and there are no priorities, whoever waits longest gets it.
 */
import { EAGAIN, EDEADLK, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH, ETIMEDOUT } from "../../abi/errno.ts";
import {
  FUTEX_CLOCK_REALTIME,
  FUTEX_CMP_REQUEUE,
  FUTEX_LOCK_PI,
  FUTEX_LOCK_PI2,
  FUTEX_OP_ADD,
  FUTEX_OP_ANDN,
  FUTEX_OP_CMP_EQ,
  FUTEX_OP_CMP_GE,
  FUTEX_OP_CMP_GT,
  FUTEX_OP_CMP_LE,
  FUTEX_OP_CMP_LT,
  FUTEX_OP_CMP_NE,
  FUTEX_OP_OPARG_SHIFT,
  FUTEX_OP_OR,
  FUTEX_OP_SET,
  FUTEX_OP_XOR,
  FUTEX_OWNER_DIED,
  FUTEX_PRIVATE_FLAG,
  FUTEX_REQUEUE,
  FUTEX_TID_MASK,
  FUTEX_TRYLOCK_PI,
  FUTEX_UNLOCK_PI,
  FUTEX_WAIT,
  FUTEX_WAIT_BITSET,
  FUTEX_WAITERS,
  FUTEX_WAKE,
  FUTEX_WAKE_BITSET,
  FUTEX_WAKE_OP,
} from "../../abi/futex.ts";
import type { Process } from "../../process/process.ts";
import { Task } from "../../sched/task.ts";
import { WaitQueue } from "../../sched/wait-queue.ts";
import { timespecMs } from "./time-argument.ts";

/** FUTEX_BITSET_MATCH_ANY. */
const ANY = -1;
/** Addresses whose empty queues are kept for the next wait; beyond, the empty ones are forgotten. */
const QUEUES_MAX = 1024;

/** futex(2). `timeout` is the address of a timespec, or, where waiters are moved or a second futex is woken, a number of them. */
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
  const realtime = (op & FUTEX_CLOCK_REALTIME) !== 0;
  if ((ptr & 3) !== 0) return -EINVAL;
  if (!k.mem.has(ptr, 4)) return -EFAULT;
  switch (op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) {
    case FUTEX_WAIT:
      return wait(k, ptr, val, timeout >>> 0, null, ANY);
    case FUTEX_WAIT_BITSET:
      return val3 === 0 ? -EINVAL : wait(k, ptr, val, timeout >>> 0, realtime, val3);
    case FUTEX_WAKE:
      return wakeFutex(k, ptr, atLeastOne(val));
    case FUTEX_WAKE_BITSET:
      return val3 === 0 ? -EINVAL : wakeFutex(k, ptr, atLeastOne(val), val3);
    case FUTEX_REQUEUE:
      return requeue(k, ptr, val, timeout, uaddr2 >>> 0, null);
    case FUTEX_CMP_REQUEUE:
      return requeue(k, ptr, val, timeout, uaddr2 >>> 0, val3);
    case FUTEX_WAKE_OP:
      return wakeOp(k, ptr, val, timeout, uaddr2 >>> 0, val3);
    case FUTEX_LOCK_PI:
      return lock(k, ptr, timeout >>> 0, true);
    case FUTEX_LOCK_PI2:
      return lock(k, ptr, timeout >>> 0, realtime);
    case FUTEX_TRYLOCK_PI:
      return tryLock(k, ptr) ?? -EAGAIN;
    case FUTEX_UNLOCK_PI:
      return unlock(k, ptr);
    default:
      return -ENOSYS;
  }
}

/** Wakes up to `count` threads that wait at `ptr` for one of `bits`; how many. */
export function wakeFutex(k: Process, ptr: number, count: number, bits = ANY): number {
  return queueOf(k, ptr)?.wakeOne(bits, count) ?? 0;
}

/** Linux wakes one even if asked for none, or for less. */
function atLeastOne(count: number): number {
  return Math.max(1, count);
}

/** `realtime` null: the timeout is a duration, else a moment of one of the two clocks. */
function wait(k: Process, ptr: number, val: number, timeout: number, realtime: boolean | null, bits: number): number {
  const { current } = k;
  if (current.retrying) {
    if (current.futexWoken) return 0;
    if (k.timedOut()) return -ETIMEDOUT;
  } else current.futexWoken = false;
  const timeoutMs = timeoutOf(k, timeout, realtime);
  if (timeoutMs < 0 && timeout !== 0) return timeoutMs;
  if (k.mem.getI32(ptr) !== val) return -EAGAIN;
  const parked = k.block(queueAt(k, ptr), timeoutMs);
  current.wakeMask = bits; // until the next park
  return parked;
}

/** Milliseconds from now on; -1 for no timeout, or a negated errno. */
function timeoutOf(k: Process, timeout: number, realtime: boolean | null): number {
  if (timeout === 0) return -1;
  const ms = timespecMs(k, timeout);
  if (ms < 0 || realtime === null) return ms;
  return Math.max(0, ms - (realtime ? k.clock.realtimeMs() : k.clock.monotonicMs()));
}

/** `expected` null: whatever the word says. */
function requeue(
  k: Process,
  from: number,
  wakeMax: number,
  moveMax: number,
  to: number,
  expected: number | null,
): number {
  if (wakeMax < 0 || moveMax < 0 || (to & 3) !== 0) return -EINVAL;
  if (!k.mem.has(to, 4)) return -EFAULT;
  if (expected !== null && k.mem.getI32(from) !== expected) return -EAGAIN;
  const source = queueOf(k, from);
  if (!source) return 0;
  const woken = wakeMax === 0 ? 0 : source.wakeOne(ANY, wakeMax);
  const target = queueAt(k, to);
  if (source === target) return woken;
  const moving = source.waiters.filter((waiter) => waiter instanceof Task).slice(0, moveMax);
  for (const task of moving) {
    source.remove(task);
    task.waitsOn[task.waitsOn.indexOf(source)] = target;
    target.add(task);
  }
  return woken + moving.length;
}

/** FUTEX_WAKE_OP: changes the second word, wakes at the first, and at the second if its old value compares as `encoded` says. */
function wakeOp(k: Process, ptr: number, wakeMax: number, wakeMax2: number, ptr2: number, encoded: number): number {
  if ((ptr2 & 3) !== 0) return -EINVAL;
  if (!k.mem.has(ptr2, 4)) return -EFAULT;
  const operation = (encoded >>> 28) & 7;
  const isShift = ((encoded >>> 28) & FUTEX_OP_OPARG_SHIFT) !== 0;
  const comparison = (encoded >>> 24) & 15;
  const argument = (encoded << 8) >> 20; // 12 bits with a sign
  const compared = (encoded << 20) >> 20;
  const before = k.mem.getI32(ptr2);
  const after = changed(before, operation, isShift ? 1 << (argument & 31) : argument);
  const matches = compares(before, comparison, compared);
  if (after === null || matches === null) return -ENOSYS;
  k.mem.setU32(ptr2, after >>> 0);
  const woken = wakeFutex(k, ptr, atLeastOne(wakeMax));
  return matches ? woken + wakeFutex(k, ptr2, atLeastOne(wakeMax2)) : woken;
}

function changed(value: number, operation: number, argument: number): number | null {
  switch (operation) {
    case FUTEX_OP_SET:
      return argument;
    case FUTEX_OP_ADD:
      return value + argument;
    case FUTEX_OP_OR:
      return value | argument;
    case FUTEX_OP_ANDN:
      return value & ~argument;
    case FUTEX_OP_XOR:
      return value ^ argument;
    default:
      return null;
  }
}

function compares(value: number, comparison: number, argument: number): boolean | null {
  switch (comparison) {
    case FUTEX_OP_CMP_EQ:
      return value === argument;
    case FUTEX_OP_CMP_NE:
      return value !== argument;
    case FUTEX_OP_CMP_LT:
      return value < argument;
    case FUTEX_OP_CMP_LE:
      return value <= argument;
    case FUTEX_OP_CMP_GT:
      return value > argument;
    case FUTEX_OP_CMP_GE:
      return value >= argument;
    default:
      return null;
  }
}

/** FUTEX_LOCK_PI. Who is woken has the lock: the one that gave it up has written its number. */
function lock(k: Process, ptr: number, timeout: number, realtime: boolean): number {
  const { current } = k;
  if (current.retrying) {
    if (current.futexWoken) return 0;
    if (k.timedOut()) return -ETIMEDOUT;
  } else current.futexWoken = false;
  const done = tryLock(k, ptr);
  if (done !== null) return done;
  const timeoutMs = timeoutOf(k, timeout, realtime);
  if (timeoutMs < 0 && timeout !== 0) return timeoutMs;
  const value = k.mem.getU32(ptr);
  const owner = k.scheduler.tasks.get(value & FUTEX_TID_MASK);
  if (!owner || (owner.process !== k && !k.linux.space?.sharedAt(ptr))) return -ESRCH;
  k.mem.setU32(ptr, (value | FUTEX_WAITERS) >>> 0);
  return k.block(queueAt(k, ptr), timeoutMs);
}

/** Takes the lock if nobody has it: 0, or a negated errno; null if somebody has it. */
function tryLock(k: Process, ptr: number): number | null {
  const value = k.mem.getU32(ptr);
  const owner = value & FUTEX_TID_MASK;
  if (owner === k.current.tid) return -EDEADLK;
  if (owner !== 0) return null;
  const waits = (queueOf(k, ptr)?.length ?? 0) > 0 ? FUTEX_WAITERS : 0;
  k.mem.setU32(ptr, (k.current.tid | (value & FUTEX_OWNER_DIED) | waits) >>> 0);
  return 0;
}

/** FUTEX_UNLOCK_PI. */
function unlock(k: Process, ptr: number): number {
  if ((k.mem.getU32(ptr) & FUTEX_TID_MASK) !== k.current.tid) return -EPERM;
  passToWaiter(k, ptr, 0);
  return 0;
}

/** The lock at `ptr` becomes that of the thread that has waited longest, if any; `mark`: what else its word says from now on. */
export function passToWaiter(k: Process, ptr: number, mark: number): void {
  const queue = queueOf(k, ptr);
  const next = queue?.waiters.find((waiter) => waiter instanceof Task);
  if (!queue || !next) {
    k.mem.setU32(ptr, mark >>> 0);
    return;
  }
  queue.wakeOne(ANY, 1);
  k.mem.setU32(ptr, (next.tid | mark | (queue.length > 0 ? FUTEX_WAITERS : 0)) >>> 0);
}

/** Who waits on the word at `ptr`, if somebody has before. */
function queueOf(k: Process, ptr: number): WaitQueue | undefined {
  const view = k.linux.space?.sharedAt(ptr);
  return view?.object ? view.object.futexes.get(view.offsetOf(ptr)) : k.futexes.get(ptr);
}

function queueAt(k: Process, ptr: number): WaitQueue {
  const view = k.linux.space?.sharedAt(ptr);
  const futexes = view?.object?.futexes ?? k.futexes;
  const key = view ? view.offsetOf(ptr) : ptr;
  let queue = futexes.get(key);
  if (!queue) {
    if (futexes.size >= QUEUES_MAX) for (const [at, other] of futexes) if (other.length === 0) futexes.delete(at);
    queue = new WaitQueue();
    futexes.set(key, queue);
  }
  return queue;
}
