/**
 * System calls about processes: numbers, fork, end. execve(2) is in exec.ts, waiting in wait.ts.
 */
import { forkCall } from "../../process/fork.ts";
import type { Process } from "../../process/process.ts";
import { sys_exit, sys_exit_group, sys_getpid, sys_getppid } from "../process.ts";
import type { Row } from "../row.ts";
import { linuxRow } from "./row.ts";

/** fork(2). */
export function sys_fork(k: Process): number {
  return forkCall(k);
}

export const PROCESS_ROWS: readonly Row[] = [
  linuxRow(39, "getpid", "", sys_getpid),
  linuxRow(57, "fork", "", sys_fork, { unwinds: true, note: "for images built with the unwind transformation" }),
  linuxRow(58, "vfork", "", sys_fork, { unwinds: true, note: "as fork" }),
  linuxRow(60, "exit", "status:i32", sys_exit, { result: "void" }),
  linuxRow(110, "getppid", "", sys_getppid),
  linuxRow(231, "exit_group", "status:i32", sys_exit_group, { result: "void" }),
];
