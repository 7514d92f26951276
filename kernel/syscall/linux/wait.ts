/**
 * wait4(2) and waitid(2): what has become of children.
 */
import { ECHILD, EFAULT, EINVAL, ESRCH } from "../../abi/errno.ts";
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  SIGCHLD,
  SIGCONT,
  SIGINFO_BYTES,
} from "../../abi/signal.ts";
import { LinuxState } from "../../process/linux-state.ts";
import type { Process } from "../../process/process.ts";
import { writeSignalInfo } from "../../process/signal-info.ts";
import type { Row } from "../row.ts";
import { RUSAGE_BYTES, writeUsage } from "./limits.ts";
import { linuxRow, RESTARTS } from "./row.ts";

const WNOHANG = 1;
/** WSTOPPED of waitid(2). */
const WUNTRACED = 2;
const WEXITED = 4;
const WCONTINUED = 8;
const WNOWAIT = 0x01000000;
/** __WNOTHREAD, __WALL: every child is meant in any case. */
const EVERY_CHILD = 0x60000000;
/** __WCLONE: children that end with another signal than SIGCHLD, of which there are none. */
const WCLONE = 0x80000000;
const WAIT4_FLAGS = WNOHANG | WUNTRACED | WCONTINUED | EVERY_CHILD | WCLONE;
const WAITID_FLAGS = WAIT4_FLAGS | WEXITED | WNOWAIT;
const P_ALL = 0;
const P_PID = 1;
const P_PGID = 2;
const INT_MIN = -0x80000000;

/** What there is to report of a child: si_code and si_status. */
interface Report {
  readonly child: Process;
  readonly code: number;
  readonly status: number;
}

/** wait4(2). */
export function sys_wait4(k: Process, pid: number, wstatus: number, options: number, rusage: number): number {
  if (options & ~WAIT4_FLAGS) return -EINVAL;
  if (pid === INT_MIN) return -ESRCH;
  const group = pid === 0 ? k.linux.pgid : pid < -1 ? -pid : 0;
  const isMeant = (child: Process): boolean =>
    pid > 0 ? child.pid === pid : group === 0 || child.linux.pgid === group;
  if (wstatus !== 0 && !k.mem.has(wstatus >>> 0, 4)) return -EFAULT;
  if (rusage !== 0 && !k.mem.has(rusage >>> 0, RUSAGE_BYTES)) return -EFAULT;
  const found = look(k, isMeant, options | WEXITED);
  if (typeof found === "number") return found;
  if (wstatus !== 0) k.mem.setU32(wstatus >>> 0, waitStatus(found));
  if (rusage !== 0) writeUsageOf(k, rusage >>> 0, found.child);
  take(k, found);
  return found.child.pid;
}

/** waitid(2). */
export function sys_waitid(
  k: Process,
  which: number,
  id: number,
  infop: number,
  options: number,
  rusage: number,
): number {
  if (options & ~WAITID_FLAGS || (options & (WEXITED | WUNTRACED | WCONTINUED)) === 0) return -EINVAL;
  if (which !== P_ALL && which !== P_PID && which !== P_PGID) return -EINVAL;
  if ((which === P_PID && id <= 0) || (which === P_PGID && id < 0)) return -EINVAL;
  const group = id === 0 ? k.linux.pgid : id;
  const isMeant = (child: Process): boolean =>
    which === P_ALL || (which === P_PID ? child.pid === id : child.linux.pgid === group);
  if (infop !== 0 && !k.mem.has(infop >>> 0, SIGINFO_BYTES)) return -EFAULT;
  if (rusage !== 0 && !k.mem.has(rusage >>> 0, RUSAGE_BYTES)) return -EFAULT;
  const found = look(k, isMeant, options);
  if (typeof found === "number") {
    // WNOHANG and nothing to report: a signal number of 0 says so.
    if (found === 0 && infop !== 0)
      writeSignalInfo(k.mem, infop >>> 0, { signo: 0, code: 0, pid: 0, uid: 0, value: 0 });
    return found;
  }
  const { child, code, status } = found;
  if (infop !== 0) {
    const { uid } = child.linux.credentials;
    writeSignalInfo(k.mem, infop >>> 0, { signo: SIGCHLD, code, pid: child.pid, uid, value: status });
  }
  if (rusage !== 0) writeUsageOf(k, rusage >>> 0, child);
  if ((options & WNOWAIT) === 0) take(k, found);
  return 0;
}

/** The first report there is; 0, a negated errno or WOULD_BLOCK where there is none. */
function look(k: Process, isMeant: (child: Process) => boolean, options: number): Report | number {
  const { children, childEvents } = k.linux;
  let known = false;
  for (const child of children) {
    if (!isMeant(child) || ((options & WCLONE) !== 0 && (options & EVERY_CHILD) === 0)) continue;
    if (child.linux.ended && (options & WEXITED) === 0) continue;
    known = true;
    const report = reportOf(child, options);
    if (report) return report;
  }
  if (!known) return -ECHILD;
  return options & WNOHANG ? 0 : k.block(childEvents);
}

function reportOf(child: Process, options: number): Report | null {
  const { ended, stopSignal, stopUnreported, continueUnreported } = child.linux;
  if (ended) {
    if (ended.signal === 0) return { child, code: CLD_EXITED, status: ended.status };
    return { child, code: LinuxState.dumps(ended.signal) ? CLD_DUMPED : CLD_KILLED, status: ended.signal };
  }
  if (stopUnreported && options & WUNTRACED) return { child, code: CLD_STOPPED, status: stopSignal };
  if (continueUnreported && options & WCONTINUED) return { child, code: CLD_CONTINUED, status: SIGCONT };
  return null;
}

/** What was reported is not reported again. */
function take(k: Process, { child, code }: Report): void {
  const { linux } = child;
  if (code === CLD_STOPPED) linux.stopUnreported = false;
  else if (code === CLD_CONTINUED) linux.continueUnreported = false;
  else {
    k.linux.cpu.childReaped(child);
    linux.reap();
  }
}

/** As wait4(2) encodes it. */
function waitStatus({ code, status }: Report): number {
  switch (code) {
    case CLD_EXITED:
      return status << 8;
    case CLD_DUMPED:
      return status | 0x80;
    case CLD_STOPPED:
      return (status << 8) | 0x7f;
    case CLD_CONTINUED:
      return 0xffff;
    default:
      return status;
  }
}

function writeUsageOf(k: Process, ptr: number, { linux: { cpu } }: Process): void {
  writeUsage(k, ptr, cpu.processMs() + cpu.childrenMs, 0);
}

export const WAIT_ROWS: readonly Row[] = [
  linuxRow(61, "wait4", "pid:i32 wstatus:ptr options:i32 rusage:ptr", sys_wait4, RESTARTS),
  linuxRow(247, "waitid", "which:i32 id:i32 infop:ptr options:i32 rusage:ptr", sys_waitid, {
    ...RESTARTS,
    partial: "P_ALL, P_PID and P_PGID; no P_PIDFD",
  }),
];
