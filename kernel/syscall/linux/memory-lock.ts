/**
 * mlock(2) and its family. Memory is never swapped out, so a lock is only counted: against RLIMIT_MEMLOCK for a process without privilege.
 */
import { EAGAIN, EINVAL, ENOMEM, ENOSYS, EPERM } from "../../abi/errno.ts";
import { MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT, MLOCK_ONFAULT } from "../../abi/mman.ts";
import type { AddressSpace } from "../../mem/address-space.ts";
import { PAGE_BYTES, roundUp } from "../../mem/mapping.ts";
import type { Process } from "../../process/process.ts";
import { RLIMIT_MEMLOCK } from "../../process/resource-limits.ts";

const ADDRESS_END = 2 ** 32;

/** Why a new mapping of `size` bytes cannot be locked, or 0; `locks`: whether it is to be. */
export function lockRefused(k: Process, locks: boolean, size: number): number {
  if (!locks || k.linux.credentials.isPrivileged) return 0;
  const limit = k.linux.limits.get(RLIMIT_MEMLOCK).soft;
  if (limit === 0) return -EPERM;
  return lockedBytes(k.linux.space) + size > limit ? -EAGAIN : 0;
}

/** mlock(2). */
export function sys_mlock(k: Process, addr: number, len: number): number {
  return lock(k, addr >>> 0, len >>> 0, true);
}

/** mlock2(2): MLOCK_ONFAULT makes no difference. */
export function sys_mlock2(k: Process, addr: number, len: number, flags: number): number {
  return (flags & ~MLOCK_ONFAULT) !== 0 ? -EINVAL : lock(k, addr >>> 0, len >>> 0, true);
}

/** munlock(2). */
export function sys_munlock(k: Process, addr: number, len: number): number {
  return lock(k, addr >>> 0, len >>> 0, false);
}

/** mlockall(2). */
export function sys_mlockall(k: Process, flags: number): number {
  const { space, credentials, limits } = k.linux;
  if (!space) return -ENOSYS;
  if (flags === 0 || flags === MCL_ONFAULT || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) !== 0) return -EINVAL;
  const limit = limits.get(RLIMIT_MEMLOCK).soft;
  if (!credentials.isPrivileged) {
    if (limit === 0) return -EPERM;
    if ((flags & MCL_CURRENT) !== 0 && space.mappedBytes > limit) return -ENOMEM;
  }
  space.locksFuture = (flags & MCL_FUTURE) !== 0;
  if ((flags & MCL_CURRENT) !== 0) setLocked(space, 0, ADDRESS_END, true);
  return 0;
}

/** munlockall(2). */
export function sys_munlockall(k: Process): number {
  const { space } = k.linux;
  if (!space) return -ENOSYS;
  space.locksFuture = false;
  setLocked(space, 0, ADDRESS_END, false);
  return 0;
}

function lock(k: Process, address: number, length: number, on: boolean): number {
  const { space, credentials, limits } = k.linux;
  if (!space) return -ENOSYS;
  const start = Math.floor(address / PAGE_BYTES) * PAGE_BYTES;
  const end = roundUp(address + length, PAGE_BYTES);
  if (on && !credentials.isPrivileged) {
    const limit = limits.get(RLIMIT_MEMLOCK).soft;
    if (limit === 0) return -EPERM;
    if (lockedBytes(space) - lockedBytes(space, start, end) + (end - start) > limit) return -ENOMEM;
  }
  if (end > ADDRESS_END) return -EINVAL;
  if (length === 0) return 0;
  setLocked(space, start, end, on);
  return space.covers(start, end) ? 0 : -ENOMEM;
}

function setLocked(space: AddressSpace, start: number, end: number, on: boolean): void {
  space.change(start, end, (mapping) => {
    mapping.locked = on;
  });
}

function lockedBytes(space: AddressSpace | null, start = 0, end = ADDRESS_END): number {
  if (!space) return 0;
  return space
    .between(start, end)
    .filter(({ locked }) => locked)
    .reduce((sum, mapping) => sum + Math.min(end, mapping.end) - Math.max(start, mapping.start), 0);
}
