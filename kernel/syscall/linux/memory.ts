/**
 * System calls about memory: mmap(2) and its family, over AddressSpace.
 */
import { EINVAL, ENODEV, ENOMEM, ENOSYS } from "../../abi/errno.ts";
import type { AddressSpace } from "../../mem/address-space.ts";
import type { Process } from "../../process/process.ts";
import type { Row } from "../row.ts";
import { linuxRow } from "./row.ts";

const MAP_ANONYMOUS = 0x20;

/** mmap(2). */
export function sys_mmap(
  k: Process,
  _addr: number,
  length: number,
  prot: number,
  flags: number,
  _fd: number,
  _offset: number,
): number {
  if ((flags & MAP_ANONYMOUS) === 0) return -ENODEV;
  return spaceOf(k)?.mapAnonymous(length >>> 0, prot, flags) ?? -ENOSYS;
}

/** munmap(2). */
export function sys_munmap(k: Process, addr: number, length: number): number {
  return spaceOf(k)?.unmap(addr >>> 0, length >>> 0) ?? -ENOSYS;
}

/** mprotect(2): there is no protection; the range has to be memory. */
export function sys_mprotect(k: Process, addr: number, len: number, _prot: number): number {
  if ((addr & 4095) !== 0) return -EINVAL;
  return k.mem.has(addr >>> 0, len >>> 0) ? 0 : -ENOMEM;
}

/** madvise(2): advice is taken note of. */
export function sys_madvise(_k: Process, addr: number, _length: number, _advice: number): number {
  return (addr & 4095) !== 0 ? -EINVAL : 0;
}

/** brk(2): the break does not move; a program asks mmap(2) instead. */
export function sys_brk(k: Process, _addr: number): number {
  return spaceOf(k)?.floor ?? 0;
}

function spaceOf(k: Process): AddressSpace | null {
  return k.linux.space;
}

const NO_PROTECTION = "there is no protection in linear memory: accepted, without effect";

export const MEMORY_ROWS: readonly Row[] = [
  linuxRow(9, "mmap", "addr:ptr length:i32 prot:i32 flags:i32 fd:fd offset:f64", sys_mmap, {
    result: "f64",
    partial: "anonymous mappings",
  }),
  linuxRow(10, "mprotect", "addr:ptr len:i32 prot:i32", sys_mprotect, { partial: NO_PROTECTION }),
  linuxRow(11, "munmap", "addr:ptr length:i32", sys_munmap),
  linuxRow(12, "brk", "addr:ptr", sys_brk, { result: "f64", partial: "the break does not move" }),
  linuxRow(28, "madvise", "addr:ptr length:i32 advice:i32", sys_madvise, { partial: "advice is not taken" }),
];
