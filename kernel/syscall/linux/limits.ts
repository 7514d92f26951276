/**
 * System calls about what a process may use and has used: limits, CPU time, niceness.
 */
import { EACCES, EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import { TICK_MS } from "../../abi/time.ts";
import { FD_MAX } from "../../fs/fd-table.ts";
import type { Process } from "../../process/process.ts";
import { type ResourceLimit, RLIM_NLIMITS, RLIMIT_NOFILE } from "../../process/resource-limits.ts";
import type { Row } from "../row.ts";
import { mayControl, processOf } from "./process-lookup.ts";
import { linuxRow } from "./row.ts";
import { writeTimeval } from "./time-argument.ts";

/** `struct rlimit`: two u64, all bits set for RLIM_INFINITY. */
const RLIMIT_BYTES = 16;
/** `struct rusage`: user and system time, then 14 longs. */
export const RUSAGE_BYTES = 144;
const RUSAGE_MAXRSS = 32;
const RUSAGE_SELF = 0;
const RUSAGE_CHILDREN = -1;
const RUSAGE_THREAD = 1;
const TMS_BYTES = 32;
const PRIO_PROCESS = 0;
const PRIO_PGRP = 1;
const PRIO_USER = 2;
const NICE_MIN = -20;
const NICE_MAX = 19;

/** getrlimit(2). */
export function sys_getrlimit(k: Process, resource: number, rlim: number): number {
  return limit(k, k, resource, 0, rlim >>> 0);
}

/** setrlimit(2). */
export function sys_setrlimit(k: Process, resource: number, rlim: number): number {
  return rlim === 0 ? -EFAULT : limit(k, k, resource, rlim >>> 0, 0);
}

/** prlimit(2). */
export function sys_prlimit64(k: Process, pid: number, resource: number, newLimit: number, oldLimit: number): number {
  const target = processOf(k, pid);
  if (resource >>> 0 >= RLIM_NLIMITS) return -EINVAL;
  if (!target) return -ESRCH;
  if (target !== k && !mayControl(k, target)) return -EPERM;
  return limit(k, target, resource, newLimit >>> 0, oldLimit >>> 0);
}

function limit(k: Process, target: Process, resource: number, newPtr: number, oldPtr: number): number {
  if (resource >>> 0 >= RLIM_NLIMITS) return -EINVAL;
  const { mem } = k;
  const { limits } = target.linux;
  const before = limits.get(resource);
  if (newPtr !== 0) {
    if (!mem.has(newPtr, RLIMIT_BYTES)) return -EFAULT;
    const wanted: ResourceLimit = { soft: readLimit(k, newPtr), hard: readLimit(k, newPtr + 8) };
    if (wanted.soft > wanted.hard) return -EINVAL;
    if (resource === RLIMIT_NOFILE && wanted.hard > FD_MAX) return -EPERM; // fs.nr_open
    if (wanted.hard > before.hard && !k.linux.credentials.isPrivileged) return -EPERM;
    limits.set(resource, wanted);
  }
  if (oldPtr === 0) return 0;
  if (!mem.has(oldPtr, RLIMIT_BYTES)) return -EFAULT;
  writeLimit(k, oldPtr, before.soft);
  writeLimit(k, oldPtr + 8, before.hard);
  return 0;
}

function readLimit({ mem }: Process, ptr: number): number {
  const low = mem.getU32(ptr);
  const high = mem.getU32(ptr + 4);
  return low === 0xffffffff && high === 0xffffffff ? Number.POSITIVE_INFINITY : high * 2 ** 32 + low;
}

function writeLimit({ mem }: Process, ptr: number, value: number): void {
  const isInfinite = value === Number.POSITIVE_INFINITY;
  mem.setU32(ptr, isInfinite ? 0xffffffff : value >>> 0);
  mem.setU32(ptr + 4, isInfinite ? 0xffffffff : Math.floor(value / 2 ** 32));
}

/** getrusage(2): system calls count as user time; memory is never given back, so what it has is the most it had. */
export function sys_getrusage(k: Process, who: number, usage: number): number {
  const { cpu } = k.linux;
  if (who !== RUSAGE_SELF && who !== RUSAGE_CHILDREN && who !== RUSAGE_THREAD) return -EINVAL;
  if (!k.mem.has(usage >>> 0, RUSAGE_BYTES)) return -EFAULT;
  if (who === RUSAGE_CHILDREN) writeUsage(k, usage >>> 0, cpu.childrenMs, 0);
  else writeUsage(k, usage >>> 0, who === RUSAGE_THREAD ? cpu.threadMs(k.current) : cpu.processMs(), k.mem.size);
  return 0;
}

/** A `struct rusage` into validated memory. */
export function writeUsage(k: Process, ptr: number, userMs: number, memoryBytes: number): void {
  k.mem.u8.fill(0, ptr, ptr + RUSAGE_BYTES);
  writeTimeval(k, ptr, userMs);
  k.mem.setI64(ptr + RUSAGE_MAXRSS, Math.ceil(memoryBytes / 1024));
}

/** times(2): ticks of 10 ms since the machine began. `struct tms`: four i64. */
export function sys_times(k: Process, buf: number): number {
  const { cpu } = k.linux;
  const ptr = buf >>> 0;
  if (ptr !== 0) {
    if (!k.mem.has(ptr, TMS_BYTES)) return -EFAULT;
    k.mem.u8.fill(0, ptr, ptr + TMS_BYTES);
    k.mem.setI64(ptr, Math.floor(cpu.processMs() / TICK_MS));
    k.mem.setI64(ptr + 16, Math.floor(cpu.childrenMs / TICK_MS));
  }
  return Math.floor(k.clock.monotonicMs() / TICK_MS);
}

/** getpriority(2): 20 - niceness, so that no result is negative; the most favourable of all that are meant. */
export function sys_getpriority(k: Process, which: number, who: number): number {
  const targets = prioritized(k, which, who);
  if (typeof targets === "number") return targets;
  return Math.max(...targets.map(({ linux }) => 20 - linux.nice));
}

/** setpriority(2): taken note of. */
export function sys_setpriority(k: Process, which: number, who: number, prio: number): number {
  const targets = prioritized(k, which, who);
  if (typeof targets === "number") return targets;
  const nice = Math.min(Math.max(prio, NICE_MIN), NICE_MAX);
  let result = 0;
  for (const target of targets) {
    if (!mayControl(k, target)) result = -EPERM;
    else if (nice < target.linux.nice && !k.linux.credentials.isPrivileged) result = -EACCES;
    else target.linux.nice = nice;
  }
  return result;
}

function prioritized(k: Process, which: number, who: number): Process[] | number {
  const all = [...k.machine.processes.values()];
  let found: (Process | undefined)[];
  if (which === PRIO_PROCESS) found = [processOf(k, who) ?? ownerOfThread(k, who)];
  else if (which === PRIO_PGRP) found = all.filter(({ linux }) => linux.pgid === (who === 0 ? k.linux.pgid : who));
  else if (which === PRIO_USER) {
    const uid = who === 0 ? k.linux.credentials.uid : who >>> 0;
    found = all.filter(({ linux }) => linux.credentials.uid === uid);
  } else return -EINVAL;
  const targets = found.filter((process) => process !== undefined);
  return targets.length === 0 ? -ESRCH : targets;
}

function ownerOfThread(k: Process, tid: number): Process | undefined {
  const process = k.scheduler.tasks.get(tid)?.process;
  return process ? k.machine.processes.get(process.pid) : undefined;
}

export const LIMITS_ROWS: readonly Row[] = [
  linuxRow(97, "getrlimit", "resource:i32 rlim:ptr", sys_getrlimit),
  linuxRow(98, "getrusage", "who:i32 usage:ptr", sys_getrusage, {
    partial: "CPU time (all of it as user time) and ru_maxrss",
  }),
  linuxRow(100, "times", "buf:ptr", sys_times, { result: "f64", note: "all CPU time is user time" }),
  linuxRow(140, "getpriority", "which:i32 who:i32", sys_getpriority),
  linuxRow(141, "setpriority", "which:i32 who:i32 prio:i32", sys_setpriority, { note: "kept, without effect" }),
  linuxRow(160, "setrlimit", "resource:i32 rlim:ptr", sys_setrlimit, {
    partial: "RLIMIT_NPROC has an effect, on threads; the others are kept",
  }),
  linuxRow(302, "prlimit64", "pid:i32 resource:i32 newLimit:ptr oldLimit:ptr", sys_prlimit64, {
    partial: "as setrlimit",
  }),
];
