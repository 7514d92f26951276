/**
 * System calls about scheduling (sched(7)). There is one processor, and threads take turns on it: policies and priorities are taken note of.
 */
import { EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import type { LinuxThread } from "../../process/linux-thread.ts";
import type { Process } from "../../process/process.ts";
import type { Row } from "../row.ts";
import { mayControl, processOfThread, threadOf } from "./process-lookup.ts";
import { linuxRow } from "./row.ts";
import { TIMESPEC_BYTES, writeTimespec } from "./time-argument.ts";

const SCHED_OTHER = 0;
const SCHED_FIFO = 1;
const SCHED_RR = 2;
const SCHED_BATCH = 3;
const SCHED_IDLE = 5;
const SCHED_RESET_ON_FORK = 0x40000000;
const POLICIES: readonly number[] = [SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE];
const REALTIME_PRIORITY_MAX = 99;
/** What sched_rr_get_interval(2) says: Linux' RR_TIMESLICE, and how long a thread runs before it gives way (Scheduler). */
const RR_INTERVAL_MS = 100;
const OTHER_INTERVAL_MS = 2;
/** A mask of processors is made of longs. */
const MASK_BYTES = 8;

/** sched_setscheduler(2). */
export function sys_sched_setscheduler(k: Process, pid: number, policy: number, param: number): number {
  return policy < 0 ? -EINVAL : setScheduling(k, pid, policy, param >>> 0);
}

/** sched_getscheduler(2). */
export function sys_sched_getscheduler(k: Process, pid: number): number {
  return pid < 0 ? -EINVAL : (schedulingOf(k, pid)?.policy ?? -ESRCH);
}

/** sched_setparam(2). */
export function sys_sched_setparam(k: Process, pid: number, param: number): number {
  return setScheduling(k, pid, null, param >>> 0);
}

/** sched_getparam(2). `struct sched_param`: i32 priority. */
export function sys_sched_getparam(k: Process, pid: number, param: number): number {
  if (pid < 0 || param === 0) return -EINVAL;
  const scheduling = schedulingOf(k, pid);
  if (!scheduling) return -ESRCH;
  if (!k.mem.has(param >>> 0, 4)) return -EFAULT;
  k.mem.setU32(param >>> 0, scheduling.priority);
  return 0;
}

/** sched_get_priority_max(2). */
export function sys_sched_get_priority_max(_k: Process, policy: number): number {
  if (!POLICIES.includes(policy)) return -EINVAL;
  return isRealtime(policy) ? REALTIME_PRIORITY_MAX : 0;
}

/** sched_get_priority_min(2). */
export function sys_sched_get_priority_min(_k: Process, policy: number): number {
  if (!POLICIES.includes(policy)) return -EINVAL;
  return isRealtime(policy) ? 1 : 0;
}

/** sched_rr_get_interval(2). */
export function sys_sched_rr_get_interval(k: Process, pid: number, tp: number): number {
  if (pid < 0) return -EINVAL;
  const scheduling = schedulingOf(k, pid);
  if (!scheduling) return -ESRCH;
  if (!k.mem.has(tp >>> 0, TIMESPEC_BYTES)) return -EFAULT;
  const { policy } = scheduling;
  const intervalMs = policy === SCHED_RR ? RR_INTERVAL_MS : policy === SCHED_FIFO ? 0 : OTHER_INTERVAL_MS;
  writeTimespec(k, tp >>> 0, intervalMs);
  return 0;
}

/** sched_setaffinity(2): the one processor has to be in the mask. */
export function sys_sched_setaffinity(k: Process, pid: number, len: number, mask: number): number {
  const bytes = Math.min(len >>> 0, MASK_BYTES);
  if (!k.mem.has(mask >>> 0, bytes)) return -EFAULT;
  const task = threadOf(k, pid);
  const target = task && processOfThread(k, task);
  if (pid < 0 || !target) return -ESRCH;
  if (!mayControl(k, target)) return -EPERM;
  return bytes > 0 && ((k.mem.u8[mask >>> 0] as number) & 1) !== 0 ? 0 : -EINVAL;
}

/** sched_getaffinity(2): the bytes written. */
export function sys_sched_getaffinity(k: Process, pid: number, len: number, mask: number): number {
  if (len >>> 0 < MASK_BYTES || (len & (MASK_BYTES - 1)) !== 0) return -EINVAL;
  if (pid < 0 || !threadOf(k, pid)) return -ESRCH;
  if (!k.mem.has(mask >>> 0, MASK_BYTES)) return -EFAULT;
  k.mem.setI64(mask >>> 0, 1);
  return MASK_BYTES;
}

/** getcpu(2). */
export function sys_getcpu(k: Process, cpu: number, node: number): number {
  for (const ptr of [cpu >>> 0, node >>> 0]) {
    if (ptr === 0) continue;
    if (!k.mem.has(ptr, 4)) return -EFAULT;
    k.mem.setU32(ptr, 0);
  }
  return 0;
}

function isRealtime(policy: number): boolean {
  return policy === SCHED_FIFO || policy === SCHED_RR;
}

function schedulingOf(k: Process, tid: number): LinuxThread["scheduling"] | undefined {
  return threadOf(k, tid)?.linux?.scheduling;
}

/** `policy` null: as it is. */
function setScheduling(k: Process, tid: number, policy: number | null, param: number): number {
  if (tid < 0 || param === 0) return -EINVAL;
  if (!k.mem.has(param, 4)) return -EFAULT;
  const task = threadOf(k, tid);
  const target = task && processOfThread(k, task);
  if (!task?.linux || !target) return -ESRCH;
  const priority = k.mem.getI32(param);
  const wanted = policy === null ? task.linux.scheduling.policy : policy & ~SCHED_RESET_ON_FORK;
  if (!POLICIES.includes(wanted)) return -EINVAL;
  const fits = isRealtime(wanted) ? priority >= 1 && priority <= REALTIME_PRIORITY_MAX : priority === 0;
  if (!fits) return -EINVAL;
  if (!mayControl(k, target) || (isRealtime(wanted) && !k.linux.credentials.isPrivileged)) return -EPERM;
  task.linux.scheduling = { policy: wanted, priority };
  return 0;
}

const KEPT = { note: "kept, without effect" } as const;

export const SCHEDULING_ROWS: readonly Row[] = [
  linuxRow(142, "sched_setparam", "pid:i32 param:ptr", sys_sched_setparam, KEPT),
  linuxRow(143, "sched_getparam", "pid:i32 param:ptr", sys_sched_getparam),
  linuxRow(144, "sched_setscheduler", "pid:i32 policy:i32 param:ptr", sys_sched_setscheduler, KEPT),
  linuxRow(145, "sched_getscheduler", "pid:i32", sys_sched_getscheduler),
  linuxRow(146, "sched_get_priority_max", "policy:i32", sys_sched_get_priority_max),
  linuxRow(147, "sched_get_priority_min", "policy:i32", sys_sched_get_priority_min),
  linuxRow(148, "sched_rr_get_interval", "pid:i32 tp:ptr", sys_sched_rr_get_interval),
  linuxRow(203, "sched_setaffinity", "pid:i32 len:i32 mask:ptr", sys_sched_setaffinity, { note: "one processor" }),
  linuxRow(204, "sched_getaffinity", "pid:i32 len:i32 mask:ptr", sys_sched_getaffinity, { note: "one processor" }),
  linuxRow(309, "getcpu", "cpu:ptr node:ptr", sys_getcpu),
];
