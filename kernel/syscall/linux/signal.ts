/**
 * System calls about signals (signal(7)): actions, masks, waiting. Sending is signal-send.ts', delivery ProcessSignals'.
 */
import { EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, EPERM } from "../../abi/errno.ts";
import {
  SIG_BLOCK,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGACTION_BYTES,
  SIGINFO_BYTES,
  SIGKILL,
  SIGSET_BYTES,
  SIGSTOP,
} from "../../abi/signal.ts";
import { isOnStack, NO_ALT_STACK, SS_DISABLE, SS_ONSTACK } from "../../process/alt-stack.ts";
import type { Process } from "../../process/process.ts";
import { takeOf } from "../../process/process-signals.ts";
import { writeSignalInfo } from "../../process/signal-info.ts";
import { isSignal, SignalSet } from "../../process/signal-set.ts";
import type { Task } from "../../sched/task.ts";
import type { Row } from "../row.ts";
import { BLOCKS, linuxRow } from "./row.ts";
import { timespecMs } from "./time-argument.ts";

const MINSIGSTKSZ = 2048;
const STACK_BYTES = 12;

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
    k.linux.signals.maskChanged(task);
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
  const { current } = k;
  if (!k.mem.has(mask >>> 0, SIGSET_BYTES)) return -EFAULT;
  // A call that is tried again has its mask already.
  if (current.linux?.maskToRestore === null) replaceMask(k, current, mask >>> 0);
  return k.block(null);
}

/** The mask at `ptr` (validated) holds until the running call ends. */
export function replaceMask(k: Process, task: Task, ptr: number): void {
  const { linux } = task;
  if (!linux) return;
  linux.maskToRestore = linux.blocked.clone();
  linux.blocked.read(k.mem, ptr);
  linux.blocked.allowUnblockable();
  k.linux.signals.maskChanged(task);
}

/** The mask is what it was before replaceMask; signals that this unblocks are delivered as the call ends. */
export function restoreMask(k: Process, task: Task): void {
  const { linux } = task;
  if (!linux?.maskToRestore) return;
  linux.blocked.set(linux.maskToRestore);
  linux.maskToRestore = null;
  k.linux.signals.maskChanged(task);
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
    if (info !== 0) writeSignalInfo(k.mem, info >>> 0, taken);
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

/** sigaltstack(2). `stack_t`: u32 sp, i32 flags, u32 size. */
export function sys_sigaltstack(k: Process, ss: number, oldSs: number): number {
  const { linux } = k.current;
  if (!linux) return -EINVAL;
  const { mem } = k;
  const newPtr = ss >>> 0;
  const oldPtr = oldSs >>> 0;
  const before = linux.altStack;
  const isOn = isOnStack(before, linux.instance.stackPointer);
  if (newPtr !== 0) {
    if (!mem.has(newPtr, STACK_BYTES)) return -EFAULT;
    const flags = mem.getU32(newPtr + 4);
    const size = mem.getU32(newPtr + 8);
    if (isOn) return -EPERM;
    if (flags !== 0 && flags !== SS_ONSTACK && flags !== SS_DISABLE) return -EINVAL;
    if (flags !== SS_DISABLE && size < MINSIGSTKSZ) return -ENOMEM;
    linux.altStack = flags === SS_DISABLE ? NO_ALT_STACK : { sp: mem.getU32(newPtr), size };
  }
  if (oldPtr !== 0) {
    if (!mem.has(oldPtr, STACK_BYTES)) return -EFAULT;
    mem.setU32(oldPtr, before.sp);
    mem.setU32(oldPtr + 4, before.size === 0 ? SS_DISABLE : isOn ? SS_ONSTACK : 0);
    mem.setU32(oldPtr + 8, before.size);
  }
  return 0;
}

/** rt_sigreturn(2): handlers return by returning; called by hand it does nothing. */
export function sys_rt_sigreturn(_k: Process): number {
  return -EINTR;
}

export const SIGNAL_ROWS: readonly Row[] = [
  linuxRow(13, "rt_sigaction", "signum:i32 act:ptr oldact:ptr sigsetsize:i32", sys_rt_sigaction),
  linuxRow(14, "rt_sigprocmask", "how:i32 set:ptr oldset:ptr sigsetsize:i32", sys_rt_sigprocmask),
  linuxRow(15, "rt_sigreturn", "", sys_rt_sigreturn, { partial: "handlers return by returning" }),
  linuxRow(34, "pause", "", sys_pause, BLOCKS),
  linuxRow(127, "rt_sigpending", "set:ptr sigsetsize:i32", sys_rt_sigpending),
  linuxRow(128, "rt_sigtimedwait", "set:ptr info:ptr timeout:ptr sigsetsize:i32", sys_rt_sigtimedwait, BLOCKS),
  linuxRow(130, "rt_sigsuspend", "mask:ptr sigsetsize:i32", sys_rt_sigsuspend, BLOCKS),
  linuxRow(131, "sigaltstack", "ss:ptr oldSs:ptr", sys_sigaltstack),
];
