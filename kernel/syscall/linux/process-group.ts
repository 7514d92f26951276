/**
 * System calls about process groups and sessions (setpgid(2), setsid(2)).
 */
import { EACCES, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import type { Process } from "../../process/process.ts";
import type { Row } from "../row.ts";
import { processOf } from "./process-lookup.ts";
import { linuxRow } from "./row.ts";

/** getpgid(2). */
export function sys_getpgid(k: Process, pid: number): number {
  return processOf(k, pid)?.linux.pgid ?? -ESRCH;
}

/** getpgrp(2). */
export function sys_getpgrp(k: Process): number {
  return k.linux.pgid;
}

/** getsid(2). */
export function sys_getsid(k: Process, pid: number): number {
  return processOf(k, pid)?.linux.sid ?? -ESRCH;
}

/** setpgid(2): of the caller, or of a child that has not called execve(2). */
export function sys_setpgid(k: Process, pid: number, pgid: number): number {
  const target = processOf(k, pid);
  const group = pgid === 0 ? (target?.pid ?? 0) : pgid;
  if (pid < 0 || group < 0) return -EINVAL;
  if (!target || (target !== k && !k.linux.children.has(target))) return -ESRCH;
  const { linux } = target;
  if (target !== k) {
    if (linux.sid !== k.linux.sid) return -EPERM;
    if (linux.hasExecuted) return -EACCES;
  }
  if (linux.sid === target.pid) return -EPERM;
  if (group !== target.pid) {
    const members = [...k.machine.processes.values()].filter((process) => process.linux.pgid === group);
    if (!members.some((process) => process.linux.sid === k.linux.sid)) return -EPERM;
  }
  linux.pgid = group;
  return 0;
}

/** setsid(2): the new session's number. */
export function sys_setsid(k: Process): number {
  for (const { linux } of k.machine.processes.values()) if (linux.pgid === k.pid) return -EPERM;
  k.linux.pgid = k.pid;
  k.linux.sid = k.pid;
  return k.pid;
}

export const PROCESS_GROUP_ROWS: readonly Row[] = [
  linuxRow(109, "setpgid", "pid:i32 pgid:i32", sys_setpgid),
  linuxRow(111, "getpgrp", "", sys_getpgrp),
  linuxRow(112, "setsid", "", sys_setsid),
  linuxRow(121, "getpgid", "pid:i32", sys_getpgid),
  linuxRow(124, "getsid", "pid:i32", sys_getsid),
];
