/**
 * System calls about signals (signal(7)): actions, masks, sending, waiting. Delivery is ProcessSignals'.
 */
import { EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, EPERM, ESRCH } from "../../abi/errno.ts";
import {
  SI_TKILL,
  SI_USER,
  SIG_BLOCK,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGACTION_BYTES,
  SIGINFO_BYTES,
  SIGKILL,
  SIGSET_BYTES,
  SIGSTOP,
} from "../../abi/signal.ts";
import type { PendingSignals, SignalInfo } from "../../process/pending-signals.ts";
import type { Process } from "../../process/process.ts";
import { writeSignalInfo } from "../../process/process-signals.ts";
import { isSignal, SignalSet } from "../../process/signal-set.ts";
import type { Task } from "../../sched/task.ts";
import type { Row } from "../row.ts";
import { BLOCKS, linuxRow } from "./row.ts";
import { timespecMs } from "./time-argument.ts";

const MINSIGSTKSZ = 2048;
const SS_DISABLE = 2;

/** rt_sigaction(2). */
export function sys_rt_sigaction(k: Process, signum: number, act: number, oldact: number, sigsetsize: number): number {
  if (sigsetsize >>> 0 !== SIGSET_BYTES) return -EINVAL;
  if (!isSignal(signum)) return -EINVAL;
  const { signals } = k.linux;
  const { mem } = k;
  const newPtr = act >>> 0;
  const oldPtr = oldact >>> 0;
  if (newPtr !== 0 && (signum === SIGKILL || signum === SIGSTOP)) return -EINVAL;
  if (newPtr !== 0 && !mem.has(newPtr, SIGACTION_BYTES)) return -EFAULT;
  const before = signals.action(signum);
  if (newPtr !== 0) {
    const mask = new SignalSet();
    mask.read(mem, newPtr + 16);
    mask.allowUnblockable();
    signals.setAction(signum, {
      handler: mem.getU32(newPtr),
      flags: mem.getU32(newPtr + 4),
      restorer: mem.getU32(newPtr + 12),
      mask,
    });
  }
  if (oldPtr !== 0) {
    if (!mem.has(oldPtr, SIGACTION_BYTES)) return -EFAULT;
    mem.setU32(oldPtr, before.handler);
    mem.setI64(oldPtr + 4, before.flags);
    mem.setU32(oldPtr + 12, before.restorer);
    before.mask.write(mem, oldPtr + 16);
  }
  return 0;
}

/** rt_sigprocmask(2). */
export function sys_rt_sigprocmask(k: Process, how: number, set: number, oldset: number, sigsetsize: number): number {
  if (sigsetsize >>> 0 !== SIGSET_BYTES) return -EINVAL;
  const task = k.current;
  const { linux } = task;
  if (!linux) return -EINVAL;
  const { mem } = k;
  const newPtr = set >>> 0;
  const oldPtr = oldset >>> 0;
  const before = linux.blocked.clone();
  if (newPtr !== 0) {
    if (!mem.has(newPtr, SIGSET_BYTES)) return -EFAULT;
    const change = new SignalSet();
    change.read(mem, newPtr);
    change.allowUnblockable();
    if (how === SIG_BLOCK) linux.blocked.addAll(change);
    else if (how === SIG_UNBLOCK) linux.blocked.removeAll(change);
    else if (how === SIG_SETMASK) linux.blocked.set(change);
    else return -EINVAL;
    k.linux.signals.update(task);
  }
  if (oldPtr !== 0) {
    if (!mem.has(oldPtr, SIGSET_BYTES)) return -EFAULT;
    before.write(mem, oldPtr);
  }
  return 0;
}

/** rt_sigpending(2). */
export function sys_rt_sigpending(k: Process, set: number, sigsetsize: number): number {
  if (sigsetsize >>> 0 > SIGSET_BYTES) return -EINVAL;
  if (!k.mem.has(set >>> 0, SIGSET_BYTES)) return -EFAULT;
  const pending = k.linux.signals.pending.set.clone();
  const { linux } = k.current;
  if (linux) {
    pending.addAll(linux.pending.set);
    const unblocked = pending.clone();
    unblocked.removeAll(linux.blocked);
    pending.removeAll(unblocked);
  }
  pending.write(k.mem, set >>> 0);
  return 0;
}

/** rt_sigsuspend(2). */
export function sys_rt_sigsuspend(k: Process, mask: number, sigsetsize: number): number {
  if (sigsetsize >>> 0 !== SIGSET_BYTES) return -EINVAL;
  const task = k.current;
  if (task.retrying) return k.block(null);
  if (!k.mem.has(mask >>> 0, SIGSET_BYTES)) return -EFAULT;
  replaceMask(k, task, mask >>> 0);
  return k.block(null);
}

/** The mask at `ptr` (validated) holds until the running call ends. */
export function replaceMask(k: Process, task: Task, ptr: number): void {
  const { linux } = task;
  if (!linux) return;
  linux.maskToRestore = linux.blocked.clone();
  linux.blocked.read(k.mem, ptr);
  linux.blocked.allowUnblockable();
  k.linux.signals.update(task);
}

/** The mask is what it was before replaceMask; signals that this unblocks are delivered as the call ends. */
export function restoreMask(k: Process, task: Task): void {
  const { linux } = task;
  if (!linux?.maskToRestore) return;
  linux.blocked.set(linux.maskToRestore);
  linux.maskToRestore = null;
  k.linux.signals.update(task);
}

/** pause(2). */
export function sys_pause(k: Process): number {
  return k.block(null);
}

/** rt_sigtimedwait(2). */
export function sys_rt_sigtimedwait(
  k: Process,
  set: number,
  info: number,
  timeout: number,
  sigsetsize: number,
): number {
  if (sigsetsize >>> 0 !== SIGSET_BYTES) return -EINVAL;
  if (!k.mem.has(set >>> 0, SIGSET_BYTES)) return -EFAULT;
  if (info !== 0 && !k.mem.has(info >>> 0, SIGINFO_BYTES)) return -EFAULT;
  const { linux } = k.current;
  if (!linux) return -EINVAL;
  const wanted = new SignalSet();
  wanted.read(k.mem, set >>> 0);
  wanted.allowUnblockable();
  const taken = takeOf(wanted, linux.pending, k.linux.signals.pending);
  if (taken) {
    k.linux.signals.update(k.current);
    if (info !== 0) {
      k.mem.u8.fill(0, info >>> 0, (info >>> 0) + SIGINFO_BYTES);
      writeSignalInfo(k.mem, info >>> 0, taken);
    }
    return taken.signo;
  }
  let timeoutMs = -1;
  if (timeout !== 0) {
    timeoutMs = timespecMs(k, timeout >>> 0);
    if (timeoutMs < 0) return timeoutMs;
  }
  if (timeoutMs === 0 || k.timedOut()) return -EAGAIN;
  return k.block(k.linux.signals.raised, timeoutMs);
}

/** The lowest pending signal of `wanted`, taken: the thread's before the process'. */
export function takeOf(wanted: SignalSet, own: PendingSignals, shared: PendingSignals): SignalInfo | null {
  for (const pending of [own, shared]) {
    const outside = new SignalSet();
    outside.low = ~wanted.low;
    outside.high = ~wanted.high;
    const signo = pending.set.lowestNotIn(outside, NONE);
    if (signo !== 0) return pending.take(signo);
  }
  return null;
}

const NONE = new SignalSet();

/** kill(2): processes of this machine. */
export function sys_kill(k: Process, pid: number, sig: number): number {
  if (sig !== 0 && !isSignal(sig)) return -EINVAL;
  const targets = processesOf(k, pid);
  if (targets.length === 0) return -ESRCH;
  for (const target of targets) send(k, target, null, sig, SI_USER, 0);
  return 0;
}

/** tkill(2). */
export function sys_tkill(k: Process, tid: number, sig: number): number {
  return sys_tgkill(k, -1, tid, sig);
}

/** tgkill(2). */
export function sys_tgkill(k: Process, tgid: number, tid: number, sig: number): number {
  if (tid <= 0 || tgid === 0 || (sig !== 0 && !isSignal(sig))) return -EINVAL;
  const task = k.scheduler.tasks.get(tid);
  const target = task?.process ? k.machine.processes.get(task.process.pid) : undefined;
  if (!task || !target || (tgid > 0 && target.pid !== tgid)) return -ESRCH;
  send(k, target, task, sig, SI_TKILL, 0);
  return 0;
}

/** rt_sigqueueinfo(2): a process may send any negative code, and SI_USER only to itself. */
export function sys_rt_sigqueueinfo(k: Process, pid: number, sig: number, info: number): number {
  if (sig !== 0 && !isSignal(sig)) return -EINVAL;
  if (!k.mem.has(info >>> 0, SIGINFO_BYTES)) return -EFAULT;
  const code = k.mem.getI32((info >>> 0) + 8);
  const value = k.mem.getI32((info >>> 0) + 24);
  const target = k.machine.processes.get(pid);
  if (!target) return -ESRCH;
  if ((code >= 0 || code === SI_TKILL) && target !== k) return -EPERM;
  return send(k, target, null, sig, code, value);
}

/** sigaltstack(2): taken note of; handlers run on the thread's own stack. */
export function sys_sigaltstack(k: Process, ss: number, oldSs: number): number {
  const { linux } = k.current;
  if (!linux) return -EINVAL;
  const { mem } = k;
  const newPtr = ss >>> 0;
  const oldPtr = oldSs >>> 0;
  const before = linux.altStack;
  if (newPtr !== 0) {
    if (!mem.has(newPtr, 12)) return -EFAULT;
    const flags = mem.getU32(newPtr + 4);
    const size = mem.getU32(newPtr + 8);
    if ((flags & ~SS_DISABLE) !== 0) return -EINVAL;
    if ((flags & SS_DISABLE) === 0 && size < MINSIGSTKSZ) return -ENOMEM;
    linux.altStack =
      flags & SS_DISABLE ? { sp: 0, flags: SS_DISABLE, size: 0 } : { sp: mem.getU32(newPtr), flags, size };
  }
  if (oldPtr !== 0) {
    if (!mem.has(oldPtr, 12)) return -EFAULT;
    mem.setU32(oldPtr, before.sp);
    mem.setU32(oldPtr + 4, before.flags);
    mem.setU32(oldPtr + 8, before.size);
  }
  return 0;
}

/** rt_sigreturn(2): handlers return by returning; called by hand it does nothing. */
export function sys_rt_sigreturn(_k: Process): number {
  return -EINTR;
}

function send(k: Process, target: Process, thread: Task | null, sig: number, code: number, value: number): number {
  if (sig === 0) return 0;
  return target.linux.signals.raise({ signo: sig, code, pid: k.pid, uid: k.linux.credentials.uid, value }, thread);
}

/** Whom kill(2) means. */
function processesOf(k: Process, pid: number): Process[] {
  const { processes } = k.machine;
  if (pid > 0) {
    const one = processes.get(pid);
    return one ? [one] : [];
  }
  const all = [...processes.values()];
  if (pid === -1) return all.filter((process) => process.pid !== 1 && process !== k);
  const group = pid === 0 ? k.linux.pgid : -pid;
  return all.filter((process) => process.linux.pgid === group);
}

export const SIGNAL_ROWS: readonly Row[] = [
  linuxRow(13, "rt_sigaction", "signum:i32 act:ptr oldact:ptr sigsetsize:i32", sys_rt_sigaction),
  linuxRow(14, "rt_sigprocmask", "how:i32 set:ptr oldset:ptr sigsetsize:i32", sys_rt_sigprocmask),
  linuxRow(15, "rt_sigreturn", "", sys_rt_sigreturn, { partial: "handlers return by returning" }),
  linuxRow(34, "pause", "", sys_pause, BLOCKS),
  linuxRow(62, "kill", "pid:i32 sig:i32", sys_kill),
  linuxRow(127, "rt_sigpending", "set:ptr sigsetsize:i32", sys_rt_sigpending),
  linuxRow(128, "rt_sigtimedwait", "set:ptr info:ptr timeout:ptr sigsetsize:i32", sys_rt_sigtimedwait, BLOCKS),
  linuxRow(129, "rt_sigqueueinfo", "pid:i32 sig:i32 info:ptr", sys_rt_sigqueueinfo),
  linuxRow(130, "rt_sigsuspend", "mask:ptr sigsetsize:i32", sys_rt_sigsuspend, BLOCKS),
  linuxRow(131, "sigaltstack", "ss:ptr oldSs:ptr", sys_sigaltstack, {
    partial: "handlers run on the thread's own stack",
  }),
  linuxRow(200, "tkill", "tid:i32 sig:i32", sys_tkill),
  linuxRow(234, "tgkill", "tgid:i32 tid:i32 sig:i32", sys_tgkill),
];
