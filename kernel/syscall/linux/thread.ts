/**
 * System calls about threads, beside futex(2).
 */
import { EFAULT, EINVAL, ESRCH } from "../../abi/errno.ts";
import { spawnThread } from "../../process/execution.ts";
import type { Process } from "../../process/process.ts";
import { ROBUST_LIST_HEAD_BYTES, ROBUST_LIST_HEAD_BYTES_LONG32 } from "../../process/robust-list.ts";
import type { Row } from "../row.ts";
import { sys_gettid, sys_sched_yield } from "../thread.ts";
import { sys_futex } from "./futex.ts";
import { threadOf } from "./process-lookup.ts";
import { BLOCKS, linuxRow, RESTARTS } from "./row.ts";

/** A thread that runs `fn(tid, arg)` in an instance of its own: its tid, or a negated errno. */
export function wali_thread_spawn(k: Process, fn: number, arg: number): number {
  return spawnThread(k, fn >>> 0, arg);
}

export function sys_set_tid_address(k: Process, tidptr: number): number {
  const { current } = k;
  if (current.linux) current.linux.clearTid = tidptr >>> 0;
  return current.tid;
}

/** set_robust_list(2): `len` tells how wide the program's long is. */
export function sys_set_robust_list(k: Process, head: number, len: number): number {
  const bytes = len >>> 0;
  if (bytes !== ROBUST_LIST_HEAD_BYTES && bytes !== ROBUST_LIST_HEAD_BYTES_LONG32) return -EINVAL;
  if (k.current.linux) k.current.linux.robustList = head === 0 ? null : { head: head >>> 0, bytes };
  return 0;
}

/** get_robust_list(2): of a thread of the process. */
export function sys_get_robust_list(k: Process, pid: number, headPtr: number, lenPtr: number): number {
  const task = threadOf(k, pid);
  if (!task?.linux || task.process !== k) return -ESRCH;
  if (!k.mem.has(headPtr >>> 0, 4) || !k.mem.has(lenPtr >>> 0, 4)) return -EFAULT;
  const { robustList } = task.linux;
  k.mem.setU32(headPtr >>> 0, robustList?.head ?? 0);
  k.mem.setU32(lenPtr >>> 0, robustList?.bytes ?? ROBUST_LIST_HEAD_BYTES);
  return 0;
}

export const THREAD_ROWS: readonly Row[] = [
  linuxRow(24, "sched_yield", "", sys_sched_yield, BLOCKS),
  linuxRow(186, "gettid", "", sys_gettid),
  linuxRow(202, "futex", "uaddr:ptr op:i32 val:i32 timeout:i32 uaddr2:ptr val3:i32", sys_futex, {
    ...RESTARTS,
    partial: "no WAIT_REQUEUE_PI, CMP_REQUEUE_PI; locks of priority inheritance go to whoever has waited longest",
  }),
  linuxRow(218, "set_tid_address", "tidptr:ptr", sys_set_tid_address),
  linuxRow(273, "set_robust_list", "head:ptr len:i32", sys_set_robust_list),
  linuxRow(274, "get_robust_list", "pid:i32 head:ptr len:ptr", sys_get_robust_list),
];
