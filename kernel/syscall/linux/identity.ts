/**
 * System calls about who a process is: user and group ids (credentials(7)), capabilities. Ids are kept, changed by the rules of Linux and
 * inherited; they decide who may signal whom and who may change ids, and nothing else. User 0 has every capability.
 */
import { EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import type { Credentials } from "../../process/credentials.ts";
import type { Process } from "../../process/process.ts";
import type { Row } from "../row.ts";
import { processOf } from "./process-lookup.ts";
import { linuxRow } from "./row.ts";

/** An id that says: as it is. */
const UNCHANGED = 0xffffffff;
const NGROUPS_MAX = 65536;
const CAPABILITY_VERSION_1 = 0x19980330;
const CAPABILITY_VERSION_2 = 0x20071026;
const CAPABILITY_VERSION_3 = 0x20080522;
/** CAP_LAST_CAP is 40: what user 0 may do, in words of 32 bits. */
const ALL_CAPABILITIES = [0xffffffff, 0x1ff] as const;
const CAPABILITY_SETS_BYTES = 12;

/** The three ids of a kind, by the names of the user's. */
type Ids = "uid" | "gid";
const NAMES = {
  uid: { real: "uid", effective: "euid", saved: "suid", fs: "fsuid" },
  gid: { real: "gid", effective: "egid", saved: "sgid", fs: "fsgid" },
} as const;

export function sys_getuid(k: Process): number {
  return k.linux.credentials.uid | 0;
}

export function sys_geteuid(k: Process): number {
  return k.linux.credentials.euid | 0;
}

export function sys_getgid(k: Process): number {
  return k.linux.credentials.gid | 0;
}

export function sys_getegid(k: Process): number {
  return k.linux.credentials.egid | 0;
}

/** setuid(2). */
export function sys_setuid(k: Process, uid: number): number {
  return setOne(k.linux.credentials, "uid", uid >>> 0);
}

/** setgid(2). */
export function sys_setgid(k: Process, gid: number): number {
  return setOne(k.linux.credentials, "gid", gid >>> 0);
}

/** setreuid(2). */
export function sys_setreuid(k: Process, ruid: number, euid: number): number {
  return setTwo(k.linux.credentials, "uid", ruid >>> 0, euid >>> 0);
}

/** setregid(2). */
export function sys_setregid(k: Process, rgid: number, egid: number): number {
  return setTwo(k.linux.credentials, "gid", rgid >>> 0, egid >>> 0);
}

/** setresuid(2). */
export function sys_setresuid(k: Process, ruid: number, euid: number, suid: number): number {
  return setThree(k.linux.credentials, "uid", ruid >>> 0, euid >>> 0, suid >>> 0);
}

/** setresgid(2). */
export function sys_setresgid(k: Process, rgid: number, egid: number, sgid: number): number {
  return setThree(k.linux.credentials, "gid", rgid >>> 0, egid >>> 0, sgid >>> 0);
}

/** getresuid(2). */
export function sys_getresuid(k: Process, ruid: number, euid: number, suid: number): number {
  const { credentials } = k.linux;
  return writeIds(k, [ruid, euid, suid], [credentials.uid, credentials.euid, credentials.suid]);
}

/** getresgid(2). */
export function sys_getresgid(k: Process, rgid: number, egid: number, sgid: number): number {
  const { credentials } = k.linux;
  return writeIds(k, [rgid, egid, sgid], [credentials.gid, credentials.egid, credentials.sgid]);
}

/** setfsuid(2): the id before, whether or not it has changed. */
export function sys_setfsuid(k: Process, fsuid: number): number {
  return setFs(k.linux.credentials, "uid", fsuid >>> 0);
}

/** setfsgid(2). */
export function sys_setfsgid(k: Process, fsgid: number): number {
  return setFs(k.linux.credentials, "gid", fsgid >>> 0);
}

/** getgroups(2). */
export function sys_getgroups(k: Process, size: number, list: number): number {
  const { groups } = k.linux.credentials;
  if (size < 0) return -EINVAL;
  if (size === 0) return groups.length;
  if (groups.length > size) return -EINVAL;
  const ptr = list >>> 0;
  if (!k.mem.has(ptr, 4 * groups.length)) return -EFAULT;
  groups.forEach((group, index) => {
    k.mem.setU32(ptr + 4 * index, group);
  });
  return groups.length;
}

/** setgroups(2). */
export function sys_setgroups(k: Process, size: number, list: number): number {
  const { credentials } = k.linux;
  if (!credentials.isPrivileged) return -EPERM;
  const count = size >>> 0;
  if (count > NGROUPS_MAX) return -EINVAL;
  const ptr = list >>> 0;
  if (!k.mem.has(ptr, 4 * count)) return -EFAULT;
  const groups = Array.from({ length: count }, (_, index) => k.mem.getU32(ptr + 4 * index));
  if (groups.includes(UNCHANGED)) return -EINVAL;
  credentials.groups = groups.sort((a, b) => a - b);
  return 0;
}

/** capget(2). `data`: effective, permitted and inheritable, once or (from version 2 on) twice. */
export function sys_capget(k: Process, hdrp: number, datap: number): number {
  const sets = capabilityHeader(k, hdrp >>> 0, datap === 0);
  if (sets <= 0) return sets;
  const target = processOf(k, k.mem.getI32((hdrp >>> 0) + 4));
  if (!target) return -ESRCH;
  const ptr = datap >>> 0;
  if (ptr === 0) return 0;
  if (!k.mem.has(ptr, sets * CAPABILITY_SETS_BYTES)) return -EFAULT;
  for (let set = 0; set < sets; set++) {
    const held = target.linux.credentials.isPrivileged ? (ALL_CAPABILITIES[set] as number) : 0;
    [held, held, 0].forEach((value, index) => {
      k.mem.setU32(ptr + set * CAPABILITY_SETS_BYTES + 4 * index, value);
    });
  }
  return 0;
}

/** capset(2): none can be added, and what is dropped is had all the same. */
export function sys_capset(k: Process, hdrp: number, datap: number): number {
  const sets = capabilityHeader(k, hdrp >>> 0, false);
  if (sets <= 0) return sets;
  const pid = k.mem.getI32((hdrp >>> 0) + 4);
  if (pid !== 0 && pid !== k.pid && pid !== k.current.tid) return -EPERM;
  const ptr = datap >>> 0;
  if (!k.mem.has(ptr, sets * CAPABILITY_SETS_BYTES)) return -EFAULT;
  for (let set = 0; set < sets; set++) {
    const held = k.linux.credentials.isPrivileged ? (ALL_CAPABILITIES[set] as number) : 0;
    const effective = k.mem.getU32(ptr + set * CAPABILITY_SETS_BYTES);
    const permitted = k.mem.getU32(ptr + set * CAPABILITY_SETS_BYTES + 4);
    if ((effective & ~permitted) !== 0 || (permitted & ~held) !== 0) return -EPERM;
  }
  return 0;
}

/** How many sets of capabilities the header's version has, or a negated errno; 0: the version was asked for. */
function capabilityHeader(k: Process, ptr: number, onlyAsks: boolean): number {
  if (!k.mem.has(ptr, 8)) return -EFAULT;
  const version = k.mem.getU32(ptr);
  if (version === CAPABILITY_VERSION_1) return 1;
  if (version === CAPABILITY_VERSION_2 || version === CAPABILITY_VERSION_3) {
    return k.mem.getI32(ptr + 4) < 0 ? -EINVAL : 2;
  }
  k.mem.setU32(ptr, CAPABILITY_VERSION_3);
  return onlyAsks ? 0 : -EINVAL;
}

function setOne(credentials: Credentials, kind: Ids, id: number): number {
  const { real, effective, saved, fs } = NAMES[kind];
  if (id === UNCHANGED) return -EINVAL;
  if (credentials.isPrivileged) {
    credentials[real] = id;
    credentials[saved] = id;
  } else if (id !== credentials[real] && id !== credentials[saved]) return -EPERM;
  credentials[effective] = id;
  credentials[fs] = id;
  return 0;
}

function setTwo(credentials: Credentials, kind: Ids, newReal: number, newEffective: number): number {
  const { real, effective, saved, fs } = NAMES[kind];
  const before = { real: credentials[real], effective: credentials[effective], saved: credentials[saved] };
  if (!credentials.isPrivileged) {
    if (newReal !== UNCHANGED && newReal !== before.real && newReal !== before.effective) return -EPERM;
    if (newEffective !== UNCHANGED && !Object.values(before).includes(newEffective)) return -EPERM;
  }
  if (newReal !== UNCHANGED) credentials[real] = newReal;
  if (newEffective !== UNCHANGED) credentials[effective] = newEffective;
  if (newReal !== UNCHANGED || (newEffective !== UNCHANGED && newEffective !== before.real)) {
    credentials[saved] = credentials[effective];
  }
  credentials[fs] = credentials[effective];
  return 0;
}

function setThree(
  credentials: Credentials,
  kind: Ids,
  newReal: number,
  newEffective: number,
  newSaved: number,
): number {
  const { real, effective, saved, fs } = NAMES[kind];
  const owned = [UNCHANGED, credentials[real], credentials[effective], credentials[saved]];
  const mayNot = [newReal, newEffective, newSaved].some((id) => !owned.includes(id));
  if (mayNot && !credentials.isPrivileged) return -EPERM;
  if (newReal !== UNCHANGED) credentials[real] = newReal;
  if (newEffective !== UNCHANGED) credentials[effective] = newEffective;
  if (newSaved !== UNCHANGED) credentials[saved] = newSaved;
  credentials[fs] = credentials[effective];
  return 0;
}

function setFs(credentials: Credentials, kind: Ids, id: number): number {
  const { real, effective, saved, fs } = NAMES[kind];
  const before = credentials[fs];
  const owned = [credentials[real], credentials[effective], credentials[saved], before];
  if (id !== UNCHANGED && (credentials.isPrivileged || owned.includes(id))) credentials[fs] = id;
  return before | 0;
}

function writeIds(k: Process, pointers: readonly number[], ids: readonly number[]): number {
  if (pointers.some((ptr) => !k.mem.has(ptr >>> 0, 4))) return -EFAULT;
  pointers.forEach((ptr, index) => {
    k.mem.setU32(ptr >>> 0, ids[index] as number);
  });
  return 0;
}

export const IDENTITY_ROWS: readonly Row[] = [
  linuxRow(102, "getuid", "", sys_getuid),
  linuxRow(104, "getgid", "", sys_getgid),
  linuxRow(105, "setuid", "uid:i32", sys_setuid),
  linuxRow(106, "setgid", "gid:i32", sys_setgid),
  linuxRow(107, "geteuid", "", sys_geteuid),
  linuxRow(108, "getegid", "", sys_getegid),
  linuxRow(113, "setreuid", "ruid:i32 euid:i32", sys_setreuid),
  linuxRow(114, "setregid", "rgid:i32 egid:i32", sys_setregid),
  linuxRow(115, "getgroups", "size:i32 list:ptr", sys_getgroups),
  linuxRow(116, "setgroups", "size:i32 list:ptr", sys_setgroups),
  linuxRow(117, "setresuid", "ruid:i32 euid:i32 suid:i32", sys_setresuid),
  linuxRow(118, "getresuid", "ruid:ptr euid:ptr suid:ptr", sys_getresuid),
  linuxRow(119, "setresgid", "rgid:i32 egid:i32 sgid:i32", sys_setresgid),
  linuxRow(120, "getresgid", "rgid:ptr egid:ptr sgid:ptr", sys_getresgid),
  linuxRow(122, "setfsuid", "fsuid:i32", sys_setfsuid),
  linuxRow(123, "setfsgid", "fsgid:i32", sys_setfsgid),
  linuxRow(125, "capget", "hdrp:ptr datap:ptr", sys_capget),
  linuxRow(126, "capset", "hdrp:ptr datap:ptr", sys_capset, { partial: "dropped capabilities stay" }),
];
