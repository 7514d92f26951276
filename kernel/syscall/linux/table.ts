/**
 * The Linux system-call table: every call that the `wali` personality answers, as data, by noun. Numbers are those of x86-64. A row without a
 * conformance program fails the build.
 */
import type { Row } from "../row.ts";
import { ATTRIBUTE_ROWS } from "./attributes.ts";
import { AUXILIARY_TABLE } from "./auxiliary.ts";
import { COPY_ROWS } from "./copy.ts";
import { DESCRIPTOR_ROWS } from "./descriptor.ts";
import { EXEC_ROWS } from "./exec.ts";
import { FILE_ROWS } from "./file.ts";
import { IDENTITY_ROWS } from "./identity.ts";
import { LIMITS_ROWS } from "./limits.ts";
import { MEMORY_ROWS } from "./memory.ts";
import { PATH_ROWS } from "./path.ts";
import { PRCTL_ROWS } from "./prctl.ts";
import { PROCESS_ROWS } from "./process.ts";
import { PROCESS_GROUP_ROWS } from "./process-group.ts";
import { READINESS_ROWS } from "./readiness.ts";
import { SCHEDULING_ROWS } from "./scheduling.ts";
import { SIGNAL_ROWS } from "./signal.ts";
import { SIGNAL_SEND_ROWS } from "./signal-send.ts";
import { SIGNALFD_ROWS } from "./signalfd.ts";
import { SOCKET_ROWS } from "./socket.ts";
import { STORAGE_ROWS } from "./storage.ts";
import { SYSTEM_ROWS } from "./system.ts";
import { THREAD_ROWS } from "./thread.ts";
import { TIME_ROWS } from "./time.ts";
import { TIMERS_ROWS } from "./timers.ts";
import { TRANSFER_ROWS } from "./transfer.ts";
import { WAIT_ROWS } from "./wait.ts";
import { XATTR_ROWS } from "./xattr.ts";

export const LINUX_TABLE: readonly Row[] = [
  ...TRANSFER_ROWS,
  ...COPY_ROWS,
  ...DESCRIPTOR_ROWS,
  ...STORAGE_ROWS,
  ...ATTRIBUTE_ROWS,
  ...XATTR_ROWS,
  ...FILE_ROWS,
  ...PATH_ROWS,
  ...SOCKET_ROWS,
  ...READINESS_ROWS,
  ...MEMORY_ROWS,
  ...PROCESS_ROWS,
  ...EXEC_ROWS,
  ...WAIT_ROWS,
  ...PROCESS_GROUP_ROWS,
  ...IDENTITY_ROWS,
  ...LIMITS_ROWS,
  ...PRCTL_ROWS,
  ...SCHEDULING_ROWS,
  ...THREAD_ROWS,
  ...SIGNAL_ROWS,
  ...SIGNAL_SEND_ROWS,
  ...SIGNALFD_ROWS,
  ...TIME_ROWS,
  ...TIMERS_ROWS,
  ...SYSTEM_ROWS,
].sort((a, b) => a.number - b.number);

/** By name. */
export const LINUX_ROWS: ReadonlyMap<string, Row> = new Map(LINUX_TABLE.map((row) => [row.name, row]));
export const AUXILIARY_ROWS: ReadonlyMap<string, Row> = new Map(AUXILIARY_TABLE.map((row) => [row.name, row]));
