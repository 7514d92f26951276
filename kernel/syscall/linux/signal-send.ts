/**
 * System calls that send signals (signal(7)): to processes and threads of this machine.
 */
import { EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import { SI_TKILL, SI_USER, SIGINFO_BYTES } from "../../abi/signal.ts";
import type { Process } from "../../process/process.ts";
import type { SignalInfo } from "../../process/signal-info.ts";
import { isSignal } from "../../process/signal-set.ts";
import type { Task } from "../../sched/task.ts";
import type { Row } from "../row.ts";
import { maySignal, processesOf, processOfThread, threadOf } from "./process-lookup.ts";
import { linuxRow } from "./row.ts";

/** kill(2). */
export function sys_kill(k: Process, pid: number, sig: number): number {
  if (!isSignalOrNone(sig)) return -EINVAL;
  const targets = processesOf(k, pid);
  if (targets.length === 0) return -ESRCH;
  const allowed = targets.filter((target) => maySignal(k, target, sig));
  if (allowed.length === 0) return -EPERM;
  for (const target of allowed) send(target, null, infoOf(k, sig, SI_USER));
  return 0;
}

/** tkill(2). */
export function sys_tkill(k: Process, tid: number, sig: number): number {
  if (tid <= 0 || !isSignalOrNone(sig)) return -EINVAL;
  return toThread(k, -1, tid, infoOf(k, sig, SI_TKILL));
}

/** tgkill(2). */
export function sys_tgkill(k: Process, tgid: number, tid: number, sig: number): number {
  if (tid <= 0 || tgid <= 0 || !isSignalOrNone(sig)) return -EINVAL;
  return toThread(k, tgid, tid, infoOf(k, sig, SI_TKILL));
}

/** rt_sigqueueinfo(2): to others only with a code that the kernel itself does not use. */
export function sys_rt_sigqueueinfo(k: Process, pid: number, sig: number, info: number): number {
  const given = infoAt(k, sig, info >>> 0);
  if (typeof given === "number") return given;
  if (isReserved(given) && pid !== k.pid) return -EPERM;
  if (!isSignalOrNone(sig)) return -EINVAL;
  const target = k.machine.processes.get(pid);
  if (!target) return -ESRCH;
  return maySignal(k, target, sig) ? send(target, null, given) : -EPERM;
}

/** rt_tgsigqueueinfo(2). */
export function sys_rt_tgsigqueueinfo(k: Process, tgid: number, tid: number, sig: number, info: number): number {
  const given = infoAt(k, sig, info >>> 0);
  if (typeof given === "number") return given;
  if (tid <= 0 || tgid <= 0) return -EINVAL;
  if (isReserved(given) && tgid !== k.pid) return -EPERM;
  return isSignalOrNone(sig) ? toThread(k, tgid, tid, given) : -EINVAL;
}

function toThread(k: Process, tgid: number, tid: number, info: SignalInfo): number {
  const task = threadOf(k, tid);
  const target = task && processOfThread(k, task);
  if (!task || !target || (tgid > 0 && target.pid !== tgid)) return -ESRCH;
  return maySignal(k, target, info.signo) ? send(target, task, info) : -EPERM;
}

/** Signal 0 only asks whether it could be sent. */
function send(target: Process, thread: Task | null, info: SignalInfo): number {
  return info.signo === 0 ? 0 : target.linux.signals.raise(info, thread);
}

function infoOf(k: Process, signo: number, code: number): SignalInfo {
  return { signo, code, pid: k.pid, uid: k.linux.credentials.uid, value: 0 };
}

/** A siginfo_t that a program has made, for signal `signo`. */
function infoAt(k: Process, signo: number, ptr: number): SignalInfo | number {
  const { mem } = k;
  if (!mem.has(ptr, SIGINFO_BYTES)) return -EFAULT;
  return {
    signo,
    code: mem.getI32(ptr + 8),
    pid: mem.getI32(ptr + 16),
    uid: mem.getU32(ptr + 20),
    value: mem.getI32(ptr + 24),
  };
}

/** True for a code that only the kernel may use of others. */
function isReserved({ code }: SignalInfo): boolean {
  return code >= 0 || code === SI_TKILL;
}

function isSignalOrNone(sig: number): boolean {
  return sig === 0 || isSignal(sig);
}

export const SIGNAL_SEND_ROWS: readonly Row[] = [
  linuxRow(62, "kill", "pid:i32 sig:i32", sys_kill),
  linuxRow(129, "rt_sigqueueinfo", "pid:i32 sig:i32 info:ptr", sys_rt_sigqueueinfo),
  linuxRow(200, "tkill", "tid:i32 sig:i32", sys_tkill),
  linuxRow(234, "tgkill", "tgid:i32 tid:i32 sig:i32", sys_tgkill),
  linuxRow(297, "rt_tgsigqueueinfo", "tgid:i32 tid:i32 sig:i32 info:ptr", sys_rt_tgsigqueueinfo),
];
