/**
 * msync(2), madvise(2), mincore(2): calls about ranges of mapped memory. The program's own memory counts as mapped.
 */
import { EACCES, EBUSY, EFAULT, EINVAL, ENOMEM, ENOSYS, EPERM } from "../../abi/errno.ts";
import * as mman from "../../abi/mman.ts";
import type { Mappable } from "../../fs/file.ts";
import type { AddressSpace } from "../../mem/address-space.ts";
import { type Mapping, PAGE_BYTES, roundUp } from "../../mem/mapping.ts";
import type { Process } from "../../process/process.ts";

const ADDRESS_END = 2 ** 32;
const MS_KNOWN = mman.MS_ASYNC | mman.MS_INVALIDATE | mman.MS_SYNC;
/** Advice that the kernel does not know at all: numbers 5 to 7 have no meaning. */
const UNKNOWN_ADVICE = [5, 6, 7];
const MADV_HWPOISON = 100;
const MADV_SOFT_OFFLINE = 101;

/** msync(2). */
export function sys_msync(k: Process, addr: number, length: number, flags: number): number {
  const { space } = k.linux;
  if (!space) return -ENOSYS;
  const start = addr >>> 0;
  const end = start + roundUp(length >>> 0, PAGE_BYTES);
  if ((flags & ~MS_KNOWN) !== 0 || start % PAGE_BYTES !== 0) return -EINVAL;
  if ((flags & mman.MS_ASYNC) !== 0 && (flags & mman.MS_SYNC) !== 0) return -EINVAL;
  if (end > ADDRESS_END) return -ENOMEM;
  const mappings = space.between(start, end);
  if ((flags & mman.MS_INVALIDATE) !== 0 && mappings.some(({ locked }) => locked)) return -EBUSY;
  const result = k.current.retrying ? 0 : writeBack(mappings, start, end);
  if (result !== 0) return result;
  if ((flags & mman.MS_SYNC) !== 0) {
    const synced = syncFiles(k, mappings);
    if (synced !== 0) return synced;
  }
  return space.covers(start, end) ? 0 : -ENOMEM;
}

/** What has been written to the shared mappings of files reaches the files. */
function writeBack(mappings: readonly Mapping[], start: number, end: number): number {
  for (const mapping of mappings) {
    if (!mapping.file || !mapping.object) continue;
    const from = mapping.offsetOf(Math.max(start, mapping.start));
    const result = mapping.object.sync(from, mapping.offsetOf(Math.min(end, mapping.end)));
    if (result < 0) return result;
  }
  return 0;
}

/** The files are on stable storage afterwards. The call parks for the last of them only. */
function syncFiles(k: Process, mappings: readonly Mapping[]): number {
  const files = new Set(mappings.flatMap(({ file, isShared }) => (file?.durable && isShared ? [file] : [])));
  const last = [...files].pop();
  for (const file of files) {
    if (file === last || k.current.retrying) continue;
    const result = (file.mappable as Mappable).syncNow(k);
    if (result < 0) return result;
  }
  return last?.durable?.sync(k, false) ?? 0;
}

/** madvise(2). */
export function sys_madvise(k: Process, addr: number, length: number, advice: number): number {
  const { space } = k.linux;
  if (!space) return -ENOSYS;
  const start = addr >>> 0;
  const end = start + roundUp(length >>> 0, PAGE_BYTES);
  if (advice === MADV_HWPOISON || advice === MADV_SOFT_OFFLINE) return -EPERM;
  if (advice < 0 || advice > mman.MADV_COLLAPSE || UNKNOWN_ADVICE.includes(advice)) return -EINVAL;
  if (start % PAGE_BYTES !== 0 || end > ADDRESS_END) return -EINVAL;
  for (const mapping of space.between(start, end)) {
    const result = advise(space, mapping, Math.max(start, mapping.start), Math.min(end, mapping.end), advice);
    if (result < 0) return result;
  }
  return space.covers(start, end) ? 0 : -ENOMEM;
}

/** Takes the advice on [start, end) of a mapping. */
function advise(space: AddressSpace, mapping: Mapping, start: number, end: number, advice: number): number {
  const own = mapping.isPrivateAnonymous;
  switch (advice) {
    case mman.MADV_DONTNEED:
    case mman.MADV_DONTNEED_LOCKED:
      if (mapping.locked && advice === mman.MADV_DONTNEED) return -EINVAL;
      if (mapping.kind === "program") return -EINVAL;
      // A shared mapping shows the file again, and that is what it shows already.
      return mapping.isShared ? 0 : space.fill(mapping, start, end);
    case mman.MADV_FREE:
      return own ? 0 : -EINVAL;
    case mman.MADV_REMOVE:
      if (!mapping.isShared || mapping.locked) return -EINVAL;
      if ((mapping.prot & mman.PROT_WRITE) === 0) return -EACCES;
      space.mem.u8.fill(0, start, end);
      return 0;
    case mman.MADV_DONTFORK:
      return setOnFork(space, mapping, start, end, "leave out");
    case mman.MADV_DOFORK:
    case mman.MADV_KEEPONFORK:
      return setOnFork(space, mapping, start, end, "copy");
    case mman.MADV_WIPEONFORK:
      return own ? setOnFork(space, mapping, start, end, "wipe") : -EINVAL;
    default:
      return 0;
  }
}

function setOnFork(space: AddressSpace, { kind }: Mapping, start: number, end: number, to: Mapping["onFork"]): number {
  if (kind === "program") return to === "copy" ? 0 : -EINVAL; // a child runs in it
  space.change(start, end, (part) => {
    part.onFork = to;
  });
  return 0;
}

/** mincore(2). */
export function sys_mincore(k: Process, addr: number, length: number, vec: number): number {
  const { space } = k.linux;
  if (!space) return -ENOSYS;
  const start = addr >>> 0;
  const end = start + roundUp(length >>> 0, PAGE_BYTES);
  if (start % PAGE_BYTES !== 0) return -EINVAL;
  if (end > ADDRESS_END) return -ENOMEM;
  const pages = (end - start) / PAGE_BYTES;
  if (!k.mem.has(vec >>> 0, pages)) return -EFAULT;
  if (!space.covers(start, end)) return -ENOMEM;
  k.mem.u8.fill(1, vec >>> 0, (vec >>> 0) + pages);
  return 0;
}
