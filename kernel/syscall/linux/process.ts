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

<<<<<<< HEAD
/** wait4(2). */
export function sys_wait4(k: Process, pid: number, wstatus: number, options: number, rusage: number): number {
  if (options & ~WAIT_FLAGS) return -EINVAL;
  if (wstatus !== 0 && !k.mem.has(wstatus >>> 0, 4)) return -EFAULT;
  if (rusage !== 0 && !k.mem.has(rusage >>> 0, RUSAGE_BYTES)) return -EFAULT;
  const { children, childEvents, pgid } = k.linux;
  let known = false;
  for (const child of children) {
    const { linux } = child;
    if (pid > 0 ? child.pid !== pid : pid < -1 ? linux.pgid !== -pid : pid === 0 && linux.pgid !== pgid) continue;
    known = true;
    const status = statusOf(linux, options);
    if (status < 0) continue;
    if (linux.ended) linux.reap();
    if (wstatus !== 0) k.mem.setU32(wstatus >>> 0, status);
    if (rusage !== 0) k.mem.u8.fill(0, rusage >>> 0, (rusage >>> 0) + RUSAGE_BYTES);
    return child.pid;
  }
  if (!known) return -ECHILD;
  return options & WNOHANG ? 0 : k.block(childEvents);
}

/** What there is to report of a child, as wait4(2) encodes it; -1: nothing. */
function statusOf(linux: LinuxState, options: number): number {
  const { ended } = linux;
  if (ended) {
    if (ended.signal === 0) return ended.status << 8;
    return ended.signal | (LinuxState.dumps(ended.signal) ? 0x80 : 0);
  }
  if (linux.stopUnreported && options & WUNTRACED) {
    linux.stopUnreported = false;
    return (linux.stopSignal << 8) | 0x7f;
  }
  if (linux.continueUnreported && options & WCONTINUED) {
    linux.continueUnreported = false;
    return 0xffff;
  }
  return -1;
}

/** execve(2) of a WebAssembly module that lies in the file system. */
export function sys_execve(k: Process, pathname: number, argv: number, envp: number): number {
  if (k.mem.isPinned) return k.block(k.mem.unpinned); // a device works for another thread
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  const args = stringsAt(k, argv);
  if (typeof args === "number") return args;
  const env = stringsAt(k, envp);
  if (typeof env === "number") return env;
  const place = k.vfs.resolve(k, AT_FDCWD, path, true);
  if (typeof place === "number") return place;
  if (place.inode.kind !== "regular") return -EACCES;
  const bytes = readWholeFile(k, path);
  if (typeof bytes === "number") return bytes;
  if (bytes.length < 8) return -ENOEXEC;
  return execute(k, bytes, toText(path).split("/").at(-1) ?? "", args, env);
}

/** A NULL-terminated array of strings; a null pointer is an empty one. */
function stringsAt(k: Process, array: number): string[] | number {
  const strings: string[] = [];
  for (let at = array >>> 0; at !== 0; at += 4) {
    if (!k.mem.has(at, 4)) return -EFAULT;
    const ptr = k.mem.getU32(at);
    if (ptr === 0) break;
    if (strings.length >= ARGUMENTS_MAX) return -E2BIG;
    const text = stringAt(k, ptr, ARGUMENT_BYTES_MAX, E2BIG);
    if (typeof text === "number") return text;
    strings.push(toText(text));
  }
  return strings;
}

=======
>>>>>>> 91a710c (Process, identity, limits, time, timer and signal calls of the Linux personality; signal frames as on Linux; CPU time)
export const PROCESS_ROWS: readonly Row[] = [
  linuxRow(39, "getpid", "", sys_getpid),
  linuxRow(57, "fork", "", sys_fork, { unwinds: true, note: "for images built with the unwind transformation" }),
  linuxRow(58, "vfork", "", sys_fork, { unwinds: true, note: "as fork" }),
  linuxRow(60, "exit", "status:i32", sys_exit, { result: "void" }),
  linuxRow(110, "getppid", "", sys_getppid),
  linuxRow(231, "exit_group", "status:i32", sys_exit_group, { result: "void" }),
];
