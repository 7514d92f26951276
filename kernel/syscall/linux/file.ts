/**
 * Descriptors of what the kernel makes for programs: eventfd(2), timerfd(2).
 */
import type { Process } from "../../process/process.ts";
import { sys_eventfd2 } from "../eventfd.ts";
import type { Row } from "../row.ts";
import { sys_timerfd_create, sys_timerfd_gettime, sys_timerfd_settime } from "../timerfd.ts";
import { linuxRow } from "./row.ts";

/** eventfd(2). */
export function sys_eventfd(k: Process, initval: number): number {
  return sys_eventfd2(k, initval, 0);
}

export const FILE_ROWS: readonly Row[] = [
  linuxRow(283, "timerfd_create", "clockid:i32 flags:i32", sys_timerfd_create),
  linuxRow(284, "eventfd", "initval:i32", sys_eventfd),
  linuxRow(286, "timerfd_settime", "fd:fd flags:i32 newValue:ptr oldValue:ptr", sys_timerfd_settime),
  linuxRow(287, "timerfd_gettime", "fd:fd currValue:ptr", sys_timerfd_gettime),
  linuxRow(290, "eventfd2", "initval:i32 flags:i32", sys_eventfd2),
];
