/**
 * System calls about the machine as a whole.
 */
import { EFAULT, EINVAL, EPERM } from "../../abi/errno.ts";
import { HOSTNAME_BYTES_MAX, UTS_LENGTH, UTSNAME_BYTES } from "../../abi/utsname.ts";
import { fromGuest, writeBytes } from "../../fs/byte-string.ts";
import type { Process } from "../../process/process.ts";
import { sys_getrandom } from "../process.ts";
import type { Row } from "../row.ts";
import { BLOCKS, linuxRow } from "./row.ts";

const SYSINFO_BYTES = 112;
const GRND_RANDOM = 2;
const GRND_INSECURE = 4;
/** personality(2): asks only. */
const PERSONALITY_QUERY = -1;
/** syslog(2): sizes of what is unread and of the buffer. */
const SYSLOG_ACTION_READ = 2;
const SYSLOG_ACTION_READ_CLEAR = 4;
const SYSLOG_ACTION_SIZE_UNREAD = 9;
const SYSLOG_ACTION_SIZE_BUFFER = 10;
const SYSLOG_ACTION_READ_ALL = 3;
const SYSLOG_ACTION_MAX = 10;

/** uname(2). */
export function sys_uname(k: Process, buf: number): number {
  const ptr = buf >>> 0;
  if (!k.mem.has(ptr, UTSNAME_BYTES)) return -EFAULT;
  const { hostname, domainname } = k.machine;
  k.mem.u8.fill(0, ptr, ptr + UTSNAME_BYTES);
  ["Linux", hostname, "6.1.0-ringzero", "#1 Ringzero", "wasm32", domainname].forEach((field, index) => {
    writeBytes(k.mem.u8, ptr + index * UTS_LENGTH, field);
  });
  return 0;
}

/** sethostname(2). */
export function sys_sethostname(k: Process, name: number, len: number): number {
  const text = nameAt(k, name >>> 0, len);
  if (typeof text === "number") return text;
  k.machine.hostname = text;
  return 0;
}

/** setdomainname(2). */
export function sys_setdomainname(k: Process, name: number, len: number): number {
  const text = nameAt(k, name >>> 0, len);
  if (typeof text === "number") return text;
  k.machine.domainname = text;
  return 0;
}

function nameAt(k: Process, ptr: number, length: number): string | number {
  if (!k.linux.credentials.isPrivileged) return -EPERM;
  if (length < 0 || length > HOSTNAME_BYTES_MAX) return -EINVAL;
  return k.mem.has(ptr, length) ? fromGuest(k.mem, ptr, length) : -EFAULT;
}

/** sysinfo(2): `struct sysinfo` of x86-64, mem_unit 1. */
export function sys_sysinfo(k: Process, info: number): number {
  const ptr = info >>> 0;
  if (!k.mem.has(ptr, SYSINFO_BYTES)) return -EFAULT;
  const { mem } = k;
  const { processes } = k.machine;
  let used = 0;
  for (const process of processes.values()) if (!process.over) used += process.mem.size;
  mem.u8.fill(0, ptr, ptr + SYSINFO_BYTES);
  mem.setI64(ptr, Math.floor(k.clock.monotonicMs() / 1000));
  mem.setI64(ptr + 32, k.boot.memoryLimit);
  mem.setI64(ptr + 40, Math.max(0, k.boot.memoryLimit - used));
  mem.setU16(ptr + 80, processes.size);
  mem.setU32(ptr + 104, 1);
  return 0;
}

/** getrandom(2). */
export function sys_getrandom_linux(k: Process, buf: number, buflen: number, flags: number): number {
  if ((flags & (GRND_RANDOM | GRND_INSECURE)) === (GRND_RANDOM | GRND_INSECURE)) return -EINVAL;
  return sys_getrandom(k, buf, buflen, flags);
}

/** personality(2): kept. */
export function sys_personality(k: Process, persona: number): number {
  const before = k.linux.personality;
  if (persona !== PERSONALITY_QUERY) k.linux.personality = persona;
  return before;
}

/** syslog(2): the kernel's log is the host's; nothing of it can be read here. */
export function sys_syslog(k: Process, type: number, bufp: number, len: number): number {
  if (type < 0 || type > SYSLOG_ACTION_MAX || len < 0) return -EINVAL;
  const mayAll = type === SYSLOG_ACTION_READ_ALL || type === SYSLOG_ACTION_SIZE_BUFFER;
  if (!mayAll && type !== SYSLOG_ACTION_SIZE_UNREAD && !k.linux.credentials.isPrivileged) return -EPERM;
  const reads = type >= SYSLOG_ACTION_READ && type <= SYSLOG_ACTION_READ_CLEAR;
  return reads && bufp === 0 ? -EINVAL : 0;
}

/** reboot(2): who has booted the machine ends it. */
export function sys_reboot(_k: Process): number {
  return -EPERM;
}

export const SYSTEM_ROWS: readonly Row[] = [
  linuxRow(63, "uname", "buf:ptr", sys_uname),
  linuxRow(99, "sysinfo", "info:ptr", sys_sysinfo, { note: "no loads, no swap" }),
  linuxRow(103, "syslog", "type:i32 bufp:ptr len:i32", sys_syslog, { partial: "the log is empty" }),
  linuxRow(135, "personality", "persona:i32", sys_personality, { note: "kept, without effect" }),
  linuxRow(169, "reboot", "magic:i32 magic2:i32 cmd:i32 arg:ptr", sys_reboot, { partial: "answers EPERM" }),
  linuxRow(170, "sethostname", "name:ptr len:i32", sys_sethostname),
  linuxRow(171, "setdomainname", "name:ptr len:i32", sys_setdomainname),
  linuxRow(318, "getrandom", "buf:ptr buflen:i32 flags:i32", sys_getrandom_linux, BLOCKS),
];
