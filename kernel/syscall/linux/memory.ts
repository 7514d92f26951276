/**
 * mmap(2), munmap(2), mremap(2), mprotect(2), brk(2), membarrier(2), and the rows of everything about memory. Arguments are checked here, in
 * Linux' order (mm/mmap.c, mm/mremap.c, mm/mprotect.c); AddressSpace does the work.
 */
import {
  EACCES,
  EAGAIN,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOMEM,
  ENOSYS,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
} from "../../abi/errno.ts";
import { O_PATH } from "../../abi/fcntl.ts";
import * as mman from "../../abi/mman.ts";
import { emptyStat } from "../../abi/stat.ts";
import { mayRead, mayWrite } from "../../fs/access.ts";
import type { File } from "../../fs/file.ts";
import type { AddressSpace } from "../../mem/address-space.ts";
import { PAGE_BYTES, roundUp } from "../../mem/mapping.ts";
import type { Process } from "../../process/process.ts";
import { RLIMIT_AS, RLIMIT_DATA } from "../../process/resource-limits.ts";
import type { Row } from "../row.ts";
import { sys_madvise, sys_mincore, sys_msync } from "./memory-advice.ts";
import { sys_memfd_create } from "./memory-file.ts";
import { lockRefused, sys_mlock, sys_mlock2, sys_mlockall, sys_munlock, sys_munlockall } from "./memory-lock.ts";
import { linuxRow } from "./row.ts";

/** TASK_SIZE: where addresses end. */
const ADDRESS_END = 2 ** 32;
/** Flags that MAP_SHARED_VALIDATE knows (LEGACY_MAP_MASK); MAP_SYNC needs a file system that has it. */
const VALIDATED_FLAGS =
  mman.MAP_TYPE |
  mman.MAP_FIXED |
  mman.MAP_FIXED_NOREPLACE |
  mman.MAP_ANONYMOUS |
  mman.MAP_DENYWRITE |
  mman.MAP_EXECUTABLE |
  mman.MAP_GROWSDOWN |
  mman.MAP_LOCKED |
  mman.MAP_NORESERVE |
  mman.MAP_POPULATE |
  mman.MAP_NONBLOCK |
  mman.MAP_STACK |
  mman.MAP_HUGETLB |
  mman.MAP_32BIT;
/** No file is as large; offsets behind remain exact numbers, however a mapping grows. */
const FILE_BYTES_MAX = 2 ** 52;
/** /dev/zero: mapping it is mapping nothing. */
const ZERO_RDEV = (1 << 8) | 5;
const PROT_KNOWN = mman.PROT_READ | mman.PROT_WRITE | mman.PROT_EXEC | mman.PROT_SEM;

/** mmap(2). */
export function sys_mmap(
  k: Process,
  addr: number,
  length: number,
  prot: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  const { space } = k.linux;
  if (!space) return -ENOSYS;
  if (offset % PAGE_BYTES !== 0) return -EINVAL;
  const anonymous = (flags & mman.MAP_ANONYMOUS) !== 0;
  const file = anonymous ? null : k.fds.get(fd);
  if (!anonymous && (!file || (file.flags & O_PATH) !== 0)) return -EBADF;
  if ((flags & mman.MAP_HUGETLB) !== 0) return anonymous ? -ENOMEM : -EINVAL;
  if (length === 0) return -EINVAL;
  const address = addr >>> 0;
  const size = roundUp(length >>> 0, PAGE_BYTES);
  const fixed = (flags & (mman.MAP_FIXED | mman.MAP_FIXED_NOREPLACE)) !== 0;
  if (space.isFull || size > space.limit) return -ENOMEM;
  if (fixed) {
    if (address + size > ADDRESS_END) return -ENOMEM;
    if (address % PAGE_BYTES !== 0) return -EINVAL;
    const taken = (flags & mman.MAP_FIXED_NOREPLACE) !== 0 && space.between(address, address + size).length > 0;
    if (taken) return -EEXIST;
  }
  const lockable = lockRefused(k, (flags & mman.MAP_LOCKED) !== 0 || space.locksFuture, size);
  if (lockable !== 0) return lockable;
  const refused = file ? fileRefused(file, size, prot, flags, offset) : anonymousRefused(flags);
  if (refused !== 0) return refused;
  const isZero = file !== null && isZeroDevice(k, file);
  if (file && !file.mappable && !isZero) return -ENODEV;
  const replaced = fixed ? space.between(address, address + size) : [];
  const overlap = replaced.reduce((sum, m) => sum + Math.min(m.end, address + size) - Math.max(m.start, address), 0);
  if (space.mappedBytes - overlap + size > k.linux.limits.get(RLIMIT_AS).soft) return -ENOMEM;
  if (fixed && !space.mayMap(address, address + size)) {
    space.report("mmap: MAP_FIXED in the program's own memory or beyond the machine's (--memory): answered ENOMEM");
    return -ENOMEM;
  }
  const result = space.map({
    address,
    size,
    fixed,
    prot: prot & PROT_KNOWN,
    shared: (flags & mman.MAP_TYPE) !== mman.MAP_PRIVATE,
    file: isZero ? null : file,
    offset: file && !isZero ? offset : 0,
  });
  if (result >= 0 && (flags & mman.MAP_LOCKED) !== 0) {
    space.change(result, result + size, (mapping) => {
      mapping.locked = true;
    });
  }
  return result;
}

/** Why this file cannot be mapped so, or 0. */
function fileRefused(file: File, size: number, prot: number, flags: number, offset: number): number {
  if (offset < 0 || offset + size > FILE_BYTES_MAX) return -EOVERFLOW;
  const type = flags & mman.MAP_TYPE;
  switch (type) {
    case mman.MAP_SHARED_VALIDATE:
    case mman.MAP_SHARED:
      if (type === mman.MAP_SHARED_VALIDATE && (flags & ~VALIDATED_FLAGS) !== 0) return -EOPNOTSUPP;
      if ((prot & mman.PROT_WRITE) !== 0 && !mayWrite(file.flags)) return -EACCES;
      break;
    case mman.MAP_PRIVATE:
      break;
    default:
      return -EINVAL;
  }
  if (!mayRead(file.flags)) return -EACCES;
  return (flags & mman.MAP_GROWSDOWN) !== 0 && file.mappable ? -EINVAL : 0;
}

function anonymousRefused(flags: number): number {
  const type = flags & mman.MAP_TYPE;
  if (type === mman.MAP_SHARED) return (flags & mman.MAP_GROWSDOWN) !== 0 ? -EINVAL : 0;
  return type === mman.MAP_PRIVATE ? 0 : -EINVAL;
}

function isZeroDevice(k: Process, file: File): boolean {
  if (file.kind !== "character") return false;
  const stat = emptyStat();
  return file.stat(k, stat) === 0 && stat.rdev === ZERO_RDEV;
}

/** munmap(2). */
export function sys_munmap(k: Process, addr: number, length: number): number {
  const { space } = k.linux;
  if (!space) return -ENOSYS;
  const start = addr >>> 0;
  const end = start + roundUp(length >>> 0, PAGE_BYTES);
  if (start % PAGE_BYTES !== 0 || end > ADDRESS_END || start === end) return -EINVAL;
  if (ownsProgram(space, start, end)) {
    space.report("munmap of the program's own memory: answered EINVAL");
    return -EINVAL;
  }
  space.unmap(start, end - start);
  return 0;
}

/** mremap(2). */
export function sys_mremap(
  k: Process,
  oldAddress: number,
  oldSize: number,
  newSize: number,
  flags: number,
  newAddress: number,
): number {
  const { space } = k.linux;
  if (!space) return -ENOSYS;
  const { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } = mman;
  const address = oldAddress >>> 0;
  const target = newAddress >>> 0;
  const before = roundUp(oldSize >>> 0, PAGE_BYTES);
  const after = roundUp(newSize >>> 0, PAGE_BYTES);
  const keep = (flags & MREMAP_DONTUNMAP) !== 0;
  const fixed = (flags & MREMAP_FIXED) !== 0;
  const mayMove = (flags & MREMAP_MAYMOVE) !== 0;
  if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0) return -EINVAL;
  if ((fixed || keep) && !mayMove) return -EINVAL;
  if (keep && before !== after) return -EINVAL;
  if (address % PAGE_BYTES !== 0 || after === 0) return -EINVAL;
  if (fixed && !mayMoveTo(space, address, before, target, after)) return -EINVAL;
  const mapping = space.between(address, address + 1)[0];
  if (!mapping || mapping.kind === "program") return -EFAULT;
  if (!fixed && !keep && before >= after) {
    if (before > after) space.unmap(address + after, before - after);
    return address;
  }
  if (before === 0 && !mapping.isShared) return -EINVAL;
  if (keep && mapping.isShared) return -EINVAL;
  if (Math.min(before, after) > mapping.end - address) return -EFAULT;
  const added = after - before;
  if (added > 0) {
    if (mapping.locked && lockRefused(k, true, added) !== 0) return -EAGAIN;
    if (space.mappedBytes + added > k.linux.limits.get(RLIMIT_AS).soft) return -ENOMEM;
  }
  if (!fixed && !keep) {
    if (before > mapping.end - address) return -EFAULT;
    if (before > 0 && address + before === mapping.end && space.extend(mapping, added)) return address;
    if (!mayMove) return -ENOMEM;
  }
  if (fixed && before > after) space.unmap(address + after, before - after);
  return space.move(mapping, address, Math.min(before, after), after, fixed ? target : -1, keep);
}

/** True if a mapping may be moved to [target, target + after): aligned, no part of itself, and where mappings may lie. */
function mayMoveTo(space: AddressSpace, address: number, before: number, target: number, after: number): boolean {
  if (target % PAGE_BYTES !== 0 || !space.mayMap(target, target + after)) return false;
  return target + after <= address || address + before <= target;
}

/** mprotect(2): there is no protection. */
export function sys_mprotect(k: Process, addr: number, len: number, prot: number): number {
  const { space } = k.linux;
  if (!space) return -ENOSYS;
  const { PROT_GROWSDOWN, PROT_GROWSUP, PROT_WRITE } = mman;
  const grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
  const wanted = prot & ~(PROT_GROWSDOWN | PROT_GROWSUP);
  if (grows === (PROT_GROWSDOWN | PROT_GROWSUP)) return -EINVAL;
  const start = addr >>> 0;
  const end = start + roundUp(len >>> 0, PAGE_BYTES);
  if (start % PAGE_BYTES !== 0) return -EINVAL;
  if (end === start) return 0;
  if (end > ADDRESS_END) return -ENOMEM;
  if ((wanted & ~PROT_KNOWN) !== 0) return -EINVAL;
  const mappings = space.between(start, end);
  if (grows !== 0 && mappings.length > 0) return -EINVAL; // no mapping grows by itself
  let at = start;
  for (const mapping of mappings) {
    if (mapping.start > at) break;
    const { file } = mapping;
    if ((wanted & PROT_WRITE) !== 0 && mapping.isShared && file && !mayWrite(file.flags)) return -EACCES;
    const next = Math.min(mapping.end, end);
    if (mapping.prot !== wanted && mapping.kind !== "program") {
      space.change(at, next, (part) => {
        part.prot = wanted;
        if ((wanted & PROT_WRITE) !== 0) part.wasWritable = true;
      });
    }
    at = next;
  }
  return at >= end ? 0 : -ENOMEM;
}

/** brk(2). */
export function sys_brk(k: Process, addr: number): number {
  const { space } = k.linux;
  if (!space) return -ENOSYS;
  const wanted = addr >>> 0;
  const { limits } = k.linux;
  const added = wanted - space.moveBreak(0);
  if (added > 0) {
    if (wanted - space.floor > limits.get(RLIMIT_DATA).soft) return space.moveBreak(0);
    if (space.mappedBytes + added > limits.get(RLIMIT_AS).soft) return space.moveBreak(0);
  }
  return space.moveBreak(wanted);
}

/** membarrier(2): one stack runs at a time, so memory is always in order. */
export function sys_membarrier(k: Process, cmd: number, flags: number, _cpuId: number): number {
  const { space } = k.linux;
  if (!space) return -ENOSYS;
  if (flags !== 0) return -EINVAL;
  switch (cmd) {
    case mman.MEMBARRIER_CMD_QUERY:
      return MEMBARRIER_KNOWN;
    case mman.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
      space.barriers = true;
      return 0;
    case mman.MEMBARRIER_CMD_PRIVATE_EXPEDITED:
      return space.barriers ? 0 : -EPERM;
    case mman.MEMBARRIER_CMD_GLOBAL:
    case mman.MEMBARRIER_CMD_GLOBAL_EXPEDITED:
    case mman.MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
      return 0;
    default:
      return -EINVAL;
  }
}

const MEMBARRIER_KNOWN =
  mman.MEMBARRIER_CMD_GLOBAL |
  mman.MEMBARRIER_CMD_GLOBAL_EXPEDITED |
  mman.MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |
  mman.MEMBARRIER_CMD_PRIVATE_EXPEDITED |
  mman.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;

/** True if a byte of [start, end) is the program's own: that cannot be given away. */
function ownsProgram(space: AddressSpace, start: number, end: number): boolean {
  return space.between(start, end)[0]?.kind === "program";
}

const SHARED_VIEWS =
  "no page faults: a file is read when it is mapped, PROT_* have no effect, MAP_FIXED reaches only where mappings may lie; what is written to a " +
  "shared mapping reaches the file, other mappings and other processes when somebody reads the file, at msync, munmap and exit, and when another " +
  "process that maps it begins to run; partly overlapping shared mappings in one process become alike at system calls only";
const NO_PROTECTION = "there is no protection in linear memory: accepted, reported, without effect";
const NOTHING_LOCKED = "counted against RLIMIT_MEMLOCK; nothing is ever swapped out";

export const MEMORY_ROWS: readonly Row[] = [
  linuxRow(9, "mmap", "addr:ptr length:i32 prot:i32 flags:i32 fd:fd offset:f64", sys_mmap, {
    result: "f64",
    partial: SHARED_VIEWS,
  }),
  linuxRow(10, "mprotect", "addr:ptr len:i32 prot:i32", sys_mprotect, { partial: NO_PROTECTION }),
  linuxRow(11, "munmap", "addr:ptr length:i32", sys_munmap),
  linuxRow(12, "brk", "addr:ptr", sys_brk, { result: "f64" }),
  linuxRow(25, "mremap", "oldAddress:ptr oldSize:i32 newSize:i32 flags:i32 newAddress:ptr", sys_mremap, {
    result: "f64",
  }),
  linuxRow(26, "msync", "addr:ptr length:i32 flags:i32", sys_msync, { blocks: true }),
  linuxRow(27, "mincore", "addr:ptr length:i32 vec:ptr", sys_mincore, { note: "everything mapped is in memory" }),
  linuxRow(28, "madvise", "addr:ptr length:i32 advice:i32", sys_madvise, {
    note: "MADV_DONTNEED zeroes, and gives no memory back to the host",
  }),
  linuxRow(149, "mlock", "addr:ptr len:i32", sys_mlock, { note: NOTHING_LOCKED }),
  linuxRow(150, "munlock", "addr:ptr len:i32", sys_munlock, { note: NOTHING_LOCKED }),
  linuxRow(151, "mlockall", "flags:i32", sys_mlockall, { note: NOTHING_LOCKED }),
  linuxRow(152, "munlockall", "", sys_munlockall, { note: NOTHING_LOCKED }),
  linuxRow(319, "memfd_create", "name:path flags:i32", sys_memfd_create, { partial: "no seals, no huge pages" }),
  linuxRow(324, "membarrier", "cmd:i32 flags:i32 cpuId:i32", sys_membarrier, {
    note: "one stack runs at a time: nothing to do",
  }),
  linuxRow(325, "mlock2", "addr:ptr len:i32 flags:i32", sys_mlock2, { note: NOTHING_LOCKED }),
];
